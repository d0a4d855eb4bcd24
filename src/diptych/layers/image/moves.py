"""Random image layers that move pixels: flip, rotation, zoom, translation, crop."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...reference._sampling import INTERPOLATIONS
from ...tensor import Tensor
from .base import RandomLayer, SizedLayer, as_numbers, bounds, one_of, shape_of

FILL_MODES = ("reflect", "wrap", "constant", "nearest")


class RandomFlip(RandomLayer):
    """Mirrors images, each with probability 1/2.

    (N, H, W, C) or (H, W, C) keeps its shape.

    Args:
        mode: "horizontal" (swaps left and right), "vertical" (top and bottom), or
            "horizontal_and_vertical" (both at once).
        seed: a seed of its own.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        modes = ("horizontal", "vertical", "horizontal_and_vertical")
        self.mode = one_of(self, "mode", mode, modes)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        flips = self._uniform(0.0, 1.0, (self._count(data), 1, 1, 1), seed) <= 0.5
        return {"flips": flips, "input_shape": shape_of(data)}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        axes = []
        if "vertical" in self.mode:
            axes.append(self._height_axis)
        if "horizontal" in self.mode:
            axes.append(self._width_axis)
        flips = Tensor(np.asarray(ops.convert_to_numpy(transformation["flips"]), bool))
        return ops.where(flips, ops.flip(images, axis=tuple(axes)), images)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}


class _RandomAffine(RandomLayer):
    """A random layer that samples its images under an affine transform."""

    keeps_mask_dtype = True

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        seed: int | None,
        fill_value: float,
        data_format: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.fill_mode = one_of(self, "fill_mode", fill_mode, FILL_MODES, NotImplementedError)
        self.interpolation = one_of(
            self, "interpolation", interpolation, INTERPOLATIONS[:2], NotImplementedError
        )
        self.fill_value = fill_value

    def _matrix(self, transformation: Any, height: int, width: int) -> np.ndarray:
        """The affine transforms, (N, 8), of a drawn transformation."""
        raise NotImplementedError

    def get_transformed_x_y(self, x: Any, y: Any, transform: Any) -> tuple:
        """Where points (x, y) come to lie under transforms (..., 8): ((a0 x + a1 y + a2) / k,
        (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.
        """
        a0, a1, a2, b0, b1, b2, c0, c1 = ops.split(transform, 8, axis=-1)
        k = ops.add(ops.add(ops.multiply(c0, x), ops.multiply(c1, y)), 1.0)
        across = ops.add(ops.add(ops.multiply(a0, x), ops.multiply(a1, y)), a2)
        down = ops.add(ops.add(ops.multiply(b0, x), ops.multiply(b1, y)), b2)
        return ops.divide(across, k), ops.divide(down, k)

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        return self._sample(images, transformation, training, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: Any = True
    ) -> Any:
        return self._sample(segmentation_masks, transformation, training, "nearest")

    def _sample(self, images: Any, transformation: Any, training: Any, interpolation: str) -> Any:
        if not training or transformation is None:
            return images
        return ops.image.affine_transform(
            images,
            self._matrix(transformation, *self._size(images.shape)),
            interpolation,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


class RandomRotation(_RandomAffine):
    """Rotates images about their centre, each by its own angle.

    Args:
        factor: the largest rotation, as a fraction of the full circle: 0.1 draws from -36 to 36
            degrees. Two numbers (lower, upper) give both ends.
        fill_mode: what appears beyond the border abcd: "reflect" dcba|abcd|dcba, "wrap"
            abcd|abcd|abcd, "nearest" aaaa|abcd|dddd, "constant" ``fill_value``.
        interpolation: "bilinear" or "nearest".
        seed: a seed of its own.
        fill_value: what "constant" fills with.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
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
        self.factor = bounds(self, "factor", factor, -1, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        count = self._count(data)
        height, width = self._size(shape_of(data))
        angle = self._uniform(360 * self.factor[0], 360 * self.factor[1], (count,), seed)
        radians = np.deg2rad(angle.astype(np.float64))
        cos, sin = np.cos(radians), np.sin(radians)
        x, y = (width - 1) / 2, (height - 1) / 2
        nothing = np.zeros_like(cos)
        rows = [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos, nothing, nothing]
        matrix = np.stack(rows, axis=1).astype(np.float32)
        return {
            "angle": angle,
            "rotation_matrix": matrix if len(shape_of(data)) == 4 else matrix[0],
            "image_height": height,
            "image_width": width,
            "batch_size": count,
        }

    def _matrix(self, transformation: Any, height: int, width: int) -> np.ndarray:
        return as_numbers(transformation["rotation_matrix"])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomZoom(_RandomAffine):
    """Zooms into images or out of them, each by its own factor.

    Args:
        height_factor: by how much, above -1 and up to 1: 0.2 draws from -0.2 to 0.2. Negative
            numbers zoom in, positive ones out. Two numbers (lower, upper) give both ends.
        width_factor: the same for the width; None keeps the proportions.
        fill_mode: what appears beyond the border abcd: "reflect" dcba|abcd|dcba, "wrap"
            abcd|abcd|abcd, "nearest" aaaa|abcd|dddd, "constant" ``fill_value``.
        interpolation: "bilinear" or "nearest".
        seed: a seed of its own.
        fill_value: what "constant" fills with.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
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
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height_bounds = bounds(self, "height_factor", height_factor, -1, 1, True)
        self._width_bounds = (
            None
            if width_factor is None
            else bounds(self, "width_factor", width_factor, -1, 1, True)
        )

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape = (self._count(data), 1)
        lower, upper = self._height_bounds
        height_zoom = width_zoom = self._uniform(1 + lower, 1 + upper, shape, seed)
        if self._width_bounds is not None:
            lower, upper = self._width_bounds
            width_zoom = self._uniform(1 + lower, 1 + upper, shape, seed)
        return {"height_zoom": height_zoom, "width_zoom": width_zoom, "input_shape": shape_of(data)}

    def _matrix(self, transformation: Any, height: int, width: int) -> np.ndarray:
        x_zoom, y_zoom = (
            as_numbers(transformation["width_zoom"]),
            as_numbers(transformation["height_zoom"]),
        )
        nothing = np.zeros_like(x_zoom)
        x, y = (width - 1) / 2 * (1 - x_zoom), (height - 1) / 2 * (1 - y_zoom)
        return np.concatenate([x_zoom, nothing, x, nothing, y_zoom, y, nothing, nothing], axis=1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "height_factor": self.height_factor,
            "width_factor": self.width_factor,
        }


class RandomTranslation(_RandomAffine):
    """Moves images up or down and to a side, each by its own distance.

    Args:
        height_factor: the largest shift downwards, as a fraction of the height, from -1 to 1: 0.2
            draws from -0.2 to 0.2. Two numbers (lower, upper) give both ends.
        width_factor: the largest shift to the right, as a fraction of the width.
        fill_mode: what appears beyond the border abcd: "reflect" dcba|abcd|dcba, "wrap"
            abcd|abcd|abcd, "nearest" aaaa|abcd|dddd, "constant" ``fill_value``.
        interpolation: "bilinear" or "nearest".
        seed: a seed of its own.
        fill_value: what "constant" fills with.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
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
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height_bounds = bounds(self, "height_factor", height_factor, -1, 1)
        self._width_bounds = bounds(self, "width_factor", width_factor, -1, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape = (self._count(data), 1)
        height, width = self._size(shape_of(data))
        down = self._uniform(*self._height_bounds, shape, seed) * np.float32(height)
        right = self._uniform(*self._width_bounds, shape, seed) * np.float32(width)
        return {
            "translations": np.concatenate([right, down], axis=1),
            "input_shape": shape_of(data),
        }

    def _matrix(self, transformation: Any, height: int, width: int) -> np.ndarray:
        right, down = np.split(as_numbers(transformation["translations"]), 2, axis=1)
        one, nothing = np.ones_like(right), np.zeros_like(right)
        return np.concatenate([one, nothing, -right, nothing, one, -down, nothing, nothing], axis=1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "height_factor": self.height_factor,
            "width_factor": self.width_factor,
        }


class RandomCrop(RandomLayer, SizedLayer):
    """Crops a window at a random position, the same for the whole batch. Outside training it takes
    the largest central window with the wanted proportions and resizes it.

    (N, H, W, C) or (H, W, C) gives (..., height, width, C).

    Args:
        height, width: the size of the window; smaller images are resized to it.
        seed: a seed of its own.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, height=height, width=width, data_format=data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        height, width = self._size(shape_of(data))
        if height > self.height and width > self.width:
            rows = self._uniform(0.0, height - self.height + 1, (), seed)
            columns = self._uniform(0.0, width - self.width + 1, (), seed)
            return min(int(rows), height - self.height), min(int(columns), width - self.width)
        inner_height = max(min(height, int(width * self.height / self.width)), 1)
        inner_width = max(min(width, int(height * self.width / self.height)), 1)
        return (height - inner_height) // 2, (width - inner_width) // 2

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        return self._crop(images, transformation, training, "bilinear")

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: Any = True
    ) -> Any:
        return self._crop(segmentation_masks, transformation, training, "nearest")

    def _crop(self, images: Any, transformation: Any, training: Any, interpolation: str) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return self._middle(images, interpolation)
        images = self._slice(images, int(transformation[0]), int(transformation[1]))
        size = (self.height, self.width)
        if self._size(images.shape) == size:
            return images
        return ops.image.resize(images, size, interpolation, data_format=self.data_format)
