"""The extras of the fast engine: what only speed needs, and what each of them must equal.

An extra has no twin. Beside it stands a function of the same signature that is composed of
reference functions alone, and `tests/test_twins.py` holds the two against each other as it does
twins. This is the whole list.
"""

import functools
from types import SimpleNamespace

import numpy as np
from diptych.reference import (
    convolution,
    embedding,
    normalization,
    optimizers,
    piecewise,
    pooling,
)

from tests import cases, twins


def conv_max_pool_forward(
    x, kernel, bias, strides, padding, dilation, groups, activation, window, steps, margins
):
    """A convolution and the max pooling after it: a prediction has no use for what lies between."""
    y, _ = convolution.conv_forward(x, kernel, bias, strides, padding, dilation, groups, activation)
    largest, _ = pooling.max_pool_forward(y, window, steps, margins)
    return largest, ()


def conv_max_pool_training_forward(
    x, kernel, bias, strides, padding, dilation, groups, activation, window, steps, margins
):
    """A convolution and the max pooling after it, in training."""
    y, cache = convolution.conv_forward(
        x, kernel, bias, strides, padding, dilation, groups, activation
    )
    largest, pooling_cache = pooling.max_pool_forward(y, window, steps, margins)
    return largest, (cache, pooling_cache)


def conv_max_pool_training_backward(dy, cache, need_dx=True):
    cache, pooling_cache = cache
    return convolution.conv_backward(pooling.max_pool_backward(dy, pooling_cache), cache, need_dx)


def batch_normalization_relu_forward(x, mean, variance, gamma, beta, epsilon, max_value):
    """Batch normalisation with given statistics and the relu after it, for predictions."""
    y, _ = normalization.batch_normalization_forward(x, mean, variance, gamma, beta, epsilon)
    return piecewise.relu_forward(y, 0.0, max_value, 0.0)[0], ()


def batch_normalization_training_relu_forward(x, gamma, beta, epsilon, max_value):
    """Batch normalisation and the relu after it."""
    (y, mean, variance), cache = normalization.batch_normalization_training_forward(
        x, gamma, beta, None, epsilon
    )
    y, relu_cache = piecewise.relu_forward(y, 0.0, max_value, 0.0)
    return (y, mean, variance), (cache, relu_cache)


def batch_normalization_training_relu_backward(dy, cache, need_dx=True):
    dy, dmean, dvariance = dy
    cache, relu_cache = cache
    dy = piecewise.relu_backward(dy, relu_cache)
    return normalization.batch_normalization_training_backward(
        (dy, dmean, dvariance), cache, need_dx
    )


def add_relu_forward(x, shortcut):
    """A sum and the relu after it."""
    return piecewise.relu_forward(x + shortcut)


def add_relu_backward(dy, cache):
    dx = piecewise.relu_backward(dy, cache)
    return dx, dx


def embedding_backward_rows(dy, cache):
    """The gradient of a table as the rows that were named, and their values."""
    indices, _ = cache
    rows = np.unique(indices).astype(np.int64)
    return rows, embedding.embedding_backward(dy, cache)[rows]


def taking_rows(rule):
    """An optimizer's rule that also takes the gradient of a table as (rows, values)."""

    def whole(gradient, variable):
        if not isinstance(gradient, tuple):
            return gradient
        rows, values = gradient
        dtable = np.zeros_like(variable)
        dtable[rows] = values
        return dtable

    @functools.wraps(rule)
    def composed(variables, gradients, **others):
        gradients = [whole(g, w) for g, w in zip(gradients, variables, strict=True)]
        return rule(variables, gradients, **others)

    return composed


# Functions of their own: (family, name) -> the composition that they must equal.
FUNCTIONS = {
    ("convolution", "conv_max_pool_forward"): conv_max_pool_forward,
    ("convolution", "conv_max_pool_training_forward"): conv_max_pool_training_forward,
    ("convolution", "conv_max_pool_training_backward"): conv_max_pool_training_backward,
    ("embedding", "embedding_backward_rows"): embedding_backward_rows,
    ("piecewise", "add_relu_forward"): add_relu_forward,
    ("piecewise", "add_relu_backward"): add_relu_backward,
    **{
        ("normalization", function.__name__): function
        for function in (
            batch_normalization_relu_forward,
            batch_normalization_training_relu_forward,
            batch_normalization_training_relu_backward,
        )
    },
}
# Other forms of an argument: the rules of optimizers.pyx take (rows, values) as a gradient.
FORMS = {
    ("optimizers", name): taking_rows(getattr(optimizers, name))
    for name in twins.public_functions(optimizers)
    if name.endswith("_update_")
}
_COMPOSED = SimpleNamespace(**{name: f for (_, name), f in {**FUNCTIONS, **FORMS}.items()})


def names(family):
    """The functions of a family that only the fast engine has."""
    return [name for owner, name in FUNCTIONS if owner == family]


def table(family):
    """[(pair, cases)] of the extras of a family that take arguments as a twin does: the EXTRAS of
    its cases. `embedding_backward_rows`, which begins with a cache, is tried in test_embedding.py.
    """
    fast = twins.module("fastcore", family)
    return [
        (twins.Pair.of(_COMPOSED, fast, name, tried), tried)
        for name, tried in cases.load_extras(family).items()
    ]
