"""``tf.config``: one processor, no GPU."""

from __future__ import annotations

from typing import Any, NamedTuple

from ... import config as own
from ._names import missing

__all__ = [
    "PhysicalDevice", "experimental", "get_visible_devices", "list_logical_devices",
    "list_physical_devices", "optimizer", "run_functions_eagerly", "set_visible_devices",
    "threading",
]  # fmt: skip


class PhysicalDevice(NamedTuple):
    """A processor."""

    name: str
    device_type: str


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The one processor; an empty list for GPUs."""
    found = [PhysicalDevice("/physical_device:CPU:0", "CPU")]
    return [device for device in found if device_type in (None, device.device_type)]


list_logical_devices = get_visible_devices = list_physical_devices


def set_visible_devices(devices: Any, device_type: str | None = None) -> None:
    """Nothing: there is one device."""


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Nothing: functions always run at once."""


class experimental:  # noqa: N801 - TensorFlow's name
    """Settings of GPUs, without effect."""

    list_physical_devices = staticmethod(list_physical_devices)
    list_logical_devices = staticmethod(list_physical_devices)

    @staticmethod
    def set_memory_growth(device: Any, enable: bool) -> None:
        """Nothing: there is no GPU."""

    @staticmethod
    def set_virtual_device_configuration(device: Any, configuration: Any) -> None:
        """Nothing: there is one device."""

    @staticmethod
    def enable_op_determinism() -> None:
        """Nothing: results are the same in every run."""


class optimizer:  # noqa: N801 - TensorFlow's name
    """Settings of TensorFlow's compiler, without effect."""

    @staticmethod
    def set_jit(enabled: Any) -> None:
        """Nothing: there is no such compiler."""


class threading:  # noqa: N801 - TensorFlow's name
    """How many threads work."""

    @staticmethod
    def set_intra_op_parallelism_threads(num_threads: int) -> None:
        """Set the number of threads of the fast engine; 0 leaves it as it is."""
        if num_threads:
            own.set_num_threads(num_threads)

    @staticmethod
    def set_inter_op_parallelism_threads(num_threads: int) -> None:
        """Nothing: operations run one after the other."""

    @staticmethod
    def get_intra_op_parallelism_threads() -> int:
        """The number of threads of the fast engine."""
        return own.num_threads()


def __getattr__(name: str) -> Any:
    raise missing("tf.config", name, __all__)
