"""The two most common kinds of array operations: of one array, and of two that broadcast.

The modules ``elementwise``, ``logic``, ``reductions``, ``shapes``, ``indexing`` and ``linalg``
define each operation by its name, the NumPy function, the rule that turns ``g``, the gradient of
the output ``y``, into the gradient of an input, and the rule for its shape (``shape_rules``). An
operation element by element has the shape of its input, or that to which its inputs broadcast. Any
other kind of operation is a plain ``ArrayOp``.

These two are often called on small arrays, so the lines of ``tape.record`` are inlined in them:
calling it takes 1.28 times as long.
"""

import textwrap
from typing import Any, ClassVar

import numpy as np

from ..operation import FLOAT32, FLOAT64, ArrayOp, Operation
from ..shape_rules import broadcast, same
from ..tape import Record, new_record, open_records, record_constant
from ..tensor import Number, Tensor

_NONE: dict[str, Any] = {}  # the options of all of them


def _is_number(x: Any) -> bool:
    return type(x) is float or type(x) is int


def _is_float_tensor(x: Any) -> bool:
    return isinstance(x, Tensor) and (x.array.dtype is FLOAT32 or x.array.dtype is FLOAT64)


def unbroadcast(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sum ``g`` over the axes along which ``x`` was broadcast, to the shape of ``x``."""
    if g.shape == x.shape:
        return g
    g = g.sum(axis=tuple(range(g.ndim - x.ndim)))
    repeated = tuple(i for i, n in enumerate(x.shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=repeated, keepdims=True) if repeated else g


class _Elementwise(ArrayOp):
    """An operation that computes each number by itself: one number shows the dtype of all.

    doc: the equation, and where there is no gradient. Shapes and dtypes are added to it, and make
        the description that ``help`` shows.
    """

    shapes: ClassVar[tuple[str, str]]  # of the inputs, and of the result, in words

    def __init__(self, name: str, forward: Any, *rules: Any, doc: str = "", **kinds: Any) -> None:
        super().__init__(name, forward, *rules, **kinds)
        if doc:
            if self.constant:
                doc = f"{doc} No gradient flows through it."
            elif not rules:
                doc = f"{doc} It has no gradient: one that is asked for is refused."
            given, found = self.shapes
            found = f"Returns: {found}, {self._dtype_in_words()}."
            paragraphs = ["\n".join(textwrap.wrap(text, 96)) for text in (doc, given, found)]
            self.__doc__ = "\n\n".join(paragraphs) + "\n"

    def _dtype_in_words(self) -> str:
        inputs = "x" if isinstance(self, Unary) else "both together"
        if self.floating:
            return f"in the float type of {inputs}; integers and bools become the configured one"
        found = self._default_dtype([np.dtype(np.int32)] * (1 if inputs == "x" else 2))
        if found == np.bool_:
            return "of bools"
        return f"in the dtype of {inputs}{'; bools count as int32' if self.counting else ''}"

    def _default_dtype(self, dtypes: list[np.dtype]) -> np.dtype:
        if self.floating:
            return dtypes[0]
        with np.errstate(all="ignore"):  # such as 0 % 0
            return np.asarray(self.forward(*[np.zeros((), dtype) for dtype in dtypes])).dtype


class Unary(_Elementwise):
    """An element-by-element operation on one array; its rule is ``rule(g, y, x)``."""

    shapes = "x: (...), of any shape.", "(...), the shape of x"

    def __init__(
        self, name: str, forward: Any, *rules: Any, shape: Any = same, **kinds: Any
    ) -> None:
        super().__init__(name, forward, *rules, shape=shape, **kinds)

    def __call__(self, x: Any) -> Any:
        if not isinstance(x, Tensor):
            return self._with_others((x,), {})
        a = x.array
        if a.dtype is not FLOAT32 and a.dtype is not FLOAT64:
            return ArrayOp.__call__(self, x)
        y = self.forward(a)
        if type(y) is not np.ndarray:  # NumPy gives a scalar instead of a 0-d array
            y = np.asarray(y)
        records = open_records.get()
        if records is None:
            return Tensor(y)
        if not x.tracked or self.constant:
            return record_constant(y, (x,), self.forward, _NONE)
        output = Tensor(y, True)
        cache = y, (a,), _NONE
        records.append(
            new_record(
                Record, (output, (x,), (True,), self.backward, self.forward, _NONE, cache, self)
            )
        )
        return output


class Binary(_Elementwise):
    """An element-by-element operation on two arrays that broadcast; its rules are ``rule(g, y, x1,
    x2)``.

    A rule may return its result in the shape of the output; it is summed to the shape of the input
    here.
    """

    shapes = "x1, x2: of shapes that broadcast.", "the shape to which they do"

    def __init__(self, name: str, forward: Any, *rules: Any, **kinds: Any) -> None:
        super().__init__(name, forward, *rules, same=0, shape=broadcast, **kinds)

    def __call__(self, x1: Any, x2: Any) -> Any:
        if isinstance(x1, Tensor) and isinstance(x2, Tensor):
            a, b = x1.array, x2.array
            dtype = a.dtype
            if dtype is not b.dtype or (dtype is not FLOAT32 and dtype is not FLOAT64):
                return ArrayOp.__call__(self, x1, x2)
        elif _is_number(x2) and _is_float_tensor(x1):  # fast path for `x * 2.0`
            a = x1.array
            x2 = Number(np.array(x2, a.dtype))
            b = x2.array
        elif _is_number(x1) and _is_float_tensor(x2):
            b = x2.array
            x1 = Number(np.array(x1, b.dtype))
            a = x1.array
        else:
            return ArrayOp.__call__(self, x1, x2)
        try:
            y = self.forward(a, b)
        except ValueError as error:
            raise self._explained(error, [a, b], {}) from None
        if type(y) is not np.ndarray:
            y = np.asarray(y)
        records = open_records.get()
        if records is None:
            return Tensor(y)
        if self.constant or not (x1.tracked or x2.tracked):
            return record_constant(y, (x1, x2), self.forward, _NONE)
        output = Tensor(y, True)
        needs = x1.tracked, x2.tracked
        cache = y, (a, b), _NONE
        records.append(
            new_record(
                Record, (output, (x1, x2), needs, self.backward, self.forward, _NONE, cache, self)
            )
        )
        return output

    def _backward(self, g: Any, cache: tuple, needs: Any) -> list:
        y, (a, b), _ = cache
        return [
            unbroadcast(self.rule(0)(g, y, a, b), a) if needs[0] else None,
            unbroadcast(self.rule(1)(g, y, a, b), b) if needs[1] else None,
        ]


def zero(g: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The gradient of a step function: zero almost everywhere, and defined as zero at the steps."""
    return np.zeros_like(x)


def by_name(name: str) -> Operation:
    """The operation that a pickle names; with this function it imports all of them."""
    return Operation.named[name]


Operation.by_name = by_name
