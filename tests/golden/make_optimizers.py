"""Writes optimizers.npz: weights after 20 updates of every Keras optimizer, with every option.

    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python tests/golden/make_optimizers.py

Needs Keras 3 and JAX; reading the file needs neither. Everything is computed in float64, so that
the comparison sees differences of the rule and not of the rounding.
"""

import json
from pathlib import Path

import jax
import keras
import numpy as np

UPDATES = 20
SHAPES = [(4, 3), (3,), (2, 1, 2), ()]
DECAY = {"initial_learning_rate": 0.05, "decay_steps": 6, "decay_rate": 0.5}

# name: (class, options). A dict as learning_rate is a schedule: class name and arguments.
RUNS = {
    "sgd": ("SGD", {}),
    "sgd momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    "sgd nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "sgd decay": ("SGD", {"weight_decay": 0.02, "momentum": 0.5}),
    "sgd schedule": ("SGD", {"learning_rate": ("ExponentialDecay", DECAY)}),
    "sgd inverse time": ("SGD", {"learning_rate": ("InverseTimeDecay", DECAY)}),
    "sgd clipvalue": ("SGD", {"learning_rate": 0.1, "clipvalue": 0.4}),
    "sgd clipnorm": ("SGD", {"learning_rate": 0.1, "clipnorm": 1.0}),
    "sgd global_clipnorm": ("SGD", {"learning_rate": 0.1, "global_clipnorm": 1.0}),
    "sgd loss_scale": ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 8.0}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop momentum": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.7, "rho": 0.8}),
    "rmsprop centered": ("RMSprop", {"learning_rate": 0.01, "centered": True, "epsilon": 1e-3}),
    "rmsprop both": ("RMSprop", {"learning_rate": 0.01, "centered": True, "momentum": 0.5}),
    "adagrad": ("Adagrad", {"learning_rate": 0.05}),
    "adagrad start": ("Adagrad", {"initial_accumulator_value": 0.01, "epsilon": 1e-2}),
    "adadelta": ("Adadelta", {}),
    "adadelta fast": ("Adadelta", {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}),
    "adam": ("Adam", {}),
    "adam options": ("Adam", {"learning_rate": 0.03, "beta_1": 0.8, "beta_2": 0.95,
                              "epsilon": 0.1}),
    "adam amsgrad": ("Adam", {"learning_rate": 0.03, "amsgrad": True, "beta_2": 0.8}),
    "adam clipnorm": ("Adam", {"learning_rate": 0.03, "clipnorm": 0.5, "weight_decay": 0.1}),
    "adam ema": ("Adam", {"learning_rate": 0.03, "use_ema": True, "ema_momentum": 0.7,
                          "ema_overwrite_frequency": 3}),
    "adam accumulation": ("Adam", {"learning_rate": 0.03, "gradient_accumulation_steps": 3}),
    "adam accumulation ema": ("Adam", {"learning_rate": 0.03, "gradient_accumulation_steps": 2,
                                       "use_ema": True, "ema_momentum": 0.7, "clipvalue": 0.5,
                                       "ema_overwrite_frequency": 4}),
    "adamw": ("AdamW", {"learning_rate": 0.03}),
    "adamw amsgrad": ("AdamW", {"learning_rate": 0.03, "weight_decay": 0.2, "amsgrad": True}),
    "adamax": ("Adamax", {"learning_rate": 0.03}),
    "adamax options": ("Adamax", {"beta_1": 0.7, "beta_2": 0.9, "epsilon": 0.1}),
    "nadam": ("Nadam", {"learning_rate": 0.03}),
    "nadam options": ("Nadam", {"learning_rate": 0.03, "beta_1": 0.7, "beta_2": 0.9,
                                "epsilon": 0.01}),
    "ftrl": ("Ftrl", {"learning_rate": 0.1}),
    "ftrl options": ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.3,
                              "l2_regularization_strength": 0.2, "beta": 0.4,
                              "l2_shrinkage_regularization_strength": 0.1,
                              "initial_accumulator_value": 0.5}),
    "ftrl power": ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.7}),
    "lion": ("Lion", {}),
    "lion options": ("Lion", {"learning_rate": 0.03, "beta_1": 0.7, "beta_2": 0.8,
                              "weight_decay": 0.1}),
    "adafactor": ("Adafactor", {"learning_rate": 0.1}),
    "adafactor options": ("Adafactor", {"learning_rate": 0.5, "beta_2_decay": -0.5,
                                        "epsilon_1": 1e-3, "epsilon_2": 0.5, "weight_decay": 0.1,
                                        "clip_threshold": 0.3, "relative_step": False}),
    "adafactor schedule": ("Adafactor", {"learning_rate": ("ExponentialDecay", DECAY),
                                         "gradient_accumulation_steps": 2}),
    "lamb": ("Lamb", {"learning_rate": 0.03}),
    "lamb options": ("Lamb", {"learning_rate": 0.1, "beta_1": 0.7, "beta_2": 0.9, "epsilon": 0.1,
                              "weight_decay": 0.1}),
    "muon": ("Muon", {"learning_rate": 0.03}),
    "muon options": ("Muon", {"learning_rate": 0.1, "adam_beta_1": 0.8, "adam_beta_2": 0.95,
                              "adam_weight_decay": 0.2, "weight_decay": None, "epsilon": 0.01,
                              "adam_lr_ratio": 0.5, "momentum": 0.8, "ns_steps": 3,
                              "nesterov": False, "rms_rate": None}),
    "muon polynomial": ("Muon", {"learning_rate": 0.1, "muon_a": 1.5, "muon_b": -0.5,
                                 "muon_c": 0.0, "ns_steps": 9, "adam_weight_decay": None,
                                 "clipnorm": 0.5}),
    "schedule-free": ("ScheduleFreeAdamW", {"learning_rate": 0.03}),
    "schedule-free options": ("ScheduleFreeAdamW", {"learning_rate": 0.1, "beta_1": 0.7,
                                                    "beta_2": 0.9, "epsilon": 0.1,
                                                    "warmup_steps": 7, "weight_decay": 0.1}),
}  # fmt: skip


def weights_after(name, options, start, gradients):
    options = dict(options)
    rate = options.get("learning_rate")
    if isinstance(rate, tuple):
        options["learning_rate"] = getattr(keras.optimizers.schedules, rate[0])(**rate[1])
    optimizer = getattr(keras.optimizers, name)(**options)
    variables = [keras.Variable(value, dtype="float64") for value in start]
    for step in range(UPDATES):
        optimizer.apply([keras.ops.convert_to_tensor(g[step]) for g in gradients], variables)
    if options.get("use_ema"):
        optimizer.finalize_variable_values(variables)
    return [np.asarray(v.value) for v in variables]


def main():
    keras.config.set_floatx("float64")
    rng = np.random.default_rng(7)
    start = [rng.normal(size=shape) for shape in SHAPES]
    gradients = [rng.normal(size=(UPDATES, *shape)) for shape in SHAPES]
    gradients[0][:, 0, 0] = 0.0  # a weight that never gets a gradient, as behind a dead ReLU
    arrays = {
        "versions": f"keras {keras.__version__}, jax {jax.__version__}, numpy {np.__version__}",
        "runs": json.dumps(RUNS),
    }
    for i, (w, g) in enumerate(zip(start, gradients, strict=True)):
        arrays[f"start/{i}"], arrays[f"gradient/{i}"] = w, g
    for run, (name, options) in RUNS.items():
        weights = weights_after(name, options, start, gradients)
        arrays[run] = np.concatenate([w.ravel() for w in weights])
    np.savez_compressed(Path(__file__).with_name("optimizers.npz"), **arrays)


if __name__ == "__main__":
    main()
