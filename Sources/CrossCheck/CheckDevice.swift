import Tensors

/// A backend with a trap around every tensor: inputs lie between NaNs that no kernel may read, outputs between sentinels that no
/// kernel may write, and start out poisoned, so that what a kernel leaves out is seen.
final class CheckDevice {
    let backend: any Backend
    /// What the traps caught.
    private(set) var violations: [String] = []

    /// A quiet NaN that no arithmetic produces.
    private static let poison: UInt32 = 0x7FD5_A5A5
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

    init(_ backend: any Backend) { self.backend = backend }

    // MARK: Inputs

    func input(_ elements: [Float], _ shape: Shape, _ what: String) throws -> Tensor {
        try guardedInput(bytes(of: elements), shape, .f32, what)
    }

    func input(_ elements: [Int32], _ shape: Shape, _ what: String) throws -> Tensor {
        try guardedInput(bytes(of: elements), shape, .i32, what)
    }

    /// A weight as a model has it: memory of somebody else, which a device may copy into a layout of its own, or the first rows of
    /// a larger tensor.
    func weight(_ weight: CheckWeight) throws -> Tensor {
        if weight.isAdopted {
            return try backend.adopt(weight.memory.contents, owner: weight.memory, weight.shape, weight.dtype)
        }
        let rowBytes = weight.dtype.byteCount(elements: weight.shape[1])!
        let all = Array(weight.memory.contents) + [UInt8](repeating: 0xFF, count: rowBytes)
        let buffer = try all.withUnsafeBytes { try backend.upload($0, [weight.shape[0] + 1, weight.shape[1]], weight.dtype) }
        return buffer.rows(0..<weight.shape[0])
    }

    private func guardedInput(_ contents: [UInt8], _ shape: Shape, _ dtype: DType, _ what: String) throws -> Tensor {
        let (bufferShape, rowBytes) = Self.extended(shape, dtype)
        let trap = [UInt8](repeating: 0xFF, count: Self.guardRows * rowBytes)
        let all = trap + contents + trap
        let buffer = try all.withUnsafeBytes { try backend.upload($0, bufferShape, dtype) }
        return register(buffer, shape, contents: all, what)
    }

    // MARK: Outputs

    /// A poisoned output; with `initial`, one that already holds values (an output that is an input, too).
    func output(_ shape: Shape, _ dtype: DType = .f32, initial: [Float]? = nil, _ what: String = "the output") throws -> Tensor {
        let (bufferShape, rowBytes) = Self.extended(shape, dtype)
        var words = [UInt32](repeating: Self.poison, count: Self.guardRows * 2 * rowBytes / 4 + shape.count)
        if let initial {
            for (index, value) in initial.enumerated() { words[Self.guardRows * rowBytes / 4 + index] = value.bitPattern }
        }
        let buffer = try words.withUnsafeBytes { try backend.upload($0, bufferShape, dtype) }
        return register(buffer, shape, contents: nil, what)
    }

    /// Puts poison where the next allocations of this shape are likely to land: for operations that allocate their own outputs.
    func poisonMemory(_ shape: Shape, _ dtype: DType, count: Int) throws {
        let words = [UInt32](repeating: Self.poison, count: shape.count)
        let tensors = try (0..<count).map { _ in try words.withUnsafeBytes { try backend.upload($0, shape, dtype) } }
        try backend.synchronize()
        withExtendedLifetime(tensors) {}
    }

    func read(_ tensor: Tensor) throws -> CheckOutput {
        if tensor.dtype == .i32 {
            let elements = try backend.readIntegers(tensor)
            noteUnwritten(elements.firstIndex { UInt32(bitPattern: $0) == Self.poison })
            return .integers(elements)
        }
        let elements = try backend.readFloats(tensor)
        noteUnwritten(elements.firstIndex { $0.bitPattern == Self.poison })
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
            let guardWords = tensor.guardBytes / 4
            let words = now.withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }
            if words.prefix(guardWords).contains(where: { $0 != Self.poison }) {
                violations.append("the memory before \(tensor.what) was written")
            }
            if words.suffix(guardWords).contains(where: { $0 != Self.poison }) {
                violations.append("the memory after \(tensor.what) was written")
            }
        }
    }

    private func noteUnwritten(_ index: Int?) {
        if let index { violations.append("element \(index) was not written") }
    }

    // MARK: Guard rows

    private func register(_ buffer: Tensor, _ shape: Shape, contents: [UInt8]?, _ what: String) -> Tensor {
        let rows = shape.dimensions.first ?? 1
        let guardBytes = Self.guardRows * Self.extended(shape, buffer.dtype).rowBytes
        guarded.append(Guarded(buffer: buffer, guardBytes: guardBytes, contents: contents, what: what))
        return buffer.rows(Self.guardRows..<Self.guardRows + rows).reshaped(shape)
    }

    /// The shape with guard rows before and after it, and the bytes of a row.
    private static func extended(_ shape: Shape, _ dtype: DType) -> (shape: Shape, rowBytes: Int) {
        let rest = Array(shape.dimensions.dropFirst())
        let rows = shape.dimensions.first ?? 1
        let rowBytes = dtype.byteCount(elements: rest.reduce(1, *))!
        return (Shape([rows + 2 * guardRows] + rest), rowBytes)
    }

    private func bytes<Element: BitwiseCopyable>(of elements: [Element]) -> [UInt8] { elements.withUnsafeBytes { Array($0) } }
}
