"""Twins of reference.resizing.

Spatial shapes are made three-dimensional, [1, H, W] or [1, 1, W], with the channels as the
innermost numbers; chunks are rows of the output, over all the images.
"""

cimport numpy as cnp
from libc.math cimport fabs, floor, round
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from .kernels.arrays cimport as_real, as_size, as_type, data, new_result, rank, real
from .kernels.elementwise cimport real_array
from .kernels.gil cimport run_with_gil
from .kernels.threads cimport Stage, no_memory, stage, typed_stage

from functools import lru_cache

from ..reference._sampling import (
    FAR,
    FILL_MODES,
    check_affine,
    cropped_shape,
    padded_shape,
    resized_shape,
    taps,
    upsampled_shape,
)
from ..reference._shapes import check_cotangent

cnp.import_array()

cdef enum:
    CHUNK = 8192  # numbers of the output to a chunk, rounded up to whole rows

cdef double far = FAR


# What the kernels share: x of `size` becomes y of `out`, pixel by pixel, `channels` numbers each.
cdef struct Grid:
    char* x
    char* y
    Py_ssize_t images, channels
    Py_ssize_t size[3]
    Py_ssize_t out[3]
    Py_ssize_t item  # bytes of a number
    bint single
    Py_ssize_t rows  # rows to a chunk


cdef cnp.ndarray grid_of(Grid* grid, cnp.ndarray x, tuple shape):
    """Fill in the grid of a call that turns x into an array of this shape; return that array."""
    cdef cnp.npy_intp dims[5]
    cdef int axes = rank(x), i
    for i in range(axes):
        dims[i] = as_size(shape[i])
    cdef cnp.ndarray y = new_result(axes, dims, cnp.PyArray_TYPE(x))
    grid.x = <char*>data(x)
    grid.y = <char*>data(y)
    grid.images = dims[0]
    grid.channels = dims[axes - 1]
    for i in range(3):
        grid.size[i] = 1
        grid.out[i] = 1
    for i in range(axes - 2):
        grid.size[i + 5 - axes] = cnp.PyArray_DIM(x, i + 1)
        grid.out[i + 5 - axes] = dims[i + 1]
    grid.item = cnp.PyArray_ITEMSIZE(x)
    grid.single = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT
    grid.rows = max(1, CHUNK // max(1, grid.out[2] * grid.channels))
    return y


cdef inline Py_ssize_t chunks_of(Py_ssize_t units, Py_ssize_t chunk) noexcept nogil:
    return (units + chunk - 1) // chunk


# --------------------------------------------------------------------------------------------------
# Padding and cropping: whole rows are copied


def zero_pad_forward(x, padding):
    """Twin of reference.resizing.zero_pad_forward."""
    cdef cnp.ndarray a = real_array(x)
    shape = (<object>a).shape
    y = shifted(a, padded_shape(shape, padding), [before for before, _ in padding])
    return y, (shape, padding)


def zero_pad_backward(dy, cache):
    """Twin of reference.resizing.zero_pad_backward."""
    shape, padding = cache
    cdef cnp.ndarray g = real_array(dy)
    check_cotangent("zero_pad_backward", (<object>g).shape, padded_shape(shape, padding))
    return shifted(g, shape, [-before for before, _ in padding])


def crop_forward(x, cropping):
    """Twin of reference.resizing.crop_forward."""
    cdef cnp.ndarray a = real_array(x)
    shape = (<object>a).shape
    y = shifted(a, cropped_shape(shape, cropping), [-before for before, _ in cropping])
    return y, (shape, cropping)


def crop_backward(dy, cache):
    """Twin of reference.resizing.crop_backward."""
    shape, cropping = cache
    cdef cnp.ndarray g = real_array(dy)
    check_cotangent("crop_backward", (<object>g).shape, cropped_shape(shape, cropping))
    return shifted(g, shape, [before for before, _ in cropping])


cdef struct Shift:
    Grid grid
    Py_ssize_t before[3]  # where the first pixel of x lies in y; negative where it is cut off


cdef cnp.ndarray shifted(cnp.ndarray x, tuple shape, list before):
    """x at another place in an array of this shape, zeros around it."""
    cdef Shift job
    cdef cnp.ndarray y = grid_of(&job.grid, x, shape)
    cdef int i, lead = 5 - rank(x)
    for i in range(3):
        job.before[i] = before[i - lead] if i >= lead else 0
    cdef Grid* g = &job.grid
    cdef Py_ssize_t rows = g.images * g.out[0] * g.out[1]
    cdef Stage shift = stage(shift_task, chunks_of(rows, g.rows), &job, sizeof(job))
    run_with_gil(&shift, 1, <double>rows * g.out[2] * g.channels)
    return y


cdef void shift_task(Py_ssize_t chunk, void* context) noexcept nogil:
    cdef Shift* job = <Shift*>context
    cdef Grid* g = &job.grid
    cdef Py_ssize_t pixel = g.channels * g.item, row = g.out[2] * pixel
    # Of each row of y: `left` pixels of zeros, `count` of x from `first` on, and zeros again.
    cdef Py_ssize_t left = min(max(0, job.before[2]), g.out[2]), first = max(0, -job.before[2])
    cdef Py_ssize_t count = max(0, min(g.out[2] - left, g.size[2] - first))
    cdef Py_ssize_t right = g.out[2] - left - count
    cdef Py_ssize_t last = min((chunk + 1) * g.rows, g.images * g.out[0] * g.out[1])
    cdef Py_ssize_t r, n, d, h
    cdef char* y
    for r in range(chunk * g.rows, last):
        y = g.y + r * row
        n = r // (g.out[0] * g.out[1])
        d = r // g.out[1] % g.out[0] - job.before[0]
        h = r % g.out[1] - job.before[1]
        if d < 0 or d >= g.size[0] or h < 0 or h >= g.size[1]:
            memset(y, 0, row)
            continue
        memset(y, 0, left * pixel)
        memcpy(
            y + left * pixel,
            g.x + (((n * g.size[0] + d) * g.size[1] + h) * g.size[2] + first) * pixel,
            count * pixel,
        )
        memset(y + (left + count) * pixel, 0, right * pixel)


# --------------------------------------------------------------------------------------------------
# Up-sampling


def upsample_forward(x, factors):
    """Twin of reference.resizing.upsample_forward. A row is stretched once and then copied."""
    cdef cnp.ndarray a = real_array(x)
    shape = (<object>a).shape
    cdef Grid grid
    cdef cnp.ndarray y = grid_of(&grid, a, upsampled_shape(shape, factors))
    per_row_of_x(&grid)
    cdef Stage stretch = typed_stage(
        grid.single, stretch_task[float], stretch_task[double],
        chunks_of(grid.images * grid.size[0] * grid.size[1], grid.rows), &grid, sizeof(grid),
    )
    run_with_gil(&stretch, 1, cnp.PyArray_SIZE(y))
    return y, (shape, factors)


def upsample_backward(dy, cache):
    """Twin of reference.resizing.upsample_backward. Rows are added up, then their pixels."""
    shape, factors = cache
    cdef cnp.ndarray g = real_array(dy)
    check_cotangent("upsample_backward", (<object>g).shape, upsampled_shape(shape, factors))
    cdef Grid grid
    cdef cnp.ndarray dx = grid_of(&grid, g, shape)
    turn_round(&grid)
    per_row_of_x(&grid)
    cdef Stage fold = typed_stage(
        grid.single, fold_task[float], fold_task[double],
        chunks_of(grid.images * grid.size[0] * grid.size[1], grid.rows), &grid, sizeof(grid),
    )
    run_with_gil(&fold, 1, cnp.PyArray_SIZE(g))
    return dx


cdef void turn_round(Grid* g) noexcept:
    """Exchange x and y: the grid of a backward call becomes that of its forward call."""
    cdef int i
    for i in range(3):
        g.size[i], g.out[i] = g.out[i], g.size[i]
    g.x, g.y = g.y, g.x


cdef void per_row_of_x(Grid* g) noexcept:
    """Let a chunk be as many rows of x as become CHUNK numbers of y."""
    cdef Py_ssize_t numbers = g.out[2] * g.channels
    if g.size[0] * g.size[1] > 0:
        numbers *= (g.out[0] // g.size[0]) * (g.out[1] // g.size[1])
    g.rows = max(1, CHUNK // max(1, numbers))


cdef inline Py_ssize_t first_copy(Grid* g, Py_ssize_t row) noexcept nogil:
    """The number of the first row of y that is a copy of this row of x."""
    cdef Py_ssize_t n = row // (g.size[0] * g.size[1])
    cdef Py_ssize_t d = row // g.size[1] % g.size[0] * (g.out[0] // g.size[0])
    cdef Py_ssize_t h = row % g.size[1] * (g.out[1] // g.size[1])
    return (n * g.out[0] + d) * g.out[1] + h


cdef void stretch_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef Grid* g = <Grid*>context
    cdef Py_ssize_t last = min((chunk + 1) * g.rows, g.images * g.size[0] * g.size[1])
    cdef Py_ssize_t r
    if g.size[2] * g.channels == 0:
        return
    for r in range(chunk * g.rows, last):
        stretch_row(g, r, <const real*>g.x, <real*>g.y)


cdef void stretch_row(Grid* g, Py_ssize_t row, const real* x, real* y) noexcept nogil:
    """All the rows of y that row number `row` of x becomes."""
    cdef Py_ssize_t width = g.size[2], channels = g.channels, factor = g.out[2] // width
    cdef Py_ssize_t out_row = g.out[2] * channels, planes = g.out[0] // g.size[0]
    cdef Py_ssize_t rows = g.out[1] // g.size[1], j, k, c
    cdef real* at
    cdef real* first
    x += row * width * channels
    first = y + first_copy(g, row) * out_row
    at = first
    for _ in range(width):
        for _ in range(factor):
            for c in range(channels):
                at[c] = x[c]
            at += channels
        x += channels
    for j in range(planes):
        for k in range(rows):
            if j or k:
                memcpy(first + (j * g.out[1] + k) * out_row, first, out_row * sizeof(real))


cdef void fold_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef Grid* g = <Grid*>context
    cdef Py_ssize_t last = min((chunk + 1) * g.rows, g.images * g.size[0] * g.size[1])
    cdef Py_ssize_t r
    if g.size[2] * g.channels == 0:
        return
    for r in range(chunk * g.rows, last):
        fold_row(g, r, <real*>g.x, <const real*>g.y)


cdef void fold_row(Grid* g, Py_ssize_t row, real* dx, const real* dy) noexcept nogil:
    """Row number `row` of dx: the sum of its copies, a block of columns after the other."""
    cdef Py_ssize_t width = g.size[2], channels = g.channels, factor = g.out[2] // width
    cdef Py_ssize_t out_row = g.out[2] * channels, planes = g.out[0] // g.size[0]
    cdef Py_ssize_t rows = g.out[1] // g.size[1], j, k, c, i
    cdef const real* at
    cdef const real* first = dy + first_copy(g, row) * out_row
    cdef real sum
    dx += row * width * channels
    memset(dx, 0, width * channels * sizeof(real))
    for j in range(planes):
        for k in range(rows):
            at = first + (j * g.out[1] + k) * out_row
            if channels == 1:
                for i in range(width):
                    sum = dx[i]
                    for c in range(factor):
                        sum += at[i * factor + c]
                    dx[i] = sum
                continue
            for i in range(width * factor):
                for c in range(channels):
                    dx[i // factor * channels + c] += at[i * channels + c]


# --------------------------------------------------------------------------------------------------
# Resizing: weighted sums along each axis


def resize_forward(x, sizes, interpolation="bilinear", antialias=False):
    """Twin of reference.resizing.resize_forward.

    All axes of a row of y are finished while its sources are in the cache, so nothing is stored in
    between but one plane and one row.
    """
    cdef cnp.ndarray a = real_array(x)
    shape = (<object>a).shape
    y = resampled(a, resized_shape(shape, sizes, interpolation), interpolation, antialias, False)
    return y, (shape, sizes, interpolation, antialias)


def resize_backward(dy, cache):
    """Twin of reference.resizing.resize_backward.

    The weights are sorted by the pixel that they belong to: backward is then a resizing as well.
    """
    shape, sizes, interpolation, antialias = cache
    cdef cnp.ndarray g = real_array(dy)
    check_cotangent(
        "resize_backward", (<object>g).shape, resized_shape(shape, sizes, interpolation)
    )
    return resampled(g, shape, interpolation, antialias, True)


@lru_cache(maxsize=256)
def _sums(before, after, interpolation, antialias, transposed, dtype):
    """The sums along an axis, one after the other: where each starts, pixel numbers, weights.

    From `before` pixels to `after`, or backwards.
    """
    import numpy as np

    index, weight = taps(before, after, interpolation, antialias)
    count = index.shape[1]
    index, weight = index.ravel(), weight.ravel().astype(dtype)
    if not transposed:
        return np.arange(0, len(index) + 1, count).astype(np.intp), index.astype(np.intp), weight
    order = np.argsort(index, kind="stable")
    start = np.searchsorted(index[order], np.arange(before + 1))
    return start.astype(np.intp), (order // count).astype(np.intp), weight[order]


cdef struct Sums:
    const Py_ssize_t* start
    const Py_ssize_t* index
    const void* weight


cdef struct Resize:
    Grid grid
    Sums sums[3]
    bint failed


cdef cnp.ndarray resampled(cnp.ndarray x, tuple shape, interpolation, antialias, bint transposed):
    """x resized to this shape, or the gradient of a resizing that began with this shape."""
    cdef Resize job
    cdef cnp.ndarray y = grid_of(&job.grid, x, shape)
    cdef Grid* g = &job.grid
    cdef int i
    cdef double work = 0
    cdef cnp.ndarray start, index, weight
    alive = []
    for i in range(3):
        if g.size[i] == g.out[i]:
            continue
        before, after = (g.out[i], g.size[i]) if transposed else (g.size[i], g.out[i])
        sums = _sums(before, after, interpolation, antialias, transposed, (<object>x).dtype)
        start, index, weight = sums
        alive.append(sums)
        job.sums[i].start = <const Py_ssize_t*>data(start)
        job.sums[i].index = <const Py_ssize_t*>data(index)
        job.sums[i].weight = data(weight)
        work += 2.0 * cnp.PyArray_SIZE(index) / g.out[i] * cnp.PyArray_SIZE(y)
    job.failed = False
    if g.size[0] != g.out[0]:
        g.rows = g.out[1]  # a plane is put together once for all its rows
    cdef Py_ssize_t blocks = chunks_of(g.out[1], g.rows)
    cdef Stage rows = typed_stage(
        g.single, resize_task[float], resize_task[double], g.images * g.out[0] * blocks, &job,
        sizeof(job),
    )
    if cnp.PyArray_SIZE(y) > 0:
        run_with_gil(&rows, 1, work + cnp.PyArray_SIZE(y))
    if job.failed:
        raise MemoryError("resize: there was no room for one plane of the image")
    return y


cdef void resize_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """One chunk: some rows of one plane of y."""
    cdef Resize* job = <Resize*>context
    cdef Grid* g = &job.grid
    cdef Py_ssize_t row = g.size[2] * g.channels, plane = g.size[1] * row
    cdef Py_ssize_t out_row = g.out[2] * g.channels
    cdef Py_ssize_t blocks = chunks_of(g.out[1], g.rows)
    cdef Py_ssize_t d = chunk // blocks % g.out[0], first = chunk % blocks * g.rows, h
    cdef const real* source = <const real*>g.x + chunk // (blocks * g.out[0]) * g.size[0] * plane
    cdef real* y = <real*>g.y
    cdef const real* line
    cdef Py_ssize_t room = row if g.size[0] == g.out[0] else row + plane
    cdef real* scratch = <real*>malloc(max(<size_t>1, room * sizeof(real)))
    cdef real* line_made = scratch
    cdef bint depth = g.size[0] != g.out[0], height = g.size[1] != g.out[1]
    cdef bint width = g.size[2] != g.out[2]
    if scratch == NULL:
        job.failed = True
        no_memory()
        return
    if depth:
        weigh(scratch, source, plane, &job.sums[0], d)
        source = scratch
        line_made = scratch + plane
    else:
        source += d * plane
    y += (chunk // blocks * g.out[1] + first) * out_row
    for h in range(first, min(first + g.rows, g.out[1])):
        line = source + h * row
        if height:
            weigh(line_made if width else y, source, row, &job.sums[1], h)
            line = line_made
        if width:
            weigh_pixels(y, line, g.channels, &job.sums[2], g.out[2])
        elif not height:
            memcpy(y, line, out_row * sizeof(real))
        y += out_row
    free(scratch)


cdef void weigh(
    real* y, const real* x, Py_ssize_t width, Sums* sums, Py_ssize_t o
) noexcept nogil:
    """Sum number o of rows of x, two rows at a time."""
    cdef Py_ssize_t t = sums.start[o], last = sums.start[o + 1], i
    cdef const real* weight = <const real*>sums.weight
    cdef const real* one
    cdef const real* two
    cdef real u, v
    if last - t == 1:
        one = x + sums.index[t] * width
        u = weight[t]
        for i in range(width):
            y[i] = u * one[i]
        return
    if (last - t) % 2:
        one = x + sums.index[t] * width
        u = weight[t]
        for i in range(width):
            y[i] = u * one[i]
        t += 1
    elif last == t:
        memset(y, 0, width * sizeof(real))
    else:
        one = x + sums.index[t] * width
        two = x + sums.index[t + 1] * width
        u = weight[t]
        v = weight[t + 1]
        for i in range(width):
            y[i] = u * one[i] + v * two[i]
        t += 2
    while t < last:
        one = x + sums.index[t] * width
        two = x + sums.index[t + 1] * width
        u = weight[t]
        v = weight[t + 1]
        for i in range(width):
            y[i] += u * one[i] + v * two[i]
        t += 2


cdef void weigh_pixels(
    real* y, const real* x, Py_ssize_t channels, Sums* sums, Py_ssize_t count
) noexcept nogil:
    """All the sums along a row of x."""
    cdef const real* weight = <const real*>sums.weight
    cdef Py_ssize_t o, t, c
    cdef real sum
    if channels > 4:
        for o in range(count):
            weigh(y + o * channels, x, channels, sums, o)
        return
    for o in range(count):
        for c in range(channels):
            sum = 0
            for t in range(sums.start[o], sums.start[o + 1]):
                sum += weight[t] * x[sums.index[t] * channels + c]
            y[o * channels + c] = sum


# --------------------------------------------------------------------------------------------------
# Affine sampling


cdef enum Fill:  # in the order of FILL_MODES
    CONSTANT
    NEAREST
    REFLECT
    WRAP


cdef struct Affine:
    Grid grid
    const double* transforms
    Py_ssize_t step  # from the transform of an image to that of the next: 8, or 0
    int fill
    bint bilinear
    double value


# The pixels of x that one pixel of y is interpolated from: their weights, and their numbers, -1
# where there is none.
cdef struct Corners:
    int count
    double weight[4]
    Py_ssize_t pixel[4]


def affine_forward(x, transforms, interpolation="bilinear", fill_mode="constant", fill_value=0.0):
    """Twin of reference.resizing.affine_forward. A point is computed once for all channels."""
    cdef cnp.ndarray a = real_array(x)
    cdef Affine job
    shape = (<object>a).shape
    cdef cnp.ndarray moves = as_real(transforms, cnp.PyArray_TYPE(a))
    check_affine(shape, (<object>moves).shape, interpolation, fill_mode)
    cdef cnp.ndarray moves64 = as_type(moves, cnp.NPY_DOUBLE)
    cdef cnp.ndarray y = grid_of(&job.grid, a, shape)
    prepare(&job, moves64, interpolation, fill_mode)
    job.value = fill_value
    cdef Grid* g = &job.grid
    cdef Stage sample = typed_stage(
        g.single, sample_task[float], sample_task[double],
        chunks_of(g.images * g.out[1], g.rows), &job, sizeof(job),
    )
    run_with_gil(&sample, 1, <double>g.images * g.out[1] * g.out[2] * (20 + 4 * g.channels))
    return y, (shape, moves, interpolation, fill_mode)


def affine_backward(dy, cache):
    """Twin of reference.resizing.affine_backward. Threads take whole images."""
    shape, transforms, interpolation, fill_mode = cache
    cdef cnp.ndarray g = real_array(dy)
    check_cotangent("affine_backward", (<object>g).shape, shape)
    cdef cnp.ndarray moves64 = as_type(transforms, cnp.NPY_DOUBLE)
    check_affine(shape, (<object>moves64).shape, interpolation, fill_mode)
    cdef Affine job
    cdef cnp.ndarray dx = grid_of(&job.grid, g, shape)
    prepare(&job, moves64, interpolation, fill_mode)
    cdef Stage scatter = typed_stage(
        job.grid.single, scatter_task[float], scatter_task[double], job.grid.images, &job,
        sizeof(job),
    )
    run_with_gil(
        &scatter, 1,
        <double>job.grid.images * job.grid.out[1] * job.grid.out[2] * (20 + 8 * job.grid.channels),
    )
    return dx


cdef int prepare(Affine* job, cnp.ndarray transforms, interpolation, fill_mode) except -1:
    job.transforms = <const double*>data(transforms)
    job.step = 0 if cnp.PyArray_DIM(transforms, 0) == 1 else 8
    job.fill = FILL_MODES.index(fill_mode)
    job.bilinear = interpolation == "bilinear"
    return 0


cdef inline Py_ssize_t fold_in(Py_ssize_t index, Py_ssize_t size, int fill) noexcept nogil:
    """The pixel that stands for this one, -1 where the fill value does."""
    if 0 <= index < size:
        return index
    if fill == CONSTANT:
        return -1
    if fill == NEAREST:
        return 0 if index < 0 else size - 1
    if fill == WRAP:
        index = index % size
        return index + size if index < 0 else index
    index = index % (2 * size)
    if index < 0:
        index += 2 * size
    return min(index, 2 * size - 1 - index)


cdef inline Py_ssize_t nearest(double point) noexcept nogil:
    return <Py_ssize_t>round(point)


cdef void find_corners(
    Corners* corners, Affine* job, const double* m, Py_ssize_t i, Py_ssize_t j
) noexcept nogil:
    """The pixels of x, and their weights, of pixel (i, j) of y under the transform m."""
    cdef Py_ssize_t height = job.grid.size[1], width = job.grid.size[2], first_row, first_column
    cdef Py_ssize_t rows[2]
    cdef Py_ssize_t columns[2]
    cdef double k = m[6] * j + m[7] * i + 1
    cdef double row = (m[3] * j + m[4] * i + m[5]) / k
    cdef double column = (m[0] * j + m[1] * i + m[2]) / k
    cdef double down, right
    cdef int r, c
    corners.count = 1
    corners.weight[0] = 1
    if not (fabs(row) < far and fabs(column) < far):
        corners.pixel[0] = -1
        return
    if not job.bilinear:
        rows[0] = fold_in(nearest(row), height, job.fill)
        columns[0] = fold_in(nearest(column), width, job.fill)
        corners.pixel[0] = -1 if rows[0] < 0 or columns[0] < 0 else rows[0] * width + columns[0]
        return
    first_row = <Py_ssize_t>floor(row)
    first_column = <Py_ssize_t>floor(column)
    down = row - first_row
    right = column - first_column
    for r in range(2):
        rows[r] = fold_in(first_row + r, height, job.fill)
        columns[r] = fold_in(first_column + r, width, job.fill)
    corners.count = 4
    for r in range(2):
        for c in range(2):
            corners.weight[2 * r + c] = (down if r else 1 - down) * (right if c else 1 - right)
            corners.pixel[2 * r + c] = (
                -1 if rows[r] < 0 or columns[c] < 0 else rows[r] * width + columns[c]
            )


cdef void sample_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef Affine* job = <Affine*>context
    cdef Grid* g = &job.grid
    cdef Py_ssize_t r, last = min((chunk + 1) * g.rows, g.images * g.out[1])
    for r in range(chunk * g.rows, last):
        sample_row(job, r, <const real*>g.x, <real*>g.y)


cdef void sample_row(Affine* job, Py_ssize_t row, const real* x, real* y) noexcept nogil:
    """Row number `row` of y, all the images counted."""
    cdef Grid* g = &job.grid
    cdef Py_ssize_t n = row // g.out[1], channels = g.channels, j, c
    cdef const double* m = job.transforms + n * job.step
    cdef Corners corners
    cdef real weight, value = <real>job.value
    cdef int k
    cdef const real* pixel
    x += n * g.size[1] * g.size[2] * channels
    y += row * g.out[2] * channels
    for j in range(g.out[2]):
        find_corners(&corners, job, m, row % g.out[1], j)
        for k in range(corners.count):
            weight = <real>corners.weight[k]
            pixel = x + corners.pixel[k] * channels
            if k == 0:
                for c in range(channels):
                    y[c] = weight * (value if corners.pixel[k] < 0 else pixel[c])
            elif corners.pixel[k] < 0:
                for c in range(channels):
                    y[c] += weight * value
            else:
                for c in range(channels):
                    y[c] += weight * pixel[c]
        y += channels


cdef void scatter_task(Py_ssize_t n, void* context, const real* like) noexcept nogil:
    """The gradient of image n."""
    cdef Affine* job = <Affine*>context
    cdef Grid* g = &job.grid
    cdef Py_ssize_t channels = g.channels, size = g.size[1] * g.size[2] * channels, i, j, c
    cdef const double* m = job.transforms + n * job.step
    cdef const real* dy = <const real*>g.x + n * size
    cdef real* dx = <real*>g.y + n * size
    cdef Corners corners
    cdef real weight
    cdef real* pixel
    cdef int k
    memset(dx, 0, size * sizeof(real))
    for i in range(g.out[1]):
        for j in range(g.out[2]):
            find_corners(&corners, job, m, i, j)
            for k in range(corners.count):
                if corners.pixel[k] < 0:
                    continue
                weight = <real>corners.weight[k]
                pixel = dx + corners.pixel[k] * channels
                for c in range(channels):
                    pixel[c] += weight * dy[c]
            dy += channels
