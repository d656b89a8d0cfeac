import Tensors

/// A backend with a trap around every tensor: inputs lie between NaNs that no kernel may read, outputs between sentinels that no
/// kernel may write, and start out poisoned, so that what a kernel leaves out is seen.
final class CheckDevice {
    let backend: any Backend
    /// What the traps caught.
    private(set) var violations: [String] = []
    /// The types of what was read, in order: those of a case's outputs.
    private(set) var outputTypes: [DType] = []

    /// Quiet NaNs that no arithmetic produces.
    private static let poison: UInt32 = 0x7FD5_A5A5
    private static let halfPoison: UInt16 = 0x7FA5
    /// Guard rows before and after a tensor.
    private static let guardRows = 2

    private struct Guarded {
        /// The tensor with its guard rows.
        let buffer: Tensor
        /// The bytes of the guard rows on each side.
        let guardBytes: Int
        /// The bytes of an input, nil for an output.
        let contents: [UInt8]?
        let what: String
    }
    private var guarded: [Guarded] = []
    /// Where inputs and outputs lie to one another.
    private var layout: CheckLayout

    init(_ backend: any Backend, aliasing: CheckAliasing? = nil) {
        self.backend = backend
        layout = CheckLayout(aliasing)
    }

    /// The sizes of what was asked for.
    var memory: CheckMemory { layout.memory }

    // MARK: Inputs

    func input(_ elements: [Float], _ shape: Shape, _ what: String) throws -> Tensor {
        try input(elements, shape, .f32, what)
    }

    /// - Parameter dtype: f32, or f16 for elements that are f16 numbers.
    func input(_ elements: [Float], _ shape: Shape, _ dtype: DType, _ what: String) throws -> Tensor {
        try guardedInput(Self.bytes(of: elements, dtype), shape, dtype, what)
    }

    func input(_ elements: [Int32], _ shape: Shape, _ what: String) throws -> Tensor {
        try guardedInput(Self.bytes(of: elements), shape, .i32, what)
    }

    func input(bytes: [UInt8], _ shape: Shape, _ dtype: DType, _ what: String) throws -> Tensor {
        try guardedInput(bytes, shape, dtype, what)
    }

    /// A weight as a model has it: memory of somebody else, which a device may copy into a layout of its own, or the first rows of
    /// a larger tensor.
    func weight(_ weight: CheckWeight) throws -> Tensor {
        if let tensor = try layout.input(Array(weight.memory.contents), weight.shape, weight.dtype, on: backend) { return tensor }
        if weight.isAdopted {
            return try backend.adopt(weight.memory.contents, owner: weight.memory, weight.shape, weight.dtype)
        }
        let rowBytes = weight.dtype.byteCount(elements: weight.shape[1])!
        let all = Array(weight.memory.contents) + [UInt8](repeating: 0xFF, count: rowBytes)
        let buffer = try all.withUnsafeBytes { try backend.upload($0, [weight.shape[0] + 1, weight.shape[1]], weight.dtype) }
        return try buffer.rows(0..<weight.shape[0])
    }

    private func guardedInput(_ contents: [UInt8], _ shape: Shape, _ dtype: DType, _ what: String) throws -> Tensor {
        if let tensor = try layout.input(contents, shape, dtype, on: backend) { return tensor }
        let (bufferShape, rowBytes) = Self.extended(shape, dtype)
        let trap = [UInt8](repeating: 0xFF, count: Self.guardRows * rowBytes)
        let all = trap + contents + trap
        let buffer = try all.withUnsafeBytes { try backend.upload($0, bufferShape, dtype) }
        return try register(buffer, shape, contents: all, what)
    }

    // MARK: Outputs

    /// A poisoned output; with `initial`, one that already holds values (an output that is an input, too).
    func output(_ shape: Shape, _ dtype: DType = .f32, initial: [Float]? = nil, _ what: String = "the output") throws -> Tensor {
        if let tensor = try layout.output(initial.map { Self.bytes(of: $0, dtype) }, shape, dtype, on: backend) { return tensor }
        let (bufferShape, rowBytes) = Self.extended(shape, dtype)
        let poison = Self.poison(byteCount: dtype.byteCount(elements: shape.count)!, dtype)
        let trap = Self.poison(byteCount: Self.guardRows * rowBytes, dtype)
        let all = trap + (initial.map { Self.bytes(of: $0, dtype) } ?? poison) + trap
        let buffer = try all.withUnsafeBytes { try backend.upload($0, bufferShape, dtype) }
        return try register(buffer, shape, contents: nil, what)
    }

    /// An input that the operation changes.
    func changing(_ elements: [Int32], _ shape: Shape, _ what: String) throws -> Tensor {
        if let tensor = try layout.input(Self.bytes(of: elements), shape, .i32, on: backend) { return tensor }
        let (bufferShape, rowBytes) = Self.extended(shape, .i32)
        let trap = Self.poison(byteCount: Self.guardRows * rowBytes, .i32)
        let all = trap + Self.bytes(of: elements) + trap
        let buffer = try all.withUnsafeBytes { try backend.upload($0, bufferShape, .i32) }
        return try register(buffer, shape, contents: nil, what)
    }

    /// Puts poison where the next allocations of this shape are likely to land: for operations that allocate their own outputs.
    func poisonMemory(_ shape: Shape, _ dtype: DType, count: Int) throws {
        let poison = Self.poison(byteCount: dtype.byteCount(elements: shape.count)!, dtype)
        let tensors = try (0..<count).map { _ in try poison.withUnsafeBytes { try backend.upload($0, shape, dtype) } }
        try backend.synchronize()
        withExtendedLifetime(tensors) {}
    }

    func read(_ tensor: Tensor) throws -> CheckOutput {
        noteOutput(tensor.dtype)
        if tensor.dtype == .i32 {
            let elements = try backend.readIntegers(tensor)
            noteUnwritten(elements.firstIndex { UInt32(bitPattern: $0) == Self.poison })
            return .integers(elements)
        }
        let elements = try backend.readFloats(tensor)
        // Widening keeps the payload of a NaN.
        let poison = tensor.dtype == .f16 ? Float(Float16(bitPattern: Self.halfPoison)).bitPattern : Self.poison
        noteUnwritten(elements.firstIndex { $0.bitPattern == poison })
        return .floats(elements)
    }

    /// Looks at every trap.
    func inspectTraps() throws {
        for tensor in guarded {
            var now = [UInt8](repeating: 0, count: tensor.buffer.byteCount)
            try now.withUnsafeMutableBytes { try backend.read(tensor.buffer, into: $0) }
            if let contents = tensor.contents {
                if now != contents { violations.append("\(tensor.what), an input, was changed or written around") }
                continue
            }
            let trap = Self.poison(byteCount: tensor.guardBytes, tensor.buffer.dtype)
            if now.prefix(trap.count) != trap[...] {
                violations.append("the memory before \(tensor.what) was written")
            }
            if now.suffix(trap.count) != trap[...] {
                violations.append("the memory after \(tensor.what) was written")
            }
        }
    }

    /// Everything that reads an output says its type, in the order of the case's outputs.
    func noteOutput(_ dtype: DType) { outputTypes.append(dtype) }

    private func noteUnwritten(_ index: Int?) {
        if let index { violations.append("element \(index) was not written") }
    }

    // MARK: Guard rows

    private func register(_ buffer: Tensor, _ shape: Shape, contents: [UInt8]?, _ what: String) throws -> Tensor {
        let rows = shape.dimensions.first ?? 1
        let guardBytes = Self.guardRows * Self.extended(shape, buffer.dtype).rowBytes
        guarded.append(Guarded(buffer: buffer, guardBytes: guardBytes, contents: contents, what: what))
        return try buffer.rows(Self.guardRows..<Self.guardRows + rows).reshaped(shape)
    }

    /// The shape with guard rows before and after it, and the bytes of a row.
    private static func extended(_ shape: Shape, _ dtype: DType) -> (shape: Shape, rowBytes: Int) {
        let rest = Array(shape.dimensions.dropFirst())
        let rows = shape.dimensions.first ?? 1
        let rowBytes = dtype.byteCount(elements: rest.reduce(1, *))!
        return (Shape([rows + 2 * guardRows] + rest), rowBytes)
    }

    private static func bytes<Element: BitwiseCopyable>(of elements: [Element]) -> [UInt8] { elements.withUnsafeBytes { Array($0) } }

    private static func bytes(of elements: [Float], _ dtype: DType) -> [UInt8] {
        dtype == .f16 ? bytes(of: elements.map { Float16($0) }) : bytes(of: elements)
    }

    private static func poison(byteCount: Int, _ dtype: DType) -> [UInt8] {
        dtype.blockBytes == 2
            ? bytes(of: [UInt16](repeating: halfPoison, count: byteCount / 2))
            : bytes(of: [UInt32](repeating: poison, count: byteCount / 4))
    }
}
