"""Recipes for further layers: pooling to a given size."""

from .recipes import numbers, recipe

FIRST = {"data_format": "channels_first"}

# class, options, shape of the input without the batch
POOLING = [
    ("AdaptiveAveragePooling1D", {"output_size": 3}, (7, 2)),
    ("AdaptiveAveragePooling1D", {"output_size": (5,), **FIRST}, (2, 4)),
    ("AdaptiveAveragePooling2D", {"output_size": (3, 2)}, (7, 5, 2)),
    ("AdaptiveAveragePooling2D", {"output_size": 4, **FIRST}, (2, 6, 9)),
    ("AdaptiveAveragePooling3D", {"output_size": 2}, (3, 4, 5, 2)),
    ("AdaptiveMaxPooling1D", {"output_size": 3}, (7, 2)),
    ("AdaptiveMaxPooling2D", {"output_size": [3, 2]}, (7, 5, 2)),
    ("AdaptiveMaxPooling2D", {"output_size": 4, **FIRST}, (2, 6, 9)),
    ("AdaptiveMaxPooling3D", {"output_size": (2, 1, 3)}, (3, 4, 5, 2)),
]


def label(name, options):
    return "-".join([name, *(f"{key}={value}" for key, value in options.items())])


def with_gradient(kit, function, x):
    """function(x), and the gradient of a weighted sum of it."""
    y = kit.ops.convert_to_numpy(function(kit.ops.convert_to_tensor(x)))
    weight = numbers(7, *y.shape)
    return {"y": y, "dx": kit.gradient(lambda x: kit.ops.sum(function(x) * weight), x)}


def layer_values(kit, args):
    name, options, shape = args
    layer = getattr(kit.layers, name)(**options)
    return with_gradient(kit, layer, numbers(81, 2, *shape))


for _name, _options, _shape in POOLING:
    recipe("further", label(_name, _options), _name, _options, _shape)(layer_values)
