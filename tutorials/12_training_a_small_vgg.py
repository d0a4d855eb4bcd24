# Question: how does a VGG work inside, once it is trained?   Seeds: 4d.
# Engine: fast; four pictures through the reference as well.   Time: seconds.
# %% [markdown]
r"""
# Training a small VGG and looking inside

> 图像常用的VGG模型
>
> 4 VGG? LSTM? - 需要更深入了解模型的原理
>
> *"The VGG model, often used for images"*, says a student's page above a network, feeds it random numbers as pictures
> (生成虚拟数据), and ends: *"VGG? LSTM? I need to understand better how these models work."*

On random pictures there is nothing to see. [Another page](11_anatomy_of_a_vgg.md) took the network apart without
training it. Here a small one learns real digits, and we watch what its layers look at.

**Predict before you run.** The network of [Digits](09_digits.md) has 288,010 weights. The VGG below has 17,658, a
sixteenth of it. Which of the two reads more digits right?
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import layers
from diptych.teach import Checks, confusion_matrix

check = Checks("12")

(x, y), (x_rest, y_rest) = diptych.datasets.digits.load_data()
x = np.concatenate([x, x_rest])[..., None].astype("float32") / 16
y = np.concatenate([y, y_rest]).astype(int)
order = np.random.default_rng(9).permutation(len(x))
train, validation, test = order[:1297], order[1297:1547], order[1547:]
print("pictures", x[train].shape, x[validation].shape, x[test].shape)


# %%
def vgg(seed=0, dropout=0.25, engine="fast"):
    diptych.utils.set_random_seed(seed)
    same = {"padding": "same", "activation": "relu"}
    model = diptych.Sequential(
        [
            diptych.Input((8, 8, 1)),
            layers.Conv2D(16, 3, name="conv1", **same),
            layers.Conv2D(16, 3, name="conv2", **same),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Dropout(dropout, name="drop1"),
            layers.Conv2D(32, 3, name="conv3", **same),
            layers.Conv2D(32, 3, name="conv4", **same),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Dropout(dropout, name="drop2"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, activation="softmax", name="answer"),
        ],
        name="vgg",
        engine=engine,
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


model = vgg()
print(diptych.explain_shapes(model, (None, 8, 8, 1)))

# %% [markdown]
r"""
Two blocks, each of two convolutions and a pooling: the sides halve, the maps double. A convolution slides a window of
3 × 3 over all its input maps $c$, with the same weights at every place $o$, one set for each filter $f$:

$$y_{o,f} = \max\Big(0,\; b_f + \sum_{p}\sum_{c} x_{o+p,\,c}\; W_{p,c,f}\Big)$$

The reference engine writes it as one addition for each of the nine places $p$ of the window, in this loop
([Conv1D](10_conv1d.md) shows the whole function):
"""

# %%
source = diptych.show("conv2d_forward")[0].reference[0].lines
start = next(k for k, line in enumerate(source) if "padded = pad" in line)
print("\n".join(source[start:-1]))

# %% [markdown]
r"""
## The race

Both networks learn from the same 1,297 pictures: the VGG for 20 epochs, the dense one for 60, as on its own page.
"""


# %%
def dense_network(seed=0):
    diptych.utils.set_random_seed(seed)
    model = diptych.Sequential(
        [
            diptych.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(500, activation="sigmoid"),
            layers.Dense(500, activation="sigmoid"),
            layers.Dense(10, activation="softmax"),
        ],
        engine="fast",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


filters_before = model.get_layer("conv1").get_weights()[0]
run = model.fit(
    x[train],
    y[train],
    validation_data=(x[validation], y[validation]),
    epochs=20,
    batch_size=32,
    verbose=0,
)
dense = dense_network()
dense.fit(x[train], y[train], epochs=60, batch_size=100, verbose=0)

tables = {}
for name, one in (("dense", dense), ("VGG", model)):
    tables[name] = confusion_matrix(one, x[validation], y[validation])
    tested = one.evaluate(x[test], y[test], verbose=0)[1]
    print(
        f"{name:<6}{one.count_params():>8,} weights: validation {tables[name].accuracy:.3f}, "
        f"test {tested:.3f}"
    )

# %% tags=["plot"]
# alt: Mistakes of both networks by true digit and answer; the dense network's table has more and larger numbers
figure, panels = plt.subplots(1, 2, figsize=(6.8, 3.7), sharey=True)
for axes, (name, table) in zip(panels, tables.items(), strict=True):
    wrong = table.counts - np.diag(np.diag(table.counts))
    axes.imshow(wrong, cmap="Greys", vmin=0, vmax=4, interpolation="nearest")
    for true, taken in np.argwhere(wrong):
        count = wrong[true, taken]
        axes.text(
            taken, true, count, ha="center", va="center", color="black" if count < 3 else "white"
        )
    axes.set(xticks=range(10), yticks=range(10), xlabel="taken for")
    axes.set_title(f"{name}: {wrong.sum()} of 250 wrong", fontsize=13)
panels[0].set_ylabel("is")
plt.show()

# %% tags=["check"]
check("17,658 weights, less than a sixteenth", model.count_params() * 16 < dense.count_params())
check("the VGG reads at least 95 % of the validation pictures", tables["VGG"].accuracy >= 0.95)
check("and not fewer than the dense network", tables["VGG"].accuracy >= tables["dense"].accuracy)

# %% [markdown]
r"""
Over 20 seeds, each with its own cut: dense 0.959 ± 0.011, VGG 0.982 ± 0.010 (least 0.956) on the validation part.
One convolution's weights are used at all 64 places, so each picture teaches them 64 times.

## The filters, before and after

The first layer has 16 filters of 3 × 3. They began as random numbers. **Predict:** what will they look like?
"""

# %% tags=["plot"]
# alt: Sixteen filters of 3 by 3 before and after the training; afterwards many have one dark and one light side
filters_after = model.get_layer("conv1").get_weights()[0]
largest = np.abs(filters_after).max()
figure, grid = plt.subplots(4, 8, figsize=(6.4, 4.2))
for half, (name, filters) in enumerate((("before", filters_before), ("after", filters_after))):
    for f in range(16):
        axes = grid[2 * half + f // 8, f % 8]
        squares = np.kron(filters[:, :, 0, f], np.ones((12, 12)))  # small files of sharp squares
        axes.imshow(squares, cmap="gray_r", vmin=-largest, vmax=largest, interpolation="none")
        axes.set(xticks=[], yticks=[])
        if f % 8 == 0:
            axes.set_ylabel(f"{name}" if f == 0 else "", fontsize=12)
plt.show()

# %% [markdown]
r"""
Dark is positive, light negative. They have become stronger, and several now have a dark and a light side: they answer
where ink begins or ends, at edges. But you can still recognise most of the random ones. Random filters see edges
already; training bends them and, above all, teaches the later layers what to make of them.

## Feature maps: what each block keeps

`capture` records what every layer gives out. We send one digit through and look at the five most active maps of each
convolution.
"""

# %%
one = validation[np.flatnonzero(y[validation] == 3)[0]]
with diptych.capture(model, kinds=["outputs"]) as captured:
    p = model.predict(x[one : one + 1], verbose=0)[0]
maps = {name: captured[0][name].output[0] for name in ("conv1", "conv2", "conv3", "conv4")}
for name, image in maps.items():
    print(f"{name}: {image.shape}, {np.mean(image > 0):.0%} of the numbers above 0")
print(f"answer {p.argmax()} with probability {p.max():.3f}")

# %% tags=["plot"]
# alt: A digit and its strongest maps in four convolutions: strokes and edges at 8 by 8 points, blobs at 4 by 4
figure, grid = plt.subplots(4, 6, figsize=(6.4, 4.8))
for row, (name, image) in zip(grid, maps.items(), strict=True):
    row[0].set_ylabel(name, fontsize=12)
    strongest = np.argsort(-image.sum(axis=(0, 1)))[:5]
    for axes, f in zip(row[1:], strongest, strict=True):
        axes.imshow(image[:, :, f], cmap="gray_r", vmin=0, interpolation="nearest")
    for axes in row:
        axes.set(xticks=[], yticks=[])
    row[0].spines[:].set_visible(name == "conv1")
grid[0, 0].imshow(x[one, :, :, 0], cmap="gray_r", interpolation="nearest")
grid[0, 0].set_title("digit", fontsize=12)
grid[0, 3].set_title("five strongest maps", fontsize=12).set_in_layout(False)
plt.show()

# %% tags=["check"]
check(
    "the maps are 8 x 8 x 16 before the first pooling, 4 x 4 x 32 after it",
    maps["conv2"].shape == (8, 8, 16) and maps["conv3"].shape == (4, 4, 32),
)
kernel, bias = model.get_layer("conv1").get_weights()
patch = x[one, 2:5, 3:6, 0]
by_hand = max(0, (patch * kernel[:, :, 0, 0]).sum() + bias[0])
check("one number of conv1 by hand", abs(by_hand - maps["conv1"][3, 4, 0]) < 1e-5)

# %% [markdown]
r"""
In the first block you can still read the digit: its strokes, its left and right edges, or all that is *not* ink. In the
second you can't. A point of `conv4` no longer says "ink here" but "around here is something of the kind I look for".

## What excites a filter

Two ways to ask. First, show it all pictures and keep those where it answers most. Second, let the gradient *draw* one:
begin with grey, and change the picture (not the weights!) so that the filter's output grows. We do it for the four
choosiest of the 32 filters. **Predict:** do the five favourites of one filter show the same digit?
"""

# %% tags=["varies"]
inside = diptych.Model(model.inputs, model.get_layer("conv4").output)
answers = inside.predict(x, verbose=0).max(axis=(1, 2))  # (1797, 32): the strongest place counts
untrained = vgg()
first = diptych.Model(untrained.inputs, untrained.get_layer("conv4").output)
answers_before = first.predict(x, verbose=0).max(axis=(1, 2))


def share_of_one_digit(answers, n=20):
    """Of each filter's n favourites: what share shows the digit that is most frequent there."""
    favourites = np.argsort(-answers, axis=0)[:n]
    return np.array([np.bincount(y[rows]).max() / n for rows in favourites.T])


for name, values in (("before", answers_before), ("after", answers)):
    print(
        f"{name} training: {share_of_one_digit(values).mean():.2f} of 20 favourites are one digit"
    )


def drawn_for(f, steps=60):
    picture = diptych.Variable(np.full((1, 8, 8, 1), 0.4, "float32"))
    for _ in range(steps):
        with diptych.engine("fast"), diptych.GradientTape() as tape:
            excitement = diptych.ops.mean(inside(picture)[0, 1:3, 1:3, f])
        slope = np.asarray(tape.gradient(excitement, picture))
        step = 0.1 * slope / (np.abs(slope).max() + 1e-8)
        picture.assign(np.clip(picture.numpy() + step, 0, 1))
    return picture.numpy()


chosen = np.argsort(-share_of_one_digit(answers) - 1e-3 * answers.mean(axis=0))[:4]
drawings = [drawn_for(f) for f in chosen]
start = inside.predict(np.full((1, 8, 8, 1), 0.4, "float32"), verbose=0)[0, 1:3, 1:3].mean((0, 1))
for f, drawing in zip(chosen, drawings, strict=True):
    end = inside.predict(drawing, verbose=0)[0, 1:3, 1:3, f].mean()
    favourites = y[np.argsort(-answers[:, f])[:5]]
    print(f"filter {f:>2}: favourites {favourites}, grey {start[f]:.2f} -> drawn {end:.2f}")

# %% tags=["plot"]
# alt: Four filters of the last convolution, each with its five favourite pictures and the one that the gradient drew
figure, grid = plt.subplots(4, 6, figsize=(6.4, 4.9))
for row, f, drawing in zip(grid, chosen, drawings, strict=True):
    row[0].set_ylabel(f"filter {f}", fontsize=12)
    pictures = [*x[np.argsort(-answers[:, f])[:5]], drawing[0]]
    for axes, picture in zip(row, pictures, strict=True):
        squares = np.kron(picture[:, :, 0], np.ones((6, 6)))
        axes.imshow(squares, cmap="gray_r", vmin=0, vmax=1, interpolation="none")
        axes.set(xticks=[], yticks=[])
grid[0, 2].set_title("favourites", fontsize=12)
grid[0, 5].set_title("drawn", fontsize=12)
plt.show()

# %% tags=["check"]
check(
    "training makes the filters choosier",
    share_of_one_digit(answers).mean() > share_of_one_digit(answers_before).mean() + 0.05,
)
check(
    "what the gradient drew excites each filter more than grey",
    all(
        inside.predict(d, verbose=0)[0, 1:3, 1:3, f].mean() > start[f] + 0.1
        for f, d in zip(chosen, drawings, strict=True)
    ),
)

# %% [markdown]
r"""
Nobody told a filter about digits. But the dense layer at the end can only use what the filters report, and its gradient
makes them report what tells digits apart. The drawings are no digits, though. They say how a filter is best pleased:
by strokes in the right directions. Nobody asked for a picture that a human would have written.

## Where does it look?

Put a white patch of 3 × 3 over the digit, at each place in turn, and see how the probability of the right answer
falls. The darker a point, the more the answer depends on it.
"""

# %%
covered = np.repeat(x[one : one + 1], 36, axis=0)
for k in range(36):
    row, column = divmod(k, 6)
    covered[k, row : row + 3, column : column + 3] = 0
with_patch = model.predict(covered, verbose=0)[:, y[one]].reshape(6, 6)
row, column = np.unravel_index(with_patch.argmin(), (6, 6))
worst = model.predict(covered[6 * row + column][None], verbose=0)[0]
print(f"without a patch: {p[y[one]]:.3f} for {y[one]}")
print(
    f"patch at rows {row}-{row + 2}, columns {column}-{column + 2}: {worst[y[one]]:.3f}, it now says {worst.argmax()}"
)

# %% tags=["plot"]
# alt: The digit, the map of how much each covered place costs, and the digit under the patch that costs most
figure, panels = plt.subplots(1, 3, figsize=(6.8, 2.7))
panels[0].imshow(x[one, :, :, 0], cmap="gray_r", interpolation="nearest")
panels[0].set_title("the digit", fontsize=12)
panels[1].imshow(
    p[y[one]] - with_patch,
    cmap="gray_r",
    vmin=0,
    interpolation="nearest",
    extent=(0.5, 6.5, 6.5, 0.5),
)
panels[1].set(xlim=(-0.5, 7.5), ylim=(7.5, -0.5))
panels[1].set_title("cost of a patch", fontsize=12)
panels[2].imshow(
    covered[6 * row + column, :, :, 0], cmap="gray_r", vmin=0, vmax=1, interpolation="nearest"
)
panels[2].add_patch(plt.Rectangle((column - 0.5, row - 0.5), 3, 3, fill=False, ec="#d95f02", lw=3))
panels[2].set_title(f"taken for {worst.argmax()}", fontsize=12)
for axes in panels:
    axes.set(xticks=[], yticks=[])
plt.show()

# %% tags=["check"]
check("some patch costs more than a tenth of the probability", p[y[one]] - with_patch.min() > 0.1)
check("and some patch costs next to nothing", p[y[one]] - with_patch.max() < 0.05)

# %% [markdown]
r"""
## Dropout

In training, `Dropout(0.25)` sets a random quarter of the numbers to 0 and multiplies the others by 1 / 0.75.
**Predict** the mean of 10,000 ones that have gone through it; and what it does when the model only predicts.
"""

# %%
ones = np.ones((100, 100), "float32")
diptych.utils.set_random_seed(12)
dropped = np.asarray(layers.Dropout(0.25)(ones, training=True))
print(
    "values",
    np.unique(dropped).round(3),
    f"zeros {np.mean(dropped == 0):.3f}, mean {dropped.mean():.3f}",
)
idle = np.asarray(layers.Dropout(0.25)(ones, training=False))
without = vgg(dropout=0.0)
bare = without.fit(
    x[train], y[train], validation_data=(x[validation], y[validation]), epochs=20, verbose=0
)
for name, history in (("with", run.history), ("without", bare.history)):
    print(
        f"{name:<8} accuracy in the last epoch: training {history['accuracy'][-1]:.3f}, "
        f"validation {history['val_accuracy'][-1]:.3f}"
    )

# %% tags=["check"]
check(
    "the mean stays, within 3 standard errors",
    abs(dropped.mean() - 1) < 3 * np.sqrt(0.25 / 0.75 / dropped.size),
)
check("in predicting nothing is dropped", np.array_equal(idle, ones))
check(
    "with dropout the training score is the lower one",
    run.history["accuracy"][-1] < bare.history["accuracy"][-1],
)

# %% [markdown]
r"""
With dropout the training score is *below* the validation score: it's measured with a quarter of the numbers missing,
validation with all of them. Over 20 seeds validation was 0.982 with it and 0.980 without: on these digits it
makes little difference. It is for networks that over-fit, and this one hardly does.

## Break it, repair it

A convolution believes that neighbours belong together. Take that away: swap the 64 points of all pictures by one fixed
random order. No information is lost. **Predict:** what happens to the VGG, and what to the dense network?
"""

# %%
points = np.random.default_rng(0).permutation(64)
swapped = x.reshape(-1, 64)[:, points].reshape(x.shape)
confused = vgg()
confused.fit(swapped[train], y[train], epochs=20, batch_size=32, verbose=0)
indifferent = dense_network()
indifferent.fit(swapped[train], y[train], epochs=60, batch_size=100, verbose=0)
for name, before, after in (("dense", dense, indifferent), ("VGG", model, confused)):
    scores = (
        before.evaluate(x[test], y[test], verbose=0)[1],
        after.evaluate(swapped[test], y[test], verbose=0)[1],
    )
    print(f"{name:<6} test accuracy {scores[0]:.3f}, points swapped {scores[1]:.3f}")

# %% tags=["check"]
check("with swapped points the VGG reads fewer of the test pictures", scores[1] < tested)
still = indifferent.evaluate(swapped[test], y[test], verbose=0)[1]
check(
    "the dense network doesn't mind",
    abs(still - dense.evaluate(x[test], y[test], verbose=0)[1]) < 0.05,
)

# %%
back = swapped.reshape(-1, 64)[:, np.argsort(points)].reshape(x.shape)
print("the points put back: the same pictures", np.array_equal(back, x))

# %% [markdown]
r"""
Over 20 seeds the VGG's test accuracy was 0.981 ± 0.008 in order and 0.970 ± 0.010 swapped; the dense network's 0.966.
So it loses most of its lead, not all: these pictures are so small that the second block sees them whole, and can still
combine points that lie far apart. The repair is to put the points back. And the lesson: a VGG isn't better as such. It
is better where what it believes is true.

**What you saw.** The first convolutions find edges and strokes, pooling forgets where exactly, the next ones put them
together into parts that tell digits apart, and a small dense layer reads the answer off them. It needs a sixteenth of
the weights, because one filter serves all places.

Last, both engines: four pictures, every activation and every gradient.
"""

# %%
comparison = diptych.compare_engines(model, x[test[:4]], y[test[:4]])
print(f"{len(comparison.rows)} arrays, largest difference {comparison.max_difference:.0e}")

# %% tags=["check"]
check(
    "every activation and gradient agrees to float32's accuracy", comparison.max_difference < 1e-4
)

# %% [markdown]
r"""
## Exercises

1. How many weights would the network have with windows of 5 × 5? And how many would its dense layer have without the
   two poolings?
2. Shift all test pictures by one point to the right. Which network loses more, the dense one or the VGG?
3. Train it on the page's 生成虚拟数据: random pictures with random labels. What are the training and the
   validation accuracy?

[Answers](../answers/12.py), as a script that checks them.
"""

# %%
check.done()
