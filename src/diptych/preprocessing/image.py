"""Images for training: ImageDataGenerator augments them batch by batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from ..utils.datasets import PyDataset
from ..utils.images import array_to_img, img_to_array, load_img, save_img, smart_resize

__all__ = [
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "array_to_img",
    "img_to_array",
    "load_img",
    "save_img",
    "smart_resize",
]

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff", ".gif", ".webp")


def apply_affine_transform(
    x: np.ndarray,
    theta: float = 0.0,
    tx: float = 0.0,
    ty: float = 0.0,
    shear: float = 0.0,
    zx: float = 1.0,
    zy: float = 1.0,
    row_axis: int = 0,
    col_axis: int = 1,
    channel_axis: int = 2,
    fill_mode: str = "nearest",
    cval: float = 0.0,
) -> np.ndarray:
    """One image turned, shifted, sheared and zoomed about its centre.

    Args:
        x: the image.
        theta, shear: angles in degrees.
        tx, ty: shifts in pixels, to the left and up.
        zx, zy: zoom in width and in height; below 1 magnifies.
        fill_mode, cval: what is beyond the border: "constant" (``cval``), "nearest", "reflect" or
            "wrap".
    """
    angle, slant = np.deg2rad(theta), np.deg2rad(shear)
    # From (x, y) of the output to (x, y) of the input.
    rotation = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    shift = [[1, 0, tx], [0, 1, ty], [0, 0, 1]]
    shearing = [[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]]
    images = np.moveaxis(x, channel_axis, -1)
    # As in Keras, which takes half the height for x and half the width for y.
    x0, y0 = (size / 2 - 0.5 for size in images.shape[:2])
    to_centre = np.array([[1, 0, x0], [0, 1, y0], [0, 0, 1]])
    product = np.array(rotation) @ shift @ shearing @ np.diag([zx, zy, 1.0])
    m = to_centre @ product @ np.linalg.inv(to_centre)
    columns, rows = np.meshgrid(np.arange(images.shape[1]), np.arange(images.shape[0]))
    y, outside = _sampled(
        images.astype(np.float64),
        m[1, 0] * columns + m[1, 1] * rows + m[1, 2],
        m[0, 0] * columns + m[0, 1] * rows + m[0, 2],
        fill_mode,
    )
    y[outside] = cval
    return np.moveaxis(y.astype(x.dtype), -1, channel_axis)


def _sampled(
    image: np.ndarray, rows: np.ndarray, columns: np.ndarray, fill_mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """The image at these places, bilinearly, and which of them are outside of it."""
    parts, outside = [], np.zeros(rows.shape, np.bool_)
    for places, size in zip((rows, columns), image.shape[:2], strict=True):
        beyond = (places < 0) | (places > size - 1)
        if fill_mode == "constant":
            outside |= beyond
        elif fill_mode == "wrap":  # as SciPy's: the first and the last pixel coincide
            places = np.where(beyond, places % max(size - 1, 1), places)
        elif fill_mode == "reflect":
            places = (places + 0.5) % (2 * size)
            places = np.minimum(places, 2 * size - places) - 0.5
        elif fill_mode != "nearest":
            raise ValueError(
                f"fill_mode={fill_mode!r}; expected 'constant', 'nearest', 'reflect' or 'wrap'"
            )
        places = np.clip(places, 0, size - 1)
        first = np.minimum(places.astype(int), max(size - 2, 0))
        parts.append((first, np.minimum(first + 1, size - 1), (places - first)[..., None]))
    (top, bottom, down), (left, right, across) = parts
    above = image[top, left] * (1 - across) + image[top, right] * across
    below = image[bottom, left] * (1 - across) + image[bottom, right] * across
    return above * (1 - down) + below * down, outside


class Iterator(PyDataset):
    """The base of iterators over images: a data set for ``fit``, and an endless iterator.

    Args:
        n: the number of images.
        batch_size: images of a batch.
        shuffle: whether they are shuffled anew in each pass.
        seed: of shuffling and augmentation.
    """

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None) -> None:
        super().__init__()
        self.n = n
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self.index_array: np.ndarray | None = None

    def _set_index_array(self) -> None:
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if index >= len(self):
            raise ValueError(f"There are {len(self)} batches; batch {index} was asked for.")
        return self._batch(index, self.index_array is None)

    def _batch(self, index: int, in_new_order: bool) -> Any:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1
        if in_new_order:
            self._set_index_array()
        first = self.batch_size * index
        rows = self.index_array[first : first + self.batch_size]  # type: ignore[index]
        return self._get_batches_of_transformed_samples(rows)

    def on_epoch_end(self) -> None:
        self._set_index_array()

    def reset(self) -> None:
        """Let ``next`` begin with the first batch again."""
        self.batch_index = 0

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        """The next batch, without end: each pass in a new order."""
        index = self.batch_index
        self.batch_index = (index + 1) % len(self)
        return self._batch(index, in_new_order=index == 0)

    next = __next__

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        raise NotImplementedError

    def _save(self, images: np.ndarray, rows: np.ndarray, to: Any) -> None:
        """Write augmented images to the folder of ``save_to_dir``, to be looked at."""
        folder, prefix, file_format, data_format = to
        if folder is None:
            return
        for image, row in zip(images, rows, strict=True):
            name = f"{prefix}_{row}_{np.random.randint(10**4)}.{file_format}"
            save_img(Path(folder) / name, image, data_format)


class NumpyArrayIterator(Iterator):
    """What ``ImageDataGenerator.flow`` returns."""

    def __init__(
        self,
        x: Any,
        y: Any,
        generator: ImageDataGenerator,
        batch_size: int,
        shuffle: bool,
        sample_weight: Any,
        seed: int | None,
        save_to: tuple,
        subset: str | None,
        ignore_class_split: bool,
    ) -> None:
        x, *others = x if isinstance(x, (tuple, list)) and not np.isscalar(x[0]) else (x,)
        self.x_misc = [np.asarray(part) for parts in others for part in _listed(parts)]
        self.x = np.asarray(x, generator.dtype)
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        if self.x.ndim != 4:
            raise ValueError(
                "ImageDataGenerator.flow takes images of 4 axes, (N, height, width, channels); "
                f"got the shape {self.x.shape}."
            )
        for name, part in (("y", self.y), ("sample_weight", self.sample_weight)):
            if part is not None and len(part) != len(self.x):
                raise ValueError(f"There are {len(self.x)} images, but {name} has {len(part)}.")
        self._take_subset(generator, subset, ignore_class_split)
        self.image_data_generator = generator
        self._save_to = save_to
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _take_subset(
        self, generator: ImageDataGenerator, subset: str | None, any_classes: bool
    ) -> None:
        if subset is None:
            return
        split = generator.split_at(len(self.x), subset)
        if self.y is not None and not any_classes:
            first, second = self.y[:split], self.y[split:]
            if not np.array_equal(np.unique(first, axis=0), np.unique(second, axis=0)):
                raise ValueError(
                    "After the split, training and validation images do not have the same labels: "
                    "validation_split takes the first images, so shuffle them first if they are "
                    "sorted by class (or pass ignore_class_split=True)."
                )
        rows = slice(None, split) if subset == "validation" else slice(split, None)
        self.x, self.x_misc = self.x[rows], [part[rows] for part in self.x_misc]
        self.y = None if self.y is None else self.y[rows]
        if self.sample_weight is not None:
            self.sample_weight = self.sample_weight[rows]

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        generator = self.image_data_generator
        images = np.stack([generator.augmented(self.x[i]) for i in index_array])
        self._save(images, index_array, self._save_to)
        x = [images, *(part[index_array] for part in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return x
        if self.sample_weight is None:
            return x, self.y[index_array]
        return x, self.y[index_array], self.sample_weight[index_array]


def _listed(parts: Any) -> list:
    return list(parts) if isinstance(parts, (list, tuple)) else [parts]


class DirectoryIterator(Iterator):
    """What ``ImageDataGenerator.flow_from_directory`` and ``flow_from_dataframe`` return.

    ``class_indices`` is a dict from the name of a class to its number, ``classes`` the number of
    each file, ``filenames`` the files below the folder.
    """

    def __init__(
        self,
        files: list[Path],
        labels: Any,
        class_indices: dict[str, int],
        generator: ImageDataGenerator,
        target_size: tuple[int, int],
        color_mode: str,
        class_mode: str | None,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        save_to: tuple,
        interpolation: str,
    ) -> None:
        self.filepaths = [str(file) for file in files]
        self.labels = self.classes = labels
        self.class_indices = class_indices
        self.num_classes = len(class_indices)
        self.samples = len(files)
        self.image_data_generator = generator
        self.target_size = target_size
        self.color_mode = color_mode
        self.class_mode = class_mode
        self._save_to = save_to
        self.interpolation = interpolation
        self.filenames: list[str] = []
        super().__init__(len(files), batch_size, shuffle, seed)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        generator = self.image_data_generator
        images = np.stack([generator.augmented(self._load(i)) for i in index_array])
        self._save(images, index_array, self._save_to)
        if self.class_mode is None:
            return images
        if self.class_mode == "input":
            return images, images.copy()
        labels = np.asarray(self.labels)[index_array]
        if self.class_mode in ("binary", "sparse"):
            return images, labels.astype(generator.dtype)
        if self.class_mode == "categorical":
            return images, np.eye(self.num_classes, dtype=generator.dtype)[labels]
        return images, labels

    def _load(self, i: int) -> np.ndarray:
        image = load_img(
            self.filepaths[i],
            color_mode=self.color_mode,
            target_size=self.target_size,
            interpolation=self.interpolation,
        )
        return img_to_array(image, self.image_data_generator.data_format)


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
        validation_split: the fraction for ``subset="validation"``.
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
        self.featurewise_center = featurewise_center or zca_whitening
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.featurewise_center = self.featurewise_center or featurewise_std_normalization
        self.featurewise_std_normalization = featurewise_std_normalization and not zca_whitening
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
        self.data_format = data_format or config.image_data_format()
        self.dtype = np.dtype(dtype or config.floatx())
        self.row_axis, self.col_axis, self.channel_axis = (
            (0, 1, 2) if self.data_format == "channels_last" else (1, 2, 0)
        )
        if not 0 <= validation_split < 1:
            raise ValueError(f"validation_split={validation_split!r}; expected at least 0, below 1")
        self._validation_split = validation_split
        self.zoom_range = _pair_around_one(zoom_range, "zoom_range")
        if brightness_range is not None and len(tuple(brightness_range)) != 2:
            raise ValueError(f"brightness_range={brightness_range!r}; expected two factors")
        self.brightness_range = brightness_range
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None

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
        """Batches of arrays: images (N, height, width, channels), or (images, other inputs)."""
        save_to = (save_to_dir, save_prefix, save_format, self.data_format)
        return NumpyArrayIterator(
            x,
            y,
            self,
            batch_size,
            shuffle,
            sample_weight,
            seed,
            save_to,
            subset,
            ignore_class_split,
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
            subset: "training" or "validation", with ``validation_split``.
            save_to_dir, save_prefix, save_format: where to write the augmented images.
        """
        folder = Path(directory)
        if not folder.is_dir():
            raise FileNotFoundError(f"flow_from_directory: there is no folder {str(directory)!r}.")
        names = classes or sorted(path.name for path in folder.iterdir() if path.is_dir())
        files: list[Path] = []
        labels: list[int] = []
        for number, name in enumerate(names):
            found = _image_files(folder / name, follow_links)
            split = self.split_at(len(found), subset)
            found = (
                found
                if subset is None
                else (found[:split] if subset == "validation" else found[split:])
            )
            files += found
            labels += [number] * len(found)
        print(f"Found {len(files)} images belonging to {len(names)} classes.")
        if not files:
            raise ValueError(f"flow_from_directory: there are no images in {str(directory)!r}.")
        made = DirectoryIterator(
            files,
            np.asarray(labels, np.int32),
            {name: number for number, name in enumerate(names)},
            self,
            target_size,
            color_mode,
            class_mode,
            batch_size,
            shuffle,
            seed,
            (save_to_dir, save_prefix, save_format, self.data_format),
            interpolation,
        )
        made.filenames = [os.path.relpath(file, folder) for file in files]
        return made

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: list | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        subset: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> DirectoryIterator:
        """Batches of the image files named in a data frame.

        Args:
            dataframe: anything with columns: ``dataframe[x_col]`` are files below ``directory``,
                ``dataframe[y_col]`` their classes or, with ``class_mode="raw"``, their targets.
            The others are those of ``flow_from_directory``.
        """
        folder = Path(directory or "")
        files = [folder / str(name) for name in dataframe[x_col]]
        indices: dict[Any, int] = {}
        labels: Any = None
        if class_mode in ("categorical", "binary", "sparse"):
            given = list(dataframe[y_col])
            indices = {name: number for number, name in enumerate(classes or sorted(set(given)))}
            labels = np.asarray([indices[name] for name in given], np.int32)
        elif class_mode in ("raw", "other"):
            labels = np.asarray(dataframe[y_col])
        if subset is not None:
            split = self.split_at(len(files), subset)
            rows = slice(None, split) if subset == "validation" else slice(split, None)
            files, labels = files[rows], labels if labels is None else labels[rows]
        about = f" belonging to {len(indices)} classes" if indices else ""
        print(f"Found {len(files)} validated image filenames{about}.")
        made = DirectoryIterator(
            files,
            labels,
            indices,
            self,
            target_size,
            color_mode,
            class_mode,
            batch_size,
            shuffle,
            seed,
            (None, "", "png", self.data_format),
            interpolation,
        )
        made.filenames = [str(name) for name in dataframe[x_col]]
        return made

    def split_at(self, count: int, subset: str | None) -> int:
        """How many of ``count`` images, the first ones, are for validation."""
        if subset not in (None, "training", "validation"):
            raise ValueError(f"subset={subset!r}; expected 'training' or 'validation'")
        if subset is not None and not self._validation_split:
            raise ValueError(f"subset={subset!r} needs ImageDataGenerator(validation_split=...)")
        return int(count * self._validation_split)

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
        tx = self._shift(self.height_shift_range, img_shape[self.row_axis])
        ty = self._shift(self.width_shift_range, img_shape[self.col_axis])
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
        given = dict(transform_parameters)
        still = {"theta": 0, "tx": 0, "ty": 0, "shear": 0, "zx": 1, "zy": 1}
        moves = {name: given.get(name, value) for name, value in still.items()}
        if moves != still:
            x = apply_affine_transform(
                x,
                **moves,
                row_axis=self.row_axis,
                col_axis=self.col_axis,
                channel_axis=self.channel_axis,
                fill_mode=self.fill_mode,
                cval=self.cval,
            )
        if given.get("channel_shift_intensity") is not None:
            x = np.clip(x + given["channel_shift_intensity"], x.min(), x.max())
        if given.get("flip_horizontal"):
            x = np.flip(x, self.col_axis)
        if given.get("flip_vertical"):
            x = np.flip(x, self.row_axis)
        if given.get("brightness") is not None:
            x = _brighter(x, given["brightness"])
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
        if self.featurewise_center:
            x = x - self._fitted(self.mean)
        if self.featurewise_std_normalization:
            x = x / (self._fitted(self.std) + 1e-6)
        if self.zca_whitening:
            flat = x.reshape(-1) @ self._fitted(self.zca_whitening_matrix)
            x = flat.reshape(x.shape).astype(self.dtype, copy=False)
        return x

    def _fitted(self, value: Any) -> Any:
        if value is None:
            raise ValueError(
                "This ImageDataGenerator normalizes by the statistics of the training images: call "
                ".fit(x_train) first."
            )
        return value

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
        if seed is not None:
            np.random.seed(seed)
        if augment:
            x = np.stack([self.random_transform(image) for _ in range(rounds) for image in x])
        axes = (0, self.row_axis + 1, self.col_axis + 1)
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


def _brighter(x: np.ndarray, factor: float) -> np.ndarray:
    """Whole pixel values times a factor, within 0 to 255."""
    low, high = x.min(), x.max()
    other_range = low < 0 or high > 255
    if other_range:
        x = (x - low) / ((high - low) or 1) * 255
    y = np.clip(x.astype(np.uint8) * np.float32(factor), 0, 255).astype(np.uint8).astype(x.dtype)
    return y / 255 * (high - low) + low if other_range else y


def _image_files(folder: Path, follow_links: bool) -> list[Path]:
    return [
        Path(above) / name
        for above, _, names in sorted(os.walk(folder, followlinks=follow_links))
        for name in sorted(names)
        if name.lower().endswith(EXTENSIONS)
    ]


def __dir__() -> list[str]:
    return sorted(__all__)
