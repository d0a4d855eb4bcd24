"""The gradient of a convolution's kernel, without a transform. See conv_dkernel.pyx."""

from .conv cimport Conv
from .conv_walk cimport Field

# Both return -1 if there was no memory for their work areas (the results are then undefined), else
# 0. Arrays as conv.pxd describes them; none may overlap. Callable without the GIL.

# dkernel := sum over places of x dz, dbias := sum over places of dz (where not NULL).
cdef int direct_dkernel(
    const Conv* p, const Field* x, const Field* dz, void* dkernel, void* dbias,
) noexcept nogil

# sums := the sum of the rows of a field, which are of the type that `single` names.
cdef int sum_places(
    bint single, Py_ssize_t rows, Py_ssize_t columns, const Field* field, void* sums,
) noexcept nogil
