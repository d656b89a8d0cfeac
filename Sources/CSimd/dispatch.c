#include "levels.h"

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
