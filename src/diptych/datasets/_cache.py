"""Where downloaded data is kept, and the download itself."""

import os
from pathlib import Path


def cache_folder():
    """The folder of downloaded data: $DIPTYCH_HOME/datasets, or ~/.diptych/datasets."""
    home = os.environ.get("DIPTYCH_HOME")
    return (Path(home) if home else Path.home() / ".diptych") / "datasets"


def download(url, path, checksum):
    """Fetch `url` into `path`, which appears only when it is complete and its checksum is right.

    checksum: the SHA-256, 64 hexadecimal digits, or where none is published the MD5, 32 of them.
    Raises OSError where the network fails, ValueError where the checksum differs.
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
                f"{url} has the {kind} {digest.hexdigest()}, expected {checksum}; "
                "the file was not kept"
            )
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


def find_file(name, path, variable, url, checksum, what):
    """The file `name` of a data set: given, named, kept, or fetched.

    path: a file, a folder with it, or a name under which a download is kept in the cache.
    variable: an environment variable that may hold a file or folder of the data set.
    what: the data set, for the error.
    Raises FileNotFoundError, which says what to put where, if it is in none of these places and
    there is no network.
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
    kept = cache_folder() / given.name
    if kept.is_file():
        return kept
    if given.is_absolute() or len(given.parts) > 1:
        raise FileNotFoundError(f"{path} is not there; expected {name}, or a folder with it")
    try:
        download(url, kept, checksum)
    except OSError as error:
        raise FileNotFoundError(
            f"{what} is not on this computer, and {url} could not be fetched ({error}).\n"
            f"Put {name} into {cache_folder()},\n"
            f"or name its place: path=..., or the environment variable {variable} (a file or a "
            "folder)."
        ) from error
    return kept


def _inside(place, name):
    return place / name if place.is_dir() else place
