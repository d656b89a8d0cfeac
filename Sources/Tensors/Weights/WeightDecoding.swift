/// Decoding of rows of weights to f32, for every weight type.
///
/// The layouts are those of `ggml-common.h` (ggml), the values those of the `dequantize_row_*` functions beside it: every product
/// of scale and integer is exact in f32, and an offset is added with one rounding.
package enum WeightDecoding {
    /// Decodes `count` consecutive elements.
    /// - Parameters:
    ///   - bytes: The first element's block.
    ///   - count: Whole blocks.
    ///   - values: Room for `count` elements.
    package static func decode(
        _ bytes: UnsafeRawPointer, _ dtype: DType, count: Int, into values: UnsafeMutablePointer<Float>
    ) {
        switch dtype {
        case .f32: values.update(from: bytes.assumingMemoryBound(to: Float.self), count: count)
        case .f16:
            let halves = bytes.assumingMemoryBound(to: UInt16.self)
            for index in 0..<count { values[index] = float(half: halves[index]) }
        case .bf16:
            let halves = bytes.assumingMemoryBound(to: UInt16.self)
            for index in 0..<count { values[index] = Float(bitPattern: UInt32(halves[index]) << 16) }
        case .q4_0: blocks(bytes, dtype, count, values, q4_0)
        case .q4_1: blocks(bytes, dtype, count, values, q4_1)
        case .q5_0: blocks(bytes, dtype, count, values, q5_0)
        case .q5_1: blocks(bytes, dtype, count, values, q5_1)
        case .q8_0: blocks(bytes, dtype, count, values, q8_0)
        case .q4_K: blocks(bytes, dtype, count, values, q4_K)
        case .q5_K: blocks(bytes, dtype, count, values, q5_K)
        case .q6_K: blocks(bytes, dtype, count, values, q6_K)
        case .i32: preconditionFailure("an index is not a weight")
        }
    }

    /// The value of an IEEE 754 binary16 number.
    package static func float(half: UInt16) -> Float {
        let sign = UInt32(half & 0x8000) << 16
        let magnitude = UInt32(half & 0x7FFF) << 13
        // Infinity and NaN keep their mantissa under the largest exponent.
        if half & 0x7C00 == 0x7C00 { return Float(bitPattern: sign | 0x7F80_0000 | magnitude) }
        // Both exponents are biased, by 15 and by 127: 2^112 makes up the difference, for subnormal numbers too.
        let value = Float(bitPattern: magnitude) * 0x1p112
        return Float(bitPattern: value.bitPattern | sign)
    }

    private static func blocks(
        _ bytes: UnsafeRawPointer, _ dtype: DType, _ count: Int, _ values: UnsafeMutablePointer<Float>,
        _ decodeBlock: (UnsafePointer<UInt8>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let block = bytes.assumingMemoryBound(to: UInt8.self)
        for index in 0..<count / dtype.blockElements {
            decodeBlock(block + index * dtype.blockBytes, values + index * dtype.blockElements)
        }
    }

    /// The little-endian binary16 number at `bytes`.
    static func half(_ bytes: UnsafePointer<UInt8>) -> Float {
        float(half: UInt16(bytes[0]) | UInt16(bytes[1]) << 8)
    }

    // MARK: Blocks of 32 elements. Nibble j of the first half holds element j, of the second half element j + 16.

    /// f16 scale, 16 bytes of nibbles: `d · (q − 8)`.
    private static func q4_0(_ block: UnsafePointer<UInt8>, _ values: UnsafeMutablePointer<Float>) {
        let scale = half(block)
        for j in 0..<16 {
            let byte = Int(block[2 + j])
            values[j] = scale * Float(byte & 15 - 8)
            values[j + 16] = scale * Float(byte >> 4 - 8)
        }
    }

    /// f16 scale, f16 offset, 16 bytes of nibbles: `d · q + m`.
    private static func q4_1(_ block: UnsafePointer<UInt8>, _ values: UnsafeMutablePointer<Float>) {
        let (scale, offset) = (half(block), half(block + 2))
        for j in 0..<16 {
            let byte = Int(block[4 + j])
            values[j] = scale * Float(byte & 15) + offset
            values[j + 16] = scale * Float(byte >> 4) + offset
        }
    }

    /// f16 scale, 32 fifth bits, 16 bytes of nibbles: `d · (q − 16)`.
    private static func q5_0(_ block: UnsafePointer<UInt8>, _ values: UnsafeMutablePointer<Float>) {
        let scale = half(block)
        for j in 0..<16 {
            let (low, high) = fiveBits(highBits: block + 2, nibbles: block + 6, j)
            values[j] = scale * Float(low - 16)
            values[j + 16] = scale * Float(high - 16)
        }
    }

    /// f16 scale, f16 offset, 32 fifth bits, 16 bytes of nibbles: `d · q + m`.
    private static func q5_1(_ block: UnsafePointer<UInt8>, _ values: UnsafeMutablePointer<Float>) {
        let (scale, offset) = (half(block), half(block + 2))
        for j in 0..<16 {
            let (low, high) = fiveBits(highBits: block + 4, nibbles: block + 8, j)
            values[j] = scale * Float(low) + offset
            values[j + 16] = scale * Float(high) + offset
        }
    }

    /// f16 scale, 32 signed bytes: `d · q`.
    private static func q8_0(_ block: UnsafePointer<UInt8>, _ values: UnsafeMutablePointer<Float>) {
        let scale = half(block)
        for j in 0..<32 { values[j] = scale * Float(Int8(bitPattern: block[2 + j])) }
    }

    /// The elements j and j + 16: bit j of the high bits is the fifth bit of element j.
    private static func fiveBits(
        highBits: UnsafePointer<UInt8>, nibbles: UnsafePointer<UInt8>, _ j: Int
    ) -> (low: Int, high: Int) {
        let byte = Int(nibbles[j])
        let lowFifth = Int(highBits[j / 8] >> (j % 8)) & 1
        let highFifth = Int(highBits[2 + j / 8] >> (j % 8)) & 1
        return (byte & 15 | lowFifth << 4, byte >> 4 | highFifth << 4)
    }
}
