"""Models made at random: training and prediction by plans have the bits of single steps, and of
steps layer by layer, on any number of threads.

DIPTYCH_RANDOM_PLANS says how many models; tests/asan/run takes a thousand.
"""

import os

import numpy as np
import pytest

import diptych
from diptych import Input, Model, Sequential, layers, losses, ops, optimizers
from diptych import regularizers as penalties
from tests import twins
from tests.planned import on_threads, without_plans

pytest.importorskip("diptych.fastcore.kernels.plan", reason="the fast engine is not built")

pytestmark = [
    pytest.mark.filterwarnings("ignore::diptych.utils.notices.TrainingWarning"),
    pytest.mark.filterwarnings("ignore:The data ended after"),
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
    pytest.mark.filterwarnings("ignore:class_weight has weights for the classes"),  # of few rows
    pytest.mark.filterwarnings("ignore:invalid value encountered"),
    pytest.mark.filterwarnings("ignore:overflow encountered"),
    pytest.mark.filterwarnings("ignore:divide by zero encountered"),
]
MODELS = int(os.environ.get("DIPTYCH_RANDOM_PLANS", "60"))

ACTIVATIONS = "relu tanh sigmoid gelu elu selu softplus swish mish relu6 leaky_relu linear".split()


class Shrinks(layers.Layer):
    """A layer of one's own that adds a loss, and says that it depends on nothing else."""

    pure = True

    def call(self, inputs):
        self.add_loss(0.1 * ops.mean(ops.square(inputs)))
        return ops.tanh(inputs)


def inner(x, n):
    """A model in the model."""
    stack = [layers.Dense(n, "relu"), layers.Dropout(0.2), layers.BatchNormalization()]
    return Sequential([Input(tuple(x.shape[1:])), *stack])(x)


def any_dense(x, n, rng):
    """A dense layer with options of all kinds."""

    def choose(*things):
        return things[rng.integers(len(things))]

    return layers.Dense(
        n,
        choose(*ACTIVATIONS),
        use_bias=choose(True, False),
        kernel_regularizer=choose(None, "l1", "l2", penalties.L1L2(0.01, 0.02)),
        activity_regularizer=choose(None, None, "l1", penalties.L2(0.1)),
        kernel_constraint=choose(None, None, "max_norm", "non_neg"),
        kernel_initializer=choose("glorot_uniform", "he_normal"),
    )(x)


COMMON = (
    lambda x, n, rng: layers.Dropout(0.3)(x),
    lambda x, n, rng: layers.BatchNormalization(scale=bool(rng.integers(2)))(x),
    lambda x, n, rng: layers.LayerNormalization(center=bool(rng.integers(2)))(x),
    lambda x, n, rng: layers.RMSNormalization()(x),
    lambda x, n, rng: layers.UnitNormalization()(x),
    lambda x, n, rng: layers.PReLU()(x),
    lambda x, n, rng: layers.LeakyReLU(0.2)(x),
    lambda x, n, rng: layers.Add()([x, layers.Activation("tanh")(x)]),
    lambda x, n, rng: layers.Subtract()([x, layers.Activation("softplus")(x)]),
    lambda x, n, rng: layers.Maximum()([x, layers.Activation("sigmoid")(x)]),
    lambda x, n, rng: layers.Multiply()([x, layers.Dense(x.shape[-1])(x)]),
    lambda x, n, rng: layers.Concatenate()([x, layers.Dense(n)(x)]),
    lambda x, n, rng: layers.Average()([x, layers.Activation("sigmoid")(x), x]),
    lambda x, n, rng: (
        layers.Dense(n, kernel_regularizer="orthogonal_regularizer")(x) if x.shape[-1] > 1 else x
    ),
    lambda x, n, rng: layers.ActivityRegularization(l1=0.01, l2=0.01)(x),
    lambda x, n, rng: Shrinks()(x),
    lambda x, n, rng: ops.tanh(x) * 2 + 1,
    lambda x, n, rng: inner(x, n),
    any_dense,
    any_dense,
)


def recurrent(kind, **options):
    def layer(x, n, rng):
        backwards = bool(rng.integers(2))
        return getattr(layers, kind)(n, return_sequences=True, go_backwards=backwards, **options)(x)

    return layer


OF_SEQUENCES = (
    recurrent("LSTM"),
    recurrent("GRU"),
    recurrent("GRU", reset_after=False),
    recurrent("SimpleRNN", activation="relu"),
    lambda x, n, rng: layers.Bidirectional(layers.GRU(n, return_sequences=True), "sum")(x),
    lambda x, n, rng: layers.Conv1D(n, 2, padding="causal", activation="relu")(x),
    lambda x, n, rng: layers.SeparableConv1D(n, 2, padding="same")(x),
    lambda x, n, rng: layers.MultiHeadAttention(2, 3)(x, x),
    lambda x, n, rng: layers.Permute((2, 1))(x),
    lambda x, n, rng: layers.MaxPooling1D(2, padding="same")(x),
    lambda x, n, rng: layers.TimeDistributed(layers.Dense(n, "elu"))(x),
    lambda x, n, rng: layers.ZeroPadding1D(1)(x),
    lambda x, n, rng: layers.UpSampling1D(2)(x),
    lambda x, n, rng: layers.SpatialDropout1D(0.3)(x),
)
OF_IMAGES = (
    lambda x, n, rng: layers.Conv2D(n, 3, padding="same", activation="tanh")(x),
    lambda x, n, rng: layers.Conv2D(16, 3, padding="same")(x),
    lambda x, n, rng: layers.Conv2D(n, 2, strides=2, padding="same")(x),
    lambda x, n, rng: layers.Conv2D(n, 3, dilation_rate=2, padding="same", use_bias=False)(x),
    lambda x, n, rng: layers.DepthwiseConv2D(3, strides=2, padding="same")(x),
    lambda x, n, rng: layers.SeparableConv2D(n, 3, padding="same")(x),
    lambda x, n, rng: layers.MaxPooling2D(2, padding="same")(x),
    lambda x, n, rng: layers.AveragePooling2D(2, padding="same")(x),
    lambda x, n, rng: layers.Conv2DTranspose(n, 3, strides=2, padding="same")(x),
    lambda x, n, rng: layers.UpSampling2D(2)(x),
    lambda x, n, rng: layers.Cropping2D(((1, 0), (0, 1)))(x) if min(x.shape[1:3]) > 2 else x,
    lambda x, n, rng: layers.GroupNormalization(1)(x),
    lambda x, n, rng: layers.ZeroPadding2D((1, 2))(x),
    lambda x, n, rng: layers.SpatialDropout2D(0.3)(x),
)
# Of these, not all take the mask that goes on in them.
OF_MASKED = (
    recurrent("LSTM"),
    recurrent("GRU"),
    recurrent("SimpleRNN"),
    lambda x, n, rng: layers.Bidirectional(layers.LSTM(n, return_sequences=True))(x),
    lambda x, n, rng: layers.Dropout(0.3)(x),
    lambda x, n, rng: layers.Dense(n, "gelu")(x),
    lambda x, n, rng: layers.Add()([x, layers.Dense(x.shape[-1])(x)]),
)


def end_of_sequences(x, rng):
    ends = (
        layers.GlobalMaxPooling1D(),
        layers.GlobalAveragePooling1D(),
        layers.LSTM(3),
        layers.Flatten(),
    )
    return ends[rng.integers(len(ends))](x)


def end_of_masked(x, rng):
    ends = layers.GlobalAveragePooling1D(), layers.LSTM(3), layers.Bidirectional(layers.GRU(2))
    return ends[rng.integers(len(ends))](x)


def end_of_images(x, rng):
    ends = layers.GlobalAveragePooling2D(), layers.GlobalMaxPooling2D(), layers.Flatten()
    return ends[rng.integers(len(ends))](x)


KINDS = {
    "rows": (COMMON, lambda x, rng: x),
    "sequences": (COMMON + OF_SEQUENCES, end_of_sequences),
    "masked": (OF_MASKED, end_of_masked),
    "tokens": (COMMON + OF_SEQUENCES, end_of_sequences),
    "masked tokens": (OF_MASKED, end_of_masked),
    "images": (COMMON + OF_IMAGES, end_of_images),
}
OPTIMIZERS = (
    lambda rate: optimizers.SGD(rate, momentum=0.9),
    lambda rate: optimizers.SGD(rate, weight_decay=0.01, nesterov=True, momentum=0.5),
    lambda rate: optimizers.Adam(rate, clipnorm=0.5),
    lambda rate: optimizers.Adam(rate, amsgrad=True, clipvalue=0.1),
    lambda rate: optimizers.Nadam(rate),
    lambda rate: optimizers.Adamax(rate),
    lambda rate: optimizers.AdamW(rate, use_ema=True, ema_overwrite_frequency=4),
    lambda rate: optimizers.RMSprop(rate, centered=True, global_clipnorm=1.0),
    lambda rate: optimizers.Adagrad(rate),
    lambda rate: optimizers.Adadelta(rate),
    lambda rate: optimizers.Ftrl(rate),
    lambda rate: optimizers.Lion(rate),
    lambda rate: optimizers.Adafactor(rate),
    lambda rate: optimizers.Lamb(rate),
    lambda rate: optimizers.SGD(rate, gradient_accumulation_steps=2),
    lambda rate: optimizers.Adam(rate, loss_scale_factor=7.0),
    lambda rate: optimizers.LossScaleOptimizer(optimizers.Adam(rate), 8.0, 5),
)
LOSSES = (
    "mse mae mape msle categorical_crossentropy categorical_focal_crossentropy "
    "binary_crossentropy binary_focal_crossentropy huber kl_divergence poisson log_cosh "
    "cosine_similarity categorical_hinge hinge squared_hinge"
).split()
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight")
METRICS = (["accuracy"], ["mae"], [], ["accuracy", "AUC"], ["mse", "categorical_crossentropy"])


def data_for(kind, rows, rng):
    """Rows, and the input that takes them, with the layer after it."""
    steps, width = int(rng.integers(2, 9)), int(rng.integers(1, 7))
    if kind == "images":
        shape = (int(rng.integers(3, 14)), int(rng.integers(3, 14)), width)
    else:
        shape = (width,) if kind == "rows" else (steps, width)
    x = rng.standard_normal((rows, *shape)).astype("f4" if rng.random() < 0.8 else "f8")
    inputs = Input(shape)
    if "tokens" in kind:
        x = rng.integers(0, 30, (rows, steps)).astype("i4")
        x[np.arange(steps) >= rng.integers(1, steps + 1, rows)[:, None]] = 0
        inputs = Input((steps,), dtype="int32")
        return x, inputs, layers.Embedding(30, 3, mask_zero=kind.startswith("masked"))(inputs)
    if kind == "masked":
        x[np.arange(steps) >= rng.integers(1, steps + 1, rows)[:, None]] = 0
        return x, inputs, layers.Masking()(inputs)
    return x, inputs, inputs


def build(seed):
    """A model, data for it, and options of `fit`."""
    rng = np.random.default_rng(seed)
    diptych.utils.set_random_seed(seed)

    def choose(things):
        return things[rng.integers(len(things))]

    kind = choose(list(KINDS))
    parts, end = KINDS[kind]
    rows = int(rng.integers(5, 40))
    x, inputs, h = data_for(kind, rows, rng)
    for _ in range(rng.integers(1, 5)):
        if np.prod(h.shape[1:]) < 3000:
            h = choose(parts)(h, int(rng.integers(1, 18)), rng)
    h, y = end(h, rng), np.eye(3, dtype="f4")[rng.integers(0, 3, rows)]
    loss, weights, metrics = losses.get(choose(LOSSES)), None, choose(METRICS)
    loss = (
        losses.LossFunctionWrapper(loss, reduction=choose(REDUCTIONS)) if callable(loss) else loss
    )
    weighted = choose(([], [], ["mse"], ["accuracy"]))
    if rng.random() < 0.3:
        more = Input((2,), name="more")
        inputs, h = {"first": inputs, "more": more}, layers.Concatenate()([h, more])
        x = {"first": x, "more": rng.standard_normal((rows, 2))}
    outputs = layers.Dense(3, choose(["softmax", "sigmoid"]))(h)
    is_one = rng.random() < 0.6
    if not is_one:
        outputs = {"kind": outputs, "yes": layers.Dense(1, "sigmoid", name="yes")(h)}
        y = {"kind": y, "yes": rng.integers(0, 2, (rows, 1)).astype(choose(["i8", "f4"]))}
        loss, weights = {"kind": loss, "yes": "binary_crossentropy"}, {"kind": 0.5, "yes": 3.0}
        metrics, weighted = {"kind": metrics, "yes": ["accuracy"]}, {"kind": weighted, "yes": []}
    model = Model(inputs, outputs)
    rate = choose([0.01, optimizers.schedules.CosineDecay(0.05, 20)])
    model.compile(choose(OPTIMIZERS)(rate), loss, weights, metrics, weighted)
    size = int(rng.integers(1, min(17, rows)))
    options = {
        "batch_size": size,
        "epochs": 3,
        "verbose": 0,
        "shuffle": choose([True, False, "batch"]),
    }
    drawn = rng.random()
    if drawn < 0.4:
        options["sample_weight"] = (rng.random(rows) * 5).astype(choose(["f4", "f8", "i4"]))
    elif drawn < 0.5 and is_one:
        options["class_weight"] = {0: 0.5, 1: 2.0}
    if rng.random() < 0.2:
        options |= {"steps_per_epoch": int(rng.integers(1, 6)), "epochs": 6}
    if rng.random() < 0.2 and rows > 9:
        options["validation_split"] = 0.3
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


@pytest.mark.parametrize("seed", range(MODELS))
def test_the_same_bits(seed, monkeypatch):
    with on_threads(twins.THREADS[seed % len(twins.THREADS)]):
        planned, report = run(seed)
    few = report == "No plan: there were only a few steps."
    assert report.startswith("A plan ran") or few, report
    without_plans(monkeypatch)
    with on_threads(1):
        np.testing.assert_equal(planned, run(seed)[0])
    monkeypatch.setattr("diptych.models.steps.may_be_replayed", lambda *given: False)
    with on_threads(twins.THREADS[seed // 2 % len(twins.THREADS)]):
        np.testing.assert_equal(planned, run(seed)[0])
