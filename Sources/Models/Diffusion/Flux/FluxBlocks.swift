import Tensors

/// Numbers that a block makes of timestep, guidance and text, to shift, scale and gate its activations (adaptive layer norm; DiT, Peebles & Xie
/// 2023).
struct FluxModulation {
    private let linear: LinearLayer
    private let count: Int

    /// - Parameter count: How many vectors it gives.
    init(_ m: ModuleLoader, channels: Int, count: Int) throws {
        linear = try m["linear"].linear(channels, count * channels)
        self.count = count
    }

    /// `[images, 1, channels]` each.
    /// - Parameter conditioning: `[images, channels]` after its activation.
    func callAsFunction(_ conditioning: Tensor, on backend: any Backend) throws -> [Tensor] {
        let all = try linear(conditioning, as: .f32, on: backend)
        let (images, channels) = (all.shape[0], all.shape[1] / count)
        return try backend.split(all.reshaped([images, 1, count * channels]), axis: -1, into: [Int](repeating: channels, count: count))
    }
}

/// Queries, keys and values of one stream, with norms on each head.
struct FluxProjections {
    private let query, key, value: LinearLayer
    private let queryNorm, keyNorm: Tensor
    private let heads: Int

    /// - Parameter names: Of the three projections, then of the two norms.
    init(_ m: ModuleLoader, _ names: [String], _ c: FluxConfiguration) throws {
        query = try m[names[0]].linear(c.channels, c.channels)
        key = try m[names[1]].linear(c.channels, c.channels)
        value = try m[names[2]].linear(c.channels, c.channels)
        queryNorm = try m[names[3]].gain(c.headChannels)
        keyNorm = try m[names[4]].gain(c.headChannels)
        heads = c.heads
    }

    static let image = ["to_q", "to_k", "to_v", "norm_q", "norm_k"]
    static let text = ["add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q", "norm_added_k"]

    /// `[images, tokens, heads, head channels]` each.
    func callAsFunction(_ x: Tensor, on backend: any Backend) throws -> [Tensor] {
        let shape: Shape = [x.shape[0], x.shape[1], heads, x.shape[2] / heads]
        func normed(_ layer: LinearLayer, _ gain: Tensor) throws -> Tensor {
            try backend.rmsNorm(layer(x, on: backend).reshaped(shape), gain: gain, epsilon: 1e-6)
        }
        return [try normed(query, queryNorm), try normed(key, keyNorm), try value(x, on: backend).reshaped(shape)]
    }
}

/// Attention over text and image as one sequence, with rotary positions.
struct FluxAttention {
    let positions: FluxPositions
    let segments: SegmentCache

    /// - Parameters:
    ///   - projected: Queries, keys and values `[images, tokens, heads, head channels]`.
    ///   - grid: The rows and columns of the image's tokens, which follow the text's.
    /// - Returns: `[images, tokens, channels]`.
    func callAsFunction(_ projected: [Tensor], grid: (height: Int, width: Int), on backend: any Backend) throws -> Tensor {
        let shape = projected[0].shape
        let (images, tokens, heads, channels) = (shape[0], shape[1], shape[2], shape[3])
        let rows: Shape = [images * tokens, heads, channels]
        let tables = try positions.tables(text: tokens - grid.height * grid.width, height: grid.height, width: grid.width, on: backend)
        func turned(_ x: Tensor) throws -> Tensor {
            try backend.rope(x.reshaped(rows), cosines: tables.cosines, sines: tables.sines, layout: .interleaved)
        }
        let attended = try backend.attention(
            turned(projected[0]), keys: turned(projected[1]).reshaped(shape), values: projected[2],
            segments: segments.segments(batch: images, queries: tokens, keys: tokens, on: backend))
        return try attended.reshaped([images, tokens, heads * channels])
    }
}

/// A stream's way through a block whose text and image have weights of their own.
private struct FluxStream {
    let modulation: FluxModulation
    let projections: FluxProjections
    let output, first, second: LinearLayer
}

/// A block of two streams that meet in attention.
struct FluxDoubleBlock {
    private let text, image: FluxStream
    private let attention: FluxAttention
    private let activations: DType
    /// The streams after the block, text first.
    let sites: [Site]

    init(_ m: ModuleLoader, _ c: FluxConfiguration, _ attention: FluxAttention, activations: DType) throws {
        let attn = m["attn"]
        func stream(_ suffix: String, _ names: [String], _ output: String) throws -> FluxStream {
            let mlp = m["ff\(suffix)"]["net"]
            return FluxStream(
                modulation: try FluxModulation(m["norm1\(suffix)"], channels: c.channels, count: 6),
                projections: try FluxProjections(attn, names, c), output: try attn[output].linear(c.channels, c.channels),
                first: try mlp["0"]["proj"].linear(c.channels, 4 * c.channels), second: try mlp["2"].linear(4 * c.channels, c.channels))
        }
        image = try stream("", FluxProjections.image, "to_out.0")
        text = try stream("_context", FluxProjections.text, "to_add_out")
        self.attention = attention
        self.activations = activations
        sites = m.tupleSites([c.channels, c.channels])
    }

    /// - Parameters:
    ///   - text: `[images, text tokens, channels]` f32.
    ///   - image: `[images, image tokens, channels]` f32.
    func callAsFunction(
        text: Tensor, image: Tensor, _ conditioning: Tensor, grid: (height: Int, width: Int), on backend: any Backend
    ) throws -> (text: Tensor, image: Tensor) {
        let (ofText, ofImage) = (try self.text.modulation(conditioning, on: backend), try self.image.modulation(conditioning, on: backend))
        func projected(_ x: Tensor, _ stream: FluxStream, _ m: [Tensor]) throws -> [Tensor] {
            try stream.projections(modulated(x, shift: m[0], scale: m[1], on: backend), on: backend)
        }
        let joined = try zip(projected(text, self.text, ofText), projected(image, self.image, ofImage)).map {
            try backend.concat([$0, $1], axis: 1)
        }
        let attended = try backend.split(
            attention(joined, grid: grid, on: backend), axis: 1, into: [text.shape[1], image.shape[1]])
        func finished(_ x: Tensor, _ attended: Tensor, _ stream: FluxStream, _ m: [Tensor]) throws -> Tensor {
            let middle = try backend.multiplyAdd(stream.output(attended, on: backend), by: m[2], plus: x, as: .f32)
            let normed = try modulated(middle, shift: m[3], scale: m[4], on: backend)
            let inner = try stream.first(normed, activation: .geluTanh, on: backend)
            return try backend.multiplyAdd(stream.second(inner, on: backend), by: m[5], plus: middle, as: .f32)
        }
        return (try finished(text, attended[0], self.text, ofText), try finished(image, attended[1], self.image, ofImage))
    }

    private func modulated(_ x: Tensor, shift: Tensor, scale: Tensor, on backend: any Backend) throws -> Tensor {
        try backend.modulate(backend.layerNorm(x, epsilon: 1e-6), scale: scale, shift: shift, as: activations)
    }
}

/// A block of one stream of text and image, whose attention and MLP stand side by side.
struct FluxSingleBlock {
    private let modulation: FluxModulation
    private let projections: FluxProjections
    private let first, output: LinearLayer
    private let attention: FluxAttention
    private let activations: DType
    /// The text and the image after the block.
    let sites: [Site]

    init(_ m: ModuleLoader, _ c: FluxConfiguration, _ attention: FluxAttention, activations: DType) throws {
        modulation = try FluxModulation(m["norm"], channels: c.channels, count: 3)
        projections = try FluxProjections(m["attn"], FluxProjections.image, c)
        first = try m["proj_mlp"].linear(c.channels, 4 * c.channels)
        output = try m["proj_out"].linear(5 * c.channels, c.channels)
        self.attention = attention
        self.activations = activations
        sites = m.tupleSites([c.channels, c.channels])
    }

    /// - Parameter x: `[images, text and image tokens, channels]` f32.
    func callAsFunction(_ x: Tensor, _ conditioning: Tensor, grid: (height: Int, width: Int), on backend: any Backend) throws -> Tensor {
        let m = try modulation(conditioning, on: backend)
        let normed = try backend.modulate(backend.layerNorm(x, epsilon: 1e-6), scale: m[1], shift: m[0], as: activations)
        let inner = try first(normed, activation: .geluTanh, on: backend)
        let attended = try attention(projections(normed, on: backend), grid: grid, on: backend)
        let together = try backend.concat([attended, inner], axis: -1)
        return try backend.multiplyAdd(output(together, on: backend), by: m[2], plus: x, as: .f32)
    }
}
