"""What `cifar10` and `cifar100` share. They are read in their binary form: a record of bytes for
each image, and no Python objects, whose reading could run code.
"""

import os

import numpy as np

from .. import config
from ._cache import cache_folder, download, named_by

POINTS = 3 * 32 * 32  # red, green, blue, each row by row


def find_folder(archive, url, checksum, variable, inner, files):
    """The folder that holds these files: named by `variable`, unpacked in the cache, or downloaded.

    archive: the name of the archive of all files; inner: the folder in it.
    """
    named = named_by(variable)
    if named is not None:
        for folder in (named, named / inner):
            if _missing(folder, files) is None:
                return folder
        raise FileNotFoundError(
            f"the environment variable {variable} names {str(named)!r}; "
            f"{named / _missing(named, files)} is not there"
        )
    cached = cache_folder() / archive
    unpacked = cache_folder() / f"{archive.partition('.')[0]}_extracted" / inner
    if _missing(unpacked, files) is None:
        return unpacked
    help_text = (
        f"The data are not on this computer. Put {archive} into {cache_folder()},\n"
        f"or name a folder with {', '.join(files)} in the environment variable {variable}."
    )
    return download(url, cached, checksum, help_text, extract=True) / inner


def _missing(folder, files):
    return next((name for name in files if not (folder / name).is_file()), None)


def read(paths, labels, classes):
    """The images (N, 32, 32, 3), or the channels first as configured, and the labels (N,) of files.

    labels: how many bytes of labels precede the points of an image.
    classes: how many there are of the last of these labels.
    Raises ValueError if a file is damaged.
    """
    rows = [_records(path, labels + POINTS) for path in paths]
    numbers = np.concatenate([r[:, :labels] for r in rows])
    if numbers[:, -1].max() >= classes:
        raise ValueError(
            f"{paths[0].parent} has the label {numbers[:, -1].max()}; expected 0 to {classes - 1}"
        )
    first = config.image_data_format() == "channels_first"
    shape = (3, 32, 32) if first else (32, 32, 3)
    images, start = np.empty((len(numbers), *shape), np.uint8), 0
    for r in rows:
        points = r[:, labels:].reshape(-1, 3, 32, 32)
        images[start : start + len(r)] = points if first else points.transpose(0, 2, 3, 1)
        start += len(r)
    return images, numbers


def _records(path, size):
    """The records of a file, as rows of a memory map."""
    length = os.path.getsize(path)
    if length == 0 or length % size:
        raise ValueError(
            f"{path} has {length} bytes, which is no whole number of records of {size} bytes; "
            "delete it and load it again"
        )
    return np.memmap(path, np.uint8, "r").reshape(-1, size)
