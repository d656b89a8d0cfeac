extension Quantiser {
    // MARK: Super-blocks of 256 elements, whose scales are themselves quantised: rounded up, so that no element is clipped.

    /// q4_K and q5_K: eight sub-blocks of 32 elements, each `(d·s)·q − e·m` with six-bit integers s and m.
    static func superBlock(_ x: UnsafePointer<Float>, bits: Int, _ bytes: UnsafeMutablePointer<UInt8>) -> Bool {
        let levels = Float(1 << bits - 1)
        var numbers = (low: SIMD8<Float>(), high: SIMD8<Float>())
        for j in 0..<8 {
            let (smallest, largest) = range(x + 32 * j, count: 32)
            (numbers.low[j], numbers.high[j]) = (max(0, -smallest), largest)
        }
        let offsets = RoundedUpNumbers<SIMD8<Float>>(numbers.low, steps: 63)
        var spans = (numbers.high + offsets.values) / levels
        spans.replace(with: 0, where: spans .< 0)
        let scales = RoundedUpNumbers<SIMD8<Float>>(spans, steps: 63)

        let pairs = bytes + 4
        for j in 0..<4 {
            pairs[j] = scales.integer(j) | (scales.integer(j + 4) >> 4) << 6
            pairs[j + 4] = offsets.integer(j) | (offsets.integer(j + 4) >> 4) << 6
            pairs[j + 8] = scales.integer(j + 4) & 15 | offsets.integer(j + 4) << 4
        }
        func level(_ element: Int, _ scale: Float, _ offset: Float) -> UInt8 {
            let level = scale == 0 ? 0 : (x[element] + offset) / scale
            return UInt8(truncatingIfNeeded: rounded(max(0, min(level, levels))))
        }
        // 32 bytes of nibbles hold two sub-blocks; bit s of byte l of the fifth bits is element l of sub-block s.
        let fifths = bytes + 16
        let nibbles = bytes + (bits == 5 ? 48 : 16)
        if bits == 5 { fifths.update(repeating: 0, count: 32) }
        for pair in 0..<4 {
            let (first, second) = (2 * pair, 2 * pair + 1)
            for l in 0..<32 {
                let low = level(32 * first + l, scales.values[first], offsets.values[first])
                let high = level(32 * second + l, scales.values[second], offsets.values[second])
                nibbles[32 * pair + l] = low & 15 | high << 4
                if bits == 5 { fifths[l] |= (low >> 4) << UInt8(first) | (high >> 4) << UInt8(second) }
            }
        }
        let hasScale = half(scales.unit, into: bytes)
        return half(offsets.unit, into: bytes + 2) && hasScale
    }

    /// Sixteen sub-blocks of 16 elements, each `(d·s)·(q − 32)` with a signed byte s.
    static func q6_K(_ x: UnsafePointer<Float>, _ bytes: UnsafeMutablePointer<UInt8>) -> Bool {
        var spans = SIMD16<Float>()
        for j in 0..<16 { spans[j] = largestMagnitude(x + 16 * j, count: 16) / 31 }
        let scales = RoundedUpNumbers<SIMD16<Float>>(spans, steps: 127)
        let (nibbles, pairs) = (bytes, bytes + 128)
        bytes.update(repeating: 0, count: 192)
        for index in 0..<256 {
            let scale = scales.values[index / 16]
            let level = scale == 0 ? 0 : rounded(max(-32, min(x[index] / scale, 31)))
            let integer = UInt8(truncatingIfNeeded: 32 + level)
            let (part, quarter, l) = (index / 128, index % 128 / 32, index % 32)
            nibbles[part * 64 + quarter % 2 * 32 + l] |= (integer & 15) << UInt8(quarter / 2 * 4)
            pairs[part * 32 + l] |= (integer >> 4) << UInt8(quarter * 2)
        }
        for j in 0..<16 { bytes[192 + j] = scales.integer(j) }
        return half(scales.unit, into: bytes + 208)
    }
}

/// Numbers from 0 on as integers times a common unit that f16 has; none becomes smaller.
private struct RoundedUpNumbers<Numbers: SIMD> where Numbers.Scalar == Float {
    let unit: Float
    private let integers: Numbers
    /// What they stand for.
    let values: Numbers

    /// - Parameter steps: The largest integer.
    init(_ numbers: Numbers, steps: Int) {
        let exact = numbers.max() / Float(steps)
        let nearest = Float16(exact)
        // An infinite unit is refused where it is written.
        let unit = Float(Float(nearest) < exact ? nearest.nextUp : nearest)
        self.unit = unit
        guard unit != 0, unit.isFinite else {
            (integers, values) = (Numbers(), Numbers())
            return
        }
        var integers = (numbers / unit).rounded(.up)
        integers.replace(with: Float(steps), where: integers .> Float(steps))
        self.integers = integers
        values = integers * unit
    }

    func integer(_ index: Int) -> UInt8 { UInt8(integers[index]) }
}
