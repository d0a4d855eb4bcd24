"""StringLookup and IntegerLookup: words or numbers to indices in a vocabulary, and back."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ...config import floatx
from ...utils.fingerprints import fingerprint64, siphash64
from .base import (
    MODES,
    KeepsVocabulary,
    Preparation,
    Ragged,
    batches_to_adapt_to,
    check_choice,
    check_count,
    check_mode,
    check_salt,
    counts_of,
    encode,
    encoded_shape,
    integers_of,
    is_array_or_list,
    refuse_sparse,
    texts_of,
)

__all__ = ["IntegerLookup", "StringLookup"]


class WordTable:
    """A vocabulary of texts, searched by dict."""

    def __init__(self, tokens: list) -> None:
        self.tokens = tokens
        self._places = {token: place for place, token in enumerate(tokens)}

    def places(self, values: Any) -> np.ndarray:
        """The index of each value, -1 for one that is not in the vocabulary."""
        find = self._places.get
        return np.fromiter((find(value, -1) for value in values), np.int64, len(values))

    def at(self, places: np.ndarray, unknown: Any) -> np.ndarray:
        """The tokens at these indices, `unknown` where there is none."""
        tokens = np.empty(len(self.tokens) + 1, dtype=object)
        tokens[:-1], tokens[-1] = self.tokens, unknown
        return tokens[_or_last(places, len(self.tokens))]


class NumberTable:
    """A vocabulary of integers, searched by bisection."""

    def __init__(self, tokens: list) -> None:
        self.tokens = tokens
        array = np.array(tokens, dtype=np.int64)
        self._order = np.argsort(array)
        self._sorted = array[self._order]

    def places(self, values: np.ndarray) -> np.ndarray:
        values = np.asarray(values, dtype=np.int64)
        if not self.tokens:
            return np.full(values.shape, -1)
        near = np.minimum(np.searchsorted(self._sorted, values), len(self.tokens) - 1)
        return np.where(self._sorted[near] == values, self._order[near], -1)

    def at(self, places: np.ndarray, unknown: Any) -> np.ndarray:
        tokens = np.array([*self.tokens, unknown], dtype=np.int64)
        return tokens[_or_last(places, len(self.tokens))]


def _or_last(places: np.ndarray, count: int) -> np.ndarray:
    return np.where((places >= 0) & (places < count), places, count)


class Counts:
    """The counts of `adapt`: how often each token occurs, and in how many documents."""

    def __init__(self) -> None:
        self.tokens: Counter = Counter()
        self.documents: Counter = Counter()
        self.number_of_documents = 0


class IndexLookup(KeepsVocabulary, Preparation):
    """What StringLookup and IntegerLookup share.

    The vocabulary is, in this order: the mask token (in output mode "int" only), the indices for
    unknown tokens, the tokens.
    """

    vocabulary_dtype = "string"

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str,
        salt: Any,
        vocabulary_size: int | None,
        has_input_vocabulary: bool | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        kind = type(self).__name__
        refuse_sparse(kind, sparse)
        if max_tokens is not None:
            max_tokens = check_count(max_tokens, "max_tokens", kind, 2)
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"{kind} got pad_to_max_tokens=True, which needs max_tokens.")
        self.output_mode = check_mode(output_mode, (*MODES, "tf_idf"), kind)
        if invert and self.output_mode != "int":
            raise ValueError(
                f"{kind} got invert=True, which returns tokens, and output_mode={output_mode!r}; "
                "leave output_mode at 'int'."
            )
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(
                f"{kind} got idf_weights, which need output_mode='tf_idf', and "
                f"output_mode={output_mode!r}."
            )
        self.max_tokens = max_tokens
        self.num_oov_indices = check_count(num_oov_indices, "num_oov_indices", kind, 0)
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = bool(invert)
        self.pad_to_max_tokens = bool(pad_to_max_tokens)
        self.oov_method = check_choice(oov_method, ("floormod", "farmhash"), "oov_method", kind)
        self.salt = check_salt(salt, kind)
        if salt is not None and self.vocabulary_dtype != "string" and oov_method != "farmhash":
            raise ValueError(f"{kind} got salt={salt!r}, which needs oov_method='farmhash'.")
        self._stated_size = vocabulary_size
        self._given_vocabulary = None
        self._given_idf_weights = None
        self._fixed = has_input_vocabulary
        if self._fixed is None:
            self._fixed = vocabulary is not None
        self._counts = Counts()
        self._table: Any = None
        self._depth_used = False  # whether the width of the result was used
        self.idf_weights: np.ndarray | None = None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
            if not isinstance(vocabulary, (str, Path)):
                self._given_vocabulary = np.asarray(vocabulary)
                self._given_idf_weights = None if idf_weights is None else np.asarray(idf_weights)

    # ----------------------------------------------------------------------------------------------
    # The two kinds of tokens

    def _read(self, inputs: Any) -> np.ndarray:
        raise NotImplementedError

    def _token(self, value: Any) -> Any:
        raise NotImplementedError

    def _make_table(self, tokens: list) -> Any:
        raise NotImplementedError

    def _buckets(self, values: Any) -> np.ndarray:
        """0 .. num_oov_indices - 1 for unknown tokens."""
        raise NotImplementedError

    # ----------------------------------------------------------------------------------------------
    # The vocabulary

    def _mask_places(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    def _special_places(self) -> int:
        return self._mask_places() + self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
        """Return the vocabulary as a list: the index of a token is its number.

        Args:
            include_special_tokens: whether to include the mask token and the tokens for unknown
                ones, which come first.
        """
        tokens = [] if self._table is None else list(self._table.tokens)
        if not include_special_tokens:
            return tokens
        unknown = [self.oov_token] * self.num_oov_indices
        return [self.mask_token] * self._mask_places() + unknown + tokens

    def vocabulary_size(self) -> int:
        """Return the size of the vocabulary with its special tokens."""
        known = 0 if self._table is None else len(self._table.tokens)
        return known + self._special_places()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary, instead of learning it with ``adapt``.

        Args:
            vocabulary: a list or array of tokens, with the special tokens first or without them; or
                the path of a text file with a token on each line.
            idf_weights: for output_mode="tf_idf" one weight for each entry of ``vocabulary``.

        Raises:
            ValueError: the vocabulary is empty, too large, repeats a token or has a special token
                in the middle; the weights are missing, or their number is wrong.
        """
        kind = f"{type(self).__name__} {self.name!r}"
        if self.output_mode == "tf_idf":
            if idf_weights is None:
                raise ValueError(
                    f"{kind} has output_mode='tf_idf', so a vocabulary needs `idf_weights`, one "
                    "for each token (or learn both with adapt())."
                )
        elif idf_weights is not None:
            raise ValueError(
                f"{kind} got idf_weights, which need output_mode='tf_idf', but has "
                f"output_mode={self.output_mode!r}."
            )
        given = [self._token(value) for value in self._entries(vocabulary)]
        if not given:
            raise ValueError(f"{kind} got an empty vocabulary.")
        special = [self.mask_token] * self._mask_places()
        special += [self.oov_token] * self.num_oov_indices
        has_special = given[: len(special)] == special
        tokens = given[len(special) :] if has_special else given
        self._check_tokens(tokens, given, special, kind)
        self._set_tokens(tokens)
        if self.output_mode == "tf_idf":
            weights = np.asarray(idf_weights, dtype=floatx())
            if weights.shape != (len(given),):
                raise ValueError(
                    f"{kind} got {len(given)} tokens and idf_weights of shape {weights.shape}; "
                    "expected one weight for each token."
                )
            self._set_idf_weights(weights, has_special)

    def _entries(self, vocabulary: Any) -> list:
        if not isinstance(vocabulary, (str, Path)):
            if not is_array_or_list(vocabulary):
                raise ValueError(
                    f"{type(self).__name__} takes a vocabulary as a list, an array or the path of "
                    f"a text file; got {vocabulary!r} of type {type(vocabulary).__name__}."
                )
            return np.asarray(vocabulary).tolist() if hasattr(vocabulary, "dtype") else vocabulary
        if not Path(vocabulary).is_file():
            raise ValueError(
                f"{type(self).__name__} takes a vocabulary as a list, or as the path of a text "
                f"file with a token on each line; there is no file {str(vocabulary)!r}."
            )
        if self.output_mode == "tf_idf":
            raise ValueError(
                "output_mode='tf_idf' needs weights, which a vocabulary file does not have: pass "
                "lists."
            )
        # Not splitlines, which also splits at other characters, such as U+2028.
        lines = Path(vocabulary).read_text(encoding="utf-8").split("\n")
        return lines if lines[-1] else lines[:-1]

    def _check_tokens(self, tokens: list, given: list, special: list, kind: str) -> None:
        if len(set(tokens)) < len(tokens):
            repeated = [token for token, count in Counter(tokens).items() if count > 1]
            raise ValueError(
                f"{kind} got a vocabulary in which {len(repeated)} tokens are repeated, such as "
                f"{repeated[:3]}: each may occur once. dict.fromkeys(vocabulary) drops repetitions."
            )
        reserved = [("mask_token", self.mask_token)]
        if self.invert:  # elsewhere the oov token is a token like any other
            reserved.append(("oov_token", self.oov_token))
        for name, token in reserved:
            if token is not None and token in tokens:
                raise ValueError(
                    f"{kind} has {name}={token!r}, but the vocabulary has it at index "
                    f"{given.index(token)}. Leave out the special tokens, or begin the vocabulary "
                    f"with exactly these: {special}."
                )
        size = len(tokens) + len(special)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                f"{kind} got a vocabulary of {size} tokens including the special ones, but has "
                f"max_tokens={self.max_tokens}."
            )

    def _set_tokens(self, tokens: list) -> None:
        size = len(tokens) + self._special_places()
        encoded = self.output_mode != "int" and not self.pad_to_max_tokens
        now = self._stated_size if self._table is None else self.vocabulary_size()
        if encoded and self._depth_used and size != now:
            raise RuntimeError(
                f"Layer {self.name!r} gives {now} columns, one for each token, "
                f"to the layers after it, but the new vocabulary has {size} tokens. Make a new "
                "layer, or one with max_tokens and pad_to_max_tokens=True."
            )
        self._table = self._make_table(tokens)

    def _set_idf_weights(self, weights: np.ndarray, has_special: bool = False) -> None:
        """Special tokens without a weight get the mean weight, columns without a token 0."""
        front = np.full(0 if has_special else self._special_places(), weights.mean(), floatx())
        back = 0
        if self.pad_to_max_tokens and self.max_tokens is not None:
            back = self.max_tokens - len(front) - len(weights)
        self.idf_weights = np.concatenate([front, weights, np.zeros(back, floatx())])

    # ----------------------------------------------------------------------------------------------
    # Learning the vocabulary

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent tokens first; equally frequent ones in reverse
        alphabetical order.

        With output_mode="tf_idf" each row is a document, and a token's weight is
        ``log(1 + documents / (1 + documents with the token))``.

        Args:
            data: an array or list; or an iterable of batches.
            steps: how many batches of an iterable to take; all by default.
        """
        self.reset_state()
        for batch in batches_to_adapt_to(data, steps, self, is_array_or_list):
            if batch is data:
                batch = self._read(batch)
                batch = batch[:, None] if batch.ndim == 1 else batch
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of one more batch."""
        if self._fixed:
            raise ValueError(
                f"Layer {self.name!r} was made with a vocabulary, so adapt() cannot learn another: "
                "leave out `vocabulary`, or do not call adapt()."
            )
        if not isinstance(data, Ragged):
            data = self._read(data)
            if data.ndim < 2:  # one document
                data = data.reshape(1, -1)
        values = data.values if isinstance(data, Ragged) else data.ravel().tolist()
        self._counts.tokens.update(values)
        if self.output_mode == "tf_idf":
            documents = data.rows() if isinstance(data, Ragged) else documents_of(data)
            for document in documents:
                self._counts.documents.update(set(document))
            self._counts.number_of_documents += len(documents)

    def finalize_state(self) -> None:
        """Make the vocabulary from the counts."""
        counts = self._counts.tokens
        if self._fixed:
            return
        if not counts:
            raise ValueError(f"adapt() of layer {self.name!r} found no token in the data.")
        for special in (self.mask_token, self.oov_token):
            counts.pop(special, None)
        tokens = sorted(counts, key=lambda token: (counts[token], token), reverse=True)
        if self.max_tokens is not None:
            tokens = tokens[: max(0, self.max_tokens - self._special_places())]
        self._set_tokens(tokens)
        if self.output_mode == "tf_idf":
            with_token = np.array([self._counts.documents[token] for token in tokens])
            weights = np.log(1 + self._counts.number_of_documents / (1 + with_token))
            self._set_idf_weights(weights.astype(floatx()))
        self.reset_state()

    def reset_state(self) -> None:
        """Clear the counts; the vocabulary stays."""
        self._counts = Counts()

    # ----------------------------------------------------------------------------------------------
    # Looking up

    def prepare(self, inputs: Any) -> np.ndarray:
        values = self._read_indices(inputs) if self.invert else self._read(inputs)
        self._must_have_vocabulary()
        if self.invert:
            return self._tokens_at(values)
        numbers = self.numbers(values.ravel()).reshape(values.shape)
        if self.output_mode == "int":
            return numbers
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return self._weighted(encode(numbers, mode, self._columns()))

    def prepare_rows(self, rows: Ragged, length: int | None) -> np.ndarray:
        """The result for rows of different lengths; numbers and one-hot columns are cut or padded
        to ``length``.
        """
        self._must_have_vocabulary()
        numbers = self.numbers(rows.values)
        if self.output_mode == "int":
            return rows.padded(numbers, length)
        depth = self._columns()
        if self.output_mode == "one_hot":
            padded = rows.padded(numbers, length, -1)
            return (padded[..., None] == np.arange(depth)).astype(floatx())
        samples = len(rows.lengths)
        result = counts_of(numbers, np.repeat(np.arange(samples), rows.lengths), samples, depth)
        if self.output_mode == "multi_hot":
            return (result > 0).astype(floatx())
        return self._weighted(result)

    def numbers(self, values: Any) -> np.ndarray:
        """The number of each token of a list or one-dimensional array; -1 for a masked token that
        is dropped.
        """
        places = self._table.places(values)
        numbers = places + self._special_places()
        unknown = np.flatnonzero(places < 0)
        if (
            self.mask_token is not None and unknown.size
        ):  # the mask token is never in the vocabulary
            masked = np.array([values[i] == self.mask_token for i in unknown], dtype=bool)
            numbers[unknown[masked]] = 0 if self.output_mode == "int" else -1
            unknown = unknown[~masked]
        if unknown.size == 0:
            return numbers
        start = self._mask_places()
        if self.num_oov_indices == 0:
            found = list(dict.fromkeys(values[i] for i in unknown.tolist()))
            raise ValueError(
                f"Layer {self.name!r} has num_oov_indices=0, so it takes no unknown tokens, but "
                f"the data contain {len(found)} that are not in its vocabulary, such as "
                f"{[self._token(token) for token in found[:3]]}. num_oov_indices=1 maps them to "
                "one index."
            )
        numbers[unknown] = start
        if self.num_oov_indices > 1:
            numbers[unknown] += self._buckets([values[i] for i in unknown.tolist()])
        return numbers

    def _tokens_at(self, numbers: np.ndarray) -> np.ndarray:
        tokens = self._table.at(numbers - self._special_places(), self.oov_token)
        if self.mask_token is not None:
            tokens[numbers == 0] = self.mask_token
        return tokens

    def _read_indices(self, inputs: Any) -> np.ndarray:
        return integers_of(inputs, self)

    def _weighted(self, counts: np.ndarray) -> np.ndarray:
        return counts if self.output_mode != "tf_idf" else counts * self.idf_weights

    def _must_have_vocabulary(self) -> None:
        if self._table is None:
            raise RuntimeError(
                f"Layer {self.name!r} has no vocabulary yet: call adapt(data) first, or make it "
                "with a `vocabulary`."
            )

    def _columns(self) -> int:
        """The number of columns of an encoded result, which must not change from now on."""
        self._depth_used = True
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        if self._table is None and self._stated_size is not None:
            return self._stated_size
        self._must_have_vocabulary()
        return self.vocabulary_size()

    # ----------------------------------------------------------------------------------------------
    # Shapes and configs

    def output_dtype(self) -> str:
        return self.vocabulary_dtype if self.invert else super().output_dtype()

    def compute_output_shape(self, input_shape: Any) -> tuple:
        depth = None if self.output_mode == "int" else self._columns()
        return encoded_shape(input_shape, self.output_mode, depth)

    # A vocabulary that was learnt is a text file beside the weights; one that was given is in the
    # config.

    def vocabulary_text(self) -> str | None:
        """The learnt vocabulary, a token on each line."""
        if self._given_vocabulary is not None or self._table is None:
            return None
        tokens = [str(token) for token in self.get_vocabulary()]
        broken = next((token for token in tokens if "\n" in token or "\r" in token), None)
        if broken is not None:
            raise ValueError(
                f"Layer {self.name!r} cannot be saved: its vocabulary has a token of several "
                f"lines, {broken!r:.60}."
            )
        return "\n".join(tokens)

    def take_vocabulary_text(self, text: str) -> None:
        """Set the vocabulary that ``vocabulary_text`` returned."""
        if self._given_vocabulary is not None:
            return
        tokens = text.split("\n")
        while tokens and tokens[-1] == "":
            tokens.pop()
        own = [self._token(token) for token in tokens[self._special_places() :]]
        weights = self.idf_weights
        self._set_tokens(own)
        if weights is not None and len(weights) < self.vocabulary_size():
            raise ValueError(
                f"Layer {self.name!r} got {len(weights)} idf weights for a vocabulary of "
                f"{self.vocabulary_size()} tokens."
            )

    def save_own_variables(self, store: Any) -> None:
        if self.idf_weights is not None and self._given_idf_weights is None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        if "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"], floatx())

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        check_no_path(cls, config)
        return super().from_config(config)

    def get_config(self) -> dict[str, Any]:
        vocabulary, weights = self._given_vocabulary, self._given_idf_weights
        return {
            **super().get_config(),
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": False,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "vocabulary_dtype": self.vocabulary_dtype,
            "idf_weights": None if weights is None else weights.tolist(),
            "vocabulary": None if vocabulary is None else vocabulary.tolist(),
            "vocabulary_size": self._stated_size if self._table is None else self.vocabulary_size(),
            "oov_method": self.oov_method,
            "salt": None if self.salt is None else list(self.salt),
        }


def check_no_path(cls: type, config: dict[str, Any]) -> None:
    """Raise a ValueError if a config names a file as its vocabulary, which may be any file."""
    if isinstance(config.get("vocabulary"), (str, Path)):
        raise ValueError(
            f"A config of {cls.__name__} names a file as its vocabulary, "
            f"{config['vocabulary']!r:.60}, which is not opened. A vocabulary in a config is a "
            "list."
        )


def documents_of(data: np.ndarray) -> list[list]:
    """The rows of an array, its last axis."""
    return data.reshape(math.prod(data.shape[:-1]), data.shape[-1]).tolist()


class StringLookup(IndexLookup):
    """Maps words to integers by a vocabulary, or integers back to words.

    Number 0 is the mask token if there is one; then come the numbers for unknown words, then the
    words of the vocabulary:

        layer = StringLookup(vocabulary=["cat", "dog"])
        layer(["dog", "cow", "cat"])          # 2 0 1

    Results are as in Keras, with two differences: `invert=True` gives Python strings where
    TensorFlow gives bytes, and encoded output modes always give the float type, which Keras gives
    inside models only. The vocabulary that `adapt` learned is not part of `get_config`, as in
    Keras.

    Args:
        max_tokens: the largest vocabulary to learn, special tokens included.
        num_oov_indices: the number of indices for unknown words. With several, a hash of the word
            chooses one of them; with 0, an unknown word is an error.
        mask_token: a word that is padding: number 0 in mode "int", dropped in others.
        oov_token: what stands for unknown words in the vocabulary and, inverted, in the result.
        vocabulary: a list or array of words, or the path of a file with one on each line.
        idf_weights: for output_mode="tf_idf" the weight of each word.
        invert: whether numbers become words.
        output_mode: "int" (..., ) -> (...); "one_hot": a column for each word of the vocabulary;
            "multi_hot", "count", "tf_idf": the words of a sample (the second axis) in one row.
        pad_to_max_tokens: whether rows are padded to ``max_tokens`` columns.
        sparse: False; sparse arrays do not exist here.
        encoding: the encoding of words given as bytes.
        salt: a whole number, or a pair of them: the key of another hash for unknown words.
        oov_method: "floormod" or "farmhash", which are one and the same hash for words.
        vocabulary_size, has_input_vocabulary: of configurations: how many words there are, and
            whether they were given rather than learned.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        oov_method: str = "floormod",
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding  # needed at once to read a vocabulary of bytes
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            oov_method=oov_method,
            salt=salt,
            vocabulary_size=vocabulary_size,
            has_input_vocabulary=has_input_vocabulary,
            name=name,
            **kwargs,
        )

    @property
    def reads_text(self) -> bool:  # type: ignore[override]
        return not self.invert

    @property
    def data_dtype(self) -> str:  # type: ignore[override]
        return "int64" if self.invert else "string"

    def _read(self, inputs: Any) -> np.ndarray:
        return texts_of(inputs, self, self.encoding)

    def _token(self, value: Any) -> str:
        if isinstance(value, bytes):
            return value.decode(self.encoding)
        if not isinstance(value, str):
            raise ValueError(
                f"{type(self).__name__} {self.name!r} takes a vocabulary of texts, but it contains "
                f"{value!r} of type {type(value).__name__}. For integers use IntegerLookup."
            )
        return str(value)

    def _make_table(self, tokens: list) -> WordTable:
        return WordTable(tokens)

    def _buckets(self, values: Any) -> np.ndarray:
        return buckets_of(values, self.num_oov_indices, self.salt)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "encoding": self.encoding}
        del config["vocabulary_dtype"]
        return config


class IntegerLookup(IndexLookup):
    """Maps integers to indices 0, 1, 2, ... in a vocabulary, or indices back to integers.

    Any shape (N, ...) gives the same with "int".

        layer = IntegerLookup(vocabulary=[12, 1138, 42])
        layer([42, 7, 12])                    # 3 0 1

    Results are as in Keras, but encoded output modes always give the float type, which Keras gives
    inside models only. The vocabulary that `adapt` learned is not part of `get_config`, as in
    Keras.

    Args:
        max_tokens: the largest vocabulary to learn, special tokens included.
        num_oov_indices: the number of indices for unknown numbers; with 0, they are an error.
        mask_token: a number that is padding: index 0 in mode "int", dropped in others.
        oov_token: what stands for unknown numbers in the vocabulary and, inverted, in the result.
        vocabulary: a list or array of numbers, or the path of a file with one on each line.
        vocabulary_dtype: "int64".
        idf_weights: for output_mode="tf_idf" the weight of each number.
        invert: whether indices become numbers.
        output_mode, pad_to_max_tokens, sparse: see ``StringLookup``.
        oov_method: which of several indices an unknown number gets: "floormod", its remainder, or
            "farmhash", a hash of its digits.
        salt: for "farmhash" a whole number, or a pair of them: the key of another hash.
        vocabulary_size, has_input_vocabulary: see ``StringLookup``.
    """

    vocabulary_dtype = "int64"
    data_dtype = "int64"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Any,
    ) -> None:
        if vocabulary_dtype != "int64":
            raise ValueError(
                f"IntegerLookup supports only vocabulary_dtype='int64'; got {vocabulary_dtype!r}."
            )
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            oov_method=oov_method,
            salt=salt,
            vocabulary_size=vocabulary_size,
            has_input_vocabulary=has_input_vocabulary,
            name=name,
            **kwargs,
        )

    def _read(self, inputs: Any) -> np.ndarray:
        return integers_of(inputs, self)

    def _token(self, value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = None  # type: ignore[assignment]
        if number is None or (not isinstance(value, str) and number != value):
            raise ValueError(
                f"IntegerLookup {self.name!r} takes a vocabulary of integers, but it contains "
                f"{value!r}." + (" For texts use StringLookup." if isinstance(value, str) else "")
            )
        return number

    def _make_table(self, tokens: list) -> NumberTable:
        return NumberTable(tokens)

    def _buckets(self, values: Any) -> np.ndarray:
        if self.oov_method == "floormod":
            return np.asarray(values) % self.num_oov_indices
        return buckets_of([str(value) for value in values], self.num_oov_indices, self.salt)


def buckets_of(texts: Any, buckets: int, salt: list[int] | None) -> np.ndarray:
    """A bucket 0 .. buckets - 1 for each text: the hash of TensorFlow's to_hash_bucket_fast or,
    with a salt, to_hash_bucket_strong.
    """
    found: dict[str, int] = {}
    for text in texts:
        if text not in found:
            data = text.encode("utf-8", "surrogatepass")
            number = fingerprint64(data) if salt is None else siphash64(data, (salt[0], salt[1]))
            found[text] = number % buckets
    return np.fromiter((found[text] for text in texts), np.int64, len(texts))
