"""What recurrent layers share: the order of their steps, masks, and the refusal of misfits.

N sequences of T steps, D features in, U units.
"""

import numpy as np


def check_recurrent(
    name, gates, x, kernel, recurrent_kernel, bias, states, mask, recurrent_mask, biases=1
):
    """Raise ValueError unless the arrays of a layer fit together.

    states: its initial states by their names.   biases: how many rows of them it has.
    """
    if x.ndim != 3:
        raise ValueError(
            f"{name}: x needs 3 axes (sequences, steps, features), got shape {x.shape}"
            + ("; is the axis of the steps missing?" if x.ndim == 2 else "")
        )
    rows, steps, features = x.shape
    if steps == 0:
        raise ValueError(f"{name}: x needs at least one step, got shape {x.shape}")
    units = recurrent_kernel.shape[0] if recurrent_kernel.ndim else 0
    columns = gates * units
    expected = {
        "recurrent_kernel": (recurrent_kernel, (units, columns)),
        "kernel": (kernel, (features, columns)),
        "bias": (bias, (columns,) if biases == 1 else (biases, columns)),
        **{state: (array, (rows, units)) for state, array in states.items()},
        "mask": (mask, (rows, steps)),
        "recurrent_mask": (recurrent_mask, (rows, units)),
    }
    if mask is not None and not isinstance(mask, np.ndarray):
        raise TypeError(f"{name}: mask needs to be an array, got {type(mask).__name__}")
    for what, (array, shape) in expected.items():
        if array is not None and array.shape != shape:
            raise ValueError(
                f"{name}: {what} needs shape {shape} for x of shape {x.shape} and {units} units, "
                f"got {array.shape}"
            )
    if mask is not None and mask.dtype != np.bool_:
        raise ValueError(f"{name}: mask needs True and False, got {mask.dtype}")


def check_cotangents(name, dy, h, return_sequences):
    """Raise ValueError unless there is a gradient of the right shape for y and each last state."""
    last = h.shape[0], h.shape[2]
    expected = h.shape if return_sequences else last
    shapes = [np.shape(array) for array in dy]
    if shapes != [expected, *[last] * (len(dy) - 1)]:
        raise ValueError(
            f"{name}: dy needs the shapes {expected} for y and {last} for each state, got {shapes}"
        )


def order(x, go_backwards):
    """The places in x in the order in which they are read."""
    steps = x.shape[1]
    return range(steps - 1, -1, -1) if go_backwards else range(steps)


def initial(state, x, units):
    """An initial state: zeros where none was given."""
    return np.zeros((len(x), units), x.dtype) if state is None else state


def states_before(states, first, go_backwards):
    """(N, T, U): the state that each step found, its predecessor's or the initial one."""
    first = initial(first, states, states.shape[2])[:, np.newaxis]
    parts = [states[:, 1:], first] if go_backwards else [first, states[:, :-1]]
    return np.concatenate(parts, axis=1)


def is_on(mask, t):
    """(N, 1): whether each sequence heeds the step at t; True for all where there is no mask."""
    return True if mask is None else mask[:, t, np.newaxis]


def dropped(h, recurrent_mask):
    """A state (N, U), or those of all steps, (N, T, U), with the dropout of recurrent connections.

    The way back is the same product.
    """
    if recurrent_mask is None:
        return h
    return h * (recurrent_mask if h.ndim == 2 else recurrent_mask[:, np.newaxis])


def over_steps(inputs, da):
    """The gradient of a matrix that was used at every step: sum_t inputs_t^T da_t."""
    return sum(inputs[:, t].T @ da[:, t] for t in range(inputs.shape[1]))


def _has_begun(mask, go_backwards):
    """(N, T, 1): whether the step at t, or one before it, is on."""
    in_order = mask[:, ::-1] if go_backwards else mask
    begun = np.logical_or.accumulate(in_order, axis=1)
    return (begun[:, ::-1] if go_backwards else begun)[..., np.newaxis]


def outputs(h, mask, return_sequences, go_backwards):
    """y from the states h (N, T, U) after each place of x.

    A step that is masked repeats the last output, which is its state h: but before the first step
    that is on, where h is the initial state, there is no output yet, and y is 0.
    """
    if mask is not None:
        h = np.where(_has_begun(mask, go_backwards), h, 0)
    y = h[:, ::-1] if go_backwards else h  # in the order of the steps
    return np.ascontiguousarray(y if return_sequences else y[:, -1])


def outputs_backward(dy, h, mask, return_sequences, go_backwards):
    """The gradient by h (N, T, U) of what `outputs` makes of it."""
    if return_sequences:
        dh = dy[:, ::-1] if go_backwards else dy
    else:
        dh = np.zeros_like(h)
        dh[:, 0 if go_backwards else -1] = dy
    return dh if mask is None else np.where(_has_begun(mask, go_backwards), dh, 0)
