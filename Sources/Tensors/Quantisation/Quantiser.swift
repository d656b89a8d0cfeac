/// Numbers to the blocks of GGUF's quantisations: weights of one's own in the types that files have.
///
/// ```swift
/// let bytes = try Quantiser.quantise(weights, [outputs, inputs], to: .q4_K)
/// let weight = try backend.upload(weights, [outputs, inputs], .q8_0)
/// ```
///
/// `q8_0`, `q4_0`, `q4_1`, `q5_0` and `q5_1` are, bit for bit, what gguf-py (llama.cpp's Python package) makes. The K-quants, which it does
/// not make, are chosen so that no element is clipped; with the largest and smallest element of a sub-block, a scale d of scales and a scale
/// e of offsets, which are a 63rd (q6_K: a 127th) of the largest of the block, an element errs by at most
///
/// - q4_K: `((largest − smallest⁻ + e) / 15 + d) / 2` and q5_K the same with 31, where smallest⁻ is the smallest or 0, if that is less
/// - q6_K: `(largest of |x| / 31 + d) / 2`
///
/// and some 2⁻¹⁰ of that for the rounding of d and e to f16.
public enum Quantiser {
    /// The types that numbers can be quantised to.
    public static let types: [DType] = DType.allCases.filter(\.isQuantised)

    /// The blocks of a matrix, row after row.
    ///
    /// - Parameters:
    ///   - elements: Finite numbers, as many as the shape has.
    ///   - shape: Its last axis is a multiple of the elements of a block (32; 256 for the K-quants).
    ///   - dtype: One of ``types``.
    /// - Throws: ``TensorError/invalidOption(operation:detail:)`` where an element is not finite or too large for a scale in f16;
    ///   ``TensorError/shapeMismatch(operation:detail:)``; ``TensorError/unsupportedType(operation:detail:)``
    public static func quantise(_ elements: [Float], _ shape: Shape, to dtype: DType) throws -> [UInt8] {
        try Validation.require(
            elements.count == shape.count && (!dtype.isQuantised || shape.channels % dtype.blockElements == 0), name,
            "\(elements.count) elements for \(shape), expected as many as the shape has, in rows of a multiple of \(dtype.blockElements)")
        try requireQuantised(dtype)
        let byteCount = elements.count / dtype.blockElements * dtype.blockBytes
        return try [UInt8](unsafeUninitializedCapacity: byteCount) { bytes, count in
            try elements.withUnsafeBufferPointer { elements in
                if let bytes = bytes.baseAddress { try quantise(elements, to: dtype, into: bytes) }
            }
            count = byteCount
        }
    }

    /// The blocks of rows of numbers, written to memory that has room for them.
    /// - Parameters:
    ///   - elements: Finite numbers, a whole number of blocks.
    ///   - bytes: At any address.
    package static func quantise(
        _ elements: UnsafeBufferPointer<Float>, to dtype: DType, into bytes: UnsafeMutableRawPointer
    ) throws {
        try requireQuantised(dtype)
        guard let first = elements.baseAddress else { return }
        let blockElements = dtype.blockElements
        for start in stride(from: 0, to: elements.count, by: blockElements) {
            let block = first + start
            // Not finite, if any of them is.
            var sum: Float = 0
            for index in 0..<blockElements { sum += block[index] * 0 }
            if sum != 0 {
                let index = (start..<start + blockElements).first { !elements[$0].isFinite }!
                throw TensorError.invalidOption(operation: name, detail: "element \(index) is \(elements[index]), expected finite numbers")
            }
            let target = (bytes + start / blockElements * dtype.blockBytes).assumingMemoryBound(to: UInt8.self)
            guard quantise(block: block, dtype, into: target) else {
                let block = elements[start..<start + blockElements]
                throw TensorError.invalidOption(
                    operation: name,
                    detail:
                        "elements \(start) ..< \(block.endIndex) reach from \(block.min()!) to \(block.max()!): their scale is beyond f16")
            }
        }
    }

    private static let name = "quantise"

    private static func requireQuantised(_ dtype: DType) throws {
        guard dtype.isQuantised else {
            throw TensorError.unsupportedType(
                operation: name, detail: "\(dtype) is no quantisation, expected one of \(types.map(\.rawValue).joined(separator: ", "))")
        }
    }

    /// - Returns: Whether f16 has the block's scales.
    private static func quantise(block x: UnsafePointer<Float>, _ dtype: DType, into bytes: UnsafeMutablePointer<UInt8>) -> Bool {
        switch dtype {
        case .q8_0: q8_0(x, bytes)
        case .q4_0: symmetric(x, bits: 4, bytes)
        case .q5_0: symmetric(x, bits: 5, bytes)
        case .q4_1: withOffset(x, bits: 4, bytes)
        case .q5_1: withOffset(x, bits: 5, bytes)
        case .q4_K: superBlock(x, bits: 4, bytes)
        case .q5_K: superBlock(x, bits: 5, bytes)
        case .q6_K: q6_K(x, bytes)
        case .f32, .f16, .bf16, .i32: preconditionFailure("\(dtype) has no blocks")
        }
    }

    // MARK: Blocks of 32 elements, as gguf-py makes them: every operation in f32, in its order.

    private static func q8_0(_ x: UnsafePointer<Float>, _ bytes: UnsafeMutablePointer<UInt8>) -> Bool {
        let scale = largestMagnitude(x, count: 32) / 127
        let inverse = inverse(of: scale)
        for index in 0..<32 { bytes[2 + index] = UInt8(bitPattern: Int8(truncatingIfNeeded: rounded(x[index] * inverse))) }
        return half(scale, into: bytes)
    }

    /// The element of the largest size is the lowest level, −2^(bits − 1).
    private static func symmetric(_ x: UnsafePointer<Float>, bits: Int, _ bytes: UnsafeMutablePointer<UInt8>) -> Bool {
        let levels = Float(1 << (bits - 1))
        var largest = x[0]
        for index in 1..<32 where x[index].magnitude > largest.magnitude { largest = x[index] }
        let scale = largest / -levels
        let inverse = inverse(of: scale)
        pack(bits, into: bytes + 2) { level(x[$0] * inverse + (levels + 0.5), bits) }
        return half(scale, into: bytes)
    }

    /// The smallest element is level 0, the largest the highest.
    private static func withOffset(_ x: UnsafePointer<Float>, bits: Int, _ bytes: UnsafeMutablePointer<UInt8>) -> Bool {
        let (smallest, largest) = range(x, count: 32)
        let scale = (largest - smallest) / Float(1 << bits - 1)
        guard scale.isFinite else { return false }
        let inverse = inverse(of: scale)
        pack(bits, into: bytes + 4) { level((x[$0] - smallest) * inverse + 0.5, bits) }
        let hasScale = half(scale, into: bytes)
        return half(smallest, into: bytes + 2) && hasScale
    }

    private static func inverse(of scale: Float) -> Float {
        let inverse = 1 / scale
        // Below the numbers that have an inverse, f16 has no scale either.
        return scale == 0 || !inverse.isFinite ? 0 : inverse
    }

    private static func level(_ x: Float, _ bits: Int) -> UInt8 { UInt8(max(0, min(x, Float(1 << bits - 1)))) }

    /// Fifth bits, if any, and nibbles: of the first half of the elements low, of the second high.
    private static func pack(_ bits: Int, into bytes: UnsafeMutablePointer<UInt8>, _ integer: (Int) -> UInt8) {
        let nibbles = bytes + (bits == 5 ? 4 : 0)
        var fifths: UInt32 = 0
        for index in 0..<16 {
            let (low, high) = (integer(index), integer(index + 16))
            nibbles[index] = low & 15 | high << 4
            fifths |= UInt32(low >> 4) << UInt32(index) | UInt32(high >> 4) << UInt32(index + 16)
        }
        guard bits == 5 else { return }
        for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: fifths >> UInt32(8 * index)) }
    }

    // MARK: What blocks of all kinds need

    static func largestMagnitude(_ x: UnsafePointer<Float>, count: Int) -> Float {
        var largest: Float = 0
        for index in 0..<count where x[index].magnitude > largest { largest = x[index].magnitude }
        return largest
    }

    static func range(_ x: UnsafePointer<Float>, count: Int) -> (smallest: Float, largest: Float) {
        var (smallest, largest) = (x[0], x[0])
        for index in 1..<count {
            if x[index] < smallest { smallest = x[index] }
            if x[index] > largest { largest = x[index] }
        }
        return (smallest, largest)
    }

    /// The nearest integer, of two the one that is farther from zero. The processor's own conversion cuts off what is behind the point.
    static func rounded(_ x: Float) -> Int32 {
        let whole = Int32(x)
        let rest = x - Float(whole)
        return whole + (rest >= 0.5 ? 1 : 0) - (rest <= -0.5 ? 1 : 0)
    }

    /// Writes the nearest f16 number.
    /// - Returns: Whether there is one.
    static func half(_ x: Float, into bytes: UnsafeMutablePointer<UInt8>) -> Bool {
        let number = Float16(x)
        bytes[0] = UInt8(truncatingIfNeeded: number.bitPattern)
        bytes[1] = UInt8(truncatingIfNeeded: number.bitPattern >> 8)
        return number.isFinite
    }
}
