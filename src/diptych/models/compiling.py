"""Compiling: the optimizer, the losses and the metrics of a model."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import engine as _engine
from .. import losses as losses_module
from .. import metrics as metrics_module
from .. import optimizers
from ..legacy import accepts_old
from ..utils import objects
from .checks import Checks
from .compiled import CompiledLoss, CompiledMetrics
from .frozen import TrainableFlags
from .passes import Progress, check_size
from .replay import Replay
from .results import enter, names_before_build

if TYPE_CHECKING:
    from ..graph import KerasTensor
    from ..layers.layer import Layer as _Beside  # Model inherits from Trainer and Layer
    from .again import Fitted
else:
    _Beside = object

_ON_ANY_ENGINE = contextlib.nullcontext()


class _Arguments:
    """What ``compile`` was called with; an object, so that its metrics are not the model's own."""

    def __init__(self, **given: Any) -> None:
        self.given = given


class Compiling(_Beside):
    """The part of ``Steps`` that knows what the model is compiled with."""

    engine: str | None = None
    # A layer that is not a Model has no graph.
    _function: Any = None

    @property
    def inputs(self) -> list[KerasTensor] | None:
        """The symbolic inputs; None without a graph."""
        return None

    @property
    def outputs(self) -> list[KerasTensor] | None:
        """The symbolic outputs; None without a graph."""
        return None

    @property
    def _producers(self) -> list[str]:
        """The name of the layer of each output."""
        return []

    def __init__(self, **kwargs: Any) -> None:
        if not hasattr(self, "_sublayers"):  # else the class calls Layer.__init__ itself
            super().__init__(**kwargs)
        self.optimizer: Any = None
        self.loss: Any = None
        self.compiled = False
        self.steps_per_execution = 1
        self._compiled_flags: TrainableFlags
        # Whether to end after the present batch; callbacks and steps of one's own set them.
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.history: Any = None
        self._loss: CompiledLoss | None = None
        self._metrics: CompiledMetrics | None = None
        self._loss_mean = metrics_module.Mean(name="loss")
        # None, the key of a step that is not recorded, is never in here.
        self._replays: dict[tuple | None, Replay | None] = {}
        self._fitted: dict[tuple, Fitted] = {}  # by the forms of the data
        self._progress: Progress | None = None  # while `fit` runs
        self._plan_report = "No plan: the model has not been trained by fit()."

    @accepts_old("compile")
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Configure training. The weights stay the same; optimizer and metrics are reset.

        Args:
            optimizer: a name or an ``Optimizer``.
            loss: a name, a ``Loss`` or a function of y_true and y_pred; a list or dict of them for
                several outputs.
            loss_weights: factors for the losses of several outputs, in the same form.
            metrics: a list of names, ``Metric``s or functions; for several outputs a list of lists
                or a dict.
            weighted_metrics: metrics that use sample weights.
            steps_per_execution: the number of batches between two calls of callbacks, in training,
                evaluation and prediction.
            run_eagerly, jit_compile, auto_scale_loss: accepted for Keras's sake, without effect.

        Raises:
            ValueError: a name is unknown (the nearest one is suggested), or dicts do not fit the
                outputs.
        """
        self.steps_per_execution = check_size(steps_per_execution, "steps_per_execution")
        if isinstance(optimizer, str) and optimizer in objects.TABLES["losses"]:
            raise ValueError(
                f"The optimizer comes first, and {optimizer!r} is a loss: "
                f"compile('adam', {optimizer!r})."
            )
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        self._compile_arguments = _Arguments(
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )
        producers = self._producers
        self._loss = None if loss is None else CompiledLoss(loss, loss_weights, producers)
        self._metrics = CompiledMetrics(metrics, weighted_metrics, producers)
        if self.outputs is not None and self._loss is not None:
            self._loss.build(self.output)
        self._loss_mean = metrics_module.Mean(name="loss")
        self._checks = Checks(self)
        self._replays, self._fitted = {}, {}
        self._compiled_flags = TrainableFlags(self)
        self.stop_training = False
        self.compiled = True

    def get_compile_config(self) -> dict[str, Any]:
        """Return the arguments of ``compile`` as a file holds them; {} if it was not called."""
        if not self.compiled:
            return {}
        described = {key: objects.serialize(v) for key, v in self._compile_arguments.given.items()}
        return {"optimizer": optimizers.serialize(self.optimizer), **described}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as the model was compiled that ``get_compile_config`` described.

        A model that overrides ``compile`` has to override this as well.

        Raises:
            ValueError: a loss, metric or optimizer is unknown.
        """
        if type(self).compile is not Compiling.compile:
            warnings.warn(
                f"Model {self.name!r} was not compiled as it was when it was saved: "
                f"{type(self).__name__} has a compile() of its own, so it needs its own "
                "get_compile_config() and compile_from_config(config), too; or call compile() now.",
                stacklevel=2,
            )
            return
        kinds = {"loss": losses_module, "metrics": metrics_module}
        kinds["weighted_metrics"] = metrics_module
        known = ("loss_weights", "run_eagerly", "steps_per_execution", *kinds)
        arguments = {
            key: _revived(value, kinds[key]) if key in kinds else value
            for key, value in config.items()
            if key in known and value is not None
        }
        optimizer = config.get("optimizer")
        if isinstance(optimizer, dict):
            optimizer = optimizers.deserialize(optimizer)
        self.compile(optimizer=optimizer, **arguments)
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def _must_be_compiled(self, what: str) -> None:
        if not self.compiled:
            raise ValueError(
                f"Model {self.name!r} must be compiled before {what}: model.compile(optimizer, "
                "loss, metrics)."
            )

    def _on_its_engine(self) -> Any:
        return _ON_ANY_ENGINE if self.engine is None else _engine.use(self.engine)

    def _in_training(self) -> Any:
        """Run on the model's engine, without NumPy's warnings about NaN and infinity, which are
        reported once.
        """
        quiet = np.errstate(all="ignore")
        one_is_enough = self.engine is None and _engine.current().name != "reference"
        return quiet if one_is_enough else self._computing(quiet)

    @contextlib.contextmanager
    def _computing(self, quiet: Any) -> Any:
        with self._on_its_engine(), _engine.current().computing(), quiet:
            yield

    # ----------------------------------------------------------------------------------------------
    # Metrics

    @property
    def metrics(self) -> list:
        """All metrics: the mean loss, the losses of several outputs, the compiled metrics, and
        those of layers.
        """
        found = [self._loss_mean] if self.compiled else []
        found += [] if self._loss is None else self._loss.metrics
        found += [] if self._metrics is None else self._metrics.metrics
        return found + self._own_metrics()

    def _own_metrics(self) -> list:
        """Metrics that the model or a layer in it holds as an attribute."""
        return super().metrics

    @property
    def metrics_names(self) -> list[str]:
        """The names of what ``evaluate`` returns, in its order."""
        if not self.compiled:
            return []
        names = (
            ["loss"] + [] if self._loss is None else ["loss", *(m.name for m in self._loss.metrics)]
        )
        if self._metrics is not None:
            each = self._metrics.names if self._metrics.built else names_before_build(self._metrics)
            # As in Keras: metrics of several outputs in alphabetical order, those of one in the
            # given order.
            count = self._metrics.outputs.count if self._metrics.built else len(self.outputs or ())
            names += sorted(each) if count > 1 else each
        return names + [metric.name for metric in self._own_metrics()]

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the result of every metric by its name."""
        results: dict[str, Any] = {}
        if self._loss_mean.count.array:
            results["loss"] = float(self._loss_mean.result())
        for metric in [] if self._loss is None else self._loss.metrics:
            results[metric.name] = float(metric.result())
        if self._metrics is not None:
            for name, metric in zip(self._metrics.names, self._metrics.metrics, strict=True):
                enter(results, name, metric.result())
        for metric in self._own_metrics():
            enter(results, metric.name, metric.result())
        return results

    def reset_metrics(self) -> None:
        """Reset all metrics."""
        for metric in self.metrics:
            metric.reset_state()


def _revived(value: Any, module: Any) -> Any:
    """Losses or metrics of a compiled model's configuration, names as they are."""
    if isinstance(value, dict) and "class_name" in value:
        return module.deserialize(value)
    if isinstance(value, dict):
        return {key: _revived(part, module) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_revived(part, module) for part in value]
    return value
