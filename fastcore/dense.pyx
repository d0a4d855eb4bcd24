"""Twin of reference/dense.py: the dense layer and the batched matrix product."""

import math

import numpy as np

cimport numpy as cnp

from .kernels.arrays cimport (
    as_real, data, dim, new_array, new_like, new_vector, rank, real, real_type, same_shape,
)
from .kernels.fused cimport LINEAR, activation_code, derive
from .kernels.gemm cimport gemm, gemm_batch
from .kernels.threads cimport run_typed

from ..reference._shapes import broadcast_axes, check_cotangent, check_dense, matmul_shape, sum_to

cnp.import_array()

# Below this many multiplications, giving the GIL away and taking it back costs more than others
# gain.
cdef double RELEASE_GIL = 50_000
# Rows of dz that one partial sum of dbias covers hold about this many numbers.
cdef Py_ssize_t SUM_CHUNK = 16384


# ---------------------------------------------------------------------------------- kernels

cdef struct Walk:
    int code            # the activation
    bint single
    Py_ssize_t rows
    Py_ssize_t units
    Py_ssize_t chunk_rows
    Py_ssize_t chunks
    const void* dy
    const void* y
    void* dz            # NULL: dy itself is dz
    void* sums          # one row of sums over rows for each chunk; NULL: there is no bias
    void* total         # dbias; the same as `sums` for a single chunk


cdef void dz_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """dz and its sums over rows, for one chunk of rows."""
    cdef const Walk* p = <const Walk*>context
    cdef Py_ssize_t units = p.units
    cdef Py_ssize_t first = chunk * p.chunk_rows
    cdef Py_ssize_t rows = min(p.chunk_rows, p.rows - first)
    cdef const real* line = <const real*>p.dy + first * units
    cdef real* dz = <real*>p.dz
    cdef real* sums = <real*>p.sums
    cdef Py_ssize_t i, j
    if dz != NULL:
        derive(p.code, rows * units, line, <const real*>p.y + first * units, dz + first * units)
        line = dz + first * units
    if sums != NULL:
        sums += chunk * units
        for j in range(units):
            sums[j] = 0
        for i in range(rows):
            for j in range(units):
                sums[j] += line[i * units + j]


cdef void add_rows(Py_ssize_t rows, Py_ssize_t columns, const real* a, real* out) noexcept nogil:
    """out[j] := sum_i a[i, j], in the order of i."""
    cdef Py_ssize_t i, j
    for j in range(columns):
        out[j] = 0
    for i in range(rows):
        for j in range(columns):
            out[j] += a[i * columns + j]


cdef void forward(
    bint single, Py_ssize_t rows, Py_ssize_t features, Py_ssize_t units, int code,
    const void* x, const void* kernel, const void* bias,
    void* y,
) noexcept nogil:
    if single:
        gemm[float](
            False, False, rows, units, features, <const float*>x, features,
            <const float*>kernel, units, <float*>y, units, <const float*>bias, code, False,
        )
    else:
        gemm[double](
            False, False, rows, units, features, <const double*>x, features,
            <const double*>kernel, units, <double*>y, units, <const double*>bias, code, False,
        )


cdef void times_transposed(
    bint single, Py_ssize_t rows, Py_ssize_t inner, Py_ssize_t columns,
    const void* a, const void* b, void* c,
) noexcept nogil:
    """c[i, j] := sum_l a[i, l] b[j, l]: the gradient of the left factor."""
    if single:
        gemm[float](
            False, True, rows, columns, inner, <const float*>a, inner, <const float*>b, inner,
            <float*>c, columns, NULL, LINEAR, False,
        )
    else:
        gemm[double](
            False, True, rows, columns, inner, <const double*>a, inner, <const double*>b, inner,
            <double*>c, columns, NULL, LINEAR, False,
        )


cdef void transposed_times(
    bint single, Py_ssize_t rows, Py_ssize_t inner, Py_ssize_t columns,
    const void* a, const void* b, void* c,
) noexcept nogil:
    """c[i, j] := sum_l a[l, i] b[l, j]: the gradient of the right factor."""
    if single:
        gemm[float](
            True, False, rows, columns, inner, <const float*>a, rows, <const float*>b, columns,
            <float*>c, columns, NULL, LINEAR, False,
        )
    else:
        gemm[double](
            True, False, rows, columns, inner, <const double*>a, rows, <const double*>b, columns,
            <double*>c, columns, NULL, LINEAR, False,
        )


cdef void backward(
    Walk* walk, Py_ssize_t features,
    const void* dz, const void* x, const void* kernel,
    void* dkernel, void* dx,
) noexcept nogil:
    if walk.dz != NULL or walk.sums != NULL:
        run_typed(
            walk.single, dz_task[float], dz_task[double], walk.chunks, walk,
            3.0 * walk.rows * walk.units,
        )
        if walk.sums != walk.total:
            if walk.single:
                add_rows[float](
                    walk.chunks, walk.units, <const float*>walk.sums, <float*>walk.total,
                )
            else:
                add_rows[double](
                    walk.chunks, walk.units, <const double*>walk.sums, <double*>walk.total,
                )
    transposed_times(walk.single, features, walk.rows, walk.units, x, dz, dkernel)
    if dx != NULL:
        times_transposed(walk.single, walk.rows, walk.units, features, dz, kernel, dx)


cdef void batch(
    bint single, bint transpose_a, bint transpose_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const void* a, Py_ssize_t[::1] a_at, const void* b, Py_ssize_t[::1] b_at, void* c,
) noexcept nogil:
    cdef Py_ssize_t count = a_at.shape[0]
    if count == 0:
        return
    if single:
        gemm_batch[float](
            transpose_a, transpose_b, count, m, n, k, <const float*>a, &a_at[0],
            <const float*>b, &b_at[0], <float*>c,
        )
    else:
        gemm_batch[double](
            transpose_a, transpose_b, count, m, n, k, <const double*>a, &a_at[0],
            <const double*>b, &b_at[0], <double*>c,
        )


# ------------------------------------------------------------------------------- public twins

cdef Py_ssize_t leading(cnp.ndarray a) noexcept:
    """Number of rows: the product of all the axes but the last."""
    cdef Py_ssize_t rows = 1
    cdef int i
    for i in range(rank(a) - 1):
        rows *= dim(a, i)
    return rows


def dense_forward(x, kernel, bias, activation="linear"):
    """Twin of reference.dense.dense_forward. gemm adds bias and activation to its tiles."""
    cdef int typenum = real_type(x)
    cdef int code = activation_code(activation)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray ks = as_real(kernel, typenum)
    cdef cnp.ndarray bs = as_real(bias, typenum) if bias is not None else None
    cdef cnp.npy_intp dims[64]
    cdef int axes = rank(xs)
    cdef int i
    if axes < 2 or rank(ks) != 2 or dim(xs, axes - 1) != dim(ks, 0) or (
        bs is not None and (rank(bs) != 1 or dim(bs, 0) != dim(ks, 1))
    ):
        check_dense(x.shape, kernel.shape, None if bias is None else bias.shape)
    for i in range(axes - 1):
        dims[i] = dim(xs, i)
    dims[axes - 1] = dim(ks, 1)
    cdef cnp.ndarray y = new_array(axes, dims, typenum)
    cdef bint single = typenum == cnp.NPY_FLOAT
    cdef Py_ssize_t rows = leading(xs), features = dim(ks, 0), units = dim(ks, 1)
    cdef const void* x_data = data(xs)
    cdef const void* kernel_data = data(ks)
    cdef const void* bias_data = data(bs) if bs is not None else NULL
    cdef void* y_data = data(y)
    if <double>rows * features * units < RELEASE_GIL:
        forward(single, rows, features, units, code, x_data, kernel_data, bias_data, y_data)
    else:
        with nogil:
            forward(single, rows, features, units, code, x_data, kernel_data, bias_data, y_data)
    return y, (xs, ks, y, bs is not None, activation)


cdef int check_cache(cnp.ndarray x, cnp.ndarray kernel, cnp.ndarray y) except -1:
    """Refuse a cache whose arrays do not belong together, before anything is read or written."""
    cdef int last = rank(x) - 1
    if (
        rank(kernel) != 2 or last < 1 or rank(y) != last + 1 or leading(x) != leading(y)
        or dim(x, last) != dim(kernel, 0) or dim(y, last) != dim(kernel, 1)
    ):
        raise ValueError(
            "dense_backward: the cache is not one of dense_forward: it holds x, kernel and y of "
            f"shapes {(<object>x).shape}, {(<object>kernel).shape} and {(<object>y).shape}"
        )
    return 0


def dense_backward(dy, cache, need_dx=True):
    """Twin of reference.dense.dense_backward. One walk over dy gives dz and dbias."""
    x, kernel, y, has_bias, activation = cache
    cdef int typenum = real_type(y)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    cdef cnp.ndarray ys = as_real(y, typenum)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray ks = as_real(kernel, typenum)
    if not same_shape(dys, ys):
        check_cotangent("dense_backward", dy.shape, y.shape)
    check_cache(xs, ks, ys)
    cdef bint single = typenum == cnp.NPY_FLOAT
    cdef Py_ssize_t features = dim(ks, 0), units = dim(ks, 1)
    cdef cnp.npy_intp dims[2]
    cdef Walk walk
    walk.code = activation_code(activation)
    walk.single = single
    walk.rows, walk.units = leading(ys), units
    walk.chunk_rows = max(1, SUM_CHUNK // max(1, units))
    walk.chunks = (walk.rows + walk.chunk_rows - 1) // walk.chunk_rows

    cdef cnp.ndarray dz = new_like(ys) if walk.code != LINEAR else dys
    cdef cnp.ndarray dbias = None, sums = None
    if has_bias:
        dbias = new_vector(units, typenum)
        sums = dbias
        if walk.chunks != 1:
            dims[0], dims[1] = walk.chunks, units
            sums = new_array(2, dims, typenum)
    cdef cnp.ndarray dkernel = new_like(ks)
    cdef cnp.ndarray dx = new_like(xs) if need_dx else None

    walk.dy, walk.y = data(dys), data(ys)
    walk.dz = data(dz) if walk.code != LINEAR else NULL
    walk.sums = data(sums) if has_bias else NULL
    walk.total = data(dbias) if has_bias else NULL
    cdef const void* dz_data = data(dz)
    cdef const void* x_data = data(xs)
    cdef const void* kernel_data = data(ks)
    cdef void* dkernel_data = data(dkernel)
    cdef void* dx_data = data(dx) if need_dx else NULL
    if <double>walk.rows * features * units < RELEASE_GIL:
        backward(&walk, features, dz_data, x_data, kernel_data, dkernel_data, dx_data)
    else:
        with nogil:
            backward(&walk, features, dz_data, x_data, kernel_data, dkernel_data, dx_data)
    return dx, dkernel, dbias


def matmul_forward(a, b):
    """Twin of reference.dense.matmul_forward. Where b is one matrix, so is all of a."""
    cdef int typenum = real_type(a)
    cdef cnp.ndarray left = as_real(a, typenum)
    cdef cnp.ndarray right = as_real(b, typenum)
    cdef cnp.npy_intp dims[64]
    cdef cnp.ndarray y
    cdef Py_ssize_t[::1] a_at, b_at
    cdef Py_ssize_t m, n, k
    cdef bint single = typenum == cnp.NPY_FLOAT
    cdef const void* left_data = data(left)
    cdef const void* right_data = data(right)
    cdef void* y_data
    cdef int axes = rank(left)
    cdef int i
    if axes >= 2 and rank(right) == 2 and dim(left, axes - 1) == dim(right, 0):  # no tuples
        for i in range(axes - 1):
            dims[i] = dim(left, i)
        dims[axes - 1] = dim(right, 1)
        y = new_array(axes, dims, typenum)
    else:
        y = empty_of(matmul_shape(a.shape, b.shape), typenum)
    y_data = data(y)
    n = dim(right, rank(right) - 1) if rank(right) > 1 else 1
    k = dim(left, axes - 1)
    if rank(right) <= 2:
        m = leading(left)
        if <double>m * n * k < RELEASE_GIL:
            forward(single, m, k, n, LINEAR, left_data, right_data, NULL, y_data)
        else:
            with nogil:
                forward(single, m, k, n, LINEAR, left_data, right_data, NULL, y_data)
    else:
        m = dim(left, axes - 2) if axes > 1 else 1
        lead = broadcast_axes(a.shape, b.shape)
        a_at, b_at = starts(a.shape, lead), starts(b.shape, lead)
        with nogil:
            batch(single, False, False, m, n, k, left_data, a_at, right_data, b_at, y_data)
    return y, (left, right)


def matmul_backward(dy, cache):
    """Twin of reference.dense.matmul_backward. Where b is one matrix, so is all of a."""
    a, b = cache
    cdef int typenum = real_type(a)
    cdef cnp.ndarray left = as_real(a, typenum)
    cdef cnp.ndarray right = as_real(b, typenum)
    cdef cnp.ndarray out = as_real(dy, typenum)
    check_cotangent("matmul_backward", dy.shape, matmul_shape(a.shape, b.shape))
    cdef bint single = typenum == cnp.NPY_FLOAT
    cdef Py_ssize_t n = dim(right, rank(right) - 1) if rank(right) > 1 else 1
    cdef Py_ssize_t k = dim(left, rank(left) - 1)
    cdef Py_ssize_t m
    cdef cnp.ndarray da, db
    cdef Py_ssize_t[::1] a_at, b_at, y_at
    cdef const void* left_data = data(left)
    cdef const void* right_data = data(right)
    cdef const void* dy_data = data(out)
    cdef void* da_data
    cdef void* db_data
    if rank(right) <= 2:
        m = leading(left)
        da, db = new_like(left), new_like(right)
        da_data, db_data = data(da), data(db)
        with nogil:
            times_transposed(single, m, n, k, dy_data, right_data, da_data)
            transposed_times(single, k, m, n, left_data, dy_data, db_data)
        return da, db
    m = dim(left, rank(left) - 2) if rank(left) > 1 else 1
    lead = broadcast_axes(a.shape, b.shape)
    a_at, b_at = starts(a.shape, lead), starts(b.shape, lead)
    y_at = starts((*lead, m, n), lead)
    da, db = empty_of((*lead, m, k), typenum), empty_of((*lead, k, n), typenum)
    da_data, db_data = data(da), data(db)
    with nogil:
        batch(single, False, True, m, k, n, dy_data, y_at, right_data, b_at, da_data)
        batch(single, True, False, k, n, m, left_data, a_at, dy_data, y_at, db_data)
    da = sum_to(da, (1, k) if rank(left) == 1 else a.shape).reshape(a.shape)
    return da, sum_to(db, b.shape)


cdef cnp.ndarray empty_of(tuple shape, int typenum):
    cdef cnp.npy_intp dims[64]
    cdef int i
    for i in range(len(shape)):
        dims[i] = shape[i]
    return new_array(<int>len(shape), dims, typenum)


cdef Py_ssize_t[::1] starts(tuple shape, tuple lead):
    """Where the matrix of each product of a batch begins in an array of this shape."""
    cdef Py_ssize_t axes = max(0, len(shape) - 2)
    first = np.arange(math.prod(shape[:axes]), dtype=np.intp) * math.prod(shape[axes:])
    repeated = np.broadcast_to(first.reshape(shape[:axes]), lead)
    return np.array(repeated, order="C").ravel()  # a copy: writable
