"""Write configs.json with Keras: python -m tests.golden.make_configs [layer ...]

Of every layer class that diptych has as well: the config, whether it supports masking, and the
arguments of its constructor and of its call in their order. With names, those of these layers
alone, the rest of the file staying as it is: some layers of Keras need TensorFlow.
"""

import ast
import inspect
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

# What the constructors need, in Keras 3's words; all others need nothing.
ARGUMENTS = {
    "Activation": "'relu'",
    "ActivityRegularization": "0.1, 0.2",
    "AlphaDropout": "0.5",
    "Bidirectional": "layers.LSTM(4)",
    "CategoryEncoding": "num_tokens=4",
    "CenterCrop": "3, 4",
    "Dense": "4",
    "Discretization": "bin_boundaries=[0.0, 1.0]",
    "Dot": "axes=1",
    "Dropout": "0.5",
    "EinsumDense": "'abc,cd->abd', output_shape=(None, 4)",
    "Embedding": "5, 3",
    "GRU": "4",
    "GRUCell": "4",
    "GaussianDropout": "0.5",
    "GaussianNoise": "0.5",
    "GroupQueryAttention": "3, 2, 1",
    "Hashing": "num_bins=3",
    "InputLayer": "(3,)",
    "IntegerLookup": "vocabulary=[1, 2]",
    "LSTM": "4",
    "LSTMCell": "4",
    "MelSpectrogram": "fft_length=64, sequence_stride=16, num_mel_bins=4",
    "MultiHeadAttention": "2, 3",
    "Permute": "(2, 1)",
    "Pipeline": "[layers.Rescaling(2.0)]",
    "RNN": "layers.LSTMCell(4)",
    "RandomBrightness": "0.2",
    "RandomColorDegeneration": "0.2",
    "RandomColorJitter": "brightness_factor=0.2, hue_factor=0.1",
    "RandomContrast": "0.2",
    "RandomCrop": "3, 4, seed=1",
    "RandomHue": "0.2",
    "RandomPosterization": "4",
    "RandomRotation": "0.2",
    "RandomSaturation": "0.2",
    "RandomSharpness": "0.2",
    "RandomShear": "0.1, 0.2",
    "RandomTranslation": "0.2, 0.1",
    "RandomZoom": "0.2",
    "RepeatVector": "3",
    "Rescaling": "2.0",
    "Reshape": "(3, 2)",
    "Resizing": "3, 4",
    "ReversibleEmbedding": "5, 3",
    "STFTSpectrogram": "frame_length=4",
    "SimpleRNN": "4",
    "SimpleRNNCell": "4",
    "SpectralNormalization": "layers.Dense(4)",
    "StackedRNNCells": "[layers.LSTMCell(4), layers.GRUCell(3)]",
    "StringLookup": "vocabulary=['a', 'b']",
    "TextVectorization": "vocabulary=['a', 'b']",
    "TimeDistributed": "layers.Dense(4)",
    "Wrapper": "layers.Dense(4)",
}
for rank in (1, 2, 3):
    ARGUMENTS |= {
        f"AdaptiveAveragePooling{rank}D": "2",
        f"AdaptiveMaxPooling{rank}D": "2",
        f"AveragePooling{rank}D": "2",
        f"Conv{rank}D": "4, 3",
        f"Conv{rank}DTranspose": "4, 3",
        f"ConvLSTM{rank}D": "4, 3",
        f"DepthwiseConv{rank}D": "3",
        f"SeparableConv{rank}D": "4, 3",
        f"SpatialDropout{rank}D": "0.5",
    }
LEFT_OUT = {"Lambda"}  # its config holds compiled Python
EXPORTS = Path(__file__).parents[2] / "src" / "diptych" / "layers" / "__init__.py"


def names():
    """What diptych.layers exports; read, not imported: this Python may have Keras alone."""
    for node in ast.parse(EXPORTS.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            return sorted(ast.literal_eval(node.value))
    raise LookupError(f"{EXPORTS} has no __all__")


def make(layers, name):
    """A layer of that class."""
    return eval(f"layers.{name}({ARGUMENTS.get(name, '')})", {"layers": layers})


def arguments(function):
    """The names of what a method takes by position or by name, ``self`` aside."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return [p.name for p in parameters if p.kind not in kinds]


def main(wanted):
    import keras

    layers = keras.layers
    path = Path(__file__).with_name("configs.json")
    entries = json.loads(path.read_text(encoding="utf-8")) if wanted else {}
    entries["versions"] = {"keras": keras.__version__}
    for name in wanted or names():
        cls = getattr(layers, name, None)
        aliases = {"GroupedQueryAttention": "GroupQueryAttention"}
        own_name = aliases.get(getattr(cls, "__name__", None), getattr(cls, "__name__", None))
        is_layer = isinstance(cls, type) and issubclass(cls, layers.Layer)
        if is_layer and own_name == name and name not in LEFT_OUT:
            layer = make(layers, name)
            entries[name] = {
                "supports_masking": layer.supports_masking,
                "arguments": {"new": arguments(cls.__init__), "call": arguments(cls.call)},
                "layer": layers.serialize(layer),
            }
    versions = entries.pop("versions")
    ordered = {"versions": versions, **dict(sorted(entries.items()))}
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in ordered.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{path.name}: {len(entries)} layers")


if __name__ == "__main__":
    main(sys.argv[1:])
