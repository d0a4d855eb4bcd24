"""Augmented images from a generator, counted in samples as in Keras 1."""

import numpy as np

np.random.seed(2)
from keras.layers import Convolution2D, Dense, GlobalAveragePooling2D
from keras.models import Sequential
from keras.optimizers import Adam
from keras.preprocessing.image import ImageDataGenerator

X = np.random.randint(0, 60, size=(96, 10, 10, 3)).astype("float32")
y = np.random.randint(2, size=(96, 1))
X[y[:, 0] == 1, :, :, 0] += 120  # the second class is red
X_train, y_train, X_test, y_test = X[:64], y[:64], X[64:], y[64:]

datagen = ImageDataGenerator(
    featurewise_center=True,
    featurewise_std_normalization=True,
    rotation_range=20,
    width_shift_range=0.1,
    height_shift_range=0.1,
    shear_range=0.2,
    zoom_range=0.2,
    horizontal_flip=True,
    fill_mode="nearest",
)
datagen.fit(X_train)

model = Sequential()
model.add(Convolution2D(4, 3, 3, activation="relu", border_mode="same", input_shape=(10, 10, 3)))
model.add(GlobalAveragePooling2D())
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer=Adam(lr=0.01), metrics=["accuracy"])
model.fit_generator(
    datagen.flow(X_train, y_train, batch_size=16),
    samples_per_epoch=len(X_train),
    nb_epoch=30,
    verbose=2,
    validation_data=datagen.flow(X_test, y_test, batch_size=16),
    nb_val_samples=len(X_test),
)
result = model.evaluate_generator(datagen.flow(X_test, y_test, batch_size=16), val_samples=32)
print("Test accuracy: %.3f" % result[1])
for X_batch, y_batch in datagen.flow(X_train, y_train, batch_size=9):
    print(X_batch.shape, y_batch.shape)
    break
