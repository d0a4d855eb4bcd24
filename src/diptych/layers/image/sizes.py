"""Image layers that change the size of images."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...reference._sampling import INTERPOLATIONS
from .base import SizedLayer, one_of


class Resizing(SizedLayer):
    """Resizes images. Integers stay integers.

    (N, H, W, C) or (H, W, C) gives (..., height, width, C).

    Args:
        height, width: the new size.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: whether to crop to the new proportions instead of stretching.
        pad_to_aspect_ratio: whether to pad to the new proportions.
        fill_mode: "constant", the only one available.
        fill_value: the value of the padding.
        antialias: whether shrinking averages over all pixels.
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
        super().__init__(height=height, width=width, data_format=data_format, **kwargs)
        self.interpolation = one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode = one_of(self, "fill_mode", fill_mode, ("constant",))
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


class CenterCrop(SizedLayer):
    """Crops the centre of each image. For smaller images, it takes the largest central window with
    the wanted proportions and resizes it: bilinearly, but the masks of a dict by the nearest pixel,
    so that their class numbers stay class numbers (Keras blends them).

    (N, H, W, C) or (H, W, C) gives (..., height, width, C).

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
