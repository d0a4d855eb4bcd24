"""What every kernel of a convolution is told: its sizes, without any array."""

from .arrays cimport real


# One convolution, always of three spatial axes: 1-D is [1, 1, W], 2-D is [1, H, W]. An axis that is
# not there has size, window, stride, dilation and out 1 and before 0.
#
#     z[n, o, f] = bias[f] + sum_k,c x[n, o * stride + k * dilation - before, c] kernel[k, c, f]
#     y = activation(z)
#
# x (batch, *size, channels), kernel (*window, channels / groups, filters), y (batch, *out,
# filters); x counts as zero outside of `size`. The padding after is what `out` implies. All arrays
# are C-contiguous and of one type, which `single` names. A transposed convolution is described by
# the convolution of which it is the gradient: its result is x, its argument y.
cdef struct Conv:
    Py_ssize_t batch
    Py_ssize_t channels
    Py_ssize_t filters
    Py_ssize_t groups
    Py_ssize_t size[3]
    Py_ssize_t window[3]
    Py_ssize_t stride[3]
    Py_ssize_t before[3]
    Py_ssize_t dilation[3]
    Py_ssize_t out[3]
    int activation  # LINEAR, RELU, TANH or SIGMOID of fused.pxd: what forward applies to y
    bint single     # float, else double


cdef inline bint all_finite(const real* x, Py_ssize_t count) noexcept nogil:
    cdef bint found = False
    cdef Py_ssize_t i
    for i in range(count):
        found |= x[i] - x[i] != 0
    return not found
