"""The base of every layer: weights, calls, shapes, masks and losses."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from .. import dtype_policies, graph, ops, regularizers
from ..budget import OBJECT, charge
from ..dtype_policies import DTypePolicy
from ..graph import KerasTensor, Node
from ..nested import flatten, map_structure
from ..scopes import current_scope
from ..slices import counts, open_slice
from ..stateless import StatelessScope, check_values, values_of
from ..tensor import Tensor, Variable
from ..trial import drops_losses, for_good, open_trial
from ..utils.naming import auto_name, public_names
from ..utils.registration import is_builtin
from ..walk import explain
from .arguments import as_mask, with_array
from .context import following, training_is, training_now
from .holder import Holder
from .operation import Operation
from .signatures import (
    BY_NAME_ONLY,
    has_default,
    mask_arguments,
    masked_arguments,
    needed_by,
    parameters_of,
    position_of,
    takes,
)
from .spec import InputSpec
from .structures import fresh, map_shapes, mask_of, one_mask_each, shapes_of
from .telling import tell_call

_TRAINING = frozenset(["training"])
_ARRAYS = (Tensor, np.ndarray)


class Layer(Holder, Operation):
    """A callable with weights: the building block of models.

    A layer of your own overrides ``__init__``, ``build(input_shape)`` (make the weights with
    ``add_weight``) and ``call(inputs)`` (compute with ``diptych.ops``); gradients follow from the
    operations that it uses.

    Args:
        activity_regularizer: a penalty on the outputs, added to the loss.
        trainable: whether its weights, and those of layers inside, are trained; False has the same
            effect as ``layer.trainable = False`` later on.
        dtype: the float type of weights and computation, or a ``DTypePolicy``; by default that of
            ``config.dtype_policy()``.
        autocast: whether float inputs are cast to that type.
        name: a name; by default the class name in snake case with a number.
    """

    # The dtype of the Input that a Sequential puts before it; None: the float type.
    data_dtype: str | None = None

    # Whether layers of this class need no `build`, so that they are built from the start, as in
    # Keras. A subclass with a `build` of its own is built by that.
    weightless = False

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
    ) -> None:
        charge(OBJECT, f"a {type(self).__name__} is one layer too many")
        self._scope = current_scope()
        self._own: list[Variable] = []
        self._sublayers: list[Layer] = []
        self._losses: list[Tensor] = []
        self._nodes: list[Node] = []
        if not isinstance(trainable, bool):
            raise ValueError(
                f"{type(self).__name__} got trainable={trainable!r}; expected True or False."
            )
        self._trainable = trainable
        self.built = self.weightless and type(self).build is Layer.build
        self._build_shapes: Any = None
        self.autocast = autocast
        if not isinstance(name, str | None):
            raise ValueError(f"A layer's name is a text; {type(self).__name__} got name={name!r}.")
        self.name = auto_name(type(self).__name__) if name is None else name
        self.dtype_policy = dtype
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec: Any = None
        self.supports_masking = type(self).compute_mask is not Layer.compute_mask

    @property
    def dtype(self) -> str:
        """The float type of weights and computation, as a string."""
        return graph.name_of(self._dtype)

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        self.dtype_policy = dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The policy that the layer was given; ``dtype`` is what it stands for here."""
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        self._policy = dtype_policies.get(policy)
        self._follow_policy()

    def _follow_policy(self) -> None:
        policy = self._policy
        if isinstance(policy, dtype_policies.DTypePolicyMap):
            policy = policy[self.path]
        self._dtype = graph.dtype_of(dtype_policies.computed_in(policy.compute_dtype))

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights: ``dtype``."""
        return self.dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which float inputs are cast, if ``autocast``: ``dtype``."""
        return self.dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation: ``dtype``."""
        return self.dtype

    # ----------------------------------------------------------------------------------------------
    # To be overridden

    def build(self, input_shape: Any) -> None:
        """Make the weights for this input shape."""
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `call(self, inputs)`.")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output's shape for an input's shape; to be overridden, as in Keras.

        Graphs do without it: ``compute_output_spec`` finds the shape by a call on zeros.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no method `compute_output_shape(self, input_shape)`: write "
            "one, or ask compute_output_spec(KerasTensor(shape)).shape, which tries `call` on "
            "zeros."
        )

    def output_shape_for(self, input_shape: Any) -> Any:
        """The output's shape for an input's shape; without a ``compute_output_shape`` found by a
        call on zeros.
        """
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            return self.compute_output_shape(input_shape)
        inputs = map_shapes(lambda shape: KerasTensor(shape, self.dtype), input_shape)
        return map_structure(lambda t: t.shape, self._infer((inputs,), {}))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the output's mask; by default the input's."""
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, from which ``from_config`` makes an equal layer."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": dtype_policies.serialize(self._policy),
        }
        given = self._given
        if given is not None and is_builtin(type(self).get_config):
            return given.config(self, config)
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        if config.get("quantization_config", "") is None:  # Keras writes it for some layers
            config = {
                name: value for name, value in config.items() if name != "quantization_config"
            }
        return cls(**config)

    def input_hint(self, shape: tuple) -> str:
        """A hint for the error about an input that does not fit."""
        return ""

    # ----------------------------------------------------------------------------------------------
    # Calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], _ARRAYS) and kwargs.keys() <= _TRAINING:
            # Fast path for the common case: no nested structures.
            args = (self._as_input(args[0]),)
        else:
            if len(args) > 1:
                args, kwargs = self._with_training_by_name(args, kwargs)
            args = with_array(self, args)
            if kwargs or len(args) > 1:
                args, kwargs = self._with_masks(args, kwargs)
            if inputs := graph.symbolic((args, kwargs)):
                try:
                    return self._symbolic_call(args, kwargs)
                except Exception as error:
                    explain(error, self, inputs)
                    raise
            args = map_structure(self._as_input, args)
            kwargs = {key: map_structure(self._as_input, value) for key, value in kwargs.items()}
        outer = training_now.get()
        training = self._resolve_training(args, kwargs, outer)
        if self.input_spec is not None:
            self._check_input(args or self._first_by_name(kwargs))
        is_new = not self.built
        if is_new:
            self._build_from(args, kwargs)
        token = training_now.set(training)
        try:
            if outer == "outside":
                self._clear_losses()
            outputs = self._call_with_mask(args, kwargs)
        except Exception as error:
            tell_call(self, error, args, outer == "outside")
            raise
        finally:
            training_now.reset(token)
        if is_new:
            self._complete()
        return outputs

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """Call the layer with other values of its variables, which stay as they are.

        Args:
            trainable_variables, non_trainable_variables: the values, in the order of the
                attributes of these names.
            return_losses: whether ``losses`` is returned too.
            args, kwargs: those of the call.

        Returns:
            The outputs, the new values of the non-trainable variables, and the losses if asked for.

        Raises:
            ValueError: the layer is not built, or the values are not one for each variable.
        """
        if not self.built:
            raise ValueError(
                f"Layer {self.name!r} has no variables yet: call it, or build(), before "
                "stateless_call()."
            )
        others = self.non_trainable_variables
        pairs = check_values(
            self, "trainable_variables", trainable_variables, self.trainable_variables
        ) + check_values(self, "non_trainable_variables", non_trainable_variables, others)
        with StatelessScope(pairs):
            outputs = self(*args, **kwargs)
            new, losses = values_of(others), self.losses
            self._clear_losses()
        return (outputs, new, losses) if return_losses else (outputs, new)

    def add_metric(self, *args: Any, **kwargs: Any) -> None:
        """Not there any more, as in Keras 3: NotImplementedError says what is."""
        raise NotImplementedError(
            f"Layer {self.name!r}: add_metric() went with Keras 2. Pass metrics to "
            "compile(metrics=[...]); or make a metric an attribute of the layer and call its "
            "update_state() in `call`."
        )

    def _with_training_by_name(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments of a call, with `training` and those after it passed by name."""
        parameters = parameters_of(type(self), "call")
        position = parameters.get("training", BY_NAME_ONLY)
        if position < len(args) <= len(parameters):
            names = list(parameters)[position:]
            kwargs = {**dict(zip(names, args[position:], strict=False)), **kwargs}
            args = args[:position]
        return args, kwargs

    def _with_masks(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments of a call, with masks as arrays."""
        parts, kwargs = list(args), dict(kwargs)
        for name, position in mask_arguments(type(self)).items():
            if name in kwargs:
                kwargs[name] = as_mask(self, name, kwargs[name])
            elif position is not None and position < len(parts):
                parts[position] = as_mask(self, name, parts[position])
        return tuple(parts), kwargs

    def _call_with_mask(self, args: tuple, kwargs: dict, call: Callable | None = None) -> Any:
        """Call ``call``, by default the layer's, with masks, and give the outputs theirs."""
        first = self._first(args, kwargs)
        masks = first.mask if isinstance(first, Tensor) else map_structure(mask_of, first)
        for name, its_mask, position in masked_arguments(type(self)):
            if kwargs.get(its_mask) is None and len(args) <= position_of(type(self), its_mask):
                x = args[position] if position < len(args) else kwargs.get(name)
                kwargs[its_mask] = map_structure(mask_of, x)
        masked = masks is not None and any(mask is not None for mask in flatten(masks))
        given = self._mask_given(args, kwargs)
        if given is not None:  # a mask given with the call applies to the output too
            masks, masked = given, True
        elif masked and self._may_add_mask(args, kwargs):
            kwargs["mask"] = masks
        outputs = (call or self.call)(*args, **kwargs)
        if self.activity_regularizer is not None and counts():
            self._penalise_activity(outputs)
        if masked or self.makes_mask:
            self._pass_mask_on(first, masks, masked, outputs)
        return outputs

    def _mask_given(self, args: tuple, kwargs: dict) -> Any:
        """The argument `mask` of a call, given by position or by name."""
        position = mask_arguments(type(self))["mask"]
        if position is not None and position < len(args):
            return args[position]
        return kwargs.get("mask")

    def _may_add_mask(self, args: tuple, kwargs: dict) -> bool:
        """Whether ``call`` takes a mask, and none was given by position."""
        position = mask_arguments(type(self))["mask"]
        return position is not None and len(args) <= position and kwargs.get("mask") is None

    def _first(self, args: tuple, kwargs: dict) -> Any:
        """The first argument of a call, which may have been given by name."""
        return next(iter(args or self._first_by_name(kwargs)), None)

    def _first_by_name(self, kwargs: dict) -> tuple:
        """The first argument of a call as a tuple of one, if all were given by name; or ()."""
        name = next(iter(parameters_of(type(self), "call")), "")
        return (kwargs[name],) if name in kwargs else ()

    # Whether call depends on its input and weights alone: always (pure) or except in training
    # (pure_in_prediction). Each class has to declare it; it is not inherited.
    pure = False
    pure_in_prediction = False
    # Whether that is so with masks as well, where `call` takes one. It is not inherited either.
    pure_with_masks = False
    # Whether compute_mask may create a mask (Embedding, Masking); a user's own always may.
    makes_mask = False
    # Whether the output has the entries of the input elsewhere, so that integers stay integers.
    moves_only = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            setattr(cls, "build", _that_marks_as_built(vars(cls)["build"]))  # noqa: B010 - for mypy
        if not is_builtin(cls.compute_mask):
            cls.makes_mask = True

    @property
    def runs_own_code(self) -> bool:
        """Whether ``call`` is a user's own, which may return a tensor with the mask of a layer
        inside.
        """
        return "call" in vars(self) or not is_builtin(type(self).call)

    def _pass_mask_on(self, inputs: Any, masks: Any, masked: bool, outputs: Any) -> None:
        if not self.supports_masking:
            if masked:
                warnings.warn(
                    f"Layer {self.name!r} ({type(self).__name__}) was called on an input with a "
                    "mask, but does not support masking: the layers after it, the loss and the "
                    "metrics will count every step. In a layer of your own, set "
                    "self.supports_masking = True if the mask is valid for the output as well.",
                    stacklevel=2,
                )
            return
        mask = self.compute_mask(inputs, masks)
        if mask is None:
            return
        for tensor, its_mask in zip(flatten(outputs), one_mask_each(mask, outputs), strict=True):
            if isinstance(tensor, (Tensor, KerasTensor)) and tensor.mask is None:
                tensor.mask = its_mask

    def _resolve_training(self, args: tuple, kwargs: dict, outer: Any) -> Any:
        """The call's own `training` comes first, then that of the enclosing call. If neither is
        given, each layer uses the default of its `call`; random image layers are then active, as in
        Keras. A None that the caller wrote, in `layer(x, training=None)`, is handed on.
        """
        training = kwargs.get("training")
        takes_it = takes(type(self), "training")
        if not takes_it:
            kwargs.pop("training", None)  # meant for the layers inside, not for this call
        if training is None:
            training = None if outer == "outside" else outer
            if takes_it and len(args) <= position_of(type(self), "training"):
                if training is not None or not has_default(type(self), "training"):
                    kwargs["training"] = bool(training)
        return training

    def _as_input(self, x: Any) -> Any:
        if isinstance(x, Tensor):
            dtype = x.array.dtype
            if (
                dtype is not self._dtype
                and self.autocast
                and dtype.kind == "f"
                and dtype != self._dtype
            ):
                mask, x = x.mask, ops.cast(x, self.dtype)
                x.mask = mask
            return x
        if isinstance(x, (np.ndarray, np.generic)):
            if self.autocast and x.dtype.kind == "f":
                x = x.astype(self._dtype, copy=False)
            return Tensor(np.asarray(x))
        return x

    def _check_input(self, args: tuple) -> None:
        if not args:
            return
        specs = self.input_spec
        if isinstance(args[0], dict) and isinstance(specs, InputSpec):
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) expects one input, but was called on "
                f"a dict of {list(args[0])}: pass one of them, such as "
                f"inputs[{next(iter(args[0]), 'name')!r}]."
            )
        inputs = flatten(args[0]) if isinstance(args[0], (list, tuple)) else [args[0]]
        specs = specs if isinstance(specs, (list, tuple)) else [specs]
        if len(specs) != len(inputs):
            many = "one input" if len(specs) == 1 else f"{len(specs)} inputs"
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) expects {many}, but was called on a "
                f"list of {len(inputs)}."
            )
        for spec, x in zip(specs, inputs, strict=True):
            shape = getattr(x, "shape", None)
            if shape is not None:
                spec.check(self, tuple(shape))

    def _shapes_by_name(self, method: str, args: tuple, kwargs: dict) -> Any:
        """The shapes of the call's arguments for a method that takes several shapes; None for a
        method that takes one.
        """
        needed = needed_by(type(self), method)
        parameters = parameters_of(type(self), method)
        named = [p for p in parameters if p.endswith("_shape") and p != "input_shape"]
        several = named and len(parameters) > 1 and next(iter(parameters)) != "input_shape"
        if len(needed) < 2 and not several:
            return None
        bound = inspect.signature(self.call).bind_partial(*args, **kwargs).arguments
        shapes = {
            p: shapes_of(bound[p.removesuffix("_shape")])
            for p in named
            if p.removesuffix("_shape") in bound
        }
        unknown = [p for p in needed if p not in shapes]
        if unknown:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}): {method}({', '.join(parameters)}) "
                "has several arguments, so each has to be named after an argument of `call`, with "
                f"_shape at its end. {unknown[0]!r} is not: `call` was given {', '.join(bound)}."
            )
        return shapes

    def _build_from(self, args: tuple, kwargs: dict) -> None:
        """Call ``build`` with the shape of the first argument, or with all shapes that are
        parameters of ``build``.
        """
        with for_good():
            self._build_with_shapes(args, kwargs)
        trial = open_trial.get()
        if trial is not None:
            trial.built.append(self)

    def forget_rows(self, rows: int) -> None:
        """Note None where `build` was told of so many rows: a trial took them for any batch."""
        self._build_shapes = map_shapes(
            lambda shape: (None, *shape[1:]) if shape[:1] == (rows,) else shape, self._build_shapes
        )

    def _build_with_shapes(self, args: tuple, kwargs: dict) -> None:
        shapes = self._shapes_by_name("build", args, kwargs)
        if shapes is not None:
            self.build(**shapes)
        else:
            first = args or self._first_by_name(kwargs)
            shapes = shapes_of(first[0]) if first else None
            self.build(*[shapes] * bool(parameters_of(type(self), "build")))
        self._build_shapes = shapes
        self.built = True
        if type(self).build is not Layer.build or all(layer.built for layer in self._sublayers):
            self._complete()  # otherwise after the first call, which builds the layers
        weights = vars(self).pop("_first_weights", None)  # from the old argument `weights`
        if weights is not None:
            self.set_weights(weights)

    def _symbolic_call(self, args: tuple, kwargs: dict) -> Any:
        if self.input_spec is not None:
            self._check_input(args or self._first_by_name(kwargs))
        is_new = not self.built
        if is_new:
            self._build_from(args, kwargs)
        follow = following.get()
        if follow is not None:
            return follow(self, args, kwargs)
        outputs = self.compute_output_spec(*args, **kwargs)
        if is_new:
            self._complete()
        outputs = map_structure(fresh, outputs)
        node = Node(self, args, kwargs, outputs)
        self._nodes.append(node)
        first, masks = self._first(args, kwargs), self._mask_given(args, kwargs)
        if masks is None:
            masks = map_structure(mask_of, first)
        masked = any(mask is not None for mask in flatten(masks))
        if masked or self.makes_mask:
            self._pass_mask_on(first, masks, masked, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs."""
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            shapes = self._shapes_by_name("compute_output_shape", args, kwargs)
            first, dtype = self._first(args, kwargs), self.dtype
            if shapes is None:
                shape = self.compute_output_shape(shapes_of(first))
            else:
                shape = self.compute_output_shape(**shapes)
            if self.moves_only and "float" not in first.dtype:
                dtype = first.dtype
            return map_shapes(lambda s: KerasTensor(s, dtype), shape)
        return self._infer(args, kwargs)

    def _infer(self, args: tuple, kwargs: dict) -> Any:
        masks = map_structure(mask_of, self._first(args, kwargs))
        if graph.symbolic(masks) and self._may_add_mask(args, kwargs):
            kwargs = {**kwargs, "mask": masks}
        try:
            with training_is(False):
                return graph.infer_outputs(self.call, args, kwargs)
        except Exception as error:
            explain(error, self, graph.symbolic((args, kwargs)))
            shapes = shapes_of(args[0]) if args else None
            note = f"Layer {self.name!r} was tried on zeros of shape {shapes} to find its output."
            error.args = (f"{error.args[0]}\n{note}" if error.args else note, *error.args[1:])
            raise

    @property
    def takes_training(self) -> bool:
        return takes(type(self), "training")

    def replay(self, node: Node) -> Callable:
        """Return the function that a graph should call: ``call`` itself if ``__call__`` would add
        nothing.
        """
        plain = (
            type(self).__call__ is Layer.__call__
            and self.activity_regularizer is None
            and not self.makes_mask
            and all(tensor.mask is None for tensor in node.inputs)
            and all(tensor.mask is None for tensor in flatten(node.outputs))
            and all(
                tensor.dtype == self.dtype or "float" not in tensor.dtype for tensor in node.inputs
            )
        )
        return self.call if plain else self

    # ----------------------------------------------------------------------------------------------
    # Losses that layers add

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to the loss of the model, from within ``call``.

        Raises:
            ValueError: it is no number.
        """
        if drops_losses():
            return
        if open_slice() is not None:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) calls add_loss. Where processes "
                "share a training, each sees a part of the rows, and whether such a loss is a mean "
                "or a sum over them is not known. Make it a part of the loss that compile() is "
                "given, or an activity_regularizer."
            )
        for one in flatten(loss):
            if callable(one) and not isinstance(one, Tensor):
                raise ValueError(
                    f"Layer {self.name!r}: add_loss() takes a tensor or a number, and not a "
                    f"function; got {one!r}. Call it in `call`, and add what it returns."
                )
            self._losses.append(
                one if isinstance(one, Tensor) else Tensor(np.asarray(one, self.dtype))
            )

    def _penalise_activity(self, outputs: Any) -> None:
        for output in flatten(outputs):
            batch, part = max(output.shape[0], 1) if output.ndim else 1, open_slice()
            if part is None:
                self.add_loss(ops.divide(self.activity_regularizer(output), float(batch)))
                continue
            if type(self.activity_regularizer) not in _SUMS:
                raise ValueError(
                    f"Layer {self.name!r} has an activity_regularizer of its own kind. Where "
                    "processes share a training, it has to be a sum over the rows: L1, L2 or L1L2."
                )
            batch = part.whole(output.shape[:1], "An output with an activity_regularizer")
            part.losses.append(ops.divide(self.activity_regularizer(output), float(batch)))

    def _clear_losses(self) -> None:
        if drops_losses():
            return
        for layer in self._cached("layers", lambda: list(self._flatten_layers())):
            if layer._losses:
                layer._losses.clear()

    @property
    def losses(self) -> list[Tensor]:
        """The scalars that layers added in the last call, and the penalties on weights."""
        layers = self._cached("layers", lambda: list(self._flatten_layers()))
        added = [loss for layer in layers for loss in layer._losses]
        return added + [v.regularizer(v) for v in self._penalised()]

    def _penalised(self) -> list[Variable]:
        """The trained weights with a regularizer."""
        return self._cached(
            "penalised", lambda: [v for v in self.trainable_variables if v.regularizer is not None]
        )

    # ----------------------------------------------------------------------------------------------
    # Symbolic inputs and outputs

    @property
    def input_shape(self) -> Any:
        return map_structure(lambda t: t.shape, self.input)

    @property
    def output_shape(self) -> Any:
        return map_structure(lambda t: t.shape, self.output)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    __dir__ = public_names


_SUMS = (regularizers.L1, regularizers.L2, regularizers.L1L2)  # penalties that add up


def _that_marks_as_built(build: Callable) -> Callable:
    """A ``build`` after which the layer is built, whether it says so or not, and knows for what."""

    @wraps(build)
    def marking(self: Layer, *args: Any, **kwargs: Any) -> None:
        before = self._build_shapes
        if before is None:  # and not within the build of a subclass, which may pass other shapes
            given = dict(zip(parameters_of(type(self), "build"), args, strict=False)) | kwargs
            self._build_shapes = given if len(given) > 1 else next(iter(given.values()), None)
        try:
            build(self, *args, **kwargs)
        except BaseException:
            self._build_shapes = before
            raise
        if not self.built:
            self.built = True
        if build is getattr(type(self).build, "__wrapped__", None):  # not called by super()
            self._complete()

    return marking
