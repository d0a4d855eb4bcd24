/* What pooling does to the channels of one window, a template of for_both_types.h.

   `n` channels lie side by side. Two vectors of them stay in registers while the positions of the
   window pass by, in `lines` lines of `run` positions, line_step and step numbers apart. Position c
   of line a is number k + a * line_k + c of the window. A window too large for one pass is taken in
   parts: `begun` says that there was one before, `ends` that this is the last. */

#include "panels.h"
#include "argmax_bytes.h"

#ifndef DIPTYCH_POOLING
#define DIPTYCH_POOLING
typedef struct {
    Py_ssize_t lines, line_step, run, step;
    int k, line_k;
    int begun, ends, loose;
} WindowPart;
#endif

#ifdef VECTOR_BYTES
/* The argmax of one vector of channels, at any address, in words of 32 bits. */
typedef int32_t NAME(words) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef INTEGER NAME(loose_mask)
    __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(INTEGER)), may_alias));
#define WIDEN_WORDS(p) __builtin_convertvector(*(const NAME(words) *)(p), NAME(mask))
#define NARROW_WORDS(p, x) (*(NAME(words) *)(p) = __builtin_convertvector(x, NAME(words)))
#define WHERE(m, x, y) (((m) & (x)) | (~(m) & (y)))

INLINE void NAME(max_vectors)(const int width, const Py_ssize_t lines, const Py_ssize_t run,
                              const WindowPart *w, const REAL *x, REAL *y, INTEGER *carry,
                              unsigned char *bytes, int32_t *words) {
    NAME(vector) best[2];
    NAME(mask) at[2];
    UNROLL(2)
    for (int v = 0; v < width; v++) {
        best[v] = LOAD(w->begun ? y + v * LANES : x + v * LANES);
        at[v] = (NAME(mask)){0} + w->k;
        if (w->begun) at[v] = *(const NAME(loose_mask) *)(carry + v * LANES);
    }
    for (Py_ssize_t a = 0; a < lines; a++) {
        for (Py_ssize_t c = 0; c < run; c++) {
            UNROLL(2)
            for (int v = 0; v < width; v++) {
                NAME(vector) number = LOAD(x + a * w->line_step + c * w->step + v * LANES);
                /* NaN wins against a number, and nothing wins against NaN. */
                NAME(mask) wins = ~(number <= best[v]) & (best[v] == best[v]);
                best[v] = (NAME(vector))WHERE(wins, (NAME(mask))number, (NAME(mask))best[v]);
                at[v] = WHERE(wins, (NAME(mask)){0} + (INTEGER)(w->k + a * w->line_k + c), at[v]);
            }
        }
    }
    UNROLL(2)
    for (int v = 0; v < width; v++) {
        STORE(y + v * LANES, best[v]);
        if (!w->ends) *(NAME(loose_mask) *)(carry + v * LANES) = at[v];
        else if (bytes) NAME(narrow_bytes)(bytes + v * LANES, at[v]);
        else NARROW_WORDS(words + v * LANES, at[v]);
    }
}

INLINE void NAME(sum_vectors)(const int width, const Py_ssize_t lines, const Py_ssize_t run,
                              const WindowPart *w, const REAL *x, REAL *y, REAL count) {
    NAME(vector) sum[2];
    UNROLL(2)
    for (int v = 0; v < width; v++) sum[v] = w->begun ? LOAD(y + v * LANES) : (NAME(vector)){0};
    for (Py_ssize_t a = 0; a < lines; a++) {
        for (Py_ssize_t c = 0; c < run; c++) {
            UNROLL(2)
            for (int v = 0; v < width; v++)
                sum[v] += LOAD(x + a * w->line_step + c * w->step + v * LANES);
        }
    }
    UNROLL(2)
    for (int v = 0; v < width; v++) STORE(y + v * LANES, w->ends ? sum[v] / count : sum[v]);
}
#endif

/* y = the maximum of each channel (ties go to the first maximum) and its position, the argmax, by
   way of `carry`, in bytes or words. */
INLINE void NAME(max_channels)(const Py_ssize_t lines, const Py_ssize_t run, const WindowPart *w,
                               Py_ssize_t n, const REAL *x, REAL *y, INTEGER *carry,
                               unsigned char *bytes, int32_t *words) {
    Py_ssize_t i = 0;
#ifdef VECTOR_BYTES
    for (; i + 2 * LANES <= n; i += 2 * LANES)
        NAME(max_vectors)(2, lines, run, w, x + i, y + i, carry + i, bytes ? bytes + i : NULL,
                          words ? words + i : NULL);
    for (; i + LANES <= n || (w->loose && i < n); i += LANES)
        NAME(max_vectors)(1, lines, run, w, x + i, y + i, carry + i, bytes ? bytes + i : NULL,
                          words ? words + i : NULL);
#endif
    for (; i < n; i++) {
        REAL best = w->begun ? y[i] : x[i];
        INTEGER at = w->begun ? carry[i] : w->k;
        for (Py_ssize_t a = 0; a < lines; a++) {
            for (Py_ssize_t c = 0; c < run; c++) {
                REAL number = x[a * w->line_step + c * w->step + i];
                int wins = !(number <= best) & (best == best);
                best = wins ? number : best;
                at = wins ? (INTEGER)(w->k + a * w->line_k + c) : at;
            }
        }
        y[i] = best;
        if (!w->ends) carry[i] = at;
        else if (bytes) bytes[i] = (unsigned char)at;
        else words[i] = (int32_t)at;
    }
}

/* y = the mean of each channel over `count` positions. */
INLINE void NAME(mean_channels)(const Py_ssize_t lines, const Py_ssize_t run, const WindowPart *w,
                                Py_ssize_t n, const REAL *x, REAL *y, REAL count) {
    Py_ssize_t i = 0;
#ifdef VECTOR_BYTES
    for (; i + 2 * LANES <= n; i += 2 * LANES)
        NAME(sum_vectors)(2, lines, run, w, x + i, y + i, count);
    for (; i + LANES <= n || (w->loose && i < n); i += LANES)
        NAME(sum_vectors)(1, lines, run, w, x + i, y + i, count);
#endif
    for (; i < n; i++) {
        REAL sum = w->begun ? y[i] : 0;
        for (Py_ssize_t a = 0; a < lines; a++)
            for (Py_ssize_t c = 0; c < run; c++) sum += x[a * w->line_step + c * w->step + i];
        y[i] = w->ends ? sum / count : sum;
    }
}

/* The same, with the commonest windows unrolled. */
APART void NAME(pool_max)(const WindowPart *w, Py_ssize_t n, const REAL *x, REAL *y, INTEGER *carry,
                          unsigned char *bytes, int32_t *words) {
    if (w->lines == 2 && w->run == 2) NAME(max_channels)(2, 2, w, n, x, y, carry, bytes, words);
    else if (w->lines == 1 && w->run == 2)
        NAME(max_channels)(1, 2, w, n, x, y, carry, bytes, words);
    else if (w->lines == 3 && w->run == 3)
        NAME(max_channels)(3, 3, w, n, x, y, carry, bytes, words);
    else NAME(max_channels)(w->lines, w->run, w, n, x, y, carry, bytes, words);
}

APART void NAME(pool_mean)(const WindowPart *w, Py_ssize_t n, const REAL *x, REAL *y, REAL count) {
    if (w->lines == 2 && w->run == 2) NAME(mean_channels)(2, 2, w, n, x, y, count);
    else if (w->lines == 1 && w->run == 2) NAME(mean_channels)(1, 2, w, n, x, y, count);
    else if (w->lines == 3 && w->run == 3) NAME(mean_channels)(3, 3, w, n, x, y, count);
    else NAME(mean_channels)(w->lines, w->run, w, n, x, y, count);
}

/* dx of `positions` positions, n numbers apart, from number k on: dy where the argmax is that
   position, else 0. The argmax is in bytes or, where that is NULL, in words. y: NULL, or the
   maxima, of which only those above 0 count, as for a relu before. `adds`: to what is there.
   `loose`: vectors may reach beyond the channels, as in a WindowPart. */
INLINE void NAME(spread_max_to)(const int positions, const int adds, const int loose, Py_ssize_t n,
                                const REAL *dy, const REAL *y, const unsigned char *bytes,
                                const int32_t *words, int k, REAL *dx) {
    Py_ssize_t i = 0;
#ifdef VECTOR_BYTES
    for (; i + LANES <= n || (loose && i < n); i += LANES) {
        NAME(mask)
        at = bytes ? NAME(widen_bytes)(bytes + i) : WIDEN_WORDS(words ? words + i : NULL);
        NAME(mask) given = (NAME(mask))LOAD(dy + i);
        if (y) given &= LOAD(y + i) > 0;
        UNROLL(4)
        for (int j = 0; j < positions; j++) {
            NAME(vector) part = (NAME(vector))((at == (INTEGER)(k + j)) & given);
            STORE(dx + j * n + i, adds ? LOAD(dx + j * n + i) + part : part);
        }
    }
#endif
    for (; i < n; i++) {
        INTEGER at = bytes ? bytes[i] : words[i];
        for (int j = 0; j < positions; j++) {
            REAL part = at == k + j && (!y || y[i] > 0) ? dy[i] : 0;
            dx[j * n + i] = adds ? dx[j * n + i] + part : part;
        }
    }
}

APART void NAME(spread_max)(int positions, int adds, int loose, Py_ssize_t n, const REAL *dy,
                            const REAL *y, const unsigned char *bytes, const int32_t *words, int k,
                            REAL *dx) {
    int j = 0;
    if (adds) {
        for (; j < positions; j++)
            NAME(spread_max_to)(1, 1, 0, n, dy, y, bytes, words, k + j, dx + j * n);
        return;
    }
    if (loose && n < LANES) {
        for (; j + 2 <= positions; j += 2)
            NAME(spread_max_to)(2, 0, 1, n, dy, y, bytes, words, k + j, dx + j * n);
    } else if (loose) { /* one position after the other: each reaches into the next */
        for (; j < positions; j++)
            NAME(spread_max_to)(1, 0, 1, n, dy, y, bytes, words, k + j, dx + j * n);
    } else {
        for (; j + 2 <= positions; j += 2)
            NAME(spread_max_to)(2, 0, 0, n, dy, y, bytes, words, k + j, dx + j * n);
    }
    if (j < positions) NAME(spread_max_to)(1, 0, loose, n, dy, y, bytes, words, k + j, dx + j * n);
}

/* dx of `positions` positions, n numbers apart: dy * part, the same for all. */
APART void NAME(spread_mean)(int positions, int adds, int loose, Py_ssize_t n, const REAL *dy,
                             REAL part, REAL *dx) {
    for (int j = 0; j < positions; j++, dx += n) {
        Py_ssize_t i = 0;
        if (adds) {
            for (; i < n; i++) dx[i] += dy[i] * part;
        } else {
#ifdef VECTOR_BYTES
            for (; i + LANES <= n || (loose && i < n); i += LANES)
                STORE(dx + i, LOAD(dy + i) * part);
#endif
            for (; i < n; i++) dx[i] = dy[i] * part;
        }
    }
}

#undef WIDEN_WORDS
#undef NARROW_WORDS
#undef WHERE
#undef LANES
#undef ORDER
#undef RECTIFY
#undef REAL
#undef REAL_BYTES
#undef INTEGER
#undef NAME
