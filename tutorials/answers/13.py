"""Answers to the exercises of tutorial 13."""

import numpy as np

from diptych import Sequential, layers

# 1. Four gates, each a layer on 16 inputs and 64 states with 64 biases; the plain layer has one.
one = 16 * 64 + 64 * 64 + 64
for kind, times in ((layers.LSTM, 4), (layers.SimpleRNN, 1)):
    model = Sequential([layers.Input((8, 16)), kind(64)])
    print(f"{kind.__name__}: {model.count_params()}")
    assert model.count_params() == times * one

# 2. 0.9^60 = 0.0018 is left. For a half, f = 0.5^(1/60), and b_f = log(f / (1 - f)).
f = 0.5 ** (1 / 60)
b_f = np.log(f / (1 - f))
print(f"0.9^60 = {0.9**60:.4f}; a half is left with f = {f:.4f}, which takes b_f = {b_f:.2f}")
assert abs(f**60 - 0.5) < 1e-12
assert 4 < b_f < 5

# 3. c grows by 0.5 at each step without end: 0.5, 1, 1.5, ... It counts. h = o tanh(c) comes to
#    rest at o, since tanh of a large number is 1.
layer = layers.LSTM(1, return_sequences=True, return_state=True, dtype="float64")
x = np.zeros((1, 20, 1))
layer(x)
open_wide = np.array([1000.0, 1000.0, np.arctanh(0.5), 0.0])
layer.set_weights([np.zeros((1, 4)), np.zeros((1, 4)), open_wide])
outputs, _, memory = (np.asarray(value) for value in layer(x))
print(f"c after 20 steps {memory[0, 0]:.3f}, h {outputs[0, -1, 0]:.6f} with o = 0.5")
assert abs(memory[0, 0] - 10) < 1e-9
assert abs(outputs[0, -1, 0] - 0.5) < 1e-6
