"""Twin of reference/normalization.py.

Over a row (unit, RMS, layer) see norm_rows.pyx: a row stays in the first-level cache while it is
summed and written. Over columns (group, batch) see norm_columns.pyx.
"""

import numpy as np

cimport numpy as cnp
from libc.math cimport NAN

from .kernels.arrays cimport (
    as_real, as_type, data, dim, new_array, new_like, new_vector, rank, real_type, same_shape, size,
)
from .kernels.norm_columns cimport (
    MAP_LINES, Columns, lay_out, normalize, normalize_backward, normalize_given,
    normalize_given_backward, partial_size,
)
from .kernels.norm_rows cimport Rows, lay_out_rows, run_rows, sums_of_rows
from .kernels.norm_tile cimport LAYER_ROWS, RMS_ROWS, UNIT_ROWS
from .kernels.threads cimport recorder

from ..reference._normal import check_cotangents, check_groups, check_mask, check_vectors
from ..reference._shapes import check_cotangent

cnp.import_array()

# Below this many elements, giving the GIL away and taking it back costs more than others gain.
cdef Py_ssize_t RELEASE_GIL = 10_000

# ------------------------------------------------------------------------------- rows, tier 1

cdef cnp.ndarray column_like(cnp.ndarray x):
    """An array (..., 1): a number for each row of x."""
    cdef cnp.npy_intp dims[64]
    cdef int i, axes = rank(x)
    for i in range(axes - 1):
        dims[i] = dim(x, i)
    dims[axes - 1] = 1
    return new_array(axes, dims, cnp.PyArray_TYPE(x))


cdef void set_up(Rows* p, int kind, cnp.ndarray x) noexcept:
    """Fill in the sizes, for x (..., width)."""
    cdef Py_ssize_t width = dim(x, rank(x) - 1)
    lay_out_rows(
        p, kind, cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT, size(x) // width if width else 0, width
    )
    p.x = data(x)


cdef void run(Rows* p) noexcept:
    if p.rows * p.width >= RELEASE_GIL:
        with nogil:
            run_rows(p)
    else:
        run_rows(p)


cdef cnp.ndarray vector_of(object v, int typenum):
    return as_real(v, typenum) if v is not None else None


cdef cnp.ndarray ones_of(object mask, int typenum):
    """A mask of any type as numbers: 1, or 0 where it is 0."""
    if mask is None:
        return None
    if not cnp.PyArray_Check(mask) or mask.dtype.kind not in "biufc":
        raise TypeError(
            "a mask is an array of truth values or of numbers, got "
            f"{mask.dtype if cnp.PyArray_Check(mask) else type(mask).__name__}"
        )
    return as_type(np.not_equal(mask, 0), typenum)


cdef inline bint fits(cnp.ndarray v, Py_ssize_t length) noexcept:
    return v is None or (rank(v) == 1 and dim(v, 0) == length)


cdef inline const void* data_or_null(cnp.ndarray a) noexcept:
    return data(a) if a is not None else NULL


cdef tuple forward_of(int kind, str name, x, gamma, beta, double epsilon):
    """x, gamma, mean, inv and y, all arrays or None, of a normalisation over rows."""
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray gs = vector_of(gamma, typenum)
    cdef cnp.ndarray bs = vector_of(beta, typenum)
    cdef Rows p
    if rank(xs) < 1 or not fits(gs, dim(xs, rank(xs) - 1)) or not fits(bs, dim(xs, rank(xs) - 1)):
        check_vectors(name, x, gamma=gamma, beta=beta)
    set_up(&p, kind, xs)
    cdef cnp.ndarray mean = column_like(xs) if kind == LAYER_ROWS else None
    cdef cnp.ndarray inv = column_like(xs)
    cdef cnp.ndarray y = new_like(xs)
    p.epsilon = epsilon
    p.gamma, p.beta = data_or_null(gs), data_or_null(bs)
    p.mean, p.inv, p.out = <void*>data_or_null(mean), data(inv), data(y)
    run(&p)
    return xs, gs, mean, inv, y


cdef cnp.ndarray partial(Rows* p, int typenum):
    """Room for a sum over rows: a vector, or a line for each chunk of which the first is it."""
    cdef cnp.npy_intp dims[2]
    dims[0], dims[1] = sums_of_rows(p), p.width
    return new_array(2, dims, typenum)


cdef object finished(cnp.ndarray sums):
    """The vector in front of the work area, without keeping that alive."""
    if sums is None:
        return None
    if dim(sums, 0) > 1 and recorder() == NULL:
        return (<object>sums)[0].copy()
    return (<object>sums)[0]  # all of it, or a plan keeps the work area anyway


cdef tuple backward_of(
    int kind, str name, dy, x, gamma, bint has_beta, mean, inv, double epsilon, bint need_dx,
):
    """dx, dgamma and dbeta, each None where it is not wanted."""
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    cdef cnp.ndarray gs = vector_of(gamma, typenum)
    cdef cnp.ndarray ms = vector_of(mean, typenum)
    cdef cnp.ndarray vs = as_real(inv, typenum)
    cdef Rows p
    if not same_shape(dys, xs):
        check_cotangent(name, dy.shape, x.shape)
    if rank(xs):
        set_up(&p, kind, xs)
    if (
        rank(xs) < 1 or not fits(gs, p.width) or size(vs) * p.width != size(xs)
        or (kind == LAYER_ROWS and (ms is None or not same_shape(ms, vs)))
    ):
        raise ValueError(f"{name}: the cache is not one of the forward function: x has shape "
                         f"{x.shape}, and its scale {inv.shape}")
    cdef cnp.ndarray dx = new_like(xs) if need_dx else None
    cdef cnp.ndarray dgamma = partial(&p, typenum) if gs is not None else None
    cdef cnp.ndarray dbeta = partial(&p, typenum) if has_beta else None
    p.epsilon = epsilon
    p.dy, p.gamma = data(dys), data_or_null(gs)
    p.mean, p.inv, p.out = <void*>data_or_null(ms), data(vs), <void*>data_or_null(dx)
    p.dgamma, p.dbeta = <void*>data_or_null(dgamma), <void*>data_or_null(dbeta)
    run(&p)
    return dx, finished(dgamma), finished(dbeta)


# ------------------------------------------------------------------------------- public twins

def unit_normalization_forward(x, epsilon=1e-12):
    """Twin of reference.normalization.unit_normalization_forward. One reading, one writing.

    Kernel: forward_rows in kernels/norm_tile.h.
    """
    xs, _, _, norm, y = forward_of(UNIT_ROWS, "unit_normalization", x, None, None, epsilon)
    return y, (xs, norm, epsilon)


def unit_normalization_backward(dy, cache, need_dx=True):
    """Twin of reference.normalization.unit_normalization_backward.

    Kernel: backward_rows in kernels/norm_tile.h.
    """
    x, norm, epsilon = cache
    return backward_of(
        UNIT_ROWS, "unit_normalization_backward", dy, x, None, False, None, norm, epsilon, need_dx
    )[0]


def rms_normalization_forward(x, gamma, epsilon=1e-6):
    """Twin of reference.normalization.rms_normalization_forward. One reading, one writing.

    Kernel: forward_rows in kernels/norm_tile.h.
    """
    xs, gs, _, inv, y = forward_of(RMS_ROWS, "rms_normalization", x, gamma, None, epsilon)
    return y, (xs, gs, inv)


def rms_normalization_backward(dy, cache, need_dx=True):
    """Twin of reference.normalization.rms_normalization_backward. One pass gives both gradients.

    Kernel: backward_rows in kernels/norm_tile.h.
    """
    x, gamma, inv = cache
    return backward_of(
        RMS_ROWS, "rms_normalization_backward", dy, x, gamma, False, None, inv, 0, need_dx
    )[:2]


def layer_normalization_forward(x, gamma, beta, epsilon=1e-3):
    """Twin of reference.normalization.layer_normalization_forward. One reading, one writing.

    Kernel: forward_rows in kernels/norm_tile.h.
    """
    xs, gs, mean, inv, y = forward_of(LAYER_ROWS, "layer_normalization", x, gamma, beta, epsilon)
    return y, (xs, gs, beta is not None, mean, inv)


def layer_normalization_backward(dy, cache, need_dx=True):
    """Twin of reference.normalization.layer_normalization_backward. One pass gives all three.

    Kernel: backward_rows in kernels/norm_tile.h.
    """
    x, gamma, has_beta, mean, inv = cache
    return backward_of(
        LAYER_ROWS, "layer_normalization_backward", dy, x, gamma, has_beta, mean, inv, 0, need_dx
    )


# ------------------------------------------------------------------------------- columns, tier 1

cdef int take_area(Columns* p, list areas, int typenum, bint sums) except -1:
    """Give the job its work areas; `areas` keeps them alive as long as it works."""
    cdef cnp.ndarray area = new_vector(
        2 * p.samples * p.channels + (partial_size(p) if sums else 0) + 1, cnp.NPY_DOUBLE
    )
    cdef cnp.ndarray map_area = new_vector(p.samples * MAP_LINES * p.width, typenum)
    areas.append(area)
    areas.append(map_area)
    p.sums = <double*>data(area)
    p.partial = p.sums + 2 * p.samples * p.channels
    p.map = data(map_area)
    return 0


cdef int forward_columns(
    Columns* p, cnp.ndarray x, cnp.ndarray gamma, cnp.ndarray beta, double epsilon,
    cnp.ndarray mean, cnp.ndarray inv, cnp.ndarray variance, cnp.ndarray y,
) except -1:
    cdef list areas = []
    p.epsilon = epsilon
    p.x, p.gamma, p.beta, p.out = data(x), data_or_null(gamma), data_or_null(beta), data(y)
    p.mean, p.inv, p.variance = data(mean), data(inv), <void*>data_or_null(variance)
    take_area(p, areas, cnp.PyArray_TYPE(x), True)
    if size(x) >= RELEASE_GIL:
        with nogil:
            normalize(p)
    else:
        normalize(p)
    return 0


cdef tuple backward_columns(
    Columns* p, cnp.ndarray dy, cnp.ndarray x, cnp.ndarray gamma, bint has_beta, cnp.ndarray mean,
    cnp.ndarray inv, cnp.ndarray dmean, cnp.ndarray dvariance, bint need_dx,
):
    """dx, dgamma and dbeta, each None where it is not wanted."""
    cdef list areas = []
    cdef int typenum = cnp.PyArray_TYPE(x)
    cdef cnp.ndarray dx = new_like(x) if need_dx else None
    cdef cnp.ndarray dgamma = new_vector(p.channels, typenum) if gamma is not None else None
    cdef cnp.ndarray dbeta = new_vector(p.channels, typenum) if has_beta else None
    p.x, p.dy, p.gamma = data(x), data(dy), data_or_null(gamma)
    p.mean, p.inv = data(mean), data(inv)
    p.dmean, p.dvariance = data_or_null(dmean), data_or_null(dvariance)
    p.out = <void*>data_or_null(dx)
    p.dgamma, p.dbeta = <void*>data_or_null(dgamma), <void*>data_or_null(dbeta)
    take_area(p, areas, typenum, True)
    if size(x) >= RELEASE_GIL:
        with nogil:
            normalize_backward(p)
    else:
        normalize_backward(p)
    return dx, dgamma, dbeta


cdef int lay_out_samples(Columns* p, cnp.ndarray x, Py_ssize_t groups) except -1:
    """The sizes for group normalisation of x (N, ..., C)."""
    cdef Py_ssize_t channels = dim(x, rank(x) - 1), rows = 1
    cdef int i
    for i in range(1, rank(x) - 1):
        rows *= dim(x, i)
    lay_out(
        p, cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT, dim(x, 0), rows, channels, channels // groups, NULL
    )
    return 0


cdef Py_ssize_t rows_of(cnp.ndarray x) noexcept:
    """The product of all axes but the last."""
    cdef Py_ssize_t rows = 1
    cdef int i
    for i in range(rank(x) - 1):
        rows *= dim(x, i)
    return rows


cdef object refuse_cache(str name):
    raise ValueError(f"{name}: the cache is not one of the forward function: its shapes differ")


def group_normalization_forward(x, gamma, beta, groups=32, epsilon=1e-3):
    """Twin of reference.normalization.group_normalization_forward. x is read twice.

    Kernel: normalize in kernels/norm_columns.pyx.
    """
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray gs = vector_of(gamma, typenum)
    cdef cnp.ndarray bs = vector_of(beta, typenum)
    cdef cnp.npy_intp dims[2]
    cdef Columns p
    check_groups(x, groups)
    check_vectors("group_normalization", x, gamma=gamma, beta=beta)
    lay_out_samples(&p, xs, groups)
    dims[0], dims[1] = dim(xs, 0), groups
    cdef cnp.ndarray mean = new_array(2, dims, typenum)
    cdef cnp.ndarray inv = new_array(2, dims, typenum)
    cdef cnp.ndarray y = new_like(xs)
    forward_columns(&p, xs, gs, bs, epsilon, mean, inv, None, y)
    return y, (xs, gs, beta is not None, groups, mean, inv)


def group_normalization_backward(dy, cache, need_dx=True):
    """Twin of reference.normalization.group_normalization_backward. x and dy are read twice.

    Kernel: normalize_backward in kernels/norm_columns.pyx.
    """
    x, gamma, has_beta, groups, mean, inv = cache
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    cdef cnp.ndarray gs = vector_of(gamma, typenum)
    cdef cnp.ndarray ms = as_real(mean, typenum)
    cdef cnp.ndarray ss = as_real(inv, typenum)
    cdef Columns p
    check_groups(x, groups)
    if not same_shape(dys, xs):
        check_cotangent("group_normalization_backward", dy.shape, x.shape)
    lay_out_samples(&p, xs, groups)
    if not fits(gs, p.channels) or size(ms) != p.samples * groups or not same_shape(ms, ss):
        refuse_cache("group_normalization_backward")
    return backward_columns(&p, dys, xs, gs, has_beta, ms, ss, None, None, need_dx)


def batch_normalization_forward(x, mean, variance, gamma, beta, epsilon=1e-3):
    """Twin of reference.normalization.batch_normalization_forward. One reading, one writing.

    The mean and the variance are given, as the running mean and the running variance are in
    inference. Kernel: normalize_given in kernels/norm_columns.pyx.
    """
    return given_forward(x, mean, variance, gamma, beta, epsilon, False, NAN)


cdef tuple given_forward(
    x, mean, variance, gamma, beta, double epsilon, bint relu, double cap,
):
    """What batch_normalization_forward returns; with `relu`, relu(y) and not y."""
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray ms = as_real(mean, typenum)
    cdef cnp.ndarray vs = as_real(variance, typenum)
    cdef cnp.ndarray gs = vector_of(gamma, typenum)
    cdef cnp.ndarray bs = vector_of(beta, typenum)
    cdef Py_ssize_t channels = dim(xs, rank(xs) - 1) if rank(xs) else -1
    if not (fits(ms, channels) and fits(vs, channels) and fits(gs, channels)
            and fits(bs, channels)):
        check_vectors(
            "batch_normalization", x, mean=mean, variance=variance, gamma=gamma, beta=beta
        )
    cdef cnp.ndarray y = new_like(xs)
    map_given(xs, ms, vs, gs, bs, epsilon, relu, cap, y)
    return y, (xs, ms, vs, gs, beta is not None, epsilon)


cdef int map_given(
    cnp.ndarray x, cnp.ndarray mean, cnp.ndarray variance, cnp.ndarray gamma, cnp.ndarray beta,
    double epsilon, bint relu, double cap, cnp.ndarray out,
) except -1:
    """out := gamma (x - mean) / sqrt(variance + epsilon) + beta, each None counting as nothing."""
    cdef Columns p
    cdef list areas = []
    cdef int typenum = cnp.PyArray_TYPE(x)
    lay_out(&p, typenum == cnp.NPY_FLOAT, 1, rows_of(x), dim(x, rank(x) - 1), 1, NULL)
    p.epsilon, p.relu, p.cap = epsilon, relu, cap
    p.x, p.gamma, p.beta, p.out = data(x), data_or_null(gamma), data_or_null(beta), data(out)
    p.mean, p.variance = <void*>data_or_null(mean), data(variance)
    take_area(&p, areas, typenum, False)
    if size(x) >= RELEASE_GIL:
        with nogil:
            normalize_given(&p)
    else:
        normalize_given(&p)
    return 0


def batch_normalization_backward(
    dy, cache, need_dx=True, need_dmean=True, need_dvariance=True, need_dgamma=True, need_dbeta=True
):
    """Twin of reference.normalization.batch_normalization_backward.

    Where dx alone is wanted, x is not read. Kernel: normalize_given_backward in
    kernels/norm_columns.pyx.
    """
    x, mean, variance, gamma, has_beta, epsilon = cache
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    cdef cnp.ndarray ms = as_real(mean, typenum)
    cdef cnp.ndarray vs = as_real(variance, typenum)
    cdef cnp.ndarray gs = vector_of(gamma, typenum)
    cdef cnp.ndarray dx = None
    cdef Columns p
    cdef list areas = []
    if not same_shape(dys, xs):
        check_cotangent("batch_normalization_backward", dy.shape, x.shape)
    if rank(xs) < 1:
        refuse_cache("batch_normalization_backward")
    lay_out(&p, typenum == cnp.NPY_FLOAT, 1, rows_of(xs), dim(xs, rank(xs) - 1), 1, NULL)
    if not (fits(ms, p.channels) and fits(vs, p.channels) and fits(gs, p.channels)):
        refuse_cache("batch_normalization_backward")
    if need_dx:
        dx = new_like(xs)
        map_given(dys, None, vs, gs, None, epsilon, False, NAN, dx)
    if not (need_dmean or need_dvariance or (need_dgamma and gs is not None)
            or (need_dbeta and has_beta)):
        return dx, None, None, None, None
    cdef cnp.ndarray dmean = new_like(ms) if need_dmean else None
    cdef cnp.ndarray dvariance = new_like(ms) if need_dvariance else None
    cdef cnp.ndarray dgamma = new_like(ms) if need_dgamma and gs is not None else None
    cdef cnp.ndarray dbeta = new_like(ms) if need_dbeta and has_beta else None
    cdef void* dmean_data = <void*>data_or_null(dmean)
    cdef void* dvariance_data = <void*>data_or_null(dvariance)
    p.epsilon = epsilon
    p.x, p.dy, p.gamma = data(xs), data(dys), data_or_null(gs)
    p.mean, p.variance = data(ms), data(vs)
    p.dgamma, p.dbeta = <void*>data_or_null(dgamma), <void*>data_or_null(dbeta)
    take_area(&p, areas, typenum, True)
    with nogil:
        normalize_given_backward(&p, dmean_data, dvariance_data)
    return dx, dmean, dvariance, dgamma, dbeta


def batch_normalization_relu_forward(x, mean, variance, gamma, beta, epsilon, max_value):
    """Extra: batch_normalization_forward and the relu after it, for predictions.

    One reading, one writing. tests/extras.py holds it against the reference.
    """
    cdef double cap = NAN if max_value is None else max_value
    return given_forward(x, mean, variance, gamma, beta, epsilon, True, cap)[0], ()


def batch_normalization_training_forward(x, gamma, beta, mask, epsilon=1e-3):
    """Twin of reference.normalization.batch_normalization_training_forward. x is read twice.

    The statistics are those of the batch. Kernel: normalize in kernels/norm_columns.pyx.
    """
    results, (xs, gs, _, mean, inv) = training_forward(x, gamma, beta, mask, epsilon, False, NAN)
    return results, (xs, gs, beta is not None, mask, mean, inv)


cdef tuple training_forward(x, gamma, beta, mask, double epsilon, bint relu, double cap):
    """(y, mean, variance), and what the way back needs; with `relu`, relu(y) and not y."""
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray gs = vector_of(gamma, typenum)
    cdef cnp.ndarray bs = vector_of(beta, typenum)
    cdef cnp.ndarray cs = ones_of(mask, typenum)
    cdef Py_ssize_t channels = dim(xs, rank(xs) - 1) if rank(xs) else -1
    cdef Columns p
    if not fits(gs, channels) or not fits(bs, channels) or channels < 0:
        check_vectors("batch_normalization_training", x, gamma=gamma, beta=beta)
    if mask is not None:
        check_mask("batch_normalization_training", x, mask)
    lay_out(
        &p, typenum == cnp.NPY_FLOAT, 1, rows_of(xs), channels, 1, data_or_null(cs)
    )
    p.relu, p.cap = relu, cap
    cdef cnp.ndarray mean = new_vector(channels, typenum)
    cdef cnp.ndarray variance = new_vector(channels, typenum)
    cdef cnp.ndarray inv = new_vector(channels, typenum)
    cdef cnp.ndarray y = new_like(xs)
    forward_columns(&p, xs, gs, bs, epsilon, mean, inv, variance, y)
    return (y, mean, variance), (xs, gs, bs, mean, inv)


def batch_normalization_training_backward(dy, cache, need_dx=True):
    """Twin of reference.normalization.batch_normalization_training_backward.

    x and dy are read twice, the second time backwards: the end of the first is still in the cache.
    Kernel: normalize_backward in kernels/norm_columns.pyx.
    """
    x, gamma, has_beta, mask, mean, inv = cache
    return training_backward(dy, x, gamma, None, has_beta, mask, mean, inv, need_dx, False, NAN)


cdef tuple training_backward(
    dy, x, gamma, beta, bint has_beta, mask, mean, inv, bint need_dx, bint relu, double cap,
):
    """dx, dgamma and dbeta; with `relu`, from the gradient of relu(y), which beta tells."""
    dy, dmean, dvariance = dy
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    cdef cnp.ndarray dms = as_real(dmean, typenum)
    cdef cnp.ndarray dvs = as_real(dvariance, typenum)
    cdef cnp.ndarray gs = vector_of(gamma, typenum)
    cdef cnp.ndarray bs = vector_of(beta, typenum)
    cdef cnp.ndarray cs = ones_of(mask, typenum)
    cdef cnp.ndarray ms = as_real(mean, typenum)
    cdef cnp.ndarray ss = as_real(inv, typenum)
    cdef Columns p
    if not (same_shape(dys, xs) and same_shape(dms, ms) and same_shape(dvs, ms)):
        check_cotangents(
            "batch_normalization_training_backward",
            {"dy": dy, "dmean": dmean, "dvariance": dvariance},
            {"y": x.shape, "mean": mean.shape, "variance": mean.shape},
        )
    if rank(xs) < 1:
        refuse_cache("batch_normalization_training_backward")
    lay_out(
        &p, typenum == cnp.NPY_FLOAT, 1, rows_of(xs), dim(xs, rank(xs) - 1), 1, data_or_null(cs)
    )
    if not (
        fits(ms, p.channels) and fits(ss, p.channels) and fits(gs, p.channels)
        and fits(bs, p.channels)
    ) or (cs is not None and size(cs) != p.rows):
        refuse_cache("batch_normalization_training_backward")
    if cs is not None:
        p.counted = np.count_nonzero(cs)
    p.relu, p.cap, p.beta = relu, cap, data_or_null(bs)
    return backward_columns(&p, dys, xs, gs, has_beta, ms, ss, dms, dvs, need_dx)


def batch_normalization_training_relu_forward(x, gamma, beta, epsilon, max_value):
    """Extra: batch_normalization_training_forward without a mask, and the relu after it.

    The relu takes no pass of its own. tests/extras.py holds it against the reference.
    """
    cdef double cap = NAN if max_value is None else max_value
    results, given = training_forward(x, gamma, beta, None, epsilon, True, cap)
    return results, (*given, max_value)


def batch_normalization_training_relu_backward(dy, cache, need_dx=True):
    """Extra: the way back through both. What the relu passes is found again from x.

    tests/extras.py holds it against the reference.
    """
    x, gamma, beta, mean, inv, max_value = cache
    cdef double cap = NAN if max_value is None else max_value
    return training_backward(
        dy, x, gamma, beta, beta is not None, None, mean, inv, need_dx, True, cap
    )
