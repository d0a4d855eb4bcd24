"""Answers to the slips of scripts: which line, what was meant, how to mend it."""

from __future__ import annotations

import ast
import builtins
import difflib
import linecache
import re
import sys
import traceback
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from ..language import said
from ..legacy.notes import PACKAGE
from .hook import PACKAGES
from .shape_slips import of_shapes
from .syntax_slips import mend, no_code, without_strings


class Answer(NamedTuple):
    """What was meant, and the line as it should be ("" if that is not known)."""

    words: str
    line: str = ""


def answer(error: BaseException, names: dict[str, Any]) -> str:
    """What to do about an error of a script; "" if nothing is known about it.

    names: the script's namespace.
    """
    if isinstance(error, SyntaxError):
        filename, number = error.filename or "", error.lineno or 0
        found = mend(error, linecache.getlines(filename))
        if found is None:
            return ""
        number, words, line = found
        return _written(filename, number, Answer(words, line))
    filename, number = _place(error)
    if not filename:
        return ""
    line = linecache.getline(filename, number).rstrip()
    lines = linecache.getlines(filename)
    known = _of_runtime(error, line, names, lines)
    if known is None and isinstance(error, ValueError):
        mended = of_shapes(str(error), lines, number, names)
        known = Answer(*mended) if mended else None
    return _written(filename, number, known) if known else ""


def _written(filename: str, number: int, known: Answer) -> str:
    text = said(f"{filename}, line {number}: ") + said(known.words)
    if not known.line:
        return text + said(".")
    end = "" if known.words.endswith("?") else said(":")
    return f"{text}{end}\n    {known.line.expandtabs(4).rstrip()}"


def _place(error: BaseException) -> tuple[str, int]:
    """The file and the line of the last frame outside of libraries."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((PACKAGE, "<frozen")) and "site-packages" not in (
            frame.filename
        ):
            return frame.filename, frame.lineno or 0
    return "", 0


def _of_runtime(
    error: BaseException, line: str, names: dict[str, Any], lines: list[str]
) -> Answer | None:
    if isinstance(error, NameError):
        return _of_name(error.name or "", line, names, lines)
    if isinstance(error, ModuleNotFoundError):
        return _of_module(error.name or "", line)
    if isinstance(error, ImportError):
        return _of_import(str(error), line)
    if isinstance(error, AttributeError):
        return _of_attribute(error, line)
    if isinstance(error, TypeError):
        return _of_type(str(error), line)
    return None


# ------------------------------------------------------------------------------------------------
# Names

_IMPORTS = {
    "K": "from keras import backend as K",
    "cv2": "import cv2",
    "keras": "import keras",
    "math": "import math",
    "np": "import numpy as np",
    "numpy": "import numpy",
    "os": "import os",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "random": "import random",
    "sys": "import sys",
    "tf": "import tensorflow as tf",
    "time": "import time",
    "np_utils": "from keras.utils import np_utils",
}
_PUBLIC = (
    "models", "layers", "optimizers", "callbacks", "losses", "metrics", "utils", "datasets",
    "initializers", "regularizers", "constraints", "preprocessing.image", "preprocessing.text",
    "preprocessing.sequence",
)  # fmt: skip
_PYTHON_2 = {
    "basestring": "str",
    "long": "int",
    "raw_input": "input",
    "unichr": "chr",
    "unicode": "str",
    "xrange": "range",
}
_OTHER_LANGUAGES = {"true": "True", "false": "False", "null": "None", "none": "None"}
_DATA = re.compile(r"^[xy]_?(tr(ain)?|te(st)?|val(id)?)|(train|test|data|label|image)s?_?", re.I)
_WORDS = (
    "activations", "losses", "metrics", "optimizers", "initializers", "regularizers", "constraints",
)  # fmt: skip


def _of_name(name: str, line: str, names: dict[str, Any], lines: list[str]) -> Answer | None:
    bare = without_strings(line)
    start = bare.find("//")
    if start >= 0 and name in bare[start:]:
        mended = f"{line[:start].rstrip()}  #{line[start + 2 :]}"
        return Answer("`//` divides in Python; a comment begins with `#`", mended)
    new = _PYTHON_2.get(name)
    if new:
        words = f"`{name}` is of Python 2; in Python 3 it is `{new}`"
        return Answer(words, _replaced(line, name, new))
    new = _OTHER_LANGUAGES.get(name)
    if new:
        return Answer(f"`{name}` is written `{new}` in Python", _replaced(line, name, new))
    if name == "get_ipython":
        return Answer("this is a command of Jupyter: delete the line")
    for words, mended in no_code(line, [], 0):
        return Answer(words, mended)
    known = [n for n in names if not n.startswith("__")]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    home = _home_of(name)
    if name in _IMPORTS or home:
        return Answer(
            f"`{name}` is not imported; put this at the top of the script",
            "\n    ".join(_imports_of([name, *_not_imported(lines, names)])),
        )
    if _is_word(name):
        return Answer(
            f"a name that is handed over as text needs quotes, '{name}'",
            _replaced(line, name, f"'{name}'"),
        )
    if near:
        return Answer(
            f"`{name}` is not defined; did you mean `{near[0]}`?", _replaced(line, name, near[0])
        )
    if _DATA.search(name):
        whole = _without_test(name, names)
        if whole:
            return Answer(
                f"`{name}` is not defined above this line: keep the last rows of `{whole}` apart "
                "for it before `fit`, and those of the labels in the same way",
                f"{whole}, {name} = {whole}[:-20], {whole}[-20:]",
            )
        return Answer(
            f"`{name}` is not defined above this line: load or make the data first, such as",
            "(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()",
        )
    near = difflib.get_close_matches(name, dir(builtins), n=1, cutoff=0.75)
    if near:
        return Answer(
            f"`{name}` is not defined; did you mean `{near[0]}`?", _replaced(line, name, near[0])
        )
    return Answer(f"`{name}` is not defined above this line")


def _without_test(name: str, names: dict[str, Any]) -> str:
    """The name of the data of which those for a test are missing; "" if there are none."""
    found = re.search("_?(test|valid|val)_?", name, re.I)
    if found is None:
        return ""
    rest = name.replace(found[0], "")
    others = (rest, f"train_{rest}", f"{rest}_train", f"{rest}s", f"train{found[0][-1:]}{rest}")
    return next((other for other in others if _rows_of(names.get(other)) > 40), "")


def _rows_of(data: Any) -> int:
    """How many rows data have that can be cut by rows; 0 for anything else."""
    is_table = isinstance(data, np.ndarray) or hasattr(data, "to_numpy")
    return len(data) if isinstance(data, list) or (is_table and data.ndim) else 0


def _not_imported(lines: list[str], names: dict[str, Any]) -> list[str]:
    """What a script uses of Keras and of other packages and nowhere imports, in its order."""
    try:
        nodes = list(ast.walk(ast.parse("".join(lines))))
    except SyntaxError:  # a cell of a notebook with commands of Jupyter
        return []
    used = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.id for node in used if not isinstance(node.ctx, ast.Load)} | set(names)
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    used.sort(key=lambda node: (node.lineno, node.col_offset))
    wanted = dict.fromkeys(node.id for node in used if node.id not in bound)
    return [name for name in wanted if name in _IMPORTS or _home_of(name)]


def _imports_of(names: list[str]) -> list[str]:
    """Lines that import these names, those of a module together."""
    lines: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        if name in _IMPORTS:
            lines[_IMPORTS[name]] = []
        else:
            lines.setdefault(f"from keras.{_home_of(name)} import ", []).append(name)
    return [line + ", ".join(several) for line, several in lines.items()]


def _replaced(line: str, old: str, new: str) -> str:
    return re.sub(rf"(?<![\w'\"]){re.escape(old)}(?![\w'\"])", new, line)


def _home_of(name: str) -> str:
    """The public module of Keras that has this class or function; "" if none."""
    for module in _PUBLIC:
        if name in getattr(import_module(f"diptych.{module}"), "__all__", ()):
            return module
    return ""


def _is_word(name: str) -> bool:
    """Whether 'name' is known as text: an activation, a loss, a metric, an optimizer..."""
    if name in ("accuracy", "acc", "mse", "mae", "same", "valid", "auto"):
        return True
    for module in _WORDS:
        home = import_module(f"diptych.{module}")
        try:
            if name.islower() and home.get(name) is not None:
                return True
        except (ValueError, TypeError):
            continue
    return False


# ------------------------------------------------------------------------------------------------
# Modules and attributes

_MODULES_OF_PYTHON_2 = {
    "ConfigParser": "configparser",
    "Queue": "queue",
    "StringIO": "io",
    "Tkinter": "tkinter",
    "cPickle": "pickle",
    "cStringIO": "io",
    "urllib2": "urllib.request",
}
_PACKAGES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def _of_module(name: str, line: str) -> Answer | None:
    if name in _MODULES_OF_PYTHON_2:
        new = _MODULES_OF_PYTHON_2[name]
        mended = line.replace(f"import {name}", f"import {new} as {name}")
        return Answer(f"`{name}` is of Python 2; in Python 3 it is `{new}`", mended)
    top = name.partition(".")[0]
    if top in ("keras", "tensorflow", "diptych"):
        return None  # the error says what there is
    if top in ("theano", "cntk", "torch", "jax"):
        return Answer(f"`{top}` is another library, not needed for diptych: delete the line")
    return Answer(
        f"`{top}` is not installed here; in a terminal", f"pip install {_PACKAGES.get(top, top)}"
    )


def _of_import(message: str, line: str) -> Answer | None:
    found = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", message)
    module = sys.modules.get(found[2]) if found else None
    if not found or module is None or found[2].split(".")[0] not in ("diptych", *PACKAGES):
        return None
    name = found[1]
    home = _home_of(name)
    if home and f"diptych.{home}" != found[2]:
        return Answer(f"`{name}` is in keras.{home}", f"from keras.{home} import {name}")
    there = _public_names(module)
    near = difflib.get_close_matches(name, there, n=1, cutoff=0.6)
    if near:
        return Answer(f"did you mean `{near[0]}`?", _replaced(line, name, near[0]))
    if len(there) > 15:
        return Answer(f"diptych has no `{name}`")
    return Answer(f"diptych has no `{name}`; there are {', '.join(there)}")


def _public_names(owner: Any) -> list[str]:
    return sorted(getattr(owner, "__all__", [n for n in dir(owner) if not n.startswith("_")]))


_METHODS_OF_PYTHON_2 = {
    "has_key": "`key in d`",
    "iteritems": "`d.items()`",
    "iterkeys": "`d.keys()`",
    "itervalues": "`d.values()`",
}


def _of_attribute(error: AttributeError, line: str) -> Answer | None:
    name, owner = error.name or "", error.obj
    if name in _METHODS_OF_PYTHON_2:
        return Answer(f"`{name}` is of Python 2; in Python 3 it is {_METHODS_OF_PYTHON_2[name]}")
    if not name:
        return None
    told = re.search(r"did you mean '(\w+)'", str(error))  # by a module of diptych
    if told is None and "did you mean" in str(error):
        return None
    near = [told[1]] if told else difflib.get_close_matches(name, _public_names(owner), n=1)
    if not near:
        return None
    return Answer(f"did you mean `{near[0]}`?", _replaced(line, name, near[0]))


def _of_type(message: str, line: str) -> Answer | None:
    found = re.search(r"has no argument '(\w+)': did you mean '(\w+)'", message)
    if found:
        return Answer(f"did you mean `{found[2]}`?", _replaced(line, found[1], found[2]))
    if "for >>: 'builtin_function_or_method'" in message:
        to = re.search(r"print\s*>>\s*([\w.]+)\s*,\s*(.*)", line)
        mended = f"print({to[2]}, file={to[1]})" if to else ""
        return Answer("in Python 3 print is a function, and the file an argument", mended)
    if "'float' object cannot be interpreted as an integer" in message and "/" in line:
        return Answer("in Python 3 `/` gives a float; `//` gives a whole number")
    found = re.search(r"'(dict_\w+|map|zip|filter)' object is not subscriptable", message)
    found = found or re.search(r"object of type '(map|zip|filter)' has no len", message)
    if found:
        return Answer(f"in Python 3 this is a `{found[1]}`, not a list: put list(...) around it")
    if "'str' object is not callable" in message or "'list' object is not callable" in message:
        return Answer("something that is no function is called here: is a variable named like one?")
    return None
