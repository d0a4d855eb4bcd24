"""What the networks share: their arguments, input, top and pretrained weights.

A network's own file has a function of the images that gives the last feature maps, and tables of
its blocks. Names of layers, their order and their weights are Keras's, so its files of weights fit.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import config
from ..layers import Dense, Dropout, GlobalAveragePooling2D, GlobalMaxPooling2D, Input
from ..models import Model
from ..utils.downloads import get_file, home_folder
from ..utils.graphs import get_source_inputs, is_keras_tensor

STORE = "https://storage.googleapis.com/tensorflow/keras-applications/"

Checked = tuple[str, str | None]  # the address of a file, and its checksum if one is known
Files = tuple[Checked, Checked]  # with and without the top

ARGUMENTS = """
    Args:
        include_top: whether the layers that classify are there.
        weights: "imagenet" for pretrained weights, which are downloaded once; None for new ones; or
            the path of a file of weights, Keras's or diptych's.
        input_tensor: a symbolic tensor to use as the input.
        input_shape: the shape of an image, which may be another than {size} by {size} by 3 without
            the top or with weights of your own; None or at least {least} pixels each way.
        pooling: without the top: None for the last feature maps (N, H, W, C), "avg" or "max" for
            their means or maxima (N, C).
        classes: the number of classes.
        classifier_activation: the activation of the last layer; None gives logits.
        name: the model's.

    Raises:
        ValueError: a shape or a number of classes that doesn't fit, or no such file of weights.
        FileNotFoundError: pretrained weights that can't be downloaded; it says where to put them.
    """


def network(
    title: str,
    text: str,
    features: Callable[[Any], Any],
    files: Files,
    name: str | None = None,
    **rest: Any,
) -> Callable[..., Model]:
    """The public function that builds a network.

    Args:
        title: its name.
        text: its description, a line.
        features: from images (N, H, W, C) to the last feature maps.
        files: its pretrained weights.
        name: what models are called; by default the title in small letters.
        rest: ``size``, ``least``, ``top`` and ``pools`` of ``assemble``.
    """
    usual_name = name or title.lower()

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: tuple | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = usual_name,
    ) -> Model:
        return assemble(
            title, features, files, include_top, weights, input_tensor, input_shape, pooling,
            classes, classifier_activation, name, **rest,
        )  # fmt: skip

    return named(build, title, text, features, rest.get("size", 224), rest.get("least", 32))


def named(
    build: Callable[..., Model], title: str, text: str, features: Any, size: int, least: int
) -> Callable[..., Model]:
    """``build`` as the public function ``title`` of the module of ``features``."""
    build.__name__ = build.__qualname__ = title
    build.__module__ = getattr(features, "func", features).__module__
    build.__doc__ = f"{text}\n{ARGUMENTS.format(size=size, least=least)}"
    return build


def assemble(
    title: str,
    features: Callable[[Any], Any],
    files: Files,
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: tuple | None,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str | None,
    size: int = 224,
    least: int = 32,
    top: Callable[[Any, int, Any], Any] | None = None,
    bottom: Callable[[Any, str | None], Any] | None = None,
    pools: tuple[str | None, str | None] = ("avg_pool", "max_pool"),
    fixed: bool | None = None,
) -> Model:
    """The model of a network: input, ``features``, top or pooling, weights.

    Args:
        size, least: the usual number of rows and columns of an image, and the smallest.
        top: from feature maps, ``classes`` and ``classifier_activation`` to the output.
        bottom: without a top, from feature maps and ``pooling`` to the output.
        pools: the names of the layers that pool without a top.
        fixed: whether an image must have a definite size; by default, whether there is a top.
    """
    check_weights(title, weights, include_top, classes)
    fixed = include_top if fixed is None else fixed
    shape = image_shape(title, input_shape, size, least, fixed, weights)
    inputs = x = image_input(input_tensor, shape)
    x = features(x)
    if include_top:
        x = (top or dense_top)(x, classes, classifier_activation)
    else:
        x = bottom(x, pooling) if bottom else pooled(x, pooling, pools)
    if is_keras_tensor(input_tensor):
        inputs = get_source_inputs(input_tensor)
        inputs = inputs[0] if len(inputs) == 1 else inputs
    model = Model(inputs, x, name=name)
    load(model, title, weights, files[0] if include_top else files[1])
    return model


def dense_top(x: Any, classes: int, activation: Any, dropout: float = 0.0) -> Any:
    """The means of the feature maps, and a dense layer."""
    x = GlobalAveragePooling2D(name="avg_pool")(x)
    if dropout > 0:
        x = Dropout(dropout, name="top_dropout")(x)
    return Dense(classes, activation=activation, name="predictions")(x)


def pooled(x: Any, pooling: str | None, names: tuple[str | None, str | None]) -> Any:
    """The mean or maximum of each feature map, or the maps themselves."""
    if pooling == "avg":
        return GlobalAveragePooling2D(name=names[0])(x)
    if pooling == "max":
        return GlobalMaxPooling2D(name=names[1])(x)
    return x


# Arguments


def check_weights(title: str, weights: Any, include_top: bool, classes: int) -> None:
    """Raise a ValueError for weights that are neither None, "imagenet" nor a file, or don't fit."""
    if weights not in (None, "imagenet") and not os.path.exists(weights):
        raise ValueError(
            f"{title}() needs as `weights` None, for new ones, 'imagenet', or the path of a file; "
            f"there is no file {str(weights)!r}."
        )
    if weights == "imagenet" and include_top and classes != 1000:
        raise ValueError(
            f"{title}(weights='imagenet') has 1000 classes; got classes={classes}. include_top="
            "False leaves the classifying layers to you, and weights=None draws new ones."
        )


def image_shape(
    title: str, shape: Any, size: int, least: int, fixed: bool, weights: Any = None
) -> tuple:
    """The shape of an image that a network is built for; ValueError if it isn't fit for it."""
    first = config.image_data_format() == "channels_first"
    pretrained = weights == "imagenet"
    if shape is None:
        side = size if fixed else None
        return (3, side, side) if first else (side, side, 3)
    shape = tuple(shape)
    usual = (3, size, size) if first else (size, size, 3)
    if pretrained and fixed and shape != usual:
        raise ValueError(
            f"{title}(weights='imagenet') with its top needs input_shape={usual}; got {shape}. "
            "include_top=False takes images of other sizes."
        )
    if len(shape) != 3:
        raise ValueError(
            f"{title}() needs input_shape={'(C, H, W)' if first else '(H, W, C)'}; got {shape}."
        )
    channels, sides = (shape[0], shape[1:]) if first else (shape[2], shape[:2])
    if pretrained and channels != 3:
        raise ValueError(
            f"{title}(weights='imagenet') needs images of 3 channels; got input_shape={shape}."
        )
    if channels not in (1, 3):
        warnings.warn(f"{title}() gets images of {channels} channels: {shape}", stacklevel=4)
    if any(side is not None and side < least for side in sides):
        raise ValueError(
            f"{title}() needs images of at least {least} by {least} pixels; got input_shape={shape}"
        )
    if fixed and None in shape:
        raise ValueError(
            f"{title}() with its top needs images of a definite size; got input_shape={shape}. "
            f"Give it numbers such as {usual}, or include_top=False."
        )
    return shape


def image_input(tensor: Any, shape: tuple) -> Any:
    """The symbolic images: ``tensor``, or a new input."""
    if tensor is None:
        return Input(shape=shape)
    return tensor if is_keras_tensor(tensor) else Input(tensor=tensor, shape=shape)


def channel_axis(last: int = 3) -> int:
    """The axis of the channels; ``last`` is what it is called with channels last."""
    return 1 if config.image_data_format() == "channels_first" else last


def channels_of(x: Any) -> int:
    """The number of channels of feature maps."""
    return int(x.shape[channel_axis(-1)])


def sides_of(x: Any) -> tuple[int | None, int | None]:
    """The numbers of rows and columns of feature maps."""
    return tuple(x.shape[2:4] if channel_axis() == 1 else x.shape[1:3])


def padding_for_strides(x: Any, kernel: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The zeros that a convolution with strides 2 needs so that every pixel counts.

    They are those of padding "same" in TensorFlow: of an even number of rows, one less before.
    """
    half = kernel // 2
    rows, columns = (half - (side is None or side % 2 == 0) for side in sides_of(x))
    return (rows, half), (columns, half)


def nearest_multiple(channels: float) -> int:
    """The nearest multiple of 8, at least 8."""
    return max(8, int(channels + 4) // 8 * 8)


def rounded(channels: float) -> int:
    """The nearest multiple of 8, or the next if that is below nine tenths of ``channels``.

    Source: Sandler et al. 2018, MobileNetV2, in its published code.
    """
    nearest = nearest_multiple(channels)
    return nearest + 8 if nearest < 0.9 * channels else nearest


# Pretrained weights


def files(stem: str, checksum: str, checksum_without_top: str, store: str = STORE) -> Files:
    """The files ``stem + ".h5"`` and, without the top, ``stem + "_notop.h5"``."""
    address = f"{store}{stem}"
    return (f"{address}.h5", checksum), (f"{address}_notop.h5", checksum_without_top)


def old_files(folder: str, name: str, checksum: str, checksum_without_top: str) -> Files:
    """The same, of the networks whose files name the order of axes that they were written with."""
    stem = f"{folder}/{name}_weights_tf_dim_ordering_tf_kernels"
    return files(stem, checksum, checksum_without_top)


def load(model: Model, title: str, weights: Any, file: Checked) -> None:
    """Read the weights that were asked for into a model."""
    if weights == "imagenet":
        weights = fetch(*file, f"{title}(weights=None) draws new weights")
    if weights is not None:
        model.load_weights(weights)


def fetch(address: str, checksum: str | None, instead: str) -> str:
    """The path of a file that is kept in ``models`` in diptych's folder, downloaded if need be.

    Raises FileNotFoundError if it can't be downloaded; it says how to do without a network, and
    what is possible ``instead``.
    """
    name = address.rpartition("/")[2]
    try:
        return get_file(name, address, file_hash=checksum, cache_subdir="models")
    except OSError as error:
        folder = Path(home_folder()) / "models"
        raise FileNotFoundError(
            f"{error}.\nFetch {address} on a computer with a network and put it at {folder / name};"
            f" or {instead}."
        ) from error
