"""Pooling against an oracle with all its loops written out, and what the layers add to it."""

import itertools

import numpy as np
import pytest

import diptych
from diptych import KerasTensor, Sequential, layers, legacy, ops
from tests import cases

ENGINES = ("reference", "fast")


# ------------------------------------------------------------------------- the oracle


def places(out, window, strides, padding, sizes):
    """(place of the output, positions in the window that are inside, their places in x)."""
    for place in itertools.product(*map(range, out)):
        inside = []
        for k, position in enumerate(itertools.product(*map(range, window))):
            seen = tuple(
                o * s - before + p
                for o, s, (before, _), p in zip(place, strides, padding, position, strict=True)
            )
            if all(0 <= i < size for i, size in zip(seen, sizes, strict=True)):
                inside.append((k, seen))
        yield place, inside


def oracle_max(x, y, dy, options):
    argmax, dx = np.zeros(y.shape, int), np.zeros(x.shape)
    best = np.zeros(y.shape)
    for place, inside in places(y.shape[1:-1], **options, sizes=x.shape[1:-1]):
        for n, c in itertools.product(range(x.shape[0]), range(x.shape[-1])):
            # np.argmax: the first NaN, else the first of the largest.
            winner = np.argmax([x[(n, *seen, c)] for _, seen in inside])
            k, seen = inside[winner]
            best[(n, *place, c)], argmax[(n, *place, c)] = x[(n, *seen, c)], k
            dx[(n, *seen, c)] += dy[(n, *place, c)]
    return best, argmax, dx


def oracle_average(x, y, dy, options):
    mean, dx = np.zeros(y.shape), np.zeros(x.shape)
    for place, inside in places(y.shape[1:-1], **options, sizes=x.shape[1:-1]):
        for _, seen in inside:
            mean[(slice(None), *place)] += x[(slice(None), *seen)] / len(inside)
            dx[(slice(None), *seen)] += dy[(slice(None), *place)] / len(inside)
    return mean, dx


def small(name):
    tried = cases.load("pooling")[name]
    chosen = [case for case in tried if case.arguments()["x"].size <= 1500]
    assert len(chosen) > 15
    return [pytest.param(case, id=case.label) for case in chosen]


@pytest.mark.parametrize("case", small("max_pool_forward"))
@pytest.mark.parametrize("engine", ENGINES)
def test_max_pool_by_counting(case, engine):
    twin = diptych.engine.get(engine).pooling
    arguments = case.arguments()
    x = arguments.pop("x")
    y, cache = twin.max_pool_forward(x, **arguments)
    dy = np.random.default_rng(1).integers(-9, 10, y.shape).astype(np.float64)
    best, argmax, dx = oracle_max(x, y, dy, arguments)
    np.testing.assert_array_equal(y, best)
    np.testing.assert_array_equal(cache[0], argmax)
    np.testing.assert_array_equal(twin.max_pool_backward(dy, cache), dx)


@pytest.mark.parametrize("case", small("average_pool_forward"))
@pytest.mark.parametrize("engine", ENGINES)
def test_average_pool_by_counting(case, engine):
    twin = diptych.engine.get(engine).pooling
    arguments = case.arguments()
    x = arguments.pop("x")
    with np.errstate(invalid="ignore"):  # inf - inf
        y, cache = twin.average_pool_forward(x, **arguments)
        dy = np.random.default_rng(1).normal(size=y.shape)
        mean, dx = oracle_average(x, y, dy, arguments)
    np.testing.assert_allclose(y, mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(twin.average_pool_backward(dy, cache), dx, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("window", "kind"), [((16, 16), np.uint8), ((16, 17), np.int32)])
def test_the_argmax_is_a_byte_as_long_as_one_will_do(engine, window, kind):
    x = np.zeros((1, 16, 17, 1))
    x[0, window[0] - 1, window[1] - 1] = 1
    _, cache = diptych.engine.get(engine).pooling.max_pool_forward(x, window, window, ((0, 0),) * 2)
    assert cache[0].dtype == kind
    assert cache[0].item() == window[0] * window[1] - 1


@pytest.mark.parametrize("engine", ENGINES)
def test_windows_of_nothing_but_padding_are_refused(engine):
    twin = diptych.engine.get(engine).pooling
    x = np.zeros((1, 4, 2))
    for pad in ((2, 0), (0, 4)):
        with pytest.raises(ValueError, match="nothing but padding"):
            twin.max_pool_forward(x, (2,), (1,), (pad,))
    for forward in (twin.max_pool_forward, twin.average_pool_forward):
        with pytest.raises(ValueError, match="nothing but padding"):
            forward(x[:, :0], (3,), (1,), ((1, 2),))
    for window in ((2**17, 2**17), (2**33, 2**33)):  # its positions would be numbers too large
        with pytest.raises(ValueError, match=r"at most 2\*\*31 positions"):
            twin.max_pool_forward(x[:, :, None], window, (1, 1), tuple((n - 1, 0) for n in window))
    with pytest.raises(ValueError, match="the window spans 5 elements, more than the 4"):
        twin.average_pool_forward(x, (5,), (1,), ((0, 0),))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cotangent_or_cache_of_other_shapes_is_refused(engine):
    twin = diptych.engine.get(engine).pooling
    x = np.zeros((2, 4, 3))
    y, cache = twin.max_pool_forward(x, (2,), (2,), ((0, 0),))
    with pytest.raises(ValueError, match="dy needs the shape of y"):
        twin.max_pool_backward(y[:1], cache)
    mean, kept = twin.average_pool_forward(x, (2,), (2,), ((0, 0),))
    with pytest.raises(ValueError, match="dy needs the shape of y"):
        twin.average_pool_backward(mean[:, :1], kept)


def test_the_fast_engine_refuses_an_argmax_of_another_pooling():
    twin = diptych.engine.get("fast").pooling
    argmax = np.zeros((2, 3, 3), np.uint8)
    with pytest.raises(ValueError, match="not one of max_pool_forward"):
        twin.max_pool_backward(np.zeros((2, 3, 3)), (argmax, (2, 4, 3), (2,), (2,), ((0, 0),)))


# ------------------------------------------------------------------------- operations


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("operation", [ops.max_pool, ops.average_pool])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_channels_first_is_the_same_with_its_axes_moved(engine, operation, padding):
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 3)).astype("float32")
    with diptych.engine(engine):
        last = operation(x, (3, 2), 2, padding).numpy()
        first = operation(np.moveaxis(x, -1, 1), (3, 2), 2, padding, data_format="channels_first")
    assert last.shape == ((2, 3, 3, 3) if padding == "valid" else (2, 4, 3, 3))
    np.testing.assert_array_equal(np.moveaxis(first.numpy(), 1, -1), last)


def test_operations_take_symbols_of_unknown_size():
    symbol = KerasTensor((None, None, 9, 4), "float32")
    assert ops.max_pool(symbol, 3, 2).shape == (None, None, 4, 4)
    assert ops.average_pool(symbol, (1, 3), padding="same").shape == (None, None, 3, 4)
    with pytest.raises(ValueError, match=r"max_pool has a window of 2 x 10, .* only \? x 9"):
        ops.max_pool(symbol, (2, 10))


def test_operations_stand_in_functional_models():
    entrance = layers.Input((6, 6, 2))
    model = diptych.Model(entrance, ops.average_pool(ops.max_pool(entrance, 2, 1), 2))
    x = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype("float32")
    expected = ops.average_pool(ops.max_pool(x, 2, 1), 2)
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ops.max_pool(x[0, 0], 2), r"1, 2 or 3 axes .* shape \(4, 3\)"),
        (lambda x: ops.max_pool(x, (2, 2, 2)), "max_pool needs .*`pool_size`.*tuple of 2"),
        (lambda x: ops.max_pool(x, 0), "at least 1 as `pool_size`"),
        (lambda x: ops.average_pool(x, 2, 0), "at least 1 as `strides`"),
        (lambda x: ops.average_pool(x, 2, padding="causal"), "'valid' or 'same'"),
        (lambda x: ops.average_pool(x, 2, data_format="last"), "data_format"),
        (lambda x: ops.max_pool(x, 5), "window of 5 x 5, but its input is only 4 x 4"),
    ],
)
def test_operations_say_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.zeros((2, 4, 4, 3), "float32"))


# ------------------------------------------------------------------------- layers


def test_a_layer_that_is_too_large_is_named_when_the_model_is_built():
    with pytest.raises(
        ValueError, match=r"'late' \(MaxPooling2D\) has a window of 4 x 4, .* only 3 x 3"
    ):
        Sequential(
            [
                layers.Input((6, 6, 1)),
                layers.MaxPooling2D(name="early"),
                layers.MaxPooling2D(4, name="late"),
            ]
        )


def test_a_layer_built_without_sizes_checks_them_when_it_is_called():
    model = Sequential([layers.Input((None, 3)), layers.AveragePooling1D(4, name="a")])
    assert model.output_shape == (None, None, 3)
    assert model(np.zeros((2, 9, 3))).shape == (2, 2, 3)
    with pytest.raises(ValueError, match=r"'a' .*window of 4, but its input is only 3"):
        model(np.zeros((2, 3, 3)))


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.MaxPooling1D(2), (None, None, 5), (None, None, 5)),
        (layers.MaxPooling2D(2, padding="same"), (3, None, 7, None), (3, None, 4, None)),
        (
            layers.AveragePooling2D(2, data_format="channels_first"),
            (None, 5, 9, 4),
            (None, 5, 4, 2),
        ),
        (layers.GlobalMaxPooling2D(), (None, None, None, 6), (None, 6)),
        (layers.GlobalAveragePooling3D("channels_first"), (None, 6, 1, 2, 3), (None, 6)),
        (layers.GlobalMaxPooling1D("channels_first", True), (4, 6, None), (4, 6, 1)),
        (layers.AdaptiveMaxPooling2D((3, 2)), (None, None, None, 6), (None, 3, 2, 6)),
        (layers.AdaptiveAveragePooling1D(4, "channels_first"), (2, 6, None), (2, 6, 4)),
    ],
)
def test_output_shapes_with_unknown_sizes(layer, shape, expected):
    assert layer.compute_output_shape(shape) == expected


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.MaxPooling2D(), (2, 5, 3), r"\(batch, height, width, channels\).* MaxPooling1D"),
        (layers.GlobalMaxPooling1D(), (2, 5, 4, 3), r"\(batch, steps, channels\).* Pooling2D"),
        (layers.AveragePooling3D(data_format="channels_first"), (2, 3), r"channels, depth"),
        (layers.GlobalMaxPooling1D(), (2, 0, 4), "no numbers to pool"),
        (layers.AdaptiveMaxPooling1D(2), (2, 3, 4, 5), "there is AdaptiveMaxPooling2D"),
    ],
)
def test_inputs_of_another_rank_are_explained(layer, shape, message):
    with pytest.raises(ValueError, match=message.replace(" Pooling2D", " GlobalMaxPooling2D")):
        layer(np.zeros(shape, "float32"))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_with_adaptive_pooling_takes_images_of_any_size(engine):
    entrance = layers.Input((None, None, 2))
    ends = [
        layers.AdaptiveAveragePooling2D((3, 2))(entrance),
        layers.AdaptiveMaxPooling2D((3, 2))(entrance),
    ]
    model = diptych.Model(entrance, ends)
    assert model.output_shape == [(None, 3, 2, 2)] * 2
    with diptych.engine(engine):
        for height, width in ((9, 4), (2, 3), (1, 1)):
            x = np.random.default_rng(height).normal(size=(2, height, width, 2)).astype("f4")
            rows = [slice(i * height // 3, -(-(i + 1) * height // 3)) for i in range(3)]
            columns = [slice(i * width // 2, -(-(i + 1) * width // 2)) for i in range(2)]
            for y, reduce in zip(model.predict(x, verbose=0), (np.mean, np.max), strict=True):
                expected = [[reduce(x[:, r, c], axis=(1, 2)) for c in columns] for r in rows]
                np.testing.assert_allclose(y, np.moveaxis(expected, 2, 0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("output_size", "error"),
    [(1.5, TypeError), ((1, 2, 3), TypeError), ("2", TypeError), (0, ValueError)],
)
def test_the_output_size_of_adaptive_pooling(output_size, error):
    with pytest.raises(error, match="AdaptiveMaxPooling2D needs .*output_size.* got"):
        layers.AdaptiveMaxPooling2D(output_size)


@pytest.mark.parametrize(
    ("output_size", "error"),
    [((1, 2, 3, 4), ValueError), ((), ValueError), ((2.5,), TypeError), ("2", TypeError)],
)
def test_the_output_size_of_adaptive_pooling_in_one_dimension(output_size, error):
    with pytest.raises(error, match="AdaptiveAveragePooling1D needs .*output_size.* got"):
        layers.AdaptiveAveragePooling1D(output_size)


@pytest.mark.parametrize("layer", [layers.AdaptiveMaxPooling2D, layers.AdaptiveAveragePooling2D])
def test_adaptive_pooling_of_nothing_is_refused(layer):
    assert layer(2)(np.zeros((0, 5, 4, 3), "float32")).shape == (0, 2, 2, 3)
    with pytest.raises(ValueError, match=r"no numbers to pool.*\(2, 5, 0, 3\)"):
        layer(2)(np.zeros((2, 5, 0, 3), "float32"))


def test_strides_are_the_window_unless_given():
    layer = layers.MaxPooling2D((3, 2))
    assert layer.get_config()["strides"] == (3, 2)
    assert layers.AveragePooling2D(3, strides=1).strides == (1, 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_gradient_goes_to_the_first_maximum(engine):
    x = diptych.Variable(np.zeros((1, 2, 3, 1), "float32"))
    with diptych.engine(engine), diptych.GradientTape() as tape:
        y = ops.sum(layers.GlobalMaxPooling2D()(x))
    np.testing.assert_array_equal(tape.gradient(y, x).ravel(), [1, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_global_average_over_the_steps_that_count(keepdims, data_format):
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    mask = np.array([[True, True, False, False], [True, False, True, True]])
    expected = np.stack([x[0, :2].mean(0), x[1, [0, 2, 3]].mean(0)])
    given, axis = (x, 1) if data_format == "channels_last" else (np.moveaxis(x, 2, 1), 2)
    layer = layers.GlobalAveragePooling1D(data_format, keepdims)
    y = layer(given, mask=mask)
    np.testing.assert_allclose(y, np.expand_dims(expected, axis) if keepdims else expected, 1e-6)
    assert y.mask is None


@pytest.mark.filterwarnings("ignore:Layer .* does not support masking")
def test_a_mask_ends_at_a_pooling_layer():
    x = ops.convert_to_tensor(np.ones((2, 4, 3), "float32"))
    x.mask = np.array([[True, False, True, True]] * 2)
    assert layers.MaxPooling1D()(x).mask is None
    assert layers.GlobalMaxPooling1D()(x).mask is None
    assert layers.GlobalAveragePooling1D()(x).mask is None


def test_the_short_names_are_the_same_layers():
    for rank in "123":
        for short, long in (("Max", "Max"), ("Avg", "Average")):
            assert getattr(layers, f"{short}Pool{rank}D") is getattr(
                layers, f"{long}Pooling{rank}D"
            )
            one = getattr(layers, f"Global{short}Pool{rank}D")
            assert one is getattr(layers, f"Global{long}Pooling{rank}D")
    assert isinstance(
        layers.deserialize({"class_name": "AvgPool2D", "config": {"pool_size": 3}}),
        layers.AveragePooling2D,
    )


def test_old_spellings():
    with legacy.quiet():
        layer = layers.MaxPooling1D(pool_length=3, stride=2, border_mode="same")
        assert (layer.pool_size, layer.strides, layer.padding) == ((3,), (2,), "same")
        image = layers.AveragePooling2D((2, 2), border_mode="valid", dim_ordering="th")
        assert image.data_format == "channels_first"
        assert layers.GlobalMaxPooling2D(dim_ordering="tf").data_format == "channels_last"
    with pytest.raises(TypeError, match="did you mean 'pool_size'"):
        layers.MaxPooling2D(poolsize=2)


def test_a_recorded_step_gives_the_bits_of_an_eager_one(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 9, 8, 3)).astype("float32"), rng.integers(0, 3, 40)

    def train(eager):
        diptych.utils.set_random_seed(3)
        model = Sequential(
            [
                layers.Input((9, 8, 3)),
                layers.MaxPooling2D(2, 1),
                layers.AveragePooling2D(2, padding="same"),
                layers.Dense(6, "tanh"),
                layers.GlobalMaxPooling2D(),
                layers.Dense(3, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        with monkeypatch.context() as patch:
            if eager:
                patch.setattr("diptych.models.steps.may_be_replayed", lambda *given: False)
            model.fit(x, y, batch_size=10, epochs=2, verbose=0)
        assert any(model._replays.values()) is not eager
        return [weight.tobytes() for weight in model.get_weights()]

    assert train(eager=False) == train(eager=True)
