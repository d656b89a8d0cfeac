// One activation transport: `y = x + λ·((ω·x + β) − x)` where low < x < high, y = x otherwise.
//
// A kernel that applies maps has the arguments `table`, `indices` and `strengths` from place TRANSPORT_SLOT on, and `maps`: the
// number of maps in the table, 0 for none. `perRow` says with TRANSPORT_INDEX_PER_ROW and TRANSPORT_STRENGTH_PER_ROW which of
// `indices` and `strengths` have an element for every row and not one for all.
#pragma once

#define TRANSPORT_INDEX_PER_ROW 1u
#define TRANSPORT_STRENGTH_PER_ROW 2u

#define TRANSPORT_ADDRESSES Float4s table; Integers indices; Floats strengths;
#define TRANSPORT_NUMBERS uint maps; uint perRow;

// A map is chosen, not multiplied by a mask, so that what it leaves alone stays the same bit for bit.
#define DEFINE_TRANSPORT \
    float transported(float x, uint row, uint column, uint channels) { \
        if (arguments.maps == 0u) return x; \
        uint indexRow = (arguments.perRow & TRANSPORT_INDEX_PER_ROW) != 0u ? row : 0u; \
        uint strengthRow = (arguments.perRow & TRANSPORT_STRENGTH_PER_ROW) != 0u ? row : 0u; \
        uint index = uint(arguments.indices[AT(TRANSPORT_SLOT + 1u, indexRow, 4u)].value); \
        float strength = arguments.strengths[AT(TRANSPORT_SLOT + 2u, strengthRow, 4u)].value; \
        if (index == 0u || index >= arguments.maps || strength == 0.0) return x; \
        vec4 map = arguments.table[AT(TRANSPORT_SLOT, index * channels + column, 16u)].value; \
        float moved = x + strength * ((map.x * x + map.y) - x); \
        return map.z < x && x < map.w ? moved : x; \
    }
