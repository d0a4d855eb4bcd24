/* The argmax of one vector of channels as bytes at any address, for one type; panels.h has to be
   read before. */

#ifndef DIPTYCH_ARGMAX_BYTES
#define DIPTYCH_ARGMAX_BYTES
#ifdef __AVX2__
#include <immintrin.h>
#endif
#endif

/* Older compilers convert bytes one by one: where it counts, they are told how. */
#if defined(__AVX512F__) && REAL_BYTES == 4
INLINE NAME(mask) NAME(widen_bytes)(const unsigned char *p) {
    return (NAME(mask))_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}
INLINE void NAME(narrow_bytes)(unsigned char *p, NAME(mask) x) {
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8((__m512i)x));
}
#elif defined(__AVX2__) && REAL_BYTES == 4
INLINE NAME(mask) NAME(widen_bytes)(const unsigned char *p) {
    return (NAME(mask))_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
}
INLINE void NAME(narrow_bytes)(unsigned char *p, NAME(mask) x) {
    __m128i half = _mm_packus_epi32(_mm256_castsi256_si128((__m256i)x),
                                    _mm256_extracti128_si256((__m256i)x, 1));
    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(half, half));
}
#elif defined(VECTOR_BYTES)
typedef unsigned char NAME(bytes)
    __attribute__((vector_size(VECTOR_BYTES / REAL_BYTES), aligned(1), may_alias));
INLINE NAME(mask) NAME(widen_bytes)(const unsigned char *p) {
    return __builtin_convertvector(*(const NAME(bytes) *)p, NAME(mask));
}
INLINE void NAME(narrow_bytes)(unsigned char *p, NAME(mask) x) {
    *(NAME(bytes) *)p = __builtin_convertvector(x, NAME(bytes));
}
#endif
