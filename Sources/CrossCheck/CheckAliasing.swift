import Tensors

/// One input of a case that shares memory with the case's outputs.
struct CheckAliasing {
    /// The input, by the order in which a case makes them; an output with initial contents is an input, too, and never this one.
    let input: Int
    /// Whether output and input begin at the same element; otherwise the output begins at the input's last.
    let isSame: Bool
    /// What the inputs and outputs of the case take.
    let memory: CheckMemory
}

/// The shapes that a case asked for.
struct CheckMemory {
    var inputs: [(shape: Shape, dtype: DType)] = []
    var outputs: [(shape: Shape, dtype: DType)] = []
    /// Whether an output begins as an operand: the operation runs in place, and no other input can be the same elements.
    var isInPlace = false
}

/// Where a case's tensors lie: each in a buffer of its own, or those that are to share memory in one.
struct CheckLayout {
    private let aliasing: CheckAliasing?
    private var shared: Tensor?
    private(set) var memory = CheckMemory()

    init(_ aliasing: CheckAliasing?) { self.aliasing = aliasing }

    /// - Returns: The input in the shared memory; nil where it lies on its own.
    mutating func input(_ contents: [UInt8], _ shape: Shape, _ dtype: DType, on backend: any Backend) throws -> Tensor? {
        memory.inputs.append((shape, dtype))
        guard let aliasing, memory.inputs.count - 1 == aliasing.input else { return nil }
        let tensor = try place(shape, dtype, at: 0, on: backend)
        try contents.withUnsafeBytes { try backend.write($0, to: tensor) }
        return tensor
    }

    /// - Parameter initial: The bytes of an output that is an input, too.
    /// - Returns: The output in the shared memory; nil where it lies on its own.
    mutating func output(_ initial: [UInt8]?, _ shape: Shape, _ dtype: DType, on backend: any Backend) throws -> Tensor? {
        memory.outputs.append((shape, dtype))
        if initial != nil { memory.isInPlace = true }
        guard let aliasing else { return nil }
        let input = aliasing.memory.inputs[aliasing.input]
        let inputBytes = input.dtype.byteCount(elements: input.shape.count)!
        let tensor = try place(shape, dtype, at: aliasing.isSame ? 0 : (inputBytes - 1) / 4 * 4, on: backend)
        if let initial { try initial.withUnsafeBytes { try backend.write($0, to: tensor) } }
        return tensor
    }

    private mutating func place(_ shape: Shape, _ dtype: DType, at byteOffset: Int, on backend: any Backend) throws -> Tensor {
        if shared == nil, let aliasing {
            let bytes = (aliasing.memory.inputs + aliasing.memory.outputs).map { $0.dtype.byteCount(elements: $0.shape.count)! }
            shared = try backend.allocate([bytes.max()! / 4 * 2 + 8], .i32)
        }
        return Tensor(shape: shape, dtype: dtype, storage: shared!.storage, byteOffset: shared!.byteOffset + byteOffset)
    }
}

extension CheckCase {
    /// Runs the case with each of its inputs in the memory of its outputs: in part, which has to be refused; and as the same elements where
    /// shape and type allow it, which has to be refused, or to give what it gives apart.
    /// - Parameter memory: What the case asks for.
    /// - Returns: The number of runs, and a sentence for each that went wrong.
    func aliasingFailures(
        _ memory: CheckMemory, on backend: any Backend, compare: ([CheckOutput], CheckDevice) -> String?
    ) -> (runs: Int, failures: [String]) {
        var (runs, failures) = (0, [String]())
        guard let output = memory.outputs.first, memory.outputs.allSatisfy({ $0.shape.count > 0 }) else { return (0, []) }
        for (index, input) in memory.inputs.enumerated() where input.shape.count > 0 {
            let isAlike = input == output && memory.outputs.count == 1
            // A single element overlaps only as a whole.
            let overlapsInPart = !isAlike || input.dtype.byteCount(elements: input.shape.count)! > 4
            for isSame in (isAlike && !memory.isInPlace ? [true] : []) + (overlapsInPart ? [false] : []) {
                let device = CheckDevice(backend, aliasing: CheckAliasing(input: index, isSame: isSame, memory: memory))
                let place = "with its output \(isSame ? "being" : "overlapping") input \(index) \(input.dtype) \(input.shape)"
                runs += 1
                do {
                    let outputs = try compute(device)
                    let mismatch = isSame ? compare(outputs, device) : "was not refused"
                    if let mismatch { failures.append("\(place), \(mismatch)") }
                } catch TensorError.invalidOption(_, let detail) where detail.contains("lies in the memory of") {
                } catch {
                    failures.append("\(place): \(error)")
                }
            }
        }
        return (runs, failures)
    }
}
