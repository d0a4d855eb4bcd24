"""Saving and loading in the way of Keras 3: .keras files, .weights.h5 files, a layer of one's own."""
import os
import tempfile

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="Own")
class Scale(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, inputs):
        return ops.multiply(inputs, self.gain) * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


rng = np.random.RandomState(0)
x = rng.normal(size=(96, 5)).astype("float32")
y = (x[:, :1] - x[:, 1:2] > 0).astype("float32")

inputs = keras.Input((5,), name="features")
hidden = layers.Dense(8, activation="relu", name="hidden")(inputs)
hidden = Scale(0.5, name="scale")(hidden)
outputs = layers.Dense(1, activation="sigmoid", name="answer")(hidden)
model = keras.Model(inputs, outputs, name="small")
model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=4, batch_size=32)

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "small.keras")
    model.save(path)
    again = keras.models.load_model(path)
    print(again.name, [layer.name for layer in again.layers], again.get_layer("scale").factor)
    print("same:", np.array_equal(model.predict(x), again.predict(x)))
    print("steps:", int(again.optimizer.iterations), "loss: %.3f" % again.evaluate(x, y)[0])
    model.fit(x, y, epochs=2, batch_size=32)
    again.fit(x, y, epochs=2, batch_size=32)
    print("trained on:", np.allclose(model.predict(x), again.predict(x), atol=1e-5))

    path = os.path.join(folder, "small.weights.h5")
    model.save_weights(path)
    fresh = keras.models.clone_model(model)
    print("fresh differs:", not np.allclose(model.predict(x), fresh.predict(x)))
    fresh.load_weights(path)
    print("loaded:", np.array_equal(model.predict(x), fresh.predict(x)))

    path = os.path.join(folder, "small.h5")
    keras.saving.save_model(model, path)
    old = keras.saving.load_model(path)
    print("from h5:", np.array_equal(model.predict(x), old.predict(x)))
print("loss: %.3f" % model.evaluate(x, y)[0])
