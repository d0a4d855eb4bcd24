"""Image layers that change the tones of pixels, one channel like the other: how far they reach,
how they are distributed, how many there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from .base import ColorLayer, RandomColorLayer, bounds, for_each

LEVELS = 256  # of a byte


class AutoContrast(ColorLayer):
    """Stretches each channel of each image over the whole range: its lowest value becomes the
    lowest there is, its highest the highest. A channel of one value stays. Active at all times.

    (N, H, W, C) or (H, W, C) keeps its shape.

    Args:
        value_range: the range of the pixels.
    """

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(value_range=value_range, **kwargs)

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        axes = (self._height_axis, self._width_axis)
        lowest = ops.min(images, axis=axes, keepdims=True)
        span = ops.subtract(ops.max(images, axis=axes, keepdims=True), lowest)
        several = ops.greater(span, 0.0)
        low, high = self.value_range
        share = ops.divide(ops.subtract(images, lowest), ops.where(several, span, 1.0))
        stretched = ops.clip(ops.add(ops.multiply(share, high - low), low), low, high)
        return ops.where(several, stretched, images)


class Equalization(ColorLayer):
    """Spreads the values of each channel so that all of them occur about equally often: a value
    becomes the share of the pixels that are not above it. Active in training only.

    (N, H, W, C) or (H, W, C) keeps its shape.

    As in Keras the pixels are counted over the whole batch, the channels apart.

    Args:
        value_range: the range of the pixels.
        bins: how many values are told apart.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = LEVELS,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, **kwargs)
        self.bins = bins

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or 0 in images.shape:
            return images
        bytes_ = self._scaled(images, self.value_range, (0, 255))
        axis = -3 if self.data_format == "channels_first" else -1
        channels = images.shape[axis]
        of_channel = np.arange(channels, dtype=np.int32) * self.bins
        if axis == -3:
            of_channel = of_channel[:, None, None]

        def places(numbers: Any) -> Any:
            """Where the values stand in a table that has ``bins`` entries for each channel."""
            entry = ops.cast(ops.clip(numbers, 0.0, self.bins - 1), "int32")
            return ops.add(entry, of_channel)

        # The two roundings are Keras's: a value may be counted in one bin and looked up in another.
        counted = places(ops.divide(ops.multiply(bytes_, self.bins - 1), 255.0))
        looked_up = places(ops.multiply(ops.divide(bytes_, 255.0), self.bins - 1))
        histogram = ops.bincount(ops.reshape(counted, (-1,)), minlength=channels * self.bins)
        histogram = ops.cast(ops.reshape(histogram, (channels, self.bins)), self.dtype)
        below = ops.cumsum(histogram, axis=1)
        first = ops.min(ops.where(ops.greater(below, 0), below, np.inf), axis=1, keepdims=True)
        rest = ops.subtract(below[:, -1:], first)
        table = ops.divide(
            ops.multiply(ops.subtract(below, first), 255.0),
            ops.where(ops.equal(rest, 0), 1.0, rest),
        )
        table = ops.clip(ops.round(table), 0.0, 255.0)
        equalized = ops.take(ops.reshape(table, (-1,)), looked_up)
        several = ops.greater(ops.sum(ops.cast(histogram > 0, "int32"), axis=1), 1)
        several = ops.reshape(several, of_channel.shape)
        equalized = ops.where(several, ops.cast(equalized, self.dtype), bytes_)
        return self._scaled(equalized, (0, 255), self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bins": self.bins}


class ContrastLimitedAdaptiveHistogramEqualization(ColorLayer):
    """Spreads the values of each channel as ``Equalization`` does, in each part of an image by what
    occurs around there (CLAHE). Active at all times.

    An image is divided into tiles. What a tile has of a value beyond a limit is handed out to all
    values, so that an even surface isn't torn apart; a pixel is looked up in the tables of the four
    tiles nearest to it, and takes the mean of these by its distance from their middles.

    Source: Zuiderveld 1994, Contrast limited adaptive histogram equalization.

    Args:
        value_range: the range of the pixels.
        clip_limit: the limit, as a multiple of what a value would have if all occurred equally
            often; 0: none.
        tile_grid_size: the number of tiles, (down, across).
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, **kwargs)
        self.clip_limit = clip_limit
        try:
            rows, columns = (int(n) for n in tile_grid_size)
        except (TypeError, ValueError):
            rows = columns = 0
        if min(rows, columns) < 1:
            raise ValueError(
                "ContrastLimitedAdaptiveHistogramEqualization needs tile_grid_size as two whole "
                f"numbers above 0, (down, across); got {tile_grid_size!r}."
            )
        self.tile_grid_size = rows, columns

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        first = self.data_format == "channels_first"
        bytes_ = self._scaled(images, self.value_range, (0, 255))
        if first:
            bytes_ = ops.transpose(bytes_, (0, 2, 3, 1))
        height, width = bytes_.shape[1:3]
        rows, columns = self.tile_grid_size
        down, across = -(-height // rows), -(-width // columns)  # the size of a tile
        margins = ((0, 0), (0, down * rows - height), (0, across * columns - width), (0, 0))
        padded = ops.pad(bytes_, margins, mode="symmetric")
        levels = ops.cast(ops.clip(padded, 0.0, LEVELS - 1), "int32")
        tables = self._tables(levels, down, across)
        result = self._looked_up(tables, levels, down, across)[:, :height, :width]
        result = self._scaled(result, (0, 255), self.value_range)
        return ops.transpose(result, (0, 3, 1, 2)) if first else result

    def _tables(self, levels: Any, down: int, across: int) -> Any:
        """What becomes of each level in each tile of each channel: (N, rows, columns, C, 256)."""
        count, channels = levels.shape[0], levels.shape[3]
        rows, columns = self.tile_grid_size
        shape = (count, rows, columns, channels)
        tiles = ops.reshape(levels, (count, rows, down, columns, across, channels))
        numbers = np.arange(np.prod(shape), dtype=np.int32).reshape(shape) * LEVELS
        places = ops.add(tiles, numbers[:, :, None, :, None])
        histogram = ops.bincount(ops.reshape(places, (-1,)), minlength=numbers.size * LEVELS)
        histogram = ops.cast(ops.reshape(histogram, (*shape, LEVELS)), self.dtype)
        if self.clip_limit > 0:
            limited = ops.minimum(histogram, self.clip_limit * (down * across) / LEVELS)
            excess = ops.sum(ops.subtract(histogram, limited), axis=-1, keepdims=True)
            histogram = ops.add(limited, ops.divide(excess, LEVELS))
        below = ops.cumsum(histogram, axis=-1)
        lowest = ops.min(below, axis=-1, keepdims=True)
        rest = ops.subtract(float(down * across), lowest)
        rest = ops.where(ops.equal(rest, 0), 1.0, rest)
        table = ops.divide(ops.multiply(ops.subtract(below, lowest), 255.0), rest)
        return ops.clip(table, 0.0, 255.0)

    def _looked_up(self, tables: Any, levels: Any, down: int, across: int) -> Any:
        """The levels in the tables of the four nearest tiles, (N, H, W, C)."""
        count, height, width, channels = levels.shape
        rows, columns = self.tile_grid_size
        above, under, weight_y = _neighbours(height, down, rows)
        left, right, weight_x = _neighbours(width, across, columns)
        image = np.arange(count)[:, None, None, None] * rows
        channel = np.arange(channels)

        def value(y: np.ndarray, x: np.ndarray) -> Any:
            tile = (image + y[:, None, None]) * columns + x[:, None]
            start = ((tile * channels + channel) * LEVELS).astype(np.int32)
            return ops.take(ops.reshape(tables, (-1,)), ops.add(levels, start))

        def mean(a: Any, b: Any, share: Any) -> Any:
            share = share.astype(self.dtype)
            return ops.add(ops.multiply(a, 1 - share), ops.multiply(b, share))

        top = mean(value(above, left), value(above, right), weight_x[:, None])
        bottom = mean(value(under, left), value(under, right), weight_x[:, None])
        return mean(top, bottom, weight_y[:, None, None])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "clip_limit": self.clip_limit,
            "tile_grid_size": self.tile_grid_size,
        }


def _neighbours(size: int, tile: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The numbers of the tiles before and after each position, and the share of the second."""
    place = (np.arange(size) - tile / 2) / tile  # in tiles from the middle of the first
    before = np.floor(place).astype(int)
    return before.clip(0, count - 1), (before + 1).clip(0, count - 1), place - before


class Solarization(RandomColorLayer):
    """Adds a number to each image and turns all values from a threshold upwards into their
    opposites, as on a film that got too much light.

    Args:
        addition_factor: the largest number that is added, as a fraction of the range, from 0 to 1.
            Two numbers (lower, upper) give both ends, of which Keras takes the lower one in 255ths.
        threshold_factor: the largest threshold, in the same way. 0, the default, turns all values.
        value_range: the range of the pixels.
        seed: a seed of its own.
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, value_range=value_range, **kwargs)
        self.addition_factor = bounds(self, "addition_factor", addition_factor, 0, 1)
        self.threshold_factor = bounds(self, "threshold_factor", threshold_factor, 0, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape = (self._count(data), 1, 1, 1)
        draws = {"additions": self.addition_factor, "thresholds": self.threshold_factor}
        return {
            name: self._uniform(lower, upper * 255, shape, seed)
            for name, (lower, upper) in draws.items()
        }

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        addition = ops.cast(transformation["additions"], self.dtype)
        threshold = ops.cast(transformation["thresholds"], self.dtype)
        bytes_ = self._scaled(images, self.value_range, (0, 255))
        brighter = ops.clip(ops.add(bytes_, addition), 0.0, 255.0)
        turned = ops.where(ops.less(brighter, threshold), brighter, ops.subtract(255.0, brighter))
        return self._scaled(turned, (0, 255), self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "addition_factor": self.addition_factor,
            "threshold_factor": self.threshold_factor,
        }


class RandomInvert(RandomColorLayer):
    """Turns some images into their negatives: x becomes value_range[1] - x.

    Args:
        factor: the probability. Two numbers (lower, upper) draw it for each image, a number f from
            0 to f.
        value_range: the range of the pixels.
        seed: a seed of its own.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, value_range=value_range, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        return {"apply_inversion": self._chosen(self.factor, data, seed)} if training else None

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        chosen = for_each(transformation["apply_inversion"], images)
        return ops.where(chosen, ops.subtract(self.value_range[1], images), images)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomPosterization(RandomColorLayer):
    """Keeps only the highest bits of each value, as a byte, so that few tones are left.

    Args:
        factor: how many bits, from 1 to 8. Two numbers (lower, upper) draw it from lower to upper -
            1 for each image, a number n from 1 to n - 1; equal numbers are not drawn.
        value_range: the range of the pixels.
        data_format: "channels_last" or "channels_first".
        seed: a seed of its own.
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, value_range=value_range, data_format=data_format, **kwargs)
        lower, upper = bounds(self, "factor", factor, 1, 8)
        self.factor = int(lower), int(upper)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        lower, upper = self.factor
        share = self._uniform(0.0, 1.0, (self._count(data),), seed)
        bits = lower + np.floor(share * (upper - lower)).astype(np.uint8)
        return {"shift_factor": (8 - bits).astype(np.uint8)}

    def transform_images(
        self, images: Any, transformation: Any = None, training: Any = True
    ) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        step = ops.power(2.0, for_each(transformation["shift_factor"], images))
        bytes_ = ops.clip(self._scaled(images, self.value_range, (0, 255)), 0.0, 255.0)
        kept = ops.multiply(ops.floor(ops.divide(ops.floor(bytes_), step)), step)
        return self._scaled(kept, (0, 255), self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}
