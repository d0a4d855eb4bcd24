/* The kernels of Winograd's transform, for one type: _winograd.pyx explains them and includes this file twice, with
   REAL, INTEGER and NAME(x) defined, after _gemm_tile.h has been read for the same type. */

#ifndef DIPTYCH_WINOGRAD_H
#define DIPTYCH_WINOGRAD_H

/* What a pass reads: images, channels last, in tiles of SIDE x SIDE pixels, or of REACH x REACH that overlap by two. */
typedef struct {
    Py_ssize_t height, width, channels;
    Py_ssize_t top, left;   /* where the first tile begins: so many zeros above and to the left of the image */
    const void *x, *y;      /* each number is x activation'(y); y == NULL: just x */
    int activation;         /* of _fused: LINEAR, RELU, TANH, SIGMOID */
} View;

typedef struct {
    View in;                /* of the forward pass: x; of the gradient of the input: dz */
    View dz;                /* of the gradient of the kernel only */
    Py_ssize_t height, width, filters; /* what forward and dx write */
    Py_ssize_t tiles_down, tiles_across, tiles;
    Py_ssize_t block;       /* tiles worked on at once */
    Py_ssize_t chunks, chunk_tiles;
    const void *packed;     /* the transformed kernel: [panel][position][channel][PANEL filters] */
    const void *bias;
    void *out;
    void *sums;             /* per chunk: its part of dkernel, then of dbias */
    int activation;         /* applied to what is written */
    int wants_dbias;
    int failed;             /* no memory, or a number that is not finite: the caller takes another way */
} Winograd;

enum { SIDE = 4, REACH = SIDE + 2, POSITIONS = REACH * REACH, LINE = 64 };
/* Channels are added up in pieces of DEPTH: rounding errors of a long sum grow with its length. */
enum { DEPTH = 16 };


/* The points 0, +-P1, +-P2 and infinity. */
#define P1 0.625
#define P2 1.5
#define NORM_0 (1 / (P1 * P1 * P2 * P2))
#define NORM_1 (1 / (2 * P1 * P1 * (P1 * P1 - P2 * P2)))
#define NORM_2 (1 / (2 * P2 * P2 * (P2 * P2 - P1 * P1)))

#endif /* once */

#define VECTOR NAME(vector)
#define LANES NAME(lanes)
#define CONST(x) ((REAL)(x))
#define UP(n, to) (((n) + (to)-1) / (to) * (to))
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

/* ------------------------------------------------------------- the five matrices, applied to vectors of channels */

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

/* u = G g, for one number, in double: it is rounded once. */
INLINE void NAME(times_g)(const double *g, Py_ssize_t step, double *u, Py_ssize_t u_step) {
    double even_1 = NORM_1 * (g[0] + P1 * P1 * g[2 * step]), odd_1 = NORM_1 * P1 * g[step];
    double even_2 = NORM_2 * (g[0] + P2 * P2 * g[2 * step]), odd_2 = NORM_2 * P2 * g[step];
    u[0] = NORM_0 * g[0];
    u[u_step] = even_1 + odd_1;
    u[2 * u_step] = even_1 - odd_1;
    u[3 * u_step] = even_2 + odd_2;
    u[4 * u_step] = even_2 - odd_2;
    u[5 * u_step] = g[2 * step];
}

/* g = G^T m */
INLINE void NAME(times_g_back)(const VECTOR *m, VECTOR *g) {
    VECTOR sum_1 = CONST(NORM_1) * (m[1] + m[2]), less_1 = CONST(NORM_1) * (m[1] - m[2]);
    VECTOR sum_2 = CONST(NORM_2) * (m[3] + m[4]), less_2 = CONST(NORM_2) * (m[3] - m[4]);
    g[0] = CONST(NORM_0) * m[0] + (sum_1 + sum_2);
    g[1] = CONST(P1) * less_1 + CONST(P2) * less_2;
    g[2] = CONST(P1 * P1) * sum_1 + (CONST(P2 * P2) * sum_2 + m[5]);
}

/* ---------------------------------------------------------------------------------------------------- the kernel */

/* U = G g G^T for all filters of one channel, packed in panels. kernel[window][channel][filter], or, to go backward,
   the kernel turned by 180 degrees with channels and filters exchanged. */
APART void NAME(transform_kernel)(const REAL *kernel, Py_ssize_t channels, Py_ssize_t filters, int backward,
                                  Py_ssize_t channel, REAL *packed) {
    Py_ssize_t window_step = channels * filters;
    Py_ssize_t filter_step = backward ? channels : 1;
    const REAL *from = kernel + (backward ? channel + 8 * window_step : channel * filters);
    if (backward) window_step = -window_step;
    for (Py_ssize_t f = 0; f < filters; f += PANEL, packed += POSITIONS * channels * PANEL) {
        for (int j = 0; j < PANEL; j++) {
            double g[9], half[REACH * 3], u[POSITIONS];
            for (int w = 0; w < 9; w++)
                g[w] = f + j < filters ? from[w * window_step + (f + j) * filter_step] : 0;
            for (int w = 0; w < 3; w++) NAME(times_g)(g + w, 3, half + w, 3);
            for (int i = 0; i < REACH; i++) NAME(times_g)(half + 3 * i, 1, u + REACH * i, 1);
            for (int p = 0; p < POSITIONS; p++) packed[(p * channels + channel) * PANEL + j] = (REAL)u[p];
        }
    }
}

/* ----------------------------------------------------------------------------------------------------- the images */

INLINE VECTOR NAME(load_part)(const REAL *p, Py_ssize_t count) {
    REAL all[LANES];
    for (int i = 0; i < LANES; i++) all[i] = i < count ? p[i] : 0;
    return LOAD(all);
}

/* `count` (LANES or fewer) numbers x activation'(y). */
INLINE VECTOR NAME(load_derived)(const int activation, const REAL *x, const REAL *y, Py_ssize_t count) {
    VECTOR a = count == LANES ? LOAD(x) : NAME(load_part)(x, count);
    if (activation == 0) return a;
    VECTOR b = count == LANES ? LOAD(y) : NAME(load_part)(y, count);
    if (activation == 1) return WHERE_POSITIVE(b, a);
    if (activation == 2) return a * (1 - b * b);
    return a * (b * (1 - b));
}

/* One column of a tile, all channels: out[0:6][channel] = B^T (6 pixels), or A (4 pixels) with the sum of the pixels
   added to `sums`. */
INLINE void NAME(column)(const int activation, const int is_dz, const View *v, const REAL *const *x,
                         const REAL *const *y, REAL *out, Py_ssize_t row, REAL *sums) {
    for (Py_ssize_t c = 0; c < v->channels; c += LANES) {
        VECTOR d[REACH], u[REACH];
        Py_ssize_t count = v->channels - c;
        if (count >= LANES) {
            for (int i = 0; i < (is_dz ? SIDE : REACH); i++)
                d[i] = NAME(load_derived)(activation, x[i] + c, activation ? y[i] + c : NULL, LANES);
        } else {
            for (int i = 0; i < (is_dz ? SIDE : REACH); i++)
                d[i] = NAME(load_derived)(activation, x[i] + c, activation ? y[i] + c : NULL, count);
        }
        if (is_dz) {
            NAME(times_a_back)(d, u);
            if (sums) STORE(sums + c, LOAD(sums + c) + ((d[0] + d[1]) + (d[2] + d[3])));
        } else {
            NAME(times_b)(d, u);
        }
        UNROLL(6)
        for (int i = 0; i < REACH; i++) STORE(out + i * row + c, u[i]);
    }
}

#define COLUMN_PARAMETERS                                                                                             \
    const View *v, const REAL *const *x, const REAL *const *y, REAL *out, Py_ssize_t row, REAL *sums
#define COLUMN(kind, activation, is_dz)                                                                               \
    APART void NAME(column_##kind)(COLUMN_PARAMETERS) { NAME(column)(activation, is_dz, v, x, y, out, row, sums); }
COLUMN(x, 0, 0) COLUMN(x_relu, 1, 0) COLUMN(x_tanh, 2, 0) COLUMN(x_sigmoid, 3, 0)
COLUMN(z, 0, 1) COLUMN(z_relu, 1, 1) COLUMN(z_tanh, 2, 1) COLUMN(z_sigmoid, 3, 1)
typedef void (*NAME(column_t))(COLUMN_PARAMETERS);

/* The rows of a column's transform: out[position][channel] from columns[0:6] (or [0:4] of dz), each [6][row]. */
INLINE void NAME(across)(const int is_dz, REAL *const *columns, Py_ssize_t row, REAL *out, Py_ssize_t out_position) {
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
APART void NAME(across_x)(REAL *const *columns, Py_ssize_t row, REAL *out, Py_ssize_t out_position) {
    NAME(across)(0, columns, row, out, out_position);
}
APART void NAME(across_z)(REAL *const *columns, Py_ssize_t row, REAL *out, Py_ssize_t out_position) {
    NAME(across)(1, columns, row, out, out_position);
}

/* Tiles first ... first + count - 1 of the images, transformed: out[position][tile][row]. `strip` holds 6 columns and
   a row of zeros: (POSITIONS + 1) * row numbers. */
static void NAME(read_tiles)(const Winograd *p, const View *v, const int is_dz, Py_ssize_t first, Py_ssize_t count,
                             REAL *strip, REAL *out, Py_ssize_t out_position, REAL *sums) {
    static const NAME(column_t) by_activation[2][4] = {
        {NAME(column_x), NAME(column_x_relu), NAME(column_x_tanh), NAME(column_x_sigmoid)},
        {NAME(column_z), NAME(column_z_relu), NAME(column_z_tanh), NAME(column_z_sigmoid)}};
    const NAME(column_t) column = by_activation[is_dz][v->y ? v->activation : 0];
    const Py_ssize_t row = ROW(v->channels);
    const int in = is_dz ? SIDE : REACH;
    const REAL *zeros = strip + POSITIONS * row;
    const REAL *x[REACH] = {0}, *y[REACH] = {0};
    Py_ssize_t step[REACH] = {0}; /* from one column to the next: none along zeros */
    Py_ssize_t done = 0; /* columns of the strip that the tile before has left */
    int slot = 0;        /* of the tile's first column: the strip is a ring */
    memset(strip + POSITIONS * row, 0, row * sizeof(REAL));
    for (Py_ssize_t t = first; t < first + count; t++, out += row) {
        Py_ssize_t across = t % p->tiles_across, down = t / p->tiles_across % p->tiles_down;
        Py_ssize_t image = t / p->tiles_across / p->tiles_down;
        REAL *columns[REACH];
        if (across == 0 || t == first) {
            done = 0;
            for (int i = 0; i < in; i++) {
                Py_ssize_t line = SIDE * down - v->top + i;
                int inside = line >= 0 && line < v->height;
                Py_ssize_t at = inside ? (image * v->height + line) * v->width * v->channels : 0;
                x[i] = inside ? (const REAL *)v->x + at : zeros;
                y[i] = inside && v->y ? (const REAL *)v->y + at : zeros;
                step[i] = inside ? v->channels : 0;
            }
        }
        for (int j = 0; j < in; j++) {
            columns[j] = strip + (slot + j) % REACH * REACH * row;
            if (j < done) continue;
            Py_ssize_t at = SIDE * across - v->left + j;
            if (at < 0 || at >= v->width) {
                memset(columns[j], 0, REACH * row * sizeof(REAL));
                continue;
            }
            const REAL *from[REACH], *from_y[REACH];
            for (int i = 0; i < in; i++) {
                from[i] = x[i] + at * step[i];
                from_y[i] = y[i] + at * step[i];
            }
            column(v, from, from_y, columns[j], row, sums);
        }
        if (is_dz) {
            NAME(across_z)(columns, row, out, out_position);
        } else {
            NAME(across_x)(columns, row, out, out_position);
            slot = (slot + SIDE) % REACH;
            done = REACH - SIDE;
        }
    }
}

/* One tile of the result, one panel of filters: y = A^T m A + bias, activation. `columns` of the filters and
   `down` x `across` of the pixels exist. Returns 0 * (some of the numbers): NaN where one is not finite. */
INLINE VECTOR NAME(write_vector)(const REAL *m, const VECTOR bias, int rectify, REAL *y, Py_ssize_t y_row,
                                 Py_ssize_t y_col) {
    VECTOR half[SIDE][REACH], finite = {0};
    UNROLL(6)
    for (int j = 0; j < REACH; j++) {
        VECTOR d[REACH], u[SIDE];
        UNROLL(6)
        for (int i = 0; i < REACH; i++) d[i] = LOAD(m + (i * REACH + j) * PANEL);
        NAME(times_a)(d, u);
        UNROLL(4)
        for (int i = 0; i < SIDE; i++) half[i][j] = u[i];
    }
    UNROLL(4)
    for (int i = 0; i < SIDE; i++) {
        VECTOR u[SIDE];
        NAME(times_a)(half[i], u);
        /* Whatever is not finite in m shows in a corner. */
        if (i == 0 || i == SIDE - 1) finite += 0 * u[0] + 0 * u[SIDE - 1];
        UNROLL(4)
        for (int j = 0; j < SIDE; j++) {
            VECTOR a = u[j] + bias;
            if (rectify) a = RECTIFY(a);
            STORE(y + i * y_row + j * y_col, a);
        }
    }
    return finite;
}

APART VECTOR NAME(write_tile)(const Winograd *p, Py_ssize_t tile, Py_ssize_t filter, const REAL *m) {
    const Py_ssize_t across = tile % p->tiles_across * SIDE, down = tile / p->tiles_across % p->tiles_down * SIDE;
    const Py_ssize_t image = tile / p->tiles_across / p->tiles_down;
    const Py_ssize_t y_col = p->filters, y_row = p->width * y_col;
    const REAL *bias = (const REAL *)p->bias;
    REAL *y = (REAL *)p->out + (image * p->height + down) * y_row + across * y_col + filter;
    REAL part[SIDE * SIDE * LANES];
    VECTOR finite = {0};
    int is_whole = down + SIDE <= p->height && across + SIDE <= p->width;
    for (int v = 0; v < WIDTH && filter < p->filters; v++, filter += LANES, m += LANES, y += LANES) {
        Py_ssize_t count = p->filters - filter;
        VECTOR b = {0};
        if (bias) b = count >= LANES ? LOAD(bias + filter) : NAME(load_part)(bias + filter, count);
        if (is_whole && count >= LANES) {
            finite += NAME(write_vector)(m, b, p->activation == 1, y, y_row, y_col);
            continue;
        }
        if (count > LANES) count = LANES;
        finite += NAME(write_vector)(m, b, p->activation == 1, part, SIDE * LANES, LANES);
        for (int i = 0; i < SIDE && down + i < p->height; i++)
            for (int j = 0; j < SIDE && across + j < p->width; j++)
                for (Py_ssize_t f = 0; f < count; f++) y[i * y_row + j * y_col + f] = part[(i * SIDE + j) * LANES + f];
    }
    return finite;
}

/* --------------------------------------------------------------------------------------------- blocks of tiles */

/* Numbers that a block of so many tiles needs. */
static Py_ssize_t NAME(area_size)(const Winograd *p, Py_ssize_t tiles) {
    Py_ssize_t row = ROW(p->in.channels);
    if (p->dz.x) {
        Py_ssize_t dz_row = ROW(p->dz.channels);
        return POSITIONS * (PADDED(tiles * row) + PADDED(tiles * dz_row)) +
               (POSITIONS + 1) * (row > dz_row ? row : dz_row);
    }
    return POSITIONS * PADDED(tiles * row) + POSITIONS * tiles * PANEL + (POSITIONS + 1) * row;
}

/* Numbers in the products of a chunk of dkernel, and in its dbias. */
static Py_ssize_t NAME(sums_size)(const Winograd *p) {
    return (POSITIONS * p->in.channels + 1) * ROW(p->dz.channels);
}

/* Tiles first ... first + count - 1 of y. */
static void NAME(forward_block)(Winograd *p, Py_ssize_t first, Py_ssize_t count, REAL *area) {
    const Py_ssize_t channels = p->in.channels, row = ROW(channels), position = PADDED(count * row);
    REAL *spread = area, *sums = spread + POSITIONS * position, *strip = sums + POSITIONS * count * PANEL;
    const REAL *u = (const REAL *)p->packed;
    VECTOR finite = {0};
    REAL seen[LANES];
    NAME(read_tiles)(p, &p->in, 0, first, count, strip, spread, position, NULL);
    for (Py_ssize_t f = 0; f < p->filters; f += PANEL) {
        Py_ssize_t columns = p->filters - f > LANES ? PANEL : LANES;
        for (int i = 0; i < POSITIONS; i++) {
            for (Py_ssize_t c = 0; c < channels; c += DEPTH, u += DEPTH * PANEL)
                NAME(panel)(count, channels - c < DEPTH ? channels - c : DEPTH, spread + i * position + c, row, 1, 0,
                            u, PANEL, sums + i * PANEL, POSITIONS * PANEL, columns, NULL, c ? FLAG_ACCUMULATE : 0);
            u -= (UP(channels, DEPTH) - channels) * PANEL;
        }
        for (Py_ssize_t t = 0; t < count; t++)
            finite += NAME(write_tile)(p, first + t, f, sums + t * POSITIONS * PANEL);
    }
    STORE(seen, finite);
    for (int i = 0; i < LANES; i++)
        if (seen[i] != 0) p->failed = 1;
}

/* A chunk of tiles of dkernel: dkernel and dbias of it alone into its part of p->sums. */
static void NAME(dkernel_chunk)(Winograd *p, Py_ssize_t chunk, REAL *area, REAL *sums) {
    const Py_ssize_t channels = p->in.channels, filters = p->dz.channels;
    const Py_ssize_t row = ROW(channels), dz_row = ROW(filters);
    const Py_ssize_t position = PADDED(p->block * row), dz_position = PADDED(p->block * dz_row);
    const Py_ssize_t product = channels * dz_row;
    REAL *spread = area, *dz = spread + POSITIONS * position, *strip = dz + POSITIONS * dz_position;
    REAL *dbias = sums + POSITIONS * product; /* as long as a padded row of dz */
    REAL *out = (REAL *)p->sums + chunk * (9 * channels + 1) * filters;
    Py_ssize_t first = chunk * p->chunk_tiles, end = first + p->chunk_tiles;
    if (end > p->tiles) end = p->tiles;
    memset(dbias, 0, dz_row * sizeof(REAL));
    for (Py_ssize_t t = first; t < end; t += p->block) {
        Py_ssize_t count = end - t < p->block ? end - t : p->block;
        NAME(read_tiles)(p, &p->in, 0, t, count, strip, spread, position, NULL);
        NAME(read_tiles)(p, &p->dz, 1, t, count, strip, dz, dz_position, p->wants_dbias ? dbias : NULL);
        for (int i = 0; i < POSITIONS; i++)
            for (Py_ssize_t f = 0; f < dz_row; f += PANEL)
                NAME(panel)(channels, count, spread + i * position, 1, row, 0, dz + i * dz_position + f, dz_row,
                            sums + i * product + f, dz_row, dz_row - f > LANES ? PANEL : LANES, NULL,
                            t > first ? FLAG_ACCUMULATE : 0);
    }
    for (Py_ssize_t c = 0; c < channels; c++) {
        for (Py_ssize_t f = 0; f < filters; f += LANES) {
            VECTOR half[3][REACH], d[REACH], g[3];
            for (int j = 0; j < REACH; j++) {
                for (int i = 0; i < REACH; i++) d[i] = LOAD(sums + (i * REACH + j) * product + c * dz_row + f);
                NAME(times_g_back)(d, g);
                for (int i = 0; i < 3; i++) half[i][j] = g[i];
            }
            for (int i = 0; i < 3; i++) {
                REAL part[LANES];
                NAME(times_g_back)(half[i], g);
                for (int j = 0; j < 3; j++) {
                    REAL *to = out + ((3 * i + j) * channels + c) * filters + f;
                    if (f + LANES <= filters) {
                        STORE(to, g[j]);
                    } else {
                        STORE(part, g[j]);
                        for (Py_ssize_t k = 0; k < filters - f; k++) to[k] = part[k];
                    }
                }
            }
        }
    }
    memcpy(out + 9 * channels * filters, dbias, filters * sizeof(REAL));
}

#undef VECTOR
#undef LANES
#undef CONST
#undef UP
#undef ROW
#undef PADDED
#undef RECTIFY
#undef WHERE_POSITIVE
#undef COLUMN_PARAMETERS
#undef COLUMN
#undef REAL
#undef REAL_BYTES
#undef INTEGER
#undef NAME
