'''A stateful LSTM follows a wave from batch to batch (Keras 2).'''
from __future__ import print_function
import numpy as np
from keras.models import Sequential
from keras.layers import Dense, LSTM

np.random.seed(3)
tsteps = 1
batch_size = 10
epochs = 15
lahead = 1

steps = np.arange(0, 200)
wave = np.cos(2 * np.pi * steps / 20)[:, None, None] * np.exp(-0.001 * steps)[:, None, None]
expected_output = np.roll(wave[:, 0], -1, axis=0)

print('Creating Model')
model = Sequential()
model.add(LSTM(12, batch_input_shape=(batch_size, tsteps, 1), return_sequences=True, stateful=True))
model.add(LSTM(12, return_sequences=False, stateful=True))
model.add(Dense(1))
model.compile(loss='mse', optimizer='rmsprop')

first = None
for i in range(epochs):
    history = model.fit(wave, expected_output, batch_size=batch_size, epochs=1, verbose=0,
                        shuffle=False)
    first = first or history.history['loss'][0]
    model.reset_states()
predicted_output = model.predict(wave, batch_size=batch_size)
print(predicted_output.shape)
print('first loss: %.4f' % first)
print('last loss: %.4f' % history.history['loss'][0])
