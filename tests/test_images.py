"""Image layers and ``ops.image``: what is drawn, for whom, and when; what does not fit."""

import numpy as np
import pytest

import diptych
from diptych import layers, ops

RANDOM = {
    "flip": lambda **kw: layers.RandomFlip(**kw),
    "rotation": lambda **kw: layers.RandomRotation(0.3, **kw),
    "zoom": lambda **kw: layers.RandomZoom(0.4, 0.3, **kw),
    "translation": lambda **kw: layers.RandomTranslation(0.4, 0.3, **kw),
    "crop": lambda **kw: layers.RandomCrop(3, 4, **kw),
    "contrast": lambda **kw: layers.RandomContrast(0.6, (0, 1), **kw),
    "brightness": lambda **kw: layers.RandomBrightness(0.4, (0, 1), **kw),
}
OVER_RANDOM = pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)


def pictures(count=6, seed=0):
    return np.random.default_rng(seed).random((count, 8, 9, 3)).astype("float32")


# --------------------------------------------------------------------------------------------------
# Random layers


@OVER_RANDOM
def test_a_random_layer_is_active_in_training_and_by_hand_only(make):
    x, layer = pictures(), make(seed=1)
    still = layer(x, training=False).numpy()
    if still.shape == x.shape:
        np.testing.assert_array_equal(still, x)
    assert any(not np.array_equal(layer(x, training=True).numpy(), still) for _ in range(3))
    assert any(not np.array_equal(layer(x).numpy(), still) for _ in range(3))
    model = diptych.Sequential([layers.Input(x.shape[1:]), layer])
    np.testing.assert_array_equal(model.predict(x, verbose=0), still)
    assert any(not np.array_equal(model(x, training=True).numpy(), still) for _ in range(3))
    assert any(not np.array_equal(model(x).numpy(), still) for _ in range(3))


@OVER_RANDOM
def test_a_seed_gives_a_sequence_that_both_engines_see(make):
    x, drawn = pictures(), {}
    for engine in ("reference", "fast"):
        with diptych.engine(engine):
            layer = make(seed=5)
            drawn[engine] = [layer(x, training=True).numpy() for _ in range(3)]
    for one, other in zip(drawn["reference"], drawn["fast"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert any(not np.array_equal(drawn["fast"][0], later) for later in drawn["fast"][1:])


@pytest.mark.parametrize("make", [m for n, m in RANDOM.items() if n != "crop"])
def test_every_image_gets_a_draw_of_its_own(make):
    x = np.repeat(pictures(1), 20, axis=0)
    y = make(seed=2)(x, training=True).numpy()
    assert len({image.tobytes() for image in y}) > 1


@OVER_RANDOM
def test_one_image_bytes_and_channels_first(make):
    x = pictures(1)
    expected = make(seed=3)(x, training=True).numpy()
    alone = make(seed=3)(x[0], training=True).numpy()
    np.testing.assert_allclose(alone, expected[0], rtol=1e-5, atol=1e-6)
    first = make(seed=3, data_format="channels_first")(x.transpose(0, 3, 1, 2), training=True)
    np.testing.assert_allclose(first.numpy().transpose(0, 2, 3, 1), expected, rtol=1e-5, atol=1e-6)
    for training in (True, False):
        whole = make()((255 * x).astype("uint8"), training=training)
        assert whole.dtype == np.float32


@pytest.mark.parametrize("training", [True, False])
@OVER_RANDOM
def test_labels_stay_and_masks_move_with_their_images(make, training):
    x = pictures()
    mask = (x[..., :1] > 0.5).astype("uint8")
    labels = np.arange(6)
    layer = make(seed=4)
    y = layer({"images": x, "labels": labels, "segmentation_masks": mask}, training=training)
    np.testing.assert_array_equal(y["labels"].numpy(), labels)
    assert set(np.unique(y["segmentation_masks"].numpy())) <= {0, 1}
    assert y["images"].shape[:3] == y["segmentation_masks"].shape[:3]
    symbolic = layer({"images": layers.Input(x.shape[1:]), "labels": layers.Input(())})
    assert symbolic["images"].shape == (None, *y["images"].shape[1:])


def test_draws_stay_within_their_bounds():
    x = pictures(500)
    angle = layers.RandomRotation((-0.1, 0.25), seed=0).get_random_transformation(x)["angle"]
    assert -36 <= angle.min() < -30
    assert 80 < angle.max() <= 90
    zoom = layers.RandomZoom(0.2, seed=0).get_random_transformation(x)
    assert zoom["height_zoom"] is zoom["width_zoom"]
    assert 0.8 <= zoom["height_zoom"].min() < 0.82
    assert 1.18 < zoom["height_zoom"].max() <= 1.2
    move = layers.RandomTranslation((0, 0.5), 0.0, seed=0).get_random_transformation(x)
    assert (move["translations"][:, 0] == 0).all()
    assert 3.8 < move["translations"][:, 1].max() <= 4
    assert move["translations"][:, 1].min() >= 0
    contrast = layers.RandomContrast(0.3, seed=0).get_random_transformation(x)["contrast_factor"]
    assert 0.7 <= contrast.min() < 0.72
    assert 1.28 < contrast.max() <= 1.3
    flips = layers.RandomFlip(seed=0).get_random_transformation(x)["flips"]
    assert 200 < flips.sum() < 300
    starts = [layers.RandomCrop(7, 5, seed=s).get_random_transformation(x) for s in range(60)]
    assert {top for top, _ in starts} == {0, 1}
    assert {left for _, left in starts} == {0, 1, 2, 3, 4}


def test_training_through_random_layers_learns():
    diptych.utils.set_random_seed(0)
    (x, y), _ = diptych.datasets.digits.load_data()
    x, y = x[:300].reshape(-1, 8, 8, 1), y[:300]
    model = diptych.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Rescaling(1 / 16),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
            layers.RandomRotation(0.02),
            layers.ZeroPadding2D(1),
            layers.Cropping2D(1),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(diptych.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    losses = model.fit(x, y, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]


# --------------------------------------------------------------------------------------------------
# Layers that resize


def test_resizing_keeps_bytes_and_does_not_overflow():
    x = np.zeros((1, 4, 4, 1), "uint8")
    x[0, 1:3, 1:3] = 255
    y = layers.Resizing(16, 16, "lanczos5")(x).numpy()
    assert y.dtype == np.uint8
    assert y[0, 8, 8, 0] == 255
    assert y[0, 0, 0, 0] < 30


def test_center_crop_takes_the_middle():
    x = np.arange(30.0).reshape(1, 5, 6, 1)
    np.testing.assert_array_equal(layers.CenterCrop(3, 2)(x).numpy()[0, ..., 0], x[0, 1:4, 2:4, 0])


def test_whole_numbers_pass_through_padding_cropping_and_up_sampling():
    x = np.arange(12, dtype="int32").reshape(1, 3, 4, 1)
    for layer in (
        layers.ZeroPadding2D(((1, 0), (2, 1))),
        layers.Cropping2D(((1, 0), (2, 1))),
        layers.UpSampling2D((2, 3)),
        layers.UpSampling2D((2, 3), data_format="channels_first"),
    ):
        y = layer(x)
        assert y.dtype == np.int32
        np.testing.assert_array_equal(y.numpy(), layer(x.astype("float32")).numpy())


# --------------------------------------------------------------------------------------------------
# Normalization


def test_adapt_takes_arrays_tensors_and_batches():
    rng = np.random.default_rng(0)
    x = 1e3 + rng.normal(size=(50, 4, 3)) * [1.0, 2.0, 3.0]

    class Batches(diptych.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return x[index * 20 : (index + 1) * 20], np.zeros(20)

    sources = [x, ops.convert_to_tensor(x), [x[:7], x[7:]], (x[i : i + 9] for i in range(0, 50, 9))]
    for data in [*sources, Batches()]:
        layer = layers.Normalization()
        layer.adapt(data)
        mean, variance, _ = layer.get_weights()
        np.testing.assert_allclose(mean, x.mean((0, 1)), rtol=1e-6)
        np.testing.assert_allclose(variance, x.var((0, 1)), rtol=1e-4)
    y = layer(x).numpy()
    np.testing.assert_allclose(y.std((0, 1)), 1, rtol=1e-3)
    back = layers.Normalization(mean=mean, variance=variance, invert=True)
    np.testing.assert_allclose(back(y).numpy(), x, rtol=1e-5)


def test_mean_and_variance_are_shown_in_the_shape_of_the_input():
    x = np.random.default_rng(0).normal(size=(4, 3, 2))
    learned, axes = layers.Normalization(axis=(-1, 1)), (0,)
    with pytest.raises(AttributeError, match=r"no mean yet: call adapt"):
        learned.mean  # noqa: B018
    learned.adapt(x)
    given = layers.Normalization((1, 2), mean=learned.mean[0], variance=learned.variance[0])
    given.build(x.shape)
    for layer in (learned, given):
        np.testing.assert_allclose(layer.mean, x.mean(axes, keepdims=True), rtol=1e-6)
        np.testing.assert_allclose(layer.variance.numpy(), x.var(axes, keepdims=True), rtol=1e-6)


def test_adapt_forgets_what_it_found_before():
    layer = layers.Normalization(axis=None)
    layer.adapt(np.array([5.0, 7.0]))
    layer.adapt(np.array([1.0, 3.0]))
    np.testing.assert_allclose(layer(np.array([1.0, 3.0])).numpy(), [-1, 1], rtol=1e-6)


# --------------------------------------------------------------------------------------------------
# ops.image


def test_image_operations_are_differentiated_on_both_engines():
    x = np.random.default_rng(1).uniform(0.1, 0.9, size=(2, 5, 6, 3))
    transform = np.array([0.9, 0.2, 0.3, -0.1, 1.1, 0.4, 0, 0])
    image = ops.image
    for call in (
        lambda x: image.resize(x, (7, 4), "bicubic", pad_to_aspect_ratio=True),
        lambda x: image.affine_transform(x, transform, fill_mode="reflect"),
        lambda x: image.affine_transform(x, transform, data_format="channels_first"),
        lambda x: image.pad_images(x, 1, 2, 0, 3),
        lambda x: image.crop_images(x, 1, 2, target_height=3, target_width=3),
        lambda x: image.rgb_to_grayscale(x),
        lambda x: image.rgb_to_hsv(x),
        lambda x: image.hsv_to_rgb(x),
    ):
        for engine in ("reference", "fast"):
            report = diptych.gradcheck(call, x, engine=engine)
            assert report, f"\n{report}"


def test_image_operations_make_nodes_of_a_graph():
    x = layers.Input((8, 9, 3))
    y = ops.image.resize(ops.image.rgb_to_grayscale(x), (4, 5))
    y = ops.image.pad_images(y, 1, 1, 1, 1)
    assert y.shape == (None, 6, 7, 1)
    model = diptych.Model(x, y)
    batch = pictures(2)
    small = ops.image.resize(ops.image.rgb_to_grayscale(batch), (4, 5)).numpy()
    np.testing.assert_allclose(model(batch).numpy()[:, 1:-1, 1:-1], small, rtol=1e-6)


def test_a_trained_transform_is_refused_and_not_ignored():
    transform = diptych.Variable(np.array([1, 0, 0, 0, 1, 0, 0, 0], "float32"))
    with diptych.GradientTape() as tape:
        loss = ops.sum(ops.image.affine_transform(pictures(), transform))
    with pytest.raises(NotImplementedError, match="no gradient for `transform`"):
        tape.gradient(loss, transform)


def test_the_fast_engine_refuses_transforms_of_other_images():
    twin = diptych.engine.get("fast").resizing
    transforms = np.tile(np.array([1.0, 0, 0, 0, 1, 0, 0, 0], "float32"), (5, 1))
    y, (shape, _, *rest) = twin.affine_forward(pictures(5), transforms)
    for wrong in (transforms[:2], transforms[:, :2]):
        with pytest.raises(ValueError, match="needs 8 numbers for each image"):
            twin.affine_backward(y, (shape, wrong, *rest))


def test_wrapped_images_go_round():
    x = pictures(1)
    moved = ops.image.affine_transform(x, [1.0, 0, 2, 0, 1, -3, 0, 0], fill_mode="wrap").numpy()
    np.testing.assert_allclose(moved, np.roll(x, (3, -2), axis=(1, 2)), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: layers.RandomRotation(1.5), "factor as a number.*from -1 up to 1; got 1.5"),
        (lambda x: layers.RandomRotation((0.1, 0.2, 0.3)), "two of them.*got \\(0.1, 0.2, 0.3\\)"),
        (lambda x: layers.RandomZoom((-1, 0.5)), "above -1 up to 1"),
        (lambda x: layers.RandomTranslation(0.1, "left"), "width_factor.*got 'left'"),
        (lambda x: layers.RandomContrast(-0.1), "from 0 up to 1; got -0.1"),
        (lambda x: layers.RandomBrightness(0.1, 255), "value_range as two numbers.*got 255"),
        (lambda x: layers.RandomFlip("left"), "mode as one of horizontal.*got 'left'"),
        (lambda x: layers.RandomRotation(0.1, "mirror"), "fill_mode as one of.*got 'mirror'"),
        (lambda x: layers.RandomRotation(0.1, interpolation="bicubic"), "nearest, bilinear; got"),
        (lambda x: layers.Resizing(0, 3), "height as a positive whole number; got 0"),
        (lambda x: layers.Resizing(3, 3, "cubic"), "bicubic.*got 'cubic'"),
        (lambda x: layers.Resizing(3, 3, "nearest", True, True), "not both"),
        (lambda x: layers.CenterCrop(3, 3)(x[0, 0]), "an image of 3 axes or a batch of 4.*\\(9, 3"),
        (lambda x: layers.RandomFlip()({"labels": x}), "takes a dict with 'images'"),
        (lambda x: layers.RandomFlip()({"images": x, "bounding_boxes": x}), "bounding_boxes"),
        (lambda x: layers.RandomFlip(data_format="last"), "'channels_first'.*got 'last'"),
        (lambda x: layers.Normalization(mean=1.0), "both mean and variance"),
        (lambda x: layers.Normalization(mean=[1.0], variance=[[1.0]]), "of one shape"),
        (lambda x: layers.Normalization(axis=7)(x), r"normalises along the axes \(7,\).*has 4"),
        (lambda x: layers.Normalization()(layers.Input((None,))), "needs to know the sizes"),
        (
            lambda x: layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 2.0])(x),
            r"shape \(2,\), which do not fit the sizes \(3,\)",
        ),
        (lambda x: layers.Normalization(mean=1.0, variance=1.0).adapt(x), "nothing to adapt"),
        (lambda x: layers.Normalization().adapt([]), "no data"),
        (lambda x: layers.Normalization().adapt([1.0, 2.0]), "got one of type float"),
        (lambda x: layers.Normalization().adapt(3), "an array or an iterable"),
        (lambda x: layers.Normalization().adapt([x, x[..., :2]]), r"\(6, 8, 9, 3\).*9, 2\)"),
        (lambda x: ops.image.resize(x, 3), r"size=\(height, width\); got 3"),
        (lambda x: ops.image.resize(x, (3, 0)), "at least 1 for each"),
        (lambda x: ops.image.resize(x, (3, 3), "cubic"), "nearest, bilinear.*'cubic'"),
        (lambda x: ops.image.resize(x, (3, 3), fill_mode="wrap"), "only fill_mode='constant'"),
        (lambda x: ops.image.resize(x[0, 0], (3, 3)), "3 axes or a batch of 4"),
        (lambda x: ops.image.affine_transform(x, np.ones((2, 8))), r"\(6, 8\), or one row for all"),
        (lambda x: ops.image.affine_transform(x, np.ones(8), fill_mode="mirror"), "fill_mode is"),
        (lambda x: ops.image.perspective_transform(x, np.ones((4, 2)), np.ones(4)), "shape"),
        (lambda x: ops.image.pad_images(x, 1, 2, 3), "Pass two of left_padding, right_padding"),
        (lambda x: ops.image.pad_images(x, 1, 1, 1, target_width=5), "does not fit images of size"),
        (lambda x: ops.image.crop_images(x, 5, 1, 5, 1), "top_cropping=5.*size 8"),
        (lambda x: ops.image.rgb_to_grayscale(x[..., :2]), "1 or 3 channels"),
        (lambda x: ops.image.rgb_to_hsv(x.astype("uint8")), "divide them by 255"),
    ],
)
def test_errors_teach(call, words):
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=words):
        call(pictures())
