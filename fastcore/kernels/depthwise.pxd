"""Depthwise convolution with one filter for each channel. See depthwise.pyx."""

from .conv cimport Conv

# All arrays of the type that p.single names; p.filters == p.channels. They return -1 where there
# was no memory for the work areas.

# y; bias may be NULL. p.activation is applied.
cdef int depthwise_forward(
    const Conv* p, const void* x, const void* kernel, const void* bias, void* y,
) noexcept nogil

# dx unless it is NULL, dkernel, and dbias unless it is NULL. The derivative of p.activation is
# taken from y.
cdef int depthwise_backward(
    const Conv* p, const void* x, const void* kernel, const void* y, const void* dy,
    void* dx, void* dkernel, void* dbias,
) noexcept nogil
