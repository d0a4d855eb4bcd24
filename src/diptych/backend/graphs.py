"""Functions and gradients of symbolic tensors, and the learning phase, of ``keras.backend``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import config
from ..graph import Function, KerasTensor
from ..layers import Input
from ..layers.context import current_training
from ..legacy import note
from ..nested import flatten
from ..operation import ArrayOp
from ..tape import GradientTape
from ..tensor import Tensor
from ..utils import clear_session as _clear_session
from ..utils.graphs import is_keras_tensor, sources
from ..utils.naming import number_of

__all__ = [
    "Session", "clear_session", "function", "get_session", "get_uid", "gradients",
    "image_dim_ordering", "in_test_phase", "in_train_phase", "is_keras_tensor", "learning_phase",
    "manual_variable_initialization", "name_scope", "placeholder", "print_tensor", "reset_uids",
    "set_image_dim_ordering", "set_learning_phase", "set_session",
]  # fmt: skip

# ------------------------------------------------------------------------------------------------
# The learning phase


class LearningPhase(int):
    """0 (prediction) or 1 (training). As an input of ``K.function`` it stands for the argument that
    says so.
    """


_phase = LearningPhase(0)


def learning_phase() -> LearningPhase:
    """1 in training, 0 in prediction: what ``set_learning_phase`` set, or that of the layer whose
    call this is.
    """
    training = current_training()
    return _phase if training is None else LearningPhase(bool(training))


def set_learning_phase(value: int) -> None:
    """Set what ``learning_phase`` returns outside of a model; `fit` and `predict` say their own."""
    global _phase
    if value not in (0, 1):
        raise ValueError(f"set_learning_phase({value!r}): expected 0 or 1")
    _phase = LearningPhase(value)


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """``x`` in training, else ``alt``; both are values, or functions without arguments."""
    chosen = x if (learning_phase() if training is None else training) else alt
    return chosen() if callable(chosen) else chosen


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """``alt`` in training, else ``x``."""
    return in_train_phase(alt, x, training)


# ------------------------------------------------------------------------------------------------
# Symbolic tensors


def placeholder(
    shape: Any = None,
    ndim: int | None = None,
    dtype: Any = None,
    sparse: bool = False,
    name: str | None = None,
) -> KerasTensor:
    """A symbolic tensor to begin with; ``shape`` includes the batch."""
    if shape is None:
        if ndim is None:
            raise ValueError("K.placeholder needs `shape`, or the number of axes, `ndim`.")
        shape = (None,) * ndim
    return Input(batch_shape=tuple(shape), dtype=dtype, sparse=sparse or None, name=name)


def function(
    inputs: Sequence, outputs: Any, updates: Sequence = (), name: str | None = None
) -> Callable:
    """A function from arrays to arrays, of the graph between symbolic tensors.

        f = K.function([model.input, K.learning_phase()], [model.layers[2].output])
        (activations,) = f([x, 0])

    Args:
        inputs: symbolic tensors; ``K.learning_phase()`` among them stands for 0 or 1.
        outputs: a symbolic tensor, or a list.
        updates: pairs (variable, new value), assigned after each call.

    Returns a function of the list of arrays that returns a list of arrays; one array, if
    ``outputs`` is a single tensor.
    """
    return GraphFunction(list(inputs), outputs, list(updates))


class GraphFunction:
    """What ``function`` returns."""

    def __init__(self, inputs: list, outputs: Any, updates: list) -> None:
        self._phase_at = [isinstance(x, LearningPhase) for x in inputs]
        symbols = [x for x in inputs if not isinstance(x, LearningPhase)]
        for x in symbols:
            if not isinstance(x, KerasTensor):
                raise ValueError(
                    "The inputs of K.function are symbolic tensors, such as model.input, and "
                    f"K.learning_phase(); got {type(x).__name__}."
                )
        self._single = not isinstance(outputs, (list, tuple))
        self._wanted = flatten(outputs)
        self._updates = [pair for pair in updates if isinstance(pair, (list, tuple))]
        values = [*self._wanted, *(value for _, value in self._updates)]
        self._graph = Function(symbols, [x for x in values if isinstance(x, KerasTensor)])

    def __call__(self, inputs: Any) -> Any:
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        if len(given) != len(self._phase_at):
            raise ValueError(
                f"This K.function has {len(self._phase_at)} inputs, and was called with "
                f"{len(given)}: pass a list of arrays."
            )
        training, arrays = None, []
        for is_phase, x in zip(self._phase_at, given, strict=True):
            if is_phase:
                training = bool(x)
            else:
                arrays.append(x)
        if training is None:
            training = bool(_phase)
        tensors = [
            Tensor(np.asarray(x, symbol.dtype))
            for x, symbol in zip(arrays, self._graph.inputs, strict=True)
        ]
        computed = iter(self._graph.run(tensors, training))
        values = [next(computed) if isinstance(x, KerasTensor) else x for x in self._wanted]
        results = [np.asarray(value) for value in values]
        for variable, new in self._updates:
            variable.assign(next(computed) if isinstance(new, KerasTensor) else new)
        return results[0] if self._single else results


class _Gradients:
    """The operation behind ``gradients`` of a symbolic loss: it runs the graph and goes back."""

    name = "gradients"

    def __init__(self, graph: Function, variables: list) -> None:
        self.graph, self.variables = graph, variables

    def __call__(self, *inputs: Any) -> list:
        with GradientTape() as tape:
            tape.watch([x for x in inputs if x.dtype.kind == "f"])
            loss, *inner = self.graph.run(list(inputs), training=False)
            found = iter(inner)
            sources = [next(found) if isinstance(x, KerasTensor) else x for x in self.variables]
        gradients = tape.gradient(loss, sources)
        return [
            g if isinstance(g, Tensor) else Tensor(np.zeros_like(x.array) if g is None else g)
            for x, g in zip(sources, gradients, strict=True)
        ]


def gradients(loss: KerasTensor, variables: Any) -> list:
    """The gradients of a symbolic loss, as symbolic tensors for ``K.function``.

    loss: a symbolic tensor; if it has several entries, their sum is differentiated.
    variables: a symbolic tensor, such as `model.input` or a layer's output, or a weight; or a list.
    """
    if not isinstance(loss, KerasTensor):
        raise TypeError(
            "K.gradients differentiates a symbolic loss, made from model.output; got "
            f"{type(loss).__name__}. For values use a tape: with diptych.GradientTape() as tape: "
            "..., then tape.gradient(loss, variables)."
        )
    wanted = flatten(variables)
    inputs = sources(loss)
    graph = Function(inputs, [loss, *(x for x in wanted if isinstance(x, KerasTensor))])
    return list(KerasTensor.record(_Gradients(graph, wanted), tuple(inputs), {}))


def _printed(x: np.ndarray, message: str) -> np.ndarray:
    print(message, x)
    return x


_print = ArrayOp("print_tensor", _printed, lambda g, y, x, message: g)


def print_tensor(x: Any, message: str = "", summarize: int = 3) -> Any:
    """x itself; its values are printed whenever it is computed."""
    return _print(x, message=message)


# ------------------------------------------------------------------------------------------------
# What a session of TensorFlow 1 was for


class Session:
    """Stands in for a session: ``run`` computes tensors, feeding symbolic ones.

    Operations have run already when they are called here, so that all that is left to ``run`` is
    what depends on ``feed_dict``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.graph = None

    def run(self, fetches: Any, feed_dict: dict | None = None) -> Any:
        """The values of tensors, in their structure; None for operations that have run."""
        feed = {
            x: value for x, value in (feed_dict or {}).items() if not isinstance(x, LearningPhase)
        }
        phases = [value for x, value in (feed_dict or {}).items() if isinstance(x, LearningPhase)]
        if isinstance(fetches, (list, tuple)):
            return [self.run(fetch, feed_dict) for fetch in fetches]
        if isinstance(fetches, KerasTensor):
            graph = Function(list(feed), [fetches])
            tensors = [Tensor(np.asarray(value, x.dtype)) for x, value in feed.items()]
            return np.asarray(graph.run(tensors, bool(phases and phases[0]))[0])
        return None if fetches is None else np.array(fetches)

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def get_session() -> Session:
    """A session, whose ``run`` computes tensors."""
    note("get_session", "is no longer needed: values are computed at once", "backend")
    return Session()


def set_session(session: Any) -> None:
    """Nothing: there are no sessions."""
    note("set_session", "is no longer needed: values are computed at once", "backend")


def clear_session(free_memory: bool = True) -> None:
    """Start automatic names from the beginning, and the learning phase at 0; see
    ``utils.clear_session``.
    """
    global _phase
    _phase = LearningPhase(0)
    _clear_session(free_memory)


def manual_variable_initialization(value: bool) -> None:
    """Nothing: variables have their first values from the start."""


def get_uid(prefix: str = "") -> int:
    """A new number for this prefix: 1, 2, 3, ..., which automatic names count as well."""
    return number_of(prefix)


def reset_uids() -> None:
    """Start automatic names from the beginning."""
    _clear_session()


class name_scope:  # noqa: N801 - TensorFlow's name
    """Context manager without effect: names are not scoped."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        self.name = name

    def __enter__(self) -> str:
        return self.name

    def __exit__(self, *exc_info: object) -> None:
        return None


# ------------------------------------------------------------------------------------------------
# The order of image axes, in the words of Keras 1

_ORDERS = {"tf": "channels_last", "th": "channels_first"}


def image_dim_ordering() -> str:
    """'tf' (channels last) or 'th' (channels first)."""
    note("image_dim_ordering", "image_data_format", "backend")
    return "tf" if config.image_data_format() == "channels_last" else "th"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the order of image axes: 'tf' (channels last) or 'th' (channels first)."""
    if dim_ordering not in _ORDERS:
        raise ValueError(f"set_image_dim_ordering({dim_ordering!r}): expected 'tf' or 'th'")
    note("set_image_dim_ordering", "set_image_data_format", "backend")
    config.set_image_data_format(_ORDERS[dim_ordering])
