"""Tensors, the tape, and the chain rule.

A ``Tensor`` wraps a NumPy array. While a ``GradientTape`` is open, every operation on a tensor that
depends on a trainable variable leaves a record: its output, its inputs, and how to turn the
gradient of the output into gradients of the inputs. ``tape.gradient(loss, variables)`` walks those
records backwards once:

    with GradientTape() as tape:              # y = w * x, L = y * y
        y = w * x                             # record 1: y <- (w, x)
        loss = y * y                          # record 2: L <- (y, y)
    tape.gradient(loss, w)                    # dL/dL = 1; record 2: dL/dy; record 1: dL/dw

An operation is either a twin (``Twin``: a forward and a backward function of an engine,
``diptych.reference`` or ``diptych.fastcore``) or an array operation (``ArrayOp``: a NumPy function
with one gradient rule for each input). What they are is said in ``diptych.ops``; how they are
recorded is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, ClassVar

import numpy as np

from . import config
from . import engine as _engine

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


# --------------------------------------------------------------------------------------------------
# Operations


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
    if isinstance(x, _NUMBERS) and not isinstance(x, bool) and like is not None:
        if like.kind == "f" or (like.kind in "iu" and not isinstance(x, _FLOATS)):
            return np.asarray(x, dtype=like)
    return _from_python(x)


_FLOATS = (float, np.floating)
_NUMBERS = (int, np.integer, *_FLOATS)


def _from_python(x: Any) -> np.ndarray:
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


def holds_tensors(x: Any) -> bool:
    """Whether a nested list has a tensor in it, symbolic or not."""
    if isinstance(x, (list, tuple)):
        return any(holds_tensors(part) for part in x)
    return isinstance(x, Tensor) or is_symbolic(x)


def gather(x: Any) -> Any:
    """Stack a list with tensors in it into one, through which gradients flow; leave the rest."""
    if isinstance(x, (list, tuple)) and holds_tensors(x):
        from .ops.shapes import stack

        return stack([gather(part) for part in x])
    return x


def common_dtype(inputs: Iterable, floating: bool = False) -> np.dtype:
    """Return the dtype in which an operation on ``inputs`` computes.

    Floats win over integers, tensors over bare arrays, and both over bare numbers: so float32
    weights stay float32 beside a Python 2.0 or an array that NumPy made float64 by default. Two
    tensors of different float types meet in the wider one. With ``floating``, integers become the
    configured float type.
    """
    tensors = [x.array.dtype for x in inputs if isinstance(x, Tensor)]
    arrays = [x.dtype for x in inputs if isinstance(x, np.ndarray)]
    for dtypes in (tensors, arrays):
        floats = [dtype for dtype in dtypes if dtype.kind in "fc"]
        if floats:
            return np.result_type(*floats)
    if floating or any(isinstance(x, _FLOATS) for x in inputs):
        return np.dtype(config.floatx())
    numbers = [x for x in inputs if isinstance(x, _NUMBERS) and not isinstance(x, bool)]
    dtype = np.result_type(*tensors, *arrays, *([np.bool_] if not tensors and not arrays else []))
    if numbers and dtype == np.bool_:
        return np.dtype(np.int32)
    return dtype


def align(inputs: Iterable, floating: bool = False) -> list:
    """Bring inputs to their common dtype; the cast of a tracked tensor is recorded."""
    inputs = [
        x if isinstance(x, (Tensor, np.ndarray, *_NUMBERS)) else _from_python(x) for x in inputs
    ]
    dtype = common_dtype(inputs, floating)
    if dtype.kind == "f":
        dtype = np.dtype(dtype.type)
    return [_in_dtype(x, dtype) for x in inputs]


def _in_dtype(x: Any, dtype: np.dtype) -> Any:
    """``x`` in this dtype, and with this very object: an unpickled array has an equal one of its
    own.
    """
    if not isinstance(x, Tensor):
        x = np.asarray(x, dtype)
        return x if x.dtype is dtype else x.view(dtype)
    if x.array.dtype != dtype:
        return cast(x, dtype=dtype)
    if x.array.dtype is not dtype:
        x.array = x.array.view(dtype)
    return x


# Every operation by its name, for pickles: they name operations and do not copy them.
_operations: dict[str, Any] = {}


def _operation(name: str) -> Any:
    from . import ops  # noqa: F401 - which fills the dict

    return _operations[name]


class ArrayOp:
    """An array operation: a NumPy function, and for each input the rule that gives its gradient.

    Args:
        name: its name in ``diptych.ops``.
        forward: ``forward(*arrays, **options) -> y`` (an array, or a list of arrays).
        rules: for each array input a function ``rule(g, y, *arrays, **options) -> gradient``, where
            ``g`` is the gradient of the output. An input for which nobody wrote a rule raises when
            its gradient is asked for: never a silent zero.
        variadic: whether a single rule serves any number of inputs; it is called with the input's
            number first.
        constant: the result is no differentiable function of the inputs (a comparison, an index),
            by its nature.
        same: the number of the first of those inputs that must share one dtype; None where each
            keeps its own.
        floating: whether the computation needs floats, so that integers are cast to the configured
            float type.
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
    ) -> None:
        self.name = name
        self.forward = forward
        self.rules = rules
        self.variadic = variadic
        self.constant = constant
        self.same = 0 if floating and same is None else same
        self.floating = floating
        self.backward = self._backward  # bound once, not at every call
        _operations.setdefault(name, self)

    def __reduce__(self) -> Any:
        return (
            (_operation, (self.name,))
            if _operations.get(self.name) is self
            else super().__reduce__()
        )

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        arrays = []
        for x in inputs:
            if not isinstance(x, Tensor):
                return self._with_others(inputs, options)
            arrays.append(x.array)
        if self.same is not None and not _alike(arrays):
            inputs = (*inputs[: self.same], *align(inputs[self.same :], self.floating))
            arrays = [x.array for x in inputs]
        y = self.forward(*arrays, **options)
        records = _records.get()
        if records is None or self.constant:
            return _wrap(y, False)
        needs = [x.tracked for x in inputs]
        if True not in needs or (isinstance(y, np.ndarray) and y.dtype.kind not in "fc"):
            return _wrap(y, False)  # integers have no derivative
        output = _wrap(y, True)
        records.append((output, inputs, needs, self.backward, (y, arrays, options)))
        return output

    def _with_others(self, inputs: tuple, options: dict) -> Any:
        """A call with inputs of which some are no tensors yet, or symbolic ones."""
        inputs = tuple(gather(x) for x in inputs)
        if any(is_symbolic(x) for x in inputs):
            return _record_symbolic(self, inputs, options)
        own = len(inputs) if self.same is None else self.same
        given = [as_array(x) if not isinstance(x, Tensor) else x for x in inputs[:own]]
        given += align(inputs[own:], self.floating)
        return self(*[x if isinstance(x, Tensor) else Tensor(x) for x in given], **options)

    def _backward(self, g: Any, cache: tuple, needs: Sequence[bool]) -> list:
        y, arrays, options = cache
        return [
            self.rule(i)(g, y, *arrays, **options) if need else None for i, need in enumerate(needs)
        ]

    def rule(self, i: int) -> Callable:
        """Return the rule for input number ``i``; NotImplementedError where nobody wrote one."""
        if self.variadic and self.rules:
            return partial(self.rules[0], i)
        if i < len(self.rules):
            return self.rules[i]
        raise NotImplementedError(
            f"ops.{self.name} has no gradient rule for its input number {i}, and that gradient was "
            "asked for. Keep it off the path from the loss to the weights, or wrap that input in "
            "ops.stop_gradient(...)."
        )

    def __repr__(self) -> str:
        return f"<op {self.name}>"


FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)


def _alike(arrays: Sequence[np.ndarray]) -> bool:
    """Whether the arrays are all float32 or all float64 already: the common case, told quickly."""
    dtype = arrays[0].dtype
    if dtype is not FLOAT32 and dtype is not FLOAT64:
        return False
    return len(arrays) == 1 or all(x.dtype is dtype for x in arrays)


cast = ArrayOp(
    "cast",
    lambda x, dtype: x.astype(dtype, copy=False),
    lambda g, y, x, dtype: g.astype(x.dtype, copy=False),
)


class Twin:
    """An operation that both engines hold as a pair of functions, ``<name>_forward`` and
    ``<name>_backward``.

    Args:
        family: the twin module, for instance "dense".
        name: the pair's name, for instance "dense".
        asks: whether backward takes ``need_dx``: no gradient for the first input where nobody wants
            it.
    """

    def __init__(self, family: str, name: str, asks: bool = False) -> None:
        self.family = family
        self.name = name
        self.asks = asks
        self._pairs: dict[str, tuple[Callable, Callable]] = {}
        self._key = f"{family}.{name}"
        _operations.setdefault(self._key, self)

    def __reduce__(self) -> Any:
        return (
            (_operation, (self._key,))
            if _operations.get(self._key) is self
            else super().__reduce__()
        )

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
        records = _records.get()
        if records is None:
            return _wrap(y, False)
        needs = [x is not None and x.tracked for x in inputs]
        if True not in needs:
            return _wrap(y, False)
        output = _wrap(y, True)
        records.append((output, inputs, needs, backward, cache, forward, options))
        return output

    def _mixed(self, inputs: tuple, options: tuple) -> Any:
        """A call with inputs that are no tensors yet, or not all of one float type."""
        inputs = tuple(gather(x) for x in inputs)
        if any(is_symbolic(x) for x in inputs):
            return _record_symbolic(self, (inputs, *options), {})
        given = align([x for x in inputs if x is not None], floating=True)
        if given[0].dtype.char not in "fd":
            raise TypeError(
                f"ops.{self.name} computes in float32 or float64, and got {given[0].dtype}."
            )
        tensors = iter([x if isinstance(x, Tensor) else Tensor(x) for x in given])
        return self(tuple([None if x is None else next(tensors) for x in inputs]), *options)

    def _pair(self, engine: _engine.Engine) -> tuple[Callable, Callable]:
        forward = engine.function(self.family, f"{self.name}_forward")
        backward = engine.function(self.family, f"{self.name}_backward")

        def gradients(dy: Any, cache: tuple, needs: Sequence[bool]) -> Sequence:
            grads = backward(dy, cache, need_dx=needs[0]) if self.asks else backward(dy, cache)
            return (grads,) if len(needs) == 1 else grads

        return forward, gradients

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def record(y: Any, inputs: Iterable, backward: Callable, cache: tuple, *forward: Any) -> Any:
    """Wrap ``y`` (an array, or a list of arrays), and remember on the open tape how to go back from
    it.

    ``backward(dy, cache, needs)`` returns a gradient for each of ``inputs``, or None where
    ``needs`` is False. Every differentiable operation ends here; a function of your own may as
    well. ``forward`` is, for a twin, the function and its options.
    """
    records = _records.get()
    if records is None:
        return _wrap(y, False)
    needs = [isinstance(x, Tensor) and x.tracked for x in inputs]
    if True not in needs:
        return _wrap(y, False)
    output = _wrap(y, True)
    records.append((output, inputs, needs, backward, cache, *forward))
    return output


def _wrap(y: Any, tracked: bool) -> Any:
    if isinstance(y, np.ndarray):
        return Tensor(y, tracked)
    if isinstance(y, (list, tuple)):
        return [Tensor(part, tracked) for part in y]
    return Tensor(np.asarray(y), tracked)  # NumPy gives a scalar for an array without axes


def is_symbolic(x: Any) -> bool:
    """Whether ``x`` is a symbolic tensor of ``diptych.graph``."""
    return getattr(x, "is_symbolic", False)


def _record_symbolic(operation: Any, inputs: tuple, options: dict) -> Any:
    from . import graph

    return graph.record(operation, inputs, options)


# --------------------------------------------------------------------------------------------------
# The tape


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
        self._walk_back(records, grads, {id(source) for source in wanted})
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
    def _walk_back(records: list, grads: dict[int, Any], keep: set[int]) -> None:
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
                    if type(dx) is not np.ndarray or dx.dtype is not dtype:
                        dx = np.asarray(dx, dtype)
                    key = id(x)
                    grads[key] = grads[key] + dx if key in grads else dx


def _take(grads: dict[int, Any], tensor: Tensor, keep: set[int]) -> Any:
    """A gradient is complete when its producer is reached; unless it was asked for, it can go."""
    return grads.get(id(tensor)) if id(tensor) in keep else grads.pop(id(tensor), None)


def stop_gradient(x: Any) -> Tensor:
    """Return the values of ``x`` as a constant: no gradient flows back through it."""
    if is_symbolic(x):
        return _STOP(x)
    return Tensor(as_array(x))


_STOP = ArrayOp("stop_gradient", lambda x: x, constant=True)
