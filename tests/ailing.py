"""Models of four kinds, and data for them, in which the tests of the diagnosis plant ailments."""

import numpy as np

import diptych
from diptych import Model, Sequential, layers, optimizers

KINDS = ("dense", "conv", "recurrent", "attention")
SHAPES = {"dense": (8,), "conv": (10, 3), "recurrent": (6, 3), "attention": (5, 6)}


def data(kind, n=96, seed=0, classes=2):
    """x, and classes that depend on it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, *SHAPES[kind])).astype("float32")
    feature = x.reshape(n, -1, x.shape[-1])[..., 0].mean(axis=1)
    edges = np.quantile(feature, np.linspace(0, 1, classes + 1)[1:-1])
    return x, np.searchsorted(edges, feature).astype("int64")


class Network(Model):
    """A subclassed model: something that reads a sequence, and dense layers."""

    def __init__(self, reader, stack, engine=None):
        super().__init__(engine=engine)
        self.reader = reader
        self.pool = layers.GlobalAveragePooling1D()
        self.stack = stack

    def call(self, x, training=None):
        if isinstance(self.reader, layers.MultiHeadAttention):
            x = self.pool(self.reader(x, x))
        else:
            x = self.reader(x)
        for layer in self.stack:
            x = layer(x, training=training) if isinstance(layer, layers.Dropout) else layer(x)
        return x


def build(
    kind,
    units=8,
    activation="relu",
    last="sigmoid",
    out=1,
    depth=1,
    engine=None,
    dropout=0.0,
    loss="binary_crossentropy",
    optimizer=None,
    **hidden,
):
    """Sequential dense, functional convolutional, subclassed recurrent and attention models."""

    def wide(make):
        found = []
        for _ in range(depth):
            found.append(make(units, activation=activation, **hidden))
            if dropout:
                found.append(layers.Dropout(dropout))
        return found

    end = layers.Dense(out, activation=last)
    if kind == "dense":
        model = Sequential([layers.Input(SHAPES[kind]), *wide(layers.Dense), end], engine=engine)
    elif kind == "conv":
        y = x = layers.Input(SHAPES[kind])
        for layer in wide(lambda n, **named: layers.Conv1D(n, 3, padding="same", **named)):
            y = layer(y)
        model = Model(x, end(layers.GlobalAveragePooling1D()(y)), engine=engine)
    else:
        reader = layers.LSTM(6) if kind == "recurrent" else layers.MultiHeadAttention(2, 3)
        model = Network(reader, [*wide(layers.Dense), end], engine=engine)
    model.compile(optimizers.Adam(0.01) if optimizer is None else optimizer, loss)
    return model


def fit(model, x, y=None, epochs=6, **named):
    """Train with a doctor, and return it."""
    doctor = diptych.Doctor(verbose=0)
    given = named.pop("callbacks", [])
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=[doctor, *given], **named)
    return doctor
