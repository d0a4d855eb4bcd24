"""Recipes for masks: every kind of layer between a masked embedding and the loss, two masks that
meet, and masks in metrics.
"""

import numpy as np

from .embedding import TOKENS, after_a_mask, trained
from .recipes import numbers, recipe, with_fixed_weights


def layer(name, *args, **options):
    return lambda kit, x: getattr(kit.layers, name)(*args, **options)(x)


def cells(*names):
    def make(kit, x):
        made = [getattr(kit.layers, name)(2) for name in names]
        cell = made[0] if len(made) == 1 else made
        return kit.layers.RNN(cell, return_sequences=True)(x)

    return make


def both_ways(name="LSTM", merge="concat", **options):
    def make(kit, x):
        inner = getattr(kit.layers, name)(2, **options)
        return kit.layers.Bidirectional(inner, merge_mode=merge)(x)

    return make


def separate_ways(kit, x):
    inner = kit.layers.GRU(2, return_sequences=True)
    there, back = kit.layers.Bidirectional(inner, merge_mode=None)(x)
    return kit.layers.Subtract()([there, back])


def states(kit, x):
    """The second without an initial state: given one, Keras's layers do not see the mask."""
    y, h, c = kit.layers.LSTM(2, return_sequences=True, return_state=True)(x)
    again = kit.layers.LSTM(2, return_sequences=True)(y)
    return kit.layers.Concatenate()([again, kit.layers.RepeatVector(4)(h)])


def merged(name, **options):
    def make(kit, x):
        both = [x, kit.layers.Dense(3)(x)]
        return getattr(kit.layers, name)(**options)(both)

    return make


def in_a_model(kit, x):
    inner = kit.Input((4, 3))
    y = kit.layers.GRU(2, return_sequences=True)(kit.layers.Dense(3)(inner))
    return kit.layers.Dense(2)(kit.Model(inner, y)(x))


def of_its_own(supports):
    """A custom layer, with a mask in its call."""

    def make(kit, x):
        class Centered(kit.layers.Layer):
            def __init__(self):
                super().__init__()
                self.supports_masking = supports

            def call(self, inputs, mask=None):
                counted = kit.ops.expand_dims(kit.ops.cast(mask, "float32"), -1)
                return inputs - kit.ops.sum(inputs * counted, axis=1, keepdims=True) / 4.0

        return kit.layers.Dense(2)(Centered()(x))

    return make


THROUGH = {
    "layer_norm": layer("LayerNormalization"),
    "rms_norm": layer("RMSNormalization"),
    "group_norm": layer("GroupNormalization", 3),
    "unit_norm": layer("UnitNormalization"),
    "batch_norm": layer("BatchNormalization"),
    "no_noise": layer("GaussianNoise", 0.0),
    "no_spatial_dropout": layer("SpatialDropout1D", 0.0),
    "activity": layer("ActivityRegularization", 0.1, 0.2),
    "flatten": layer("Flatten"),
    "reshape": layer("Reshape", (2, 6)),
    "permute": layer("Permute", (2, 1)),
    "conv": layer("Conv1D", 2, 2),
    "separable_conv": layer("SeparableConv1D", 2, 2),
    "max_pool": layer("MaxPooling1D", 2),
    "global_max": layer("GlobalMaxPooling1D"),
    "padding": layer("ZeroPadding1D", 1),
    "cropping": layer("Cropping1D", 1),
    "upsampling": layer("UpSampling1D", 2),
    "einsum_dense": layer("EinsumDense", "abc,cd->abd", output_shape=(None, 2)),
    "simple_rnn": layer("SimpleRNN", 2, return_sequences=True),
    "gru_backwards": layer("GRU", 2, return_sequences=True, go_backwards=True),
    "gru_before": layer("GRU", 2, return_sequences=True, reset_after=False),
    "lstm_zero_output": layer("LSTM", 2, return_sequences=True, zero_output_for_mask=True),
    "lstm_unrolled": layer("LSTM", 2, return_sequences=True, unroll=True),
    "lstm_cell": cells("LSTMCell"),
    "stacked_cells": cells("GRUCell", "SimpleRNNCell"),
    "both_ways": both_ways(return_sequences=True),
    "both_ways_last": both_ways("GRU"),
    "both_ways_sum": both_ways("SimpleRNN", "sum", return_sequences=True),
    "both_ways_mul": both_ways("LSTM", "mul", return_sequences=True),
    "both_ways_ave": both_ways("GRU", "ave"),
    "separate_ways": separate_ways,
    "states": states,
    "time_distributed_lstm": lambda kit, x: kit.layers.TimeDistributed(kit.layers.LSTM(2))(
        kit.layers.Reshape((4, 3, 1))(x)
    ),
    "subtract": merged("Subtract"),
    "average": merged("Average"),
    "minimum": merged("Minimum"),
    "dot": merged("Dot", axes=2),
    "in_a_model": in_a_model,
    "own_layer": of_its_own(True),
    "own_layer_without": of_its_own(False),
}
for _name, _make in THROUGH.items():
    recipe("masks", f"through_{_name}", _make, "mse", TOKENS)(after_a_mask)


def two_masks(kit, args):
    name, options, second = args
    a, b = kit.Input((4,), dtype="int32"), kit.Input((4,), dtype="int32")
    x = kit.layers.Embedding(7, 3, mask_zero=True)(a)
    z = kit.layers.Embedding(7, 3, mask_zero=second)(b)
    y = getattr(kit.layers, name)(**options)([x, z])
    model = kit.Model([a, b], kit.layers.LSTM(2, return_sequences=True)(y))
    shape = (4, *model.output_shape[1:])
    return trained(kit, model, [TOKENS, TOKENS[::-1].copy()], numbers(8, *shape), "mse", ["mae"])


for _name, _options in {
    "Add": {},
    "Multiply": {},
    "Maximum": {},
    "Concatenate": {},
    "Average": {},
}.items():
    recipe("masks", f"two_{_name}", _name, _options, True)(two_masks)
    recipe("masks", f"one_{_name}", _name, _options, False)(two_masks)
recipe("masks", "two_Concatenate_steps", "Concatenate", {"axis": 1}, True)(two_masks)
recipe("masks", "one_Concatenate_steps", "Concatenate", {"axis": 1}, False)(two_masks)


@recipe("masks", "classes")
def classes(kit):
    """A class for every step: the loss and the accuracy count what the mask leaves, with weights
    of the steps and without.
    """
    made = {}
    for name, fit in {"plain": {}, "weighted": {"sample_weight": np.abs(numbers(5, 4, 4))}}.items():
        inputs = kit.Input((4,), dtype="int32")
        x = kit.layers.Embedding(7, 3, mask_zero=True)(inputs)
        x = kit.layers.GRU(4, return_sequences=True)(x)
        model = kit.Model(inputs, kit.layers.Dense(3, activation="softmax")(x))
        y = (TOKENS + 1) % 3
        loss = "sparse_categorical_crossentropy"
        for key, value in trained(kit, model, TOKENS, y, loss, ["accuracy"], **fit).items():
            made[f"{name}/{key}"] = value
    return made


@recipe("masks", "metrics")
def metrics(kit):
    """What `evaluate` says, over two batches, plain and weighted."""
    inputs = kit.Input((4,), dtype="int32")
    x = kit.layers.Embedding(7, 3, mask_zero=True)(inputs)
    model = kit.Model(inputs, kit.layers.Dense(1, activation="sigmoid")(x))
    with_fixed_weights(model)
    # Keras's metrics of counts, such as AUC, do not see masks; ours do.
    kinds = ("BinaryAccuracy", "MeanSquaredError")
    model.compile(
        "sgd",
        "binary_crossentropy",
        metrics=[getattr(kit.metrics, kind)(name=kind) for kind in kinds],
        weighted_metrics=[kit.metrics.BinaryAccuracy(name="weighted")],
    )
    y = (numbers(9, 4, 4, 1) > 0).astype("f4")
    weight = np.abs(numbers(5, 4, 4))
    return {
        "plain": np.array(model.evaluate(TOKENS, y, batch_size=2, verbose=0)),
        "weighted": np.array(
            model.evaluate(TOKENS, y, batch_size=2, sample_weight=weight, verbose=0)
        ),
    }


@recipe("masks", "made_in_a_model")
def made_inside(kit):
    """The embedding, and with it the mask, lies in a model in the model."""
    inner = kit.Input((4,), dtype="int32")
    embedded = kit.layers.Embedding(7, 3, mask_zero=True)(inner)
    encoder = kit.Model(inner, kit.layers.Dense(3)(embedded))
    inputs = kit.Input((4,), dtype="int32")
    y = kit.layers.Dense(2)(kit.layers.GRU(2, return_sequences=True)(encoder(inputs)))
    return trained(kit, kit.Model(inputs, y), TOKENS, numbers(4, 4, 4, 2), "mse", ["mae"])


@recipe("masks", "two_outputs")
def two_outputs(kit):
    """A mask that one output has and the other has not."""
    inputs = kit.Input((4,), dtype="int32")
    x = kit.layers.Embedding(7, 3, mask_zero=True)(inputs)
    steps = kit.layers.GRU(2, return_sequences=True)(x)
    model = kit.Model(inputs, [kit.layers.Dense(2)(steps), kit.layers.LSTM(2)(steps)])
    y = [numbers(4, 4, 4, 2), numbers(5, 4, 2)]
    made = trained(kit, model, TOKENS, y, ["mse", "mae"], [["mae"], ["mae"]])
    steps, last = made.pop("y")
    return {**made, "steps": steps, "last": last}
