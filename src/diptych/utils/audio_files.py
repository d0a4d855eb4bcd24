"""Sounds in files, with a folder for each class."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .directories import FileFinder

__all__ = ["audio_dataset_from_directory"]


def audio_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of sounds and labels from the .wav files below a folder.

    With a folder for each class, ``directory/no/1.wav``, ``directory/yes/2.wav``, the labels are
    the numbers of these folders in alphabetical order. It returns a ``Dataset`` with the methods of
    a tf.data.Dataset and ``class_names``; `fit`, `evaluate` and `predict` take it. Files are read
    when their batch is due.

        train, test = audio_dataset_from_directory(
            "words", output_sequence_length=16000, validation_split=0.2, subset="both", seed=1
        )

    Args:
        directory: the folder.
        labels: "inferred" from the folders, None, or a list of a label for each file, in the order
            of their paths.
        label_mode: "int": (N,) int32; "binary": (N, 1) floats, for two classes; "categorical":
            one-hot rows; None: no labels, the batches are sounds alone.
        class_names: the folders to take, in the order in which they are numbered.
        batch_size: sounds in a batch; None gives them one by one.
        sampling_rate: the samples per second that all files must have; None takes any.
        output_sequence_length: the length T to which sounds are cut, or filled with zeros; None:
            that of the longest of its batch.
        ragged: only False: there are no ragged tensors. batch_size=None gives each sound its own
            length.
        shuffle: whether to shuffle the files at first, which the split needs, and again in each
            pass; the order of the passes differs from TensorFlow's.
        seed: of the shuffling; the same seed gives the same split as in Keras.
        validation_split: the last fraction of the files, for validation.
        subset: "training" or "validation": which part to return; "both" returns a list of the two.
        follow_links: whether to follow symbolic links to folders.
        verbose: whether to print the number of files.

    A batch of sounds is (N, T, channels) float32 from -1 to 1. A file that cannot be read, or has
    another sampling rate, raises an OSError that names it, when its batch is due.
    """
    place = "audio_dataset_from_directory()"
    if ragged:
        raise ValueError(
            f"{place}: ragged=True needs ragged tensors, which diptych doesn't have; "
            "batch_size=None gives each sound its own length."
        )
    for name, value in (
        ("sampling_rate", sampling_rate),
        ("output_sequence_length", output_sequence_length),
    ):
        if value is not None and (not isinstance(value, int) or value <= 0):
            raise ValueError(f"{place} needs {name} to be a whole number above 0; got {value!r}.")
    files = FileFinder(
        place,
        directory,
        (".wav",),
        labels,
        label_mode,
        class_names,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )

    def load(path: str) -> np.ndarray:
        sound, rate = _read(path)
        if sampling_rate not in (None, rate):
            raise OSError(
                f"{place}: {path} has {rate} samples per second, not sampling_rate={sampling_rate};"
                " convert it first, or leave out sampling_rate."
            )
        return sound if output_sequence_length is None else _as_long(sound, output_sequence_length)

    return files.datasets(batch_size, load, _stacked)


def _read(path: str) -> tuple[np.ndarray, int]:
    """The sound (T, channels) of a file, from -1 to 1, and its samples per second."""
    import wave

    try:
        with wave.open(path, "rb") as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            # No more than the file has, whatever its header says.
            frames = min(file.getnframes(), os.path.getsize(path) // (width * channels))
            content, rate = file.readframes(frames), file.getframerate()
    except (wave.Error, EOFError) as error:
        raise OSError(f"{path} is no .wav file that can be read ({error})") from error
    size = len(content) // (width * channels) * channels
    samples = np.frombuffer(content, np.uint8)[: size * width].reshape(size, width)
    if width == 1:  # of 8 bits: without a sign
        samples = samples ^ np.uint8(0x80)
    wide = np.zeros((size, 4), np.uint8)  # the upper bytes of whole numbers of 32 bits
    wide[:, 4 - width :] = samples
    sound = wide.view("<i4").astype(np.float64) / 2**31
    return sound.astype(np.float32).reshape(-1, channels), rate


def _as_long(sound: np.ndarray, length: int) -> np.ndarray:
    made = np.zeros((length, sound.shape[1]), sound.dtype)
    made[: len(sound)] = sound[:length]
    return made


def _stacked(sounds: list[np.ndarray]) -> np.ndarray:
    return np.stack([_as_long(sound, max(map(len, sounds))) for sound in sounds])
