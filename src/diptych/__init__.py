"""diptych: a neural network library with the Keras API, written twice.

Every operation exists twice: as a readable function in ``diptych.reference`` and as a compiled one
in ``diptych.fastcore``. ``engine="reference"`` or ``engine="fast"`` chooses which of the two a
model uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"  # the only place; RELEASING.md

if TYPE_CHECKING:
    from . import (
        activations,
        applications,
        autodiff,
        backend,
        callbacks,
        config,
        constraints,
        datasets,
        distillation,
        distribution,
        dtype_policies,
        engine,
        export,
        initializers,
        layers,
        legacy,
        losses,
        metrics,
        mixed_precision,
        models,
        ops,
        optimizers,
        preprocessing,
        random,
        regularizers,
        saving,
        tree,
        utils,
        visualization,
        wrappers,
    )
    from .compat import install_as_keras
    from .dtype_policies import DTypePolicy, FloatDTypePolicy
    from .graph import KerasTensor
    from .initializers import Initializer
    from .layers import Input, InputSpec, Layer
    from .layers.operation import Function, Operation
    from .losses import Loss
    from .metrics import Metric
    from .models import Model, Sequential
    from .optimizers import Optimizer
    from .regularizers import Regularizer
    from .scopes import RematScope, SymbolicScope, device, name_scope, remat
    from .stateless import StatelessScope
    from .tape import GradientTape
    from .teach import (
        Doctor,
        capture,
        compare_engines,
        diagnose,
        explain,
        explain_shapes,
        gradcheck,
        repeat_fit,
        show,
    )
    from .tensor import Tensor, Variable

# Everything is imported when it is first used, so that `import diptych` costs little more than
# NumPy.
_MODULES = frozenset(
    "activations applications autodiff backend callbacks config constraints datasets "
    "distillation distribution dtype_policies engine export initializers layers legacy losses "
    "metrics mixed_precision models ops optimizers preprocessing random regularizers saving teach "
    "tree utils visualization wrappers".split()
)
_HOMES = {
    "GradientTape": "tape",
    "Tensor": "ops.operators",  # which defines +, @ and x.sum() for it
    "Variable": "initializers",  # which defines names such as Variable("zeros", shape)
    "KerasTensor": "graph",
    "DTypePolicy": "dtype_policies",
    "FloatDTypePolicy": "dtype_policies",
    "StatelessScope": "stateless",
    "Function": "layers.operation",
    "Operation": "layers.operation",
    **dict.fromkeys("RematScope SymbolicScope device name_scope remat".split(), "scopes"),
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Sequential": "models",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    **dict.fromkeys(
        "Doctor capture compare_engines diagnose explain explain_shapes gradcheck repeat_fit "
        "show".split(),
        "teach",
    ),
    "install_as_keras": "compat",
}


# What Keras has in a module that here, on its floor, may not import what it is made of.
_LENT = {("utils", "FeatureSpace"): "models.feature_space"}


def lent(module: str, name: str) -> Any:
    """The value of a name that a higher floor lends to a module; None if it lends none."""
    home = _LENT.get((module, name))
    return home and getattr(import_module(f"{__name__}.{home}"), name)


def version() -> str:
    """Return diptych's version."""
    return __version__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = import_module(f"{__name__}.{name}")
    elif name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        from .utils.naming import no_attribute

        raise no_attribute("diptych", name, __dir__())
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, "__version__"})


__all__ = [
    "DTypePolicy",
    "Doctor",
    "FloatDTypePolicy",
    "Function",
    "GradientTape",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "StatelessScope",
    "SymbolicScope",
    "Tensor",
    "Variable",
    "activations",
    "applications",
    "autodiff",
    "backend",
    "callbacks",
    "capture",
    "compare_engines",
    "config",
    "constraints",
    "datasets",
    "device",
    "diagnose",
    "distillation",
    "distribution",
    "dtype_policies",
    "engine",
    "explain",
    "explain_shapes",
    "export",
    "gradcheck",
    "initializers",
    "install_as_keras",
    "layers",
    "legacy",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "remat",
    "repeat_fit",
    "saving",
    "show",
    "tree",
    "utils",
    "visualization",
    "version",
    "wrappers",
]
