"""The transforms of winograd_tile.h for both types, and what a pass over tiles is told."""

from .arrays cimport real
from .gemm_tile cimport ROWS  # the header uses that tile, which has to be read before it

cdef extern from *:
    """
    #include <string.h>
    #define TEMPLATE "winograd_tile.h"
    #include "for_both_types.h"
    """
    ctypedef struct View:
        Py_ssize_t height
        Py_ssize_t width
        Py_ssize_t channels
        Py_ssize_t pixel
        Py_ssize_t top
        Py_ssize_t left
        const void* x
        const void* y
        int activation
    ctypedef struct Winograd:
        View source
        View dz
        Py_ssize_t height
        Py_ssize_t width
        Py_ssize_t filters
        Py_ssize_t pixel
        int pool
        unsigned char* argmax
        Py_ssize_t out_height
        Py_ssize_t out_width
        Py_ssize_t tiles_down
        Py_ssize_t tiles_across
        Py_ssize_t tiles
        int flat
        Py_ssize_t window_down
        Py_ssize_t window_across
        Py_ssize_t pieces_down
        Py_ssize_t pieces_across
        Py_ssize_t tap_step
        Py_ssize_t channel_step
        Py_ssize_t filter_step
        Py_ssize_t block
        Py_ssize_t chunks
        Py_ssize_t chunk_tiles
        const void* packed
        const void* bias
        void* out
        void* sums
        int activation
        int wants_dbias
        int failed
    enum:
        LINE
        SIDE
        PIECE
        REACH
        POSITIONS
    void transform_kernel_f32(
        const Winograd*, const float* kernel, Py_ssize_t channel, float* packed,
    ) noexcept nogil
    void transform_kernel_f64(
        const Winograd*, const double* kernel, Py_ssize_t channel, double* packed,
    ) noexcept nogil
    Py_ssize_t area_size_f32(const Winograd*, Py_ssize_t tiles) noexcept nogil
    Py_ssize_t area_size_f64(const Winograd*, Py_ssize_t tiles) noexcept nogil
    Py_ssize_t packed_size_f32(const Winograd*) noexcept nogil
    Py_ssize_t packed_size_f64(const Winograd*) noexcept nogil
    Py_ssize_t sums_size_f32(const Winograd*) noexcept nogil
    Py_ssize_t sums_size_f64(const Winograd*) noexcept nogil
    void forward_block_f32(
        Winograd*, Py_ssize_t first, Py_ssize_t count, float* area,
    ) noexcept nogil
    void forward_block_f64(
        Winograd*, Py_ssize_t first, Py_ssize_t count, double* area,
    ) noexcept nogil
    void dkernel_chunk_f32(
        const Winograd*, Py_ssize_t chunk, float* area, float* sums, float* out, float* dbias,
    ) noexcept nogil
    void dkernel_chunk_f64(
        const Winograd*, Py_ssize_t chunk, double* area, double* sums, double* out, double* dbias,
    ) noexcept nogil


cdef inline void transform_kernel(
    const Winograd* p, const real* kernel, Py_ssize_t channel, real* packed,
) noexcept nogil:
    """G g G^T for all the filters of a cache line's channels, packed in panels."""
    if real is float:
        transform_kernel_f32(p, kernel, channel, packed)
    else:
        transform_kernel_f64(p, kernel, channel, packed)


cdef inline Py_ssize_t area_bytes(const Winograd* p, bint single, Py_ssize_t tiles) noexcept nogil:
    """Bytes of the work area of a block of so many tiles, with room to align it."""
    return 64 + (area_size_f32(p, tiles) * 4 if single else area_size_f64(p, tiles) * 8)


cdef inline Py_ssize_t packed_size(const Winograd* p, bint single) noexcept nogil:
    """Numbers in the transformed kernel."""
    return packed_size_f32(p) if single else packed_size_f64(p)


cdef inline Py_ssize_t sums_size(const Winograd* p, const real* like) noexcept nogil:
    """Numbers in the products of a chunk of dkernel, and in its dbias."""
    return sums_size_f32(p) if real is float else sums_size_f64(p)


cdef inline void forward_block(
    Winograd* p, Py_ssize_t first, Py_ssize_t count, real* area,
) noexcept nogil:
    """Tiles first ... first + count - 1 of the result."""
    if real is float:
        forward_block_f32(p, first, count, area)
    else:
        forward_block_f64(p, first, count, area)


cdef inline void dkernel_chunk(
    const Winograd* p, Py_ssize_t chunk, real* area, real* sums, real* out, real* dbias,
) noexcept nogil:
    """A chunk of tiles of dkernel: dkernel and dbias of it alone."""
    if real is float:
        dkernel_chunk_f32(p, chunk, area, sums, out, dbias)
    else:
        dkernel_chunk_f64(p, chunk, area, sums, out, dbias)
