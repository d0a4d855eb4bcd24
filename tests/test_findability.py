"""A stranger's way in: whoever searches for the field's own word lands at the equation.

Each row of CONCEPTS is one search, as `grep -rni word folder/` would make it, file by file in
alphabetical order: the first hit is in the file named, with an equation beside it, and the gradient
(or, of an update, the code) on the same screen. docs/architecture.md names the fast twin.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCREEN = 50  # lines
BESIDE = 3  # lines between the word and its equation

# What is searched for, in which folder, the file of the first hit, what the equation holds, what
# the gradient holds, the family of the fast twin.
CONCEPTS = [
    (
        "forget gate",
        "reference",
        "recurrent.py",
        r"f = sigma\(a_f\)",
        r"df = dc_t c_\{t-1\}",
        "recurrent",
    ),
    (
        "moving average",
        "reference",
        "normalization.py",
        r"moving_mean = momentum moving_mean \+ \(1 - momentum\) mean",
        r"dx\[i, c\] = inv\[c\] g\[i, c\] \+",
        "normalization",
    ),
    (
        "bias correction",
        "reference",
        "optimizers.py",
        r"alpha = .*sqrt\(1 - beta_2\^step\) / \(1 - beta_1\^step\)",
        r"w -= alpha \* m",
        "optimizers",
    ),
    (
        r"softmax \+ cross-?entropy",
        "reference",
        "crossentropy.py",
        r"log\(p_k\) = z_k - log sum_i exp\(z_i\)",
        r"softmax\(z\) - y",
        "crossentropy",
    ),
    (
        "dropout mask",
        "reference",
        "dropout.py",
        r"y\[i\] = x\[i\] / \(1 - rate\) where dropout_mask",
        r"np\.where\(dropout_mask, dy",
        "dropout",
    ),
    (
        "ties go to the first",
        "reference",
        "pooling.py",
        r"y\[n, o, c\] = max_k",
        r"dpadded\[places\] \+=",
        "pooling",
    ),
    (
        "forward variable",
        "reference",
        "ctc.py",
        r"alpha_t\(s\) +forward variable",
        r"alpha_t\(s\) = log y_t\(l'_s\)",
        "ctc",
    ),
    (
        "multi-head projection",
        "reference",
        "attention.py",
        r"query\[n, t, h, d\] = sum_m x\[n, t, m\] W_q",
        r"dW_q\[m, h, d\] = sum_n",
        "attention",
    ),
    (
        r"validation_split(:| \|)",
        "src/diptych/models",
        "data.py",
        r"split = math\.floor\(rows",
        "",
        "",
    ),
]


def hits(word, folder):
    """[(path, line number)] of a search through a folder."""
    return [
        (path, number)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(word, line, re.I)
    ]


def first_after(pattern, path, start):
    """The number of the first line from `start` on in which the pattern occurs."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [n for n, line in enumerate(lines, 1) if n >= start and re.search(pattern, line)]
    assert found, f"{path.name} has no {pattern!r} from line {start} on"
    return found[0]


@pytest.mark.parametrize(
    ("word", "folder", "file", "equation", "gradient", "twin"),
    CONCEPTS,
    ids=[row[0] for row in CONCEPTS],
)
def test_the_first_hit_is_the_equation(word, folder, file, equation, gradient, twin):
    path, line = hits(word, folder)[0]
    assert path.name == file, f"the first hit of {word!r} is in {path.name}, line {line}"
    near = BESIDE if twin else SCREEN  # of a function of Python's the first hit is the argument
    at = first_after(equation, path, line - BESIDE)
    assert at - line <= near, f"{file}: {word!r} in line {line}, its equation in line {at}"
    if gradient:
        code = first_after(gradient, path, line)
        assert code - line <= SCREEN, f"{file}: {word!r} in line {line}, the gradient in {code}"


@pytest.mark.parametrize(
    ("word", "file", "twin"),
    [(word, file, twin) for word, _, file, _, _, twin in CONCEPTS],
    ids=[row[0] for row in CONCEPTS],
)
def test_the_guide_names_the_place_and_the_twin(word, file, twin):
    guide = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (row,) = (
        line for line in guide.splitlines() if line.startswith("|") and re.search(word, line, re.I)
    )
    assert file in row
    assert f"fastcore/{twin}.pyx" in row if twin else "no twin" in row


@pytest.mark.parametrize(
    "path", sorted((ROOT / "reference").glob("[!_]*.py")), ids=lambda p: p.stem
)
def test_each_reference_file_names_its_fast_twin(path):
    opening = path.read_text(encoding="utf-8").split('"""')[1]
    last = opening.strip().splitlines()[-1]
    assert last.startswith(f"Fast twins, by the same names: fastcore/{path.stem}.pyx")
