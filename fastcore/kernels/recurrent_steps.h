/* A chunk of sequences through all the steps of a recurrent layer, and back, for one type: recurrent.pyx includes this
   file twice, each time after recurrent.h. Sizes are counted in numbers, not bytes.

   The rows of a chunk stand T apart in what goes from step to step (they are arrays (N, T, ...)); the panels of the
   weights lie ready, packed once for all chunks. */

#ifndef DIPTYCH_RECURRENT_STEPS
#define DIPTYCH_RECURRENT_STEPS

enum { SIMPLE, LSTM, GRU };
enum {
    STEP_DEPTH = 272, /* of a product between two visits to its result: the panel stays in the first-level cache */
    INPUT_ROWS = 96,  /* places of x whose product is made at a time */
    SUM_PLACES = 240, /* places that a chunk adds to the weights' gradients at a time */
    PACK_PANELS = 4,  /* that one task packs */
    MOST_PACKS = 4
};

/* A matrix, or its transpose, to be packed: `columns` in panels that stand `stride` numbers apart. */
typedef struct {
    const void *from;
    void *into;
    Py_ssize_t from_row, depth, columns, stride;
    int transpose;
} diptych_pack;

typedef struct {
    int layer, phi, sigma, single, reset_after, go_backwards, sequences, local, need_dh0, pack_count;
    Py_ssize_t rows, steps, features, units;
    Py_ssize_t wide;    /* columns of the kernels */
    Py_ssize_t da_wide; /* of what goes into the gates, backward: for the GRU with reset_after v_h, z, r, u_h */
    Py_ssize_t h_row;   /* from one h_in to the next: U, or D + U where x stands before it */
    Py_ssize_t chunk_rows, chunks, pack_groups;
    diptych_pack packs[MOST_PACKS];
    void *packed_kernel, *packed_recurrent, *packed_h; /* packed_h: the GRU's third part of the recurrent kernel */
    const void *x, *bias, *bias_h, *h0, *c0, *recurrent_mask, *zeros;
    const unsigned char *mask;
    Py_ssize_t *begins;                /* at which step each sequence begins to have an output; NULL without a mask */
    void *gates, *hs, *cs, *vs;        /* of all steps */
    void *y, *h, *c;                   /* forward; y NULL: hs are it */
    const void *dy;                    /* backward */
    void *dh, *dc;                     /* (N, U), at the end those of the initial states */
    void *da, *h_in, *looked_at;       /* of all steps; looked_at: r h_in, of the GRU without reset_after */
    void *dx, *dkernel, *drecurrent;   /* the latter two of every chunk; only where local */
    void *dbias;                       /* of every chunk, or NULL */
    void *work;                        /* chunk_work numbers for each chunk */
    Py_ssize_t chunk_work;
} diptych_recurrent;

static Py_ssize_t least(Py_ssize_t a, Py_ssize_t b) { return a < b ? a : b; }

static Py_ssize_t place_of(const diptych_recurrent *p, Py_ssize_t step) {
    return p->go_backwards ? p->steps - 1 - step : step;
}

#endif /* once */

/* Packs a few panels of one of the matrices. */
static void NAME(pack_some)(const diptych_recurrent *p, Py_ssize_t chunk) {
    const diptych_pack *m = &p->packs[chunk / p->pack_groups];
    Py_ssize_t first = chunk % p->pack_groups * PACK_PANELS * PANEL;
    Py_ssize_t end = least(m->columns, first + PACK_PANELS * PANEL);
    const REAL *from = m->from;
    REAL *into = (REAL *)m->into + first / PANEL * m->stride;
    if (first >= end) return;
    if (!m->transpose) {
        NAME(pack_rows)(m->depth, end - first, from + first, m->from_row, into);
        return;
    }
    for (; first < end; first += PANEL, into += m->stride)
        NAME(pack_columns)(m->depth, least(PANEL, end - first), from + first * m->from_row, m->from_row, into);
}

/* `panel` of gemm_tile.h; two rows left over would go as slowly as four: they take four with them. */
static void NAME(rows_under)(Py_ssize_t rows, Py_ssize_t depth, const REAL *a, Py_ssize_t a_row, Py_ssize_t a_col,
                             const REAL *b, REAL *c, Py_ssize_t c_row, Py_ssize_t columns, const REAL *bias,
                             int flags) {
    Py_ssize_t most = ROWS == 6 && rows % ROWS == 2 && rows > 2 && columns > LANES ? rows - 8 : rows;
    NAME(panel)(most, depth, a, a_row, a_col, 0, b, PANEL, c, c_row, columns, bias, flags);
    for (; most < rows; most += 4)
        NAME(panel)(4, depth, a + most * a_row, a_row, a_col, 0, b, PANEL, c + most * c_row, c_row, columns, bias,
                    flags);
}

/* c (+)= a b + bias, with b in panels. */
static void NAME(multiply)(Py_ssize_t rows, Py_ssize_t depth, const REAL *a, Py_ssize_t a_row, const REAL *b,
                           Py_ssize_t columns, REAL *c, Py_ssize_t c_row, const REAL *bias, int flags) {
    for (Py_ssize_t j = 0; j < columns; j += PANEL, b += depth * PANEL) {
        Py_ssize_t width = least(PANEL, columns - j), k = 0;
        int more = flags;
        for (; k + STEP_DEPTH < depth; k += STEP_DEPTH, more |= FLAG_ACCUMULATE)
            NAME(rows_under)(rows, STEP_DEPTH, a + k, a_row, 1, b + k * PANEL, c + j, c_row, width, NULL, more);
        NAME(rows_under)(rows, depth - k, a + k, a_row, 1, b + k * PANEL, c + j, c_row, width, bias ? bias + j : NULL,
                         more);
    }
}

/* Rows of a chunk that are wanted soon, `stride` apart: they come while a product runs. */
static void NAME(fetch)(Py_ssize_t rows, Py_ssize_t n, const REAL *at, Py_ssize_t stride) {
    for (Py_ssize_t i = 0; i < rows; i++, at += stride)
        for (Py_ssize_t j = 0; j < n; j += 64 / sizeof(REAL)) PREFETCH(at + j);
}

/* Where each sequence of a chunk begins to have an output: at its first step that is not masked. */
static void NAME(find_begins)(const diptych_recurrent *p, Py_ssize_t first, Py_ssize_t end) {
    for (Py_ssize_t n = first; n < end && p->mask; n++) {
        Py_ssize_t step = 0;
        while (step < p->steps && !p->mask[n * p->steps + place_of(p, step)]) step++;
        p->begins[n] = step;
    }
}

static void NAME(forward_chunk)(const diptych_recurrent *p, Py_ssize_t chunk) {
    const Py_ssize_t T = p->steps, U = p->units, wide = p->wide, first = chunk * p->chunk_rows;
    const Py_ssize_t rows = least(p->chunk_rows, p->rows - first), back = p->go_backwards ? 1 : -1;
    const REAL *h0 = p->h0, *c0 = p->c0, *factors = p->recurrent_mask, *zeros = p->zeros;
    REAL *hs = (REAL *)p->hs + first * T * U;
    REAL *cs = p->cs ? (REAL *)p->cs + first * T * U : NULL;
    REAL *vs = p->vs ? (REAL *)p->vs + first * T * U : NULL;
    REAL *a = p->layer == SIMPLE ? hs : (REAL *)p->gates + first * T * wide;
    REAL *h_in = (REAL *)p->work + chunk * p->chunk_work, *looked_at = h_in + p->chunk_rows * U;
    const int reset_first = p->layer == GRU && !p->reset_after;
    NAME(find_begins)(p, first, first + rows);
    for (Py_ssize_t k = 0; k < rows * T && p->local; k += INPUT_ROWS)
        NAME(multiply)(least(INPUT_ROWS, rows * T - k), p->features, (const REAL *)p->x + (first * T + k) * p->features,
                       p->features, p->packed_kernel, wide, a + k * wide, wide, p->bias, 0);
    for (Py_ssize_t step = 0; step < T; step++) {
        const Py_ssize_t t = place_of(p, step), columns = p->layer == GRU ? 2 * U : wide;
        for (Py_ssize_t i = 0; i < rows; i++) {
            const REAL *before = step ? hs + (i * T + t + back) * U : h0 ? h0 + (first + i) * U : zeros;
            if (factors) NAME(times_row)(U, before, factors + (first + i) * U, h_in + i * U);
            else NAME(copy_row)(U, before, h_in + i * U);
        }
        NAME(fetch)(rows, U, hs + t * U, T * U);
        if (cs) NAME(fetch)(rows, U, cs + t * U, T * U);
        if (p->layer == GRU) NAME(fetch)(rows, U, a + t * wide + 2 * U, T * wide);
        NAME(multiply)(rows, U, h_in, U, p->packed_recurrent, columns, a + t * wide, T * wide, NULL, FLAG_ACCUMULATE);
        if (vs) NAME(multiply)(rows, U, h_in, U, p->packed_h, U, vs + t * U, T * U, p->bias_h, 0);
        if (reset_first) {
            for (Py_ssize_t i = 0; i < rows; i++) {
                REAL *z = a + (i * T + t) * wide;
                NAME(reset_gates)(U, p->sigma, h_in + i * U, z, z + U, looked_at + i * U);
            }
            NAME(multiply)(rows, U, looked_at, U, p->packed_h, U, a + t * wide + 2 * U, T * wide, NULL,
                           FLAG_ACCUMULATE);
        }
        for (Py_ssize_t i = 0; i < rows; i++) {
            const Py_ssize_t n = first + i, at = i * T + t;
            const REAL *before = step ? hs + (at + back) * U : h0 ? h0 + n * U : zeros;
            const REAL *cell = !cs ? NULL : step ? cs + (at + back) * U : c0 ? c0 + n * U : zeros;
            REAL *g = a + at * wide, *h = hs + at * U;
            if (p->mask && !p->mask[n * T + t]) {
                memset(g, 0, wide * sizeof(REAL));
                NAME(copy_row)(U, before, h);
                if (cs) NAME(copy_row)(U, cell, cs + at * U);
                if (vs) memset(vs + at * U, 0, U * sizeof(REAL));
            } else if (p->layer == LSTM)
                NAME(lstm_step)(U, p->phi, p->sigma, cell, g, g + U, g + 2 * U, g + 3 * U, cs + at * U, h);
            else if (p->layer == SIMPLE) NAME(simple_step)(U, p->phi, h);
            else if (reset_first) NAME(reset_state)(U, p->phi, before, g, g + 2 * U, h);
            else NAME(gru_step)(U, p->phi, p->sigma, before, vs + at * U, g, g + U, g + 2 * U, h);
            if (p->y && p->sequences) {
                REAL *y = (REAL *)p->y + (n * T + step) * U;
                if (p->mask && step < p->begins[n]) memset(y, 0, U * sizeof(REAL));
                else NAME(copy_row)(U, h, y);
            }
        }
    }
    for (Py_ssize_t i = 0; i < rows; i++) {
        const Py_ssize_t n = first + i, at = i * T + place_of(p, T - 1);
        NAME(copy_row)(U, hs + at * U, (REAL *)p->h + n * U);
        if (cs) NAME(copy_row)(U, cs + at * U, (REAL *)p->c + n * U);
        if (p->sequences) continue;
        if (p->mask && p->begins[n] == T) memset((REAL *)p->y + n * U, 0, U * sizeof(REAL));
        else NAME(copy_row)(U, hs + at * U, (REAL *)p->y + n * U);
    }
}

/* A chunk's share of the weights' gradients, and dx. */
static void NAME(local_gradients)(const diptych_recurrent *p, Py_ssize_t chunk, Py_ssize_t places, const REAL *x,
                                  const REAL *h_in, const REAL *looked_at, const REAL *da, REAL *packed) {
    const Py_ssize_t D = p->features, U = p->units, wide = p->wide, da_wide = p->da_wide;
    const Py_ssize_t columns = p->layer == GRU ? 2 * U : wide, panels = (wide + PANEL - 1) / PANEL;
    const Py_ssize_t du = p->layer == GRU && p->reset_after ? U : 0;
    const REAL *dv_h = da + (p->reset_after ? 0 : 2 * U), *third = p->reset_after ? h_in : looked_at;
    REAL *dkernel = (REAL *)p->dkernel + chunk * D * wide, *drecurrent = (REAL *)p->drecurrent + chunk * U * wide;
    for (Py_ssize_t k = 0; k < places; k += SUM_PLACES) {
        const Py_ssize_t depth = least(SUM_PLACES, places - k);
        const int flags = k ? FLAG_ACCUMULATE : 0;
        const REAL *b = packed;
        NAME(pack_rows)(depth, wide, da + k * da_wide + du, da_wide, packed);
        for (Py_ssize_t j = 0; j < wide; j += PANEL, b += depth * PANEL) {
            NAME(rows_under)(D, depth, x + k * D, 1, D, b, dkernel + j, wide, least(PANEL, wide - j), NULL, flags);
            if (j < columns)
                NAME(rows_under)(U, depth, h_in + k * U, 1, U, b, drecurrent + j, wide, least(PANEL, columns - j), NULL,
                                 flags);
        }
        if (p->layer != GRU) continue;
        b = packed + panels * PANEL * depth;
        NAME(pack_rows)(depth, U, dv_h + k * da_wide, da_wide, (REAL *)b);
        for (Py_ssize_t j = 0; j < U; j += PANEL, b += depth * PANEL)
            NAME(rows_under)(U, depth, third + k * U, 1, U, b, drecurrent + columns + j, wide, least(PANEL, U - j),
                             NULL, flags);
    }
    for (Py_ssize_t k = 0; k < places && p->dx; k += INPUT_ROWS)
        NAME(multiply)(least(INPUT_ROWS, places - k), wide, da + k * da_wide + du, da_wide, p->packed_kernel, D,
                       (REAL *)p->dx + (chunk * p->chunk_rows * p->steps + k) * D, D, NULL, 0);
}

static void NAME(backward_chunk)(const diptych_recurrent *p, Py_ssize_t chunk) {
    const Py_ssize_t T = p->steps, U = p->units, wide = p->wide, da_wide = p->da_wide, first = chunk * p->chunk_rows;
    const Py_ssize_t rows = least(p->chunk_rows, p->rows - first), back = p->go_backwards ? 1 : -1;
    const int reset_first = p->layer == GRU && !p->reset_after;
    const REAL *h0 = p->h0, *c0 = p->c0, *factors = p->recurrent_mask, *zeros = p->zeros;
    const REAL *hs = (const REAL *)p->hs + first * T * U;
    const REAL *cs = p->cs ? (const REAL *)p->cs + first * T * U : NULL;
    const REAL *vs = p->vs ? (const REAL *)p->vs + first * T * U : NULL;
    const REAL *gates = p->gates ? (const REAL *)p->gates + first * T * wide : NULL;
    REAL *dh = (REAL *)p->dh + first * U, *dc = p->dc ? (REAL *)p->dc + first * U : NULL;
    REAL *da = (REAL *)p->da + first * T * da_wide, *h_in = (REAL *)p->h_in + first * T * p->h_row;
    const REAL *x = (const REAL *)p->x + first * T * p->features;
    REAL *looked_at = p->looked_at ? (REAL *)p->looked_at + first * T * U : NULL;
    REAL *s = (REAL *)p->work + chunk * p->chunk_work; /* what goes to h_in, where it is no part of dh yet */
    REAL *sums = p->dbias ? (REAL *)p->dbias + chunk * da_wide : NULL;
    if (sums) memset(sums, 0, da_wide * sizeof(REAL));
    NAME(find_begins)(p, first, first + rows);
    for (Py_ssize_t step = T - 1; step >= 0; step--) {
        const Py_ssize_t t = place_of(p, step);
        for (Py_ssize_t i = 0; i < rows; i++) {
            const Py_ssize_t n = first + i, at = i * T + t;
            const REAL *before = step ? hs + (at + back) * U : h0 ? h0 + n * U : zeros;
            const REAL *cell = !cs ? NULL : step ? cs + (at + back) * U : c0 ? c0 + n * U : zeros;
            const REAL *g = gates ? gates + at * wide : NULL;
            REAL *d = da + at * da_wide, *dh_i = dh + i * U, *h = h_in + at * p->h_row;
            if ((p->sequences || step == T - 1) && (!p->mask || step >= p->begins[n]))
                NAME(add_row)(U, (const REAL *)p->dy + (p->sequences ? n * T + step : n) * U, dh_i);
            if (factors) NAME(times_row)(U, before, factors + n * U, h);
            else NAME(copy_row)(U, before, h);
            if (p->h_row > U) NAME(copy_row)(p->features, x + at * p->features, h - p->features);
            if (p->mask && !p->mask[n * T + t]) memset(d, 0, da_wide * sizeof(REAL));
            else if (p->layer == LSTM)
                NAME(lstm_back)(U, p->phi, p->sigma, cell, g, g + U, g + 2 * U, g + 3 * U, cs + at * U, dh_i,
                                dc + i * U, d, d + U, d + 2 * U, d + 3 * U);
            else if (p->layer == SIMPLE) NAME(simple_back)(U, p->phi, hs + at * U, dh_i, d);
            else if (reset_first)
                NAME(reset_state_back)(U, p->phi, p->sigma, before, g, g + 2 * U, dh_i, d, d + 2 * U);
            else
                NAME(gru_back)(U, p->phi, p->sigma, before, g, g + U, g + 2 * U, vs + at * U, dh_i, d + U, d + 2 * U,
                               d + 3 * U, d);
        }
        if (reset_first) {
            NAME(multiply)(rows, U, da + t * da_wide + 2 * U, T * da_wide, p->packed_h, U, s, U, NULL, 0);
            for (Py_ssize_t i = 0; i < rows; i++) {
                const Py_ssize_t at = i * T + t; /* at a masked step r and s are 0 */
                const REAL *r = gates + at * wide + U;
                NAME(times_row)(U, r, h_in + at * U, looked_at + at * U);
                NAME(reset_gates_back)(U, p->sigma, h_in + at * U, r, s + i * U, da + at * da_wide + U);
            }
        }
        if (sums) NAME(add_rows)(rows, da_wide, da + t * da_wide, T * da_wide, sums);
        if (step == 0 && !p->need_dh0) break;
        if (step) {
            const Py_ssize_t next = t + back;
            if (gates) NAME(fetch)(rows, wide, gates + next * wide, T * wide);
            if (cs) NAME(fetch)(rows, U, cs + next * U, T * U);
            if (vs) NAME(fetch)(rows, U, vs + next * U, T * U);
            NAME(fetch)(rows, U, h_in + next * p->h_row, T * p->h_row);
            NAME(fetch)(rows, da_wide, da + next * da_wide, T * da_wide);
        }
        const Py_ssize_t depth = p->layer != GRU ? wide : p->reset_after ? 3 * U : 2 * U;
        const int aside = factors || reset_first;
        NAME(multiply)(rows, depth, da + t * da_wide, T * da_wide, p->packed_recurrent, U, aside ? s : dh, U, NULL,
                       aside && !reset_first ? 0 : FLAG_ACCUMULATE);
        for (Py_ssize_t i = 0; i < rows && aside; i++) {
            if (factors) NAME(add_times_row)(U, s + i * U, factors + (first + i) * U, dh + i * U);
            else NAME(add_row)(U, s + i * U, dh + i * U);
        }
    }
    if (p->local) NAME(local_gradients)(p, chunk, rows * T, x, h_in, looked_at, da, s + p->chunk_rows * U);
}

#undef FROM
#undef INTO
#undef COMMON
#undef BITS
#undef LEADING
#undef MAGIC
#undef LN2
#undef LN2_REST
#undef LOG2E
#undef SIGMOID_TOP
#undef TANH_TOP
#undef LANES
#undef REAL
#undef REAL_BYTES
#undef NAME
