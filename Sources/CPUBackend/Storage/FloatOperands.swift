import Tensors

/// The activations of one operation in f32, whatever type they are stored in.
///
/// The CPU computes in f32 or wider. An f32 tensor is used in place; an f16 tensor is widened into a copy, which is exact, and an f16
/// result is computed in f32 and rounded once, to the nearest, by ``finish()``.
///
/// ```swift
/// var operands = FloatOperands(memory, "linear")
/// let x = try operands.input(operation.x)
/// let output = try operands.output(operation.output)
/// …
/// try operands.finish()
/// ```
struct FloatOperands {
    private let memory: CPUMemoryPool
    private let operation: String
    private let workers: WorkPool?
    // What a recording keeps must not keep the recording.
    private unowned let recording: CPURecording?
    // Kept until the end of the operation; empty when everything is f32.
    private var copies: [CPUStorage] = []
    private var outputs: [(copy: UnsafeMutablePointer<Float>, tensor: Tensor)] = []

    /// - Parameters:
    ///   - workers: The threads that share the conversions; nil for the caller alone.
    ///   - recording: The one that is being made, which keeps the tensors; those that are not f32 are not recorded.
    init(_ memory: CPUMemoryPool, _ operation: String, workers: WorkPool? = nil, recording: CPURecording? = nil) {
        self.memory = memory
        self.operation = operation
        self.workers = workers
        self.recording = recording
    }

    /// The elements of an f32 or f16 tensor, to be read.
    /// - Throws: ``TensorError/outOfMemory(device:requestedBytes:detail:)``, ``TensorError/wrongBackend(operation:detail:)``
    mutating func input(_ tensor: Tensor) throws -> UnsafeMutablePointer<Float> {
        if tensor.dtype == .f32 { return try floats(tensor) }
        guard recording == nil else { throw CPURecording.Unsupported() }
        let copy = try room(tensor.shape.count)
        HalfPrecision.widen(try tensor.hostElements(UInt16.self, operation), count: tensor.shape.count, into: copy, workers: workers)
        return copy
    }

    /// Where to write the elements of an f32 or f16 tensor.
    /// - Parameter keepsContents: Whether elements that are not written keep their values.
    mutating func output(_ tensor: Tensor, keepsContents: Bool = false) throws -> UnsafeMutablePointer<Float> {
        if tensor.dtype == .f32 { return try floats(tensor) }
        guard recording == nil else { throw CPURecording.Unsupported() }
        let copy = keepsContents ? try input(tensor) : try room(tensor.shape.count)
        outputs.append((copy, tensor))
        return copy
    }

    /// Rounds what was written to the types of the outputs. The pointers that were handed out are good until here, and no longer: a
    /// copy whose last use the compiler sees is freed at once.
    func finish() throws {
        try withExtendedLifetime(copies) {
            for (copy, tensor) in outputs {
                let halves = try tensor.hostElements(UInt16.self, operation)
                HalfPrecision.round(copy, count: tensor.shape.count, into: halves, workers: workers)
            }
        }
    }

    private func floats(_ tensor: Tensor) throws -> UnsafeMutablePointer<Float> {
        recording?.keep(tensor)
        return try tensor.hostFloats(operation)
    }

    private mutating func room(_ count: Int) throws -> UnsafeMutablePointer<Float> {
        let storage = try CPUStorage(byteCount: count * MemoryLayout<Float>.stride, from: memory)
        copies.append(storage)
        return storage.pointer.assumingMemoryBound(to: Float.self)
    }
}
