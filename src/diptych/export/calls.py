"""What takes the place of a layer's call where that needs values or sizes that a graph lacks."""

from __future__ import annotations

import math
import string
from typing import Any

import numpy as np

from .. import ops
from ..graph import Function, KerasTensor, record
from ..layers import pooling
from ..layers.adaptive_pooling import _AdaptivePooling
from ..layers.attention.heads import Heads
from ..layers.attention.scores import Attention
from ..layers.einsum_dense import EinsumDense
from ..layers.image import ContrastLimitedAdaptiveHistogramEqualization
from ..layers.merging import Dot
from ..layers.normalization import BatchNormalization, LayerNormalization, RMSNormalization
from ..layers.preprocessing.base import Preparation
from ..layers.preprocessing.categories import CategoryEncoding, Discretization
from ..layers.preprocessing.lookup import IndexLookup
from ..layers.recurrent.cells import call_cell, forget_dropout
from ..layers.recurrent.layers import GRU, LSTM, SimpleRNN, _FusedRNN
from ..layers.recurrent.rnn import RNN
from ..layers.recurrent.wrappers import TimeDistributed
from ..layers.reshaping import Flatten, Reshape
from ..layers.signatures import takes
from ..layers.spectrograms import MelSpectrogram
from ..nested import flatten, pack_like
from ..tensor import Tensor
from .tables import NotExportable, Part, in_place_of
from .tracing import part

# --------------------------------------------------------------------------------------------------
# Shapes


@in_place_of(Flatten)
def _flatten(layer: Any, inputs: Any) -> Any:
    if layer.data_format == "channels_first" and inputs.ndim > 2:
        inputs = ops.moveaxis(inputs, 1, -1)
    shape = layer.compute_output_shape(inputs.shape)
    return part("flatten", (inputs,), shape, inputs.dtype)


@in_place_of(Reshape)
def _reshape(layer: Any, inputs: Any) -> Any:
    shape = layer.compute_output_shape(inputs.shape)
    return part("reshape_rows", (inputs,), shape, inputs.dtype, sizes=layer.target_shape)


@in_place_of(EinsumDense)
def _einsum_dense(layer: Any, inputs: Any) -> Any:
    y = ops.einsum(layer.equation, inputs, layer.kernel)
    return layer.activation(y if layer.bias is None else ops.add(y, layer.bias))


@in_place_of(Dot)
def _dot(layer: Any, inputs: Any) -> Any:
    a, b = inputs
    i, j = layer._axes([a.ndim, b.ndim])
    if layer.normalize:
        a, b = ops.normalize(a, axis=i), ops.normalize(b, axis=j)
    left = list(string.ascii_lowercase[: a.ndim])
    right = [left[0], *string.ascii_uppercase[1 : b.ndim]]
    right[j] = left[i]
    out = [letter for letter in (*left, *right[1:]) if letter != left[i]]
    y = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", a, b)
    return y if y.ndim > 1 else ops.expand_dims(y, -1)


# --------------------------------------------------------------------------------------------------
# Pooling and normalisation


@in_place_of(pooling._Pooling)
def _pool(layer: Any, inputs: Any) -> Any:
    pool = ops.max_pool if type(layer)._pool is pooling.pooling.windows_max else ops.average_pool
    return pool(inputs, *layer._options)


@in_place_of(pooling._GlobalPooling)
def _pool_globally(layer: Any, inputs: Any) -> Any:
    pool = ops.max if type(layer)._pool is pooling.pooling.global_max else ops.mean
    first = 1 if layer.data_format == "channels_last" else 2
    return pool(inputs, axis=tuple(range(first, first + layer.rank)), keepdims=layer.keepdims)


@in_place_of(pooling.GlobalAveragePooling1D)
def _average_steps(layer: Any, inputs: Any, mask: Any = None) -> Any:
    return _pool_globally(layer, inputs) if mask is None else layer.call(inputs, mask)


@in_place_of(_AdaptivePooling)
def _pool_to_size(layer: Any, inputs: Any) -> Any:
    if None in pooling.pooling.spatial(inputs.shape, layer.data_format):
        raise NotExportable(
            f"Layer {layer.name!r} ({type(layer).__name__}) has windows that depend on the size of "
            f"its input, and the exporter knows only its shape, {inputs.shape}. Export for a fixed "
            "size: model.export(path, format='onnx', input_signature=[InputSpec(shape=(None, 64, "
            "64, 3))])."
        )
    return layer.call(inputs)


@in_place_of(BatchNormalization)
def _batch_normalization(layer: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    averages = layer.moving_mean, layer.moving_variance
    options = layer.axis, layer.beta, layer.gamma, layer.epsilon
    return ops.batch_normalization(inputs, *averages, *options)


@in_place_of(LayerNormalization)
def _layer_normalization(layer: Any, inputs: Any) -> Any:
    gamma, beta, axis = layer.gamma, layer.beta, layer.axis
    return ops.layer_normalization(inputs, gamma, beta, axis, layer.epsilon, layer.rms_scaling)


@in_place_of(RMSNormalization)
def _rms_normalization(layer: Any, inputs: Any) -> Any:
    return ops.rms_normalization(inputs, layer.scale, layer.axis, layer.epsilon)


# --------------------------------------------------------------------------------------------------
# Attention


def _attention(query: Any, key: Any, value: Any, **options: Any) -> list:
    """[output (N, T, H, E), scores (N, H, T, S)] of (N, T, H, D), (N, S, K, D), (N, S, K, E)."""
    shape = (*query.shape[:3], value.shape[-1])
    scores = (query.shape[0], query.shape[2], query.shape[1], key.shape[1])
    outputs = [KerasTensor(shape, query.dtype), KerasTensor(scores, query.dtype)]
    return record(
        Part("attention"), (query, key, value), {**options, "return_scores": True}, outputs
    )


@in_place_of(Heads)
def _heads(
    layer: Any,
    query: Any,
    value: Any,
    key: Any = None,
    query_mask: Any = None,
    value_mask: Any = None,
    key_mask: Any = None,
    attention_mask: Any = None,
    return_attention_scores: bool = False,
    training: Any = None,
    use_causal_mask: bool = False,
) -> Any:
    key = value if key is None else key
    if len(query.shape) > 3:
        raise NotExportable(
            f"Layer {layer.name!r} ({type(layer).__name__}) can be exported for queries of 3 axes, "
            f"(batch, steps, features); here the query has shape {query.shape}. Reshape before it."
        )
    given = query_mask, value_mask, key_mask, attention_mask
    mask = layer._compute_attention_mask(query, value, *given)
    output, scores = _attention(
        layer._query_dense(query),
        layer._key_dense(key),
        layer._value_dense(value),
        mask=mask,
        scale=1 / math.sqrt(layer._width),
        is_causal=use_causal_mask,
        silent=bool(layer._rate or return_attention_scores),
    )
    if layer.use_gate:
        output = ops.multiply(output, layer._gate_dense(query))
    output = layer._output_dense(output)
    return (output, scores) if return_attention_scores else output


@in_place_of(Attention)
def _dot_attention(
    layer: Any,
    inputs: Any,
    mask: Any = None,
    training: Any = False,
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
) -> Any:
    if layer.score_mode == "concat" or inputs[0].ndim != 3:
        options = return_attention_scores, use_causal_mask
        return layer.call(inputs, mask, False, *options)
    query, value, key = (*inputs, inputs[1])[:3]
    query_mask, value_mask = layer._check_masks(mask, query, value)
    query_ = query if layer.scale is None else ops.multiply(query, layer.scale)
    output, scores = _attention(
        *[ops.expand_dims(x, 2) for x in (query_, key, value)],
        mask=None if value_mask is None else ops.expand_dims(value_mask, (1, 2)),
        scale=1.0,
        is_causal=use_causal_mask,
    )
    output = ops.squeeze(output, 2)
    if query_mask is not None:
        output = ops.where(ops.expand_dims(query_mask, -1), output, 0.0)
    return (output, ops.squeeze(scores, 1)) if return_attention_scores else output


# --------------------------------------------------------------------------------------------------
# Recurrent layers


@in_place_of(TimeDistributed)
def _time_distributed(layer: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    options = {}
    if mask is not None and takes(type(layer.layer), "mask"):
        options["mask"] = _fold(mask)
    y = layer.layer(_fold(inputs), **options)
    shape = (*inputs.shape[:2], *y.shape[1:])
    return part("unfold", (y, inputs), shape, y.dtype)


def _fold(x: Any) -> Any:
    rows, steps, *rest = x.shape
    count = None if None in (rows, steps) else rows * steps
    return part("fold", (x,), (count, *rest), x.dtype)


@in_place_of(RNN, _FusedRNN)
def _rnn(
    layer: Any,
    sequences: Any,
    initial_state: Any = None,
    mask: Any = None,
    training: Any = False,
    constants: Any = None,
) -> Any:
    if layer.stateful:
        raise NotExportable(
            f"Layer {layer.name!r} ({type(layer).__name__}) is stateful, and an ONNX model keeps "
            "nothing from call to call. Make the states inputs and outputs of the model: "
            "y, *states = layer(x, initial_state=...) with return_state=True and stateful=False."
        )
    states = layer._first_states(sequences, initial_state)
    if states is None:
        states = [_for_each_row(sequences, x) for x in flatten(layer.get_initial_state(1))]
    states = flatten(states)
    if mask is not None and mask.ndim > 2:
        mask = ops.squeeze(mask, -1)
    names = layer._fused_activations() if isinstance(layer, _FusedRNN) else None
    whole = names is not None and set(names) <= {"tanh", "sigmoid", "relu"}
    if whole and mask is None and constants is None and sequences.dtype == "float32":
        y, *states = _whole(layer, sequences, states, names)
    else:
        y, *states = _steps(layer, sequences, states, mask, constants)
    if not layer.return_state:
        return y
    return (y, *pack_like(layer.state_size, states))


def _for_each_row(x: Any, row: Any) -> Any:
    """A state before the first step, which is that of one row, for every row of x."""
    row = row.numpy()[0]
    return part("rows", (x,), (x.shape[0], *row.shape), row.dtype, row=row)


def _whole(layer: Any, sequences: Any, states: list, names: Any) -> list:
    """One of ONNX's own recurrent layers."""
    kinds = {LSTM: "LSTM", GRU: "GRU", SimpleRNN: "RNN"}
    steps = [sequences.shape[1]] if layer.return_sequences else []
    y = KerasTensor((sequences.shape[0], *steps, layer.units), sequences.dtype)
    options = {
        "kind": next(kinds[cls] for cls in type(layer).__mro__ if cls in kinds),
        "weights": layer.cell.fused_weights,
        "activations": names,
        "reset_after": getattr(layer.cell, "reset_after", False),
        "return_sequences": layer.return_sequences,
        "go_backwards": layer.go_backwards,
    }
    outputs = [y, *[KerasTensor(state.shape, state.dtype) for state in states]]
    return record(Part("recurrent"), (sequences, *states), options, outputs)


def _steps(layer: Any, sequences: Any, states: list, mask: Any, constants: Any) -> list:
    """A loop that runs the cell step by step."""
    step = KerasTensor((sequences.shape[0], *sequences.shape[2:]), sequences.dtype)
    before = [KerasTensor(state.shape, state.dtype) for state in states]
    forget_dropout(layer.cell)
    others = {} if constants is None else {"constants": constants}
    nested = pack_like(layer.state_size, before)
    output, after = call_cell(layer.cell, step, nested, False, others)
    after = flatten(after)
    # Where a step is masked, its output is the one before, which the loop then keeps as a state.
    last = KerasTensor(output.shape, output.dtype)
    first = _for_each_row(sequences, Tensor(np.zeros((1, *output.shape[1:]), output.dtype)))
    inputs, scanned, previous = [step], [sequences], last
    if mask is not None:
        on = KerasTensor((sequences.shape[0],), "bool")
        inputs, scanned = [step, on], [sequences, mask]
        previous = ops.zeros_like(last) if layer.zero_output_for_mask else last
        output = _chosen(on, output, previous)
        after = [_chosen(on, new, old) for new, old in zip(after, before, strict=True)]
    results = [*after, output]
    results += [ops.stop_gradient(output)] if layer.return_sequences else []
    outside = [x for x in flatten(constants or []) if isinstance(x, KerasTensor)]
    body = Function([*before, last, *inputs, *outside], results)
    body.inputs = body.inputs[: len(body.inputs) - len(outside)]
    outputs = [KerasTensor(x.shape, x.dtype) for x in (*states, output)]
    if layer.return_sequences:
        shape = (*sequences.shape[:2], *output.shape[1:])
        outputs.append(KerasTensor(shape, output.dtype))
    options = {
        "body": body,
        "states": len(states) + 1,
        "scanned": len(scanned),
        "go_backwards": layer.go_backwards,
    }
    values = (*states, first, *scanned, *outside)
    made = record(Part("loop"), values, options, outputs)
    return [made[-1], *made[: len(states)]]


def _chosen(on: Any, new: Any, old: Any) -> Any:
    return ops.where(ops.expand_dims(on, tuple(range(1, new.ndim))), new, old)


# --------------------------------------------------------------------------------------------------
# Categories


def _encoded(layer: Any, numbers: Any, depth: int, weights: Any = None) -> Any:
    """Numbers as columns of zeros and ones, or of counts: see ``preprocessing.base.encode``."""
    mode = layer.output_mode
    if mode == "one_hot":
        if numbers.ndim > 1 and numbers.shape[-1] == 1:
            numbers = ops.squeeze(numbers, -1)
        return ops.one_hot(numbers, depth, dtype=layer.output_dtype())
    if numbers.ndim == 0:
        numbers = ops.expand_dims(numbers, 0)
    axis = min(1, numbers.ndim - 1)
    hot = ops.one_hot(numbers, depth, dtype=layer.output_dtype())
    if mode == "multi_hot":
        return ops.max(hot, axis=axis)
    if weights is not None:
        hot = ops.multiply(hot, ops.expand_dims(ops.cast(weights, hot.dtype), -1))
    return ops.sum(hot, axis=axis)


@in_place_of(Preparation)
def _preparation(layer: Any, *inputs: Any, **options: Any) -> Any:
    raise NotExportable(
        f"Layer {layer.name!r} ({type(layer).__name__}) works on texts or hashes, for which ONNX "
        "has no operation: leave it out of the exported model, and feed the model what this layer "
        "returns."
    )


@in_place_of(ContrastLimitedAdaptiveHistogramEqualization, MelSpectrogram)
def _without_counterpart(layer: Any, *inputs: Any, **options: Any) -> Any:
    raise NotExportable(
        f"Layer {layer.name!r} ({type(layer).__name__}) counts pixels or transforms frames, "
        "for which the exporter has no operation: leave it out of the exported model, and feed the "
        "model what this layer returns."
    )


@in_place_of(CategoryEncoding)
def _category_encoding(layer: Any, inputs: Any, count_weights: Any = None) -> Any:
    return _encoded(layer, ops.cast(inputs, "int64"), layer.num_tokens, count_weights)


@in_place_of(Discretization)
def _discretization(layer: Any, inputs: Any) -> Any:
    if layer.bin_boundaries is None:
        layer.prepare(np.zeros(1))  # raises an error that says what to do
    bounds = np.asarray(layer.bin_boundaries, layer.dtype)
    bins = ops.searchsorted(bounds, ops.cast(inputs, layer.dtype), side="right")
    return bins if layer.output_mode == "int" else _encoded(layer, bins, len(bounds) + 1)


@in_place_of(IndexLookup)
def _lookup(layer: Any, inputs: Any) -> Any:
    layer._must_have_vocabulary()
    tokens, special = layer.get_vocabulary(False), layer._special_places()
    dropped = 0 if layer.output_mode == "int" else -1
    if layer.invert:
        numbers = dict(enumerate(tokens, special))
        if layer.mask_token is not None:
            numbers[0] = layer.mask_token
        shape, dtype = inputs.shape, layer.vocabulary_dtype
        return _in_table(ops.cast(inputs, "int64"), numbers, layer.oov_token, shape, dtype)
    table = {token: i for i, token in enumerate(tokens, special)}
    if layer.mask_token is not None:
        table[layer.mask_token] = dropped
    start = layer._mask_places()
    if layer.num_oov_indices > 1:
        raise NotExportable(
            f"Layer {layer.name!r} ({type(layer).__name__}) has num_oov_indices="
            f"{layer.num_oov_indices}: unknown tokens are hashed, for which ONNX has no operation. "
            "With num_oov_indices=1 it can be exported."
        )
    if layer.vocabulary_dtype != "string":
        inputs = ops.cast(inputs, "int64")
    unknown = start if layer.num_oov_indices else -1
    numbers = _in_table(inputs, table, unknown, inputs.shape, "int64")
    if layer.output_mode == "int":
        return numbers
    mode, columns = layer.output_mode, layer._columns()
    if mode != "tf_idf":
        return _encoded(layer, numbers, columns)
    hot = ops.one_hot(numbers, columns, dtype=layer.output_dtype())
    return ops.multiply(ops.sum(hot, axis=min(1, numbers.ndim - 1)), layer.idf_weights)


def _in_table(x: Any, table: dict, default: Any, shape: tuple, dtype: Any) -> Any:
    keys, values = list(table), list(table.values())
    return part("lookup", (x,), shape, dtype, keys=keys, values=values, default=default)
