# Question: why does the same code give another result each time?   Seeds: 0b.
# Engine: both.   Time: seconds.
# %% [markdown]
r"""
# Same code, different result

> 问题2: 为什么每次训练的结果不一样呢？那么科学研究基本凭借的是缘分了？
>
> *"Question 2: why is the result of the training different each time? Does scientific research then rest on luck?"* An
> old Keras tutorial trained an AND gate several times, got several results, and asked this.

**Predict before you run.** A training draws random numbers in several places. Name as many of them as you can. If all
are the same in two runs, will the results agree to three digits, to six, or to the last bit?
"""

# %%
import hashlib
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import Sequential, initializers, layers, optimizers
from diptych.teach import Checks

check = Checks("03")

# %% [markdown]
r"""
## Four places where chance comes in

The AND gate again, with 8 neurons so that no run gets stuck ([page 02](02_stuck_and_gate.md) is about those), and with
dropout, which switches off a random fifth of the neurons in each step. Random numbers are drawn

1. for the *data*: which 100 rows;
2. for the *first weights*;
3. for the *order* of the rows, anew in each epoch;
4. for *dropout*, in each step.

The function below takes a seed for each of them. `None` means: draw something else each time.
"""


# %%
def draw_data(seed):
    x = np.random.default_rng(seed).integers(0, 2, size=(100, 2)).astype("float32")
    return x, (x[:, 0] * x[:, 1]).astype("int32")


def train(data=None, weights=None, order=None, dropout=None, engine="fast", epochs=30):
    """Train once; None lets chance decide. Returns the model and the loss of each epoch."""
    chance = np.random.default_rng()  # from the operating system: different each time
    data, weights, order, dropout = (
        int(chance.integers(2**31)) if seed is None else seed
        for seed in (data, weights, order, dropout)
    )
    x, y = draw_data(data)
    first = [initializers.GlorotUniform(seed=weights + k) for k in range(2)]
    model = Sequential(
        [
            layers.Input((2,)),
            layers.Dense(8, "tanh", kernel_initializer=first[0]),
            layers.Dropout(0.2, seed=dropout),
            layers.Dense(1, "sigmoid", kernel_initializer=first[1]),
        ],
        engine=engine,
    )
    sgd = optimizers.SGD(0.1, momentum=0.9)
    model.compile(sgd, loss="binary_crossentropy", metrics=["accuracy"])
    diptych.utils.set_random_seed(order)  # what is left to draw is the order of the rows
    history = model.fit(x, y, epochs=epochs, batch_size=32, verbose=0)
    return model, history.history["loss"]


def fingerprint(model):
    """The first 12 digits of a SHA-256 of all bits of all weights."""
    bits = b"".join(weight.tobytes() for weight in model.get_weights())
    return hashlib.sha256(bits).hexdigest()[:12]


# %% [markdown]
r"""
Equal fingerprints mean equal weights, to the last bit. Now pin the sources down, one after the other, and train five
times at each stage.
"""

# %%
stages = {
    "nothing pinned": {},
    "data": {"data": 1},
    "data, weights": {"data": 1, "weights": 2},
    "data, weights, order": {"data": 1, "weights": 2, "order": 3},
    "all four": {"data": 1, "weights": 2, "order": 3, "dropout": 4},
}
fans, prints = {}, {}
for stage, pinned in stages.items():
    trained = [train(**pinned) for _ in range(5)]
    prints[stage] = [fingerprint(model) for model, _ in trained]
    fans[stage] = np.array([losses for _, losses in trained])
# %% tags=["plot"]
# alt: Five panels of five loss curves each; from left to right the five come together until they are one
figure, panels = plt.subplots(1, 5, figsize=(6.4, 3.3), sharey=True)
for axes, (stage, fan) in zip(panels, fans.items(), strict=True):
    for losses, style in zip(fan, ("-", "--", ":", "-.", "-"), strict=True):
        axes.plot(range(1, 31, 2), losses[::2].round(3), style, lw=1.3)
    different = len(set(prints[stage]))
    axes.set_title(stage.replace(", ", ",\n"), fontsize=11, pad=4)
    axes.text(0.95, 0.95, f"{different}\nresult{'s' * (different > 1)}", ha="right", va="top",
              transform=axes.transAxes)  # fmt: skip
    axes.set(xticks=[1, 30], xlim=(0, 31), yscale="log", ylim=(0.004, 1.5))
    axes.minorticks_off()
panels[0].set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
panels[0].set_ylabel("training loss")
panels[2].set_xlabel("epoch")
plt.show()

# %% [markdown]
r"""
Each pinned source takes something out of the fan. As long as one of the four is left to chance there are five results;
with all four pinned there is one. That is what the fingerprints say:
"""

# %%
for stage, found in prints.items():
    print(f"{stage:<22} different fingerprints in 5 runs: {len(set(found))}")

# %% tags=["check"]
check("with all four pinned, five runs have one fingerprint", len(set(prints["all four"])) == 1)
check(
    "as long as one source is free there are five",
    all(len(set(found)) == 5 for stage, found in prints.items() if stage != "all four"),
)

# %% [markdown]
r"""
The other way round: pin all, and change one seed at a time.
"""

# %%
pinned = stages["all four"]
changed = {name: fingerprint(train(**{**pinned, name: 99})[0]) for name in pinned}
for name, found in changed.items():
    same = found == prints["all four"][0]
    print(f"another seed for {name:<8} the same bits: {same}")

# %% tags=["check"]
check(
    "another seed for any one of the four gives another result",
    len({*changed.values(), prints["all four"][0]}) == 5,
)

# %% [markdown]
r"""
In daily work you need none of this: `set_random_seed` pins all of them with one line, if the data are drawn with
NumPy's old generator, or with a seed of their own. This is its source:
"""

# %%
import inspect

print(inspect.getsource(diptych.utils.set_random_seed))

# %% [markdown]
r"""
Is it the same tomorrow, in another process? A new Python knows nothing of this page. It gets the seed alone, once for
each engine.
"""

# %%
program = """
import hashlib, sys, diptych
from diptych import Sequential, layers
diptych.utils.set_random_seed(7)
x, y = diptych.datasets.and_gate(100, seed=0)
hidden = layers.Dense(8, "tanh")
model = Sequential([layers.Input((2,)), hidden, layers.Dense(1, "sigmoid")], engine=sys.argv[1])
model.compile("sgd", "binary_crossentropy")
model.fit(x, y, epochs=10, verbose=0)
print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()[:12])
"""


def in_a_new_process(engine):
    command = [sys.executable, "-c", program, engine]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


fresh = {engine: [in_a_new_process(engine) for _ in range(2)] for engine in ("fast", "reference")}
for engine, (one, two) in fresh.items():
    print(f"{engine:<9} the same bits in two processes: {one == two}")
print("the same bits in the two engines:", fresh["fast"][0] == fresh["reference"][0])

# %% tags=["check"]
check("two fresh processes get the same bits, on the fast engine", len(set(fresh["fast"])) == 1)
check("and on the reference engine", len(set(fresh["reference"])) == 1)

# %% [markdown]
r"""
## The fifth place: the order of a sum

With equal seeds the two engines get different bits. Where does that come from, if nothing is drawn? They add in
different orders. With real numbers that changes nothing. But a float32 has 24 binary digits, and each addition rounds
to the nearest number that has so few (fl), with a relative error $\delta$:

$$\mathrm{fl}(a + b) = (a + b)(1 + \delta), \qquad |\delta| \le \varepsilon / 2, \quad \varepsilon = 2^{-23}$$

**Predict.** The same million numbers, added one by one in float32: as they come, from the last to the first, and from
the least to the largest. How many digits will agree?
"""

# %%
numbers = np.random.default_rng(0).normal(size=1_000_000).astype("float32")
orders = {
    "as they come": numbers,
    "from the last to the first": numbers[::-1],
    "from the least to the largest": np.sort(numbers),
}
exact = numbers.sum(dtype="float64")
print(f"{'in float64':<30} {exact:.5f}")
errors = {}
for name, ordered in orders.items():
    total = np.cumsum(ordered, dtype="float32")[-1]  # one by one, each sum rounded
    errors[name] = abs(total - exact)
    print(f"{name:<30} {total:.5f}   error {errors[name]:.5f}")
lowest = np.cumsum(np.sort(numbers), dtype="float32").min()
print(f"on its way the last sum goes down to {lowest:,.0f}")
bound = len(numbers) * np.finfo("float32").eps * np.abs(numbers).sum(dtype="float64")
print(f"no order can be further off than n eps sum|x| = {bound:,.0f}")

# %% tags=["check"]
check("the three orders give three sums", len(set(errors.values())) == 3)
check("all errors lie below the bound", 0 < max(errors.values()) <= bound)

# %% [markdown]
r"""
From the least to the largest is the worst: the sum goes far down first, where a float32 has steps of 1/32, and comes
back. The bound is far away from all of them: it supposes that all roundings go in one direction, but most cancel.
Rounding is not chance: each order gives the same bits every time.

That is how threads make results differ: where each thread adds to one sum whenever it happens to be ready, the order
differs from run to run. The fast engine doesn't do that. It cuts the work into the same pieces for every number of
threads, and adds up the pieces in their order.
"""


# %%
def with_threads(count):
    diptych.config.set_num_threads(count)
    diptych.utils.set_random_seed(3)
    x = np.random.default_rng(0).normal(size=(2048, 64)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype("int32")
    hidden = layers.Dense(256, "relu")
    model = Sequential([layers.Input((64,)), hidden, layers.Dense(1, "sigmoid")], engine="fast")
    model.compile(optimizers.SGD(0.1, momentum=0.9), loss="binary_crossentropy")
    model.fit(x, y, epochs=3, batch_size=512, verbose=0)
    return fingerprint(model)


by_threads = {count: with_threads(count) for count in (1, 2, 3)}
diptych.config.set_num_threads(None)
print("1, 2 and 3 threads, the same bits:", len(set(by_threads.values())) == 1)

# %% tags=["check"]
check("1, 2 and 3 threads give the same bits", len(set(by_threads.values())) == 1)

# %% [markdown]
r"""
## What becomes of a last bit

The two engines begin with the same weights and see the same batches; they differ by the last bit of some sums. Follow
the largest difference between their weights over 1200 updates.
"""

# %% tags=["varies"]
x = np.random.default_rng(0).normal(size=(128, 2)).astype("float32")
y = (x[:, 0] * x[:, 1] > 0).astype("int32")


class Follow(diptych.callbacks.Callback):
    """Keeps all weights after each update."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(np.concatenate([w.ravel() for w in self.model.get_weights()]))


def follow(engine):
    diptych.utils.set_random_seed(3)
    hidden = layers.Dense(16, "tanh")
    model = Sequential([layers.Input((2,)), hidden, layers.Dense(1, "sigmoid")], engine=engine)
    model.compile(optimizers.SGD(0.5, momentum=0.9), "binary_crossentropy", metrics=["accuracy"])
    kept = Follow()
    model.fit(x, y, epochs=300, batch_size=32, verbose=0, callbacks=[kept])
    return np.array(kept.weights), model.evaluate(x, y, verbose=0)


ways = {engine: follow(engine) for engine in ("fast", "reference")}
apart = np.abs(ways["fast"][0] - ways["reference"][0]).max(axis=1)
largest_weight = np.abs(ways["fast"][0][-1]).max()
for update in (1, 10, 100, len(apart)):
    print(f"after {update:>4} updates the weights differ by at most {apart[update - 1]:.0e}")
print(f"the largest weight is {largest_weight:.1f}")
for engine, (_, (loss, accuracy)) in ways.items():
    print(f"{engine:<9} loss {loss:.6f}, accuracy {accuracy:.4f}")

# %% tags=["plot"]
# alt: Largest difference between the weights of the two engines against the update, growing from 1e-9 to 1e-4
figure, axes = plt.subplots()
shown = np.unique(np.geomspace(1, len(apart), 60).astype(int))
axes.plot(shown, apart[shown - 1], color="tab:blue")
axes.set(xscale="log", yscale="log", xlabel="update", ylabel="largest difference of a weight")
axes.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
axes.set_ylim(1e-9, 1e-3)
axes.minorticks_off()
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% tags=["check"]
check("after one update the engines agree to 1e-7", apart[0] < 1e-7)
check("after all updates the difference is larger than after one", apart[-1] > apart[0])
check(
    "and still of no weight for the result",
    abs(ways["fast"][1][0] - ways["reference"][1][0]) < 0.01,
)

# %% [markdown]
r"""
Each update works on weights that are already a little apart. So the difference grows, and over thousands of updates it
can become visible. This is why two computers, or two versions of a library, may give different results with the same
seed. Equal bits are promised for one computer and one version, and are worth having: without them you can't repeat a
fault in order to look at it.

## Then is it luck?

No seed is "the" right one, and a result that hangs on a seed is no result. So don't report one run, and above all not
the best of several. Report many: the mean, and how far they spread. `repeat_fit` does it; data are pinned here, the
rest is drawn anew for each of 20 seeds.
"""


# %%
def fresh_model():
    hidden, output = layers.Dense(8, "tanh"), layers.Dense(1, "sigmoid")
    model = Sequential([layers.Input((2,)), hidden, layers.Dropout(0.2), output])
    sgd = optimizers.SGD(0.1, momentum=0.9)
    model.compile(sgd, loss="binary_crossentropy", metrics=["accuracy"])
    return model


gate_x, gate_y = draw_data(1)
asked = {"epochs": 30, "batch_size": 32, "monitor": "loss", "processes": 1}
runs = diptych.repeat_fit(fresh_model, gate_x, gate_y, n=20, **asked)
again = diptych.repeat_fit(fresh_model, gate_x, gate_y, n=20, **asked)
print(f"loss after 30 epochs: {runs.mean:.4f} ± {runs.std:.4f} (20 seeds)")
print(f"best {runs.scores.min():.4f}, worst {runs.scores.max():.4f}")
print("the same 20 seeds once more, the same 20 losses:", np.array_equal(runs.scores, again.scores))

# %% tags=["plot"]
# alt: The losses of 20 runs as dots, with their mean and a bar of one standard deviation to either side
figure, axes = plt.subplots(figsize=(6.4, 2.1))
heights = np.random.default_rng(1).uniform(-0.3, 0.3, size=len(runs.scores))
axes.plot(runs.scores, heights, "o", mfc="white", mec="tab:blue", mew=1.6)
axes.axvline(runs.mean, color="black", lw=1.5)
axes.axvspan(runs.mean - runs.std, runs.mean + runs.std, color="0.88")
axes.text(runs.mean, 0.46, "mean ± standard deviation", ha="center", va="bottom")
axes.set(xlabel="loss after 30 epochs, one dot for each seed", ylim=(-0.45, 0.45), yticks=[])
axes.locator_params(axis="x", nbins=5)
axes.spines[["top", "right", "left"]].set_visible(False)
plt.show()

# %% [markdown]
r"""
If somebody shows you a network with a loss near the left dot and says that their trick did it: ask for the other
nineteen. A single run that is better counts if it is so by much more than the spread. A *mean* over $n$ seeds is surer:
it sways by the spread divided by $\sqrt n$, its *standard error*. Compare two means with that.

Last, the same weights and rows through both engines, before anything could grow:
"""

# %%
comparison = diptych.compare_engines(fresh_model(), gate_x, gate_y)
print(f"largest difference {comparison.max_difference:.0e}")

# %% tags=["check"]
check("the same 20 seeds give the same 20 losses", np.array_equal(runs.scores, again.scores))
check("seeds differ: the spread is not 0", runs.std > 0)
check("the two engines agree to float32's accuracy", comparison.max_difference < 1e-6)

# %% [markdown]
r"""
**What you saw.** Results differ because random numbers are drawn in four places; pin all four, and the bits agree. What
remains is the order of sums: no chance, but different between engines, versions and computers. Science doesn't rest on
luck as long as it reports many seeds instead of a lucky one.

## Exercises

1. Train with `shuffle=False`. Which of the four sources is gone? Does the seed for the order still matter?
2. Find three float32 numbers for which (a + b) + c is not a + (b + c).
3. Two settings have losses of 0.030 ± 0.010 and 0.026 ± 0.010 over 20 seeds each. Is the second better? How would you
   find out with `repeat_fit`?

[Answers](../answers/03.py), as a script that checks them.
"""

# %%
check.done()
