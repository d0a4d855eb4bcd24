/* The innermost loops of a depthwise convolution with one filter for each channel, a template of
   for_both_types.h.

   Channels lie side by side, n of them, and so do their weights: everything is a sum of products,
   number by number. A line is what lies along the last spatial axis. */

#include "panels.h"

#ifndef DIPTYCH_DEPTHWISE
#define DIPTYCH_DEPTHWISE
typedef struct {
    Py_ssize_t n;
    /* Along the last axis: column o of y sees columns o * stride + c * dilation - before of x, of
       those that exist. */
    Py_ssize_t begin, end, stride, before, dilation, window, size;
    /* The lines of the window that lie on x: a from first[0] to last[0], b likewise. */
    Py_ssize_t first[2], last[2], x_step[2], kernel_step[2];
} Line;
enum { COLUMNS = 4 }; /* of y that are computed at once: each weight is loaded once for them */
#endif

#ifdef VECTOR_BYTES
INLINE void NAME(sum_vectors)(const int columns, const int width, const Line *l, Py_ssize_t start,
                              Py_ssize_t c0, Py_ssize_t c1, const REAL *x, const REAL *kernel,
                              const REAL *bias, REAL *y) {
    NAME(vector) sum[COLUMNS][2];
    UNROLL(4)
    for (int t = 0; t < columns; t++) {
        UNROLL(2)
        for (int v = 0; v < width; v++)
            sum[t][v] = bias ? LOAD(bias + v * LANES) : (NAME(vector)){0};
    }
    for (Py_ssize_t a = l->first[0]; a < l->last[0]; a++) {
        for (Py_ssize_t b = l->first[1]; b < l->last[1]; b++) {
            const REAL *weights = kernel + a * l->kernel_step[0] + b * l->kernel_step[1];
            const REAL *from = x + a * l->x_step[0] + b * l->x_step[1] + start * l->n;
            for (Py_ssize_t c = c0; c < c1; c++) {
                NAME(vector) w[2];
                UNROLL(2)
                for (int v = 0; v < width; v++) w[v] = LOAD(weights + c * l->n + v * LANES);
                UNROLL(4)
                for (int t = 0; t < columns; t++) {
                    UNROLL(2)
                    for (int v = 0; v < width; v++)
                        sum[t][v] += w[v] * LOAD(from + (t * l->stride + c * l->dilation) * l->n +
                                                 v * LANES);
                }
            }
        }
    }
    UNROLL(4)
    for (int t = 0; t < columns; t++) {
        UNROLL(2)
        for (int v = 0; v < width; v++) STORE(y + t * l->n + v * LANES, sum[t][v]);
    }
}
#endif

/* Some columns of y, all channels; every one of them sees the positions c0 to c1 along the last
   axis. */
INLINE void NAME(sum_columns)(const int columns, const Line *l, Py_ssize_t start, Py_ssize_t c0,
                              Py_ssize_t c1, const REAL *x, const REAL *kernel, const REAL *bias,
                              REAL *y) {
    Py_ssize_t i = 0;
#ifdef VECTOR_BYTES
    for (; i + 2 * LANES <= l->n; i += 2 * LANES)
        NAME(sum_vectors)(columns, 2, l, start, c0, c1, x + i, kernel + i, bias ? bias + i : NULL,
                          y + i);
    for (; i + LANES <= l->n; i += LANES)
        NAME(sum_vectors)(columns, 1, l, start, c0, c1, x + i, kernel + i, bias ? bias + i : NULL,
                          y + i);
#endif
    for (; i < l->n; i++) {
        for (int t = 0; t < columns; t++) {
            REAL sum = bias ? bias[i] : 0;
            for (Py_ssize_t a = l->first[0]; a < l->last[0]; a++)
                for (Py_ssize_t b = l->first[1]; b < l->last[1]; b++)
                    for (Py_ssize_t c = c0; c < c1; c++)
                        sum +=
                            kernel[a * l->kernel_step[0] + b * l->kernel_step[1] + c * l->n + i] *
                            x[a * l->x_step[0] + b * l->x_step[1] +
                              (start + t * l->stride + c * l->dilation) * l->n + i];
            y[t * l->n + i] = sum;
        }
    }
}

/* Columns begin to end of a line of y; y is its column 0. */
APART void NAME(line_forward)(const Line *l, const REAL *x, const REAL *kernel, const REAL *bias,
                              REAL *y) {
    Py_ssize_t o = l->begin;
    while (o < l->end) {
        Py_ssize_t start = o * l->stride - l->before;
        /* The farthest that a position may lie from the first. */
        Py_ssize_t room = l->size - 1 - start;
        Py_ssize_t c0 = start < 0 ? (-start + l->dilation - 1) / l->dilation : 0;
        Py_ssize_t c1 = room < 0 ? 0 : room / l->dilation + 1;
        if (c1 > l->window) c1 = l->window;
        if (c0 > c1) c0 = c1;
        if (start >= 0 && o + COLUMNS <= l->end &&
            room - (COLUMNS - 1) * l->stride >= (l->window - 1) * l->dilation) {
            NAME(sum_columns)(COLUMNS, l, start, 0, l->window, x, kernel, bias, y + o * l->n);
            o += COLUMNS;
        } else {
            NAME(sum_columns)(1, l, start, c0, c1, x, kernel, bias, y + o * l->n);
            o++;
        }
    }
}

/* dx[o * x_step + i] += dz[o * n + i] * w[i], for `columns` values of o */
APART void NAME(line_scatter)(Py_ssize_t columns, Py_ssize_t n, Py_ssize_t x_step, const REAL *dz,
                              const REAL *w, REAL *dx) {
    for (Py_ssize_t o = 0; o < columns; o++, dz += n, dx += x_step) {
        Py_ssize_t i = 0;
#ifdef VECTOR_BYTES
        for (; i + LANES <= n; i += LANES) STORE(dx + i, LOAD(dx + i) + LOAD(dz + i) * LOAD(w + i));
#endif
        for (; i < n; i++) dx[i] += dz[i] * w[i];
    }
}

/* sums[j * n + i] += sum over o of dz[o * n + i] x[o * x_step + j * tap_step + i], for j < taps */
#ifdef VECTOR_BYTES
INLINE Py_ssize_t NAME(taps_vectors)(const int taps, const int width, Py_ssize_t i,
                                     Py_ssize_t columns, Py_ssize_t n, Py_ssize_t x_step,
                                     Py_ssize_t tap_step, const REAL *x, const REAL *dz,
                                     REAL *sums) {
    for (; i + width * LANES <= n; i += width * LANES) {
        NAME(vector) sum[3][4];
        UNROLL(3)
        for (int j = 0; j < taps; j++) {
            UNROLL(4)
            for (int v = 0; v < width; v++) sum[j][v] = LOAD(sums + j * n + i + v * LANES);
        }
        const REAL *at = x + i, *d = dz + i;
        for (Py_ssize_t o = 0; o < columns; o++, at += x_step, d += n) {
            UNROLL(4)
            for (int v = 0; v < width; v++) {
                NAME(vector) g = LOAD(d + v * LANES);
                UNROLL(3)
                for (int j = 0; j < taps; j++) sum[j][v] += g * LOAD(at + j * tap_step + v * LANES);
            }
        }
        UNROLL(3)
        for (int j = 0; j < taps; j++) {
            UNROLL(4)
            for (int v = 0; v < width; v++) STORE(sums + j * n + i + v * LANES, sum[j][v]);
        }
    }
    return i;
}
#endif

INLINE void NAME(taps_of)(const int taps, const int width, Py_ssize_t columns, Py_ssize_t n,
                          Py_ssize_t x_step, Py_ssize_t tap_step, const REAL *x, const REAL *dz,
                          REAL *sums) {
    Py_ssize_t i = 0;
#ifdef VECTOR_BYTES
    i = NAME(taps_vectors)(taps, width, i, columns, n, x_step, tap_step, x, dz, sums);
    i = NAME(taps_vectors)(taps, 1, i, columns, n, x_step, tap_step, x, dz, sums);
#endif
    for (; i < n; i++) {
        for (int j = 0; j < taps; j++) {
            REAL sum = sums[j * n + i];
            for (Py_ssize_t o = 0; o < columns; o++)
                sum += dz[o * n + i] * x[o * x_step + j * tap_step + i];
            sums[j * n + i] = sum;
        }
    }
}

/* taps: 1 or 3. */
APART void NAME(line_taps)(int taps, Py_ssize_t columns, Py_ssize_t n, Py_ssize_t x_step,
                           Py_ssize_t tap_step, const REAL *x, const REAL *dz, REAL *sums) {
    if (taps == 3) NAME(taps_of)(3, 2, columns, n, x_step, tap_step, x, dz, sums);
    else NAME(taps_of)(1, 4, columns, n, x_step, tap_step, x, dz, sums);
}

/* sums[i] += sum over o of dz[o * n + i] */
APART void NAME(line_sum)(Py_ssize_t columns, Py_ssize_t n, const REAL *dz, REAL *sums) {
    for (Py_ssize_t o = 0; o < columns; o++, dz += n)
        for (Py_ssize_t i = 0; i < n; i++) sums[i] += dz[i];
}

#undef LANES
#undef ORDER
#undef RECTIFY
#undef REAL
#undef REAL_BYTES
#undef INTEGER
#undef NAME
