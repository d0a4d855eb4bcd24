"""Where downloaded data sets are kept, and where else they are searched for."""

import os
from pathlib import Path

from ..utils.downloads import get_file, home_folder


def cache_folder():
    """The folder of downloaded data: $DIPTYCH_HOME/datasets, or ~/.diptych/datasets."""
    return Path(home_folder()) / "datasets"


def named_by(variable):
    """The file or folder that an environment variable names; None if it is not set.

    Raises FileNotFoundError if it is not there.
    """
    named = os.environ.get(variable)
    if not named:
        return None
    place = Path(named).expanduser()
    if not place.exists():
        raise FileNotFoundError(
            f"the environment variable {variable} names {named!r}, which is not there"
        )
    return place


def download(url, path, checksum, help_text, **options):
    """Download `url` to `path`, checked by its SHA-256 or MD5; return the path that is to be read.

    help_text: what to do without a network, for the error.
    Raises FileNotFoundError if the network fails, ValueError if the checksum differs.
    """
    try:
        return Path(
            get_file(
                path.name,
                url,
                file_hash=checksum,
                cache_dir=path.parent,
                cache_subdir="",
                **options,
            )
        )
    except OSError as error:
        raise FileNotFoundError(f"{url} could not be fetched ({error}).\n{help_text}") from error


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
    place = named_by(variable)
    if place is not None:
        if place.is_file() and place.name != name:
            place = place.parent  # it names another file of the data set
        found = _inside(place, name)
        if not found.is_file():
            raise FileNotFoundError(
                f"the environment variable {variable} names {str(place)!r}; {found} is not there"
            )
        return found
    cached = cache_folder() / given.name
    if cached.is_file():
        return cached
    if given.is_absolute() or len(given.parts) > 1:
        raise FileNotFoundError(
            f"{path} does not exist; expected {name}, or a folder that contains it"
        )
    return download(
        url,
        cached,
        checksum,
        f"{what} is not on this computer. Put {name} into {cache_folder()},\n"
        f"or name its place: path=..., or the environment variable {variable} (a file or folder).",
    )


def _inside(place, name):
    return place / name if place.is_dir() else place
