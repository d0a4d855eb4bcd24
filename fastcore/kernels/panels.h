/* Vectors, and panels of B packed for a register tile, for one type: the templates of
   for_both_types.h begin by including this file.

   It is C with the vector types of GCC and Clang; a compiler without them reads the same text with
   vectors of one number. */

#ifndef DIPTYCH_PANELS
#define DIPTYCH_PANELS

#if defined(__GNUC__) || defined(__clang__)
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define APART static __attribute__((noinline))
#else
#define APART static __attribute__((noinline, noclone))
#endif
#define PREFETCH(p) __builtin_prefetch(p)
#define PREFETCH_TO_WRITE(p) __builtin_prefetch(p, 1)
#define PRAGMA(x) _Pragma(#x)
#if defined(__clang__)
#define UNROLL(n) PRAGMA(clang loop unroll_count(n))
#else
#define UNROLL(n) PRAGMA(GCC unroll n)
#endif
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#elif defined(__SSE2__) || defined(__ARM_NEON)
#define VECTOR_BYTES 16
#endif
#else
#define INLINE static __forceinline
#define APART static __declspec(noinline)
#define PREFETCH(p) ((void)0)
#define PREFETCH_TO_WRITE(p) ((void)0)
#define UNROLL(n)
#endif

/* The tile: WIDTH vectors by ROWS rows of sums, WIDTH vectors of B and one number of A fill the
   registers. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define WIDTH 2
#define ROWS 12 /* 32 registers */
#elif defined(VECTOR_BYTES)
#define WIDTH 2
#define ROWS 6 /* 16 registers */
#else
#define WIDTH 4
#define ROWS 4 /* numbers, not vectors */
#endif

/* Vectors of a row of B at a time, where C has one row, and where it has a few. */
#define WIDEST 8
#define WIDE 4

/* Of a tile of sums: add them to what is there, and make negative ones 0. */
enum { FLAG_ACCUMULATE = 1, FLAG_RELU = 2 };

/* Index lists that interleave the first (LOW) or second (HIGH) halves of two vectors. */
#define LOW_2 0, 2
#define HIGH_2 1, 3
#define LOW_4 0, 4, 1, 5
#define HIGH_4 2, 6, 3, 7
#define LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define INTERLEAVE_(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#define INTERLEAVE(x, y, order) INTERLEAVE_(x, y, order)

/* Interleaving rows i and i + LANES / 2, log2(LANES) times over, transposes a square of LANES
   rows. */
#define TRANSPOSE(x, y)                                                     \
    UNROLL(4)                                                               \
    for (int round = 1; round < LANES; round *= 2) {                        \
        UNROLL(8)                                                           \
        for (int i = 0; i < LANES / 2; i++) {                               \
            y[2 * i] = INTERLEAVE(x[i], x[i + LANES / 2], ORDER(LOW));      \
            y[2 * i + 1] = INTERLEAVE(x[i], x[i + LANES / 2], ORDER(HIGH)); \
        }                                                                   \
        UNROLL(16)                                                          \
        for (int i = 0; i < LANES; i++) x[i] = y[i];                        \
    }

#if defined(VECTOR_BYTES) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define CAN_SHUFFLE
#endif
#endif

#endif /* once */

#ifdef VECTOR_BYTES
typedef REAL NAME(vector) __attribute__((vector_size(VECTOR_BYTES)));
typedef INTEGER NAME(mask) __attribute__((vector_size(VECTOR_BYTES)));
/* A vector at any address. */
typedef REAL NAME(loose)
    __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
#define LANES (VECTOR_BYTES / REAL_BYTES)
#if LANES == 2
#define ORDER(half) half##_2
#elif LANES == 4
#define ORDER(half) half##_4
#elif LANES == 8
#define ORDER(half) half##_8
#else
#define ORDER(half) half##_16
#endif
/* Below zero becomes zero; NaN stays, as with np.maximum. */
#define RECTIFY(x) ((NAME(vector))(~((x) < 0) & (NAME(mask))(x)))
#else
typedef REAL NAME(vector);
typedef REAL NAME(loose);
#define LANES 1
#define RECTIFY(x) ((x) < 0 ? 0 : (x))
#endif
/* Of two vectors, a where `wanted` (the result of a comparison), else b. */
#ifndef PICK
#ifdef VECTOR_BYTES
#define PICK(wanted, a, b) \
    ((NAME(vector))(((wanted) & (NAME(mask))(a)) | (~(wanted) & (NAME(mask))(b))))
#else
#define PICK(wanted, a, b) ((wanted) ? (a) : (b))
#endif
#endif
#define LOAD(p) ((NAME(vector)) * (const NAME(loose) *)(p))
#define STORE(p, x) (*(NAME(loose) *)(p) = (x))
#define PANEL (WIDTH * LANES)
enum { NAME(panel_columns) = PANEL, NAME(lanes) = LANES };

/* Fewer numbers than a vector has: by eights, fours, twos and ones. */
INLINE void NAME(copy_some)(REAL *to, const REAL *from, Py_ssize_t count) {
    UNROLL(4)
    for (int n = LANES / 2; n > 0; n /= 2) {
        if (!(count & n)) continue;
        for (int i = 0; i < n; i++) to[i] = from[i];
        to += n;
        from += n;
    }
}

/* A row of a tile with fewer columns than its vectors have numbers: its sums stand in `part`, and
   bias, unless it is NULL, is as long as they. */
INLINE void NAME(finish_row)(Py_ssize_t columns, const REAL *part, REAL *c, const REAL *bias,
                             int flags) {
    for (Py_ssize_t j = 0; j < columns; j += LANES) {
        const Py_ssize_t count = columns - j < LANES ? columns - j : LANES;
        NAME(vector) x = LOAD(part + j);
        REAL some[LANES] = {0};
        if (flags & FLAG_ACCUMULATE) {
            if (count == LANES) {
                x += LOAD(c + j);
            } else {
                NAME(copy_some)(some, c + j, count);
                x += LOAD(some);
            }
        }
        if (bias) x += LOAD(bias + j);
        if (flags & FLAG_RELU) x = RECTIFY(x);
        if (count == LANES) {
            STORE(c + j, x);
        } else {
            STORE(some, x);
            NAME(copy_some)(c + j, some, count);
        }
    }
}

/* out[panel, k, 0:PANEL] = b[k, PANEL columns], as many panels as it takes, the last one filled up
   with zeros. */
APART void NAME(pack_rows)(Py_ssize_t depth, Py_ssize_t columns, const REAL *b, Py_ssize_t b_row,
                           REAL *out) {
    const Py_ssize_t rest = columns % PANEL;
    const REAL *end = b + (depth - 1) * b_row + columns; /* nothing is read from here on */
    const NAME(vector) zero = {0};
    NAME(vector) place[WIDTH];
    REAL places[PANEL];
    for (int i = 0; i < PANEL; i++) places[i] = (REAL)i;
    for (int v = 0; v < WIDTH; v++) place[v] = LOAD(places + v * LANES);
    for (Py_ssize_t k = 0; k < depth; k++, b += b_row, out += PANEL) {
        Py_ssize_t j = 0;
        REAL *target = out;
        for (; j + PANEL <= columns; j += PANEL, target += depth * PANEL) {
            UNROLL(4)
            for (int v = 0; v < WIDTH; v++) STORE(target + v * LANES, LOAD(b + j + v * LANES));
        }
        if (!rest) continue;
        if (b + j + PANEL <= end) {
            UNROLL(4)
            for (int v = 0; v < WIDTH; v++)
                STORE(target + v * LANES,
                      PICK(place[v] < (REAL)rest, LOAD(b + j + v * LANES), zero));
        } else {
            for (int i = 0; i < PANEL; i++) target[i] = i < rest ? b[j + i] : 0;
        }
    }
}

/* One panel of a transposed B: out[k, 0:PANEL] = b[0:columns, k] and zeros. */
APART void NAME(pack_columns)(Py_ssize_t depth, Py_ssize_t columns, const REAL *b, Py_ssize_t b_row,
                              REAL *out) {
    Py_ssize_t j = 0;
#ifdef CAN_SHUFFLE
    for (; j + LANES <= columns; j += LANES) {
        Py_ssize_t k = 0;
        for (; k + LANES <= depth; k += LANES) {
            NAME(vector) x[LANES], y[LANES];
            UNROLL(16)
            for (int i = 0; i < LANES; i++) x[i] = LOAD(b + (j + i) * b_row + k);
            TRANSPOSE(x, y);
            UNROLL(16)
            for (int i = 0; i < LANES; i++) STORE(out + (k + i) * PANEL + j, x[i]);
        }
        for (; k < depth; k++)
            for (int i = 0; i < LANES; i++) out[k * PANEL + j + i] = b[(j + i) * b_row + k];
    }
#endif
    for (; j < columns; j++)
        for (Py_ssize_t k = 0; k < depth; k++) out[k * PANEL + j] = b[j * b_row + k];
    for (; j < PANEL; j++)
        for (Py_ssize_t k = 0; k < depth; k++) out[k * PANEL + j] = 0;
}

/* Of LANES vectors: the sum, or the largest, of the numbers of x[i] in place i. */
INLINE NAME(vector) NAME(fold)(const int largest, NAME(vector) * x) {
#ifdef CAN_SHUFFLE
    NAME(vector) y[LANES];
    TRANSPOSE(x, y)
#elif defined(VECTOR_BYTES)
    REAL from[LANES * LANES], into[LANES * LANES];
    for (int i = 0; i < LANES; i++) STORE(from + i * LANES, x[i]);
    for (int i = 0; i < LANES * LANES; i++) into[i] = from[i % LANES * LANES + i / LANES];
    for (int i = 0; i < LANES; i++) x[i] = LOAD(into + i * LANES);
#endif
    UNROLL(4)
    for (int half = LANES / 2; half > 0; half /= 2) {
        UNROLL(8)
        for (int i = 0; i < LANES / 2; i++) {
            if (i >= half) continue;
            x[i] = largest ? PICK(x[i + half] > x[i], x[i + half], x[i]) : x[i] + x[i + half];
        }
    }
    return x[0];
}
