"""Image layers that choose at random among the other ones: RandAugment and AugMix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from .base import RandomColorLayer, bounds
from .colors import RandomBrightness, RandomColorDegeneration, RandomContrast
from .filters import RandomSharpness
from .moves import RandomRotation, RandomTranslation
from .tones import AutoContrast, Equalization, RandomPosterization, Solarization
from .warps import RandomShear

# Those that AugMix leaves out with all_ops=False: the tests of robustness use them.
_OF_TESTS = (
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
)


class _Policy(RandomColorLayer):
    """A layer that holds the layers among which it chooses, as attributes with these names."""

    moves_masks = True
    names: tuple[str, ...]

    def __init__(
        self,
        factor: Any,
        interpolation: str,
        seed: int | None,
        data_format: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        self.interpolation = interpolation

    def _make_layers(self) -> None:
        factor = self.factor
        every: dict[str, Any] = {"data_format": self.data_format, "dtype": self.dtype_policy}
        drawn: dict[str, Any] = {**every, "seed": self.seed}
        moved: dict[str, Any] = {**drawn, "interpolation": self.interpolation}
        colored: dict[str, Any] = {**every, "value_range": self.value_range}
        both: dict[str, Any] = {**colored, "seed": self.seed}
        self.random_shear = RandomShear(factor, factor, **moved)
        self.random_translation = RandomTranslation(factor, factor, **moved)
        self.random_rotation = RandomRotation(factor, **moved)
        if "random_brightness" in self.names:
            self.random_brightness = RandomBrightness(factor, **both)
            self.random_color_degeneration = RandomColorDegeneration(factor, **both)
            self.random_contrast = RandomContrast(factor, **both)
            self.random_sharpness = RandomSharpness(factor, **both)
        self.solarization = Solarization(factor, factor, **both)
        self.random_posterization = RandomPosterization(max(1, int(8 * factor[1])), **both)
        self.auto_contrast = AutoContrast(**colored)
        self.equalization = Equalization(**colored)

    def build(self, input_shape: Any) -> None:
        for name in self.names:
            getattr(self, name).build(input_shape)
        self.built = True

    def _draw(self, name: str, data: Any, seed: Any) -> Any:
        seed = self.generator if seed is None else seed
        return getattr(self, name).get_random_transformation(data, seed=seed)

    def get_config(self) -> dict[str, Any]:
        own = {"factor": self.factor, "interpolation": self.interpolation}
        return {**super().get_config(), **own}


class RandAugment(_Policy):
    """Applies a few random changes, one after the other, out of eleven: shear, translation,
    rotation, brightness, colour degeneration, contrast, sharpness, posterization, solarization,
    automatic contrast and equalization. The batch gets the same changes, each image by its own
    amounts.

    Source: Cubuk et al. 2019, RandAugment.

    Args:
        value_range: the range of the pixels.
        num_ops: how many changes.
        factor: how strong they are, from 0 to 1. Two numbers (lower, upper) give both ends.
        interpolation: "bilinear" or "nearest".
        seed: a seed of its own.
        data_format: "channels_last" or "channels_first".
    """

    names = (
        "random_shear",
        "random_translation",
        "random_rotation",
        "random_brightness",
        "random_color_degeneration",
        "random_contrast",
        "random_sharpness",
        "random_posterization",
        "solarization",
        "auto_contrast",
        "equalization",
    )

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        options: dict[str, Any] = {
            "value_range": value_range,
            "seed": seed,
            "data_format": data_format,
        }
        super().__init__(factor, interpolation, **options, **kwargs)
        self.num_ops = num_ops
        self._make_layers()

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        chosen = self._generator(seed).integers(len(self.names), size=self.num_ops)
        transforms = {name: self._draw(name, data, seed) for name in self.names}
        return {"transforms": transforms, "layer_idxes": chosen}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        for name, drawn in self._of(transformation):
            images = getattr(self, name).transform_images(images, drawn)
        return images

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: Any = True
    ) -> Any:
        if training and transformation is not None:
            for name, drawn in self._of(transformation):
                layer = getattr(self, name)
                segmentation_masks = layer.transform_segmentation_masks(segmentation_masks, drawn)
        return segmentation_masks

    def _of(self, transformation: Any) -> list:
        """The chosen changes in order, each a name and what was drawn for it."""
        names = list(transformation["transforms"])
        chosen = [names[int(i)] for i in ops.convert_to_numpy(transformation["layer_idxes"])]
        return [(name, transformation["transforms"][name]) for name in chosen]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_ops": self.num_ops}


class AugMix(_Policy):
    """Mixes each image with changed versions of it: w x + (1 - w) times the mean of several chains
    of random changes, with random weights. The batch gets the same chains.

    Source: Hendrycks et al. 2019, AugMix.

    Args:
        value_range: the range of the pixels; results beyond it are clipped.
        num_chains: how many chains.
        chain_depth: the largest number of changes in a chain.
        factor: how strong the changes are, from 0 to 1. Two numbers (lower, upper) give both ends.
        alpha: the weights of the chains are drawn from a Dirichlet distribution with this for all
            its parameters, w from a beta distribution.
        all_ops: whether brightness, colour degeneration, contrast and sharpness are among the
            changes, with which the robustness of networks is often tested; the others are shear,
            translation, rotation, posterization, solarization, automatic contrast, equalization.
        interpolation: "bilinear" or "nearest".
        seed: a seed of its own.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        options: dict[str, Any] = {
            "value_range": value_range,
            "seed": seed,
            "data_format": data_format,
        }
        super().__init__(factor, interpolation, **options, **kwargs)
        self.num_chains = num_chains
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops
        every = RandAugment.names
        self.names = every if all_ops else tuple(name for name in every if name not in _OF_TESTS)
        self._make_layers()

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        if not training:
            return None
        generator = self._generator(seed)
        gamma = generator.gamma(self.alpha, size=self.num_chains)
        weight = generator.beta(self.alpha, self.alpha)
        chains = [
            [
                {"layer_name": name, "transformation": self._draw(name, data, seed)}
                for name in self._links(generator)
            ]
            for _ in range(self.num_chains)
        ]
        return {
            "chain_mixing_weights": (gamma / gamma.sum()).astype(np.float32),
            "weight_sample": np.float32(weight),
            "chain_transforms": chains,
        }

    def _links(self, generator: np.random.Generator) -> list[str]:
        """The changes of a chain; one more than there are stands for none."""
        chosen = generator.integers(len(self.names) + 1, size=self.chain_depth)
        return [self.names[i] for i in chosen if i < len(self.names)]

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        images = ops.cast(images, self.dtype)
        if not training or transformation is None:
            return images
        mixed = self._mixed(images, transformation, "transform_images")
        return ops.clip(mixed, *self.value_range)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: Any = True
    ) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        masks = ops.cast(segmentation_masks, self.dtype)
        return self._mixed(masks, transformation, "transform_segmentation_masks")

    def _mixed(self, x: Any, transformation: Any, method: str) -> Any:
        weights = ops.cast(transformation["chain_mixing_weights"], self.dtype)
        share = ops.cast(transformation["weight_sample"], self.dtype)
        total = ops.zeros_like(x)
        for i, chain in enumerate(transformation["chain_transforms"]):
            changed = x
            for link in chain:
                change = getattr(getattr(self, link["layer_name"]), method)
                changed = change(changed, link["transformation"])
            total = ops.add(total, ops.multiply(changed, weights[i]))
        return ops.add(ops.multiply(share, x), ops.multiply(ops.subtract(1.0, share), total))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_chains": self.num_chains,
            "chain_depth": self.chain_depth,
            "alpha": self.alpha,
            "all_ops": self.all_ops,
        }
