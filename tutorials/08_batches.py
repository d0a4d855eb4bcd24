# Question: what does the batch size do to speed and result, and what if the data don't fit?
# Engine: both, timed; fast to train.   Time: half a minute.
# Seeds: 0d, 2a, 2b, 2c, 3c, 4c.
# %% [markdown]
r"""
# Batches: speed, noise, and data that do not fit

> Batch_size 会影响到 速度和 效果（performance），需要自己去调节（tune it )。
>
> 对于大量真实数据，效率问题?  - GPU? 内存影响? 分批导入
>
> *"The batch size affects speed and result; you have to tune it yourself."* And in another student's notes: *"With a
> lot of real data, what about efficiency? A GPU? The effect on memory? Importing it in parts?"* The first of these
> notes also says that large batches "easily fall into local minima". What of this is so, and how would you know?

**Predict before you run.** There are 50,000 examples. How often are the weights updated in an epoch with a batch size
of 1, of 10, of 64? And which of the three needs the most seconds for an epoch?
"""

# %%
import tempfile
import time
import tracemalloc
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import layers
from diptych.teach import Checks

check = Checks("08")
(x_train, y_train), (x_test, y_test) = diptych.datasets.digits.load_data()
x_train, x_test = (x.reshape(-1, 64).astype("float32") / 16 for x in (x_train, x_test))


def network(engine="fast", seed=0, rate=0.1):
    diptych.utils.set_random_seed(seed)
    model = diptych.Sequential(
        [
            diptych.Input((64,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        engine=engine,
    )
    model.compile(
        diptych.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


# %% [markdown]
r"""
## Counting

An *epoch* is one walk through all rows. A *batch* is how many of them are looked at for one update of the weights. So
an epoch has

$$\left\lceil \frac{N}{B} \right\rceil \text{ updates}$$

where the bracket rounds up: if rows are left over, they make a last, smaller batch. Count what really happens:
"""


# %%
def updates(rows, batch_size, epochs=1, **options):
    """How many updates fit makes."""
    model = diptych.Sequential([diptych.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.zeros((rows, 1), "float32")
    model.fit(x, x, batch_size=batch_size, epochs=epochs, verbose=0, **options)
    return int(model.optimizer.iterations.numpy())


for batch_size in (1, 10, 64):
    print(
        f"50,000 rows, batches of {batch_size:>2}: {updates(50_000, batch_size):>6,} updates an epoch"
    )
print("100 rows, a tenth of them for validation, batches of 32:")
print(f"    {updates(100, 32, validation_split=0.1)} updates an epoch")
print(f"    {updates(100, 32, epochs=1000, validation_split=0.1):,} in 1000 epochs")
print(
    "epochs=5, initial_epoch=3:", updates(64, 32, epochs=5, initial_epoch=3), "updates for 64 rows"
)

# %% tags=["check"]
check(
    "1, 10, 64: 50,000, 5,000 and 782 updates",
    [updates(50_000, b) for b in (1, 10, 64)] == [50_000, 5_000, 782],
)
check("90 rows in batches of 32: 3 updates", updates(100, 32, validation_split=0.1) == 3)
check(
    "epochs is the number of the last epoch, not how many", updates(64, 32, 5, initial_epoch=3) == 4
)

# %% [markdown]
r"""
## What a batch knows: the noise

The gradient of a batch is the mean of its rows' gradients, so it's an estimate of the gradient over all rows, as a
poll of $B$ people is an estimate. If the rows are drawn at random, its variance (those of all its numbers added up) is
that of a single row divided by $B$:

$$\operatorname{Var}\Big[\frac1B \sum_{n=1}^{B} g_n\Big] = \frac{\operatorname{Var}[g]}{B}$$

**Predict:** to make the error of the gradient ten times smaller, how much larger must the batch be?

Measure it. The weights stay where they are; 200 batches of each size are drawn with replacement, and each gives a
gradient of all 4,810 weights. On two logarithmic axes $1 / B$ is a line of slope $-1$.
"""

# %%
model = network("fast")
with diptych.engine("fast"):
    each = []
    for n in range(len(x_train)):
        with diptych.GradientTape() as tape:
            loss = model.compute_loss(y=y_train[n : n + 1], y_pred=model(x_train[n : n + 1]))
        gradients = tape.gradient(loss, model.trainable_variables)
        each.append(np.concatenate([np.ravel(g) for g in gradients]))
each = np.array(each)
mean = each.mean(axis=0)
rng = np.random.default_rng(8)
sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256]
variances = []
for B in sizes:
    drawn = [each[rng.integers(0, len(each), B)].mean(axis=0) for _ in range(200)]
    variances.append(np.mean([((g - mean) ** 2).sum() for g in drawn]))
slope = np.polyfit(np.log(sizes), np.log(variances), 1)[0]
print(f"weights {each.shape[1]}, slope of log(variance) against log(B): {slope:.2f}")

# %% tags=["plot"]
# alt: Variance of the gradient against the batch size on two logarithmic axes: the dots lie on a line of slope -1
BLUE, ORANGE = "#1f5fa8", "#d95f02"
figure, axes = plt.subplots(figsize=(6.4, 3.8))
axes.loglog(sizes, variances, "o", ms=9, color=ORANGE, label="measured")
axes.loglog(sizes, variances[0] / np.array(sizes), "k--", label="1 / B")
axes.axhline((mean**2).sum(), color=BLUE, lw=2, label="squared length of the full gradient")
axes.set(xlabel="batch size B", ylabel="variance of the gradient")
axes.set_xticks(sizes, [str(B) for B in sizes])
axes.minorticks_off()
axes.legend(fontsize=11)
plt.show()

# %% tags=["check"]
with diptych.GradientTape() as tape:
    loss = model.compute_loss(y=y_train, y_pred=model(x_train))
whole = np.concatenate([np.ravel(g) for g in tape.gradient(loss, model.trainable_variables)])
check(
    "the mean of the rows' gradients is the gradient over all rows",
    np.allclose(mean, whole, atol=1e-6),
)
check("the variance falls as 1 / B: slope -1 within 0.15", abs(slope + 1) <= 0.15)

# %% [markdown]
r"""
(With 20 other first weights and draws the slope was -0.999 ± 0.004.)

A hundred times as many rows for an error ten times smaller: the first rows of a batch are worth the most. And where
the dots are above the blue line, the noise is longer than the gradient itself. Such a step still goes the right way on
average.

## What a batch costs: the time

"The larger the batch, the shorter an epoch", say the notes, "because of parallel computation". How much, and on which
engine? The network of those notes, 784-500-500-10, rows of random numbers, one update after the other, on one thread.
"""


# %%
def notes_network(engine):
    model = diptych.Sequential(
        [
            diptych.Input((784,)),
            layers.Dense(500, activation="sigmoid"),
            layers.Dense(500, activation="sigmoid"),
            layers.Dense(10, activation="softmax"),
        ],
        engine=engine,
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


rng = np.random.default_rng(0)
x_many = rng.random((1024, 784), dtype="float32")
y_many = rng.integers(0, 10, 1024)
diptych.config.set_num_threads(1)  # and time.thread_time: other programs don't count
seconds = {"reference": {}, "fast": {}}
for engine, times in seconds.items():
    model = notes_network(engine)
    for B in (1, 10, 100, 1000):
        best = float("inf")
        for _ in range(8 if B < 1000 else 5):
            start = time.thread_time()
            model.train_on_batch(x_many[:B], y_many[:B])
            best = min(best, time.thread_time() - start)
        times[B] = best

# %% tags=["timing"]
print(
    f"{'engine':<11}{'batch':>6}{'ms an update':>14}{'us a row':>10}{'s an epoch of 50,000 rows':>27}"
)
for engine, times in seconds.items():
    for B, best in times.items():
        row = best / B
        print(f"{engine:<11}{B:>6}{1e3 * best:>14.2f}{1e6 * row:>10.1f}{50_000 * row:>27.1f}")

# %% tags=["plot"]
# alt: Rows a second against the batch size, on two logarithmic axes, for both engines: rising, then flattening
figure, axes = plt.subplots(figsize=(6.4, 3.8))
for (engine, times), style in zip(seconds.items(), ("s--", "o-"), strict=True):
    colour = ORANGE if engine == "reference" else BLUE
    speeds = [B / t for B, t in times.items()]
    axes.loglog(list(times), speeds, style, ms=9, lw=2, color=colour, label=f"{engine} engine")
axes.set(xlabel="batch size B", ylabel="rows a second")
axes.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
axes.legend()
plt.show()

# %% tags=["check"]
check(
    "batches of 100 get through more rows a second than batches of 1",
    seconds["fast"][1] > 2 * seconds["fast"][100] / 100,
)

# %% [markdown]
r"""
An epoch is indeed much shorter with larger batches, and the gain ends somewhere: from some size on each row costs the
same. There is nothing parallel about the first part of it; it is the same on one thread. With one row each of the 784 ·
500 + 500 · 500 + 500 · 10 = 647,000 weights is fetched from memory, used once and thrown away; and every update has
costs of its own, however small it is. With a hundred rows each fetched weight is used a hundred times. [How a kernel
gets fast](14_how_a_kernel_gets_fast.md) measures it.

"In the same time, small and large batches make the same number of updates", the notes go on. Compare the column
"ms an update" of the times above: from 1 to 10 an update takes hardly longer, from 100 to 1000 several times as long.

## What a batch brings: three races

Now train. Batches of 4, 32 and 256, on 1,437 digits of 8 × 8 points, with the same learning rate. **Predict** who is
ahead after the same number of *epochs*; of *updates*; of *milliseconds*.
"""

# %%
runs = {}
for B in (4, 32, 256):
    model = network(seed=0)
    losses, clock, total = [model.evaluate(x_train, y_train, verbose=0)[0]], [0.0], 0.0
    for _ in range(20):
        start = time.thread_time()
        model.fit(x_train, y_train, batch_size=B, epochs=1, verbose=0)
        total += time.thread_time() - start
        losses.append(model.evaluate(x_train, y_train, verbose=0)[0])
        clock.append(total)
    runs[B] = {
        "epochs": np.arange(21),
        "updates": np.arange(21) * -(-len(x_train) // B),
        "milliseconds": 1000 * np.array(clock),
        "loss": np.array(losses),
    }
    print(
        f"batches of {B:>3}: loss after 20 epochs ({runs[B]['updates'][-1]:>4} updates) {losses[-1]:.3f}"
    )
after = {}
for count, those in ((90, (32, 256)), (360, (4, 32))):  # updates that end an epoch in both
    for B in those:
        after[B, count] = runs[B]["loss"][runs[B]["updates"] == count].item()
        print(f"batches of {B:>3}: loss after {count:>3} updates {after[B, count]:.3f}")

# %% tags=["plot"]
# alt: The same three losses over epochs, over updates and over milliseconds: the order is not the same
figure, three = plt.subplots(3, 1, figsize=(6.4, 8))
styles = {4: ("-", ORANGE), 32: ("--", "black"), 256: ("-", BLUE)}
for axes, unit in zip(three, ("epochs", "updates", "milliseconds"), strict=True):
    for B, run in runs.items():
        line, colour = styles[B]
        shown = run[unit] <= 540 if unit == "updates" else slice(None)
        axes.plot(
            run[unit][shown], run["loss"][shown], line, color=colour, lw=2, label=f"batches of {B}"
        )
        if unit == "updates":  # measured at the end of each epoch
            face = "white" if B == 32 else colour
            axes.plot(
                run[unit][shown], run["loss"][shown], "o", color=colour, mfc=face, ms=5,
                zorder=4 if B == 32 else 3,
            )  # fmt: skip
    axes.set(xlabel=unit, ylabel="loss", yscale="log")
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
three[0].legend(fontsize=11, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
three[0].set_xticks(range(0, 21, 5))
plt.show()

# %% tags=["check"]
final = {B: run["loss"][-1] for B, run in runs.items()}
check("after the same epochs the smallest batch is ahead", final[4] < final[32] < final[256])
check(
    "after the same updates the largest batch is ahead, or level",
    after[256, 90] < 1.1 * after[32, 90] and after[32, 360] < 1.1 * after[4, 360],
)

# %% [markdown]
r"""
Three axes, three answers. Over *epochs* small batches win, since they make more updates: 360 an epoch against 6. Over
*updates* the larger batch is ahead by a little: each of its steps has less noise. Over *time*, which is what you pay,
it depends on the engine, the network and the machine: here small batches win again, because an update of this small
network costs hardly more than its rows; where a row alone is many times as expensive as one of a hundred, they don't.
Whoever says "this batch size is better" has to say at the same what.

## "Large batches fall into local minima"?

The top panel looks as if the notes were right: the batch of 256 is stuck at a high loss. Or has it only made fewer
steps? A batch of 256 has an eighth of the updates of a batch of 32, and an eighth of the variance. It can afford
longer steps. **Predict:** the same 20 epochs, the learning rate eight times larger.
"""

# %%
compared = {}
for B, rate in ((32, 0.1), (256, 0.1), (256, 0.8)):
    found = []
    for seed in range(20):
        model = network(seed=seed, rate=rate)
        model.fit(x_train, y_train, batch_size=B, epochs=20, verbose=0)
        found.append(
            (
                *model.evaluate(x_train, y_train, verbose=0),
                model.evaluate(x_test, y_test, verbose=0)[1],
            )
        )
    compared[B, rate] = np.array(found)
print("20 seeds, 20 epochs:   loss, mean and sd   accuracy on new digits")
for (B, rate), found in compared.items():
    loss, _, accuracy = found.mean(axis=0)
    print(f"B = {B:>3}, rate {rate}:    {loss:.3f}   {found[:, 0].std():.3f}        {accuracy:.3f}")

# %% tags=["check"]
small, slow, tuned = (compared[key][:, 0] for key in ((32, 0.1), (256, 0.1), (256, 0.8)))
check(
    "with the same rate the large batch lags behind, for 20 of 20 seeds", (slow > 2 * small).all()
)
check("with 8 times the rate it is where the small one is", (tuned < 1.5 * small).all())
new_small, new_tuned = compared[32, 0.1][:, 2].mean(), compared[256, 0.8][:, 2].mean()
check("and no worse on new digits, within 2 %", new_tuned > new_small - 0.02)

# %% [markdown]
r"""
So there was no local minimum. There were too few and too short steps. When you change the batch size, change the
learning rate with it: in proportion as long as that goes well, which it doesn't without limit. Only *then* compare.
What noise does beyond this, it does here so little that 20 seeds don't show it.

## Data that do not fit into memory

Do the sum first. A million colour pictures of 96 × 96 points:

| stored as | bytes each | in all |
|---|---|---|
| uint8, as in the file | 27,648 | 28 GB |
| float32, as the network wants it | 110,592 | 111 GB |
| one batch of 32 in float32 | | 3.5 MB |

Only a batch is ever needed at a time. So leave the pictures in the file, as bytes, and let `fit` read batch by batch
from a *memory-mapped* array: it looks like an array, but stays on the disk. Turning bytes into numbers is the
network's first layer. Here with a small file, so that the page stays quick. **Predict** the peak of memory, for 20,000
pictures of 28 × 28: the array takes 63 MB as float32.
"""

# %%
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "pictures"
rng = np.random.default_rng(1)
file = np.memmap(path, "uint8", "w+", shape=(20_000, 28, 28))
for start in range(0, 20_000, 1000):
    file[start : start + 1000] = rng.integers(0, 256, (1000, 28, 28))
file.flush()
labels = rng.integers(0, 10, 20_000)


def reader():
    diptych.utils.set_random_seed(0)
    model = diptych.Sequential(
        [
            diptych.Input((28, 28)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def peak_megabytes(make, **options):
    """The most memory that training takes at a time, and the weights it ends with."""
    model = reader()
    tracemalloc.start()
    x = make()
    model.fit(x, labels, batch_size=32, verbose=0, **options)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak, model.get_weights()


def mapped():
    return np.memmap(path, "uint8", "r", shape=(20_000, 28, 28))


in_memory, weights_memory = peak_megabytes(
    lambda: np.array(mapped()).astype("float32"), shuffle=False
)
from_file, weights_file = peak_megabytes(mapped, shuffle=False)
shuffled, _ = peak_megabytes(mapped)
print(f"all in memory as float32: at the peak about {round(in_memory, -1):.0f} MB")
print(f"from the file: about {max(from_file, 1):.0f} MB; in shuffled order {max(shuffled, 1):.0f}")


# %%
def batches():
    """A generator does the same by hand."""
    for start in range(0, 20_000, 32):
        yield file[start : start + 32], labels[start : start + 32]


by_hand = reader()
by_hand.fit(batches(), verbose=0)
seen = []  # and does fit visit every row, if it shuffles?


class Spy(layers.Layer):
    """Lets its input through, and remembers it."""

    def call(self, x):
        seen.extend(np.asarray(x).ravel())
        return x


watched = diptych.Sequential([diptych.Input((1,)), Spy(), layers.Dense(1)])
watched.compile("sgd", "mse")
numbers = np.arange(1000, dtype="float32")[:, None]
seen.clear()
watched.fit(numbers / 1000, numbers / 1000, batch_size=32, epochs=1, verbose=0)
visited = np.sort(np.round(np.array(seen) * 1000))
print("rows seen in an epoch:", len(seen), "; each once:", np.array_equal(visited, np.arange(1000)))

# %% tags=["check"]
check(
    "from the file, a quarter of the memory at most",
    from_file < in_memory / 4 and shuffled < in_memory / 4,
)
same = all(np.array_equal(a, b) for a, b in zip(weights_memory, weights_file, strict=True))
check("array and file end with the same bits", same)
generated = by_hand.get_weights()
check(
    "so does the generator",
    all(np.array_equal(a, b) for a, b in zip(generated, weights_file, strict=True)),
)
check("a shuffled epoch visits every row once", np.array_equal(visited, np.arange(1000)))
folder.cleanup()

# %% [markdown]
r"""
The memory depends on the batch, not on the file: a file of 28 GB would need no more. What a *GPU* would change is the
first table, "ms an update", for networks that are large; the counting, the noise and the memory stay what they are.

## Break it, repair it

Turn the file into numbers *before* training, as many scripts do: `x / 255`.
"""

# %%
pictures = np.zeros((2_000, 28, 28), "uint8")
for name, made in (
    ("x", pictures),
    ("x / 255", pictures / 255),
    ("float32", pictures.astype("float32") / 255),
):
    print(f"{name:<8} {made.dtype!s:<8} {made.nbytes / pictures.nbytes:.0f} times the bytes")

# %% tags=["check"]
check("x / 255 is float64: 8 times the memory", (pictures / 255).nbytes == 8 * pictures.nbytes)

# %% [markdown]
r"""
NumPy divides bytes in float64, and makes the whole array at once: eight times the file. Repair it by a `Rescaling`
layer, as above: it works on a batch, in float32.

## Both engines

Last, the same network and batch through both.
"""

# %%
comparison = diptych.compare_engines(network(), x_train[:32], y_train[:32])
print(f"{len(comparison.rows)} arrays, largest relative difference below 1e-5:", end=" ")
print(comparison.max_relative_difference < 1e-5)

# %% tags=["check"]
check("the engines agree to float32's accuracy", comparison.max_relative_difference < 1e-5)

# %% [markdown]
r"""
## Exercises

1. 10,000 rows, batches of 100, 20 epochs: how many updates? And if the last 15 % of the rows are for validation?
2. Draw the rows of a batch *without* replacement. What is the variance of the gradient when the batch is all rows, and
   by what factor is it smaller than $1 / B$ for half of them?
3. A network trains well with batches of 32 and a learning rate of 0.1. Somebody with a larger machine takes batches of
   1437, all rows. Try the rate in proportion. What happens, and what rate still works?

[Answers](../answers/08.py), as a script that checks them.
"""

# %%
check.done()
