"""Write the model files in keras2/ with Keras 2: python -m tests.golden.make_keras2

Keras 2 is `pip install tensorflow-cpu tf-keras`; Keras 3.15.1 itself reads none of these files.
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent / "keras2"
STEPS = 3


def inputs(name):
    rng = np.random.default_rng(0)
    if name == "recurrent":
        return [rng.integers(0, 10, (4, 6)), rng.random((4, 6, 3)).astype("float32")]
    if name == "convolutional":
        return [rng.random((4, 8, 8, 3)).astype("float32")]
    return [rng.random((4, 4)).astype("float32"), rng.random((4, 3)).astype("float32")]


def recurrent(keras):
    layers = keras.layers
    words, more = keras.Input((6,)), keras.Input((6, 3))
    x = layers.Embedding(10, 4, mask_zero=True)(words)
    x = layers.LSTM(3, return_sequences=True)(x)
    x = layers.Bidirectional(layers.GRU(2, recurrent_activation="hard_sigmoid"))(x)
    x = layers.Concatenate()([x, layers.SimpleRNN(2)(more)])
    model = keras.Model([words, more], layers.Dense(1, activation="sigmoid")(x))
    model.compile(keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True), "mse")
    return model


def convolutional(keras):
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Conv2D(2, 3, activation="relu", input_shape=(8, 8, 3)),
            layers.BatchNormalization(),
            layers.SeparableConv2D(3, 2),
            layers.DepthwiseConv2D(2),
            layers.Conv2DTranspose(2, 2),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    metrics = [keras.metrics.MeanAbsoluteError(name="m")]
    model.compile("adam", keras.losses.Huber(0.5), metrics=metrics)
    return model


def attention(keras):
    layers = keras.layers
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    shared = layers.Dense(5, name="shared")
    x = layers.LayerNormalization()(layers.Concatenate()([shared(a), layers.Dense(5)(b)]))
    x = layers.Reshape((5, 2))(x)
    x = layers.MultiHeadAttention(2, 3)(x, x)
    x = layers.GlobalAveragePooling1D()(layers.TimeDistributed(layers.Dense(2))(x))
    model = keras.Model([a, b], layers.Dense(1)(layers.Add()([x, layers.Dense(2)(shared(a))])))
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True), "mse")
    return model


def nested(keras):
    """Models in a model, functions of TensorFlow between layers, and a legacy optimizer."""
    import tensorflow as tf

    layers = keras.layers
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="tanh")], name="inner")
    deferred = keras.Sequential([layers.Dense(3)], name="deferred")
    a, b = keras.Input((4,)), keras.Input((3,))
    x = inner(a) * 2.0 + tf.nn.relu(deferred(b))
    x = tf.concat([1.0 - x, x[:, 1:], tf.reduce_mean(b, axis=-1, keepdims=True)], axis=-1)
    x = tf.clip_by_value(tf.nn.l2_normalize(x, axis=-1), -0.5, 0.9)
    model = keras.Model([a, b], layers.Dense(1, kernel_regularizer="l2")(x))
    model.compile(
        keras.optimizers.legacy.RMSprop(0.01, momentum=0.5, centered=True), "mse", metrics=["mae"]
    )
    return model


MODELS = {f.__name__: f for f in (recurrent, convolutional, attention, nested)}


def losses(model, x):
    """The losses of a few steps of training; the first number of each, where there are metrics."""
    y = np.ones((4, 1), "float32")
    return [float(np.ravel(model.train_on_batch(x, y))[0]) for _ in range(STEPS)]


def main():
    import tf_keras as keras

    HERE.mkdir(exist_ok=True)
    expected = {"keras": keras.__version__}
    for name, make in MODELS.items():
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        model, x = make(keras), inputs(name)
        losses(model, x)
        for ending in (".keras", ".h5"):
            model.save(HERE / f"{name}{ending}")
        if name == "attention":  # whose inner layers are private attributes in Keras 2
            model.save_weights(HERE / f"{name}.weights.h5")
        expected[f"{name}/y"] = model.predict(x, verbose=0)
        expected[f"{name}/losses"] = np.array(losses(model, x))
    np.savez(HERE / "expected.npz", **expected)


if __name__ == "__main__":
    main()
