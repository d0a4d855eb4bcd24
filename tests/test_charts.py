"""Pictures of trainings and of mistakes."""

import base64
import io
import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import diptych
from diptych import Input, Model, Sequential, layers
from diptych.callbacks import History
from diptych.pictures.chart import Chart, Curve, charts, powers, steps, whole_steps
from diptych.pictures.grids import as_pixels
from diptych.pictures.scene import Path, Text
from diptych.pictures.svg import png, svg
from diptych.pictures.text import width_of
from diptych.teach import compare_engines, confusion_matrix, gradcheck, worst_mistakes


def history(epochs, **results):
    found = History()
    found.epoch = list(range(epochs))
    found.history.update(results)
    return found


def texts(picture):
    root = ElementTree.fromstring(picture._repr_svg_())
    return [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]


# History.plot


def test_a_training_is_drawn_with_its_best_epochs():
    model = Sequential([Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
    found = model.fit(x, y, epochs=5, validation_split=0.25, verbose=0)
    words = texts(found.plot())
    assert words.index("loss") < words.index("accuracy")
    assert words.count("training") == words.count("validation") == words.count("epoch") == 2
    values = found.history["val_loss"]
    best = int(np.argmin(values))
    assert f"best validation: {values[best]:.4g}, epoch {best + 1}" in words
    values = found.history["val_accuracy"]
    best = int(np.argmax(values))
    assert f"best validation: {values[best]:.4g}, epoch {best + 1}" in words
    assert found._repr_html_().startswith("<svg")
    assert "loss" not in texts(found.plot(metrics="accuracy"))
    assert "accuracy" not in texts(found.plot(metrics=["loss"]))


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="no result 'los'.*loss"):
        history(1, loss=[1.0]).plot("los")
    with pytest.raises(ValueError, match="nothing to draw"):
        history(0).plot()
    assert history(0)._repr_html_() is None
    several = history(2, loss=[1.0, 0.5], per_class=[np.ones(3), np.zeros(3)])
    assert "per_class" not in texts(several.plot())


def test_values_that_are_not_finite_leave_gaps():
    found = history(6, loss=[1.0, 2.0, math.nan, 4.0, math.inf, 1.5])
    scene = found.plot().scene
    lines = [s for s in scene.shapes if isinstance(s, Path) and s.stroke == "#08498a"]
    assert [len(line.steps[1][1]) + 1 for line in lines] == [2, 2]  # the legend has one
    dots = [s for s in scene.shapes if isinstance(s, Path) and s.fill == "#08498a"]
    assert len(dots) == 4
    assert "best training: 1, epoch 1" in texts(found.plot())
    assert "no finite values" in texts(history(2, loss=[math.nan, math.nan]).plot())


def test_one_epoch_and_equal_values():
    for values in ([0.5], [0.0], [2.0, 2.0, 2.0], [-1.0, -1.0]):
        ElementTree.fromstring(history(len(values), loss=values).plot()._repr_svg_())


def test_a_steep_curve_has_a_logarithmic_axis():
    assert "loss (logarithmic)" in texts(history(3, loss=[100.0, 1.0, 0.01]).plot())
    assert "loss" in texts(history(3, loss=[100.0, 1.0, 0.0]).plot())
    assert "loss" in texts(history(3, loss=[3.0, 2.0, 1.0]).plot())


def test_validations_of_some_epochs_stand_at_these_epochs():
    found = history(6, loss=[6.0, 5, 4, 3, 2, 1], val_loss=[5.5, 3.5, 1.5])
    assert "best validation: 1.5, epoch 6" in texts(found.plot())
    later = history(2, loss=[2.0, 1.0])
    later.epoch = [10, 11]
    assert "best training: 1, epoch 12" in texts(later.plot())


def test_no_best_epoch_where_it_is_not_known_what_is_better():
    assert not any(word.startswith("best") for word in texts(history(2, gap=[1.0, 2.0]).plot()))


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0.123, 0.456), (-3, 8), (1e-9, 3e-9), (0.33, 0.99), (5, 1234)]
)
def test_ticks_are_round_and_go_around_the_values(low, high):
    ticks = steps(low, high)
    assert ticks[0] <= low
    assert high <= ticks[-1]
    assert 3 <= len(ticks) <= 7
    assert all(len(f"{tick:.6g}") <= 8 for tick in ticks)
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])


def test_ticks_of_logarithmic_axes_and_of_epochs():
    assert powers(0.05, 2.0) == pytest.approx([0.05, 0.1, 0.2, 0.5, 1.0, 2.0])
    assert powers(1e-6, 10.0)[0] == pytest.approx(1e-6)
    assert len(powers(1e-30, 1.0)) <= 8
    assert whole_steps(1, 5) == [1, 2, 3, 4, 5]
    assert whole_steps(1, 40) == [5, 10, 15, 20, 25, 30, 35, 40]
    assert len(whole_steps(1, 123_456)) <= 9


def test_no_text_of_a_chart_leaves_it_or_lies_on_another():
    long = [Curve("training", range(1, 100), [1 / i for i in range(1, 100)], "#000000")]
    for best in (1, 50, 99):
        chart = Chart("a_metric", long, (best, 1 / best, f"best training: {1 / best:.4g}, 99"))
        scene = charts("t", [chart, chart])
        boxes = []
        for text in (shape for shape in scene.shapes if isinstance(shape, Text)):
            length = width_of(text.text, text.size, text.bold)
            left = text.x - {"start": 0, "middle": length / 2, "end": length}[text.anchor]
            assert left >= 0
            assert left + length <= scene.width
            assert text.y < scene.height
            boxes.append((left, left + length, text.y - 9, text.y, text.text))
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2], (a, b)


def test_a_picture_of_a_training_is_written_to_a_file(tmp_path):
    found = history(2, loss=[2.0, 1.0])
    picture = found.plot(to_file=tmp_path / "new" / "a.svg")
    assert (tmp_path / "new" / "a.svg").read_text() == svg(picture.scene)
    assert "The results over the epochs" in repr(picture)
    pytest.importorskip("matplotlib")
    found.plot(to_file=tmp_path / "a.png", dpi=96)
    content = (tmp_path / "a.png").read_bytes()
    assert int.from_bytes(content[16:20], "big") == picture.scene.width


# Mistakes


class Answers(Model):
    """A model whose outputs are its inputs."""

    def call(self, x):
        return x


SURE = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]])


@pytest.mark.parametrize("y", [[0, 1, 0, 0], [[0], [1], [0], [0]], np.eye(3)[[0, 1, 0, 0]]])
def test_a_confusion_matrix_counts(y):
    found = confusion_matrix(Answers(), SURE, np.array(y), labels=["cat", "dog", "owl"])
    np.testing.assert_array_equal(found.counts, [[2, 0, 1], [0, 0, 1], [0, 0, 0]])
    assert found.accuracy == 0.5
    assert str(found).splitlines()[2].split() == ["cat", "2", "0", "1"]
    words = texts(found.plot())
    assert "Confusion matrix: 50.0% of 4 are right" in words
    assert [word for word in words if word in ("cat", "dog", "owl")] == ["cat", "dog", "owl"] * 2
    assert "dog, taken for owl: 1 of 1" in found._repr_html_()


def test_long_names_of_classes_stand_at_the_rows_alone():
    found = confusion_matrix(Answers(), SURE, [0, 1, 2, 0], labels=["cat", "dog", "great owl"])
    assert "great owl (2)" in texts(found.plot())


@pytest.mark.parametrize(
    ("outputs", "predicted"),
    [([[0.2], [0.7]], [0, 1]), ([0.2, 0.7], [0, 1]), ([[-3.0], [2.0]], [0, 1])],
)
def test_one_number_is_that_of_the_second_of_two_classes(outputs, predicted):
    found = confusion_matrix(Answers(), np.array(outputs), np.array([0, 1]))
    np.testing.assert_array_equal(found.counts, np.eye(2))
    assert found.counts.shape == (2, 2)


def test_the_worst_mistakes_come_first():
    found = worst_mistakes(Answers(), SURE, [0, 1, 0, 2], labels=["cat", "dog", "owl"])
    assert [(one.index, one.true, one.predicted) for one in found] == [
        (2, "cat", "owl"), (3, "owl", "cat"), (1, "dog", "owl")
    ]  # fmt: skip
    assert found[0].probability == pytest.approx(0.8)
    assert found[0].probability_of_true == pytest.approx(0.1)
    np.testing.assert_array_equal(found[0].sample, SURE[2])
    assert "80.0%" in str(found)
    assert texts(found.plot())[1:4] == ["is cat", "taken for owl", "80% sure"]
    assert len(worst_mistakes(Answers(), SURE, [0, 1, 0, 2], n=1)) == 1
    right = worst_mistakes(Answers(), SURE, [0, 2, 2, 0])
    assert (list(right), str(right)) == ([], "no mistakes")
    assert "<table>" in right._repr_html_()


def test_scores_that_are_no_probabilities_keep_their_order():
    found = worst_mistakes(Answers(), np.array([[5.0, -2.0], [1.0, 3.0]]), [1, 0])
    assert [one.index for one in found] == [0, 1]
    assert found[0].probability == pytest.approx(1 / (1 + math.exp(-7)))


def test_what_is_refused():
    model = Answers()
    for x, y, said in (
        (SURE, [0, 1], r"y has the shape \(2,\), and the model gives 4 answers"),
        (SURE, [0, 1, 3, 0], "y holds .*3.*classes are 0 to 2"),
        (np.ones((2, 3, 4)), [0, 1], r"output has the shape \(2, 3, 4\)"),
    ):
        with pytest.raises(ValueError, match=said):
            confusion_matrix(model, x, y)
    with pytest.raises(ValueError, match="labels has 1 names; the model has 3 classes"):
        worst_mistakes(model, SURE, [0, 1, 2, 0], labels=["cat"])
    x = Input((2,))
    with pytest.raises(ValueError, match="several outputs"):
        confusion_matrix(Model(x, [layers.ReLU()(x), layers.ReLU()(x)]), np.ones((1, 2)), [0])


def test_samples_as_pixels():
    assert as_pixels(np.arange(5)).tolist() == [[0, 63, 127, 191, 255]]
    assert as_pixels(np.arange(64)).shape == (8, 8)
    assert as_pixels(np.ones((4, 5))).shape == (4, 5)
    assert as_pixels(np.ones((4, 5, 1))).shape == (4, 5)
    assert as_pixels(np.random.default_rng(0).random((4, 5, 3))).shape == (4, 5, 3)
    assert as_pixels(np.array([[np.nan, 1.0]])).tolist() == [[0, 255]]
    with pytest.raises(ValueError, match=r"shape \(1, 1, 1, 1\) cannot be drawn"):
        as_pixels(np.ones((1, 1, 1, 1)))


def test_pixels_in_an_svg_are_the_samples(tmp_path):
    """The PNG within is read back by another program."""
    image_module = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for shape in ((7, 5), (3, 4, 3)):
        values = rng.integers(0, 256, shape).astype(np.uint8)
        with image_module.open(io.BytesIO(png(values))) as image:
            np.testing.assert_array_equal(np.asarray(image), values)
    found = worst_mistakes(Answers(), SURE, [1, 1, 2, 0])
    data = re.search(r"base64,([^\"]+)", found.plot()._repr_svg_())[1]
    with image_module.open(io.BytesIO(base64.b64decode(data))) as image:
        row = np.asarray(image)[0]
    assert sorted(set(row.tolist())) == [0, 28, 255]  # of the worst, 0.9, 0.1 and 0


def test_images_are_drawn_by_matplotlib_too(tmp_path):
    pytest.importorskip("matplotlib")
    image_module = pytest.importorskip("PIL.Image")
    picture = worst_mistakes(Answers(), SURE, [1, 1, 2, 0]).plot(tmp_path / "a.png", dpi=96)
    with image_module.open(tmp_path / "a.png") as image:
        assert image.size == pytest.approx((picture.scene.width, picture.scene.height), abs=1)
        assert {0, 255} <= set(np.asarray(image.convert("L")).ravel().tolist())


# What a notebook shows


def test_models_and_comparisons_in_a_notebook():
    model = Sequential([layers.Dense(2, activation="relu")])
    assert model._repr_html_() is model._repr_svg_() is None
    model.build((None, 3))
    ElementTree.fromstring(model._repr_svg_())
    assert ">relu<" in model._repr_html_()
    for report in (compare_engines(model, np.ones((2, 3))), gradcheck(model, np.ones((2, 3)))):
        table = ElementTree.fromstring(f"<div>{report._repr_html_()}</div>")
        rows = table.findall(".//tr")
        assert len(rows) == len(str(report).splitlines()) - (2 if "forward" in str(report) else 1)
        assert rows[0].findall("th")[1].text == "shape"


def test_the_helpers_are_part_of_teach():
    assert diptych.teach.confusion_matrix is confusion_matrix
