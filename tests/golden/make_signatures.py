"""Write signatures.json with Keras: python -m tests.golden.make_signatures

Every public name of Keras, by module, with its arguments and their defaults: of a function a list,
such as ["x", "axis=-1"]; of a class a dict, with its constructor's arguments under "__init__",
those of its own public methods under their names, and "property" for a property. What a class
inherits from another public class stands there alone.
"""

import inspect
import json
import os
from pathlib import Path
from types import ModuleType

os.environ.setdefault("KERAS_BACKEND", "jax")

STARS = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def arguments(function):
    """Names and defaults in order; "*" alone stands before the first that goes by name only."""
    found = []
    by_name = False
    for p in inspect.signature(function).parameters.values():
        if p.kind is p.KEYWORD_ONLY and not by_name:
            found.append("*")
        by_name = by_name or p.kind in (p.VAR_POSITIONAL, p.KEYWORD_ONLY)
        default = "" if p.default is p.empty else f"={p.default!r}"
        found.append(STARS.get(p.kind, "") + p.name + default)
    return found


def own_members(cls, public):
    """The public methods and properties of a class that no public class above it has."""
    above = [base for base in cls.__mro__[1:] if base in public]
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        if name.startswith("_") or any(
            inspect.getattr_static(base, name, None) is member for base in above
        ):
            continue
        if isinstance(member, property):
            yield name, "property"
        elif inspect.isfunction(member) and member.__module__.startswith("keras."):
            yield name, arguments(member)[1:]
        elif isinstance(member, (classmethod, staticmethod)):
            yield name, arguments(getattr(cls, name))


def modules(module):
    """A module and those in it, by their public names."""
    found = {module.__name__: module}
    for name, value in vars(module).items():
        inside = isinstance(value, ModuleType) and name not in ("src", "_tf_keras")
        if inside and value.__name__ == f"{module.__name__}.{name}":
            found |= modules(value)
    return found


def described(thing, public):
    if not inspect.isclass(thing):
        return arguments(thing)
    own = thing.__init__ is not object.__init__
    members = dict(own_members(thing, public))
    return {"__init__": arguments(thing.__init__)[1:] if own else [], **members}


def main():
    import keras

    names = {
        path: {
            name: value
            for name, value in sorted(vars(module).items())
            if not name.startswith("_") and not isinstance(value, ModuleType)
        }
        for path, module in sorted(modules(keras).items())
    }
    public = {value for found in names.values() for value in found.values()}
    described_names = {
        path: {name: described(value, public) for name, value in found.items()}
        for path, found in names.items()
        if found
    }
    lines = []
    for path, found in described_names.items():
        entries = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items()]
        lines.append(f" {json.dumps(path)}: {{\n" + ",\n".join(entries) + "\n }")
    head = f"{{\n {json.dumps('version')}: {json.dumps(keras.__version__)},\n"
    path = Path(__file__).with_name("signatures.json")
    path.write_text(head + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
