// Activation transport: `y = x + λ·((ω·x + β) − x)` where low < x < high, y = x otherwise; or, with the mean z of a channel over the
// pixels of its image in the place of x on the right, one shift for all of them.
//
// A kernel that applies maps has the arguments `table`, `indices` and `strengths` from place TRANSPORT_SLOT on, and `maps`: the
// number of maps in the table, 0 for none. `sharing` says which rows share an element of `indices` and of `strengths`: all of them,
// unless a flag gives each row or each image its own; the bits above the flags are the rows of an image. A kernel that has them elsewhere
// than among its push constants says where by TRANSPORT_SOURCE.
#pragma once

#ifndef TRANSPORT_SOURCE
#define TRANSPORT_SOURCE arguments
#endif

#define TRANSPORT_INDEX_PER_ROW 1u
#define TRANSPORT_STRENGTH_PER_ROW 2u
#define TRANSPORT_INDEX_PER_IMAGE 4u
#define TRANSPORT_STRENGTH_PER_IMAGE 8u
#define TRANSPORT_FLAG_BITS 4

#define TRANSPORT_ADDRESSES Float4s table; Integers indices; Floats strengths;
#define TRANSPORT_NUMBERS uint maps; uint sharing;

// A map is chosen, not multiplied by a mask, so that what it leaves alone stays the same bit for bit.
#define DEFINE_TRANSPORT \
    uint transportElement(uint row, uint perRow, uint perImage) { \
        if ((TRANSPORT_SOURCE.sharing & perRow) != 0u) return row; \
        return (TRANSPORT_SOURCE.sharing & perImage) != 0u ? row / (TRANSPORT_SOURCE.sharing >> TRANSPORT_FLAG_BITS) : 0u; \
    } \
    \
    /* Whether the row has a map: that of one of its neurons, and its strength. */ \
    bool transportMap(uint row, uint column, uint channels, out vec4 map, out float strength) { \
        map = vec4(0.0); \
        strength = 0.0; \
        if (TRANSPORT_SOURCE.maps == 0u) return false; \
        uint indexElement = transportElement(row, TRANSPORT_INDEX_PER_ROW, TRANSPORT_INDEX_PER_IMAGE); \
        uint strengthElement = transportElement(row, TRANSPORT_STRENGTH_PER_ROW, TRANSPORT_STRENGTH_PER_IMAGE); \
        uint index = uint(TRANSPORT_SOURCE.indices[AT(TRANSPORT_SLOT + 1u, indexElement, 4u)].value); \
        strength = TRANSPORT_SOURCE.strengths[AT(TRANSPORT_SLOT + 2u, strengthElement, 4u)].value; \
        if (index == 0u || index >= TRANSPORT_SOURCE.maps || strength == 0.0) return false; \
        map = TRANSPORT_SOURCE.table[AT(TRANSPORT_SLOT, index * channels + column, 16u)].value; \
        return true; \
    } \
    \
    float transported(float x, uint row, uint column, uint channels) { \
        vec4 map; \
        float strength; \
        if (!transportMap(row, column, channels, map, strength)) return x; \
        float moved = x + strength * ((map.x * x + map.y) - x); \
        return map.z < x && x < map.w ? moved : x; \
    } \
    \
    /* What is added to a channel whose mean over an image, which begins at `row`, is z. */ \
    float channelShift(float z, uint row, uint column, uint channels) { \
        vec4 map; \
        float strength; \
        if (!transportMap(row, column, channels, map, strength)) return 0.0; \
        float shift = strength * ((map.x * z + map.y) - z); \
        return map.z < z && z < map.w ? shift : 0.0; \
    }

// A shift of 0 leaves x the same bit for bit: −0 + 0 would be 0.
float shifted(float x, float shift) { return shift == 0.0 ? x : x + shift; }
