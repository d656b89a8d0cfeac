import Tensors

/// Numbers of eight bits as NVIDIA's and AMD's chips compute with them: E4M3 without infinities.
///
/// Source: OCP 8-bit Floating Point Specification (OFP8), revision 1.0.
enum Float8 {
    /// The number of each byte, exactly: f16 has them all.
    static let values: [Float16] = (0..<256).map { byte in
        let (exponent, fraction) = (byte >> 3 & 15, byte & 7)
        let magnitude: Float =
            switch (exponent, fraction) {
            case (15, 7): .nan
            case (0, _): Float(fraction) * 0x1p-9
            default: (1 + Float(fraction) / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
            }
        return Float16(byte & 0x80 == 0 ? magnitude : -magnitude)
    }
}

extension FileTensor {
    /// A tensor of eight-bit numbers, widened to f16 in memory of its own.
    init(widening name: String, shape: Shape, file: MappedFile, range: Range<Int>) throws(ModelFileError) {
        let stored = try file.bytes(in: range)
        let wide = [Float16](unsafeUninitializedCapacity: stored.count) { wide, count in
            for (index, byte) in stored.enumerated() { wide.initializeElement(at: index, to: Float8.values[Int(byte)]) }
            count = stored.count
        }
        let copy = wide.withUnsafeBytes { MappedFile(contents: $0, name: file.name) }
        try self.init(name: name, dtype: .f16, shape: shape, file: copy, range: 0..<copy.count)
    }
}
