"""The convolution of every shape, without a transform. See direct_conv.pyx."""

from .conv cimport Conv
from .conv_walk cimport Field

# result := activation(source * kernel + bias). Along the convolution the source has the shape of x
# and the result that of y; `reverse`: the other way round, as the gradient goes. bias: as many
# numbers as the result has channels, or NULL. Arrays as conv.pxd describes them; none may overlap.
# Returns -1 if there was no memory for the work areas (the result is then undefined), else 0.
# Callable without the GIL.
cdef int direct_product(
    const Conv* p, bint reverse, const Field* source, const void* kernel, const void* bias,
    int activation, void* result,
) noexcept nogil
