"""Convolution by Winograd's transform. See winograd.pyx."""

from .conv cimport Conv

# Whether the three functions below take this convolution and gain by it: a shape rule.
cdef bint winograd_pays(const Conv* p) noexcept nogil

# Each returns whether it is done. False: there was no memory, or a number is not finite (the
# transform would spread it over a tile, or turn infinity into NaN); what was written is then
# worthless, and another way has to be taken. Arrays as in conv.pxd, of the type that p.single
# names; bias, y and dbias may be NULL. Callable without the GIL.
# failed: where a plan is being made, it is set to what says in each run whether that is so then;
# else, and where nothing has been tried, it stays as it is.
# pooled: NULL, or the sizes of y where of every 2 x 2 results (of 2 along a line) the largest is
# wanted; the last ones of an odd size stand alone or are left out. Linear or relu then.
# argmax: NULL, or with `pooled` which of them it is, as in reference/pooling.py.
cdef bint winograd_forward(
    const Conv* p, const void* x, const void* kernel, const void* bias, const Py_ssize_t* pooled,
    void* y, unsigned char* argmax, const int** failed,
) noexcept nogil

# The gradients, from dz = dy activation'(y), which is formed while dy is read. y == NULL: dy is dz.
cdef bint winograd_dx(
    const Conv* p, const void* dy, const void* y, const void* kernel, void* dx, const int** failed,
) noexcept nogil
cdef bint winograd_dkernel(
    const Conv* p, const void* x, const void* dy, const void* y, void* dkernel, void* dbias,
    const int** failed,
) noexcept nogil
