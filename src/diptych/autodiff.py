"""Tensors, the tape, and the chain rule.

A ``Tensor`` wraps a NumPy array. While a ``GradientTape`` is open, every operation on a tensor that
depends on a trainable variable leaves a record: its output, its inputs, and how to turn the
gradient of the output into gradients of the inputs. ``tape.gradient(loss, variables)`` walks those
records backwards once:

    with GradientTape() as tape:              # y = w * x, L = y * y
        y = w * x                             # record 1: y <- (w, x)
        loss = y * y                          # record 2: L <- (y, y)
    tape.gradient(loss, w)                    # dL/dL = 1; record 2: dL/dy; record 1: dL/dw

What an operation is stands in ``diptych.operation``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar

import numpy as np

from . import config

# The records of all open tapes of this context, oldest first; None where no tape is open. A record
# is (output, inputs, needs, backward, cache), and of a twin also (forward, options).
_records: ContextVar[list | None] = ContextVar("diptych_tape", default=None)


class Tensor:
    """An array that the tape can follow.

    Attributes:
        array: the NumPy array itself.
        tracked: whether gradients flow through this tensor.
        logits: for the output of a sigmoid or of a softmax over the last axis, ("sigmoid" or
            "softmax", the tensor before it); crossentropy losses use it, since log(softmax(z)) is
            exact from z and not from softmax(z).
        mask: which time steps count, or None.
    """

    __slots__ = ("__weakref__", "array", "logits", "mask", "tracked")
    __array_priority__ = 1000
    __array_ufunc__: ClassVar[Callable]  # both are set by ops.numpy_protocol
    __array_function__: ClassVar[Callable]

    def __init__(self, array: Any, tracked: bool = False) -> None:
        self.array = array
        self.tracked = tracked
        self.logits: Any = None
        self.mask = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return self.array.size

    def numpy(self) -> np.ndarray:
        """Return the values as a NumPy array (not a copy)."""
        return self.array

    def __setstate__(self, state: tuple[Any, dict[str, Any]]) -> None:
        """After unpickling: NumPy's own dtype object, by which the quick paths know a dtype."""
        for name, value in state[1].items():
            setattr(self, name, value)
        self.array = np.asarray(self.array).view(np.dtype(self.array.dtype.type))

    def item(self) -> Any:
        return self.array.item()

    def tolist(self) -> Any:
        return self.array.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy or (dtype is not None and np.dtype(dtype) != self.array.dtype):
            return np.array(self.array, dtype=dtype)
        return self.array

    def __float__(self) -> float:
        return float(self.array)

    def __int__(self) -> int:
        return int(self.array)

    def __index__(self) -> int:
        return self.array.__index__()

    def __bool__(self) -> bool:
        return bool(self.array)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self):
        return (self[i] for i in range(len(self.array)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} shape={self.shape} dtype={self.dtype}>\n{self.array}"

    def __hash__(self) -> int:
        return id(self)


class Structure:
    """Counts changes of who owns which variables and which are trained; lists kept last as long."""

    version = 0


class Variable(Tensor):
    """A tensor with a name whose values may be changed in place: a weight, or a state.

    Args:
        initializer: an array, or a callable ``f(shape, dtype)`` or its name together with
            ``shape``.
        shape: the shape, where ``initializer`` is a callable or a name.
        dtype: by default the configured float type.
        trainable: whether tapes follow it.
        name: its last name; ``path`` is set by the layer that owns it.

    The buffer behind ``array`` stays the same for the life of the variable: ``assign`` copies into
    it, and an optimizer updates it in place.
    """

    __slots__ = ("constraint", "is_state", "name", "path", "regularizer")

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        if dtype is None and not hasattr(initializer, "dtype"):
            dtype = config.floatx()
        if isinstance(initializer, str):
            from . import initializers

            initializer = initializers.get(initializer)
        if callable(initializer):
            if shape is None:
                raise ValueError(
                    f"Variable {name!r} with an initializer function also needs `shape`."
                )
            initializer = initializer(tuple(shape), dtype=dtype)
        super().__init__(np.array(initializer, dtype=dtype, order="C"), bool(trainable))
        if shape is not None and self.shape != tuple(shape):
            raise ValueError(
                f"Variable {name!r} got values of shape {self.shape} and shape={tuple(shape)}."
            )
        self.name = name or "variable"
        self.path = self.name
        self.is_state = not trainable  # a state stays one when the layer's `trainable` is switched
        self.constraint: Any = None
        self.regularizer: Any = None

    @property
    def trainable(self) -> bool:
        return self.tracked

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.tracked = bool(value)
        Structure.version += 1

    @property
    def value(self) -> Tensor:
        return self

    def assign(self, value: Any) -> Variable:
        """Copy ``value`` into the variable; ValueError where the shapes differ."""
        value = np.asarray(value)
        if value.shape != self.shape:
            raise ValueError(
                f"Variable {self.path!r} has shape {self.shape}; it cannot take a value of shape "
                f"{value.shape}."
            )
        self.array[...] = value
        return self

    def assign_add(self, value: Any) -> Variable:
        return self.assign(self.array + np.asarray(value))

    def assign_sub(self, value: Any) -> Variable:
        return self.assign(self.array - np.asarray(value))

    def __repr__(self) -> str:
        kind = f"path={self.path}, shape={self.shape}, dtype={self.dtype}"
        return f"<Variable {kind}, value={self.array}>"


def as_array(x: Any, like: np.dtype | None = None) -> np.ndarray:
    """Return ``x`` as an array.

    A bare number takes the dtype ``like`` of its neighbours, an array of floats their float type.
    Without neighbours, Python floats become the configured float type and Python integers int32, as
    in Keras; arrays keep their dtype.
    """
    if isinstance(x, Tensor):
        return x.array
    if isinstance(x, np.ndarray):
        return (
            x.astype(like, copy=False)
            if like is not None and like.kind == x.dtype.kind == "f"
            else x
        )
    if isinstance(x, NUMBERS) and not isinstance(x, bool) and like is not None:
        if like.kind == "f" or (like.kind in "iu" and not isinstance(x, FLOATS)):
            return np.asarray(x, dtype=like)
    return from_python(x)


FLOATS = (float, np.floating)
NUMBERS = (int, np.integer, *FLOATS)


def from_python(x: Any) -> np.ndarray:
    """Turn numbers and nested lists into an array of Keras's default types."""
    if hasattr(x, "dtype"):
        return np.asarray(x)
    array = np.asarray(x)
    if array.dtype == np.float64:
        return array.astype(config.floatx())
    if array.dtype == np.int64:
        small = array.astype(np.int32)
        return small if (small == array).all() else array
    return array


class RowGradient:
    """The gradient of a table of which few rows were read; all its other rows are zero.

    An array to everybody, made when NumPy asks for one. Only a training step hands it on as it is,
    to an optimizer that takes the ``rows`` alone. So the array, as large as the table, need not be
    filled and read at every step.

    Args:
        array: gives the gradient as an array.
        rows: gives (rows, values): the rows that were read, and their gradients.
    """

    __slots__ = ("array", "rows")

    def __init__(
        self,
        array: Callable[[], np.ndarray],
        rows: Callable[[], tuple[np.ndarray, np.ndarray]],
    ) -> None:
        self.array = array
        self.rows = rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.array(), dtype)

    def __add__(self, other: np.ndarray) -> np.ndarray:
        return np.asarray(self) + other


def is_symbolic(x: Any) -> bool:
    """Whether ``x`` is a symbolic tensor of ``diptych.graph``."""
    return getattr(x, "is_symbolic", False)


class GradientTape:
    """Records operations while it is open, and differentiates through them.

        with diptych.GradientTape() as tape:
            loss = diptych.ops.mean(diptych.ops.square(model(x) - y))
        gradients = tape.gradient(loss, model.trainable_variables)

    Tapes may be nested, or opened side by side, and each sees what happened while it was open.
    Gradients are arrays and are not themselves recorded: second derivatives are not available.

    Args:
        persistent: whether ``gradient`` may be called more than once.
        watch_accessed_variables: accepted for TensorFlow's sake; trainable variables are always
            followed.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self.persistent = persistent
        self.gives_rows = False  # whether gradient() may return a RowGradient: in a training step
        self._records: list | None = None
        self._token: Any = None

    def __enter__(self) -> GradientTape:
        outer = _records.get()
        self._records = [] if outer is None else outer
        self._start = len(self._records)
        self._end: int | None = None
        self._token = _records.set(self._records)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._end = len(self._records or ())
        _records.reset(self._token)

    @property
    def records(self) -> list:
        """What the tape holds, oldest first."""
        return (self._records or [])[self._start : self._end]

    def watch(self, tensor: Any) -> None:
        """Follow a tensor that is no trainable variable, for instance an input."""
        for t in tensor if isinstance(tensor, (list, tuple)) else [tensor]:
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"watch() follows Tensors, and got {type(t).__name__}: wrap it first, "
                    "x = diptych.ops.convert_to_tensor(x)."
                )
            t.tracked = True

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None) -> Any:
        """Return d target / d source for each source, as arrays in the structure of ``sources``.

        Args:
            target: a tensor, or a list of tensors whose sum is meant. Where it has more than one
                element, the sum of the elements is differentiated, as in TensorFlow.
            sources: a variable or watched tensor, or a list or tuple of them.
            output_gradients: what to start with instead of ones, in the structure of ``target``.

        A source on which the target does not depend gets None.
        """
        if self._records is None:
            raise RuntimeError(
                "This tape has nothing to differentiate: it was never opened, or gradient() was "
                "already called (GradientTape(persistent=True) may be called more than once)."
            )
        single = not isinstance(sources, (list, tuple))
        wanted = [sources] if single else list(sources)
        grads = self._seeds(target, output_gradients)
        records = self.records
        if not self.persistent:
            self._records = None
        self._walk_back(records, grads, {id(source) for source in wanted}, self.gives_rows)
        found = [grads.get(id(source)) for source in wanted]
        return found[0] if single else found

    @staticmethod
    def _seeds(target: Any, output_gradients: Any) -> dict[int, Any]:
        targets = target if isinstance(target, (list, tuple)) else [target]
        if output_gradients is None:
            output_gradients = [None] * len(targets)
        elif not isinstance(output_gradients, (list, tuple)):
            output_gradients = [output_gradients]
        grads: dict[int, Any] = {}
        for t, seed in zip(targets, output_gradients, strict=True):
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"gradient() needs a Tensor as its target, and got {type(t).__name__}."
                )
            seed = np.ones(t.shape, t.dtype) if seed is None else as_array(seed, t.array.dtype)
            grads[id(t)] = grads[id(t)] + seed if id(t) in grads else seed
        return grads

    @staticmethod
    def _walk_back(records: list, grads: dict[int, Any], keep: set[int], rows: bool) -> None:
        """Turn the gradients of the targets into gradients of everything that they depend on.

        Each record is let go when it has been used, and with it the arrays in its cache.
        """
        while records:
            output, inputs, needs, backward, cache, *_ = records.pop()
            if isinstance(output, list):
                dy = [_take(grads, part, keep) for part in output]
                if all(part is None for part in dy):
                    continue
                dy = [
                    np.zeros_like(t.array) if d is None else d
                    for t, d in zip(output, dy, strict=True)
                ]
            else:
                dy = _take(grads, output, keep)
                if dy is None:
                    continue
            for x, need, dx in zip(inputs, needs, backward(dy, cache, needs), strict=False):
                if need and dx is not None:
                    dtype = x.array.dtype
                    key = id(x)
                    if type(dx) is RowGradient and rows and key in keep and key not in grads:
                        pass  # so far the only gradient of a table
                    elif type(dx) is not np.ndarray or dx.dtype is not dtype:
                        dx = np.asarray(dx, dtype)
                    grads[key] = grads[key] + dx if key in grads else dx


def _take(grads: dict[int, Any], tensor: Tensor, keep: set[int]) -> Any:
    """A gradient is complete when its producer is reached; unless it was asked for, it can go."""
    return grads.get(id(tensor)) if id(tensor) in keep else grads.pop(id(tensor), None)
