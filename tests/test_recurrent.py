"""The reference of recurrent layers against one written number by number, and the layers on it:
states, masks, dropout, cells, wrappers.
"""

import copy
import math
import pickle

import numpy as np
import pytest
from diptych.reference import recurrent

import diptych
from diptych import layers, ops
from tests import cases

ENGINES = ("reference", "fast")


@pytest.fixture(params=ENGINES)
def engine(request):
    with diptych.engine(request.param):
        diptych.utils.set_random_seed(5)
        yield request.param


# ----------------------------------------------------------------------------------- the oracle

PHI = {
    "linear": lambda a: a,
    "relu": lambda a: max(a, 0.0),
    "tanh": math.tanh,
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "hard_sigmoid": lambda a: min(max(a / 6 + 0.5, 0.0), 1.0),
}


def product(vector, matrix, column):
    return sum(value * matrix[row][column] for row, value in enumerate(vector))


def simple_rnn_step(x, h, h_in, g, units):
    phi = PHI[g["activation"]]
    bias = [0.0] * units if g["bias"] is None else g["bias"]
    new = [
        phi(product(x, g["kernel"], u) + product(h_in, g["recurrent_kernel"], u) + bias[u])
        for u in range(units)
    ]
    return (new,)


def lstm_step(x, h, h_in, g, units, c):
    phi, sigma = PHI[g["activation"]], PHI[g["recurrent_activation"]]
    bias = [0.0] * 4 * units if g["bias"] is None else g["bias"]
    new_h, new_c = [], []
    for u in range(units):
        i, f, c_tilde, o = (
            apply(
                product(x, g["kernel"], k * units + u)
                + product(h_in, g["recurrent_kernel"], k * units + u)
                + bias[k * units + u]
            )
            for k, apply in enumerate((sigma, sigma, phi, sigma))
        )
        new_c.append(f * c[u] + i * c_tilde)
        new_h.append(o * phi(new_c[u]))
    return new_h, new_c


def gru_step(x, h, h_in, g, units):
    phi, sigma = PHI[g["activation"]], PHI[g["recurrent_activation"]]
    b, b_back = np.zeros(3 * units), np.zeros(3 * units)
    if g["bias"] is not None:
        b, b_back = g["bias"] if g["reset_after"] else (g["bias"], b_back)

    def forward(gate, u):
        return product(x, g["kernel"], gate * units + u) + b[gate * units + u]

    def back(gate, u, state):
        column = gate * units + u
        return product(state, g["recurrent_kernel"], column) + b_back[column]

    z, r = ([sigma(forward(k, u) + back(k, u, h_in)) for u in range(units)] for k in (0, 1))
    seen = [r[u] * h_in[u] for u in range(units)]
    new = []
    for u in range(units):
        inner = r[u] * back(2, u, h_in) if g["reset_after"] else back(2, u, seen)
        new.append(z[u] * h[u] + (1 - z[u]) * phi(forward(2, u) + inner))
    return (new,)


STEPS = {"simple_rnn": simple_rnn_step, "lstm": lstm_step, "gru": gru_step}


def number_by_number(layer, g):
    """y and the last states, one sequence and one number at a time."""
    rows, steps, _ = g["x"].shape
    units = len(g["recurrent_kernel"])
    names = ("h0", "c0") if layer == "lstm" else ("h0",)
    ys, last = [], [[] for _ in names]
    for n in range(rows):
        states = [[0.0] * units if g[name] is None else list(g[name][n]) for name in names]
        y, shown = [], [0.0] * units
        for t in reversed(range(steps)) if g["go_backwards"] else range(steps):
            if g["mask"] is None or g["mask"][n, t]:
                h = states[0]
                drop = g["recurrent_mask"]
                h_in = h if drop is None else [a * b for a, b in zip(h, drop[n], strict=True)]
                states = list(STEPS[layer](g["x"][n, t], h, h_in, g, units, *states[1:]))
                shown = states[0]
            y.append(shown)
        ys.append(y if g["return_sequences"] else y[-1])
        for kept, state in zip(last, states, strict=True):
            kept.append(state)
    return ys, last


def small_cases():
    """The cases that can be counted through."""
    for name, tried in cases.load("recurrent").items():
        for case in tried:
            arguments = case.arguments()
            rows, steps, _ = arguments["x"].shape
            if rows and rows * steps * arguments["recurrent_kernel"].size < 60_000:
                yield pytest.param(name, case, id=f"{name}-{case.label}".replace(" ", "_"))


@pytest.mark.parametrize(("name", "case"), list(small_cases()))
def test_the_reference_agrees_number_by_number(name, case):
    arguments = case.arguments()
    (y, *states), _ = getattr(recurrent, name)(**arguments)
    expected, last = number_by_number(name.removesuffix("_forward"), arguments)
    np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-12)
    for state, given in zip(states, last, strict=True):
        np.testing.assert_allclose(state, given, rtol=1e-11, atol=1e-12)


def test_most_cases_are_small_enough_for_the_oracle():
    count = sum(len(tried) for tried in cases.load("recurrent").values())
    assert len(list(small_cases())) > 0.8 * count


def arguments_of(layer="lstm", **changes):
    from tests.cases.recurrent import sequences

    return sequences(layer, (2, 3, 4, 5))(np.random.default_rng(0)) | changes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"x": np.ones((2, 4))},
            r"3 axes \(sequences, steps, features\).*\(2, 4\); is the axis of",
        ),
        ({"x": np.ones((2, 0, 4))}, "at least one step"),
        ({"x": np.ones((2, 3, 7))}, r"kernel needs shape \(7, 20\)"),
        ({"recurrent_kernel": np.ones((5, 19))}, r"recurrent_kernel needs shape \(5, 20\)"),
        ({"bias": np.ones(5)}, r"bias needs shape \(20,\)"),
        ({"h0": np.ones((2, 4))}, r"h0 needs shape \(2, 5\)"),
        ({"c0": np.ones((3, 5))}, r"c0 needs shape \(2, 5\)"),
        ({"mask": np.ones((2, 4), bool)}, r"mask needs shape \(2, 3\)"),
        ({"mask": np.ones((2, 3))}, "mask needs True and False"),
        ({"recurrent_mask": np.ones((2, 3))}, r"recurrent_mask needs shape \(2, 5\)"),
        ({"activation": "softplus"}, "softplus.*step by step"),
        ({"recurrent_activation": "elu"}, "elu.*step by step"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, words, engine):
    forward = diptych.engine.current().recurrent.lstm_forward
    with pytest.raises(ValueError, match=words):
        forward(**arguments_of(**changes))


def test_a_gru_says_which_bias_it_wants(engine):
    forward = diptych.engine.current().recurrent.gru_forward
    with pytest.raises(ValueError, match=r"bias needs shape \(15,\)"):
        forward(**arguments_of("gru", reset_after=False))


def test_cotangents_that_do_not_fit_are_refused(engine):
    twins = diptych.engine.current().recurrent
    (y, h, c), cache = twins.lstm_forward(**arguments_of())
    with pytest.raises(ValueError, match="dy needs the shapes"):
        twins.lstm_backward((y[:, 0], h, c), cache)


# ------------------------------------------------------------------------- layers and cells

X = np.random.default_rng(1).normal(size=(3, 5, 4)).astype("f4")
MASK = np.array([[1, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0]], bool)
KINDS = [
    (layers.SimpleRNN, {}),
    (layers.LSTM, {}),
    (layers.GRU, {}),
    (layers.GRU, {"reset_after": False}),
]
OPTIONS = [
    {},
    {"return_sequences": True, "return_state": True},
    {"return_sequences": True, "go_backwards": True},
    {"return_sequences": True, "zero_output_for_mask": True},
    {"zero_output_for_mask": True, "go_backwards": True},
]


def arrays(outputs):
    return [np.asarray(y) for y in diptych.nested.flatten(outputs)]


def states_for(layer, seed=3):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(len(X), layer.units)).astype("f4") for _ in layer.state_size]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "plain")
@pytest.mark.parametrize(("kind", "own"), KINDS)
def test_a_layer_and_its_cell_agree(kind, own, options, masked, engine):
    layer = kind(6, **own, **options)
    layer.build(X.shape)
    layer.set_weights([np.random.default_rng(9).normal(size=w.shape) for w in layer.weights])
    by_steps = layers.RNN(layer.cell, **options)
    call = {"initial_state": states_for(layer), "mask": MASK if masked else None}
    for ours, theirs in zip(arrays(layer(X, **call)), arrays(by_steps(X, **call)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "own"), KINDS)
def test_dropout_is_drawn_once_for_all_steps(kind, own, engine):
    def made(road):
        diptych.utils.set_random_seed(8)
        layer = kind(6, dropout=0.4, recurrent_dropout=0.4, **own, **road)
        layer.build(X.shape)
        return layer

    # linear and softplus: the first is fused, the second runs over the cell
    layer, same = made({}), made({})
    first, second = layer(X, training=True), layer(X, training=True)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(same(X, training=True), first)
    np.testing.assert_array_equal(layer(X), layer(X, training=False))
    assert not np.array_equal(layer(X), first)
    by_steps = layers.RNN(made({}).cell)
    np.testing.assert_allclose(by_steps(X, training=True), first, rtol=1e-5, atol=1e-6)


def test_a_cell_keeps_its_dropout_mask_until_it_is_reset():
    cell = layers.LSTMCell(4, dropout=0.5, recurrent_dropout=0.5, seed=1)
    state = [np.ones((3, 4), "f4"), np.zeros((3, 4), "f4")]
    first, _ = cell(X[:, 0], state, training=True)
    np.testing.assert_array_equal(cell(X[:, 0], state, training=True)[0], first)
    cell.reset_dropout_mask()
    cell.reset_recurrent_dropout_mask()
    assert not np.array_equal(cell(X[:, 0], state, training=True)[0], first)


def test_the_forget_gate_begins_open():
    layer = layers.LSTM(3)
    layer.build((None, 5, 4))
    np.testing.assert_array_equal(layer.get_weights()[2], [0] * 3 + [1] * 3 + [0] * 6)


@pytest.mark.parametrize(("kind", "own"), KINDS)
def test_weights_and_names_are_those_of_keras(kind, own):
    layer = kind(3, name="it", **own)
    layer.build((None, 5, 4))
    gates = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}[kind.__name__]
    bias = (2, 9) if kind is layers.GRU and not own else (3 * gates,)
    assert [w.shape for w in layer.weights] == [(4, 3 * gates), (3, 3 * gates), bias]
    assert [w.path for w in layer.weights] == [
        f"it/{layer.cell.name}/{name}" for name in ("kernel", "recurrent_kernel", "bias")
    ]


def test_any_activation_will_do(engine):
    report = diptych.gradcheck(
        layers.LSTM(3, activation="softplus", recurrent_activation=lambda x: 0.5 + 0.1 * x), X
    )
    assert report, f"\n{report}"


@pytest.mark.parametrize(("kind", "own"), KINDS)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "plain")
def test_gradients_with_masks_and_states_agree_with_differences(kind, own, options, engine):
    layer = kind(3, **own, **options)
    state = [s[:, :3] for s in states_for(kind(3))]
    mask = ops.convert_to_tensor(MASK)

    def whole(x, *state):
        return layer(x, initial_state=list(state), mask=mask)

    layer.build(X.shape)
    layer.dtype = layer.cell.dtype = "float64"
    assert (report := diptych.gradcheck(whole, (X, *state))), f"\n{report}"


# ------------------------------------------------------------------------- states


@pytest.mark.parametrize(("kind", "own"), KINDS)
def test_a_stateful_layer_goes_on_where_it_stopped(kind, own, engine):
    layer = kind(3, stateful=True, return_sequences=True, **own)
    layer.build((3, 5, 4))
    plain = kind(3, return_sequences=True, **own)
    plain.build((None, 5, 4))
    plain.set_weights(layer.get_weights())
    long = np.concatenate([X, 2 * X], axis=1)
    halves = [layer(X), layer(2 * X)]
    np.testing.assert_allclose(np.concatenate(halves, axis=1), plain(long), rtol=1e-5, atol=1e-6)
    assert len(layer.states) == len(layer.state_size)
    assert all(np.any(state) for state in layer.states)
    layer.reset_state()
    np.testing.assert_allclose(layer(X), plain(X), rtol=1e-5, atol=1e-6)
    layer.reset_states([np.ones((3, 3))] * len(layer.states))
    given = layer(X)
    ones = [np.ones((3, 3), "f4")] * len(layer.states)
    np.testing.assert_allclose(given, plain(X, initial_state=ones), rtol=1e-5, atol=1e-6)
    assert len(layer.weights) == 3


def test_the_states_of_a_stateful_layer_do_not_spoil_its_gradients(engine):
    layer = layers.SimpleRNN(3, stateful=True)
    layer.build((3, 5, 4))
    layer(X)
    state = [np.array(s) for s in layer.states]
    plain = layers.SimpleRNN(3)
    plain.build((3, 5, 4))
    plain.set_weights(layer.get_weights())
    found = []
    for one, call in ((layer, {}), (plain, {"initial_state": state})):
        with diptych.GradientTape() as tape:
            loss = ops.sum(ops.square(one(X, **call)))
        found.append(tape.gradient(loss, one.trainable_variables))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_an_encoder_hands_its_states_to_a_decoder(engine):
    source, target = layers.Input((5, 4)), layers.Input((6, 2))
    _, *states = layers.LSTM(7, return_state=True)(source)
    decoded = layers.LSTM(7, return_sequences=True)(target, initial_state=states)
    model = diptych.Model([source, target], layers.Dense(3)(decoded))
    other = diptych.Model.from_config(model.get_config())
    other.set_weights(model.get_weights())
    data = [X, np.ones((3, 6, 2), "f4")]
    y = model.predict(data, verbose=0)
    assert y.shape == (3, 6, 3)
    np.testing.assert_array_equal(other.predict(data, verbose=0), y)
    changed = model.predict([2 * X, data[1]], verbose=0)
    assert not np.allclose(changed, y)


def test_the_states_may_follow_the_sequence_in_a_list(engine):
    layer = layers.GRU(4)
    state = np.ones((3, 4), "f4")
    np.testing.assert_array_equal(layer([X, state]), layer(X, initial_state=[state]))
    np.testing.assert_array_equal(layer([X, state]), layer(X, initial_state=state))
    x, h = layers.Input((5, 4)), layers.Input((4,))
    model = diptych.Model([x, h], layer([x, h]))
    np.testing.assert_array_equal(model.predict([X, state], verbose=0), layer([X, state]))


def test_states_of_any_structure(engine):
    class Nested(layers.Layer):
        """Counts its steps beside two sums, one in the other's arms."""

        state_size = ([4, [4]], 1)
        output_size = 4

        def call(self, inputs, states):
            (total, (double,)), count = states
            total, double = total + inputs, double + 2 * inputs
            return total + double, [[total, [double]], count + 1.0]

    layer = layers.RNN(Nested(), return_state=True)
    y, (total, (double,)), count = layer(X, mask=MASK)
    sums = np.where(MASK[..., None], X, 0).sum(axis=1)
    np.testing.assert_allclose(total, sums, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(double, 2 * sums, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y, 3 * sums, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(count, MASK.sum(axis=1, keepdims=True))
    shapes = [t.shape for t in diptych.nested.flatten(layer(layers.Input((5, 4))))]
    assert shapes == [(None, 4)] * 3 + [(None, 1)]


def test_a_cell_needs_not_be_a_layer_and_may_take_constants(engine):
    class Plain:
        state_size = 4

        def call(self, inputs, states, constants=None):
            h = states[0] + inputs * (1.0 if constants is None else constants[0])
            return h, [h]

    np.testing.assert_allclose(layers.RNN(Plain())(X), X.sum(axis=1), rtol=1e-5, atol=1e-6)
    given = layers.RNN(Plain())(X, constants=[np.float32(3)])
    np.testing.assert_allclose(given, 3 * X.sum(axis=1), rtol=1e-5, atol=1e-5)


def test_a_model_of_recurrent_layers_can_be_copied():
    model = diptych.Sequential(
        [
            layers.Input((5, 4)),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(2, "relu")),
            layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True),
            layers.GRU(3, dropout=0.2, recurrent_dropout=0.3),
        ]
    )
    with diptych.engine("reference"):
        y = model.predict(X, verbose=0)
        rebuilt = diptych.models.model_from_json(model.to_json())
        rebuilt.set_weights(model.get_weights())
        for other in (rebuilt, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(other.predict(X, verbose=0), y)
            assert len(other.weights) == len(model.weights)


# ------------------------------------------------------------------------- masks


def test_a_mask_travels_with_the_sequences(engine):
    class Marked(layers.Layer):
        makes_mask = True

        def call(self, inputs):
            return inputs * 1.0

        def compute_mask(self, inputs, previous_mask):
            return ops.any(ops.not_equal(inputs, 0.0), axis=-1)

    x = np.where(MASK[..., None], X, 0)
    marked = Marked()(x)
    first = layers.LSTM(3, return_sequences=True)
    y = first(marked)
    np.testing.assert_array_equal(y.mask, MASK)
    np.testing.assert_array_equal(y, first(x, mask=MASK))
    last = layers.GRU(3, return_state=True)(y)
    assert all(tensor.mask is None for tensor in last)
    both = layers.Bidirectional(layers.GRU(3, return_sequences=True))(marked)
    np.testing.assert_array_equal(both.mask, MASK)
    assert not np.any(np.asarray(both)[~MASK])  # zeros where nothing counts
    given = first(x, mask=MASK.tolist())
    np.testing.assert_array_equal(given, y)
    np.testing.assert_array_equal(given.mask, MASK)
    sums = layers.TimeDistributed(layers.Dense(3))(marked)
    np.testing.assert_array_equal(sums.mask, MASK)


def test_a_mask_may_stand_at_its_place():
    for layer in (layers.GRU(2), layers.Bidirectional(layers.LSTM(2))):
        np.testing.assert_array_equal(layer(X, None, MASK), layer(X, mask=MASK))


def test_what_is_masked_changes_nothing(engine):
    layer = layers.LSTM(3)
    mask = np.array([[1, 1, 1, 0, 0]] * 3, bool)
    spoiled = X.copy()
    spoiled[:, 3:] = np.nan
    np.testing.assert_allclose(layer(spoiled, mask=mask), layer(X[:, :3]), rtol=1e-6, atol=1e-7)


def test_where_nothing_counts_the_output_is_zero_and_the_state_stays(engine):
    for kind, own in KINDS:
        layer = kind(3, return_state=True, **own)
        state = [s[:, :3] for s in states_for(kind(3))]
        y, *last = layer(X, initial_state=state, mask=np.zeros((3, 5), bool))
        assert not np.any(y)
        for before, after in zip(state, last, strict=True):
            np.testing.assert_array_equal(before, after)


# ------------------------------------------------------------------------- wrappers


def test_bidirectional_merges_in_every_way(engine):
    forward = layers.LSTM(3, return_sequences=True)
    both = layers.Bidirectional(forward, merge_mode=None)
    y, y_back = (np.asarray(part) for part in both(X))
    np.testing.assert_allclose(
        y_back, both.backward_layer(X).numpy()[:, ::-1], rtol=1e-6, atol=1e-7
    )
    expected = {
        "concat": np.concatenate([y, y_back], axis=-1),
        "sum": y + y_back,
        "mul": y * y_back,
        "ave": (y + y_back) / 2,
    }
    for mode, merged in expected.items():
        other = layers.Bidirectional(forward, merge_mode=mode, weights=both.get_weights())
        np.testing.assert_allclose(other(X), merged, rtol=1e-6, atol=1e-7, err_msg=mode)
        assert other(layers.Input((5, 4))).shape == (None, *merged.shape[1:])


def test_bidirectional_is_rebuilt_from_its_config_with_its_own_backward_layer():
    back = layers.GRU(3, go_backwards=True, activation="relu", name="back")
    both = layers.Bidirectional(layers.GRU(3, name="there"), backward_layer=back, name="both")
    twin = layers.deserialize(layers.serialize(both))
    assert twin.get_config() == both.get_config()
    assert twin.backward_layer.activation is diptych.activations.relu
    assert both.forward_layer.name == "forward_there"


def test_bidirectional_keeps_states_of_both_directions(engine):
    both = layers.Bidirectional(layers.GRU(3, stateful=True))
    first = both(X)
    assert len(both.states) == 2
    assert not np.allclose(both(X), first)
    both.reset_states()
    np.testing.assert_allclose(both(X), first, rtol=1e-6, atol=1e-7)
    with pytest.raises(AttributeError, match="not stateful"):
        layers.Bidirectional(layers.GRU(3)).reset_state()


def test_time_distributed_is_the_layer_at_every_step(engine):
    inner = layers.Conv1D(2, 2)
    x = np.random.default_rng(4).normal(size=(2, 3, 5, 4)).astype("f4")
    y = layers.TimeDistributed(inner)(x)
    for t in range(3):
        np.testing.assert_allclose(y[:, t], inner(x[:, t]), rtol=1e-5, atol=1e-6)


def test_time_distributed_leaves_statistics_of_a_batch_to_each_step(engine):
    class Centred(layers.Layer):
        """Takes off the mean of the batch, and counts its calls."""

        def __init__(self):
            super().__init__()
            self.calls = self.add_weight(name="calls", initializer="zeros", trainable=False)

        def call(self, inputs):
            self.calls.assign_add(1.0)
            return inputs - ops.mean(inputs, axis=0)

    inner = Centred()
    y = layers.TimeDistributed(inner)(X)
    np.testing.assert_allclose(y, X - X.mean(axis=0), rtol=1e-5, atol=1e-6)
    assert float(inner.calls) == 5


def test_bidirectional_gives_each_layer_its_own_number_of_states(engine):
    """A SimpleRNN has one state, an LSTM two."""
    one, other = layers.SimpleRNN(2), layers.LSTM(2, go_backwards=True)
    states = list(np.random.default_rng(1).normal(size=(3, 3, 2)))
    layer = layers.Bidirectional(one, backward_layer=other)
    y = layer(X, initial_state=states)
    forward = layer.forward_layer(X, initial_state=states[:1])
    back = layer.backward_layer(X, initial_state=states[1:])
    np.testing.assert_array_equal(y, np.concatenate([forward, back], axis=1))
    symbolic = layer(layers.Input((5, 4)), initial_state=[layers.Input((2,)) for _ in range(3)])
    assert symbolic.shape == (None, 4)
    with pytest.raises(ValueError, match="1 for the forward and 2 for the backward layer.*holds 4"):
        layer(X, initial_state=[*states, states[0]])


def test_time_distributed_over_no_step_at_all(engine):
    for inner in (layers.Dense(2), layers.BatchNormalization()):
        layer = layers.TimeDistributed(inner)
        y = layer(X[:, :0])
        assert y.shape == layer.compute_output_shape((3, 0, 4))


def test_a_penalty_inside_of_time_distributed_is_that_of_every_step(engine):
    """Keras's sum over the steps of penalties that are means over the batch."""
    layer = layers.TimeDistributed(layers.Dense(2, activity_regularizer="l1"))
    y = np.asarray(layer(X))
    np.testing.assert_allclose(sum(layer.losses), 0.01 * np.abs(y).sum() / len(X), rtol=1e-5)


def test_time_distributed_masks_reach_the_layer_inside(engine):
    x = np.random.default_rng(4).normal(size=(2, 3, 5, 4)).astype("f4")
    mask = np.random.default_rng(5).random((2, 3, 5)) < 0.5
    mask[0, 1] = False
    inner = layers.LSTM(3)
    outer = layers.TimeDistributed(inner)
    y = outer(x, mask=ops.convert_to_tensor(mask))
    np.testing.assert_allclose(y[:, 1], inner(x[:, 1], mask=mask[:, 1]), rtol=1e-5, atol=1e-6)
    seen = outer.compute_mask(None, ops.convert_to_tensor(mask))
    np.testing.assert_array_equal(seen, mask.any(axis=2))


def test_conv_lstm_of_single_pixels_is_an_lstm(engine):
    conv = layers.ConvLSTM1D(3, 1, return_sequences=True)
    x = np.random.default_rng(4).normal(size=(2, 4, 1, 5)).astype("f4")
    y = conv(x)
    plain = layers.LSTM(3, return_sequences=True)
    plain.build((None, 4, 5))
    plain.set_weights([w.reshape(w.shape[-2:] if w.ndim > 1 else -1) for w in conv.get_weights()])
    np.testing.assert_allclose(y[:, :, 0], plain(x[:, :, 0]), rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------------- old spellings


@pytest.mark.filterwarnings("ignore::diptych.legacy.LegacySpelling")
def test_old_spellings():
    old = layers.LSTM(
        output_dim=3,
        init="uniform",
        inner_init="orthogonal",
        inner_activation="hard_sigmoid",
        forget_bias_init="zero",
        consume_less="cpu",
        dropout_W=0.1,
        dropout_U=0.2,
        W_regularizer="l2",
        U_regularizer="l1",
        input_dim=4,
        input_length=5,
        return_sequences=True,
    )
    assert old._batch_input_shape == (None, 5, 4)
    new = layers.LSTM(
        3,
        kernel_initializer="uniform",
        recurrent_activation="hard_sigmoid",
        unit_forget_bias=False,
        dropout=0.1,
        recurrent_dropout=0.2,
        kernel_regularizer="l2",
        recurrent_regularizer="l1",
        return_sequences=True,
        name=old.name,
    )
    assert old.get_config() == new.get_config()
    model = diptych.Sequential()
    model.add(layers.GRU(3, batch_input_shape=(2, 5, 4), stateful=True, return_sequences=True))
    model.add(layers.TimeDistributedDense(output_dim=2))
    assert model.output_shape == (2, 5, 2)
    conv = layers.ConvLSTM2D(nb_filter=2, nb_row=3, nb_col=2, border_mode="same", subsample=1)
    assert (conv.cell.filters, conv.cell.kernel_size, conv.cell.padding) == (2, (3, 2), "same")


# ------------------------------------------------------------------------- what they can learn


def first_symbol(count, steps, symbols, rng):
    """Sequences of symbols, one-hot; the label is the first, and the others are of another kind."""
    labels = rng.integers(symbols, size=count)
    shown = rng.integers(symbols, 2 * symbols, size=(count, steps))
    shown[:, 0] = labels
    return np.eye(2 * symbols, dtype="f4")[shown], labels


def recall_of(make, steps):
    diptych.utils.set_random_seed(0)
    layer = make()
    x, labels = first_symbol(1024, steps, 4, np.random.default_rng(0))
    model = diptych.Sequential([layers.Input(x.shape[1:]), layer, layers.Dense(4)])
    loss = diptych.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        diptych.optimizers.Adam(0.01 if steps > 15 else 0.02, clipnorm=1.0),
        loss,
        metrics=["accuracy"],
    )
    model.fit(x, labels, batch_size=32, epochs=8, verbose=0)
    x, labels = first_symbol(256, steps, 4, np.random.default_rng(1))
    return model.evaluate(x, labels, verbose=0)[1]


def long_memory(shape, dtype=None):
    """A bias with which cells keep most of what they have: f = 0.98, i = 0.27."""
    values = np.zeros(shape, dtype)
    units = shape[0] // 4
    values[:units], values[units : 2 * units] = -1, 4
    return values


def test_an_lstm_recalls_the_first_symbol_and_a_simple_rnn_does_not(engine):
    """Over 60 steps; the reference takes 15, which an LSTM with an ordinary bias fails as well."""
    steps = 60 if engine == "fast" else 15
    remembers = {"unit_forget_bias": False, "bias_initializer": long_memory}
    assert recall_of(lambda: layers.LSTM(16, **remembers), steps) >= 0.95
    if engine == "fast":
        assert recall_of(lambda: layers.SimpleRNN(16), steps) < 0.8


# ------------------------------------------------------------------------- recorded steps


def trained_once(*inner):
    model = diptych.Sequential([layers.Input(batch_shape=(3, 5, 4)), *inner, layers.Dense(1)])
    model.compile("sgd", "mse")
    for _ in range(2):
        model.train_on_batch(X, np.ones((3, 1), "f4"))
    return [kept for kept in model._replays.values() if kept is not None]


def test_only_steps_that_depend_on_nothing_else_are_recorded(engine):
    class Own(layers.LSTM):
        pass

    assert trained_once(layers.LSTM(3))
    assert trained_once(layers.Bidirectional(layers.GRU(3)))
    for layer in (
        layers.LSTM(3, dropout=0.1),
        layers.GRU(3, recurrent_dropout=0.1),
        layers.SimpleRNN(3, stateful=True),
        layers.LSTM(3, activation=lambda x: x * 1.0),
        layers.LSTM(3, activity_regularizer=lambda y: 0.0),
        layers.Bidirectional(layers.GRU(3, dropout=0.1)),
        layers.Bidirectional(layers.LSTM(3, activity_regularizer="l2")),
        Own(3),
    ):
        assert not trained_once(layer)


def test_a_mask_is_not_recorded(engine):
    class Marked(layers.Layer):
        pure = makes_mask = True

        def call(self, inputs):
            return inputs

        def compute_mask(self, inputs, previous_mask):
            return ops.any(ops.not_equal(inputs, 0.0), axis=-1)

        def compute_output_shape(self, input_shape):
            return input_shape

    assert not trained_once(Marked(), layers.LSTM(3))
