"""What a wheel holds, and how large it is.

    python tests/wheel/contents.py WHEEL

Wanted is what stands in this checkout: every Python file, the sources of the fast engine to be
read, the data, and each compiled module, either once or at each of the three levels; nothing else,
every checksum of RECORD right, and at most 7 MB.
"""

import base64
import csv
import hashlib
import io
import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT = 7_000_000  # bytes
LEVELS = {"v2", "v3", "v4"}
INSTALLED = {
    "src/diptych": "diptych",
    "reference": "diptych/reference",
    "fastcore": "diptych/fastcore",
}
KINDS = {".py", ".pyx", ".pxd", ".h", ".typed"}


def sources():
    """The names under which the files of this checkout are installed."""
    found = set()
    for folder, place in INSTALLED.items():
        for path in (ROOT / folder).rglob("*"):
            below = path.relative_to(ROOT / folder)
            if path.suffix in KINDS or "data" in below.parent.parts:
                found.add(f"{place}/{below.as_posix()}")
    return found


def modules(names):
    """{compiled module: the levels at which it is there, or {""}}"""
    found = {}
    for name in names:
        match = re.fullmatch(r"diptych/fastcore/(?:_levels/(v\d)/)?([\w/]+)\.[\w.-]+\.so", name)
        if match:
            found.setdefault(match[2], set()).add(match[1] or "")
    return found


def broken(archive):
    """Files that are not what RECORD says, or not in it."""
    (record,) = (name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    listed = csv.reader(io.StringIO(archive.read(record).decode()))
    digests = {name: digest for name, digest, _ in listed}
    for name in archive.namelist():
        if name != record and not name.endswith("/"):
            data = hashlib.sha256(archive.read(name)).digest()
            digest = "sha256=" + base64.urlsafe_b64encode(data).decode().rstrip("=")
            if digests.get(name) != digest:
                yield name


def main(wheel):
    wrong, wanted = [], sources()
    size = Path(wheel).stat().st_size
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        wrong += [f"{name}: not what RECORD says" for name in broken(archive)]
    compiled = modules(names)
    translated = {name[17:-4] for name in wanted if name.endswith(".pyx")}
    wrong += [f"{name}: there is no such module" for name in translated - set(compiled)]
    for name, levels in compiled.items():
        if levels not in ({""}, LEVELS):
            wrong.append(f"{name}: only for {sorted(levels)}")
    inside = {name for name in names if name.startswith("diptych/") and not name.endswith(".so")}
    wrong += [f"{name}: not in the wheel" for name in wanted - inside]
    wrong += [f"{name}: does not belong into a wheel" for name in inside - wanted]
    top = {name.partition("/")[0] for name in names}
    wrong += [
        f"{name}: does not belong into a wheel"
        for name in top
        if not re.fullmatch(r"diptych(\.libs|-[\d.]+\.dist-info)?", name)
    ]
    if size > LIMIT:
        wrong.append(f"{size / 1e6:.2f} MB, more than {LIMIT / 1e6:g}")
    several = sum(levels == LEVELS for levels in compiled.values())
    print(
        f"{Path(wheel).name}: {size / 1e6:.2f} MB, {len(names)} files, {several} modules at "
        f"{len(LEVELS)} levels, {len(compiled) - several} once"
    )
    return wrong


if __name__ == "__main__":
    problems = main(sys.argv[1])
    print(*sorted(problems), sep="\n")
    sys.exit(bool(problems))
