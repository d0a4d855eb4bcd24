"""The networks of `applications` against those of Keras (golden/applications.npz), and their rules.

What they compute was compared with Keras's by hand; here it is their layers, in which order they
come and what their weights' shapes are, which is what files of weights depend on.
"""

import hashlib
import inspect
import json
from pathlib import Path

import numpy as np
import pytest

import diptych
from diptych import applications, layers
from diptych.applications import imagenet_utils, networks

from .golden.make_applications import MEMBERS, lines

GOLDEN = np.load(Path(__file__).with_name("golden") / "applications.npz")
COUNTS = dict(zip(GOLDEN["names"].tolist(), GOLDEN["counts"].tolist(), strict=True))
TINY = {"weights": None, "alpha": 0.25, "input_shape": (32, 32, 3), "classes": 4}


@pytest.fixture(autouse=True)
def names_begin_anew():
    diptych.utils.clear_session()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where downloads are kept; nothing can be downloaded."""

    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setenv("DIPTYCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def no_draws(monkeypatch):
    """Initial weights are zeros that take no memory until they are written to."""
    for name in ("GlorotUniform", "VarianceScaling", "HeNormal"):
        initializer = getattr(diptych.initializers, name)
        monkeypatch.setattr(
            initializer, "__call__", lambda _, shape, dtype=None: np.zeros(shape, dtype)
        )


@pytest.mark.parametrize("name", MEMBERS)
def test_the_layers_are_those_of_keras(name, no_draws):
    model = getattr(applications, name)(weights=None, **MEMBERS[name])
    assert list(lines(model)) == str(GOLDEN[name]).split("\n")


@pytest.mark.parametrize("name", COUNTS)
def test_the_number_of_parameters_is_that_of_keras(name, no_draws):
    assert getattr(applications, name)(weights=None).count_params() == COUNTS[name]


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize(("name", "top"), [("VGG16", False), ("ResNet50", True)])
def test_an_image_is_classified_and_trained_on(name, top, engine):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 32, 32, 3)).astype("float32")
    with diptych.engine(engine):
        model = getattr(applications, name)(
            weights=None, include_top=top, input_shape=(32, 32, 3), pooling="avg", classes=3
        )
        if not top:
            model = diptych.Sequential([model, layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        probabilities = model.predict(x[:1], verbose=0)
        before = model.get_weights()
        loss = model.train_on_batch(x, np.array([0, 2]))
    assert probabilities.shape == (1, 3)
    np.testing.assert_allclose(probabilities.sum(), 1, rtol=1e-5)
    assert np.isfinite(loss)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed[0]
    assert changed[-1]


@pytest.mark.parametrize(
    "build",
    [
        lambda **more: applications.MobileNetV3Small(input_shape=(32, 32, 3), alpha=0.35, **more),
        lambda **more: tiny_convnext(**more),
        lambda **more: tiny_inception_resnet(**more),
    ],
    ids=["operators", "LayerScale", "CustomScaleLayer"],
)
def test_a_saved_network_is_read_again(build, tmp_path):
    model = build(weights=None)
    model.save(tmp_path / "model.keras")
    again = diptych.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(1, *model.input_shape[1:])).astype("float32")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def tiny_convnext(weights):
    inputs = diptych.Input((32, 32, 3))
    x = applications.convnext.convnext(inputs, "tiny", (1, 1), (4, 8), True)
    return diptych.Model(inputs, x)


def tiny_inception_resnet(weights):
    inputs = diptych.Input((5, 5, 8))
    return diptych.Model(inputs, applications.inception_resnet_v2.stage(inputs, "block8"))


def test_weights_are_read_from_a_file(tmp_path):
    model = applications.MobileNet(**TINY)
    for file in ("model.weights.h5", "model.h5", "model.keras"):
        (model.save_weights if ".weights" in file else model.save)(tmp_path / file)
        again = applications.MobileNet(**{**TINY, "weights": str(tmp_path / file)})
        for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_pretrained_weights_are_read_from_the_cache(folder):
    without = applications.MobileNet(weights=None, alpha=0.25, include_top=False)
    without.save(folder / "mobilenet_2_5_224_tf_no_top.h5")
    with pytest.warns(UserWarning, match="224 by 224"):
        model = applications.MobileNet(alpha=0.25, include_top=False)
    np.testing.assert_array_equal(model.get_weights()[0], without.get_weights()[0])


@pytest.mark.parametrize(
    ("name", "arguments", "file"),
    [
        ("ResNet50", {}, "resnet50_weights_tf_dim_ordering_tf_kernels.h5"),
        ("VGG19", {"include_top": False}, "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        ("EfficientNetB0", {}, "efficientnetb0.h5"),
        ("NASNetMobile", {"include_top": False}, "NASNet-mobile-no-top.h5"),
        ("MobileNetV2", {"input_shape": (96, 96, 3), "alpha": 1.3},
         "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.3_96.h5"),
        ("MobileNetV3Large", {"minimalistic": True, "input_shape": (224, 224, 3)},
         "weights_mobilenet_v3_large_minimalistic_224_1.0_float.h5"),
    ],
)  # fmt: skip
def test_without_a_network_it_says_where_to_put_the_file(name, arguments, file, folder, no_draws):
    with pytest.raises(FileNotFoundError) as caught:
        getattr(applications, name)(**arguments)
    told = str(caught.value)
    assert f"/{file} on a computer with a network and put it at {folder / file}" in told
    assert f"{name}(weights=None)" in told


NEEDS = [
    ("ResNet50", {"weights": "no such file"}, "no file 'no such file'"),
    ("ResNet50", {"weights": "imagenet", "classes": 10}, "1000 classes; got classes=10"),
    ("ResNet50", {"weights": "imagenet", "input_shape": (64, 64, 3)}, r"\(224, 224, 3\)"),
    ("ResNet50", {"weights": "imagenet", "include_top": False, "input_shape": (64, 64, 1)},
     "3 channels"),
    ("ResNet50", {"weights": None, "input_shape": (31, 64, 3)}, "at least 32 by 32"),
    ("ResNet50", {"weights": None, "input_shape": (64, 64)}, r"\(H, W, C\)"),
    ("ResNet50", {"weights": None, "input_shape": (None, None, 3)}, "definite size"),
    ("Xception", {"weights": None, "input_shape": (70, 80, 3)}, "at least 71"),
    ("MobileNet", {"weights": "imagenet", "alpha": 0.3}, "alpha=0.25, 0.5, 0.75, 1.0"),
    ("MobileNet", {"weights": "imagenet", "depth_multiplier": 2}, "depth_multiplier=1"),
    ("MobileNetV3Small", {"weights": "imagenet", "alpha": 0.75, "minimalistic": True},
     "alpha=1.0"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "told"), NEEDS)
def test_arguments_that_do_not_fit_are_told(name, arguments, told):
    with pytest.raises(ValueError, match=told):
        getattr(applications, name)(**arguments)


def test_unusual_numbers_of_channels_are_noted():
    with pytest.warns(UserWarning, match="5 channels"):
        model = applications.MobileNet(**{**TINY, "input_shape": (32, 32, 5)})
    assert model.input_shape == (None, 32, 32, 5)


def test_a_symbolic_tensor_can_be_the_input():
    images = diptych.Input((40, 40, 1))
    x = layers.Conv2D(3, 3)(images)
    model = applications.MobileNet(**{**TINY, "input_shape": None}, input_tensor=x)
    assert model.inputs[0] is images
    assert model.input_shape == (None, 40, 40, 1)


def test_padding_is_that_of_tensorflow():
    x = diptych.Input((8, 7, 3))
    assert networks.padding_for_strides(x, 3) == ((0, 1), (1, 1))
    assert networks.padding_for_strides(x, 5) == ((1, 2), (2, 2))
    assert networks.padding_for_strides(diptych.Input((None, None, 3)), 3) == ((0, 1), (0, 1))


def test_numbers_of_filters_are_rounded():
    assert [networks.rounded(x) for x in (3, 11.2, 12, 20, 83.2)] == [8, 16, 16, 24, 80]
    assert [networks.nearest_multiple(x) for x in (3, 11.2, 12, 19.2)] == [8, 8, 16, 16]


@pytest.mark.filterwarnings("ignore:.* reads weights that were trained on images of 224")
def test_downloads_of_weights_are_checked(monkeypatch):
    """As SECURITY.md says: all but those whose publisher names no checksum."""
    unchecked = set()

    def assemble(title, features, files, *_, **__):
        checksums = [checksum for _, checksum in files]
        if None in checksums:
            unchecked.add(title)
        assert {len(checksum) for checksum in checksums if checksum} <= {32, 64}

    for module in list(vars(applications).values()):
        if hasattr(module, "assemble"):
            monkeypatch.setattr(module, "assemble", assemble)
    monkeypatch.setattr(networks, "assemble", assemble)
    for name in COUNTS:
        getattr(applications, name)()
    assert unchecked == {"MobileNet", "MobileNetV2"}
    security = Path(__file__).parents[1] / "SECURITY.md"
    assert "for MobileNet and MobileNetV2 it names none" in security.read_text(encoding="utf-8")


def test_classes_are_named(folder, monkeypatch):
    probabilities = np.zeros((2, 1000))
    probabilities[0, [3, 7]] = 0.25, 0.75
    probabilities[1, 999] = 1
    with pytest.raises(FileNotFoundError, match=r"imagenet_class_index.json at|argmax"):
        imagenet_utils.decode_predictions(probabilities)
    names = json.dumps({str(i): [f"n{i}", f"thing {i}"] for i in range(1000)})
    (folder / "imagenet_class_index.json").write_text(names)
    address, _ = imagenet_utils.CLASS_NAMES
    checksum = hashlib.md5(names.encode(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(imagenet_utils, "CLASS_NAMES", (address, checksum))
    named = applications.resnet.decode_predictions(probabilities, top=2)
    assert named[0] == [("n7", "thing 7", 0.75), ("n3", "thing 3", 0.25)]
    assert named[1][0] == ("n999", "thing 999", 1.0)
    with pytest.raises(ValueError, match=r"\(N, 1000\)"):
        imagenet_utils.decode_predictions(probabilities[:, :10])


def test_a_network_is_described():
    for name in COUNTS:
        build = getattr(applications, name)
        told = inspect.getdoc(build)
        assert build.__name__ == name
        assert build.__module__.startswith("diptych.applications.")
        assert "\n\n" in told
        assert "input_shape" in told or "ResNet50" in told
