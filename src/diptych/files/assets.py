"""What layers keep beside their weights: the ``assets`` of an archive.

A vocabulary is a text, and never leaves the archive. A layer of the user's that has
``save_assets(dir_path)`` and ``load_assets(dir_path)`` gets what it asks for, a folder: a temporary
one, with nothing but its own files in it.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ..layers.preprocessing.base import KeepsVocabulary
from .region import Damaged
from .tree import Part, parts_of

_FOLDER = "assets/"
_MOST_FILES = 1000
UNPACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def write_assets(archive: zipfile.ZipFile, model: Any) -> None:
    """Add the files of all parts of a model."""
    for part in parts_of(model):
        if _is_vocabulary(part.thing, "save_assets"):
            text = part.thing.vocabulary_text()
            if text is not None:
                archive.writestr(_place_of(part) + part.thing.VOCABULARY_FILE, text)
        elif hasattr(part.thing, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                part.thing.save_assets(folder)
                for path in sorted(Path(folder).rglob("*")):
                    name = path.relative_to(folder).as_posix()
                    if path.is_file():
                        _check(name)
                        archive.write(path, _place_of(part) + name)


def _is_vocabulary(thing: Any, method: str) -> bool:
    """Whether a part has a vocabulary, and leaves it to diptych to keep it."""
    return getattr(type(thing), method, None) is getattr(KeepsVocabulary, method)


def _place_of(part: Part) -> str:
    return f"{_FOLDER}{part.path}/" if part.path else _FOLDER


def _check(name: str) -> None:
    """Raise Damaged if this is no name of a file below a folder, on every system."""
    if set(name) & set("\\:\0") or any(not p.strip(". ") or p[-1] in ". " for p in name.split("/")):
        raise Damaged(f"{name!r} cannot be the name of a file in an archive.")


@contextmanager
def read_assets(
    archive: zipfile.ZipFile, member: Callable[[str], bytes], most: int, model: Any
) -> Iterator[Callable[[], None]]:
    """All assets have been read and checked when this begins; call what it gives, and the parts of
    the model get theirs.

    Args:
        member: reads a member of the archive that is a text.
        most: how many bytes the files of the user's own parts may have.

    Raises:
        Damaged: there are too many, or one has a name that could be that of a file elsewhere.
    """
    actions: list[Callable[[], Any]] = []
    with ExitStack() as folders:
        for thing, place, infos in _owners(archive, model):
            if _is_vocabulary(thing, "load_assets"):
                name = place + thing.VOCABULARY_FILE
                if any(info.filename == name for info in infos):
                    text = _vocabulary(member(name), name)
                    actions.append(partial(thing.take_vocabulary_text, text))
                continue
            most -= sum(info.file_size for info in infos)
            if most < 0 or len(infos) > _MOST_FILES:
                raise Damaged(f"There are more files in {place!r} than an archive can hold.")
            folder = folders.enter_context(tempfile.TemporaryDirectory())
            for info in infos:
                _extract(archive, info, folder, info.filename[len(place) :])
            actions.append(partial(thing.load_assets, folder))

        def give() -> None:
            for action in actions:
                action()

        yield give


def _owners(
    archive: zipfile.ZipFile, model: Any
) -> Iterator[tuple[Any, str, list[zipfile.ZipInfo]]]:
    """The parts that load assets, each with its folder in the archive and what is in it."""
    parts = {_place_of(part): part.thing for part in parts_of(model)}
    members: dict[str, list[zipfile.ZipInfo]] = {}
    for info in archive.infolist():
        place = info.filename
        while place.startswith(_FOLDER) and not hasattr(parts.get(place), "load_assets"):
            place = place[: place[:-1].rfind("/") + 1]
        if place.startswith(_FOLDER) and not info.is_dir():
            members.setdefault(place, []).append(info)
    return ((parts[place], place, infos) for place, infos in members.items())


def _vocabulary(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Damaged(f"{name} is no text.") from None


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: str, name: str) -> None:
    """Write one member to a file in the folder."""
    _check(name)
    if info.compress_type not in UNPACKED:
        raise Damaged(f"{info.filename} is packed in a way that is not unpacked here.")
    path = Path(folder, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as member, path.open("xb") as file:
            shutil.copyfileobj(member, file)
    except MemoryError:
        raise
    except Exception as error:
        raise Damaged(f"{info.filename} cannot be put into a folder ({error}).") from None
