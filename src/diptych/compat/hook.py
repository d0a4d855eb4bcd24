"""Imports of `keras` and `tensorflow` that give diptych.

`install_as_keras` puts a finder in front of Python's own. It hands out diptych's modules themselves
under their Keras names: `keras.layers` is `diptych.layers`, one module with two names. An old or
private path such as `keras.layers.convolutional`, which diptych does not have, gets a `View`: a
module whose names are looked up where they are today.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from ..legacy import note, quiet
from ..legacy.paths import MODULES
from ..utils.naming import suggest

ROOT = "diptych"
TENSORFLOW = "diptych.compat.tensorflow"
PACKAGES = ("keras", "tensorflow", "tf_keras")
# Where Keras's modules are found: the public names first, then those that show its inside.
PUBLIC = (
    "keras",
    "tensorflow.keras",
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow.contrib.keras",
    "tf_keras",
)
PRIVATE = ("keras.src", "keras.api", "keras._tf_keras.keras", "tensorflow.python.keras")
BETWEEN = ("keras._tf_keras", "tensorflow.contrib", "tensorflow.python")  # on the way to these


class View(ModuleType):
    """A module without code: its names are those of other modules.

    Args:
        name: the name it is imported under.
        homes: the names of the modules to look in, in this order.
        path: its path in Keras, if it is an old one: the first use causes a note.
    """

    def __init__(self, name: str, homes: Sequence[str], path: str = "") -> None:
        super().__init__(name, f"The names of {', '.join(homes)}, under an old path.")
        self.__path__: list[str] = []  # so that modules below it can be imported
        self._homes = tuple(homes)
        self._old_path = path

    def __getattr__(self, name: str) -> Any:
        return _look_in(self._homes, self.__name__, self._old_path, name)

    def __dir__(self) -> list[str]:
        return sorted({name for home in self._homes for name in dir(import_module(home))})


def _look_in(homes: Sequence[str], place: str, path: str, name: str) -> Any:
    """The value of a name in the first of these modules that has it; AttributeError if none."""
    if not name.startswith("__"):
        for home in homes:
            try:
                value = getattr(import_module(home), name)
            except AttributeError:
                continue
            _note_path(path)
            return value
    raise AttributeError(f"module {place!r} has no attribute {name!r}")


def _note_path(path: str) -> None:
    if path:
        homes = " or ".join(f"`keras.{home}`" for home in MODULES[path])
        note(f"keras.{path}", f"is now {homes}")


class _Loader(Loader):
    """Puts a module that exists already into the place of the one that is being imported."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = self.module


class Finder(MetaPathFinder):
    """Finds `keras`, `tensorflow` and the modules below them in diptych."""

    def __init__(self) -> None:
        self.views: dict[str, View] = {}  # by their paths in Keras
        self.extended: list[ModuleType] = []  # diptych's modules that also answer for an old path
        self.attached: list[tuple[ModuleType, str]] = []  # attributes set on diptych's modules

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in PACKAGES:
            return None
        module = self.module(fullname)
        if module is None:
            raise ModuleNotFoundError(_not_found(fullname), name=fullname)
        return ModuleSpec(fullname, _Loader(module), is_package=True)

    def module(self, fullname: str) -> ModuleType | None:
        """diptych's module for this name; None if there is none."""
        for root in PRIVATE:
            if fullname == root:
                return View(fullname, [ROOT])
            if fullname.startswith(f"{root}."):
                return _private(fullname, fullname[len(root) + 1 :])
        for root in PUBLIC:
            if fullname == root:
                return import_module(ROOT)
            if fullname.startswith(f"{root}."):
                return self._public(fullname[len(root) + 1 :])
        if fullname in BETWEEN:
            return View(fullname, [])
        here = TENSORFLOW + fullname[len("tensorflow") :]
        return import_module(here) if _exists(here) else None

    def _public(self, path: str) -> ModuleType | None:
        if path in MODULES:
            _note_path(path)
        if path in self.views:
            return self.views[path]
        own = f"{ROOT}.{path}"
        return import_module(own) if _exists(own) else None

    def attach_old_modules(self) -> None:
        """Make old modules attributes: `import keras; keras.utils.np_utils.to_categorical(y)`."""
        for path, current in MODULES.items():
            homes = [f"{ROOT}.{home}" for home in current]
            if _exists(f"{ROOT}.{path}"):  # a module of diptych's own, with some of the names
                module = import_module(f"{ROOT}.{path}")
                if "__getattr__" not in vars(module):
                    vars(module)["__getattr__"] = partial(_look_in, homes, f"keras.{path}", path)
                    self.extended.append(module)
                if "__path__" not in vars(module):  # so that modules below it can be imported
                    vars(module)["__path__"] = []
                    self.attached.append((module, "__path__"))
                continue
            view = self.views[path] = View(f"keras.{path}", homes, path)
            above, _, name = path.rpartition(".")
            parent = self.views.get(above) or import_module(f"{ROOT}.{above}".rstrip("."))
            if hasattr(parent, name):
                # The name is taken, as by the function `layers.merge`. The import machinery would
                # give it to the module, unless it finds that already imported.
                sys.modules.update({f"{root}.{path}": view for root in PUBLIC})
            else:
                setattr(parent, name, view)
                self.attached.append((parent, name))

    def detach_old_modules(self) -> None:
        """Undo `attach_old_modules`."""
        for module in self.extended:
            del vars(module)["__getattr__"]
        for parent, name in self.attached:
            delattr(parent, name)


def _private(fullname: str, path: str) -> ModuleType | None:
    """`keras.src.<path>`: the public names of the nearest public module above it."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        public = ".".join(parts[:count])
        if public in MODULES:
            return View(fullname, [f"{ROOT}.{home}" for home in MODULES[public]])
        if count == 1 and _exists(f"{ROOT}.{public}"):
            return View(fullname, [f"{ROOT}.{public}"])
    return None


def _exists(module: str) -> bool:
    try:
        return module in sys.modules or find_spec(module) is not None
    except ModuleNotFoundError:  # a module above it is none
        return False


def _not_found(fullname: str) -> str:
    known = [f"keras.{path}" for path in MODULES]
    package = import_module(TENSORFLOW if fullname.startswith("tensorflow.") else ROOT)
    known += [f"{fullname.partition('.')[0]}.{name}" for name in dir(package)]
    return f"No module named {fullname!r} in diptych, which stands in for it" + (
        suggest(fullname, known) or "."
    )


_finder: Finder | None = None


def install_as_keras() -> None:
    """Let `import keras`, `from tensorflow import keras` and `import tensorflow as tf` give
    diptych, in this process.

    Call it before the first such import. `keras.layers` is then the module `diptych.layers` itself,
    and so on; modules of older versions, such as `keras.layers.convolutional`, are found as well.
    `tensorflow` has what Keras scripts use of it (see `diptych.compat.tensorflow`).

    Raises:
        ImportError: Keras or TensorFlow itself was imported before.
    """
    global _finder
    if _finder is not None:
        return
    there = [name for name in PACKAGES if name in sys.modules]
    if there:
        raise ImportError(
            f"install_as_keras() comes too late: {' and '.join(there)} was already imported, from "
            f"{getattr(sys.modules[there[0]], '__file__', None)}. Call it before the first import "
            "of keras or tensorflow, or start the script with `diptych run`."
        )
    _finder = Finder()
    sys.meta_path.insert(0, _finder)
    with quiet():
        _finder.attach_old_modules()


def uninstall() -> None:
    """Undo `install_as_keras`: `import keras` looks for Keras again."""
    global _finder
    if _finder is None:
        return
    sys.meta_path.remove(_finder)
    _finder.detach_old_modules()
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]
    _finder = None
