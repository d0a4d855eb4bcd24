"""Jacobians: the derivatives of every element of a target, for ``GradientTape``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .nested import map_structure
from .tensor import Tensor


class Jacobians:
    """Two methods of a tape. Each walks back once for every element, from a gradient that is 1 at
    this element and 0 elsewhere.
    """

    _ready: Callable  # of the tape
    _walk: Callable

    def jacobian(self, target: Any, sources: Any) -> Any:
        """Return d target[i] / d source[j] for all elements i and j: for each source an array
        (*target.shape, *source.shape), or None.

        ``sources``, and whether the results are tensors, are as in ``gradient``.
        """
        indices = list(np.ndindex(*target.shape))
        rows = self._rows(target, sources, indices)

        def joined(source: Any) -> Any:
            shape = (*target.shape, *source.shape)
            found = [row[source] for row in rows if source in row]
            return np.reshape(np.stack(found), shape) if found else None

        return map_structure(joined, sources)

    def batch_jacobian(self, target: Any, source: Any) -> Any:
        """Return d target[n, i] / d source[n, j] for all rows n and elements i and j: an array
        (N, *I, *J). Each row of the target, (N, *I), must depend on the same row of the source,
        (N, *J), alone; where there is no dependence, the result is 0.

        Raises ValueError unless both have as many rows.
        """
        if target.shape[:1] != source.shape[:1] or not target.shape:
            raise ValueError(
                "batch_jacobian() needs a target and a source with as many rows; got the shapes "
                f"{target.shape} and {source.shape}."
            )
        shape = (*target.shape, *source.shape[1:])
        indices = [(slice(None), *index) for index in np.ndindex(*target.shape[1:])]
        rows = self._rows(target, source, indices)
        found = [row[source] for row in rows if source in row]
        return np.reshape(np.stack(found, 1), shape) if found else np.zeros(shape, target.dtype)

    def _rows(self, target: Any, sources: Any, indices: Iterable) -> list[dict]:
        """The gradients of the target at each of these indices."""
        records, wanted, is_tracked = self._ready(sources)
        rows = []
        for index in indices:
            seed = np.zeros(target.shape, target.dtype)
            seed[index] = 1
            gradients = {target: Tensor(seed) if is_tracked else seed}
            self._walk([*records], gradients, wanted, is_tracked)
            rows.append(gradients)
        return rows
