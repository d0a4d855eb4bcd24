# Question: what is inside a VGG-style network, and what is each part for?   Seeds: 4a, 4d.
# Engine: reference, on one picture; fast at the end.   Time: seconds.
# %% [markdown]
r"""
# Anatomy of a VGG-style network

> 1 模型的结构是什么样子的? - 需要可视化
>
> 4 VGG? LSTM? - 需要更深入了解模型的原理
>
> *"1: What does the structure of a model look like? It has to be made visible. 4: VGG? LSTM? I need to understand
> better how these models work."* So end the notes of somebody who has just copied the network below. Nothing is
> trained on this page. We take the network apart.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import layers
from diptych.teach import Checks

check = Checks("11")
diptych.utils.set_random_seed(11)


def network(engine="reference"):
    return diptych.Sequential(
        [
            diptych.Input((100, 100, 3)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Dropout(0.25),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ],
        engine=engine,
    )


model = network()

# %% [markdown]
r"""
(The notes say `input_shape=(100, 100, 3)` in the first layer; today that is `Input`.)

**Predict before you run.** Four convolutions, two dense layers, eight million weights. Which one layer holds most of
the weights? And which layers do most of the work, counted in multiplications? Write both down.

## What it looks like

`model.summary()` prints it as a table; `diptych.utils.plot_model(model, "model.png", show_shapes=True)` draws it into
a file. This is that picture:
"""

# %% tags=["plot"]
# alt: The layers as boxes from top to bottom, with the shapes of what goes in and comes out
diptych.utils.model_to_dot(model, show_shapes=True, show_layer_names=False)

# %% [markdown]
r"""
Read it downward. A picture of 100 × 100 points with 3 colours goes in. `None` is the number of pictures. Twice the
same block: two convolutions, then a pooling that halves the sides. Then everything is laid out in one row of 30,976
numbers, and two dense layers make ten probabilities of them. Now one part after the other.

## A convolution looks for one small thing everywhere

[Conv1D](10_conv1d.md) slid a window over a sequence. `Conv2D` slides one over a picture, in both directions: at each
place it multiplies 3 × 3 numbers by 3 × 3 weights and adds up.

$$z_{i,j,f} = b_f + \sum_{p=0}^{2} \sum_{q=0}^{2} \sum_{c} x_{i+p,\; j+q,\; c} \; w_{p,q,c,f}$$

Which weights find what? Here is a picture made of a few lines of code, and three kernels made by hand. All weights of
a kernel are the same for the three colours.
"""

# %%
rows, columns = np.mgrid[0:100, 0:100]
picture = np.empty((100, 100, 3))
picture[:] = (0.55, 0.75, 0.95)  # sky
picture[rows > 70] = (0.35, 0.6, 0.3)  # grass
picture[(rows - 20) ** 2 + (columns - 78) ** 2 < 120] = (1.0, 0.85, 0.3)  # sun
picture[(rows > 45) & (rows < 82) & (columns > 20) & (columns < 62)] = (0.85, 0.8, 0.7)  # wall
roof = (rows > 22) & (rows <= 45) & (np.abs(columns - 41) < (rows - 22) * 1.1)
picture[roof] = (0.6, 0.25, 0.2)
picture[(rows > 58) & (rows < 82) & (columns > 36) & (columns < 48)] = (0.35, 0.22, 0.12)  # door
batch = picture[None]  # a batch of one

upright = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]) / 3
level = upright.T
blur = np.ones((3, 3)) / 9
kernel = np.stack([upright, level, blur], axis=-1)[:, :, None, :] * np.ones((1, 1, 3, 1)) / 3
print("kernel", kernel.shape)

conv = diptych.engine.get("reference").convolution
plain = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
maps, _ = conv.conv_forward(batch, kernel, None, **plain)
print("picture", batch.shape, "-> maps", maps.shape)

# %% tags=["plot"]
# alt: A picture of a house, and three maps of it: upright edges, level edges, and a blur
figure, grid = plt.subplots(2, 2, figsize=(6.4, 6.4))
titles = ["the picture", "upright edges", "level edges", "blur"]
images = [picture, maps[0, :, :, 0], maps[0, :, :, 1], maps[0, :, :, 2]]
for axes, title, image in zip(grid.flat, titles, images, strict=True):
    limits = {} if title in ("the picture", "blur") else {"vmin": -0.5, "vmax": 0.5}
    axes.imshow(image, interpolation="nearest", cmap="gray", **limits)
    axes.set_title(title, fontsize=13)
    axes.set_axis_off()
plt.show()

# %% [markdown]
r"""
An edge map is gray where nothing changes, bright where it gets brighter from left to right (upright edges) or from top
to bottom (level edges), dark where it gets darker. The slope of the roof is in both. One number by hand, in row 75,
where the wall stands beside the grass:
"""

# %%
patch = picture[75:78, 19:22].mean(axis=2)  # the mean of the colours: the kernels treat them alike
print("patch\n", patch.round(3))
print("patch * kernel, summed:", (patch * upright).sum().round(3))
print("the map at (75, 19):   ", maps[0, 75, 19, 0].round(3))

# %% tags=["check"]
check("one number by hand", np.isclose((patch * upright).sum(), maps[0, 75, 19, 0]))
check("where the sky is flat, the edge maps are 0", np.abs(maps[0, :15, :50, :2]).max() < 1e-12)
check(
    "a window of 3 fits 98 times into 100",
    maps.shape == (1, 98, 98, 3) and 100 - 3 + 1 == 98,
)

# %% [markdown]
r"""
In the network nobody sets the kernels. There are 32 in the first layer, they begin as random numbers, and training
makes of them what lowers the loss. The second convolution looks at the 32 maps of the first in the same way: a corner
is an upright and a level edge at one place. So the things that are looked for grow from layer to layer.

ReLU, $\max(z, 0)$, stands behind each convolution. Without it two convolutions would be no more than one larger one.

## Pooling keeps the strongest, and forgets where exactly

`MaxPooling2D((2, 2))` keeps the largest of every 2 × 2 numbers. **Predict** what is left of these 4 × 4 numbers, and
what gradient each of the sixteen gets if each output's gradient is 1. Mind the four equal ones.
"""

# %%
from diptych.reference import pooling

numbers = np.array([[1, 3, 2, 0], [5, 2, 1, 4], [7, 0, 6, 6], [1, 2, 6, 6]], dtype=float)
pooled, cache = pooling.max_pool_forward(
    numbers[None, :, :, None], (2, 2), (2, 2), ((0, 0), (0, 0))
)
gradient = pooling.max_pool_backward(np.ones_like(pooled), cache)
print("numbers\n", numbers)
print("pooled\n", pooled[0, :, :, 0])
print("gradient\n", gradient[0, :, :, 0])

# %% tags=["check"]
check("the largest of each window", np.array_equal(pooled.ravel(), [5, 4, 7, 6]))
check("one input of each window gets the gradient", gradient.sum() == 4)
check("of four equal numbers it is the first", gradient[0, 2, 2, 0] == 1)

# %% [markdown]
r"""
The reference engine's source (`diptych show max_pool_forward` prints it beside the fast one) says the same: go through
the positions of the window, and keep what is larger than anything before. A tie is not larger.
"""

# %%
print("\n".join(diptych.show("max_pool_forward")[0].reference[0].lines))

# %% [markdown]
r"""
What is it good for? The next window of 3 × 3 now covers twice as much of the picture, at a quarter of the work; and if
an edge moves by one point, often the same maximum comes out.

## Why small windows: two of 3 × 3 see as far as one of 5 × 5

The idea of VGG (Simonyan and Zisserman, 2014) fits in one line: *only* windows of 3 × 3, but more of them.
**Predict:** how many points of the picture does one output of the second convolution depend on?

You need no formula for this. The gradient of one output is zero for every point that it does not depend on. (Weights
of 1 and no ReLU, so that nothing cancels by chance.)
"""


# %%
def seen(*blocks, size):
    """Which points of a picture does the middle output of these layers depend on?"""
    stack = diptych.Sequential([diptych.Input((size, size, 1)), *blocks], engine="reference")
    x = diptych.Variable(np.zeros((1, size, size, 1), "float32"))
    with diptych.engine("reference"), diptych.GradientTape() as tape:
        y = stack(x)
        middle = y.shape[1] // 2
        one = y[0, middle, middle, 0]
    return np.asarray(tape.gradient(one, x))[0, :, :, 0] != 0


def conv3():
    return layers.Conv2D(1, (3, 3), kernel_initializer="ones")


two_of_3 = seen(conv3(), conv3(), size=11)
one_of_5 = seen(layers.Conv2D(1, (5, 5), kernel_initializer="ones"), size=11)
print("two 3 x 3 see", two_of_3.sum(), "points; one 5 x 5 sees", one_of_5.sum())
for C in (1, 32, 64):
    print(
        f"{C:>3} channels: two 3 x 3 have {2 * 9 * C * C:>7,} weights, one 5 x 5 {25 * C * C:>7,}"
    )

# %% tags=["check"]
check(
    "two 3 x 3 see exactly the square of one 5 x 5",
    two_of_3.sum() == one_of_5.sum() == 25
    and np.ptp(np.nonzero(two_of_3), axis=1).tolist() == [4, 4],
)

# %% [markdown]
r"""
The same view, 18 C² weights instead of 25 C², and one ReLU more in between. That is the whole trick.

How far does each layer of *our* network see? A window of 3 adds two steps of its own input to the view. Behind a
pooling each step is two points wide, behind two poolings four. Write $r$ for the view and $j$ for the width of a step:

$$r \leftarrow r + (k - 1)\, j, \qquad j \leftarrow j \cdot \text{stride}$$

Beside it the gradient once more. (For this the pooling is an average: its gradient goes to all four, not to one.)
"""

# %%
kinds = ["conv", "conv", "pool", "conv", "conv", "pool"]
views, stack, r, j = [], [], 1, 1
print("layer   r by the formula   r by the gradient")
for kind in kinds:
    k, stride = (3, 1) if kind == "conv" else (2, 2)
    r, j = r + (k - 1) * j, j * stride
    stack.append(conv3 if kind == "conv" else lambda: layers.AveragePooling2D((2, 2)))
    view = seen(*[make() for make in stack], size=48)
    views.append((r, view.any(axis=0).sum()))
    print(f"{kind:<7} {r:>16} {views[-1][1]:>19}")

# %% tags=["plot"]
# alt: The picture with nested squares around one point: 3, 5, 6, 10, 14 and 16 points wide
figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.4), width_ratios=(3, 3.6))
left.imshow(picture, interpolation="nearest")
left.add_patch(plt.Rectangle((17 - 8, 45 - 8), 16, 16, fill=False, ec="black", lw=2.5))
left.set_title("the last pooling sees this much", fontsize=12)
left.set_axis_off()
labels = ["conv 1", "conv 2", "pool 1", "conv 3", "conv 4", "pool 2"]
for number, (r, _) in reversed(list(enumerate(views))):
    shade = str(0.95 - 0.14 * (5 - number))
    right.add_patch(plt.Rectangle((8 - r / 2, 8 - r / 2), r, r, fc=shade, ec="black"))
    height = 14.5 - 2.6 * number
    right.plot([8 + r / 2, 17.5], [8 + (height - 8) * r / 18, height], color="black", lw=0.8)
    right.text(17.8, height, f"{labels[number]}: {r}", va="center")
right.set(xlim=(-0.5, 25), ylim=(16.5, -0.5), aspect="equal")
right.set_axis_off()
right.set_title("views in points", fontsize=12)
plt.show()

# %% tags=["check"]
check("the views are 3, 5, 6, 10, 14, 16", [r for r, _ in views] == [3, 5, 6, 10, 14, 16])
check("formula and gradient agree for every layer", all(a == b for a, b in views))

# %% [markdown]
r"""
So the last pooling sees squares of 16 × 16 points: a corner, a piece of the roof, half the sun. What the *whole*
picture shows is put together by the dense layers alone.

## Where the weights are, and where the work is

Back to your prediction. Every number in this table follows from three rules:

- a convolution has $3 \cdot 3 \cdot C \cdot F + F$ weights, and uses all but the biases once at each of its places;
- a dense layer has $D \cdot U + U$ weights, and uses each once;
- pooling and dropout have none.
"""

# %%
table = []
for layer in model.layers:
    out = layer.output.shape[1:]
    weights = layer.count_params()
    products = 0
    if weights:
        kernel_size = int(np.prod(layer.kernel.shape))
        places = int(np.prod(out[:-1]))  # 1 for a dense layer
        products = kernel_size * places
    table.append((type(layer).__name__, out, weights, products))

print(f"{'layer':<14}{'output':<16}{'weights':>10}{'multiply-adds':>16}")
for name, out, weights, products in table:
    if name != "Dropout":
        print(f"{name:<14}{str(out):<16}{weights:>10,}{products:>16,}")
all_weights = sum(row[2] for row in table)
all_products = sum(row[3] for row in table)
print(f"{'together':<30}{all_weights:>10,}{all_products:>16,}")

# %% tags=["plot"]
# alt: Two bars a layer: the first dense layer holds 99.1 % of the weights, the convolutions do 96.3 % of the work
BLUE, ORANGE = "#1f5fa8", "#e8a25c"
heavy = [row for row in table if row[2]]
names = ["conv 1", "conv 2", "conv 3", "conv 4", "dense 1", "dense 2"]
figure, axes = plt.subplots(figsize=(6.4, 4.4))
for offset, column, colour, hatch, label, total in (
    (-0.2, 2, BLUE, "", "weights", all_weights),
    (0.2, 3, ORANGE, "//", "multiply-adds", all_products),
):
    shares = [100 * row[column] / total for row in heavy]
    places = np.arange(6) + offset
    axes.barh(places, shares, 0.38, color=colour, hatch=hatch, ec="black", lw=0.6, label=label)
    for place, share in zip(places, shares, strict=True):
        axes.text(
            share + 1.2, place, f"{share:.1f}" if share >= 0.05 else "under 0.05", va="center"
        )
axes.set(yticks=range(6), yticklabels=names, xlabel="per cent of the whole network", xlim=(0, 115))
axes.invert_yaxis()
axes.legend(loc="upper right")
plt.show()

# %% tags=["check"]
check("7,998,250 weights", all_weights == model.count_params() == 7_998_250)
check(
    "weights layer by layer",
    [row[2] for row in heavy] == [896, 9_248, 18_496, 36_928, 7_930_112, 2_570],
)
check(
    "multiply-adds layer by layer",
    [row[3] for row in heavy] == [8_297_856, 84_934_656, 39_002_112, 71_368_704, 7_929_856, 2_560],
)
check("99.1 % of the weights are in one layer", round(100 * heavy[4][2] / all_weights, 1) == 99.1)
in_convs = sum(row[3] for row in heavy[:4])
check("96.3 % of the work is in the convolutions", round(100 * in_convs / all_products, 1) == 96.3)

# %% [markdown]
r"""
The two bars tell opposite stories. **The weights are in the first dense layer, the work is in the convolutions.** A
convolution has few weights and uses each at thousands of places; a dense layer has a weight of its own for each pair,
and uses it once. If the file is too large, look at the dense layer; if training is too slow, at the convolutions.

(For any model, `diptych.explain_shapes(model, shape)` writes such a table with the sum behind each number.)

## Why "VGG-style" and not VGG

The notes call this network "the VGG model often used for images". It has the idea, not the size. In VGG16 a number is
a convolution of 3 × 3 with so many filters, and M a pooling:
"""

# %%
VGG16 = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
side, channels, weights, products = 224, 3, 0, 0
for step in VGG16:
    if step == "M":
        side //= 2
    else:  # padding "same": the side stays
        weights += 9 * channels * step + step
        products += 9 * channels * step * side * side
        channels = step
convolutional = weights
inputs = side * side * channels
for units in (4096, 4096, 1000):
    weights += inputs * units + units
    products += inputs * units
    inputs = units
print(f"VGG16: {weights:,} weights, {products:,} multiply-adds a picture")
print(f"in the convolutions: {convolutional / weights:.1%} of the weights")
smaller, less = weights / all_weights, products / all_products
print(f"our network: {smaller:.0f} times smaller, {less:.0f} times less work")

# %% tags=["check"]
check("VGG16 has the 138,357,544 weights that are always quoted", weights == 138_357_544)

# %% [markdown]
r"""
| | here | VGG16 |
|---|---|---|
| picture | 100 × 100 | 224 × 224 |
| blocks | 2, with 2 convolutions each | 5, with 2 or 3 |
| padding | none: 100, 98, 96, 48, 46, 44, 22 | same: only pooling shrinks the picture, 224 ... 7 |
| filters | 32, 64 | 64 to 512: twice as many when the sides halve |
| dense layers | 256, 10 | 4096, 4096, 1000 |
| weights in the dense layers | 99.2 % | 89.4 % |

The trained network itself comes as `diptych.applications.VGG16`.

## Break it, repair it

Give the same layers a picture of 120 × 120. The convolutions do not mind. The dense layer does: its kernel was made
for 30,976 numbers. Made anew it is half as large again. And a small picture does not go through at all:
"""

# %%


def body(size, *head):
    return diptych.Sequential([diptych.Input((size, size, 3)), *network().layers[:8], *head])


for size in (100, 120):
    weights = body(size, layers.Flatten(), layers.Dense(256)).count_params()
    print(f"{size} points, flattened: {weights:,} weights")
try:
    body(12, layers.Flatten(), layers.Dense(256))
except ValueError as error:
    print(error)

# %% [markdown]
r"""
The usual repair is to replace `Flatten` by `GlobalAveragePooling2D`: of each of the 64 maps only the mean goes on.
Then the size of the picture does not matter, and the heavy layer is gone. **Predict** the number of weights of the
dense layer that follows.
"""

# %%
light = {
    size: body(size, layers.GlobalAveragePooling2D(), layers.Dense(256), layers.Dense(10))
    for size in (100, 120)
}
for size, lighter in light.items():
    dense = lighter.layers[-2].count_params()
    print(
        f"{size} points: {lighter.count_params():,} weights, {dense:,} of them in the dense layer"
    )

# %% tags=["check"]
check("64 · 256 + 256 weights instead of 7,930,112", light[100].layers[-2].count_params() == 16_640)
check("the same for every size", light[100].count_params() == light[120].count_params() == 84_778)

# %% [markdown]
r"""
A hundredth of the weights. What it costs: the mean no longer knows *where* in the picture something was.

## Both engines

Last, the whole network, not trained, with the picture of the house, through both engines.
"""

# %%
diptych.utils.set_random_seed(11)
comparison = diptych.compare_engines(network(), batch.astype("float32"), repeats=1)
print(f"{len(comparison.rows)} arrays compared: outputs, and the gradient of every weight")
print(f"largest relative difference below 1e-5: {comparison.max_relative_difference < 1e-5}")

# %% tags=["check"]
check("the engines agree to float32's accuracy", comparison.max_relative_difference < 1e-5)

# %% [markdown]
r"""
(In the flat sky the four numbers of a window are equal but for the last bit. The engines add up in another order, so
they often choose another of the four as the largest. No weight's gradient changes by that: all four saw the same
blue.)

## Exercises

1. Give all four convolutions `padding="same"`. Which sides do the maps have now, and how many weights has the first
   dense layer? First with a pencil, then by the library.
2. Three convolutions of 3 × 3 against one of 7 × 7: how many points does each see, how many weights has each with C
   channels?
3. Replace the maximum by the mean (`AveragePooling2D`). How much of an output's gradient does each of the four inputs
   get?

[Answers](../answers/11.py), as a script that checks them.
"""

# %%
check.done()
