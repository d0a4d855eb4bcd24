"""Python's operators and array methods for tensors, each defined by one operation."""

from ..graph import KerasTensor
from ..tensor import Tensor, Variable
from . import creation, elementwise, indexing, linalg, logic, ordering, reductions, shapes


def _binary(operation):
    return lambda self, other: operation(self, other)


def _reflected(operation):
    return lambda self, other: operation(other, self)


def _comparison(operation):
    def compare(self, other):
        if other is None or isinstance(other, str):
            return NotImplemented
        return operation(self, other)

    return compare


def _reshape(self, *newshape):
    """x.reshape(2, 3) and x.reshape((2, 3)), as in NumPy."""
    return shapes.reshape(self, newshape[0] if len(newshape) == 1 else newshape)


def _transpose(self, *axes):
    """x.transpose(), x.transpose(1, 0) and x.transpose((1, 0)), as in NumPy."""
    axes = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
    return shapes.transpose(self, axes or None)


def _astype(self, dtype, copy=True):
    """x.astype("float64"), as in NumPy; a cast to the dtype that x has makes no copy."""
    return creation.cast(self, dtype)


METHODS = {
    "__add__": _binary(elementwise.add),
    "__radd__": _reflected(elementwise.add),
    "__sub__": _binary(elementwise.subtract),
    "__rsub__": _reflected(elementwise.subtract),
    "__mul__": _binary(elementwise.multiply),
    "__rmul__": _reflected(elementwise.multiply),
    "__truediv__": _binary(elementwise.divide),
    "__rtruediv__": _reflected(elementwise.divide),
    "__floordiv__": _binary(elementwise.floor_divide),
    "__rfloordiv__": _reflected(elementwise.floor_divide),
    "__mod__": _binary(elementwise.mod),
    "__rmod__": _reflected(elementwise.mod),
    "__pow__": _binary(elementwise.power),
    "__rpow__": _reflected(elementwise.power),
    "__matmul__": _binary(linalg.matmul),
    "__rmatmul__": _reflected(linalg.matmul),
    "__and__": _binary(logic.bitwise_and),
    "__rand__": _reflected(logic.bitwise_and),
    "__or__": _binary(logic.bitwise_or),
    "__ror__": _reflected(logic.bitwise_or),
    "__xor__": _binary(logic.bitwise_xor),
    "__rxor__": _reflected(logic.bitwise_xor),
    "__invert__": lambda self: logic.bitwise_not(self),
    "__neg__": lambda self: elementwise.negative(self),
    "__pos__": creation.convert_to_tensor,
    "__abs__": lambda self: elementwise.absolute(self),
    "__round__": lambda self, decimals=None: elementwise.round(self, decimals or 0),
    "__eq__": _comparison(logic.equal),
    "__ne__": _comparison(logic.not_equal),
    "__lt__": _comparison(logic.less),
    "__le__": _comparison(logic.less_equal),
    "__gt__": _comparison(logic.greater),
    "__ge__": _comparison(logic.greater_equal),
    "__hash__": object.__hash__,
    "__getitem__": indexing.get_item,
    "T": property(shapes.transpose),
    "reshape": _reshape,
    "transpose": _transpose,
    "flatten": shapes.ravel,
    "ravel": shapes.ravel,
    "squeeze": shapes.squeeze,
    "astype": _astype,
    "copy": creation.copy,
    "sum": reductions.sum,
    "mean": reductions.mean,
    "prod": reductions.prod,
    "max": reductions.max,
    "min": reductions.min,
    "var": reductions.var,
    "std": reductions.std,
    "all": reductions.all,
    "any": reductions.any,
    "argmax": reductions.argmax,
    "argmin": reductions.argmin,
    "cumsum": ordering.cumsum,
    "round": elementwise.round,
    "clip": elementwise.clip,
    "dot": linalg.dot,
}

for _name, _method in METHODS.items():
    setattr(Tensor, _name, _method)
    if _name != "__eq__":  # symbolic tensors are equal by identity: `x in inputs` works
        setattr(KerasTensor, _name, _method)

Variable.value = property(creation.convert_to_tensor)  # type: ignore[assignment]
