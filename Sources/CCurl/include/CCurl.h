// Requests over HTTP through libcurl, which is opened when it is first needed: a program that asks nothing of a network needs none of it.
#ifndef CCURL_H
#define CCURL_H

#include <stddef.h>

typedef struct {
    /// Allocated; of the caller to be freed. Null where nothing came.
    char *bytes;
    size_t count;
    /// The status of HTTP; 0 where none came.
    long status;
    /// Whether the answer was longer than was allowed, and was cut off.
    int is_too_long;
    /// What went wrong, empty where an answer came.
    char error[512];
} ccurl_answer;

/// Whether libcurl is on this machine.
int ccurl_is_there(void);

/// Posts bytes and waits for the answer.
///
/// @param headers `name: value`, a null pointer after the last.
/// @param timeout Milliseconds for all of it.
/// @param longest The most bytes of an answer.
/// @return 0 where an answer came, of whatever status.
int ccurl_post(
    const char *url, const char *const *headers, const void *body, size_t count, long timeout, size_t longest, ccurl_answer *answer);

#endif
