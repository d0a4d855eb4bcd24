"""How much there is of what, counted in the files when the site is built.

``python docs/_ext/figures.py`` prints the table.
"""

import re
import sys
from pathlib import Path

from diptych.teach.sources import families
from diptych.teach.sources import twins as all_twins

ROOT = Path(__file__).resolve().parents[2]


def lines(*patterns: str) -> int:
    """Lines that say something, in all files of these patterns."""
    paths = {path for pattern in patterns for path in ROOT.glob(pattern)}
    texts = (path.read_text(encoding="utf-8") for path in paths)
    return sum(1 for text in texts for line in text.splitlines() if line.strip())


def tests_in(*patterns: str) -> int:
    """Test functions, each of which may run with many inputs."""
    paths = (path for pattern in patterns for path in ROOT.glob(pattern))
    texts = (path.read_text(encoding="utf-8") for path in paths)
    return sum(len(re.findall(r"^\s*def test_", text, re.M)) for text in texts)


def cases() -> tuple[int, int, int]:
    """Twins that have cases, the cases of all of them, and of the one that has fewest."""
    sys.path.insert(0, str(ROOT))
    from tests import cases as tables

    counts = [len(tried) for family in families() for tried in tables.load(family).values()]
    return len(counts), sum(counts), min(counts)


def mistakes() -> int:
    texts = (p.read_text(encoding="utf-8") for p in (ROOT / "tests/mistakes").glob("*.txt"))
    return sum(len(re.findall(r"^### ", text, re.M)) for text in texts)


def table() -> str:
    """The figures as a table of Markdown."""
    of_api = lines("src/**/*.py")
    in_cython = (f"fastcore/**/*.{suffix}" for suffix in ("pyx", "pxd", "h"))
    of_engines = lines("reference/*.py"), lines(*in_cython)
    of_tests = lines("tests/**/*.py")
    tried, all_cases, fewest = cases()
    hostile = tests_in("tests/test_hostile_*.py", "tests/test_damaged_*.py")
    rows = [
        ("lines of the API", of_api),
        ("lines of the reference engine", of_engines[0]),
        ("lines of the fast engine", of_engines[1]),
        ("lines of tests", of_tests),
        ("lines of tests for each line of code", round(of_tests / (of_api + sum(of_engines)), 2)),
        ("test functions", tests_in("tests/test_*.py")),
        ("functions that both engines have", len(all_twins())),
        ("operations with cases, forward and back", tried),
        ("cases, each in two precisions, many layouts, 1, 2 and 4 threads", all_cases),
        ("cases of an operation, at least", fewest),
        ("the same cases at the three levels of a wheel", 3 * all_cases),
        ("tests of hostile and damaged files", hostile),
        ("common mistakes, each with the words that must answer it", mistakes()),
    ]
    body = "\n".join(f"| {what} | {number:,} |" for what, number in rows)
    return f"| | |\n|---|---:|\n{body}"


if __name__ == "__main__":
    print(table())
