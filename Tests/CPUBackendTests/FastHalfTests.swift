import CSimd
import Testing

/// Conversions between f16 and f32 of every instruction set against Swift's own.
@Suite struct FastHalfTests {
    static let sets = [MONGE_PORTABLE, MONGE_NEON, MONGE_AVX2, MONGE_AVX512].filter { monge_kernels_for($0) != nil }.map(\.rawValue)

    private func widen(_ set: UInt32, _ halves: [UInt16], _ count: Int, _ floats: inout [Float]) {
        halves.withUnsafeBytes {
            monge_kernels_for(monge_instruction_set(set)).pointee.decode(
                MONGE_F16, $0.baseAddress!.assumingMemoryBound(to: UInt8.self), count, &floats)
        }
    }

    private func round(_ set: UInt32, _ floats: [Float], _ count: Int, _ halves: inout [UInt16]) {
        halves.withUnsafeMutableBytes {
            monge_kernels_for(monge_instruction_set(set)).pointee.encode(
                MONGE_F16, floats, count, $0.baseAddress!.assumingMemoryBound(to: UInt8.self))
        }
    }

    @Test(arguments: sets)
    func everyHalfWidens(set: UInt32) {
        let halves = (0...UInt16.max).map { $0 }
        var floats = [Float](repeating: 0, count: halves.count)
        widen(set, halves, halves.count, &floats)
        let wrong = halves.indices.filter {
            let expected = Float(Float16(bitPattern: halves[$0]))
            return expected.isNaN ? !floats[$0].isNaN : floats[$0].bitPattern != expected.bitPattern
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(3))")
    }

    /// Every half and the midpoint to the next, each with its neighbours in f32: what lies exactly between goes to the even one.
    @Test(arguments: sets)
    func floatsRoundToTheNearest(set: UInt32) {
        var floats: [Float] = [.infinity, -.infinity, .nan, -.nan, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 65519, 65520]
        for bits in 0..<UInt16(0x7c00) {
            let value = Float(Float16(bitPattern: bits))
            let next = bits + 1 == 0x7c00 ? 65536 : Float(Float16(bitPattern: bits + 1))
            for number in [value, (value + next) / 2] { floats += [number, number.nextUp, number.nextDown, -number] }
        }
        var halves = [UInt16](repeating: 0, count: floats.count)
        round(set, floats, floats.count, &halves)
        let wrong = floats.indices.filter {
            let expected = Float16(floats[$0])
            return expected.isNaN ? !Float16(bitPattern: halves[$0]).isNaN : halves[$0] != expected.bitPattern
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(3).map { floats[$0] })")
    }

    /// Counts that leave a part of a vector, and nothing written behind it.
    @Test(arguments: sets, [0, 1, 3, 7, 8, 15, 16, 17, 31])
    func partsOfVectors(set: UInt32, count: Int) {
        let floats = (0..<32).map { Float($0) + 0.5 }
        var halves = [UInt16](repeating: 0xffff, count: 32)
        round(set, floats, count, &halves)
        #expect(halves == (0..<32).map { $0 < count ? Float16(floats[$0]).bitPattern : 0xffff })
        var widened = [Float](repeating: -1, count: 32)
        widen(set, halves, count, &widened)
        #expect(widened == (0..<32).map { $0 < count ? floats[$0] : -1 })
    }
}
