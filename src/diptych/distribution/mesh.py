"""Meshes of devices and layouts of tensors. A device is a process here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np

from .job import list_devices

__all__ = ["DeviceMesh", "LayoutMap", "TensorLayout"]


class DeviceMesh:
    """The processes of a job, in a grid whose axes have names.

    Args:
        shape: the sizes of the grid, such as (4,).
        axis_names: a name for each axis, such as ["batch"].
        devices: as many names of processes; by default ``list_devices()``.

    Raises:
        ValueError: there are no sizes, or not as many names or devices.
    """

    def __init__(
        self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None
    ) -> None:
        if not shape or not axis_names or len(shape) != len(axis_names):
            raise ValueError(
                "A DeviceMesh needs at least one axis, and a name for each: got "
                f"shape={shape} and axis_names={axis_names}."
            )
        found = np.array(list_devices() if devices is None else devices)
        if math.prod(shape) != found.size:
            raise ValueError(
                f"A DeviceMesh of shape {tuple(shape)} has {math.prod(shape)} places, but there "
                f"are {found.size} devices: {found.reshape(-1).tolist()}. A device is a process; "
                "start more of them with mpiexec -n."
            )
        self._shape, self._axis_names = shape, axis_names
        self._devices = found.reshape(tuple(shape))

    @property
    def shape(self) -> Sequence[int]:
        """The sizes of the axes."""
        return self._shape

    @property
    def axis_names(self) -> Sequence[str]:
        """The names of the axes."""
        return self._axis_names

    @property
    def devices(self) -> np.ndarray:
        """The names of the processes, in the shape of the mesh."""
        return self._devices

    @property
    def backend_mesh(self) -> DeviceMesh:
        """The mesh itself: no other library has one of its own."""
        return self

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Along which axes of a mesh the axes of a tensor are cut.

    Args:
        axes: for each axis of the tensor the name of an axis of the mesh, or None.
        device_mesh: the mesh; it may be set later, once.

    Raises:
        ValueError: the mesh has no such axis.
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self._axes = tuple(axes)
        self._device_mesh = device_mesh
        self._check()

    @property
    def axes(self) -> tuple[str | None, ...]:
        """A name or None for each axis of the tensor."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh, or None."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(f"This layout has a mesh already: {self._device_mesh}.")
        self._device_mesh = device_mesh
        self._check()

    @property
    def backend_layout(self) -> TensorLayout:
        """The layout itself: no other library has one of its own."""
        return self

    def _check(self) -> None:
        if self._device_mesh is None:
            return
        unknown = set(self._axes) - {None, *self._device_mesh.axis_names}
        if unknown:
            raise ValueError(
                f"The layout {self._axes} names {', '.join(map(repr, sorted(map(str, unknown))))}, "
                f"but the mesh has the axes {list(self._device_mesh.axis_names)}."
            )

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"


class LayoutMap(MutableMapping):
    """Layouts by the paths of variables: a key is a path, or a regular expression for whole paths.

    Args:
        device_mesh: the mesh of layouts that have none.
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self._device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh of layouts that have none."""
        return self._device_mesh

    def __getitem__(self, key: str) -> TensorLayout | None:
        """The layout for a path, None if there is none; ValueError if several keys fit."""
        if key in self._layouts:
            return self._layouts[key]
        fitting = [pattern for pattern in self._layouts if re.fullmatch(pattern, key)]
        if len(fitting) > 1:
            raise ValueError(f"Several keys of this LayoutMap fit the path {key!r}: {fitting}.")
        return self._layouts[fitting[0]] if fitting else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ValueError(
                f"The key {key!r} is there already, with {self._layouts[key]}: delete it first."
            )
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ValueError(f"A TensorLayout or a tuple of names is expected; got {layout!r}.")
        if layout.device_mesh is None:
            layout.device_mesh = self._device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)
