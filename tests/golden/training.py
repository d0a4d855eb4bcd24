"""Recipes for whole trainings: optimizers, functional models, fits with weights and validation.

Nothing is shuffled and nothing is drawn: both libraries see the same batches and weights.
"""

import numpy as np

from .recipes import history_of, numbers, one_hot, recipe, weights_of, with_fixed_weights
from .single import label

# ------------------------------------------------------------------------- optimizers

OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.8, "rho": 0.8}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"centered": True, "momentum": 0.8, "epsilon": 0.001}),
    ("Adagrad", {}),
    ("Adagrad", {"initial_accumulator_value": 0.5, "epsilon": 0.01}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adadelta", {"learning_rate": 0.5, "rho": 0.8, "epsilon": 0.001}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "beta_1": 0.8, "beta_2": 0.6}),
    ("Adam", {"epsilon": 0.01}),
    ("AdamW", {"weight_decay": 0.1}),
    ("AdamW", {}),
    ("Adamax", {}),
    ("Adamax", {"beta_1": 0.8, "beta_2": 0.7}),
    ("Nadam", {}),
    ("Nadam", {"beta_1": 0.8, "beta_2": 0.9}),
    ("Ftrl", {}),
    (
        "Ftrl",
        {
            "learning_rate_power": -0.7,
            "initial_accumulator_value": 0.2,
            "l1_regularization_strength": 0.02,
            "l2_regularization_strength": 0.1,
        },
    ),
    ("Ftrl", {"l2_shrinkage_regularization_strength": 0.1, "beta": 0.3}),
    ("Lion", {"learning_rate": 0.01}),
    ("Lion", {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95}),
    # what all optimizers share
    ("SGD", {"weight_decay": 0.1}),
    ("Adam", {"weight_decay": 0.1}),
    ("RMSprop", {"weight_decay": 0.1}),
    ("SGD", {"clipnorm": 0.1}),
    ("SGD", {"clipvalue": 0.02}),
    ("SGD", {"global_clipnorm": 0.1}),
    ("Adam", {"global_clipnorm": 0.1}),
    ("SGD", {"use_ema": True, "ema_momentum": 0.8}),
    ("SGD", {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3}),
    ("Adam", {"use_ema": True}),
    ("SGD", {"gradient_accumulation_steps": 3}),
    ("Adam", {"gradient_accumulation_steps": 4, "clipnorm": 0.1}),
    ("SGD", {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.8}),
]


def small_network(kit):
    layers = [kit.layers.Dense(4, activation="tanh"), kit.layers.Dense(3)]
    return with_fixed_weights(kit.Sequential([kit.Input((5,)), *layers]))


def twenty_updates(kit, optimizer):
    """The weights after 20 batches of 4 rows."""
    model = small_network(kit)
    model.compile(optimizer, loss="mse")
    x, y = numbers(50, 80, 5), numbers(51, 80, 3)
    history = model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
    iterations = int(kit.ops.convert_to_numpy(optimizer.iterations))
    return weights_of(model) | history_of(history) | {"iterations": iterations}


def optimizer_run(kit, args):
    name, options = args
    return twenty_updates(kit, getattr(kit.optimizers, name)(**{"learning_rate": 0.05} | options))


for _name, _options in OPTIMIZERS:
    recipe("updates", label(_name, _options), _name, _options)(optimizer_run)


@recipe("updates", "by_name")
def optimizer_by_name(kit):
    """Default arguments."""
    model = small_network(kit)
    made = {}
    for name in ("sgd", "rmsprop", "adam", "adamw", "adagrad", "adadelta", "nadam", "adamax"):
        with_fixed_weights(model)
        model.compile(name, loss="mae")
        model.train_on_batch(numbers(52, 8, 5), numbers(53, 8, 3))
        made[name] = np.array(model.get_weights()[0])
    return made


@recipe("updates", "schedule")
def optimizer_with_schedule(kit):
    schedule = kit.optimizers.schedules.ExponentialDecay(0.1, decay_steps=4, decay_rate=0.7)
    return twenty_updates(kit, kit.optimizers.SGD(schedule, momentum=0.5))


@recipe("updates", "schedule_warmup")
def optimizer_with_warmup(kit):
    schedule = kit.optimizers.schedules.CosineDecay(
        0.01, decay_steps=10, warmup_target=0.1, warmup_steps=6
    )
    return twenty_updates(kit, kit.optimizers.Adam(schedule))


@recipe("updates", "exclude_from_weight_decay")
def optimizer_without_decay_of_biases(kit):
    optimizer = kit.optimizers.AdamW(0.05, weight_decay=0.2)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return twenty_updates(kit, optimizer)


@recipe("updates", "apply")
def optimizer_applied_by_hand(kit):
    """`apply` and `apply_gradients` on bare variables, the learning rate set between."""
    variables = [kit.Variable(numbers(54, 3, 2)), kit.Variable(numbers(55, 4))]
    optimizer = kit.optimizers.Adam(0.1, clipnorm=0.5)
    optimizer.build(variables)
    for step in range(3):
        gradients = [kit.ops.convert_to_tensor(numbers(56 + step, *v.shape)) for v in variables]
        optimizer.apply(gradients, variables)
    optimizer.learning_rate = 0.02
    for step in range(3):
        gradients = [kit.ops.convert_to_tensor(numbers(66 + step, *v.shape)) for v in variables]
        optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))
    return {f"variable{i}": kit.ops.convert_to_numpy(v) for i, v in enumerate(variables)} | {
        "iterations": int(kit.ops.convert_to_numpy(optimizer.iterations)),
        "learning_rate": float(kit.ops.convert_to_numpy(optimizer.learning_rate)),
    }


# ------------------------------------------------------------------------- functional models


def two_by_two(kit):
    """Two inputs, a layer that both share, every merge layer, two outputs."""
    a, b = kit.Input((4,), name="a"), kit.Input((4,), name="b")
    shared = kit.layers.Dense(6, activation="tanh", name="shared")
    p, q = shared(a), shared(b)
    merged = kit.layers.Concatenate()(
        [
            kit.layers.Add()([p, q]),
            kit.layers.Subtract()([p, q]),
            kit.layers.Multiply()([p, q]),
            kit.layers.Average()([p, q]),
            kit.layers.Maximum()([p, q]),
            kit.layers.Minimum()([p, q]),
            kit.layers.Dot(axes=1)([p, q]),
            kit.layers.dot([p, q], axes=1, normalize=True),
        ]
    )
    number = kit.layers.Dense(2, name="number")(merged)
    kind = kit.layers.Dense(3, activation="softmax", name="kind")(merged)
    return with_fixed_weights(kit.Model([a, b], [number, kind], name="two_by_two"))


def two_by_two_data():
    x = [numbers(70, 20, 4), numbers(71, 20, 4)]
    return x, [numbers(72, 20, 2), one_hot(np.arange(20) * 7 % 3, 3)]


def compiled(kit):
    model = two_by_two(kit)
    model.compile(
        kit.optimizers.SGD(0.05, momentum=0.5),
        loss={"number": "mse", "kind": "categorical_crossentropy"},
        loss_weights={"number": 0.3, "kind": 2.0},
        metrics={"number": ["mae"], "kind": ["accuracy"]},
    )
    return model


@recipe("functional", "outputs")
def functional_outputs(kit):
    x, _ = two_by_two_data()
    number, kind = two_by_two(kit).predict(x, verbose=0)
    by_name = two_by_two(kit).predict(dict(zip("ab", x, strict=True)), verbose=0)
    return {"number": number, "kind": kind, "by_name": by_name[1]}


@recipe("functional", "evaluate")
def functional_evaluate(kit):
    x, y = two_by_two_data()
    model = compiled(kit)
    named = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
    made = {f"named/{key}": value for key, value in named.items()}
    made["listed"] = np.array(model.evaluate(x, y, batch_size=8, verbose=0))
    weights = [numbers(73, 20, low=0, high=2), numbers(74, 20, low=0, high=2)]
    made["weighted"] = np.array(model.evaluate(x, y, sample_weight=weights, verbose=0))
    return made


@recipe("functional", "train_on_batch")
def functional_train_on_batch(kit):
    x, y = two_by_two_data()
    model = compiled(kit)
    rows = [slice(4 * i, 4 * i + 4) for i in range(5)]
    results = [model.train_on_batch([a[r] for a in x], [b[r] for b in y]) for r in rows]
    tested = model.test_on_batch(x, y)
    return {"trained": np.array(results), "tested": np.array(tested)} | weights_of(model)


@recipe("functional", "fit")
def functional_fit(kit):
    x, y = two_by_two_data()
    model = compiled(kit)
    history = model.fit(
        dict(zip("ab", x, strict=True)),
        {"number": y[0], "kind": y[1]},
        batch_size=6,
        epochs=3,
        shuffle=False,
        verbose=0,
        validation_split=0.3,
    )
    return history_of(history) | weights_of(model)


@recipe("functional", "fit_with_lists")
def functional_fit_with_lists(kit):
    """Losses and metrics as lists, and a validation set with weights."""
    x, y = two_by_two_data()
    model = two_by_two(kit)
    model.compile(
        "sgd",
        loss=["huber", kit.losses.CategoricalCrossentropy(label_smoothing=0.1)],
        loss_weights=[1.0, 0.5],
        metrics=[["mse"], ["accuracy", "categorical_crossentropy"]],
        weighted_metrics=[[], ["accuracy"]],
    )
    weights = [numbers(75, 20, low=0, high=2), numbers(76, 20, low=0, high=2)]
    history = model.fit(
        x,
        y,
        sample_weight=weights,
        batch_size=7,
        epochs=2,
        shuffle=False,
        verbose=0,
        validation_data=([a[:9] for a in x], [b[:9] for b in y], [w[:9] for w in weights]),
        validation_batch_size=4,
    )
    return history_of(history) | weights_of(model)


@recipe("functional", "shapes")
def shape_layers(kit):
    """Dense on higher ranks, and the layers that only move numbers."""
    x = kit.Input((3, 4))
    y = kit.layers.Dense(5, activation="relu")(x)
    y = kit.layers.Permute((2, 1))(y)
    y = kit.layers.Reshape((-1, 5))(y)
    y = kit.layers.Flatten()(y)
    y = kit.layers.RepeatVector(2)(y)
    y = kit.layers.Lambda(lambda t: t * 2 + 1)(y)
    y = kit.layers.Dense(3, use_bias=False)(y)
    model = with_fixed_weights(kit.Model(x, y))
    model.compile("sgd", "mse")
    data = numbers(77, 6, 3, 4), numbers(78, 6, 2, 3)
    before = model.predict(data[0], verbose=0)
    losses = [model.train_on_batch(*data) for _ in range(3)]
    return {"outputs": before, "losses": np.array(losses)} | weights_of(model)


# ------------------------------------------------------------------------- fits of one classifier


def classifier(kit, metrics=("accuracy",), loss="sparse_categorical_crossentropy", **options):
    layers = [kit.layers.Dense(6, activation="relu"), kit.layers.Dense(3, activation="softmax")]
    model = with_fixed_weights(kit.Sequential([kit.Input((4,)), *layers]))
    model.compile(kit.optimizers.SGD(0.1), loss=loss, metrics=list(metrics), **options)
    return model


def classifier_data():
    return numbers(80, 23, 4), (np.arange(23) * 5 % 3).astype("int32")


def classifier_fit(kit, args):
    options, model_options = args
    x, y = classifier_data()
    model = classifier(kit, **model_options)
    options = {"epochs": 3} | options
    history = model.fit(x, y, batch_size=5, shuffle=False, verbose=0, **options)
    tested = model.evaluate(x, y, verbose=0, return_dict=True)
    evaluated = {f"evaluate/{key}": value for key, value in tested.items()}
    return history_of(history) | weights_of(model) | evaluated


WEIGHTS = numbers(81, 23, low=0, high=2)
FITS = {
    "plain": ({}, {}),
    "class_weight": ({"class_weight": {0: 0.5, 1: 2.0, 2: 1.2}}, {}),
    "sample_weight": ({"sample_weight": WEIGHTS}, {}),
    "sample_weight_and_metrics": (
        {"sample_weight": WEIGHTS},
        {"weighted_metrics": ["accuracy", "sparse_categorical_crossentropy"]},
    ),
    "sample_weight_and_split": ({"sample_weight": WEIGHTS, "validation_split": 0.25}, {}),
    "validation_split": ({"validation_split": 0.3}, {}),
    "validation_data": ({"validation_data": (numbers(82, 7, 4), np.arange(7) % 3)}, {}),
    "validation_freq": ({"validation_split": 0.3, "validation_freq": 2}, {}),
    "steps_per_epoch": ({"steps_per_epoch": 3, "epochs": 1}, {}),
    "initial_epoch": ({"initial_epoch": 1}, {}),
    "acc_and_objects": ({}, {"metrics": ["acc", "sparse_top_k_categorical_accuracy"]}),
}
for _name, _args in FITS.items():
    recipe("fits", _name, *_args)(classifier_fit)


@recipe("fits", "binary")
def binary_fit(kit):
    """The "accuracy" of one sigmoid output is binary accuracy; labels come as a flat vector."""
    layers = [kit.layers.Dense(5, activation="tanh"), kit.layers.Dense(1, activation="sigmoid")]
    model = with_fixed_weights(kit.Sequential([kit.Input((4,)), *layers]))
    auc = kit.metrics.AUC(name="auc")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", auc, "Precision"])
    x = numbers(83, 16, 4)
    y = (x.sum(axis=1) > 0).astype("float32")
    history = model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    return history_of(history) | weights_of(model) | {"outputs": model.predict(x, verbose=0)}


@recipe("fits", "one_hot")
def one_hot_fit(kit):
    x, y = classifier_data()
    model = classifier(kit, loss="categorical_crossentropy")
    y = one_hot(y, 3)
    weight = {0: 1.0, 1: 3.0, 2: 0.5}
    history = model.fit(x, y, batch_size=8, shuffle=False, verbose=0, class_weight=weight)
    return history_of(history) | weights_of(model)


@recipe("fits", "train_on_batch")
def train_on_batch_with_weights(kit):
    x, y = classifier_data()
    model = classifier(kit)
    made = {
        "sample_weight": model.train_on_batch(x[:8], y[:8], sample_weight=WEIGHTS[:8]),
        "class_weight": model.train_on_batch(x[8:16], y[8:16], class_weight={0: 0, 1: 2, 2: 3}),
        "plain": model.train_on_batch(x[16:], y[16:]),
    }
    made["tested"] = model.test_on_batch(x, y, sample_weight=WEIGHTS)
    made["outputs"] = model.predict_on_batch(x)
    return {key: np.array(value) for key, value in made.items()}


@recipe("fits", "custom_functions")
def custom_loss_and_metric(kit):
    """A loss and a metric written as plain functions of kit.ops."""

    def pinball(y_true, y_pred):
        error = y_true - y_pred
        return kit.ops.mean(kit.ops.maximum(0.8 * error, -0.2 * error), axis=-1)

    def bias(y_true, y_pred):
        return kit.ops.mean(y_pred - y_true, axis=-1)

    model = small_network(kit)
    model.compile(kit.optimizers.Adam(0.01), loss=pinball, metrics=[bias])
    x, y = numbers(84, 12, 5), numbers(85, 12, 3)
    history = model.fit(x, y, batch_size=5, epochs=2, shuffle=False, verbose=0)
    return history_of(history) | weights_of(model)


@recipe("fits", "constant_noise_layers")
def layers_that_rest_at_inference(kit):
    """Dropout and noise do nothing in predict and evaluate."""
    layers = [
        kit.layers.Dropout(0.5),
        kit.layers.GaussianNoise(1.0),
        kit.layers.GaussianDropout(0.3),
        kit.layers.AlphaDropout(0.3),
        kit.layers.Identity(),
        kit.layers.Dense(3),
    ]
    model = with_fixed_weights(kit.Sequential([kit.Input((5,)), *layers]))
    model.compile("sgd", "mse")
    x, y = numbers(86, 6, 5), numbers(87, 6, 3)
    return {"outputs": model.predict(x, verbose=0), "loss": model.evaluate(x, y, verbose=0)}
