"""Learning rates that change with the number of updates.

    schedule = ExponentialDecay(0.1, decay_steps=1000, decay_rate=0.5)
    schedule(1000)                  # 0.05
    schedule(np.arange(5000))       # an array, for plotting
    optimizer = SGD(learning_rate=schedule)

In the equations s is the step and r0 the initial learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..utils import objects

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


class LearningRateSchedule:
    """Base class: override ``__call__(self, step)``, which returns a float, and ``get_config``."""

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} must implement __call__(self, step) and return a learning rate."
        )

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError(
            f"{type(self).__name__} must implement get_config(self) to be saved: "
            "the arguments of its constructor, in a dict."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class _Formula(LearningRateSchedule):
    """A schedule defined by ``_at(step)`` for floats."""

    # The constructor arguments, which are attributes of the same names.
    _arguments: tuple[str, ...] = ()

    def __call__(self, step: Any) -> Any:
        if np.ndim(step) == 0:
            return self._at(float(step))
        steps = np.asarray(step, dtype=np.float64)
        return np.array([self._at(s) for s in steps.ravel().tolist()]).reshape(steps.shape)

    def _at(self, step: float) -> float:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._arguments}


class ExponentialDecay(_Formula):
    """r0 decay_rate^(s / decay_steps): multiplied by ``decay_rate`` every ``decay_steps`` updates.

    ``staircase=True`` rounds s / decay_steps down, so that the rate falls in steps.

    ``initial_learning_rate`` is r0.
    """

    _arguments = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def _at(self, step: float) -> float:
        periods = step / self.decay_steps
        if self.staircase:
            periods = math.floor(periods)
        return self.initial_learning_rate * self.decay_rate**periods


class InverseTimeDecay(_Formula):
    """r0 / (1 + decay_rate s / decay_steps).

    With ``decay_steps=1`` this equals ``decay=`` of old optimizers. ``staircase=True`` rounds s /
    decay_steps down.

    ``initial_learning_rate`` is r0.
    """

    _arguments = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def _at(self, step: float) -> float:
        periods = step / self.decay_steps
        if self.staircase:
            periods = math.floor(periods)
        return self.initial_learning_rate / (1 + self.decay_rate * periods)


class PiecewiseConstantDecay(_Formula):
    """``values[0]`` up to and including step ``boundaries[0]``, then ``values[1]``, and so on."""

    _arguments = ("boundaries", "values", "name")

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        if len(values) != len(boundaries) + 1:
            raise ValueError(
                "PiecewiseConstantDecay needs one value more than boundaries, one before each and "
                f"one after the last. Received {len(boundaries)} boundaries {list(boundaries)} and "
                f"{len(values)} values {list(values)}."
            )
        if any(a >= b for a, b in zip(boundaries[:-1], boundaries[1:], strict=True)):
            raise ValueError(f"boundaries must increase. Received {list(boundaries)}.")
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def _at(self, step: float) -> float:
        return float(self.values[sum(step > boundary for boundary in self.boundaries)])


class PolynomialDecay(_Formula):
    """From r0 to ``end_learning_rate`` r1 in ``decay_steps`` updates n, then constant.

        (r0 - r1) (1 - s / n)^power + r1

    ``cycle=True`` continues beyond n with the next multiple of ``decay_steps`` as n.

    ``initial_learning_rate`` is r0.
    """

    _arguments = (
        "initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name",
    )  # fmt: skip

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def _at(self, step: float) -> float:
        end = self.decay_steps
        if self.cycle:
            end = end * max(1, math.ceil(step / end))
        left = 1 - min(step, end) / end
        span = self.initial_learning_rate - self.end_learning_rate
        return span * left**self.power + self.end_learning_rate


class CosineDecay(_Formula):
    """Half a cosine wave from r0 down to ``alpha`` r0 in ``decay_steps`` updates n, then constant.

        r0 ((1 - alpha) (1 + cos(pi s / n)) / 2 + alpha)

    With a ``warmup_target``, the rate first rises linearly from r0 to that target in
    ``warmup_steps`` updates; the wave then begins at the target.
    Source: Loshchilov and Hutter 2017.

    ``initial_learning_rate`` is r0.
    """

    _arguments = (
        "initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps",
    )  # fmt: skip

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def _at(self, step: float) -> float:
        peak = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return peak + (self.warmup_target - peak) * step / self.warmup_steps
            step -= self.warmup_steps
            peak = self.warmup_target
        return peak * _cosine(min(step, self.decay_steps) / self.decay_steps, 1.0, self.alpha)


class CosineDecayRestarts(_Formula):
    """Cosine decay that starts again and again.

    The first wave takes ``first_decay_steps`` updates; each one after it is ``t_mul`` times as long
    and begins ``m_mul`` times as high. Source: Loshchilov and Hutter 2017, eq. 5.

    ``initial_learning_rate`` is the top of the first wave, and ``alpha`` the share of
    the top to which each falls.
    """

    _arguments = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _positive("first_decay_steps", first_decay_steps)
        if t_mul < 1:
            raise ValueError(
                f"t_mul must be at least 1, since waves do not get shorter. Received {t_mul}."
            )
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def _at(self, step: float) -> float:
        # In units of the first wave: wave i has length t^i and begins at 1 + t + ... + t^(i-1).
        t, time = self.t_mul, step / self.first_decay_steps
        if t == 1:
            wave = math.floor(time)
            share = time - wave
        else:
            wave = math.floor(math.log(1 + time * (t - 1), t))
            share = (time - (t**wave - 1) / (t - 1)) / t**wave
            if share >= 1:  # the logarithm was rounded to just below an integer
                wave, share = wave + 1, 0.0
        return self.initial_learning_rate * _cosine(share, self.m_mul**wave, self.alpha)


def _cosine(share: float, height: float, alpha: float) -> float:
    """A falling half wave of that height, at a share of its length, lifted by alpha."""
    return (1 - alpha) * height * (1 + math.cos(math.pi * share)) / 2 + alpha


def _positive(name: str, value: int) -> int:
    if not value > 0:
        raise ValueError(f"{name} must be greater than 0. Received {name}={value!r}.")
    return value


_SCHEDULES = {
    cls.__name__: cls
    for cls in (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
}
objects.TABLES["schedules"] = _SCHEDULES


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any] | None:
    """Return the configuration of a schedule, of plain Python values.

    Args:
        learning_rate_schedule: the schedule.
    """
    return objects.serialize(learning_rate_schedule)


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, type] | None = None
) -> LearningRateSchedule:
    """Return the schedule of a configuration; pass classes of your own in ``custom_objects``.

    ``config`` is what ``serialize`` returned.
    """
    return objects.deserialize(config, _SCHEDULES, "learning rate schedule", custom_objects)


def __dir__() -> list[str]:
    return sorted(__all__)
