"""Convolution layers: Conv, ConvTranspose, DepthwiseConv and SeparableConv in 1, 2 and 3
dimensions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import activations, constraints, initializers, ops, regularizers
from ..ops import convolution
from ..tensor import Variable
from ..utils.registration import is_builtin
from ..utils.windows import standardize_data_format, standardize_padding, standardize_tuple
from .arguments import check_activation
from .core import FUSED, activated_shape
from .hints import hint_of_axes
from .layer import Layer
from .spec import InputSpec


class _Convolution(Layer):
    """What all convolutions share: a window with its options, a bias, an activation.

    A subclass makes its kernels in ``_make_kernels`` and passes the shared arguments to
    ``super().__init__``; ``rank`` is the number of spatial axes.
    """

    rank: int
    filters: int
    _causal = False  # whether padding="causal" is allowed
    _weight_names: tuple[str, ...] = ("kernel",)

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        owner = type(self).__name__
        self.kernel_size = standardize_tuple(kernel_size, self.rank, "kernel_size", owner)
        self.strides = standardize_tuple(strides, self.rank, "strides", owner)
        self.padding = standardize_padding(padding, owner, self._causal)
        self.data_format = standardize_data_format(data_format, owner)
        self.dilation_rate = standardize_tuple(dilation_rate, self.rank, "dilation_rate", owner)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias: Variable | None = None
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    @property
    def _options(self) -> convolution.Options:
        """(strides, padding, data_format, dilation), as the operations take them."""
        return self.strides, self.padding, self.data_format, self.dilation_rate

    @property
    def _owner(self) -> str:
        return f"Layer {self.name!r} ({type(self).__name__})"

    def build(self, input_shape: Any) -> None:
        self.input_spec.check(self, tuple(input_shape))
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ValueError(
                f"{self._owner} needs to know the number of input channels; the input's shape is "
                f"{tuple(input_shape)}, with the channels along axis {self._channel_axis}."
            )
        self._check_channels(channels, input_shape)
        out = self._output_shape(tuple(input_shape))
        self._make_kernels(channels)
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(out[self._channel_axis],),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self._channel_axis: channels})
        self._checked_sizes = convolution.spatial(input_shape, self.data_format)
        check_activation(self, out)
        self.built = True

    def _make_kernels(self, channels: int) -> None:
        raise NotImplementedError

    def _check_channels(self, channels: int, input_shape: Any) -> None:
        """Raise a ValueError if the layer cannot work on this number of channels."""

    def _add_kernel(self, name: str, shape: tuple, kind: str) -> Variable:
        """Make a kernel with the arguments ``<kind>_initializer``, ``<kind>_regularizer`` and so
        on.
        """
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{kind}_initializer"),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )

    def compute_output_shape(self, input_shape: Any) -> tuple:
        self.input_spec.check(self, tuple(input_shape))
        return activated_shape(self.activation, self._output_shape(tuple(input_shape)))

    def _output_shape(self, shape: tuple) -> tuple:
        return self._conv_shape(shape, self.filters)

    def _conv_shape(self, shape: tuple, filters: int | None) -> tuple:
        """The output's shape for this number of filters."""
        kernel = (*self.kernel_size, 0, 0)
        return convolution.conv_output_shape(self._owner, shape, filters, kernel, *self._options)

    def call(self, inputs: Any) -> Any:
        sizes = convolution.spatial(inputs.shape, self.data_format)
        if sizes != self._checked_sizes:  # unknown or different sizes at build time
            self._output_shape(inputs.shape)
        fused = FUSED.get(self.activation)
        if fused is not None:
            return self._convolve(inputs, fused)
        return self.activation(self._convolve(inputs, "linear"))

    def _convolve(self, inputs: Any, activation: str) -> Any:
        raise NotImplementedError

    def input_hint(self, shape: tuple) -> str:
        return hint_of_axes(shape, self.rank, self.data_format == "channels_first")

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
        }
        for name in (*self._weight_names, "bias"):
            for kind, module in _KINDS.items():
                argument = f"{name}_{kind}"
                config[argument] = module.serialize(getattr(self, argument))
        return config


_KINDS: dict[str, Any] = {
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
}


def _whole_number(value: Any, name: str, owner: str) -> int:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{owner} needs a positive whole number of `{name}`; got {value!r}.")
    return int(value)


def _refuse_strides_with_dilation(layer: _Convolution) -> None:
    if max(layer.strides) > 1 and max(layer.dilation_rate) > 1:
        raise ValueError(
            f"{type(layer).__name__} takes strides or a dilation_rate above 1, but not both "
            f"(as in Keras); got strides={layer.strides}, dilation_rate={layer.dilation_rate}. "
            "Leave one of them at 1."
        )


# --------------------------------------------------------------------------------------------------
# Convolution


class _Conv(_Convolution):
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        owner = type(self).__name__
        self.filters = _whole_number(filters, "filters", owner)
        self.groups = _whole_number(groups, "groups", owner)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        _refuse_strides_with_dilation(self)
        if self.filters % self.groups:
            raise ValueError(
                f"{owner} needs filters to be a multiple of groups; got filters={filters} and "
                f"groups={groups}."
            )

    def _check_channels(self, channels: int, input_shape: Any) -> None:
        if channels % self.groups:
            raise ValueError(
                f"{self._owner} needs the number of input channels to be a multiple of "
                f"groups={self.groups}; got {channels} channels. The input's shape is "
                f"{tuple(input_shape)}, with the channels along axis {self._channel_axis}."
            )

    def _make_kernels(self, channels: int) -> None:
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self._add_kernel("kernel", shape, "kernel")

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """The convolution with this kernel, without bias and activation. A subclass may change it,
        for instance to normalise the kernel first.
        """
        return convolution.fused_conv(inputs, kernel, None, *self._options, activation="linear")

    def _convolve(self, inputs: Any, activation: str) -> Any:
        if is_builtin(type(self).convolution_op):
            return convolution.fused_conv(
                inputs, self.kernel, self.bias, *self._options, activation=activation
            )
        y = self.convolution_op(inputs, self.kernel)
        if self.bias is not None:
            last = self.data_format == "channels_last"
            places = () if last else (1,) * self.rank
            y = ops.add(y, ops.reshape(self.bias, (-1, *places)))
        return activations.get(activation)(y)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "groups": self.groups}


class Conv1D(_Conv):
    """Convolution along one axis, for sequences and signals.

    Input shape: (N, steps, C). Output shape: (N, steps out, filters). Weights: kernel (kernel_size,
    C / groups, filters), bias (filters,). The arguments are those of ``Conv2D``. In addition,
    padding="causal" puts all zeros in front, so that an output depends only on the steps up to its
    own.

    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, sections 9.1 and 9.5; causal: van
    den Oord et al. 2016, WaveNet, section 2.1.
    """

    rank = 1
    pure = True
    _causal = True


class Conv2D(_Conv):
    """Convolution of images: the same small window of weights slides over all positions.

        output = activation(bias + sum over the window of input * kernel)

    Input shape: (N, height, width, C), or (N, C, height, width) with "channels_first". Output
    shape: (N, height out, width out, filters), where an axis of ``size`` becomes
    floor((size - kernel_size) / strides) + 1 with "valid", ceil(size / strides) with "same".
    Weights: kernel (*kernel_size, C / groups, filters), bias (filters,).

    Args:
        filters: the number of channels of the output.
        kernel_size: the window's size: a number, or one for each axis.
        strides: how far the window moves from one place to the next.
        padding: "valid" (the window stays inside) or "same" (zeros around the input, so that the
            size stays the same with strides of 1).
        data_format: "channels_last" or "channels_first"; None: ``config.image_data_format()``.
        dilation_rate: the distance between the elements under the window.
        groups: the number of groups into which channels and filters are divided; each group of
            filters sees only its group of channels.
        activation: a name or function; linear by default.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after each update.

    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, sections 9.1 and 9.5; Dumoulin &
    Visin 2016, A guide to convolution arithmetic for deep learning.
    """

    rank = 2
    pure = True


class Conv3D(_Conv):
    """Convolution of volumes, or of images over time.

    Input shape: (N, depth, height, width, C). Output shape: (N, depth out, height out, width out,
    filters). Weights: kernel (*kernel_size, C / groups, filters), bias (filters,). The arguments
    are those of ``Conv2D``.
    """

    rank = 3
    pure = True


# --------------------------------------------------------------------------------------------------
# Transposed convolution


class _ConvTranspose(_Convolution):
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        owner = type(self).__name__
        self.filters = _whole_number(filters, "filters", owner)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        _refuse_strides_with_dilation(self)
        self.output_padding: tuple[int, ...] | None = None
        if output_padding is not None:
            self.output_padding = standardize_tuple(
                output_padding, self.rank, "output_padding", owner, least=0
            )
            if any(p >= s for p, s in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    f"{owner} needs an output_padding below its strides, since a larger one would "
                    f"belong to a larger input; got output_padding={self.output_padding}, "
                    f"strides={self.strides}."
                )

    def _make_kernels(self, channels: int) -> None:
        shape = (*self.kernel_size, self.filters, channels)
        self.kernel = self._add_kernel("kernel", shape, "kernel")

    def _convolve(self, inputs: Any, activation: str) -> Any:
        return convolution.fused_conv_transpose(
            inputs,
            self.kernel,
            self.bias,
            *self._options,
            output_padding=self.output_padding,
            activation=activation,
        )

    def _output_shape(self, shape: tuple) -> tuple:
        return convolution.conv_transpose_output_shape(
            self._owner,
            shape,
            self.filters,
            (*self.kernel_size, 0, 0),
            *self._options,
            output_padding=self.output_padding,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "output_padding": self.output_padding,
        }


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution along one axis: it upsamples sequences.

    Input shape: (N, steps, C). Output shape: (N, steps out, filters). Weights: kernel (kernel_size,
    filters, C), bias (filters,). The arguments are those of ``Conv2DTranspose``.
    """

    rank = 1
    pure = True


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution of images, from the output shape of a Conv2D to its input shape.

    Input shape: (N, height, width, C). Output shape: (N, height out, width out, filters), where an
    axis of ``size`` becomes (size - 1) * strides + max(kernel_size, strides) with "valid",
    size * strides with "same". Weights: kernel (*kernel_size, filters, C), bias (filters,).

    Args:
        filters: the number of channels of the output.
        kernel_size: the size of the window that each input number is spread over in the output.
        strides: the distance in the output between the windows of neighbouring inputs.
        padding: "valid" (the output holds all windows completely) or "same" (its edges are
        cropped). output_padding: how much to add to the smallest output size along each axis, less
        than the strides; None chooses the sizes above.
        data_format, dilation_rate, activation, use_bias: as in ``Conv2D``.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after each update.

    Source: Dumoulin & Visin 2016, A guide to convolution arithmetic for deep learning, section 4.
    """

    rank = 2
    pure = True


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution of volumes.

    Input shape: (N, depth, height, width, C). Output shape: (N, depth out, height out, width out,
    filters). Weights: kernel (*kernel_size, filters, C), bias (filters,). The arguments are those
    of ``Conv2DTranspose``, with ``data_format`` before ``output_padding``, as in Keras.
    """

    rank = 3
    pure = True

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            output_padding=output_padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


# --------------------------------------------------------------------------------------------------
# Depthwise and separable convolution


class _DepthwiseConv(_Convolution):
    _weight_names = ("depthwise",)

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.depth_multiplier = _whole_number(
            depth_multiplier, "depth_multiplier", type(self).__name__
        )
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)

    def _make_kernels(self, channels: int) -> None:
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._add_kernel("kernel", shape, "depthwise")

    def _convolve(self, inputs: Any, activation: str) -> Any:
        return convolution.fused_depthwise_conv(
            inputs, self.kernel, self.bias, *self._options, activation=activation
        )

    def _output_shape(self, shape: tuple) -> tuple:
        channels = shape[self._channel_axis]
        return self._conv_shape(shape, channels and channels * self.depth_multiplier)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}


class DepthwiseConv1D(_DepthwiseConv):
    """Convolution of every channel of a sequence by itself.

    Input shape: (N, steps, C). Output shape: (N, steps out, C * depth_multiplier). Weights: kernel
    (kernel_size, C, depth_multiplier), bias (C * depth_multiplier,). The arguments are those of
    ``DepthwiseConv2D``.
    """

    rank = 1
    pure = True


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of every channel of an image by itself.

    Input shape: (N, height, width, C). Output shape: (N, height out, width out,
    C * depth_multiplier), the outputs of one input channel side by side. Weights: kernel
    (*kernel_size, C, depth_multiplier), bias (C * depth_multiplier,).

    Args:
        kernel_size: the window's size: a number, or one for each axis.
        strides, padding: as in ``Conv2D``.
        depth_multiplier: how many outputs each input channel gets.
        data_format, dilation_rate, activation, use_bias: as in ``Conv2D``.
        depthwise_initializer, bias_initializer: how the weights begin.
        depthwise_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        depthwise_constraint, bias_constraint: applied to the weights after each update.

    Source: Chollet 2017, Xception, section 2.
    """

    rank = 2
    pure = True


class _SeparableConv(_Convolution):
    _weight_names = ("depthwise", "pointwise")

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        owner = type(self).__name__
        self.filters = _whole_number(filters, "filters", owner)
        self.depth_multiplier = _whole_number(depth_multiplier, "depth_multiplier", owner)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def _make_kernels(self, channels: int) -> None:
        depthwise = (*self.kernel_size, channels, self.depth_multiplier)
        pointwise = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = self._add_kernel("depthwise_kernel", depthwise, "depthwise")
        self.pointwise_kernel = self._add_kernel("pointwise_kernel", pointwise, "pointwise")

    def _convolve(self, inputs: Any, activation: str) -> Any:
        inner = convolution.fused_depthwise_conv(
            inputs, self.depthwise_kernel, None, *self._options
        )
        ones = (1,) * self.rank
        options: convolution.Options = (ones, "valid", self.data_format, ones)
        return convolution.fused_conv(
            inner, self.pointwise_kernel, self.bias, *options, activation=activation
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "depth_multiplier": self.depth_multiplier,
        }


class SeparableConv1D(_SeparableConv):
    """A depthwise convolution of a sequence, then a pointwise one that mixes the channels.

    Input shape: (N, steps, C). Output shape: (N, steps out, filters). Weights: depthwise_kernel
    (kernel_size, C, depth_multiplier), pointwise_kernel (1, C * depth_multiplier, filters), bias
    (filters,). The arguments are those of ``SeparableConv2D``.
    """

    rank = 1
    pure = True


class SeparableConv2D(_SeparableConv):
    """A depthwise convolution of an image, then a pointwise one that mixes the channels: similar to
    Conv2D with a fraction of its weights and products.

    Input shape: (N, height, width, C). Output shape: (N, height out, width out, filters). Weights:
    depthwise_kernel (*kernel_size, C, depth_multiplier), pointwise_kernel (1, 1,
    C * depth_multiplier, filters), bias (filters,).

    Args:
        filters: the number of channels of the output.
        kernel_size: the size of the depthwise window: a number, or one for each axis.
        strides, padding, data_format, dilation_rate: as in ``Conv2D``, of the depthwise window.
        depth_multiplier: how many outputs each channel gets before the pointwise convolution.
        activation, use_bias: as in ``Conv2D``, after the pointwise convolution.
        depthwise_initializer, pointwise_initializer, bias_initializer: how the weights begin.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the output.
        depthwise_constraint, pointwise_constraint, bias_constraint: applied to the weights after
            each update.

    Source: Chollet 2017, Xception, section 2.
    """

    rank = 2
    pure = True


# --------------------------------------------------------------------------------------------------
# Old names


class Convolution2D(Conv2D):
    """Conv2D under its first name, with the positional arguments of Keras 1: ``Convolution2D(32, 3,
    5)`` has 32 filters and a window of 3 by 5.
    """

    pure = True


class SeparableConvolution2D(SeparableConv2D):
    """SeparableConv2D under its first name: ``SeparableConvolution2D(32, 3, 5)``."""

    pure = True


class AtrousConvolution2D(Conv2D):
    """Old name of Conv2D with dilation: ``AtrousConvolution2D(32, 3, 3, atrous_rate=(2, 2))``."""

    pure = True


class Deconvolution2D(Conv2DTranspose):
    """Conv2DTranspose under its first name: ``Deconvolution2D(32, 3, 3, subsample=(2, 2))``."""

    pure = True


AtrousConvolution1D = Convolution1D = Conv1D
Convolution3D = Conv3D
Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Deconvolution3D = Conv3DTranspose
SeparableConvolution1D = SeparableConv1D

__all__ = [
    "AtrousConvolution1D",
    "AtrousConvolution2D",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Deconvolution2D",
    "Deconvolution3D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
]
