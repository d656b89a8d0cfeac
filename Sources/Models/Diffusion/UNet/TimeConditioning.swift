import Tensors

/// The embedding of the timestep, and what a model adds to it: the guidance, the pooled text, sizes.
///
/// It reads like `TimestepEmbedding`, `TextTimeEmbedding` and the conditioning of `UNet2DConditionModel` of diffusers.
struct TimeConditioning {
    private let frequencies: TimestepFrequencies
    private let embedding: Perceptron
    private let guidance: (projection: LinearLayer, channels: Int)?
    private let addition: Addition

    /// Two linear layers with an activation between them.
    private struct Perceptron {
        let first, second: LinearLayer

        init(_ m: ModuleLoader, _ inputs: Int, _ outputs: Int) throws {
            first = try m["linear_1"].linear(inputs, outputs)
            second = try m["linear_2"].linear(outputs, outputs)
        }

        func callAsFunction(_ x: Tensor, on backend: any Backend) throws -> Tensor {
            try second(first(x, activation: .silu, on: backend), on: backend)
        }
    }

    private enum Addition {
        case none
        case text(TextPooling)
        case textAndSizes(Perceptron, sizes: TimestepFrequencies, inputs: Int)
    }

    /// The text as one vector, by attention from its mean: between two norms, which are sites.
    private struct TextPooling {
        let norm1, norm2: LayerNormLayer
        let position: Tensor
        let query, key, value, projection: LinearLayer
        let heads: Int

        init(_ m: ModuleLoader, channels: Int, timeChannels: Int, heads: Int) throws {
            norm1 = try m["norm1"].layerNorm(channels, epsilon: 1e-5)
            let pool = m["pool"]
            let stored = try pool.weights.required(pool.name("positional_embedding"), shape: [1, channels])
            position = try m.backend.upload(stored.floats(name: pool.name("positional_embedding")))
            query = try pool["q_proj"].linear(channels, channels)
            key = try pool["k_proj"].linear(channels, channels)
            value = try pool["v_proj"].linear(channels, channels)
            projection = try m["proj"].linear(channels, timeChannels)
            norm2 = try m["norm2"].layerNorm(timeChannels, epsilon: 1e-5)
            self.heads = heads
        }

        /// - Parameter x: `[images, tokens, channels]`, normed.
        /// - Returns: `[images, time channels]`.
        func pooled(_ x: Tensor, on backend: any Backend) throws -> Tensor {
            let (images, tokens, channels) = (x.shape[0], x.shape[1], x.shape[2])
            let mean = try backend.add(backend.reduce(x, .mean, axis: 1, keepsAxis: true), position)
            let all = try backend.concat([mean, x], axis: 1)
            func split(_ y: Tensor, _ tokens: Int) throws -> Tensor { try y.reshaped([images, tokens, heads, channels / heads]) }
            let attended = try backend.attention(
                split(query(mean, on: backend), 1), keys: split(key(all, on: backend), tokens + 1),
                values: split(value(all, on: backend), tokens + 1))
            return try projection(attended.reshaped([images, channels]), on: backend)
        }
    }

    init(_ c: UNetConfiguration, _ m: ModuleLoader) throws {
        let inputs = c.levels[0].channels
        func frequencies(_ channels: Int) -> TimestepFrequencies {
            TimestepFrequencies(channels: channels, cosinesFirst: c.cosinesFirst, shift: c.frequencyShift)
        }
        self.frequencies = frequencies(inputs)
        // Their norms are no sites here: the embedding has none.
        embedding = try Perceptron(m["time_embedding"], inputs, c.timeChannels)
        guidance = try c.guidanceChannels.map { (try m["time_embedding"]["cond_proj"].linear($0, inputs, bias: false), $0) }
        switch c.addition {
        case .none: addition = .none
        case .text(let heads):
            addition = .text(
                try TextPooling(m["add_embedding"], channels: c.textChannels[0], timeChannels: c.timeChannels, heads: heads))
        case .textAndSizes(let sizeChannels, let inputs):
            addition = .textAndSizes(
                try Perceptron(m["add_embedding"], inputs, c.timeChannels), sizes: frequencies(sizeChannels), inputs: inputs)
        }
    }

    /// The embedding of timesteps, `[images]` f32, with all that is added to it before the first stage: `[images, channels]` f32.
    func embedding(
        of timesteps: Tensor, _ conditioning: DenoisingConditioning, images: Int, on backend: any Backend
    ) throws -> Tensor {
        var x = try backend.timestepEmbedding(timesteps, frequencies)
        if let guidance {
            // Ho & Salimans' weight, embedded as in Meng et al. 2023: w = scale − 1.
            let weights = [Float](repeating: conditioning.guidance - 1, count: images)
            let embedded = try backend.timestepEmbedding(
                backend.upload(weights),
                TimestepFrequencies(channels: guidance.channels, cosinesFirst: false, shift: 1, scale: 1000))
            x = try guidance.projection(embedded, residual: x, on: backend)
        }
        let time = try embedding(x, on: backend)
        guard case .textAndSizes(let perceptron, let frequencies, let inputs) = addition else { return time }
        guard let pooled = conditioning.pooledText, conditioning.sizes.count % images == 0,
            pooled.shape.channels + conditioning.sizes.count / images * frequencies.channels == inputs
        else {
            throw ModelError.invalidConfiguration(
                "the UNet takes \(inputs) channels of pooled text and sizes; it was given "
                    + "\((conditioning.pooledText?.shape.channels ?? 0) + conditioning.sizes.count / images * frequencies.channels)")
        }
        let sizes = try backend.timestepEmbedding(backend.upload(conditioning.sizes), frequencies)
        let all = try backend.concat([pooled, sizes.reshaped([images, inputs - pooled.shape.channels])], axis: 1)
        return try backend.add(time, perceptron(all, on: backend), into: time)
    }

    /// The stages that finish the embedding: those with norms that are sites, and the activation that each block's projection of it starts with.
    var stages: [UNet.Stage] {
        var stages: [UNet.Stage] = []
        if case .text(let pooling) = addition {
            stages = [
                { s, context in
                    let normed = try pooling.norm1(s.conditioning.text, as: .f32, context)
                    s.inner = try pooling.pooled(normed, on: context.backend)
                },
                { s, context in
                    s.time = try context.backend.add(s.time, pooling.norm2(s.inner!, context))
                    s.inner = nil
                },
            ]
        }
        return stages + [{ s, context in s.time = try context.backend.activation(s.time, .silu) }]
    }
}
