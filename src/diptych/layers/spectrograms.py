"""Layers from sound to pictures of it: which frequencies are there, and when."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .. import config, ops
from ..initializers import STFT
from ..ops.convolution import conv_output_shape
from ..tensor import Tensor
from ..utils.windows import standardize_data_format
from .data_layer import DataLayer
from .layer import Layer
from .spec import InputSpec

MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(Layer):
    """The short-time Fourier transform of signals, as a convolution whose kernels can be trained.

    A frame of the signal, times a window, is multiplied with cosines (the real part) and with
    negative sines (the imaginary part) of F = fft_length // 2 + 1 frequencies.

    Input shape: (N, T, C), or (N, C, T) with "channels_first", floats. Output shape: (N, T', C F),
    or (N, C F, T'); with expand_dims (N, T', F, C), or (N, C, T', F). T' is that of a ``Conv1D``
    with frame_length, frame_step and the padding; mode="stft" has 2 F for F. Weights: real_kernel
    (unless mode="imag") and imag_kernel (unless mode="real"), (frame_length, 1, F).

    Args:
        mode: what becomes of the real part r and the imaginary part i: "magnitude" the root of
            r^2 + i^2, "log" its logarithm, "psd" r^2 + i^2, twice for all frequencies but the first
            and the last, "angle" arctan2(i, r), "real", "imag", or "stft", r and then i.
        frame_length: the length of a frame.
        frame_step: from one frame to the next; None: half a frame.
        fft_length: the length of the transform; None: the power of two from frame_length upwards.
        window: "hann", "hamming", another of ``initializers.STFT``, its numbers, or None.
        periodic: whether the window is periodic, or else symmetric.
        scaling: "density", "spectrum" or None, as in ``initializers.STFT``.
        padding: "valid", or "same" (zeros around, so that T' is T / frame_step).
        expand_dims: whether frequencies get an axis of their own, as images for ``Conv2D``.
        data_format: "channels_last" or "channels_first"; None: as configured.

    Raises:
        TypeError: the input holds no floats.
        ValueError: an argument is not one of those above.
    """

    pure = True

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        if frame_length < 2:
            raise ValueError(
                f"STFTSpectrogram needs a frame_length of at least 2; got {frame_length!r}."
            )
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ValueError(
                "STFTSpectrogram needs a frame_step from 1 up to the frame_length of "
                f"{frame_length}; got {frame_step!r}."
            )
        if fft_length is not None and fft_length < frame_length:
            raise ValueError(
                f"STFTSpectrogram needs a fft_length of at least the frame_length of "
                f"{frame_length}; got {fft_length!r}."
            )
        if fft_length is not None and fft_length & (fft_length - 1):
            warnings.warn(
                f"STFTSpectrogram has fft_length={fft_length}: a power of two is recommended.",
                stacklevel=2,
            )
        for word, value, allowed in (
            ("mode", mode, MODES),
            ("scaling", scaling, ("density", "spectrum", None)),
            ("padding", padding, ("valid", "same")),
        ):
            if value not in allowed:
                raise ValueError(
                    f"STFTSpectrogram needs {word} as one of {', '.join(map(repr, allowed))}; got "
                    f"{value!r}."
                )
        super().__init__(**kwargs)
        self.mode = mode
        self.frame_length = frame_length
        self.frame_step = frame_step
        self._frame_step = frame_step or frame_length // 2
        self.fft_length = fft_length
        self._fft_length = fft_length or 2 ** math.ceil(math.log2(frame_length))
        self.window = window if window is None or isinstance(window, str) else _numbers(window)
        self.periodic = periodic
        self.scaling = scaling
        self.padding = padding
        self.expand_dims = expand_dims
        self.data_format = standardize_data_format(data_format, "STFTSpectrogram")
        self._initializers = [
            STFT(side, self.window, scaling, periodic) for side in ("real", "imag")
        ]
        self.input_spec = InputSpec(ndim=3)

    @property
    def _frequencies(self) -> int:
        return self._fft_length // 2 + 1

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def build(self, input_shape: Any) -> None:
        if input_shape[self._channel_axis] is None:
            raise ValueError(
                f"Layer {self.name!r} (STFTSpectrogram) needs to know the number of channels of "
                f"its input, whose shape is {tuple(input_shape)}."
            )
        shape = (self.frame_length, 1, self._frequencies)
        real, imaginary = self._initializers
        if self.mode != "imag":
            self.real_kernel = self.add_weight(name="real_kernel", shape=shape, initializer=real)
        if self.mode != "real":
            self.imag_kernel = self.add_weight(
                name="imag_kernel", shape=shape, initializer=imaginary
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        if "float" not in str(inputs.dtype):
            raise TypeError(
                f"Layer {self.name!r} (STFTSpectrogram) needs a signal of floats; got "
                f"{inputs.dtype}. Convert it, x.astype('float32'), and scale it, as from -1 to 1."
            )
        self.compute_output_shape(inputs.shape)  # raises an error if it is too short
        if self.mode == "real":
            return self._arranged(self._transformed(inputs, self.real_kernel))
        if self.mode == "imag":
            return self._arranged(self._transformed(inputs, self.imag_kernel))
        real = self._transformed(inputs, self.real_kernel)
        imaginary = self._transformed(inputs, self.imag_kernel)
        if self.mode == "angle":
            return self._arranged(ops.arctan2(imaginary, real))
        if self.mode == "stft":
            return self._arranged(real, imaginary)
        power = ops.add(ops.square(real), ops.square(imaginary))
        if self.mode == "psd":
            return self._arranged(ops.multiply(power, self._sides(inputs)))
        magnitude = ops.sqrt(ops.maximum(power, config.epsilon()))
        if self.mode == "log":
            magnitude = ops.log(ops.maximum(magnitude, config.epsilon()))
        return self._arranged(magnitude)

    def _transformed(self, inputs: Any, kernel: Any) -> Any:
        """The frames of each channel times the kernel: channels C F, those of a signal together."""
        channels = inputs.shape[self._channel_axis]
        kernel = ops.tile(ops.cast(kernel, inputs.dtype), (1, 1, channels))
        return ops.conv(inputs, kernel, self._frame_step, self.padding, self.data_format)

    def _sides(self, inputs: Any) -> np.ndarray:
        """How often each frequency occurs in the whole transform, whose second half mirrors it."""
        counts = np.full(self._frequencies, 2.0, inputs.dtype)
        counts[0] = counts[-1] = 1
        counts = np.tile(counts, inputs.shape[self._channel_axis])
        return counts if self.data_format == "channels_last" else counts[:, None]

    def _arranged(self, *parts: Any) -> Any:
        """The output: of each signal the frequencies of all parts, one part after the other."""
        axis = self._channel_axis
        signals = parts[0].shape[axis] // self._frequencies
        if len(parts) == 1 and not self.expand_dims:
            return parts[0]
        split = [ops.split(part, signals, axis) for part in parts]
        together = [ops.concatenate(list(of_one), axis) for of_one in zip(*split, strict=True)]
        if not self.expand_dims:
            return ops.concatenate(together, axis)
        if axis == 1:
            together = [ops.swapaxes(one, 1, 2) for one in together]
        return ops.stack(together, axis)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        channels = input_shape[self._channel_axis]
        frequencies = self._frequencies * (2 if self.mode == "stft" else 1)
        many = None if channels is None else frequencies * channels
        window = (self.frame_length, channels, many)
        options = (self._frame_step,), self.padding, self.data_format, (1,)
        owner = f"Layer {self.name!r} (STFTSpectrogram)"
        shape = conv_output_shape(owner, tuple(input_shape), many, window, *options)
        if not self.expand_dims:
            return shape
        if self.data_format == "channels_last":
            return (shape[0], shape[1], frequencies, channels)
        return (shape[0], channels, shape[2], frequencies)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "mode": self.mode,
            "frame_length": self.frame_length,
            "frame_step": self.frame_step,
            "fft_length": self.fft_length,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
            "padding": self.padding,
            "data_format": self.data_format,
            "expand_dims": self.expand_dims,
        }


def _numbers(window: Any) -> list:
    """The numbers of a window as a list, for a configuration."""
    return np.asarray(ops.convert_to_numpy(window)).tolist()


class MelSpectrogram(DataLayer):
    """The loudness of signals in bands that are as wide as an ear hears them, over time.

    The powers of the short-time Fourier transform (``ops.stft``) are added up in ``num_mel_bins``
    triangles, equally far from each other on the mel scale, 1127 ln(1 + f / 700) for the frequency
    f in hertz (that of the Hidden Markov Model Toolkit, HTK).

    Input shape: (N, T), or (T,) for a single signal. Output shape: (N, num_mel_bins, T'), or
    (num_mel_bins, T'), where T' = T // sequence_stride + 1. Dtype: the layer's.

    Args:
        fft_length: the length of the transform.
        sequence_stride: from one frame to the next.
        sequence_length: the length of a frame; None: fft_length.
        window: "hann", "hamming", its numbers, or None.
        sampling_rate: how many numbers of the signal there are per second.
        num_mel_bins: how many bands there are.
        min_freq: where the lowest band begins, in hertz.
        max_freq: where the highest band ends; None: sampling_rate / 2.
        power_to_db: whether the powers become decibels, 10 log10(power / ref_power).
        top_db: decibels that lie further below the loudest one of the batch are raised to there.
        mag_exp: the exponent of the magnitudes: 1 for magnitudes, 2 for powers.
        min_power: powers below it count as it.
        ref_power: the power that is 0 decibels.
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = fft_length
        self.sequence_stride = sequence_stride
        self.sequence_length = sequence_length or fft_length
        if self.fft_length < self.sequence_length:
            raise ValueError(
                "MelSpectrogram needs a fft_length of at least the sequence_length of "
                f"{self.sequence_length}; got {fft_length!r}."
            )
        self.window = window if window is None or isinstance(window, str) else _numbers(window)
        self.sampling_rate = sampling_rate
        self.num_mel_bins = num_mel_bins
        self.min_freq = min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power

    def call(self, inputs: Any) -> Any:
        real, imaginary = ops.stft(
            ops.cast(inputs, self.dtype),
            self.sequence_length,
            self.sequence_stride,
            self.fft_length,
            self.window,
        )
        magnitude = ops.sqrt(ops.add(ops.square(real), ops.square(imaginary)))
        weights = self.linear_to_mel_weight_matrix(
            self.num_mel_bins,
            magnitude.shape[-1],
            self.sampling_rate,
            self.min_freq,
            self.max_freq,
            self.dtype,
        )
        bands = ops.matmul(ops.power(magnitude, self.mag_exp), weights)
        if self.power_to_db:
            bands = self._decibels(bands)
        return ops.swapaxes(bands, -1, -2)

    def _decibels(self, power: Any) -> Any:
        reference = max(abs(self.ref_power), self.min_power)
        decibels = ops.multiply(10.0, ops.log10(ops.maximum(power, self.min_power)))
        decibels = ops.subtract(decibels, 10 * math.log10(reference))
        loudest = ops.max(decibels, initial=-np.inf)  # also of an empty batch
        return ops.maximum(decibels, ops.subtract(loudest, self.top_db))

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> Any:
        """The weights (num_spectrogram_bins, num_mel_bins) with which frequencies from 0 to
        sampling_rate / 2 count in each band: triangles of height 1 on the mel scale, which begin
        and end in the middle of their neighbours. The frequency 0 counts nowhere, as in HTK.
        """
        hertz = np.linspace(0, sampling_rate / 2, num_spectrogram_bins)
        lowest, highest = _mel(lower_edge_hertz), _mel(upper_edge_hertz)
        edges = np.linspace(lowest, highest, num_mel_bins + 2)
        mel, (left, middle, right) = _mel(hertz)[:, None], (edges[:-2], edges[1:-1], edges[2:])
        rising, falling = (mel - left) / (middle - left), (right - mel) / (right - middle)
        weights = np.maximum(0, np.minimum(rising, falling))
        weights[0] = 0
        return Tensor(weights.astype(dtype))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        *rows, length = input_shape
        if length is not None:
            length += 2 * (self.fft_length // 2) - self.fft_length  # ops.stft reflects the ends
            length = length // self.sequence_stride + 1
        return (*rows, self.num_mel_bins, length)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fft_length": self.fft_length,
            "sequence_stride": self.sequence_stride,
            "sequence_length": self.sequence_length,
            "window": self.window,
            "sampling_rate": self.sampling_rate,
            "num_mel_bins": self.num_mel_bins,
            "min_freq": self.min_freq,
            "max_freq": self.max_freq,
            "power_to_db": self.power_to_db,
            "top_db": self.top_db,
            "mag_exp": self.mag_exp,
            "min_power": self.min_power,
            "ref_power": self.ref_power,
        }


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


__all__ = ["MelSpectrogram", "STFTSpectrogram"]
