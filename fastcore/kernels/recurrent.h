/* One row of one step of the recurrent layers, for one type: recurrent.pyx includes this file twice, after
   gemm_tile.h, with REAL, REAL_BYTES, INTEGER (of the same size) and NAME(x) defined.

   Everything is a plain loop over the units of a row, whose arrays do not overlap: the compiler makes vectors of it. An
   exp is a long chain of operations, each waiting for the one before; the processor has several of them under way at
   once if the loop around one is short. Hence a loop for each gate, and not one for all. What layers use nearly always,
   tanh with sigmoid gates, is compiled for itself; the other pairs ask at every number.

   sigmoid and tanh are shorter than those of vector_math.pxd: a gate that is nearly closed need not know the numbers below
   the normal ones, and an error of 4 units in the last place is far below that of the product before it. */

#ifndef DIPTYCH_RECURRENT
#define DIPTYCH_RECURRENT
#include <stdint.h>
#include <string.h>
enum { GATE_LINEAR, GATE_RELU, GATE_TANH, GATE_SIGMOID, GATE_HARD_SIGMOID };
#if defined(_MSC_VER) && !defined(__clang__)
#define ALONE __restrict
#else
#define ALONE __restrict__
#endif
#endif

#define FROM const REAL *ALONE
#define INTO REAL *ALONE
#define LANES NAME(lanes) /* for PANEL; gemm_tile.h leaves none */

#if REAL_BYTES == 4
#define BITS uint32_t
#define LEADING 23           /* where the exponent begins */
#define MAGIC 12583039.0f    /* pushes the fraction out of what it is added to; its lowest bits: the exponent's bias */
#define LN2 0.693359375f     /* so few bits that its product with an exponent is exact */
#define LN2_REST -0.00021219444005469057f
#define LOG2E 1.4426950408889634f
#define SIGMOID_TOP 87.0f    /* beyond, exp leaves the normal numbers */
#define TANH_TOP 10.0f       /* beyond, tanh is 1 */
#else
#define BITS uint64_t
#define LEADING 52
#define MAGIC 6755399441056767.0
#define LN2 0.6931471803691238
#define LN2_REST 1.9082149292705877e-10
#define LOG2E 1.4426950408889634
#define SIGMOID_TOP 708.0
#define TANH_TOP 20.0
#endif

/* exp(x) = (1 + the result) * power; |the result| <= 0.42. The polynomial is that of vector_math.pxd. */
INLINE REAL NAME(exp_parts)(REAL x, REAL *power) {
    REAL sum = x * LOG2E + MAGIC, n = sum - MAGIC;
    REAL r = (x - n * LN2) - n * LN2_REST;
    BITS bits;
    memcpy(&bits, &sum, sizeof bits);
    bits <<= LEADING;
    memcpy(power, &bits, sizeof bits);
#if REAL_BYTES == 4
    REAL q = 0.0013940519420430064f;
    q = q * r + 0.00836643110960722f;
    q = q * r + 0.04166640341281891f;
    q = q * r + 0.1666654497385025f;
#else
    REAL q = 2.511231361380944e-08;
    q = q * r + 2.7622293687762214e-07;
    q = q * r + 2.7557235272056076e-06;
    q = q * r + 2.4801516183879425e-05;
    q = q * r + 0.00019841269894194064;
    q = q * r + 0.0013888888920634186;
    q = q * r + 0.008333333333319013;
    q = q * r + 0.041666666666619695;
    q = q * r + 0.1666666666666668;
#endif
    q = q * r + (REAL)0.5;
    return r * r * q + r;
}

/* Beyond the limits exp_parts gives nothing of use; NaN stays NaN. */
INLINE REAL NAME(gate_sigmoid)(REAL x) {
    REAL power, part = NAME(exp_parts)(-x, &power);
    REAL y = 1 / (1 + (part * power + power));
    y = x > SIGMOID_TOP ? 1 : y;
    return x < -SIGMOID_TOP ? 0 : y;
}

INLINE REAL NAME(gate_tanh)(REAL x) {
    REAL power, part = NAME(exp_parts)(x + x, &power);
    REAL t = part * power + (power - 1); /* exp(2x) - 1 */
    REAL y = t / (t + 2);
    y = x > TANH_TOP ? 1 : y;
    return x < -TANH_TOP ? -1 : y;
}

INLINE REAL NAME(gate)(const int code, REAL x) {
    if (code == GATE_TANH) return NAME(gate_tanh)(x);
    if (code == GATE_SIGMOID) return NAME(gate_sigmoid)(x);
    if (code == GATE_RELU) return x < 0 ? 0 : x;
    if (code == GATE_HARD_SIGMOID) {
        x = x / 6 + (REAL)0.5;
        x = x < 0 ? 0 : x;
        return x > 1 ? 1 : x;
    }
    return x;
}

/* The way back, from y = gate(x). */
INLINE REAL NAME(back)(const int code, REAL dy, REAL y) {
    if (code == GATE_TANH) return dy * (1 - y * y);
    if (code == GATE_SIGMOID) return dy * (y * (1 - y));
    if (code == GATE_RELU) return y > 0 ? dy : 0;
    if (code == GATE_HARD_SIGMOID) return y > 0 && y < 1 ? dy / 6 : 0;
    return dy;
}

#define COMMON(f, phi, sigma, ...)                                                                                    \
    if (phi == GATE_TANH && sigma == GATE_SIGMOID) NAME(f)(n, GATE_TANH, GATE_SIGMOID, __VA_ARGS__);                  \
    else NAME(f)(n, phi, sigma, __VA_ARGS__);

APART void NAME(copy_row)(Py_ssize_t n, FROM a, INTO b) {
    for (Py_ssize_t j = 0; j < n; j++) b[j] = a[j];
}

APART void NAME(times_row)(Py_ssize_t n, FROM a, FROM b, INTO out) {
    for (Py_ssize_t j = 0; j < n; j++) out[j] = a[j] * b[j];
}

APART void NAME(add_row)(Py_ssize_t n, FROM a, INTO sum) {
    for (Py_ssize_t j = 0; j < n; j++) sum[j] += a[j];
}

/* sum += a row for each of `rows`, four at a time. */
APART void NAME(add_rows)(Py_ssize_t rows, Py_ssize_t n, FROM a, Py_ssize_t stride, INTO sum) {
    for (; rows >= 4; rows -= 4, a += 4 * stride)
        for (Py_ssize_t j = 0; j < n; j++)
            sum[j] += (a[j] + a[stride + j]) + (a[2 * stride + j] + a[3 * stride + j]);
    for (; rows > 0; rows--, a += stride)
        for (Py_ssize_t j = 0; j < n; j++) sum[j] += a[j];
}

APART void NAME(add_times_row)(Py_ssize_t n, FROM a, FROM b, INTO sum) {
    for (Py_ssize_t j = 0; j < n; j++) sum[j] += a[j] * b[j];
}

/* The simple layer. a becomes h. */
APART void NAME(simple_step)(Py_ssize_t n, int phi, INTO a) {
    if (phi == GATE_TANH)
        for (Py_ssize_t j = 0; j < n; j++) a[j] = NAME(gate_tanh)(a[j]);
    else
        for (Py_ssize_t j = 0; j < n; j++) a[j] = NAME(gate)(phi, a[j]);
}

/* dh becomes what goes to the step before besides the product: nothing. */
APART void NAME(simple_back)(Py_ssize_t n, int phi, FROM h, INTO dh, INTO da) {
    for (Py_ssize_t j = 0; j < n; j++) {
        da[j] = NAME(back)(phi, dh[j], h[j]);
        dh[j] = 0;
    }
}

/* The LSTM. i, f, g, o are what goes into the gates and becomes the gates. */
INLINE void NAME(lstm_step_of)(Py_ssize_t n, const int phi, const int sigma, FROM before, INTO i, INTO f, INTO g,
                               INTO o,
                               INTO c, INTO h) {
    for (Py_ssize_t j = 0; j < n; j++) i[j] = NAME(gate)(sigma, i[j]);
    for (Py_ssize_t j = 0; j < n; j++) f[j] = NAME(gate)(sigma, f[j]);
    for (Py_ssize_t j = 0; j < n; j++) g[j] = NAME(gate)(phi, g[j]);
    for (Py_ssize_t j = 0; j < n; j++) o[j] = NAME(gate)(sigma, o[j]);
    for (Py_ssize_t j = 0; j < n; j++) {
        c[j] = f[j] * before[j] + i[j] * g[j];
        h[j] = o[j] * NAME(gate)(phi, c[j]);
    }
}

APART void NAME(lstm_step)(Py_ssize_t n, int phi, int sigma, FROM before, INTO i, INTO f, INTO g, INTO o, INTO c,
                           INTO h) {
    COMMON(lstm_step_of, phi, sigma, before, i, f, g, o, c, h)
}

INLINE void NAME(lstm_back_of)(Py_ssize_t n, const int phi, const int sigma, FROM before, FROM i, FROM f, FROM g,
                               FROM o, FROM c,
                               INTO dh, INTO dc, INTO di, INTO df, INTO dg, INTO d_o) {
    for (Py_ssize_t j = 0; j < n; j++) {
        REAL shown = NAME(gate)(phi, c[j]);
        REAL dcell = dc[j] + NAME(back)(phi, dh[j] * o[j], shown);
        d_o[j] = NAME(back)(sigma, dh[j] * shown, o[j]);
        dg[j] = NAME(back)(phi, dcell * i[j], g[j]);
        df[j] = NAME(back)(sigma, dcell * before[j], f[j]);
        di[j] = NAME(back)(sigma, dcell * g[j], i[j]);
        dc[j] = dcell * f[j];
        dh[j] = 0;
    }
}

APART void NAME(lstm_back)(Py_ssize_t n, int phi, int sigma, FROM before, FROM i, FROM f, FROM g, FROM o, FROM c,
                           INTO dh, INTO dc,
                           INTO di, INTO df, INTO dg, INTO d_o) {
    COMMON(lstm_back_of, phi, sigma, before, i, f, g, o, c, dh, dc, di, df, dg, d_o)
}

/* The GRU with reset_after. u becomes the new state that is proposed. */
INLINE void NAME(gru_step_of)(Py_ssize_t n, const int phi, const int sigma, FROM before, FROM v, INTO z, INTO r, INTO u,
                              INTO h) {
    for (Py_ssize_t j = 0; j < n; j++) z[j] = NAME(gate)(sigma, z[j]);
    for (Py_ssize_t j = 0; j < n; j++) r[j] = NAME(gate)(sigma, r[j]);
    for (Py_ssize_t j = 0; j < n; j++) {
        u[j] = NAME(gate)(phi, u[j] + r[j] * v[j]);
        h[j] = z[j] * before[j] + (1 - z[j]) * u[j];
    }
}

APART void NAME(gru_step)(Py_ssize_t n, int phi, int sigma, FROM before, FROM v, INTO z, INTO r, INTO u, INTO h) {
    COMMON(gru_step_of, phi, sigma, before, v, z, r, u, h)
}

INLINE void NAME(gru_back_of)(Py_ssize_t n, const int phi, const int sigma, FROM before, FROM z, FROM r, FROM g,
                              FROM v, INTO dh,
                              INTO dz, INTO dr, INTO du, INTO dv) {
    for (Py_ssize_t j = 0; j < n; j++) {
        REAL proposed = NAME(back)(phi, dh[j] * (1 - z[j]), g[j]);
        dz[j] = NAME(back)(sigma, dh[j] * (before[j] - g[j]), z[j]);
        dr[j] = NAME(back)(sigma, proposed * v[j], r[j]);
        du[j] = proposed;
        dv[j] = proposed * r[j];
        dh[j] = dh[j] * z[j];
    }
}

APART void NAME(gru_back)(Py_ssize_t n, int phi, int sigma, FROM before, FROM z, FROM r, FROM g, FROM v, INTO dh,
                          INTO dz, INTO dr,
                          INTO du, INTO dv) {
    COMMON(gru_back_of, phi, sigma, before, z, r, g, v, dh, dz, dr, du, dv)
}

/* The GRU without it: the gates first, then a product of their result, then the state; and back in the same parts. */
APART void NAME(reset_gates)(Py_ssize_t n, int sigma, FROM h_in, INTO z, INTO r, INTO looked_at) {
    for (Py_ssize_t j = 0; j < n; j++) {
        z[j] = NAME(gate)(sigma, z[j]);
        r[j] = NAME(gate)(sigma, r[j]);
        looked_at[j] = r[j] * h_in[j];
    }
}

APART void NAME(reset_state)(Py_ssize_t n, int phi, FROM before, FROM z, INTO u, INTO h) {
    for (Py_ssize_t j = 0; j < n; j++) {
        u[j] = NAME(gate)(phi, u[j]);
        h[j] = z[j] * before[j] + (1 - z[j]) * u[j];
    }
}

APART void NAME(reset_state_back)(Py_ssize_t n, int phi, int sigma, FROM before, FROM z, FROM g, INTO dh, INTO dz,
                                  INTO du) {
    for (Py_ssize_t j = 0; j < n; j++) {
        du[j] = NAME(back)(phi, dh[j] * (1 - z[j]), g[j]);
        dz[j] = NAME(back)(sigma, dh[j] * (before[j] - g[j]), z[j]);
        dh[j] = dh[j] * z[j];
    }
}

/* s is the gradient of r h_in and becomes its part of that of h_in. */
APART void NAME(reset_gates_back)(Py_ssize_t n, int sigma, FROM h_in, FROM r, INTO s, INTO dr) {
    for (Py_ssize_t j = 0; j < n; j++) {
        dr[j] = NAME(back)(sigma, s[j] * h_in[j], r[j]);
        s[j] = s[j] * r[j];
    }
}

