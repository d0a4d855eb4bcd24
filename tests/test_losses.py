"""The losses of the API: shapes, reductions, weights, masks, names; numbers worked out by hand.

What each loss computes is tested with the twins, and against Keras with the golden files.
"""

import math

import numpy as np
import pytest

import diptych
from diptych import Input, KerasTensor, Sequential, config, layers, losses, ops
from diptych.legacy import LegacySpelling, forget_notes
from diptych.tape import GradientTape
from diptych.tensor import Tensor
from diptych.utils.notices import TrainingWarning

ENGINES = pytest.mark.parametrize("engine", ["reference", "fast"])

FUNCTIONS = {
    # one row of labels, one of predictions, the loss
    "mean_squared_error": ([0, 2], [1, 4], 2.5),
    "mean_absolute_error": ([0, 2], [1, 4], 1.5),
    "mean_absolute_percentage_error": ([1, 2], [2, 4], 100.0),
    "mean_squared_logarithmic_error": ([0, 0], [math.e - 1, math.e**3 - 1], 5.0),
    "huber": ([0, 0], [0.5, 3], (0.125 + 2.5) / 2),
    "log_cosh": ([0, 0], [1, 0], math.log(math.cosh(1)) / 2),
    "poisson": ([2, 0], [1, 3], (1 + 3) / 2),
    "hinge": ([-1, 1], [0.5, 3], 1.5 / 2),
    "squared_hinge": ([-1, 1], [0.5, 3], 2.25 / 2),
    "categorical_hinge": ([0, 1, 0], [1, 3, 2.5], 0.5),
    "cosine_similarity": ([3, 4], [4, 3], -24 / 25),
    "kl_divergence": ([0.5, 0.5], [0.25, 0.75], 0.5 * math.log(2) + 0.5 * math.log(2 / 3)),
    "binary_crossentropy": ([0, 1], [0.5, 0.25], (math.log(2) + math.log(4)) / 2),
    "categorical_crossentropy": ([0, 1], [1, 3], math.log(4 / 3)),
    "binary_focal_crossentropy": ([0, 1], [0.5, 0.5], 0.25 * math.log(2)),
    "categorical_focal_crossentropy": ([0, 1], [1, 1], 0.25 * 0.25 * math.log(2)),
}
CLASSES = {
    "mean_squared_error": losses.MeanSquaredError,
    "mean_absolute_error": losses.MeanAbsoluteError,
    "mean_absolute_percentage_error": losses.MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": losses.MeanSquaredLogarithmicError,
    "huber": losses.Huber,
    "log_cosh": losses.LogCosh,
    "poisson": losses.Poisson,
    "hinge": losses.Hinge,
    "squared_hinge": losses.SquaredHinge,
    "categorical_hinge": losses.CategoricalHinge,
    "cosine_similarity": losses.CosineSimilarity,
    "kl_divergence": losses.KLDivergence,
    "binary_crossentropy": losses.BinaryCrossentropy,
    "categorical_crossentropy": losses.CategoricalCrossentropy,
    "binary_focal_crossentropy": losses.BinaryFocalCrossentropy,
    "categorical_focal_crossentropy": losses.CategoricalFocalCrossentropy,
    "sparse_categorical_crossentropy": losses.SparseCategoricalCrossentropy,
    "categorical_generalized_cross_entropy": losses.CategoricalGeneralizedCrossEntropy,
    "circle": losses.Circle,
    "ctc": losses.CTC,
    "dice": losses.Dice,
    "tversky": losses.Tversky,
}
# Errors 1, 2, 3, 4: the squared error of each sample is 1, 4, 9, 16.
Y_TRUE = np.zeros((4, 1), np.float32)
Y_PRED = np.array([[1], [2], [3], [4]], np.float32)


def value(loss):
    return np.asarray(loss, np.float64)


# ------------------------------------------------------------------------- functions and classes


@ENGINES
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_give_one_number_per_sample(name, engine):
    labels, predictions, expected = FUNCTIONS[name]
    with diptych.engine(engine):
        loss = getattr(losses, name)([labels] * 3, [predictions] * 3)
    assert isinstance(loss, Tensor)
    assert loss.shape == (3,)
    np.testing.assert_allclose(value(loss), [expected] * 3, rtol=1e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_classes_give_the_mean(name):
    labels, predictions, expected = FUNCTIONS[name]
    loss = CLASSES[name]()(np.array([labels] * 3), np.array([predictions] * 3))
    assert loss.shape == ()
    np.testing.assert_allclose(value(loss), expected, rtol=1e-5)


def test_class_numbers_of_the_operation_may_be_one_column():
    p = np.array([[0.25, 0.75], [0.5, 0.5]])
    column = ops.sparse_categorical_crossentropy([[1], [0]], p)
    np.testing.assert_array_equal(column, ops.sparse_categorical_crossentropy([1, 0], p))
    symbolic = KerasTensor((None, 1), "int32"), KerasTensor((None, 2))
    assert ops.sparse_categorical_crossentropy(*symbolic).shape == (None,)


@ENGINES
def test_sparse_categorical_crossentropy(engine):
    with diptych.engine(engine):
        for labels in ([1, 0], [[1], [0]], np.array([1.0, 0.0]), np.array([1, 0], np.uint8)):
            loss = losses.sparse_categorical_crossentropy(labels, [[0.5, 0.5], [1.0, 3.0]])
            np.testing.assert_allclose(value(loss), [math.log(2), math.log(4)], rtol=1e-5)
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)([1], [[0.0, math.log(3)]])
        np.testing.assert_allclose(value(loss), math.log(4 / 3), rtol=1e-5)


def test_every_class_is_in_the_tests_and_in_all():
    named = {name for name in losses.__all__ if isinstance(getattr(losses, name), type)}
    assert named == {cls.__name__ for cls in CLASSES.values()} | {"Loss", "LossFunctionWrapper"}
    assert set(CLASSES) <= set(losses.__all__)


def test_options_reach_the_loss():
    one = np.array([[0.0, 3.0]]), np.array([[0.0, 0.0]])
    assert value(losses.Huber(delta=2.0)(*one)) == pytest.approx((2 * 3 - 2) / 2)
    bits = np.array([[1.0]]), np.array([[0.25]])
    smooth = losses.BinaryCrossentropy(label_smoothing=0.5)(*bits)
    assert value(smooth) == pytest.approx(-0.75 * math.log(0.25) - 0.25 * math.log(0.75))
    balanced = losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.1, gamma=1.0)
    assert value(balanced(*bits)) == pytest.approx(0.1 * 0.75 * math.log(4))
    rows = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
    focal = losses.CategoricalFocalCrossentropy(alpha=[0.5, 9.0], gamma=0.0)
    assert value(focal(*rows)) == pytest.approx(0.5 * math.log(2))
    across = losses.CosineSimilarity(axis=0, reduction="none")(
        [[3.0, 1.0], [4.0, 0.0]], [[4.0, 1.0], [3.0, 0.0]]
    )
    np.testing.assert_allclose(value(across), [-24 / 25, -1], rtol=1e-6)


# ------------------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    ("labels", "predictions", "result"),
    [
        ((4,), (4, 1), (4,)),
        ((4, 1), (4,), (4,)),
        ((4, 5), (4, 5, 1), (4,)),
        ((4, 5, 1), (4, 5), (4,)),
        ((4, 5, 1), (4, 5, 1), (4, 5)),
        ((4,), (4,), ()),
        ((0, 3), (0, 3), (0,)),
    ],
)
def test_a_last_axis_of_one_may_be_missing(labels, predictions, result):
    loss = losses.mean_squared_error(np.zeros(labels), np.ones(predictions))
    assert loss.shape == result
    assert (value(loss) == 1).all()


@pytest.mark.parametrize(
    ("name", "labels", "predictions", "says"),
    [
        ("mean_squared_error", (4,), (4, 3), "same shape.*should the last layer have 1 unit"),
        ("mean_squared_error", (4, 3), (4, 2), "should have 3 units"),
        ("mean_squared_error", (3, 1), (4, 1), "3 labels for 4 predictions"),
        ("mean_squared_error", (3, 4), (3,), "same shape"),
        ("dice", (4, 3), (4, 2), "should have 3 units"),
        ("categorical_crossentropy", (4, 1), (1, 1), "4 labels for 1 predictions"),
        ("categorical_crossentropy", (4, 10), (4, 64), "should have 10 units"),
        (
            "categorical_crossentropy",
            (4, 1),
            (4, 10),
            "sparse_categorical_crossentropy.*to_categorical",
        ),
        (
            "categorical_crossentropy",
            (4,),
            (4, 10),
            "sparse_categorical_crossentropy.*to_categorical",
        ),
        ("binary_crossentropy", (4, 1), (4, 10), "sparse_categorical_crossentropy"),
        ("sparse_categorical_crossentropy", (4, 10), (4, 10), "One-hot.*use categorical"),
        ("sparse_categorical_crossentropy", (3,), (4, 10), "needs one class number"),
    ],
)
def test_shapes_that_do_not_fit(name, labels, predictions, says):
    with pytest.raises(ValueError, match=says):
        losses.get(name)(np.zeros(labels), np.full(predictions, 0.5))


BROADCAST = [name for name in FUNCTIONS if "crossentropy" not in name]


@ENGINES
@pytest.mark.parametrize("name", BROADCAST)
def test_labels_and_predictions_are_broadcast(name, engine):
    rng = np.random.default_rng(4)
    row, column = rng.random((2, 5, 3)) + 0.1, rng.random((2, 5, 1)) + 0.1
    function, loss = getattr(losses, name), CLASSES[name](reduction=None)
    with diptych.engine(engine):
        for y_true, y_pred in ((row, column), (column, row), (row[0], row), (row, row[:1])):
            full = [np.broadcast_to(x, row.shape) for x in (y_true, y_pred)]
            if name == "cosine_similarity":
                lengths = [np.linalg.norm(x, axis=-1, keepdims=True) for x in (y_true, y_pred)]
                expected = -(y_true / lengths[0] * (y_pred / lengths[1])).sum(-1)
            else:
                expected = value(function(*full))
            np.testing.assert_allclose(value(function(y_true, y_pred)), expected, 1e-6)
            np.testing.assert_allclose(value(loss(y_true, y_pred)), expected, 1e-5, 1e-6)


@ENGINES
def test_the_gradient_of_a_broadcast_prediction_is_a_sum(engine):
    y_true = np.arange(6.0).reshape(2, 3)
    y_pred = diptych.Variable(np.ones((2, 1)), dtype="float64")
    with diptych.engine(engine), GradientTape() as tape:
        loss = ops.sum(losses.mean_squared_error(y_true, y_pred))
    expected = 2 * (1 - y_true).mean(-1, keepdims=True)
    np.testing.assert_allclose(value(tape.gradient(loss, y_pred)), expected)


@ENGINES
def test_the_overlap_of_broadcast_regions(engine):
    y_true, y_pred = np.array([[1.0], [0.0]]), np.array([[0.5, 0.25], [0.5, 1.0]])
    with diptych.engine(engine):
        # As in Keras, each sum is over the numbers that were given.
        assert value(losses.dice(y_true, y_pred)) == pytest.approx(1 - 2 * 0.75 / 3.25)
        assert value(losses.tversky(y_true, y_pred)) == pytest.approx(1 - 0.75 / (0.75 + 1.375))


@ENGINES
def test_training_on_broadcast_labels_warns_and_learns_their_mean(engine):
    model = Sequential([Input((1,)), layers.Dense(1)], engine=engine)
    model.compile("sgd", "mse", metrics=["mae"])
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    x, y = np.ones((4, 1), "float32"), np.tile(np.float32([0, 1, 5]), (4, 1))
    with pytest.warns(TrainingWarning, match=r"\(None, 1\).*\(4, 3\): each is compared with every"):
        history = model.fit(x, y, verbose=0).history
    assert history["loss"] == [pytest.approx((1 + 0 + 16) / 3)]
    assert history["mae"] == [pytest.approx(5 / 3)]
    # Twice the mean error, 1 - 2, times the learning rate.
    np.testing.assert_allclose(model.get_weights()[1], [0.02], 1e-5)


@pytest.mark.parametrize("name", ["categorical_crossentropy", "categorical_focal_crossentropy"])
def test_a_loss_over_one_class_is_pointed_out(name):
    with pytest.warns(SyntaxWarning, match=f"^{name} .*binary_crossentropy") as record:
        losses.get(name)(np.ones((2, 1)), np.ones((2, 1)))
    assert record[0].filename == __file__


@ENGINES
def test_labels_that_are_no_classes(engine):
    scores = np.full((2, 3), 0.5)
    with diptych.engine(engine):
        with pytest.raises(ValueError, match=r"y_true\[1\] = 3 is no class.*0 to 2"):
            losses.sparse_categorical_crossentropy([0, 3], scores)
        with pytest.raises(ValueError, match=r"y_true\[0\] = -1 is no class"):
            losses.SparseCategoricalCrossentropy()([-1, 3], scores)
        with pytest.raises(ValueError, match="class numbers.*0.5"):
            losses.sparse_categorical_crossentropy([0.5, 1], scores)
        with pytest.raises(ValueError, match="class numbers.*nan"):
            losses.sparse_categorical_crossentropy([0.0, math.nan], scores)


def test_labels_that_are_no_numbers():
    with pytest.raises(ValueError, match="y_true must hold numbers"):
        losses.mean_squared_error(np.array([["a"]]), np.ones((1, 1)))
    with pytest.raises(ValueError, match="y_pred must hold numbers"):
        losses.MeanSquaredError()(np.ones((1, 1)), np.array([[None]]))


# ------------------------------------------------------------------------- from many to one


@pytest.mark.parametrize(
    ("reduction", "plain", "weighted"),
    [
        ("sum_over_batch_size", 7.5, (1 + 27) / 4),
        ("mean", 7.5, (1 + 27) / 4),
        ("sum", 30, 1 + 27),
        ("mean_with_sample_weight", 7.5, (1 + 27) / 4),
        ("none", [1, 4, 9, 16], [1, 0, 27, 0]),
        (None, [1, 4, 9, 16], [1, 0, 27, 0]),
    ],
)
def test_reductions(reduction, plain, weighted):
    loss = losses.MeanSquaredError(reduction=reduction)
    np.testing.assert_allclose(value(loss(Y_TRUE, Y_PRED)), plain)
    for weight in ([1, 0, 3, 0], np.array([[1], [0], [3], [0]])):
        np.testing.assert_allclose(value(loss(Y_TRUE, Y_PRED, sample_weight=weight)), weighted)


def test_the_weighted_mean_divides_by_the_weights():
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert value(loss(Y_TRUE, Y_PRED, sample_weight=[1, 1, 0, 0])) == 2.5
    assert value(losses.MeanSquaredError()(Y_TRUE, Y_PRED, sample_weight=[1, 1, 0, 0])) == 1.25
    assert value(loss(Y_TRUE, Y_PRED, sample_weight=[0, 0, 0, 0])) == 0


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (np.ones((2, 1)), 6 / 2),
        (np.ones((1, 3)), 6 / 3),
        (np.ones(1), 6 / 1),
        (0.5, 3 / 0.5),
        ([[0.5], [0.25]], 2.25 / 0.75),
        (np.ones((2, 3)), 6 / 6),
        (np.zeros((2, 1)), 0),
        (None, 6 / 6),
    ],
)
def test_weights_that_broadcast_count_once_in_the_divisor(weight, expected):
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    y_true, y_pred = np.zeros((2, 3, 1)), np.ones((2, 3, 1))
    assert value(loss(y_true, y_pred, sample_weight=weight)) == expected
    model = diptych.Sequential([diptych.Input((3, 1)), diptych.layers.Identity()])
    model.compile(loss=loss)
    if weight is None or np.shape(weight)[:1] == (2,):
        found = model.evaluate(y_pred, y_true, sample_weight=weight, verbose=0)
        assert found == expected


def test_a_single_loss_is_not_divided_by_its_weight():
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert value(loss([1.0, 3.0], [0.0, 0.0], sample_weight=0.5)) == 2.5


def test_a_function_of_ones_own_gets_labels_of_the_rank_of_the_predictions():
    wrapper = losses.LossFunctionWrapper(lambda y_true, y_pred: (y_true - y_pred) ** 2)
    assert value(wrapper([0.0, 3.0], [[1.0], [1.0]])) == 2.5
    assert value(wrapper([[[0.0], [3.0]]], [[1.0, 1.0]])) == 2.5


def test_weights_of_samples_weigh_all_their_steps():
    y_pred = np.array([[[1], [2]], [[3], [4]]], np.float32)
    loss = losses.MeanSquaredError(reduction="none")
    np.testing.assert_allclose(value(loss(np.zeros((2, 2, 1)), y_pred, [1, 2])), [[1, 4], [18, 32]])
    by_step = loss(np.zeros((2, 2, 1)), y_pred, [[1, 2], [0, 1]])
    np.testing.assert_allclose(value(by_step), [[1, 8], [0, 16]])


def test_weights_that_do_not_fit():
    with pytest.raises(ValueError, match=r"shape \(3,\).*shape \(4,\): one weight"):
        losses.MeanSquaredError()(Y_TRUE, Y_PRED, sample_weight=[1, 2, 3])
    with pytest.raises(ValueError, match=r"Give them the shape \(N, 1\)"):
        losses.MeanSquaredError()(Y_TRUE[:, 0], Y_PRED[:, 0], sample_weight=[1, 2, 3, 4])


def masked(mask, y_pred=Y_PRED):
    tensor = ops.convert_to_tensor(y_pred)
    tensor.mask = np.array(mask)
    return tensor


def test_a_mask_leaves_steps_out():
    y_pred = masked([True, True, False, False])
    assert value(losses.MeanSquaredError()(Y_TRUE, y_pred)) == 2.5
    assert value(losses.MeanSquaredError(reduction="sum")(Y_TRUE, y_pred)) == 5
    none = losses.MeanSquaredError(reduction="none")(Y_TRUE, y_pred)
    np.testing.assert_allclose(value(none), [1, 4, 0, 0])
    assert value(losses.MeanSquaredError()(Y_TRUE, masked([False] * 4))) == 0


def test_a_mask_and_weights():
    y_pred = masked([True, True, False, False])
    # Two of four steps count, so the mean is over two: (1 * 3 + 4 * 1) / 2.
    assert value(losses.MeanSquaredError()(Y_TRUE, y_pred, sample_weight=[3, 1, 5, 5])) == 3.5
    weighted = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert value(weighted(Y_TRUE, y_pred, sample_weight=[3, 1, 5, 5])) == 7 / 4
    steps = masked([[True, False], [True, True]], np.ones((2, 2, 1), np.float32))
    loss = losses.MeanSquaredError(reduction="none")(
        np.zeros((2, 2, 1)), steps, sample_weight=[2, 3]
    )
    np.testing.assert_allclose(value(loss), [[2, 0], [3, 3]])


def test_an_ignored_class_does_not_count_in_the_mean():
    y_true, y_pred = [0, 1, -1, -1], np.array([[1, 1], [1, 3], [9, 1], [9, 1]], np.float32)
    each = losses.sparse_categorical_crossentropy(y_true, y_pred, ignore_class=-1)
    np.testing.assert_allclose(value(each), [math.log(2), math.log(4 / 3), 0, 0], rtol=1e-5)
    mean = losses.SparseCategoricalCrossentropy(ignore_class=-1)(y_true, y_pred)
    assert value(mean) == pytest.approx((math.log(2) + math.log(4 / 3)) / 2, rel=1e-5)
    both = masked([True, False, True, True], y_pred)
    mean = losses.SparseCategoricalCrossentropy(ignore_class=-1)(y_true, both)
    assert value(mean) == pytest.approx(math.log(2), rel=1e-5)


@ENGINES
def test_fit_takes_labels_of_the_ignored_class(engine):
    """By hand: the probabilities are 1/4, 1/2, 1/4, and two of the four rows count."""
    bias = np.log([1.0, 2.0, 1.0])
    dense = layers.Dense(3, kernel_initializer="zeros", bias_initializer=lambda *_, **__: bias)
    model = Sequential([Input((2,)), dense], engine=engine)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model.compile("sgd", loss)
    x, y = np.ones((4, 2)), np.array([0, 1, -1, -1])
    right = (math.log(4) + math.log(2)) / 2
    assert model.evaluate(x, y, verbose=0) == pytest.approx(right, rel=1e-6)
    history = model.fit(x, y, verbose=0, validation_data=(x, y)).history
    assert history["loss"][0] == pytest.approx(right, rel=1e-6)
    assert history["val_loss"][0] < right
    with pytest.raises(ValueError, match="label -2 in row 3"):
        model.fit(x, np.array([0, 1, -1, -2]), verbose=0)


def test_the_arguments_of_a_loss_are_its_attributes():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=7)
    assert (loss.ignore_class, loss.from_logits) == (7, False)
    loss = losses.BinaryFocalCrossentropy(gamma=3.0, label_smoothing=0.1)
    assert (loss.gamma, loss.alpha, loss.label_smoothing, loss.axis) == (3.0, 0.25, 0.1, -1)


class OneNumber(losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred))


@ENGINES
@pytest.mark.parametrize(
    ("reduction", "factor"),
    [
        ("sum_over_batch_size", 8 / 3),
        ("mean", 8 / 3),
        ("sum", 8.0),
        ("mean_with_sample_weight", 1.0),
        (None, [1.0, 2.0, 5.0]),
    ],
)
def test_a_loss_of_one_number_is_multiplied_by_the_mean_of_the_weights(reduction, factor, engine):
    """As in Keras: the number stands for each row. The squares are 1, 4, 4."""
    y_true, y_pred = np.zeros((3, 1), "float32"), np.array([[1.0], [2.0], [-2.0]], "float32")
    with diptych.engine(engine):
        for weights in ([1.0, 2.0, 5.0], [[1.0], [2.0], [5.0]]):
            loss = OneNumber(reduction=reduction)(y_true, y_pred, np.array(weights))
            np.testing.assert_allclose(value(loss).ravel(), 3.0 * np.ravel(factor), rtol=1e-6)
        own = losses.LossFunctionWrapper(lambda y, p: ops.mean(ops.square(y - p)))
        assert value(own(y_true, y_pred, [1.0, 2.0, 5.0])) == pytest.approx(8.0)
        masks = masked([[True], [False], [True]], y_pred)
        assert value(own(y_true, masks)) == pytest.approx(3.0)
        assert value(own(y_true, masks, [1.0, 2.0, 5.0])) == pytest.approx(3.0 * (1 + 5) / 2)


@ENGINES
def test_a_function_of_one_number_takes_weights_in_fit(engine):
    """As loss and as weighted metric. By hand, (1 + 4 + 16) / 3 = 7, weighted with (1 + 3 + 3)."""

    def error(y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred))

    dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = Sequential([Input((1,)), dense], engine=engine)
    model.compile("sgd", error, weighted_metrics=[error])
    x, y = np.array([[1.0], [3.0], [5.0]]), np.array([[0], [1], [1]])
    found = model.evaluate(x, y, sample_weight=np.array([1, 3, 3]), verbose=0)
    np.testing.assert_allclose(found, [7 * 7 / 3, 7], rtol=1e-6)
    history = model.fit(x, y, class_weight={0: 1.0, 1: 3.0}, verbose=0).history
    np.testing.assert_allclose(history["loss"], [7 * 7 / 3], rtol=1e-6)
    np.testing.assert_allclose(history["error"], [7], rtol=1e-6)


@ENGINES
def test_labels_without_the_last_axis_do_not_broadcast_in_a_function_of_ones_own(engine):
    """By hand, (1 + 4 + 16) / 3; the labels (3,) beside (3, 1) would make 9 differences."""
    dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = Sequential([Input((1,)), dense], engine=engine)
    model.compile("sgd", lambda y, p: ops.mean(ops.square(y - p)))
    x, y = np.array([[1.0], [3.0], [5.0]]), np.array([0, 1, 1])
    assert model.evaluate(x, y, verbose=0) == pytest.approx(7.0)
    assert model.fit(x, y, verbose=0).history["loss"] == pytest.approx([7.0])


def test_weights_of_entries_that_count_as_one_sample_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\), but only one loss.*shape \(N, 1\)"):
        losses.MeanSquaredError()(np.zeros(3), np.ones(3), [1.0, 2.0, 3.0])


def test_unknown_reduction():
    with pytest.raises(ValueError, match="'average'.*'sum_over_batch_size'"):
        losses.MeanSquaredError(reduction="average")


# ------------------------------------------------------------------------- gradients


def gradient_of(loss, y_pred, *watched):
    """The gradient of `loss(tensor)` by the tensor (and by what else is watched)."""
    y_pred = ops.convert_to_tensor(y_pred)
    with GradientTape() as tape:
        tape.watch([y_pred, *watched])
        result = loss(y_pred)
    return tape.gradient(result, [y_pred, *watched])


@ENGINES
def test_the_gradient_is_that_of_the_reduced_loss(engine):
    with diptych.engine(engine):
        (plain,) = gradient_of(lambda p: losses.MeanSquaredError()(Y_TRUE, p), Y_PRED)
        np.testing.assert_allclose(plain, 2 * Y_PRED / 4)
        weight = [1, 0, 3, 0]
        (weighted,) = gradient_of(lambda p: losses.MeanSquaredError()(Y_TRUE, p, weight), Y_PRED)
        np.testing.assert_allclose(weighted, 2 * Y_PRED / 4 * np.array(weight)[:, np.newaxis])


@ENGINES
def test_labels_that_are_tracked(engine):
    with diptych.engine(engine):
        for name in ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh"):
            y_true = Tensor(np.array([[0.0, 3.0]]))
            dy_pred, dy_true = gradient_of(
                lambda p, n=name, t=y_true: losses.get(n)(t, p), np.array([[1.0, 1.0]]), y_true
            )
            np.testing.assert_allclose(dy_true, -dy_pred)
            assert (dy_pred != 0).all()
        y_true = Tensor(np.array([[0.5, 0.5]]))
        with pytest.raises(NotImplementedError, match="poisson.*stop_gradient"):
            gradient_of(lambda p: losses.poisson(y_true, p), np.array([[1.0, 1.0]]), y_true)
        stopped = ops.stop_gradient(y_true)
        (dy_pred,) = gradient_of(lambda p: losses.poisson(stopped, p), np.array([[1.0, 2.0]]))
        np.testing.assert_allclose(dy_pred, [[0.25, 0.375]], rtol=1e-6)


@ENGINES
@pytest.mark.parametrize(
    ("activation", "loss", "y_true", "expected"),
    [
        ("softmax", losses.categorical_crossentropy, [[0.0, 1.0]], 200.0),
        ("softmax", losses.sparse_categorical_crossentropy, [1], 200.0),
        ("softmax", losses.CategoricalCrossentropy(), [[0.0, 1.0]], 200.0),
        ("sigmoid", losses.binary_crossentropy, [[0.0, 1.0]], 100.0),
    ],
)
def test_a_saturated_activation_still_learns(activation, loss, y_true, expected, engine):
    """Probabilities of 0 and 1 say nothing about a wrong answer; the logits before them do."""
    logits = np.array([[100.0, -100.0]])
    with diptych.engine(engine):
        result = loss(y_true, getattr(ops, activation)(logits))
        np.testing.assert_allclose(value(result), np.full(result.shape, expected))
        (slope,) = gradient_of(lambda z: loss(y_true, getattr(ops, activation)(z)), logits)
        scale = 1.0 if activation == "softmax" else 0.5
        np.testing.assert_allclose(slope, [[scale, -scale]])


def test_only_the_fitting_activation_is_fused():
    """A softmax's input is no input of a sigmoid, and the other way round."""
    logits = np.array([[0.3, -1.2, 0.8]])
    y_true = np.array([[0.0, 1.0, 0.0]])
    for activation, loss in (
        ("softmax", "binary_crossentropy"),
        ("sigmoid", "categorical_crossentropy"),
    ):
        y_pred = getattr(ops, activation)(logits)
        bare = Tensor(np.array(y_pred))
        np.testing.assert_allclose(
            value(losses.get(loss)(y_true, y_pred)), value(losses.get(loss)(y_true, bare))
        )


def test_labels_without_the_last_axis_keep_the_logits():
    y_pred = ops.sigmoid(np.full((2, 3, 1), 100.0))
    loss = losses.binary_crossentropy(np.zeros((2, 3)), y_pred)
    np.testing.assert_allclose(value(loss), [100.0, 100.0])


def test_keras_ops():
    target, output = np.array([[0.0, 1.0]]), np.array([[0.5, 0.25]])
    each = ops.binary_crossentropy(target, output)
    np.testing.assert_allclose(value(each), [[math.log(2), math.log(4)]])
    assert ops.categorical_crossentropy(target, output).item() == pytest.approx(math.log(3))
    assert ops.sparse_categorical_crossentropy([1], output).item() == pytest.approx(math.log(3))
    logits = ops.binary_crossentropy(target, [[0.0, 100.0]], from_logits=True)
    np.testing.assert_allclose(value(logits), [[math.log(2), 0]], rtol=1e-6, atol=1e-30)


def test_a_loss_has_a_dtype_of_its_own():
    y_pred = Y_PRED.astype(np.float64)
    assert losses.mean_squared_error(Y_TRUE, y_pred).dtype == np.float64
    assert losses.MeanSquaredError()(Y_TRUE, y_pred).dtype == np.float32
    assert losses.MeanSquaredError(dtype="float64")(Y_TRUE, y_pred).dtype == np.float64
    assert losses.MeanSquaredError(dtype="float64")(Y_TRUE, Y_PRED).dtype == np.float64
    assert losses.MeanSquaredError()([[1]], np.array([[3]])).dtype == np.float32
    made_before = losses.MeanSquaredError()
    config.set_floatx("float64")
    assert losses.MeanSquaredError()(Y_TRUE, Y_PRED).dtype == np.float64
    assert losses.MeanSquaredError().dtype == "float64"
    assert made_before.dtype == "float32"


@ENGINES
@pytest.mark.parametrize(
    ("ending", "loss", "labels"),
    [
        ("softmax", losses.CategoricalCrossentropy, [[0.0, 0.0, 1.0]]),
        ("sigmoid", losses.BinaryCrossentropy, [[1.0, 1.0, 1.0]]),
    ],
)
def test_a_loss_of_another_dtype_is_still_computed_from_the_logits(engine, ending, loss, labels):
    with diptych.engine(engine):
        logits = diptych.Variable(np.array([[100.0, 0.0, -100.0]]))
        with diptych.GradientTape() as tape:
            found = loss()(labels, getattr(ops, ending)(logits))
        gradient = tape.gradient(found, logits)
    assert found.dtype == np.float32
    assert gradient.dtype == np.float64
    if ending == "softmax":
        assert value(found) == 200  # and not -log(epsilon)
        np.testing.assert_allclose(gradient, [[1, 0, -1]], atol=1e-7)
    else:
        assert value(found) == pytest.approx((100 + math.log(2)) / 3, rel=1e-6)
        np.testing.assert_allclose(gradient, [[0, -1 / 6, -1 / 3]], atol=1e-7)


@ENGINES
def test_gradients_of_a_loss_and_of_a_compiled_model_are_checked_in_float64(engine):
    rng = np.random.default_rng(0)
    loss = losses.CategoricalCrossentropy(from_logits=True)
    labels, logits = np.eye(3)[[0, 2]], rng.normal(size=(2, 3))
    assert diptych.gradcheck(loss, logits, labels, engine=engine)
    assert loss.dtype == "float32"
    model = diptych.Sequential([diptych.Input((3,)), diptych.layers.Dense(3, "softmax")])
    model.compile(loss="categorical_crossentropy")
    assert diptych.gradcheck(model, logits, labels, engine=engine)
    assert model._loss.functions[0].dtype == "float32"


def test_a_model_of_float64_stays_so_and_its_loss_is_that_of_compile():
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    y = np.array([[0.125], [0.75]])
    for loss, digits in ((losses.MeanSquaredError(dtype="float64"), 1e-15), ("mse", 1e-6)):
        model = diptych.Sequential(
            [diptych.Input((2,), dtype="float64"), diptych.layers.Dense(1, dtype="float64")]
        )
        model.set_weights([np.array([[0.3], [0.4]]), np.array([0.5])])
        error = x @ [[0.3], [0.4]] + 0.5 - y
        expected = [[0.3], [0.4]] - 0.125 * x.T @ error
        model.compile(diptych.optimizers.SGD(0.125), loss)
        model.fit(x, y, verbose=0)
        kernel = model.get_weights()[0]
        assert kernel.dtype == np.float64
        np.testing.assert_allclose(kernel, expected, rtol=digits, atol=digits)
        assert model.predict(x, verbose=0).dtype == np.float64


# ------------------------------------------------------------------------- names and configurations


class Cubic(losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.power(ops.abs(y_true - y_pred), 3), axis=-1)


def test_a_loss_of_ones_own():
    assert value(Cubic()(Y_TRUE, Y_PRED)) == (1 + 8 + 27 + 64) / 4
    assert Cubic(reduction="sum", name="third").get_config() == {
        "name": "third",
        "reduction": "sum",
    }
    wrapped = losses.LossFunctionWrapper(
        lambda y_true, y_pred, k: k * y_pred, k=2.0, reduction="sum"
    )
    assert value(wrapped(Y_TRUE, Y_PRED)) == 20
    with pytest.raises(NotImplementedError, match="must define call"):
        losses.Loss()(Y_TRUE, Y_PRED)


@pytest.mark.parametrize("name", CLASSES)
def test_configurations_come_back(name):
    cls = CLASSES[name]
    for loss in (cls(), cls(name="mine", reduction="sum")):
        config = loss.get_config()
        assert cls.from_config(config).get_config() == config
        saved = losses.serialize(loss)
        assert saved["class_name"] == cls.__name__
        assert saved["module"] == "keras.losses"
        again = losses.deserialize(saved)
        assert type(again) is cls
        assert again.get_config() == config
        assert losses.get(saved).get_config() == config
    assert cls(name="mine").name == "mine"
    assert cls(reduction=None).reduction is None


def test_options_are_in_the_configuration():
    focal = losses.CategoricalFocalCrossentropy(alpha=[0.1, 0.2], gamma=1.0, label_smoothing=0.3)
    config = focal.get_config()
    assert config["alpha"] == [0.1, 0.2]
    assert config["gamma"] == 1.0
    assert config["label_smoothing"] == 0.3
    assert losses.Huber(delta=3.0).get_config()["delta"] == 3.0
    assert losses.SparseCategoricalCrossentropy(ignore_class=7).get_config()["ignore_class"] == 7
    assert losses.MeanSquaredError(dtype="float64").get_config()["dtype"] == "float64"
    wrapper = losses.LossFunctionWrapper(losses.huber, delta=2.0, name="w")
    again = losses.deserialize(losses.serialize(wrapper))
    assert again.get_config() == wrapper.get_config()
    assert value(again([[0.0]], [[5.0]])) == 2 * 5 - 2


@pytest.mark.parametrize(
    ("name", "function"),
    [
        *[(name, name) for name in CLASSES],
        ("mse", "mean_squared_error"), ("MSE", "mean_squared_error"),
        ("mae", "mean_absolute_error"), ("MAE", "mean_absolute_error"),
        ("mape", "mean_absolute_percentage_error"), ("MAPE", "mean_absolute_percentage_error"),
        ("msle", "mean_squared_logarithmic_error"), ("MSLE", "mean_squared_logarithmic_error"),
        ("bce", "binary_crossentropy"), ("BCE", "binary_crossentropy"),
        ("kld", "kl_divergence"), ("KLD", "kl_divergence"),
    ],
)  # fmt: skip
def test_names_of_functions(name, function):
    assert losses.get(name) is getattr(losses, function)
    assert losses.deserialize(losses.serialize(losses.get(name))) is getattr(losses, function)


def test_names_of_classes_and_the_rest():
    for cls in CLASSES.values():
        assert type(losses.get(cls.__name__)) is cls
        assert type(losses.get(cls)) is cls
    assert losses.get(None) is None
    assert losses.get(max) is max
    own = Cubic()
    assert losses.get(own) is own
    assert (
        type(losses.deserialize({"class_name": "Cubic", "config": {}}, {"Cubic": Cubic})) is Cubic
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kullback_leibler_divergence", "kl_divergence"),
        ("cosine_proximity", "cosine_similarity"),
        ("logcosh", "log_cosh"),
    ],
)
def test_old_names(old, new):
    forget_notes()
    with pytest.warns(LegacySpelling, match=new):
        assert losses.get(old) is getattr(losses, new)


def test_unknown_names():
    with pytest.raises(ValueError, match="'mean_square_error'; did you mean 'mean_squared_error'"):
        losses.get("mean_square_error")
    with pytest.raises(ValueError, match="3 is no loss"):
        losses.get(3)
    with pytest.raises(TypeError, match="from_logits"):
        losses.BinaryCrossentropy(from_logit=True)
