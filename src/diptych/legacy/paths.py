"""Old module paths and old names of functions and classes, as data.

Paths are relative to the package: "layers.core" stands for `keras.layers.core` and for
`tensorflow.keras.layers.core`. `diptych.compat` imports them; `old_attribute` finds the names.
"""

from .notes import note

# Where the names of an old module are today; with several modules, the first that has a name.
_LAYERS = ("layers",)
_MODELS = ("layers", "models")
_UTILS = ("utils",)
MODULES = {
    **dict.fromkeys(
        (
            "layers.advanced_activations",
            "layers.convolutional",
            "layers.convolutional_recurrent",
            "layers.core",
            "layers.cudnn_recurrent",
            "layers.dense_attention",
            "layers.embeddings",
            "layers.experimental",
            "layers.experimental.preprocessing",
            "layers.local",
            "layers.merge",
            "layers.noise",
            "layers.normalization",
            "layers.pooling",
            "layers.recurrent",
            "layers.wrappers",
            "legacy.layers",
        ),
        _LAYERS,
    ),
    **dict.fromkeys(
        (
            "engine",
            "engine.base_layer",
            "engine.functional",
            "engine.input_layer",
            "engine.input_spec",
            "engine.network",
            "engine.sequential",
            "engine.topology",
            "engine.training",
        ),
        _MODELS,
    ),
    **dict.fromkeys(
        (
            "utils.data_utils",
            "utils.generic_utils",
            "utils.io_utils",
            "utils.layer_utils",
            "utils.np_utils",
            "utils.vis_utils",
            "utils.visualize_util",
        ),
        _UTILS,
    ),
    "backend.tensorflow_backend": ("backend",),
    "initializations": ("initializers",),
    "models.sequential": ("models",),
    "objectives": ("losses",),
    "optimizers.legacy": ("optimizers",),
    "optimizers.experimental": ("optimizers",),
    "saving.saved_model": ("saving",),
}

# Old names of what exists today: in which module, and the current name.
ATTRIBUTES = {
    "constraints": {"maxnorm": "max_norm", "nonneg": "non_neg", "unitnorm": "unit_norm"},
    "initializers": {
        "normal": "random_normal",
        "uniform": "random_uniform",
        "zero": "zeros",
        "one": "ones",
    },
    "regularizers": {"l1l2": "l1_l2", "activity_l1": "l1", "activity_l2": "l2"},
    "losses": {
        "mse": "mean_squared_error",
        "mae": "mean_absolute_error",
        "mape": "mean_absolute_percentage_error",
        "msle": "mean_squared_logarithmic_error",
        "MSE": "mean_squared_error",
        "MAE": "mean_absolute_error",
        "kld": "kl_divergence",
        "kullback_leibler_divergence": "kl_divergence",
        "cosine_proximity": "cosine_similarity",
        "logcosh": "log_cosh",
    },
    "metrics": {
        "mse": "mean_squared_error",
        "mae": "mean_absolute_error",
        "MSE": "mean_squared_error",
        "MAE": "mean_absolute_error",
        "kullback_leibler_divergence": "kl_divergence",
        "cosine_proximity": "cosine_similarity",
    },
    "models": {"model_from_yaml": "model_from_json"},
    "utils": {"plot": "plot_model"},
}

# Classes that Keras no longer has, and how a model of today does without.
REMOVED = {
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "Highway": "is no longer a layer of Keras: `t = Dense(n, activation='sigmoid')(x)`, then "
    "`t * h + (1 - t) * x`",
    "LocallyConnected1D": "is no longer a layer of Keras 3; diptych keeps it",
    "LocallyConnected2D": "is no longer a layer of Keras 3; diptych keeps it",
    "MaxoutDense": "is no longer a layer of Keras: `Maximum()` of several Dense layers",
    "Merge": "is now Add, Multiply, Concatenate, Average, Maximum or Dot, called on a list of "
    "tensors",
    "ThresholdedReLU": "is now `ReLU(threshold=theta)`",
    "merge": "is now add, multiply, concatenate, average, maximum or dot",
}


def note_removed(name):
    """Warn once that a class is no longer in Keras, and say what took its place."""
    note(name, REMOVED[name])


def old_attribute(module, name, names):
    """The value of a module's attribute under its old name, with a note; AttributeError if it has
    none.

    module: the module's name below the package, a key of `ATTRIBUTES`.
    names: its names and values, `globals()`.
    """
    current = ATTRIBUTES[module].get(name)
    if current not in names:
        from ..utils.naming import no_attribute

        there = names.get("__all__") or [one for one in names if not one.startswith("_")]
        raise no_attribute(f"diptych.{module}", name, there)
    note(f"{module}.{name}", f"{module}.{current}")
    return names[current]
