# Question: why do sigmoid, tanh and relu train so differently, and why do first weights matter?   Seeds: 1c.
# Engine: reference and capture to look, fast for the race.   Time: seconds.
# %% [markdown]
r"""
# Activations and first weights

> Sigmoids saturate and kill gradients. [...] 所以，你需要尤其注意参数的初始值来尽量避免saturation的情况。
>
> Sigmoid 的 output 不是0均值. 这是不可取的
>
> *"Sigmoids saturate and kill gradients. So you need to pay special attention to the initial values of the parameters,
> to avoid saturation where possible. The output of a sigmoid does not have mean zero. This is undesirable."* An old
> Keras tutorial says so, next to pictures of three curves. Another one builds a digit reader with two hidden layers of
> sigmoids. How bad is it, in numbers?

**Predict before you run.** Ten layers of sigmoids, fresh weights. By what factor is the gradient smaller in the first
layer than in the last: 10, 1000, a million? And with tanh? With relu?
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import Sequential, initializers, layers, losses, ops, optimizers
from diptych.teach import Checks

check = Checks("05")

# %% [markdown]
r"""
## Three curves and their slopes

$$\sigma(z) = \frac{1}{1 + e^{-z}}, \qquad \tanh z, \qquad \mathrm{relu}(z) = \max(0, z)$$

On the way back the chain rule multiplies by the slope of each activation. Let the tape find these slopes:
"""

# %%
z = np.linspace(-6, 6, 241)
functions = {"sigmoid": ops.sigmoid, "tanh": ops.tanh, "relu": ops.relu}
heights, slopes = {}, {}
with diptych.engine("reference"):
    for name, function in functions.items():
        at = diptych.Variable(z, dtype="float64")
        with diptych.GradientTape() as tape:
            height = function(at)
            total = ops.sum(height)
        heights[name], slopes[name] = np.asarray(height), np.asarray(tape.gradient(total, at))
for name in functions:
    print(f"{name:<8} largest slope {slopes[name].max():.4f}, slope at -6 {slopes[name][0]:.4f}")

# %% tags=["plot"]
# alt: Three panels with sigmoid, tanh and relu, and their slopes dashed; sigmoid's slope never gets above a quarter
figure, panels = plt.subplots(1, 3, figsize=(6.4, 2.8), sharey=True)
for axes, name in zip(panels, functions, strict=True):
    axes.plot(z[::4], heights[name][::4], color="tab:blue", lw=2, label="value")
    steps = "steps-pre" if name == "relu" else "default"  # its slope jumps at 0
    axes.plot(
        z[::4], slopes[name][::4], "--", color="tab:orange", lw=2, label="slope", drawstyle=steps
    )
    axes.set(title=name, ylim=(-1.15, 1.75), xticks=[-5, 0, 5], xlabel="z")
panels[0].legend(frameon=False, loc="upper left", fontsize=11)
plt.show()

# %% tags=["check"]
check(
    "sigmoid's slope is 1/4 at 0 and nowhere larger", abs(slopes["sigmoid"].max() - 0.25) <= 1e-12
)
check(
    "tanh z is 2 sigmoid(2z) - 1: a sigmoid, stretched and centred on 0",
    np.abs(np.tanh(z) - (2 / (1 + np.exp(-2 * z)) - 1)).max() <= 1e-12,
)

# %% [markdown]
r"""
The reference engine computes sigmoid's slope from its value, $\sigma' = \sigma (1 - \sigma)$. Look for it in the second
function:
"""

# %%
for twin in diptych.show("sigmoid"):
    print("\n".join(twin.lines("reference")), "\n")

# %% [markdown]
r"""
A factor of at most 1/4 for each layer. Over ten layers that is at most $4^{-10} \approx 10^{-6}$, if the weights don't
make up for it.

## Ten layers deep

Now measure it. Ten hidden layers of 64 neurons, three activations, and three ways to draw the first weights ($n$ is how
many numbers come in or go out; Var is the variance, the square of the standard deviation):

- *normal(0.05)*: a bell curve with a standard deviation of 0.05, whatever the layer (what `random_normal` does);
- *Glorot*: $\mathrm{Var}(w) = 2 / (n_\text{in} + n_\text{out})$;
- *He*: $\mathrm{Var}(w) = 2 / n_\text{in}$, made for relu, which halves what passes through.

One step, no training. `capture` hands out the outputs of each layer and the gradient of its weights. (With
`from_logits=True` the loss itself does the softmax.)
"""

# %%
rng = np.random.default_rng(0)
x = rng.normal(size=(128, 64)).astype("float32")
y = rng.integers(10, size=128)
depth = 10
first_weights = {
    "normal(0.05)": lambda: initializers.RandomNormal(stddev=0.05),
    "Glorot": initializers.GlorotUniform,
    "He": initializers.HeNormal,
}


def deep(activation, first, engine="reference"):
    hidden = [
        layers.Dense(64, activation, kernel_initializer=first_weights[first](), name=f"layer{k}")
        for k in range(1, depth + 1)
    ]
    model = Sequential([layers.Input((64,)), *hidden, layers.Dense(10, name="out")], engine=engine)
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def look(activation, first, seed=0):
    """Returns each hidden layer's outputs and the size of its weights' gradient."""
    diptych.utils.set_random_seed(seed)
    model = deep(activation, first)
    with diptych.capture(model, kinds=["outputs", "weight_gradients"]) as c:
        model.train_on_batch(x, y)
    steps = [c[0][f"layer{k}"] for k in range(1, depth + 1)]
    sizes = [float(np.linalg.norm(step.weight_gradients["kernel"])) for step in steps]
    return [step.output for step in steps], np.array(sizes)


seen = {(a, f): look(a, f) for a in functions for f in first_weights}
print("size of the gradient of the weights")
print(f"{'':<22} {'layer 1':>9} {'layer 10':>9} {'first / last':>13}")
for (activation, first), (_, sizes) in seen.items():
    ratio = sizes[0] / sizes[-1]
    print(f"{activation:<8} {first:<13} {sizes[0]:>9.0e} {sizes[-1]:>9.0e} {ratio:>13.0e}")

# %% tags=["plot"]
# alt: Size of the gradient for ten layers on a logarithmic scale: steep lines for sigmoid, level ones for tanh and relu
figure, panels = plt.subplots(1, 3, figsize=(6.4, 3.7), sharey=True)
looks = {"normal(0.05)": ":", "Glorot": "--", "He": "-"}
for axes, activation in zip(panels, functions, strict=True):
    for first, style in looks.items():
        sizes = seen[activation, first][1]
        axes.plot(range(1, depth + 1), np.log10(sizes), style, color="tab:blue", lw=2, label=first)
    axes.set(title=activation, xticks=[1, 4, 7, 10], ylim=(-10.5, 1), xlabel="layer")
exponents = range(-10, 1, 2)
panels[0].set_yticks(exponents, [f"$10^{{{k}}}$" if k else "1" for k in exponents])
panels[0].set_ylabel("size of the gradient")
panels[2].legend(frameon=False, loc="lower center", fontsize=11, title="first weights")
plt.show()

# %% tags=["check"]
twenty = {
    (a, f): [sizes[0] / sizes[-1] for sizes in (look(a, f, seed)[1] for seed in range(20))]
    for a, f in (("sigmoid", "Glorot"), ("sigmoid", "He"), ("relu", "He"), ("tanh", "Glorot"))
}
check(
    "ten sigmoid layers: first/last below 1e-3 for 20 seeds (measured: 1e-6 with Glorot, 2e-5 with He)",
    max(twenty["sigmoid", "Glorot"] + twenty["sigmoid", "He"]) < 1e-3,
)
check(
    "relu with He: between 0.1 and 10 for 20 seeds (measured: 0.24 to 1.2)",
    0.1 < min(twenty["relu", "He"]) and max(twenty["relu", "He"]) < 10,
)
check(
    "tanh with Glorot: between 0.1 and 10 for 20 seeds (measured: 0.9 to 1.7)",
    0.1 < min(twenty["tanh", "Glorot"]) and max(twenty["tanh", "Glorot"]) < 10,
)

# %% [markdown]
r"""
A million, with sigmoids and Glorot's weights: layer 1 would need a million times the learning rate of layer 10. None of
the three kinds of first weights mends that. With tanh and relu the gradient comes through; relu with small first
weights has level lines too, but far down. A ratio near 1 isn't enough: look at what the layers put out.
"""

# %%
print("spread of the outputs")
print(f"{'':<22} {'layer 1':>8} {'layer 5':>8} {'layer 10':>8}")
pairs = (("tanh", "normal(0.05)"), ("tanh", "Glorot"), ("relu", "Glorot"), ("relu", "He"))
for activation, first in pairs:
    outputs = seen[activation, first][0]
    listed = " ".join(f"{outputs[k].std():>8.4f}" for k in (0, 4, 9))
    print(f"{activation:<8} {first:<13} {listed}")

# %% tags=["plot"]
# alt: Histograms of the outputs of layers 1, 5 and 10: they shrink to a spike with weights of 0.05
figure, grid = plt.subplots(2, 3, figsize=(6.4, 3.9), sharex=True)
for line, first in zip(grid, ("normal(0.05)", "Glorot"), strict=True):
    for axes, k in zip(line, (1, 5, 10), strict=True):
        outputs = seen["tanh", first][0][k - 1].ravel()
        axes.hist(outputs, bins=np.linspace(-1, 1, 26), color="tab:blue")
        axes.set(yticks=[], xticks=[-1, 0, 1], title=f"layer {k}" if first != "Glorot" else "")
    line[0].set_ylabel(f"tanh\n{first}")
for axes in grid[1]:
    axes.set_xlabel("output")
plt.show()

# %% [markdown]
r"""
With weights of 0.05 each layer makes its input smaller, until layer 10 puts out zeros whatever comes in. Draw the
weights too large instead, and the opposite happens: tanh is driven into its flat ends. **Predict** the slope there.
"""

# %%
first_weights["normal(1)"] = lambda: initializers.RandomNormal(stddev=1.0)
large, _ = look("tanh", "normal(1)")
saturated = [(np.abs(output) > 0.99).mean() for output in large]
middle = [float(np.median(1 - output.astype("float64") ** 2)) for output in large]
print(f"normal(1): {saturated[4]:.0%} of layer 5's outputs lie beyond 0.99")
print(f"median of the slope 1 - tanh^2 there: {middle[4]:.1e}")

# %% tags=["check"]
glorot, small = seen["tanh", "Glorot"][0], seen["tanh", "normal(0.05)"][0]
check("with 0.05 the outputs of layer 10 have all but vanished", small[9].std() < 1e-3)
check("with Glorot they have not", glorot[9].std() > 0.1)
check("with a spread of 1 more than half of the outputs are saturated", min(saturated) > 0.5)

# %% [markdown]
r"""
That is the rule behind Glorot and He. A sum of $n$ inputs, each times a weight, has $n$ times the variance of a single
product. So $\mathrm{Var}(w)$ has to be about $1 / n$ for a layer to put out as much as it takes in; and for relu, which
cuts off one half, $2 / n$. On the way back the sums run over the outputs; Glorot takes the mean of the two numbers.

## The zig-zag

The second complaint: a sigmoid's output is always positive. Then in the next layer, for one row, all gradients of a
neuron's weights have the same sign:

$$\frac{\partial L}{\partial w_d} = h_d\, \frac{\partial L}{\partial z}, \qquad h_d > 0$$

All weights of the neuron rise together or fall together. If one has to rise and another to fall, the way there is a
zig-zag. See it with two weights and one row at a time. The same task twice: inputs between 0 and 1, and the same inputs
minus their mean.
"""


# %%
def signs_and_way(centre, steps=120):
    """Train two weights on one row at a time; the best ones are (2, -2)."""
    h = np.random.default_rng(1).random((steps, 2)) - (0.5 if centre else 0.0)
    with diptych.engine("reference"):
        w = diptych.Variable(np.zeros((2, 1)), dtype="float64")
        sgd, way, signs = optimizers.SGD(0.5), [np.zeros(2)], []
        for row in h:
            target = row[None] @ [[2.0], [-2.0]]
            with diptych.GradientTape() as tape:
                loss = ops.sum(ops.square(ops.matmul(row[None], w) - target)) / 2
            gradient = np.asarray(tape.gradient(loss, w))
            sgd.apply([gradient], [w])
            signs.append(gradient[0, 0] * gradient[1, 0] > 0)
            way.append(np.asarray(w).ravel().copy())
    return np.mean(signs), np.array(way)


zigzag = {"inputs from 0 to 1": signs_and_way(False), "the same, minus 0.5": signs_and_way(True)}
for name, (share, _) in zigzag.items():
    print(f"{name:<20} both gradients have the same sign in {share:.0%} of the steps")

# %% tags=["plot"]
# alt: Two panels with the way of two weights to (2, -2): steps only up-right or down-left, or in all directions
figure, panels = plt.subplots(1, 2, figsize=(6.4, 3.5), sharex=True, sharey=True)
for axes, (name, (_, way)) in zip(panels, zigzag.items(), strict=True):
    axes.plot(*way[:61].T.round(3), "-", color="tab:blue", lw=1.2)
    axes.plot(*way[0], "o", color="black", mfc="white", ms=7)
    axes.plot(2, -2, "x", color="black", ms=9, mew=2)
    axes.set(title=name, xlabel="$w_1$", xlim=(-0.6, 2.4), ylim=(-2.4, 0.6), aspect="equal")
panels[0].set_ylabel("$w_2$")
plt.show()

# %% tags=["check"]
check(
    "positive inputs: in every step both gradients have one sign",
    zigzag["inputs from 0 to 1"][0] == 1,
)
check("centred inputs: they don't", zigzag["the same, minus 0.5"][0] < 0.7)

# %% [markdown]
r"""
On the left there are only steps up and to the right, or down and to the left: the line goes to and fro across its way.
In a batch the rows' gradients are added up, and rows may pull in different directions, so the effect is weaker than
this picture; and even here both have come about equally far after 60 steps. The old tutorial says so too: next to
killed gradients it is the smaller evil.

## The race

The digit reader: two hidden layers, sigmoid as in the old tutorial, against tanh and relu. Here with 8 × 8 digits, 100
neurons a layer and plain SGD. **Predict** the order.
"""

# %%
(digits, names), (test_digits, test_names) = diptych.datasets.digits.load_data()
digits, test_digits = (a.reshape(len(a), 64).astype("float32") / 16 for a in (digits, test_digits))


def reader(activation, hidden=2, rate=0.1):
    dense = [layers.Dense(100, activation, name=f"hidden{k + 1}") for k in range(hidden)]
    model = Sequential([layers.Input((64,)), *dense, layers.Dense(10, "softmax")])
    model.compile(optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def race(hidden, seeds=3, epochs=20):
    curves = {}
    for activation in functions:
        runs = []
        for seed in range(seeds):
            diptych.utils.set_random_seed(seed)
            model = reader(activation, hidden)
            fitted = model.fit(digits, names, epochs=epochs, batch_size=50, verbose=0)
            accuracy = model.evaluate(test_digits, test_names, verbose=0)[1]
            runs.append((fitted.history["loss"], accuracy))
        curves[activation] = runs
    return curves


races = {hidden: race(hidden) for hidden in (2, 6)}
for hidden, curves in races.items():
    for activation, runs in curves.items():
        listed = ", ".join(f"{accuracy:.3f}" for _, accuracy in runs)
        print(f"{hidden} hidden layers of {activation:<8} accuracy on the test digits {listed}")

# %% tags=["plot"]
# alt: Loss against the epoch in a race of activations: with six layers the sigmoids stay at ln 10, they learn nothing
figure, panels = plt.subplots(1, 2, figsize=(6.4, 3.4), sharey=True)
styles = {"sigmoid": ("tab:orange", "-"), "tanh": ("tab:blue", "--"), "relu": ("black", ":")}
for axes, (hidden, curves) in zip(panels, races.items(), strict=True):
    for activation, (color, style) in styles.items():
        for k, (curve, _) in enumerate(curves[activation]):
            label = activation if k == 0 else None
            axes.plot(
                range(1, len(curve) + 1),
                np.round(curve, 3),
                style,
                color=color,
                lw=1.7,
                label=label,
            )
    axes.axhline(np.log(10), color="0.6", lw=0.8)
    axes.set(title=f"{hidden} hidden layers", xlabel="epoch", xticks=[1, 10, 20], ylim=(0, 2.7))
panels[0].set_ylabel("training loss")
panels[1].text(20, np.log(10) - 0.12, "ln 10: knows nothing", ha="right", va="top")
panels[1].legend(frameon=False, loc="center right")
plt.show()

# %% [markdown]
r"""
With two layers the sigmoids are still on their way after 20 epochs; with six they don't start at all. `Doctor` says
why:
"""

# %%
diptych.utils.set_random_seed(0)
model = reader("sigmoid", 6)
doctor = diptych.Doctor()
fitted = model.fit(digits, names, epochs=8, batch_size=50, verbose=0, callbacks=[doctor])

# %% [markdown]
r"""
## Break it, repair it

All six-layer networks had Glorot's first weights. Break the relu network: give it weights of 0.01. Then repair the
sigmoid one without leaving the sigmoid. What is missing is gradient at depth; `BatchNormalization` before each sigmoid
brings its input back to mean 0 and spread 1, away from the flat ends, at every depth.
"""


# %%
def trained(stack, epochs=20):
    diptych.utils.set_random_seed(0)
    model = Sequential([layers.Input((64,)), *stack, layers.Dense(10, "softmax")])
    model.compile(optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(digits, names, epochs=epochs, batch_size=50, verbose=0)
    return model.evaluate(test_digits, test_names, verbose=0)[1]


tiny = initializers.RandomNormal(stddev=0.01)
broken = trained([layers.Dense(100, "relu", kernel_initializer=tiny) for _ in range(6)])
parts = (lambda: layers.Dense(100), layers.BatchNormalization, lambda: layers.Activation("sigmoid"))
repaired = trained([part() for _ in range(6) for part in parts])
print(f"six layers of relu, first weights of 0.01:         accuracy {broken:.3f}")
print(f"six layers of sigmoid, each with normalized input: accuracy {repaired:.3f}")

# %% tags=["check"]
by = {key: [accuracy for _, accuracy in runs] for key, runs in races[6].items()}
check("six layers of sigmoid stay near chance", max(by["sigmoid"]) < 0.25)
check(
    "six layers of tanh or relu reach 0.85 (measured over 20 seeds: at least 0.87)",
    min(by["tanh"] + by["relu"]) > 0.85,
)
check("relu with weights of 0.01 stays near chance", broken < 0.25)
check("normalized, the sigmoids learn", repaired > 0.8)
check("Doctor names the vanishing gradients", "vanishing_gradients" in doctor.findings.names)

# %% [markdown]
r"""
Last, the other engine: the ten layers of relu once more, both engines side by side.
"""

# %%
diptych.utils.set_random_seed(0)
comparison = diptych.compare_engines(deep("relu", "He"), x, y)
print(f"largest difference {comparison.max_difference:.0e}")

# %% tags=["check"]
check("the two engines agree to float32's accuracy", comparison.max_difference < 1e-5)

# %% [markdown]
r"""
**What you saw.** The old tutorial is right about the sigmoid: a slope of at most 1/4 a layer kills the gradient in deep
networks, a million times over in ten layers. First weights have to fit the number of inputs: too small, and everything
becomes 0; too large, and everything saturates. Use relu with He or tanh with Glorot in hidden layers. A sigmoid is
right at the end, where a probability is wanted.

## Exercises

1. All first weights 0: what do the neurons of a layer learn? Look at their gradients.
2. Take relu with 30 layers, with Glorot and with He. What is left of the outputs' spread after 30 layers? Predict the
   factor for each layer first.
3. How large must a sigmoid's weights be to keep $w\,\sigma'$ at 1, and why does that not help?

[Answers](../answers/05.py), as a script that checks them.
"""

# %%
check.done()
