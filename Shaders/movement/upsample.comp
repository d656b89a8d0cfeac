#version 460
// Images at another size, an invocation for a unit of channels of a pixel.
#include "common/arguments.glsl"

#define INTERPOLATION_NEAREST 0u
#define INTERPOLATION_BILINEAR 1u
#define INTERPOLATION_BILINEAR_CORNERS 2u

layout(constant_id = 4) const uint INTERPOLATION = INTERPOLATION_NEAREST;
// Whether pixels are whole units of 16 bytes (nearest) or of four channels (bilinear).
layout(constant_id = 5) const bool VECTOR = false;

const uint SOURCE_TYPE = ACTIVATIONS_ARE_HALF ? 1u : 0u;
const uint RESULT_TYPE = RESULTS_ARE_HALF ? 1u : 0u;

#include "movement/elements.glsl"

layout(push_constant, scalar) uniform Arguments {
    Floats x;
    Floats result;
    uint count;
    uint height;
    uint width;
    uint resultHeight;
    uint resultWidth;
    // In units.
    uint channels;
    // Of nearest: the extents of x over those of the result.
    float rowScale;
    float columnScale;
    CHECK_BLOCK
} arguments;

// The two pixels around a place along an axis, and their weights, each a quotient of its own: the difference of the other from 1 would
// have lost digits where it is small.
struct Place {
    uint first;
    uint second;
    float firstWeight;
    float secondWeight;
};

// A fraction of integers, so that every device finds the same pixels.
Place placeOf(uint index, uint extent, uint resultExtent) {
    uint numerator;
    uint denominator;
    if (INTERPOLATION == INTERPOLATION_BILINEAR_CORNERS) {
        numerator = index * (extent - 1u);
        denominator = max(resultExtent - 1u, 1u);
    } else {
        numerator = uint(max(int((2u * index + 1u) * extent) - int(resultExtent), 0));
        denominator = 2u * resultExtent;
    }
    uint first = numerator / denominator;
    uint rest = numerator - first * denominator;
    // A second pixel of weight 0 is not looked at: it may be infinite.
    uint second = rest == 0u ? first : min(first + 1u, extent - 1u);
    return Place(first, second, float(denominator - rest) / float(denominator), float(rest) / float(denominator));
}

vec4 mixed(vec4 first, vec4 second, Place place) {
    return place.secondWeight == 0.0 ? first : place.firstWeight * first + place.secondWeight * second;
}

vec4 loaded(uint index) { return VECTOR ? LOAD4(arguments.x, 0u, index) : vec4(LOAD(arguments.x, 0u, index)); }

void main() {
    FOR_EACH_ELEMENT(i, arguments.count) {
        uint pixel = i / arguments.channels;
        uint channel = i - pixel * arguments.channels;
        uint line = pixel / arguments.resultWidth;
        uint column = pixel - line * arguments.resultWidth;
        uint image = line / arguments.resultHeight;
        uint row = line - image * arguments.resultHeight;
        uint start = image * arguments.height;
        if (INTERPOLATION == INTERPOLATION_NEAREST) {
            uint sourceRow = min(uint(floor(float(row) * arguments.rowScale)), arguments.height - 1u);
            uint sourceColumn = min(uint(floor(float(column) * arguments.columnScale)), arguments.width - 1u);
            uint from = ((start + sourceRow) * arguments.width + sourceColumn) * arguments.channels + channel;
            MOVE_UNIT(arguments.x, 0u, from, arguments.result, 1u, i)
        } else {
            Place rows = placeOf(row, arguments.height, arguments.resultHeight);
            Place columns = placeOf(column, arguments.width, arguments.resultWidth);
            uint upper = (start + rows.first) * arguments.width;
            uint lower = (start + rows.second) * arguments.width;
            vec4 above = mixed(
                loaded((upper + columns.first) * arguments.channels + channel),
                loaded((upper + columns.second) * arguments.channels + channel), columns);
            vec4 below = mixed(
                loaded((lower + columns.first) * arguments.channels + channel),
                loaded((lower + columns.second) * arguments.channels + channel), columns);
            vec4 y = mixed(above, below, rows);
            if (VECTOR) STORE4(arguments.result, 1u, i, y)
            else STORE(arguments.result, 1u, i, y.x)
        }
    }
}
