"""What a release needs: one version, a list that is walked, workflows that name what exists."""

import datetime
import importlib.util
import io
import re
from pathlib import Path

import pytest

import diptych

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def release():
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_version_stands_in_one_place(release):
    assert release.version() == diptych.__version__ == release.cited_version()
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in text
    assert not re.search(r"^version = \"", text, re.M)


def test_the_script_walks_the_list(release, capsys):
    text = (ROOT / "RELEASING.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.M) == list(release.POINTS)
    assert release.main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(release.POINTS)


def test_the_walk_stops_where_something_is_missing(release, capsys, monkeypatch):
    walked = []

    def broken():
        raise release.NotReady("the sky is falling")

    points = {"one": lambda: walked.append(1), "two": broken, "three": lambda: walked.append(3)}
    monkeypatch.setattr(release, "POINTS", {"clean": points.pop("one"), **points})
    assert release.main([]) == 1
    assert walked == [1]
    out = capsys.readouterr().out
    assert "NOT READY: the sky is falling" in out
    assert "--from two" in out


def test_a_changelog_that_is_not_ready(release):
    today = datetime.date.today().isoformat()
    ready = f"# Changelog\n\n## Unreleased\n\n## {diptych.__version__} ({today})\n\n- a point\n"
    release.changelog(ready)
    with pytest.raises(release.NotReady, match="Unreleased"):
        release.changelog(ready.replace("Unreleased\n", "Unreleased\n\n- another\n"))
    with pytest.raises(release.NotReady, match="no section"):
        release.changelog(ready.replace(today, "2001-01-01"))
    with pytest.raises(release.NotReady, match="no section"):
        release.changelog(ready.replace("- a point\n", ""))


def test_nobody_to_ask_is_no_yes(release, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))  # no terminal
    with pytest.raises(release.NotReady, match="not confirmed"):
        release.figures()


def test_workflows_name_what_exists():
    extras = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text("utf-8"), re.M))
    found = list((ROOT / ".github" / "workflows").glob("*.yml"))
    assert len(found) >= 2
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"'\.\[(\w+)\]'", text)) <= extras, path.name
        for file in re.findall(r"run: (\.ci/\w+)", text):
            assert (ROOT / file).is_file()
        for python in re.findall(r'"(3\.\d+)"', text):
            classifier = f"Programming Language :: Python :: {python}"
            assert classifier in (ROOT / "pyproject.toml").read_text(encoding="utf-8"), python


def test_the_source_archive_has_what_this_file_reads():
    lines = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()
    taken = [line.split() for line in lines if line.startswith(("include ", "graft "))]
    named = {name for words in taken for name in words}
    assert {".ci", ".github", "CHANGELOG.md", "CITATION.cff", "RELEASING.md"} <= named
