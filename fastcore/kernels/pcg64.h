/* NumPy's PCG64: a linear congruential generator of 128 bits with the output XSL-RR (O'Neill, PCG:
   A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
   Generation, HMC-CS-2014-0905, 2014). Many of its steps are one step with other constants, so
   threads can draw from one sequence. */

#include <stdint.h>
#include <string.h>

#ifdef __SIZEOF_INT128__
typedef unsigned __int128 pcg_number;
#define PCG_NUMBER(high, low) ((pcg_number)(high) << 64 | (low))
#define PCG_HIGH(x) ((uint64_t)((x) >> 64))
#define PCG_LOW(x) ((uint64_t)(x))
#define PCG_TIMES_PLUS(x, y, z) ((x) * (y) + (z))
#else
typedef struct {
    uint64_t high, low;
} pcg_number;
static pcg_number PCG_NUMBER(uint64_t high, uint64_t low) {
    pcg_number x = {high, low};
    return x;
}
#define PCG_HIGH(x) ((x).high)
#define PCG_LOW(x) ((x).low)
static pcg_number PCG_TIMES_PLUS(pcg_number x, pcg_number y, pcg_number z) {
    const uint64_t half = 0xffffffffu, a = x.low >> 32, b = x.low & half, c = y.low >> 32;
    const uint64_t d = y.low & half, middle = (b * d >> 32) + (a * d & half) + b * c;
    pcg_number product;
    product.low = x.low * y.low + z.low;
    product.high = a * c + (a * d >> 32) + (middle >> 32) + x.high * y.low + x.low * y.high +
                   z.high + (product.low < z.low);
    return product;
}
#endif

typedef struct {
    pcg_number state, inc;
} Pcg;

/* As NumPy holds it: state and inc, the lower half of each first, or the upper one. */
static Pcg pcg_read(const void *place, int upper_first) {
    uint64_t half[4];
    Pcg g;
    memcpy(half, place, sizeof half);
    g.state = PCG_NUMBER(half[!upper_first], half[upper_first]);
    g.inc = PCG_NUMBER(half[2 + !upper_first], half[2 + upper_first]);
    return g;
}

static void pcg_write(void *place, int upper_first, Pcg g) {
    uint64_t half[2];
    half[upper_first] = PCG_LOW(g.state);
    half[!upper_first] = PCG_HIGH(g.state);
    memcpy(place, half, sizeof half);
}

/* So many steps as one: state * times + plus. */
static void pcg_leap(pcg_number inc, uint64_t steps, pcg_number *times, pcg_number *plus) {
    const pcg_number zero = PCG_NUMBER(0, 0);
    pcg_number one = PCG_NUMBER(2549297995355413924u, 4865540595714422341u), add = inc;
    *times = PCG_NUMBER(0, 1);
    *plus = zero;
    for (; steps; steps >>= 1) {
        if (steps & 1) {
            *times = PCG_TIMES_PLUS(*times, one, zero);
            *plus = PCG_TIMES_PLUS(*plus, one, add);
        }
        add = PCG_TIMES_PLUS(add, one, add);
        one = PCG_TIMES_PLUS(one, one, zero);
    }
}

static Pcg pcg_ahead(Pcg g, uint64_t steps) {
    pcg_number times, plus;
    pcg_leap(g.inc, steps, &times, &plus);
    g.state = PCG_TIMES_PLUS(g.state, times, plus);
    return g;
}

static uint64_t pcg_word(pcg_number state) {
    const uint64_t x = PCG_HIGH(state) ^ PCG_LOW(state);
    const unsigned turn = (unsigned)(PCG_HIGH(state) >> 58);
    return x >> turn | x << ((64 - turn) & 63);
}

/* The next words, each as its bytes, the lowest first. Every fourth word is a step of its own, so
   that multiplications need not wait for each other. */
static void pcg_bytes(Pcg g, uint64_t words, unsigned char *out) {
    pcg_number at[4], times, plus;
    pcg_leap(g.inc, 4, &times, &plus);
    for (int i = 0; i < 4; i++) at[i] = pcg_ahead(g, i + 1).state;
    for (; words; words -= words < 4 ? words : 4)
        for (int i = 0; i < 4 && i < (int)words; i++, out += 8) {
            const uint64_t word = pcg_word(at[i]);
            for (int j = 0; j < 8; j++) out[j] = (unsigned char)(word >> 8 * j);
            at[i] = PCG_TIMES_PLUS(at[i], times, plus);
        }
}
