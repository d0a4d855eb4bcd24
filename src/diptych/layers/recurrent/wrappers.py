"""Layers that wrap a layer: TimeDistributed and Bidirectional."""

from __future__ import annotations

from typing import Any

from ... import activations, ops
from ...nested import flatten
from ..core import Dense
from ..layer import Layer
from ..serialization import deserialize, serialize
from ..signatures import takes
from ..wrapper import Wrapper, must_be_a_layer
from .rnn import RNN

MERGE_MODES = ("concat", "sum", "mul", "ave", None)


class TimeDistributed(Wrapper):
    """Applies a layer to every step of a sequence, with the same weights for all steps.

    Input shape: (N, T, ...). Output shape: (N, T, *the layer's output without its batch).

    Args:
        layer: a layer for the input of one step.
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _step_shape(self, input_shape: Any) -> tuple:
        if len(input_shape) < 3:
            raise ValueError(
                f"Layer {self.name!r} (TimeDistributed) needs inputs of at least 3 axes, "
                f"(batch, steps, ...); its input has shape {tuple(input_shape)}."
            )
        return (input_shape[0], *input_shape[2:])

    def build(self, input_shape: Any = None) -> None:
        super().build(self._step_shape(input_shape))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        batch, *shape = self.layer.output_shape_for(self._step_shape(input_shape))
        return (batch, input_shape[1], *shape)

    pure_with_masks = True

    @property
    def pure(self) -> Any:  # type: ignore[override]
        """Whether the class of the wrapped layer declares that it is pure."""
        return _is_pure(self.layer)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """True for steps with any entry that counts."""
        mask = previous_mask
        if mask is not None and mask.ndim > 2:
            inner = tuple(range(2, mask.ndim))
            mask = ops.any(mask, axis=inner)
        return mask

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        rows, steps, *shape = inputs.shape
        if mask is not None and tuple(mask.shape[:2]) != (rows, steps):
            raise ValueError(
                f"Layer {self.name!r} (TimeDistributed) needs a mask of shape (batch, steps, ...) "
                f"= ({rows}, {steps}, ...) for an input of shape {inputs.shape}; got "
                f"{tuple(mask.shape)}."
            )
        if steps == 0:
            return ops.zeros(self.compute_output_shape(inputs.shape), dtype=self.dtype)
        options = {"training": training} if takes(type(self.layer), "training") else {}
        try:
            return self._call_on_steps(inputs, mask, options)
        except ValueError as error:
            if mask is None or mask.ndim > 2 or not takes(type(self.layer), "mask"):
                raise
            raise ValueError(
                f"{error}\n"
                f"Layer {self.name!r} (TimeDistributed) passes its layer the part of the mask for "
                f"each step: with the shape {tuple(mask.shape)}, that is one value per row. If its "
                "layer needs a mask itself, give one of shape (batch, steps, inner steps)."
            ) from error

    def _call_on_steps(self, inputs: Any, mask: Any, options: dict) -> Any:
        rows, steps, *shape = inputs.shape
        heeds_mask = mask is not None and takes(type(self.layer), "mask")
        if not _looks_at_the_batch(self.layer) and rows:
            # Treat all steps as rows of one batch.
            if heeds_mask:
                options["mask"] = ops.reshape(mask, (rows * steps, *mask.shape[2:]))
            y = self.layer(ops.reshape(inputs, (rows * steps, *shape)), **options)
            return ops.reshape(y, (rows, steps, *y.shape[1:]))
        outputs = []
        for t in range(steps):
            if heeds_mask:
                options["mask"] = mask[:, t]
            outputs.append(self.layer(inputs[:, t], **options))
        return ops.stack(outputs, axis=1)


def _is_pure(layer: Layer) -> bool:
    own = vars(type(layer)).get("pure", False)
    activation = getattr(layer, "activation", None)
    known = activation is None or activation in activations.__dict__.values()
    return bool(own and layer.pure and known and layer.activity_regularizer is None)


def _looks_at_the_batch(layer: Layer) -> bool:
    """Whether the rows of a batch are not independent: statistics over the batch, a state for each
    row, or a penalty divided by the batch size.
    """
    return any(variable.is_state for variable in layer.weights) or any(
        getattr(one, "stateful", False) or one.activity_regularizer is not None
        for one in layer._flatten_layers()
    )


class Bidirectional(Layer):
    """Reads sequences in both directions with two layers, and merges the outputs.

    (N, T, D) gives (N, 2 * units) with "concat", (N, units) with the others; with
    ``return_sequences`` of the layer (N, T, ...).

    Args:
        layer: a recurrent layer. Both directions get a copy of it, made from its config.
        merge_mode: how to combine the two outputs: "concat", "sum", "mul", "ave" (the mean) or None
        (both are returned).
        weights: weights to begin with, those of the forward layer first.
        backward_layer: a recurrent layer with the opposite ``go_backwards``, for the backward
            direction.

    ``initial_state`` holds the states of the forward layer, then those of the backward layer;
    ``return_state`` of the layers returns them in the same order.

    Source: Schuster & Paliwal 1997, Bidirectional Recurrent Neural Networks.
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: list | None = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        must_be_a_layer(layer, "Bidirectional", "layer")
        if backward_layer is not None:
            must_be_a_layer(backward_layer, "Bidirectional", "backward_layer")
        if merge_mode not in MERGE_MODES:
            raise ValueError(
                f"Bidirectional takes the merge modes {', '.join(map(repr, MERGE_MODES))}; got "
                f"merge_mode={merge_mode!r}."
            )
        for name in ("go_backwards", "return_sequences", "return_state", "stateful"):
            if not hasattr(layer, name):
                raise ValueError(
                    f"Bidirectional needs a recurrent layer, such as LSTM; {type(layer).__name__} "
                    f"has no attribute {name!r}."
                )
        super().__init__(**kwargs)
        self.forward_layer = _copied(layer, "forward")
        if backward_layer is None:
            self.backward_layer = _copied(layer, "backward", go_backwards=not layer.go_backwards)
        else:
            self.backward_layer = backward_layer
        self._check_layers()
        for one in (self.forward_layer, self.backward_layer):
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences
        self.merge_mode = merge_mode
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.stateful = layer.stateful
        self.supports_masking = True
        self.input_spec = layer.input_spec
        if weights:
            object.__setattr__(self, "_first_weights", list(weights))

    def _check_layers(self) -> None:
        one, other = self.forward_layer, self.backward_layer
        if one.go_backwards == other.go_backwards:
            raise ValueError(
                "Bidirectional needs layers of opposite directions; both have "
                f"go_backwards={one.go_backwards}."
            )
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(one, name) != getattr(other, name):
                raise ValueError(
                    f"Bidirectional needs layers that agree in {name!r}; the forward layer has "
                    f"{getattr(one, name)}, the backward layer {getattr(other, name)}."
                )

    def build(self, input_shape: Any) -> None:
        shapes = []
        for layer in self._layers():
            if not layer.built:
                layer.build(input_shape)
                layer.built = True
            shape = layer.output_shape_for(input_shape)
            shapes.append(tuple(shape[0] if self.return_state else shape))
        if self.merge_mode in ("sum", "mul", "ave") and shapes[0] != shapes[1]:
            raise ValueError(
                f"Layer {self.name!r} (Bidirectional) has merge_mode={self.merge_mode!r}, which "
                f"needs outputs of one shape from both layers; they give {shapes[0]} and "
                f"{shapes[1]}. merge_mode='concat' takes any widths."
            )
        self.built = True

    def compute_output_shape(self, input_shape: Any, initial_state_shape: Any = None) -> Any:
        shape = self.forward_layer.output_shape_for(input_shape)
        states: tuple = ()
        if self.return_state:
            shape, *one = shape
            states = (*one, *self.backward_layer.output_shape_for(input_shape)[1:])
        if self.merge_mode is None:
            outputs: tuple = (shape, self._backward_shape(input_shape))
        elif self.merge_mode == "concat":
            width = self._backward_shape(input_shape)[-1]
            outputs = ((*shape[:-1], shape[-1] + width),)
        else:
            outputs = (shape,)
        return (*outputs, *states) if len(outputs) > 1 or states else outputs[0]

    def _backward_shape(self, input_shape: Any) -> tuple:
        shape = self.backward_layer.output_shape_for(input_shape)
        return shape[0] if self.return_state else shape

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        given = args[1] if len(args) > 1 else kwargs.get("initial_state")
        for layer, states in zip(self._layers(), self._halves(given), strict=True):
            if states is not None and isinstance(layer, RNN):
                layer._check_state(states, args[0].shape)
        return super().compute_output_spec(args[0])

    def _layers(self) -> tuple:
        return self.forward_layer, self.backward_layer

    def _halves(self, states: Any) -> tuple:
        """The initial states of the two layers."""
        if states is None:
            return None, None
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        counts = [len(layer.state_size) for layer in self._layers()]
        if len(states) != sum(counts):
            raise ValueError(
                f"Layer {self.name!r} (Bidirectional) takes the states of two layers, {counts[0]} "
                f"for the forward and {counts[1]} for the backward layer; initial_state holds "
                f"{len(states)}."
            )
        return states[: counts[0]], states[counts[0] :]

    def __call__(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        if isinstance(sequences, (list, tuple)) and len(sequences) > 1:
            # As in Keras 2: a list of the sequences and then the states.
            sequences, *states = sequences
            initial_state = states if initial_state is None else initial_state
        if initial_state is not None:
            kwargs["initial_state"] = initial_state
        if mask is not None:
            kwargs["mask"] = mask
        return super().__call__(sequences, **kwargs)

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None
    ) -> Any:
        outputs, states = [], []
        for layer, first in zip(self._layers(), self._halves(initial_state), strict=True):
            options: dict[str, Any] = {}
            if takes(type(layer), "training"):
                options["training"] = training
            if mask is not None and takes(type(layer), "mask"):
                options["mask"] = mask
            if first is not None:
                options["initial_state"] = first
            y = layer(sequences, **options)
            if self.return_state:
                y, *last = y
                states += last
            outputs.append(y)
        y, y_back = outputs
        if self.return_sequences:
            y_back = ops.flip(y_back, axis=1)
        merged = self._merge(y, y_back)
        return (*merged, *states) if len(merged) > 1 or states else merged[0]

    def _merge(self, y: Any, y_back: Any) -> tuple:
        if self.merge_mode is None:
            return y, y_back
        if self.merge_mode == "concat":
            return (ops.concatenate([y, y_back], axis=-1),)
        if self.merge_mode == "mul":
            return (ops.multiply(y, y_back),)
        total = ops.add(y, y_back)
        return (ops.multiply(total, 0.5) if self.merge_mode == "ave" else total,)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        mask = flatten(previous_mask)[0] if self.return_sequences else None
        masks = [mask, mask] if self.merge_mode is None else [mask]
        return masks if self.return_state or len(masks) > 1 else mask

    def input_hint(self, shape: tuple) -> str:
        return self.forward_layer.input_hint(shape)

    pure_with_masks = True

    @property
    def pure(self) -> Any:  # type: ignore[override]
        """Whether the classes of both layers declare that they are pure."""
        return all(map(_is_pure, self._layers()))

    @property
    def states(self) -> tuple | None:
        """The states of the two layers, if they are stateful and built."""
        one, other = self.forward_layer.states, self.backward_layer.states
        return (*one, *other) if one and other else None

    def reset_state(self) -> None:
        """Reset the states of both layers."""
        if not self.stateful:
            raise AttributeError(
                f"Layer {self.name!r} (Bidirectional) has no state to reset: it is not stateful."
            )
        for layer in self._layers():
            layer.reset_state()

    def reset_states(self) -> None:
        """The old name of ``reset_state``."""
        self.reset_state()

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "merge_mode": self.merge_mode,
            "layer": serialize(self.forward_layer),
            "backward_layer": serialize(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        config = dict(config)
        for name in ("layer", "backward_layer"):
            if config.get(name) is not None:
                config[name] = deserialize(config[name])
        return cls(**config)


def _copied(layer: Any, direction: str, **changes: Any) -> Any:
    """A layer of the same class and config, with its own weights."""
    name = layer.name.removeprefix(f"{direction}_")
    config = {**layer.get_config(), "name": f"{direction}_{name}", **changes}
    copy = type(layer).from_config(config)
    if hasattr(layer, "use_cudnn"):
        copy.use_cudnn = layer.use_cudnn
    return copy


class TimeDistributedDense(Dense):
    """Old name of a Dense layer on sequences (N, T, D); every Dense works on the last axis."""

    pure = True
