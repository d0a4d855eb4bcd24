"""Symbolic tensors and the graph of calls behind a functional model.

Calling a layer or an operation on a ``KerasTensor`` computes nothing: it creates a ``Node``, which
records the call, and returns new symbolic tensors. ``Function`` walks from outputs back to inputs
once, puts the nodes in order, and replays them on real tensors.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from . import config
from .nested import flatten, map_structure, pack_like
from .promotion import dtype_named
from .tape import unrecorded
from .tensor import Structure, Tensor, is_symbolic
from .trial import Trial
from .walk import explain

_names = itertools.count(1)


def as_shape(shape: Any) -> tuple[int | None, ...]:
    """A shape as a tuple of whole numbers from 0 upwards, and None.

    Raises:
        ValueError: it is none.
    """
    try:
        sizes = tuple(None if size is None else operator.index(size) for size in shape)
    except TypeError:
        sizes = (-1,)
    if any(size is not None and size < 0 for size in sizes):
        raise ValueError(
            f"A shape is a tuple of whole numbers from 0 upwards, and of None where a size is not "
            f"known, such as (None, 3); got {shape!r}."
        )
    return sizes


class KerasTensor:
    """A tensor with a shape and a dtype and no values: the output of a layer before any data came.

    ``None`` in the shape stands for a size that is known only with the data, such as the batch
    size. ``record_history`` is accepted for Keras's sake; ``sparse`` and ``ragged`` are refused.
    """

    is_symbolic = True
    __array_ufunc__: ClassVar[Callable]  # set by ops.numpy_protocol
    __array_function__: ClassVar[Callable]

    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ) -> None:
        if sparse or ragged:
            raise ValueError("diptych has no sparse and ragged tensors: use dense arrays.")
        self.shape = as_shape(shape)
        self.dtype = dtype or config.floatx()
        self.name = name or f"keras_tensor_{next(_names)}"
        self.node: Node | None = None  # the call that made it, and which of its outputs this is
        self.index = 0
        self.mask: KerasTensor | None = None
        self.logits = None

    @property
    def dtype(self) -> str:
        """The dtype of the values to come, as a string; "string" where they are texts."""
        return name_of(self._dtype)

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        self._dtype = dtype_of(dtype)

    @property
    def _keras_mask(self) -> KerasTensor | None:
        """``mask``, by the name that scripts for Keras read."""
        return self.mask

    @_keras_mask.setter
    def _keras_mask(self, mask: KerasTensor | None) -> None:
        self.mask = mask

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise ValueError(
            f"{self.name} is symbolic: it has a shape, {self.shape}, but no values, so NumPy "
            "functions cannot take it. Use diptych.ops, or a Lambda layer around the NumPy "
            "function."
        )

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self.name} is symbolic: it has no values, so it is neither true nor false."
        )

    def __iter__(self) -> Iterator:
        raise NotImplementedError(
            f"{self.name} is symbolic and cannot be iterated over; use ops.unstack."
        )

    def _no_number(self) -> Any:
        raise ValueError(
            f"{self.name} is symbolic: it has no values, so no number can be made of it. Compute "
            "with ops, or with numbers once the model is called on data."
        )

    __int__ = __float__ = __complex__ = _no_number

    @staticmethod
    def record(
        operation: Callable, args: tuple, kwargs: dict, shape: Any = None, dtype: Any = None
    ) -> Any:
        """Record a call of ``operation`` on symbolic tensors, and return its symbolic outputs.

        Args:
            operation: what is called.
            args, kwargs: the arguments, with symbolic tensors among them.
            shape: the shape of the output, or a list of shapes; None: tried on zeros.
            dtype: its dtype, or a list of dtypes.
        """
        if shape is None:
            return record(operation, args, kwargs, infer_outputs(operation, args, kwargs))
        if not isinstance(shape, list):
            return record(operation, args, kwargs, KerasTensor(shape, dtype))
        dtypes = dtype if isinstance(dtype, list) else [dtype] * len(shape)
        return record(operation, args, kwargs, list(map(KerasTensor, shape, dtypes)))

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def dtype_of(dtype: Any) -> np.dtype:
    """A dtype from its name or a Keras policy of one dtype; "string", for texts, is object."""
    if isinstance(dtype, dict) and dtype.get("class_name") == "DTypePolicy":
        dtype = dtype["config"]["name"]
    if isinstance(dtype, np.dtype):
        return dtype
    return np.dtype(object) if dtype in ("string", str) else dtype_named(dtype)


@lru_cache  # NumPy puts the name together anew each time
def name_of(dtype: np.dtype) -> str:
    """The name that `dtype_of` reads."""
    return "string" if dtype.kind in "OUS" else dtype.name


class Node:
    """One call: the operation, its arguments with symbolic tensors among them, and the symbolic
    outputs.
    """

    def __init__(self, operation: Any, args: tuple, kwargs: dict, outputs: Any) -> None:
        self.operation = operation
        # Copies of the lists: their owner may add to them later.
        self.args, self.kwargs = map_structure(lambda leaf: leaf, (args, kwargs))
        self.outputs = outputs
        self.inputs = list(symbolic(args)) + list(symbolic(kwargs))
        for index, tensor in enumerate(flatten(outputs)):
            tensor.node = self
            tensor.index = index

    @property
    def is_input(self) -> bool:
        return not self.inputs

    def __repr__(self) -> str:
        return f"<Node {getattr(self.operation, 'name', self.operation)} -> {self.outputs}>"


def symbolic(structure: Any) -> list[KerasTensor]:
    """Return the symbolic tensors in a nested structure."""
    return [leaf for leaf in flatten(structure) if isinstance(leaf, KerasTensor)]


# --------------------------------------------------------------------------------------------------
# Operations on symbolic tensors


def record(operation: Any, args: tuple, kwargs: dict, outputs: Any) -> Any:
    """Record that a call of ``operation`` with these arguments returns these symbolic outputs."""
    Node(operation, args, kwargs, outputs)
    return outputs


def infer_outputs(function: Callable, args: tuple, kwargs: dict) -> Any:
    """Find shapes and dtypes by calling ``function`` on zeros, twice, with two sizes in the place
    of each ``None``.

    A size that is the same both times is fixed; one that changes is unknown. This is for functions
    that users write; operations have rules. The calls are a ``Trial``, which leaves no trace.
    Values do not matter, such as log(0).
    """
    with Trial() as trial, unrecorded(), np.errstate(all="ignore"):
        first, second = (
            function(*_zeros(args, unknown), **_zeros(kwargs, unknown)) for unknown in (2, 3)
        )
    given = [leaf for leaf in flatten((args, kwargs)) if isinstance(leaf, KerasTensor)]
    if all(leaf.shape[:1] == (None,) for leaf in given):
        for layer in trial.built:
            layer.forget_rows(2)
    for leaf in flatten(first):
        if not hasattr(leaf, "shape"):
            raise ValueError(
                f"{getattr(function, '__qualname__', 'the function')}() returned {leaf!r:.60}, not "
                "a tensor: it must return what it computes."
            )

    def symbolic_like(a: Any, b: Any) -> KerasTensor:
        shape = [m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)]
        return KerasTensor(shape, a.dtype)

    both = zip(flatten(first), flatten(second), strict=True)
    return pack_like(first, [symbolic_like(a, b) for a, b in both])


def _zeros(structure: Any, unknown: int) -> Any:
    def zeros(leaf: Any) -> Any:
        if not isinstance(leaf, KerasTensor):
            return leaf
        shape = [unknown if n is None else n for n in leaf.shape]
        if leaf.dtype == "string":
            return Tensor(np.full(shape, "", dtype=object))
        return Tensor(np.zeros(shape, leaf.dtype))

    return map_structure(zeros, structure)


# --------------------------------------------------------------------------------------------------
# Replaying a graph


class Function:
    """The computation from symbolic inputs to symbolic outputs, as an ordered list of calls."""

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs = flatten(inputs)
        self.outputs = outputs
        self.nodes = sort_nodes(self.inputs, flatten(outputs))
        slots = {tensor: i for i, tensor in enumerate(self.inputs)}
        for node in self.nodes:
            for tensor in flatten(node.outputs):
                slots.setdefault(tensor, len(slots))
        self._slots = slots
        self._size = len(slots)
        self._out = [slots[tensor] for tensor in flatten(outputs)]
        self._single = self._out[0] if isinstance(outputs, KerasTensor) else None
        self._calls: dict[bool, tuple[int, list]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """The state without the prepared calls, whose functions cannot be pickled."""
        return {**vars(self), "_calls": {}}

    def run(
        self,
        values: Sequence[Tensor],
        training: bool | None = None,
        observe: Callable | None = None,
    ) -> Any:
        """Replay every call on ``values``, one for each input (None for one that is left out), and
        return the outputs in their structure.

        ``observe(node, outputs)``, if given, is called after each call.
        """
        masked = any(value is not None and value.mask is not None for value in values)
        version, calls = self._calls.get(masked, (None, []))
        if version != Structure.version:  # a layer may have a new `call`
            version, calls = Structure.version, [self._prepare(node, masked) for node in self.nodes]
            self._calls[masked] = version, calls
        known: list[Any] = list(values) + [None] * (self._size - len(values))
        number = 0
        try:
            for number, (call, slot, args, kwargs, outputs) in enumerate(calls):
                if "training" in kwargs:
                    kwargs = {**kwargs, "training": training}
                    if training is None:  # nothing is said, so that the layer's default holds
                        del kwargs["training"]
                if slot is not None:
                    y = call(known[slot], **kwargs)
                else:
                    y = call(*_fill(args, known), **_fill(kwargs, known))
                if isinstance(outputs, int):
                    known[outputs] = y
                else:
                    for position, part in zip(outputs, flatten(y), strict=True):
                        known[position] = part
                if observe is not None:
                    observe(self.nodes[number], y)
        except Exception as error:
            self._explain(error, number, known)
            raise
        if self._single is not None:
            return known[self._single]
        found = iter(self._out)
        return map_structure(lambda _: known[next(found)], self.outputs)

    def _explain(self, error: Exception, number: int, known: list) -> None:
        """Add the shapes on the way to call ``number``, which failed, to an error about shapes."""
        node, slots = self.nodes[number], self._slots
        shape_of = lambda tensor: tuple(getattr(known[slots[tensor]], "shape", ()))  # noqa: E731
        explain(error, node.operation, node.inputs, shape_of, self.inputs)

    def infer(self, inputs: Sequence[KerasTensor]) -> Any:
        """The symbolic outputs for symbolic inputs whose shapes are not those of the graph."""
        known = dict(zip(self.inputs, inputs, strict=True))
        for node in self.nodes:
            args, kwargs = map_structure(
                lambda leaf: known[leaf] if is_symbolic(leaf) else leaf, (node.args, node.kwargs)
            )
            call = getattr(node.operation, "compute_output_spec", node.operation)
            outputs = flatten(call(*args, **kwargs))
            known.update(zip(flatten(node.outputs), outputs, strict=True))
        return map_structure(known.get, self.outputs)

    @cached_property
    def makes_mask(self) -> bool:
        """Whether some layer creates a mask."""
        return any(getattr(node.operation, "makes_mask", False) for node in self.nodes)

    @cached_property
    def runs_own_code(self) -> bool:
        """Whether some layer runs a user's own code."""
        return any(getattr(node.operation, "runs_own_code", False) for node in self.nodes)

    @cached_property
    def _may_be_masked(self) -> set[KerasTensor]:
        """Tensors whose values may have a mask of which the graph does not know: one that a user's
        own code returned with a tensor, and those that it leads to.
        """
        found: set[KerasTensor] = set()
        for node in self.nodes:
            layer = node.operation
            if not hasattr(layer, "compute_mask"):
                continue  # an operation, which makes a tensor without a mask
            own = layer.runs_own_code and (
                layer._sublayers or any(tensor.mask is not None for tensor in node.inputs)
            )
            if own or not found.isdisjoint(node.inputs):
                found.update(flatten(node.outputs))
        return found

    def masks(self, given: Sequence[Any]) -> list:
        """The symbolic masks of the outputs, given those of the inputs; None for no mask."""
        known = dict(zip(self.inputs, given, strict=True))
        for node in self.nodes:
            layer = node.operation
            first = node.args[0] if node.args else None
            before = map_structure(lambda x: known.get(x) if is_symbolic(x) else None, first)
            masked = any(mask is not None for mask in flatten(before))
            if (masked or getattr(layer, "makes_mask", False)) and getattr(
                layer, "supports_masking", False
            ):
                after, outputs = layer.compute_mask(first, before), flatten(node.outputs)
                if isinstance(after, (list, tuple)) or len(outputs) == 1:
                    known.update(zip(outputs, flatten(after), strict=False))
        return [known.get(tensor) for tensor in flatten(self.outputs)]

    def _prepare(self, node: Node, masked: bool) -> tuple:
        """Everything about a call that does not change from run to run.

        ``masked``: whether the inputs have masks. The graph was made without them, so each layer
        then has to check for masks itself.
        """
        masked = masked or not self._may_be_masked.isdisjoint(node.inputs)
        replay = None if masked else getattr(node.operation, "replay", None)
        call = node.operation if replay is None else replay(node)
        kwargs = dict(node.kwargs)
        if getattr(node.operation, "takes_training", False) and kwargs.get("training") is None:
            kwargs["training"] = None
        elif kwargs.get("training", 0) is None:
            del kwargs["training"]
        elif "training" in kwargs:
            call = _with_training(call, kwargs.pop("training"))
        slot = None
        if len(node.args) == 1 and is_symbolic(node.args[0]) and not symbolic(kwargs):
            slot = self._slots[node.args[0]]
        outputs = [self._slots[tensor] for tensor in flatten(node.outputs)]
        place = outputs[0] if is_symbolic(node.outputs) else outputs
        return call, slot, self._templates(node.args), self._templates(kwargs), place

    def _templates(self, structure: Any) -> Any:
        return map_structure(
            lambda leaf: _Slot(self._slots[leaf]) if is_symbolic(leaf) else leaf, structure
        )


class _Slot(int):
    """The index of a value that a call takes; other arguments are constants."""


def _fill(template: Any, known: list) -> Any:
    return map_structure(lambda leaf: known[leaf] if type(leaf) is _Slot else leaf, template)


def _with_training(call: Callable, fixed: bool) -> Callable:
    """A call with the ``training`` that was fixed when the graph was made."""
    return lambda *args, **kwargs: call(*args, **{**kwargs, "training": fixed})


def sort_nodes(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> list[Node]:
    """Return the nodes between ``inputs`` and ``outputs`` in topological order.

    Raises ValueError if an output depends on a symbolic tensor that is not among the inputs.
    """
    known = {id(tensor) for tensor in inputs}
    order: list[Node] = []
    done: set[int] = set()
    stack: list[tuple[KerasTensor, bool]] = [(tensor, False) for tensor in reversed(outputs)]
    while stack:
        tensor, ready = stack.pop()
        node = tensor.node
        if id(tensor) in known or (node is not None and id(node) in done):
            continue
        if node is None or node.is_input:
            raise ValueError(
                f"The output depends on {tensor.name} (shape {tensor.shape}), which is not among "
                f"the model's inputs {[t.name for t in inputs]}. Add it to `inputs`."
            )
        if ready:
            done.add(id(node))
            order.append(node)
        else:
            stack.append((tensor, True))
            stack.extend((needed, False) for needed in reversed(node.inputs))
    return order


__all__ = ["Function", "KerasTensor", "Node", "symbolic"]
