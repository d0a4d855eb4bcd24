"""What one sample costs in a model: the multiply-adds of its matrix products and convolutions, and
the memory of the layers' outputs.

The multiply-adds are counted, not looked up: the model is run on one sample of zeros, and each
operation that a tape records is counted by the shapes of its arrays. So layers of one's own count
as well. Everything else, such as activations, is small beside them and left out, as in the papers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import engine as _engine
from ..graph import Node
from ..layers.layer import Layer
from ..nested import flatten
from ..tape import GradientTape, Record, open_records
from ..tensor import Tensor
from ..trial import Trial


def _recurrent(y: Any, x: Any, kernel: Any, recurrent_kernel: Any, *_: Any) -> int:
    return math.prod(x.shape[:2]) * (kernel.size + recurrent_kernel.size)  # (N, T, D)


def _attention(y: Any, query: Any, key: Any, value: Any, *_: Any) -> int:
    n, t, heads, depth = query.shape  # key: (N, S, K, D)   value: (N, S, K, E)
    return n * t * heads * key.shape[1] * (depth + value.shape[-1])


def _over_rows_of_input(y: Any, x: Any, kernel: Any, *_: Any) -> int:
    return math.prod(x.shape[:-1]) * kernel.size


def _over_rows_of_output(y: Any, x: Any, kernel: Any, *_: Any) -> int:
    return math.prod(y.shape[:-1]) * kernel.size


def _einsum(y: Any, *operands: Any, subscripts: str) -> int:
    terms = subscripts.replace(" ", "").partition("->")[0].split(",")
    if "." in subscripts or len(terms) < 2:
        return 0
    sizes = {
        axis: size
        for term, x in zip(terms, operands, strict=True)
        for axis, size in zip(term, x.shape, strict=True)
    }
    return math.prod(sizes.values())


# The multiply-adds of an operation, from its output and its inputs.
RULES: dict[str, Callable[..., int]] = {
    "dense": _over_rows_of_input,
    "matmul": lambda y, a, b: y.size * a.shape[-1],
    "tensordot": lambda y, a, b, axes: math.isqrt(y.size * a.size * b.size),
    "einsum": _einsum,
    "conv": _over_rows_of_output,
    "depthwise_conv": _over_rows_of_output,
    "conv_transpose": _over_rows_of_input,
    "simple_rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "dot_product_attention": _attention,
}


@dataclass(frozen=True)
class Costs:
    """Of one sample; None where it is not known."""

    output_bytes: int | None = None
    multiply_adds: int | None = None


def costs_of(model: Any) -> dict[Any, Costs]:
    """The costs of each layer, and of each call of an operation outside layers; and the sums under
    the model itself.

    Without a graph, or where a size is not known (such as the length of a text), multiply-adds are
    not known.
    """
    function = model._function
    if function is None:
        return {model: Costs()}
    inputs = [t.node for t in function.inputs if t.node is not None and t.node.is_input]
    counts = _multiply_adds(model)
    found: dict[Any, Costs] = {}
    for node in [*inputs, *function.nodes]:
        step = node.operation if isinstance(node.operation, Layer) else node
        one = Costs(_bytes_of(node), 0 if node.is_input else counts.get(node))
        found[step] = _sum([one, *([found[step]] if step in found else [])])
    found[model] = _sum(list(found.values()))
    return found


def _sum(many: list[Costs]) -> Costs:
    def total(values: list[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    return Costs(
        total([one.output_bytes for one in many]), total([one.multiply_adds for one in many])
    )


def _bytes_of(node: Node) -> int | None:
    """The memory of a call's outputs."""
    total = 0
    for tensor in flatten(node.outputs):
        if None in tensor.shape[1:] or tensor.dtype == "string":
            return None
        total += math.prod(tensor.shape[1:]) * tensor._dtype.itemsize
    return total


def _multiply_adds(model: Any) -> dict[Node, int]:
    """Of each call in the model's graph; empty where sizes are not known."""
    function = model._function
    shapes = [(tensor.shape[0] or 1, *tensor.shape[1:]) for tensor in function.inputs]
    if any(None in shape for shape in shapes):
        return {}
    batch = shapes[0][0]
    values = [_zeros(shape, t.dtype) for shape, t in zip(shapes, function.inputs, strict=True)]
    counts: dict[Node, int] = {}
    engine = "fast" if "fast" in _engine.installed() else "reference"  # the count is the same
    tape = GradientTape()
    with _engine.use(engine), Trial(), _all_tracked(model), np.errstate(all="ignore"), tape:
        for value in values:
            value.tracked = value.array.dtype.kind == "f"
        records: Any = open_records.get()
        done = len(records)

        def observe(node: Node, outputs: Any) -> None:
            nonlocal done
            counts[node] = sum(map(_count, records[done:])) // batch
            done = len(records)

        function.run(values, False, observe)
    return counts


def _zeros(shape: tuple, dtype: str) -> Tensor:
    return Tensor(np.full(shape, "", object) if dtype == "string" else np.zeros(shape, dtype))


@contextmanager
def _all_tracked(model: Any) -> Iterator[None]:
    """A block in which tapes record what frozen weights take part in as well."""
    variables = [v for v in model.variables if v.dtype.kind == "f"]
    before = [variable.tracked for variable in variables]
    try:
        for variable in variables:
            variable.tracked = True
        yield
    finally:
        for variable, tracked in zip(variables, before, strict=True):
            variable.tracked = tracked


def _count(record: Record) -> int:
    rule = RULES.get(getattr(record.operation, "name", ""))
    if rule is None:
        return 0
    y = record.output[0] if isinstance(record.output, list) else record.output
    options = record.options if isinstance(record.options, dict) else {}
    return int(rule(y, *record.inputs, **options))
