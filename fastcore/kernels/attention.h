/* Attention by blocks, for one type: attention.pyx includes this file twice, after gemm_tile.h, with REAL, REAL_BYTES
   and NAME(x) defined. What is done, and why so, stands in attention.pyx.

   A block of scores has whole panels of columns: those behind the last key hold -inf as logits, 0 as exponentials. So
   the loops over a row know no remainder. */

#ifndef DIPTYCH_ATTENTION
#define DIPTYCH_ATTENTION
#include <math.h>
#include <string.h>
#if defined(_MSC_VER) && !defined(__clang__)
#define ALONE __restrict
#else
#define ALONE __restrict__
#endif

typedef struct {
    const void *query, *key, *value;
    const void *bias; /* NULL, or with these distances along N, H, T, S */
    const unsigned char *mask, *kept;
    Py_ssize_t bias_step[4], mask_step[4], kept_step[4];
    void *y, *top, *total;               /* OUT of forward, IN of backward; the latter two (N, H, T) */
    void *scores;                        /* (N, H, T, S) or NULL: likewise */
    const void *dy, *dscores;            /* the latter (N, H, T, S) or NULL */
    void *dquery, *dkey, *dvalue;        /* dkey and dvalue of every part */
    void *dlogits;                       /* (N, H, T, S) from row `from` on, or NULL */
    Py_ssize_t n, t, s, h, k, d, e;
    Py_ssize_t from;                     /* the row of the batch to which unit 0 belongs */
    Py_ssize_t rows, blocks;             /* of queries; blocks of all heads that share one of keys */
    Py_ssize_t keys;                     /* in a block; a multiple of PANEL */
    Py_ssize_t across;                   /* from row to row of a block of scores */
    Py_ssize_t parts;                    /* of the blocks of one head of keys */
    Py_ssize_t units, together;          /* a unit: one part; those in a chunk */
    double scale, keep;                  /* keep: 1 / (1 - rate) */
    int causal, single, failed;          /* failed: a work area was not to be had */
} diptych_attention;

/* A block of queries: row n of the batch, head h, queries first to first + rows - 1. */
typedef struct {
    Py_ssize_t n, h, first, rows;
} diptych_queries;

static Py_ssize_t least(Py_ssize_t a, Py_ssize_t b) { return a < b ? a : b; }

/* The blocks of part `part` are those from the result on to that of the next part. */
static Py_ssize_t begin_of(const diptych_attention *p, Py_ssize_t part) { return p->blocks * part / p->parts; }

static diptych_queries queries_of(const diptych_attention *p, Py_ssize_t n, Py_ssize_t k, Py_ssize_t block) {
    const Py_ssize_t group = p->h / p->k, each = p->blocks / group;
    diptych_queries q = {n, k * group + block / each, block % each * p->rows, 0};
    q.rows = least(p->rows, p->t - q.first);
    return q;
}

/* Where the row of a query begins in an array that broadcasts to (N, H, T, S). */
static Py_ssize_t row_at(const Py_ssize_t *step, const diptych_queries *q, Py_ssize_t i) {
    return q->n * step[0] + q->h * step[1] + (q->first + i) * step[2];
}

/* The same in an array (N, H, T). */
static Py_ssize_t query_at(const diptych_attention *p, const diptych_queries *q) {
    return (q->n * p->h + q->h) * p->t + q->first;
}

/* And where its gradient of the logits begins. */
static Py_ssize_t dlogits_at(const diptych_attention *p, const diptych_queries *q) {
    return (query_at(p, q) - p->from * p->h * p->t) * p->s;
}

/* And in one (N, T, H, D). */
static Py_ssize_t features_at(const diptych_attention *p, const diptych_queries *q, Py_ssize_t features) {
    return ((q->n * p->t + q->first) * p->h + q->h) * features;
}

/* Whether the causal mask forbids a block all keys from `key` on. */
static int is_before(const diptych_attention *p, const diptych_queries *q, Py_ssize_t key) {
    return p->causal && key >= q->first + q->rows;
}

static Py_ssize_t padded(Py_ssize_t columns, Py_ssize_t panel) { return (columns + panel - 1) / panel * panel; }
#endif

#define LANES NAME(lanes) /* gemm_tile.h leaves none */
#define FROM const REAL *ALONE
#define INTO REAL *ALONE
#define NOTHING ((REAL)-INFINITY)

#if REAL_BYTES == 4
#define BITS uint32_t
#define LEADING 23        /* where the exponent begins */
#define MAGIC 12583039.0f /* pushes the fraction out of what it is added to; its lowest bits: the exponent's bias */
#define LN2 0.6931471805599453f
#define LOG2E 1.4426950408889634f
#define BOTTOM -88.03f    /* whose exponential would need the exponent that stands for 0 */
#else
#define BITS uint64_t
#define LEADING 52
#define MAGIC 6755399441056767.0
#define LN2 0.6931471805599453
#define LOG2E 1.4426950408889634
#define BOTTOM -709.09
#endif

/* x := exp(x) for x <= 0, and 0 where the result would lie below the normal numbers; `side` vectors side by side, since
   one alone would wait for itself most of the time. The polynomial is that of vector_math.pxd. A logit has an error in
   proportion to itself, so ln(2) need not be more precise than that either. */
INLINE void NAME(exp_down)(const int side, NAME(vector) *x) {
    NAME(vector) n[2 * WIDTH], power[2 * WIDTH], r[2 * WIDTH], square[2 * WIDTH], low[2 * WIDTH], high[2 * WIDTH];
    const NAME(vector) none = {0}, bottom = none + (REAL)BOTTOM;
#define EACH UNROLL(8) for (int v = 0; v < side; v++)
    EACH n[v] = x[v] * LOG2E + MAGIC;
#ifdef VECTOR_BYTES
    EACH power[v] = (NAME(vector))((NAME(mask))n[v] << LEADING);
#else
    EACH {
        BITS bits;
        memcpy(&bits, &n[v], sizeof bits);
        bits <<= LEADING;
        memcpy(&power[v], &bits, sizeof bits);
    }
#endif
    EACH n[v] -= MAGIC;
    EACH r[v] = x[v] - n[v] * LN2;
    EACH square[v] = r[v] * r[v];
#if REAL_BYTES == 4
    EACH high[v] = r[v] * 0.00836643110960722f + 0.04166640341281891f;
    EACH low[v] = r[v] * 0.1666654497385025f + 0.5f;
    EACH high[v] += square[v] * 0.0013940519420430064f;
#else
    EACH high[v] = r[v] * 2.511231361380944e-08 + 2.7622293687762214e-07;
    EACH high[v] = high[v] * r[v] + 2.7557235272056076e-06;
    EACH high[v] = high[v] * r[v] + 2.4801516183879425e-05;
    EACH high[v] = high[v] * r[v] + 0.00019841269894194064;
    EACH high[v] = high[v] * r[v] + 0.0013888888920634186;
    EACH high[v] = high[v] * r[v] + 0.008333333333319013;
    EACH high[v] = high[v] * r[v] + 0.041666666666619695;
    EACH low[v] = r[v] * 0.1666666666666668 + 0.5;
#endif
    EACH low[v] += high[v] * square[v];
    EACH r[v] += (REAL)1;
    EACH r[v] += low[v] * square[v];
    EACH x[v] = PICK(x[v] < bottom, none, r[v] * power[v]);
#undef EACH
}

/* ---- rows of scores; width: a multiple of PANEL ---- */

/* The largest numbers of a row, in some order. */
INLINE NAME(vector) NAME(largest)(FROM x, Py_ssize_t width) {
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

/* x := exp(x - top), for `side` vectors; what they add to the sum. */
INLINE NAME(vector) NAME(exponentials_of)(const int side, INTO x, REAL top) {
    NAME(vector) e[2 * WIDTH];
    UNROLL(8)
    for (int v = 0; v < side; v++) e[v] = LOAD(x + v * LANES) - top;
    NAME(exp_down)(side, e);
    UNROLL(8)
    for (int v = 0; v < side; v++) STORE(x + v * LANES, e[v]);
    UNROLL(8)
    for (int v = 1; v < side; v++) e[0] += e[v];
    return e[0];
}

INLINE NAME(vector) NAME(exponentials)(INTO x, Py_ssize_t width, REAL top) {
    NAME(vector) sum = {0};
    Py_ssize_t j = 0;
    for (; j + 2 * PANEL <= width; j += 2 * PANEL) sum += NAME(exponentials_of)(2 * WIDTH, x + j, top);
    return j < width ? sum + NAME(exponentials_of)(WIDTH, x + j, top) : sum;
}

/* x := the scores exp(x - top) / total; slope := score (slope - mean). */
INLINE void NAME(slopes_of)(const int side, INTO x, INTO slope, REAL top, REAL inverse, REAL mean) {
    NAME(vector) e[2 * WIDTH];
    UNROLL(8)
    for (int v = 0; v < side; v++) e[v] = LOAD(x + v * LANES) - top;
    NAME(exp_down)(side, e);
    UNROLL(8)
    for (int v = 0; v < side; v++) {
        e[v] *= inverse;
        STORE(x + v * LANES, e[v]);
        STORE(slope + v * LANES, e[v] * (LOAD(slope + v * LANES) - mean));
    }
}

INLINE void NAME(slopes)(INTO x, INTO slope, Py_ssize_t width, REAL top, REAL inverse, REAL mean) {
    Py_ssize_t j = 0;
    for (; j + 2 * PANEL <= width; j += 2 * PANEL) NAME(slopes_of)(2 * WIDTH, x + j, slope + j, top, inverse, mean);
    if (j < width) NAME(slopes_of)(WIDTH, x + j, slope + j, top, inverse, mean);
}

/* x := the scores, for a row of any width. */
APART void NAME(scores)(INTO x, Py_ssize_t n, REAL top, REAL inverse) {
    for (Py_ssize_t j = 0; j < n; j += LANES) {
        const Py_ssize_t width = least(LANES, n - j);
        REAL some[LANES] = {0};
        memcpy(some, x + j, width * sizeof(REAL));
        NAME(vector) e = LOAD(some) - top;
        NAME(exp_down)(1, &e);
        STORE(some, e * inverse);
        memcpy(x + j, some, width * sizeof(REAL));
    }
}

/* a . b, in some order, to be summed. */
INLINE NAME(vector) NAME(dots)(FROM a, FROM b, Py_ssize_t n) {
    NAME(vector) sum = {0};
    REAL rest[LANES] = {0};
    Py_ssize_t j = 0;
    for (; j + LANES <= n; j += LANES) sum += LOAD(a + j) * LOAD(b + j);
    if (j == n) return sum;
    for (int k = 0; j < n; j++, k++) rest[k] = a[j] * b[j];
    return sum + LOAD(rest);
}

APART void NAME(times)(FROM x, Py_ssize_t n, REAL factor, INTO out) {
    for (Py_ssize_t j = 0; j < n; j++) out[j] = x[j] * factor;
}

APART void NAME(multiply)(INTO x, Py_ssize_t n, REAL factor) {
    for (Py_ssize_t j = 0; j < n; j++) x[j] *= factor;
}

APART void NAME(fill)(INTO x, Py_ssize_t n, REAL number) {
    for (Py_ssize_t j = 0; j < n; j++) x[j] = number;
}

APART void NAME(add)(INTO x, Py_ssize_t n, FROM y) {
    for (Py_ssize_t j = 0; j < n; j++) x[j] += y[j];
}

APART void NAME(add_times)(INTO x, Py_ssize_t n, FROM y, REAL factor) {
    for (Py_ssize_t j = 0; j < n; j++) x[j] += y[j] * factor;
}

/* x := factor x where flagged, else `other`. */
APART void NAME(where)(INTO x, Py_ssize_t n, const unsigned char *ALONE flags, REAL factor, REAL other) {
    for (Py_ssize_t j = 0; j < n; j++) x[j] = flags[j] ? x[j] * factor : other;
}

/* The keys first to first + keys - 1 of query i that it must not attend to get `given`. */
static void NAME(forbid)(const diptych_attention *p, const diptych_queries *q, Py_ssize_t i, Py_ssize_t first,
                         Py_ssize_t keys, REAL given, REAL *row) {
    if (p->mask) {
        const unsigned char *mask = p->mask + row_at(p->mask_step, q, i) + first * p->mask_step[3];
        if (p->mask_step[3]) NAME(where)(row, keys, mask, 1, given);
        else if (!*mask) NAME(fill)(row, keys, given);
    }
    if (p->causal) {
        Py_ssize_t allowed = q->first + i + 1 - first;
        if (allowed < 0) allowed = 0;
        if (allowed < keys) NAME(fill)(row + allowed, keys - allowed, given);
    }
}

/* The scores that are kept are divided by 1 - rate, the others become 0. */
static void NAME(drop)(const diptych_attention *p, const diptych_queries *q, Py_ssize_t i, Py_ssize_t first,
                       Py_ssize_t keys, REAL *row) {
    const unsigned char *kept = p->kept + row_at(p->kept_step, q, i) + first * p->kept_step[3];
    if (p->kept_step[3]) NAME(where)(row, keys, kept, (REAL)p->keep, 0);
    else if (*kept) NAME(multiply)(row, keys, (REAL)p->keep);
    else NAME(fill)(row, keys, 0);
}

/* ---- products; B lies in panels ---- */

/* c (+)= a b, c: rows x columns. */
static void NAME(product)(Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t depth, const REAL *a, Py_ssize_t a_row,
                          const REAL *b, REAL *c, Py_ssize_t c_row, int flags) {
    for (Py_ssize_t j = 0; j < columns; j += PANEL, b += depth * PANEL)
        NAME(panel)(rows, depth, a, a_row, 1, 0, b, PANEL, c + j, c_row, least(PANEL, columns - j), NULL, flags);
}

/* c (+)= a^T b, where b is as wide as whole panels. */
static void NAME(product_down)(Py_ssize_t keys, Py_ssize_t columns, Py_ssize_t rows, const REAL *a, Py_ssize_t a_col,
                               const REAL *b, Py_ssize_t b_row, REAL *c, Py_ssize_t c_row, int flags) {
    for (Py_ssize_t j = 0; j < columns; j += PANEL)
        NAME(panel)(keys, rows, a, 1, a_col, 0, b + j, b_row, c + j, c_row, least(PANEL, columns - j), NULL, flags);
}

/* Rows as columns in panels: the transposed matrix as a factor on the right. */
static void NAME(pack_turned)(Py_ssize_t rows, Py_ssize_t columns, const REAL *from, Py_ssize_t from_row, REAL *into) {
    for (Py_ssize_t j = 0; j < rows; j += PANEL, into += columns * PANEL)
        NAME(pack_columns)(columns, least(PANEL, rows - j), from + j * from_row, from_row, into);
}

/* Rows that are wanted soon: they come while others are at work. */
static void NAME(fetch)(Py_ssize_t rows, Py_ssize_t columns, const REAL *from, Py_ssize_t from_row) {
    for (Py_ssize_t i = 0; i < rows; i++, from += from_row)
        for (Py_ssize_t j = 0; j < columns; j += 64 / REAL_BYTES) PREFETCH(from + j);
}

/* The queries of a block, times the scale, in rows of whole panels. */
static void NAME(gather)(Py_ssize_t rows, Py_ssize_t columns, const REAL *from, Py_ssize_t from_row, REAL factor,
                         REAL *into) {
    for (Py_ssize_t i = 0; i < rows; i++, from += from_row, into += padded(columns, PANEL))
        NAME(times)(from, columns, factor, into);
}

/* The logits of a block, without -inf where no key may be seen yet: that is for later, row by row, in cache. */
static void NAME(logits)(const diptych_attention *p, const diptych_queries *q, Py_ssize_t first, Py_ssize_t keys,
                         const REAL *query, const REAL *turned_keys, REAL *logits) {
    const Py_ssize_t width = padded(keys, PANEL);
    NAME(product)(q->rows, width, p->d, query, padded(p->d, PANEL), turned_keys, logits, p->across, 0);
    for (Py_ssize_t i = 0; i < q->rows; i++, logits += p->across) {
        if (p->bias) {
            const REAL *bias = (const REAL *)p->bias + row_at(p->bias_step, q, i) + first * p->bias_step[3];
            if (p->bias_step[3]) NAME(add)(logits, keys, bias);
            else
                for (Py_ssize_t j = 0; j < keys; j++) logits[j] += *bias;
        }
        NAME(forbid)(p, q, i, first, keys, NOTHING, logits);
        for (Py_ssize_t j = keys; j < width; j++) logits[j] = NOTHING;
    }
}

/* The next piece of a work area, in whole cache lines; with no area there is only its size to be found. */
static REAL *NAME(take)(char *area, Py_ssize_t *used, Py_ssize_t numbers) {
    REAL *here = area ? (REAL *)(area + *used) : NULL;
    *used += (numbers * REAL_BYTES + 63) / 64 * 64;
    return here;
}

/* ---- forward ---- */

typedef struct {
    REAL *keys, *values, *query, *scores;
} NAME(forward_area);

static Py_ssize_t NAME(lay_out_forward)(const diptych_attention *p, char *area, NAME(forward_area) *w) {
    Py_ssize_t used = 0;
    w->keys = NAME(take)(area, &used, padded(p->keys, PANEL) * p->d);
    w->values = NAME(take)(area, &used, p->keys * padded(p->e, PANEL));
    w->query = NAME(take)(area, &used, p->rows * padded(p->d, PANEL));
    w->scores = NAME(take)(area, &used, p->rows * p->across);
    return used;
}

/* A block of queries meets a block of keys. Where it has met others before, what they brought is made to fit the new
   largest logit. */
static void NAME(forward_block)(const diptych_attention *p, const diptych_queries *q, Py_ssize_t first,
                                Py_ssize_t keys, const NAME(forward_area) *w) {
    const Py_ssize_t width = padded(keys, PANEL), at = query_at(p, q), y_row = p->h * p->e;
    REAL *top = (REAL *)p->top + at, *total = (REAL *)p->total + at;
    REAL *y = (REAL *)p->y + features_at(p, q, p->e);
    REAL most[LANES], less[LANES], sum[LANES];
    NAME(gather)(q->rows, p->d, (const REAL *)p->query + features_at(p, q, p->d), p->h * p->d, (REAL)p->scale,
                 w->query);
    NAME(logits)(p, q, first, keys, w->query, w->keys, w->scores);
    for (Py_ssize_t i = 0; i < q->rows && p->scores; i++)
        memcpy((REAL *)p->scores + (at + i) * p->s + first, w->scores + i * p->across, keys * sizeof(REAL));
    for (Py_ssize_t some = 0; some < q->rows; some += LANES) {
        const int rows = (int)least(LANES, q->rows - some);
        REAL *row = w->scores + some * p->across;
        NAME(vector) each[LANES] = {{0}};
        for (int i = 0; i < rows; i++) each[i] = NAME(largest)(row + i * p->across, width);
        STORE(most, NAME(fold)(1, each));
        for (int i = 0; i < rows; i++) {
            const REAL old = first ? top[some + i] : NOTHING;
            most[i] = top[some + i] = old > most[i] ? old : most[i];
            if (most[i] == NOTHING) most[i] = 0;
            less[i] = old - most[i];
        }
        if (first) {
            each[0] = LOAD(less);
            NAME(exp_down)(1, each);
            STORE(less, each[0]);
            for (int i = 0; i < rows; i++)
                if (less[i] != 1) NAME(multiply)(y + (some + i) * y_row, p->e, less[i]);
        }
        for (int i = 0; i < rows; i++) {
            each[i] = NAME(exponentials)(row + i * p->across, width, most[i]);
            if (p->kept) NAME(drop)(p, q, some + i, first, keys, row + i * p->across);
        }
        STORE(sum, NAME(fold)(0, each));
        for (int i = 0; i < rows; i++) total[some + i] = first ? total[some + i] * less[i] + sum[i] : sum[i];
    }
    NAME(product)(q->rows, p->e, keys, w->scores, p->across, w->values, y, y_row, first ? FLAG_ACCUMULATE : 0);
}

/* All keys alike: what a query gets that may attend to none. */
static void NAME(attend_to_all)(const diptych_attention *p, const diptych_queries *q, Py_ssize_t i, REAL *y) {
    const Py_ssize_t head = q->h / (p->h / p->k), v_row = p->k * p->e;
    const REAL *value = (const REAL *)p->value + (q->n * p->s * p->k + head) * p->e;
    NAME(fill)(y, p->e, 0);
    for (Py_ssize_t key = 0; key < p->s; key++) {
        REAL weight = 1;
        if (p->kept) NAME(drop)(p, q, i, key, 1, &weight);
        NAME(add_times)(y, p->e, value + key * v_row, weight);
    }
}

/* `seen`: how many keys the block has met. */
static void NAME(finish)(const diptych_attention *p, const diptych_queries *q, Py_ssize_t seen) {
    const Py_ssize_t at = query_at(p, q);
    REAL *top = (REAL *)p->top + at, *total = (REAL *)p->total + at;
    REAL *y = (REAL *)p->y + features_at(p, q, p->e);
    for (Py_ssize_t i = 0; i < q->rows; i++, y += p->h * p->e) {
        const int idle = total[i] == 0;
        if (idle) {
            top[i] = 0;
            total[i] = (REAL)p->s;
            NAME(attend_to_all)(p, q, i, y);
        }
        const REAL inverse = 1 / total[i];
        NAME(multiply)(y, p->e, inverse);
        if (p->scores) {
            REAL *scores = (REAL *)p->scores + (at + i) * p->s;
            if (idle) NAME(fill)(scores, p->s, inverse);
            else {
                NAME(scores)(scores, seen, top[i], inverse);
                NAME(fill)(scores + seen, p->s - seen, 0);
            }
        }
    }
}

static void NAME(forward_unit)(const diptych_attention *p, Py_ssize_t unit, const NAME(forward_area) *w) {
    const Py_ssize_t part = unit % p->parts, k = unit / p->parts % p->k, n = p->from + unit / p->parts / p->k;
    const REAL *key = (const REAL *)p->key + (n * p->s * p->k + k) * p->d;
    const REAL *value = (const REAL *)p->value + (n * p->s * p->k + k) * p->e;
    for (Py_ssize_t first = 0; first < p->s; first += p->keys) {
        const Py_ssize_t keys = least(p->keys, p->s - first);
        int packed = 0;
        for (Py_ssize_t block = begin_of(p, part); block < begin_of(p, part + 1); block++) {
            const diptych_queries q = queries_of(p, n, k, block);
            if (is_before(p, &q, first)) continue;
            if (!packed) {
                NAME(fetch)(keys, p->e, value + first * p->k * p->e, p->k * p->e);
                NAME(fetch)(q.rows, p->d, (const REAL *)p->query + features_at(p, &q, p->d), p->h * p->d);
                NAME(pack_turned)(keys, p->d, key + first * p->k * p->d, p->k * p->d, w->keys);
                NAME(pack_rows)(keys, p->e, value + first * p->k * p->e, p->k * p->e, w->values);
                packed = 1;
            }
            NAME(forward_block)(p, &q, first, keys, w);
            if (first + keys == p->s || is_before(p, &q, first + keys)) NAME(finish)(p, &q, first + keys);
        }
    }
}

/* ---- backward ---- */

typedef struct {
    REAL *turned_keys, *turned_values, *keys, *query, *dy, *scores, *slopes, *means;
    unsigned char *idle;
} NAME(backward_area);

static Py_ssize_t NAME(lay_out_backward)(const diptych_attention *p, char *area, NAME(backward_area) *w) {
    const Py_ssize_t queries = (p->blocks / p->parts + 1) * p->rows; /* of a part, at most */
    Py_ssize_t used = 0;
    w->turned_keys = NAME(take)(area, &used, padded(p->keys, PANEL) * p->d);
    w->turned_values = NAME(take)(area, &used, padded(p->keys, PANEL) * p->e);
    w->keys = NAME(take)(area, &used, p->keys * padded(p->d, PANEL));
    w->query = NAME(take)(area, &used, p->rows * padded(p->d, PANEL));
    w->dy = NAME(take)(area, &used, p->rows * padded(p->e, PANEL));
    w->scores = NAME(take)(area, &used, p->rows * p->across);
    w->slopes = NAME(take)(area, &used, p->rows * p->across);
    w->means = NAME(take)(area, &used, queries);
    w->idle = (unsigned char *)NAME(take)(area, &used, (queries + REAL_BYTES - 1) / REAL_BYTES);
    return used;
}

/* Whether a query may attend to no key. Only where top and total are what it would have then is there more to do than
   to look at these. */
static int NAME(is_idle)(const diptych_attention *p, const diptych_queries *q, Py_ssize_t i) {
    const Py_ssize_t at = query_at(p, q) + i, head = q->h / (p->h / p->k);
    const Py_ssize_t end = p->causal ? least(p->s, q->first + i + 1) : p->s;
    const REAL *query = (const REAL *)p->query + features_at(p, q, p->d) + i * p->h * p->d;
    const REAL *key = (const REAL *)p->key + (q->n * p->s * p->k + head) * p->d;
    if (((const REAL *)p->top)[at] != 0 || ((const REAL *)p->total)[at] != (REAL)p->s) return 0;
    for (Py_ssize_t j = 0; j < end; j++) {
        if (p->mask && !p->mask[row_at(p->mask_step, q, i) + j * p->mask_step[3]]) continue;
        REAL logit = p->bias ? ((const REAL *)p->bias)[row_at(p->bias_step, q, i) + j * p->bias_step[3]] : 0;
        for (Py_ssize_t k = 0; k < p->d; k++) logit += (REAL)p->scale * query[k] * key[j * p->k * p->d + k];
        if (logit != NOTHING) return 0;
    }
    return 1;
}

/* What the rows of a block need besides its scores: the mean of the slopes, weighted by the scores, is dy . y (Dao et
   al. 2022, FlashAttention, sec. B.4). */
static void NAME(prepare)(const diptych_attention *p, const diptych_queries *q, REAL *means, unsigned char *idle) {
    const Py_ssize_t at = query_at(p, q);
    const REAL *dy = (const REAL *)p->dy + features_at(p, q, p->e);
    const REAL *y = (const REAL *)p->y + features_at(p, q, p->e);
    for (Py_ssize_t some = 0; some < q->rows; some += LANES) {
        const int rows = (int)least(LANES, q->rows - some);
        REAL sum[LANES];
        NAME(vector) each[LANES] = {{0}};
        for (int i = 0; i < rows; i++) {
            const Py_ssize_t row = (some + i) * p->h * p->e, score = (at + some + i) * p->s;
            each[i] = NAME(dots)(dy + row, y + row, p->e);
            if (p->dscores)
                each[i] += NAME(dots)((const REAL *)p->scores + score, (const REAL *)p->dscores + score, p->s);
            idle[some + i] = NAME(is_idle)(p, q, some + i);
        }
        STORE(sum, NAME(fold)(0, each));
        memcpy(means + some, sum, rows * sizeof(REAL));
    }
}

static void NAME(backward_block)(const diptych_attention *p, const diptych_queries *q, Py_ssize_t first,
                                 Py_ssize_t keys, const NAME(backward_area) *w, const REAL *means,
                                 const unsigned char *idle, REAL *dkey, REAL *dvalue, int flags) {
    const Py_ssize_t width = padded(keys, PANEL), at = query_at(p, q);
    const Py_ssize_t d = padded(p->d, PANEL), e = padded(p->e, PANEL);
    const REAL *top = (const REAL *)p->top + at, *total = (const REAL *)p->total + at;
    NAME(gather)(q->rows, p->d, (const REAL *)p->query + features_at(p, q, p->d), p->h * p->d, (REAL)p->scale,
                 w->query);
    NAME(gather)(q->rows, p->e, (const REAL *)p->dy + features_at(p, q, p->e), p->h * p->e, 1, w->dy);
    NAME(logits)(p, q, first, keys, w->query, w->turned_keys, w->scores);
    NAME(product)(q->rows, width, p->e, w->dy, e, w->turned_values, w->slopes, p->across, 0);
    for (Py_ssize_t i = 0; i < q->rows; i++) {
        REAL *row = w->scores + i * p->across, *slope = w->slopes + i * p->across;
        if (p->kept) NAME(drop)(p, q, i, first, keys, slope);
        if (p->dscores) NAME(add)(slope, keys, (const REAL *)p->dscores + (at + i) * p->s + first);
        NAME(slopes)(row, slope, width, top[i], 1 / total[i], means[i]);
        if (idle[i]) {
            NAME(fill)(row, keys, 1 / total[i]);
            NAME(fill)(slope, keys, 0);
        }
        /* 0 times NaN is NaN, but no key that is forbidden is to get that. */
        NAME(forbid)(p, q, i, first, keys, 0, slope);
        if (p->kept) NAME(drop)(p, q, i, first, keys, row);
        if (p->dlogits) memcpy((REAL *)p->dlogits + dlogits_at(p, q) + i * p->s + first, slope, keys * sizeof(REAL));
    }
    NAME(product_down)(keys, p->e, q->rows, w->scores, p->across, w->dy, e, dvalue, p->k * p->e, flags);
    NAME(product_down)(keys, p->d, q->rows, w->slopes, p->across, w->query, d, dkey, p->k * p->d, flags);
    NAME(product)(q->rows, p->d, keys, w->slopes, p->across, w->keys, (REAL *)p->dquery + features_at(p, q, p->d),
                  p->h * p->d, first ? FLAG_ACCUMULATE : 0);
}

static void NAME(backward_unit)(const diptych_attention *p, Py_ssize_t unit, const NAME(backward_area) *w) {
    const Py_ssize_t part = unit % p->parts, k = unit / p->parts % p->k, n = p->from + unit / p->parts / p->k;
    const Py_ssize_t begin = begin_of(p, part), end = begin_of(p, part + 1);
    const Py_ssize_t d_row = p->k * p->d, e_row = p->k * p->e;
    const REAL *key = (const REAL *)p->key + (n * p->s * p->k + k) * p->d;
    const REAL *value = (const REAL *)p->value + (n * p->s * p->k + k) * p->e;
    REAL *dkey = (REAL *)p->dkey + ((part * p->n + n) * p->s * p->k + k) * p->d;
    REAL *dvalue = (REAL *)p->dvalue + ((part * p->n + n) * p->s * p->k + k) * p->e;
    for (Py_ssize_t block = begin; block < end; block++) {
        const diptych_queries q = queries_of(p, n, k, block);
        NAME(prepare)(p, &q, w->means + (block - begin) * p->rows, w->idle + (block - begin) * p->rows);
    }
    for (Py_ssize_t first = 0; first < p->s; first += p->keys) {
        const Py_ssize_t keys = least(p->keys, p->s - first);
        int flags = 0, packed = 0;
        for (Py_ssize_t block = begin; block < end; block++) {
            const diptych_queries q = queries_of(p, n, k, block);
            const unsigned char *idle = w->idle + (block - begin) * p->rows;
            if (is_before(p, &q, first) && !memchr(idle, 1, q.rows)) {
                for (Py_ssize_t i = 0; i < q.rows && p->dlogits; i++)
                    NAME(fill)((REAL *)p->dlogits + dlogits_at(p, &q) + i * p->s + first, keys, 0);
                continue;
            }
            if (!packed) {
                NAME(pack_turned)(keys, p->d, key + first * d_row, d_row, w->turned_keys);
                NAME(pack_turned)(keys, p->e, value + first * e_row, e_row, w->turned_values);
                NAME(pack_rows)(keys, p->d, key + first * d_row, d_row, w->keys);
                NAME(multiply)(w->keys, keys * padded(p->d, PANEL), (REAL)p->scale);
                packed = 1;
            }
            NAME(backward_block)(p, &q, first, keys, w, w->means + (block - begin) * p->rows, idle,
                                 dkey + first * d_row, dvalue + first * e_row, flags);
            flags = FLAG_ACCUMULATE;
        }
        for (Py_ssize_t j = first; j < first + keys && !packed; j++) { /* keys that no query looks at */
            NAME(fill)(dkey + j * d_row, p->d, 0);
            NAME(fill)(dvalue + j * e_row, p->e, 0);
        }
    }
}

/* ---- chunks: some units that share a work area ---- */

static void NAME(forward_chunk)(diptych_attention *p, Py_ssize_t chunk) {
    NAME(forward_area) w;
    char *area = malloc(NAME(lay_out_forward)(p, NULL, &w) + 64);
    if (!area) {
        p->failed = 1;
        return;
    }
    NAME(lay_out_forward)(p, area + (64 - ((uintptr_t)area & 63)), &w);
    for (Py_ssize_t unit = chunk * p->together; unit < least(p->units, (chunk + 1) * p->together); unit++)
        NAME(forward_unit)(p, unit, &w);
    free(area);
}

static void NAME(backward_chunk)(diptych_attention *p, Py_ssize_t chunk) {
    NAME(backward_area) w;
    char *area = malloc(NAME(lay_out_backward)(p, NULL, &w) + 64);
    if (!area) {
        p->failed = 1;
        return;
    }
    NAME(lay_out_backward)(p, area + (64 - ((uintptr_t)area & 63)), &w);
    for (Py_ssize_t unit = chunk * p->together; unit < least(p->units, (chunk + 1) * p->together); unit++)
        NAME(backward_unit)(p, unit, &w);
    free(area);
}

#undef LANES
#undef FROM
#undef INTO
#undef NOTHING
#undef BITS
#undef LEADING
#undef MAGIC
#undef LN2
#undef LOG2E
#undef BOTTOM
#undef REAL
#undef REAL_BYTES
#undef NAME
