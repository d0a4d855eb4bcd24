# Question: what do loss, optimizer, metric and score mean?   Seeds: 1b, 1d, 1e, 2d, 3d, 4b.
# Engine: reference to look, fast to train.   Time: seconds.
# %% [markdown]
r"""
# Loss, optimizer, metric, score

> optimizer: 优化器, 可以理解为求梯度的方法
>
> *"optimizer: can be understood as the method that finds the gradient."* So says an old Keras tutorial that tells men
> from women by weight, height and age. Is it so?
>
> 模型训练、验证、测试数据 已经评估分数的含义? - 深入了解 loss optimizer metrics scores
>
> *"The meaning of training, validation and test data and of the scores? Understand loss, optimizer, metrics and scores
> more deeply."* Another one ends with this question.

Four words, four jobs:

| word | what it does | who uses it |
|---|---|---|
| loss | one number that says how wrong the answers are, with a slope | backpropagation |
| gradient | says for each weight how the loss changes with it | the optimizer |
| optimizer | makes a step out of the gradient | the weights |
| metric | a number for people; needs no slope | you |

**Predict before you run.** The people are made up: men are heavier and taller by 1 and younger by 1 than women, each
with a standard deviation of 1. What share of them can a perfect network get right? And if ten classes are equally
likely and a network knows nothing, what is its loss?
"""

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import Sequential, layers, losses, optimizers
from diptych.teach import Checks

check = Checks("06")
x, y = diptych.datasets.gender(1000, seed=0)  # weight, height, age in standard units; 1 is a man
fresh_x, fresh_y = diptych.datasets.gender(20000, seed=99)  # people whom no network has seen

# %% [markdown]
r"""
## Who finds the gradient?

Take one network and one batch, and give it four different optimizers. Look at the gradient that each of them gets, and
at what it makes of it.
"""


# %%
def network(hidden=4, optimizer="rmsprop", metrics=("accuracy",)):
    stack = [layers.Input((3,))]
    if hidden:
        stack.append(layers.Dense(hidden, "relu", kernel_initializer="random_normal"))
    stack.append(layers.Dense(2, "softmax", kernel_initializer="random_normal", name="output"))
    model = Sequential(stack)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=list(metrics))
    return model


four = {
    "SGD": lambda rate: optimizers.SGD(rate),
    "momentum": lambda rate: optimizers.SGD(rate, momentum=0.9),
    "RMSprop": lambda rate: optimizers.RMSprop(rate),
    "Adam": lambda rate: optimizers.Adam(rate),
}
got, made = {}, {}
for name, make in four.items():
    diptych.utils.set_random_seed(0)  # the same first weights for each
    model = network(optimizer=make(0.01))
    with diptych.capture(model, "output") as c:
        model.train_on_batch(x[::50], y[::50])
    got[name] = c[0]["output"].weight_gradients["kernel"]
    made[name] = c[0]["output"].updates["kernel"]
    listed = [" ".join(f"{number:>9.6f}" for number in a[:3, 0]) for a in (got[name], made[name])]
    print(f"{name:<9} gets the gradient {listed[0]},  makes the step {listed[1]}")

# %% tags=["check"]
check(
    "the gradient has the same bits under all four optimizers",
    all(np.array_equal(gradient, got["SGD"]) for gradient in got.values()),
)
check(
    "RMSprop and Adam make other steps of it than SGD",
    all(np.abs(made[name] / made["SGD"] - 1).min() > 0.5 for name in ("RMSprop", "Adam")),
)

# %% [markdown]
r"""
The old tutorial is wrong here. The gradient is the same before any optimizer sees it: backpropagation finds it
([page 04](04_one_step_by_hand.md) does it by hand). The optimizer only decides how far to go. In the very first step
momentum has nothing to remember yet, so it goes as far as SGD. RMSprop and Adam divide by the gradient's own size:
however different the three gradients, the steps are nearly equal, and only the sign is left. (RMSprop's are
$\sqrt{10}$ times as long, since its memory begins with a tenth of $g^2$, which Adam makes up for; and both are a
little shorter where $g$ is so small that $\epsilon$ counts.)

## Four rules

With $g$ for the gradient, $\eta$ for the learning rate:

| | what it remembers | step |
|---|---|---|
| SGD | nothing | $w \leftarrow w - \eta\, g$ |
| momentum | $m \leftarrow 0.9\, m - \eta\, g$ | $w \leftarrow w + m$ |
| RMSprop | $v \leftarrow 0.9\, v + 0.1\, g^2$ | $w \leftarrow w - \eta\, g / \sqrt{v + \epsilon}$ |
| Adam | $m \leftarrow 0.9 m + 0.1 g$, and $v$ as above with 0.999 | $w \leftarrow w - a\, m / (\sqrt v + \epsilon)$ |

Adam's $a = \eta \sqrt{1 - 0.999^t} / (1 - 0.9^t)$ makes up for $m$ and $v$ starting at 0 in step $t = 1$.

This is how the reference engine writes the last of them, with its source:
"""

# %%
print("\n".join(diptych.show("adam")[0].lines("reference")))

# %% [markdown]
r"""
Do the first three steps with a pocket calculator. A valley will serve, $L(w) = \frac{1}{2}(w_1^2 + 20\, w_2^2)$, with
the gradient $(w_1,\; 20\, w_2)$: flat in one direction, steep in the other.
"""


# %%
def slope(w):
    return np.array([1.0, 20.0]) * w


def by_hand(rule, rate, steps=3):
    w, m, v, path = np.array([-4.0, 1.0]), 0.0, 0.0, []
    for t in range(1, steps + 1):
        g = slope(w)
        if rule == "SGD":
            w = w - rate * g
        elif rule == "momentum":
            m = 0.9 * m - rate * g
            w = w + m
        elif rule == "RMSprop":
            v = 0.9 * v + 0.1 * g**2
            w = w - rate * g / np.sqrt(v + 1e-7)
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            w = w - rate * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
        path.append(w)
    return np.array(path)


def by_library(rule, rate, steps=3):
    with diptych.engine("reference"):
        w = diptych.Variable(np.array([-4.0, 1.0]), dtype="float64")
        optimizer, path = four[rule](rate), []
        for _ in range(steps):
            optimizer.apply([slope(np.asarray(w))], [w])
            path.append(np.array(w))
    return np.array(path)


rates = {"SGD": 0.09, "momentum": 0.02, "RMSprop": 0.1, "Adam": 0.3}
off = {}
for rule, rate in rates.items():
    off[rule] = np.abs(by_hand(rule, rate) - by_library(rule, rate)).max()
    print(
        f"{rule:<9} after 3 steps {by_library(rule, rate)[-1].round(4)}, by hand {off[rule]:.0e} off"
    )

# %% tags=["check"]
check("the first three steps of each are the textbook's, to 1e-12", max(off.values()) <= 1e-12)

# %% tags=["plot"]
# alt: Contours of a valley with the ways of four optimizers: SGD zigzags, momentum and Adam swing, RMSprop is straight
figure, panels = plt.subplots(2, 2, figsize=(6.4, 4.6), sharex=True, sharey=True)
round_ = np.linspace(0, 2 * np.pi, 30)
for axes, (rule, rate) in zip(panels.flat, rates.items(), strict=True):
    way = np.vstack([[-4.0, 1.0], by_library(rule, rate, 25)])
    for level in (0.5, 4, 12):  # lines of equal height are ellipses
        width = math.sqrt(2 * level)
        ring = np.array([width * np.cos(round_), width / math.sqrt(20) * np.sin(round_)])
        axes.plot(*ring.round(2), color="0.75", lw=0.8)
    axes.plot(*way.T.round(3), "o-", color="tab:blue", ms=3, lw=1.2, zorder=3)
    axes.plot(0, 0, "x", color="black", ms=9, mew=2)
    axes.set(xlim=(-4.6, 1.8), ylim=(-1.7, 1.7), title=f"{rule}, rate {rate:g}")
for axes in panels[:, 0]:
    axes.set_ylabel("$w_2$")
for axes in panels[1]:
    axes.set_xlabel("$w_1$")
plt.show()

# %% [markdown]
r"""
Twenty-five steps each, from the left to the cross. SGD has to keep its learning rate small because of the steep
direction, so it jumps from wall to wall and crawls along. Momentum takes speed along the valley, and swings. RMSprop
and Adam scale each direction by its own slope; Adam has momentum too, and swings. How far each one comes depends on its
learning rate. None is the best one everywhere.

## Loss and metric: a thousand people

Now train. The old tutorial stops after 10 epochs at an accuracy of 0.79, and you may ask: train longer, take a bigger
net? The two groups overlap. Their centres are $\sqrt{1^2 + 1^2 + 1^2} = \sqrt 3$ apart, and the best possible border
lies half-way, so of each group the share

$$\Phi\!\left(\tfrac{\sqrt 3}{2}\right) = 0.807$$

falls on its own side ($\Phi$ is the normal distribution's cumulative function). That is a ceiling: nobody can do better
on people not seen before, with any network.
"""

# %%
ceiling = 0.5 * (1 + math.erf(math.sqrt(3) / 2 / math.sqrt(2)))
print(f"ceiling {ceiling:.4f}")


def train(hidden, seed):
    """Ten epochs; returns the network, and loss and accuracy on new people after each."""
    diptych.utils.set_random_seed(seed)
    model = network(hidden)
    record = [model.evaluate(fresh_x, fresh_y, batch_size=2000, verbose=0)]
    for _ in range(10):
        model.fit(x, y, batch_size=8, verbose=0)
        record.append(model.evaluate(fresh_x, fresh_y, batch_size=2000, verbose=0))
    return model, np.array(record)


people, with_hidden = train(4, seed=2)
_, without = train(0, seed=2)
curves = {"4 hidden neurons": with_hidden, "none": without}
for name, curve in curves.items():
    (loss_0, accuracy_0), (loss, accuracy) = curve[0], curve[-1]
    print(
        f"{name:<17} loss {loss_0:.4f} -> {loss:.4f}, accuracy {accuracy_0:.3f} -> {accuracy:.3f}"
    )

# %% tags=["plot"]
# alt: Two panels: loss and accuracy on new people against the epoch; the accuracies end just below the ceiling 0.807
figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2))
for (name, curve), style in zip(curves.items(), ("o-", "s--"), strict=True):
    left.plot(curve[:, 0], style, ms=4, label=name)
    right.plot(curve[:, 1], style, ms=4, label=name)
right.axhline(ceiling, color="black", lw=1, ls=":")
right.text(10, ceiling + 0.012, "ceiling", ha="right")
left.axhline(math.log(2), color="black", lw=1, ls=":")
left.text(10, math.log(2) + 0.006, "ln 2: knows nothing", ha="right")
left.set(xlabel="epoch", ylabel="loss", ylim=(0.4, 0.73))
right.set(xlabel="epoch", ylabel="accuracy", ylim=(0.35, 0.9))
right.legend(frameon=False, loc="lower right")
plt.show()

# %% tags=["check"]
spread = math.sqrt(
    ceiling * (1 - ceiling) / 20000
)  # of an accuracy that is counted on 20,000 people
ended = [curve[-1, 1] for curve in curves.values()]
check(
    "on new people both networks reach 0.79 (over 20 seeds: 0.802 to 0.807 with 4 neurons, 0.798 to 0.805 with none)",
    min(ended) >= 0.79,
)
check(
    "and neither beats the ceiling by more than chance allows", max(ended) <= ceiling + 3 * spread
)

# %% [markdown]
r"""
(That the network without a hidden layer begins at 0.73 is luck: its first weights happen to point the right way.)
Longer training and more neurons could at most learn these thousand people by heart, which
[page 07](07_what_validation_is_for.md) shows. The hidden layer isn't even needed:
the best border between two such groups is a plane, and one layer can draw that.

## How sure is it?

The old tutorial asks about a person of average weight, height and age, gets "女生" (a woman), and leaves it at that.
The true answer can be computed. Women's centre is at 0, men's at a distance of $\sqrt 3$, so the bell curve of the men
is $e^{-3/2}$ times as high here as that of the women. With equal shares of both (Bayes' rule) the probability of a man
is $e^{-1.5} / (e^{-1.5} + 1) = \sigma(-1.5) = 0.182$.
"""

# %%
said = people.predict(np.zeros((1, 3)), verbose=0)[0, 1]
true = 1 / (1 + math.exp(1.5))
print(f"the network says {said:.3f}, true is {true:.3f}")

# %% [markdown]
r"""
So it is a woman, with some doubt. Are such statements to be trusted in general? Of all the new people to whom the
network gives 30 %, three in ten ought to be men. That can be counted: sort them by what is stated, cut them into ten
groups, and count the men in each. Do the same for the same network from another seed.
"""


# %%
def stated_and_counted(model):
    stated = model.predict(fresh_x, batch_size=2000, verbose=0)[:, 1]
    order = np.argsort(stated)
    groups = (values[order].reshape(10, -1).mean(axis=1) for values in (stated, fresh_y))
    return np.array(list(groups))


other, _ = train(4, seed=1)
groups = {"seed 2": stated_and_counted(people), "seed 1": stated_and_counted(other)}
for (name, (stated, counted)), model in zip(groups.items(), (people, other), strict=True):
    loss, accuracy = model.evaluate(fresh_x, fresh_y, batch_size=2000, verbose=0)
    print(f"{name}: loss {loss:.3f}, accuracy {accuracy:.3f}")
    print("  stated ", stated.round(2))
    print("  counted", counted.round(2))

# %% tags=["plot"]
# alt: Share of men as counted against the probability as stated; seed 2 on the diagonal, seed 1 with a wall at 0.25
figure, axes = plt.subplots(figsize=(4.4, 4))
axes.plot([0, 1], [0, 1], color="0.7", lw=1)
looks = {"seed 2": ("o", "tab:blue", "tab:blue"), "seed 1": ("s", "tab:orange", "white")}
for name, (marker, edge, face) in looks.items():
    axes.plot(*groups[name], marker, mec=edge, mfc=face, ms=7, mew=1.6, label=name)
axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
axes.set(xlabel="probability of a man, as stated", ylabel="share of men, as counted")
axes.legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
r"""
The dots of seed 2 lie near the diagonal: it knows how sure it may be. The other network is right as often, and yet it
never states less than 0.25, not even of those among whom one in twelve is a man. Its relu neurons are all off for
them, so it has one answer for all ([page 02](02_stuck_and_gate.md)). The accuracy doesn't notice; the loss does.
"""

# %% tags=["check"]
check(
    "a man, of average measures: within 0.1 of the truth (over 20 seeds the deviation is 0.024)",
    abs(said - true) < 0.1,
)
gaps = {name: np.abs(stated - counted).max() for name, (stated, counted) in groups.items()}
check(
    "with seed 2 what is stated is what is counted, within 0.1 (6 of 8 seeds: within 0.05)",
    gaps["seed 2"] < 0.1,
)
check("with seed 1 it isn't, though the accuracy is the same within 0.01", gaps["seed 1"] > 0.1)

# %% [markdown]
r"""
## What a score is

`evaluate` returns the loss alone if the model has no metrics, and otherwise a list: the loss, then the metrics. With
`score[0]` on a model without metrics the old scripts stop with an error. Both numbers by hand:
"""

# %%
diptych.utils.set_random_seed(1)
print("without metrics:", type(network(metrics=()).evaluate(x, y, verbose=0)).__name__)
score = people.evaluate(fresh_x, fresh_y, batch_size=2000, verbose=0)
print("with accuracy:  ", [round(number, 4) for number in score])

answers = people.predict(fresh_x, batch_size=2000, verbose=0)
of_the_right = answers[np.arange(len(fresh_y)), fresh_y]  # probabilities of the right answers
loss_by_hand = -np.log(of_the_right).mean()
accuracy_by_hand = (answers.argmax(axis=1) == fresh_y).mean()
print("by hand:        ", [round(float(loss_by_hand), 4), round(float(accuracy_by_hand), 4)])

# %% tags=["check"]
scalar = network(metrics=()).evaluate(x, y, verbose=0)
check("without metrics the score is one number", np.ndim(scalar) == 0)
check(
    "the scores are those computed by hand",
    abs(score[0] - loss_by_hand) < 1e-4 and abs(score[1] - accuracy_by_hand) < 1e-6,
)

# %% [markdown]
r"""
Why two numbers? An answer of 0.51 for the right class counts as right, as one of 0.99 does. So the accuracy has no
slope: a small change of a weight changes nothing, or flips an answer. The loss sees the difference:
"""

# %%
for sure in (0.49, 0.51, 0.9, 0.99):
    loss = float(np.asarray(losses.sparse_categorical_crossentropy([0], [[sure, 1 - sure]]))[0])
    print(f"right answer with {sure:.2f}: loss {loss:.3f}, accuracy {int(sure > 0.5)}")

# %% [markdown]
r"""
## What would a network score that knows nothing?

Ask this before you praise or blame a score. Two old tutorials train on random numbers. One has `labels` made by
`random((1000, 10))`, ten numbers between 0 and 1 for each row; the other draws a class out of ten. A softmax layer
whose weights are 0 answers 0.1 ten times. What does that cost?

$$L = -\sum_k y_k \log 0.1 = \Big(\sum_k y_k\Big) \ln 10$$
"""

# %%
rng = np.random.default_rng(4)
noise = rng.random((1000, 100)).astype("float32")
classes = rng.integers(10, size=1000)
one_hot = np.eye(10, dtype="float32")[classes]
random_targets = rng.random((1000, 10)).astype("float32")

know_nothing = Sequential(
    [layers.Input((100,)), layers.Dense(10, "softmax", kernel_initializer="zeros")]
)
know_nothing.compile("sgd", "categorical_crossentropy")
costs = {
    "a class out of ten": (know_nothing.evaluate(noise, one_hot, verbose=0), math.log(10)),
    "random((1000, 10))": (
        know_nothing.evaluate(noise, random_targets, verbose=0),
        random_targets.sum(axis=1, dtype="float64").mean() * math.log(10),
    ),
}
for name, (measured, computed) in costs.items():
    print(f"{name:<19} loss {measured:.4f}, by the formula {computed:.4f}")

# %% tags=["check"]
check("ten classes cost ln 10", abs(costs["a class out of ten"][0] - math.log(10)) < 1e-5)
check(
    "targets that sum to S cost S ln 10",
    abs(costs["random((1000, 10))"][0] - costs["random((1000, 10))"][1]) < 1e-4,
)

# %% [markdown]
r"""
Targets for a cross-entropy are a distribution: they sum to 1. `random((1000, 10))` sums to about 5, so its loss of 11.5
looks terrible and means nothing. `diagnose` notices it:
"""

# %%
found = diptych.diagnose(know_nothing, noise, random_targets)
print(found.find("targets_no_distribution"))

# %% [markdown]
r"""
Repair: divide each row by its sum.

The other tutorial shows a loss that falls from 2.34 to 2.24 and an accuracy that climbs from 10 % to 16 %, on inputs
and classes that have nothing to do with each other. Is that learning? **Predict** the accuracy on new random rows.
"""

# %%
diptych.utils.set_random_seed(0)
model = Sequential([layers.Input((100,)), layers.Dense(32, "relu"), layers.Dense(10, "softmax")])
model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
model.fit(noise, one_hot, epochs=30, batch_size=32, verbose=0)
new_noise = rng.random((2000, 100)).astype("float32")
new_classes = np.eye(10, dtype="float32")[rng.integers(10, size=2000)]
seen = model.evaluate(noise, one_hot, verbose=0)
unseen = model.evaluate(new_noise, new_classes, verbose=0)
normalised = random_targets / random_targets.sum(axis=1, keepdims=True)
repaired = know_nothing.evaluate(noise, normalised, verbose=0)
print(f"rows it was trained on: loss {seen[0]:.3f}, accuracy {seen[1]:.3f}")
print(f"new rows:               loss {unseen[0]:.3f}, accuracy {unseen[1]:.3f}")
print(f"random targets, each row divided by its sum: know-nothing loss {repaired:.4f}")

# %% tags=["check"]
check("on its own rows the accuracy rises above chance", seen[1] > 0.15)
check("on new rows it is chance: 0.1 within 0.03", abs(unseen[1] - 0.1) < 0.03)
check("on new rows the loss is worse than that of knowing nothing", unseen[0] > math.log(10))
check("normalised, random targets cost ln 10 again", abs(repaired - math.log(10)) < 1e-5)

# %% [markdown]
r"""
It learned the noise by heart. On new rows it is worse than a network that knows nothing, because it is sure of things
that aren't so. Only rows that it was not trained on tell; that is the subject of validation.

Last, the other engine: loss and gradients of the people's network through both.
"""

# %%
comparison = diptych.compare_engines(people, x[::50], y[::50])
print(f"largest difference {comparison.max_difference:.0e}")

# %% tags=["check"]
check("the two engines agree to float32's accuracy", comparison.max_difference < 1e-6)

# %% [markdown]
r"""
**What you saw.** Backpropagation finds the gradient of the loss; the optimizer makes a step of it; the metric is for
you. A score means something only beside two others: what knowing nothing would score, and what is possible at all.

## Exercises

1. What does a network score on the people, in loss and in accuracy, that answers "woman" with 0.9 for everybody?
2. With SGD in the valley: from which learning rate on does it fly out? Derive it from the steep direction first.
3. The men are the heavier ones by 2 instead of 1. Where is the ceiling now?

[Answers](../answers/06.py), as a script that checks them.
"""

# %%
check.done()
