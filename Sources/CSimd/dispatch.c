#include "levels.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

const monge_kernels *monge_kernels_for(monge_instruction_set set) {
    switch (set) {
    case MONGE_PORTABLE: return &monge_kernels_portable;
#if defined(__aarch64__)
    case MONGE_NEON: return &monge_kernels_portable;
#endif
#if defined(__x86_64__)
    case MONGE_AVX2:
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
            return &monge_kernels_avx2;
        return NULL;
    case MONGE_AVX512:
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl") && monge_kernels_for(MONGE_AVX2))
            return &monge_kernels_avx512;
        return NULL;
#endif
    default: return NULL;
    }
}

// Whether this processor multiplies and adds bytes four at a time.
static bool has_byte_dots(monge_instruction_set set) {
#if defined(__x86_64__)
    if (set == MONGE_AVX2) return __builtin_cpu_supports("avxvnni");
    if (set == MONGE_AVX512) return __builtin_cpu_supports("avx512vnni");
#elif defined(__aarch64__) && defined(__linux__)
    // HWCAP_ASIMDDP
    return getauxval(AT_HWCAP) & 1 << 20;
#elif defined(__aarch64__) && defined(__APPLE__)
    return true;
#endif
    return false;
}

const monge_rounded_kernels *monge_rounded_kernels_for(monge_instruction_set set, size_t index) {
    if (!monge_kernels_for(set)) return NULL;
    const monge_rounded_kernels *plain = &monge_rounded_portable, *dots = NULL;
#if defined(__aarch64__)
    dots = &monge_rounded_neon_dot;
#elif defined(__x86_64__)
    if (set == MONGE_AVX2) plain = &monge_rounded_avx2, dots = &monge_rounded_avx2_vnni;
    if (set == MONGE_AVX512) plain = &monge_rounded_avx512, dots = &monge_rounded_avx512_vnni;
#endif
    if (!has_byte_dots(set)) dots = NULL;
    if (index == 0) return dots ? dots : plain;
    return index == 1 && dots ? plain : NULL;
}
