"""Dropout, noise and penalties: layers that change nothing outside training.

The random numbers are drawn here, above the engines, so that both engines use the same ones. The
twin functions are ``dropout_forward`` and ``dropout_backward`` in ``dropout``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops, regularizers
from ..ops import nn
from ..random import MaskDraw, SeedGenerator, draw_dropout_mask, dropout_mask_shape
from ..tensor import Tensor
from ..utils.windows import standardize_data_format
from .layer import Layer
from .spec import InputSpec


class _Noise(Layer):
    """A layer with a random generator that changes its input in training only."""

    weightless = True

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def _rate(self, rate: float, name: str = "rate") -> float:
        if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(f"{type(self).__name__} needs 0 <= {name} <= 1; got {rate!r}.")
        return rate

    def _dropout_mask(self, shape: tuple, rate: float) -> np.ndarray:
        """Draw the dropout mask: True (keep) with probability 1 - rate, for each entry."""
        return draw_dropout_mask(self.seed_generator.generator, shape, rate)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


def _as_noise_shape(noise_shape: Any, layer: str) -> tuple | None:
    """The argument ``noise_shape`` as a tuple; ValueError unless it is a shape."""
    if noise_shape is None:
        return None
    sizes = tuple(noise_shape) if isinstance(noise_shape, (list, tuple)) else (noise_shape,)
    if not isinstance(noise_shape, (list, tuple)) or not all(
        n is None or (isinstance(n, (int, np.integer)) and n > 0) for n in sizes
    ):
        raise ValueError(
            f"{layer} got noise_shape={noise_shape!r}; expected a tuple with one size for each "
            "axis of the input: a number above 0, or None for the input's size."
        )
    return sizes


class Dropout(_Noise):
    """In training, sets each entry to 0 with probability ``rate`` and scales the others by 1 / (1 -
    rate).

    Args:
        rate: the probability of dropping an entry.
        noise_shape: the shape of the dropout mask; size 1 where all entries along an axis share one
            value. None takes the input's size.
        seed: a seed of its own for the mask.

    Source: Srivastava et al. 2014, Dropout: A Simple Way to Prevent Neural Networks from
        Overfitting.
    """

    pure = True  # but for the mask, which each step draws anew

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.rate = self._rate(rate)
        self.noise_shape = _as_noise_shape(noise_shape, type(self).__name__)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        shape = dropout_mask_shape(self.noise_shape, inputs.shape)
        draw = MaskDraw(self.seed_generator, shape, self.rate)
        return nn.drop_at_random(inputs, draw, self.rate if self.rate < 1 else 0.0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }


class _SpatialDropout(Dropout):
    """Dropout of whole channels: all positions of a channel are dropped or kept together."""

    rank = 0

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.data_format = standardize_data_format(data_format, type(self).__name__)
        ones = (1,) * self.rank
        first = self.data_format == "channels_first"
        self.noise_shape = (None, None, *ones) if first else (None, *ones, None)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "data_format": self.data_format}
        for name in ("noise_shape", "trainable"):  # Keras's class does not take these
            del config[name]
        return config


class SpatialDropout1D(_SpatialDropout):
    """In training, drops whole channels of a sequence (N, steps, C): neighbouring steps are
    similar, so dropping single ones would have little effect.

    Args:
        rate: the probability of dropping a channel.
        seed: a seed of its own for the mask.

    Source: Tompson et al. 2015, Efficient Object Localization Using Convolutional Networks,
        section 3.2.
    """

    pure = True
    rank = 1

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, data_format="channels_last", seed=seed, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("data_format")
        return config


class SpatialDropout2D(_SpatialDropout):
    """In training, drops whole channels of an image (N, height, width, C).

    Args:
        rate: the probability of dropping a channel.
        data_format: "channels_last" or "channels_first"; None: as configured.
        seed: a seed of its own for the mask.

    Source: as SpatialDropout1D.
    """

    pure = True
    rank = 2


class SpatialDropout3D(_SpatialDropout):
    """In training, drops whole channels of a volume (N, depth, height, width, C).

    Args:
        rate: the probability of dropping a channel.
        data_format: "channels_last" or "channels_first"; None: as configured.
        seed: a seed of its own for the mask.

    Source: as SpatialDropout1D.
    """

    pure = True
    rank = 3


class GaussianNoise(_Noise):
    """In training, adds normal noise of standard deviation ``stddev``. The shape stays.

    Args:
        stddev: the standard deviation of the noise.
        seed: a whole number or a ``SeedGenerator``; None for other noise at each run.
    """

    pure_in_prediction = True

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.stddev = self._rate(stddev, "stddev")

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        noise = self.seed_generator.generator.standard_normal(inputs.shape, dtype=inputs.dtype)
        return ops.add(inputs, noise * inputs.dtype.type(self.stddev))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(_Noise):
    """In training, multiplies each entry by a normal number of mean 1 and variance rate / (1 -
    rate). The shape stays.

    Args:
        rate: of a dropout with as much variance, 0 to 1.
        seed: a whole number or a ``SeedGenerator``; None for other noise at each run.
    """

    pure_in_prediction = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.rate = self._rate(rate)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        stddev = np.sqrt(self.rate / (1.0 - self.rate)) if self.rate < 1 else np.inf
        noise = self.seed_generator.generator.standard_normal(inputs.shape, dtype=inputs.dtype)
        return ops.multiply(inputs, 1 + noise * inputs.dtype.type(stddev))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class AlphaDropout(_Noise):
    """Dropout for SELU networks: dropped entries get SELU's lower limit, and mean and variance stay
    the same.

    Input and output have the same shape (N, ...).

    Args:
        rate: the share of entries that are dropped, 0 to 1.
        noise_shape: the shape of the mask, which is broadcast; None: that of the input.
        seed: a whole number or a ``SeedGenerator``; None for other masks at each run.

    Source: Klambauer, Unterthiner, Mayr & Hochreiter 2017, Self-Normalizing Neural Networks,
        section "New dropout technique".
    """

    pure_in_prediction = True

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.rate = self._rate(rate)
        self.noise_shape = _as_noise_shape(noise_shape, type(self).__name__)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        limit = -1.7580993408473766  # -scale * alpha of SELU
        shape = dropout_mask_shape(self.noise_shape, inputs.shape)
        dropout_mask = self._dropout_mask(shape, self.rate)
        a = ((1 - self.rate) * (1 + self.rate * limit**2)) ** -0.5 if self.rate < 1 else 0.0
        b = -a * limit * self.rate
        dropped = ops.where(Tensor(dropout_mask), inputs, limit)
        return ops.add(ops.multiply(dropped, float(a)), float(b))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }


class ActivityRegularization(Layer):
    """Returns its input and adds ``(l1 * sum |x| + l2 * sum x^2) / batch size`` to the loss.

    The shape stays.
    """

    pure = True
    weightless = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("activity_regularizer")
        return {**config, "l1": self.l1, "l2": self.l2}


__all__ = [
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]
