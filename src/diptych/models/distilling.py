"""Distillation: a small model, the student, learns from the outputs of a trained one, the teacher.

Source: Hinton, Vinyals & Dean 2015, Distilling the Knowledge in a Neural Network; for features
    Romero et al. 2015, FitNets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import losses, metrics, ops
from ..layers.serialization import MODELS, deserialize, serialize
from ..nested import flatten, map_structure
from ..utils import objects
from .model import Model


class DistillationLoss:
    """How far a student's outputs are from a teacher's; a loss of one's own overrides
    ``compute_loss``.
    """

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """Return the loss of a batch, a scalar."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a method compute_loss(self, teacher_outputs, "
            "student_outputs)."
        )

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Raise a ValueError unless both are structures with the same number of outputs."""
        counts = len(flatten(teacher_outputs)), len(flatten(student_outputs))
        if counts[0] != counts[1]:
            raise ValueError(
                f"{type(self).__name__}: the teacher has {counts[0]} outputs and the student "
                f"{counts[1]}."
            )

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Raise a ValueError if the student cannot learn from this teacher by this loss."""


class _OfOutputs(DistillationLoss):
    """A loss, or a structure of losses as that of the outputs, whose sum counts."""

    def __init__(self, loss: Any) -> None:
        self.loss = map_structure(losses.get, loss)
        if all(one is None for one in flatten(self.loss)):
            raise ValueError(f"{type(self).__name__} needs a loss; got loss={loss!r}.")

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        self.validate_outputs(teacher_outputs, student_outputs)
        parts = [flatten(part) for part in (self.loss, teacher_outputs, student_outputs)]
        if len(parts[0]) != len(parts[1]):
            raise ValueError(
                f"{type(self).__name__} has {len(parts[0])} losses for {len(parts[1])} outputs."
            )
        total: Any = 0.0
        for loss, teacher, student in zip(*parts, strict=True):
            if loss is not None:
                total = ops.add(total, ops.mean(loss(teacher, student)))
        return total

    def get_config(self) -> dict[str, Any]:
        return {"loss": map_structure(objects.serialize, self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**{**config, "loss": objects.revive(config["loss"])})


class LogitsDistillation(_OfOutputs):
    """A loss between the outputs of teacher and student, both divided by the temperature.

    Args:
        temperature: a positive number; with a higher one, differences between outputs count less.
        loss: a name, a ``Loss`` or a function, called with (teacher / temperature, student /
            temperature); a list or dict of them for several outputs.

    Raises:
        ValueError: the temperature is no positive number.
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        if not isinstance(temperature, (int, float)) or temperature <= 0:
            raise ValueError(f"temperature={temperature!r}; expected a positive number")
        self.temperature = temperature
        super().__init__(loss)

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        def cooled(output: Any) -> Any:
            return ops.divide(ops.convert_to_tensor(output), float(self.temperature))

        return super().compute_loss(
            map_structure(cooled, teacher_outputs), map_structure(cooled, student_outputs)
        )

    def get_config(self) -> dict[str, Any]:
        return {"temperature": self.temperature, **super().get_config()}


class FeatureDistillation(_OfOutputs):
    """A loss between the outputs of a layer of the teacher and of one of the student.

    Args:
        loss: as in ``LogitsDistillation``.
        teacher_layer_name, student_layer_name: the layers; None for the outputs of the model.
    """

    def __init__(
        self,
        loss: Any = "mse",
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
    ) -> None:
        super().__init__(loss)
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        for model, name in ((teacher, self.teacher_layer_name), (student, self.student_layer_name)):
            if name is not None:
                if model.inputs is None:
                    raise ValueError(
                        f"Model {model.name!r} has no graph, so that the output of its layer "
                        f"{name!r} cannot be taken."
                    )
                model.get_layer(name)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }


class Distiller(Model):
    """A model that trains the student, with the teacher's outputs as a second kind of labels.

    Its loss is ``student_loss_weight`` times the compiled loss, plus the rest to 1 times the
    weighted sum of the distillation losses. The teacher is not trained.

    Args:
        teacher: a trained model.
        student: the model to train; ``distiller.student`` is the result.
        distillation_losses: a ``DistillationLoss``, or a list of them.
        distillation_loss_weights: a factor for each; 1 by default.
        student_loss_weight: between 0 and 1.
        name: a name.

    Raises:
        ValueError: something is no model, the shapes of the models do not fit, or the weights.
    """

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: Any,
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        one = not isinstance(distillation_losses, (list, tuple))
        self.distillation_losses = [distillation_losses] if one else list(distillation_losses)
        weights = distillation_loss_weights
        self.distillation_loss_weights = (
            [1.0] * len(self.distillation_losses)
            if weights is None
            else list(weights)
            if isinstance(weights, (list, tuple))
            else [weights]
        )
        self.student_loss_weight = student_loss_weight
        _check(teacher, student, self)
        self.teacher, self.student = teacher, student
        teacher.trainable = False
        self._features = [_features(loss, teacher, student) for loss in self.distillation_losses]
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """The outputs of the student."""
        return self.student(inputs, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the weighted loss of a batch, and count its parts in the metrics."""
        taught = super().compute_loss(x, y, y_pred, sample_weight, training=training)
        distilled: Any = 0.0
        outputs = self.teacher(x, training=False)
        for loss, weight, (teacher, student) in zip(
            self.distillation_losses, self.distillation_loss_weights, self._features, strict=True
        ):
            one = loss.compute_loss(
                outputs if teacher is None else teacher(x, training=False),
                y_pred if student is None else student(x, training=training),
            )
            distilled = ops.add(distilled, ops.multiply(one, float(weight)))
        share = float(self.student_loss_weight)
        total = ops.add(ops.multiply(taught, share), ops.multiply(distilled, 1.0 - share))
        self.student_loss_tracker.update_state(taught)
        self.distillation_loss_tracker.update_state(distilled)
        self.total_loss_tracker.update_state(total)
        return total

    def get_config(self) -> dict[str, Any]:
        return {
            **super(Model, self).get_config(),
            "teacher": serialize(self.teacher),
            "student": serialize(self.student),
            "distillation_losses": [objects.serialize(one) for one in self.distillation_losses],
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, type] | None = None
    ) -> Distiller:
        models = {name: deserialize(config[name], custom_objects) for name in _MODELS}
        made = objects.revive(config["distillation_losses"], custom_objects)
        return cls(**{**config, **models, "distillation_losses": made})


_MODELS = ("teacher", "student")


def _check(teacher: Any, student: Any, distiller: Distiller) -> None:
    for name, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, Model):
            raise ValueError(f"The {name} is a Model, but got a {type(model).__name__}.")
    weights, made = distiller.distillation_loss_weights, distiller.distillation_losses
    if len(weights) != len(made):
        raise ValueError(f"There are {len(made)} distillation_losses, but {len(weights)} weights.")
    share = distiller.student_loss_weight
    if not 0 <= share <= 1:
        raise ValueError(f"student_loss_weight={share!r}; expected a number between 0 and 1")
    for what in ("inputs", "outputs"):
        theirs, ours = getattr(teacher, what), getattr(student, what)
        if theirs is None or ours is None:
            continue  # subclassed models say it with the first batch
        if what == "outputs" and all(isinstance(loss, FeatureDistillation) for loss in made):
            continue
        shapes = [[tensor.shape for tensor in side] for side in (theirs, ours)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"The {what} of the teacher have the shapes {shapes[0]}, those of the student "
                f"{shapes[1]}: they must be equal."
            )
    for loss in made:
        loss.validate_model_compatibility(teacher, student)


def _features(loss: Any, teacher: Model, student: Model) -> tuple[Model | None, Model | None]:
    """Models with the outputs of the layers that a loss compares; None for those of the models."""
    names = [getattr(loss, f"{which}_layer_name", None) for which in _MODELS]
    return tuple(  # type: ignore[return-value]
        None if name is None else Model(model.input, model.get_layer(name).output)
        for model, name in zip((teacher, student), names, strict=True)
    )


MODELS["Distiller"] = Distiller
objects.TABLES["distillation"] = {
    cls.__name__: cls for cls in (LogitsDistillation, FeatureDistillation)
}
for cls in (Distiller, LogitsDistillation, FeatureDistillation):
    objects.HOMES[cls] = ("keras.distillation", cls.__name__, None)
