"""What a layer holds: variables, layers, metrics and generators of random numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import constraints, initializers, regularizers
from ..budget import from_file
from ..dtype_policies import computed_in
from ..legacy import accepts_old_order
from ..nested import flatten
from ..promotion import dtype_named
from ..random import SeedGenerator
from ..tensor import Structure, Variable
from ..trial import for_good
from ..utils import standardize_dtype
from .signatures import parameters_of
from .structures import map_shapes
from .tracking import tracked

# Attributes of layers and models that are bookkeeping and not tracked as sublayers.
_INTERNAL = frozenset(
    [
        "_own",
        "_sublayers",
        "_losses",
        "_nodes",
        "_stack",
        "_between",
        "_inputs_structure",
        "_outputs_structure",
        "_added_losses",
        "_build_shapes",
        "_replays",
        "_fitted",
        "stop_training",
        "stop_evaluating",
        "stop_predicting",
    ]
)

# Types of values that hold nothing to track.
_PLAIN = frozenset([type(None), bool, int, float, str])

# Attributes in which no metrics and seed generators of one's own are looked for.
_UNSEARCHED = frozenset(["_lists", "_own", "_sublayers", "_loss_mean"])


def _is_metric(value: Any) -> bool:
    if not hasattr(value, "update_state") or isinstance(value, type):
        return False
    return hasattr(value, "result")  # which a layer with `adapt` has not


class Holder:
    """The part of ``Layer`` that keeps its state: weights of its own, and the layers in it."""

    name: str
    built: bool
    dtype: Any  # a property of Layer
    weightless: bool
    pure: bool
    pure_in_prediction: bool
    _own: list[Variable]
    _sublayers: list[Any]
    _trainable: bool
    _scope: str
    _build_shapes: Any
    _follow_policy: Callable[[], None]
    build: Callable[..., None]
    _is_complete = False  # whether no more weights and layers may come

    @accepts_old_order
    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a weight of this layer.

        Args:
            shape: a tuple; () for a scalar, which is the default.
            initializer: a name, an ``Initializer``, or a function of shape and dtype; Glorot
                uniform by default.
            dtype: by default the layer's.
            trainable: False for a state that no optimizer should update.
            regularizer: a penalty on its values, added to the loss.
            constraint: applied to its values after each update.
            name: the last part of its path.
            autocast, aggregation, overwrite_with_gradient: accepted for Keras's sake; without
                effect on one CPU.
        """
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        self._check_incomplete(f"the weight {name!r}")
        if any(size is None for size in shape):
            raise ValueError(
                f"Layer {self.name!r} needs a weight {name!r} of shape {shape}, in which a size is "
                "unknown. Give the input's full shape (without the batch), for instance "
                "Input(shape=(784,))."
            )
        dtype = dtype_named(computed_in(standardize_dtype(dtype or self.dtype)))
        if from_file.get() is not None:  # the values come from there
            initializer = "zeros"
        if initializer is None:
            initializer = "glorot_uniform" if dtype.kind == "f" else "zeros"
        with for_good():
            variable = Variable(
                initializers.get(initializer), shape, dtype, trainable=trainable, name=name
            )
        variable.path = f"{self.path}/{variable.name}"
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._track_all(variable)
        return variable

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a weight of this layer: ``add_weight`` under another name."""
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            trainable=trainable,
            autocast=autocast,
            regularizer=regularizer,
            constraint=constraint,
            name=name,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _INTERNAL:
            if type(value) not in _PLAIN:
                value = self._follow(name, value)
            cls = type(self)
            if (cls.pure or cls.pure_in_prediction) and self.__dict__.get("built"):
                Structure.version += 1  # recorded steps are no longer valid
        object.__setattr__(self, name, value)

    def _follow(self, name: str, value: Any) -> Any:
        """Keep track of what a new attribute holds; return it, lists and dicts as such that tell
        when they change.
        """
        if isinstance(value, (Variable, Holder, list, tuple, dict)):
            value = tracked(value, self)
            self._track_all(value)
        elif callable(getattr(type(self), name, None)):  # a method of one's own, or another class
            Structure.version += 1
        elif (isinstance(value, SeedGenerator) or _is_metric(value)) and name not in _UNSEARCHED:
            self._check_incomplete(f"the attribute {name!r}, a {type(value).__name__}")
            Structure.version += 1
        return value

    def __delattr__(self, name: str) -> None:
        value = vars(self).get(name)
        object.__delattr__(self, name)
        for mine in (self._own, self._sublayers):
            mine[:] = [part for part in mine if part is not value]
        Structure.version += 1

    def _complete(self) -> None:
        """From now on there may be no more weights and layers."""
        object.__setattr__(self, "_is_complete", True)

    def _check_incomplete(self, what: str) -> None:
        """Raise a ValueError if ``what`` comes too late to belong to this layer."""
        if self._is_complete:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) is built, so that {what} comes too "
                "late: weights, layers, metrics and seed generators are made in __init__ or in "
                "build(), so that optimizers and files know of them. Inside `call` only use them."
            )

    def _track_all(self, value: Any) -> None:
        """Track the variables and layers among nested values."""
        for part in flatten(value):
            if isinstance(part, (Variable, Holder)) and self._track(part) and not self._trainable:
                part.trainable = False

    def _track(self, part: Variable | Holder) -> bool:
        """Track a variable or layer; return whether it is new here."""
        try:
            mine: list = self._own if isinstance(part, Variable) else self._sublayers
        except AttributeError:
            raise RuntimeError(
                f"In the constructor of {type(self).__name__}, call super().__init__() before "
                "setting attributes."
            ) from None
        if any(part is other for other in mine):
            return False
        self._check_incomplete(f"{type(part).__name__} {part.name!r}")
        mine.append(part)
        Structure.version += 1
        if isinstance(part, Holder):
            part._move_under(self.path)
        return True

    @property
    def path(self) -> str:
        """The names of the layers around this one and its own, the prefix of its weights' paths."""
        return f"{self._scope}/{self.name}" if self._scope else self.name

    def _move_under(self, scope: str) -> None:
        """Record the layer around this one, unless there are weights already: their paths stay."""
        if not self.built or self.weightless:
            self._scope = scope
            self._follow_policy()
            for layer in self._sublayers:
                layer._move_under(self.path)

    def _flatten_layers(self) -> Iterator[Any]:
        """This layer and all below it, each once, parents first."""
        seen: set[int] = set()
        stack: list[Any] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                stack.extend(reversed(layer._sublayers))

    def _cached(self, what: str, find: Callable[[], list]) -> list:
        """The list that ``find()`` returns, cached until the structure changes."""
        cached: tuple[int, dict[str, list]] | None = self.__dict__.get("_lists")
        if cached is None or cached[0] != Structure.version:
            cached = (Structure.version, {})
            object.__setattr__(self, "_lists", cached)
        if what not in cached[1]:
            cached[1][what] = find()
        return cached[1][what]

    def _weights_in_order(self) -> list[Variable]:
        found: dict[int, Variable] = {}
        for layer in self._flatten_layers():
            for variable in sorted(layer._own, key=lambda v: v.is_state):
                found.setdefault(id(variable), variable)
        return list(found.values())

    def _held(self, is_wanted: Callable[[Any], bool]) -> list:
        """What attributes of this layer and the layers in it hold, each once."""
        found = {
            id(value): value
            for layer in self._flatten_layers()
            for name, attribute in vars(layer).items()
            if name not in _UNSEARCHED
            for value in flatten(attribute)
            if is_wanted(value)
        }
        return list(found.values())

    @property
    def variables(self) -> list[Variable]:
        """Every variable of this layer and the layers in it: the weights, then the states of seed
        generators.
        """
        return self.weights + self._cached("seeds", self._seed_states)

    def _seed_states(self) -> list[Variable]:
        return [held.state for held in self._held(lambda x: isinstance(x, SeedGenerator))]

    @property
    def metrics(self) -> list:
        """The metrics that this layer and the layers in it hold as attributes."""
        return list(self._cached("metrics", lambda: self._held(_is_metric)))

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of ``metrics``."""
        return [variable for metric in self.metrics for variable in metric.variables]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that an optimizer updates: none if this layer is not trainable, otherwise
        the trainable ones, also of the layers in it.
        """
        return list(
            self._cached(
                "trainable", lambda: [v for v in self.weights if v.trainable and self._trainable]
            )
        )

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that no optimizer updates: frozen weights, and states."""
        return self.non_trainable_weights + self._cached("seeds", self._seed_states)

    @property
    def weights(self) -> list[Variable]:
        """The weights of this layer and the layers in it, in the order of ``get_weights``."""
        return list(self._cached("weights", self._weights_in_order))

    @property
    def trainable_weights(self) -> list[Variable]:
        return self.trainable_variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return list(
            self._cached(
                "frozen",
                lambda: [v for v in self.weights if not (v.trainable and self._trainable)],
            )
        )

    @property
    def trainable(self) -> bool:
        """Whether the weights are trained. Setting it does so for all layers inside as well, and
        for weights and layers that are made later; a layer inside may be set otherwise afterwards.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        object.__setattr__(self, "_trainable", value)
        for variable in self._own:
            if not variable.is_state:
                variable.trainable = value
        for layer in self._sublayers:
            layer.trainable = value
        Structure.version += 1

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights, in the order of ``weights``."""
        return [variable.array.copy() for variable in self.weights]

    def set_weights(self, weights: list) -> None:
        """Copy arrays into the weights, in the order of ``weights``. If one does not fit, none is
        copied.
        """
        mine = self.weights
        if len(weights) != len(mine):
            raise ValueError(
                f"Layer {self.name!r} has {len(mine)} weights, but set_weights got {len(weights)}. "
                f"Expected shapes, in order: {[f'{v.path} {v.shape}' for v in mine]}."
            )
        arrays = [np.asarray(w) for w in weights]
        for variable, array in zip(mine, arrays, strict=True):
            if array.shape != variable.shape:
                raise ValueError(
                    f"Layer {self.name!r}: weight {variable.path!r} has shape {variable.shape}, "
                    f"and the array for it has shape {array.shape}."
                )
        for variable, array in zip(mine, arrays, strict=True):
            variable.assign(array)

    def save_own_variables(self, store: Any) -> None:
        """Put this layer's own weights, without those of layers in it, into a mapping of names to
        arrays; override it together with ``load_own_variables``.
        """
        for i, variable in enumerate(sorted(self._own, key=lambda v: v.is_state)):
            store[str(i)] = variable.array

    def load_own_variables(self, store: Any) -> None:
        """Set this layer's own weights to those of a mapping that ``save_own_variables`` filled.

        Raises:
            ValueError: it has another number of weights than the layer, or one of another shape.
        """
        own = sorted(self._own, key=lambda v: v.is_state)
        if len(store.keys()) != len(own):
            names = [variable.name for variable in own]
            raise ValueError(
                f"Layer {self.name!r} has {len(own)} weights of its own, {names}, but was given "
                f"{len(store.keys())}: {list(store.keys())}."
                + ("" if self.built else " It was not built: call it, or build(), before.")
            )
        for i, variable in enumerate(own):
            variable.assign(store[str(i)])

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes for which ``build`` made the weights; None before that."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        # A dict has the shapes of several arguments of `build`, or is the shape of a nested input.
        cls: Any = type(self)
        by_name = isinstance(shapes, dict) and shapes.keys() <= set(parameters_of(cls, "build"))
        return {"shapes_dict" if by_name else "input_shape": shapes}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Make the weights for the shapes that ``get_build_config`` returned."""
        if config.get("shapes_dict"):
            shapes = map_shapes(tuple, config["shapes_dict"])
            self.build(**shapes)
        elif config.get("input_shape") is not None:
            shapes = map_shapes(tuple, config["input_shape"])
            self.build(shapes)
        else:
            return
        self._build_shapes = shapes
        self.built = True

    def count_params(self) -> int:
        """Return the number of entries of all weights."""
        if not self.built:
            raise ValueError(
                f"Layer {self.name!r} has no weights yet: its input's shape is unknown. Call it, "
                "or call build()."
            )
        return sum(variable.size for variable in self.weights)
