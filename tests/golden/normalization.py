"""Recipes for normalisation layers: outputs, gradients, five steps of training, moving averages."""

import numpy as np

from .recipes import numbers, recipe, weights_of, with_fixed_weights
from .single import label

LAYERS = [
    # class, options, shape of the input
    ("BatchNormalization", {}, (6, 5)),
    ("BatchNormalization", {"momentum": 0.7, "epsilon": 0.05}, (4, 3, 5, 3)),
    ("BatchNormalization", {"axis": 1, "scale": False}, (4, 3, 5, 2)),
    ("BatchNormalization", {"center": False, "momentum": 0.5}, (4, 6, 3)),
    ("BatchNormalization", {"renorm": True, "momentum": 0.8, "renorm_momentum": 0.6}, (8, 3)),
    (
        "BatchNormalization",
        {"renorm": True, "renorm_clipping": {"rmax": 1.1, "rmin": 0.9, "dmax": 0.2}},
        (8, 4, 3),
    ),
    ("LayerNormalization", {}, (6, 5)),
    ("LayerNormalization", {"axis": 1, "epsilon": 0.05}, (4, 3, 5)),
    ("LayerNormalization", {"axis": [1, 2]}, (4, 3, 5)),
    ("LayerNormalization", {"axis": [1, 3], "scale": False}, (4, 3, 5, 2)),
    ("LayerNormalization", {"center": False}, (4, 3, 5)),
    ("GroupNormalization", {"groups": 2}, (4, 6)),
    ("GroupNormalization", {"groups": 3}, (4, 3, 5, 6)),
    ("GroupNormalization", {"groups": 1, "epsilon": 0.05}, (4, 3, 6)),
    ("GroupNormalization", {"groups": -1, "axis": 1}, (4, 3, 5, 2)),
    ("GroupNormalization", {"groups": 2, "center": False, "scale": False}, (4, 3, 6)),
    ("RMSNormalization", {}, (6, 5)),
    ("RMSNormalization", {"axis": [1, 2], "epsilon": 0.05}, (4, 3, 5)),
    ("UnitNormalization", {}, (6, 5)),
    ("UnitNormalization", {"axis": [1, 2]}, (4, 3, 5)),
]


def positive_states(layer):
    """Variances may not be negative."""
    layer.set_weights([np.abs(w) + 0.2 for w in layer.get_weights()])
    return layer


def built(kit, name, options, shape):
    layer = getattr(kit.layers, name)(**options)
    layer.build(shape)
    return positive_states(with_fixed_weights(layer))


def alone(kit, args):
    """Output and the gradient of the input, in inference and training, and the averages after."""
    name, options, shape = args
    x, weight = numbers(100, *shape) + 0.5, numbers(101, *shape)
    result = {}
    averages = name == "BatchNormalization"
    for training in (False, True) if averages else (False,):
        extra = {"training": training} if averages else {}
        layer = built(kit, name, options, shape)

        def weighted(x, layer=layer, extra=extra):
            return kit.ops.sum(layer(x, **extra) * weight)

        result[f"dx/{training}"] = kit.gradient(weighted, x)
        if training:
            result |= weights_of(layer)
        result[f"y/{training}"] = kit.ops.convert_to_numpy(layer(x, **extra))
    return result


def trained(kit, args):
    """Weights and averages after five steps, between two dense layers."""
    name, options, shape = args
    first, last = kit.layers.Dense(shape[-1], activation="tanh"), kit.layers.Dense(2)
    layer = built(kit, name, options, shape)
    model = kit.Sequential([kit.Input(shape[1:]), first, layer, last])
    with_fixed_weights(first)
    with_fixed_weights(last)
    model.compile(kit.optimizers.SGD(0.05, momentum=0.9), loss="mse")
    losses = [
        model.train_on_batch(numbers(110 + step, *shape), numbers(120 + step, *shape[:-1], 2))
        for step in range(5)
    ]
    after = model.predict(numbers(130, *shape), verbose=0)
    return {"losses": np.array(losses), "y": after, **weights_of(model)}


for _name, _options, _shape in LAYERS:
    recipe("normalization", label(_name, _options), _name, _options, _shape)(alone)
    recipe("normalization", "trained_" + label(_name, _options), _name, _options, _shape)(trained)


MASKS = {
    "some": lambda: numbers(140, 4, 5) > 0,
    "none": lambda: np.zeros((4, 5), bool),
    "all": lambda: np.ones((4, 5), bool),
}


def masked(kit, args):
    mask_name, options = args
    shape = (4, 5, 3)
    x, weight = numbers(100, *shape), numbers(101, *shape)
    mask = kit.ops.convert_to_tensor(MASKS[mask_name]())
    layer = built(kit, "BatchNormalization", {"momentum": 0.6, **options}, shape)

    def weighted(x):
        return kit.ops.sum(layer(x, training=True, mask=mask) * weight)

    result = {"dx": kit.gradient(weighted, x), **weights_of(layer)}
    result["y"] = kit.ops.convert_to_numpy(layer(x, training=True, mask=mask))
    return result


for _mask in MASKS:
    for _options in ({}, {"axis": 1}):
        recipe("normalization", label(f"mask_{_mask}", _options), _mask, _options)(masked)


def spectral(kit, args):
    (iterations,) = args
    layer = kit.layers.SpectralNormalization(kit.layers.Dense(4), power_iterations=iterations)
    layer.build((3, 5))
    with_fixed_weights(layer)
    x, weight = numbers(100, 3, 5), numbers(101, 3, 4)
    before = kit.ops.convert_to_numpy(layer(x, training=False))
    dx = kit.gradient(lambda x: kit.ops.sum(layer(x, training=True) * weight), x)
    after = kit.ops.convert_to_numpy(layer(x, training=False))
    return {"before": before, "dx": dx, "after": after, **weights_of(layer)}


for _iterations in (1, 3):
    recipe("normalization", f"spectral_{_iterations}", _iterations)(spectral)


@recipe("normalization", "spectral_trained")
def spectral_trained(kit):
    wrapped = kit.layers.SpectralNormalization(kit.layers.Dense(4, activation="tanh"))
    model = with_fixed_weights(kit.Sequential([kit.Input((5,)), wrapped, kit.layers.Dense(2)]))
    model.compile(kit.optimizers.SGD(0.1), loss="mse")
    losses = [
        model.train_on_batch(numbers(110 + i, 8, 5), numbers(120 + i, 8, 2)) for i in range(5)
    ]
    return {"losses": np.array(losses), **weights_of(model)}


@recipe("normalization", "operations")
def operations(kit):
    x = numbers(100, 4, 3, 5)
    vector = numbers(101, 5)
    statistics = numbers(102, 3), np.abs(numbers(103, 3)) + 0.1
    ops = kit.ops
    found = {
        "batch": ops.batch_normalization(x, *statistics, axis=1),
        "batch, scaled": ops.batch_normalization(
            x, *statistics, 1, offset=numbers(104, 3), scale=numbers(105, 3), epsilon=0.1
        ),
        "layer": ops.layer_normalization(x),
        "layer, scaled": ops.layer_normalization(x, vector, numbers(106, 5), axis=-1, epsilon=0.1),
        "layer, axes": ops.layer_normalization(x, numbers(107, 3, 5), axis=[1, 2]),
        "rms": ops.rms_normalization(x, vector),
        "rms, axis": ops.rms_normalization(x, axis=1, epsilon=0.1),
        "normalize": ops.normalize(x),
        "normalize, 1": ops.normalize(x, axis=1, order=1),
        "normalize, 3": ops.normalize(x, axis=-1, order=3, epsilon=2.0),
    }
    found["mean"], found["variance"] = ops.moments(x, axes=[0, 2], keepdims=True)
    return {key: ops.convert_to_numpy(value) for key, value in found.items()}
