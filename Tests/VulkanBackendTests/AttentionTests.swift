import CPUBackend
import Tensors
import Testing
import VulkanBackend

/// What attention does at its edges, on every path: the reference, the kernels of every instruction set, every layout on Vulkan.
@Suite struct AttentionTests {
    /// Elements that repeat only after a long while.
    private func pattern(_ count: Int, _ factor: Float = 1) -> [Float] {
        (0..<count).map { factor * (Float($0 * 7919 % 4093) / 2046 - 1) }
    }

    private func everyPath(_ body: (_ backend: any Backend, _ name: String) throws -> Void) throws {
        let reference = ReferenceBackend()
        try body(reference, reference.name)
        for instructions in InstructionSet.allCases where instructions.isAvailable {
            let backend = try CPUBackend(threads: 2, instructions: instructions)
            try body(backend, backend.name)
        }
        for family in try TestBackend.families() {
            let backend = try TestBackend.make(family: family)
            try body(backend, "\(family)")
            #expect(backend.device.validationMessages == [])
        }
    }

    private func bits(_ tensor: Tensor, on backend: any Backend) throws -> [UInt32] { try backend.readFloats(tensor).map(\.bitPattern) }

    /// The largest difference from the reference.
    private func error(
        _ backend: any Backend, queries: Shape, keys: Shape, keyType: DType = .f32, causal: Bool, window: Int? = nil
    ) throws -> Float {
        func result(_ backend: any Backend) throws -> [Float] {
            func cache(_ factor: Float) throws -> Tensor {
                let elements = pattern(keys.count, factor)
                return keyType == .f32 ? try backend.upload(elements, keys) : try backend.upload(elements.map { Float16($0) }, keys, .f16)
            }
            return try backend.readFloats(
                backend.attention(
                    backend.upload(pattern(queries.count), queries), keys: cache(0.7), values: cache(1), causal: causal, window: window))
        }
        return zip(try result(backend), try result(ReferenceBackend())).map { abs($0 - $1) }.max()!
    }

    /// 32,768 keys, in decoding, in a chunk of a prompt, and with a window: more loop iterations than llvmpipe makes at once.
    ///
    /// Scores are below 2 and values below 1 in size: the sums over the keys err by at most 5·8·√32768·2⁻²⁴ = 4.4e-4 of the mean of
    /// |v| ≤ ½ with the probability of the cross-check, the scores by 1e-5.
    @Test(arguments: [DType.f32, .f16])
    func longContexts(keyType: DType) throws {
        let keys = 32_768
        try everyPath { backend, name in
            for (queries, causal, window) in [(1, true, nil), (9, true, nil), (2, false, nil), (3, true, 30_000)] {
                let error = try error(
                    backend, queries: [1, queries, 4, 32], keys: [1, keys, 1, 32], keyType: keyType, causal: causal, window: window)
                #expect(error < 2.3e-4, "\(name), \(queries) queries")
            }
        }
    }

    /// As many keys as one pass of llvmpipe may take, and one more, for tiles of every height.
    @Test func keysAtTheLimitOfOnePass() throws {
        let backend = try TestBackend.make()
        for rows in [1, 2, 4, 8] {
            for keys in [21_600, 21_690] {
                let error = try error(backend, queries: [1, rows, 1, 8], keys: [1, keys, 1, 8], causal: false)
                #expect(error < 2.3e-4, "\(rows) rows, \(keys) keys")
            }
        }
    }

    /// Without keys, under a bias of −∞, and before the first key of a causal mask: zeros.
    @Test func whatSeesNothingIsZero() throws {
        try everyPath { backend, name in
            let (queries, keys) = (20, 5)
            let shape: Shape = [2, queries, 2, 8]
            let (query, cache) = (
                try backend.upload(pattern(shape.count), shape), try backend.upload(pattern(2 * keys * 16), [2, keys, 2, 8])
            )
            let none = try backend.attention(query, keys: cache, values: cache, keyLengths: [0, 0])
            #expect(try backend.readFloats(none).allSatisfy { $0 == 0 }, "\(name)")
            let hidden = try backend.upload([Float](repeating: -.infinity, count: keys), [1, 1, 1, keys])
            let masked = try backend.attention(query, keys: cache, values: cache, bias: hidden)
            #expect(try backend.readFloats(masked).allSatisfy { $0 == 0 }, "\(name)")
            // Query i stands at position 5 − 20 + i.
            let early = try backend.readFloats(backend.attention(query, keys: cache, values: cache, causal: true))
            for (index, value) in early.enumerated() { #expect((value == 0) == (index / 16 % queries < 15) || value == 0) }
            #expect(early.contains { $0 != 0 })
        }
    }

    /// With one key to see, the result is its value, bit for bit: one key, a window of 1, or all others hidden.
    @Test func oneKeyGivesItsValue() throws {
        try everyPath { backend, name in
            for channels in [5, 40, 64, 160] {
                let tokens = 20
                let shape: Shape = [1, tokens, 1, channels]
                let (query, values) = (
                    try backend.upload(pattern(shape.count), shape), try backend.upload(pattern(shape.count, 0.3), shape)
                )
                let own = try backend.attention(query, keys: query, values: values, causal: true, window: 1)
                #expect(try bits(own, on: backend) == bits(values, on: backend), "\(name), \(channels) channels")
                let one = try backend.attention(query, keys: query, values: values, keyLengths: [1])
                let first = try bits(values, on: backend).prefix(channels)
                #expect(try bits(one, on: backend) == (0..<tokens).flatMap { _ in first })
                var hidden = [Float](repeating: -.infinity, count: tokens)
                hidden[0] = -3
                let only = try backend.attention(query, keys: query, values: values, bias: backend.upload(hidden, [1, 1, 1, tokens]))
                #expect(try bits(only, on: backend) == (0..<tokens).flatMap { _ in first })
            }
        }
    }

    /// The lowest number, which some libraries mask with, leaves the mean of the values when all keys have it.
    @Test func lowestBiasForAllKeysGivesTheirMean() throws {
        try everyPath { backend, name in
            let shape: Shape = [1, 24, 1, 16]
            let query = try backend.upload(pattern(shape.count), shape)
            let lowest = try backend.upload([Float](repeating: -.greatestFiniteMagnitude, count: 24), [1, 1, 1, 24])
            let result = try backend.readFloats(backend.attention(query, keys: query, values: query, bias: lowest))
            let values = pattern(shape.count)
            for channel in 0..<16 {
                let mean = (0..<24).reduce(Float(0)) { $0 + values[$1 * 16 + channel] } / 24
                for row in 0..<24 { #expect(abs(result[row * 16 + channel] - mean) < 1e-5, "\(name)") }
            }
        }
    }

    /// The parts of a result take memory of their own.
    @Test func memoryForPartsRunsOut() throws {
        let backend = try TestBackend.make(family: .lanes, memoryLimit: 5 << 20)
        let keys: Shape = [1, 30_000, 1, 8]
        let cache = try backend.upload(pattern(keys.count), keys)
        let query = try backend.upload(pattern(2048 * 16 * 8), [1, 2048, 16, 8])
        #expect {
            try backend.attention(query, keys: cache, values: cache)
        } throws: { error in
            guard case TensorError.outOfMemory(_, _, let detail) = error else { return false }
            return detail.hasPrefix("attention")
        }
        // The device stays usable.
        let few = try backend.upload(pattern(8), [1, 1, 1, 8])
        #expect(try backend.readFloats(backend.attention(few, keys: few, values: few)) == pattern(8))
    }

    @Test func shapesAreCheckedBeforeTheDeviceSeesThem() throws {
        let backend = try TestBackend.make()
        let query = try backend.allocate([2, 3, 4, 8], .f32)
        let cache = try backend.allocate([2, 5, 2, 8], .f32)
        func refuses(_ body: () throws -> Tensor, _ part: String) {
            #expect {
                try body()
            } throws: { error in
                guard let error = error as? TensorError else { return false }
                return error.description.hasPrefix("attention") && error.description.contains(part)
            }
        }
        for shape in [[2, 4, 3, 4], [3, 1, 1, 5], [1, 2, 1, 5], [1, 1, 2, 5], [5]] as [Shape] {
            let bias = try backend.allocate(shape, .f32)
            refuses({ try backend.attention(query, keys: cache, values: cache, bias: bias) }, "bias \(shape)")
        }
        let wholeBias = try backend.allocate([1, 1, 1, 5], .i32)
        refuses({ try backend.attention(query, keys: cache, values: cache, bias: wholeBias) }, "the bias is i32")
        let halves = try backend.allocate([2, 5, 2, 8], .f16)
        refuses({ try backend.attention(query, keys: cache, values: halves) }, "the values is f16")
        refuses({ try backend.attention(query, keys: cache, values: cache, keyLengths: [6, 1]) }, "key lengths [6, 1]")
        refuses({ try backend.attention(query, keys: cache.rows(0..<1), values: cache) }, "the same batch")
        refuses({ try backend.attention(query, keys: cache, values: cache, window: 3) }, "window of 3")
        refuses({ try backend.attention(query, keys: cache, values: cache, softCap: 0) }, "soft cap is 0")
        refuses({ try backend.attention(query, keys: cache, values: cache, scale: .nan) }, "scale is nan")
    }
}
