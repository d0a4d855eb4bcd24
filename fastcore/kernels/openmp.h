/* What threads.pyx needs of OpenMP and of the processor, with and without OpenMP, for GCC, Clang
   and MSVC. */
#ifndef DIPTYCH_OPENMP_H
#define DIPTYCH_OPENMP_H

#include <stdint.h>

#ifdef _OPENMP
#include <omp.h>
enum { HAS_OPENMP = 1 };
static int runtime_limit(void) { return omp_get_max_threads(); }
static int team_size(void) { return omp_get_num_threads(); }
static uintptr_t runtime_code(void) { return (uintptr_t)omp_get_num_threads; }
#else
enum { HAS_OPENMP = 0 };
static int runtime_limit(void) { return 1; }
static int team_size(void) { return 1; }
static uintptr_t runtime_code(void) { return 0; }
#endif

/* A child that is forked has the forking thread alone. GCC's run-time would wait there for the
   others for ever: they are ended before, and started anew when they are next needed. LLVM's
   run-time sees to it by itself. */
#if defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 9
enum { FORKS_KEEP_THREADS = 1 };
static void end_team(void) { omp_pause_resource_all(omp_pause_hard); }
#else
#ifdef __clang__
enum { FORKS_KEEP_THREADS = 1 };
#else
enum { FORKS_KEEP_THREADS = 0 };
#endif
static void end_team(void) {}
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define ADD(place, n) \
    ((uint64_t)_InterlockedExchangeAdd64((volatile __int64 *)(place), (__int64)(n)))
#define READ(place) ADD(place, 0)
#define SWAP_INT(place, value) _InterlockedExchange((volatile long *)(place), value)
#define READ_INT(place) _InterlockedOr((volatile long *)(place), 0)
#else
#define ADD(place, n) __atomic_fetch_add(place, (uint64_t)(n), __ATOMIC_ACQ_REL)
#define READ(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
#define SWAP_INT(place, value) __atomic_exchange_n(place, value, __ATOMIC_ACQ_REL)
#define READ_INT(place) __atomic_load_n(place, __ATOMIC_RELAXED)
#endif

#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(_MSC_VER) && !defined(__clang__)
#define PAUSE() YieldProcessor()
#elif defined(__aarch64__)
#define PAUSE() __asm__ __volatile__("yield")
#else
#define PAUSE() ((void)0)
#endif

/* What records the stages that this thread runs, see plan.pyx; and what the task that it runs has
   said: see `no_memory` and `end_run` in threads.pxd. */
#if defined(_MSC_VER) && !defined(__clang__)
static __declspec(thread) void *this_thread_s;
static __declspec(thread) int task_says;
#else
static __thread void *this_thread_s;
static __thread int task_says;
#endif

#ifdef _WIN32
#include <windows.h>
static void nap(void) { Sleep(0); }
static double seconds(void) {
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    return (double)now.QuadPart / (double)frequency.QuadPart;
}
static int watch_forks(void (*before)(void), void (*in_child)(void)) {
    (void)before, (void)in_child;
    return 0;
}
#else
#include <pthread.h>
#include <time.h>
static int watch_forks(void (*before)(void), void (*in_child)(void)) {
    return pthread_atfork(before, NULL, in_child);
}
#ifdef __linux__
#include <sys/prctl.h>
#endif
static void nap(void) {
    struct timespec time = {0, 20000};
#ifdef __linux__
    /* Linux adds 50 us to a sleep, unless the thread asks for less. */
    int slack = prctl(PR_GET_TIMERSLACK);
    prctl(PR_SET_TIMERSLACK, 1);
    nanosleep(&time, NULL);
    if (slack > 0) prctl(PR_SET_TIMERSLACK, slack);
#else
    nanosleep(&time, NULL);
#endif
}
static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}
#endif

/* The processor that this thread is on, and to leave it for another one. Linux likes to wake a
   thread where the one is that calls it, although that one goes on working there, if the other
   processors are busy as well: both then take as long as one. */
#ifdef __linux__
#include <sched.h>
static int processor(void) { return sched_getcpu(); }
static void leave(int processor) {
    cpu_set_t allowed, others;
    if (sched_getcpu() != processor || sched_getaffinity(0, sizeof allowed, &allowed)) return;
    others = allowed;
    CPU_CLR(processor, &others);
    if (CPU_COUNT(&others) && !sched_setaffinity(0, sizeof others, &others))
        sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
static int processor(void) { return -1; }
static void leave(int processor) { (void)processor; }
#endif

/* Wait until *place has grown to n: awake for about as long as a sleeper needs to wake up, then
   giving the processor away. */
static void wait_for(uint64_t *place, uint64_t n, double awake) {
    double until = 0;
    for (;;) {
        for (int i = 0; i < 64; i++) {
            if (READ(place) >= n) return;
            PAUSE();
        }
        if (until == 0) until = seconds() + awake;
        else if (seconds() > until) nap();
    }
}

#endif
