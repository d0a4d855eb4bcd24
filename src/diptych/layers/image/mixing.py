"""Random image layers that put something else in the place of pixels: noise, or other images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from .base import RandomColorLayer, RandomLayer, bounds, for_each, shape_of


class _Box:
    """A rectangle in each image of a batch, at a random place."""

    def __init__(self, layer: Any, data: Any, shares: np.ndarray, seed: Any) -> None:
        """``shares``: (N, 2), the parts of the width and of the height that it takes."""
        height, width = layer._size(shape_of(data))
        self.left, self.right = self._ends(layer, width, shares[:, 0], seed)
        self.top, self.bottom = self._ends(layer, height, shares[:, 1], seed)
        rows, columns = np.arange(height)[:, None], np.arange(width)
        inside = (columns >= self.left) & (columns < self.right)
        inside = inside & (rows >= self.top) & (rows < self.bottom)
        axis = 1 if layer.data_format == "channels_first" else 3
        # Whether a pixel is inside, (N, H, W, 1), or (N, 1, H, W).
        self.mask = np.expand_dims(inside, axis)
        area = (self.right - self.left) * (self.bottom - self.top)
        self.rest = (1 - area / (width * height)).astype(np.float32)

    def _ends(self, layer: Any, size: int, shares: np.ndarray, seed: Any) -> tuple:
        length = shares * np.float32(size)
        start = layer._uniform(0.0, 1.0, shares.shape, seed) * (size - length)
        return start[:, None, None], (start + length)[:, None, None]


class RandomErasing(RandomColorLayer):
    """Erases a rectangle from some images.

    Source: Zhong et al. 2017, Random erasing data augmentation.

    Args:
        factor: the probability. Two numbers (lower, upper) draw it for each image, a number f from
            0 to f.
        scale: the square of the share of the width, and of the height, that the rectangle takes:
            two numbers (lower, upper) from 0 to 1, or a number s for 0 to s.
        fill_value: the value that is put there, a number or one for each of three channels; None:
            noise, normally distributed with value_range[1] as its standard deviation.
        value_range: the range of the pixels; what is put there is clipped.
        seed: a seed of its own.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, value_range=value_range, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        self.scale = bounds(self, "scale", scale, 0, 1)
        several = isinstance(fill_value, (tuple, list)) and len(fill_value) == 3
        if not (fill_value is None or isinstance(fill_value, (int, float)) or several):
            raise ValueError(
                "RandomErasing needs fill_value as a number, three of them, or None for noise; got "
                f"{fill_value!r}."
            )
        self.fill_value = fill_value

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        shares = np.sqrt(self._uniform(*self.scale, (self._count(data), 2), seed))
        box = _Box(self, data, shares, seed)
        chosen = self._chosen(self.factor, data, seed)
        if self.fill_value is None:
            shape = shape_of(data)
            noise = self._generator(seed).normal(size=shape if len(shape) == 4 else (1, *shape))
            value = noise.astype(np.float32) * np.float32(self.value_range[1])
        else:
            value = np.asarray(self.fill_value, np.float32)
            if self.data_format == "channels_first" and value.ndim:
                value = value[:, None, None]
        return {
            "apply_erasing": chosen,
            "batch_masks": box.mask,
            "fill_value": np.clip(value, *self.value_range),
        }

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        erased = ops.where(
            ops.logical_and(
                transformation["batch_masks"], for_each(transformation["apply_erasing"], images)
            ),
            ops.cast(transformation["fill_value"], self.dtype),
            images,
        )
        return erased

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "fill_value": self.fill_value,
        }


class _Mixing(RandomLayer):
    """A layer that mixes each image of a batch with another one, and their labels alike."""

    def transform_labels(self, labels: Any, transformation: Any, training: Any = True) -> Any:
        if not training or transformation is None:
            return labels
        labels = ops.cast(labels, self.dtype)
        return self._mixed(labels, transformation, transformation["mix_weight"])

    def _mixed(self, x: Any, transformation: Any, weight: Any) -> Any:
        """weight x + (1 - weight) the x of the other one."""
        weight = for_each(weight, x)
        other = ops.multiply(ops.subtract(1.0, weight), self._others(x, transformation))
        return ops.add(ops.multiply(weight, x), other)

    def _others(self, x: Any, transformation: Any) -> Any:
        order = np.asarray(ops.convert_to_numpy(transformation["permutation_order"]))
        return ops.take(x, order, axis=0)


class MixUp(_Mixing):
    """Lays another image of the batch over each one: w x + (1 - w) x', and so for the labels.

    Labels are numbers, such as one-hot vectors (N, classes); give them in a dict with the images.
    Source: Zhang et al. 2017, mixup: Beyond empirical risk minimization.

    Args:
        alpha: w is drawn from a beta distribution with this for both its parameters.
        data_format: "channels_last" or "channels_first".
        seed: a seed of its own.
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.alpha = alpha

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        count, generator = self._count(data), self._generator(seed)
        order = generator.permutation(count)
        weight = generator.beta(self.alpha, self.alpha, count).astype(np.float32)
        return {"mix_weight": weight, "permutation_order": order}

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        return self._mixed(images, transformation, transformation["mix_weight"])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


class CutMix(_Mixing):
    """Puts a rectangle of another image of the batch into each one; the label becomes the mean of
    both by their areas.

    Labels are numbers, such as one-hot vectors (N, classes); give them in a dict with the images. A
    single image without a batch stays. Source: Yun et al. 2019, CutMix.

    Args:
        factor: the share of the image that stays is drawn from a beta distribution with this for
            both its parameters. Two numbers (lower, upper) draw it for the batch, a number f from 0
            to f.
        seed: a seed of its own.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        factor: Any = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training or len(shape_of(data)) == 3:
            return None
        count, generator = self._count(data), self._generator(seed)
        alpha = float(self._uniform(*self.factor, (), seed)) + 1e-6
        stays = generator.beta(alpha, alpha, count).astype(np.float32)
        share = np.sqrt(1 - stays)
        box = _Box(self, data, np.stack([share, share], axis=1), seed)
        return {
            "permutation_order": generator.permutation(count),
            "batch_masks": box.mask,
            "mix_weight": box.rest[..., None],
        }

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        inside = ops.convert_to_tensor(transformation["batch_masks"])
        return ops.where(inside, self._others(images, transformation), images)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}
