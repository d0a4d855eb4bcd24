# Question: what does the model look like, what does it get wrong, and how is it kept?   Seeds: 2e, 4a.
# Engine: fast; reference beside it on one batch.   Time: seconds.
# %% [markdown]
r"""
# Digits: seeing, counting and saving a network

> 下面以手写数字辨识为例子来熟悉一下Keras 的基本操作
>
> Keras可以保存并在下次加载model。在Documents中有说明。
>
> 1 模型的结构是什么样子的? - 需要可视化
>
> *"Let us get to know Keras with the recognition of handwritten digits"*, begins an old page, and near its end:
> *"Keras can save a model and load it next time. See the documents."* Another student asks: *"What does the structure
> of a model look like? It has to be made visible."*

**Predict before you run.** The page's network has two hidden layers of 500 units and ten outputs. Our pictures have 64
points. How many weights is that? Write the number down, and don't forget the biases.
"""

# %%
import tempfile
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import layers
from diptych.teach import Checks, confusion_matrix, worst_mistakes

check = Checks("09")
folder = Path(tempfile.mkdtemp())

# %% [markdown]
r"""
## The pictures

1,797 real digits, 8 × 8 points each, that come with the library. (The old page has 28 × 28 points, 784 of them. Ours
train in seconds, without a network.) A picture becomes a row of 64 numbers between 0 and 1; the digit 3 becomes a row
of ten numbers with a single 1 at place 3, as the page says: "用1来表示某一个选项，其余的为0".
"""

# %%
(x, y), (x_rest, y_rest) = diptych.datasets.digits.load_data()
x = np.concatenate([x, x_rest]).reshape(-1, 64).astype("float32") / 16
y = np.concatenate([y, y_rest]).astype(int)
order = np.random.default_rng(9).permutation(len(x))
train, validation, test = order[:1297], order[1297:1547], order[1547:]
one_hot = diptych.utils.to_categorical(y, 10)
print("x", x[train].shape, "y", one_hot[train].shape)
print("a label:", y[train[0]], "->", one_hot[train[0]].astype(int))

# %% tags=["plot"]
# alt: Twenty handwritten digits of 8 by 8 grey points, two of each from 0 to 9
BLUE, ORANGE = "#1f5fa8", "#d95f02"
figure, grid = plt.subplots(4, 5, figsize=(6.4, 5.4))
for k, axes in enumerate(grid.T.reshape(5, 2, 2).transpose(1, 0, 2).reshape(-1)):
    digit, which = divmod(k, 2)
    axes.imshow(x[y == digit][which].reshape(8, 8), cmap="gray_r", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_title(f"{digit}", fontsize=12, pad=3)
plt.show()

# %% [markdown]
r"""
## The network

This is what the page wants to say. Four lines of its code don't run today, or never did: comments begin with `#` in
Python, not with `//`; `ouput_dim` and `[accuracy']` have typing errors; `input_dim=…, output_dim=500` is `Dense(500)`
after an `Input` now, and `nb_epoch` is `epochs`.
"""


# %%
def network(seed=0, engine="fast"):
    diptych.utils.set_random_seed(seed)
    model = diptych.Sequential(
        [
            diptych.Input((64,)),
            layers.Dense(500, activation="sigmoid", name="first"),
            layers.Dense(500, activation="sigmoid", name="second"),
            layers.Dense(10, activation="softmax", name="answer"),
        ],
        name="hello",
        engine=engine,
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


model = network()
model.summary()

# %% [markdown]
r"""
Was your number the same? A layer with $D$ inputs and $U$ units has $D \cdot U$ weights and $U$ biases. For each picture
$x$ it computes

$$y_u = \text{activation}\Big(\sum_{d=1}^{D} x_d\, W_{d,u} + b_u\Big)$$

Here is the function that does it, in the reference engine. The sum over $d$ is the `@`:
"""

# %%
print("\n".join(diptych.show("dense_forward")[0].lines("reference")))

# %%
sizes = [64, 500, 500, 10]
for D, U in zip(sizes, sizes[1:], strict=False):
    print(f"{D:>3} * {U:>3} + {U:>3} = {D * U + U:>7,}")
by_hand = sum(D * U + U for D, U in zip(sizes, sizes[1:], strict=False))
print(f"{'together':>15} {by_hand:>7,}")

# %% tags=["check"]
check("288,010 weights, by hand and by the library", by_hand == model.count_params() == 288_010)

# %% [markdown]
r"""
And the picture that was asked for, from `plot_model`. It needs no other program, and writes SVG, PNG or PDF. `None` is
the batch: any number of pictures.
"""

# %%
# alt: Three boxes from top to bottom, the Dense layers, each with its activation and the shapes that go in and come out
diptych.utils.plot_model(
    model,
    folder / "model.svg",
    show_shapes=True,
    show_layer_names=True,
    show_layer_activations=True,
)

# %% tags=["check"]
drawn = (folder / "model.svg").read_text(encoding="utf-8")
check(
    "the drawing has every layer of the summary, with its shape",
    all(layer.name in drawn and str(layer.output.shape) in drawn for layer in model.layers),
)

# %% [markdown]
r"""
## Training

**Predict:** 1,297 pictures in batches of 100, 60 epochs. How many updates?
"""

# %%
untrained = model.get_weights()[0]
run = model.fit(
    x[train],
    one_hot[train],
    batch_size=100,
    epochs=60,
    validation_data=(x[validation], one_hot[validation]),
    verbose=0,
)
for epoch in (0, 19, 59):
    print(
        f"epoch {epoch + 1:>2}: loss {run.history['loss'][epoch]:.3f}, "
        f"validation accuracy {run.history['val_accuracy'][epoch]:.3f}"
    )
print("updates:", int(model.optimizer.iterations.numpy()))

# %%
# alt: Two charts over 60 epochs: loss and accuracy, in training and in validation, with the best epoch marked
run.plot()

# %% tags=["check"]
check("13 batches an epoch, 780 updates", model.optimizer.iterations.numpy() == 13 * 60)
check("at least 91 % of the validation pictures are right", run.history["val_accuracy"][-1] >= 0.91)

# %% [markdown]
r"""
(Over 20 seeds, each with its own cut: validation accuracy 0.918 ± 0.015 after 20 epochs, 0.959 ± 0.011 after 60,
never below 0.936. The page says 20 epochs; but its 10,000 pictures give 2,000 updates in them, ours 260.)

## What it takes for what

An accuracy is one number. Which digits are confused? **Predict** a pair. In this table a row is what a picture *is*, a
column is what the network *took it for*; right answers lie on the diagonal.
"""

# %%
# alt: Ten by ten counts, nearly all on the diagonal; off it stand the few pictures that were taken for another digit
matrix = confusion_matrix(model, x[validation], y[validation])
matrix.plot()

# %%
off = matrix.counts - np.diag(np.diag(matrix.counts))
for k in np.argsort(-off, axis=None, kind="stable")[:3]:
    true, taken = divmod(int(k), 10)
    total = matrix.counts[true].sum()
    print(f"{off[true, taken]} of the {total} pictures of {true} are taken for {taken}")
print(f"right: {np.trace(matrix.counts)} of {matrix.counts.sum()}, accuracy {matrix.accuracy:.3f}")

# %% tags=["check"]
check("each validation picture is counted once", matrix.counts.sum() == 250)
check(
    "the diagonal's share is evaluate's accuracy",
    abs(matrix.accuracy - model.evaluate(x[validation], one_hot[validation], verbose=0)[1]) < 1e-6,
)

# %% [markdown]
r"""
Now look at the pictures themselves: those to whose true digit the network gave the least probability. Would you have
read them?
"""

# %%
# alt: The pictures that the network got most wrong, each with what it is, what it was taken for, and how sure it was
mistakes = worst_mistakes(model, x[validation], y[validation], n=6)
for one in mistakes:
    one.sample = 1 - one.sample.reshape(8, 8)  # a picture again, black on white
mistakes.plot()

# %% [markdown]
r"""
## What the first layer looks at

Each of the 500 units has 64 weights, one for each point: a picture, too. Where it's dark, ink makes the unit say yes;
where it's light, ink makes it say no. In the upper row are six units before the training, those whose weights will
move most; in the lower row the same units after it. **Predict:** will you see digits in them?
"""

# %% tags=["plot"]
# alt: Weights of six units as 8 by 8 pictures: noise before the training, patches of dark and light after it
trained = model.get_weights()[0]
moved = np.linalg.norm(trained - untrained, axis=0)
units = np.sort(np.argsort(moved)[-6:])
figure, grid = plt.subplots(2, 6, figsize=(6.4, 2.7))
largest = np.abs(trained[:, units]).max()
for row, (name, weights) in enumerate((("before", untrained), ("after", trained))):
    for axes, unit in zip(grid[row], units, strict=True):
        image = weights[:, unit].reshape(8, 8)
        axes.imshow(image, cmap="gray_r", vmin=-largest, vmax=largest, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
    grid[row, 0].set_ylabel(name)
for axes, unit in zip(grid[0], units, strict=True):
    axes.set_title(f"unit {unit}", fontsize=11)
plt.show()


# %%
def roughness(weights):
    """Mean squared difference of neighbouring points, compared with the weights' variance."""
    images = weights.T.reshape(-1, 8, 8)
    steps = np.concatenate(
        [np.diff(images, axis=k).reshape(len(images), -1) for k in (1, 2)], axis=1
    )
    return (steps**2).mean() / (2 * images.var())


never = x[train].max(axis=0) == 0
places = np.argwhere(never.reshape(8, 8)).tolist()
print(f"roughness before {roughness(untrained):.2f}, after {roughness(trained):.2f}")
print("no training picture has ink at (row, column):", places)
print("the weights there are as they were:", np.array_equal(trained[never], untrained[never]))

# %% tags=["check"]
check(
    "before the training neighbouring points know nothing of each other",
    abs(roughness(untrained) - 1) < 0.05,
)
check(
    "after it they have come nearer to each other", roughness(trained) < 0.9 * roughness(untrained)
)
check(
    "weights at points without ink have not changed by a bit",
    never.any() and np.array_equal(trained[never], untrained[never]),
)

# %% [markdown]
r"""
A roughness of 1 says that neighbours differ as much as any two points; of 0, that they are equal. And no digits. The
units look for patches of ink and of paper, and the second layer puts them together. Where no picture has
ink, $x_d = 0$ for all of them, so the gradient of $W_{d,u}$, which is $x_d$ times something, is exactly 0: those
weights still are what the random numbers made them.

## Save, and load next time

One line each. A `.keras` file is a zip archive, so let's look inside before we believe it.
"""

# %%
model.save(folder / "hello.keras")
with zipfile.ZipFile(folder / "hello.keras") as archive:
    for member in archive.infolist():
        print(f"{member.filename:<18} {member.file_size:>9,} bytes")

# %% [markdown]
r"""
**Predict:** 288,010 weights of 4 bytes are 1.15 million bytes. Why is the last file three times as large?
"""

# %%
loaded = diptych.saving.load_model(folder / "hello.keras")
same = np.array_equal(
    loaded.predict(x[validation], verbose=0), model.predict(x[validation], verbose=0)
)
print("the loaded model's predictions are the same bits:", same)
slots = sum(np.asarray(v).size for v in loaded.optimizer.variables)
print(f"weights {loaded.count_params():,}, numbers of the optimizer {slots:,}")

# %% tags=["check"]
check("predictions after loading are equal, bit for bit", same)
check("Adam keeps two numbers for each weight, and two of its own", slots == 2 * 288_010 + 2)

# %% [markdown]
r"""
The optimizer is in the file as well: Adam remembers two numbers for each weight. What for? So that you can go on as if
you had never stopped. We train ten more epochs twice: with the model that was never away, and with the loaded one.
"""


# %%
def ten_more(model):
    diptych.utils.set_random_seed(1)  # so that both shuffle alike
    model.fit(x[train], one_hot[train], batch_size=100, epochs=10, verbose=0)
    return model.get_weights()


def distance(weights, others):
    return max(np.abs(a - b).max() for a, b in zip(weights, others, strict=True))


never_away = ten_more(model)
resumed = ten_more(loaded)
print(f"largest difference between the weights: {distance(never_away, resumed)}")

# %% tags=["check"]
check(
    "saved, loaded and resumed: the same bits as never stopped",
    all(np.array_equal(a, b) for a, b in zip(never_away, resumed, strict=True)),
)

# %% [markdown]
r"""
## Break it, repair it

Many people keep only the weights: `get_weights()` into a file, `set_weights()` into a new model. **Predict:** will the
ten epochs after that end with the same bits?
"""

# %%
before = diptych.saving.load_model(folder / "hello.keras")
np.savez(folder / "weights.npz", *before.get_weights())

forgetful = network()
with np.load(folder / "weights.npz") as arrays:
    forgetful.set_weights(list(arrays.values()))
equal = np.array_equal(
    forgetful.predict(x[validation], verbose=0), before.predict(x[validation], verbose=0)
)
print("predictions the same bits:", equal)
print(
    f"after ten more epochs the weights differ by up to {distance(never_away, ten_more(forgetful)):.4f}"
)

# %% tags=["check"]
check("with the weights alone the predictions are the same", equal)
check("but the training goes on otherwise", distance(never_away, forgetful.get_weights()) > 1e-4)

# %% [markdown]
r"""
For predicting, weights are enough. For going on, they aren't: Adam begins again with empty memory and large first
steps. The repair is what you saw above: save the whole model. (The file opens in Netron, too, a viewer for networks.)

## Testing and predicting

The page's last lines, with what they return. The test part is opened here for the first time.
"""

# %%
score = loaded.evaluate(x[test], one_hot[test], verbose=0)
print("loss on the test set:", round(score[0], 3))
print("accuracy on the test set:", round(score[1], 3))
result = loaded.predict(x[test[:1]], verbose=0)
print("the first picture's ten probabilities:", result[0].round(3))
print("so it is taken for", result[0].argmax(), "and it is", y[test[0]])

# %% tags=["check"]
check("the ten probabilities sum to 1", abs(result.sum() - 1) < 1e-6)
check("at least 91 % of the test pictures are right", score[1] >= 0.91)

# %% [markdown]
r"""
**What you saw.** A model is layers and numbers; you can count the numbers with a pencil, draw the layers, look at the
weights as pictures, and ask which picture goes wrong and how. A file holds all of it, optimizer included, and the
training goes on from it to the same bits.

Last, the other engine: the same weights through the reference.
"""

# %%
twin = network(engine="reference")
twin.set_weights(loaded.get_weights())
fast_says, reference_says = (m.predict(x[test], verbose=0).argmax(axis=1) for m in (loaded, twin))
print(f"the same answer for {(fast_says == reference_says).mean():.1%} of the test pictures")
comparison = diptych.compare_engines(loaded, x[train[:100]], one_hot[train[:100]])
print(f"largest difference of all values and gradients: {comparison.max_difference:.0e}")

# %% tags=["check"]
check("the engines' answers agree", (fast_says == reference_says).mean() >= 0.999)
check("and their numbers to float32's accuracy", comparison.max_difference < 1e-4)

# %% [markdown]
r"""
## Exercises

1. How many weights has the page's own network, with 784 points? Which layer has most of them?
2. Swap the 64 points of all pictures by one fixed random order, and train again. Does the accuracy fall? Why not?
3. The largest mistake in the confusion matrix: what share of *all* mistakes is it? How would you weigh it if reading a
   7 as a 1 cost ten times as much as other mistakes?

[Answers](../answers/09.py), as a script that checks them.
"""

# %%
check.done()
