"""What findings say, in both languages."""

import re
from pathlib import Path

import numpy as np

import diptych
from diptych.teach.diagnosis.messages import MESSAGES

ROOT = Path(__file__).parents[1]


def test_every_finding_speaks_both_languages(monkeypatch):
    names = {part for m in MESSAGES.values() for part in re.findall(r"{(\w+)}", str(m.en))}
    evidence = {name: 0.25 for name in names} | {"since": 4, "recover": "never", "dead": [1] * 30}
    for name, message in MESSAGES.items():
        english, chinese = ({*re.findall(r"{(\w+)}", str(t))} for t in (message.en, message.zh))
        assert english == chinese, name
        assert re.fullmatch(r"[01]\d_[a-z0-9_]+", message.tutorial)
        finding = diptych.teach.Finding(name, "dense", evidence)
        texts = {}
        for code in ("en", "zh"):
            monkeypatch.setenv("DIPTYCH_LANG", code)
            texts[code] = str(finding)
            assert "{" not in texts[code]
            assert name in texts[code]
        assert re.search("[\u4e00-\u9fff]", texts["zh"])
        assert not re.search("[\u4e00-\u9fff]", texts["en"])
    assert "另有" in texts["zh"] or "dead" not in evidence["recover"]
    assert "没有发现问题" in str(diptych.teach.Diagnosis())


def test_what_is_not_known_is_not_told(monkeypatch):
    names = set(re.findall(r"{(\w+)}", str(MESSAGES["learning_rate_too_high"].en)))
    evidence = dict.fromkeys(names, "unknown") | {"rate": 0.5, "rises": 2, "sum": 7.0}
    high = diptych.teach.Finding("learning_rate_too_high", "", evidence)
    text = "The learning rate is 0.5. In the last epochs the loss rose 2 times, by 7 in all."
    assert high.shown == text
    monkeypatch.setenv("DIPTYCH_LANG", "zh")
    assert high.shown == "学习率是 0.5。在最后几轮里，损失上升了 2 次，共 7。"
    names = set(re.findall(r"{(\w+)}", str(MESSAGES["not_finite"].en)))
    evidence = dict.fromkeys(names, "unknown") | {"epoch": 3, "loss": 1.5}
    broken = diptych.teach.Finding("not_finite", "", evidence)
    assert broken.shown == "首次出现：第 3 轮、第 ？ 批，在“？”里，运算是 ？。之前的损失：1.5。"


def test_chinese_lines_keep_signs_together_and_code_as_it_is(monkeypatch):
    monkeypatch.setenv("DIPTYCH_LANG", "zh")
    evidence = {"size": 300.0, "smallest": 1.0, "largest": 9.0}
    text = str(diptych.teach.Finding("unscaled_inputs", "dense", evidence))
    assert "  证据：进入第一组权重的数" in text
    assert not re.search(r"（$|^ *[，。：；、）]", text, re.M)
    text = str(diptych.teach.Finding("sorted_labels", "", {"trained": [0, 1], "validated": [1]}))
    assert "类别是 0、1，" in text
    code = " ".join(text.partition("打乱：")[2].split()).partition(" 教程")[0]
    x, y = np.arange(4), np.arange(4)
    names = {"np": np, "x": x, "y": y}
    exec(code, names)
    np.testing.assert_array_equal(names["x"], names["y"])


def test_the_guide_lists_all_findings():
    guide = (ROOT / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\w+) \|$", guide, re.M)
    assert rows == [(name, message.tutorial) for name, message in MESSAGES.items()]
