"""Sequences and texts as data: what the golden files do not compare, training on it, errors."""

import json
import random

import numpy as np
import pytest

import diptych
from diptych import layers, preprocessing, utils
from diptych.preprocessing.sequence import TimeseriesGenerator, make_sampling_table, skipgrams
from diptych.preprocessing.text import (
    Tokenizer,
    hashing_trick,
    one_hot,
    text_to_word_sequence,
    tokenizer_from_json,
)

# ------------------------------------------------------------------------- pad_sequences


def test_pad_sequences_is_found_where_keras_has_it():
    assert preprocessing.sequence.pad_sequences is utils.pad_sequences
    assert preprocessing.timeseries_dataset_from_array is utils.timeseries_dataset_from_array
    assert preprocessing.text_dataset_from_directory is utils.text_dataset_from_directory


def test_pad_words():
    padded = utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="", padding="post")
    np.testing.assert_array_equal(padded, [["a", ""], ["b", "c"]])
    assert utils.pad_sequences([]).shape == (0, 0)
    assert utils.pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)
    assert utils.pad_sequences(np.array([[1, 2]]), dtype="int64").dtype == np.int64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1]], None, "int32", "before"), "padding='pre' or 'post'; got 'before'"),
        (([[1]], None, "int32", "pre", "pots"), "did you mean 'post'"),
        (([1, 2],), r"entry 0 of it is 1.*pad_sequences\(\[sequence\]\)"),
        (((x for x in [[1]]),), "list"),
        (([[1]], None, "int32", "pre", "pre", "x"), "dtype=object"),
        (([[[1, 2]], [[3]]],), r"have shape \(2,\), those of sequence 1 \(1,\)"),
    ],
)
def test_pad_sequences_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        utils.pad_sequences(*arguments)


# ------------------------------------------------------------------------- time series


def test_windows_come_in_another_order_each_time():
    def passes(seed):
        made = utils.timeseries_dataset_from_array(
            np.arange(50), np.arange(50), 3, batch_size=7, shuffle=True, seed=seed
        )
        assert len(made) == len(list(made)) == 7
        return [np.concatenate([y for _, y in made]) for _ in range(2)]

    first, second = passes(5)
    assert sorted(first) == sorted(second) == list(range(48))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(passes(5)[0], first)
    assert not np.array_equal(passes(6)[0], first)


def test_windows_one_by_one():
    made = utils.timeseries_dataset_from_array(np.arange(9.0), None, 3, 2, batch_size=None)
    np.testing.assert_array_equal(list(made), [[0, 1, 2], [2, 3, 4], [4, 5, 6], [6, 7, 8]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequence_length": 0}, "sequence_length of at least 1"),
        ({"sequence_length": 11}, "needs 11 steps of data; there are 10"),
        ({"sequence_length": 4, "sampling_rate": 4}, "needs 13 steps"),
        ({"sequence_length": 2, "sequence_stride": 0}, "sequence_stride"),
        ({"sequence_length": 2, "start_index": 5, "end_index": 5}, "start_index < end_index"),
        ({"sequence_length": 2, "end_index": 11}, "end_index <= 10"),
        ({"sequence_length": 2, "batch_size": 0}, "batch_size=0"),
    ],
)
def test_time_series_errors(options, message):
    with pytest.raises(ValueError, match=message):
        utils.timeseries_dataset_from_array(np.arange(10), np.arange(10), **options)


def small_model():
    model = diptych.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_data_sets_are_trained_on():
    """Two epochs over a data set give the bits of two epochs over its arrays."""
    series, targets = np.random.default_rng(0).normal(size=(2, 50))
    data = utils.timeseries_dataset_from_array(series, targets, 3, batch_size=8)
    x = np.concatenate([x for x, _ in data])
    y = np.concatenate([y for _, y in data])
    utils.set_random_seed(1)
    one = small_model()
    one.fit(data, epochs=2, verbose=0, validation_data=data.take(2))
    utils.set_random_seed(1)
    other = small_model()
    other.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])
    inputs = data.map(lambda x, y: x)
    np.testing.assert_array_equal(
        one.predict(inputs, verbose=0), other.predict(x, batch_size=8, verbose=0)
    )
    assert one.evaluate(data, verbose=0) == other.evaluate(x, y, batch_size=8, verbose=0)
    assert inputs.map(lambda x: x[:1]).take(9).__len__() == 6


def test_old_windows_are_trained_on():
    series = np.arange(30.0)
    data = TimeseriesGenerator(series, series, 3, batch_size=4)
    model = small_model()
    history = model.fit(data, epochs=2, steps_per_epoch=3, verbose=0)
    assert len(history.history["loss"]) == 2
    assert model.predict(data, verbose=0).shape == (27, 1)
    assert len(list(data)) == 7
    shuffled = TimeseriesGenerator(series, series, 3, batch_size=4, shuffle=True)
    x, y = shuffled[0]
    np.testing.assert_array_equal(x, y[:, None] - [3, 2, 1])
    with pytest.raises(ValueError, match="30 steps and 29 targets"):
        TimeseriesGenerator(series, series[1:], 3)
    with pytest.raises(ValueError, match="no window"):
        TimeseriesGenerator(series, series, 30)


def test_generators_and_what_is_mistaken_for_them():
    def batches():
        while True:
            yield np.ones((4, 3)), np.ones((4, 1))

    model = small_model()
    options = {"steps_per_epoch": 2, "validation_steps": 1, "verbose": 0}
    history = model.fit(batches(), validation_data=batches(), epochs=2, **options)
    assert len(history.history["val_loss"]) == 2
    assert model.predict(batches(), steps=3, verbose=0).shape == (12, 1)
    with pytest.raises(
        ValueError, match=r"x is the function batches, not a generator; .*: batches\(\)"
    ):
        model.fit(batches, steps_per_epoch=2)
    listed = [(np.ones((4, 3)), np.ones((4, 1)))] * 2
    with pytest.raises(ValueError, match=r"iter\(x\) gives them"):
        model.fit(listed)
    model.fit(iter(listed), verbose=0)


# ------------------------------------------------------------------------- texts in folders


@pytest.fixture
def folder(tmp_path):
    for name in ("neg", "pos"):
        (tmp_path / name).mkdir()
        for i in range(5):
            (tmp_path / name / f"{i}.txt").write_text(f"{name} film {i} é", encoding="utf-8")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "pos" / "picture.png").write_bytes(b"\x89PNG")
    return tmp_path


def test_texts_in_folders(folder, capsys):
    data = utils.text_dataset_from_directory(folder, batch_size=4, shuffle=False)
    assert capsys.readouterr().out == "Found 10 files belonging to 2 classes.\n"
    assert data.class_names == ["neg", "pos"]
    assert len(data.file_paths) == 10
    x, y = next(iter(data))
    assert x.tolist() == [f"neg film {i} é" for i in range(4)]
    assert y.tolist() == [0] * 4
    assert y.dtype == np.int32
    binary = utils.text_dataset_from_directory(folder, label_mode="binary", verbose=False)
    assert next(iter(binary))[1].shape == (10, 1)
    alone = utils.text_dataset_from_directory(folder, labels=None, max_length=3, verbose=False)
    assert sorted(next(iter(alone)).tolist()) == ["neg"] * 5 + ["pos"] * 5


def test_the_parts_of_a_split_do_not_overlap(folder, capsys):
    options = {"validation_split": 0.3, "seed": 1}
    parts = [
        utils.text_dataset_from_directory(folder, subset=subset, **options).file_paths
        for subset in ("training", "validation")
    ]
    assert [len(part) for part in parts] == [7, 3]
    assert len({*parts[0], *parts[1]}) == 10
    assert "Using 3 files for validation." in capsys.readouterr().out
    both = utils.text_dataset_from_directory(folder, subset="both", verbose=False, **options)
    assert [made.file_paths for made in both] == parts


def test_a_model_of_texts_in_folders(folder):
    utils.set_random_seed(0)
    data = utils.text_dataset_from_directory(folder, batch_size=5, verbose=False)
    vectorize = layers.TextVectorization(output_mode="multi_hot")
    vectorize.adapt(data.map(lambda x, y: x))
    assert vectorize.vocabulary_size() == 10
    model = diptych.Sequential([vectorize, layers.Dense(1, activation="sigmoid")])
    model.compile(diptych.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    model.fit(data, epochs=20, verbose=0)
    assert model.evaluate(data, verbose=0)[1] == 1.0
    prepared = data.map(lambda x, y: (vectorize(x), y))
    head = diptych.Sequential(model.layers[1:])
    head.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    assert head.evaluate(prepared, verbose=0)[1] == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_mode": "one_hot"}, "label_mode"),
        ({"label_mode": "categorial"}, "did you mean 'categorical'"),
        ({"class_names": ["neg", "poss"]}, "'poss'; did you mean 'pos'"),
        ({"labels": [1, 2]}, "got 2 labels, and there are 10"),
        ({"labels": "guessed"}, "labels='inferred'"),
        ({"labels": None, "class_names": ["neg"]}, "only with labels='inferred'"),
        ({"validation_split": 0.2}, "both validation_split and subset"),
        ({"subset": "training"}, "both validation_split and subset"),
        ({"validation_split": 2, "subset": "both"}, "between 0 and 1"),
        ({"validation_split": 0.2, "subset": "training"}, "needs a `seed`"),
        ({"validation_split": 0.01, "subset": "both"}, "leaves 10 for training and 0"),
        ({"class_names": ["pos"], "label_mode": "binary"}, "needs two classes"),
    ],
)
def test_text_folder_errors(folder, options, message):
    with pytest.raises(ValueError, match=message):
        utils.text_dataset_from_directory(**{"directory": folder, "verbose": False, **options})


def test_a_folder_that_is_not_there_or_without_texts(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder 'nowhere'"):
        utils.text_dataset_from_directory("nowhere")
    with pytest.raises(ValueError, match="no .txt files.*labels=None"):
        utils.text_dataset_from_directory(tmp_path)


# ------------------------------------------------------------------------- Tokenizer

SENTENCES = ["The cat sat on the mat.", "The dog, the DOG! sat"]


def test_tokenizer():
    tokenizer = Tokenizer(oov_token="<OOV>")
    tokenizer.fit_on_texts(SENTENCES)
    assert list(tokenizer.word_index) == ["<OOV>", "the", "sat", "dog", "cat", "on", "mat"]
    assert tokenizer.word_counts["the"] == 4
    assert tokenizer.document_count == 2
    assert tokenizer.texts_to_sequences(["the bird sat", ["THE", "mat"]]) == [[2, 1, 3], [2, 7]]
    assert tokenizer.sequences_to_texts([[2, 1, 99]]) == ["the <OOV> <OOV>"]
    again = tokenizer_from_json(tokenizer.to_json())
    assert again.get_config() == tokenizer.get_config()
    assert json.loads(tokenizer.to_json(indent=1))["class_name"] == "Tokenizer"
    np.testing.assert_array_equal(
        again.texts_to_matrix(SENTENCES, "tfidf"), tokenizer.texts_to_matrix(SENTENCES, "tfidf")
    )


def test_tokenizer_with_the_words_of_a_function():
    tokenizer = Tokenizer(analyzer=lambda text: text.split("-"))
    tokenizer.fit_on_texts(["a-b", "b"])
    assert tokenizer.texts_to_sequences(["a-c-b"]) == [[2, 1]]


def test_tokenizer_of_sequences():
    tokenizer = Tokenizer(num_words=4)
    tokenizer.fit_on_sequences([[1, 2], [2, 2]])
    matrix = tokenizer.sequences_to_matrix([[2, 2, 9], []], mode="tfidf")
    np.testing.assert_allclose(matrix, [[0, 0, (1 + np.log(2)) * np.log(1 + 2 / 3), 0], [0] * 4])


def test_the_old_name_of_num_words():
    diptych.legacy.forget_notes()
    with pytest.warns(diptych.legacy.LegacySpelling, match="num_words"):
        tokenizer = Tokenizer(nb_words=3)
    assert tokenizer.num_words == 3


def test_hashes_of_words():
    assert text_to_word_sequence("Hello, World-wide!") == ["hello", "world", "wide"]
    numbers = one_hot("a b a", 1000)
    assert numbers[0] == numbers[2]
    assert all(1 <= n < 1000 for n in numbers)
    assert hashing_trick("a b", 50, hash_function=len) == [2, 2]


def test_skipgrams():
    random.seed(3)
    pairs, labels = skipgrams([1, 2, 0, 3], 9, window_size=1, shuffle=False)
    assert pairs[:2] == [[1, 2], [2, 1]]
    assert labels == [1, 1, 0, 0]
    assert all(1 <= other < 9 for _, other in pairs)
    rare, _ = skipgrams([1, 2, 1, 2], 3, sampling_table=np.array([1.0, 0.0, 1.0]))
    assert {first for first, _ in rare} == {2}
    table = make_sampling_table(1000)
    assert (np.diff(table) >= 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Tokenizer(num_words=0), "`num_words`"),
        (lambda: Tokenizer().fit_on_texts("one text"), r"pass \[text\]"),
        (lambda: Tokenizer().fit_on_texts([3]), "got 3 of type int"),
        (lambda: Tokenizer().texts_to_sequences(["a"]), "call fit_on_texts"),
        (lambda: Tokenizer().sequences_to_matrix([[1]]), "num_words=... of the Tokenizer, or call"),
        (lambda: Tokenizer(num_words=3).sequences_to_matrix([[1]], "tf_idf"), "mean 'tfidf'"),
        (lambda: Tokenizer(num_words=3).sequences_to_matrix([[1]], "tfidf"), "frequency of words"),
        (lambda: hashing_trick("a", 1), "at least 2 as `n`"),
        (lambda: hashing_trick("a", 5, "sha"), "'md5'"),
        (lambda: skipgrams([5], 5), "the sequence has 5"),
    ],
)
def test_old_functions_teach(call, message):
    with pytest.raises(ValueError, match=message):
        call()
