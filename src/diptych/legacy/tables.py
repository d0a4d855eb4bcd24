"""Old spellings and their current forms, as data.

A rule is either the current name of the same argument, or a function `rule(given, old, defaults)`
that changes the dict of keyword arguments in place and returns the current form for the note (a
text with a space is printed unchanged: "is no longer needed: ...").

The keys are current class names; the rules of base classes apply too. An old spelling is left alone
if the class itself has an argument of that name (`output_dim` is current in Embedding, old in
Dense).
"""

import itertools


def gone(reason):
    """The argument is removed; `reason` completes the sentence "`name` ..."."""

    def rule(given, old, defaults):
        del given[old]
        return reason

    return rule


def only_if_set(rule):
    """`rule`, unless the value is 0, False or None: then the argument asked for nothing."""

    def of_value(given, old, defaults):
        if given[old]:
            return rule(given, old, defaults)
        return f"is no longer an argument, and {given.pop(old)!r} asks for nothing: leave it out"

    return of_value


def values(new, current):
    """Renamed, with new values: `current` maps old values to new ones; others stay."""

    def rule(given, old, defaults):
        value = given.pop(old)
        given[new] = current.get(value, value) if isinstance(value, str | int) else value
        return f"is now `{new}={given[new]!r}`"

    return rule


def all_of(*new):
    """One old argument that is now several (`init` of a separable convolution)."""

    def rule(given, old, defaults):
        value = given.pop(old)
        for name in new:
            given.setdefault(name, value)
        return f"is now {' and '.join(f'`{name}`' for name in new)}"

    return rule


def joined(new, *parts):
    """Several old arguments that are now one tuple (`nb_row`, `nb_col` -> `kernel_size`)."""

    def rule(given, old, defaults):
        missing = [part for part in parts if part not in given]
        if missing:
            raise TypeError(
                f"'{old}' needs {', '.join(map(repr, missing))} too; all of them are now `{new}`, "
                f"a tuple of {len(parts)} numbers"
            )
        given[new] = tuple(given.pop(part) for part in parts)
        return f"is now part of `{new}={given[new]!r}`"

    return rule


def decay(given, old, defaults):
    """`decay`: learning_rate / (1 + decay * iterations), now a schedule."""
    rate = given.pop(old)
    start = given.get("learning_rate", given.get("lr", defaults.get("learning_rate")))
    if not isinstance(start, int | float):
        raise TypeError(
            f"'decay' needs a number as learning rate, but it is {start!r}: leave out 'decay' "
            "if you use a schedule"
        )
    given.pop("lr", None)
    schedule = {"initial_learning_rate": start, "decay_steps": 1, "decay_rate": rate}
    given["learning_rate"] = {"class_name": "InverseTimeDecay", "config": schedule}
    return f"is now `learning_rate=InverseTimeDecay({start}, 1, {rate})`"


def causal(given, old, defaults):
    """`causal` of the first attention layers, now an argument of each call."""
    if given.pop(old):
        raise TypeError(
            "'causal=True' is now an argument of each call: "
            "layer([query, value], use_causal_mask=True)"
        )
    return "is now an argument of the call, `use_causal_mask`"


def period(given, old, defaults):
    """`period` of a checkpoint, in epochs; `save_freq` counts batches."""
    epochs = given.pop(old)
    if epochs != 1:
        raise ValueError(
            f"'period={epochs}' counts epochs, but 'save_freq' counts batches: use "
            f"save_freq={epochs} * (batches of an epoch)"
        )
    given["save_freq"] = "epoch"
    return "is now `save_freq='epoch'`"


def grayscale(given, old, defaults):
    """Whether an image is to be read as shades of grey."""
    if given.pop(old):
        given["color_mode"] = "grayscale"
    return "is now `color_mode='grayscale'`"


def per_sample(new, source="x"):
    """Once counted in samples, now in batches; of a generator the first batch is looked at.

    source: the name of the argument that holds the data.
    """

    def rule(given, old, defaults):
        samples = given.pop(old)
        place = "generator" if source == "x" and "generator" in given else source
        data = given.get(place)
        batch_size = given.get("batch_size") or getattr(data, "batch_size", None)
        if not batch_size and hasattr(data, "__next__"):
            first = list(itertools.islice(data, 1))
            given[place] = itertools.chain(first, data)
            batch_size = _rows(first)
        if not batch_size:
            raise ValueError(
                f"'{old}={samples}' counts samples, but '{new}' counts batches, and the batch size "
                f"is not known here: use {new}={samples} // (your batch size)"
            )
        given[new] = max(1, -(-int(samples) // int(batch_size)))
        return f"is now `{new}={given[new]}` (batches, not samples)"

    return rule


def _rows(batches):
    """The number of rows of the first of these batches, if it is made of arrays."""
    part = batches
    while isinstance(part, (list, tuple, dict)) and part:
        part = next(iter(part.values())) if isinstance(part, dict) else part[0]
    shape = getattr(part, "shape", None)
    return shape[0] if shape else None


def _without(table, name):
    return {old: rule for old, rule in table.items() if old != name}


_KERNEL = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
}
_DATA_FORMAT = values(
    "data_format", {"tf": "channels_last", "th": "channels_first", "default": None}
)
_WINDOW = {
    "bias": "use_bias",
    "b_regularizer": "bias_regularizer",
    "b_constraint": "bias_constraint",
    "border_mode": "padding",
    "subsample": "strides",
    "atrous_rate": "dilation_rate",
    "dim_ordering": _DATA_FORMAT,
}
_WINDOW_1D = {"filter_length": "kernel_size", "subsample_length": "strides"}
_WINDOW_2D = dict.fromkeys(("nb_row", "nb_col"), joined("kernel_size", "nb_row", "nb_col"))
_CONVOLUTION = {**_KERNEL, **_WINDOW, "nb_filter": "filters"}
_CONVOLUTION_1D = {**_CONVOLUTION, **_WINDOW_1D}
_CONVOLUTION_2D = {**_CONVOLUTION, **_WINDOW_2D}
_CONVOLUTION_3D = {
    **_CONVOLUTION,
    **dict.fromkeys(
        ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
        joined("kernel_size", "kernel_dim1", "kernel_dim2", "kernel_dim3"),
    ),
}
_SEPARABLE = {
    **_WINDOW,
    "nb_filter": "filters",
    "init": all_of("depthwise_initializer", "pointwise_initializer"),
}
_DEPTHWISE = {
    **_WINDOW,
    "init": "depthwise_initializer",
    "W_regularizer": "depthwise_regularizer",
    "W_constraint": "depthwise_constraint",
}
_POOLING = {
    "pool_length": "pool_size",
    "stride": "strides",
    "border_mode": "padding",
    "dim_ordering": _DATA_FORMAT,
}
_RECURRENT = {
    **_KERNEL,
    "inner_init": "recurrent_initializer",
    "U_regularizer": "recurrent_regularizer",
    "U_constraint": "recurrent_constraint",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "consume_less": gone("is no longer needed: there is one implementation"),
    "implementation": gone("is no longer needed: there is one implementation"),
}
_GATES = {"inner_activation": "recurrent_activation"}
_UNITS = {"output_dim": "units"}
_FORGET_BIAS = {
    "forget_bias_init": values(
        "unit_forget_bias", {"one": True, "ones": True, "zero": False, "zeros": False}
    ),
}
_DROPOUT = {"p": "rate"}

CLASSES = {
    # core layers
    "InputLayer": {
        "input_shape": "shape",
        "batch_input_shape": "batch_shape",
        "input_dtype": "dtype",
    },
    "Dense": {**_KERNEL, "output_dim": "units", "bias": "use_bias"},
    "MaxoutDense": {**_KERNEL, "output_dim": "units", "bias": "use_bias"},
    "Highway": {**_KERNEL, "bias": "use_bias"},
    "Dropout": _DROPOUT,
    "SpatialDropout1D": _DROPOUT,
    "SpatialDropout2D": {**_DROPOUT, "dim_ordering": _DATA_FORMAT},
    "SpatialDropout3D": {**_DROPOUT, "dim_ordering": _DATA_FORMAT},
    "GaussianDropout": _DROPOUT,
    "AlphaDropout": _DROPOUT,
    "GaussianNoise": {"sigma": "stddev"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "PReLU": {"init": "alpha_initializer"},
    "Reshape": {"dims": "target_shape"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
        "dropout": only_if_set(
            gone("is no longer an argument of Embedding: put SpatialDropout1D after it")
        ),
    },
    "Attention": {"causal": causal},
    # normalization
    "BatchNormalization": {
        "beta_init": "beta_initializer",
        "gamma_init": "gamma_initializer",
        "mode": gone(
            "is no longer an argument: normalization is over the batch, feature by feature"
        ),
    },
    # convolution, pooling and their helpers
    "Conv1D": _CONVOLUTION_1D,
    "Conv2D": _CONVOLUTION_2D,
    "Conv3D": _CONVOLUTION_3D,
    "Conv1DTranspose": _CONVOLUTION_1D,
    "Conv2DTranspose": {
        **_CONVOLUTION_2D,
        "output_shape": gone("is no longer needed: it follows from strides and padding"),
    },
    "Conv3DTranspose": _CONVOLUTION_3D,
    "SeparableConv1D": {**_SEPARABLE, **_WINDOW_1D},
    "SeparableConv2D": {**_SEPARABLE, **_WINDOW_2D},
    "DepthwiseConv1D": {**_DEPTHWISE, **_WINDOW_1D},
    "DepthwiseConv2D": {**_DEPTHWISE, **_WINDOW_2D},
    "LocallyConnected1D": _without(_CONVOLUTION_1D, "atrous_rate"),
    "LocallyConnected2D": _without(_CONVOLUTION_2D, "atrous_rate"),
    "MaxPooling1D": _POOLING,
    "MaxPooling2D": _POOLING,
    "MaxPooling3D": _POOLING,
    "AveragePooling1D": _POOLING,
    "AveragePooling2D": _POOLING,
    "AveragePooling3D": _POOLING,
    "GlobalMaxPooling2D": {"dim_ordering": _DATA_FORMAT},
    "GlobalMaxPooling3D": {"dim_ordering": _DATA_FORMAT},
    "GlobalAveragePooling2D": {"dim_ordering": _DATA_FORMAT},
    "GlobalAveragePooling3D": {"dim_ordering": _DATA_FORMAT},
    "UpSampling1D": {"length": "size"},
    "UpSampling2D": {"dim_ordering": _DATA_FORMAT},
    "UpSampling3D": {"dim_ordering": _DATA_FORMAT},
    "ZeroPadding2D": {"dim_ordering": _DATA_FORMAT},
    "ZeroPadding3D": {"dim_ordering": _DATA_FORMAT},
    "Cropping2D": {"dim_ordering": _DATA_FORMAT},
    "Cropping3D": {"dim_ordering": _DATA_FORMAT},
    # recurrent layers
    "SimpleRNN": {**_RECURRENT, **_UNITS},
    "GRU": {**_RECURRENT, **_UNITS, **_GATES},
    "LSTM": {**_RECURRENT, **_UNITS, **_GATES, **_FORGET_BIAS},
    "SimpleRNNCell": {**_RECURRENT, **_UNITS},
    "GRUCell": {**_RECURRENT, **_UNITS, **_GATES},
    "LSTMCell": {**_RECURRENT, **_UNITS, **_GATES, **_FORGET_BIAS},
    "ConvLSTM2D": {
        **_RECURRENT,
        **_GATES,
        **_FORGET_BIAS,
        **_WINDOW,
        **_WINDOW_2D,
        "nb_filter": "filters",
    },
    # models
    "Model": {"input": "inputs", "output": "outputs"},
    # optimizers
    "Optimizer": {"decay": only_if_set(decay), "lr": "learning_rate"},
    "Nadam": {"schedule_decay": gone("is no longer an argument: the schedule is the paper's")},
    # constraints
    "MaxNorm": {"m": "max_value"},
    # callbacks
    "ReduceLROnPlateau": {"epsilon": "min_delta"},
    "ModelCheckpoint": {"period": period},
    "TensorBoard": {
        "batch_size": gone("is no longer an argument: the data of `fit` have batches of their own"),
        "write_grads": only_if_set(gone("is no longer an argument: gradients are not written")),
    },
}

# Old positional forms: the names of the leading integers.
_SQUARE = ("filters", "nb_row", "nb_col")
_CUBE = ("filters", "kernel_dim1", "kernel_dim2", "kernel_dim3")
POSITIONAL = {
    "Convolution2D": _SQUARE,
    "AtrousConvolution2D": _SQUARE,
    "LocallyConnected2D": _SQUARE,
    "Deconvolution2D": _SQUARE,
    "SeparableConvolution2D": _SQUARE,
    "Conv2D": _SQUARE,
    "Conv2DTranspose": _SQUARE,
    "SeparableConv2D": _SQUARE,
    "ConvLSTM2D": _SQUARE,
    "Conv3D": _CUBE,
    "Conv3DTranspose": _CUBE,
}
# Of these, the classes for which three integers have a current meaning: filters, kernel_size,
# strides. The old meaning applies if another argument has an old spelling.
MODERN_POSITIONS = ("Conv2D", "Conv2DTranspose", "SeparableConv2D", "ConvLSTM2D")

_WORKERS = {
    "nb_worker": gone("is no longer needed: a PyDataset carries its own `workers`"),
    "workers": gone("is no longer an argument here: a PyDataset carries its own `workers`"),
    "use_multiprocessing": gone("is no longer an argument here: it is one of PyDataset"),
    "max_queue_size": gone("is no longer an argument here: it is one of PyDataset"),
    "max_q_size": gone("is no longer an argument here: PyDataset has `max_queue_size`"),
    "pickle_safe": gone("is no longer an argument here: PyDataset has `use_multiprocessing`"),
}
_ACCURACY = only_if_set(gone("is no longer an argument: compile(metrics=['accuracy'])"))
FUNCTIONS = {
    "compile": {
        "class_mode": gone("is no longer needed: the loss says it"),
        "sample_weight_mode": gone("is no longer needed: the shape of `sample_weight` says it"),
        "target_tensors": gone("is no longer an argument: give `y` to fit"),
    },
    "fit": {
        **_WORKERS,
        "nb_epoch": "epochs",
        "samples_per_epoch": per_sample("steps_per_epoch"),
        "nb_val_samples": per_sample("validation_steps", "validation_data"),
        "show_accuracy": _ACCURACY,
    },
    "evaluate": {
        **_WORKERS,
        "val_samples": per_sample("steps"),
        "show_accuracy": _ACCURACY,
    },
    "predict": {**_WORKERS, "val_samples": per_sample("steps")},
    "Input": {"batch_input_shape": "batch_shape", "input_dtype": "dtype"},
    "load_img": {"grayscale": grayscale},
    "to_categorical": {"nb_classes": "num_classes", "y": "x"},
}

# Names of functions and modules, by kind.
_MEASURES = {
    "kullback_leibler_divergence": "kl_divergence",
    "cosine_proximity": "cosine_similarity",
    "cosine": "cosine_similarity",
    "logcosh": "log_cosh",
}
NAMES = {
    "loss": _MEASURES,
    "metric": _MEASURES,
    "log": {"acc": "accuracy", "lr": "learning_rate"},  # the last part of a key
    "module": {"objectives": "losses"},
}
