# Elementary functions for float and double, made to be called in plain loops.
#
# They have no branches, tables or library calls (every `a if c else b` is a select), so GCC and
# Clang inline them and turn `for i in range(n): y[i] = vexp(x[i])` into vector code. Keep such a
# loop in a kernel of its own that is called through a pointer, as run_chunks does: GCC stops
# inlining, and with it vectorising, once it has folded many kernels into one large function.
#
#   vexp vexpm1 vlog vlog1p vtanh vsigmoid vsoftplus verf vnormal_cdf
#
# and, shorter and less exact, what gates and attention scores are made with:
#
#   vexp_short (x <= 0)    vsigmoid_short    vtanh_short
#
# Error: at most 2 ulp over the whole range (8 for vnormal_cdf), kept by tests/test_math.py.
# Overflow gives inf, underflow goes through the subnormals to 0, and NaN, infinities and signed
# zeros come out as the C library has them (but for the NaN of vnormal_cdf).
#
# The polynomials are minimax fits (Remez exchange in 60 digits; Lawson's weights for a quotient),
# rounded to the type. A literal is a C double: it is cast to `real` wherever it meets one, or float
# code would be computed in double.

from libc.math cimport INFINITY, NAN, copysign, copysignf, fabs, fabsf
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from .arrays cimport real

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline uint32_t dp_bits32(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
    static inline uint64_t dp_bits64(double x) { uint64_t u; memcpy(&u, &x, 8); return u; }
    static inline float dp_float32(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }
    static inline double dp_float64(uint64_t u) { double x; memcpy(&x, &u, 8); return x; }
    /* a * a - square: what rounding has taken from the square. */
    #if defined(__FMA__) || defined(__aarch64__)
    static inline float dp_square_rest32(float a, float square) {
        return __builtin_fmaf(a, a, -square);
    }
    static inline double dp_square_rest64(double a, double square) {
        return __builtin_fma(a, a, -square);
    }
    #else
    static inline float dp_square_rest32(float a, float square) {
        float head = dp_float32(dp_bits32(a) & 0xfffff000u); /* half of the digits */
        return (head * head - square) + (a - head) * (a + head);
    }
    static inline double dp_square_rest64(double a, double square) {
        double head = dp_float64(dp_bits64(a) & 0xfffffffff8000000u);
        return (head * head - square) + (a - head) * (a + head);
    }
    #endif
    """
    uint32_t dp_bits32(float x) noexcept nogil
    uint64_t dp_bits64(double x) noexcept nogil
    float dp_float32(uint32_t u) noexcept nogil
    double dp_float64(uint64_t u) noexcept nogil
    float dp_square_rest32(float a, float square) noexcept nogil
    double dp_square_rest64(double a, double square) noexcept nogil

# ---- Pieces ----

cdef inline real vabs(real x) noexcept nogil:
    if real is float:
        return fabsf(x)
    else:
        return fabs(x)


cdef inline real vcopysign(real size, real sign) noexcept nogil:
    if real is float:
        return copysignf(size, sign)
    else:
        return copysign(size, sign)


cdef inline real vlimit(real a, real limit) noexcept nogil:
    """min(a, limit) of positive numbers, which are in the order of their bits; `limit` for NaN."""
    cdef int32_t u, v
    cdef int64_t w, z
    if real is float:
        u, v = <int32_t>dp_bits32(a), <int32_t>dp_bits32(limit)
        return dp_float32(<uint32_t>(u if u < v else v))
    else:
        w, z = <int64_t>dp_bits64(a), <int64_t>dp_bits64(limit)
        return dp_float64(<uint64_t>(w if w < z else z))


cdef inline real vclip(real x, real low, real high) noexcept nogil:
    """x within the limits; NaN stays. Both tests ask x itself: GCC makes a knot of one that asks
    what the other has chosen.
    """
    cdef real y = high if x > high else x
    return low if x < low else y


cdef inline real _nearest(real x) noexcept nogil:
    """The nearest integer: 1.5 * 2^(mantissa bits) pushes the fraction out, and goes again."""
    if real is float:
        return (x + <float>12582912.0) - <float>12582912.0
    else:
        return (x + 6755399441055744.0) - 6755399441055744.0


cdef inline real _pow2(real n) noexcept nogil:
    """2^n for an integer n of the normal exponents: the sum holds n + bias in its lowest bits."""
    if real is float:
        return dp_float32(dp_bits32(n + <float>(12582912.0 + 127.0)) << 23)
    else:
        return dp_float64(dp_bits64(n + (6755399441055744.0 + 1023.0)) << 52)


cdef inline real _ln2(real n) noexcept nogil:
    """n * ln(2), from so few bits of ln(2) that the product is exact; `_ln2_rest` is what lacks."""
    if real is float:
        return n * <float>0.693359375
    else:
        return n * 0.6931471803691238


cdef inline real _ln2_rest(real n) noexcept nogil:
    if real is float:
        return n * <float>-0.00021219444005469057
    else:
        return n * 1.9082149292705877e-10


cdef inline real _expm1_curve(real r) noexcept nogil:
    """q with exp(r) - 1 = r + r*r*q, for |r| <= ln(2) / 2."""
    cdef real q
    if real is float:
        q = <float>0.0013940519420430064
        q = q * r + <float>0.00836643110960722
        q = q * r + <float>0.04166640341281891
        q = q * r + <float>0.1666654497385025
    else:
        q = 2.511231361380944e-08
        q = q * r + 2.7622293687762214e-07
        q = q * r + 2.7557235272056076e-06
        q = q * r + 2.4801516183879425e-05
        q = q * r + 0.00019841269894194064
        q = q * r + 0.0013888888920634186
        q = q * r + 0.008333333333319013
        q = q * r + 0.041666666666619695
        q = q * r + 0.1666666666666668
    return q * r + <real>0.5


cdef inline real _exp_split(real x, real tail, real* n, real* low) noexcept nogil:
    """y and n with exp(x + tail) = (y + low) * 2^n; y around 1, low what rounding took from y."""
    n[0] = _nearest(x * <real>1.4426950408889634)
    cdef real head = x - _ln2(n[0])
    cdef real rest = tail - _ln2_rest(n[0])
    cdef real r = head + rest
    cdef real lost = (head - r) + rest
    cdef real above = r + (r * r * _expm1_curve(r) + lost)
    cdef real y = <real>1.0 + above
    low[0] = (<real>1.0 - y) + above
    return y


cdef inline real _scale(real y, real n) noexcept nogil:
    """y * 2^n in two factors: 2^n may leave the normal exponents where the result does not."""
    cdef real half = _nearest(n * <real>0.5)
    return y * _pow2(half) * _pow2(n - half)


cdef inline real _reduced(real x, real shift, real* power) noexcept nogil:
    """r and 2^(n + shift) with exp(x) = exp(r) * 2^n, |r| <= ln(2) / 2, where that power is normal.

    The sum that rounds x / ln(2) to n holds n + shift + bias in its lowest bits as well.
    """
    cdef real n
    if real is float:
        n = x * <float>1.4426950408889634 + (<float>(12582912.0 + 127.0) + shift)
        power[0] = dp_float32(dp_bits32(n) << 23)
        n = n - (<float>(12582912.0 + 127.0) + shift)
    else:
        n = x * 1.4426950408889634 + (6755399441055744.0 + 1023.0 + shift)
        power[0] = dp_float64(dp_bits64(n) << 52)
        n = n - (6755399441055744.0 + 1023.0 + shift)
    return (x - _ln2(n)) - _ln2_rest(n)


cdef inline real _exp_short(real x, real shift, real* power) noexcept nogil:
    """y and 2^(n + shift) with exp(x) = (1 + y) * 2^n, |y| <= 0.42, where that power is normal."""
    cdef real r = _reduced(x, shift, power)
    return r * r * _expm1_curve(r) + r


cdef inline real _exp_of_sum(real x, real tail) noexcept nogil:
    """exp(x + tail) for a tail far smaller than x, and x where the result still changes with it."""
    cdef real n, low
    cdef real y = _exp_split(x, tail, &n, &low)
    return _scale(y, n)


cdef inline real _expm1_inside(real x) noexcept nogil:
    """exp(x) - 1 where x is neither so large nor so small that 2^n leaves the normal exponents."""
    cdef real n = _nearest(x * <real>1.4426950408889634)
    cdef real head = x - _ln2(n)
    cdef real r = head - _ln2_rest(n)
    cdef real lost = (head - r) - _ln2_rest(n)
    cdef real y = r + (r * r * _expm1_curve(r) + lost)
    # Half of 2^n, so that the largest results stay representable until the doubling.
    cdef real half = _pow2(n - <real>1.0)
    y = half * y + (half - <real>0.5)
    return y + y if vabs(x) > <real>1e-30 else x


cdef inline real _log_join(real f, real k, real tail) noexcept nogil:
    """log(1 + f) + k * ln(2) + tail, for 1 + f between sqrt(1/2) and sqrt(2).

    With s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - h + s * (h + R), h = f*f/2, R of order s*s.
    """
    cdef real s = f / (<real>2.0 + f)
    cdef real z = s * s
    cdef real h = <real>0.5 * f * f
    cdef real p
    if real is float:
        p = <float>0.298730731010437
        p = p * z + <float>0.399774968624115
        p = p * z + <float>0.6666677594184875
    else:
        p = 0.1479750763903558
        p = p * z + 0.15313903254223568
        p = p * z + 0.18183569739489244
        p = p * z + 0.22222198475992952
        p = p * z + 0.28571428743262606
        p = p * z + 0.39999999999411096
        p = p * z + 0.6666666666666735
    return _ln2(k) + (f - (h - (s * (h + z * p) + (_ln2_rest(k) + tail))))


cdef inline real _log_normal(real x, real shift, real tail) noexcept nogil:
    """log(x) - shift * ln(2) + tail, for positive normal x = 2^k * m, sqrt(1/2) <= m < sqrt(2)."""
    cdef uint32_t u
    cdef uint64_t v
    cdef real k, m
    if real is float:
        u = dp_bits32(x) + <uint32_t>(0x3f800000 - 0x3f3504f3)
        k = dp_float32((u >> 23) | <uint32_t>0x4b000000) - <float>(8388608.0 + 127.0)
        m = dp_float32((u & <uint32_t>0x007fffff) + <uint32_t>0x3f3504f3)
    else:
        v = dp_bits64(x) + <uint64_t>(0x3ff0000000000000 - 0x3fe6a09e667f3bcd)
        k = dp_float64((v >> 52) | <uint64_t>0x4330000000000000) - (4503599627370496.0 + 1023.0)
        m = dp_float64((v & <uint64_t>0x000fffffffffffff) + <uint64_t>0x3fe6a09e667f3bcd)
    return _log_join(m - <real>1.0, k - shift, tail)


cdef inline real _log_edges(real y, real x) noexcept nogil:
    """y, the logarithm of a positive finite x; else what the C library gives for x."""
    cdef real edge = <real>-INFINITY if x == 0 else <real>NAN
    y = y if x > 0 else edge
    return y if x < <real>INFINITY else x


cdef inline real _tail_ratio(real a, real scale) noexcept nogil:
    """scale * exp(a*a/2) * Phi(-a) for a from 0 to where exp(-a*a/2) is 0, and a power of 2.

    A quotient of polynomials; in double (1 + sqrt(2) a) times as much, which is nearly level, as a
    polynomial in t = (a - c) / (a + c).
    """
    cdef real p, q, t, both
    if real is float:
        p = <float>0.3989468514919281 * scale
        p = p * a + <float>3.9358251094818115 * scale
        p = p * a + <float>17.741003036499023 * scale
        p = p * a + <float>42.42103958129883 * scale
        p = p * a + <float>48.3709831237793 * scale
        q = a + <float>9.866268157958984
        q = q * a + <float>45.45573043823242
        q = q * a + <float>116.39263153076172
        q = q * a + <float>162.03103637695312
        q = q * a + <float>96.7419662475586
        return p / q
    else:
        both = 1.0 / ((a + 5.656854249492381) * (1.0 + 1.4142135623730951 * a))
        t = (a - 5.656854249492381) * (1.0 + 1.4142135623730951 * a) * both
        p = -1.7176321156392818e-09
        p = p * t + -1.3386241532949032e-08
        p = p * t + -7.778753527362877e-09
        p = p * t + 1.1456141309123894e-07
        p = p * t + 6.238883387519916e-08
        p = p * t + -8.34240739838131e-07
        p = p * t + 3.019566027295089e-07
        p = p * t + 5.717295618238227e-06
        p = p * t + -1.1225283096198322e-05
        p = p * t + -2.4402941713380383e-05
        p = p * t + 0.00015062247155958575
        p = p * t + -0.00019925556120188874
        p = p * t + -0.0007577734048484509
        p = p * t + 0.005031969763560174
        p = p * t + -0.016197734048428364
        p = p * t + 0.037167515561852785
        p = p * t + -0.06633036581256335
        p = p * t + 0.0937328349968239
        p = p * t + -0.10103906603630118
        p = p * t + 0.0680970542547366
        p = p * t + 0.015379652102619766
        p = p * t + -0.1396211168405629
        p = p * t + 1.2329951186255526
        return 0.5 * scale * p * (a + 5.656854249492381) * both


cdef inline real _gauss(real a, real* power) noexcept nogil:
    """y and 2^(n + 64) with exp(-a*a/2) = (1 + y) * 2^n, for a from 0 to where that is 0.

    What rounding takes from a*a is made good, since it would grow with a. In float every
    multiplication counts: r is -2 times what _reduced gives, and so are the numbers around it.
    """
    cdef real square = a * a
    cdef real n, r, q
    if real is float:
        n = square * <float>-0.7213475204444817 + <float>(12582912.0 + 127.0 + 64.0)
        power[0] = dp_float32(dp_bits32(n) << 23)
        n = n - <float>(12582912.0 + 127.0 + 64.0)
        r = (square + n * <float>(2 * 0.693359375)) - n * <float>(2 * 0.00021219444005469057)
        r = r + dp_square_rest32(a, square)
        q = <float>(0.0013940519420430064 / 64)
        q = q * r - <float>(0.00836643110960722 / 32)
        q = q * r + <float>(0.04166640341281891 / 16)
        q = q * r - <float>(0.1666654497385025 / 8)
        q = q * r + <float>(0.5 / 4)
        return r * (q * r - <float>0.5)
    else:
        r = _reduced(-0.5 * square, 64.0, power) - 0.5 * dp_square_rest64(a, square)
        return r * r * _expm1_curve(r) + r


# ---- Functions ----

cdef inline real vexp(real x) noexcept nogil:
    # Beyond these limits the result is inf or 0 whatever x is; NaN fails both tests and stays.
    if real is float:
        x = vclip(x, <float>-104.0, <float>89.0)
    else:
        x = vclip(x, -746.0, 710.0)
    return _exp_of_sum(x, <real>0.0)


cdef inline real vexpm1(real x) noexcept nogil:
    if real is float:
        x = vclip(x, <float>-20.0, <float>89.0)
    else:
        x = vclip(x, -40.0, 710.0)
    return _expm1_inside(x)


cdef inline real vlog(real x) noexcept nogil:
    cdef real tiny, up, up_exponent, y, shift
    if real is float:
        tiny = <float>1.1754943508222875e-38
        up = <float>16777216.0
        up_exponent = <float>24.0
    else:
        tiny = 2.2250738585072014e-308
        up = 18014398509481984.0
        up_exponent = 54.0
    # Subnormals carry no leading one: bring them into the normal range first.
    y = x * up if x < tiny else x
    shift = up_exponent if x < tiny else <real>0.0
    return _log_edges(_log_normal(y, shift, <real>0.0), x)


cdef inline real vlog1p(real x) noexcept nogil:
    cdef real u = <real>1.0 + x
    # What rounding took from 1 + x, to first order.
    cdef real y = _log_normal(u, <real>0.0, (x - (u - <real>1.0)) / u)
    y = _log_edges(y, u)
    return y if vabs(x) > <real>1e-30 else x


cdef inline real vtanh(real x) noexcept nogil:
    # A polynomial in x*x near 0; beyond, 1 - 2 / (exp(2|x|) + 1), which has digits to spare there.
    cdef real a = vabs(x)
    cdef real z = x * x
    cdef real p, top, far, y, power
    if real is float:
        top = <float>10.0
        p = <float>-0.006282473914325237
        p = p * z + <float>0.021077759563922882
        p = p * z + <float>-0.05385385826230049
        p = p * z + <float>0.13332602381706238
        p = p * z + <float>-0.33333319425582886
    else:
        top = 20.0
        p = 5.109029091253564e-05
        p = p * z + -0.00021040589437829624
        p = p * z + 0.0005792030766716261
        p = p * z + -0.0014532400548922053
        p = p * z + 0.0035917246481033923
        p = p * z + -0.008863195152110473
        p = p * z + 0.021869486026031865
        p = p * z + -0.05396825387837034
        p = p * z + 0.1333333333317373
        p = p * z + -0.3333333333333235
    far = top if a > top else a
    y = _exp_short(far + far, <real>0.0, &power)
    far = <real>1.0 - <real>2.0 / (y * power + (power + <real>1.0))
    return vcopysign(a + a * (z * p) if a < <real>0.55 else far, x)


cdef inline real vsigmoid(real x) noexcept nogil:
    # 1 / (1 + t), t = exp(-x) = y * 2^n + 2^n, where 1 + 2^n is exact but for what `rest` then
    # holds: the whole sum is rounded once. All of it is taken times a small power of 2, `one`, so
    # that t stays finite where the result is subnormal.
    cdef real one, shift, power
    if real is float:
        one, shift = <float>2.3283064365386963e-10, <float>-32.0
        x = vclip(x, <float>-104.0, <float>30.0)
    else:
        one, shift = 5.421010862427522e-20, -64.0
        x = vclip(x, -746.0, 60.0)
    cdef real y = _exp_short(-x, shift, &power)
    cdef real head = power + one
    cdef real rest = one - (head - power)
    return one / ((y * power + rest) + head)


cdef inline real vsoftplus(real x) noexcept nogil:
    """log(1 + exp(x)) = max(x, 0) + log(1 + e), e = exp(-|x|) <= 1."""
    cdef real e = vexp(-vabs(x))
    # 1 + e = 2 * (1 + (e - 1) / 2) where it passes sqrt(2).
    cdef real f = (e - <real>1.0) * <real>0.5 if e > <real>0.41421356 else e
    cdef real k = <real>1.0 if e > <real>0.41421356 else <real>0.0
    cdef real above = x if x > 0 else <real>0.0
    return above + _log_join(f, k, <real>0.0)


cdef inline real vnormal_cdf(real x, real* gauss) noexcept nogil:
    """Phi(x), and gauss = exp(-x*x/2): the tail on the side of x keeps its digits. Both are wrong
    for NaN, which the caller's x brings in again.
    """
    cdef real limit, power
    if real is float:
        limit = <float>14.5
    else:
        limit = 38.63
    cdef real a = vlimit(vabs(x), limit)
    cdef real y = _gauss(a, &power)
    y = y * power + power  # 2^64 times too large, lest it be subnormal before the end
    gauss[0] = y * <real>5.421010862427522e-20
    cdef real tail = y * _tail_ratio(a, <real>5.421010862427522e-20)
    return tail if x < 0 else <real>1.0 - tail


cdef inline real verf(real x) noexcept nogil:
    # A polynomial in x*x near 0; beyond, 1 - erfc, which has digits to spare there. 1 at the limit.
    cdef real a = vabs(x)
    cdef real limit = <real>6.0
    a = limit if a > limit else a
    cdef real z = a * a
    cdef real p, far
    if real is float:
        p = <float>-0.000674951181281358
        p = p * z + <float>0.005114345345646143
        p = p * z + <float>-0.026834623888134956
        p = p * z + <float>0.11283376812934875
        p = p * z + <float>-0.3761261999607086
        p = p * z + <float>0.1283791065216064
    else:
        p = 1.1463756445594175e-08
        p = p * z + -1.5937599558141302e-07
        p = p * z + 1.6430388152494149e-06
        p = p * z + -1.49241766325927e-05
        p = p * z + 0.00012055288777034096
        p = p * z + -0.0008548326169087077
        p = p * z + 0.005223977615122248
        p = p * z + -0.026866170644402478
        p = p * z + 0.11283791670952481
        p = p * z + -0.37612638903183715
        p = p * z + 0.1283791670955126
    far = _tail_ratio(a * <real>1.4142135623730951, <real>2.0)
    far = <real>1.0 - _exp_of_sum(-z, <real>0.0) * far
    return vcopysign(a + a * p if a < <real>0.75 else far, x)


# ---- Short functions, for what comes out of a product ----
#
# A gate that is nearly closed, or a score that is nearly 0, need not know the numbers below the
# normal ones, and an error of 4 units in the last place is far below that of the product before.

cdef inline real vexp_short(real x) noexcept nogil:
    """exp(x) for x <= 0, and 0 where 2^n would lie below the normal numbers."""
    cdef real power, bottom
    if real is float:
        bottom = <float>-88.03
    else:
        bottom = -709.09
    cdef real y = _exp_short(x, <real>0.0, &power)
    y = y * power + power
    return <real>0.0 if x < bottom else y


cdef inline real vexp_raised(real x) noexcept nogil:
    """2^64 exp(x) for x <= 0, so that nothing is subnormal before a softmax divides by the sum."""
    cdef real power, bottom
    if real is float:
        bottom = <float>-104.0
    else:
        bottom = -746.0
    x = bottom if x < bottom else x
    cdef real y = _exp_short(x, <real>64.0, &power)
    return y * power + power


cdef inline real vlog_lowered(real x) noexcept nogil:
    """log(x / 2^64), of a sum that vexp_raised has raised."""
    return vlog(x * <real>5.421010862427522e-20)


cdef inline real vsigmoid_short(real x) noexcept nogil:
    cdef real power, limit
    if real is float:
        limit = <float>87.0
    else:
        limit = 708.0
    cdef real y = _exp_short(-x, <real>0.0, &power)
    y = <real>1.0 / (<real>1.0 + (y * power + power))
    y = <real>1.0 if x > limit else y
    return <real>0.0 if x < -limit else y


cdef inline real vtanh_short(real x) noexcept nogil:
    """t / (t + 2), t = exp(2x) - 1."""
    cdef real power, limit
    if real is float:
        limit = <float>10.0
    else:
        limit = 20.0
    cdef real y = _exp_short(x + x, <real>0.0, &power)
    cdef real t = y * power + (power - <real>1.0)
    y = t / (t + <real>2.0)
    y = <real>1.0 if x > limit else y
    return <real>-1.0 if x < -limit else y


# ---- Rows ----

cdef inline real largest_of(const real* x, Py_ssize_t n) noexcept nogil:
    """The maximum of some numbers, -inf without any; it may be NaN if there is one.

    Integers are compared, in the order of the numbers: the compiler turns that into vector code.
    """
    cdef int32_t u, key32 = -0x7f800001  # of -inf
    cdef int64_t w, key64 = <int64_t>-0x7ff0000000000001
    cdef Py_ssize_t i
    if real is float:
        for i in range(n):
            u = <int32_t>dp_bits32(x[i])
            u ^= (u >> 31) & 0x7fffffff
            key32 = u if u > key32 else key32
        return dp_float32(<uint32_t>(key32 ^ ((key32 >> 31) & 0x7fffffff)))
    else:
        for i in range(n):
            w = <int64_t>dp_bits64(x[i])
            w ^= (w >> 63) & <int64_t>0x7fffffffffffffff
            key64 = w if w > key64 else key64
        return dp_float64(<uint64_t>(key64 ^ ((key64 >> 63) & <int64_t>0x7fffffffffffffff)))
