"""Every layer of the core families, through one table: shapes, configs, gradients on both engines,
masks, errors.
"""

import warnings

import numpy as np
import pytest

import diptych
from diptych import layers, ops
from diptych.graph import KerasTensor
from diptych.nested import flatten
from tests.layer_table import TABLE
from tests.test_configs import plain

ENGINES = ("reference", "fast")


IDS = [row[0] for row in TABLE]


def draw(rng, shapes, batch=3):
    if isinstance(shapes, list):
        return [rng.normal(size=(batch, *shape)) for shape in shapes]
    return rng.normal(size=(batch, *shapes))


def inputs_for(shapes):
    return (
        [layers.Input(shape) for shape in shapes]
        if isinstance(shapes, list)
        else layers.Input(shapes)
    )


@pytest.mark.parametrize(("label", "make", "shapes"), TABLE, ids=IDS)
@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_agree_with_differences(label, make, shapes, engine):
    report = diptych.gradcheck(make(), draw(np.random.default_rng(3), shapes), engine=engine)
    assert report, f"\n{report}"
    assert report.checks


@pytest.mark.parametrize(("label", "make", "shapes"), TABLE, ids=IDS)
def test_symbolic_shape_is_the_real_one(label, make, shapes):
    layer = make()
    symbolic = layer(inputs_for(shapes))
    x = draw(np.random.default_rng(0), shapes)
    real = layer(x)
    assert symbolic.shape[0] is None
    assert symbolic.shape[1:] == real.shape[1:]
    assert real.dtype == np.float32


@pytest.mark.parametrize(("label", "make", "shapes"), TABLE, ids=IDS)
def test_config_makes_the_same_layer(label, make, shapes):
    layer = make()
    x = draw(np.random.default_rng(0), shapes)
    expected = layer(x, training=False).numpy()
    described = layers.serialize(layer)
    twin = layers.deserialize(described)
    assert plain(twin.get_config()) == plain(layer.get_config())
    twin(x)
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin(x, training=False).numpy(), expected)


@pytest.mark.parametrize(("label", "make", "shapes"), TABLE, ids=IDS)
def test_engines_agree(label, make, shapes):
    layer = make()
    x = draw(np.random.default_rng(1), shapes)
    with diptych.engine("reference"):
        expected = layer(x, training=False).numpy()
    with diptych.engine("fast"):
        given = layer(x, training=False).numpy()
        np.testing.assert_allclose(given, expected, rtol=1e-5, atol=1e-6)


def test_every_layer_stands_in_the_table():
    shown = {type(getattr(layer, "inner", layer)) for layer in (make() for _, make, _ in TABLE)}
    others = {"Layer", "InputSpec", "InputLayer", "Lambda", "Wrapper"}
    # Cells take states beside the input: test_recurrent.py.
    others |= {"SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells"}
    others |= {"Embedding", "ReversibleEmbedding"}  # read whole numbers: test_embedding.py
    classes = {c for name in layers.__all__ if isinstance(c := getattr(layers, name), type)}
    # What prepares data has no gradient and often takes texts: see test_preprocessing_layers.py.
    prepare = {c for c in classes if ".preprocessing" in c.__module__}
    # What changes images is drawn at random: test_images.py, test_image_changes.py.
    prepare |= {c for c in classes - shown if ".layers.image." in c.__module__}
    assert {c.__name__ for c in classes - shown - prepare} == others


def test_dense_computes_what_it_says():
    dense = layers.Dense(2, activation="relu")
    x = np.array([[1.0, -2.0, 3.0]], "float32")
    dense.build((None, 3))
    kernel = np.array([[1, 0], [0, 1], [1, -1]], "float32")
    dense.set_weights([kernel, np.array([0.5, -0.5], "float32")])
    np.testing.assert_array_equal(dense(x).numpy(), [[4.5, 0.0]])


def test_dropout_scales_what_it_keeps_and_sleeps_outside_training():
    x = np.ones((200, 50), "float32")
    dropout = layers.Dropout(0.25, seed=1)
    np.testing.assert_array_equal(dropout(x).numpy(), x)
    dropped = dropout(x, training=True).numpy()
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(dropped.mean() - 1) < 0.02
    assert not np.array_equal(dropped, dropout(x, training=True).numpy())
    again = layers.Dropout(0.25, seed=1)
    np.testing.assert_array_equal(again(x, training=True).numpy(), dropped)


def test_dropout_is_the_same_on_both_engines():
    x = np.ones((20, 5), "float32")
    drawn = []
    for engine in ENGINES:
        diptych.utils.set_random_seed(7)
        with diptych.engine(engine):
            drawn.append(layers.Dropout(0.5)(x, training=True).numpy())
    np.testing.assert_array_equal(*drawn)


def test_dropout_noise_shape_shares_the_mask():
    dropped = layers.Dropout(0.5, noise_shape=(None, 1, 8), seed=0)(
        np.ones((4, 6, 8)), training=True
    ).numpy()
    assert (dropped == dropped[:, :1]).all()


@pytest.mark.parametrize("rate", [-0.1, 1.5, "half"])
def test_dropout_refuses_a_rate_that_is_no_probability(rate):
    with pytest.raises(ValueError, match="0 <= rate <= 1"):
        layers.Dropout(rate)


def test_noise_layers_keep_mean_and_variance():
    x = np.random.default_rng(0).normal(size=(500, 100)).astype("float32")
    noisy = layers.GaussianNoise(0.5, seed=0)(x, training=True).numpy()
    assert abs((noisy - x).std() - 0.5) < 0.01
    dropped = layers.GaussianDropout(0.5, seed=0)(np.ones_like(x), training=True).numpy()
    assert abs(dropped.mean() - 1) < 0.02
    assert abs(dropped.std() - 1) < 0.02
    alpha = layers.AlphaDropout(0.3, seed=0)(x, training=True).numpy()
    assert abs(alpha.mean()) < 0.05
    assert abs(alpha.std() - 1) < 0.05


def test_lambda_of_numpy_functions_is_differentiated():
    layer = layers.Lambda(lambda x: np.sqrt(np.square(x) + 1.0) * np.exp(-x))
    assert diptych.gradcheck(layer, np.random.default_rng(0).normal(size=(3, 2)))
    symbolic = layers.Lambda(lambda x: ops.concatenate([x, x]), output_shape=(8,))(
        layers.Input((4,))
    )
    assert symbolic.shape == (None, 8)


def test_activity_penalty_is_divided_by_the_batch():
    layer = layers.ActivityRegularization(l1=0.5)
    layer(np.full((4, 3), -2.0))
    assert float(layer.losses[0]) == pytest.approx(0.5 * 24 / 4)


def test_trainable_switches_weights_and_not_states():
    class Counting(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)
            self.seen = self.add_weight(name="seen", initializer="zeros", trainable=False)

        def call(self, x):
            self.seen.assign_add(1.0)
            return self.inner(x)

    layer = Counting()
    layer(np.ones((2, 3)))
    assert [v.name for v in layer.trainable_variables] == ["kernel", "bias"]
    assert [v.name for v in layer.non_trainable_variables] == ["seen"]
    layer.trainable = False
    assert layer.trainable_variables == []
    layer.trainable = True
    assert [v.name for v in layer.trainable_variables] == ["kernel", "bias"]
    layer.inner.kernel.trainable = False
    assert [v.name for v in layer.trainable_variables] == ["bias"]


def test_set_weights_changes_nothing_where_one_does_not_fit():
    dense = layers.Dense(2)
    dense.build((None, 3))
    before = dense.get_weights()
    with pytest.raises(ValueError, match=r"shape \(2,\).*shape \(3,\)"):
        dense.set_weights([np.zeros((3, 2)), np.zeros(3)])
    with pytest.raises(ValueError, match="2 weights, but set_weights got 1"):
        dense.set_weights([np.zeros((3, 2))])
    for a, b in zip(before, dense.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: layers.Dense(3)(np.ones(4)), "at least 2 axes.*x\\[None\\]"),
        (lambda: layers.Dense(0), "positive whole number of `units`; got 0"),
        (lambda: layers.Dense(3.5), "positive whole number"),
        (lambda: layers.Dense(3, activation="rellu"), "rellu.*did you mean 'relu'"),
        (lambda: layers.Dense(3)(layers.Input((None,))), r"shape \(None, 3\)"),
        (lambda: layers.Add()(np.ones((2, 3))), "merges a list"),
        (lambda: layers.Add()([layers.Input((3,)), layers.Input((4,))]), "inputs of one shape"),
        (
            lambda: layers.Concatenate()([layers.Input((2, 3)), layers.Input((3, 3))]),
            "differ only along axis -1",
        ),
        (
            lambda: layers.Dot(axes=1)([layers.Input((3,)), layers.Input((4,))]),
            "equal sizes along axes",
        ),
        (
            lambda: layers.Reshape((5,))(layers.Input((4,))),
            r"4 entries, of shape \(4,\), the shape \(5,\)",
        ),
        (lambda: layers.Permute((1, 3)), "each of the axes 1..2 once"),
        (
            lambda: layers.Cropping2D((2, 3), name="cut")(layers.Input((9, 6, 1))),
            r"'cut' \(Cropping2D\) crops 3 \+ 3 of the columns, but its input has only 6",
        ),
        (lambda: layers.Cropping1D(2)(np.ones((1, 4, 2))), "2 \\+ 2 of the steps.*has only 4"),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), r"a number, 2 numbers, or .*got \(1, 2, 3\)"),
        (lambda: layers.ZeroPadding1D(-1), "all at least 0; got -1"),
        (lambda: layers.ZeroPadding2D()(np.ones((3, 4, 2))), "4 axes.*batch, rows and columns, ch"),
        (lambda: layers.ZeroPadding2D(1, "first"), "'channels_first'.*got 'first'"),
        (lambda: layers.UpSampling1D(0), "size as a positive whole number; got 0"),
        (lambda: layers.UpSampling2D((2, 2.5)), r"or 2 of them; got \(2, 2.5\)"),
        (lambda: layers.UpSampling2D(interpolation="cubic"), "bicubic.*got 'cubic'"),
        (lambda: layers.Input(), "`shape` or `batch_shape`"),
        (lambda: layers.PReLU()(np.ones((2, 0))).foo, "foo"),
    ],
)
def test_errors_teach(call, words):
    with pytest.raises((ValueError, AttributeError), match=words):
        call()


def test_a_built_dense_refuses_another_width():
    dense = layers.Dense(3, name="hidden")
    dense(np.ones((2, 4)))
    with pytest.raises(
        ValueError, match="'hidden' \\(Dense\\) expects size 4 along axis -1.*\\(2, 5\\)"
    ):
        dense(np.ones((2, 5)))


def test_forgotten_super_init_says_so():
    class Forgetful(layers.Layer):
        def __init__(self):
            self.inner = layers.Dense(2)

    with pytest.raises(RuntimeError, match="super\\(\\).__init__\\(\\)"):
        Forgetful()


def test_build_may_ask_for_several_shapes_by_name():
    class Pair(layers.Layer):
        def build(self, query_shape, value_shape):
            self.shapes = [tuple(query_shape), tuple(value_shape)]

        def call(self, query, value):
            return query

    pair = Pair()
    pair(np.ones((2, 3)), np.ones((2, 5)))
    assert pair.shapes == [(2, 3), (2, 5)]


def test_operators_and_ops_make_nodes_of_a_graph():
    a, b = layers.Input((3,)), layers.Input((3,))
    y = ops.exp(a) * 2.0 + b
    assert isinstance(y, KerasTensor)
    assert y.shape == (None, 3)
    model = diptych.Model([a, b], y)
    x = np.array([[0.0, 1.0, 2.0]], "float32")
    np.testing.assert_allclose(model([x, x]).numpy(), np.exp(x) * 2 + x, rtol=1e-6)
    assert len(flatten(model.inputs)) == 2


def test_a_layer_called_on_none_or_on_a_dict_says_so():
    class Forgetful(layers.Layer):
        def call(self, inputs):
            ops.add(inputs, 1)

    x = np.ones((2, 3), "float32")
    for layer in (layers.Dense(2), layers.Embedding(3, 2), layers.GRU(2), diptych.Sequential()):
        with pytest.raises(ValueError, match=f"'{layer.name}'.*called on None.*returns its result"):
            layer(Forgetful()(x))
    for layer in (layers.Dense(2), layers.Conv1D(2, 2), layers.GRU(2)):
        with pytest.raises(ValueError, match=rf"'{layer.name}'.*a dict of \['a'\].*inputs\['a'\]"):
            layer({"a": x})


@pytest.mark.parametrize(
    "merge", [layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum]
)
def test_one_tensor_is_merged_into_itself(merge):
    x = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    np.testing.assert_array_equal(merge()([x]), x)
    assert merge()([layers.Input((3,))]).shape == (None, 3)
    with pytest.raises(ValueError, match="at least 1 tensor"):
        merge()([])


@pytest.mark.parametrize(
    ("axes", "error", "words"),
    [
        (3, IndexError, "they are 1 to 1, or -1 to -1"),
        ((1, -9), IndexError, "they are 1 to 1"),
        (0, ValueError, "axis 0 is the batch"),
        ((1, -2), ValueError, "axis 0 is the batch"),
    ],
)
def test_the_axes_of_dot(axes, error, words):
    x = np.ones((3, 3), "float32")
    with pytest.raises(error, match=words):
        layers.Dot(axes)([x, x])
    with pytest.raises(error, match=words):
        layers.Dot(axes)([layers.Input((3,)), layers.Input((3,))])


@pytest.mark.parametrize(
    "make",
    [
        layers.Add,
        layers.Subtract,
        layers.Multiply,
        layers.Average,
        layers.Maximum,
        layers.Minimum,
        layers.Concatenate,
        lambda: layers.Dot(1),
    ],
)
def test_shapes_that_cannot_be_merged_raise_at_every_call(make):
    layer, x = make(), np.ones((2, 3), "float32")
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"'{layer.name}'.*\(2, 3\).*\(4, 3\)"):
            layer([x, np.ones((4, 3), "float32")])
        with pytest.raises(ValueError, match=f"'{layer.name}'.*one of them is None"):
            layer([x, None])
        layer([x, x])  # builds it


def test_a_list_of_numbers_is_an_array():
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    x = np.array(rows, "float32")
    for layer in (layers.Dense(2), layers.LayerNormalization(), layers.Flatten()):
        np.testing.assert_array_equal(layer(rows), layer(x))
    np.testing.assert_array_equal(diptych.Sequential([layers.ReLU()])(rows), x)
    for single in (3.0, 2, "abc"):
        with pytest.raises(ValueError, match=f"'flatten.*single value {single!r};.*first axis"):
            layers.Flatten()(single)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["U", "S", object, "datetime64[s]"])
def test_texts_dates_and_objects_are_no_numbers(dtype, engine):
    """NumPy would read them as numbers."""
    x = np.ones((2, 3), int).astype(dtype)
    for layer in (
        layers.Dense(2),
        layers.LayerNormalization(),
        layers.Activation("relu"),
        diptych.Sequential([layers.Input((3,)), layers.Flatten()]),
    ):
        with diptych.engine(engine), pytest.raises(TypeError, match=r"Expected numbers.*such as"):
            layer(x)
    with pytest.raises(TypeError, match="Expected numbers"):
        ops.add(np.ones(3, "float32"), x)
    with pytest.raises(TypeError, match="Expected numbers"):
        ops.cast(x, "int32")


# ------------------------------------------------------------------------- masks


def test_a_layer_of_ones_own_sees_the_mask_at_its_first_call_too():
    """Symbolically, where it is tried on zeros to learn its output, as in Keras."""
    seen = []

    class Own(layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, inputs, mask=None):
            seen.append(mask)
            return ops.multiply(inputs, ops.expand_dims(ops.cast(mask, "float32"), -1))

    embed, own = layers.Embedding(5, 4, mask_zero=True), Own()
    tokens = np.array([[1, 2, 0], [3, 0, 0]])
    inputs = layers.Input((3,), dtype="int32")
    model = diptych.Model(inputs, own(embed(inputs)))
    assert all(mask.shape[1:] == (3,) and mask.dtype == bool for mask in seen)
    np.testing.assert_array_equal(model(tokens)[1, 1:], np.zeros((2, 4)))


@pytest.mark.parametrize(
    "nonsense", ["text", object(), b"x", ["a"], [[True], [True, False]], np.array(["a"])]
)
def test_what_is_no_mask_is_refused(nonsense):
    x, symbolic = np.ones((2, 3, 4), "float32"), layers.Input((3, 4))
    for layer in (
        layers.LSTM(2),
        layers.Bidirectional(layers.GRU(2)),
        layers.TimeDistributed(layers.Dense(2)),
        layers.GlobalAveragePooling1D(),
        layers.BatchNormalization(),
        layers.Softmax(),
        diptych.Sequential([layers.LSTM(2)]),
    ):
        for inputs in (x, symbolic):
            with pytest.raises(
                TypeError, match=f"'{layer.name}'.*mask=.*array of True .*and False"
            ):
                layer(inputs, mask=nonsense)
    with pytest.raises(TypeError, match="mask="):
        layers.Softmax()(x, nonsense)
    with pytest.raises(TypeError, match="query_mask="):
        layers.MultiHeadAttention(1, 2)(x, x, query_mask=nonsense)


@pytest.mark.parametrize(
    ("make", "warned"),
    [
        (lambda: layers.Flatten(), True),
        (lambda: layers.Reshape((12,)), True),
        (lambda: layers.Conv1D(2, 2), True),
        (lambda: layers.RMSNormalization(), True),  # in Keras too
        (lambda: layers.Lambda(lambda x: 2 * x), True),
        (lambda: layers.Dense(2), False),
        (lambda: layers.BatchNormalization(), False),
        (lambda: layers.GlobalAveragePooling1D(), False),  # where the mask does its work and ends
        (lambda: layers.LSTM(2), False),
        (lambda: lambda x: layers.MultiHeadAttention(2, 2)(x, x), False),
        (lambda: diptych.Sequential([layers.Dense(2)]), False),
    ],
)
def test_who_loses_a_mask_says_so(make, warned):
    tokens = np.array([[1, 2, 0], [3, 0, 0]])
    embed, layer = layers.Embedding(5, 4, mask_zero=True), make()
    for x in (tokens, layers.Input((3,), dtype="int32")):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            y = layer(embed(x))
        texts = [str(warning.message) for warning in found]
        assert len(texts) == warned
        assert all(layer.name in text and "does not support masking" in text for text in texts)
        assert not warned or y.mask is None
