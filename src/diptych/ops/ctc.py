"""Connectionist temporal classification: the loss of labels without an alignment.

The equations and gradients are in ``diptych.reference.ctc``.
"""

from .. import engine as _engine
from ..operation import Twin, as_floats
from ..shape_rules import agree, check_rank
from ..tape import record
from ..tensor import is_symbolic
from .losses import integers


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
