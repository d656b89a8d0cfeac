// Every kernel of every table that this processor has.
#include <stdio.h>
#include <string.h>

#include "check.h"

static void check_rounded_table(const monge_rounded_kernels *kernels) {
    size_t cases = cases_done(), failed = failures();
    check_rounded(kernels);
    printf("%s: rounded products: %zu cases, %zu failed\n", kernels->name, cases_done() - cases, failures() - failed);
}

static bool check_table(const monge_kernels *kernels) {
    static const struct {
        const char *name;
        void (*check)(void);
    } families[] = {
        {"weights", check_weights},     {"products", check_products},   {"convolutions", check_convolutions},
        {"norms", check_norms},         {"functions", check_functions}, {"movement", check_movement},
        {"attention", check_attention}, {"selection", check_selection}, {"columns and pool", check_columns_and_pool},
    };
    tested = kernels;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        size_t cases = cases_done(), failed = failures();
        families[i].check();
        printf("%s: %s: %zu cases, %zu failed\n", kernels->name, families[i].name, cases_done() - cases, failures() - failed);
    }
    return failures() == 0;
}

int main(void) {
    watch_for_crashes();
    bool passed = true;
    for (monge_instruction_set set = MONGE_PORTABLE; set <= MONGE_AVX512; set++) {
        const monge_kernels *kernels = monge_kernels_for(set);
        // On aarch64 what every processor has is NEON: one table under two names.
        if (!kernels || (set != MONGE_PORTABLE && kernels == monge_kernels_for(MONGE_PORTABLE))) continue;
        passed &= check_table(kernels);
        const monge_rounded_kernels *rounded;
        for (size_t index = 0; (rounded = monge_rounded_kernels_for(set, index)); index++) check_rounded_table(rounded);
    }
    check_rounded_table(&monge_rounded_plain);
    passed &= failures() == 0;
    puts(passed ? "All passed." : "Not all passed.");
    return passed ? 0 : 1;
}
