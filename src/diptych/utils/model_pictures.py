"""Pictures of models: plot_model and model_to_dot."""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["model_to_dot", "plot_model"]

RANKDIRS = ("TB", "LR", "BT", "RL")


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float | None = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """The picture of a model as an object, whose ``to_string()`` is in the DOT language of
    Graphviz, and whose ``write(path, format=)`` and ``create(format=)`` draw without Graphviz.

    The arguments are those of ``plot_model``.

    Args:
        subgraph: whether the text is a cluster for another graph.

    Raises:
        ValueError: the model is not built, or an argument has a value that is not known.
    """
    # Late: few programs draw, and all import utils.
    from ..pictures.boxes import Style
    from ..pictures.dot import Dot
    from ..pictures.lines import SPLINES

    if kwargs:
        raise ValueError(f"plot_model and model_to_dot do not know the arguments {list(kwargs)}.")
    for name, value, known in (("rankdir", rankdir, RANKDIRS), ("splines", splines, SPLINES)):
        if value not in known:
            raise ValueError(f"{name}={value!r}; expected one of {', '.join(map(repr, known))}")
    if not getattr(model, "built", False):
        raise ValueError(
            f"Model {getattr(model, 'name', model)!r} is not built yet, so that there is nothing "
            "to draw: give its first layer an Input, call it on a batch, or call build()."
        )
    style = Style(
        show_shapes,
        show_dtype,
        show_layer_names,
        rankdir,
        expand_nested,
        show_layer_activations,
        show_trainable,
        splines,
    )
    return Dot(model, style, dpi or 96, subgraph)


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float | None = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draw a model into a file: a box for each layer, and a line for each tensor between them.

    A layer that is called several times has one box, unless it is called on what depends on its own
    output. A subclassed model is one box, with the names of its layers: what its ``call`` does is
    not recorded. No other program is needed; PNG, PDF and the like are drawn by matplotlib.

    Args:
        model: a model that is built.
        to_file: the file, whose ending is the format: svg, html or dot (which need nothing else),
            png, pdf, jpg or another of matplotlib's. Missing folders are made.
        show_shapes: whether to show the shapes of inputs and outputs, as in (None, 28, 28, 1).
        show_dtype: whether to show the outputs' dtypes.
        show_layer_names: whether to show the layers' names beside what they are.
        rankdir: the direction of the lines: "TB" from top to bottom, "LR" from left to right, or
            "BT", "RL".
        expand_nested: whether to show the layers of models within the model.
        dpi: dots per inch, for PNG and the like; letters are about 1/8 inch high.
        show_layer_activations: whether to show the names of activations.
        show_trainable: whether to show if the weights are trained or frozen.
        splines: the lines: "ortho" with right angles, "curved" or "spline", "polyline" or "line".

    Returns:
        In a notebook the picture, which it then shows; elsewhere None.

    Raises:
        ValueError: the model is not built, or an argument has a value that is not known.
        ImportError: a format of matplotlib, which is not installed. Only PNG falls back to SVG,
            with a warning.
    """
    dot = model_to_dot(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=rankdir,
        expand_nested=expand_nested,
        dpi=dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
        **kwargs,
    )
    path = os.fspath(to_file)
    format = os.path.splitext(path)[1][1:].lower()
    if format in ("dot", "gv"):
        dot.write(path)
        return None
    return _shown(dot.picture.save(path, dot.dpi))


def _shown(path: str) -> Any:
    """The picture as a notebook shows it; None outside of notebooks."""
    if "IPython" not in sys.modules:
        return None
    from IPython import display

    format = os.path.splitext(path)[1].lower()
    if format == ".svg":
        return display.SVG(filename=path)
    if format == ".html":
        return display.HTML(filename=path)
    return None if format in (".pdf", ".ps", ".eps") else display.Image(filename=path)
