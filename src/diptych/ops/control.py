"""Loops, branches, and functions whose gradient is given: the control flow of ``keras.ops``.

The functions run as Python does, one step after another, and what they call records itself: so
gradients flow through all of it. On symbolic tensors, a call is recorded as one operation, whose
outputs have the shapes that one step of the function gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..graph import KerasTensor, symbolic
from ..graph import record as record_symbolic
from ..nested import flatten, map_structure, pack_like
from ..operation import alias
from ..tape import GradientTape, record, unrecorded
from ..tensor import NUMBERS, Tensor, as_array
from .creation import as_tensor, convert_to_numpy, is_tensor
from .shapes import concatenate, flip, stack

__all__ = [
    "associative_scan",
    "cond",
    "custom_gradient",
    "fori_loop",
    "jvp",
    "map",
    "scan",
    "switch",
    "vectorize",
    "vectorized_map",
    "while_loop",
]


def _tensors(structure: Any) -> Any:
    """The leaves as tensors; None stays None."""
    return map_structure(lambda x: None if x is None else as_tensor(x), structure)


def _same_kind(name: str, given: Any, before: Any, after: Any) -> Any:
    """The values of a loop after a step; TypeError unless they are like those before it.

    given: the first values, in which a plain number may turn into anything.
    """
    pairs = [flatten(values) for values in (given, before, after)]
    if len(pairs[1]) != len(pairs[2]):
        raise TypeError(
            f"{name}() began with {len(pairs[1])} tensors, but a step returned {len(pairs[2])}."
        )
    for first, x, y in zip(*pairs, strict=True):
        like = x is y is None or (tuple(x.shape) == tuple(y.shape) and x.dtype == y.dtype)
        if not like and not isinstance(first, NUMBERS):
            raise TypeError(
                f"{name}() needs values that keep their shapes and dtypes, but a step made of "
                f"{_described(x)} {_described(y)}. ops.cast may help."
            )
    return after


def _length(xs: Any) -> Any:
    """The common size of the first axes; ValueError if they differ."""
    sizes = {x.shape[0] for x in flatten(xs)}
    if len(sizes - {None}) > 1:
        raise ValueError(f"The first axes must have one size, but they have {sorted(sizes)}.")
    return max(sizes - {None}, default=None)


def _at(xs: Any, i: int) -> Any:
    return map_structure(lambda x: None if x is None else x[i], xs)


def _stacked(results: list) -> Any:
    """A list of structures as one structure of tensors with one more axis, the first."""
    columns = zip(*[flatten(result) for result in results], strict=True)
    return pack_like(results[0], [stack([*column]) for column in columns])


def _none_of(outputs: Any) -> Any:
    """Tensors of no steps, where one step returns ``outputs``."""
    return map_structure(lambda y: Tensor(np.zeros((0, *y.shape), y.dtype)), outputs)


def _with_axis(n: Any, outputs: Any) -> Any:
    """Symbolic outputs of one step as those of n steps."""
    return map_structure(lambda y: KerasTensor((n, *y.shape), y.dtype), outputs)


# --------------------------------------------------------------------------------------------------
# Branches


def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """true_fn() if ``pred`` is true, else false_fn().

    Args:
        pred: a single boolean.
        true_fn, false_fn: functions without arguments, which return tensors of the same structure,
            shapes and dtypes.

    Raises:
        ValueError: ``pred`` is symbolic, and what the functions return differs.
    """
    if not symbolic(pred):
        return _tensors(true_fn() if bool(convert_to_numpy(pred)) else false_fn())
    yes, no = (_outputs_of(branch) for branch in (true_fn, false_fn))
    if _described(yes) != _described(no):
        raise ValueError(
            "cond() needs two functions that return the same structure, shapes and dtypes; got "
            f"{_described(yes)} and {_described(no)}."
        )
    return record_symbolic(cond, (pred, true_fn, false_fn), {}, yes)


def _outputs_of(function: Callable, *args: Any) -> Any:
    """Symbolic tensors like those that the function returns for symbolic or other arguments."""
    return _like(_tensors(function(*args)))


def _like(structure: Any) -> Any:
    """New symbolic tensors in the shapes and dtypes of tensors."""
    return map_structure(lambda x: x if x is None else KerasTensor(x.shape, x.dtype), structure)


def _described(structure: Any) -> Any:
    return map_structure(lambda y: f"{tuple(y.shape)} {y.dtype}", structure)


def switch(index: Any, branches: Iterable[Callable], *operands: Any) -> Any:
    """branches[index](*operands); an index that is too small or too large means the first or last.

    Args:
        index: a single integer.
        branches: functions that return tensors of the same structure, shapes and dtypes.
        operands: what they take.
    """
    branches = [*branches]
    if symbolic((index, operands)):
        outputs = _outputs_of(branches[0], *operands)
        return record_symbolic(switch, (index, branches, *operands), {}, outputs)
    chosen = min(max(int(convert_to_numpy(index)), 0), len(branches) - 1)
    return _tensors(branches[chosen](*operands))


# --------------------------------------------------------------------------------------------------
# Loops


def while_loop(
    cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Repeat ``loop_vars = body(*loop_vars)`` while ``cond(*loop_vars)``.

    Args:
        cond: ``cond(*loop_vars)``, a single boolean.
        body: ``body(*loop_vars)``, the next values, of the same shapes and dtypes.
        loop_vars: a list or tuple of tensors, or a single tensor.
        maximum_iterations: the greatest number of steps; None: as many as it takes.

    Returns:
        The last values: a tuple, or a single tensor if ``loop_vars`` is one.

    Raises:
        TypeError: ``body`` returns other shapes or dtypes, or another number of values.
    """
    several = isinstance(loop_vars, (list, tuple))
    values = tuple(_tensors(loop_vars)) if several else (as_tensor(loop_vars),)
    if symbolic(values):
        outputs = _like(values)
        args = cond, body, values if several else values[0], maximum_iterations
        return record_symbolic(while_loop, args, {}, outputs if several else outputs[0])
    steps = 0
    while (maximum_iterations is None or steps < maximum_iterations) and bool(
        convert_to_numpy(cond(*values))
    ):
        following = body(*values)
        listed = several and isinstance(following, (list, tuple))
        following = tuple(_tensors(following)) if listed else (as_tensor(following),)
        values = _same_kind("while_loop", loop_vars, values, following)
        steps += 1
    return values if several else values[0]


def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """Repeat ``value = body_fun(i, value)`` for i from ``lower`` to ``upper - 1``.

    Args:
        lower, upper: integers.
        body_fun: ``body_fun(i, value)``, the next value, of the same structure, shapes and dtypes.
        init_val: the first value, a tensor or a structure of tensors.

    Raises:
        TypeError: ``body_fun`` returns other shapes or dtypes.
    """
    value = _tensors(init_val)
    if symbolic((lower, upper, value)):
        outputs = _like(value)
        return record_symbolic(fori_loop, (lower, upper, body_fun, value), {}, outputs)
    for i in range(int(convert_to_numpy(lower)), int(convert_to_numpy(upper))):
        following = _tensors(body_fun(as_tensor(i), value))
        value = _same_kind("fori_loop", init_val, value, following)
    return value


def map(f: Callable, xs: Any) -> Any:
    """Apply ``f`` to every entry along the first axis, and stack the results.

    Args:
        f: a function of one entry, which may be a structure as ``xs`` is.
        xs: (N, ...), or a structure of such tensors.

    Returns:
        (N, ...) of what ``f`` returns, or a structure of them.
    """
    xs = _tensors(xs)
    n = _length(xs)
    if symbolic(xs):
        outputs = _with_axis(n, _outputs_of(f, _entry(xs)))
        return record_symbolic(map, (f, xs), {}, outputs)
    if n == 0:
        return _none_of(_outputs_of(f, _entry(xs)))
    return _stacked([_tensors(f(_at(xs, i))) for i in range(n)])


def vectorized_map(function: Callable, elements: Any) -> Any:
    """Apply ``function`` to every entry along the first axis, and stack the results.

    Args:
        function: of one entry; of a list of entries if ``elements`` is a list.
        elements: (N, ...), or a structure of such tensors.

    Returns:
        (N, ...) of what the function returns, or a structure of them.
    """
    return map(function, elements)


def _entry(xs: Any) -> Any:
    """Symbolic tensors for one entry of ``xs``."""
    return map_structure(lambda x: KerasTensor(x.shape[1:], x.dtype), xs)


def scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: Any = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> Any:
    """Repeat ``carry, y = f(carry, x)`` for each entry x along the first axis of ``xs``.

    Args:
        f: ``f(carry, x)``, the next carry and an output.
        init: the first carry, a tensor or a structure of tensors.
        xs: (N, ...), or a structure of such tensors; None: x is None, ``length`` times.
        length: the number of steps; None: N.
        reverse: whether to begin with the last entry; outputs stay in the order of ``xs``.
        unroll: accepted for Keras's sake.

    Returns:
        The last carry, and the outputs stacked, (N, ...).

    Raises:
        TypeError: the carry changes its shapes or dtypes.
        ValueError: the lengths of ``xs`` differ or are not known, or ``unroll`` is no positive
            number.
    """
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"scan() needs unroll=True, False or a number above 0; got {unroll!r}.")
    carry, xs = _tensors(init), _tensors(xs)
    n = int(length) if length is not None else None
    if xs is not None:
        own = _length(xs)
        if None not in (n, own) and n != own:
            raise ValueError(f"scan() got length={n}, but the first axis of xs has size {own}.")
        n = own if n is None else n
    elif n is None:
        raise ValueError("scan() needs xs, or the number of steps, length.")
    entry = None if xs is None else _entry(xs)
    if symbolic((carry, xs)):
        last, y = _outputs_of(f, carry, entry)
        args = (f, carry, xs, length, reverse, unroll)
        return record_symbolic(scan, args, {}, (last, _with_axis(n, y)))
    ys = []
    for i in range(n)[:: -1 if reverse else 1]:
        following, y = f(carry, None if xs is None else _at(xs, i))
        carry = _same_kind("scan", init, carry, _tensors(following))
        ys.append(_tensors(y))
    if n == 0:
        return carry, _none_of(_outputs_of(f, carry, entry)[1])
    return carry, None if ys[0] is None else _stacked(ys[:: -1 if reverse else 1])


def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """x_0, f(x_0, x_1), f(f(x_0, x_1), x_2), ... along an axis, in log2(N) calls of an associative
    function: one that may be bracketed in any way (Blelloch, 1990, "Prefix sums and their
    applications").

    Args:
        f: ``f(a, b)`` of two tensors, or structures of them, element by element along ``axis``.
        elems: (..., N, ...), or a structure of such tensors.
        reverse: whether to begin at the end of the axis.
        axis: the axis.

    Returns:
        Tensors in the shapes and the structure of ``elems``.

    Raises:
        ValueError: the tensors of ``elems`` have not one length along the axis.
    """
    elems = _tensors(elems)
    sizes = {x.shape[axis] for x in flatten(elems)}
    if len(sizes - {None}) > 1:
        raise ValueError(
            f"associative_scan() needs tensors of one size along axis {axis}; got the shapes "
            f"{[tuple(x.shape) for x in flatten(elems)]}."
        )
    if symbolic(elems):
        outputs = _like(elems)
        return record_symbolic(associative_scan, (f, elems, reverse, axis), {}, outputs)
    xs = [flip(x, axis) if reverse else x for x in flatten(elems)]
    n, reach = max(sizes), 1

    def part(x: Any, start: Any, stop: Any) -> Any:
        return x[(slice(None),) * (axis % len(x.shape)) + (slice(start, stop),)]

    while reach < n:  # after each step x_i stands for the last 2 * reach elements up to i
        before = pack_like(elems, [part(x, None, n - reach) for x in xs])
        after = pack_like(elems, [part(x, reach, None) for x in xs])
        joined = flatten(_tensors(f(before, after)))
        xs = [concatenate([part(x, None, reach), y], axis) for x, y in zip(xs, joined, strict=True)]
        reach *= 2
    return pack_like(elems, [flip(x, axis) if reverse else x for x in xs])


# --------------------------------------------------------------------------------------------------
# Functions of functions


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """A function of tensors that calls ``pyfunc`` for every element, or for every core that the
    signature names, of arguments that broadcast against each other.

    Args:
        pyfunc: a function of single elements, or of the cores of a signature.
        excluded: numbers of positional arguments and names of others that are passed as they are.
        signature: the core axes of arguments and results, such as "(n),(n)->()".

    Returns:
        The function, whose results have the shape to which its arguments broadcast; gradients flow
        through ``pyfunc``.
    """
    excluded = {*(excluded or ())}

    def vectorized(*args: Any, **kwargs: Any) -> Any:
        places = [i for i in range(len(args)) if i not in excluded]
        names = [name for name in kwargs if name not in excluded]
        given = [as_tensor(args[i]) for i in places] + [as_tensor(kwargs[name]) for name in names]
        ranks = _core_ranks(signature, len(given))
        lines = np.broadcast_shapes(
            *[x.shape[: x.ndim - rank] for x, rank in zip(given, ranks, strict=True)]
        )

        def call(index: tuple) -> Any:
            parts = iter([_core(x, rank, index) for x, rank in zip(given, ranks, strict=True)])
            own = [next(parts) if i in places else arg for i, arg in enumerate(args)]
            return _tensors(pyfunc(*own, **{**kwargs, **{name: next(parts) for name in names}}))

        stacked = _stacked([call(index) for index in np.ndindex(*lines)])
        return map_structure(lambda y: y.reshape((*lines, *y.shape[1:])), stacked)

    return vectorized


def _core_ranks(signature: str | None, count: int) -> list[int]:
    """How many axes belong to the core of each argument."""
    if signature is None:
        return [0] * count
    cores = signature.replace(" ", "").partition("->")[0].strip("()").split("),(")
    if len(cores) != count:
        raise ValueError(f"signature={signature!r} is for {len(cores)} arguments, but got {count}.")
    return [len(core.split(",")) if core else 0 for core in cores]


def _core(x: Any, rank: int, index: tuple) -> Any:
    """The core of an argument at an index into the shape that all of them broadcast to."""
    lines = x.shape[: x.ndim - rank]
    own = index[len(index) - len(lines) :]
    return x[tuple([0 if n == 1 else i for i, n in zip(own, lines, strict=True)])]


def custom_gradient(f: Callable) -> Callable:
    """Decorate a function that says itself what its gradient is.

    Args:
        f: ``f(*args)`` returns the output and a function, which gets the gradient of the output and
            returns that of the argument, or a tuple with one for each argument. The function may be
            ``grad(upstream)``, or ``grad(*args, upstream=None)`` as in Keras's guides. An output of
            several tensors gives as many upstream gradients.

    Returns:
        A function of the same arguments, tensors or structures of tensors, that returns the output.

    Raises:
        ValueError: the gradients are not as many as the inputs.
    """

    def with_own_gradient(*args: Any) -> Any:
        args = _tensors(args)
        with unrecorded():
            output, gradient = f(*args)
            output = _tensors(output)
        inputs = flatten(args)

        def gradients(gradient: Callable, dy: Any) -> list:
            given = gradient(*_tensors(dy)) if isinstance(dy, list) else gradient(as_tensor(dy))
            found = flatten(given)
            if len(found) != len(inputs):
                raise ValueError(
                    f"The gradient function of {getattr(f, '__name__', f)!r} returned "
                    f"{len(found)} gradients for {len(inputs)} arguments."
                )
            return found

        # The way back calls f again: what its gradient function has from f is then recorded too.
        operation = SimpleNamespace(
            name=getattr(f, "__name__", "custom_gradient"),
            way_back=lambda dy, record, needs: gradients(f(*args)[1], dy),
        )
        is_one = is_tensor(output)
        y = output.array if is_one else [as_array(part) for part in flatten(output)]
        made = record(
            y, inputs, lambda dy, cache, needs: gradients(gradient, dy), None, operation=operation
        )
        return made if is_one else pack_like(output, made)

    return with_own_gradient


def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> tuple:
    """The output of a function, and its derivative in a direction: J v, with J the matrix of
    derivatives at ``primals`` and v the ``tangents``.

    It goes back twice: J^T u is linear in u, and the gradient of <J^T u, v> by u is J v.

    Args:
        fun: ``fun(*primals)``, a tensor or a structure of tensors.
        primals: a list or tuple of tensors.
        tangents: the direction, in the shapes and dtypes of ``primals``.
        has_aux: whether ``fun`` returns a pair, of its output and anything else.

    Returns:
        (output, J v), or with ``has_aux`` (output, J v, the other thing).

    Raises:
        ValueError: the tangents have not the shapes of the inputs.
    """
    primals, tangents = _tensors([*primals]), _tensors([*tangents])
    shapes = [[tuple(x.shape) for x in flatten(xs)] for xs in (primals, tangents)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"jvp() needs tangents in the shapes of the primals; got {shapes[1]} for {shapes[0]}."
        )
    points = map_structure(alias, primals)
    with GradientTape() as second:
        with GradientTape() as first:
            first.watch(points)
            result = fun(*points)
            output, aux = result if has_aux else (result, None)
            output = _tensors(output)
        outputs = flatten(output)
        u = [Tensor(np.zeros(y.shape, y.dtype), tracked=True) for y in outputs]
        back = zip(first.gradient(outputs, flatten(points), u), flatten(tangents), strict=True)
        products = [dx * v for dx, v in back if dx is not None]
    slopes = [
        as_tensor(np.zeros(y.shape, y.dtype) if dx is None else dx)
        for y, dx in zip(outputs, second.gradient(products, u), strict=True)
    ]
    return (output, pack_like(output, slopes), *([aux] if has_aux else []))


def __dir__() -> list[str]:
    return sorted(__all__)
