"""Cases for the optimizer twins that look at a variable as a whole."""

import numpy as np

from .optimizers import ADAM, UPDATE, cases, positive, signed

MATRICES = {
    "one matrix": [(5, 7)],
    "more rows than columns": [(9, 4), (3, 2)],
    "odd shapes": [(1, 1), (1, 6), (6, 1), (4, 4), (0, 3)],
    "no variables": [],
    "large": [(130, 70), (70, 130), (64, 64)],
}


def of_rows(rng, shapes):
    """Means of squares for each row; of a variable with less than two axes a number."""
    return positive(rng, [shape[:-1] if len(shape) > 1 else () for shape in shapes])


def of_columns(rng, shapes):
    return positive(rng, [shape[:-2] + shape[-1:] if len(shape) > 1 else () for shape in shapes])


LAMB = {**UPDATE, "momentums": signed, "velocities": positive}
ADAFACTOR = {**UPDATE, "rows": of_rows, "columns": of_columns, "velocities": positive}
FACTORS = {
    "step": 3, "learning_rate": 0.01, "beta_2_decay": -0.8, "epsilon_1": 1e-30,
    "epsilon_2": 1e-3, "clip_threshold": 1.0,
}  # fmt: skip
QUINTIC = {"ns_steps": 5, "muon_a": 3.4445, "muon_b": -4.775, "muon_c": 2.0315}
MUON = {"learning_rate": 0.01, "momentum": 0.95, "nesterov": True, "rms_rate": 0.2, **QUINTIC}


def zeros(rng, shapes):
    return [np.zeros(shape) for shape in shapes]


CASES = {
    "lamb_update_": cases(
        LAMB,
        {**ADAM, "step": 3},
        {"step": 1, "learning_rate": 0.3, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.1},
        {**ADAM, "step": 3, "variables": zeros},
        {**ADAM, "step": 2, "gradients": zeros, "momentums": zeros},
    ),
    "adafactor_update_": cases(
        ADAFACTOR,
        FACTORS,
        {**FACTORS, "step": 1},
        {**FACTORS, "step": 900, "learning_rate": 0.5},
        {**FACTORS, "beta_2_decay": -0.3, "epsilon_1": 0.1},
        {**FACTORS, "epsilon_2": 2.0, "clip_threshold": 0.2},
        {**FACTORS, "variables": zeros},
    ),
    "muon_update_": cases(
        {**UPDATE, "momentums": signed},
        MUON,
        {**MUON, "nesterov": False, "rms_rate": None},
        {**MUON, "learning_rate": 0.3, "momentum": 0.5, "ns_steps": 2},
        {**MUON, "muon_a": 1.5, "muon_b": -0.5, "muon_c": 0.0, "ns_steps": 0},
        {**MUON, "muon_a": 1.5, "muon_b": -0.5, "muon_c": 0.0, "ns_steps": 9},
        shapes=MATRICES,
        one="more rows than columns",
    ),
}
