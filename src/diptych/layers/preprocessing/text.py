"""TextVectorization: standardizes texts, splits them into words, and numbers the words."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any

import numpy as np

from ...utils.registration import get_registered_object
from .base import (
    MODES,
    KeepsVocabulary,
    Preparation,
    Ragged,
    batches_to_adapt_to,
    check_choice,
    check_count,
    check_mode,
    is_array_or_list,
    refuse_sparse,
    texts_of,
)
from .lookup import StringLookup, check_no_path, documents_of

__all__ = ["TextVectorization"]

STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
SPLIT = ("whitespace", "character")
# As in TensorFlow, only ASCII counts: 'É' stays the same, and a non-breaking space is no separator.
_WORD = re.compile(r"[^ \t\n\v\f\r]+")
_SAME = bytes(range(256))
_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_PUNCTUATION = string.punctuation.encode()


class TextVectorization(KeepsVocabulary, Preparation):
    """Turns texts into numbers: standardizes, splits into words, numbers them by a vocabulary.

        layer = TextVectorization(output_sequence_length=4)
        layer.adapt(["the cat sat", "The cat!"])
        layer(["the cat ran"])                # 3 2 1 0: 0 fills up, 1 is an unknown word

    Input shape: (N,) or (N, 1), texts. Output: mode "int" (N, T) int64, padded with 0; "multi_hot",
    "count" and "tf_idf" (N, vocabulary) without a column for padding; "one_hot"
    (N, T, vocabulary). Results are as in Keras, but the encoded modes always give the float type,
    which Keras gives inside models only. As the first layer of a Sequential it needs no Input; in a
    functional model use ``Input(shape=(1,), dtype="string")``. The vocabulary that `adapt` learned
    is not part of `get_config`, as in Keras.

    Args:
        max_tokens: the largest vocabulary to learn, special tokens included.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation" (ASCII letters and
            punctuation alone, as in Keras), None, or a function from an array of strings to an
            array of strings of the same shape.
        split: "whitespace", "character", None (each text is a token), or a function from an array
            of strings to a list of lists of tokens.
        ngrams: None; n for runs of 1, 2, ... n adjacent words; or a tuple of such lengths.
        output_mode: "int", "multi_hot", "count", "tf_idf" or "one_hot".
        output_sequence_length: for "int", the length to which rows are cut or padded; by default
            that of the longest.
        pad_to_max_tokens: whether encoded rows are padded to ``max_tokens`` columns.
        vocabulary: a list or array of words, or the path of a file with one on each line.
        idf_weights: for output_mode="tf_idf" the weight of each word.
        sparse, ragged: must be False; there are no such arrays here.
        encoding: the encoding of texts given as bytes.
        vocabulary_size, has_input_vocabulary: of configurations: how many words there are, and
            whether they were given rather than learned.
    """

    data_dtype = "string"
    reads_text = True

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable | None = "lower_and_strip_punctuation",
        split: str | Callable | None = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        kind = type(self).__name__
        refuse_sparse(kind, sparse, ragged)
        if not callable(standardize):
            check_choice(standardize, (*STANDARDIZE, None), "standardize", kind)
        if not callable(split):
            check_choice(split, (*SPLIT, None), "split", kind)
        self.output_mode = check_mode(output_mode, (*MODES, "tf_idf"), kind)
        if output_sequence_length is not None:
            if self.output_mode != "int":
                raise ValueError(
                    f"{kind} got output_sequence_length={output_sequence_length}, which needs "
                    f"output_mode='int', and output_mode={output_mode!r}, whose rows are as long "
                    "as the vocabulary."
                )
            check_count(output_sequence_length, "output_sequence_length", kind, 0)
        self._standardize = standardize
        self._split = split
        self._ngrams = _widths(ngrams, kind)
        self._ngrams_as_given = ngrams
        self._output_sequence_length = output_sequence_length
        self._encoding = encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=self.output_mode,
            encoding=encoding,
            vocabulary_size=vocabulary_size,
            has_input_vocabulary=has_input_vocabulary,
            name=self.name,  # for error messages
        )

    # ----------------------------------------------------------------------------------------------
    # The vocabulary

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary of texts: the most frequent words first.

        Args:
            data: a list or array of texts; or an iterable of batches of texts.
            batch_size: accepted for Keras's sake, without effect.
            steps: how many batches of an iterable to take; all by default.
        """
        self.reset_state()
        for batch in batches_to_adapt_to(data, steps, self, is_array_or_list):
            if batch is data:
                batch = texts_of(batch, self, self._encoding)
                batch = batch[:, None] if batch.ndim == 1 else batch
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the words of one more batch of texts."""
        self._lookup_layer.update_state(self._tokens(data))

    def finalize_state(self) -> None:
        """Make the vocabulary from the counts."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Clear the counts; the vocabulary stays."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the vocabulary as a list: the index of a word is its number.

        Args:
            include_special_tokens: whether to include the first two, "" (padding) and "[UNK]"
                (unknown words).
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary, instead of learning it: see ``StringLookup.set_vocabulary``."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def vocabulary_size(self) -> int:
        """Return the size of the vocabulary with its special tokens."""
        return self._lookup_layer.vocabulary_size()

    # ----------------------------------------------------------------------------------------------
    # From texts to tokens

    def _tokens(self, inputs: Any) -> Ragged | np.ndarray:
        texts = self._standardized(texts_of(inputs, self, self._encoding))
        if self._split is not None and texts.ndim > 1:
            if texts.shape[-1] != 1:
                raise ValueError(
                    f"Layer {self.name!r} ({type(self).__name__}) splits texts in an array of "
                    f"shape (N,) or (N, 1); got one of shape {texts.shape}. For tokens that are "
                    "split already, use split=None."
                )
            texts = texts[..., 0]
        if self._split is None:
            return texts if self._ngrams is None else self._ngrams_of_array(texts)
        flat = texts.ravel().tolist()
        if self._split == "whitespace":
            rows = [_WORD.findall(text) for text in flat]
        elif self._split == "character":
            rows = [list(text) for text in flat]
        else:
            rows = self._split_by(texts)
        return Ragged.of(rows if self._ngrams is None else [self._runs(row) for row in rows])

    def _standardized(self, texts: np.ndarray) -> np.ndarray:
        if self._standardize is None:
            return texts
        if callable(self._standardize):
            made = np.asarray(self._standardize(texts.astype(str)))
            if made.shape != texts.shape:
                raise ValueError(
                    f"Layer {self.name!r}: the function `standardize` got strings of shape "
                    f"{texts.shape} and returned shape {made.shape}; expected the same."
                )
            return texts_of(made, self, self._encoding)
        table = _SAME if self._standardize == "strip_punctuation" else _LOWER
        dropped = b"" if self._standardize == "lower" else _PUNCTUATION
        made = np.empty(texts.size, dtype=object)
        made[:] = [
            text.encode("utf-8", "surrogatepass")
            .translate(table, dropped)
            .decode("utf-8", "surrogatepass")
            for text in texts.ravel().tolist()
        ]
        return made.reshape(texts.shape)

    def _split_by(self, texts: np.ndarray) -> list[list[str]]:
        given = self._split(texts.astype(str))  # type: ignore[operator, misc]
        rows = [texts_of(list(row), self, self._encoding).tolist() for row in given]
        if len(rows) != texts.size:
            raise ValueError(
                f"Layer {self.name!r}: the function `split` got {texts.size} texts and returned "
                f"{len(rows)} rows; expected a list of tokens for each text."
            )
        return rows

    def _runs(self, words: list[str]) -> list[str]:
        """The n-grams of a row: all of one length, then all of the next."""
        return [
            " ".join(words[i : i + width])
            for width in self._ngrams or ()
            for i in range(len(words) - width + 1)
        ]

    def _ngrams_of_array(self, texts: np.ndarray) -> np.ndarray:
        if texts.ndim == 0:
            texts = texts[None]
        rows = [self._runs(row) for row in documents_of(texts)]
        made = np.empty((len(rows), len(rows[0]) if rows else 0), dtype=object)
        for i, row in enumerate(rows):
            made[i] = row
        return made.reshape(*texts.shape[:-1], made.shape[-1])

    # ----------------------------------------------------------------------------------------------
    # From tokens to numbers

    def prepare(self, inputs: Any) -> np.ndarray:
        tokens = self._tokens(inputs)
        length = self._output_sequence_length
        if isinstance(tokens, Ragged):
            result = self._lookup_layer.prepare_rows(tokens, length)
            # A single text without a batch axis gives a single row.
            alone = isinstance(inputs, (str, bytes)) or getattr(inputs, "ndim", 1) == 0
            return result[0] if alone else result
        result = self._lookup_layer.prepare(tokens)
        if length is None or self.output_mode != "int":
            return result
        result = result[..., :length]
        missing = [(0, 0)] * (result.ndim - 1) + [(0, length - result.shape[-1])]
        return np.pad(result, missing)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shape, length = tuple(input_shape), self._output_sequence_length
        if self.output_mode == "int":
            if self._split is None and self._ngrams is None and length is None:
                return shape
            outer = shape[:-1] if self._split is None else shape[:1]
            return (*outer, length)
        if self._split is not None:
            shape = (*shape[:1], None)
        return self._lookup_layer.output_shape_for(shape)

    def vocabulary_text(self) -> str | None:
        return self._lookup_layer.vocabulary_text()

    def take_vocabulary_text(self, text: str) -> None:
        self._lookup_layer.take_vocabulary_text(text)

    def save_own_variables(self, store: Any) -> None:
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        self._lookup_layer.load_own_variables(store)

    def get_config(self) -> dict[str, Any]:
        lookup = self._lookup_layer.get_config()
        return {
            **super().get_config(),
            "max_tokens": lookup["max_tokens"],
            "standardize": self._standardize,
            "split": self._split,
            "ngrams": self._ngrams_as_given,
            "output_mode": self.output_mode,
            "output_sequence_length": self._output_sequence_length,
            "pad_to_max_tokens": lookup["pad_to_max_tokens"],
            "sparse": False,
            "ragged": False,
            "vocabulary": lookup["vocabulary"],
            "idf_weights": lookup["idf_weights"],
            "encoding": self._encoding,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TextVectorization:
        config = dict(config)
        check_no_path(cls, config)
        for key in ("standardize", "split"):
            config[key] = _function(config.get(key))
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)


def _widths(ngrams: Any, owner: str) -> tuple[int, ...] | None:
    """The lengths of runs of words."""
    if ngrams is None:
        return None
    given = ngrams if isinstance(ngrams, tuple) else (ngrams,)
    for width in given:
        if not isinstance(width, (int, np.integer)) or isinstance(width, bool) or width < 1:
            raise ValueError(
                f"{owner} needs `ngrams` to be a whole number of at least 1 or a tuple of them; "
                f"got ngrams={ngrams!r}."
            )
    return tuple(range(1, ngrams + 1)) if not isinstance(ngrams, tuple) else ngrams


def _function(value: Any) -> Any:
    """The user's function for its entry in a configuration."""
    if not isinstance(value, dict):
        return value
    name = value.get("registered_name") or value.get("config")
    found = get_registered_object(str(name)) or get_registered_object(str(value.get("config")))
    if found is None:
        raise ValueError(
            f"The configuration refers to the function {value.get('config')!r}, which is not "
            "registered: decorate it with diptych.saving.register_keras_serializable(), or give it "
            "in custom_objects."
        )
    return found
