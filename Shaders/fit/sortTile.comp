// variants: FIRST = 0 1
#version 460
// Partitions of 2^TILE_BITS samples of eight columns in shared memory: sorted from the start (FIRST), or the last steps of a merge, those
// that compare samples of one partition. One read and one write of the columns for all these steps, where passes in registers (fit/merge)
// do four. Eight columns side by side fill a sector of memory.
#include "common/arguments.glsl"
#include "fit/columnElements.glsl"

layout(constant_id = 4) const uint TILE_BITS = 9;

const uint TILE = 1u << TILE_BITS;
const uint COLUMNS = 8u;
// The sixteens of samples of all columns.
const uint ITEMS = TILE / 16u * COLUMNS;

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    // May be x where a merge is finished.
    Floats result;
    uint samples;
    uint channels;
    CHECK_BLOCK
} arguments;

// A row is left out after every sixteen, so that invocations that read sixteens side by side meet different banks.
shared uint tile[(TILE + TILE / 16u) * COLUMNS];

uint tileIndex(uint sample_, uint column) { return (sample_ + sample_ / 16u) * COLUMNS + column; }

// Every sixteen in order, by a bitonic network in registers.
void sortSixteens() {
    for (uint item = gl_LocalInvocationIndex; item < ITEMS; item += gl_WorkGroupSize.x) {
        uint column = item % COLUMNS;
        uint first = item / COLUMNS * 16u;
        uint keys[16];
        [[unroll]] for (uint r = 0; r < 16; r++) keys[r] = tile[tileIndex(first + r, column)];
        SORT_SIXTEEN(keys)
        [[unroll]] for (uint r = 0; r < 16; r++) tile[tileIndex(first + r, column)] = keys[r];
    }
    barrier();
}

// The steps of bits `bit` + 3 to `bit`, the first of them against the mirror image where a merge begins (see fit/merge).
void mergeSteps(uint bit, bool begins) {
    uint lowMask = (1u << bit) - 1u;
    for (uint item = gl_LocalInvocationIndex; item < ITEMS; item += gl_WorkGroupSize.x) {
        uint column = item % COLUMNS;
        uint group = item / COLUMNS;
        uint low = group & lowMask;
        uint block = (group >> bit) << (bit + 4u);
        uint high = begins ? lowMask - low : low;
        uint keys[16];
        [[unroll]] for (uint r = 0; r < 16; r++) keys[r] = tile[tileIndex(block + (r << bit) + (r < 8u ? low : high), column)];
        if (begins) {
            [[unroll]] for (uint r = 0; r < 8; r++) COMPARE(keys, r, 15u - r)
        } else {
            [[unroll]] for (uint r = 0; r < 8; r++) COMPARE(keys, r, r + 8u)
        }
        MERGE_SIXTEEN(keys)
        [[unroll]] for (uint r = 0; r < 16; r++) tile[tileIndex(block + (r << bit) + (r < 8u ? low : high), column)] = keys[r];
    }
    barrier();
}

// All steps from bit `bit` + 3 down to bit 0; the last four may go over bits that are done already.
void mergeDown(uint bit, bool begins) {
    mergeSteps(bit, begins);
    while (bit > 0u) {
        bit = max(bit, 4u) - 4u;
        mergeSteps(bit, false);
    }
}

void main() {
    uint columnGroups = (arguments.channels + COLUMNS - 1u) / COLUMNS;
    uint group = linearGroup();
    uint first = group / columnGroups * TILE;
    if (first >= arguments.samples) return;
    for (uint i = gl_LocalInvocationIndex; i < TILE * COLUMNS; i += gl_WorkGroupSize.x) {
        // A column past the end is the last one once more.
        uint channel = min(group % columnGroups * COLUMNS + i % COLUMNS, arguments.channels - 1u);
        uint key;
        LOAD_KEY(key, arguments.x, 0u, first + i / COLUMNS)
        tile[tileIndex(i / COLUMNS, i % COLUMNS)] = key;
    }
    barrier();
#if FIRST
    sortSixteens();
    for (uint sorted = 5u; sorted <= TILE_BITS; sorted++) mergeDown(sorted - 4u, true);
#else
    mergeDown(TILE_BITS - 4u, false);
#endif
    for (uint i = gl_LocalInvocationIndex; i < TILE * COLUMNS; i += gl_WorkGroupSize.x) {
        uint channel = group % columnGroups * COLUMNS + i % COLUMNS;
        uint key = tile[tileIndex(i / COLUMNS, i % COLUMNS)];
        if (channel < arguments.channels) STORE_KEY(key, arguments.result, 1u, first + i / COLUMNS)
    }
}
