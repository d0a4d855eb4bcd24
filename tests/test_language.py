"""The language of what is said to people who learn."""

import locale

import pytest

from diptych.language import language


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"DIPTYCH_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        ({"DIPTYCH_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"DIPTYCH_LANG": "zh-CN"}, "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "zh_TW.UTF-8", "LANG": "de_DE.UTF-8"}, "zh"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_environment_chooses(environment, expected, monkeypatch):
    for name in ("DIPTYCH_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(locale, "getlocale", lambda: (None, None))
    assert language() == expected


def test_where_the_environment_says_nothing_the_system_does(monkeypatch):
    for name in ("DIPTYCH_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(locale, "getlocale", lambda: ("Chinese (Simplified)_China", "936"))
    assert language() == "zh"


def test_a_language_that_is_not_spoken(monkeypatch):
    monkeypatch.setenv("DIPTYCH_LANG", "fr")
    with pytest.raises(ValueError, match="DIPTYCH_LANG='fr'"):
        language()
