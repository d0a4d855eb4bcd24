# Question: what happens in one training step, number by number?   Engine: reference in float64; fast beside it.
# Seeds: 1b, 2d.   Time: seconds.
# %% [markdown]
r"""
# One training step by hand

> optimizer: 优化器, 可以理解为求梯度的方法
>
> *"Optimizer: it can be understood as the method that finds the gradient."* So says the glossary of an old Keras
> tutorial. Is that so? Follow one step of the smallest network, number by number, and see who finds the gradient and
> who uses it.

The network: two inputs, two hidden units with ReLU, one output with a sigmoid. Nine weights, small enough to hold in
the hand. One row of data: $x = (1, 2)$ with the label $y = 1$.

**Predict before you run.** One of the two hidden units will come out as 0. How large will the gradient of its two
weights be?
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych.teach import Checks

check = Checks("04")

x = np.array([[1.0, 2.0]])
y = np.array([[1.0]])
W1 = np.array([[0.5, -0.6], [0.25, 0.1]])  # W1[i, j] leads from input i to hidden unit j
b1 = np.array([0.1, 0.2])
W2 = np.array([[0.8], [-0.4]])
b2 = np.array([-0.3])

# %% [markdown]
r"""
## Forward

$$z = x W_1 + b_1 \qquad h = \max(z, 0) \qquad s = h W_2 + b_2 \qquad p = \sigma(s) \qquad L = -\log p$$

(The loss is the cross-entropy; with the label 1 only $-\log p$ is left of it.) Check the first line with a pencil:
$z_1 = 1 \cdot 0.5 + 2 \cdot 0.25 + 0.1 = 1.1$.
"""

# %%
z = x @ W1 + b1
h = np.maximum(z, 0)
s = h @ W2 + b2
p = 1 / (1 + np.exp(-s))
L = -np.log(p)
for name, value in (("z", z), ("h", h), ("s", s), ("p", p), ("L", L)):
    print(f"{name} = {value.ravel().round(4)}")

# %% tags=["check"]
check("z is what the pencil says: (1.1, -0.2)", np.allclose(z, [[1.1, -0.2]]))

# %% [markdown]
r"""
## Backward

Now from the end to the beginning. Write $dA$ for $\partial L / \partial A$. Each line takes the gradient of a line's
left side and hands it on to what stands on its right:

| forward | backward | why |
|---|---|---|
| $L = -\log p,\; p = \sigma(s)$ | $ds = p - y$ | $-\frac1p \cdot p\,(1 - p) = p - 1$, and $y = 1$ |
| $s = h W_2 + b_2$ | $dW_2 = h^\top ds, db_2 = ds, dh = ds\, W_2^\top$ | the slope of $h w$ by $w$ is $h$, by $h$ $w$ |
| $h = \max(z, 0)$ | $dz = dh$ where $z > 0$, else $0$ | a unit that is off passes nothing back |
| $z = x W_1 + b_1$ | $dW_1 = x^\top dz,\; db_1 = dz$ | as for the second layer |

For a single weight: $W_1[i, j]$ leads from $x_i$ to $z_j$, so its gradient is $x_i\, dz_j$. The product $x^\top dz$
computes that for all four at once.
"""

# %%
ds = p - y
dW2, db2, dh = h.T @ ds, ds[0], ds @ W2.T
dz = dh * (z > 0)
dW1, db1 = x.T @ dz, dz[0]
by_hand = [dW1, db1, dW2, db2]
for name, value in (
    ("ds", ds),
    ("dW2", dW2),
    ("db2", db2),
    ("dh", dh),
    ("dz", dz),
    ("dW1", dW1),
    ("db1", db1),
):
    print(f"{name:>4} = {str(value.round(4).tolist())}")

# %% tags=["check"]
check("the unit that is off hands back exactly nothing", (dW1[:, 1] == 0).all() and db1[1] == 0)

# %% [markdown]
r"""
The second unit is off ($z_2 = -0.2$), so the gradient of its weights is exactly 0: this row will not change them. If
it is off for *every* row, nothing ever will. Keep that in mind for networks that get stuck.

Here is all of it in one picture. Walk from the right to the left: across a line with a weight, the orange number is
multiplied by that weight, $ds \cdot 0.8 = dh_1$; from $h$ to $z$ it stays, or becomes 0; from $p$ to $s$ it is
multiplied by the sigmoid's slope, $p\,(1 - p)$. Where two lines meet, what comes along them is added up: $x_1$ gets
$-0.287 \cdot 0.5 + 0 \cdot (-0.6) = -0.144$. A weight's own gradient is the blue number at its left end times the
orange one at its right end. The biases are not drawn: each has the gradient of the $z$ or $s$ that it is added to.
"""

# %% tags=["plot"]
# alt: The network from x over z, h, s, p to L; above each circle its value, below it in orange the gradient of L by it
places = {
    "x1": (0, 1),
    "x2": (0, 0),
    "z1": (1.5, 1),
    "z2": (1.5, 0),
    "h1": (2.3, 1),
    "h2": (2.3, 0),
    "s": (3.4, 0.5),
    "p": (4.2, 0.5),
    "L": (5, 0.5),
}
dx = dz @ W1.T
dp = -1 / p
shown = {
    "x1": (x[0, 0], dx[0, 0]),
    "x2": (x[0, 1], dx[0, 1]),
    "z1": (z[0, 0], dz[0, 0]),
    "z2": (z[0, 1], dz[0, 1]),
    "h1": (h[0, 0], dh[0, 0]),
    "h2": (h[0, 1], dh[0, 1]),
    "s": (s[0, 0], ds[0, 0]),
    "p": (p[0, 0], dp[0, 0]),
    "L": (L[0, 0], 1.0),
}
weighted = {
    ("x1", "z1"): (W1[0, 0], dW1[0, 0]),
    ("x2", "z1"): (W1[1, 0], dW1[1, 0]),
    ("x1", "z2"): (W1[0, 1], dW1[0, 1]),
    ("x2", "z2"): (W1[1, 1], dW1[1, 1]),
    ("h1", "s"): (W2[0, 0], dW2[0, 0]),
    ("h2", "s"): (W2[1, 0], dW2[1, 0]),
}
plain = [("z1", "h1"), ("z2", "h2"), ("s", "p"), ("p", "L")]
figure, axes = plt.subplots(figsize=(9, 3.8))
for a, b in plain:
    axes.plot(*zip(places[a], places[b], strict=True), color="tab:blue", lw=1, zorder=0)
for (a, b), (value, gradient) in weighted.items():
    (x0, y0), (x1, y1) = places[a], places[b]
    axes.plot([x0, x1], [y0, y1], color="tab:blue", lw=1, zorder=0)
    at = 0.27 if (a, b) in (("x1", "z2"), ("x2", "z1")) else 0.5
    middle = (x0 + at * (x1 - x0), y0 + at * (y1 - y0))
    for text, colour, side in (
        (f"{value:.2f}", "tab:blue", 0.055),
        (f"{gradient:.3f}", "tab:orange", -0.055),
    ):
        axes.text(
            middle[0],
            middle[1] + side,
            text,
            color=colour,
            ha="center",
            va="center",
            bbox={"fc": "white", "ec": "none", "pad": 1},
        )
for name, (px, py) in places.items():
    value, gradient = shown[name]
    axes.plot(px, py, "o", ms=30, mfc="white", mec="black")
    axes.text(px, py, name, ha="center", va="center")
    axes.text(px, py + 0.15, f"{value:.3f}", ha="center", color="tab:blue")
    axes.text(px, py - 0.22, f"{gradient:.3f}", ha="center", color="tab:orange")
axes.set(xlim=(-0.3, 5.3), ylim=(-0.4, 1.35))
axes.set_axis_off()
axes.set_title("blue: value    orange: gradient of L")
plt.show()

# %% tags=["check"]
check("across h1's line: ds times the weight", np.isclose(ds[0, 0] * W2[0, 0], dh[0, 0]))
check("from p to s: dp times p (1 - p)", np.isclose(dp * p * (1 - p), ds))

# %% [markdown]
r"""
## Three more ways to the same numbers

**Finite differences** need no chain rule: nudge a weight by a little, see how the loss moves. **The tape** of the
*reference engine*, the library's readable half, records the forward lines and walks them back. **The fast engine**, its
other half, does the same in compiled code and float32.
"""


# %%
def loss_of(W1, b1, W2, b2):
    hidden = np.maximum(x @ W1 + b1, 0)
    return -np.log(1 / (1 + np.exp(-(hidden @ W2 + b2)))).item()


def by_differences(weights, step=1e-6):
    found = []
    for k, weight in enumerate(weights):
        slope = np.zeros_like(weight)
        for place in np.ndindex(weight.shape):
            ends = []
            for sign in (1, -1):
                moved = [w.copy() for w in weights]
                moved[k][place] += sign * step
                ends.append(loss_of(*moved))
            slope[place] = (ends[0] - ends[1]) / (2 * step)
        found.append(slope)
    return found


def network(engine, dtype):
    """The same network in diptych, with the weights from above."""
    diptych.config.set_floatx(dtype)
    model = diptych.Sequential(
        [
            diptych.Input(shape=(2,)),
            diptych.layers.Dense(2, activation="relu"),
            diptych.layers.Dense(1, activation="sigmoid"),
        ],
        engine=engine,
    )
    model.compile(optimizer=diptych.optimizers.SGD(learning_rate=0.5), loss="binary_crossentropy")
    model.set_weights([W1, b1, W2, b2])
    diptych.config.set_floatx("float32")
    return model


def by_tape(engine, dtype):
    model = network(engine, dtype)
    with diptych.GradientTape() as tape:
        output = model(x.astype(dtype), training=True)
        loss = model.compute_loss(y=y.astype(dtype), y_pred=output)
    return tape.gradient(loss, model.trainable_variables)


columns = [
    by_hand,
    by_differences([W1, b1, W2, b2]),
    by_tape("reference", "float64"),
    by_tape("fast", "float32"),
]
names = ["W1[0,0]", "W1[0,1]", "W1[1,0]", "W1[1,1]", "b1[0]", "b1[1]", "W2[0]", "W2[1]", "b2[0]"]
flat = [np.concatenate([np.ravel(part) for part in column]) for column in columns]
print(f"{'':<8}{'by hand':>12}{'differences':>13}{'reference':>12}{'fast':>12}")
for name, *values in zip(names, *flat, strict=True):
    print(f"{name:<8}{values[0]:>12.7f}{values[1]:>13.7f}{values[2]:>12.7f}{values[3]:>12.7f}")

# %% tags=["check"]
hand, numeric, reference, fast = flat
check(
    "by hand and the reference engine: the same to 1e-12", np.abs(hand - reference).max() <= 1e-12
)
check(
    "differences: the same to a relative 1e-6",
    np.abs(hand - numeric).max() <= 1e-6 * np.abs(hand).max(),
)
check("the fast engine: the same within float32", np.abs(hand - fast).max() <= 1e-6)

# %% [markdown]
r"""
## The step

*Now* comes the optimizer, and all it does is use the gradient: plain gradient descent moves every weight against its
gradient, $w \leftarrow w - \eta\, dw$. So the glossary had it wrong: **backpropagation finds the gradient, the
optimizer uses it.** Momentum and Adam use it more cleverly, and find nothing either.
"""

# %%
eta = 0.5
stepped = [w - eta * dw for w, dw in zip([W1, b1, W2, b2], by_hand, strict=True)]
print(f"loss before the step {loss_of(W1, b1, W2, b2):.4f}, after it {loss_of(*stepped):.4f}")

# %% tags=["check"]
model = network("reference", "float64")
model.train_on_batch(x, y)
largest = max(np.abs(a - b).max() for a, b in zip(stepped, model.get_weights(), strict=True))
check("train_on_batch makes the same step", largest <= 1e-12)

# %% [markdown]
r"""
## `fit`, in a few lines

`fit` is this step, for every batch, for every epoch. Here is a training loop of your own beside it: the four rows of
AND, two batches of two rows, a hundred epochs. What comes out is not just close: the bits are the same.
"""

# %%
rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float64")
answers = np.array([[0], [0], [0], [1]], dtype="float64")

mine = network("reference", "float64")
with diptych.engine("reference"):
    for _epoch in range(100):
        for start in (0, 2):
            inputs, labels = rows[start : start + 2], answers[start : start + 2]
            with diptych.GradientTape() as tape:
                loss = mine.compute_loss(y=labels, y_pred=mine(inputs, training=True))
            gradients = tape.gradient(loss, mine.trainable_variables)
            mine.optimizer.apply(gradients, mine.trainable_variables)

theirs = network("reference", "float64")
theirs.fit(rows, answers, batch_size=2, epochs=100, shuffle=False, verbose=0)
print(f"loss on the four rows: {theirs.evaluate(rows, answers, verbose=0):.4f}")

# %% tags=["check"]
same = all(
    np.array_equal(a, b) for a, b in zip(mine.get_weights(), theirs.get_weights(), strict=True)
)
check("your loop and fit end with the same bits", same)

# %% [markdown]
r"""
## Exercises

1. Change the label to $y = 0$. Which numbers of the backward pass change sign, and why all of those?
2. Make `b1[1]` large enough that the second unit is on. Compute its two weight gradients with a pencil, then with
   `by_differences`.
3. Replace ReLU by tanh. Only one line of the backward pass changes; which, and to what?

[Answers](../answers/04.py), as a script that checks them.
"""

# %%
check.done()
