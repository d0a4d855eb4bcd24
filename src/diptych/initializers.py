"""First values of weights. An initializer is called with a shape and returns an array of floatx.

    kernel = GlorotUniform(seed=1)((64, 10))

`seed=None` draws a seed from the global generator when the initializer is made (see
`utils.set_random_seed`). An initializer gives the same values for the same shape at every call;
with a `SeedGenerator` as seed it gives new ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import random
from .legacy import old_attribute
from .promotion import dtype_named
from .tensor import Tensor, Variable
from .utils import objects

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFT",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]


class Initializer:
    """Base class: override `__call__(self, shape, dtype=None)`, and `get_config` if there are
    arguments.
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        raise NotImplementedError(
            f"{type(self).__name__} must implement __call__(self, shape, dtype=None)"
        )

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)

    def clone(self) -> Any:
        """A new initializer with the same arguments; with `seed=None` it gives other values."""
        return self.from_config(self.get_config())

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class Constant(Initializer):
    """Every weight is `value`: a number, or an array that broadcasts to the shape. In any shape."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.full(shape, self.value, dtype=dtype_named(dtype))

    def get_config(self) -> dict[str, Any]:
        value = self.value
        return {"value": value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value}


class Zeros(Initializer):
    """Every weight is 0: the usual start of biases."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.zeros(shape, dtype=dtype_named(dtype))


class Ones(Initializer):
    """Every weight is 1."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.ones(shape, dtype=dtype_named(dtype))


class Identity(Initializer):
    """`gain` times the identity matrix; the shape needs two axes."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(
                f"Identity got the shape {tuple(shape)}; expected two axes, (rows, columns)"
            )
        dtype = dtype_named(dtype)
        return np.eye(*shape, dtype=dtype) * dtype.type(self.gain)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


class _RandomInitializer(Initializer):
    """Stores `seed` as given, for the configuration, and the seed that is actually used."""

    def __init__(self, seed: Any = None) -> None:
        if isinstance(seed, dict):
            seed = objects.deserialize(
                seed, {"SeedGenerator": random.SeedGenerator}, "seed generator"
            )
        self._given_seed = seed
        if seed is None:
            seed = random.draw_seed()
        elif not isinstance(seed, random.SeedGenerator):
            seed = random.check_seed(seed, ", or a SeedGenerator")
        self.seed = seed

    def _generator(self):
        return random.generator_of(self.seed)

    def get_config(self) -> dict[str, Any]:
        seed = self._given_seed
        return {"seed": objects.serialize(seed) if isinstance(seed, random.SeedGenerator) else seed}


class RandomNormal(_RandomInitializer):
    """Normal distribution with `mean` and standard deviation `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return random.draw_normal(
            self._generator(), shape, self.mean, self.stddev, _float_type(dtype, self)
        )

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(_RandomInitializer):
    """Normal distribution in which values beyond two `stddev` of `mean` are drawn again."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        dtype = _float_type(dtype, self)
        return random.draw_truncated_normal(self._generator(), shape, self.mean, self.stddev, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class RandomUniform(_RandomInitializer):
    """Uniform distribution over [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return random.draw_uniform(
            self._generator(), shape, self.minval, self.maxval, _float_type(dtype, self)
        )

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


class VarianceScaling(_RandomInitializer):
    """Variance `scale / n`, so that signals keep their size from layer to layer.

    n is the number of inputs of a unit (mode 'fan_in'), of its outputs ('fan_out'), or their mean
    ('fan_avg').
    distribution: 'truncated_normal' (also 'normal'), 'untruncated_normal', or 'uniform' over
    [-limit, limit) with limit = sqrt(3 scale / n).
    input_axes, output_axes: the axes of the shape that count as inputs and outputs; None: see
        `compute_fans`.

    Source: Glorot & Bengio 2010, section 4.2.1; He et al. 2015, section 2.2.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        if not scale > 0.0:
            raise ValueError(f"VarianceScaling got scale={scale!r}; expected a positive number")
        distribution = {"normal": "truncated_normal"}.get(
            distribution.lower(), distribution.lower()
        )
        _check_choice("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        _check_choice(
            "distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform")
        )
        if (input_axes is None) != (output_axes is None):
            raise ValueError(
                "VarianceScaling needs input_axes and output_axes together, or neither"
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        dtype = _float_type(dtype, self)
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, fan)
        generator = self._generator()
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.draw_uniform(generator, shape, -limit, limit, dtype)
        if self.distribution == "untruncated_normal":
            return random.draw_normal(generator, shape, 0.0, math.sqrt(variance), dtype)
        stddev = math.sqrt(variance) / _TRUNCATED_STDDEV
        return random.draw_truncated_normal(generator, shape, 0.0, stddev, dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            **super().get_config(),
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


# Standard deviation of a unit normal distribution cut off at -2 and 2.
_TRUNCATED_STDDEV = 0.87962566103423978


class _NamedScaling(VarianceScaling):
    """A VarianceScaling with a name of its own: the class fixes scale, mode and distribution."""

    _scale: float
    _mode: str
    _distribution: str

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(
            self._scale,
            mode=self._mode,
            distribution=self._distribution,
            seed=seed,
            input_axes=input_axes,
            output_axes=output_axes,
        )

    def get_config(self) -> dict[str, Any]:
        names = ("seed", "input_axes", "output_axes")
        return {name: value for name, value in super().get_config().items() if name in names}


class GlorotUniform(_NamedScaling):
    """Uniform over [-limit, limit), limit = sqrt(6 / (fan_in + fan_out)). Source: Glorot & Bengio
    2010.
    """

    _scale, _mode, _distribution = 1.0, "fan_avg", "uniform"


class GlorotNormal(_NamedScaling):
    """Truncated normal of variance 2 / (fan_in + fan_out). Source: Glorot & Bengio 2010."""

    _scale, _mode, _distribution = 1.0, "fan_avg", "truncated_normal"


class HeUniform(_NamedScaling):
    """Uniform over [-limit, limit), limit = sqrt(6 / fan_in). Source: He et al. 2015."""

    _scale, _mode, _distribution = 2.0, "fan_in", "uniform"


class HeNormal(_NamedScaling):
    """Truncated normal of variance 2 / fan_in. Source: He et al. 2015."""

    _scale, _mode, _distribution = 2.0, "fan_in", "truncated_normal"


class LecunUniform(_NamedScaling):
    """Uniform over [-limit, limit), limit = sqrt(3 / fan_in). Source: Klambauer et al. 2017."""

    _scale, _mode, _distribution = 1.0, "fan_in", "uniform"


class LecunNormal(_NamedScaling):
    """Truncated normal of variance 1 / fan_in. Source: Klambauer et al. 2017."""

    _scale, _mode, _distribution = 1.0, "fan_in", "truncated_normal"


class Orthogonal(_RandomInitializer):
    """`gain` times a matrix whose rows or columns, whichever are fewer, are orthonormal.

    A shape of more than two axes is treated as a matrix: (product of all axes but the last, last
    axis).

    Source: Saxe et al. 2014.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal got the shape {tuple(shape)}; expected at least two axes")
        dtype = _float_type(dtype, self)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        draws = self._generator().standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(draws)
        # After multiplying by the signs of r's diagonal, q is uniform over all orthogonal matrices.
        q *= np.sign(np.diagonal(r))
        if rows < columns:
            q = q.T
        return (self.gain * q).reshape(shape).astype(dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, **super().get_config()}


# The weights of cos(2 pi k n / (N - 1)), k = 0, 1, ..., with alternating signs (Harris 1978, "On
# the use of windows for harmonic analysis with the discrete Fourier transform").
_COSINE_SUMS = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
_WINDOWS = (*_COSINE_SUMS, "bartlett")


def _window_named(name: str, points: int, periodic: bool) -> np.ndarray:
    """A window of so many points; a periodic one is the beginning of one that is a point longer."""
    if points == 1:
        return np.ones(1)
    length = points + bool(periodic)
    if name == "bartlett":
        return np.bartlett(length)[:points]
    angles = 2 * np.pi * np.arange(points) / (length - 1)
    weights = enumerate(_COSINE_SUMS[name])
    return sum((-1) ** k * weight * np.cos(k * angles) for k, weight in weights)


class STFT(Initializer):
    """The kernel of a Conv1D that computes a short-time Fourier transform: cos(2 pi k n / N), or
    -sin of it, times a window; shape (frame length, 1, N // 2 + 1).

    side: "real" or "imag": the real part of the transform, or the imaginary one.
    window: "hann", "hamming", "blackman", "nuttall", "blackmanharris", "flattop", "bartlett",
        "boxcar", the numbers of a window, or None.
    scaling: "density": divided by the root of the sum of the window's squares; "spectrum": by the
        sum of its absolute values; None: not.
    periodic: whether the window is periodic, as suits transforms, or else symmetric.
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        for name, value, choices in (
            ("side", side, ("real", "imag")),
            ("scaling", scaling, ("density", "spectrum", None)),
        ):
            if value not in choices:
                raise ValueError(f"STFT got {name}={value!r}; expected one of {choices}")
        if isinstance(window, str) and window not in _WINDOWS:
            raise ValueError(
                f"STFT got window={window!r}; expected one of {', '.join(_WINDOWS)}, the numbers "
                "of a window, or None"
            )
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        dtype = _float_type(dtype, self)
        length, channels, frequencies = shape
        if channels != 1:
            raise ValueError(f"STFT got the shape {tuple(shape)}; expected (length, 1, N // 2 + 1)")
        cycles = np.outer(np.arange(length), np.arange(frequencies)) / (2 * (frequencies - 1))
        kernel = np.cos(2 * np.pi * cycles) if self.side == "real" else -np.sin(2 * np.pi * cycles)
        if self.window is not None:
            kernel = kernel * self._window(length)[:, None]
        return kernel[:, None].astype(dtype)

    def _window(self, length: int) -> np.ndarray:
        """The window's numbers, scaled."""
        if isinstance(self.window, str):
            window = _window_named(self.window, length, self.periodic)
        else:
            window = np.asarray(self.window, np.float64)
        if window.shape != (length,):
            raise ValueError(
                f"STFT has a window of shape {window.shape}; the kernel has ({length},)"
            )
        if self.scaling == "density":
            return window / np.sqrt(np.sum(window**2))
        return window / np.sum(np.abs(window)) if self.scaling == "spectrum" else window

    def get_config(self) -> dict[str, Any]:
        names = ("side", "window", "scaling", "periodic")
        return {name: getattr(self, name) for name in names}


def compute_fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """How many inputs and outputs a unit has, from the shape of its weights: (fan_in, fan_out).

    (inputs, outputs) for a dense kernel; (..., channels, filters) for a convolution, where both
    fans are multiplied by the number of kernel positions. `input_axes` and `output_axes` name the
    axes explicitly.
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(
            shape[axis] for axis in output_axes
        )
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return int(shape[0]), int(shape[0])
    positions = math.prod(shape[:-2])
    return int(shape[-2] * positions), int(shape[-1] * positions)


def _float_type(dtype, initializer):
    dtype = dtype_named(dtype)
    if dtype.kind != "f":
        raise ValueError(
            f"{type(initializer).__name__} got dtype={dtype.name!r}; "
            "expected 'float16', 'float32' or 'float64'"
        )
    return dtype


def _check_choice(argument, value, choices):
    if value not in choices:
        names = ", ".join(map(repr, choices))
        raise ValueError(f"VarianceScaling got {argument}={value!r}; expected one of {names}")


constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFTInitializer = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

_REGISTRY = {
    **objects.names_of(
        [
            Constant,
            GlorotNormal,
            GlorotUniform,
            HeNormal,
            HeUniform,
            Identity,
            LecunNormal,
            LecunUniform,
            Ones,
            Orthogonal,
            RandomNormal,
            RandomUniform,
            STFT,
            TruncatedNormal,
            VarianceScaling,
            Zeros,
        ]
    ),
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
    "STFTInitializer": STFT,
    "normal": RandomNormal,
    "one": Ones,
    "uniform": RandomUniform,
    "zero": Zeros,
}
objects.TABLES["initializers"] = _REGISTRY


def get(identifier: Any) -> Any:
    """The initializer for a name, configuration, class, function or array; None stays None.

    An array or a tensor gives its own values, for a weight of its own shape only.

    Args:
        identifier: what stands for it.
    """
    if isinstance(identifier, Tensor):
        return _values_of(np.array(identifier.array))
    if isinstance(identifier, (np.ndarray, np.generic)):
        return _values_of(identifier)
    return objects.get(identifier, _REGISTRY, "initializer")


def serialize(initializer: Any) -> dict[str, Any] | None:
    """The configuration of an initializer, of plain Python values."""
    return objects.serialize(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer of a configuration made by `serialize`.

    Args:
        config: the configuration, or a name.
        custom_objects: classes and functions of your own, {name: it}.
    """
    return objects.deserialize(config, _REGISTRY, "initializer", custom_objects)


def _values_of(array):
    def initializer(shape, dtype=None):
        if tuple(shape) != array.shape:
            raise ValueError(
                f"the array given as initializer has the shape {array.shape}, "
                f"the weight has the shape {tuple(shape)}"
            )
        return np.array(array, dtype=dtype_named(dtype))

    return initializer


Variable.initializer_named = staticmethod(get)  # type: ignore[assignment, method-assign]


def __getattr__(name: str) -> Any:
    return old_attribute("initializers", name, globals())


def __dir__() -> list[str]:
    return sorted(__all__)
