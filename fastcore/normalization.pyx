"""Twin of reference/normalization.py.

Over a row (unit, RMS, layer) see norm_rows.pyx: a row stays in the first-level cache while it is
summed and written. Over columns (group, batch) see norm_columns.pyx.
"""

import numpy as np

cimport numpy as cnp
from libc.math cimport sqrt

from .kernels.arrays cimport (
    as_real, as_type, data, dim, new_array, new_like, new_vector, rank, real, real_type,
    same_shape, size,
)
from .kernels.norm_columns cimport Columns, apply, gradients, lay_out, statistics, work_area
from .kernels.norm_rows cimport LAYER, RMS, UNIT, Rows, lay_out_rows, run_rows, sums_of_rows

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
    return as_type(np.not_equal(mask, 0), typenum) if mask is not None else None


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
    cdef cnp.ndarray mean = column_like(xs) if kind == LAYER else None
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
    return (<object>sums)[0].copy() if dim(sums, 0) > 1 else (<object>sums).reshape(-1)


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
        or (kind == LAYER and (ms is None or not same_shape(ms, vs)))
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
    """Twin of reference.normalization.unit_normalization_forward. One reading, one writing."""
    xs, _, _, norm, y = forward_of(UNIT, "unit_normalization", x, None, None, epsilon)
    return y, (xs, norm, epsilon)


def unit_normalization_backward(dy, cache, need_dx=True):
    """Twin of reference.normalization.unit_normalization_backward."""
    x, norm, epsilon = cache
    return backward_of(
        UNIT, "unit_normalization_backward", dy, x, None, False, None, norm, epsilon, need_dx
    )[0]


def rms_normalization_forward(x, gamma, epsilon=1e-6):
    """Twin of reference.normalization.rms_normalization_forward. One reading, one writing."""
    xs, gs, _, inv, y = forward_of(RMS, "rms_normalization", x, gamma, None, epsilon)
    return y, (xs, gs, inv)


def rms_normalization_backward(dy, cache, need_dx=True):
    """Twin of reference.normalization.rms_normalization_backward. One walk gives both gradients."""
    x, gamma, inv = cache
    return backward_of(
        RMS, "rms_normalization_backward", dy, x, gamma, False, None, inv, 0, need_dx
    )[:2]


def layer_normalization_forward(x, gamma, beta, epsilon=1e-3):
    """Twin of reference.normalization.layer_normalization_forward. One reading, one writing."""
    xs, gs, mean, inv, y = forward_of(LAYER, "layer_normalization", x, gamma, beta, epsilon)
    return y, (xs, gs, beta is not None, mean, inv)


def layer_normalization_backward(dy, cache, need_dx=True):
    """Twin of reference.normalization.layer_normalization_backward. One walk gives all three."""
    x, gamma, has_beta, mean, inv = cache
    return backward_of(
        LAYER, "layer_normalization_backward", dy, x, gamma, has_beta, mean, inv, 0, need_dx
    )


# ------------------------------------------------------------------------------- columns, tier 1

cdef void fill_forward(
    const Columns* p, const real* gamma, const real* beta, double epsilon, real* mean, real* inv,
    real* variance,
) noexcept nogil:
    """The statistics of each group, and the map (x - mean) slope + offset of each sample."""
    cdef Py_ssize_t channels = p.channels, _sample, j, group, groups
    cdef const double* a = p.totals
    cdef real* t = <real*>p.table
    cdef real scale
    groups = channels // p.members
    for _sample in range(p.samples):
        for group in range(groups):
            j = group * p.members
            mean[group] = <real>a[j]
            inv[group] = <real>(1.0 / sqrt(a[channels + j] + epsilon))
            if variance != NULL:
                variance[group] = <real>a[channels + j]
        for j in range(channels):
            group = j // p.members
            scale = inv[group]
            t[j] = mean[group]
            t[p.width + j] = scale if gamma == NULL else scale * gamma[j]
            t[2 * p.width + j] = <real>0.0 if beta == NULL else beta[j]
        repeat(p, t, 3)
        a += 2 * channels
        t += 4 * p.width
        mean += groups
        inv += groups


cdef void repeat(const Columns* p, real* t, Py_ssize_t lines) noexcept nogil:
    """Fill the lines of a table, of which the first `channels` are given, to their width."""
    cdef Py_ssize_t i, j
    for i in range(lines):
        for j in range(p.channels, p.width):
            t[i * p.width + j] = t[i * p.width + j - p.channels]


cdef void fill_means(const Columns* p, const real* mean) noexcept nogil:
    """Line 0 of the tables: the mean of each channel's group."""
    cdef Py_ssize_t _sample, j
    cdef real* t = <real*>p.table
    for _sample in range(p.samples):
        for j in range(p.channels):
            t[j] = mean[j // p.members]
        repeat(p, t, 1)
        t += 4 * p.width
        mean += p.channels // p.members


cdef void fill_backward(
    const Columns* p, const real* gamma, const real* inv, const real* dmean, const real* dvariance,
) noexcept nogil:
    """The map dy direct + (x - mean) slope + offset.

    dmean, dvariance: NULL, or what arrives for the statistics themselves.
    """
    cdef Py_ssize_t channels = p.channels, _sample, j, group
    cdef Py_ssize_t members = p.members
    cdef const double* sum = p.totals
    cdef const double* product
    cdef real* t = <real*>p.table
    cdef double n = max(1.0, <double>p.counted * members)
    cdef double through_mean, through_variance, s, g
    for _sample in range(p.samples):
        product = sum + channels
        for group in range(channels // members):
            s = inv[group]
            through_mean = 0
            through_variance = 0
            for j in range(group * members, (group + 1) * members):
                g = 1.0 if gamma == NULL else gamma[j]
                through_mean -= g * sum[j] * s
                through_variance -= g * product[j] * s * s * s
            if dmean != NULL:
                through_mean += dmean[group]
                through_variance += 2.0 * dvariance[group]
            for j in range(group * members, (group + 1) * members):
                t[p.width + j] = <real>(through_variance / n)
                t[2 * p.width + j] = <real>(through_mean / n)
                t[3 * p.width + j] = <real>(s if gamma == NULL else s * gamma[j])
        repeat(p, t + p.width, 3)
        sum += 2 * channels
        t += 4 * p.width
        inv += channels // members


cdef void fill_sums(
    const Columns* p, const real* inv, real* dgamma, real* dbeta,
) noexcept nogil:
    """dgamma and dbeta from the sums of each sample; NULL is not wanted."""
    cdef Py_ssize_t channels = p.channels, groups = channels // p.members, sample, j
    cdef double product, sum
    for j in range(channels):
        product = 0
        sum = 0
        for sample in range(p.samples):
            sum += p.totals[2 * sample * channels + j]
            product += (
                p.totals[(2 * sample + 1) * channels + j] * inv[sample * groups + j // p.members]
            )
        if dgamma != NULL:
            dgamma[j] = <real>product
        if dbeta != NULL:
            dbeta[j] = <real>sum


cdef void fill_given(
    const Columns* p, const real* mean, const real* variance, const real* gamma, const real* beta,
    double epsilon,
) noexcept nogil:
    """The map (x - mean) slope + offset of given statistics; without a mean, that of dy to dx."""
    cdef Py_ssize_t j
    cdef real* t = <real*>p.table
    cdef real s
    for j in range(p.channels):
        s = <real>(1.0 / sqrt(variance[j] + epsilon))
        t[j] = <real>0.0 if mean == NULL else mean[j]
        t[p.width + j] = s if gamma == NULL else s * gamma[j]
        t[2 * p.width + j] = <real>0.0 if beta == NULL else beta[j]
    repeat(p, t, 3)


cdef double* take_room(Columns* p, list kept, int typenum, bint sums) except NULL:
    """Give the job its work areas; `kept` holds them as long as it works."""
    cdef cnp.ndarray area = new_vector(
        2 * p.samples * p.channels + (work_area(p) if sums else 0) + 1, cnp.NPY_DOUBLE
    )
    cdef cnp.ndarray table = new_vector(p.samples * 4 * p.width, typenum)
    kept.append(area)
    kept.append(table)
    p.totals = <double*>data(area)
    p.sums = p.totals + 2 * p.samples * p.channels
    p.table = data(table)
    return p.totals


cdef void statistics_and_map(
    Columns* p, const void* gamma, const void* beta, double epsilon, void* mean, void* inv,
    void* variance,
) noexcept nogil:
    statistics(p)
    if p.single:
        fill_forward[float](
            p, <const float*>gamma, <const float*>beta, epsilon, <float*>mean, <float*>inv,
            <float*>variance,
        )
    else:
        fill_forward[double](
            p, <const double*>gamma, <const double*>beta, epsilon, <double*>mean, <double*>inv,
            <double*>variance,
        )
    apply(p)


cdef void sums_and_map(
    Columns* p, const void* gamma, const void* mean, const void* inv, const void* dmean,
    const void* dvariance, void* dgamma, void* dbeta,
) noexcept nogil:
    if p.single:
        fill_means[float](p, <const float*>mean)
    else:
        fill_means[double](p, <const double*>mean)
    gradients(p)
    if p.single:
        fill_sums[float](p, <const float*>inv, <float*>dgamma, <float*>dbeta)
        fill_backward[float](
            p, <const float*>gamma, <const float*>inv, <const float*>dmean, <const float*>dvariance,
        )
    else:
        fill_sums[double](p, <const double*>inv, <double*>dgamma, <double*>dbeta)
        fill_backward[double](
            p, <const double*>gamma, <const double*>inv, <const double*>dmean,
            <const double*>dvariance,
        )
    if p.out != NULL:
        apply(p)


cdef int forward_columns(
    Columns* p, cnp.ndarray x, cnp.ndarray gamma, cnp.ndarray beta, double epsilon,
    cnp.ndarray mean, cnp.ndarray inv, cnp.ndarray variance, cnp.ndarray y,
) except -1:
    cdef list kept = []
    cdef const void* gs = data_or_null(gamma)
    cdef const void* bs = data_or_null(beta)
    cdef void* ms = data(mean)
    cdef void* ss = data(inv)
    cdef void* vs = <void*>data_or_null(variance)
    p.x, p.out = data(x), data(y)
    take_room(p, kept, cnp.PyArray_TYPE(x), True)
    if size(x) >= RELEASE_GIL:
        with nogil:
            statistics_and_map(p, gs, bs, epsilon, ms, ss, vs)
    else:
        statistics_and_map(p, gs, bs, epsilon, ms, ss, vs)
    return 0


cdef tuple backward_columns(
    Columns* p, cnp.ndarray dy, cnp.ndarray x, cnp.ndarray gamma, bint has_beta, cnp.ndarray mean,
    cnp.ndarray inv, cnp.ndarray dmean, cnp.ndarray dvariance, bint need_dx,
):
    """dx, dgamma and dbeta, each None where it is not wanted."""
    cdef list kept = []
    cdef int typenum = cnp.PyArray_TYPE(x)
    cdef cnp.ndarray dx = new_like(x) if need_dx else None
    cdef cnp.ndarray dgamma = new_vector(p.channels, typenum) if gamma is not None else None
    cdef cnp.ndarray dbeta = new_vector(p.channels, typenum) if has_beta else None
    cdef const void* gs = data_or_null(gamma)
    cdef const void* ms = data(mean)
    cdef const void* ss = data(inv)
    cdef const void* dms = data_or_null(dmean)
    cdef const void* dvs = data_or_null(dvariance)
    cdef void* dgs = <void*>data_or_null(dgamma)
    cdef void* dbs = <void*>data_or_null(dbeta)
    p.x, p.dy, p.out = data(x), data(dy), <void*>data_or_null(dx)
    take_room(p, kept, typenum, True)
    if size(x) >= RELEASE_GIL:
        with nogil:
            sums_and_map(p, gs, ms, ss, dms, dvs, dgs, dbs)
    else:
        sums_and_map(p, gs, ms, ss, dms, dvs, dgs, dbs)
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
    p.counted = rows
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
    """Twin of reference.normalization.group_normalization_forward."""
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
    """Twin of reference.normalization.group_normalization_backward. x and dy are read twice."""
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
    """Twin of reference.normalization.batch_normalization_forward. One reading, one writing."""
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
    map_given(xs, ms, vs, gs, bs, epsilon, y)
    return y, (xs, ms, vs, gs, beta is not None, epsilon)


cdef void map_given_columns(
    Columns* p, const void* mean, const void* variance, const void* gamma, const void* beta,
    double epsilon,
) noexcept nogil:
    if p.single:
        fill_given[float](
            p, <const float*>mean, <const float*>variance, <const float*>gamma,
            <const float*>beta, epsilon,
        )
    else:
        fill_given[double](
            p, <const double*>mean, <const double*>variance, <const double*>gamma,
            <const double*>beta, epsilon,
        )
    apply(p)


cdef int map_given(
    cnp.ndarray x, cnp.ndarray mean, cnp.ndarray variance, cnp.ndarray gamma, cnp.ndarray beta,
    double epsilon, cnp.ndarray out,
) except -1:
    """out := gamma (x - mean) / sqrt(variance + epsilon) + beta, each None counting as nothing."""
    cdef Columns p
    cdef list kept = []
    cdef const void* ms = data_or_null(mean)
    cdef const void* vs = data(variance)
    cdef const void* gs = data_or_null(gamma)
    cdef const void* bs = data_or_null(beta)
    cdef int typenum = cnp.PyArray_TYPE(x)
    lay_out(&p, typenum == cnp.NPY_FLOAT, 1, rows_of(x), dim(x, rank(x) - 1), 1, NULL)
    p.x, p.out = data(x), data(out)
    take_room(&p, kept, typenum, False)
    if size(x) >= RELEASE_GIL:
        with nogil:
            map_given_columns(&p, ms, vs, gs, bs, epsilon)
    else:
        map_given_columns(&p, ms, vs, gs, bs, epsilon)
    return 0


def batch_normalization_backward(
    dy, cache, need_dx=True, need_dmean=True, need_dvariance=True, need_dgamma=True, need_dbeta=True
):
    """Twin of reference.normalization.batch_normalization_backward.

    Where dx alone is wanted, x is not read.
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
    cdef list kept = []
    if not same_shape(dys, xs):
        check_cotangent("batch_normalization_backward", dy.shape, x.shape)
    if rank(xs) < 1:
        refuse_cache("batch_normalization_backward")
    lay_out(&p, typenum == cnp.NPY_FLOAT, 1, rows_of(xs), dim(xs, rank(xs) - 1), 1, NULL)
    if not (fits(ms, p.channels) and fits(vs, p.channels) and fits(gs, p.channels)):
        refuse_cache("batch_normalization_backward")
    if need_dx:
        dx = new_like(xs)
        map_given(dys, None, vs, gs, None, epsilon, dx)
    if not (need_dmean or need_dvariance or (need_dgamma and gs is not None)
            or (need_dbeta and has_beta)):
        return dx, None, None, None, None
    p.x, p.dy, p.out = data(xs), data(dys), NULL
    take_room(&p, kept, typenum, True)
    cdef const void* means = data(ms)
    with nogil:
        if p.single:
            fill_means[float](&p, <const float*>means)
        else:
            fill_means[double](&p, <const double*>means)
        gradients(&p)
    cdef cnp.ndarray dmean = new_like(ms) if need_dmean else None
    cdef cnp.ndarray dvariance = new_like(ms) if need_dvariance else None
    cdef cnp.ndarray dgamma = new_like(ms) if need_dgamma and gs is not None else None
    cdef cnp.ndarray dbeta = new_like(ms) if need_dbeta and has_beta else None
    if p.single:
        given_gradients[float](
            &p, <float*>data(vs), <float*>data_or_null(gs), epsilon, <float*>data_or_null(dmean),
            <float*>data_or_null(dvariance), <float*>data_or_null(dgamma),
            <float*>data_or_null(dbeta),
        )
    else:
        given_gradients[double](
            &p, <double*>data(vs), <double*>data_or_null(gs), epsilon,
            <double*>data_or_null(dmean), <double*>data_or_null(dvariance),
            <double*>data_or_null(dgamma), <double*>data_or_null(dbeta),
        )
    return dx, dmean, dvariance, dgamma, dbeta


cdef void given_gradients(
    const Columns* p, const real* variance, const real* gamma, double epsilon, real* dmean,
    real* dvariance, real* dgamma, real* dbeta,
) noexcept nogil:
    """From sum dy and sum dy (x - mean) what is wanted; NULL is not."""
    cdef const double* sum = p.totals
    cdef const double* product = p.totals + p.channels
    cdef double s, g
    cdef Py_ssize_t j
    for j in range(p.channels):
        s = 1.0 / sqrt(variance[j] + epsilon)
        g = 1.0 if gamma == NULL else gamma[j]
        if dmean != NULL:
            dmean[j] = <real>(-s * g * sum[j])
        if dvariance != NULL:
            dvariance[j] = <real>(-0.5 * s * s * s * g * product[j])
        if dgamma != NULL:
            dgamma[j] = <real>(s * product[j])
        if dbeta != NULL:
            dbeta[j] = <real>sum[j]


def batch_normalization_training_forward(x, gamma, beta, mask, epsilon=1e-3):
    """Twin of reference.normalization.batch_normalization_training_forward. x is read twice."""
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
    cdef cnp.ndarray mean = new_vector(channels, typenum)
    cdef cnp.ndarray variance = new_vector(channels, typenum)
    cdef cnp.ndarray inv = new_vector(channels, typenum)
    cdef cnp.ndarray y = new_like(xs)
    forward_columns(&p, xs, gs, bs, epsilon, mean, inv, variance, y)
    return (y, mean, variance), (xs, gs, beta is not None, mask, mean, inv)


def batch_normalization_training_backward(dy, cache, need_dx=True):
    """Twin of reference.normalization.batch_normalization_training_backward.

    x and dy are read twice, the second time backwards: the end of the first is still in the cache.
    """
    dy, dmean, dvariance = dy
    x, gamma, has_beta, mask, mean, inv = cache
    cdef int typenum = real_type(x)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    cdef cnp.ndarray dms = as_real(dmean, typenum)
    cdef cnp.ndarray dvs = as_real(dvariance, typenum)
    cdef cnp.ndarray gs = vector_of(gamma, typenum)
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
    if not (fits(ms, p.channels) and fits(ss, p.channels) and fits(gs, p.channels)) or (
        cs is not None and size(cs) != p.rows
    ):
        refuse_cache("batch_normalization_training_backward")
    p.counted = p.rows
    if cs is not None:
        p.counted = np.count_nonzero(cs)
    return backward_columns(&p, dys, xs, gs, has_beta, ms, ss, dms, dvs, need_dx)
