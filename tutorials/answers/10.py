"""Answers to the exercises of tutorial 10."""

import numpy as np

import diptych
from diptych import layers

# 1. O = floor((960,000 - 400) / 160) + 1 = 5998 places; 400 * 1 * 32 + 32 weights.
minute = np.zeros((1, 60 * 16_000, 1), "float32")
layer = layers.Conv1D(32, 400, strides=160)
assert layer(minute).shape == (1, 5998, 32)
assert layer.count_params() == 12_832

# 2. Each layer adds (k - 1) d = 2 d steps to the one step: 1 + 2 + 4 + 8 = 15. The gradient of one
#    output is 0 for all other inputs. (Positive weights, so that nothing cancels.)
stack = diptych.Sequential(
    [diptych.Input((40, 1))]
    + [layers.Conv1D(1, 3, dilation_rate=d, kernel_initializer="ones") for d in (1, 2, 4)]
)
x = diptych.Variable(np.zeros((1, 40, 1)))
with diptych.GradientTape() as tape:
    one_output = stack(x)[0, 10, 0]
seen = np.flatnonzero(np.asarray(tape.gradient(one_output, x)))
assert len(seen) == 15
print("one output sees the steps", seen.min(), "to", seen.max())

# 3. 30 numbers in, 8 * 4 = 32 out: 960 weights and 32 biases. Each output uses 9 of the 30 inputs,
#    so 32 * 21 = 672 weights are zero, and the 288 others are copies of 36.
small = layers.Conv1D(4, 3)
small(np.zeros((1, 10, 3)))
small.set_weights([np.random.default_rng(0).normal(size=(3, 3, 4)), np.zeros(4)])
unit = np.eye(30).reshape(30, 10, 3)  # one input at a time: the rows of the Dense kernel
dense_kernel = np.asarray(small(unit)).reshape(30, 32)
assert dense_kernel.size == 960
assert (dense_kernel == 0).sum() == 672
assert len(np.unique(dense_kernel[dense_kernel != 0])) == 36
print("672 of a Dense layer's 960 weights would be zero")
