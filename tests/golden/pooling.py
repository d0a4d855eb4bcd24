"""Recipes for pooling layers: outputs and gradients."""

import numpy as np

from .recipes import numbers, recipe

# class, options, shape of the input without the batch
LAYERS = [
    ("MaxPooling1D", {}, (7, 3)),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (8, 3)),
    ("MaxPooling2D", {}, (5, 6, 3)),
    ("MaxPooling2D", {"pool_size": (3, 2), "strides": (2, 1)}, (6, 5, 2)),
    ("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (6, 7, 2)),
    ("MaxPooling2D", {"pool_size": 2, "strides": 3, "padding": "same"}, (7, 5, 2)),
    ("MaxPooling3D", {"pool_size": (1, 2, 2)}, (2, 4, 5, 2)),
    ("MaxPooling3D", {"pool_size": 2, "strides": 1, "padding": "same"}, (2, 3, 3, 2)),
    ("AveragePooling1D", {"pool_size": 2}, (7, 3)),
    ("AveragePooling1D", {"pool_size": 4, "strides": 3, "padding": "same"}, (9, 2)),
    ("AveragePooling2D", {"pool_size": 2}, (5, 6, 3)),
    ("AveragePooling2D", {"pool_size": (3, 2), "strides": (1, 2)}, (5, 5, 2)),
    ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (6, 7, 2)),
    ("AveragePooling3D", {"pool_size": 2}, (3, 4, 5, 2)),
    ("AveragePooling3D", {"pool_size": 2, "strides": 1, "padding": "same"}, (2, 3, 3, 2)),
    ("GlobalMaxPooling1D", {}, (5, 3)),
    ("GlobalMaxPooling1D", {"data_format": "channels_first"}, (3, 5)),
    ("GlobalMaxPooling2D", {"keepdims": True}, (3, 4, 2)),
    ("GlobalMaxPooling3D", {}, (2, 3, 4, 2)),
    ("GlobalAveragePooling1D", {}, (5, 3)),
    ("GlobalAveragePooling1D", {"data_format": "channels_first", "keepdims": True}, (3, 5)),
    ("GlobalAveragePooling2D", {}, (3, 4, 2)),
    ("GlobalAveragePooling2D", {"data_format": "channels_first"}, (3, 4, 2)),
    ("GlobalAveragePooling3D", {"keepdims": True}, (2, 3, 4, 2)),
]


def label(name, options):
    return "_".join([name, *(f"{k}={v}" for k, v in options.items())])


def pooling_layer(kit, args):
    name, options, shape = args
    x = numbers(61, 3, *shape)
    layer = getattr(kit.layers, name)(**options)
    weight = numbers(62, *layer(kit.ops.convert_to_tensor(x)).shape)
    return {
        "y": kit.ops.convert_to_numpy(layer(kit.ops.convert_to_tensor(x))),
        "dx": kit.gradient(lambda x: kit.ops.sum(layer(x) * weight), x),
    }


for _name, _options, _shape in LAYERS:
    recipe("pooling", label(_name, _options), _name, _options, _shape)(pooling_layer)


@recipe("pooling", "masked_average")
def masked_average(kit):
    mask = np.array([[1, 1, 0, 0], [0, 1, 1, 1], [1, 1, 1, 1]], bool)
    layer = kit.layers.GlobalAveragePooling1D()
    x = numbers(63, 3, 4, 2)
    mask = kit.ops.convert_to_tensor(mask)
    return {
        "y": kit.ops.convert_to_numpy(layer(kit.ops.convert_to_tensor(x), mask=mask)),
        "dx": kit.gradient(lambda x: kit.ops.sum(layer(x, mask=mask) ** 2), x),
    }
