"""Resizing, padding and cropping images, for the layers and ``ops.image``.

The equations and gradients are in ``diptych.reference.resizing``. Inputs have a batch, one to three
spatial axes, and channels last or first.
"""

from ..operation import LinearTwin
from ..tensor import is_symbolic
from .creation import as_tensor
from .indexing import get_item
from .shapes import moveaxis, pad, repeat, reshape


def _spatial(rule):
    """A rule for shapes that gives each spatial axis its new size; None where it is unknown."""

    def shape(x, values, *options):
        sizes = [
            None if n is None else rule(n, value) for n, value in zip(x[1:-1], values, strict=True)
        ]
        return (x[0], *sizes, x[-1])

    return shape


_zero_pad = LinearTwin("resizing", "zero_pad", shape=_spatial(lambda n, pair: n + sum(pair)))
_crop = LinearTwin("resizing", "crop", shape=_spatial(lambda n, pair: n - sum(pair)))
_upsample = LinearTwin("resizing", "upsample", shape=_spatial(lambda n, factor: n * factor))
_resize = LinearTwin("resizing", "resize", shape=lambda x, sizes, *options: (x[0], *sizes, x[-1]))


def zero_pad(x, padding, data_format="channels_last"):
    """Pad the spatial axes with zeros; ``padding`` holds a pair (before, after) for each axis."""
    x = as_tensor(x)
    if not _is_float(x):
        return pad(x, _all_axes(padding, (0, 0), data_format))
    return _by_channel(_zero_pad, x, data_format, padding)


def crop(x, cropping, data_format="channels_last"):
    """Crop the spatial axes; ``cropping`` holds a pair (before, after) for each axis."""
    x = as_tensor(x)
    if not _is_float(x):
        spatial = [slice(before, -after or None) for before, after in cropping]
        return get_item(x, _all_axes(spatial, slice(None), data_format))
    return _by_channel(_crop, x, data_format, cropping)


def upsample(x, factors, data_format="channels_last"):
    """Repeat every pixel ``factors`` times, an integer for each spatial axis."""
    x = as_tensor(x)
    if not _is_float(x):
        for axis, factor in enumerate(factors, start=1 + (data_format == "channels_first")):
            x = repeat(x, factor, axis=axis)
        return x
    return _by_channel(_upsample, x, data_format, factors)


def resize(x, sizes, interpolation, antialias=False, data_format="channels_last"):
    """Resize the spatial axes to ``sizes``; dtypes other than floats become floats."""
    return _by_channel(_resize, as_tensor(x), data_format, sizes, interpolation, antialias)


def _is_float(x):
    return x.dtype in ("float32", "float64")


def _all_axes(spatial, other, data_format):
    """A list for all axes: ``spatial`` for the spatial axes, ``other`` for batch and channels."""
    if data_format == "channels_first":
        return (other, other, *spatial)
    return (other, *spatial, other)


def _by_channel(twin, x, data_format, *options):
    """Apply the twin to ``x``. With channels first, every channel is treated as an image of its
    own: a reshape instead of a transposition.
    """
    if data_format == "channels_last":
        return twin((x,), *options)
    if is_symbolic(x):
        return moveaxis(twin((moveaxis(x, 1, -1),), *options), -1, 1)
    count, channels, *spatial = x.shape
    y = twin((reshape(x, (count * channels, *spatial, 1)),), *options)
    return reshape(y, (count, channels, *y.shape[1:-1]))
