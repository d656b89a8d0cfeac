#ifndef MONGE_POOL_H
#define MONGE_POOL_H

#include <stddef.h>
#include <stdint.h>

// A few threads that share out numbered tasks. A decoding step is some hundreds of parallel regions of a few microseconds, so
// idle threads spin for a while before they sleep, and a region begins and ends without a lock when nobody sleeps.
typedef struct monge_pool monge_pool;

// Does task `index`; `thread` is 0 for the caller of monge_pool_run and below the pool's number of threads for the others.
typedef void (*monge_pool_task)(void *context, size_t index, int thread);

// The processors this process may run on.
int monge_available_processors(void);

// A pool of `threads` threads, the caller of monge_pool_run among them, at least one. NULL when memory or threads are lacking.
monge_pool *monge_pool_create(int threads);

// Ends the threads. No region may be running.
void monge_pool_destroy(monge_pool *pool);

int monge_pool_threads(const monge_pool *pool);

// Bytes from an address on.
typedef struct {
    uintptr_t start;
    size_t bytes;
} monge_stretch;

// Says what the caller reads next besides what regions read, instead of what it said before: it is asked for ahead of its use, while the caller
// waits for the end of a region, and a part of it at each end, when memory has little else to do. Stretches may be empty. They need not be there:
// what lies at an address that is no memory any more is not fetched, and nothing else happens.
void monge_pool_expect(monge_pool *pool, monge_stretch first, monge_stretch second);

// Does the tasks 0 ..< count, at most 2^32 - 1 of them, each once, in any order, and returns when all are done. One region at a
// time: a pool is called from one thread at a time, and not from within a task.
void monge_pool_run(monge_pool *pool, size_t count, monge_pool_task task, void *context);

#endif
