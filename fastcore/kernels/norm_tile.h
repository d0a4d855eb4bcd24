/* The innermost loops of the normalisations, a template of for_both_types.h.

   Sums have several numbers under way at once: over rows those of 4 rows, over columns those of a
   strip of vectors. After BLOCK numbers, or a chunk of lines, they go to doubles: so long sums lose
   nothing. */

#include "panels.h"

#ifndef DIPTYCH_NORMAL_TILE
#define DIPTYCH_NORMAL_TILE
enum { UNIT_ROWS, RMS_ROWS, LAYER_ROWS };
enum { PLAIN, SQUARES, DISTANCES };
enum { BLOCK = 1024, TOGETHER = 4, STRIP = 8 };
enum { HEAD = 32, RUN = 16 }; /* lines; RUN of them stay in the first-level cache */
#include <math.h>
#endif

/* The sum of the numbers of a vector, in pairs. */
INLINE REAL NAME(total)(NAME(vector) v) {
    REAL a[LANES];
    STORE(a, v);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++) a[k] += a[k + half];
    return a[0];
}

/* ---- rows ---- */

/* Of each of some rows: the sum of its numbers (PLAIN), the sum of their squares (SQUARES), or
   both, of their distances from mean[r] (DISTANCES). */
INLINE void NAME(sum_rows)(const int rows, const int what, const REAL *x, Py_ssize_t width,
                           const REAL *mean, double *sum, double *squares) {
    for (int r = 0; r < rows; r++) sum[r] = squares[r] = 0;
    for (Py_ssize_t i = 0, last; i < width; i = last) {
        NAME(vector) a[TOGETHER] = {{0}}, b[TOGETHER] = {{0}};
        last = width - i > BLOCK ? i + BLOCK : width;
        for (; i + LANES <= last; i += LANES) {
            UNROLL(4)
            for (int r = 0; r < rows; r++) {
                NAME(vector) d = LOAD(x + r * width + i);
                if (what == DISTANCES) d -= mean[r];
                if (what != SQUARES) a[r] += d;
                if (what != PLAIN) b[r] += d * d;
            }
        }
        UNROLL(4)
        for (int r = 0; r < rows; r++) {
            REAL s = what != SQUARES ? NAME(total)(a[r]) : 0,
                 q = what != PLAIN ? NAME(total)(b[r]) : 0;
            for (Py_ssize_t k = i; k < last; k++) {
                REAL d = x[r * width + k] - (what == DISTANCES ? mean[r] : 0);
                s += d;
                q += d * d;
            }
            sum[r] += s;
            squares[r] += q;
        }
    }
}

/* y = (x - mean) inv gamma + beta */
INLINE void NAME(write_row)(const int scaled, const int offset, const REAL *x, Py_ssize_t width,
                            REAL mean, REAL inv, const REAL *gamma, const REAL *beta, REAL *y) {
    Py_ssize_t i = 0;
    for (; i + LANES <= width; i += LANES) {
        NAME(vector) v = (LOAD(x + i) - mean) * inv;
        if (scaled) v *= LOAD(gamma + i);
        if (offset) v += LOAD(beta + i);
        STORE(y + i, v);
    }
    for (; i < width; i++) {
        REAL v = (x[i] - mean) * inv;
        if (scaled) v *= gamma[i];
        if (offset) v += beta[i];
        y[i] = v;
    }
}

/* 1 / max(norm, epsilon); NaN stays. */
INLINE REAL NAME(divisor)(REAL norm, double epsilon) {
    return (REAL)(1.0 / (norm < epsilon ? epsilon : norm));
}

INLINE void NAME(forward_some)(const int rows, const int kind, Py_ssize_t width, double epsilon,
                               const REAL *x, const REAL *gamma, const REAL *beta, REAL *mean,
                               REAL *inv, REAL *y) {
    double sum[TOGETHER], squares[TOGETHER], share = 1.0 / width;
    REAL m[TOGETHER] = {0}, s[TOGETHER];
    if (kind == LAYER_ROWS) {
        NAME(sum_rows)(rows, PLAIN, x, width, m, sum, squares);
        for (int r = 0; r < rows; r++) m[r] = (REAL)(sum[r] * share);
        NAME(sum_rows)(rows, DISTANCES, x, width, m, sum, squares);
    } else {
        NAME(sum_rows)(rows, SQUARES, x, width, m, sum, squares);
    }
    for (int r = 0; r < rows; r++) {
        if (kind == UNIT_ROWS) {
            inv[r] = (REAL)sqrt(squares[r]);
            s[r] = NAME(divisor)(inv[r], epsilon);
            continue;
        }
        if (kind == LAYER_ROWS) { /* m is rounded: what it misses is the mean of the distances. */
            squares[r] -= sum[r] * share * sum[r];
            if (!isinf(m[r])) m[r] = (REAL)(m[r] + sum[r] * share);
            mean[r] = m[r];
        }
        inv[r] = s[r] = (REAL)(1.0 / sqrt(squares[r] * share + epsilon));
    }
    for (int r = 0; r < rows; r++, x += width, y += width) {
        if (gamma && beta) NAME(write_row)(1, 1, x, width, m[r], s[r], gamma, beta, y);
        else if (gamma) NAME(write_row)(1, 0, x, width, m[r], s[r], gamma, beta, y);
        else if (beta) NAME(write_row)(0, 1, x, width, m[r], s[r], gamma, beta, y);
        else NAME(write_row)(0, 0, x, width, m[r], s[r], gamma, beta, y);
    }
}

/* mean: NULL but for layers. inv: OUT 1 / sqrt(...), or the norm of a unit. */
APART void NAME(forward_rows)(int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon,
                              const REAL *x, const REAL *gamma, const REAL *beta, REAL *mean,
                              REAL *inv, REAL *y) {
    for (; rows > 0;) {
        int n = rows >= TOGETHER ? TOGETHER : 1;
#define SOME(n, kind) NAME(forward_some)(n, kind, width, epsilon, x, gamma, beta, mean, inv, y)
        if (kind == LAYER_ROWS) {
            if (n == 1) SOME(1, LAYER_ROWS);
            else SOME(TOGETHER, LAYER_ROWS);
            mean += n;
        } else if (n == 1) SOME(1, kind);
        else SOME(TOGETHER, kind);
#undef SOME
        rows -= n;
        x += n * width;
        y += n * width;
        inv += n;
    }
}

/* sum[r] = sum_i g[i] and product[r] = sum_i g[i] (x[i] - mean), g = gamma dy, of each of some
   rows; and their part of dgamma += dy (x - mean) inv and dbeta += dy. */
INLINE void NAME(project_rows)(const int rows, const int scaled, const int sums, const REAL *dy,
                               const REAL *x, Py_ssize_t width, const REAL *gamma, const REAL *mean,
                               const REAL *inv, REAL *dgamma, REAL *dbeta, double *sum,
                               double *product) {
    for (int r = 0; r < rows; r++) sum[r] = product[r] = 0;
    for (Py_ssize_t i = 0, last; i < width; i = last) {
        NAME(vector) a[TOGETHER] = {{0}}, b[TOGETHER] = {{0}};
        last = width - i > BLOCK ? i + BLOCK : width;
        for (; i + LANES <= last; i += LANES) {
            NAME(vector) t = {0}, u = {0}, scale = {0};
            if (scaled) scale = LOAD(gamma + i);
            UNROLL(4)
            for (int r = 0; r < rows; r++) {
                NAME(vector) g = LOAD(dy + r * width + i), d = LOAD(x + r * width + i) - mean[r];
                if (sums) {
                    t += g * (d * inv[r]);
                    u += g;
                }
                if (scaled) g *= scale;
                a[r] += g;
                b[r] += g * d;
            }
            if (sums && dgamma) STORE(dgamma + i, LOAD(dgamma + i) + t);
            if (sums && dbeta) STORE(dbeta + i, LOAD(dbeta + i) + u);
        }
        UNROLL(4)
        for (int r = 0; r < rows; r++) {
            REAL s = NAME(total)(a[r]), p = NAME(total)(b[r]);
            /* Two loops: sums beside something that is written would be rounded in one way where
               the compiler's check finds the arrays apart, and in another where they are near. */
            for (Py_ssize_t k = i; sums && k < last; k++) {
                REAL g = dy[r * width + k], d = x[r * width + k] - mean[r];
                if (dgamma) dgamma[k] += g * (d * inv[r]);
                if (dbeta) dbeta[k] += g;
            }
            for (Py_ssize_t k = i; k < last; k++) {
                REAL g = dy[r * width + k], d = x[r * width + k] - mean[r];
                if (scaled) g *= gamma[k];
                s += g;
                p += g * d;
            }
            sum[r] += s;
            product[r] += p;
        }
    }
}

/* dx = inv (gamma dy - level - (x - mean) along) */
INLINE void NAME(write_gradient)(const int scaled, const REAL *dy, const REAL *x, Py_ssize_t width,
                                 const REAL *gamma, REAL mean, REAL inv, REAL level, REAL along,
                                 REAL *dx) {
    Py_ssize_t i = 0;
    for (; i + LANES <= width; i += LANES) {
        NAME(vector) g = LOAD(dy + i);
        if (scaled) g *= LOAD(gamma + i);
        STORE(dx + i, inv * (g - level - (LOAD(x + i) - mean) * along));
    }
    for (; i < width; i++) {
        REAL g = dy[i];
        if (scaled) g *= gamma[i];
        dx[i] = inv * (g - level - (x[i] - mean) * along);
    }
}

INLINE void NAME(backward_some)(const int rows, const int kind, const int scaled, Py_ssize_t width,
                                double epsilon, const REAL *dy, const REAL *x, const REAL *gamma,
                                const REAL *mean, const REAL *inv, REAL *dx, REAL *dgamma,
                                REAL *dbeta) {
    double sum[TOGETHER], product[TOGETHER];
    REAL m[TOGETHER] = {0}, s[TOGETHER];
    for (int r = 0; r < rows; r++) {
        if (kind == LAYER_ROWS) m[r] = mean[r];
        s[r] = kind == UNIT_ROWS ? NAME(divisor)(inv[r], epsilon) : inv[r];
    }
    if (dgamma || dbeta)
        NAME(project_rows)(rows, scaled, 1, dy, x, width, gamma, m, s, dgamma, dbeta, sum, product);
    else NAME(project_rows)(rows, scaled, 0, dy, x, width, gamma, m, s, NULL, NULL, sum, product);
    if (!dx) return;
    for (int r = 0; r < rows; r++, dy += width, x += width, dx += width) {
        REAL level = kind == LAYER_ROWS ? (REAL)(sum[r] / width) : 0;
        REAL along = (REAL)(product[r] * s[r] * s[r] / (kind == UNIT_ROWS ? 1 : width));
        if (kind == UNIT_ROWS && inv[r] <= epsilon) along = 0; /* there the divisor is constant */
        NAME(write_gradient)(scaled, dy, x, width, gamma, m[r], s[r], level, along, dx);
    }
}

/* dx, dgamma (as far as these rows go) and dbeta may be NULL. */
APART void NAME(backward_rows)(int kind, Py_ssize_t rows, Py_ssize_t width, double epsilon,
                               const REAL *dy, const REAL *x, const REAL *gamma, const REAL *mean,
                               const REAL *inv, REAL *dx, REAL *dgamma, REAL *dbeta) {
    for (Py_ssize_t j = 0; dgamma && j < width; j++) dgamma[j] = 0;
    for (Py_ssize_t j = 0; dbeta && j < width; j++) dbeta[j] = 0;
    for (; rows > 0;) {
        int n = rows >= TOGETHER ? TOGETHER : 1;
#define SOME(n, scaled) \
    NAME(backward_some)(n, kind, scaled, width, epsilon, dy, x, gamma, mean, inv, dx, dgamma, dbeta)
        if (gamma && n == 1) SOME(1, 1);
        else if (gamma) SOME(TOGETHER, 1);
        else if (n == 1) SOME(1, 0);
        else SOME(TOGETHER, 0);
#undef SOME
        rows -= n;
        dy += n * width;
        x += n * width;
        if (dx) dx += n * width;
        if (mean) mean += n;
        inv += n;
    }
}

/* ---- columns ---- */

/* relu(y), at most `cap`; NaN caps nothing. And what it passes of dz: nothing where it is level. */
INLINE NAME(vector) NAME(relu)(NAME(vector) y, NAME(vector) cap) {
    const NAME(vector) zero = {0};
    y = PICK(y <= 0, zero, y);
    return PICK(y > cap, cap, y);
}
INLINE NAME(vector) NAME(relu_back)(NAME(vector) dz, NAME(vector) y, NAME(vector) cap) {
    const NAME(vector) zero = {0};
    NAME(vector) below = zero * dz; /* the slope there is 0: NaN stays */
    dz = PICK(y <= 0, below, dz);
    return PICK(y >= cap, zero, dz);
}

/* The same for one number, by its place in a line of the map: y = (x - t[0]) t[4] + t[5]. */
INLINE REAL NAME(one_back)(REAL dz, REAL x, Py_ssize_t width, const REAL *t, REAL cap) {
    REAL y = (x - t[0]) * t[4 * width] + t[5 * width];
    dz = y <= 0 ? 0 * dz : dz;
    return y >= cap ? 0 : dz;
}
APART void NAME(relu_back_line)(Py_ssize_t n, const REAL *dz, const REAL *x, Py_ssize_t width,
                                const REAL *t, REAL cap, REAL *dy) {
    for (Py_ssize_t j = 0; j < n; j++) dy[j] = NAME(one_back)(dz[j], x[j], width, t + j, cap);
}

/* sum[j] = sum over the lines that count of x[j], for n vectors of columns. */
INLINE void NAME(sum_strip)(const int n, const int masked, const REAL *x, const REAL *mask,
                            Py_ssize_t lines, Py_ssize_t width, REAL *sum) {
    NAME(vector) s[STRIP] = {{0}};
    for (Py_ssize_t i = 0; i < lines; i++, x += width) {
        if (masked && mask[i] == 0) continue;
        UNROLL(8)
        for (int v = 0; v < n; v++) s[v] += LOAD(x + v * LANES);
    }
    UNROLL(8)
    for (int v = 0; v < n; v++) STORE(sum + v * LANES, s[v]);
}

/* sum[j] and squares[j] += those of the distances from mean[j]. */
INLINE void NAME(distance_strip)(const int n, const int masked, const REAL *x, const REAL *mask,
                                 Py_ssize_t lines, Py_ssize_t width, const REAL *mean, REAL *sum,
                                 REAL *squares) {
    NAME(vector) s[STRIP / 2], q[STRIP / 2], m[STRIP / 2];
    UNROLL(4)
    for (int v = 0; v < n; v++) {
        s[v] = LOAD(sum + v * LANES);
        q[v] = LOAD(squares + v * LANES);
        m[v] = LOAD(mean + v * LANES);
    }
    for (Py_ssize_t i = 0; i < lines; i++, x += width) {
        if (masked && mask[i] == 0) continue;
        UNROLL(4)
        for (int v = 0; v < n; v++) {
            NAME(vector) d = LOAD(x + v * LANES) - m[v];
            s[v] += d;
            q[v] += d * d;
        }
    }
    UNROLL(4)
    for (int v = 0; v < n; v++) {
        STORE(sum + v * LANES, s[v]);
        STORE(squares + v * LANES, q[v]);
    }
}

/* sum[j] += sum of dy[j], product[j] += sum of dy[j] (x[j] - mean[j]). With `relu`, dy is that of
   relu(y), where lines 4 and 5 of the map give y. */
INLINE void NAME(gradient_strip)(const int n, const int relu, const REAL *dy, const REAL *x,
                                 Py_ssize_t lines, Py_ssize_t width, const REAL *t, REAL cap,
                                 REAL *sum, REAL *product) {
    NAME(vector) s[STRIP / 2], p[STRIP / 2], m[STRIP / 2], most = cap - (NAME(vector)){0};
    UNROLL(4)
    for (int v = 0; v < n; v++) {
        s[v] = LOAD(sum + v * LANES);
        p[v] = LOAD(product + v * LANES);
        m[v] = LOAD(t + v * LANES);
    }
    for (Py_ssize_t i = 0; i < lines; i++, x += width, dy += width) {
        UNROLL(4)
        for (int v = 0; v < n; v++) {
            NAME(vector) g = LOAD(dy + v * LANES), d = LOAD(x + v * LANES) - m[v];
            if (relu) {
                NAME(vector)
                y = d * LOAD(t + 4 * width + v * LANES) + LOAD(t + 5 * width + v * LANES);
                g = NAME(relu_back)(g, y, most);
            }
            s[v] += g;
            p[v] += g * d;
        }
    }
    UNROLL(4)
    for (int v = 0; v < n; v++) {
        STORE(sum + v * LANES, s[v]);
        STORE(product + v * LANES, p[v]);
    }
}

/* sum and squares += those of the distances of some lines from `mean`, for `columns` columns. */
INLINE void NAME(distances)(const int masked, const REAL *x, const REAL *mask, Py_ssize_t lines,
                            Py_ssize_t width, Py_ssize_t columns, const REAL *mean, REAL *sum,
                            REAL *squares) {
    const Py_ssize_t strip = STRIP / 2 * LANES;
    Py_ssize_t j = 0;
    for (; j + strip <= columns; j += strip)
        NAME(distance_strip)(STRIP / 2, masked, x + j, mask, lines, width, mean + j, sum + j,
                             squares + j);
    for (; j + LANES <= columns; j += LANES)
        NAME(distance_strip)(1, masked, x + j, mask, lines, width, mean + j, sum + j, squares + j);
    for (; j < columns; j++) {
        for (Py_ssize_t i = 0; i < lines; i++) {
            REAL d = x[i * width + j] - mean[j];
            if (masked && mask[i] == 0) continue;
            sum[j] += d;
            squares[j] += d * d;
        }
    }
}

/* mean[j] = the mean of the lines that count. */
INLINE void NAME(means)(const int masked, const REAL *x, const REAL *mask, Py_ssize_t lines,
                        Py_ssize_t width, Py_ssize_t columns, REAL share, REAL *mean) {
    const Py_ssize_t strip = STRIP * LANES;
    Py_ssize_t j = 0;
    for (; j + strip <= columns; j += strip)
        NAME(sum_strip)(STRIP, masked, x + j, mask, lines, width, mean + j);
    for (; j + LANES <= columns; j += LANES)
        NAME(sum_strip)(1, masked, x + j, mask, lines, width, mean + j);
    for (; j < columns; j++) {
        mean[j] = 0;
        for (Py_ssize_t i = 0; i < lines; i++)
            if (!masked || mask[i] != 0) mean[j] += x[i * width + j];
    }
    for (j = 0; j < columns; j++) mean[j] *= share;
}

/* For `columns` columns: about[j], a number near the mean, and the sums of the distances from it
   and of their squares, over the lines that count, of which there are `counted`.

   The mean of the first HEAD lines is near enough. Whatever they are, the squared distances from
   the true mean add up to at least HEAD / (HEAD + lines) of what the difference of the two means
   puts into `squares`: when that is taken out again, only the last few bits are lost. And memory is
   read once. */
APART void NAME(column_moments)(const REAL *x, const REAL *mask, Py_ssize_t lines, Py_ssize_t width,
                                Py_ssize_t columns, Py_ssize_t counted, REAL *about, REAL *sum,
                                REAL *squares) {
    Py_ssize_t head = lines < HEAD ? lines : HEAD;
    if (mask)
        NAME(means)(1, x, mask, lines, width, columns, (REAL)1 / (counted ? counted : 1), about);
    else NAME(means)(0, x, mask, head, width, columns, (REAL)1 / head, about);
    for (Py_ssize_t j = 0; j < columns; j++) sum[j] = squares[j] = 0;
    for (Py_ssize_t i = 0, n; i < lines; i += n, x += n * width) {
        n = lines - i < RUN ? lines - i : RUN;
        if (mask) NAME(distances)(1, x, mask + i, n, width, columns, about, sum, squares);
        else NAME(distances)(0, x, mask, n, width, columns, about, sum, squares);
    }
}

/* For `columns` columns: sum dy and sum dy (x - mean); t is the map, cap NULL or that of a relu. */
INLINE void NAME(gradients_of)(const int relu, const REAL *dy, const REAL *x, const REAL *t,
                               Py_ssize_t lines, Py_ssize_t width, Py_ssize_t columns, REAL cap,
                               REAL *sum, REAL *product) {
    const Py_ssize_t strip = STRIP / 2 * LANES;
    for (Py_ssize_t j = 0; j < columns; j++) sum[j] = product[j] = 0;
    for (Py_ssize_t i = 0, n; i < lines; i += n, x += n * width, dy += n * width) {
        Py_ssize_t j = 0;
        n = lines - i < RUN ? lines - i : RUN;
        for (; j + strip <= columns; j += strip)
            NAME(gradient_strip)(STRIP / 2, relu, dy + j, x + j, n, width, t + j, cap, sum + j,
                                 product + j);
        for (; j + LANES <= columns; j += LANES)
            NAME(gradient_strip)(1, relu, dy + j, x + j, n, width, t + j, cap, sum + j,
                                 product + j);
        for (; j < columns; j++) {
            for (Py_ssize_t k = 0; k < n; k++) {
                REAL g = dy[k * width + j], number = x[k * width + j];
                if (relu) g = NAME(one_back)(g, number, width, t + j, cap);
                sum[j] += g;
                product[j] += g * (number - t[j]);
            }
        }
    }
}
APART void NAME(column_gradients)(const REAL *dy, const REAL *x, const REAL *t, Py_ssize_t lines,
                                  Py_ssize_t width, Py_ssize_t columns, const REAL *cap, REAL *sum,
                                  REAL *product) {
    if (cap) NAME(gradients_of)(1, dy, x, t, lines, width, columns, *cap, sum, product);
    else NAME(gradients_of)(0, dy, x, t, lines, width, columns, 0, sum, product);
}

/* out = (x - t[0]) t[1] + t[2], and with dy also + dy t[3]; each t a line of `width` numbers. With
   `relu`, out is relu(out), or dy that of relu(y), where lines 4 and 5 give y. */
INLINE void NAME(map_line)(const int backward, const int relu, Py_ssize_t n, Py_ssize_t width,
                           const REAL *dy, const REAL *x, const REAL *t, REAL cap, REAL *out) {
    const NAME(vector) most = cap - (NAME(vector)){0};
    Py_ssize_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        NAME(vector) d = LOAD(x + j) - LOAD(t + j);
        NAME(vector) v = d * LOAD(t + width + j) + LOAD(t + 2 * width + j);
        if (backward) {
            NAME(vector) g = LOAD(dy + j);
            if (relu) {
                NAME(vector) y = d * LOAD(t + 4 * width + j) + LOAD(t + 5 * width + j);
                g = NAME(relu_back)(g, y, most);
            }
            v += g * LOAD(t + 3 * width + j);
        } else if (relu) {
            v = NAME(relu)(v, most);
        }
        STORE(out + j, v);
    }
    for (; j < n; j++) {
        REAL v = (x[j] - t[j]) * t[width + j] + t[2 * width + j];
        if (backward) {
            REAL g = relu ? NAME(one_back)(dy[j], x[j], width, t + j, cap) : dy[j];
            v += g * t[3 * width + j];
        } else if (relu) {
            v = v <= 0 ? 0 : v;
            v = v > cap ? cap : v;
        }
        out[j] = v;
    }
}

/* The map for some lines, and for `over` numbers of one that is not full. dy, mask and cap (of a
   relu) may be NULL; with dy, where the mask is 0 only dy t[3]. */
APART void NAME(map_lines)(const REAL *dy, const REAL *x, const REAL *mask, Py_ssize_t lines,
                           Py_ssize_t over, Py_ssize_t width, const REAL *t, const REAL *cap,
                           REAL *out) {
    for (Py_ssize_t i = 0; i < lines + (over > 0); i++, x += width, out += width) {
        Py_ssize_t n = i < lines ? width : over;
        if (!dy) {
            if (cap) NAME(map_line)(0, 1, n, width, dy, x, t, *cap, out);
            else NAME(map_line)(0, 0, n, width, dy, x, t, 0, out);
            continue;
        }
        if (mask && mask[i] == 0)
            for (Py_ssize_t j = 0; j < n; j++) out[j] = dy[j] * t[3 * width + j];
        else if (cap) NAME(map_line)(1, 1, n, width, dy, x, t, *cap, out);
        else NAME(map_line)(1, 0, n, width, dy, x, t, 0, out);
        dy += width;
    }
}

#undef LANES
#undef ORDER
#undef RECTIFY
#undef REAL
#undef REAL_BYTES
#undef INTEGER
#undef NAME
