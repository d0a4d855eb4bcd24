"""Images for training: ImageDataGenerator augments them batch by batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import config
from ..legacy.notes import note, users_level
from ..utils.images import array_to_img, img_to_array, load_img, save_img, smart_resize
from ..utils.windows import standardize_data_format
from ._iterators import (
    DataFrameIterator,
    DirectoryIterator,
    Iterator,
    NumpyArrayIterator,
    warn_of_channels,
)
from ._transforms import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
    "smart_resize",
]


class ImageDataGenerator:
    """Makes batches of images, changed at random.

        generator = ImageDataGenerator(rotation_range=20, horizontal_flip=True, rescale=1 / 255)
        model.fit(generator.flow(x_train, y_train, batch_size=32), epochs=10)

    Args:
        featurewise_center, featurewise_std_normalization, zca_whitening, zca_epsilon: by the
            statistics of the images given to ``fit``.
        samplewise_center, samplewise_std_normalization: by each image's own statistics.
        rotation_range: degrees.
        width_shift_range, height_shift_range: a fraction of the size, pixels from 1 on, or a list
            of shifts.
        brightness_range: two factors.
        shear_range: degrees.
        zoom_range: two factors, or a number z for 1 - z and 1 + z.
        channel_shift_range: by how much the values may move.
        fill_mode, cval: what is beyond the border: "constant" (``cval``), "nearest", "reflect" or
            "wrap".
        horizontal_flip, vertical_flip: whether half of the images are flipped.
        rescale: a factor for the values, after all else.
        preprocessing_function: called with each image after its augmentation.
        data_format: "channels_last" or "channels_first"; by default as configured.
        validation_split: the fraction for ``subset="validation"``, the first images.
        interpolation_order: 1 interpolates between four pixels, 0 takes the nearest.
        dtype: of the batches; by default the configured float type.
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ) -> None:
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.shear_range = shear_range
        self.channel_shift_range = channel_shift_range
        self.fill_mode = fill_mode
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.data_format = standardize_data_format(data_format, "ImageDataGenerator")
        self.interpolation_order = interpolation_order
        self.dtype = np.dtype(dtype or config.floatx())
        self.row_axis, self.col_axis, self.channel_axis = (
            (1, 2, 3) if self.data_format == "channels_last" else (2, 3, 1)
        )
        if not 0 <= validation_split < 1:
            raise ValueError(f"validation_split={validation_split!r}; expected at least 0, below 1")
        self._validation_split = validation_split
        self.zoom_range = _pair_around_one(zoom_range, "zoom_range")
        if brightness_range is not None and np.shape(brightness_range) != (2,):
            raise ValueError(f"brightness_range={brightness_range!r}; expected two factors")
        self.brightness_range = brightness_range
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None
        self._warned = False
        if zca_whitening:
            self._switch("zca_whitening", "featurewise_center", True)
            self._switch("zca_whitening", "featurewise_std_normalization", False)
        for kind in ("featurewise", "samplewise"):
            if getattr(self, f"{kind}_std_normalization"):
                self._switch(f"{kind}_std_normalization", f"{kind}_center", True)

    def _switch(self, given: str, other: str, wanted: bool) -> None:
        """Switch on or off what ``given`` needs or rules out, with a warning."""
        if getattr(self, other) != wanted:
            setattr(self, other, wanted)
            warnings.warn(
                f"ImageDataGenerator({given}=True) {'needs' if wanted else 'replaces'} {other}, "
                f"which is switched {'on' if wanted else 'off'}",
                stacklevel=users_level(),
            )

    # ----------------------------------------------------------------------------------------------
    # Iterators

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Batches of arrays.

        Args:
            x: images (N, height, width, channels), or (images, other inputs).
            y, sample_weight: labels and weights of the images.
            batch_size: images of a batch.
            shuffle: whether they are shuffled anew in each pass.
            seed: of shuffling and augmentation.
            save_to_dir, save_prefix, save_format: where to write the augmented images.
            ignore_class_split: whether the parts may lack some of the labels.
            subset: "training" or "validation", with ``validation_split``.
        """
        return NumpyArrayIterator(
            x,
            y,
            self,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            ignore_class_split=ignore_class_split,
            dtype=self.dtype,
        )

    def flow_from_directory(
        self,
        directory: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: list[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Batches of image files, with a folder for each class.

        Args:
            directory: the folder with a folder for each class.
            target_size: (height, width) of the batches.
            color_mode: "grayscale", "rgb" or "rgba".
            classes: the folders, in the order in which they are numbered; by default all of them.
            class_mode: "categorical" (one-hot rows), "binary", "sparse" (numbers), "input" (the
                images themselves) or None (images alone).
            batch_size: images of a batch.
            shuffle: whether they are shuffled anew in each pass.
            seed: of shuffling and augmentation.
            save_to_dir, save_prefix, save_format: where to write the augmented images.
            follow_links: whether to follow symbolic links to folders.
            subset: "training" or "validation", with ``validation_split``.
            interpolation, keep_aspect_ratio: as in ``load_img``.
        """
        return DirectoryIterator(
            directory,
            self,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            follow_links=follow_links,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            dtype=self.dtype,
        )

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: list | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Batches of the image files named in a data frame.

        Args:
            dataframe: anything with columns, a frame of pandas or polars or a dict of lists.
            directory: the folder in which the files are; None if their names are whole paths.
            x_col: the column of the files.
            y_col: the column of the classes, for "categorical" texts or lists of texts; with
                class_mode="raw" of targets, or a list of such columns; with "multi_output" a list
                of columns, one for each output.
            weight_col: the column of sample weights, if there is one.
            classes: the names of the classes, in the order in which they are numbered; images of
                others are left out.
            class_mode: "categorical", "binary", "sparse", "input", "raw", "multi_output" or None.
            validate_filenames: whether to leave out files that are not there.

        The others are those of ``flow_from_directory``.
        """
        for name in kwargs.keys() & {"has_ext", "sort", "drop_duplicates"}:
            note(name, "is no longer an argument, and has no effect", "flow_from_dataframe")
        unknown = kwargs.keys() - {"has_ext", "sort", "drop_duplicates"}
        if unknown:
            raise TypeError(f"flow_from_dataframe() has no argument {unknown.pop()!r}")
        if class_mode == "other":
            note("class_mode='other'", "is now class_mode='raw'", "flow_from_dataframe")
            class_mode = "raw"
        return DataFrameIterator(
            dataframe,
            directory,
            self,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            interpolation=interpolation,
            dtype=self.dtype,
            validate_filenames=validate_filenames,
        )

    def part_of(self, count: int, subset: str) -> tuple[slice, slice]:
        """The rows of a part of ``count`` images, "training" or "validation", and the others."""
        if subset not in ("training", "validation"):
            raise ValueError(f"subset={subset!r}; expected 'training' or 'validation'")
        if not self._validation_split:
            raise ValueError(f"subset={subset!r} needs ImageDataGenerator(validation_split=...)")
        split = int(count * self._validation_split)
        parts = slice(None, split), slice(split, None)
        return parts if subset == "validation" else parts[::-1]

    # ----------------------------------------------------------------------------------------------
    # One image

    def augmented(self, x: np.ndarray) -> np.ndarray:
        """One image, changed at random and standardized."""
        x = x.astype(self.dtype)
        return self.standardize(self.apply_transform(x, self.get_random_transform(x.shape)))

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """One image, changed at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def get_random_transform(self, img_shape: tuple, seed: int | None = None) -> dict[str, Any]:
        """The arguments of ``apply_transform``, drawn from NumPy's own generator."""
        if seed is not None:
            np.random.seed(seed)
        draw = np.random.uniform
        theta = draw(-self.rotation_range, self.rotation_range) if self.rotation_range else 0
        tx = self._shift(self.height_shift_range, img_shape[self.row_axis - 1])
        ty = self._shift(self.width_shift_range, img_shape[self.col_axis - 1])
        shear = draw(-self.shear_range, self.shear_range) if self.shear_range else 0
        low, high = self.zoom_range
        zx, zy = (1, 1) if low == high == 1 else draw(low, high, 2)
        return {
            "theta": theta,
            "tx": tx,
            "ty": ty,
            "shear": shear,
            "zx": zx,
            "zy": zy,
            "flip_horizontal": (np.random.random() < 0.5) * self.horizontal_flip,
            "flip_vertical": (np.random.random() < 0.5) * self.vertical_flip,
            "channel_shift_intensity": draw(-self.channel_shift_range, self.channel_shift_range)
            if self.channel_shift_range
            else None,
            "brightness": self.brightness_range
            and draw(self.brightness_range[0], self.brightness_range[1]),
        }

    def _shift(self, wanted: Any, size: int) -> float:
        if np.ndim(wanted) == 0 and not wanted:
            return 0
        if np.ndim(wanted) or isinstance(wanted, int):
            shift = np.random.choice(wanted) * np.random.choice([-1, 1])
        else:
            shift = np.random.uniform(-wanted, wanted)
        return shift * size if np.max(wanted) < 1 else shift

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """One image changed as the parameters say.

        They are those of ``apply_affine_transform``, and "flip_horizontal", "flip_vertical",
        "channel_shift_intensity" and "brightness".
        """
        given = transform_parameters
        names = ("theta", "tx", "ty", "shear", "zx", "zy")
        x = apply_affine_transform(
            x,
            **{name: given[name] for name in names if name in given},
            row_axis=self.row_axis - 1,
            col_axis=self.col_axis - 1,
            channel_axis=self.channel_axis - 1,
            fill_mode=self.fill_mode,
            cval=self.cval,
            order=self.interpolation_order,
        )
        if given.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, given["channel_shift_intensity"])
        if given.get("flip_horizontal"):
            x = np.flip(x, self.col_axis - 1)
        if given.get("flip_vertical"):
            x = np.flip(x, self.row_axis - 1)
        if given.get("brightness") is not None:
            x = apply_brightness_shift(x, given["brightness"], scale=False)
        return x

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """One image after ``preprocessing_function``, ``rescale`` and the normalizations."""
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x = x * self.dtype.type(self.rescale)
        if self.samplewise_center:
            x = x - np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (np.std(x, keepdims=True) + 1e-6)
        if self.featurewise_center and self._fitted(self.mean):
            x = x - self.mean
        if self.featurewise_std_normalization and self._fitted(self.std):
            x = x / (self.std + 1e-6)
        if self.zca_whitening and self._fitted(self.zca_whitening_matrix):
            flat = x.reshape(-1) @ self.zca_whitening_matrix
            x = flat.reshape(x.shape).astype(self.dtype, copy=False)
        return x

    def _fitted(self, statistics: Any) -> bool:
        """Whether ``fit`` was called; a warning if not, the first time."""
        if statistics is None and not self._warned:
            self._warned = True
            warnings.warn(
                "This ImageDataGenerator normalizes by the statistics of the training images, and "
                "doesn't know them, so it leaves that out: call .fit(x_train) first",
                stacklevel=users_level(),
            )
        return statistics is not None

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Compute the statistics of ``featurewise_...`` and ``zca_whitening``.

        Args:
            x: images of 4 axes.
            augment: whether to take augmented images, ``rounds`` times each.
            seed: of the augmentation.
        """
        x = np.array(x, self.dtype)
        if x.ndim != 4:
            raise ValueError(f"fit takes images of 4 axes; got the shape {x.shape}.")
        warn_of_channels(x, self.data_format)
        if self.rescale:
            x *= self.dtype.type(self.rescale)
        if seed is not None:
            np.random.seed(seed)
        if augment:
            x = np.stack([self.random_transform(image) for _ in range(rounds) for image in x])
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = x.mean(axis=axes, keepdims=True)[0]
            x = x - self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axis=axes, keepdims=True)[0]
            x = x / (self.std + 1e-6)
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))) @ u.T


def _pair_around_one(value: Any, name: str) -> tuple[float, float]:
    if np.ndim(value) == 0:
        return 1 - value, 1 + value
    if len(value) != 2:
        raise ValueError(f"{name}={value!r}; expected a number or two")
    return tuple(value)


def __dir__() -> list[str]:
    return sorted(__all__)
