"""Pictures as files of every format, and as notebooks show them."""

from __future__ import annotations

import io
import os
import warnings
from typing import Any

from .matplotlib_drawing import draw
from .scene import Scene
from .svg import html, inline, svg


class Picture:
    """A picture, which a notebook shows, and which ``save`` writes to a file.

    Args:
        scene: what is drawn.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def content(self, format: str = "svg", dpi: float = 200) -> bytes:
        """The bytes of a file: "svg" and "html" need nothing else, other formats matplotlib."""
        if format == "svg":
            return svg(self.scene).encode()
        if format == "html":
            return html(self.scene).encode()
        file = io.BytesIO()
        draw(self.scene, file, format, dpi)
        return file.getvalue()

    def save(self, to_file: Any, dpi: float = 200) -> str:
        """Write the picture to a file, whose ending is the format; return the file's name.

        Missing folders are made. Without matplotlib, a PNG becomes an SVG, with a warning.

        Raises:
            ImportError: another format of matplotlib, which is not installed.
        """
        path = os.fspath(to_file)
        stem, ending = os.path.splitext(path)
        format = ending[1:].lower() or "png"
        try:
            content = self.content(format, dpi)
        except ImportError as error:
            if format != "png":
                raise
            path = f"{stem}.svg"
            warnings.warn(f"{error}. The picture is written as {path!r} instead.", stacklevel=3)
            content = self.content("svg")
        write_file(path, content)
        return path

    def _repr_svg_(self) -> str:
        return svg(self.scene)

    def _repr_html_(self) -> str:
        return inline(self.scene)

    def __repr__(self) -> str:
        return f"<Picture: {self.scene.title}>"


def write_file(path: str, content: bytes) -> None:
    """Write a file, and the folders in which it is where they are missing."""
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
