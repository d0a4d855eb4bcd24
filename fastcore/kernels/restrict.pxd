"""Pointers to rows that no other argument of the call overlaps: C's restrict, which Cython lacks.

Without that promise the compiler compares all the pointers of a loop, one with another, before it
enters the vector code: for the short rows of a gate that takes longer than the loop. A function
over `row` exists once for float and once for double, as one over `real` does.
"""

cdef extern from *:
    """
    #if defined(_MSC_VER) && !defined(__clang__)
    typedef float *__restrict row_f32;
    typedef double *__restrict row_f64;
    #else
    typedef float *__restrict__ row_f32;
    typedef double *__restrict__ row_f64;
    #endif
    """
    ctypedef float* row_f32
    ctypedef double* row_f64

ctypedef fused row:
    row_f32
    row_f64
