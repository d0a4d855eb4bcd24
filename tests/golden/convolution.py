"""Recipes for convolution layers: forward, every gradient, five training steps; and the operations.

A step of plain SGD with a learning rate of 1 takes the gradient off the weights: the difference
before and after is the gradient of each weight.
"""

import numpy as np

from .recipes import numbers, recipe, with_fixed_weights
from .single import label

# layer, arguments, shape of one sample
LAYERS = [
    ("Conv1D", {"filters": 3, "kernel_size": 3}, (8, 2)),
    ("Conv1D", {"filters": 3, "kernel_size": 4, "strides": 3, "padding": "same"}, (8, 2)),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, (8, 2)),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "strides": 2, "padding": "causal"}, (7, 3)),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "groups": 2, "activation": "relu"}, (6, 4)),
    ("Conv1D", {"filters": 3, "kernel_size": 2, "data_format": "channels_first"}, (2, 6)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "activation": "relu"}, (6, 5, 2)),
    ("Conv2D", {"filters": 3, "kernel_size": [2, 3], "use_bias": False}, (5, 6, 2)),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 3, "strides": [2, 1], "activation": "tanh"},
        (6, 5, 2),
    ),
    ("Conv2D", {"filters": 2, "kernel_size": [4, 3], "strides": 2, "padding": "same"}, (6, 7, 2)),
    ("Conv2D", {"filters": 2, "kernel_size": 2, "padding": "same", "strides": 3}, (5, 7, 1)),
    ("Conv2D", {"filters": 2, "kernel_size": 2, "dilation_rate": [2, 3]}, (5, 6, 2)),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, (5, 6, 2)),
    ("Conv2D", {"filters": 6, "kernel_size": 2, "groups": 3, "activation": "sigmoid"}, (4, 5, 6)),
    ("Conv2D", {"filters": 4, "kernel_size": 1, "activation": "softmax"}, (3, 4, 5)),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 2, "strides": 2, "padding": "same",
         "data_format": "channels_first", "activation": "elu"},
        (2, 5, 4),
    ),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 2, "kernel_regularizer": "l2", "bias_regularizer": "l1",
         "activity_regularizer": "l2", "kernel_constraint": "max_norm"},
        (4, 4, 2),
    ),
    ("Conv3D", {"filters": 2, "kernel_size": 2, "activation": "tanh"}, (3, 4, 3, 2)),
    (
        "Conv3D",
        {"filters": 2, "kernel_size": [1, 2, 3], "strides": [2, 1, 2], "padding": "same"},
        (3, 4, 5, 2),
    ),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3}, (4, 2)),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 5, "strides": 2, "padding": "same"}, (4, 2)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "dilation_rate": 2}, (4, 2)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "activation": "relu"}, (3, 4, 2)),
    (
        "Conv2DTranspose",
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "tanh"},
        (3, 4, 2),
    ),
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": [4, 2], "strides": [2, 3], "padding": "same"},
        (3, 2, 2),
    ),
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 4, "strides": 3, "padding": "same", "output_padding": 2},
        (3, 2, 2),
    ),
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 0},
        (3, 2, 2),
    ),
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 2, "strides": 3, "output_padding": [1, 2]},
        (3, 2, 2),
    ),
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same",
         "data_format": "channels_first", "use_bias": False},
        (2, 3, 2),
    ),
    (
        "Conv3DTranspose",
        {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "same"},
        (2, 2, 3, 2),
    ),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}, (6, 3)),
    ("DepthwiseConv1D", {"kernel_size": 3, "strides": 2, "padding": "same"}, (6, 3)),
    ("DepthwiseConv2D", {"kernel_size": [3, 2], "activation": "relu"}, (5, 4, 3)),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2},
        (5, 6, 3),
    ),
    ("DepthwiseConv2D", {"kernel_size": 2, "dilation_rate": 2, "use_bias": False}, (5, 4, 3)),
    ("DepthwiseConv2D", {"kernel_size": 2, "data_format": "channels_first"}, (3, 4, 5)),
    ("SeparableConv1D", {"filters": 4, "kernel_size": 3, "activation": "tanh"}, (6, 3)),
    (
        "SeparableConv2D",
        {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, "padding": "same"},
        (4, 5, 3),
    ),
    (
        "SeparableConv2D",
        {"filters": 2, "kernel_size": 2, "strides": 2, "activation": "relu",
         "pointwise_regularizer": "l2", "depthwise_constraint": "unit_norm"},
        (4, 5, 3),
    ),
    (
        "SeparableConv2D",
        {"filters": 4, "kernel_size": 2, "data_format": "channels_first"},
        (3, 4, 4),
    ),
]  # fmt: skip


def single_layer(kit, name, options, shape, optimizer):
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    layer = getattr(kit.layers, name)(**options)
    model = with_fixed_weights(kit.Sequential([kit.Input(shape), layer]))
    model.compile(optimizer, "mse")
    return model


def convolution_layer(kit, args):
    name, options, shape = args
    x = numbers(200, 3, *shape)
    model = single_layer(kit, name, options, shape, kit.optimizers.SGD(1.0))
    y = model.predict(x, verbose=0)
    target, weight = numbers(201, *y.shape), numbers(202, *y.shape)
    made = {"y": y, "output_shape": np.array(model.output_shape[1:])}
    made["dx"] = kit.gradient(lambda x: kit.ops.sum(model(x) * weight), x)

    plain = {k: v for k, v in options.items() if not k.endswith("constraint")}
    model = single_layer(kit, name, plain, shape, kit.optimizers.SGD(1.0))
    before = model.get_weights()
    model.train_on_batch(x, target)
    after = model.get_weights()
    made |= {f"gradient{i}": a - b for i, (a, b) in enumerate(zip(before, after, strict=True))}

    model = single_layer(kit, name, options, shape, kit.optimizers.Adam(0.02))
    losses = [model.train_on_batch(x, target) for _ in range(5)]
    made |= {f"trained{i}": w for i, w in enumerate(model.get_weights())}
    return made | {"losses": np.array(losses)}


for _name, _options, _shape in LAYERS:
    recipe("convolution", label(_name, _options), _name, _options, _shape)(convolution_layer)

# ------------------------------------------------------------------------- operations

OPERATIONS = [
    ("conv", {"strides": 2, "padding": "same"}, (2, 7, 3), (4, 3, 2)),
    ("conv", {"dilation_rate": (1, 2)}, (2, 4, 6, 2), (2, 3, 2, 3)),
    ("conv", {"padding": "same", "strides": (1, 2, 1)}, (1, 3, 4, 3, 2), (2, 2, 2, 2, 2)),
    ("depthwise_conv", {"padding": "same"}, (2, 5, 4, 3), (3, 2, 3, 2)),
    ("conv_transpose", {"strides": 3}, (2, 4, 3), (2, 2, 3)),
    ("conv_transpose", {"strides": 2, "padding": "same"}, (2, 3, 4, 3), (3, 4, 2, 3)),
    (
        "conv_transpose",
        {"strides": 2, "padding": "same", "output_padding": 0},
        (2, 3, 4, 3),
        (3, 5, 2, 3),
    ),
]


def convolution_operation(kit, args):
    name, options, shape, kernel_shape = args
    x, kernel = numbers(210, *shape), numbers(211, *kernel_shape)
    operation = getattr(kit.ops, name)
    y = kit.ops.convert_to_numpy(operation(x, kernel, **options))
    weight = numbers(212, *y.shape)
    return {
        "y": y,
        "dx": kit.gradient(lambda x: kit.ops.sum(operation(x, kernel, **options) * weight), x),
        "dkernel": kit.gradient(lambda k: kit.ops.sum(operation(x, k, **options) * weight), kernel),
    }


for _index, (_name, *_rest) in enumerate(OPERATIONS):
    recipe("convolution", f"ops.{_name} {_index}", _name, *_rest)(convolution_operation)


@recipe("convolution", "ops.separable_conv")
def separable_operation(kit):
    x = numbers(220, 2, 5, 4, 3)
    deep, point = numbers(221, 2, 3, 3, 2), numbers(222, 1, 1, 6, 4)

    def separable(x, deep, point):
        return kit.ops.separable_conv(x, deep, point, strides=2, padding="same")

    y = kit.ops.convert_to_numpy(separable(x, deep, point))
    weight = numbers(223, *y.shape)
    return {
        "y": y,
        "dx": kit.gradient(lambda a: kit.ops.sum(separable(a, deep, point) * weight), x),
        "ddeep": kit.gradient(lambda a: kit.ops.sum(separable(x, a, point) * weight), deep),
        "dpoint": kit.gradient(lambda a: kit.ops.sum(separable(x, deep, a) * weight), point),
    }
