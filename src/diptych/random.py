"""Random numbers, drawn above the engines so that both use the same ones.

There is one global generator per process; `diptych.utils.set_random_seed(seed)` resets it. Every
function takes `seed`:
    None             the process's generator: new numbers at every call
    an integer       a generator of its own: the same numbers at every call
    SeedGenerator    its generator: new numbers at every call, the same sequence for the same seed
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import engine as _engine
from . import ops
from .generators import (
    check_seed,
    generator_of,
    global_generator,
    in_force,
    reset_global_generator,  # noqa: F401 - for `utils.seeds`
)
from .ops import nn
from .promotion import dtype_named
from .tensor import Tensor, Variable
from .trial import open_trial
from .utils import objects
from .utils.naming import suggest_attributes

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "global_generator",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


class SeedGenerator:
    """A sequence of random numbers with a seed of its own.

    `seed=None` draws a seed from the global generator, so that `set_random_seed` applies too.
    `.generator` is the np.random.Generator, `.seed` the integer it started from, and `.state` a
    variable with its place in the sequence.
    """

    def __init__(self, seed: Any = None, name: str | None = None) -> None:
        self.seed = draw_seed() if seed is None else check_seed(seed)
        self.name = name or "seed_generator"
        self._generator = np.random.default_rng(self.seed)
        self._state: SeedState | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What is copied: not the state's variable, which only shows the generator."""
        return {**vars(self), "_state": None}

    @property
    def state(self) -> SeedState:
        """The place in the sequence, as a variable: to keep it, and to come back to it."""
        if self._state is None:
            self._state = SeedState(self)
        return self._state

    def next(self, ordered: bool = True) -> Tensor:
        """Draw two numbers of 32 bits, from which another generator can be seeded, (2,) uint32.

        `ordered` is accepted for Keras's sake: the numbers always follow one another.
        """
        return Tensor(self.generator.integers(2**32, size=2, dtype=np.uint32))

    @property
    def generator(self) -> np.random.Generator:
        return in_force(self._generator)

    def reset(self) -> None:
        """Start the sequence again."""
        fresh, trial = np.random.default_rng(self.seed), open_trial.get()
        if trial is None:
            self._generator = fresh
        else:
            trial.restart(self._generator, fresh)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config)

    def __repr__(self) -> str:
        return f"<SeedGenerator seed={self.seed}>"


class SeedState(Variable):
    """The state of a `SeedGenerator` as a variable of ten words: 128 bits of its place in the
    sequence, 128 bits that choose the sequence, and what is left of a number drawn in halves.

    It always shows the generator's present state, and `assign` puts the generator there.
    """

    __slots__ = ("_owner",)

    def __init__(self, owner: SeedGenerator) -> None:
        self._owner = owner
        super().__init__(self.array, trainable=False, name="seed_generator_state")
        self.path = f"{owner.name}/{self.name}"

    def __reduce__(self) -> Any:
        return _state_of, (self._owner,)

    @property
    def array(self) -> np.ndarray:  # type: ignore[override]
        """A copy of the state, (10,) uint32."""
        state = self._owner.generator.bit_generator.state
        wide = [state["state"]["state"], state["state"]["inc"]]
        words = [number >> shift & 0xFFFFFFFF for number in wide for shift in range(0, 128, 32)]
        return np.array([*words, state["has_uint32"], state["uinteger"]], np.uint32)

    @array.setter
    def array(self, value: Any) -> None:
        words = [int(word) for word in np.asarray(value)]
        place, sequence = (
            sum(word << 32 * i for i, word in enumerate(part)) for part in (words[:4], words[4:8])
        )
        self._owner.generator.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": place, "inc": sequence},
            "has_uint32": words[8],
            "uinteger": words[9],
        }

    def assign(self, value: Any) -> SeedState:
        """Put the generator into this state; ValueError if the shapes differ."""
        value = np.asarray(value)
        if value.shape != self.shape:
            raise ValueError(
                f"The state of a SeedGenerator has shape {self.shape}; it cannot take a value of "
                f"shape {value.shape}."
            )
        self.array = value
        return self


def _state_of(owner: SeedGenerator) -> SeedState:
    return owner.state


objects.TABLES["random"] = {"SeedGenerator": SeedGenerator}


def draw_seed():
    """Draw a seed from the global generator."""
    return int(global_generator().integers(2**32))


# The functions below return arrays, for initializers and layers; the public functions wrap them.


def _drawn(draw, shape, dtype):
    """What NumPy's ``draw`` gives in this float type; float16 is drawn in float32."""
    if dtype == np.float16:
        return draw(shape, dtype=np.float32).astype(dtype)
    return draw(shape, dtype=dtype)


def draw_normal(generator, shape, mean, stddev, dtype):
    return _drawn(generator.standard_normal, shape, dtype) * dtype.type(stddev) + dtype.type(mean)


def draw_uniform(generator, shape, minval, maxval, dtype):
    low, high = dtype.type(minval), dtype.type(maxval)
    values = _drawn(generator.random, shape, dtype) * (high - low) + low
    # Rounding may lift a value onto maxval, which the half-open interval excludes.
    return np.minimum(values, np.nextafter(high, low)) if high > low else values


def draw_truncated_normal(generator, shape, mean, stddev, dtype):
    values = _drawn(generator.standard_normal, shape, dtype)
    flat = values.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2.0)
    while outside.size:
        flat[outside] = _drawn(generator.standard_normal, outside.size, dtype)
        outside = outside[np.abs(flat[outside]) > 2.0]
    return values * dtype.type(stddev) + dtype.type(mean)


def draw_dropout_mask(generator, shape, rate):
    """Draw a dropout mask: True (keep) with probability 1 - rate, for each entry.

    Each entry compares one random byte with 256 * rate; only if their integer parts are equal do 53
    more bits decide. So the probability is exact, and drawing is fast. The raw words of the bit
    generator are the same in every version of NumPy, and are read in little-endian order on every
    machine.
    """
    count = math.prod(shape)
    whole, rest = divmod(rate * 256, 1)
    if whole > 255:
        return np.zeros(shape, np.bool_)
    engine = _engine.current()
    if engine.name == "fast":
        steps, bits = engine.kernels.steps, generator.bit_generator
        if type(bits) is np.random.PCG64 and steps.can_draw(bits):
            return steps.draw_mask(bits, tuple(shape), rate)
        steps.numpy_draws()
    drawn = _raw_words(generator, (count + 7) // 8).astype("<u8", copy=False).view(np.uint8)[:count]
    mask = drawn >= np.uint8(whole)
    if rest:
        even = np.flatnonzero(drawn == np.uint8(whole))
        more = _raw_words(generator, even.size) >> np.uint64(11)
        mask[even] = more * 2.0**-53 >= rest
    return mask.reshape(shape)


class MaskDraw:
    """Draws dropout masks of one shape, with the generator that a seed generator has then."""

    def __init__(self, seed_generator: SeedGenerator, shape: tuple, rate: float) -> None:
        self.seed_generator = seed_generator
        self.shape = shape
        self.rate = rate

    def __call__(self) -> np.ndarray:
        return draw_dropout_mask(self.seed_generator.generator, self.shape, self.rate)


def _raw_words(generator, count):
    """``count`` words of 64 random bits."""
    bits = generator.bit_generator
    if isinstance(bits, np.random.MT19937):  # its words have 32
        return bits.random_raw(count) | bits.random_raw(count) << np.uint64(32)
    return bits.random_raw(count)


def normal(
    shape: int | Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Tensor:
    """Draw from the normal distribution with `mean` and standard deviation `stddev`.

    The result has the given ``shape`` and by default the configured float type. ``seed`` is an
    integer, a SeedGenerator, or None for the global one.
    """
    return Tensor(
        draw_normal(generator_of(seed), _shape(shape), mean, stddev, _float_type(dtype, "normal"))
    )


def uniform(
    shape: int | Sequence[int],
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Tensor:
    """Draw from the uniform distribution over [minval, maxval). For integers see `randint`.

    The result has the given ``shape`` and by default the configured float type. ``seed`` is an
    integer, a SeedGenerator, or None for the global one.
    """
    return Tensor(
        draw_uniform(
            generator_of(seed), _shape(shape), minval, maxval, _float_type(dtype, "uniform")
        )
    )


def truncated_normal(
    shape: int | Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Any = None,
) -> Tensor:
    """Draw from the normal distribution; values beyond two `stddev` of `mean` are drawn again.

    The result has the given ``shape`` and by default the configured float type.

    seed: a whole number or a ``SeedGenerator``; None draws from the global one.
    """
    dtype = _float_type(dtype, "truncated_normal")
    return Tensor(draw_truncated_normal(generator_of(seed), _shape(shape), mean, stddev, dtype))


def randint(
    shape: int | Sequence[int], minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None
) -> Tensor:
    """Draw integers from the uniform distribution over [minval, maxval).

    The result has the given ``shape``, to which both ends broadcast.

    seed: a whole number or a ``SeedGenerator``; None draws from the global one.
    """
    asked, dtype = dtype, dtype_named(dtype)
    if not np.issubdtype(dtype, np.integer):
        raise ValueError(
            f"randint() got dtype={asked!r}; expected an integer type (floats: uniform)"
        )
    return Tensor(generator_of(seed).integers(minval, maxval, size=_shape(shape), dtype=dtype))


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Draw class indices with probabilities softmax(logits).

    logits: (batch, classes), unnormalised log probabilities. Returns (batch, num_samples).

    seed: a whole number or a ``SeedGenerator``; None draws from the global one.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim != 2:
        raise ValueError(
            f"categorical() got logits of shape {logits.shape}; expected (batch, classes)"
        )
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    cumulative = np.cumsum(weights, axis=-1)
    cumulative /= cumulative[:, -1:]
    draws = generator_of(seed).random((len(logits), num_samples))
    samples = np.empty(draws.shape, dtype=dtype_named(dtype))
    for row, (steps, points) in enumerate(zip(cumulative, draws, strict=True)):
        samples[row] = np.searchsorted(steps, points, side="right")
    return Tensor(samples)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Tensor:
    """`x` with its entries along `axis` in random order; a gradient flows through it. The shape
    stays.

    seed: a whole number or a ``SeedGenerator``; None draws from the global one.
    """
    x = ops.convert_to_tensor(x)
    order = generator_of(seed).permutation(x.shape[axis])
    return ops.take(x, order, axis=axis)


def dropout_mask_shape(noise_shape: Sequence[int | None] | None, shape: tuple) -> tuple:
    """The shape of the dropout mask for inputs of this shape."""
    if noise_shape is None:
        return shape
    sizes = shape[max(0, len(shape) - len(noise_shape)) :]  # left out: one mask along these axes
    if len(noise_shape) > len(shape) or any(
        wanted not in (None, 1, size) for wanted, size in zip(noise_shape, sizes, strict=True)
    ):
        raise ValueError(
            f"The noise_shape {tuple(noise_shape)} of a dropout does not fit inputs of shape "
            f"{shape}: it needs one entry for each axis, the input's size (or None) or 1; leading "
            "axes may be left out."
        )
    return tuple(
        size if wanted is None else wanted for wanted, size in zip(noise_shape, sizes, strict=True)
    )


def dropout(
    inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None
) -> Tensor:
    """Set a fraction `rate` of `inputs` to zero at random and scale the rest by 1 / (1 - rate).

    noise_shape: the shape of the dropout mask, broadcast to `inputs`; None is the shape of
        `inputs`, and None in it the size of that axis.

    seed: a whole number or a ``SeedGenerator``; None draws from the global one.
    """
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"dropout() got rate={rate!r}; expected a number in [0, 1]")
    inputs = ops.convert_to_tensor(inputs)
    shape = dropout_mask_shape(noise_shape, inputs.shape)
    mask = draw_dropout_mask(generator_of(seed), shape, rate)
    return nn.drop(inputs, mask, rate if rate < 1 else 0.0)


def binomial(
    shape: int | Sequence[int], counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw how many of `counts` trials succeed, each with probability `probabilities`.

    The result has the given ``shape``, to which both broadcast.

    seed: a whole number or a ``SeedGenerator``; None draws from the global one.
    """
    counts, probabilities = _parameter(counts), _parameter(probabilities)
    draws = generator_of(seed).binomial(counts.astype(np.int64), probabilities, size=_shape(shape))
    return Tensor(draws.astype(_float_type(dtype, "binomial")))


def beta(
    shape: int | Sequence[int], alpha: Any, beta: Any, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw from the Beta distribution with parameters `alpha` and `beta`, both positive.

    The result has the given ``shape``, to which both broadcast.

    seed: a whole number or a ``SeedGenerator``; None draws from the global one.
    """
    draws = generator_of(seed).beta(_parameter(alpha), _parameter(beta), size=_shape(shape))
    return Tensor(draws.astype(_float_type(dtype, "beta")))


def gamma(shape: int | Sequence[int], alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw from the Gamma distribution with shape parameter `alpha` and scale 1.

    The result has the given ``shape``, to which ``alpha`` broadcasts.

    seed: a whole number or a ``SeedGenerator``; None draws from the global one.
    """
    draws = generator_of(seed).gamma(_parameter(alpha), size=_shape(shape))
    return Tensor(draws.astype(_float_type(dtype, "gamma")))


def _shape(shape):
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)


def _float_type(dtype, function):
    dtype = dtype_named(dtype)
    if dtype.kind != "f":
        raise ValueError(
            f"{function}() got dtype={dtype.name!r}; expected 'float16', 'float32' or 'float64'"
        )
    return dtype


def _parameter(value):
    return np.asarray(value, dtype=np.float64)


suggest_attributes(globals())


def __dir__() -> list[str]:
    return sorted(__all__)
