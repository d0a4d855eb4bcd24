"""An autoencoder as two models, and frozen layers in a second one."""
import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(7)
images = np.zeros((72, 8, 8, 1), "float32")
for i in range(72):
    r, c = rng.integers(0, 5, size=2)
    images[i, r : r + 3, c : c + 3] = 1

encoder_input = keras.Input(shape=(8, 8, 1), name="original_img")
x = layers.Conv2D(4, 3, activation="relu")(encoder_input)
x = layers.Conv2D(8, 3, activation="relu")(x)
encoder_output = layers.GlobalMaxPooling2D()(x)
encoder = keras.Model(encoder_input, encoder_output, name="encoder")
decoder_input = keras.Input(shape=(8,), name="encoded_img")
x = layers.Reshape((2, 2, 2))(decoder_input)
x = layers.Conv2DTranspose(4, 3, activation="relu")(x)
x = layers.UpSampling2D(2)(x)
decoder_output = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
decoder = keras.Model(decoder_input, decoder_output, name="decoder")
autoencoder_input = keras.Input(shape=(8, 8, 1), name="img")
autoencoder = keras.Model(autoencoder_input, decoder(encoder(autoencoder_input)), name="autoencoder")
autoencoder.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
history = autoencoder.fit(images, images, epochs=4, batch_size=12)
print("loss", [round(float(v), 4) for v in history.history["loss"]])

encoder.trainable = False
inputs = keras.Input((8, 8, 1))
outputs = layers.Dense(2, activation="softmax")(encoder(inputs, training=False))
classifier = keras.Model(inputs, outputs)
classifier.compile(keras.optimizers.RMSprop(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
labels = (images[:, :4].sum(axis=(1, 2, 3)) > 4).astype("int32")
before = [w.copy() for w in encoder.get_weights()]
history = classifier.fit(images, labels, epochs=4, batch_size=12)
print("loss", [round(float(v), 4) for v in history.history["loss"]])
print("frozen", all(np.array_equal(a, b) for a, b in zip(before, encoder.get_weights())))
print("trainable", len(classifier.trainable_weights), "of", len(classifier.weights))
