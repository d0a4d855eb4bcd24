"""Signals: windows, correlation, Fourier transforms, and the short-time Fourier transform.

Complex numbers are pairs of real tensors here, (real, imaginary), as in ``keras.ops``, so gradients
flow through all of it. A Fourier transform is linear, y = F x with a symmetric F: its gradient is
the transposed matrix, F again, applied to conjugate numbers.
"""

import numpy as np

from .. import config
from ..operation import ArrayOp
from ..shape_rules import check_rank, common_shape, nth_axis, replaced
from ..tensor import Tensor
from .array_ops import Unary
from .creation import as_tensor, convert_to_numpy, ndim
from .elementwise import multiply
from .patches import overlay, patches
from .shapes import expand_dims, pad, squeeze

# --------------------------------------------------------------------------------------------------
# Windows


def _window(function, points, *options):
    """The window of so many points, in the configured float type."""
    values = function(int(convert_to_numpy(points)), *options)
    return Tensor(values.astype(config.floatx()))


def bartlett(x):
    """The triangular window of ``x`` points, 0 at both ends: a vector (x,)."""
    return _window(np.bartlett, x)


def blackman(x):
    """The Blackman window of ``x`` points, 0.42 - 0.5 cos(2 pi n / (x - 1)) + 0.08 cos(4 pi n /
    (x - 1)): a vector (x,).
    """
    return _window(np.blackman, x)


def hamming(x):
    """The Hamming window of ``x`` points, 0.54 - 0.46 cos(2 pi n / (x - 1)): a vector (x,)."""
    return _window(np.hamming, x)


def hanning(x):
    """The Hann window of ``x`` points, 0.5 - 0.5 cos(2 pi n / (x - 1)): a vector (x,)."""
    return _window(np.hanning, x)


def kaiser(x, beta):
    """The Kaiser window of ``x`` points, I0(beta sqrt(1 - r^2)) / I0(beta), r from -1 to 1: a
    vector (x,). The greater ``beta``, the narrower the window.
    """
    return _window(np.kaiser, x, float(convert_to_numpy(beta)))


# The modified Bessel function I0 and its derivative I1 are means of exp(x cos t) and of
# cos t exp(x cos t) over half a turn (Abramowitz and Stegun 9.6.19). The integrands are smooth and
# periodic, so the midpoint rule converges faster than any power of the number of points; 128
# suffice up to the greatest x whose I0 is finite.
_COSINES = np.cos(np.pi * (np.arange(128) + 0.5) / 128)


def _i1(x):
    return np.mean(np.exp(x[..., None] * _COSINES) * _COSINES, axis=-1)


i0 = Unary(
    "i0",
    lambda x: np.i0(x).astype(x.dtype),
    lambda g, y, x: g * _i1(x),
    floating=True,
    doc=("The modified Bessel function of order 0, the mean of e**(x cos t) over all angles t."),
)

# --------------------------------------------------------------------------------------------------
# Correlation


def _first_of_full(n, m, mode):
    """Where, in the full correlation of ``n`` and ``m`` numbers, that of another mode begins."""
    shorter = min(n, m)
    if mode == "full":
        return 0
    if mode == "valid":
        return shorter - 1
    return (shorter - 1) // 2 if n >= m else shorter - 1 - (shorter - 1) // 2


def _as_full(g, n, m, mode):
    first = _first_of_full(n, m, mode)
    return np.pad(g, (first, n + m - 1 - first - g.shape[0]))


def _correlate_shape(a, v, mode):
    check_rank(a, 1)
    check_rank(v, 1)
    n, m = a[0], v[0]
    if None in (n, m):
        return (None,)
    return ({"full": n + m - 1, "same": max(n, m), "valid": abs(n - m) + 1}[mode],)


# full[k] = sum over i of a[i] v[i - k + m - 1]: the gradients are correlations with the other one.
_correlate = ArrayOp(
    "correlate",
    lambda a, v, mode: np.correlate(a, v, mode),
    lambda g, y, a, v, mode: correlate(
        _as_full(g, a.shape[0], v.shape[0], mode), np.flip(v), "valid"
    ),
    lambda g, y, a, v, mode: np.flip(
        correlate(_as_full(g, a.shape[0], v.shape[0], mode), a, "valid")
    ),
    floating=True,
    wide=True,
    shape=_correlate_shape,
)


def correlate(x1, x2, mode="valid"):
    """The sums of products of a vector (N,) with a moved vector (M,): sum over n of
    x1[n + k] x2[n] for each move k.

    Args:
        x1, x2: vectors of numbers; integers give floats.
        mode: "full": every k where they overlap, N + M - 1 numbers; "valid": where they overlap
            wholly, max(N, M) - min(N, M) + 1; "same": the middle max(N, M).

    Raises:
        ValueError: the inputs have other than one axis, or the mode is none of these.
    """
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"correlate() got mode={mode!r}; the modes: 'full', 'same' or 'valid'.")
    if ndim(x1) != 1 or ndim(x2) != 1:
        raise ValueError(f"correlate() takes two vectors, but got {ndim(x1)} and {ndim(x2)} axes.")
    return _correlate(x1, x2, mode=mode)


# --------------------------------------------------------------------------------------------------
# Fourier transforms


def _parts(y, dtype):
    return [y.real.astype(dtype), y.imag.astype(dtype)]


def _transform(name, axes):
    """A transform of complex numbers, given and returned as their real and imaginary parts."""

    def forward(real, imaginary):
        function = getattr(np.fft, name)  # looked up here, since NumPy imports it on first use
        return _parts(function(real + 1j * imaginary), real.dtype)

    def shape(real, imaginary):
        nth_axis(-axes, len(real))
        return [common_shape(real, imaginary)] * 2

    operation = ArrayOp(
        name,
        forward,
        lambda g, y, real, imaginary: operation(g[0], -g[1])[0],
        lambda g, y, real, imaginary: -operation(g[0], -g[1])[1],
        same=0,
        shape=shape,
    )
    return operation


_fft = _transform("fft", 1)
_fft2 = _transform("fft2", 2)
_ifft2 = _transform("ifft2", 2)


def _fitted(x, size):
    """The last axis cut, or filled with zeros, to a size."""
    missing = size - x.shape[-1]
    if missing <= 0:
        return x[..., :size]
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)])


def _rfft_rule(g, y, x, fft_length):
    # x_n is in y_k with the factor exp(-2 pi i k n / N): the real part of sum over k g_k exp(...).
    n = fft_length or x.shape[-1]
    return _fitted(_fft(_fitted(g[0], n), -_fitted(g[1], n))[0], x.shape[-1])


def _irfft_rule(part):
    """y_n is the sum over k of w_k (real_k cos - imaginary_k sin)(2 pi k n / N) / N: w_k is 2, for
    a number and its conjugate, but 1 for the first, and for the last if N is even.
    """

    def rule(g, y, *parts, fft_length):
        n = y.shape[-1]
        weights = np.full(n // 2 + 1, 2 / n, y.dtype)
        weights[0] = 1 / n
        if n % 2 == 0:
            weights[-1] = 1 / n
        return _fitted(_rfft(g, fft_length=n)[part] * weights, parts[part].shape[-1])

    return rule


def _rfft_shape(x, fft_length):
    last = nth_axis(-1, len(x))
    n = fft_length or x[last]
    return [replaced(x, last, None if n is None else n // 2 + 1)] * 2


def _irfft_shape(real, imaginary, fft_length):
    shape, last = common_shape(real, imaginary), nth_axis(-1, len(real))
    n = shape[last]
    return replaced(shape, last, fft_length or (None if n is None else 2 * (n - 1)))


_rfft = ArrayOp(
    "rfft",
    lambda x, fft_length: _parts(np.fft.rfft(x, fft_length), x.dtype),
    _rfft_rule,
    floating=True,
    wide=True,
    shape=_rfft_shape,
)
_irfft = ArrayOp(
    "irfft",
    lambda real, imaginary, fft_length: np.fft.irfft(real + 1j * imaginary, fft_length).astype(
        real.dtype
    ),
    _irfft_rule(0),
    _irfft_rule(1),
    same=0,
    shape=_irfft_shape,
)


def _pair(name, x):
    """The real and imaginary parts, floats of one shape and dtype."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            f"{name}() takes complex numbers as a pair of tensors, (real, imaginary); got "
            f"{type(x).__name__}."
        )
    real, imaginary = as_tensor(x[0]), as_tensor(x[1])
    try:
        common_shape(tuple(real.shape), tuple(imaginary.shape))
    except ValueError as error:
        raise ValueError(f"{name}() needs real and imaginary parts of one shape: {error}") from None
    for part in (real, imaginary):
        if np.dtype(part.dtype).kind != "f":
            raise ValueError(f"{name}() needs floats, but got a part of {part.dtype}.")
    return real, imaginary


def fft(x):
    """The discrete Fourier transform along the last axis: y_k = sum over n of
    x_n exp(-2 pi i k n / N).

    Args:
        x: complex numbers as a pair (real, imaginary) of floats (..., N).

    Returns:
        y in the same form.

    Raises:
        ValueError: ``x`` is no pair of floats of one shape.
    """
    return tuple(_fft(*_pair("fft", x)))


def fft2(x):
    """The discrete Fourier transform along the last two axes; pairs (real, imaginary) of floats
    (..., M, N), as in ``fft``.
    """
    return tuple(_fft2(*_pair("fft2", x)))


def ifft2(x):
    """The inverse of ``fft2``; pairs (real, imaginary) of floats (..., M, N)."""
    return tuple(_ifft2(*_pair("ifft2", x)))


def rfft(x, fft_length=None):
    """The discrete Fourier transform of real numbers along the last axis: its first half, since the
    second is the conjugate of the first.

    Args:
        x: real numbers (..., N); integers give floats.
        fft_length: the length to which lines are cut or filled with zeros first; None: N.

    Returns:
        A pair (real, imaginary) of floats (..., fft_length // 2 + 1).
    """
    return tuple(_rfft(x, fft_length=fft_length))


def irfft(x, fft_length=None):
    """The inverse of ``rfft``.

    Args:
        x: a pair (real, imaginary) of floats (..., K).
        fft_length: the length of the result; None: 2 (K - 1).

    Returns:
        Real numbers (..., fft_length).
    """
    return _irfft(*_pair("irfft", x), fft_length=fft_length)


# --------------------------------------------------------------------------------------------------
# The short-time Fourier transform: Fourier transforms of overlapping pieces


def extract_sequences(x, sequence_length, sequence_stride):
    """Cut lines into pieces that may overlap.

    Args:
        x: (..., N).
        sequence_length: the length of a piece.
        sequence_stride: the distance from the beginning of one to that of the next.

    Returns:
        (..., number of whole pieces, sequence_length).
    """
    steps = (sequence_length,), (sequence_stride,), (1,)
    return squeeze(patches(expand_dims(x, -1), *steps), -1)


def _added(pieces, stride):
    """Pieces (..., P, L) added up where they were in a line that they cover."""
    *_, count, length = pieces.shape
    size = length + stride * (count - 1)
    steps = (size,), (length,), (stride,), (1,)
    return np.squeeze(overlay(np.expand_dims(pieces, -1), *steps), -1)


def _norm(pieces, weights, stride):
    """The sum of the squared windows at each place of the line."""
    norm = _added(np.broadcast_to(weights * weights, pieces.shape[-2:]), stride).array
    return np.where(norm > 1e-10, norm, 1)


def _averaged(pieces, weights, stride):
    return _added(pieces * weights, stride).array / _norm(pieces, weights, stride)


def _overlap_average_rule(g, y, pieces, weights, stride):
    each = extract_sequences(g / _norm(pieces, weights, stride), pieces.shape[-1], stride)
    return each * weights


def _overlap_average_shape(pieces, weights, stride):
    *lines, count, length = pieces
    return (*lines, None if count is None else length + stride * (count - 1))


_overlap_average = ArrayOp(
    "overlap_average", _averaged, _overlap_average_rule, same=0, shape=_overlap_average_shape
)


def _weights(name, window, sequence_length, fft_length, dtype):
    """The window as an array, with zeros on both sides up to ``fft_length``."""
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(
                f"{name}() got window={window!r}; the windows: 'hann', 'hamming', None or a vector."
            )
        # One point more, left out: pieces that overlap by half add up evenly.
        make = np.hanning if window == "hann" else np.hamming
        values = make(sequence_length + 1)[:-1]
    elif window is None:
        return np.ones(fft_length, dtype)
    else:
        values = convert_to_numpy(window)
    if values.shape != (sequence_length,):
        raise ValueError(
            f"{name}() needs a window of sequence_length={sequence_length} numbers, but got one of "
            f"shape {values.shape}."
        )
    before = (fft_length - sequence_length) // 2
    return np.pad(values, (before, fft_length - sequence_length - before)).astype(dtype)


def stft(x, sequence_length, sequence_stride, fft_length, window="hann", center=True):
    """The short-time Fourier transform: ``rfft`` of overlapping pieces, each times a window.

    Args:
        x: real numbers (..., T), float32 or float64.
        sequence_length: the length of a piece.
        sequence_stride: the distance from one piece to the next.
        fft_length: the length of the transform, at least that of a piece, which stands in its
            middle between zeros.
        window: "hann", "hamming", None, or a vector (sequence_length,).
        center: whether fft_length // 2 numbers are added at both ends, by reflection, so that
            piece k is around x[k sequence_stride].

    Returns:
        A pair (real, imaginary) of (..., number of pieces, fft_length // 2 + 1).

    Raises:
        TypeError: ``x`` is not float32 or float64.
        ValueError: ``fft_length`` is less than ``sequence_length``, or the window does not fit.
    """
    x = as_tensor(x)
    if x.dtype not in ("float32", "float64"):
        raise TypeError(f"stft() computes in float32 or float64, but got {x.dtype}.")
    if fft_length < sequence_length:
        raise ValueError(
            f"stft() needs a fft_length of at least sequence_length={sequence_length}, but got "
            f"{fft_length}."
        )
    weights = _weights("stft", window, sequence_length, fft_length, x.dtype)
    if center:
        around = (fft_length // 2, fft_length // 2)
        x = pad(x, [(0, 0)] * (len(x.shape) - 1) + [around], mode="reflect")
    pieces = extract_sequences(x, fft_length, sequence_stride)
    return rfft(multiply(pieces, weights), fft_length)


def istft(x, sequence_length, sequence_stride, fft_length, length=None, window="hann", center=True):
    """The inverse of ``stft``: the pieces, times the window again, are added where they were, and
    the sum is divided by that of the squared windows there (Griffin and Lim, 1984, eq. 6).

    Args:
        x: a pair (real, imaginary) of floats (..., number of pieces, fft_length // 2 + 1).
        sequence_length, sequence_stride, fft_length, window, center: those of ``stft``.
        length: how many numbers to return; None: as far as the pieces go.

    Returns:
        Real numbers (..., T).

    Raises:
        ValueError: the inputs have fewer than two axes.
    """
    real, imaginary = _pair("istft", x)
    if len(real.shape) < 2:
        raise ValueError(
            f"istft() needs at least two axes, (pieces, frequencies); got {tuple(real.shape)}."
        )
    weights = _weights("istft", window, sequence_length, fft_length, real.dtype)
    total = _overlap_average(irfft((real, imaginary), fft_length), weights, stride=sequence_stride)
    if window is None:  # as in Keras: the plain sum of the pieces, where they overlap evenly
        total = multiply(total, fft_length / sequence_stride)
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else (-start if center else None)
    return total[..., start : end or None]
