"""Write layer_dtypes.json with Keras: python -m tests.golden.make_layer_dtypes

Of every layer class below: for inputs of each dtype, the dtypes of the outputs for arrays and for
symbolic inputs, and the shapes of the outputs for symbolic inputs whose sizes are unknown;
"refused" where Keras raises an error. The layers have the arguments of make_configs.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

DTYPES = ("float32", "float64", "int32", "uint8", "bool")

# The shape of the input by class; several shapes are several inputs, in a list.
VECTORS, STEPS, IMAGES, VOLUMES = (2, 4), (2, 8, 6), (2, 8, 8, 3), (2, 8, 8, 8, 3)
SHAPES = {
    VECTORS: """
        Activation ActivityRegularization AlphaDropout BatchNormalization Dense Dropout ELU Flatten
        GaussianDropout GaussianNoise Identity LayerNormalization LeakyReLU PReLU RMSNormalization
        ReLU RepeatVector Rescaling Softmax SpectralNormalization UnitNormalization
        Discretization CategoryEncoding Embedding Normalization
    """,
    STEPS: """
        AdaptiveAveragePooling1D AdaptiveMaxPooling1D AveragePooling1D Bidirectional Conv1D
        Conv1DTranspose Cropping1D DepthwiseConv1D EinsumDense GRU GlobalAveragePooling1D
        GlobalMaxPooling1D LSTM Masking MaxPooling1D Permute RNN SeparableConv1D SimpleRNN
        SpatialDropout1D TimeDistributed UpSampling1D ZeroPadding1D
    """,
    IMAGES: """
        AdaptiveAveragePooling2D AdaptiveMaxPooling2D AveragePooling2D CenterCrop Conv2D
        Conv2DTranspose ConvLSTM1D Cropping2D DepthwiseConv2D GlobalAveragePooling2D
        GlobalMaxPooling2D GroupNormalization MaxPooling2D RandomCrop RandomFlip Resizing
        SeparableConv2D SpatialDropout2D UpSampling2D ZeroPadding2D RandomBrightness RandomContrast
        RandomRotation RandomTranslation RandomZoom
    """,
    VOLUMES: """
        AdaptiveAveragePooling3D AdaptiveMaxPooling3D AveragePooling3D Conv3D Conv3DTranspose
        ConvLSTM2D Cropping3D GlobalAveragePooling3D GlobalMaxPooling3D MaxPooling3D
        SpatialDropout3D UpSampling3D ZeroPadding3D
    """,
    (2, 6): "Reshape",
    (2, 8, 8, 8, 8, 3): "ConvLSTM3D",
    ((2, 4), (2, 4)): "Add Average Concatenate Dot Maximum Minimum Multiply Subtract",
    ((2, 8, 6), (2, 8, 6)): "Attention AdditiveAttention",
}
INPUTS = {name: shape for shape, names in SHAPES.items() for name in names.split()}
ARGUMENTS = {"GroupNormalization": "groups=1", "CategoryEncoding": "num_tokens=4"}


def make(layers, name):
    """A layer of that class."""
    from tests.golden.make_configs import make as with_arguments

    if name in ARGUMENTS:
        return eval(f"layers.{name}({ARGUMENTS[name]})", {"layers": layers})
    return with_arguments(layers, name)


def called(keras, name, dtype, kind):
    """What a new layer gives for inputs of a dtype: [[shape, dtype], ...], or "refused".

    kind: "array", "symbolic" (with an unknown batch) or "unknown" (all sizes but the last are).
    """
    import numpy as np

    shapes = INPUTS[name]
    several = isinstance(shapes[0], tuple)

    def one(shape):
        if kind == "array":
            return np.ones(shape, dtype)
        hidden = 1 if kind == "symbolic" else len(shape) - 1
        return keras.KerasTensor((*[None] * hidden, *shape[hidden:]), dtype)

    try:
        outputs = make(keras.layers, name)([one(s) for s in shapes] if several else one(shapes))
    except Exception:
        return "refused"
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [[list(y.shape), keras.backend.standardize_dtype(y.dtype)] for y in outputs]


def every(keras, name):
    """{kind: {dtype: what it gives}}"""
    kinds = ("array", "symbolic", "unknown")
    return {kind: {dtype: called(keras, name, dtype, kind) for dtype in DTYPES} for kind in kinds}


def main():
    import keras

    entries = {"keras": keras.__version__, **{name: every(keras, name) for name in sorted(INPUTS)}}
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()]
    path = Path(__file__).with_name("layer_dtypes.json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{path.name}: {len(entries)} layers")


if __name__ == "__main__":
    main()
