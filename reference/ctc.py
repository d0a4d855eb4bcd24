"""Connectionist temporal classification (CTC): a loss for sequences without an alignment.

A recording of T frames is labelled with L letters, and nobody has noted which frame belongs to
which letter. A *path* gives every frame a label or the blank, "no label here". It spells what is
left when repetitions are merged and then blanks removed: with - for the blank, the paths
(-, a, a, -, a, b), (a, -, a, b, b, b) and others spell (a, a, b). The probability of a sequence of
labels is the sum over all the paths that spell it; the forward-backward algorithm adds them up
frame by frame.

    l'          the extended labels (blank, label 1, blank, label 2, ..., label L, blank)
    s           a position in l', from 0 to S - 1, with S = 2L + 1
    alpha_t(s)  forward variable: log of the sum over the beginnings of paths, up to frame t, that
                are at s in frame t
    beta_t(s)   backward variable: log of the sum over the ends of paths, after frame t, that are
                at s in frame t

All sums of probabilities are taken in logarithms, as log-sum-exp, or they would underflow; and in
float64 for either dtype, since an alpha is the logarithm of a product of up to T probabilities.

Source: Graves, Fernandez, Gomez and Schmidhuber 2006, sections 3 and 4.

Fast twins, by the same names: fastcore/ctc.pyx.
"""

import numpy as np

from ._labels import check_sequences

LOG_ZERO = -1e5  # for log(0), as in Keras: see ctc_forward


def ctc_forward(target, output, target_length, output_length, mask_index=0):
    """CTC loss: minus the log-probability of the labels.

        y_t = softmax(output_t)                              one distribution for every frame
        alpha_t(s) = log y_t(l'_s) + log(exp alpha_(t-1)(s)  stay at s
                       + exp alpha_(t-1)(s-1)                one step
                       + exp alpha_(t-1)(s-2))               only if l'_s is a label unlike l'_(s-2)
        log p = log(exp alpha_T(S-1) + exp alpha_T(S-2))     the last blank, or the last label
        loss = -log p

    Before the first frame alpha is 0 at s = 0 and log 0 elsewhere. A pair of equal labels needs a
    blank between them, so that labels may not fit into the frames. Where the textbook has log 0
    (alpha before the first frame, the step from a label to the same label), -1e5 stands here: the
    loss of labels that do not fit is then about 1e5 rather than infinite, and its gradient finite.

    target: (N, L) integers from 0 to K-1; only the first target_length of a row count
    output: (N, T, K) logits, of which the first output_length frames count
    target_length, output_length: (N,) integers   mask_index: the class that is the blank
    Returns loss: (N,) and cache = (target, output, target_length, output_length, mask_index,
    log_sum, alpha, log_p); log_sum: (N, T), the log-sum-exp of each frame, alpha: (N, T, 2L+1) and
    log_p: (N,), these three in float64.
    Raises ValueError for shapes that do not fit, for lengths beyond L or T, for labels that are no
    class.
    """
    check_sequences(target, output, target_length, output_length, mask_index)
    frames, labels = output.shape[1], target.shape[1]
    log_sum = _log_sum_exp(output.astype(np.float64))
    log_y = output - log_sum[..., np.newaxis]

    alpha = np.full((len(output), frames, 2 * labels + 1), LOG_ZERO)
    log_p = np.empty(len(output))
    for n in range(len(output)):
        extended, toll = _extended_labels(target[n, : target_length[n]], mask_index)
        before = np.full(len(extended), LOG_ZERO)
        before[0] = 0
        for t in range(output_length[n]):
            stay = before
            step = _shifted(before, 1)
            jump = _shifted(before, 2) + toll
            arrive = np.logaddexp(np.logaddexp(stay, step), jump)
            before = alpha[n, t, : len(extended)] = log_y[n, t, extended] + arrive
        log_p[n] = np.logaddexp.reduce(before[-2:])
    loss = (-log_p).astype(output.dtype)
    cache = target, output, target_length, output_length, mask_index, log_sum, alpha, log_p
    return loss, cache


def ctc_backward(dloss, cache):
    """The gradient says: bring y_t(k) to the share of the paths that are at label k in frame t.

        beta_t(s) = log(exp(beta_(t+1)(s) + log y_(t+1)(l'_s))      stay at s
                      + exp(beta_(t+1)(s+1) + log y_(t+1)(l'_(s+1)))       one step
                      + exp(beta_(t+1)(s+2) + log y_(t+1)(l'_(s+2))))      as in forward
        gamma_t(s) = exp(alpha_t(s) + beta_t(s) - log p)            the share that is at s
        doutput_t(k) = dloss (y_t(k) - sum_(s with l'_s = k) gamma_t(s))

    beta_T is 0 at the last blank and the last label, else log 0. Frames that do not count get 0.
    """
    target, output, target_length, output_length, mask_index, log_sum, alpha, log_p = cache
    log_y = output - log_sum[..., np.newaxis]
    doutput = np.zeros_like(output)
    for n in range(len(output)):
        extended, toll = _extended_labels(target[n, : target_length[n]], mask_index)
        beta = np.full(len(extended), -np.inf)
        beta[-2:] = 0
        for t in reversed(range(output_length[n])):
            gamma = np.exp(alpha[n, t, : len(extended)] + beta - log_p[n])
            slope = np.exp(log_y[n, t])
            np.subtract.at(slope, extended, gamma)  # slope[l'_s] -= gamma[s] for every s
            doutput[n, t] = dloss[n] * slope
            arrived = log_y[n, t, extended] + beta
            stay = arrived
            step = _shifted(arrived, -1)
            jump = _shifted(arrived + toll, -2)
            beta = np.logaddexp(np.logaddexp(stay, step), jump)
    return doutput


def _log_sum_exp(z):
    """log sum_k exp(z_k), which cannot overflow."""
    largest = np.max(z, axis=-1, keepdims=True)
    return largest[..., 0] + np.log(np.sum(np.exp(z - largest), axis=-1))


def _extended_labels(labels, blank):
    """l': blanks around the labels; and what the jump from s-2 to s costs: 0, log 0 where l'_s is
    the label l'_(s-2), -inf where l'_s is a blank or there is no s-2.
    """
    extended = np.full(2 * len(labels) + 1, blank)
    extended[1::2] = labels
    toll = np.full(len(extended), -np.inf)
    toll[3::2] = np.where(labels[1:] == labels[:-1], LOG_ZERO, 0)
    return extended, toll


def _shifted(x, by):
    """x moved to the right by so many places (to the left where negative), -inf moving in."""
    moved = np.full(len(x), -np.inf)
    if by > 0:
        moved[by:] = x[:-by]
    else:
        moved[:by] = x[-by:]
    return moved
