"""Pictures of what a layer computed for one sample: gates, scores, maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..pictures.files import Picture
from ..pictures.grids import Cell, gallery
from .captured import Call

MOST_MAPS = 16  # of a convolution's channels


def picture_of(name: str, call: Call, sample: int) -> Picture:
    """The gates, the scores or the output of one sample, as images from the least number (black) to
    the largest (white).

    Raises:
        ValueError: nothing of the kind was recorded, or there is no such sample.
    """
    cells = []
    for what, array in _images(call, sample):
        low, high = float(np.min(array)), float(np.max(array))
        size = " x ".join(map(str, array.shape))
        tip = f"{name}, {what}: {size} numbers from {low:.4g} to {high:.4g}"
        cells.append(Cell(array, what, f"{low:.3g} to {high:.3g}", size, tip))
    if not cells:
        raise ValueError(
            f"Of {name!r} there is nothing to draw: record its outputs, gates or scores (kinds=)."
        )
    return Picture(gallery(cells, f"{name}, sample {sample}"))


def _images(call: Call, sample: int) -> Iterator[tuple[str, np.ndarray]]:
    """Pairs: a word, and an image or a vector. Of sequences, time goes from left to right."""
    arrays: Any = [*call.gates.values(), call.scores, call.output]
    count = next((len(array) for array in arrays if array is not None and array.ndim), 0)
    if count and not -count <= sample < count:
        raise ValueError(f"There is no sample {sample}: the batch has {count}.")
    if call.gates:
        for name, gate in call.gates.items():
            what = "state" if name in ("h", "c") else "gate"
            yield f"{what} {name.replace('_tilde', '~')}", _over_time(gate[sample])
    elif call.scores is not None:
        for head, scores in enumerate(call.scores[sample]):
            yield f"head {head}", scores
    elif call.output is not None and call.output.ndim:
        y = call.output[sample]
        if y.ndim == 3:
            for channel in range(min(y.shape[-1], MOST_MAPS)):
                yield f"channel {channel}", y[..., channel]
        elif y.ndim < 3:
            yield "output", _over_time(y) if y.ndim else y.reshape(1)


def _over_time(y: np.ndarray) -> np.ndarray:
    """(T, U) with time along the second axis; vectors as they are."""
    return y.T if y.ndim == 2 else y
