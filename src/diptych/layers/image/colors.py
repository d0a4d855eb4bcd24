"""Random image layers that change the values of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ..layer import Layer
from .base import RandomLayer, bounds


class RandomContrast(RandomLayer):
    """Changes the contrast of each image by a factor of its own: (x - mean) * factor + mean.

    Args:
        factor: by how much, from 0 to 1: 0.2 draws the factor from 0.8 to 1.2. Two numbers (lower,
            upper) draw it from 1 - lower to 1 + upper.
        value_range: the range of the pixels; results beyond it are clipped.
        seed: a seed of its own.
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = factor
        pair = (factor, factor) if isinstance(factor, (int, float)) else factor
        try:
            lower, upper = (float(bound) for bound in pair)
        except (TypeError, ValueError):
            lower, upper = -1.0, -1.0
        if not (0 <= lower <= 1 and 0 <= upper <= 1):
            raise ValueError(
                "RandomContrast needs factor as a number, or two of them (lower, upper), from 0 up "
                f"to 1; got {factor!r}."
            )
        self._bounds = (lower, upper)
        self.value_range = _range(self, value_range)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        lower, upper = self._bounds
        shape = (self._count(data.shape), 1, 1, 1)
        return {"contrast_factor": self._uniform(1 - lower, 1 + upper, shape, seed)}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        factor = ops.cast(transformation["contrast_factor"], self.dtype)
        axes = (self._height_axis, self._width_axis)
        mean = ops.mean(images, axis=tuple(a + 4 for a in axes), keepdims=True)
        return ops.clip((images - mean) * factor + mean, *self.value_range)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: Any = True
    ) -> Any:
        return segmentation_masks

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


class RandomBrightness(RandomLayer):
    """Adds a number to all pixels, a different one for each image.

    Args:
        factor: the largest change, as a fraction of the value range, from -1 to 1: 0.2 draws from
            -0.2 to 0.2. Two numbers (lower, upper) give both ends.
        value_range: the range of the pixels; results beyond it are clipped.
        seed: a seed of its own.
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = bounds(self, "factor", factor, -1, 1)
        self.value_range = _range(self, value_range)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        low, high = self.value_range
        share = self._uniform(*self.factor, (self._count(data.shape), 1, 1, 1), seed)
        return {"rgb_delta": share * np.float32(high - low)}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        delta = ops.cast(transformation["rgb_delta"], self.dtype)
        return ops.clip(images + delta, *self.value_range)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: Any = True
    ) -> Any:
        return segmentation_masks

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


def _range(layer: Layer, value_range: Any) -> tuple:
    """(low, high), in this order."""
    try:
        low, high = sorted(value_range)
    except (TypeError, ValueError):
        raise ValueError(
            f"{type(layer).__name__} needs value_range as two numbers (low, high), such as "
            f"(0, 255); got {value_range!r}."
        ) from None
    return low, high
