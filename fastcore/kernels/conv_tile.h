/* The innermost part of a convolution, a template of for_both_types.h: a matrix product whose left
   factor is looked up.

       c[c_at[r] + j] (+)= sum_k a[row_at[r] + step_at[k]] * b[k, j] + bias[j]

   Forward, r counts pixels of the result and k the numbers that a kernel covers; for the gradient
   of the kernel it is the other way round. The receptive fields of neighbours overlap, so a is read
   far more often than it is long: it stays in the first-level cache, and looking up where it stands
   is a load among ten. Nothing is copied together. */

#include "activation_codes.h"
#include "panels.h"

/* x where y > 0, else 0. */
#ifdef VECTOR_BYTES
#define POSITIVE(y, x) ((NAME(vector))(((y) > 0) & (NAME(mask))(x)))
#else
#define POSITIVE(y, x) ((y) > 0 ? (x) : 0)
#endif

/* The end of a tile with fewer columns than its vectors have numbers: its sums stand in `part`. */
APART void NAME(finish_part)(int rows, Py_ssize_t columns, const REAL *part, REAL *c,
                             const Py_ssize_t *c_at, const REAL *bias, int flags) {
    REAL whole[PANEL] = {0};
    if (bias)
        for (Py_ssize_t j = 0; j < columns; j++) whole[j] = bias[j];
    for (int r = 0; r < rows; r++, part += PANEL) {
        /* A short row that the next one follows may reach into it, which is written later. */
        if (columns < LANES && 2 * columns >= LANES && !(flags & FLAG_ACCUMULATE) && r + 1 < rows &&
            c_at[r + 1] == c_at[r] + columns) {
            NAME(vector) x = LOAD(part) + LOAD(whole);
            STORE(c + c_at[r], flags & FLAG_RELU ? RECTIFY(x) : x);
        } else {
            NAME(finish_row)(columns, part, c + c_at[r], whole, flags);
        }
    }
}

/* Of a tile one vector wide, or where there are 32 registers: the additions of fewer rows would
   wait for each other. */
#define MOST_ROWS 12

#define TILE_PARAMETERS                                                                       \
    Py_ssize_t depth, const REAL *a, const Py_ssize_t *row_at, const Py_ssize_t *step_at,     \
        const REAL *b, REAL *c, const Py_ssize_t *c_at, Py_ssize_t columns, const REAL *bias, \
        int flags
#define TILE_ARGUMENTS depth, a, row_at, step_at, b, c, c_at, columns, bias, flags

/* `rows` rows, columns <= width * LANES. b is a packed panel: rows of PANEL numbers, of which the
   first width * LANES are read. `rows` and `width` are constants wherever this is inlined. */
INLINE void NAME(tile)(const int rows, const int width, TILE_PARAMETERS) {
    NAME(vector) sum[MOST_ROWS][WIDTH];
    const REAL *row[MOST_ROWS];
    UNROLL(MOST_ROWS)
    for (int r = 0; r < rows; r++) {
        row[r] = a + row_at[r];
        PREFETCH(c + c_at[r]);
        UNROLL(4)
        for (int v = 0; v < width; v++) sum[r][v] = (NAME(vector)){0};
    }
    UNROLL(4)
    for (Py_ssize_t k = 0; k < depth; k++) {
        NAME(vector) line[WIDTH];
        Py_ssize_t at = step_at[k];
        UNROLL(4)
        for (int v = 0; v < width; v++) line[v] = LOAD(b + v * LANES);
        UNROLL(MOST_ROWS)
        for (int r = 0; r < rows; r++) {
            REAL number = row[r][at];
            UNROLL(4)
            for (int v = 0; v < width; v++) sum[r][v] += number * line[v];
        }
        b += PANEL;
    }
    if (columns < width * LANES) {
        REAL part[MOST_ROWS * PANEL];
        UNROLL(MOST_ROWS)
        for (int r = 0; r < rows; r++) {
            UNROLL(4)
            for (int v = 0; v < width; v++) STORE(part + r * PANEL + v * LANES, sum[r][v]);
        }
        NAME(finish_part)(rows, columns, part, c, c_at, bias, flags);
        return;
    }
    if (flags & FLAG_ACCUMULATE) {
        UNROLL(MOST_ROWS)
        for (int r = 0; r < rows; r++) {
            UNROLL(4)
            for (int v = 0; v < width; v++) sum[r][v] += LOAD(c + c_at[r] + v * LANES);
        }
    }
    if (bias) {
        UNROLL(4)
        for (int v = 0; v < width; v++) {
            NAME(vector) line = LOAD(bias + v * LANES);
            UNROLL(MOST_ROWS)
            for (int r = 0; r < rows; r++) sum[r][v] += line;
        }
    } else if (!(flags & FLAG_ACCUMULATE)) {
        /* A negative sum that is too small is 0, not -0: the reference adds it to 0. */
        UNROLL(MOST_ROWS)
        for (int r = 0; r < rows; r++) {
            UNROLL(4)
            for (int v = 0; v < width; v++) sum[r][v] += (NAME(vector)){0};
        }
    }
    if (flags & FLAG_RELU) {
        UNROLL(MOST_ROWS)
        for (int r = 0; r < rows; r++) {
            UNROLL(4)
            for (int v = 0; v < width; v++) sum[r][v] = RECTIFY(sum[r][v]);
        }
    }
    UNROLL(MOST_ROWS)
    for (int r = 0; r < rows; r++) {
        UNROLL(4)
        for (int v = 0; v < width; v++) STORE(c + c_at[r] + v * LANES, sum[r][v]);
    }
}

/* A function for every size of tile, so that no row is computed twice or in vain. */
#define EACH(n)                                                                          \
    APART void NAME(wide_##n)(TILE_PARAMETERS) { NAME(tile)(n, WIDTH, TILE_ARGUMENTS); } \
    APART void NAME(narrow_##n)(TILE_PARAMETERS) { NAME(tile)(n, 1, TILE_ARGUMENTS); }
EACH(1)
EACH(2)
EACH(3)
EACH(4)
#if ROWS > 4
EACH(5)
EACH(6)
#endif
#if ROWS > 6
EACH(8)
EACH(10)
EACH(12)
#elif ROWS > 4
APART void NAME(narrow_most)(TILE_PARAMETERS) { NAME(tile)(MOST_ROWS, 1, TILE_ARGUMENTS); }
#endif
#undef EACH

/* All the rows under one panel of b. */
APART void NAME(gather)(Py_ssize_t rows, TILE_PARAMETERS) {
#define EACH(n)                                                 \
    case n:                                                     \
        if (columns <= LANES) NAME(narrow_##n)(TILE_ARGUMENTS); \
        else NAME(wide_##n)(TILE_ARGUMENTS);                    \
        break;
#if ROWS == 6
    for (; columns <= LANES && rows >= MOST_ROWS; rows -= MOST_ROWS) {
        NAME(narrow_most)(TILE_ARGUMENTS);
        row_at += MOST_ROWS;
        c_at += MOST_ROWS;
    }
#endif
    while (rows > 0) {
        /* What is left for two tiles is halved: a tile of few rows waits for its own additions. */
        Py_ssize_t now = rows >= 2 * ROWS || rows == ROWS ? ROWS
                         : rows > ROWS                    ? (rows + 1) / 2
                                                          : rows;
        if (now > 6 && now < ROWS) now &= ~(Py_ssize_t)1;
        /* Short rows come before the processor has found out where the next ones stand. */
        if (depth * sizeof(REAL) <= 64)
            for (Py_ssize_t r = now; r < 2 * now && r < rows; r++) PREFETCH(a + row_at[r]);
        switch (now) {
            EACH(1)
            EACH(2)
            EACH(3)
            EACH(4)
#if ROWS > 4
            EACH(5)
            EACH(6)
#endif
#if ROWS > 6
            EACH(8)
            EACH(10)
            EACH(12)
#endif
        }
        row_at += now;
        c_at += now;
        rows -= now;
    }
#undef EACH
}

/* What one place gives to those under its window: `lines` runs of `run` numbers, each added to what
   is there. */
APART void NAME(add_runs)(Py_ssize_t lines, Py_ssize_t run, const REAL *from, Py_ssize_t from_step,
                          REAL *to, Py_ssize_t to_step) {
    for (Py_ssize_t k = 0; k < lines; k++, from += from_step, to += to_step) {
        Py_ssize_t i = 0;
        for (; i + LANES <= run; i += LANES) STORE(to + i, LOAD(to + i) + LOAD(from + i));
        for (; i < run; i++) to[i] += from[i];
    }
}

/* dz = dy activation'(z), from y = activation(z), in panels: out[panel, i, 0:PANEL] = dz[at[i],
   PANEL columns]. Rows are read from end to end, as they lie in memory. In the last panel the
   vectors that hold no column stay as they are, and what else is beside the columns is any
   number. */
#define SLOPE(code, dy, y)                     \
    ((code) == LINEAR ? (dy)                   \
     : (code) == RELU ? POSITIVE(y, dy)        \
     : (code) == TANH ? (dy) * (1 - (y) * (y)) \
                      : (dy) * ((y) * (1 - (y))))
INLINE void NAME(pack_dz_of)(const int code, Py_ssize_t rows, Py_ssize_t columns,
                             const Py_ssize_t *at, const REAL *dy, const REAL *y, REAL *out) {
    for (Py_ssize_t i = 0; i < rows; i++, out += PANEL) {
        const REAL *g = dy + at[i], *x = y + at[i];
        REAL *target = out;
        Py_ssize_t j = 0;
        for (; j + PANEL <= columns; j += PANEL, target += rows * PANEL) {
            UNROLL(4)
            for (int v = j; v < j + PANEL; v += LANES) {
                NAME(vector) slope = LOAD(g + v), value = LOAD(x + v);
                STORE(target + v - j, SLOPE(code, slope, value));
            }
        }
        if (j < columns) {
            /* Rows in order, half a vector long or longer: what is read too much is of the next. */
            const int loose = 2 * columns >= LANES && i + 1 < rows && at[i + 1] >= at[i] + columns;
            UNROLL(4)
            for (int v = 0; v < PANEL; v += LANES) {
                const Py_ssize_t left = columns - j - v;
                REAL some_g[LANES] = {0}, some_x[LANES] = {0};
                NAME(vector) slope, value;
                if (left <= 0) break; /* nobody reads there */
                if (left >= LANES || loose) {
                    slope = LOAD(g + j + v);
                    value = LOAD(x + j + v);
                } else {
                    NAME(copy_some)(some_g, g + j + v, left);
                    NAME(copy_some)(some_x, x + j + v, left);
                    slope = LOAD(some_g);
                    value = LOAD(some_x);
                }
                STORE(target + v, SLOPE(code, slope, value));
            }
        }
    }
}

APART void NAME(pack_dz)(int code, Py_ssize_t rows, Py_ssize_t columns, const Py_ssize_t *at,
                         const REAL *dy, const REAL *y, REAL *out) {
    switch (code) {
    case LINEAR: NAME(pack_dz_of)(LINEAR, rows, columns, at, dy, y, out); break;
    case RELU: NAME(pack_dz_of)(RELU, rows, columns, at, dy, y, out); break;
    case TANH: NAME(pack_dz_of)(TANH, rows, columns, at, dy, y, out); break;
    default: NAME(pack_dz_of)(SIGMOID, rows, columns, at, dy, y, out);
    }
}

/* sums[j] += the sum of the rows of a panel. */
INLINE void NAME(add_panel_of)(const int width, Py_ssize_t rows, Py_ssize_t columns,
                               const REAL *panel, REAL *sums) {
    NAME(vector) sum[WIDTH];
    REAL part[PANEL];
    UNROLL(4)
    for (int v = 0; v < width; v++) sum[v] = (NAME(vector)){0};
    for (Py_ssize_t i = 0; i < rows; i++, panel += PANEL) {
        UNROLL(4)
        for (int v = 0; v < width; v++) sum[v] += LOAD(panel + v * LANES);
    }
    UNROLL(4)
    for (int v = 0; v < width; v++) STORE(part + v * LANES, sum[v]);
    for (Py_ssize_t j = 0; j < columns; j++) sums[j] += part[j];
}

APART void NAME(add_panel)(Py_ssize_t rows, Py_ssize_t columns, const REAL *panel, REAL *sums) {
    if (columns <= LANES) NAME(add_panel_of)(1, rows, columns, panel, sums);
    else NAME(add_panel_of)(WIDTH, rows, columns, panel, sums);
}
#undef SLOPE
#undef POSITIVE

#undef MOST_ROWS
#undef TILE_PARAMETERS
#undef TILE_ARGUMENTS
#undef LANES
#undef ORDER
#undef RECTIFY
#undef REAL
#undef REAL_BYTES
#undef INTEGER
#undef NAME
