"""Normalisation over the batch, the features of a sample, groups of channels, and of weights."""

from __future__ import annotations

import warnings
from typing import Any

from .. import constraints, initializers, ops, regularizers
from ..ops import normalization
from ..tensor import Variable
from .layer import Layer
from .spec import InputSpec
from .wrapper import Wrapper


class _Normalization(Layer):
    """A layer whose output has its input's shape, with an optional scale gamma and offset beta."""

    def __init__(
        self,
        *,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def _add_scale_and_offset(self, shape: tuple) -> None:
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )

    def compute_output_shape(self, input_shape: Any) -> Any:
        _sizes(self, input_shape, getattr(self, "axis", -1))
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }


def _sizes(layer: Layer, shape: Any, axis: Any) -> tuple[int, ...]:
    """The sizes along an axis, or along several in Keras's order, in which -1 comes before 1, since
    the weights have that order. Raises ValueError if one is missing.
    """
    rank = len(shape)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    for a in axes:
        if not -rank <= a < rank:
            raise ValueError(
                f"Layer {layer.name!r} ({type(layer).__name__}) normalises along axis {a}, and its "
                f"input has shape {tuple(shape)}: axes 0 to {rank - 1}, or -{rank} to -1."
            )
        if shape[a] is None and layer.built is False:
            raise ValueError(
                f"Layer {layer.name!r} ({type(layer).__name__}) needs to know the size of axis {a} "
                f"of its input, which has shape {tuple(shape)}. State it in Input(...)."
            )
    if len({a % rank for a in axes}) < len(axes):
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) got the same axis twice: axis={axis} "
            f"for an input of shape {tuple(shape)}."
        )
    return tuple(shape[a] for a in sorted(axes))


def _sorted(axis: Any, rank: int) -> tuple[int, ...]:
    """The axes, each once, counted from 0."""
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return tuple(sorted({a % rank for a in axes}))


def _axis(layer: str, axis: Any) -> int | list[int]:
    """One axis, or a list of several."""
    if isinstance(axis, (list, tuple)):
        if not axis:
            raise ValueError(f"{layer} needs at least one axis; got axis={axis!r}.")
        return [_index(layer, a) for a in axis]
    return _index(layer, axis)


def _index(layer: str, axis: Any) -> int:
    try:
        if isinstance(axis, bool):
            raise TypeError
        return axis.__index__()
    except (AttributeError, TypeError):
        raise TypeError(
            f"{layer} needs a whole number as `axis`, or a list of them; got {axis!r}."
        ) from None


class BatchNormalization(_Normalization):
    """Normalises every channel over the batch to mean 0 and variance 1, then applies a learned
    scale and offset.

    In training it uses mean and variance of the batch and updates their moving averages:

        moving_mean = momentum * moving_mean + (1 - momentum) * mean

    and the same for the variance (divided by n). Otherwise, and if ``trainable`` is False, it uses
    these averages: a frozen layer behaves the same in training and does not change.

    Weights: gamma, beta, moving_mean, moving_variance, each (C,); the last two are not trained. The
        twin functions are ``batch_normalization_training_forward`` and
        ``batch_normalization_forward`` in ``normalization``.

    Args:
        axis: the axis of the channels; all others are averaged over.
        momentum: the weight of the old moving average at each update.
        epsilon: added to the variance.
        center, scale: whether there is an offset beta, a scale gamma.
        beta_initializer, gamma_initializer: how these begin.
        moving_mean_initializer, moving_variance_initializer: how the moving averages begin.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: applied after each update.
        renorm: batch renormalisation: training uses the averages too, within limits.
        renorm_clipping: dict with "rmax", "rmin", "dmax", the limits of its correction.
        renorm_momentum: the weight of the old averages of renormalisation at each update.
        synchronized: must be False: there is only one device.

    A mask, with one axis less than the input, selects what counts for the statistics.

    Source: Ioffe & Szegedy 2015, Batch Normalization; Ioffe 2017, Batch Renormalization.
    """

    pure_in_prediction = True

    @property
    def pure(self) -> bool:  # type: ignore[override]
        """Whether a step can be recorded: it moves the averages as well (``move_average``)."""
        return not self.renorm

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        if isinstance(axis, (list, tuple)) and len(axis) == 1:  # as in older files
            axis = axis[0]
        if isinstance(axis, (list, tuple)):
            raise ValueError(
                f"BatchNormalization takes one axis of channels; got axis={axis!r}. Use "
                "LayerNormalization to normalise over several axes of each sample."
            )
        if synchronized:
            raise ValueError(
                "BatchNormalization(synchronized=True) is for several devices, but there is only "
                "one."
            )
        if not 0 <= momentum <= 1:
            raise ValueError(f"BatchNormalization needs 0 <= momentum <= 1; got {momentum!r}.")
        self.axis = _index("BatchNormalization", axis)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.synchronized = synchronized
        self.renorm = renorm
        self.renorm_clipping = _limits(renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum

    def build(self, input_shape: Any) -> None:
        shape = _sizes(self, input_shape, self.axis)
        self._axis = self.axis % len(input_shape)
        self._add_scale_and_offset(shape)
        self.moving_mean = self._add_state("moving_mean", shape, self.moving_mean_initializer)
        self.moving_variance = self._add_state(
            "moving_variance", shape, self.moving_variance_initializer
        )
        if self.renorm:

            def deviations(shape: Any, dtype: Any = None) -> Any:
                return self.moving_variance_initializer(shape, dtype=dtype) ** 0.5

            self.moving_stddev = self._add_state("moving_stddev", shape, deviations)
            self.renorm_mean = self._add_state("renorm_mean", shape, self.moving_mean_initializer)
            self.renorm_stddev = self._add_state("renorm_stddev", shape, deviations)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})
        self.built = True

    def _add_state(self, name: str, shape: tuple, initializer: Any) -> Variable:
        return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if mask is not None:
            mask = self._mask_of_rows(mask, tuple(inputs.shape))
        if not (training and self.trainable) or 0 in inputs.shape:  # an empty batch has no mean
            return normalization.batch_over(
                inputs,
                self.moving_mean,
                self.moving_variance,
                self.beta,
                self.gamma,
                self._axis,
                self.epsilon,
            )
        if self.renorm:
            return self._renormalize(inputs, mask)
        y, mean, variance = normalization.batch_statistics_over(
            inputs, self.gamma, self.beta, mask, self._axis, self.epsilon
        )
        # The moving averages: momentum * old + (1 - momentum) * batch.
        normalization.move_average(self.moving_mean, mean, self.momentum)
        normalization.move_average(self.moving_variance, variance, self.momentum)
        return y

    def _mask_of_rows(self, mask: Any, shape: tuple) -> Any:
        """A mask with a number for each row of an input of this shape; sizes of 1 are repeated."""
        given, rows = tuple(mask.shape), shape[:-1]
        if given == rows:
            return mask
        if len(given) != len(rows) or any(
            n not in (1, m) for n, m in zip(given, rows, strict=True)
        ):
            raise ValueError(
                f"Layer {self.name!r} (BatchNormalization) takes a mask with one axis less than "
                f"its input: the input has shape {shape}, the mask {given}."
            )
        return ops.broadcast_to(mask, rows)

    def _renormalize(self, inputs: Any, mask: Any) -> Any:
        """(x_hat r + d) gamma + beta, where r and d, which are treated as constants, correct x_hat
        to the moving averages: r = sigma / sigma_average, d = (mean - mean_average) /
        sigma_average.
        """
        y, mean, variance = normalization.batch_statistics_over(
            inputs, None, None, mask, self._axis, self.epsilon
        )
        mean, variance = ops.stop_gradient(mean), ops.stop_gradient(variance)
        deviation = ops.sqrt(ops.add(variance, self.epsilon))
        average = ops.maximum(self.renorm_stddev, self.epsilon**0.5)
        limits = self.renorm_clipping or {}
        r = ops.divide(deviation, average)
        d = ops.divide(ops.subtract(mean, self.renorm_mean), average)
        if "rmin" in limits:
            r = ops.maximum(r, limits["rmin"])
        if "rmax" in limits:
            r = ops.minimum(r, limits["rmax"])
        if "dmax" in limits:
            d = ops.clip(d, -limits["dmax"], limits["dmax"])
        y = ops.add(ops.multiply(y, self._along(r)), self._along(d))
        if self.gamma is not None:
            y = ops.multiply(y, self._along(self.gamma))
        if self.beta is not None:
            y = ops.add(y, self._along(self.beta))
        normalization.move_average(self.renorm_mean, mean, self.renorm_momentum)
        normalization.move_average(self.renorm_stddev, deviation, self.renorm_momentum)
        normalization.move_average(self.moving_mean, mean, self.momentum)
        normalization.move_average(self.moving_stddev, deviation, self.momentum)
        squared = ops.subtract(ops.square(self.moving_stddev), self.epsilon)
        self.moving_variance.assign(ops.maximum(squared, 0.0))
        return y

    def _along(self, vector: Any) -> Any:
        """A vector of channels in a shape that broadcasts against the input."""
        ndim = self.input_spec.ndim
        shape = [1] * ndim
        shape[self.axis] = vector.shape[0]
        return ops.reshape(vector, shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
            "synchronized": self.synchronized,
        }


def _limits(clipping: dict[str, float] | None) -> dict[str, float]:
    """Check and return the limits of batch renormalisation that are given."""
    names = ("rmax", "rmin", "dmax")
    given = {name: value for name, value in (clipping or {}).items() if value is not None}
    if not given.keys() <= set(names):
        raise ValueError(
            f"renorm_clipping is a dict with any of {', '.join(map(repr, names))}; got {clipping}."
        )
    if given.get("rmin", 0.0) > given.get("rmax", float("inf")) or given.get("dmax", 0.0) < 0:
        raise ValueError(f"renorm_clipping needs rmin <= rmax and dmax >= 0; got {clipping}.")
    return given


class LayerNormalization(_Normalization):
    """Normalises the features of every sample to mean 0 and variance 1, then applies a learned
    scale and offset.

    Weights: gamma and beta, in the shape of the axes.

    Args:
        axis: the axis of the features, or a list of several.
        epsilon: added to the variance.
        center, scale: whether there is an offset beta, a scale gamma.
        beta_initializer, gamma_initializer: how these begin.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: applied after each update.
        rms_scaling: divide by the standard deviation without subtracting the mean, and add no
            offset; for old models. For the root mean square, use RMSNormalization.

    Source: Ba, Kiros & Hinton 2016, Layer Normalization.
    """

    pure = True

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        rms_scaling: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        if rms_scaling:
            warnings.warn(
                "LayerNormalization(rms_scaling=True) divides by the standard deviation, not by "
                "the root mean square; for the latter use RMSNormalization.",
                stacklevel=3,
            )
            self.scale, self.center = True, False
        self.axis = _axis("LayerNormalization", axis)
        self.epsilon = epsilon
        self.rms_scaling = rms_scaling

    def build(self, input_shape: Any) -> None:
        self._add_scale_and_offset(_sizes(self, input_shape, self.axis))
        self.built = True

    def call(self, inputs: Any) -> Any:
        if self.rms_scaling:
            return ops.layer_normalization(
                inputs, self.gamma, None, self.axis, self.epsilon, rms_scaling=True
            )
        axes = _sorted(self.axis, inputs.ndim)
        return normalization.layer_over(inputs, self.gamma, self.beta, axes, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "rms_scaling": self.rms_scaling,
        }


class GroupNormalization(_Normalization):
    """Divides the channels into groups, normalises each group of every sample to mean 0 and
    variance 1, then applies a learned scale and offset to each channel.

    Weights: gamma and beta, each (C,).

    Args:
        groups: the number of groups, a divisor of the number of channels: 1 is layer normalisation
            over the whole sample, -1 one group per channel (instance normalisation).
        axis: the axis of the channels.
        epsilon: added to the variance.
        center, scale: whether there is an offset beta, a scale gamma.
        beta_initializer, gamma_initializer: how these begin.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: applied after each update.

    Source: Wu & He 2018, Group Normalization.
    """

    pure = True

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        if not isinstance(groups, int) or isinstance(groups, bool) or groups == 0 or groups < -1:
            raise ValueError(
                "GroupNormalization needs a positive number of `groups`, or -1 for one group per "
                f"channel; got {groups!r}."
            )
        self.groups = groups
        self.axis = _index("GroupNormalization", axis)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        (channels,) = _sizes(self, input_shape, self.axis)
        if self.axis % rank == 0:
            raise ValueError(
                f"Layer {self.name!r} (GroupNormalization) cannot have its channels along axis 0, "
                "which is the batch."
            )
        groups = channels if self.groups == -1 else self.groups
        if groups == 0 or channels % groups:
            fitting = ", ".join(str(n) for n in range(1, channels + 1) if channels % n == 0)
            raise ValueError(
                f"Layer {self.name!r} (GroupNormalization): {groups} groups do not divide "
                f"{channels} channels (axis {self.axis} of an input of shape "
                f"{tuple(input_shape)}). Divisors are: {fitting}."
            )
        self._groups, self._axis = groups, self.axis % rank
        self._add_scale_and_offset((channels,))
        self.input_spec = InputSpec(ndim=rank, axes={self.axis: channels})
        self.built = True

    def call(self, inputs: Any) -> Any:
        return normalization.group_over(
            inputs, self.gamma, self.beta, self._groups, self._axis, self.epsilon
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "groups": self.groups,
            "axis": self.axis,
            "epsilon": self.epsilon,
        }


class RMSNormalization(Layer):
    """Divides the features of every sample by their root mean square, then scales them.

    Weights: scale, in the shape of the axes.

    Args:
        axis: the axis of the features, or a list of several.
        epsilon: added to the mean square.

    Source: Zhang & Sennrich 2019, Root Mean Square Layer Normalization.
    """

    pure = True

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = _axis("RMSNormalization", axis)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        shape = _sizes(self, input_shape, self.axis)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")
        self.built = True

    def call(self, inputs: Any) -> Any:
        axes = _sorted(self.axis, inputs.ndim)
        return normalization.rms_over(inputs, self.scale, axes, self.epsilon)

    def compute_output_shape(self, input_shape: Any) -> Any:
        _sizes(self, input_shape, self.axis)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class UnitNormalization(Layer):
    """Divides the vectors along the axes by their Euclidean length. The shape stays.

    Args:
        axis: an axis, or a list of several.
    """

    pure = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = _axis("UnitNormalization", axis)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)

    def compute_output_shape(self, input_shape: Any) -> Any:
        _sizes(self, input_shape, self.axis)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class SpectralNormalization(Wrapper):
    """Wraps a layer and, at each call in training, divides its kernel by its largest singular
    value.

    The power method approximates that value: each call makes a few steps that continue from the
    last call's vector u, a state of shape (1, columns of the kernel).

    Args:
        layer: a layer with a ``kernel`` (Dense, a convolution) or ``embeddings``.
        power_iterations: the number of steps at each call.

    Source: Miyato et al. 2018, Spectral Normalization for Generative Adversarial Networks, alg. 1.
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(
                "SpectralNormalization needs power_iterations of at least 1; got "
                f"{power_iterations!r}."
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        found = [getattr(self.layer, name, None) for name in ("kernel", "embeddings")]
        kernels = [kernel for kernel in found if isinstance(kernel, Variable)]
        if not kernels:
            raise ValueError(
                "SpectralNormalization needs a layer with a kernel, such as Dense or Conv2D; "
                f"{type(self.layer).__name__} has neither `kernel` nor `embeddings`."
            )
        self.kernel = kernels[0]
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, self.kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            dtype=self.kernel.dtype,
        )
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if training and self.kernel.array.any():
            u, kernel = self.normalized_weights()
            self.vector_u.assign(u)
            self.kernel.assign(kernel)
        return self.layer(inputs)

    def normalized_weights(self) -> tuple[Any, Any]:
        """The kernel's largest left singular vector as found so far, (1, C), and the kernel divided
        by its largest singular value.
        """
        kernel = ops.stop_gradient(self.kernel)
        matrix = ops.reshape(kernel, (-1, self.kernel.shape[-1]))
        u = ops.stop_gradient(self.vector_u)
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(matrix)), axis=None)
            u = ops.normalize(ops.matmul(v, matrix), axis=None)
        sigma = ops.matmul(ops.matmul(v, matrix), ops.transpose(u))
        return u, ops.divide(kernel, ops.reshape(sigma, ()))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.output_shape_for(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power_iterations": self.power_iterations}


__all__ = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "SpectralNormalization",
    "UnitNormalization",
]
