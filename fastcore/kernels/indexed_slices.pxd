"""The gradient of an embedding table as (rows, values): rows in rising order.

    cdef Rows rows
    note_rows(&rows, k, pair, variable)  # checks the pair and notes where its numbers lie
    spread_rows(&rows, begin, count, item, whole, False)  # what a whole gradient has there
"""

cimport numpy as cnp
from libc.string cimport memcpy, memset

from .arrays cimport dim, rank, size
from .threads cimport recorder

import numpy as np


cdef struct Rows:
    const cnp.int64_t* named  # NULL where the gradient of a variable is a whole array
    const char* values
    Py_ssize_t count
    Py_ssize_t width          # elements of a row


cdef inline int note_rows(Rows* rows, Py_ssize_t k, tuple pair, cnp.ndarray variable) except -1:
    """Check the gradient of variable k; its arrays are int64 or real, and C-contiguous."""
    cdef cnp.ndarray named, values
    cdef Py_ssize_t i
    cdef cnp.int64_t last = -1
    named, values = pair
    if (
        rank(named) != 1
        or rank(variable) == 0
        or cnp.PyArray_TYPE(values) != cnp.PyArray_TYPE(variable)
        or np.shape(values) != (dim(named, 0), *np.shape(variable)[1:])
    ):
        raise ValueError(
            f"gradients[{k}] has rows of shape {np.shape(named)} and values of dtype "
            f"{values.dtype} and shape {np.shape(values)}, but variables[{k}] has "
            f"{variable.dtype} and {np.shape(variable)}"
        )
    rows.named = <const cnp.int64_t*> cnp.PyArray_DATA(named)
    rows.values = <const char*> cnp.PyArray_DATA(values)
    rows.count = dim(named, 0)
    rows.width = size(variable) // max(1, dim(variable, 0))
    for i in range(rows.count):
        if rows.named[i] == dim(variable, 0) and recorder() != NULL:
            break  # in a plan no row is named from here on
        if not last < rows.named[i] < dim(variable, 0):
            raise ValueError(
                f"gradients[{k}] must name rows of a table of {dim(variable, 0)}, each once "
                f"and in rising order, but row {rows.named[i]} is at {i}"
            )
        last = rows.named[i]
    return 0


cdef inline Py_ssize_t first_from(const Rows* rows, Py_ssize_t row) noexcept nogil:
    """Which of the named rows is the first that is this one or a later one."""
    cdef Py_ssize_t low = 0, high = rows.count, middle
    while low < high:
        middle = (low + high) // 2
        if rows.named[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline bint spread_rows(
    const Rows* rows, Py_ssize_t begin, Py_ssize_t count, Py_ssize_t item, char* whole, bint skip
) noexcept nogil:
    """Write the elements from `begin` on, of `item` bytes each, zeros where no row is named.

    With `skip`, nothing is written where no row is named at all. Returns whether it was.
    """
    cdef Py_ssize_t end = begin + count, row, low, high
    cdef Py_ssize_t i = first_from(rows, begin // rows.width)
    if skip and (i == rows.count or rows.named[i] * rows.width >= end):
        return False
    memset(whole, 0, count * item)
    while i < rows.count and rows.named[i] * rows.width < end:
        row = rows.named[i] * rows.width
        low, high = max(begin, row), min(end, row + rows.width)
        memcpy(
            whole + (low - begin) * item,
            rows.values + (i * rows.width + low - row) * item,
            (high - low) * item,
        )
        i += 1
    return True
