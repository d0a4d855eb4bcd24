"""Dataset.prefetch: what is made in advance, by whom, and what a training sees of it."""

import threading

import numpy as np
import pytest

from diptych.models.streams import GeneratorBatches
from diptych.utils import Dataset


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("diptych-data")]


def test_prefetch_gives_the_same_elements_from_a_thread_of_its_own():
    seen = []

    def note(x):
        seen.append(threading.current_thread())
        return x * 2

    data = Dataset.range(10).map(note).batch(5).prefetch(3)
    seen.clear()
    assert [np.asarray(x).tolist() for x in data] == [[0, 2, 4, 6, 8], [10, 12, 14, 16, 18]]
    assert threading.main_thread() not in seen
    assert len(data) == 2
    assert data.batch_size == 5
    assert not threads()


def test_prefetch_is_so_many_elements_ahead_and_ends_with_the_iteration():
    made, go = [], threading.Semaphore(0)

    def slowly(x):
        go.acquire()
        made.append(int(x))
        return x

    for _ in range(4):
        go.release()
    passing = iter(Dataset.from_generator(lambda: range(100)).map(slowly).prefetch(3))
    assert int(next(passing)) == 0
    go.release()
    assert int(next(passing)) == 1
    for _ in range(3):
        go.release()  # it may go on, but has been asked for no more than five
    passing.close()
    assert not threads()
    assert len(made) <= 5


def test_an_error_before_prefetch_comes_in_its_place_with_its_traceback():
    def fails(x):
        if int(x) == 3:
            raise KeyError("three")
        return x

    passing = iter(Dataset.range(10).map(fails).prefetch(2))
    assert [int(next(passing)) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError, match="three") as caught:
        next(passing)
    assert caught.traceback[-1].name == "fails"
    assert not threads()


@pytest.mark.parametrize("size", [-1, 0, 1, 5])
def test_any_size_of_prefetch(size):
    assert [int(x) for x in Dataset.range(4).prefetch(size)] == [0, 1, 2, 3]
    assert list(Dataset.range(0).prefetch(size)) == []


def test_a_senseless_size_of_prefetch_is_refused():
    with pytest.raises(ValueError, match="-1 for two"):
        Dataset.range(4).prefetch(-2)


def prefetched():
    return Dataset.range(40).shuffle(7, seed=1).batch(4).map(lambda x: (x, x)).prefetch(3)


def orders(batches):
    return [x.tolist() for x, *_ in batches]


@pytest.mark.parametrize("done", [0, 1, 3, 10])
def test_a_training_goes_on_in_the_middle_of_what_was_prefetched(done):
    whole, again = GeneratorBatches(prefetched()), GeneratorBatches(prefetched())
    begun = iter(whole)
    for _ in range(done):
        next(begun)
    place = whole.place(done)
    rest = orders(begun)
    assert len(rest) == 10 - done
    again.go_to(place, done)
    assert orders(again) == rest
    assert orders(again) == orders(whole)
    whole.close()
    again.close()
    del begun
    assert not threads()


def test_shuffled_orders_do_not_depend_on_prefetch_and_change_from_pass_to_pass():
    plain = Dataset.range(30).shuffle(8, seed=3)
    ahead_of_it = Dataset.range(30).shuffle(8, seed=3).prefetch(2)
    first, second = ([int(x) for x in plain] for _ in range(2))
    assert [[int(x) for x in ahead_of_it] for _ in range(2)] == [first, second]
    assert first != second
    assert sorted(first) == list(range(30))


@pytest.mark.parametrize("data", [Dataset.range(40), Dataset.from_tensor_slices(np.arange(40))])
def test_what_runs_ahead_leaves_the_generator_of_the_orders_alone(data):
    """A training notes its state after each batch, to go on from there."""
    shuffled = data.shuffle(7, seed=1).prefetch(3)
    passing = iter(shuffled)
    next(passing)
    state = shuffled.generator.bit_generator.state
    assert len(list(passing)) == 39
    assert shuffled.generator.bit_generator.state == state
