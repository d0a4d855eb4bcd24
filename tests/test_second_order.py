"""Gradients of gradients: every operation, in both engines."""

import inspect
import math

import numpy as np
import pytest

import diptych
from diptych import GradientTape, Tensor, Variable, ops
from diptych.operation import ArrayOp, Operation, Twin
from tests import cases, twins
from tests.ops_table import ENGINE_OPS, SMOOTH, label, make
from tests.second_order import check_second_order

ENGINES = ("reference", "fast")


@pytest.mark.parametrize("row", SMOOTH, ids=label)
def test_array_operations(row):
    check_second_order(lambda *xs: row[1](ops, *xs), make(row))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("row", ENGINE_OPS, ids=label)
def test_operations_of_the_engines(row, engine):
    with diptych.engine(engine):
        check_second_order(row[1], make(row))


# --------------------------------------------------------------------------------------------------
# Every twin, on the cases of the twins

AS_OPTIONS = {"mask", "dropout_mask", "recurrent_mask"}  # arrays that the operations take as options
LARGEST = 5000


def twin_calls():
    """(operation, its case's label, inputs, options, places of inputs without a gradient)."""
    for name, operation in sorted(Operation.named.items()):
        if not isinstance(operation, Twin):
            continue
        forward = twins.module("reference", operation.family).__dict__[f"{operation.name}_forward"]
        table = cases.load(operation.family)[f"{operation.name}_forward"]
        tried = [case.arguments() for case in table]
        arrays = {n for arguments in tried for n, v in arguments.items() if isinstance(v, np.ndarray)}
        if operation.name != "batch_normalization_training":
            arrays -= AS_OPTIONS
        for case in table:
            bound = inspect.signature(forward).bind(**case.arguments())
            bound.apply_defaults()
            inputs = {n: v for n, v in bound.arguments.items() if n in arrays}
            options = [v for n, v in bound.arguments.items() if n not in arrays]
            constants = [i for i, n in enumerate(inputs) if n in twins.NO_GRADIENT]
            size = sum(np.size(v) for v in inputs.values() if v is not None)
            if case.smooth and size <= LARGEST:
                made = operation, list(inputs.values()), options, constants
                yield pytest.param(*made, id=f"{name}, {case.label}")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("operation", "inputs", "options", "constants"), [*twin_calls()])
def test_twins(operation, inputs, options, constants, engine):
    with diptych.engine(engine), np.errstate(all="ignore"):
        check_second_order(lambda *xs: operation(xs, *options), inputs, constants)
