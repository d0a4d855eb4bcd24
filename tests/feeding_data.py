"""Data sets for the tests of feeding that other processes can import."""

import os
import signal

import numpy as np

from diptych import Input, Sequential, layers
from diptych.utils import PyDataset


class Numbers(PyDataset):
    """Five batches of three equal rows: the batch's number, and the process it was made in.

    at: what happens instead of batch 3.
    """

    def __init__(self, at=None, **kwargs):
        super().__init__(**kwargs)
        self.at = at

    def __len__(self):
        return 5

    def __getitem__(self, index):
        if index == 3 and self.at is not None:
            self.at()
        return np.full((3, 1), index, "float32"), np.full((3, 1), os.getpid(), "float32")


class Unsendable(Exception):
    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def lookup():
    return {}["missing"]


def fail_unsendably():
    raise Unsendable("one", "other")


def be_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    os._exit(7)


def small_model():
    model = Sequential([Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model
