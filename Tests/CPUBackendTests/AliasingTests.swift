import CPUBackend
import Tensors
import Testing

/// No operation writes where it reads; the cross-check tries every one of them, this says what is said.
@Suite struct AliasingTests {
    let backend = ReferenceBackend()

    private func refusal(_ body: () throws -> Void) -> String? {
        do { try body() } catch { return "\(error)" }
        return nil
    }

    @Test func everythingThatIsReadCounts() throws {
        let all = try backend.upload([Float](repeating: 0.5, count: 64), [16, 4])
        let (x, shifted, apart) = (try all.rows(0..<4), try all.rows(2..<6), try all.rows(8..<12))
        let weight = try backend.upload([Float](repeating: 1, count: 16), [4, 4])
        let bias = try all.rows(8..<9).reshaped([4])
        #expect(refusal { _ = try backend.linear(x, weight: weight, into: x) } == "linear: the output lies in the memory of x")
        #expect(refusal { _ = try backend.linear(x, weight: weight, into: shifted) } == "linear: the output lies in the memory of x")
        #expect(
            refusal { _ = try backend.linear(x, weight: apart, into: apart) } == "linear: the output lies in the memory of the weight")
        #expect(
            refusal { _ = try backend.linear(x, weight: weight, bias: bias, into: apart) }
                == "linear: the output lies in the memory of the bias")
        // A residual may be the output, as a whole.
        #expect(refusal { _ = try backend.linear(x, weight: weight, epilogue: Epilogue(residual: apart), into: apart) } == nil)
        #expect(
            refusal { _ = try backend.linear(x, weight: weight, epilogue: Epilogue(residual: all.rows(9..<13)), into: apart) }
                == "linear: the output lies in the memory of the residual but is not the same tensor")
        #expect(refusal { _ = try backend.softmax(apart, into: apart) } == nil)
        #expect(
            refusal { _ = try backend.layerNorm(x, epsilon: 1e-5, into: x) } == "layerNorm: the output lies in the memory of x")
    }

    /// A map's table, indices and strengths are read, too.
    @Test func mapsCount() throws {
        let table = try backend.upload([Float](repeating: 1, count: 2 * 4 * 4), [2, 4, 4])
        let map = TransportApplication(
            table: table, indices: try backend.upload([1 as Int32]), strengths: try backend.upload([0.5 as Float]))
        let x = try backend.upload([Float](repeating: 0.5, count: 16), [4, 4])
        let output = try table.rows(1..<2).reshaped([4, 4])
        #expect(
            refusal { _ = try backend.transport(x, by: map, into: output) }
                == "transport: the output lies in the memory of the transport table")
        #expect(refusal { _ = try backend.transport(x, by: map, into: x) } == nil)
        let gain = try backend.upload([Float](repeating: 1, count: 4))
        #expect(
            refusal { _ = try backend.rmsNorm(x, gain: gain, epsilon: 1e-5, transports: [map], into: output) }
                == "rmsNorm: the output lies in the memory of the transport table")
    }
}
