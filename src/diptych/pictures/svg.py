"""A scene as SVG, and as a page of HTML."""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape

import numpy as np

from .scene import Path, Pixels, Point, Rectangle, Scene, Shape, Text
from .text import FAMILY

SHARP = 256  # pixels of an image that is drawn about half as large


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
    if isinstance(shape, Pixels):
        return _pixels(shape)
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


def _pixels(shape: Pixels) -> str:
    x, y, width, height = map(_number, (shape.x, shape.y, shape.width, shape.height))
    # Larger pixels stay sharp in programs that would smooth them.
    larger = max(SHARP // max(shape.values.shape[:2]), 1)
    content = base64.b64encode(png(shape.values.repeat(larger, 0).repeat(larger, 1))).decode()
    return (
        f'<image x="{x}" y="{y}" width="{width}" height="{height}" preserveAspectRatio="none" '
        f'image-rendering="pixelated" href="data:image/png;base64,{content}">'
        f"<title>{escape(shape.title)}</title></image>"
    )


def png(values: np.ndarray) -> bytes:
    """The bytes of a PNG file of pixels, (H, W) or (H, W, 3), uint8."""
    height, width = values.shape[:2]
    colour = 2 if values.ndim == 3 else 0
    rows = np.ascontiguousarray(values).reshape(height, -1)
    plain = b"".join(b"\0" + row.tobytes() for row in rows)  # each row begins with "no filter"
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(plain)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


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
