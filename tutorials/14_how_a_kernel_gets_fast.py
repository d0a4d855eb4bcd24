# Question: where does the speed of a matrix product come from?   Seeds: 2b.
# Engine: seven kernels of this page's own; the library's two for scale.   Time: half a minute, mostly the C compiler's.
# %% [markdown]
r"""
# How a kernel gets fast

> 所以，实际上由于GPU的并行运算能力，矩阵中的每个element可以同时运算
>
> *"So in fact, thanks to the GPU's ability to compute in parallel, each element of the matrix can be computed at the
> same time."* An old Keras tutorial gives this as the reason why matrices are fast. You have no GPU here, and still
> one program multiplies two matrices a thousand times faster than another, on the same processor, with the same number
> of multiplications. Where does that come from?

A *kernel* is the innermost program: the few loops in which all of the time is spent. Here is one of them in seven
forms, each faster than the last. All compute

$$C_{ij} = \sum_{k} A_{ik}\, B_{kj}$$

for $n \times n$ matrices in float32: $n^3$ multiplications and as many additions, so $2 n^3$ operations.

**Predict before you run.** By what factor is the same triple loop faster in C than in Python: 5, 50 or 500? And how
much is still to be gained after that?
"""

# %%
import re
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import diptych
from diptych.teach import Checks

sys.path.insert(0, str(Path(globals().get("__file__", "here")).resolve().parent))
import kernels  # noqa: E402  (the folder beside this page)

check = Checks("14")
rng = np.random.default_rng(14)
compiled, said = kernels.build("products", report=True) if kernels.compiler() else (None, {})


def text_of(name):
    """One function of kernels/products.pyx."""
    text = kernels.source("products")
    (start,) = (m.start() for m in re.finditer(rf"^(def|cdef void) {name}\(", text, re.M))
    return re.split(r"\n\n\n", text[start:])[0]


speeds = {}  # name -> billions of operations a second


def race(name, product, n, repeats=3):
    """Check a product against float64, and measure how fast it is.

    The time is what this thread computed: other programs on the machine don't count.
    """
    A, B = rng.normal(size=(2, n, n)).astype("float32")
    best = float("inf")
    for _ in range(repeats):
        start = time.thread_time()
        C = product(A, B)
        best = min(best, time.thread_time() - start)
    truth = A.astype("float64") @ B
    scale = np.abs(A.astype("float64")) @ np.abs(B)
    speeds[name] = 2 * n**3 / best / 1e9
    return (np.abs(C - truth) / scale).max() <= 1.2e-7 * n


def into(kernel):
    """A kernel that fills C as a function that returns it."""

    def product(A, B):
        C = np.empty_like(A)
        kernel(A, B, C, len(A))
        return C

    return product


# %% [markdown]
r"""
## Python

First with lists, as a beginner writes it. Then NumPy row by row, as a beginner who has heard of NumPy writes it.
"""


# %%
def with_lists(A, B):
    A, B, n = A.tolist(), B.tolist(), len(A)
    C = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            s = 0.0
            for k in range(n):
                s += A[i][k] * B[k][j]
            C[i][j] = s
    return np.array(C)


def row_by_row(A, B):
    C = np.zeros_like(A)
    for i in range(len(A)):
        for k in range(len(A)):
            C[i] += A[i, k] * B[k]
    return C


right = {
    "lists, n = 64": race("lists, n = 64", with_lists, 64),
    "NumPy rows": race("NumPy rows", row_by_row, 256, 1),
}

# %% [markdown]
r"""
For each multiplication Python looks up a list twice, takes two objects out, finds out that both are numbers, makes a
new object for the product and one for the sum. The multiplication itself is the smallest part.

## The same loops with types

Cython turns Python into C. A name with a C type (`cdef`) is no object any more: the innermost line becomes a few
instructions. `const float[:, ::1] A` is a matrix of float32 numbers whose rows lie one after another in memory. (Later
on, `noexcept nogil` promises that a function needs nothing of Python, and `prange` is a range shared by threads.)
"""

# %%
print(text_of("typed"))

# %% [markdown]
r"""
## The same loops in another order

Look at what the innermost loop touches. `A[i, k]` goes along a row. `B[k, j]` goes *down a column*: from one step to
the next it jumps over a whole row. But memory comes in *lines* of 64 bytes, 16 numbers at a time. Down a column, 16
are fetched and one is used. The picture shows 8 steps of each loop.
"""

# %% tags=["plot"]
# alt: Two grids of numbers: going down a column touches eight memory lines, going along a row only one
figure, (down, along) = plt.subplots(1, 2, figsize=(6.4, 3.5))
for axes, title, fetched, used in (
    (down, "down a column:\n8 lines fetched", np.ones((8, 16)), [(k, 3) for k in range(8)]),
    (
        along,
        "along a row:\n1 line fetched",
        np.eye(8)[:, :1] * np.ones(16),
        [(0, j) for j in range(8)],
    ),
):
    shade = fetched * 0.25
    for place in used:
        shade[place] = 0.85
    axes.imshow(shade, cmap="Blues", vmin=0, vmax=1, interpolation="nearest", aspect="equal")
    axes.set_xticks(np.arange(15) + 0.5, minor=True)
    axes.set_yticks(np.arange(7) + 0.5, minor=True)
    axes.grid(which="minor", color="0.7", lw=0.6)
    axes.tick_params(which="both", length=0)
    axes.set(xticks=[], yticks=[], xlabel="one memory line: 16 numbers", ylabel="rows of B")
    axes.set_title(title, fontsize=12)
plt.show()

# %% [markdown]
r"""
Exchange the two inner loops, and all three matrices are walked along their rows. Nothing else changes, not even one
multiplication.
"""

# %%
print(text_of("reordered"))

# %% [markdown]
r"""
There is a second gain in this. The processor has registers of 4, 8 or 16 numbers, and multiplies all of them in one
instruction. The compiler may use them where steps do not depend on each other: here every step has another $C_{ij}$.
In `typed` all steps add to the same `s`, one after the other, and to add them in another order would change the last
digit; the compiler is not allowed to. Ask it (GCC answers to `-fopt-info-vec`). These are the loops that it
*vectorised*:
"""

# %%
lines = kernels.source("products").splitlines()


def vectorised(name):
    """The loops of a function that take four numbers or more at a time, by the compiler's report."""
    first = lines.index(text_of(name).splitlines()[0])
    own = range(first + 1, first + len(text_of(name).splitlines()) + 1)
    found = [n for n in sorted(said) if n in own and int(re.search(r"\d+", said[n])[0]) >= 16]
    return [lines[number - 1].strip() for number in found]


for name in ("typed", "reordered", "tile"):
    print(f"{name:<10} {vectorised(name) or 'none'}")

# %% tags=["check"]
if compiled and said:
    check("the loop over j is vectorised", "for j in range(n):" in vectorised("reordered"))
    check("the loop that adds to one s is not", "for k in range(n):" not in vectorised("typed"))
else:
    check.skip(2, "no C compiler that reports what it vectorises")

# %% [markdown]
r"""
## Blocks that stay in the cache

With $n = 512$ one matrix takes a megabyte. Each row of $A$ walks through all of $B$, so by the time the next row
comes, the beginning of $B$ has left the fast cache (32 or 48 kB) again. Cut the loops into blocks: a piece of $B$ of
64 rows stays, while all rows of $A$ pass by.
"""

# %%
print(text_of("blocked"))

# %% [markdown]
r"""
**Predict:** does it help much?

## Sums that stay in the registers

What is the innermost loop still doing? For one multiplication it reads $B_{kj}$, reads $C_{ij}$ and writes $C_{ij}$
back: three trips to memory, even if it is the nearest. So keep the sums: a *tile* of $C$, four rows by 32 columns, is
128 numbers, about what the registers hold. It stays there for the whole sum over $k$, and is written once. And each
number of $B$ that is read now serves four rows.
"""

# %%
print(text_of("tile")[: text_of("tile").index("    else:")] + "    ...")

# %% [markdown]
r"""
## The race

Each version is checked against float64 before its time counts. The library's own kernel
(`fastcore/kernels/gemm_tile.h`) takes part for scale. All run on one thread, with $n = 512$ where nothing else is
said.
"""

# %%
threads = diptych.config.num_threads()
diptych.config.set_num_threads(1)
if compiled:
    right["typed, n = 64"] = race("typed, n = 64", into(compiled.typed), 64, 10)
    for name in ("typed", "reordered", "blocked"):
        right[name] = race(name, into(getattr(compiled, name)), 512, 2)
    right["registers"] = race("registers", into(compiled.in_registers), 512, 10)
dense = diptych.engine.get("fast").dense.dense_forward
right["diptych"] = race("diptych", lambda A, B: dense(A, B, None)[0], 512, 10)
print("right within the error bound:", "; ".join(name for name, ok in right.items() if ok))

# %% tags=["timing"]
print(f"{'':<14}{'billion operations a second':>28}{'times the lists':>17}")
for name, speed in speeds.items():
    print(f"{name:<14}{speed:>28.3f}{speed / speeds['lists, n = 64']:>17,.0f}")

# %% tags=["plot"]
# alt: Bars on a logarithmic axis, from Python lists over typed loops to tiles in registers and the library
figure, axes = plt.subplots(figsize=(6.4, 3.8))
names = list(speeds)
axes.barh(names, list(speeds.values()), color="#1f5fa8")
for place, speed in enumerate(speeds.values()):
    axes.text(speed * 1.15, place, f"{speed:.3g}", va="center")
axes.set_xscale("log")
axes.set(xlabel="billion operations a second, one thread", xlim=(None, max(speeds.values()) * 5))
axes.invert_yaxis()
plt.show()

# %% tags=["check"]
check("all versions compute the same product", all(right.values()))
if compiled:
    check(
        "typed loops are 20 times faster than lists",
        speeds["typed, n = 64"] > 20 * speeds["lists, n = 64"],
    )
    check("the other order beats the first", speeds["reordered"] > 1.5 * speeds["typed"])
    check("registers: 3 times faster than typed loops", speeds["registers"] > 3 * speeds["typed"])
else:
    check.skip(3, "no C compiler")

# %% [markdown]
r"""
The typed loops are much slower for $n = 512$ than for 64: the small matrix fits into the cache, where going down a
column does little harm. The blocks helped little here: along rows, the processor fetches ahead by itself.

How steady is this? In 20 runs on a busy machine (mean ± sd) typed loops were 96 ± 1 times faster than lists, both at
$n = 64$; the other order 35 ± 3 times faster than the first; registers 46 ± 4 times; and a batch of 256, below, got
through 17 ± 1 times as many rows a second as batches of one.

Not one multiplication was saved on the whole way. What was saved is everything around them: objects, jumps through
memory, trips to memory. The library's kernel goes the same way a bit further: tiles that fit the processor's registers
exactly, and $A$ and $B$ copied into the order in which they are read.

## Threads

Two threads share the tiles. No tile belongs to two threads, so nobody waits, nobody overwrites, and each sum is added
up in the order in which it always was. **Predict:** are the results of one thread and of four equal, or nearly equal?
"""

# %%
print(text_of("on_threads"))

# %%
if compiled:
    A, B = rng.normal(size=(2, 256, 256)).astype("float32")
    by_threads = {}
    for count in (1, 2, 4):
        by_threads[count] = np.empty_like(A)
        compiled.on_threads(A, B, by_threads[count], 256, count)
    print("the same bits:", all(np.array_equal(by_threads[1], C) for C in by_threads.values()))

# %% tags=["check"]
if compiled:
    check(
        "1, 2 and 4 threads give the same bits",
        all((by_threads[1] == C).all() for C in by_threads.values()),
    )
else:
    check.skip(1, "no C compiler")

# %% [markdown]
r"""
The library promises this for all of its kernels, and it is not free: the sum over $k$ must not be divided among
threads in a way that depends on how many there are.

Threads help only with what can be divided. If a part $p$ of the time can, $t$ threads are faster by
$1 / (1 - p + p / t)$ (Amdahl's law): with $p = 0.9$ never more than ten times, however many there are.

## Why a batch is faster: the roof

Now to the question at the top. A dense layer with one row multiplies a *vector* by a matrix; with a batch it
multiplies two matrices. Count what has to be read and written, 4 bytes a number, and what is computed:

$$\text{intensity} = \frac{2 N D U}{4\,(N D + D U + N U)} \text{ operations per byte}$$

With $N = 1$ that is about $\tfrac12$: each weight is fetched from memory, used once, and thrown away. With $N = 256$
each is used 256 times. A machine can't be faster than its arithmetic, nor faster than memory times intensity. These
two limits make a roof (its level part is drawn a little above the best that was measured). Here is this machine's, and
the fast engine's dense layer, $D = U = 2048$, under it.
"""

# %%
D = U = 2048
kernel = rng.normal(size=(D, U)).astype("float32")


def best_time(function, repeats):
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        function()
        times.append(time.thread_time() - start)
    return min(times)


large = np.ones(16_000_000, "float32")
copied = np.empty_like(large)
bandwidth = 2 * large.nbytes / best_time(lambda: np.copyto(copied, large), 5) / 1e9
points = []
for N in (1, 4, 16, 64, 256):
    x = rng.normal(size=(N, D)).astype("float32")
    seconds = best_time(lambda x=x: dense(x, kernel, None), 20 if N < 64 else 5)
    operations = 2 * N * D * U
    points.append((operations / (4 * (N * D + D * U + N * U)), operations / seconds / 1e9, N))
peak = max(speed for _, speed, _ in points)
diptych.config.set_num_threads(threads)

# %% tags=["plot"]
# alt: A roof of two lines, rising with the intensity and then level; dots for batches 1 to 256 climb below it
figure, axes = plt.subplots(figsize=(6.4, 4))
at = np.logspace(-1, 3, 100)
axes.loglog(at, np.minimum(bandwidth * at, 1.15 * peak), "k-", lw=2)
for intensity, speed, N in points:
    axes.plot(intensity, speed, "o", ms=9, color="#d95f02")
    axes.annotate(f"N = {N}", (intensity, speed), (8, -14), textcoords="offset points", fontsize=11)
axes.text(0.13, bandwidth * 0.8, "memory is\nthe limit", fontsize=11)
axes.text(40, 1.35 * peak, "arithmetic is the limit", fontsize=11)
axes.set(xlabel="operations for each byte of memory", ylabel="billion operations a second")
axes.set(xlim=(0.1, 1000), ylim=(None, 3 * peak))
plt.show()

# %% tags=["check"]
check("the intensity of one row is about 1/2", abs(points[0][0] - 0.5) < 0.01)
check(
    "a batch of 256 computes at least 3 times faster than one row", points[-1][1] > 3 * points[0][1]
)

# %% [markdown]
r"""
How far a dot lies below the roof is what the program leaves to be gained: here most in the middle, for batches of some
ten rows. So "each element at the same time" is not the reason, or not the first one. A batch is faster because each
weight that is fetched is used for every row of the batch. It holds on one thread of one processor as well as on a GPU.

## Break it, repair it

A type is a promise: "float32, rows one after another". Give the kernel something else, and Cython refuses before a
wrong byte is read. (Without the promise it would have to look at each number, as Python does.)
"""

# %%
if compiled:
    square = rng.normal(size=(8, 8)).astype("float32")
    out = np.empty_like(square)
    messages = []
    for what, given in (("transposed", square.T), ("float64", square.astype("float64"))):
        try:
            compiled.typed(given, square, out, 8)
        except ValueError as error:
            messages.append(str(error))
            print(f"{what}: {error}")
    compiled.typed(np.ascontiguousarray(square.T), square, out, 8)  # the repair
    print("repaired:", np.allclose(out, square.T @ square, atol=1e-5))

# %% tags=["check"]
if compiled:
    check("both are refused", len(messages) == 2)
    check("a copy in the promised order repairs it", np.allclose(out, square.T @ square, atol=1e-5))
else:
    check.skip(2, "no C compiler")

# %% [markdown]
r"""
## Exercises

1. A row of $B$ with $n = 512$ takes 2048 bytes. How many memory lines does `typed` fetch for one $C_{ij}$, and how
   many does `reordered` fetch for one row of $C$ and one $k$?
2. At which batch does a dense layer with $D = U = 2048$ leave the memory's side of the roof, if the machine moves 10
   GB/s and computes $10^{11}$ operations a second?
3. How many rows high and columns wide may a tile be, if a processor has 16 registers of 8 numbers, and some have to be
   left for $A$ and $B$?

[Answers](../answers/14.py), as a script that checks them.
"""

# %%
check.done()
