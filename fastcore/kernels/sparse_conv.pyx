"""The gradients of a convolution of whose dz few numbers are not 0.

A global maximum after a convolution gives its gradient to one place for each filter: of dz, one
number in hundreds is not 0. Those are listed, and each adds its window of x to the gradient of its
filter, and its filter to the window of dx:

    dkernel[(tap, c), f] += x[place + tap, c] dz[place, f]
    dx[place + tap, c] += kernel[(tap, c), f] dz[place, f]

Whether they are few is found out by looking, image by image, until there are too many. Zeros that
would meet NaN or infinity, those of the padding too, are not left out: then the other ways compute
all.
"""

cimport numpy as cnp
from libc.math cimport isfinite
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .arrays cimport as_real, data, dim, rank, real, real_type
from .conv cimport Conv, all_finite
from .conv_walk cimport Field, divide_up
from .fused cimport LINEAR, RELU
from .threads cimport Stage, recorder, release, run_stages, stage, typed_stage

cnp.import_array()

cdef enum:
    FEW = 32                # of so many numbers of dz at most one is not 0
    LEAST_PLACES = 64       # of y in an image
    LEAST_WORK = 4_000_000  # multiplications of a gradient, below which nothing is gained
    BLOCK = 8               # filters of a chunk


# A number of dz that is not 0.
cdef struct Entry:
    Py_ssize_t place            # of y, in its image
    Py_ssize_t filter
    double value


cdef struct SparseGradient:
    Conv conv
    Field x
    Field dz
    const void* kernel
    void* dx
    void* dkernel
    void* dbias
    Py_ssize_t depth            # numbers under a window
    Py_ssize_t places           # of y in an image
    Py_ssize_t pixels           # numbers of x in an image
    Py_ssize_t room             # entries of an image
    Entry* entries              # image by image
    Py_ssize_t* counts
    void* filters               # the kernel, one filter after the other; at last, their gradients
    int dense                   # it is to be computed in another way


cdef bint sparse_may_pay(const Conv* p, const Field* dz) noexcept nogil:
    cdef Py_ssize_t places = p.out[0] * p.out[1] * p.out[2]
    cdef double work = <double>p.batch * places * p.filters * p.channels
    work *= <double>p.window[0] * p.window[1] * p.window[2]
    return (
        p.groups == 1 and p.dilation[2] == 1 and places >= LEAST_PLACES and work >= LEAST_WORK
        and (dz.y == NULL or dz.code == RELU)
    )


cdef void begin_task(Py_ssize_t _, void* context) noexcept nogil:
    (<SparseGradient**>context)[0].dense = 0


cdef void list_task(Py_ssize_t image, void* context, const real* like) noexcept nogil:
    """The entries of an image."""
    cdef SparseGradient* p = (<SparseGradient**>context)[0]
    cdef Py_ssize_t filters = p.conv.filters, place, f, count = 0
    cdef const real* dy = <const real*>p.dz.values + image * p.places * filters
    cdef const real* y = dy
    cdef Entry* entries = p.entries + image * p.room
    cdef bint any
    p.counts[image] = 0
    if p.dz.y != NULL:
        y = <const real*>p.dz.y + image * p.places * filters
    for place in range(p.places):
        if p.dense:  # whoever has set it
            return
        any = False
        for f in range(filters):
            any |= dy[f] != 0
        if any:
            for f in range(filters):
                if dy[f] == 0 or (p.dz.y != NULL and not y[f] > 0):
                    continue
                if count == p.room:
                    p.dense = 1
                    return
                entries[count].place, entries[count].filter = place, f
                entries[count].value = dy[f]
                if not isfinite(entries[count].value):
                    p.dense = 1
                    return
                count += 1
        dy += filters
        y += filters
    p.counts[image] = count
    if not all_finite(<const real*>p.x.values + image * p.pixels, p.pixels):
        p.dense = 1


cdef void turn_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Some filters of the kernel, one after the other."""
    cdef SparseGradient* p = (<SparseGradient**>context)[0]
    cdef Py_ssize_t first = chunk * BLOCK, filters = p.conv.filters, f, i
    cdef const real* kernel = <const real*>p.kernel
    cdef real* turned = <real*>p.filters
    if p.dense:
        return
    for f in range(first, min(first + BLOCK, filters)):
        for i in range(p.depth):
            turned[f * p.depth + i] = kernel[i * filters + f]
        if not all_finite(turned + f * p.depth, p.depth):
            p.dense = 1


cdef inline void add_product(
    Py_ssize_t n, real factor, const real* source, real* to
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        to[i] += factor * source[i]


cdef inline void add_window(
    const Conv* conv, bint spread, const Entry* entry, const real* source, real* to,
) noexcept nogil:
    """Add what is under the window of an image to a filter or, `spread`, the other way round."""
    cdef Py_ssize_t low[3]
    cdef Py_ssize_t place = entry.place, axis, i, j, row, column, at, tap, count
    for axis in range(2, -1, -1):
        low[axis] = place % conv.out[axis] * conv.stride[axis] - conv.before[axis]
        place //= conv.out[axis]
    # Of each line of the window what is not in the padding.
    count = (min(conv.size[2], low[2] + conv.window[2]) - max(0, low[2])) * conv.channels
    for i in range(conv.window[0]):
        row = low[0] + i * conv.dilation[0]
        if not 0 <= row < conv.size[0]:
            continue
        for j in range(conv.window[1]):
            column = low[1] + j * conv.dilation[1]
            if not 0 <= column < conv.size[1]:
                continue
            at = ((row * conv.size[1] + column) * conv.size[2] + max(0, low[2])) * conv.channels
            tap = ((i * conv.window[1] + j) * conv.window[2] + max(0, -low[2])) * conv.channels
            if spread:
                add_product(count, <real>entry.value, source + tap, to + at)
            else:
                add_product(count, <real>entry.value, source + at, to + tap)


cdef void dx_task(Py_ssize_t image, void* context, const real* like) noexcept nogil:
    """An image of dx."""
    cdef SparseGradient* p = (<SparseGradient**>context)[0]
    cdef real* dx = <real*>p.dx + image * p.pixels
    cdef const Entry* entry
    cdef Py_ssize_t e
    if p.dense:
        return
    memset(dx, 0, p.pixels * sizeof(real))
    for e in range(p.counts[image]):
        entry = p.entries + image * p.room + e
        add_window(
            &p.conv, True, entry, <const real*>p.filters + entry.filter * p.depth, dx,
        )


cdef void dkernel_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """The gradients of some filters, where those stood: image by image, place by place."""
    cdef SparseGradient* p = (<SparseGradient**>context)[0]
    cdef Py_ssize_t first = chunk * BLOCK, filters = p.conv.filters
    cdef Py_ssize_t last = min(first + BLOCK, filters), image, e, f, i
    cdef const Entry* entry
    cdef real* sums = <real*>p.filters + first * p.depth
    cdef real biases[BLOCK]
    if p.dense:
        return
    memset(sums, 0, (last - first) * p.depth * sizeof(real))
    memset(biases, 0, sizeof(biases))
    for image in range(p.conv.batch):
        for e in range(p.counts[image]):
            entry = p.entries + image * p.room + e
            if first <= entry.filter < last:
                f = entry.filter - first
                biases[f] += <real>entry.value
                add_window(
                    &p.conv, False, entry, <const real*>p.x.values + image * p.pixels,
                    sums + f * p.depth,
                )
    for i in range(p.depth):
        for f in range(first, last):
            (<real*>p.dkernel)[i * filters + f] = sums[(f - first) * p.depth + i]
    if p.dbias != NULL:
        for f in range(first, last):
            (<real*>p.dbias)[f] = biases[f - first]


cdef bint sparse_backward(
    const Conv* conv, const Field* x, const Field* dz, const void* kernel, void* dx, void* dkernel,
    void* dbias, const int** dense,
) noexcept nogil:
    cdef Py_ssize_t item = sizeof(float) if conv.single else sizeof(double)
    cdef Py_ssize_t blocks = divide_up(conv.filters, BLOCK)
    cdef SparseGradient* p = <SparseGradient*>malloc(sizeof(SparseGradient))
    cdef Stage stages[5]
    cdef int count = 3
    cdef bint done
    if p == NULL:
        return False
    p.conv, p.x, p.dz = conv[0], x[0], dz[0]
    p.kernel, p.dx, p.dkernel, p.dbias = kernel, dx, dkernel, dbias
    p.depth = conv.window[0] * conv.window[1] * conv.window[2] * conv.channels
    p.places = conv.out[0] * conv.out[1] * conv.out[2]
    p.pixels = conv.size[0] * conv.size[1] * conv.size[2] * conv.channels
    p.room = p.places * conv.filters // FEW
    p.dense = 0
    p.entries = <Entry*>malloc(
        conv.batch * (p.room * sizeof(Entry) + sizeof(Py_ssize_t))
        + conv.filters * p.depth * item
    )
    if p.entries == NULL:
        free(p)
        return False
    p.counts = <Py_ssize_t*>(p.entries + conv.batch * p.room)
    p.filters = p.counts + conv.batch
    stages[0] = stage(begin_task, 1, &p, sizeof(p))
    stages[1] = typed_stage(
        conv.single, list_task[float], list_task[double], conv.batch, &p, sizeof(p),
    )
    stages[2] = typed_stage(conv.single, turn_task[float], turn_task[double], blocks, &p, sizeof(p))
    if dx != NULL:
        stages[3] = typed_stage(
            conv.single, dx_task[float], dx_task[double], conv.batch, &p, sizeof(p),
        )
        count = 4
    stages[count] = typed_stage(
        conv.single, dkernel_task[float], dkernel_task[double], blocks, &p, sizeof(p),
    )
    # In a plan, the work of the other ways counts as well: they are not said to be work there.
    run_stages(
        stages, count + 1,
        <double>conv.batch * p.places * conv.filters * (1 if recorder() == NULL else p.depth / 8.0),
    )
    done = not p.dense
    if recorder() != NULL:
        dense[0] = &p.dense
    release(p.entries)
    release(p)
    return done


# ------------------------------------------------------------------- from Python, for tests

def gradients_into(dy, x, kernel, dx, dkernel, dbias, y=None):
    """Fill the gradients of a convolution without padding that moves by one; return whether they
    are done. y: of relu, or None for a linear one.
    """
    cdef int typenum = real_type(x)
    cdef cnp.ndarray dys = as_real(dy, typenum), xs = as_real(x, typenum)
    cdef cnp.ndarray ks = as_real(kernel, typenum), dxs = as_real(dx, typenum)
    cdef cnp.ndarray dks = as_real(dkernel, typenum), dbs = as_real(dbias, typenum)
    cdef cnp.ndarray ys = None if y is None else as_real(y, typenum)
    cdef const int* dense = NULL
    cdef int axes = rank(xs) - 2, i
    cdef Field source, dz
    cdef Conv c
    c.batch, c.channels, c.filters = dim(xs, 0), dim(xs, axes + 1), dim(ks, axes + 1)
    c.groups, c.single = 1, typenum == cnp.NPY_FLOAT
    c.activation = LINEAR if ys is None else RELU
    for i in range(3):
        c.size[i] = c.out[i] = c.window[i] = c.stride[i] = c.dilation[i] = 1
        c.before[i] = 0
    for i in range(axes):
        c.size[3 - axes + i], c.window[3 - axes + i] = dim(xs, i + 1), dim(ks, i)
        c.out[3 - axes + i] = dim(dys, i + 1)
    source.values, source.y, source.code = data(xs), NULL, LINEAR
    dz.values, dz.y, dz.code = data(dys), NULL if ys is None else data(ys), c.activation
    return sparse_may_pay(&c, &dz) and sparse_backward(
        &c, &source, &dz, data(ks), data(dxs), data(dks), data(dbs), &dense,
    )
