import Tensors

/// A block of an image's tokens that attend to themselves and to a text, with a gated MLP (GEGLU) behind.
///
/// It reads like `BasicTransformerBlock` of diffusers.
struct TransformerBlock {
    private let norm1, norm2, norm3: LayerNormLayer
    private let selfAttention, textAttention: AttentionLayer
    private let gateAndUp, down: LinearLayer
    private let feedForwardSite: Site?
    private let site: Site?

    init(_ m: ModuleLoader, channels: Int, textChannels: Int, heads: Int, _ segments: SegmentCache) throws {
        norm1 = try m["norm1"].layerNorm(channels, epsilon: 1e-5)
        selfAttention = try AttentionLayer(
            m["attn1"], channels: channels, memoryChannels: channels, heads: heads, bias: false, segments)
        norm2 = try m["norm2"].layerNorm(channels, epsilon: 1e-5)
        textAttention = try AttentionLayer(
            m["attn2"], channels: channels, memoryChannels: textChannels, heads: heads, bias: false, segments)
        norm3 = try m["norm3"].layerNorm(channels, epsilon: 1e-5)
        let inner = 4 * channels
        gateAndUp = try m["ff"]["net.0.proj"].linear(channels, 2 * inner)
        down = try m["ff"]["net.2"].linear(inner, channels)
        feedForwardSite = m["ff"].site(channels)
        site = m.site(channels)
    }

    /// The stages, on tokens `[images, pixels, channels]`.
    var stages: [UNet.Stage] {
        [
            { s, context in s.hidden = try selfAttention(norm1(s.hidden, context), residual: s.hidden, context) },
            { s, context in
                s.hidden = try textAttention(norm2(s.hidden, context), memory: s.conditioning.text, residual: s.hidden, context)
            },
            { s, context in
                let packed = try gateAndUp(norm3(s.hidden, context), on: context.backend)
                s.inner = try context.backend.gatedProduct(packed: packed, gate: .second, activation: .gelu)
            },
            { s, context in
                s.hidden = try down(s.inner!, residual: s.hidden, at: feedForwardSite, context)
                s.inner = nil
            },
            { s, context in s.hidden = try context.visit(s.hidden, at: site) },
        ]
    }
}

/// Transformer blocks over the pixels of an image, with a norm and projections around them.
///
/// It reads like `Transformer2DModel` of diffusers with continuous input.
struct SpatialTransformer {
    private let norm: GroupNormLayer
    private let input, output: LinearLayer
    private let blocks: [TransformerBlock]
    private let site: Site?

    /// - Parameter depth: The number of transformer blocks.
    init(_ m: ModuleLoader, channels: Int, textChannels: Int, heads: Int, depth: Int, groups: Int, _ segments: SegmentCache) throws {
        guard heads > 0, channels % heads == 0 else {
            throw ModelError.invalidConfiguration("\(heads) heads do not divide the \(channels) channels of \(m.path)")
        }
        norm = try m["norm"].groupNorm(channels, groups: groups, epsilon: 1e-6)
        input = try m["proj_in"].linear(channels, channels)
        blocks = try (0..<depth).map {
            try TransformerBlock(
                m["transformer_blocks", $0], channels: channels, textChannels: textChannels, heads: heads, segments)
        }
        output = try m["proj_out"].linear(channels, channels)
        site = m.site(channels)
    }

    /// The stages, on an image `[images, height, width, channels]`.
    var stages: [UNet.Stage] {
        let enter: UNet.Stage = { s, context in
            let x = s.hidden
            let tokens: Shape = [x.shape[0], x.shape[1] * x.shape[2], x.shape[3]]
            s.hidden = try input(norm(x, context).reshaped(tokens), on: context.backend)
            s.residual = x
        }
        let leave: UNet.Stage = { s, context in
            let x = s.residual!
            s.hidden = try output(s.hidden, residual: x.reshaped(s.hidden.shape), on: context.backend).reshaped(x.shape)
            s.residual = nil
        }
        return [enter] + blocks.flatMap(\.stages) + [leave, { s, context in s.hidden = try context.visit(s.hidden, at: site) }]
    }
}
