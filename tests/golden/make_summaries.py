"""Write summaries.json with Keras: python -m tests.golden.make_summaries

What ``summary()`` prints of each model below: on a terminal of 80 columns, or of 200 where the
length of its lines is given, since Keras cuts off what is longer than the terminal.
"""

import json
import os
from pathlib import Path

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")


def stack(k):
    layers = k.layers
    return k.Sequential([k.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])


def and_gate(k):
    model = k.Sequential(name="and_gate")
    model.add(k.layers.Dense(2, activation="relu", input_shape=(2,)))
    model.add(k.layers.Dense(1, activation="sigmoid", name="output"))
    return model


def unbuilt(k):
    return k.Sequential([k.layers.Dense(3), k.layers.Dropout(0.5), k.layers.Dense(1)])


def built_by_data(k):
    model = k.Sequential([k.layers.Dense(3), k.layers.Dense(1)])
    model(np.ones((2, 4), "float32"))
    return model


def vgg(k):
    layers = k.layers
    model = k.Sequential(name="vgg_like")
    model.add(k.Input((20, 20, 3)))
    for filters in (32, 64):
        model.add(layers.Conv2D(filters, (3, 3), activation="relu"))
        model.add(layers.Conv2D(filters, (3, 3), activation="relu"))
        model.add(layers.MaxPooling2D(pool_size=(2, 2)))
        model.add(layers.Dropout(0.25))
    model.add(layers.Flatten())
    model.add(layers.Dense(256, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10, activation="softmax"))
    return model


def trained(k):
    model = stack(k)
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4), "float32"), np.ones((4, 2), "float32"), verbose=0)
    return model


def compiled(k):
    model = stack(k)
    model.compile("sgd", "mse")
    return model


def trained_rmsprop(k):
    model = stack(k)
    model.compile(k.optimizers.RMSprop(momentum=0.9, centered=True), "mse")
    model.fit(np.ones((4, 4), "float32"), np.ones((4, 2), "float32"), verbose=0)
    return model


def frozen(k):
    model = vgg(k)
    for layer in model.layers[:4]:
        layer.trainable = False
    return model


def frozen_whole(k):
    model = stack(k)
    model.trainable = False
    return model


def functional_stack(k):
    x = k.Input((8,), name="numbers")
    y = k.layers.Dense(4)(x)
    y = k.layers.BatchNormalization()(y)
    return k.Model(x, k.layers.Activation("relu")(y))


def residual(k):
    layers = k.layers
    inputs = x = k.Input((8, 8, 4))
    for _ in range(2):
        y = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
        y = layers.BatchNormalization()(y)
        x = layers.Add()([x, layers.ReLU()(y)])
    return k.Model(inputs, layers.GlobalAveragePooling2D()(x), name="residual")


def two_inputs_two_outputs(k):
    layers = k.layers
    title, tags = k.Input((None,), dtype="int32", name="title"), k.Input((12,), name="tags")
    words = layers.LSTM(16)(layers.Embedding(1000, 8)(title))
    both = layers.concatenate([words, tags])
    priority = layers.Dense(1, activation="sigmoid", name="priority")(both)
    return k.Model([title, tags], [priority, layers.Dense(4, name="department")(both)])


def siamese(k):
    inputs = k.Input((4,))
    encoder = k.Model(inputs, k.layers.Dense(3, name="code")(inputs), name="encoder")
    left, right = k.Input((4,), name="left"), k.Input((4,), name="right")
    both = k.layers.Concatenate()([encoder(left), encoder(right)])
    return k.Model([left, right], k.layers.Dense(1)(both), name="siamese")


def shared_layer(k):
    inputs = x = k.Input((4,))
    layer = k.layers.Dense(4, name="again")
    for _ in range(3):
        x = layer(x)
    return k.Model(inputs, x)


def nested(k):
    layers = k.layers
    inner = k.Sequential([k.Input((6,)), layers.Dense(4), layers.Dropout(0.1)], name="inner")
    x = k.Input((6,))
    middle = k.Model(x, layers.Dense(2)(inner(x)), name="middle")
    x = k.Input((6,))
    return k.Model(x, layers.Dense(1)(middle(x)), name="outer")


def nested_in_sequential(k):
    inner = k.Sequential([k.Input((6,)), k.layers.Dense(4)], name="inner")
    return k.Sequential([k.Input((6,)), inner, k.layers.Dense(1)], name="outer")


def states(k):
    layers = k.layers
    source = k.Input((None, 5), name="source")
    _, h, c = layers.LSTM(6, return_state=True, name="encoder")(source)
    target = k.Input((None, 7), name="target")
    decoder = layers.LSTM(6, return_sequences=True, return_state=True, name="decoder")
    y, _, _ = decoder(target, initial_state=[h, c])
    return k.Model([source, target], layers.Dense(7, activation="softmax")(y))


def transformer(k):
    layers = k.layers
    tokens = k.Input((16,), dtype="int32", name="tokens")
    x = layers.Embedding(100, 8)(tokens)
    attended = layers.MultiHeadAttention(num_heads=2, key_dim=4)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, attended]))
    return k.Model(tokens, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))


def long_names(k):
    layers = k.layers
    x = k.Input((4,), name="a_very_long_name_for_an_input_of_four_numbers_that_does_not_fit")
    y = layers.Dense(3, name="a_layer_whose_name_is_so_long_that_it_has_to_be_broken_somewhere")(x)
    z = layers.Dense(3, name="short")(x)
    return k.Model(x, layers.Multiply(name="product")([y, z]))


def wrapped(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((5, 6)),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(2)),
            layers.Flatten(),
        ],
        name="wrapped",
    )


def operations(k):
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    return k.Model([a, b], k.ops.sqrt(k.layers.Dense(4)(a) * 2.0 + b), name="operations")


def own_class(k):
    class Own(k.Model):
        def __init__(self):
            super().__init__(name="own")
            self.first = k.layers.Dense(3)
            self.second = k.layers.Dense(1)

        def call(self, inputs):
            return self.second(self.first(inputs))

    return Own


def subclassed(k):
    return own_class(k)()


def subclassed_built(k):
    model = own_class(k)()
    model(np.ones((2, 4), "float32"))
    return model


def subclassed_trained(k):
    model = subclassed_built(k)
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4), "float32"), np.ones((4, 1), "float32"), verbose=0)
    return model


def own_layer(k):
    class Block(k.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = k.layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)

    return k.Sequential([k.Input((4,)), Block(name="block"), k.layers.Dense(1)], name="with_own")


def dict_of_outputs(k):
    x = k.Input((4,))
    return k.Model(x, {"a": k.layers.Dense(1, name="a")(x), "b": k.layers.Dense(2, name="b")(x)})


def empty(k):
    return k.Sequential(name="empty")


MODELS = [
    stack, and_gate, unbuilt, built_by_data, vgg, trained, compiled, trained_rmsprop, frozen,
    frozen_whole, functional_stack, residual, two_inputs_two_outputs, siamese, shared_layer,
    nested, nested_in_sequential, states, transformer, long_names, wrapped, operations, subclassed,
    subclassed_built, subclassed_trained, own_layer, dict_of_outputs, empty,
]  # fmt: skip
# More options, for some of them.
OPTIONS = {
    "stack": [{"show_trainable": True}, {"line_length": 100, "show_trainable": True}],
    "vgg": [
        {"line_length": 64},
        {"line_length": 41},
        {"layer_range": ["conv2d_1", "dropout"]},
        {"layer_range": ["conv2d", "max_.*"]},
        {"layer_range": ["flatten", "conv2d$"]},
        {"positions": [0.4, 0.7, 1.0]},
        {"positions": [0.3, 0.6, 0.9], "line_length": 100},
    ],
    "frozen": [{"show_trainable": True}],
    "residual": [{"show_trainable": True}, {"line_length": 101}],
    "siamese": [
        {"positions": [0.2, 0.5, 0.7, 1.0]},
        {"line_length": 140, "expand_nested": True, "show_trainable": True},
        {"expand_nested": True},
    ],
    "nested": [{"layer_range": ["middle", "dense.*"]}, {"expand_nested": True}],
    "nested_in_sequential": [{"expand_nested": True}, {"expand_nested": True, "line_length": 50}],
    "long_names": [{"line_length": 64}, {"line_length": 150}],
    "own_layer": [{"expand_nested": True}],
}


def printed(k):
    """[(model, options, what is printed)]."""
    found = []
    for make in MODELS:
        for options in [{}, *OPTIONS.get(make.__name__, [])]:
            k.utils.clear_session()
            model = make(k)
            texts = []
            os.environ["COLUMNS"] = "200" if "line_length" in options else "80"
            model.summary(print_fn=texts.append, **options)
            found.append([make.__name__, options, "\n".join(texts)])
    return found


if __name__ == "__main__":
    import keras

    content = {"keras": keras.__version__, "printed": printed(keras)}
    path = Path(__file__).with_name("summaries.json")
    path.write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
