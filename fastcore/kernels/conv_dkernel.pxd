"""The gradient of a convolution's kernel, without a transform. See conv_dkernel.pyx."""

from .arrays cimport real
from .conv cimport Conv
from .conv_walk cimport Field

# Both return -1 if there was no memory for their work areas (the results are then undefined), else
# 0. Arrays as conv.pxd describes them; none may overlap. Callable without the GIL.

# dkernel := sum over places of x dz, dbias := sum over places of dz (where not NULL).
cdef int direct_dkernel(
    const Conv* p, const Field* x, const Field* dz, real* dkernel, real* dbias,
) noexcept nogil

# total := the sum of the rows of a field.
cdef int sum_places(
    Py_ssize_t rows, Py_ssize_t columns, const Field* field, real* total,
) noexcept nogil
