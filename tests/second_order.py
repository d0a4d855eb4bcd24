"""How gradients of gradients are held against finite differences of gradients.

With random cotangents c and directions v, F(x, c) = <J(x)^T c, v> is found by a tape, and its
derivative along random directions of x and of c twice: by a tape around that tape, and as a
difference of F. The gradients of which differences are taken come from the engines' own backward
functions, and the tape around goes back through what is made of operations: so both are compared.
"""

import numpy as np

from diptych import GradientTape, Tensor, ops
from tests.ops_table import leaves


def float_leaves(call, tensors):
    return [y for y in leaves(call(*tensors)) if isinstance(y, Tensor) and y.dtype.kind == "f"]


def is_float(t):
    return t is not None and t.dtype.kind == "f"


def gradients(call, tensors, sources, cotangents):
    """J^T c for each source; None where nothing depends on it."""
    with GradientTape() as tape:
        tape.watch(sources)
        outputs = float_leaves(call, tensors)
    return tape.gradient(outputs, sources, output_gradients=cotangents)


def projection(rows, directions):
    """The sum of all <row, direction>; a number, or a tensor."""
    terms = [ops.sum(r * v) for r, v in zip(rows, directions, strict=True) if r is not None]
    return sum(terms[1:], terms[0])


def moved(x, h, direction):
    return Tensor(np.asarray(x.array + h * direction))


def check_second_order(call, arrays, constants=(), seed=1, step=1e-5, tolerance=2e-6):
    """``call(*tensors)`` gives a tensor or several. Gradients are taken by all float64 arrays, but
    for those whose numbers are among ``constants``. Return the second derivatives.
    """
    rng = np.random.default_rng(seed)
    tensors = [None if a is None else Tensor(np.array(a)) for a in arrays]
    places = [i for i, t in enumerate(tensors) if is_float(t) and i not in constants]
    cotangents = [Tensor(rng.normal(size=y.shape)) for y in float_leaves(call, tensors)]

    def of(replaced, dys):
        given = [replaced.get(i, t) for i, t in enumerate(tensors)]
        return gradients(call, given, [given[i] for i in places], dys)

    here = {i: Tensor(tensors[i].array) for i in places}
    plain = of(here, cotangents)
    directions = [rng.normal(size=tensors[i].shape) for i in places]
    with GradientTape() as outer:
        outer.watch([*here.values(), *cotangents])
        found = of(here, cotangents)
        total = projection(found, directions)
    for g, right in zip(found, plain, strict=True):
        assert (g is None) == (right is None)
        if g is not None:
            assert isinstance(g, Tensor)
            assert g.dtype == np.float64
            np.testing.assert_allclose(g.array, np.asarray(right), rtol=1e-9, atol=1e-11)
    seconds = outer.gradient(total, [*here.values(), *cotangents])

    ways = [rng.normal(size=x.shape) for x in [*here.values(), *cotangents]]

    def projected(h):
        both = [moved(x, h, v) for x, v in zip([*here.values(), *cotangents], ways, strict=True)]
        replaced = dict(zip(places, both, strict=False))
        return float(np.asarray(projection(of(replaced, both[len(places) :]), directions)))

    by_difference = (projected(step) - projected(-step)) / (2 * step)
    terms = [g * v for g, v in zip(seconds, ways, strict=True) if g is not None]
    by_tape = sum(float(term.sum()) for term in terms)
    size = sum(float(np.abs(term).sum()) for term in terms)
    error = abs(by_tape - by_difference) / max(size, abs(by_difference), 1e-2)
    assert error <= tolerance, f"{by_tape} by the tape, {by_difference} by differences"
    return seconds
