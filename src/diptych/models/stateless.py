"""Models as functions of the values of their variables, and their state as a tree of paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nested import map_structure
from ..stateless import StatelessScope, check_values, values_of
from ..tensor import Tensor, Variable
from ..utils.batches import unpack_x_y_sample_weight as unpack
from ..utils.naming import suggest

if TYPE_CHECKING:
    from ..layers.layer import Layer
    from .trainer import Trainer

    class _Beside(Trainer, Layer):
        """Model, which inherits from all three."""
else:
    _Beside = object

_TREE = ("trainable_variables", "non_trainable_variables", "metrics_variables")


class Stateless(_Beside):
    """The part of ``Model`` with steps whose state goes in and comes out."""

    def stateless_compute_loss(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple:
        """``compute_loss`` with other values of the variables, which stay as they are.

        Returns:
            The loss and the new values: (trainable, non-trainable, metrics).

        Raises:
            ValueError: the values are not one for each variable.
        """
        given = (trainable_variables, non_trainable_variables, metrics_variables)
        with self._other_values(given):
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=training)
            return loss, tuple(values_of(getattr(self, name)) for name in _TREE)

    def compute_loss_and_updates(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any,
        y: Any,
        sample_weight: Any,
        training: bool = False,
        optimizer_variables: Sequence[Any] | None = None,
    ) -> tuple:
        """The loss of a batch with other values of the variables, which stay as they are.

        Returns:
            The loss as the optimizer scales it, and (the loss, the outputs, the new values of the
            non-trainable variables, those of the metrics).

        Raises:
            ValueError: the values are not one for each variable.
        """
        given = (trainable_variables, non_trainable_variables, metrics_variables)
        with self._other_values(given):
            y_pred = self(x, training=training)
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=training)
            scaled = loss if self.optimizer is None else self.optimizer.scale_loss(loss)
            _, others, metrics = (values_of(getattr(self, name)) for name in _TREE)
            return scaled, (loss, y_pred, others, metrics)

    def _other_values(self, given: Sequence[Sequence[Any]]) -> StatelessScope:
        pairs: list = []
        for name, values in zip(_TREE, given, strict=True):
            pairs += check_values(self, name, values, getattr(self, name))
        return StatelessScope(pairs)

    def jax_state_sync(self) -> None:
        """Accepted for Keras's sake: the variables always have the values of the last step."""

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """Return the values of all variables, nested as the parts of their paths are.

        Args:
            value_format: "backend_tensor" for tensors, "numpy_array" for arrays.
        """
        if value_format not in ("backend_tensor", "numpy_array"):
            raise ValueError(
                f"value_format={value_format!r}; expected 'backend_tensor' or 'numpy_array'"
            )
        tree: dict[str, Any] = {}
        for kind, variables in self._variables_by_kind().items():
            branch = tree[kind] = {}
            for variable in variables:
                *names, last = variable.path.split("/")
                place = branch
                for name in names:
                    place = place.setdefault(name, {})
                value = variable.array.copy()
                place[last] = value if value_format == "numpy_array" else Tensor(value)
        return tree

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Assign the values of a tree that ``get_state_tree`` returned, or of a part of it.

        Raises:
            ValueError: the model has no such variable, or it has another shape; nothing is
                assigned then.
        """
        known = self._variables_by_kind()
        pairs: list[tuple[Variable, Any]] = []
        for kind, branch in state_tree.items():
            if kind not in known:
                raise ValueError(f"A state tree has the parts {list(known)}, but got {kind!r}.")
            paths = {variable.path: variable for variable in known[kind]}
            for path, value in _leaves(branch, ""):
                if path not in paths:
                    raise ValueError(
                        f"Model {self.name!r} has no {kind.removesuffix('s')} {path!r}"
                        f"{suggest(path, paths)}."
                    )
                pairs.append((paths[path], value))
        for variable, value in pairs:
            if np.shape(value) != variable.shape:
                raise ValueError(
                    f"{variable.path!r} has shape {variable.shape}, its value in the tree "
                    f"{np.shape(value)}."
                )
        for variable, value in pairs:
            variable.assign(value)

    def _variables_by_kind(self) -> dict[str, list[Variable]]:
        optimizer = getattr(self, "optimizer", None)
        return {
            "trainable_variables": self.trainable_variables,
            "non_trainable_variables": self.non_trainable_variables,
            "optimizer_variables": [] if optimizer is None else list(optimizer.variables),
            "metrics_variables": self.metrics_variables,
        }

    # The steps as functions of an iterator over batches, for loops of one's own.

    def make_train_function(self, force: bool = False) -> Callable:
        """Return ``train_function(iterator)``, which makes an update with the next batch."""
        return self._made("train_function", lambda data: self.train_step(data), force)

    def make_test_function(self, force: bool = False) -> Callable:
        """Return ``test_function(iterator)``, which evaluates the next batch."""
        return self._made("test_function", lambda data: self.test_step(data), force)

    def make_predict_function(self, force: bool = False) -> Callable:
        """Return ``predict_function(iterator)``, which gives the outputs for the next batch."""
        return self._made("predict_function", lambda data: self.predict_step(data), force)

    def _made(self, name: str, step: Callable[[Any], Any], force: bool) -> Callable:
        if vars(self).get(name) is None or force:

            def function(iterator: Iterator) -> Any:
                batch = unpack(next(iterator))
                with self._in_training():
                    return step(tuple(map_structure(_as_tensor, part) for part in batch))

            object.__setattr__(self, name, function)
        return vars(self)[name]


def _as_tensor(x: Any) -> Any:
    return x if x is None or isinstance(x, Tensor) else Tensor(np.asarray(x))


def _leaves(branch: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The values of a tree with their paths."""
    if not isinstance(branch, dict):
        yield path, branch
        return
    for name, part in branch.items():
        yield from _leaves(part, f"{path}/{name}" if path else name)
