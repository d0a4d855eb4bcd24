"""Layers, a loss and a metric of one's own with keras.ops, and their configurations."""
import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="Shop")
class Linear(keras.layers.Layer):
    def __init__(self, units=32, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        return self.activation(ops.matmul(inputs, self.w) + self.b)

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units, "activation": keras.activations.serialize(self.activation)})
        return config


class ActivityPenalty(keras.layers.Layer):
    def __init__(self, rate=1e-2):
        super().__init__()
        self.rate = rate

    def call(self, inputs):
        self.add_loss(self.rate * ops.mean(ops.square(inputs)))
        return inputs


class CustomMSE(keras.losses.Loss):
    def __init__(self, factor=0.1, name="custom_mse"):
        super().__init__(name=name)
        self.factor = factor

    def call(self, y_true, y_pred):
        mse = ops.mean(ops.square(y_true - y_pred), axis=-1)
        reg = ops.mean(ops.square(0.5 - y_pred), axis=-1)
        return mse + reg * self.factor


class Largest(keras.metrics.Metric):
    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.value = self.add_variable(shape=(), initializer="zeros", name="value")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.value.assign(ops.maximum(self.value, ops.max(ops.abs(y_true - y_pred))))

    def result(self):
        return self.value.value

    def reset_state(self):
        self.value.assign(0.0)


rng = np.random.default_rng(3)
x = rng.random((64, 5)).astype("float32")
y = x[:, :1] * 0.5 + x[:, 1:2] * 0.25
model = keras.Sequential([keras.Input((5,)), Linear(8, "tanh"), ActivityPenalty(), Linear(1)])
model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True), loss=CustomMSE(), metrics=[Largest()])
history = model.fit(x, y, batch_size=16, epochs=5)
print("loss", [round(float(v), 4) for v in history.history["loss"]])
print("largest", [round(float(v), 3) for v in history.history["largest"]])
layer = Linear(4, "relu", name="four")
again = Linear.from_config(layer.get_config())
print(again.name, again.units, keras.saving.get_registered_name(Linear))
print("weights", [tuple(w.shape) for w in model.trainable_variables])
