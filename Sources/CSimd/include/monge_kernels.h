#ifndef MONGE_KERNELS_H
#define MONGE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The CPU's vector kernels. Each instruction set has the same kernels, compiled from the same source (kernels/) for its vector
// width; a table of them is chosen at run time. All arithmetic is in f32. A kernel works on a range of rows or channels; sharing
// ranges among threads, checking shapes and finding memory is the caller's.

// Weight types; the layouts of the quantised ones are those of ggml-common.h (ggml).
typedef enum {
    MONGE_F32,
    MONGE_F16,
    MONGE_BF16,
    MONGE_Q4_0,
    MONGE_Q4_1,
    MONGE_Q5_0,
    MONGE_Q5_1,
    MONGE_Q8_0,
    MONGE_Q4_K,
    MONGE_Q5_K,
    MONGE_Q6_K,
    MONGE_WEIGHT_TYPES
} monge_weight_type;

typedef enum {
    MONGE_IDENTITY,
    MONGE_SILU,
    MONGE_GELU,
    MONGE_GELU_TANH,
    MONGE_GELU_QUICK,
    MONGE_RELU,
    MONGE_SIGMOID,
    MONGE_TANH,
} monge_activation;

typedef enum {
    // activation(a)
    MONGE_FUNCTION_ACTIVATION,
    // first · a + second
    MONGE_FUNCTION_SCALE,
    // first where a < first, second where a > second, else a; NaN stays
    MONGE_FUNCTION_CLAMP,
    // a + b, a − b, a · b
    MONGE_FUNCTION_ADD,
    MONGE_FUNCTION_SUBTRACT,
    MONGE_FUNCTION_MULTIPLY,
    // activation(a) · b
    MONGE_FUNCTION_GATED_PRODUCT,
    // a · (first + b) + c
    MONGE_FUNCTION_MULTIPLY_ADD,
} monge_function_kind;

// What a function acts on: elements one after the other, or the first one for all where the step is 0.
typedef struct {
    const void *start;
    size_t step;
} monge_operand;

// A function of one to three operands.
typedef struct {
    monge_function_kind kind;
    monge_activation activation;
    float first;
    float second;
} monge_function;

typedef enum {
    // What every processor of the target has: SSE2 on x86-64, NEON on aarch64.
    MONGE_PORTABLE,
    MONGE_NEON,
    // AVX2, FMA and F16C.
    MONGE_AVX2,
    // AVX-512 F, BW, DQ and VL.
    MONGE_AVX512,
} monge_instruction_set;

// Which map each row goes through: y = x + λ·(ω·x + β − x) where low < x < high, x itself elsewhere, where λ = 0, and where the
// row's map is 0 or not in the table.
typedef struct {
    // [maps, channels, 4]: ω, β, low, high. NULL for no transport.
    const float *table;
    size_t maps;
    size_t channels;
    const int32_t *indices;
    const float *strengths;
    // The rows that share an index, and a strength: 1 for one each, those of an image, or all of them.
    size_t rows_per_index;
    size_t rows_per_strength;
} monge_transport;

// Maps between clusters: y = x + λ·Σ softmax(⟨weights, x⟩ + intercepts)·shifts.
typedef struct {
    // The clusters of each map, at most MONGE_CLUSTERS.
    size_t count;
    // [maps, count, channels]
    const float *weights;
    // [maps, count]: −∞ for a cluster that is none. A map of no clusters leaves its rows as they are.
    const float *intercepts;
    // [maps, count, channels]
    const float *shifts;
} monge_clusters;

enum { MONGE_CLUSTERS = 16 };

// The end of a groupNorm, and a map by itself: y = residual + T₂(activation(T₁((x − mean)·scale + offset + shift))), of which one map at
// most is there.
typedef struct {
    // Which are f16, the others being f32.
    bool half_x;
    bool half_residual;
    bool half_output;
    // [images, pixels, channels]
    const void *x;
    size_t pixels;
    size_t channels;
    // [images, channels] each, or all of them NULL: then x itself is what is shifted.
    const float *mean;
    const float *scale;
    const float *offset;
    // [images, channels] or NULL; a shift of 0 leaves the value as it is.
    const float *shift;
    monge_transport transport;
    // Whether the transport acts before the activation.
    bool maps_first;
    monge_activation activation;
    // [images, pixels, channels] or NULL; may be the output.
    const void *residual;
    // [images, pixels, channels]; may be x where the types are the same.
    void *output;
} monge_channelwise;

// What happens to the result of a matrix product, in this order: bias, activation, transport, residual.
typedef struct {
    // [channels] or NULL.
    const float *bias;
    monge_activation activation;
    monge_transport transport;
    // [rows, channels] or NULL; may be the output.
    const float *residual;
    // [rows, channels]
    float *output;
    size_t channels;
} monge_epilogue;

// y = epilogue(x · Wᵀ)
typedef struct {
    // [rows, inputs]
    const float *x;
    size_t rows;
    size_t inputs;
    monge_weight_type type;
    // [epilogue.channels, inputs]
    const uint8_t *weight;
    size_t weight_row_bytes;
    // Whether rows of the weight are in the order that products of rounded activations have for them.
    bool interleaved;
    // The row of the result that each row of x makes; where NULL, rows follow first_row. The dot kernel knows rows from 0 only.
    const int32_t *result_rows;
    size_t first_row;
    monge_epilogue epilogue;
} monge_linear;

// What the taps of a convolution's output pixels meet: the rows of a matrix product, [pixels, taps · inputs].
typedef struct {
    // [images, height, width, channels]
    const float *x;
    size_t height;
    size_t width;
    size_t channels;
    // The input channels of a group, side by side.
    size_t inputs;
    size_t vertical_taps;
    size_t horizontal_taps;
    // Pixels are numbered image by image, row by row.
    size_t output_height;
    size_t output_width;
    // [output_height, vertical_taps]: the input row that a tap meets, −1 for none; columns alike.
    const int32_t *rows;
    const int32_t *columns;
    // Output columns of which every tap meets something, each at the same distance from what it meets in the column before.
    size_t regular_first;
    size_t regular_end;
} monge_patches;

// The elements from one row of a plane to the next, and from one column to the next.
typedef struct {
    size_t row;
    size_t column;
} monge_steps;

// Attention of one sequence for the query heads that share a key head. A lane is a query and a head: lane l is query
// l / group, head l % group of the group.
typedef struct {
    // The first query's first head of the group; rows are query_stride elements apart.
    const float *queries;
    size_t query_stride;
    size_t query_count;
    // Query heads that share the key head.
    size_t group;
    // The first key (value) of the key head, in f32 or f16; keys are key_stride elements apart.
    const void *keys;
    const void *values;
    bool half_keys;
    size_t key_stride;
    // Where keys are in blocks of block_size: key k is key k % block_size of block blocks[k / block_size]. NULL and 0 where they lie one
    // after the other.
    const int32_t *blocks;
    size_t block_size;
    size_t key_count;
    // Channels of a head.
    size_t channels;
    float scale;
    bool causal;
    // The positions a query sees, its own included; 0 for no limit.
    size_t window;
    // 0 for none.
    float soft_cap;
    // What is added to the scores of the first query's first head, a number for each key; NULL for nothing. Strides may be 0.
    const float *bias;
    size_t bias_head_stride;
    size_t bias_query_stride;
    // As the queries.
    float *output;
} monge_attention;

enum {
    // The most rows of x that the dot kernel takes.
    MONGE_DOT_ROWS = 8,
    // Output channels that a call of the product of dot products for many rows takes at most.
    MONGE_PANEL_CHANNELS = 48,
    // Keys that a softmax sees at once. Blocks begin at multiples of this, whatever the query: part of a result's definition.
    MONGE_KEY_BLOCK = 128,
    // Output channels that a call of the matrix product takes at most.
    MONGE_GEMM_CHANNELS = 96,
    // Pixels that a call of the direct convolution takes at most.
    MONGE_DIRECT_PIXELS = 192,
};

typedef struct {
    const char *name;

    // Decodes `count` elements, whole blocks, of a row.
    void (*decode)(monge_weight_type type, const uint8_t *row, size_t count, float *values);

    // Rounds `count` elements to f16 or bf16: to the nearest, ties to even; NaN stays NaN.
    void (*encode)(monge_weight_type type, const float *values, size_t count, uint8_t *row);

    // Output channels first ..< end for all rows of x, at most MONGE_DOT_ROWS: every weight is read once and decoded in
    // registers. `scratch` has room for MONGE_DOT_ROWS · (end − first) elements. A row has the bits that `dot_panel` gives it, or, of
    // plain weights, `gemm`.
    void (*dot)(const monge_linear *linear, size_t first, size_t end, float *scratch);

    // Output channels first ..< end, at most MONGE_PANEL_CHANNELS, of quantised weights, for rows first_row ..< end_row of x, of any number. `scratch`, 64-byte aligned, has room for panel_scratch(end − first, inputs) elements.
    size_t (*panel_scratch)(size_t channels, size_t inputs);
    void (*dot_panel)(
        const monge_linear *linear, size_t first, size_t end, size_t first_row, size_t end_row, float *scratch);

    // Output channels that a tile of the matrix product has: blocks of them are best begun at multiples of this.
    size_t tile_channels;
    // The matrix product takes x in panels of some rows, transposed so that rows lie side by side in a vector.
    size_t (*panels)(size_t rows);
    // The elements that the panels of `rows` rows take.
    size_t (*packed_elements)(size_t rows, size_t inputs);
    void (*pack)(const monge_linear *linear, size_t panel, float *packed);
    // The same where the rows are those of pixels first_pixel ..< first_pixel + pixels.
    void (*pack_patches)(
        const monge_patches *patches, size_t group, size_t first_pixel, size_t pixels, size_t panel, float *packed);
    // The elements of scratch memory, 64-byte aligned, that a call for `panels` panels needs.
    size_t (*gemm_scratch)(size_t panels);
    // Output channels first ..< end, at most MONGE_GEMM_CHANNELS, for the rows of panels first_panel ..< end_panel. A row's
    // result does not depend on the others.
    void (*gemm)(
        const monge_linear *linear, const float *packed, size_t first, size_t end, size_t first_panel, size_t end_panel,
        float *scratch);

    // The product the other way about, for many more pixels than channels: weights are packed, of output channels first ..< end, and
    // pixels are read where they lie. A pixel's result does not depend on the others.
    size_t (*packed_weights)(size_t channels, size_t inputs);
    // The channels are shared out by panels, of which there are panels(end − first).
    void (*pack_weights)(const monge_linear *linear, size_t first, size_t end, size_t panel, float *packed);
    // The elements of scratch memory, 64-byte aligned, that a call for `pixels` pixels, at most MONGE_DIRECT_PIXELS, needs.
    size_t (*direct_scratch)(const monge_patches *patches, size_t pixels, size_t channels);
    void (*direct)(
        const monge_linear *linear, const monge_patches *patches, size_t group, const float *packed, size_t first, size_t end,
        size_t first_pixel, size_t end_pixel, float *scratch);

    // A convolution where each channel has a kernel of its own. Its weights [channels, taps] become [taps, channels] in f32.
    size_t (*depthwise_packed)(size_t channels, size_t taps);
    void (*depthwise_weights)(const monge_linear *linear, size_t first, size_t end, float *packed);
    // The elements of scratch memory that a call needs for output rows first_row ..< end_row and so many channels.
    size_t (*depthwise_scratch)(const monge_patches *patches, size_t first_row, size_t end_row, size_t channels);
    // Output rows first_row ..< end_row of an image, channels first ..< end, where first is a multiple of 16.
    void (*depthwise)(
        const monge_linear *linear, const monge_patches *patches, const float *packed, size_t image, size_t first_row, size_t end_row,
        size_t first, size_t end, float *scratch);

    // y = gain · x / √(mean(x²) + ε), then the transport, for rows first ..< end; x and y are f32 or f16, each by itself.
    // May be in place where they are of one type.
    void (*rms_norm)(
        const void *x, bool half, const float *gain, float epsilon, const monge_transport *transport, size_t channels, size_t first,
        size_t end, void *output, bool half_output);

    // y = gain · (x − mean) / √(variance + ε) + bias, then the transport, likewise; gain and bias may be NULL.
    void (*layer_norm)(
        const void *x, bool half, const float *gain, const float *bias, float epsilon, const monge_transport *transport,
        size_t channels, size_t first, size_t end, void *output, bool half_output);

    // The transport of rows first ..< end with λ·σ(⟨weights[map], x⟩ + intercepts[map]) for the strength of a row; an intercept of +∞ is no gate. x and
    // y are f32 or f16, each by itself; may be in place where they are of one type.
    void (*gated_transport)(
        const void *x, bool half, const monge_transport *transport, const float *weights, const float *intercepts, size_t channels,
        size_t first, size_t end, void *output, bool half_output);

    // The transport between clusters of rows first ..< end; the map of each row and its strength are the transport's, whose table is not read. x and y
    // are f32 or f16, each by itself; may be in place where they are of one type.
    void (*cluster_transport)(
        const void *x, bool half, const monge_transport *transport, const monge_clusters *clusters, size_t channels, size_t first, size_t end,
        void *output, bool half_output);

    // The mean of each channel over `rows` rows of x, f32 or f16, and the sum of squares about it.
    void (*channel_moments)(const void *x, bool half, size_t rows, size_t channels, float *means, float *squares);
    // Rows (pixels of all images) first ..< end.
    void (*channelwise)(const monge_channelwise *work, size_t first, size_t end);

    // Turns the pairs of one head by the angles whose cosines and sines are given; the other channels are copied. May be in place.
    void (*rope)(
        const float *x, const float *cosines, const float *sines, size_t pairs, size_t channels, bool interleaved, float *output);

    // output[i] = f(a[i], b[i], c[i]), all of them f32 or all f16. The output may be an operand of step 1.
    void (*elementwise)(
        const monge_function *function, bool half, const monge_operand operands[3], size_t count, void *output);

    // to[r · to_steps.row + c · to_steps.column] = from[r · from_steps.row + c · from_steps.column] for elements of 2 or 4 bytes. Made
    // for planes where both columns are 1 apart (rows are copied), or the source's rows and the destination's columns (transposed).
    void (*move_plane)(
        size_t element_bytes, const void *from, monge_steps from_steps, void *to, monge_steps to_steps, size_t rows, size_t columns);

    // Attention works on panels of lanes, and on keys in blocks of MONGE_KEY_BLOCK. A lane's result depends on no other lane, and
    // not on whether its blocks are computed one after the other or at once and folded in order.
    size_t (*attention_panels)(const monge_attention *attention);
    // The elements of a packed panel, of a panel's state, and of the scratch memory of a call; all 64-byte aligned.
    size_t (*attention_packed)(const monge_attention *attention);
    size_t (*attention_state)(const monge_attention *attention);
    size_t (*attention_scratch)(const monge_attention *attention);
    // The blocks of keys that some lane of a panel sees.
    void (*attention_blocks)(const monge_attention *attention, size_t panel, size_t *first, size_t *end);
    void (*attention_pack)(const monge_attention *attention, size_t panel, float *packed);
    // The state of no key.
    void (*attention_clear)(const monge_attention *attention, size_t panel, float *state);
    // The state of one block of keys.
    void (*attention_block)(
        const monge_attention *attention, size_t panel, size_t block, const float *packed, float *state, float *scratch);
    // Folds the state of the next block into that of those before it.
    void (*attention_merge)(const monge_attention *attention, size_t panel, float *state, const float *next);
    void (*attention_finish)(const monge_attention *attention, size_t panel, const float *state);

    // The index of the largest element, the first of equal ones; NaN counts as −∞. count ≥ 1.
    size_t (*argmax)(const float *x, size_t count);
    // The `kept` largest elements, descending, the lower index first of equal ones; NaN counts as −∞. kept ≤ count.
    void (*top_k)(const float *x, size_t count, size_t kept, float *values, int32_t *indices);
    // The elements that a draw can choose beside the largest, x[i] = largest or (x[i] − largest) · inverse_temperature > −22, in their order: their
    // places, their weights, those of SampleWeight to the bit, and keys, unsigned numbers in the order of the elements in which zeros of both signs
    // are equal. Others weigh nothing. No element is NaN or ∞. Room for `count` of each. Returns how many there are.
    size_t (*sample_weights)(
        const float *x, size_t count, float largest, float inverse_temperature, int32_t *places, uint32_t *weights, uint32_t *keys);
    // values[i] = exp((x[i] − shift) · scale), within 3 ulp of the exponential of x[i] − shift times scale, rounded; returns their sum,
    // accumulated in f64. May be in place.
    double (*exponentials)(const float *x, size_t count, float shift, float scale, float *values);
    // values[i] = exp(x[i] · scale) over the sum of them all, for scale > 0. May be in place.
    void (*softmax)(const float *x, size_t count, float scale, float *values);
} monge_kernels;

// The kernels for an instruction set, or NULL when this processor, or this build, lacks it.
const monge_kernels *monge_kernels_for(monge_instruction_set set);

// 32 activations of a row, rounded to integers: about scale · q, with q = 255·high + low.
typedef struct {
    int8_t high[32];
    int8_t low[32];
    // The largest magnitude over 32512.
    float scale;
    // scale · Σq, which the offsets of weights are multiplied with.
    float sum;
    // What sums of q times integers begin with that are stored greater by a centre than they are meant: −centre · Σq, of all 32 or of
    // each half.
    int32_t starts[2];
} monge_rounded_block;

// Products of quantised weights with activations rounded to integers in blocks of 32. A row's result does not depend on the others, nor on
// how many there are.
typedef struct {
    const char *name;

    // Rounds rows first ..< end of x, of whole blocks, for the type of the weights: block b of row r to blocks[b · rows + r].
    void (*round)(const monge_linear *linear, size_t first, size_t end, monge_rounded_block *blocks);

    // The elements of scratch memory that a call for so many rows and output channels needs.
    size_t (*scratch)(size_t rows, size_t channels);
    // Output channels first ..< end for rows first_row ..< end_row; result rows are numbered from linear->first_row.
    void (*product)(
        const monge_linear *linear, const monge_rounded_block *blocks, size_t first, size_t end, size_t first_row, size_t end_row,
        float *scratch);

    // The rows of weights that go together. Where there are at least as many, they can be interleaved: for every so many rows or a part of
    // them a group of lanes · weight_row_bytes bytes. `product` then begins at a whole group.
    size_t lanes;
    // Groups first ..< end of linear->weight, to their places in `groups`.
    void (*interleave)(const monge_linear *linear, size_t first, size_t end, uint8_t *groups);
    // And back, from linear->weight, to their rows.
    void (*restore)(const monge_linear *linear, size_t first, size_t end, uint8_t *rows);
} monge_rounded_kernels;

// The kernels for an instruction set by preference, the best at index 0: with dot products of bytes where this processor has them, then
// without. NULL beyond the last, and where the set is lacking.
const monge_rounded_kernels *monge_rounded_kernels_for(monge_instruction_set set, size_t index);

#endif
