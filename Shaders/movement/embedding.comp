// variants: WEIGHT = f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q4_K q5_K q6_K
#version 460
// Row indices[i] of the table, or row i, decoded, for every i; a row of zeros where there is none. An invocation for each chunk of 32.
#include "common/arguments.glsl"
#include "common/weightPieces.glsl"

layout(push_constant, scalar) uniform Arguments {
    Integers indices;
    WeightBlocks table;
    Floats result;
    uint count;
    uint tableRows;
    uint channels;
    // Whether rows are whole chunks that begin where chunks are aligned.
    uint byChunk;
    // Whether rows are chosen by `indices`, which otherwise is any buffer.
    uint isChosen;
    // Whether chunks of the result begin at multiples of their four elements.
    uint byFour;
    CHECK_BLOCK
} arguments;

void main() {
    uint chunks = (arguments.channels + 31u) / 32u;
    FOR_EACH_ELEMENT(i, arguments.count * chunks) {
        uint row = i / chunks;
        uint chunk = i % chunks;
        uint index = arguments.isChosen != 0u ? uint(arguments.indices[AT(0u, row, 4u)].value) : row;
        uint start = row * arguments.channels + chunk * 32u;
        bool exists = index < arguments.tableRows;
#ifdef WEIGHT_IS_PLAIN
        if (arguments.byChunk == 0u) {
            WeightElements elements = WeightElements(arguments.table);
            for (uint k = 0; k < min(32u, arguments.channels - chunk * 32u); k++) {
                uint element = index * arguments.channels + chunk * 32u + k;
                float value = exists ? decodeElement(elements + AT(1u, element, WEIGHT_ELEMENT_BYTES)) : 0.0;
                STORE(arguments.result, 2u, start + k, value)
            }
            continue;
        }
#endif
        float w[32];
        DECODE_CHUNK(w, arguments.table, 1u, exists ? index * chunks + chunk : 0u)
        if (arguments.byFour != 0u) {
            [[unroll]] for (uint k = 0; k < 8; k++) {
                vec4 four = exists ? vec4(w[4u * k], w[4u * k + 1u], w[4u * k + 2u], w[4u * k + 3u]) : vec4(0.0);
                STORE4(arguments.result, 2u, start / 4u + k, four)
            }
        } else {
            [[unroll]] for (uint k = 0; k < 32; k++) STORE(arguments.result, 2u, start + k, exists ? w[k] : 0.0)
        }
    }
}
