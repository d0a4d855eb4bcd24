"""Metrics: against plain loops over samples, at their edges, and as objects with a state.

Agreement with Keras is in test_golden.py.
"""

import inspect
import warnings

import numpy as np
import pytest

import diptych.metrics as metrics
from diptych import config, engine
from diptych.tensor import Tensor


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(autouse=True)
def reference_engine():
    """Loss metrics run on the engine in force; the twins are compared elsewhere."""
    with engine.use("reference"):
        yield


def update_all(metric, *batches):
    for batch in batches:
        metric.update_state(*batch)
    return metric.result()


# ---------------------------------------------------------------- sum and mean


@pytest.mark.parametrize("shape", [(), (7,), (4, 3), (4, 3, 2)])
def test_mean_and_sum_over_batches(rng, shape):
    a, b = np.asarray(rng.random(shape)), np.asarray(rng.random(shape))
    rows = np.array([sample.mean() for batch in (a, b) for sample in np.atleast_1d(batch)])
    assert update_all(metrics.Mean(), (a,), (b,)) == pytest.approx(rows.mean(), rel=1e-6)
    assert update_all(metrics.Sum(), (a,), (b,)) == pytest.approx(a.sum() + b.sum(), rel=1e-6)


def test_weighted_mean_counts_weights_and_not_samples():
    mean = metrics.Mean()
    mean.update_state([1.0, 3.0, 5.0], sample_weight=[2.0, 1.0, 0.0])
    assert mean.result() == pytest.approx((2 * 1 + 3) / 3)
    assert [variable.numpy() for variable in mean.variables] == [5.0, 3.0]


def test_weights_of_several_axes_are_averaged_per_sample(rng):
    values, weight = rng.random((4, 3)), rng.random((4, 3))
    total = sum((v * w).mean() for v, w in zip(values, weight, strict=True))
    count = sum(w.mean() for w in weight)
    result = update_all(metrics.Mean(), (values, weight))
    assert result == pytest.approx(total / count, rel=1e-6)


def test_one_weight_per_sample_for_values_of_several_axes(rng):
    values, weight = rng.random((4, 3, 2)), rng.random(4)
    expected = np.average(values.mean(axis=(1, 2)), weights=weight)
    assert update_all(metrics.Mean(), (values, weight)) == pytest.approx(expected, rel=1e-6)
    assert update_all(metrics.Sum(), (values, weight)) == pytest.approx(
        (values.sum(axis=(1, 2)) * weight).sum(), rel=1e-6
    )


def test_mean_is_zero_before_the_first_value_and_after_reset():
    mean = metrics.Mean()
    assert mean.result() == 0.0
    mean.update_state(np.zeros((0, 3)))
    assert mean.result() == 0.0
    mean.update_state(4.0)
    assert mean(2.0) == 3.0
    mean.reset_states()
    assert mean.result() == 0.0


def test_counts_stay_exact_where_float32_would_stop_counting():
    mean = metrics.Mean()
    mean.count.assign(2.0**24)
    mean.total.assign(2.0**24)
    mean.update_state(1.0)
    assert mean.count.numpy() == 2**24 + 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_result_has_the_metric_s_dtype(dtype):
    for metric in (metrics.Mean(dtype=dtype), metrics.BinaryAccuracy(dtype=dtype)):
        assert metric.dtype == dtype
        assert metric.result().dtype == dtype
    config.set_floatx(dtype)
    assert metrics.AUC().result().dtype == dtype


# ---------------------------------------------------------------- accuracies


def test_binary_accuracy_counts_values_above_the_threshold(rng):
    labels, scores = rng.integers(0, 2, (32, 1)), rng.random((32, 1)).astype("f4")
    hits = [int(t[0]) == int(p[0] > 0.3) for t, p in zip(labels, scores, strict=True)]
    for y_true in (labels, labels.astype("f4"), labels.astype(bool), labels[:, 0]):
        metric = metrics.BinaryAccuracy(threshold=0.3)
        assert update_all(metric, (y_true, scores)) == pytest.approx(np.mean(hits), rel=1e-6)
    assert update_all(metrics.BinaryAccuracy(), ([1, 0], [0.5, 0.5])) == 0.5


@pytest.mark.parametrize("kind", ["categorical", "sparse", "sparse column"])
def test_accuracy_of_classes(rng, kind):
    labels, scores = rng.integers(0, 5, 40), rng.random((40, 5))
    hits = [t == max(range(5), key=p.__getitem__) for t, p in zip(labels, scores, strict=True)]
    if kind == "categorical":
        metric, y_true = metrics.CategoricalAccuracy(), np.eye(5)[labels]
    else:
        metric = metrics.SparseCategoricalAccuracy()
        y_true = labels if kind == "sparse" else labels[:, None].astype("f4")
    assert update_all(metric, (y_true, scores)) == pytest.approx(np.mean(hits), rel=1e-6)
    weight = rng.random(40)
    metric.reset_state()
    result = update_all(metric, (y_true, scores, weight))
    assert result == pytest.approx(np.average(hits, weights=weight), rel=1e-6)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k(rng, k):
    labels, scores = rng.integers(0, 6, 50), rng.random((50, 6))
    hits = [
        t in sorted(range(6), key=lambda c: -p[c])[:k] for t, p in zip(labels, scores, strict=True)
    ]
    sparse = metrics.SparseTopKCategoricalAccuracy(k=k)
    dense = metrics.TopKCategoricalAccuracy(k=k)
    sorted_ids = metrics.SparseTopKCategoricalAccuracy(k=k, from_sorted_ids=True)
    expected = pytest.approx(np.mean(hits), rel=1e-6)
    assert update_all(sparse, (labels, scores)) == expected
    assert update_all(dense, (np.eye(6)[labels], scores)) == expected
    assert update_all(sorted_ids, (labels, np.argsort(-scores, axis=1))) == expected


def test_top_k_of_nan_is_a_miss_and_ties_share_the_better_rank():
    scores = np.array([[np.nan, 1.0, 0.0], [0.5, 0.5, 0.5]])
    found = metrics.sparse_top_k_categorical_accuracy([0, 2], scores, k=1)
    np.testing.assert_array_equal(found, [0.0, 1.0])


def test_a_mask_leaves_time_steps_out(rng):
    labels, scores = rng.integers(0, 4, (2, 3)), rng.random((2, 3, 4))
    y_pred = Tensor(scores)
    y_pred.mask = np.array([[True, True, False], [True, False, False]])
    hits = (labels == scores.argmax(-1))[y_pred.mask]
    metric = metrics.SparseCategoricalAccuracy()
    assert update_all(metric, (labels, y_pred)) == pytest.approx(hits.mean(), rel=1e-6)


# ---------------------------------------------------------------- losses as metrics


def test_loss_metrics_by_hand():
    y_true, y_pred = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.5, 0.0]])
    assert update_all(metrics.MeanSquaredError(), (y_true, y_pred)) == pytest.approx(1.25 / 4)
    assert update_all(metrics.MeanAbsoluteError(), (y_true, y_pred)) == pytest.approx(1.5 / 4)
    weighted = metrics.RootMeanSquaredError()
    assert update_all(weighted, (y_true, y_pred, [1.0, 3.0])) == pytest.approx(
        np.sqrt((0.5 + 3 * 0.125) / 4)
    )
    cosine = update_all(metrics.CosineSimilarity(), ([[3.0, 4.0]], [[4.0, 3.0]]))
    assert cosine == pytest.approx(24 / 25)


def test_crossentropies_agree_with_each_other(rng):
    labels = rng.integers(0, 4, 10)
    logits = rng.normal(size=(10, 4))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = pytest.approx(-np.log(p[np.arange(10), labels]).mean(), rel=1e-5)
    assert update_all(metrics.SparseCategoricalCrossentropy(), (labels[:, None], p)) == expected
    assert update_all(metrics.CategoricalCrossentropy(), (np.eye(4)[labels], p)) == expected
    from_logits = metrics.SparseCategoricalCrossentropy(from_logits=True)
    assert update_all(from_logits, (labels, logits)) == expected


def test_ignore_class_counts_as_zero_and_not_at_all_with_weights(rng):
    p = np.full((3, 2), 0.5)
    labels = np.array([0, -1, 1])
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    assert update_all(metric, (labels, p)) == pytest.approx(np.log(2) * 2 / 3, rel=1e-6)
    metric.reset_state()
    assert update_all(metric, (labels, p, np.ones(3))) == pytest.approx(np.log(2), rel=1e-6)


def test_labels_without_the_last_axis_are_not_spread_over_the_batch():
    y_true, y_pred = np.arange(4.0), np.arange(4.0)[:, None]
    for name in ("MeanSquaredError", "Poisson", "Hinge", "RootMeanSquaredError", "LogCoshError"):
        same_axes = update_all(getattr(metrics, name)(), (y_true[:, None], y_pred))
        assert update_all(getattr(metrics, name)(), (y_true, y_pred)) == same_axes


# ---------------------------------------------------------------- counts and areas


def counts_by_loop(y_true, y_pred, threshold, weight):
    tp = fp = tn = fn = 0.0
    for t, p, w in zip(y_true.ravel(), y_pred.ravel(), weight.ravel(), strict=True):
        if p > threshold:
            tp, fp = (tp + w, fp) if t else (tp, fp + w)
        else:
            fn, tn = (fn + w, tn) if t else (fn, tn + w)
    return {"TruePositives": tp, "FalsePositives": fp, "TrueNegatives": tn, "FalseNegatives": fn}


@pytest.mark.parametrize("thresholds", [None, 0.3, [0.7, 0.2, 0.5], [0.0, 0.25, 0.5, 0.75, 1.0]])
@pytest.mark.parametrize("weighted", [False, True])
def test_counts_against_a_loop(rng, thresholds, weighted):
    y_true, y_pred = rng.integers(0, 2, (30, 2)), rng.integers(0, 5, (30, 2)) / 4
    y_pred[3, 1] = np.nan
    weight = rng.random((30, 2)) if weighted else np.ones((30, 2))
    for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
        metric = getattr(metrics, name)(thresholds=thresholds)
        arguments = (y_true, y_pred, weight) if weighted else (y_true, y_pred)
        result = update_all(metric, arguments, arguments)
        levels = np.atleast_1d(0.5 if thresholds is None else thresholds)
        expected = [2 * counts_by_loop(y_true, y_pred, t, weight)[name] for t in levels]
        np.testing.assert_allclose(np.atleast_1d(result), expected, rtol=1e-6)
        assert np.ndim(result) == (0 if len(levels) == 1 else 1)


def test_precision_and_recall():
    y_true, y_pred = [0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7]
    assert update_all(metrics.Precision(), (y_true, y_pred)) == pytest.approx(2 / 3)
    assert update_all(metrics.Recall(), (y_true, y_pred)) == pytest.approx(2 / 3)
    weighted = metrics.Recall()
    assert update_all(weighted, (y_true, y_pred, [1, 2, 1, 1])) == pytest.approx(2 / 4)
    assert update_all(metrics.Precision(), ([0, 0], [0.1, 0.2])) == 0.0


def test_precision_of_the_top_k_and_of_one_class():
    y_true = np.array([[0, 1, 1], [1, 0, 0]])
    y_pred = np.array([[0.1, 0.2, 0.15], [0.3, 0.2, 0.3]])
    assert update_all(metrics.Precision(top_k=1), (y_true, y_pred)) == 1.0
    assert update_all(metrics.Precision(top_k=2), (y_true, y_pred)) == pytest.approx(3 / 4)
    assert update_all(metrics.Recall(top_k=2), (y_true, y_pred)) == 1.0
    one_class = metrics.Precision(class_id=2, thresholds=0.1)
    assert update_all(one_class, (y_true, y_pred)) == 0.5


def area_by_pairs(y_true, y_pred):
    """The probability that a positive sample scores above a negative one."""
    positive, negative = y_pred[y_true == 1], y_pred[y_true == 0]
    above = positive[:, None] > negative
    return (above + 0.5 * (positive[:, None] == negative)).mean()


def test_roc_area_is_the_probability_of_the_right_order(rng):
    y_true = rng.integers(0, 2, 200)
    y_pred = np.round(np.clip(0.6 * rng.random(200) + 0.4 * y_true * rng.random(200), 0, 1), 2)
    thresholds = np.unique(y_pred).clip(0, 1)
    exact = update_all(metrics.AUC(thresholds=thresholds), (y_true, y_pred))
    assert exact == pytest.approx(area_by_pairs(y_true, y_pred), abs=1e-6)
    between = [
        update_all(metrics.AUC(summation_method=method), (y_true, y_pred))
        for method in ("minoring", "interpolation", "majoring")
    ]
    assert between[0] < between[1] < between[2]


def test_pr_area_of_perfect_and_constant_scores(rng):
    y_true = np.array([0, 0, 0, 1])
    assert update_all(metrics.AUC(curve="PR"), (y_true, y_true.astype("f4"))) == pytest.approx(1.0)
    constant = update_all(metrics.AUC(curve="PR"), (y_true, np.full(4, 0.5)))
    assert constant == pytest.approx(0.25, rel=1e-6)


def test_area_from_logits_and_over_labels(rng):
    y_true, logits = rng.integers(0, 2, (50, 3)), 800 * rng.normal(size=(50, 3))
    p = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
    flat = update_all(metrics.AUC(), (y_true, p))
    assert update_all(metrics.AUC(from_logits=True), (y_true, logits)) == pytest.approx(flat)
    columns = [update_all(metrics.AUC(), (y_true[:, i], p[:, i])) for i in range(3)]
    weights = [0.2, 0.5, 0.3]
    per_label = metrics.AUC(multi_label=True, label_weights=weights)
    assert update_all(per_label, (y_true, p)) == pytest.approx(
        np.average(columns, weights=weights), rel=1e-6
    )
    doubled = metrics.AUC(label_weights=[1.0, 0.0, 0.0])
    assert update_all(doubled, (y_true, p)) == pytest.approx(columns[0], rel=1e-6)


# ---------------------------------------------------------------- scores


def test_f_scores_per_class_and_averaged():
    y_true = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]])
    y_pred = np.array([[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]])
    per_class = []
    for t, p in zip(y_true.T, (y_pred > 0.5).T, strict=True):
        precision, recall = (t & p).sum() / p.sum(), (t & p).sum() / t.sum()
        per_class.append(2 * precision * recall / (precision + recall))
    score = metrics.F1Score(threshold=0.5)
    np.testing.assert_allclose(update_all(score, (y_true, y_pred)), per_class, rtol=1e-5)
    macro = metrics.F1Score(average="macro", threshold=0.5)
    assert update_all(macro, (y_true, y_pred)) == pytest.approx(np.mean(per_class), rel=1e-5)
    weighted = metrics.F1Score(average="weighted", threshold=0.5)
    expected = np.average(per_class, weights=y_true.sum(0))
    assert update_all(weighted, (y_true, y_pred)) == pytest.approx(expected, rel=1e-5)
    micro = metrics.FBetaScore(average="micro", threshold=0.5, beta=2.0)
    hits, chosen, actual = (y_true & (y_pred > 0.5)).sum(), (y_pred > 0.5).sum(), y_true.sum()
    assert update_all(micro, (y_true, y_pred)) == pytest.approx(
        5 * hits / (4 * actual + chosen), rel=1e-5
    )


def test_f_score_of_the_largest_score_ignores_rows_of_zeros():
    score = metrics.F1Score(average="micro")
    assert update_all(score, ([[1, 0], [0, 1]], [[0.3, 0.2], [0.0, 0.0]])) == pytest.approx(
        2 / 3, rel=1e-5
    )


def test_r2_score(rng):
    y_true, y_pred, weight = rng.random((20, 2)), rng.random((20, 2)), rng.random(20)
    residual = ((y_true - y_pred) ** 2 * weight[:, None]).sum(0)
    mean = np.average(y_true, axis=0, weights=weight)
    spread = ((y_true - mean) ** 2 * weight[:, None]).sum(0)
    per_column = 1 - residual / spread
    halves = [(y_true[:7], y_pred[:7], weight[:7]), (y_true[7:], y_pred[7:], weight[7:])]
    columns = metrics.R2Score(class_aggregation=None, dtype="float64")
    np.testing.assert_allclose(update_all(columns, *halves), per_column, rtol=1e-9)
    by_variance = metrics.R2Score(class_aggregation="variance_weighted_average", dtype="float64")
    expected = 1 - residual.sum() / spread.sum()
    assert update_all(by_variance, *halves) == pytest.approx(expected, rel=1e-9)


def test_adjusted_r2_warns_when_there_are_too_few_values():
    score = metrics.R2Score(num_regressors=5)
    score.update_state([[1.0], [2.0], [4.0]], [[1.0], [2.0], [3.0]])
    with pytest.warns(UserWarning, match="adjusted R2 with 5 regressors"):
        adjusted = score.result()
    plain = metrics.R2Score()
    assert adjusted == plain([[1.0], [2.0], [4.0]], [[1.0], [2.0], [3.0]])


# ---------------------------------------------------------------- the base class

CLASSES = sorted(
    name
    for name in metrics.__all__
    if inspect.isclass(getattr(metrics, name)) and name not in ("Metric", "MeanMetricWrapper")
)
FUNCTIONS = sorted(
    name
    for name in metrics.__all__
    if inspect.isfunction(getattr(metrics, name))
    and name not in ("get", "serialize", "deserialize", "resolve_accuracy", "resolve_crossentropy")
)


# What the constructors need; all others need nothing.
ARGUMENTS = {
    "IoU": (3, [0, 2]),
    "MeanIoU": (3,),
    "OneHotIoU": (3, [1]),
    "OneHotMeanIoU": (3,),
    "PrecisionAtRecall": (0.5,),
    "RecallAtPrecision": (0.5,),
    "SensitivityAtSpecificity": (0.5,),
    "SpecificityAtSensitivity": (0.5,),
}


@pytest.mark.parametrize("name", CLASSES)
def test_every_metric_goes_through_its_configuration(name):
    metric = getattr(metrics, name)(*ARGUMENTS.get(name, ()), name="mine", dtype="float64")
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()
    assert (again.name, again.dtype) == ("mine", "float64")
    if name in ARGUMENTS:
        return
    by_name = metrics.get(name)
    assert type(by_name) is type(metric)
    assert by_name is not metrics.get(name)


@pytest.mark.parametrize(
    "metric",
    [
        metrics.BinaryAccuracy(threshold=0.2),
        metrics.SparseTopKCategoricalAccuracy(k=3, from_sorted_ids=True),
        metrics.Precision(thresholds=[0.2, 0.6], class_id=1),
        metrics.AUC(thresholds=[0.6, 0.1], curve="pr", label_weights=[1.0, 2.0]),
        metrics.AUC(num_thresholds=7, summation_method="majoring", from_logits=True),
        metrics.FBetaScore(beta=2.0, average="macro", threshold=0.4),
        metrics.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        metrics.CosineSimilarity(axis=0),
        metrics.MeanMetricWrapper(metrics.huber, name="h", delta=0.3),
        metrics.BinaryIoU([1], threshold=0.3),
        metrics.OneHotIoU(2, [1], ignore_class=0, dtype="float32"),
        metrics.PearsonCorrelation(axis=0),
        metrics.RecallAtPrecision(0.3, num_thresholds=4, class_id=1),
    ],
    ids=lambda metric: type(metric).__name__,
)
def test_arguments_survive_the_configuration(rng, metric):
    again = metrics.deserialize(metrics.serialize(metric))
    assert again.get_config() == metric.get_config()
    y_true, y_pred = rng.integers(0, 2, (6, 2)), rng.random((6, 2))
    if "SparseTopK" in type(metric).__name__:
        y_true, y_pred = y_true[:, 0], rng.integers(0, 4, (6, 4))
    np.testing.assert_array_equal(again(y_true, y_pred), metric(y_true, y_pred))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_found_again(name):
    function = getattr(metrics, name)
    assert metrics.deserialize(metrics.serialize(function)) is function


def test_names_that_depend_on_shapes_are_refused_by_get():
    with pytest.raises(ValueError, match="compile"):
        metrics.get("acc")
    with pytest.raises(ValueError, match="did you mean 'binary_accuracy'"):
        metrics.get("binary_acuracy")
    assert metrics.get(None) is None
    assert metrics.get(metrics.hinge) is metrics.hinge


@pytest.mark.parametrize(
    ("y_true", "y_pred", "loss", "expected"),
    [
        ((32, 1), (32, 1), "binary_crossentropy", metrics.BinaryAccuracy),
        ((32,), (32, 1), None, metrics.BinaryAccuracy),
        ((32,), (32,), None, metrics.BinaryAccuracy),
        ((32,), (32, 10), None, metrics.SparseCategoricalAccuracy),
        ((32, 1), (32, 10), None, metrics.SparseCategoricalAccuracy),
        ((32, 5), (32, 5, 10), None, metrics.SparseCategoricalAccuracy),
        ((32, 5), (32, 5), "sparse_categorical_crossentropy", metrics.SparseCategoricalAccuracy),
        ((32, 10), (32, 10), "categorical_crossentropy", metrics.CategoricalAccuracy),
        ((None, 10), (None, 10), None, metrics.CategoricalAccuracy),
    ],
)
def test_what_accuracy_stands_for(y_true, y_pred, loss, expected):
    found = metrics.resolve_accuracy(y_true, y_pred, loss)
    assert type(found) is expected
    assert found.name == "accuracy"
    other = type(metrics.resolve_crossentropy(y_true, y_pred, loss)).__name__
    assert other == expected.__name__.replace("Accuracy", "Crossentropy")


class Largest(metrics.Metric):
    """A metric as a user writes one, with another metric inside."""

    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.largest = self.add_weight(name="largest", initializer="zeros")
        self.mean = metrics.Mean()

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.largest.assign(max(self.largest.numpy(), np.max(y_pred)))
        self.mean.update_state(y_pred)

    def result(self):
        return self.largest


def test_a_metric_of_one_s_own():
    metric = Largest()
    assert float(metric([0, 0], [1.0, 3.0])) == 3.0
    assert [variable.name for variable in metric.variables] == ["largest", "total", "count"]
    assert metric.mean.result() == 2.0
    metric.reset_state()
    assert [variable.numpy() for variable in metric.variables] == [0.0, 0.0, 0.0]
    assert Largest.from_config(metric.get_config()).name == "largest"


def test_a_metric_that_does_not_call_its_base_class_raises():
    class Forgetful(metrics.Metric):
        def __init__(self):
            self.total = self.add_weight(name="total")

    with pytest.raises(RuntimeError, match="super"):
        Forgetful()
    with pytest.raises(NotImplementedError, match="Metric must implement result"):
        metrics.Metric().result()


def test_state_can_be_read_and_written(rng):
    metric = metrics.CategoricalAccuracy()
    batch = np.eye(3)[rng.integers(0, 3, 9)], rng.random((9, 3))
    metric.update_state(*batch)
    copy = metrics.CategoricalAccuracy()
    for mine, theirs in zip(copy.variables, metric.variables, strict=True):
        mine.assign(theirs.numpy())
    assert copy(*batch) == metric(*batch)


def test_tensors_lists_and_arrays_are_the_same(rng):
    y_true, y_pred = rng.integers(0, 2, (6, 2)), rng.random((6, 2))
    for name in ("BinaryAccuracy", "MeanSquaredError", "AUC", "F1Score", "Precision", "R2Score"):
        results = [
            getattr(metrics, name)()(convert(y_true), convert(y_pred))
            for convert in (np.asarray, Tensor, np.ndarray.tolist)
        ]
        np.testing.assert_allclose(results[1:], results[:1] * 2, rtol=1e-6)


def test_inputs_stay_as_they_were(rng):
    y_true, y_pred, weight = rng.integers(0, 2, (6, 2)), rng.random((6, 2)), rng.random(6)
    given = y_true, y_pred, weight
    before = [array.copy() for array in given]
    for name in ("BinaryAccuracy", "RootMeanSquaredError", "AUC", "F1Score", "Recall", "R2Score"):
        getattr(metrics, name)()(y_true, y_pred, sample_weight=weight)
        for array, copied in zip(given, before, strict=True):
            np.testing.assert_array_equal(array, copied, err_msg=name)


def test_an_automatic_name_is_never_given_twice():
    first, second = metrics.TrueNegatives(), metrics.TrueNegatives()
    assert first.name.startswith("true_negatives")
    assert first.name != second.name


# ---------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    ("metric", "y_true", "y_pred", "message"),
    [
        (metrics.BinaryAccuracy(), (4, 2), (4, 3), r"\(4, 2\).*\(4, 3\)"),
        (metrics.CategoricalAccuracy(), (4,), (4, 3), "to_categorical"),
        (metrics.CategoricalAccuracy(), (4, 2), (4, 3), r"\(4, 2\).*\(4, 3\)"),
        (metrics.SparseCategoricalAccuracy(), (4, 3), (4, 3), "one-hot"),
        (
            metrics.SparseCategoricalAccuracy(),
            (5,),
            (4, 3),
            r"expected class numbers of shape \(4,\)",
        ),
        (metrics.MeanSquaredError(), (4, 10), (4, 64), r"\(4, 10\).*\(4, 64\)"),
        (metrics.Precision(), (4, 2), (4, 3), "Precision"),
        (metrics.AUC(multi_label=True), (4,), (4,), "samples, labels"),
        (metrics.Precision(class_id=3), (4, 3), (4, 3), "class_id=3"),
        (metrics.Recall(top_k=4), (4, 3), (4, 3), "top_k=4"),
        (metrics.F1Score(), (4,), (4,), "two axes"),
        (metrics.R2Score(), (4, 2), (4, 3), "equal shapes"),
    ],
)
def test_shapes_that_do_not_fit(metric, y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        metric.update_state(np.zeros(y_true), np.zeros(y_pred))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (metrics.MeanSquaredError(), (0.25 + 0 + 0.25 + 1) / 4),
        (metrics.RootMeanSquaredError(), np.sqrt((0.25 + 0 + 0.25 + 1) / 4)),
        (metrics.BinaryAccuracy(threshold=0.75), 0.75),
        (metrics.Accuracy(), 0.25),
        (metrics.CosineSimilarity(), (1.5 / np.sqrt(1.25) + 3.5 / 2.5) / 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_labels_and_predictions_are_broadcast(metric, expected):
    metric.update_state(np.array([[1.0], [1.0]]), np.array([[0.5, 1.0], [1.5, 2.0]]))
    assert metric.result() == pytest.approx(expected)


def test_weights_that_do_not_fit():
    for metric in (metrics.BinaryAccuracy(), metrics.Precision(), metrics.R2Score()):
        with pytest.raises(ValueError, match=r"sample_weight has the shape \(3"):
            metric.update_state(np.zeros((4, 2)), np.zeros((4, 2)), sample_weight=np.ones(3))


def test_labels_that_are_no_class_are_not_among_the_best():
    scores = np.zeros((3, 3))
    found = metrics.sparse_top_k_categorical_accuracy([0, 3, -1], scores, k=5)
    np.testing.assert_array_equal(found, [1, 0, 0])
    assert metrics.SparseTopKCategoricalAccuracy()([0, 3, -1], scores) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.Precision(thresholds=[0.5, 1.5]), "1.5"),
        (lambda: metrics.AUC(thresholds=[-0.1]), "-0.1"),
        (lambda: metrics.AUC(num_thresholds=1), "at least 2"),
        (lambda: metrics.AUC(curve="RC"), "'ROC'"),
        (lambda: metrics.AUC(summation_method="middle"), "'interpolation'"),
        (lambda: metrics.AUC(num_labels=2), "multi_label"),
        (lambda: metrics.F1Score(average="mean"), "'macro'"),
        (lambda: metrics.FBetaScore(beta=0.0), "above 0"),
        (lambda: metrics.FBetaScore(beta=1), "beta=1; expected a float"),
        (lambda: metrics.F1Score(threshold=1), "threshold=1; expected None, or a float"),
        (lambda: metrics.IoU(3, [0, 3]), "target_class_ids=.0, 3.*0 to 2"),
        (lambda: metrics.PrecisionAtRecall(1.5), "recall=1.5"),
        (lambda: metrics.SensitivityAtSpecificity(-0.1), "specificity=-0.1"),
        (lambda: metrics.RecallAtPrecision(0.5, num_thresholds=0), "num_thresholds=0"),
        (lambda: metrics.F1Score(threshold=1.5), "threshold"),
        (lambda: metrics.R2Score(class_aggregation="mean"), "'uniform_average'"),
        (lambda: metrics.R2Score(num_regressors=-1), "at least 0"),
        (lambda: metrics.get(3), "no metric"),
        (lambda: metrics.deserialize({"name": "mean"}), "class_name"),
    ],
)
def test_arguments_that_make_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_nan_makes_a_result_nan_and_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(metrics.MeanSquaredError()([[np.nan]], [[1.0]]))
        assert metrics.BinaryAccuracy()([[1.0], [0.0]], [[np.nan], [np.nan]]) == 0.5


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
def test_one_row_of_labels_counts_for_all_scores(shape):
    # The values are Keras's.
    y_true = np.reshape([0.0, 1.0, 0.0], shape)
    y_pred = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    assert metrics.categorical_accuracy(y_true, y_pred).tolist() == [1.0, 0.0, 1.0]
    assert metrics.top_k_categorical_accuracy(y_true, y_pred, k=2).tolist() == [1.0, 1.0, 1.0]
    metric = metrics.PearsonCorrelation()
    metric.update_state(y_true, y_pred)
    assert metric.result() == pytest.approx(0.6100678, abs=1e-6)


def test_class_numbers_are_not_broadcast_to_one_hot():
    with pytest.raises(ValueError, match="categorical_accuracy got y_true of shape"):
        metrics.categorical_accuracy([[1], [0]], np.eye(3)[:2])


@pytest.mark.parametrize("ranked", [False, True])
def test_sparse_top_k_accuracy_has_the_shape_of_the_labels(ranked):
    scores = [[2, 1], [0, 1]] if ranked else [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]
    found = metrics.sparse_top_k_categorical_accuracy([[2], [1]], scores, 1, ranked)
    assert found.tolist() == [[1.0], [0.0]]
