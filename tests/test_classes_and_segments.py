"""Class numbers and segment ids: those that do not exist, and data of more than two axes. The
values are those of Keras 3.15.
"""

import numpy as np
import pytest

from diptych import Input, layers, ops
from diptych.graph import KerasTensor
from diptych.tape import GradientTape
from diptych.tensor import Variable

SETS = np.array([[[0, 1], [1, 1], [2, 3]], [[3, 3], [0, 0], [1, 2]]])  # (2, 3, 2)
COUNTS = [[[1, 1, 1, 0], [0, 2, 0, 1]], [[1, 1, 0, 1], [1, 0, 1, 1]]]


def test_in_top_k_of_a_class_that_does_not_exist():
    scores = np.array([[0.1, 0.5, 0.4]] * 4, "float32")
    for k, expected in ((1, [0, 0, 0, 0]), (2, [0, 1, 0, 0]), (9, [1, 1, 0, 0])):
        np.testing.assert_array_equal(ops.in_top_k(np.array([0, 2, 3, -1]), scores, k), expected)


def test_in_top_k_takes_nan_for_the_least():
    scores = np.array([[np.nan, 0.1, 0.2], [0.1, np.nan, 0.2]], "float32")
    np.testing.assert_array_equal(ops.in_top_k([0, 1], scores, 1), [False, False])
    np.testing.assert_array_equal(ops.in_top_k([2, 0], scores, 1), [True, False])
    np.testing.assert_array_equal(ops.in_top_k([2, 0], scores, 2), [True, True])
    np.testing.assert_array_equal(ops.in_top_k([0, 1], scores, 2), [False, False])


@pytest.mark.parametrize(
    ("ids", "count", "sums", "greatest"),
    [
        ([0, 1, 5, 2], 3, [1, 2, 8], [1, 2, 8]),
        ([0, -1, 1, 1], 3, [1, 12, 0], [1, 8, -np.inf]),
        ([-7, 3, 0, 0], 2, [12, 0], [8, -np.inf]),
        ([0, -1, 1, 1], None, [1, 12], [1, 8]),
        ([-2, -3, -3, -2], None, [], []),
    ],
)
def test_rows_with_an_id_out_of_range_are_left_out(ids, count, sums, greatest):
    data = Variable(np.array([[1.0], [2.0], [4.0], [8.0]]))
    for operation, expected in ((ops.segment_sum, sums), (ops.segment_max, greatest)):
        with GradientTape() as tape:
            y = operation(data, np.array(ids), num_segments=count)
        np.testing.assert_array_equal(y.array[:, 0], expected)
        upstream = 10.0 ** np.arange(len(expected))[:, None]
        with GradientTape() as tape:
            y = operation(data, np.array(ids), num_segments=count)
            total = ops.sum(ops.where(ops.isfinite(y), y, 0.0) * upstream)
        right = np.array([upstream[i, 0] if 0 <= i < len(expected) else 0.0 for i in ids])
        if operation is ops.segment_max:
            right *= np.isin(data.array[:, 0], expected)
        np.testing.assert_array_equal(tape.gradient(total, data)[:, 0], right)


def test_the_greatest_of_booleans_and_of_nothing():
    ids = np.array([0, 0, 3, -1])
    flags = np.array([False, True, False, True])
    np.testing.assert_array_equal(ops.segment_max(flags, ids, 4), [True, False, False, False])
    numbers = ops.segment_max(np.arange(4, dtype="int8"), ids, 4)
    np.testing.assert_array_equal(numbers, [1, -128, -128, 2])


def test_the_sets_of_multi_hot_are_the_second_axis():
    np.testing.assert_array_equal(ops.multi_hot(SETS, 4), np.minimum(COUNTS, 1))
    np.testing.assert_array_equal(ops.multi_hot(SETS[0].T, 4), [[1, 1, 1, 0], [0, 1, 0, 1]])
    np.testing.assert_array_equal(ops.multi_hot([0, 2, 7, -1], 4), [1, 0, 1, 0])
    assert ops.multi_hot(SETS, 4, axis=0).shape == (4, 3, 2)
    np.testing.assert_array_equal(
        ops.multi_hot(SETS[0], 4, axis=0), [[1, 0], [1, 1], [1, 0], [0, 1]]
    )


def test_one_hot_refuses_an_axis_that_does_not_exist():
    with pytest.raises(ValueError, match="axis 2 is out of bounds"):
        ops.one_hot([0, 1], 4, axis=2)


ENCODERS = {
    "category encoding": lambda mode: layers.CategoryEncoding(num_tokens=4, output_mode=mode),
    "discretization": lambda mode: layers.Discretization([0.5, 1.5, 2.5], output_mode=mode),
    "integer lookup": lambda mode: layers.IntegerLookup(
        vocabulary=[0, 1, 2, 3], num_oov_indices=0, output_mode=mode
    ),
}


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("mode", ["multi_hot", "count"])
def test_layers_encode_the_second_axis(encoder, mode):
    layer = ENCODERS[encoder](mode)
    expected = np.asarray(COUNTS) if mode == "count" else np.minimum(COUNTS, 1)
    np.testing.assert_array_equal(layer(SETS), expected)
    np.testing.assert_array_equal(layer(SETS[..., None]), expected[:, :, None])
    np.testing.assert_array_equal(layer(SETS[:, :, 0]), layer(SETS)[:, 0])
    assert layer.compute_output_shape((None, 3, 2)) == (None, 2, 4)
    assert layer.compute_output_shape((None, 3)) == (None, 4)
    assert layer.compute_output_shape((3,)) == (4,)
    assert layer(Input((3, 2), dtype="int64")).shape == (None, 2, 4)


def test_texts_and_hashes_are_encoded_alike():
    words = np.array([[["a", "b"], ["c", "b"]]], dtype=object)  # (1, 2, 2)
    lookup = layers.StringLookup(vocabulary=["a", "b", "c"], output_mode="count")
    np.testing.assert_array_equal(lookup(words), [[[0, 1, 0, 1], [0, 0, 2, 0]]])
    hashing = layers.Hashing(num_bins=3, output_mode="count")
    # "A", "B" and "C" are hashed to 1, 0 and 1.
    letters = np.array([[["A", "B"], ["C", "A"]]], dtype=object)
    np.testing.assert_array_equal(hashing(letters), [[[0, 2, 0], [1, 1, 0]]])
    assert hashing.compute_output_shape((None, 2, 2)) == (None, 2, 3)


def test_weights_of_counts_follow_their_numbers():
    weights = np.arange(12).reshape(2, 3, 2) / 10
    found = layers.CategoryEncoding(4, output_mode="count")(SETS, count_weights=weights)
    np.testing.assert_allclose(
        found,
        [[[0, 0.2, 0.4, 0], [0, 0.4, 0, 0.5]], [[0.8, 1.0, 0, 0.6], [0.9, 0, 1.1, 0.7]]],
        rtol=1e-6,
    )


def test_a_symbolic_set_has_the_shape_of_the_result():
    assert ops.multi_hot(KerasTensor((None, 3, 2), "int32"), 4).shape == (None, 2, 4)
