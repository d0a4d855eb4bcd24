"""Arguments for the normalisations.

Where the variance is 0, epsilon alone keeps the result finite. There x_hat is 0, however the mean
was rounded, so those cases are whole numbers, of which sums are exact. A row of one entry is its
own mean, and its gradient exactly 0, which a rounded gamma dy inv would miss: there gamma is None,
and inv a power of two.
"""

import numpy as np

from tests.cases import Case


def vector(rng, length, given, center=0.0):
    return center + rng.normal(size=length) if given else None


def rows(shape, scale=1.0, shift=0.0, epsilon=1e-12):
    return lambda rng: {"x": shift + scale * rng.normal(size=shape), "epsilon": epsilon}


def rms(shape, gamma=True, epsilon=1e-6):
    def make(rng):
        x, gammas = rng.normal(size=shape), vector(rng, shape[-1], gamma, 1.0)
        return {"x": x, "gamma": gammas, "epsilon": epsilon}

    return make


def layer(shape, gamma=True, beta=True, shift=0.0, epsilon=1e-3):
    def make(rng):
        return {
            "x": shift + rng.normal(size=shape),
            "gamma": vector(rng, shape[-1], gamma, 1.0),
            "beta": vector(rng, shape[-1], beta),
            "epsilon": epsilon,
        }

    return make


def group(shape, groups, **options):
    return lambda rng: layer(shape, **options)(rng) | {"groups": groups}


def constant(value, make):
    """The same arguments with an x of one value."""

    def made(rng):
        arguments = make(rng)
        return arguments | {"x": np.full(arguments["x"].shape, value)}

    return made


def given(shape, gamma=True, beta=True, epsilon=1e-3):
    def make(rng):
        return {
            "x": rng.normal(size=shape),
            "mean": rng.normal(size=shape[-1]),
            "variance": rng.uniform(0.5, 2.0, size=shape[-1]),
            "gamma": vector(rng, shape[-1], gamma, 1.0),
            "beta": vector(rng, shape[-1], beta),
            "epsilon": epsilon,
        }

    return make


def batch(shape, mask=None, mask_type="f8", **options):
    """`mask`: the share of the rows that count, or None for no mask."""

    def make(rng):
        arguments = layer(shape, **options)(rng)
        drawn = rng.uniform(size=shape[:-1])
        return arguments | {"mask": None if mask is None else np.asarray(drawn < mask, mask_type)}

    return make


def one_channel_is_huge(rng):
    """Means far from 0: E[x^2] - E[x]^2 would leave nothing of the variance."""
    arguments = batch((300, 5), epsilon=1e-5)(rng)
    return arguments | {"x": arguments["x"] + np.array([0.0, 1e3, -1e4, 1.0, 3e4])}


CASES = {
    "unit_normalization_forward": [
        Case("batch 1", rows((1, 5))),
        Case("one of everything", rows((1, 1))),
        Case("a vector", rows((7,))),
        Case("odd sizes, rank 3", rows((3, 5, 19))),
        Case("short rows: the divisor is epsilon", rows((4, 6), scale=0.01, epsilon=0.5)),
        Case("some short rows", rows((9, 3), epsilon=1.5)),
        Case("rows of zeros", constant(0.0, rows((3, 4), epsilon=0.25))),
        Case("empty batch", rows((0, 4))),
        Case("threads", rows((900, 67))),
    ],
    "rms_normalization_forward": [
        Case("batch 1", rms((1, 5))),
        Case("one of everything", rms((1, 1), epsilon=0.3)),
        Case("a vector", rms((7,))),
        Case("no gamma", rms((5, 33), gamma=False)),
        Case("odd sizes, rank 3", rms((3, 5, 19), epsilon=0.1)),
        Case("zeros", constant(0.0, rms((3, 4), epsilon=0.25))),
        Case("empty batch", rms((0, 4))),
        Case("sums in chunks", rms((3000, 17))),
        Case("wide rows", rms((7, 2500))),
        Case("wide rows without gamma", rms((5, 2100), gamma=False)),
    ],
    "layer_normalization_forward": [
        Case("batch 1", layer((1, 5))),
        Case("one of everything", layer((1, 1), gamma=False)),
        Case("a vector", layer((7,))),
        Case("no gamma", layer((5, 33), gamma=False)),
        Case("no beta", layer((5, 16), beta=False)),
        Case("neither", layer((4, 31), gamma=False, beta=False, epsilon=0.1)),
        Case("odd sizes, rank 3", layer((3, 5, 19))),
        Case("axes of one", layer((2, 1, 3, 1), gamma=False)),
        Case("constant input", constant(3.0, layer((3, 4)))),
        Case("a large mean", layer((6, 40), shift=1e3)),
        Case("empty batch", layer((0, 4))),
        Case("sums in chunks", layer((3000, 17))),
        Case("typical width", layer((300, 128))),
        Case("wide rows", layer((70, 2500))),
        Case("wide rows, beta alone", layer((3, 2100), gamma=False)),
        Case("one very wide row", layer((1, 50001))),
    ],
    "group_normalization_forward": [
        Case("batch 1", group((1, 3, 4), 2)),
        Case("one of everything", group((1, 1), 1, gamma=False, epsilon=0.25)),
        Case("rank 2", group((5, 6), 3)),
        Case("layer: one group", group((3, 5, 6), 1)),
        Case("instance: a group for each channel", group((3, 7, 5), 5, epsilon=0.1)),
        Case("no gamma", group((2, 3, 3, 6), 3, gamma=False)),
        Case("no beta", group((2, 3, 3, 6), 2, beta=False)),
        Case("neither", group((4, 1, 6), 3, gamma=False, beta=False)),
        Case("odd sizes", group((3, 5, 7, 9), 3)),
        Case("many channels", group((2, 3, 300), 10)),
        Case("constant input", constant(2.0, group((3, 4, 4), 2))),
        Case("a large mean", group((3, 40, 6), 2, shift=1e3)),
        Case("empty batch", group((0, 3, 4), 2)),
        Case("no positions", group((2, 0, 4), 2)),
        Case("chunks within a sample", group((3, 21, 41, 32), 8)),
        Case("chunks, few channels", group((2, 5003, 6), 2)),
    ],
    "batch_normalization_forward": [
        Case("batch 1", given((1, 3))),
        Case("one of everything", given((1, 1))),
        Case("a vector", given((4,))),
        Case("no gamma", given((5, 3), gamma=False)),
        Case("no beta", given((5, 3), beta=False)),
        Case("neither", given((2, 5, 7), gamma=False, beta=False, epsilon=0.1)),
        Case("odd sizes, rank 4", given((3, 5, 7, 3))),
        Case("many channels", given((9, 300))),
        Case("empty batch", given((0, 4))),
        Case("no channels", given((3, 0))),
        Case("chunks", given((2003, 19))),
        Case("chunks, typical width", given((1100, 64))),
    ],
    "batch_normalization_training_forward": [
        Case("batch 1", batch((1, 3))),
        Case("one of everything", batch((1, 1))),
        Case("a vector", batch((4,))),
        Case("no gamma", batch((5, 3), gamma=False)),
        Case("no beta", batch((5, 3), beta=False)),
        Case("neither", batch((2, 5, 7), gamma=False, beta=False, epsilon=0.1)),
        Case("odd sizes, rank 4", batch((3, 5, 7, 3))),
        Case("axes of one", batch((5, 1, 1, 2))),
        Case("many channels", batch((9, 300))),
        Case("constant input", constant(3.0, batch((8, 4)))),
        Case("means far from 0", one_channel_is_huge),
        Case("empty batch", batch((0, 4))),
        Case("no channels", batch((3, 0))),
        Case("chunks", batch((2003, 19))),
        Case("chunks, typical width", batch((1100, 64))),
        Case("chunks, tiles", batch((500, 401))),
        Case("mask", batch((6, 5, 3), mask=0.6)),
        Case("mask of true and false", batch((6, 5, 3), mask=0.6, mask_type=bool)),
        Case("mask of whole numbers", batch((6, 5, 3), mask=0.6, mask_type="i8")),
        Case("mask, chunks", batch((40, 50, 11), mask=0.5)),
        Case("mask of one row", batch((1, 4), mask=2.0)),
        Case("mask, all true", batch((4, 5, 3), mask=2.0)),
        Case("mask, all false", batch((4, 5, 3), mask=-1.0)),
        Case("mask, empty batch", batch((0, 5, 3), mask=0.5)),
        Case("mask, no gamma, no beta", batch((7, 3), mask=0.5, gamma=False, beta=False)),
    ],
}


def relu_after(make, max_value=None):
    """The same arguments, without a mask, with a relu after the normalisation."""

    def made(rng):
        arguments = make(rng)
        arguments.pop("mask", None)
        return arguments | {"max_value": max_value}

    return made


EXTRAS = {
    "batch_normalization_relu_forward": [
        Case("batch 1", relu_after(given((1, 3)))),
        Case("no gamma, capped", relu_after(given((5, 3), gamma=False), 0.5)),
        Case("no beta", relu_after(given((5, 3), beta=False, epsilon=0.1))),
        Case("chunks", relu_after(given((2003, 19)), 1.0)),
        Case("tiles", relu_after(given((300, 401)))),
    ],
    "batch_normalization_training_relu_forward": [
        Case("batch 1", relu_after(batch((1, 3)), 0.5)),
        Case("no gamma", relu_after(batch((5, 3), gamma=False))),
        Case("no beta, capped", relu_after(batch((5, 3), beta=False), 0.7)),
        Case("neither", relu_after(batch((2, 5, 7), gamma=False, beta=False, epsilon=0.1))),
        Case("odd sizes, rank 4", relu_after(batch((3, 5, 7, 3)), 1.5)),
        Case("many channels", relu_after(batch((9, 300)))),
        Case("constant input: y is 0 to the bit", constant(3.0, relu_after(batch((8, 4)))), False),
        Case("empty batch", relu_after(batch((0, 4)))),
        Case("chunks", relu_after(batch((2003, 19)), 1.0)),
        Case("chunks, typical width", relu_after(batch((1100, 64)), 6.0)),
        Case("chunks, tiles", relu_after(batch((500, 401)), 0.3)),
        Case("lines and rows left over", relu_after(batch((1031, 50)))),
    ],
}
