"""Galleries of images, with labels, predictions or segmentation masks; drawn by matplotlib."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import config

__all__ = ["draw_segmentation_masks", "plot_image_gallery", "plot_segmentation_mask_gallery"]

Colour = Sequence[int]
_STEPS = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])  # from one class's colour to the next one's


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[Any, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: str | os.PathLike | None = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: float = 60,
    legend_handles: Sequence | None = None,
    data_format: str | None = None,
) -> None:
    """Show images in rows and columns, or write them to a file.

    Args:
        images: (N, height, width, channels), with 1, 3 or 4 channels.
        y_true, y_pred: (N,): the labels and the predicted classes, for the titles.
        label_map: {class: its name}, needed with labels; a class without a name is "Unknown".
        rows, cols: the size of the gallery; by default about a square that holds all images.
        value_range: the values of black and white.
        scale: the width and height of an image in inches.
        path: the file to write; its ending says the format.
        show: whether to show the gallery; by default if there is no ``path``.
        transparent, dpi: of the file.
        legend_handles: matplotlib's handles for a legend below.
        data_format: "channels_last" or "channels_first", (N, channels, height, width).

    Raises:
        ValueError: both ``path`` and ``show``, labels without ``label_map``, or no batch of images.
        ImportError: matplotlib is missing.
    """
    plt = _pyplot()
    if path is not None and show:
        raise ValueError("plot_image_gallery() takes a path to write to, or show=True, not both.")
    if label_map is None and not (y_true is None and y_pred is None):
        raise ValueError(
            "plot_image_gallery() needs label_map, {class: name}, to show y_true or y_pred."
        )
    pixels = _bytes(_batch(images, data_format), value_range)
    if pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    rows = rows or math.ceil(len(pixels) / cols if cols else math.sqrt(len(pixels)))
    cols = cols or math.ceil(len(pixels) / rows)
    figure, axes = plt.subplots(
        rows, cols, figsize=(cols * scale, rows * scale), frameon=False, layout="tight",
        squeeze=False,
    )  # fmt: skip
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    titles = [("Label", y_true), ("Pred", y_pred)]
    given = [(word, np.asarray(labels).tolist()) for word, labels in titles if labels is not None]
    for number, axis in enumerate(axes.flat):
        axis.axis("off")
        if number >= len(pixels):
            continue
        axis.imshow(pixels[number])
        words = [
            f"{word}: {(label_map or {}).get(labels[number], 'Unknown')}"
            for word, labels in given
            if number < len(labels)
        ]
        axis.set_title("  ".join(words), fontsize=8)
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
    elif show is None or show:
        plt.show()
    else:
        return  # the figure stays matplotlib's current one
    plt.close(figure)


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Colour] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Colour each pixel of images by its class.

    Args:
        images: (N, height, width, 3), values of 0 to 255.
        segmentation_masks: (N, height, width) or (N, height, width, 1), integers: the class of each
            pixel.
        num_classes: the largest class that is drawn; by default the largest there is.
        color_mapping: {class: (red, green, blue)}; classes without a colour are not drawn. By
            default each class has another one, and 0 is black.
        alpha: how opaque the colours are, 0 to 1.
        blend: False paints the colours over the images instead.
        ignore_index: a class that is not drawn.
        data_format: "channels_last" or "channels_first", for images and masks.

    Returns:
        (N, height, width, 3): uint8, or float32 with ``blend=False``.

    Raises:
        ValueError: the images are no batch, or the masks do not belong to them.
        TypeError: the masks are no integers.
    """
    pixels = _batch(images, data_format).astype("float32")
    masks = np.asarray(segmentation_masks)
    if masks.dtype.kind not in "iu":
        raise TypeError(f"segmentation_masks are integers, classes; got the dtype {masks.dtype}.")
    if masks.ndim == 4:
        masks = np.squeeze(masks, 1 if _first(data_format) else -1)
    if masks.shape != pixels.shape[:3]:
        raise ValueError(
            f"segmentation_masks have a class for each pixel, {pixels.shape[:3]} for these images; "
            f"got the shape {np.shape(segmentation_masks)}."
        )
    last = int(masks.max(initial=0)) if num_classes is None else num_classes
    if color_mapping is None:
        color_mapping = {i: (i * _STEPS % 255).tolist() for i in range(last + 1)}
    painted = pixels.copy()
    for number, colour in color_mapping.items():
        if 0 <= number <= last:
            painted[masks == number] = colour
    if not blend:
        return painted
    mixed = pixels * np.float32(1 - alpha) + painted * np.float32(alpha)
    return np.where((masks != ignore_index)[..., None], mixed, pixels).astype("uint8")


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int,
    value_range: tuple[float, float] = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Mapping[int, Colour] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Show a row for each image: the image, and beside it the masks of the labels and of the
    predictions.

    Args:
        images: (N, height, width, 3).
        num_classes: the largest class that is drawn.
        value_range: the values of black and white.
        y_true, y_pred: (N, height, width) or (N, height, width, 1): classes.
        color_mapping, blend, alpha, ignore_index: those of ``draw_segmentation_masks``.
        data_format: "channels_last" or "channels_first".
        **kwargs: further arguments of ``plot_image_gallery``.

    Raises:
        ValueError: as ``draw_segmentation_masks`` and ``plot_image_gallery``.
        ImportError: matplotlib is missing.
    """
    pixels = _bytes(_batch(images, data_format), value_range)
    columns = [pixels.astype("float32")]
    for masks in (y_true, y_pred):
        if masks is None:
            continue
        classes = np.asarray(masks).astype("int32")
        if classes.ndim == 4 and _first(data_format):
            classes = np.moveaxis(classes, 1, -1)
        drawn = draw_segmentation_masks(
            pixels, classes, num_classes, color_mapping, alpha, blend, ignore_index,
            "channels_last",
        )  # fmt: skip
        columns.append(drawn.astype("float32"))
    gallery = np.stack(columns, axis=1).reshape(-1, *pixels.shape[1:])
    size = {"rows": len(pixels), "cols": len(columns), "data_format": "channels_last"}
    plot_image_gallery(gallery, **{**size, **kwargs})


def _first(data_format: str | None) -> bool:
    return (data_format or config.image_data_format()) == "channels_first"


def _batch(images: Any, data_format: str | None) -> np.ndarray:
    """Images as an array, channels last."""
    found = np.asarray(images)
    if found.ndim != 4:
        raise ValueError(
            "Expected a batch of images, (N, height, width, channels); got the shape "
            f"{found.shape}."
        )
    return np.moveaxis(found, 1, -1) if _first(data_format) else found


def _bytes(images: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    low, high = value_range
    return ((images.astype("float32") - low) / (high - low) * 255).clip(0, 255).astype("uint8")


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Galleries are drawn by the package matplotlib: pip install 'diptych[plot]'"
        ) from error
    return plt


def __dir__() -> list[str]:
    return sorted(__all__)
