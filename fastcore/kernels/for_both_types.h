/* A header that is a template, read for float and for double:

       #define TEMPLATE "gemm_tile.h"
       #include "for_both_types.h"

   A template names its type REAL, and each of its functions NAME(f): f_f32, f_f64. REAL_BYTES is
   the size of the type and INTEGER the integer of that size. It ends by undefining all four. */

#include <stdint.h>

#define REAL float
#define REAL_BYTES 4
#define INTEGER int32_t
#define NAME(x) x##_f32
#include TEMPLATE
#define REAL double
#define REAL_BYTES 8
#define INTEGER int64_t
#define NAME(x) x##_f64
#include TEMPLATE
#undef TEMPLATE
