"""Cases for the optimizer twins. Every list holds one array for each variable."""

import numpy as np

from tests.cases import Case

# A scalar, axes of size 1 and an empty variable are among the odd shapes.
SHAPES = {
    "one variable": [(5, 7)],
    "four variables": [(2, 3), (3,), (3, 1), (1,)],
    "odd shapes": [(1, 1, 3), (17,), (), (0, 4), (3, 1, 5)],
    "no variables": [],
    "several chunks": [(61, 173), (7,), (9001,), (4096,), (4097,)],
}
TABLES = [(700, 13), (300, 20), (5, 3), (3, 9001), (4, 2)]  # the last one has a whole gradient


def signed(rng, shapes):
    return [np.asarray(rng.normal(size=shape)) for shape in shapes]


def positive(rng, shapes):
    """Averages of squares and the like: they start at zero and stay above it."""
    return [np.asarray(rng.uniform(0.1, 2.0, size=shape)) for shape in shapes]


def some_rows(rng, shapes):
    """Gradients of tables as (rows, values); none, some and all of the rows have one."""
    gradients = signed(rng, shapes)
    for i, share in enumerate((0.3, 0.0, 1.0, 0.5)):
        rows = np.flatnonzero(rng.random(len(gradients[i])) < share)
        gradients[i] = (rows, gradients[i][rows])
    return gradients


def lists(shapes, **kinds):
    """A function of rng that makes one list of arrays for each name; None makes None."""
    return lambda rng: {n: kind and kind(rng, shapes) for n, kind in kinds.items()}


def cases(kinds, *options, shapes=SHAPES, one="four variables"):
    """Every set of shapes with the first options, and one set of shapes with each of the others.

    kinds says how to fill each list, options are the scalars; a list can be replaced in options.
    """
    table = [(label, given, options[0]) for label, given in shapes.items()]
    table += [(str(other), shapes[one], other) for other in options[1:]]
    return [case(label, shapes, kinds, chosen) for label, shapes, chosen in table]


def case(label, shapes, kinds, chosen):
    replaced = {name: chosen[name] for name in kinds if name in chosen}
    scalars = {name: value for name, value in chosen.items() if name not in kinds}
    make = lists(shapes, **{**kinds, **replaced})
    return Case(label, lambda rng: {**make(rng), **scalars})


UPDATE = {"variables": signed, "gradients": signed}
ADAM = {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}

# Each rule: how to fill its lists, and sets of options.
RULES = {
    "sgd_update_": (UPDATE, {"learning_rate": 0.01}, {"learning_rate": 0.0}),
    "momentum_update_": (
        {**UPDATE, "momentums": signed},
        {"learning_rate": 0.01, "momentum": 0.9, "nesterov": False},
        {"learning_rate": 0.2, "momentum": 0.5, "nesterov": True},
    ),
    "adagrad_update_": (
        {**UPDATE, "accumulators": positive},
        {"learning_rate": 0.01, "epsilon": 1e-7},
        {"learning_rate": 0.5, "epsilon": 0.1},
    ),
    "rmsprop_update_": (
        {**UPDATE, "velocities": positive, "average_gradients": None, "momentums": None},
        {"learning_rate": 0.01, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7},
        {"learning_rate": 0.01, "rho": 0.9, "momentum": 0.8, "epsilon": 1e-7, "momentums": signed},
        # Small averages: the variance v - a^2 stays well above zero.
        {
            "learning_rate": 0.01, "rho": 0.9, "momentum": 0.0, "epsilon": 1.0,
            "average_gradients": lambda rng, shapes: [0.2 * a for a in signed(rng, shapes)],
        },
        {
            "learning_rate": 0.2, "rho": 0.8, "momentum": 0.5, "epsilon": 1.0,
            "average_gradients": lambda rng, shapes: [0.2 * a for a in signed(rng, shapes)],
            "momentums": signed,
        },
    ),
    "adadelta_update_": (
        {**UPDATE, "accumulated_gradients": positive, "accumulated_deltas": positive},
        {"learning_rate": 0.01, "rho": 0.95, "epsilon": 1e-7},
        {"learning_rate": 1.0, "rho": 0.5, "epsilon": 0.1},
    ),
    "adam_update_": (
        {**UPDATE, "momentums": signed, "velocities": positive, "velocity_hats": None},
        {**ADAM, "step": 3},
        {**ADAM, "step": 3, "velocity_hats": positive},
        {"step": 1, "learning_rate": 0.3, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.1},
    ),
    "adamax_update_": (
        {**UPDATE, "momentums": signed, "norms": positive},
        {**ADAM, "step": 3},
        {"step": 1, "learning_rate": 0.3, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.1},
    ),
    "nadam_update_": (
        {**UPDATE, "momentums": signed, "velocities": positive},
        {**ADAM, "step": 1, "mu_product": 1.0},
        {**ADAM, "step": 1000, "mu_product": 1e-46},
        {"step": 5, "mu_product": 0.1, "learning_rate": 0.3, "beta_1": 0.5, "beta_2": 0.7,
         "epsilon": 0.1},
    ),
    "ftrl_update_": (
        {**UPDATE, "accumulators": positive, "linears": signed},
        {
            "learning_rate": 0.1, "learning_rate_power": -0.5, "l1_regularization_strength": 0.0,
            "l2_regularization_strength": 0.0, "l2_shrinkage_regularization_strength": 0.0,
            "beta": 0.0,
        },
        {
            "learning_rate": 0.1, "learning_rate_power": -0.5, "l1_regularization_strength": 0.4,
            "l2_regularization_strength": 0.3, "l2_shrinkage_regularization_strength": 0.2,
            "beta": 0.1,
        },
        {
            "learning_rate": 0.2, "learning_rate_power": -0.8, "l1_regularization_strength": 0.1,
            "l2_regularization_strength": 0.0, "l2_shrinkage_regularization_strength": 0.2,
            "beta": 0.5,
        },
    ),
    "schedule_free_adamw_update_": (
        {**UPDATE, "momentums": signed, "velocities": positive},
        {**ADAM, "step": 3},
        {"step": 1, "learning_rate": 0.3, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.1},
    ),
    "lion_update_": (
        {**UPDATE, "momentums": signed},
        {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.99},
        {"learning_rate": 0.3, "beta_1": 0.5, "beta_2": 0.7},
    ),
}  # fmt: skip

# What goes on around an update.
AROUND = {
    "decay_weights_": (
        {"variables": signed},
        {"learning_rate": 0.1, "weight_decay": 0.04},
        {"learning_rate": 0.5, "weight_decay": 0.1},
    ),
    "clip_by_value_": (
        {"clipped": signed, "gradients": signed}, {"limit": 0.5}, {"limit": 100.0}
    ),
    "clip_by_norm_": (
        {"clipped": signed, "gradients": signed}, {"limit": 0.5}, {"limit": 1.5}, {"limit": 1e6}
    ),
    "clip_by_global_norm_": (
        {"clipped": signed, "gradients": signed}, {"limit": 0.5}, {"limit": 1e6}
    ),
    "average_": (
        {"averages": signed, "variables": signed}, {"momentum": 0.99}, {"momentum": 0.0}
    ),
    "accumulate_": ({"accumulators": signed, "gradients": signed}, {}),
    "divide_": (
        {"quotients": signed, "gradients": signed}, {"divisor": 3.0}, {"divisor": 0.25}
    ),
}  # fmt: skip

CASES = {name: cases(*given) for name, given in {**RULES, **AROUND}.items()}
EXTRAS = {
    name: [case("rows of tables", TABLES, kinds, {**options, "gradients": some_rows})]
    for name, (kinds, options, *_) in RULES.items()
}
