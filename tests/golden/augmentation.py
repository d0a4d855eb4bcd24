"""ImageDataGenerator with Keras's own text: images drawn, moved and normalized, in order.

    KERAS_BACKEND=jax python tests/golden/augmentation.py

writes augmentation.npz; that needs Keras 3, SciPy and Pillow. The test runs `made` with diptych.
"""

from pathlib import Path

import numpy as np

FILL_MODES = ("nearest", "constant", "reflect", "wrap")


def made(image):
    """{name: array} of the module keras.preprocessing.image, or of diptych's."""
    generator = image.ImageDataGenerator
    x = np.random.RandomState(0).rand(5, 6, 7, 3) * 255
    axes = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    found = {}
    for mode in FILL_MODES:
        moves = {"theta": 20, "tx": 1.5, "ty": -2, "shear": 10, "zx": 0.8, "zy": 1.2}
        one = x[0].astype("float32")
        found[f"moved, {mode}"] = image.apply_affine_transform(
            one, **moves, fill_mode=mode, cval=7.0, **axes
        )
    drawing = generator(
        rotation_range=20,
        width_shift_range=0.2,
        height_shift_range=2,
        shear_range=5,
        zoom_range=0.2,
        channel_shift_range=10,
        horizontal_flip=True,
        vertical_flip=True,
        brightness_range=(0.5, 1.5),
        rescale=1 / 255,
        validation_split=0.4,
    )
    batches = drawing.flow(x, np.arange(5), batch_size=2, seed=3)
    for i in range(4):
        found[f"batch {i}"], found[f"labels {i}"] = next(batches)
    part = drawing.flow(
        x, np.arange(5), batch_size=2, seed=3, subset="training", ignore_class_split=True
    )
    found["by number"], found["labels by number"] = part[1]
    listed = generator(width_shift_range=[-1, 2], zoom_range=(0.5, 0.7), fill_mode="constant")
    found["shifts of a list"] = next(listed.flow(x, batch_size=5, shuffle=False, seed=1))
    for name, options in (
        ("by features", {"featurewise_center": True, "featurewise_std_normalization": True}),
        ("rescaled", {"featurewise_center": True, "rescale": 1 / 255}),
        ("zca", {"zca_whitening": True, "featurewise_center": True}),
        ("by samples", {"samplewise_center": True, "samplewise_std_normalization": True}),
    ):
        fitted = generator(**options)
        fitted.fit(x)
        found[name] = fitted.flow(x, shuffle=False)[0]
    nearest = generator(rotation_range=40, zoom_range=0.3, interpolation_order=0)
    found["nearest pixels"] = next(nearest.flow(x, shuffle=False, seed=2))
    np.random.seed(6)
    one = x[1].astype("float32")
    found["random_rotation"] = image.random_rotation(one, 30, **axes)
    found["random_shift"] = image.random_shift(one, 0.3, 0.4, **axes, fill_mode="constant")
    found["random_shear"] = image.random_shear(one, 20, **axes, fill_mode="wrap", cval=3.0)
    found["random_zoom"] = image.random_zoom(one, (0.5, 1.5), **axes, interpolation_order=0)
    found["random_channel_shift"] = image.random_channel_shift(one, 50.0, 2)
    found["random_brightness"] = image.random_brightness(one / 2, (0.5, 1.5))
    found["darker"] = image.apply_brightness_shift(one - 100, 0.5, scale=False)
    return found


if __name__ == "__main__":
    from keras.src.legacy.preprocessing import image

    np.savez_compressed(Path(__file__).with_suffix(".npz"), **made(image))
