"""Recipes for the layers that change images: what they do with what was drawn.

The draws are handed in, since the two libraries draw different numbers.
"""

import numpy as np

from .recipes import numbers, one_hot, recipe

FIRST = {"data_format": "channels_first"}
BYTES = np.floor(numbers(90, 3, 6, 7, 3, low=0, high=256))
SHARES = numbers(91, 3, 6, 7, 3, low=0, high=1)
FLAT = np.where(np.arange(3) == 1, 77.0, BYTES).astype(np.float32)  # one channel of one value
SOME = np.array([True, False, True])
ORDER = np.array([2, 0, 1])
FACTORS = np.array([0.1, 0.45, 0.9], np.float32)
MASKS = np.broadcast_to(numbers(92, 3, 6, 7, 1) > 0, BYTES.shape)
CORNERS = np.tile(np.array([[0, 0], [6, 0], [0, 5], [6, 5]], np.float32), (3, 1, 1))
MOVED = CORNERS * (1 + numbers(93, 3, 4, 2, low=-0.4, high=0.4))
SHEAR = {"shear_factor": numbers(94, 3, 2, low=-0.8, high=0.8), "input_shape": BYTES.shape}
SOLAR = {
    "additions": numbers(95, 3, 1, 1, 1, low=0, high=60),
    "thresholds": numbers(96, 3, 1, 1, 1, low=60, high=200),
}
ERASED = {"apply_erasing": SOME, "batch_masks": MASKS, "fill_value": np.float32(7)}
MIXED = {"mix_weight": FACTORS, "permutation_order": ORDER}
CUT = {**MIXED, "batch_masks": MASKS, "mix_weight": FACTORS.reshape(3, 1, 1, 1)}
PERSPECTIVE = {
    "apply_perspective": SOME,
    "start_points": CORNERS,
    "end_points": MOVED,
    "input_shape": BYTES.shape,
}
BLUR = {"should_apply_blur": SOME, "blur_factor": np.array([0.5, 0.9], np.float32)}
CHANGES = {
    "random_contrast": {"contrast_factor": FACTORS.reshape(3, 1, 1, 1)},
    "random_shear": SHEAR,
    "solarization": SOLAR,
    "auto_contrast": None,
}
CHAINS = [
    [{"layer_name": name, "transformation": CHANGES[name]} for name in names]
    for names in (("random_shear", "solarization"), (), ("auto_contrast",))
]
RAND = {"transforms": CHANGES, "layer_idxes": np.array([2, 0, 3])}
AUGMIX = {
    "chain_mixing_weights": FACTORS / FACTORS.sum(),
    "weight_sample": np.float32(0.3),
    "chain_transforms": CHAINS,
}
WIDE, NARROW = {"value_range": (0, 255)}, {"value_range": (0, 1)}

# class, options, what was drawn, images
CASES = [
    ("AutoContrast", {}, None, BYTES / 2 + 20),
    ("AutoContrast", {}, None, FLAT),
    ("AutoContrast", NARROW, None, SHARES / 2),
    ("Equalization", {}, None, BYTES),
    ("Equalization", {"bins": 30}, None, BYTES),  # no ties, at which JAX rounds inexactly
    ("Equalization", NARROW, None, SHARES),
    ("Equalization", FIRST, None, FLAT.transpose(0, 3, 1, 2)),
    ("ContrastLimitedAdaptiveHistogramEqualization", {}, None, BYTES),
    ("ContrastLimitedAdaptiveHistogramEqualization",
     {"tile_grid_size": (2, 3), "clip_limit": 2.0, **FIRST}, None, BYTES.transpose(0, 3, 1, 2)),
    ("ContrastLimitedAdaptiveHistogramEqualization",
     {"tile_grid_size": [3, 1], "clip_limit": 0.0, **NARROW}, None, SHARES),
    ("Solarization", {}, None, BYTES),
    ("Solarization", {}, SOLAR, BYTES),
    ("Solarization", NARROW, SOLAR, SHARES),
    ("RandomInvert", {}, {"apply_inversion": SOME}, BYTES),
    ("RandomPosterization", {"factor": 3}, {"shift_factor": np.array([5, 2, 7], "uint8")}, BYTES),
    ("RandomPosterization", {"factor": 3, **NARROW}, {"shift_factor": np.array([5, 2, 7], "uint8")},
     SHARES),
    ("RandomHue", {"factor": 0.5}, {"factor": FACTORS - 0.5}, BYTES),
    ("RandomHue", {"factor": 0.5, **NARROW, **FIRST}, {"factor": FACTORS - 0.5},
     SHARES.transpose(0, 3, 1, 2)),
    ("RandomSaturation", {"factor": 0.5}, {"factor": FACTORS * 3 - 0.5}, BYTES),
    ("RandomSaturation", {"factor": 0.5, **NARROW, **FIRST}, {"factor": FACTORS * 3},
     SHARES.transpose(0, 3, 1, 2)),
    ("RandomColorDegeneration", {"factor": 0.5}, {"factor": FACTORS.reshape(3, 1, 1, 1) - 0.4},
     BYTES),
    ("RandomColorDegeneration", {"factor": 0.5, **FIRST}, {"factor": FACTORS.reshape(3, 1, 1, 1)},
     BYTES.transpose(0, 3, 1, 2)),
    ("RandomGrayscale", {}, SOME.reshape(3, 1, 1, 1), BYTES),
    ("RandomGaussianBlur", {"kernel_size": (5, 3)}, BLUR, BYTES),
    ("RandomGaussianBlur", FIRST, BLUR, BYTES.transpose(0, 3, 1, 2)),
    ("RandomSharpness", {"factor": 0.5}, {"factor": FACTORS}, BYTES),
    ("RandomSharpness", {"factor": 0.5, **FIRST}, {"factor": FACTORS}, BYTES.transpose(0, 3, 1, 2)),
    ("RandomShear", {}, SHEAR, BYTES),
    ("RandomShear", {"interpolation": "nearest", "fill_mode": "constant", "fill_value": 9.0}, SHEAR,
     BYTES),
    ("RandomPerspective", {}, PERSPECTIVE, BYTES),
    ("RandomErasing", {}, ERASED, BYTES),
    ("MixUp", {}, MIXED, BYTES),
    ("CutMix", {}, CUT, BYTES),
    ("RandAugment", {"num_ops": 3}, RAND, BYTES),
    ("AugMix", {}, AUGMIX, BYTES),
]  # fmt: skip


def changed(kit, args):
    name, options, drawn, images = args
    layer = getattr(kit.layers, name)(**options)
    x = kit.ops.convert_to_tensor(images.astype("float32"))
    if drawn is None and name == "Solarization":  # all is turned, as the defaults are
        return {"y": kit.ops.convert_to_numpy(layer(x, training=True))}
    made = {"y": kit.ops.convert_to_numpy(layer.transform_images(x, drawn, training=True))}
    if name in ("MixUp", "CutMix"):
        labels = kit.ops.convert_to_tensor(one_hot([0, 1, 3], 4))
        made["labels"] = kit.ops.convert_to_numpy(layer.transform_labels(labels, drawn))
    if name in ("RandomShear", "AugMix"):
        masks = kit.ops.convert_to_tensor(np.floor(images[..., :1] / 64))
        moved = layer.transform_segmentation_masks(masks, drawn)
        made["masks"] = kit.ops.convert_to_numpy(moved)
    return made


for _i, (_name, *_others) in enumerate(CASES):
    recipe("image_changes", f"{_i}-{_name}", _name, *_others)(changed)

SMOOTH = ["RandomHue", "RandomSaturation", "RandomColorDegeneration", "RandomGaussianBlur"]
SMOOTH += ["RandomSharpness"]


def gradient(kit, args):
    """Of the layers that are smooth in the middle of the range, where nothing is clipped."""
    name, options, drawn, images = args
    layer = getattr(kit.layers, name)(**options)
    images = (images * 0.2 + 0.4 * images.max()).astype("float32")
    weight = numbers(97, *images.shape)

    def total(x):
        return kit.ops.sum(layer.transform_images(x, drawn, training=True) * weight)

    return {"dx": kit.gradient(total, images)}


for _i, (_name, *_others) in enumerate(CASES):
    if _name in SMOOTH and _i != 18:  # there a saturation below 0 is clipped
        recipe("image_changes", f"gradient {_i}-{_name}", _name, *_others)(gradient)


@recipe("image_changes", "points")
def points(kit):
    layer = kit.layers.RandomTranslation(0.1, 0.1)
    transforms = numbers(98, 3, 8, low=0.5, high=1.5)
    x, y = layer.get_transformed_x_y(numbers(99, 3, 1), numbers(89, 3, 1), transforms)
    return {"x": kit.ops.convert_to_numpy(x), "y": kit.ops.convert_to_numpy(y)}
