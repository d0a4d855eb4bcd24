"""Where downloaded data is kept, and the download itself."""

import os
from pathlib import Path


def cache_folder():
    """The folder of downloaded data: $DIPTYCH_HOME/datasets, or ~/.diptych/datasets."""
    home = os.environ.get("DIPTYCH_HOME")
    return (Path(home) if home else Path.home() / ".diptych") / "datasets"


def download(url, path, sha256):
    """Fetch `url` into `path`, which appears only when it is complete and its checksum is right.

    Raises OSError where the network fails, ValueError where the checksum differs.
    """
    import hashlib
    import tempfile
    from urllib.request import urlopen

    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file, urlopen(url, timeout=30) as response:
            while block := response.read(1 << 20):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != sha256:
            raise ValueError(
                f"{url} has the SHA-256 {digest.hexdigest()}, expected {sha256}; "
                "the file was not kept"
            )
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)
