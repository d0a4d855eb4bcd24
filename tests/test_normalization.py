"""Normalisation as people use it: in networks, frozen, fine-tuned, masked, and set up wrongly."""

import numpy as np
import pytest

import diptych
from diptych import layers, ops
from diptych.graph import KerasTensor

ENGINES = ("reference", "fast")
RNG = np.random.default_rng(0)
X = RNG.normal(2.0, 3.0, size=(64, 6)).astype("float32")
Y = (X[:, :2] - X[:, 2:4]).astype("float32")
IMAGES = RNG.normal(1.0, 2.0, size=(24, 8, 8, 3)).astype("float32")
CLASSES = RNG.integers(0, 3, size=24)


def network(normalize=layers.BatchNormalization, **options):
    diptych.utils.set_random_seed(3)
    model = diptych.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8),
            normalize(**options),
            layers.Activation("relu"),
            layers.Dense(2),
        ]
    )
    model.compile("sgd", "mse")
    return model


def convnet():
    diptych.utils.set_random_seed(3)
    model = diptych.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.SpatialDropout2D(0.2, seed=1),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------------- what it computes


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_has_mean_0_and_variance_1_in_training(engine):
    with diptych.engine(engine):
        y = layers.BatchNormalization(epsilon=1e-6)(IMAGES, training=True).numpy()
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.var((0, 1, 2)), 1, atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_moving_averages_follow_the_batches(engine):
    layer = layers.BatchNormalization(momentum=0.75)
    mean, variance = np.zeros(6), np.ones(6)
    with diptych.engine(engine):
        for batch in (X[:16], X[16:40], X[40:]):
            layer(batch, training=True)
            mean = 0.75 * mean + 0.25 * batch.mean(0)
            variance = 0.75 * variance + 0.25 * batch.var(0)
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), variance, rtol=1e-5)
    y = layer(X).numpy()
    np.testing.assert_allclose(y, (X - mean) / np.sqrt(variance + 1e-3), rtol=1e-4, atol=1e-5)


def test_a_call_without_training_changes_nothing():
    layer = layers.BatchNormalization()
    layer(X)
    before = layer.get_weights()
    layer(X, training=False)
    same(layer.get_weights(), before)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_large_mean_costs_no_digits(engine):
    x = (RNG.normal(size=(4096, 3)) + [0.0, 3e3, -3e4]).astype("float32")
    layer = layers.BatchNormalization(momentum=0.0)
    with diptych.engine(engine):
        layer(x, training=True)
    exact = x.astype("float64")
    # E[x^2] - E[x]^2 would not get a single digit right here.
    np.testing.assert_allclose(layer.moving_variance.numpy(), exact.var(0), rtol=1e-3)


def test_the_variance_of_drifting_rows_is_that_of_all_rows():
    """Each chunk is measured from its first rows; here these are far from the rest."""
    x = RNG.normal(size=(5000, 64)).astype("float32")
    x[:2500] += 1e5
    x[:40, 1] = 1e6
    layer = layers.BatchNormalization(momentum=0.0)
    layer(x, training=True)
    exact = x.astype("float64")
    np.testing.assert_allclose(layer.moving_variance.numpy(), exact.var(0), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_mean.numpy(), exact.mean(0), rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_nan_and_infinity_show_in_their_channel_and_nowhere_else(engine):
    x = X.copy()
    x[3, 1], x[4, 2] = np.nan, np.inf
    layer = layers.BatchNormalization(momentum=0.0)
    with diptych.engine(engine), np.errstate(all="ignore"):
        y = layer(x, training=True).numpy()
    assert np.isnan(y[:, 1:3]).all()
    assert np.isfinite(np.delete(y, [1, 2], axis=1)).all()
    assert np.isnan(layer.moving_mean.numpy()[1])
    assert np.isinf(layer.moving_mean.numpy()[2])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.BatchNormalization(),
        lambda: layers.BatchNormalization(axis=1, scale=False),
        lambda: layers.BatchNormalization(renorm=True),
    ],
)
def test_gradients_in_training_agree_with_differences(make, engine):
    """The input's gradient through mean and variance too."""
    x = RNG.normal(size=(5, 3, 2))
    weight = RNG.normal(size=x.shape)
    direction = RNG.normal(size=x.shape)
    layer = make()
    layer.dtype = "float64"
    layer.build(x.shape)
    start = layer.get_weights()

    def loss(x):
        layer.set_weights(start)
        return ops.sum(ops.multiply(layer(x, training=True), weight))

    with diptych.engine(engine):
        variable = diptych.Variable(x)
        with diptych.GradientTape() as tape:
            value = loss(variable)
        analytic = np.sum(tape.gradient(value, variable) * direction)
        up, down = (float(loss(x + sign * 1e-6 * direction)) for sign in (1, -1))
    if layer.renorm:  # r and d count as constants, so differences see another function
        assert np.isfinite(analytic)
    else:
        assert analytic == pytest.approx((up - down) / 2e-6, rel=1e-5)


def test_renormalisation_that_may_correct_nothing_is_plain_normalisation():
    limits = {"rmin": 1.0, "rmax": 1.0, "dmax": 0.0}
    plain, renormed = (
        layers.BatchNormalization(),
        layers.BatchNormalization(renorm=True, renorm_clipping=limits),
    )
    np.testing.assert_allclose(
        renormed(X, training=True).numpy(), plain(X, training=True).numpy(), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_an_empty_batch_leaves_the_averages_alone(engine):
    """Keras's averages are no numbers after it."""
    for renorm in (False, True):
        layer = layers.BatchNormalization(renorm=renorm)
        with diptych.engine(engine):
            layer(X, training=True)
            before = layer.get_weights()
            y = layer(X[:0], training=True, mask=np.ones(X[:0].shape[:-1], bool))
        assert y.shape == X[:0].shape
        same(layer.get_weights(), before)


@pytest.mark.parametrize("axis", [(-1, 1), (1, -1), (2, 1)])
def test_several_axes_and_the_order_of_gamma(axis):
    """As in Keras: gamma has the sizes of the axes in their order, where -1 is the first of all,
    and its numbers in the order of the input's axes.
    """
    x = RNG.normal(size=(2, 3, 4))
    layer = layers.LayerNormalization(axis, epsilon=1e-9)
    plain = layer(x).numpy()
    assert layer.gamma.shape == ((4, 3) if -1 in axis else (3, 4))
    gamma = np.arange(12.0) + 1
    layer.set_weights([gamma.reshape(layer.gamma.shape), np.zeros(layer.gamma.shape)])
    np.testing.assert_allclose(layer(x).numpy(), plain * gamma.reshape(3, 4), rtol=1e-5, atol=1e-5)


def test_group_normalisation_has_its_limits_in_layer_and_instance_normalisation():
    x = RNG.normal(size=(3, 4, 5, 6))
    whole = layers.GroupNormalization(1)(x).numpy()
    np.testing.assert_allclose(
        whole, layers.LayerNormalization([1, 2, 3])(x).numpy(), rtol=1e-4, atol=1e-5
    )
    each = layers.GroupNormalization(-1)(x).numpy()
    np.testing.assert_allclose(
        each, layers.LayerNormalization([1, 2])(x).numpy(), rtol=1e-4, atol=1e-5
    )


def test_unit_normalisation_leaves_zeros_alone_and_their_gradient_finite():
    x = diptych.Variable(np.array([[3.0, 4.0], [0.0, 0.0]], "float32"))
    with diptych.GradientTape() as tape:
        y = layers.UnitNormalization()(x)
        loss = ops.sum(y)
    np.testing.assert_allclose(y.numpy(), [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)
    assert np.isfinite(tape.gradient(loss, x)).all()


def test_spectral_normalisation_brings_the_greatest_singular_value_to_1():
    layer = layers.SpectralNormalization(layers.Dense(5), power_iterations=30)
    layer(X[:2])
    layer.kernel.assign(RNG.normal(size=(6, 5)))
    before = layer.kernel.numpy().copy()
    layer(X, training=False)
    same([layer.kernel.numpy()], [before])
    layer(X, training=True)
    assert np.linalg.norm(layer.kernel.numpy(), 2) == pytest.approx(1, rel=1e-3)
    assert [v.name for v in layer.trainable_variables] == ["kernel", "bias"]


def test_spectral_normalisation_survives_a_kernel_of_zeros():
    layer = layers.SpectralNormalization(layers.Dense(5, kernel_initializer="zeros"))
    assert (layer(X, training=True).numpy() == 0).all()


@pytest.mark.parametrize(
    ("layer", "shape", "alike"),
    [
        (layers.SpatialDropout1D(0.5, seed=0), (20, 7, 9), (1,)),
        (layers.SpatialDropout2D(0.5, seed=0), (20, 4, 5, 9), (1, 2)),
        (layers.SpatialDropout2D(0.5, "channels_first", seed=0), (20, 9, 4, 5), (2, 3)),
        (layers.SpatialDropout3D(0.5, seed=0), (20, 2, 4, 5, 9), (1, 2, 3)),
    ],
)
def test_spatial_dropout_drops_whole_channels(layer, shape, alike):
    x = np.ones(shape, "float32")
    y = layer(x, training=True).numpy()
    assert set(np.unique(y)) == {0, 2}
    assert (y.min(alike) == y.max(alike)).all()
    assert 0.3 < (y == 0).mean() < 0.7
    same([layer(x).numpy()], [x])


# ------------------------------------------------------------------------- masks


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_masked_does_not_count(engine):
    x = RNG.normal(size=(4, 5, 3)).astype("float32")
    mask = RNG.uniform(size=(4, 5)) < 0.6
    padded = x.copy()
    padded[~mask] = np.nan
    layer = layers.BatchNormalization(momentum=0.0)
    with diptych.engine(engine):
        y = layer(padded, training=True, mask=mask).numpy()
        alone = layers.BatchNormalization()(x[mask], training=True).numpy()
    np.testing.assert_allclose(y[mask], alone, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean.numpy(), x[mask].mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance.numpy(), x[mask].var(0), rtol=1e-5)


def test_a_mask_comes_with_the_tensor_and_is_passed_on():
    x = ops.convert_to_tensor(RNG.normal(size=(4, 5, 3)).astype("float32"))
    x.mask = ops.convert_to_tensor(RNG.uniform(size=(4, 5)) < 0.6)
    layer = layers.BatchNormalization(momentum=0.0)
    y = layer(x, training=True)
    counted = x.numpy()[x.mask.numpy()]
    np.testing.assert_allclose(layer.moving_mean.numpy(), counted.mean(0), rtol=1e-5, atol=1e-6)
    for normalize in (layers.LayerNormalization(), layers.UnitNormalization()):
        assert normalize(y).mask is x.mask


def test_a_mask_of_the_wrong_rank_is_refused():
    with pytest.raises(ValueError, match=r"one axis less.*\(4, 5, 3\), the mask \(4,\)"):
        layers.BatchNormalization()(np.ones((4, 5, 3)), training=True, mask=np.ones(4, bool))


@pytest.mark.parametrize("engine", ENGINES)
def test_groups_of_no_channels_are_refused(engine):
    with pytest.raises(ValueError, match="no channels"), diptych.engine(engine):
        layers.GroupNormalization(2)(np.zeros((2, 3, 0), "float32"))


@pytest.mark.parametrize(
    "name",
    [
        "unit_normalization",
        "rms_normalization",
        "layer_normalization",
        "batch_normalization",
        "batch_normalization_training",
    ],
)
def test_the_fast_engine_refuses_a_cache_of_another_call(name):
    twin = diptych.engine.get("fast").normalization
    extra = {
        "rms_normalization": (None,),
        "layer_normalization": (None, None),
        "batch_normalization": (X[0], np.ones_like(X[0]), None, None),
        "batch_normalization_training": (None, None, None),
    }
    y, cache = getattr(twin, f"{name}_forward")(X, *extra.get(name, ()))
    single = np.array(1, "float32")
    dy = (single, *y[1:]) if name == "batch_normalization_training" else single
    with pytest.raises(ValueError, match="the cache is not one of the forward"):
        getattr(twin, f"{name}_backward")(dy, (single, *cache[1:]))
    if name == "layer_normalization":
        x, gamma, has_beta, _, inv = cache
        with pytest.raises(ValueError, match="the cache is not one of the forward"):
            twin.layer_normalization_backward(y, (x, gamma, has_beta, None, inv))


# ------------------------------------------------------------------------- in models


@pytest.mark.parametrize("engine", ENGINES)
def test_single_steps_give_the_bits_of_fit(engine):
    by_fit, by_hand = convnet(), convnet()
    with diptych.engine(engine):
        by_fit.fit(IMAGES, CLASSES, batch_size=8, epochs=2, shuffle=False, verbose=0)
        for _ in range(2):
            for i in range(0, 24, 8):
                by_hand.train_on_batch(IMAGES[i : i + 8], CLASSES[i : i + 8])
    same(by_fit.get_weights(), by_hand.get_weights())


@pytest.mark.parametrize(
    "normalize",
    [
        layers.BatchNormalization,
        layers.LayerNormalization,
        layers.RMSNormalization,
        layers.UnitNormalization,
    ],
)
def test_recorded_steps_give_the_bits_of_eager_ones(normalize, monkeypatch):
    recorded = network(normalize)
    recorded.fit(X, Y, batch_size=16, epochs=3, shuffle=False, verbose=0)
    monkeypatch.setattr("diptych.models.steps.may_be_replayed", lambda *given: False)
    eager = network(normalize)
    eager.fit(X, Y, batch_size=16, epochs=3, shuffle=False, verbose=0)
    same(recorded.get_weights(), eager.get_weights())


def test_gradients_do_not_depend_on_where_arrays_stand_in_memory():
    """They did: a sum was rounded in another way where another array stood near."""
    found = set()
    for size in range(0, 3000, 37):
        model = network(layers.LayerNormalization)
        model.fit(X, Y, batch_size=16, epochs=3, shuffle=False, verbose=0)
        found.add(b"".join(w.tobytes() for w in model.get_weights()))
        np.empty(size, "u1")
    assert len(found) == 1


def test_batch_normalisation_is_recorded_with_its_averages_but_not_with_renorm():
    from diptych.models.replay import may_be_replayed

    assert may_be_replayed(network())
    assert not may_be_replayed(network(renorm=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_averages_move_at_every_step_of_fit(engine):
    model = network(momentum=0.5)
    batch = model.layers[1]
    seen = []

    class Watch(diptych.callbacks.Callback):
        def on_train_batch_end(self, step, logs=None):
            seen.append(batch.moving_mean.numpy().copy())

    with diptych.engine(engine):
        model.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=[Watch()])
    assert len(seen) == 8
    assert all((a != b).any() for a, b in zip(seen[1:], seen, strict=False))


def test_evaluate_and_predict_leave_the_averages_alone():
    model = network()
    model.fit(X, Y, verbose=0)
    before = model.get_weights()
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    model(X)
    same(model.get_weights(), before)


def test_accumulated_gradients_move_the_averages_with_every_batch():
    model = network(momentum=0.5)
    model.compile(diptych.optimizers.SGD(0.1, gradient_accumulation_steps=2), "mse")
    batch, dense = model.layers[1], model.layers[-1]
    kernel, mean = dense.kernel.numpy().copy(), batch.moving_mean.numpy().copy()
    model.train_on_batch(X[:32], Y[:32])
    same([dense.kernel.numpy()], [kernel])
    assert (batch.moving_mean.numpy() != mean).all()
    model.train_on_batch(X[32:], Y[32:])
    assert (dense.kernel.numpy() != kernel).any()


def test_order_of_weights():
    model = network()
    assert [v.name for v in model.layers[1].weights] == [
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
    ]
    assert [v.name for v in model.layers[1].non_trainable_weights] == [
        "moving_mean",
        "moving_variance",
    ]
    assert [w.shape for w in model.get_weights()] == [(6, 8), (8,), *[(8,)] * 4, (8, 2), (2,)]
    copy = network()
    model.fit(X, Y, epochs=2, verbose=0)
    copy.set_weights(model.get_weights())
    same([copy.predict(X, verbose=0)], [model.predict(X, verbose=0)])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_frozen_layer_works_as_in_inference_and_stays_as_it_is(engine):
    model = network()
    model.fit(X, Y, epochs=2, verbose=0)
    batch = model.layers[1]
    batch.trainable = False
    model.compile("sgd", "mse")
    before, kernel = batch.get_weights(), model.layers[0].kernel.numpy().copy()
    with diptych.engine(engine):
        frozen = batch(X[:, [0, 1, 2, 3, 4, 5, 0, 1]], training=True).numpy()
        same([frozen], [batch(X[:, [0, 1, 2, 3, 4, 5, 0, 1]], training=False).numpy()])
        model.fit(X, Y, verbose=0)
    same(batch.get_weights(), before)
    assert (model.layers[0].kernel.numpy() != kernel).any()
    batch.trainable = True
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert all((a != b).any() for a, b in zip(batch.get_weights(), before, strict=True))


def test_fine_tuning_a_new_head_on_a_frozen_base():
    base = convnet()
    base.fit(IMAGES, CLASSES, verbose=0)
    trunk = diptych.Model(base.inputs, base.layers[-2].output)
    trunk.trainable = False
    inputs = layers.Input((8, 8, 3))
    head = diptych.Model(inputs, layers.Dense(2)(trunk(inputs, training=False)))
    head.compile("sgd", "mse")
    before = trunk.get_weights()
    assert len(head.trainable_weights) == 2
    head.fit(IMAGES, RNG.normal(size=(24, 2)), epochs=2, verbose=0)
    same(trunk.get_weights(), before)


def test_training_may_be_fixed_in_the_graph():
    inputs = layers.Input((6,))
    layer = layers.BatchNormalization()
    model = diptych.Model(inputs, layer(inputs, training=False))
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), 0)


def test_a_normalised_convnet_learns_on_both_engines_alike():
    losses = []
    for engine in ENGINES:
        with diptych.engine(engine):
            history = convnet().fit(
                IMAGES, CLASSES, batch_size=8, epochs=3, shuffle=False, verbose=0
            )
        losses.append(history.history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-3)
    assert losses[0][-1] < losses[0][0]


def test_a_model_with_them_survives_its_config():
    model = diptych.Sequential(
        [
            layers.Input((5, 4)),
            layers.BatchNormalization(momentum=0.5, gamma_regularizer="l2"),
            layers.LayerNormalization([1, 2]),
            layers.GroupNormalization(-1),
            layers.SpatialDropout1D(0.3),
            layers.SpectralNormalization(layers.Dense(3), power_iterations=2),
        ]
    )
    twin = diptych.Sequential.from_config(model.get_config())
    assert twin.get_config() == model.get_config()
    twin.set_weights(model.get_weights())
    x = RNG.normal(size=(2, 5, 4))
    same([twin(x).numpy()], [model(x).numpy()])


# ------------------------------------------------------------------------- old words and mistakes


def test_the_words_of_keras_1():
    with pytest.warns(diptych.legacy.LegacySpelling):
        layer = layers.BatchNormalization(
            mode=0, beta_init="ones", gamma_init="zero", input_shape=(4,)
        )
    layer(np.zeros((2, 4)))
    np.testing.assert_array_equal(layer.beta.numpy(), 1)
    np.testing.assert_array_equal(layer.gamma.numpy(), 0)


def test_an_axis_in_a_list_as_older_files_have_it():
    assert layers.BatchNormalization(axis=[3]).axis == 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: layers.BatchNormalization(axis=3)(layers.Input((4, 5))),
            r"along axis 3, and its input has shape \(None, 4, 5\): axes 0 to 2, or -3 to -1",
        ),
        (lambda: layers.BatchNormalization()(layers.Input((None,))), "size of axis -1"),
        (lambda: layers.BatchNormalization(axis=[1, 2]), "LayerNormalization"),
        (lambda: layers.BatchNormalization(axis="last"), "whole number as `axis`"),
        (lambda: layers.BatchNormalization(momentum=2), "0 <= momentum <= 1"),
        (lambda: layers.BatchNormalization(synchronized=True), "several devices"),
        (
            lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"max": 1}),
            "'rmax', 'rmin', 'dmax'",
        ),
        (
            lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"rmin": 2, "rmax": 1}),
            "rmin <= rmax",
        ),
        (lambda: layers.LayerNormalization(axis=[1, 4])(np.ones((2, 3))), "along axis 4"),
        (lambda: layers.LayerNormalization([1, -1])(np.ones((2, 3))), "the same axis twice"),
        (lambda: layers.LayerNormalization(axis=[]), "at least one axis"),
        (lambda: layers.GroupNormalization(0), "-1 for one group per channel"),
        (
            lambda: layers.GroupNormalization(4)(layers.Input((5, 6))),
            r"4 groups do not divide 6 channels.*Divisors are: 1, 2, 3, 6",
        ),
        (lambda: layers.GroupNormalization()(layers.Input((5, 6))), "32 groups do not divide 6"),
        (lambda: layers.GroupNormalization(1, axis=0)(np.ones((2, 3))), "is the batch"),
        (lambda: layers.UnitNormalization(5)(np.ones((2, 3))), "axis 5 does not exist"),
        (lambda: layers.SpectralNormalization(layers.Flatten())(X), "Flatten has neither `kernel`"),
        (lambda: layers.SpectralNormalization("dense"), "needs a layer as `layer`"),
        (lambda: layers.SpectralNormalization(layers.Dense(2), 0), "at least 1"),
        (lambda: layers.SpatialDropout2D(0.5)(np.ones((2, 3, 4))), "4 axes"),
        (lambda: ops.normalize(X, order=0), "whole number of at least 1"),
        (lambda: ops.batch_normalization(X, np.zeros(5), np.ones(5), -1), "mean needs shape"),
        (lambda: ops.moments(X, [0], synchronized=True), "several devices"),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_errors_teach(call, words, engine):
    with diptych.engine(engine), pytest.raises((ValueError, TypeError), match=words):
        call()


def test_a_built_layer_refuses_another_width():
    layer = layers.BatchNormalization(axis=1)
    layer(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match="size 3 along axis 1"):
        layer(np.ones((2, 4, 4)))


@pytest.mark.parametrize("normalize", [layers.LayerNormalization, layers.RMSNormalization])
def test_a_row_is_a_row_at_any_rank(normalize):
    layer = normalize()
    x = RNG.normal(size=(3, 4, 5))
    same([layer(x).numpy()[1]], [layer(x[1]).numpy()])


def test_operations_on_symbolic_tensors():
    x = layers.Input((4, 5))
    for y in (
        ops.layer_normalization(x, axis=[1, 2]),
        ops.rms_normalization(x, axis=1),
        ops.normalize(x),
        ops.batch_normalization(x, np.zeros(5, "f4"), np.ones(5, "f4"), -1),
    ):
        assert isinstance(y, KerasTensor)
        assert y.shape == (None, 4, 5)
        value = RNG.normal(size=(3, 4, 5)).astype("float32")
        assert diptych.Model(x, y)(value).shape == (3, 4, 5)
