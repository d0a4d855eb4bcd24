"""The site: every public name and every twin has its place, and no link leads nowhere.

The pages are laid out here as the build does it. What Sphinx makes of them is looked at where a
built site is named: ``python docs/build.py && DIPTYCH_SITE=build/site/html pytest
tests/test_site.py``.
"""

import html
import os
import re
import sys
import zlib
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest

import diptych
from diptych.teach.sources import families, twins

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

import public  # noqa: E402
import staging  # noqa: E402

SITE = os.environ.get("DIPTYCH_SITE")
built = pytest.mark.skipif(SITE is None, reason="DIPTYCH_SITE names no built site")


def all_public_names():
    """Found by going through the modules, as a reader would."""
    names, todo = set(), [diptych]
    while todo:
        module = todo.pop()
        for name in module.__all__:
            value = getattr(module, name)
            full = f"{module.__name__}.{name}"
            if not isinstance(value, ModuleType):
                names.add(full)
            elif value.__name__ == full and hasattr(value, "__all__"):
                todo.append(value)
    return names


# --------------------------------------------------------------------------------------------------
# Before the build


def test_pages_are_laid_out_and_their_links_lead_somewhere(tmp_path):
    made = staging.stage(tmp_path)
    assert {"index.md", "tutorials/02_stuck_and_gate.md", "tutorials/img/02_1.svg"} <= made
    assert all((tmp_path / name).is_file() for name in made)
    index = (tmp_path / "tutorials" / "index.md").read_text(encoding="utf-8")
    assert "](01_one_neuron.md)" in index
    assert "](source:tutorials/answers/01.py)" in index
    missing = (tmp_path / "missing.md").read_text(encoding="utf-8")
    assert "Of the public names of Keras" in missing
    assert "quantizers" in missing


def test_the_figures_are_counted(tmp_path):
    staging.stage(tmp_path)
    text = (tmp_path / "figures.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (.+?) \| ([\d,.]+) \|$", text, re.M))
    number = {what: float(n.replace(",", "")) for what, n in rows.items()}
    assert number["functions that both engines have"] == len(twins())
    assert number["common mistakes, each with the words that must answer it"] >= 200
    assert all(number.values())


def test_every_guide_is_in_a_table_of_contents(tmp_path):
    staging.stage(tmp_path)
    listed = set()
    for path in tmp_path.rglob("*.md"):
        for found in re.findall(r"```\{toctree\}\n(.*?)```", path.read_text("utf-8"), re.S):
            listed |= {re.sub(r".*<(.*)>", r"\1", line).strip("/ ") for line in found.split("\n")}
    assert {path.stem for path in tmp_path.glob("*.md")} - {"index"} <= listed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](notation.md#x)", "[a](notation.md#x)"),
        ("[a](../tutorials/README.md)", "[a](tutorials/index.md)"),
        ("[a](../README.md)", "[a](index.md)"),
        ("[a](../reference/dense.py)", "[a](source:reference/dense.py)"),
        ('<img src="pictures/unet.svg">', '<img src="pictures/unet.svg">'),
        ("`[a](nowhere.md)`", "`[a](nowhere.md)`"),
        ("[a](https://example.org/b.md)", "[a](https://example.org/b.md)"),
    ],
)
def test_links_are_turned(text, expected):
    known = staging.pages()
    assert staging.relinked(text, "docs/files.md", "files.md", known) == expected


def test_a_link_that_leads_nowhere_stops_the_build():
    with pytest.raises(staging.LinkError, match=r"docs/files.md links to ../nowhere.py, which"):
        staging.relinked("[a](../nowhere.py)", "docs/files.md", "files.md", staging.pages())
    with pytest.raises(staging.LinkError, match="has no section 'Nothing'"):
        staging.section("README.md", "Nothing")


def test_every_public_name_has_a_page():
    names = all_public_names()
    assert len(names) > 1000
    assert names <= public.by_name().keys()
    pages = public.page_names()
    assert names <= pages.keys()
    # One thing, one page, also where files are not told apart by case.
    of_things = [pages[thing.name] for thing in public.things()]
    assert len({page.lower() for page in of_things}) == len(of_things)


# --------------------------------------------------------------------------------------------------
# The built site


@pytest.fixture(scope="module")
def pages():
    """The pages of the built site, by their paths in it."""
    root = Path(SITE)
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in root.rglob("*.html")
        if "_static" not in path.parts  # templates of the theme
    }


def inventory():
    """(name, kind) -> address, of the file from which other sites link to this one."""
    head, _, body = (Path(SITE) / "objects.inv").read_bytes().partition(b"zlib.\n")
    assert b"Project: diptych" in head
    found = {}
    for line in zlib.decompress(body).decode().splitlines():
        name, kind, _, address, _ = re.match(r"(.+?) (\S+) (-?\d+) (\S*) (.*)", line).groups()
        found[name, kind] = address.replace("$", name)
    return found


@built
def test_the_inventory_has_every_public_name(pages):
    found = {name: address for (name, kind), address in inventory().items() if "py:" in kind}
    assert sorted(all_public_names() - found.keys()) == []
    for name in all_public_names():
        page, _, anchor = found[name].partition("#")
        assert f'id="{anchor}"' in pages[page], name


@built
def test_twin_pages_show_every_public_twin(pages):
    found = {name for name, kind in inventory() if kind == "py:function"}
    for name, family in twins().items():
        assert f"diptych.reference.{family}.{name}" in found
        assert f"diptych.fastcore.{family}.{name}" in found
        page = pages[f"twins/{family}.html"]
        _, start, rest = page.partition(f'<div class="twin" id="{name}">')
        assert start, name
        shown = rest.partition('<div class="twin"')[0]
        for package, suffix in (("reference", "py"), ("fastcore", "pyx")):
            assert f"sources/{package}/{family}.{suffix}.html#L" in shown, name
    assert {f"twins/{family}.html" for family in families()} <= pages.keys()


@built
def test_what_goes_on_in_the_next_line_is_no_equation(pages):
    page = pages["twins/recurrent.html"]
    assert "multiplied by the recurrent kernel: the recurrent dropout" in page


@built
def test_twins_are_shown_line_by_line(pages):
    """All lines of both functions stand there, and lines that correspond lead to each other."""
    _, _, rest = pages["twins/recurrent.html"].partition('<div class="twin" id="lstm_backward">')
    shown = rest.partition('<div class="twin"')[0]
    codes = [
        html.unescape(re.sub("<[^>]+>", "", code)) for code in re.findall("<code.*?</code>", shown)
    ]
    one = diptych.teach.showing.twin_sources("lstm_backward")
    body = one.reference[0].lines
    end = next(k for k, line in enumerate(body) if k > 1 and line.strip().endswith('"""'))
    assert all(line in codes for line in body[end + 1 :] if line.strip())
    assert body[0] in codes
    marks = dict(re.findall(r'class="mark" id="([^"]+)" href="#([^"]+)"', shown))
    assert len(marks) == 2 * len(one.links) > 2
    assert all(marks[marks[mark]] == mark for mark in marks)


@built
def test_no_link_leads_nowhere(pages):
    root = Path(SITE)
    anchors = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in pages.items()}
    wrong = set()
    for path, text in pages.items():
        for link in re.findall(r'(?:href|src)="([^"]*)"', text):
            if re.match(r"[a-z]+:|//|#$|$", link):
                continue
            file, _, anchor = html.unescape(link).partition("#")
            file = unquote(file.partition("?")[0])
            target = os.path.normpath(Path(path).parent / file) if file else path
            if not (root / target).is_file():
                wrong.add((path, link))
            elif anchor and target in anchors and unquote(anchor) not in anchors[target]:
                wrong.add((path, link))
    assert sorted(wrong)[:20] == []


@built
def test_pages_need_no_network(pages):
    """Styles, scripts, formulas and pictures are there; only links lead out."""
    for path, text in pages.items():
        outside = re.findall(r'<(?:script|link|img)\b[^>]*(?:src|href)="https?:[^"]*"', text)
        assert not outside, path
