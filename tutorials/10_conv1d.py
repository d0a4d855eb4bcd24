# Question: what are the dimensions of a Conv1D layer's input and output, and why?   Seeds: 3b.
# Engine: reference, one section after the other; fast to train; both at the end.   Time: seconds.
# %% [markdown]
r"""
# Conv1D, one dimension at a time

> 因为 Keras 库是对各种神经网络库的高级抽象层，所以对于初学者来说容易迷惑的是各个神经网络层的输入输出数据的维度。1 维
>
> *"Because Keras is a high-level layer over several neural network libraries, what easily confuses a beginner is the
> dimensions of each layer's input and output. One-dimensional"* Here an old Keras tutorial, about to explain `Conv1D`,
> stops in the middle of the sentence. This page goes on from there.

**Predict before you run.** A layer `Conv1D(4, 3)` is given 8 sequences of 10 steps, and each step is 3 numbers. What
shape comes out? How many weights has the layer? Write both down; the answer comes in the middle of the page.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import layers
from diptych.teach import Checks

check = Checks("10")
diptych.utils.set_random_seed(10)

# %% [markdown]
r"""
## A window that slides

Begin with the least there is: one sequence, one number at each step, and three weights. The three weights are a
*kernel*. It lies over the first three numbers; each weight is multiplied by the number under it, and the products are
added up. That is the first output. Then the kernel moves on by one step.

Take a pencil. The kernel $(-1, 0, 1)$ compares each number with the one two steps before it. The first output is
$-1 \cdot 2 + 0 \cdot 2 + 1 \cdot 2 = 0$. What are the other five?
"""

# %%
sequence = np.array([2.0, 2, 2, 7, 7, 7, 3, 3])
kernel = np.array([-1.0, 0, 1])


def slide(sequence, kernel):
    """One number for each place of the window."""
    places = len(sequence) - len(kernel) + 1
    return np.array([sequence[o : o + len(kernel)] @ kernel for o in range(places)])


print("sequence", sequence)
print("output  ", slide(sequence, kernel))

# %% tags=["plot"]
# alt: A row of eight numbers, the kernel under its fourth to sixth, and the row of six outputs below
BLUE, ORANGE, PALE = "#1f5fa8", "#d95f02", "#f3d3b5"


def cells(axes, numbers, left, bottom, shaded=(), colour="black"):
    """A row of square cells with numbers in them."""
    for i, number in enumerate(numbers):
        fill = PALE if i in shaded else "white"
        axes.add_patch(plt.Rectangle((left + i, bottom), 1, 1, fc=fill, ec="black", lw=1))
        axes.text(
            left + i + 0.5, bottom + 0.5, f"{number:g}", ha="center", va="center", color=colour
        )


at = 3
figure, axes = plt.subplots(figsize=(6.4, 3.2))
cells(axes, sequence, 0, 3.4, shaded=range(at, at + 3))
cells(axes, kernel, at, 2, colour=ORANGE)
outputs = slide(sequence, kernel)
cells(axes, outputs, 1, 0, shaded=[at])
for i in range(3):
    axes.text(at + i + 0.5, 3.2, "×", ha="center", va="center")
axes.annotate("", (at + 1.5, 1.05), (at + 1.5, 1.95), arrowprops={"arrowstyle": "->"})
axes.text(at + 1.7, 1.5, "sum", va="center")
for text, height in (("sequence", 3.9), ("kernel", 2.5), ("output", 0.5)):
    axes.text(-0.25, height, text, ha="right", va="center")
axes.set(xlim=(-2.3, 8.2), ylim=(-0.1, 4.5), aspect="equal")
axes.set_axis_off()
plt.show()

# %% tags=["check"]
check("where the sequence is flat, the output is 0", outputs[0] == outputs[3] == 0)
check("an output is large where the sequence jumps", np.array_equal(outputs, [0, 5, 5, 0, -4, -4]))
check(
    "NumPy calls this a correlation",
    np.array_equal(outputs, np.correlate(sequence, kernel, "valid")),
)

# %% [markdown]
r"""
Two things to keep. The same three weights serve every place: a jump is found wherever it stands, and a longer sequence
needs no more weights. And the output is shorter than the sequence: a window of $k$ steps fits $L - k + 1$ times into
$L$ steps, here $8 - 3 + 1 = 6$ times.

## Length: padding, stride, dilation

Three options change how often the window fits. Here they are as pictures. A dot below is an input, a dot above an
output, in the middle of what it sees (causal: at the end); lines show which inputs an output sees. Crosses are
*padding*: zeros set before and behind the sequence.
"""

# %% tags=["plot"]
# alt: Six diagrams of which inputs each output sees: plain, same, causal, stride 2, dilation 2, a window of 5


def fits(length, k, stride=1, padding=(0, 0), dilation=1):
    """How often the window fits: the formula of the next section."""
    return (length + sum(padding) - dilation * (k - 1) - 1) // stride + 1


def diagram(axes, title, stride=1, padding=(0, 0), dilation=1, length=8, k=3):
    out = fits(length, k, stride, padding, dilation)
    first = np.arange(out) * stride - padding[0]
    middle = first + dilation * (k - 1) / (1 if title == "padding causal" else 2)
    lines = [
        [f + p * dilation, m, None] for f, m in zip(first, middle, strict=True) for p in range(k)
    ]
    axes.plot(sum(lines, []), [0, 1, None] * len(lines), color="0.65", lw=0.8)
    axes.plot(sum(lines[k : 2 * k], []), [0, 1, None] * k, color=ORANGE, lw=2.2)
    axes.plot(middle, [1] * out, "o", ms=8, color=BLUE, zorder=3)
    axes.plot(middle[1], 1, "o", ms=8, color=ORANGE, zorder=3)
    axes.plot(range(length), [0] * length, "o", ms=8, mfc="white", mec=BLUE, mew=1.5, zorder=3)
    zeros = [-i - 1 for i in range(padding[0])] + [length + i for i in range(padding[1])]
    axes.plot(zeros, [0] * len(zeros), "x", ms=8, mew=2, color="black", zorder=3)
    axes.set_title(f"{title}: {out} outputs", fontsize=12)
    axes.set(xlim=(-2.5, 8.5), ylim=(-0.35, 1.35))
    axes.set_axis_off()


figure, grid = plt.subplots(3, 2, figsize=(6.4, 4.6))
for axes, (title, options) in zip(
    grid.flat,
    [
        ("plain (valid)", {}),
        ("padding same", {"padding": (1, 1)}),
        ("padding causal", {"padding": (2, 0)}),
        ("stride 2", {"stride": 2}),
        ("dilation 2", {"dilation": 2}),
        ("a window of 5", {"k": 5}),
    ],
    strict=True,
):
    diagram(axes, title, **options)
plt.show()

# %% [markdown]
r"""
- **same** sets zeros on both sides, so that (with stride 1) as many outputs come out as steps went in.
- **causal** sets all zeros in front: an output sees its own step and earlier ones, nothing of the future.
- **stride** $s$ moves the window by $s$ steps at a time; about every $s$-th output is left.
- **dilation** $d$ spreads the window: its $k$ positions lie $d$ steps apart, so it spans $d\,(k-1) + 1$ steps.

All of it in one formula, with $p$ zeros of padding altogether and $\lfloor\;\rfloor$ for "rounded down":

$$O = \left\lfloor \frac{L + p - d\,(k - 1) - 1}{s} \right\rfloor + 1$$

**Predict:** 100 steps, a window of 5, dilation 3, no padding and stride 1. How many outputs?
"""

# %%
layer = layers.Conv1D(1, 5, dilation_rate=3)
print("the layer gives", layer(np.zeros((1, 100, 1))).shape[1], "outputs")
print("the formula says", (100 + 0 - 3 * (5 - 1) - 1) // 1 + 1)

# %% [markdown]
r"""
One example is no proof. Draw 200 settings at random, and compare the formula with what really comes out of both
engines. (The layer itself, like Keras's, takes a stride or a dilation, but refuses both together; the engines' own
function takes any.)
"""

# %%
rng = np.random.default_rng(10)
agreed = 0
for _ in range(200):
    L, k, s, d = rng.integers((1, 1, 1, 1), (41, 8, 5, 5))
    before, after = rng.integers(0, 4, size=2)
    if L + before + after < d * (k - 1) + 1:  # no window fits: both engines refuse
        L = d * (k - 1) + 1
    x, w = rng.normal(size=(1, L, 1)), rng.normal(size=(k, 1, 1))
    sizes = {
        diptych.engine.get(name)
        .convolution.conv_forward(
            x, w, None, strides=(s,), padding=((before, after),), dilation=(d,), groups=1
        )[0]
        .shape[1]
        for name in ("reference", "fast")
    }
    agreed += sizes == {(L + before + after - d * (k - 1) - 1) // s + 1}
print(f"{agreed} of 200 settings as the formula says")

# %% tags=["check"]
check("the dilated layer gives 88 outputs", layer(np.zeros((1, 100, 1))).shape == (1, 88, 1))
check("the formula holds for 200 random settings on both engines", agreed == 200)
same = layers.Conv1D(1, 5, padding="same")(np.zeros((1, 17, 1)))
check("with padding='same' the length stays", same.shape[1] == 17)
signal = rng.normal(size=(1, 12, 1))
future = signal.copy()
future[0, 7:] = 99.0
causal = layers.Conv1D(1, 4, padding="causal")
check(
    "with padding='causal' the first 7 outputs stay, whatever comes after the first 7 steps",
    np.array_equal(np.asarray(causal(signal))[0, :7], np.asarray(causal(future))[0, :7]),
)

# %% [markdown]
r"""
## Channels, filters, batch

So far a step was one number. Now let it be three: a gyroscope reports three axes, a sound in stereo two. These are the
*channels*, $C$ of them. The window then covers $k$ steps with all their channels, $k \cdot C$ numbers, and the kernel
has a weight for each. Its products are still added up to *one* number: the window slides along the steps and
nowhere else. That is why the layer is called one-dimensional.

One kernel can look for one thing only. So a layer has $F$ kernels, called *filters*; each gives a channel of the
output and has a bias of its own. And $N$ sequences go through together, a *batch*; they do not see each other.
"""

# %% tags=["plot"]
# alt: A grid of 10 steps by 3 channels with a window of 3 steps marked, four kernels of 3 by 3, a grid of 8 steps by 4
figure, axes = plt.subplots(figsize=(6.4, 5))


def sheet(left, top, rows, columns, mark_rows=(), mark_columns=None):
    """A grid of cells, its first row on top."""
    for r in range(rows):
        for c in range(columns):
            hit = r in mark_rows and (mark_columns is None or c in mark_columns)
            axes.add_patch(
                plt.Rectangle(
                    (left + c, top - r - 1), 1, 1, fc=PALE if hit else "white", ec="0.3", lw=0.8
                )
            )


sheet(0, 10, 10, 3, mark_rows=range(2, 5))
for f in (3, 2, 1, 0):
    sheet(5.2 + f * 0.45, 6.1 + f * 0.45, 3, 3, mark_rows=range(3) if f == 0 else ())
sheet(12.5, 9, 8, 4, mark_rows=[2], mark_columns=[0])
axes.annotate("", (5.1, 4.9), (3.1, 6.4), arrowprops={"arrowstyle": "->"})
axes.annotate("", (12.4, 6.5), (9.8, 5.6), arrowprops={"arrowstyle": "->"})
for x0, y0, text in (
    (1.5, 10.5, "input"),
    (7.3, 10.5, "4 kernels"),
    (14.5, 10.5, "output"),
    (1.5, -0.7, "C = 3\nchannels"),
    (7.3, 2.0, "each k × C\n= 3 × 3"),
    (14.5, 0.3, "F = 4\nfilters"),
):
    axes.text(x0, y0, text, ha="center", va="center")
axes.text(-0.4, 5, "L = 10 steps", rotation=90, ha="right", va="center")
axes.text(16.9, 5, "O = 8 places", rotation=270, ha="left", va="center")
axes.set(xlim=(-1.6, 18), ylim=(-1.6, 11), aspect="equal")
axes.set_axis_off()
plt.show()

# %% [markdown]
r"""
| what | shape | here |
|---|---|---|
| input | $(N, L, C)$ | (8, 10, 3) |
| kernel | $(k, C, F)$ | (3, 3, 4) |
| bias | $(F)$ | (4) |
| output | $(N, O, F)$ | (8, 8, 4) |

The number of weights is $k \cdot C \cdot F + F = 3 \cdot 3 \cdot 4 + 4 = 40$. Neither $N$ nor $L$ is in it. Compare
with what you wrote down:
"""

# %%
layer = layers.Conv1D(4, 3)
x = np.random.default_rng(0).normal(size=(8, 10, 3))
y = layer(x)
print("input ", x.shape)
for weight in layer.weights:
    print(f"{weight.name:<6}", weight.shape)
print("output", y.shape, "with", layer.count_params(), "weights")

# %% [markdown]
r"""
For any model `explain_shapes` does this sum, layer by layer:
"""

# %%
print(diptych.explain_shapes(diptych.Sequential([diptych.Input((10, 3)), layer]), (8, 10, 3)))

# %% tags=["check"]
check("(8, 10, 3) becomes (8, 8, 4)", y.shape == (8, 8, 4))
check("the layer has 40 weights", layer.count_params() == 3 * 3 * 4 + 4 == 40)
check("100 steps need no more weights than 10", layer(np.zeros((8, 100, 3))).shape == (8, 98, 4))

# %% [markdown]
r"""
## The equation and the source

For sequence $n$, place $o$ and filter $f$ (stride $S$, dilation $D$; $\tilde x$ is $x$ with its padding):

$$z_{n,o,f} = b_f + \sum_{p=0}^{k-1} \sum_{c=0}^{C-1} \tilde x_{n,\; o S + p D,\; c} \; w_{p,c,f}$$

`diptych.show` finds an operation's source in both engines; at a terminal `diptych show conv1d_forward` prints them
side by side. This is the reference's, for one, two and three dimensions at once. Find the loop over the positions $p$.
It is the sum over $p$ in the equation; the sum over $c$ is the `@`. `under(p, ...)` are the places $o S + p D$ for all
$o$ at once. (`groups` is 1 in this page: every filter sees all channels.)
"""

# %%
source = diptych.show("conv1d_forward")[0].reference[0]
print("\n".join(source.lines))

# %% [markdown]
r"""
Now the same with loops and nothing else, one for each letter of the equation, beside the two engines. One more way is
worth knowing: write what the window sees at each place as a row. The whole layer is then one product of matrices,
$(N O) \times (k C)$ by $(k C) \times F$, and matrix products are what a computer does fastest.
"""

# %%
w, b = rng.normal(size=(3, 3, 4)), rng.normal(size=4)
N, L, C = x.shape
k, _, F = w.shape
places = L - k + 1

by_loops = np.empty((N, places, F))
for n in range(N):
    for o in range(places):
        for f in range(F):
            total = b[f]
            for p in range(k):
                for c in range(C):
                    total += x[n, o + p, c] * w[p, c, f]
            by_loops[n, o, f] = total

windows = np.array([[x[n, o : o + k].ravel() for o in range(places)] for n in range(N)])
by_matrix = windows.reshape(N * places, k * C) @ w.reshape(k * C, F) + b

options = ((1,), ((0, 0),), (1,), 1)  # strides, padding, dilation, groups
by_engine = {}
for name in ("reference", "fast"):
    forward = diptych.engine.get(name).convolution.conv_forward
    by_engine[name], cache = forward(x, w, b, *options)

for name, other in [("matrix", by_matrix.reshape(N, places, F)), *by_engine.items()]:
    print(f"{name:<10} largest difference from the loops {np.abs(other - by_loops).max():.0e}")

# %% tags=["check"]
check("one product of matrices", np.allclose(by_matrix.reshape(N, places, F), by_loops, atol=1e-12))
check(
    "both engines agree with the loops",
    all(np.allclose(other, by_loops, atol=1e-12) for other in by_engine.values()),
)

# %% [markdown]
r"""
## Backward: two more convolutions

Take one channel and one filter again, stride 1: $z_o = \sum_p x_{o+p}\, w_p$. Let $dz_o$ be the gradient of the loss
by $z_o$.

- The weight $w_p$ met $x_{o+p}$ at every place $o$, so $dw_p = \sum_o x_{o+p}\, dz_o$. That is the same sliding sum:
  **$dz$ slides over $x$.**
- The input $x_i$ went into $z_o$ through $w_{i-o}$, so $dx_i = \sum_o dz_o\, w_{i-o}$. The index of $w$ runs
  backward: **the kernel, turned around, slides over $dz$** with $k - 1$ zeros on both sides.

**Predict** the shape of each before you read on: $x$ has 8 numbers, $w$ 3, $dz$ 6.
"""

# %%
dz = rng.normal(size=6)
dw = slide(sequence, dz)
dx = slide(np.pad(dz, 2), kernel[::-1])

reference = diptych.engine.get("reference").convolution
_, cache = reference.conv_forward(sequence[None, :, None], kernel[:, None, None], None, *options)
its_dx, its_dw, _ = reference.conv_backward(dz[None, :, None], cache)
print(
    "dw:", dw.shape, " by sliding", dw.round(2), "\n            reference ", its_dw.ravel().round(2)
)
print(
    "dx:", dx.shape, " by sliding", dx.round(2), "\n            reference ", its_dx.ravel().round(2)
)

# %%
print(diptych.gradcheck(layers.Conv1D(4, 3, padding="causal", dilation_rate=2), x))

# %% tags=["check"]
check("dw is dz slid over x", np.allclose(dw, its_dw.ravel(), atol=1e-12))
check("dx is the turned kernel slid over dz", np.allclose(dx, its_dx.ravel(), atol=1e-12))
report = diptych.gradcheck(layers.Conv1D(4, 3, padding="causal", dilation_rate=2), x)
check("finite differences agree to 1e-6", report.ok and report.max_error <= 1e-6)

# %% [markdown]
r"""
The last table asked nobody's formula: it moved all numbers of an array a little in one random direction, and looked how
the output moved. The one number in a row is the slope in that direction.

## What a kernel learns

You set the kernel $(-1, 0, 1)$ yourself. A layer finds its own. Here are 2000 noisy sequences of 60 steps. In every
second one a small pattern is hidden, somewhere. The label says whether it is there; nobody says where, or what it
looks like. The network: one filter of 13 steps, the largest of its outputs, a sigmoid. Fourteen weights.
The *likeness* of kernel and pattern below is their correlation: 1 if they have the same shape, 0 if they have nothing
in common.

**Predict:** what will the 13 weights look like?
"""

# %%
motif = 2.0 * np.array([0, 1, 1, 0, -1, -1, 0, 1.5, 0])


def sequences(seed, count=2000, steps=60):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, steps, 1))
    y = rng.integers(0, 2, size=(count, 1))
    starts = rng.integers(0, steps - len(motif) + 1, size=count)
    for row in np.flatnonzero(y):
        x[row, starts[row] : starts[row] + len(motif), 0] += motif
    return x.astype("float32"), y, starts


def train(seed):
    diptych.utils.set_random_seed(seed)
    model = diptych.Sequential(
        [
            diptych.Input((60, 1)),
            layers.Conv1D(1, 13, name="filter"),
            layers.GlobalMaxPooling1D(),
            layers.Activation("sigmoid"),
        ],
        engine="fast",
    )
    model.compile(diptych.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    x, y, _ = sequences(seed)
    model.fit(x, y, epochs=20, batch_size=50, verbose=0)
    return model


def likeness(kernel):
    """The correlation of kernel and motif where they fit best: the shift, and how alike they are."""
    far = len(motif)
    wide = np.pad(kernel, far)
    found = []
    for shift in range(len(wide) - far + 1):
        piece = wide[shift : shift + far]
        if piece.any():
            found.append((np.corrcoef(piece, motif)[0, 1], shift - far))
    return max(found)


results = []
for seed in range(20):
    model = train(seed)
    x_new, y_new, _ = sequences(1000 + seed)
    accuracy = model.evaluate(x_new, y_new, verbose=0)[1]
    results.append((*likeness(model.get_weights()[0].ravel()), accuracy))
alike, shifts, accuracies = map(np.array, zip(*results, strict=True))
for what, seen in (("likeness of kernel and pattern", alike), ("accuracy on new data", accuracies)):
    print(f"{what}, 20 seeds: mean {seen.mean():.3f}, sd {seen.std():.3f}, least {seen.min():.3f}")

# %% tags=["plot"]
# alt: A noisy sequence with the hidden pattern marked; the filter's output, its peak there; the kernel and the pattern
model = train(0)
x_new, y_new, starts = sequences(1000)
row = int(np.flatnonzero(y_new)[0])
response = np.asarray(model.layers[0](x_new[row : row + 1]))[0, :, 0]
learned = model.get_weights()[0].ravel()
_, shift = likeness(learned)
figure, (above, middle, below) = plt.subplots(3, 1, figsize=(6.4, 6.4))
above.plot(x_new[row, :, 0], color=BLUE, lw=1.2)
above.axvspan(starts[row], starts[row] + len(motif) - 1, color=PALE)
above.set(ylabel="input", xlabel="step", xlim=(0, 59))
above.set_title("a new sequence; shaded: where the pattern hides", fontsize=12)
middle.plot(response, color=BLUE, lw=1.2)
middle.plot(response.argmax(), response.max(), "o", ms=9, color=ORANGE)
middle.axhline(0, color="0.5", lw=0.8, ls=":")
middle.set(ylabel="filter's output", xlabel="place of the window", xlim=(0, 59))
scale = np.abs(learned).max() / np.abs(motif).max()
below.bar(range(13), learned, color=BLUE, label="learned kernel")
below.plot(np.arange(len(motif)) + shift, motif * scale, "o--", color=ORANGE, label="the pattern")
below.set(xlabel="position in the kernel", ylabel="weight", xticks=range(0, 13, 2))
below.legend(fontsize=11)
plt.show()

# %% tags=["check"]
check("the kernel is the pattern, from every one of 20 seeds", alike.min() >= 0.9)
check("it doesn't sit at the same place of the kernel every time", len(set(shifts)) > 1)
check("new sequences are told apart", accuracies.min() >= 0.88)
peak = response.argmax() + shift
check("the filter's peak says where the pattern is", abs(int(peak) - int(starts[row])) <= 1)

# %% [markdown]
r"""
The kernel became the pattern, because a sum of products is largest where both have the same shape. It may sit anywhere
in the 13 weights: a kernel that holds the pattern two positions later finds it two places earlier, and the largest
output is the same. Nothing in the loss prefers one.

## Break it, repair it

The axes of the input are (batch, steps, channels), and the layer believes you. Suppose the file has them the other way
round: 8 sequences, **3 channels, 10 steps**.
"""

# %%
x_file = x.transpose(0, 2, 1)  # (8, 3, 10), as it came from the file
broken = layers.Conv1D(4, 3)
print("input ", x_file.shape)
print("output", broken(x_file).shape, "with", broken.count_params(), "weights")

# %% [markdown]
r"""
No error. The layer took it for 3 steps of 10 channels, the window fits once, and it now has
$3 \cdot 10 \cdot 4 + 4 = 124$ weights. It slides along nothing. Such a network even trains; it is only worse. **Read
the output's shape before you train.**

Two repairs come to mind. Only one is right:
"""

# %%
moved = x_file.transpose(0, 2, 1)
reshaped = x_file.reshape(8, 10, 3)
print("the first step, 3 channels:    ", x[0, 0].round(2))
print("the same after transpose:      ", moved[0, 0].round(2))
print("after reshape:                 ", reshaped[0, 0].round(2))
print("channel 0 in the first 3 steps:", x[0, :3, 0].round(2))

# %% tags=["check"]
check("the wrong way round, 124 weights and one place", broken.count_params() == 124)
check("transpose brings the steps back", np.array_equal(moved, x))
check(
    "reshape takes three steps of a channel for a step",
    np.array_equal(reshaped[0, 0], x[0, :3, 0]),
)

# %% [markdown]
r"""
A missing axis, at least, is refused, and the message says what to do:
"""

# %%
try:
    layers.Conv1D(4, 3)(x[:, :, 0])
except ValueError as error:
    print(error)

# %% [markdown]
r"""
## Both engines

Last, the other engine: the trained network's layers, loss and gradients through both, on the same 100 sequences.
"""

# %%
comparison = diptych.compare_engines(model, x_new[:100], y_new[:100])
print(f"{len(comparison.rows)} arrays compared")
print(f"largest relative difference below 1e-5: {comparison.max_relative_difference < 1e-5}")

# %% tags=["check"]
check("the engines agree to float32's accuracy", comparison.max_relative_difference < 1e-5)

# %% [markdown]
r"""
## Exercises

1. A minute of sound, 16,000 numbers a second, goes through `Conv1D(32, 400, strides=160)`. What shape comes out, and
   how many weights has the layer? First the formula, then the library.
2. Three layers `Conv1D(1, 3)` with dilations 1, 2 and 4 follow each other. How many steps of the input does one output
   see? Find it with the gradient: which inputs does one output depend on?
3. A `Dense` layer on the flattened input could do what `Conv1D(4, 3)` does to 10 steps of 3 channels. How many weights
   would it need, and how many of them would be zero?

[Answers](../answers/10.py), as a script that checks them.
"""

# %%
check.done()
