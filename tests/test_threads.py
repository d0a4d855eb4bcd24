"""The door to threads: how many threads, and what happens after a fork."""

import multiprocessing
import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from diptych.fastcore.kernels import gemm, threads

import diptych

needs_openmp = pytest.mark.skipif(not threads.has_openmp(), reason="built without OpenMP")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture(autouse=True)
def _restore_threads():
    before, least_work = threads.get_num_threads(), threads.set_least_work(0)
    yield
    threads.set_num_threads(before)
    threads.set_least_work(least_work)


def large_product():
    """A product that runs in parallel, as bytes."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(200, 300)).astype(np.float32)
    b = rng.normal(size=(300, 400)).astype(np.float32)
    c = np.empty((200, 400), np.float32)
    gemm.product(a, b, c)
    return c.tobytes()


SETTERS = pytest.mark.parametrize("module", [threads, diptych.config], ids=["threads", "config"])


@SETTERS
def test_number_is_kept_and_none_restores_the_default(module):
    module.set_num_threads(3)
    assert threads.get_num_threads() == diptych.config.num_threads() == 3
    module.set_num_threads(None)
    assert threads.get_num_threads() == threads.default_num_threads() >= 1


@SETTERS
@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", True, 10**9])
def test_nonsense_is_refused(module, bad):
    before = threads.get_num_threads()
    with pytest.raises(ValueError, match="from 1 to 1024"):
        module.set_num_threads(bad)
    assert threads.get_num_threads() == before


@pytest.mark.parametrize(("value", "expected"), [("3", 3), ("5,2", 5), (" 2 ", 2)])
def test_default_from_the_environment(monkeypatch, value, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert threads.default_num_threads() == expected


@pytest.mark.parametrize("value", ["", "0", "many", "-4"])
def test_unusable_environment_counts_as_unset(monkeypatch, value):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    unset = threads.default_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert threads.default_num_threads() == unset


def test_limits_of_control_groups(tmp_path):
    membership = tmp_path / "cgroup"
    group = tmp_path / "v2" / "outer" / "inner"
    group.mkdir(parents=True)
    membership.write_text("0::/outer/inner\n")

    def limit(root):
        return threads.cgroup_limit(str(tmp_path / root), str(membership))

    assert limit("v2") is None
    (group / "cpu.max").write_text("max 100000\n")
    assert limit("v2") is None
    (group.parent / "cpu.max").write_text("250000 100000\n")
    assert limit("v2") == 3  # two and a half: rounded up
    (group / "cpu.max").write_text("50000 100000\n")
    assert limit("v2") == 1

    old = tmp_path / "v1" / "cpu" / "job"
    old.mkdir(parents=True)
    membership.write_text("5:memory:/job\n4:cpu,cpuacct:/job\n")
    assert limit("v1") is None
    (old / "cpu.cfs_quota_us").write_text("-1\n")
    (old / "cpu.cfs_period_us").write_text("100000\n")
    assert limit("v1") is None
    (old / "cpu.cfs_quota_us").write_text("200000\n")
    assert limit("v1") == 2
    assert threads.cgroup_limit(str(tmp_path), str(tmp_path / "missing")) is None


COUNTS = [(1,), (2,), (0, 3), (7, 1, 64), (1000, 1, 1, 999), (5,) * 16, (33, 0, 0, 2)]


def each_chunk_once(counts, times=1):
    """Whether each chunk of each stage is done once in each run, and no stage before its time."""
    done, early = threads.check_stages(counts, times=times)
    return early == 0 and done == [[times] * count for count in counts]


@pytest.mark.parametrize("counts", COUNTS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 8, 16])
def test_each_chunk_is_done_once_and_stages_in_their_order(counts, count):
    threads.set_num_threads(count)
    assert all(each_chunk_once(counts, times) for times in (1, 2, 3, 100) for _ in range(20))


def test_too_many_stages_for_the_check_are_refused():
    with pytest.raises(ValueError, match="at most 16 stages"):
        threads.check_stages([1] * 17)


def test_many_callers_changing_numbers_and_forks():
    """Whoever finds the threads taken works alone; a child of a fork begins with none."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as callers:
        answers = [callers.submit(each_chunk_once, COUNTS[i % len(COUNTS)]) for i in range(2000)]
        for i in range(40):
            threads.set_num_threads(1 + i % 5)
            if hasattr(os, "fork") and i % 4 == 0:
                assert in_forked_child(lambda: each_chunk_once((9, 1, 40)))
            assert each_chunk_once(COUNTS[i % len(COUNTS)])
        assert all(answer.result() for answer in answers)


def in_forked_child(function):
    """What function() says in a forked child, as a bool; False too if the child comes to harm."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's, of forks beside threads
        child = os.fork()
    if child == 0:
        os._exit(0 if function() else 1)
    return os.waitpid(child, 0)[1] == 0


@needs_fork
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a thread that computes"])
def test_forks_after_parallel_work(beside):
    """The parent's threads do not exist in the child; waiting for them would take forever."""
    threads.set_num_threads(2)
    expected = large_product()
    finished = threading.Event()

    def compute():
        while not finished.is_set():
            wrong.extend([] if large_product() == expected else [1])

    wrong = []
    other = threading.Thread(target=compute)
    if beside:
        other.start()
    try:
        for _ in range(20):
            assert large_product() == expected
            assert in_forked_child(lambda: large_product() == expected)
    finally:
        finished.set()
        if beside:
            other.join()
    assert not wrong


@needs_openmp
@needs_fork
def test_a_forked_child_has_threads_of_its_own():
    threads.set_num_threads(2)
    assert large_product()
    assert in_forked_child(lambda: threads.team_size_for() == 2)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_of_multiprocessing(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    threads.set_num_threads(2)
    expected = large_product()
    with multiprocessing.get_context(method).Pool(2) as pool:
        answers = [pool.apply_async(threads.check_stages, ([40, 1, 7],)) for _ in range(4)]
        assert all(a.get(timeout=60) == ([[1] * 40, [1], [1] * 7], 0) for a in answers)
        if method == "fork":
            answers = [pool.apply_async(large_product) for _ in range(4)]
            assert all(answer.get(timeout=60) == expected for answer in answers)


def test_processes_of_joblib():
    """Its workers are told how many threads each may have, by OMP_NUM_THREADS."""
    joblib = pytest.importorskip("joblib")
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        found = joblib.Parallel(n_jobs=2)(joblib.delayed(threads.team_size_for)() for _ in range(4))
    assert found == [1] * 4


def python(code, **environment):
    """What a new process prints."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@needs_openmp
def test_limits_of_threadpoolctl_are_obeyed():
    pytest.importorskip("threadpoolctl")
    code = (
        "import threadpoolctl\n"
        "from diptych.fastcore.kernels import threads\n"
        "threads.set_least_work(0)\n"
        "found = [threads.team_size_for()]\n"
        "with threadpoolctl.threadpool_limits(1):\n"
        "    found.append(threads.team_size_for())\n"
        "    found.append(threads.check_stages([20, 3]))\n"
        "found.append(threads.team_size_for())\n"
        "print(found)\n"
    )
    done = [[1] * 20, [1] * 3]
    assert python(code, OMP_NUM_THREADS="3") == f"[3, 1, ({done}, 0), 3]"


OWN_RUNTIME = """
import diptych.fastcore.dense
from diptych.fastcore.kernels import openmp
print(*openmp.libraries())
"""
WAITING = """
import os
before = dict(os.environ)
import diptych.fastcore
assert before == dict(os.environ), "the environment has changed"
print(diptych.fastcore.waiting)
"""


@needs_openmp
def test_threads_wait_asleep_unless_the_user_chose(monkeypatch):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.delenv(name, raising=False)
    assert python(WAITING) == "asleep"
    assert python(WAITING, OMP_WAIT_POLICY="active") == "as OMP_WAIT_POLICY says"
    assert python(WAITING, GOMP_SPINCOUNT="1000") == "as GOMP_SPINCOUNT says"


@needs_openmp
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which libraries are loaded")
def test_a_runtime_that_another_package_has_loaded_is_taken_as_it_is(monkeypatch):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.delenv(name, raising=False)
    # In this process another package may have brought a run-time of its own.
    (library,) = python(OWN_RUNTIME).split()
    first = f"import ctypes; ctypes.CDLL({library!r}, ctypes.RTLD_GLOBAL)\n"
    assert python(first + WAITING) == "as the package says that loaded OpenMP first"


@needs_openmp
def test_a_team_smaller_than_asked_for():
    code = (
        "from diptych.fastcore.kernels import threads\n"
        "threads.set_num_threads(8)\n"
        "done, early = threads.check_stages([100, 1, 50])\n"
        "print(done == [[1] * 100, [1], [1] * 50], early)\n"
    )
    assert python(code, OMP_THREAD_LIMIT="1") == "True 0"
    assert python(code, OMP_THREAD_LIMIT="2") == "True 0"


@needs_openmp
def test_no_more_threads_than_processors():
    """16 threads took twice the time of two, on two processors."""
    threads.set_num_threads(16)
    assert threads.team_size_for() == 16  # where all work is shared, for tests
    threads.set_least_work(40_000)
    threads.set_lateness(50_000)
    assert threads.get_num_threads() == 16
    assert threads.team_size_for() == min(16, threads.processors())


@needs_openmp
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux alone tells")
def test_the_processors_are_counted_again_with_the_threads():
    allowed = os.sched_getaffinity(0)
    threads.set_least_work(40_000)
    threads.set_lateness(50_000)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        threads.set_num_threads(2)
        assert threads.team_size_for() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    threads.set_num_threads(2)
    assert threads.team_size_for() == min(2, threads.processors())


WAITS = """
import os
from diptych.fastcore.kernels import threads

threads.set_least_work(0)
threads.set_num_threads(2)
threads.check_stages([9, 1, 40])
own = os.path.basename(os.readlink("/proc/thread-self"))


def states():
    for task in set(os.listdir("/proc/self/task")) - {own}:
        with open(f"/proc/self/task/{task}/stat") as stat:
            yield stat.read().rpartition(")")[2].split()[0]


for _ in range(10000):
    found = sorted(states())
    if "R" not in found:
        break
print(bool(found), "R" not in found)
"""


@needs_openmp
@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells")
def test_threads_without_work_take_no_time(monkeypatch):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.delenv(name, raising=False)
    assert python(WAITS) == "True True"


@needs_openmp
def test_small_work_stays_on_one_thread():
    threads.set_num_threads(2)
    threads.set_least_work(40_000)
    assert threads.team_size_for(1000) == 1
    threads.set_least_work(0)
    assert threads.team_size_for(1000) == 2


@needs_openmp
@pytest.mark.skipif(threads.processors() < 2, reason="one processor")
def test_threads_that_come_late_are_called_for_larger_work():
    """The work that they are called for grows with their lateness, and shrinks again."""
    threads.set_num_threads(2)
    threads.set_least_work(40_000)
    before = threads.set_lateness(100_000)
    assert threads.team_size_for(1e6) == 1
    assert threads.team_size_for(2e6) == 2
    threads.set_lateness(3_000_000)  # another program has their processor
    assert threads.team_size_for(1e7) == 1
    assert threads.team_size_for(1e8) == 2
    for _ in range(2000):
        threads.check_stages([2], work=1e6)  # done by the caller
        if threads.team_size_for(1e7) == 2:
            break
    else:
        pytest.fail("the threads are never called again")
    threads.set_lateness(before)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux alone tells")
def test_a_thread_leaves_the_callers_processor_and_keeps_its_affinity():
    allowed = os.sched_getaffinity(0)
    moves = [threads.leave_this_processor() for _ in range(20)]
    assert os.sched_getaffinity(0) == allowed
    assert {processor for move in moves for processor in move} <= allowed
    if len(allowed) > 1:
        assert any(before != after for before, after in moves)
    one = {min(allowed)}
    os.sched_setaffinity(0, one)
    try:
        assert threads.leave_this_processor() == (min(allowed), min(allowed))
        assert os.sched_getaffinity(0) == one
    finally:
        os.sched_setaffinity(0, allowed)


def test_environment_reaches_a_new_process():
    code = "from diptych.fastcore.kernels import threads; print(threads.get_num_threads())"
    assert python(code, OMP_NUM_THREADS="4") == "4"


def test_a_second_training_in_another_thread():
    """Two models trained at once end with the bits of each trained alone."""
    import diptych

    def train(seed):
        diptych.utils.set_random_seed(seed)
        x = np.random.default_rng(seed).normal(size=(64, 300)).astype(np.float32)
        model = diptych.Sequential(
            [diptych.layers.Dense(256, activation="tanh"), diptych.layers.Dense(300)]
        )
        model.build((None, 300))
        model.compile("adam", "mse")
        return model, x

    def bits(model, x):
        model.fit(x, x, epochs=3, verbose=0, shuffle=False)
        return b"".join(w.tobytes() for w in model.get_weights())

    threads.set_num_threads(2)
    alone = [bits(*train(seed)) for seed in (1, 2)]
    models = [train(seed) for seed in (1, 2)]
    together = [None, None]

    def run(i):
        together[i] = bits(*models[i])

    trainings = [threading.Thread(target=run, args=(i,)) for i in (0, 1)]
    for training in trainings:
        training.start()
    for training in trainings:
        training.join()
    assert together == alone


def test_number_of_threads_may_change_between_jobs():
    threads.set_num_threads(1)
    expected = large_product()
    for count in (2, 7, 3, 1, 5, 2) * 10:
        threads.set_num_threads(count)
        assert large_product() == expected


def test_the_reference_computes_on_one_thread_of_openblas():
    """Its threads wait awake for each other, which beside a busy program takes for ever."""
    import diptych
    from diptych import blas

    functions = blas._openblas()
    if functions is None:
        pytest.skip("NumPy uses another library than OpenBLAS")
    get, set_ = functions
    seen = []
    model = diptych.Sequential(
        [diptych.layers.Lambda(lambda x: seen.append(get()) or x), diptych.layers.Dense(1)],
        engine="reference",
    )
    model.compile("sgd", "mse")
    before = get()
    set_(2)
    try:
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
        assert get() == 2
        with blas.one_thread(), blas.one_thread():
            assert get() == 1
        assert get() == 2
        assert set(seen) == {1}
        with pytest.raises(RuntimeError, match="stop"), blas.one_thread():
            raise RuntimeError("stop")
        assert get() == 2
        model.engine = "fast"
        seen.clear()
        model.predict(np.ones((4, 2)), verbose=0)
        assert set(seen) == {2}
    finally:
        set_(before)


@needs_fork
def test_a_forked_child_gives_openblas_its_threads_back():
    """Whoever held it to one thread is not there."""
    from diptych import blas

    functions = blas._openblas()
    if functions is None:
        pytest.skip("NumPy uses another library than OpenBLAS")
    get, set_ = functions
    before = get()
    set_(2)
    try:
        with blas.one_thread():
            assert in_forked_child(lambda: get() == 2 and blas._holders == 0)
            assert get() == 1
        assert get() == 2
    finally:
        set_(before)
