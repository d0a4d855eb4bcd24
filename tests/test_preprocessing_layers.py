"""The layers that prepare data, beyond what the golden files compare: kinds of input, models,
configs, errors.
"""

import copy
import pickle

import numpy as np
import pytest

import diptych
from diptych import layers, ops
from diptych.utils.fingerprints import fingerprint64, siphash64

TEXTS = ["good film", "bad film", "good good story", "bad bad", "good", "a bad story"]
LABELS = np.array([1, 0, 1, 0, 1, 0])


def adapted(**options):
    layer = layers.TextVectorization(**options)
    layer.adapt(TEXTS)
    return layer


# ------------------------------------------------------------------------- hashes


def test_siphash_of_the_designers():
    """The first and last vectors of the SipHash paper: key 00 01 .. 0f, input 00 01 .. n - 1."""
    key = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
    assert siphash64(b"", key) == 0x726FDB47DD0E0E31
    assert siphash64(bytes(range(15)), key) == 0xA129CA6149BE45E5


def test_fingerprints_spread():
    found = {fingerprint64(str(i).encode() * (i % 40)) for i in range(400) if i % 40}
    assert len(found) == 390
    assert fingerprint64(b"") == 0x9AE16A3B2F90404F


# ------------------------------------------------------------------------- kinds of input


@pytest.mark.parametrize(
    "texts",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        np.array([text.encode() for text in TEXTS]),
        np.array([text.encode() for text in TEXTS], dtype=object),
        np.array(TEXTS)[:, None],
        diptych.Tensor(np.array(TEXTS)),
    ],
    ids=["list", "tuple", "str", "objects", "bytes", "objects of bytes", "column", "tensor"],
)
def test_texts_come_in_many_forms(texts):
    layer = layers.TextVectorization()
    layer.adapt(texts)
    assert layer.get_vocabulary() == adapted().get_vocabulary()
    assert all(type(word) is str for word in layer.get_vocabulary())
    result = layer(texts)
    assert result.dtype == np.int64
    np.testing.assert_array_equal(result, adapted()(TEXTS))


def test_bytes_are_read_in_their_encoding():
    layer = layers.StringLookup(vocabulary=["é"], encoding="latin-1")
    np.testing.assert_array_equal(layer(np.array(["é".encode("latin-1")])), [1])


def test_functions_for_standardize_and_split():
    layer = layers.TextVectorization(
        standardize=lambda texts: np.char.upper(texts),
        split=lambda texts: [text.split("-") for text in texts],
    )
    layer.adapt(["a-b", "b-c-b"])
    assert layer.get_vocabulary() == ["", "[UNK]", "B", "C", "A"]
    np.testing.assert_array_equal(layer(["c-c", "x"]), [[3, 3], [1, 0]])


def test_one_hot_rows_of_texts_are_filled_up_with_zeros():
    layer = layers.TextVectorization(output_mode="one_hot", vocabulary=["a", "b"])
    expected = [[[0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 0]]]
    np.testing.assert_array_equal(layer(["a b", "z"]), expected)


def test_adapting_to_batches_is_adapting_to_all():
    layer = layers.TextVectorization(output_mode="tf_idf")
    layer.adapt(iter([TEXTS[:2], TEXTS[2:]]))
    whole = adapted(output_mode="tf_idf")
    assert layer.get_vocabulary() == whole.get_vocabulary()
    np.testing.assert_array_equal(layer(TEXTS), whole(TEXTS))
    layer = layers.TextVectorization()
    layer.adapt(([text] for text in TEXTS), steps=1)
    assert layer.get_vocabulary(include_special_tokens=False) == ["good", "film"]


def test_adapting_again_starts_anew():
    layer = adapted()
    layer.adapt(["other words"])
    assert layer.get_vocabulary() == ["", "[UNK]", "words", "other"]


def test_there_and_back():
    words = layers.StringLookup(vocabulary=["a", "b"], mask_token="")
    back = layers.StringLookup(vocabulary=words.get_vocabulary(), mask_token="", invert=True)
    given = np.array([["a", "b"], ["", "z"]])
    result = back(words(given)).numpy()
    np.testing.assert_array_equal(result, [["a", "b"], ["", "[UNK]"]])
    assert type(result[0, 0]) is str


def test_integers_of_any_size():
    rng = np.random.default_rng(0)
    vocabulary = rng.permutation(np.unique(rng.integers(-(2**62), 2**62, 500)))
    layer = layers.IntegerLookup(vocabulary=vocabulary)
    np.testing.assert_array_equal(layer(vocabulary), np.arange(1, len(vocabulary) + 1))
    np.testing.assert_array_equal(layer(vocabulary + 1), 0)


def test_a_word_in_a_vocabulary_file_may_hold_any_character_but_a_line_feed(tmp_path):
    words = ["a\u2028b", "c\x0bd", "e\x85f", "g h"]
    (tmp_path / "words.txt").write_bytes("\r\n".join(words).encode())
    layer = layers.StringLookup(vocabulary=tmp_path / "words.txt")
    assert layer.get_vocabulary() == ["[UNK]", *words]


def test_runs_of_tokens_that_come_split():
    """With split=None the last axis holds the tokens of a text: Keras's result and shapes."""
    layer = layers.TextVectorization(split=None, ngrams=(2,), vocabulary=["a b", "b c"])
    assert layer([["a", "b", "c"]]).array.tolist() == [[2, 3]]
    assert layer.compute_output_shape((None, 3)) == (None, None)
    layer = layers.TextVectorization(split=None, ngrams=(2,), output_mode="tf_idf")
    with pytest.raises(ValueError, match="no token"):
        layer.adapt([["alone"], ["each"]])


def test_a_vocabulary_from_a_file(tmp_path):
    (tmp_path / "words.txt").write_text("cat\ndog\nÉ\n", encoding="utf-8")
    layer = layers.StringLookup(vocabulary=str(tmp_path / "words.txt"))
    np.testing.assert_array_equal(layer(["É", "cow", "cat"]), [3, 0, 1])
    (tmp_path / "numbers.txt").write_text("7\n-3\n")
    layer = layers.IntegerLookup(vocabulary=tmp_path / "numbers.txt")
    np.testing.assert_array_equal(layer([-3, 7, 0]), [2, 1, 0])


def test_boundaries_of_bins_in_single_precision():
    """0.1 as a float32 lies above 0.1 as a float64; as the boundary it is the float32 too."""
    layer = layers.Discretization(bin_boundaries=[0.1])
    np.testing.assert_array_equal(layer(np.array([0.1, 0.0999], "float32")), [1, 0])
    np.testing.assert_array_equal(layer(np.array([0.1, 0.0999])), [1, 0])


# ------------------------------------------------------------------------- in models


def trained(model, x):
    diptych.utils.set_random_seed(0)
    model.compile(diptych.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, LABELS, epochs=30, batch_size=3, verbose=0)
    assert model.evaluate(x, LABELS, verbose=0)[1] == 1.0
    np.testing.assert_allclose(
        model.predict(x[:2], verbose=0), model.predict_on_batch(x[:2]), rtol=1e-6
    )
    model.train_on_batch(x[:2], LABELS[:2])


@pytest.mark.parametrize("x", [TEXTS, np.array(TEXTS), np.array(TEXTS, dtype=object)])
@pytest.mark.parametrize("shape", [None, (), (1,)])
def test_a_sequential_that_reads_texts(x, shape):
    first = [] if shape is None else [layers.Input(shape=shape, dtype="string")]
    dense = layers.Dense(1, activation="sigmoid")
    model = diptych.Sequential([*first, adapted(output_mode="count"), dense])
    trained(model, x)
    assert model.inputs[0].dtype == "string"


def test_a_graph_with_texts_and_numbers():
    words = layers.Input(shape=(1,), dtype="string", name="words")
    size = layers.Input(shape=(2,), name="size")
    merged = layers.concatenate([adapted(output_mode="multi_hot")(words), size])
    model = diptych.Model([words, size], layers.Dense(1, activation="sigmoid")(merged))
    trained_on = [np.array(TEXTS), np.zeros((6, 2))]
    model.compile("adam", "binary_crossentropy")
    model.fit(trained_on, LABELS, verbose=0, validation_split=0.5)
    assert model.predict(trained_on, verbose=0).shape == (6, 1)
    named = {"words": np.array(TEXTS), "size": np.zeros((6, 2))}
    np.testing.assert_array_equal(
        model.predict(named, verbose=0), model.predict(trained_on, verbose=0)
    )
    with pytest.raises(ValueError, match="input 'words' of the model has dtype string"):
        model.predict([np.zeros((6, 1)), np.zeros((6, 2))], verbose=0)
    with pytest.raises(ValueError, match="dtype float32, but the data have dtype text"):
        model.predict([np.array(TEXTS), np.array([TEXTS, TEXTS]).T], verbose=0)


def test_a_subclassed_model_that_reads_texts():
    class Reader(diptych.Model):
        def __init__(self):
            super().__init__()
            self.read = adapted(output_mode="count")
            self.dense = layers.Dense(1, activation="sigmoid")

        def call(self, inputs):
            return self.dense(self.read(inputs))

    trained(Reader(), TEXTS)


def test_texts_from_generators_and_data_sets():
    model = diptych.Sequential([adapted(output_mode="count"), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(((TEXTS, LABELS) for _ in range(4)), steps_per_epoch=2, epochs=2, verbose=0)
    assert model.predict((np.array([text]) for text in TEXTS), verbose=0).shape == (6, 1)


def test_models_of_numbers_still_refuse_texts():
    model = diptych.Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    for call in (model.predict, model.evaluate, model.predict_on_batch, model):
        with pytest.raises(ValueError, match="x holds text.*TextVectorization"):
            call(TEXTS)
    reader = diptych.Sequential([adapted(output_mode="count"), layers.Dense(1)])
    reader.compile("sgd", "mse")
    with pytest.raises(ValueError, match="y holds text"):
        reader.fit(TEXTS, TEXTS, verbose=0)
    with pytest.raises(ValueError, match="dtype string, but the data have dtype float64"):
        reader.fit(np.zeros((6, 1)), LABELS, verbose=0)


def test_categories_in_a_model():
    number = layers.Input(shape=(3,), dtype="int64")
    encoded = layers.CategoryEncoding(5, output_mode="count")(number)
    assert encoded.shape == (None, 5)
    assert encoded.dtype == "float32"
    model = diptych.Model(number, encoded)
    np.testing.assert_array_equal(
        model.predict(np.array([[0, 4, 4]]), verbose=0), [[1, 0, 0, 0, 2]]
    )
    bins = diptych.Sequential([layers.Discretization([0.0, 1.0], output_mode="one_hot")])
    np.testing.assert_array_equal(bins.predict(np.array([[0.5]]), verbose=0), [[0, 1, 0]])
    hashed = layers.Hashing(3)(layers.Input(shape=(2,), dtype="string"))
    assert (hashed.shape, hashed.dtype) == ((None, 2), "int64")


def test_a_lambda_over_texts():
    """Custom functions of texts are tried on empty texts, not on zeros."""
    texts = layers.Input(shape=(), dtype="string")
    length = layers.Lambda(lambda t: ops.convert_to_tensor([float(len(s)) for s in t.numpy()]))
    model = diptych.Model(texts, length(texts))
    np.testing.assert_array_equal(model.predict(["abc", ""], verbose=0), [3, 0])


# ------------------------------------------------------------------------- configs and copies

MAKERS = [
    lambda: adapted(max_tokens=9, ngrams=(1, 2), output_sequence_length=5),
    lambda: layers.TextVectorization(vocabulary=["a", "b"], split="character"),
    lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=2, mask_token="", salt=(1, 2)),
    lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf", idf_weights=[0.5]),
    lambda: layers.IntegerLookup(vocabulary=np.array([4, 2]), invert=True),
    lambda: layers.CategoryEncoding(4, output_mode="count"),
    lambda: layers.Discretization(bin_boundaries=[0.0, 1.5]),
    lambda: layers.Discretization(num_bins=4, epsilon=0.1, output_mode="one_hot"),
    lambda: layers.Hashing(7, mask_value="x", salt=3, output_mode="count"),
]


@pytest.mark.parametrize("make", MAKERS)
def test_configs_make_the_same_layer(make):
    import json

    layer = make()
    described = json.loads(json.dumps(layers.serialize(layer)))
    again = layers.deserialize(described)
    assert again.get_config() == layers.deserialize(layers.serialize(layer)).get_config()
    config, other = layer.get_config(), again.get_config()
    if isinstance(layer, layers.TextVectorization) and config["vocabulary"] is None:
        config.pop("vocabulary_size"), other.pop("vocabulary_size")  # learned: not in the config
        config["ngrams"], other["ngrams"] = list(config["ngrams"]), list(other["ngrams"])
    assert other == config


def test_a_learned_discretization_keeps_its_bins_in_the_config():
    layer = layers.Discretization(num_bins=3)
    layer.adapt(np.arange(90.0))
    again = layers.Discretization.from_config(layer.get_config())
    np.testing.assert_array_equal(again(np.arange(90.0)), layer(np.arange(90.0)))
    assert np.abs(np.bincount(layer(np.arange(90.0)).numpy()) - 30).max() <= 1


def test_functions_of_ones_own_in_a_config():
    @diptych.saving.register_keras_serializable("Texts")
    def shout(texts):
        return np.char.upper(texts)

    layer = layers.TextVectorization(standardize=shout, vocabulary=["HI"])
    model = diptych.Sequential([layers.Input(shape=(1,), dtype="string"), layer])
    again = diptych.models.model_from_json(model.to_json())
    np.testing.assert_array_equal(again.predict(["hi ho"], verbose=0), [[2, 1]])


@pytest.mark.parametrize("make", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_keep_the_vocabulary(make):
    np.testing.assert_array_equal(make(adapted())(TEXTS), adapted()(TEXTS))


# ------------------------------------------------------------------------- errors

LOOKUP = layers.StringLookup
ERRORS = [
    (lambda: LOOKUP(vocabulary=["a", "b", "a"]), ValueError, r"repeated, such as \['a'\]"),
    (lambda: LOOKUP(vocabulary=[]), ValueError, "empty vocabulary"),
    (lambda: LOOKUP(vocabulary=["a", ""], mask_token=""), ValueError, "mask_token='', .* index 1"),
    (lambda: LOOKUP(vocabulary=["a", "[UNK]"], invert=True), ValueError, "oov_token='.UNK.'"),
    (lambda: LOOKUP(vocabulary=["a", "b"], max_tokens=2), ValueError, "vocabulary of 3 tokens"),
    (lambda: LOOKUP(vocabulary=[1, 2]), ValueError, "IntegerLookup"),
    (lambda: LOOKUP(vocabulary="no/file.txt"), ValueError, "there is no file 'no/file.txt'"),
    (lambda: LOOKUP(output_mode="tf_idf", vocabulary=["a"]), ValueError, "idf_weights"),
    (
        lambda: LOOKUP(output_mode="tf_idf", vocabulary=["a"], idf_weights=[1, 2]),
        ValueError,
        "1 tokens and idf_weights of shape",
    ),
    (lambda: LOOKUP(idf_weights=[1.0]), ValueError, "output_mode='tf_idf'"),
    (lambda: LOOKUP(output_mode="counts"), ValueError, "did you mean 'count'"),
    (lambda: LOOKUP(invert=True, output_mode="count"), ValueError, "leave output_mode at 'int'"),
    (lambda: LOOKUP(max_tokens=1), ValueError, "at least 2 as `max_tokens`"),
    (lambda: LOOKUP(num_oov_indices=-1), ValueError, "at least 0 as `num_oov_indices`"),
    (lambda: LOOKUP(pad_to_max_tokens=True), ValueError, "needs max_tokens"),
    (lambda: LOOKUP(output_mode="count", sparse=True), ValueError, "sparse=True"),
    (lambda: LOOKUP(salt="x"), ValueError, "`salt`"),
    (lambda: LOOKUP()(["a"]), RuntimeError, "no vocabulary yet: call adapt"),
    (lambda: LOOKUP(output_mode="count")(["a"]), RuntimeError, "no vocabulary yet"),
    (lambda: LOOKUP(vocabulary=["a"]).adapt(["b"]), ValueError, "was made with a vocabulary"),
    (lambda: LOOKUP().adapt([]), ValueError, "found no token in the data"),
    (lambda: layers.TextVectorization().adapt(["", " "]), ValueError, "found no token"),
    (
        lambda: LOOKUP(vocabulary=["a"], num_oov_indices=0)(["a", "q", "q"]),
        ValueError,
        r"contain 1 that are not in its vocabulary, such as \['q'\]",
    ),
    (lambda: LOOKUP(vocabulary=["a"])([["a"], ["a", "a"]]), ValueError, "row 1 has 2.*pad_seq"),
    (lambda: LOOKUP(vocabulary=["a"])([None]), ValueError, "Replace missing values"),
    (lambda: LOOKUP(vocabulary=["a"])([3]), ValueError, "got 3 .*IntegerLookup"),
    (lambda: layers.IntegerLookup(vocabulary=[3])(["a"]), ValueError, "StringLookup"),
    (lambda: layers.IntegerLookup(vocabulary=[3])([np.nan]), ValueError, "NaN"),
    (lambda: layers.IntegerLookup(vocabulary=[3.5]), ValueError, "integers, but it contains 3.5"),
    (lambda: layers.IntegerLookup(salt=3), ValueError, "oov_method='farmhash'"),
    (lambda: layers.IntegerLookup(oov_method="md5"), ValueError, "oov_method"),
    (lambda: layers.TextVectorization()(["a"]), RuntimeError, "call adapt"),
    (lambda: layers.TextVectorization(split="words"), ValueError, "'whitespace', 'character'"),
    (lambda: layers.TextVectorization(standardize="lowr"), ValueError, "did you mean 'lower'"),
    (lambda: layers.TextVectorization(ngrams=0), ValueError, "`ngrams`"),
    (lambda: layers.TextVectorization(ragged=True), ValueError, "ragged=True"),
    (
        lambda: layers.TextVectorization(output_mode="count", output_sequence_length=3),
        ValueError,
        "as long as the vocabulary",
    ),
    (lambda: adapted()(np.array([["a", "b"]])), ValueError, r"\(1, 2\).*split=None"),
    (lambda: layers.TextVectorization().adapt(iter([(TEXTS, LABELS)])), ValueError, "tuples of 2"),
    (lambda: layers.TextVectorization().adapt(3), ValueError, "iterable of batches; got 3"),
    (
        lambda: layers.TextVectorization(standardize=lambda t: t[:1]).adapt(TEXTS),
        ValueError,
        "expected the same",
    ),
    (
        lambda: layers.TextVectorization(split=lambda t: [["a"]]).adapt(TEXTS),
        ValueError,
        "6 texts and returned 1 rows",
    ),
    (lambda: layers.TextVectorization(standardise=None), TypeError, "mean 'standardize'"),
    (lambda: layers.CategoryEncoding(), ValueError, "needs `num_tokens`"),
    (
        lambda: layers.CategoryEncoding(3)([[0, 7]]),
        ValueError,
        r"0 to 2; got 7 at \(0, 1\)",
    ),
    (lambda: layers.CategoryEncoding(3, output_mode="one_hot")([-1]), ValueError, "got -1"),
    (lambda: layers.CategoryEncoding(3, output_mode="int"), ValueError, "output_mode"),
    (lambda: layers.CategoryEncoding(3)([[1]], count_weights=[[1]]), ValueError, "count_weights"),
    (lambda: layers.Discretization(), ValueError, "either `bin_boundaries` or"),
    (lambda: layers.Discretization([1.0, 0.0]), ValueError, "ascending"),
    (lambda: layers.Discretization(num_bins=3)([1.0]), RuntimeError, "no bins yet"),
    (lambda: layers.Discretization([1.0]).adapt(np.ones(3)), ValueError, "num_bins"),
    (lambda: layers.Discretization(num_bins=3).adapt([]), ValueError, "no data"),
    (lambda: layers.Discretization(num_bins=3).adapt(np.array([np.nan])), ValueError, "NaN"),
    (lambda: layers.Discretization([1.0])(["a"]), ValueError, "takes numbers"),
    (lambda: layers.Hashing(0), ValueError, "at least 1 as `num_bins`"),
    (lambda: layers.Hashing(3, dtype="float32"), ValueError, "'int32' or 'int64'"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS)
def test_errors_teach(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_the_width_that_others_rely_on_stays():
    layer = adapted(output_mode="count")
    layer(layers.Input(shape=(1,), dtype="string"))
    with pytest.raises(RuntimeError, match="gives 6 columns.*new vocabulary has 2 tokens"):
        layer.set_vocabulary(["one"])
    layer.set_vocabulary([f"word{i}" for i in range(5)])
    padded = adapted(output_mode="count", max_tokens=9, pad_to_max_tokens=True)
    assert padded(TEXTS).shape == (6, 9)
    padded.set_vocabulary(["one"])
    assert padded(TEXTS).shape == (6, 9)


def test_nothing_to_do():
    assert adapted()([]).shape == (0, 0)
    assert adapted(output_mode="count")([]).shape == (0, 6)
    assert layers.Hashing(3)(np.zeros((0, 2), int)).shape == (0, 2)
    assert layers.CategoryEncoding(3)(np.zeros((0, 2), int)).shape == (0, 3)
