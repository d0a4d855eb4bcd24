"""The shapes of operations on symbolic tensors, which follow from rules: against the shapes of real
calls, with any size unknown, and against those that Keras gives.
"""

import importlib
import inspect
import json
import math
import pkgutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych import KerasTensor, Model, Tensor, layers, ops
from diptych.graph import Function
from diptych.operation import ArrayOp, Operation, Twin
from tests import cases
from tests.golden.make_shapes import answer, calls, symbols
from tests.ops_table import (
    CONSTANT,
    ENGINE_OPS,
    MORE_CONSTANT,
    MORE_SMOOTH,
    SMOOTH,
    definite,
    leaves,
    make,
)

# --------------------------------------------------------------------------------------------------
# Every operation has a rule

# Twins that meet real arrays only: layers call them, and functions that state the shape themselves.
STATED = {"attention", "convolution", "normalization", "pooling", "recurrent", "resizing"}


def operations():
    """Every operation that a module of `ops` defines."""
    modules = [
        importlib.import_module(f"diptych.ops.{module.name}")
        for module in pkgutil.iter_modules(ops.__path__)
    ]
    modules.append(importlib.import_module("diptych.operation"))
    found = {
        id(value): value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Operation)
    }
    return list(found.values())


def test_every_operation_has_a_rule_for_its_shape():
    missing = [
        operation.name
        for operation in operations()
        if operation.shape is None and getattr(operation, "family", None) not in STATED
    ]
    assert not missing, (
        f"{missing} cannot say their shape before there are values. Give them `shape=`, a rule of "
        "diptych.shape_rules or one of their own; docs/recipes.md says how."
    )
    assert len(operations()) > 200


# --------------------------------------------------------------------------------------------------
# Rules against real calls

TABLE = SMOOTH + CONSTANT + MORE_SMOOTH + MORE_CONSTANT
ROWS = [(row[0], lambda *xs, row=row: row[1](ops, *xs), make(row)) for row in TABLE]
ROWS += [(row[0], row[1], make(row)) for row in ENGINE_OPS]
ROWS += [
    ("cholesky", ops.cholesky, [definite(3, 2)(np.random.default_rng(0))]),
    ("eigh", ops.eigh, [definite(3, 2)(np.random.default_rng(0))]),
    ("slogdet", ops.slogdet, [definite(3, 2)(np.random.default_rng(0))]),
    ("matrix_rank", ops.matrix_rank, [np.ones((2, 4, 3))]),
    ("pinv", ops.pinv, [np.ones((2, 4, 3))]),
    *[
        (f"qr {mode} {shape}", lambda x, mode=mode: ops.qr(x, mode), [np.ones(shape)])
        for mode in ("reduced", "complete")
        for shape in ((4, 3), (2, 3, 4))
    ],
    *[
        (f"svd {full} {uv} {shape}", lambda x, a=(full, uv): ops.svd(x, *a), [np.ones(shape)])
        for full in (True, False)
        for uv in (True, False)
        for shape in ((4, 3), (2, 3, 4))
    ],
    ("integers", ops.matmul, [np.ones((2, 3), np.int32), np.ones((3, 4), np.int32)]),
    ("tril of a vector", ops.tril, [np.ones(3)]),
    ("segment_sum of unknown number", ops.segment_sum, [np.ones((4, 2)), np.arange(4)]),
    ("split at an end beyond", lambda x: ops.split(x, [1, 9], axis=1), [np.ones((2, 3))]),
    ("split at a negative", lambda x: ops.split(x, [-1], axis=1), [np.ones((2, 3))]),
    ("rms_normalization", ops.rms_normalization, [np.ones((2, 3)), np.ones(3)]),
    ("layer_normalization, larger", ops.layer_normalization, [np.ones((1, 3)), np.ones((4, 1, 1))]),
    (
        "dot_product_attention",
        ops.dot_product_attention,
        [np.ones((2, 5, 4, 3)), np.ones((2, 6, 2, 3)), np.ones((2, 6, 2, 7))],
    ),
    ("conv", lambda x, k: ops.conv(x, k, 2), [np.ones((2, 7, 8, 4)), np.ones((3, 3, 2, 6))]),
    ("depthwise_conv", ops.depthwise_conv, [np.ones((2, 7, 8, 3)), np.ones((3, 3, 3, 2))]),
    ("conv_transpose", ops.conv_transpose, [np.ones((2, 7, 8, 3)), np.ones((3, 3, 5, 3))]),
    ("max_pool", lambda x: ops.max_pool(x, 2), [np.ones((2, 7, 8, 3))]),
    ("image.resize", lambda x: ops.image.resize(x, (4, 5)), [np.ones((2, 7, 8, 3), "uint8")]),
    ("image.affine", ops.image.affine_transform, [np.ones((2, 7, 8, 3)), np.ones((2, 8))]),
    ("image.rgb_to_grayscale", ops.image.rgb_to_grayscale, [np.ones((7, 8, 3))]),
    ("image.rgb_to_hsv", ops.image.rgb_to_hsv, [np.ones((2, 7, 8, 3))]),
    ("image.pad", lambda x: ops.image.pad_images(x, 1, 2, 3, 4), [np.ones((2, 7, 8, 3))]),
    (
        "image.crop",
        lambda x: ops.image.crop_images(x, 1, None, None, 2, target_height=3, target_width=4),
        [np.ones((2, 7, 8, 3))],
    ),
    ("binary_crossentropy", ops.binary_crossentropy, [np.ones((4, 3)), np.full((4, 3), 0.5)]),
    ("sparse_categorical_crossentropy", ops.sparse_categorical_crossentropy,
     [np.zeros(4, int), np.full((4, 3), 0.5)]),
]  # fmt: skip

# It depends on the size whether the call is possible, or which axes there are; Keras does not know
# them either.
NEEDS_THE_SIZE = {
    "squeeze",
    "squeeze axis",
    "cross of planes",
    "unstack",
    "split at an end beyond",
    "layer_normalization, larger",
}
NEEDS_THE_VALUES = {
    "nonzero",
    "where alone",
    "bincount",
    "bincount of weights",
    "segment_sum of unknown number",
}


@pytest.mark.parametrize(
    ("call", "arrays"),
    [row[1:] for row in ROWS if row[0] not in NEEDS_THE_VALUES],
    ids=[row[0] for row in ROWS if row[0] not in NEEDS_THE_VALUES],
)
def test_what_follows_from_known_sizes_is_known(call, arrays):
    outputs = leaves(call(*symbolic(arrays, [])))
    for y, real in zip(outputs, leaves(call(*map(Tensor, arrays))), strict=True):
        assert (y.shape, y.dtype) == (real.shape, real.dtype.name)


def unknowns(arrays):
    """Which (input, axis) are unknown: each alone, those of each input, all of them."""
    places = [(i, axis) for i, x in enumerate(arrays) for axis in range(np.ndim(x))]
    each = [[place for place in places if place[0] == i] for i in range(len(arrays))]
    return [*[[place] for place in places], *each, places]


def symbolic(arrays, unknown):
    return [
        KerasTensor([None if (i, a) in unknown else n for a, n in enumerate(x.shape)], x.dtype)
        for i, x in enumerate(arrays)
    ]


def fits(found, real):
    """Whether a shape with unknown sizes may turn out to be a real one."""
    return len(found) == len(real) and all(m in (n, None) for m, n in zip(found, real, strict=True))


@pytest.mark.parametrize(
    ("call", "arrays"),
    [row[1:] for row in ROWS if row[0] not in NEEDS_THE_SIZE],
    ids=[row[0] for row in ROWS if row[0] not in NEEDS_THE_SIZE],
)
def test_rules_agree_with_calls_whatever_is_unknown(call, arrays):
    reals = leaves(call(*map(Tensor, arrays)))
    for unknown in unknowns(arrays):
        outputs = leaves(call(*symbolic(arrays, unknown)))
        for y, real in zip(outputs, reals, strict=True):
            assert fits(y.shape, real.shape), (unknown, y.shape, real.shape)
            assert y.dtype == real.dtype.name


DTYPES = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "float16", "float32", "float64")
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_agree_with_calls(dtype):
    for name, call, arrays in ROWS:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            arrays = [x.astype(dtype) for x in arrays]
            try:
                reals = leaves(call(*map(Tensor, arrays)))
            except (TypeError, ValueError, IndexError, AttributeError, np.linalg.LinAlgError):
                continue  # not for this dtype
        for y, real in zip(leaves(call(*symbolic(arrays, []))), reals, strict=True):
            assert y.dtype == real.dtype.name, name


@pytest.mark.parametrize(("left", "right"), [("int32", "float32"), ("float32", "float64"),
                                             ("int8", "int64"), ("bool", "int32")])  # fmt: skip
def test_dtypes_of_two_inputs_agree_with_calls(left, right):
    for call in (
        *(ops.add, ops.divide, ops.maximum, ops.equal, ops.arctan2, ops.matmul, ops.dot),
        lambda x, y: ops.concatenate([x, y]),
        lambda x, y: ops.where(x, x, y),
        lambda x, y: ops.einsum("ij,jk", x, y),
        lambda x, y: ops.stack([x, y]),
    ):
        for dtypes in ((left, right), (right, left)):
            arrays = [np.ones((2, 2), dtype) for dtype in dtypes]
            real = call(*map(Tensor, arrays))
            assert call(*symbolic(arrays, [(0, 0)])).dtype == real.dtype.name
            mixed = call(KerasTensor((2, 2), dtypes[0]), arrays[1])  # an array, not a tensor
            assert mixed.dtype == call(Tensor(arrays[0]), arrays[1]).dtype.name


INPUTS = {"prelu": 2, "dense": 3, "matmul": 2, "embedding": 2, "scaled_sum": 1, "ctc": 4}


@pytest.mark.filterwarnings("ignore:ops.softmax takes a softmax over")  # of one number
@pytest.mark.parametrize(
    "twin",
    [twin for twin in operations() if isinstance(twin, Twin) and twin.shape is not None],
    ids=lambda twin: f"{twin.family}.{twin.name}",
)
def test_rules_of_twins_agree_with_their_cases(twin):
    forward = getattr(importlib.import_module(f"diptych.reference.{twin.family}"),
                      f"{twin.name}_forward")  # fmt: skip
    signature = inspect.signature(forward)
    count = 2 if "crossentropy" in twin.family or twin.family == "losses" else 1
    count = INPUTS.get(twin.name, count)
    for case in cases.load(twin.family)[f"{twin.name}_forward"]:
        bound = signature.bind(**case.arguments())
        bound.apply_defaults()
        arrays, options = list(bound.args[:count]), bound.args[count:]
        if sum(np.size(x) for x in arrays) > 20_000:
            continue
        with np.errstate(all="ignore"):
            real = forward(*arrays, *options)[0]
        given = [x for x in arrays if x is not None]
        for unknown in [[], *unknowns(given)]:
            found = iter(symbolic(given, unknown))
            y = twin(tuple(None if x is None else next(found) for x in arrays), *options)
            assert fits(y.shape, np.shape(real)), (case.label, unknown)
            assert unknown or y.shape == np.shape(real)
            assert y.dtype == "float64"


KEYS = [
    0, -1, (0, 1), (slice(None), 2), slice(1, None), slice(None, None, -2), (Ellipsis, 0),
    (None, 1), (Ellipsis, None), (slice(0, 2), None, slice(None)), (0, Ellipsis, slice(1, 3)),
    [0, 1], ([0, 1], [1, 2]), (slice(None), [0, 2, 1]), ([0, 1], slice(None), [2, 3]),
    (0, slice(None), [2, 3]), (slice(None), 0, [2, 3]), (slice(None), [[0, 1]], [[2], [3]]),
    (None, [0, 1], [1, 2]), ([0, 1], None, [1, 2]), (np.array([0, 1]), Ellipsis, 1),
    np.ones((3, 3), bool), (slice(None), np.array([True, False, True])),
    (np.array([True, False, True]), slice(None), [0, 1]), (0, 1, 2), Ellipsis, (), (0, 1, 2, None),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing_agrees_with_numpy(key):
    a = np.arange(36.0).reshape(3, 3, 4)
    for unknown in [[], *unknowns([a])]:
        real = ops.get_item(Tensor(a), key)
        (x,) = symbolic([a], unknown)
        assert fits(x[key].shape, real.shape)
        assert unknown or x[key].shape == real.shape


def test_an_index_may_be_symbolic():
    x, i, b = KerasTensor((None, 3)), KerasTensor((None, 2), "int32"), KerasTensor((None,), "bool")
    assert x[i].shape == (None, 2, 3)
    assert x[:, i].shape == (None, None, 2)
    assert x[b].shape == (None, 3)
    a = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], np.float32)
    for y, index, expected in (
        (x[:, i], np.array([[2, 0]], np.int32), [[[2, 0]], [[5, 3]]]),
        (x[b], np.array([False, True]), [[3, 4, 5]]),
    ):
        graph = Function([x, i if index.dtype == np.int32 else b], y)
        np.testing.assert_array_equal(graph.run([Tensor(a), Tensor(index)]).array, expected)


# --------------------------------------------------------------------------------------------------
# Rules against Keras's

KERAS = json.loads((Path(__file__).parent / "golden" / "shapes.json").read_text())["calls"]
F = "float32"
# Where Keras's rule is not that of its own call, or knows less.
DIFFERENT = {
    "t(None, 3)[1:]": [[[None, 3], F]],  # Keras takes no lone slice, but x[1:, ...]
    "t(None, 3)[:5]": [[[None, 3], F]],
    "ops.rot90(t(None, 3), 2)": [[[None, 3], F]],  # Keras always exchanges the axes
    "ops.multi_hot(i(None, 3), 4)": [[[None, 4], F]],  # floats in both, once there are data
    'ops.einsum("ij,jk->ik", t(2, 3), t(4, 5))': "refused",
    "ops.slogdet(t(None, 3, 3))": [[[None], F], [[None], F]],
    # A kernel with groups, which Keras computes.
    "ops.conv(t(None, 9, 9, 4), t(3, 3, 2, 6))": [[[None, 7, 7, 6], F]],
}


def test_the_table_is_of_these_calls():
    assert list(KERAS) == calls()
    assert set(DIFFERENT) <= set(KERAS)


@pytest.mark.parametrize("text", [text for text in KERAS if text not in DIFFERENT])
def test_shapes_are_those_of_keras(text):
    found, expected = answer(text, symbols(diptych)), KERAS[text]
    if expected == "refused":
        assert found == "refused"
        return
    for (shape, dtype), (keras_shape, keras_dtype) in zip(found, expected, strict=True):
        assert dtype == keras_dtype
        assert fits(keras_shape, shape), (shape, keras_shape)  # all that Keras knows, or more


@pytest.mark.parametrize(("text", "right"), DIFFERENT.items(), ids=list(DIFFERENT))
def test_shapes_that_are_not_those_of_keras(text, right):
    assert answer(text, symbols(diptych)) == right != KERAS[text]


MORE_THAN_KERAS = [
    ("ops.stack([t(None, 3), t(2, 3)], axis=1)", (2, 2, 3)),
    ("ops.concatenate([t(None, 3), t(2, 4)], axis=1)", (2, 7)),
    ("ops.dot_product_attention(t(None, None, 4, 8), t(2, None, 2, 8), t(None, 6, 2, 5))",
     (2, None, 4, 5)),
    ("ops.prelu(t(None, None), t(3))", (None, 3)),
    ("ops.digitize(t(None, 3), [0.0, 1.0])", (None, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shape"), MORE_THAN_KERAS)
def test_sizes_that_follow_from_another_input(text, shape):
    assert tuple(answer(text, symbols(diptych))[0][0]) == shape


# --------------------------------------------------------------------------------------------------
# What cannot fit is refused, in words


@pytest.mark.parametrize(
    ("call", "shapes", "message"),
    [
        (ops.add, [(2, 3), (4, 3)], r"ops.add cannot take \(2, 3\) and \(4, 3\): 2 does not fit 4 "
         "along axis 0 of the result, where sizes must be equal or 1"),
        (ops.matmul, [(None, 3), (4, 5)], r"ops.matmul cannot take \(None, 3\) and \(4, 5\): 3 "
         "does not fit 4 where the rows of the first"),
        (lambda x, y: ops.concatenate([x, y]), [(None, 3), (None, 4)],
         "3 does not fit 4 along axis 1; only axis 0 may differ"),
        (lambda x, y: ops.concatenate([x, y]), [(None, 3), (None,)], "has 1 axes where 2 are"),
        (lambda x, y: ops.stack([x, y]), [(3,), (4,)], "ops.stack cannot take .* must be equal"),
        (lambda x: ops.sum(x, axis=2), [(None, 3)], "ops.sum cannot take .*axis=2 does not exist"),
        (lambda x: ops.sum(x, axis=(1, -1)), [(None, 3)], "names an axis twice"),
        (lambda x: ops.reshape(x, (5, -1)), [(2, 6)], "its 12 elements do not fill the shape"),
        (lambda x: ops.reshape(x, (-1, -1)), [(None, 6)], "one of them may be -1"),
        (lambda x: ops.split(x, 4, axis=1), [(None, 6)], "does not divide into 4 equal parts"),
        (lambda x: ops.broadcast_to(x, (5, 3)), [(4, 3)], r"does not broadcast to \(5, 3\)"),
        (lambda x: ops.repeat(x, [1, 2], axis=1), [(None, 3)], "one for each element"),
        (lambda x: x[0, 0, 0], [(None, 3)], "is for 3 axes"),
        (lambda x: x[:, 3], [(None, 3)], "the index 3 is beyond an axis of size 3"),
        (lambda x: x[:, np.ones(4, bool)], [(None, 3)], "must be equal"),
        (lambda x, y: x[y], [(None, 3), (2,)], "it has to hold integers or booleans"),
        (lambda x: x["a"], [(None, 3)], "'a' is no index"),
        (lambda x, y: ops.slice_update(x, (0, 2), y), [(None, 4), (2, 3)], "beyond an axis of 4"),
        (lambda x: ops.glu(x), [(None, 5)], "must be even"),
        (lambda x: ops.inv(x), [(None, 3, 4)], "square matrices are needed"),
        (lambda x: ops.det(x), [(3,)], "matrices need at least 2"),
        (ops.solve, [(3, 3), (4, 2)], "a right-hand side"),
        (ops.cross, [(None, 4), (None, 4)], "2 or 3 elements"),
        (ops.segment_sum, [(6, 2), (5,)], "the id of its segment"),
        (ops.dense, [(None, 3), (3, 4), (5,)], "units"),
        (ops.prelu, [(None, 3), (4, 3, 3)], "more axes of slopes"),
        (lambda x, y: ops.einsum("ij,jk", x, y), [(None, 3), (4, 5)], "3 does not fit 4"),
        (lambda x: ops.einsum("ij,jk", x), [(None, 3)], "is not for 1 inputs"),
        (lambda x: ops.einsum("ijk->k", x), [(None, 3)], "has 2 axes"),
        (lambda x, y: ops.tensordot(x, y, 1), [(None, 3), (4, 5)], "3 does not fit 4"),
        (lambda x: ops.norm(x, axis=(0, 1, 2)), [(2, 3, 4)], "vectors or matrices"),
        (ops.categorical_crossentropy, [(None, 3), (None, 4)], "3 does not fit 4"),
        (ops.conv, [(None, 9, 3), (3, 2, 4)], "the inputs have 3 channels, but the kernel expects"),
        (ops.conv, [(None, 9, 4), (3, 2, 5)], "makes 2 groups; these must divide its 5 filters"),
        (ops.depthwise_conv, [(None, 9, 3), (3, 2, 4)], "the inputs have 3 channels"),
        (ops.conv_transpose, [(None, 9, 3), (3, 4, 2)], "the inputs have 3 channels"),
        (lambda x, m: ops.batch_normalization(x, m, m, 1), [(None, 3), (4,)], "along axis 1"),
        (ops.layer_normalization, [(None, 3), (4,)], "needs 3 numbers to scale and shift by"),
        (ops.dot_product_attention, [(2, 5, 3, 4), (2, 6, 2, 4), (2, 6, 2, 4)], "no multiple of 2"),
        (lambda x: ops.image.rgb_to_hsv(x), [(8, 8, 4)], "must have 3 channels"),
        (lambda x: ops.image.resize(x, (4, 4)), [(8, 8)], "an image of 3 axes or a batch of 4"),
        (lambda x: ops.image.crop_images(x, 9, 0, 0, 0), [(8, 8, 3)], "does not fit images"),
    ],
)  # fmt: skip
def test_what_no_data_could_fit_is_refused_as_by_a_call(call, shapes, message):
    with pytest.raises(ValueError, match=message):
        call(*map(KerasTensor, shapes))
    real = [np.ones([2 if n is None else n for n in shape], np.float32) for shape in shapes]
    with pytest.raises((ValueError, IndexError, TypeError, np.linalg.LinAlgError)):
        call(*map(Tensor, real))


def test_a_dtype_that_no_data_could_have_is_refused():
    with pytest.raises(TypeError, match="Expected numbers"):
        ops.cast(KerasTensor((None,), "string"), "float32")
    with pytest.raises(TypeError, match="float16, float32 and float64, but got complex64"):
        ops.relu(KerasTensor((None,), "complex64"))
    with pytest.raises(TypeError, match="negative"):
        ops.negative(KerasTensor((None,), "bool"))


# --------------------------------------------------------------------------------------------------
# In models, and operations of one's own


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_unknown_sizes_in_a_model(engine):
    with diptych.engine(engine):
        x, y = layers.Input((None, 3)), layers.Input((4, None))
        z = ops.nonzero(ops.add(x, y))[0]
        model = Model([x, y], [ops.multiply(x, y), z])
        assert [t.shape for t in model.outputs] == [(None, 4, 3), (None,)]
        a, b = np.ones((2, 4, 3), np.float32), np.zeros((2, 4, 3), np.float32)
        product, indices = model([a, b])
        assert (product.shape, indices.shape) == ((2, 4, 3), (24,))


def test_a_broadcast_of_unknown_sizes():
    t = KerasTensor
    assert ops.add(t((None, 3)), t((2, None))).shape == (2, 3)
    assert ops.add(t((None, 1)), t((1, None))).shape == (None, None)
    assert [i.shape for i in ops.nonzero(t((None, 3)))] == [(None,), (None,)]
    assert t((None, 3))[5].shape == (3,)
    assert ops.add(t((None, 3)), [[1.0], [2.0]]).shape == (2, 3)
    assert ops.add(t((None, 3)), math.pi).shape == (None, 3)


def test_an_operation_without_a_rule_is_tried_on_zeros():
    calls = []
    doubled = ArrayOp("doubled", lambda x: calls.append(x.shape) or np.concatenate([x, x], -1))
    assert doubled(KerasTensor((None, 3))).shape == (None, 6)
    assert calls == [(2, 3), (3, 3)]
    ruled = ArrayOp("ruled", lambda x: calls.append(1), shape=lambda x: (*x, 2), dtype="int32")
    y = ruled(KerasTensor((None, 3)))
    assert (y.shape, y.dtype, len(calls)) == ((None, 3, 2), "int32", 2)


def test_rules_call_no_operation():
    """A graph of operations is made without computing anything but single numbers."""
    from diptych.ops import reductions, shapes

    for operation in (reductions._sum, shapes._reshape, shapes._concatenate):
        forward, operation.forward = operation.forward, None
        try:
            ops.concatenate([ops.reshape(ops.sum(KerasTensor((None, 3, 2)), 1), (-1, 1))] * 2)
        finally:
            operation.forward = forward


def test_a_symbolic_number_everywhere():
    number = KerasTensor((), "float32")
    assert ops.full((2, 3), number).shape == (2, 3)
    like = ops.full_like(KerasTensor((None, 3), "int32"), number)
    assert (like.shape, like.dtype) == ((None, 3), "int32")
    with pytest.raises(ValueError, match="does not fit"):
        ops.full((2, 3), KerasTensor((4,)))
