"""Answers to the exercises of tutorial 03."""

import numpy as np

import diptych
from diptych import Sequential, initializers, layers, optimizers

x, y = diptych.datasets.and_gate(100, seed=0)


def weights(seed, shuffle):
    """Trained weights; the seed decides over the order of the rows alone."""
    first = [initializers.GlorotUniform(seed=k) for k in (1, 2)]
    model = Sequential(
        [
            layers.Input((2,)),
            layers.Dense(8, "tanh", kernel_initializer=first[0]),
            layers.Dense(1, "sigmoid", kernel_initializer=first[1]),
        ]
    )
    model.compile(optimizers.SGD(0.1, momentum=0.9), "binary_crossentropy")
    diptych.utils.set_random_seed(seed)
    model.fit(x, y, epochs=5, batch_size=32, shuffle=shuffle, verbose=0)
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


# 1. The order is gone: the rows come as they stand, and its seed has no effect any more.
# 少了次序：各行按原样送进去，次序的种子不再起作用。
assert np.array_equal(weights(1, shuffle=False), weights(2, shuffle=False))
assert not np.array_equal(weights(1, shuffle=True), weights(2, shuffle=True))
print("without shuffling the seed for the order has no effect")

# 2. 1 is lost beside 10^8: a float32 there has steps of 8.
# 在 10^8 旁边，1 丢掉了：float32 在那里的间隔是 8。
a, b, c = np.float32(1), np.float32(1e8), np.float32(-1e8)
print(f"(a + b) + c = {(a + b) + c}, a + (b + c) = {a + (b + c)}")
assert (a + b) + c != a + (b + c)

# 3. The standard error of a mean of 20 is 0.010 / sqrt(20) = 0.0022, that of the difference of two
#    means 0.0032. The difference, 0.004, is 1.3 of these: that comes about by chance often. More
#    seeds decide it: with n = 200 the standard error is 0.001, and 0.004 would be four of them.
# 20 次平均值的标准误差是 0.010 / sqrt(20) = 0.0022，两个平均值之差的标准误差是 0.0032。差 0.004
#    只是它的 1.3 倍：碰巧也常会如此。要用更多的种子才能判定：n = 200 时标准误差是 0.001，0.004 就是
#    它的四倍。
error = 0.010 * np.sqrt(2 / 20)
print(f"the difference is {0.004 / error:.1f} standard errors; with 200 seeds it would be", end=" ")
print(f"{0.004 / (0.010 * np.sqrt(2 / 200)):.1f}")
assert 0.004 / error < 2 < 0.004 / (0.010 * np.sqrt(2 / 200))
