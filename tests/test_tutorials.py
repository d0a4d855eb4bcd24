"""The tutorials: each runs as a script, checks every claim it makes, and is rendered."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from diptych.teach import Checks

TUTORIALS = Path(__file__).resolve().parents[1] / "tutorials"
SCRIPTS = sorted(TUTORIALS.glob("[0-9][0-9]_*.py"))
sys.path.insert(0, str(TUTORIALS))

import kernels  # noqa: E402
import render  # noqa: E402

IDS = [path.stem for path in SCRIPTS]


def run(path):
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        timeout=300,
    )


def test_render_explains_itself():
    command = [sys.executable, str(TUTORIALS / "render.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for part in ("usage: render.py", "renders every tutorial", "such as 01", "--check"):
        assert part in done.stdout


def claims_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return len(
        [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "check"]
    )


@pytest.mark.parametrize("path", SCRIPTS, ids=IDS)
def test_every_claim_is_checked(path):
    pytest.importorskip(
        "matplotlib", reason="tutorials draw with matplotlib: pip install '.[tutorials]'"
    )
    done = run(path)
    assert done.returncode == 0, done.stderr
    assert claims_in(path) >= 4
    last = done.stdout.splitlines()[-1]
    if "not checked" in last:
        complete = kernels.compiler() is not None and kernels.accepts(kernels.REPORT)
        assert not complete, "there is a compiler, and yet something was left out"
        pytest.skip(f"{last}: no Cython, or no C compiler, or one that reports nothing")
    assert last == f"{path.stem[:2]}: {claims_in(path)} checks passed"


@pytest.mark.parametrize("path", SCRIPTS, ids=IDS)
def test_answers_run(path):
    done = run(TUTORIALS / "answers" / f"{path.stem[:2]}.py")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", SCRIPTS, ids=IDS)
def test_rendering_is_not_stale(path):
    assert not render.is_stale(path), "run `make tutorials`"


@pytest.mark.parametrize("path", SCRIPTS, ids=IDS)
def test_form(path):
    page = render.rendering_of(path).read_text(encoding="utf-8")
    assert re.search(r"^# .+", page, re.M), "a title"
    assert re.search(r"^> .*[\u4e00-\u9fff]", page, re.M), "the learner's question, as it was asked"
    assert "## Exercises" in page
    pictures = re.findall(r"!\[(.+?)\]\((img/.+?)\)", page)
    assert pictures
    for alternative, file in pictures:
        assert len(alternative) >= 20
        assert (render.READ / file).exists()
    prose = re.sub(r"```.*?```", "", page, flags=re.S)
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", prose):
        assert (render.READ / link).exists(), link
    assert f"(../answers/{path.stem[:2]}.py)" in page
    open_code = re.sub(r"<details>.*?</details>", "", page, flags=re.S)
    for code in re.findall(r"```python\n.*?```", open_code, re.S):
        assert "plt.subplots" not in code, "the code of figures is folded"
        assert not re.search(r"\bcheck\(", code), "the code of checks is folded"
    assert all(len(line) <= 120 for line in path.read_text(encoding="utf-8").splitlines())


def test_there_are_tutorials():
    assert len(SCRIPTS) >= 2
    listed = (TUTORIALS / "README.md").read_text(encoding="utf-8")
    for path in SCRIPTS:
        for link in (f"read/{path.stem}.md", path.name, f"answers/{path.stem[:2]}.py"):
            assert f"]({link})" in listed
    pictures = re.findall(r'<img src="(.+?)" .*?alt="(.+?)"', listed)
    assert [Path(file).name[:2] for file, _ in pictures] == [path.stem[:2] for path in SCRIPTS]
    for file, _ in pictures:
        assert (TUTORIALS / file).exists(), file


# What five sets of a learner's notes leave open, by set and question, and who answers it.
OPEN = {
    "0a": "02",  # why does the training get stuck short of 100 %?
    "0b": "03",  # why is the result different each time?
    "0c": "01",  # is one neuron enough for AND?
    "0d": "07 08",  # what do epochs, batches and validation_split do here?
    "1a": "01",  # how does a perceptron learn?
    "1b": "04 06",  # is the optimizer what finds the gradient?
    "1c": "05",  # why do activations differ, and first weights matter?
    "1d": "06",  # why does the accuracy stop at 0.79?
    "1e": "06",  # how sure is the answer?
    "1f": "07",  # what if no row is kept for validation?
    "2a": "08",  # what does the batch size do?
    "2b": "08 14",  # why is a matrix faster?
    "2c": "08",  # are large batches worse?
    "2d": "04 06",  # how is a good function found?
    "2e": "09",  # how to save, load and predict?
    "3a": "07",  # what is validation for?
    "3b": "10",  # which dimensions has Conv1D?
    "3c": "08",  # epochs or batch_size?
    "3d": "06",  # what is a loss on random labels?
    "4a": "09 11",  # what does a model look like?
    "4b": "06 07",  # what do the scores mean?
    "4c": "08",  # what if the data do not fit?
    "4d": "11 12",  # how does a VGG work?
    "4e": "13",  # how does an LSTM work?
}


@pytest.mark.parametrize("question", OPEN)
def test_every_open_question_has_its_tutorial(question):
    written = [path for path in SCRIPTS if path.stem[:2] in OPEN[question].split()]
    assert written
    for path in written:
        header = path.read_text(encoding="utf-8").partition("# %%")[0]
        named = re.search(r"Seeds: ([0-4][a-f](?:, [0-4][a-f])*)\.", header)
        assert named, f"{path.name} has no line of seeds"
        assert question in named[1].split(", "), f"{path.name} does not name {question}"


def test_what_cannot_be_checked_is_said(capsys):
    check = Checks("09")
    check("one is one", True)
    check.skip(2, "no C compiler")
    check.done()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["- 2 not checked: no C compiler", "09: 1 checks passed, 2 not checked"]


def cell(source, text, *tags):
    output = SimpleNamespace(output_type="stream", text=text)
    metadata = {"tags": list(tags)} if tags else {}
    return SimpleNamespace(cell_type="code", source=source, metadata=metadata, outputs=[output])


def test_prints_in_several_pieces_are_one_output():
    """When a kernel hands them on depends on how busy the machine is."""
    one, two = cell("print(1, 2)", "1\n"), cell("", "2\n")
    one.outputs += two.outputs
    page, _ = render.to_markdown(SimpleNamespace(cells=[one]), "09_x", "abc")
    assert "```text\n1\n2\n```" in page
    assert one.outputs[0].text == "1\n"


def test_what_is_folded():
    """Ticks stand before the code that made them, other code before what it prints."""
    cells = [cell("print(1)", "1\n"), cell("check(a, b)", "✓ one\n✓ two\n", "check")]
    page, figures = render.to_markdown(SimpleNamespace(cells=cells), "09_x", "abc")
    assert figures == {}
    plain, _, checked = page.partition("- ✓ one\n- ✓ two\n\n")
    assert plain.endswith("```python\nprint(1)\n```\n\n```text\n1\n```\n\n")
    summary = "<details><summary>How this is checked</summary>"
    assert checked == f"{summary}\n\n```python\ncheck(a, b)\n```\n\n</details>\n"


def test_a_rendering_is_stale_when_a_kernel_has_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(render, "HERE", tmp_path)
    (tmp_path / "kernels").mkdir()
    kernel, tutorial = tmp_path / "kernels" / "sums.pyx", tmp_path / "09_x.py"
    kernel.write_text("one", encoding="utf-8")
    tutorial.write_text('kernels.build("sums")', encoding="utf-8")
    before = render.digest(tutorial)
    assert render.digest(tutorial) == before
    kernel.write_text("two", encoding="utf-8")
    assert render.digest(tutorial) != before


def test_comparison_of_renderings_sees_a_changed_number_and_forgives_a_last_digit():
    assert render.differences("loss 0.12345\n", "loss 0.12346\n") == []
    assert render.differences("loss 0.12345\n", "loss 0.16345\n")
    assert render.differences("loss 0.1\n", "gain 0.1\n")
    assert render.differences("<details>1.0</details>\n", "<details>9.0</details>\n") == []
    pages = [
        render.to_markdown(SimpleNamespace(cells=[cell("print(x)", text, "varies")]), "09_x", "a")
        for text in ("0.5\n", "0.7\n")
    ]
    assert render.differences(pages[0][0], pages[1][0]) == []
