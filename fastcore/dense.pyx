"""Twin of reference/dense.py: the dense layer and the batched matrix product."""

import math

import numpy as np

cimport numpy as cnp
from libc.string cimport memset

from .kernels.arrays cimport (
    as_real, data, dim, new_array, new_like, new_vector, noted, rank, real, real_type, same_shape,
)
from .kernels.fused cimport LINEAR, activation_code, derive
from .kernels.gemm cimport (
    Batch, Product, add_product, end_product, multiply, multiply_batches,
)
from .kernels.threads cimport Region, add_stage, refuse_plan, run_region, typed_stage

from ..reference._shapes import broadcast_axes, check_cotangent, check_dense, matmul_shape, sum_to

cnp.import_array()

# Below this many multiplications, giving the GIL away and taking it back costs more than others
# gain.
cdef double RELEASE_GIL = 50_000
# Rows of dz that one partial sum of dbias covers hold about this many numbers.
cdef Py_ssize_t SUM_CHUNK = 16384

cdef enum:
    SUM_WIDTH = 64  # numbers of dz that are added at a time, where a row has fewer
    MANY_ROWS = 1024  # from which on that pays


# ---------------------------------------------------------------------------------- kernels

cdef struct Backward:
    int code            # the activation
    bint single
    Py_ssize_t rows
    Py_ssize_t features
    Py_ssize_t units
    Py_ssize_t chunk_rows
    Py_ssize_t chunks
    const void* dy
    const void* y
    void* dz            # NULL: dy itself is dz
    void* sums          # one row of sums over rows for each chunk; NULL: there is no bias
    void* dbias         # the same as `sums` for a single chunk


cdef void dz_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """dz and its sums over rows, for one chunk of rows."""
    cdef const Backward* p = <const Backward*>context
    cdef Py_ssize_t units = p.units
    cdef Py_ssize_t first = chunk * p.chunk_rows
    cdef Py_ssize_t rows = min(p.chunk_rows, p.rows - first)
    cdef const real* line = <const real*>p.dy + first * units
    cdef real* dz = <real*>p.dz
    cdef real* sums = <real*>p.sums
    cdef real several[SUM_WIDTH]
    cdef Py_ssize_t i, j, together = SUM_WIDTH // max(1, units)
    if dz != NULL:
        derive(p.code, rows * units, line, <const real*>p.y + first * units, dz + first * units)
        line = dz + first * units
    if sums != NULL:
        sums += chunk * units
        for j in range(units):
            sums[j] = 0
        if together > 1 and rows >= MANY_ROWS:
            # Several rows side by side: no addition waits for the one before.
            for j in range(together * units):
                several[j] = 0
            while rows >= together:
                for j in range(together * units):
                    several[j] += line[j]
                line += together * units
                rows -= together
            for i in range(together):
                for j in range(units):
                    sums[j] += several[i * units + j]
        for i in range(rows):
            for j in range(units):
                sums[j] += line[i * units + j]


cdef void add_rows_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """dbias[j] := sum_i sums[i, j], in the order of the chunks i."""
    cdef const Backward* p = <const Backward*>context
    cdef const real* sums = <const real*>p.sums
    cdef real* dbias = <real*>p.dbias
    cdef Py_ssize_t units = p.units
    cdef Py_ssize_t i, j
    for j in range(units):
        dbias[j] = 0
    for i in range(p.chunks):
        for j in range(units):
            dbias[j] += sums[i * units + j]


cdef void backward(
    Backward* p, const void* dz, const void* x, const void* kernel, void* dkernel, void* dx,
) noexcept nogil:
    """One parallel region, into which the threads are called once; more for very large products."""
    cdef Region region
    cdef Product for_dkernel, for_dx
    region.count, region.work = 0, 0
    if p.dz != NULL or p.sums != NULL:
        add_stage(
            &region,
            typed_stage(
                p.single, dz_task[float], dz_task[double], p.chunks, p, sizeof(p[0]),
            ),
            3.0 * p.rows * p.units,
        )
    add_product(  # dkernel = x^T dz
        &region, &for_dkernel, p.single, True, False, p.features, p.units, p.rows, x, p.features,
        dz, p.units, dkernel, p.units, NULL, LINEAR, False,
    )
    if dx != NULL:
        add_product(  # dx = dz kernel^T
            &region, &for_dx, p.single, False, True, p.rows, p.features, p.units, dz, p.units,
            kernel, p.units, dx, p.features, NULL, LINEAR, False,
        )
    if p.sums != p.dbias:
        add_stage(
            &region,
            typed_stage(
                p.single, add_rows_task[float], add_rows_task[double], 1, p, sizeof(p[0]),
            ),
            p.chunks * p.units,
        )
    run_region(&region)
    end_product(&for_dkernel)
    if dx != NULL:
        end_product(&for_dx)


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
        multiply(
            single, False, False, rows, units, features, x_data, features, kernel_data, units,
            y_data, units, bias_data, code, False,
        )
    else:
        with nogil:
            multiply(
                single, False, False, rows, units, features, x_data, features, kernel_data, units,
                y_data, units, bias_data, code, False,
            )
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
    cdef Backward p
    p.code = activation_code(activation)
    p.single = single
    p.rows, p.features, p.units = leading(ys), features, units
    p.chunk_rows = max(1, SUM_CHUNK // max(1, units))
    p.chunks = (p.rows + p.chunk_rows - 1) // p.chunk_rows

    cdef cnp.ndarray dz = new_like(ys) if p.code != LINEAR else dys
    cdef cnp.ndarray dbias = None, sums = None
    if has_bias:
        dbias = new_vector(units, typenum)
        sums = dbias
        if p.chunks != 1:
            dims[0], dims[1] = p.chunks, units
            sums = new_array(2, dims, typenum)
    cdef cnp.ndarray dkernel = new_like(ks)
    cdef cnp.ndarray dx = new_like(xs) if need_dx else None

    p.dy, p.y = data(dys), data(ys)
    p.dz = data(dz) if p.code != LINEAR else NULL
    p.sums = data(sums) if has_bias else NULL
    p.dbias = data(dbias) if has_bias else NULL
    cdef const void* dz_data = data(dz)
    cdef const void* x_data = data(xs)
    cdef const void* kernel_data = data(ks)
    cdef void* dkernel_data = data(dkernel)
    cdef void* dx_data = data(dx) if need_dx else NULL
    if <double>p.rows * features * units < RELEASE_GIL:
        backward(&p, dz_data, x_data, kernel_data, dkernel_data, dx_data)
    else:
        with nogil:
            backward(&p, dz_data, x_data, kernel_data, dkernel_data, dx_data)
    return dx, dkernel, dbias


def matmul_forward(a, b):
    """Twin of reference.dense.matmul_forward. Where b is one matrix, so is all of a."""
    cdef int typenum = real_type(a)
    cdef cnp.ndarray left = as_real(a, typenum)
    cdef cnp.ndarray right = as_real(b, typenum)
    cdef cnp.npy_intp dims[64]
    cdef cnp.ndarray y
    cdef cnp.ndarray a_at, b_at
    cdef Py_ssize_t m, n, k
    cdef bint single = typenum == cnp.NPY_FLOAT
    cdef const void* left_data = data(left)
    cdef const void* right_data = data(right)
    cdef void* y_data
    cdef Batch batch
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
        with nogil:
            multiply(
                single, False, False, m, n, k, left_data, k, right_data, n, y_data, n, NULL,
                LINEAR, False,
            )
    else:
        m = dim(left, axes - 2) if axes > 1 else 1
        lead = broadcast_axes(a.shape, b.shape)
        a_at, b_at = starts(a.shape, lead), starts(b.shape, lead)
        set_batch(&batch, False, False, m, n, k, left_data, a_at, right_data, b_at, y_data)
        with nogil:
            multiply_batches(single, 1, &batch)
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
    cdef cnp.ndarray a_at, b_at, y_at
    cdef const void* left_data = data(left)
    cdef const void* right_data = data(right)
    cdef const void* dy_data = data(out)
    cdef void* da_data
    cdef void* db_data
    cdef Backward p
    cdef Batch batches[2]
    if rank(right) <= 2:
        m = leading(left)
        da, db = new_like(left), new_like(right)
        da_data, db_data = data(da), data(db)
        memset(&p, 0, sizeof(Backward))  # no activation, no bias
        p.single, p.rows, p.features, p.units = single, m, k, n
        with nogil:
            backward(&p, dy_data, left_data, right_data, db_data, da_data)
        return da, db
    m = dim(left, rank(left) - 2) if rank(left) > 1 else 1
    lead = broadcast_axes(a.shape, b.shape)
    a_at, b_at = starts(a.shape, lead), starts(b.shape, lead)
    y_at = starts((*lead, m, n), lead)
    da, db = empty_of((*lead, m, k), typenum), empty_of((*lead, k, n), typenum)
    da_data, db_data = data(da), data(db)
    set_batch(&batches[0], False, True, m, k, n, dy_data, y_at, right_data, b_at, da_data)
    set_batch(&batches[1], True, False, k, n, m, left_data, a_at, dy_data, y_at, db_data)
    with nogil:
        multiply_batches(single, 2, batches)
    refuse_plan("the gradients of a batch of products are summed by NumPy")
    da = sum_to(da, (1, k) if rank(left) == 1 else a.shape).reshape(a.shape)
    return da, sum_to(db, b.shape)


cdef cnp.ndarray empty_of(tuple shape, int typenum):
    cdef cnp.npy_intp dims[64]
    cdef int i
    for i in range(len(shape)):
        dims[i] = shape[i]
    return new_array(<int>len(shape), dims, typenum)


cdef void set_batch(
    Batch* batch, bint transpose_a, bint transpose_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
    const void* a, cnp.ndarray a_at, const void* b, cnp.ndarray b_at, void* c,
) noexcept:
    batch.count = dim(a_at, 0)
    batch.transpose_a, batch.transpose_b = transpose_a, transpose_b
    batch.m, batch.n, batch.k = m, n, k
    batch.a, batch.b, batch.c = a, b, c
    batch.a_at, batch.b_at = <const Py_ssize_t*>data(a_at), <const Py_ssize_t*>data(b_at)


cdef cnp.ndarray starts(tuple shape, tuple lead):
    """Where the matrix of each product of a batch begins in an array of this shape."""
    cdef Py_ssize_t axes = max(0, len(shape) - 2)
    first = np.arange(math.prod(shape[:axes]), dtype=np.intp) * math.prod(shape[axes:])
    repeated = np.broadcast_to(first.reshape(shape[:axes]), lead)
    return noted(np.array(repeated, order="C").ravel())  # a copy of its own
