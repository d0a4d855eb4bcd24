"""Tensors and variables: arrays that the tape can track; conversion to arrays.

``diptych.tape`` records operations on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from operator import attrgetter
from typing import Any, ClassVar

import numpy as np

from . import config
from .budget import from_file
from .promotion import dtype_named
from .scopes import current_scope
from .trial import for_good, open_trial

# Whether tracked tensors refuse to become arrays: while a tape tracks gradients, a part of the
# gradient of the gradient would be left out.
only_tensors: ContextVar[bool] = ContextVar("diptych_only_tensors", default=False)


class Tensor:
    """An array that the tape can track.

    Attributes:
        array: the NumPy array itself.
        tracked: whether gradients flow through this tensor.
        logits: for the output of a sigmoid or of a softmax over the last axis, ("sigmoid" or
            "softmax", the tensor before it); cross-entropy losses use it, since log(softmax(z)) is
            exact from z and not from softmax(z).
        mask: which time steps count, or None.
    """

    __slots__ = ("__weakref__", "array", "logits", "mask", "tracked")
    __array_priority__ = 1000
    __array_ufunc__: ClassVar[Callable]  # set by ops.numpy_protocol
    __array_function__: ClassVar[Callable]
    astype: Callable  # set by ops.operators, as are all operators and methods of arrays

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

    @property
    def _keras_mask(self) -> Any:
        """``mask``, by the name that scripts for Keras read."""
        return self.mask

    @_keras_mask.setter
    def _keras_mask(self, mask: Any) -> None:
        self.mask = mask

    def numpy(self) -> Any:
        """Return the values as a NumPy array (not a copy), or as NumPy's number if there is one."""
        return self.array if self.array.ndim else self.array[()]

    def __setstate__(self, state: tuple[Any, dict[str, Any]]) -> None:
        """After unpickling: restore NumPy's own dtype object, which fast paths compare by `is`."""
        for name, value in state[1].items():
            setattr(self, name, value)
        self.array = np.asarray(self.array).view(np.dtype(self.array.dtype.type))

    def item(self) -> Any:
        return self.array.item()

    def tolist(self) -> Any:
        return self.array.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.tracked and self.array.dtype.kind in "fc" and only_tensors.get():
            raise NotImplementedError(
                "The gradient of a gradient needs gradient rules that keep to tensors: one has "
                "made an array of a tensor, or has written it into an array. Let the rule consist "
                "of operators, functions of diptych.ops or NumPy's, such as np.where and np.sum."
            )
        if copy or (dtype is not None and np.dtype(dtype) != self.array.dtype):
            return np.array(self.array, dtype=dtype)
        return self.array

    def __float__(self) -> float:
        return float(self._one_number())

    def __int__(self) -> int:
        return int(self._one_number())

    def _one_number(self) -> np.ndarray:
        if self.array.ndim:
            raise TypeError(
                f"A tensor of shape {self.shape} is no single number. Functions such as those of "
                "`math` take one; those of diptych.ops take tensors, and x[0] or ops.mean(x) make "
                "one number of several."
            )
        return self.array

    def __index__(self) -> int:
        return self.array.__index__()

    def __format__(self, spec: str) -> str:
        """A single number is formatted as a number: f"{loss:.4f}"."""
        return format(self.array[()] if self.array.ndim == 0 else str(self), spec)

    def __bool__(self) -> bool:
        return bool(self.array)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self):
        return (self[i] for i in range(len(self.array)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} shape={self.shape} dtype={self.dtype}>\n{self.array}"

    __hash__ = object.__hash__  # by identity: `==` compares element by element


def wrap(y: Any, tracked: bool) -> Any:
    """An array as a Tensor, a list of arrays as a list of Tensors."""
    if isinstance(y, np.ndarray):
        return Tensor(y, tracked)
    if isinstance(y, (list, tuple)):
        return [Tensor(part, tracked) for part in y]
    return Tensor(np.asarray(y), tracked)  # NumPy gives a scalar instead of a 0-d array


class Structure:
    """Counts changes to the structure of layers and variables, which invalidate cached lists."""

    version = 0


def _structural(slot: str, meaning: str) -> Any:
    """An attribute in this slot that is a part of the structure."""

    def change(self: Any, value: Any) -> None:
        setattr(self, slot, value)
        Structure.version += 1

    return property(attrgetter(slot), change, doc=meaning)


class Number(Tensor):
    """A Python number among the inputs of an operation: what has been written in the code, not what
    comes from the data.
    """

    __slots__ = ()


class Variable(Tensor):
    """A named tensor whose values can be changed in place: a weight, or a state.

    Args:
        initializer: an array, or a callable ``f(shape, dtype)`` or its name together with
            ``shape``.
        shape: the shape, where ``initializer`` is a callable or a name.
        dtype: by default the configured float type.
        trainable: whether tapes track it.
        name: its own name; ``path`` is set by the layer that owns it.
        autocast, aggregation, synchronization, layout: accepted for Keras's sake; without effect
            on one CPU.

    The buffer behind ``array`` stays the same for the life of the variable: ``assign`` copies into
    it, and an optimizer updates it in place. So ``array`` is for code that reads it at once; what
    is to be kept is a copy: ``numpy()``, ``np.asarray(variable)``, ``value``, and the result of
    any operation.
    """

    __slots__ = ("_constraint", "_regularizer", "is_state", "name", "path")
    constraint = _structural("_constraint", "What each update ends with on its values, or None.")
    regularizer = _structural("_regularizer", "The penalty on its values in the loss, or None.")
    value: Tensor  # its values at this moment, as a tensor; set by ops.operators

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
    ) -> None:
        if dtype is not None or not hasattr(initializer, "dtype"):
            dtype = dtype_named(dtype)
        budget = from_file.get()
        if budget is not None and shape is not None:
            budget.take_variable(name or "variable", tuple(shape), dtype_named(dtype))
        with for_good():
            if isinstance(initializer, str):
                initializer = self.initializer_named(initializer)
            if callable(initializer):
                if shape is None:
                    raise ValueError(
                        f"Variable {name!r} with an initializer function also needs `shape`."
                    )
                values = initializer(tuple(shape), dtype=dtype)
                own = type(initializer).__module__ == "diptych.initializers"  # nobody else has them
            else:
                values, own = initializer, False
        values = (np.asarray if own else np.array)(values, dtype=dtype, order="C")
        super().__init__(values, bool(trainable))
        if shape is not None and self.shape != tuple(shape):
            raise ValueError(
                f"Variable {name!r} got values of shape {self.shape} and shape={tuple(shape)}."
            )
        self.name = name or "variable"
        scope = current_scope()
        self.path = f"{scope}/{self.name}" if scope else self.name
        self.is_state = not trainable  # unchanged when the layer's `trainable` changes
        self._constraint: Any = None
        self._regularizer: Any = None

    @staticmethod
    def initializer_named(name: str) -> Callable:
        """Find an initializer by its name: ``diptych.initializers`` replaces this method."""
        raise ValueError(
            f"Variable({name!r}, ...) takes the initializer from diptych.initializers, which has "
            "not been imported."
        )

    @property
    def trainable(self) -> bool:
        return self.tracked

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.tracked = bool(value)
        Structure.version += 1

    def numpy(self) -> Any:
        """Return a copy of the values, or NumPy's number if there is one."""
        return self.array.copy() if self.array.ndim else self.array[()]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(super().__array__(), dtype=dtype)

    def assign(self, value: Any) -> Variable:
        """Copy ``value`` into the variable; ValueError if the shapes differ."""
        value = np.asarray(value.array if isinstance(value, Tensor) else value)
        if value.shape != self.shape:
            raise ValueError(
                f"Variable {self.path!r} has shape {self.shape}; it cannot take a value of shape "
                f"{value.shape}."
            )
        trial = open_trial.get()
        if trial is not None:
            trial.remember(self)
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

    A plain number takes the dtype ``like`` of the other operand, an array of floats its float type.
    Without ``like``, Python floats become the configured float type and Python integers int32, as
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


class IndexedSlices:
    """The gradient of an embedding table of which few rows were read; all other rows are zero.

    It behaves as an array, which is made when NumPy needs it. A training step passes it on
    unchanged to an optimizer, which updates only the rows at these ``indices``, so that no array as
    large as the table is needed at every step.

    Args:
        dense: a function that returns the gradient as an array.
        slices: a function that returns (indices, values): the rows that were read, and their
            gradients.
    """

    __slots__ = ("dense", "slices")

    def __init__(
        self,
        dense: Callable[[], np.ndarray],
        slices: Callable[[], tuple[np.ndarray, np.ndarray]],
    ) -> None:
        self.dense = dense
        self.slices = slices

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.dense(), dtype)

    def __add__(self, other: np.ndarray) -> np.ndarray:
        return np.asarray(self) + other


def is_symbolic(x: Any) -> bool:
    """Whether ``x`` is a symbolic tensor of ``diptych.graph``."""
    return getattr(x, "is_symbolic", False)
