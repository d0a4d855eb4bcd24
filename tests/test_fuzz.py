"""Damaged calls of the fast twins: they raise TypeError or ValueError, and never end the process.

`tests/fuzz.py` makes them, by the thousand and at random, from the case table; a longer run is
`python -m tests.fuzz --seed 7 --count 100000`.
"""

import re
import subprocess
import sys

import numpy as np
import pytest

from tests import fuzz, twins

LOSSES = [
    (family, name)
    for family in ("losses", "crossentropy")
    for name in twins.public_functions(twins.module("fastcore", family))
    if name.endswith("_backward") and name != "scaled_sum_backward"
]


def fuzzed(tmp_path, *options, first=""):
    """(whether all went well, what was printed, the call that was under way at the end)"""
    log = tmp_path / "log"
    run = f"from tests import fuzz; fuzz.main({[*options, '--log', str(log)]!r})"
    done = subprocess.run(
        [sys.executable, "-c", f"{first}\n{run}"],
        cwd=twins.ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    last = log.read_bytes().partition(b"\0")[0].decode() if log.exists() else ""
    return done.returncode == 0, done.stdout + done.stderr, last


@pytest.mark.parametrize("seed", range(3))
def test_damaged_calls(tmp_path, seed):
    good, printed, last = fuzzed(tmp_path, "--seed", str(seed), "--count", "1500")
    assert good, f"{printed}\nthe last call:\n{last}"
    assert "1500 damaged calls" in printed


BREAK = """
import os
import diptych.fastcore.losses as losses
def huber_forward(y_true, y_pred, delta=1.0):
    {}
losses.huber_forward = huber_forward
"""


@pytest.mark.parametrize(
    ("body", "words"),
    [("os.abort()", "Abort"), ("raise IndexError('too far')", "IndexError")],
)
def test_a_broken_twin_is_found_and_the_call_can_be_made_again(tmp_path, body, words):
    broken = BREAK.format(body)
    good, printed, last = fuzzed(tmp_path, "--seed", "0", "--count", "5000", first=broken)
    assert not good
    assert words in printed
    seed, number = re.match(r"python -m tests.fuzz --seed (\d+) --first (\d+)", last).groups()
    options = ("--seed", seed, "--first", number, "--count", "1")
    good, printed, again = fuzzed(tmp_path, *options, first=broken)
    assert not good
    assert again == last
    good, printed, _ = fuzzed(tmp_path, *options)  # the twin itself
    assert good, printed


@pytest.mark.filterwarnings("ignore")  # of numbers that their new type cannot hold
def test_the_same_number_gives_the_same_call():
    table = fuzz.calls()
    texts = [fuzz.damaged_call(3, number, table)[0] for number in range(200)]
    assert texts == [fuzz.damaged_call(3, number, table)[0] for number in range(200)]
    assert len(set(texts)) > 190


def test_only_two_exceptions_are_right():
    def call(error):
        raise error

    for right in (TypeError(), ValueError(), np.exceptions.AxisError(3, 2)):
        assert fuzz.wrong_exception(call, [right]) is None
    for wrong in (IndexError(), OverflowError(), AttributeError(), MemoryError(), KeyError()):
        assert fuzz.wrong_exception(call, [wrong]) is wrong


# ------------------------------------------------------------------- what has once gone wrong


@pytest.mark.parametrize("shape", [(5, 0), (0, 0), ()])
@pytest.mark.parametrize(("family", "name"), LOSSES)
def test_predictions_without_entries_in_a_cache(family, name, shape):
    """The number of rows was found by a division by their width."""
    module = twins.module("fastcore", family)
    ones = np.ones((2, 3))
    y = np.zeros(2, int) if name.startswith("sparse") else ones
    _, cache = getattr(module, name.removesuffix("_backward") + "_forward")(y, ones)
    empty = np.zeros(shape)
    cache = tuple(empty if isinstance(part, np.ndarray) else part for part in cache)
    with pytest.raises((TypeError, ValueError)):
        getattr(module, name)(np.zeros(shape[:-1]), cache)


@pytest.mark.parametrize("gradient", [(), (np.arange(2),), (np.arange(2), np.ones((2, 3)), None)])
def test_a_gradient_that_is_a_tuple_but_no_pair(gradient):
    """Its parts were taken without a look at how many there are."""
    optimizers = twins.module("fastcore", "optimizers")
    with pytest.raises(ValueError, match=r"a pair \(rows, values\), got a tuple of"):
        optimizers.sgd_update_([np.ones((2, 3))], [gradient], 0.1)


def fast(family, name, *arguments):
    return getattr(twins.module("fastcore", family), name)(*arguments)


IMAGE = np.ones((1, 4, 4, 1))
KERNEL = np.ones((2, 2, 1, 1))
HUGE = (1, 2**70)
PLAIN = ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)


@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (
            TypeError,
            "mask needs to be an array, got list",
            lambda: fast(
                "recurrent", "gru_forward", np.ones((1, 2, 3)), np.ones((3, 12)), np.ones((4, 12)),
                None, None, [[True, True]], None, "tanh", "sigmoid", True, True, False,
            ),
        ),
        (
            ValueError,
            "dy needs the shapes",
            lambda: fast("recurrent", "simple_rnn_backward", (None,), simple_rnn_cache()),
        ),
        (
            ValueError,
            "too large for a size or an axis",
            lambda: fast("losses", "cosine_similarity_forward", IMAGE, IMAGE, 2**70),
        ),
        (
            ValueError,
            "strides, padding and dilation go up to",
            lambda: fast("convolution", "conv_forward", IMAGE, KERNEL, None, HUGE, *PLAIN[1:]),
        ),
        (
            ValueError,
            "groups=-1",
            lambda: fast(
                "convolution", "conv_backward", IMAGE,
                (None, None, None, False, *PLAIN[:3], -1, "linear"),
            ),
        ),
        (
            ValueError,
            "larger than any memory",
            lambda: fast("resizing", "upsample_forward", IMAGE, (2**50, 1)),
        ),
        (
            ValueError,
            "larger than any memory",
            lambda: fast(
                "embedding", "embedding_backward", np.ones((2, 3)), (np.arange(2), (2**50, 3))
            ),
        ),
        (
            TypeError,
            "must be an array, got list",
            lambda: fast("embedding", "embedding_forward", [0, 1], np.ones((2, 3))),
        ),
        (
            TypeError,
            "NumPy array of float32 or float64, got list",
            lambda: fast("resizing", "affine_forward", IMAGE, [[1, 0, 0, 0, 1, 0, 0, 0]]),
        ),
        (
            ValueError,
            r"dropout_backward: dy needs the shape of y, \(\)",
            lambda: fast("dropout", "dropout_backward", IMAGE, (True, 0.5)),
        ),
        (
            TypeError,
            "a mask is an array of truth values or of numbers, got str",
            lambda: fast(
                "normalization", "batch_normalization_training_forward", IMAGE, None, None, "x"
            ),
        ),
        (
            ValueError,
            "ordinary numbers",
            lambda: fast("losses", "huber_backward", 10**400, (IMAGE, IMAGE, 1.0)),
        ),
        (
            ValueError,
            r"1 - beta\^step is zero",
            lambda: fast("optimizers", "adamax_update_", [], [], [], [], 0, 0.1, 0.9, 0.999, 1e-7),
        ),
    ],
)  # fmt: skip
def test_what_the_exception_says(error, words, call):
    with pytest.raises(error, match=words):
        call()


def simple_rnn_cache():
    x, kernel, recurrent_kernel = np.ones((1, 2, 3)), np.ones((3, 4)), np.ones((4, 4))
    nothing = (None, None, None, None)
    return fast(
        "recurrent",
        "simple_rnn_forward",
        x,
        kernel,
        recurrent_kernel,
        *nothing,
        "tanh",
        True,
        False,
    )[1]


@pytest.mark.parametrize("stride", [3, 2**62, 2**63 - 1, 2**70])
@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
def test_a_window_that_does_not_move_may_have_any_stride(name, stride):
    """Its only place is the first one, and behind it nothing is read."""
    x = np.array([1.0, 5.0, 2.0]).reshape(1, 3, 1)
    y, cache = fast("pooling", f"{name}_forward", x, (2,), (stride,), ((0, 0),))
    dx = fast("pooling", f"{name}_backward", np.ones_like(y), cache)
    assert y.item() == (5.0 if name == "max_pool" else 3.0)
    expected = [0.0, 1.0, 0.0] if name == "max_pool" else [0.5, 0.5, 0.0]
    np.testing.assert_array_equal(dx.ravel(), expected)


@pytest.mark.parametrize("engine", twins.ENGINES)
@pytest.mark.parametrize("number", [2**70, -(2**70), 2**63])
def test_a_class_to_ignore_that_no_label_can_be(engine, number):
    package = "reference" if engine == "reference" else "fastcore"
    module = twins.module(package, "crossentropy")
    y, p = np.array([0, 1]), np.array([[0.25, 0.75], [0.5, 0.5]])
    loss, _ = module.sparse_categorical_crossentropy_forward(y, p, ignore_class=number)
    np.testing.assert_allclose(loss, -np.log([0.25, 0.5]))
