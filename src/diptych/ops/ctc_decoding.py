"""Reading a sequence of labels from the outputs of connectionist temporal classification (Graves,
Fernandez, Gomez and Schmidhuber, 2006): repeats are merged, then blanks are dropped.
"""

from collections import defaultdict

import numpy as np

from ..graph import KerasTensor
from .creation import convert_to_numpy
from .numbers import as_float
from .whole import sizes_of, symbol, whole

_NONE = -1  # fills up the sequences


def _decoded_shapes(inputs, strategy, top_paths, **options):
    n, steps, _ = sizes_of(inputs)
    paths = top_paths if strategy == "beam_search" else 1
    return KerasTensor((paths, n, steps), "int32"), symbol((n, paths), inputs, floating=True)


@whole(_decoded_shapes)
def ctc_decode(
    inputs,
    sequence_lengths,
    strategy="greedy",
    beam_width=100,
    top_paths=1,
    merge_repeated=True,
    mask_index=0,
):
    """The most likely sequences of labels. No gradient flows through them.

    Args:
        inputs: (N, T, C): a score of each class at each step, logits for the beam search.
        sequence_lengths: (N,), how many steps of each row count.
        strategy: "greedy": the best class of each step; "beam_search": the sequences whose paths
            together are most likely, by a search that keeps the best ``beam_width`` of them.
        beam_width: see ``strategy``.
        top_paths: how many sequences the beam search returns, the best first.
        merge_repeated: whether "greedy" merges repeated labels; the beam search does.
        mask_index: the class of the blank; None: the last.

    Returns:
        The labels, int32 (top_paths, N, T), filled up with -1, and the score of each sequence,
        (N, top_paths): for "greedy", with one path, the negative sum of the best scores; for the
        beam search the logarithm of its probability.

    Raises:
        ValueError: another ``strategy``.
    """
    if strategy not in ("greedy", "beam_search"):
        raise ValueError(
            f"ctc_decode() got strategy={strategy!r}; it is 'greedy' or 'beam_search'."
        )
    scores = convert_to_numpy(as_float(inputs))
    lengths = convert_to_numpy(sequence_lengths)
    blank = scores.shape[-1] - 1 if mask_index is None else mask_index
    rows = [row[:length] for row, length in zip(scores, lengths, strict=True)]
    if strategy == "greedy":
        found = [[_best_path(row, blank, merge_repeated)] for row in rows]
    else:
        found = [_search(_log_softmax(row), blank, beam_width)[:top_paths] for row in rows]
    count = 1 if strategy == "greedy" else top_paths
    labels = np.full((count, *scores.shape[:2]), _NONE, np.int32)
    totals = np.full((len(rows), count), -np.inf, scores.dtype)
    for n, paths in enumerate(found):
        for k, (path, total) in enumerate(paths):
            labels[k, n, : len(path)] = path
            totals[n, k] = total
    return as_float(labels).astype("int32"), as_float(totals)


def _best_path(scores, blank, merge_repeated):
    """The labels of the best class of each step, and the negative sum of their scores."""
    best = scores.argmax(axis=-1)
    kept = best != blank
    if merge_repeated:
        kept[1:] &= best[1:] != best[:-1]
    return best[kept], -scores.max(axis=-1, initial=-np.inf).sum()


def _log_softmax(scores):
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _search(logs, blank, beam_width):
    """The likeliest sequences with the logarithms of their probabilities, best first.

    A beam holds for each sequence the probability of the paths that end in a blank, and of those
    that end in its last label: only after a blank is the same label a new one.
    """
    nothing = (-np.inf, -np.inf)
    beam = {(): (0.0, -np.inf)}
    for step in logs:
        following = defaultdict(lambda: nothing)

        def add(path, after_blank, after_label):
            old = following[path]  # noqa: B023 - called in this step
            following[path] = (  # noqa: B023
                np.logaddexp(old[0], after_blank),
                np.logaddexp(old[1], after_label),
            )

        for path, (after_blank, after_label) in beam.items():
            either = np.logaddexp(after_blank, after_label)
            add(path, either + step[blank], -np.inf)
            for label, score in enumerate(step):
                if label == blank:
                    continue
                if path and path[-1] == label:
                    add(path, -np.inf, after_label + score)
                    add((*path, label), -np.inf, after_blank + score)
                else:
                    add((*path, label), -np.inf, either + score)
        best = sorted(following.items(), key=lambda item: np.logaddexp(*item[1]), reverse=True)
        beam = dict(best[:beam_width])
    return [(path, np.logaddexp(*logs_of)) for path, logs_of in beam.items()]
