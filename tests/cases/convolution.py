"""Cases of the convolution family.

With relu, inputs are whole numbers and the bias is 1/2, so that no z is near its kink at 0.
"""

import numpy as np

from tests.cases import Case

DEFAULTS = {"strides": 1, "dilation": 1, "padding": (0, 0)}


def _options(rank, given):
    """strides, padding and dilation for `rank` axes: one entry stands for all of them."""
    options = {}
    for name, default in DEFAULTS.items():
        value = given.pop(name, default)
        alone = isinstance(value, int) or (name == "padding" and isinstance(value[0], int))
        options[name] = (value,) * rank if alone else tuple(value)
    return options


def _numbers(rng, shape, whole):
    return rng.integers(-2, 3, size=shape).astype(np.float64) if whole else rng.normal(size=shape)


def _arguments(x, kernel, filters, bias, given):
    """What the three forwards have in common, as a function of a random generator."""
    whole = given.get("activation") == "relu"
    options = _options(len(x) - 2, given)

    def make(rng):
        shift = np.full(filters, 0.5) if whole else rng.normal(size=filters)
        return {
            "x": _numbers(rng, x, whole),
            "kernel": _numbers(rng, kernel, whole),
            "bias": shift if bias else None,
            **options,
            **given,
        }

    return make


def conv(x, window, filters, groups=1, bias=True, **given):
    kernel = (*window, x[-1] // groups, filters)
    return _arguments(x, kernel, filters, bias, {"groups": groups, **given})


def conv_max_pool(x, window, filters, size=2, steps=None, margins=(0, 0), **given):
    """size, steps, margins: of the pooling, along every axis."""
    rank = len(window)
    pooling = {
        "window": (size,) * rank,
        "steps": (steps or size,) * rank,
        "margins": (margins,) * rank,
    }
    make = conv(x, window, filters, **{"activation": "relu", **given})
    return lambda rng: {**make(rng), **pooling}


def untied(make):
    """Without equal numbers in a window, of which rounding errors would choose one; with a bias,
    some windows are all below zero.
    """

    def made(rng):
        arguments = make(rng)
        x, bias = arguments["x"], arguments["bias"]
        return {
            **arguments,
            "x": np.where(x == 0, x, rng.normal(size=x.shape)),
            "bias": None if bias is None else bias - 15,
        }

    return made


def blank_images_pooled(rng):
    return {**blank_images(rng), "window": (2, 2), "steps": (2, 2), "margins": ((0, 0), (0, 0))}


def depthwise(x, window, multiplier=1, bias=True, **given):
    return _arguments(x, (*window, x[-1], multiplier), x[-1] * multiplier, bias, given)


def transpose(x, window, filters, sizes, bias=True, **given):
    """sizes: those of y."""
    return _arguments(x, (*window, filters, x[-1]), filters, bias, {"sizes": sizes, **given})


def blank_images(rng):
    """Nothing but a few pixels, and no bias: most windows see zeros alone, and have y = 0."""
    x = rng.normal(size=(6, 14, 18, 16))
    x[rng.random(x.shape[:-1]) < 0.97] = 0
    given = conv((6, 14, 18, 16), (3, 3), 24, padding=(1, 1), activation="relu")(rng)
    return {**given, "x": x, "kernel": rng.normal(size=(3, 3, 16, 24)), "bias": np.zeros(24)}


CASES = {
    "conv_forward": [
        # two dimensions: the general case
        Case("batch 1", conv((1, 5, 6, 3), (3, 3), 4)),
        Case("one of everything", conv((1, 1, 1, 1), (1, 1), 1)),
        Case("no bias", conv((2, 5, 4, 2), (3, 2), 3, bias=False)),
        Case("empty batch", conv((0, 5, 6, 3), (3, 3), 4, activation="tanh")),
        Case("odd sizes", conv((3, 13, 7, 5), (3, 3), 7)),
        Case("window not square", conv((2, 7, 9, 3), (2, 5), 4, activation="tanh")),
        Case("window as large as the input", conv((3, 4, 5, 2), (4, 5), 3)),
        Case("one row", conv((2, 1, 9, 3), (1, 3), 5)),
        Case("one column", conv((2, 9, 1, 3), (3, 1), 5)),
        Case("window of one", conv((3, 5, 7, 9), (1, 1), 11, activation="sigmoid")),
        Case("window of one with strides", conv((2, 7, 6, 5), (1, 1), 4, strides=(2, 3))),
        Case("strides", conv((2, 9, 11, 3), (3, 3), 4, strides=(2, 3), activation="tanh")),
        Case("strides beyond the window", conv((2, 11, 9, 3), (2, 1), 4, strides=(4, 3))),
        Case("strides that leave a rest", conv((2, 8, 10, 3), (3, 3), 4, strides=(2, 2))),
        Case("dilation", conv((2, 9, 11, 3), (3, 2), 4, dilation=(2, 5))),
        Case("strides and dilation", conv((2, 12, 13, 2), (3, 2), 3, strides=(2, 3), dilation=2)),
        Case("padding", conv((2, 5, 6, 3), (3, 3), 4, padding=(1, 1))),
        Case("padding to one side", conv((2, 5, 6, 3), (4, 2), 4, padding=((1, 2), (0, 1)))),
        Case("padding in front only", conv((2, 5, 6, 3), (3, 3), 4, padding=((2, 0), (0, 2)))),
        Case("padding beyond the window", conv((2, 3, 4, 2), (2, 2), 3, padding=((3, 4), (5, 2)))),
        Case(
            "padding and strides",
            conv((2, 7, 6, 3), (3, 3), 4, strides=2, padding=((1, 1), (0, 1))),
        ),
        Case(
            "padding, dilation, tanh",
            conv((2, 7, 6, 3), (3, 3), 4, dilation=2, padding=(2, 2), activation="tanh"),
        ),
        Case("relu", conv((3, 8, 7, 3), (3, 3), 5, activation="relu")),
        Case(
            "tanh without bias, padded",
            conv((2, 6, 6, 3), (3, 3), 5, padding=(1, 1), activation="tanh", bias=False),
        ),
        Case("sigmoid", conv((2, 6, 7, 4), (3, 3), 9, activation="sigmoid")),
        Case("two groups", conv((2, 6, 7, 6), (3, 3), 4, groups=2)),
        Case(
            "three groups, everything",
            conv(
                (2, 11, 9, 6),
                (3, 2),
                9,
                groups=3,
                strides=(2, 1),
                dilation=(1, 3),
                padding=((1, 1), (2, 0)),
                activation="tanh",
            ),
        ),
        Case("a group for each channel", conv((2, 5, 6, 4), (3, 3), 8, groups=4)),
        # the first layer of a network: few channels
        Case("one channel", conv((3, 12, 13, 1), (3, 3), 8, activation="relu")),
        Case("three channels", conv((2, 17, 19, 3), (3, 3), 16, activation="relu")),
        # few channels and many images: dx is spread from each place of y
        Case("six channels, ten images", conv((10, 9, 8, 6), (5, 5), 16, activation="tanh")),
        Case("one channel, nine images, strides", conv((9, 11, 9, 1), (3, 3), 7, strides=(2, 3))),
        Case(
            "two channels, eight images, padding and dilation",
            conv((8, 9, 10, 2), (3, 4), 5, dilation=(2, 1), padding=((1, 2), (3, 0))),
        ),
        Case("1-D, few channels, many rows", conv((11, 30, 2), (7,), 9, padding=(3, 3))),
        Case(
            "3-D, few channels, many images",
            conv((8, 5, 6, 7, 3), (2, 3, 3), 4, strides=(2, 1, 2), padding=(1, 1)),
        ),
        Case(
            "one channel, large window, strides",
            conv((2, 19, 17, 1), (5, 7), 6, strides=2, padding=(2, 3)),
        ),
        # 3 by 3 with stride 1: sizes that leave every rest of the tiles a fast engine may cut
        *(
            Case(f"3 by 3, {h} by {w}", conv((2, h, w, 5), (3, 3), 6, activation="tanh"))
            for h, w in ((3, 3), (4, 5), (6, 7), (8, 9), (10, 11))
        ),
        Case("blank images (z = 0, where relu has its kink)", blank_images, smooth=False),
        Case("3 by 3, many channels", conv((2, 14, 14, 48), (3, 3), 40, activation="relu")),
        Case(
            "3 by 3, same size, many channels",
            conv((2, 13, 15, 33), (3, 3), 35, padding=(1, 1), activation="tanh"),
        ),
        Case(
            "3 by 3, same size, many tiles",
            conv((3, 15, 17, 33), (3, 3), 35, padding=(1, 1)),
        ),
        Case(
            "3 by 3, same size, many tiles, tanh",
            conv((3, 15, 17, 33), (3, 3), 35, padding=(1, 1), activation="tanh"),
        ),
        Case(
            "3 by 3, groups, many tiles, tanh",
            conv((3, 15, 17, 34), (3, 3), 40, groups=2, padding=(1, 1), activation="tanh"),
        ),
        Case("5 by 5, many tiles", conv((4, 15, 14, 20), (5, 5), 16, padding=(2, 2))),
        Case("large enough for threads", conv((9, 31, 29, 16), (3, 3), 24, activation="relu")),
        Case(
            "threads in every direction",
            conv((5, 33, 35, 12), (5, 3), 20, strides=(2, 1), padding=(2, 1)),
        ),
        Case("threads over one image", conv((1, 67, 71, 8), (3, 3), 16, activation="tanh")),
        Case("threads over many small images", conv((257, 6, 5, 3), (3, 3), 7, activation="tanh")),
        # sums longer than a fast engine may keep in registers at a time, columns and rows that
        # leave a rest, places too many for one work area
        Case("long sums", conv((2, 5, 7, 121), (3, 2), 33, padding=(0, 1), activation="relu")),
        Case(
            "long sums, sigmoid", conv((3, 5, 4, 150), (2, 3), 19, strides=2, activation="sigmoid")
        ),
        Case("threads over filters", conv((1, 9, 9, 160), (3, 2), 330, activation="tanh")),
        Case("wide groups", conv((3, 9, 8, 46), (2, 3), 42, groups=2, activation="tanh")),
        Case("long rows", conv((2, 3, 1700, 5), (2, 5), 9, padding=(0, 2), activation="tanh")),
        Case(
            "padded rows in many boxes, strides",
            conv((2, 61, 59, 17), (5, 4), 18, strides=(3, 2), padding=((2, 1), (1, 3))),
        ),
        # one dimension
        Case("1-D", conv((3, 17, 4), (3,), 5, activation="relu")),
        Case("1-D, causal with dilation", conv((2, 11, 3), (3,), 4, dilation=2, padding=(4, 0))),
        Case(
            "1-D, strides", conv((2, 12, 3), (4,), 5, strides=3, padding=(1, 2), activation="tanh")
        ),
        Case("1-D, batch 1, window of one", conv((1, 7, 3), (1,), 4)),
        Case("1-D, empty batch", conv((0, 7, 3), (3,), 4)),
        Case("1-D, groups", conv((2, 9, 6), (2,), 9, groups=3)),
        Case("1-D, a long sound", conv((1, 9000, 3), (7,), 10, strides=2, padding=(3, 3))),
        Case("1-D, for threads", conv((33, 65, 32), (3,), 40, activation="relu")),
        Case("1-D, a wide window for threads", conv((33, 65, 32), (8,), 40, activation="relu")),
        # three dimensions
        Case("3-D", conv((2, 4, 5, 6, 3), (2, 3, 2), 4, activation="tanh")),
        Case(
            "3-D, everything",
            conv(
                (1, 6, 7, 8, 4),
                (2, 1, 3),
                6,
                strides=(2, 1, 3),
                dilation=(1, 2, 2),
                padding=((0, 1), (1, 0), (2, 2)),
                groups=2,
            ),
        ),
        Case("3-D, batch 1, one channel", conv((1, 3, 3, 3, 1), (3, 3, 3), 2, bias=False)),
        Case("3-D, empty batch", conv((0, 3, 4, 5, 2), (2, 2, 2), 3)),
        Case(
            "3-D, for threads",
            conv((3, 9, 11, 10, 8), (3, 3, 3), 12, padding=(1, 1), activation="relu"),
        ),
    ],
    "depthwise_conv_forward": [
        Case("batch 1", depthwise((1, 5, 6, 3), (3, 3))),
        Case("one of everything", depthwise((1, 1, 1, 1), (1, 1))),
        Case("no bias", depthwise((2, 5, 4, 7), (3, 2), bias=False)),
        Case("empty batch", depthwise((0, 5, 6, 3), (3, 3), 2, activation="tanh")),
        Case("multiplier", depthwise((3, 7, 6, 5), (3, 3), 3, activation="tanh")),
        Case("window not square", depthwise((2, 7, 9, 9), (2, 5), 2)),
        Case("window of one", depthwise((2, 4, 5, 6), (1, 1), 2, activation="sigmoid")),
        Case("strides", depthwise((2, 9, 11, 5), (3, 3), strides=(2, 3), activation="tanh")),
        Case("strides beyond the window", depthwise((2, 9, 11, 5), (2, 1), strides=(4, 2))),
        Case("dilation", depthwise((2, 9, 11, 5), (3, 2), 2, dilation=(2, 5))),
        Case("padding to one side", depthwise((2, 5, 6, 3), (4, 2), 2, padding=((1, 2), (0, 1)))),
        Case("same size", depthwise((2, 9, 10, 17), (3, 3), padding=(1, 1), activation="relu")),
        Case(
            "everything",
            depthwise(
                (2, 11, 9, 6),
                (3, 2),
                3,
                strides=(2, 1),
                dilation=(1, 3),
                padding=((1, 1), (2, 0)),
                activation="tanh",
            ),
        ),
        Case(
            "large enough for threads",
            depthwise((7, 33, 31, 40), (3, 3), padding=(1, 1), activation="relu"),
        ),
        Case(
            "threads, multiplier, strides",
            depthwise((5, 35, 37, 12), (3, 5), 2, strides=2, padding=(1, 2)),
        ),
        Case("vectors and a rest", depthwise((2, 7, 13, 43), (3, 3), padding=(1, 1))),
        Case(
            "vectors, strides and dilation",
            depthwise((2, 14, 17, 24), (3, 4), strides=(2, 3), dilation=(3, 2), activation="tanh"),
        ),
        Case(
            "padding longer than the window",
            depthwise((2, 4, 5, 10), (2, 3), padding=((4, 3), (5, 6)), activation="sigmoid"),
        ),
        Case(
            "padding longer than the window, strides",
            depthwise((2, 4, 5, 10), (2, 3), strides=(3, 2), padding=((4, 3), (5, 6))),
        ),
        Case(
            "dilation beyond the input",
            depthwise((2, 4, 5, 9), (3, 3), dilation=(6, 7), padding=((8, 8), (9, 9))),
        ),
        Case(
            "lines cut into pieces",
            depthwise((1, 2, 300, 100), (2, 5), padding=(1, 2), activation="relu"),
        ),
        Case("1-D", depthwise((3, 17, 4), (3,), 2, activation="relu")),
        Case("1-D, causal", depthwise((2, 9, 5), (3,), dilation=2, padding=(4, 0))),
        Case("3-D", depthwise((2, 4, 5, 6, 3), (2, 3, 2), 2, strides=(1, 2, 1), activation="tanh")),
    ],
    "conv_transpose_forward": [
        Case("batch 1", transpose((1, 4, 5, 3), (3, 3), 2, (6, 7))),
        Case("one of everything", transpose((1, 1, 1, 1), (1, 1), 1, (1, 1))),
        Case("no bias", transpose((2, 4, 5, 3), (3, 2), 4, (6, 6), bias=False)),
        Case(
            "one channel, nine images",
            transpose(
                (9, 7, 6, 16), (3, 3), 1, (14, 12), strides=2, padding=(0, 1), activation="sigmoid"
            ),
        ),
        Case("empty batch", transpose((0, 4, 5, 3), (3, 3), 2, (6, 7), activation="tanh")),
        Case("window not square", transpose((2, 4, 5, 3), (2, 5), 6, (5, 9), activation="tanh")),
        Case("window of one", transpose((2, 4, 5, 3), (1, 1), 6, (4, 5), activation="sigmoid")),
        Case(
            "window of one with strides",
            transpose((2, 3, 4, 3), (1, 1), 5, (6, 12), strides=(2, 3)),
        ),
        Case(
            "strides",
            transpose((2, 4, 5, 3), (3, 3), 4, (9, 15), strides=(2, 3), activation="tanh"),
        ),
        Case(
            "strides beyond the window", transpose((2, 4, 3, 3), (2, 1), 4, (16, 9), strides=(4, 3))
        ),
        Case(
            "strides, output padding", transpose((2, 4, 5, 3), (3, 3), 4, (10, 17), strides=(2, 3))
        ),
        Case(
            "twice the size",
            transpose(
                (2, 6, 5, 7), (3, 3), 6, (12, 10), strides=2, padding=(0, 1), activation="relu"
            ),
        ),
        Case("dilation", transpose((2, 4, 5, 3), (3, 2), 4, (8, 10), dilation=(2, 5))),
        Case(
            "padding to one side",
            transpose((2, 5, 6, 3), (4, 3), 4, (5, 7), padding=((1, 2), (0, 1))),
        ),
        Case(
            "everything",
            transpose(
                (2, 5, 4, 6),
                (3, 2),
                5,
                (10, 13),
                strides=(2, 3),
                dilation=(1, 3),
                padding=((1, 0), (0, 0)),
                activation="tanh",
            ),
        ),
        Case(
            "large enough for threads",
            transpose(
                (6, 17, 15, 24), (3, 3), 16, (34, 30), strides=2, padding=(0, 1), activation="relu"
            ),
        ),
        Case("long sums", transpose((2, 5, 6, 151), (3, 2), 20, (7, 7), activation="relu")),
        Case(
            "many boxes and phases",
            transpose(
                (2, 21, 25, 19), (4, 3), 17, (64, 51), strides=(3, 2), padding=((1, 1), (0, 0))
            ),
        ),
        Case("threads, stride 1", transpose((5, 23, 21, 16), (3, 3), 12, (23, 21), padding=(1, 1))),
        Case("1-D", transpose((3, 7, 4), (3,), 5, (15,), strides=2, activation="relu")),
        Case(
            "1-D, a rest that another stride would leave too",
            transpose((2, 2, 3), (1,), 4, (6,), strides=3),
        ),
        Case("1-D, gaps in between", transpose((2, 4, 3), (2,), 3, (17,), strides=5)),
        Case(
            "3-D",
            transpose(
                (2, 2, 3, 4, 3), (2, 3, 2), 4, (4, 7, 5), strides=(2, 2, 1), activation="tanh"
            ),
        ),
    ],
}

POOLED = [
    Case("small", conv_max_pool((2, 7, 8, 3), (3, 3), 4)),
    Case("batch 1", conv_max_pool((1, 30, 26, 16), (3, 3), 16)),
    Case("empty batch", conv_max_pool((0, 14, 14, 16), (3, 3), 16)),
    Case("tiles", conv_max_pool((5, 18, 22, 16), (3, 3), 24)),
    Case("tiles, linear", conv_max_pool((5, 18, 22, 16), (3, 3), 24, activation="linear")),
    Case("tiles, no bias", conv_max_pool((5, 18, 22, 16), (3, 3), 24, bias=False)),
    *(
        Case(
            f"tiles that leave a rest, {h} by {w}, margins of {margin}",
            conv_max_pool(
                (6, h, w, 9),
                (3, 3),
                37,
                margins=(0, margin),
                padding=(1, 1),
                activation="linear",
            ),
        )
        for h, w in ((13, 14), (14, 15), (15, 17), (18, 13))
        for margin in (0, 1)
    ),
    Case("blank images", blank_images_pooled, smooth=False),
    Case("large enough for threads", conv_max_pool((9, 31, 29, 16), (3, 3), 24)),
    Case("window of one", conv_max_pool((2, 9, 9, 5), (1, 1), 7)),
    Case("strides", conv_max_pool((2, 19, 17, 3), (3, 3), 8, strides=2)),
    Case("dilation", conv_max_pool((2, 19, 17, 3), (3, 3), 8, dilation=2)),
    Case("groups", conv_max_pool((3, 18, 18, 16), (3, 3), 16, groups=2)),
    Case("pooled by three", conv_max_pool((3, 20, 20, 16), (3, 3), 16, size=3)),
    Case("pools overlap", conv_max_pool((3, 20, 20, 16), (3, 3), 16, size=3, steps=2)),
    Case("margin in front", conv_max_pool((3, 20, 20, 16), (3, 3), 16, margins=(1, 0))),
    Case("40 pools over a place", conv_max_pool((1, 100, 3), (1,), 17, size=40, steps=1)),
    Case("pools of 300", conv_max_pool((1, 400, 3), (1,), 5, size=300, steps=50)),
    Case("1-D", conv_max_pool((3, 17, 4), (3,), 5)),
    *(
        Case(
            f"lines of {length}, margin of {margin}",
            conv_max_pool((19, length, 32), (3,), 40, margins=(0, margin), activation="linear"),
        )
        for length in (33, 34, 35, 37)
        for margin in (0, 1)
    ),
    Case("3-D", conv_max_pool((2, 6, 7, 8, 3), (3, 3, 3), 5)),
    Case(
        "tiles beside each other, linear",
        conv_max_pool((3, 18, 18, 8), (3, 3), 64, activation="linear"),
    ),
]

EXTRAS = {
    "conv_max_pool_forward": [
        *POOLED,
        Case("tiles, tanh", conv_max_pool((5, 18, 22, 16), (3, 3), 24, activation="tanh")),
    ],
    "conv_max_pool_training_forward": [
        Case(case.label, untied(case.make), case.smooth) for case in POOLED
    ],
}
