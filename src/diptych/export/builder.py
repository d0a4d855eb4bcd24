"""Nodes of an ONNX graph, one after the other, and their arithmetic."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor, Variable


class Value:
    """A value in the graph: its name there, its dtype, and its shape where that is known.

    Arithmetic on values adds nodes; numbers in it take the value's dtype.
    """

    def __init__(self, graph: Builder, name: str, dtype: Any, shape: Any = None) -> None:
        self.graph = graph
        self.name = name
        self.dtype = np.dtype(dtype)
        self.shape: Any = None if shape is None else tuple(shape)

    @property
    def rank(self) -> int:
        """The number of axes, of a value whose shape is known."""
        if self.shape is None:
            raise RuntimeError(f"The exporter does not know the shape of {self.name!r}.")
        return len(self.shape)

    def _with(self, kind: str, other: Any) -> Value:
        return self.graph.op(kind, self, self.graph.like(other, self))

    def _from(self, kind: str, other: Any) -> Value:
        return self.graph.op(kind, self.graph.like(other, self), self)

    def __add__(self, other: Any) -> Value:
        return self._with("Add", other)

    def __radd__(self, other: Any) -> Value:
        return self._from("Add", other)

    def __sub__(self, other: Any) -> Value:
        return self._with("Sub", other)

    def __rsub__(self, other: Any) -> Value:
        return self._from("Sub", other)

    def __mul__(self, other: Any) -> Value:
        return self._with("Mul", other)

    def __rmul__(self, other: Any) -> Value:
        return self._from("Mul", other)

    def __truediv__(self, other: Any) -> Value:
        return self._with("Div", other)

    def __neg__(self) -> Value:
        return self.graph.op("Neg", self)

    def compare(self, kind: str, other: Any) -> Value:
        """Booleans: ``kind`` is "Equal", "Less", "Greater", "LessOrEqual" or "GreaterOrEqual"."""
        return self.graph.op(kind, self, self.graph.like(other, self), dtype=bool)


class Builder:
    """A graph under construction.

    Args:
        onnx: the package.
        outer: the graph around it, whose values it sees: for the body of a loop.
    """

    def __init__(self, onnx: Any, outer: Builder | None = None) -> None:
        self.onnx = onnx
        self.outer = outer
        self.nodes: list[Any] = []
        self.domains: set[str] = outer.domains if outer else set()
        # Constants stand in the outermost graph, each once.
        self.constants: dict[str, Any] = outer.constants if outer else {}
        self._known: dict[Any, Value] = outer._known if outer else {}
        self._kept: list[Any] = outer._kept if outer else []  # a key may be an id
        self._numbers: Any = outer._numbers if outer else itertools.count(1)
        self._names: set[str] = outer._names if outer else set()
        self._turned: dict[str, tuple[Value, tuple[int, ...]]] = {}

    # ----------------------------------------------------------------------------------------------
    # Names, constants, nodes

    def name(self, stem: str) -> str:
        """A name that no value has, made of ``stem``."""
        stem = re.sub(r"[^\w./-]", "_", stem) or "value"
        name = stem
        while name in self._names:
            name = f"{stem}_{next(self._numbers)}"
        self._names.add(name)
        return name

    def type_of(self, dtype: Any) -> int:
        """ONNX's number of a dtype."""
        dtype = np.dtype(dtype)
        if dtype.kind in "OUS":
            return self.onnx.TensorProto.STRING
        return self.onnx.helper.np_dtype_to_tensor_dtype(dtype)

    def const(self, value: Any, dtype: Any = None, name: str = "const") -> Value:
        """A constant; equal small ones, and the same variable, are stored once."""
        array = np.asarray(value.array if isinstance(value, Tensor) else value, dtype)
        key: Any = id(value) if isinstance(value, Variable) else None
        if key is None and array.size <= 64 and array.dtype.kind in "biuf":
            key = (array.dtype.str, array.shape, array.tobytes())
        if isinstance(value, Variable):
            key, name = (key, array.dtype.str), value.path or value.name
        if key is not None and key in self._known:
            return self._known[key]
        made = Value(self, self.name(name), array.dtype, array.shape)
        self.constants[made.name] = self.onnx.numpy_helper.from_array(
            np.ascontiguousarray(array).reshape(array.shape), made.name
        )
        if key is not None:
            self._known[key] = made
            self._kept.append(value)
        return made

    def ints(self, *values: int) -> Value:
        """A vector of int64, as ONNX wants shapes and axes."""
        return self.const(np.array(values, np.int64))

    def like(self, x: Any, other: Value) -> Value:
        """``x`` as a value of the other's dtype."""
        if isinstance(x, Value):
            return self.cast(x, other.dtype)
        return self.const(x, other.dtype)

    def op(
        self,
        kind: str,
        *inputs: Value | None,
        outputs: int = 1,
        dtype: Any = None,
        domain: str = "",
        **attributes: Any,
    ) -> Any:
        """Add a node, and return its value, or a list of values if there are several.

        Args:
            dtype: that of the outputs; None: that of the first input.
            domain: "ai.onnx.ml" for its operators.
            attributes: the node's; those that are None are left out.
        """
        names = ["" if x is None else x.name for x in inputs]
        while names[-1] == "":  # ONNX Runtime 1.32 crashes on some empty names at the end
            names.pop()
        dtype = next(x for x in inputs if x is not None).dtype if dtype is None else dtype
        made = [Value(self, self.name(kind.lower()), dtype) for _ in range(outputs)]
        given = {name: value for name, value in attributes.items() if value is not None}
        self.domains.add(domain)
        self.nodes.append(
            self.onnx.helper.make_node(
                kind, names, [x.name for x in made], name=made[0].name, domain=domain, **given
            )
        )
        return made[0] if outputs == 1 else made

    # ----------------------------------------------------------------------------------------------
    # What many converters need

    def cast(self, x: Value, dtype: Any) -> Value:
        dtype = np.dtype(dtype)
        if x.dtype == dtype:
            return x
        y = self.op("Cast", x, dtype=dtype, to=self.type_of(dtype))
        y.shape = x.shape
        return y

    def elementwise(self, kind: str, x: Value, **attributes: Any) -> Value:
        """An operator of one input. A transposition before it is put behind it, where it may meet
        one that undoes it.
        """
        if x.name in self._turned:
            source, axes = self._turned[x.name]
            return self.transpose(self.elementwise(kind, source, **attributes), axes)
        y = self.op(kind, x, **attributes)
        y.shape = x.shape
        return y

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        """Axes in another order; of two transpositions only their product remains."""
        source, axes = x, tuple(axes)
        if x.name in self._turned:
            source, before = self._turned[x.name]
            axes = tuple(before[axis] for axis in axes)
        if axes == tuple(range(len(axes))):
            return source
        y = self.op("Transpose", source, perm=list(axes))
        if source.shape is not None:
            y.shape = tuple(source.shape[axis] for axis in axes)
        self._turned[y.name] = source, axes
        return y

    def before_turn(self, x: Value) -> tuple[Value, tuple[int, ...]]:
        """What ``x`` is a transposition of, and the order of axes; ``x`` itself if it is none."""
        return self._turned.get(x.name, (x, tuple(range(x.rank))))

    def reshape(self, x: Value, shape: Any) -> Value:
        """``shape``: numbers, where -1 follows from the others, or a value."""
        if isinstance(shape, Value):
            return self.op("Reshape", x, shape)
        zero = 1 if 0 in shape else None
        y = self.op("Reshape", x, self.ints(*shape), allowzero=zero)
        y.shape = tuple(None if n == -1 else n for n in shape)
        return y

    def expand(self, x: Value, *axes: int) -> Value:
        """Insert axes of size 1."""
        return self.op("Unsqueeze", x, self.ints(*axes)) if axes else x

    def shape_of(self, x: Value, start: int = 0, end: int | None = None) -> Value:
        """The sizes from axis ``start`` up to ``end``, known when the model runs."""
        if x.shape is not None and None not in x.shape[start:end]:
            return self.ints(*x.shape[start:end])
        return self.op("Shape", x, dtype=np.int64, start=start, end=end)

    def size_of(self, x: Value, axis: int) -> Value:
        """One size, as a number without axes."""
        end = axis + 1 if axis != -1 else None
        return self.op("Squeeze", self.shape_of(x, axis, end))

    def join(self, *vectors: Value) -> Value:
        """Vectors of int64 one after the other."""
        return self.op("Concat", *vectors, axis=0)

    def reduce(self, kind: str, x: Value, axes: Sequence[int] | None, keepdims: bool) -> Value:
        """A reduction, such as "ReduceSum", along axes; None: all."""
        if axes is not None and not len(axes):
            return x
        given = None if axes is None else self.ints(*axes)
        return self.op(kind, x, given, keepdims=int(keepdims))

    def where(self, condition: Value, a: Any, b: Any) -> Value:
        a, b = (a, self.like(b, a)) if isinstance(a, Value) else (self.like(a, b), b)
        return self.op("Where", self.cast(condition, bool), a, b, dtype=a.dtype)

    def slice(self, x: Value, axis: int, start: int, end: int, step: int = 1) -> Value:
        bounds = [self.ints(n) for n in (start, end, axis, step)]
        return self.op("Slice", x, *bounds)

    def flip(self, x: Value, axis: int) -> Value:
        return self.slice(x, axis, -1, np.iinfo(np.int64).min, -1)

    def range_to(self, n: Value) -> Value:
        """0, 1, ... below the number ``n``."""
        return self.op("Range", self.const(0, np.int64), n, self.const(1, np.int64))


__all__ = ["Builder", "Value"]
