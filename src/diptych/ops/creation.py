"""Creating and casting tensors, and functions for their shapes and dtypes."""

import numpy as np

from .. import config, operation
from ..operation import ArrayOp, gather
from ..promotion import dtype_named
from ..shape_rules import broadcast, count, nth_axis, same
from ..tensor import Tensor, Variable, as_array, is_symbolic
from .array_ops import unbroadcast

# --------------------------------------------------------------------------------------------------
# Conversion


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """Return ``x`` as a tensor: unchanged if it is one, stacked if it is a list of tensors. The
    shape is that of ``x``.

    Python floats become the configured float type and Python integers int32; arrays keep their
    dtype. Of a variable, the tensor has the values at this moment.

    Raises:
        ValueError: ``sparse`` or ``ragged`` is asked for: there are no such tensors here.
    """
    if sparse or ragged:
        raise ValueError(
            "Sparse and ragged tensors are not available; convert_to_tensor makes dense ones."
        )
    if type(x) is Tensor and dtype is None:  # the common case
        return x
    return as_tensor(copy(x) if isinstance(x, Variable) else x, dtype)


def as_tensor(x, dtype=None):
    """``convert_to_tensor`` without a copy of a variable, for what is used at once."""
    x = gather(x)
    if is_symbolic(x) or isinstance(x, Tensor):
        return x if dtype is None or x.dtype == _name(dtype) else cast(x, dtype)
    return Tensor(as_array(x) if dtype is None else np.asarray(x, dtype=_name(dtype)))


def convert_to_numpy(x):
    """Return the values as a NumPy array; those of a variable are copied. Shape and dtype stay.

    Raises:
        ValueError: x is symbolic: it has no values.
    """
    if is_symbolic(x):
        raise ValueError(f"{x.name} is symbolic: it has a shape, {x.shape}, and no values.")
    if isinstance(x, Variable):
        return x.numpy()
    return as_array(gather(x) if isinstance(x, (list, tuple)) else x)


def cast(x, dtype):
    """Return ``x`` in another dtype; between float types the gradient is cast back.

    The shape stays. Floats beyond the integers of ``dtype`` become the nearest of them, and NaN
    becomes 0.
    """
    return operation.cast(x, dtype=_name(dtype))


def _name(dtype):
    """The name of the dtype in which values of this ``dtype`` are kept."""
    if isinstance(dtype, np.dtype) and dtype.kind in "OUS":  # texts
        return dtype.name
    return dtype_named(dtype).name


def _name_or_none(dtype):
    return None if dtype is None else _name(dtype)


# --------------------------------------------------------------------------------------------------
# Questions


def shape(x):
    """The shape as a tuple, with None for sizes that a symbolic tensor does not know. () for a
    number.
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x):
    """The number of axes.

    That of a tensor of shape (2, 3) is 2.
    """
    return len(shape(x))


def size(x):
    """The number of elements; None where a symbolic tensor does not know it. x (n, m) has n * m."""
    n = 1
    for length in shape(x):
        n = None if n is None or length is None else n * length
    return n


def dtype(x):
    """The name of the dtype, for instance "float32".

    ``x`` may have any shape, or be symbolic.
    """
    x = gather(x)
    return np.dtype(x.dtype if hasattr(x, "dtype") else as_array(x).dtype).name


def is_whole(x):
    """Whether ``x`` holds integers or booleans."""
    if isinstance(x, Tensor):
        return x.array.dtype.kind in "iub"
    return np.dtype(dtype(x)).kind in "iub"


def is_tensor(x):
    """Whether ``x`` is a tensor, symbolic or not.

    Of any shape; a variable is one, an array of NumPy's is not.
    """
    return isinstance(x, Tensor) or is_symbolic(x)


# --------------------------------------------------------------------------------------------------
# Creation


def _default(dtype):
    return config.floatx() if dtype is None else _name(dtype)


def _sizes(shape):
    return tuple(shape) if isinstance(shape, (list, tuple)) else shape


def zeros(shape, dtype=None):
    """Return zeros; by default of the configured float type.

    ``shape`` is a tuple or a number.
    """
    return Tensor(np.zeros(_sizes(shape), _default(dtype)))


def ones(shape, dtype=None):
    """Return ones; by default of the configured float type.

    ``shape`` is a tuple or a number.
    """
    return Tensor(np.ones(_sizes(shape), _default(dtype)))


def empty(shape, dtype=None):
    """Return a tensor whose values do not matter: zeros, for reproducible results.

    ``shape`` is a tuple or a number.
    """
    return zeros(shape, dtype)


def eye(N, M=None, k=0, dtype=None):
    """Return ones on diagonal ``k`` of an (N, M) matrix, zeros elsewhere.

    M is N by default; positive ``k`` lie above the main diagonal. Of the configured float type.
    """
    return Tensor(np.eye(N, M, k, _default(dtype)))


def identity(n, dtype=None):
    """Return the (n, n) identity matrix."""
    return eye(n, dtype=dtype)


def tri(N, M=None, k=0, dtype=None):
    """Return ones on and below diagonal ``k`` of an (N, M) matrix, zeros above.

    M is N by default. Of the configured float type.
    """
    return Tensor(np.tri(N, M, k, _default(dtype)))


def arange(start, stop=None, step=None, dtype=None):
    """Return start, start + step, ... without stop; int32 where all of them are integers.

    A vector of shape (n,), n being (stop - start) / step rounded up; with one argument from 0, by
    default in steps of 1.
    """
    parts = [0, start] if stop is None else [start, stop]
    values = np.arange(
        *[p.item() if isinstance(p, Tensor) else p for p in (*parts, 1 if step is None else step)]
    )
    if dtype is None:
        dtype = config.floatx() if values.dtype.kind == "f" else np.int32
    return Tensor(values.astype(_name(dtype)))


def _spaced_shape(start, stop, num, axis, **options):
    ends = broadcast(start, stop)
    axis = nth_axis(axis, len(ends) + 1)
    return (*ends[:axis], num, *ends[axis:])


def _spaced(name, function, slopes):
    """Numbers from ``start`` to ``stop``, one after the other.

    function: NumPy's.
    slopes: ``slopes(y, start, stop, **options)``, the derivative of the position between the ends
        for each of them, times t, from 0 to 1 along the axis.
    """

    def forward(start, stop, num, endpoint, axis, dtype, **base):
        y = function(start, stop, num, endpoint, axis=axis, **base)
        dtype = dtype_of(start.dtype, stop.dtype, dtype)
        return np.asarray(np.floor(y) if dtype.kind in "iu" else y).astype(dtype)

    def rule(i):
        def to_end(g, y, start, stop, num, endpoint, axis, dtype, **base):
            own = (start, stop)[i]
            lines = np.broadcast_to(own, np.broadcast_shapes(start.shape, stop.shape))
            share = np.arange(num) / max(num - bool(endpoint), 1)
            share = (share if i else 1 - share).astype(own.dtype)
            g = np.moveaxis(g * slopes(y, np.expand_dims(lines, axis), **base), axis, -1)
            return unbroadcast(np.sum(g * share, axis=-1), own)

        return to_end

    def dtype_of(start, stop, dtype, **options):
        if dtype is not None:
            return np.dtype(dtype)
        return start if start.kind == "f" else np.dtype(config.floatx())

    return ArrayOp(name, forward, rule(0), rule(1), same=0, shape=_spaced_shape, dtype=dtype_of)


_linspace = _spaced("linspace", np.linspace, lambda y, end: 1)
_logspace = _spaced("logspace", np.logspace, lambda y, end, base: y * np.log(base))
_geomspace = _spaced("geomspace", np.geomspace, lambda y, end: y / end)


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """Return ``num`` evenly spaced numbers from start to stop.

    Args:
        start, stop: numbers, or tensors whose shapes broadcast, (...).
        num: how many.
        endpoint: whether ``stop`` is the last of them, or else the first one that is left out.
        retstep: whether to return the step as well.
        dtype: that of the result; None: the float type of the ends, or the configured one.
        axis: the place of the numbers among the axes of the result.

    Returns:
        (num, ...), or with ``retstep`` that and the step (...).
    """
    options = {"num": num, "endpoint": endpoint, "axis": axis}
    values = _linspace(start, stop, **options, dtype=_name_or_none(dtype))
    if not retstep:
        return values
    ends = as_tensor(start, values.dtype), as_tensor(stop, values.dtype)
    return values, (ends[1] - ends[0]) / (num - bool(endpoint))


def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """Return ``num`` numbers from base**start to base**stop in equal ratios; shapes and the other
    arguments are those of ``linspace``.
    """
    options = {"num": num, "endpoint": endpoint, "base": base, "axis": axis}
    return _logspace(start, stop, **options, dtype=_name_or_none(dtype))


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """Return ``num`` numbers from start to stop in equal ratios; shapes and the other arguments are
    those of ``linspace``.
    """
    options = {"num": num, "endpoint": endpoint, "axis": axis}
    return _geomspace(start, stop, **options, dtype=_name_or_none(dtype))


_like = ArrayOp(
    "full_like",
    lambda x, fill_value, dtype=None: np.full_like(x, fill_value, dtype=dtype),
    constant=True,
    shape=same,
    dtype=lambda x, fill_value, dtype=None: dtype or x,
)


def zeros_like(x, dtype=None):
    """Return zeros in the shape and dtype of ``x``."""
    return full_like(x, 0, dtype)


def ones_like(x, dtype=None):
    """Return ones in the shape and dtype of ``x``."""
    return full_like(x, 1, dtype)


def empty_like(x, dtype=None):
    """Return a tensor in the shape and dtype of ``x`` whose values do not matter: zeros."""
    return full_like(x, 0, dtype)


# Where the value itself is a tensor, gradients flow to it.
_full = ArrayOp(
    "full",
    lambda x, shape: np.array(np.broadcast_to(x, shape)),
    lambda g, y, x, shape: unbroadcast(g, x),
    shape=lambda x, shape: broadcast(x, shape),
)
_filled = ArrayOp(
    "full_like",
    lambda x, fill_value: np.array(np.broadcast_to(fill_value, x.shape)),
    lambda g, y, x, fill_value: np.zeros_like(g),
    lambda g, y, x, fill_value: unbroadcast(g, fill_value),
    shape=lambda x, fill_value: x,
    dtype=lambda x, fill_value: fill_value,
)


def full(shape, fill_value, dtype=None):
    """Return ``fill_value`` everywhere.

    ``fill_value`` broadcasts to ``shape``; by default it becomes the configured float type.
    """
    if isinstance(fill_value, (Tensor, Variable)) or is_symbolic(fill_value):
        sizes = _sizes(shape)
        sizes = sizes if isinstance(sizes, tuple) else (sizes,)
        return _full(cast(fill_value, _default(dtype)), shape=sizes)
    return Tensor(np.full(_sizes(shape), as_array(fill_value), _default(dtype)))


def full_like(x, fill_value, dtype=None):
    """Return ``fill_value`` in the shape and dtype of ``x``.

    ``fill_value`` broadcasts to it.
    """
    if isinstance(fill_value, (Tensor, Variable)) or is_symbolic(fill_value):
        x = as_tensor(x)
        return _filled(x, cast(fill_value, x.dtype if dtype is None else dtype))
    return _like(x, fill_value=fill_value, dtype=_name_or_none(dtype))


def _meshgrid_shape(*xs, indexing):
    sizes = [count(x) for x in xs]
    if indexing == "xy":
        sizes[:2] = sizes[1::-1]
    return [tuple(sizes)] * len(xs)


_meshgrid = ArrayOp(
    "meshgrid",
    lambda *xs, indexing: list(np.meshgrid(*xs, indexing=indexing)),
    lambda i, g, y, *xs, indexing: _meshgrid_rule(i, g[i], indexing),
    variadic=True,
    shape=_meshgrid_shape,
    dtype=lambda *xs, indexing: list(xs),
)


def _meshgrid_rule(i, g, indexing):
    axis = {0: 1, 1: 0}.get(i, i) if indexing == "xy" else i
    return g.sum(axis=tuple(a for a in range(g.ndim) if a != axis))


def meshgrid(*x, indexing="xy"):
    """Return coordinate arrays from vectors; with "xy" the first runs along the second axis.

    Vectors (N,), (M,), (K,) give as many tensors of shape (M, N, K) with "xy", (N, M, K) with "ij".
    """
    return _meshgrid(*x, indexing=indexing)


_copy = ArrayOp("copy", np.copy, lambda g, y, x: g, shape=same)


def copy(x):
    """Return a copy of ``x``, through which gradients flow. Shape and dtype stay."""
    return _copy(x)


def array(x, dtype=None):
    """Return ``x`` as a tensor.

    It keeps its shape; ``dtype`` is by default as for ``convert_to_tensor``.
    """
    return convert_to_tensor(x, dtype)
