"""Distillation: the losses, and a student that learns from a teacher."""

import numpy as np
import pytest

import diptych
from diptych import Input, distillation, layers
from diptych.distillation import Distiller, FeatureDistillation, LogitsDistillation

RNG = np.random.default_rng(0)
T, S = RNG.normal(size=(2, 4, 3)).astype("float32")
X, Y = RNG.normal(size=(16, 5)).astype("float32"), RNG.integers(0, 3, 16)


def network(name, units=3, inputs=5):
    hidden = layers.Dense(8, name="h")
    return diptych.Sequential([Input((inputs,)), hidden, layers.Dense(units)], name=name)


def test_the_loss_of_logits():
    for temperature in (1.0, 3.0):
        loss = LogitsDistillation(temperature, loss="mse")
        expected = np.mean(np.square(T - S)) / temperature**2
        assert float(loss.compute_loss(T, S)) == pytest.approx(expected, rel=1e-5)
        again = LogitsDistillation.from_config(loss.get_config())
        assert float(again.compute_loss(T, S)) == float(loss.compute_loss(T, S))
    both = LogitsDistillation(1.0, loss={"a": "mse", "b": "mae"})
    expected = np.mean(np.square(T - S)) + np.mean(np.abs(T - S))
    found = both.compute_loss({"a": T, "b": T}, {"a": S, "b": S})
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LogitsDistillation(0),
        lambda: LogitsDistillation("a"),
        lambda: LogitsDistillation(loss=None),
        lambda: LogitsDistillation().compute_loss([T, T], [S, S]),
        lambda: LogitsDistillation().compute_loss([T, T], S),
        lambda: Distiller(3, network("s"), LogitsDistillation()),
        lambda: Distiller(network("t"), network("s", 4), LogitsDistillation()),
        lambda: Distiller(network("t"), network("s", inputs=6), LogitsDistillation()),
        lambda: Distiller(
            network("t"), network("s"), FeatureDistillation("mse", "no such layer", "h")
        ),
        lambda: Distiller(network("t"), network("s"), LogitsDistillation(), student_loss_weight=2),
        lambda: Distiller(network("t"), network("s"), LogitsDistillation(), [1.0, 2.0]),
    ],
)
def test_what_does_not_fit(make):
    with pytest.raises(ValueError, match=r"\w{4}"):
        make()


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_student_learns_from_its_teacher(engine):
    teacher, student = network("t"), network("s")
    before = teacher.get_weights()
    features = FeatureDistillation(teacher_layer_name="h", student_layer_name="h")
    model = Distiller(teacher, student, [LogitsDistillation(2.0, "mse"), features], [1.0, 0.5], 0.3)
    cross = diptych.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(diptych.optimizers.SGD(0.1), loss=cross, metrics=["accuracy"])
    with diptych.engine(engine):
        logs = model.evaluate(X, Y, batch_size=16, return_dict=True, verbose=0)
        hidden = [m.layers[0](X).numpy() for m in (teacher, student)]
        outputs = [m(X).numpy() for m in (teacher, student)]
        distilled = np.mean(np.square(outputs[0] - outputs[1])) / 4
        distilled += 0.5 * np.mean(np.square(hidden[0] - hidden[1]))
        assert logs["distillation_loss"] == pytest.approx(distilled, rel=1e-5)
        assert logs["student_loss"] == pytest.approx(float(cross(Y, outputs[1])), rel=1e-5)
        total = 0.3 * logs["student_loss"] + 0.7 * distilled
        assert logs["loss"] == logs["total_loss"] == pytest.approx(total, rel=1e-5)
        losses = model.fit(X, Y, epochs=5, verbose=0).history["distillation_loss"]
    assert losses[-1] < losses[0]
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert len(model.trainable_variables) == 4
    np.testing.assert_array_equal(model.predict(X, verbose=0), student.predict(X, verbose=0))


def test_a_distiller_in_a_file(tmp_path):
    model = Distiller(network("t"), network("s"), LogitsDistillation(2.0, "mse"))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model(X)
    model.save(tmp_path / "m.keras")
    again = diptych.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(X), model(X))
    assert again.distillation_losses[0].temperature == 2.0


def test_a_loss_of_ones_own():
    class Farthest(distillation.DistillationLoss):
        def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
            return diptych.ops.max(diptych.ops.abs(teacher_outputs - student_outputs))

    model = Distiller(network("t"), network("s"), Farthest(), student_loss_weight=0.0)
    model.compile("sgd", diptych.losses.SparseCategoricalCrossentropy(from_logits=True))
    logs = model.evaluate(X, Y, return_dict=True, verbose=0)
    expected = np.abs(model.teacher(X).numpy() - model.student(X).numpy()).max()
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(NotImplementedError, match="compute_loss"):
        distillation.DistillationLoss().compute_loss(T, S)
