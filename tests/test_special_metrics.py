"""Intersection over union, rates at a held rate, correlations: numbers worked out by hand.

Against Keras they are tested with the golden files.
"""

import warnings

import numpy as np
import pytest

from diptych import Input, Sequential, layers, metrics


def result(metric, *given, **options):
    metric.update_state(*given, **options)
    return metric.result()


LABELS, FOUND = [0, 0, 1, 1, 2], [0, 1, 1, 1, 0]
# Class 0: 1 of 3 (two labelled, two found). Class 1: 2 of 3. Class 2: 0 of 1.


def test_iou_of_each_class_and_their_mean():
    for target, expected in (([0], 1 / 3), ([1], 2 / 3), ([2], 0), ([0, 1], 1 / 2)):
        assert result(metrics.IoU(3, target), LABELS, FOUND) == pytest.approx(expected)
    assert result(metrics.MeanIoU(3), LABELS, FOUND) == pytest.approx(1 / 3)


def test_iou_adds_up_batches_of_images_and_starts_anew():
    metric = metrics.MeanIoU(3)
    metric.update_state(np.reshape(LABELS[:4], (1, 2, 2)), np.reshape(FOUND[:4], (1, 2, 2)))
    metric.update_state(LABELS[4:], FOUND[4:])
    assert metric.total_cm.numpy().tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert metric.result() == pytest.approx(1 / 3)
    assert metric.result().dtype == np.float32
    metric.reset_state()
    assert metric.result() == 0


def test_iou_leaves_out_absent_and_ignored_classes_and_what_is_no_class():
    assert result(metrics.MeanIoU(9), LABELS, FOUND) == pytest.approx(1 / 3)
    assert result(metrics.MeanIoU(3, ignore_class=2), LABELS, FOUND) == pytest.approx(7 / 12)
    strange = [*LABELS, -1, 255, 1], [*FOUND, 0, 0, 7]
    assert result(metrics.MeanIoU(3), *strange) == pytest.approx(1 / 3)


def test_iou_takes_the_largest_of_scores():
    one_hot = np.eye(3)[LABELS]
    scores = 0.1 + 0.5 * np.eye(3)[FOUND]
    assert result(metrics.OneHotMeanIoU(3), one_hot, scores) == pytest.approx(1 / 3)
    assert result(metrics.OneHotIoU(3, [1], axis=0), one_hot.T, scores.T) == pytest.approx(2 / 3)
    sparse = metrics.OneHotIoU(3, [1], sparse_y_pred=True)
    assert result(sparse, one_hot, FOUND) == pytest.approx(2 / 3)
    assert result(metrics.MeanIoU(3, sparse_y_pred=False), LABELS, scores) == pytest.approx(1 / 3)


def test_iou_of_weights():
    weights = np.array([0.5, 1.5, 1.0, 0.0, 2.0])
    metric = metrics.MeanIoU(3, dtype="float32")
    # Class 0: 0.5 of 0.5 + 1.5 + 2. Class 1: 1 of 1 + 1.5. Class 2: 0 of 2.
    expected = (0.5 / 4 + 1 / 2.5) / 3
    assert result(metric, LABELS, FOUND, sample_weight=weights) == pytest.approx(expected)
    with pytest.warns(UserWarning, match="MeanIoU counts in integers.*dtype='float32'"):
        result(metrics.MeanIoU(3), LABELS, FOUND, sample_weight=weights)
    images = np.array(LABELS[:4]).reshape(2, 2), np.array(FOUND[:4]).reshape(2, 2)
    assert result(metrics.IoU(3, [1]), *images, sample_weight=[0, 1]) == pytest.approx(1)
    with pytest.raises(ValueError, match=r"sample_weight has the shape \(4,\)"):
        result(metrics.MeanIoU(3), LABELS, FOUND, sample_weight=[1, 2, 3, 4])


def test_binary_iou_begins_at_its_threshold():
    y_true, y_pred = [0, 1, 0, 1], [0.1, 0.3, 0.5, 0.7]
    assert result(metrics.BinaryIoU(), y_true, y_pred) == pytest.approx(1 / 3)
    assert result(metrics.BinaryIoU([1], threshold=0.3), y_true, y_pred) == pytest.approx(2 / 3)
    assert result(metrics.BinaryIoU([0], threshold=0.3), y_true, y_pred) == pytest.approx(1 / 2)


def test_iou_of_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="MeanIoU got y_true of shape .5,.*for each of 5 labels"):
        result(metrics.MeanIoU(3), LABELS, [0, 1])


def test_iou_in_training():
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("f4")
    y = (x[:, :1] > 0).astype("f4")
    model = Sequential([Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=[metrics.BinaryIoU(name="iou")])
    history = model.fit(x, y, epochs=2, verbose=0).history
    expected = result(metrics.BinaryIoU(), y, model.predict(x, verbose=0))
    assert model.evaluate(x, y, verbose=0)[1] == pytest.approx(expected)
    assert 0 <= history["iou"][0] <= 1


Y_TRUE, SCORES = [0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.35, 0.85]
# Above 0.84: 1 of 2 positives, 0 of 3 negatives. Above 0.33: 2 of 2 and 1 of 3.


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (metrics.PrecisionAtRecall(0.5), 1),
        (metrics.PrecisionAtRecall(0.6), 2 / 3),
        (metrics.RecallAtPrecision(0.6), 1),
        (metrics.RecallAtPrecision(0.7), 1 / 2),
        (metrics.SensitivityAtSpecificity(0.6), 1),
        (metrics.SensitivityAtSpecificity(0.7), 1 / 2),
        (metrics.SpecificityAtSensitivity(0.5), 1),
        (metrics.SpecificityAtSensitivity(0.6), 2 / 3),
        (metrics.SpecificityAtSensitivity(0.6, num_thresholds=1), 0),  # 0.5 alone finds one of two
        (metrics.SpecificityAtSensitivity(0.5, num_thresholds=1), 2 / 3),
        (metrics.PrecisionAtRecall(0.6, num_thresholds=2), 2 / 4),  # 0 and 1 alone
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_the_best_of_one_rate_where_another_is_held(metric, expected):
    assert result(metric, Y_TRUE, SCORES) == pytest.approx(expected)


def test_rates_of_weights_and_of_one_class():
    weights = [1, 1, 1, 4, 1]  # at recall 0.6 the positive of 0.35 is needed
    metric = metrics.PrecisionAtRecall(0.6)
    assert result(metric, Y_TRUE, SCORES, sample_weight=weights) == pytest.approx(5 / 6)
    columns = np.stack([np.zeros(5), Y_TRUE], 1), np.stack([np.ones(5), SCORES], 1)
    of_class = metrics.PrecisionAtRecall(0.6, class_id=1)
    assert result(of_class, *columns) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="class_id=1 does not fit y_pred of shape"):
        result(metrics.RecallAtPrecision(0.5, class_id=1), Y_TRUE, SCORES)


def test_correlations_by_hand():
    y_true = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0]])
    y_pred = np.array([[1.0, 3.0, 5.0], [1.0, 0.0, 1.0]])
    np.testing.assert_allclose(metrics.pearson_correlation(y_true, y_pred), [1, 1])
    # Variances 2/3 and 8/3, covariance 4/3, means 1 and 3.
    np.testing.assert_allclose(
        metrics.concordance_correlation(y_true, y_pred), [(8 / 3) / (10 / 3 + 4), 1], rtol=1e-6
    )
    assert result(metrics.PearsonCorrelation(), y_true, -y_pred) == pytest.approx(-1)
    weighted = result(metrics.ConcordanceCorrelation(), y_true, y_pred, sample_weight=[1, 3])
    assert weighted == pytest.approx(((8 / 3) / (10 / 3 + 4) + 3) / 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(metrics.pearson_correlation([[1.0, 1.0]], [[1.0, 2.0]])).all()
    with pytest.raises(ValueError, match="pearson_correlation got y_true of shape"):
        metrics.pearson_correlation(y_true, y_pred[:, :2])


def test_class_numbers_of_the_same_size_in_another_shape():
    scores = np.eye(3)[[0, 2, 1, 1]]
    for labels in ([[0, 1], [1, 1]], [0, 1, 1, 1], [[0, 1, 1, 1]]):
        hits = np.reshape([1, 0, 1, 1], np.shape(labels))
        found = metrics.sparse_categorical_accuracy(labels, scores)
        np.testing.assert_array_equal(found, hits)
        assert metrics.SparseCategoricalAccuracy()(labels, scores) == 0.75
        best = metrics.sparse_top_k_categorical_accuracy(labels, scores, k=1)
        assert best.shape == np.shape(labels)
    over_time = metrics.sparse_categorical_accuracy([0, 1, 1, 1], scores.reshape(2, 2, 3))
    np.testing.assert_array_equal(over_time, [1, 0, 1, 1])


def test_monitors_know_which_way_is_better():
    for metric in (metrics.MeanIoU(2), metrics.PearsonCorrelation(), metrics.PrecisionAtRecall(0)):
        assert metric._direction == "up"
