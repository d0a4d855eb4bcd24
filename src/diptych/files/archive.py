"""Keras's ``.keras`` archive: a zip file of a configuration, metadata, weights and assets."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from typing import IO, Any

from ..utils.objects import dict_of, plain, serialize
from .hdf5 import Reader
from .region import Damaged, Region
from .tree import generators_of, parts_of
from .weights import MOST_JSON, parse_json, read_weights, states_of, write_weights

KERAS = "3.15.1"  # the version of the layout
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_GENERATORS = "diptych.random.json"  # where dropout goes on; Keras does not look at it
_MOST_ASSET = 64 << 20  # bytes, of a vocabulary


def write_archive(file: IO[bytes], model: Any) -> None:
    """Write a model with all that belongs to it."""
    config = json.dumps(serialize(model), default=plain)
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    weights = io.BytesIO()
    write_weights(weights, states_of(model), whole=False)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(_METADATA, json.dumps({"keras_version": KERAS, "date_saved": now}))
        archive.writestr(_CONFIG, config)
        archive.writestr(_WEIGHTS, weights.getbuffer())
        for name, content in _assets_of(model).items():
            archive.writestr(f"assets/{name}", content)
        states = generators_of(model)
        if states:
            found = {path: generator.bit_generator.state for path, generator in states.items()}
            archive.writestr(_GENERATORS, json.dumps(found))


def _assets_of(model: Any) -> dict[str, str]:
    """The texts that layers keep beside their weights, by their paths."""
    return {
        f"{part.path}/{name}" if part.path else name: content
        for part in parts_of(model)
        if hasattr(part.thing, "asset_names")
        for name, content in part.thing.save_assets().items()
    }


class Archive:
    """An archive open for reading."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
            names = self._zip.namelist()
        except Exception as error:
            raise Damaged(f"{name} is no .keras file, or a damaged one ({error}).") from None
        self._names = set(names)
        # The most that its weights can be: a packed member is not larger than what it says.
        self.size = max(
            [min(i.file_size, 1100 * i.compress_size) for i in self._zip.infolist()], default=0
        )
        if len(self._names) != len(names):
            raise Damaged(f"{name} has two members of one name.")
        if _CONFIG not in names:
            raise Damaged(f"{name} is no .keras file: it has no {_CONFIG}.")

    def config(self) -> dict[str, Any]:
        """The model's configuration, class and all."""
        found = parse_json(self._member(_CONFIG, MOST_JSON), f"{self.name}: {_CONFIG}")
        if not isinstance(found, dict):
            raise Damaged(f"{self.name}: {_CONFIG} is no dict.")
        return found

    def _member(self, name: str, most: int) -> bytes:
        """The bytes of a member, which may be so many and not more, whatever its header says."""
        try:
            info = self._zip.getinfo(name)
            if info.file_size > most:
                raise Damaged(f"{self.name}: {name} has more than {most >> 20} MB.")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Damaged(f"{self.name}: {name} is packed in a way that is not unpacked here.")
            with self._zip.open(info) as member:
                content = member.read(most + 1)
        except Damaged:
            raise
        except Exception as error:
            raise Damaged(f"{self.name}: {name} is damaged ({error}).") from None
        if len(content) > most:
            raise Damaged(f"{self.name}: {name} has more than {most >> 20} MB.")
        return content

    def load_state(self, model: Any, skip_mismatch: bool = False, new: bool = False) -> None:
        """Read weights and assets into a model; if anything is wrong, it stays as it was, unless it
        is ``new``, that is, made for this file.
        """
        assets = self._assets(model)
        with self._weights(model) as reader:
            read_weights(reader, model, skip_mismatch, new)
        for layer, content in assets:
            layer.load_assets(content)
        self._continue_generators(model)

    def _continue_generators(self, model: Any) -> None:
        """Let random layers go on where they were when the file was written."""
        if _GENERATORS not in self._names:
            return
        name = f"{self.name}: {_GENERATORS}"
        states = dict_of(parse_json(self._member(_GENERATORS, MOST_JSON), name), name)
        for path, generator in generators_of(model).items():
            if path in states:
                try:
                    generator.bit_generator.state = states[path]
                except (TypeError, ValueError, KeyError, OverflowError) as error:
                    raise Damaged(f"{name} is damaged ({error}).") from None

    def _assets(self, model: Any) -> list[tuple[Any, dict[str, str]]]:
        found = []
        for part in parts_of(model):
            prefix = f"assets/{part.path}/" if part.path else "assets/"
            content = {}
            for name in getattr(part.thing, "asset_names", ()):
                if prefix + name in self._names:
                    try:
                        content[name] = self._member(prefix + name, _MOST_ASSET).decode()
                    except UnicodeDecodeError:
                        raise Damaged(f"{self.name}: {prefix}{name} is no text.") from None
            if content:
                found.append((part.thing, content))
        return found

    def _weights(self, model: Any) -> Reader:
        """The HDF5 file within. Where it is stored as it is, it is read where it lies."""
        name = f"{self.name}: {_WEIGHTS}"
        if _WEIGHTS not in self._names:
            raise Damaged(f"{self.name} holds no weights: it has no {_WEIGHTS}.")
        info = self._zip.getinfo(_WEIGHTS)
        window = self._window(info)
        if window is not None:
            return Reader(window, name, info.CRC)
        size = sum(a.nbytes for _, arrays in states_of(model) for a in arrays.values())
        content = self._member(_WEIGHTS, 2 * size + (16 << 20))
        return Reader(io.BytesIO(content), name)

    def _window(self, info: zipfile.ZipInfo) -> Region | None:
        """The bytes of a member where they lie in the file; None if it is packed."""
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            return None
        whole = Region(self._file)
        header = bytearray(30)
        if whole.read_at(info.header_offset, header) < 30 or header[:4] != b"PK\x03\x04":
            raise Damaged(f"{self.name}: {info.filename} is damaged.")
        lengths = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        begin = info.header_offset + 30 + sum(lengths)
        if begin + info.file_size > whole.size:
            raise Damaged(f"{self.name}: {info.filename} is cut off.")
        return Region(self._file, begin, info.file_size)
