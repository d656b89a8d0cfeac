#ifndef MONGE_COLUMNS_H
#define MONGE_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

enum {
    // Columns that are sorted together: a cache line of each row.
    MONGE_SORTED_COLUMNS = 16,
};

// The elements of scratch memory for columns of `rows` elements.
size_t monge_sort_scratch(size_t rows);

// Sorts columns first ..< end, at most MONGE_SORTED_COLUMNS, of x [rows, channels] in ascending order, NaN last, into the output of
// the same shape. −0 comes before +0.
void monge_sort_columns(
    const float *x, size_t rows, size_t channels, size_t first, size_t end, uint32_t *scratch, float *output);

#endif
