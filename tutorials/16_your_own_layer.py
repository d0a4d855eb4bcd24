# Question: what if the layer that you need is not there?   Seed: 003.
# Engine: one that you write, for both.   Time: half a minute, most of it for the C compiler.
# %% [markdown]
r"""
# Your own layer, in both engines

> Keras 的核心数据结构是 model，一种组织网络层的方式
>
> *"The core data structure of Keras is the model, a way to organise layers."* So an old tutorial says, and then takes
> its layers from a list. Sooner or later the one you need is not on it. Here you write one: first as three lines, then
> as an equation with a gradient of its own, then in Cython.

The layer is *ScaleNorm* (Nguyen and Salazar, 2019). It gives every row the same length, $g$, and learns $g$:

$$y = g\, \hat x, \qquad \hat x = \frac{x}{\lVert x \rVert}, \qquad \lVert x \rVert = \sqrt{\textstyle\sum_d x_d^2}$$

**Predict before you run.** Suppose the loss pulls $y$ straight outward, in the direction of $\hat x$. What is the
gradient of the loss by $x$?
"""

# %%
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import layers, ops
from diptych.teach import Checks

sys.path.insert(0, str(Path(globals().get("__file__", "here")).resolve().parent))
import kernels  # noqa: E402  (the folder beside this page)

check = Checks("16")
rng = np.random.default_rng(16)

# %% [markdown]
r"""
## Three lines

`build` makes the weight once the size of the input is known, `call` computes with `diptych.ops`. There is no backward:
the tape knows the gradient of each operation. This may be all that you ever need. (`gradcheck`, below, moves all
numbers of an array a little in one random direction, and compares the slope with that of the tape: a number for each
array.)
"""


# %%
class ScaleNormOfOps(layers.Layer):
    def build(self, input_shape):
        self.g = self.add_weight(name="g", shape=(1,), initializer="ones")

    def call(self, x):
        length = ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True))
        return self.g * x / ops.maximum(length, 1e-5)


x = rng.normal(size=(3, 4))
print("lengths of the rows before", np.linalg.norm(x, axis=1).round(3))
after = np.asarray(ScaleNormOfOps()(x))
print("and after                 ", np.linalg.norm(after, axis=1).round(3))
print(diptych.gradcheck(ScaleNormOfOps(), x))

# %% tags=["check"]
check("every row has the length g = 1", np.allclose(np.linalg.norm(after, axis=1), 1))
check("finite differences agree", diptych.gradcheck(ScaleNormOfOps(), x).max_error <= 1e-6)

# %% [markdown]
r"""
## The gradient, by hand

Why write one at all? To understand the layer, and to save work: the lines above make six arrays on the way, and six
more on the way back.

Let $dy$ be the gradient by $y$. First $g$: it multiplies $\hat x$ in every row, so $dg = \sum_n dy_n \cdot \hat x_n$.

Then $x$. Divide $dy$ into a part along $\hat x$ and a part across it.

- *Across*: if $x$ moves sideways by a little, $\hat x$ moves sideways too, by $1 / \lVert x \rVert$ of it.
- *Along*: if $x$ grows longer, $y$ stays where it is. This part of $dy$ has no effect at all. It's taken away:

$$dx = \frac{g}{\lVert x \rVert} \left( dy - \hat x\, (\hat x \cdot dy) \right)$$

So the answer to the question above: a pull straight outward has the gradient **zero**. The picture shows it for rows
of two numbers: $y$ can only move on the circle.
"""

# %% tags=["plot"]
# alt: A circle of radius g; x outside of it, y on it, the gradient dy as an arrow, and dx as its part along the circle
point, g_drawn, pull = np.array([1.5, 1.0]), 1.0, np.array([-0.15, 0.75])
unit = point / np.linalg.norm(point)
across = pull - unit * (unit @ pull)
figure, axes = plt.subplots(figsize=(5.4, 4.6))
angle = np.linspace(-0.3, 1.9, 200)
axes.plot(np.cos(angle), np.sin(angle), color="0.5")
axes.plot([0, point[0]], [0, point[1]], color="0.5", ls=":")
for start, arrow, colour, width in ((unit, pull, "black", 2.5), (unit, across, "#1f5fa8", 4)):
    axes.annotate(
        "", start + arrow, start, arrowprops={"arrowstyle": "->", "color": colour, "lw": width}
    )
ends = np.array([unit + pull, unit + across])
axes.plot(*ends.T, color="#d95f02", lw=2, ls="--")
axes.plot(*point, "ko", ms=8)
axes.plot(*unit, "ko", ms=8)
for text, (at_x, at_y), colour in (
    ("x", point + (0.06, -0.02), "black"),
    ("y", unit + (0.08, -0.08), "black"),
    ("dy", unit + 0.5 * pull + (0.05, 0.0), "black"),
    ("across: kept", unit + across + (-0.62, 0.0), "#1f5fa8"),
    ("along: taken away", (0.3, 1.38), "#d95f02"),
    ("circle of radius g", (1.05, 0.0), "0.3"),
):
    axes.text(at_x, at_y, text, color=colour, fontsize=13)
axes.set(xlim=(-0.2, 1.9), ylim=(-0.35, 1.55), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
plt.show()

# %% [markdown]
r"""
Now as a pair of functions, in the form that all of the library's have: forward returns what it computed and a `cache`
for the way back; backward takes `dy` and the cache, and returns a gradient for each argument. Beside each line of
backward stands the forward line that it undoes.
"""


# %%
def scale_norm_forward(x, g, epsilon):
    """y = g x_hat,   x_hat = x / max(|x|, epsilon)"""
    length = np.maximum(np.sqrt((x**2).sum(axis=-1)), epsilon)
    x_hat = x / length[..., None]
    return g * x_hat, (x, g, length)


def scale_norm_backward(dy, cache):
    """dx = g / |x| (dy - x_hat (x_hat . dy)),   dg = sum over rows of x_hat . dy"""
    x, g, length = cache
    x_hat = x / length[..., None]
    along = (dy * x_hat).sum(axis=-1)
    dg = np.array([along.sum()], x.dtype)  # y = g x_hat
    dx = g / length[..., None] * (dy - x_hat * along[..., None])  # x_hat = x / |x|
    return dx, dg


x, g, dy = rng.normal(size=(3, 4)), np.array([1.7]), rng.normal(size=(3, 4))
y, cache = scale_norm_forward(x, g, 1e-5)
dx, dg = scale_norm_backward(dy, cache)
direction, h = rng.normal(size=x.shape), 1e-6
moved = [scale_norm_forward(x + s * h * direction, g, 1e-5)[0] for s in (1, -1)]
numeric = (dy * (moved[0] - moved[1])).sum() / (2 * h)
print(f"the slope along a random direction: {(dx * direction).sum():.9f}")
print(f"the same by moving x a little:      {numeric:.9f}")

# %% tags=["check"]
error = abs((dx * direction).sum() - numeric) / np.abs(dx * direction).sum()
check("the gradient by x agrees with differences to 1e-6", error <= 1e-6)
outward = scale_norm_backward(y, cache)[0]
check("a pull straight outward has the gradient zero", np.abs(outward).max() < 1e-12)

# %% [markdown]
r"""
## The twin in Cython

The same two functions for the fast engine. Read the middle, `forward` and `backward`: the equation as loops, with
types. `prange` shares the rows among threads. Each row is written by one thread only, and its share of $dg$ is put in
a place of its own and added up at the end, in the same order for any number of threads.
"""

# %%
print(kernels.source("scale_norm"))

# %%
compiled = kernels.build("scale_norm") if kernels.compiler() else None
print("compiled" if compiled else "no C compiler or no Cython here: the twin is left out")

# %% [markdown]
r"""
A parity test, small but with the edges in it: one row, one number in a row, odd widths, a row of zeros, both types.
The truth is the reference in float64; the error is measured against the largest number computed. [Reading a parity
test](15_reading_a_parity_test.md) says why.
"""


# %%
def largest_error(twin, shape, dtype):
    """Of y, dx and dg, relative to the largest element of each."""
    x, dy = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    x[0] = 0  # a row of zeros: the length is epsilon then
    if len(x) > 1:
        x[-1] *= 1e-3
    g = np.array([1.7], dtype)
    sides = []
    for forward, backward, kind in (
        (scale_norm_forward, scale_norm_backward, np.float64),
        (twin.scale_norm_forward, twin.scale_norm_backward, dtype),
    ):
        y, cache = forward(x.astype(kind), g.astype(kind), 1e-5)
        sides.append((y, *backward(dy.astype(kind), cache)))
    return max(np.abs(a - b).max() / (np.abs(a).max() + 1e-30) for a, b in zip(*sides, strict=True))


if compiled:
    shapes = [(1, 1), (1, 7), (2, 1), (5, 3)] + [
        tuple(rng.integers(1, 40, size=2)) for _ in range(46)
    ]
    errors = {
        dtype: max(largest_error(compiled, shape, dtype) for shape in shapes)
        for dtype in (np.float64, np.float32)
    }
    print(f"{len(shapes)} shapes, the largest relative error:")
    for dtype, allowed in ((np.float64, 1e-12), (np.float32, 1e-5)):
        print(f"{dtype.__name__}: below {allowed:g} {errors[dtype] < allowed}")

# %% tags=["check"]
if compiled:
    check("50 shapes agree in float64 to 1e-12", errors[np.float64] < 1e-12)
    check("and in float32 to 1e-5", errors[np.float32] < 1e-5)
else:
    check.skip(2, "no C compiler")

# %% [markdown]
r"""
## Into the library

An engine is a name and a bundle of modules, so a pair of twins is put into it by giving it a name there. `Twin` makes
an operation of the pair: it asks which engine is in force, calls its forward, and leaves backward to the tape. It is
told the module and the pair's name, here the same word, and the shape of what comes out.
(Without a compiler the reference has to stand in for both, here alone; the library itself never does that.)
"""

# %%
from types import SimpleNamespace

from diptych.operation import Twin

reference = SimpleNamespace(
    scale_norm_forward=scale_norm_forward, scale_norm_backward=scale_norm_backward
)
diptych.engine.get("reference").scale_norm = reference
diptych.engine.get("fast").scale_norm = compiled or reference
scale_norm = Twin("scale_norm", "scale_norm", shape=lambda x, g, epsilon: x)


@diptych.saving.register_keras_serializable("tutorial")
class ScaleNorm(layers.Layer):
    """Gives every row the length g, which is learned."""

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.g = self.add_weight(name="g", shape=(1,), initializer="ones")

    def call(self, x):
        return scale_norm((x, self.g), self.epsilon)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


for engine in ("reference", "fast"):
    report = diptych.gradcheck(ScaleNorm(), rng.normal(size=(5, 7)), engine=engine)
    print(f"{engine}: gradients right to 1e-6: {report.ok}")

# %% tags=["check"]
for engine in ("reference", "fast"):
    check(
        f"gradcheck on the {engine} engine",
        diptych.gradcheck(ScaleNorm(), rng.normal(size=(5, 7)), engine=engine).max_error <= 1e-6,
    )
given = rng.normal(size=(6, 5))
check(
    "g = 1 gives the library's UnitNormalization",
    np.allclose(ScaleNorm()(given), layers.UnitNormalization()(given), atol=1e-6),
)

# %% [markdown]
r"""
And now it's a layer like any other: in a `Sequential`, trained, saved, loaded. The digits are 8 × 8 points each. One
half of them was written with a pale pen: all numbers a thirtieth. ScaleNorm gives all of them the same strength.
"""

# %%
(x_train, y_train), (x_test, y_test) = diptych.datasets.digits.load_data()


def pale(images, seed):
    """As rows of 64 numbers, about every second image pale."""
    strength = np.where(np.random.default_rng(seed).random(len(images)) < 0.5, 1.0, 0.03)
    return (images.reshape(-1, 64) / 16 * strength[:, None]).astype("float32")


x_train, x_test = pale(x_train, 0), pale(x_test, 1)


def network(engine, *first, seed=0):
    diptych.utils.set_random_seed(seed)
    hidden = layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")
    model = diptych.Sequential([diptych.Input((64,)), *first, *hidden], engine=engine)
    sgd = diptych.optimizers.SGD(0.1)
    model.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(model, epochs=20, seed=0):
    diptych.utils.set_random_seed(seed)  # of the order of the rows
    return model.fit(x_train, y_train, epochs=epochs, batch_size=32, verbose=0).history["loss"]


models = {name: network(name, ScaleNorm(name="norm")) for name in ("reference", "fast")}
losses = {name: train(model) for name, model in models.items()}
plain = network("fast")
losses["without"] = train(plain)
for name, model in (*models.items(), ("without", plain)):
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    print(f"{name:<10} loss {losses[name][-1]:.3f}   accuracy on new digits {accuracy:.2f}")
print("g went from 1 to", models["fast"].get_layer("norm").g.numpy().round(1))

# %% tags=["plot"]
# alt: Loss against the epoch: with ScaleNorm it falls, the same on both engines; without it, it falls later and less
figure, axes = plt.subplots(figsize=(6.4, 3.8))
epochs = range(1, 21)
axes.plot(epochs, losses["without"], color="0.45", ls="--", lw=2, label="without ScaleNorm")
axes.plot(epochs, losses["reference"], color="#d95f02", lw=5, alpha=0.6, label="reference engine")
axes.plot(epochs, losses["fast"], color="#1f5fa8", lw=1.8, label="fast engine")
axes.set(xlabel="epoch", ylabel="loss", xticks=range(0, 21, 5), ylim=(0, None))
axes.legend()
plt.show()

# %% [markdown]
r"""
Was that luck? With 20 other seeds the last loss was 0.056 ± 0.004 of the one without the layer, and the two engines
never differed by more than 4e-7 of the loss.
"""

# %%
with tempfile.TemporaryDirectory() as folder:
    models["fast"].save(Path(folder) / "digits.keras")
    loaded = diptych.models.load_model(Path(folder) / "digits.keras")
same = np.array_equal(models["fast"].predict(x_test, verbose=0), loaded.predict(x_test, verbose=0))
print("the loaded model answers with the same bits:", same)

# %% tags=["check"]
check(
    "both engines train to the same loss",
    np.allclose(losses["reference"], losses["fast"], rtol=1e-3),
)
check(
    "and to the same weights",
    all(
        np.allclose(a, b, atol=1e-3)
        for a, b in zip(*(m.get_weights() for m in models.values()), strict=True)
    ),
)
check("saved and loaded: the same bits", same)
check("with the layer it learns faster here", losses["fast"][-1] < 0.2 * losses["without"][-1])

# %% [markdown]
r"""
## Break it

The most common mistake in a backward is to forget a path. Here: treat $\lVert x \rVert$ as if it were a constant, and
leave the second term out, $dx = \frac{g}{\lVert x \rVert}\, dy$. ScaleNorm now stands *behind* a dense layer, so that
its $dx$ is needed.

**Predict:** will the network with the wrong gradient fail to train?
"""


# %% tags=["varies"]
def forgetful_backward(dy, cache):
    x, g, length = cache
    x_hat = x / length[..., None]
    dg = np.array([(dy * x_hat).sum()], x.dtype)
    return g / length[..., None] * dy, dg


def deep(seed=0):
    diptych.utils.set_random_seed(seed)
    parts = [
        diptych.Input((64,)),
        layers.Dense(32),
        ScaleNorm(),
        layers.Dense(10, activation="softmax"),
    ]
    model = diptych.Sequential(parts, engine="reference")
    model.compile(diptych.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    return model


right = train(deep(), epochs=10)
report_right = diptych.gradcheck(deep(), x_train[:5], y_train[:5])
diptych.engine.get("reference").scale_norm = SimpleNamespace(
    scale_norm_forward=scale_norm_forward, scale_norm_backward=forgetful_backward
)
scale_norm = Twin("scale_norm", "scale_norm", shape=lambda x, g, epsilon: x)  # looks it up anew
wrong = train(deep(), epochs=10)
report_wrong = diptych.gradcheck(deep(), x_train[:5], y_train[:5])
print("loss with the right gradient ", np.round(right[::3], 2))
print("loss with the wrong gradient ", np.round(wrong[::3], 2))
print(report_wrong)

# %% tags=["check"]
check("the wrong gradient trains all the same", wrong[-1] < 0.75 * wrong[0])
check("gradcheck is not deceived", report_right.ok and not report_wrong.ok)

# %% [markdown]
r"""
It trains, and the loss falls. **A falling loss is no proof of a gradient.** The wrong one still points roughly
downhill. Only `gradcheck` tells, and it even tells where: what lies behind the layer is right, what lies in front of
it is wrong. And parity would have been content, had the Cython twin been made from the wrong equation.

Repair it: put the right pair back.
"""

# %%
diptych.engine.get("reference").scale_norm = reference
scale_norm = Twin("scale_norm", "scale_norm", shape=lambda x, g, epsilon: x)
print("gradients right again:", diptych.gradcheck(deep(), x_train[:5], y_train[:5]).ok)

# %% [markdown]
r"""
## Was it worth it?

The same layer three times, forward and backward, on 4096 rows of 256 numbers in float32.
"""

# %% tags=["timing"]
x_large = rng.normal(size=(4096, 256)).astype("float32")


def milliseconds(layer, engine):
    layer(x_large[:2])
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        with diptych.engine(engine), diptych.GradientTape() as tape:
            x = diptych.ops.convert_to_tensor(x_large)
            tape.watch(x)
            y = ops.sum(layer(x))
        tape.gradient(y, [x, *layer.trainable_variables])
        best = min(best, time.perf_counter() - start)
    return 1000 * best


for name, layer, engine in (
    ("three lines of ops", ScaleNormOfOps(), "fast"),
    ("the reference pair", ScaleNorm(), "reference"),
    *([("the Cython twin", ScaleNorm(), "fast")] if compiled else []),
):
    print(f"{name:<20}{milliseconds(layer, engine):>8.1f} ms")

# %% [markdown]
r"""
The three lines are for trying things out. The pair is for understanding. The twin is for training, and only where the
layer is what the time goes into.

What is left to do in the library itself, should your layer go there, says its [list of
recipes](../../docs/recipes.md): a table of cases, and the tests follow from it.

## Exercises

1. Leave $g$ out ($g = 1$, not learned). Which lines change in the equation, in the reference, in the Cython file?
2. Derive the backward of *RMSNorm*, $y = g\, x / \sqrt{\tfrac{1}{D} \sum_d x_d^2}$, from ScaleNorm's. What is the only
   difference? Check it with differences.
3. Forget $dg$ instead (return zeros). Does the network train? Does `gradcheck` notice?

[Answers](../answers/16.py), as a script that checks them.
"""

# %%
check.done()
