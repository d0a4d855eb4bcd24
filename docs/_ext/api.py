"""The pages of the API: one for each public thing, one for each module; the directive ``api``."""

import inspect
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from docstrings import as_nodes, block, code, summary
from docutils import nodes
from examples import examples
from public import Public, by_name, modules, page_names, things
from sources import ROOT, SCHEME
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

import diptych
from diptych.teach.finding import twins_of
from diptych.teach.sources import twins as all_twins

_PACKAGE = Path(diptych.__file__).resolve().parent  # here, or where it is installed
_PLAIN = (type(None), bool, int, float, str)

# --------------------------------------------------------------------------------------------------
# The pages


def pages() -> dict[str, str]:
    """The text of each page of the API, by its name."""
    made = {"api/index.md": _index()}
    for thing in things():
        made[f"{page_names()[thing.name]}.md"] = (
            f"# {_title(thing)}\n\n```{{api}} {thing.name}\n```\n"
        )
    for module in modules():
        if module != "diptych":
            made[f"{_module_page(module)}.md"] = _module(module)
    return made


def _title(thing: Public) -> str:
    parts = thing.name.split(".")
    return ".".join(parts[-2:]) if thing.short == "load_data" else thing.short


def _module_page(module: str) -> str:
    return f"api/{module.removeprefix('diptych.')}"


def _index() -> str:
    lines = ["# API", "", _INDEX]
    top = [module for module in modules() if module.count(".") == 1]
    rows = [(_module_page(m).removeprefix("api/"), m, modules()[m]) for m in top]
    lines += ["| module | |", "|---|---|"]
    for page, module, there in rows:
        lines.append(f"| [{module}]({page}.md) | {_escaped(summary(there.__doc__ or ''))} |")
    lines += ["", "## diptych", "", *_table("diptych"), ""]
    mine = [page_names()[t.name].removeprefix("api/") for t in things() if _home(t) == "diptych"]
    lines += _toctree([page for page, _, _ in rows] + mine)
    return "\n".join(lines)


_INDEX = """The names, arguments, defaults and results are those of Keras 3. Each page has the
description that `help` prints, and, where the engines compute it, the way to both
[twins](../twins/index.md). The examples run as tests; before them stand
`import numpy as np`, `import diptych` and `from diptych import layers, ops`, and the like for the
other modules.
"""


def _module(module: str) -> str:
    there = modules()[module]
    lines = [f"# {module}", "", f"```{{api-module}} {module}\n```", ""]
    groups: dict[str, list[str]] = {}
    for name in there.__all__:
        full = f"{module}.{name}"
        if full in by_name():
            groups.setdefault(_group(by_name()[full]), []).append(full)
    if len(groups) > 1:
        for title, names in groups.items():
            lines += [f"## {title}", "", *_rows(names), ""]
    else:
        lines += [*_table(module), ""]
    inner = [_module_page(m) for m in modules() if m.rpartition(".")[0] == module]
    if inner:
        lines += ["## Modules", ""]
        lines += [f"- [{page}]({page}.md)" for page in (p.removeprefix("api/") for p in inner)]
        lines.append("")
    mine = [page_names()[t.name] for t in things() if _home(t) == module]
    return "\n".join(lines + _toctree([page.removeprefix("api/") for page in inner + mine]))


def _home(thing: Public) -> str:
    return thing.name.rpartition(".")[0]


def _toctree(pages: list[str]) -> list[str]:
    return ["```{toctree}", ":hidden:", "", *pages, "```", ""] if pages else []


def _table(module: str) -> list[str]:
    names = (f"{module}.{name}" for name in modules()[module].__all__)
    return _rows([name for name in names if name in by_name()])


def _rows(names: list[str]) -> list[str]:
    rows = ["| name | |", "|---|---|"]
    for name in names:
        page = page_names()[name].removeprefix("api/")
        text = _escaped(summary(_said(by_name()[name].value)))
        rows.append(f"| [`{name.rpartition('.')[2]}`]({page}.md) | {text} |")
    return rows


def _escaped(text: str) -> str:
    """A sentence of a docstring for a table of Markdown."""
    parts = re.split(r"(``.+?``|`[^`]+`)", text)
    plain = (re.sub(r"([\\*_|<>\[\]{}$])", r"\\\1", part) for part in parts[::2])
    codes = (f"`{part.strip('`')}`".replace("|", r"\|") for part in parts[1::2])
    return "".join(a + b for a, b in zip(plain, [*codes, ""], strict=True))


@lru_cache
def _group(thing: Public) -> str:
    """What the file says that something stands in."""
    path, _ = place_of(thing)
    if path is None:
        return "Others"
    text = (ROOT / path).read_text(encoding="utf-8")
    found = re.match(r'\s*"""(.*?)(?:"""|\n\n)', text, re.DOTALL)
    return summary(found[1]).rstrip(".") if found else "Others"


# --------------------------------------------------------------------------------------------------
# What is known about a thing


def _said(value: Any) -> str:
    return inspect.getdoc(value) or ""


@lru_cache
def _assigned(folder: Path) -> dict[str, tuple[str, int]]:
    """Where in a folder's files names get their values: ``add = Binary(...)``."""
    found: dict[str, tuple[str, int]] = {}
    for path in sorted(folder.rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = re.match(r"(\w+)(?:: [\w.]+)? = ", line)
            if match and path.name != "__init__.py":
                found.setdefault(match[1], (path.relative_to(ROOT).as_posix(), number))
    return found


@lru_cache
def place_of(thing: Public) -> tuple[str | None, int]:
    """The file and the line in which something is defined; None if it is not found."""
    value = inspect.unwrap(thing.value) if callable(thing.value) else thing.value
    try:
        inside = Path(inspect.getsourcefile(value)).resolve().relative_to(_PACKAGE)
        return f"src/diptych/{inside.as_posix()}", inspect.getsourcelines(value)[1]
    except (TypeError, OSError, ValueError):
        pass
    parts = thing.name.split(".")[1:-1]
    folder = ROOT.joinpath("src", "diptych", *parts[:1])
    known = _assigned(folder) if folder.is_dir() else {}
    for name in thing.names:
        if name.rpartition(".")[2] in known:
            return known[name.rpartition(".")[2]]
    return None, 0


def signature_of(value: Any) -> str:
    """The arguments with their defaults, without types, which the descriptions say in words."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "()"
    parts, star = [], False
    for name, one in signature.parameters.items():
        if name == "self":
            continue
        if one.kind is one.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        if one.kind is one.VAR_POSITIONAL:
            star = True
        sign = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        default = "" if one.default is one.empty else f"={_short(one.default)}"
        parts.append(sign + name + default)
    return f"({', '.join(parts)})"


def _short(value: Any) -> str:
    if isinstance(value, (tuple, list)) and all(isinstance(v, _PLAIN) for v in value):
        return repr(value)
    if isinstance(value, _PLAIN):
        return repr(value)
    name = getattr(value, "__name__", None)
    return name if name and name.isidentifier() else "..."


def methods_of(cls: type) -> list[tuple[str, Any]]:
    """The methods and properties that a class describes itself, in the order of its source."""
    found = []
    for name, value in vars(cls).items():
        inner = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        is_one = inspect.isfunction(inner) or isinstance(value, property)
        if not name.startswith("_") and is_one and getattr(inner, "__doc__", None):
            found.append((name, value))
    return found


def inherited(cls: type) -> list[tuple[str, list[str]]]:
    """The public classes above, nearest first, each with the methods that it describes."""
    found = []
    known = {id(thing.value): thing.name for thing in things()}
    for base in cls.__mro__[1:]:
        names = [name for name, _ in methods_of(base)]
        if id(base) in known and names:
            found.append((known[id(base)], names))
    return found


def twins_behind(value: Any) -> list[str]:
    """The twins that compute a layer, an operation, a loss or an optimizer."""
    try:
        return twins_of(value)
    except ValueError:
        return []


def linker(thing: Public):
    """What a word between backquotes means on the page of a thing: a public name, or nothing."""
    module = thing.name.rpartition(".")[0]
    try:
        own = {thing.short, *inspect.signature(thing.value).parameters}
    except (TypeError, ValueError):
        own = {thing.short}

    def link(text: str) -> str | None:
        name = text.removesuffix("()")
        if name in own or not re.fullmatch(r"[A-Za-z_][\w.]*", name):
            return None
        if "." in name or name[0].isupper() or text.endswith("()"):
            tries = [f"{module}.{name}", f"diptych.{name}", name]
            tries += [f"diptych.{m}.{name}" for m in ("layers", "ops", "losses", "metrics")]
        else:
            tries = [f"{module}.{name}"]
        return next((full for full in tries if full in by_name()), None)

    return link


# --------------------------------------------------------------------------------------------------
# The directives


class Api(SphinxDirective):
    """Everything about a public thing: ``{api} diptych.layers.Conv2D``."""

    required_arguments = 1

    def run(self):
        thing = by_name()[self.arguments[0]]
        value, link = thing.value, linker(thing)
        made, content = self.described(thing.kind, thing.name, signature_of(value))
        self.note_other_names(thing, content)
        content += as_nodes(_said(value), link)
        example = next((examples()[name] for name in thing.names if name in examples()), None)
        if example:
            content += nodes.rubric("Example", "Example")
            content += block(example)
        self.add_places(thing, content)
        if thing.kind == "class":
            self.add_methods(thing, content, link)
        return made

    def described(self, kind: str, name: str, signature: str):
        """The signature, as nodes, and the node below it for what is said about it."""
        text = f"~~~~{{py:{kind}}} {name}{signature}\n~~~~"
        made = self.parse_text_to_nodes(text)
        desc = made[-1]
        if not isinstance(desc, addnodes.desc):
            raise self.error(f"{text}\n{made}")
        return made, desc[-1]

    def note_other_names(self, thing: Public, content) -> None:
        domain = self.env.domains.python_domain
        kind = thing.kind
        for name in thing.names[1:]:
            domain.note_object(name, kind, thing.name, location=self.get_location())
        if len(thing.names) > 1:
            also = nodes.paragraph("", "Also ", classes=["also"])
            for i, name in enumerate(thing.names[1:]):
                also += [nodes.Text(", ")] * bool(i) + [nodes.literal(name, name)]
            also += nodes.Text(".")
            content += also

    def add_places(self, thing: Public, content) -> None:
        """Links to the source, and to both twins."""
        line = nodes.paragraph("", "", classes=["places"])
        behind = twins_behind(thing.value)
        up = "../" * self.env.docname.count("/")
        if behind:
            line += nodes.Text("In both engines: ")
            for i, name in enumerate(behind):
                address = f"{up}twins/{all_twins()[name]}.html#{name}"
                line += [nodes.Text(", ")] * bool(i)
                shown = nodes.literal(name, name)
                line += nodes.reference("", "", shown, refuri=address, internal=True)
            line += nodes.Text(". ")
        path, number = place_of(thing)
        if path is not None:
            line += nodes.Text("Source: ")
            address = f"{SCHEME}{path}#L{number}"
            line += nodes.reference("", f"{path}, line {number}", refuri=address)
        if len(line):
            content += line

    def add_methods(self, thing: Public, content, link) -> None:
        mine = methods_of(thing.value)
        for name, value in mine:
            kind = "property" if isinstance(value, property) else "method"
            signature = "" if kind == "property" else signature_of(getattr(thing.value, name))
            made, inner = self.described(kind, f"{thing.name}.{name}", signature)
            inner += as_nodes(value.__doc__ or getattr(value, "__func__", value).__doc__, link)
            content += made
        for base, names in inherited(thing.value):
            other = [name for name in names if name not in dict(mine)]
            if not other:
                continue
            line = nodes.paragraph("", "From ", classes=["inherited"])
            line += code(base.removeprefix("diptych."), lambda _, base=base: base)
            line += nodes.Text(": ")
            for i, name in enumerate(other):
                line += [nodes.Text(", ")] * bool(i)
                line += code(name, lambda name, base=base: f"{base}.{name}")
            content += line


class ApiModule(SphinxDirective):
    """What a module says about itself: ``{api-module} diptych.layers``."""

    required_arguments = 1

    def run(self):
        name = self.arguments[0]
        module = modules()[name]
        made = self.parse_text_to_nodes(f"```{{py:module}} {name}\n```")
        return [*made, *as_nodes(module.__doc__ or "", lambda _: None)]


def setup(app):
    app.add_directive("api", Api)
    app.add_directive("api-module", ApiModule)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
