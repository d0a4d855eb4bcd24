"""``ops.image``, second part: patches, blurring, edges, resampling and likeness of images."""

import itertools

import numpy as np

from ..generators import generator_of
from ..reference import _windows
from ..shape_rules import common_shape
from ..tensor import Tensor
from ..utils.windows import standardize_data_format, standardize_padding, standardize_tuple
from .convolution import depthwise_conv
from .creation import as_tensor, cast, is_whole
from .elementwise import absolute, exp, floor, log10, maximum, round, sinc, square
from .indexing import where
from .linalg import outer, tensordot
from .numbers import as_float
from .patches import patches
from .reductions import mean
from .reductions import sum as sum_of
from .shapes import broadcast_to, expand_dims, moveaxis, pad, reshape, squeeze, stack
from .whole import sizes_of, symbol, whole


def _batch(name, images, data_format, rank=2):
    """A batch with channels last, from images, one or several, and what undoes it."""
    if len(images.shape) not in (rank + 1, rank + 2):
        raise ValueError(
            f"image.{name}() takes an array of {rank + 1} axes or a batch of {rank + 2}; got shape "
            f"{tuple(images.shape)}."
        )
    first = standardize_data_format(data_format, f"image.{name}") == "channels_first"
    single = len(images.shape) == rank + 1
    batch = expand_dims(images, 0) if single else images
    batch = moveaxis(batch, 1, -1) if first else batch

    def back(y):
        y = moveaxis(y, -1, 1) if first else y
        return squeeze(y, 0) if single else y

    return batch, back


# --------------------------------------------------------------------------------------------------
# Patches


def _patch_sizes(name, images, size, strides, dilation_rate, padding, data_format, rank):
    """The window, its strides and dilation, and the pairs of zeros around the images."""
    window = standardize_tuple(size, rank, "size", f"image.{name}()")
    steps = standardize_tuple(strides or size, rank, "strides", f"image.{name}()")
    dilation = standardize_tuple(dilation_rate, rank, "dilation_rate", f"image.{name}()")
    shape = sizes_of(images)
    if len(shape) not in (rank + 1, rank + 2):
        raise ValueError(
            f"image.{name}() with size={size!r} takes an array of {rank + 1} axes or a batch of "
            f"{rank + 2}; got shape {shape}."
        )
    first = standardize_data_format(data_format, f"image.{name}") == "channels_first"
    sizes = shape[-rank:] if first else shape[-1 - rank : -1]
    padding = standardize_padding(padding, f"image.{name}()")
    return window, steps, dilation, sizes, padding, first


def _rank_of(size):
    if not isinstance(size, (int, tuple, list)):
        raise TypeError(
            f"image.extract_patches() needs size as a number or a tuple; got {type(size).__name__}."
        )
    if not isinstance(size, int) and len(size) not in (2, 3):
        raise ValueError(f"image.extract_patches() needs 2 or 3 sizes; got size={size!r}.")
    return 2 if isinstance(size, int) else len(size)


def _patched_shape(name, rank=None):
    def rule(size, data_format, **arguments):
        images = arguments.pop("images", arguments.pop("volumes", None))
        axes = rank or _rank_of(size)
        window, steps, dilation, sizes, padding, first = _patch_sizes(
            name, images, size, data_format=data_format, rank=axes, **arguments
        )
        out = tuple(_windows.output_sizes(sizes, window, steps, padding, dilation))
        shape = sizes_of(images)
        channels = shape[-1 - axes] if first else shape[-1]
        depth = None if channels is None else int(np.prod(window)) * channels
        ends = (depth, *out) if first else (*out, depth)
        return symbol((*shape[: -1 - axes], *ends), images)

    return rule


def _extracted(name, images, rank, size, strides, dilation_rate, padding, data_format):
    images = as_tensor(images)
    window, steps, dilation, sizes, padding, _ = _patch_sizes(
        name, images, size, strides, dilation_rate, padding, data_format, rank
    )
    batch, back = _batch(name, images, data_format, rank)
    pairs = _windows.padding_pairs(padding, sizes, window, steps, dilation)
    found = patches(pad(batch, [(0, 0), *pairs, (0, 0)]), window, steps, dilation)
    out = _windows.output_sizes(sizes, window, steps, padding, dilation)
    return back(reshape(found, (batch.shape[0], *out, found.shape[-1] * found.shape[-2])))


@whole(_patched_shape("extract_patches"))
def extract_patches(images, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """Cut images, or volumes, into patches, whose numbers become channels.

    Args:
        images: (H, W, C) or (N, H, W, C); with three sizes (D, H, W, C) or (N, D, H, W, C); or with
            the channels before the sizes.
        size: the size of a patch: two numbers, one for both, or three.
        strides: the steps from patch to patch; None: ``size``, so that they do not overlap.
        dilation_rate: the distance between the pixels of a patch.
        padding: "valid", or "same": zeros at the borders, so that sizes are divided by the strides.
        data_format: "channels_last" or "channels_first"; None: as configured.

    Returns:
        (N, rows of patches, columns of patches, height * width * C of a patch), and the like.

    Raises:
        TypeError, ValueError: ``size`` is nothing like that, or the images do not fit it.
    """
    options = size, strides, dilation_rate, padding, data_format
    return _extracted("extract_patches", images, _rank_of(size), *options)


@whole(_patched_shape("extract_patches_3d", 3))
def extract_patches_3d(
    volumes, size, strides=None, dilation_rate=1, padding="valid", data_format=None
):
    """Cut volumes (D, H, W, C) or (N, D, H, W, C) into patches: ``extract_patches`` with three
    sizes, or one for all three.
    """
    options = size, strides, dilation_rate, padding, data_format
    return _extracted("extract_patches_3d", volumes, 3, *options)


# --------------------------------------------------------------------------------------------------
# Blurring and edges


def _bell(size, sigma, dtype):
    """exp(-x^2 / (2 sigma^2)) at ``size`` points around 0, with sum 1."""
    points = np.arange(size, dtype=dtype) - (size - 1) / 2
    values = exp(-0.5 * square(points.astype(dtype) / sigma))
    return values / sum_of(values)


def _same_images(images, **options):
    return symbol(sizes_of(images), images, floating=True)


@whole(_same_images)
def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None):
    """Images whose every pixel is a mean of those around it, with weights of a bell.

    Args:
        images: (H, W, C) or (N, H, W, C), or with channels first; integers give floats. Beyond the
            borders there are zeros.
        kernel_size: the (width, height) of the bell in pixels.
        sigma: its standard deviation along (width, height).
        data_format: "channels_last" or "channels_first"; None: as configured.

    Returns:
        Images in the shape of the given ones.
    """
    images = as_float(images)
    batch, back = _batch("gaussian_blur", images, data_format)
    across, down = (
        _bell(n, as_tensor(sigma, images.dtype)[i], images.dtype) for i, n in enumerate(kernel_size)
    )
    return back(_filtered(batch, outer(down, across), "same"))


def _filtered(batch, kernel, padding):
    """Each channel of the images correlated with a kernel (height, width)."""
    height, width = kernel.shape
    each = broadcast_to(reshape(kernel, (height, width, 1, 1)), (height, width, batch.shape[-1], 1))
    return depthwise_conv(batch, each, padding=padding, data_format="channels_last")


def _edges_shape(images, data_format):
    if len(sizes_of(images)) != 4:
        raise ValueError(
            f"image.sobel_edges() takes a batch of images, of 4 axes; got shape {sizes_of(images)}."
        )
    return symbol((*sizes_of(images), 2), images, floating=True)


@whole(_edges_shape)
def sobel_edges(images, data_format=None):
    """How brightness changes downwards and to the right, by the masks of Sobel and Feldman (1968).

    Args:
        images: (N, H, W, C), or (N, C, H, W) with data_format="channels_first"; integers give
            floats. Beyond the borders there are zeros.
        data_format: "channels_last" or "channels_first"; None: as configured.

    Returns:
        (*images.shape, 2): the change downwards (y), and to the right (x).
    """
    _edges_shape(images, data_format)
    images = as_float(images)
    batch, back = _batch("sobel_edges", images, data_format)
    right = Tensor(np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], images.dtype))
    return stack([back(_filtered(batch, kernel, "same")) for kernel in (right.T, right)], axis=-1)


# --------------------------------------------------------------------------------------------------
# Resampling


def _mirrored(index, size):
    """... c b | a b c | b a ..."""
    period = max(size - 1, 1)
    return np.abs((index + period) % (2 * period) - period)


_INSIDE = {
    "constant": lambda index, size: np.clip(index, 0, size - 1),
    "nearest": lambda index, size: np.clip(index, 0, size - 1),
    "wrap": lambda index, size: index % size,
    "mirror": _mirrored,
    # ... b a | a b c | c b ...
    "reflect": lambda index, size: (_mirrored(2 * index + 1, 2 * size + 1) - 1) // 2,
}


def _mapped_shape(inputs, coordinates, order, fill_mode, fill_value):
    shape, places_ = sizes_of(inputs), sizes_of(coordinates)
    if len(places_) < 2 or places_[0] not in (len(shape), None):
        raise ValueError(
            f"image.map_coordinates() needs coordinates ({len(shape)}, ...) for an array of shape "
            f"{shape}; got shape {places_}."
        )
    return symbol(places_[1:], inputs)


@whole(_mapped_shape)
def map_coordinates(inputs, coordinates, order, fill_mode="constant", fill_value=0):
    """The values of an array at any coordinates, between its elements too.

    Args:
        inputs: an array (D1, ..., DK).
        coordinates: (K, ...), the places along each axis.
        order: 1: linear between the nearest elements; 0: the nearest element.
        fill_mode: what is beyond the borders: "constant" (``fill_value``), "nearest" (the last
            element), "wrap", "mirror" (without repeating it) or "reflect" (repeating it).
        fill_value: see ``fill_mode``.

    Returns:
        The values, (...), in the dtype of ``inputs``; gradients flow to it and to the coordinates.

    Raises:
        ValueError: the coordinates do not fit, or another ``order`` or ``fill_mode``.
    """
    if order not in (0, 1):
        raise ValueError(f"image.map_coordinates() has the orders 0 and 1; got order={order!r}.")
    if fill_mode not in _INSIDE:
        raise ValueError(
            f"image.map_coordinates() got fill_mode={fill_mode!r}; the modes are "
            f"{', '.join(map(repr, _INSIDE))}."
        )
    inputs, coordinates = as_tensor(inputs), as_float(coordinates)
    _mapped_shape(inputs, coordinates, order, fill_mode, fill_value)
    along = [_neighbours(coordinates[axis], size, order) for axis, size in enumerate(inputs.shape)]
    total = 0.0
    for corner in itertools.product(*along):
        index = tuple(
            _INSIDE[fill_mode](i, size) for (i, _), size in zip(corner, inputs.shape, strict=True)
        )
        value = cast(inputs[index], coordinates.dtype)
        if fill_mode == "constant":
            inside = [(i >= 0) & (i < n) for (i, _), n in zip(corner, inputs.shape, strict=True)]
            value = where(np.logical_and.reduce(inside), value, float(fill_value))
        for _, weight in corner:
            value = value * weight
        total = total + value
    return cast(round(total) if is_whole(inputs) else total, inputs.dtype)


def _neighbours(place, size, order):
    """(index, weight) of the elements next to each place along an axis."""
    if order == 0:
        values = place.array
        nearest = np.floor(np.abs(values) + 0.5) * np.sign(values)  # halves away from zero
        return [(nearest.astype(np.int64), 1.0)]
    below = floor(place)
    index, share = below.array.astype(np.int64), place - below
    return [(index, 1.0 - share), (index + 1, share)]


def elastic_transform(
    images,
    alpha=20.0,
    sigma=5.0,
    interpolation="bilinear",
    fill_mode="reflect",
    fill_value=0.0,
    seed=None,
    data_format=None,
):
    """Images whose pixels are moved at random, neighbours in similar ways (Simard, Steinkraus and
    Platt, 2003).

    Args:
        images: (H, W, C) or (N, H, W, C), or with channels first.
        alpha: how far pixels are moved.
        sigma: over how many pixels the random moves are blurred.
        interpolation: "bilinear" or "nearest".
        fill_mode, fill_value: what is beyond the borders: see ``map_coordinates``.
        seed: None, an integer or a SeedGenerator.
        data_format: "channels_last" or "channels_first"; None: as configured.

    Returns:
        Images in the shape and dtype of the given ones.

    Raises:
        ValueError: another ``interpolation`` or ``fill_mode``, or the images have other axes.
    """
    orders = {"nearest": 0, "bilinear": 1}
    if interpolation not in orders:
        raise ValueError(
            f"image.elastic_transform() got interpolation={interpolation!r}; it is 'nearest' or "
            "'bilinear'."
        )
    return _elastic(
        images,
        float(alpha),
        float(sigma),
        orders[interpolation],
        fill_mode,
        fill_value,
        seed,
        data_format,
    )


@whole(lambda images, **options: symbol(sizes_of(images), images))
def _elastic(images, alpha, sigma, order, fill_mode, fill_value, seed, data_format):
    images = as_tensor(images)
    batch, back = _batch("elastic_transform", images, data_format)
    count, height, width, channels = batch.shape
    if count * channels == 0:
        return back(batch)
    size = int(6 * sigma) | 1
    noise = generator_of(seed).standard_normal((2, count, height, width)) * sigma
    moves = gaussian_blur(
        np.moveaxis(noise, 0, -1).astype(np.float32), (size, size), (sigma, sigma), "channels_last"
    ).array
    rows, columns = np.indices((height, width))

    def moved(n, channel):
        coordinates = np.stack(
            [rows + alpha * moves[n, ..., 1], columns + alpha * moves[n, ..., 0]]
        ).astype(np.float32)
        return map_coordinates(batch[n, ..., channel], coordinates, order, fill_mode, fill_value)

    return back(
        stack([stack([moved(n, c) for c in range(channels)], axis=-1) for n in range(count)])
    )


def _triangle(x):
    return maximum(1.0 - x, 0.0)


def _cubic(x):
    # Keys 1981, "Cubic convolution interpolation", with a = -1/2.
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return where(x < 1.0, near, where(x < 2.0, far, 0.0))


def _lanczos(radius):
    return lambda x: where(x < radius, sinc(x) * sinc(x / radius), 0.0)


_KERNELS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), _triangle),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}


def _translated_shape(images, output_shape, **options):
    return symbol(tuple(output_shape), images, floating=True)


@whole(_translated_shape)
def scale_and_translate(
    images, output_shape, scale, translation, spatial_dims, method, antialias=True
):
    """Resample along some axes: what is at place x goes to scale * x + translation, where pixel i
    is at i + 1/2; what comes from beyond the borders is 0.

    Args:
        images: an array; integers give floats.
        output_shape: the shape of the result, as many sizes as ``images`` has.
        scale, translation: (K,), one for each of the axes.
        spatial_dims: the K axes.
        method: "linear" (or "bilinear", "trilinear", "triangle"), "cubic" (or "bicubic",
            "tricubic"), "lanczos3" or "lanczos5".
        antialias: whether shrinking averages over all pixels.

    Returns:
        An array of ``output_shape``; gradients flow to images, scale and translation.

    Raises:
        ValueError: another ``method``.
    """
    if method not in _KERNELS:
        raise ValueError(
            f"image.scale_and_translate() got method={method!r}; the methods are "
            f"{', '.join(map(repr, _KERNELS))}."
        )
    y = as_float(images)
    scale, translation = as_tensor(scale, y.dtype), as_tensor(translation, y.dtype)
    for i, axis in enumerate(spatial_dims):
        weights = _shares(
            y.shape[axis], output_shape[axis], scale[i], translation[i], method, antialias
        )
        y = moveaxis(tensordot(y, weights, axes=((axis,), (0,))), -1, axis)
    return y


def _shares(n, m, scale, translation, method, antialias):
    """The share (n, m) of each pixel of a line in each pixel of the new one."""
    step = 1.0 / scale
    centres = (np.arange(m, dtype=scale.dtype) + 0.5) * step - translation * step - 0.5
    reach = maximum(step, 1.0) if antialias else 1.0
    pixels = np.arange(n, dtype=scale.dtype)[:, None]
    weights = _KERNELS[method](absolute(expand_dims(centres, 0) - pixels) / reach)
    total = sum_of(weights, axis=0, keepdims=True)
    enough = absolute(total) > 1000 * float(np.finfo(np.float32).eps)
    shares = where(enough, weights / where(enough, total, 1.0), 0.0)
    return where((centres >= -0.5) & (centres <= n - 0.5), shares, 0.0)


# --------------------------------------------------------------------------------------------------
# Likeness


def psnr(x1, x2, max_val):
    """The peak signal-to-noise ratio in decibels: 20 log10(max_val) - 10 log10(mean((x1 - x2)^2)).

    Args:
        x1, x2: images, or anything else of one shape.
        max_val: the largest value that they may have.

    Returns:
        A single number.

    Raises:
        ValueError: the shapes differ.
    """
    x1, x2 = as_float(x1), as_float(x2)
    try:
        common_shape(tuple(x1.shape), tuple(x2.shape))
    except ValueError as error:
        raise ValueError(f"psnr() needs two tensors of one shape: {error}") from None
    peak = as_tensor(max_val, x2.dtype)
    return 20.0 * log10(peak) - 10.0 * log10(mean(square(x1 - x2)))


def _ssim_shape(image1, image2, **options):
    shape = sizes_of(image1)
    return symbol(shape[:1] if len(shape) == 4 else (), image1, image2)


@whole(_ssim_shape)
def ssim(
    image1,
    image2,
    max_val=1.0,
    filter_size=11,
    filter_sigma=1.5,
    k1=0.01,
    k2=0.03,
    data_format=None,
):
    """The structural similarity of images, 1 for equal ones (Wang, Bovik, Sheikh and Simoncelli,
    2004): means, variances and the covariance within windows are compared, eq. 13.

    Args:
        image1, image2: (H, W, C) or (N, H, W, C), or with channels first.
        max_val: the largest value that they may have.
        filter_size, filter_sigma: the size and the width of the windows, which are bells.
        k1, k2: what keeps the denominators from 0, relative to ``max_val``.
        data_format: "channels_last" or "channels_first"; None: as configured.

    Returns:
        (N,), or a single number; in the dtype of ``image1``.
    """
    image1, image2 = as_tensor(image1), as_tensor(image2)
    given = image1.dtype
    single = len(image1.shape) == 3
    x, y = (_batch("ssim", as_float(image), data_format)[0] for image in (image1, image2))
    bell = _bell(filter_size, filter_sigma, x.dtype)
    kernel = outer(bell, bell)

    def local(values):
        return _filtered(values, kernel, "valid")

    mean_x, mean_y = local(x), local(y)
    var_x, var_y = local(x * x) - square(mean_x), local(y * y) - square(mean_y)
    covariance = local(x * y) - mean_x * mean_y
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    likeness = (2.0 * mean_x * mean_y + c1) * (2.0 * covariance + c2)
    likeness = likeness / (square(mean_x) + square(mean_y) + c1) / (var_x + var_y + c2)
    found = cast(mean(likeness, axis=(1, 2, 3)), given)
    return squeeze(found, 0) if single else found
