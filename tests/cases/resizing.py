"""Arguments for padding, cropping, up-sampling, resizing and affine sampling."""

import numpy as np

from tests.cases import Case


def with_x(*shape, **options):
    return lambda rng: {"x": rng.normal(size=shape), **options}


def some_nan(*shape, **options):
    """NaN and infinities may spread only to the pixels that look at them."""

    def make(rng):
        x = rng.normal(size=shape)
        x.flat[[3, 11, 20]] = np.nan, np.inf, -np.inf
        return {"x": x, **options}

    return make


def turned(*shape, degrees=30.0, zoom=1.1, shift=(0.3, -0.7), rows=None, **options):
    """Images turned about their middle, each by another angle, by no means onto whole pixels."""

    def make(rng):
        count, height, width, _ = shape
        angles = np.deg2rad(degrees) * (1 + np.arange(count if rows is None else rows))
        cos, sin = zoom * np.cos(angles), zoom * np.sin(angles)
        y, x = (height - 1) / 2, (width - 1) / 2
        zeros = np.zeros_like(angles)
        transforms = [
            *(cos, -sin, x - cos * x + sin * y + shift[0]),
            *(sin, cos, y - sin * x - cos * y + shift[1]),
            *(zeros, zeros),
        ]
        return {
            "x": rng.normal(size=shape),
            "transforms": np.stack(transforms, axis=1).reshape(-1, 8),
            **options,
        }

    return make


def with_transform(*shape, transform, **options):
    return lambda rng: {"x": rng.normal(size=shape), "transforms": np.array([transform]), **options}


CASES = {
    "zero_pad_forward": [
        Case("one axis", with_x(2, 5, 3, padding=((1, 2),))),
        Case("two axes", with_x(3, 4, 5, 2, padding=((1, 2), (3, 0)))),
        Case("three axes", with_x(2, 3, 4, 2, 3, padding=((0, 1), (2, 1), (1, 3)))),
        Case("nothing", with_x(1, 3, 3, 1, padding=((0, 0), (0, 0)))),
        Case("one of everything", with_x(1, 1, 1, padding=((1, 1),))),
        Case("empty batch", with_x(0, 3, 2, 2, padding=((1, 1), (2, 2)))),
        Case("no pixels", with_x(2, 0, 3, 2, padding=((1, 1), (0, 2)))),
        Case("large", with_x(9, 61, 47, 33, padding=((2, 3), (5, 1)))),
    ],
    "crop_forward": [
        Case("one axis", with_x(2, 7, 3, cropping=((1, 2),))),
        Case("two axes", with_x(3, 6, 5, 2, cropping=((1, 2), (3, 0)))),
        Case("three axes", with_x(2, 3, 4, 5, 3, cropping=((0, 1), (2, 1), (1, 3)))),
        Case("nothing", with_x(1, 3, 3, 1, cropping=((0, 0), (0, 0)))),
        Case("to one pixel", with_x(1, 3, 1, cropping=((1, 1),))),
        Case("empty batch", with_x(0, 3, 5, 2, cropping=((1, 1), (2, 2)))),
        Case("large", with_x(9, 61, 47, 33, cropping=((2, 3), (5, 1)))),
    ],
    "upsample_forward": [
        Case("one axis", with_x(2, 5, 3, factors=(2,))),
        Case("two axes", with_x(3, 4, 5, 2, factors=(2, 3))),
        Case("three axes", with_x(2, 3, 4, 2, 3, factors=(2, 1, 3))),
        Case("one channel", with_x(2, 4, 7, 1, factors=(3, 2))),
        Case("by one", with_x(1, 3, 3, 1, factors=(1, 1))),
        Case("one of everything", with_x(1, 1, 1, factors=(4,))),
        Case("empty batch", with_x(0, 3, 5, 2, factors=(2, 2))),
        Case("no pixels", with_x(2, 0, 5, 2, factors=(2, 2))),
        Case("large", with_x(7, 31, 29, 17, factors=(2, 3))),
    ],
    "resize_forward": [
        Case("one axis", with_x(2, 5, 3, sizes=(8,))),
        Case("larger", with_x(2, 4, 5, 2, sizes=(7, 11), interpolation="bilinear")),
        Case("smaller", with_x(2, 9, 7, 5, sizes=(4, 3))),
        Case("smaller, antialias", with_x(2, 9, 7, 2, sizes=(4, 3), antialias=True)),
        Case("nearest", with_x(2, 4, 5, 3, sizes=(7, 3), interpolation="nearest")),
        Case(
            "nearest, three axes",
            with_x(2, 4, 5, 3, 2, sizes=(3, 2, 5), interpolation="nearest"),
        ),
        Case("bicubic", with_x(2, 4, 5, 1, sizes=(6, 9), interpolation="bicubic")),
        Case(
            "bicubic, antialias",
            with_x(1, 11, 9, 6, sizes=(6, 4), interpolation="bicubic", antialias=True),
        ),
        Case("lanczos3", with_x(1, 5, 4, 2, sizes=(8, 7), interpolation="lanczos3")),
        Case(
            "lanczos5, antialias",
            with_x(1, 13, 12, 3, sizes=(6, 14), interpolation="lanczos5", antialias=True),
        ),
        Case("three axes", with_x(2, 3, 4, 5, 2, sizes=(4, 4, 3))),
        Case("the last axis alone", with_x(2, 4, 5, 3, sizes=(4, 9))),
        Case("the first axis alone", with_x(2, 4, 5, 3, sizes=(9, 5))),
        Case("the same size", with_x(2, 4, 5, 3, sizes=(4, 5), interpolation="lanczos3")),
        Case("from one pixel", with_x(1, 1, 1, 1, sizes=(3, 2))),
        Case("to one pixel", with_x(1, 4, 3, 1, sizes=(1, 1))),
        Case("empty batch", with_x(0, 4, 3, 2, sizes=(5, 6))),
        Case("no channels", with_x(2, 4, 3, 0, sizes=(5, 6))),
        Case("not finite", some_nan(1, 5, 4, 2, sizes=(7, 7)), smooth=False),
        Case("large", with_x(5, 37, 41, 8, sizes=(64, 50))),
        Case("large, three channels", with_x(5, 67, 41, 3, sizes=(30, 60), antialias=True)),
    ],
    "affine_forward": [
        Case("turned", turned(2, 5, 7, 2)),
        Case("nearest", turned(2, 6, 5, 3, interpolation="nearest")),
        *[
            Case(f"{fill_mode}, {interpolation}", turned(
                3, 6, 5, 2, zoom=2.3, shift=(2.2, -11.4), interpolation=interpolation,
                fill_mode=fill_mode, fill_value=0.5,
            ))
            for fill_mode in ("constant", "nearest", "reflect", "wrap")
            for interpolation in ("bilinear", "nearest")
        ],
        Case("one transform for all", turned(3, 4, 5, 1, rows=1, fill_mode="nearest")),
        Case("as it was", with_transform(2, 4, 3, 2, transform=(1, 0, 0, 0, 1, 0, 0, 0.0))),
        Case(
            "in perspective",
            with_transform(
                1, 6, 7, 2, transform=(1.1, 0.2, -0.3, 0.1, 0.9, 0.4, 0.013, -0.021),
                fill_mode="reflect",
            ),
        ),
        Case(
            "through the horizon",
            with_transform(
                1, 6, 7, 2, transform=(1.1, 0.2, -0.3, 0.1, 0.9, 0.4, -0.25, 0.0),
                fill_mode="nearest", fill_value=-2.0,
            ),
        ),
        Case("one pixel", turned(1, 1, 1, 1, shift=(0.2, 0.3))),
        Case("empty batch", turned(0, 4, 3, 2)),
        Case("not finite", some_nan(
            1, 6, 5, 2, transforms=np.array([[1, 0.2, 0.1, -0.1, 1, 0.2, 0, 0]])), smooth=False),
        Case("large", turned(9, 31, 37, 5, fill_mode="reflect")),
    ],
}  # fmt: skip
