"""A scene as PNG, PDF or any other format of matplotlib, which is imported only here."""

from __future__ import annotations

import warnings
from typing import Any

from .scene import PIXELS_PER_INCH, Pixels, Rectangle, Scene, Shape, Text

LONGEST = 2**16 - 1  # pixels of matplotlib, in either direction
MOST_PIXELS = 2**27  # in all, which need half a gigabyte
POINTS = 72 / PIXELS_PER_INCH  # matplotlib's sizes of fonts and lines


def matplotlib_figure(what: str) -> type:
    """The class Figure; an ImportError that says what to install if there is no matplotlib.

    what: what needs it.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"{what} needs matplotlib, an extra of diptych: pip install matplotlib"
        ) from error
    return Figure


def draw(scene: Scene, file: Any, format: str, dpi: float) -> None:
    """Draw the scene into a file, a path or an open binary one."""
    figure_class = matplotlib_figure(f"A picture in the format {format!r}")
    from matplotlib import rc_context

    size = (scene.width / PIXELS_PER_INCH, scene.height / PIXELS_PER_INCH)
    most = min(LONGEST / max(size), (MOST_PIXELS / (size[0] * size[1])) ** 0.5)
    if dpi > most and format not in ("pdf", "ps", "eps"):
        warnings.warn(
            f"The picture has {size[0]:.0f} x {size[1]:.0f} inches, which is too much for "
            f"dpi={dpi:g}: it is drawn with dpi={most:.0f}. SVG, HTML and PDF have no such limit.",
            stacklevel=3,
        )
        dpi = most
    figure = figure_class(figsize=size, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for shape in scene.shapes:
        _add(axes, shape)
    axes.set(xlim=(0, scene.width), ylim=(scene.height, 0))
    metadata = {"CreationDate": None} if format == "pdf" else None  # the same file every time
    with rc_context({"font.family": "DejaVu Sans", "pdf.fonttype": 42}):
        figure.savefig(file, format=format, dpi=dpi, metadata=metadata)


def _add(axes: Any, shape: Shape) -> None:
    from matplotlib import patches, path

    if isinstance(shape, Text):
        anchor = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
        axes.text(
            shape.x,
            shape.y,
            shape.text.replace("$", r"\$"),  # no formula
            fontsize=shape.size * POINTS,
            fontweight="bold" if shape.bold else "normal",
            color=shape.colour,
            horizontalalignment=anchor,
            verticalalignment="baseline",
            family="DejaVu Sans",
        )
        return
    if isinstance(shape, Pixels):
        axes.imshow(
            shape.values,
            cmap="gray",
            vmin=0,
            vmax=255,
            extent=(shape.x, shape.x + shape.width, shape.y + shape.height, shape.y),
            interpolation="nearest",
            aspect="auto",
            zorder=1,
        )
        return
    line: dict[str, Any] = {"linewidth": shape.thickness * POINTS if shape.stroke != "none" else 0}
    line |= {"edgecolor": shape.stroke, "facecolor": shape.fill}
    if shape.dashed:
        line["linestyle"] = (0, (5 * POINTS / max(line["linewidth"], 0.1), 2))
    if isinstance(shape, Rectangle):
        style = f"round,pad=0,rounding_size={shape.radius}" if shape.radius else "square,pad=0"
        box = patches.FancyBboxPatch((shape.x, shape.y), shape.width, shape.height, style, **line)
        axes.add_patch(box)
        return
    codes = {
        "M": [path.Path.MOVETO],
        "L": [path.Path.LINETO],
        "Q": [path.Path.CURVE3] * 2,
        "C": [path.Path.CURVE4] * 3,
        "Z": [path.Path.CLOSEPOLY],
    }
    points, kinds = [], []
    for command, where in shape.steps:
        points += where or [(0.0, 0.0)]
        kinds += codes[command] * (len(where) if command == "L" else 1)
    axes.add_patch(patches.PathPatch(path.Path(points, kinds), capstyle="round", **line))
