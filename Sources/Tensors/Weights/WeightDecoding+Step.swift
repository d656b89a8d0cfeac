extension WeightDecoding {
    /// A weight as it is stored, and how far storing it can have moved it.
    package struct Sample {
        /// The decoded value.
        package let value: Float
        /// The most by which the value may differ from the one that was stored.
        package let step: Float
    }

    /// Decodes one element with the step of its type, or of the block it lies in.
    ///
    /// Plain types: the spacing of their numbers at the value. Blocks: ggml's quantisers round to the nearest multiple of a scale d, then
    /// may change d by least squares, so that an element within the block's range moves by at most d; at the ends of the range, where they
    /// cut values off to serve the others better, by at most 2d. Where scales and minima are themselves quantised (super-blocks), half a
    /// unit of each is added, times the range for the scale.
    /// - Parameters:
    ///   - bytes: The first block.
    ///   - element: The element's place from there on.
    package static func sample(_ bytes: UnsafeRawPointer, _ dtype: DType, element: Int) -> Sample {
        let block = bytes.assumingMemoryBound(to: UInt8.self) + element / dtype.blockElements * dtype.blockBytes
        let place = element % dtype.blockElements
        let value = withUnsafeTemporaryAllocation(of: Float.self, capacity: dtype.blockElements) { values in
            decode(block, dtype, count: dtype.blockElements, into: values.baseAddress!)
            return values[place]
        }
        return Sample(value: value, step: step(block, dtype, place: place, value: value))
    }

    private static func step(_ block: UnsafePointer<UInt8>, _ dtype: DType, place: Int, value: Float) -> Float {
        /// The step for a scale and the two ends of what it can reach.
        func step(_ scale: Float, _ low: Float, _ high: Float) -> Float { abs(scale) * (value == low || value == high ? 2 : 1) }
        switch dtype {
        case .f32: return abs(value) * 0x1p-23
        case .f16: return max(abs(value) * 0x1p-10, 0x1p-24)
        case .bf16: return abs(value) * 0x1p-7
        case .q8_0: return abs(half(block))
        case .q4_0: return step(half(block), half(block) * -8, half(block) * 7)
        case .q5_0: return step(half(block), half(block) * -16, half(block) * 15)
        case .q4_1, .q5_1:
            let (scale, offset) = (half(block), half(block + 2))
            let high = scale * (dtype == .q4_1 ? 15 : 31) + offset
            return step(scale, offset, high) + abs(offset) * 0x1p-11
        case .q4_K, .q5_K:
            let (scale, minimum) = (half(block), half(block + 2))
            let (s, m) = sixBitPair(block + 4, place / 32)
            let (factor, offset) = (scale * Float(s), minimum * Float(m))
            let range: Float = dtype == .q4_K ? 15 : 31
            return step(factor, -offset, factor * range - offset) + abs(scale) * range / 2 + abs(minimum) / 2
        case .q6_K:
            let scale = half(block + 208)
            let factor = scale * Float(Int8(bitPattern: block[192 + place / 16]))
            return step(factor, factor * -32, factor * 31) + abs(scale) * 16
        case .i32: preconditionFailure("an index is not a weight")
        }
    }
}
