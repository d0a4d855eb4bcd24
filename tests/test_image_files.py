"""Images in files, and data sets of a folder's images and sounds."""

import io
import wave

import numpy as np
import pytest

import diptych
from diptych import layers, ops, utils

Image = pytest.importorskip("PIL.Image")

RAMP = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


@pytest.fixture
def folder(tmp_path):
    """Six images of three sizes in the folders cat and dog; shades of red and of blue."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for i, shape in enumerate(((8, 8), (12, 6), (5, 9))):
            image = np.zeros((*shape, 3), np.uint8)
            image[..., 2 * number] = rng.integers(150, 256, shape)
            Image.fromarray(image).save(tmp_path / name / f"{i}.png")
    (tmp_path / "dog" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def batches(data):
    return [[np.asarray(part) for part in element] for element in data]


# ---------------------------------------------------------------- one image


def test_an_image_comes_back(tmp_path):
    for shape, mode in (((4, 5, 1), "grayscale"), ((4, 5, 3), "rgb"), ((4, 5, 4), "rgba")):
        x = np.random.default_rng(1).integers(0, 256, shape).astype("float32")
        utils.save_img(tmp_path / "x.png", x, scale=False)
        read = utils.img_to_array(utils.load_img(tmp_path / "x.png", color_mode=mode))
        np.testing.assert_array_equal(read, x)
        first = x.transpose(2, 0, 1)
        utils.save_img(tmp_path / "y.png", first, "channels_first", scale=False)
        read = utils.load_img(str(tmp_path / "y.png"), color_mode=mode)
        np.testing.assert_array_equal(utils.img_to_array(read, "channels_first", "int16"), first)


def test_images_of_16_bits_stay_deep(tmp_path):
    deep = np.array([[0, 300], [40000, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    read = utils.load_img(tmp_path / "deep.png", color_mode="grayscale")
    np.testing.assert_array_equal(utils.img_to_array(read)[..., 0], deep)
    made = utils.array_to_img(deep[..., None].astype("float32"), scale=False)
    assert made.mode == "I"
    np.testing.assert_array_equal(np.asarray(made), deep)


def test_files_that_are_open_and_what_is_no_file(tmp_path):
    file = io.BytesIO()
    with pytest.warns(UserWarning, match="no transparency"):
        utils.save_img(file, np.zeros((3, 3, 4)), file_format="jpg")
    assert utils.load_img(file).size == (3, 3)
    with pytest.raises(TypeError, match="a path or an open file"):
        utils.load_img(3)
    with pytest.raises(FileNotFoundError, match=r"absent\.png"):
        utils.load_img(tmp_path / "absent.png")


@pytest.mark.parametrize("kept", [0, 30, 2000])
def test_a_damaged_image_names_its_path(tmp_path, kept):
    path = tmp_path / "x.png"
    utils.save_img(path, np.random.default_rng(0).random((40, 40, 3)))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(OSError, match=r"load_img\(\): .*x\.png is no image that can be read"):
        utils.load_img(path)


def test_the_middle_in_new_proportions():
    image = Image.fromarray(RAMP)
    path = io.BytesIO()
    image.save(path, "png")
    cut = utils.load_img(path, "grayscale", (4, 4), keep_aspect_ratio=True)
    np.testing.assert_array_equal(np.asarray(cut), RAMP[:, 1:5])
    x = RAMP[..., None].astype("float32")
    y = diptych.preprocessing.image.smart_resize(x, (2, 2), "nearest")
    assert type(y) is np.ndarray
    np.testing.assert_array_equal(y[..., 0], RAMP[1::2, 2:5:2])
    with pytest.raises(ValueError, match="no argument 'keep'"):
        diptych.preprocessing.image.smart_resize(x, (2, 2), keep=True)
    assert type(diptych.preprocessing.image.smart_resize(ops.ones((4, 4, 1)), (2, 2))) is not type(
        y
    )


def test_the_old_word_for_grey(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "x.png")
    diptych.legacy.forget_notes()
    with pytest.warns(diptych.legacy.LegacySpelling, match="color_mode='grayscale'"):
        assert utils.load_img(tmp_path / "x.png", grayscale=True).mode == "L"


# ---------------------------------------------------------------- images in folders


def test_images_in_folders(folder, capsys):
    data = utils.image_dataset_from_directory(folder, image_size=(4, 3), batch_size=4)
    assert capsys.readouterr().out == "Found 6 files belonging to 2 classes.\n"
    assert (data.class_names, len(data), len(data.file_paths)) == (["cat", "dog"], 2, 6)
    labels = []
    for x, y in data:
        assert (x.dtype, x.shape[1:], y.dtype) == (np.float32, (4, 3, 3), np.int32)
        for image, label in zip(x.numpy().astype("uint8"), y, strict=True):
            assert data.class_names[label] == ("cat" if image[..., 0].any() else "dog")
            assert not image[..., 1].any()
        labels += y.tolist()
    assert sorted(labels) == [0, 0, 0, 1, 1, 1]


def test_values_are_those_of_keras(tmp_path):
    """What Keras 3.15 on TensorFlow 2.21 gives for the same file."""
    Image.fromarray(RAMP).save(tmp_path / "x.png")

    def made(**options):
        data = utils.image_dataset_from_directory(
            tmp_path,
            labels=None,
            color_mode="grayscale",
            **{"image_size": (2, 3), "verbose": False, **options},
        )
        return next(iter(data)).numpy()

    np.testing.assert_allclose(made()[0, ..., 0], [[35, 55, 75], [155, 175, 195]])
    assert made(crop_to_aspect_ratio=True, image_size=2)[0, :, :, 0].tolist() == [
        [45, 65],
        [165, 185],
    ]
    padded = made(pad_to_aspect_ratio=True, image_size=(4, 3))
    np.testing.assert_allclose(padded[0, ..., 0], [[0] * 3, [35, 55, 75], [155, 175, 195], [0] * 3])
    assert made(data_format="channels_first").shape == (1, 1, 2, 3)
    assert made(batch_size=None).shape == (2, 3, 1)
    Image.fromarray(RAMP.astype(np.uint16) * 256).save(tmp_path / "x.png")
    np.testing.assert_allclose(made()[0, ..., 0], [[35, 55, 75], [155, 175, 195]])


def test_files_are_read_when_their_batch_is_due(folder):
    options = {"image_size": 4, "batch_size": 2, "shuffle": False, "verbose": False}
    data = utils.image_dataset_from_directory(folder, **options)
    (folder / "cat" / "2.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"2\.png"):
        list(data)
    assert len(list(data.take(1))) == 1
    assert [y.tolist() for _, y in data.skip(2)] == [[1, 1]]
    assert len(list(data.shard(2, 0).prefetch(1))) == 2
    (folder / "dog" / "1.png").write_bytes(b"nonsense")
    model = diptych.Sequential([layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(OSError, match=r"dog.1\.png is no image"):
        model.predict(data.skip(2).map(lambda x, y: x), verbose=0)


def test_a_model_of_images_in_folders(folder):
    diptych.utils.set_random_seed(0)
    options = {"image_size": (6, 6), "batch_size": 2, "label_mode": "binary", "verbose": False}
    data = utils.image_dataset_from_directory(folder, **options)
    data = data.map(lambda x, y: (x / 255, y)).cache().shuffle(10).prefetch(-1)
    assert data.class_names == ["cat", "dog"]
    model = diptych.Sequential(
        [layers.Input((6, 6, 3)), layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid")]
    )
    model.compile(diptych.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(data, epochs=30, validation_data=data.take(1), verbose=0)
    assert history.history["accuracy"][-1] == 1.0
    assert model.evaluate(data, verbose=0)[1] == 1.0


def test_the_parts_of_a_split(folder, capsys):
    options = {"validation_split": 0.4, "seed": 3, "image_size": 4}
    train, held_out = utils.image_dataset_from_directory(folder, subset="both", **options)
    said = capsys.readouterr().out
    assert said.endswith("Using 4 files for training.\nUsing 2 files for validation.\n")
    assert len({*train.file_paths, *held_out.file_paths}) == 6
    # The order in which Keras shuffles the files with this seed.
    order = np.arange(6)
    np.random.RandomState(3).shuffle(order)
    found = [int(p[-5]) + 3 * ("dog" in p) for p in train.file_paths + held_out.file_paths]
    assert found == order.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": (1, 2, 3)}, r"image_size=\(height, width\)"),
        ({"color_mode": "rbg"}, "did you mean 'rgb'"),
        ({"interpolation": "linear"}, "did you mean 'bilinear'"),
        ({"format": "torch"}, "format='tf' or 'grain'"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "not both"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"class_names": ["cta"]}, "did you mean 'cat'"),
    ],
)
def test_errors_of_image_folders(folder, options, message):
    with pytest.raises(ValueError, match=message):
        utils.image_dataset_from_directory(folder, verbose=False, **options)


# ---------------------------------------------------------------- sounds


def write_sound(path, values, width=2, rate=8000):
    with wave.open(str(path), "wb") as file:
        file.setparams((values.shape[1], width, rate, 0, "NONE", ""))
        numbers = np.round(values * 2 ** (8 * width - 1)).astype("<i4")
        content = numbers.reshape(-1, 1).view(np.uint8)[:, :width]
        file.writeframes((content ^ 0x80 if width == 1 else content).tobytes())


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_in_folders(tmp_path, width):
    rng = np.random.default_rng(2)
    sounds = [rng.integers(-128, 128, (length, 2)) / 128 for length in (5, 8)]
    for name, sound in zip(("no", "yes"), sounds, strict=True):
        (tmp_path / name).mkdir()
        write_sound(tmp_path / name / "1.WAV", sound, width)
    options = {"shuffle": False, "verbose": False}
    data = utils.audio_dataset_from_directory(tmp_path, **options)
    ((x, y),) = batches(data)
    assert (x.dtype, x.shape, y.tolist(), data.class_names) == (
        np.float32,
        (2, 8, 2),
        [0, 1],
        ["no", "yes"],
    )
    np.testing.assert_array_equal(x[0, :5], sounds[0])
    np.testing.assert_array_equal(x[1], sounds[1])
    assert not x[0, 5:].any()
    ((cut, _),) = batches(
        utils.audio_dataset_from_directory(tmp_path, output_sequence_length=6, **options)
    )
    np.testing.assert_array_equal(cut, x[:, :6])
    alone = utils.audio_dataset_from_directory(
        tmp_path, labels=None, batch_size=None, sampling_rate=8000, **options
    )
    assert [sound.shape for sound in alone] == [(5, 2), (8, 2)]


def test_sounds_that_do_not_fit(tmp_path):
    path = tmp_path / "x.wav"
    write_sound(path, np.zeros((4, 1)), rate=44100)
    options = {"labels": None, "verbose": False}
    data = utils.audio_dataset_from_directory(tmp_path, sampling_rate=8000, **options)
    with pytest.raises(OSError, match=r"x\.wav has 44100 samples per second"):
        list(data)
    content = path.read_bytes()
    path.write_bytes(content[:40] + b"\xff\xff\xff\x7f" + content[44:])  # claims 2 GB
    ((x,),) = batches(utils.audio_dataset_from_directory(tmp_path, **options).map(lambda x: (x,)))
    assert x.shape == (1, 4, 1)
    path.write_bytes(b"RIFF nonsense")
    with pytest.raises(OSError, match=r"x\.wav is no \.wav file"):
        list(utils.audio_dataset_from_directory(tmp_path, **options))
    for options, message in (
        ({"ragged": True}, "batch_size=None"),
        ({"sampling_rate": 1.5}, "1.5"),
    ):
        with pytest.raises(ValueError, match=message):
            utils.audio_dataset_from_directory(tmp_path, **options)
