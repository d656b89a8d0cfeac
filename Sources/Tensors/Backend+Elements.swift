/// Arrays of Swift to tensors and back. The type of a tensor is named, and numbers are rounded to it; bits are never taken for those of
/// another type.
extension Backend {
    // MARK: Uploads

    /// A tensor of the given numbers, each rounded to the nearest of the tensor's type.
    ///
    /// - Parameters:
    ///   - elements: As many as the shape has.
    ///   - dtype: f32, f16, bf16, or a quantisation (``Quantiser``).
    public func upload(_ elements: [Float], _ shape: Shape, _ dtype: DType) throws -> Tensor {
        let name = "upload"
        try requireCount(elements.count, shape, dtype, name)
        if dtype.isQuantised { return try upload(Quantiser.quantise(elements, shape, to: dtype), shape, dtype) }
        return try withBits(of: elements, dtype, name) { try upload($0, shape, dtype) }
    }

    /// A tensor of the given f16 numbers.
    /// - Parameter dtype: f16; f32, which holds them exactly.
    public func upload(_ elements: [Float16], _ shape: Shape, _ dtype: DType = .f16) throws -> Tensor {
        if dtype == .f32 { return try upload(elements.map { Float($0) }, shape, .f32) }
        let name = "upload"
        try requireType(.f16, dtype, "Float16", "f16 or f32", name)
        try requireCount(elements.count, shape, dtype, name)
        return try elements.withUnsafeBytes { try upload($0, shape, dtype) }
    }

    /// A tensor of the given integers.
    /// - Parameter dtype: i32: integers are indices, and become numbers by `Float`.
    public func upload(_ elements: [Int32], _ shape: Shape, _ dtype: DType = .i32) throws -> Tensor {
        let name = "upload"
        try requireType(.i32, dtype, "Int32", "i32", name)
        try requireCount(elements.count, shape, dtype, name)
        return try elements.withUnsafeBytes { try upload($0, shape, dtype) }
    }

    /// A tensor of any type by its bytes, as a file has them.
    public func upload(_ bytes: [UInt8], _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try Validation.require(
            shape.channels % dtype.blockElements == 0 && dtype.byteCount(elements: shape.count) == bytes.count, "upload",
            "\(bytes.count) bytes do not fill \(dtype) \(shape)")
        return try bytes.withUnsafeBytes { try upload($0, shape, dtype) }
    }

    public func upload(_ elements: [Float], _ shape: Shape) throws -> Tensor { try upload(elements, shape, .f32) }
    public func upload(_ elements: [Float]) throws -> Tensor { try upload(elements, [elements.count], .f32) }
    public func upload(_ elements: [Int32]) throws -> Tensor { try upload(elements, [elements.count], .i32) }

    // MARK: Writes

    /// Overwrites an f32, f16 or bf16 tensor, for which the numbers are rounded to the nearest.
    public func write(_ elements: [Float], to tensor: Tensor) throws {
        try requireCount(elements.count, tensor.shape, tensor.dtype, "write")
        try withBits(of: elements, tensor.dtype, "write") { try write($0, to: tensor) }
    }

    /// Overwrites an i32 tensor.
    public func write(_ elements: [Int32], to tensor: Tensor) throws {
        try requireType(.i32, tensor.dtype, "Int32", "i32", "write")
        try requireCount(elements.count, tensor.shape, tensor.dtype, "write")
        try elements.withUnsafeBytes { try write($0, to: tensor) }
    }

    // MARK: Reads

    /// The elements of an f32, f16 or bf16 tensor.
    public func readFloats(_ tensor: Tensor) throws -> [Float] {
        switch tensor.dtype {
        case .f16: return try read(tensor, filling: 0 as Float16).map { Float($0) }
        case .bf16: return try read(tensor, filling: 0 as UInt16).map { Float(bitPattern: UInt32($0) << 16) }
        default:
            try requireType(.f32, tensor.dtype, "Float", "f32, f16 or bf16", "read")
            return try read(tensor, filling: 0 as Float)
        }
    }

    /// The elements of an i32 tensor.
    public func readIntegers(_ tensor: Tensor) throws -> [Int32] {
        try requireType(.i32, tensor.dtype, "Int32", "i32", "read")
        return try read(tensor, filling: 0 as Int32)
    }

    private func read<Element: BitwiseCopyable>(_ tensor: Tensor, filling element: Element) throws -> [Element] {
        var elements = [Element](repeating: element, count: tensor.shape.count)
        try elements.withUnsafeMutableBytes { try read(tensor, into: $0) }
        return elements
    }

    // MARK: Checks

    private func requireCount(_ count: Int, _ shape: Shape, _ dtype: DType, _ operation: String) throws {
        try Validation.require(
            count == shape.count, operation, "\(count) elements do not fill \(dtype) \(shape), which has \(shape.count)")
    }

    private func requireType(_ expected: DType, _ dtype: DType, _ elements: String, _ types: String, _ operation: String) throws {
        if dtype != expected {
            throw TensorError.unsupportedType(
                operation: operation, detail: "the tensor is \(dtype); elements of \(elements) are those of \(types)")
        }
    }

    private func withBits<Result>(
        of elements: [Float], _ dtype: DType, _ operation: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        switch dtype {
        case .f32: return try elements.withUnsafeBytes(body)
        case .f16: return try elements.map { Float16($0) }.withUnsafeBytes(body)
        case .bf16: return try elements.map(\.bfloat16Bits).withUnsafeBytes(body)
        default:
            throw TensorError.unsupportedType(
                operation: operation, detail: "the tensor is \(dtype); elements of Float are written as f32, f16 or bf16")
        }
    }
}

extension Float {
    /// The bits of the nearest bf16 number, ties to even; NaN stays NaN.
    package var bfloat16Bits: UInt16 {
        if isNaN { return UInt16(bitPattern >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bitPattern + 0x7FFF + (bitPattern >> 16 & 1)) >> 16)
    }
}
