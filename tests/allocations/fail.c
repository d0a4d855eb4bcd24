/* Stands in front of malloc (LD_PRELOAD), counts the allocations that watched code asks for, lets
   the one that it was armed with fail, and knows which of them are still there. glibc only. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void __libc_free(void *);

enum { RANGES = 256, PLACES = 1 << 20 };
static struct { uintptr_t low, high; } ranges[RANGES];
static int watched;
static long fatal;           /* the number of the allocation that fails, or 0 */
static long seen;            /* since it was armed */
static void *live[PLACES];   /* what watched code holds: a table with open addresses */
static long held;
static int lock;

static void acquire(void) { while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) ; }
static void let_go(void) { __atomic_store_n(&lock, 0, __ATOMIC_RELEASE); }
static size_t place_of(void *p) { return ((uintptr_t)p >> 4) * 0x9E3779B97F4A7C15u >> 44; }

static int is_watched(void *caller) {
    for (int i = 0; i < watched; i++)
        if ((uintptr_t)caller >= ranges[i].low && (uintptr_t)caller < ranges[i].high) return 1;
    return 0;
}

static int fails(int counts) {
    if (!counts || __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED) != fatal) return 0;
    errno = ENOMEM;
    return 1;
}

static void *remember(void *p, int counts) {
    if (!p || !counts) return p;
    acquire();
    size_t at = place_of(p);
    while (live[at]) at = (at + 1) % PLACES;
    live[at] = p;
    held++;
    let_go();
    return p;
}

static int forget(void *p) {
    if (!p || !__atomic_load_n(&held, __ATOMIC_RELAXED)) return 0;
    acquire();
    size_t at = place_of(p), next, home;
    while (live[at] && live[at] != p) at = (at + 1) % PLACES;
    int found = live[at] != NULL;
    held -= found;
    while (live[at]) { /* close the gap: what would be found only past it moves there */
        live[at] = NULL;
        for (next = (at + 1) % PLACES; live[next]; next = (next + 1) % PLACES) {
            home = place_of(live[next]);
            if (at <= next ? home <= at || home > next : home <= at && home > next) break;
        }
        if (!live[next]) break;
        live[at] = live[next];
        at = next;
    }
    let_go();
    return found;
}

void *malloc(size_t size) {
    int counts = is_watched(__builtin_return_address(0));
    return fails(counts) ? NULL : remember(__libc_malloc(size), counts);
}

void *calloc(size_t n, size_t size) {
    int counts = is_watched(__builtin_return_address(0));
    return fails(counts) ? NULL : remember(__libc_calloc(n, size), counts);
}

void *realloc(void *old, size_t size) {
    int counts = is_watched(__builtin_return_address(0));
    if (fails(counts)) return NULL;
    int was_live = forget(old);
    void *p = __libc_realloc(old, size);
    if (!p && size) {
        remember(old, was_live);
        return NULL;
    }
    return remember(p, counts);
}

void free(void *p) {
    forget(p);
    __libc_free(p);
}

/* For Python, by ctypes. */
void watch_callers(uintptr_t low, uintptr_t high) {
    if (watched < RANGES) ranges[watched].low = low, ranges[watched++].high = high;
}

void arm(long number) {
    __atomic_store_n(&seen, 0, __ATOMIC_RELAXED);
    fatal = number;
}

long disarm(void) {
    fatal = 0;
    return seen;
}

long blocks_held(void) { return held; }
