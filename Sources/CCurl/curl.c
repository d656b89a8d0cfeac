#include "CCurl.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// What is used of libcurl's interface, which has been the same since version 7.20 (curl/curl.h).
typedef void CURL;
struct curl_slist;
enum {
    OPTION_WRITE_DATA = 10001,
    OPTION_URL = 10002,
    OPTION_ERROR_BUFFER = 10010,
    OPTION_POST_FIELDS = 10015,
    OPTION_USER_AGENT = 10018,
    OPTION_HEADERS = 10023,
    OPTION_NO_SIGNAL = 99,
    OPTION_TIMEOUT_MS = 155,
    OPTION_CONNECT_TIMEOUT_MS = 156,
    OPTION_PROTOCOLS = 181,
    OPTION_WRITE_FUNCTION = 20011,
    OPTION_POST_FIELD_SIZE_LARGE = 30120,
    INFO_RESPONSE_CODE = 0x200002,
    PROTOCOLS_HTTP_AND_HTTPS = 3,
    GLOBAL_DEFAULT = 3,
};

static struct {
    int (*global_init)(long);
    CURL *(*init)(void);
    int (*set)(CURL *, int, ...);
    int (*perform)(CURL *);
    int (*info)(CURL *, int, ...);
    void (*cleanup)(CURL *);
    struct curl_slist *(*append)(struct curl_slist *, const char *);
    void (*free_all)(struct curl_slist *);
    const char *(*error)(int);
} curl;

static int open_library(void) {
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!library) continue;
#define FIND(field, name) *(void **)&curl.field = dlsym(library, name)
        FIND(global_init, "curl_global_init");
        FIND(init, "curl_easy_init");
        FIND(set, "curl_easy_setopt");
        FIND(perform, "curl_easy_perform");
        FIND(info, "curl_easy_getinfo");
        FIND(cleanup, "curl_easy_cleanup");
        FIND(append, "curl_slist_append");
        FIND(free_all, "curl_slist_free_all");
        FIND(error, "curl_easy_strerror");
#undef FIND
        if (curl.global_init && curl.init && curl.set && curl.perform && curl.info && curl.cleanup && curl.append && curl.free_all &&
            curl.error && curl.global_init(GLOBAL_DEFAULT) == 0)
            return 1;
        dlclose(library);
    }
    return 0;
}

int ccurl_is_there(void) {
    static int known = -1;
    if (known < 0) known = open_library();
    return known;
}

typedef struct {
    ccurl_answer *answer;
    size_t longest;
} receiver;

static size_t receive(const char *bytes, size_t size, size_t count, void *context) {
    receiver *own = context;
    size_t more = size * count;
    ccurl_answer *answer = own->answer;
    if (more > own->longest - answer->count) {
        answer->is_too_long = 1;
        return 0;
    }
    char *grown = realloc(answer->bytes, answer->count + more + 1);
    if (!grown) return 0;
    memcpy(grown + answer->count, bytes, more);
    answer->bytes = grown;
    answer->count += more;
    return more;
}

int ccurl_post(
    const char *url, const char *const *headers, const void *body, size_t count, long timeout, size_t longest, ccurl_answer *answer) {
    memset(answer, 0, sizeof *answer);
    if (!ccurl_is_there()) {
        strncpy(answer->error, "libcurl is not installed", sizeof answer->error - 1);
        return 1;
    }
    CURL *handle = curl.init();
    if (!handle) {
        strncpy(answer->error, "libcurl cannot be used", sizeof answer->error - 1);
        return 1;
    }
    struct curl_slist *list = NULL;
    for (; *headers; headers++) list = curl.append(list, *headers);
    receiver own = {answer, longest};
    char detail[256] = "";
    curl.set(handle, OPTION_URL, url);
    curl.set(handle, OPTION_PROTOCOLS, (long)PROTOCOLS_HTTP_AND_HTTPS);
    curl.set(handle, OPTION_HEADERS, list);
    curl.set(handle, OPTION_USER_AGENT, "monge");
    curl.set(handle, OPTION_POST_FIELD_SIZE_LARGE, (long long)count);
    curl.set(handle, OPTION_POST_FIELDS, body);
    curl.set(handle, OPTION_TIMEOUT_MS, timeout);
    curl.set(handle, OPTION_CONNECT_TIMEOUT_MS, timeout < 10000 ? timeout : 10000L);
    // Timeouts without signals, which belong to the program.
    curl.set(handle, OPTION_NO_SIGNAL, 1L);
    curl.set(handle, OPTION_ERROR_BUFFER, detail);
    curl.set(handle, OPTION_WRITE_FUNCTION, receive);
    curl.set(handle, OPTION_WRITE_DATA, &own);
    int code = curl.perform(handle);
    if (code == 0)
        curl.info(handle, INFO_RESPONSE_CODE, &answer->status);
    else
        strncpy(answer->error, detail[0] ? detail : curl.error(code), sizeof answer->error - 1);
    curl.free_all(list);
    curl.cleanup(handle);
    return code != 0;
}
