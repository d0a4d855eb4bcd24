"""Padding, cropping, up-sampling, resizing and turning images; the image layers."""

import numpy as np

from .recipes import numbers, recipe

FIRST = {"data_format": "channels_first"}


def label(name, options):
    return "-".join([name, *(f"{key}={value}" for key, value in options.items())])


def bytes_(seed, *shape):
    """Reproducible images of bytes."""
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def with_gradient(kit, function, x):
    """function(x), and the gradient of a weighted sum of it."""
    y = kit.ops.convert_to_numpy(function(x))
    weight = numbers(7, *y.shape)
    gradient = kit.gradient(lambda x: kit.ops.sum(function(x) * weight), x)
    return {"values": y, "gradient": gradient}


def values(kit, function, x):
    """function(x) alone. TensorFlow's gradient of a turned image is not its derivative: it turns
    the gradient back, and interpolates once more.
    """
    return {"values": kit.ops.convert_to_numpy(function(x))}


# ------------------------------------------------------------------------- layers without chance

LAYERS = [
    ("ZeroPadding1D", {"padding": (1, 2)}, (2, 4, 3)),
    ("ZeroPadding2D", {"padding": ((1, 2), (0, 3))}, (2, 3, 4, 2)),
    ("ZeroPadding2D", {"padding": (1, 2), **FIRST}, (2, 3, 4, 2)),
    ("ZeroPadding3D", {"padding": (1, 0, 2)}, (1, 2, 3, 2, 2)),
    ("Cropping1D", {"cropping": 1}, (2, 4, 3)),
    ("Cropping2D", {"cropping": ((1, 2), (0, 3))}, (2, 4, 5, 2)),
    ("Cropping2D", {"cropping": (1, 0), **FIRST}, (2, 2, 4, 5)),
    ("Cropping3D", {"cropping": ((1, 0), (0, 1), (1, 1))}, (1, 2, 3, 4, 2)),
    ("UpSampling1D", {"size": 3}, (2, 4, 3)),
    ("UpSampling2D", {"size": (2, 3)}, (2, 3, 4, 2)),
    ("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, (2, 3, 4, 2)),
    ("UpSampling2D", {"size": 2, "interpolation": "bicubic", **FIRST}, (2, 2, 3, 4)),
    ("UpSampling3D", {"size": (2, 1, 3)}, (1, 2, 3, 2, 2)),
    ("Rescaling", {"scale": 0.5, "offset": -1.0}, (2, 3)),
    ("Normalization", {"mean": [1.0, 2.0], "variance": [4.0, 0.0]}, (3, 2)),
    ("Normalization", {"mean": 1.0, "variance": 4.0, "invert": True, "axis": None}, (3, 2)),
    ("Resizing", {"height": 4, "width": 8}, (2, 9, 7, 3)),
    ("Resizing", {"height": 5, "width": 4, "antialias": True}, (2, 9, 7, 3)),
    ("Resizing", {"height": 5, "width": 5, "interpolation": "nearest"}, (2, 9, 7, 3)),
    ("Resizing", {"height": 5, "width": 3, "interpolation": "lanczos3"}, (2, 9, 7, 1)),
    ("Resizing", {"height": 6, "width": 9, "interpolation": "lanczos5", **FIRST}, (1, 2, 7, 5)),
    ("Resizing", {"height": 4, "width": 4, "crop_to_aspect_ratio": True}, (2, 9, 6, 2)),
    ("Resizing", {"height": 4, "width": 6, "pad_to_aspect_ratio": True, "fill_value": 0.5},
     (2, 9, 6, 2)),
    ("CenterCrop", {"height": 3, "width": 4}, (2, 6, 7, 2)),
    ("CenterCrop", {"height": 8, "width": 4, **FIRST}, (2, 2, 6, 7)),
]  # fmt: skip


def layer_values(kit, args):
    name, options, shape = args
    layer = getattr(kit.layers, name)(**options)
    x = numbers(50, *shape)
    layer.build(shape)
    return with_gradient(kit, layer, x)


for _name, _options, _shape in LAYERS:
    recipe("images", label(_name, _options), _name, _options, _shape)(layer_values)


@recipe("images", "Resizing_bytes")
def resizing_bytes(kit):
    x = bytes_(51, 2, 9, 7, 3)
    return {
        interpolation: kit.ops.convert_to_numpy(kit.layers.Resizing(6, 4, interpolation)(x))
        for interpolation in ("nearest", "lanczos3")
    }


@recipe("images", "Normalization_adapt")
def normalization_adapt(kit):
    x = 3 * numbers(52, 12, 4, 3) + 5
    made = {}
    for axis in (-1, (1, 2), None):
        layer = kit.layers.Normalization(axis=axis)
        layer.adapt(x)
        made[f"array {axis}"] = kit.ops.convert_to_numpy(layer(x))
        layer.adapt([x[:5], x[5:7], x[7:]])
        made[f"batches {axis}"] = kit.ops.convert_to_numpy(layer(x))
        for i, weight in enumerate(layer.get_weights()[:2]):
            made[f"weight{i} {axis}"] = weight
    return made


# ------------------------------------------------------------------------- random layers
# With both ends of a range equal there is nothing left to chance; other draws are handed in.

RANDOM = [
    ("RandomRotation", {"factor": (0.13, 0.13)}, None),
    ("RandomRotation", {"factor": (-0.4, -0.4), "fill_mode": "constant", "fill_value": 2.0}, None),
    ("RandomRotation", {"factor": (0.2, 0.2), "interpolation": "nearest", **FIRST}, None),
    ("RandomZoom", {"height_factor": (0.3, 0.3)}, None),
    ("RandomZoom", {"height_factor": (-0.3, -0.3), "width_factor": (0.7, 0.7),
                    "fill_mode": "nearest"}, None),
    ("RandomZoom", {"height_factor": 0.4, "width_factor": 0.4}, {
        "height_zoom": numbers(53, 3, 1, low=0.6, high=1.4),
        "width_zoom": numbers(54, 3, 1, low=0.6, high=1.4)}),
    ("RandomTranslation", {"height_factor": (0.23, 0.23), "width_factor": (-0.4, -0.4)}, None),
    ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5, "fill_mode": "constant"}, {
        "translations": numbers(55, 3, 2, low=-4, high=4)}),
    ("RandomFlip", {}, {"flips": np.array([True, False, True]).reshape(3, 1, 1, 1)}),
    ("RandomFlip", {"mode": "horizontal"}, {"flips": np.array([True] * 3).reshape(3, 1, 1, 1)}),
    ("RandomFlip", {"mode": "vertical", **FIRST}, {
        "flips": np.array([False, True, True]).reshape(3, 1, 1, 1)}),
    ("RandomCrop", {"height": 3, "width": 2}, (2, 1)),
    ("RandomCrop", {"height": 3, "width": 9}, (2, 0)),
    ("RandomContrast", {"factor": 0.5, "value_range": (-1, 1)}, {
        "contrast_factor": numbers(56, 3, 1, 1, 1, low=0.5, high=1.5)}),
    ("RandomBrightness", {"factor": (0.3, 0.3), "value_range": (-1, 1)}, None),
    ("RandomBrightness", {"factor": 0.5, "value_range": (0, 1)}, {
        "rgb_delta": numbers(57, 3, 1, 1, 1, low=-0.5, high=0.5)}),
]  # fmt: skip


def random_values(kit, args):
    name, options, drawn = args
    layer = getattr(kit.layers, name)(**options)
    x = numbers(58, 3, 6, 7, 8)
    turned = name in ("RandomRotation", "RandomZoom", "RandomTranslation")
    result = values if turned else with_gradient
    if drawn is None:
        return result(kit, lambda x: layer(x, training=True), x)
    if isinstance(drawn, dict):
        drawn = {**drawn, "input_shape": x.shape}
    tensor = kit.ops.convert_to_tensor
    return result(kit, lambda x: layer.transform_images(tensor(x), drawn, training=True), x)


for _i, (_name, _options, _drawn) in enumerate(RANDOM):
    recipe("images", f"{_i}-{label(_name, _options)}", _name, _options, _drawn)(random_values)


@recipe("images", "segmentation_masks")
def segmentation_masks(kit):
    """Masks are turned like their images, by the nearest pixel."""
    layer = kit.layers.RandomRotation((0.1, 0.1))
    data = {"images": numbers(59, 2, 6, 7, 2), "segmentation_masks": bytes_(60, 2, 6, 7, 1)}
    turned = layer(data, training=True)
    return {key: kit.ops.convert_to_numpy(value) for key, value in turned.items()}


# ------------------------------------------------------------------------- ops.image


def transforms():
    """Two of them, in perspective, with no point half-way between two pixels."""
    return np.array(
        [
            [0.9137, -0.4219, 1.3131, 0.3077, 1.1093, -2.1217, 0.0103, -0.0197],
            [-1.5119, 0.6173, 9.0317, 0.2039, -0.7151, 4.3711, 0.0, 0.0101],
        ],
        np.float32,
    )


POINTS = np.array([[0, 0], [11, 0], [0, 8], [11, 8]], np.float32)
TURNED = [
    *[
        (f"affine_transform {fill_mode} {interpolation}",
         lambda image, x, f=fill_mode, i=interpolation: image.affine_transform(
             x, transforms(), interpolation=i, fill_mode=f, fill_value=0.5))
        for fill_mode in ("constant", "nearest", "reflect")
        for interpolation in ("bilinear", "nearest")
    ],
    ("affine_transform of one image", lambda image, x: image.affine_transform(
        x[0], transforms()[1], data_format="channels_first")),
    ("perspective_transform", lambda image, x: image.perspective_transform(
        x, np.stack([POINTS, POINTS]), np.stack([POINTS + POINTS % 3 / 4, POINTS * 0.9]))),
]  # fmt: skip
IMAGE_OPS = [
    ("resize", lambda image, x: image.resize(x, (5, 24), "bicubic", antialias=True)),
    ("resize one image", lambda image, x: image.resize(
        x[0], (13, 6), data_format="channels_first")),
    ("pad_images", lambda image, x: image.pad_images(x, 1, 2, target_height=14, right_padding=3)),
    ("crop_images", lambda image, x: image.crop_images(
        x, top_cropping=2, bottom_cropping=1, left_cropping=1, target_width=5)),
    ("rgb_to_grayscale", lambda image, x: image.rgb_to_grayscale(x)),
    ("rgb_to_hsv", lambda image, x: image.rgb_to_hsv(x * x)),
]  # fmt: skip


def image_op(kit, args):
    call, result = args
    return result(kit, lambda x: call(kit.ops.image, x), numbers(61, 2, 9, 12, 3))


for _name, _call in TURNED:
    recipe("images", _name, _call, values)(image_op)
for _name, _call in IMAGE_OPS:
    recipe("images", _name, _call, with_gradient)(image_op)


@recipe("images", "hsv_to_rgb")
def hsv_to_rgb(kit):
    """TensorFlow has no gradient for this one."""
    colours = kit.ops.image.hsv_to_rgb(numbers(62, 2, 4, 5, 3, low=0, high=1))
    return {"values": kit.ops.convert_to_numpy(colours)}
