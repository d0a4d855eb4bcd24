"""The layers of attention and EinsumDense: masks, dropout, what is recorded, and what they refuse.

Against Keras they are held in test_golden.py, against finite differences in test_layers.py.
"""

import json

import numpy as np
import pytest

import diptych
from diptych import layers, ops

ENGINES = ("reference", "fast")
RNG = np.random.default_rng(3)
X = RNG.normal(size=(3, 4, 5)).astype("f4")
Y = RNG.normal(size=(3, 6, 5)).astype("f4")
STEPS = RNG.random((3, 6)) < 0.6
STEPS[:, 0] = True


@pytest.fixture(params=ENGINES)
def engine(request):
    with diptych.engine(request.param):
        yield request.param


def with_mask(x, mask):
    tensor = ops.convert_to_tensor(x)
    tensor.mask = ops.convert_to_tensor(mask)
    return tensor


def same(given, expected, **tolerance):
    np.testing.assert_allclose(
        np.asarray(given), np.asarray(expected), **{"rtol": 1e-5, "atol": 1e-6, **tolerance}
    )


# ------------------------------------------------------------------------------------- weights


def test_weights_have_the_names_order_and_shapes_of_keras():
    layer = layers.MultiHeadAttention(2, 3, 4, output_shape=7, use_gate=True, name="heads")
    layer(X, Y)
    assert [(w.path, w.shape) for w in layer.weights] == [
        ("heads/query/kernel", (5, 2, 3)),
        ("heads/query/bias", (2, 3)),
        ("heads/key/kernel", (5, 2, 3)),
        ("heads/key/bias", (2, 3)),
        ("heads/gate/kernel", (5, 2, 4)),
        ("heads/gate/bias", (2, 4)),
        ("heads/value/kernel", (5, 2, 4)),
        ("heads/value/bias", (2, 4)),
        ("heads/attention_output/kernel", (2, 4, 7)),
        ("heads/attention_output/bias", (7,)),
    ]
    layer = layers.GroupQueryAttention(3, 4, 2, use_bias=False)
    layer(X, Y)
    assert [w.shape for w in layer.weights] == [(5, 4, 3), (5, 2, 3), (5, 2, 3), (4, 3, 5)]
    layer = layers.AdditiveAttention()
    layer([X, Y])
    assert [(w.name, w.shape) for w in layer.weights] == [("scale", (5,))]


def test_each_projection_begins_with_values_of_its_own():
    diptych.utils.set_random_seed(0)
    layer = layers.MultiHeadAttention(2, 3)
    layer(X, X)
    query, key = layer.query_dense.kernel.numpy(), layer.key_dense.kernel.numpy()
    assert not np.array_equal(query, key)
    # Glorot: 5 inputs, 6 outputs.
    assert 0.5 * np.sqrt(6 / 11) < np.abs(query).max() <= np.sqrt(6 / 11)


# ----------------------------------------------------------------------------------- what it does


@pytest.mark.parametrize("options", [{}, {"return_attention_scores": True}])
def test_a_causal_mask_is_a_triangle(options, engine):
    for layer in (layers.MultiHeadAttention(2, 3), layers.GroupQueryAttention(3, 4, 2)):
        causal = layer(X, Y, use_causal_mask=True, **options)
        masked = layer(X, Y, attention_mask=np.tri(4, 6, dtype=bool), **options)
        for given, expected in zip(
            diptych.nested.flatten(causal), diptych.nested.flatten(masked), strict=True
        ):
            same(given, expected)


def test_masks_come_with_their_inputs(engine):
    layer = layers.MultiHeadAttention(2, 3)
    query_mask = STEPS[:, :4]
    expected = layer(X, Y, query_mask=query_mask, value_mask=STEPS)
    given = layer(with_mask(X, query_mask), with_mask(Y, STEPS))
    same(given, expected)
    by_name = layer(value=with_mask(Y, STEPS), query=with_mask(X, query_mask))
    same(by_name, expected)
    pairs = layer(X, Y, attention_mask=query_mask[:, :, None] & STEPS[:, None])
    same(pairs, expected)
    for output in (given, by_name):
        np.testing.assert_array_equal(output.mask, query_mask)
    counting = query_mask[..., None]
    changed = np.where(STEPS[..., None], Y, 100).astype("f4")
    same(layer(X, with_mask(changed, STEPS)) * counting, expected * counting)
    # A key has a mask of its own; a mask given with the call comes before that of the input.
    key = with_mask(Y, STEPS)
    same(layer(X, Y, key), layer(X, Y, Y, key_mask=STEPS))
    everywhere = np.ones_like(STEPS)
    same(layer(X, Y, key, key_mask=everywhere), layer(X, Y))


def test_a_mask_survives_the_cast_to_another_float_type(engine):
    layer = layers.MultiHeadAttention(2, 3, dtype="float64")
    same(layer(X, with_mask(Y, STEPS)), layer(X, Y, value_mask=STEPS))
    output = layers.Dense(2, dtype="float64")(with_mask(Y, STEPS))
    np.testing.assert_array_equal(output.mask, STEPS)


def test_the_mask_goes_on_with_the_first_output_alone(engine):
    x = with_mask(X, STEPS[:, :4])
    for layer in (layers.MultiHeadAttention(2, 3), layers.GroupQueryAttention(3, 4, 2)):
        output, scores = layer(x, x, return_attention_scores=True)
        np.testing.assert_array_equal(output.mask, STEPS[:, :4])
        assert scores.mask is None
    output, scores = layers.Attention()([x, Y], return_attention_scores=True)
    np.testing.assert_array_equal(output.mask, STEPS[:, :4])
    assert scores.mask is None
    np.testing.assert_array_equal(output.numpy()[~STEPS[:, :4]], 0)


def test_a_query_without_keys(engine):
    """All keys alike, and none where the scores are at hand, as in Keras."""
    allowed = np.ones((3, 4, 6), bool)
    allowed[1, 2] = False
    layer = layers.MultiHeadAttention(2, 3)
    alike = layer(X, Y, attention_mask=allowed)
    output, scores = layer(X, Y, attention_mask=allowed, return_attention_scores=True)
    np.testing.assert_array_equal(scores.numpy()[1, :, 2], 0)
    same(output.numpy()[1, 2], layer.output_dense.bias)
    projected = ops.einsum("nsd,dhe->nhe", Y, layer.value_dense.kernel).numpy() / 6
    same(alike.numpy()[1, 2], np.einsum("he,hed->d", projected[1], layer.output_dense.kernel))
    others = np.ones((3, 4), bool)
    others[1, 2] = False
    same(output.numpy()[others], alike.numpy()[others])


def test_attention_over_an_axis_goes_row_by_row(engine):
    x = RNG.normal(size=(2, 3, 4, 5)).astype("f4")
    mask = RNG.random((2, 3, 4)) < 0.7
    mask[..., 0] = True
    layer = layers.MultiHeadAttention(2, 3, attention_axes=2, sliding_window=3)
    single = layers.MultiHeadAttention(2, 3, sliding_window=3)
    single.build((None, 4, 5), (None, 4, 5))
    options = {"return_attention_scores": True, "use_causal_mask": True}
    y, scores = layer(with_mask(x, mask), with_mask(x, mask), **options)
    single.set_weights(layer.get_weights())
    assert scores.shape == (2, 3, 2, 4, 4)
    for i in range(3):
        row = with_mask(x[:, i], mask[:, i])
        expected, its_scores = single(row, row, **options)
        same(y.numpy()[:, i], expected)
        same(scores.numpy()[:, i], its_scores)


def test_dropout_of_scores(engine):
    heads = layers.MultiHeadAttention(2, 3, dropout=0.5, seed=1)
    asleep, scores = heads(X, Y, return_attention_scores=True)
    awake, before = heads(X, Y, return_attention_scores=True, training=True)
    same(before, scores)  # the scores are those before the dropout
    assert not np.allclose(awake, asleep)
    diptych.utils.set_random_seed(4)
    layer = layers.Attention(dropout=0.5, seed=2)
    asleep, scores = layer([X, Y], return_attention_scores=True)
    awake, after = layer([X, Y], return_attention_scores=True, training=True)
    after = after.numpy()
    dropped = after == 0  # and here those after it
    assert 0.2 < dropped.mean() < 0.8
    same(after[~dropped], 2 * scores.numpy()[~dropped])
    same(awake, after @ Y)
    concat = layers.Attention(score_mode="concat", dropout=0.5, seed=2)
    awake, after = concat([X, Y], return_attention_scores=True, training=True)
    np.testing.assert_array_equal(after.numpy() == 0, dropped)
    same(awake, after.numpy() @ Y)
    nothing = layers.Attention(dropout=1.0)([X, Y], training=True)
    np.testing.assert_array_equal(nothing, np.zeros_like(nothing))


def test_dropout_is_the_same_on_both_engines():
    found = []
    for name in ENGINES:
        diptych.utils.set_random_seed(7)
        with diptych.engine(name):
            layer = layers.GroupQueryAttention(3, 4, 2, dropout=0.4)
            found.append(layer(X, Y, training=True))
    same(*found)


def test_a_dropped_and_masked_step_has_the_right_gradient(engine):
    allowed = np.random.default_rng(0).random((3, 4, 6)) < 0.6
    allowed[0, 1] = False
    for make in (
        lambda: layers.MultiHeadAttention(2, 3, dropout=0.4, seed=3),
        lambda: layers.GroupQueryAttention(3, 4, 2, dropout=0.4, seed=3),
    ):
        layer = make()
        layer(X, Y)

        class Again(layers.Layer):
            """Draws the same each time."""

            def __init__(self, inner):
                super().__init__()
                self.inner = inner

            def call(self, inputs):
                self.inner.seed_generator.reset()
                return self.inner(
                    *inputs, attention_mask=allowed, training=True, return_attention_scores=True
                )

        report = diptych.gradcheck(Again(layer), [X, Y], engine=engine)
        assert report, f"\n{report}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_symbolic_outputs_are_those_to_come(dtype, engine):
    cases = [
        (layers.MultiHeadAttention(2, 3, output_shape=(2, 7), dtype=dtype), (4, 5), (6, 5)),
        (layers.MultiHeadAttention(2, 3, attention_axes=1, dtype=dtype), (4, 2, 5), (6, 2, 5)),
        (layers.GroupQueryAttention(3, 4, 2, dtype=dtype), (4, 5), (6, 5)),
    ]
    for layer, query, value in cases:
        inputs = [diptych.Input(query), diptych.Input(value)]
        symbols = layer(*inputs, return_attention_scores=True)
        model = diptych.Model(inputs, list(symbols))
        rng = np.random.default_rng(0)
        arrays = [rng.normal(size=(2, *shape)) for shape in (query, value)]
        for symbol, y in zip(symbols, model(arrays), strict=True):
            assert (symbol.shape[1:], symbol.dtype) == (y.shape[1:], dtype)
            assert y.dtype == dtype
    layer = layers.Attention(dtype=dtype)
    inputs = [diptych.Input((4, 5)), diptych.Input((6, 2)), diptych.Input((6, 5))]
    symbols = layer(inputs, return_attention_scores=True)
    assert [s.shape for s in symbols] == [(None, 4, 2), (None, 4, 6)]
    assert layer([X, Y[..., :2], Y]).dtype == dtype


def test_masks_may_be_symbolic_inputs(engine):
    x, y = diptych.Input((4, 5)), diptych.Input((6, 5))
    mask = diptych.Input((6,), dtype="bool")
    layer = layers.MultiHeadAttention(2, 3)
    model = diptych.Model([x, y, mask], layer(x, y, value_mask=mask))
    same(model([X, Y, STEPS]), layer(X, Y, value_mask=STEPS))
    output = layers.Attention()([y, y], mask=[mask, mask])
    model = diptych.Model([y, mask], layers.Dense(1)(output))
    np.testing.assert_array_equal(model([Y, STEPS]).mask, STEPS)


# ------------------------------------------------------------------------------- recorded steps


def step_of(layer):
    inputs = diptych.Input((4, 5))
    x = layers.LayerNormalization()(layers.Add()([inputs, layer(inputs, inputs)]))
    model = diptych.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(
    ("make", "is_recorded"),
    [
        (lambda: layers.MultiHeadAttention(2, 3, use_gate=True), True),
        (lambda: layers.GroupQueryAttention(3, 4, 2), True),
        (lambda: layers.MultiHeadAttention(2, 3, dropout=0.2), False),
        (lambda: layers.MultiHeadAttention(2, 3, activity_regularizer="l2"), False),
        (lambda: layers.GroupQueryAttention(3, 4, 2, activity_regularizer="l2"), False),
        (lambda: layers.MultiHeadAttention(2, 3, sliding_window=2), False),
    ],
)
def test_what_is_recorded_gives_the_same_bits(make, is_recorded, engine, monkeypatch):
    trained = []
    for eager in (False, True):
        diptych.utils.set_random_seed(0)
        with monkeypatch.context() as patch:
            if eager:
                patch.setattr("diptych.models.steps.may_be_replayed", lambda *given: False)
            model = step_of(make())
            model.fit(X.repeat(4, 0), np.arange(12) / 6, batch_size=3, epochs=2, verbose=0)
        if not eager:
            assert any(r is not None for r in model._replays.values()) is is_recorded
        trained.append([w.tobytes() for w in model.get_weights()])
    assert trained[0] == trained[1]


# ------------------------------------------------------------------------------------ EinsumDense


@pytest.mark.parametrize(
    ("equation", "shape", "is_product"),
    [
        ("abc,cd->abd", (None, 4), True),
        ("abc,cde->abde", (None, 4, 2), True),
        ("abc,dc->abd", (None, 4), True),
        ("abc,bcd->ad", 4, True),
        ("...c,cd->...d", 4, True),
        ("abc,bd->adc", (4, 5), False),
        ("abc,bcd->abd", (4, 4), False),
    ],
)
def test_a_matrix_product_is_computed_as_one(equation, shape, is_product, engine, monkeypatch):
    layer = layers.EinsumDense(equation, shape)
    expected = np.einsum(equation, X, layer(X) is not None and layer.kernel.numpy())
    used = []
    monkeypatch.setattr(ops, "einsum", lambda *args: used.append(args) or expected)
    same(layer(X), expected)
    assert bool(used) is not is_product


@pytest.mark.parametrize("made", [layers.MultiHeadAttention, layers.GroupQueryAttention])
def test_numbers_of_numpy_become_those_of_a_config(made):
    config = made(*np.array([2, 2, 2]), sliding_window=np.int32(3)).get_config()
    assert made.from_config(json.loads(json.dumps(config))).get_config() == config


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: layers.Attention(score_mode="dots"), "'dot' or 'concat'; got 'dots'"),
        (lambda: layers.Attention(dropout=2), "0 <= dropout <= 1; got 2"),
        (lambda: layers.Attention(name="look")(X), r"'look' \(Attention\).*list.*got one tensor"),
        (lambda: layers.AdditiveAttention()([X]), "got 1 of them. For self-attention pass .x, x"),
        (
            lambda: layers.Attention()([X, Y[..., :2]]),
            r"same number of features.*\(3, 6, 2\).*Dense",
        ),
        (lambda: layers.Attention()([X, Y, Y[:, :5]]), r"a value for each key.*\(3, 5, 5\)"),
        (lambda: layers.Attention()([X, Y[:2]]), "one batch size"),
        (lambda: layers.Attention()([X[0], Y[0]]), r"3 axes, \(batch, steps, features\)"),
        (lambda: layers.Attention()([X, Y], mask=STEPS), "query_mask, value_mask.*got one mask"),
        (
            lambda: layers.Attention()([X, Y], mask=[STEPS, None]),
            r"query mask of shape \(3, 4\).*got a mask of shape \(3, 6\)",
        ),
        (lambda: layers.MultiHeadAttention(0, 3), "positive whole number as num_heads; got 0"),
        (lambda: layers.MultiHeadAttention(2, 3.5), "as key_dim; got 3.5"),
        (lambda: layers.MultiHeadAttention(2, 3, 0), "as value_dim, or None; got 0"),
        (lambda: layers.MultiHeadAttention(2, 3, dropout=-1), "0 <= dropout <= 1; got -1"),
        (lambda: layers.MultiHeadAttention(2, 3, sliding_window=0), "sliding_window, or None"),
        (lambda: layers.MultiHeadAttention(2, 3, output_shape="a"), "output_shape.*got 'a'"),
        (lambda: layers.MultiHeadAttention(2, 3, attention_axes="a"), "attention_axes.*got 'a'"),
        (
            lambda: layers.MultiHeadAttention(2, 3, attention_axes=2)(X, X),
            r"between the batch, 0, and the features, 2; got attention_axes=\(2,\)",
        ),
        (lambda: layers.MultiHeadAttention(2, 3)(X[0], X[0]), "one rank, at least 3"),
        (
            lambda: layers.MultiHeadAttention(2, 3, name="look")(X, Y, Y[:, :5]),
            r"'look' \(MultiHeadAttention\) needs a value for each key.*\(3, 6, 5\), key \(3, 5",
        ),
        (lambda: layers.MultiHeadAttention(2, 3)(X, Y[:2]), "one batch size"),
        (
            lambda: layers.MultiHeadAttention(2, 3, attention_axes=1)(X[:, :, None], X[:, None]),
            "one size of axis 2",
        ),
        (
            lambda: layers.MultiHeadAttention(2, 3)(X, Y, attention_mask=np.ones((3, 6, 4), bool)),
            r"the shape \(3, 4, 6\), \(batch, queries, keys\), or \(3, 2, 4, 6\).*got shape \(3, 6",
        ),
        (
            lambda: layers.MultiHeadAttention(2, 3)(X, Y, attention_mask=np.ones(6, bool)),
            r"got shape \(6,\)",
        ),
        (
            lambda: layers.MultiHeadAttention(2, 3)(X, Y, value_mask=STEPS[:, :4]),
            r"value_mask to have the shape \(3, 6\).*got shape \(3, 4\)",
        ),
        (lambda: layers.MultiHeadAttention(2, 3)(X, Y[:, :0]), "multi_head.* no key to attend to"),
        (lambda: layers.Attention(score_mode="concat")([X, Y[:, :0]]), "attention.* no key to"),
        (
            lambda: layers.MultiHeadAttention(2, 3, sliding_window=2)(X[:, None], X[:, None]),
            "sliding_window only if it attends over one axis",
        ),
        (lambda: layers.GroupQueryAttention(3, 4, 3), "multiple of num_key_value_heads; got 4 and"),
        (lambda: layers.GroupQueryAttention(3, 4, 0), "as num_key_value_heads; got 0"),
        (lambda: layers.GroupQueryAttention(3, 4, 2)(X[None], X[None]), "3 axes"),
        (lambda: layers.MultiHeadAttention(2, 3)(diptych.Input((4, 5)), diptych.Input((5,))), "ra"),
        (lambda: layers.MultiHeadAttention(2, 3, head_dim=1), "head_dim"),
        (lambda: layers.Attention(causal=True), "use_causal_mask=True"),
        (lambda: layers.EinsumDense("ab,bc", 3), "cannot read the equation 'ab,bc'"),
        (
            lambda: layers.EinsumDense("ab,bc->ac", 3, name="e")(X),
            r"'e' .*2 axes; got shape \(3, 4",
        ),
        (lambda: layers.EinsumDense("abc,cd->abd", 3)(X), "2 axes besides the batch.*has 1"),
        (lambda: layers.EinsumDense("abc,cd->abd", (6, 3))(X), r"'b' .*size 4 in the input.*and 6"),
        (lambda: layers.EinsumDense("abc,cd->abe", (4, 3))(X), "'e' in the output .* neither"),
        (lambda: layers.EinsumDense("abc,cde->abd", (4, 3))(X), "'e' in the kernel"),
        (lambda: layers.EinsumDense("abc,cd->abd", (4, 3), bias_axes="c")(X), "bias_axes='c'"),
        (lambda: layers.Softmax(name="s")(X, mask=STEPS), r"'s' \(Softmax\).*\(3, 6\)"),
    ],
)
def test_errors_teach(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_another_length_of_keys_is_no_other_layer(engine):
    """The lengths may differ from call to call; only features are settled by the weights."""
    layer = layers.MultiHeadAttention(2, 3)
    assert layer(X, Y).shape == (3, 4, 5)
    assert layer(Y, X[:, :2]).shape == (3, 6, 5)
    with pytest.raises(ValueError, match="weights for 5, 5, 5 features.*value .3, 6, 3"):
        layer(X, Y[..., :3])


def test_no_rows_and_no_queries(engine):
    for layer in (layers.MultiHeadAttention(2, 3), layers.GroupQueryAttention(3, 4, 2)):
        assert layer(X[:0], Y[:0]).shape == (0, 4, 5)
        y, scores = layer(X[:, :0], Y, return_attention_scores=True, use_causal_mask=True)
        assert (y.shape, scores.shape) == ((3, 0, 5), (3, layer._heads, 0, 6))
    for mode in ("dot", "concat"):
        assert layers.Attention(score_mode=mode)([X[:0], Y[:0]]).shape == (0, 4, 5)
    assert layers.EinsumDense("abc,cde->abde", (None, 2, 3))(X[:0]).shape == (0, 4, 2, 3)


def test_causal_of_the_first_attention_layers_is_read():
    with pytest.warns(diptych.legacy.LegacySpelling, match="use_causal_mask"):
        layer = layers.Attention(causal=False)
    same(layer([X, Y]), layers.Attention()([X, Y]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: layers.MultiHeadAttention(2, 3)(X),
        lambda: layers.GroupQueryAttention(3, 4, 2)([X, X]),
        lambda: layers.MultiHeadAttention(2, 3)(X, None),
    ],
)
def test_attention_without_a_value_is_a_type_error(call):
    with pytest.raises(TypeError, match=r"query and a value.*layer\(x, x\)"):
        call()
