"""Checks of the data before training starts.

Each message says what was given, what was expected and how to fix it. Shapes are checked first.
Values are checked once for a whole data set: labels out of range raise an error, NaN and infinity
are counted in one warning.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..layers.core import is_optional
from ..legacy.notes import users_level
from ..losses.crossentropy import warn_of_one_class
from ..nested import flatten, map_structure
from ..trial import Trial
from ..utils.naming import suggest
from ..utils.notices import TrainingWarning
from ..utils.registration import is_builtin
from .arrays import as_data, count_rows
from .class_weights import several_classes
from .compiled import Crossentropy, as_loss
from .endings import counts_reals, last_activation, misfits
from .frames import is_text
from .mending import (
    BINARY,
    ONE_HOT,
    SAME_SHAPE,
    SPARSE,
    agree,
    beginning,
    broadcast,
    mend_input,
    mend_labels,
    one_row_each,
    walk_to,
    wrong_number,
)
from .mending import kind_of as _kind
from .symptoms import SORTED_LABELS, LossWatch, loss_of_guessing
from .values import bytes_in, check_class_numbers, is_grouped, not_finite, odd_probabilities

__all__ = ["Checks"]


class Checks:
    """The checks of one compiled model. Shapes that passed are remembered."""

    hinted = False  # the hint about unscaled bytes is given once per process

    def __init__(self, model: Any) -> None:
        self.model = model
        self._good: set = set()
        self._said_nothing_to_train = False
        self._found: list[tuple] | None = None  # the shapes of the outputs, without a graph
        self._told: set[str] = set()
        self.not_finite = ""  # where the data have NaN or infinity
        self._begun = False  # whether a training has begun

    def before_training(
        self,
        batches: Any,
        what: str = "training data",
        epochs: int = 1,
        class_weight: Any = None,
    ) -> None:
        """Check a whole data set: shapes, values of labels, NaN and infinity; and that the labels
        can have class weights, if there are any.

        Of data that are not in memory, only the first batch is checked.
        """
        x, y, sample_weight = batches.sample()
        pairs = self._check_shapes(x, y)
        if class_weight is not None:
            _check_one_class(pairs)
        if pairs and sample_weight is not None:
            self._check_weights(pairs, sample_weight)
        self.batch_sizes(batches, what, epochs)
        self._check_values(pairs, x, y, sample_weight, what)
        self._check_tokens(x)

    def values(self, x: np.ndarray, y: np.ndarray, known_labels: bool) -> None:
        """The part of ``before_training`` that looks at the values, for training data whose form
        has passed it; ``known_labels`` have passed this part, too.
        """
        pairs = [] if known_labels else self._pairs(x, y)
        self._check_values(pairs, x, None if known_labels else y, None, "training data")
        self._check_tokens(x)

    def tell(self, message: str, of: str | None = None) -> None:
        """Warn, once for each model and compile(), of the message or of what it is about."""
        if (of or message) not in self._told:
            self._told.add(of or message)
            _warn(message)

    def order_of_labels(self, y: Any, y_validation: Any) -> None:
        """Warn of labels sorted by class, whose last ones are taken for validation. Only a
        cross-entropy tells that they are classes, and not counts which rise over time, say.
        """
        parts = getattr(getattr(self.model, "_loss", None), "parts", ())
        if not any(
            isinstance(part.function, Crossentropy)
            or _kind(part.function) in SPARSE | ONE_HOT | BINARY
            for part in parts
        ):
            return
        if type(y) is np.ndarray and is_grouped(np.concatenate([y, y_validation])):
            self.tell(SORTED_LABELS)

    def watch(self, batches: Any, weighted: bool) -> LossWatch:
        """What looks at the loss of a training on these batches. Its beginning is compared with
        guessing in the first training, where neither the rows nor the loss have weights and nothing
        odd was found.
        """
        guessing, x = None, None
        begun, self._begun = self._begun, True
        parts = getattr(getattr(self.model, "_loss", None), "parts", ())
        weighted = weighted or any(part.weight != 1.0 for part in parts)
        if self.model.outputs and not (begun or weighted or self._told):
            x, y, _ = batches.first()
            pairs = self._pairs(x, y)
            ends = [(last_activation(self._output(pair[1])), pair[0][-1]) for pair in pairs]
            if ("softmax", 1) not in ends:  # which is warned of elsewhere
                guessing = loss_of_guessing([(_kind(p[2]), p[2], p[0][-1], p[3]) for p in pairs])
        return LossWatch(self.model, guessing, x)

    def class_weight(self, x: Any, y: Any) -> None:
        """Raise a ValueError for a batch whose labels cannot have class weights."""
        _check_one_class(self._pairs(x, y))

    def labels_of_validation(self, batches: Any, validation: Any, given: Any) -> None:
        """Raise a ValueError if only the training data have labels, not the validation data, which
        were passed as `given`.
        """
        lacks = batches.first()[1] is not None and validation.first()[1] is None
        if (
            lacks
            and getattr(self.model, "_loss", None) is not None
            and not self._own_step("test_step")
        ):
            one = f"a single array of shape {given.shape}" if hasattr(given, "shape") else ""
            raise ValueError(
                f"The validation data{' are ' + one + ', so they' if one else ''} have no labels, "
                "but the loss needs them: pass validation_data=(x, y)."
            )

    def batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> tuple:
        """One batch as arrays, with its shapes checked; nearly free for shapes seen before."""
        x, y, sample_weight = (
            as_data(x, "x", self.model.takes_text),
            as_data(y, "y"),
            as_data(sample_weight, "sample_weight"),
        )
        try:
            key: tuple = (x.shape, x.dtype, y.shape, y.dtype)
        except AttributeError:
            key = tuple((leaf.shape, leaf.dtype) for leaf in flatten((x, y)) if leaf is not None)
        if key not in self._good:
            self._check_batch(x, y, sample_weight)
            self._check_shapes(x, y)
            self._good.add(key)
        return x, y, sample_weight

    def nothing_to_train(self) -> None:
        """Warn once that a training step changes no weight: all are frozen, or there are none."""
        if self._said_nothing_to_train:
            return
        self._said_nothing_to_train = True
        model = self.model
        if not model.weights:
            _warn(f"Model {model.name!r} has no weights, so training it changes nothing.")
            return
        _warn(
            f"Training model {model.name!r} changes nothing: all of its weights are frozen. Set "
            "`trainable = True`, for the model or for the layers to train. A discriminator that the"
            " model around it must not change is frozen after its own compile()."
        )

    def inputs(self, x: Any) -> None:
        """Check the shapes of inputs alone, for a prediction."""
        wanted = self.model.inputs
        if not wanted:
            return
        if isinstance(x, dict):
            names = self._names()
            missing = [name for name in names if name not in x]
            if missing:
                raise ValueError(
                    f"The model's inputs are {names}, but the dict x has no "
                    f"{missing[0]!r}{suggest(missing[0], x) or '.'}"
                )
        given = self._in_order(x)
        if len(given) != len(wanted):
            raise ValueError(wrong_number(x, given, wanted))
        for tensor, array in zip(wanted, given, strict=True):
            if array is not None:
                self._check_input(tensor, array, len(wanted))
            elif not is_optional(tensor):
                raise ValueError(
                    f"The model's input {tensor.name!r} has no data: it is None, and the input is "
                    "not optional."
                )

    def batch_sizes(self, batches: Any, what: str = "data", epochs: int = 1) -> None:
        """Raise a ValueError for a smaller last batch, or batches of another size than the model's,
        if a layer keeps a state for each row.
        """
        wanted = {tensor.shape[0] for tensor in self.model.inputs or ()} - {None}
        wrong = wanted and batches.sizes(epochs) - wanted
        if wrong and (stateful := self._stateful_layer()) is not None:
            size, other = wanted.pop(), min(wrong)
            rows = batches.num_samples
            raise ValueError(
                f"Layer {stateful.name!r} ({type(stateful).__name__}) is stateful and keeps the "
                f"states of {size} rows, the batch size of the model's input; the {what}, {rows} "
                f"rows in batches of {batches.batch_size}, have a batch of {other}. Give "
                f"batch_size={size} and a multiple of {size} rows"
                + (f", such as the first {rows - rows % size}." if rows > size else ".")
            )

    def _stateful_layer(self) -> Any:
        """The first layer that keeps a state for each row of a batch, if there is one."""
        layers = self.model._flatten_layers()
        return next((layer for layer in layers if getattr(layer, "stateful", False)), None)

    def _names(self) -> list[str]:
        structure = self.model.input
        return (
            list(structure) if isinstance(structure, dict) else [t.name for t in self.model.inputs]
        )

    def _in_order(self, x: Any) -> list:
        """The arrays of x in the order of the model's inputs."""
        return flatten([x[name] for name in self._names()] if isinstance(x, dict) else x)

    # Shapes

    def _check_batch(self, x: Any, y: Any, sample_weight: Any) -> None:
        if count_rows({"x": x, "y": y, "sample_weight": sample_weight}) == 0:
            raise ValueError("The batch is empty; at least one row is needed.")

    def _check_shapes(self, x: Any, y: Any) -> list[tuple]:
        """Check shapes; return the pairs of outputs and labels, for checking their values."""
        model = self.model
        if not model.inputs and _is_one_array(x) and hasattr(model, "add"):
            model.build(
                (None, *x.shape[1:])
            )  # a Sequential whose input shape was unknown until now
        self.inputs(x)
        pairs = self._pairs(x, y)
        for shape, layer, loss, labels, name in pairs:
            kind = _kind(loss)
            try:
                if kind in SPARSE:
                    self._check_sparse_shape(shape, layer, labels, name)
                elif kind in SAME_SHAPE:
                    self._check_same_shape(shape, layer, kind, labels, name)
            except ValueError as error:
                error.args = (f"{error}{self._walk_to(layer, name, labels)}",)
                raise
            if kind in SAME_SHAPE:
                if kind in ONE_HOT and shape[-1] == 1:
                    warn_of_one_class(kind)
        return pairs

    def _check_input(self, tensor: Any, array: Any, count: int) -> None:
        want, have = tensor.shape, array.shape
        self._check_kind(tensor, array, count)
        rows = have
        if len(have) == len(want) - 1 and want[-1] == 1:
            rows = (*have, 1)
        elif len(have) == len(want) + 1 and have[-1] == 1:
            rows = have[:-1]
        if len(rows) == len(want) and (
            agree(rows[1:], want[1:]) or (count == 1 and self.model.widen(rows))
        ):
            return
        which = f"input {tensor.name!r} of the model" if count > 1 else "model's input"
        message = f"The {which} has shape {want}, but the data have shape {have}: "
        raise ValueError(message + mend_input(want, have) + beginning(self.model.outputs))

    def _walk_to(self, output: str, name: str, labels: Any) -> str:
        """The shapes on the way to an output, and that of its labels; '' without a graph."""
        tensor = self._output(output)
        return "" if tensor is None else walk_to(tensor, [(name, "labels", str(labels.shape))])

    def _output(self, name: str) -> Any:
        """The symbolic output of this name; None without a graph."""
        tensors = self.model.outputs
        return tensors[self.model._loss.outputs.names.index(name)] if tensors else None

    def _check_kind(self, tensor: Any, array: Any, count: int) -> None:
        """Raise a ValueError for texts where the graph expects numbers, or the reverse."""
        text, wanted = is_text(array), tensor.dtype == "string"
        if text != wanted:
            which = f"input {tensor.name!r} of the model" if count > 1 else "model's input"
            dtypes = ("string", array.dtype) if wanted else (tensor.dtype, "text")
            mend = (
                "Pass texts, such as ['a text', 'another'], or use an Input of another dtype."
                if wanted
                else "Begin the model with Input(shape=(1,), dtype='string') for texts."
            )
            raise ValueError(
                f"The {which} has dtype {dtypes[0]}, but the data have dtype {dtypes[1]}. " + mend
            )

    def _check_sparse_shape(self, shape: tuple, layer: str, labels: Any, name: str) -> None:
        have, classes = labels.shape, shape[-1]
        if agree(have[1:], shape[1:-1]) or (agree(have[1:-1], shape[1:-1]) and have[-1:] == (1,)):
            return
        loss = "sparse_categorical_crossentropy"
        if len(have) == len(shape) and have[-1] == classes:
            raise ValueError(
                f"{name} has shape {have}, one column for each of {classes} classes, but the loss "
                f"{loss} takes class numbers, shape {have[:-1]}: use "
                f"loss='categorical_crossentropy', or {name}.argmax(-1) as labels."
            )
        raise ValueError(
            f"{name} has shape {have}, and the model's output has shape {shape} after layer "
            f"`{layer}`: {loss} takes one class number for each row of {classes} probabilities, so "
            f"labels of shape {shape[:-1]}.{one_row_each(shape, have)}"
        )

    def _check_same_shape(
        self, shape: tuple, layer: str, kind: str, labels: Any, name: str
    ) -> None:
        have = labels.shape
        if len(have) == len(shape) and agree(have[1:], shape[1:]):
            return
        if len(have) == len(shape) - 1 and shape[-1] in (1, None) and agree(have[1:], shape[1:-1]):
            return  # (N,) for an output of one unit
        if len(have) == len(shape) + 1 and have[-1] == 1 and agree(have[1:-1], shape[1:]):
            return
        start = (
            f"The model's output has shape {shape} after layer `{layer}`, and {name} has shape "
            f"{have}: "
        )
        mend = mend_labels(shape, kind, labels, name)
        if kind not in ONE_HOT | BINARY and broadcast(have, shape):
            self.tell(f"{start}each is compared with every one of the other. If not meant, {mend}")
            return
        raise ValueError(start + mend)

    def _check_weights(self, pairs: list[tuple], sample_weight: Any) -> None:
        """Raise a ValueError for weights that do not fit the losses of the rows."""
        outputs = self.model._loss.outputs
        several = outputs.count > 1
        each = outputs.match(sample_weight, "sample_weight") if several else flatten(sample_weight)
        weights = dict(zip(outputs.names, each, strict=False))
        for shape, name, loss, labels, _ in pairs:
            given = weights.get(name if several else outputs.names[0])
            if given is None or _kind(loss) not in SPARSE | SAME_SHAPE:
                continue
            wanted = (len(labels), *shape[1:-1])  # one loss for each row of outputs
            have = given.shape
            if len(have) == len(wanted) + 1 and have[-1] == 1:
                have = have[:-1]
            if len(have) > len(wanted) or any(
                n not in (1, m) and m is not None for n, m in zip(have, wanted, strict=False)
            ):
                raise ValueError(
                    f"sample_weight, which follows y, has shape {given.shape}: for labels of shape "
                    f"{labels.shape} it holds one weight for each sample, shape ({len(labels)},)."
                )

    # Labels beside outputs and losses

    def _shapes_of_outputs(self, x: Any) -> list[tuple]:
        """The shape of each output, for which the losses are built; without a graph, found by
        running one row through the model.

        The shapes stay unknown if a layer would keep a state for that row.
        """
        model = self.model
        if model.outputs:
            if not model._loss.built:
                model._loss.build(model.output)
            return [t.shape for t in model.outputs]
        if self._found is None and self._stateful_layer() is not None:
            return []
        if self._found is None:
            row = map_structure(lambda leaf: leaf if leaf is None else leaf[:1], x)
            with Trial():
                outputs = model(model._as_tensors(row)[0], training=False)
            if flatten(outputs)[0] is None:
                raise ValueError(
                    f"{type(model).__name__}.call() returned None: it must return the model's "
                    "output."
                )
            self._found = [(None, *output.shape[1:]) for output in flatten(outputs)]
            if not model._loss.built:
                model._loss.build(outputs)
        return self._found

    def _pairs(self, x: Any, y: Any) -> list[tuple]:
        """(output shape, its layer, loss, labels, name of the labels), as far as they are known.

        A user's own step may use the labels in any way, so then nothing is compared.
        """
        model = self.model
        compiled = getattr(model, "_loss", None)
        if compiled is None or y is None or self._own_step():
            return []
        shapes = self._shapes_of_outputs(x)
        if not shapes:
            return []
        labels = compiled.outputs.match(y, "y")
        names = compiled.outputs.names if model.outputs or len(shapes) > 1 else [model.name]
        pairs = []
        for part in compiled.parts:
            i, loss = part.output, part.function
            if labels[i] is None:
                raise ValueError(
                    f"Output {names[i]!r} of the model has a loss, {_kind(loss)}, but no labels. "
                    "Pass labels for it, or compile with losses for the other outputs only: a "
                    "dict, or None in its place."
                )
            fitting = _fitting(loss, labels[i], shapes[i])
            its_labels = f"y[{names[i]!r}]" if len(shapes) > 1 else "y"
            pairs.append((shapes[i], names[i], fitting, labels[i], its_labels))
        return pairs

    def _own_step(self, step: str = "train_step") -> bool:
        """Whether a step, or its loss, is the user's own."""
        return any(
            not is_builtin(getattr(self.model, name))
            for name in (step, "compute_loss")
            if hasattr(self.model, name)
        )

    # Values

    def _check_values(
        self, pairs: list[tuple], x: Any, y: Any, sample_weight: Any, what: str
    ) -> None:
        compiled = getattr(self.model, "_metrics", None)
        metrics = flatten(compiled._given) if compiled and len(pairs) == 1 else []
        for shape, layer, loss, labels, name in pairs:
            kind, tensor = _kind(loss), self._output(layer)
            if kind in SPARSE:
                check_class_numbers(labels, shape[-1], getattr(loss, "ignore_class", None), name)
            elif kind in ONE_HOT | BINARY and (odd := odd_probabilities(labels, kind, name)):
                self.tell(odd)
            if tensor is not None:
                for odd in misfits(kind, loss, tensor, layer, labels, name):
                    self.tell(odd)
            if counts_reals(kind, metrics, labels):
                self.tell(
                    f"The metric 'accuracy' counts predictions that are equal to the label, and "
                    f"{name} holds real numbers, with the loss {kind}: it stays near 0. For a "
                    "regression use metrics=['mae']."
                )
        found = []
        with np.errstate(all="ignore"):
            for name, part in (("x", x), ("y", y), ("sample_weight", sample_weight)):
                found += [text for leaf in flatten(part) if (text := not_finite(leaf, name))]
        if found:
            self.not_finite = "; ".join(found)
            self.tell(
                f"The {what} contain NaN or infinity: {self.not_finite}. They are not replaced: a "
                "NaN in one row makes the loss NaN, and then all weights."
            )
        self._hint_at_bytes(x)

    def _check_tokens(self, x: Any) -> None:
        """Let the layers that read an input directly check the whole data set, if they have a
        check.
        """
        function = getattr(self.model, "_function", None)
        if function is None:
            return
        for tensor, array in zip(self.model.inputs, self._in_order(x), strict=True):
            for node in function.nodes:
                look = getattr(node.operation, "check_data", None)
                if look is not None and node.args[0] is tensor and array is not None:
                    look(array)

    def _hint_at_bytes(self, x: Any) -> None:
        if not Checks.hinted and (most := bytes_in(x, self.model)):
            Checks.hinted = True
            self.tell(
                f"x contains bytes up to {most}. Networks learn faster from numbers between 0 and "
                "1: use x / 255.0, or begin the model with Rescaling(1 / 255)."
            )


def _is_one_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


def _fitting(loss: Any, labels: Any, shape: tuple) -> Any:
    """The loss, or the one that fits the shapes where it depends on them."""
    if not isinstance(loss, Crossentropy):
        return loss
    return as_loss(loss.fitting(labels.shape, shape))


def _check_one_class(pairs: list[tuple]) -> None:
    """Raise a ValueError for labels with a class for each step, where class weights are given."""
    for shape, _, loss, labels, _ in pairs:
        per_step = len(shape) > 2 or _kind(loss) in SPARSE
        if per_step and labels.size > len(labels):
            raise ValueError(several_classes(labels))


def _warn(message: str) -> None:
    warnings.warn(message, TrainingWarning, stacklevel=users_level())
