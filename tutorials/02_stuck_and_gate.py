# Question: why does a training of the AND gate sometimes get stuck, and how to find and mend it?   Seeds: 0a.
# Engine: fast for the many runs, reference at the end.   Time: seconds.
# %% [markdown]
r"""
# The AND gate that gets stuck

> 由于使用的神经元较少，很容易落入局部最优，多训练几次就能看到模型训练结束的时候准确率达不到100%
>
> 问题1: 这其中出现了什么事情呢？我们怎么去定位+解决？
>
> *"Since few neurons are used, it easily falls into a local optimum. Train several times, and you will see an accuracy
> below 100 % at the end. Question 1: what happened here? How do we locate it and mend it?"* An old Keras tutorial asks
> this, and promises the answer for the next time.

The network has two hidden neurons with relu, $\max(0, z)$, and one output neuron with a sigmoid: nine weights for the
four rows of AND.

**Predict before you run.** Of 100 trainings that differ in nothing but their random numbers, how many end with all four
rows right? And the others: do they all fail in the same way? Write both down.
"""

# %%
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import Sequential, layers, optimizers
from diptych.teach import Checks

check = Checks("02")
rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
x = np.random.default_rng(0).integers(0, 2, size=(100, 2)).astype("float32")
y = (x[:, 0] * x[:, 1]).astype("int32")

# %% [markdown]
r"""
## A hundred trainings

Everything is as in the old tutorial: 100 random rows, momentum, 1000 epochs, batches of 32, the last tenth of the rows
kept apart for validation ([another page](01_one_neuron.md) says what one neuron would do). `repeat_fit` trains once
for each seed from 0 to 99; a run counts as a success if all answers are right in the end. The interval in its report
holds the success rates with which such a count is no surprise. The list `ended` keeps the models, to look into them.
"""

# %%
ended = []


def and_gate(units=2, activation="relu", bias="zeros", learning_rate=0.01):
    stack = [layers.Input((2,))]
    if units:
        hidden = layers.Dense(units, activation, bias_initializer=bias, name="hidden")
        stack.append(hidden)
    stack.append(layers.Dense(1, activation="sigmoid", name="out"))
    model = Sequential(stack, name="gate")
    sgd = optimizers.SGD(learning_rate, momentum=0.9)
    model.compile(sgd, loss="binary_crossentropy", metrics=["accuracy"])
    return model


def kept_and_gate():
    model = and_gate()
    ended.append((model.get_weights(), model))
    return model


recipe = {"epochs": 1000, "batch_size": 32, "validation_split": 0.1}
runs = diptych.repeat_fit(kept_and_gate, x, y, n=100, processes=1, **recipe)
print(str(runs).rsplit("\n", 1)[0])  # without the last line, which says how long it took

# %% tags=["plot"]
# alt: Loss of 100 runs against the epoch; 61 end near 0, 24 near 0.37 and 15 at 0.63


def final_loss(run):
    return run.history["loss"][-1]


epochs = np.unique(np.geomspace(1, 1000, 15).astype(int))
figure, axes = plt.subplots(figsize=(6.4, 3.9))
looks = {"0.75": (0.7, 1), "tab:orange": (1.2, 2), "tab:blue": (1.2, 2)}
drawn = {color: [] for color in looks}  # all runs of a kind as one line with gaps
for run in runs.runs:
    color = "0.75" if run.succeeded else "tab:orange" if final_loss(run) < 0.5 else "tab:blue"
    losses = run.history["loss"][epochs - 1].round(3)
    drawn[color] += [*zip(epochs, losses, strict=True), (np.nan, np.nan)]
for color, (width, order) in looks.items():
    axes.plot(*np.array(drawn[color]).T, color=color, lw=width, zorder=order)
failed = [final_loss(run) for run in runs.runs if not run.succeeded]
base, half = sum(loss > 0.5 for loss in failed), sum(loss <= 0.5 for loss in failed)
for count, height in ((base, 0.64), (half, 0.4), (runs.successes, 0.02)):
    axes.text(1120, height, f"{count} runs", va="center", fontweight="bold")
axes.set(xscale="log", xlim=(1, 3000), ylim=(-0.02, 1), xlabel="epoch", ylabel="training loss")
axes.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
axes.minorticks_off()
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
r"""
More than a third fail, and not all in one way: some rest near 0.63 (blue), some between 0.35 and 0.4 (orange). Look
also for one thin grey line: it rested with the orange ones for more than 600 epochs, and then got out. A flat curve
alone proves nothing. So look at each failed network's answers, and at the rows for which any of its hidden neurons is
on.
"""


# %%
def hidden_outputs(weights):
    return np.maximum(rows @ weights[0] + weights[1], 0)


kinds, example = Counter(), {}
for run, (_, model) in zip(runs.runs, ended, strict=True):
    if not run.succeeded:
        on = (hidden_outputs(model.get_weights()) > 0).any(axis=1)
        seen = ", ".join(f"{a:.0f}{b:.0f}" for a, b in rows[on]) or "none"
        kinds[seen] += 1
        example.setdefault(seen, run.seed)

print("hidden layer is on for   runs   the first   its answers for 00   01   10   11")
for seen, count in kinds.most_common():
    answers = ended[example[seen]][1].predict(rows, verbose=0).ravel()
    listed = " ".join(f"{answer:.2f}" for answer in answers)
    print(f"{seen:<22} {count:>6}   seed {example[seen]:<6} {listed:>34}")

# %% [markdown]
r"""
So there are two ways to be stuck.

- **On for no row.** The output neuron gets nothing but zeros, and gives the same answer four times: the share of ones
  among the rows that it is trained on.
- **On for two rows.** These two are told apart. For the other two the layer gives zeros, so both get one answer; and
  these two are always 11 and a row that has to be 0.

These levels of the loss can be computed without any network. If all you know is that a share $p$ of the rows are ones,
an answer $a$ costs $-p \log a - (1 - p) \log (1 - a)$. The slope of this is 0 at $a = p$, so $p$ is the best answer,
and it costs

$$H(p) = -p \log p - (1 - p) \log (1 - p)$$

A half-blind run pays it for the rows that it can't tell apart, and next to nothing for the others.
"""


# %%
def cost_of_knowing_only(p):
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


trained_x, trained_y = x[:90], y[:90]  # validation_split takes the last tenth away
p = trained_y.mean()
blind = trained_x[:, 1] == 1  # the layer is on for 00 and 10, off for 01 and 11
p_blind = trained_y[blind].mean()
h_all = cost_of_knowing_only(p)
h_half = blind.mean() * cost_of_knowing_only(p_blind)
blank, half_blind = example["none"], example["00, 10"]
print(f"on for no row:     H({p:.3f}) = {h_all:.4f}")
print(f"  seed {blank} ends at {final_loss(runs.runs[blank]):.4f}")
print(f"on for 00 and 10:  {blind.mean():.3f} H({p_blind:.3f}) = {h_half:.4f}")
print(f"  seed {half_blind} ends at {final_loss(runs.runs[half_blind]):.4f}")

# %% tags=["check"]
check("between 45 and 75 of 100 runs succeed", 45 <= runs.successes <= 75)
check("every failed run has one of these faces", set(kinds) == {"none", "00, 10", "00, 01"})
check(
    "a run whose layer is on for no row rests at H(p)",
    abs(final_loss(runs.runs[blank]) - h_all) < 0.01,
)
check(
    "a half-blind run rests at H(p) of the rows that it can't tell apart",
    abs(final_loss(runs.runs[half_blind]) - h_half) < 0.02,
)

# %% [markdown]
r"""
## Why it never gets out

Look for a run that was lost from the beginning: one in which all four first weights of the hidden layer are negative.
Record every one of its 3000 updates. `capture` keeps what we ask for: $z$, which goes into the relu (the
*pre-activation*), and the gradient by the hidden weights.
"""

# %%
dead_at_first = [k for k, (first, _) in enumerate(ended) if (first[0] < 0).all()]
stuck = dead_at_first[0]
diptych.utils.set_random_seed(stuck)
model = and_gate()
wanted = {"layers": "hidden", "kinds": ["preactivations", "weight_gradients"], "training": True}
with diptych.capture(model, **wanted) as c:
    model.fit(x, y, verbose=0, **recipe)

print(f"seed {stuck}, first weights of the hidden layer (a column is a neuron)")
print(ended[stuck][0][0])
print("largest pre-activation in all steps:", max(step["hidden"].preactivation.max() for step in c))
largest = [np.abs(step["hidden"].weight_gradients["kernel"]).max() for step in c]
print(f"steps: {len(c.steps)}; of these with a gradient that is not 0: {np.count_nonzero(largest)}")

# %% [markdown]
r"""
Not small: exactly 0, at every step. Every weight of this layer is negative and the inputs are 0 or 1, so no neuron ever
gets above 0. This is the gradient of relu, with $h = \max(0, z)$, and below it the reference engine's own source (the
second thing that `show` finds; the first is the way forward):

$$\frac{\partial L}{\partial z} = \frac{\partial L}{\partial h} \cdot
  \begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}, \qquad
  \frac{\partial L}{\partial w} = \sum_{\text{rows}} x\, \frac{\partial L}{\partial z}$$
"""

# %%
print("\n".join(diptych.show("relu")[1].lines("reference")))

# %% [markdown]
r"""
Where `x <= threshold`, that is $z \le 0$, nothing of `dy` comes through. With $z \le 0$ on every row the sum is 0, the
weights stay, and so $z$ stays at or below 0 for ever. Such a neuron is called *dead*. Only the output's bias still
learns, until it says $p$.

How often does a run *begin* like this? First weights are positive or negative with equal chance, so both weights of one
neuron are negative with chance 1/4, and those of both neurons with chance 1/16. In 100 runs that makes 6.25.
"""

# %%
moved = [
    k for k in dead_at_first if not np.array_equal(ended[k][0][0], ended[k][1].get_weights()[0])
]
print(f"runs that begin with two dead neurons: {len(dead_at_first)}, seeds {dead_at_first}")
print(f"of these with hidden weights that have moved at the end: {len(moved)}")
print(f"runs that end with two dead neurons: {kinds['none']}")

# %% tags=["check"]
check("the gradient of the hidden weights is exactly 0 in all 3000 steps", max(largest) == 0)
check("the number of steps is 3 batches times 1000 epochs", len(c.steps) == 3000)
check(
    "as many begin dead as a chance of 1/16 allows (99 % range: 1 to 13)",
    1 <= len(dead_at_first) <= 13,
)
check("hidden weights that begin dead end with the same bits", not moved)

# %% [markdown]
r"""
The others died on the way: they took a step too far and fell below 0. Here are the ways of the weights in three runs,
one line for each hidden neuron, from the circle to the cross (the scales differ). In the grey quarter both weights are
negative. On the left one neuron ends there too; the other one does AND alone. The bias moves too and is not drawn;
below 0 it can switch a neuron off outside of that quarter, as on the right.
"""

# %% tags=["plot"]
# alt: Three panels with the way of two neurons' weights, in a good run, a half-blind one, and one that dies
ways = {}
dies = next(
    k
    for k, (before, model) in enumerate(ended)
    if k not in dead_at_first
    and not (hidden_outputs(model.get_weights()) > 0).any()
    and (hidden_outputs(before) > 0).any()
)
good = runs.best_run.seed
for k in (good, half_blind, dies):
    diptych.utils.set_random_seed(k)
    model = and_gate()
    with diptych.capture(model, "hidden", ["weights"], range(0, 3000, 20), training=True) as way:
        model.fit(x, y, verbose=0, **recipe)
    ways[k] = np.array([step["hidden"].weights["kernel"] for step in way])

figure, panels = plt.subplots(1, 3, figsize=(6.4, 2.9))
titles = ("all right", "half-blind", "dies")
for axes, (k, way), title in zip(panels, ways.items(), titles, strict=True):
    span = np.abs(way).max() * 1.2
    axes.fill_between([-span, 0], -span, 0, color="0.88", lw=0)
    axes.axhline(0, color="0.6", lw=0.8)
    axes.axvline(0, color="0.6", lw=0.8)
    for unit, (color, style) in enumerate((("tab:blue", "-"), ("tab:orange", "--"))):
        path = way[:, :, unit].round(3)
        axes.plot(*path.T, style, color=color, lw=1.6)
        axes.plot(*path[0], "o", color=color, mfc="white", ms=7)
        axes.plot(*path[-1], "x", color=color, ms=8, mew=2.5)
    axes.set(xlim=(-span, span), ylim=(-span, span), aspect="equal", xlabel="weight of $x_1$")
    axes.set_title(f"{title}\nseed {k}", fontsize=12)
panels[0].set_ylabel("weight of $x_2$")
plt.show()

# %% [markdown]
r"""
## Finding it without knowing what to look for

On the next network you won't know where to look. `Doctor` is a callback: it looks after some of the epochs, and reports
what it found, with evidence, reason and remedy.
"""

# %%
diptych.utils.set_random_seed(stuck)
doctor = diptych.Doctor()
history = and_gate().fit(x, y, verbose=0, callbacks=[doctor], **recipe)

# %% [markdown]
r"""
The first finding is another fault of the old tutorial, for [page 07](07_what_validation_is_for.md). The second is
the cause, the other two are what comes of it.

And the half-blind run? `diagnose` looks at a model that is trained already.
"""

# %%
found = diptych.diagnose(ended[half_blind][1], x, y)
print(f"found: {found.names}\n")
print(found.find("blind_rows"))
quiet = diptych.diagnose(ended[good][1], x, y)
print(f"\nfound in the good run: {quiet.names}")

# %% tags=["check"]
check(
    "the doctor finds the dead neurons, and a gradient of exactly 0",
    doctor.findings.find("dead_units").evidence["gradient"] == 0.0,
)
check("the half-blind run's blind rows are found", "blind_rows" in found.names)
check(
    "on the run with all rows right it has nothing to say of blind rows",
    "blind_rows" not in quiet.names,
)

# %% [markdown]
r"""
So it is no valley from which the steps are too small to climb out. It is a plateau: the rows that matter give a
gradient of exactly 0. A half-blind network is not lost for sure: the two rows that it does see still move its weights a
little, and may turn it round by chance, as in the grey line above. One with all neurons dead is.

## Four remedies and a half

The recipe here is ten times as fast: a learning rate of 0.1 and a tenth of the epochs. Each network gets 100 seeds.

**Predict.** Five changes, one at a time: no hidden layer; 8 neurons instead of 2; tanh; LeakyReLU, whose slope below 0
is small but not 0; and relu with a first bias of 0.5 instead of 0. Which of them cures all runs? One does not.
"""

# %%
remedies = {
    "as it was": {},
    "bias of 0.5": {"bias": diptych.initializers.Constant(0.5)},
    "no hidden layer": {"units": 0},
    "8 neurons": {"units": 8},
    "tanh": {"activation": "tanh"},
    "LeakyReLU": {"activation": "leaky_relu"},
}
quick = {"epochs": 100, "batch_size": 32, "processes": 1}
rates = {}
for name, change in remedies.items():
    result = diptych.repeat_fit(lambda c=change: and_gate(learning_rate=0.1, **c), x, y, **quick)
    rates[name] = result
    low, high = result.interval
    print(f"{name:<16} {result.successes:>3} of 100   95 % interval {low:.0%} to {high:.0%}")

# %% tags=["plot"]
# alt: Runs out of 100 with all rows right: four remedies reach 100, the bias does not
figure, axes = plt.subplots(figsize=(6.4, 3.2))
names = list(rates)[::-1]
for place, name in enumerate(names):
    result = rates[name]
    low, high = (100 * bound for bound in result.interval)
    cured = result.successes >= 95
    axes.barh(place, result.successes, color="tab:blue" if cured else "0.7", height=0.62)
    axes.plot([low, high], [place, place], color="black", lw=1.5)
    axes.text(104, place, str(result.successes), va="center", fontweight="bold")
axes.set_yticks(range(len(names)), names)
axes.set(xlim=(0, 114), xlabel="runs out of 100 with all rows right (line: 95 % interval)")
axes.set_xticks([0, 25, 50, 75, 100])
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% tags=["check"]
four = ("no hidden layer", "8 neurons", "tanh", "LeakyReLU")
check(
    "each of the four remedies cures at least 95 of 100 (measured: 100)",
    all(rates[name].successes >= 95 for name in four),
)
check(
    "the bias helps, but cures less than the four (measured: 82, without it 57)",
    rates["as it was"].successes < rates["bias of 0.5"].successes < 95,
)

# %% [markdown]
r"""
- *No hidden layer* cannot die: a sigmoid has a slope everywhere.
- *tanh* and *LeakyReLU* let some gradient through everywhere.
- *8 neurons* can die too, one by one. But all of them are never dead together: a chance of $1/4^8$.
- *The bias* makes neurons be on at first. It doesn't keep them from dying later. You will read this advice often;
  measured, it saves 25 of the 43 runs that were stuck.

## Break it, repair it

Break a good network: set its hidden weights below 0, and train on. Then take the *same* dead weights into a network
with LeakyReLU.
"""

# %%
dead_weights = [w.copy() for w in ended[good][1].get_weights()]
dead_weights[0] = -np.abs(dead_weights[0])
dead_weights[1][:] = -0.1
for activation in ("relu", "leaky_relu"):
    model = and_gate(activation=activation, learning_rate=0.1)
    model.set_weights(dead_weights)
    model.fit(x, y, epochs=300, batch_size=32, verbose=0)
    answers = model.predict(rows, verbose=0).ravel().round(2)
    print(f"{activation:<11} after 300 epochs: {answers}")

# %% tags=["check"]
check(
    "with LeakyReLU the same dead weights come back to life",
    np.array_equal(answers > 0.5, [0, 0, 0, 1]),
)

# %% [markdown]
r"""
The dead one says about 0.33, the share of ones; at this learning rate its bias still sways around that.

Last, the other engine: the same stuck weights through both. The zeros are zeros in both.
"""

# %%
comparison = diptych.compare_engines(ended[stuck][1], x, y)
for row in comparison.rows:
    print(f"{row.what:<32} largest difference {row.difference:.0e}")

# %% tags=["check"]
check("the two engines agree to float32's accuracy", comparison.max_difference < 1e-6)

# %% [markdown]
r"""
**What you saw.** A training that gets stuck has a reason that can be found: here, neurons whose gradient is exactly 0.
Look at the answers row by row, at the outputs of the hidden layer, and at the gradients; or let `Doctor` look. And say
of a remedy how often it works, in how many runs: a single good run would have "proved" all six.

## Exercises

1. Before you run it: with 3 and with 4 hidden neurons, how many of 100 runs begin with all neurons dead? How many fail?
2. Set the first bias to 2. Does it cure more runs than 0.5?
3. Turn the task into NOT-AND. Is the share of stuck runs the same? What does a dead network answer?

[Answers](../answers/02.py), as a script that checks them.
"""

# %%
check.done()
