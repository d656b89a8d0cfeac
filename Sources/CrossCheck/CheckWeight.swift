import Tensors

/// A random weight of any type, as its bytes.
package struct CheckWeight {
    /// The bytes, with a trap behind them: whoever reads further reads NaN.
    final class Memory {
        private let all: UnsafeMutableRawBufferPointer
        private let count: Int

        init(_ bytes: [UInt8]) {
            let trapBytes = 512
            all = .allocate(byteCount: bytes.count + trapBytes, alignment: 64)
            all.initializeMemory(as: UInt8.self, repeating: 0xFF)
            all.copyBytes(from: bytes)
            count = bytes.count
        }

        deinit { all.deallocate() }

        var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: all[0..<count]) }
    }

    let memory: Memory
    /// A copy of the bytes.
    package var bytes: [UInt8] { Array(memory.contents) }
    let shape: Shape
    let dtype: DType
    /// Whether devices adopt the memory rather than get it uploaded.
    let isAdopted: Bool
    /// For each row and element a bound on the offset that decoding adds (m in d·q + m; −8·d where q counts from 0 for −8): where it cancels
    /// against the scaled integer, or a kernel sums it on its own, its rounding is larger than the element.
    let offsets: [Float]

    /// - Parameter columns: A whole number of blocks.
    package init(rows: Int, columns: Int, _ dtype: DType, _ generator: inout CheckGenerator) {
        var bytes: [UInt8] = []
        var offsets: [Float] = []
        let blocks = rows * columns / dtype.blockElements
        bytes.reserveCapacity(blocks * dtype.blockBytes)
        offsets.reserveCapacity(rows * columns)
        for _ in 0..<blocks {
            let offset = Self.appendBlock(dtype, to: &bytes, &generator)
            offsets += repeatElement(offset, count: dtype.blockElements)
        }
        memory = Memory(bytes)
        shape = [rows, columns]
        self.dtype = dtype
        self.offsets = offsets
        isAdopted = generator.chance(0.5)
    }

    /// The elements in f32, which the reference decodes.
    func decoded(by reference: CheckDevice) throws -> [Float] {
        let indices = try reference.backend.upload((0..<Int32(shape[0])).map { $0 })
        return try reference.backend.readFloats(reference.backend.embedding(indices, table: reference.weight(self)))
    }

    /// A row length for this type: whole blocks, or any extent up to the limit.
    static func columns(_ dtype: DType, atMost limit: Int, _ generator: inout CheckGenerator) -> Int {
        guard dtype.isQuantised else { return generator.extent(atMost: limit) }
        return dtype.blockElements * generator.integer(in: 1...max(1, limit / dtype.blockElements))
    }

    static let types = DType.allCases.filter(\.isWeight)

    /// Appends one block with random integers and a finite scale, in the layout of `ggml-common.h`.
    /// - Returns: A bound on the offset of its elements.
    private static func appendBlock(_ dtype: DType, to bytes: inout [UInt8], _ generator: inout CheckGenerator) -> Float {
        switch dtype {
        case .f32:
            append(Float(generator.normal() * 0.1).bitPattern, to: &bytes)
            return 0
        case .bf16:
            append(UInt16(truncatingIfNeeded: Float(generator.normal() * 0.1).bitPattern >> 16), to: &bytes)
            return 0
        case .f16:
            append(generator.half(exponents: -8 ... -1).bits, to: &bytes)
            return 0
        case .q4_0, .q5_0, .q8_0:
            let scale = generator.half(exponents: -9 ... -5)
            append(scale.bits, to: &bytes)
            appendIntegers(dtype.blockBytes - 2, to: &bytes, &generator)
            // Bytes have a sign of their own.
            return abs(scale.value) * (dtype == .q4_0 ? 8 : dtype == .q5_0 ? 16 : 0)
        case .q4_1, .q5_1:
            let offset = generator.half(exponents: -6 ... -2)
            append(generator.half(exponents: -9 ... -5).bits, to: &bytes)
            append(offset.bits, to: &bytes)
            appendIntegers(dtype.blockBytes - 4, to: &bytes, &generator)
            return abs(offset.value)
        case .q4_K, .q5_K:
            let minimum = generator.half(exponents: -11 ... -8)
            append(generator.half(exponents: -14 ... -10).bits, to: &bytes)
            append(minimum.bits, to: &bytes)
            appendIntegers(dtype.blockBytes - 4, to: &bytes, &generator)
            // The largest six-bit integer.
            return abs(minimum.value) * 63
        case .q6_K:
            appendIntegers(dtype.blockBytes - 2, to: &bytes, &generator)
            let scale = generator.half(exponents: -16 ... -12)
            append(scale.bits, to: &bytes)
            // The largest scale of 16 elements.
            return abs(scale.value) * 128 * 32
        case .i32: preconditionFailure("an index is not a weight")
        }
    }

    private static func append<Word: FixedWidthInteger>(_ word: Word, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func appendIntegers(_ count: Int, to bytes: inout [UInt8], _ generator: inout CheckGenerator) {
        for _ in 0..<count { bytes.append(UInt8(truncatingIfNeeded: generator.next())) }
    }
}

extension CheckGenerator {
    /// A finite binary16 number of either sign with an exponent in the range; now and then zero. Below −14 it is subnormal.
    fileprivate mutating func half(exponents: ClosedRange<Int>) -> (bits: UInt16, value: Float) {
        let sign = UInt16(next() & 1) << 15
        if chance(0.02) { return (sign, 0) }
        let exponent = integer(in: exponents)
        let mantissa = UInt16(next() & 0x3FF)
        if exponent < -14 {
            // A subnormal number is a multiple of 2⁻²⁴, its leading bit the exponent's.
            let bits = (0x400 | mantissa) >> UInt16(-14 - exponent)
            return (sign | bits, (sign == 0 ? 1 : -1) * Float(bits) * 0x1p-24)
        }
        let magnitude = (1 + Float(mantissa) * 0x1p-10) * Float(sign: .plus, exponent: exponent, significand: 1)
        return (sign | UInt16(exponent + 15) << 10 | mantissa, sign == 0 ? magnitude : -magnitude)
    }
}
