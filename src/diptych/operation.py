"""Operations, and how they are recorded on the tape of ``diptych.tape``.

An operation is either a twin (``Twin``: a forward and a backward function of an engine,
``diptych.reference`` or ``diptych.fastcore``) or an array operation (``ArrayOp``: a NumPy function
with one gradient rule for each input). The operations are defined in ``diptych.ops``; this module
calls and records them. On symbolic tensors they compute nothing, but record the call in a graph,
with the shapes that their rule, ``shape``, gives; see ``diptych.shape_rules``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from . import config
from . import engine as _engine
from .nested import flatten
from .promotion import integers_together
from .shape_rules import common_shape, nth_axis, same
from .tape import GradientTape, Record, record, record_constant
from .tensor import (
    FLOATS,
    NUMBERS,
    Number,
    Tensor,
    Variable,
    as_array,
    from_python,
    is_symbolic,
)
from .walk import explain


def common_dtype(inputs: Iterable, floating: bool = False) -> np.dtype:
    """Return the dtype in which an operation on ``inputs`` computes.

    Floats take precedence over integers, tensors over plain arrays, and both over plain numbers:
    float32 weights stay float32 next to a Python 2.0 or a float64 array of NumPy. Of two float
    types of tensors, the wider one is used. With ``floating``, integers become the configured float
    type.
    """
    tensors = [x.array.dtype for x in inputs if isinstance(x, Tensor)]
    arrays = [x.dtype for x in inputs if isinstance(x, np.ndarray)]
    for dtypes in (tensors, arrays):
        floats = [dtype for dtype in dtypes if dtype.kind in "fc"]
        if len(floats) == 1 and floats[0].isnative:
            return floats[0]  # what result_type would return, at once
        if floats:
            return np.result_type(*floats)
    if floating or any(isinstance(x, FLOATS) for x in inputs):
        return np.dtype(config.floatx())
    numbers = [x for x in inputs if isinstance(x, NUMBERS) and not isinstance(x, bool)]
    dtype = integers_together(*tensors, *arrays, np.dtype(np.bool_))
    if numbers and dtype == np.bool_:
        return np.dtype(np.int32)
    return dtype


def align(inputs: Iterable, floating: bool = False, counting: bool = False) -> list:
    """Bring inputs to their common dtype, with ``counting`` int32 in place of bool; the cast of a
    tracked tensor is recorded.
    """
    inputs = [
        x if isinstance(x, (Tensor, np.ndarray, *NUMBERS)) else from_python(x) for x in inputs
    ]
    dtype = common_dtype(inputs, floating)
    if dtype.kind == "f":
        dtype = np.dtype(dtype.type)
    elif counting and dtype.kind == "b":
        dtype = np.dtype(np.int32)
    return [_in_dtype(x, dtype) for x in inputs]


def _in_dtype(x: Any, dtype: np.dtype) -> Any:
    """``x`` in this dtype, with the identical dtype object: an unpickled array has an equal but
    different one.
    """
    if not isinstance(x, Tensor):
        if isinstance(x, np.ndarray):
            check_numbers(x, dtype)
        try:
            x = np.asarray(x, dtype)
        except OverflowError:
            raise OverflowError(
                f"{x!r:.60} is beyond the numbers of {dtype}, the dtype of the other input: give "
                "that one a wider dtype, for instance by ops.cast(x, 'int32')."
            ) from None
        return x if x.dtype is dtype else x.view(dtype)
    if x.array.dtype != dtype:
        return cast(x, dtype=dtype)
    if x.array.dtype is not dtype:
        x.array = x.array.view(dtype)
    return x


def check_numbers(x: np.ndarray, dtype: np.dtype) -> None:
    """Raise a TypeError for texts, dates and objects, which NumPy might convert to numbers."""
    if x.dtype.kind in "OSUMmV" and dtype.kind in "biufc":
        example = f", such as {x.flat[0]!r:.60}" if x.size else ""
        raise TypeError(
            f"Expected numbers, but got an array of dtype {x.dtype}{example}. If all entries are "
            "numbers, x.astype('float32') makes them so; for texts use StringLookup or "
            "TextVectorization."
        )


class Operation:
    """The base of both kinds: pickles store an operation by name instead of copying it."""

    name: str
    shape: Callable | None = None  # the rule for the shape of the output
    named: ClassVar[dict[str, Operation]] = {}
    by_name: ClassVar[Callable | None] = None  # set by `ops`, which imports all operations

    def _register(self, key: str) -> None:
        self._key = key
        Operation.named.setdefault(key, self)

    def __reduce__(self) -> Any:
        if Operation.by_name is not None and Operation.named.get(self._key) is self:
            return Operation.by_name, (self._key,)
        return super().__reduce__()

    def record_symbolic(
        self, inputs: tuple, arguments: tuple, options: dict[str, Any], *more: Any
    ) -> Any:
        """Record a call with symbolic tensors in their graph, and return its symbolic outputs.

        Args:
            inputs: those whose shapes the rule takes, before ``more`` and ``options``.
            arguments, options: those of the call.
        """
        symbol = next(x for x in flatten((inputs, options)) if is_symbolic(x))
        if self.shape is None:  # somebody's own operation
            return symbol.record(self, arguments, options)
        shapes = [x if x is None else _shape(x) for x in inputs]
        try:
            found = self.shape(*shapes, *more, **options)
        except ValueError as error:
            given = " and ".join(str(shape) for shape in shapes if shape is not None)
            told = ValueError(f"ops.{self.name} cannot take {given}: {error}")
            explain(told, self, [x for x in flatten((inputs, options)) if is_symbolic(x)])
            raise told from None
        return symbol.record(self, arguments, options, found, self._dtype(inputs, options))

    def _dtype(self, inputs: tuple, options: dict[str, Any]) -> Any:
        """The dtype of what a call with symbolic tensors will return, or a list of dtypes."""
        raise NotImplementedError


def _shape(x: Any) -> tuple[int | None, ...]:
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def one_number(x: Any) -> Any:
    """A single number of the kind and dtype of ``x``, to find out dtypes with."""
    if is_symbolic(x):
        return Tensor(np.zeros((), x._dtype))
    if isinstance(x, Tensor):
        return Tensor(np.zeros((), x.array.dtype))
    return x if isinstance(x, NUMBERS) else np.zeros((), from_python(x).dtype)


class ArrayOp(Operation):
    """An array operation: a NumPy function with a gradient rule for each input.

    Args:
        name: its name in ``diptych.ops``.
        forward: ``forward(*arrays, **options) -> y`` (an array, or a list of arrays).
        rules: for each array input a function ``rule(g, y, *arrays, **options) -> gradient``, where
            ``g`` is the gradient of the output. An input without a rule raises an error when its
            gradient is needed, so that it is never silently zero. For gradients of gradients, rules
            are called with tensors in place of arrays: they consist of functions and methods of
            NumPy that tensors have, and write into no array.
        variadic: whether a single rule applies to any number of inputs; its first argument is the
            number of the input.
        constant: whether the result is not differentiable by nature (a comparison, an index).
        same: the first of the inputs that must share one dtype; None if each keeps its own.
        floating: whether the computation needs floats; integers are then cast to the configured
            float type.
        counting: whether bools count as numbers: they are then cast to int32.
        wide: whether it needs at least 32 bits; float16 is then computed in float32, and the
            result cast back.
        shape: ``shape(*shapes, **options)``, the shape of the output from those of the inputs, or a
            list of shapes; see ``diptych.shape_rules``. Without it, a call on symbolic tensors
            tries the operation on zeros.
        dtype: the output's dtype, where it is not the one that the inputs share (or that of the
            first, if they share none): a name, or ``dtype(*dtypes, **options)``, which may return a
            list, one for each output.
    """

    def __init__(
        self,
        name: str,
        forward: Callable,
        *rules: Callable,
        variadic: bool = False,
        constant: bool = False,
        same: int | None = None,
        floating: bool = False,
        counting: bool = False,
        wide: bool = False,
        shape: Callable | None = None,
        dtype: Any = None,
    ) -> None:
        self.name = name
        self.shape = shape
        self.dtype = dtype
        self.wide = wide
        self.forward = forward
        self.rules = rules
        self.variadic = variadic
        self.constant = constant
        self.same = 0 if (floating or counting) and same is None else same
        self.floating = floating
        self.counting = counting
        self.backward = self._backward  # bound once, not at every call
        self._register(name)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        arrays = []
        for x in inputs:
            if not isinstance(x, Tensor):
                return self._with_others(inputs, options)
            arrays.append(x.array)
        if self.same is not None and not _alike(arrays):
            inputs = (*inputs[: self.same], *self._align(inputs[self.same :]))
            arrays = [x.array for x in inputs]
        if self.wide and _has_float16(arrays):
            return narrowed(self(*[widened(x) for x in inputs], **options))
        try:
            y = self.forward(*arrays, **options)
        except ValueError as error:
            raise self._explained(error, arrays, options) from None
        except TypeError as error:
            if all(x.dtype.kind != "b" for x in arrays):
                raise
            raise TypeError(
                f"ops.{self.name} does not take bools: make numbers of them by "
                "ops.cast(x, 'int32'), or use one of the functions named logical_..."
            ) from error
        if self.constant or (isinstance(y, np.ndarray) and y.dtype.kind not in "fc"):
            return record_constant(y, inputs, self.forward, options)  # integers have no derivative
        return record(y, inputs, self.backward, (y, arrays, options), self.forward, options, self)

    def _explained(
        self, error: ValueError, arrays: Sequence[np.ndarray], options: dict
    ) -> ValueError:
        """An error of NumPy about shapes in words that name the operation, by its rule for shapes;
        any other error as it is.
        """
        if not _OF_NUMPY.search(str(error)):
            return error
        shapes = [x.shape for x in arrays]
        reason = str(error).strip()
        if self.shape is not None:
            try:
                self.shape(*shapes, **options)
            except ValueError as by_rule:
                reason = str(by_rule)
        given = " and ".join(map(str, shapes))
        return ValueError(f"ops.{self.name} cannot take {given}: {reason}")

    def _align(self, inputs: Sequence) -> list:
        return align(inputs, self.floating, self.counting)

    def _with_others(self, inputs: tuple, options: dict) -> Any:
        """A call with inputs that are not all tensors, or that are symbolic."""
        inputs = tuple(map(gather, inputs))
        if any(map(is_symbolic, inputs)):
            return self.record_symbolic(inputs, inputs, options)
        return self(*self._aligned(inputs), **options)

    def _aligned(self, inputs: Sequence) -> list[Tensor]:
        """The inputs as tensors, in one dtype those that share one."""
        own = len(inputs) if self.same is None else self.same
        given = [*inputs[:own], *self._align(inputs[own:])]
        return [
            x if isinstance(x, Tensor) else (Number if number else Tensor)(as_array(x))
            for x, number in zip(given, [isinstance(x, NUMBERS) for x in inputs], strict=True)
        ]

    def dtypes_of(self, inputs: Sequence) -> list[np.dtype]:
        """The dtype in which the operation takes each of these inputs, which may be symbolic."""
        return [x.array.dtype for x in self._aligned([one_number(x) for x in inputs])]

    def _dtype(self, inputs: tuple, options: dict[str, Any]) -> Any:
        dtypes = self.dtypes_of(inputs)
        if callable(self.dtype):
            return self.dtype(*dtypes, **options)
        return self.dtype or self._default_dtype(dtypes)

    def _default_dtype(self, dtypes: list[np.dtype]) -> np.dtype:
        return dtypes[self.same or 0]

    def _backward(self, g: Any, cache: tuple, needs: Sequence[bool]) -> list:
        y, arrays, options = cache
        if len(needs) == 1:
            return [self.rule(0)(g, y, *arrays, **options)]
        return [
            self.rule(i)(g, y, *arrays, **options) if need else None for i, need in enumerate(needs)
        ]

    def way_back(self, g: Tensor, record: Record, needs: Sequence[bool]) -> list:
        """The gradients as tensors: the same rules, with tensors in place of arrays, are made of
        operations, which are recorded.
        """
        return self.backward(g, (record.output, record.inputs, record.options), needs)

    def in_rule(self, *inputs: Any, **options: Any) -> Any:
        """For the rules of other operations: the result as an array, or, if one of the inputs is a
        tensor, as a tensor.
        """
        for x in inputs:
            if isinstance(x, Tensor):
                return self(*inputs, **options)
        return self.forward(*inputs, **options)

    def rule(self, i: int) -> Callable:
        """Return the rule for input number ``i``; NotImplementedError if there is none."""
        if i < len(self.rules) and not self.variadic:
            return self.rules[i]
        if self.variadic and self.rules:
            return partial(self.rules[0], i)
        raise NotImplementedError(
            f"ops.{self.name} has no gradient rule for its input number {i}, but that gradient is "
            "needed. Avoid it between the weights and the loss, or wrap that input in "
            "ops.stop_gradient(...)."
        )

    def __repr__(self) -> str:
        return f"<op {self.name}>"


class ViewOp(ArrayOp):
    """An array operation on one input, whose result may be a view of that input's memory.

    The values of a variable change in place, so its view would change with them: of a variable
    the result is a copy, which may be kept.
    """

    def __call__(self, x: Any, **options: Any) -> Any:
        is_live = type(x) is not Tensor
        if is_live and not isinstance(x, Tensor):
            return self._with_others((x,), options)
        array = x.array
        try:
            y = self.forward(array, **options)
        except ValueError as error:
            raise self._explained(error, [array], options) from None
        if is_live:
            y = [part.copy() for part in y] if isinstance(y, list) else np.array(y)
        if self.constant or (isinstance(y, np.ndarray) and y.dtype.kind not in "fc"):
            return record_constant(y, (x,), self.forward, options)  # integers have no derivative
        return record(y, (x,), self.backward, (y, (array,), options), self.forward, options, self)

    def view(self, x: Tensor, **options: Any) -> Any:
        """The same without a copy, for a result that is used only within the step."""
        return ArrayOp.__call__(self, x, **options)


# How NumPy speaks of shapes, without a word on what was computed.
_OF_NUMPY = re.compile(
    r"could not be broadcast|could not broadcast|input array dimensions|input arrays must have|"
    r"cannot reshape array|not aligned|mismatch in its core dimension"
)
FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)


def _alike(arrays: Sequence[np.ndarray]) -> bool:
    """Whether the arrays are all float32 or all float64: a quick check for the common case."""
    dtype = arrays[0].dtype
    if dtype is not FLOAT32 and dtype is not FLOAT64:
        return False
    return len(arrays) == 1 or all(x.dtype is dtype for x in arrays)


def _cast(x: np.ndarray, dtype: Any) -> np.ndarray:
    dtype = np.dtype(dtype)
    check_numbers(x, dtype)
    if x.dtype.kind == "f" and dtype.kind in "iu":
        return _as_integers(x, dtype)
    return x.astype(dtype, copy=False)


def _as_integers(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Floats rounded towards zero. What is beyond the dtype's numbers becomes the nearest of them,
    and NaN zero: in C that is undefined, and differs from one processor to another.
    """
    info = np.iinfo(dtype)
    if not x.size or (x.min() >= info.min and x.max() < float(info.max)):  # False for NaN
        return x.astype(dtype)
    low, high = x <= info.min, x >= float(info.max)
    y = np.where(low | high | np.isnan(x), 0, x).astype(dtype)
    return np.where(low, info.min, np.where(high, info.max, y)).astype(dtype)


def _cast_dtype(x: np.dtype, dtype: Any) -> np.dtype:
    check_numbers(np.zeros(0, x), np.dtype(dtype))
    return np.dtype(dtype)


# The array operations that others use: casting inputs to one dtype, and stacking lists.
cast = ViewOp(
    "cast",
    _cast,
    lambda g, y, x, dtype: g.astype(x.dtype, copy=False),
    shape=same,
    dtype=_cast_dtype,
)


# The same values as a tensor of their own.
alias = ArrayOp("alias", lambda x: x, lambda g, y, x: g, shape=same)


def _stack_shape(*xs: tuple, axis: int) -> tuple:
    shape, axis = common_shape(*xs), nth_axis(axis, len(xs[0]) + 1)
    return (*shape[:axis], len(xs), *shape[axis:])


stack = ArrayOp(
    "stack",
    lambda *xs, axis: np.stack(xs, axis),
    lambda i, g, y, *xs, axis: np.take(g, i, axis),
    variadic=True,
    same=0,
    shape=_stack_shape,
)


def _has_float16(arrays: Iterable) -> bool:
    return any(x is not None and x.dtype.char == "e" for x in arrays)


def widened(x: Any) -> Any:
    """``x`` in float32, if it is float16."""
    return cast(x, dtype="float32") if x is not None and x.dtype.char == "e" else x


def narrowed(y: Any) -> Any:
    """What an operation computed in float32, as float16: one tensor, or a list of them."""
    if isinstance(y, list):
        return [narrowed(part) for part in y]
    return cast(y, dtype="float16") if y.dtype.char == "f" else y


def holds_tensors(x: Any) -> bool:
    """Whether a nested list contains a tensor, symbolic or not."""
    if isinstance(x, (list, tuple)):
        return any(holds_tensors(part) for part in x)
    return isinstance(x, Tensor) or is_symbolic(x)


def gather(x: Any) -> Any:
    """Stack a list with tensors in it into one tensor; return anything else unchanged."""
    if isinstance(x, (list, tuple)) and holds_tensors(x):
        return stack(*[gather(part) for part in x], axis=0)
    return x


def as_floats(name: str | None, inputs: Sequence) -> list[Tensor]:
    """All inputs but those that are None, as tensors of one float type."""
    given = align([x for x in inputs if x is not None], floating=True)
    if name is not None and given[0].dtype.char not in "efd":
        raise TypeError(f"ops.{name} takes float16, float32 and float64, but got {given[0].dtype}.")
    return [x if isinstance(x, Tensor) else Tensor(x) for x in given]


def common_float(name: str | None, inputs: Sequence) -> np.dtype:
    """The float type of an operation on these inputs, some of which are symbolic or None.

    name: that of the operation, where an engine computes it, which takes no complex numbers.
    """
    return as_floats(name, [x if x is None else one_number(x) for x in inputs])[0].dtype


class Twin(Operation):
    """An operation that is a pair of functions in both engines, ``<name>_forward`` and
    ``<name>_backward``.

    For gradients of gradients, what backward does is also written as operations on tensors, with
    rules or as a composition; without them, such a gradient raises an error.

    Args:
        family: the twin module, for instance "dense".
        name: the pair's name, for instance "dense".
        rules: for each input a function ``rule(g, y, *inputs, *options) -> gradient``.
        has_need_dx: whether backward takes ``need_dx``, which skips the gradient of the first
            input.
        shape: ``shape(*shapes, *options)``, the shape of the output from those of the inputs. Twins
            that only layers use, and functions that state the shape themselves, need none.
        composition: ``composition(*inputs, *options)``, forward itself made of operations, which
            have gradients of gradients; instead of rules.
    """

    typed = slice(None)  # the inputs that share the float type of the output

    def __init__(
        self,
        family: str,
        name: str,
        *rules: Callable,
        has_need_dx: bool = False,
        shape: Callable | None = None,
        composition: Callable | None = None,
    ) -> None:
        self.family = family
        self.name = name
        self.rules = rules
        self.has_need_dx = has_need_dx
        self.shape = shape
        self.composition = composition
        self._pairs: dict[str, tuple[Callable, Callable]] = {}
        self._register(f"{family}.{name}")

    def __call__(self, inputs: tuple, *options: Any) -> Any:
        arrays: list[Any] = []
        dtype = None
        for x in inputs:
            if x is None:
                arrays.append(None)
                continue
            if not isinstance(x, Tensor):
                return self._mixed(inputs, options)
            array = x.array
            if array.dtype is not dtype:
                if dtype is not None or (array.dtype is not FLOAT32 and array.dtype is not FLOAT64):
                    return self._mixed(inputs, options)
                dtype = array.dtype
            arrays.append(array)
        engine = _engine.current()
        try:
            forward, backward = self._pairs[engine.name]
        except KeyError:
            forward, backward = self._pairs[engine.name] = self._pair(engine)
        y, cache = forward(*arrays, *options)
        return record(y, inputs, backward, cache, forward, options, self)

    def way_back(self, g: Any, record: Record, needs: Sequence[bool]) -> list:
        """The gradients as tensors, by operations of the engine that computed forward."""
        (engine,) = [name for name, pair in self._pairs.items() if pair[1] is record.backward]
        with _engine.use(engine):
            return self._by_operations(g, record, needs)

    def _by_operations(self, g: Any, record: Record, needs: Sequence[bool]) -> list:
        if self.composition is not None:
            return self._through(self.composition, g, record, needs)
        return [
            self._rule(i)(g, record.output, *record.inputs, *record.options) if need else None
            for i, need in enumerate(needs)
        ]

    def _rule(self, i: int) -> Callable:
        if i < len(self.rules):
            return self.rules[i]
        raise NotImplementedError(
            f"{self.name} has no gradient of its gradient by input number {i}, but that is needed: "
            "a tape was open while tape.gradient() went back through it. Pass what is a constant "
            "through ops.stop_gradient(...)."
        )

    @staticmethod
    def _through(composition: Callable, g: Any, record: Record, needs: Sequence[bool]) -> list:
        """Compute forward once more by operations, on a tape that gives their gradient."""
        # Each input under a name of its own: several may be the same tensor.
        inputs = [x if x is None else alias(x) for x in record.inputs]
        with GradientTape() as tape:
            y = composition(*inputs, *record.options)
        wanted = [x for x, need in zip(inputs, needs, strict=True) if need]
        gradients = iter(tape.gradient(y, wanted, g))
        return [next(gradients) if need else None for need in needs]

    def _mixed(self, inputs: tuple, options: tuple) -> Any:
        """A call with inputs that are not all tensors, or not all of one float type."""
        inputs = tuple(map(gather, inputs))
        if any(map(is_symbolic, inputs)):
            return self.record_symbolic(inputs, (inputs, *options), {}, *options)
        tensors = iter(as_floats(self.name, inputs))
        aligned = tuple([None if x is None else next(tensors) for x in inputs])
        if _has_float16(aligned):  # the engines compute in float32
            return narrowed(self(tuple([widened(x) for x in aligned]), *options))
        return self(aligned, *options)

    def _dtype(self, inputs: tuple, options: dict[str, Any]) -> Any:
        return common_float(self.name, inputs[self.typed])

    def _pair(self, engine: _engine.Engine) -> tuple[Callable, Callable]:
        forward = engine.function(self.family, f"{self.name}_forward")
        backward = engine.function(self.family, f"{self.name}_backward")

        if self.has_need_dx:

            def gradients(dy: Any, cache: tuple, needs: Sequence[bool]) -> Sequence:
                grads = backward(dy, cache, need_dx=needs[0])
                return (grads,) if len(needs) == 1 else grads

        else:

            def gradients(dy: Any, cache: tuple, needs: Sequence[bool]) -> Sequence:
                grads = backward(dy, cache)
                return (grads,) if len(needs) == 1 else grads

        return forward, gradients

    def __repr__(self) -> str:
        return f"<op {self.name}>"


class LinearTwin(Twin):
    """A twin that is linear in one of its inputs, the only one with a gradient: what the others and
    the options say is constant, so that the gradient of its backward is its forward.
    """

    def __init__(self, family: str, name: str, wrt: int = 0, **kinds: Any) -> None:
        super().__init__(family, name, **kinds)
        self.wrt = wrt
        self._backward = Derived(self._transposed, self._again)

    def _by_operations(self, g: Any, record: Record, needs: Sequence[bool]) -> list:
        only_these = record._replace(needs=needs)
        return [self._backward((g,), only_these) if need else None for need in needs]

    def _transposed(self, g: np.ndarray, record: Record) -> np.ndarray:
        return np.asarray(record.backward(g, record.cache, record.needs)[self.wrt])

    def _again(self, g: Any, _: Any, record: Record) -> Tensor:
        inputs = [g if i == self.wrt else x for i, x in enumerate(record.inputs)]
        return self(tuple(inputs), *record.options)


class Derived:
    """An operation that the backward functions of the engines compute, such as the gradient by the
    kernel of a convolution, and that has a gradient itself.

    Args:
        compute: ``compute(*arrays, *options) -> array``.
        rules: for each input a function ``rule(g, *inputs, *options) -> gradient`` made of
            operations on tensors.
    """

    def __init__(self, compute: Callable, *rules: Callable) -> None:
        self.compute = compute
        self.rules = rules

    def __call__(self, inputs: tuple, *options: Any) -> Tensor:
        inputs = tuple([x if isinstance(x, Tensor) else Tensor(x) for x in inputs])
        y = self.compute(*[x.array for x in inputs], *options)
        cache = _engine.current(), inputs, options
        return record(y, inputs, self._backward, cache, operation=self)

    def _backward(self, g: Any, cache: tuple, needs: Sequence[bool]) -> list:
        engine, inputs, options = cache
        g = g if isinstance(g, Tensor) else Tensor(g)
        with _engine.use(engine):
            return [
                rule(g, *inputs, *options) if need else None
                for rule, need in zip(self.rules, needs, strict=True)
            ]

    def way_back(self, g: Tensor, record: Record, needs: Sequence[bool]) -> list:
        return self._backward(g, record.cache, needs)


def stop_gradient(variable: Any) -> Tensor:
    """Return the values of a tensor or variable as a constant, in its shape: no gradient flows back
    through it.
    """
    if is_symbolic(variable):
        return _STOP(variable)
    return Tensor(variable.numpy() if isinstance(variable, Variable) else as_array(variable))


_STOP = ViewOp("stop_gradient", lambda x: x, constant=True, shape=same)
