"""ImageDataGenerator and images in files."""

from pathlib import Path

import numpy as np
import pytest

from diptych import layers, legacy, models, utils
from diptych.preprocessing import image
from diptych.preprocessing.image import ImageDataGenerator
from tests.golden.augmentation import made

GOLDEN = dict(np.load(Path(__file__).parent / "golden" / "augmentation.npz"))


@pytest.fixture(scope="module")
def ours():
    return made(image)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_numbers_of_keras(name, ours):
    """The same draws from NumPy's generator, the same interpolation, the same normalization."""
    assert ours[name].dtype == GOLDEN[name].dtype
    np.testing.assert_allclose(ours[name], GOLDEN[name], rtol=1e-5, atol=1e-5)


def test_nothing_else_was_made(ours):
    assert ours.keys() == GOLDEN.keys()


X = np.random.RandomState(1).rand(10, 4, 4, 3)


def test_channels_first_is_the_same_picture():
    first = X.transpose(0, 3, 1, 2)
    options = {"rotation_range": 30, "horizontal_flip": True, "zoom_range": 0.3}
    a = next(ImageDataGenerator(**options).flow(X, seed=5, shuffle=False))
    b = next(
        ImageDataGenerator(**options, data_format="channels_first").flow(
            first, seed=5, shuffle=False
        )
    )
    np.testing.assert_allclose(b.transpose(0, 2, 3, 1), a, rtol=1e-6)


def test_batches_and_passes():
    batches = ImageDataGenerator().flow(X, np.arange(10), batch_size=4, seed=0)
    assert (len(batches), batches.n, batches.batch_size) == (3, 10, 4)
    seen = [next(batches)[1] for _ in range(6)]
    assert [len(y) for y in seen] == [4, 4, 2] * 2
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)  # a new order
    next(batches)
    batches.reset()
    assert len(next(batches)[1]) == 4
    with pytest.raises(ValueError, match="There are 3 batches"):
        batches[3]


def test_weights_and_other_inputs_go_along():
    more = np.arange(10)[:, None]
    batches = ImageDataGenerator().flow(
        (X, more), np.arange(10), sample_weight=np.arange(10) / 10, shuffle=False
    )
    (images, other), y, weight = batches[0]
    np.testing.assert_allclose(images, X, rtol=1e-6)
    np.testing.assert_array_equal(other, more)
    np.testing.assert_allclose(weight, y / 10)


def test_a_preprocessing_function_comes_before_the_factor():
    def bright(x):
        return x + 1

    batches = ImageDataGenerator(preprocessing_function=bright, rescale=2.0).flow(X, shuffle=False)
    np.testing.assert_allclose(batches[0], (X + 1) * 2, rtol=1e-6)


def test_fit_takes_them():
    model = models.Sequential([layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    generator = ImageDataGenerator(horizontal_flip=True, validation_split=0.2)
    y = np.arange(10) % 2.0
    history = model.fit(
        generator.flow(X, y, batch_size=3, subset="training", ignore_class_split=True),
        validation_data=generator.flow(X, y, subset="validation", ignore_class_split=True),
        epochs=2,
        steps_per_epoch=3,
        verbose=0,
    )
    assert int(model.optimizer.iterations) == 6
    assert len(history.history["val_loss"]) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ImageDataGenerator().flow(X[0]), r"4 axes.*\(4, 4, 3\)"),
        (lambda: ImageDataGenerator().flow(X, [1, 2]), "10 images, but y has 2"),
        (lambda: ImageDataGenerator(validation_split=1.5), "below 1"),
        (lambda: ImageDataGenerator(brightness_range=[1]), "two factors"),
        (lambda: ImageDataGenerator(brightness_range=2), "two factors"),
        (lambda: ImageDataGenerator(data_format="last"), "did you mean|channels_last"),
        (lambda: image.apply_affine_transform(X[0], 5, order=3), "order 3 is not available"),
        (lambda: ImageDataGenerator().flow((X, X[:3])), "10 images, but another input has 3"),
        (lambda: ImageDataGenerator(zoom_range=[1, 2, 3]), "a number or two"),
        (lambda: ImageDataGenerator().flow(X, subset="training"), "needs ImageDataGenerator"),
        (
            lambda: ImageDataGenerator(validation_split=0.5).flow(X, np.arange(10), subset="other"),
            "'training' or 'validation'",
        ),
        (
            lambda: ImageDataGenerator(validation_split=0.5).flow(
                X, np.arange(10) // 5, subset="training"
            ),
            "shuffle them first",
        ),
        (
            lambda: image.apply_affine_transform(X[0], theta=5, fill_mode="mirror"),
            "expected 'constant'",
        ),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------------------------------------
# Files


@pytest.fixture
def folder(tmp_path):
    """Two classes of three images each, whose red value says which one it is."""
    pytest.importorskip("PIL")
    for number, name in enumerate(("cats", "dogs")):
        (tmp_path / name).mkdir()
        for i in range(3):
            pixels = np.full((4, 6, 3), 10 * (3 * number + i), "uint8")
            utils.save_img(tmp_path / name / f"{i}.png", pixels, scale=False)
    (tmp_path / "cats" / "notes.txt").write_text("no image")
    return tmp_path


def test_images_go_through_files(tmp_path):
    pytest.importorskip("PIL")
    x = np.arange(24.0).reshape(2, 4, 3) * 10
    utils.save_img(tmp_path / "a.png", x, scale=False)
    loaded = utils.load_img(tmp_path / "a.png")
    assert loaded.size == (4, 2)
    np.testing.assert_array_equal(utils.img_to_array(loaded), x)
    gray = utils.img_to_array(utils.load_img(tmp_path / "a.png", color_mode="grayscale"))
    assert gray.shape == (2, 4, 1)
    larger = utils.load_img(tmp_path / "a.png", target_size=(4, 8))
    np.testing.assert_array_equal(utils.img_to_array(larger)[::2, ::2], x)
    stretched = np.asarray(utils.array_to_img(np.array([[[0.0]], [[0.5]], [[1.0]]])))
    assert stretched.ravel().tolist() == [0, 127, 255]
    with pytest.raises(ValueError, match="one of 'grayscale', 'rgb', 'rgba'"):
        utils.load_img(tmp_path / "a.png", color_mode="blue")


def test_a_folder_for_each_class(folder, capsys):
    generator = ImageDataGenerator(rescale=0.1, validation_split=0.34)
    batches = generator.flow_from_directory(
        folder, target_size=(4, 6), batch_size=4, shuffle=False, class_mode="binary"
    )
    assert capsys.readouterr().out == "Found 6 images belonging to 2 classes.\n"
    assert batches.class_indices == {"cats": 0, "dogs": 1}
    assert batches.filenames[:2] == [str(Path("cats") / "0.png"), str(Path("cats") / "1.png")]
    x, y = batches[0]
    assert x.shape == (4, 4, 6, 3)
    np.testing.assert_allclose(x[:, 0, 0, 0], [0, 1, 2, 3], rtol=1e-6)
    assert y.tolist() == [0, 0, 0, 1]
    validation = generator.flow_from_directory(folder, subset="validation", target_size=(4, 6))
    assert validation.filenames == [str(Path("cats") / "0.png"), str(Path("dogs") / "0.png")]
    rest = generator.flow_from_directory(
        folder, subset="training", target_size=(4, 6), classes=["dogs", "cats"], shuffle=False
    )
    assert rest.class_indices == {"dogs": 0, "cats": 1}
    assert rest[0][1].tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        generator.flow_from_directory(folder / "birds")


def test_the_middle_of_files(folder):
    """keep_aspect_ratio cuts before it resizes."""
    wide = np.zeros((4, 8, 3), "uint8")
    wide[:, 2:6] = 200
    utils.save_img(folder / "cats" / "0.png", wide, scale=False)
    generator = ImageDataGenerator()
    options = {"target_size": (4, 4), "shuffle": False, "classes": ["cats"], "class_mode": None}
    whole = generator.flow_from_directory(folder, **options)[0][0]
    middle = generator.flow_from_directory(folder, **options, keep_aspect_ratio=True)[0][0]
    assert whole.min() == 0
    assert middle.min() == 200


TABLE = {
    "filename": ["cats/2.png", "dogs/0.png", "dogs/1.png", "absent.png", "cats/notes.txt"],
    "class": ["cat", "dog", "dog", "cow", "text"],
    "several": [["a"], ["b", "a"], ["c"], ["d"], ["e"]],
    "age": [3.0, 4.0, 5.0, 6.0, 7.0],
    "weight": [5, 4, 3, 2, 1],
}


def frame(kind):
    return TABLE if kind == "dict" else pytest.importorskip(kind).DataFrame(TABLE)


@pytest.fixture(params=["dict", "pandas"])
def of_table(request, folder):
    """A function that makes an iterator over the images of the table that are there."""

    def made(generator=None, **options):
        options = {"target_size": (4, 6), "shuffle": False, **options}
        with pytest.warns(UserWarning, match=r"leaves out 2 of 5 files.*absent\.png"):
            return (generator or ImageDataGenerator()).flow_from_dataframe(
                frame(request.param), folder, **options
            )

    return made


def test_files_of_a_table(of_table, capsys):
    batches = of_table(class_mode="sparse", weight_col="weight")
    said = capsys.readouterr().out
    assert said == "Found 3 validated image filenames belonging to 2 classes.\n"
    x, y, weight = batches[0]
    assert x[:, 0, 0, 0].tolist() == [20, 30, 40]
    assert (y.tolist(), weight.tolist()) == ([0, 1, 1], [5, 4, 3])
    assert batches.class_indices == {"cat": 0, "dog": 1}
    assert batches.filenames == TABLE["filename"][:3]


@pytest.mark.parametrize(
    ("options", "y"),
    [
        ({"class_mode": "categorical"}, [[1, 0], [0, 1], [0, 1]]),
        ({"class_mode": "categorical", "classes": ["dog"]}, [[1], [1]]),
        ({"y_col": "several"}, [[1, 0, 0], [1, 1, 0], [0, 0, 1]]),
        ({"y_col": "several", "classes": ["c", "b"]}, [[0, 1], [1, 0]]),
        ({"class_mode": "raw", "y_col": "age"}, [3, 4, 5]),
        ({"class_mode": "raw", "y_col": ["age", "weight"]}, [[3, 5], [4, 4], [5, 3]]),
        ({"class_mode": "multi_output", "y_col": ["age", "weight"]}, [[3, 4, 5], [5, 4, 3]]),
    ],
)
def test_labels_of_a_table(of_table, options, y):
    found = of_table(**options)[0][1]
    assert [np.asarray(part).tolist() for part in found] == y


def test_parts_of_a_table(of_table):
    generator = ImageDataGenerator(validation_split=0.4)
    parts = [of_table(generator, subset=part) for part in ("training", "validation")]
    assert [part.filenames for part in parts] == [TABLE["filename"][1:3], TABLE["filename"][:1]]
    assert parts[0].class_indices == parts[1].class_indices == {"cat": 0, "dog": 1}
    (images, y) = of_table(class_mode="input")[0]
    np.testing.assert_array_equal(images, y)
    assert of_table(class_mode=None)[0].shape == (3, 4, 6, 3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"class_mode": "binary"}, ValueError, "needs two classes; there are 4"),
        ({"class_mode": "sprase"}, ValueError, "did you mean 'sparse'"),
        ({"color_mode": "gray"}, ValueError, "did you mean 'grayscale'"),
        ({"y_col": "age"}, TypeError, "needs texts, or lists of texts in the column 'age'"),
        ({"weight_col": "class"}, TypeError, "weights must hold numbers"),
        ({"class_mode": "multi_output"}, TypeError, "a list of columns"),
        ({"x_col": "age"}, TypeError, "'age' must hold texts"),
        ({"wieght_col": "weight"}, TypeError, "no argument 'wieght_col'"),
        ({"directory": "nowhere"}, ValueError, "of the 5 files of the column 'filename' none"),
    ],
)
@pytest.mark.filterwarnings("ignore:flow_from_dataframe leaves out")
def test_errors_of_a_table(folder, options, error, message):
    with pytest.raises(error, match=message):
        ImageDataGenerator().flow_from_dataframe(TABLE, **{"directory": folder, **options})


def test_old_words_of_a_table(folder):
    legacy.forget_notes()
    with pytest.warns(legacy.LegacySpelling) as noted:
        batches = ImageDataGenerator().flow_from_dataframe(
            {"filename": ["cats/0.png"], "class": [2.5]},
            folder,
            class_mode="other",
            target_size=(4, 6),
            has_ext=True,
        )
    assert len(noted) == 2
    assert batches[0][1].tolist() == [2.5]


@pytest.mark.parametrize(
    ("options", "switched"),
    [
        ({"zca_whitening": True}, {"featurewise_center": True}),
        (
            {"zca_whitening": True, "featurewise_std_normalization": True},
            {"featurewise_center": True, "featurewise_std_normalization": False},
        ),
        ({"samplewise_std_normalization": True}, {"samplewise_center": True}),
    ],
)
def test_what_one_setting_does_to_another(options, switched):
    with pytest.warns(UserWarning, match="which is switched") as warned:
        made = ImageDataGenerator(**options)
    assert len(warned) == len(switched)
    assert {name: getattr(made, name) for name in switched} == switched


def test_statistics_that_are_not_known_are_left_out_with_a_warning():
    batches = ImageDataGenerator(featurewise_center=True).flow(X, shuffle=False)
    with pytest.warns(UserWarning, match=r"call \.fit\(x_train\)") as warned:
        x = batches[0]
    assert len(warned) == 1
    np.testing.assert_allclose(x, X, rtol=1e-6)
    with pytest.warns(UserWarning, match="have 2 channels"):
        ImageDataGenerator().flow(X[..., :2])


def test_augmented_images_can_be_looked_at(folder, tmp_path):
    generator = ImageDataGenerator(horizontal_flip=True)
    (tmp_path / "seen").mkdir()
    next(generator.flow(X * 255, batch_size=3, save_to_dir=tmp_path / "seen", save_prefix="a"))
    names = [path.name for path in (tmp_path / "seen").iterdir()]
    assert len(names) == 3
    assert all(name.startswith("a_") and name.endswith(".png") for name in names)
