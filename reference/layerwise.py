"""Layer-wise optimizers: rules that look at a variable as a whole, not at each number alone.

Its length (LAMB), the means of its rows and columns (Adafactor), its singular values (Muon). Lists
of arrays, places and underscores are as in optimizers.py: w are the variables and g their
gradients, everything else is the state of the rule. ||x|| is the square root of the sum of x^2,
RMS(x) that of its mean; both are summed in float64.

Fast twins, by the same names: fastcore/layerwise.pyx.
"""

import math

import numpy as np

from ._shapes import check_rounds


def lamb_update_(
    variables, gradients, momentums, velocities, step, learning_rate, beta_1, beta_2, epsilon
):
    """LAMB, layer-wise adaptive moments for large batches: steps as long as their variable.

        m = beta_1 m + (1 - beta_1) g                   first moment
        v = beta_2 v + (1 - beta_2) g^2                 second moment
        u = m_hat / (sqrt(v_hat) + epsilon)             m_hat = m / (1 - beta_1^step), v_hat alike
        w = w - learning_rate ||w|| / ||u|| u           trust ratio ||w|| / ||u||; 1 where one is 0

    A whole variable moves by learning_rate times its own length, in the direction of Adam.
    Source: You et al. 2020, algorithm 2, weight decay apart.
    """
    for w, g, m, v in zip(variables, gradients, momentums, velocities, strict=True):
        m[...] = beta_1 * m + (1 - beta_1) * g
        v[...] = beta_2 * v + (1 - beta_2) * g**2
        u = m / (1 - beta_1**step) / (np.sqrt(v / (1 - beta_2**step)) + epsilon)
        length, length_of_u = _norm(w), _norm(u)
        trust_ratio = length / length_of_u if length > 0 and length_of_u > 0 else 1.0
        w -= learning_rate * trust_ratio * u


def adafactor_update_(
    variables, gradients, rows, columns, velocities,
    step, learning_rate, beta_2_decay, epsilon_1, epsilon_2, clip_threshold,
):  # fmt: skip
    """Adafactor: the mean squares of a matrix from those of its rows and columns.

        beta = 1 - step^beta_2_decay                    beta_2_decay is -0.8 in the paper
        s = g^2 + epsilon_1
        r = beta r + (1 - beta) (mean of s over columns)        one number for each row
        c = beta c + (1 - beta) (mean of s over rows)           one for each column
        v_ij = r_i c_j / (mean of r)                            an array of rank one
        v = beta v + (1 - beta) s                       a variable with less than two axes
        u = g / sqrt(v)
        u = u / max(1, RMS(u) / clip_threshold)         update clipping
        alpha = max(epsilon_2, RMS(w)) min(learning_rate, 1 / sqrt(step))
        w = w - alpha u

    Steps are relative to the size of the weights, as the learning rate is. A variable with more
    than two axes is a stack of matrices, its last two axes. r: (..., R), c: (..., C) for w:
    (..., R, C); of a variable with less than two axes their arrays are not looked at. v is written
    and, with r and c, never read again; it lies where Keras has it.
    Source: Shazeer and Stern 2018, algorithms 4 and 5.
    """
    beta = 1 - step**beta_2_decay
    for w, g, r, c, v in zip(variables, gradients, rows, columns, velocities, strict=True):
        if w.size == 0:
            continue
        s = g**2 + epsilon_1
        if w.ndim >= 2:
            r[...] = beta * r + (1 - beta) * np.mean(s, axis=-1)
            c[...] = beta * c + (1 - beta) * np.mean(s, axis=-2)
            share = r / np.mean(r, axis=-1, keepdims=True)
            v[...] = share[..., :, np.newaxis] * c[..., np.newaxis, :]
        else:
            v[...] = beta * v + (1 - beta) * s
        u = g / np.sqrt(v)
        clipping = max(1.0, _rms(u) / clip_threshold)
        alpha = max(epsilon_2, _rms(w)) * min(learning_rate, 1 / math.sqrt(step))
        w -= alpha / clipping * u


def muon_update_(
    variables, gradients, momentums,
    learning_rate, momentum, nesterov, ns_steps, muon_a, muon_b, muon_c, rms_rate,
):  # fmt: skip
    """Muon, momentum orthogonalized by Newton-Schulz: all directions of a matrix move alike.

        m = momentum m + g
        X = g + momentum m                              Nesterov momentum, else X = m
        X = X / (||X|| + 1e-7)                          no singular value is above 1
        ns_steps times:
            A = X X^T
            X = muon_a X + (muon_b A + muon_c A A) X
        w = w - learning_rate rms_rate sqrt(max(R, C)) X        rms_rate None: both factors are 1

    Each round maps a singular value x to muon_a x + muon_b x^3 + muon_c x^5 and leaves the
    singular vectors. With the constants 3.4445, -4.775, 2.0315 five rounds bring all but the
    smallest near 1: of U S V^T about U V^T is left, without a decomposition. A matrix with more
    rows than columns is transposed meanwhile.

    variables: (R, C) each; others raise ValueError, and so do more than 100 rounds.
    Source: Jordan et al. 2024; Liu et al. 2025, section 2.2, for rms_rate.
    """
    check_rounds(ns_steps)
    for w, g, m in zip(variables, gradients, momentums, strict=True):
        if w.ndim != 2:
            raise ValueError(f"Muon updates matrices, but a variable has the shape {w.shape}")
        m[...] = momentum * m + g
        x = g + momentum * m if nesterov else m
        x = x.T if len(x) > x.shape[1] else x
        x = x / (_norm(x) + 1e-7)
        for _ in range(ns_steps):
            a = x @ x.T
            x = muon_a * x + (muon_b * a + muon_c * a @ a) @ x
        x = x.T if x.shape != w.shape else x
        scale = 1.0 if rms_rate is None else rms_rate * math.sqrt(max(w.shape))
        w -= learning_rate * scale * x


def _norm(x):
    """||x||, summed in float64."""
    return math.sqrt(np.sum(np.square(x, dtype=np.float64)))


def _rms(x):
    """RMS(x), summed in float64."""
    return math.sqrt(np.mean(np.square(x, dtype=np.float64)))
