"""Layers that combine several tensors into one."""

from __future__ import annotations

from functools import reduce
from typing import Any

from .. import ops
from .layer import Layer


class _Merge(Layer):
    """Combines a list of tensors of one shape (sizes of 1 are broadcast) entry by entry."""

    least = 1

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self._check_shapes(input_shape)
        self.built = True

    def _check_shapes(self, shapes: Any) -> None:
        if not _is_list(shapes) or len(shapes) < self.least:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) merges a list of at least "
                f"{self.least} tensor{'s' if self.least > 1 else ''}, but was called on "
                f"{f'{len(shapes)}' if _is_list(shapes) else 'one tensor'}."
            )
        if any(shape is None for shape in shapes):
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) merges a list of tensors, and one of "
                "them is None."
            )

    def call(self, inputs: Any) -> Any:
        self._check_shapes(list(inputs) if isinstance(inputs, (list, tuple)) else inputs)
        try:
            return self.merge(_same_rank(list(inputs)))
        except ValueError:
            self.compute_output_shape(
                [x.shape for x in inputs]
            )  # raises an error that names the layer
            raise

    def merge(self, tensors: list) -> Any:
        """Return one tensor of several, (N, ...) each, whose ranks are equal."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Any) -> tuple:
        self._check_shapes(input_shape)
        rank = max(len(shape) for shape in input_shape)
        shapes = [(*shape[:1], *[1] * (rank - len(shape)), *shape[1:]) for shape in input_shape]
        return tuple(self._broadcast(sizes, input_shape) for sizes in zip(*shapes, strict=True))

    def _broadcast(self, sizes: tuple, shapes: Any) -> int | None:
        known = {size for size in sizes if size not in (1, None)}
        if len(known) > 1:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) needs inputs of one shape; it got "
                f"{list(shapes)}."
            )
        if known:
            return known.pop()
        return None if None in sizes else 1

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """True where the mask of any input is; None if an input has no mask."""
        masks = self._masks(inputs, mask)
        return None if any(mask is None for mask in masks) else reduce(ops.logical_or, masks)

    def _masks(self, inputs: Any, mask: Any) -> list:
        """The masks of a list of inputs; ValueError unless there is one, or None, for each."""
        if mask is None:
            return [None] * len(inputs)
        if not (isinstance(inputs, (list, tuple)) and isinstance(mask, (list, tuple))) or len(
            mask
        ) != len(inputs):
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) takes a list of inputs and a list "
                f"with a mask, or None, for each; got {_told(inputs)} and {_told(mask)}."
            )
        return list(mask)


def _told(given: Any) -> str:
    return f"a list of {len(given)}" if isinstance(given, (list, tuple)) else type(given).__name__


def _is_list(shapes: Any) -> bool:
    """Whether these are several shapes, rather than the shape of one tensor, a tuple of sizes."""
    return isinstance(shapes, list) or (
        isinstance(shapes, tuple) and any(isinstance(shape, (list, tuple)) for shape in shapes)
    )


def _same_rank(tensors: list) -> list:
    """Tensors of one rank: axes of size 1 are inserted after the batch."""
    rank = max(t.ndim for t in tensors)
    return [
        t if t.ndim == rank else ops.expand_dims(t, tuple(range(1, 1 + rank - t.ndim)))
        for t in tensors
    ]


def _wide_mask(x: Any) -> Any:
    """The mask of a tensor, repeated over the entries of each step; None if it has none."""
    if x.mask is None:
        return None
    mask = ops.expand_dims(x.mask, tuple(range(x.mask.ndim, x.ndim)))
    return ops.broadcast_to(mask, x.shape)


def _extreme(choose: Any, tensors: list) -> Any:
    """The extremes of the entries that are not masked; if all are, those of the last input."""
    output, counts = tensors[0], _wide_mask(tensors[0])
    for x in tensors[1:]:
        mask = _wide_mask(x)
        if mask is not None:
            x = ops.where(mask, x, output)
        if counts is not None:
            output = ops.where(counts, output, x)
        counts = None if mask is None or counts is None else ops.logical_or(counts, mask)
        output = choose(output, x)
    return output


class Add(_Merge):
    """The sum of its inputs.

    They have one shape, or sizes of 1 that broadcast, and so has the output.
    """

    pure = True

    def merge(self, tensors: list) -> Any:
        return reduce(ops.add, tensors)


class Subtract(_Merge):
    """The first of two inputs less the second.

    They have one shape, or sizes of 1 that broadcast, and so has the output.
    """

    pure = True

    def _check_shapes(self, shapes: Any) -> None:
        if not _is_list(shapes) or len(shapes) != 2:
            raise ValueError(f"Layer {self.name!r} (Subtract) takes a list of exactly 2 tensors.")
        super()._check_shapes(shapes)

    def merge(self, tensors: list) -> Any:
        return ops.subtract(*tensors)


class Multiply(_Merge):
    """The product of its inputs, entry by entry. A masked step of an input counts as 1; if it is
    masked in all inputs, the product is 0.

    They have one shape, or sizes of 1 that broadcast, and so has the output.
    """

    pure = True

    def merge(self, tensors: list) -> Any:
        masks = [_wide_mask(x) for x in tensors]
        factors = [
            x if mask is None else ops.where(mask, x, 1.0)
            for x, mask in zip(tensors, masks, strict=True)
        ]
        product = reduce(ops.multiply, factors)
        if any(mask is None for mask in masks):
            return product
        return ops.where(reduce(ops.logical_or, masks), product, 0.0)


class Average(_Merge):
    """The mean of its inputs.

    They have one shape, or sizes of 1 that broadcast, and so has the output.
    """

    pure = True

    def merge(self, tensors: list) -> Any:
        return ops.divide(reduce(ops.add, tensors), float(len(tensors)))


class Maximum(_Merge):
    """The largest of its inputs, entry by entry; masked steps are ignored.

    They have one shape, or sizes of 1 that broadcast, and so has the output.
    """

    pure = True

    def merge(self, tensors: list) -> Any:
        return _extreme(ops.maximum, tensors)


class Minimum(_Merge):
    """The smallest of its inputs, entry by entry; masked steps are ignored.

    They have one shape, or sizes of 1 that broadcast, and so has the output.
    """

    pure = True

    def merge(self, tensors: list) -> Any:
        return _extreme(ops.minimum, tensors)


class Concatenate(_Merge):
    """Joins its inputs along ``axis``; all other sizes must be equal.

    (N, ..., n) and (N, ..., m) give (N, ..., n + m).
    """

    pure = True

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axis, int):
            raise TypeError(
                f"Concatenate needs the number of an axis, such as -1 for the last; got "
                f"axis={axis!r}."
            )
        self.axis = axis

    def merge(self, tensors: list) -> Any:
        return ops.concatenate(tensors, axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        self._check_shapes(input_shape)
        shapes = [list(shape) for shape in input_shape]
        axis = self.axis % len(shapes[0])
        others = [shape[:axis] + shape[axis + 1 :] for shape in shapes]
        for other in others[1:]:
            fits = len(other) == len(others[0]) and all(
                m is None or n is None or m == n for m, n in zip(other, others[0], strict=True)
            )
            if not fits:
                raise ValueError(
                    f"Layer {self.name!r} (Concatenate) joins tensors that differ only along axis "
                    f"{self.axis}; "
                    f"it got shapes {[tuple(shape) for shape in shapes]}."
                )
        sizes = [shape[axis] for shape in shapes]
        joined = None if None in sizes else sum(sizes)
        return (*shapes[0][:axis], joined, *shapes[0][axis + 1 :])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        masks = self._masks(inputs, mask)
        if all(mask is None for mask in masks):
            return None
        parts = []
        for x, mask in zip(inputs, masks, strict=True):
            whole = ops.ones_like(x, dtype="bool")
            if mask is not None:
                mask = ops.expand_dims(mask, tuple(range(mask.ndim, x.ndim)))
                whole = ops.logical_and(whole, mask)
            parts.append(whole)
        return ops.any(ops.concatenate(parts, axis=self.axis), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class Dot(_Merge):
    """The dot product of two tensors along one axis of each, sample by sample.

    (N, a, k) and (N, b, k) with axes=2 give (N, a, b).

    Args:
        axes: the axis of both, or a pair with the axis of each.
        normalize: whether to divide each by its length along that axis first, which gives the
            cosine.
    """

    pure = True

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axes, int) and len(tuple(axes)) != 2:
            raise ValueError(f"Dot needs one axis, or a pair of axes; got axes={axes!r}.")
        self.axes = axes
        self.normalize = normalize

    def _axes(self, ranks: list[int]) -> tuple[int, int]:
        pair = (self.axes, self.axes) if isinstance(self.axes, int) else tuple(self.axes)
        for axis, rank in zip(pair, ranks, strict=True):
            if not -rank <= axis < rank:
                raise IndexError(
                    f"Layer {self.name!r} (Dot) has axes={self.axes!r}, and an input of {rank} "
                    f"axes: they are 1 to {rank - 1}, or {1 - rank} to -1."
                )
            if axis in (0, -rank):
                raise ValueError(
                    f"Layer {self.name!r} (Dot) has axes={self.axes!r}, but axis 0 is the batch, "
                    "row by row of which products are taken."
                )
        return pair[0] % ranks[0], pair[1] % ranks[1]

    def _check_shapes(self, shapes: Any) -> None:
        if not _is_list(shapes) or len(shapes) != 2:
            raise ValueError(f"Layer {self.name!r} (Dot) takes a list of exactly 2 tensors.")
        super()._check_shapes(shapes)

    def call(self, inputs: Any) -> Any:
        self._check_shapes(list(inputs))
        self.compute_output_shape([x.shape for x in inputs])
        a, b = inputs
        i, j = self._axes([a.ndim, b.ndim])
        if self.normalize:
            a, b = ops.normalize(a, axis=i), ops.normalize(b, axis=j)
        rows = ops.moveaxis(a, i, -1)  # (N, ..., D)
        columns = ops.moveaxis(b, j, 1)  # (N, D, ...)
        batch, shared = columns.shape[0], columns.shape[1]
        product = ops.matmul(
            ops.reshape(rows, (batch, -1, shared)), ops.reshape(columns, (batch, shared, -1))
        )
        shape = (batch, *rows.shape[1:-1], *columns.shape[2:])
        return ops.reshape(product, shape if len(shape) > 1 else (batch, 1))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        self._check_shapes(input_shape)
        a, b = (list(shape) for shape in input_shape)
        i, j = self._axes([len(a), len(b)])
        if None not in (a[i], b[j]) and a[i] != b[j]:
            raise ValueError(
                f"Layer {self.name!r} (Dot) needs equal sizes along axes {(i, j)}; it got shapes "
                f"{tuple(a)} and {tuple(b)}."
            )
        if None not in (a[0], b[0]) and a[0] != b[0]:
            raise ValueError(
                f"Layer {self.name!r} (Dot) needs the same number of samples in both tensors; got "
                f"shapes {tuple(a)} and {tuple(b)}."
            )
        rest = a[1:i] + a[i + 1 :] + b[1:j] + b[j + 1 :]
        return (a[0], *(rest or [1]))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def add(inputs: list, **kwargs: Any) -> Any:
    """Return the sum of a list of tensors.

    The tensors have one shape, or sizes of 1 that broadcast.

    Args:
        inputs: the list.
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: list, **kwargs: Any) -> Any:
    """Return the first tensor less the second.

    The tensors have one shape, or sizes of 1 that broadcast.

    Args:
        inputs: the list.
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: list, **kwargs: Any) -> Any:
    """Return the product of a list of tensors, entry by entry.

    The tensors have one shape, or sizes of 1 that broadcast.

    Args:
        inputs: the list.
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: list, **kwargs: Any) -> Any:
    """Return the mean of a list of tensors.

    The tensors have one shape, or sizes of 1 that broadcast.

    Args:
        inputs: the list.
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: list, **kwargs: Any) -> Any:
    """Return the largest of a list of tensors, entry by entry.

    The tensors have one shape, or sizes of 1 that broadcast.

    Args:
        inputs: the list.
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: list, **kwargs: Any) -> Any:
    """Return the smallest of a list of tensors, entry by entry.

    The tensors have one shape, or sizes of 1 that broadcast.

    Args:
        inputs: the list.
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: list, axis: int = -1, **kwargs: Any) -> Any:
    """Return a list of tensors joined along ``axis``.

    (N, ..., n) and (N, ..., m) give (N, ..., n + m).

    Args:
        inputs: the list.
        axis: the axis along which they are joined.
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: list, axes: Any = -1, normalize: bool = False, **kwargs: Any) -> Any:
    """Return the dot product of two tensors along ``axes``, sample by sample.

    (N, a, k) and (N, b, k) with axes=2 give (N, a, b).

    Args:
        inputs: the two tensors.
        axes: the axis of each that is summed over, or one number for both.
        normalize: whether to divide by the lengths first, for the cosine.
    """
    return Dot(axes=axes, normalize=normalize, **kwargs)(inputs)


__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]
