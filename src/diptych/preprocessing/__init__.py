"""Old and new ways to prepare data, where Keras has them: `preprocessing.sequence`, `.text`."""

from ..utils.sequences import timeseries_dataset_from_array
from ..utils.text_files import text_dataset_from_directory
from . import sequence, text

__all__ = ["sequence", "text", "text_dataset_from_directory", "timeseries_dataset_from_array"]
