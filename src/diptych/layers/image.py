"""Image layers: sizes, and the random changes that make more images out of few.

Images are (height, width, channels) with channels last, or a batch of them; a dict with "images"
may carry "labels", which stay, and "segmentation_masks", which are moved like the images. The
random layers work in training, and where they are called by hand without a word about it. What they
draw is drawn here, above the engines: ``get_random_transformation`` draws, ``transform_images``
applies.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..autodiff import Tensor
from ..graph import KerasTensor
from ..random import SeedGenerator, generator_of
from ..reference._sampling import INTERPOLATIONS
from ..utils.windows import standardize_data_format
from .layer import Layer

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
MOVED = ("images", "segmentation_masks")  # the parts of a dict that a transformation moves


class _ImageLayer(Layer):
    """A layer on images, single or in batches, channels last or first."""

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format, type(self).__name__)
        first = self.data_format == "channels_first"
        self._height_axis, self._width_axis = (-2, -1) if first else (-3, -2)

    def call(self, data: Any, training: Any = True) -> Any:
        training = True if training is None else training  # nobody has said a word about it
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
        """``function`` of a batch, given a batch or a single image."""
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
        """Draw what ``transform_images`` will do to these images; None where nothing is drawn."""
        return None

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        """Apply what was drawn to a batch of images."""
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


class _SizedLayer(_ImageLayer):
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
        """A window of the layer's size, smaller where the images end."""
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
        """The largest window in the middle that has the layer's proportions, resized."""
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


class Resizing(_SizedLayer):
    """Gives images another size. Whole numbers stay whole.

    Args:
        height, width: the new size.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: whether to cut off what does not fit the new proportions, instead of
            stretching.
        pad_to_aspect_ratio: whether to fill up what is missing to them.
        fill_mode: "constant", the only one there is.
        fill_value: what to fill up with.
        antialias: whether shrinking looks at every pixel.
        data_format: "channels_last" or "channels_first".
    """

    pure = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, data_format, **kwargs)
        self.interpolation = _one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode = _one_of(self, "fill_mode", fill_mode, ("constant",))
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("Resizing can crop to the aspect ratio or pad to it, not both.")
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_value = fill_value
        self.antialias = bool(antialias)

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        return self._resize(images, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        return self._resize(segmentation_masks, "nearest")

    def _resize(self, images: Any, interpolation: str) -> Any:
        return ops.image.resize(
            images,
            (self.height, self.width),
            interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
        }


class CenterCrop(_SizedLayer):
    """The middle of each image. Of smaller images the largest window in the middle that has the
    wanted proportions, resized.

    Args:
        height, width: the size of the window.
        data_format: "channels_last" or "channels_first".
    """

    pure = True

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        return self._crop(images, "bilinear")

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        return self._crop(segmentation_masks, "nearest")

    def _crop(self, images: Any, interpolation: str) -> Any:
        images = ops.cast(images, self.dtype)
        height, width = self._size(images.shape)
        if height >= self.height and width >= self.width:
            return self._slice(images, (height - self.height) // 2, (width - self.width) // 2)
        return self._middle(images, interpolation)


# --------------------------------------------------------------------------------------------------
# What the random layers share


class _RandomLayer(_ImageLayer):
    """An image layer with a random generator that changes its input in training only."""

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def _uniform(self, low: float, high: float, shape: tuple, seed: Any) -> np.ndarray:
        generator = generator_of(self.generator if seed is None else seed)
        return generator.uniform(low, high, shape).astype(np.float32)

    def _count(self, shape: tuple) -> int:
        """How many images there are; a single one is a batch of one."""
        self._size(shape)
        return shape[0] if len(shape) == 4 else 1

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def _one_of(layer: Layer, word: str, value: Any, allowed: tuple) -> Any:
    if value not in allowed:
        raise ValueError(
            f"{type(layer).__name__} needs {word} as one of {', '.join(allowed)}; got {value!r}."
        )
    return value


def _bounds(
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


def _array(values: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(values), np.float64)


class RandomFlip(_RandomLayer):
    """Mirrors images, each with probability 1/2.

    Args:
        mode: "horizontal" (left and right change places), "vertical" (top and bottom), or
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
        self.mode = _one_of(self, "mode", mode, modes)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        flips = self._uniform(0.0, 1.0, (self._count(data.shape), 1, 1, 1), seed) <= 0.5
        return {"flips": flips, "input_shape": data.shape}

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


class _RandomAffine(_RandomLayer):
    """A random layer that samples its images under an affine transform."""

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
        self.fill_mode = _one_of(self, "fill_mode", fill_mode, FILL_MODES)
        self.interpolation = _one_of(self, "interpolation", interpolation, INTERPOLATIONS[:2])
        self.fill_value = fill_value

    def _matrix(self, transformation: Any, height: int, width: int) -> np.ndarray:
        """The transforms, (N, 8), of what was drawn."""
        raise NotImplementedError

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        return self._sample(images, transformation, training, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: Any = True
    ) -> Any:
        return self._sample(segmentation_masks, transformation, training, "nearest")

    def _sample(self, images: Any, transformation: Any, training: Any, interpolation: str) -> Any:
        images = ops.cast(images, self.dtype)
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
    """Turns images about their middle, each by an angle of its own.

    Args:
        factor: the largest turn, as a share of the full circle: 0.1 draws from -36 to 36 degrees.
            Two numbers (lower, upper) give both ends.
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
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = _bounds(self, "factor", factor, -1, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        count = self._count(data.shape)
        height, width = self._size(data.shape)
        angle = self._uniform(360 * self.factor[0], 360 * self.factor[1], (count,), seed)
        radians = np.deg2rad(angle.astype(np.float64))
        cos, sin = np.cos(radians), np.sin(radians)
        x, y = (width - 1) / 2, (height - 1) / 2
        nothing = np.zeros_like(cos)
        rows = [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos, nothing, nothing]
        matrix = np.stack(rows, axis=1).astype(np.float32)
        return {
            "angle": angle,
            "rotation_matrix": matrix if len(data.shape) == 4 else matrix[0],
            "image_height": height,
            "image_width": width,
            "batch_size": count,
        }

    def _matrix(self, transformation: Any, height: int, width: int) -> np.ndarray:
        return _array(transformation["rotation_matrix"])

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
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height_bounds = _bounds(self, "height_factor", height_factor, -1, 1, True)
        self._width_bounds = (
            None
            if width_factor is None
            else _bounds(self, "width_factor", width_factor, -1, 1, True)
        )

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape = (self._count(data.shape), 1)
        lower, upper = self._height_bounds
        height_zoom = width_zoom = self._uniform(1 + lower, 1 + upper, shape, seed)
        if self._width_bounds is not None:
            lower, upper = self._width_bounds
            width_zoom = self._uniform(1 + lower, 1 + upper, shape, seed)
        return {"height_zoom": height_zoom, "width_zoom": width_zoom, "input_shape": data.shape}

    def _matrix(self, transformation: Any, height: int, width: int) -> np.ndarray:
        x_zoom, y_zoom = _array(transformation["width_zoom"]), _array(transformation["height_zoom"])
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
        height_factor: how far down at most, as a share of the height, from -1 to 1: 0.2 draws from
            -0.2 to 0.2. Two numbers (lower, upper) give both ends.
        width_factor: how far to the right at most, as a share of the width.
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
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height_bounds = _bounds(self, "height_factor", height_factor, -1, 1)
        self._width_bounds = _bounds(self, "width_factor", width_factor, -1, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape = (self._count(data.shape), 1)
        height, width = self._size(data.shape)
        down = self._uniform(*self._height_bounds, shape, seed) * np.float32(height)
        right = self._uniform(*self._width_bounds, shape, seed) * np.float32(width)
        return {
            "translations": np.concatenate([right, down], axis=1),
            "input_shape": data.shape,
        }

    def _matrix(self, transformation: Any, height: int, width: int) -> np.ndarray:
        right, down = np.split(_array(transformation["translations"]), 2, axis=1)
        one, nothing = np.ones_like(right), np.zeros_like(right)
        return np.concatenate([one, nothing, -right, nothing, one, -down, nothing, nothing], axis=1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "height_factor": self.height_factor,
            "width_factor": self.width_factor,
        }


class RandomCrop(_RandomLayer, _SizedLayer):
    """A window of the images, at one place for the whole batch. Outside training it is the largest
    window in the middle that has the wanted proportions, resized.

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
        height, width = self._size(data.shape)
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


class RandomContrast(_RandomLayer):
    """Moves pixels towards the mean of their channel, or away from it, each image by its own
    factor: (x - mean) * factor + mean.

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


class RandomBrightness(_RandomLayer):
    """Adds a number to all pixels of an image, each image its own.

    Args:
        factor: how much at most, as a share of the value range, from -1 to 1: 0.2 draws from -0.2
            to 0.2. Two numbers (lower, upper) give both ends.
        value_range: the range of the pixels; results beyond it are clipped.
        seed: a seed of its own.
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = _bounds(self, "factor", factor, -1, 1)
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


__all__ = [
    "CenterCrop",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
]
