"""Answers to the exercises of tutorial 02."""

import numpy as np

import diptych
from diptych import Sequential, layers, optimizers

x = np.random.default_rng(0).integers(0, 2, size=(100, 2)).astype("float32")
y = (x[:, 0] * x[:, 1]).astype("int32")
starts = []


def gate(units=2, bias=0.0):
    first = diptych.initializers.Constant(bias)
    model = Sequential(
        [
            layers.Input((2,)),
            layers.Dense(units, "relu", bias_initializer=first, name="hidden"),
            layers.Dense(1, "sigmoid", name="out"),
        ]
    )
    model.compile(optimizers.SGD(0.1, momentum=0.9), "binary_crossentropy", metrics=["accuracy"])
    starts.append(model.get_weights()[0])
    return model


def runs(build, y=y):
    starts.clear()
    return diptych.repeat_fit(build, x, y, epochs=100, batch_size=32, processes=1)


# 1. All dead at first: 1/4 for each neuron, so (1/4)^3 = 1.6 % and (1/4)^4 = 0.4 % of the runs. Far
#    more fail: neurons die on the way, or only one is left, and it is blind to two rows.
# 一开始就全死：每个神经元的概率是 1/4，所以是 (1/4)^3 = 1.6% 和 (1/4)^4 = 0.4%。失败的远不止这些：
#    神经元会在半路上死掉，或者只剩下一个，而它对两行视而不见。
rates = {}
for units in (2, 3, 4):
    rates[units] = runs(lambda units=units: gate(units)).successes
    dead = sum((start < 0).all() for start in starts)
    print(f"{units} neurons: {dead} of 100 begin dead, {100 - rates[units]} fail")
assert rates[2] < rates[3] < rates[4]

# 2. A larger bias keeps the neurons on for longer, and by then the weights have turned.
# 偏置大一些，神经元激活的时间就长一些，到那时权重已经转过来了。
small, large = (runs(lambda bias=bias: gate(bias=bias)).successes for bias in (0.5, 2.0))
print(f"bias 0.5: {small} of 100, bias 2: {large} of 100")
assert rates[2] < small <= large

# 3. About the same share: what is dead is dead for any labels. A dead network now answers with
#    about the share of ones among NOT-AND's labels, 1 minus that of AND; its last steps still sway
#    it.
# 比例差不多：死掉的神经元，不管标签是什么都是死的。死掉的网络现在回答的，大约是与非的标签里 1 所占
#    的比例，也就是 1 减去 AND 的那个比例；最后几步还会让它摇摆。
nand = runs(gate, 1 - y)
answer = float(nand.worst.predict(x[:1], verbose=0)[0, 0])
print(f"NOT-AND: {nand.successes} of 100; the worst says {answer:.2f}, ones are {1 - y.mean():.2f}")
assert abs(nand.successes - rates[2]) < 25
assert abs(answer - (1 - y.mean())) < 0.15
