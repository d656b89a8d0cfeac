extension WeightDecoding {
    // MARK: Super-blocks of 256 elements ("k-quants"), whose scales are themselves quantised.

    /// f16 scale of scales, f16 scale of minima, 12 bytes with eight six-bit scales and eight six-bit minima, 128 bytes of
    /// nibbles: `(d · s) · q − (dmin · m)` for the 32 elements of each sub-block. 32 bytes hold two sub-blocks: the low nibbles
    /// the first, the high nibbles the second.
    static func q4_K(_ block: UnsafePointer<UInt8>, _ values: UnsafeMutablePointer<Float>) {
        let (scale, minimum) = (half(block), half(block + 2))
        for subBlock in 0..<8 {
            let (s, m) = sixBitPair(block + 4, subBlock)
            let nibbles = block + 16 + subBlock / 2 * 32
            let shift = subBlock % 2 * 4
            let (factor, offset) = (scale * Float(s), minimum * Float(m))
            for l in 0..<32 {
                values[subBlock * 32 + l] = factor * Float(Int(nibbles[l]) >> shift & 15) - offset
            }
        }
    }

    /// As ``q4_K``, with 32 bytes of fifth bits before the nibbles: bit s of byte l belongs to element l of sub-block s.
    static func q5_K(_ block: UnsafePointer<UInt8>, _ values: UnsafeMutablePointer<Float>) {
        let (scale, minimum) = (half(block), half(block + 2))
        let highBits = block + 16
        for subBlock in 0..<8 {
            let (s, m) = sixBitPair(block + 4, subBlock)
            let nibbles = block + 48 + subBlock / 2 * 32
            let shift = subBlock % 2 * 4
            let (factor, offset) = (scale * Float(s), minimum * Float(m))
            for l in 0..<32 {
                let fifth = Int(highBits[l]) >> subBlock & 1
                values[subBlock * 32 + l] = factor * Float(Int(nibbles[l]) >> shift & 15 | fifth << 4) - offset
            }
        }
    }

    /// 128 bytes of low nibbles, 64 bytes of high bit pairs, sixteen signed scales, f16 scale of scales: `(d · s) · (q − 32)`
    /// with a scale for each 16 elements. Each half of 128 elements takes 64 bytes of nibbles and 32 bytes of bit pairs: elements
    /// l, l + 32, l + 64, l + 96 share byte l of the bit pairs, and elements 64 apart share a byte of nibbles.
    static func q6_K(_ block: UnsafePointer<UInt8>, _ values: UnsafeMutablePointer<Float>) {
        let scale = half(block + 208)
        for part in 0..<2 {
            let (nibbles, pairs, scales) = (block + part * 64, block + 128 + part * 32, block + 192 + part * 8)
            for quarter in 0..<4 {
                let shift = quarter / 2 * 4
                for l in 0..<32 {
                    let low = Int(nibbles[quarter % 2 * 32 + l]) >> shift & 15
                    let high = Int(pairs[l]) >> (quarter * 2) & 3
                    let factor = scale * Float(Int8(bitPattern: scales[quarter * 2 + l / 16]))
                    values[part * 128 + quarter * 32 + l] = factor * Float((low | high << 4) - 32)
                }
            }
        }
    }

    /// Scale and minimum of sub-block j. The first four of each take the low six bits of bytes 0–3 and 4–7; the last four take
    /// four bits from bytes 8–11 and their top two bits from the top of bytes 0–7.
    static func sixBitPair(_ packed: UnsafePointer<UInt8>, _ j: Int) -> (scale: Int, minimum: Int) {
        if j < 4 { return (Int(packed[j]) & 63, Int(packed[j + 4]) & 63) }
        return (
            Int(packed[j + 4]) & 15 | (Int(packed[j - 4]) >> 6) << 4,
            Int(packed[j + 4]) >> 4 | (Int(packed[j]) >> 6) << 4
        )
    }
}
