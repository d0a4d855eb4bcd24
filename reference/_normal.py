"""What the normalisations ask of the shapes, said once for both engines."""


def check_vectors(name, x, length=None, **vectors):
    """Raise ValueError unless x has an axis and each vector that is given has its length."""
    if x.ndim < 1:
        raise ValueError(f"{name}: x needs at least 1 axis, and is a single number")
    expected = x.shape[-1:] if length is None else (length,)
    for argument, vector in vectors.items():
        if vector is not None and vector.shape != expected:
            raise ValueError(
                f"{name}: {argument} needs shape {expected}, one number for each entry of the "
                f"last axis of x {x.shape}, and has shape {vector.shape}"
            )


def check_mask(name, x, mask):
    """Raise ValueError unless the mask has one number for each row of x."""
    if mask is not None and mask.shape != x.shape[:-1]:
        raise ValueError(
            f"{name}: mask needs shape {x.shape[:-1]}, one number for each row of x {x.shape}, and "
            f"has shape {mask.shape}"
        )


def check_groups(x, groups):
    """Raise ValueError unless x is (N, ..., C), C at least 1, and `groups` divides C."""
    if x.ndim < 2:
        raise ValueError(
            f"group_normalization: x needs at least 2 axes (samples, ..., channels), got {x.shape}"
        )
    channels = x.shape[-1]
    if channels < 1:
        raise ValueError(f"group_normalization: x {x.shape} has no channels that groups could hold")
    if groups < 1 or channels % groups:
        fitting = [n for n in range(1, channels + 1) if channels % n == 0]
        raise ValueError(
            f"group_normalization: {groups} groups do not divide {channels} channels; "
            f"{', '.join(map(str, fitting))} would"
        )


def check_cotangents(name, cotangents, results):
    """Raise ValueError unless each cotangent has the shape of its result; pairs of named arrays."""
    for (argument, given), (result, shape) in zip(cotangents.items(), results.items(), strict=True):
        if given.shape != shape:
            raise ValueError(
                f"{name}: {argument} needs the shape of {result}, {shape}, got {given.shape}"
            )
