"""``split_dataset``, with the results of Keras 3.15 on TensorFlow."""

import numpy as np
import pytest

import diptych
from diptych.utils import Dataset, split_dataset

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)


def labels(data):
    return [np.asarray(y).tolist() for _, y in data]


@pytest.mark.parametrize(
    ("sizes", "left", "right"),
    [
        ({"left_size": 3}, [0, 1, 2], [3, 4, 5, 6, 7, 8, 9]),
        ({"right_size": 0.25}, [0, 1, 2, 3, 4, 5, 6, 7], [8, 9]),
        ({"left_size": 2, "right_size": 3}, [0, 1], [7, 8, 9]),
        ({"left_size": 0.5, "shuffle": True, "seed": 4}, [8, 2, 0, 7, 6], [9, 5, 1, 4, 3]),
    ],
)
def test_sizes(sizes, left, right):
    for data in ((X, Y), [X, Y], Dataset.from_tensor_slices((X, Y)).map(lambda x, y: (x, y))):
        one, other = split_dataset(data, **sizes)
        assert (labels(one), labels(other)) == (left, right)
        assert labels(one.batch(20)) == [left]
        assert (len(one), len(other)) == (len(left), len(right))


def test_batches_are_split_by_their_rows():
    for data in (
        Dataset.from_tensor_slices((X, Y)).batch(3),
        Dataset.from_tensor_slices((X, Y)).map(lambda x, y: (x, y)).batch(3),
    ):
        left, right = split_dataset(data, left_size=0.5)
        assert (labels(left), labels(right)) == ([[0, 1, 2], [3, 4]], [[5, 6, 7], [8, 9]])
    left, right = split_dataset(data.cache(), left_size=1)
    assert len(labels(right)) == 3  # the batches are its elements now


def test_an_array_and_a_dict():
    left, _ = split_dataset(X, left_size=0.3)
    np.testing.assert_array_equal([x.numpy() for x in left], X[:3])
    _, right = split_dataset(Dataset.from_tensor_slices({"x": X, "y": Y}), right_size=1)
    assert [int(element["y"]) for element in right] == [9]


def test_a_split_is_made_once():
    data = Dataset.from_tensor_slices((X, Y)).shuffle(10)
    left, right = split_dataset(data, left_size=5)
    assert labels(left) == labels(left)
    assert sorted(labels(left) + labels(right)) == list(range(10))


def test_models_take_the_parts():
    model = diptych.Sequential([diptych.Input((2,)), diptych.layers.Dense(1)])
    model.compile("sgd", "mse")
    train, held_out = split_dataset((X / 20, Y / 10), left_size=0.8)
    history = model.fit(train.batch(4), validation_data=held_out.batch(4), epochs=2, verbose=0)
    assert len(history.history["val_loss"]) == 2


@pytest.mark.parametrize(
    ("data", "sizes", "error"),
    [
        (X, {}, ValueError),
        (X, {"left_size": 0}, ValueError),
        (X, {"left_size": 10}, ValueError),
        (X, {"left_size": 1.0}, ValueError),
        (X, {"left_size": 0.01}, ValueError),
        (X, {"left_size": 6, "right_size": 0.6}, ValueError),
        (X, {"left_size": "half"}, TypeError),
        (X, {"left_size": True}, TypeError),
        ((X, Y[:3]), {"left_size": 1}, ValueError),
        ([X, [1]], {"left_size": 1}, ValueError),
        (iter(X), {"left_size": 1}, TypeError),
    ],
)
def test_errors_of_a_split(data, sizes, error):
    with pytest.raises(error, match=r"split_dataset\(\)"):
        split_dataset(data, **sizes)
