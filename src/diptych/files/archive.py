"""Keras's ``.keras`` archive: a zip file of a configuration, metadata, weights and assets."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from collections.abc import Callable
from typing import IO, Any

from ..utils.objects import dict_of, plain, serialize
from .assets import UNPACKED, read_assets, write_assets
from .hdf5 import Reader
from .jsontext import MOST_JSON, bounded, parse_json
from .keras2 import modern, modern_compilation
from .region import Damaged, Region
from .tree import continuing, generators_of
from .weights import read_weights, states_of, write_states

KERAS = "3.15.1"  # the version of the layout
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_GENERATORS = "diptych.random.json"  # where dropout goes on; Keras does not look at it
_MOST_ASSETS = 64 << 20  # bytes, more than the archive
_MOST_WORDS = 1_000_000  # in a vocabulary that is packed; others have one word in 8 bytes
_MOST_NAME = 1000


def write_archive(file: IO[bytes], model: Any) -> None:
    """Write a model with all that belongs to it."""
    config = json.dumps(serialize(model), default=plain)
    bounded(config, f"The configuration of model {model.name!r}")
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(_METADATA, json.dumps({"keras_version": KERAS, "date_saved": now}))
        archive.writestr(_CONFIG, config)
        _add_weights(archive, file, model)
        write_assets(archive, model)
        states = generators_of(model)
        if states:
            found = {path: generator.bit_generator.state for path, generator in states.items()}
            archive.writestr(_GENERATORS, json.dumps(found))


def _add_weights(archive: zipfile.ZipFile, file: IO[bytes], model: Any) -> None:
    """Write the weights where they lie in the archive, so that memory does not hold them twice.

    HDF5 jumps back and forth, which a member of an archive does not allow: the same bytes are
    written to it once more, for its checksum.
    """
    states = states_of(model)
    with archive.open(_WEIGHTS, "w", force_zip64=True) as member:
        in_place = isinstance(file, io.IOBase) and file.seekable() and file.readable()
        begin = file.tell() if in_place else 0
        region = Region(file, begin, 0) if in_place else Region(io.BytesIO())
        write_states(region, states)
        at, buffer = 0, memoryview(bytearray(1 << 20))
        while read := region.read_at(at, buffer):
            if in_place:
                file.seek(begin + at)
            member.write(buffer[:read])
            at += read


def _most_of(info: zipfile.ZipInfo) -> int:
    """How many bytes a member of weights or texts may have. Zeros could be packed to a thousandth,
    which no honest ones are, and Keras packs nothing.
    """
    return min(info.file_size, 8 * info.compress_size + (16 << 20))


class Archive:
    """An archive open for reading."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        self._file = file
        self._whole = Region(file)
        try:
            self._zip = zipfile.ZipFile(file)
            names = self._zip.namelist()
        except MemoryError:
            raise
        except Exception as error:
            raise Damaged(f"{name} is no .keras file, or a damaged one ({error}).") from None
        self._names = set(names)
        # The most that its weights can be.
        self.size = _most_of(self._zip.getinfo(_WEIGHTS)) if _WEIGHTS in self._names else 0
        if any(len(member) > _MOST_NAME for member in names):
            raise Damaged(f"{name} has a member with a very long name.")
        if len(self._names) != len(names):
            raise Damaged(f"{name} has two members of one name.")
        if _CONFIG not in names:
            raise Damaged(f"{name} is no .keras file: it has no {_CONFIG}.")

    def config(self) -> dict[str, Any]:
        """The model's configuration, class and all."""
        found = parse_json(self._member(_CONFIG, MOST_JSON), f"{self.name}: {_CONFIG}")
        if not isinstance(found, dict):
            raise Damaged(f"{self.name}: {_CONFIG} is no dict.")
        if self.version.startswith("2."):
            found = modern(found)
            told = dict_of(found.get("compile_config"), "how the model is compiled")
            found["compile_config"] = modern_compilation(told)
        return found

    @property
    def version(self) -> str:
        """The version of Keras that wrote it, as far as it says so."""
        return str(self.metadata().get("keras_version", ""))

    def metadata(self) -> dict[str, Any]:
        """Which version of Keras wrote it, and when, as far as it says so."""
        if _METADATA not in self._names:
            return {}
        name = f"{self.name}: {_METADATA}"
        return dict_of(parse_json(self._member(_METADATA, MOST_JSON), name), name)

    def _member(self, name: str, most: int) -> bytes:
        """The bytes of a member, which may be so many and not more, whatever its header says."""
        try:
            info = self._zip.getinfo(name)
            if info.file_size > most:
                raise Damaged(f"{self.name}: {name} has more than {most >> 20} MB.")
            if info.compress_type not in UNPACKED:
                raise Damaged(f"{self.name}: {name} is packed in a way that is not unpacked here.")
            with self._zip.open(info) as member:
                content = member.read(most + 1)
        except (Damaged, MemoryError):
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
        go_on = self._continuing(model)
        most = self._whole.size + _MOST_ASSETS
        with read_assets(self._zip, self._vocabulary, most, model) as give_assets:
            with self.weights() as reader:
                read_weights(reader, model, skip_mismatch, new)
            give_assets()
        go_on()

    def _vocabulary(self, name: str) -> bytes:
        info = self._zip.getinfo(name)
        content = self._member(name, _most_of(info))
        if content.count(b"\n") > _MOST_WORDS + info.compress_size // 8:
            raise Damaged(f"{self.name}: {name} has more words than can be read safely.")
        return content

    def _continuing(self, model: Any) -> Callable[[], None]:
        """What lets random layers go on where they were when the file was written."""
        name = f"{self.name}: {_GENERATORS}"
        text = self._member(_GENERATORS, MOST_JSON) if _GENERATORS in self._names else b"{}"
        return continuing(generators_of(model), dict_of(parse_json(text, name), name), name)

    def weights(self) -> Reader:
        """The HDF5 file within. Where it is stored as it is, it is read where it lies."""
        name = f"{self.name}: {_WEIGHTS}"
        if _WEIGHTS not in self._names:
            raise Damaged(f"{self.name} holds no weights: it has no {_WEIGHTS}.")
        info = self._zip.getinfo(_WEIGHTS)
        window = self._window(info)
        if window is not None:
            return Reader(window, name, info.CRC)
        content = self._member(_WEIGHTS, _most_of(info))
        return Reader(io.BytesIO(content), name)

    def _window(self, info: zipfile.ZipInfo) -> Region | None:
        """The bytes of a member where they lie in the file; None if it is packed."""
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            return None
        header = bytearray(30)
        if self._whole.read_at(info.header_offset, header) < 30 or header[:4] != b"PK\x03\x04":
            raise Damaged(f"{self.name}: {info.filename} is damaged.")
        lengths = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        begin = info.header_offset + 30 + sum(lengths)
        if begin + info.file_size > self._whole.size:
            raise Damaged(f"{self.name}: {info.filename} is cut off.")
        return Region(self._file, begin, info.file_size)
