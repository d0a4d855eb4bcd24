"""The matrix product by itself: shapes, strides, transposes, bias and activation, threads."""

import mmap
import subprocess
import sys
import threading

import numpy as np
import pytest
from diptych.fastcore.kernels import gemm, threads

LINEAR, RELU, TANH, SIGMOID = range(4)
SIZES = (0, 1, 2, 3, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 24, 31, 33, 48, 65, 100)
CORNERS = [  # around the borders of tiles, panels, blocks and steps along k
    (6, 16, 256), (7, 17, 257), (12, 8, 255), (13, 9, 512), (24, 64, 513), (289, 65, 33),
    (576, 130, 31), (100, 500, 784), (300, 520, 600), (1, 700, 300), (700, 1, 300), (2, 2, 3000),
    (150, 600, 512),
    # few rows, one column, long sums
    (1, 301, 20), (2, 301, 300), (3, 301, 20), (4, 301, 300), (40, 1, 20), (40, 1, 16),
    (20, 1, 30_000), (1, 20, 30_000), (100, 90, 5_000), (3, 200, 9_001),
]  # fmt: skip

SHAPES_WITH_BIAS = [
    (4, 3, 5), (7, 19, 300), (90, 70, 600), (3, 5, 0), (1, 150, 30), (3, 300, 7), (33, 1, 20),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _restore_threads():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def operands(rng, m, n, k, dtype, transpose_a, transpose_b):
    a = rng.normal(size=(k, m) if transpose_a else (m, k)).astype(dtype)
    b = rng.normal(size=(n, k) if transpose_b else (k, n)).astype(dtype)
    return a, b


def assert_product(a, b, c, transpose_a, transpose_b, extra=0.0):
    """|c - op(a) op(b) - extra| within what rounding k terms may cost, element by element."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    a, b = (a.T if transpose_a else a), (b.T if transpose_b else b)
    k = a.shape[1]
    scale = np.abs(a) @ np.abs(b) + np.abs(extra)
    bound = np.finfo(c.dtype).eps * (4 + k**0.5) * scale
    error = np.abs(c - (a @ b + extra))
    assert (error <= bound).all(), f"worst excess {np.max(error - bound)} for {a.shape} @ {b.shape}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_agrees_with_numpy_in_float64(dtype, transpose_a, transpose_b):
    rng = np.random.default_rng(0)
    shapes = [tuple(rng.choice(SIZES, size=3)) for _ in range(150)] + CORNERS
    for m, n, k in shapes:
        a, b = operands(rng, m, n, k, dtype, transpose_a, transpose_b)
        c = np.full((m, n), np.nan, dtype)
        gemm.product(a, b, c, transpose_a=transpose_a, transpose_b=transpose_b)
        assert_product(a, b, c, transpose_a, transpose_b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_with_gaps_are_respected(dtype):
    """Operands and result are parts of larger matrices; what lies around the result stays."""
    rng = np.random.default_rng(1)
    for m, n, k in [
        (5, 3, 4),
        (13, 21, 34),
        (40, 70, 300),
        (1, 150, 40),
        (4, 150, 40),
        (21, 1, 20),
    ]:
        a = rng.normal(size=(m, k + 3)).astype(dtype)[:, 2:-1]
        b = rng.normal(size=(k, n + 5)).astype(dtype)[:, 1:-4]
        around = np.full((m + 2, n + 9), 7, dtype)
        c = around[1:-1, 4:-5]
        gemm.product(a, b, c)
        assert_product(a, b, c, False, False)
        c[...] = 7
        assert (around == 7).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES_WITH_BIAS)
def test_bias_activation_and_accumulation(dtype, shape):
    rng = np.random.default_rng(2)
    m, n, k = shape
    a, b = operands(rng, m, n, k, dtype, False, False)
    bias, start = rng.normal(size=n).astype(dtype), rng.normal(size=(m, n)).astype(dtype)
    c = start.copy()
    gemm.product(a, b, c, bias=bias, accumulate=True)
    assert_product(a, b, c, False, False, extra=start.astype(np.float64) + bias)
    z = a.astype(np.float64) @ b + bias
    exact = {RELU: np.maximum(z, 0), TANH: np.tanh(z), SIGMOID: 1 / (1 + np.exp(-z))}
    for code, y in exact.items():
        gemm.product(a, b, c, bias=bias, activation=code)
        scale = np.abs(a) @ np.abs(b) + np.abs(bias) + 1
        assert (np.abs(c - y) <= np.finfo(dtype).eps * (8 + k**0.5) * scale).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_same_bits_for_any_number_of_threads(dtype, transpose_a, transpose_b):
    rng = np.random.default_rng(3)
    shapes = [(100, 500, 784), (513, 300, 257), (1000, 33, 64), (64, 2000, 40), (1, 20, 90_000)]
    shapes += [(20, 1, 90_000), (90_000, 1, 20), (100, 90, 9_000)]
    for m, n, k in shapes:
        a, b = operands(rng, m, n, k, dtype, transpose_a, transpose_b)
        results = []
        for count in (1, 2, 4):
            threads.set_num_threads(count)
            c = np.empty((m, n), dtype)
            gemm.product(a, b, c, transpose_a=transpose_a, transpose_b=transpose_b)
            results.append(c.tobytes())
        assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_large_products_share_packed_factors(transpose_a, transpose_b):
    """So long that the factors are packed slice by slice; edges that fill no tile, and gaps."""
    rng = np.random.default_rng(5)
    m, n, k = 211, 333, 5003
    a, b = operands(rng, m, n, k, np.float64, transpose_a, transpose_b)
    bias = rng.normal(size=n)
    around = rng.normal(size=(m, n + 3))
    for activation, finish in (
        (LINEAR, lambda z: z),
        (RELU, lambda z: np.maximum(z, 0)),
        (TANH, np.tanh),
    ):
        expected = (a.T if transpose_a else a) @ (b.T if transpose_b else b) / 100
        expected = finish(expected + around[:, 1:-2] + bias)
        results = []
        for count in (1, 2, 4):
            threads.set_num_threads(count)
            c = around.copy()
            gemm.product(
                a / 100, b, c[:, 1:-2], bias, transpose_a, transpose_b, activation, accumulate=True
            )
            results.append(c.tobytes())
        assert results[0] == results[1] == results[2]
        np.testing.assert_allclose(c[:, 1:-2], expected, rtol=1e-9, atol=1e-9)
        assert np.array_equal(c[:, :1], around[:, :1])
        assert np.array_equal(c[:, -2:], around[:, -2:])


def test_nan_and_infinity_are_not_skipped():
    """0 * inf and 0 * nan are nan, in tiles and in their borders, as with np.matmul."""
    rng = np.random.default_rng(4)
    for m, n, k in [(5, 4, 3), (30, 40, 300)]:
        a, b = operands(rng, m, n, k, np.float32, False, False)
        a[:, 1] = 0
        b[1, 0], b[1, n - 1], b[2, 1] = np.inf, np.nan, -np.inf
        with np.errstate(invalid="ignore"):
            expected = a @ b
        c = np.empty((m, n), np.float32)
        gemm.product(a, b, c)
        assert np.array_equal(np.isnan(c), np.isnan(expected))
        assert np.isnan(c[:, 0]).all()
        assert np.isinf(c[:, 1]).all()
        gemm.product(a, b, c, activation=RELU)
        assert np.array_equal(np.isnan(c), np.isnan(expected))


def test_nothing_to_sum_gives_zero_and_the_bias():
    c = np.full((3, 4), np.nan)
    gemm.product(np.empty((3, 0)), np.empty((0, 4)), c)
    assert (c == 0).all()
    gemm.product(np.empty((3, 0)), np.empty((0, 4)), c, bias=np.arange(4.0))
    assert (c == np.arange(4.0)).all()


def test_refuses_what_does_not_fit():
    c = np.empty((3, 4))
    with pytest.raises(ValueError, match="do not make"):
        gemm.product(np.empty((3, 5)), np.empty((6, 4)), c)
    with pytest.raises(ValueError, match="one dtype"):
        gemm.product(np.empty((3, 5), np.float32), np.empty((5, 4)), c)
    with pytest.raises(ValueError, match="bias"):
        gemm.product(np.empty((3, 5)), np.empty((5, 4)), c, bias=np.empty(3))


def test_several_python_threads_at_once():
    """Every caller has its own work areas and its own workers."""
    rng = np.random.default_rng(5)
    threads.set_num_threads(2)
    a, b = operands(rng, 150, 200, 400, np.float32, False, False)
    expected = np.empty((150, 200), np.float32)
    gemm.product(a, b, expected)
    wrong = []

    def work():
        c = np.empty_like(expected)
        for _ in range(20):
            c.fill(np.nan)
            gemm.product(a, b, c)
            if not np.array_equal(c, expected):
                wrong.append(c)

    callers = [threading.Thread(target=work) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_long_sum_in_parts_is_added_to_what_is_there(dtype):
    rng = np.random.default_rng(8)
    for m, n in ((20, 30), (20, 1), (1, 20)):
        a, b = operands(rng, m, n, 9_000, dtype, True, False)
        start = rng.normal(size=(m, n)).astype(dtype)
        c = start.copy()
        gemm.product(a, b, c, transpose_a=True, accumulate=True)
        assert_product(a, b, c, True, False, extra=start)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_column_reads_nothing_beyond_its_rows(dtype):
    """A vector may reach into the next row: what stands there does not count."""
    a = np.full((40, 21), np.nan, dtype)
    a[:, :19] = 1
    c = np.empty((40, 1), dtype)
    gemm.product(a[:, :19], np.ones((19, 1), dtype), c)
    assert (c == 19).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_last_block_of_few_rows_reads_nothing_that_an_earlier_call_left(dtype):
    """Rows are cut into equal blocks; for some numbers of them the last one is low."""
    for m in (2701, 5767, 11533, 23815):  # found by arithmetic for AVX-512 and AVX2, both dtypes
        a = np.ones((8, m), dtype)
        b = np.full((8, 205), 2, dtype)
        c = np.empty((m, 205), dtype)
        other = np.full((8, 400), 7, dtype)
        gemm.product(np.ones((300, 8), dtype), other, np.empty((300, 400), dtype))
        gemm.product(a, b, c, transpose_a=True)
        assert (c == 16).all()


FENCED = """
import ctypes, mmap
import numpy as np
from diptych.fastcore.kernels import gemm

libc, page, kept = ctypes.CDLL(None), mmap.PAGESIZE, []

def fenced(array):
    size = -(-array.nbytes // page) * page
    memory = mmap.mmap(-1, size + page)
    kept.append(np.frombuffer(memory, np.uint8))
    end = ctypes.c_void_p(kept[-1].ctypes.data + size)
    assert libc.mprotect(end, ctypes.c_size_t(page), 0) == 0
    at_end = kept[-1][size - array.nbytes : size].view(array.dtype).reshape(array.shape)
    at_end[...] = array
    return at_end

for dtype in (np.float32, np.float64):
    for m in (2701, 5767, 11533, 23815):
        for n in (200, 204, 208):
            a, b = fenced(np.ones((8, m), dtype)), fenced(np.full((8, n), 2, dtype))
            gemm.product(a, b, np.empty((m, n), dtype), transpose_a=True)
print("read nothing else")
"""


@pytest.mark.skipif(not hasattr(mmap, "MAP_PRIVATE"), reason="no mprotect on Windows")
def test_last_block_of_few_rows_reads_nothing_beyond_the_factors():
    """The last panel is one vector wide, and no number that may be read stands after it."""
    done = subprocess.run([sys.executable, "-c", FENCED], capture_output=True, text=True)
    assert done.stdout == "read nothing else\n", done.stderr
