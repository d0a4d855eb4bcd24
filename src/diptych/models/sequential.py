"""Sequential: a model whose layers follow one another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import activations
from ..graph import KerasTensor
from ..layers.arguments import instance_of
from ..layers.core import Input, InputLayer
from ..layers.layer import Layer
from ..layers.removed import Merge
from ..layers.serialization import MODELS, deserialize, serialize
from ..layers.signatures import parameters_of
from ..layers.structures import map_shapes
from ..nested import flatten, map_structure
from ..utils import objects
from ..utils.registration import is_builtin
from .model import Model


class Sequential(Model):
    """A stack of layers, each called on the output of the one before.

        model = Sequential([Input((784,)), Dense(500, activation="relu"), Dense(10,
        activation="softmax")])

    Layers may come in the constructor or one by one with ``add``. The weights are created when the
    input's shape is known: from an ``Input``, from ``input_shape=`` on the first layer, or from the
    first data.

    Args:
        layers: the layers in their order.
        trainable: whether the weights are trained.
        name: a name.
        engine: "fast" or "reference"; by default the current engine at each call.
    """

    def __init__(
        self,
        layers: Iterable[Layer | KerasTensor] | None = None,
        trainable: bool = True,
        name: str | None = None,
        engine: str | None = None,
    ) -> None:
        super().__init__(name=name, trainable=trainable, engine=engine)
        self._stack: list[Layer] = []
        self._between: list[KerasTensor] = []  # the output of each connected layer of the stack
        if isinstance(layers, (Layer, type)):
            raise TypeError(f"Sequential takes a list of layers: Sequential([{_written(layers)}]).")
        for layer in layers or ():
            self._append(layer)
        self._connect()

    def add(self, layer: Layer | KerasTensor, rebuild: bool = True) -> None:
        """Add a layer at the end.

        Raises:
            ValueError: the argument is not a layer, its name is taken, or it does not fit the
                output of the last layer.
        """
        before = list(self._stack)
        try:
            self._append(layer)
            if rebuild:
                self._connect()
        except Exception:
            self._stack = before
            del self._between[len(before) :]
            self._connect()
            raise

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer and return it."""
        if not self.layers:
            raise ValueError(f"Sequential model {self.name!r} has no layer to remove.")
        layer = self._stack.pop()
        del self._between[len(self._stack) :]
        self._function = None
        self.built = False
        if rebuild:
            self._connect()
        return layer

    def _check_incomplete(self, what: str) -> None:
        """Layers may come at any time."""

    def _append(self, layer: Any) -> None:
        if (
            isinstance(layer, KerasTensor)
            and layer.node is not None
            and isinstance(layer.node.operation, InputLayer)
        ):
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            raise ValueError(f"Sequential takes layers, but got {_no_layer(layer)}")
        if not parameters_of(type(layer), "call") and not is_builtin(type(layer).call):
            raise ValueError(
                f"Sequential calls each layer on the output of the one before, but "
                f"{type(layer).__name__}.call takes no input: write call(self, inputs)."
            )
        shape = getattr(layer, "_batch_input_shape", None)
        if not self._stack and shape is not None and not isinstance(layer, InputLayer):
            self._stack.append(
                InputLayer(
                    batch_shape=shape, dtype=getattr(layer, "_input_dtype", layer.data_dtype)
                )
            )
        elif isinstance(layer, InputLayer) and self._stack:
            raise ValueError(
                f"Sequential model {self.name!r} already has layers: an Input must come first."
            )
        elif shape is not None and self._function is not None:
            self._check_stated_shape(layer, shape)
        if any(layer.name == other.name for other in self._stack):
            raise ValueError(
                f"Sequential model {self.name!r} already has a layer called {layer.name!r}: use "
                "another `name=`."
            )
        self._stack.append(layer)
        if not self._trainable:
            layer.trainable = False

    def _check_stated_shape(self, layer: Layer, shape: tuple) -> None:
        """An input shape on a later layer is redundant, but must be correct."""
        below = self._between[-1].shape
        if len(shape) != len(below) or any(
            a != b
            for a, b in zip(shape[1:], below[1:], strict=True)
            if a is not None and b is not None
        ):
            raise ValueError(
                f"Layer {layer.name!r} expects inputs of shape {tuple(shape)}, but the layer "
                f"before it, {self._stack[-1].name!r}, gives {below}. Leave out the input's shape: "
                "only the first layer needs it."
            )

    def _connect(self, given: Any = None) -> None:
        """Connect new layers, each to the output before it, if the input's shape is known: from the
        first layer, or from symbolic inputs that are given.
        """
        self._sublayers = []
        for layer in self._stack:
            self._track(layer)
        if not self._between:
            start = self._start(given)
            if start is None:
                return
            self._inputs_structure = start
            if isinstance(self._stack[0], InputLayer):
                self._between.append(start)
        x = self._between[-1] if self._between else self._inputs_structure
        for layer in self._stack[len(self._between) :]:
            x = layer(x)
            self._between.append(x)
        if self.layers:
            self._make_function(self._inputs_structure, x)

    def widen(self, shape: tuple) -> bool:
        """Accept inputs of other sizes, if the layers can: without an Input, the sizes came from
        the first data. Sizes that differ become None.
        """
        now = self._inputs_structure
        if (
            self._function is None
            or isinstance(self._stack[0], InputLayer)
            or not isinstance(now, KerasTensor)
            or len(shape) != len(now.shape)
        ):
            return False
        between, function, outputs = list(self._between), self._function, self._outputs_structure
        nodes = [list(layer._nodes) for layer in self._stack]
        these = (now.shape[0], *shape[1:])
        for sizes in (
            these,
            [a if a == b else None for a, b in zip(these, now.shape, strict=True)],
        ):
            self._forget_calls()
            try:
                self._connect(Input(batch_shape=tuple(sizes), dtype=now.dtype))
            except Exception:
                self._between[:], self._function = between, function
                self._inputs_structure, self._outputs_structure = now, outputs
                for layer, before in zip(self._stack, nodes, strict=True):
                    layer._nodes[:] = before
                return False
        return True

    def _forget_calls(self) -> None:
        """Forget the calls that connect the layers."""
        for layer, output in zip(self._stack, self._between, strict=True):
            node = flatten(output)[0].node
            layer._nodes[:] = [other for other in layer._nodes if other is not node]
        self._between.clear()

    def _start(self, given: Any) -> Any:
        """The symbolic input, or nested ones; None if its shape is unknown."""
        first = self._stack[0] if self._stack else None
        if isinstance(first, InputLayer):
            return first.output
        if isinstance(first, Merge) and first.branches:
            return first.new_inputs()
        if first is not None and given is not None:
            return given
        if isinstance(first, Model) and first.inputs:
            structure = first.inputs[0] if len(first.inputs) == 1 else first.input
            return map_structure(lambda x: self._symbol(x.shape, x.dtype), structure)
        return None

    def _symbol(self, shape: Any, dtype: Any = None) -> KerasTensor:
        """A symbolic input of this shape, of the first layer's dtype by default."""
        return Input(batch_shape=tuple(shape), dtype=dtype or self._stack[0].data_dtype)

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    def _layers_in_order(self) -> list[Layer]:
        return self.layers

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for an input of this shape, the batch included, or for nested ones."""
        if self._function is None and input_shape is not None:
            if not self.layers:
                raise ValueError(
                    f"Sequential model {self.name!r} has no layers yet: add layers before it is "
                    "built."
                )
            self._connect(map_shapes(self._symbol, input_shape))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Compute the output of a batch."""
        if self._function is None:
            if not self.layers:
                raise ValueError(
                    f"Sequential model {self.name!r} has no layers: add some before it is called."
                )

            def symbol(x: Any) -> KerasTensor:
                kind = x.dtype.kind
                dtype = x.dtype if kind == "f" else "string" if kind in "OUS" else None
                return self._symbol((None, *x.shape[1:]), dtype)

            self._connect(map_structure(symbol, inputs))
        return super().call(inputs, training, mask)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self._function is None:
            inputs = self._first(args, kwargs)
            self._connect(
                map_structure(lambda x: self._symbol((None, *x.shape[1:]), x.dtype), inputs)
            )
        return super().compute_output_spec(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [serialize(layer) for layer in self._stack],
        }
        if self._function is not None and not isinstance(self._stack[0], InputLayer):
            config["build_input_shape"] = map_structure(
                lambda x: list(x.shape), self._inputs_structure
            )
        return config

    def get_build_config(self) -> dict[str, Any] | None:
        """The shape of its input; None while that is unknown."""
        if self._function is None:
            return super().get_build_config()
        return {"input_shape": map_structure(lambda x: x.shape, self._inputs_structure)}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, type] | None = None
    ) -> Sequential:
        layers = [deserialize(layer, custom_objects) for layer in config["layers"]]
        model = cls(layers, name=config.get("name"))
        model._trainable = config.get("trainable", True)  # each layer has its own in its config
        shape = config.get("build_input_shape")
        if shape is not None and not model.built:
            model.build(shape)
        return model


def _written(layer: Any) -> str:
    """How a layer, or one of the class `layer`, might be written."""
    cls = layer if isinstance(layer, type) else type(layer)
    return instance_of(cls)


def _no_layer(thing: Any) -> str:
    """What was given instead of a layer, and what to write."""
    if isinstance(thing, type) and issubclass(thing, Layer):
        return f"the class {thing.__name__}. Make a layer of it: {instance_of(thing)}."
    if thing is Input:
        return "the function Input. Call it with the shape of a sample: Input(shape=(784,))."
    if isinstance(thing, KerasTensor):
        mend = "Pass the layers themselves: Dense(10), not Dense(10)(x)."
        return f"{thing!r}, a layer's output. {mend}"
    what = f"{thing!r} of type {type(thing).__name__}."
    if isinstance(thing, str) and thing in activations.__all__:
        return f"{what} Did you mean Activation({thing!r})?"
    if isinstance(thing, (list, tuple)):
        return f"{what} Put all layers into one list: [*first, *second] joins two."
    if callable(thing):
        return f"{what} Lambda(function) makes a layer of a function."
    return what


objects.HOMES[Sequential] = ("keras", "Sequential", None)
MODELS["Sequential"] = Sequential
