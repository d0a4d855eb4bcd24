"""What is taken out of a variable stays as it was when the variable changes."""

import numpy as np
import pytest

import diptych
from diptych import GradientTape, Input, Sequential, Variable, layers, metrics, ops

START = np.array([[1.0], [2.0]], "float32")

TAKE = {
    "numpy": lambda v: v.numpy(),
    "np.asarray": np.asarray,
    "np.asarray in its dtype": lambda v: np.asarray(v, "float32"),
    "np.array": np.array,
    "convert_to_numpy": ops.convert_to_numpy,
    "value": lambda v: v.value,
    "convert_to_tensor": ops.convert_to_tensor,
    "convert_to_tensor in its dtype": lambda v: ops.convert_to_tensor(v, "float32"),
    "ops.array": ops.array,
    "stop_gradient": ops.stop_gradient,
    "cast": lambda v: ops.cast(v, "float32"),
    "astype": lambda v: v.astype("float32"),
    "plus": lambda v: +v,
    "plus zero": lambda v: v + 0,
    "reshape": lambda v: ops.reshape(v, (2, 1)),
    "its method": lambda v: v.reshape(-1),
    "transpose": ops.transpose,
    "T": lambda v: v.T,
    "einsum": lambda v: ops.einsum("ij->ji", v),
    "index": lambda v: v[:2],
    "iteration": list,
    "unstack": ops.unstack,
    "split": lambda v: ops.split(v, 2),
    "np.reshape": lambda v: np.reshape(v, (2,)),
    "another function of NumPy": np.atleast_3d,
}


def values(taken):
    parts = taken if isinstance(taken, list) else [taken]
    return np.concatenate([np.asarray(part).reshape(-1) for part in parts])


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("way", TAKE)
def test_what_is_taken_before_training_is_as_it_was(way, engine):
    dense = layers.Dense(1, use_bias=False, kernel_initializer=lambda shape, dtype: START)
    model = Sequential([Input((2,)), dense], engine=engine)
    model.compile("sgd", "mse")
    taken = TAKE[way](dense.kernel)
    model.fit(np.ones((4, 2)), np.zeros((4, 1)), epochs=2, batch_size=2, verbose=0)
    assert not np.array_equal(dense.kernel, START)
    np.testing.assert_array_equal(values(taken), [1.0, 2.0])
    dense.kernel.assign(START * 3)
    np.testing.assert_array_equal(values(taken), [1.0, 2.0])


CONSTANT = ("numpy", "np.asarray", "np.asarray in its dtype", "np.array", "convert_to_numpy")
CONSTANT += ("stop_gradient", "another function of NumPy")


@pytest.mark.parametrize("way", [way for way in TAKE if way not in CONSTANT])
def test_gradients_flow_through_what_is_taken_as_a_tensor(way):
    v = Variable(START)
    with GradientTape() as tape:
        taken = TAKE[way](v)
        loss = sum(ops.sum(ops.square(x)) for x in (taken if isinstance(taken, list) else [taken]))
    np.testing.assert_array_equal(tape.gradient(loss, v), 2 * START)


def test_two_variables_change_places():
    v, a = Variable([1.0, 2.0]), Variable([7.0, 8.0])
    kept = ops.convert_to_numpy(v)
    v.assign(a)
    a.assign(kept)
    assert (v.tolist(), a.tolist()) == ([7, 8], [1, 2])
    kept = v.value
    v.assign(a)
    a.assign(kept)
    assert (v.tolist(), a.tolist()) == ([1, 2], [7, 8])


def test_variables_of_optimizers_layers_and_metrics_are_copied_too():
    model = Sequential([Input((2,)), layers.BatchNormalization(), layers.Dense(1)])
    model.compile("adam", "mse", metrics=[metrics.RootMeanSquaredError()])
    x, y = np.array([[1.0, 2.0], [3.0, 5.0]]), np.ones((2, 1))
    model.fit(x, y, verbose=0)
    everything = [*model.optimizer.variables, *model.weights, *model.metrics[-1].variables]
    kept = [v.numpy() for v in everything]
    right = [v.numpy().copy() for v in everything]
    model.fit(x * 2, y, epochs=2, verbose=0)
    for a, b in zip(kept, right, strict=True):
        np.testing.assert_array_equal(a, b)
    assert sum(not np.array_equal(v, a) for v, a in zip(everything, kept, strict=True)) > 8


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_the_counts_of_a_metric_in_the_history_are_those_of_their_epoch(engine):
    """By hand: all four are 1, and 0.4 of the two thresholds passes one; then all pass both."""
    dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = Sequential([Input((1,)), dense], engine=engine)
    model.compile("sgd", "mse", metrics=[metrics.TruePositives(thresholds=[0.3, 0.5], name="tp")])

    class Raise(diptych.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            dense.kernel.assign([[0.4 if epoch == 0 else 0.6]])

    history = model.fit(
        np.ones((4, 1)), np.ones((4, 1)), epochs=2, batch_size=4, verbose=0, callbacks=[Raise()]
    ).history["tp"]
    np.testing.assert_array_equal(history, [[4, 0], [4, 4]])


def test_an_old_value_is_not_changed_by_a_state_of_a_recurrent_layer():
    lstm = layers.LSTM(2, stateful=True)
    x = np.ones((1, 3, 2), "float32")
    lstm(x)
    kept = [np.asarray(state) for state in lstm.states]
    right = [state.copy() for state in kept]
    lstm(x)
    for state, old, same in zip(lstm.states, kept, right, strict=True):
        np.testing.assert_array_equal(old, same)
        assert not np.array_equal(state, old)
