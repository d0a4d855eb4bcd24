"""Answers to the exercises of tutorial 04."""

import numpy as np

x, y = np.array([[1.0, 2.0]]), np.array([[1.0]])
W1, b1 = np.array([[0.5, -0.6], [0.25, 0.1]]), np.array([0.1, 0.2])
W2, b2 = np.array([[0.8], [-0.4]]), np.array([-0.3])


def gradients(y, b1, activation=lambda z: np.maximum(z, 0), slope=lambda z, h: z > 0):
    z = x @ W1 + b1
    h = activation(z)
    p = 1 / (1 + np.exp(-(h @ W2 + b2)))
    ds = p - y
    dz = (ds @ W2.T) * slope(z, h)
    return x.T @ dz, dz[0], h.T @ ds, ds[0]


def loss(W1, y, b1, activation=lambda z: np.maximum(z, 0)):
    p = 1 / (1 + np.exp(-(activation(x @ W1 + b1) @ W2 + b2)))
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).item()


def by_differences(y, b1, activation, place, step=1e-6):
    ends = []
    for sign in (1, -1):
        moved = W1.copy()
        moved[place] += sign * step
        ends.append(loss(moved, y, b1, activation))
    return (ends[0] - ends[1]) / (2 * step)


# 1. All of them: ds = p - y turns from negative to positive, and every other gradient is ds times
# something unchanged.
# 全都变了：ds = p - y 由负变正，而其他每个梯度都是 ds 乘以某个不变的数。
one, zero = gradients(y, b1), gradients(0 * y, b1)
for a, b in zip(one, zero, strict=True):
    assert (np.sign(a) == -np.sign(b)).all()

# 2. With b1[1] = 0.6 the unit is on (z2 = 0.2): its weight gradients are ds * W2[1] * x.
# b1[1] = 0.6 时这个神经元激活（z2 = 0.2）：它的权重的梯度是 ds * W2[1] * x。
on = np.array([0.1, 0.6])
dW1 = gradients(y, on)[0]
assert dW1[1, 1] == 2 * dW1[0, 1] != 0
assert abs(dW1[0, 1] - by_differences(y, on, lambda z: np.maximum(z, 0), (0, 1))) < 1e-8

# 3. Only dz: the slope of tanh at z is 1 - h**2.
# 只有 dz 那一行：tanh 在 z 处的斜率是 1 - h**2。
dW1 = gradients(y, b1, np.tanh, lambda z, h: 1 - h**2)[0]
assert abs(dW1[1, 1] - by_differences(y, b1, np.tanh, (1, 1))) < 1e-8
print("all three as claimed")
