"""What the error about an input that does not fit a convolution adds."""

from __future__ import annotations

from ..utils.windows import AXES

_SAMPLE = {1: "28", 2: "28, 28", 3: "9, 28, 28"}


def hint_of_axes(shape: tuple, rank: int, first: bool) -> str:
    """How to mend an input of this shape for a convolution along ``rank`` axes.

    first: whether the channels come first.
    """
    axes = f"channels, {AXES[rank]}" if first else f"{AXES[rank]}, channels"
    hint = f" The axes that it works on are (batch, {axes})."
    index = "[:, None]" if first else "[..., None]"
    if len(shape) == rank + 1 and shape[0] is None:
        sample = f"1, {_SAMPLE[rank]}" if first else f"{_SAMPLE[rank]}, 1"
        return (
            f"{hint} A single channel needs an axis too: pass the data as x{index}, and the "
            f"shape as in Input(shape=({sample}))."
        )
    if len(shape) == rank + 1:
        return (
            f"{hint} A single channel needs an axis too: pass x{index}. A single sample is a "
            "batch of one: pass x[None]."
        )
    if len(shape) == 2:
        return f"{hint} A Reshape(({axes})) layer before it turns flat rows into this form."
    if len(shape) == rank + 2:
        others = ("first", "last") if first else ("last", "first")
        return (
            f"{hint} Its kernel was made for a different number of channels, or the channels "
            f"of the data come {others[1]}: see data_format."
        )
    return hint
