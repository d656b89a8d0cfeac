import CPUBackend
import Tensors

/// The reference with one operation replaced: what the registry has to find.
class AlteredBackend: Backend {
    let inner = ReferenceBackend()

    required init() {}

    var name: String { "\(type(of: self))" }

    func allocate(_ shape: Shape, _ dtype: DType) throws -> Tensor { try inner.allocate(shape, dtype) }
    func upload(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try inner.upload(bytes, shape, dtype)
    }
    func adopt(_ bytes: UnsafeRawBufferPointer, owner: AnyObject, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try inner.adopt(bytes, owner: owner, shape, dtype)
    }
    func write(_ bytes: UnsafeRawBufferPointer, to tensor: Tensor) throws { try inner.write(bytes, to: tensor) }
    func read(_ tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer) throws { try inner.read(tensor, into: bytes) }
    func synchronize() throws { try inner.synchronize() }

    func aurocColumns(_ operation: AurocColumnsOperation) throws { try inner.aurocColumns(operation) }
    func groupNorm(_ operation: GroupNormOperation) throws { try inner.groupNorm(operation) }
    func layerNorm(_ operation: LayerNormOperation) throws { try inner.layerNorm(operation) }
    func linear(_ operation: LinearOperation) throws { try inner.linear(operation) }
    func rmsNorm(_ operation: RMSNormOperation) throws { try inner.rmsNorm(operation) }
    func rope(_ operation: RopeOperation) throws { try inner.rope(operation) }
    func attention(_ operation: AttentionOperation) throws { try inner.attention(operation) }
    func gatedProduct(_ operation: GatedProductOperation) throws { try inner.gatedProduct(operation) }
    func add(_ operation: AddOperation) throws { try inner.add(operation) }
    func embedding(_ operation: EmbeddingOperation) throws { try inner.embedding(operation) }
    func scatterRows(_ operation: ScatterRowsOperation) throws { try inner.scatterRows(operation) }
    func transport(_ operation: TransportOperation) throws { try inner.transport(operation) }
    func pool(_ operation: PoolOperation) throws { try inner.pool(operation) }
    func sortColumns(_ operation: SortColumnsOperation) throws { try inner.sortColumns(operation) }
    func fitColumns(_ operation: FitColumnsOperation) throws { try inner.fitColumns(operation) }
    func quantileColumns(_ operation: QuantileColumnsOperation) throws { try inner.quantileColumns(operation) }
    func argmax(_ operation: ArgmaxOperation) throws { try inner.argmax(operation) }
    func topK(_ operation: TopKOperation) throws { try inner.topK(operation) }

    /// Reads an f32 or f16 tensor, changes its elements, and writes them back.
    func alter(_ tensor: Tensor, _ change: (inout [Float]) -> Void) throws {
        var elements = try inner.readFloats(tensor)
        change(&elements)
        try inner.writeFloats(elements, to: tensor)
    }
}

/// Sees one key too many.
final class WiderWindow: AlteredBackend {
    override func attention(_ operation: AttentionOperation) throws {
        _ = try inner.attention(
            operation.queries, keys: operation.keys, values: operation.values, segments: operation.segments, scale: operation.scale,
            causal: operation.causal, window: operation.window.map { $0 + 1 }, softCap: operation.softCap, into: operation.output)
    }
}

/// Forgets the soft cap.
final class WithoutSoftCap: AlteredBackend {
    override func attention(_ operation: AttentionOperation) throws {
        _ = try inner.attention(
            operation.queries, keys: operation.keys, values: operation.values, segments: operation.segments, scale: operation.scale,
            causal: operation.causal, window: operation.window, into: operation.output)
    }
}

/// Takes slot s for sequence s.
final class SlotsInOrder: AlteredBackend {
    override func attention(_ operation: AttentionOperation) throws {
        let segments = operation.segments
        let inOrder = Segments(
            queryStarts: segments.queryStarts, keyLengths: segments.keyLengths,
            slots: try inner.upload((0..<Int32(segments.count)).map { $0 }), maximumQueries: segments.maximumQueries,
            maximumKeys: segments.maximumKeys)
        _ = try inner.attention(
            operation.queries, keys: operation.keys, values: operation.values, segments: inOrder, scale: operation.scale,
            causal: operation.causal, window: operation.window, softCap: operation.softCap, into: operation.output)
    }
}

/// Moves values on the edge of the support as well.
final class ClosedSupport: AlteredBackend {
    override func transport(_ operation: TransportOperation) throws {
        let table = try inner.readFloats(operation.transport.table)
        let widened = table.enumerated().map { index, value in
            index % 4 == 2 ? value.nextDown : index % 4 == 3 ? value.nextUp : value
        }
        let transport = TransportApplication(
            table: try inner.upload(widened, operation.transport.table.shape), indices: operation.transport.indices,
            strengths: operation.transport.strengths, spatial: operation.transport.spatial)
        _ = try inner.transport(operation.x, by: transport, activation: operation.activation, into: operation.output)
    }
}

/// Moves every pixel by itself where a channel moves as one.
final class PointwiseMeans: AlteredBackend {
    override func transport(_ operation: TransportOperation) throws {
        let transport = TransportApplication(
            table: operation.transport.table, indices: operation.transport.indices, strengths: operation.transport.strengths)
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
    override func add(_ operation: AddOperation) throws {
        try inner.add(operation)
        let channels = operation.output.shape.channels
        let behind = Tensor(
            shape: [channels], dtype: operation.output.dtype, storage: operation.output.storage,
            byteOffset: operation.output.byteOffset + operation.output.byteCount)
        try inner.writeFloats([Float](repeating: 0, count: channels), to: behind)
    }
}

/// Rounds its inputs to f16.
final class HalfPrecision: AlteredBackend {
    override func linear(_ operation: LinearOperation) throws {
        let halves = try inner.allocate(operation.x.shape, operation.x.dtype)
        try inner.writeFloats(inner.readFloats(operation.x).map { Float(Float16($0)) }, to: halves)
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
    override func gatedProduct(_ operation: GatedProductOperation) throws {
        _ = try inner.gatedProduct(
            gate: operation.gate, up: operation.up, activation: operation.activation == .geluTanh ? .gelu : operation.activation,
            into: operation.output)
    }
}

/// Takes an index outside the table for the nearest one inside.
final class ClampedIndices: AlteredBackend {
    override func embedding(_ operation: EmbeddingOperation) throws {
        let last = Int32(operation.table.shape[0] - 1)
        let clamped = try inner.readIntegers(operation.indices).map { min(max($0, 0), last) }
        _ = try inner.embedding(inner.upload(clamped), table: operation.table, into: operation.output)
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
        let (x, count) = (try inner.readFloats(operation.x), operation.x.shape[1])
        let best = (0..<operation.x.shape[0]).map { row in
            let values = x[row * count..<(row + 1) * count].map { $0.isNaN ? -.infinity : $0 }
            return Int32(values.lastIndex(of: values.max()!)!)
        }
        try inner.write(best, to: operation.output)
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
    override func add(_ operation: AddOperation) throws {
        throw TensorError.executionFailed(operation: "add", detail: "the device refused")
    }
}
