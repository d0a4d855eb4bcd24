"""What image layers share: batches and single images, sizes, random numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...graph import KerasTensor
from ...random import SeedGenerator, generator_of
from ...utils.windows import standardize_data_format
from ..layer import Layer

MOVED = ("images", "segmentation_masks")  # the parts of a dict that a transformation moves


class ImageLayer(Layer):
    """A layer on images, single or in batches, channels last or first."""

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format, type(self).__name__)
        first = self.data_format == "channels_first"
        self._height_axis, self._width_axis = (-2, -1) if first else (-3, -2)

    def call(self, data: Any, training: Any = True) -> Any:
        training = True if training is None else training  # as in Keras, active by default
        if not isinstance(data, dict):
            transformation = self.get_random_transformation(data, training=training)
            return self._transform(self.transform_images, data, transformation, training)
        unknown = set(data) - {*MOVED, "labels"}
        if unknown or "images" not in data:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) takes a dict with 'images', and with "
                f"'labels' and 'segmentation_masks' if there are any; got {sorted(data)}."
            )
        transformation = self.get_random_transformation(data["images"], training=training)
        functions = {
            "images": self.transform_images,
            "segmentation_masks": self.transform_segmentation_masks,
        }
        return {
            key: self._transform(functions[key], value, transformation, training)
            if key in functions
            else self.transform_labels(value, transformation, training)
            for key, value in data.items()
        }

    def _transform(self, function: Any, images: Any, transformation: Any, training: Any) -> Any:
        """Apply ``function``, which takes a batch, to a batch or a single image."""
        images = ops.convert_to_tensor(images)
        self._size(images.shape)
        if images.ndim == 4:
            return function(images, transformation, training)
        return ops.squeeze(function(ops.expand_dims(images, 0), transformation, training), 0)

    def _size(self, shape: tuple) -> tuple[int, int]:
        """(height, width) of an image or a batch of this shape."""
        if len(shape) not in (3, 4):
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) takes an image of 3 axes or a batch "
                f"of 4, and its input has shape {tuple(shape)}."
            )
        return shape[self._height_axis], shape[self._width_axis]

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        """Draw the transformation that ``transform_images`` will apply; None if there is none."""
        return None

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        """Apply a transformation to a batch of images."""
        raise NotImplementedError

    def transform_labels(self, labels: Any, transformation: Any, training: Any = True) -> Any:
        return labels

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: Any = True
    ) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._size(input_shape)
        return input_shape

    def compute_output_spec(self, data: Any, **kwargs: Any) -> Any:
        if not isinstance(data, dict):
            return KerasTensor(self.compute_output_shape(data.shape), self.dtype)
        return {
            key: KerasTensor(self.compute_output_shape(x.shape), self.dtype) if key in MOVED else x
            for key, x in data.items()
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class SizedLayer(ImageLayer):
    """An image layer whose output has a given size."""

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        for word, size in (("height", height), ("width", width)):
            if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
                raise ValueError(
                    f"{type(self).__name__} needs {word} as a positive whole number; got {size!r}."
                )
        self.height, self.width = int(height), int(width)

    def _slice(self, images: Any, top: int, left: int) -> Any:
        """A window of the layer's size, smaller at the edge of the images."""
        height, width = self._size(images.shape)
        return ops.image.crop_images(
            images,
            top_cropping=top,
            left_cropping=left,
            target_height=min(self.height, height - top),
            target_width=min(self.width, width - left),
            data_format=self.data_format,
        )

    def _middle(self, images: Any, interpolation: str) -> Any:
        """The largest central window with the layer's proportions, resized."""
        return ops.image.resize(
            images,
            (self.height, self.width),
            interpolation,
            crop_to_aspect_ratio=True,
            data_format=self.data_format,
        )

    def compute_output_shape(self, input_shape: Any) -> tuple:
        self._size(input_shape)
        shape = list(input_shape)
        shape[self._height_axis], shape[self._width_axis] = self.height, self.width
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}


class RandomLayer(ImageLayer):
    """An image layer with a random generator that changes its input in training only."""

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def _uniform(self, low: float, high: float, shape: tuple, seed: Any) -> np.ndarray:
        generator = generator_of(self.generator if seed is None else seed)
        return generator.uniform(low, high, shape).astype(np.float32)

    def _count(self, shape: tuple) -> int:
        """The number of images; a single one is a batch of one."""
        self._size(shape)
        return shape[0] if len(shape) == 4 else 1

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def one_of(layer: Layer, word: str, value: Any, allowed: tuple) -> Any:
    if value not in allowed:
        raise ValueError(
            f"{type(layer).__name__} needs {word} as one of {', '.join(allowed)}; got {value!r}."
        )
    return value


def bounds(
    layer: Layer, word: str, factor: Any, low: float, high: float, open_below: bool = False
) -> tuple[float, float]:
    """(lower, upper) of a factor: a number f stands for (-f, f), a pair for itself, in order."""
    pair = (-abs(factor), abs(factor)) if isinstance(factor, (int, float)) else factor
    try:
        lower, upper = sorted(float(bound) for bound in pair)
    except (TypeError, ValueError):
        lower, upper = math.nan, math.nan
    given = [factor] if isinstance(factor, (int, float)) else [lower, upper]
    if not all(low <= bound <= high and not (open_below and bound == low) for bound in given):
        interval = f"{'above' if open_below else 'from'} {low:g} up to {high:g}"
        raise ValueError(
            f"{type(layer).__name__} needs {word} as a number, or two of them (lower, upper), "
            f"{interval}; got {factor!r}."
        )
    return max(lower, low), upper


def as_numbers(values: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(values), np.float64)
