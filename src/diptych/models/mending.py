"""What is wrong with data that do not fit a model, and how to mend it: the words of ``checks``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..utils.naming import snake_case
from ..utils.registration import is_builtin
from ..walk import steps, table

SPARSE = frozenset({"sparse_categorical_crossentropy"})
ONE_HOT = frozenset({"categorical_crossentropy", "categorical_focal_crossentropy"})
BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
SAME_SHAPE = (
    ONE_HOT
    | BINARY
    | frozenset(
        "mean_squared_error mean_absolute_error mean_absolute_percentage_error "
        "mean_squared_logarithmic_error huber log_cosh hinge squared_hinge categorical_hinge "
        "poisson kl_divergence cosine_similarity dice tversky".split()
    )
)


def kind_of(loss: Any) -> str:
    """The name of the built-in loss of a loss object, whatever its own name."""
    name = snake_case(type(loss).__name__)
    if name in SPARSE or name in SAME_SHAPE:
        return name
    function = getattr(loss, "fn", None)
    return getattr(function, "__name__", "another") if is_builtin(function) else "another"


def agree(have: tuple, want: tuple) -> bool:
    """Whether two shapes are equal where both sizes are known."""
    return len(have) == len(want) and all(
        a == b or a is None or b is None for a, b in zip(have, want, strict=True)
    )


def broadcast(have: tuple, want: tuple) -> bool:
    """Whether NumPy would repeat one of two shapes along its axes of size 1 to fit the other, after
    a last axis of size 1 that the other lacks is dropped.
    """
    if len(have) == len(want) + 1 and have[-1] == 1:
        have = have[:-1]
    elif len(want) == len(have) + 1 > 2 and want[-1] == 1:
        want = want[:-1]
    return len(have) == len(want) and all(
        a == b or 1 in (a, b) or None in (a, b) for a, b in zip(have[1:], want[1:], strict=True)
    )


def wrong_number(x: Any, given: list, wanted: list) -> str:
    names = [tensor.name for tensor in wanted]
    message = (
        f"The model has {len(wanted)} input{'s' if len(wanted) > 1 else ''}, {names}, and x is "
        f"{'a list of ' if isinstance(x, list | tuple) else ''}{len(given)} "
        f"array{'s' if len(given) != 1 else ''}."
    )
    if len(wanted) == 1 and len({leaf.shape for leaf in given}) == 1:
        one = (len(given), *given[0].shape)
        message += f" If they are samples, np.stack(x) makes one array of shape {one} of them."
    elif len(wanted) == 1 and len(given) in (2, 3):
        message += " If these are inputs and labels, pass them apart: fit(x, y)."
    return message


def mend_input(want: tuple, have: tuple) -> str:
    """What is wrong with an input of the shape `have`, and how to fix it."""
    row, wanted_row = have[1:], want[1:]
    if have == wanted_row or (len(have) == len(want) - 1 and agree(have, wanted_row)):
        if have == wanted_row and len(have) > 1:
            first = f"If its first axis counts {have[0]} samples, the model begins too deep: "
            first = f" {first}Input(shape={have[1:]}) leaves the batch out."
        else:
            first = ""
        return f"this looks like a single sample; x[np.newaxis] makes a batch of it.{first}"
    if len(row) > 1 and agree((*row[1:], row[0]), wanted_row) and row[0] != row[-1]:
        return "the channels come first; np.moveaxis(x, 1, -1) puts them last, as the model has it."
    known = None not in wanted_row
    if known and row and np.prod(row) == np.prod(wanted_row):
        sizes = ", ".join(map(str, wanted_row))
        return (
            f"each row has the right number of values in another shape; x.reshape(len(x), {sizes}) "
            "fixes it, or a Flatten or Reshape layer in the model."
        )
    if len(row) != len(wanted_row):
        return (
            f"each sample should have {len(wanted_row)} "
            f"{'axis' if len(wanted_row) == 1 else 'axes'} but has {len(row)}. The first axis of "
            "the data is the batch."
        )
    return (
        f"each sample should have shape {wanted_row} but has {row}. Use Input(shape={row}) in the "
        "model, or reshape the data."
    )


def mend_labels(shape: tuple, kind: str, labels: Any, name: str) -> str:
    """Why labels do not fit an output and the loss `kind`, and how to fix it."""
    have, units = labels.shape, shape[-1]
    column = have[1:] in ((), (1,)) and len(shape) == 2
    if column and kind in ONE_HOT | BINARY and units is not None and units > 1:
        if kind in ONE_HOT:
            return (
                f"{kind} needs one column for each of {units} classes. For class numbers use "
                "loss='sparse_categorical_crossentropy', or turn them into columns: "
                f"to_categorical({name}, num_classes={units})."
            )
        return (
            f"{kind} needs a label for each of {units} units. For {units} classes, one of which is "
            "correct, use loss='sparse_categorical_crossentropy', or "
            f"to_categorical({name}, num_classes={units}) and 'categorical_crossentropy'; for a "
            "yes/no question end with Dense(1)."
        )
    if len(have) == len(shape):
        wanted = have[-1]
        if agree(have[1:-1], shape[1:-1]):
            ending = ", activation='softmax'" if kind in ONE_HOT and wanted > 1 else ""
            return (
                f"{kind} needs as many units as the labels have columns, {wanted}: add "
                f"Dense({wanted}{ending}) as the last layer, or pass labels with {units} "
                f"column{'' if units == 1 else 's'}."
            )
    wanted = ("N", *shape[1:])
    return f"{kind} needs labels in the shape of the output, {wanted}.{one_row_each(shape, have)}"


def one_row_each(shape: tuple, labels: tuple) -> str:
    """How to mend it if there is one label, or one row of them, for each sample, and more in the
    output.
    """
    if len(labels) > 2 or len(shape) not in (3, 4, 5):
        return ""
    rank = len(shape) - 2
    message = (
        f" The labels have one row for each sample, and the output one for each position in it: "
        f"probably a Flatten() or GlobalAveragePooling{rank}D() is missing before the last Dense "
        "layers."
    )
    if rank == 1:
        message += " After a recurrent layer, leave out return_sequences=True."
    return message


def beginning(outputs: Any) -> str:
    """The first calls of a model, with their shapes, below an error; '' without a graph."""
    if not outputs or not all(hasattr(tensor, "node") for tensor in outputs):
        return ""
    rows = steps(outputs)
    more = [("...", "", "")] if len(rows) > 5 else []
    return "\n" + table([*rows[:5], *more], "The model begins:")


def walk_to(tensor: Any, then: list[tuple[str, str, str]]) -> str:
    """The shapes on the way to an output, and the rows that follow; '' without a graph."""
    if not hasattr(tensor, "node"):
        return ""
    return "\n" + table([*steps([tensor]), *then], "The shapes on the way to the output:")


__all__ = [
    "BINARY",
    "ONE_HOT",
    "SAME_SHAPE",
    "SPARSE",
    "agree",
    "beginning",
    "broadcast",
    "kind_of",
    "mend_input",
    "mend_labels",
    "one_row_each",
    "walk_to",
    "wrong_number",
]
