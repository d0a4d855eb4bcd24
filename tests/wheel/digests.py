"""Trains four small networks and prints a digest of each one's weights.

For a pinned DIPTYCH_CPU_LEVEL they are the same on every processor that can run it: tests/wheel/run
compares this machine with others that QEMU plays.
"""

import hashlib

import numpy as np

import diptych
from diptych import Input, Model, Sequential, fastcore, layers


def dense():
    model = Sequential(
        [
            Input((20,)),
            layers.Dense(32, "tanh"),
            layers.Dropout(0.2),
            layers.Dense(16, "gelu"),
            layers.Dense(4, "softmax"),
        ]
    )
    return model, (20,), "adam", "sparse_categorical_crossentropy"


def convolutions():
    model = Sequential(
        [
            Input((12, 12, 3)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.Conv2D(16, 3, padding="same", activation="swish"),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3, activation="elu"),
            layers.Flatten(),
            layers.Dense(4, "softmax"),
        ]
    )
    return model, (12, 12, 3), "sgd", "sparse_categorical_crossentropy"


def recurrent():
    model = Sequential(
        [
            Input((7, 5)),
            layers.LSTM(12, return_sequences=True),
            layers.GRU(10),
            layers.Dense(4, "softmax"),
        ]
    )
    return model, (7, 5), "rmsprop", "sparse_categorical_crossentropy"


def attention():
    x = Input((6, 16))
    y = layers.MultiHeadAttention(2, 8)(x, x)
    y = layers.LayerNormalization()(layers.add([x, y]))
    y = layers.GlobalAveragePooling1D()(y)
    y = layers.Dense(4, "softmax")(y)
    return Model(x, y), (6, 16), "adamw", "sparse_categorical_crossentropy"


def digest(make):
    diptych.utils.set_random_seed(1)
    model, shape, optimizer, loss = make()
    rng = np.random.default_rng(0)
    x = rng.random((96, *shape), np.float32) - 0.5
    labels = rng.integers(0, 4, 96)
    model.compile(optimizer, loss)
    model.fit(x, labels, epochs=3, batch_size=16, verbose=0)
    weights = b"".join(np.ascontiguousarray(w).tobytes() for w in model.get_weights())
    return hashlib.md5(weights + model.predict(x, verbose=0).tobytes()).hexdigest()


if __name__ == "__main__":
    print("level", fastcore.build_info()["level"])
    for make in (dense, convolutions, recurrent, attention):
        print(make.__name__, digest(make))
