"""Model: a trainable layer, made from a graph of layers or by subclassing."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np

from .. import engine as _engine
from .. import ops
from ..graph import Function, KerasTensor, Node, symbolic
from ..layers.arguments import kind_of, uncalled
from ..layers.core import is_optional
from ..layers.layer import Layer
from ..layers.serialization import MODELS
from ..layers.structures import map_shapes
from ..legacy import OldMethods
from ..legacy.notes import users_level
from ..nested import flatten, map_structure, pack_like
from ..tape import unrecorded
from ..tensor import Tensor
from ..trial import Trial
from ..utils import objects
from ..utils.model_pictures import model_to_dot
from ..utils.naming import auto_name, suggest
from ..utils.progbar import write
from .arrays import as_data
from .config import graph_config, masks_named, model_from_graph
from .mending import beginning, mend_input
from .order import Order, layers_in_order
from .outputs import Outputs
from .stateless import Stateless
from .trainer import Trainer


class Model(OldMethods, Stateless, Trainer, Layer):
    """A network with ``fit``, ``evaluate`` and ``predict``.

    From a graph, functionally:

        inputs = Input(shape=(784,))
        outputs = Dense(10, activation="softmax")(Dense(500, activation="relu")(inputs))
        model = Model(inputs, outputs)

    or by subclassing: make layers in ``__init__`` and use them in ``call(self, inputs,
    training=None)``.

    Args:
        inputs: the symbolic input, or a list or dict of them.
        outputs: the symbolic output, or a list or dict of them.
        name: a name.
        trainable: whether the weights are trained.
        engine: "fast" or "reference"; by default the current engine at each call.
    """

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
        engine: str | None = None,
        **kwargs: Any,
    ) -> None:
        if name is None and inputs is not None and type(self) is Model:
            name = auto_name("Functional")  # as Keras calls a model that is made of a graph
        super().__init__(name=name, trainable=trainable, **kwargs)
        self.engine = None if engine is None else _engine.get(engine).name
        self._function: Function | None = None
        self._added_losses: list[KerasTensor] = []
        self._warned_of_structures: set[str] = set()
        if (inputs is None) != (outputs is None):
            raise ValueError("A functional model needs both `inputs` and `outputs`.")
        if inputs is not None:
            self._make_function(inputs, outputs)
            if not trainable:
                self.trainable = False  # the graph's layers were made before

    # ----------------------------------------------------------------------------------------------
    # Graphs

    def _make_function(self, inputs: Any, outputs: Any) -> None:
        for tensor in flatten(inputs):
            if not isinstance(tensor, KerasTensor):
                raise ValueError(
                    "A model's inputs are symbolic tensors, such as Input(shape=(784,)); got "
                    f"{kind_of(tensor)}."
                )
        for tensor in flatten(outputs):
            if not isinstance(tensor, KerasTensor):
                raise ValueError(
                    "A model's outputs are what layers return when they are called on its inputs; "
                    f"got {kind_of(tensor)}.{uncalled(tensor)}"
                )
        self._function = Function(inputs, outputs)
        self._inputs_structure = inputs
        self._outputs_structure = outputs
        self._sublayers = []
        for layer in self._layers_in_order():
            self._track(layer)
        names = [layer.name for layer in self._layers_in_order()]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"Two layers of the model are called {name!r}: give one of them another "
                    "`name=`."
                )
        self.built = True

    def _check_incomplete(self, what: str) -> None:
        if self._function is None:  # the graph says what layers there are, whatever else is held
            super()._check_incomplete(what)

    def _layers_in_order(self) -> list[Layer]:
        function = self._function
        if function is None:
            return list(self._sublayers)
        return layers_in_order(function.inputs, function.outputs)

    @property
    def layers(self) -> list[Layer]:
        """The model's layers in Keras's order: those farthest from the outputs first."""
        return self._layers_in_order()

    @property
    def inputs(self) -> list[KerasTensor] | None:
        """The symbolic inputs; None for a subclassed model."""
        return None if self._function is None else list(self._function.inputs)

    @property
    def outputs(self) -> list[KerasTensor] | None:
        """The symbolic outputs; None for a subclassed model."""
        return None if self._function is None else flatten(self._function.outputs)

    @property
    def input(self) -> Any:
        return super().input if self._function is None else self._inputs_structure

    @property
    def output(self) -> Any:
        return super().output if self._function is None else self._outputs_structure

    @property
    def input_shape(self) -> Any:
        """The shape of the input; of several inputs a list, however they are nested."""
        return super().input_shape if self._function is None else _shape_of(self.inputs)

    @property
    def output_shape(self) -> Any:
        """The shape of the output; of several outputs a list, however they are nested."""
        return super().output_shape if self._function is None else _shape_of(self.outputs)

    @property
    def input_names(self) -> list[str]:
        return [tensor.name for tensor in self.inputs or ()]

    @property
    def output_names(self) -> list[str]:
        """The name of each output, by which dicts of losses and labels are matched: its key in a
        dict, or else the name of its layer.
        """
        if self._function is None:
            return []
        return Outputs(self._outputs_structure, self._producers).names

    @property
    def _producers(self) -> list[str]:
        """The name of the layer of each output."""
        return [_producer(tensor) for tensor in self.outputs or ()]

    @property
    def operations(self) -> list[Any]:
        """The layers, and what is called outside them, in the order of ``layers``."""
        function = self._function
        if function is None:
            return list(self.layers)
        steps = Order(function.inputs, function.outputs).steps
        return [step.operation if isinstance(step, Node) else step for step in steps]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the layer of that name or number; ValueError if there is none."""
        layers = self.layers
        if (name is None) == (index is None):
            raise ValueError("get_layer takes either a `name` or an `index`.")
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"Model {self.name!r} has {len(layers)} layers; there is no layer number "
                    f"{index}."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise ValueError(
            f"Model {self.name!r} has no layer {name!r}{suggest(name, names) or '.'} Its layers "
            f"are {names}."
        )

    # ----------------------------------------------------------------------------------------------
    # Calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.engine is None:
            return super().__call__(*args, **kwargs)
        with _engine.use(self.engine):
            return super().__call__(*args, **kwargs)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Compute the outputs of a batch."""
        if self._function is None:
            raise NotImplementedError(
                f"{type(self).__name__} has neither a graph, Model(inputs, outputs), nor a method "
                "`call(self, inputs, training=None)`."
            )
        given = self._arrange(inputs, self._function.inputs)
        if mask is not None:
            given = [
                x if m is None or x is None or m is x.mask else _with_mask(x, m)
                for x, m in zip(given, self._masks_in_order(mask), strict=True)
            ]
        if not self._added_losses:
            return _unpacked(self._function.run(given, training))
        both = Function(self._function.inputs, [self._function.outputs, self._added_losses])
        outputs, losses = both.run(given, training)
        super().add_loss([ops.mean(loss) for loss in losses])
        return _unpacked(outputs)

    def add_loss(self, loss: Any) -> None:
        """Add to the loss: a symbolic tensor made from the graph's tensors, which is computed with
        every batch, or from within ``call`` a scalar.
        """
        symbols = [one for one in flatten(loss) if isinstance(one, KerasTensor)]
        if symbols and self._function is None:
            raise ValueError(
                f"Model {self.name!r} has no graph, so it cannot take a symbolic loss: call "
                "add_loss within `call`."
            )
        self._added_losses += symbols
        super().add_loss([one for one in flatten(loss) if not isinstance(one, KerasTensor)])

    def _masks_in_order(self, masks: Any) -> list:
        """The masks of a call, one or None for each of the graph's inputs."""
        if isinstance(masks, dict):
            names = self._names_of_inputs()
            unknown = [name for name in masks if name not in names]
            if unknown:
                raise ValueError(
                    f"Model {self.name!r} has inputs {names}, but a mask was given for "
                    f"{unknown[0]!r}{suggest(unknown[0], names)}."
                )
            return [masks.get(name) for name in names]
        found = flatten(masks)
        if len(found) != len(self.input_names):
            raise ValueError(
                f"Model {self.name!r} has the inputs {self.input_names}, but was called with "
                f"{len(found)} mask{'' if len(found) == 1 else 's'}: pass a list with one mask for "
                "each input, None for no mask."
            )
        return found

    def _names_of_inputs(self) -> list[str]:
        """The names by which a dict gives the inputs."""
        structure = self._inputs_structure
        return list(structure) if isinstance(structure, dict) else self.input_names

    def _arrange(self, inputs: Any, wanted: list[KerasTensor]) -> list:
        """The given inputs as a list in the order of the graph's inputs, ``wanted``, each with the
        rank and dtype that the graph expects.
        """
        if len(wanted) == 1 and isinstance(inputs, Tensor):
            if isinstance(self._inputs_structure, dict):
                self._check_structure(inputs)
            return [self._fit_input(inputs, wanted[0])]
        if not all(x is None or isinstance(x, (Tensor, KerasTensor)) for x in flatten(inputs)):
            inputs = map_structure(
                lambda x: x if x is None else Tensor(x), as_data(inputs, "x", self.takes_text)
            )  # lists of numbers, data frames
        self._check_structure(inputs)
        if isinstance(inputs, dict):
            names = self._names_of_inputs()
            missing = [name for name in names if name not in inputs]
            if missing:
                raise ValueError(
                    f"Model {self.name!r} has inputs {names}, but the given dict lacks {missing}: "
                    f"it has {list(inputs)}."
                )
            inputs = [inputs[name] for name in names]
        given = flatten(inputs)
        if len(given) != len(wanted):
            raise ValueError(
                f"Model {self.name!r} has the inputs {self.input_names}, and was called with "
                f"{len(given)} of them."
            )
        return [self._fit_input(x, tensor) for x, tensor in zip(given, wanted, strict=True)]

    def _check_structure(self, inputs: Any) -> None:
        """Warn, once for each structure, of inputs that are nested unlike the graph's, or have more
        keys; ValueError where their order could be meant in two ways. Lists and tuples are alike.
        """
        expected, single = self._inputs_structure, len(self.input_names) == 1
        by_name, given = isinstance(expected, dict), _nesting(inputs)
        if isinstance(inputs, dict):
            extra = [key for key in inputs if key not in expected] if by_name else []
            if not extra:
                return
            note = f"it was given {extra} as well, which are not used"
        elif given == _nesting(expected) or (
            single and (isinstance(expected, list | tuple) or len(flatten(inputs)) > 1)
        ):
            return
        elif by_name and list(expected) != sorted(expected):
            raise ValueError(
                f"Model {self.name!r} takes a dict with the keys {list(expected)}, but was called "
                f"on a {type(inputs).__name__}: pass a dict, since the order of its inputs is not "
                "alphabetical."
            )
        else:
            shapes = map_structure(lambda x: getattr(x, "shape", x), inputs)
            order = "which is taken for it" if single else "which are taken one after the other"
            note = f"it was called on {shapes}, {order}"
        kind = str(map_structure(lambda x: None, inputs))
        if kind in self._warned_of_structures:
            return
        self._warned_of_structures.add(kind)
        names = pack_like(expected, self.input_names)
        warnings.warn(
            f"Model {self.name!r} expects its input{'s' * (not single)} as {names}; {note}.",
            UserWarning,
            stacklevel=users_level(),
        )

    def widen(self, shape: tuple) -> bool:
        """Whether the model takes an input of this shape, unlike that of its graph."""
        return False

    def _fit_input(self, x: Any, tensor: KerasTensor) -> Any:
        if x is None and is_optional(tensor):
            return None
        if x is None:
            raise ValueError(
                f"Model {self.name!r} was called with None for its input {tensor.name!r}, which is "
                "not optional: pass an array, or make it by Input(..., optional=True)."
            )
        wanted = tensor.shape
        if x.shape[1:] != wanted[1:] or len(x.shape) != len(wanted):
            if len(x.shape) == len(wanted) - 1 and wanted[-1] == 1:
                x = ops.expand_dims(x, -1)  # (N,) for an input of (N, 1)
            elif len(x.shape) == len(wanted) + 1 and x.shape[-1] == 1:
                x = ops.squeeze(x, -1)
            fits = len(x.shape) == len(wanted) and all(
                want is None or have is None or have == want
                for have, want in zip(x.shape[1:], wanted[1:], strict=True)
            )
            if not fits and not self.widen(x.shape):
                have = tuple(x.shape)
                error = ValueError(
                    f"Model {self.name!r} expects its input {tensor.name!r} as {wanted}, but got "
                    f"an array of shape {have}: {mend_input(wanted, have)}{beginning(self.outputs)}"
                )
                vars(error).update(walked=True)
                raise error
        if x.dtype == tensor._dtype or tensor.dtype == "string":
            return x
        cast = ops.cast(x, tensor.dtype)
        cast.mask = x.mask
        return cast

    @property
    def takes_training(self) -> bool:
        return True if self._function is not None else super().takes_training

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs, by running the graph on them."""
        if self._function is None:
            return super().compute_output_spec(*args, **kwargs)
        function = self._function
        given = self._arrange(self._first(args, kwargs), function.inputs)
        pairs = zip(given, function.inputs, strict=True)
        if all(a is not None and a.shape == b.shape for a, b in pairs):
            return map_structure(lambda t: KerasTensor(t.shape, t.dtype), function.outputs)
        return function.infer(given)

    def compute_output_shape(self, input_shape: Any) -> Any:
        inputs = map_shapes(lambda shape: KerasTensor(shape, self.dtype), input_shape)
        known = self._function is not None
        outputs = self.compute_output_spec(inputs) if known else self._infer((inputs,), {})
        return map_structure(lambda t: t.shape, outputs)

    @property
    def makes_mask(self) -> bool:  # type: ignore[override]
        """Whether a layer inside creates a mask."""
        return self._function is not None and self._function.makes_mask

    @property
    def runs_own_code(self) -> bool:
        """Whether a layer inside runs a user's own code."""
        return super().runs_own_code or (
            self._function is not None and self._function.runs_own_code
        )

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The masks of symbolic outputs; other outputs carry their own masks."""
        if self._function is None or not symbolic(inputs):
            return None
        return self._function.masks(self._masks_in_order(previous_mask))

    def _build_from(self, args: tuple, kwargs: dict) -> None:
        if type(self).build is Model.build and any(
            isinstance(x, Tensor) and x.dtype.kind in "OUS" for x in flatten(args)
        ):
            self.built = True  # zeros cannot replace texts, so the first call builds the layers
        else:
            super()._build_from(args, kwargs)

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for an input of this shape, the batch included."""
        if self._function is None and input_shape is not None and not self.built:
            self.built = True  # so that the call does not build again
            with Trial(), unrecorded():
                self(_zeros_for(input_shape))
        self.built = True

    def reset_states(self) -> None:
        """Reset the states of all stateful layers in the model."""
        for layer in self._flatten_layers():
            if layer is not self and getattr(layer, "stateful", False):
                layer.reset_state()  # type: ignore[attr-defined]

    # ----------------------------------------------------------------------------------------------
    # Reports and configs

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
        show_costs: bool = False,
    ) -> None:
        """Print a table of the layers with their output shapes and numbers of weights.

        Args:
            line_length: the table's width; by default 88 characters, or 108 with branches, or what
                the terminal has. Text that does not fit its column is broken.
            positions: where the columns end, as shares of ``line_length`` or in characters.
            print_fn: called with the text instead of ``print``.
            expand_nested: whether to show the layers of nested models.
            show_trainable: whether a column says which layers are trained.
            layer_range: a pair of layer names or of regular expressions for them, the first and the
                last to show.
            show_costs: whether to show the memory of each layer's outputs, the multiply-adds of its
                matrix products and convolutions, both for one sample, and the engine.
        """
        from .summary import summary_text  # here, since a training needs none
        from .summary_table import as_printable

        text = summary_text(
            self, line_length, positions, expand_nested, show_trainable, layer_range, show_costs
        )
        if print_fn is not None:
            print_fn(text)
        else:
            write(as_printable(text))

    def _repr_svg_(self) -> str | None:
        """The picture of the model, which a notebook shows; None before it is built."""
        return self._picture()._repr_svg_() if self.built else None

    def _repr_html_(self) -> str | None:
        """The same in HTML, with a bar to scroll where it is long."""
        if not self.built:
            return None
        picture = self._picture()._repr_html_()
        return f'<div style="max-height: 45em; overflow: auto">{picture}</div>'

    def _picture(self) -> Any:
        return model_to_dot(self, show_shapes=True, show_layer_activations=True).picture

    def get_config(self) -> dict[str, Any]:
        """Return the graph as nested dicts; for a subclassed model, the result of its own
        ``get_config``.
        """
        if self._function is None:
            own = {"name": self.name, "trainable": self.trainable}
            return own if self._given is None else self._given.config(self, own)
        return graph_config(self, self._function)

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes for which a subclassed model was built; a graph has its own."""
        return super().get_build_config() if self._function is None else {"input_shape": None}

    def to_json(self, **kwargs: Any) -> str:
        """Return the structure without the weights as JSON; ``models.model_from_json`` reads it."""
        with masks_named():
            return json.dumps(objects.serialize(self), default=objects.plain, **kwargs)

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        zipped: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the model to a file, ``.keras`` or ``.h5``: see ``saving.save_model``."""
        from . import storage

        storage.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None
    ) -> None:
        """Write the weights to a file, ``.weights.h5`` or ``.safetensors``: see
        ``saving.save_weights``.
        """
        from . import storage

        storage.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read weights from a file; see ``saving.load_weights``."""
        from . import storage

        storage.load_weights(self, filepath, skip_mismatch, **kwargs)

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Write the model, for inference by other programs, as an ONNX file.

        Args:
            filepath: the file.
            format: "onnx", which a name that ends in .onnx implies. Keras's others need other
                programs.
            verbose: whether to print where the file is; False: no.
            input_signature: a list with an ``InputSpec`` (or anything with a shape and a dtype) for
                each input, None for sizes that may vary; by default those of the model's inputs, or
                of its first call.
            opset_version: 18, the operator set of the files.

        Raises:
            ImportError: the package onnx is missing.
            ValueError: the format is another one, the shapes of the inputs are unknown, or a layer
                or operation has no counterpart in ONNX; the message names it and says what to do.
        """
        from ..export import format_of, symbolic_arguments
        from ..export.onnx_file import write_onnx

        format_of(filepath, format)
        write_onnx(self, filepath, symbolic_arguments(self, input_signature), **kwargs)
        if verbose is not False:
            write(f"Saved artifact at '{filepath}'.\n")

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, type] | None = None
    ) -> Model:
        """Return a new model, with new weights, from the result of ``get_config``."""
        if "layers" not in config:
            return cls(**config)
        return model_from_graph(cls, config, custom_objects or {})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


objects.HOMES[Model] = ("keras.src.models.functional", "Functional", "Functional")
MODELS |= {"Model": Model, "Functional": Model}


def _nesting(structure: Any) -> Any:
    """The nesting alone, to be compared; lists and tuples are the same."""
    if isinstance(structure, dict):
        return {key: _nesting(part) for key, part in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_nesting(part) for part in structure]
    return None


def _shape_of(tensors: list[KerasTensor] | None) -> Any:
    return _unpacked([tensor.shape for tensor in tensors or ()])


def _unpacked(outputs: Any) -> Any:
    """The output itself where the outputs are a list of one, as Keras returns it."""
    single = isinstance(outputs, (list, tuple)) and len(outputs) == 1
    return outputs[0] if single else outputs


def _with_mask(x: Tensor, mask: Any) -> Tensor:
    """A copy of the tensor with this mask."""
    same = ops.reshape(x, x.shape)
    same.mask = mask
    return same


def _producer(tensor: KerasTensor) -> str:
    node: Node | None = tensor.node
    return tensor.name if node is None else getattr(node.operation, "name", tensor.name)


def _zeros_for(shape: Any) -> Any:
    """A batch of zeros, with size 1 for unknown sizes; nested shapes give nested arrays."""
    if isinstance(shape, dict):
        return {key: _zeros_for(part) for key, part in shape.items()}
    if any(isinstance(part, (list, tuple)) for part in shape):
        return [_zeros_for(part) for part in shape]
    return np.zeros([1 if size is None else size for size in shape], "float32")
