"""From arrays, data sets and generators to batches."""

import collections
import threading
import warnings

import numpy as np
import pytest

from diptych import Input, Sequential, layers, losses, random, utils
from diptych.models import batches as of_arrays
from diptych.models.arrays import as_arrays
from diptych.models.batches import ArrayBatches
from diptych.models.class_weights import class_weights_to_sample_weights
from diptych.models.data import batches_for, split_off_validation
from diptych.tensor import Tensor
from diptych.utils import PyDataset, unpack_x_y_sample_weight


def rows(batches):
    """The first column of x of each batch of one epoch, as lists."""
    return [np.ravel(x[:, 0] if x.ndim > 1 else x).tolist() for x, _, _ in batches]


@pytest.fixture
def x():
    return np.arange(20.0).reshape(10, 2)


@pytest.fixture
def y():
    return np.arange(10)


# Arrays in order


def test_batches_in_order_with_the_last_one_smaller(x, y):
    batches = batches_for(x, y, batch_size=4)
    assert batches.steps == 3
    got = list(batches)
    assert [len(bx) for bx, _, _ in got] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([bx for bx, _, _ in got]), x)
    np.testing.assert_array_equal(np.concatenate([by for _, by, _ in got]), y)
    assert all(w is None for _, _, w in got)


def test_every_epoch_starts_at_the_first_row(x):
    batches = batches_for(x, batch_size=4)
    assert rows(batches) == rows(batches) == [[0, 2, 4, 6], [8, 10, 12, 14], [16, 18]]


@pytest.mark.parametrize("size", [10, 11, 1000, np.int64(10)])
def test_a_batch_may_be_as_large_as_the_data_or_larger(x, y, size):
    batches = batches_for(x, y, batch_size=size)
    assert batches.steps == 1
    (only,) = batches
    np.testing.assert_array_equal(only[0], x)


def test_batch_size_none_is_32():
    assert [len(b) for b, _, _ in batches_for(np.zeros((70, 1)))] == [32, 32, 6]


@pytest.mark.parametrize("size", [0, -1, 2.5, "32", True])
def test_a_senseless_batch_size_is_refused(x, size):
    with pytest.raises(ValueError, match=r"batch_size=.*whole number of at least 1"):
        batches_for(x, batch_size=size)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64", "float32", "bool", "float16"])
def test_dtypes_are_kept(dtype):
    (batch,) = batches_for(np.ones((3, 2), dtype), np.ones(3, dtype))
    assert batch[0].dtype == batch[1].dtype == dtype


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_dtypes_are_cast_where_asked_for(x, y, monkeypatch, small, shuffle):
    monkeypatch.setattr(of_arrays, "SMALL", 1 << 20 if small else 0)
    batches = batches_for(x, y, batch_size=4, dtypes="float32", shuffle=shuffle)
    assert batches.first()[0].dtype == np.float32
    for bx, by, _ in batches:
        assert (bx.dtype, by.dtype) == (np.float32, y.dtype)
        np.testing.assert_array_equal(bx[:, 0], 2 * by)
    batches = batches_for([x, y], y, batch_size=4, dtypes=[None, "float32", "float64"])
    (a, b), c, _ = next(iter(batches))
    assert (a.dtype, b.dtype, c.dtype) == (x.dtype, np.float32, np.float64)


def test_structures_keep_their_nesting(x, y):
    weights = {"b": np.arange(10) / 10}
    batches = batches_for({"a": [x, y], "b": (x,)}, [y, None], weights, batch_size=6)
    bx, by, bw = list(batches)[1]
    np.testing.assert_array_equal(bx["a"][1], y[6:])
    np.testing.assert_array_equal(bx["b"][0], x[6:])
    np.testing.assert_array_equal(by[0], y[6:])
    assert by[1] is None
    np.testing.assert_array_equal(bw["b"], weights["b"][6:])


def test_first_returns_a_batch_without_using_it_up(x, y):
    batches = batches_for(x, y, batch_size=4)
    np.testing.assert_array_equal(batches.first()[0], x[:4])
    assert len(list(batches)) == 3


# Shuffling


@pytest.mark.parametrize("small", [True, False])
def test_shuffling_keeps_rows_together_and_uses_each_once(x, y, monkeypatch, small):
    monkeypatch.setattr(of_arrays, "SMALL", 1 << 20 if small else 0)
    utils.set_random_seed(1)
    batches = batches_for(x, y, y / 10, batch_size=4, shuffle=True)
    orders = []
    for _ in range(2):
        got = list(batches)
        order = np.concatenate([by for _, by, _ in got])
        np.testing.assert_array_equal(np.concatenate([bx for bx, _, _ in got]), x[order])
        np.testing.assert_array_equal(np.concatenate([bw for _, _, bw in got]), order / 10)
        assert sorted(order) == list(range(10))
        orders.append(order.tolist())
    assert orders[0] != orders[1]
    assert orders[0] != list(range(10))


def test_the_seed_decides_the_order_and_one_permutation_is_drawn_an_epoch(x, monkeypatch):
    def epochs():
        utils.set_random_seed(3)
        batches = batches_for(x, batch_size=3, shuffle=True)
        return [rows(batches), rows(batches)]

    first = epochs()
    assert epochs() == first
    monkeypatch.setattr(of_arrays, "SMALL", 0)
    assert epochs() == first
    utils.set_random_seed(3)
    orders = [random.global_generator().permutation(10) for _ in range(2)]
    assert [[v for batch in epoch for v in batch] for epoch in first] == [
        x[order, 0].tolist() for order in orders
    ]


def test_shuffle_batch_moves_whole_batches_and_leaves_the_rest_last():
    utils.set_random_seed(0)
    batches = batches_for(np.arange(22), batch_size=4, shuffle="batch")
    seen = set()
    for _ in range(5):
        got = rows(batches)
        assert got[-1] == [20, 21]
        assert sorted(got[:-1]) == [list(range(i, i + 4)) for i in range(0, 20, 4)]
        seen.add(str(got))
    assert len(seen) > 1


def test_another_shuffle_is_refused(x):
    with pytest.raises(ValueError, match="expected True, False or 'batch'"):
        batches_for(x, shuffle="rows")


def test_the_users_arrays_are_not_written_to(x, y):
    before = x.copy(), y.copy()
    x.setflags(write=False)
    y.setflags(write=False)
    for batch_x, batch_y, _ in batches_for(x, y, shuffle=True, dtypes="float32"):
        assert not np.shares_memory(batch_x, x)
        assert not np.shares_memory(batch_y, y)
        batch_x[...], batch_y[...] = 99, 99
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


# Steps


def test_an_epoch_goes_on_where_the_last_one_stopped_and_ends_with_the_data(x):
    batches = batches_for(x[:, 0] / 2, batch_size=4, steps=2, repeat=True)
    assert batches.steps == 2
    assert rows(batches) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.warns(UserWarning, match="ended after 1 of the 2 batches") as told:
        assert rows(batches) == [[8, 9]]
    assert told[0].filename == __file__
    assert rows(batches) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert rows(batches) == [[8, 9]]  # and no second warning


def test_steps_that_divide_the_batches_are_whole_passes(x):
    batches = batches_for(x, batch_size=5, steps=1, repeat=True, shuffle=True)
    for _ in range(2):
        assert sorted(sum(rows(batches) + rows(batches), [])) == x[:, 0].tolist()


def test_more_steps_than_batches_are_one_pass(x):
    batches = batches_for(x, batch_size=4, steps=5, repeat=True, shuffle=True)
    assert batches.steps == 5
    with pytest.warns(UserWarning, match="ended after 3 of the 5 batches"):
        got = rows(batches)
    assert [len(b) for b in got] == [4, 4, 2]
    assert sorted(sum(got, [])) == x[:, 0].tolist()
    assert sorted(sum(rows(batches), [])) == x[:, 0].tolist()


def test_steps_of_an_evaluation_start_at_the_first_row_and_end_with_the_last(x):
    batches = batches_for(x, batch_size=4, steps=2)
    assert rows(batches) == rows(batches) == [[0, 2, 4, 6], [8, 10, 12, 14]]
    batches = batches_for(x, batch_size=4, steps=9)
    with pytest.warns(UserWarning, match="ended after 3 of the 9 batches"):
        assert len(rows(batches)) == 3
    assert len(rows(batches)) == 3


# What counts as data


class Frame:
    """What a pandas object looks like from outside."""

    def __init__(self, values):
        self.values = values

    def to_numpy(self):
        return self.values

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("to_numpy() is asked first")


@pytest.mark.parametrize(
    "given",
    [
        [[1, 2], [3, 4]],
        ((1, 2), (3, 4)),
        np.array([[1, 2], [3, 4]]),
        Tensor(np.array([[1, 2], [3, 4]])),
        Frame(np.array([[1, 2], [3, 4]])),
        [[np.float64(1), np.float64(2)], [3, 4]],
    ],
    ids=lambda given: type(given).__name__,
)
def test_one_array(given):
    array = as_arrays(given, "x")
    assert type(array) is np.ndarray
    np.testing.assert_array_equal(array, [[1, 2], [3, 4]])


def test_a_list_of_numpy_numbers_is_one_array():
    assert as_arrays([np.int64(1), np.int64(2)], "y").shape == (2,)


def test_a_list_of_arrays_is_several():
    a, b = as_arrays([np.zeros((3, 2)), np.ones(3)], "x")
    assert (a.shape, b.shape) == ((3, 2), (3,))
    got = as_arrays({"a": [[1, 2]], "b": Frame(np.ones(1))}, "x")
    assert {key: part.shape for key, part in got.items()} == {"a": (1, 2), "b": (1,)}


def test_a_named_tuple_of_arrays_keeps_its_names():
    pair = collections.namedtuple("pair", "left right")
    got = as_arrays(pair(np.zeros(3), [1, 2, 3]), "x")
    assert got.right.tolist() == [1, 2, 3]


def test_a_memmap_is_read_batch_by_batch(tmp_path):
    held = np.memmap(tmp_path / "rows", dtype="float32", mode="w+", shape=(6, 2))
    held[:] = np.arange(12).reshape(6, 2)
    array = as_arrays(held, "x")
    assert np.shares_memory(array, held)
    assert rows(batches_for(held, batch_size=4)) == [[0, 2, 4, 6], [8, 10]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[1, 2], [3]], r"rows of x differ in length: row 0 has 2 items, row 1 1 items"),
        ([[1, 2], 3], r"row 1 a single number"),
        (np.array([[1, 2], [3]], dtype=object), r"entries are of type list"),
        (np.array([1.0, None], dtype=object), r"Python objects, among them None"),
        (np.array(["a", "b"]), r"x holds text, such as 'a'.*return_inverse"),
        (["a", "b"], r"x holds text"),
        (np.array([1j]), r"dtype complex128"),
        (np.array(["2020-01-01"], dtype="M8[D]"), r"dtype datetime64"),
        (5.0, r"x is the single value .*first axis is the batch"),
        ({"a": ["text"]}, r"x\['a'\] holds text"),
        ([np.zeros(2), np.array(["t"])], r"x\[1\] holds text"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_holds_no_numbers_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        as_arrays(given, "x")


def test_different_numbers_of_samples_are_refused_with_all_of_them(x, y):
    with pytest.raises(ValueError, match=r"\(x: 10, 9; y: 10; sample_weight: 3\)"):
        batches_for([x, x[:9]], y, np.ones(3))


def test_empty_arrays_are_refused():
    with pytest.raises(ValueError, match=r"data are empty: x has shape \(0, 3\)"):
        batches_for(np.zeros((0, 3)), np.zeros(0))


def test_no_data_at_all_are_refused():
    with pytest.raises(ValueError, match="x is None"):
        batches_for(None)


# Weights and the validation split


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1, 2, 1]),
        np.array([[0], [1], [2], [1]]),
        np.array([0.0, 1.0, 2.0, 1.0]),
        np.eye(3)[[0, 1, 2, 1]],
    ],
    ids=["integers", "column", "floats", "one-hot"],
)
def test_class_weights_become_sample_weights(labels):
    weights = class_weights_to_sample_weights(labels, None, {0: 2.0, 1: 0.5})
    np.testing.assert_array_equal(weights, [2, 0.5, 1, 0.5])


def test_class_weights_reach_the_batches(x):
    batches = batches_for(x, np.arange(10) % 2, batch_size=5, class_weight={0: 3.0})
    assert [w.tolist() for _, _, w in batches] == [[3, 1, 3, 1, 3], [1, 3, 1, 3, 1]]


def test_weights_of_classes_that_no_label_has_warn(x):
    labels = np.arange(10) % 2
    with pytest.warns(UserWarning, match=r"classes \[2, 7\].*labels range from 0 to 1"):
        batches_for(x, labels, class_weight={0: 1.0, 2: 3.0, 7: 1.0})
    class_weights_to_sample_weights(labels, None, {7: 1.0})  # a batch need not have all classes
    with pytest.raises(ValueError, match="needs labels, but there are none"):
        batches_for(x, class_weight={0: 1.0})


def test_class_weights_need_one_array_of_labels_and_no_other_weights(x, y):
    with pytest.raises(ValueError, match="class_weight or sample_weight, not both"):
        batches_for(x, y, np.ones(10), class_weight={0: 1.0})
    with pytest.raises(ValueError, match="one output and one array"):
        batches_for(x, [y, y], class_weight={0: 1.0})
    with pytest.raises(ValueError, match=r"labels have shape \(4, 2, 2\)"):
        class_weights_to_sample_weights(np.zeros((4, 2, 2)), None, {0: 1.0})


@pytest.mark.parametrize("labels", [[[0, 1, 2], [2, 0, 1]], [[0, -1], [1, 1]], [[0.0, 3.0]]])
def test_class_weights_of_class_numbers_for_each_step_are_refused(labels):
    """An argmax over the steps would give a step as the class."""
    with pytest.raises(ValueError, match=r"class for each step.*sample_weight.*np\.vectorize"):
        class_weights_to_sample_weights(np.array(labels), None, {0: 1.0, 1: 2.0})


@pytest.mark.parametrize("source", ["arrays", "generator", "batch"])
@pytest.mark.parametrize(
    ("last", "loss"),
    [
        (layers.Dense(2, activation="softmax"), "sparse_categorical_crossentropy"),
        (layers.Dense(1, activation="sigmoid"), "binary_crossentropy"),
    ],
)
def test_class_weights_for_labels_of_steps_are_refused_by_the_output(last, loss, source):
    """Labels of 0 and 1 for three steps might be one-hot rows: the model's output tells."""
    x, y = np.ones((4, 3, 2)), np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]])
    model = Sequential([Input((3, 2)), layers.TimeDistributed(last)])
    model.compile("sgd", loss)
    take, given = {
        "arrays": (model.fit, (x, y)),
        "generator": (model.fit, (iter([(x, y)]),)),
        "batch": (model.train_on_batch, (x, y)),
    }[source]
    with pytest.raises(ValueError, match=r"labels have shape \(4, 3\).*sample_weight"):
        take(*given, class_weight={0: 1.0, 1: 5.0})


def test_class_weights_of_one_hot_rows_and_columns_are_taken_as_before():
    model = Sequential([Input((2,)), layers.Dense(3, kernel_initializer="zeros")])
    x, y, weights = np.ones((3, 2)), np.array([0, 1, 2]), {0: 1.0, 1: 2.0, 2: 6.0}
    for labels, kind in ((y, "sparse_"), (y[:, None], "sparse_"), (np.eye(3)[y], "")):
        for take in (model.fit, model.train_on_batch):
            loss = losses.get(f"{kind}categorical_crossentropy")
            model.set_weights([np.zeros((2, 3)), np.zeros(3)])
            model.compile("sgd", lambda a, b, loss=loss: loss(a, b, from_logits=True))
            found = take(x, labels, class_weight=weights)
            found = found.history["loss"][0] if take == model.fit else found
            assert found == pytest.approx(np.log(3) * 3, rel=1e-5)


@pytest.mark.parametrize("weights", [{"a": {0: 1.0}, "b": {0: 2.0}}, [{0: 1.0}, {0: 2.0}]])
def test_class_weights_by_output_point_to_sample_weights(weights):
    y = {"a": np.zeros(3), "b": np.zeros(3)}
    with pytest.raises(ValueError, match=r"one output's classes.*pass sample_weight"):
        batches_for(np.ones((3, 2)), y, class_weight=weights)


def test_the_last_rows_are_the_validation_data(x, y):
    train, validation = split_off_validation(x, {"a": y}, None, 0.25)
    np.testing.assert_array_equal(train[0], x[:7])
    np.testing.assert_array_equal(train[1]["a"], y[:7])
    np.testing.assert_array_equal(validation[0], x[7:])
    assert train[2] is validation[2] is None


@pytest.mark.parametrize(("count", "share", "split"), [(100, 0.1, 90), (3, 0.5, 1), (5, 0.99, 0)])
def test_the_split_is_where_keras_puts_it(count, share, split):
    both = (np.arange(count), np.arange(count), None)
    if split == 0:
        with pytest.raises(ValueError, match="leaves 0 to train on and 5 to validate on"):
            split_off_validation(*both, share)
    else:
        assert len(split_off_validation(*both, share)[0][0]) == split


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 20])
def test_a_share_outside_0_to_1_is_refused(x, y, share):
    with pytest.raises(ValueError, match="a fraction between 0 and 1"):
        split_off_validation(x, y, None, share)


def test_a_split_of_different_lengths_is_refused(x, y):
    with pytest.raises(ValueError, match="differ in their number of samples"):
        split_off_validation(x, y[:5], None, 0.5)


def test_a_split_of_a_dataset_is_refused():
    with pytest.raises(ValueError, match="x is a Numbers; use validation_data"):
        split_off_validation(Numbers(), None, None, 0.5)


def test_unpack():
    assert unpack_x_y_sample_weight((1,)) == (1, None, None)
    assert unpack_x_y_sample_weight([1, 2]) == (1, 2, None)
    assert unpack_x_y_sample_weight((1, 2, 3)) == (1, 2, 3)
    assert unpack_x_y_sample_weight({"a": 1}) == ({"a": 1}, None, None)
    with pytest.raises(ValueError, match="tuple of 4 parts"):
        unpack_x_y_sample_weight((1, 2, 3, 4))


# PyDataset


class Numbers(PyDataset):
    def __init__(self, count=5, **kwargs):
        super().__init__(**kwargs)
        self.count, self.events, self.threads = count, [], set()

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.threads.add(threading.current_thread())
        return np.full((2, 1), index), np.full(2, index)

    def on_epoch_begin(self):
        self.events.append("begin")

    def on_epoch_end(self):
        self.events.append("end")


def test_a_dataset_gives_its_batches_in_order():
    dataset = Numbers()
    batches = batches_for(dataset)
    assert batches.steps == 5
    assert batches.first()[0].tolist() == [[0], [0]]
    assert rows(batches) == rows(batches) == [[i, i] for i in range(5)]
    assert dataset.events == ["begin", "end"] * 2


def test_a_datasets_batches_change_places_where_shuffled():
    utils.set_random_seed(0)
    batches = batches_for(Numbers(20), shuffle=True)
    got = rows(batches)
    assert got != rows(batches)
    assert sorted(got) == [[i, i] for i in range(20)]


def test_a_datasets_steps():
    assert rows(batches_for(Numbers(), steps=2)) == [[0, 0], [1, 1]]
    batches = batches_for(Numbers(3), steps=2, repeat=True)
    assert rows(batches) == [[0, 0], [1, 1]]
    with pytest.warns(UserWarning, match="ended after 1 of the 2 batches"):
        assert rows(batches) == [[2, 2]]
    assert rows(batches) == [[0, 0], [1, 1]]
    assert batches.dataset.events == ["begin", "end"] * 3
    with pytest.warns(UserWarning, match="ended after 3 of the 7 batches"):
        assert len(rows(batches_for(Numbers(3), steps=7))) == 3


def test_a_dataset_without_end():
    class Endless(Numbers):
        @property
        def num_batches(self):
            return None

    with pytest.raises(ValueError, match="Endless has no end.*steps_per_epoch"):
        batches_for(Endless())
    batches = batches_for(Endless(), steps=3, repeat=True)
    assert rows(batches) + rows(batches) == [[i, i] for i in range(6)]


def test_workers_make_the_same_batches_in_the_same_order():
    later = threading.Event()

    class Uneven(Numbers):
        def __getitem__(self, index):
            if index == 1:
                later.set()
            # The first batch is ready only after the second.
            assert index != 0 or later.wait(timeout=30)
            return super().__getitem__(index)

    dataset = Uneven(12, workers=3, max_queue_size=4)
    assert rows(batches_for(dataset)) == [[i, i] for i in range(12)]
    assert threading.main_thread() not in dataset.threads


def test_an_error_of_a_worker_reaches_the_caller():
    class Failing(Numbers):
        def __getitem__(self, index):
            if index == 2:
                raise OSError("no such file")
            return super().__getitem__(index)

    with pytest.raises(OSError, match="no such file"):
        rows(batches_for(Failing(workers=2)))


def test_a_dataset_brings_its_own_labels(y):
    with pytest.raises(ValueError, match="y cannot be combined with a Numbers"):
        batches_for(Numbers(), y)


def test_a_dataset_without_its_methods_says_which():
    with pytest.raises(NotImplementedError, match="PyDataset needs __len__"):
        batches_for(PyDataset())


def test_an_empty_dataset_is_refused():
    with pytest.raises(ValueError, match=r"len\(Numbers\) is 0"):
        batches_for(Numbers(0))


def test_class_weights_of_a_dataset():
    batches = batches_for(Numbers(2), class_weight={1: 5.0})
    assert [w.tolist() for _, _, w in batches] == [[1, 1], [5, 5]]


# Generators


def numbers(count):
    for i in range(count):
        yield np.full((2, 1), i), np.zeros(2)


def test_a_generator_goes_on_from_epoch_to_epoch():
    batches = batches_for(numbers(4), steps=2)
    assert batches.steps == 2
    assert batches.first()[0].tolist() == [[0], [0]]
    assert rows(batches) == [[0, 0], [1, 1]]
    assert batches.more()
    assert rows(batches) == [[2, 2], [3, 3]]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert not batches.more()
    assert not batches.more()  # and no second warning
    assert rows(batches) == []


def test_a_generator_that_ends_within_an_epoch_warns_once():
    batches = batches_for(numbers(3), steps=2)
    assert len(rows(batches)) == 2
    assert batches.more()
    with pytest.warns(UserWarning, match="ran out of data") as told:
        assert len(rows(batches)) == 1
    assert told[0].filename == __file__
    assert not batches.more()


def test_without_steps_one_epoch_takes_all():
    for ask in (lambda batches: batches.more(), rows):
        batches = batches_for(numbers(3))
        assert batches.steps is None
        assert len(rows(batches)) == 3
        with pytest.warns(UserWarning, match="ran out of data"):
            assert not ask(batches)


def test_arrays_never_run_out(x):
    batches = batches_for(x)
    assert batches.more()
    rows(batches)
    assert batches.more()


def test_what_gives_a_new_iterator_each_time_starts_again():
    class Loader:
        def __iter__(self):
            return numbers(3)

        def __len__(self):
            return 3

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batches = batches_for(Loader())
        assert batches.steps == 3
        assert rows(batches) == rows(batches) == [[0, 0], [1, 1], [2, 2]]
        batches = batches_for(Loader(), steps=2)
        assert rows(batches) == [[0, 0], [1, 1]]
        with pytest.warns(UserWarning, match="ended after 1 of the 2 batches"):
            assert rows(batches) == [[2, 2]]
        assert rows(batches) == [[0, 0], [1, 1]]


def test_an_empty_generator_is_refused():
    with pytest.raises(ValueError, match="gave no batch at all"):
        batches_for(iter(())).first()


def test_a_batch_of_different_lengths_is_refused():
    with pytest.raises(ValueError, match=r"\(x: 3; y: 2\)"):
        list(batches_for(iter([(np.zeros((3, 1)), np.zeros(2))])))


def test_array_batches_can_be_handed_on(x):
    batches = ArrayBatches(x)
    assert batches_for(batches) is batches
