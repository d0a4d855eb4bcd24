"""A scene as SVG, and as a page of HTML."""

from __future__ import annotations

from html import escape

from .scene import Path, Point, Rectangle, Scene, Shape, Text
from .text import FAMILY


def svg(scene: Scene, attributes: str = "") -> str:
    """The scene as an SVG document; `attributes` are more of them."""
    width, height = _number(scene.width), _number(scene.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" '
        f'font-family="{FAMILY}"{attributes}>',
        f"<title>{escape(scene.title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *(_element(shape) for shape in scene.shapes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def inline(scene: Scene) -> str:
    """The scene as SVG inside of HTML, where it shrinks to the width of the page."""
    return svg(scene, ' style="max-width: 100%; height: auto"')


def html(scene: Scene) -> str:
    """The scene on a page of its own."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(scene.title)}</title>\n</head>\n"
        f'<body style="margin: 1em; text-align: center">\n{inline(scene)}</body>\n</html>\n'
    )


def _element(shape: Shape) -> str:
    if isinstance(shape, Rectangle):
        return _rectangle(shape)
    return _text(shape) if isinstance(shape, Text) else _path(shape)


def _rectangle(shape: Rectangle) -> str:
    parts = [
        f'<rect x="{_number(shape.x)}" y="{_number(shape.y)}" width="{_number(shape.width)}" '
        f'height="{_number(shape.height)}"',
        f' rx="{_number(shape.radius)}"' if shape.radius else "",
        f' fill="{shape.fill}"',
        _line(shape.stroke, shape.thickness, shape.dashed),
    ]
    text = "".join(parts)
    return f"{text}><title>{escape(shape.title)}</title></rect>" if shape.title else f"{text}/>"


def _text(shape: Text) -> str:
    x, y = _number(shape.x), _number(shape.y)
    parts = [
        f'<text x="{x}" y="{y}" font-size="{_number(shape.size)}" fill="{shape.colour}"',
        ' font-weight="bold"' if shape.bold else "",
        f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else "",
        ' xml:space="preserve"' if "  " in shape.text else "",
    ]
    return f"{''.join(parts)}>{escape(shape.text)}</text>"


def _path(shape: Path) -> str:
    steps = "".join(f"{command}{_points(points)}" for command, points in shape.steps)
    line = _line(shape.stroke, shape.thickness, shape.dashed)
    return f'<path d="{steps}" fill="{shape.fill}"{line}/>'


def _points(points: list[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _line(stroke: str, thickness: float, dashed: bool) -> str:
    if stroke == "none":
        return ""
    dashes = ' stroke-dasharray="5 3"' if dashed else ""
    return f' stroke="{stroke}" stroke-width="{_number(thickness)}"{dashes}'


def _number(value: float) -> str:
    """With at most one decimal: a tenth of a pixel is not seen."""
    return f"{round(value, 1) + 0.0:g}"
