"""Walks the list of RELEASING.md: what a machine can check it checks, the rest it asks.

python .ci/release.py [--list] [--quick] [--from POINT]
"""

import argparse
import datetime
import os
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONG = ("suite", "files")  # points that take minutes


class NotReady(Exception):
    """A point of the list is not fulfilled; the message says what is to be done."""


def run(*command: str, **options) -> str:
    """The output of a command; NotReady if it fails."""
    print("   $", *command, flush=True)
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, **options)
    if done.returncode:
        raise NotReady(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}")
    return done.stdout.strip()


def ask(question: str) -> None:
    if not sys.stdin.isatty() or input(f"   {question} [y/N] ").strip().lower() != "y":
        raise NotReady(f"not confirmed: {question}")


def version() -> str:
    text = (ROOT / "src/diptych/__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "([^"]+)"', text, re.M)[1]


def as_numbers(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.removeprefix("v").split("."))


# --------------------------------------------------------------------------------------------------
# The points, in order


def clean() -> None:
    branch = run("git", "rev-parse", "--abbrev-ref", "HEAD")
    if branch != "main":
        raise NotReady(f"the branch is {branch}; a release is made on main")
    changed = run("git", "status", "--porcelain")
    if changed:
        raise NotReady(f"commit or remove first:\n{changed}")


def check_version() -> None:
    mine = version()
    if not re.fullmatch(r"\d+\.\d+\.\d+", mine):
        raise NotReady(f"__version__ is {mine}; a release is called like 1.2.3")
    tags = re.findall(r"^v\d+\.\d+\.\d+$", run("git", "tag", "--list", "v*"), re.M)
    newest = max(tags, key=as_numbers, default="v0.0.0")
    if as_numbers(mine) <= as_numbers(newest):
        raise NotReady(f"__version__ is {mine}, and {newest} is a tag already")
    cited = cited_version()
    if cited != mine:
        raise NotReady(f"CITATION.cff says {cited}, __version__ {mine}")


def cited_version() -> str:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    return re.search(r"^version: (\S+)$", text, re.M)[1]


def changelog(text: str | None = None) -> None:
    text = text or (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n?)*)", text, re.M))
    if sections.get("Unreleased", "").strip():
        raise NotReady("CHANGELOG.md: what stands under Unreleased belongs to a version")
    title = f"{version()} ({datetime.date.today().isoformat()})"
    if not sections.get(title, "").strip():
        raise NotReady(f"CHANGELOG.md has no section '## {title}' with words in it")


def readme() -> None:
    tests = ("tests/test_docs.py", "tests/test_keras_names.py", "tests/test_chinese.py")
    print("  ", run(sys.executable, "-m", "pytest", "-q", *tests).splitlines()[-1])


def suite() -> None:
    print("  ", run("bash", ".ci/run").splitlines()[-4:])


def files() -> None:
    """Build both files, and try the wheel where no compiler is found."""
    with tempfile.TemporaryDirectory() as folder:
        dist = Path(folder, "dist")
        run(sys.executable, "-m", "build", "--outdir", str(dist))
        (wheel,) = dist.glob("*.whl")
        (sources,) = dist.glob("*.tar.gz")
        for file in (wheel, sources):
            if f"diptych-{version()}" not in file.name:
                raise NotReady(f"{file.name} is not of version {version()}")
            print(f"   {file.name}: {file.stat().st_size / 1e6:.1f} MB")
        names = zipfile.ZipFile(wheel).namelist()
        for wanted in ("diptych/py.typed", "diptych/reference/dense.py", "diptych/fastcore/dense"):
            if not any(name.startswith(wanted) for name in names):
                raise NotReady(f"{wheel.name} has no {wanted}")
        venv.create(Path(folder, "env"), with_pip=True)
        python = str(Path(folder, "env", "Scripts" if os.name == "nt" else "bin", "python"))
        run(python, "-m", "pip", "install", "--quiet", str(wheel))
        nowhere = {**os.environ, "CC": "no-compiler", "PYTHONPATH": ""}
        print("  ", run(python, "-P", "-m", "diptych", env=nowhere).splitlines()[-1])


def figures() -> None:
    ask(f"Were the tables under 'Speed' in the README measured with {version()}?")


def hosted() -> None:
    commit = run("git", "rev-parse", "--short", "HEAD")
    ask(f"Did the workflows CI and wheels pass for {commit}?")


def tag() -> None:
    name = f"v{version()}"
    print(f"   ready. git tag -a {name} -m 'diptych {name}' && git push origin main {name}")


POINTS: dict[str, Callable[[], None]] = {
    "clean": clean,
    "version": check_version,
    "changelog": changelog,
    "readme": readme,
    "suite": suite,
    "files": files,
    "figures": figures,
    "hosted": hosted,
    "tag": tag,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="print the points")
    parser.add_argument("--quick", action="store_true", help="without those that take minutes")
    parser.add_argument("--from", dest="first", choices=POINTS, default="clean")
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(POINTS))
        return 0
    names = list(POINTS)
    for name in names[names.index(options.first) :]:
        if options.quick and name in LONG:
            print(f"-- {name}: left out")
            continue
        print(f"-- {name}")
        try:
            POINTS[name]()
        except NotReady as reason:
            print(f"   NOT READY: {reason}\n   go on with: python .ci/release.py --from {name}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
