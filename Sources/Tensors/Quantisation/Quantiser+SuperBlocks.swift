extension Quantiser {
    // MARK: Super-blocks of 256 elements, whose scales are themselves quantised: rounded up, so that no element is clipped.

    /// q4_K and q5_K: eight sub-blocks of 32 elements, each `(d·s)·q − e·m` with six-bit integers s and m.
    static func superBlock(_ block: [Float], bits: Int) throws -> [UInt8] {
        let levels = Float(1 << bits - 1)
        let subBlocks = (0..<8).map { block[$0 * 32..<$0 * 32 + 32] }
        let offsets = RoundedUpNumbers(subBlocks.map { max(0, -$0.min()!) }, steps: 63)
        let scales = RoundedUpNumbers(
            subBlocks.indices.map { (subBlocks[$0].max()! + offsets.values[$0]) / levels }.map { max(0, $0) }, steps: 63)

        var pairs = [UInt8](repeating: 0, count: 12)
        for j in 0..<4 {
            pairs[j] = scales.integers[j] | (scales.integers[j + 4] >> 4) << 6
            pairs[j + 4] = offsets.integers[j] | (offsets.integers[j + 4] >> 4) << 6
            pairs[j + 8] = scales.integers[j + 4] & 15 | offsets.integers[j + 4] << 4
        }
        let integers = subBlocks.indices.flatMap { j in
            subBlocks[j].map { x in
                let level = scales.values[j] == 0 ? 0 : ((x + offsets.values[j]) / scales.values[j]).rounded()
                return UInt8(max(0, min(level, levels)))
            }
        }
        // 32 bytes of nibbles hold two sub-blocks; bit s of byte l of the fifth bits is element l of sub-block s.
        let nibbles = (0..<128).map { byte in
            let first = byte / 32 * 64 + byte % 32
            return integers[first] & 15 | integers[first + 32] << 4
        }
        let fifths = (0..<(bits == 5 ? 32 : 0)).map { l in
            (0..<8).reduce(UInt8(0)) { $0 | (integers[$1 * 32 + l] >> 4) << UInt8($1) }
        }
        return try half(scales.unit) + half(offsets.unit) + pairs + fifths + nibbles
    }

    /// Sixteen sub-blocks of 16 elements, each `(d·s)·(q − 32)` with a signed byte s.
    static func q6_K(_ block: [Float]) throws -> [UInt8] {
        let subBlocks = (0..<16).map { block[$0 * 16..<$0 * 16 + 16] }
        let scales = RoundedUpNumbers(subBlocks.map { $0.map(\.magnitude).max()! / 31 }, steps: 127)
        let integers = subBlocks.indices.flatMap { j in
            subBlocks[j].map { x in
                let level = scales.values[j] == 0 ? 0 : (x / scales.values[j]).rounded()
                return UInt8(32 + max(-32, min(level, 31)))
            }
        }
        var (nibbles, pairs) = ([UInt8](repeating: 0, count: 128), [UInt8](repeating: 0, count: 64))
        for (index, integer) in integers.enumerated() {
            let (part, quarter, l) = (index / 128, index % 128 / 32, index % 32)
            nibbles[part * 64 + quarter % 2 * 32 + l] |= (integer & 15) << UInt8(quarter / 2 * 4)
            pairs[part * 32 + l] |= (integer >> 4) << UInt8(quarter * 2)
        }
        return try nibbles + pairs + scales.integers + half(scales.unit)
    }
}

/// Numbers from 0 on as integers times a common unit that f16 has; none becomes smaller.
private struct RoundedUpNumbers {
    let unit: Float
    let integers: [UInt8]
    /// What they stand for.
    let values: [Float]

    /// - Parameter steps: The largest integer.
    init(_ numbers: [Float], steps: Int) {
        let exact = numbers.max()! / Float(steps)
        let nearest = Float16(exact)
        // An infinite unit is refused where it is written.
        let unit = Float(Float(nearest) < exact ? nearest.nextUp : nearest)
        let integers = numbers.map { unit == 0 || unit.isInfinite ? 0 : UInt8(min(($0 / unit).rounded(.up), Float(steps))) }
        (self.unit, self.integers) = (unit, integers)
        values = integers.map { unit.isInfinite ? 0 : unit * Float($0) }
    }
}
