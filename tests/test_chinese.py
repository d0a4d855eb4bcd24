"""The Chinese pages: they have the code, formulas, links and figures of the English ones."""

import os
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = ROOT / "tutorials"
sys.path.insert(0, str(TUTORIALS))

import chinese  # noqa: E402
import render  # noqa: E402

import diptych  # noqa: E402
from diptych.teach.diagnosis.messages import IN_CHINESE, MESSAGES  # noqa: E402

NAMES = [path.stem for path in sorted((TUTORIALS / "zh").glob("*.md"))]
WRITTEN = [(f"{folder}README.md", f"{folder}README.zh-CN.md") for folder in ("", "tutorials/")]
RENDERED = [(f"tutorials/read/{name}.md", f"tutorials/read/{name}.zh-CN.md") for name in NAMES]
PAGES = WRITTEN + RENDERED
IDS = [page for page, _ in PAGES]
SECTION = re.compile(r"^## ", re.M)
BLOCK = re.compile(r"^```.*?^```", re.M | re.S)
LINK = re.compile(r"\]\(([^)]+)\)")
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$]+\$", re.S)
CODE = re.compile(r"`[^`]+`")
FIGURE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def parts(text):
    """What a text has of code, links, formulas and figures, each with how often it is there."""
    found = []
    for pattern, left in ((BLOCK, ""), (LINK, "]"), (FORMULA, ""), (CODE, ""), (FIGURE, "")):
        matches = [match[pattern.groups] for match in pattern.finditer(text)]
        if pattern is not BLOCK:  # a line may end elsewhere
            matches = [" ".join(match.split()) for match in matches]
        found.append(Counter(matches))
        text = pattern.sub(left, text)
    return found


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


def bare(text):
    """A text without what only one language has: a learner's words translated, the language of the
    pages that it leads to, the words in formulas.
    """
    text = re.sub(r'\*"[^"]+"\*', "", text).replace(".zh-CN.md)", ".md)")
    return re.sub(r"\\text\{[^{}]*\}", "", text)


def read(name):
    """A page without its first comment and the line that leads to the other language."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"\A<!--.*?-->\n\n", "", text)
    return bare(re.sub(r"^\[(?:中文|English)\]\([^)]+\)\n", "", text, count=1, flags=re.M))


@pytest.mark.parametrize("names", PAGES, ids=IDS)
def test_the_same_code_links_and_figures(names):
    english, other = map(read, names)
    english = chinese.OUTPUT.sub(lambda output: chinese.said_in_chinese(output[0]), english)
    assert "\n".join(unlike(english, other)) == ""


@pytest.mark.parametrize("name", MESSAGES)
def test_a_diagnosis_is_put_into_the_words_that_it_has(name, monkeypatch):
    parts = set(re.findall(r"{(\w+)}", str(MESSAGES[name].en)))
    others = {"since": 4, "recover": "maybe", "dead": [*range(12)], "norms": [0.5, 1e-9]}
    evidence = {part: others.get(part, 0.25) for part in sorted(parts)}
    both = diptych.teach.Diagnosis([diptych.teach.Finding(name, "hidden", evidence)] * 2)
    said = {}
    for code in ("zh", "en"):
        monkeypatch.setenv("DIPTYCH_LANG", code)
        said[code] = f"before\n{both}\n"
    assert chinese.said_in_chinese(said["en"]) == said["zh"]
    assert os.environ["DIPTYCH_LANG"] == "en"
    assert chinese.said_in_chinese("loss 0.5\n  [nothing]\n") == "loss 0.5\n  [nothing]\n"


@pytest.mark.parametrize("names", PAGES, ids=IDS)
def test_each_page_leads_to_the_other(names):
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in names)
    here, there = (Path(name).name for name in names)
    assert f"[中文]({there})" in english.splitlines()[:4]
    assert f"[English]({here})" in chinese.splitlines()[:4]


@pytest.mark.parametrize("names", PAGES, ids=IDS)
def test_chinese_pages_lead_to_chinese_pages(names):
    page = ROOT / names[1]
    text = page.read_text(encoding="utf-8").partition("\n# " if names in RENDERED else ")")[2]
    links = [link for link in LINK.findall(text) if link.endswith(".md")]
    for link in links:
        assert (page.parent / link).is_file(), link
        if not link.endswith(".zh-CN.md"):
            there = (page.parent / link).with_suffix(".zh-CN.md")
            assert not there.exists(), f"{names[1]} leads to {link}, which is there in Chinese"


def test_findings_lead_to_the_chinese_pages_that_are_there():
    treated = {message.tutorial for message in MESSAGES.values()}
    assert set(IN_CHINESE) == treated & set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_tutorial_has_the_same_cells(name):
    pairs, _ = chinese.cells(name)
    for number, (ours, theirs) in enumerate(pairs, 1):
        found = unlike(bare(ours), bare(theirs))
        assert found == [], f"cell {number}"


@pytest.mark.parametrize("name", NAMES)
def test_a_chinese_page_is_not_stale(name):
    assert chinese.check(name) == []


@pytest.mark.parametrize("names", PAGES, ids=IDS)
def test_formulas_stand_apart(names):
    """Code hosts show a formula as such only where no Chinese character or mark touches it."""
    text = BLOCK.sub("", (ROOT / names[1]).read_text(encoding="utf-8"))
    inline = re.sub(r"\$\$.+?\$\$", "", text, flags=re.S)
    for formula in re.finditer(r"(.?)\$[^$]+\$(.?)", inline):
        assert (formula[1] + formula[2]).isascii(), formula[0]


def test_what_is_in_one_page_only_is_refused(tmp_path, monkeypatch):
    """The Chinese words of a script with a cell, a tick and a picture more or less."""
    monkeypatch.setattr(chinese, "HERE", tmp_path)
    (tmp_path / "zh").mkdir()
    (tmp_path / "read").mkdir()
    script, words = tmp_path / "09_x.py", tmp_path / "zh" / "09_x.md"
    rendering = tmp_path / "read" / "09_x.md"
    script.write_text('# %% [markdown]\nr"""\n# One\n"""\n', encoding="utf-8")
    rendering.write_text("<!-- -->\n\n# One\n\n- ✓ done\n\n![a line](i.svg)\n", encoding="utf-8")
    table = "\n| English | 中文 |\n|---|---|\n| done | 好 |\n| a line | 线 |\n"
    words.write_text(f"# 一\n<!-- %% -->{table}", encoding="utf-8")
    assert chinese.check("09_x") == ["09_x.zh-CN.md is stale: run `make tutorials`"]
    chinese.write("09_x")
    assert chinese.check("09_x") == []
    page = chinese.page_of("09_x").read_text(encoding="utf-8")
    assert page.endswith("[English](09_x.md)\n\n# 一\n\n- ✓ 好\n\n![线](i.svg)\n")
    for text, message in (
        (f"# 一\n<!-- %% -->\n二\n<!-- %% -->{table}", "09_x has 1 cells of text, its Chinese 2"),
        (f"# 一\n<!-- %% -->{table.replace('done', 'gone')}", "no row for 'done'"),
        (f"# 一\n<!-- %% -->{table}| more | 多 |\n", "not on the page: .'more'"),
    ):
        words.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            chinese.page("09_x")
    rendering.write_text("# Another\n", encoding="utf-8")
    words.write_text(f"# 一\n<!-- %% -->{table}", encoding="utf-8")
    with pytest.raises(ValueError, match="render it first"):
        chinese.page("09_x")


def test_check_covers_the_chinese_pages(monkeypatch, capsys):
    """Without a new run: only what is said about the Chinese page is looked at."""
    monkeypatch.setattr(render, "check", lambda path: [])
    monkeypatch.setattr(sys, "argv", ["render.py", "--check", NAMES[0][:2]])
    assert render.main() == 0
    monkeypatch.setattr(chinese, "page", lambda name: "other words")
    assert render.main() == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{NAMES[0]}: as committed"
    assert said[1] == f"{NAMES[0]}: {NAMES[0]}.zh-CN.md is stale: run `make tutorials`"


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
