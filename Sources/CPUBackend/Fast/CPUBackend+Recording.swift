import CSimd
import Tensors

extension CPUBackend {
    /// Keeps brief operations as calls of kernels, where it can. Where one of them is not recorded, or has activations of f16, all are asked for
    /// anew each time, and so are long ones, beside which the host's part is nothing and whose memory is better free in between.
    /// - Throws: What an operation throws, and ``TensorError/executionFailed(operation:detail:)`` for what cannot be recorded: reading,
    ///   writing, a recording, a replay.
    public func record(isBrief: Bool, _ operations: @escaping () throws -> Void) throws -> any RecordedOperations {
        try requireNoRecording(of: "a recording")
        guard isBrief else { return RepeatedOperations(operations) }
        let new = CPURecording(on: self)
        do {
            recording = new
            defer { recording = nil }
            try operations()
        } catch is CPURecording.Unsupported {
            return RepeatedOperations(operations)
        }
        new.finish()
        return new
    }

    /// Does the work of an operation whose operands have been found; while operations are recorded, takes note of it instead.
    /// - Parameters:
    ///   - reads: What it reads that is worth asking for ahead.
    ///   - work: Reads elements, takes scratch memory and runs kernels; captures addresses rather than tensors of activations, whose memory
    ///     others use after them.
    func perform(reads: CPURecording.Reads = CPURecording.Reads(), _ work: @escaping () throws -> Void) throws {
        if let recording { recording.append(work, reads: reads) } else { try work() }
    }

    /// To be called first by operations that do their work at once.
    func requireRepetition() throws {
        if recording != nil { throw CPURecording.Unsupported() }
    }

    func requireNoRecording(of what: String) throws {
        guard recording == nil else {
            throw TensorError.executionFailed(operation: "record", detail: "\(what) cannot be part of a recording")
        }
    }

    /// The activations of an operation in f32.
    func operands(_ operation: String) -> FloatOperands {
        FloatOperands(memory, operation, workers: workers, recording: recording)
    }

    /// The first byte of an operand's elements, which stays where it is as long as a recording lives.
    ///
    /// Not for weights of products: those may be put in another order.
    /// - Throws: ``TensorError/wrongBackend(operation:detail:)``
    func place(of tensor: Tensor, _ operation: String) throws -> UnsafeMutableRawPointer {
        recording?.keep(tensor)
        return try tensor.hostPointer(operation)
    }

    /// ``place(of:_:)`` of an f32 tensor.
    func floats(of tensor: Tensor, _ operation: String) throws -> UnsafeMutablePointer<Float> {
        recording?.keep(tensor)
        return try tensor.hostFloats(operation)
    }

    /// ``place(of:_:)`` of an i32 tensor.
    func integers(of tensor: Tensor, _ operation: String) throws -> UnsafeMutablePointer<Int32> {
        recording?.keep(tensor)
        return try tensor.hostIntegers(operation)
    }

    /// The tables of an application that an operation applies, as the kernels read them.
    /// - Parameter shape: That of the activation the map acts on.
    func applied(_ transport: TransportApplication?, on shape: Shape, _ operation: String) throws -> monge_transport {
        if let recording, let transport {
            for tensor in [transport.table, transport.indices, transport.strengths].compactMap({ $0 }) { recording.keep(tensor) }
        }
        return try monge_transport(transport, on: shape, operation)
    }

    // MARK: What the host does

    public func upload(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        guard let recording else { return try uploaded(bytes, shape, dtype) }
        // A constant, whose memory nobody else uses.
        self.recording = nil
        defer { self.recording = recording }
        let tensor = try uploaded(bytes, shape, dtype)
        recording.keep(tensor)
        return tensor
    }

    public func write(_ bytes: UnsafeRawBufferPointer, to tensor: Tensor) throws {
        try requireNoRecording(of: "a write")
        try fill(tensor, with: bytes)
    }

    public func read(_ tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer) throws {
        try requireNoRecording(of: "a read")
        try copyElements(of: tensor, into: bytes)
    }
}
