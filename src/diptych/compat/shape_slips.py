"""Shapes of data, labels and layers that do not fit: the missing line, in a script's own names.

The errors themselves say what was given and what was expected; an answer turns that into a line.
"""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple

from .syntax_slips import Proposals

_METHODS = ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")


class _Called(NamedTuple):
    """How a call names the model, its data and its labels."""

    model: str = "model"
    x: str = "x"
    y: str = "y"


def of_shapes(
    message: str, lines: list[str], number: int, names: dict[str, Any]
) -> tuple[str, str] | None:
    """What is wrong, and the line that mends it, before the call or in the model; None if nothing
    is known about the message.

    Args:
        message: of the error.
        lines: of the script; ``number`` is that of the error, from 1.
        names: the script's namespace.
    """
    line = lines[number - 1].rstrip() if number <= len(lines) else ""
    return next(_answers(message, line, _called(lines, number), names), None)


def _called(lines: list[str], number: int) -> _Called:
    try:
        nodes = ast.walk(ast.parse("".join(lines)))
    except SyntaxError:  # a cell of a notebook with commands of Jupyter
        return _Called()
    for node in nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        here = node.lineno <= number <= (node.end_lineno or 0)
        if here and node.func.attr in _METHODS and isinstance(node.func.value, ast.Name):
            given = dict(zip("xy", node.args, strict=False))
            given.update({word.arg: word.value for word in node.keywords if word.arg in ("x", "y")})
            known = {part: one.id for part, one in given.items() if isinstance(one, ast.Name)}
            return _Called(node.func.value.id, **known)
    return _Called()


def _answers(message: str, line: str, called: _Called, names: dict[str, Any]) -> Proposals:
    model, x, y = called
    found = re.search(r"x\.reshape\(len\(x\), ([\d, ]+)\) fixes it", message)
    if found:
        words = f"the rows of `{x}` have another shape than the model takes; above this line"
        yield words, f"{x} = {x}.reshape(len({x}), {found[1]})"
    if "np.moveaxis(x, 1, -1)" in message:
        words = f"in `{x}` the channels come first, and in the model last; above this line"
        yield words, f"{x} = np.moveaxis({x}, 1, -1)"
    found = re.search(r"each sample should have shape (\(.*?\)) but has (\(.*?\))\.", message)
    if found:
        taken, has = found.groups()
        words = f"the model takes rows of the shape {taken}, `{x}` has {has}; begin the model with"
        yield words, f"{model}.add(keras.Input(shape={has}))"
    found = re.search(r"turn them into columns: to_categorical\(\w+, num_classes=(\d+)\)", message)
    if found:
        words = f"the loss wants a column for each class, `{y}` has their numbers; above this line"
        of_keras = f"{y} = keras.utils.to_categorical({y}, num_classes={found[1]})"
        alone = of_keras.replace("keras.utils.", "")
        imported = f"from keras.utils import to_categorical\n    {alone}"
        yield words, of_keras if "keras" in names else imported
    found = re.search(r"add (Dense\(.*?\)) as the last layer", message)
    if found:
        words = f"the last layer has other units than `{y}` has columns; before compile"
        yield words, f"{model}.add({'' if 'Dense' in names else 'keras.layers.'}{found[1]})"
    found = re.search(r"Did you mean (\w+\('(\w+)'\))\?", message)
    if found:
        yield f"did you mean `{found[1]}`?", re.sub(rf"(['\"]){found[2]}\1", found[1], line)
