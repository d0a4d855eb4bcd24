"""Recipes for the parts of a network: activations, losses, metrics, penalties, schedules."""

import numpy as np

from .recipes import numbers, one_hot, recipe, with_fixed_weights

# ------------------------------------------------------------------------- activations

ACTIVATIONS = {
    "elu": [{}, {"alpha": 0.4}],
    "exponential": [{}],
    "gelu": [{}, {"approximate": True}],
    "hard_sigmoid": [{}],
    "leaky_relu": [{}, {"negative_slope": 0.05}],
    "linear": [{}],
    "log_softmax": [{}, {"axis": 0}],
    "relu": [{}, {"negative_slope": 0.1, "max_value": 2.0, "threshold": 0.5}],
    "relu6": [{}],
    "selu": [{}],
    "sigmoid": [{}],
    "silu": [{}],
    "softmax": [{}, {"axis": 0}],
    "softplus": [{}],
    "softsign": [{}],
    "swish": [{}],
    "tanh": [{}],
    "celu": [{}, {"alpha": 0.4}],
    "glu": [{}, {"axis": 0}],
    "hard_shrink": [{}, {"threshold": 1.0}],
    "hard_silu": [{}],
    "hard_swish": [{}],
    "hard_tanh": [{}],
    "log_sigmoid": [{}],
    "mish": [{}],
    "soft_shrink": [{}, {"threshold": 1.0}],
    "squareplus": [{}, {"b": 2}],
    "tanh_shrink": [{}],
    "threshold": [{"threshold": 0.5, "default_value": -1.0}],
}
HALVES = {"glu"}  # the output is not as wide as the input
HAS_OPTIONS_WITHOUT_DEFAULT = {"threshold"}


def label(name, options):
    return "_".join([name, *(f"{k}={v}" for k, v in options.items())])


def activation_alone(kit, args):
    name, options = args
    x = 3 * numbers(1, 6, 8)
    weight = numbers(2, 6, 8)
    function = getattr(kit.activations, name)

    def weighted(x):
        y = function(x, **options)
        return kit.ops.sum(y * weight[tuple(map(slice, y.shape))])

    return {
        "y": kit.ops.convert_to_numpy(function(kit.ops.convert_to_tensor(x), **options)),
        "dx": kit.gradient(weighted, x),
    }


def activation_in_a_network(kit, args):
    """Outputs of two dense layers, and their weights after one step of plain descent."""
    (name,) = args
    layers = [kit.layers.Dense(7, activation=name), kit.layers.Dense(3)]
    model = with_fixed_weights(kit.Sequential([kit.Input((5,)), *layers]))
    x, y = numbers(3, 9, 5), numbers(4, 9, 3)
    before = model.predict(x, verbose=0)
    model.compile(kit.optimizers.SGD(0.05), loss="mse")
    loss = model.train_on_batch(x, y)
    return {"outputs": before, "loss": loss, "kernel": model.get_weights()[0]}


for _name, _variants in ACTIVATIONS.items():
    for _options in _variants:
        recipe("activations", label(_name, _options), _name, _options)(activation_alone)
    if _name not in HALVES | HAS_OPTIONS_WITHOUT_DEFAULT:
        recipe("activations", f"network_{_name}", _name)(activation_in_a_network)

ACTIVATION_LAYERS = {
    "ReLU": [{}, {"max_value": 2.0, "negative_slope": 0.1, "threshold": 0.5}],
    "LeakyReLU": [{}, {"negative_slope": 0.05}],
    "ELU": [{}, {"alpha": 0.4}],
    "Softmax": [{}, {"axis": 1}],
    "Activation": [{"activation": "tanh"}],
}


def activation_layer(kit, args):
    name, options = args
    x = 3 * numbers(5, 4, 3, 5)
    return {"y": kit.ops.convert_to_numpy(getattr(kit.layers, name)(**options)(x))}


for _name, _variants in ACTIVATION_LAYERS.items():
    for _options in _variants:
        recipe("activations", "layer_" + label(_name, _options), _name, _options)(activation_layer)


@recipe("activations", "layer_PReLU")
def prelu(kit):
    model = kit.Sequential([kit.Input((3, 5)), kit.layers.PReLU(shared_axes=[1])])
    model.set_weights([numbers(6, 1, 5)])
    return {"y": model.predict(numbers(5, 4, 3, 5), verbose=0)}


# ------------------------------------------------------------------------- losses

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")


def real_labels():
    return numbers(20, 6, 4), numbers(21, 6, 4)


def positive_labels():
    return numbers(20, 6, 4, low=0.1, high=3), numbers(21, 6, 4, low=0.1, high=3)


def sign_labels():
    return np.sign(numbers(20, 6, 4)), numbers(21, 6, 4)


def yes_no():
    return (numbers(22, 6, 4) > 0).astype("f4"), numbers(23, 6, 4, low=0.02, high=0.98)


def yes_no_logits():
    return (numbers(22, 6, 4) > 0).astype("f4"), 3 * numbers(23, 6, 4)


def distributions():
    t, p = (numbers(seed, 6, 4, low=0.05, high=1) for seed in (24, 25))
    return t / t.sum(-1, keepdims=True), p / p.sum(-1, keepdims=True)


def classes():
    return one_hot([0, 2, 1, 3, 3, 0], 4), distributions()[1]


def unnormalized():
    return one_hot([0, 2, 1, 3, 3, 0], 4), numbers(25, 6, 4, low=0.05, high=1)


def class_logits():
    return one_hot([0, 2, 1, 3, 3, 0], 4), 3 * numbers(26, 6, 4)


def sparse():
    return np.array([0, 2, 1, 3, 3, 0], "int32"), distributions()[1]


def sparse_logits():
    return np.array([0, 2, 1, 3, 3, 0], "int32"), 3 * numbers(26, 6, 4)


def sparse_column():
    return np.array([[0], [2], [1], [3], [3], [0]], "int32"), distributions()[1]


def sparse_over_time():
    y_true = np.array([[0, 2, 1], [3, 3, 0]], "int32")
    return y_true, 3 * numbers(27, 2, 3, 4)


LOSSES = [
    # class, function, options, data
    ("MeanSquaredError", "mean_squared_error", {}, real_labels),
    ("MeanAbsoluteError", "mean_absolute_error", {}, real_labels),
    ("MeanAbsolutePercentageError", "mean_absolute_percentage_error", {}, positive_labels),
    ("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", {}, positive_labels),
    ("CosineSimilarity", "cosine_similarity", {}, real_labels),
    ("CosineSimilarity", "cosine_similarity", {"axis": 0}, real_labels),
    ("Huber", "huber", {}, real_labels),
    ("Huber", "huber", {"delta": 0.5}, real_labels),
    ("LogCosh", "log_cosh", {}, real_labels),
    ("Hinge", "hinge", {}, sign_labels),
    ("Hinge", "hinge", {}, yes_no_logits),
    ("SquaredHinge", "squared_hinge", {}, sign_labels),
    ("CategoricalHinge", "categorical_hinge", {}, class_logits),
    ("KLDivergence", "kl_divergence", {}, distributions),
    ("Poisson", "poisson", {}, positive_labels),
    ("BinaryCrossentropy", "binary_crossentropy", {}, yes_no),
    ("BinaryCrossentropy", "binary_crossentropy", {"label_smoothing": 0.2}, yes_no),
    ("BinaryCrossentropy", "binary_crossentropy", {"from_logits": True}, yes_no_logits),
    (
        "BinaryCrossentropy",
        "binary_crossentropy",
        {"from_logits": True, "label_smoothing": 0.1},
        yes_no_logits,
    ),
    ("BinaryFocalCrossentropy", "binary_focal_crossentropy", {}, yes_no),
    (
        "BinaryFocalCrossentropy",
        "binary_focal_crossentropy",
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1},
        yes_no,
    ),
    ("BinaryFocalCrossentropy", "binary_focal_crossentropy", {"from_logits": True}, yes_no_logits),
    ("CategoricalCrossentropy", "categorical_crossentropy", {}, classes),
    ("CategoricalCrossentropy", "categorical_crossentropy", {}, unnormalized),
    ("CategoricalCrossentropy", "categorical_crossentropy", {"label_smoothing": 0.2}, classes),
    ("CategoricalCrossentropy", "categorical_crossentropy", {"from_logits": True}, class_logits),
    ("CategoricalCrossentropy", "categorical_crossentropy", {"axis": 0}, classes),
    ("CategoricalFocalCrossentropy", "categorical_focal_crossentropy", {}, classes),
    (
        "CategoricalFocalCrossentropy",
        "categorical_focal_crossentropy",
        {"from_logits": True, "alpha": 0.4, "gamma": 1.5, "label_smoothing": 0.1},
        class_logits,
    ),
    ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", {}, sparse),
    ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", {}, sparse_column),
    (
        "SparseCategoricalCrossentropy",
        "sparse_categorical_crossentropy",
        {"from_logits": True},
        sparse_logits,
    ),
    (
        "SparseCategoricalCrossentropy",
        "sparse_categorical_crossentropy",
        {"from_logits": True, "ignore_class": 3},
        sparse_over_time,
    ),
]


def loss_values(kit, args):
    """Each reduction, with and without weights; the gradient of each as well."""
    class_name, function_name, options, data = args
    y_true, y_pred = data()
    cls = getattr(kit.losses, class_name)
    shape = np.shape(kit.ops.convert_to_numpy(cls(**options, reduction="none")(y_true, y_pred)))
    weight = numbers(28, *shape, low=0, high=2)
    made = {}
    for reduction in REDUCTIONS:
        loss = cls(**options, reduction=reduction)
        made[reduction] = loss(y_true, y_pred)
        made[f"{reduction}_weighted"] = loss(y_true, y_pred, sample_weight=weight)
        if reduction != "none":
            made[f"{reduction}_gradient"] = kit.gradient(
                lambda p, loss=loss: loss(y_true, p, sample_weight=weight), y_pred
            )
    function = getattr(kit.losses, function_name)
    made["function"] = function(y_true, y_pred, **options)
    weight = numbers(29, *shape)
    made["function_gradient"] = kit.gradient(
        lambda p: kit.ops.sum(function(y_true, p, **options) * weight), y_pred
    )
    return {key: kit.ops.convert_to_numpy(value) for key, value in made.items()}


for _class, _function, _options, _data in LOSSES:
    _label = f"{label(_class, _options)}-{_data.__name__}"
    recipe("losses", _label, _class, _function, _options, _data)(loss_values)


# ------------------------------------------------------------------------- metrics

METRICS = [
    ("Accuracy", {}, lambda: (sparse()[0], np.array([0, 2, 2, 3, 1, 0], "int32"))),
    ("BinaryAccuracy", {}, yes_no),
    ("BinaryAccuracy", {"threshold": 0.7}, yes_no),
    ("CategoricalAccuracy", {}, classes),
    ("SparseCategoricalAccuracy", {}, sparse),
    ("SparseCategoricalAccuracy", {}, sparse_column),
    ("TopKCategoricalAccuracy", {"k": 2}, classes),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, sparse),
    ("BinaryCrossentropy", {}, yes_no),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, yes_no_logits),
    ("CategoricalCrossentropy", {}, classes),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, class_logits),
    ("SparseCategoricalCrossentropy", {}, sparse),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, sparse_logits),
    ("MeanSquaredError", {}, real_labels),
    ("RootMeanSquaredError", {}, real_labels),
    ("MeanAbsoluteError", {}, real_labels),
    ("MeanAbsolutePercentageError", {}, positive_labels),
    ("MeanSquaredLogarithmicError", {}, positive_labels),
    ("CosineSimilarity", {}, real_labels),
    ("LogCoshError", {}, real_labels),
    ("Hinge", {}, sign_labels),
    ("SquaredHinge", {}, yes_no_logits),
    ("CategoricalHinge", {}, class_logits),
    ("KLDivergence", {}, distributions),
    ("Poisson", {}, positive_labels),
    ("R2Score", {}, real_labels),
    ("R2Score", {"class_aggregation": None}, real_labels),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, real_labels),
    ("AUC", {}, lambda: tuple(a.ravel() for a in yes_no())),
    ("AUC", {"num_thresholds": 20, "curve": "PR"}, lambda: tuple(a.ravel() for a in yes_no())),
    ("AUC", {"summation_method": "majoring", "num_thresholds": 11}, yes_no),
    ("AUC", {"summation_method": "minoring", "thresholds": [0.2, 0.5, 0.8]}, yes_no),
    ("AUC", {"multi_label": True, "num_labels": 4}, yes_no),
    ("AUC", {"from_logits": True, "num_thresholds": 30}, yes_no_logits),
    ("Precision", {}, yes_no),
    ("Precision", {"thresholds": [0.3, 0.6, 0.9]}, yes_no),
    ("Precision", {"top_k": 2}, classes),
    ("Precision", {"class_id": 1}, yes_no),
    ("Recall", {}, yes_no),
    ("Recall", {"thresholds": 0.3}, yes_no),
    ("Recall", {"top_k": 2, "class_id": 3}, classes),
    ("F1Score", {}, classes),
    ("F1Score", {"average": "macro", "threshold": 0.4}, yes_no),
    ("F1Score", {"average": "weighted"}, classes),
    ("FBetaScore", {"average": "micro", "beta": 2.0}, classes),
    ("TruePositives", {}, yes_no),
    ("TrueNegatives", {"thresholds": [0.2, 0.6]}, yes_no),
    ("FalsePositives", {}, yes_no),
    ("FalseNegatives", {"thresholds": 0.7}, yes_no),
]
METRICS_OF_VALUES = ("Mean", "Sum")

METRIC_FUNCTIONS = [
    ("binary_accuracy", {"threshold": 0.6}, yes_no),
    ("categorical_accuracy", {}, classes),
    ("sparse_categorical_accuracy", {}, sparse),
    ("top_k_categorical_accuracy", {"k": 2}, classes),
    ("sparse_top_k_categorical_accuracy", {"k": 2}, sparse),
    ("mean_squared_error", {}, real_labels),
    ("categorical_crossentropy", {}, classes),
]


def metric_results(kit, args):
    """The result after one update and after two, then after a reset; with weights as well."""
    class_name, options, data = args
    y_true, y_pred = data()
    half = len(y_true) // 2
    weight = numbers(30, len(y_true), low=0, high=2)
    made = {}

    def keep(key, value):
        made[key] = np.array(kit.ops.convert_to_numpy(value))  # Keras may hand out its state

    for key, weights in (("plain", None), ("weighted", weight)):
        metric = getattr(kit.metrics, class_name)(**options)
        for i, rows in enumerate((slice(0, half), slice(half, None))):
            given = {} if weights is None else {"sample_weight": weights[rows]}
            metric.update_state(y_true[rows], y_pred[rows], **given)
            keep(f"{key}{i}", metric.result())
        metric.reset_state()
        metric.update_state(y_true[half:], y_pred[half:])
        keep(f"{key}_after_reset", metric.result())
        keep(f"{key}_called", metric(y_true, y_pred))
    return made


for _name, _options, _data in METRICS:
    recipe("metrics", f"{label(_name, _options)}-{_data.__name__}", _name, _options, _data)(
        metric_results
    )


def metric_of_values(kit, args):
    (class_name,) = args
    metric = getattr(kit.metrics, class_name)()
    metric.update_state(numbers(31, 5))
    first = metric.result()
    metric.update_state(numbers(32, 5), sample_weight=numbers(33, 5, low=0, high=2))
    made = {"first": first, "second": metric.result(), "called": metric(3.0)}
    return {key: kit.ops.convert_to_numpy(value) for key, value in made.items()}


for _name in METRICS_OF_VALUES:
    recipe("metrics", _name, _name)(metric_of_values)


def metric_function(kit, args):
    name, options, data = args
    y_true, y_pred = data()
    function = getattr(kit.metrics, name)
    return {"values": kit.ops.convert_to_numpy(function(y_true, y_pred, **options))}


for _name, _options, _data in METRIC_FUNCTIONS:
    recipe("metrics", f"function_{_name}", _name, _options, _data)(metric_function)


# ------------------------------------------------------------------------- penalties and limits

REGULARIZERS = [
    ("L1", {"l1": 0.3}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.2, "l2": 0.3}),
    ("OrthogonalRegularizer", {"factor": 0.3}),
    ("OrthogonalRegularizer", {"factor": 0.3, "mode": "columns"}),
]
CONSTRAINTS = [
    ("MaxNorm", {"max_value": 1.5}),
    ("MaxNorm", {"max_value": 1.5, "axis": 1}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": 1}),
    ("MinMaxNorm", {"min_value": 1.0, "max_value": 1.5, "rate": 0.7}),
]


def penalty(kit, args):
    name, options = args
    function = getattr(kit.regularizers, name)(**options)
    x = numbers(40, 5, 4)
    return {
        "value": kit.ops.convert_to_numpy(function(kit.ops.convert_to_tensor(x))),
        "gradient": kit.gradient(function, x),
    }


def limit(kit, args):
    name, options = args
    function = getattr(kit.constraints, name)(**options)
    x = kit.ops.convert_to_tensor(numbers(41, 5, 4))
    return {"value": kit.ops.convert_to_numpy(function(x))}


for _name, _options in REGULARIZERS:
    recipe("penalties", label(_name, _options), _name, _options)(penalty)
for _name, _options in CONSTRAINTS:
    recipe("penalties", label(_name, _options), _name, _options)(limit)


@recipe("penalties", "in_training")
def penalties_in_training(kit):
    """Regularizers count in the loss, constraints act after each update."""
    model = kit.Sequential(
        [
            kit.Input((5,)),
            kit.layers.Dense(
                6,
                activation="tanh",
                kernel_regularizer=kit.regularizers.L1L2(0.01, 0.02),
                bias_regularizer="l2",
                activity_regularizer=kit.regularizers.L2(0.03),
                kernel_constraint=kit.constraints.MaxNorm(0.8),
            ),
            kit.layers.ActivityRegularization(l1=0.01, l2=0.02),
            kit.layers.Dense(2, kernel_constraint="non_neg", kernel_regularizer="l1"),
        ]
    )
    with_fixed_weights(model)
    model.compile(kit.optimizers.SGD(0.05), loss="mse", metrics=["mae"])
    x, y = numbers(42, 12, 5), numbers(43, 12, 2)
    history = model.fit(x, y, batch_size=5, epochs=3, shuffle=False, verbose=0)
    made = {f"weight{i}": w for i, w in enumerate(model.get_weights())}
    for key, values in history.history.items():
        made[f"history/{key}"] = np.array(values)
    made["evaluate"] = np.array(model.evaluate(x, y, verbose=0))
    return made


# ------------------------------------------------------------------------- schedules

SCHEDULES = [
    ("ExponentialDecay", {"decay_steps": 4, "decay_rate": 0.7}),
    ("ExponentialDecay", {"decay_steps": 4, "decay_rate": 0.7, "staircase": True}),
    ("InverseTimeDecay", {"decay_steps": 4, "decay_rate": 0.7}),
    ("InverseTimeDecay", {"decay_steps": 4, "decay_rate": 0.7, "staircase": True}),
    ("PolynomialDecay", {"decay_steps": 9, "end_learning_rate": 0.01, "power": 2.0}),
    ("PolynomialDecay", {"decay_steps": 4, "cycle": True}),
    ("CosineDecay", {"decay_steps": 9, "alpha": 0.1}),
    ("CosineDecay", {"decay_steps": 9, "warmup_target": 0.9, "warmup_steps": 5}),
    ("CosineDecayRestarts", {"first_decay_steps": 4, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.05}),
    ("CosineDecayRestarts", {"first_decay_steps": 4, "t_mul": 1.0}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 8], "values": [0.5, 0.2, 0.1]}),
]


def schedule_values(kit, args):
    name, options = args
    given = {} if name == "PiecewiseConstantDecay" else {"initial_learning_rate": 0.3}
    schedule = getattr(kit.optimizers.schedules, name)(**given, **options)
    return {"rates": np.array([float(schedule(step)) for step in range(20)], np.float32)}


for _name, _options in SCHEDULES:
    recipe("schedules", label(_name, _options), _name, _options)(schedule_values)
