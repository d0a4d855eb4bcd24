"""Models to files and back: ``model.save``, ``load_model``, ``save_weights``, ``load_weights``.

The ending of the path chooses the layout: ``.keras`` (all of a model), ``.h5`` (the same as Keras 1
and 2 wrote it), ``.weights.h5``, ``.weights.json`` (several files) and ``.safetensors`` (weights).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .. import processes
from ..budget import Budget, from_file
from ..files import legacy, safetensors
from ..files.archive import Archive, write_archive
from ..files.atomic import replacing
from ..files.hdf5 import Reader
from ..files.region import Damaged, Unmakeable
from ..files.weights import (
    exists_or_raise,
    read_shards,
    read_weights,
    states_of,
    write_shards,
    write_weights,
)
from ..layers.serialization import deserialize
from ..legacy import quiet
from ..utils.lambdas import lambdas_allowed
from ..utils.naming import suggest
from ..utils.objects import dict_of
from ..utils.registration import CustomObjectScope
from .config import masks_named

if TYPE_CHECKING:
    from .model import Model

WHOLE = (".keras", ".h5", ".hdf5")
WEIGHTS = (".weights.h5", ".weights.json", ".safetensors")


def save_model(
    model: Model,
    filepath: str | os.PathLike | IO[bytes],
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Write a model: layers, weights, how it was compiled, and the optimizer's state.

    Args:
        model: the model.
        filepath: a path that ends in ``.keras``, or in ``.h5`` for Keras's older layout; or an open
            binary file, for ``.keras``.
        overwrite: whether a file that is there may be replaced.
        zipped: True: a ``.keras`` file is one file, an archive; there is no other kind here.
        **kwargs: ``include_optimizer``, for ``.h5``: whether the compiled state is written too;
            ``save_format``, "keras" or "h5", for a path with another ending.

    Raises:
        ValueError: the ending or an argument is unknown, or an object of the model has no
            ``get_config``.
        FileExistsError: the file is there, and ``overwrite`` is False.
        OSError: it cannot be written; what was there before is unchanged.
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    save_format = kwargs.pop("save_format", None)
    _refuse(kwargs, "save_model", ("zipped", "include_optimizer", "save_format", "overwrite"))
    if zipped is not None and not zipped:
        raise ValueError(
            "zipped=False would write a folder of files; diptych writes a model to one file: leave "
            "the argument out."
        )
    if not isinstance(filepath, (str, os.PathLike)):
        with masks_named():
            write_archive(filepath, model)
        return
    path = Path(filepath)
    ending = {"keras": ".keras", "h5": ".h5"}.get(save_format or "", _ending(path, WHOLE))
    if ending not in WHOLE:
        raise ValueError(
            f"A model is saved to a file that ends in .keras (or .h5, Keras's older layout), but "
            f"got {str(path)!r}. For weights alone: save_weights('name.weights.h5')."
        )
    _may_replace(path, overwrite)
    with replacing(path) as file, masks_named():
        if ending == ".keras":
            write_archive(file, model)
        else:
            legacy.write_model(file, model, include_optimizer)


def save_space(space: Any, filepath: str | os.PathLike) -> None:
    """Write a FeatureSpace, which ``load_model`` reads."""
    path = Path(filepath)
    if path.suffix != ".keras":
        raise ValueError(
            f"A FeatureSpace is saved to a file that ends in .keras; got {str(path)!r}."
        )
    with replacing(path) as file:
        write_archive(file, space)


def load_model(
    filepath: str | os.PathLike | IO[bytes],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """Read a model from a file that diptych or Keras (1, 2 or 3) wrote.

    No code in the file is run, and nothing but the file is touched. An engine is not in the file:
    the model runs on the one in force, or on the one that is set as its ``engine``.

    Args:
        filepath: the path of a ``.keras`` or ``.h5`` file, or an open ``.keras`` file.
        custom_objects: classes and functions of your own, by name, that are not registered.
        compile: whether to compile it as it was compiled, with the optimizer's state.
        safe_mode: False also loads Python lambdas, which is code: only from a source you trust.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or holds what is not known here; the message says where.
    """
    if not isinstance(filepath, (str, os.PathLike)):
        return _load_archive(filepath, "the file", custom_objects, compile, safe_mode)
    processes.meet("load a model")  # the first one may be writing the file
    path = exists_or_raise(filepath)
    if path.is_dir():
        raise ValueError(
            f"{str(path)!r} is a folder. diptych reads files that end in .keras or .h5; a "
            "TensorFlow SavedModel has to be saved again with model.save('name.keras')."
        )
    with path.open("rb") as file:
        start = file.read(8)
        file.seek(0)
        if start == b"\x89HDF\r\n\x1a\n":
            with (
                Reader(file, str(path)) as reader,
                _reading(path, custom_objects, safe_mode),
                _explained(str(path)),
            ):
                return legacy.read_model(
                    reader, compile, lambda config: _model_of(config, str(path))
                )
        return _load_archive(file, str(path), custom_objects, compile, safe_mode)


def _load_archive(
    file: IO[bytes], name: str, custom_objects: Any, compile: bool, safe_mode: bool
) -> Model:
    archive = Archive(file, name)
    with _reading(archive.size, custom_objects, safe_mode):
        with _explained(name):
            config = archive.config()
        with quiet():  # files of Keras 2 have its spellings
            model = _model_of(config, name)
            if compile and hasattr(model, "compile_from_config"):  # a feature space has not
                with _explained(name):
                    _compile(model, config)
        with _explained(name):
            archive.load_state(model, new=True)
        return model


def _model_of(config: dict[str, Any], name: str) -> Any:
    """The model of a configuration, with weights if the shapes of its inputs are known."""
    with _explained(name):
        model: Any = deserialize(config)
    if not hasattr(model, "save"):  # as models and feature spaces have
        raise Damaged(f"{name} holds a {type(model).__name__}, which is no model.")
    return model


def _compile(model: Any, config: dict[str, Any]) -> None:
    """Compile a model, and those that are layers of it, as their configurations say."""
    told = config.get("compile_config")
    if told:
        model.compile_from_config(dict_of(told, "compile"))
    models = {x.name: x for x in model.layers if hasattr(x, "compile_from_config")}
    entries = dict_of(config.get("config"), "a model").get("layers") if models else ()
    for entry in filter(lambda x: isinstance(x, dict), entries or ()):
        layer = models.get(dict_of(entry.get("config"), "a layer").get("name"))
        if layer is not None:
            _compile(layer, entry)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Whatever a senseless configuration raises, as a ValueError that names the file."""
    try:
        yield
    except (Damaged, FileNotFoundError, ImportError, MemoryError, NotImplementedError):
        raise
    except Exception as error:
        own = ""
        if "here is no " in str(error) and "named" in str(error):
            own = (
                ". What is your own goes into custom_objects={name: it}, or is decorated with "
                "diptych.saving.register_keras_serializable()"
            )
        raise Unmakeable(
            f"{name}: the model in it cannot be made. {type(error).__name__}: {error}{own}"
        ) from error


@contextmanager
def _reading(size: Any, custom_objects: dict[str, Any] | None, safe_mode: bool) -> Iterator[None]:
    """While the model of a file is made: its weights need no values yet, and not more memory than
    the file can fill.
    """
    if isinstance(size, Path):
        size = size.stat().st_size
    token = from_file.set(Budget(4 * size + (64 << 20)))
    try:
        with CustomObjectScope(custom_objects or {}), lambdas_allowed(not safe_mode):
            yield
    finally:
        from_file.reset(token)


def save_weights(
    model: Model,
    filepath: str | os.PathLike,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Write the weights of a model.

    Args:
        model: the model; it must have its weights already.
        filepath: a path that ends in ``.weights.h5`` or ``.safetensors``; with ``max_shard_size``
            in ``.weights.json``. A plain ``.h5`` gets the layout of Keras 2.
        overwrite: whether a file that is there may be replaced.
        max_shard_size: the largest size of one file, in GB.
        **kwargs: none; for Keras's sake.

    Raises:
        ValueError: the model has no weights yet, or the ending or an argument is unknown.
        FileExistsError: the file is there, and ``overwrite`` is False.
        OSError: it cannot be written; what was there before is unchanged.
    """
    _refuse(kwargs, "save_weights", ("max_shard_size", "overwrite"))
    path = Path(filepath)
    if not model.built:
        raise ValueError(
            f"Model {model.name!r} has no weights to save yet: call it on data, or "
            "model.build(input_shape), first."
        )
    ending = _ending(path, (*WEIGHTS, ".h5", ".hdf5"))
    if (ending == ".weights.json") != (max_shard_size is not None):
        raise ValueError(
            "Weights in several files need a path that ends in .weights.json and max_shard_size in "
            f"GB; got {str(path)!r} and max_shard_size={max_shard_size!r}."
        )
    if ending is None:
        raise ValueError(
            f"Weights are saved to a file that ends in .weights.h5 or .safetensors, but got "
            f"{str(path)!r}."
        )
    _may_replace(path, overwrite)
    if max_shard_size is not None:
        write_shards(path, model, max_shard_size)
        return
    with replacing(path) as file:
        if ending == ".safetensors":
            safetensors.write(file, model)
        elif ending == ".weights.h5":
            write_weights(file, states_of(model))
        else:
            legacy.write_weights_file(file, model)


def load_weights(
    model: Model,
    filepath: str | os.PathLike,
    skip_mismatch: bool = False,
    **kwargs: Any,
) -> None:
    """Read weights into a model; if anything in the file does not fit, the model stays as it was.

    The state of an optimizer in the file, its learning rate among it, goes to the model's optimizer
    only if that is built, by training or ``optimizer.build(model.trainable_variables)``; otherwise
    it is left, with a warning.

    Args:
        model: the model; it must have its weights already.
        filepath: a file of ``save_weights`` or ``save``, of diptych or Keras.
        skip_mismatch: whether layers that do not fit keep their weights, with a warning each.
        **kwargs: ``by_name``, for ``.h5`` files of Keras 1 and 2: match layers by their names;
            those that the file does not have keep their weights.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or holds the weights of another model; or an argument is unknown.
    """
    by_name = kwargs.pop("by_name", False)
    _refuse(kwargs, "load_weights", ("by_name", "skip_mismatch"))
    processes.meet("load weights")  # the first one may be writing the file
    path = exists_or_raise(filepath)
    if not model.built:
        raise ValueError(
            f"Model {model.name!r} has no weights yet into which a file could be read: call it on "
            "data, or model.build(input_shape), first."
        )
    if by_name and path.suffix not in (".h5", ".hdf5"):
        raise ValueError(
            f"by_name=True is for .h5 files of Keras 1 and 2; got {str(path)!r}. "
            "skip_mismatch=True leaves out what does not fit."
        )
    if path.suffix == ".json":
        read_shards(path, model, skip_mismatch)
        return
    with path.open("rb") as file:
        start = file.read(8)
        file.seek(0)
        if path.suffix == ".safetensors":
            safetensors.read(file, str(path), model, skip_mismatch)
        elif start[:2] == b"PK":
            Archive(file, str(path)).load_state(model, skip_mismatch)
        else:
            with Reader(file, str(path)) as reader:
                if legacy.is_legacy(reader):
                    legacy.read_weights_file(reader, model, by_name, skip_mismatch)
                elif by_name:
                    raise ValueError(
                        f"by_name=True is for .h5 files of Keras 1 and 2; {str(path)!r} is of "
                        "Keras 3, whose parts have no names. skip_mismatch=True leaves out what "
                        "does not fit."
                    )
                else:
                    read_weights(reader, model, skip_mismatch)


def _refuse(kwargs: dict[str, Any], function: str, known: tuple[str, ...]) -> None:
    for name in kwargs:
        raise ValueError(f"{function}() has no argument {name!r}{suggest(name, known) or '.'}")


def _ending(path: Path, endings: tuple[str, ...]) -> str | None:
    return next((ending for ending in endings if path.name.endswith(ending)), None)


def _may_replace(path: Path, overwrite: bool) -> None:
    if not overwrite and path.exists():
        raise FileExistsError(
            f"{str(path)!r} is there already; overwrite=True replaces it, or give another path."
        )
