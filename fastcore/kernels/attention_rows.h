/* Reductions over rows of scores: a template of for_both_types.h.

   A loop that adds up into one number is no vector code to the compiler, since the order of a sum
   is part of its result. Here the order is that of the vectors. */

#include "panels.h"

/* The largest numbers of a row of whole panels, in some order. */
INLINE NAME(vector) NAME(largest)(const REAL *x, Py_ssize_t width) {
    NAME(vector) most[WIDTH];
    UNROLL(4)
    for (int v = 0; v < WIDTH; v++) most[v] = LOAD(x + v * LANES);
    for (Py_ssize_t j = PANEL; j < width; j += PANEL) {
        UNROLL(4)
        for (int v = 0; v < WIDTH; v++) {
            NAME(vector) next = LOAD(x + j + v * LANES);
            most[v] = PICK(next > most[v], next, most[v]);
        }
    }
    UNROLL(4)
    for (int v = 1; v < WIDTH; v++) most[0] = PICK(most[v] > most[0], most[v], most[0]);
    return most[0];
}

/* The sum of a row of whole panels, in some order. */
INLINE NAME(vector) NAME(sums)(const REAL *x, Py_ssize_t width) {
    NAME(vector) sum[WIDTH] = {{0}};
    for (Py_ssize_t j = 0; j < width; j += PANEL) {
        UNROLL(4)
        for (int v = 0; v < WIDTH; v++) sum[v] += LOAD(x + j + v * LANES);
    }
    UNROLL(4)
    for (int v = 1; v < WIDTH; v++) sum[0] += sum[v];
    return sum[0];
}

/* a . b, in some order, to be summed. */
INLINE NAME(vector) NAME(dots)(const REAL *a, const REAL *b, Py_ssize_t n) {
    NAME(vector) sum = {0};
    REAL rest[LANES] = {0};
    Py_ssize_t j = 0;
    for (; j + LANES <= n; j += LANES) sum += LOAD(a + j) * LOAD(b + j);
    if (j == n) return sum;
    for (int k = 0; j < n; j++, k++) rest[k] = a[j] * b[j];
    return sum + LOAD(rest);
}

/* out[i] = what `one` gives for row i. */
#define EACH_ROW(largest, one)                                                \
    for (Py_ssize_t first = 0; first < rows; first += LANES) {                \
        REAL numbers[LANES];                                                  \
        NAME(vector) each[LANES] = {{0}};                                     \
        Py_ssize_t count = rows - first < LANES ? rows - first : LANES;       \
        for (Py_ssize_t k = 0, i = first; k < count; k++, i++) each[k] = one; \
        STORE(numbers, NAME(fold)(largest, each));                            \
        for (Py_ssize_t k = 0; k < count; k++) out[first + k] = numbers[k];   \
    }

APART void NAME(max_rows)(Py_ssize_t rows, Py_ssize_t width, const REAL *x, Py_ssize_t x_row,
                          REAL *out){EACH_ROW(1, NAME(largest)(x + i * x_row, width))}

APART void NAME(sum_rows)(Py_ssize_t rows, Py_ssize_t width, const REAL *x, Py_ssize_t x_row,
                          REAL *out){EACH_ROW(0, NAME(sums)(x + i * x_row, width))}

APART void NAME(dot_rows)(Py_ssize_t rows, Py_ssize_t n, const REAL *a, Py_ssize_t a_row,
                          const REAL *b, Py_ssize_t b_row, REAL *out) {
    EACH_ROW(0, NAME(dots)(a + i * a_row, b + i * b_row, n))
}

#undef EACH_ROW
#undef LANES
#undef ORDER
#undef RECTIFY
#undef REAL
#undef REAL_BYTES
#undef INTEGER
#undef NAME
