"""Scaled dot-product attention by blocks, without the matrix of scores.

A block of queries meets a block of keys: one product makes their logits, which stay in the
second-level cache, are turned into softmax scores in place, and used by the next product. The keys
and values of a block are packed for the register tile of the matrix product (gemm_tile.h) once, for
all the queries that meet them. A query that has met some keys keeps its largest logit and its sum
of exponentials so far; where later keys bring a larger one, its result is multiplied by what makes
the old exponentials fit (Dao et al. 2022, FlashAttention). So no work area grows with the number of
queries or keys.

For the way back the scores are made again from those two numbers. The gradients of a block of keys
are added up over the queries in one order. What one head of keys has to do is cut into parts where
there are few of them: each adds up gradients of its own, to be summed in the end.

Where the mask is causal, blocks of keys that come after a block of queries are not looked at.

A block of scores has whole panels of columns: those behind the last key hold -inf as logits, 0 as
exponentials.
"""

from libc.math cimport INFINITY
from libc.stdint cimport uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy

from .arrays cimport real
from .attention_rows cimport (
    add_number, add_row, add_times, dot_rows, exponentials, fill, max_rows, multiply_row,
    scale_row, scale_where, softmax_scores, softmax_scores_back, sum_rows,
)
from .gemm_tile cimport (
    FLAG_ACCUMULATE, PREFETCH, lanes_f32, lanes_f64, pack_columns, pack_rows, panel_product,
    panel_width,
)
from .threads cimport Stage, no_memory, run_stages, typed_stage
from .vector_math cimport vexp_short

cdef enum:
    MOST_LANES = 16         # numbers in the widest vector
    SUM_NUMBERS = 8192      # that one task sums

# A block of queries: row n of the batch, head h, queries first to first + rows - 1.
cdef struct Queries:
    Py_ssize_t n
    Py_ssize_t h
    Py_ssize_t first
    Py_ssize_t rows

# What a chunk works in. `turned`: keys or values as columns, the right factor of what makes scores.
cdef struct Area:
    void* turned_keys
    void* turned_values
    void* keys
    void* values
    void* query
    void* dy
    void* scores
    void* dscores
    void* means
    unsigned char* idle


# -------------------------------------------------------------------------------- where things are

cdef inline Py_ssize_t part_begin(const Attention* p, Py_ssize_t part) noexcept nogil:
    """The blocks of a part are those from here on to that of the next part."""
    return p.blocks * part // p.parts


cdef inline Queries queries_of(
    const Attention* p, Py_ssize_t n, Py_ssize_t k, Py_ssize_t block,
) noexcept nogil:
    cdef Py_ssize_t group = p.h // p.k
    cdef Py_ssize_t each = p.blocks // group
    cdef Queries q
    q.n, q.h, q.first = n, k * group + block // each, block % each * p.rows
    q.rows = min(p.rows, p.t - q.first)
    return q


cdef inline Py_ssize_t row_at(
    const Py_ssize_t* step, const Queries* q, Py_ssize_t i,
) noexcept nogil:
    """Where the row of a query begins in an array that broadcasts to (N, H, T, S)."""
    return q.n * step[0] + q.h * step[1] + (q.first + i) * step[2]


cdef inline Py_ssize_t query_at(const Attention* p, const Queries* q) noexcept nogil:
    """Where a block of queries begins in an array (N, H, T)."""
    return (q.n * p.h + q.h) * p.t + q.first


cdef inline Py_ssize_t dlogits_at(const Attention* p, const Queries* q) noexcept nogil:
    return (query_at(p, q) - p.first * p.h * p.t) * p.s


cdef inline Py_ssize_t features_at(
    const Attention* p, const Queries* q, Py_ssize_t features,
) noexcept nogil:
    """Where it begins in an array (N, T, H, features)."""
    return ((q.n * p.t + q.first) * p.h + q.h) * features


cdef inline bint is_before(const Attention* p, const Queries* q, Py_ssize_t key) noexcept nogil:
    """Whether the causal mask forbids a block of queries all keys from `key` on."""
    return p.causal and key >= q.first + q.rows


cdef inline Py_ssize_t padded(Py_ssize_t columns, Py_ssize_t panel) noexcept nogil:
    return (columns + panel - 1) // panel * panel


# --------------------------------------------------------------------------- masks, and products

cdef void forbid(
    const Attention* p, const Queries* q, Py_ssize_t i, Py_ssize_t first, Py_ssize_t keys,
    real given, real* row,
) noexcept nogil:
    """Those of the keys from `first` on that query i must not attend to get `given`."""
    cdef const unsigned char* mask
    cdef Py_ssize_t allowed
    if p.mask != NULL:
        mask = p.mask + row_at(p.mask_step, q, i) + first * p.mask_step[3]
        if p.mask_step[3]:
            scale_where(keys, mask, <real>1.0, given, row)
        elif not mask[0]:
            fill(keys, given, row)
    if p.causal:  # the causal mask
        allowed = max(<Py_ssize_t>0, q.first + i + 1 - first)
        if allowed < keys:
            fill(keys - allowed, given, row + allowed)


cdef void drop(
    const Attention* p, const Queries* q, Py_ssize_t i, Py_ssize_t first, Py_ssize_t keys,
    real* row,
) noexcept nogil:
    """The dropout mask: scores that are kept are divided by 1 - rate, the others become 0."""
    cdef const unsigned char* dropout_mask = p.dropout_mask + row_at(p.dropout_step, q, i)
    dropout_mask += first * p.dropout_step[3]
    if p.dropout_step[3]:
        scale_where(keys, dropout_mask, <real>p.keep, <real>0.0, row)
    elif dropout_mask[0]:
        multiply_row(keys, <real>p.keep, row)
    else:
        fill(keys, <real>0.0, row)


cdef void product(
    Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t depth, const real* a, Py_ssize_t a_row,
    const real* b, real* c, Py_ssize_t c_row, int flags,
) noexcept nogil:
    """c (+)= a b, b in panels."""
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t j = 0
    while j < columns:
        panel_product(
            rows, depth, a, a_row, 1, 0, b + j * depth, panel, c + j, c_row,
            min(panel, columns - j), <const real*>NULL, flags,
        )
        j += panel


cdef void product_down(
    Py_ssize_t keys, Py_ssize_t columns, Py_ssize_t rows, const real* a, Py_ssize_t a_col,
    const real* b, Py_ssize_t b_row, real* c, Py_ssize_t c_row, int flags,
) noexcept nogil:
    """c (+)= a^T b, where b is as wide as whole panels."""
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t j = 0
    while j < columns:
        panel_product(
            keys, rows, a, 1, a_col, 0, b + j, b_row, c + j, c_row, min(panel, columns - j),
            <const real*>NULL, flags,
        )
        j += panel


cdef void pack_turned(
    Py_ssize_t rows, Py_ssize_t columns, const real* source, Py_ssize_t source_row, real* packed,
) noexcept nogil:
    """Rows as columns in panels: the transposed matrix as a factor on the right."""
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t j = 0
    while j < rows:
        pack_columns(
            columns, min(panel, rows - j), source + j * source_row, source_row,
            packed + j * columns,
        )
        j += panel


cdef inline void fetch(
    Py_ssize_t rows, Py_ssize_t columns, const real* source, Py_ssize_t source_row,
) noexcept nogil:
    """Rows that are wanted soon: they come while others are at work."""
    cdef Py_ssize_t i, j
    for i in range(rows):
        j = 0
        while j < columns:
            PREFETCH(source + i * source_row + j)
            j += 64 // sizeof(real)


cdef void gather(
    Py_ssize_t rows, Py_ssize_t columns, const real* source, Py_ssize_t source_row, real factor,
    real* out,
) noexcept nogil:
    """The features of a block of one head, times a factor, in rows of whole panels."""
    cdef Py_ssize_t width = padded(columns, panel_width(real is float))
    cdef Py_ssize_t i
    for i in range(rows):
        scale_row(columns, source + i * source_row, factor, out + i * width)


cdef void make_logits(
    const Attention* p, const Queries* q, Py_ssize_t first, Py_ssize_t keys, const real* query,
    const real* turned_keys, real* logits,
) noexcept nogil:
    """logits = scale query . key + bias, and -inf where a query must not attend."""
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t width = padded(keys, panel)
    cdef const real* bias
    cdef real* row = logits
    cdef Py_ssize_t i, j
    product(
        q.rows, width, p.d, query, padded(p.d, panel), turned_keys, logits, p.score_row, 0,
    )
    for i in range(q.rows):
        if p.bias != NULL:
            bias = <const real*>p.bias + row_at(p.bias_step, q, i) + first * p.bias_step[3]
            if p.bias_step[3]:
                add_row(keys, bias, row)
            else:
                add_number(keys, bias[0], row)
        forbid(p, q, i, first, keys, <real>-INFINITY, row)
        for j in range(keys, width):
            row[j] = <real>-INFINITY
        row += p.score_row


# ------------------------------------------------------------------------------------- forward

cdef void forward_block(
    const Attention* p, const Queries* q, Py_ssize_t first, Py_ssize_t keys, const Area* w,
    real* scores,
) noexcept nogil:
    """A block of queries meets a block of keys.

    Where it has met others before, what they brought is made to fit the new largest logit.
    """
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t lanes = lanes_f32 if real is float else lanes_f64
    cdef Py_ssize_t width = padded(keys, panel), at = query_at(p, q), y_row = p.h * p.e
    cdef real* row_max = <real*>p.row_max + at
    cdef real* row_sum = <real*>p.row_sum + at
    cdef real* y = <real*>p.y + features_at(p, q, p.e)
    cdef real[MOST_LANES] largest
    cdef real[MOST_LANES] sums
    cdef real[MOST_LANES] factors
    cdef real old
    cdef real* row
    cdef Py_ssize_t i, j, rows, start = 0
    gather(
        q.rows, p.d, <const real*>p.query + features_at(p, q, p.d), p.h * p.d, <real>p.scale,
        <real*>w.query,
    )
    make_logits(p, q, first, keys, <const real*>w.query, <const real*>w.turned_keys, scores)
    if p.scores != NULL:
        for i in range(q.rows):
            memcpy(
                <real*>p.scores + (at + i) * p.s + first, scores + i * p.score_row,
                keys * sizeof(real),
            )
    while start < q.rows:  # few rows at a time: they stay in the first-level cache
        rows = min(lanes, q.rows - start)
        row = scores + start * p.score_row
        max_rows(rows, width, row, p.score_row, largest)
        for j in range(rows):
            i = start + j
            old = row_max[i] if first > 0 else <real>-INFINITY
            row_max[i] = old if old > largest[j] else largest[j]
            largest[j] = <real>0.0 if row_max[i] == <real>-INFINITY else row_max[i]
            factors[j] = vexp_short(old - largest[j])
            if first > 0 and factors[j] != 1:
                multiply_row(p.e, factors[j], y + i * y_row)
            exponentials(width, row + j * p.score_row, largest[j])
        sum_rows(rows, width, row, p.score_row, sums)
        for j in range(rows):
            i = start + j
            row_sum[i] = row_sum[i] * factors[j] + sums[j] if first > 0 else sums[j]
            if p.dropout_mask != NULL:
                drop(p, q, i, first, keys, row + j * p.score_row)
        start += rows
    product(
        q.rows, p.e, keys, scores, p.score_row, <const real*>w.values, y, y_row,
        FLAG_ACCUMULATE if first > 0 else 0,
    )


cdef void attend_to_all(
    const Attention* p, const Queries* q, Py_ssize_t i, real* y,
) noexcept nogil:
    """All keys alike: what a query gets that may attend to none."""
    cdef Py_ssize_t head = q.h // (p.h // p.k)
    cdef const real* value = <const real*>p.value + (q.n * p.s * p.k + head) * p.e
    cdef Py_ssize_t key
    cdef real weight
    fill(p.e, <real>0.0, y)
    for key in range(p.s):
        weight = 1
        if p.dropout_mask != NULL:
            drop(p, q, i, key, 1, &weight)
        add_times(p.e, value + key * p.k * p.e, weight, y)


cdef void finish(
    const Attention* p, const Queries* q, Py_ssize_t seen, const real* like,
) noexcept nogil:
    """Divide by the sums. `seen`: how many keys the block has met."""
    cdef Py_ssize_t at = query_at(p, q)
    cdef real* row_max = <real*>p.row_max + at
    cdef real* row_sum = <real*>p.row_sum + at
    cdef real* y = <real*>p.y + features_at(p, q, p.e)
    cdef real* scores
    cdef real inverse
    cdef Py_ssize_t i
    cdef bint idle
    for i in range(q.rows):
        idle = row_sum[i] == 0
        if idle:
            row_max[i] = 0
            row_sum[i] = <real>p.s
            attend_to_all(p, q, i, y)
        inverse = <real>1.0 / row_sum[i]
        multiply_row(p.e, inverse, y)
        if p.scores != NULL:
            scores = <real*>p.scores + (at + i) * p.s
            if idle:
                fill(p.s, inverse, scores)
            else:
                softmax_scores(seen, scores, row_max[i], row_sum[i])
                fill(p.s - seen, <real>0.0, scores + seen)
        y += p.h * p.e


cdef void forward_unit(
    const Attention* p, Py_ssize_t unit, const Area* w, const real* like,
) noexcept nogil:
    cdef Py_ssize_t part = unit % p.parts
    cdef Py_ssize_t k = unit // p.parts % p.k
    cdef Py_ssize_t n = p.first + unit // p.parts // p.k
    cdef Py_ssize_t d_row = p.k * p.d, e_row = p.k * p.e
    cdef const real* key = <const real*>p.key + (n * p.s * p.k + k) * p.d
    cdef const real* value = <const real*>p.value + (n * p.s * p.k + k) * p.e
    cdef Py_ssize_t block, keys, first = 0
    cdef Queries q
    cdef bint packed
    while first < p.s:
        keys = min(p.keys, p.s - first)
        packed = False
        for block in range(part_begin(p, part), part_begin(p, part + 1)):
            q = queries_of(p, n, k, block)
            if is_before(p, &q, first):
                continue
            if not packed:
                fetch(keys, p.e, value + first * e_row, e_row)
                fetch(
                    q.rows, p.d, <const real*>p.query + features_at(p, &q, p.d), p.h * p.d,
                )
                pack_turned(keys, p.d, key + first * d_row, d_row, <real*>w.turned_keys)
                pack_rows(keys, p.e, value + first * e_row, e_row, <real*>w.values)
                packed = True
            forward_block(p, &q, first, keys, w, <real*>w.scores)
            if first + keys == p.s or is_before(p, &q, first + keys):
                finish(p, &q, first + keys, like)
        first += p.keys


# ------------------------------------------------------------------------------------ backward

cdef bint is_idle(
    const Attention* p, const Queries* q, Py_ssize_t i, const real* like,
) noexcept nogil:
    """Whether a query may attend to no key.

    Only where row_max and row_sum are what it would have then is there more to do than to look at
    these.
    """
    cdef Py_ssize_t at = query_at(p, q) + i, head = q.h // (p.h // p.k)
    cdef Py_ssize_t end = min(p.s, q.first + i + 1) if p.causal else p.s
    cdef const real* query = (
        <const real*>p.query + features_at(p, q, p.d) + i * p.h * p.d
    )
    cdef const real* key = <const real*>p.key + (q.n * p.s * p.k + head) * p.d
    cdef Py_ssize_t j, k
    cdef real logit
    if (<const real*>p.row_max)[at] != 0 or (<const real*>p.row_sum)[at] != <real>p.s:
        return False
    for j in range(end):
        if p.mask != NULL and not p.mask[row_at(p.mask_step, q, i) + j * p.mask_step[3]]:
            continue
        logit = 0
        if p.bias != NULL:
            logit = (<const real*>p.bias)[row_at(p.bias_step, q, i) + j * p.bias_step[3]]
        for k in range(p.d):
            logit += <real>p.scale * query[k] * key[j * p.k * p.d + k]
        if logit != <real>-INFINITY:
            return False
    return True


cdef void prepare(
    const Attention* p, const Queries* q, real* means, unsigned char* idle,
) noexcept nogil:
    """What the rows of a block need besides their scores.

    The mean of dscores, weighted by the scores, is dy . y (Dao et al. 2022, FlashAttention, sec.
    B.4).
    """
    cdef Py_ssize_t at = query_at(p, q), row = p.h * p.e
    cdef const real* dy = <const real*>p.dy + features_at(p, q, p.e)
    cdef const real* y = <const real*>p.y + features_at(p, q, p.e)
    cdef real more
    cdef Py_ssize_t i
    dot_rows(q.rows, p.e, dy, row, y, row, means)
    for i in range(q.rows):
        if p.dscores != NULL:
            dot_rows(
                1, p.s, <const real*>p.scores + (at + i) * p.s, p.s,
                <const real*>p.dscores + (at + i) * p.s, p.s, &more,
            )
            means[i] += more
        idle[i] = is_idle(p, q, i, y)


cdef void backward_block(
    const Attention* p, const Queries* q, Py_ssize_t first, Py_ssize_t keys, const Area* w,
    const real* means, const unsigned char* idle, real* dkey, real* dvalue, int flags,
) noexcept nogil:
    """The scores of a block are made again; then dscores, dlogits and the products of all that."""
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t width = padded(keys, panel), at = query_at(p, q)
    cdef Py_ssize_t d = padded(p.d, panel), e = padded(p.e, panel)
    cdef const real* row_max = <const real*>p.row_max + at
    cdef const real* row_sum = <const real*>p.row_sum + at
    cdef real* scores = <real*>w.scores
    cdef real* dscores = <real*>w.dscores
    cdef real* score = scores
    cdef real* dscore = dscores
    cdef Py_ssize_t i
    gather(
        q.rows, p.d, <const real*>p.query + features_at(p, q, p.d), p.h * p.d, <real>p.scale,
        <real*>w.query,
    )
    gather(
        q.rows, p.e, <const real*>p.dy + features_at(p, q, p.e), p.h * p.e, <real>1.0,
        <real*>w.dy,
    )
    make_logits(p, q, first, keys, <const real*>w.query, <const real*>w.turned_keys, scores)
    product(
        q.rows, width, p.e, <const real*>w.dy, e, <const real*>w.turned_values, dscores,
        p.score_row, 0,
    )
    for i in range(q.rows):
        if p.dropout_mask != NULL:
            drop(p, q, i, first, keys, dscore)
        if p.dscores != NULL:
            add_row(keys, <const real*>p.dscores + (at + i) * p.s + first, dscore)
        softmax_scores(width, score, row_max[i], row_sum[i])
        softmax_scores_back(width, score, dscore, means[i])
        if idle[i]:
            fill(keys, <real>1.0 / row_sum[i], score)
            fill(keys, <real>0.0, dscore)
        # 0 times NaN is NaN, but no key that is forbidden is to get that.
        forbid(p, q, i, first, keys, <real>0.0, dscore)
        if p.dropout_mask != NULL:
            drop(p, q, i, first, keys, score)
        if p.dlogits != NULL:
            memcpy(
                <real*>p.dlogits + dlogits_at(p, q) + i * p.s + first, dscore,
                keys * sizeof(real),
            )
        score += p.score_row
        dscore += p.score_row
    product_down(
        keys, p.e, q.rows, scores, p.score_row, <const real*>w.dy, e, dvalue, p.k * p.e, flags,
    )
    product_down(
        keys, p.d, q.rows, dscores, p.score_row, <const real*>w.query, d, dkey, p.k * p.d, flags,
    )
    product(
        q.rows, p.d, keys, dscores, p.score_row, <const real*>w.keys,
        <real*>p.dquery + features_at(p, q, p.d), p.h * p.d, FLAG_ACCUMULATE if first > 0 else 0,
    )


cdef void backward_unit(
    const Attention* p, Py_ssize_t unit, const Area* w, const real* like,
) noexcept nogil:
    cdef Py_ssize_t panel = panel_width(real is float)
    cdef Py_ssize_t part = unit % p.parts
    cdef Py_ssize_t k = unit // p.parts % p.k
    cdef Py_ssize_t n = p.first + unit // p.parts // p.k
    cdef Py_ssize_t begin = part_begin(p, part), end = part_begin(p, part + 1)
    cdef Py_ssize_t d_row = p.k * p.d, e_row = p.k * p.e
    cdef Py_ssize_t at = n * p.s * p.k + k
    cdef const real* key = <const real*>p.key + at * p.d
    cdef const real* value = <const real*>p.value + at * p.e
    cdef real* dkey = <real*>p.dkey + (part * p.n * p.s * p.k + at) * p.d
    cdef real* dvalue = <real*>p.dvalue + (part * p.n * p.s * p.k + at) * p.e
    cdef real* means
    cdef unsigned char* idle
    cdef Py_ssize_t block, keys, i, first = 0
    cdef Queries q
    cdef int flags
    for block in range(begin, end):
        q = queries_of(p, n, k, block)
        i = (block - begin) * p.rows
        prepare(p, &q, <real*>w.means + i, w.idle + i)
    while first < p.s:
        keys = min(p.keys, p.s - first)
        flags = 0
        for block in range(begin, end):
            q = queries_of(p, n, k, block)
            means = <real*>w.means + (block - begin) * p.rows
            idle = w.idle + (block - begin) * p.rows
            if is_before(p, &q, first) and memchr(idle, 1, q.rows) == NULL:
                if p.dlogits != NULL:
                    for i in range(q.rows):
                        fill(
                            keys, <real>0.0,
                            <real*>p.dlogits + dlogits_at(p, &q) + i * p.s + first,
                        )
                continue
            if flags == 0:
                pack_turned(keys, p.d, key + first * d_row, d_row, <real*>w.turned_keys)
                pack_turned(keys, p.e, value + first * e_row, e_row, <real*>w.turned_values)
                pack_rows(keys, p.d, key + first * d_row, d_row, <real*>w.keys)
                multiply_row(keys * padded(p.d, panel), <real>p.scale, <real*>w.keys)
            backward_block(
                p, &q, first, keys, w, means, idle, dkey + first * d_row, dvalue + first * e_row,
                flags,
            )
            flags = FLAG_ACCUMULATE
        if flags == 0:  # keys that no query looks at
            for i in range(first, first + keys):
                fill(p.d, <real>0.0, dkey + i * d_row)
                fill(p.e, <real>0.0, dvalue + i * e_row)
        first += p.keys


# ---------------------------------------------------------------------------------------- tasks

cdef inline void* take(char* area, Py_ssize_t* used, Py_ssize_t bytes_) noexcept nogil:
    """The next piece of a work area, in whole cache lines; with no area only its size is found."""
    cdef void* here = area + used[0] if area != NULL else NULL
    used[0] += (bytes_ + 63) // 64 * 64
    return here


cdef Py_ssize_t lay_out(const Attention* p, bint back, char* area, Area* w) noexcept nogil:
    """Cut a work area into its pieces; how many bytes they take."""
    cdef Py_ssize_t item = 4 if p.single else 8
    cdef Py_ssize_t panel = panel_width(p.single)
    cdef Py_ssize_t d = padded(p.d, panel), e = padded(p.e, panel)
    cdef Py_ssize_t queries = (p.blocks // p.parts + 1) * p.rows  # of a part, at most
    cdef Py_ssize_t used = 0
    w.turned_keys = take(area, &used, p.keys * p.d * item)
    w.query = take(area, &used, p.rows * d * item)
    w.scores = take(area, &used, p.rows * p.score_row * item)
    if not back:
        w.values = take(area, &used, p.keys * e * item)
        return used
    w.turned_values = take(area, &used, p.keys * p.e * item)
    w.keys = take(area, &used, p.keys * d * item)
    w.dy = take(area, &used, p.rows * e * item)
    w.dscores = take(area, &used, p.rows * p.score_row * item)
    w.means = take(area, &used, queries * item)
    w.idle = <unsigned char*>take(area, &used, queries)
    return used


cdef char* new_area(Attention* p, bint back, Area* w) noexcept nogil:
    """A work area for some units, to be freed; NULL, and p.failed, where there is no memory."""
    cdef char* area = <char*>malloc(lay_out(p, back, NULL, w) + 64)
    if area == NULL:
        p.failed = True
        no_memory()
    else:
        lay_out(p, back, area + (64 - (<uintptr_t>area & 63)), w)
    return area


cdef void forward_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Some units that share a work area."""
    cdef Attention* p = <Attention*>context
    cdef Area w
    cdef char* area = new_area(p, False, &w)
    cdef Py_ssize_t unit
    if area == NULL:
        return
    for unit in range(chunk * p.together, min(p.units, (chunk + 1) * p.together)):
        forward_unit(p, unit, &w, like)
    free(area)


cdef void backward_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    cdef Attention* p = <Attention*>context
    cdef Area w
    cdef char* area = new_area(p, True, &w)
    cdef Py_ssize_t unit
    if area == NULL:
        return
    for unit in range(chunk * p.together, min(p.units, (chunk + 1) * p.together)):
        backward_unit(p, unit, &w, like)
    free(area)


cdef inline Py_ssize_t sum_chunks(const Attention* p, Py_ssize_t features) noexcept nogil:
    """Tasks that add up dkey or dvalue of the rows of the batch that there are units of."""
    if p.parts == 1:
        return 0
    return (p.units // p.parts * p.s * features + SUM_NUMBERS - 1) // SUM_NUMBERS


cdef void sum_task(Py_ssize_t chunk, void* context, const real* like) noexcept nogil:
    """Some numbers of dkey or dvalue: the parts, added in their order."""
    cdef const Attention* p = <const Attention*>context
    cdef Py_ssize_t key_chunks = sum_chunks(p, p.d)
    cdef bint is_key = chunk < key_chunks
    cdef Py_ssize_t features = p.d if is_key else p.e
    cdef const real* part = <const real*>(p.dkey if is_key else p.dvalue)
    cdef real* out = <real*>(p.dkey_sum if is_key else p.dvalue_sum)
    cdef Py_ssize_t first = (chunk if is_key else chunk - key_chunks) * SUM_NUMBERS
    cdef Py_ssize_t count = min(
        <Py_ssize_t>SUM_NUMBERS, p.units // p.parts * p.s * features - first,
    )
    cdef Py_ssize_t q
    first += p.first * p.s * p.k * features
    memcpy(out + first, part + first, count * sizeof(real))
    for q in range(1, p.parts):
        add_row(count, part + q * p.n * p.s * p.k * features + first, out + first)


cdef inline Py_ssize_t chunks_of(const Attention* p) noexcept nogil:
    return (p.units + p.together - 1) // p.together


cdef double forward_work(const Attention* p) noexcept nogil:
    """As run_stages counts work."""
    cdef double queries = <double>p.units * p.t * (p.h // max(<Py_ssize_t>1, p.k)) / p.parts
    return queries * p.s * ((p.d + p.e) / 8.0 + 12)


cdef void run_forward(Attention* p) noexcept nogil:
    cdef Stage stage = typed_stage(
        p.single, forward_task[float], forward_task[double], chunks_of(p), p, sizeof(p[0]),
    )
    run_stages(&stage, 1, forward_work(p))


cdef void run_backward(Attention* p) noexcept nogil:
    cdef Stage[2] stages
    stages[0] = typed_stage(
        p.single, backward_task[float], backward_task[double], chunks_of(p), p, sizeof(p[0]),
    )
    stages[1] = typed_stage(
        p.single, sum_task[float], sum_task[double], sum_chunks(p, p.d) + sum_chunks(p, p.e), p,
        sizeof(p[0]),
    )
    run_stages(stages, 2, 2 * forward_work(p))
