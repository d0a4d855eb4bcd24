"""Write applications.npz with Keras: python -m tests.golden.make_applications

Of a member of each family: a line for each layer with its name, its kind, the shape of its output
and those of its weights; and of every network the number of its parameters.
"""

import os
from pathlib import Path

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")

SMALL = {"input_shape": (64, 64, 3), "classes": 7}
LARGER = {"input_shape": (80, 80, 3), "classes": 7}
MEMBERS = {
    "VGG16": {"include_top": False, "input_shape": (32, 32, 3), "pooling": "avg"},
    "ResNet50": SMALL,
    "ResNet50V2": SMALL,
    "MobileNet": {**SMALL, "alpha": 0.25, "depth_multiplier": 2},
    "MobileNetV2": {**SMALL, "alpha": 0.35},
    "MobileNetV3Small": SMALL,
    "MobileNetV3Large": {**SMALL, "alpha": 0.75, "minimalistic": True},
    "DenseNet121": {"include_top": False, "input_shape": (33, 50, 1), "pooling": "max"},
    "InceptionV3": LARGER,
    "InceptionResNetV2": {**LARGER, "include_top": False},
    "Xception": LARGER,
    "EfficientNetB0": {**SMALL, "input_shape": (65, 64, 3)},
    "EfficientNetV2B0": SMALL,
    "EfficientNetV2S": {"include_top": False, "include_preprocessing": False},
    "NASNetMobile": SMALL,
    "ConvNeXtTiny": {**SMALL, "include_top": False, "pooling": "avg"},
}


def lines(model):
    """The layers of a model, as texts."""
    for layer in model.layers:
        weights = [tuple(weight.shape) for weight in layer.weights]
        yield f"{layer.name} {type(layer).__name__} {tuple(layer.output.shape)} {weights}"


def main():
    import keras

    # the numbers are what counts here; drawing them takes longest
    keras.Variable._initialize_with_initializer = _zeros
    found = {}
    for name, arguments in MEMBERS.items():
        keras.utils.clear_session()
        model = getattr(keras.applications, name)(weights=None, **arguments)
        found[name] = "\n".join(lines(model))
    names = [name for name in dir(keras.applications) if name[0].isupper()]
    counts = []
    for name in names:
        keras.utils.clear_session()
        counts.append(getattr(keras.applications, name)(weights=None).count_params())
    found.update(names=names, counts=counts, version=keras.__version__)
    np.savez_compressed(Path(__file__).with_name("applications.npz"), **found)


def _zeros(variable, initializer):
    value = initializer(variable.shape, dtype=variable.dtype) if not variable.shape else None
    variable._initialize(np.zeros(variable.shape, variable.dtype) if value is None else value)


if __name__ == "__main__":
    main()
