"""Texts to lists of numbers as in Keras 2: `Tokenizer` and related functions.

Many tutorials use them. In new code use `layers.TextVectorization`, which is part of the model.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..legacy import accepts_old
from ..utils.naming import suggest

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
MODES = ("binary", "count", "freq", "tfidf")


def text_to_word_sequence(
    input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """Split a text into words.

    Args:
        input_text: the text.
        filters: characters that also separate words.
        lower: whether to convert it to lower case.
        split: the separator of words.
    """
    if lower:
        input_text = input_text.lower()
    table: dict[str, int | str | None] = dict.fromkeys(filters, split)
    separated = input_text.translate(str.maketrans(table))
    return [word for word in separated.split(split) if word]


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable | None = None,
) -> list[int]:
    """The words of a text as numbers 1 .. n - 1, by Python's ``hash``.

    As in Keras 2, numbers differ from one process to the next, since Python salts its hash. For
    constant numbers use ``hashing_trick`` with "md5", or ``layers.Hashing``.

    Args:
        input_text: the text.
        n: one more than the largest number.
        filters: characters that are taken out.
        lower: whether to use small letters.
        split: what stands between words.
        analyzer: a function that makes a list of words of the text, in the place of these
            three.
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable | str | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable | None = None,
) -> list[int]:
    """The words of a text as numbers 1 .. n - 1, by a hash; different words may share a number.

    Args:
        text: the text.
        n: one more than the largest number.
        hash_function: a function from a word to a whole number; "md5", which is the same in every
            process; None for Python's ``hash``, which is not.
        filters, lower, split: see ``text_to_word_sequence``.
        analyzer: a function from a text to its words, used instead of these three.
    """
    if not isinstance(n, (int, np.integer)) or n < 2:
        raise ValueError(f"hashing_trick() needs a whole number of at least 2 as `n`; got {n!r}.")
    if hash_function == "md5":
        hash_function = _md5
    elif hash_function is None:
        hash_function = hash
    elif not callable(hash_function):
        raise ValueError(
            f"hashing_trick() needs hash_function='md5', None or a function; got {hash_function!r}."
        )
    words = analyzer(text) if analyzer else text_to_word_sequence(text, filters, lower, split)
    return [hash_function(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


class Tokenizer:
    """Texts to lists of numbers: word 1 is the most frequent one.

        tokenizer = Tokenizer(num_words=1000, oov_token="<OOV>")
        tokenizer.fit_on_texts(texts)
        x = pad_sequences(tokenizer.texts_to_sequences(texts))

    Args:
        num_words: use only numbers below it, that is the num_words - 1 most frequent words;
            ``word_index`` holds all words.
        filters, lower, split: see ``text_to_word_sequence``.
        char_level: whether to treat every character as a word.
        oov_token: a word that replaces unknown ones, with number 1; without it they are left out.
        analyzer: a function from a text to its words.
        document_count: the number of texts already counted.

    Attributes:
        word_index: {word: number}, from 1; 0 is not used.
        index_word: {number: word}.
        word_counts: {word: count}, in the order of first occurrence.
        word_docs, index_docs: {word or number: number of texts that contain it}.
        document_count: the number of texts counted.
    """

    @accepts_old(nb_words="num_words")
    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable | None = None,
        document_count: int = 0,
    ) -> None:
        if num_words is not None and (
            not isinstance(num_words, (int, np.integer)) or num_words < 1
        ):
            raise ValueError(
                f"Tokenizer needs a whole number of at least 1 as `num_words`, or None; got "
                f"{num_words!r}."
            )
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer
        self.document_count = document_count
        self.word_counts: Counter[str] = Counter()
        self.word_docs: Counter[str] = Counter()
        self.index_docs: Counter[int] = Counter()
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    # ----------------------------------------------------------------------------------------------
    # Learning

    def fit_on_texts(self, texts: Iterable) -> None:
        """Count the words of texts, each a string or a list of words, and renumber all words."""
        if isinstance(texts, str):
            raise ValueError(
                "fit_on_texts() takes a list of texts, but got a single string, whose characters "
                "would be the texts: pass [text]."
            )
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            self.word_counts.update(words)
            self.word_docs.update(set(words))
        first = [] if self.oov_token is None else [self.oov_token]
        # sorted() is stable: equally frequent words stay in the order of first occurrence.
        counts = self.word_counts
        by_frequency = sorted(counts, key=lambda word: counts[word], reverse=True)
        self.word_index = {word: i for i, word in enumerate([*first, *by_frequency], 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Any) -> None:
        """Count the sequences that contain each number, for ``sequences_to_matrix``."""
        self.document_count += len(sequences)
        for sequence in sequences:
            self.index_docs.update(set(sequence))

    def _words(self, text: Any) -> Any:
        if self.char_level or isinstance(text, (list, tuple)):
            if not self.lower:
                return text
            is_list = isinstance(text, (list, tuple))
            return [word.lower() for word in text] if is_list else text.lower()
        if not isinstance(text, str):
            raise ValueError(
                f"Tokenizer takes texts or lists of words, but got {text!r} of type "
                f"{type(text).__name__}."
            )
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    # ----------------------------------------------------------------------------------------------
    # Texts to numbers and back

    def texts_to_sequences(self, texts: Iterable) -> list[list[int]]:
        """A list of numbers for each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable) -> Iterator[list[int]]:
        """The same, one text at a time."""
        if not self.word_index:
            raise ValueError(
                "This Tokenizer has no vocabulary yet: call fit_on_texts(texts) first."
            )
        if isinstance(texts, str):
            raise ValueError(
                "texts_to_sequences() takes a list of texts, but got a single string: pass [text]."
            )
        for text in texts:
            numbers = [self._known(self.word_index.get(word)) for word in self._words(text)]
            yield [number for number in numbers if number is not None]

    def _known(self, number: int | None) -> int | None:
        """The number, or that of the oov token for an unknown word, or None."""
        if number is not None and (not self.num_words or number < self.num_words):
            return number
        return None if self.oov_token is None else self.word_index.get(self.oov_token)

    def sequences_to_texts(self, sequences: Iterable) -> list[str]:
        """The words of each list of numbers, joined by spaces."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable) -> Iterator[str]:
        """The same, one list at a time."""
        for sequence in sequences:
            known = (self._known(n if n in self.index_word else None) for n in sequence)
            yield " ".join(self.index_word[number] for number in known if number is not None)

    def texts_to_matrix(self, texts: Iterable, mode: str = "binary") -> np.ndarray:
        """A row for each text with a column for each number: see ``sequences_to_matrix``."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Any, mode: str = "binary") -> np.ndarray:
        """A row for each list of numbers, with a column for each number.

        mode: "binary": 1 for each number in it; "count": how often; "freq": what fraction of it;
            "tfidf": (1 + log(count)) * log(1 + documents / (1 + documents with it)).
        """
        if mode not in MODES:
            raise ValueError(
                f"sequences_to_matrix() needs mode to be one of {', '.join(map(repr, MODES))}; got "
                f"{mode!r}{suggest(mode, MODES) or '.'}"
            )
        columns = self.num_words or (len(self.word_index) + 1 if self.word_index else 0)
        if not columns:
            raise ValueError(
                "sequences_to_matrix() does not know the number of columns: set num_words=... of "
                "the Tokenizer, or call fit_on_texts(texts) first."
            )
        if mode == "tfidf" and not self.document_count:
            raise ValueError(
                "mode='tfidf' needs the frequency of words: call fit_on_texts(texts) or "
                "fit_on_sequences(sequences) first."
            )
        matrix = np.zeros((len(sequences), columns))
        for row, sequence in zip(matrix, sequences, strict=True):
            for number, count in Counter(n for n in sequence if n < columns).items():
                if mode == "count":
                    row[number] = count
                elif mode == "freq":
                    row[number] = count / len(sequence)
                elif mode == "binary":
                    row[number] = 1
                else:
                    documents = self.document_count / (1 + self.index_docs.get(number, 0))
                    row[number] = (1 + np.log(count)) * np.log(1 + documents)
        return matrix

    # ----------------------------------------------------------------------------------------------
    # Configs

    def get_config(self) -> dict[str, Any]:
        """Arguments and counts, the dicts as JSON, in Keras 2's form."""
        counts = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token")
        config = {name: getattr(self, name) for name in (*names, "document_count")}
        return {**config, **{name: json.dumps(getattr(self, name)) for name in counts}}

    def to_json(self, **kwargs: Any) -> str:
        """The tokenizer as JSON, which ``tokenizer_from_json`` reads."""
        described = {"class_name": type(self).__name__, "config": self.get_config()}
        return json.dumps(described, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer from JSON written by ``Tokenizer.to_json`` or Keras 2.

    Args:
        json_string: the JSON.
    """
    config = dict(json.loads(json_string)["config"])
    by_word = {name: json.loads(config.pop(name)) for name in ("word_counts", "word_docs")}
    word_index = json.loads(config.pop("word_index"))
    by_number = {  # JSON keys are strings
        name: {int(key): value for key, value in json.loads(config.pop(name)).items()}
        for name in ("index_docs", "index_word")
    }
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts = Counter(by_word["word_counts"])
    tokenizer.word_docs = Counter(by_word["word_docs"])
    tokenizer.index_docs = Counter(by_number["index_docs"])
    tokenizer.word_index = word_index
    tokenizer.index_word = by_number["index_word"]
    return tokenizer


def __dir__() -> list[str]:
    return sorted(__all__)
