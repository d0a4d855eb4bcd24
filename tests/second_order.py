"""How gradients of gradients are held against finite differences of gradients.

With random cotangents c and directions v, F(x, c) = <J(x)^T c, v> is found by a tape, and its
derivative along random directions of x and of c twice: by a tape around that tape, and as a
difference of F. The gradients of which differences are taken come from the engines' own backward
functions, and the tape around goes back through what is made of operations: so both are compared.
"""

import numpy as np

from diptych import GradientTape, Tensor, ops
from tests.ops_table import leaves


def is_float(x):
    return x is not None and x.dtype.kind == "f"


def outputs_of(call, tensors):
    return [y for y in leaves(call(*tensors)) if is_float(y)]


def gradients(call, tensors, sources, cotangents):
    """J^T c for each source; None where nothing depends on it."""
    with GradientTape() as tape:
        tape.watch(sources)
        outputs = outputs_of(call, tensors)
    return tape.gradient(outputs, sources, output_gradients=cotangents)


def projection(rows, directions):
    """The sum of all <row, direction>; a number, or a tensor."""
    terms = [ops.sum(r * v) for r, v in zip(rows, directions, strict=True) if r is not None]
    return sum(terms[1:], terms[0])


def check_second_order(call, arrays, constants=(), seed=1, step=1e-5, tolerance=2e-6):
    """``call(*tensors)`` gives a tensor or several. Gradients are taken by the arrays of floats,
    but for those whose numbers are among ``constants``.
    """
    rng = np.random.default_rng(seed)
    tensors = [None if a is None else Tensor(np.array(a)) for a in arrays]
    places = [i for i, t in enumerate(tensors) if is_float(t) and i not in constants]
    cotangents = [Tensor(rng.normal(size=y.shape)) for y in outputs_of(call, tensors)]
    directions = [rng.normal(size=tensors[i].shape) for i in places]
    here = [*[Tensor(tensors[i].array) for i in places], *cotangents]

    def by_tape(given):
        """The gradients at these inputs and cotangents."""
        moved = dict(zip(places, given, strict=False))
        inputs = [moved.get(i, t) for i, t in enumerate(tensors)]
        return gradients(call, inputs, given[: len(places)], given[len(places) :])

    with GradientTape() as outer:
        outer.watch(here)
        found = by_tape(here)
        total = projection(found, directions)
    for g, right in zip(found, by_tape(here), strict=True):
        assert (g is None) == (right is None)
        if g is not None:
            assert isinstance(g, Tensor)
            assert g.dtype == np.float64
            np.testing.assert_allclose(g.array, np.asarray(right), rtol=1e-9, atol=1e-11)
    seconds = outer.gradient(total, here)

    ways = [rng.normal(size=x.shape) for x in here]

    def along(h):
        moved = [Tensor(np.asarray(x.array + h * way)) for x, way in zip(here, ways, strict=True)]
        return float(projection(by_tape(moved), directions))

    by_difference = (along(step) - along(-step)) / (2 * step)
    terms = [g * way for g, way in zip(seconds, ways, strict=True) if g is not None]
    value = sum(float(term.sum()) for term in terms)
    size = sum(float(np.abs(term).sum()) for term in terms)
    error = abs(value - by_difference) / max(size, abs(by_difference), 1e-2)
    assert error <= tolerance, f"{value} by the tape, {by_difference} by differences"
