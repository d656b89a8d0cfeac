// Columns are sorted by their bits (radix sort, least significant digit first): no comparisons to mispredict, and NaN has its
// place. A block of columns is gathered to contiguous memory, sorted there, and scattered back, so that rows are read and
// written a cache line at a time.
#include "monge_columns.h"

#include <string.h>

// A key whose order as an unsigned number is that of the values: negative numbers are turned round, positive ones come after
// them. Every NaN becomes the same one, which comes last.
static uint32_t key_of(float value) {
    uint32_t bits;
    if (value != value) return 0xffc00000;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000 ? ~bits : bits | 0x80000000;
}

static float value_of(uint32_t key) {
    uint32_t bits = key & 0x80000000 ? key & 0x7fffffff : ~key;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void insertion_sort(uint32_t *keys, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint32_t key = keys[i];
        size_t place = i;
        for (; place > 0 && keys[place - 1] > key; place--) keys[place] = keys[place - 1];
        keys[place] = key;
    }
}

// Sorts with as much spare memory as there are keys. The result is where the keys were.
static void radix_sort(uint32_t *keys, uint32_t *spare, size_t count) {
    size_t counts[4][256] = {0};
    for (size_t i = 0; i < count; i++)
        for (int digit = 0; digit < 4; digit++) counts[digit][keys[i] >> 8 * digit & 255]++;
    uint32_t *from = keys, *to = spare;
    for (int digit = 0; digit < 4; digit++) {
        size_t *place = counts[digit], total = 0;
        // Keys that share a digit are in order already.
        if (place[from[0] >> 8 * digit & 255] == count) continue;
        for (int value = 0; value < 256; value++) {
            size_t here = place[value];
            place[value] = total;
            total += here;
        }
        for (size_t i = 0; i < count; i++) to[place[from[i] >> 8 * digit & 255]++] = from[i];
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != keys) memcpy(keys, from, count * sizeof *keys);
}

size_t monge_sort_scratch(size_t rows) { return rows * (MONGE_SORTED_COLUMNS + 1); }

void monge_sort_columns(
    const float *x, size_t rows, size_t channels, size_t first, size_t end, uint32_t *scratch, float *output) {
    size_t columns = end - first;
    uint32_t *spare = scratch + rows * MONGE_SORTED_COLUMNS;
    for (size_t row = 0; row < rows; row++)
        for (size_t c = 0; c < columns; c++) scratch[c * rows + row] = key_of(x[row * channels + first + c]);
    for (size_t c = 0; c < columns; c++) {
        // Below this, filling the histograms costs more than comparing.
        if (rows <= 48)
            insertion_sort(scratch + c * rows, rows);
        else
            radix_sort(scratch + c * rows, spare, rows);
    }
    for (size_t row = 0; row < rows; row++)
        for (size_t c = 0; c < columns; c++) output[row * channels + first + c] = value_of(scratch[c * rows + row]);
}
