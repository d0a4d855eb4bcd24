"""The equations that explain fills in with numbers: recomputed by hand, and read as arithmetic."""

import re

import numpy as np
import pytest

import diptych
from diptych import layers, optimizers
from diptych.teach import numerals, spelling_layers, spelling_rules

ENGINES = pytest.mark.parametrize("engine", ["reference", "fast"])
rng = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _float64():
    before = diptych.config.floatx()
    diptych.config.set_floatx("float64")
    diptych.utils.set_random_seed(1)
    yield
    diptych.config.set_floatx(before)


def explained(x, *stack, engine="reference", dtype=None):
    inputs = diptych.Input(x.shape[1:], dtype=dtype)
    y = inputs
    for layer in stack:
        y = layer(y)
    model = diptych.Model(inputs, layers.Dense(1)(layers.Flatten()(y)), engine=engine)
    model.compile("sgd", "mse")
    for weight in model.trainable_variables:  # no weight is 0 or 1
        weight.assign(weight.numpy() + np.random.default_rng(5).normal(0, 0.1, weight.shape))
    return diptych.explain(model, x, np.ones((len(x), 1)))


def lines_of(e, layer):
    """The lines of a layer, on the way there and back."""
    parts = [lines for title, lines in e.sections(100) if f" {layer} (" in title]
    assert parts
    return [line.strip() for lines in parts for line in lines]


NAMES = {
    "sqrt": np.sqrt, "max": max, "abs": abs, "sign": np.sign, "array": np.array,
    "clip": lambda a, low, high: min(max(a, low), high),
    "softmax": lambda a: np.exp(a) / np.exp(a).sum(),
    "relu": lambda a: np.maximum(a, 0), "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
}  # fmt: skip


def arithmetic(lines):
    """Read the last equation of each line that has one as arithmetic; return their number."""
    count = 0
    for line in lines:
        *_, left, right = ("", *line.split(" = "))
        text = re.sub(r"\|([^|]+)\|", r"abs(\1)", left).replace("·", "*").replace("^", "**")
        text = text.replace("[", "array([").replace("]", "])")
        text = re.sub(r"([\d)]) (?=sqrt|sign|\()", r"\1 * ", text)
        words = set(re.findall(r"[A-Za-z_~]\w*", re.sub(r"\de[-+]\d", "", text)))
        if not words <= set(NAMES) or not re.search(r"\d", text) or not left:
            continue
        found = eval(text, {"__builtins__": {}}, dict(NAMES))
        value = np.array(eval(right))
        largest = max(map(float, re.findall(r"\d+\.?\d*(?:e-?\d+)?", left)))  # of six digits
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-5 * largest, err_msg=line)
        count += 1
    return count


def test_arithmetic_finds_what_is_wrong():
    right = ["z[0] = 2 · 3 + (-1) = 5", "s = softmax([0, 0]) = [0.5, 0.5]", "d = 2 sqrt(4) = 4"]
    assert arithmetic(right) == 3
    assert arithmetic(["y = activation(z)", "mean[n] = 1/D sum_d x[n, d]", "x = [1, 2]"]) == 0
    with pytest.raises(AssertionError):
        arithmetic(["z[0] = 2 · 3 + (-1) = 5.01"])


# --------------------------------------------------------------------------------------------------
# Layers

CONVOLUTIONS = {
    "Conv1D": ((2, 4, 1), lambda: layers.Conv1D(2, 2, activation="relu", name="conv")),
    "Conv1D, same": ((1, 5, 2), lambda: layers.Conv1D(1, 3, padding="same", name="conv")),
    "Conv1D, causal, dilated": (
        (1, 6, 1), lambda: layers.Conv1D(1, 3, padding="causal", dilation_rate=2, name="conv")
    ),
    "Conv1D, strides": (
        (1, 7, 1), lambda: layers.Conv1D(2, 3, strides=2, activation="tanh", name="conv")
    ),
    "Conv2D": ((1, 4, 4, 1), lambda: layers.Conv2D(1, 3, activation="sigmoid", name="conv")),
    "Conv2D, no bias": ((1, 3, 4, 1), lambda: layers.Conv2D(1, 2, use_bias=False, name="conv")),
    "Conv3D": ((1, 2, 2, 3, 1), lambda: layers.Conv3D(1, 2, name="conv")),
}  # fmt: skip


@ENGINES
@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_convolutions(kind, engine):
    shape, make = CONVOLUTIONS[kind]
    x = rng.normal(size=shape)
    before = layers.Dense(shape[-1], name="before")  # so that there is a gradient by the input
    e = explained(x, before, make(), engine=engine)
    lines, step = lines_of(e, "conv"), e.step["conv"]
    layer, kernel = step.layer, step.weights["kernel"]
    assert arithmetic(lines) >= 10
    # The first output by hand, from the windows that NumPy cuts.
    pads = {"same": [(1, 1)], "causal": [(4, 0)]}.get(layer.padding, [(0, 0)] * (x.ndim - 2))
    padded = np.pad(step.input, [(0, 0), *pads, (0, 0)])
    spans = [slice(0, d * (k - 1) + 1, d) for k, d in
             zip(layer.kernel_size, layer.dilation_rate, strict=True)]  # fmt: skip
    z = np.sum(padded[(0, *spans)] * kernel[..., 0])
    z += step.weights["bias"][0] if layer.use_bias else 0
    letter = "y" if layer.activation.__name__ == "linear" else "z"
    (first,) = (s for s in lines if s.startswith(f"{letter}{numerals.place((0,) * x.ndim)} = "))
    assert float(first.rpartition(" = ")[2]) == pytest.approx(z, rel=1e-5)
    # Its gradients by hand: by nudging the weight.
    dkernel = step.weight_gradients["kernel"].ravel()[0]
    (line,) = (s for s in lines if s.startswith(f"dkernel{numerals.place((0,) * x.ndim)} = "))
    assert float(line.rpartition(" = ")[2]) == pytest.approx(dkernel, rel=1e-5)
    dx = step.input_gradient.ravel()[0]
    (line,) = (s for s in lines if s.startswith(f"dx{numerals.place((0,) * x.ndim)} = "))
    assert float(line.rpartition(" = ")[2]) == pytest.approx(dx, rel=1e-5)


def test_convolutions_that_are_not_spelled_out():
    for make in (
        lambda: layers.Conv1D(2, 3, name="conv"),  # 3 x 4 terms
        lambda: layers.Conv1D(4, 1, groups=2, name="conv"),
        lambda: layers.SeparableConv1D(2, 1, name="conv"),
    ):
        e = explained(rng.normal(size=(1, 4, 4)), make())
        assert not any(line.startswith("y[0, 0, 0] =") for line in lines_of(e, "conv"))


@ENGINES
@pytest.mark.parametrize("scaled", [False, True])
def test_attention(scaled, engine):
    x = rng.normal(size=(2, 3, 2))
    inputs = diptych.Input(x.shape[1:])
    attention = layers.Attention(use_scale=scaled, name="att")
    y = attention([layers.Dense(2, name="query")(inputs), inputs])
    model = diptych.Model(inputs, layers.Dense(1)(layers.Flatten()(y)), engine=engine)
    model.compile("sgd", "mse")
    if scaled:
        attention.scale.assign(0.7)
    e = diptych.explain(model, x, np.ones((2, 1)))
    lines = lines_of(e, "att")
    assert arithmetic(lines) == 3 * (3 + 1 + 1)  # products, scores and means for three queries
    query = e.step["query"].output[0]
    a = (0.7 if scaled else 1) * query @ x[0].T
    scores = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    for t in range(3):
        assert any(
            line.startswith("scores = softmax(") and line.endswith(numerals.row(scores[t]))
            for line in lines
        )
        mean = numerals.row(scores[t] @ x[0])
        assert any(line.startswith("sum_s") and line.endswith(f"= {mean}") for line in lines)


@ENGINES
def test_the_first_head_of_multi_head_attention(engine):
    x = rng.normal(size=(2, 3, 4))
    inputs = diptych.Input(x.shape[1:])
    y = layers.MultiHeadAttention(2, 2, name="mha")(inputs, inputs)
    model = diptych.Model(inputs, layers.Dense(1)(layers.Flatten()(y)), engine=engine)
    model.compile("sgd", "mse")
    weights = {v.path: v.numpy() for v in model.variables}
    lines = lines_of(diptych.explain(model, x, np.ones((2, 1))), "mha")
    assert lines.count("the first head of the first sample:") == 1
    assert arithmetic(lines) == 3 * (3 + 1 + 1)
    q, k, v = (
        x[0] @ weights[f"mha/{part}/kernel"][:, 0] + weights[f"mha/{part}/bias"][0]
        for part in ("query", "key", "value")
    )
    a = q @ k.T / np.sqrt(2)
    scores = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    for t in range(3):
        mean = numerals.row(scores[t] @ v)
        assert any(line.startswith("sum_s") and line.endswith(f"= {mean}") for line in lines)


@ENGINES
def test_projections(engine):
    x = rng.normal(size=(2, 3, 4))
    dense = layers.EinsumDense("abc,cde->abde", (None, 2, 2), bias_axes="de", name="heads")
    e = explained(x, dense, engine=engine)
    lines, step = lines_of(e, "heads"), e.step["heads"]
    assert arithmetic(lines) == 4
    y = x[0, 0] @ step.weights["kernel"][:, 0, 1] + step.weights["bias"][0, 1]
    (line,) = (one for one in lines if one.startswith("y[0, 0, 0, 1] = "))
    assert line.endswith(f" = {numerals.plain(y)}")
    for other in ("...x,xy->...y", "abc,cd->abd"):
        shape = (None, 2) if other == "abc,cd->abd" else 2
        e = explained(x, layers.EinsumDense(other, shape, activation="relu", name="heads"))
        assert arithmetic(lines_of(e, "heads")) == 0


def test_masked_and_large_attention_is_not_spelled_out():
    x = rng.normal(size=(2, 3, 2))
    inputs = diptych.Input(x.shape[1:])
    y = layers.Attention(name="att")([inputs, inputs], use_causal_mask=True)
    model = diptych.Model(inputs, layers.Dense(1)(layers.Flatten()(y)))
    model.compile("sgd", "mse")
    lines = lines_of(diptych.explain(model, x, np.ones((2, 1))), "att")
    assert not any("softmax([" in line for line in lines)
    e = explained(rng.normal(size=(2, 9, 8)), layers.LayerNormalization(name="norm"))
    assert arithmetic(lines_of(e, "norm")) == 0


@ENGINES
@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}])
def test_layer_normalization(options, engine):
    x = rng.normal(size=(3, 4))
    e = explained(
        x, layers.Dense(4, name="before"), layers.LayerNormalization(name="norm", **options),
        engine=engine,
    )  # fmt: skip
    lines, step = lines_of(e, "norm"), e.step["norm"]
    assert arithmetic(lines) >= 2 * (2 + 4) + 4
    row = step.input[0]
    x_hat = (row - row.mean()) / np.sqrt(row.var() + 1e-3)
    y = step.weights.get("gamma", np.ones(4)) * x_hat + step.weights.get("beta", np.zeros(4))
    for d in range(4):
        (line,) = (one for one in lines if one.startswith(f"y[0, {d}] = "))
        assert line.endswith(f" = {numerals.plain(y[d])}")
        (line,) = (one for one in lines if one.startswith(f"dx[0, {d}] = "))
        assert line.endswith(f" = {numerals.plain(step.input_gradient[0, d])}")
    for name in options:
        weight = {"center": "dbeta", "scale": "dgamma"}[name]
        assert not any(line.startswith(weight + "[") for line in lines)


def test_batch_normalization():
    x = rng.normal(size=(4, 3))
    e = explained(x, layers.BatchNormalization(name="norm"))
    lines, step = lines_of(e, "norm"), e.step["norm"]
    assert arithmetic(lines) == 2 * (2 + 4)
    x_hat = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3)
    y = step.weights["gamma"] * x_hat + step.weights["beta"]
    for n in range(4):
        (line,) = (one for one in lines if one.startswith(f"y[{n}, 1] = "))
        assert line.endswith(f" = {numerals.plain(y[n, 1])}")


@ENGINES
def test_an_embedding(engine):
    words = np.array([[1, 3], [3, 0]])
    e = explained(words, layers.Embedding(5, 2, name="emb"), dtype="int32", engine=engine)
    lines, step = lines_of(e, "emb"), e.step["emb"]
    table, dy = step.weights["embeddings"], step.output_gradient
    assert f"y[0, 1] = embeddings[3] = {numerals.row(table[3])}" in lines
    total = numerals.row(dy[0, 1] + dy[1, 0])
    parts = f"{numerals.row(dy[0, 1])} + {numerals.row(dy[1, 0])}"
    assert f"dembeddings[3] = dy[0, 1] + dy[1, 0] = {parts} = {total}" in lines
    assert arithmetic(lines) >= 1


def test_nothing_is_said_that_the_engine_does_not_compute(monkeypatch):
    """A layer that does something else under a known name is left to its arrays."""

    class Twice(layers.Conv1D):
        def call(self, inputs):
            return 2 * super().call(inputs)

    e = explained(rng.normal(size=(1, 4, 1)), Twice(1, 2, name="conv"))
    assert not any(line.startswith("y[0, 0, 0] =") for line in lines_of(e, "conv"))
    assert spelling_layers.forward(e.step["conv"], e.step["conv"].calls[0], e.step) == {}


# --------------------------------------------------------------------------------------------------
# Optimizers

OPTIMIZERS = {
    "SGD": lambda: optimizers.SGD(0.1),
    "SGD, decay": lambda: optimizers.SGD(0.1, weight_decay=0.2),
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9),
    "RMSprop": lambda: optimizers.RMSprop(0.1, momentum=0.5, centered=True),
    "Adam": lambda: optimizers.Adam(0.1, amsgrad=True),
    "AdamW": lambda: optimizers.AdamW(0.1, weight_decay=0.3),
    "Adagrad": lambda: optimizers.Adagrad(0.1),
    "Adadelta": lambda: optimizers.Adadelta(0.1),
    "Adamax": lambda: optimizers.Adamax(0.1),
    "Nadam": lambda: optimizers.Nadam(0.1),
    "Ftrl": lambda: optimizers.Ftrl(0.1),
    "Ftrl, penalties": lambda: optimizers.Ftrl(
        0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.1,
        l2_shrinkage_regularization_strength=0.1, beta=0.5,
    ),
    "Lion": lambda: optimizers.Lion(0.1),
}  # fmt: skip
EQUATIONS = {
    "AdamW": "w = w - learning_rate weight_decay w",
    "Adagrad": "a = a + g^2",
    "Adadelta": "d = g sqrt(u + epsilon) / sqrt(a + epsilon)",
    "Adamax": "u = max(beta_2 u, |g|)",
    "Nadam": "v_hat = v / (1 - beta_2^t)",
    "Ftrl": "n = n_old + g^2",
    "Lion": "w = w - learning_rate sign(beta_1 m + (1 - beta_1) g)",
}


@ENGINES
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_update_rules(name, engine):
    """Read as arithmetic, the lines lead from the weight before to the weight after."""
    model = diptych.Sequential([diptych.Input((2,)), layers.Dense(2, "tanh"), layers.Dense(1)])
    model.engine = engine
    model.compile(OPTIMIZERS[name](), "mse")
    x, y = rng.normal(size=(4, 2)), rng.normal(size=(4, 1))
    for made in (0, 3):
        for _ in range(made):
            model.train_on_batch(x, y)
        e = diptych.explain(model, x, y)
        spelled = 0
        for path, update in e.weights.items():
            (lines,) = (lines for title, lines in e.sections(100) if title == path)
            start = next(k for k, line in enumerate(lines) if ", where g is " in line)
            place = eval(re.match(r"w\[([\d, ]+)\]", lines[start])[1] + ",")
            stop = next(k for k, line in enumerate(lines) if line.startswith("w after"))
            mine = [line.strip() for line in lines[start + 1 : stop]]
            assert arithmetic(mine) == len(mine)
            weights = [float(one.rpartition(" = ")[2]) for one in mine if one.startswith("w = ")]
            assert weights[-1] == pytest.approx(update.after[place], rel=2e-5, abs=1e-7)
            spelled += len(mine)
            assert any(one.startswith(EQUATIONS.get(name, "")) for one in mine)
        assert spelled >= 4


def test_weights_that_are_not_decayed():
    model = diptych.Sequential([diptych.Input((2,)), layers.Dense(1, name="out")], name="net")
    optimizer = optimizers.AdamW(0.1, weight_decay=0.3)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, "mse")
    text = {title: lines for title, lines in diptych.explain(
        model, rng.normal(size=(4, 2)), np.ones((4, 1))).sections(100)}  # fmt: skip
    decays = "    w = w - learning_rate weight_decay w = "
    assert any(line.startswith(decays) for line in text["net/out/kernel"])
    assert not any(line.startswith(decays) for line in text["net/out/bias"])
    assert any(", where g is " in line for line in text["net/out/bias"])


def test_a_rule_that_is_not_known():
    assert spelling_rules.update("lamb_update_", {"w": 1.0, "g": 1.0}, {}) is None
