/* The innermost part of the matrix product, a template of for_both_types.h.

   A tile of C, `rows` rows by `width` vectors, stays in registers while k runs: each step loads
   `width` vectors of B and multiplies every one by each of `rows` numbers of A. */

#include "panels.h"

/* The end of a tile with fewer columns than its vectors have numbers: its sums stand in `part`. */
APART void NAME(finish_part)(int rows, Py_ssize_t columns, const REAL *part, Py_ssize_t part_row,
                             REAL *c, Py_ssize_t c_row, const REAL *bias, int flags) {
    REAL whole[PANEL] = {0};
    if (bias)
        for (Py_ssize_t j = 0; j < columns; j++) whole[j] = bias[j];
    if (c_row == columns && !(flags & FLAG_ACCUMULATE)) {
        /* Whole vectors: what they write too far, the next rows write again. */
        const Py_ssize_t end = rows * columns;
        Py_ssize_t at = 0;
        for (; at + part_row <= end; at += columns, rows--, part += part_row)
            for (Py_ssize_t j = 0; j < part_row; j += LANES) {
                NAME(vector) y = LOAD(part + j) + LOAD(whole + j);
                STORE(c + at + j, flags & FLAG_RELU ? RECTIFY(y) : y);
            }
        c += at;
    }
    for (int r = 0; r < rows; r++, part += part_row, c += c_row)
        NAME(finish_row)(columns, part, c, bias ? whole : NULL, flags);
}

/* c[r, j] (+)= sum_k a[r * a_row + k * a_col] * b[k * b_row + j] + bias[j], for `rows` rows and
   `columns` columns. `rows` and `width` are constants wherever this is inlined; columns <= width *
   LANES, and b is readable (with any numbers) up to width * LANES columns. bias holds as many
   numbers as b has columns, or is NULL. */
INLINE void NAME(tile)(const int rows, const int width, Py_ssize_t depth, const REAL *a,
                       Py_ssize_t a_row, Py_ssize_t a_col, const REAL *b, Py_ssize_t b_row, REAL *c,
                       Py_ssize_t c_row, Py_ssize_t columns, const REAL *bias, int flags) {
    NAME(vector) sum[2 * ROWS * WIDTH];
    UNROLL(24)
    for (int r = 0; r < rows; r++) {
        PREFETCH(c + r * c_row);
        UNROLL(8)
        for (int v = 0; v < width; v++) sum[r * width + v] = (NAME(vector)){0};
    }
    UNROLL(4)
    for (Py_ssize_t k = 0; k < depth; k++) {
        NAME(vector) line[WIDEST];
        UNROLL(8)
        for (int v = 0; v < width; v++) line[v] = LOAD(b + v * LANES);
        UNROLL(24)
        for (int r = 0; r < rows; r++) {
            REAL number = a[r * a_row];
            UNROLL(8)
            for (int v = 0; v < width; v++) sum[r * width + v] += number * line[v];
        }
        a += a_col;
        b += b_row;
    }
    if (columns == width * LANES) {
        if (flags & FLAG_ACCUMULATE) {
            UNROLL(24)
            for (int r = 0; r < rows; r++) {
                UNROLL(8)
                for (int v = 0; v < width; v++)
                    sum[r * width + v] += LOAD(c + r * c_row + v * LANES);
            }
        }
        if (bias) {
            UNROLL(24)
            for (int r = 0; r < rows; r++) {
                UNROLL(8)
                for (int v = 0; v < width; v++) sum[r * width + v] += LOAD(bias + v * LANES);
            }
        }
        if (flags & FLAG_RELU) {
            UNROLL(24)
            for (int r = 0; r < rows; r++) {
                UNROLL(8)
                for (int v = 0; v < width; v++) sum[r * width + v] = RECTIFY(sum[r * width + v]);
            }
        }
        UNROLL(24)
        for (int r = 0; r < rows; r++) {
            UNROLL(8)
            for (int v = 0; v < width; v++) STORE(c + r * c_row + v * LANES, sum[r * width + v]);
        }
    } else {
        REAL part[2 * ROWS * PANEL];
        UNROLL(24)
        for (int r = 0; r < rows; r++) {
            UNROLL(8)
            for (int v = 0; v < width; v++)
                STORE(part + (r * width + v) * LANES, sum[r * width + v]);
        }
        NAME(finish_part)(rows, columns, part, width * LANES, c, c_row, bias, flags);
    }
}

#define TILE_ARGUMENTS depth, a, a_row, a_col, b, b_row, c, c_row, columns, bias, flags
#define TILE_PARAMETERS                                                                    \
    Py_ssize_t depth, const REAL *a, Py_ssize_t a_row, Py_ssize_t a_col, const REAL *b,    \
        Py_ssize_t b_row, REAL *c, Py_ssize_t c_row, Py_ssize_t columns, const REAL *bias, \
        int flags

/* The whole tile, with the walk through A known to the compiler: along a row, across the rows of an
   A that stands transposed, or through packed panels of ROWS. */
APART void NAME(tile_along)(TILE_PARAMETERS) {
    a_col = 1;
    NAME(tile)(ROWS, WIDTH, TILE_ARGUMENTS);
}
APART void NAME(tile_across)(TILE_PARAMETERS) {
    a_row = 1;
    NAME(tile)(ROWS, WIDTH, TILE_ARGUMENTS);
}
APART void NAME(tile_packed)(TILE_PARAMETERS) {
    a_row = 1;
    a_col = ROWS;
    NAME(tile)(ROWS, WIDTH, TILE_ARGUMENTS);
}
/* One vector wide: twice as many rows, or the additions would wait for each other. */
APART void NAME(narrow_along)(TILE_PARAMETERS) {
    a_col = 1;
    NAME(tile)(2 * ROWS, 1, TILE_ARGUMENTS);
}
APART void NAME(narrow_across)(TILE_PARAMETERS) {
    a_row = 1;
    NAME(tile)(2 * ROWS, 1, TILE_ARGUMENTS);
}

/* The rows left at the lower edge of C: by eights, fours, twos and ones. */
#define EDGE(n, width) \
    APART void NAME(edge_##n##_##width)(TILE_PARAMETERS) { NAME(tile)(n, width, TILE_ARGUMENTS); }
EDGE(1, WIDTH)
EDGE(2, WIDTH)
EDGE(4, WIDTH)
EDGE(1, 1)
EDGE(2, 1)
EDGE(4, 1)
EDGE(8, 1)
#if ROWS > 8
EDGE(8, WIDTH)
EDGE(16, 1)
#endif
#define TAKE(n, width)                                           \
    for (; rows >= n; rows -= n, a += n * a_row, c += n * c_row) \
        NAME(edge_##n##_##width)(TILE_ARGUMENTS);
#if ROWS > 8
/* Of an A that stands transposed, a known walk saves the addresses of many rows. */
#define EDGE_ACROSS(n, width)                                \
    APART void NAME(across_##n##_##width)(TILE_PARAMETERS) { \
        a_row = 1;                                           \
        NAME(tile)(n, width, TILE_ARGUMENTS);                \
    }
EDGE_ACROSS(8, WIDTH)
EDGE_ACROSS(16, 1)
#define TAKE_ACROSS(n, width)                                          \
    for (; a_row == 1 && rows >= n; rows -= n, a += n, c += n * c_row) \
        NAME(across_##n##_##width)(TILE_ARGUMENTS);
#endif

/* Few rows: B is read once, from memory, and the more of each of its rows at a time the better. */
EDGE(1, WIDEST)
EDGE(2, WIDE)
#if ROWS > 8
EDGE(3, WIDE)
EDGE(4, WIDE)
#endif
#define STRIPS(n, width)                                                                 \
    if (rows == n)                                                                       \
        for (; j + width * LANES <= columns; j += width * LANES)                         \
            NAME(edge_##n##_##width)(depth, a, a_row, a_col, b + j, b_row, c + j, c_row, \
                                     width * LANES, bias ? bias + j : NULL, flags);

/* Few rows of C, but for the last columns: returns how many are done. */
APART Py_ssize_t NAME(few_rows)(Py_ssize_t rows, TILE_PARAMETERS) {
    Py_ssize_t j = 0;
    STRIPS(1, WIDEST)
    STRIPS(2, WIDE)
#if ROWS > 8
    STRIPS(3, WIDE)
    STRIPS(4, WIDE)
#endif
    return j;
}

/* c[r * c_row] (+)= sum_k a[r * a_row + k] * b[k] + bias[0]: LANES rows at a time, each along k.
   Nothing is read from `end` on. */
APART void NAME(dots)(Py_ssize_t rows, Py_ssize_t depth, const REAL *a, Py_ssize_t a_row,
                      const REAL *end, const REAL *b, REAL *c, Py_ssize_t c_row, const REAL *bias,
                      int flags) {
    const Py_ssize_t whole = depth / LANES * LANES, rest = depth - whole;
    const NAME(vector) zero = {0};
    REAL some[LANES] = {0}, places[LANES], sums[LANES];
    NAME(vector) last, place;
    NAME(copy_some)(some, b + whole, rest);
    last = LOAD(some);
    for (int i = 0; i < LANES; i++) places[i] = (REAL)i;
    place = LOAD(places);
    for (Py_ssize_t r = 0; r < rows; r += LANES) {
        NAME(vector) x[LANES];
        const Py_ssize_t count = rows - r < LANES ? rows - r : LANES;
        for (Py_ssize_t i = 0; i < count; i++) {
            const REAL *line = a + (r + i) * a_row;
            NAME(vector) sum = zero;
            UNROLL(4)
            for (Py_ssize_t k = 0; k < whole; k += LANES) sum += LOAD(line + k) * LOAD(b + k);
            if (rest) {
                NAME(vector) tail;
                if (line + whole + LANES <= end) {
                    tail = PICK(place < (REAL)rest, LOAD(line + whole), zero);
                } else {
                    NAME(copy_some)(some, line + whole, rest);
                    tail = LOAD(some);
                }
                sum += tail * last;
            }
            x[i] = sum;
        }
        for (Py_ssize_t i = count; i < LANES; i++) x[i] = zero;
        STORE(sums, NAME(fold)(0, x));
        for (Py_ssize_t i = 0; i < count; i++, c += c_row) {
            REAL y = sums[i];
            if (flags & FLAG_ACCUMULATE) y += c[0];
            if (bias) y += bias[0];
            if (flags & FLAG_RELU) y = y < 0 ? 0 : y;
            c[0] = y;
        }
    }
}

/* All the rows of C under one panel of B. One of a_row and a_col is 1, unless A is packed. */
APART void NAME(panel)(Py_ssize_t rows, Py_ssize_t depth, const REAL *a, Py_ssize_t a_row,
                       Py_ssize_t a_col, Py_ssize_t a_panel, const REAL *b, Py_ssize_t b_row,
                       REAL *c, Py_ssize_t c_row, Py_ssize_t columns, const REAL *bias, int flags) {
    /* a_panel: distance of two packed panels of A, 0 where A is not packed. */
    Py_ssize_t r = 0;
    if (columns <= LANES && !a_panel) {
        for (; r + 2 * ROWS <= rows; r += 2 * ROWS, a += 2 * ROWS * a_row, c += 2 * ROWS * c_row)
            if (a_col == 1) NAME(narrow_along)(TILE_ARGUMENTS);
            else NAME(narrow_across)(TILE_ARGUMENTS);
        rows -= r;
#if ROWS > 8
        TAKE_ACROSS(16, 1)
        TAKE(16, 1)
#endif
        TAKE(8, 1)
        TAKE(4, 1)
        TAKE(2, 1)
        TAKE(1, 1)
        return;
    }
    Py_ssize_t next = a_panel ? a_panel : ROWS * a_row, whole = rows / ROWS * ROWS;
    /* The additions of a third of a tile would wait for each other: with one more tile, it makes
       two of two thirds. */
    if (whole && rows - whole == ROWS / 3 && !a_panel) whole -= ROWS;
    for (; r < whole; r += ROWS, a += next, c += ROWS * c_row) {
        if (a_panel) NAME(tile_packed)(TILE_ARGUMENTS);
        else if (a_col == 1) NAME(tile_along)(TILE_ARGUMENTS);
        else NAME(tile_across)(TILE_ARGUMENTS);
    }
    rows -= r;
#if ROWS > 8
    TAKE_ACROSS(8, WIDTH)
    TAKE(8, WIDTH)
#endif
    TAKE(4, WIDTH)
    TAKE(2, WIDTH)
    TAKE(1, WIDTH)
}

/* out[panel, k, 0:ROWS] = a[ROWS rows, k]: A stands as it is multiplied, its rows along k. */
APART void NAME(pack_a_rows)(Py_ssize_t rows, Py_ssize_t depth, const REAL *a, Py_ssize_t a_row,
                             REAL *out) {
    for (; rows > 0; rows -= ROWS, a += ROWS * a_row, out += depth * ROWS) {
        Py_ssize_t k = 0;
#ifdef CAN_SHUFFLE
        /* Transposed squares of LANES rows overlap where ROWS is no multiple of LANES: what the
           lower square of a step writes too far, the upper ones and the next steps write again. */
        if (rows >= (ROWS + LANES - 1) / LANES * LANES) {
            for (; k + LANES < depth; k += LANES) {
                for (int first = (ROWS - 1) / LANES * LANES; first >= 0; first -= LANES) {
                    NAME(vector) x[LANES], y[LANES];
                    UNROLL(16)
                    for (int i = 0; i < LANES; i++) x[i] = LOAD(a + (first + i) * a_row + k);
                    TRANSPOSE(x, y);
                    UNROLL(16)
                    for (int i = 0; i < LANES; i++) STORE(out + (k + i) * ROWS + first, x[i]);
                }
            }
        }
#endif
        for (; k < depth; k++)
            for (Py_ssize_t r = 0; r < ROWS && r < rows; r++) out[k * ROWS + r] = a[r * a_row + k];
    }
}

#undef LANES
#undef ORDER
#undef RECTIFY
#undef REAL
#undef REAL_BYTES
#undef INTEGER
#undef NAME
