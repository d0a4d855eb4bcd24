/* The kernel into Winograd's transform and its gradient out of it, a part of winograd_tile.h. */

/* Channels whose kernels are transformed at a time: those of one cache line. */
#define TOGETHER (LINE / (int)sizeof(REAL))

/* Numbers of the transformed kernel at one position, for one panel of filters. */
INLINE Py_ssize_t NAME(packed_position)(const Winograd *p) {
    return PADDED(p->pieces_down * p->pieces_across * p->source.channels * PANEL);
}

/* Numbers of the whole transformed kernel of a group. */
static Py_ssize_t NAME(packed_size)(const Winograd *p) {
    return (p->filters + PANEL - 1) / PANEL * (p->flat ? REACH : POSITIONS) *
           NAME(packed_position)(p);
}

/* U = G g G^T (flat: G g) of one piece that has `down` by `across` taps, for some channels and one
   panel of filters. */
INLINE void NAME(transform_piece)(const Winograd *p, const REAL *kernel, Py_ssize_t down,
                                  Py_ssize_t across, int channels, int filters, REAL *packed,
                                  Py_ssize_t position) {
    const int positions = p->flat ? REACH : POSITIONS;
    REAL some[PIECE * PIECE][PANEL][TOGETHER];
    double g[PIECE * PIECE][PANEL], half[REACH * PIECE][PANEL], u[POSITIONS][PANEL];
    if (down < PIECE || across < PIECE || filters < PANEL) memset(g, 0, sizeof g);
    /* Where filters are far apart, the channels of one cache line are read at once. */
    for (int i = 0; i < down; i++)
        for (int j = 0; j < across; j++)
            for (int k = 0; k < filters && p->filter_step > 1; k++)
                memcpy(some[i * PIECE + j][k],
                       kernel + (i * p->window_across + j) * p->tap_step + k * p->filter_step,
                       channels * sizeof(REAL));
    for (int c = 0; c < channels; c++, packed += PANEL) {
        for (int i = 0; i < down; i++)
            for (int j = 0; j < across; j++) {
                const REAL *from =
                    kernel + c * p->channel_step + (i * p->window_across + j) * p->tap_step;
                double *to = g[i * PIECE + j];
                if (p->filter_step > 1)
                    for (int k = 0; k < filters; k++) to[k] = some[i * PIECE + j][k][c];
                else
                    for (int k = 0; k < filters; k++) to[k] = from[k];
            }
        if (p->flat) {
            NAME(times_g)(g, 1, u, 1);
        } else {
            for (int w = 0; w < PIECE; w++) NAME(times_g)(g + w, PIECE, half + w, PIECE);
            for (int i = 0; i < REACH; i++) NAME(times_g)(half + PIECE * i, 1, u + REACH * i, 1);
        }
        for (int k = 0; k < positions; k++)
            for (int j = 0; j < PANEL; j++) packed[k * position + j] = (REAL)u[k][j];
    }
}

/* The transformed kernel of TOGETHER channels (or what is left), all pieces and filters, packed in
   panels. kernel: the first tap as the pass reads them, of the first channel and filter. */
APART void NAME(transform_kernel)(const Winograd *p, const REAL *kernel, Py_ssize_t channel,
                                  REAL *packed) {
    const Py_ssize_t channels = p->source.channels, position = NAME(packed_position)(p);
    const Py_ssize_t left = channels - channel < TOGETHER ? channels - channel : TOGETHER;
    kernel += channel * p->channel_step;
    packed += channel * PANEL;
    for (Py_ssize_t f = 0; f < p->filters; f += PANEL) {
        for (Py_ssize_t i = 0; i < p->pieces_down; i++)
            for (Py_ssize_t j = 0; j < p->pieces_across; j++) {
                const Py_ssize_t down = p->window_down - PIECE * i,
                                 across = p->window_across - PIECE * j;
                NAME(transform_piece)(
                    p,
                    kernel + f * p->filter_step + PIECE * (i * p->window_across + j) * p->tap_step,
                    down < PIECE ? down : PIECE, across < PIECE ? across : PIECE, (int)left,
                    p->filters - f < PANEL ? (int)(p->filters - f) : PANEL,
                    packed + (i * p->pieces_across + j) * channels * PANEL, position);
            }
        packed += (p->flat ? REACH : POSITIONS) * position;
    }
}

/* G^T m G (flat: G^T m) of one channel and one vector of filters: `count` numbers at each of `down`
   by `across` places of the window. */
INLINE void NAME(write_kernel)(const int flat, const REAL *m, Py_ssize_t position, Py_ssize_t down,
                               Py_ssize_t across, REAL *out, Py_ssize_t out_row, Py_ssize_t out_col,
                               Py_ssize_t count) {
    VECTOR half[3][REACH], d[REACH], g[3];
    REAL part[LANES];
    for (int j = 0; j < REACH; j++) {
        if (flat) {
            half[0][j] = LOAD(m + j * position);
            continue;
        }
        for (int i = 0; i < REACH; i++) d[i] = LOAD(m + (i * REACH + j) * position);
        NAME(times_g_back)(d, g);
        for (int i = 0; i < 3; i++) half[i][j] = g[i];
    }
    for (int i = 0; i < (flat ? 1 : PIECE) && i < down; i++) {
        NAME(times_g_back)(half[i], g);
        for (int j = 0; j < PIECE && j < across; j++) {
            REAL *to = out + i * out_row + j * out_col;
            if (count >= LANES) {
                STORE(to, g[j]);
            } else {
                STORE(part, g[j]);
                for (Py_ssize_t k = 0; k < count; k++) to[k] = part[k];
            }
        }
    }
}

#undef TOGETHER
