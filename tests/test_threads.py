"""The door to threads: how many threads, and what happens after a fork."""

import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest
from diptych.fastcore.kernels import gemm, threads

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture(autouse=True)
def _restore_threads():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def large_product():
    """A product that runs in parallel, as bytes."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(200, 300)).astype(np.float32)
    b = rng.normal(size=(300, 400)).astype(np.float32)
    c = np.empty((200, 400), np.float32)
    gemm.product(a, b, c)
    return c.tobytes()


def test_number_is_kept_and_none_restores_the_default():
    threads.set_num_threads(3)
    assert threads.get_num_threads() == 3
    threads.set_num_threads(None)
    assert threads.get_num_threads() == threads.default_num_threads() >= 1


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", True, 10**9])
def test_nonsense_is_refused(bad):
    before = threads.get_num_threads()
    with pytest.raises(ValueError, match="from 1 to 1024"):
        threads.set_num_threads(bad)
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


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_computes_the_same(tmp_path):
    """The parent's workers do not exist in the child; waiting for them would take forever."""
    threads.set_num_threads(2)
    expected = large_product()
    child = os.fork()
    if child == 0:
        try:
            (tmp_path / "answer").write_bytes(large_product())
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert (tmp_path / "answer").read_bytes() == expected
    assert large_product() == expected


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_pool_computes_the_same():
    threads.set_num_threads(2)
    expected = large_product()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        answers = [pool.apply_async(large_product) for _ in range(4)]
        assert all(answer.get(timeout=60) == expected for answer in answers)


def test_environment_reaches_a_new_process():
    code = "from diptych.fastcore.kernels import threads; print(threads.get_num_threads())"
    environment = {**os.environ, "OMP_NUM_THREADS": "4"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert run.stdout.strip() == "4", run.stderr


def test_callers_on_several_threads_and_more_workers_than_processors():
    """One gets the workers, the others do their chunks themselves; none is lost or done twice."""
    from concurrent.futures import ThreadPoolExecutor

    threads.set_num_threads(1)
    expected = large_product()
    threads.set_num_threads(8)
    with ThreadPoolExecutor(4) as callers:
        answers = list(callers.map(lambda _: large_product(), range(200)))
    assert set(answers) == {expected}


def test_number_of_threads_may_change_between_jobs():
    threads.set_num_threads(1)
    expected = large_product()
    for count in (2, 7, 3, 1, 5, 2) * 10:
        threads.set_num_threads(count)
        assert large_product() == expected
