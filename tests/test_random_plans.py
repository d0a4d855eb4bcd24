"""Models made at random: training and prediction by plans have the bits of single steps, and of
steps layer by layer.
"""

import numpy as np
import pytest

import diptych
from diptych import Input, Model, layers, optimizers
from tests.planned import without_plans

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")

COMMON = (
    lambda x, n: layers.Dropout(0.3)(x),
    lambda x, n: layers.BatchNormalization()(x),
    lambda x, n: layers.LayerNormalization()(x),
    lambda x, n: layers.PReLU()(x),
    lambda x, n: layers.Add()([x, layers.Activation("tanh")(x)]),
    lambda x, n: layers.Multiply()([x, layers.Dense(x.shape[-1])(x)]),
    lambda x, n: layers.Concatenate()([x, layers.Dense(n)(x)]),
    lambda x, n: layers.Dense(n, "gelu")(x),
    lambda x, n: layers.Dense(n, kernel_constraint="max_norm")(x),
    lambda x, n: layers.Dense(n, kernel_regularizer="l1_l2")(x),
    lambda x, n: layers.Average()([x, layers.Activation("sigmoid")(x), x]),
)
OF_SEQUENCES = (
    lambda x, n: layers.LSTM(n, return_sequences=True)(x),
    lambda x, n: layers.GRU(n, return_sequences=True)(x),
    lambda x, n: layers.Bidirectional(layers.SimpleRNN(n, return_sequences=True))(x),
    lambda x, n: layers.Conv1D(n, 2, padding="same", activation="relu")(x),
    lambda x, n: layers.MultiHeadAttention(2, 3)(x, x),
    lambda x, n: layers.Permute((2, 1))(x),
    lambda x, n: layers.MaxPooling1D(2, padding="same")(x),
)
OF_IMAGES = (
    lambda x, n: layers.Conv2D(n, 3, padding="same", activation="tanh")(x),
    lambda x, n: layers.Conv2D(16, 3, padding="same")(x),
    lambda x, n: layers.DepthwiseConv2D(3, strides=2, padding="same")(x),
    lambda x, n: layers.MaxPooling2D(2, padding="same")(x),
    lambda x, n: layers.AveragePooling2D(2, padding="same")(x),
    lambda x, n: layers.Conv2DTranspose(n, 3, strides=2, padding="same")(x),
)
KINDS = {
    "rows": ((5,), COMMON, lambda x: x),
    "sequences": ((6, 4), COMMON + OF_SEQUENCES, lambda x: layers.GlobalMaxPooling1D()(x)),
    "tokens": ((6,), COMMON + OF_SEQUENCES, lambda x: layers.GRU(3)(x)),
    "images": ((9, 11, 3), COMMON + OF_IMAGES, lambda x: layers.GlobalAveragePooling2D()(x)),
}
OPTIMIZERS = (
    lambda rate: optimizers.SGD(rate, momentum=0.9),
    lambda rate: optimizers.Adam(rate, clipnorm=0.5),
    lambda rate: optimizers.Nadam(rate),
    lambda rate: optimizers.AdamW(rate, use_ema=True),
    lambda rate: optimizers.RMSprop(rate),
    lambda rate: optimizers.SGD(rate, gradient_accumulation_steps=2),
    lambda rate: optimizers.Adam(rate, loss_scale_factor=7.0),
)
LOSSES = ("mse", "categorical_crossentropy", "huber", "kl_divergence")
METRICS = (["accuracy"], ["mae"], [], ["accuracy", "AUC"])


def build(seed):
    """A model, data for it, and options of `fit`."""
    rng = np.random.default_rng(seed)
    diptych.utils.set_random_seed(seed)

    def choose(things):
        return things[rng.integers(len(things))]

    kind = choose(list(KINDS))
    shape, parts, end = KINDS[kind]
    rows = int(rng.integers(5, 40))
    x = rng.standard_normal((rows, *shape)).astype("f4")
    inputs = h = Input(shape)
    if kind == "tokens":
        x = rng.integers(0, 30, x.shape).astype("i4")
        inputs = Input(shape, dtype="int32")
        h = layers.Embedding(30, 3)(inputs)
    for _ in range(rng.integers(1, 5)):
        h = choose(parts)(h, int(rng.integers(1, 18)))
    h, y = end(h), np.eye(3, dtype="f4")[rng.integers(0, 3, rows)]
    loss, metrics, weights = choose(LOSSES), choose(METRICS), None
    if rng.random() < 0.3:
        more = Input((2,), name="more")
        inputs, h = {"first": inputs, "more": more}, layers.Concatenate()([h, more])
        x = {"first": x, "more": rng.standard_normal((rows, 2))}
    outputs = layers.Dense(3, "softmax")(h)
    if rng.random() < 0.4:
        outputs = {"kind": outputs, "yes": layers.Dense(1, "sigmoid", name="yes")(h)}
        y = {"kind": y, "yes": rng.integers(0, 2, (rows, 1)).astype(choose(["i8", "f4"]))}
        loss, weights = {"kind": loss, "yes": "binary_crossentropy"}, {"kind": 0.5, "yes": 3.0}
        metrics = {"kind": metrics, "yes": ["accuracy"]}
    model = Model(inputs, outputs)
    rate = choose([0.01, optimizers.schedules.CosineDecay(0.05, 20)])
    model.compile(choose(OPTIMIZERS)(rate), loss, weights, metrics)
    options = {"batch_size": int(rng.integers(1, 17)), "epochs": 3, "verbose": 0}
    if rng.random() < 0.4:
        options["sample_weight"] = (rng.random(rows) * 5).astype(choose(["f4", "i4"]))
    return model, x, y, options


def run(seed):
    """All that can be seen of a training, evaluations and predictions; and the plan's report."""
    model, x, y, options = build(seed)
    size = options["batch_size"]
    found = [model.fit(x, y, **options).history]
    report = model.plan_report()
    for _ in range(2):
        found.append(model.evaluate(x, y, batch_size=size, verbose=0))
        found.append(model.predict(x, batch_size=size, verbose=0))
    return [*found, *[v.numpy() for v in (*model.variables, *model.optimizer.variables)]], report


@pytest.mark.parametrize("seed", range(60))
def test_the_same_bits(seed, monkeypatch):
    planned, report = run(seed)
    assert report.startswith("A plan ran."), report
    without_plans(monkeypatch)
    np.testing.assert_equal(planned, run(seed)[0])
    monkeypatch.setattr("diptych.models.steps.may_be_replayed", lambda *given: False)
    np.testing.assert_equal(planned, run(seed)[0])
