"""A small convolutional network, Keras 1 spelling, images in either order of axes."""

import numpy as np

np.random.seed(7)
from keras import backend as K
from keras.constraints import maxnorm
from keras.layers import (
    Activation,
    Convolution2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    ZeroPadding2D,
)
from keras.models import Sequential
from keras.optimizers import SGD
from keras.utils import np_utils

img_rows, img_cols = 12, 12
nb_filters = 8
pool_size = (2, 2)
kernel_size = (3, 3)

# bars: upright or lying
nb_samples = 120
y = np.random.randint(2, size=nb_samples)
X = 0.1 * np.random.rand(nb_samples, img_rows, img_cols)
for i in range(nb_samples):
    place = np.random.randint(1, 11)
    if y[i]:
        X[i, place, :] += 1
    else:
        X[i, :, place] += 1

if K.image_dim_ordering() == "th":
    X = X.reshape(nb_samples, 1, img_rows, img_cols)
    input_shape = (1, img_rows, img_cols)
else:
    X = X.reshape(nb_samples, img_rows, img_cols, 1)
    input_shape = (img_rows, img_cols, 1)
Y = np_utils.to_categorical(y, 2)

model = Sequential()
model.add(ZeroPadding2D((1, 1), input_shape=input_shape))
model.add(Convolution2D(nb_filters, kernel_size[0], kernel_size[1], border_mode="valid"))
model.add(Activation("relu"))
model.add(
    Convolution2D(nb_filters, 3, 3, subsample=(1, 1), activation="relu", W_constraint=maxnorm(3))
)
model.add(MaxPooling2D(pool_size=pool_size, border_mode="valid"))
model.add(Dropout(0.1))
model.add(Flatten())
model.add(Dense(16, activation="relu"))
model.add(Dense(2))
model.add(Activation("softmax"))
model.compile(
    loss="categorical_crossentropy",
    optimizer=SGD(lr=0.05, momentum=0.9, decay=1e-4, nesterov=True),
    metrics=["accuracy"],
)
model.fit(X[:100], Y[:100], batch_size=10, nb_epoch=10, validation_split=0.1)
score = model.evaluate(X[100:], Y[100:], verbose=0)
print("Output of the first convolution:", model.layers[1].output_shape)
print("Test accuracy:", score[1])
