// Products of a few rows of one x with several weights of one type, by the tiles of linear/fewRows.glsl: each to a result of its own, as
// queries, keys and values; or two, of which the first gates the second. These are linear/group.comp, and linear/roundedGroup.comp where x is
// rounded to integers.
#include "common/arguments.glsl"
#include "common/weightPieces.glsl"
#include "common/activations.glsl"
#include "common/registers.glsl"

layout(constant_id = 10) const bool GATED = false;

#define HAS_BIAS 1u
#define TRANSPORT_SOURCE part
#define TRANSPORT_SLOT (partSlot + 2u)

#include "common/transport.glsl"

struct Part {
    WeightBlocks weight;
    // Of the first alone where it gates the second.
    Floats result;
    TRANSPORT_ADDRESSES
    // Or any buffer where `flags` says that there is none.
    Floats bias;
    uint outputs;
    uint flags;
    TRANSPORT_NUMBERS
};
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer Parts { Part value; };

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    // Their buffers are arguments from 1 on, six of each.
    Parts parts;
    uint rows;
    uint channels;
    uint partCount;
    uint activation;
    CHECK_BLOCK
} arguments;

#include "linear/fewRows.glsl"

// The one whose tile this is, and the place of the first of its arguments.
Part part;
uint partSlot;

void take(uint index) {
    part = arguments.parts[index].value;
    partSlot = 1u + 6u * index;
}

DEFINE_TRANSPORT

float finished(uint row, uint column, float sum) {
    float y = sum;
    if ((part.flags & HAS_BIAS) != 0u) y += part.bias[AT(partSlot + 5u, column, 4u)].value;
    return transported(y, row, column, part.outputs);
}

void main() {
    uint rowTiles = (arguments.rows + TILE_ROWS - 1u) / TILE_ROWS;
#ifdef ROUNDED
    // A work-group has rows of its own, which it rounds together: all of it, whether outputs are left or not.
    uint firstRow = (linearGroup() % rowTiles) * TILE_ROWS;
    uint tile = fewRowsTile(linearGroup() / rowTiles);
    uint partRows = 1u;
#else
    uint tile = fewRowsTile(linearGroup());
    uint partRows = rowTiles;
#endif
    // The part with the tile, the tiles of others before it counted off; beyond the last, its row or its outputs are none.
    uint index = 0u;
    [[dont_unroll]] for (; !GATED && index + 1u < arguments.partCount; index++) {
        uint count = (arguments.parts[index].value.outputs + TILE_OUTPUTS - 1u) / TILE_OUTPUTS * partRows;
        if (tile < count) break;
        tile -= count;
    }
    take(index);
#ifdef ROUNDED
    uint firstOutput = tile * TILE_OUTPUTS;
#else
    uint outputTiles = (part.outputs + TILE_OUTPUTS - 1u) / TILE_OUTPUTS;
    uint firstRow = (tile / outputTiles) * TILE_ROWS;
    uint firstOutput = (tile % outputTiles) * TILE_OUTPUTS;
    if (firstRow >= arguments.rows) return;
#endif
    float sums[TILE];
    sumFewRows(part.weight, partSlot, part.outputs, firstRow, firstOutput, sums);
    float gates[TILE];
    if (GATED) {
        [[unroll]] for (uint i = 0; i < TILE; i++) gates[i] = sums[i];
        take(1u);
        sumFewRows(part.weight, partSlot, part.outputs, firstRow, firstOutput, sums);
    }
    // All lanes have all sums; each finishes its own.
    [[dont_unroll]] for (uint i = tileLane(); i < TILE; i += tileLanes()) {
        uint row = firstRow + i / TILE_OUTPUTS;
        uint column = firstOutput + i % TILE_OUTPUTS;
        if (row >= arguments.rows || column >= part.outputs) continue;
        float y;
        CHOOSE(y, sums, TILE, i)
        y = finished(row, column, y);
        if (GATED) {
            float gate;
            CHOOSE(gate, gates, TILE, i)
            take(0u);
            y *= activated(finished(row, column, gate), arguments.activation);
        }
        STORE(part.result, partSlot + 1u, row * part.outputs + column, y)
        if (GATED) take(1u);
    }
}
