"""Batches of images for ImageDataGenerator: of arrays, of files in folders, of files in a table."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import config
from ..legacy.notes import users_level
from ..utils.datasets import PyDataset
from ..utils.images import img_to_array, load_img, save_img
from ..utils.naming import suggest
from ..utils.progbar import write

__all__ = ["DataFrameIterator", "DirectoryIterator", "Iterator", "NumpyArrayIterator"]

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
WITH_CLASSES = ("categorical", "binary", "sparse")


class Iterator(PyDataset):
    """The base of iterators over images: a data set for ``fit``, and an endless iterator.

    Args:
        n: the number of images.
        batch_size: images of a batch.
        shuffle: whether they are shuffled anew in each pass.
        seed: of shuffling and augmentation.
        kwargs: those of ``PyDataset``.
    """

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
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
        raise NotImplementedError(f"{type(self).__name__} doesn't say how a batch is made.")

    def _take_settings(self, generator: Any, data_format: str | None, dtype: Any) -> None:
        self.image_data_generator = generator
        self.data_format = data_format or config.image_data_format()
        self.dtype = np.dtype(dtype or config.floatx())

    def _save_to(self, folder: Any, prefix: str, file_format: str) -> None:
        self.save_to_dir, self.save_prefix, self.save_format = folder, prefix, file_format

    def _saved(self, images: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The images, which are also written to the folder of ``save_to_dir``, to be looked at."""
        if self.save_to_dir:
            for image, row in zip(images, rows, strict=True):
                name = f"{self.save_prefix}_{row}_{np.random.randint(10**7)}.{self.save_format}"
                save_img(os.path.join(self.save_to_dir, name), image, self.data_format)
        return images


class NumpyArrayIterator(Iterator):
    """What ``ImageDataGenerator.flow`` returns; its arguments are those of ``flow``."""

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: Any = None,
    ) -> None:
        self._take_settings(image_data_generator, data_format, dtype)
        self._save_to(save_to_dir, save_prefix, save_format)
        images, *others = x if isinstance(x, (tuple, list)) and not np.isscalar(x[0]) else (x,)
        self.x = np.asarray(images, self.dtype)
        self.x_misc = [np.asarray(part) for parts in others for part in _listed(parts)]
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        if self.x.ndim != 4:
            raise ValueError(
                "ImageDataGenerator.flow takes images of 4 axes, (N, height, width, channels); "
                f"got the shape {self.x.shape}."
            )
        warn_of_channels(self.x, self.data_format)
        parts = [("y", self.y), ("sample_weight", self.sample_weight)]
        for name, part in [*parts, *(("another input", part) for part in self.x_misc)]:
            if part is not None and len(part) != len(self.x):
                raise ValueError(f"There are {len(self.x)} images, but {name} has {len(part)}.")
        if subset is not None:
            rows, others = image_data_generator.part_of(len(self.x), subset)
            self._take(rows, others, ignore_class_split)
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _take(self, rows: slice, others: slice, any_classes: bool) -> None:
        """Keep only these rows; the labels must be those of the others too."""
        if self.y is not None and not any_classes:
            if not np.array_equal(np.unique(self.y[rows]), np.unique(self.y[others])):
                raise ValueError(
                    "After the split, training and validation images do not have the same labels: "
                    "validation_split takes the first images, so shuffle them first if they are "
                    "sorted by class (or pass ignore_class_split=True)."
                )
        self.x, self.x_misc = self.x[rows], [part[rows] for part in self.x_misc]
        self.y = None if self.y is None else self.y[rows]
        if self.sample_weight is not None:
            self.sample_weight = self.sample_weight[rows]

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        augmented = self.image_data_generator.augmented
        images = _stacked([augmented(self.x[i]) for i in index_array], self.x.shape[1:], self.dtype)
        self._saved(images, index_array)
        x = [images, *(part[index_array] for part in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return x
        if self.sample_weight is None:
            return x, self.y[index_array]
        return x, self.y[index_array], self.sample_weight[index_array]


def warn_of_channels(x: np.ndarray, data_format: str) -> None:
    """Warn if images (N, ...) have another number of channels than pictures have."""
    channels = x.shape[3 if data_format == "channels_last" else 1]
    if channels not in (1, 3, 4):
        warnings.warn(
            f"Images of shape {x.shape} have {channels} channels, as data_format={data_format!r} "
            "has it; pictures have 1, 3 or 4. Are the axes in this order?",
            stacklevel=users_level(),
        )


def _listed(parts: Any) -> list:
    return list(parts) if isinstance(parts, (list, tuple)) else [parts]


def _stacked(images: list, shape: tuple, dtype: np.dtype) -> np.ndarray:
    batch = np.zeros((len(images), *shape), dtype)
    for i, image in enumerate(images):
        batch[i] = image
    return batch


class _FileIterator(Iterator):
    """Batches of image files.

    ``filenames`` are the files below the folder, ``filepaths`` their paths, ``classes`` the numbers
    of their classes, ``class_indices`` a dict from the name of a class to its number.
    """

    class_modes: tuple
    filenames: list[str]
    filepaths: list[str]
    class_indices: dict[str, int]
    classes: Any = None
    targets: Any = None
    sample_weight: np.ndarray | None = None

    def _take_file_settings(
        self,
        target_size: Any,
        color_mode: str,
        class_mode: str | None,
        interpolation: str,
        keep_aspect_ratio: bool,
    ) -> None:
        channels = {"grayscale": 1, "rgb": 3, "rgba": 4}
        if color_mode not in channels:
            raise ValueError(
                f"color_mode={color_mode!r}; expected one of {', '.join(channels)}"
                f"{suggest(color_mode, channels)}"
            )
        if class_mode not in self.class_modes:
            modes = ", ".join(map(repr, self.class_modes))
            raise ValueError(
                f"class_mode={class_mode!r}; expected one of {modes}"
                f"{suggest(class_mode, self.class_modes)}"
            )
        self.target_size = tuple(target_size)
        self.color_mode = color_mode
        self.class_mode = class_mode
        self.interpolation = interpolation
        self.keep_aspect_ratio = keep_aspect_ratio
        number = (channels[color_mode],)
        last = self.data_format == "channels_last"
        self.image_shape = self.target_size + number if last else number + self.target_size

    @property
    def labels(self) -> Any:
        """The numbers of the classes, or the targets of a table."""
        return self.classes if self.targets is None else self.targets

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        images = _stacked([self._load(i) for i in index_array], self.image_shape, self.dtype)
        self._saved(images, index_array)
        if self.class_mode is None:
            return images
        y = self._labels_of(images, index_array)
        if self.sample_weight is None:
            return images, y
        return images, y, self.sample_weight[index_array]

    def _load(self, i: int) -> np.ndarray:
        image = load_img(
            self.filepaths[i],
            self.color_mode,
            self.target_size,
            self.interpolation,
            self.keep_aspect_ratio,
        )
        x, generator = img_to_array(image, self.data_format), self.image_data_generator
        return generator.augmented(x) if generator else x

    def _labels_of(self, images: np.ndarray, rows: np.ndarray) -> Any:
        if self.class_mode == "input":
            return images.copy()
        if self.class_mode in ("binary", "sparse"):
            return np.array([self.classes[i] for i in rows], self.dtype)
        if self.class_mode == "categorical":
            y = np.zeros((len(rows), len(self.class_indices)), self.dtype)
            for row, i in zip(y, rows, strict=True):
                row[self.classes[i]] = 1  # of one class, or of several
            return y
        if self.class_mode == "multi_output":
            return [target[rows] for target in self.targets]
        return self.targets[rows]


class DirectoryIterator(_FileIterator):
    """What ``ImageDataGenerator.flow_from_directory`` returns; its arguments are those of that."""

    class_modes = (*WITH_CLASSES, "input", None)

    def __init__(
        self,
        directory: Any,
        image_data_generator: Any,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: list[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = None,
    ) -> None:
        self._take_settings(image_data_generator, data_format, dtype)
        self._save_to(save_to_dir, save_prefix, save_format)
        self._take_file_settings(
            target_size, color_mode, class_mode, interpolation, keep_aspect_ratio
        )
        self.directory = os.fspath(directory)
        if not os.path.isdir(self.directory):
            raise FileNotFoundError(f"flow_from_directory: there is no folder {self.directory!r}.")
        names = classes or sorted(e.name for e in os.scandir(self.directory) if e.is_dir())
        self.num_classes = len(names)
        self.class_indices = {name: number for number, name in enumerate(names)}
        numbers: list[int] = []
        self.filenames = []
        for number, name in enumerate(names):
            found = _image_files(os.path.join(self.directory, name), follow_links)
            if subset is not None:
                found = found[image_data_generator.part_of(len(found), subset)[0]]
            self.filenames += [os.path.relpath(path, self.directory) for path in found]
            numbers += [number] * len(found)
        self.classes = np.array(numbers, np.int32)
        self.samples = len(self.filenames)
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        write(f"Found {self.samples} images belonging to {self.num_classes} classes.\n")
        if not self.samples:
            raise ValueError(f"flow_from_directory: there are no images in {self.directory!r}.")
        super().__init__(self.samples, batch_size, shuffle, seed)


def _image_files(folder: str, follow_links: bool) -> list[str]:
    return [
        os.path.join(above, name)
        for above, _, names in sorted(os.walk(folder, followlinks=follow_links))
        for name in sorted(names)
        if name.lower().endswith(ENDINGS)
    ]


class DataFrameIterator(_FileIterator):
    """What ``ImageDataGenerator.flow_from_dataframe`` returns; its arguments are those of that."""

    class_modes = (*WITH_CLASSES, "input", "multi_output", "raw", None)

    def __init__(
        self,
        dataframe: Any,
        directory: Any = None,
        image_data_generator: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: list | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = "channels_last",
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = "float32",
        validate_filenames: bool = True,
    ) -> None:
        self._take_settings(image_data_generator, data_format, dtype)
        self._save_to(save_to_dir, save_prefix, save_format)
        self._take_file_settings(
            target_size, color_mode, class_mode, interpolation, keep_aspect_ratio
        )
        self.directory = os.fspath(directory or "")
        names = list(dataframe[x_col])
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"flow_from_dataframe: the column {x_col!r} must hold texts.")
        rows = list(range(len(names)))
        if validate_filenames:
            rows = self._that_exist(names, x_col)
        labels = None
        if class_mode in WITH_CLASSES:
            labels = list(dataframe[y_col])
            rows, classes = self._with_classes(rows, labels, classes, y_col)
            self.class_indices = {name: number for number, name in enumerate(classes)}
        elif classes:
            warnings.warn(
                f"flow_from_dataframe: class_mode={class_mode!r} has no use for `classes`",
                stacklevel=users_level(),
            )
        if subset is not None:
            rows = rows[image_data_generator.part_of(len(rows), subset)[0]]
        self._take_labels(dataframe, rows, labels, y_col, weight_col)
        self.filenames = [names[i] for i in rows]
        self.samples = len(rows)
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        kind = "validated" if validate_filenames else "non-validated"
        about = "" if labels is None else f" belonging to {len(self.class_indices)} classes"
        write(f"Found {self.samples} {kind} image filenames{about}.\n")
        if not self.samples:
            raise ValueError(
                f"flow_from_dataframe: of the {len(names)} files of the column {x_col!r} none is "
                f"left; are they below directory={self.directory!r}?"
            )
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _that_exist(self, names: list[str], x_col: str) -> list[int]:
        """The numbers of the rows whose files are there, and images by their endings."""
        rows = [
            i
            for i, name in enumerate(names)
            if name.lower().endswith(ENDINGS) and os.path.isfile(os.path.join(self.directory, name))
        ]
        if len(rows) < len(names):
            missing = next(name for i, name in enumerate(names) if i not in set(rows))
            warnings.warn(
                f"flow_from_dataframe leaves out {len(names) - len(rows)} of {len(names)} files of "
                f"the column {x_col!r}, which are not there or no images, such as {missing!r}",
                stacklevel=users_level(),
            )
        return rows

    def _with_classes(
        self, rows: list[int], labels: list, classes: Any, y_col: Any
    ) -> tuple[list[int], list]:
        """The rows that have one of the classes, and the names of the classes; of a list of labels
        only those among them are kept.
        """
        several = self.class_mode == "categorical"
        kinds = (str, list, tuple) if several else (str,)
        if not all(isinstance(label, kinds) for label in labels):
            words = "texts, or lists of texts" if several else "texts"
            raise TypeError(
                f"flow_from_dataframe: class_mode={self.class_mode!r} needs {words} in the column "
                f"{y_col!r}; class_mode='raw' takes numbers as they are."
            )
        given = list(dict.fromkeys(classes or ()))
        found = given or sorted({name for i in rows for name in _names(labels[i])})
        if self.class_mode == "binary" and len(given or set(labels)) != 2:
            raise ValueError(
                "flow_from_dataframe: class_mode='binary' needs two classes; there are "
                f"{len(given or set(labels))}."
            )
        if given:
            for i in rows:
                kept = [name for name in _names(labels[i]) if name in given]
                labels[i] = kept[0] if kept and isinstance(labels[i], str) else kept
            rows = [i for i in rows if labels[i]]
        return rows, found

    def _take_labels(
        self, table: Any, rows: list[int], labels: list | None, y_col: Any, weight_col: str | None
    ) -> None:
        if labels is not None:
            numbers = self.class_indices
            self.classes = [
                numbers[label] if isinstance(label, str) else [numbers[name] for name in label]
                for label in (labels[i] for i in rows)
            ]
        elif self.class_mode == "multi_output":
            if not isinstance(y_col, list):
                raise TypeError(
                    "flow_from_dataframe: class_mode='multi_output' needs a list of columns as "
                    f"y_col; got {y_col!r}."
                )
            self.targets = [
                np.array([column[i] for i in rows]) for column in _columns(table, y_col)
            ]
        elif self.class_mode == "raw":
            columns = [np.array([c[i] for i in rows]) for c in _columns(table, _listed(y_col))]
            self.targets = np.stack(columns, axis=1) if isinstance(y_col, list) else columns[0]
        if weight_col:
            weights = np.asarray(list(table[weight_col]))
            if weights.dtype.kind not in "iuf":
                raise TypeError(
                    f"flow_from_dataframe: the column {weight_col!r} of weights must hold numbers."
                )
            self.sample_weight = weights[rows]


def _names(label: Any) -> Iterable[str]:
    return (label,) if isinstance(label, str) else label


def _columns(table: Any, names: list) -> list[list]:
    return [list(table[name]) for name in names]
