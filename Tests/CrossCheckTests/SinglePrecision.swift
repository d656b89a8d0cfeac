import CPUBackend
import Foundation
import Tensors

/// Kernels as one writes them first: loops in f32, one term after the other, functions by their textbook formulas. Tolerances that
/// are derived from the errors of f32 must let them pass.
final class SinglePrecision: AlteredBackend {
    override func linears(_ operations: [LinearOperation]) throws { try separateLinears(operations) }

    override func gatedLinear(_ operation: GatedLinearOperation) throws { try separateGatedLinear(operation) }

    override func rotateAndStore(_ operation: RotateAndStoreOperation) throws { try separateRotateAndStore(operation) }

    override func linear(_ operation: LinearOperation) throws {
        let (rows, inputs, outputs) = (operation.rows, operation.inputChannels, operation.outputChannels)
        let x = try inner.readFloats(operation.x)
        let indices = try inner.upload((0..<Int32(outputs)).map { $0 })
        let weight = try inner.readFloats(inner.embedding(indices, table: operation.weight))
        let bias = try operation.bias.map(inner.readFloats)
        let map = try operation.transport.map { try SingleTransport($0, operation.output.shape, inner) }
        let residual = try operation.residual.map(inner.readFloats)
        var result = [Float](repeating: 0, count: rows * outputs)
        for row in 0..<rows {
            for output in 0..<outputs {
                var sum: Float = 0
                for k in 0..<inputs { sum += x[row * inputs + k] * weight[output * inputs + k] }
                var value = single(operation.activation, sum + (bias?[output] ?? 0))
                if let map { value = map.apply(value, row, output) }
                if let residual { value += residual[row * outputs + output] }
                result[row * outputs + output] = value
            }
        }
        try inner.write(result, to: operation.output)
    }

    override func conv2d(_ operation: Conv2dOperation) throws { try convolve(operation.operands) }

    override func convTranspose2d(_ operation: ConvTranspose2dOperation) throws { try convolve(operation.operands) }

    private func convolve(_ operands: ConvolutionOperands) throws {
        let (outputs, elements) = (operands.outputChannels, operands.rowElements)
        let x = try inner.readFloats(operands.x)
        let indices = try inner.upload((0..<Int32(outputs)).map { $0 })
        let weight = try inner.readFloats(inner.embedding(indices, table: operands.weight.reshaped([outputs, elements])))
        let bias = try operands.bias.map(inner.readFloats)
        let map = try operands.transport.map { try SingleTransport($0, operands.output.shape, inner) }
        let residual = try operands.residual.map(inner.readFloats)
        let (vertical, horizontal, groupInputs) = (operands.vertical, operands.horizontal, operands.groupInputs)
        var result = [Float](repeating: 0, count: operands.output.shape.count)
        for index in result.indices {
            let (pixel, output) = (index / outputs, index % outputs)
            let (row, column) = (pixel / horizontal.outputs % vertical.outputs, pixel % horizontal.outputs)
            let image = pixel / (horizontal.outputs * vertical.outputs)
            var sum: Float = 0
            for tap in 0..<vertical.taps * horizontal.taps {
                guard let y = vertical.input(output: row, tap: tap / horizontal.taps),
                    let c = horizontal.input(output: column, tap: tap % horizontal.taps)
                else { continue }
                let start = ((image * vertical.inputs + y) * horizontal.inputs + c) * operands.inputChannels
                let first = start + output / operands.groupOutputs * groupInputs
                for k in 0..<groupInputs { sum += x[first + k] * weight[output * elements + tap * groupInputs + k] }
            }
            var value = single(operands.activation, sum + (bias?[output] ?? 0))
            if let map { value = map.apply(value, pixel, output) }
            if let residual { value += residual[index] }
            result[index] = value
        }
        try inner.write(result, to: operands.output)
    }

    override func rmsNorm(_ operation: RMSNormOperation) throws {
        let (x, gain) = (try inner.readFloats(operation.x), try inner.readFloats(operation.gain))
        let map = try operation.transport.map { try SingleTransport($0, operation.output.shape, inner) }
        let channels = gain.count
        var result = x
        for row in 0..<operation.x.shape.rows {
            var squares: Float = 0
            for channel in 0..<channels { squares += x[row * channels + channel] * x[row * channels + channel] }
            let factor = 1 / (squares / Float(channels) + operation.epsilon).squareRoot()
            for channel in 0..<channels {
                let value = x[row * channels + channel] * factor * gain[channel]
                result[row * channels + channel] = map?.apply(value, row, channel) ?? value
            }
        }
        try inner.write(result, to: operation.output)
    }

    override func rope(_ operation: RopeOperation) throws {
        let x = try inner.readFloats(operation.x)
        let positions = try inner.readIntegers(operation.positions)
        let factors = try operation.frequencyFactors.map(inner.readFloats)
        let (heads, channels, pairs) = (operation.x.shape[1], operation.x.shape[2], operation.dimensions / 2)
        var result = x
        for start in stride(from: 0, to: x.count, by: channels) {
            for pair in 0..<pairs {
                let frequency = powf(operation.base, -2 * Float(pair) / Float(operation.dimensions)) / (factors?[pair] ?? 1)
                let angle = Float(positions[start / channels / heads]) * frequency
                let isHalf = operation.layout == .rotateHalf
                let (first, second) = isHalf ? (start + pair, start + pair + pairs) : (start + 2 * pair, start + 2 * pair + 1)
                result[first] = x[first] * cosf(angle) - x[second] * sinf(angle)
                result[second] = x[first] * sinf(angle) + x[second] * cosf(angle)
            }
        }
        try inner.write(result, to: operation.output)
    }

    override func attention(_ operation: AttentionOperation) throws {
        let (queries, keys, values) = (
            try inner.readFloats(operation.queries), try inner.readFloats(operation.keys), try inner.readFloats(operation.values)
        )
        let bias = try operation.bias.map { (elements: try inner.readFloats($0), shape: $0.shape) }
        let starts = try inner.readIntegers(operation.segments.queryStarts).map(Int.init)
        let keyLengths = try inner.readIntegers(operation.segments.keyLengths).map(Int.init)
        let blocks = try inner.readIntegers(operation.segments.blocks).map(Int.init)
        let (blockSize, blocksPerSequence) = (operation.blockSize, operation.segments.blocks.shape[1])
        let (heads, channels) = (operation.heads, operation.headChannels)
        var result = [Float](repeating: 0, count: queries.count)
        for sequence in keyLengths.indices {
            for row in starts[sequence]..<starts[sequence + 1] {
                let position = keyLengths[sequence] - (starts[sequence + 1] - row)
                for head in 0..<heads {
                    let query = (row * heads + head) * channels
                    // Online softmax: sums are rescaled whenever a larger score comes.
                    var (largest, total) = (-Float.infinity, Float(0))
                    for key in 0..<keyLengths[sequence] {
                        if operation.causal && (key > position || key <= position - (operation.window ?? .max / 2)) { continue }
                        let keyHead = head / (heads / operation.keyHeads)
                        let place = blocks[sequence * blocksPerSequence + key / blockSize] * blockSize + key % blockSize
                        let start = (place * operation.keyHeads + keyHead) * channels
                        var score: Float = 0
                        for channel in 0..<channels { score += queries[query + channel] * keys[start + channel] }
                        score *= operation.scale
                        if let cap = operation.softCap { score = cap * tanhf(score / cap) }
                        if let bias {
                            let place = [sequence, head, row - starts[sequence], key]
                            let index = zip(place, bias.shape.dimensions).reduce(0) { $0 * $1.1 + ($1.1 == 1 ? 0 : $1.0) }
                            score += bias.elements[index]
                            if score == -.infinity { continue }
                        }
                        if score > largest {
                            let factor = expf(largest - score)
                            total *= factor
                            for channel in 0..<channels { result[query + channel] *= factor }
                            largest = score
                        }
                        let weight = expf(score - largest)
                        total += weight
                        for channel in 0..<channels { result[query + channel] += weight * values[start + channel] }
                    }
                    for channel in 0..<channels where total > 0 { result[query + channel] /= total }
                }
            }
        }
        try inner.write(result, to: operation.output)
    }

    override func elementwise(_ operation: ElementwiseOperation) throws {
        let operands = try operation.operands.map(inner.readFloats)
        var result = [Float](repeating: 0, count: operation.output.shape.count)
        for index in result.indices {
            let starts = operation.walk.starts(ofElement: index)
            let x = operands.indices.map { operands[$0][starts[$0]] }
            result[index] =
                switch operation.function {
                case .activation(let activation): single(activation, x[0])
                case .scale(let factor, let offset): factor * x[0] + offset
                case .clamp(let low, let high): x[0] < low ? low : x[0] > high ? high : x[0]
                case .add: x[0] + x[1]
                case .subtract: x[0] - x[1]
                case .multiply: x[0] * x[1]
                case .gatedProduct(let activation): single(activation, x[0]) * x[1]
                case .multiplyAdd(let offset): x[0] * (offset + x[1]) + x[2]
                }
        }
        try inner.write(result, to: operation.output)
    }

    override func softmax(_ operation: SoftmaxOperation) throws {
        var x = try inner.readFloats(operation.x)
        let channels = operation.x.shape.channels
        for start in stride(from: 0, to: x.count, by: channels) {
            let range = start..<start + channels
            let largest = x[range].max()!
            // The difference as it is, and a sum that loses nothing: both are asked for.
            for index in range { x[index] = Float(exp(Double(x[index]) - Double(largest))) }
            let sum = Float(x[range].reduce(0.0) { $0 + Double($1) })
            for index in range { x[index] /= sum }
        }
        try inner.write(x, to: operation.output)
    }

    override func rotation(_ operation: RotationOperation) throws {
        let x = try inner.readFloats(operation.x)
        let (cosines, sines) = (try inner.readFloats(operation.cosines), try inner.readFloats(operation.sines))
        let (heads, channels, pairs) = (operation.x.shape[1], operation.x.shape[2], operation.dimensions / 2)
        var result = x
        for start in stride(from: 0, to: x.count, by: channels) {
            let row = start / channels / heads % operation.cosines.shape[0]
            for pair in 0..<pairs {
                let (cosine, sine) = (cosines[row * pairs + pair], sines[row * pairs + pair])
                let isHalf = operation.layout == .rotateHalf
                let (first, second) = isHalf ? (start + pair, start + pair + pairs) : (start + 2 * pair, start + 2 * pair + 1)
                result[first] = x[first] * cosine - x[second] * sine
                result[second] = x[first] * sine + x[second] * cosine
            }
        }
        try inner.write(result, to: operation.output)
    }

    override func transport(_ operation: TransportOperation) throws {
        var x = try inner.readFloats(operation.x)
        try SingleTransport(operation.transport, operation.x.shape, inner).apply(to: &x)
        try inner.write(x.map { single(operation.activation, $0) }, to: operation.output)
    }

    override func gatedTransport(_ operation: GatedTransportOperation) throws {
        let (weights, intercepts) = (try inner.readFloats(operation.gates.weights), try inner.readFloats(operation.gates.intercepts))
        let (shape, channels) = (operation.x.shape, operation.x.shape.channels)
        let x = try inner.readFloats(operation.x)
        let indices = try inner.readIntegers(operation.transport.indices)
        let gates = (0..<shape.rows).map { row in
            let map = Int(indices[row / TransportApplication.rowsSharing(indices.count, of: shape)])
            let score = (0..<channels).reduce(intercepts[map]) { $0 + weights[map * channels + $1] * x[row * channels + $1] }
            return 1 / (1 + exp(-score))
        }
        let map = try SingleTransport(operation.transport, shape, inner)
        try inner.write(x.indices.map { map.apply(x[$0], $0 / channels, $0 % channels, gate: gates[$0 / channels]) }, to: operation.output)
    }

    override func clusterTransport(_ operation: ClusterTransportOperation) throws {
        let (weights, shifts) = (try inner.readFloats(operation.clusters.weights), try inner.readFloats(operation.clusters.shifts))
        let intercepts = try inner.readFloats(operation.clusters.intercepts)
        let indices = try inner.readIntegers(operation.transport.indices)
        let strengths = try inner.readFloats(operation.transport.strengths)
        let (shape, channels, count) = (operation.x.shape, operation.x.shape.channels, operation.clusterCount)
        var x = try inner.readFloats(operation.x)
        for row in 0..<shape.rows {
            let map = Int(indices[row / TransportApplication.rowsSharing(indices.count, of: shape)])
            let strength = strengths[row / TransportApplication.rowsSharing(strengths.count, of: shape)]
            let clusters = (map * count..<(map + 1) * count).filter { map > 0 && strength != 0 && intercepts[$0] > -.infinity }
            let scores = clusters.map { cluster in
                (0..<channels).reduce(intercepts[cluster]) { $0 + weights[cluster * channels + $1] * x[row * channels + $1] }
            }
            guard let highest = scores.max() else { continue }
            let exponentials = scores.map { exp($0 - highest) }
            let total = exponentials.reduce(0, +)
            for channel in 0..<channels {
                x[row * channels + channel] +=
                    strength * zip(clusters, exponentials).reduce(0) { $0 + shifts[$1.0 * channels + channel] * ($1.1 / total) }
            }
        }
        try inner.write(x, to: operation.output)
    }

    override func layerNorm(_ operation: LayerNormOperation) throws {
        let channels = operation.x.shape.channels
        var result = try inner.readFloats(operation.x)
        for first in stride(from: 0, to: result.count, by: channels) {
            normalise(&result, Array(first..<first + channels), operation.epsilon)
        }
        try scale(&result, operation.gain, operation.bias, channels)
        try operation.transport.map { try SingleTransport($0, operation.x.shape, inner) }?.apply(to: &result)
        try inner.write(result, to: operation.output)
    }

    override func groupNorm(_ operation: GroupNormOperation) throws {
        let (channels, groupChannels, pixels) = (operation.channels, operation.groupChannels, operation.pixels)
        var result = try inner.readFloats(operation.x)
        for group in 0..<operation.images * operation.groups {
            let first = group / operation.groups * pixels * channels + group % operation.groups * groupChannels
            let places = (0..<pixels * groupChannels).map { first + $0 / groupChannels * channels + $0 % groupChannels }
            normalise(&result, places, operation.epsilon)
        }
        try scale(&result, operation.gain, operation.bias, channels)
        let map = try operation.transport.map { try SingleTransport($0, operation.x.shape, inner) }
        if operation.mapsFirst { map?.apply(to: &result) }
        result = result.map { single(operation.activation, $0) }
        if !operation.mapsFirst { map?.apply(to: &result) }
        if let residual = try operation.residual.map(inner.readFloats) { result = zip(result, residual).map { $0 + $1 } }
        try inner.write(result, to: operation.output)
    }

    private func normalise(_ values: inout [Float], _ places: [Int], _ epsilon: Float) {
        // About the first value, and corrected once, so that equal values have it for their mean.
        guard let first = places.first else { return }
        var mean = values[first]
        for _ in 0..<2 { mean += places.reduce(Float(0)) { $0 + (values[$1] - mean) } / Float(places.count) }
        let squares = places.reduce(Float(0)) { $0 + (values[$1] - mean) * (values[$1] - mean) }
        let factor = 1 / (squares / Float(places.count) + epsilon).squareRoot()
        for place in places { values[place] = (values[place] - mean) * factor }
    }

    private func scale(_ values: inout [Float], _ gain: Tensor?, _ bias: Tensor?, _ channels: Int) throws {
        let (gain, bias) = (try gain.map(inner.readFloats), try bias.map(inner.readFloats))
        for index in values.indices { values[index] = values[index] * (gain?[index % channels] ?? 1) + (bias?[index % channels] ?? 0) }
    }

    override func pool(_ operation: PoolOperation) throws {
        guard operation.pooling == .mean else { return try inner.pool(operation) }
        let (x, channels) = (try inner.readFloats(operation.x), operation.x.shape[1])
        let (starts, counts) = (try inner.readIntegers(operation.starts), try inner.readIntegers(operation.counts))
        var result = [Float](repeating: 0, count: starts.count * channels)
        for index in result.indices {
            let (start, count) = (Int(starts[index / channels]), Int(counts[index / channels]))
            for row in start..<start + count { result[index] += x[row * channels + index % channels] }
            if count > 0 { result[index] *= 1 / Float(count) }
        }
        try inner.write(result, to: operation.output)
    }

    override func quantileColumns(_ operation: QuantileColumnsOperation) throws {
        let (x, samples, channels) = (try inner.readFloats(operation.x), operation.x.shape[0], operation.x.shape[1])
        var result: [Float] = []
        for level in operation.levels {
            let position = Float(samples - 1) * level
            let lower = min(Int(position), samples - 1)
            for channel in 0..<channels {
                let (a, b) = (x[lower * channels + channel], x[min(lower + 1, samples - 1) * channels + channel])
                result.append(a + (position - Float(lower)) * (b - a))
            }
        }
        try inner.write(result, to: operation.output)
    }

    private func single(_ activation: Activation, _ x: Float) -> Float {
        // The limits of what would be −∞ · 0.
        if x == -.infinity, [.silu, .gelu, .geluTanh, .geluQuick].contains(activation) { return 0 }
        return switch activation {
        case .identity: x
        case .silu: x / (1 + expf(-x))
        case .gelu: 0.5 * x * (1 + erff(x * Float(0.5).squareRoot()))
        case .geluTanh: 0.5 * x * (1 + tanhf((2 / Float.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .geluQuick: x / (1 + expf(-1.702 * x))
        case .relu: max(x, 0)
        case .sigmoid: 1 / (1 + expf(-x))
        case .tanh: tanhf(x)
        }
    }
}

/// A transport in f32.
private struct SingleTransport {
    private let table, strengths: [Float]
    private let indices: [Int32]
    private let shape: Shape
    private let spatial: SpatialMode

    init(_ transport: TransportApplication, _ shape: Shape, _ backend: any Backend) throws {
        table = try backend.readFloats(transport.affineTable("transport"))
        strengths = try backend.readFloats(transport.strengths)
        indices = try backend.readIntegers(transport.indices)
        spatial = transport.spatial
        self.shape = shape
    }

    func apply(_ x: Float, _ row: Int, _ channel: Int, gate: Float = 1) -> Float { shift(x, row, channel).map { x + gate * $0 } ?? x }

    /// Every element by itself, or the channels of an image by their means.
    func apply(to values: inout [Float]) {
        let (channels, pixels) = (shape.channels, shape.rows / shape.images)
        if spatial == .pointwise {
            for index in values.indices { values[index] = apply(values[index], index / channels, index % channels) }
            return
        }
        for column in 0..<shape.images * channels {
            let (image, channel) = (column / channels, column % channels)
            let places = (0..<pixels).map { (image * pixels + $0) * channels + channel }
            let mean = places.reduce(Float(0)) { $0 + values[$1] } / Float(pixels)
            guard let shift = shift(mean, image * pixels, channel) else { continue }
            for place in places { values[place] += shift }
        }
    }

    /// λ·(ω·z + β − z), nil where z lies outside the support.
    private func shift(_ z: Float, _ row: Int, _ channel: Int) -> Float? {
        let index = Int(indices[row / TransportApplication.rowsSharing(indices.count, of: shape)])
        let strength = strengths[row / TransportApplication.rowsSharing(strengths.count, of: shape)]
        let start = (index * shape.channels + channel) * 4
        guard index != 0, strength != 0, table[start + 2] < z, z < table[start + 3] else { return nil }
        return strength * (table[start] * z + table[start + 1] - z)
    }
}
