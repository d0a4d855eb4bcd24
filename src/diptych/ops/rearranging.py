"""Splitting and joining along certain axes, and axes named in a pattern."""

import re

from ..shape_rules import count
from .creation import as_tensor, ndim, shape
from .shapes import concatenate, expand_dims, reshape, split, transpose
from .whole import sizes_of, symbol, whole


def _split_along(name, x, indices_or_sections, axis, least):
    x = as_tensor(x)
    if ndim(x) < least:
        raise ValueError(f"{name}() takes at least {least} axes, but got shape {shape(x)}.")
    return split(x, indices_or_sections, axis=axis)


def vsplit(x, indices_or_sections):
    """Cut ``x`` (N, ...) along the first axis, as ``split`` does; returns a list."""
    return _split_along("vsplit", x, indices_or_sections, 0, 1)


def hsplit(x, indices_or_sections):
    """Cut ``x`` (N, M, ...) along the second axis, a vector along its only one, as ``split`` does;
    returns a list.
    """
    return _split_along("hsplit", x, indices_or_sections, min(ndim(x) - 1, 1), 1)


def dsplit(x, indices_or_sections):
    """Cut ``x`` (N, M, K, ...) along the third axis, as ``split`` does; returns a list."""
    return _split_along("dsplit", x, indices_or_sections, 2, 3)


def dstack(xs):
    """Join tensors along the third axis: vectors (M,) become (1, M, 1), matrices (N, M, 1)."""
    return concatenate([_with_depth(x) for x in xs], axis=2)


def _with_depth(x):
    x = as_tensor(x)
    if ndim(x) < 2:
        x = reshape(x, (1, -1))
    return expand_dims(x, 2) if ndim(x) == 2 else x


# --------------------------------------------------------------------------------------------------
# Patterns


def _groups(side, pattern):
    """The axes of one side of a pattern: lists of names, those in brackets together."""
    parts = re.findall(r"\(([^()]*)\)|(\w+)|(\S)", side)
    if any(other for _, _, other in parts):
        raise ValueError(
            f"rearrange() got the pattern {pattern!r}: each side consists of names of axes, and of "
            "names in brackets for axes that are one."
        )
    return [group.split() if not name else [name] for group, name, _ in parts]


def _sizes(groups, sizes, given, pattern):
    """The size of each axis on the left side; None if it is unknown."""
    if len(groups) != len(sizes):
        raise ValueError(
            f"rearrange() got a tensor of shape {sizes}, but the pattern {pattern!r} names "
            f"{len(groups)} axes."
        )
    found = {}
    for group, size in zip(groups, sizes, strict=True):
        lacking = [name for name in group if name not in given]
        known = count(tuple([given[name] for name in group if name in given]))
        if len(lacking) > 1:
            raise ValueError(f"rearrange() needs the sizes of all but one of the axes {group}.")
        fits = size is None or (size % known == 0 if lacking else size == known)
        if not fits:
            raise ValueError(f"An axis of size {size} cannot be split into {group}, of {given}.")
        found.update({name: given.get(name) for name in group})
        if lacking:
            found[lacking[0]] = None if size is None else size // known
    return found


def _plan(sizes, pattern, axes_lengths):
    """The split shape, the order of its axes, and the joined shape."""
    left, arrow, right = pattern.partition("->")
    before, after = _groups(left, pattern), _groups(right, pattern)
    first, second = (sum(groups, []) for groups in (before, after))
    if not arrow or sorted(first) != sorted(second) or len(set(first)) < len(first):
        raise ValueError(
            f"rearrange() got the pattern {pattern!r}: both sides of -> name the same axes, each "
            "once."
        )
    found = _sizes(before, sizes, axes_lengths, pattern)
    order = [first.index(name) for name in second]
    joined = [count(tuple([found[name] for name in group])) for group in after]
    return [found[name] for name in first], order, tuple(joined)


@whole(
    lambda tensor, pattern, axes_lengths: symbol(
        _plan(sizes_of(tensor), pattern, axes_lengths)[2], tensor
    )
)
def rearrange(tensor, pattern, **axes_lengths):
    """Split, reorder and join axes as a pattern says (Rogozhnikov 2022, "Einops").

    tensor (B, H, W, C) by "b h w c -> b (h w) c" gives (B, H * W, C).

    Args:
        tensor: a tensor.
        pattern: its axes, an arrow, and those of the result, such as "b (h p) c -> b h (p c)":
            names in brackets are one axis, the last of them running fastest.
        axes_lengths: the sizes of axes in brackets on the left, p=2; one of each bracket follows.

    Returns:
        The tensor with the axes of the right side.

    Raises:
        ValueError: the pattern is no such thing, or the sizes do not fit.
    """
    split_shape, order, joined = _plan(tuple(tensor.shape), pattern, axes_lengths)
    return reshape(transpose(reshape(tensor, split_shape), order), joined)
