# An old tutorial: its two scripts, the first with an output layer for its labels.
from keras.layers import Input, Conv1D, Dense, Dropout, Lambda, concatenate
import tensorflow as tf
from tensorflow import keras
import numpy as np
model = keras.Sequential()
model.add(keras.layers.Dense(64,input_dim=100))
model.add(keras.layers.Activation("relu"))
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile(loss='categorical_crossentropy',
              optimizer='sgd',
              metrics=['accuracy'])
data = np.random.random((1000, 100))
labels = np.random.random((1000, 10))
model.fit(data, labels, epochs=5, batch_size=10)

from tensorflow.python.keras.models import Sequential
from tensorflow.python.keras.layers import Dense
import numpy as np

model = Sequential()

model.add(Dense(units=64, activation='relu', input_dim=100))
model.add(Dense(units=10, activation='softmax'))

model.compile(loss='categorical_crossentropy',
              optimizer='sgd',
              metrics=['accuracy'])

model.summary()

data = np.random.random((1000, 100))
labels = np.random.random((1000, 10))
model.fit(data, labels, epochs=5, batch_size=10)

data_test = np.random.random((10, 100))
labels_test = np.random.random((10, 10))
loss_and_metrics = model.evaluate(data_test, labels_test, batch_size=100)

classes = model.predict(data_test, batch_size=20)
print(len(loss_and_metrics), classes.shape)
