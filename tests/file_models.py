"""Small models for the tests of files, written once for diptych and for Keras.

Each function takes the library (`keras` or `diptych`) and returns a model; ``inputs_for`` makes
inputs that fit.
"""

import numpy as np

from tests.golden.make_configs import make

# What each layer is called on, if not on (6, 5) floats.
SHAPES = {
    "Bidirectional": (5, 3),
    "CenterCrop": (6, 7, 3),
    "ConvLSTM1D": (3, 6, 2),
    "ConvLSTM2D": (3, 6, 5, 2),
    "ConvLSTM3D": (2, 4, 4, 4, 1),
    "EinsumDense": (5, 3),
    "Flatten": (3, 2),
    "MelSpectrogram": (200,),
    "LSTM": (5, 3),
    "GRU": (5, 3),
    "SimpleRNN": (5, 3),
    "RNN": (5, 3),
    "Permute": (5, 3),
    "RandomCrop": (6, 7, 3),
    "RepeatVector": (4,),
    "Reshape": (6,),
    "Resizing": (6, 7, 3),
    "TimeDistributed": (5, 3),
    "GroupNormalization": (4, 32),
}
for _rank, _shape in {1: (8, 2), 2: (8, 7, 2), 3: (6, 6, 6, 2)}.items():
    for _kind in (
        "AveragePooling{}D Conv{}D Conv{}DTranspose Cropping{}D DepthwiseConv{}D "
        "GlobalAveragePooling{}D "
        "GlobalMaxPooling{}D MaxPooling{}D SeparableConv{}D SpatialDropout{}D UpSampling{}D "
        "ZeroPadding{}D AdaptiveAveragePooling{}D AdaptiveMaxPooling{}D"
    ).split():
        SHAPES[_kind.format(_rank)] = _shape
IMAGES = ("Rand", "AutoContrast", "Equalization", "Solarization", "MixUp", "CutMix", "Aug")
IMAGES += ("Contrast",)
INTEGERS = {"Embedding": (5,), "CategoryEncoding": (3,), "IntegerLookup": (3,), "Hashing": (3,)}
INTEGERS["ReversibleEmbedding"] = (5,)
TEXTS = {"StringLookup": (3,), "TextVectorization": (1,)}
PAIRS = ["Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"]
ATTENTION = ["AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"]
NO_LAYERS_OF_A_MODEL = ["InputLayer", "Layer", "Wrapper", "StackedRNNCells", "Lambda"]
NO_LAYERS_OF_A_MODEL += ["GRUCell", "LSTMCell", "SimpleRNNCell", "InputSpec"]


def shape_of(name):
    if name in SHAPES:
        return SHAPES[name]
    return (8, 8, 3) if name.startswith(IMAGES) else (6, 5)


def layer_model(keras, name):
    """A model around one layer of the class of that name."""
    keras.utils.clear_session()
    layer = make(keras.layers, name)
    if name in INTEGERS or name in TEXTS:
        shape = {**INTEGERS, **TEXTS}[name]
        dtype = "string" if name in TEXTS else "int32" if "Embedding" in name else "int64"
        start = keras.Input(shape, dtype=dtype)
        return keras.Model(start, layer(start))
    if name in PAIRS or name in ATTENTION:
        starts = [keras.Input((5, 4)), keras.Input((5, 4))]
        together = name in PAIRS or name in ("AdditiveAttention", "Attention")
        end = layer(starts) if together else layer(*starts)
        return keras.Model(starts, end)
    start = keras.Input(shape_of(name))
    return keras.Model(start, layer(start))


def inputs_for(model, rows=4, seed=0):
    """Numbers, or texts, for the inputs of a model."""
    rng = np.random.default_rng(seed)

    def values(tensor):
        shape = (rows, *tensor.shape[1:])
        if tensor.dtype == "string":
            return np.array(["a", "b", "c"], dtype=object)[rng.integers(0, 3, shape)]
        if "int" in str(tensor.dtype):
            return rng.integers(0, 3, shape).astype(tensor.dtype)
        return rng.random(shape).astype("float32")

    found = [values(tensor) for tensor in model.inputs]
    given = model.inputs if type(model).__name__ == "Sequential" else model.input
    if isinstance(given, dict):
        return dict(zip(given, found, strict=True))
    return found[0] if len(found) == 1 else found


def operations(keras):
    """Operations outside layers, by name: functions of two tensors of (4, 3)."""
    ops = keras.ops
    return {
        "plus": lambda x, y: x + 1.0,
        "both": lambda x, y: x * y - y / 2,
        "power": lambda x, y: x**2,
        "minus": lambda x, y: -x,
        "mean": lambda x, y: ops.mean(x, axis=-1, keepdims=True),
        "sum": lambda x, y: ops.sum(x, axis=[1, 2]),
        "max": lambda x, y: ops.max(x, axis=1),
        "std": lambda x, y: ops.std(x, axis=1),
        "sqrt": lambda x, y: ops.sqrt(x + 0.1),
        "reshape": lambda x, y: ops.reshape(x, (-1, 12)),
        "transpose": lambda x, y: ops.transpose(x, (0, 2, 1)),
        "concatenate": lambda x, y: ops.concatenate([x, y], axis=-1),
        "stack": lambda x, y: ops.stack([x, y], axis=1),
        "expand": lambda x, y: ops.squeeze(ops.expand_dims(x, 1), 1),
        "matmul": lambda x, y: ops.matmul(x, ops.transpose(y, (0, 2, 1))),
        "einsum": lambda x, y: ops.einsum("btf,bsf->bts", x, y),
        "item": lambda x, y: x[:, 0],
        "window": lambda x, y: x[:, 1:3, ::2],
        "clip": lambda x, y: ops.clip(x, 0.2, 0.8),
        "where": lambda x, y: ops.where(ops.greater(x, y), x, 0.5),
        "cast": lambda x, y: ops.cast(ops.greater(x, 0.5), "float32"),
        "relu": lambda x, y: ops.relu(x - 0.5),
        "gelu": lambda x, y: ops.gelu(x),
        "tanh": lambda x, y: ops.tanh(x),
        "sigmoid": lambda x, y: ops.sigmoid(x),
        "softmax": lambda x, y: ops.softmax(x, axis=1),
        "leaky": lambda x, y: ops.leaky_relu(x - 0.5, 0.3),
        "exp": lambda x, y: ops.exp(ops.log(x + 1)),
        "maximum": lambda x, y: ops.maximum(x, y),
        "absolute": lambda x, y: ops.abs(x - y),
        "repeat": lambda x, y: ops.repeat(x, 2, axis=1),
        "tile": lambda x, y: ops.tile(x, (1, 2, 1)),
        "pad": lambda x, y: ops.pad(x, ((0, 0), (1, 1), (0, 0))),
        "roll": lambda x, y: ops.roll(x, 1, axis=1),
        "flip": lambda x, y: ops.flip(x, axis=1),
        "split": lambda x, y: ops.split(x, 2, axis=1)[1],
        "cumsum": lambda x, y: ops.cumsum(x, axis=1),
        "argmax": lambda x, y: ops.argmax(x, axis=-1),
        "one_hot": lambda x, y: ops.one_hot(ops.argmax(x, axis=-1), 3),
        "take": lambda x, y: ops.take(x, np.array([0, 2]), axis=2),
        "norm": lambda x, y: ops.norm(x, axis=-1),
        "logsumexp": lambda x, y: ops.logsumexp(x, axis=-1),
        "zeros_like": lambda x, y: ops.ones_like(x) + x,
        "stop": lambda x, y: ops.stop_gradient(x),
    }


def operation_model(keras, name):
    keras.utils.clear_session()
    x, y = keras.Input((4, 3), name="x"), keras.Input((4, 3), name="y")
    return keras.Model([x, y], operations(keras)[name](x, y))


def masked(keras):
    """Masks through an embedding, recurrent layers, a merge and attention."""
    keras.utils.clear_session()
    layers = keras.layers
    start = keras.Input((8,), dtype="int32", name="words")
    x = layers.Embedding(10, 4, mask_zero=True)(start)
    a = layers.LSTM(3, return_sequences=True)(x)
    b = layers.Bidirectional(layers.GRU(2, return_sequences=True))(x)
    x = layers.Concatenate()([a, b])
    x = layers.MultiHeadAttention(2, 3)(x, x)
    x = layers.BatchNormalization()(x)
    x = layers.TimeDistributed(layers.Dense(3, activation="relu", kernel_regularizer="l2"))(x)
    x = layers.GlobalAveragePooling1D()(x)
    inner = keras.Sequential([layers.Dense(3), layers.Dense(2)])
    return keras.Model(start, layers.Dense(1, activation="sigmoid")(inner(x) + 1.0))


def shared(keras):
    """One layer on two inputs, and two outputs given by name."""
    keras.utils.clear_session()
    layers = keras.layers
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    one = layers.Dense(4, activation="tanh", name="one")
    a, b = one(left), one(right)
    both = layers.Subtract(name="apart")([a, b])
    ends = {"sum": layers.Dense(1, name="sum")(both), "same": layers.Dense(2, name="same")(a)}
    return keras.Model({"left": left, "right": right}, ends)


def convolutional(keras):
    """A small convnet in a Sequential, one block of it nested."""
    keras.utils.clear_session()
    layers = keras.layers
    block = keras.Sequential(
        [layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()]
    )
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Rescaling(1 / 2),
            block,
            layers.MaxPooling2D(),
            layers.SeparableConv2D(4, 3),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def late(keras):
    """A Sequential without an Input, built by its first data."""
    keras.utils.clear_session()
    model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
    model.build((None, 3))
    return model


def learnt(keras):
    """Layers that have learnt from data, each in its own way."""
    keras.utils.clear_session()
    layers = keras.layers
    text = keras.Input((1,), dtype="string", name="text")
    numbers = keras.Input((3,), dtype="int64", name="numbers")
    sizes = keras.Input((3,), name="sizes")
    texts = np.array([["a b c a"], ["b é"]], dtype=object)
    words, counts = layers.TextVectorization(), layers.TextVectorization(output_mode="tf_idf")
    pairs = layers.TextVectorization(ngrams=2, output_mode="count", max_tokens=6)
    lookup = layers.StringLookup(output_mode="multi_hot", num_oov_indices=2)
    index = layers.IntegerLookup(output_mode="one_hot")
    bins, scale = layers.Discretization(num_bins=3), layers.Normalization()
    for layer in (words, counts, pairs):
        layer.adapt(texts)
    lookup.adapt(np.array([["a"], ["c"]], dtype=object))
    index.adapt(np.array([[2, 1], [2, 5]]))
    bins.adapt(np.array([[0.1, 0.5, 0.9]], "float32"))
    scale.adapt(np.arange(6, dtype="float32").reshape(2, 3))
    ends = [layer(text) for layer in (words, counts, pairs, lookup)]
    ends += [index(numbers), layers.Hashing(4)(numbers), bins(sizes), scale(sizes)]
    return keras.Model([text, numbers, sizes], ends)


WHOLE = {f.__name__: f for f in (masked, shared, convolutional, late, learnt)}
LEARNT = ("layer_Normalization", "learnt")  # their weights are no longer anything
WITH_VOCABULARY = ("learnt",)  # which a .h5 file does not hold
OPTIMIZERS = {
    "SGD": "learning_rate=0.1, momentum=0.9, nesterov=True",
    "Adam": "learning_rate=0.01, amsgrad=True",
    "AdamW": "learning_rate=0.01, weight_decay=0.1, use_ema=True",
    "RMSprop": "learning_rate=0.01, momentum=0.5, centered=True",
    "Adagrad": "",
    "Adadelta": "",
    "Adamax": "",
    "Nadam": "",
    "Ftrl": "",
    "Lion": "clipnorm=1.0",
    "Adafactor": "learning_rate=0.1",
    "Lamb": "learning_rate=0.1",
    "Muon": "learning_rate=0.01, exclude_layers=['dense_1']",
    "ScheduleFreeAdamW": "learning_rate=0.1, warmup_steps=5",
    "LossScaleOptimizer": "keras.optimizers.Adam(0.01), initial_scale=64.0, dynamic_growth_steps=3",
    "MultiOptimizer": "keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1, momentum=0.9), "
    "{'dense_1/.*': keras.optimizers.Adam(0.01)})",
}


def trained(keras, name):
    """A small model, trained for two steps with the optimizer of that name."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    start = keras.Input((3,))
    x = keras.layers.Dense(4, activation="tanh")(start)
    model = keras.Model(start, keras.layers.Dense(1)(x))
    optimizer = eval(f"keras.optimizers.{name}({OPTIMIZERS[name]})", {"keras": keras})
    model.compile(optimizer, "mse", metrics=["mae"])
    for step in range(2):
        model.train_on_batch(*batch(step))
    return model


def batch(step):
    rng = np.random.default_rng(step)
    x = rng.random((8, 3)).astype("float32")
    return x, (x @ np.array([[1.0], [-2.0], [0.5]])).astype("float32")
