/* The kernels of Winograd's transform, a template of for_both_types.h; winograd.pyx explains them.
   gemm_tile.h has to be read before for the same types. */

#include "activation_codes.h"
#include "argmax_bytes.h"

#ifndef DIPTYCH_WINOGRAD_H
#define DIPTYCH_WINOGRAD_H

/* What a pass reads: images, channels last, in tiles of SIDE x SIDE pixels, or of REACH x REACH
   that overlap by two. */
typedef struct {
    Py_ssize_t height, width, channels;
    Py_ssize_t pixel;     /* numbers from one pixel to the next: the channels of all groups */
    Py_ssize_t top, left; /* the first tile begins so many zeros above and to the left */
    const void *x, *y;    /* each number is x activation'(y); y == NULL: just x */
    int activation;       /* LINEAR, RELU, TANH or SIGMOID */
} View;

typedef struct {
    View source; /* of the forward pass: x; of the gradient of the input: dz */
    View dz;     /* of the gradient of the kernel only */
    Py_ssize_t height, width, filters; /* of what forward and dx compute */
    Py_ssize_t pixel;                  /* numbers from one pixel of it to the next */
    int pool;                          /* of each 2x2 (flat: 2) of it, the largest is written */
    unsigned char *argmax;             /* with `pool`: and which it is, the first of equal ones */
    Py_ssize_t out_height, out_width;  /* of what is written */
    Py_ssize_t tiles_down, tiles_across, tiles;
    int flat; /* one spatial axis: images and kernels of one row, tiles of 4 */
    Py_ssize_t window_down, window_across, pieces_down, pieces_across;
    /* From one number of the kernel to the next along each axis; the taps as a pass reads them. */
    Py_ssize_t tap_step, channel_step, filter_step;
    Py_ssize_t block; /* tiles worked on at once */
    Py_ssize_t chunks, chunk_tiles;
    /* The transformed kernel: [panel][position][piece][channel][PANEL filters]. */
    const void *packed;
    const void *bias;
    void *out;
    void *sums;     /* per chunk: its part of dkernel, then of dbias */
    int activation; /* applied to what is written */
    int wants_dbias;
    int failed; /* no memory, or a number is not finite: another way is taken */
} Winograd;

enum { SIDE = 4, PIECE = 3, REACH = SIDE + PIECE - 1, POSITIONS = REACH * REACH, LINE = 64 };
/* Channels are added up in pieces: rounding errors of a long sum grow with its length, and the
   transform of images makes them grow more. */
enum { AHEAD = 8 };
enum { DEPTH = 32, FLAT_DEPTH = 64 };

/* What is written of a tile: all of it, the maxima of its quarters, or these and which they are. */
enum { ALL, MAXIMA, ARGMAXIMA };

/* The points 0, +-P1, +-P2 and infinity. */
#define P1 0.625
#define P2 1.5
#define NORM_0 (1 / (P1 * P1 * P2 * P2))
#define NORM_1 (1 / (2 * P1 * P1 * (P1 * P1 - P2 * P2)))
#define NORM_2 (1 / (2 * P2 * P2 * (P2 * P2 - P1 * P1)))

/* Where a tile stands: its image, and its first pixel of the result. */
typedef struct {
    Py_ssize_t image, down, across;
} Place;

static Place place_of(const Winograd *p, Py_ssize_t tile) {
    const Py_ssize_t line = tile / p->tiles_across;
    const Place place = {line / p->tiles_down, line % p->tiles_down * SIDE,
                         tile % p->tiles_across * SIDE};
    return place;
}

/* The place of the next tile, without a division. */
static inline void step_on(const Winograd *p, Place *place) {
    place->across += SIDE;
    if (place->across < p->tiles_across * SIDE) return;
    place->across = 0;
    place->down += SIDE;
    if (place->down < p->tiles_down * SIDE) return;
    place->down = 0;
    place->image++;
}

#endif /* once */

#define VECTOR NAME(vector)
#define LANES NAME(lanes)
#define CONST(x) ((REAL)(x))
#define UP(n, to) (((n) + (to) - 1) / (to) * (to))
/* A row of channels as the register tile of the product reads it. */
#define ROW(channels) UP(channels, WIDTH == 2 ? LANES : PANEL)
/* Rows of a work area begin one cache line off the power of two that they would otherwise share. */
#define PADDED(n) (UP(n, LINE / (Py_ssize_t)sizeof(REAL)) + LINE / (Py_ssize_t)sizeof(REAL))
#ifdef VECTOR_BYTES
#define RECTIFY(x) ((VECTOR)(~((x) < 0) & (NAME(mask))(x)))
#define WHERE_POSITIVE(y, x) ((VECTOR)(((y) > 0) & (NAME(mask))(x)))
#else
#define RECTIFY(x) ((x) < 0 ? 0 : (x))
#define WHERE_POSITIVE(y, x) ((y) > 0 ? (x) : 0)
#endif
#define LARGER(x, y) PICK((x) > (y), x, y)
#ifdef VECTOR_BYTES
#define STORE_PLACES(p, x) NAME(narrow_bytes)(p, __builtin_convertvector(x, NAME(mask)))
#else
#define STORE_PLACES(p, x) (*(p) = (unsigned char)(x))
#endif

/* ---- the five matrices, applied to vectors of channels ---- */

/* u = B^T d */
INLINE void NAME(times_b)(const VECTOR *d, VECTOR *u) {
    VECTOR even_1 = d[4] - CONST(P2 * P2) * d[2], odd_1 = d[3] - CONST(P2 * P2) * d[1];
    VECTOR even_2 = d[4] - CONST(P1 * P1) * d[2], odd_2 = d[3] - CONST(P1 * P1) * d[1];
    u[0] = CONST(P1 * P1 * P2 * P2) * d[0] + (d[4] - CONST(P1 * P1 + P2 * P2) * d[2]);
    u[1] = even_1 + CONST(P1) * odd_1;
    u[2] = even_1 - CONST(P1) * odd_1;
    u[3] = even_2 + CONST(P2) * odd_2;
    u[4] = even_2 - CONST(P2) * odd_2;
    u[5] = CONST(P1 * P1 * P2 * P2) * d[1] + (d[5] - CONST(P1 * P1 + P2 * P2) * d[3]);
}

/* y = A^T m */
INLINE void NAME(times_a)(const VECTOR *m, VECTOR *y) {
    VECTOR sum_1 = m[1] + m[2], less_1 = m[1] - m[2];
    VECTOR sum_2 = m[3] + m[4], less_2 = m[3] - m[4];
    y[0] = m[0] + sum_1 + sum_2;
    y[1] = CONST(P1) * less_1 + CONST(P2) * less_2;
    y[2] = CONST(P1 * P1) * sum_1 + CONST(P2 * P2) * sum_2;
    y[3] = CONST(P1 * P1 * P1) * less_1 + (CONST(P2 * P2 * P2) * less_2 + m[5]);
}

/* u = A z */
INLINE void NAME(times_a_back)(const VECTOR *z, VECTOR *u) {
    VECTOR even_1 = z[0] + CONST(P1 * P1) * z[2], odd_1 = z[1] + CONST(P1 * P1) * z[3];
    VECTOR even_2 = z[0] + CONST(P2 * P2) * z[2], odd_2 = z[1] + CONST(P2 * P2) * z[3];
    u[0] = z[0];
    u[1] = even_1 + CONST(P1) * odd_1;
    u[2] = even_1 - CONST(P1) * odd_1;
    u[3] = even_2 + CONST(P2) * odd_2;
    u[4] = even_2 - CONST(P2) * odd_2;
    u[5] = z[3];
}

/* u = G g, for a panel of filters, in double: it is rounded once. Rows of g (u) are `step`
   (`u_step`) panels apart. */
INLINE void NAME(times_g)(double (*g)[PANEL], int step, double (*u)[PANEL], int u_step) {
    for (int j = 0; j < PANEL; j++) {
        const double g_0 = g[0][j], g_1 = g[step][j], g_2 = g[2 * step][j];
        const double even_1 = NORM_1 * (g_0 + P1 * P1 * g_2), odd_1 = NORM_1 * P1 * g_1;
        const double even_2 = NORM_2 * (g_0 + P2 * P2 * g_2), odd_2 = NORM_2 * P2 * g_1;
        u[0][j] = NORM_0 * g_0;
        u[u_step][j] = even_1 + odd_1;
        u[2 * u_step][j] = even_1 - odd_1;
        u[3 * u_step][j] = even_2 + odd_2;
        u[4 * u_step][j] = even_2 - odd_2;
        u[5 * u_step][j] = g_2;
    }
}

/* g = G^T m */
INLINE void NAME(times_g_back)(const VECTOR *m, VECTOR *g) {
    VECTOR sum_1 = CONST(NORM_1) * (m[1] + m[2]), less_1 = CONST(NORM_1) * (m[1] - m[2]);
    VECTOR sum_2 = CONST(NORM_2) * (m[3] + m[4]), less_2 = CONST(NORM_2) * (m[3] - m[4]);
    g[0] = CONST(NORM_0) * m[0] + (sum_1 + sum_2);
    g[1] = CONST(P1) * less_1 + CONST(P2) * less_2;
    g[2] = CONST(P1 * P1) * sum_1 + (CONST(P2 * P2) * sum_2 + m[5]);
}

#include "winograd_kernel.h"

/* ---- the images ---- */

INLINE VECTOR NAME(load_part)(const REAL *p, Py_ssize_t count) {
    REAL all[LANES];
    for (int i = 0; i < LANES; i++) all[i] = i < count ? p[i] : 0;
    return LOAD(all);
}

/* `count` (LANES or fewer) numbers x activation'(y). */
INLINE VECTOR NAME(load_derived)(const int activation, const REAL *x, const REAL *y,
                                 Py_ssize_t count) {
    VECTOR a = count == LANES ? LOAD(x) : NAME(load_part)(x, count);
    if (activation == LINEAR) return a;
    VECTOR b = count == LANES ? LOAD(y) : NAME(load_part)(y, count);
    if (activation == RELU) return WHERE_POSITIVE(b, a);
    if (activation == TANH) return a * (1 - b * b);
    return a * (b * (1 - b));
}

/* One column of a tile, `count` (LANES or fewer) channels. */
INLINE void NAME(column)(const int activation, const int is_dz, Py_ssize_t count, Py_ssize_t at,
                         Py_ssize_t ahead, const REAL *const *x, const REAL *const *y, REAL *out,
                         Py_ssize_t row, REAL *sums) {
    VECTOR d[REACH], u[REACH];
    for (int i = 0; i < (is_dz ? SIDE : REACH); i++) {
        /* A later tile, of images the one below: the processor by itself fetches it too late. */
        PREFETCH(x[i] + at + ahead);
        if (activation != LINEAR) PREFETCH(y[i] + at + ahead);
        d[i] = NAME(load_derived)(activation, x[i] + at, activation != LINEAR ? y[i] + at : NULL,
                                  count);
    }
    if (is_dz) {
        NAME(times_a_back)(d, u);
        if (sums) STORE(sums, LOAD(sums) + ((d[0] + d[1]) + (d[2] + d[3])));
    } else {
        NAME(times_b)(d, u);
    }
    UNROLL(6)
    for (int i = 0; i < REACH; i++) STORE(out + i * row, u[i]);
}

/* Columns of a tile, all channels: out[j][0:6][channel] = B^T (6 pixels of column j), or A (4
   pixels), with the sum of the pixels added to `sums`. x and y point to the first column in each of
   the 6 (4) rows. */
INLINE void NAME(columns)(const int activation, const int is_dz, Py_ssize_t channels,
                          Py_ssize_t pixel, Py_ssize_t ahead, int count, const REAL *const *x,
                          const REAL *const *y, REAL *const *out, Py_ssize_t row, REAL *sums) {
    Py_ssize_t whole = channels / LANES * LANES, at = 0;
    for (int j = 0; j < count; j++, at += pixel - whole) {
        REAL *target = out[j];
        for (Py_ssize_t c = 0; c < whole; c += LANES, at += LANES, target += LANES)
            NAME(column)(activation, is_dz, LANES, at, ahead, x, y, target, row,
                         sums ? sums + c : NULL);
        if (whole < channels)
            NAME(column)(activation, is_dz, channels - whole, at, 0, x, y, target, row,
                         sums ? sums + whole : NULL);
    }
}

#define COLUMNS_PARAMETERS                                                                    \
    Py_ssize_t channels, Py_ssize_t pixel, Py_ssize_t ahead, int count, const REAL *const *x, \
        const REAL *const *y, REAL *const *out, Py_ssize_t row, REAL *sums
#define COLUMNS_ARGUMENTS channels, pixel, ahead, count, x, y, out, row, sums
#define COLUMNS(kind, activation, is_dz)                     \
    APART void NAME(columns_##kind)(COLUMNS_PARAMETERS) {    \
        NAME(columns)(activation, is_dz, COLUMNS_ARGUMENTS); \
    }
COLUMNS(x, LINEAR, 0)
COLUMNS(x_relu, RELU, 0)
COLUMNS(x_tanh, TANH, 0)
COLUMNS(x_sigmoid, SIGMOID, 0)
COLUMNS(z, LINEAR, 1)
COLUMNS(z_relu, RELU, 1)
COLUMNS(z_tanh, TANH, 1)
COLUMNS(z_sigmoid, SIGMOID, 1)
typedef void (*NAME(columns_t))(COLUMNS_PARAMETERS);

/* The rows of a column's transform: out[position][channel] from columns[0:6] (or [0:4] of dz), each
   [6][row]. */
INLINE void NAME(across)(const int is_dz, REAL *const *columns, Py_ssize_t row, REAL *out,
                         Py_ssize_t out_position) {
    for (int i = 0; i < REACH; i++) {
        for (Py_ssize_t c = 0; c < row; c += LANES) {
            VECTOR d[REACH], u[REACH];
            for (int j = 0; j < (is_dz ? SIDE : REACH); j++) d[j] = LOAD(columns[j] + i * row + c);
            if (is_dz) NAME(times_a_back)(d, u);
            else NAME(times_b)(d, u);
            UNROLL(6)
            for (int j = 0; j < REACH; j++) STORE(out + (i * REACH + j) * out_position + c, u[j]);
        }
    }
}
APART void NAME(across_x)(REAL *const *columns, Py_ssize_t row, REAL *out,
                          Py_ssize_t out_position) {
    NAME(across)(0, columns, row, out, out_position);
}
APART void NAME(across_z)(REAL *const *columns, Py_ssize_t row, REAL *out,
                          Py_ssize_t out_position) {
    NAME(across)(1, columns, row, out, out_position);
}

/* Tiles first ... first + count - 1 of the images, transformed, as the piece of the kernel that
   begins `down` and `across` from its corner sees them: out[position][tile][out_row]. `strip` holds
   6 columns and 6 pixels of zeros. */
static void NAME(read_piece)(const Winograd *p, const View *v, const int is_dz, Py_ssize_t down,
                             Py_ssize_t across, Py_ssize_t first, Py_ssize_t count, REAL *strip,
                             REAL *out, Py_ssize_t out_row, Py_ssize_t out_position, REAL *sums) {
    static const NAME(columns_t) by_activation[2][4] = {
        {NAME(columns_x), NAME(columns_x_relu), NAME(columns_x_tanh), NAME(columns_x_sigmoid)},
        {NAME(columns_z), NAME(columns_z_relu), NAME(columns_z_tanh), NAME(columns_z_sigmoid)}};
    const NAME(columns_t) transform = by_activation[is_dz][v->y ? v->activation : LINEAR];
    const Py_ssize_t row = ROW(v->channels), line = v->width * v->pixel;
    const int reach = is_dz ? SIDE : REACH;
    REAL *const zeros = strip + POSITIONS * row;
    int slot = 0; /* of the tile's first column: the strip is a ring */
    memset(zeros, 0, REACH * v->pixel * sizeof(REAL));
    Place place = place_of(p, first);
    for (Py_ssize_t t = 0; t < count; t++, out += out_row, step_on(p, &place)) {
        const Py_ssize_t top = place.down + down - v->top, left = place.across + across - v->left;
        const REAL *x[REACH] = {0}, *y[REACH] = {0};
        REAL *columns[REACH];
        if (p->flat) { /* a row of pixels is transformed as a column would be */
            const int whole = left >= 0 && left + reach <= v->width;
            Py_ssize_t at = place.image * line + left * v->pixel;
            for (int i = 0; i < reach; i++, at += v->pixel) {
                const int inside = whole || (left + i >= 0 && left + i < v->width);
                x[i] = inside ? (const REAL *)v->x + at : zeros;
                y[i] = inside && v->y ? (const REAL *)v->y + at : zeros;
            }
            transform(v->channels, v->pixel, 2 * SIDE * v->pixel, 1, x, y, &out, out_position,
                      sums);
            continue;
        }
        /* The columns that the tile before has not left, inside of the image. */
        int j = 0, end = reach;
        slot = is_dz || place.across == 0 ? 0 : (slot + SIDE) % REACH;
        if (!is_dz && place.across != 0 && t != 0) j = REACH - SIDE;
        for (int i = 0; i < reach; i++) columns[i] = strip + (slot + i) % REACH * REACH * row;
        for (; j < reach && left + j < 0; j++) memset(columns[j], 0, REACH * row * sizeof(REAL));
        for (; end > j && left + end > v->width; end--)
            memset(columns[end - 1], 0, REACH * row * sizeof(REAL));
        for (int i = 0; i < reach; i++) {
            const int inside = top + i >= 0 && top + i < v->height;
            const Py_ssize_t at =
                (place.image * v->height + top + i) * line + (left + j) * v->pixel;
            x[i] = inside ? (const REAL *)v->x + at : zeros;
            y[i] = inside && v->y ? (const REAL *)v->y + at : zeros;
        }
        transform(v->channels, v->pixel, SIDE * line, end - j, x, y, columns + j, row, sums);
        if (is_dz) NAME(across_z)(columns, row, out, out_position);
        else NAME(across_x)(columns, row, out, out_position);
    }
}

/* Tiles first ... first + count - 1 of the source, transformed: out[position][tile][piece][row]. */
static void NAME(read_source)(const Winograd *p, Py_ssize_t first, Py_ssize_t count, REAL *strip,
                              REAL *out, Py_ssize_t out_position) {
    const Py_ssize_t row = ROW(p->source.channels);
    const Py_ssize_t out_row = p->pieces_down * p->pieces_across * row;
    for (Py_ssize_t i = 0; i < p->pieces_down; i++)
        for (Py_ssize_t j = 0; j < p->pieces_across; j++, out += row)
            NAME(read_piece)(p, &p->source, 0, PIECE * i, PIECE * j, first, count, strip, out,
                             out_row, out_position, NULL);
}

/* One tile of the result, one vector of filters: y = A^T m A + bias, activation; of that what
   `kind` says. Returns 0 * (some of the numbers): NaN where one is not finite. */
INLINE VECTOR NAME(write_vector)(const int flat, const int kind, const REAL *m, const VECTOR bias,
                                 int rectify, REAL *y, unsigned char *argmax, Py_ssize_t y_row,
                                 Py_ssize_t y_col) {
    VECTOR half[SIDE][REACH], best[SIDE / 2], place[SIDE / 2], finite = {0};
    UNROLL(6)
    for (int j = 0; j < REACH; j++) {
        VECTOR d[REACH], u[SIDE];
        if (flat) {
            half[0][j] = LOAD(m + j * PANEL);
            continue;
        }
        UNROLL(6)
        for (int i = 0; i < REACH; i++) d[i] = LOAD(m + (i * REACH + j) * PANEL);
        NAME(times_a)(d, u);
        UNROLL(4)
        for (int i = 0; i < SIDE; i++) half[i][j] = u[i];
    }
    UNROLL(4)
    for (int i = 0; i < SIDE; i++) {
        VECTOR u[SIDE];
        if (flat && i) break;
        NAME(times_a)(half[i], u);
        /* Whatever is not finite in m shows in a corner. */
        if (i == 0 || i == SIDE - 1) finite += 0 * u[0] + 0 * u[SIDE - 1];
        UNROLL(4)
        for (int j = 0; j < SIDE; j++) {
            const int k = i % 2 * 2 + j % 2, is_last = j % 2 == 1 && (flat || i % 2 == 1);
            VECTOR a = u[j];
            if (kind == MAXIMA) {
                /* The maximum before bias and activation is the maximum after them. */
                if (k) a = LARGER(best[j / 2], a);
                best[j / 2] = a;
                if (!is_last) continue;
            }
            a += bias;
            if (rectify) a = RECTIFY(a);
            if (kind == ARGMAXIMA) {
                /* But after them, more are equal. */
                const VECTOR number = {0};
                if (k) {
                    place[j / 2] = PICK(a > best[j / 2], number + CONST(k), place[j / 2]);
                    a = LARGER(a, best[j / 2]);
                } else {
                    place[j / 2] = number;
                }
                best[j / 2] = a;
                if (!is_last) continue;
                STORE_PLACES(argmax + i / 2 * y_row + j / 2 * y_col, place[j / 2]);
            }
            STORE(kind ? y + i / 2 * y_row + j / 2 * y_col : y + i * y_row + j * y_col, a);
        }
    }
    return finite;
}

#define WRITE_PARAMETERS \
    const Winograd *p, const Place *at, int blank, Py_ssize_t filter, const REAL *m

/* One tile, one panel of filters, of which some do not exist or are the bias: pixels whose bits are
   set in `blank`. */
INLINE VECTOR NAME(write_part)(const int flat, const int kind, WRITE_PARAMETERS, REAL *y,
                               unsigned char *argmax) {
    const int step = kind ? 2 : 1;
    /* The pixels that are computed, and of those that are written how many remain. */
    const Py_ssize_t down = flat ? 1 : p->height - at->down, across = p->width - at->across;
    const Py_ssize_t out_down = flat ? 1 : p->out_height - at->down / step;
    const Py_ssize_t out_across = p->out_width - at->across / step;
    const Py_ssize_t y_col = p->pixel, y_row = p->out_width * y_col;
    const REAL *bias = (const REAL *)p->bias;
    REAL part[SIDE * SIDE * LANES];
    VECTOR finite = {0};
    for (int v = 0; v < WIDTH && filter < p->filters;
         v++, filter += LANES, m += LANES, y += LANES) {
        Py_ssize_t count = p->filters - filter < LANES ? p->filters - filter : LANES;
        VECTOR b = {0};
        if (bias) b = NAME(load_part)(bias + filter, count);
        finite += NAME(write_vector)(flat, ALL, m, b, p->activation == RELU, part, NULL,
                                     SIDE * LANES, LANES);
        if (p->activation == RELU) b = RECTIFY(b);
        for (int k = 0; blank >> k; k++)
            if (blank >> k & 1) STORE(part + k * LANES, b);
        for (int i = 0; i < SIDE && i < step * out_down; i += step) {
            for (int j = 0; j < SIDE && j < step * out_across; j += step) {
                const Py_ssize_t to = i / step * y_row + j / step * y_col;
                for (Py_ssize_t f = 0; f < count; f++) {
                    REAL best = part[(i * SIDE + j) * LANES + f];
                    int place = 0;
                    for (int k = 1; k < step * step; k++) {
                        const REAL other = part[((i + k / 2) * SIDE + j + k % 2) * LANES + f];
                        if (i + k / 2 < down && j + k % 2 < across && other > best)
                            best = other, place = k;
                    }
                    y[to + f] = best;
                    if (kind == ARGMAXIMA) argmax[v * LANES + to + f] = (unsigned char)place;
                }
            }
        }
    }
    return finite;
}

/* One tile of the result, one panel of filters, or as many whole vectors as there are. */
INLINE VECTOR NAME(write_tile)(const int flat, const int kind, WRITE_PARAMETERS, REAL *y,
                               unsigned char *argmax) {
    const Py_ssize_t y_col = p->pixel, y_row = p->out_width * y_col;
    const REAL *bias = (const REAL *)p->bias;
    VECTOR finite = {0};
    UNROLL(4)
    for (int v = 0; v < WIDTH && filter + v * LANES < p->filters; v++) {
        const VECTOR b = bias ? LOAD(bias + filter + v * LANES) : (VECTOR){0};
        if (!flat && kind == ALL && v * LANES * sizeof(REAL) % LINE == 0) {
            /* The tile below: a store that has to wait for its cache line holds up the others. */
            const REAL *below = y + v * LANES + SIDE * y_row;
            UNROLL(4)
            for (int i = 0; i < SIDE; i++) {
                UNROLL(4)
                for (int j = 0; j < SIDE; j++) PREFETCH_TO_WRITE(below + i * y_row + j * y_col);
            }
        }
        finite +=
            NAME(write_vector)(flat, kind, m + v * LANES, b, p->activation == RELU, y + v * LANES,
                               kind == ARGMAXIMA ? argmax + v * LANES : NULL, y_row, y_col);
    }
    return finite;
}

/* Where in y and argmax the tile begins. */
INLINE Py_ssize_t NAME(start_of)(const int kind, const Winograd *p, const Place *at,
                                 Py_ssize_t filter) {
    const Py_ssize_t step = kind ? 2 : 1, line = at->image * p->out_height + at->down / step;
    return (line * p->out_width + at->across / step) * p->pixel + filter;
}

#define WRITE_TILE(name, flat, kind)                                                             \
    APART VECTOR NAME(part_of_##name)(WRITE_PARAMETERS) {                                        \
        const Py_ssize_t start = NAME(start_of)(kind, p, at, filter);                            \
        return NAME(write_part)(flat, kind, p, at, blank, filter, m, (REAL *)p->out + start,     \
                                kind == ARGMAXIMA ? p->argmax + start : NULL);                   \
    }                                                                                            \
    APART VECTOR NAME(write_##name)(WRITE_PARAMETERS) {                                          \
        const Py_ssize_t start = NAME(start_of)(kind, p, at, filter);                            \
        const int is_whole =                                                                     \
            !blank && (flat || at->down + SIDE <= p->height) && at->across + SIDE <= p->width;   \
        if (is_whole && (filter + PANEL <= p->filters || p->filters % LANES == 0))               \
            return NAME(write_tile)(flat, kind, p, at, blank, filter, m, (REAL *)p->out + start, \
                                    kind == ARGMAXIMA ? p->argmax + start : NULL);               \
        return NAME(part_of_##name)(p, at, blank, filter, m);                                    \
    }
WRITE_TILE(images, 0, ALL)
WRITE_TILE(lines, 1, ALL)
WRITE_TILE(pooled_images, 0, MAXIMA)
WRITE_TILE(pooled_lines, 1, MAXIMA)
WRITE_TILE(argmax_of_images, 0, ARGMAXIMA)
WRITE_TILE(argmax_of_lines, 1, ARGMAXIMA)
typedef VECTOR (*NAME(write_t))(WRITE_PARAMETERS);

/* ---- blocks of tiles ---- */

/* Numbers in a tile's row of the transformed source. */
INLINE Py_ssize_t NAME(source_row)(const Winograd *p) {
    return p->pieces_down * p->pieces_across * ROW(p->source.channels);
}

/* Numbers that a strip of a view needs. */
INLINE Py_ssize_t NAME(strip_size)(const View *v) {
    return POSITIONS * ROW(v->channels) + REACH * UP(v->pixel, LANES);
}

/* Numbers that a block of so many tiles needs. */
static Py_ssize_t NAME(area_size)(const Winograd *p, Py_ssize_t tiles) {
    const Py_ssize_t positions = p->flat ? REACH : POSITIONS, row = NAME(source_row)(p);
    const Py_ssize_t strip = NAME(strip_size)(&p->source);
    if (p->dz.x) {
        const Py_ssize_t dz_row = ROW(p->dz.channels), dz_strip = NAME(strip_size)(&p->dz);
        return positions * (PADDED(tiles * row) + PADDED(tiles * dz_row)) +
               (strip > dz_strip ? strip : dz_strip);
    }
    /* The last part: the bits of each tile's blank pixels. */
    return positions * (PADDED(tiles * row) + tiles * PANEL) + strip + tiles;
}

/* Numbers in the products of a chunk of dkernel, and in its dbias. */
static Py_ssize_t NAME(sums_size)(const Winograd *p) {
    const Py_ssize_t pieces = p->pieces_down * p->pieces_across, dz_row = ROW(p->dz.channels);
    return (p->flat ? REACH : POSITIONS) * PADDED(pieces * p->source.channels * dz_row) + dz_row;
}

/* Whether any number of a vector is not zero. */
INLINE int NAME(any)(const VECTOR x) {
#if defined(__AVX512F__)
    const NAME(mask) found = x != 0;
    return _mm512_test_epi64_mask((__m512i)found, (__m512i)found) != 0;
#elif defined(__AVX2__)
    const NAME(mask) found = x != 0;
    return _mm256_movemask_epi8((__m256i)found) != 0;
#elif defined(VECTOR_BYTES)
    const NAME(mask) found = x != 0;
    uint64_t words[VECTOR_BYTES / 8], all = 0;
    memcpy(words, &found, sizeof words);
    UNROLL(8)
    for (int i = 0; i < VECTOR_BYTES / 8; i++) all |= words[i];
    return all != 0;
#else
    return x != 0;
#endif
}

/* Whether some channels of a pixel, from `first` to `end`, are zero, as all are outside of the
   image. */
INLINE int NAME(is_blank)(const View *v, Py_ssize_t image, Py_ssize_t down, Py_ssize_t across,
                          Py_ssize_t first, Py_ssize_t end) {
    if (down < 0 || down >= v->height || across < 0 || across >= v->width) return 1;
    const Py_ssize_t at = ((image * v->height + down) * v->width + across) * v->pixel;
    const REAL *x = (const REAL *)v->x + at, *y = v->y ? (const REAL *)v->y + at : NULL;
    for (Py_ssize_t c = first; c < end; c += LANES) {
        const Py_ssize_t count = end - c < LANES ? end - c : LANES;
        if (NAME(any)(
                NAME(load_derived)(y ? v->activation : LINEAR, x + c, y ? y + c : NULL, count)))
            return 0;
    }
    return 1;
}

/* The pixels of a tile whose windows see zeros alone, a bit for each. There the result is the bias
   (of dx: zero) to the bit. The transform would leave rounding errors of the rest of the tile, and
   the sign of those decides what relu and maximum pooling pass on: blank parts of images are
   common. */
static int NAME(blank_pixels)(const Winograd *p, Place place) {
    const View *v = &p->source;
    const Py_ssize_t some = v->channels < LANES ? v->channels : LANES;
    /* Every window holds one of these pixels in the middle of the tile: with a window of three, of
       the third and the fourth, of a wider one the fourth. */
    const int rows = !p->flat && p->window_down == 3 ? 2 : 1,
              columns = p->window_across == 3 ? 2 : 1;
    const Py_ssize_t top = place.down - v->top, left = place.across - v->left;
    int bits = 0, in_sight = 0;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            in_sight |= NAME(is_blank)(v, place.image, top + (p->flat ? 0 : SIDE - 1 - i),
                                       left + SIDE - 1 - j, 0, v->channels);
    if (!in_sight) return 0;
    for (int i = 0; i < (p->flat ? 1 : SIDE) && place.down + i < p->height; i++) {
        for (int j = 0; j < SIDE && place.across + j < p->width; j++) {
            /* A few channels of the middle first: they nearly always tell. */
            if (!NAME(is_blank)(v, place.image, top + i + p->window_down / 2,
                                left + j + p->window_across / 2, 0, some))
                continue;
            int blank = 1;
            for (Py_ssize_t k = 0; blank && k < p->window_down * p->window_across; k++)
                blank = NAME(is_blank)(v, place.image, top + i + k / p->window_across,
                                       left + j + k % p->window_across, 0, v->channels);
            bits |= blank << (i * SIDE + j);
        }
    }
    return bits;
}

/* The channels of all pieces lie side by side in a row, unless there are zeros after each. */
INLINE Py_ssize_t NAME(runs_of)(const Winograd *p) {
    return ROW(p->source.channels) == p->source.channels ? 1 : p->pieces_down * p->pieces_across;
}
INLINE Py_ssize_t NAME(run_of)(const Winograd *p) {
    return p->pieces_down * p->pieces_across * p->source.channels / NAME(runs_of)(p);
}

/* Tiles first ... first + count - 1 of y. */
static void NAME(forward_block)(Winograd *p, Py_ssize_t first, Py_ssize_t count, REAL *area) {
    const Py_ssize_t positions = p->flat ? REACH : POSITIONS, most = p->flat ? FLAT_DEPTH : DEPTH;
    const Py_ssize_t row = NAME(source_row)(p), position = PADDED(count * row);
    const Py_ssize_t run = NAME(run_of)(p), runs = NAME(runs_of)(p);
    REAL *spread = area, *sums = spread + positions * position,
         *strip = sums + positions * count * PANEL;
    unsigned short *blank = (unsigned short *)(strip + NAME(strip_size)(&p->source));
    static const NAME(write_t)
        ways[3][2] = {{NAME(write_images), NAME(write_lines)},
                      {NAME(write_pooled_images), NAME(write_pooled_lines)},
                      {NAME(write_argmax_of_images), NAME(write_argmax_of_lines)}};
    const NAME(write_t) write = ways[p->pool + (p->argmax != NULL)][p->flat];
    VECTOR finite = {0};
    REAL seen[LANES];
    Place place = place_of(p, first);
    NAME(read_source)(p, first, count, strip, spread, position);
    for (Py_ssize_t t = 0; t < count; t++, step_on(p, &place))
        blank[t] = (unsigned short)NAME(blank_pixels)(p, place);
    for (Py_ssize_t f = 0; f < p->filters; f += PANEL) {
        const Py_ssize_t columns = p->filters - f > LANES ? PANEL : LANES;
        for (Py_ssize_t i = 0; i < positions; i++) {
            const REAL *u =
                (const REAL *)p->packed + (f / PANEL * positions + i) * NAME(packed_position)(p);
            for (Py_ssize_t k = 0; k < runs; k++) {
                const REAL *a = spread + i * position + k * ROW(p->source.channels);
                for (Py_ssize_t c = 0; c < run; c += most) {
                    const Py_ssize_t depth = run - c < most ? run - c : most;
                    NAME(panel)(count, depth, a + c, row, 1, 0, u, PANEL, sums + i * PANEL,
                                positions * PANEL, columns, NULL, k || c ? FLAG_ACCUMULATE : 0);
                    u += depth * PANEL;
                }
            }
        }
        place = place_of(p, first);
        for (Py_ssize_t t = 0; t < count; t++, step_on(p, &place))
            finite += write(p, &place, blank[t], f, sums + t * positions * PANEL);
    }
    STORE(seen, finite);
    for (int i = 0; i < LANES; i++)
        if (seen[i] != 0) p->failed = 1;
}

/* A chunk of tiles of dkernel: dkernel and dbias of it alone. */
static void NAME(dkernel_chunk)(const Winograd *p, Py_ssize_t chunk, REAL *area, REAL *sums,
                                REAL *out, REAL *dbias_out) {
    const Py_ssize_t positions = p->flat ? REACH : POSITIONS;
    const Py_ssize_t channels = p->source.channels, filters = p->dz.channels;
    const Py_ssize_t pieces = p->pieces_down * p->pieces_across;
    const Py_ssize_t run = NAME(run_of)(p), runs = NAME(runs_of)(p);
    const Py_ssize_t row = NAME(source_row)(p), dz_row = ROW(filters);
    const Py_ssize_t product = PADDED(pieces * channels * dz_row);
    const Py_ssize_t position = PADDED(p->block * row), dz_position = PADDED(p->block * dz_row);
    REAL *spread = area, *dz = spread + positions * position, *strip = dz + positions * dz_position;
    REAL *dbias = sums + positions * product; /* as long as a padded row of dz */
    Py_ssize_t first = chunk * p->chunk_tiles, end = first + p->chunk_tiles;
    if (end > p->tiles) end = p->tiles;
    memset(dbias, 0, dz_row * sizeof(REAL));
    for (Py_ssize_t t = first; t < end; t += p->block) {
        const Py_ssize_t count = end - t < p->block ? end - t : p->block;
        NAME(read_source)(p, t, count, strip, spread, position);
        NAME(read_piece)(p, &p->dz, 1, 0, 0, t, count, strip, dz, dz_row, dz_position,
                         p->wants_dbias ? dbias : NULL);
        for (Py_ssize_t i = 0; i < positions; i++)
            for (Py_ssize_t f = 0; f < dz_row; f += PANEL)
                for (Py_ssize_t k = 0; k < runs; k++)
                    NAME(panel)(run, count, spread + i * position + k * ROW(channels), 1, row, 0,
                                dz + i * dz_position + f, dz_row,
                                sums + i * product + k * run * dz_row + f, dz_row,
                                dz_row - f > LANES ? PANEL : LANES, NULL,
                                t > first ? FLAG_ACCUMULATE : 0);
    }
    for (Py_ssize_t piece = 0; piece < pieces; piece++) {
        const Py_ssize_t i = piece / p->pieces_across * PIECE, j = piece % p->pieces_across * PIECE;
        const Py_ssize_t down = p->window_down - i, across = p->window_across - j;
        const Py_ssize_t out_row = p->window_across * p->tap_step;
        REAL *to = out + i * out_row + j * p->tap_step;
        for (Py_ssize_t c = 0; c < channels; c++, to += p->channel_step) {
            for (Py_ssize_t f = 0; f < filters; f += LANES) {
                const REAL *m = sums + (piece * channels + c) * dz_row + f;
                if (p->flat)
                    NAME(write_kernel)(1, m, product, down, across, to + f, out_row, p->tap_step,
                                       filters - f);
                else
                    NAME(write_kernel)(0, m, product, down, across, to + f, out_row, p->tap_step,
                                       filters - f);
            }
        }
    }
    memcpy(dbias_out, dbias, filters * sizeof(REAL));
}

#undef VECTOR
#undef LANES
#undef CONST
#undef UP
#undef ROW
#undef PADDED
#undef RECTIFY
#undef WHERE_POSITIVE
#undef LARGER
#undef STORE_PLACES
#undef WRITE_PARAMETERS
#undef WRITE_TILE
#undef COLUMNS_PARAMETERS
#undef COLUMNS_ARGUMENTS
#undef COLUMNS
#undef REAL
#undef REAL_BYTES
#undef INTEGER
#undef NAME
