"""FeatureSpace: the columns of a table, prepared and joined to one vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops
from ..layers.core import Identity, Input
from ..layers.layer import Layer
from ..layers.preprocessing.base import check_choice, values_of
from ..layers.preprocessing.categories import CategoryEncoding, Discretization, Hashing
from ..layers.preprocessing.crossing import HashedCrossing
from ..layers.preprocessing.lookup import IntegerLookup, StringLookup
from ..layers.preprocessing.numbers import Normalization, Rescaling
from ..layers.preprocessing.text import TextVectorization
from ..layers.serialization import MODELS, deserialize
from ..tensor import Tensor
from ..utils import objects
from ..utils.naming import auto_name, suggest
from ..utils.pipelines import Dataset

__all__ = ["FeatureSpace"]

KINDS = (
    "float float_normalized float_rescaled float_discretized integer_categorical "
    "string_categorical integer_hashed string_hashed"
).split()


class Feature:
    """How one column is prepared.

    Args:
        dtype: of the column: "float32", "int32" or "string".
        preprocessor: the layer that prepares it, or its configuration.
        output_mode: "int", "one_hot" or "float": what becomes of its result.
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        self.output_mode = check_choice(
            output_mode, ("int", "one_hot", "float"), "output_mode", "FeatureSpace.feature()"
        )
        self.dtype = dtype
        is_config = isinstance(preprocessor, dict)
        self.preprocessor = deserialize(preprocessor) if is_config else preprocessor

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {
            "dtype": self.dtype,
            "preprocessor": objects.serialize(self.preprocessor),
            "output_mode": self.output_mode,
        }


class Cross:
    """Columns that are taken together, as one category.

    Args:
        feature_names: the names of the columns.
        crossing_dim: the number of bins of the hash.
        output_mode: "int" or "one_hot".
    """

    def __init__(
        self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> None:
        self.output_mode = check_choice(
            output_mode, ("int", "one_hot"), "output_mode", "FeatureSpace.cross()"
        )
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim

    @property
    def name(self) -> str:
        """The names of its columns, joined by "_X_"."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {
            "feature_names": list(self.feature_names),
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }


class FeatureSpace(Layer):
    """Prepares the columns of a table, each by a layer of its own, and joins them to one vector.

        space = FeatureSpace(
            {"age": "float_normalized", "job": "string_categorical", "city": "string_hashed"},
            crosses=[("job", "city")],
        )
        space.adapt(table)                      # a dict of columns, or a Dataset of such dicts
        x = space(table)                        # (N, columns)

    Args:
        features: {name: kind}, where a kind is one of these names, or what the method of this name
            returns: "float", "float_rescaled", "float_normalized", "float_discretized",
            "integer_categorical", "string_categorical", "integer_hashed", "string_hashed"; or
            ``FeatureSpace.feature(dtype, layer, output_mode)``.
        output_mode: "concat": one vector for each row; "dict": {name: its part}.
        crosses: tuples of names of columns that are taken together, or ``FeatureSpace.cross(...)``.
        crossing_dim: the number of bins of each of them.
        hashing_dim: that of "integer_hashed" and "string_hashed".
        num_discretization_bins: that of "float_discretized".

    In a model: ``get_inputs()`` are its inputs and ``get_encoded_features()`` what the space makes
    of them. The parts of a vector are in the order of their names, the crosses last.
    """

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Sequence | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ValueError("FeatureSpace needs `features`, {name: kind}, of at least one column.")
        self.output_mode = check_choice(
            output_mode, ("concat", "dict"), "output_mode", "FeatureSpace"
        )
        self.crossing_dim = crossing_dim
        self.hashing_dim = hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {key: self._feature(key, kind) for key, kind in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.inputs = {
            key: Input(shape=(1,), dtype=feature.dtype, name=key)
            for key, feature in self.features.items()
        }
        self.preprocessors: dict[str, Any] = {
            key: feature.preprocessor for key, feature in self.features.items()
        }
        self.crossers = {
            cross.name: HashedCrossing(cross.crossing_dim, name=cross.name)
            for cross in self.crosses
        }
        self.one_hot_encoders: dict[str, CategoryEncoding] = {}
        self.encoded_features: Any = None
        self._is_adapted = False

    # ----------------------------------------------------------------------------------------------
    # Kinds of columns

    @classmethod
    def cross(
        cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> Cross:
        """Columns that are taken together, in ``crossing_dim`` bins."""
        return Cross(feature_names, crossing_dim, output_mode=output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A column that a layer of your own prepares."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        layer = Identity(name=_layer_name(name, "float"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """Numbers times ``scale`` plus ``offset``."""
        layer = Rescaling(scale, offset, name=_layer_name(name, "float_rescaled"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers of mean 0 and variance 1, by the data of ``adapt``."""
        layer = Normalization(axis=-1, name=_layer_name(name, "float_normalized"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int,
        bin_boundaries: Any = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Numbers in bins, of these borders, or in ``num_bins`` of those that ``adapt`` finds."""
        layer = Discretization(
            num_bins=num_bins if bin_boundaries is None else None,
            bin_boundaries=bin_boundaries,
            name=_layer_name(name, "float_discretized"),
        )
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Integers that stand for categories, which ``adapt`` finds."""
        layer = IntegerLookup(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            name=_layer_name(name, "integer_categorical"),
        )
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Words that stand for categories, which ``adapt`` finds."""
        layer = StringLookup(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            name=_layer_name(name, "string_categorical"),
        )
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Words in bins of a hash."""
        layer = Hashing(num_bins, name=_layer_name(name, "string_hashed"))
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Integers in bins of a hash."""
        layer = Hashing(num_bins, name=_layer_name(name, "integer_hashed"))
        return Feature("int32", layer, output_mode)

    def _feature(self, key: str, kind: Any) -> Feature:
        if isinstance(kind, Feature):
            return kind
        if isinstance(kind, dict):
            return Feature(**objects.dict_of(kind.get("config", kind), "a feature"))
        if kind not in KINDS:
            raise ValueError(
                f"FeatureSpace: {kind!r} is no kind of the column {key!r}"
                f"{suggest(kind, KINDS) or '.'} There are {', '.join(KINDS)}."
            )
        sizes = {
            "float_discretized": (self.num_discretization_bins,),
            "integer_hashed": (self.hashing_dim,),
            "string_hashed": (self.hashing_dim,),
        }
        return getattr(self, kind)(*sizes.get(kind, ()), name=key)

    def _cross(self, cross: Any) -> Cross:
        if isinstance(cross, Cross):
            return cross
        if isinstance(cross, dict):
            return Cross(**objects.dict_of(cross.get("config", cross), "a cross"))
        for key in cross:
            if key not in self.features:
                raise ValueError(
                    f"FeatureSpace: crosses name the column {key!r}, which is not among `features`"
                    f"{suggest(key, self.features) or '.'}"
                )
        return Cross(cross, self.crossing_dim)

    # ----------------------------------------------------------------------------------------------
    # Use

    def adapt(self, dataset: Any) -> None:
        """Let the layers that need it learn from data.

        Args:
            dataset: a dict of columns, or a ``Dataset`` of dicts of values or batches.
        """
        if isinstance(dataset, dict):
            dataset = Dataset.from_tensor_slices({k: _column(v) for k, v in dataset.items()})
        if not isinstance(dataset, Dataset):
            raise ValueError(
                "FeatureSpace.adapt() takes a dict of columns, or a Dataset of such dicts; got "
                f"{dataset!r:.100} of type {type(dataset).__name__}."
            )
        for key in self._adaptable():
            column = dataset.map(lambda row: row[key])  # noqa: B023 - used at once
            if next(iter(column)).ndim == 0:
                column = column.batch(32)
            self.preprocessors[key].adapt(column.map(_as_column))
        self._is_adapted = True
        self.get_encoded_features()
        self.built = True

    def _adaptable(self) -> list[str]:
        """The columns whose layers learn from data."""
        return [key for key, layer in self.preprocessors.items() if _learns(layer)]

    def get_inputs(self) -> dict[str, Any]:
        """{name: symbolic input of shape (None, 1)}."""
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """What the space makes of its inputs, symbolically."""
        if not self._is_adapted and self._adaptable():
            raise ValueError("Call FeatureSpace.adapt(data) before the space is used.")
        self._is_adapted = True
        if self.encoded_features is None:
            self.encoded_features = self._encoded(self.inputs)
        return self.encoded_features

    def __call__(self, data: Any) -> Any:
        """Prepare a dict of columns (N,) or (N, 1), or of the values of one row."""
        self.get_encoded_features()
        if not isinstance(data, dict):
            raise ValueError(
                f"A FeatureSpace takes a dict of columns; got {data!r:.100} of type "
                f"{type(data).__name__}."
            )
        columns = {key: _column(value) for key, value in data.items()}
        alone = any(x.ndim == 0 for x in columns.values())
        encoded = self._encoded({key: _as_column(x) for key, x in columns.items()})
        if not alone:
            return encoded
        if self.output_mode == "concat":
            return encoded[0]
        return {key: x[0] for key, x in encoded.items()}

    def _encoded(self, columns: dict[str, Any]) -> Any:
        prepared = {key: self.preprocessors[key](x) for key, x in columns.items()}
        crossed = {
            cross.name: self.crossers[cross.name]([prepared[key] for key in cross.feature_names])
            for cross in self.crosses
        }
        modes = {key: f.output_mode for key, f in self.features.items()}
        modes.update((cross.name, cross.output_mode) for cross in self.crosses)
        parts = {
            key: self._one_hot(key, x) if modes[key] == "one_hot" else x
            for found in (prepared, crossed)
            for key, x in sorted(found.items())
        }
        if self.output_mode == "dict":
            return parts
        for key, x in parts.items():
            if str(x.dtype).startswith(("int", "string")):
                raise ValueError(
                    f"FeatureSpace: the column {key!r} is not encoded (its dtype is {x.dtype}), so "
                    "it cannot be joined to the others; give output_mode='dict'."
                )
        return ops.concatenate(list(parts.values()), axis=-1)

    def _one_hot(self, key: str, x: Any) -> Any:
        if key not in self.one_hot_encoders:
            layer = self.preprocessors.get(key) or self.crossers[key]
            if not str(x.dtype).startswith("int"):
                raise ValueError(
                    f"FeatureSpace: the column {key!r} has output_mode='one_hot', which needs "
                    f"integers from its layer, but that gives {x.dtype}."
                )
            if isinstance(layer, (IntegerLookup, StringLookup)):
                depth: Any = layer.vocabulary_size()
            elif isinstance(layer, CategoryEncoding):
                depth = layer.num_tokens
            elif isinstance(layer, Discretization):
                depth = layer.num_bins or len(layer.bin_boundaries or ()) + 1
            elif isinstance(layer, (Hashing, HashedCrossing)):
                depth = layer.num_bins
            else:
                raise ValueError(
                    f"FeatureSpace: the column {key!r} has output_mode='one_hot', but how many "
                    f"numbers its {type(layer).__name__} gives is not known; give 'int'."
                )
            self.one_hot_encoders[key] = CategoryEncoding(depth, output_mode="multi_hot")
        return self.one_hot_encoders[key](x)

    def get_config(self) -> dict[str, Any]:
        return {
            "features": {key: objects.serialize(f) for key, f in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [objects.serialize(cross) for cross in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
            "name": self.name,
        }

    # ----------------------------------------------------------------------------------------------
    # Files

    def get_build_config(self) -> dict[str, Any] | None:
        """How the layer of each column was built; None before ``adapt``, if one has to learn."""
        if not self._is_adapted and self._adaptable():
            return None
        return {key: layer.get_build_config() or {} for key, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layers as ``get_build_config`` of another space says; what they learned has to
        come from a file.
        """
        for key, layer in self.preprocessors.items():
            told = objects.dict_of(config.get(key), f"how the column {key!r} is built")
            if told and not layer.built:
                layer.build_from_config(told)
        self._is_adapted = True

    def save(self, filepath: Any) -> None:
        """Write the space, with what it has learned, to a ``.keras`` file, which
        ``diptych.saving.load_model`` reads.

        Raises:
            ValueError: the path has another ending.
            OSError: it cannot be written; what was there before is unchanged.
        """
        from .storage import save_space  # late, as in Model.save

        save_space(self, filepath)


MODELS["FeatureSpace"] = FeatureSpace
_HOME = "keras.src.layers.preprocessing.feature_space"
objects.HOMES[FeatureSpace] = ("keras.utils", "FeatureSpace", None)
for _part in (Feature, Cross):
    objects.HOMES[_part] = (_HOME, _part.__name__, _part.__name__)


def _learns(layer: Any) -> bool:
    """Whether a layer needs ``adapt``: it has the method, and no statistics or words were given."""
    if isinstance(layer, Normalization):
        return layer.input_mean is None
    if isinstance(layer, Discretization):
        return layer.num_bins is not None
    words = layer._lookup_layer if isinstance(layer, TextVectorization) else layer
    return hasattr(layer, "adapt") and not getattr(words, "_fixed", False)


def _layer_name(name: str | None, kind: str) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def _column(values: Any) -> np.ndarray:
    """Values of any kind as an array."""
    array = values_of(values, FeatureSpace)
    if isinstance(values, (float, list)) and array.dtype == np.float64:
        return array.astype(np.float32)
    return array


def _as_column(x: Any) -> Tensor:
    """Values (N,) or () as a column (N, 1)."""
    array = x.array if isinstance(x, Tensor) else x
    return Tensor(array.reshape(-1, 1) if array.ndim < 2 else array)
