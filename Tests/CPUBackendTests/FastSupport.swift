import CPUBackend
import Tensors

/// Numbers that a seed repeats (SplitMix64, Steele et al. 2014).
struct SeededNumbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// Uniform in −1 ..< 1.
    mutating func floats(_ count: Int) -> [Float] {
        (0..<count).map { _ in Float(Int64(bitPattern: next()) >> 40) * 0x1p-23 }
    }

    /// Bytes of weights: the scales that begin each block are f16 numbers near 2⁻⁶, the rest is random.
    mutating func weightBytes(_ shape: Shape, _ dtype: DType) -> [UInt8] {
        switch dtype {
        case .f32: return floats(shape.count).flatMap { withUnsafeBytes(of: $0, Array.init) }
        case .f16: return floats(shape.count).flatMap { withUnsafeBytes(of: Float16($0), Array.init) }
        case .bf16: return floats(shape.count).flatMap { withUnsafeBytes(of: UInt16($0.bitPattern >> 16), Array.init) }
        default: break
        }
        var bytes = (0..<dtype.byteCount(elements: shape.count)!).map { _ in UInt8(truncatingIfNeeded: next()) }
        // q6_K keeps its scale at the end of a block; types with an offset keep it after the scale.
        let scales = dtype == .q6_K ? [208] : [.q4_1, .q5_1, .q4_K, .q5_K].contains(dtype) ? [0, 2] : [0]
        for block in stride(from: 0, to: bytes.count, by: dtype.blockBytes) {
            for scale in scales {
                withUnsafeBytes(of: Float16(0.01 + 0.01 * abs(floats(1)[0]))) {
                    bytes.replaceSubrange(block + scale..<block + scale + 2, with: $0)
                }
            }
        }
        return bytes
    }
}

extension Backend {
    func weight(_ bytes: [UInt8], _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try bytes.withUnsafeBytes { try upload($0, shape, dtype) }
    }
}

/// The largest rounding error of one f32 operation, relative to its result.
let unitRoundOff = 0x1p-24

/// Memory of a weight that is freed with its last owner.
class WeightBytes {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ contents: [UInt8]) {
        bytes = .allocate(byteCount: contents.count, alignment: 64)
        bytes.copyBytes(from: contents)
    }

    deinit {
        // Who reads on finds other bytes.
        for index in bytes.indices { bytes[index] = 0xff }
        bytes.deallocate()
    }
}
