"""The losses that are twins, their reduction, and the three cross-entropies of ``keras.ops``.

The equations and gradients are in ``diptych.reference.losses`` and
``diptych.reference.crossentropy``. Labels and predictions must have the same shape here;
``diptych.losses`` ensures it.
"""

import math

import numpy as np

from .. import config
from .. import engine as _engine
from ..operation import FLOAT32, FLOAT64, ArrayOp, LinearTwin, Twin, as_floats, narrowed, widened
from ..shape_rules import common_shape, nth_axis, reduced, replaced
from ..tape import record
from ..tensor import Tensor, as_array, is_symbolic
from .creation import as_tensor
from .elementwise import absolute, clip, log, log1p, maximum, square
from .indexing import take_along_axis, where
from .nn import log_softmax, relu, sigmoid, softmax, softplus
from .reductions import all, argmax, mean, norm, sum
from .shapes import expand_dims, squeeze


class LossTwin(Twin):
    """A twin ``(y_true, y_pred)`` with a gradient for ``y_pred`` only: labels are data.

    It has a number for each row along ``axis``, which is the option of this number, or else the
    last axis. A ``symmetric`` loss depends only on ``y_pred - y_true``, so it has the other
    gradient as well; the other losses raise an error if it is needed.
    """

    def __init__(self, family, name, composition, symmetric=False, axis=None):
        super().__init__(family, name, shape=self._number_for_each_row, composition=composition)
        self.symmetric = symmetric
        self.axis = axis

    def _number_for_each_row(self, y_true, y_pred, *options):
        axis = -1 if self.axis is None else options[self.axis]
        return reduced(common_shape(y_true, y_pred), axis)

    def _pair(self, engine):
        forward = engine.function(self.family, f"{self.name}_forward")
        backward = engine.function(self.family, f"{self.name}_backward")

        def gradients(dloss, cache, needs):
            if needs[0] and not self.symmetric:
                raise NotImplementedError(
                    f"{self.name} has no gradient for y_true, but y_true depends on something that "
                    "is trained or watched. If it is data, pass ops.stop_gradient(y_true)."
                )
            dy_pred = backward(dloss, cache)
            return (-dy_pred if needs[0] else None), dy_pred

        return forward, gradients


class ClassNumbersTwin(Twin):
    """A twin ``(y_true, y_pred)`` whose labels are class numbers, which have no gradient."""

    typed = slice(1, 2)

    def __call__(self, inputs, *options):
        y_true, y_pred = inputs
        if is_symbolic(y_true) or is_symbolic(y_pred):
            return self.record_symbolic(inputs, (inputs, *options), {}, *options)
        if not isinstance(y_pred, Tensor) or (
            y_pred.dtype is not FLOAT32 and y_pred.dtype is not FLOAT64
        ):
            (y_pred,) = as_floats(self.name, [y_pred])
            if y_pred.dtype == np.float16:  # the engines compute in float32
                return narrowed(self((y_true, widened(y_pred)), *options))
            return self((y_true, y_pred), *options)
        labels = class_numbers(y_true)
        if not isinstance(y_true, Tensor) or labels is not y_true.array:
            y_true = Tensor(labels)
        engine = _engine.current()
        if engine.name not in self._pairs:
            self._pairs[engine.name] = self._pair(engine)
        forward, backward = self._pairs[engine.name]
        loss, cache = forward(labels, y_pred.array, *options)
        return record(loss, (y_true, y_pred), backward, cache, forward, options, self)

    def _pair(self, engine):
        forward = engine.function(self.family, f"{self.name}_forward")
        backward = engine.function(self.family, f"{self.name}_backward")
        return forward, lambda dloss, cache, needs: (None, backward(dloss, cache))


def class_numbers(y_true):
    """Return labels as int64; ValueError unless they are integers."""
    return integers(
        y_true,
        "y_true must hold class numbers, such as 0, 1, 2,",
        " For one-hot labels or distributions use categorical_crossentropy.",
    )


def integers(given, wanted, advice=""):
    """Return an array as int64; a ValueError with what is wanted and advice, unless it holds
    integers.
    """
    array = as_array(given)
    if array.dtype.kind in "iub":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            numbers = array.astype(np.int64)
        wrong = numbers != array
        if not wrong.any():
            return numbers
        found = f"{array[tuple(np.argwhere(wrong)[0])]} among them"
    else:
        found = f"an array of dtype {array.dtype}"
    raise ValueError(f"{wanted} but has {found}.{advice}")


# --------------------------------------------------------------------------------------------------
# The losses, made of operations, as in the reference: for gradients of gradients only


def _mean_squared_error(t, p):
    return mean(square(p - t), -1)


def _mean_absolute_error(t, p):
    return mean(absolute(p - t), -1)


def _mean_absolute_percentage_error(t, p, epsilon):
    return 100 * mean(absolute(p - t) / maximum(absolute(t), epsilon), -1)


def _mean_squared_logarithmic_error(t, p, epsilon):
    error = log1p(clip(p, epsilon, math.inf)) - log1p(clip(t, epsilon, math.inf))
    return mean(square(error), -1)


def _huber(t, p, delta):
    error = p - t
    size = absolute(error)
    return mean(where(size <= delta, square(error) / 2, delta * size - delta * delta / 2), -1)


def _log_cosh(t, p):
    error = p - t
    return mean(error + softplus(-2 * error) - math.log(2), -1)


def _poisson(t, p, epsilon):
    return mean(p - t * log(p + epsilon), -1)


def _gap(t, p):
    """What lacks to a margin of 1; labels 0 and 1 count as -1 and 1."""
    t = where(all((t == 0) | (t == 1)), 2 * t - 1, t)
    return relu(1 - t * p)


def _hinge(t, p):
    return mean(_gap(t, p), -1)


def _squared_hinge(t, p):
    return mean(square(_gap(t, p)), -1)


def _categorical_hinge(t, p):
    right, wrong = sum(t * p, -1), (1 - t) * p
    rival = argmax(wrong, -1, keepdims=True)
    return relu(1 + squeeze(take_along_axis(wrong, rival, -1), -1) - right)


def _cosine_similarity(t, p, axis, epsilon):
    t, p = (v / maximum(norm(v, axis=axis, keepdims=True), epsilon) for v in (t, p))
    return -sum(t * p, axis)


def _kl_divergence(t, p, epsilon):
    t = clip(t, epsilon, 1)
    return sum(t * log(t / clip(p, epsilon, 1)), -1)


def _binary_crossentropy(t, p, from_logits, label_smoothing, axis, epsilon):
    t = t * (1 - label_smoothing) + label_smoothing / 2
    terms = softplus(p) - p * t if from_logits else _surprise(t, clip(p, epsilon, 1 - epsilon))
    return mean(terms, axis)


def _surprise(t, p):
    return -(t * log(p) + (1 - t) * log1p(-p))


def _log_of(p, from_logits, axis, epsilon):
    """The logarithms of the probabilities: those of the logits, or of ``p`` divided by its sum."""
    if from_logits:
        return log_softmax(p, axis)
    return log(clip(p / sum(p, axis, keepdims=True), epsilon, 1 - epsilon))


def _categorical_crossentropy(t, p, from_logits, label_smoothing, axis, epsilon):
    t = t * (1 - label_smoothing) + label_smoothing / t.shape[axis]
    return -sum(t * _log_of(p, from_logits, axis, epsilon), axis)


def _sparse_categorical_crossentropy(t, p, from_logits, ignore_class, axis, epsilon):
    ignored = np.zeros(t.shape, bool) if ignore_class is None else t.array == ignore_class
    label = np.expand_dims(np.where(ignored, 0, t.array), axis)
    loss = -squeeze(take_along_axis(_log_of(p, from_logits, axis, epsilon), label, axis), axis)
    return where(ignored, 0.0, loss)


def _binary_focal_crossentropy(
    t, p, apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis, epsilon
):
    t = t * (1 - label_smoothing) + label_smoothing / 2
    q = sigmoid(p) if from_logits else p
    weight = t * alpha + (1 - t) * (1 - alpha) if apply_class_balancing else 1.0
    missing = t * (1 - q) + (1 - t) * q
    return mean(weight * missing**gamma * _surprise(t, clip(q, epsilon, 1 - epsilon)), axis)


def _categorical_focal_crossentropy(
    t, p, alpha, gamma, from_logits, label_smoothing, axis, epsilon
):
    t = t * (1 - label_smoothing) + label_smoothing / t.shape[axis]
    q = softmax(p, axis) if from_logits else p / sum(p, axis, keepdims=True)
    q = clip(q, epsilon, 1 - epsilon)
    return -sum(np.asarray(alpha, q.dtype) * (1 - q) ** gamma * t * log(q), axis)


# --------------------------------------------------------------------------------------------------
# The twins

MEAN_SQUARED_ERROR = LossTwin("losses", "mean_squared_error", _mean_squared_error, symmetric=True)
MEAN_ABSOLUTE_ERROR = LossTwin(
    "losses", "mean_absolute_error", _mean_absolute_error, symmetric=True
)
MEAN_ABSOLUTE_PERCENTAGE_ERROR = LossTwin(
    "losses", "mean_absolute_percentage_error", _mean_absolute_percentage_error
)
MEAN_SQUARED_LOGARITHMIC_ERROR = LossTwin(
    "losses", "mean_squared_logarithmic_error", _mean_squared_logarithmic_error
)
HUBER = LossTwin("losses", "huber", _huber, symmetric=True)
LOG_COSH = LossTwin("losses", "log_cosh", _log_cosh, symmetric=True)
POISSON = LossTwin("losses", "poisson", _poisson)
HINGE = LossTwin("losses", "hinge", _hinge)
SQUARED_HINGE = LossTwin("losses", "squared_hinge", _squared_hinge)
CATEGORICAL_HINGE = LossTwin("losses", "categorical_hinge", _categorical_hinge)
COSINE_SIMILARITY = LossTwin("losses", "cosine_similarity", _cosine_similarity, axis=0)
KL_DIVERGENCE = LossTwin("crossentropy", "kl_divergence", _kl_divergence)
BINARY_CROSSENTROPY = LossTwin("crossentropy", "binary_crossentropy", _binary_crossentropy, axis=2)
CATEGORICAL_CROSSENTROPY = LossTwin(
    "crossentropy", "categorical_crossentropy", _categorical_crossentropy, axis=2
)
SPARSE_CATEGORICAL_CROSSENTROPY = ClassNumbersTwin(
    "crossentropy",
    "sparse_categorical_crossentropy",
    composition=_sparse_categorical_crossentropy,
    shape=lambda y_true, y_pred, from_logits, ignore_class, axis, epsilon: common_shape(
        y_true, replaced(y_pred, nth_axis(axis, len(y_pred)))
    ),
)
BINARY_FOCAL_CROSSENTROPY = LossTwin(
    "crossentropy", "binary_focal_crossentropy", _binary_focal_crossentropy, axis=5
)
CATEGORICAL_FOCAL_CROSSENTROPY = LossTwin(
    "crossentropy", "categorical_focal_crossentropy", _categorical_focal_crossentropy, axis=4
)

# --------------------------------------------------------------------------------------------------
# From one loss per sample to one number. An empty sum divided by 0 samples is 0.


def _sum_of(given):
    total = given.sum()
    return np.where(total == 0, given.dtype.type(math.inf), total)


scaled_sum = LinearTwin("losses", "scaled_sum", shape=lambda losses, divisor: ())
weighted_mean = ArrayOp(  # divided by the sum of the weights as they were given
    "weighted_mean",
    lambda values, weights, given: np.add.reduce(values * weights, axis=None) / _sum_of(given),
    lambda g, y, values, weights, given: g / _sum_of(given) * weights,
    lambda g, y, values, weights, given: g / _sum_of(given) * values,
    lambda g, y, values, weights, given: -g * y / _sum_of(given) * np.ones_like(given),
    same=0,
    shape=lambda values, weights, given: (),
)
# A mask of ones and zeros, so that a mean over all entries is one over those that count.
of_those_that_count = ArrayOp(
    "of_those_that_count",
    lambda mask: mask * mask.dtype.type(mask.size / (float(mask.sum()) or math.inf)),
    constant=True,
    shape=lambda mask: mask,
)

# --------------------------------------------------------------------------------------------------
# keras.ops


def with_logits(output, from_logits, activation):
    """Softmax (or sigmoid) + cross-entropy: return the logits of ``output`` and True, if
    ``activation`` computed it; the loss of logits is exact and has the simple gradient p - y.
    """
    made_by = getattr(output, "logits", None)
    if not from_logits and made_by is not None and made_by[0] == activation:
        return made_by[1], True
    return output, from_logits


def binary_crossentropy(target, output, from_logits=False):
    """-(target log(output) + (1 - target) log(1 - output)), element by element.

    Both have one shape, and so has the result. ``output`` holds probabilities, which are kept away
    from 0 and 1 by ``config.epsilon()``, or any numbers (logits) with ``from_logits``.
    """
    output, from_logits = with_logits(as_tensor(output), from_logits, "sigmoid")
    alone = expand_dims(target, -1), expand_dims(output, -1)  # a mean over one entry
    return BINARY_CROSSENTROPY(alone, from_logits, 0.0, -1, config.epsilon())


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-sum(target log(output)) over ``axis``.

    target and output (..., C) give (...). ``output`` holds probabilities, which are divided by
    their sum, or any numbers (logits) with ``from_logits``.
    """
    output, from_logits = with_logits(as_tensor(output), from_logits, "softmax")
    return CATEGORICAL_CROSSENTROPY((target, output), from_logits, 0.0, axis, config.epsilon())


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(output) at the class numbers ``target``.

    target (...) or (..., 1) of integers and output (..., C) give (...). ``output`` holds
    probabilities, or any numbers (logits) with ``from_logits``.
    """
    output, from_logits = with_logits(as_tensor(output), from_logits, "softmax")
    target = as_tensor(target)
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = squeeze(target, -1)
    return SPARSE_CATEGORICAL_CROSSENTROPY(
        (target, output), from_logits, None, axis, config.epsilon()
    )
