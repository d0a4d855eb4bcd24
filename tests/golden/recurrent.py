"""Recipes for recurrent layers: outputs, every gradient, and the weights after five updates."""

import numpy as np

from .recipes import numbers, recipe, with_fixed_weights

ROWS, STEPS, FEATURES, UNITS = 3, 4, 3, 2
MASK = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]], bool)


def label(name, options, extras):
    words = [name, *(f"{k}={v}" for k, v in options.items()), *extras]
    return "_".join(words)


def flat(structure):
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in flat(part)]
    return [structure]


def row(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


def studied(kit, layer, shape, states=0, mask=False, state_shape=(UNITS,)):
    """Everything about a layer on one batch: its outputs, the gradients by its inputs and by its
    weights, and its weights after five updates, each in one row.

    The gradient by a weight is what an update with a learning rate of 1 takes off it.
    """
    x = numbers(70, ROWS, *shape)
    given = [numbers(71 + i, ROWS, *state_shape) for i in range(states)]
    inputs = {"x": kit.Input(shape)}
    options = {}
    arrays = {"x": x}
    if states:
        for i, state in enumerate(given):
            inputs[f"state{i}"] = kit.Input(state_shape)
            arrays[f"state{i}"] = state
        options["initial_state"] = [inputs[f"state{i}"] for i in range(states)]
    if mask:
        inputs["mask"] = kit.Input((shape[0],), dtype="bool")
        arrays["mask"] = MASK[:, : shape[0]]
        options["mask"] = inputs["mask"]
    outputs = flat(layer(inputs["x"], **options))
    model = kit.Model(list(inputs.values()), outputs if len(outputs) > 1 else outputs[0])
    with_fixed_weights(model, seed=80)
    data = list(arrays.values())
    found = flat(model.predict(data if len(data) > 1 else data[0], verbose=0))
    made = {"outputs": row(found)}

    cotangents = [numbers(90 + i, *y.shape) for i, y in enumerate(found)]
    made["by_inputs"] = row(
        kit.gradient(
            lambda array, name=name: weighted(kit, layer, arrays | {name: array}, cotangents),
            arrays[name],
        )
        for name in ("x", *(f"state{i}" for i in range(states)))
    )

    weights = model.get_weights()
    targets = [0.5 * numbers(100 + i, *y.shape) for i, y in enumerate(found)]
    for rate, steps in ((1.0, 1), (0.1, 5)):
        model.set_weights(weights)
        model.compile(kit.optimizers.SGD(rate), loss=["mse"] * len(found))
        for _ in range(steps):
            model.train_on_batch(
                data if len(data) > 1 else data[0], targets if len(targets) > 1 else targets[0]
            )
        after = row(model.get_weights())
        if steps == 1:
            made["by_weights"] = row(weights) - after
        else:
            made["trained"] = after
    return made


def weighted(kit, layer, arrays, cotangents):
    states = [arrays[name] for name in arrays if name.startswith("state")]
    options = {"initial_state": list(map(kit.ops.convert_to_tensor, states))} if states else {}
    if "mask" in arrays:
        options["mask"] = kit.ops.convert_to_tensor(arrays["mask"])
    outputs = flat(layer(arrays["x"], **options))
    terms = [kit.ops.sum(y * c) for y, c in zip(outputs, cotangents, strict=True)]
    return sum(terms[1:], terms[0])


# ------------------------------------------------------------------------- the three layers

EVERY = [
    ({}, ()),
    ({"return_sequences": True}, ()),
    ({"return_sequences": True, "return_state": True}, ("states",)),
    ({"return_state": True, "go_backwards": True}, ("states",)),
    ({"return_sequences": True, "go_backwards": True}, ("mask",)),
    ({}, ("mask",)),
    ({"return_sequences": True, "return_state": True}, ("mask", "states")),
    ({"use_bias": False}, ()),
    ({"unroll": True, "return_sequences": True}, ()),
    ({"zero_output_for_mask": True, "return_sequences": True}, ("mask",)),
    ({"zero_output_for_mask": True}, ("mask",)),
    ({"activation": "relu"}, ()),
    ({"activation": "sigmoid", "return_sequences": True}, ()),
    ({"activation": "softplus", "return_sequences": True}, ("mask", "states")),
    ({"activation": None}, ()),
]
GATED = [
    ({"recurrent_activation": "hard_sigmoid", "return_sequences": True}, ()),
    ({"recurrent_activation": "softsign"}, ("mask",)),
]
LAYERS = {
    "SimpleRNN": EVERY,
    "LSTM": EVERY + GATED,
    "GRU": [
        *EVERY,
        *GATED,
        ({"reset_after": False}, ()),
        ({"reset_after": False, "return_sequences": True, "return_state": True}, ("mask",)),
        ({"reset_after": False, "use_bias": False, "go_backwards": True}, ("states",)),
        ({"reset_after": False, "activation": "softplus"}, ()),
    ],
}


def recurrent_layer(kit, args):
    name, options, extras = args
    layer = getattr(kit.layers, name)(UNITS, **options)
    states = {"LSTM": 2}.get(name, 1) if "states" in extras else 0
    return studied(kit, layer, (STEPS, FEATURES), states, "mask" in extras)


for _name, _variants in LAYERS.items():
    for _options, _extras in _variants:
        recipe("recurrent", label(_name, _options, _extras), _name, _options, _extras)(
            recurrent_layer
        )


@recipe("recurrent", "first_biases")
def first_biases(kit):
    """The forget gate's bias begins at 1."""
    made = {}
    for name in LAYERS:
        layer = getattr(kit.layers, name)(UNITS)
        layer.build((None, STEPS, FEATURES))
        made[name] = layer.get_weights()[-1]
    plain = kit.layers.LSTM(UNITS, unit_forget_bias=False, bias_initializer="ones")
    plain.build((None, STEPS, FEATURES))
    return made | {"plain": plain.get_weights()[-1]}


def stateful_layer(kit, args):
    """Three batches, a reset between the second and the third; then two updates."""
    name, options = args
    layer = getattr(kit.layers, name)(UNITS, stateful=True, **options)
    inputs = kit.Input(batch_shape=(ROWS, STEPS, FEATURES))
    model = with_fixed_weights(kit.Model(inputs, layer(inputs)), seed=80)
    x = numbers(70, 2 * ROWS, STEPS, FEATURES)
    made = {
        "y": model.predict(x, batch_size=ROWS, verbose=0),
        "y2": model.predict(x, batch_size=ROWS, verbose=0),
    }
    layer.reset_state()
    made["y3"] = model.predict(x, batch_size=ROWS, verbose=0)
    layer.reset_state()
    model.compile(kit.optimizers.SGD(0.1), loss="mse")
    targets = numbers(101, 2 * ROWS, *made["y"].shape[1:])
    model.fit(x, targets, batch_size=ROWS, epochs=2, shuffle=False, verbose=0)
    return made | {"trained": row(model.get_weights())}


for _name in LAYERS:
    for _options in ({}, {"return_sequences": True, "go_backwards": True}):
        _words = label(f"stateful_{_name}", _options, ())
        recipe("recurrent", _words, _name, _options)(stateful_layer)


# ------------------------------------------------------------------------- cells


def stacked(kit, args):
    options, extras = args
    layers = kit.layers
    cells = [layers.LSTMCell(UNITS), layers.GRUCell(UNITS), layers.SimpleRNNCell(UNITS)]
    return studied(kit, layers.RNN(cells, **options), (STEPS, FEATURES), 0, "mask" in extras)


for _options, _extras in [
    ({}, ()),
    ({"return_sequences": True}, ("mask",)),
    ({"return_state": True, "go_backwards": True}, ()),
    ({"return_sequences": True, "zero_output_for_mask": True}, ("mask",)),
]:
    recipe("recurrent", label("stacked", _options, _extras), _options, _extras)(stacked)


@recipe("recurrent", "a_cell_of_ones_own")
def own_cell(kit):
    class Minimal(kit.layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.units = units
            self.state_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
            self.back = self.add_weight(shape=(self.units, self.units), name="back")

        def call(self, inputs, states):
            h = kit.ops.matmul(inputs, self.kernel)
            output = h + kit.ops.matmul(states[0], self.back)
            return output, [output]

    layer = kit.layers.RNN(Minimal(UNITS), return_sequences=True)
    return studied(kit, layer, (STEPS, FEATURES), states=1, mask=True)


# ------------------------------------------------------------------------- wrappers


def bidirectional(kit, args):
    name, inner, options, extras = args
    layer = getattr(kit.layers, name)(UNITS, **inner)
    if "backward_layer" in extras:
        back = {"go_backwards": True, "activation": "relu", **inner}
        options = {**options, "backward_layer": getattr(kit.layers, name)(UNITS, **back)}
    states = 2 * {"LSTM": 2}.get(name, 1) if "states" in extras else 0
    wrapped = kit.layers.Bidirectional(layer, **options)
    return studied(kit, wrapped, (STEPS, FEATURES), states, "mask" in extras)


_SEQUENCES = {"return_sequences": True}
for _name, _inner, _options, _extras in [
    ("LSTM", {}, {}, ()),
    ("LSTM", _SEQUENCES, {}, ("mask",)),
    ("LSTM", _SEQUENCES, {"merge_mode": "sum"}, ()),
    ("GRU", {}, {"merge_mode": "mul"}, ("mask",)),
    ("GRU", _SEQUENCES, {"merge_mode": "ave"}, ("states",)),
    ("SimpleRNN", _SEQUENCES, {"merge_mode": None}, ()),
    ("LSTM", {"return_sequences": True, "return_state": True}, {}, ("states", "mask")),
    ("GRU", {"return_state": True}, {"merge_mode": None}, ()),
    ("GRU", _SEQUENCES, {}, ("backward_layer",)),
    ("LSTM", {}, {"merge_mode": "sum"}, ("backward_layer", "mask")),
]:
    _words = label(f"bidirectional_{_name}", {**_inner, **_options}, _extras)
    recipe("recurrent", _words, _name, _inner, _options, _extras)(bidirectional)


@recipe("recurrent", "time_distributed_dense")
def time_distributed_dense(kit):
    layer = kit.layers.TimeDistributed(kit.layers.Dense(UNITS, activation="tanh"))
    return studied(kit, layer, (STEPS, FEATURES))


@recipe("recurrent", "time_distributed_lstm")
def time_distributed_lstm(kit):
    layer = kit.layers.TimeDistributed(kit.layers.LSTM(UNITS))
    return studied(kit, layer, (2, STEPS, FEATURES))


@recipe("recurrent", "time_distributed_convolution")
def time_distributed_convolution(kit):
    layer = kit.layers.TimeDistributed(kit.layers.Conv1D(UNITS, 2, activation="relu"))
    return studied(kit, layer, (2, STEPS, FEATURES))


def convolutional(kit, args):
    name, options, shape, extras = args
    layer = getattr(kit.layers, name)(2, **options)
    return studied(kit, layer, shape, 0, "mask" in extras)


for _name, _options, _shape, _extras in [
    ("ConvLSTM1D", {"kernel_size": 2}, (3, 4, 2), ()),
    ("ConvLSTM1D", {"kernel_size": 2, "return_sequences": True}, (3, 4, 2), ()),
    ("ConvLSTM1D", {"kernel_size": 2, "return_state": True}, (3, 4, 2), ("mask",)),
    ("ConvLSTM1D", {"kernel_size": 2, "strides": 2, "use_bias": False}, (2, 5, 2), ()),
    ("ConvLSTM1D", {"kernel_size": 2, "dilation_rate": 2, "go_backwards": True}, (2, 5, 2), ()),
    ("ConvLSTM2D", {"kernel_size": (2, 3), "padding": "same"}, (2, 3, 3, 1), ()),
    (
        "ConvLSTM2D",
        {"kernel_size": 2, "return_state": True, "activation": "relu"},
        (2, 3, 3, 1),
        ("mask",),
    ),
    ("ConvLSTM3D", {"kernel_size": 2, "recurrent_activation": "hard_sigmoid"}, (2, 2, 3, 2, 1), ()),
]:
    _words = label(_name, _options, _extras)
    recipe("recurrent", _words, _name, _options, _shape, _extras)(convolutional)
