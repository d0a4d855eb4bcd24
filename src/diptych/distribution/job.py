"""The job of which this process is a part: joining it, and what it consists of."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

from .. import config, processes
from .. import engine as _engine
from .group import Group
from .watch import Watch

__all__ = ["get_device_count", "initialize", "list_devices"]

_group: Group | None = None
# What MPICH, Open MPI, Slurm and their kin tell a process that they start.
_STARTED = ("PMI_RANK", "PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MPI_LOCALNRANKS")


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """Join the job of which mpiexec started this process.

    ``DataParallel()`` does it where it has not been done. Without mpiexec, the job is this process
    alone. Arguments that are left out are taken from the environment, as in Keras:
    KERAS_DISTRIBUTION_JOB_ADDRESSES, KERAS_DISTRIBUTION_NUM_PROCESSES and
    KERAS_DISTRIBUTION_PROCESS_ID.

    Args:
        job_addresses: where the others reach the first process, "host" or "host:port"; of several,
            with commas between them, the first counts. By default its host name.
        num_processes: how many there have to be.
        process_id: the number that this process has to have.

    Raises:
        ImportError: there are several processes, and mpi4py is not installed.
        ValueError: mpiexec started another number of processes, or numbered them otherwise.
        ConnectionError: the first process cannot be reached.
    """
    global _group
    told = os.environ.get
    if job_addresses is None:
        job_addresses = told("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    if num_processes is None and "KERAS_DISTRIBUTION_NUM_PROCESSES" in os.environ:
        num_processes = int(told("KERAS_DISTRIBUTION_NUM_PROCESSES", ""))
    if process_id is None and "KERAS_DISTRIBUTION_PROCESS_ID" in os.environ:
        process_id = int(told("KERAS_DISTRIBUTION_PROCESS_ID", ""))
    if _group is None:
        _group = _join(job_addresses.split(",")[0].strip() if job_addresses else None)
    for name, wanted, found in (
        ("num_processes", num_processes, _group.size),
        ("process_id", process_id, _group.rank),
    ):
        if wanted is not None and wanted != found:
            raise ValueError(
                f"{name}={wanted}, but this is process {_group.rank} of {_group.size}. How many "
                "there are, and their numbers, come from MPI: start them with `mpiexec -n "
                f"{num_processes or _group.size} python script.py`."
            )


def _join(address: str | None) -> Group:
    if not any(name in os.environ for name in _STARTED) and "mpi4py.MPI" not in sys.modules:
        return Group()
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError(
            "This process was started by mpiexec, but mpi4py cannot be imported: pip install "
            f"'diptych[mpi]'. ({error})"
        ) from error
    communicator = MPI.COMM_WORLD.Dup()
    if communicator.size == 1:
        return Group()
    watch = Watch(communicator, address)
    processes.set_end(watch.fail)
    group = Group(communicator, watch)
    processes.set_rank(group.rank)
    _take_a_share_of_the_processors(communicator.Split_type(MPI.COMM_TYPE_SHARED).size)
    if group.rank:  # the first process warns for all

        def silent(*_: Any, **__: Any) -> None:
            """In place of ``warnings.showwarning``."""

        warnings.showwarning = silent
    return group


def _take_a_share_of_the_processors(neighbours: int) -> None:
    """Use fewer threads where several processes of one machine may use all its processors."""
    if "OMP_NUM_THREADS" in os.environ or "fast" not in _engine.installed():
        return
    bound = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) < (
        os.cpu_count() or 1
    )
    if not bound:
        config.set_num_threads(max(1, config.num_threads() // neighbours))


def joined() -> Group:
    """The processes of the job, which is joined if that has not been done."""
    if _group is None:
        initialize()
    return _group  # type: ignore[return-value]


def list_devices(device_type: str | None = None) -> list[str]:
    """The processes of the job as devices: "cpu:0" for the first, and so on.

    Raises ValueError for another ``device_type`` than "cpu".
    """
    if device_type not in (None, "cpu", "CPU"):
        raise ValueError(f"There are no devices of type {device_type!r}: diptych runs on CPUs.")
    return [f"cpu:{i}" for i in range(joined().size)]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices ``list_devices`` lists."""
    return len(list_devices(device_type))
