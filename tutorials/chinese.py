"""The Chinese pages: zh/NN_slug.md in the places of the English words of read/NN_slug.md.

zh/NN_slug.md has a part for each cell of text, in order, and last a table of the page's other
words, those of checks and pictures. The parts stand between lines ``<!-- %% -->``. Code, outputs
and figures come from the English page, so that nothing is run a second time; what a diagnosis
prints is put into the words that it has for a reader of Chinese.
"""

import os
import re
from pathlib import Path

from diptych.teach import Finding
from diptych.teach.diagnosis import messages

HERE = Path(__file__).resolve().parent
CELL = re.compile(r'^# %% \[markdown\]\nr"""\n(.*?)\n"""$', re.M | re.S)
ROW = re.compile(r"^\| (.+?) \| (.+?) \|$", re.M)
WORDS = re.compile(r"(?<=^- ✓ ).+$|(?<=^!\[).+?(?=\]\()|(?<=<summary>).+?(?=</summary>)", re.M)
OUTPUT = re.compile(r"(?<=^```text\n).*?(?=^```$)", re.M | re.S)
FINDING = re.compile(r"^(\S.*)  \[(\w+)\]\n((?:  .+\n)+)", re.M)
SUMMARIES = {
    "How this is drawn": "这张图是怎样画的",
    "How this is checked": "怎样检验",
    "Times on the machine that made this page": "在生成本页的机器上测得的时间",
}
HEADER = """<!-- Made from tutorials/zh/{name}.md and tutorials/read/{name}.md, do not edit. -->

[English]({name}.md)

"""


def source_of(name):
    """The Chinese words of a tutorial, which need not be there."""
    return HERE / "zh" / f"{name}.md"


def page_of(name):
    return HERE / "read" / f"{name}.zh-CN.md"


def cells(name):
    """Return a tutorial's cells of text as pairs, English and Chinese, and the table of the other
    words; ValueError where a cell has no counterpart.
    """
    english = CELL.findall((HERE / f"{name}.py").read_text(encoding="utf-8"))
    *chinese, table = source_of(name).read_text(encoding="utf-8").split("<!-- %% -->")
    if len(english) != len(chinese):
        raise ValueError(
            f"{name} has {len(english)} cells of text, its Chinese {len(chinese)}: "
            f"write zh/{name}.md again where the cells differ."
        )
    pairs = list(zip(english, (text.strip() for text in chinese), strict=True))
    return pairs, dict(ROW.findall(table)[1:])


def said_in_chinese(output):
    """What a diagnosis has printed in English, as it prints it in Chinese."""
    before = os.environ.get("DIPTYCH_LANG")
    os.environ["DIPTYCH_LANG"] = "zh"
    try:
        output = FINDING.sub(lambda found: f"{_finding(*found.groups())}\n", output)
    finally:
        os.environ.pop("DIPTYCH_LANG")
        os.environ.update({} if before is None else {"DIPTYCH_LANG": before})
    return re.sub(r"^(\d+) findings?$", r"发现 \1 个问题", output, flags=re.M)


def _finding(title, name, body):
    """A finding, read from its title and what stands below it, in lines."""
    english = messages.MESSAGES[name].en
    evidence, text = {}, " ".join(body.split())
    for part, after in (("evidence", "reason"), ("reason", "remedy"), ("remedy", "tutorial")):
        shown = re.search(f"{part}: (.*) {after}: ", text)[1]
        names = re.findall(r"{(\w+)}", english[part])
        form = re.sub(r"\\{\w+\\}", "(.+?)", re.escape(english[part]))
        values = map(_value, re.fullmatch(form, shown).groups())
        evidence.update(zip(names, values, strict=True))
    return Finding(name, title.removeprefix(english["title"]).strip(" ()"), evidence)


def _value(text):
    """A part of the evidence, as a finding holds it: a word of the table, an epoch, or numbers."""
    known = {said: word for word, said in messages.PHRASES["en"].items()}
    epoch = re.fullmatch(r"after epoch (\d+)", text)
    if epoch:
        return int(epoch[1])
    text = re.sub(r"\band (\d+) more$", r"另有 \1 个", text)
    return known.get(text, text.replace(", ", messages.WORDS["zh"]["comma"]))


def page(name):
    """Return the Chinese page; ValueError where words are missing or are none of the page's."""
    pairs, words = cells(name)
    rest = (HERE / "read" / f"{name}.md").read_text(encoding="utf-8")
    rest = OUTPUT.sub(lambda output: said_in_chinese(output[0]), rest)
    rest = rest[rest.index(pairs[0][0]) :] if pairs[0][0] in rest else ""
    unused, parts = set(words), []

    def in_chinese(match):
        unused.discard(match[0])
        known = SUMMARIES | words
        if match[0] not in known:
            raise ValueError(f"zh/{name}.md has no row for {match[0]!r} in the table at its end.")
        return known[match[0]]

    for english, chinese in pairs:
        before, found, rest = rest.partition(english)
        if not found:
            raise ValueError(f"read/{name}.md is not of this script: render it first.")
        parts += [WORDS.sub(in_chinese, before), chinese]
    parts.append(WORDS.sub(in_chinese, rest))
    if unused:
        raise ValueError(f"zh/{name}.md has rows for what is not on the page: {sorted(unused)}")
    return HEADER.format(name=name) + "".join(parts)


def write(name):
    page_of(name).write_text(page(name), encoding="utf-8")


def check(name):
    """Return what is wrong with a committed Chinese page."""
    target = page_of(name)
    same = target.exists() and target.read_text(encoding="utf-8") == page(name)
    return [] if same else [f"{target.name} is stale: run `make tutorials`"]
