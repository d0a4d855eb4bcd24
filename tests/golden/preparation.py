"""Recipes for the layers and functions that prepare texts, categories and sequences."""

import tempfile
from pathlib import Path

import numpy as np

from .recipes import numbers, recipe

TEXTS = ["The cat. the DOG, É don't", "a", "", "x\u00a0y  z\tcat, the cat"]
WORDS = ["a", "b", "c"]


def words(tokens):
    """Texts as an array of bytes, a line each."""
    return np.frombuffer("\n".join(map(str, tokens)).encode(), dtype=np.uint8)


def arrays(**results):
    """As arrays; Keras gives counts as integers where diptych gives floats."""
    return {name: np.asarray(value).astype("f4") for name, value in results.items()}


# ------------------------------------------------------------------------- hashes

LONG = "".join(chr(32 + (7 * i * i + i) % 90) for i in range(300))
HASHED = [LONG[i : i + n] for i, n in enumerate([*range(0, 70), 96, 127, 128, 129, 200])] + [
    "É漢字"
]


@recipe("preparation", "hashing")
def hashing(kit):
    Hashing = kit.layers.Hashing  # noqa: N806
    x = np.array(HASHED)
    pairs = np.array([["A", "B"], ["C", "A"], ["", "C"]])
    return arrays(
        long=Hashing(1_000_003)(x),
        salted=Hashing(1_000_003, salt=[133, -137])(x),
        one_salt=Hashing(1_000_003, salt=133)(x),
        mask=Hashing(5, mask_value="C")(pairs),
        one_bin=Hashing(1, mask_value="C")(pairs),
        one_hot=Hashing(3, output_mode="one_hot")(pairs),
        one_hot_column=Hashing(3, output_mode="one_hot")(pairs[:, :1]),
        multi_hot=Hashing(3, output_mode="multi_hot")(pairs),
        count=Hashing(3, output_mode="count")(pairs),
        count_of_one=Hashing(3, output_mode="count")(pairs[0]),
        integers=Hashing(7)(np.array([[1, 2], [-3, 2**40]])),
        integer_mask=Hashing(7, mask_value=2)(np.array([[1, 2], [-3, 2**40]])),
        floats=Hashing(7)(np.array([1.5, 2.0, -3.9])),
        booleans=Hashing(7)(np.array([True, False])),
    )


# ------------------------------------------------------------------------- lookups

LOOKUPS = {
    "int": {},
    "mask": {"mask_token": ""},
    "several_oov": {"mask_token": "", "num_oov_indices": 3},
    "salted_oov": {"num_oov_indices": 3, "salt": 7},
    "one_hot": {"output_mode": "one_hot"},
    "one_hot_mask": {"output_mode": "one_hot", "mask_token": ""},
    "multi_hot": {"output_mode": "multi_hot", "mask_token": ""},
    "count": {"output_mode": "count"},
    "count_padded": {"output_mode": "count", "max_tokens": 7, "pad_to_max_tokens": True},
    "tf_idf": {"output_mode": "tf_idf", "idf_weights": [0.25, 0.5, 1.0]},
    "binary": {"output_mode": "multi_hot", "num_oov_indices": 2},
}


def string_lookup(kit, args):
    (options,) = args
    x = np.array([["a", "", "z", "b"], ["b", "b", "y", "b"]])
    layer = kit.layers.StringLookup(vocabulary=WORDS, **options)
    return {
        **arrays(
            y=layer(x),
            row=layer(x[0]),
            column=layer(x[:, :1]),
            size=layer.vocabulary_size(),
            shape=[n or -1 for n in layer.compute_output_shape((2, 4))],
        ),
        "vocabulary": words(layer.get_vocabulary()),
        "plain": words(layer.get_vocabulary(include_special_tokens=False)),
    }


for name, options in LOOKUPS.items():
    recipe("preparation", f"string_lookup_{name}", options)(string_lookup)


ADAPTED = {
    "int": {},
    "few": {"max_tokens": 4, "mask_token": ""},
    "multi_hot": {"output_mode": "multi_hot"},
    "tf_idf": {"output_mode": "tf_idf"},
    "tf_idf_padded": {"output_mode": "tf_idf", "max_tokens": 9, "pad_to_max_tokens": True},
}
DOCUMENTS = [["a", "b", "a", "É"], ["b", "", "d", "b"], ["z", "a", "[UNK]", "c"]]


def string_lookup_adapted(kit, args):
    (options,) = args
    layer = kit.layers.StringLookup(**options)
    layer.adapt(np.array(DOCUMENTS))
    batches = kit.layers.StringLookup(**options)
    batches.adapt(iter([np.array(DOCUMENTS[:2]), np.array(DOCUMENTS[2:])]))
    return {
        **arrays(y=layer(np.array(DOCUMENTS)), y_batches=batches(np.array(DOCUMENTS))),
        "vocabulary": words(layer.get_vocabulary()),
    }


for name, options in ADAPTED.items():
    recipe("preparation", f"string_lookup_adapted_{name}", options)(string_lookup_adapted)


@recipe("preparation", "string_lookup_special_tokens_with_weights")
def lookup_with_special_weights(kit):
    layer = kit.layers.StringLookup(
        output_mode="tf_idf", vocabulary=["[UNK]", *WORDS], idf_weights=[0.9, 0.25, 0.5, 1.0]
    )
    return arrays(y=layer(np.array([["a", "c", "z", "z"]])))


@recipe("preparation", "inverted_lookups")
def inverted(kit):
    indices = np.array([0, 1, 2, 9, -1])
    plain = kit.layers.StringLookup(vocabulary=WORDS, invert=True)(indices)
    masked = kit.layers.StringLookup(vocabulary=WORDS, invert=True, mask_token="")(indices)

    def as_words(tensor):
        return words(w if isinstance(w, str) else w.decode() for w in tensor.numpy().tolist())

    integers = kit.layers.IntegerLookup(vocabulary=[50, 6], invert=True)
    return {
        "plain": as_words(plain),
        "masked": as_words(masked),
        "integers": np.asarray(integers(indices)),
    }


INTEGER_LOOKUPS = {
    "int": {},
    "mask": {"mask_token": 0},
    "floormod": {"num_oov_indices": 3},
    "farmhash": {"num_oov_indices": 3, "oov_method": "farmhash"},
    "salted": {"num_oov_indices": 3, "oov_method": "farmhash", "salt": 7},
    "count": {"output_mode": "count", "mask_token": 0},
    "one_hot": {"output_mode": "one_hot"},
}


def integer_lookup(kit, args):
    (options,) = args
    x = np.array([[50, 6, 7, 0, -8], [2**40, 50, 50, 0, 9]])
    given = kit.layers.IntegerLookup(vocabulary=[50, 6, 1138], **options)
    learned = kit.layers.IntegerLookup(**options)
    learned.adapt(x)
    return arrays(
        given=given(x),
        learned=learned(x),
        vocabulary=learned.get_vocabulary(),
    )


for name, options in INTEGER_LOOKUPS.items():
    recipe("preparation", f"integer_lookup_{name}", options)(integer_lookup)


# ------------------------------------------------------------------------- texts

VECTORIZATIONS = {
    "default": {},
    "length": {"output_sequence_length": 3},
    "long": {"output_sequence_length": 9},
    "bigrams": {"ngrams": 2},
    "only_bigrams": {"ngrams": (2,)},
    "3_and_1": {"ngrams": (3, 1), "output_sequence_length": 12},
    "multi_hot": {"output_mode": "multi_hot"},
    "count": {"output_mode": "count"},
    "tf_idf": {"output_mode": "tf_idf"},
    "tf_idf_bigrams_padded": {
        "output_mode": "tf_idf",
        "ngrams": 2,
        "max_tokens": 30,
        "pad_to_max_tokens": True,
    },
    "few": {"max_tokens": 4},
    "character": {"split": "character"},
    "raw": {"standardize": None},
    "lower": {"standardize": "lower"},
    "strip": {"standardize": "strip_punctuation"},
    "unsplit": {"split": None},
    "unsplit_count": {"split": None, "output_mode": "count"},
}


def text_vectorization(kit, args):
    (options,) = args
    layer = kit.layers.TextVectorization(**options)
    layer.adapt(TEXTS)
    other = ["the dog \t sat; the", "", "É é z"]
    return {
        **arrays(
            y=layer(TEXTS),
            other=layer(other),
            column=layer(np.array(other)[:, None]),
            size=layer.vocabulary_size(),
        ),
        "vocabulary": words(layer.get_vocabulary()),
    }


for name, options in VECTORIZATIONS.items():
    recipe("preparation", f"text_vectorization_{name}", options)(text_vectorization)


@recipe("preparation", "text_vectorization_of_given_words")
def text_vectorization_given(kit):
    layer = kit.layers.TextVectorization
    tokens = np.array([["a", "b"], ["z", "c"]])
    tf_idf = layer(output_mode="tf_idf", vocabulary=WORDS, idf_weights=[0.25, 0.5, 1.0])
    return arrays(
        y=layer(vocabulary=WORDS)(["a b z", "c"]),
        alone=layer(vocabulary=WORDS)("a b z"),
        unsplit=layer(vocabulary=WORDS, split=None, output_sequence_length=3)(tokens),
        unsplit_bigrams=layer(vocabulary=["a b"], split=None, ngrams=2)(tokens),
        tf_idf=tf_idf(["a a z", "", "c b"]),
        empty=layer(vocabulary=WORDS)(["", ""]),
    )


# ------------------------------------------------------------------------- categories and bins


def category_encoding(kit, args):
    (mode,) = args
    layer = kit.layers.CategoryEncoding(4, output_mode=mode)
    x = np.array([[0, 1, 1], [3, 1, 3]])
    results = {"y": layer(x), "row": layer(x[0]), "column": layer(x[:, :1])}
    if mode == "count":
        results["weighted"] = layer(x, count_weights=np.array([[0.5, 2, 1], [1, 3, 0]]))
    return arrays(**results)


for mode in ("one_hot", "multi_hot", "count"):
    recipe("preparation", f"category_encoding_{mode}", mode)(category_encoding)


def discretization(kit, args):
    (mode,) = args
    x = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])
    given = kit.layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0], output_mode=mode)
    learned = kit.layers.Discretization(num_bins=4, epsilon=0.01, output_mode=mode)
    learned.adapt(x)
    return arrays(y=given(x), row=given(x[0]), learned=learned(x), bins=learned.bin_boundaries)


for mode in ("int", "one_hot", "multi_hot", "count"):
    recipe("preparation", f"discretization_{mode}", mode)(discretization)


@recipe("preparation", "discretization_of_much")
def discretization_of_much(kit):
    results = {}
    for bins, epsilon in ((3, 0.01), (10, 0.01), (7, 0.1), (200, 0.02)):
        layer = kit.layers.Discretization(num_bins=bins, epsilon=epsilon)
        layer.adapt([numbers(1, 1000, 3), 2 * numbers(2, 300), numbers(3, 7)])
        results[f"bins_{bins}_{epsilon}"] = layer.bin_boundaries
    layer = kit.layers.Discretization(bin_boundaries=[0.0, 1.0])
    results["extremes"] = layer(np.array([np.nan, np.inf, -np.inf]))
    return arrays(**results)


# ------------------------------------------------------------------------- sequences


@recipe("preparation", "pad_sequences")
def pad_sequences(kit):
    pad = kit.utils.pad_sequences
    rows = [[1], [2, 3, 4], [], [5, 6]]
    return arrays(
        pre=pad(rows),
        post=pad(rows, padding="post"),
        cut=pad(rows, maxlen=2),
        cut_post=pad(rows, maxlen=2, truncating="post", padding="post", value=-1),
        long=pad(rows, maxlen=5, dtype="float32", value=0.5),
        steps=pad([[[1, 2]], [[3, 4], [5, 6]]], padding="post"),
    )


WINDOWS = {
    "plain": {"sequence_length": 4},
    "stride": {"sequence_length": 3, "sequence_stride": 2, "sampling_rate": 3, "batch_size": 3},
    "part": {"sequence_length": 3, "start_index": 4, "end_index": 16},
}


def timeseries(kit, args):
    (options,) = args
    series = numbers(1, 20, 2)
    make = kit.utils.timeseries_dataset_from_array
    results = {}
    for i, (x, y) in enumerate(make(series[:-3], np.arange(3, 23), **options)):
        results[f"x{i}"], results[f"y{i}"] = x, y
    results["alone"] = next(iter(make(series[:, 0], None, **options)))
    return arrays(**results)


for name, options in WINDOWS.items():
    recipe("preparation", f"timeseries_{name}", options)(timeseries)


def old_preprocessing(kit):
    """The functions of Keras 2, which Keras 3 keeps out of sight."""
    if hasattr(kit.preprocessing, "text"):
        return kit.preprocessing
    from keras.src.legacy import preprocessing
    from keras.src.legacy.preprocessing import sequence, text  # noqa: F401

    return preprocessing


SENTENCES = ["The cat sat on the mat.", "The dog, the DOG! sat", "", "A cat's a cat"]
TOKENIZERS = {
    "plain": {},
    "few": {"num_words": 4},
    "oov": {"num_words": 5, "oov_token": "<OOV>"},
    "characters": {"char_level": True, "lower": False},
    "filters": {"filters": ".", "split": "t"},
}


def tokenizer(kit, args):
    (options,) = args
    made = old_preprocessing(kit).text.Tokenizer(**options)
    made.fit_on_texts(SENTENCES)
    new = ["the mat and the dog", "a"]
    rows = made.texts_to_sequences(new)
    results = {"lengths": [len(row) for row in rows], "numbers": sum(rows, [])}
    for mode in ("binary", "count", "freq", "tfidf"):
        results[mode] = made.texts_to_matrix([*new, *SENTENCES], mode=mode)
    return {
        **arrays(**results),
        "back": words(made.sequences_to_texts(rows)),
        "index": words(made.word_index),
    }


for name, options in TOKENIZERS.items():
    recipe("preparation", f"tokenizer_{name}", options)(tokenizer)


@recipe("preparation", "old_functions")
def old_functions(kit):
    text, sequence = old_preprocessing(kit).text, old_preprocessing(kit).sequence
    numbered = [3, 1, 0, 4, 2, 2, 5]
    pairs, labels = sequence.skipgrams(
        numbered, 6, window_size=2, negative_samples=0.0, seed=5, categorical=True
    )
    generator = sequence.TimeseriesGenerator(
        np.arange(40).reshape(20, 2), np.arange(20), 5, sampling_rate=2, stride=3, batch_size=2
    )
    reverse = sequence.TimeseriesGenerator(
        np.arange(20), np.arange(20), 5, start_index=2, end_index=15, reverse=True
    )
    return {
        **arrays(
            md5=text.hashing_trick(SENTENCES[0], 50, hash_function="md5"),
            table=sequence.make_sampling_table(30, 1e-2),
            pairs=pairs,
            labels=labels,
            batches=len(generator),
            x=generator[1][0],
            y=generator[1][1],
            last=generator[len(generator) - 1][0],
            reverse=reverse[0][0],
        ),
        "words": words(text.text_to_word_sequence(SENTENCES[1])),
    }


@recipe("preparation", "text_dataset_from_directory")
def text_files(kit):
    with tempfile.TemporaryDirectory() as folder:
        for label, name in enumerate(("neg", "pos", "zero")):
            for i in range(7):
                file = Path(folder, name, f"sub{i % 2}", f"{i}.txt")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{100 * label + i}")
        options = {"validation_split": 0.3, "seed": 3, "batch_size": 4, "verbose": False}
        results = {}
        for subset in ("training", "validation"):
            made = kit.utils.text_dataset_from_directory(folder, subset=subset, **options)
            rows = [
                (int(x), int(y))
                for xs, ys in made
                for x, y in zip(np.asarray(xs), np.asarray(ys), strict=True)
            ]
            results[subset] = sorted(rows)
        ordered = kit.utils.text_dataset_from_directory(
            folder,
            shuffle=False,
            label_mode="categorical",
            class_names=["zero", "neg"],
            batch_size=20,
            verbose=False,
        )
        x, results["categorical"] = next(iter(ordered))
        results["texts"] = [int(text) for text in np.asarray(x)]
    return arrays(**results)
