"""Embedding, Masking, and where masks go."""

import numpy as np
import pytest
from diptych.fastcore import embedding as fast

import diptych
from diptych import layers, ops
from diptych.legacy.notes import LegacySpelling
from diptych.models.replay import may_be_replayed
from tests import extras
from tests.cases.embedding import CASES

ENGINES = ("reference", "fast")
TABLE = np.arange(12, dtype="f4").reshape(4, 3)
TOKENS = np.array([[1, 0, 3], [2, 2, 0]])


@pytest.fixture(params=ENGINES)
def engine(request):
    with diptych.engine(request.param):
        diptych.utils.set_random_seed(5)
        yield request.param


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "uint64", "float32"])
def test_tokens_of_any_dtype(dtype, engine):
    y = layers.Embedding(4, 3, weights=[TABLE])(TOKENS.astype(dtype))
    np.testing.assert_array_equal(y, TABLE[TOKENS])


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([[1, 4]], r"token 4 at \(0, 1\).*4 rows.*0 to 3.*input_dim larger"),
        ([[1, 2], [0, -1]], r"token -1 at \(1, 1\)"),
        ([[0.0, float("nan")]], r"token -1 at \(0, 1\)"),
        ([[1e30]], "token -1"),
        ([[2**40]], f"token {2**40}"),
        (np.array([[2**64 - 1]], np.uint64), "token -1"),
    ],
)
def test_a_token_outside_the_vocabulary_is_refused(tokens, words, engine):
    layer = layers.Embedding(4, 3)
    with pytest.raises(ValueError, match=words):
        layer(np.asarray(tokens))


def test_texts_are_no_tokens(engine):
    layer = layers.Embedding(4, 3)
    for texts in (np.array([["a", "1"]]), np.array([["a"]], object)):
        with pytest.raises(ValueError, match="integers.*StringLookup"):
            layer(texts)
    with pytest.raises(ValueError, match="integers, got complex128"):
        layer(np.array([1j]))


def test_twins_refuse_what_names_no_row(engine):
    twins = diptych.engine.current().embedding
    table = TABLE.astype("f8")
    with pytest.raises(ValueError, match="must be integers"):
        twins.embedding_forward(TOKENS.astype("f8"), table)
    with pytest.raises(ValueError, match="2 axes"):
        twins.embedding_forward(TOKENS, table[0])
    y, cache = twins.embedding_forward(TOKENS, table)
    with pytest.raises(ValueError, match="dy needs the shape"):
        twins.embedding_backward(y[:, :2], cache)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", ">i4", "int64", "uint64"])
def test_twins_take_whole_numbers_of_any_dtype(dtype, engine):
    twins = diptych.engine.current().embedding
    y, cache = twins.embedding_forward(TOKENS.astype(dtype), TABLE)
    np.testing.assert_array_equal(y, TABLE[TOKENS])
    assert twins.embedding_backward(y, cache).shape == TABLE.shape
    with pytest.raises(ValueError, match=r"token \d+ at \(0, 1\)"):
        twins.embedding_forward(np.array([[0, np.iinfo(dtype).max]], dtype), TABLE)


def test_the_fast_twin_does_not_write_outside_the_table():
    y, cache = fast.embedding_forward(TOKENS, TABLE)
    with pytest.raises(ValueError, match="outside the vocabulary"):
        fast.embedding_backward(y, (TOKENS + 9, cache[1]))


def test_a_bad_token_is_found_before_anything_is_trained(engine):
    model = diptych.Sequential([layers.Embedding(10, 4), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((64, 5), "i4")
    y = np.ones((64, 1), "f4")
    model.fit(x, y, epochs=1, verbose=0)
    before = model.get_weights()
    x[50, 2] = 10
    with pytest.raises(ValueError, match=r"token 10 at \(50, 2\).*10 rows"):
        model.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_recorded_step_reads_each_batch_anew(engine):
    """Training of pure layers is replayed: tokens belong to the batch and not to the record."""

    def trained(replayed):
        diptych.utils.set_random_seed(1)
        model = diptych.Sequential(
            [layers.Input((5,)), layers.Embedding(10, 4), layers.Flatten(), layers.Dense(1)]
        )
        model.compile(diptych.optimizers.SGD(0.1), "mse")
        assert may_be_replayed(model)
        if not replayed:
            model.compute_loss = model.compute_loss  # of its own: the careful way
            assert not may_be_replayed(model)
        rng = np.random.default_rng(2)
        for _ in range(6):
            model.train_on_batch(rng.integers(0, 10, (8, 5)), rng.normal(size=(8, 1)))
        return model.get_weights()

    for one, other in zip(trained(True), trained(False), strict=True):
        np.testing.assert_array_equal(one, other)


def test_data_in_a_dict_are_checked_too(engine):
    words, others = layers.Input((2,), name="words"), layers.Input((2,), name="others")
    found = layers.Embedding(10, 1, name="found")(words)
    model = diptych.Model({"words": words, "others": others}, layers.Flatten()(found) + others)
    model.compile("sgd", "mse")
    bad = {"others": np.full((3, 2), 99.0), "words": np.array([[0, 1], [9, 12], [1, 1]])}
    with pytest.raises(ValueError, match=r"token 12 at \(1, 1\).*found"):
        model.fit(bad, np.zeros((3, 2)), verbose=0)


def test_masks_of_later_batches_count_in_a_recorded_step(engine):
    model = diptych.Sequential([layers.Embedding(9, 4, mask_zero=True), layers.Dense(1)])
    model.compile(diptych.optimizers.SGD(0.0), "mse")
    for batch in ([[1, 2, 0]], [[1, 2, 3]], [[0, 0, 1]]):
        x = np.array(batch)
        y = np.zeros((1, 3, 1), "f4")
        given = model.train_on_batch(x, y)
        squares = np.square(model.predict(x, verbose=0))[x > 0]
        np.testing.assert_allclose(given, squares.mean(), rtol=1e-5)


def test_a_mask_of_one_input_alone(engine):
    masked = layers.Embedding(4, 3, mask_zero=True)
    a, b = masked(TOKENS), layers.Embedding(4, 3)(TOKENS)
    expected = TOKENS != 0
    np.testing.assert_array_equal(a.mask, expected)
    assert b.mask is None
    assert layers.Add()([a, b]).mask is None
    np.testing.assert_array_equal(layers.Concatenate()([a, b]).mask, np.ones((2, 3), bool))
    np.testing.assert_array_equal(layers.Add()([a, a]).mask, expected)


@pytest.mark.parametrize("merge", ["Maximum", "Minimum", "Multiply"])
def test_a_masked_step_leaves_it_to_the_other_input(merge, engine):
    a, b = ops.convert_to_tensor([[[2.0], [-2.0]]]), ops.convert_to_tensor([[[3.0], [5.0]]])
    a.mask = ops.convert_to_tensor([[True, False]])
    first = {"Maximum": 3.0, "Minimum": 2.0, "Multiply": 6.0}[merge]
    np.testing.assert_array_equal(getattr(layers, merge)()([a, b]), [[[first], [5.0]]])


def test_masking_with_a_value_for_each_feature():
    x = np.array([[[1.0, 2.0], [1.0, 0.0], [2.0, 2.0]]])
    y = layers.Masking([1.0, 2.0])(x)
    np.testing.assert_array_equal(y.mask, [[False, True, True]])
    assert np.all(np.asarray(y)[0, 0] == 0)
    assert layers.Masking.from_config(layers.Masking([1.0, 2.0]).get_config()).mask_value == [1, 2]


def test_masking_refuses_what_is_no_number_for_each_feature():
    for value in ("a", [["1"]], None, [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="a number as mask_value"):
            layers.Masking(value)
    with pytest.raises(ValueError, match=r"each of 2 features.*\(1, 4, 3\)"):
        layers.Masking([1.0, 2.0])(np.ones((1, 4, 3)))


def test_gradients_of_rows_are_sums_over_their_places(engine):
    layer = layers.Embedding(4, 3, weights=TABLE)
    with diptych.GradientTape() as tape:
        y = layer(TOKENS)
        loss = ops.sum(y * np.arange(6, dtype="f4").reshape(2, 3, 1))
    gradient = tape.gradient(loss, layer.embeddings)
    np.testing.assert_array_equal(gradient[:, 0], [1 + 5, 0, 3 + 4, 2])


def test_gradcheck(engine):
    report = diptych.gradcheck(layers.Embedding(4, 3), TOKENS, engine=engine)
    assert report, f"\n{report}"
    assert report.checks


def test_config_and_errors():
    layer = layers.Embedding(
        5, 2, "ones", embeddings_regularizer="l2", embeddings_constraint="non_neg", mask_zero=True
    )
    twin = layers.deserialize(layers.serialize(layer))
    assert twin.get_config() == layer.get_config()
    assert twin.mask_zero
    assert twin.compute_output_shape((None, 7)) == (None, 7, 2)
    with pytest.raises(ValueError, match=r"input_dim; got 0"):
        layers.Embedding(0, 2)
    with pytest.raises(ValueError, match="shape"):
        layers.Embedding(5, 2, weights=[np.ones((5, 3))])


def test_old_spellings():
    diptych.legacy.forget_notes()  # each is given once in a process
    with pytest.warns(LegacySpelling, match="input_length"):
        model = diptych.Sequential([layers.Embedding(20, 4, input_length=6), layers.Flatten()])
    assert model.output_shape == (None, 24)


@pytest.mark.parametrize("case", CASES["embedding_forward"], ids=lambda case: case.label)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_rows_are_those_of_the_whole_gradient(case, dtype):
    """To the bit, and for any number of threads."""
    given = case.arguments()
    y, cache = fast.embedding_forward(given["indices"], given["table"].astype(dtype))
    dy = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
    dy[..., :1] = -0.0  # of which a sum that begins with zero makes 0.0
    composed = extras.embedding_backward_rows(dy, cache)
    whole = fast.embedding_backward(dy, cache)
    before = diptych.config.num_threads()
    try:
        for threads in (1, 2, 3):
            diptych.config.set_num_threads(threads)
            rows, values = fast.embedding_backward_rows(dy, cache)
            assert rows.dtype == np.int64
            assert values.dtype == dtype
            np.testing.assert_array_equal(rows, composed[0])
            assert values.tobytes() == composed[1].tobytes()
            spread = np.zeros_like(whole)
            spread[rows] = values
            assert spread.tobytes() == whole.tobytes()
    finally:
        diptych.config.set_num_threads(before)


def test_row_numbers_of_every_length_are_sorted():
    """They are sorted digit by digit: of a table with many rows, and of one with few."""
    rng = np.random.default_rng(3)
    for rows in (1, 2, 2048, 2049, 5_000_000):
        indices = rng.integers(0, rows, 300)
        indices[:2] = 0, rows - 1
        dy = np.arange(300.0)[:, None]
        found, values = fast.embedding_backward_rows(dy, (indices, (rows, 1)))
        np.testing.assert_array_equal(found, np.unique(indices))
        np.testing.assert_array_equal(
            values[:, 0], [dy[indices == row].sum() for row in found.tolist()]
        )


def test_rows_of_what_does_not_fit_are_refused():
    y, cache = fast.embedding_forward(TOKENS, TABLE)
    with pytest.raises(ValueError, match="embedding_backward_rows.*dy needs the shape"):
        fast.embedding_backward_rows(y[:, :2], cache)


def test_the_fast_twin_gives_no_rows_outside_the_table():
    y, cache = fast.embedding_forward(TOKENS, TABLE)
    with pytest.raises(ValueError, match="outside the vocabulary"):
        fast.embedding_backward_rows(y, (TOKENS + 9, cache[1]))


# ------------------------------------------------------------------------- both ways


WORDS = np.array([[1, 2, 0, 3], [4, 0, 0, 1]])


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_way_back_of_an_embedding(tied, engine):
    layer = layers.ReversibleEmbedding(5, 3, tie_weights=tied, logit_soft_cap=0.01)
    with diptych.engine(engine):
        vectors = layer(WORDS)
        logits = layer(vectors, reverse=True)
        double = layers.ReversibleEmbedding(5, 3, tied, logit_soft_cap=0.1, dtype="float64")
        x = np.random.default_rng(0).normal(size=(2, 4, 3))
        report = diptych.gradcheck(lambda x: double(x, reverse=True), x)
    assert report, f"\n{report}"
    assert [w.name for w in layer.weights] == ["embeddings", "reverse_embeddings"][: 2 - tied]
    table, *back = layer.get_weights()
    np.testing.assert_array_equal(vectors, table[WORDS])
    plain = table[WORDS] @ (table.T if tied else back[0])
    np.testing.assert_allclose(logits, 0.01 * np.tanh(plain / 0.01), rtol=1e-5, atol=1e-7)


def test_vectors_of_an_embedding_have_a_mask_and_logits_have_none():
    layer = layers.ReversibleEmbedding(5, 3, mask_zero=True)
    vectors = layer(WORDS)
    np.testing.assert_array_equal(vectors.mask, WORDS != 0)
    assert layer(vectors, reverse=True).mask is None
    symbolic = layer(layers.Input((None,), dtype="int32"))
    assert symbolic.mask is not None
    logits = layer(symbolic, reverse=True)
    assert logits.mask is None
    assert logits.shape == (None, None, 5)


def test_the_way_back_in_another_type():
    layer = layers.ReversibleEmbedding(5, 3, reverse_dtype="float64")
    logits = layer(layer(WORDS), reverse=True)
    assert logits.dtype == np.float64
    assert layer(layers.Input((4, 3)), reverse=True).dtype == "float64"


@pytest.mark.parametrize("tied", [True, False])
def test_a_language_model_of_one_embedding_learns_and_is_saved(tied, tmp_path):
    diptych.utils.set_random_seed(0)
    words = np.random.default_rng(0).integers(0, 7, (64, 5))
    start = layers.Input((5,), dtype="int32")
    both = layers.ReversibleEmbedding(7, 6, tie_weights=tied)
    hidden = layers.Dense(6)(both(start))
    model = diptych.Model(start, both(hidden, reverse=True))
    model.compile(
        diptych.optimizers.Adam(0.05),
        diptych.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    losses = model.fit(words, (words + 1) % 7, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    model.save(tmp_path / "model.keras")
    copy = diptych.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(copy(words), model(words))


def test_vectors_for_the_way_back_are_no_words():
    start = layers.Input((3,))
    model = diptych.Model(start, layers.ReversibleEmbedding(5, 3)(start, reverse=True))
    model.compile("sgd", diptych.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(np.full((8, 3), -2.5), np.zeros(8), verbose=0)
    with pytest.raises(ValueError, match="vectors of output_dim=3 numbers.*\\(None, 4\\)"):
        layers.ReversibleEmbedding(5, 3)(layers.Input((4,)), reverse=True)
