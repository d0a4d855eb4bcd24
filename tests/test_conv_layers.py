"""Convolution layers and operations: what they compute, shapes, old spellings, errors, training.

(Gradients, configs and the agreement of the engines are checked by the table of test_layers.py.)
"""

import numpy as np
import pytest

import diptych
from diptych import layers, ops
from diptych.legacy import LegacySpelling, quiet
from diptych.ops import convolution

ENGINES = ("reference", "fast")


@pytest.fixture(params=ENGINES)
def engine(request):
    with diptych.engine(request.param):
        diptych.utils.set_random_seed(1)
        yield request.param


# ----------------------------------------------------------------------------------- computing


def test_a_convolution_computes_what_it_says(engine):
    layer = layers.Conv2D(1, (2, 1), activation="relu", bias_initializer="ones")
    layer.build((None, 3, 2, 1))
    layer.kernel.assign(np.array([1.0, -1.0]).reshape(2, 1, 1, 1))
    x = np.array([[1.0, 2.0], [5.0, 0.0], [6.0, -4.0]]).reshape(1, 3, 2, 1)
    np.testing.assert_array_equal(layer(x).numpy().reshape(2, 2), [[0, 3], [0, 5]])


def test_a_transposed_convolution_paints(engine):
    layer = layers.Conv1DTranspose(1, 3, strides=2, use_bias=False)
    layer.build((None, 3, 1))
    layer.kernel.assign(np.array([1.0, 10.0, 100.0]).reshape(3, 1, 1))
    y = layer(np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1)).numpy()
    np.testing.assert_array_equal(y.ravel(), [1, 10, 102, 20, 203, 30, 300])


def test_a_separable_convolution_is_a_depthwise_one_and_a_pointwise_one(engine):
    rng = np.random.default_rng(0)
    x, deep, point = (rng.normal(size=s) for s in ((2, 5, 6, 3), (2, 3, 3, 2), (1, 1, 6, 4)))
    options = {"strides": 2, "padding": "same"}
    both = ops.separable_conv(x, deep, point, **options).numpy()
    inner = ops.depthwise_conv(x, deep, **options)
    np.testing.assert_allclose(both, (inner.numpy() @ point[0, 0]), rtol=1e-12)
    # channel by channel, a depthwise convolution is an ordinary one
    for c in range(3):
        alone = ops.conv(x[..., c : c + 1], deep[:, :, c : c + 1], **options).numpy()
        np.testing.assert_allclose(inner.numpy()[..., 2 * c : 2 * c + 2], alone, rtol=1e-12)


def test_causal_outputs_do_not_see_later_steps(engine):
    layer = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="tanh")
    x = np.random.default_rng(0).normal(size=(2, 9, 3))
    before = layer(x).numpy()
    x[:, 5:] += 1
    after = layer(x).numpy()
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert (before[:, 5:] != after[:, 5:]).all()
    assert before.shape == (2, 9, 4)


LAST_AND_FIRST = [
    (lambda **f: layers.Conv1D(3, 2, strides=2, padding="same", **f), (7, 4)),
    (lambda **f: layers.Conv2D(3, (2, 3), activation="relu", groups=1, **f), (5, 6, 4)),
    (lambda **f: layers.Conv3D(2, 2, **f), (3, 4, 5, 2)),
    (lambda **f: layers.Conv2DTranspose(3, 3, strides=2, padding="same", **f), (4, 3, 2)),
    (lambda **f: layers.DepthwiseConv2D(3, depth_multiplier=2, **f), (5, 6, 3)),
    (lambda **f: layers.SeparableConv2D(4, 3, padding="same", **f), (5, 6, 3)),
]


@pytest.mark.parametrize(("make", "shape"), LAST_AND_FIRST)
def test_channels_first_is_channels_last_with_its_axes_moved(make, shape, engine):
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    last, first = make(), make(data_format="channels_first")
    expected = np.moveaxis(last(x).numpy(), -1, 1)
    moved = np.moveaxis(x, -1, 1)
    symbolic = first(layers.Input(moved.shape[1:]))
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(first(moved).numpy(), expected, rtol=1e-6, atol=1e-6)
    assert symbolic.shape == (None, *expected.shape[1:])


def test_the_configured_data_format_is_the_default():
    assert layers.Conv2D(2, 3).data_format == "channels_last"
    diptych.config.set_image_data_format("channels_first")
    try:
        assert layers.Conv2D(2, 3).data_format == "channels_first"
        with diptych.engine("reference"):
            y = ops.conv(np.ones((1, 2, 5, 4)), np.ones((3, 3, 2, 7)))
        assert y.shape == (1, 7, 3, 2)
    finally:
        diptych.config.set_image_data_format("channels_last")


def test_groups_are_read_off_the_kernel(engine):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 5, 5, 6)), rng.normal(size=(3, 3, 2, 9))
    parts = [
        ops.conv(x[..., 2 * g : 2 * g + 2], kernel[..., 3 * g : 3 * g + 3]).numpy()
        for g in range(3)
    ]
    np.testing.assert_allclose(ops.conv(x, kernel), np.concatenate(parts, -1), atol=1e-12)


# --------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    ("layer", "given", "expected"),
    [
        (layers.Conv2D(8, 3), (None, None, 28, 1), (None, None, 26, 8)),
        (layers.Conv2D(8, 3, strides=2, padding="same"), (5, None, 7, 1), (5, None, 4, 8)),
        (layers.Conv1D(8, 3, padding="causal", strides=2), (None, None, 4), (None, None, 8)),
        (layers.Conv3D(2, 3), (None, 5, None, 4, 1), (None, 3, None, 2, 2)),
        (
            layers.Conv2D(8, 3, data_format="channels_first"),
            (None, 1, None, 28),
            (None, 8, None, 26),
        ),
        (layers.Conv2DTranspose(8, 3, strides=2), (None, None, 4, 1), (None, None, 9, 8)),
        (layers.Conv1DTranspose(8, 3, strides=4), (None, 4, 1), (None, 16, 8)),
        (
            layers.Conv2DTranspose(8, 3, strides=2, padding="same", output_padding=0),
            (None, 4, None, 1),
            (None, 7, None, 8),
        ),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), (None, None, 7, 5), (None, None, 5, 10)),
        (layers.SeparableConv1D(6, 3), (None, None, 5), (None, None, 6)),
    ],
)
def test_shapes_with_sizes_that_are_not_known(layer, given, expected):
    assert layer.compute_output_shape(given) == expected
    assert layer(layers.Input(batch_shape=given)).shape == expected


def test_operations_on_symbolic_tensors(engine):
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 2, 4)).astype("float32")
    x = layers.Input((None, 6, 2))
    y = ops.conv(x, kernel, padding="same", strides=2)
    z = ops.conv_transpose(y, kernel, strides=2, padding="same")
    w = ops.depthwise_conv(z, kernel)
    s = ops.separable_conv(w, np.ones((2, 2, 8, 1), "float32"), np.ones((1, 1, 8, 3), "float32"))
    assert [t.shape for t in (y, z, w, s)] == [
        (None, None, 3, 4), (None, None, 6, 2), (None, None, 4, 8), (None, None, 3, 3),
    ]  # fmt: skip
    model = diptych.Model(x, [y, z, s])
    outputs = model(rng.normal(size=(3, 8, 6, 2)).astype("float32"))
    assert [t.shape for t in outputs] == [(3, 4, 3, 4), (3, 8, 6, 2), (3, 5, 3, 3)]
    with pytest.raises(ValueError, match="conv has a window of 3 x 3, but its input is only 2 x"):
        ops.conv(layers.Input((2, None, 2)), kernel)


# -------------------------------------------------------------------------------- old spellings


def test_names_that_are_one_class():
    assert layers.Convolution1D is layers.Conv1D
    assert layers.Convolution3D is layers.Conv3D
    assert layers.Convolution2DTranspose is layers.Conv2DTranspose
    assert layers.SeparableConvolution1D is layers.SeparableConv1D
    assert issubclass(layers.Convolution2D, layers.Conv2D)


OLD = [
    (
        lambda: layers.Convolution2D(32, 3, 5, border_mode="same", subsample=(2, 1)),
        {"filters": 32, "kernel_size": (3, 5), "padding": "same", "strides": (2, 1)},
    ),
    (
        lambda: layers.Conv2D(32, 3, 5, border_mode="same", dim_ordering="th"),
        {"kernel_size": (3, 5), "strides": (1, 1), "data_format": "channels_first"},
    ),
    (lambda: layers.Conv2D(32, 3, 3, init="he_normal"), {"kernel_size": (3, 3), "strides": (1, 1)}),
    (
        lambda: layers.Conv2D(nb_filter=8, nb_row=2, nb_col=3, bias=False),
        {"filters": 8, "kernel_size": (2, 3), "use_bias": False},
    ),
    (
        lambda: layers.AtrousConvolution2D(8, 3, 3, atrous_rate=(2, 2)),
        {"kernel_size": (3, 3), "dilation_rate": (2, 2)},
    ),
    (
        lambda: layers.Deconvolution2D(8, 3, 3, subsample=(2, 2), output_shape=(None, 9, 9, 8)),
        {"filters": 8, "kernel_size": (3, 3), "strides": (2, 2)},
    ),
    (
        lambda: layers.SeparableConvolution2D(8, 3, 3, depth_multiplier=2, init="zeros"),
        {"kernel_size": (3, 3), "depth_multiplier": 2},
    ),
    (lambda: layers.SeparableConv2D(8, 3, 5, border_mode="same"), {"kernel_size": (3, 5)}),
    (lambda: layers.DepthwiseConv2D(3, border_mode="same"), {"padding": "same"}),
    (
        lambda: layers.Convolution1D(16, 3, border_mode="valid", subsample_length=2),
        {"filters": 16, "kernel_size": (3,), "strides": (2,)},
    ),
    (
        lambda: layers.Convolution1D(nb_filter=16, filter_length=5, activation="relu"),
        {"filters": 16, "kernel_size": (5,)},
    ),
    (lambda: layers.Conv1D(16, 3, atrous_rate=2), {"dilation_rate": (2,)}),
    (
        lambda: layers.Convolution3D(4, 2, 3, 5, subsample=(1, 2, 1)),
        {"filters": 4, "kernel_size": (2, 3, 5), "strides": (1, 2, 1)},
    ),
    (
        lambda: layers.Conv3D(4, kernel_dim1=2, kernel_dim2=3, kernel_dim3=5),
        {"kernel_size": (2, 3, 5)},
    ),
]


@pytest.mark.parametrize(("make", "expected"), OLD)
def test_old_spellings_become_keras_3_arguments(make, expected):
    with quiet():
        layer = make()
    config = layer.get_config()
    assert {name: config[name] for name in expected} == expected
    diptych.legacy.forget_notes()
    with pytest.warns(LegacySpelling):
        make()


def test_old_initializers_regularizers_and_constraints():
    with quiet():
        layer = layers.Convolution2D(
            2, 3, 3, init="ones", W_regularizer="l2", b_regularizer="l1", W_constraint="non_neg"
        )
        both = layers.SeparableConv2D(2, 3, init="ones", b_constraint="non_neg")
    config = layer.get_config()
    assert config["kernel_initializer"]["class_name"] == "Ones"
    assert config["kernel_regularizer"]["class_name"] == "L2"
    assert config["bias_regularizer"]["class_name"] == "L1"
    assert config["kernel_constraint"]["class_name"] == "NonNeg"
    config = both.get_config()
    assert config["depthwise_initializer"] == config["pointwise_initializer"]
    assert config["pointwise_initializer"]["class_name"] == "Ones"
    assert config["bias_constraint"]["class_name"] == "NonNeg"


def test_three_integers_are_keras_3s_where_nothing_else_is_old():
    assert layers.Conv2D(32, 3, 2).strides == (2, 2)
    assert layers.Conv2DTranspose(32, 1, 2).strides == (2, 2)
    diptych.legacy.forget_notes()
    with pytest.warns(LegacySpelling, match=r"kernel_size=3 and strides=3; the window of 3 by 3"):
        assert layers.Conv2D(32, 3, 3).strides == (3, 3)


def test_positions_of_arguments_in_transposed_convolutions():
    """In three dimensions Keras has data_format before output_padding."""
    flat = layers.Conv2DTranspose(4, 3, 2, "same", 1, "channels_first")
    deep = layers.Conv3DTranspose(4, 3, 2, "same", "channels_first", 1)
    assert (flat.output_padding, flat.data_format) == ((1, 1), "channels_first")
    assert (deep.output_padding, deep.data_format) == ((1, 1, 1), "channels_first")


def test_an_old_first_layer_tells_the_model_its_input(engine):
    with quiet():
        model = diptych.Sequential(
            [
                layers.Convolution2D(4, 3, 3, input_shape=(8, 9, 1), border_mode="same"),
                layers.Conv2D(2, (3, 3), activation="relu"),
                layers.Flatten(),
            ]
        )
    assert model.output_shape == (None, 6 * 7 * 2)


# --------------------------------------------------------------------------------------- errors


def stack():
    return diptych.Sequential(
        [
            layers.Input((9, 12, 3)),
            layers.Conv2D(4, 3, name="first"),
            layers.Conv2D(4, 3, strides=3, name="second"),
            layers.Conv2D(4, 3, name="third"),
        ]
    )


def fed_other_channels():
    layer = layers.Conv2D(4, 3, name="built")
    layer(np.ones((1, 9, 9, 3)))
    layer(np.ones((1, 9, 9, 4)))


def fed_too_little():
    layer = layers.Conv2D(4, 3, name="late")
    layer(layers.Input((None, None, 3)))
    layer(np.ones((1, 2, 8, 3)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: layers.Conv2D(4, 5, name="wide")(layers.Input((3, 28, 1))),
            r"'wide' \(Conv2D\) has a window of 5 x 5, but its input is only 3 x 28: the output "
            r"would have size -1 x 24.*\(None, 3, 28, 1\).*padding='same'",
        ),
        (stack, r"'third' \(Conv2D\) has a window of 3 x 3, but its input is only 2 x 3.* 0 x 1"),
        (
            lambda: layers.Conv1D(4, 3, dilation_rate=4)(layers.Input((8, 1))),
            "window of 3, spread over 9 by the dilation, but its input is only 8",
        ),
        (fed_too_little, r"'late' \(Conv2D\) has a window of 3 x 3, but its input is only 2 x 8"),
        (
            lambda: layers.Conv2D(4, 3, groups=2)(layers.Input((9, 9, 3))),
            r"multiple of groups=2; got 3 channels.*\(None, 9, 9, 3\).*axis -1",
        ),
        (lambda: layers.Conv2D(5, 3, groups=2), "multiple of groups; got filters=5 and groups=2"),
        (lambda: layers.Conv2D(4, 3, groups=0), "positive whole number of `groups`; got 0"),
        (
            lambda: layers.Conv2D(4, 3)(np.ones((2, 28, 28))),
            r"4 axes.*\(2, 28, 28\).*\(batch, height, width, channels\).*x\[\.\.\., N.*x\[None",
        ),
        (
            lambda: layers.Conv2D(4, 3)(layers.Input((28, 28))),
            r"x\[\.\.\., None\].*Input\(shape=\(28, 28, 1\)\)",
        ),
        (
            lambda: layers.Conv2D(4, 3, data_format="channels_first")(layers.Input((28, 28))),
            r"\(batch, channels, height, width\).*x\[:, None\].*Input\(shape=\(1, 28, 28\)\)",
        ),
        (
            lambda: layers.Conv2D(4, 3)(layers.Input((784,))),
            r"Reshape\(\(height, width, channels\)\)",
        ),
        (lambda: layers.Conv2D(4, 3).compute_output_shape((None, 28, 28)), "expects an input of 4"),
        (lambda: layers.Conv2D(4, 3).build((None, 28, 28)), "expects an input of 4 axes"),
        (lambda: layers.Conv1D(4, 3)(layers.Input((9, 9, 3))), r"\(batch, steps, channels\)"),
        (fed_other_channels, r"'built'.*size 3 along axis -1.*\(1, 9, 9, 4\).*data_format"),
        (
            lambda: layers.Conv2D(4, 3)(layers.Input((28, 28, None))),
            r"needs to know the number of input channels.*\(None, 28, 28, None\).*axis -1",
        ),
        (
            lambda: layers.Conv2D(4, 3, strides=2, dilation_rate=2),
            r"strides or a dilation_rate above 1.*strides=\(2, 2\), dilation_rate=\(2, 2\)",
        ),
        (lambda: layers.Conv2DTranspose(4, 3, strides=2, dilation_rate=2), "but not both"),
        (lambda: layers.Conv2D(4, 3, strides=0), "at least 1 as `strides`.*strides=0"),
        (lambda: layers.Conv2D(4, (3, 0)), r"at least 1 as `kernel_size`.*\(3, 0\)"),
        (lambda: layers.Conv2D(4, 3.0), "whole number of at least 1 as `kernel_size`.*3.0"),
        (lambda: layers.Conv2D(4, (3, 3.0)), "whole number of at least 1 as `kernel_size`"),
        (lambda: layers.Conv2D(4, True), "`kernel_size`.*True"),
        (lambda: layers.Conv2D(4, "33"), "`kernel_size`.*'33'"),
        (lambda: layers.Conv2D(4, (3, 3, 3)), "a tuple of 2 of them"),
        (lambda: layers.Conv1D(4, (3, 3)), r"`kernel_size`; got kernel_size=\(3, 3\)"),
        (lambda: layers.Conv2D(0, 3), "positive whole number of `filters`; got 0"),
        (lambda: layers.Conv2D(4.5, 3), "positive whole number of `filters`; got 4.5"),
        (lambda: layers.Conv2D(4, 3, padding="causal"), "'causal'.* the steps of Conv1D"),
        (lambda: layers.Conv2D(4, 3, padding="smae"), "did you mean 'same'"),
        (lambda: layers.Conv2D(4, 3, padding=1), "got padding=1.*ZeroPadding"),
        (lambda: layers.Conv2D(4, 3, data_format="channel_last"), "did you mean 'channels_last'"),
        (lambda: layers.Conv2D(4, 3, stride=2), "no argument 'stride': did you mean 'strides'"),
        (lambda: layers.Conv2D(4, 3, activation="rellu"), "did you mean 'relu'"),
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), "`depth_multiplier`; got 0"),
        (
            lambda: layers.Conv2DTranspose(4, 3, strides=2, output_padding=2),
            r"output_padding below its strides.*\(2, 2\), strides=\(2, 2\)",
        ),
        (
            lambda: layers.Conv2DTranspose(4, 2, padding="same", output_padding=0)(
                layers.Input((1, 1, 3))
            ),
            "output of size 0 x 0 from an input of 1 x 1",
        ),
        (
            lambda: ops.conv(np.ones((1, 9, 9)), np.ones((3, 3, 2, 4))),
            r"inputs of shape \(1, 9, 9\) and a kernel of shape \(3, 3, 2, 4\)",
        ),
        (
            lambda: ops.conv(np.ones((1, 9, 9, 3)), np.ones((3, 3, 2, 4))),
            "3 channels, but kernel expects 2",
        ),
        (
            lambda: ops.conv(np.ones((1, 9, 9, 3)), np.ones((3, 3, 3, 4)), padding="causal"),
            "conv needs padding='valid' or 'same'; got padding='causal'",
        ),
        (
            lambda: ops.conv_transpose(np.ones((1, 9, 3)), np.ones((3, 3, 3)), padding="causal"),
            "conv_transpose needs padding='valid' or 'same'; got padding='causal'",
        ),
        (
            lambda: ops.depthwise_conv(np.ones((1, 2, 9, 3)), np.ones((3, 3, 3, 1))),
            "along axis 1 the window spans 3 elements, more than the 2",
        ),
    ],
)
def test_errors_teach(call, words, engine):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


# ------------------------------------------------------------------------------------- training


def small_network(**options):
    diptych.utils.set_random_seed(4)
    model = diptych.Sequential(
        [
            layers.Input((9, 8, 2)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Conv2D(5, 2, strides=2, padding="same", activation="tanh"),
            layers.SeparableConv2D(6, 2, activation="sigmoid"),
            layers.Conv2DTranspose(3, 2, strides=2),
            layers.DepthwiseConv2D(2, activation="gelu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", **options)
    return model


def small_data(rows=24):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 9, 8, 2)).astype("float32"), rng.integers(0, 3, size=rows)


def test_fit_and_steps_by_hand_give_the_same_bits(engine):
    x, y = small_data()
    fitted, stepped = small_network(), small_network()
    fitted.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    for _ in range(3):
        for start in range(0, 24, 8):
            stepped.train_on_batch(x[start : start + 8], y[start : start + 8])
    for a, b in zip(fitted.get_weights(), stepped.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_network_learns_to_tell_stripes(engine):
    """Horizontal and vertical stripes of any phase: nothing that a dense layer sees at a glance."""
    rng = np.random.default_rng(0)
    wave = np.sin(np.arange(8) * 2.0 + rng.uniform(0, 6, size=(128, 1)))
    y = np.arange(128) % 2
    x = np.where(y[:, None, None] == 1, wave[:, None, :], wave[:, :, None]).repeat(1, axis=1)
    x = np.broadcast_to(x, (128, 8, 8))[..., None] + rng.normal(size=(128, 8, 8, 1)) * 0.1
    model = diptych.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Conv2D(4, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(diptych.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=16, epochs=30, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.95


def test_nobody_asks_for_the_gradient_of_the_images(monkeypatch):
    """The first layer's dx is work for nothing: the steps of fit and a tape leave it out."""
    asked = []
    twin = convolution._conv
    with diptych.engine("reference") as reference:
        backward = reference.convolution.conv_backward

        def spy(dy, cache, need_dx=True):
            asked.append((cache[0].shape, need_dx))
            return backward(dy, cache, need_dx)

        monkeypatch.setattr(reference.convolution, "conv_backward", spy)
        monkeypatch.setattr(twin, "_pairs", {})
        model = diptych.Sequential(
            [layers.Input((6, 5, 2)), layers.Conv2D(3, 2), layers.Conv2D(1, 2), layers.Flatten()]
        )
        model.compile("sgd", "mse")
        x, y = np.ones((8, 6, 5, 2)), np.ones((8, 12))
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
        with diptych.GradientTape() as tape:
            loss = ops.mean(model(x))
        tape.gradient(loss, model.trainable_variables)
    of_first = [need for shape, need in asked if shape[-1] == 2]
    assert len(of_first) == 4 + 1  # the very first step is recorded, and follows its input
    assert not any(of_first[1:])
    assert all(need for shape, need in asked if shape[-1] == 3)


def test_the_engines_agree_on_a_whole_network():
    model = small_network()
    x, y = small_data(6)
    assert diptych.gradcheck(model, x, y)
    report = diptych.compare_engines(model, x, y, repeats=1)
    assert report.max_relative_difference < 1e-4, f"\n{report}"


def test_a_network_comes_back_from_its_config_and_weights(engine):
    model = small_network()
    x, _ = small_data(5)
    twin = diptych.Sequential.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [layer.get_config() for layer in twin.layers] == [
        layer.get_config() for layer in model.layers
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda **how: layers.Conv2D(2, 3, **how),
        layers.GlobalMaxPooling2D,
        layers.UpSampling2D,
        layers.Flatten,
        lambda **how: layers.Resizing(4, 4, **how),
    ],
)
def test_every_layer_reads_data_format_alike(make):
    assert make(data_format="Channels_First").data_format == "channels_first"
    assert make(data_format=None).data_format == "channels_last"
    with pytest.raises(ValueError, match="needs data_format='channels_last' or 'channels_first'"):
        make(data_format="channels")
