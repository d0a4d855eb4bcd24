# Question: what is validation for, and what do the scores mean?   Seeds: 0d, 1f, 3a, 4b.
# Engine: fast; reference beside it at the end.   Time: seconds.
# %% [markdown]
r"""
# What validation is for

> validation 起什么作用？
>
> 2 模型训练、验证、测试数据 已经评估分数的含义? - 深入了解 loss optimizer metrics scores
>
> *"What does validation do?"* asks one student's page, and leaves the answer blank. Another ends with: *"What do
> training, validation and test data mean, and what do the scores mean?"*

We make a network learn its rows by heart, watch it happen, stop it in time, and then break the watching itself in
three ways.

**Predict before you run.** A network is trained on 300 pictures for 100 epochs, and its loss on these 300 falls all the
time. What does its loss on *other* pictures do?
"""

# %%
import inspect
import warnings

import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych import layers
from diptych.teach import Checks

check = Checks("07")

# %% [markdown]
r"""
## One data set, cut in three

| part | who looks at it | what it decides |
|---|---|---|
| training | the optimizer, at every update | the weights |
| validation | you, after every epoch | when to stop, how large the network is, which of several to keep |
| test | you, once, at the very end | nothing. It tells how good the thing is that you have decided on |

The pictures are 1,797 handwritten digits of 8 × 8 points that come with the library. Shuffle first, then cut. Most
people give 80 % to training; we give only 300 pictures, so that the trouble comes quickly. And as in real data, some
labels are wrong: we spoil a fifth of those in the training part.
"""

# %%
(x, y), (x_rest, y_rest) = diptych.datasets.digits.load_data()
x = np.concatenate([x, x_rest]).reshape(-1, 64).astype("float32") / 16
y = np.concatenate([y, y_rest]).astype(int)

rng = np.random.default_rng(7)
order = rng.permutation(len(x))
parts = {"training": order[:300], "validation": order[300:800], "test": order[800:]}
(x_train, y_train), (x_val, y_val), (x_test, y_test) = ((x[i], y[i]) for i in parts.values())

wrong = rng.choice(300, 60, replace=False)
y_train[wrong] = (y_train[wrong] + rng.integers(1, 10, 60)) % 10
print({name: len(rows) for name, rows in parts.items()})

# %% tags=["plot"]
# alt: A bar of 1,797 rows cut in three: 300 for training, 500 for validation, 997 for the test
BLUE, ORANGE, GREY = "#1f5fa8", "#d95f02", "#8a8a8a"
figure, axes = plt.subplots(figsize=(6.4, 1.7))
start = 0
for (name, rows), colour, job in zip(
    parts.items(), (BLUE, ORANGE, GREY), ("weights", "choices", "opened once"), strict=True
):
    axes.barh(0, len(rows), left=start, color=colour, edgecolor="white", height=0.8)
    middle = start + len(rows) / 2
    axes.text(middle, 0, f"{name}\n{job}", color="white", ha="center", va="center", weight="bold")
    start += len(rows)
axes.set(yticks=[], xticks=[0, 300, 800, 1797], xlim=(0, 1797), xlabel="row, after shuffling")
axes.spines[["top", "left", "right"]].set_visible(False)
plt.show()

# %% tags=["check"]
check(
    "every row is in exactly one part",
    sorted(np.concatenate(list(parts.values()))) == list(range(1797)),
)

# %% [markdown]
r"""
## A run that goes too far

The network has 85,002 weights for 300 pictures: room enough to remember each of them. `validation_data` changes no
weight; after each epoch the part is only evaluated.
"""


# %%
def network(seed=0, width=256):
    diptych.utils.set_random_seed(seed)
    model = diptych.Sequential(
        [
            diptych.Input((64,)),
            layers.Dense(width, activation="relu"),
            layers.Dense(width, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        engine="fast",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


too_far = network()
history = too_far.fit(
    x_train, y_train, validation_data=(x_val, y_val), epochs=100, batch_size=32, verbose=0
).history
print(f"{too_far.count_params():,} weights")
best = int(np.argmin(history["val_loss"]))
for epoch in (0, 4, best, 49, 99):
    print(
        f"epoch {epoch + 1:>3}: training loss {history['loss'][epoch]:.3f}, "
        f"validation loss {history['val_loss'][epoch]:.3f}"
    )

# %% tags=["plot"]
# alt: Over 100 epochs the training loss falls to 0 while the validation loss turns up; the accuracies part likewise
figure, panels = plt.subplots(2, 1, figsize=(6.4, 5.6), sharex=True)
epochs = np.arange(1, 101)
for axes, name, place in zip(
    panels, ("loss", "accuracy"), ("upper right", "lower right"), strict=True
):
    axes.plot(epochs, history[name], color=BLUE, ls="--", lw=2, label="training")
    axes.plot(epochs, history[f"val_{name}"], color=ORANGE, lw=2.5, label="validation")
    axes.axvline(best + 1, color="black", lw=1, ls=":")
    axes.set(ylabel=name)
    axes.legend(loc=place)
panels[0].set(ylim=(0, 2.2))
panels[0].text(best + 3, 1.7, f"least validation\nloss: epoch {best + 1}", fontsize=11)
panels[0].annotate(
    "", (92, history["val_loss"][91]), (92, history["loss"][91]), arrowprops={"arrowstyle": "<->"}
)
panels[0].text(90, 0.33, "the gap", ha="right")
panels[1].set(xlabel="epoch", ylim=(0, 1.05))
plt.show()

# %% tags=["check"]
check(
    "the training loss ends below a tenth of where it was at the best epoch",
    history["loss"][-1] < 0.1 * history["loss"][best],
)
check(
    "the validation loss has turned up by more than a fifth",
    history["val_loss"][-1] > 1.2 * history["val_loss"][best],
)
check(
    "the last weights get fewer validation pictures right than the best ones",
    history["val_accuracy"][-1] < history["val_accuracy"][best] - 0.02,
)

# %% [markdown]
r"""
First look at the left edge: at the beginning validation is *better* than training. That's no mistake. A fifth of the
training labels are wrong, and a network that knows its digits disagrees with them; the validation labels are all right.

In its first ten epochs the network learns what all digits have in common, and both losses fall. Then all that is left
to learn is which of *these 300* pictures has which wrong label. That helps with no other picture; it hurts. After the
dotted line the validation loss rises, while the training loss, alone, would tell you that all is going well.

By accuracy the best epoch comes earlier, as the lower picture shows: from then on fewer answers are right, but the
right ones are surer. Decide beforehand what you care for, and watch that.

One run could be an accident. Measured over 20 seeds, each with its own cut and its own wrong labels: the least
validation loss came at epoch 14 to 32; after 60 epochs the loss was higher in every run, on average 0.59 after 0.46.
Validation accuracy fell from 0.90 to 0.82 on average. The library's `Doctor` sees the same from the outside:
"""

# %%
print(diptych.diagnose(too_far, x_train, y_train))

# %% [markdown]
r"""
## What the two scores are

`evaluate` returns `[loss, accuracy]`. With $p_{n,k}$ the probability that the model gives to class $k$ for picture $n$:

$$\text{loss} = -\frac1N \sum_n \log p_{n,\,y_n}, \qquad
  \text{accuracy} = \frac1N \sum_n \big[\arg\max_k p_{n,k} = y_n\big]$$

The loss asks how much probability the truth got. The accuracy asks only who came first. The same, from `predict` by
hand:
"""

# %%
score = too_far.evaluate(x_val, y_val, verbose=0)
p = too_far.predict(x_val, verbose=0).astype(float)
loss_by_hand = -np.log(p[np.arange(len(y_val)), y_val]).mean()
accuracy_by_hand = (p.argmax(axis=1) == y_val).mean()
print(f"evaluate  {score[0]:.6f}  {score[1]:.6f}")
print(f"by hand   {loss_by_hand:.6f}  {accuracy_by_hand:.6f}")
print(f"1/10 for everything would cost {np.log(10):.4f} and be right for about 0.1")

# %% tags=["check"]
check(
    "the loss is the mean of -log of the truth's probability", abs(score[0] - loss_by_hand) < 1e-5
)
check(
    "the accuracy is the share of rows whose largest p is the truth's",
    abs(score[1] - accuracy_by_hand) < 1e-6,
)

# %% [markdown]
r"""
## Stop in time

`EarlyStopping` does what you would do: remember the best epoch, wait a while (`patience`), stop, and put the best
weights back. This is its source. Find the line that remembers the weights, and the one that stops:
"""

# %%
stopping = diptych.callbacks.EarlyStopping("val_loss", patience=10, restore_best_weights=True)
print(inspect.getsource(stopping.on_epoch_end))
print(inspect.getsource(stopping.on_train_end))

# %% [markdown]
r"""
**Predict:** it waits 10 epochs for an improvement. After which epoch does it stop? The curve above tells you.
"""

# %%
weights_after = []
keep = diptych.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, logs: weights_after.append(stopped.get_weights())
)
stopped = network()
course = stopped.fit(
    x_train,
    y_train,
    validation_data=(x_val, y_val),
    epochs=100,
    batch_size=32,
    verbose=0,
    callbacks=[keep, stopping],
)
print(f"stopped after epoch {stopping.stopped_epoch + 1}, best was {stopping.best_epoch + 1}")
for name, model in (("all 100 epochs", too_far), ("stopped in time", stopped)):
    loss, accuracy = model.evaluate(x_val, y_val, verbose=0)
    print(f"{name:<16} validation loss {loss:.3f}, accuracy {accuracy:.3f}")

# %% tags=["check"]
check(
    "it is the same run, and stops 10 epochs after its best one",
    stopping.stopped_epoch == stopping.best_epoch + 10
    and course.history["val_loss"] == history["val_loss"][: stopping.stopped_epoch + 1],
)
check(
    "the weights of the best epoch are back, bit for bit",
    all(
        np.array_equal(a, b)
        for a, b in zip(stopped.get_weights(), weights_after[stopping.best_epoch], strict=True)
    ),
)

# %% [markdown]
r"""
## Nothing to learn, and 100 % right

Now break it for good: *every* label is drawn by lot, in all three parts. There is nothing to learn.

**Predict:** what accuracy does the network reach on the training rows? On the validation rows?
"""

# %%
dice = []
for seed in range(20):
    lots = np.random.default_rng(100 + seed)
    by_lot = lots.integers(0, 10, len(x))
    model = network(seed)
    result = model.fit(x_train, by_lot[:300], epochs=60, batch_size=32, verbose=0).history
    answers = model.predict(x[order[300:]], verbose=0).argmax(axis=1)
    right = answers == by_lot[300:]
    dice.append((result["accuracy"][-1], right[:100].mean(), right[500:].mean()))
train, hundred, rest = np.array(dice).T
print(f"20 networks: training accuracy  least {train.min():.3f}, mean {train.mean():.3f}")
print(
    f"validation, 100 rows: least {hundred.min():.2f}, mean {hundred.mean():.3f}, most {hundred.max():.2f}"
)
print(
    f"test,       997 rows: least {rest.min():.2f}, mean {rest.mean():.3f}, most {rest.max():.2f}"
)

# %% tags=["check"]
check("all 20 know at least 95 % of the labels that they were trained on", train.min() >= 0.95)
check("on new rows they guess: 0.1 on average", abs(hundred.mean() - 0.1) < 0.03)

# %% [markdown]
r"""
So a training score of 100 % can mean *nothing at all*. The validation score shows it at once.

## Why a test set as well

A share $p$ that is counted on $n$ rows sways by about $\sqrt{p\,(1 - p) / n}$, its *standard error*: for $p = 0.1$ by
0.03 on 100 rows, by 0.01 on 997. Look at the 20 networks again. They are all worthless. But keep the one with the best
validation score, as one does, and report that score. **Predict:** will it be 0.10?
"""

# %%
chosen = int(hundred.argmax())
print(f"chosen: network {chosen}, validation {hundred[chosen]:.2f}, test {rest[chosen]:.2f}")

# %% tags=["plot"]
# alt: 20 worthless networks by validation and test accuracy; the chosen one lies far right, but at 0.1 in the test
figure, axes = plt.subplots(figsize=(6.4, 3.6))
axes.axhline(0.1, color=GREY, lw=1, ls=":")
axes.plot(hundred, rest, "o", ms=8, mfc="white", mec=BLUE, mew=2)
axes.plot(hundred[chosen], rest[chosen], "D", ms=11, color=ORANGE)
axes.annotate(
    "the chosen one",
    (hundred[chosen], rest[chosen]),
    (hundred[chosen], 0.155),
    ha="right",
    arrowprops={"arrowstyle": "->", "shrinkB": 8},
)
axes.text(0.025, 0.103, "chance", color="#555555")
axes.set(xlabel="accuracy on 100 validation rows", ylabel="accuracy on the test", ylim=(0.05, 0.18))
axes.set(xlim=(0.02, 0.22), xticks=[0.05, 0.1, 0.15, 0.2], yticks=[0.05, 0.1, 0.15])
plt.show()

# %% tags=["check"]
check("the best of 20 looks better than chance in validation", hundred[chosen] >= 0.13)
check("and the test says chance, within 4 standard errors", abs(rest[chosen] - 0.1) < 0.04)

# %% [markdown]
r"""
Choosing by a score makes that score too good, though nobody cheated. Rows that chose nothing are needed for an honest
figure. That is the test set, and it stays honest only as long as you don't choose by it. We open it now, once, for the
network that early stopping gave us:
"""

# %%
validated = stopped.evaluate(x_val, y_val, verbose=0)[1]
tested = stopped.evaluate(x_test, y_test, verbose=0)[1]
print(f"validation {validated:.3f}, test {tested:.3f}")

# %% tags=["check"]
error = np.sqrt(0.1 * 0.9 * (1 / 500 + 1 / 997))
check("the two agree within 4 standard errors", abs(validated - tested) < 4 * error)

# %% [markdown]
r"""
One choice among a hundred epochs spoils a score of 500 rows only a little.

## Break it: sorted rows

Another old page makes 1,000 people, `gender[:500] = 1`: first all men, then all women. It has no validation at all. Say
you add `validation_split=0.1`. These lines of the library decide which rows that takes:
"""

# %%
from diptych.models.data import split_off_validation

source = inspect.getsource(split_off_validation)
print(source[source.index("    rows = ") : source.index("    if split == 0")] + "    ...")
print(source[source.rindex("    def part") :])

# %% [markdown]
r"""
The *last* rows, before anything is shuffled. **Predict:** who is in the validation part?
"""

# %%
people = np.random.default_rng(1)
gender = np.zeros(1000, int)
gender[:500] = 1  # men
body = people.normal(size=(1000, 3)).astype("float32")  # weight, height, age
body[:500] += [1, 1, -1]

_, (_, last, _) = split_off_validation(body, gender, None, 0.1)
print(f"validation: {len(last)} people, {int((last == 0).sum())} of them women")

# %% [markdown]
r"""
With the digits it gets worse. Sort them by class and ask for the last tenth:
"""

# %%
by_class = np.argsort(y, kind="stable")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model = network()
    run = model.fit(x[by_class], y[by_class], validation_split=0.1, epochs=10, verbose=0).history
print(f"sorted:   training {run['accuracy'][-1]:.3f}, validation {run['val_accuracy'][-1]:.3f}")
print("warning:", str(caught[0].message).split(", so")[0])

mixed = np.random.default_rng(2).permutation(len(x))
repaired = network().fit(x[mixed], y[mixed], validation_split=0.1, epochs=10, verbose=0).history
print(
    f"shuffled: training {repaired['accuracy'][-1]:.3f}, validation {repaired['val_accuracy'][-1]:.3f}"
)

# %% tags=["plot"]
# alt: Label against row number, sorted and shuffled; to the right of the cut the sorted rows hold almost only nines
figure, panels = plt.subplots(1, 2, figsize=(6.8, 3.6), sharey=True)
for axes, rows, title, end in zip(
    panels,
    (by_class, mixed),
    ("sorted", "shuffled"),
    (run["val_accuracy"][-1], repaired["val_accuracy"][-1]),
    strict=True,
):
    axes.axvspan(1617, 1797, color=ORANGE, alpha=0.3, lw=0)
    some = np.arange(0, 1797, 3)
    axes.plot(some, y[rows][some], ".", ms=3, color=BLUE, rasterized=True)
    axes.set(xlabel="row", title=f"{title}: val_accuracy {end:.2f}", xticks=[0, 800, 1617])
    axes.title.set_fontsize(12)
panels[0].set(ylabel="digit", yticks=range(10))
panels[0].text(1590, 1.0, "validation", rotation=90, ha="right", va="bottom")
plt.show()

# %% tags=["check"]
check("the sorted people's validation part are 100 women", len(last) == 100 and not last.any())
split = split_off_validation(x[by_class], y[by_class], None, 0.1)
check(
    "the split is the last rows in order, row by row",
    np.array_equal(split[1][0], x[by_class][1617:])
    and np.array_equal(split[0][0], x[by_class][:1617]),
)
check(
    "a network that never saw a nine gets almost none of them right", run["val_accuracy"][-1] < 0.05
)
check("after shuffling, validation says what it should", repaired["val_accuracy"][-1] > 0.9)
check("the library warns of sorted labels", "sorted by class" in str(caught[0].message))

# %% [markdown]
r"""
So a validation score of 0 was no fault of the network: it had never seen a nine. Shuffle before you cut.

(Over 20 seeds, sorted: validation accuracy 0.00 in every run. Shuffled, each time in another order: 0.94 to 1.00.)

## Break it again: the same rows on both sides

The oldest of these pages draws 100 rows for an AND gate, also with `validation_split=0.1`. But AND has only four
different rows. How many of the ten validation rows are in the training part, too?
"""

# %%
gate = np.random.default_rng(0).integers(0, 2, size=(100, 2))
(seen, _, _), (held, _, _) = split_off_validation(gate, gate[:, 0] & gate[:, 1], None, 0.1)
known = sum(any((row == other).all() for other in seen) for row in held)
print(f"{known} of {len(held)} validation rows are in the training part as well")

# %% tags=["check"]
check("every one of them is", known == 10)

# %% [markdown]
r"""
A table that only looks up the rows that it has seen would score 100 % here. For AND that's no harm, as there are no
other rows. But with pictures from one film, several rows of one patient, or copies in the data, it's the most common
way to fool yourself.

**What you saw.** The training score says how well a network knows its own rows; it can be 100 % with nothing learnt.
The validation score, on rows that no update has seen, tells when to stop and what to keep. Each choice wears it out a
little, so the last word is the test's. All three mean something only if the cut is fair: shuffled, and without the same
row on both sides.

Last, the other engine: the same network and pictures through both.
"""

# %%
comparison = diptych.compare_engines(stopped, x_val[:32], y_val[:32])
print(f"largest difference of all values and gradients: {comparison.max_difference:.0e}")

# %% tags=["check"]
check("the two engines agree to float32's accuracy", comparison.max_difference < 1e-4)

# %% [markdown]
r"""
## Exercises

1. The 1,000 sorted people with `validation_split=0.5`: who is trained on, who is validated, and what validation
   accuracy will come out?
2. In the first epoch, the validation loss is often *lower* than the training loss. The network is not better on rows
   that it has not seen. When is each of the two numbers measured?
3. How many validation rows are needed, so that an accuracy near 0.9 has a standard error of 0.01?

[Answers](../answers/07.py), as a script that checks them.
"""

# %%
check.done()
