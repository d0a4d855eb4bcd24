/* A pool of threads that shares out the chunks of one job at a time.

   Why not an OpenMP region: at its end every thread of the team has to arrive, so one worker that the system has put aside for
   another process holds up the whole computation for a time slice, and libgomp's threads use up theirs by spinning meanwhile.
   On a busy machine of two cores that made two threads 5 to 10 times slower than one. Here the caller waits only for
   chunks that a worker has begun; chunks that nobody has begun it does itself.

   pool.open holds the chunks that nobody has taken. Whoever takes one from it owns it, and the job's other fields do not
   change before pool.done says that all are finished. A worker that wakes late, even in the middle of another job, can
   therefore do no harm: it takes a chunk of the job that there is, or none.

   The caller takes chunks from the front, workers from the end. So the halves of an array stay with the same processors
   from one job to the next, and in their caches.

   On Windows, OpenMP does it after all. */
#ifndef DIPTYCH_POOL_H
#define DIPTYCH_POOL_H

typedef void (*diptych_task)(Py_ssize_t chunk, void *context);

#ifdef _WIN32

static int pool_start(void) { return 0; }

static void pool_run(diptych_task task, Py_ssize_t chunks, void *context, int threads) {
    int chunk;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (chunk = 0; chunk < (int)chunks; chunk++) task(chunk, context);
}

#else

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>

#define POOL_MOST_WORKERS 1023
#define POOL_SPIN_NANOSECONDS 100000 /* about the time that Python needs from one product to the next */

#if defined(__x86_64__) || defined(__i386__)
#define POOL_PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define POOL_PAUSE() __asm__ __volatile__("yield")
#else
#define POOL_PAUSE() ((void)0)
#endif

static struct {
    diptych_task task;
    void *context;
    long chunks;
    uint64_t open;  /* chunks that nobody has taken: the number of the first, and, 32 bits higher, the end */
    long done;      /* chunks that are finished */
    long limit;     /* workers that may take part */
    long sleeping;
    long waiting; /* whether the caller sleeps until all is done */
    long workers;
    pthread_t threads[POOL_MOST_WORKERS];
    int avoided; /* the processor that the workers leave to the caller */
#ifdef __linux__
    cpu_set_t allowed; /* where they may run, but for that one */
#endif
    int refused; /* whether the system gave no more threads */
    int busy; /* whether there is a job: a second caller does its work alone */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_cond_t finished;
} pool = {.avoided = -1,
          .mutex = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .finished = PTHREAD_COND_INITIALIZER};

static long pool_load(long *value) { return __atomic_load_n(value, __ATOMIC_SEQ_CST); }

static int pool_is_open(uint64_t open) { return (uint32_t)open < open >> 32; }

static int pool_has_work(long worker) {
    return pool_is_open(__atomic_load_n(&pool.open, __ATOMIC_SEQ_CST)) && worker < pool_load(&pool.limit);
}

static int pool_all_done(long chunks) { return pool_load(&pool.done) >= chunks; }

/* Take chunks and do them until none is left. */
static void pool_work(int from_end) {
    uint64_t open = __atomic_load_n(&pool.open, __ATOMIC_SEQ_CST);
    while (pool_is_open(open)) {
        uint64_t rest = from_end ? open - ((uint64_t)1 << 32) : open + 1;
        if (__atomic_compare_exchange_n(&pool.open, &open, rest, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            long chunks = pool.chunks; /* not to be read any more once the last chunk is counted */
            pool.task(from_end ? (Py_ssize_t)(rest >> 32) : (Py_ssize_t)(uint32_t)open, pool.context);
            if (__atomic_add_fetch(&pool.done, 1, __ATOMIC_SEQ_CST) == chunks && pool_load(&pool.waiting)) {
                pthread_mutex_lock(&pool.mutex);
                pthread_cond_signal(&pool.finished);
                pthread_mutex_unlock(&pool.mutex);
            }
            open = __atomic_load_n(&pool.open, __ATOMIC_SEQ_CST);
        }
    }
}

static long pool_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* Whether something became true within a short time of waiting awake. To go on with sched_yield would hand the processor
   to any other program for a time slice; who sleeps on a condition gets it back as soon as that holds. */
static int pool_spin(int (*holds)(long), long argument) {
    long until = pool_nanoseconds() + POOL_SPIN_NANOSECONDS;
    do {
        int i;
        for (i = 0; i < 32; i++) {
            if (holds(argument)) return 1;
            POOL_PAUSE();
        }
    } while (pool_nanoseconds() < until);
    return 0;
}

static void *pool_worker(void *number) {
    long worker = (long)(size_t)number;
    for (;;) {
        if (!pool_spin(pool_has_work, worker)) {
            pthread_mutex_lock(&pool.mutex);
            __atomic_fetch_add(&pool.sleeping, 1, __ATOMIC_SEQ_CST);
            while (!pool_has_work(worker)) pthread_cond_wait(&pool.wake, &pool.mutex);
            __atomic_fetch_sub(&pool.sleeping, 1, __ATOMIC_SEQ_CST);
            pthread_mutex_unlock(&pool.mutex);
        }
        pool_work(1);
    }
    return NULL;
}

/* Start workers up to this number; where the system refuses, fewer have to do. */
static void pool_grow(long workers) {
    sigset_t all, before;
    sigfillset(&all); /* signals are for Python's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.workers < workers && pool.workers < POOL_MOST_WORKERS) {
        if (pthread_create(&pool.threads[pool.workers], NULL, pool_worker, (void *)(size_t)pool.workers)) {
            pool.refused = 1;
            break;
        }
        pthread_detach(pool.threads[pool.workers]);
        pool.workers++;
    }
    pool.avoided = -1;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Let the workers run anywhere but where the caller does. The system likes to wake a thread where it ran last; if that is the
   caller's processor, it waits there for the caller to finish all of the chunks, while another processor is idle. */
static void pool_keep_apart(void) {
#ifdef __linux__
    cpu_set_t allowed;
    long i;
    int here = sched_getcpu();
    if (here < 0 || sched_getaffinity(0, sizeof allowed, &allowed)) return;
    if (here == pool.avoided && CPU_EQUAL(&allowed, &pool.allowed)) return;
    pool.allowed = allowed;
    CPU_CLR(here, &allowed);
    if (CPU_COUNT(&allowed) == 0) CPU_SET(here, &allowed);
    for (i = 0; i < pool.workers; i++) pthread_setaffinity_np(pool.threads[i], sizeof allowed, &allowed);
    pool.avoided = here;
#endif
}

static void pool_run(diptych_task task, Py_ssize_t chunks, void *context, int threads) {
    Py_ssize_t chunk;
    if (chunks > INT32_MAX || __atomic_exchange_n(&pool.busy, 1, __ATOMIC_SEQ_CST)) {
        for (chunk = 0; chunk < chunks; chunk++) task(chunk, context);
        return;
    }
    if (pool.workers < threads - 1 && !pool.refused) pool_grow(threads - 1);
    pool_keep_apart();
    pool.task = task;
    pool.context = context;
    pool.chunks = (long)chunks;
    pool.done = 0;
    __atomic_store_n(&pool.limit, threads - 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&pool.open, (uint64_t)chunks << 32, __ATOMIC_SEQ_CST);
    if (pool_load(&pool.sleeping)) {
        pthread_mutex_lock(&pool.mutex);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.mutex);
    }
    pool_work(0);
    if (!pool_spin(pool_all_done, (long)chunks)) {
        pthread_mutex_lock(&pool.mutex);
        __atomic_store_n(&pool.waiting, 1, __ATOMIC_SEQ_CST);
        while (!pool_all_done((long)chunks)) pthread_cond_wait(&pool.finished, &pool.mutex);
        __atomic_store_n(&pool.waiting, 0, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&pool.mutex);
    }
    __atomic_store_n(&pool.busy, 0, __ATOMIC_SEQ_CST);
}

/* A forked child has none of its parent's workers, and perhaps half of a job of another thread: it begins anew. */
static void pool_in_child(void) {
    pool.workers = pool.sleeping = pool.waiting = 0;
    pool.open = 0;
    pool.busy = 0;
    pool.avoided = -1;
    pool.refused = 0;
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.wake, NULL);
    pthread_cond_init(&pool.finished, NULL);
}

static int pool_start(void) { return pthread_atfork(NULL, NULL, pool_in_child); }

#endif
#endif
