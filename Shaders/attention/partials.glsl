// What a subgroup leaves for a query and head when it has seen a part of the keys: the largest score, the sum of the weights
// relative to it, and the weighted sum of the values.
#pragma once

// The numbers before the values.
#define PARTIAL_HEAD 2u
