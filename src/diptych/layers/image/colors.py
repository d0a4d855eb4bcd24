"""Random image layers that change the colours of pixels: brightness, contrast, hue, saturation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import config, ops
from .base import RandomColorLayer, RandomFactorLayer, RandomLayer, bounds, for_each


class RandomContrast(RandomColorLayer):
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
        super().__init__(seed=seed, value_range=value_range, **kwargs)
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

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        lower, upper = self._bounds
        shape = (self._count(data), 1, 1, 1)
        return {"contrast_factor": self._uniform(1 - lower, 1 + upper, shape, seed)}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        factor = ops.cast(transformation["contrast_factor"], self.dtype)
        axes = (self._height_axis, self._width_axis)
        mean = ops.mean(images, axis=tuple(a + 4 for a in axes), keepdims=True)
        return ops.clip((images - mean) * factor + mean, *self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomBrightness(RandomColorLayer):
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
        super().__init__(seed=seed, value_range=value_range, **kwargs)
        self.factor = bounds(self, "factor", factor, -1, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        low, high = self.value_range
        share = self._uniform(*self.factor, (self._count(data), 1, 1, 1), seed)
        return {"rgb_delta": share * np.float32(high - low)}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        delta = ops.cast(transformation["rgb_delta"], self.dtype)
        return ops.clip(images + delta, *self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomHue(RandomFactorLayer):
    """Turns the hue of each image by an angle of its own, in either direction.

    Images (..., H, W, 3) or, with channels first, (..., 3, H, W), of red, green and blue.

    Args:
        factor: the largest turn, from 0 to 1, where 1 is half of the circle of colours. Two numbers
            (lower, upper) give both ends.
        value_range: the range of the pixels.
        data_format: "channels_last" or "channels_first".
        seed: a seed of its own.
    """

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        count = self._count(data)
        sign = np.where(self._uniform(0.0, 1.0, (count,), seed) > 0.5, -1, 1).astype(np.float32)
        return {"factor": sign * self._uniform(*self.factor, (count,), seed) * np.float32(0.5)}

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        images = self._scaled(images, self.value_range, (0, 1))
        hue, *others = _split(ops.image.rgb_to_hsv(images, data_format=self.data_format), self)
        hue = ops.add(hue, for_each(transformation["factor"], images))
        hue = ops.where(ops.greater(hue, 1.0), ops.subtract(hue, 1.0), hue)
        hue = ops.where(ops.less(hue, 0.0), ops.add(hue, 1.0), hue)
        images = ops.image.hsv_to_rgb(_joined([hue, *others], self), data_format=self.data_format)
        return self._scaled(ops.clip(images, 0.0, 1.0), (0, 1), self.value_range)


class RandomSaturation(RandomFactorLayer):
    """Makes the colours of each image stronger or paler: the saturation is multiplied by f / (1 -
    f), for an f of its own.

    Images (..., H, W, 3) or, with channels first, (..., 3, H, W), of red, green and blue.

    Args:
        factor: f, from 0 (grey) to 1, where 0.5 changes nothing. Two numbers (lower, upper) give
            both ends; a number f alone draws, as in Keras, from -f to f, of which the negative
            numbers give grey as well.
        value_range: the range of the pixels.
        data_format: "channels_last" or "channels_first".
        seed: a seed of its own.
    """

    limits = -1, 1

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        factor = self._uniform(*self.factor, (self._count(data),), seed)
        return {"factor": factor / (1 - factor + np.float32(config.epsilon()))}

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        hsv = ops.image.rgb_to_hsv(images, data_format=self.data_format)
        hue, saturation, value = _split(hsv, self)
        saturation = ops.multiply(saturation, for_each(transformation["factor"], images))
        saturation = ops.clip(saturation, *self.value_range)
        hsv = _joined([hue, saturation, value], self)
        return ops.image.hsv_to_rgb(hsv, data_format=self.data_format)


def _split(images: Any, layer: Any) -> list:
    """The three channels of images, each with its axis."""
    return ops.split(images, 3, _channel_axis(layer))


def _joined(channels: list, layer: Any) -> Any:
    return ops.concatenate(channels, _channel_axis(layer))


def _channel_axis(layer: Any) -> int:
    return -3 if layer.data_format == "channels_first" else -1


class RandomColorDegeneration(RandomFactorLayer):
    """Takes a share of its colour from each image: x + factor (grey(x) - x), a factor for each.

    Images (..., H, W, 3) or, with channels first, (..., 3, H, W), of red, green and blue.

    Args:
        factor: the share, from 0 (nothing changes) to 1 (grey). Two numbers (lower, upper) give
            both ends; a number f alone draws, as in Keras, from -f to f.
        value_range: the range of the pixels; results beyond it are clipped.
        data_format: "channels_last" or "channels_first".
        seed: a seed of its own.
    """

    limits = -1, 1

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        return {"factor": self._uniform(*self.factor, (self._count(data), 1, 1, 1), seed)}

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        grey = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        share = ops.cast(transformation["factor"], self.dtype)
        images = ops.add(images, ops.multiply(share, ops.subtract(grey, images)))
        return ops.clip(images, *self.value_range)

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._size(input_shape)
        channels = input_shape[_channel_axis(self)]
        if channels not in (3, None):
            raise ValueError(
                f"Layer {self.name!r} (RandomColorDegeneration) takes images of 3 channels, and "
                f"its input has {channels}: its shape is {tuple(input_shape)}."
            )
        return input_shape


class RandomGrayscale(RandomLayer):
    """Makes some images grey, all channels alike.

    Images (..., H, W, 3) or, with channels first, (..., 3, H, W), of red, green and blue.

    Args:
        factor: the probability of an image to become grey, from 0 to 1.
        data_format: "channels_last" or "channels_first".
        seed: a seed of its own.
    """

    moves_masks = False

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise ValueError(f"RandomGrayscale needs a factor from 0 up to 1; got {factor!r}.")
        self.factor = factor

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        return self._uniform(0.0, 1.0, (self._count(data), 1, 1, 1), seed) < self.factor

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        grey = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        return ops.where(for_each(transformation, images), grey, images)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomColorJitter(RandomColorLayer):
    """Changes brightness, contrast, saturation and hue, one after the other, each at random.

    (N, H, W, C) or (H, W, C) keeps its shape.

    Args:
        value_range: the range of the pixels.
        brightness_factor: that of ``RandomBrightness``; None: the brightness stays.
        contrast_factor: that of ``RandomContrast``, or None.
        saturation_factor: that of ``RandomSaturation``, or None.
        hue_factor: that of ``RandomHue``, or None.
        seed: a seed of its own.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, value_range=value_range, data_format=data_format, **kwargs)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        options: dict[str, Any] = {
            "value_range": self.value_range,
            "seed": seed,
            "data_format": self.data_format,
            "dtype": self.dtype_policy,
        }

        def made(layer: type, factor: Any) -> Any:
            return None if factor is None else layer(factor, **options)

        self.random_brightness = made(RandomBrightness, brightness_factor)
        self.random_contrast = made(RandomContrast, contrast_factor)
        self.random_saturation = made(RandomSaturation, saturation_factor)
        self.random_hue = made(RandomHue, hue_factor)

    @property
    def _changes(self) -> list:
        layers = (
            self.random_brightness,
            self.random_contrast,
            self.random_saturation,
            self.random_hue,
        )
        return [layer for layer in layers if layer is not None]

    def build(self, input_shape: Any) -> None:
        for layer in self._changes:
            layer.build(input_shape)
        self.built = True

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        seed = self.generator if seed is None else seed
        return [layer.get_random_transformation(data, seed=seed) for layer in self._changes]

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training:
            return images
        if transformation is None:
            transformation = self.get_random_transformation(images)
        for layer, drawn in zip(self._changes, transformation, strict=True):
            images = layer.transform_images(images, drawn)
        return images

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "brightness_factor": self.brightness_factor,
            "contrast_factor": self.contrast_factor,
            "saturation_factor": self.saturation_factor,
            "hue_factor": self.hue_factor,
        }
