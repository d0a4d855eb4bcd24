"""Models whose export to ONNX is compared with their own outputs, beyond those of file_models."""

import numpy as np

import diptych
from diptych import Input, Model, Sequential, layers, ops

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def around(shape, *made, dtype=None):
    """A model of one input and these layers, one after the other."""
    x = start = Input(shape, dtype=dtype)
    for layer in made:
        x = layer(x)
    return Model(start, x)


def each(name, shape, **kinds):
    """Enter a case for each layer: kinds gives its name and a function that makes it."""
    for kind, make in kinds.items():
        CASES[f"{name}_{kind}"] = lambda make=make, shape=shape: around(shape, make())


# --------------------------------------------------------------------------------------------------
# Windows: all ranks, sizes known and unknown, channels first and last

for rank, sizes in {1: (9,), 2: (9, 8), 3: (6, 7, 5)}.items():
    unknown = (None,) * rank
    for place in ("channels_last", "channels_first"):
        for known in (sizes, unknown):
            shape = (*known, 4) if place == "channels_last" else (4, *known)
            tag = f"{rank}d_{place[9:]}_{'known' if known is sizes else 'unknown'}"
            at = {"data_format": place}
            conv = getattr(layers, f"Conv{rank}D")
            transpose = getattr(layers, f"Conv{rank}DTranspose")
            each(
                f"conv{tag}",
                shape,
                valid=lambda conv=conv, at=at: conv(6, 3, activation="relu", **at),
                same=lambda conv=conv, at=at: conv(6, 4, padding="same", use_bias=False, **at),
                strided=lambda conv=conv, at=at: conv(6, 3, strides=2, padding="same", **at),
                dilated=lambda conv=conv, at=at: conv(
                    6, 2, dilation_rate=2, padding="same", activation="gelu", **at
                ),
                grouped=lambda conv=conv, at=at: conv(6, 3, groups=2, activation="tanh", **at),
                pointwise=lambda conv=conv, at=at: conv(6, 1, strides=2, **at),
            )
            each(
                f"transpose{tag}",
                shape,
                valid=lambda t=transpose, at=at: t(3, 3, strides=2, **at),
                same=lambda t=transpose, at=at: t(3, 3, strides=2, padding="same", **at),
                wide=lambda t=transpose, at=at: t(3, 2, strides=3, activation="relu", **at),
                wide_same=lambda t=transpose, at=at: t(3, 2, strides=3, padding="same", **at),
                extra=lambda t=transpose, at=at: t(
                    3, 3, strides=2, padding="same", output_padding=1, **at
                ),
                dilated=lambda t=transpose, at=at: t(3, 3, dilation_rate=2, padding="same", **at),
            )
            for kind in ("MaxPooling", "AveragePooling"):
                pool = getattr(layers, f"{kind}{rank}D")
                each(
                    f"{kind}{tag}",
                    shape,
                    valid=lambda pool=pool, at=at: pool(2, **at),
                    same=lambda pool=pool, at=at: pool(3, strides=2, padding="same", **at),
                    dense=lambda pool=pool, at=at: pool(3, strides=1, padding="same", **at),
                )
            for kind in ("Max", "Average"):
                pool = getattr(layers, f"Global{kind}Pooling{rank}D")
                each(
                    f"Global{kind}{tag}",
                    shape,
                    flat=lambda pool=pool, at=at: pool(**at),
                    kept=lambda pool=pool, at=at: pool(keepdims=True, **at),
                )
            if rank < 3:
                depthwise = getattr(layers, f"DepthwiseConv{rank}D")
                separable = getattr(layers, f"SeparableConv{rank}D")
                each(
                    f"depthwise{tag}",
                    shape,
                    plain=lambda d=depthwise, at=at: d(3, depth_multiplier=2, **at),
                    same=lambda d=depthwise, at=at: d(
                        3, strides=2, padding="same", activation="relu", **at
                    ),
                    separable=lambda s=separable, at=at: s(
                        5, 3, depth_multiplier=2, padding="same", activation="sigmoid", **at
                    ),
                )
            if rank > 1:
                up, cut = (getattr(layers, f"{n}{rank}D") for n in ("UpSampling", "Cropping"))
                pad = getattr(layers, f"ZeroPadding{rank}D")
                sides = ((1, 0), (0, 2), (1, 1))[:rank]
                each(
                    f"sizes{tag}",
                    shape,
                    up=lambda up=up, at=at, rank=rank: up(tuple(range(1, rank + 1)), **at),
                    crop=lambda cut=cut, at=at, sides=sides: cut(sides, **at),
                    pad=lambda pad=pad, at=at, sides=sides: pad(sides, **at),
                )

each(
    "causal",
    (None, 3),
    conv=lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
    locally=lambda: layers.ZeroPadding1D((2, 1)),
    crop=lambda: layers.Cropping1D((2, 1)),
    up=lambda: layers.UpSampling1D(3),
)
each(
    "images",
    (7, 9, 3),
    bilinear=lambda: layers.UpSampling2D(2, interpolation="bilinear"),
    bicubic=lambda: layers.Resizing(5, 12, "bicubic"),
    lanczos=lambda: layers.Resizing(5, 12, "lanczos3"),
    antialias=lambda: layers.Resizing(3, 4, antialias=True),
    nearest=lambda: layers.Resizing(4, 20, "nearest"),
    cropped=lambda: layers.Resizing(4, 4, crop_to_aspect_ratio=True),
    padded=lambda: layers.Resizing(4, 4, pad_to_aspect_ratio=True, fill_value=0.5),
    center=lambda: layers.CenterCrop(4, 5),
    center_small=lambda: layers.CenterCrop(10, 5),
    local=lambda: layers.LocallyConnected2D(2, 3),
)
each("images_first", (3, 7, 9), resized=lambda: layers.Resizing(4, 5, data_format="channels_first"))


@case
def bytes_resized():
    return around((7, 9, 3), layers.Resizing(5, 3), layers.Rescaling(1 / 255), dtype="uint8")


@case
def convnet():
    return around(
        (None, None, 3),
        layers.Conv2D(8, 3, padding="same"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.SeparableConv2D(6, 3),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax"),
    )


# --------------------------------------------------------------------------------------------------
# Normalisation and activations

each(
    "normalized",
    (None, 4, 6),
    batch=lambda: layers.BatchNormalization(),
    batch_axis=lambda: layers.BatchNormalization(axis=2, scale=False),
    batch_plain=lambda: layers.BatchNormalization(center=False, scale=False),
    layer=lambda: layers.LayerNormalization(),
    layer_two=lambda: layers.LayerNormalization(axis=[2, 3]),
    layer_inner=lambda: layers.LayerNormalization(axis=2),
    layer_apart=lambda: layers.LayerNormalization(axis=2, center=False),
    layer_plain=lambda: layers.LayerNormalization(center=False, scale=False),
    group=lambda: layers.GroupNormalization(3),
    group_one=lambda: layers.GroupNormalization(1, center=False),
    group_each=lambda: layers.GroupNormalization(-1, scale=False),
    group_axis=lambda: layers.GroupNormalization(2, axis=2),
    rms=lambda: layers.RMSNormalization(),
    rms_axes=lambda: layers.RMSNormalization(axis=[2, 3]),
    unit=lambda: layers.UnitNormalization(),
    unit_axis=lambda: layers.UnitNormalization(axis=[1, 2]),
    spectral=lambda: layers.SpectralNormalization(layers.Dense(3)),
    numbers=lambda: layers.Normalization(mean=[0.1] * 6, variance=[2.0] * 6),
    inverted=lambda: layers.Normalization(axis=None, mean=0.5, variance=2.0, invert=True),
)
each("instance", (5,), group=lambda: layers.GroupNormalization(5), flat=lambda: layers.Flatten())
for name in (
    "celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear "
    "log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus "
    "softsign squareplus tanh tanh_shrink glu sparse_plus sparse_sigmoid"
).split():
    CASES[f"activation_{name}"] = lambda name=name: around(
        (3, 6), layers.Rescaling(6.0, -3.0), layers.Activation(name)
    )
each(
    "activation_layer",
    (3, 6),
    relu=lambda: layers.ReLU(0.4, 0.1, 0.2),
    leaky=lambda: layers.LeakyReLU(0.1),
    prelu=lambda: layers.PReLU(shared_axes=[1], alpha_initializer="uniform"),
    elu=lambda: layers.ELU(0.5),
    softmax=lambda: layers.Softmax(axis=1),
    softmax_two=lambda: layers.Softmax(axis=(1, 2)),
    dense=lambda: layers.Dense(4, activation="softmax"),
    tilted=lambda: layers.Lambda(lambda x: ops.gelu(x * 4 - 2, approximate=True)),
    threshold=lambda: layers.Lambda(lambda x: ops.threshold(x, 0.4, 0.1)),
)

# --------------------------------------------------------------------------------------------------
# Shapes and merging

each(
    "shape",
    (None, 6),
    reshape=lambda: layers.Reshape((-1, 3)),
    reshape_two=lambda: layers.Reshape((-1, 2, 3)),
    flatten=lambda: layers.Flatten(),
    permute=lambda: layers.Permute((2, 1)),
)
each("shape_first", (3, 4, 5), flatten=lambda: layers.Flatten("channels_first"))
each("shape_row", (3,), repeat=lambda: layers.RepeatVector(4))


def merged(layer, *shapes):
    starts = [Input(shape) for shape in shapes]
    return Model(starts, layer(starts))


for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply"):
    CASES[f"merge_{name}"] = lambda name=name: merged(
        getattr(layers, name)(), (None, 4), (None, 4), (None, 4)
    )
CASES["merge_broadcast"] = lambda: merged(layers.Add(), (4,), (3, 4))
CASES["merge_axis"] = lambda: merged(layers.Concatenate(axis=1), (2, 4), (3, 4))
CASES["merge_dot"] = lambda: merged(layers.Dot(axes=(2, 1)), (3, 4), (4, 5))
CASES["merge_dot_unknown"] = lambda: merged(layers.Dot(axes=2), (None, 4), (None, 4))
CASES["merge_cosine"] = lambda: merged(layers.Dot(axes=1, normalize=True), (4,), (4,))
for equation, shape in {"abc,cde->abde": (None, 2, 3), "...x,xy->...y": (4,)}.items():
    CASES[f"einsum_{equation}"] = lambda e=equation, s=shape: around(
        (None, 3), layers.EinsumDense(e, s, bias_axes=e[-1], activation="relu")
    )

# --------------------------------------------------------------------------------------------------
# Sequences: number of steps known or not, masks, states

WORDS = np.array([[3, 1, 0, 2, 0], [1, 0, 0, 0, 0], [1, 2, 3, 4, 5], [0, 0, 2, 0, 0]])


def words(steps, *made, mask=True):
    embedding = layers.Embedding(7, 4, mask_zero=mask)
    return around((steps,), embedding, *made, dtype="int32")


RECURRENT = {
    "rnn": lambda **o: layers.SimpleRNN(3, **o),
    "rnn_relu": lambda **o: layers.SimpleRNN(3, activation="relu", use_bias=False, **o),
    "lstm": lambda **o: layers.LSTM(3, bias_initializer="uniform", **o),
    "lstm_hard": lambda **o: layers.LSTM(3, recurrent_activation="hard_sigmoid", **o),
    "lstm_softsign": lambda **o: layers.LSTM(3, activation="softsign", **o),
    "gru": lambda **o: layers.GRU(3, bias_initializer="uniform", **o),
    "gru_before": lambda **o: layers.GRU(3, reset_after=False, bias_initializer="uniform", **o),
    "cells": lambda **o: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], **o),
    "both": lambda **o: layers.Bidirectional(layers.LSTM(3, **o)),
    "both_sum": lambda **o: layers.Bidirectional(layers.GRU(3, **o), merge_mode="sum"),
    "both_apart": lambda **o: layers.Bidirectional(layers.SimpleRNN(3, **o), merge_mode=None),
}
for kind, make in RECURRENT.items():
    for options in (
        {},
        {"return_sequences": True},
        {"go_backwards": True, "return_sequences": True},
        {"return_state": True},
        {"return_sequences": True, "return_state": True, "go_backwards": True},
    ):
        if "both" in kind and "go_backwards" in options:
            continue
        tag = "_".join([kind, *(name.split("_")[-1] for name in options)])
        for steps in (5, None):
            CASES[f"steps_{tag}_{steps}"] = lambda make=make, o=options, steps=steps: around(
                (steps, 4), make(**o)
            )
        CASES[f"masked_{tag}"] = lambda make=make, o=options: words(None, make(**o))


@case
def zero_output_for_mask():
    return words(
        None, layers.RNN(layers.GRUCell(3), return_sequences=True, zero_output_for_mask=True)
    )


@case
def states_given():
    x, h, c = Input((None, 4)), Input((3,)), Input((3,))
    layer = layers.LSTM(3, return_state=True, return_sequences=True)
    return Model([x, h, c], layer(x, initial_state=[h, c]))


@case
def states_given_both():
    x, h, k = Input((None, 4)), Input((3,)), Input((3,))
    layer = layers.Bidirectional(layers.GRU(3, return_state=True))
    return Model([x, h, k], layer(x, initial_state=[h, k]))


@case
def encoder_decoder():
    x, y = Input((None,), dtype="int32"), Input((None,), dtype="int32")
    embedding = layers.Embedding(7, 4, mask_zero=True)
    _, h, c = layers.LSTM(5, return_state=True)(embedding(x))
    z = layers.LSTM(5, return_sequences=True)(embedding(y), initial_state=[h, c])
    return Model([x, y], layers.TimeDistributed(layers.Dense(7, activation="softmax"))(z))


@case
def stacked_with_masks():
    return words(
        None,
        layers.LSTM(3, return_sequences=True),
        layers.LayerNormalization(),
        layers.Dropout(0.5),
        layers.GRU(3, return_sequences=True),
        layers.GlobalAveragePooling1D(),
    )


@case
def masking_layer():
    return around((None, 4), layers.Masking(0.0), layers.LSTM(3), layers.Dense(2))


@case
def conv_lstm():
    return around(
        (None, 5, 6, 2),
        layers.ConvLSTM2D(3, 3, return_sequences=True, padding="same"),
        layers.ConvLSTM2D(2, 3, go_backwards=True),
    )


@case
def conv_lstm_first():
    return around((3, 2, 7), layers.ConvLSTM1D(3, 3, strides=2, data_format="channels_first"))


class Plus(layers.Layer):
    """A cell of one's own, with constants."""

    state_size = 4

    def call(self, inputs, states, constants):
        h = ops.tanh(inputs + states[0] * 0.5 + constants[0])
        return h * 2.0, [h]


@case
def own_cell():
    x, c = Input((None, 4)), Input((4,))
    return Model([x, c], layers.RNN(Plus(), return_sequences=True)(x, constants=[c]))


each(
    "distributed",
    (None, 6, 5, 2),
    conv=lambda: layers.TimeDistributed(layers.Conv2D(3, 3, activation="relu")),
    pool=lambda: layers.TimeDistributed(layers.GlobalMaxPooling2D()),
    batch=lambda: layers.TimeDistributed(layers.BatchNormalization()),
    flat=lambda: layers.TimeDistributed(layers.Flatten()),
    twice=lambda: layers.TimeDistributed(layers.TimeDistributed(layers.LSTM(3))),
    model=lambda: layers.TimeDistributed(Sequential([Input((6, 5, 2)), layers.Flatten()])),
)


@case
def distributed_with_mask():
    return words(None, layers.TimeDistributed(layers.Dense(3)), layers.LSTM(2))


@case
def hierarchy_of_masks():
    start = Input((None, None), dtype="int32")
    x = layers.Embedding(7, 4, mask_zero=True)(start)
    x = layers.TimeDistributed(layers.LSTM(3))(x)
    return Model(start, layers.GRU(2)(x))


@case
def merged_masks():
    start = Input((None,), dtype="int32")
    a = layers.Embedding(7, 4, mask_zero=True)(start)
    b = layers.Embedding(7, 4, mask_zero=True)(start)
    both = [
        layers.Concatenate()([a, b]),
        layers.Multiply()([a, b]),
        layers.Maximum()([a, b]),
        layers.Add()([a, b]),
    ]
    return Model(start, [layers.LSTM(2)(x) for x in both])


# --------------------------------------------------------------------------------------------------
# Attention


def attention(make, steps=None, width=4, mask=False, **options):
    start, other = Input((steps,), dtype="int32"), Input((steps,), dtype="int32")
    embed = layers.Embedding(7, width, mask_zero=mask)
    q, v = embed(start), embed(other)
    layer = make()
    together = isinstance(layer, layers.Attention)
    return Model([start, other], layer([q, v], **options) if together else layer(q, v, **options))


HEADS = {
    "multi": lambda: layers.MultiHeadAttention(2, 3),
    "multi_dropout": lambda: layers.MultiHeadAttention(2, 3, value_dim=5, dropout=0.1),
    "multi_shape": lambda: layers.MultiHeadAttention(2, 3, output_shape=6, use_bias=False),
    "multi_gate": lambda: layers.MultiHeadAttention(2, 3, use_gate=True),
    "query": lambda: layers.GroupQueryAttention(3, 4, 2),
    "dot": lambda: layers.Attention(),
    "scaled": lambda: layers.Attention(use_scale=True),
    "concat": lambda: layers.Attention(score_mode="concat"),
    "additive": lambda: layers.AdditiveAttention(),
}
for kind, make in HEADS.items():
    for mask in (False, True):
        for options in ({}, {"use_causal_mask": True}, {"return_attention_scores": True}):
            steps = 5 if kind in ("concat", "additive") and "use_causal_mask" in options else None
            tag = "_".join([kind, *(["masked"] if mask else []), *options])
            CASES[f"attention_{tag}"] = lambda make=make, m=mask, o=options, s=steps: attention(
                make, s, mask=m, **o
            )


@case
def attention_mask_given():
    x, m = Input((4, 6)), Input((4, 4), dtype="bool")
    return Model([x, m], layers.MultiHeadAttention(2, 3)(x, x, attention_mask=m))


@case
def attention_window():
    x = Input((6, 4))
    return Model(x, layers.MultiHeadAttention(2, 3, sliding_window=2)(x, x))


@case
def transformer():
    start = Input((None,), dtype="int32")
    x = layers.Embedding(7, 8, mask_zero=True)(start)
    for _ in range(2):
        y = layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x, use_causal_mask=True)
        x = layers.LayerNormalization(epsilon=1e-6)(x + y)
        y = layers.Dense(16, activation="gelu")(x)
        x = layers.LayerNormalization()(x + layers.Dense(8)(y))
    return Model(start, layers.Dense(7)(x))


# --------------------------------------------------------------------------------------------------
# Categories

each(
    "numbers",
    (3,),
    binned=lambda: layers.Discretization([0.2, 0.4, 0.9]),
    binned_hot=lambda: layers.Discretization([0.2, 0.4], output_mode="one_hot"),
    binned_count=lambda: layers.Discretization([0.2, 0.4], output_mode="count"),
)
for mode in ("one_hot", "multi_hot", "count"):
    for shape in ((1,), (3,), (3, 2)):
        CASES[f"category_{mode}_{len(shape)}_{shape[0]}"] = lambda mode=mode, s=shape: around(
            s, layers.CategoryEncoding(4, output_mode=mode), dtype="int64"
        )
for mode in ("int", "one_hot", "multi_hot", "count", "tf_idf"):
    weights = {"idf_weights": [0.5, 2.0, 1.5]} if mode == "tf_idf" else {}
    CASES[f"integers_{mode}"] = lambda mode=mode, w=weights: around(
        (3,),
        layers.IntegerLookup(vocabulary=[5, 0, 2], mask_token=1, output_mode=mode, **w),
        dtype="int64",
    )
    CASES[f"texts_{mode}"] = lambda mode=mode, w=weights: around(
        (3,),
        layers.StringLookup(vocabulary=["b", "a", "x"], output_mode=mode, **w),
        dtype="string",
    )
CASES["integers_back"] = lambda: around(
    (3,), layers.IntegerLookup(vocabulary=[5, 6], invert=True), dtype="int64"
)
CASES["texts_back"] = lambda: around(
    (3,), layers.StringLookup(vocabulary=["b", "a"], invert=True, mask_token=""), dtype="int64"
)

# --------------------------------------------------------------------------------------------------
# Graphs


@case
def several():
    """Several inputs and outputs, in dicts, with a shared layer and a shared model."""
    a, b = Input((4,), name="left"), Input((4,), name="right")
    block = Sequential([Input((4,)), layers.Dense(5, activation="relu"), layers.Dense(4)])
    dense = layers.Dense(3)
    x, y = block(a), block(b)
    return Model({"left": a, "right": b}, {"one": dense(x), "two": dense(y), "same": a})


@case
def nested_with_mask():
    inner_start = Input((None, 4))
    inner = Model(inner_start, layers.LSTM(3)(layers.Dropout(0.2)(inner_start)))
    return words(None, inner)


@case
def deep_in_deep():
    inner = Sequential([Sequential([layers.Dense(4), layers.ReLU()]), layers.Dense(2)])
    return around((3,), inner, layers.BatchNormalization())


@case
def numbers_of_one():
    """An input of (N, 1) to a model within that was made for it."""
    return around((1,), Sequential([Input((1,)), layers.Dense(2)]))


@case
def penalties_do_not_matter():
    return around((3,), layers.Dense(2, activity_regularizer="l2", kernel_regularizer="l1"))


class Residual(layers.Layer):
    """A layer of one's own with layers in it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(4, activation="relu")
        self.norm = layers.LayerNormalization()

    def build(self, input_shape):
        self.scale = self.add_weight((4,), initializer="uniform")

    def call(self, inputs, training=None):
        x = self.inner(inputs)
        if training:
            x = x * 100.0
        return self.norm(inputs + ops.multiply(x, self.scale)), ops.sum(x, axis=-1)


@case
def own_layer():
    start = Input((None, 4))
    return Model(start, list(Residual()(start)))


class Own(Model):
    """A subclassed model of two arguments."""

    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(7, 4, mask_zero=True)
        self.lstm = layers.LSTM(3)
        self.top = Sequential([layers.Dense(4), layers.Dense(2)])

    def call(self, inputs, training=None):
        tokens, numbers = inputs
        x = self.lstm(self.embedding(tokens))
        return {"y": self.top(ops.concatenate([x, numbers], axis=-1)), "x": x}


@case
def mixture_of_dtypes():
    start, other = Input((3,), dtype="int32"), Input((3,), dtype="float64")
    x = layers.Dense(2)(ops.cast(start, "float32") * 0.5 + start)
    return Model([start, other], [x, other * 2.0, ops.equal(start, 1)])


# --------------------------------------------------------------------------------------------------
# Operations

UNARY = (
    "abs arccosh arcsinh arctan arctanh ceil cos cosh exp exp2 expm1 floor isfinite isinf isnan "
    "log log10 log1p log2 negative reciprocal rsqrt sign sin sinh sqrt square tan tanh trunc cbrt "
    "deg2rad rad2deg erf sinc logical_not zeros_like ones_like ravel cumsum sort argsort fliplr "
    "flipud isposinf isneginf arcsin arccos nan_to_num copy max min mean sum prod var std "
    "any all argmax argmin count_nonzero"
).split()
for name in UNARY:
    if name == "arccosh":
        CASES["op_arccosh"] = lambda: operation(lambda x, y, i: ops.arccosh(x + 1))
    else:
        CASES[f"op_{name}"] = lambda name=name: operation(lambda x, y, i: getattr(ops, name)(x))
BINARY = (
    "add arctan2 divide equal floor_divide fmax fmin greater greater_equal hypot less less_equal "
    "logaddexp logical_and logical_or logical_xor maximum minimum mod multiply not_equal power "
    "subtract true_divide divide_no_nan isclose fmod"
).split()
for name in BINARY:
    CASES[f"op_{name}"] = lambda name=name: operation(
        lambda x, y, i: getattr(ops, name)(x - 0.5 if name != "power" else x, y - 0.5)
    )
OPERATIONS = {
    "items": lambda x, y, i: [
        x[:, -1],
        x[:, None, :, 1:],
        x[..., ::2],
        x[:, 0, ..., None],
        x[:, ::-1],
        x[:, np.array([0, 2])],
        x[:, [1, 1], :],
    ],
    "take_symbolic": lambda x, y, i: ops.take(x, i % 3, axis=2),
    "take_along": lambda x, y, i: ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1),
    "bits": lambda x, y, i: [i & 3, i | 1, i ^ 2, ~i],
    "whole": lambda x, y, i: [
        i // 2,
        i % 3,
        i * i - 4,
        -i,
        ops.abs(i),
        ops.sum(i, axis=1),
        i + 0.5,
    ],
    "comparisons": lambda x, y, i: [
        i > 1,
        ops.equal(i > 1, i < 3),
        (x > 0.5) * 2.0,
        ops.where(i[:, None], x, y),
    ],
    "axes": lambda x, y, i: [
        ops.moveaxis(x, 1, -1),
        ops.swapaxes(x, 1, 2),
        ops.transpose(x),
        ops.roll(x, 2, axis=1),
        ops.roll(x, 5),
        *[ops.rot90(x, k, axes=(1, 2)) for k in range(4)],
        ops.tile(x, (2, 1, 3)),
        ops.repeat(x, 2, axis=2),
        ops.repeat(x, [1, 0, 2, 1], axis=1),
        ops.repeat(x, 3),
        ops.flip(x),
        ops.broadcast_to(ops.ones((1, 3)), (2, 3)) + x[:, :1],
        *ops.unstack(x, axis=1),
        *ops.split(x, [1, 3], axis=1),
        *ops.array_split(x, 3, axis=1),
    ],
    "padding": lambda x, y, i: [
        ops.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=2.0),
        *[ops.pad(x, ((0, 0), (2, 1), (1, 1)), mode) for mode in ("edge", "reflect", "wrap")],
    ],
    "triangles": lambda x, y, i: [ops.tril(x), ops.triu(x, 1), ops.diff(x, axis=1)],
    "reductions": lambda x, y, i: [
        ops.mean(x),
        ops.sum(x, axis=(1, 2), keepdims=True),
        ops.max(x, axis=-1, initial=0.9),
        ops.var(x, axis=(0, 1)),
        ops.argmax(x, axis=1, keepdims=True),
        ops.logsumexp(x, axis=(1, 2)),
        ops.logsumexp(x),
        ops.norm(x, ord=1, axis=1),
        ops.norm(x, ord=3, axis=1),
        ops.norm(x, axis=(1, 2)),
        ops.norm(x, ord=np.inf, axis=-1),
        ops.count_nonzero(x > 0.5, axis=1),
        ops.any(x > 0.9, axis=(1, 2)),
        ops.average(x, axis=1, weights=np.arange(1.0, 5)),
        ops.amax(i),
        ops.all(i),
        *ops.moments(x, axes=[1]),
    ],
    "products": lambda x, y, i: [
        ops.dot(x, np.eye(3, dtype="float32")),
        ops.tensordot(x, x[0], 2),
        ops.tensordot(x, y, axes=[[1], [1]]),
        ops.einsum("...td,...sd->...ts", x, y),
        ops.matmul(x, np.ones((3, 2), "float32")),
        ops.outer(x[0, 0], y[0, 0]),
        ops.inner(x, np.ones((2, 3), "float32")),
    ],
    "choosing": lambda x, y, i: [
        *ops.top_k(x, 2),
        ops.one_hot(i, 5, axis=1),
        ops.multi_hot(i, 5),
        ops.select([x > 0.6, x > 0.3], [x, y], 0.0),
        ops.isin(i, [1, 3]),
        ops.searchsorted(np.array([0.2, 0.5]), x[0, 0]),
        ops.digitize(x, np.array([0.2, 0.5])),
        ops.clip(x, y, 0.8),
        ops.round(x, 1),
        ops.round(x * 10),
        ops.slice(x, (0, 1, 0), (1, 2, 3)),
        ops.full_like(x, 3),
    ],
    "functions": lambda x, y, i: [
        ops.normalize(x, axis=1, order=1),
        ops.normalize(x, order=3),
        ops.layer_normalization(x, axis=(1, 2)),
        ops.layer_normalization(x, np.ones(3, "float32"), rms_scaling=True),
        ops.rms_normalization(x, y[0, 0]),
        ops.batch_normalization(x, y[0, 0], y[0, 1] + 1, -1, scale=y[0, 2]),
        ops.conv(x, np.ones((2, 3, 4), "float32"), padding="same"),
        ops.conv(x, ops.transpose(y)[:, :3, :1] + 0.0, padding="valid"),
        ops.depthwise_conv(x, np.ones((2, 3, 2), "float32")),
        ops.conv_transpose(x, np.ones((2, 4, 3), "float32"), 2),
        ops.separable_conv(x, np.ones((2, 3, 2), "float32"), np.ones((1, 6, 2), "float32")),
        ops.max_pool(x, 2, padding="same"),
        ops.average_pool(x, 2, 1),
        ops.softmax(x, axis=None),
        ops.dot_product_attention(x[:, :, None], y[:, :, None], y[:, :, None], is_causal=True),
        ops.adaptive_average_pool(x, 2),
        ops.glu(ops.concatenate([x, y], axis=1), axis=1),
    ],
    "images": lambda x, y, i: [
        ops.image.resize(ops.expand_dims(x, -1), (2, 5)),
        ops.image.rgb_to_grayscale(ops.expand_dims(x, 1)),
        ops.image.pad_images(ops.expand_dims(x, -1), 1, 2, 0, 1),
        ops.image.crop_images(ops.expand_dims(x, -1), 1, 0, 1, 1),
        ops.depth_to_space(ops.tile(ops.expand_dims(x, -1), (1, 1, 1, 4)), 2),
    ],
}
for name, function in OPERATIONS.items():
    CASES[f"ops_{name}"] = lambda function=function: operation(function)


def operation(function):
    diptych.utils.clear_session()
    x, y = Input((4, 3), name="x"), Input((4, 3), name="y")
    i = Input((3,), dtype="int32", name="i")
    return Model([x, y, i], function(x, y, i))
