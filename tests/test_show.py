"""Both engines side by side: diptych.show."""

import inspect
import re

import numpy as np
import pytest

import diptych
from diptych import layers, losses, ops, optimizers
from diptych.__main__ import main
from diptych.teach.aligning import RESULT, Named, correspondence, in_cython, in_reference
from diptych.teach.showing import twin_sources
from diptych.teach.sources import kernels_of, read, twins
from tests import twins as pairs

# What the two engines have to have in common by name, so that it is found: renaming one of these in
# one engine alone takes readers the way.
LINKS = {
    "adam_update_": "alpha m v h w",
    "momentum_update_": "m w w",
    "rmsprop_update_": "v a d d w",
    "nadam_update_": "mu m v m_hat w",
    "lamb_update_": "m v u w",
    "dense_backward": "dbias dkernel dx",
    "conv_backward": "dz dkernel dx",
    "depthwise_conv_backward": "dz dkernel dx",
    "lstm_forward": "i c_tilde c",
    "lstm_backward": "da_f dh",
    "gru_forward": "z h_tilde h",
    "gru_backward": "du_h dv_h dh",
    "simple_rnn_forward": "h",
    "dot_product_attention_forward": "allowed",
    "batch_normalization_training_forward": "mean variance inv",
    "group_normalization_backward": "through_mean through_variance",
    "max_pool_forward": "argmax",
    "binary_crossentropy_backward": "p slope",
    "ctc_forward": "log_y alpha",
    "ctc_backward": "beta gamma",
    "prelu_backward": "dx dalpha",
    "resize_forward": "index y",
}
# Twins in which no name meets: the arithmetic is one call of the matrix product, a copy of rows, or
# hidden behind a number that chooses the rule.
UNLINKED = {
    "dense_forward",
    "matmul_forward",
    "dropout_forward",
    "embedding_forward",
    "mean_squared_error_backward",
    "mean_absolute_error_backward",
    "log_cosh_backward",
    "scaled_sum_forward",
    "batch_normalization_forward",
    "clip_by_value_",
    "clip_by_norm_",
    "clip_by_global_norm_",
    "divide_",
}


def public_twins():
    """Found by importing the families, not by reading files as `show` does."""
    for family in pairs.family_names("reference", "*.py"):
        module = pairs.module("reference", family)
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                if not name.startswith("_"):
                    yield family, name, function


def test_every_public_twin_is_found():
    found = {name: family for family, name, _ in public_twins()}
    assert found == twins()
    assert len(found) > 150
    for family, name, function in public_twins():
        (one,) = diptych.show(name)
        assert (one.name, one.family) == (name, family)
        assert "\n".join(one.reference[0].lines) == inspect.getsource(function).rstrip()
        fast = one.fast[0]
        assert fast.lines[0].startswith(f"def {name}(")
        assert f"Twin of reference.{family}.{name}." in "\n".join(fast.lines)
        text = (pairs.ROOT / fast.path).read_text().splitlines()
        assert text[fast.line - 1 : fast.line - 1 + len(fast.lines)] == fast.lines


def test_lines_correspond_in_order():
    for name in twins():
        one = twin_sources(name)
        left, right = one.lines("reference"), one.lines("fast")
        rows = [(i, j) for i, j, _ in one.links]
        assert rows == sorted(rows)
        for i, j, what in one.links:
            if what != RESULT:
                assert re.search(rf"\b{what}\b", left[i])
                assert re.search(rf"\b{what}\b", right[j])
        assert bool(one.links) != (name in UNLINKED), name


@pytest.mark.parametrize("name", LINKS)
def test_what_corresponds(name):
    found = iter([what for _, _, what in twin_sources(name).links])
    assert all(wanted in found for wanted in LINKS[name].split())


def test_kernels_that_docstrings_name_exist():
    """A twin's docstring says "Kernel: sigmoid in kernels/activations.pxd"."""
    count = 0
    for name, family in twins().items():
        source = read("fast", f"{family}.pyx").functions[name]
        if "Kernel" in "\n".join(source.lines[:12]):
            kernels = kernels_of(source)
            assert kernels, name
            shown = twin_sources(name).fast
            assert all(kernel in shown for kernel in kernels)
            count += 1
    assert count > 60
    (kernel,) = kernels_of(read("fast", "pooling.pyx").functions["max_pool_forward"])
    assert kernel.path == "fastcore/kernels/pooling.h"
    assert kernel.lines[0].startswith("APART void NAME(pool_max)(")
    assert kernel.lines[-1] == "}"


def test_alignment_by_names():
    left = in_reference(
        ["def f(x):", "    a, b = x", "    c[0] = a", "    d += c", "    return d * 2"]
    )
    assert [named[:2] for named in left] == [
        ("a", 1), ("b", 1), ("c", 2), ("d", 3), (RESULT, 4),
    ]  # fmt: skip
    right = in_cython(
        [
            "cdef void f(real** at, real s) noexcept nogil:",
            "    cdef real* c = data(x)",
            "    s = 2",
            "    for i in range(n):",
            "        c[i] = a[i] * b[i]",
            "    multiply(  # d = c w",
            '    """e[j] := sum_i a[i]"""',
            "    cdef double a = 2 * x",
        ]
    )
    assert [named[:2] for named in right] == [("c", 4), ("d", 5), ("e", 6), ("a", 7)]
    assert correspondence(left, right) == [(2, 4, "c"), (3, 5, "d")]
    assert correspondence([Named("a", 0)], []) == []


CASES = [
    ("conv2d_backward", ["conv_backward"]),
    ("convolution.conv_forward", ["conv_forward"]),
    ("lstm", ["lstm_forward", "lstm_backward"]),
    ("adam", ["adam_update_"]),
    ("max_pooling2d", ["max_pool_forward", "max_pool_backward"]),
    ("Conv2D", ["conv_forward", "conv_backward"]),
    (layers.Conv1D, ["conv_forward", "conv_backward"]),
    (layers.Conv2DTranspose, ["conv_transpose_forward", "conv_transpose_backward"]),
    (layers.GlobalMaxPooling2D, ["max_pool_forward", "max_pool_backward"]),
    (layers.Dense(2), ["dense_forward", "dense_backward"]),
    (optimizers.RMSprop, ["rmsprop_update_"]),
    (optimizers.SGD(), ["sgd_update_", "momentum_update_"]),
    (losses.MeanSquaredError(), ["mean_squared_error_forward", "mean_squared_error_backward"]),
    (losses.KLDivergence, ["kl_divergence_forward", "kl_divergence_backward"]),
    (losses.huber, ["huber_forward", "huber_backward"]),
    (ops.softmax, ["softmax_forward", "softmax_backward"]),
    (diptych.activations.gelu, ["gelu_forward", "gelu_backward"]),
]


@pytest.mark.parametrize(("what", "expected"), CASES)
def test_what_can_be_shown(what, expected):
    assert [one.name for one in diptych.show(what)] == expected


def test_a_built_layer_shows_what_its_call_uses():
    layer = layers.Dense(2, "gelu")
    layer.build((None, 3))
    before = diptych.random.global_generator().bit_generator.state
    names = [one.name for one in diptych.show(layer)]
    assert names == ["dense_forward", "dense_backward", "gelu_forward", "gelu_backward"]
    assert diptych.random.global_generator().bit_generator.state == before
    own = optimizers.Adam
    mine = type("Mine", (own,), {})
    assert [one.name for one in diptych.show(mine)] == ["adam_update_"]


def test_all_classes_have_an_answer():
    """Twins, or an error that says why not; never another error."""
    shown, refusals = 0, []
    for module in (layers, optimizers, losses):
        for name in dir(module):
            cls = getattr(module, name)
            if isinstance(cls, type):
                try:
                    shown += bool(diptych.teach.finding.twins_of(cls))
                except ValueError as error:
                    refusals.append(str(error))
    assert shown > 100
    assert all(re.search(r"no (twin|rule) of its own|no twin '", text) for text in refusals)


def test_what_cannot_be_shown():
    with pytest.raises(ValueError, match=r"no twin 'conv2d_bakward'; did you mean 'conv_backward'"):
        diptych.show("conv2d_bakward")
    with pytest.raises(ValueError, match="Flatten has no twin of its own"):
        diptych.show(layers.Flatten)
    with pytest.raises(ValueError, match="got 3 of type int"):
        diptych.show(3)


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_text_fits_the_terminal(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    for name in ("adam", "conv2d_forward", "lstm_backward", "softmax"):
        text = str(diptych.show(name))
        assert max(map(len, text.splitlines())) <= columns
        for side in ("reference", "fast"):
            words = [w for one in diptych.show(name) for w in " ".join(one.lines(side)).split()]
            shown = text.split()
            assert all(shown.count(word) >= words.count(word) for word in set(words)), side


def test_lines_stand_beside_each_other(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    lines = str(diptych.show("momentum")).splitlines()
    (row,) = [line for line in lines if "m[...] = momentum * m" in line]
    assert re.search(r" 1 +velocity|1 +m\[i\] = velocity", row)
    assert row.index("m[...]") < 60 < row.index("m[i]")


def test_html():
    html = diptych.show("momentum")._repr_html_()
    left, marks, right = re.findall(r"<pre.*?</pre>", html, re.S)
    lines = [column.count("display: block") for column in (left, marks, right)]
    assert lines[0] == lines[1] == lines[2] > 20  # a line stands beside its counterpart
    colours = [re.findall("block; background: (#\\w+)", column) for column in (left, right)]
    assert colours[0] == colours[1]
    assert len(colours[0]) >= 3
    assert "&lt;real&gt;p[0]" in right
    for column in (left, right):  # long lines scroll, and are not broken
        assert "overflow-x: auto" in column
        assert "pre-wrap" not in column


def test_command_line(capsys):
    assert main(["show", "conv2d_forward"]) == 0
    out = capsys.readouterr().out
    assert "def conv_forward(" in out
    assert "fastcore/convolution.pyx" in out
    assert main(["show", "conv2d_forwad"]) == 1
    assert "did you mean 'conv_forward'" in capsys.readouterr().out
    assert main(["show"]) == 2
    assert main(["show", "--help"]) == 0
    out = capsys.readouterr().out
    assert "lstm_backward" in out
    assert np.max([len(line) for line in out.splitlines()]) <= 80


def test_without_the_sources_of_the_fast_engine(monkeypatch):
    from diptych.teach import showing

    monkeypatch.setattr(showing, "reached", lambda engine, *a: [] if engine == "fast" else REACHED)
    (one,) = diptych.show("sgd_update_")
    assert one.fast == one.links == []
    assert "no sources here" in str(one and diptych.show("sgd_update_"))


REACHED = list(twin_sources("sgd_update_").reference)
