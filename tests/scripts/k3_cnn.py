"""A convolutional network with residual and separable blocks."""
import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(2)
labels = rng.integers(0, 2, size=80)
images = rng.random(size=(80, 12, 12, 1)).astype("float32") * 0.4
for i, label in enumerate(labels):
    if label:
        images[i, 5] += 0.6
    else:
        images[i, :, 5] += 0.6

inputs = keras.Input(shape=(12, 12, 1))
x = layers.Rescaling(2.0, offset=-1)(inputs)
x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
x = layers.BatchNormalization()(x)
x = layers.Activation("relu")(x)
previous = x
x = layers.SeparableConv2D(16, 3, padding="same")(x)
x = layers.ReLU()(x)
x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
residual = layers.Conv2D(16, 1, strides=2, padding="same")(previous)
x = layers.add([x, residual])
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(1)(x)
model = keras.Model(inputs, outputs)
print("parameters", model.count_params())
model.compile(
    optimizer=keras.optimizers.Adam(1e-2),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0, name="acc"), keras.metrics.AUC(name="auc", from_logits=True)],
)
history = model.fit(images, labels, batch_size=16, epochs=4)
for name in ("loss", "acc", "auc"):
    print(name, [round(float(v), 3) for v in history.history[name]])
score = float(keras.ops.sigmoid(model.predict(images[:1])[0][0]))
print(f"This image is {100 * (1 - score):.1f}% upright and {100 * score:.1f}% lying.")
