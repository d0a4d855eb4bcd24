"""What image layers share: batches and single images, sizes, random numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...graph import KerasTensor
from ...random import SeedGenerator, generator_of
from ...tensor import Tensor
from ...utils.windows import standardize_data_format
from ..data_layer import DataLayer
from ..layer import Layer


class ImageLayer(DataLayer):
    """A layer on images, single or in batches, channels last or first.

    It takes images, or a dict of "images" with what belongs to them: "segmentation_masks" are moved
    like the images, "labels" changed where images are mixed, and all else stays. Bounding boxes are
    refused.
    """

    moves_masks = True  # or leaves them as they are
    keeps_mask_dtype = False  # or brings them to its own, where it moves them

    def __init__(
        self, data_format: str | None = None, bounding_box_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if bounding_box_format is not None:
            raise ValueError(
                f"{type(self).__name__} got bounding_box_format={bounding_box_format!r}, but "
                f"{_NO_BOXES}"
            )
        self.data_format = standardize_data_format(data_format, type(self).__name__)
        first = self.data_format == "channels_first"
        self._height_axis, self._width_axis = (-2, -1) if first else (-3, -2)

    def call(self, data: Any, training: Any = True) -> Any:
        if not isinstance(data, dict):
            transformation = self.get_random_transformation(data, training=training)
            return self._transform(self.transform_images, data, transformation, training)
        self._check_keys(data)
        transformation = self.get_random_transformation(data, training=training)
        alone = len(data["images"].shape) == 3
        changed = dict(data)
        for key, function in (
            ("images", self.transform_images),
            ("segmentation_masks", self.transform_segmentation_masks),
        ):
            if key in data:
                changed[key] = self._transform(function, data[key], transformation, training)
        if "labels" in data:
            change = self.transform_single_label if alone else self.transform_labels
            labels = ops.convert_to_tensor(data["labels"])
            changed["labels"] = change(labels, transformation, training)
        return changed

    def _check_keys(self, data: dict) -> None:
        if "bounding_boxes" in data:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) got a dict with 'bounding_boxes', "
                f"but {_NO_BOXES}"
            )
        if "images" not in data:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) takes a dict with 'images', and with "
                f"'labels' and 'segmentation_masks' if there are any; got {sorted(data)}."
            )

    def _transform(self, function: Any, images: Any, transformation: Any, training: Any) -> Any:
        """Apply ``function``, which takes a batch, to a batch or a single image."""
        images = ops.convert_to_tensor(images)
        self._size(images.shape)
        if images.ndim == 4:
            return function(images, transformation, training)
        return _of_one(function, images, transformation, training)

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
        if not self.moves_masks:
            return segmentation_masks
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_single_image(self, image: Any, transformation: Any, training: Any = True) -> Any:
        """Apply a transformation to an image without an axis for the batch."""
        return _of_one(self.transform_images, image, transformation, training)

    def transform_single_label(self, label: Any, transformation: Any, training: Any = True) -> Any:
        """Apply a transformation to the label of a single image."""
        return _of_one(self.transform_labels, label, transformation, training)

    def transform_single_segmentation_mask(
        self, segmentation_mask: Any, transformation: Any, training: Any = True
    ) -> Any:
        """Apply a transformation to the mask of a single image."""
        function = self.transform_segmentation_masks
        return _of_one(function, segmentation_mask, transformation, training)

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._size(input_shape)
        return input_shape

    def compute_output_spec(self, data: Any, **kwargs: Any) -> Any:
        if isinstance(data, dict):
            self._check_keys(data)
        else:
            return KerasTensor(self.compute_output_shape(data.shape), self.dtype)
        changed = {"images": True, "segmentation_masks": self.moves_masks}
        dtypes = {"segmentation_masks": self.keeps_mask_dtype}
        return {
            key: KerasTensor(
                self.compute_output_shape(x.shape), x.dtype if dtypes.get(key) else self.dtype
            )
            if changed.get(key)
            else x
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

    def _generator(self, seed: Any) -> np.random.Generator:
        return generator_of(self.generator if seed is None else seed)

    def _uniform(self, low: float, high: float, shape: tuple, seed: Any) -> np.ndarray:
        numbers = self._generator(seed).uniform(low, high, shape)
        return np.asarray(numbers, np.float32)

    def _count(self, data: Any) -> int:
        """The number of images; a single one is a batch of one."""
        shape = shape_of(data)
        self._size(shape)
        return shape[0] if len(shape) == 4 else 1

    def _chosen(self, factor: tuple[float, float], data: Any, seed: Any) -> np.ndarray:
        """Which images are changed, (N,): each with a probability of its own, from ``factor``."""
        count = self._count(data)
        probability = self._uniform(*factor, (count,), seed)
        return self._uniform(0.0, 1.0, (count,), seed) < probability

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


class ColorLayer(ImageLayer):
    """An image layer that changes the values of pixels, whose range it knows, and moves none."""

    moves_masks = False

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        try:
            low, high = sorted(value_range)
        except (TypeError, ValueError):
            raise ValueError(
                f"{type(self).__name__} needs value_range as two numbers (low, high), such as "
                f"(0, 255); got {value_range!r}."
            ) from None
        self.value_range = low, high

    def _scaled(self, images: Any, source: tuple, target: tuple) -> Any:
        """Images whose values of one range are brought into another."""
        if tuple(source) == tuple(target):
            return images
        share = ops.divide(ops.subtract(images, source[0]), source[1] - source[0])
        return ops.add(ops.multiply(share, target[1] - target[0]), target[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "value_range": self.value_range}


class RandomColorLayer(RandomLayer, ColorLayer):
    """A layer that changes the values of pixels in training only."""


class RandomFactorLayer(RandomColorLayer):
    """Changes the values of pixels by a factor that is drawn from a range within ``limits``."""

    limits: tuple[float, float] = (0, 1)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, value_range=value_range, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, *self.limits)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


_NO_BOXES = (
    "bounding boxes are out of the scope of diptych: move the boxes yourself, or pass only "
    "'images', 'labels' and 'segmentation_masks'."
)


def _of_one(function: Any, x: Any, transformation: Any, training: Any) -> Any:
    """A function of a batch applied to a batch of one."""
    return ops.squeeze(function(ops.expand_dims(x, 0), transformation, training), 0)


def shape_of(data: Any) -> tuple:
    """The shape of images, or of those of a dict."""
    return tuple(np.shape(data["images"] if isinstance(data, dict) else data))


def for_each(choice: Any, like: Any) -> Any:
    """A boolean or number for each image, (N,), to be broadcast against images (N, ...)."""
    array = np.asarray(ops.convert_to_numpy(choice))
    array = array.reshape(-1, *(1,) * (len(like.shape) - 1))
    return Tensor(array if array.dtype == bool else array.astype(like.dtype))


def one_of(
    layer: Layer, word: str, value: Any, allowed: tuple, error: type[Exception] = ValueError
) -> Any:
    if value not in allowed:
        raise error(
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
    return max(lower, float(low)), upper


def as_numbers(values: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(values), np.float64)
