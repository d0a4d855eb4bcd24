"""Two branches that are merged, as models of Keras 1 did it."""

import numpy as np

np.random.seed(3)
from keras.layers import Activation, Dense, Merge
from keras.layers.core import Highway, MaxoutDense
from keras.models import Sequential

left = np.random.rand(200, 6)
right = np.random.rand(200, 4)
target = (left.sum(axis=1) - right.sum(axis=1)).reshape(-1, 1)

left_branch = Sequential()
left_branch.add(Dense(8, input_dim=6, activation="tanh"))
right_branch = Sequential()
right_branch.add(Dense(8, input_dim=4, activation="tanh"))

model = Sequential()
model.add(Merge([left_branch, right_branch], mode="concat", concat_axis=1))
model.add(MaxoutDense(8, nb_feature=3))
model.add(Highway(activation="relu"))
model.add(Dense(1))
model.add(Activation("linear"))
model.compile(loss="mse", optimizer="adam")
before = model.evaluate([left, right], target, verbose=0)
model.fit([left, right], target, nb_epoch=40, batch_size=20, verbose=0)
after = model.evaluate([left, right], target, verbose=0)
print("parameters: %d" % model.count_params())
print("error before %.4f, after %.4f" % (before, after))
print("ratio:", after / before)
