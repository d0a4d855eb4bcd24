"""The one table of tolerances. A looser bound anywhere else needs a written reason beside it.

Parity. What a run is held against is the truth: the reference in float64 on the very numbers the
run was given (so float32 inputs are rounded first, then widened). The error of each element is
divided by a scale, its sum of magnitudes:

    scale = |truth| + spread + median |truth|
    spread = how far the element moves when every input (and, for a gradient, every cached array and
             the cotangent) is multiplied by 1 +- h with random signs, divided by h

For y = sum_k x_k w_k the spread is the size of the terms x_k w_k, however much of them cancels: it
asks of an op what rounding its inputs would do to it anyway. The median lets an op round at the
size of its array (x - tanh(x) near 0). The quotient has to stay below

    float64: 1e-10             float32: eps (16 + sqrt(n)),  eps = 1.2e-7

where n is the longest sum in the call: the last axis or all the others, of the largest argument.
Rounding errors of n additions are a random walk, hence the root; 16 is room for exp, log and the
like (each within 2 ulp) in a chain.
"""

import numpy as np

GOLDEN = {"rtol": 2e-4, "atol": 2e-5}  # against Keras, whose kernels round differently from ours
FINITE_DIFFERENCES = 1e-6  # float64, central differences with a step of 1e-6


def parity(dtype, length):
    """The bound on |error| / scale for a sum of `length` terms."""
    if np.dtype(dtype) == np.float64:
        return 1e-10
    return float(np.finfo(np.float32).eps) * (16 + length**0.5)
