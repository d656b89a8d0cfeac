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
        let name = "quantise"
        guard dtype.isQuantised else {
            throw TensorError.unsupportedType(
                operation: name, detail: "\(dtype) is no quantisation, expected one of \(types.map(\.rawValue).joined(separator: ", "))")
        }
        try Validation.require(
            elements.count == shape.count && shape.channels % dtype.blockElements == 0, name,
            "\(elements.count) elements for \(shape), expected as many as the shape has, in rows of a multiple of \(dtype.blockElements)")
        if let index = elements.firstIndex(where: { !$0.isFinite }) {
            throw TensorError.invalidOption(operation: name, detail: "element \(index) is \(elements[index]), expected finite numbers")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(elements.count / dtype.blockElements * dtype.blockBytes)
        for start in stride(from: 0, to: elements.count, by: dtype.blockElements) {
            let block = elements[start..<start + dtype.blockElements]
            do {
                bytes += try quantised(Array(block), dtype)
            } catch is ScaleOverflow {
                throw TensorError.invalidOption(
                    operation: name,
                    detail:
                        "elements \(start) ..< \(block.endIndex) reach from \(block.min()!) to \(block.max()!): their scale is beyond f16")
            }
        }
        return bytes
    }

    /// A scale that f16 does not have.
    struct ScaleOverflow: Error {}

    private static func quantised(_ block: [Float], _ dtype: DType) throws -> [UInt8] {
        switch dtype {
        case .q8_0: try q8_0(block)
        case .q4_0: try symmetric(block, bits: 4)
        case .q5_0: try symmetric(block, bits: 5)
        case .q4_1: try withOffset(block, bits: 4)
        case .q5_1: try withOffset(block, bits: 5)
        case .q4_K: try superBlock(block, bits: 4)
        case .q5_K: try superBlock(block, bits: 5)
        case .q6_K: try q6_K(block)
        case .f32, .f16, .bf16, .i32: preconditionFailure("\(dtype) has no blocks")
        }
    }

    // MARK: Blocks of 32 elements, as gguf-py makes them: every operation in f32, in its order.

    private static func q8_0(_ block: [Float]) throws -> [UInt8] {
        let scale = block.map(\.magnitude).max()! / 127
        let inverse = inverse(of: scale)
        return try half(scale) + block.map { UInt8(bitPattern: Int8(($0 * inverse).rounded())) }
    }

    /// The element of the largest size is the lowest level, −2^(bits − 1).
    private static func symmetric(_ block: [Float], bits: Int) throws -> [UInt8] {
        let levels = Float(1 << (bits - 1))
        let largest = block.dropFirst().reduce(block[0]) { $1.magnitude > $0.magnitude ? $1 : $0 }
        let scale = largest / -levels
        let inverse = inverse(of: scale)
        let integers = block.map { level($0 * inverse + (levels + 0.5), bits) }
        return try half(scale) + packed(integers, bits)
    }

    /// The smallest element is level 0, the largest the highest.
    private static func withOffset(_ block: [Float], bits: Int) throws -> [UInt8] {
        let (smallest, largest) = (block.min()!, block.max()!)
        let scale = (largest - smallest) / Float(1 << bits - 1)
        let inverse = inverse(of: scale)
        let integers = block.map { level(($0 - smallest) * inverse + 0.5, bits) }
        return try half(scale) + half(smallest) + packed(integers, bits)
    }

    private static func inverse(of scale: Float) -> Float {
        let inverse = 1 / scale
        // Below the numbers that have an inverse, f16 has no scale either.
        return scale == 0 || !inverse.isFinite ? 0 : inverse
    }

    private static func level(_ x: Float, _ bits: Int) -> UInt8 { UInt8(max(0, min(x, Float(1 << bits - 1)))) }

    /// Fifth bits, if any, and nibbles: of the first half of the elements low, of the second high.
    private static func packed(_ integers: [UInt8], _ bits: Int) -> [UInt8] {
        var fifths = [UInt8](repeating: 0, count: bits == 5 ? 4 : 0)
        if bits == 5 {
            for (index, integer) in integers.enumerated() { fifths[index / 8] |= (integer >> 4) << UInt8(index % 8) }
        }
        return fifths + (0..<16).map { integers[$0] & 15 | integers[$0 + 16] << 4 }
    }

    /// The bytes of the nearest f16 number.
    static func half(_ x: Float) throws -> [UInt8] {
        let number = Float16(x)
        guard number.isFinite else { throw ScaleOverflow() }
        return withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
    }
}
