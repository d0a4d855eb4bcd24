"""Convolutions: the functions of ``keras.ops``, and those for the layers, fused with bias and
activation.

The equations and gradients are in ``diptych.reference.convolution``. The engines support channels
last only; for channels first, axes are moved before and after (views, no copies).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import engine as _engine
from ..graph import KerasTensor, record
from ..operation import Derived, Twin, common_float
from ..reference import _windows
from ..shape_rules import count
from ..tensor import Tensor, is_symbolic
from ..utils.windows import standardize_data_format, standardize_padding, standardize_tuple
from .array_ops import unbroadcast
from .creation import as_tensor
from .nn import before_activation
from .spatial import as_given, by, channels_last, padding_pairs, spatial, with_channels

Options = tuple[tuple[int, ...], str, str, tuple[int, ...]]  # strides, padding, format, dilation

# --------------------------------------------------------------------------------------------------
# The twins, and what their backward functions compute as operations, for gradients of gradients


class _ConvolutionTwin(Twin):
    """A twin (x, kernel, bias). Before bias and activation, z is linear in x and in the kernel. So
    dx is linear in (dz, kernel), and dkernel in (x, dz): their gradients are again z, dx or dkernel
    of other arguments.
    """

    def __init__(self, name: str) -> None:
        super().__init__("convolution", name, has_need_dx=True)
        self.rules = (self._wrt_x, self._wrt_kernel, self._wrt_bias)
        self._dx = Derived(
            lambda dz, kernel, like, options: self._computed(dz, like, kernel, options, True)[0],
            lambda g, dz, kernel, like, options: self.z(g, kernel, options),
            lambda g, dz, kernel, like, options: self.dkernel(g, dz, kernel.array, options),
        )
        self._dkernel = Derived(
            lambda x, dz, like, options: self._computed(dz, x, like, options, False)[1],
            lambda g, x, dz, like, options: self.dx(dz, g, x.array, options),
            lambda g, x, dz, like, options: self.z(x, g, options),
        )

    def z(self, x: Any, kernel: Any, options: tuple) -> Any:
        return self((x, kernel, None), *options[:-1], "linear")

    def dx(self, dz: Any, kernel: Any, like: np.ndarray, options: tuple) -> Any:
        """In the shape of the array ``like``. That of a convolution is a transposed convolution,
        and that of a transposed one an ordinary one, if there is a single group.
        """
        strides, padding, dilation, *more, _ = options
        if self.name == "conv" and more == [1]:
            sizes = like.shape[1:-1]
            return _conv_transpose((dz, kernel, None), strides, padding, dilation, sizes, "linear")
        if self.name == "conv_transpose":
            return _conv((dz, kernel, None), strides, padding, dilation, 1, "linear")
        return self._dx((dz, kernel), like, options)

    def dkernel(self, x: Any, dz: Any, like: np.ndarray, options: tuple) -> Any:
        return self._dkernel((x, dz), like, options)

    def _computed(
        self, dz: np.ndarray, x: np.ndarray, kernel: np.ndarray, options: tuple, need_dx: bool
    ) -> tuple:
        """dx, dkernel and dbias by the engine's backward function."""
        backward = _engine.current().function("convolution", f"{self.name}_backward")
        strides, padding, dilation, *more, _ = options
        groups = more if self.name == "conv" else []
        cache = x, kernel, dz, False, strides, padding, dilation, *groups, "linear"
        return backward(dz, cache, need_dx=need_dx)

    def _wrt_x(self, g: Any, y: Any, x: Any, kernel: Any, bias: Any, *options: Any) -> Any:
        return self.dx(before_activation(g, y, options[-1]), kernel, x.array, options)

    def _wrt_kernel(self, g: Any, y: Any, x: Any, kernel: Any, bias: Any, *options: Any) -> Any:
        return self.dkernel(x, before_activation(g, y, options[-1]), kernel.array, options)

    def _wrt_bias(self, g: Any, y: Any, x: Any, kernel: Any, bias: Any, *options: Any) -> Any:
        return unbroadcast(before_activation(g, y, options[-1]), bias)


_conv = _ConvolutionTwin("conv")
_depthwise_conv = _ConvolutionTwin("depthwise_conv")
_conv_transpose = _ConvolutionTwin("conv_transpose")

# --------------------------------------------------------------------------------------------------
# The functions of keras.ops


def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution in one, two or three dimensions: every output is a weighted sum of a window.

    Args:
        inputs: (N, *sizes, C), or (N, C, *sizes) with data_format="channels_first".
        kernel: (*window, C / groups, F). If the inputs have more channels, both are divided into
            groups.
        strides: the step of the window, a number or one for each axis.
        padding: "valid" (none), "same" (with strides of 1, the sizes stay) or, along one axis,
            "causal" (an output depends only on the steps up to its own).
        data_format: "channels_last" or "channels_first"; None: as configured.
        dilation_rate: the distance between the elements under the window.
    """
    inputs, kernel = _tensors("conv", inputs, kernel)
    options = _options("conv", kernel, strides, padding, data_format, dilation_rate)
    if is_symbolic(inputs) or is_symbolic(kernel):
        _check_channels("conv", inputs, kernel, -2, options[2], groups=True)
        _check_groups(inputs, kernel, options[2])
        shape = conv_output_shape("conv", inputs.shape, kernel.shape[-1], kernel.shape, *options)
        return _record(conv, inputs, kernel, shape, strides, padding, data_format, dilation_rate)
    return fused_conv(inputs, kernel, None, *options)


def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution of every channel by itself.

    Args:
        inputs: (N, *sizes, C), or (N, C, *sizes) with data_format="channels_first".
        kernel: (*window, C, M); the output has C * M channels, grouped by input channel. strides,
        padding, data_format, dilation_rate: as in ``conv``.
    """
    name = "depthwise_conv"
    inputs, kernel = _tensors(name, inputs, kernel)
    options = _options(name, kernel, strides, padding, data_format, dilation_rate)
    if is_symbolic(inputs) or is_symbolic(kernel):
        _check_channels(name, inputs, kernel, -2, options[2])
        filters = count(kernel.shape[-2:])
        shape = conv_output_shape(name, inputs.shape, filters, kernel.shape, *options)
        given = (strides, padding, data_format, dilation_rate)
        return _record(depthwise_conv, inputs, kernel, shape, *given)
    return fused_depthwise_conv(inputs, kernel, None, *options)


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """A depthwise convolution, then a pointwise one, which mixes the channels.

    Args:
        inputs: (N, *sizes, C), or (N, C, *sizes) with data_format="channels_first".
        depthwise_kernel: (*window, C, M).
        pointwise_kernel: (1, ..., 1, C * M, F).
        strides, padding, data_format, dilation_rate: as in ``conv``.
    """
    inner = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(inner, pointwise_kernel, 1, "valid", data_format, 1)


def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Transposed convolution: every input number adds a multiple of the kernel to the output.

    Args:
        inputs: (N, *sizes, C), or (N, C, *sizes) with data_format="channels_first".
        kernel: (*window, F, C): the channels of the output come before those of the input.
        strides: the distance in the output between the windows of neighbouring inputs.
        padding: "valid" (all windows completely) or "same" (sizes are multiplied by the strides).
        output_padding: how much to add to the smallest size of each axis; None chooses it.
        data_format, dilation_rate: as in ``conv``.

    Raises:
        ValueError: the padding is "causal".
    """
    name = "conv_transpose"
    inputs, kernel = _tensors(name, inputs, kernel)
    options = _options(name, kernel, strides, padding, data_format, dilation_rate)
    if options[1] == "causal":
        raise ValueError("conv_transpose needs padding='valid' or 'same'; got padding='causal'.")
    rank = len(kernel.shape) - 2
    if output_padding is not None:
        output_padding = standardize_tuple(output_padding, rank, "output_padding", name, least=0)
    if is_symbolic(inputs) or is_symbolic(kernel):
        _check_channels(name, inputs, kernel, -1, options[2])
        filters = kernel.shape[-2]
        shape = conv_transpose_output_shape(
            name, inputs.shape, filters, kernel.shape, *options, output_padding=output_padding
        )
        given = (strides, padding, output_padding, data_format, dilation_rate)
        return _record(conv_transpose, inputs, kernel, shape, *given)
    return fused_conv_transpose(inputs, kernel, None, *options, output_padding=output_padding)


# --------------------------------------------------------------------------------------------------
# Fused with bias and activation; all arguments in standardized form


def fused_conv(
    inputs: Any,
    kernel: Any,
    bias: Any,
    strides: tuple,
    padding: str,
    data_format: str,
    dilation: tuple,
    activation: str = "linear",
) -> Tensor:
    """``activation(conv(inputs, kernel) + bias)``, for an activation that the engines support."""
    if is_symbolic(inputs):
        options = strides, padding, data_format, dilation
        shape = conv_output_shape("conv", inputs.shape, kernel.shape[-1], kernel.shape, *options)
        return _record_fused(fused_conv, inputs, kernel, bias, shape, *options, activation)
    x = channels_last(inputs, data_format)
    window = kernel.shape[:-2]
    groups = max(1, x.shape[-1] // max(1, kernel.shape[-2]))
    pairs = padding_pairs(padding, x.shape[1:-1], window, strides, dilation)
    y = _conv((x, kernel, bias), strides, pairs, dilation, groups, activation)
    return as_given(y, data_format)


def fused_depthwise_conv(
    inputs: Any,
    kernel: Any,
    bias: Any,
    strides: tuple,
    padding: str,
    data_format: str,
    dilation: tuple,
    activation: str = "linear",
) -> Tensor:
    """``activation(depthwise_conv(inputs, kernel) + bias)``."""
    if is_symbolic(inputs):
        options, filters = (strides, padding, data_format, dilation), count(kernel.shape[-2:])
        shape = conv_output_shape("depthwise_conv", inputs.shape, filters, kernel.shape, *options)
        return _record_fused(
            fused_depthwise_conv, inputs, kernel, bias, shape, *options, activation
        )
    x = channels_last(inputs, data_format)
    pairs = padding_pairs(padding, x.shape[1:-1], kernel.shape[:-2], strides, dilation)
    y = _depthwise_conv((x, kernel, bias), strides, pairs, dilation, activation)
    return as_given(y, data_format)


def fused_conv_transpose(
    inputs: Any,
    kernel: Any,
    bias: Any,
    strides: tuple,
    padding: str,
    data_format: str,
    dilation: tuple,
    output_padding: tuple | None = None,
    activation: str = "linear",
) -> Tensor:
    """``activation(conv_transpose(inputs, kernel) + bias)``."""
    if is_symbolic(inputs):
        options = strides, padding, data_format, dilation
        shape = conv_transpose_output_shape(
            "conv_transpose", inputs.shape, kernel.shape[-2], kernel.shape, *options, output_padding
        )
        more = *options, output_padding, activation
        return _record_fused(fused_conv_transpose, inputs, kernel, bias, shape, *more)
    x = channels_last(inputs, data_format)
    window, sizes = kernel.shape[:-2], x.shape[1:-1]
    out = _windows.transposed_sizes(sizes, window, strides, padding, output_padding, dilation)
    pairs = _windows.transposed_pairs(padding, sizes, out, window, strides, dilation)
    y = _conv_transpose((x, kernel, bias), strides, pairs, dilation, out, activation)
    return as_given(y, data_format)


# --------------------------------------------------------------------------------------------------
# Shapes


def conv_output_shape(
    owner: str,
    shape: tuple,
    filters: int | None,
    kernel: tuple,
    strides: tuple,
    padding: str,
    data_format: str,
    dilation: tuple,
) -> tuple:
    """The shape of a convolution's output; None where a size of the input is None.

    Raises ValueError, naming `owner`, if the window is larger than the input.
    """
    sizes, window = _sizes_and_window(shape, kernel, data_format)
    out = _windows.output_sizes(sizes, window, strides, padding, dilation)
    if any(size is not None and size < 1 for size in out):
        reach = _windows.spans(window, dilation)
        spread = f", spread over {by(reach)} by the dilation" if reach != window else ""
        raise ValueError(
            f"{owner} has a window of {by(window)}{spread}, but its input is only {by(sizes)}: the "
            f"output would have size {by(out)}. The input's shape is {tuple(shape)}. A smaller "
            "window, padding='same', a larger input, or less striding and pooling before it will "
            "help."
        )
    return with_channels(shape[0], out, filters, data_format)


def _sizes_and_window(shape: tuple, kernel: tuple, data_format: str) -> tuple[tuple, tuple]:
    """The sizes that a window sees; where its own size is unknown, they count as unknown."""
    sizes = zip(spatial(shape, data_format), kernel[:-2], strict=True)
    return (
        tuple([None if window is None else size for size, window in sizes]),
        tuple([1 if window is None else window for window in kernel[:-2]]),
    )


def conv_transpose_output_shape(
    owner: str,
    shape: tuple,
    filters: int | None,
    kernel: tuple,
    strides: tuple,
    padding: str,
    data_format: str,
    dilation: tuple,
    output_padding: tuple | None,
) -> tuple:
    """The shape of a transposed convolution's output; None where a size of the input is None.

    Raises ValueError, naming `owner`, if the output would be empty.
    """
    sizes, window = _sizes_and_window(shape, kernel, data_format)
    out = _windows.transposed_sizes(sizes, window, strides, padding, output_padding, dilation)
    if any(size is not None and size < 1 for size in out):
        raise ValueError(
            f"{owner} would make an output of size {by(out)} from an input of {by(sizes)}, with "
            f"a window of {by(window)}, padding={padding!r} and output_padding={output_padding}. "
            "A larger output_padding, or None, will help."
        )
    return with_channels(shape[0], out, filters, data_format)


def _tensors(name: str, inputs: Any, kernel: Any) -> tuple:
    """Both as tensors; ValueError if their ranks do not match."""
    inputs, kernel = as_tensor(inputs), as_tensor(kernel)
    rank = len(kernel.shape)
    if rank not in (3, 4, 5) or len(inputs.shape) != rank:
        raise ValueError(
            f"{name} works along 1, 2 or 3 axes: inputs need the batch, these axes and the "
            "channels, and the kernel the same number of axes; got inputs of shape "
            f"{tuple(inputs.shape)} and a kernel of shape {tuple(kernel.shape)}."
        )
    return inputs, kernel


def _options(
    name: str, kernel: Any, strides: Any, padding: Any, data_format: Any, dilation: Any
) -> Options:
    """The four options, standardized, in the order of ``Options``."""
    rank = len(kernel.shape) - 2
    return (
        standardize_tuple(strides, rank, "strides", name),
        standardize_padding(padding, name, causal=rank == 1),
        standardize_data_format(data_format, name),
        standardize_tuple(dilation, rank, "dilation_rate", name),
    )


def _check_groups(inputs: Any, kernel: Any, data_format: str) -> None:
    """Raise ValueError if the kernel's filters cannot be divided among the groups."""
    have = inputs.shape[-1 if data_format == "channels_last" else 1]
    *_, each, filters = kernel.shape
    if have and each and filters and filters % (have // each):
        raise ValueError(
            f"conv: the inputs have {have} channels and the kernel takes {each} of them, which "
            f"makes {have // each} groups; these must divide its {filters} filters: inputs "
            f"{tuple(inputs.shape)}, {data_format}, kernel {tuple(kernel.shape)}."
        )


def _check_channels(
    name: str, inputs: Any, kernel: Any, axis: int, data_format: str, groups: bool = False
) -> None:
    """Raise ValueError if the inputs' channels do not fit those on this axis of the kernel."""
    have, wanted = inputs.shape[-1 if data_format == "channels_last" else 1], kernel.shape[axis]
    if None in (have, wanted) or have == wanted or (groups and wanted and have % wanted == 0):
        return
    raise ValueError(
        f"{name}: the inputs have {have} channels, but the kernel expects {wanted}"
        f"{', or a multiple of it' if groups else ''}: inputs {tuple(inputs.shape)}, "
        f"{data_format}, kernel {tuple(kernel.shape)}."
    )


def _record(operation: Any, inputs: Any, kernel: Any, shape: tuple, *options: Any) -> KerasTensor:
    output = KerasTensor(shape, common_float(operation.__name__, (inputs, kernel)))
    return record(operation, (inputs, kernel, *options), {}, output)


def _record_fused(
    operation: Any, inputs: Any, kernel: Any, bias: Any, shape: tuple, *options: Any
) -> Any:
    output = KerasTensor(shape, common_float(operation.__name__, (inputs, kernel)))
    return record(operation, (inputs, kernel, bias, *options), {}, output)


__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]
