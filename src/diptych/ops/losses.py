"""The losses that are twins, their reduction, and the three cross-entropies of ``keras.ops``.

The equations and gradients are in ``diptych.reference.losses`` and
``diptych.reference.crossentropy``. Labels and predictions must have the same shape here;
``diptych.losses`` ensures it.
"""

import math

import numpy as np

from .. import config
from .. import engine as _engine
from ..operation import FLOAT32, FLOAT64, ArrayOp, Twin, as_floats, narrowed, widened
from ..shape_rules import common_shape, nth_axis, reduced, replaced
from ..tape import record
from ..tensor import Tensor, as_array, is_symbolic
from .creation import as_tensor
from .shapes import expand_dims


class LossTwin(Twin):
    """A twin ``(y_true, y_pred)`` with a gradient for ``y_pred`` only: labels are data.

    It has a number for each row along ``axis``, which is the option of this number, or else the
    last axis. A ``symmetric`` loss depends only on ``y_pred - y_true``, so it has the other
    gradient as well; the other losses raise an error if it is needed.
    """

    def __init__(self, family, name, symmetric=False, axis=None):
        super().__init__(family, name, shape=self._number_for_each_row)
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
        return record(loss, (y_true, y_pred), backward, cache, forward, options)

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


MEAN_SQUARED_ERROR = LossTwin("losses", "mean_squared_error", symmetric=True)
MEAN_ABSOLUTE_ERROR = LossTwin("losses", "mean_absolute_error", symmetric=True)
MEAN_ABSOLUTE_PERCENTAGE_ERROR = LossTwin("losses", "mean_absolute_percentage_error")
MEAN_SQUARED_LOGARITHMIC_ERROR = LossTwin("losses", "mean_squared_logarithmic_error")
HUBER = LossTwin("losses", "huber", symmetric=True)
LOG_COSH = LossTwin("losses", "log_cosh", symmetric=True)
POISSON = LossTwin("losses", "poisson")
HINGE = LossTwin("losses", "hinge")
SQUARED_HINGE = LossTwin("losses", "squared_hinge")
CATEGORICAL_HINGE = LossTwin("losses", "categorical_hinge")
COSINE_SIMILARITY = LossTwin("losses", "cosine_similarity", axis=0)
KL_DIVERGENCE = LossTwin("crossentropy", "kl_divergence")
BINARY_CROSSENTROPY = LossTwin("crossentropy", "binary_crossentropy", axis=2)
CATEGORICAL_CROSSENTROPY = LossTwin("crossentropy", "categorical_crossentropy", axis=2)
SPARSE_CATEGORICAL_CROSSENTROPY = ClassNumbersTwin(
    "crossentropy",
    "sparse_categorical_crossentropy",
    shape=lambda y_true, y_pred, from_logits, ignore_class, axis, epsilon: common_shape(
        y_true, replaced(y_pred, nth_axis(axis, len(y_pred)))
    ),
)
BINARY_FOCAL_CROSSENTROPY = LossTwin("crossentropy", "binary_focal_crossentropy", axis=5)
CATEGORICAL_FOCAL_CROSSENTROPY = LossTwin("crossentropy", "categorical_focal_crossentropy", axis=4)

# --------------------------------------------------------------------------------------------------
# From one loss per sample to one number. An empty sum divided by 0 samples is 0.


def _divide(total, divisor):
    return total / total.dtype.type(divisor or math.inf)


scaled_sum = Twin("losses", "scaled_sum", shape=lambda losses, divisor: ())
weighted_sum = ArrayOp(
    "weighted_sum",
    lambda values, weights, divisor: _divide(np.add.reduce(values * weights, axis=None), divisor),
    lambda g, y, values, weights, divisor: _divide(g, divisor) * weights,
    lambda g, y, values, weights, divisor: _divide(g, divisor) * values,
    same=0,
    shape=lambda values, weights, divisor: (),
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
    """-(target log(output) + (1 - target) log(1 - output)), element by element."""
    output, from_logits = with_logits(as_tensor(output), from_logits, "sigmoid")
    alone = expand_dims(target, -1), expand_dims(output, -1)  # a mean over one entry
    return BINARY_CROSSENTROPY(alone, from_logits, 0.0, -1, config.epsilon())


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-sum(target log(output)) over ``axis``."""
    output, from_logits = with_logits(as_tensor(output), from_logits, "softmax")
    return CATEGORICAL_CROSSENTROPY((target, output), from_logits, 0.0, axis, config.epsilon())


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(output) at the class numbers ``target``."""
    output, from_logits = with_logits(as_tensor(output), from_logits, "softmax")
    return SPARSE_CATEGORICAL_CROSSENTROPY(
        (target, output), from_logits, None, axis, config.epsilon()
    )
