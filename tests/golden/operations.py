"""Operations beyond the everyday ones: values, and gradients by every float input.

The rows are also checked against finite differences, and their shapes before there are data.
"""

import numpy as np

from .recipes import numbers, recipe


def row(label, call, *arrays):
    return label, call, arrays


def normal(*shape, seed=0):
    return numbers(seed + sum(shape), *shape)


def positive(*shape, seed=0):
    return numbers(seed + sum(shape), *shape, low=0.5, high=2.5)


def integers(*shape, low=0, high=9, seed=0):
    return np.random.RandomState(seed + sum(shape)).randint(low, high, shape).astype(np.int32)


def definite(n, *batch):
    a = normal(*batch, n, n)
    return (a @ a.swapaxes(-1, -2) + n * np.eye(n)).astype(np.float32)


def triangle(n, *batch):
    return np.tril(normal(*batch, n, n)) + 2 * np.eye(n, dtype=np.float32)


def gaps(*shape):
    """Normal numbers with NaN among them."""
    x = normal(*shape)
    x[..., ::3] = np.nan
    return x


def rearranged(pattern, **sizes):
    return lambda ops, x: ops.rearrange(x, pattern, **sizes)


IDS = np.array([0, 0, 1, 1, 3, 9], np.int32)
# Differentiable: every output of floats, by every input of floats.
SMOOTH = [
    # Numbers
    row("heaviside", lambda ops, x, y: ops.heaviside(x, y), normal(4, 3), normal(3)),
    row("ldexp", lambda ops, x, n: ops.ldexp(x, n), normal(4, 3), integers(3, low=-3)),
    row("real", lambda ops, x: ops.real(x), normal(4, 3)),
    row("imag", lambda ops, x: ops.imag(x), normal(4, 3)),
    row("conj", lambda ops, x: ops.conj(x), normal(4, 3)),
    row("angle", lambda ops, x: ops.angle(x), normal(4, 3)),
    row("i0", lambda ops, x: ops.i0(3 * x), normal(4, 3)),
    # Numbers in order
    row("linspace", lambda ops, a, b: ops.linspace(a, b, 5), normal(3), normal(2, 3)),
    row("linspace, open, last", lambda ops, a, b: ops.linspace(a, b, 5, endpoint=False, axis=-1),
        normal(3), normal(2, 3)),
    row("logspace", lambda ops, a, b: ops.logspace(a, b, 4, base=2), normal(3), normal(3, seed=1)),
    row("geomspace", lambda ops, a, b: ops.geomspace(a, b, 5, axis=1), positive(2, 3), positive(3)),
    row("trapezoid", lambda ops, y: ops.trapezoid(y, dx=0.5, axis=0), normal(4, 3)),
    row("trapezoid at", lambda ops, y, x: ops.trapezoid(y, x, axis=1), normal(2, 4, 3), normal(4)),
    row("trapezoid at each", lambda ops, y, x: ops.trapezoid(y, x), normal(4, 3), positive(4, 3)),
    row("nanmedian", lambda ops, x: ops.nanmedian(x, axis=1), gaps(4, 7)),
    row("nanquantile", lambda ops, x: ops.nanquantile(x, [0.2, 0.5], axis=(0, 2), keepdims=True),
        gaps(3, 4, 5)),
    *[
        row(f"nanquantile {method}",
            lambda ops, x, m=method: ops.nanquantile(x, 0.4, axis=-1, method=m), gaps(4, 8))
        for method in ("linear", "lower", "higher", "midpoint", "nearest")
    ],
    row("nanpercentile", lambda ops, x: ops.nanpercentile(x, 30, axis=0), gaps(5, 4)),
    row("quantile of integral place", lambda ops, x: ops.quantile(x, 0.5, axis=0), normal(5, 2)),
    # Shapes
    row("dsplit", lambda ops, x: ops.dsplit(x, 2), normal(2, 3, 4)),
    row("hsplit", lambda ops, x: ops.hsplit(x, [1]), normal(2, 3, 4)),
    row("hsplit of a vector", lambda ops, x: ops.hsplit(x, 2), normal(4)),
    row("vsplit", lambda ops, x: ops.vsplit(x, 2), normal(2, 3, 4)),
    row("dstack", lambda ops, x, y: ops.dstack([x, y]), normal(2, 3), normal(2, 3, 4)),
    row("rearrange", rearranged("b h w c -> b c h w"), normal(2, 4, 6, 3)),
    row("rearrange in blocks", rearranged("b (h p) (w q) c -> (b h w) p q c", p=2, q=3),
        normal(2, 4, 6, 3)),
    row("rearrange to depth", rearranged("b (h p) (w q) c -> b h w (p q c)", p=2, q=3),
        normal(2, 4, 6, 3)),
    row("unfold", lambda ops, x: ops.unfold(x, (2, 3), dilation=2, padding=1, stride=2),
        normal(2, 3, 5, 6)),
    row("fold", lambda ops, x: ops.fold(x, (5, 6), (2, 3), padding=1), normal(2, 12, 36)),
    row("depth_to_space", lambda ops, x: ops.depth_to_space(x, 2), normal(2, 3, 4, 8)),
    row("depth_to_space, channels first",
        lambda ops, x: ops.depth_to_space(x, 2, "channels_first"), normal(2, 8, 3, 4)),
    row("space_to_depth", lambda ops, x: ops.space_to_depth(x, 2), normal(2, 4, 6, 3)),
    row("space_to_depth, channels first",
        lambda ops, x: ops.space_to_depth(x, 2, "channels_first"), normal(2, 3, 4, 6)),
    # Places
    row("scatter", lambda ops, i, x: ops.scatter(i, x, (4, 3)),
        np.array([[0], [2], [2]], np.int32), normal(3, 3)),
    *[
        row(f"scatter_update {reduction}",
            lambda ops, x, i, u, r=reduction: ops.scatter_update(x, i, u, r),
            normal(4, 3), np.array([[0], [2], [1]], np.int32), normal(3, 3))
        for reduction in (None, "add", "max", "min", "mul")
    ],
    row("scatter_update of elements", lambda ops, x, i, u: ops.scatter_update(x, i, u),
        normal(4, 3), np.array([[0, 1], [3, 2]], np.int32), normal(2)),
    row("segment_min", lambda ops, x, i: ops.segment_min(x, i, 3), normal(6, 2),
        np.array([0, 0, 1, 1, 2, 9], np.int32)),
    row("segment_prod", lambda ops, x, i: ops.segment_prod(x, i, 4), normal(6, 2), IDS),
    # Matrices
    row("cross of planes", lambda ops, x, y: ops.cross(x, y), normal(4, 2), normal(4, 2, seed=1)),
    row("cross of plane and space", lambda ops, x, y: ops.cross(x, y), normal(4, 2), normal(4, 3)),
    row("cross of axes", lambda ops, x, y: ops.cross(x, y, axisa=0, axisc=0), normal(3, 4),
        normal(4, 3)),
    row("cdist", lambda ops, x, y: ops.cdist(x, y), normal(2, 4, 3), normal(5, 3)),
    row("kron", lambda ops, x, y: ops.kron(x, y), normal(2, 3), normal(3, 2)),
    row("kron of more axes", lambda ops, x, y: ops.kron(x, y), normal(3), normal(2, 2, 3)),
    row("vander", lambda ops, x: ops.vander(x, 4), positive(3)),
    row("vander, increasing", lambda ops, x: ops.vander(x, increasing=True), positive(3)),
    row("corrcoef", lambda ops, x: ops.corrcoef(x), normal(3, 7)),
    row("solve_triangular", lambda ops, a, b: ops.solve_triangular(a, b, lower=True),
        triangle(3, 2), normal(2, 3, 4)),
    row("solve_triangular, upper", lambda ops, a, b: ops.solve_triangular(a, b),
        triangle(3).T.copy(), normal(3)),
    row("cholesky_inverse", lambda ops, x: ops.cholesky_inverse(x), triangle(3)),
    row("cholesky_inverse, upper", lambda ops, x: ops.cholesky_inverse(x, upper=True),
        triangle(3).T.copy()),
    row("lstsq", lambda ops, a, b: ops.lstsq(a, b), normal(5, 3), normal(5, 2)),
    row("lstsq, shortest", lambda ops, a, b: ops.lstsq(a, b), normal(3, 5), normal(3)),
    row("lu_factor", lambda ops, x: ops.lu_factor(x)[0], normal(2, 4, 4)),
    row("pinv", lambda ops, x: ops.pinv(x), normal(2, 4, 3)),
    row("pinv of wide", lambda ops, x: ops.pinv(x), normal(3, 5)),
    row("slogdet", lambda ops, x: ops.slogdet(x), definite(3, 2)),
    row("eigh", lambda ops, x: ops.eigh(x)[0], definite(3, 2)),
    row("eigh, projectors", lambda ops, x: ops.square(ops.eigh(x)[1]), definite(3, 2)),
    row("qr", lambda ops, x: ops.abs(ops.qr(x)[1]), normal(2, 4, 3)),
    row("qr, q", lambda ops, x: ops.square(ops.qr(x)[0]), normal(4, 3)),
    row("singular values", lambda ops, x: ops.svd(x, compute_uv=False), normal(2, 4, 3)),
    *[
        row(f"svd, part {i} {shape}",
            lambda ops, x, i=i: ops.square(ops.svd(x, full_matrices=False)[i]), normal(*shape))
        for i in range(3)
        for shape in ((2, 4, 3), (3, 4))
    ],
    # Signals
    *[
        row(f"correlate {mode} {n} {m}", lambda ops, x, y, m=mode: ops.correlate(x, y, m),
            normal(n), normal(m, seed=1))
        for mode in ("valid", "same", "full")
        for n, m in ((5, 3), (3, 6), (4, 4))
    ],
    row("extract_sequences", lambda ops, x: ops.extract_sequences(x, 4, 3), normal(2, 3, 12)),
    row("fft", lambda ops, x, y: ops.fft((x, y)), normal(2, 5), normal(2, 5, seed=1)),
    row("fft2", lambda ops, x, y: ops.fft2((x, y)), normal(2, 3, 4), normal(2, 3, 4, seed=1)),
    row("ifft2", lambda ops, x, y: ops.ifft2((x, y)), normal(2, 3, 4), normal(2, 3, 4, seed=1)),
    *[
        row(f"rfft {n} {length}", lambda ops, x, length=length: ops.rfft(x, length), normal(2, n))
        for n, length in ((6, None), (5, None), (6, 4), (6, 9))
    ],
    *[
        row(f"irfft {length}", lambda ops, x, y, length=length: ops.irfft((x, y), length),
            normal(2, 4), normal(2, 4, seed=1))
        for length in (None, 5, 10)
    ],
    row("stft", lambda ops, x: ops.stft(x, 6, 3, 8), normal(2, 30)),
    row("stft without a window",
        lambda ops, x: ops.stft(x, 6, 3, 7, window=None, center=False), normal(30)),
    row("istft", lambda ops, x, y: ops.istft((x, y), 6, 3, 8), normal(2, 7, 5),
        normal(2, 7, 5, seed=1)),
    row("istft of a length", lambda ops, x, y: ops.istft((x, y), 6, 3, 8, 12, "hamming", False),
        normal(7, 5), normal(7, 5, seed=1)),
    # Activations and pooling
    row("sparse_plus", lambda ops, x: ops.sparse_plus(2 * x), normal(4, 3)),
    row("sparse_sigmoid", lambda ops, x: ops.sparse_sigmoid(2 * x), normal(4, 3)),
    row("adaptive_average_pool", lambda ops, x: ops.adaptive_average_pool(x, (3, 2)),
        normal(2, 7, 5, 3)),
    row("adaptive_average_pool, larger, channels first",
        lambda ops, x: ops.adaptive_average_pool(x, 4, "channels_first"), normal(2, 3, 3)),
    row("adaptive_max_pool", lambda ops, x: ops.adaptive_max_pool(x, (3, 2, 4)),
        normal(2, 7, 5, 4, 3)),
    row("psnr", lambda ops, x, y: ops.psnr(x, y, 2.0), positive(2, 4), positive(2, 4, seed=1)),
    # Images
    row("extract_patches", lambda ops, x: ops.image.extract_patches(x, (3, 2), 2, padding="same"),
        normal(2, 8, 9, 3)),
    row("extract_patches, dilated, one",
        lambda ops, x: ops.image.extract_patches(x, 3, 1, dilation_rate=2), normal(8, 9, 3)),
    row("extract_patches, channels first",
        lambda ops, x: ops.image.extract_patches(x, 3, data_format="channels_first"),
        normal(2, 3, 8, 9)),
    row("extract_patches_3d", lambda ops, x: ops.image.extract_patches_3d(x, (2, 3, 3)),
        normal(2, 4, 6, 7, 3)),
    row("gaussian_blur",
        lambda ops, x: ops.image.gaussian_blur(x, (5, 4), (2.0, 0.5), "channels_last"),
        normal(2, 6, 7, 3)),
    row("sobel_edges", lambda ops, x: ops.image.sobel_edges(x), normal(2, 6, 7, 3)),
    *[
        row(f"map_coordinates {mode}",
            lambda ops, x, at, m=mode: ops.image.map_coordinates(x, at, 1, m, 2.0),
            normal(5, 6), 5 * normal(2, 3, 7) + 2)
        for mode in ("constant", "nearest", "wrap", "mirror", "reflect")
    ],
    *[
        row(f"scale_and_translate {method}",
            lambda ops, x, s, t, m=method: ops.image.scale_and_translate(
                x, (2, 4, 9, 3), s, t, (1, 2), m),
            normal(2, 6, 5, 3), np.array([0.6, 1.7], "f4"), np.array([0.3, -0.5], "f4"))
        for method in ("linear", "cubic", "lanczos3")
    ],
    row("ssim", lambda ops, x, y: ops.image.ssim(x, y, 2.0, 5, 1.0), positive(2, 8, 9, 3),
        positive(2, 8, 9, 3, seed=1)),
    row("ssim of one", lambda ops, x, y: ops.image.ssim(x, y, 2.0, 5, 1.0), positive(8, 9, 3),
        positive(8, 9, 3, seed=1)),
    # Control flow
    row("while_loop", lambda ops, x: ops.while_loop(
        lambda i, x: i < 10, lambda i, x: (i + 1, x * 1.1), (0, x), maximum_iterations=3)[1],
        normal(4, 3)),
    row("map", lambda ops, x, y: ops.map(lambda xy: [ops.sum(xy[0] * xy[1]), xy[0]], [x, y]),
        normal(4, 3), normal(4, 3, seed=1)),
    row("vectorized_map", lambda ops, x: ops.vectorized_map(ops.logsumexp, x), normal(4, 3)),
    row("scan", lambda ops, c, x: ops.scan(lambda c, x: (c * x, c + x), c, x, reverse=True),
        normal(3), positive(5, 3)),
    row("associative_scan",
        lambda ops, x: ops.associative_scan(lambda a, b: a * b, x, reverse=True, axis=1),
        positive(2, 7)),
]  # fmt: skip
CONSTANT = [
    row("gcd", lambda ops, x, y: ops.gcd(x, y), integers(4, 3), integers(3)),
    row("lcm", lambda ops, x, y: ops.lcm(x, y), integers(4, 3), integers(3)),
    row("signbit", lambda ops, x: ops.signbit(x), normal(4, 3)),
    row("isreal", lambda ops, x: ops.isreal(x), normal(4, 3)),
    row("view", lambda ops, x: ops.view(x, "int32"), normal(4, 3)),
    row("digitize at", lambda ops, x, b: ops.digitize(x, b), normal(4, 3),
        np.array([-1, 0, 0.5, 1], "f4")),
    row("unravel_index", lambda ops, i: ops.unravel_index(i, (3, 4)),
        integers(5, low=-13, high=14)),
    row("saturate_cast to int8", lambda ops, x: ops.saturate_cast(100 * x, "int8"), normal(4, 3)),
    row("saturate_cast to int32", lambda ops, x: ops.saturate_cast(x, "int32"),
        np.float32(3e9) * normal(4, 3)),
    row("ctc_decode", lambda ops, x, n: ops.ctc_decode(x, n), normal(2, 6, 4), np.array([6, 4])),
    row("ctc_decode, beam", lambda ops, x, n: ops.ctc_decode(x, n, "beam_search", 5, 3),
        normal(2, 6, 4), np.array([6, 4])),
    row("matrix_rank", lambda ops, x: ops.matrix_rank(x, 2.0), normal(2, 4, 3)),
]  # fmt: skip
# Compared with Keras alone: their sizes hang on the values, or there is a gradient by some inputs.
OTHERS = [
    row("nearest coordinates", lambda ops, x, at: ops.image.map_coordinates(x, at, 0, "reflect"),
        normal(5, 6), 5 * normal(2, 3, 7) + 2),
    row("segments without rows", lambda ops, x, i: ops.segment_min(x, i, 4), normal(6, 2), IDS),
    row("unique", lambda ops, x: ops.unique(x, True, True, True, True), integers(9, high=5)),
    row("unique rows", lambda ops, x: ops.unique(x, return_counts=True, axis=0),
        integers(6, 2, high=2)),
    row("unique of a size", lambda ops, x: ops.unique(x, size=4, fill_value=-1), integers(3, 2)),
    row("bincount of rows", lambda ops, x: ops.bincount(x, minlength=6), integers(3, 6, high=6)),
]  # fmt: skip

NOT_IN_JAX = {"scatter_update mul", "segment_prod", "while_loop"}  # their gradients


def leaves(y):
    return [leaf for part in y for leaf in leaves(part)] if isinstance(y, (list, tuple)) else [y]


def registered(label, call, arrays, smooth):
    @recipe("operations", label)
    def studied(kit):
        outputs = leaves(call(kit.ops, *map(kit.ops.convert_to_tensor, arrays)))
        found = {f"y{i}": kit.ops.convert_to_numpy(y) for i, y in enumerate(outputs)}
        if not smooth:
            return found
        cotangents = [normal(*y.shape, seed=i) for i, y in enumerate(outputs)]
        for place, x in enumerate(arrays):
            if x.dtype != np.float32:
                continue

            def along(x, place=place):
                given = [kit.ops.convert_to_tensor(a) for a in arrays]
                given[place] = x
                terms = zip(leaves(call(kit.ops, *given)), cotangents, strict=True)
                return sum(
                    kit.ops.sum(kit.ops.where(kit.ops.isfinite(y), y, 0.0) * c)
                    for y, c in terms
                    if "float" in kit.ops.dtype(y)
                )

            found[f"dx{place}"] = np.nan_to_num(kit.gradient(along, x))
        return found


for _rows, _smooth in ((SMOOTH, True), (CONSTANT, False), (OTHERS, False)):
    for _label, _call, _arrays in _rows:
        registered(_label, _call, _arrays, _smooth and _label not in NOT_IN_JAX)
