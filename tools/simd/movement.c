// Planes that move, bit for bit.
#include <string.h>

#include "check.h"

static void check_plane(size_t width, size_t rows, size_t columns, monge_steps from_steps, monge_steps to_steps) {
    begin(
        "plane of %zu × %zu elements of %zu bytes, steps %zu and %zu to %zu and %zu", rows, columns, width, from_steps.row,
        from_steps.column, to_steps.row, to_steps.column);
    size_t from_elements = (rows - 1) * from_steps.row + (columns - 1) * from_steps.column + 1;
    size_t to_elements = (rows - 1) * to_steps.row + (columns - 1) * to_steps.column + 1;
    uint8_t *from = memory(from_elements * width, width), *result = memory(to_elements * width, width);
    uint8_t *expected = memory(to_elements * width, width), *plain = memory(to_elements * width, width);
    for (size_t i = 0; i < from_elements * width; i++) from[i] = (uint8_t)random_bits();
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            memcpy(
                expected + (r * to_steps.row + c * to_steps.column) * width,
                from + (r * from_steps.row + c * from_steps.column) * width, width);
    tested->move_plane(width, from, from_steps, result, to_steps, rows, columns);
    monge_kernels_plain.move_plane(width, from, from_steps, plain, to_steps, rows, columns);
    compare_bytes(result, plain, to_elements * width);
    compare_bytes(result, expected, to_elements * width);
    end();
}

void check_movement(void) {
    for (int i = 0; i < 3000; i++) {
        size_t width = i % 2 ? 2 : 4, most = i % 50 ? 40 : 200, rows = 1 + random_below(most), columns = 1 + random_below(most);
        size_t gap = random_below(3) ? 0 : random_below(9), other = random_below(3) ? 0 : random_below(9);
        monge_steps transposed = {1, rows + gap}, in_rows = {columns + other, 1}, far = {3 * columns + other, 3};
        switch (i / 2 % 4) {
        case 0: check_plane(width, rows, columns, (monge_steps){columns + gap, 1}, in_rows); break;
        case 1: check_plane(width, rows, columns, far, in_rows); break;
        default: check_plane(width, rows, columns, transposed, in_rows); break;
        }
    }
}
