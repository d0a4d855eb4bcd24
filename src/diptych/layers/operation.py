"""Operations of one's own, and graphs of calls as functions: what is below layers and models."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import graph
from ..graph import KerasTensor, Node
from ..legacy import AcceptsOldNames
from ..nested import flatten, map_structure
from ..tensor import Tensor
from ..utils.naming import auto_name
from ..utils.registration import is_builtin
from .given import Given
from .structures import fresh, map_shapes


class Operation(metaclass=AcceptsOldNames):
    """Something that is called on tensors, symbolic ones too, and has no weights of its own.

    An operation of one's own overrides ``call(...)``, which computes with ``diptych.ops``, and may
    override ``compute_output_spec(...)``, which says what comes out for symbolic tensors. With
    weights it is a ``Layer``.

    Args:
        name: a name without "/"; by default the class name in snake case with a number.

    Raises:
        ValueError: the name is no text, or has a "/" in it.
    """

    # What the constructor was given, where no `get_config` of one's own tells it.
    _given: Given | None = None

    # The call that `input` and `output` return: the latest for a model, the first for others.
    _shows_latest_call = False

    name: str

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        operation = super().__new__(cls)
        if is_builtin(cls.get_config) and not is_builtin(cls.__init__) and (args or kwargs):
            with contextlib.suppress(TypeError):  # the constructor itself will raise it
                object.__setattr__(operation, "_given", Given(cls, args, kwargs))
        return operation

    def __init__(self, name: str | None = None) -> None:
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                f"An operation's name is a text without '/'; {type(self).__name__} got {name!r}."
            )
        self.name = auto_name(type(self).__name__) if name is None else name
        self._nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not graph.symbolic((args, kwargs)):
            return self.call(*args, **kwargs)
        outputs = map_structure(fresh, self.compute_output_spec(*args, **kwargs))
        self._nodes.append(Node(self, args, kwargs, outputs))
        return outputs

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `call(self, inputs)`.")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs; by default found by a call on zeros."""
        return graph.infer_outputs(self.call, args, kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic outputs for symbolic inputs, without a place in a graph."""
        return self.compute_output_spec(*args, **kwargs)

    def rematerialized_call(self, layer_call: Callable, *args: Any, **kwargs: Any) -> Callable:
        """Return ``layer_call``: nothing is computed again to save memory."""
        return layer_call

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, from which ``from_config`` makes an equal one."""
        own = {"name": self.name}
        if self._given is None or not is_builtin(type(self).get_config):
            return own
        return self._given.config(self, own)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)

    @property
    def input(self) -> Any:
        """The symbolic input of the first call."""
        node = self._node_shown("input")
        return node.args[0] if node.args else node.outputs

    @property
    def output(self) -> Any:
        """The symbolic output of the first call."""
        return self._node_shown("output").outputs

    def _node_shown(self, what: str) -> Node:
        if not self._nodes:
            raise AttributeError(
                f"{type(self).__name__} {self.name!r} has no `{what}`: it was not yet called on a "
                "symbolic tensor, such as Input(...)."
            )
        return self._nodes[-1 if self._shows_latest_call else 0]


class Function(Operation):
    """The computation from symbolic inputs to symbolic outputs, to be called on arrays.

    Args:
        inputs: a symbolic tensor, or a list or dict of them.
        outputs: the same, made from the inputs.
        name: a name.

    Raises:
        ValueError: something is no symbolic tensor, or the outputs need other inputs.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name)
        for tensor in flatten((inputs, outputs)):
            if not isinstance(tensor, KerasTensor):
                raise ValueError(
                    "A Function is made of symbolic tensors, such as Input(shape=(3,)), but got a "
                    f"{type(tensor).__name__}."
                )
        self._graph = graph.Function(inputs, outputs)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, as a flat list."""
        return list(self._graph.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, as a flat list."""
        return flatten(self._graph.outputs)

    @property
    def operations(self) -> list[Any]:
        """What is called, each once, in the order of the first calls; the inputs come first."""
        starts = [tensor.node.operation for tensor in self.inputs if tensor.node is not None]
        return list(dict.fromkeys([*starts, *(node.operation for node in self._graph.nodes)]))

    def call(self, inputs: Any) -> Any:
        """Compute the outputs, in their structure, of arrays in the structure of the inputs."""
        given = [x if isinstance(x, Tensor) else Tensor(np.asarray(x)) for x in flatten(inputs)]
        self._check([x.shape for x in given])
        wanted = self._graph.inputs
        return self._graph.run(
            [
                x if x.dtype == tensor._dtype else Tensor(x.array.astype(tensor._dtype))
                for x, tensor in zip(given, wanted, strict=True)
            ]
        )

    def compute_output_spec(self, inputs: Any) -> Any:
        """The symbolic outputs for symbolic inputs of other shapes."""
        self._check([x.shape for x in flatten(inputs)])
        return self._graph.infer(flatten(inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for those of the inputs."""
        outputs = self.compute_output_spec(map_shapes(KerasTensor, input_shape))
        return map_structure(lambda tensor: tensor.shape, outputs)

    def _check(self, shapes: list[tuple]) -> None:
        wanted = [tensor.shape for tensor in self.inputs]
        fits = len(shapes) == len(wanted) and all(
            len(have) == len(want)
            and all(a == b or None in (a, b) for a, b in zip(have, want, strict=True))
            for have, want in zip(shapes, wanted, strict=True)
        )
        if not fits:
            raise ValueError(
                f"Function {self.name!r} takes inputs of shapes {wanted}, but was called on "
                f"{[tuple(shape) for shape in shapes]}."
            )


__all__ = ["Function", "Operation"]
