"""Answers to the exercises of tutorial 06."""

import math

import numpy as np

# 1. Half of the people are women. Each of them costs -ln 0.9, each man -ln 0.1, and half of the
#    answers are right. Knowing nothing, 0.5 for everybody, costs ln 2 = 0.693: false certainty is
#    worse, at the same accuracy.
loss = -(math.log(0.9) + math.log(0.1)) / 2
print(f"'woman, 0.9' for everybody: loss {loss:.3f}, accuracy 0.5")
assert loss > math.log(2)

# 2. In the steep direction w2 becomes (1 - 20 rate) w2. It grows where |1 - 20 rate| > 1, so from
#    a rate of 0.1 on.


def end_of(rate, steps=500):
    w = 1.0
    for _ in range(steps):
        w -= rate * 20 * w
    return abs(w)


assert end_of(0.099) < 1e-3
assert end_of(0.101) > 1e3
print(f"after 500 steps: rate 0.099 {end_of(0.099):.0e}, rate 0.101 {end_of(0.101):.0e}")

# 3. The centres are sqrt(2^2 + 1 + 1) = sqrt(6) apart, and the ceiling is Phi(sqrt(6) / 2).


def phi(z):
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


ceiling = phi(math.sqrt(6) / 2)
rng = np.random.default_rng(0)
men = rng.standard_normal((100_000, 3)) + (2, 1, -1)  # the best border is half-way between centres
right = (men @ (2, 1, -1) > 6 / 2).mean()
print(f"ceiling {ceiling:.4f}; counted with the best border {right:.4f}")
assert abs(ceiling - right) < 0.01
