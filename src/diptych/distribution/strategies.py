"""The ways to share work among processes, and the one that is in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .. import processes
from .job import joined, list_devices
from .mesh import DeviceMesh, LayoutMap, TensorLayout
from .work import SharedWork

__all__ = [
    "DataParallel",
    "Distribution",
    "ModelParallel",
    "distribute_tensor",
    "distribution",
    "set_distribution",
]

SLICES = 8
_current: Distribution | None = None


class Distribution:
    """What ways to share work have in common.

    Args:
        device_mesh: the processes.
        batch_dim_name: the name of the mesh's axis along which batches are cut.
        auto_shard_dataset: True: all processes are given the same data.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        self._device_mesh = device_mesh
        self._batch_dim_name = batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset

    @property
    def num_processes(self) -> int:
        """The number of processes."""
        return joined().size

    @property
    def num_model_replicas(self) -> int:
        """The number of copies of a model."""
        return self.num_processes

    @property
    def data_shard_id(self) -> int:
        """The number of this process, from 0."""
        return joined().rank

    @property
    def device_mesh(self) -> DeviceMesh:
        """The processes."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str | None:
        """The name of the mesh's axis along which batches are cut."""
        return self._batch_dim_name

    @property
    def auto_shard_dataset(self) -> bool:
        """Whether all processes are given the same data: always True."""
        return True

    @auto_shard_dataset.setter
    def auto_shard_dataset(self, value: bool) -> None:
        if not value and joined().size > 1:
            raise ValueError(
                "auto_shard_dataset=False would mean that each process has other data. Here every "
                "process is given the same data, and takes its part of each batch: only so does a "
                "training end in the same bits for any number of processes."
            )

    def get_data_layout(self, data_shape: Sequence[int]) -> TensorLayout:
        """How a batch of this shape is cut: along its first axis."""
        rest = [None] * (len(data_shape) - 1)
        return TensorLayout([self.batch_dim_name, *rest], self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """How a variable is cut: not at all, each process has a copy."""
        return TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """How a tensor within a model is cut: None, nothing is said of it."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """The data set itself: ``fit`` deals out its batches."""
        return dataset

    def distribute_tf_dataset(self, dataset: Any) -> Any:
        """The same, by Keras's other name."""
        return dataset

    @contextmanager
    def scope(self) -> Iterator[None]:
        """A block in which this is the distribution in force."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Each process has the whole model, and takes a part of each batch.

        diptych.distribution.set_distribution(diptych.distribution.DataParallel())

    is the line that a script needs, started by ``mpiexec -n 4 python script.py``; without mpiexec
    it runs as one process. In ``fit`` every batch is cut into the same slices, whatever the number
    of processes, and what belongs to the whole batch is summed over the slices in a fixed order. So
    the weights, metrics and histories end in the same bits for any number of processes.

    Args:
        device_mesh: the processes; by default all of them, along the axis "batch".
        devices: names of processes, in place of a mesh: all of them.
        auto_shard_dataset: must be True: all processes are given the same data.
        slices: how many slices a batch of a training is cut into, a power of two. Other bits come
            of another number, and there may be no more processes than slices.

    Raises:
        ValueError: the slices cannot be dealt out evenly to the processes, or these are not all.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Any = None,
        auto_shard_dataset: bool = True,
        slices: int = SLICES,
    ) -> None:
        group = joined()
        if device_mesh is not None and not isinstance(device_mesh, DeviceMesh):
            raise ValueError(f"device_mesh has to be a DeviceMesh; got {device_mesh!r}.")
        if device_mesh is None:
            found = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(found),), ["batch"], found)
        if sorted(device_mesh.devices.reshape(-1).tolist()) != sorted(list_devices()):
            raise ValueError(
                f"The mesh has the devices {device_mesh.devices.reshape(-1).tolist()}, but the job "
                f"has the processes {list_devices()}, of which all have to take part."
            )
        if isinstance(slices, bool) or not isinstance(slices, int) or slices < 1:
            raise ValueError(f"slices={slices!r}; expected a power of two, such as 8")
        if slices & (slices - 1):
            raise ValueError(f"slices={slices}; expected a power of two, such as 8")
        if slices % group.size:
            fitting = [2**k for k in range(slices.bit_length())]
            raise ValueError(
                f"There are {group.size} processes, but {slices} slices of a batch can only be "
                f"dealt out evenly to {', '.join(map(str, fitting[:-1]))} or {fitting[-1]} of "
                f"them. Start as many with mpiexec -n; more need more slices, such as "
                f"DataParallel(slices={2 * slices})."
            )
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)
        self.slices = slices
        self._work = SharedWork(group, slices)


class ModelParallel(Distribution):
    """Keras's way to cut a model itself among devices, which is not here: it always raises.

    Args:
        layout_map, batch_dim_name, auto_shard_dataset: as in Keras.

    Raises:
        NotImplementedError: always.
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ) -> None:
        raise NotImplementedError(
            "ModelParallel cuts the weights of a model among devices. diptych only cuts batches: "
            "each process holds the whole model. Use DataParallel()."
        )


def set_distribution(value: Distribution | None) -> None:
    """Share the work of all models in this way from now on; None: not at all.

    Raises ValueError for anything else.
    """
    global _current
    if value is not None and not isinstance(value, Distribution):
        raise ValueError(
            f"A distribution such as DataParallel() is expected, or None; got {value!r}."
        )
    _current = value
    processes.share(None if value is None else getattr(value, "_work", None))


def distribution() -> Distribution | None:
    """The distribution in force, or None."""
    return _current


def distribute_tensor(tensor: Any, layout: TensorLayout) -> Any:
    """The tensor itself: every process has all of it, whatever the layout says.

    Raises ValueError if ``layout`` is no TensorLayout.
    """
    if not isinstance(layout, TensorLayout):
        raise ValueError(f"A TensorLayout is expected; got {layout!r}.")
    return tensor
