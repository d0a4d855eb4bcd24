# Question: why believe that the fast engine computes the same as the readable one?   Seed: 002.
# Engine: both, against the truth; broken ones too.   Time: seconds.
# %% [markdown]
r"""
# Reading a parity test

> **速度快的原因是使用了并行运算**，因为整个运算可以看成是矩阵运算。
>
> *"The reason for the speed is that it computes in parallel, since the whole can be seen as a matrix operation."* So
> an old Keras tutorial on batches. But what computes in parallel adds up in another order, and its code looks nothing
> like the equation. diptych has each operation twice: a reference that you can read, and a fast twin. Why should you
> believe that the twin computes the same?

Because tests hold the two against each other, thousands of times. Such a test is called a *parity test*. This page
reads one line by line, the one for convolution, and then breaks the convolution in seven ways to see who notices.

**Predict before you run.** Add up 1000 numbers between -1 and 1 in float32, from front to back and from back to front.
Do you get the same number? If not, in which decimal do they differ?
"""

# %%
import inspect
import sys
import types
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from diptych.reference import convolution, recurrent

from diptych.teach import Checks

check = Checks("15")

# The tests lie beside the tutorials. They aren't installed with the library.
HERE = Path(globals().get("__file__", "here")).resolve().parent
sys.path.insert(0, str(HERE.parent))
from tests import cases, tolerances, twins  # noqa: E402

# %% [markdown]
r"""
## How equal is equal?
"""


# %%
def add_up(numbers):
    total = np.float32(0)
    for number in numbers:
        total = total + number  # every sum is rounded to float32
    return total


numbers = np.random.default_rng(0).uniform(-1, 1, size=1000).astype(np.float32)
forward, backward = add_up(numbers), add_up(numbers[::-1])
truth = numbers.astype(np.float64).sum()
print(f"front to back {forward:.7f}")
print(f"back to front {backward:.7f}")
print(f"float64       {truth:.7f}")

# %% [markdown]
r"""
Neither is wrong. float32 keeps about seven digits, so each addition is rounded, and another order rounds otherwise. A
test that asks for equal bits would fail two right programs. How far apart may they be? Each of the $n$ additions is
off by at most $\varepsilon = 1.2 \cdot 10^{-7}$ of what was there, so at worst

$$|\text{error}| \le n\, \varepsilon \sum_k |x_k|$$

The errors go up and down at random, so they usually cancel, and grow like $\sqrt n$. **Predict:** is the bound ever
reached?
"""

# %%
EPS = float(np.finfo(np.float32).eps)
lengths = [2**k for k in range(1, 15)]
rng = np.random.default_rng(1)
errors = []
for n in lengths:
    found = []
    for _ in range(20):
        x = rng.uniform(0, 1, size=n).astype(np.float32)  # the sum grows, and its roundings
        found.append(abs(add_up(x) - x.astype(np.float64).sum()) / np.abs(x).sum())
    errors.append(max(found))

# %% tags=["plot"]
# alt: On two logarithmic axes: the bound n eps, the random walk sqrt(n) eps, and the measured errors far below both
figure, axes = plt.subplots(figsize=(6.4, 4))
axes.loglog(lengths, EPS * np.array(lengths), "k-", label=r"bound $n\,\varepsilon$")
axes.loglog(
    lengths,
    EPS * (16 + np.sqrt(lengths)),
    "k--",
    label=r"the library's $(16 + \sqrt{n})\,\varepsilon$",
)
axes.loglog(lengths, errors, "o", color="#d95f02", ms=8, label="largest error of 20 sums")
axes.set(xlabel="n, how many numbers are added", ylabel="error / sum of magnitudes")
axes.legend(fontsize=11, loc="upper left")
axes.set(ylim=(1e-9, 1e-1))
plt.show()

# %% tags=["check"]
check("another order, another last digit", forward != backward)
check(
    "no error is above the bound", all(e <= EPS * n for e, n in zip(errors, lengths, strict=True))
)
check(
    "nor above the library's, which is more than 100 times stricter at the end",
    all(e <= EPS * (16 + n**0.5) for e, n in zip(errors, lengths, strict=True)),
)

# %% [markdown]
r"""
It never is. The errors follow the random walk, not the bound: had they been near it, something other than rounding
would be going on. So the library's tests use the broken line. It stands in one place, for all operations:
"""

# %%
print(inspect.getsource(tolerances.parity))

# %% [markdown]
r"""
An error is measured against the *sum of magnitudes*, not against the result. Take $1 + 10^{-8} - 1$: float32 answers
0, and 0 instead of $10^{-8}$ is wrong by 100 %. But no float32 program can do better; the digits were lost when 1 and
$10^{-8}$ met. Divided by the sum of magnitudes, about 2, the error is small, as it should be.

## The test, line by line

A *case* is a set of arguments with a name. This table of cases is what every operation is tried with; these are some
of the convolution's. Look at the names: nearly all of them stand at an edge.
"""

# %%
table = {case.label: case for case in cases.load("convolution")["conv_forward"]}
labels = [
    "batch 1",
    "no bias",
    "odd sizes",
    "window not square",
    "window as large as the input",
    "strides",
    "strides that leave a rest",
    "dilation",
    "padding to one side",
    "padding and strides",
    "sigmoid",
    "two groups",
    "large enough for threads",
]
chosen = [table[label] for label in labels]
for case in chosen:
    arguments = case.arguments()
    print(f"{case.label:<30} x {arguments['x'].shape!s:<18} kernel {arguments['kernel'].shape}")
print(f"... and {len(table) - len(chosen)} more")

# %% [markdown]
r"""
And this is the test itself, cut from the library. Skim it: the list below it explains each part. `pair` is the
operation in both engines, `layouts` are ways to lay an array out in memory.
"""

# %%
print(inspect.getsource(twins.check_parity))

# %% [markdown]
r"""
- `cast`: the numbers are rounded to the type that is tried, **once**. Both engines and the truth get the same numbers.
- `truth_and_scale`: the *truth* is the reference in float64. A float32 twin isn't compared with a float32 reference,
  which is off as well; both are held against the truth, even the reference. The *scale* is the sum of magnitudes. It's
  found without knowing the operation: move every input by a tiny factor, and see how far each output moves.
- `run`: forward, then backward with a random `dy`. Not with ones: what would be missed by that is exercise 2.
- The loop compares *every* value that comes out: `y`, each gradient by its name, what forward keeps for backward.
- `compare`: shape and type, then $|\text{value} - \text{truth}| \le \text{bound} \cdot \text{scale}$, for every
  element.
- `wrong` gathers all faults before the test fails, so that the message shows which gradient it is and where.

Let it run on the real engines.
"""

# %%
fast = twins.module("fastcore", "convolution")
pair = twins.Pair.of(convolution, fast, "conv_forward", chosen)
print(f"{'case':<30}{'value':<10}{'its error':<14}")
worst = 0.0
for case in chosen[:4]:
    arguments = twins.cast(case.arguments(), np.float32)
    truth, scale = twins.truth_and_scale(pair, arguments)
    bound = tolerances.parity(np.float32, twins.longest_sum(arguments))
    result = twins.run(pair, "fast", arguments)
    for name in ("y", "dx", "dkernel", "dbias"):
        if result[name] is not None:
            share = np.max(np.abs(result[name] - truth[name]) / (bound * scale[name]))
            worst = max(worst, float(share))
            verdict = "allowed" if share <= 1 else "TOO LARGE"
            print(f"{case.label:<30}{name:<10}{verdict:<14}")
print(f"even the worst uses less than a quarter of what is allowed: {worst < 0.25}")


def passes(function, *arguments, **options):
    """Whether a check of the library is content."""
    try:
        function(*arguments, **options)
    except Exception:  # a fault, or a crash
        return False
    return True


# %% tags=["check"]
check("all errors of the fast engine are within what is allowed", worst <= 1)
for dtype in (np.float64, np.float32):
    check(
        f"the library's test passes for every chosen case in {dtype.__name__}",
        all(passes(twins.check_parity, pair, case, dtype) for case in chosen),
    )

# %% [markdown]
r"""
## Seven ways to break it

A test that passes says little. Does it *fail* when it should? Here are seven faults as they happen when one writes a
fast kernel. The compiled engine can't be changed while it runs, so each is planted in a copy of the reference, which
then plays the part of the fast twin: one line of its source is replaced.
"""

# %%
BUGS = {
    "padding off by one": (
        "padded = pad(x, padding)",
        "padded = pad(x, tuple((b + 1, a - 1) if a else (b, a) for b, a in padding))",
    ),
    "bias: only the last image": (
        "_rows(dz).sum(axis=0)",
        "_rows(dz[-1:]).sum(axis=0)",
    ),
    "stride forgotten, backward": (
        "under(p, y.shape[1:-1], strides, dilation)",
        "under(p, y.shape[1:-1], (1,) * len(strides), dilation)",
    ),
    "an update lost, large sums": (
        "z[..., f] += seen[..., c] @ kernel[p][:, f]",
        "z[..., f] += 0 if z.size > 50_000 and not any(p) else seen[..., c] @ kernel[p][:, f]",
    ),
    "adds up in float32": (
        "z = np.zeros((len(x), *out, filters), x.dtype)",
        "z = np.zeros((len(x), *out, filters), np.float32)",
    ),
    "old numbers in the tail": (
        "padded = pad(x, padding)\n    z = np.zeros",
        "padded = pad(x, padding)\n    z = (np.arange(filters) >= filters // 4 * 4) + np.zeros",
    ),
    "two gates exchanged": (
        "i, f, o = sigma(a_i), sigma(a_f), sigma(a_o)",
        "f, i, o = sigma(a_i), sigma(a_f), sigma(a_o)",
    ),
}
for name, (right, wrong) in BUGS.items():
    print(f"{name}\n    - {right.splitlines()[-1].strip()}\n    + {wrong.splitlines()[-1].strip()}")


def broken(module, right, wrong):
    """A copy of a module of the reference, one line of it replaced."""
    source = inspect.getsource(module)
    assert source.count(right) >= 1, right
    copy = types.ModuleType(module.__name__)
    copy.__package__ = module.__package__
    exec(compile(source.replace(right, wrong), module.__name__, "exec"), vars(copy))
    return copy


# %% [markdown]
r"""
"An update lost" is what happens when two threads add to one number at the same moment. In real life it comes and goes;
here it's made to stay. "Old numbers in the tail": kernels compute four filters at a time, and forget to clear the
rest. The gates are the LSTM's; its tests are the same functions on another table of cases.

Five ways to test stand against them:

1. one handy case: batch 1, float32, forward;
2. all cases, forward, float32;
3. all cases, forward and backward, float32;
4. the same in float64;
5. *finite differences*, of the broken twin alone: move the input a little, and see whether its own gradient says so.

**Predict** for each of the seven which of the five notice it. Which test would you give up?
"""

# %%
lstm_cases = [case for case in cases.load("recurrent")["lstm_forward"]][:6]
TESTS = ["one case", "forward", "backward too", "float64", "differences"]


def noticed(module, wrong_module, truth_module=None):
    """For each of the five tests, how many of its cases notice the fault."""
    is_lstm = module is recurrent
    name, tried = ("lstm_forward", lstm_cases) if is_lstm else ("conv_forward", chosen)
    pair = twins.Pair.of(truth_module or module, wrong_module, name, tried)
    parity = twins.check_parity
    smooth = [case for case in tried if case.smooth and case.label != "large enough for threads"]
    return [
        (sum(not passes(test, pair, case, *options, **more) for case in those), len(those))
        for test, those, options, more in (
            (parity, tried[:1], (np.float32,), {"parts": ("forward",)}),
            (parity, tried, (np.float32,), {"parts": ("forward",)}),
            (parity, tried, (np.float32,), {"parts": ("forward", "backward")}),
            (parity, tried, (np.float64,), {"parts": ("forward", "backward")}),
            (twins.check_finite_differences, smooth, ("fast",), {}),
        )
    ]


rows = {"nothing wrong": noticed(convolution, fast)}
for name, (right, wrong) in BUGS.items():
    module = recurrent if "gates" in name else convolution
    rows[name] = noticed(module, broken(module, right, wrong))
print(f"{'fault':<28}" + "".join(f"{test:>14}" for test in TESTS))
for name, row in rows.items():
    print(f"{name:<28}" + "".join(f"{f'{hits} of {of}':>14}" for hits, of in row))

# %% tags=["plot"]
# alt: A table of seven faults by five tests: dark where a test notices the fault, with how many of its cases do


seen = np.array([[hits > 0 for hits, _ in row] for row in rows.values()])
figure, axes = plt.subplots(figsize=(6.4, 5.2))
axes.imshow(
    np.where(seen, 0.8, 0), cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest"
)
for r, row in enumerate(rows.values()):
    for c, (hits, of) in enumerate(row):
        colour = "white" if hits else "black"
        text = f"{hits} of {of}" if hits else "–"
        axes.text(c, r, text, ha="center", va="center", color=colour, fontsize=11)
axes.set_xticks(range(5), ["one\ncase", "for-\nward", "back-\nward", "float\n64", "differ-\nences"])
axes.set_yticks(range(len(rows)), list(rows), fontsize=11)
axes.xaxis.tick_top()
axes.tick_params(length=0)
axes.set_xticks(np.arange(4) + 0.5, minor=True)
axes.set_yticks(np.arange(len(rows) - 1) + 0.5, minor=True)
axes.grid(which="minor", color="0.4")
axes.tick_params(which="minor", length=0)
plt.show()

# %% tags=["check"]
caught = {name: [hits > 0 for hits, _ in row] for name, row in rows.items()}
expected = {
    "nothing wrong": [False, False, False, False, False],
    "padding off by one": [False, True, True, True, True],
    "bias: only the last image": [False, False, True, True, True],
    "stride forgotten, backward": [False, False, True, True, True],
    "an update lost, large sums": [False, True, True, True, False],
    "adds up in float32": [False, False, False, True, True],
    "old numbers in the tail": [False, True, True, True, False],
    "two gates exchanged": [True, True, True, True, True],
}
check("every fault is noticed by at least one test", all(any(caught[name]) for name in BUGS))
check("each by the tests that were expected to", caught == expected)

# %% [markdown]
r"""
What the table teaches:

- **One handy case notices next to nothing.** Batch 1, no padding, stride 1, four filters: the faults sit elsewhere.
- **Each fault is seen by few cases**, those at its edge: a stride fault by cases with strides, a lost update by the
  one case that is large. A table of cases at the edges is the heart of the test.
- **Backward needs tests of its own.** Two of the seven compute the right output.
- **float64 sees what float32 hides.** A sum kept in float32 is right to seven digits. Only a type that asks for more
  shows it.
- **Finite differences miss** a constant added to the output, since its slope is zero. And they're too slow for large
  cases, which were left out: so they miss the lost update.

## The fault that parity can't see

A parity test says that two engines agree. Both may be wrong. Take a fault in the *reference*, and a twin that was
faithfully made from it: backward forgets the activation's slope.
"""

# %%
forgotten = broken(convolution, "dz = derive(dy, y)", "dz = dy")
both = {"slope forgotten in both": noticed(convolution, forgotten, truth_module=forgotten)}
for name, row in both.items():
    print(f"{'fault':<28}" + "".join(f"{test:>14}" for test in TESTS))
    print(f"{name:<28}" + "".join(f"{f'{hits} of {of}':>14}" for hits, of in row))

# %% tags=["check"]
hits = [hits for hits, _ in both["slope forgotten in both"]]
check("parity is content: both are wrong in the same way", hits[:4] == [0, 0, 0, 0])
check("finite differences notice it", hits[4] > 0)

# %% [markdown]
r"""
Finite differences ask no second program; they ask the function itself. So every gradient is checked twice: against the
twin, and against the slope. Two more guards stand beside them: values that Keras itself computed, kept in files, and a
test that plants faults as this page does and demands that they be noticed.

## Repair it

How it's mended follows from the message. This is what the test says to the forgotten stride; read it as if the fault
were yours:
"""

# %%
pair = twins.Pair.of(
    convolution, broken(convolution, *BUGS["stride forgotten, backward"]), "conv_forward", chosen
)
try:
    twins.check_parity(pair, table["strides"], np.float64)
except AssertionError as error:
    message = str(error)
for line in message.splitlines():
    print(line.split(", strides")[0].split(", truth")[0])

# %% tags=["check"]
check("it names the case and the gradients", "strides" in message and "dkernel" in message)
check("y is not among them", "  y:" not in message)

# %% [markdown]
r"""
`y` is right, `dbias` is right, `dx` and `dkernel` are wrong, and only where there are strides. The two have one thing
in common: the places under the window, in backward. That is the line.

## Exercises

1. In `conv_backward` replace `dpadded[places][..., c] +=` by `dpadded[places][..., c] =`. Before you run it: which of
   the five tests notice?
2. Somebody tests softmax's backward with `dy` of ones. What gradient is right then, and which wrong backward would
   pass?
3. For which length of a sum does the library allow a float32 error of one part in ten thousand?

[Answers](../answers/15.py), as a script that checks them.
"""

# %%
check.done()
