/* Attention by blocks, for one type: attention.pyx includes this file twice, after _gemm_tile.h, with REAL, REAL_BYTES
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

enum {
    BLOCK_ROWS = 128,           /* queries in a block, at most */
    BLOCK_KEYS = 128,           /* a multiple of every PANEL */
    ACROSS = BLOCK_KEYS + 16,   /* from row to row of a block: no power of two, or a column's numbers would fight for
                                   the same few lines of the cache */
    TOGETHER = 4                /* rows whose largest numbers are sought at a time */
};

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
    Py_ssize_t keys;                     /* in a block */
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

#define LANES NAME(lanes) /* _gemm_tile.h leaves none */
#define FROM const REAL *ALONE
#define INTO REAL *ALONE
#define NOTHING ((REAL)-INFINITY)
#ifdef VECTOR_BYTES
#define PICK(wanted, a, b) ((NAME(vector))(((wanted) & (NAME(mask))(a)) | (~(wanted) & (NAME(mask))(b))))
#else
#define PICK(wanted, a, b) ((wanted) ? (a) : (b))
#endif

#if REAL_BYTES == 4
#define LEADING 23        /* where the exponent begins */
#define MAGIC 12583039.0f /* pushes the fraction out of what it is added to; its lowest bits: the exponent's bias */
#define LN2 0.693359375f  /* so few bits that its product with an exponent is exact */
#define LN2_REST -0.00021219444005469057f
#define LOG2E 1.4426950408889634f
#define BOTTOM -88.03f    /* whose exponential would need the exponent that stands for 0 */
#else
#define LEADING 52
#define MAGIC 6755399441056767.0
#define LN2 0.6931471803691238
#define LN2_REST 1.9082149292705877e-10
#define LOG2E 1.4426950408889634
#define BOTTOM -709.09
#endif

/* exp(x) for x <= 0, and 0 where the result would lie below the normal numbers. The polynomial is that of _math.pxd. */
INLINE NAME(vector) NAME(exp_down)(NAME(vector) x) {
    const NAME(vector) bottom = (NAME(vector)){0} + (REAL)BOTTOM;
    x = PICK(x < bottom, bottom, x); /* NaN stays */
    NAME(vector) sum = x * LOG2E + MAGIC, n = sum - MAGIC;
    NAME(vector) r = (x - n * LN2) - n * LN2_REST, power;
#ifdef VECTOR_BYTES
    power = (NAME(vector))((NAME(mask))sum << LEADING);
#else
    INTEGER bits;
    memcpy(&bits, &sum, sizeof bits);
    bits = (INTEGER)((unsigned long long)bits << LEADING);
    memcpy(&power, &bits, sizeof bits);
#endif
#if REAL_BYTES == 4
    NAME(vector) q = r * 0.0013940519420430064f + 0.00836643110960722f;
    q = q * r + 0.04166640341281891f;
    q = q * r + 0.1666654497385025f;
#else
    NAME(vector) q = r * 2.511231361380944e-08 + 2.7622293687762214e-07;
    q = q * r + 2.7557235272056076e-06;
    q = q * r + 2.4801516183879425e-05;
    q = q * r + 0.00019841269894194064;
    q = q * r + 0.0013888888920634186;
    q = q * r + 0.008333333333319013;
    q = q * r + 0.041666666666619695;
    q = q * r + 0.1666666666666668;
#endif
    q = q * r + (REAL)0.5;
    return (r * r * q + r + (REAL)1) * power;
}

INLINE REAL NAME(exp_one)(REAL x) {
    NAME(vector) v = (NAME(vector)){0} + x;
    REAL one[LANES];
    STORE(one, NAME(exp_down)(v));
    return one[0];
}

/* ---- rows of scores; width: a multiple of PANEL ---- */

INLINE REAL NAME(largest)(FROM x, Py_ssize_t width) {
    NAME(vector) most[WIDTH];
    REAL a[PANEL];
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
    for (int v = 0; v < WIDTH; v++) STORE(a + v * LANES, most[v]);
    for (int half = PANEL / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++) a[k] = a[k + half] > a[k] ? a[k + half] : a[k];
    return a[0];
}

/* The sum of the numbers in WIDTH vectors, in pairs. */
INLINE REAL NAME(sum_of)(const NAME(vector) *sum) {
    REAL a[PANEL];
    UNROLL(4)
    for (int v = 0; v < WIDTH; v++) STORE(a + v * LANES, sum[v]);
    for (int half = PANEL / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++) a[k] += a[k + half];
    return a[0];
}

/* x := exp(x - top); their sum. */
INLINE REAL NAME(exponentials)(INTO x, Py_ssize_t width, REAL top) {
    NAME(vector) sum[WIDTH] = {{0}};
    for (Py_ssize_t j = 0; j < width; j += PANEL) {
        UNROLL(4)
        for (int v = 0; v < WIDTH; v++) {
            NAME(vector) e = NAME(exp_down)(LOAD(x + j + v * LANES) - top);
            STORE(x + j + v * LANES, e);
            sum[v] += e;
        }
    }
    return NAME(sum_of)(sum);
}

/* x := the scores exp(x - top) / total; slope := score (slope - mean). */
INLINE void NAME(slopes)(INTO x, INTO slope, Py_ssize_t width, REAL top, REAL inverse, REAL mean) {
    for (Py_ssize_t j = 0; j < width; j += PANEL) {
        UNROLL(4)
        for (int v = 0; v < WIDTH; v++) {
            NAME(vector) score = NAME(exp_down)(LOAD(x + j + v * LANES) - top) * inverse;
            STORE(x + j + v * LANES, score);
            STORE(slope + j + v * LANES, score * (LOAD(slope + j + v * LANES) - mean));
        }
    }
}

APART REAL NAME(dot)(FROM a, FROM b, Py_ssize_t n) {
    NAME(vector) sum[WIDTH] = {{0}};
    Py_ssize_t j = 0;
    for (; j + PANEL <= n; j += PANEL) {
        UNROLL(4)
        for (int v = 0; v < WIDTH; v++) sum[v] += LOAD(a + j + v * LANES) * LOAD(b + j + v * LANES);
    }
    REAL rest = 0;
    for (; j < n; j++) rest += a[j] * b[j];
    return NAME(sum_of)(sum) + rest;
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

static REAL NAME(bias_at)(const diptych_attention *p, const diptych_queries *q, Py_ssize_t i, Py_ssize_t key) {
    return ((const REAL *)p->bias)[row_at(p->bias_step, q, i) + key * p->bias_step[3]];
}

/* ---- products; B lies in panels ---- */

/* c (+)= a b, c: rows x columns. */
static void NAME(product)(Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t depth, const REAL *a, Py_ssize_t a_row,
                          const REAL *b, REAL *c, Py_ssize_t c_row, int flags) {
    for (Py_ssize_t j = 0; j < columns; j += PANEL, b += depth * PANEL)
        NAME(panel)(rows, depth, a, a_row, 1, 0, b, PANEL, c + j, c_row, least(PANEL, columns - j), NULL, flags);
}

/* c (+)= a^T b, where a is a block of scores and b as wide as whole panels. */
static void NAME(product_down)(Py_ssize_t keys, Py_ssize_t columns, Py_ssize_t rows, const REAL *a, const REAL *b,
                               Py_ssize_t b_row, REAL *c, Py_ssize_t c_row, int flags) {
    for (Py_ssize_t j = 0; j < columns; j += PANEL)
        NAME(panel)(keys, rows, a, 1, ACROSS, 0, b + j, b_row, c + j, c_row, least(PANEL, columns - j), NULL, flags);
}

/* Rows as columns in panels: the transposed matrix as a factor on the right. */
static void NAME(pack_turned)(Py_ssize_t rows, Py_ssize_t columns, const REAL *from, Py_ssize_t from_row, REAL *into) {
    for (Py_ssize_t j = 0; j < rows; j += PANEL, into += columns * PANEL)
        NAME(pack_columns)(columns, least(PANEL, rows - j), from + j * from_row, from_row, into);
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
    NAME(product)(q->rows, width, p->d, query, padded(p->d, PANEL), turned_keys, logits, ACROSS, 0);
    for (Py_ssize_t i = 0; i < q->rows; i++, logits += ACROSS) {
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
    w->scores = NAME(take)(area, &used, p->rows * ACROSS);
    return used;
}

/* A block of queries meets a block of keys. Where it has met others before, what they brought is made to fit the new
   largest logit. */
static void NAME(forward_block)(const diptych_attention *p, const diptych_queries *q, Py_ssize_t first,
                                Py_ssize_t keys, const NAME(forward_area) *w) {
    const Py_ssize_t width = padded(keys, PANEL), at = query_at(p, q), y_row = p->h * p->e;
    REAL *top = (REAL *)p->top + at, *total = (REAL *)p->total + at;
    REAL *y = (REAL *)p->y + features_at(p, q, p->e);
    REAL base[TOGETHER];
    NAME(gather)(q->rows, p->d, (const REAL *)p->query + features_at(p, q, p->d), p->h * p->d, (REAL)p->scale,
                 w->query);
    NAME(logits)(p, q, first, keys, w->query, w->keys, w->scores);
    for (Py_ssize_t i = 0; i < q->rows && p->scores; i++)
        memcpy((REAL *)p->scores + (at + i) * p->s + first, w->scores + i * ACROSS, keys * sizeof(REAL));
    for (Py_ssize_t some = 0; some < q->rows; some += TOGETHER) {
        const Py_ssize_t end = least(q->rows, some + TOGETHER);
        for (Py_ssize_t i = some; i < end; i++) {
            REAL most = NAME(largest)(w->scores + i * ACROSS, width), old = first ? top[i] : NOTHING;
            most = old > most ? old : most;
            base[i - some] = most == NOTHING ? 0 : most;
            if (first) {
                REAL less = NAME(exp_one)(old - base[i - some]);
                total[i] *= less;
                if (less != 1) NAME(multiply)(y + i * y_row, p->e, less);
            }
            top[i] = most;
        }
        for (Py_ssize_t i = some; i < end; i++) {
            REAL *row = w->scores + i * ACROSS, sum = NAME(exponentials)(row, width, base[i - some]);
            total[i] = first ? total[i] + sum : sum;
            if (p->kept) NAME(drop)(p, q, i, first, keys, row);
        }
    }
    NAME(product)(q->rows, p->e, keys, w->scores, ACROSS, w->values, y, y_row, first ? FLAG_ACCUMULATE : 0);
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
                for (Py_ssize_t j = 0; j < seen; j++) scores[j] = NAME(exp_one)(scores[j] - top[i]) * inverse;
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
    w->scores = NAME(take)(area, &used, p->rows * ACROSS);
    w->slopes = NAME(take)(area, &used, p->rows * ACROSS);
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
        REAL logit = (REAL)p->scale * NAME(dot)(query, key + j * p->k * p->d, p->d);
        if (p->bias) logit += NAME(bias_at)(p, q, i, j);
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
    for (Py_ssize_t i = 0; i < q->rows; i++) {
        means[i] = NAME(dot)(dy + i * p->h * p->e, y + i * p->h * p->e, p->e);
        if (p->dscores)
            means[i] += NAME(dot)((const REAL *)p->scores + (at + i) * p->s,
                                  (const REAL *)p->dscores + (at + i) * p->s, p->s);
        idle[i] = NAME(is_idle)(p, q, i);
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
    NAME(product)(q->rows, width, p->e, w->dy, e, w->turned_values, w->slopes, ACROSS, 0);
    for (Py_ssize_t i = 0; i < q->rows; i++) {
        REAL *row = w->scores + i * ACROSS, *slope = w->slopes + i * ACROSS;
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
    NAME(product_down)(keys, p->e, q->rows, w->scores, w->dy, e, dvalue, p->k * p->e, flags);
    NAME(product_down)(keys, p->d, q->rows, w->slopes, w->query, d, dkey, p->k * p->d, flags);
    NAME(product)(q->rows, p->d, keys, w->slopes, ACROSS, w->keys, (REAL *)p->dquery + features_at(p, q, p->d),
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
    char *area = malloc(NAME(lay_out_forward)(p, NULL, &w) + 63);
    if (!area) {
        p->failed = 1;
        return;
    }
    NAME(lay_out_forward)(p, area + (-(uintptr_t)area & 63), &w);
    for (Py_ssize_t unit = chunk * p->together; unit < least(p->units, (chunk + 1) * p->together); unit++)
        NAME(forward_unit)(p, unit, &w);
    free(area);
}

static void NAME(backward_chunk)(diptych_attention *p, Py_ssize_t chunk) {
    NAME(backward_area) w;
    char *area = malloc(NAME(lay_out_backward)(p, NULL, &w) + 63);
    if (!area) {
        p->failed = 1;
        return;
    }
    NAME(lay_out_backward)(p, area + (-(uintptr_t)area & 63), &w);
    for (Py_ssize_t unit = chunk * p->together; unit < least(p->units, (chunk + 1) * p->together); unit++)
        NAME(backward_unit)(p, unit, &w);
    free(area);
}

#undef LANES
#undef FROM
#undef INTO
#undef NOTHING
#undef PICK
#undef LEADING
#undef MAGIC
#undef LN2
#undef LN2_REST
#undef LOG2E
#undef BOTTOM
#undef REAL
#undef REAL_BYTES
#undef INTEGER
#undef NAME
