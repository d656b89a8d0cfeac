// Every kernel for the instruction set that the including file has set up, and the table of them.

#include "vector.h"

#include "widths.h"

#include "blocks_plain.h"

#include "blocks_256.h"
#include "blocks_32.h"

#include "decode.h"
#include "encode.h"

#include "elements.h"

#include "elementwise.h"
#include "transport.h"

#include "epilogue.h"

#include "dot.h"
#include "tile.h"

#include "gemm.h"

#include "dot_panels.h"

#include "columns_few.h"

#include "patches.h"

#include "direct.h"

#include "depthwise.h"

#include "attention_lanes.h"

#include "attention_few.h"

#include "attention.h"
#include "channelwise.h"
#include "movement.h"
#include "norm.h"
#include "gated.h"
#include "clusters.h"
#include "selection.h"

#define KERNELS(NAME)                               \
    {                                               \
        .name = NAME,                               \
        .decode = decode,                           \
        .encode = encode,                           \
        .dot = few_rows,                            \
        .panel_scratch = panel_scratch,             \
        .dot_panel = dot_panel,                     \
        .tile_channels = TILE_ROWS,                 \
        .panels = gemm_panels,                      \
        .packed_elements = gemm_packed_elements,    \
        .pack = gemm_pack,                          \
        .pack_patches = pack_patches,               \
        .packed_weights = packed_weights,           \
        .pack_weights = pack_weights,               \
        .direct_scratch = direct_scratch,           \
        .direct = direct,                           \
        .depthwise_packed = depthwise_packed,       \
        .depthwise_weights = depthwise_weights,     \
        .depthwise_scratch = depthwise_scratch,     \
        .depthwise = depthwise,                     \
        .gemm_scratch = gemm_scratch,               \
        .gemm = gemm,                               \
        .rms_norm = rms_norm,                       \
        .layer_norm = layer_norm,                   \
        .gated_transport = gated_transport,         \
        .cluster_transport = cluster_transport,     \
        .channel_moments = channel_moments,         \
        .channelwise = channelwise,                 \
        .rope = rope,                               \
        .elementwise = elementwise,                 \
        .move_plane = move_plane,                   \
        .attention_panels = attention_panels,       \
        .attention_packed = attention_packed,       \
        .attention_state = attention_state,         \
        .attention_scratch = attention_scratch,     \
        .attention_blocks = attention_blocks,       \
        .attention_pack = attention_pack,           \
        .attention_clear = attention_clear,         \
        .attention_block = attention_block,         \
        .attention_merge = attention_merge,         \
        .attention_finish = attention_finish,       \
        .argmax = argmax,                           \
        .top_k = top_k,                             \
        .sample_weights = sample_weights,           \
        .exponentials = exponentials,               \
        .softmax = softmax,                         \
    }
