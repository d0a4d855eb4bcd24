"""Schedules, early stopping, a callback of one's own, class and sample weights."""
import keras
import numpy as np

rng = np.random.default_rng(6)
x = rng.normal(size=(120, 4)).astype("float32")
y = (x[:, 0] - x[:, 1] > 0.8).astype("float32")


class Watch(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(round(float(logs["val_loss"]), 4))


def make():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(6, activation="tanh"), keras.layers.Dense(1, activation="sigmoid")]
    )
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, decay_steps=10, decay_rate=0.7)
    model.compile(keras.optimizers.SGD(schedule), "binary_crossentropy", metrics=["accuracy"])
    return model


watch = Watch()
model = make()
history = model.fit(
    x[:90],
    y[:90],
    validation_data=(x[90:], y[90:]),
    epochs=8,
    batch_size=15,
    class_weight={0: 1.0, 1: 3.0},
    callbacks=[watch, keras.callbacks.EarlyStopping(monitor="loss", min_delta=0.02, patience=1)],
)
print("epochs", len(history.epoch), watch.seen)
print("iterations", int(model.optimizer.iterations))
model = make()
history = model.fit(x, y, epochs=2, sample_weight=np.linspace(0, 1, 120), batch_size=40)
print("weighted", [round(float(v), 4) for v in history.history["loss"]])
model = make()
model.optimizer = keras.optimizers.Adam(0.02)
model.compile(keras.optimizers.Adam(0.02), "mse")
reduce = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.1, patience=1, min_delta=1.0, min_lr=1e-5)
model.fit(x, y, epochs=4, callbacks=[reduce], batch_size=40)
print("rate", round(float(model.optimizer.learning_rate), 6))
