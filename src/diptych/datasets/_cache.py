"""Where downloaded data is kept, and the download itself."""

import os
from pathlib import Path


def cache_folder():
    """The folder of downloaded data: $DIPTYCH_HOME/datasets, or ~/.diptych/datasets."""
    home = os.environ.get("DIPTYCH_HOME")
    return (Path(home) if home else Path.home() / ".diptych") / "datasets"


def download(url, path, checksum):
    """Download `url` to `path`. The file appears only once it is complete and its checksum is
    right.

    checksum: the SHA-256, 64 hexadecimal digits, or if none is published, the MD5, 32 digits.
    Raises OSError if the network fails, ValueError if the checksum differs.
    """
    import hashlib
    import tempfile
    from urllib.request import urlopen

    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "SHA-256" if len(checksum) == 64 else "MD5"
    digest = hashlib.new(kind.replace("-", "").lower(), usedforsecurity=False)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file, urlopen(url, timeout=30) as response:
            while block := response.read(1 << 20):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != checksum:
            raise ValueError(
                f"{url} has the {kind} {digest.hexdigest()}, expected {checksum}; the file was "
                "deleted"
            )
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


def find_file(name, path, variable, url, checksum, what):
    """Find the file `name` of a data set: at `path`, at `variable`, in the cache, or by download.

    path: a file, a folder that contains it, or the name of the download in the cache.
    variable: an environment variable that may hold a file or folder of the data set.
    what: the data set, for the error.
    Raises FileNotFoundError if it is in none of these places and cannot be downloaded; the message
    says where to put the file.
    """
    given = Path(path).expanduser()
    if str(path) != name and given.exists():
        return _inside(given, name)
    named = os.environ.get(variable)
    if named:
        place = Path(named).expanduser()
        if place.is_file() and place.name != name:
            place = place.parent  # it names another file of the data set
        found = _inside(place, name) if place.exists() else place
        if not found.is_file():
            raise FileNotFoundError(
                f"the environment variable {variable} names {named!r}; {found} is not there"
            )
        return found
    cached = cache_folder() / given.name
    if cached.is_file():
        return cached
    if given.is_absolute() or len(given.parts) > 1:
        raise FileNotFoundError(
            f"{path} does not exist; expected {name}, or a folder that contains it"
        )
    try:
        download(url, cached, checksum)
    except OSError as error:
        raise FileNotFoundError(
            f"{what} is not on this computer, and {url} could not be fetched ({error}).\n"
            f"Put {name} into {cache_folder()},\n"
            f"or name its place: path=..., or the environment variable {variable} (a file or a "
            "folder)."
        ) from error
    return cached


def _inside(place, name):
    return place / name if place.is_dir() else place
