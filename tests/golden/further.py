"""Recipes for further layers: pooling to a given size, spectrograms."""

import numpy as np

from .recipes import numbers, recipe

FIRST = {"data_format": "channels_first"}

# class, options, shape of the input without the batch
POOLING = [
    ("AdaptiveAveragePooling1D", {"output_size": 3}, (7, 2)),
    ("AdaptiveAveragePooling1D", {"output_size": (5,), **FIRST}, (2, 4)),
    ("AdaptiveAveragePooling2D", {"output_size": (3, 2)}, (7, 5, 2)),
    ("AdaptiveAveragePooling2D", {"output_size": 4, **FIRST}, (2, 6, 9)),
    ("AdaptiveAveragePooling3D", {"output_size": 2}, (3, 4, 5, 2)),
    ("AdaptiveMaxPooling1D", {"output_size": 3}, (7, 2)),
    ("AdaptiveMaxPooling2D", {"output_size": [3, 2]}, (7, 5, 2)),
    ("AdaptiveMaxPooling2D", {"output_size": 4, **FIRST}, (2, 6, 9)),
    ("AdaptiveMaxPooling3D", {"output_size": (2, 1, 3)}, (3, 4, 5, 2)),
]

FRAMES = {"frame_length": 8, "frame_step": 3}
SPECTROGRAMS = [
    ("STFTSpectrogram", FRAMES, (20, 1)),
    ("STFTSpectrogram", {"mode": "magnitude", "fft_length": 16, "frame_length": 10}, (32, 2)),
    ("STFTSpectrogram", {"mode": "psd", "scaling": "spectrum", "padding": "same", **FRAMES},
     (20, 2)),
    ("STFTSpectrogram", {"mode": "psd", **FRAMES, **FIRST}, (2, 20)),
    ("STFTSpectrogram", {"mode": "real", "window": "hamming", "periodic": True, **FRAMES}, (20, 2)),
    ("STFTSpectrogram", {"mode": "imag", "expand_dims": True, **FRAMES}, (20, 3)),
    ("STFTSpectrogram", {"mode": "stft", "scaling": None, "expand_dims": True, **FRAMES, **FIRST},
     (2, 20)),
    ("STFTSpectrogram", {"mode": "stft", **FRAMES}, (20, 2)),
    ("STFTSpectrogram", {"mode": "stft", **FRAMES, **FIRST}, (3, 20)),
    ("STFTSpectrogram", {"mode": "stft", "expand_dims": True, **FRAMES}, (20, 2)),
]  # fmt: skip
MEL = [
    {"fft_length": 64, "sequence_stride": 20, "num_mel_bins": 5},
    {"fft_length": 64, "sequence_length": 50, "sequence_stride": 16, "num_mel_bins": 7,
     "min_freq": 60.0, "max_freq": 3000.0, "sampling_rate": 8000, "power_to_db": False,
     "mag_exp": 1.0, "window": "hamming"},
    {"fft_length": 32, "sequence_stride": 8, "num_mel_bins": 4, "top_db": 6.0, "ref_power": 3.0},
]  # fmt: skip


def label(name, options):
    return "-".join([name, *(f"{key}={value}" for key, value in options.items())])


def with_gradient(kit, function, x):
    """function(x), and the gradient of a weighted sum of it."""
    y = kit.ops.convert_to_numpy(function(kit.ops.convert_to_tensor(x)))
    weight = numbers(7, *y.shape)
    return {"y": y, "dx": kit.gradient(lambda x: kit.ops.sum(function(x) * weight), x)}


def layer_values(kit, args):
    name, options, shape = args
    layer = getattr(kit.layers, name)(**options)
    return with_gradient(kit, layer, numbers(81, 2, *shape))


for _name, _options, _shape in [*POOLING, *SPECTROGRAMS]:
    recipe("further", label(_name, _options), _name, _options, _shape)(layer_values)


@recipe("further", "angle")
def angle(kit):
    """Where a part is 0, by rounding, the angle may be pi or -pi: there is no such place here."""
    layer = kit.layers.STFTSpectrogram("angle", window="hamming", **FRAMES)
    y = kit.ops.convert_to_numpy(layer(numbers(82, 2, 20, 1)))
    return {"cosines": np.cos(y), "sines": np.sin(y[..., 1:-1])}


def mel_values(kit, args):
    (options,) = args
    layer = kit.layers.MelSpectrogram(**options)
    x = numbers(83, 2, 200)
    made = {"of one": kit.ops.convert_to_numpy(layer(x[0]))}
    return {**made, **with_gradient(kit, layer, x)}


for _i, _options in enumerate(MEL):
    recipe("further", f"MelSpectrogram {_i}", _options)(mel_values)


@recipe("further", "mel weights")
def mel_weights(kit):
    layer = kit.layers.MelSpectrogram()
    return {
        "plain": kit.ops.convert_to_numpy(layer.linear_to_mel_weight_matrix()),
        "other": kit.ops.convert_to_numpy(
            layer.linear_to_mel_weight_matrix(12, 65, 16000, 60.0, 7000.0)
        ),
    }
