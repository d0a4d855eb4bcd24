"""Models in the formats of other programs: ONNX, for ONNX Runtime and all that reads it.

A model is followed with symbolic tensors down to its operations (``tracing``, with ``calls`` for
the layers whose call needs values), and each operation becomes nodes of an ONNX graph, as the table
of converters says (``elementwise``, ``arrays``, ``networks``, ``recurrent``). The engines have no
part in it: the graph is the same for both.
"""

from __future__ import annotations

import os
from typing import Any

from ..graph import KerasTensor
from ..layers.signatures import parameters_of
from ..layers.spec import InputSpec
from ..layers.structures import map_shapes
from ..nested import flatten, map_structure
from ..utils.naming import suggest

# Keras's other formats, and whose programs write them.
OTHERS = {
    "tf_saved_model": "TensorFlow",
    "openvino": "OpenVINO",
    "litert": "LiteRT",
    "torch": "PyTorch",
}

_MISSING = {
    "ExportArchive": "which holds TensorFlow's SavedModel, is not part of diptych; "
    "model.export(path, format='onnx') writes a model for inference in other programs."
}


def __getattr__(name: str) -> Any:
    if name in _MISSING:
        raise AttributeError(f"export.{name}, {_MISSING[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def format_of(filepath: Any, format: Any) -> str:
    """The format to write; ValueError, with what to do, for one that diptych does not write.

    Args:
        format: Keras's default, "tf_saved_model", counts as none where the file is called .onnx.
    """
    path = os.fspath(filepath)
    if format == "onnx" or (format == "tf_saved_model" and str(path).lower().endswith(".onnx")):
        return "onnx"
    instead = (
        "diptych writes ONNX: model.export('model.onnx'), or format='onnx', which ONNX Runtime and "
        "converters to other formats read; model.save('model.keras') writes a file for Keras and "
        "diptych."
    )
    if format in OTHERS:
        default = ", Keras's default," if format == "tf_saved_model" else ""
        raise ValueError(f"format={format!r}{default} needs {OTHERS[format]}. {instead}")
    known = ["onnx", *OTHERS]
    raise ValueError(f"There is no format {format!r}{suggest(format, known) or '.'} {instead}")


def symbolic_arguments(model: Any, input_signature: Any = None) -> list:
    """The arguments of the model's call, symbolic tensors with names.

    Args:
        input_signature: what stands for each argument, nested as the arguments are: InputSpecs,
            symbolic tensors, arrays, or anything with a shape and a dtype. None: the inputs of the
            model's graph, or those of its first call.
    """
    inputs = model.inputs
    if inputs is not None:
        specs = flatten(inputs if input_signature is None else input_signature)
        if len(specs) != len(inputs):
            raise ValueError(
                f"Model {model.name!r} has {len(inputs)} inputs, {model.input_names}, and "
                f"input_signature describes {len(specs)}."
            )
        made = iter(
            [_symbolic(spec, x.name, x.dtype) for spec, x in zip(specs, inputs, strict=True)]
        )
        return [map_structure(lambda _: next(made), model._inputs_structure)]
    if input_signature is None:
        input_signature = _of_first_call(model)
    elif not isinstance(input_signature, (list, tuple)):
        input_signature = [input_signature]
    cls: Any = type(model)
    names = list(parameters_of(cls, "call"))
    counts = [len(flatten(spec)) for spec in input_signature]
    arguments = []
    for name, spec, count in zip(names, input_signature, counts, strict=False):
        numbered = iter(name if count == 1 else f"{name}_{i}" for i in range(count))
        arguments.append(map_structure(lambda s: _symbolic(s, next(numbered), None), spec))  # noqa: B023
    return arguments


def _symbolic(spec: Any, name: str, dtype: Any) -> KerasTensor:
    shape = getattr(spec, "shape", None)
    if shape is None:
        raise ValueError(
            "input_signature needs a shape for every input, such as InputSpec(shape=(None, 28, "
            f"28)); got {spec!r}."
        )
    dtype = getattr(spec, "dtype", None) or dtype
    given = None if isinstance(spec, KerasTensor) else getattr(spec, "name", None)
    return KerasTensor(tuple(shape), dtype, name=given or name)


def _of_first_call(model: Any) -> list:
    """InputSpecs for the shapes of the first call of a model without a graph."""
    shapes = model._build_shapes
    if not model.built or shapes is None:
        raise ValueError(
            f"Model {model.name!r} ({type(model).__name__}) has not been called yet, so the shapes "
            "of its inputs are unknown: call it once on data, or pass "
            "input_signature=[InputSpec(shape=(None, ...))]."
        )
    arguments = list(shapes.values()) if isinstance(shapes, dict) else [shapes]
    return [map_shapes(lambda s: InputSpec(shape=(None, *s[1:])), one) for one in arguments]


__all__ = ["format_of", "symbolic_arguments"]


def __dir__() -> list[str]:
    return sorted(__all__)
