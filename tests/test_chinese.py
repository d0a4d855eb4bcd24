"""The Chinese pages: they have the code, links and figures of the English ones."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [("README.md", "README.zh-CN.md")]
SECTION = re.compile(r"^## ", re.M)
BLOCK = re.compile(r"^```.*?^```", re.M | re.S)
LINK = re.compile(r"\]\(([^)]+)\)")
CODE = re.compile(r"`[^`]+`")
FIGURE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def parts(text):
    """What a text has of code, links and figures, each with how often it is there."""
    blocks = Counter(BLOCK.findall(text))
    prose = BLOCK.sub("", text)
    links = Counter(LINK.findall(prose))
    prose = LINK.sub("]", prose)
    code = Counter(" ".join(span.split()) for span in CODE.findall(prose))
    return blocks, links, code, Counter(FIGURE.findall(CODE.sub("", prose)))


def unlike(english, chinese):
    """What two pages don't share, section by section, in words."""
    sections = SECTION.split(english), SECTION.split(chinese)
    if len(sections[0]) != len(sections[1]):
        return [f"{len(sections[0]) - 1} sections in English, {len(sections[1]) - 1} in Chinese"]
    found = []
    for one, other in zip(*sections, strict=True):
        title = one.partition("\n")[0]
        for ours, theirs in zip(parts(one), parts(other), strict=True):
            found += [f"{title}: only in English: {what}" for what in (ours - theirs).elements()]
            found += [f"{title}: only in Chinese: {what}" for what in (theirs - ours).elements()]
    return found


def read(name):
    """A page without the line that leads to the same page in the other language."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r"^\[(?:中文|English)\]\([^)]+\)\n", "", text, count=1, flags=re.M)


@pytest.mark.parametrize("names", PAGES, ids=[page for page, _ in PAGES])
def test_the_same_code_links_and_figures(names):
    assert "\n".join(unlike(*map(read, names))) == ""


@pytest.mark.parametrize("names", PAGES, ids=[page for page, _ in PAGES])
def test_each_page_leads_to_the_other(names):
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in names)
    here, there = (Path(name).name for name in names)
    assert f"[中文]({there})" in english.splitlines()[:4]
    assert f"[English]({here})" in chinese.splitlines()[:4]


def test_what_differs_is_told():
    page = "# A\n\nSee [b](c.md).\n\n## Speed\n\nIt takes `fit` 1,437 ms.\n\n```sh\nrun\n```\n"
    assert unlike(page, page) == []
    other = page.replace("c.md", "d.md").replace("1,437", "1,438").replace("\nrun", "\nwalk")
    assert unlike(page, other) == [
        "# A: only in English: c.md",
        "# A: only in Chinese: d.md",
        "Speed: only in English: ```sh\nrun\n```",
        "Speed: only in Chinese: ```sh\nwalk\n```",
        "Speed: only in English: 1,437",
        "Speed: only in Chinese: 1,438",
    ]
    assert unlike(page, page.replace("`fit`", "`evaluate`")) == [
        "Speed: only in English: `fit`",
        "Speed: only in Chinese: `evaluate`",
    ]
    assert unlike(page, page.replace("## Speed", "Speed")) == [
        "1 sections in English, 0 in Chinese"
    ]
