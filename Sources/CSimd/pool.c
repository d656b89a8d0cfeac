#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#endif
#include "monge_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

// How often an idle thread looks for a new region before it sleeps, and the caller for the end of one: some tens of
// microseconds, which is longer than the serial stretch between two regions of a decoding step.
enum { SPINS = 2000 };

enum {
    // The bytes that a prefetch asks for.
    LINE = 64,
    // The lines that are asked for at once of what the caller reads next. At the end of a region about as many as a core can wait for, so that
    // asking takes no time.
    LINES_WHILE_WAITING = 4,
    LINES_AT_END = 32,
    // How many stretches the caller can expect at once.
    STRETCHES = 2,
};

// The task number of a region that is being described.
static const uint64_t CLOSED = UINT32_MAX;

struct monge_pool {
    // Region number in the upper half, next task in the lower. A task is taken by compare-and-swap on both, so that a thread
    // that is late for one region cannot take a task of the next with the function of the last.
    _Alignas(64) _Atomic uint64_t ticket;
    // Tasks done in this region.
    _Alignas(64) _Atomic size_t done;
    // Written while the ticket is closed only; atomic because a late thread may still read them (and then fails to take a task).
    _Alignas(64) _Atomic size_t count;
    _Atomic(monge_pool_task) task;
    _Atomic(void *) context;

    // Threads asleep until a region begins; whether the caller is asleep until it ends.
    _Alignas(64) _Atomic int sleepers;
    _Atomic bool caller_sleeps;
    _Atomic bool ending;
    pthread_mutex_t mutex;
    pthread_cond_t begins;
    pthread_cond_t ends;

    // The caller's alone: what is left of what it expects to read, and the first stretch of which something is.
    _Alignas(64) struct {
        uintptr_t next;
        uintptr_t end;
    } ahead[STRETCHES];
    int stretch;

    int threads;
    int started;
    struct member {
        monge_pool *pool;
        int index;
        pthread_t thread;
    } *members;
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

int monge_available_processors(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

// Whether no region after `seen` has begun and the pool is not ending.
static bool is_idle(monge_pool *pool, uint32_t seen) {
    uint64_t ticket = atomic_load(&pool->ticket);
    return ((uint32_t)(ticket >> 32) == seen || (uint32_t)ticket == CLOSED) && !atomic_load(&pool->ending);
}

// Takes and does tasks until none of the region is left. Returns the region.
static uint32_t work(monge_pool *pool, int thread) {
    uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    for (;;) {
        size_t count = atomic_load_explicit(&pool->count, memory_order_relaxed);
        monge_pool_task task = atomic_load_explicit(&pool->task, memory_order_relaxed);
        void *context = atomic_load_explicit(&pool->context, memory_order_relaxed);
        // Who reads what describes a later region finds the ticket changed below.
        atomic_thread_fence(memory_order_acquire);
        size_t index = ticket & UINT32_MAX;
        if (index == CLOSED) return (uint32_t)(ticket >> 32) - 1;
        if (index >= count) {
            uint64_t now = atomic_load_explicit(&pool->ticket, memory_order_acquire);
            if (now == ticket) return (uint32_t)(ticket >> 32);
            ticket = now;
            continue;
        }
        if (!atomic_compare_exchange_weak_explicit(
                &pool->ticket, &ticket, ticket + 1, memory_order_acq_rel, memory_order_acquire))
            continue;
        task(context, index, thread);
        // The caller's sleep and this count are sequentially consistent: either it sees the count, or we see it sleep.
        if (atomic_fetch_add(&pool->done, 1) + 1 == count && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->ends);
            pthread_mutex_unlock(&pool->mutex);
        }
        ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    }
}

static void *member_main(void *argument) {
    struct member *member = argument;
    monge_pool *pool = member->pool;
    uint32_t seen = 0;
    for (;;) {
        for (int spin = 0; spin < SPINS && is_idle(pool, seen); spin++) relax();
        if (is_idle(pool, seen)) {
            pthread_mutex_lock(&pool->mutex);
            atomic_fetch_add(&pool->sleepers, 1);
            while (is_idle(pool, seen)) pthread_cond_wait(&pool->begins, &pool->mutex);
            atomic_fetch_sub(&pool->sleepers, 1);
            pthread_mutex_unlock(&pool->mutex);
        }
        if (atomic_load(&pool->ending)) return NULL;
        seen = work(pool, member->index);
    }
}

monge_pool *monge_pool_create(int threads) {
    monge_pool *pool;
    if (threads < 1 || posix_memalign((void **)&pool, _Alignof(monge_pool), sizeof *pool) != 0) return NULL;
    *pool = (monge_pool){.threads = threads};
    pool->members = calloc((size_t)threads, sizeof *pool->members);
    if (!pool->members) {
        free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->begins, NULL);
    pthread_cond_init(&pool->ends, NULL);
    for (int index = 1; index < threads; index++) {
        struct member *member = &pool->members[index];
        *member = (struct member){.pool = pool, .index = index};
        if (pthread_create(&member->thread, NULL, member_main, member) != 0) {
            monge_pool_destroy(pool);
            return NULL;
        }
        pool->started++;
    }
    return pool;
}

void monge_pool_destroy(monge_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->ending, true);
    pthread_cond_broadcast(&pool->begins);
    pthread_mutex_unlock(&pool->mutex);
    for (int index = 1; index <= pool->started; index++) pthread_join(pool->members[index].thread, NULL);
    pthread_cond_destroy(&pool->ends);
    pthread_cond_destroy(&pool->begins);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->members);
    free(pool);
}

void monge_pool_expect(monge_pool *pool, monge_stretch first, monge_stretch second) {
    const monge_stretch stretches[STRETCHES] = {first, second};
    pool->stretch = 0;
    for (int i = 0; i < STRETCHES; i++) {
        pool->ahead[i].next = stretches[i].start / LINE * LINE;
        pool->ahead[i].end = stretches[i].start + stretches[i].bytes;
    }
}

static void fetch_ahead(monge_pool *pool, int lines) {
    for (; pool->stretch < STRETCHES; pool->stretch++) {
        uintptr_t next = pool->ahead[pool->stretch].next, end = pool->ahead[pool->stretch].end;
        for (; next < end && lines > 0; next += LINE, lines--) __builtin_prefetch((const void *)next);
        pool->ahead[pool->stretch].next = next;
        if (next < end) return;
    }
}

int monge_pool_threads(const monge_pool *pool) { return pool->threads; }

void monge_pool_run(monge_pool *pool, size_t count, monge_pool_task task, void *context) {
    if (pool->threads == 1 || count <= 1) {
        for (size_t index = 0; index < count; index++) task(context, index, 0);
        fetch_ahead(pool, LINES_AT_END);
        return;
    }
    // Region numbers wrap around; the cast keeps that in the upper half.
    uint64_t region = (uint64_t)(uint32_t)((atomic_load(&pool->ticket) >> 32) + 1) << 32;
    atomic_store_explicit(&pool->ticket, region | CLOSED, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&pool->count, count, memory_order_relaxed);
    atomic_store_explicit(&pool->task, task, memory_order_relaxed);
    atomic_store_explicit(&pool->context, context, memory_order_relaxed);
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    atomic_store(&pool->ticket, region);
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->begins);
        pthread_mutex_unlock(&pool->mutex);
    }
    work(pool, 0);
    for (int spin = 0; spin < SPINS && atomic_load(&pool->done) < count; spin++) {
        fetch_ahead(pool, LINES_WHILE_WAITING);
        relax();
    }
    fetch_ahead(pool, LINES_AT_END);
    if (atomic_load(&pool->done) < count) {
        pthread_mutex_lock(&pool->mutex);
        atomic_store(&pool->caller_sleeps, true);
        while (atomic_load(&pool->done) < count) pthread_cond_wait(&pool->ends, &pool->mutex);
        atomic_store(&pool->caller_sleeps, false);
        pthread_mutex_unlock(&pool->mutex);
    }
}
