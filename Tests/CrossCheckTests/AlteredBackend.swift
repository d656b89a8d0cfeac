import CPUBackend
import Tensors

/// The reference with one operation replaced: what the registry has to find.
class AlteredBackend: ForwardingBackend {
    required init() { super.init(ReferenceBackend()) }

    override var name: String { "\(type(of: self))" }

    /// Reads an f32 or f16 tensor, changes its elements, and writes them back.
    func alter(_ tensor: Tensor, _ change: (inout [Float]) -> Void) throws {
        var elements = try inner.readFloats(tensor)
        change(&elements)
        try inner.write(elements, to: tensor)
    }
}

/// Sees one key too many.
final class WiderWindow: AlteredBackend {
    override func attention(_ operation: AttentionOperation) throws {
        _ = try inner.attention(
            operation.queries, keys: operation.keys, values: operation.values, segments: operation.segments, scale: operation.scale,
            causal: operation.causal, window: operation.window.map { $0 + 1 }, softCap: operation.softCap, bias: operation.bias,
            into: operation.output)
    }
}

/// Forgets the soft cap.
final class WithoutSoftCap: AlteredBackend {
    override func attention(_ operation: AttentionOperation) throws {
        _ = try inner.attention(
            operation.queries, keys: operation.keys, values: operation.values, segments: operation.segments, scale: operation.scale,
            causal: operation.causal, window: operation.window, bias: operation.bias, into: operation.output)
    }
}

/// Adds no bias.
final class WithoutBias: AlteredBackend {
    override func attention(_ operation: AttentionOperation) throws {
        _ = try inner.attention(
            operation.queries, keys: operation.keys, values: operation.values, segments: operation.segments, scale: operation.scale,
            causal: operation.causal, window: operation.window, softCap: operation.softCap, into: operation.output)
    }
}

/// Takes the blocks of a cache in order, whatever the table says.
final class BlocksInOrder: AlteredBackend {
    override func attention(_ operation: AttentionOperation) throws {
        let segments = operation.segments
        let inOrder = Segments(
            queryStarts: segments.queryStarts, keyLengths: segments.keyLengths,
            blocks: try inner.upload((0..<Int32(segments.blocks.shape.count)).map { $0 }, segments.blocks.shape),
            maximumQueries: segments.maximumQueries,
            maximumKeys: segments.maximumKeys)
        _ = try inner.attention(
            operation.queries, keys: operation.keys, values: operation.values, segments: inOrder, scale: operation.scale,
            causal: operation.causal, window: operation.window, softCap: operation.softCap, bias: operation.bias, into: operation.output)
    }
}

/// Moves values on the edge of the support as well.
final class ClosedSupport: AlteredBackend {
    override func transport(_ operation: TransportOperation) throws {
        let table = try inner.readFloats(operation.transport.affineTable("transport"))
        let widened = table.enumerated().map { index, value in
            index % 4 == 2 ? value.nextDown : index % 4 == 3 ? value.nextUp : value
        }
        let transport = TransportApplication(
            table: try inner.upload(widened, operation.transport.affineTable("transport").shape), indices: operation.transport.indices,
            strengths: operation.transport.strengths, spatial: operation.transport.spatial)
        _ = try inner.transport(operation.x, by: transport, activation: operation.activation, into: operation.output)
    }
}

/// Gives every token the whole strength.
final class UngatedMaps: AlteredBackend {
    override func gatedTransport(_ operation: GatedTransportOperation) throws {
        let map = operation.transport
        _ = try inner.transport(
            operation.x, by: TransportApplication(table: map.affineTable("transport"), indices: map.indices, strengths: map.strengths),
            into: operation.output)
    }
}

/// Takes the gate of the last map for all.
final class SharedGate: AlteredBackend {
    override func gatedTransport(_ operation: GatedTransportOperation) throws {
        let (map, maps) = (operation.transport, operation.gates.intercepts.shape[0])
        func last(_ tensor: Tensor) throws -> Tensor {
            let values = try inner.readFloats(tensor)
            let own = values.suffix(values.count / maps)
            return try inner.upload((0..<maps).flatMap { _ in own }, tensor.shape)
        }
        _ = try inner.transport(
            operation.x,
            by: TransportApplication(
                table: map.affineTable("transport"), indices: map.indices, strengths: map.strengths,
                gates: TransportGates(weights: last(operation.gates.weights), intercepts: last(operation.gates.intercepts))),
            into: operation.output)
    }
}

/// Maps between other clusters than are asked for.
class AlteredClusters: AlteredBackend {
    /// - Parameter intercepts: `[maps, count]`.
    func altered(_ intercepts: [Float], count: Int) -> [Float] { intercepts }
    var strengthFactor: Float { 1 }

    override func clusterTransport(_ operation: ClusterTransportOperation) throws {
        let (map, clusters) = (operation.transport, operation.clusters)
        let intercepts = try altered(inner.readFloats(clusters.intercepts), count: operation.clusterCount)
        let strengths = try inner.readFloats(map.strengths).map { $0 * strengthFactor }
        _ = try inner.transport(
            operation.x,
            by: TransportApplication(
                clusters: TransportClusters(
                    weights: clusters.weights, intercepts: inner.upload(intercepts, clusters.intercepts.shape), shifts: clusters.shifts),
                indices: map.indices, strengths: inner.upload(strengths, map.strengths.shape)),
            into: operation.output)
    }
}

/// Takes clusters for equally large.
final class EqualClusters: AlteredClusters {
    override func altered(_ intercepts: [Float], count: Int) -> [Float] { intercepts.map { $0 > -.infinity ? 0 : $0 } }
}

/// Leaves the last cluster of each map out, but for maps of one.
final class LostCluster: AlteredClusters {
    override func altered(_ intercepts: [Float], count: Int) -> [Float] {
        var result = intercepts
        for first in stride(from: 0, to: intercepts.count, by: count) {
            let present = (first..<first + count).filter { intercepts[$0] > -.infinity }
            if present.count > 1 { result[present.last!] = -.infinity }
        }
        return result
    }
}

/// Moves a little farther.
final class FartherClusters: AlteredClusters {
    override var strengthFactor: Float { 1.001 }
}

/// Moves every pixel by itself where a channel moves as one.
final class PointwiseMeans: AlteredBackend {
    override func transport(_ operation: TransportOperation) throws {
        let transport = TransportApplication(
            table: try operation.transport.affineTable("transport"), indices: operation.transport.indices,
            strengths: operation.transport.strengths)
        _ = try inner.transport(operation.x, by: transport, activation: operation.activation, into: operation.output)
    }
}

/// Adds +0 where the map does not apply, which changes −0 only.
final class TransportLosingSigns: AlteredBackend {
    override func transport(_ operation: TransportOperation) throws {
        try inner.transport(operation)
        try alter(operation.output) { elements in
            for index in elements.indices { elements[index] += 0 }
        }
    }
}

/// Leaves the last column of a result out.
final class LastColumnUnwritten: AlteredBackend {
    override func linear(_ operation: LinearOperation) throws {
        let before = try inner.readFloats(operation.output)
        try inner.linear(operation)
        let channels = operation.outputChannels
        try alter(operation.output) { elements in
            for index in stride(from: channels - 1, to: elements.count, by: channels) { elements[index] = before[index] }
        }
    }
}

/// Writes one row too many.
final class OneRowTooMany: AlteredBackend {
    override func elementwise(_ operation: ElementwiseOperation) throws {
        try inner.elementwise(operation)
        let output = operation.output
        let behind = Tensor(
            shape: [1], dtype: output.dtype, storage: output.storage, byteOffset: output.byteOffset + output.byteCount)
        try inner.write([0 as Float], to: behind)
    }
}

/// Rounds its inputs to f16.
final class HalfPrecision: AlteredBackend {
    override func linear(_ operation: LinearOperation) throws {
        let halves = try inner.allocate(operation.x.shape, operation.x.dtype)
        try inner.write(inner.readFloats(operation.x).map { Float(Float16($0)) }, to: halves)
        let epilogue = Epilogue(
            activation: operation.activation, transports: operation.transport.map { [$0] } ?? [], residual: operation.residual)
        _ = try inner.linear(
            halves, weight: operation.weight, bias: operation.bias, epilogue: epilogue,
            into: operation.output)
    }
}

/// Divides every row by the norm of the first.
final class SharedNorm: AlteredBackend {
    override func rmsNorm(_ operation: RMSNormOperation) throws {
        try inner.rmsNorm(operation)
        let (x, channels) = (try inner.readFloats(operation.x), operation.x.shape.channels)
        let norms = (0..<operation.x.shape.rows).map { row in
            let squares = x[row * channels..<(row + 1) * channels].reduce(0) { $0 + $1 * $1 }
            return (squares / Float(channels) + operation.epsilon).squareRoot()
        }
        try alter(operation.output) { elements in
            for index in elements.indices { elements[index] *= norms[index / channels] / norms[0] }
        }
    }
}

/// Is off by the same small part everywhere in long rows: within the tolerance of each element, which single ones may come near to.
final class DriftingNorm: AlteredBackend {
    override func rmsNorm(_ operation: RMSNormOperation) throws {
        try inner.rmsNorm(operation)
        guard operation.x.shape.channels == 4096 else { return }
        try alter(operation.output) { elements in
            for index in elements.indices { elements[index] *= 1 + 1.3e-5 }
        }
    }
}

/// Divides by the unbiased deviation.
final class UnbiasedNorm: AlteredBackend {
    override func layerNorm(_ operation: LayerNormOperation) throws {
        let channels = Float(operation.x.shape.channels)
        let factor = channels > 1 ? ((channels - 1) / channels).squareRoot() : 1
        let gain = try operation.gain.map(inner.readFloats) ?? [Float](repeating: 1, count: operation.x.shape.channels)
        _ = try inner.layerNorm(
            operation.x, gain: inner.upload(gain.map { $0 * factor }), bias: operation.bias, epsilon: operation.epsilon,
            transports: operation.transport.map { [$0] } ?? [], into: operation.output)
    }
}

/// Takes the maps behind the activation for maps before it.
final class MapsTooEarly: AlteredBackend {
    override func groupNorm(_ operation: GroupNormOperation) throws {
        _ = try inner.groupNorm(
            operation.x, groups: operation.groups, gain: operation.gain, bias: operation.bias, epsilon: operation.epsilon,
            transports: operation.transport.map { [$0] } ?? [],
            epilogue: Epilogue(activation: operation.activation, residual: operation.residual), into: operation.output)
    }
}

/// Normalises each channel by itself.
final class OneChannelGroups: AlteredBackend {
    override func groupNorm(_ operation: GroupNormOperation) throws {
        let map = operation.transport.map { [$0] } ?? []
        _ = try inner.groupNorm(
            operation.x, groups: operation.channels, gain: operation.gain, bias: operation.bias, epsilon: operation.epsilon,
            transports: operation.mapsFirst ? map : [],
            epilogue: Epilogue(
                activation: operation.activation, transports: operation.mapsFirst ? [] : map, residual: operation.residual),
            into: operation.output)
    }
}

/// Counts ties as wins.
final class GenerousTies: AlteredBackend {
    override func aurocColumns(_ operation: AurocColumnsOperation) throws {
        let nudged = try inner.readFloats(operation.source).map(\.nextUp)
        _ = try inner.aurocColumns(
            source: inner.upload(nudged, operation.source.shape), target: operation.target, into: operation.output)
    }
}

/// Turns the wrong pairs.
final class OtherLayout: AlteredBackend {
    override func rope(_ operation: RopeOperation) throws {
        _ = try inner.rope(
            operation.x, positions: operation.positions, dimensions: operation.dimensions, base: operation.base,
            layout: operation.layout == .rotateHalf ? .interleaved : .rotateHalf, frequencyFactors: operation.frequencyFactors,
            into: operation.output)
    }
}

/// Takes the exact GELU for its approximation.
final class ExactGELU: AlteredBackend {
    override func elementwise(_ operation: ElementwiseOperation) throws {
        switch operation.function {
        case .activation(.geluTanh): _ = try inner.activation(operation.operands[0], .gelu, into: operation.output)
        case .gatedProduct(.geluTanh) where !operation.isPacked:
            _ = try inner.gatedProduct(gate: operation.operands[0], up: operation.operands[1], activation: .gelu, into: operation.output)
        default: try inner.elementwise(operation)
        }
    }
}

/// Swaps the halves of a packed product, and the operands of a difference.
final class SwappedOperands: AlteredBackend {
    override func elementwise(_ operation: ElementwiseOperation) throws {
        let (operands, output) = (operation.operands, operation.output)
        switch operation.function {
        case .subtract: _ = try inner.subtract(operands[1], operands[0], into: output)
        case .gatedProduct(let activation) where operation.isPacked:
            let other: GatePlace = operation.walk.offsets[0] == 0 ? .second : .first
            _ = try inner.gatedProduct(packed: operands[0], gate: other, activation: activation, into: output)
        default: try inner.elementwise(operation)
        }
    }
}

/// Forgets the 1 of `1 + scale`.
final class WithoutOne: AlteredBackend {
    override func elementwise(_ operation: ElementwiseOperation) throws {
        let x = operation.operands
        _ = try inner.multiplyAdd(x[0], by: x[1], plus: x[2], into: operation.output)
    }
}

/// Repeats the first row of a broadcast operand for all.
final class FirstRowForAll: AlteredBackend {
    override func elementwise(_ operation: ElementwiseOperation) throws {
        let (a, b) = (operation.operands[0], operation.operands[1])
        guard b.shape != operation.output.shape else { return try inner.elementwise(operation) }
        let row = try inner.readFloats(b).prefix(b.shape.channels)
        let altered = try inner.allocate(b.shape, b.dtype)
        try inner.write((0..<b.shape.rows).flatMap { _ in row }, to: altered)
        _ = try inner.multiply(a, altered, into: operation.output)
    }
}

extension ElementwiseOperation {
    /// Whether the operands are halves of one tensor.
    fileprivate var isPacked: Bool { operands.count == 2 && operands[0].shape.count == 2 * output.shape.count && walk.offsets.max()! > 0 }
}

/// Lets NaN through a clamp as the lower bound, as `max` may.
final class ClampedNaN: AlteredBackend {
    override func elementwise(_ operation: ElementwiseOperation) throws {
        try inner.elementwise(operation)
        guard case .clamp(let low, _) = operation.function else { return }
        try alter(operation.output) { elements in
            for index in elements.indices where elements[index].isNaN { elements[index] = low }
        }
    }
}

/// Does not subtract the largest element.
final class OverflowingSoftmax: AlteredBackend {
    override func softmax(_ operation: SoftmaxOperation) throws {
        let (x, channels) = (try inner.readFloats(operation.x), operation.x.shape.channels)
        try inner.softmax(operation)
        try alter(operation.output) { elements in
            for row in 0..<operation.x.shape.rows where x[row * channels..<(row + 1) * channels].contains(where: { $0 > 89 }) {
                for channel in 0..<channels { elements[row * channels + channel] = .nan }
            }
        }
    }
}

/// Takes elements one after the other on both sides, whatever their steps.
final class CopiesInOrder: AlteredBackend {
    override func copy(_ operation: CopyOperation) throws {
        let (walk, width) = (operation.walk, operation.source.dtype.blockBytes)
        guard operation.source.dtype == operation.destination.dtype, walk.offsets[1] + walk.count <= operation.destination.shape.count
        else { return try inner.copy(operation) }
        let source = try bytes(operation.source)
        var destination = try bytes(operation.destination)
        for index in 0..<walk.count {
            // The last element again where there are no more.
            let from = min(walk.offsets[0] + index, operation.source.shape.count - 1) * width
            let to = (walk.offsets[1] + index) * width
            destination.replaceSubrange(to..<to + width, with: source[from..<from + width])
        }
        try destination.withUnsafeBytes { try inner.write($0, to: operation.destination) }
    }

    private func bytes(_ tensor: Tensor) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
        try bytes.withUnsafeMutableBytes { try inner.read(tensor, into: $0) }
        return bytes
    }
}

/// Cuts the lower digits off instead of rounding.
final class TruncatingCast: AlteredBackend {
    override func copy(_ operation: CopyOperation) throws {
        guard operation.source.dtype == .f32, operation.destination.dtype != .f32 else { return try inner.copy(operation) }
        let bits: UInt32 = operation.destination.dtype == .f16 ? 13 : 16
        let cut = try inner.readFloats(operation.source).map { $0.isFinite ? Float(bitPattern: ($0.bitPattern >> bits) << bits) : $0 }
        _ = try inner.cast(
            inner.upload(cut, operation.source.shape), to: operation.destination.dtype, into: operation.destination)
    }
}

/// Repeats the edge in a mirror image.
final class SymmetricReflection: AlteredBackend {
    override func pad(_ operation: PadOperation) throws {
        guard operation.padding == .reflect, operation.extents.count == 1 else { return try inner.pad(operation) }
        try inner.pad(operation)
        let (x, before, extent) = (try inner.readFloats(operation.x), operation.before[0], operation.extents[0])
        try alter(operation.output) { elements in
            for index in 0..<before { elements[index] = x[min(before - 1 - index, extent - 1)] }
        }
    }
}

/// Takes places from the corners where the edges of the images coincide.
final class OtherCorners: AlteredBackend {
    override func upsample(_ operation: UpsampleOperation) throws {
        guard operation.interpolation == .bilinear(alignCorners: false) else { return try inner.upsample(operation) }
        _ = try inner.upsample(
            operation.x, height: operation.output.shape[1], width: operation.output.shape[2], .bilinear(alignCorners: true),
            into: operation.output)
    }
}

/// Turns every row by the angles of the first.
final class OneRotation: AlteredBackend {
    override func rotation(_ operation: RotationOperation) throws {
        _ = try inner.rope(
            operation.x, cosines: operation.cosines.rows(0..<1), sines: operation.sines.rows(0..<1), layout: operation.layout,
            into: operation.output)
    }
}

/// Has sines where cosines belong.
final class SinesFirst: AlteredBackend {
    override func timestepEmbedding(_ operation: TimestepEmbeddingOperation) throws {
        var frequencies = operation.frequencies
        frequencies.cosinesFirst.toggle()
        _ = try inner.timestepEmbedding(operation.timesteps, frequencies, as: operation.output.dtype, into: operation.output)
    }
}

/// Takes an index outside the table for the nearest one inside.
final class ClampedIndices: AlteredBackend {
    override func embedding(_ operation: EmbeddingOperation) throws {
        let last = Int32(operation.table.shape[0] - 1)
        guard let indices = operation.indices else { return try inner.embedding(operation) }
        let clamped = try inner.readIntegers(indices).map { min(max($0, 0), last) }
        _ = try inner.embedding(inner.upload(clamped), table: operation.table, as: operation.output.dtype, into: operation.output)
    }
}

/// Scatters to the next row.
final class ShiftedScatter: AlteredBackend {
    override func scatterRows(_ operation: ScatterRowsOperation) throws {
        let shifted = try inner.readIntegers(operation.indices).map { $0 &+ 1 }
        try inner.scatterRows(operation.rows, into: operation.destination, at: inner.upload(shifted))
    }
}

/// Takes the lower of the two middle values.
final class LowerMedian: AlteredBackend {
    override func pool(_ operation: PoolOperation) throws {
        try inner.pool(operation)
        guard operation.pooling == .median else { return }
        let (starts, counts) = (try inner.readIntegers(operation.starts), try inner.readIntegers(operation.counts))
        let (x, channels) = (try inner.readFloats(operation.x), operation.x.shape[1])
        try alter(operation.output) { elements in
            for index in elements.indices where counts[index / channels] > 0 {
                let (start, count) = (Int(starts[index / channels]), Int(counts[index / channels]))
                let column = (start..<start + count).map { x[$0 * channels + index % channels] }.sorted()
                elements[index] = column[(count - 1) / 2]
            }
        }
    }
}

/// Sorts all but the last sample.
final class UnsortedTail: AlteredBackend {
    override func sortColumns(_ operation: SortColumnsOperation) throws {
        let samples = operation.x.shape[0]
        _ = try inner.sortColumns(operation.x.rows(0..<samples - 1), into: operation.output.rows(0..<samples - 1))
        try inner.write(inner.readFloats(operation.x.rows(samples - 1..<samples)), to: operation.output.rows(samples - 1..<samples))
    }
}

/// Divides by n instead of n − 1.
final class BiasedDeviation: AlteredBackend {
    override func fitColumns(_ operation: FitColumnsOperation) throws {
        try inner.fitColumns(operation)
        let (count, channels) = (Float(operation.source.shape[0]), operation.source.shape[1])
        try alter(operation.output) { elements in
            for index in 3 * channels..<4 * channels { elements[index] *= ((count - 1) / count).squareRoot() }
        }
    }
}

/// Takes the order statistic below a level.
final class LowerQuantile: AlteredBackend {
    override func quantileColumns(_ operation: QuantileColumnsOperation) throws {
        let samples = Float(operation.x.shape[0] - 1)
        let levels = operation.levels.map { samples > 0 ? ($0 * samples).rounded(.down) / samples : 0 }
        _ = try inner.quantileColumns(operation.x, levels: levels, into: operation.output)
    }
}

/// Takes the highest of equal elements.
final class LastOfEqual: AlteredBackend {
    override func argmax(_ operation: ArgmaxOperation) throws {
        let (x, count) = (try inner.readFloats(operation.x), operation.x.shape.channels)
        let best = (0..<operation.x.shape.rows).map { row in
            let values = x[row * count..<(row + 1) * count].map { $0.isNaN ? -.infinity : $0 }
            return Int32(values.lastIndex(of: values.max()!)!)
        }
        try inner.write(best, to: operation.output)
    }
}

/// Passes over what is no number.
final class IgnoringNaN: AlteredBackend {
    override func reduce(_ operation: ReduceOperation) throws {
        let numbers = try inner.readFloats(operation.x).map { $0.isNaN ? 0 : $0 }
        let x = try inner.upload(numbers, [operation.outer, operation.extent, operation.inner], operation.x.dtype)
        let output = try operation.output.reshaped([operation.outer, operation.inner])
        _ = try inner.reduce(x, operation.reduction, axis: 1, as: output.dtype, into: output)
    }
}

/// Draws from all tokens.
final class WholeVocabulary: AlteredBackend {
    override func sample(_ operation: SampleOperation) throws {
        var options = try inner.readFloats(operation.options)
        for row in stride(from: 0, to: options.count, by: SamplingOptions.numbers) { (options[row + 1], options[row + 2]) = (0, 1) }
        _ = try inner.sample(
            operation.x, uniforms: operation.uniforms, options: inner.upload(options, operation.options.shape), seen: operation.seen,
            into: operation.output)
    }
}

/// Divides the logits of seen tokens whatever their sign.
final class DividingPenalty: AlteredBackend {
    override func sample(_ operation: SampleOperation) throws {
        var options = try inner.readFloats(operation.options)
        for row in stride(from: 0, to: options.count, by: SamplingOptions.numbers) { options[row + 3] = options[row + 4] }
        _ = try inner.sample(
            operation.x, uniforms: operation.uniforms, options: inner.upload(options, operation.options.shape), seen: operation.seen,
            into: operation.output)
    }
}

/// Chooses tokens and does not add them to the sets.
final class ForgetfulSampler: AlteredBackend {
    override func sample(_ operation: SampleOperation) throws {
        let seen = try operation.seen.map { SeenTokens(sets: try inner.copy($0.sets), rows: $0.rows) }
        _ = try inner.sample(
            operation.x, uniforms: operation.uniforms, options: operation.options, seen: seen, into: operation.output)
    }
}

/// Draws from what is there where a logit is not a number.
final class TolerantSampler: AlteredBackend {
    override func sample(_ operation: SampleOperation) throws {
        let x = try inner.readFloats(operation.x).map { $0 < .infinity ? $0 : -1e30 }
        _ = try inner.sample(
            inner.upload(x, operation.x.shape), uniforms: operation.uniforms, options: operation.options, seen: operation.seen,
            into: operation.output)
    }
}

/// Gives the values without their order of indices.
final class ReversedRanks: AlteredBackend {
    override func topK(_ operation: TopKOperation) throws {
        try inner.topK(operation)
        try inner.write(inner.readIntegers(operation.indices).reversed(), to: operation.indices)
    }
}

/// Fails.
final class Refusing: AlteredBackend {
    override func elementwise(_ operation: ElementwiseOperation) throws {
        throw TensorError.executionFailed(operation: "add", detail: "the device refused")
    }
}

/// Turns the kernel by 180°: a convolution in the sense of mathematics.
final class TurnedKernel: AlteredBackend {
    override func conv2d(_ operation: Conv2dOperation) throws {
        let o = operation.operands
        _ = try inner.conv2d(
            o.x, weight: turned(o.weight), bias: o.bias, stride: Extent2D(height: o.vertical.stride, width: o.horizontal.stride),
            padding: padding(o), dilation: Extent2D(height: o.vertical.dilation, width: o.horizontal.dilation), groups: o.groups,
            upsampling: o.vertical.upsampling, epilogue: epilogue(o), into: o.output)
    }

    override func convTranspose2d(_ operation: ConvTranspose2dOperation) throws {
        let o = operation.operands
        func missing(_ axis: ConvolutionAxis) -> Int {
            let whole = (axis.inputs - 1) * axis.stride + axis.dilation * (axis.taps - 1) + 1
            return axis.outputs - (whole - axis.paddingBefore - axis.paddingAfter)
        }
        _ = try inner.convTranspose2d(
            o.x, weight: turned(o.weight), bias: o.bias, stride: Extent2D(height: o.vertical.stride, width: o.horizontal.stride),
            padding: padding(o), dilation: Extent2D(height: o.vertical.dilation, width: o.horizontal.dilation), groups: o.groups,
            outputPadding: Extent2D(height: missing(o.vertical), width: missing(o.horizontal)), epilogue: epilogue(o), into: o.output)
    }

    private func padding(_ o: ConvolutionOperands) -> ConvolutionPadding {
        ConvolutionPadding(
            top: o.vertical.paddingBefore, bottom: o.vertical.paddingAfter, left: o.horizontal.paddingBefore,
            right: o.horizontal.paddingAfter)
    }

    private func epilogue(_ o: ConvolutionOperands) -> Epilogue {
        Epilogue(activation: o.activation, transports: o.transport.map { [$0] } ?? [], residual: o.residual)
    }

    private func turned(_ weight: Tensor) throws -> Tensor {
        let (outputs, channels) = (weight.shape[0], weight.shape[3])
        let taps = weight.shape[1] * weight.shape[2]
        let indices = try inner.upload((0..<Int32(outputs)).map { $0 })
        let elements = try inner.readFloats(inner.embedding(indices, table: weight.reshaped([outputs, taps * channels])))
        let result = elements.indices.map { index in
            let (output, tap, channel) = (index / (taps * channels), index / channels % taps, index % channels)
            return elements[(output * taps + taps - 1 - tap) * channels + channel]
        }
        return try inner.upload(result, weight.shape)
    }
}

/// Stores keys where the last key of a sequence is its first new one.
final class KeysFromTheEnd: AlteredBackend {
    override func storeKeys(_ operation: StoreKeysOperation) throws {
        let segments = operation.segments
        let longer = try inner.readIntegers(segments.keyLengths).map { $0 + 1 }
        try inner.storeKeys(
            operation.keys, values: operation.values, into: operation.keyCache, operation.valueCache,
            segments: Segments(
                queryStarts: segments.queryStarts, keyLengths: inner.upload(longer), blocks: segments.blocks,
                maximumQueries: segments.maximumQueries, maximumKeys: segments.maximumKeys))
    }
}

/// Forgets the maps of a group, and which of two products is the gate.
final class SwappedFactors: AlteredBackend {
    override func linears(_ operations: [LinearOperation]) throws {
        for operation in operations {
            _ = try inner.linear(operation.x, weight: operation.weight, bias: operation.bias, into: operation.output)
        }
    }

    override func gatedLinear(_ operation: GatedLinearOperation) throws {
        _ = try inner.gatedLinear(
            operation.x, gate: operation.up, up: operation.gate, activation: operation.activation, into: operation.output)
    }
}

/// Stores keys as they were before they were turned.
final class UnturnedKeys: AlteredBackend {
    override func rotateAndStore(_ operation: RotateAndStoreOperation) throws {
        try inner.storeKeys(
            operation.key, values: operation.value, into: operation.keyCache, operation.valueCache, segments: operation.segments)
        _ = try inner.rope(
            operation.query, positions: operation.positions, dimensions: operation.dimensions, base: operation.base,
            layout: operation.layout, frequencyFactors: operation.frequencyFactors, into: operation.query)
    }
}
