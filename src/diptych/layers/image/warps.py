"""Random image layers that bend images: shear, perspective, elastic moves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...reference._sampling import INTERPOLATIONS
from .base import RandomColorLayer, RandomLayer, as_numbers, bounds, for_each, one_of, shape_of
from .moves import _RandomAffine

ELASTIC_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


class RandomShear(_RandomAffine):
    """Slants images, each by its own amounts: x becomes x + a y, and y becomes y + b x.

    Args:
        x_factor: the largest slant to a side, a, from 0 to 1, to either side. Two numbers (lower,
            upper) give both ends.
        y_factor: the largest slant up or down, b.
        interpolation: "bilinear" or "nearest".
        fill_mode: what appears beyond the border abcd: "reflect" dcba|abcd|dcba, "wrap"
            abcd|abcd|abcd, "nearest" aaaa|abcd|dddd, "constant" ``fill_value``.
        fill_value: what "constant" fills with.
        data_format: "channels_last" or "channels_first".
        seed: a seed of its own.
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode,
            interpolation=interpolation,
            seed=seed,
            fill_value=fill_value,
            data_format=data_format,
            **kwargs,
        )
        for word, factor in (("x_factor", x_factor), ("y_factor", y_factor)):
            if isinstance(factor, (int, float)):
                bounds(self, word, factor, 0, 1)
        # Keras takes no pair below 0, but writes (-f, f) into configurations for a number f, which
        # are read here; those written here, with f itself, are read by Keras too.
        self._factors = {"x_factor": x_factor, "y_factor": y_factor}
        self.x_factor = bounds(self, "x_factor", x_factor, -1, 1)
        self.y_factor = bounds(self, "y_factor", y_factor, -1, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape = (self._count(data), 1)
        sign = np.where(self._uniform(0.0, 1.0, shape, seed) > 0.5, -1, 1).astype(np.float32)
        down = self._uniform(*self.y_factor, shape, seed)
        across = self._uniform(*self.x_factor, shape, seed)
        return {
            "shear_factor": np.concatenate([across, down], axis=1) * sign,
            "input_shape": shape_of(data),
        }

    def _matrix(self, transformation: Any, height: int, width: int) -> np.ndarray:
        across, down = np.split(as_numbers(transformation["shear_factor"]), 2, axis=1)
        one, nothing = np.ones_like(across), np.zeros_like(across)
        rows = [one, across, nothing, down, one, nothing, nothing, nothing]
        return np.concatenate(rows, axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._factors}


class RandomPerspective(RandomLayer):
    """Shows some images as if seen from the side: their corners are moved at random.

    Args:
        factor: the probability. Two numbers (lower, upper) draw it for each image, a number f from
            0 to f.
        scale: how far corners are moved, from 0 to 1: a coordinate becomes at most half as large
            or half as large again with 1, the default.
        interpolation: "bilinear" or "nearest".
        fill_value: the value beyond the border.
        seed: a seed of its own.
        data_format: "channels_last" or "channels_first".
    """

    keeps_mask_dtype = True

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        if not 0 <= scale <= 1:
            raise ValueError(f"RandomPerspective needs a scale from 0 up to 1; got {scale!r}.")
        self.scale = scale
        self.interpolation = one_of(
            self, "interpolation", interpolation, INTERPOLATIONS[:2], NotImplementedError
        )
        self.fill_value = fill_value

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        height, width = self._size(shape_of(data))
        count = self._count(data)
        chosen = self._chosen(self.factor, data, seed)
        corners = [[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]
        start = np.tile(np.array(corners, np.float32), (count, 1, 1))
        moves = self._uniform(-0.5 * self.scale, 0.5 * self.scale, start.shape, seed)
        return {
            "apply_perspective": chosen,
            "start_points": start,
            "end_points": start + start * moves,
            "input_shape": shape_of(data),
        }

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        return self._seen(images, transformation, training, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: Any = True
    ) -> Any:
        return self._seen(segmentation_masks, transformation, training, "nearest")

    def _seen(self, images: Any, transformation: Any, training: Any, interpolation: str) -> Any:
        if not training or transformation is None:
            return images
        moved = ops.image.perspective_transform(
            images,
            transformation["start_points"],
            transformation["end_points"],
            interpolation,
            self.fill_value,
            self.data_format,
        )
        return ops.where(for_each(transformation["apply_perspective"], images), moved, images)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


class RandomElasticTransform(RandomColorLayer):
    """Bends some images like rubber: pixels move at random, and neighbours in similar ways.

    Source: Simard, Steinkraus & Platt 2003, Best practices for convolutional neural networks,
    section 2.

    Args:
        factor: the probability. Two numbers (lower, upper) draw it for each image, a number f from
            0 to f.
        scale: how strong the moves are and how far they are alike, from 0 to 1. Two numbers (lower,
            upper) draw it for the batch, a number s from 0 to s.
        interpolation: "bilinear" or "nearest".
        fill_mode: what appears beyond the border abcd: "reflect" dcba|abcd|dcba, "mirror"
            dcb|abcd|cba, "wrap" abcd|abcd|abcd, "nearest" aaaa|abcd|dddd, "constant"
            ``fill_value``.
        fill_value: what "constant" fills with.
        value_range: the range of the pixels; results beyond it are clipped.
        seed: a seed of its own.
        data_format: "channels_last" or "channels_first".
    """

    moves_masks = True
    keeps_mask_dtype = True

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, value_range=value_range, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        self.scale = bounds(self, "scale", scale, 0, 1)
        self.interpolation = one_of(
            self, "interpolation", interpolation, INTERPOLATIONS[:2], NotImplementedError
        )
        self.fill_mode = one_of(
            self, "fill_mode", fill_mode, ELASTIC_FILL_MODES, NotImplementedError
        )
        self.fill_value = fill_value

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training or self.scale[1] == 0 or self.factor[1] == 0:
            return None
        return {
            "apply_transform": self._chosen(self.factor, data, seed),
            "distortion_factor": self._uniform(*self.scale, (), seed),
            "seed": int(self._generator(seed).integers(2**31)),  # so that masks go the same way
        }

    def get_elastic_transform_params(self, height: int, width: int, factor: float) -> tuple:
        """(alpha, sigma) of ``ops.image.elastic_transform`` for images of this size."""
        return max(height, width) * 0.1 * factor, min(height, width) * 0.05 * factor

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        bent = self._bent(images, transformation, training, self.interpolation)
        unchanged = not training or transformation is None
        return bent if unchanged else ops.clip(bent, *self.value_range)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: Any = True
    ) -> Any:
        return self._bent(segmentation_masks, transformation, training, "nearest")

    def _bent(self, images: Any, transformation: Any, training: Any, interpolation: str) -> Any:
        if not training or transformation is None:
            return images
        factor = float(as_numbers(transformation["distortion_factor"]))
        alpha, sigma = self.get_elastic_transform_params(*self._size(images.shape), factor)
        moved = ops.image.elastic_transform(
            images,
            alpha,
            sigma,
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            seed=transformation["seed"],
            data_format=self.data_format,
        )
        return ops.where(for_each(transformation["apply_transform"], images), moved, images)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
        }
