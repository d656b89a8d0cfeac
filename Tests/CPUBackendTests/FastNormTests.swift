import CPUBackend
import Tensors
import Testing

/// Norms and maps of f16: they are those of the same numbers in f32, rounded once, for rows that fill no vector and begin anywhere.
@Suite struct FastNormTests {
    private static let operations = ["rmsNorm", "layerNorm", "groupNorm", "transport", "gatedTransport", "clusterTransport"]

    /// One operation on rows of a larger tensor, into rows of another, whose bits are returned.
    private struct Case {
        let backend: CPUBackend
        let dtype: DType
        let images, pixels, channels: Int

        private func upload(_ values: [Float], _ shape: Shape) throws -> Tensor {
            guard dtype == .f16 else { return try backend.upload(values, shape) }
            return try backend.weight(values.flatMap { withUnsafeBytes(of: Float16($0), Array.init) }, shape, .f16)
        }

        private func transport(
            _ spatial: SpatialMode, isGated: Bool, _ numbers: inout SeededNumbers
        ) throws -> TransportApplication {
            // Map 1 acts within bounds that some of the numbers lie outside.
            let table = numbers.floats(2 * channels).flatMap { [0.5 + $0, 0.3, -0.6, 0.9] as [Float] }
            return TransportApplication(
                table: try backend.upload(table, [2, channels, 4]), indices: try backend.upload((0..<images).map { Int32($0 % 2) }),
                strengths: try backend.upload([0.75] as [Float]), spatial: spatial,
                gates: isGated
                    ? try TransportGates(
                        weights: backend.upload(numbers.floats(2 * channels), [2, channels]), intercepts: backend.upload(numbers.floats(2)))
                    : nil)
        }

        /// Between three clusters, of which map 1 has two.
        private func clusters(_ numbers: inout SeededNumbers) throws -> TransportApplication {
            func upload(_ values: [Float], _ shape: Shape) throws -> Tensor { try backend.upload(values, shape) }
            return TransportApplication(
                clusters: TransportClusters(
                    weights: try upload(numbers.floats(6 * channels), [2, 3, channels]),
                    intercepts: try upload([-.infinity, -.infinity, -.infinity, 0.4, -.infinity, -0.2], [2, 3]),
                    shifts: try upload(numbers.floats(6 * channels), [2, 3, channels])),
                indices: try backend.upload((0..<images).map { Int32($0 % 2) }), strengths: try backend.upload([0.75] as [Float]))
        }

        func result(_ operation: String, _ spatial: SpatialMode, _ activation: Activation, isInPlace: Bool) throws -> [Float] {
            var numbers = SeededNumbers(seed: UInt64(channels))
            let all: Shape = [images + 2, pixels, channels]
            // Numbers that f16 has.
            func values() -> [Float] { numbers.floats(all.count).map { Float(Float16($0 + 0.25)) } }
            let inner = 1..<images + 1
            let (x, residual) = (try upload(values(), all), try upload(values(), all).rows(inner))
            let whole = try isInPlace ? x : upload([Float](repeating: 7, count: all.count), all)
            let output = try whole.rows(inner)
            let gain = try backend.upload(numbers.floats(channels), [channels])
            let bias = try backend.upload(numbers.floats(channels), [channels])
            let isOfRows = operation == "gatedTransport" || operation == "clusterTransport"
            let map =
                try operation == "clusterTransport"
                ? clusters(&numbers) : transport(spatial, isGated: operation == "gatedTransport", &numbers)
            switch operation {
            case "rmsNorm":
                _ = try backend.rmsNorm(x.rows(inner), gain: gain, epsilon: 1e-5, transports: [map], into: output)
            case "layerNorm":
                _ = try backend.layerNorm(x.rows(inner), gain: gain, bias: bias, epsilon: 1e-5, transports: [map], into: output)
            case "groupNorm":
                _ = try backend.groupNorm(
                    x.rows(inner), groups: 1, gain: gain, bias: bias, epsilon: 1e-5, transports: [map],
                    epilogue: Epilogue(activation: activation, residual: residual), into: output)
            default:
                // With gates, and between clusters, the activation is another operation.
                _ = try backend.transport(x.rows(inner), by: map, activation: isOfRows ? .identity : activation, into: output)
            }
            return try backend.readFloats(whole)
        }
    }

    @Test(arguments: FastLinearTests.sets, operations)
    func halvesAreTheSinglesRounded(instructions: InstructionSet, operation: String) throws {
        // Row norms store between the norm and a map by channel means, which is no part of their kernel.
        // Gates and clusters are of rows by themselves.
        let spatials: [SpatialMode] = ["groupNorm", "transport"].contains(operation) ? [.pointwise, .channelMean] : [.pointwise]
        let backends = try [1, 3].map { try CPUBackend(threads: $0, instructions: instructions) }
        for channels in [1, 3, 7, 16, 31, 33, 65, 127, 131] {
            for (spatial, isInPlace) in spatials.flatMap({ operation.hasSuffix("ransport") ? [($0, false), ($0, true)] : [($0, false)] }) {
                func result(_ backend: CPUBackend, _ dtype: DType) throws -> [Float] {
                    // More pixels than a stretch of moments has.
                    let pixels = operation == "groupNorm" && channels < 20 ? 300 : 5
                    return try Case(backend: backend, dtype: dtype, images: 3, pixels: pixels, channels: channels)
                        .result(operation, spatial, .silu, isInPlace: isInPlace)
                }
                let singles = try result(backends[0], .f32).map { Float(Float16($0)).bitPattern }
                for backend in backends {
                    let halves = try result(backend, .f16).map(\.bitPattern)
                    #expect(halves == singles, "\(channels) channels, \(spatial)")
                }
            }
        }
    }

    /// The first and the last image of the memory belong to somebody else.
    @Test(arguments: FastLinearTests.sets, operations)
    func nothingIsWrittenAroundAView(instructions: InstructionSet, operation: String) throws {
        let backend = try CPUBackend(threads: 2, instructions: instructions)
        for (dtype, channels) in [(DType.f32, 5), (.f16, 5), (.f32, 77), (.f16, 77)] {
            let pixels = 3
            let result = try Case(backend: backend, dtype: dtype, images: 2, pixels: pixels, channels: channels)
                .result(operation, .pointwise, .gelu, isInPlace: false)
            let image = pixels * channels
            #expect(result.prefix(image).allSatisfy { $0 == 7 } && result.suffix(image).allSatisfy { $0 == 7 })
            #expect(result.dropFirst(image).dropLast(image).allSatisfy { $0 != 7 })
        }
    }
}
