"""One update, spelled out: diptych.explain."""

import numpy as np
import pytest

import diptych
from diptych import layers, ops, optimizers
from diptych.teach.equations import equations

ENGINES = pytest.mark.parametrize("engine", ["reference", "fast"])
AND = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [0], [0], [1]])


@pytest.fixture(autouse=True)
def _float64():
    before = diptych.config.floatx()
    diptych.config.set_floatx("float64")
    diptych.utils.set_random_seed(1)
    yield
    diptych.config.set_floatx(before)


def and_network(optimizer, engine="reference"):
    model = diptych.Sequential(
        [
            diptych.Input((2,)),
            layers.Dense(2, "relu", name="hidden"),
            layers.Dense(1, "sigmoid", name="out"),
        ],
        name="gate",
        engine=engine,
    )
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_every_number_of_the_and_network():
    """Two updates by Adam, recomputed by hand."""
    model = and_network(optimizers.Adam(0.01))
    x, y = AND
    model.train_on_batch(x, y)  # so that the slots are not zero
    w1, b1, w2, b2 = model.get_weights()
    slots = {v.name: v.numpy() for v in model.optimizer.variables}
    e = diptych.explain(model, x, y)
    z1 = x @ w1 + b1
    h = np.maximum(z1, 0)
    z2 = h @ w2 + b2
    p = 1 / (1 + np.exp(-z2))
    losses = -(y * np.log(p) + (1 - y) * np.log(1 - p))[:, 0]
    dz2 = (p - y) / 4
    dh = dz2 @ w2.T
    dz1 = dh * (z1 > 0)
    hidden, out = e.step["hidden"], e.step["out"]
    close(hidden.input, x)
    close(hidden.preactivation, z1)
    close(hidden.output, h)
    close(out.input, h)
    close(out.preactivation, z2)
    close(out.output, p)
    close(e.losses["binary_crossentropy"], losses)
    close(e.loss, losses.mean())
    close(out.preactivation_gradient, dz2)
    close(out.input_gradient, dh)
    close(hidden.output_gradient, dh)
    close(hidden.preactivation_gradient, dz1)
    gradients = [x.T @ dz1, dz1.sum(0), h.T @ dz2, dz2.sum(0)]
    names = ["gate/hidden/kernel", "gate/hidden/bias", "gate/out/kernel", "gate/out/bias"]
    assert list(e.weights) == names
    alpha = 0.01 * np.sqrt(1 - 0.999**2) / (1 - 0.9**2)
    for name, w, g in zip(names, (w1, b1, w2, b2), gradients, strict=True):
        update = e.weights[name]
        close(update.before, w)
        close(update.gradient, g)
        assert list(update.slots) == ["momentum", "velocity"]
        m, v = (slots[f"{name.replace('/', '_')}_{slot}"] for slot in update.slots)
        close(update.slots["momentum"][0], m)
        close(update.slots["velocity"][0], v)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        close(update.slots["momentum"][1], m)
        close(update.slots["velocity"][1], v)
        close(update.after, w - alpha * m / (np.sqrt(v) + 1e-7))
    assert e.shared["iteration"] == (1, 2)
    assert e.rules[-1].name == "adam_update_"
    assert e.rules[-1].settings["step"] == 2
    model.train_on_batch(x, y)
    for update, w in zip(e.weights.values(), model.get_weights(), strict=True):
        assert np.array_equal(update.after, w)


def test_its_text_has_the_numbers():
    e = diptych.explain(and_network("sgd"), *AND)
    text = str(e)
    lines = [line.strip() for line in text.splitlines()]
    z, y = e.step["hidden"].preactivation[3, 1], e.step["hidden"].output[3, 1]
    kernel = e.step["hidden"].weights["kernel"]
    one, two = (f"{v:.6g}" if v >= 0 else f"({v:.6g})" for v in kernel[:, 0])
    assert f"z[1, 0] = 0 · {one} + 1 · {two} + 0 = {kernel[1, 0]:.6g}" in lines
    assert f"L = {e.loss:.6g}" in lines
    assert f"{z:.6g}" in text
    assert f"{y:.6g}" in text
    p = e.step["out"].output
    loss = -np.log(1 - p[0, 0])
    assert f"loss[0] = -(0 log {p[0, 0]:.6g} + 1 log {1 - p[0, 0]:.6g}) = {loss:.6g}" in lines
    dz = e.step["out"].preactivation_gradient[3, 0]
    assert f"dz[3, 0] = (p - y) / 4 = ({p[3, 0]:.6g} - 1) / 4 = {dz:.6g}" in lines
    assert "w = w - learning_rate g" in lines
    assert lines.index("FORWARD") < lines.index("THE LOSS") < lines.index("THE UPDATE, by SGD")
    html = e._repr_html_()
    assert html.count("<h4>") == html.count("</pre>") - 2 == 8
    assert "<h3>THE LOSS</h3>" in html
    assert "sum_d x[n, d] kernel[d, u]" in html


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_lines_fit(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    model = and_network(optimizers.Adam(0.01))
    assert max(map(len, str(diptych.explain(model, *AND)).splitlines())) <= columns


def sigma(a):
    return 1 / (1 + np.exp(-a))


@ENGINES
def test_every_gate_of_an_lstm(engine):
    model = diptych.Sequential(
        [diptych.Input((2, 3)), layers.LSTM(2, name="lstm"), layers.Dense(1)], engine=engine
    )
    model.compile("rmsprop", "mse")
    x = np.random.default_rng(0).normal(size=(4, 2, 3))
    e = diptych.explain(model, x, np.ones((4, 1)))
    kernel, recurrent, bias = model.get_weights()[:3]
    h = c = np.zeros((4, 2))
    gates = e.step["lstm"].gates
    text = [line.strip() for line in str(e).splitlines()]
    for t in range(2):
        a = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        i, f, c_tilde, o = sigma(a[0]), sigma(a[1]), np.tanh(a[2]), sigma(a[3])
        c = f * c + i * c_tilde
        h = o * np.tanh(c)
        expected = {"i": i, "f": f, "c_tilde": c_tilde, "o": o, "c": c, "h": h}
        assert list(gates) == list(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(gates[name][:, t], values, rtol=0, atol=1e-10)
        given, made = (", ".join(f"{v:.6g}" for v in row[0]) for row in (a[1], f))
        assert f"f  = sigmoid([{given}]) = [{made}]" in text


CASES = {
    "GRU": (lambda: layers.GRU(2, name="layer"), "z  = sigmoid("),
    "SimpleRNN": (lambda: layers.SimpleRNN(2, name="layer"), "h  = tanh("),
}


@ENGINES
@pytest.mark.parametrize("kind", CASES)
def test_other_recurrent_layers_are_spelled_out(kind, engine):
    make, expected = CASES[kind]
    model = diptych.Sequential([diptych.Input((3, 2)), make(), layers.Dense(1)], engine=engine)
    model.compile("sgd", "mse")
    text = str(diptych.explain(model, np.ones((2, 3, 2)), np.ones((2, 1))))
    assert text.count(expected) == 3


def several(*chosen):
    return optimizers.MultiOptimizer(lambda variable: chosen["kernel" in variable.path])


OPTIMIZERS = [
    lambda: optimizers.SGD(0.1),
    lambda: optimizers.SGD(0.1, momentum=0.9),
    lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.1),
    lambda: optimizers.RMSprop(0.1),
    lambda: optimizers.RMSprop(0.1, momentum=0.5, centered=True),
    lambda: optimizers.Adam(0.1, amsgrad=True),
    lambda: optimizers.AdamW(0.1),
    lambda: optimizers.Adagrad(0.1),
    lambda: optimizers.Adadelta(0.1),
    lambda: optimizers.Adamax(0.1, use_ema=True),
    lambda: optimizers.Nadam(optimizers.schedules.ExponentialDecay(0.1, 1, 0.9)),
    lambda: optimizers.Ftrl(0.1),
    lambda: optimizers.Lion(0.1, global_clipnorm=0.5),
    lambda: optimizers.Lamb(0.1),
    lambda: optimizers.Adafactor(0.1),
    lambda: optimizers.Muon(0.1),
    lambda: optimizers.ScheduleFreeAdamW(0.1),
    lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.1)),
    lambda: several(optimizers.SGD(0.1), optimizers.Adam(0.1)),
]
SPELLED = (
    optimizers.SGD, optimizers.RMSprop, optimizers.Adam, optimizers.AdamW, optimizers.Adagrad,
    optimizers.Adadelta, optimizers.Adamax, optimizers.Nadam, optimizers.Ftrl, optimizers.Lion,
)  # fmt: skip


@ENGINES
@pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda make: type(make()).__name__)
def test_every_optimizer(make, engine):
    """The new weights and slots are those of the next real update, and the optimizer stays."""
    optimizer = make()
    model = and_network(optimizer, engine)
    for made_before in (0, 2):
        for _ in range(made_before):
            model.train_on_batch(*AND)
        before = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
        e = diptych.explain(model, *AND)
        assert model.optimizer is optimizer
        after = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
        if made_before:  # and built
            assert all(map(np.array_equal, before, after))
        model.train_on_batch(*AND)
        for update, w in zip(e.weights.values(), model.trainable_variables, strict=True):
            np.testing.assert_allclose(update.after, w.numpy(), rtol=1e-12, err_msg=update.path)
        real = {v.name: v.numpy() for v in model.optimizer.variables}
        slots = {
            f"{path.replace('/', '_')}_{name}": after
            for path, update in e.weights.items()
            for name, (_, after) in update.slots.items()
        }
        shared = {name: after for name, (_, after) in e.shared.items()}
        known = {**slots, **shared}
        if not hasattr(optimizer, "optimizers") and not hasattr(optimizer, "inner_optimizer"):
            count = sum(len(update.slots) for update in e.weights.values())
            assert count + len(shared) == len(model.optimizer.variables)
        for name, value in known.items():
            if name in real and name != "iteration":  # of several optimizers
                np.testing.assert_allclose(value, real[name], rtol=1e-12, err_msg=name)
        text = str(e)
        if type(optimizer) in SPELLED:
            assert text.count(", where g is ") == 4  # each weight
        for update in e.weights.values():
            for name in update.slots:
                assert f"{name} before" in text


@ENGINES
def test_the_model_stays_as_it_was(engine):
    """Weights, moving averages, seeds, states, metrics, and the process's random numbers."""

    def made():
        diptych.utils.set_random_seed(3)
        x = diptych.Input(batch_shape=(4, 5, 3))
        h = layers.GRU(3, stateful=True, return_sequences=True, name="gru")(x)
        h = layers.BatchNormalization()(layers.Dropout(0.5)(h))
        h = layers.MultiHeadAttention(2, 2, dropout=0.3, name="mha")(h, h)
        y = layers.Dense(2, "softmax", kernel_regularizer="l2")(layers.Flatten()(h))
        model = diptych.Model(x, y, engine=engine)
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return model

    x = np.random.default_rng(0).normal(size=(4, 5, 3))
    y = np.eye(2)[[0, 1, 1, 0]]
    results = []
    for explains in (True, False):
        model = made()
        found = [model.train_on_batch(x, y)]
        for _ in range(3):
            if explains:
                metrics = model.get_metrics_result()
                e = diptych.explain(model, x, y)
                assert model.get_metrics_result() == metrics
            found.append(model.train_on_batch(x, y))
            if explains:
                np.testing.assert_allclose(e.loss, found[-1][0], rtol=1e-12)
        found.append(model.evaluate(x, y, verbose=0, batch_size=4))
        found += [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
        found.append(diptych.random.uniform((3,)))
        results.append(found)
    for one, other in zip(*results, strict=True):
        assert np.array_equal(one, other)


def test_models_of_every_kind():
    class Own(diptych.Model):
        def __init__(self):
            super().__init__()
            self.inner = diptych.Sequential([layers.Dense(3, "gelu", name="first")])
            self.out = layers.Dense(1, name="last")

        def call(self, inputs):
            return self.out(self.inner(inputs) * 2.0)

        def train_step(self, data):
            x, y = data
            with diptych.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            variables = self.trainable_variables
            self.optimizer.apply_gradients(
                zip(tape.gradient(loss, variables), variables, strict=True)
            )
            return {"loss": loss}

    model = Own()
    model.compile("sgd", lambda y, p: ops.mean(ops.abs(y - p), axis=-1))
    e = diptych.explain(model, np.ones((2, 3)), np.ones((2, 1)))  # builds it
    assert len(e.weights) == 4
    assert "/first (Dense, gelu)" in str(e)
    before = model.get_weights()
    model.train_on_batch(np.ones((2, 3)), np.ones((2, 1)))
    for update, old, new in zip(e.weights.values(), before, model.get_weights(), strict=True):
        assert np.array_equal(update.before, old)
        assert np.array_equal(update.after, new)


def test_large_layers_have_statistics():
    model = diptych.Sequential(
        [
            diptych.Input((12, 12, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    text = str(
        diptych.explain(model, np.random.default_rng(0).random((4, 12, 12, 3)), [1, 2, 3, 4])
    )
    assert "kernel: (3, 3, 3, 8), mean" in text
    assert "z[n, o, f] = bias[f] + sum_p sum_c x~[n, o S + p D, c] kernel[p, c, f]" in text
    assert "max_k x~[n, o S + k, c]" in text
    assert "loss = -log(p_k)" in text


def test_what_it_refuses():
    model = diptych.Sequential([diptych.Input((2,)), layers.Dense(1)])
    with pytest.raises(ValueError, match=r"compiled before explain\(\)"):
        diptych.explain(model, *AND)
    model.compile("sgd", "mse")
    weights = model.get_weights()
    with pytest.raises(ValueError, match="shape"):
        diptych.explain(model, AND[0], np.ones((4, 2, 7)))
    assert all(map(np.array_equal, weights, model.get_weights()))
    assert type(model.optimizer) is optimizers.SGD
    assert "call" not in vars(model)
    for thing in (5, layers.Dense(1)):
        with pytest.raises(ValueError, match=r"explain\(\) takes a compiled model; got"):
            diptych.explain(thing, *AND)


def test_a_model_with_nothing_to_train():
    model = diptych.Sequential([diptych.Input((2,)), layers.Dense(1, trainable=False)])
    model.compile("adam", "mse")
    with pytest.warns(diptych.utils.TrainingWarning, match="changes nothing"):
        e = diptych.explain(model, *AND)
    assert not e.weights
    assert "THE UPDATE, by Adam" in str(e)
    np.testing.assert_allclose(e.loss, model.evaluate(*AND, verbose=0))


def test_equations_come_from_the_reference():
    assert equations("dense.dense", "forward") == (
        "z[n, u] = sum_d x[n, d] kernel[d, u] + bias[u]        y = activation(z)",
    )
    assert any("dkernel" in line for line in equations("convolution.conv", "backward"))
    assert equations("reshape", "forward") == ()
    assert equations("crossentropy.binary_crossentropy", "backward")[0].startswith("dz_j = ")
