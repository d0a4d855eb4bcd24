"""Random image layers that mix pixels with those around them: blur and sharpness."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from .base import RandomColorLayer, RandomFactorLayer, bounds, for_each


class RandomGaussianBlur(RandomColorLayer):
    """Blurs some images: each pixel becomes a mean of those around it, with weights of a bell.

    Args:
        factor: the probability. Two numbers (lower, upper) draw it for each image, a number f from
            0 to f.
        kernel_size: the size of the bell in pixels, odd, or two of them (width, height).
        sigma: the largest standard deviation of the bell, from 0 to 1; two numbers (lower, upper)
            give both ends. One is drawn for each direction, the same for the batch.
        value_range: the range of the pixels; results beyond it are clipped.
        data_format: "channels_last" or "channels_first".
        seed: a seed of its own.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, value_range=value_range, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        sizes = (kernel_size,) * 2 if isinstance(kernel_size, (int, float)) else kernel_size
        try:
            width, height = (int(n) for n in sizes)
        except (TypeError, ValueError):
            width = height = 0
        if not (width % 2 and height % 2):
            raise ValueError(
                "RandomGaussianBlur needs kernel_size as an odd number, or two of them (width, "
                f"height); got {kernel_size!r}."
            )
        self.kernel_size = width, height
        self.sigma = bounds(self, "sigma", sigma, 0, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        return {
            "should_apply_blur": self._chosen(self.factor, data, seed),
            "blur_factor": self._uniform(*self.sigma, (2,), seed) + np.float32(1e-6),
        }

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        sigma = ops.cast(transformation["blur_factor"], self.dtype)
        blurred = ops.image.gaussian_blur(images, self.kernel_size, sigma, self.data_format)
        chosen = for_each(transformation["should_apply_blur"], images)
        return ops.clip(ops.where(chosen, blurred, images), *self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "factor": self.factor,
            "kernel_size": self.kernel_size,
            "sigma": self.sigma,
        }


class RandomSharpness(RandomFactorLayer):
    """Makes each image smoother or sharper: x + (1 - 2 factor) (smooth(x) - x), a factor for each.

    smooth(x) is a mean over 3 x 3 pixels, in which that of the middle counts five times; beyond the
    border there are zeros.

    Args:
        factor: from 0 (smooth) by 0.5 (as it was) to 1 (sharper). Two numbers (lower, upper) give
            both ends, a number f draws from 0 to f.
        value_range: the range of the pixels; results beyond it are clipped.
        data_format: "channels_last" or "channels_first".
        seed: a seed of its own.
    """

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        return {"factor": self._uniform(*self.factor, (self._count(data),), seed)}

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        channels = images.shape[-3 if self.data_format == "channels_first" else -1]
        window = np.full((3, 3, channels, 1), 1 / 13, self.dtype)
        window[1, 1] = 5 / 13
        smooth = ops.depthwise_conv(images, window, padding="same", data_format=self.data_format)
        factor = for_each(transformation["factor"], images)
        share = ops.subtract(1.0, ops.multiply(factor, 2.0))
        images = ops.add(images, ops.multiply(share, ops.subtract(smooth, images)))
        return ops.clip(images, *self.value_range)
