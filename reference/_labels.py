"""What the losses ask of the shapes and of the labels, said once for both engines."""

import numpy as np


def check_same_shape(y_true, y_pred, axis=-1):
    """Raise ValueError unless both have one shape: broadcasting would hide a slip."""
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"y_true has shape {y_true.shape} but y_pred has shape {y_pred.shape}; "
            f"this loss compares them entry by entry, so the shapes must be the same"
        )
    _check_axis(y_pred, axis)


def check_classes(y_true, y_pred, axis, ignore_class):
    """Raise ValueError unless y_true holds a class of y_pred per row; name the first bad one."""
    _check_axis(y_pred, axis)
    classes = y_pred.shape[axis]
    shape = tuple(np.delete(y_pred.shape, axis).tolist())
    if y_true.shape != shape:
        raise ValueError(
            f"y_true has shape {y_true.shape} but y_pred has shape {y_pred.shape}; this loss takes "
            f"the number of one class per row, so y_true must have shape {shape}"
        )
    bad = (y_true < 0) | (y_true >= classes)
    if ignore_class is not None:
        bad &= y_true != ignore_class
    if bad.any():
        where = tuple(np.argwhere(bad)[0].tolist())
        raise ValueError(
            f"y_true{list(where) if where else ''} = {y_true[where]} is no class: "
            f"y_pred has {classes} classes, so labels run from 0 to {classes - 1}"
        )


def check_sequences(target, output, target_length, output_length, mask_index):
    """Raise ValueError unless labels, frames and their numbers fit together (see ctc.py)."""
    if target.ndim != 2 or output.ndim != 3 or len(target) != len(output):
        raise ValueError(
            f"target has shape {target.shape} and output has shape {output.shape}: this loss takes "
            "(N, labels) class numbers and (N, frames, classes) logits, the same N"
        )
    classes = output.shape[2]
    if not 0 <= mask_index < classes:
        raise ValueError(
            f"mask_index = {mask_index} is no class: output has {classes}, numbered from 0"
        )
    for name, lengths, most in (
        ("target_length", target_length, target.shape[1]),
        ("output_length", output_length, output.shape[1]),
    ):
        if lengths.shape != (len(output),):
            raise ValueError(
                f"{name} has shape {lengths.shape}: it takes one number for each of the "
                f"{len(output)} samples"
            )
        bad = (lengths < 0) | (lengths > most)
        if bad.any():
            n = int(np.argmax(bad))
            raise ValueError(f"{name}[{n}] = {lengths[n]}, but a row has {most} of them")
    counted = np.arange(target.shape[1]) < target_length[:, np.newaxis]
    bad = counted & ((target < 0) | (target >= classes))
    if bad.any():
        where = tuple(np.argwhere(bad)[0].tolist())
        raise ValueError(
            f"target{list(where)} = {target[where]} is no class: output has {classes} classes, so "
            f"labels run from 0 to {classes - 1}"
        )


def check_alpha(y_pred, alpha):
    """Raise ValueError unless alpha is one number, or has one for every entry of the last axis."""
    if np.ndim(alpha) and np.shape(alpha) != y_pred.shape[-1:]:
        raise ValueError(
            f"alpha has {np.size(alpha)} numbers but y_pred has shape {y_pred.shape}: "
            f"alpha must be one number, or {y_pred.shape[-1]} of them"
        )


def _check_axis(y_pred, axis):
    if not -y_pred.ndim <= axis < y_pred.ndim:
        raise ValueError(f"y_pred has shape {y_pred.shape}, hence no axis {axis} to sum over")
    if y_pred.shape[axis] == 0:
        raise ValueError(f"y_pred has shape {y_pred.shape}: its axis {axis} is empty")
