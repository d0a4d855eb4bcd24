"""Layers that change images at random: what they promise for every draw; what does not fit."""

import json

import numpy as np
import pytest

import diptych
from diptych import layers, ops

ENGINES = ["reference", "fast"]
UNIT = (0, 1)
# Layers for images from 0 to 1; those below do something at every call.
MADE = {
    "AutoContrast": lambda **kw: layers.AutoContrast(UNIT, **kw),
    "ContrastLimitedAdaptiveHistogramEqualization": lambda **kw: (
        layers.ContrastLimitedAdaptiveHistogramEqualization(UNIT, tile_grid_size=(2, 3), **kw)
    ),
    "Equalization": lambda **kw: layers.Equalization(UNIT, **kw),
}
RANDOM = {
    "AugMix": lambda **kw: layers.AugMix(UNIT, factor=0.5, **kw),
    "CutMix": lambda **kw: layers.CutMix(**kw),
    "MixUp": lambda **kw: layers.MixUp(1.0, **kw),
    "RandAugment": lambda **kw: layers.RandAugment(UNIT, factor=0.5, **kw),
    "RandomColorDegeneration": lambda **kw: layers.RandomColorDegeneration((0.2, 0.9), UNIT, **kw),
    "RandomColorJitter": lambda **kw: layers.RandomColorJitter(UNIT, 0.2, 0.3, (0, 0.8), 0.4, **kw),
    "RandomElasticTransform": lambda **kw: layers.RandomElasticTransform(
        scale=(0.5, 1.0), value_range=UNIT, **kw
    ),
    "RandomErasing": lambda **kw: layers.RandomErasing(value_range=UNIT, **kw),
    "RandomGaussianBlur": lambda **kw: layers.RandomGaussianBlur(value_range=UNIT, **kw),
    "RandomGrayscale": lambda **kw: layers.RandomGrayscale(**kw),
    "RandomHue": lambda **kw: layers.RandomHue(0.5, UNIT, **kw),
    "RandomInvert": lambda **kw: layers.RandomInvert(value_range=UNIT, **kw),
    "RandomPerspective": lambda **kw: layers.RandomPerspective(**kw),
    "RandomPosterization": lambda **kw: layers.RandomPosterization((1, 5), UNIT, **kw),
    "RandomSaturation": lambda **kw: layers.RandomSaturation((0, 0.8), UNIT, **kw),
    "RandomSharpness": lambda **kw: layers.RandomSharpness(1.0, UNIT, **kw),
    "RandomShear": lambda **kw: layers.RandomShear(0.5, 0.3, **kw),
    "Solarization": lambda **kw: layers.Solarization(0.3, 0.5, UNIT, **kw),
}
MOVING = {"RandomElasticTransform", "RandomPerspective", "RandomShear"}  # masks go along
MIXING = {"AugMix", "CutMix", "MixUp", "RandAugment"}
OVER_ALL = pytest.mark.parametrize("name", [*MADE, *RANDOM])
OVER_RANDOM = pytest.mark.parametrize("name", RANDOM)


def make(name, **options):
    return {**MADE, **RANDOM}[name](**options)


def seeded(name, seed, **options):
    return make(name, **options) if name in MADE else make(name, seed=seed, **options)


def pictures(count=6, seed=0):
    return np.random.default_rng(seed).random((count, 8, 9, 3)).astype("float32")


# --------------------------------------------------------------------------------------------------
# What all of them promise


@OVER_RANDOM
def test_they_change_images_in_training_only(name):
    x, layer = pictures(), make(name, seed=1)
    np.testing.assert_array_equal(layer(x, training=False), x)
    assert any(not np.array_equal(layer(x, training=True), x) for _ in range(5))
    assert any(not np.array_equal(layer(x), x) for _ in range(5))
    model = diptych.Sequential([layers.Input(x.shape[1:]), layer])
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    assert any(not np.array_equal(model(x), x) for _ in range(5))


def test_a_none_that_is_written_is_no_training():
    """A model of one's own hands its `training` on, which is None in a call that says nothing."""
    x = pictures()

    class Own(diptych.Model):
        def __init__(self):
            super().__init__()
            self.change = layers.RandomInvert((1.0, 1.0), UNIT)

        def call(self, x, training=None):
            return self.change(x, training=training)

    np.testing.assert_array_equal(Own()(x), x)
    np.testing.assert_allclose(Own()(x, training=True), 1 - x)


def test_equalization_is_active_in_training_and_the_contrast_at_all_times():
    x = pictures() / 2
    for name in MADE:
        layer = make(name)
        assert not np.array_equal(layer(x), x)
        assert np.array_equal(layer(x, training=False), x) == (name == "Equalization")


@OVER_ALL
def test_a_seed_gives_a_sequence_that_both_engines_see(name):
    x, drawn = pictures(), {}
    for engine in ENGINES:
        with diptych.engine(engine):
            layer = seeded(name, 5)
            drawn[engine] = [layer(x, training=True).numpy() for _ in range(4)]
    for one, other in zip(drawn["reference"], drawn["fast"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    if name in RANDOM:
        assert any(not np.array_equal(drawn["fast"][0], later) for later in drawn["fast"][1:])


@OVER_ALL
def test_one_image_bytes_and_channels_first(name):
    x = pictures(1)
    expected = seeded(name, 3)(x, training=True).numpy()
    assert expected.dtype == np.float32
    assert expected.shape == x.shape
    if name != "CutMix":  # for which a single image has no other
        alone = seeded(name, 3)(x[0], training=True).numpy()
        np.testing.assert_allclose(alone, expected[0], rtol=1e-5, atol=1e-5)
    first = seeded(name, 3, data_format="channels_first")(x.transpose(0, 3, 1, 2), training=True)
    if name != "RandomErasing":  # whose noise is drawn in the order of the axes
        first = first.numpy().transpose(0, 2, 3, 1)
        np.testing.assert_allclose(first, expected, rtol=1e-5, atol=1e-5)
    for training in (True, False):
        assert make(name)((255 * x).astype("uint8"), training=training).dtype == np.float32


@pytest.mark.parametrize("shape", [(0, 8, 9), (2, 1, 1), (2, 1, 7), (2, 7, 1), (1, 1)])
@OVER_ALL
def test_no_images_and_those_of_a_row_a_column_or_a_pixel(name, shape):
    x = np.random.default_rng(0).random((*shape, 3)).astype("float32")
    layer = seeded(name, 2)
    for _ in range(5):
        y = layer(x, training=True).numpy()
        assert y.shape == x.shape
        assert np.isfinite(y).all()


@OVER_ALL
def test_results_are_in_the_range_and_of_the_layers_dtype(name):
    x = pictures().astype("float64")
    layer = seeded(name, 2, dtype="float64")
    for _ in range(5):
        y = layer(x, training=True).numpy()
        assert y.dtype == np.float64
        assert -1e-6 <= y.min()
        assert y.max() <= 1 + 1e-6


@OVER_ALL
def test_symbolic_images_of_unknown_size(name):
    layer = make(name)
    assert layer(layers.Input((None, None, 3))).shape == (None, None, None, 3)
    ends = layer(
        {
            "images": layers.Input((8, 9, 3)),
            "labels": layers.Input((4,)),
            "segmentation_masks": layers.Input((8, 9, 1)),
        }
    )
    assert ends["segmentation_masks"].shape == (None, 8, 9, 1)
    with pytest.raises(ValueError, match="an image of 3 axes or a batch of 4"):
        layer(pictures()[0, 0])


@pytest.mark.parametrize("training", [True, False])
@OVER_ALL
def test_dictionaries(name, training):
    """Labels stay, masks stay or move, and what else is there passes through."""
    x = pictures()
    masks = (x[..., :1] > 0.5).astype("float32")
    labels = np.eye(6, dtype="float32")
    data = {"images": x, "labels": labels, "segmentation_masks": masks, "names": np.arange(6)}
    layer = seeded(name, 4)
    y = layer(data, training=training)
    assert data["images"] is x
    assert list(y) == list(data)
    np.testing.assert_array_equal(y["names"], np.arange(6))
    assert y["segmentation_masks"].shape == masks.shape
    if name not in MIXING:
        np.testing.assert_array_equal(y["labels"], labels)
        assert set(np.unique(y["segmentation_masks"].numpy())) <= {0, 1}
    if name not in MIXING | MOVING or not training:
        np.testing.assert_array_equal(y["segmentation_masks"], masks)
    alone = seeded(name, 4)({k: v[0] for k, v in data.items()}, training=training)
    assert [alone[k].shape for k in data] == [v.shape[1:] for v in data.values()]
    with pytest.raises(ValueError, match="bounding boxes are out of the scope"):
        layer({"images": x, "bounding_boxes": x})


@pytest.mark.parametrize("name", sorted(MOVING))
def test_masks_move_with_their_images(name):
    """An image that is its own mask stays it, where pixels are taken and not mixed."""
    layer = make(name, seed=6, interpolation="nearest")
    x = np.floor(2 * np.random.default_rng(0).random((6, 40, 50, 2))).astype("float32")
    y = layer({"images": x, "segmentation_masks": x}, training=True)
    assert not np.array_equal(y["images"], x)
    np.testing.assert_array_equal(y["images"], y["segmentation_masks"])


@pytest.mark.parametrize(
    "layer",
    [
        layers.RandomElasticTransform(),
        layers.RandomPerspective(),
        layers.RandomRotation(0.2),
        layers.RandomShear(0.5),
        layers.RandomTranslation(0.2, 0.2),
        layers.RandomZoom(0.5),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_masks_of_class_numbers_stay_class_numbers(layer):
    x = pictures()
    masks = np.random.default_rng(1).integers(0, 200, (*x.shape[:3], 1), dtype="uint8")
    for training in (True, False):
        y = layer({"images": x, "segmentation_masks": masks}, training=training)
        assert y["segmentation_masks"].dtype == "uint8"
        assert set(np.unique(y["segmentation_masks"].numpy())) <= {0, *np.unique(masks)}
    entrance = layers.Input(x.shape[1:])
    ends = layer({"images": entrance, "segmentation_masks": layers.Input((8, 9, 1), dtype="uint8")})
    assert ends["segmentation_masks"].dtype == "uint8"
    assert ends["images"].dtype == "float32"


@OVER_ALL
def test_single_transformations_are_those_of_a_batch_of_one(name):
    x = pictures(1)
    layer = seeded(name, 7)
    drawn = layer.get_random_transformation(x, training=True)
    np.testing.assert_allclose(
        layer.transform_single_image(x[0], drawn), layer.transform_images(x, drawn)[0], rtol=1e-6
    )
    label = np.eye(4, dtype="float32")[:1]
    np.testing.assert_allclose(
        layer.transform_single_label(label[0], drawn), layer.transform_labels(label, drawn)[0]
    )
    mask = np.floor(2 * x[..., :1])
    np.testing.assert_allclose(
        layer.transform_single_segmentation_mask(mask[0], drawn),
        layer.transform_segmentation_masks(mask, drawn)[0],
    )
    weight = np.ones(2, "float32")
    np.testing.assert_array_equal(layer.convert_weight(weight), weight)


@OVER_ALL
def test_files_keep_the_layer_and_its_place_in_the_sequence(name, tmp_path):
    x = pictures()
    model = diptych.Sequential([layers.Input(x.shape[1:]), seeded(name, 8)])
    model(x, training=True)
    model.save(tmp_path / "model.keras")
    copy = diptych.saving.load_model(tmp_path / "model.keras")
    configs = [json.dumps(one.layers[0].get_config()) for one in (copy, model)]
    assert configs[0] == configs[1]
    for _ in range(3):
        np.testing.assert_array_equal(copy(x, training=True), model(x, training=True))


GENTLE = {  # with these factors nothing changes
    "RandomColorDegeneration": {"factor": 0.0},
    "RandomColorJitter": {},
    "RandomElasticTransform": {"scale": 0.0},
    "RandomErasing": {"factor": 0.0},
    "RandomGaussianBlur": {"factor": 0.0},
    "RandomGrayscale": {"factor": 0.0},
    "RandomHue": {"factor": 0.0},
    "RandomInvert": {"factor": 0.0},
    "RandomPerspective": {"factor": 0.0},
    "RandomSaturation": {"factor": (0.5, 0.5)},
    "RandomSharpness": {"factor": (0.5, 0.5)},
    "RandomShear": {},
}


@pytest.mark.parametrize("name", GENTLE)
def test_factors_that_change_nothing(name):
    x = 255 * pictures()
    y = getattr(layers, name)(**GENTLE[name])(x, training=True)
    np.testing.assert_allclose(y, x, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda f: layers.RandomInvert(f, seed=0), "apply_inversion"),
        (lambda f: layers.RandomErasing(f, seed=0), "apply_erasing"),
        (lambda f: layers.RandomGaussianBlur(f, seed=0), "should_apply_blur"),
        (lambda f: layers.RandomPerspective(f, seed=0), "apply_perspective"),
        (lambda f: layers.RandomElasticTransform(f, seed=0), "apply_transform"),
    ],
)
def test_how_many_images_are_changed(make, key):
    """A number f draws the probability from 0 to f, and so f / 2 of the images change."""
    x = np.zeros((2000, 2, 2, 3), "float32")
    for factor, share in ((1.0, 0.5), (0.4, 0.2), ((0.9, 0.9), 0.9), ((1, 1), 1.0)):
        chosen = np.asarray(make(factor).get_random_transformation(x)[key])
        assert abs(chosen.mean() - share) < 0.04


# --------------------------------------------------------------------------------------------------
# What each of them promises


def test_the_contrast_fills_the_range_of_each_channel():
    x = 0.3 + 0.2 * pictures()
    y = layers.AutoContrast(UNIT)(x).numpy()
    np.testing.assert_allclose(y.min((1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(y.max((1, 2)), 1, atol=1e-6)
    flat = np.full((1, 4, 4, 3), 0.3, "float32")
    np.testing.assert_array_equal(layers.AutoContrast(UNIT)(flat), flat)


def test_equalized_values_are_spread_evenly():
    x = pictures(20) ** 0.4
    y = layers.Equalization(UNIT)(x).numpy()
    assert np.histogram(x, 4, (0, 1))[0].max() > 0.5 * x.size
    share = np.histogram(y, 4, (0, 1))[0] / y.size
    np.testing.assert_allclose(share, 0.25, atol=0.05)


@pytest.mark.parametrize("engine", ENGINES)
def test_equalization_by_tiles_reaches_where_that_of_the_whole_does_not(engine):
    ramp = np.linspace(0, 1, 32, dtype="float32")
    x = np.concatenate([0.1 * ramp, 0.9 + 0.1 * ramp])[None, None, :, None] * np.ones((1, 32, 1, 1))
    with diptych.engine(engine):
        clahe = layers.ContrastLimitedAdaptiveHistogramEqualization
        free = clahe(UNIT, clip_limit=0, tile_grid_size=(1, 2))(x).numpy()[0, 0, :, 0]
        limited = clahe(UNIT, clip_limit=1.0, tile_grid_size=(1, 2))(x).numpy()[0, 0, :, 0]
    assert free[:16].max() > 0.4  # of the dark half
    assert limited[:16].max() < 0.1


def test_solarization_turns_what_is_bright():
    x = np.arange(256, dtype="float32").reshape(1, 16, 16, 1)
    layer = layers.Solarization(threshold_factor=(0.5, 0.5), seed=0)
    threshold = layer.get_random_transformation(x)["thresholds"]
    y = layer.transform_images(x, {"thresholds": threshold, "additions": 0 * threshold}).numpy()
    bright = x >= threshold
    np.testing.assert_array_equal(y, np.where(bright, 255 - x, x))
    np.testing.assert_array_equal(layers.Solarization()(x), 255 - x)


def test_posterization_leaves_so_many_tones():
    x = np.arange(256, dtype="float32").reshape(1, 16, 16, 1)
    for bits in (1, 3, 8):
        y = layers.RandomPosterization((bits, bits))(x).numpy()
        assert len(np.unique(y)) == 2**bits
        assert ((0 <= x - y) & (x - y < 2 ** (8 - bits))).all()
    drawn = layers.RandomPosterization(4, seed=0).get_random_transformation(np.ones((500, 2, 2, 3)))
    assert set(drawn["shift_factor"]) == {7, 6, 5}


def test_grey_images_have_equal_channels():
    x = pictures(400)
    y = layers.RandomGrayscale(0.3, seed=0)(x).numpy()
    grey = (y == y[..., :1]).all((1, 2, 3))
    assert 0.2 < grey.mean() < 0.4
    np.testing.assert_array_equal(y[~grey], x[~grey])
    full = layers.RandomColorDegeneration((1, 1), UNIT)(x).numpy()
    np.testing.assert_allclose(full, np.repeat(full[..., :1], 3, -1), atol=1e-6)


def test_hue_and_saturation_leave_the_value():
    x = pictures()
    for layer in (layers.RandomHue(0.7, UNIT), layers.RandomSaturation((0.2, 0.4), UNIT)):
        y = layer(x).numpy()
        assert np.abs(y - x).max() > 0.1
        np.testing.assert_allclose(y.max(-1), x.max(-1), atol=1e-5)
    turn = layers.RandomHue((1, 1)).get_random_transformation(x)["factor"]
    assert set(np.abs(turn)) == {0.5}
    red = np.array([1, 0, 0], "float32").reshape(1, 1, 1, 3)
    cyan = layers.RandomHue((1, 1), UNIT)(red).numpy().ravel()
    np.testing.assert_allclose(cyan, [0, 1, 1], atol=1e-6)


def test_jitter_is_its_parts_one_after_the_other():
    x = pictures()
    layer = layers.RandomColorJitter(UNIT, 0.2, None, (0.1, 0.4), None, seed=3)
    brightness, saturation = layer.get_random_transformation(x)
    y = layer.random_brightness.transform_images(x, brightness)
    y = layer.random_saturation.transform_images(y, saturation)
    again = layers.RandomColorJitter(UNIT, 0.2, None, (0.1, 0.4), None, seed=3)
    np.testing.assert_array_equal(again(x), y)
    assert layer.random_contrast is layer.random_hue is None


def test_a_smooth_image_varies_less_and_a_sharp_one_more():
    x = pictures()
    inside = (slice(None), slice(1, -1), slice(1, -1))
    plain = x[inside].std()
    assert layers.RandomSharpness((0, 0), UNIT)(x).numpy()[inside].std() < 0.7 * plain
    assert layers.RandomSharpness((1, 1), (-9, 9))(x).numpy()[inside].std() > 1.2 * plain
    blurred = layers.RandomGaussianBlur((1, 1), 5, (1, 1), UNIT)(x).numpy()
    assert blurred[inside].std() < 0.7 * plain


def test_erased_rectangles():
    x = np.ones((50, 20, 30, 3), "float32")
    y = layers.RandomErasing((1, 1), (0.25, 0.25), fill_value=0, seed=0)(x).numpy()
    gone = (y == 0).all(-1)
    assert ((y == 0) == (y == 0).any(-1, keepdims=True)).all()
    for image in gone:  # half as wide and high, up to the rounding of both ends
        rows, columns = image.any(1), image.any(0)
        assert image.sum() == rows.sum() * columns.sum()
        assert abs(rows.sum() - 10) <= 1
        assert abs(columns.sum() - 15) <= 1
    assert len({image.tobytes() for image in gone}) > 30
    colour = layers.RandomErasing(
        (1, 1), (1, 1), fill_value=(1, 2, 3), data_format="channels_first"
    )
    np.testing.assert_array_equal(colour(x.transpose(0, 3, 1, 2))[0, :, 5, 5], [1, 2, 3])
    noise = layers.RandomErasing((1, 1), (1, 1), value_range=(-99, 5), seed=0)(x).numpy()
    assert 4 < noise[noise < 5].std() * 1.5 < 9
    assert noise.max() == 5


def test_mixed_images_are_means_of_two_and_so_are_their_labels():
    x = np.arange(8, dtype="float32").reshape(8, 1, 1, 1) * np.ones((1, 4, 4, 3), "float32")
    labels = np.eye(8, dtype="float32")
    for data_labels in (labels, np.arange(8)):
        y = layers.MixUp(1.0, seed=1)({"images": x, "labels": data_labels})
        mean = y["labels"].numpy() if data_labels.ndim == 1 else y["labels"].numpy() @ np.arange(8)
        np.testing.assert_allclose(y["images"][:, 0, 0, 0], mean, rtol=1e-5, atol=1e-5)
    weights = layers.MixUp(0.2, seed=0).get_random_transformation(np.ones((2000, 1, 1, 1)))
    share = weights["mix_weight"]
    assert abs(share.mean() - 0.5) < 0.04
    assert (np.abs(share - 0.5) > 0.4).mean() > 0.5  # most are nearly one image alone
    assert sorted(weights["permutation_order"]) == list(range(2000))


def test_a_cut_image_has_as_much_of_the_other_as_its_label_says():
    size = 64
    x = np.arange(6, dtype="float32").reshape(6, 1, 1, 1) * np.ones((1, size, size, 3), "float32")
    y = layers.CutMix(seed=2)({"images": x, "labels": np.eye(6), "segmentation_masks": x[..., :1]})
    np.testing.assert_array_equal(y["images"][..., :1], y["segmentation_masks"])
    np.testing.assert_allclose(y["labels"].numpy().sum(1), 1, rtol=1e-5)
    for i, image in enumerate(y["images"].numpy()[..., 0]):
        shares = [(image == j).mean() for j in range(6)]
        np.testing.assert_allclose(y["labels"][i], shares, atol=0.06)
        assert sum(share > 0 for share in shares) <= 2


def test_shear_keeps_the_corner_at_zero_and_moves_the_others():
    x = np.zeros((40, 9, 9, 1), "float32")
    x[:, 0, 0] = 1
    layer = layers.RandomShear((0.2, 0.5), 0.0, fill_mode="constant", seed=0)
    np.testing.assert_array_equal(layer(x)[:, 0, 0], x[:, 0, 0])
    shear = layer.get_random_transformation(x)["shear_factor"]
    assert (shear[:, 1] == 0).all()
    assert ((np.abs(shear[:, 0]) >= 0.2) & (np.abs(shear[:, 0]) <= 0.5)).all()
    assert 5 < (shear[:, 0] > 0).sum() < 35


def test_corners_seen_in_perspective_stay_in_their_bounds():
    x = np.ones((300, 11, 21, 3), "float32")
    drawn = layers.RandomPerspective(1.0, 0.4, seed=0).get_random_transformation(x)
    start, end = drawn["start_points"], drawn["end_points"]
    np.testing.assert_array_equal(start[0], [[0, 0], [20, 0], [0, 10], [20, 10]])
    assert (np.abs(end - start) <= 0.2 * start + 1e-5).all()
    assert np.abs(end - start).max() > 3.5


def test_an_elastic_image_moves_little_where_the_scale_is_small():
    x = pictures()
    moved = [layers.RandomElasticTransform((1, 1), (s, s), seed=1)(x) for s in (0.01, 1.0)]
    change = [np.abs(y.numpy() - x).mean() for y in moved]
    assert 0 < change[0] < 0.2 * change[1]


def test_rand_augment_applies_what_it_chose():
    x = pictures()
    layer = layers.RandAugment(UNIT, 3, 0.4, seed=2)
    drawn = layer.get_random_transformation(x)
    y = x
    for i in drawn["layer_idxes"]:
        name = layer.names[i]
        y = getattr(layer, name).transform_images(y, drawn["transforms"][name])
    np.testing.assert_array_equal(layer.transform_images(x, drawn), y)
    many = layers.RandAugment(UNIT, 3000, seed=0).get_random_transformation(x)["layer_idxes"]
    assert np.bincount(many, minlength=11).min() > 200
    np.testing.assert_array_equal(layers.RandAugment(UNIT, 0)(x), x)


def test_aug_mix_without_the_changes_of_robustness_tests():
    layer = layers.AugMix(UNIT, all_ops=False)
    assert len(layer.names) == 7
    assert not hasattr(layer, "random_brightness")
    drawn = layers.AugMix(UNIT, 4, 30, seed=0).get_random_transformation(pictures())
    assert abs(drawn["chain_mixing_weights"].sum() - 1) < 1e-6
    assert [len(chain) <= 30 for chain in drawn["chain_transforms"]] == [True] * 4
    assert len({link["layer_name"] for link in sum(drawn["chain_transforms"], [])}) == 11


# --------------------------------------------------------------------------------------------------
# Gradients, training, errors


SMOOTH = ["RandomColorDegeneration", "RandomHue", "RandomSaturation", "RandomSharpness"]
SMOOTH += ["RandomGaussianBlur", "RandomShear", "RandomPerspective", "MixUp", "CutMix"]
SMOOTH += ["AutoContrast", "RandomErasing", "RandomInvert"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_agree_with_differences(name, engine):
    x = 0.3 + 0.4 * pictures(2).astype("float64")
    layer = seeded(name, 5, dtype="float64")
    drawn = layer.get_random_transformation(x)
    report = diptych.gradcheck(lambda x: layer.transform_images(x, drawn), x, engine=engine)
    assert report, f"\n{report}"


def test_training_through_a_pipeline_of_changes_learns():
    diptych.utils.set_random_seed(0)
    (x, y), _ = diptych.datasets.digits.load_data()
    x, y = x[:300].reshape(-1, 8, 8, 1), y[:300]
    changes = layers.Pipeline(
        [
            layers.RandomShear(0.1, 0.1, fill_mode="constant"),
            layers.RandomErasing(0.3, value_range=(0, 16)),
            layers.RandomSharpness((0.4, 0.6), (0, 16)),
        ]
    )
    body = [layers.Rescaling(1 / 16), layers.Flatten(), layers.Dense(32, "relu")]
    model = diptych.Sequential(
        [layers.Input((8, 8, 1)), changes, *body, layers.Dense(10, "softmax")]
    )
    model.compile(diptych.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    losses = model.fit(x, y, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: layers.RandomHue(1.5), ValueError, "factor as a number.*from 0 up to 1; got 1.5"),
        (lambda: layers.RandomInvert(-0.1), ValueError, "RandomInvert needs factor"),
        (lambda: layers.RandomSharpness("much"), ValueError, "got 'much'"),
        (lambda: layers.RandomGrayscale(2), ValueError, "factor from 0 up to 1; got 2"),
        (lambda: layers.RandomPosterization(9), ValueError, "from 1 up to 8; got 9"),
        (lambda: layers.RandomShear(-0.1), ValueError, "x_factor.*got -0.1"),
        (lambda: layers.RandomShear(0.1, interpolation="cubic"), NotImplementedError, "'cubic'"),
        (lambda: layers.RandomShear(0.1, fill_mode="mirror"), NotImplementedError, "'mirror'"),
        (lambda: layers.RandomPerspective(scale=2), ValueError, "scale from 0 up to 1; got 2"),
        (lambda: layers.RandomPerspective(interpolation="a"), NotImplementedError, "nearest"),
        (lambda: layers.RandomElasticTransform(fill_mode="a"), NotImplementedError, "mirror"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), ValueError, "odd number.*got 4"),
        (lambda: layers.RandomGaussianBlur(sigma=3), ValueError, "sigma.*got 3"),
        (lambda: layers.RandomErasing(fill_value="noise"), ValueError, "three of them, or None"),
        (lambda: layers.Solarization(threshold_factor=2), ValueError, "threshold_factor.*got 2"),
        (lambda: layers.AutoContrast(255), ValueError, "value_range as two numbers.*got 255"),
        (lambda: layers.AutoContrast(bounding_box_format="xyxy"), ValueError, "out of the scope"),
        (
            lambda: layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=8),
            ValueError,
            "two whole numbers above 0.*got 8",
        ),
        (
            lambda: layers.RandomColorDegeneration(0.1)(layers.Input((4, 4, 1))),
            ValueError,
            "3 channels, and its input has 1",
        ),
        (lambda: layers.RandomHue(0.1)(pictures()[..., :2]), ValueError, "3 channels"),
        (lambda: layers.MixUp()({"labels": pictures()}), ValueError, "a dict with 'images'"),
    ],
)
def test_errors_teach(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_points_move_as_the_pixels_do():
    layer = layers.RandomTranslation(0.5, 0.5)
    x, y = layer.get_transformed_x_y(2.0, 3.0, np.array([1, 0, 4, 0, 1, 5, 0, 0], "float32"))
    assert (ops.convert_to_numpy(x), ops.convert_to_numpy(y)) == (6, 8)
