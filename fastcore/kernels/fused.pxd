"""Twin of reference/_fused.py: activations applied where a result is made, derivatives from y."""

from .arrays cimport real
from .vector_math cimport vsigmoid, vtanh

cdef extern from "activation_codes.h" nogil:
    enum:
        LINEAR
        RELU
        TANH
        SIGMOID


cdef inline int activation_code(object name) except -1:
    """The number of an activation that can be applied where a result is made."""
    if name == "linear":
        return LINEAR
    if name == "relu":
        return RELU
    if name == "tanh":
        return TANH
    if name == "sigmoid":
        return SIGMOID
    from ...reference._fused import activation_pair

    activation_pair(name)  # raises, in the same words as the reference
    raise ValueError(f"reference._fused knows {name!r}, the fast engine does not")


cdef inline void activate(int code, Py_ssize_t n, real* y) noexcept nogil:
    """y[i] := activation(y[i])"""
    cdef Py_ssize_t i
    if code == RELU:
        for i in range(n):
            y[i] = <real>0.0 if y[i] < 0 else y[i]
    elif code == TANH:
        for i in range(n):
            y[i] = vtanh(y[i])
    elif code == SIGMOID:
        for i in range(n):
            y[i] = vsigmoid(y[i])


cdef inline void activate_rows(
    int code, Py_ssize_t rows, Py_ssize_t columns, real* y, Py_ssize_t y_row,
) noexcept nogil:
    """The same for rows that are y_row numbers apart: all at once where nothing lies between."""
    cdef Py_ssize_t i
    if columns == y_row:
        rows, columns = 1, rows * columns
    for i in range(rows):
        activate(code, columns, y + i * y_row)


cdef inline void derive(
    int code, Py_ssize_t n, const real* dy, const real* y, real* dz,
) noexcept nogil:
    """dz[i] := dy[i] activation'(z[i]), from y[i] = activation(z[i])"""
    cdef Py_ssize_t i
    if code == LINEAR:
        for i in range(n):
            dz[i] = dy[i]
    elif code == RELU:
        for i in range(n):
            dz[i] = dy[i] if y[i] > 0 else <real>0.0
    elif code == TANH:
        for i in range(n):
            dz[i] = dy[i] * (<real>1.0 - y[i] * y[i])
    elif code == SIGMOID:
        for i in range(n):
            dz[i] = dy[i] * (y[i] * (<real>1.0 - y[i]))
