"""Losses of special kinds: of sequences, of overlap, of embeddings; against wrong labels.

The forward-backward algorithm itself is tested with the twins, numbers against Keras with the
golden files.
"""

import itertools
import math

import numpy as np
import pytest

import diptych
from diptych import Input, Sequential, layers, losses, ops

ENGINES = pytest.mark.parametrize("engine", ["reference", "fast"])


def value(loss):
    return np.asarray(loss, np.float64)


def alignments(target, probabilities):
    """-log of the sum over all paths that spell the target, one by one."""
    total = 0.0
    for path in itertools.product(range(probabilities.shape[1]), repeat=len(probabilities)):
        spelt = [k for k, _ in itertools.groupby(path) if k]
        if spelt == target:
            total += math.prod(probabilities[t, k] for t, k in enumerate(path))
    return -math.log(total)


@ENGINES
@pytest.mark.parametrize("target", [[], [1], [2, 1], [1, 1], [1, 2, 1]])
def test_ctc_sums_over_all_alignments(engine, target):
    logits = np.random.default_rng(3).normal(size=(1, 5, 3)) * 2
    probabilities = np.exp(logits[0]) / np.exp(logits[0]).sum(-1, keepdims=True)
    padded = np.array([[*target, 0, 0]])
    with diptych.engine(engine):
        assert value(losses.ctc(padded, logits))[0] == pytest.approx(
            alignments(target, probabilities), rel=1e-12
        )


@ENGINES
def test_a_model_learns_labels_without_alignments(engine):
    """Each of two labels is shown for three steps; nobody says which steps."""
    rng = np.random.default_rng(0)
    y = rng.integers(1, 4, size=(64, 2))
    x = np.eye(4, dtype="f4")[np.repeat(y, 3, axis=1)]
    diptych.utils.set_random_seed(1)
    model = Sequential([Input((6, 4)), layers.Dense(4)], engine=engine)
    model.compile(diptych.optimizers.Adam(0.2), losses.CTC())
    first = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=30, batch_size=16, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.3 * first


def test_a_recorded_step_does_not_keep_the_lengths_of_its_first_batch():
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("f4")
    short, long = np.array([[1, 0, 0]] * 4), np.array([[1, 2, 1]] * 4)
    model = Sequential([Input((6, 3)), layers.Dense(3)])
    model.compile(diptych.optimizers.SGD(0.0), "ctc")
    model.train_on_batch(x, short)
    expected = value(losses.CTC()(long, model(x)))
    assert model.train_on_batch(x, long) == pytest.approx(expected, rel=1e-6)


def test_ctc_refuses_what_does_not_fit():
    logits = np.zeros((2, 6, 4))
    with pytest.raises(ValueError, match=r"y_true has shape \(2,\).*\(N, labels\)"):
        losses.ctc(np.array([1, 2]), logits)
    with pytest.raises(ValueError, match=r"y_pred has shape \(2, 6\).*\(N, steps, classes\)"):
        losses.ctc(np.ones((2, 2)), np.zeros((2, 6)))
    with pytest.raises(ValueError, match=r"target\[1, 0\] = 4 is no class: output has 4 classes"):
        losses.ctc(np.array([[1, 0], [4, 0]]), logits)
    with pytest.raises(ValueError, match="target must hold class numbers, but has 1.5 among them"):
        losses.ctc(np.array([[1.5], [1]]), logits)
    with pytest.raises(ValueError, match=r"target_length\[1\] = 3, but a row has 2"):
        ops.ctc_loss(np.ones((2, 2), int), logits, [1, 3], [6, 6])
    with pytest.raises(ValueError, match=r"output_length has shape \(1,\): it takes one number"):
        ops.ctc_loss(np.ones((2, 2), int), logits, [1, 2], [6])
    with pytest.raises(ValueError, match="mask_index = 4 is no class"):
        ops.ctc_loss(np.ones((2, 2), int), logits, [1, 2], [6, 6], mask_index=4)
    with pytest.raises(ValueError, match="3 does not fit 2 as the number of samples"):
        ops.ctc_loss(diptych.KerasTensor((3, 2)), logits, [1, 2], [6, 6])


def test_dice_of_a_batch_is_weighted_as_one():
    y_true, y_pred = np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert value(losses.dice(y_true, y_pred)) == pytest.approx(0.5)
    np.testing.assert_allclose(value(losses.dice(y_true, y_pred, axis=1)), [1 / 3, 1], rtol=1e-6)
    weighted = losses.Dice()(y_true, y_pred, sample_weight=[1, 3])
    assert value(weighted) == pytest.approx(0.5 * 2)


def test_tversky_weighs_what_was_missed_and_what_is_surplus():
    y_true, y_pred = np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0])
    missed_counts = losses.tversky(y_true, y_pred, alpha=3.0, beta=0.0)
    surplus_counts = losses.Tversky(alpha=0.0, beta=1.0)(y_true, y_pred)
    assert value(missed_counts) == pytest.approx(1 - 1 / 4)
    assert value(surplus_counts) == pytest.approx(1 - 1 / 2)


def test_circle_leaves_samples_alone_that_have_no_class_mate():
    rows = np.eye(3)[[0, 0, 1, 2]]
    loss = losses.circle(np.array([0, 0, 1, 2]), rows, gamma=1.0, margin=0.5)
    assert loss.mask.tolist() == [True, True, False, False]
    # s_p = 1 and s_n = 0: exp(-0.5 * 0.5) of the class mate, 2 exp(-0.5 * 0.5) of the others.
    expected = math.log1p(2 * math.exp(-0.5))
    np.testing.assert_allclose(value(loss), [expected, expected, 0, 0], rtol=1e-6, atol=1e-12)
    circle = losses.Circle(gamma=1.0, margin=0.5)
    assert value(circle(np.array([0, 0, 1, 2]), rows)) == pytest.approx(expected)
    with pytest.raises(ValueError, match=r"y_true has shape \(4, 3\).*class numbers"):
        losses.circle(rows, rows)


def test_generalized_cross_entropy():
    rows = [[0.25, 0.75], [0.81, 0.19]]
    for labels in ([1, 0], [[1], [0]]):
        loss = losses.categorical_generalized_cross_entropy(labels, rows, 0.5)
        np.testing.assert_allclose(value(loss), [2 * (1 - 0.75**0.5), 2 * (1 - 0.9)], rtol=1e-6)
    with pytest.raises(ValueError, match=r"y_true\[0\] = 2 is no class"):
        losses.CategoricalGeneralizedCrossEntropy()([2, 0], rows)
    for q in (0, 1, -0.5):
        with pytest.raises(ValueError, match="q must be between 0 and 1"):
            losses.CategoricalGeneralizedCrossEntropy(q=q)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("CTC", {}),
        ("CategoricalGeneralizedCrossEntropy", {"q": 0.3}),
        ("Circle", {"gamma": 20.0, "margin": 0.1, "remove_diagonal": False}),
        ("Dice", {"axis": [1, 2]}),
        ("Tversky", {"alpha": 0.2, "beta": 0.9, "axis": None}),
    ],
)
def test_special_losses_come_back_from_their_configurations(name, options):
    loss = getattr(losses, name)(**options, reduction="sum", name="mine")
    described = losses.serialize(loss)
    expected = {"name": "mine", "reduction": "sum", **options}
    assert described["config"] == expected
    assert (described["module"], described["class_name"]) == ("keras.losses", name)
    copy = losses.deserialize(described)
    assert type(copy) is type(loss)
    assert copy.get_config() == expected


def rows_of(seed):
    """Labels and predictions that differ from batch to batch."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(6, 5)).astype("f4")
    return x, rng.integers(0, 3, size=6), np.eye(3, dtype="f4")[rng.integers(0, 3, size=6)]


@pytest.mark.parametrize(
    ("loss", "one_hot"),
    [
        (losses.Dice(), True),
        (losses.Dice(axis=1), True),
        (losses.Tversky(alpha=0.2), True),
        (losses.Circle(gamma=3.0), False),
        (losses.CategoricalGeneralizedCrossEntropy(q=0.3), False),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_batch_has_the_loss_of_its_own_labels(loss, one_hot):
    """Also where the steps after the first are replayed."""
    model = Sequential([Input((5,)), layers.Dense(3, activation="softmax")])
    model.compile(diptych.optimizers.SGD(0.0), loss)
    for seed in range(4):
        x, numbers, rows = rows_of(seed)
        y = rows if one_hot else numbers
        assert model.train_on_batch(x, y) == pytest.approx(float(loss(y, model(x))), rel=1e-5)
