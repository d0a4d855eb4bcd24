# Question: is one neuron enough for AND, and how does it learn?   Engine: plain Python, then reference, then fast.
# Seeds: 0c, 1a.   Time: seconds.
# %% [markdown]
r"""
# One neuron and the AND gate

> 其实这是一个十分简单的逻辑，应该只需要一个神经元就能够解决（拟合）这个逻辑
>
> *"This is really a very simple piece of logic; a single neuron should be enough for it."* An old Keras tutorial says
> this about AND, and then uses two layers. Was it right the first time? And what does the neuron do while it learns?

**Predict before you run.** A neuron starts with all weights at zero and corrects itself after each mistake. How many
corrections until it gets all four rows of AND right? Write the number down.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych.teach import Checks

check = Checks("01")

# %% [markdown]
r"""
## A neuron with a step

A perceptron adds up its inputs, each times a weight, and fires where the sum is above zero:

$$\hat y = \mathrm{step}(w_1 x_1 + w_2 x_2 + b), \qquad \mathrm{step}(z) = 1 \text{ if } z > 0, \text{ else } 0$$

Where it is wrong, each weight moves by the error times its input, the bias by the error alone:

$$w \leftarrow w + (y - \hat y)\,x, \qquad b \leftarrow b + (y - \hat y)$$

No library yet. Take a pencil and follow the first lines.
"""

# %%
rows = [(0, 0), (0, 1), (1, 0), (1, 1)]
AND = [0, 0, 0, 1]
XOR = [0, 1, 1, 0]


def fires(w, b, x):
    return 1 if w[0] * x[0] + w[1] * x[1] + b > 0 else 0


def learn(answers, most=100):
    """The perceptron rule from zero; returns the weights after each correction."""
    w, b, history = [0, 0], 0, [([0, 0], 0)]
    corrected = True
    while corrected:
        corrected = False
        for x, y in zip(rows, answers, strict=True):
            error = y - fires(w, b, x)
            if error:
                if len(history) > most:
                    return history
                w, b = [w[0] + error * x[0], w[1] + error * x[1]], b + error
                history.append((w, b))
                corrected = True
    return history


history = learn(AND)
print("correction   w1  w2   b   right")
for number, (w, b) in enumerate(history):
    right = sum(fires(w, b, x) == y for x, y in zip(rows, AND, strict=True))
    print(f"{number:>10}  {w[0]:>3} {w[1]:>3} {b:>3}   {right} of 4")

# %% tags=["check"]
w, b = history[-1]
check(
    "the rule stops by itself, with all four rows right",
    all(fires(w, b, x) == y for x, y in zip(rows, AND, strict=True)),
)
check("it took ten corrections from zero", len(history) - 1 == 10)

# %% [markdown]
r"""
Was your number near? Each correction mends one row and may spoil another, so the count of right answers goes up and
down; yet the rule ends. The weights describe a line, $w_1 x_1 + w_2 x_2 + b = 0$: on one side the neuron fires, on the
other it does not. Here is that line after each correction, with its number. Where it is shaded, the neuron fires after
the last one. That line touches the corner (1, 0): there the sum is exactly 0, and the neuron fires only above.
"""

# %% tags=["plot"]
# alt: The four inputs of AND, and the neuron's line after each correction; the last one cuts off the corner (1, 1)


def draw_rows(axes, answers):
    for x, y in zip(rows, answers, strict=True):
        fill = "tab:orange" if y else "white"
        axes.plot(*x, "o", ms=12, mfc=fill, mec="black", mew=2, zorder=3)
    axes.set(xlim=(-1.3, 2.3), ylim=(-1.3, 2.3), xticks=[0, 1], yticks=[0, 1], aspect="equal")
    axes.set(xlabel="$x_1$", ylabel="$x_2$")


def draw_line(axes, w, b, number, **style):
    """Draw the line, and write its number where it leaves the picture, the last one's on top."""
    bottom, top = -1.3, 2.3
    x2 = np.array([bottom, top]) if w[0] else np.array([-b / w[1]] * 2)
    x1 = -(w[1] * x2 + b) / w[0] if w[0] else x2 * 0 + [bottom, top]
    axes.plot(x1, x2, **style)
    place, shift = (x1[0], bottom), (0, 4)
    if number == 10:
        place, shift = (x1[1], top), (-10, -14)
    elif x1[0] > top:  # it leaves on the right
        place, shift = (top, -(w[0] * top + b) / w[1]), (-8, 6)
    axes.annotate(str(number), place, shift, textcoords="offset points", ha="center",
                  bbox={"fc": "white", "ec": "none", "pad": 0.5})  # fmt: skip


figure, axes = plt.subplots(figsize=(4.6, 4.6))
draw_rows(axes, AND)
for number, (w, b) in enumerate(history[1:], 1):
    last = number == len(history) - 1
    width, colour = (3, "tab:blue") if last else (1, "0.55")
    draw_line(axes, w, b, number, color=colour, lw=width)
x2 = np.array([-1.3, 2.3])
axes.fill_betweenx(x2, -(w[1] * x2 + b) / w[0], 2.3, color="tab:blue", alpha=0.12, lw=0)
axes.set_title("AND: filled is 1")
plt.show()

# %% [markdown]
r"""
## The same rule on XOR

XOR is 1 where exactly one input is 1. Give the rule a hundred corrections.
"""

# %%
attempts = learn(XOR, most=100)
best = max(sum(fires(w, b, x) == y for x, y in zip(rows, XOR, strict=True)) for w, b in attempts)
print(f"after {len(attempts) - 1} corrections still at it; at best {best} of 4 rows were right")

# %%
# How well could any line do? Try every line on a grid of weights.
grid = np.linspace(-2, 2, 17)
scores = [
    sum(fires((w1, w2), b, x) == y for x, y in zip(rows, XOR, strict=True))
    for w1 in grid
    for w2 in grid
    for b in grid
]
print(f"{len(scores)} lines, the best of them right for {max(scores)} of 4 rows")

# %% tags=["check"]
check("on XOR the rule has not stopped after 100 corrections", len(attempts) - 1 == 100)
check("no line gets more than 3 of XOR's 4 rows right", max(scores) == 3)

# %% [markdown]
r"""
That is the whole difference. AND's single 1 sits in a corner, and a line can cut off a corner. XOR's two 1s sit on
opposite corners, and no line has both of them on one side and the two 0s on the other. One neuron draws one line.
(Lines that are right for 3 rows exist, but the rule, which mends one row at a time, never came to one.)

## A neuron with a sigmoid

A step gives no hint in which direction to improve: its slope is zero. The sigmoid $\sigma(z) = 1 / (1 + e^{-z})$ is a
step with soft shoulders, and its output $\hat y$ is read as a probability. The *loss* says how wrong it is:
$L = -y \log \hat y - (1 - y) \log (1 - \hat y)$, the cross-entropy, is the minus logarithm of the probability that the
right answer got. Its gradient comes out as simple as the perceptron's rule. With $z = w \cdot x + b$, the slope of the
loss by $\hat y$ and that of the sigmoid, $\sigma' = \hat y\,(1 - \hat y)$, cancel all but a difference:

$$\frac{\partial L}{\partial z}
  = \frac{\hat y - y}{\hat y\,(1 - \hat y)} \cdot \hat y\,(1 - \hat y) = \hat y - y, \qquad
  \frac{\partial L}{\partial w} = (\hat y - y)\,x, \qquad \frac{\partial L}{\partial b} = \hat y - y$$

The library has every function twice: its *reference engine* is written to be read, its *fast engine* to be fast. This
is the layer and its gradient in the reference engine; `dy` stands for $\partial L / \partial y$, and so on. Find
$w \cdot x + b$, and find the sums over the rows (a `@` is one of them):
"""

# %%
import inspect

from diptych.reference import dense

print(inspect.getsource(dense.dense_forward))
print(inspect.getsource(dense.dense_backward))

# %% [markdown]
r"""
Now compute the gradient by hand and by the reference engine, in float64, for all four rows and some weights. The tape
(`GradientTape`) records what is computed, and goes back through it by the chain rule.
"""

# %%
x = np.array(rows, dtype=np.float64)
y = np.array(AND, dtype=np.float64)[:, None]
kernel, bias = np.array([[0.3], [-0.2]]), np.array([0.1])

y_hat = 1 / (1 + np.exp(-(x @ kernel + bias)))
by_hand = (y_hat - y).T @ x / len(x)  # the mean over the rows

with diptych.engine("reference"), diptych.GradientTape() as tape:
    weights = diptych.Variable(kernel), diptych.Variable(bias)
    output = diptych.ops.sigmoid(diptych.ops.dense(x, *weights))
    loss = diptych.ops.mean(diptych.losses.binary_crossentropy(y, output))
by_tape, _ = tape.gradient(loss, weights)

print("by hand:     ", by_hand.ravel())
print("by the tape: ", by_tape.ravel())

# %% tags=["check"]
check(
    "(sigma - y) x is the reference engine's gradient",
    np.abs(by_hand.ravel() - by_tape.ravel()).max() <= 1e-12,
)

# %% [markdown]
r"""
## The neuron as a model

The Keras way of saying "one neuron": a `Dense` layer with one unit. It trains on both engines; only the speed differs.
"""


# %%
def neuron(engine, seed):
    diptych.utils.set_random_seed(seed)
    model = diptych.Sequential(
        [diptych.Input(shape=(2,)), diptych.layers.Dense(1, activation="sigmoid", name="neuron")],
        name="model",
        engine=engine,
    )
    model.compile(
        optimizer=diptych.optimizers.SGD(learning_rate=1.0),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    return model


solved = 0
for seed in range(20):
    model = neuron("fast", seed)
    model.fit(x, y, epochs=200, batch_size=4, verbose=0)
    solved += model.evaluate(x, y, verbose=0)[1] == 1.0
print(f"{solved} of 20 first weights end with all four rows right")

# %% tags=["check"]
check("the sigmoid neuron solves AND from every one of 20 first weights", solved == 20)

# %%
curves = {}
for name, answers in (("AND", AND), ("XOR", XOR)):
    model = neuron("reference", 0)
    losses = model.fit(x, np.array(answers), epochs=200, batch_size=4, verbose=0).history["loss"]
    curves[name] = losses
    print(f"{name}: loss {losses[-1]:.4f}, answers {model.predict(x, verbose=0).ravel().round(2)}")

# %% tags=["plot"]
# alt: Loss of the sigmoid neuron against the epoch, falling smoothly for AND and resting at 0.69 for XOR
figure, axes = plt.subplots()
for name, losses in curves.items():
    axes.plot(losses, "-" if name == "AND" else "--", lw=2, label=name)
axes.axhline(np.log(2), color="black", lw=0.8, ls=":")
axes.text(200, np.log(2) - 0.01, "ln 2: knows nothing", ha="right", va="top")
axes.set(xlabel="epoch", ylabel="loss")
axes.legend()
plt.show()

# %% tags=["check"]
check(
    "on XOR the loss rests at ln 2, which is what 'I do not know' costs",
    abs(curves["XOR"][-1] - np.log(2)) < 1e-3,
)

# %% [markdown]
r"""
**What you saw.** The old tutorial was right: one neuron is enough for AND, from each of 20 starts. For XOR one neuron
is not enough; its best answer is 0.5 for every row, at a cost of $-\ln 0.5 = \ln 2 \approx 0.693$.
[Another page](04_one_step_by_hand.md)
follows the gradient through a network of two layers.

Last, the other engine: the same weights, the same rows, through both.
"""

# %%
model = neuron("fast", 0)
comparison = diptych.compare_engines(model, x, y)
for row in comparison.rows:
    print(f"{row.what:<32} largest difference {row.difference:.0e}")

# %% tags=["check"]
check("the two engines agree to float32's accuracy", comparison.max_difference < 1e-6)

# %% [markdown]
r"""
## Exercises

1. How many corrections does the rule need for OR? And if the rows come in the opposite order?
2. Find weights by pencil for NAND, and let `fires` confirm them.
3. Two neurons in a hidden layer draw two lines. Which two lines, and which third neuron on top, make XOR?

[Answers](../answers/01.py), as a script that checks them.
"""

# %%
check.done()
