import Tensors

/// One element of an f32, f16, bf16 or i32 tensor, by its bits.
enum PlainElement {
    /// Copies element `index` over element `place`: every bit between tensors of one type, else the nearest number of the new type.
    static func copy(
        _ source: UnsafeRawPointer, _ index: Int, _ from: DType, to destination: UnsafeMutableRawPointer, _ place: Int, _ to: DType
    ) {
        if from == to {
            let bytes = from.blockBytes
            (destination + place * bytes).copyMemory(from: source + index * bytes, byteCount: bytes)
            return
        }
        let value = float(source, index, from)
        switch to {
        case .f32: destination.storeBytes(of: value, toByteOffset: place * 4, as: Float.self)
        case .f16: destination.storeBytes(of: Float16(value).bitPattern, toByteOffset: place * 2, as: UInt16.self)
        case .bf16: destination.storeBytes(of: upperHalf(value), toByteOffset: place * 2, as: UInt16.self)
        default: preconditionFailure("no element can be made \(to)")
        }
    }

    private static func float(_ source: UnsafeRawPointer, _ index: Int, _ dtype: DType) -> Float {
        switch dtype {
        case .f32: source.load(fromByteOffset: index * 4, as: Float.self)
        case .f16: Float(Float16(bitPattern: source.load(fromByteOffset: index * 2, as: UInt16.self)))
        case .bf16: Float(bitPattern: UInt32(source.load(fromByteOffset: index * 2, as: UInt16.self)) << 16)
        default: preconditionFailure("\(dtype) is not a plain number")
        }
    }

    /// The nearest bfloat16 number, ties to even.
    private static func upperHalf(_ x: Float) -> UInt16 {
        let bits = x.bitPattern
        // A NaN whose payload lies in the lower half alone would become infinite.
        if x.isNaN { return UInt16(bits >> 16) | 0x40 }
        return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    }
}
