"""Keras's ``.keras`` archive: a zip file of a configuration, metadata, weights and assets."""

from __future__ import annotations

import datetime
import io
import json
import mmap
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import IO, Any

from ..utils.objects import dict_of, plain, serialize
from .hdf5 import Damaged, Reader
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
    write_weights(weights, states_of(model))
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
            with self._zip.open(info) as member:
                content = member.read(most + 1)
        except Damaged:
            raise
        except Exception as error:
            raise Damaged(f"{self.name}: {name} is damaged ({error}).") from None
        if len(content) > most:
            raise Damaged(f"{self.name}: {name} has more than {most >> 20} MB.")
        return content

    def load_state(self, model: Any, skip_mismatch: bool = False) -> None:
        """Read weights and assets into a model; if anything is wrong, it stays as it was."""
        assets = self._assets(model)
        with self._weights(model) as (reader, compare):
            loading = read_weights(reader, model, skip_mismatch, finish=False)
            compare()
            loading.finish()
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

    @contextmanager
    def _weights(self, model: Any) -> Iterator[tuple[Reader, Callable[[], None]]]:
        """The HDF5 file within, and a function that raises if it is damaged.

        Where it is stored as it is, it is read where it lies, and its checksum computed meanwhile.
        """
        name = f"{self.name}: {_WEIGHTS}"
        if _WEIGHTS not in self._names:
            raise Damaged(f"{self.name} holds no weights: it has no {_WEIGHTS}.")
        info = self._zip.getinfo(_WEIGHTS)
        window = self._window(info)
        if window is None:
            size = sum(a.nbytes for _, arrays in states_of(model) for a in arrays.values())
            content = self._member(_WEIGHTS, 2 * size + (16 << 20))
            with Reader(io.BytesIO(content), name) as reader:
                yield reader, lambda: None  # zipfile has compared the checksum
            return
        sums: list[int] = []
        summing = Thread(target=lambda: sums.append(zlib.crc32(window)))
        summing.start()

        def compare() -> None:
            summing.join()
            if sums != [info.CRC]:
                raise Damaged(f"{name} is damaged (checksum).")

        try:
            with Reader(_Window(window), name) as reader:  # type: ignore[arg-type]
                yield reader, compare
        except Damaged:
            compare()  # the simpler explanation
            raise
        finally:
            summing.join()

    def _window(self, info: zipfile.ZipInfo) -> memoryview | None:
        """The bytes of a member where they lie in the file; None if it is packed or in memory."""
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            return None
        try:
            mapped = memoryview(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError):
            return None
        header = mapped[info.header_offset : info.header_offset + 30]
        if len(header) < 30 or bytes(header[:4]) != b"PK\x03\x04":
            raise Damaged(f"{self.name}: {info.filename} is damaged.")
        lengths = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        begin = info.header_offset + 30 + sum(lengths)
        if begin + info.file_size > len(mapped):
            raise Damaged(f"{self.name}: {info.filename} is cut off.")
        return mapped[begin : begin + info.file_size]


class _Window(io.RawIOBase):
    """Bytes in memory as a file, without a copy of them."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, len(self._content))[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        part = self._content[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
