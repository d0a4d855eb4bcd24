"""What ``capture`` has recorded: steps, the layers in them, and each call of a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..utils.naming import suggest
from .table import html_table, text_table

# Everything that can be recorded. The first kinds belong to a call of a layer, the last three to
# the layer and the step.
KINDS = (
    "inputs",
    "preactivations",
    "outputs",
    "gates",
    "scores",
    "input_gradients",
    "preactivation_gradients",
    "output_gradients",
    "weights",
    "weight_gradients",
    "updates",
)
MOST_ROWS = 60  # of a table that is printed


@dataclass
class Call:
    """One call of a layer. What was not chosen, or does not exist for this layer, is None or empty.

    Attributes:
        operations: what it computed with, in order, without what the layers within it did: twins as
            "family.name", such as "dense.dense", others by their name in ``diptych.ops``. Known
            where a tape was open.
        input_shapes, output_shapes: of all inputs and outputs; always known.
        inputs: the arrays that went in, in the order of the arguments.
        preactivation: z, where output = activation(z), for layers with an activation of their own;
            in the shape of the output.
        outputs: the arrays that came out.
        gates: of a recurrent layer, by name, each (N, T, U) in the order of the input's steps: i,
            f, c_tilde, o, c and h of LSTM; z, r, h_tilde and h of GRU; h of SimpleRNN. Masked steps
            have gates of 0. In a cell that runs step by step, each call has its own, (N, U).
        scores: of attention, (N, H, T, S): after the softmax, before dropout; H is 1 for layers
            without heads.
        input_gradients: dL/d input of each input, as far as it goes through this call; None for
            what needs no gradient, such as the data themselves. A tensor that is several of the
            inputs has in each place the gradient by all of them.
        preactivation_gradient: dL/dz.
        output_gradients: dL/d output of each output, over all its uses. None where the loss is
            computed from the logits, before a sigmoid or softmax: dL/dz is there.
    """

    operations: list[str] = field(default_factory=list)
    input_shapes: list[tuple[int, ...]] = field(default_factory=list)
    output_shapes: list[tuple[int, ...]] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    preactivation: Any = None
    outputs: list[Any] = field(default_factory=list)
    gates: dict[str, np.ndarray] = field(default_factory=dict)
    scores: Any = None
    input_gradients: list[Any] = field(default_factory=list)
    preactivation_gradient: Any = None
    output_gradients: list[Any] = field(default_factory=list)

    @property
    def input(self) -> Any:
        """The first input."""
        return next(iter(self.inputs), None)

    @property
    def output(self) -> Any:
        """The first output."""
        return next(iter(self.outputs), None)

    @property
    def input_gradient(self) -> Any:
        """The gradient by the first input."""
        return next(iter(self.input_gradients), None)

    @property
    def output_gradient(self) -> Any:
        """The gradient by the first output."""
        return next(iter(self.output_gradients), None)

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """All that was recorded, each with a name such as "input" or "gate i"."""
        for name in ("input", "output", "input gradient", "output gradient"):
            values = getattr(self, f"{name.replace(' ', '_')}s")
            for i, value in enumerate(values):
                if value is not None:
                    yield name if len(values) == 1 else f"{name} {i}", value
            if name == "input" and self.preactivation is not None:
                yield "pre-activation", self.preactivation
            if name == "input gradient" and self.preactivation_gradient is not None:
                yield "pre-activation gradient", self.preactivation_gradient
        for name, value in self.gates.items():
            yield ("state " if name in ("h", "c") else "gate ") + name, value
        if self.scores is not None:
            yield "scores", self.scores


class LayerStep:
    """One layer in one step: its calls and its weights.

    ``input``, ``preactivation``, ``output``, ``gates``, ``scores``, ``input_gradient``,
    ``preactivation_gradient``, ``output_gradient`` and the plural names are those of its only
    call; a layer that was called several times has ``calls``.

    Attributes:
        name: the layer's name, in which a nested model's is put first: "encoder/dense".
        layer: the layer itself.
        calls: a ``Call`` for each time that it was called.
        weights: by name, the values before the update.
        weight_gradients: by name, dL/d weight as the optimizer gets it; without an optimizer, the
            sum over the calls.
        new_weights: by name, the values after the update.
    """

    def __init__(self, name: str, layer: Any, picture_of: Callable) -> None:
        self.name = name
        self.layer = layer
        self._picture_of = picture_of
        self.calls: list[Call] = []
        self.weights: dict[str, np.ndarray] = {}
        self.weight_gradients: dict[str, np.ndarray] = {}
        self.new_weights: dict[str, np.ndarray] = {}

    @property
    def updates(self) -> dict[str, np.ndarray]:
        """By name, what the update added to the weights: ``new_weights`` - ``weights``."""
        return {
            name: new - self.weights[name]
            for name, new in self.new_weights.items()
            if name in self.weights
        }

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(Call, name) and name not in Call.__annotations__:
            raise AttributeError(f"LayerStep has no attribute {name!r}.")
        if len(self.calls) != 1:
            raise ValueError(
                f"Layer {self.name!r} was called {len(self.calls)} times in this step: say which "
                f"call, as in .calls[0].{name}."
            )
        return getattr(self.calls[0], name)

    def plot(self, sample: int = 0, call: int = 0, to_file: Any = None, dpi: float = 200) -> Any:
        """Draw what the layer computed for one sample of the batch: the gates over time, the scores
        of each head, the maps of a convolution, or the output. Returns a ``Picture``.

        Args:
            sample: its place in the batch.
            call: which call, where there are several.
            to_file: a path to write the picture to; its ending is the format.
            dpi: of files of pixels.

        Raises:
            ValueError: nothing of the kind was recorded, or there is no such sample.
        """
        picture = self._picture_of(self.name, self.calls[call], sample)
        if to_file is not None:
            picture.save(to_file, dpi)
        return picture

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """All that was recorded, each with a name."""
        for number, call in enumerate(self.calls):
            prefix = f"call {number}: " if len(self.calls) > 1 else ""
            for name, array in call.arrays():
                yield prefix + name, array
        for name, array in self.weights.items():
            yield name, array
        for name, array in self.weight_gradients.items():
            yield f"{name} gradient", array
        for name, array in self.updates.items():
            yield f"{name} update", array

    def __repr__(self) -> str:
        return f"<LayerStep {self.name}: {', '.join(name for name, _ in self.arrays())}>"


class Step:
    """One call of the model, and the update that followed: ``step["dense"]`` is a layer in it.

    Attributes:
        number: of the call, counted from 0 while the capture is open.
        training: whether it was a call in training.
        layers: by name, a ``LayerStep`` for each layer that was called, in the order of calls.
        loss: of the batch, with all penalties, if the model computed it; else None.
        loss_operations: what it was computed with, as ``Call.operations``.
    """

    def __init__(self, number: int, training: bool) -> None:
        self.number = number
        self.training = training
        self.layers: dict[str, LayerStep] = {}
        self.loss: float | None = None
        self.loss_operations: list[str] = []

    def __getitem__(self, layer: Any) -> LayerStep:
        """A layer by its name, or the layer itself."""
        for name, found in self.layers.items():
            if found.layer is layer or name == layer:
                return found
        name = getattr(layer, "name", layer)
        raise KeyError(
            f"Step {self.number} has no layer {name!r}{suggest(name, self.layers) or '.'} It has "
            f"{', '.join(self.layers) or 'none'}."
        )

    def __iter__(self) -> Iterator[LayerStep]:
        return iter(self.layers.values())

    def __len__(self) -> int:
        return len(self.layers)

    def __contains__(self, layer: Any) -> bool:
        return any(name == layer or found.layer is layer for name, found in self.layers.items())

    @property
    def title(self) -> str:
        loss = "" if self.loss is None else f", loss {self.loss:.6g}"
        return f"step {self.number}, {'training' if self.training else 'no training'}{loss}"

    def rows(self) -> list[list[str]]:
        """A table: one row for each array, with its shape and what its numbers are like."""
        table = [["layer", "what", "shape", "mean", "deviation", "least", "most", "zeros"]]
        for layer in self:
            name = layer.name  # in the first of its rows alone
            for what, array in layer.arrays():
                table.append([name, what, str(array.shape), *statistics(array)])
                name = ""
        return table

    def __str__(self) -> str:
        rows = self.rows()
        more = len(rows) - 1 - MOST_ROWS
        text = text_table(rows[: MOST_ROWS + 1], left=2)
        return f"{self.title}\n{text}" + (f"\n... and {more} rows more" if more > 0 else "")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{self.title}</p>{html_table(self.rows(), left=2)}"


def statistics(array: np.ndarray) -> list[str]:
    """Mean, standard deviation, least, most, and the share of zeros, as texts."""
    if array.size == 0 or array.dtype.kind not in "biuf":
        return ["", "", "", "", ""]
    values = np.asarray(array, np.float64)
    numbers = [values.mean(), values.std(), values.min(), values.max()]
    return [*(f"{number:.4g}" for number in numbers), f"{np.mean(values == 0):.0%}"]
