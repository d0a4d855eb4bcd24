"""Data preparation under the names of Keras 2: `preprocessing.image`, `.sequence`, `.text`."""

from ..utils.images import image_dataset_from_directory
from ..utils.naming import suggest_attributes
from ..utils.sequences import timeseries_dataset_from_array
from ..utils.text_files import text_dataset_from_directory
from . import image, sequence, text

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]


suggest_attributes(globals())


def __dir__() -> list[str]:
    return sorted(__all__)
