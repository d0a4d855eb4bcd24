"""Utilities: data sets, labels, padding, seeds, registration, pictures of models, progress bar."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from ..legacy import old_attribute
from . import legacy
from .batches import pack_x_y_sample_weight, unpack_x_y_sample_weight
from .configs import Config
from .datasets import PyDataset, Sequence
from .dtypes import standardize_dtype
from .graphs import get_source_inputs, is_keras_tensor
from .model_pictures import model_to_dot, plot_model
from .naming import snake_case, suggest
from .notices import TrainingWarning
from .numerical import normalize, to_categorical
from .progbar import Progbar
from .registration import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from .seeds import clear_session, set_random_seed
from .serialization import deserialize_keras_object, serialize_keras_object

if TYPE_CHECKING:
    from .audio_files import audio_dataset_from_directory
    from .downloads import get_file
    from .images import (
        array_to_img,
        image_dataset_from_directory,
        img_to_array,
        load_img,
        save_img,
    )
    from .pipelines import Dataset
    from .sequences import pad_sequences, timeseries_dataset_from_array
    from .splitting import split_dataset
    from .text_files import text_dataset_from_directory

__all__ = [
    "Config",
    "CustomObjectScope",
    "Dataset",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "TrainingWarning",
    "array_to_img",
    "audio_dataset_from_directory",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "legacy",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "snake_case",
    "split_dataset",
    "standardize_dtype",
    "suggest",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

# Data sets and files need much that a training does not: imported when first used.
_HOMES = {
    "Dataset": "pipelines",
    "array_to_img": "images",
    "audio_dataset_from_directory": "audio_files",
    "get_file": "downloads",
    "image_dataset_from_directory": "images",
    "img_to_array": "images",
    "load_img": "images",
    "pad_sequences": "sequences",
    "save_img": "images",
    "split_dataset": "splitting",
    "text_dataset_from_directory": "text_files",
    "timeseries_dataset_from_array": "sequences",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return value
    found = sys.modules["diptych"].lent("utils", name)  # FeatureSpace, which is made of layers
    return found or old_attribute("utils", name, globals())


def __dir__() -> list[str]:
    return sorted(__all__)
