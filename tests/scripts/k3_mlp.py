"""A multilayer perceptron in Keras 3."""
import numpy as np
import keras
from keras import layers

keras.utils.set_random_seed(812)
rng = np.random.default_rng(0)
centres = np.array([[0, 0], [0, 3], [3, 0]])
y = rng.integers(0, 3, size=240)
x = (centres[y] + rng.normal(size=(240, 2)) * 0.6).astype("float32")
x_train, x_test, y_train, y_test = x[:200], x[200:], y[:200], y[200:]

model = keras.Sequential(
    [
        keras.Input(shape=(2,)),
        layers.Dense(16, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
        layers.BatchNormalization(),
        layers.Dense(16, activation="gelu"),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=5e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top2")],
)
history = model.fit(x_train, y_train, batch_size=25, epochs=6, validation_split=0.2)
for name in sorted(history.history):
    print(name, [round(float(v), 4) for v in history.history[name]])
score = model.evaluate(x_test, y_test, return_dict=True)
print("test", {name: round(float(value), 4) for name, value in sorted(score.items())})
print("parameters", model.count_params())
