"""Gradients of gradients of every operation, in both engines, against finite differences."""

import inspect

import numpy as np
import pytest

import diptych
from diptych import GradientTape, Tensor, ops
from diptych.backend import print_tensor
from diptych.operation import ArrayOp, Operation, Twin
from diptych.ops.losses import scaled_sum, weighted_mean
from tests import cases, twins
from tests.ops_table import ENGINE_OPS, MORE_SMOOTH, SMOOTH, definite, label, make, normal, positive
from tests.second_order import check_second_order, gradients, is_float, outputs_of

ENGINES = ("reference", "fast")

# --------------------------------------------------------------------------------------------------
# Array operations: the table of `ops`, and those that stand on no line of it

ROWS = [
    *SMOOTH,
    *MORE_SMOOTH,
    ("cholesky", lambda xp, x: xp.cholesky((x + xp.swapaxes(x, -1, -2)) / 2), [definite(3, 2)]),
    ("scaled_sum", lambda xp, x, w: scaled_sum((x * w,), 3), [normal(4), normal(4)]),
    ("weighted_mean", lambda xp, x, w: weighted_mean(x, w, w), [normal(4), positive(4)]),
    ("sparsemax", lambda xp, x: xp.sparsemax(x), [normal(4, 5)]),
    ("print_tensor", lambda xp, x: print_tensor(x * x), [normal(3)]),
    ("sinc at 0", lambda xp, x: xp.sinc(x), [lambda rng: np.zeros(2)]),
    ("log_cosh at 0", lambda xp, x: diptych.losses.log_cosh(0 * x, x), [lambda rng: np.zeros(2)]),
]
for _name in ("quantile_at", "nanquantile_at"):  # of fractions that only the data tell
    ROWS.append(
        (
            _name,
            lambda xp, x, at=Operation.named[_name]: at(
                x, np.array([0.2, 0.7]), axis=0, method="linear", keepdims=False
            ),
            [normal(5, 3)],
        )
    )


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_array_operations(row):
    check_second_order(lambda *xs: row[1](ops, *xs), make(row))


def test_a_cast():
    x = Tensor(np.array([1.0, -2.0], np.float32))
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as inner:
            y = ops.cast(x, "float64") ** 3
        gradient = inner.gradient(y, x)
    assert gradient.dtype == np.float32
    second = outer.gradient(gradient, x)
    assert second.dtype == np.float32
    np.testing.assert_array_equal(second, [6, -12])


def recorded(row):
    """The operations on the way forward and back."""
    tensors = [Tensor(a) for a in make(row)]
    call, floats = lambda *xs: row[1](ops, *xs), [t for t in tensors if is_float(t)]
    cotangents = [Tensor(np.ones(y.shape)) for y in outputs_of(call, tensors)]
    with GradientTape() as tape:
        tape.watch([*floats, *cotangents])
        gradients(call, tensors, floats, cotangents)
    return {step.operation for step in tape.records}


def test_the_table_holds_all_array_operations_with_a_gradient():
    tried = set().union(*map(recorded, ROWS))
    known = [op for op in Operation.named.values() if isinstance(op, ArrayOp) and op.rules]
    own = [op for op in known if str(op.rules[0].__module__).startswith("diptych.")]
    assert not {op.name for op in own if not op.constant and op not in tried}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("row", ENGINE_OPS, ids=label)
def test_operations_of_the_engines(row, engine):
    with diptych.engine(engine):
        check_second_order(row[1], make(row))


SMOOTH_AT_ZERO = (
    "sigmoid tanh softplus gelu silu mish log_sigmoid squareplus tanh_shrink softmax log_softmax"
).split()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SMOOTH_AT_ZERO)
def test_smooth_functions_at_zero(name, engine):
    """Forms that do not overflow are made of pieces that meet at 0; the derivatives must not be."""
    with diptych.engine(engine):
        check_second_order(getattr(ops, name), [np.zeros((2, 3))])


# --------------------------------------------------------------------------------------------------
# Every twin, on the cases of the twins

# Arrays that the operations take as options.
AS_OPTIONS = {"mask", "dropout_mask", "recurrent_mask"}
LARGEST = 5000  # numbers in the inputs of a case

# Cases that differences cannot show.
NOT_SMOOTH = {
    ("softsign", "around zero"): "the slope itself has a kink at 0",
    ("gru", "relu gates, reset before"): "it grows so fast that no step is small enough",
}


def twin_calls():
    """(operation, its case's label, inputs, options, places of inputs without a gradient)."""
    for operation in all_twins():
        forward = vars(twins.module("reference", operation.family))[f"{operation.name}_forward"]
        table = cases.load(operation.family)[f"{operation.name}_forward"]
        arrays = {name for case in table for name, v in case.arguments().items() if is_array(v)}
        if operation.name != "batch_normalization_training":
            arrays -= AS_OPTIONS
        for case in table:
            bound = inspect.signature(forward).bind(**case.arguments())
            bound.apply_defaults()
            inputs = {n: v for n, v in bound.arguments.items() if n in arrays}
            options = [v for n, v in bound.arguments.items() if n not in arrays]
            constants = [i for i, n in enumerate(inputs) if n in twins.NO_GRADIENT]
            size = sum(np.size(v) for v in inputs.values() if v is not None)
            smooth = case.smooth and (operation.name, case.label) not in NOT_SMOOTH
            if smooth and size <= LARGEST:
                made = operation, list(inputs.values()), options, constants
                yield pytest.param(*made, id=f"{operation.name}, {case.label}")


def all_twins():
    return [op for _, op in sorted(Operation.named.items()) if isinstance(op, Twin)]


def is_array(value):
    return isinstance(value, np.ndarray)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("operation", "inputs", "options", "constants"), [*twin_calls()])
def test_twins(operation, inputs, options, constants, engine):
    with diptych.engine(engine), np.errstate(all="ignore"):
        check_second_order(lambda *xs: operation(xs, *options), inputs, constants)


def test_all_twins_have_an_operation():
    """So none is left out above: but for those that only speed needs, or no gradient."""
    names = {op.name for op in all_twins()}
    for family in cases.families():
        module = twins.module("reference", family)
        pairs = {n.removesuffix("_backward") for n in twins.public_functions(module)}
        for pair in pairs:
            if hasattr(module, f"{pair}_backward"):
                assert pair in names or (family, pair) in {("activations", "exponential")}, pair
