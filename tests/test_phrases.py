"""What is said in the reader's language: all of it is in the table, and nothing else is."""

import ast
import contextlib
import io
import re
from pathlib import Path

import pytest

import diptych
from diptych import demo, phrases
from diptych.__main__ import main
from diptych.compat import run
from diptych.language import said
from diptych.legacy.notes import LegacySpelling, forget_notes

PACKAGE = Path(diptych.__file__).parent
SAYS = {"note": 1, "gone": 0, "Answer": 0, "said": 0, "_say": 0}  # which argument is said
TABLES = {"REMOVED": "values", "_INPUT_NOTES": "values", "NETWORKS": "keys"}  # dicts
CHINESE = re.compile("[\u4e00-\u9fff]")


def strings(node):
    """The strings that an expression may be, with `{}` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return {"".join(parts)}
    if isinstance(node, ast.IfExp):
        return strings(node.body) | strings(node.orelse)
    if isinstance(node, ast.BinOp):  # said(...) + said(...)
        return strings(node.left) | strings(node.right)
    return set()


def said_by(node, file):
    """The strings that a statement or a call says."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        place = SAYS.get(node.func.id, len(node.args))
        return set().union(*map(strings, node.args[place : place + 1]))
    if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
        return strings(node.value.elts[0])
    if isinstance(node, ast.Return) and file in ("tables.py", "demo.py"):
        return strings(node.value)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        name = getattr(node.targets[0] if isinstance(node, ast.Assign) else node.target, "id", "")
        if name in ("words", "both", "USAGE"):
            return strings(node.value)
        if name in TABLES:
            return set().union(*map(strings, getattr(node.value, TABLES[name])))
        if name == "_REWRITES":
            return set().union(*(strings(row.elts[-1]) for row in node.value.elts))
    return set()


def all_that_is_said():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if re.search(r"\b(said|note|gone|note_removed)\(|Proposals", text):
            for node in ast.walk(ast.parse(text)):
                found |= said_by(node, path.name)
    # A note of one word is a new name, which `note` puts into a sentence.
    return sorted(text for text in found if " " in text.strip()) + ["is now `{}`"]


SAID = all_that_is_said()


def filled(template):
    """A template with something in its places, which is found again in the translation."""
    count = template.count("{}")
    return template.format(*(f"<{place}>" for place in range(count))), count


def test_what_is_said_is_found():
    assert len(SAID) > 100


@pytest.mark.parametrize("template", SAID)
def test_all_is_said_in_chinese(template):
    text, count = filled(template)
    chinese = phrases.in_chinese(text)
    assert CHINESE.search(chinese), "not in diptych/phrases.py"
    assert re.findall(r"<\d+>", chinese) == [f"<{place}>" for place in range(count)]


@pytest.mark.parametrize("english", phrases.CHINESE)
def test_no_phrase_is_left_over(english):
    """Each is said, as it is or with something in its places."""
    pattern = re.compile(".+?".join(map(re.escape, english.split("{}"))), re.S)
    others = {".", ":", "a space"}  # the end of an answer, and what is put into one
    assert english in others or any(pattern.fullmatch(filled(text)[0]) for text in SAID)
    assert english.count("{}") == phrases.CHINESE[english].count("{}")


def test_what_is_not_in_the_table_is_left_as_it_is(monkeypatch):
    monkeypatch.setenv("DIPTYCH_LANG", "zh")
    assert said("something else") == "something else"


SLIPS = {
    "x = 3，4": "行：用了中文输入法或文字处理软件的符号：`，` 应写作 `,`：\n    x = 3,4",
    "print 3": "行：在 Python 3 里 print 是函数，要加括号：\n    print(3)",
    "unicode(3)": "行：`unicode` 是 Python 2 的写法；Python 3 里是 `str`：\n    str(3)",
    "x = true": "行：`true` 在 Python 里写作 `True`：\n    x = True",
    "abcde = 1\nabcd": "行：`abcd` 没有定义；你想写的是 `abcde` 吗？\n    abcde",
    "pqr": "行：`pqr` 在这一行之前没有定义。",
}


@pytest.mark.parametrize("script", SLIPS)
def test_answers_to_slips(script, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("DIPTYCH_LANG", "zh")
    path = tmp_path / "script.py"
    path.write_text(script, encoding="utf-8")
    assert run.run(run.Command("file", str(path))) == 1
    number = script.count("\n") + 1
    assert capsys.readouterr().err.endswith(f"{path}，第 {number} {SLIPS[script]}\n")


def test_the_command_line(monkeypatch, capsys):
    monkeypatch.setenv("DIPTYCH_LANG", "zh")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "运行一个 Keras 脚本或 notebook" in capsys.readouterr().out
    assert run.main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("用法：diptych run [选项] script.py")
    for arguments, answer in (
        ([], "运行哪个脚本？"), (["-m"], "-m 后面要有一个值"), (["--new"], "没有选项 --new"),
        (["--engine", "slow"], "--engine slow：引擎只有"),
        (["--threads", "0"], "--threads 0：应当是"),
    ):  # fmt: skip
        assert run.main(arguments) == 2
        assert answer in capsys.readouterr().err


def test_notes_on_old_spellings(monkeypatch):
    monkeypatch.setenv("DIPTYCH_LANG", "zh")
    forget_notes()
    with pytest.warns(LegacySpelling) as seen:
        diptych.layers.Dense(output_dim=3, input_dim=2)
    assert {str(warning.message) for warning in seen} == {
        "Dense: `output_dim` 现在是 `units`",
        "Dense: `input_dim` 现在是放在这个层前面的 `Input(shape=(input_dim,))`",
    }
    forget_notes()


def test_the_demo(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("DIPTYCH_LANG", "zh")
    monkeypatch.setattr(demo, "NETWORKS", dict(list(demo.NETWORKS.items())[:1]))
    assert demo.run(epochs=1) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1437 个 8 x 8 像素的手写数字用来学习，360 个用来测试。"
    assert lines[1] == "两个网络学习它们，每个都在两个引擎上轮流训练，随机种子 0，1 轮："
    assert lines[3] == "全连接网络，64-128-64-10（17,226 个参数）"
    assert "引擎             秒     测试准确率   每一轮的损失（对数刻度）" in lines
    assert re.fullmatch("两条损失曲线最多相差 [0-9.e+-]+，对测试数字的输出最多相差 .+；", lines[-2])
    assert re.fullmatch(
        r"两个引擎的答案有 [\d.]+% 相同。fast 引擎的速度是 reference 引擎的 .+ 倍。", lines[-1]
    )


def test_the_demo_speaks_english_where_chinese_cannot_be_written(monkeypatch):
    monkeypatch.setenv("DIPTYCH_LANG", "zh")
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "ascii")) as stream:
        demo._say("dense, 64-128-64-10")
    assert stream.buffer.getvalue() == b"dense, 64-128-64-10\n"
