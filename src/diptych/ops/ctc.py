"""Connectionist temporal classification: the loss of labels without an alignment.

The equations and gradients are in ``diptych.reference.ctc``.
"""

import numpy as np

from .. import engine as _engine
from ..operation import Twin, as_floats
from ..reference.ctc import LOG_ZERO, _extended_labels
from ..shape_rules import agree, check_rank
from ..tape import record
from ..tensor import is_symbolic
from .creation import cast
from .elementwise import logaddexp
from .indexing import take
from .losses import integers
from .nn import log_softmax
from .reductions import logsumexp, sum
from .shapes import concatenate, stack


class _CTC(Twin):
    """The twin of four inputs, of which the logits alone are differentiated: the rest is data."""

    typed = slice(1, 2)

    def __call__(self, inputs, *options):
        if any(map(is_symbolic, inputs)):
            return self.record_symbolic(inputs, (inputs, *options), {}, *options)
        target, output, target_length, output_length = inputs
        (output,) = as_floats(self.name, [output])
        engine = _engine.current()
        if engine.name not in self._pairs:
            self._pairs[engine.name] = self._pair(engine)
        forward, backward = self._pairs[engine.name]
        loss, cache = forward(
            integers(target, "target must hold class numbers,"),
            output.array,
            integers(target_length, "target_length must hold integers,"),
            integers(output_length, "output_length must hold integers,"),
            *options,
        )
        # Without a forward function: a recorded step would keep the lengths of its first batch.
        return record(loss, (output,), backward, cache, operation=self)

    def _pair(self, engine):
        forward = engine.function(self.family, f"{self.name}_forward")
        backward = engine.function(self.family, f"{self.name}_backward")
        return forward, lambda dloss, cache, needs: (backward(dloss, cache),)

    def _by_operations(self, g, record, needs):
        target, _, target_length, output_length, mask_index, *_ = record.cache

        def composition(output):
            samples = [
                _of_operations(one[:frames], labels[:length], mask_index)
                for one, labels, length, frames in zip(
                    cast(output, "float64"), target, target_length, output_length, strict=True
                )
            ]
            return cast(stack(samples), output.dtype) if samples else sum(output, (1, 2))

        return self._through(composition, g, record, needs)


def _of_operations(output, labels, blank):
    """The loss of one sample, made of operations as in the reference: for gradients of gradients.

    output: (T, K), the logits of the frames that count. labels: those that count.
    """
    extended, toll = _extended_labels(labels, blank)
    alpha = np.full(len(extended), LOG_ZERO)
    alpha[0] = 0
    for log_y in take(log_softmax(output, -1), extended, axis=1):
        jump = _moved(alpha, 2) + toll
        alpha = log_y + logaddexp(logaddexp(alpha, _moved(alpha, 1)), jump)
    return -logsumexp(alpha[-2:])


def _moved(x, by):
    """x moved to the right by so many places, -inf moving in."""
    return concatenate([np.full(by, -np.inf), x])[: len(x)]


def _shape(target, output, target_length, output_length, mask_index):
    for shape, rank in ((target, 2), (output, 3), (target_length, 1), (output_length, 1)):
        check_rank(shape, rank)
    samples = output[0]
    for shape in (target, target_length, output_length):
        samples = agree(shape[0], samples, "as the number of samples")
    return (samples,)


_ctc = _CTC("ctc", "ctc", shape=_shape)


def ctc_loss(target, output, target_length, output_length, mask_index=0):
    """-log p(labels), summed over all the alignments with the frames: (N,).

    Args:
        target: class numbers, (N, L), without blanks between them. Those beyond ``target_length``
            are not looked at.
        output: logits, (N, T, K), as they are before a softmax.
        target_length: how many labels of each sample count, (N,).
        output_length: how many frames of each sample count, (N,).
        mask_index: the class that stands for the blank.

    Where the labels do not fit into the frames, the loss is about 1e5, as in Keras. The gradient is
    that of ``output``; see ``diptych.reference.ctc``.

    Raises:
        ValueError: shapes that do not fit, lengths beyond L or T, labels that are no class.

    Source: Graves, Fernandez, Gomez and Schmidhuber 2006.
    """
    return _ctc((target, output, target_length, output_length), mask_index)
