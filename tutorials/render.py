"""Renders the tutorials: NN_slug.py, a script in percent cells, to read/NN_slug.md with its real
outputs and figures, and where zh/NN_slug.md has its words in Chinese, read/NN_slug.zh-CN.md.

    python tutorials/render.py            renders every tutorial whose rendering is stale
    python tutorials/render.py 01 04      renders these
    python tutorials/render.py --check    fails where a rendering is stale, or its text differs
                                          from a new run
"""

import argparse
import copy
import hashlib
import os
import re
import sys
from pathlib import Path

import chinese

HERE = Path(__file__).resolve().parent
READ = HERE / "read"
HEADER = "<!-- Made from tutorials/{name}.py, do not edit. sha256 {digest} -->\n\n"
TO_CHINESE = "[中文]({name}.zh-CN.md)\n\n"
SETUP = """
import matplotlib, matplotlib_inline.backend_inline
matplotlib_inline.backend_inline.set_matplotlib_formats("svg", metadata={"Date": None})
matplotlib.rcParams["svg.hashsalt"] = "diptych"
matplotlib.rcParams["font.size"] = 12  # of a page as wide as a telephone, still legible
matplotlib.rcParams["figure.figsize"] = (6.4, 3.4)
matplotlib.rcParams["figure.constrained_layout.use"] = True
"""
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")
SLACK = 0.05  # of a printed number's size: another processor may round its last digits otherwise
ROUNDING = 1e-5  # differences of float32 that are printed as such
MOST_BYTES_A_FIGURE = 60_000
# Around what long trainings make of last digits: a check does not compare it.
VARIES = "<!-- differs with the processor -->", "<!-- until here -->"
# A cell's tag, and the line behind which its code is folded: `# %% tags=["plot"]`. The outputs of a
# cell of checks are its ticks.
FOLDED = {"plot": "How this is drawn", "check": "How this is checked"}


def sources():
    """Return the tutorials' scripts in order."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def digest(path):
    """Return what a rendering remembers of its source and of the kernels that it compiles."""
    kernels = re.findall(r'kernels\.build\("(\w+)"', path.read_text(encoding="utf-8"))
    files = [path, *(HERE / "kernels" / f"{name}.pyx" for name in kernels)]
    text = b"".join(file.read_bytes().replace(b"\r\n", b"\n") for file in files)
    return hashlib.sha256(text).hexdigest()[:16]


def rendering_of(path):
    return READ / f"{path.stem}.md"


def is_stale(path):
    """Whether the committed rendering was made from another text."""
    target = rendering_of(path)
    return not target.exists() or f"sha256 {digest(path)}" not in target.read_text(encoding="utf-8")


def run(path):
    """Execute a tutorial in a fresh kernel, and return the notebook with its outputs."""
    import jupytext
    import nbformat
    from nbclient import NotebookClient

    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # figures as outputs
    os.environ["DIPTYCH_LANG"] = "en"
    notebook = jupytext.read(path)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SETUP))
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}
    ).execute()
    del notebook.cells[0]
    return notebook


def to_markdown(notebook, name, digest_of_source):
    """Return the text, and the figures by file name."""
    parts, figures = [], {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        lines = cell.source.splitlines()
        alt = next(
            (line[len("# alt:") :].strip() for line in lines if line.startswith("# alt:")), ""
        )
        source = "\n".join(line for line in lines if not line.startswith("# alt:")).strip()
        tags = cell.metadata.get("tags", [])
        code = ""
        if any(not line.startswith("#") for line in source.splitlines()):
            code = f"```python\n{source}\n```"
        shown = [_output(output, alt, name, figures) for output in _joined(cell.outputs)]
        text = "\n\n".join(part for part in shown if part)
        if "check" in tags:
            text = "\n".join(f"- {line}" for line in text.splitlines() if line.startswith("✓"))
        if text and "timing" in tags:
            text = _fold("Times on the machine that made this page", text)
        if text and "varies" in tags:
            text = f"{VARIES[0]}\n\n{text}\n\n{VARIES[1]}"
        folded = next((FOLDED[tag] for tag in tags if tag in FOLDED), None)
        pair = (text, _fold(folded, code)) if folded else (code, text)
        parts += [part for part in pair if part]
    header = HEADER + (TO_CHINESE if chinese.source_of(name).exists() else "")
    header = header.format(name=name, digest=digest_of_source)
    return header + "\n\n".join(parts) + "\n", figures


def _fold(summary, text):
    """What stands behind a line that opens at a click."""
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def _joined(outputs):
    """The outputs with prints in a row as one: a kernel may hand them on in several pieces."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and last.output_type == output.output_type == "stream":
            joined[-1] = copy.copy(last)
            joined[-1].text = last.text + output.text
        else:
            joined.append(output)
    return joined


def _output(output, alt, name, figures):
    """One output as Markdown; figures are put into ``figures``."""
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```"
    data = output.get("data", {})
    if "image/svg+xml" in data:
        if len(alt) < 20:
            raise ValueError(
                f"{name}: a figure needs a line `# alt: ...` in its cell that says what it shows."
            )
        file = f"{name[:2]}_{len(figures) + 1}.svg"
        figures[file] = data["image/svg+xml"]
        if len(figures[file]) > MOST_BYTES_A_FIGURE:
            raise ValueError(
                f"{name}: figure {file} takes {len(figures[file])} bytes, more than "
                f"{MOST_BYTES_A_FIGURE}."
            )
        return f"![{alt}](img/{file})"
    return f"```text\n{data['text/plain'].rstrip()}\n```" if "text/plain" in data else ""


def write(path):
    """Run a tutorial and write its rendering."""
    text, figures = to_markdown(run(path), path.stem, digest(path))
    images = READ / "img"
    images.mkdir(parents=True, exist_ok=True)
    for old in images.glob(f"{path.stem[:2]}_*"):
        old.unlink()
    for file, figure in figures.items():
        (images / file).write_text(figure, encoding="utf-8")
    rendering_of(path).write_text(text, encoding="utf-8")


def differences(old, new):
    """Return where two renderings differ, times aside and but for last digits."""
    found = []
    old, new = (_comparable(text).splitlines() for text in (old, new))
    if len(old) != len(new):
        return [f"{len(old)} lines became {len(new)}"]
    for number, (a, b) in enumerate(zip(old, new, strict=True), 1):
        same = NUMBER.sub("#", a) == NUMBER.sub("#", b)
        pairs = zip(NUMBER.findall(a), NUMBER.findall(b), strict=False)
        if not same or any(_far(float(m), float(n)) for m, n in pairs):
            found.append(f"line {number}:\n  - {a}\n  + {b}")
    return found


def _far(a, b):
    return abs(a - b) > SLACK * max(abs(a), abs(b)) + ROUNDING


def _comparable(text):
    """Without times, and without what differs with the processor."""
    for begin, end in (("<details>", "</details>"), VARIES):
        text = re.sub(f"{begin}.*?{end}", "", text, flags=re.DOTALL)
    return text


def check(path):
    """Return what is wrong with a committed rendering."""
    if is_stale(path):
        return ["stale: run `make tutorials`"]
    text, figures = to_markdown(run(path), path.stem, digest(path))
    found = differences(rendering_of(path).read_text(encoding="utf-8"), text)
    return found + [
        f"img/{file} is missing" for file in figures if not (READ / "img" / file).exists()
    ]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("numbers", nargs="*", help="of tutorials, such as 01; by default all")
    parser.add_argument(
        "--check", action="store_true", help="compare the renderings with a new run instead"
    )
    chosen = parser.parse_args()
    failed = False
    for path in sources():
        if chosen.numbers and path.stem[:2] not in chosen.numbers:
            continue
        in_chinese = chinese.source_of(path.stem).exists()
        if chosen.check:
            found = check(path) + (chinese.check(path.stem) if in_chinese else [])
            failed = failed or bool(found)
            print(f"{path.stem}: {'as committed' if not found else chr(10).join(found)}")
        elif chosen.numbers or is_stale(path):
            print(f"{path.stem}: rendering", flush=True)
            write(path)
        if in_chinese and not chosen.check:
            chinese.write(path.stem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
