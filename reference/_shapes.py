"""Shape arithmetic, and the refusal of shapes that do not fit, for both engines."""


def check_dense(x, kernel, bias):
    """Raise ValueError unless x (..., D), kernel (D, U) and bias (U,) or None fit together."""
    if len(x) < 2:
        raise ValueError(f"dense: x needs at least 2 axes (rows, ..., features), got shape {x}")
    if len(kernel) != 2:
        raise ValueError(f"dense: kernel needs 2 axes (features, units), got shape {kernel}")
    if x[-1] != kernel[0]:
        raise ValueError(
            f"dense: the last axis of x has {x[-1]} entries, but kernel expects {kernel[0]}: "
            f"x {x}, kernel {kernel}"
        )
    if bias is not None and bias != kernel[1:]:
        raise ValueError(f"dense: bias needs shape {kernel[1:]} for kernel {kernel}, got {bias}")


def matmul_shape(a, b):
    """Shape of np.matmul(a, b), given two shapes; ValueError where they do not fit."""
    if not a or not b:
        raise ValueError(f"matmul: both operands need at least 1 axis, got shapes {a} and {b}")
    rows, inner = (a[-2:-1], a[-1])
    inner_b, columns = (b[-2], b[-1:]) if len(b) > 1 else (b[0], ())
    if inner != inner_b:
        raise ValueError(
            f"matmul: the last axis of a ({inner}) and the "
            f"{'last but one' if len(b) > 1 else 'only'} axis of b ({inner_b}) differ: a {a}, b {b}"
        )
    return broadcast_axes(a, b) + rows + columns


def broadcast_axes(a, b):
    """The leading axes of a batched product: those of a and b but the last two, broadcast."""
    lead_a, lead_b = a[:-2], b[:-2]
    count = max(len(lead_a), len(lead_b))
    padded_a = (1,) * (count - len(lead_a)) + lead_a
    padded_b = (1,) * (count - len(lead_b)) + lead_b
    lead = []
    for m, n in zip(padded_a, padded_b, strict=True):
        if m != n and m != 1 and n != 1:
            raise ValueError(f"matmul: the leading axes of a {a} and b {b} do not broadcast")
        lead.append(n if m == 1 else m)
    return tuple(lead)


def check_cotangent(name, dy, y):
    """Raise ValueError unless dy has the shape of the result y."""
    if dy != y:
        raise ValueError(f"{name}: dy needs the shape of y, {y}, got {dy}")


def sum_to(gradient, shape):
    """Undo a broadcast: sum an array over the axes along which one of this shape was repeated."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    repeated = tuple(i for i, n in enumerate(shape) if n == 1 and gradient.shape[i] != 1)
    return gradient.sum(axis=repeated, keepdims=True)


def check_rounds(ns_steps):
    """Raise ValueError for a number of Newton-Schulz rounds that nobody can mean."""
    if not 0 <= ns_steps <= 100:
        raise ValueError(f"ns_steps must be from 0 to 100, 5 as a rule, but is {ns_steps}")
