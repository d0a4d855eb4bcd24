"""A model as an ONNX file."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any

from .. import ops
from ..files.atomic import replacing
from ..graph import Function, KerasTensor, symbolic
from ..nested import flatten, map_structure
from ..operation import ArrayOp, Twin, common_float
from ..tensor import is_symbolic
from . import arrays, calls, elementwise, networks, recurrent, reshaping
from .builder import Builder, Value
from .tables import NODES, NotExportable, key_of
from .tracing import OWNERS, opened, trace

# The operator set. 18 is the first in which reductions take their axes as an input, bits have
# operators and LayerNormalization is there; ONNX Runtime reads it since 1.14 (February 2023).
OPSET = 18
IR_VERSION = 8  # the format of the file, of the same time
LIMIT = 2**31 - 1  # bytes of a protocol buffer
ML_OPSET = 3  # of the domain ai.onnx.ml, whose LabelEncoder looks words up

FAMILIES = (arrays, calls, elementwise, networks, recurrent, reshaping)  # they fill the tables


def onnx_package() -> Any:
    """The package; ImportError, with what to install, if it is missing."""
    try:
        onnx = importlib.import_module("onnx")
        importlib.import_module("onnx.numpy_helper")
    except ImportError:
        raise ImportError(
            "Exporting to ONNX needs the package onnx, an extra of diptych: pip install onnx, or "
            "pip install diptych[onnx]"
        ) from None
    return onnx


def write_onnx(
    model: Any, filepath: Any, arguments: list, opset_version: int | None = None
) -> None:
    """Write a model for inference.

    Args:
        arguments: the symbolic inputs of the call, nested as it takes them.
        opset_version: None, or ``OPSET``.
    """
    if opset_version not in (None, OPSET):
        raise ValueError(
            f"diptych writes operator set {OPSET}, not {opset_version}: leave opset_version out, "
            "and let onnx.version_converter make another of the file."
        )
    size = sum(variable.array.nbytes for variable in model.variables)
    if size > LIMIT:
        raise ValueError(
            f"Model {model.name!r} has {size / 1e9:.1f} GB of weights, and an ONNX file holds at "
            "most 2 GB. Export it in parts."
        )
    data = to_proto(onnx_package(), model, arguments).SerializeToString()
    with replacing(filepath) as file:
        file.write(data)


def to_proto(onnx: Any, model: Any, arguments: list) -> Any:
    """The model as a ModelProto of the package."""
    inputs = symbolic(arguments)
    found = trace(model, arguments)
    outputs = flatten(found)
    graph = Builder(onnx)
    known = {}
    infos = []
    for number, tensor in enumerate(inputs):
        value = Value(graph, graph.name(tensor.name), tensor._dtype, tensor.shape)
        known[tensor] = value
        infos.append(_info(graph, value, [f"dim_{number}_{i}" for i in range(len(tensor.shape))]))
    names = [graph.name(name) for name in _output_names(model, found)]
    results = [_as_result(tensor) for tensor in outputs]
    values = emit(graph, Function(inputs, results), known)
    ends = []
    for name, tensor, value in zip(names, outputs, values, strict=True):
        final = Value(graph, name, value.dtype, tensor.shape)
        graph.nodes.append(onnx.helper.make_node("Identity", [value.name], [final.name]))
        ends.append(_info(graph, final, [None] * len(tensor.shape)))
    nodes = _used(graph.nodes, {info.name for info in ends})
    constants = _constants_used(graph, nodes)
    made = onnx.helper.make_graph(nodes, model.name, infos, ends, constants)
    sets = [onnx.helper.make_opsetid("", OPSET)]
    if "ai.onnx.ml" in graph.domains:
        sets.append(onnx.helper.make_opsetid("ai.onnx.ml", ML_OPSET))
    proto = onnx.helper.make_model(
        made, producer_name="diptych", producer_version=_version(), opset_imports=sets
    )
    proto.ir_version = IR_VERSION
    return proto


def _version() -> str:
    try:
        return metadata.version("diptych")
    except metadata.PackageNotFoundError:  # run from its source, without an installation
        return ""


def _as_result(tensor: Any) -> Any:
    """The output of an operation: an input goes through one."""
    if isinstance(tensor, KerasTensor):
        return tensor if tensor.node is not None and tensor.node.inputs else ops.copy(tensor)
    raise NotExportable(
        "An output of the model does not depend on its inputs, so there is nothing to export."
    )


def _output_names(model: Any, outputs: Any) -> list[str]:
    """Those of the model's graph, the keys of a dict, or numbers."""
    if model.output_names:
        return model.output_names
    if isinstance(outputs, dict) and len(outputs) == len(flatten(outputs)):
        return list(outputs)
    return [f"output_{i}" for i in range(len(flatten(outputs)))]


def _info(graph: Builder, value: Value, dims: list) -> Any:
    """The name, type and shape of an input or output; the first axis is the batch."""
    shape = [
        ("batch" if axis == 0 else dim) if size is None else size
        for axis, (size, dim) in enumerate(zip(value.shape or (), dims, strict=True))
    ]
    kind = graph.type_of(value.dtype)
    return graph.onnx.helper.make_tensor_value_info(value.name, kind, shape)


# --------------------------------------------------------------------------------------------------
# From the graph of operations to nodes


def emit(graph: Builder, function: Function, known: dict) -> list[Value]:
    """Add the nodes of all operations, and return the values of the outputs.

    known: the values of the inputs, and of whatever else the operations take.
    """
    for node in function.nodes:
        try:
            made = _convert(graph, node.operation, node.args, node.kwargs, known)
        except NotExportable as error:
            owner = OWNERS.get(node)
            if owner is None:
                raise
            raise NotExportable(
                f"Layer {owner.name!r} ({type(owner).__name__}): {error}"
            ) from error
        for tensor, value in zip(flatten(node.outputs), made, strict=True):
            value = graph.cast(value, tensor._dtype)
            shaped = Value(graph, value.name, value.dtype, tensor.shape)
            known[tensor] = shaped
    return [known[tensor] for tensor in flatten(function.outputs)]


def _convert(graph: Builder, operation: Any, args: tuple, kwargs: dict, known: dict) -> list:
    """The values of the outputs of one operation."""
    key = key_of(operation)
    convert = NODES.get(key)
    if convert is None:
        return _convert_parts(graph, operation, args, kwargs, known)
    try:
        if isinstance(operation, ArrayOp):
            made = _convert_array_op(graph, convert, operation, args, kwargs, known)
        elif isinstance(operation, Twin):
            made = _convert_twin(graph, convert, operation, args, known)
        else:
            args, kwargs = _values(known, (args, kwargs))
            if key == "export.loop":
                kwargs = {**kwargs, "emit": lambda *inner: emit(*_in_body(inner, known))}
            made = convert(graph, *args, **kwargs)
    except NotExportable as error:
        raise NotExportable(f"ops.{_name(operation)} cannot be exported: {error}") from None
    return made if isinstance(made, list) else [made]


def _in_body(inner: tuple, known: dict) -> tuple:
    """A loop's body sees the values around it."""
    graph, function, own = inner
    return graph, function, {**known, **own}


def _convert_array_op(
    graph: Builder, convert: Any, operation: ArrayOp, args: tuple, kwargs: dict, known: dict
) -> Any:
    inputs = []
    for x, dtype in zip(args, operation.dtypes_of(args), strict=True):
        value = known[x] if is_symbolic(x) else graph.const(x, dtype)
        inputs.append(value if dtype.kind in "OUS" else graph.cast(value, dtype))
    return convert(graph, *inputs, **_values(known, kwargs))


def _convert_twin(graph: Builder, convert: Any, operation: Twin, args: tuple, known: dict) -> Any:
    given, *options = args
    dtype = common_float(None, given[operation.typed])
    inputs: list[Value | None] = []
    for i, x in enumerate(given):
        if x is None:
            inputs.append(None)
            continue
        shared = i in range(*operation.typed.indices(len(given)))
        value = known[x] if is_symbolic(x) else graph.const(x, dtype if shared else None)
        inputs.append(graph.cast(value, dtype) if shared else value)
    return convert(graph, *inputs, *_values(known, options))


def _values(known: dict, structure: Any) -> Any:
    """The structure with values in the place of symbolic tensors."""
    return map_structure(lambda leaf: known[leaf] if is_symbolic(leaf) else leaf, structure)


def _convert_parts(graph: Builder, operation: Any, args: tuple, kwargs: dict, known: dict) -> list:
    """A function of several operations that the model's graph holds as one."""
    outputs = None
    try:
        outputs = opened(operation, args, kwargs)
    except NotExportable:
        raise
    except Exception as error:
        raise NotExportable(_no_counterpart(operation, f" ({error})")) from error
    if outputs is None:
        raise NotExportable(_no_counterpart(operation, ""))
    function = Function(symbolic((args, kwargs)), outputs)
    return emit(graph, function, dict(known))


def _no_counterpart(operation: Any, why: str) -> str:
    return (
        f"ops.{_name(operation)} has no counterpart in ONNX that the exporter knows{why}. Write "
        "the model with other operations, or end the exported model before it: "
        "Model(inputs, the tensor before).export(...)."
    )


def _name(operation: Any) -> str:
    return str(getattr(operation, "name", None) or getattr(operation, "__name__", operation))


# --------------------------------------------------------------------------------------------------
# What is needed


def _used(nodes: list, wanted: set[str]) -> list:
    """The nodes on which the wanted values depend."""
    kept = []
    wanted = set(wanted)
    for node in reversed(nodes):
        if wanted.isdisjoint(node.output):
            continue
        kept.append(node)
        wanted.update(_inputs_of(node))
    return kept[::-1]


def _inputs_of(node: Any) -> set[str]:
    """The names that a node reads, also in the body of a loop."""
    names = set(node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                names |= _inputs_of(inner)
    return names


def _constants_used(graph: Builder, nodes: list) -> list:
    names: set[str] = set().union(*map(_inputs_of, nodes))
    return [tensor for name, tensor in graph.constants.items() if name in names]


__all__ = ["OPSET", "emit", "onnx_package", "to_proto", "write_onnx"]
