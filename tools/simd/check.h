// What the checks of the kernels share: memory that ends where none may be read, random numbers, references with bounds, comparisons.
//
// Where a kernel's operations are the same in every table, its result must be too, bit for bit but for the payload of a NaN. Where
// they are not (fused or not, sums in another order), both tables are held to a reference in f64 that carries a bound of the error of f32:
// every operation adds u·|result| (u = 2⁻²⁴) to what comes of its operands' bounds, whether it is fused or not and in whatever order it
// is done (Higham 2002, sections 2.2, 3.1 and 3.3).
#ifndef MONGE_CHECK_H
#define MONGE_CHECK_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CSimd.h"

// The kernels that are checked, and what they are checked against.
extern const monge_kernels *tested;
extern const monge_kernels monge_kernels_plain;
extern const monge_rounded_kernels monge_rounded_plain;

// A case begins with its name, which failures and crashes print, and ends with a look at what surrounds its memory, which is freed.
void begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
void end(void);
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t cases_done(void);
size_t failures(void);
void watch_for_crashes(void);

// Memory that ends at a page which cannot be read, as near as the alignment allows; it is filled with what no kernel computes.
void *memory(size_t bytes, size_t alignment);
float *unwritten(size_t count);
float *aligned(size_t count);

// Random numbers: whole ones below a bound, and f32 in −1 ..< 1.
uint32_t random_bits(void);
size_t random_below(size_t bound);
float random_float(void);
float *random_floats(size_t count);
float *copied(const float *values, size_t count);

// The result was written, and is the same.
void compare_floats(const float *result, const float *plain, size_t count);
void compare_halves(const uint16_t *result, const uint16_t *plain, size_t count);
void compare_bytes(const void *result, const void *plain, size_t bytes);

// A number and the bound of its error; with a bound of zero, the number itself bit for bit.
typedef struct {
    double value;
    double error;
} near;

near exact(float x);
near near_add(near a, near b);
near near_subtract(near a, near b);
near near_multiply(near a, near b);
near near_divide(near a, near b);
near near_square_root(near a);
near near_activation(monge_activation activation, near x);
// Sums of products in any order: the terms are added to the value and their sizes to the bound, which counts roundings at the end.
void add_term(near *sum, double a, double b);
near rounded_sum(near sum, size_t roundings);
near near_transport(const monge_transport *transport, size_t row, size_t channel, near x);

// The result is within the bounds, and of an expected NaN it is one.
void compare_near(const char *table, const float *result, const near *expected, size_t count);
void compare_near_halves(const char *table, const uint16_t *result, const near *expected, size_t count);
float half_to_float(uint16_t bits);

// Rows of random weights that stand for moderate numbers, and their values.
extern const char *const weight_names[MONGE_WEIGHT_TYPES];
size_t weight_block(monge_weight_type type);
size_t weight_row_bytes(monge_weight_type type, size_t inputs);
uint8_t *random_weights(monge_weight_type type, size_t rows, size_t inputs);

// A table of four maps: the identity, maps without limits, and maps within limits. Rows have random maps, strengths 0 among them.
monge_transport random_transport(size_t channels, size_t rows, size_t rows_per_index, size_t rows_per_strength);

// A random end of a product: some of bias, activation, transport and residual.
monge_epilogue random_epilogue(size_t channels, size_t rows, bool pieces);
// A product without its x: the checks of products and of convolutions have their own.
monge_linear random_linear(monge_weight_type type, size_t rows, size_t inputs, size_t channels, bool pieces);
near near_epilogue(const monge_epilogue *epilogue, size_t row, size_t channel, near sum);

void check_weights(void);
void check_products(void);
void check_rounded(const monge_rounded_kernels *kernels);
void check_convolutions(void);
void check_norms(void);
void check_functions(void);
void check_movement(void);
void check_attention(void);
void check_selection(void);
void check_columns_and_pool(void);

#endif
