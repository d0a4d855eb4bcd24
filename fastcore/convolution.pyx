"""Twin of reference/convolution.py: convolution, depthwise convolution, transposed convolution."""

cimport numpy as cnp

from .kernels.arrays cimport (
    as_real, as_size, data, dim, new_array, new_like, new_result, new_vector, rank, real_type,
    same_shape,
)
from .kernels.conv cimport Conv
from .kernels.conv_walk cimport Field
from .kernels.direct_conv cimport direct_product
from .kernels.depthwise cimport depthwise_backward, depthwise_forward
from .kernels.conv_dkernel cimport direct_dkernel, sum_places
from .kernels.fused cimport LINEAR, RELU, activation_code
from .kernels.plan cimport only_if
from .kernels.sparse_conv cimport sparse_backward, sparse_may_pay
from .kernels.threads cimport Recorder, recorder, refuse_plan, set_recorder
from .kernels.winograd cimport winograd_dkernel, winograd_dx, winograd_forward, winograd_pays

from ..reference._shapes import check_cotangent
from ..reference._windows import check_conv, check_conv_transpose, check_depthwise_conv
from .pooling import _max_pool_back, _max_pool_into, max_pool_forward

cnp.import_array()

# No stride, dilation or padding is longer: products of two of them are exact.
cdef Py_ssize_t LONGEST = 1 << 30


# ---------------------------------------------------------------------------------- kernels
# Each returns -1 where there was no memory for its work areas.

# What the ways to compute a convolution or its gradients are told; not every way reads all of it.
cdef struct Call:
    const Conv* conv
    bint reverse                # the gradient of x
    const Field* source         # of product
    const Field* x              # of the gradients
    const Field* dz
    const void* kernel
    const void* bias
    int activation
    void* result                # y or dx
    void* dkernel
    void* dbias

# A way that does not always do says so; where a plan is being made, `failed` becomes what says in
# each run whether it does then, or stays as it is where nothing has been tried.
ctypedef bint (*quick_t)(const Call* c, const int** failed) noexcept nogil
ctypedef int (*sure_t)(const Call* c) noexcept nogil


cdef int by_either(quick_t quick, sure_t sure, const Call* c) noexcept nogil:
    """By the quick way where it does, else by the other. A plan has both, and looks in each run."""
    cdef Recorder* by = recorder()
    cdef const int* failed = NULL
    cdef bint done = quick(c, &failed)
    cdef int error
    if done and by == NULL:
        return 0
    if failed != NULL:
        only_if(by, failed)
    error = sure(c)
    if failed != NULL:
        only_if(by, NULL)
    if done:  # as the first time, which is noted
        set_recorder(NULL)
        quick(c, &failed)
        set_recorder(by)
    return error


# Winograd's way is taken where it pays and can be: it has no place for a bias or an activation on
# the way back, nor for a derivative on the way there, and it says itself where it does not do
# (numbers that are not finite).

cdef bint product_by_winograd(const Call* c, const int** failed) noexcept nogil:
    cdef const Field* source = c.source
    if not winograd_pays(c.conv):
        return False
    if c.reverse and c.bias == NULL and c.activation == LINEAR:
        return winograd_dx(c.conv, source.values, source.y, c.kernel, c.result, failed)
    if not c.reverse and source.y == NULL:
        return winograd_forward(
            c.conv, source.values, c.kernel, c.bias, NULL, c.result, NULL, failed,
        )
    return False


cdef int product_directly(const Call* c) noexcept nogil:
    return direct_product(
        c.conv, c.reverse, c.source, c.kernel, c.bias, c.activation, c.result,
    )


cdef int product(
    const Conv* conv, bint reverse, const Field* source, const void* kernel, const void* bias,
    int activation, void* result,
) noexcept nogil:
    cdef Call c
    c.conv, c.reverse, c.source = conv, reverse, source
    c.kernel, c.bias, c.activation, c.result = kernel, bias, activation, result
    return by_either(product_by_winograd, product_directly, &c)


cdef bint dkernel_by_winograd(const Call* c, const int** failed) noexcept nogil:
    if not winograd_pays(c.conv) or c.x.y != NULL:
        return False
    return winograd_dkernel(
        c.conv, c.x.values, c.dz.values, c.dz.y, c.dkernel, c.dbias, failed,
    )


cdef int dkernel_directly(const Call* c) noexcept nogil:
    return direct_dkernel(c.conv, c.x, c.dz, c.dkernel, c.dbias)


cdef int kernel_gradient(
    const Conv* conv, const Field* x, const Field* dz, void* dkernel, void* dbias,
) noexcept nogil:
    cdef Call c
    c.conv, c.x, c.dz, c.dkernel, c.dbias = conv, x, dz, dkernel, dbias
    return by_either(dkernel_by_winograd, dkernel_directly, &c)


cdef bint backward_sparsely(const Call* c, const int** failed) noexcept nogil:
    return sparse_may_pay(c.conv, c.dz) and sparse_backward(
        c.conv, c.x, c.dz, c.kernel, c.result, c.dkernel, c.dbias, failed,
    )


cdef int backward_densely(const Call* c) noexcept nogil:
    cdef int error = kernel_gradient(c.conv, c.x, c.dz, c.dkernel, c.dbias)
    if error or c.result == NULL:
        return error
    return product(c.conv, True, c.dz, c.kernel, NULL, LINEAR, c.result)


cdef int backward(
    const Conv* conv, const Field* x, const Field* dz, const void* kernel,
    void* dx, void* dkernel, void* dbias,
) noexcept nogil:
    cdef Call c
    c.conv, c.x, c.dz, c.kernel = conv, x, dz, kernel
    c.result, c.dkernel, c.dbias = dx, dkernel, dbias
    return by_either(backward_sparsely, backward_densely, &c)


cdef int transpose_backward(
    const Conv* p, const Field* x, const Field* dz, const void* kernel,
    void* dx, void* dkernel, void* dbias,
) noexcept nogil:
    """x and y change places: dz is what the convolution reads, x is its result."""
    cdef Py_ssize_t places = p.batch * p.size[0] * p.size[1] * p.size[2]
    if kernel_gradient(p, dz, x, dkernel, NULL):
        return -1
    if dbias != NULL and sum_places(p.single, places, p.channels, dz, dbias):
        return -1
    return product(p, False, dz, kernel, NULL, LINEAR, dx) if dx != NULL else 0


# ------------------------------------------------------------------------------ what is computed

cdef bint describe(
    Conv* p, cnp.ndarray outer, cnp.ndarray kernel, Py_ssize_t groups, strides, padding, dilation,
) except -1:
    """Fill in a convolution that reads an array like `outer`; False where something does not fit.

    groups: 0 for a depthwise convolution, whose kernel (*window, C, M) is in memory that of C
    groups with M filters each. The reference's checks then say what does not fit: in a call that is
    right they would take longer than a small convolution.
    """
    cdef int axes = rank(kernel) - 2
    cdef int i, axis
    cdef Py_ssize_t after, room
    if axes < 1 or axes > 3 or rank(outer) != axes + 2:
        return False
    if len(strides) != axes or len(padding) != axes or len(dilation) != axes:
        return False
    p.single = cnp.PyArray_TYPE(kernel) == cnp.NPY_FLOAT
    p.activation = LINEAR
    p.batch, p.channels = dim(outer, 0), dim(outer, axes + 1)
    if groups:
        p.filters, p.groups = dim(kernel, axes + 1), groups
    else:
        p.filters, p.groups = dim(kernel, axes) * dim(kernel, axes + 1), dim(kernel, axes)
    if p.channels < 1 or p.filters < 1 or p.groups < 1 or p.filters % p.groups:
        return False
    if p.channels != p.groups * (dim(kernel, axes) if groups else 1):
        return False
    for axis in range(3 - axes):
        p.size[axis] = p.window[axis] = p.stride[axis] = p.dilation[axis] = p.out[axis] = 1
        p.before[axis] = 0
    for i in range(axes):
        axis = 3 - axes + i
        p.size[axis], p.window[axis] = dim(outer, i + 1), dim(kernel, i)
        try:
            p.stride[axis], p.dilation[axis] = strides[i], dilation[i]
            p.before[axis], after = padding[i]
        except OverflowError:
            return False  # longer than LONGEST
        if min(p.window[axis], p.stride[axis], p.dilation[axis]) < 1:
            return False
        if max(p.window[axis], p.stride[axis], p.dilation[axis]) > LONGEST:
            return False
        if min(p.before[axis], after) < 0 or max(p.before[axis], after) > LONGEST:
            return False
        room = p.before[axis] + p.size[axis] + after
        room -= (p.window[axis] - 1) * p.dilation[axis] + 1
        if room < 0:
            return False
        p.out[axis] = room // p.stride[axis] + 1
        if p.out[axis] == 1:
            # The window does not move, so any stride is right; a long one would be many phases.
            p.stride[axis] = min(p.stride[axis], p.window[axis])
    return True


cdef bint has_shape(
    cnp.ndarray a, Py_ssize_t batch, const Py_ssize_t* sizes, Py_ssize_t channels,
) noexcept:
    """Whether an array has the shape (batch, *sizes, channels)."""
    cdef int axes = rank(a) - 2
    cdef int i
    if axes < 1 or axes > 3 or dim(a, 0) != batch or dim(a, axes + 1) != channels:
        return False
    for i in range(axes):
        if dim(a, i + 1) != sizes[3 - axes + i]:
            return False
    return True


cdef cnp.ndarray new_images(
    int axes, Py_ssize_t batch, const Py_ssize_t* sizes, Py_ssize_t channels, int typenum,
):
    """A new array (batch, *sizes, channels)."""
    cdef cnp.npy_intp dims[5]
    cdef int i
    dims[0], dims[axes + 1] = batch, channels
    for i in range(axes):
        dims[i + 1] = sizes[3 - axes + i]
    return new_array(axes + 2, dims, typenum)


cdef bint fits_bias(cnp.ndarray bias, Py_ssize_t filters) noexcept:
    return bias is None or (rank(bias) == 1 and dim(bias, 0) == filters)


cdef object wrong_cache(name, x, kernel, y):
    return ValueError(
        f"{name}: the cache is not one of {name.replace('backward', 'forward')}: it holds x, "
        f"kernel and y of shapes {x.shape}, {kernel.shape} and {y.shape}, which do not fit each "
        "other and the options"
    )


cdef object too_long(name, strides, padding, dilation):
    return ValueError(
        f"{name}: strides, padding and dilation go up to {LONGEST}; got {strides}, {padding}, "
        f"{dilation}"
    )


cdef object no_memory(name):
    return MemoryError(f"{name}: there is no memory for the work areas")


cdef inline bint is_depthwise(const Conv* p) noexcept:
    """Whether every channel has one filter of its own, which is worth a kernel of its own."""
    return 1 < p.channels == p.groups == p.filters


cdef inline Field field(cnp.ndarray values, cnp.ndarray y, int code) noexcept:
    """values, or where an activation stands between: values * activation'(.), from y."""
    cdef Field f
    f.values, f.code = data(values), code
    f.y = data(y) if y is not None and code != LINEAR else NULL
    return f


cdef cnp.ndarray forward(
    str name, Conv* p, cnp.ndarray xs, cnp.ndarray ks, cnp.ndarray bs, int code,
):
    """y of a convolution that has been described."""
    cdef cnp.ndarray y = new_images(
        rank(xs) - 2, p.batch, p.out, p.filters, cnp.PyArray_TYPE(xs),
    )
    cdef Field source = field(xs, None, LINEAR)
    cdef const void* kernel_data = data(ks)
    cdef const void* bias_data = data(bs) if bs is not None else NULL
    cdef void* y_data = data(y)
    cdef int failed
    p.activation = code
    if is_depthwise(p):
        with nogil:
            failed = depthwise_forward(p, source.values, kernel_data, bias_data, y_data)
    else:
        with nogil:
            failed = product(p, False, &source, kernel_data, bias_data, code, y_data)
    if failed:
        raise no_memory(name)
    return y


cdef bint can_pool(
    const Conv* p, int code, window, steps, margins, Py_ssize_t* pooled,
) except -1:
    """Whether a convolution can pool what it writes, by two; then the sizes of the result.

    Only Winograd's way can: the others write whole rows, and pooling them is no work beside that.
    """
    cdef int axes = len(margins)
    cdef int i
    if code not in (LINEAR, RELU) or not winograd_pays(p):
        return False
    if tuple(window) != (2,) * axes or tuple(steps) != (2,) * axes:
        return False
    pooled[0] = pooled[1] = pooled[2] = 1
    for i in range(3 - axes, 3):
        before, after = margins[i - 3 + axes]
        if before != 0 or after not in (0, 1) or p.out[i] < 2:
            return False
        pooled[i] = (p.out[i] + <Py_ssize_t>after) // 2
    return True


cdef tuple pooled_forward(
    bint with_argmax, x, kernel, bias, strides, padding, dilation, groups, activation,
    window, steps, margins,
):
    """y of a convolution and the maximum pooling after it, and the pooling's cache; a prediction
    may do without the argmax.
    """
    cdef int typenum = real_type(x)
    cdef int code = activation_code(activation)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray ks = as_real(kernel, typenum)
    cdef cnp.ndarray bs = as_real(bias, typenum) if bias is not None else None
    cdef cnp.ndarray y = None
    cdef cnp.ndarray at = None
    cdef cnp.ndarray argmax = None
    cdef Recorder* by = recorder()
    cdef const int* failed = NULL
    cdef Py_ssize_t pooled[3]
    cdef bint done = False
    cdef Conv p
    fits = groups > 0 and describe(&p, xs, ks, as_size(groups), strides, padding, dilation)
    if (
        fits and fits_bias(bs, p.filters) and len(margins) == rank(xs) - 2
        and can_pool(&p, code, window, steps, margins, pooled)
    ):
        p.activation = code
        y = new_images(rank(xs) - 2, p.batch, pooled, p.filters, typenum)
        if with_argmax or by != NULL:
            at = new_images(rank(xs) - 2, p.batch, pooled, p.filters, cnp.NPY_UINT8)
        argmax = at if with_argmax else None
        done = pool_by_winograd(&p, xs, ks, bs, pooled, y, argmax, &failed)
    if done and by == NULL:
        shape = (p.batch, *[p.out[i] for i in range(5 - rank(xs), 3)], p.filters)
        return y, (argmax, shape, window, steps, margins)
    # As in by_either: a plan has both ways. What lies between is touched where it's needed alone.
    if failed != NULL:
        only_if(by, failed)
    between, _ = conv_forward(x, kernel, bias, strides, padding, dilation, groups, activation)
    if at is None:
        found = max_pool_forward(between, window, steps, margins)
    else:
        found = _max_pool_into(between, window, steps, margins, y, at)
    if failed != NULL:
        only_if(by, NULL)
    if done:
        set_recorder(NULL)
        pool_by_winograd(&p, xs, ks, bs, pooled, y, argmax, &failed)
        set_recorder(by)
    return found


cdef bint pool_by_winograd(
    const Conv* p, cnp.ndarray xs, cnp.ndarray ks, cnp.ndarray bs, const Py_ssize_t* pooled,
    cnp.ndarray y, cnp.ndarray argmax, const int** failed,
) noexcept:
    cdef const void* x_data = data(xs)
    cdef const void* kernel_data = data(ks)
    cdef const void* bias_data = data(bs) if bs is not None else NULL
    cdef void* y_data = data(y)
    cdef unsigned char* argmax_data = <unsigned char*>data(argmax) if argmax is not None else NULL
    cdef bint done
    with nogil:
        done = winograd_forward(
            p, x_data, kernel_data, bias_data, pooled, y_data, argmax_data, failed,
        )
    return done


cdef tuple gradients(str name, object dy, tuple cache, Py_ssize_t groups, bint need_dx):
    """dx, dkernel and dbias of a convolution; the cache is that of a depthwise one."""
    x, kernel, y, has_bias, strides, padding, dilation, activation = cache
    cdef int typenum = real_type(y)
    cdef int code = activation_code(activation)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    cdef cnp.ndarray ys = as_real(y, typenum)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray ks = as_real(kernel, typenum)
    cdef Conv p
    if not same_shape(dys, ys):
        check_cotangent(name, dy.shape, y.shape)
    fits = describe(&p, xs, ks, groups, strides, padding, dilation)
    if not fits or rank(ys) != rank(xs) or not has_shape(ys, p.batch, p.out, p.filters):
        raise wrong_cache(name, x, kernel, y)
    if p.batch == 0:
        refuse_plan("there are no rows")
    cdef cnp.ndarray dkernel = new_like(ks)
    cdef cnp.ndarray dbias = new_vector(p.filters, typenum) if has_bias else None
    cdef cnp.ndarray dx = new_like(xs) if need_dx else None
    cdef Field input = field(xs, None, LINEAR)
    cdef Field dz = field(dys, ys, code)
    cdef const void* kernel_data = data(ks)
    cdef void* dkernel_data = data(dkernel)
    cdef void* dbias_data = data(dbias) if has_bias else NULL
    cdef void* dx_data = data(dx) if need_dx else NULL
    cdef const void* y_data = data(ys)
    cdef int failed
    p.activation = code
    if is_depthwise(&p):
        with nogil:
            failed = depthwise_backward(
                &p, input.values, kernel_data, y_data, dz.values, dx_data, dkernel_data, dbias_data,
            )
    else:
        with nogil:
            failed = backward(&p, &input, &dz, kernel_data, dx_data, dkernel_data, dbias_data)
    if failed:
        raise no_memory(name)
    return dx, dkernel, dbias


# ------------------------------------------------------------------------------- public twins

def conv_forward(x, kernel, bias, strides, padding, dilation, groups, activation="linear"):
    """Twin of reference.convolution.conv_forward. Sums stay in registers over a whole window.

    Kernel: gather in kernels/conv_tile.h, or the transforms of kernels/winograd_tile.h.
    """
    cdef int typenum = real_type(x)
    cdef int code = activation_code(activation)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray ks = as_real(kernel, typenum)
    cdef cnp.ndarray bs = as_real(bias, typenum) if bias is not None else None
    cdef Conv p
    fits = groups > 0 and describe(&p, xs, ks, as_size(groups), strides, padding, dilation)
    if not fits or not fits_bias(bs, p.filters):
        bias_shape = None if bias is None else bias.shape
        check_conv(x.shape, kernel.shape, bias_shape, strides, padding, dilation, groups)
        raise too_long("conv", strides, padding, dilation)
    y = forward("conv_forward", &p, xs, ks, bs, code)
    return y, (xs, ks, y, bs is not None, strides, padding, dilation, groups, activation)


def conv_backward(dy, cache, need_dx=True):
    """Twin of reference.convolution.conv_backward. dz is formed where it is read.

    Kernels: pack_dz and gather in kernels/conv_tile.h, or those of kernels/winograd_tile.h; where
    few numbers of dz are not 0, add_window in kernels/sparse_conv.pyx.
    """
    x, kernel, y, has_bias, strides, padding, dilation, groups, activation = cache
    if groups < 1:
        raise ValueError(f"conv_backward: the cache is not one of conv_forward: groups={groups}")
    rest = (x, kernel, y, has_bias, strides, padding, dilation, activation)
    return gradients("conv_backward", dy, rest, as_size(groups), need_dx)


def conv_max_pool_forward(
    x, kernel, bias, strides, padding, dilation, groups, activation, window, steps, margins,
):
    """Extra: conv_forward and then max_pool_forward, for a prediction, with an empty cache.

    A tile is pooled before it is written: what the pooling drops never is. tests/extras.py holds it
    against the two in the reference. window, steps, margins: those of the pooling. Kernel:
    write_vector in kernels/winograd_tile.h.
    """
    y, _ = pooled_forward(
        False, x, kernel, bias, strides, padding, dilation, groups, activation, window, steps,
        margins,
    )
    return y, ()


def conv_max_pool_training_forward(
    x, kernel, bias, strides, padding, dilation, groups, activation, window, steps, margins,
):
    """Extra: conv_forward, linear or with relu, and then max_pool_forward, in training.

    The maxima and where they are say all that the way back asks: what lies between isn't kept.
    tests/extras.py holds it against the two in the reference. Kernel: write_vector in
    kernels/winograd_tile.h.
    """
    if activation not in ("linear", "relu"):
        raise ValueError(
            "conv_max_pool_training_forward: activation needs to be 'linear' or 'relu', "
            f"got {activation!r}"
        )
    y, pooling = pooled_forward(
        True, x, kernel, bias, strides, padding, dilation, groups, activation, window, steps,
        margins,
    )
    rest = (strides, padding, dilation, groups, activation)
    return y, (x, kernel, y, bias is not None, *rest, pooling)


def conv_max_pool_training_backward(dy, cache, need_dx=True):
    """Extra: max_pool_backward and then conv_backward.

    relu's gradient is where the maxima are above 0. tests/extras.py holds it against the two in the
    reference. Kernels: spread_max in kernels/pooling.h, and those of conv_backward.
    """
    x, kernel, y, has_bias, strides, padding, dilation, groups, activation, pooling = cache
    name = "conv_max_pool_training_backward"
    dz = _max_pool_back(name, dy, y if activation == "relu" else None, pooling)
    rest = (x, kernel, dz, has_bias, strides, padding, dilation, "linear")
    return gradients(name, dz, rest, as_size(groups), need_dx)


def depthwise_conv_forward(x, kernel, bias, strides, padding, dilation, activation="linear"):
    """Twin of reference.convolution.depthwise_conv_forward. See kernels/depthwise.pyx.

    Kernel: line_forward in kernels/depthwise_tile.h.
    """
    cdef int typenum = real_type(x)
    cdef int code = activation_code(activation)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray ks = as_real(kernel, typenum)
    cdef cnp.ndarray bs = as_real(bias, typenum) if bias is not None else None
    cdef Conv p
    fits = describe(&p, xs, ks, 0, strides, padding, dilation)
    if not fits or not fits_bias(bs, p.filters):
        bias_shape = None if bias is None else bias.shape
        check_depthwise_conv(x.shape, kernel.shape, bias_shape, strides, padding, dilation)
        raise too_long("depthwise_conv", strides, padding, dilation)
    y = forward("depthwise_conv_forward", &p, xs, ks, bs, code)
    return y, (xs, ks, y, bs is not None, strides, padding, dilation, activation)


def depthwise_conv_backward(dy, cache, need_dx=True):
    """Twin of reference.convolution.depthwise_conv_backward. See kernels/depthwise.pyx.

    Kernels: line_taps, line_forward and line_scatter in kernels/depthwise_tile.h.
    """
    return gradients("depthwise_conv_backward", dy, cache, 0, need_dx)


def conv_transpose_forward(x, kernel, bias, strides, padding, dilation, sizes, activation="linear"):
    """Twin of reference.convolution.conv_transpose_forward. The kernel of dx in conv_backward.

    Kernel: gather in kernels/conv_tile.h.
    """
    cdef int typenum = real_type(x)
    cdef int code = activation_code(activation)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray ks = as_real(kernel, typenum)
    cdef cnp.ndarray bs = as_real(bias, typenum) if bias is not None else None
    cdef Conv p
    cdef cnp.npy_intp dims[5]
    cdef int axes = rank(ks) - 2
    cdef int i
    cdef cnp.ndarray y = None
    if 1 <= axes <= 3 and rank(xs) == axes + 2 and len(sizes) == axes:
        dims[0], dims[axes + 1] = dim(xs, 0), dim(ks, axes)
        for i in range(axes):
            dims[i + 1] = max(0, as_size(sizes[i]))
        y = new_result(axes + 2, dims, typenum)
    # The convolution that leads from y to x.
    fits = y is not None and describe(&p, y, ks, 1, strides, padding, dilation)
    if not fits or not has_shape(xs, p.batch, p.out, p.filters) or not fits_bias(bs, p.channels):
        bias_shape = None if bias is None else bias.shape
        check_conv_transpose(
            x.shape, kernel.shape, bias_shape, strides, padding, dilation, sizes
        )
        raise too_long("conv_transpose", strides, padding, dilation)
    cdef Field source = field(xs, None, LINEAR)
    cdef const void* kernel_data = data(ks)
    cdef const void* bias_data = data(bs) if bs is not None else NULL
    cdef void* y_data = data(y)
    cdef int failed
    with nogil:
        failed = product(&p, True, &source, kernel_data, bias_data, code, y_data)
    if failed:
        raise no_memory("conv_transpose_forward")
    return y, (xs, ks, y, bs is not None, strides, padding, dilation, activation)


def conv_transpose_backward(dy, cache, need_dx=True):
    """Twin of reference.convolution.conv_transpose_backward. The kernels of conv_forward.

    Kernels: gather in kernels/conv_tile.h, or the transforms of kernels/winograd_tile.h.
    """
    x, kernel, y, has_bias, strides, padding, dilation, activation = cache
    cdef int typenum = real_type(y)
    cdef int code = activation_code(activation)
    cdef cnp.ndarray dys = as_real(dy, typenum)
    cdef cnp.ndarray ys = as_real(y, typenum)
    cdef cnp.ndarray xs = as_real(x, typenum)
    cdef cnp.ndarray ks = as_real(kernel, typenum)
    cdef Conv p
    if not same_shape(dys, ys):
        check_cotangent("conv_transpose_backward", dy.shape, y.shape)
    fits = describe(&p, ys, ks, 1, strides, padding, dilation)
    if not fits or rank(ys) != rank(xs) or not has_shape(xs, p.batch, p.out, p.filters):
        raise wrong_cache("conv_transpose_backward", x, kernel, y)
    if p.batch == 0:
        refuse_plan("there are no rows")
    cdef cnp.ndarray dkernel = new_like(ks)
    cdef cnp.ndarray dbias = new_vector(p.channels, typenum) if has_bias else None
    cdef cnp.ndarray dx = new_like(xs) if need_dx else None
    cdef Field dz = field(dys, ys, code)
    cdef Field input = field(xs, None, LINEAR)
    cdef const void* kernel_data = data(ks)
    cdef void* dkernel_data = data(dkernel)
    cdef void* dx_data = data(dx) if need_dx else NULL
    cdef void* dbias_data = data(dbias) if has_bias else NULL
    cdef int failed
    with nogil:
        failed = transpose_backward(
            &p, &input, &dz, kernel_data, dx_data, dkernel_data, dbias_data,
        )
    if failed:
        raise no_memory("conv_transpose_backward")
    return dx, dkernel, dbias
