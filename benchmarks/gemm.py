"""Matrix products of the fast engine beside NumPy's (OpenBLAS in its wheels).

Both run in one process and take turns; the table shows the median time of each, GFLOP/s, and
NumPy's time divided by ours: above 1 the fast engine is faster. With --cpu-time it is the processor
time of a single thread that counts, which other programs on the machine disturb less.
"""

import argparse
import platform
import statistics
import time

import numpy as np
from diptych.fastcore.kernels import gemm, threads

from diptych import fastcore

# m, k, n, transposed: squares, a layer of 784 -> 500 on 100 rows with its backward, others
SHAPES = [
    (256, 256, 256, ""),
    (512, 512, 512, ""),
    (1024, 1024, 1024, ""),
    (2048, 2048, 2048, ""),
    (100, 784, 500, ""),
    (784, 100, 500, "A"),
    (100, 500, 784, "B"),
    (100, 500, 500, ""),
    (100, 500, 10, ""),
    (10, 100, 64, ""),
    (8, 3, 4, ""),
]

# Seconds. OpenBLAS's threads go on calling sched_yield for about 0.1 s after a product, on the
# processors that the other library's threads need.
REST = 0.2


def processor():
    try:
        with open("/proc/cpuinfo") as lines:
            return next(
                line.split(":")[1].strip() for line in lines if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def limit_openblas(count):
    """Set the threads of NumPy's BLAS; returns what restores them when it is closed."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise SystemExit(
            "benchmarks/gemm.py needs threadpoolctl: pip install threadpoolctl"
        ) from None
    return threadpool_limits(count, user_api="blas")


def compare(m, k, n, transposed, dtype, seconds, clock):
    """Median seconds of (ours, NumPy) for one product, run in turns for about `seconds`."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(k, m) if transposed == "A" else (m, k)).astype(dtype)
    b = rng.normal(size=(n, k) if transposed == "B" else (k, n)).astype(dtype)
    c, d = np.empty((m, n), dtype), np.empty((m, n), dtype)
    left, right = (a.T if transposed == "A" else a), (b.T if transposed == "B" else b)
    by_us, by_numpy = [], []
    inner = max(1, int(2e6 / (m * n * k + 5e3)))  # tiny products: many in one measurement

    def ours():
        gemm.product(a, b, c, None, transposed == "A", transposed == "B")

    def numpys():
        np.matmul(left, right, out=d)

    end = time.perf_counter() + seconds
    # Turns of a few calls, with a rest between: the threads of either keep spinning for a while
    # after their last product, on the processors that the other now needs.
    rounds = 1 if m * n * k > 1e8 else 10
    while time.perf_counter() < end or len(by_us) < 5:
        for function, found in ((ours, by_us), (numpys, by_numpy)):
            time.sleep(REST)
            function()
            for _ in range(rounds):
                start = clock()
                for _ in range(inner):
                    function()
                found.append((clock() - start) / inner)
    scale = np.abs(left).astype(np.float64) @ np.abs(right)
    if not (np.abs(c - d) <= np.finfo(dtype).eps * (4 + k**0.5) * scale).all():
        raise SystemExit(f"the two products of {m}x{k}x{n} differ by more than rounding")
    return statistics.median(by_us), statistics.median(by_numpy)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--threads", default="1,2", help="numbers of threads (default: 1,2)")
    parser.add_argument("--dtype", default="float32", choices=["float32", "float64"])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each line of the table")
    parser.add_argument(
        "--cpu-time", action="store_true", help="count processor time; one thread only"
    )
    chosen = parser.parse_args()
    counts = [1] if chosen.cpu_time else [int(t) for t in chosen.threads.split(",")]
    clock = time.thread_time if chosen.cpu_time else time.perf_counter
    info = fastcore.build_info()
    print(
        f"{processor()}, {info['compiler']} {info['march']}, NumPy {np.__version__}, {chosen.dtype}"
    )
    print(
        f"{'m x k x n':>16} {'threads':>7} {'ours':>10} {'GFLOP/s':>8} "
        f"{'NumPy':>10} {'GFLOP/s':>8} {'ratio':>6}"
    )
    before = threads.get_num_threads()
    for count in counts:
        threads.set_num_threads(count)
        with limit_openblas(count):
            for m, k, n, transposed in SHAPES:
                ours, theirs = compare(m, k, n, transposed, chosen.dtype, chosen.seconds, clock)
                work = 2e-9 * m * n * k
                name = f"{m}x{k}x{n}" + (f" {transposed}^T" if transposed else "")
                print(
                    f"{name:>16} {count:7} {ours * 1e6:7.1f} us {work / ours:8.1f} "
                    f"{theirs * 1e6:7.1f} us {work / theirs:8.1f} {theirs / ours:6.2f}",
                    flush=True,
                )
    threads.set_num_threads(before)


if __name__ == "__main__":
    main()
