"""A multilayer perceptron in the spelling of Keras 1."""

import numpy as np

np.random.seed(1337)

from keras.layers.core import Activation, Dense, Dropout
from keras.models import Sequential
from keras.optimizers import RMSprop
from keras.utils import np_utils

batch_size = 16
nb_classes = 4
nb_epoch = 30

# points around four corners
centres = np.array([[0, 0], [0, 3], [3, 0], [3, 3]])
labels = np.random.randint(nb_classes, size=400)
X = centres[labels] + 0.5 * np.random.randn(400, 2)
X_train, X_test = X[:300].astype("float32"), X[300:].astype("float32")
y_train, y_test = labels[:300], labels[300:]
print(X_train.shape[0], "train samples")
print(X_test.shape[0], "test samples")

Y_train = np_utils.to_categorical(y_train, nb_classes)
Y_test = np_utils.to_categorical(y_test, nb_classes)

model = Sequential()
model.add(Dense(output_dim=32, input_dim=2, init="glorot_normal"))
model.add(Activation("relu"))
model.add(Dropout(p=0.1))
model.add(Dense(32, init="uniform"))
model.add(Activation("relu"))
model.add(Dense(nb_classes, bias=True))
model.add(Activation("softmax"))
model.summary()

model.compile(loss="categorical_crossentropy", optimizer=RMSprop(lr=0.01), metrics=["accuracy"])
history = model.fit(
    X_train,
    Y_train,
    batch_size=batch_size,
    nb_epoch=nb_epoch,
    verbose=1,
    validation_data=(X_test, Y_test),
)
print(sorted(history.history.keys()))
score = model.evaluate(X_test, Y_test, verbose=0)
print("Test score:", score[0])
print("Test accuracy:", score[1])
classes = model.predict_classes(X_test)
proba = model.predict_proba(X_test)
print("same classes:", np.all(classes == proba.argmax(1)))
