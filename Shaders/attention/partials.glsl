// What a work-group leaves for a query and head when it has seen a part of the keys: the largest score (in units of ln 2), the sum of the
// weights relative to it, and the weighted sum of the values, all f32: `[splits, rows · heads, 2 + channels]`.
#pragma once

// The numbers before the values.
#define PARTIAL_HEAD 2u
// Where those of a tile's split lie for a row of a head.
#define partialStart(tile, head) \
    ((tile.split * arguments.rows * arguments.heads + (head)) * (arguments.channels + PARTIAL_HEAD))
