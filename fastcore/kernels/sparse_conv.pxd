"""The gradients of a convolution of whose dz few numbers are not 0. See sparse_conv.pyx."""

from .conv cimport Conv
from .conv_walk cimport Field

# Whether it is worth looking at dz: a shape rule.
cdef bint sparse_may_pay(const Conv* p, const Field* dz) noexcept nogil

# dx (unless it is NULL), dkernel and dbias (unless it is NULL); returns whether they are done.
# False: too many numbers of dz are not 0, one of dz, of x or of the kernel is not finite, or there
# was no memory.
# dense: where a plan is being made, it is set to what says in each run whether that is so then;
# else, and where nothing has been tried, it stays as it is. Arrays as in conv.pxd. Callable without
# the GIL.
cdef bint sparse_backward(
    const Conv* p, const Field* x, const Field* dz, const void* kernel, void* dx, void* dkernel,
    void* dbias, const int** dense,
) noexcept nogil
