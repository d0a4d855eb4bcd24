"""After the guides on callbacks, masking, saving and graphs: a callback and a masking layer of one's
own, a file that is read again, a clone, and a model of all features.
"""
import pathlib
import tempfile

import keras
import numpy as np
from keras import layers, ops

rng = np.random.default_rng(5)
words = rng.integers(1, 9, size=(48, 6))
lengths = rng.integers(2, 7, size=48)
words[np.arange(6) >= lengths[:, None]] = 0
labels = (words == 3).any(axis=1).astype("float32")[:, None]


@keras.saving.register_keras_serializable(package="Guides")
class MeanOfWords(layers.Layer):
    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.supports_masking = True

    def call(self, inputs, mask=None):
        weights = ops.expand_dims(ops.cast(mask, "float32"), -1)
        return self.scale * ops.sum(inputs * weights, axis=1) / ops.sum(weights, axis=1)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


class Logger(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen, self.best, self.kept = [], np.inf, None

    def on_train_begin(self, logs=None):
        self.seen.append("begin")

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            self.seen.append(sorted(logs))

    def on_epoch_end(self, epoch, logs=None):
        if logs["loss"] < self.best:
            self.best, self.kept = logs["loss"], self.model.get_weights()
        if epoch == 3:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.seen.append("end")
        self.model.set_weights(self.kept)


inputs = keras.Input((6,), dtype="int32")
embedded = layers.Embedding(9, 4, mask_zero=True, name="words")(inputs)
print("mask", embedded._keras_mask.shape)
outputs = layers.Dense(1, "sigmoid")(MeanOfWords(2.0)(embedded))
model = keras.Model(inputs, outputs)
print("by hand", model.get_layer("words").compute_mask(ops.convert_to_tensor(words[:2])).shape)
model.compile(keras.optimizers.Adam(0.05), keras.losses.BinaryCrossentropy(), metrics=["accuracy"])
logger = Logger()
history = model.fit(words, labels, batch_size=12, epochs=9, callbacks=[logger])
print("epochs", len(history.history["loss"]), logger.seen)
print("loss", [round(float(v), 3) for v in history.history["loss"]])
before = model.predict(words)
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "guides.keras"
    model.save(path)
    again = keras.models.load_model(path)
print("same", bool(np.allclose(again.predict(words), before, atol=1e-6)), again.layers[2].scale)
clone = keras.models.clone_model(model)
print("clone", clone.count_params() == model.count_params(), clone.layers[2].get_config()["scale"])
config = keras.Model.from_config(model.get_config())
print("config", [layer.name for layer in config.layers] == [layer.name for layer in model.layers])
extractor = keras.Model(model.input, [layer.output for layer in model.layers])
print("features", [tuple(part.shape) for part in extractor(words[:3])])
