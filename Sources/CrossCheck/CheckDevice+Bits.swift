import Tensors

/// Tensors as bits: what a movement must keep, whatever they mean.
extension CheckDevice {
    /// - Parameter bits: Of each element the lower bits, as many as the type has.
    func input(bits: [UInt32], _ shape: Shape, _ dtype: DType, _ what: String) throws -> Tensor {
        let bytes =
            dtype.blockBytes == 2
            ? bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
            : bits.withUnsafeBytes { Array($0) }
        return try input(bytes: bytes, shape, dtype, what)
    }

    /// A poisoned output of any plain type.
    func movedOutput(_ shape: Shape, _ dtype: DType) throws -> Tensor { try output(shape, dtype) }

    /// The elements by their bits.
    /// - Parameter isNumber: Whether they are numbers, all NaNs of which are equal.
    func readMoved(_ tensor: Tensor, isNumber: Bool = false) throws -> CheckOutput {
        noteOutput(tensor.dtype)
        var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
        try bytes.withUnsafeMutableBytes { try backend.read(tensor, into: $0) }
        let width = tensor.dtype.blockBytes
        return .integers(
            (0..<tensor.shape.count).map { index in
                let bits = (0..<width).reduce(0 as UInt32) { $0 | UInt32(bytes[index * width + $1]) << UInt32(8 * $1) }
                guard isNumber else { return Int32(bitPattern: bits) }
                return switch tensor.dtype {
                case .f16 where Float16(bitPattern: UInt16(bits)).isNaN: 0x7E00
                case .bf16 where Float(bitPattern: bits << 16).isNaN: 0x7FC0
                case .f32 where Float(bitPattern: bits).isNaN: 0x7FC0_0000
                default: Int32(bitPattern: bits)
                }
            })
    }
}
