"""tests/wheel/contents.py finds what is wrong with a wheel."""

import base64
import hashlib
import zipfile

import pytest

from tests.wheel import contents

SOURCES = contents.sources()
if not SOURCES:
    pytest.skip("a wheel is compared with the sources, which are not here", allow_module_level=True)

ONCE = {"kernels/cpu", "kernels/threads"}


def wheel(folder, without=(), beside=(), record=None):
    """A wheel whose compiled modules are empty files; the path of it."""
    names = SOURCES | set(beside)
    for module in {name[17:-4] for name in SOURCES if name.endswith(".pyx")}:
        for level in [""] if module in ONCE else ["_levels/v2/", "_levels/v3/", "_levels/v4/"]:
            names.add(f"diptych/fastcore/{level}{module}.cpython-311-x86_64-linux-gnu.so")
    names -= set(without)
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"").digest()).decode().rstrip("=")
    lines = [f"{name},sha256={record or digest},0" for name in sorted(names)]
    path = folder / "diptych-1.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
        archive.writestr("diptych-1.0.dist-info/RECORD", "\n".join(lines))
    return path


def test_a_whole_wheel(tmp_path, capsys):
    assert contents.main(wheel(tmp_path)) == []
    assert " modules at 3 levels, 2 once" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"without": ["diptych/py.typed"]}, "diptych/py.typed: not in the wheel"),
        ({"beside": ["diptych/dense.c"]}, "diptych/dense.c: does not belong into a wheel"),
        ({"beside": ["tests/x.py"]}, "tests: does not belong into a wheel"),
        (
            {"without": ["diptych/fastcore/_levels/v3/dense.cpython-311-x86_64-linux-gnu.so"]},
            "dense: only for ['v2', 'v4']",
        ),
        ({"record": "x"}, "diptych/py.typed: not what RECORD says"),
    ],
)
def test_what_is_wrong(tmp_path, changes, words):
    assert words in contents.main(wheel(tmp_path, **changes))


def test_a_wheel_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "LIMIT", 1000)
    assert any("MB, more than 0.001" in words for words in contents.main(wheel(tmp_path)))
