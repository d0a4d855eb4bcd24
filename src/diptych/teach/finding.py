"""Which twins something is made of: a name, a layer, an optimizer, a loss, an operation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .. import layers, losses, ops, optimizers
from ..layers.layer import Layer
from ..layers.structures import map_shapes
from ..losses import Loss
from ..operation import Operation
from ..optimizers import Optimizer
from ..tape import GradientTape, unrecorded
from ..trial import Trial
from ..utils.naming import snake_case, suggest
from .recording import name_of
from .sources import twins

# The pairs that classes of layers use, where their names do not say it.
_LAYERS: dict[str, tuple[str, ...]] = {
    "Dense": ("dense",),
    "EinsumDense": ("dense",),
    "Activation": ("relu", "sigmoid", "tanh", "softmax"),
    "ReLU": ("relu",),
    "LeakyReLU": ("leaky_relu",),
    "PReLU": ("prelu",),
    "ELU": ("elu",),
    "SeparableConv": ("depthwise_conv", "conv"),
    "ConvLSTM": ("conv",),
    "MaxPooling": ("max_pool",),
    "MaxPool": ("max_pool",),
    "AveragePooling": ("average_pool",),
    "AvgPool": ("average_pool",),
    "SpatialDropout": ("dropout",),
    "BatchNormalization": ("batch_normalization_training", "batch_normalization"),
    "MultiHeadAttention": ("dense", "dot_product_attention"),
    "GroupQueryAttention": ("dense", "dot_product_attention"),
    "GroupedQueryAttention": ("dense", "dot_product_attention"),
    "Attention": ("dot_product_attention",),
    "AdditiveAttention": ("tanh", "softmax", "matmul"),
    "ZeroPadding": ("zero_pad",),
    "Cropping": ("crop",),
    "UpSampling": ("upsample",),
    "Resizing": ("resize",),
    "RandomRotation": ("affine",),
    "RandomTranslation": ("affine",),
    "RandomZoom": ("affine",),
    "RandomShear": ("affine",),
    "SimpleRNNCell": ("dense", "matmul"),
    "LSTMCell": ("dense", "matmul"),
    "GRUCell": ("dense", "matmul"),
    "Dot": ("matmul",),
}
_OPTIMIZERS = {
    "SGD": ("sgd_update_", "momentum_update_"),
    "RMSprop": ("rmsprop_update_",),
    "AdamW": ("decay_weights_", "adam_update_"),
    "ScheduleFreeAdamW": ("schedule_free_adamw_update_",),
}
_AXES = re.compile(r"[123]d(?=_|$)")


def twins_of(what: Any) -> list[str]:
    """The names of the twins that something is made of, in order."""
    if isinstance(what, str):
        return _of_name(what)
    if isinstance(what, Optimizer):
        return _of_optimizer(type(what))
    if isinstance(what, Layer):
        return _of_layer(what)
    if isinstance(what, Loss):
        return _of_loss(what)
    if isinstance(what, type):
        for kind, find in ((Optimizer, _of_optimizer), (Layer, _of_class), (Loss, _of_loss)):
            if issubclass(what, kind):
                return find(what)
    name = getattr(what, "name", None) if isinstance(what, Operation) else None
    name = name or getattr(what, "__name__", None)
    if name is None:
        raise ValueError(
            "show() takes the name of a twin, a layer, an optimizer, a loss, a class of them, or a "
            f"function of diptych.ops; got {what!r:.60} of type {type(what).__name__}."
        )
    return _of_name(name)


def _of_name(name: str) -> list[str]:
    """A twin by its name, or both halves of a pair; without the family, and without 2d."""
    known = twins()
    short = _AXES.sub("", name.rpartition(".")[2].strip().lower().replace("pooling", "pool"))
    for one in (name, short):
        if one in known:
            return [one]
        found = _pair(one)
        if found:
            return found
    pairs = {twin.removesuffix("_forward").removesuffix("_update_"): twin for twin in known}
    made = _of_known_class(name)
    if made:
        return made
    raise ValueError(
        f"There is no twin {name!r}{suggest(short, [*known, *pairs]) or '.'} "
        "`diptych show --help` lists them."
    )


def _of_known_class(name: str) -> list[str]:
    """The twins of a class of layers, optimizers or losses by its name, such as "Conv2D"."""
    for module in (layers, optimizers, losses):
        for other in dir(module):
            cls = getattr(module, other)
            is_kind = isinstance(cls, type) and issubclass(cls, (Layer, Loss, Optimizer))
            if is_kind and name in (other, snake_case(other)):
                return twins_of(cls)
    return []


def _pair(name: str) -> list[str]:
    known = twins()
    several = [f"{name}_forward", f"{name}_backward"]
    one = f"{name}_update_"
    return [twin for twin in several if twin in known] or ([one] if one in known else [])


def _of_pairs(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(twin for name in names for twin in _pair(name)))


def _of_optimizer(cls: type) -> list[str]:
    for base in cls.__mro__:
        found = list(_OPTIMIZERS.get(base.__name__, ())) or _pair(snake_case(base.__name__))
        if found:
            return found
    raise ValueError(
        f"{cls.__name__} has no rule of its own in the engines: it is made of other optimizers, or "
        "its update_step uses operations."
    )


def _of_layer(layer: Layer) -> list[str]:
    """The twins that a layer's call uses; those of its class, if it cannot be tried."""
    shapes = layer._build_shapes
    if layer.built and shapes is not None:
        found = _tried(layer, shapes)
        if found:
            return found
    return _of_class(type(layer))


def _tried(layer: Layer, shapes: Any) -> list[str]:
    """The twins of a call on zeros."""

    def small(shape: Any) -> Any:
        return ops.zeros([2 if n is None else n for n in shape], layer.dtype)

    try:
        with Trial(), unrecorded(), GradientTape() as tape:
            inputs = map_shapes(small, shapes)
            tape.watch(inputs)
            layer(inputs)
    except (TypeError, ValueError):  # it takes something else
        return []
    return _of_pairs(name_of(record).rpartition(".")[2] for record in tape.records)


def _of_class(cls: type) -> list[str]:
    for base in cls.__mro__:
        name = re.sub(r"[123]D(?=$|Transpose)", "", base.__name__)
        name = re.sub("^(Global|Adaptive)", "", name)
        found = _of_pairs(_LAYERS.get(name, ())) or _pair(snake_case(name))
        if found:
            return found
    raise ValueError(
        f"{cls.__name__} has no twin of its own in the engines: it is made of operations of "
        "diptych.ops, or of other layers."
    )


def _of_loss(loss: Any) -> list[str]:
    function = getattr(loss, "fn", None)
    cls = loss if isinstance(loss, type) else type(loss)
    names = [
        getattr(function, "__name__", ""),
        *(snake_case(base.__name__) for base in cls.__mro__),
    ]
    for name in names:
        found = _pair(name) if name else []
        if found:
            return found
    raise ValueError(
        f"{cls.__name__} has no twin of its own in the engines: it is made of operations of "
        "diptych.ops."
    )
