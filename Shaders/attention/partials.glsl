// What a work-group leaves for a query and head when it has seen a part of the keys: the largest score (in units of ln 2), the sum of the
// weights relative to it, and the weighted sum of the values, all f32: `[splits, rows · heads, 2 + channels]`.
#pragma once

// The numbers before the values.
#define PARTIAL_HEAD 2u
// Where those of a tile's split lie for a row of a head.
#define partialStart(tile, head) \
    ((tile.split * arguments.rows * arguments.heads + (head)) * (arguments.channels + PARTIAL_HEAD))

// By how much sums are to shrink when another part joins them, and that part's own: they weigh 2^(m − M) each, M the larger of both m. One
// that is the largest is not shrunk at all, so that a part without keys, of the lowest score and no weight, leaves all bits as they are.
void joinedFactors(float largest, float partLargest, out float maximum, out float factor, out float partFactor) {
    maximum = max(largest, partLargest);
    factor = largest == maximum ? 1.0 : exp2(largest - maximum);
    partFactor = partLargest == maximum ? 1.0 : exp2(partLargest - maximum);
}

// The sum of both.
float joined(float sum, float factor, float part, float partFactor) { return fma(part, partFactor, sum * factor); }
