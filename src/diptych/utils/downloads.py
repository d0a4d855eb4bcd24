"""Files from the network, downloaded once, checked, and kept."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from .progbar import Progbar, write

__all__ = ["get_file", "home_folder"]

SCHEMES = ("https", "http", "ftp", "file")
PIECE = 1 << 18  # bytes that are read at once


def home_folder() -> str:
    """Where downloads are kept: $DIPTYCH_HOME, or ~/.diptych."""
    return os.environ.get("DIPTYCH_HOME") or os.path.join(os.path.expanduser("~"), ".diptych")


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Download a file, unless it is there already, and return its path.

        path = get_file("names.csv", "https://example.org/names.csv", file_hash="9f86d0...")

    Args:
        fname: its name here; None takes that of the address. With ``extract``, a name without a dot
            is the folder's.
        origin: the address: https, http, ftp or file.
        untar, md5_hash: the old words for ``extract`` and for a ``file_hash`` of 32 digits.
        file_hash: its checksum, SHA-256 (64 hexadecimal digits) or MD5 (32). A file that is there
            but differs is downloaded again; a download that differs is deleted.
        cache_subdir: the folder in ``cache_dir``, or one of its own if it begins with "/".
        hash_algorithm: "sha256", "md5" or, by the number of digits, "auto".
        extract: whether to unpack an archive, and return the path of the folder. A folder that is
            there already is returned as it is, unless the archive was just downloaded. Archives
            with links or with names that lead out of the folder are refused.
        archive_format: "tar" (also packed by gzip, bzip2 or xz), "zip", a list of these, or "auto"
            for both.
        cache_dir: by default $DIPTYCH_HOME, or ~/.diptych.
        force_download: whether to download a file that is there.

    The file appears under its name only once it is complete and its checksum is right.

    Raises:
        OSError: the address can't be reached, or the file can't be written.
        ValueError: the checksum differs, or the archive is damaged or refused.
    """
    file_hash, hash_algorithm = _hash_of(file_hash, md5_hash, hash_algorithm)
    name = _name_of(fname, origin)
    folder = os.path.join(os.path.expanduser(cache_dir or home_folder()), cache_subdir)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    unpacked = ""
    if extract or untar:
        unpacked = path
        if fname and "." in name:
            unpacked = os.path.join(folder, f"{name[: name.find('.')]}_extracted")
        else:
            path += "_archive"
    fresh = force_download or not os.path.exists(path)
    if not fresh and file_hash and _digest(path, hash_algorithm) != file_hash:
        write(f"{path} doesn't have the checksum {file_hash}, so it is downloaded again.\n")
        fresh = True
    if fresh:
        _download(str(origin), path, file_hash, hash_algorithm)
    if unpacked and (fresh or not os.path.isdir(unpacked)):
        from .archives import unpack  # here, for it takes a while to import

        formats = _formats("tar" if untar else archive_format)
        if not unpack(path, unpacked, formats):
            warnings.warn(
                f"{path} could not be extracted: it is no archive of the formats {formats}",
                stacklevel=2,
            )
    return unpacked or path


def _hash_of(file_hash: Any, md5_hash: Any, algorithm: str) -> tuple[str | None, str]:
    """The checksum in lower case, and the name of its algorithm."""
    if algorithm not in ("auto", "sha256", "md5"):
        raise ValueError(
            f"get_file() needs hash_algorithm='auto', 'sha256' or 'md5'; got {algorithm!r}."
        )
    if file_hash is None and md5_hash is not None:
        file_hash, algorithm = md5_hash, "md5"
    if file_hash is None:
        return None, algorithm
    digits = {"sha256": 64, "md5": 32}
    if algorithm == "auto":
        algorithm = "sha256" if len(file_hash) == 64 else "md5"
    if len(file_hash) != digits[algorithm]:
        raise ValueError(
            f"get_file() got file_hash={file_hash!r} of {len(file_hash)} digits; {algorithm} has "
            f"{digits[algorithm]}."
        )
    return file_hash.lower(), algorithm


def _name_of(fname: Any, origin: Any) -> str:
    from urllib.parse import urlsplit

    if not origin:
        raise ValueError("get_file() needs `origin`, the address of the file.")
    address = urlsplit(origin)
    if address.scheme not in SCHEMES:
        raise ValueError(
            f"get_file() needs an address that begins with {', '.join(SCHEMES)}; got {origin!r}."
        )
    name = os.fspath(fname) if fname else address.path.rpartition("/")[2]
    if not name:
        raise ValueError(f"get_file() finds no name in {origin!r}: give `fname`.")
    if name in (".", "..") or "/" in name or os.sep in name:
        raise ValueError(
            f"get_file() takes a name without folders as `fname`; got {name!r}. `cache_dir` and "
            "`cache_subdir` say where the file goes."
        )
    return name


def _formats(given: Any) -> list[str]:
    if given == "auto":
        return ["tar", "zip"]
    formats = [given] if isinstance(given, str) else list(given or ())
    for name in formats:
        if name not in ("tar", "zip"):
            raise NotImplementedError(
                f"get_file() knows the archive formats 'tar' and 'zip'; got {name!r}."
            )
    return formats


def _download(origin: str, path: str, checksum: str | None, algorithm: str) -> None:
    """Write what is at ``origin`` to ``path``, once it is complete and its checksum is right."""
    import tempfile

    write(f"Downloading data from {origin}\n")
    handle, part = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in _pieces(origin):
                file.write(piece)
        found = checksum and _digest(part, algorithm)
        if found != checksum:
            raise ValueError(
                f"{origin} has the {_LABELS[algorithm]} {found}, expected {checksum}; the download "
                "was deleted"
            )
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(part, 0o666 & ~mask)
        os.replace(part, path)
    finally:
        with suppress(OSError):
            os.unlink(part)


_LABELS = {"sha256": "SHA-256", "md5": "MD5"}


def _pieces(origin: str) -> Iterator[bytes]:
    """What is at an address, piece by piece; OSError if that is not all of it."""
    from http.client import HTTPException
    from urllib.request import urlopen

    try:
        with urlopen(origin, timeout=30) as response:
            length = response.headers.get("Content-Length")
            target = int(length) if length and length.isdigit() else None
            bar, done = Progbar(target, unit_name="byte"), 0
            while piece := response.read(PIECE):
                done += len(piece)
                bar.update(done, finalize=False)
                yield piece
    except (OSError, HTTPException) as error:
        raise OSError(f"{origin} could not be fetched ({error})") from error
    if target not in (None, done):
        raise OSError(f"{origin} broke off after {done} of {target} bytes")
    bar.update(done, finalize=True)


def _digest(path: str, algorithm: str) -> str:
    import hashlib

    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
