"""A network in the DOT language of Graphviz, for those who want to go on with it there."""

from __future__ import annotations

import os
from html import escape
from typing import Any

from .boxes import COLOURS, DARK, Style, rows_of
from .files import Picture, write_file
from .network import Box, Network, read
from .picture import picture

TEXTS = ("dot", "gv", "raw")  # names of the DOT language


class Dot:
    """The picture of a model: what ``model_to_dot`` returns.

    Its text is for Graphviz; ``write`` and ``create`` draw it without.

    Args:
        model: the model.
        style: what is shown.
        dpi: dots per inch of formats that are made of them.
        subgraph: whether its text is a cluster, to be put into another graph.
    """

    def __init__(self, model: Any, style: Style, dpi: float, subgraph: bool = False) -> None:
        self.model = model
        self.style = style
        self.dpi = dpi
        self.subgraph = subgraph
        self.network = read(model, style.expand_nested)

    def to_string(self) -> str:
        """The graph in the DOT language."""
        head = [
            f"rankdir={self.style.rankdir}",
            "concentrate=true",
            f"dpi={self.dpi:g}",
            f"splines={self.style.splines}",
            'node [shape=box, style=filled, fontname="Helvetica"]',
        ]
        if self.subgraph:
            lines = _cluster(self.network, self.style, "b", self.model.name)
            return "\n".join([*lines, *_arrows(self.network, "b")]) + "\n"
        lines = [*head, *_nodes(self.network, self.style, "b"), *_arrows(self.network, "b")]
        return "digraph G {\n" + "".join(f"  {line};\n" for line in lines) + "}\n"

    @property
    def picture(self) -> Picture:
        return Picture(picture(self.model, self.style))

    def create(self, prog: Any = None, format: str = "png") -> bytes:
        """The picture as the bytes of a file.

        Args:
            prog: accepted for pydot's sake: no program is called.
            format: "svg", "html", "dot", or with matplotlib "png", "pdf", "jpg" and its others.
        """
        if format in TEXTS:
            return self.to_string().encode()
        return self.picture.content(format, self.dpi)

    def write(self, path: Any, prog: Any = None, format: str = "raw") -> bool:
        """Write the picture to a file; "raw" is the DOT language."""
        write_file(os.fspath(path), self.create(prog, format))
        return True

    def __getattr__(self, name: str) -> Any:
        """``write_png(path)``, ``create_svg()`` and so on, as pydot has them."""
        verb, _, format = name.partition("_")
        if verb == "create" and format:
            return lambda prog=None: self.create(prog, format)
        if verb == "write" and format:
            return lambda path, prog=None: self.write(path, prog, format)
        raise AttributeError(f"'Dot' object has no attribute {name!r}")

    def _repr_svg_(self) -> str:
        return self.picture._repr_svg_()


def _nodes(network: Network, style: Style, name: str) -> list[str]:
    lines = []
    for i, box in enumerate(network.boxes):
        if box.network is None:
            lines.append(f"{name}{i} [label=<{_label(box, style)}>, {_colours(box)}]")
        else:
            lines += _cluster(box.network, style, f"{name}{i}_", box.name)
    return lines


def _cluster(network: Network, style: Style, name: str, title: str) -> list[str]:
    inside = [f"label=<{escape(title)}>", "labeljust=l", *_nodes(network, style, name)]
    if name != "b":
        inside += _arrows(network, name)
    return [f"subgraph cluster_{name} {{\n    " + ";\n    ".join(inside) + ";\n  }"]


def _arrows(network: Network, name: str) -> list[str]:
    found: dict[str, None] = {}  # each once, in their order
    for line in network.lines:
        source = _giver(network, name, line.source, line.output)
        for target in _takers(network, name, line.target, line.input):
            found[f"{source} -> {target}"] = None
    return list(found)


def _giver(network: Network, name: str, number: int, output: int) -> str:
    """The node from which a line really comes: a box of a nested network."""
    inside = network.boxes[number].network
    if inside is None:
        return f"{name}{number}"
    return _giver(inside, f"{name}{number}_", *inside.outputs[output])


def _takers(network: Network, name: str, number: int, entry: int) -> list[str]:
    """The nodes to which a line really goes."""
    inside = network.boxes[number].network
    if inside is None:
        return [f"{name}{number}"]
    path = f"{name}{number}_"
    return [node for one in inside.inputs[entry] for node in _takers(inside, path, *one)]


def _label(box: Box, style: Style) -> str:
    head = f"<b>{escape(box.type_name)}</b>"
    if style.show_layer_names and box.name:
        head += f"<br/>{escape(box.name)}"
    rows = [f"{escape(what)} {escape(value)}".strip() for what, value in rows_of(box, style)]
    return "<br/>".join([head, *rows])


def _colours(box: Box) -> str:
    letters = "white" if box.kind in DARK else "black"
    return f'fillcolor="{COLOURS[box.kind]}", fontcolor={letters}'
