"""Data that cannot be trained on are refused before training, by messages that say what to do.

A small fake stands for the compiled model: all that the checks see of one are shapes and names.
"""

import types
import warnings

import numpy as np
import pytest

from diptych.models import checks
from diptych.models.checks import Checks
from diptych.models.compiled import LossPart
from diptych.models.data import batches_for
from diptych.models.outputs import Outputs


def loss(name, **attributes):
    """An object whose class has the name of a built-in loss."""
    words = {"kl_divergence": "KLDivergence"}
    made = type(words.get(name, name.title().replace("_", "")), (), attributes)()
    assert checks._kind(made) == name
    return made


class FakeModel:
    trainable_variables = ("kernel",)

    def __init__(self, inputs, outputs, losses, layers=("Dense",)):
        tensor = types.SimpleNamespace
        self.inputs = [
            tensor(name=f"in_{i}", shape=s, dtype="float32") for i, s in enumerate(inputs)
        ]
        self.outputs = [tensor(shape=s) for s in outputs]
        self.output_names = [f"out_{i}" for i in range(len(outputs))]
        self.input = self.inputs if len(inputs) > 1 else self.inputs[0]
        self.layers = [type(name, (), {})() for name in layers]
        self._loss = types.SimpleNamespace(
            built=True,
            parts=[LossPart(i, one, 1.0) for i, one in enumerate(losses) if one is not None],
            outputs=Outputs([0] * len(outputs), self.output_names),
        )

    def train_step(self, data):
        raise NotImplementedError

    def widen(self, shape):
        return False

    def takes_text(self):
        return False

    def _flatten_layers(self):
        return self.layers


FakeModel.__module__ = "diptych.models.fake"
FakeModel.train_step.__module__ = "diptych.models.fake"


def model(inputs=(None, 4), outputs=(None, 10), kind="mean_squared_error", **attributes):
    return FakeModel([inputs], [outputs], [loss(kind, **attributes)])


def check(model, x, y=None, sample_weight=None):
    Checks(model).before_training(batches_for(x, y, sample_weight))


def zeros(*shape, dtype="float32"):
    return np.zeros(shape, dtype)


# Inputs


@pytest.mark.parametrize(
    ("want", "have"),
    [
        ((None, 4), (7, 4)),
        ((None, None), (7, 4)),
        ((None, 28, 28, 1), (7, 28, 28)),
        ((None, 28, 28), (7, 28, 28, 1)),
        ((None, 1), (7,)),
        ((None, None, 3), (7, 5, 3)),
    ],
)
def test_inputs_that_fit(want, have):
    Checks(model(want)).inputs(zeros(*have))


@pytest.mark.parametrize(
    ("want", "have", "message"),
    [
        (
            (None, 784),
            (1000, 100),
            r"input has shape \(None, 784\), but the data have shape \(1000, 100\): each sample "
            r"should have shape \(784,\) but has \(100,\)\. Use Input\(shape=\(100,\)\)",
        ),
        ((None, 784), (9, 28, 28), r"x\.reshape\(len\(x\), 784\) fixes it, or a Flatten"),
        ((None, 28, 28), (9, 784), r"x\.reshape\(len\(x\), 28, 28\)"),
        ((None, 784), (784,), r"single sample; x\[np\.newaxis\]"),
        ((None, 28, 28), (28, 28), r"single sample"),
        ((None, 5, 3), (9, 7), r"should have 2 axes but has 1"),
        ((None, 3), (9, 7, 7), r"should have 1 axis but has 2"),
    ],
)
def test_inputs_that_do_not_fit(want, have, message):
    with pytest.raises(ValueError, match=message):
        Checks(model(want)).inputs(zeros(*have))
    with pytest.raises(ValueError, match=message):
        check(model(want), zeros(*have), zeros(have[0], 10))


def test_several_inputs_by_place_and_by_name():
    two = FakeModel([(None, 2), (None, 3)], [(None, 1)], [loss("huber")])
    a, b = zeros(5, 2), zeros(5, 3)
    Checks(two).inputs([a, b])
    Checks(two).inputs({"in_1": b, "in_0": a})
    with pytest.raises(ValueError, match=r"input 'in_0' of the model has shape \(None, 2\)"):
        Checks(two).inputs([b, a])
    with pytest.raises(ValueError, match=r"the dict x has no 'in_1'; did you mean 'in1'"):
        Checks(two).inputs({"in_0": a, "in1": b})
    with pytest.raises(ValueError, match=r"has 2 inputs, \['in_0', 'in_1'\], and x is 1 array\."):
        Checks(two).inputs(a)


def test_a_list_of_samples_is_recognised():
    with pytest.raises(ValueError, match=r"x is a list of 3 arrays.*one array of shape \(3, 4\)"):
        Checks(model()).inputs([zeros(4)] * 3)


# Labels beside the output and the loss


@pytest.mark.parametrize(
    ("kind", "output", "labels"),
    [
        ("mean_squared_error", (None, 1), (7,)),
        ("mean_squared_error", (None, 1), (7, 1)),
        ("mean_squared_error", (None, 10), (7, 10)),
        ("mean_squared_error", (None, 5, 2), (7, 5, 2)),
        ("mean_squared_error", (None, 5), (7, 5, 1)),
        ("mean_squared_error", (None, None), (7, 3)),
        ("binary_crossentropy", (None, 1), (7,)),
        ("categorical_crossentropy", (None, 10), (7, 10)),
        ("sparse_categorical_crossentropy", (None, 10), (7,)),
        ("sparse_categorical_crossentropy", (None, 10), (7, 1)),
        ("sparse_categorical_crossentropy", (None, 5, 10), (7, 5)),
        ("sparse_categorical_crossentropy", (None, 5, 10), (7, 5, 1)),
        ("sparse_categorical_crossentropy", (None, None, 10), (7, 5)),
    ],
)
def test_labels_that_fit(kind, output, labels):
    check(model(outputs=output, kind=kind), zeros(7, 4), zeros(*labels))
    Checks(model(outputs=output, kind=kind)).batch(zeros(7, 4), zeros(*labels))


@pytest.mark.parametrize(
    ("kind", "output", "labels", "message"),
    [
        (
            "categorical_crossentropy",
            (None, 64),
            (1000, 10),
            r"output has shape \(None, 64\) after layer `out_0`, and y has shape \(1000, 10\): .*"
            r"add Dense\(10, activation='softmax'\) as the last layer",
        ),
        (
            "categorical_crossentropy",
            (None, 10),
            (1000, 1),
            r"one column for each of 10 classes\. For class numbers use "
            r"loss='sparse_categorical_crossentropy', or .*to_categorical\(y, num_classes=10\)",
        ),
        ("categorical_crossentropy", (None, 10), (1000,), "loss='sparse_categorical_crossentropy'"),
        (
            "binary_crossentropy",
            (None, 10),
            (1000, 1),
            r"each of 10 units\. .*'sparse_categorical_crossentropy'.*; for a yes/no .* Dense\(1",
        ),
        ("mean_squared_error", (None, 10), (1000, 3), r"add Dense\(3\) as the last layer"),
        ("mean_squared_error", (None, 10), (1000,), r"needs labels in the shape .*\('N', 10\)"),
        ("hinge", (None, 5, 2), (1000, 2), r"needs labels in the shape .*\('N', 5, 2\)"),
        (
            "sparse_categorical_crossentropy",
            (None, 10),
            (1000, 10),
            r"one column for each of 10 classes, but .* class numbers, shape \(1000,\): use "
            r"loss='categorical_crossentropy', or y\.argmax\(-1\)",
        ),
        (
            "sparse_categorical_crossentropy",
            (None, 10),
            (1000, 3),
            r"one class number for each row of 10 probabilities, so labels of shape \(None,\)",
        ),
    ],
)
def test_labels_that_do_not_fit(kind, output, labels, message):
    with pytest.raises(ValueError, match=message):
        check(model(outputs=output, kind=kind), zeros(1000, 4), zeros(*labels))
    with pytest.raises(ValueError, match=message):
        Checks(model(outputs=output, kind=kind)).batch(zeros(1000, 4), zeros(*labels))


def test_a_loss_of_the_users_own_may_take_any_labels():
    own = FakeModel([(None, 4)], [(None, 10)], [types.SimpleNamespace(name="own")])
    check(own, zeros(7, 4), zeros(7, 3))


def test_a_training_step_of_the_users_own_may_take_any_labels():
    class Own(FakeModel):
        def train_step(self, data):
            return {}

    own = Own([(None, 4)], [(None, 10)], [loss("mean_squared_error")])
    check(own, zeros(7, 4), zeros(7, 3))
    with pytest.raises(ValueError, match="should have shape"):
        check(own, zeros(7, 5), zeros(7, 3))


def test_several_outputs_by_place_and_by_name():
    two = FakeModel(
        [(None, 4)], [(None, 2), (None, 3)], [loss("huber"), loss("mean_squared_error")]
    )
    a, b, x = zeros(5, 2), zeros(5, 3), zeros(5, 4)
    check(two, x, [a, b])
    check(two, x, {"out_1": b, "out_0": a})
    for part in ({"out_1": b}, [None, b]):
        with pytest.raises(ValueError, match="Output 'out_0' .* a loss, huber, but no labels"):
            check(two, x, part)
    with pytest.raises(ValueError, match=r"y\['out_0'\] has shape \(5, 3\)"):
        check(two, x, [b, b])
    with pytest.raises(ValueError, match="y is 1 array, but the model has 2 outputs"):
        check(two, x, a)
    with pytest.raises(ValueError, match=r"the key 'out1'; did you mean 'out_1'"):
        check(two, x, {"out_0": a, "out1": b})


def test_a_model_without_a_graph_is_asked_with_one_row():
    fake = model()
    fake.inputs = fake.outputs = None
    fake.name = "own"
    fake._as_tensors = lambda x: (x,)
    seen = []

    class Called(FakeModel):
        def __call__(self, x, training):
            seen.append((x.shape, training))
            return np.zeros((len(x), 6))

    Called.__module__ = "diptych.models.fake"
    fake.__class__ = Called
    checked = Checks(fake)
    checked.batch(zeros(7, 4), zeros(7, 6))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"shape \(None, 6\) after layer `own`.*Dense\(5\)"):
            checked.batch(zeros(7, 4), zeros(7, 5))
    assert seen == [((1, 4), False)]


def test_without_labels_there_is_nothing_to_compare():
    check(model(), zeros(7, 4))


# Values of labels


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32"])
def test_class_numbers_within_range(dtype, shape):
    labels = np.array([0, 1, 2, 2, 1, 0], dtype).reshape(shape)
    check(model(outputs=(None, 3), kind="sparse_categorical_crossentropy"), zeros(6, 4), labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            [0, 1, 3, 5],
            r"label 3 in row 2 \(2 such labels in all\).* 0 to 2\. For 6 classes end .*\(6\)",
        ),
        ([1, 2, 3, 3], r"label 3 in row 2 .*They start at 1: y - 1 makes them start at 0"),
        ([0, -1, 2, 1], r"label -1 in row 1 .*pass ignore_class=-1"),
        ([[0], [1], [2], [-7]], r"label -7 in row 3 \(1 such"),
        ([0.0, 1.5, 2.0, 1.0], r"label 1\.5 in row 1"),
        ([0.0, np.nan, 2.0, 1.0], r"label nan in row 1"),
    ],
)
def test_class_numbers_out_of_range(labels, message):
    sparse = model(outputs=(None, 3), kind="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=message):
        check(sparse, zeros(4, 4), np.array(labels))


def test_the_ignored_class_may_be_out_of_range():
    sparse = model(outputs=(None, 3), kind="sparse_categorical_crossentropy", ignore_class=-1)
    check(sparse, zeros(4, 4), np.array([0, -1, 2, -1]))
    with pytest.raises(ValueError, match="label -2 in row 1"):
        check(sparse, zeros(4, 4), np.array([0, -2, 2, -1]))


def test_the_label_of_a_time_step_is_named_by_its_row():
    sparse = model(outputs=(None, 2, 3), kind="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="label 9 in row 3"):
        check(sparse, zeros(4, 4), np.array([[0, 1], [2, 0], [0, 0], [1, 9]]))


@pytest.mark.parametrize("kind", ["binary_crossentropy", "categorical_crossentropy"])
def test_labels_outside_0_to_1_warn(kind):
    labels = np.array([[1.0, -1.0], [-1.0, 1.0]])
    with pytest.warns(
        UserWarning, match=r"y ranges from -1 to 1\. \(y \+ 1\) / 2 turns -1 and 1 into 0 and 1"
    ):
        check(model(outputs=(None, 2), kind=kind), zeros(2, 4), labels)
    check(model(outputs=(None, 2), kind=kind), zeros(2, 4), (labels + 1) / 2)


# NaN, infinity and bytes


def test_nan_and_infinity_are_counted_in_one_warning_that_shows_the_callers_line():
    x, y = zeros(50, 4), zeros(50, 10)
    x[[7, 7, 30], [0, 1, 2]] = np.nan
    x[40, 0] = -np.inf
    y[3, 3] = np.inf
    with pytest.warns(UserWarning, match="NaN or infinity") as told:
        check(model(), x, y)
    assert len(told) == 1
    message = str(told[0].message)
    assert "The training data contain NaN or infinity" in message
    assert "x has 3 NaN and 1 infinite in 3 rows, the first in row 7" in message
    assert "y has 1 infinite in 1 row, the first in row 3" in message
    assert told[0].filename == __file__


@pytest.mark.parametrize("layout", ["C", "F"])
def test_large_numbers_are_not_infinite(layout):
    x = np.full((5, 4), 3e38, dtype="float32", order=layout)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(model(), x, zeros(5, 10))


@pytest.mark.parametrize("layout", ["C", "F"])
def test_infinities_that_cancel_are_found(layout):
    x = np.zeros((5, 4), order=layout)
    x[0, 0], x[1, 1] = np.inf, -np.inf
    with pytest.warns(UserWarning, match="x has 2 infinite in 2 rows, the first in row 0"):
        check(model(), x, zeros(5, 10))


def test_nan_among_the_sample_weights_warns():
    with pytest.warns(UserWarning, match="sample_weight has 1 NaN in 1 row"):
        check(model(), zeros(2, 4), zeros(2, 10), np.array([1.0, np.nan]))


def test_data_in_a_file_are_not_read_through(tmp_path):
    held = np.memmap(tmp_path / "rows", dtype="float32", mode="w+", shape=(40, 4))
    held[32:] = np.nan
    check(model(), held, zeros(40, 10))
    held[31] = np.nan
    with pytest.warns(UserWarning, match="x has 4 NaN in 1 rows?, the first in row 31"):
        check(model(), held, zeros(40, 10))


def test_bytes_are_hinted_at_once(monkeypatch):
    monkeypatch.setattr(Checks, "hinted", False)
    x = np.full((5, 4), 200, dtype=np.uint8)
    with pytest.warns(UserWarning, match=r"bytes up to 200.*x / 255\.0"):
        check(model(), x, zeros(5, 10))
    check(model(), x, zeros(5, 10))


@pytest.mark.parametrize(
    ("x", "layers"),
    [
        (np.full((5, 4), 200, dtype=np.uint8), ("Rescaling", "Dense")),
        (np.full((5, 4), 200, dtype=np.uint8), ("Embedding", "Dense")),
        (np.full((5, 4), 1, dtype=np.uint8), ("Dense",)),
        (np.full((5, 4), 200, dtype=np.int64), ("Dense",)),
    ],
)
def test_no_hint_where_the_bytes_are_fine(monkeypatch, x, layers):
    monkeypatch.setattr(Checks, "hinted", False)
    fake = FakeModel([(None, 4)], [(None, 10)], [loss("mean_squared_error")], layers)
    check(fake, x, zeros(5, 10))
    assert not Checks.hinted


# Single batches


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (zeros(0, 4), zeros(0, 10), "The batch is empty"),
        (zeros(3, 4), zeros(2, 10), r"number of samples \(x: 3; y: 2\)"),
        (np.array([[None] * 4] * 3), zeros(3, 10), "x is an array of Python objects"),
        (zeros(3, 4), np.array("a"), "y holds text"),
        (np.array(1.0), zeros(3, 10), "x is the single value"),
        (zeros(3, 5), zeros(3, 10), r"should have shape \(4,\) but has \(5,\)"),
        (zeros(3, 4), zeros(3, 9), r"add Dense\(9\)"),
    ],
)
def test_a_batch_that_does_not_fit(x, y, message):
    checked = Checks(model())
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            checked.batch(x, y)


def test_shapes_that_were_good_are_not_compared_again(monkeypatch):
    checked = Checks(model())
    checked.batch(zeros(3, 4), zeros(3, 10))
    checked.batch([zeros(3, 4)], [zeros(3, 10)])
    monkeypatch.setattr(checked, "_check_shapes", lambda *_: pytest.fail("compared again"))
    checked.batch(zeros(3, 4), zeros(3, 10))
    checked.batch([zeros(3, 4)], [zeros(3, 10)])


def test_the_first_batch_of_a_generator_is_checked():
    def rows():
        yield zeros(3, 5), zeros(3, 10)

    with pytest.raises(ValueError, match=r"should have shape \(4,\) but has \(5,\)"):
        check(model(), rows())
