"""What a layer expects of its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .layer import Layer


class InputSpec:
    """What a layer expects of an input.

    Args:
        dtype: its dtype.
        shape: its full shape, None for any size.
        ndim: its rank.
        max_ndim: the highest rank allowed.
        min_ndim: the lowest rank allowed.
        axes: dict from axis to size.
        allow_last_axis_squeeze: whether a last axis of size 1 may be missing or added.
        name: the input's name.
        optional: whether None may be given.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def get_config(self) -> dict[str, Any]:
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        return cls(**config)

    def __repr__(self) -> str:
        given = {name: value for name, value in self.get_config().items() if value}
        return f"InputSpec({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    def check(self, layer: Layer, shape: tuple) -> None:
        """Raise a ValueError unless an input of this shape fits."""
        rank = len(shape)

        def refuse(expected: str) -> None:
            raise ValueError(
                f"Layer {layer.name!r} ({type(layer).__name__}) expects {expected}, and its input "
                f"has shape {shape}." + layer.input_hint(shape)
            )

        if self.ndim is not None and rank != self.ndim:
            refuse(f"an input of {self.ndim} axes, the batch included")
        if self.min_ndim is not None and rank < self.min_ndim:
            refuse(f"an input of at least {self.min_ndim} axes, the batch included")
        if self.max_ndim is not None and rank > self.max_ndim:
            refuse(f"an input of at most {self.max_ndim} axes, the batch included")
        for axis, size in self.axes.items():
            if size is not None and -rank <= axis < rank and shape[axis] not in (size, None):
                refuse(f"size {size} along axis {axis}")
        for axis, size in enumerate(self.shape or ()):
            if size is not None and shape[axis] not in (size, None):
                refuse(f"an input of shape {self.shape}")
