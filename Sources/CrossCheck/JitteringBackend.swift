import Foundations
import Tensors

/// A backend on which every number that an operation leaves is moved at random, in the place of errors of rounding: independent of one another
/// and with mean zero. What a whole model makes of them is measured, and asks of no layer how it passes errors on.
///
/// - Numbers of f16 are moved to one of their two neighbours: one unit in the last place.
/// - Numbers of f32, where these are moved (``singles``), by as much as another order of the same sums may change them. A sum of n terms whose
///   signs are as good as random has partial sums of at most the size of its result's, so that n roundings, each of at most u of a partial sum,
///   move it by √n·u of that: of the root mean square of its row, since a single result may be small by chance. Functions that Vulkan does not
///   round correctly add the units that it allows (``RoundOff``).
/// - Activations that products round to 16 bits (``Backend/roundsActivations(rows:channels:weight:)``) are moved by the largest error of that, half a unit of their block.
package final class JitteringBackend: ForwardingBackend {
    /// Whether numbers are moved at present.
    package var isJittering = false
    /// Whether weights are moved, too, as products of f16 round them.
    private let jittersWeights: Bool
    /// Which activations are rounded, by rows, channels and type of the weight.
    private let rounds: (Int, Int, DType) -> Bool
    /// What the products of f32 numbers that are moved take; nil when f32 numbers stay.
    private let singles: MatrixInputs?
    private var generator: SeededGenerator
    private var weights: [ObjectIdentifier: (offset: Int, weight: Tensor, source: Tensor)] = [:]

    package init(
        _ inner: any Backend, seed: UInt64, jittersWeights: Bool = false, singles: MatrixInputs? = nil,
        rounds: @escaping (_ rows: Int, _ channels: Int, _ weight: DType) -> Bool = { _, _, _ in false }
    ) {
        (self.jittersWeights, self.rounds, self.singles) = (jittersWeights, rounds, singles)
        generator = SeededGenerator(seed: seed)
        super.init(inner)
    }

    /// Moves what an operation leaves.
    /// - Parameters:
    ///   - terms: Of the sums that its numbers are.
    ///   - units: Of what it computes beside sums, u each.
    ///   - x: What is multiplied with weights, or keys.
    private func jitter(_ tensor: Tensor, terms: Int = 1, units: Double = 0, product x: Tensor? = nil) throws {
        guard isJittering else { return }
        guard let singles, tensor.dtype == .f32 else { return try jitterHalves(tensor) }
        var error = (Double(terms).squareRoot() + units) * RoundOff.unit
        if let x { error += Double(RoundOff.roundedFactors(singles, activations: x.dtype)).squareRoot() * 2 * RoundOff.halfUnit }
        var values = try inner.readFloats(tensor)
        let channels = max(tensor.shape.dimensions.last ?? 1, 1)
        for row in stride(from: 0, to: values.count, by: channels) {
            let square = values[row..<row + channels].reduce(0.0) { $0 + Double($1) * Double($1) }
            let step = Float(error * (square / Double(channels)).squareRoot())
            var random: UInt64 = 0
            for index in row..<row + channels {
                if (index - row) % 64 == 0 { random = generator.next() }
                values[index] += random & 1 != 0 ? step : -step
                random >>= 1
            }
        }
        try inner.write(values, to: tensor)
    }

    private func jitterHalves(_ tensor: Tensor) throws {
        guard tensor.dtype == .f16 else { return }
        var bits = [UInt16](repeating: 0, count: tensor.shape.count)
        try bits.withUnsafeMutableBytes { try inner.read(tensor, into: $0) }
        var random: UInt64 = 0
        for index in bits.indices {
            if index % 64 == 0 { random = generator.next() }
            // A number's neighbours have the next magnitudes; zero has one on either side, and infinity stays.
            let magnitude = bits[index] & 0x7FFF
            if magnitude < 0x7BFF {
                let isUp = magnitude == 0 || random & 1 != 0
                bits[index] = isUp ? (magnitude == 0 && random & 1 != 0 ? 0x8001 : bits[index] + 1) : bits[index] - 1
            }
            random >>= 1
        }
        try bits.withUnsafeBytes { try inner.write($0, to: tensor) }
    }

    /// The weight in f16, each element moved.
    private func moved(_ weight: Tensor) throws -> Tensor {
        let key = ObjectIdentifier(weight.storage)
        if let known = weights[key], known.offset == weight.byteOffset { return known.weight }
        let half = try inner.cast(weight, to: .f16)
        try jitterHalves(half)
        weights[key] = (weight.byteOffset, half, weight)
        return half
    }

    /// Activations with the errors of rounding to 16 bits.
    private func moved(activations x: Tensor) throws -> Tensor {
        var values = try inner.readFloats(x)
        for first in stride(from: 0, to: values.count, by: RoundedActivations.blockElements) {
            let block = first..<first + RoundedActivations.blockElements
            let half = Float(RoundedActivations.largestError(ofBlock: values[block]))
            var random = generator.next()
            for index in block {
                values[index] += random & 1 == 0 ? half : -half
                random >>= 1
            }
        }
        return try inner.upload(values, x.shape, x.dtype)
    }

    /// Other weights for the next pass.
    package func forgetWeights() { weights = [:] }

    // MARK: Operations that round

    package override func linear(_ operation: LinearOperation) throws {
        let roundsActivations = rounds(operation.rows, operation.inputChannels, operation.weight.dtype)
        if isJittering, jittersWeights || roundsActivations {
            let epilogue = Epilogue(
                activation: operation.activation, transports: operation.transport.map { [$0] } ?? [], residual: operation.residual)
            _ = try inner.linear(
                roundsActivations ? moved(activations: operation.x) : operation.x,
                weight: jittersWeights ? moved(operation.weight) : operation.weight, bias: operation.bias, epilogue: epilogue,
                into: operation.output)
        } else {
            try inner.linear(operation)
        }
        try jitter(
            operation.output, terms: operation.inputChannels, units: RoundOff.units(of: operation.activation), product: operation.x)
    }

    package override func gatedLinear(_ operation: GatedLinearOperation) throws { try separateGatedLinear(operation) }

    package override func rotateAndStore(_ operation: RotateAndStoreOperation) throws { try separateRotateAndStore(operation) }

    package override func linears(_ operations: [LinearOperation]) throws { try separateLinears(operations) }

    /// Those that are matrix products come as ``linear(_:)``.
    package override func conv2d(_ operation: Conv2dOperation) throws {
        try inner.conv2d(operation)
        try jitter(operation.operands)
    }

    package override func convTranspose2d(_ operation: ConvTranspose2dOperation) throws {
        try inner.convTranspose2d(operation)
        try jitter(operation.operands)
    }

    private func jitter(_ operands: ConvolutionOperands) throws {
        try jitter(
            operands.output, terms: operands.rowElements, units: RoundOff.units(of: operands.activation), product: operands.x)
    }

    package override func attention(_ operation: AttentionOperation) throws {
        try inner.attention(operation)
        try jitter(
            operation.output, terms: operation.headChannels + operation.keyCapacity, units: RoundOff.exponentialUnits,
            product: operation.queries)
    }

    package override func elementwise(_ operation: ElementwiseOperation) throws {
        try inner.elementwise(operation)
        let units =
            switch operation.function {
            case .activation(let activation), .gatedProduct(let activation): RoundOff.units(of: activation)
            case .scale, .clamp, .add, .subtract, .multiply, .multiplyAdd: 0.0
            }
        try jitter(operation.output, terms: 2, units: units)
    }

    package override func rmsNorm(_ operation: RMSNormOperation) throws {
        try inner.rmsNorm(operation)
        try jitter(operation.output, terms: operation.x.shape.channels, units: 4)
    }

    package override func layerNorm(_ operation: LayerNormOperation) throws {
        try inner.layerNorm(operation)
        try jitter(operation.output, terms: operation.x.shape.channels, units: 4)
    }

    package override func groupNorm(_ operation: GroupNormOperation) throws {
        try inner.groupNorm(operation)
        try jitter(
            operation.output, terms: operation.groupChannels * operation.pixels, units: 4 + RoundOff.units(of: operation.activation))
    }

    package override func softmax(_ operation: SoftmaxOperation) throws {
        try inner.softmax(operation)
        try jitter(operation.output, terms: operation.output.shape.channels, units: RoundOff.exponentialUnits)
    }

    /// An angle is as large as a position, and so is its error in units of its last place; in a text by itself there are as many as rows.
    package override func rope(_ operation: RopeOperation) throws {
        try inner.rope(operation)
        try jitter(operation.output, terms: 2, units: Double(operation.x.shape.dimensions[0]))
    }

    package override func rotation(_ operation: RotationOperation) throws {
        try inner.rotation(operation)
        try jitter(operation.output, terms: 2)
    }

    package override func timestepEmbedding(_ operation: TimestepEmbeddingOperation) throws {
        try inner.timestepEmbedding(operation)
        try jitter(operation.output, units: RoundOff.timestepUnits)
    }

    package override func embedding(_ operation: EmbeddingOperation) throws {
        try inner.embedding(operation)
        try jitter(operation.output, terms: 2)
    }

    package override func transport(_ operation: TransportOperation) throws {
        try inner.transport(operation)
        try jitter(operation.output, terms: 2)
    }

    package override func gatedTransport(_ operation: GatedTransportOperation) throws {
        try inner.gatedTransport(operation)
        try jitter(operation.output, terms: 2)
    }

    package override func clusterTransport(_ operation: ClusterTransportOperation) throws {
        try inner.clusterTransport(operation)
        try jitter(operation.output, terms: operation.clusterCount + 1)
    }

    package override func reduce(_ operation: ReduceOperation) throws {
        try inner.reduce(operation)
        try jitter(operation.output, terms: operation.extent)
    }

    /// A cache in f16 rounds what comes into it.
    package override func storeKeys(_ operation: StoreKeysOperation) throws {
        guard isJittering, operation.keyCache.dtype == .f16, operation.keys.dtype == .f32 else { return try inner.storeKeys(operation) }
        func moved(_ rows: Tensor) throws -> Tensor {
            let half = try inner.cast(rows, to: .f16)
            try jitterHalves(half)
            return half
        }
        try inner.storeKeys(
            moved(operation.keys), values: moved(operation.values), into: operation.keyCache, operation.valueCache,
            segments: operation.segments)
    }
}
