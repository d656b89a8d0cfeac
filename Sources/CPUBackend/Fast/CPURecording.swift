import CSimd
import Tensors

/// Operations whose operands were found once and whose work is done as often as wanted: what a model, a validation and an allocation cost the host
/// is paid when they are recorded. A decoding step of a small model spends a fifth of its time on that.
package final class CPURecording: RecordedOperations {
    /// Thrown by operations that are not recorded.
    struct Unsupported: Error {}

    /// What an operation reads besides the weights of products, which drive it out of the caches between two steps.
    struct Reads {
        /// What a norm multiplies the channels by.
        var gain = monge_stretch()
        /// Without a table where no map is applied. Of several rows with several maps, that of the first is meant.
        var transport = monge_transport()

        init() {}

        /// Of an operation with so many rows: where they are many, gain and map are little beside their arithmetic, and nothing is asked for.
        init(gain: UnsafePointer<Float>? = nil, _ transport: monge_transport, rows: Int, channels: Int) {
            guard rows <= 32 else { return }
            if let gain { self.gain = monge_stretch(start: UInt(bitPattern: gain), bytes: channels * MemoryLayout<Float>.stride) }
            self.transport = transport
        }

        var isEmpty: Bool { gain.bytes == 0 && transport.table == nil }

        /// The numbers of the map that is applied, as the index now says.
        var map: monge_stretch {
            guard let table = transport.table, transport.strengths[0] != 0 else { return monge_stretch() }
            let index = Int(transport.indices[0])
            guard index > 0, index < transport.maps else { return monge_stretch() }
            let numbers = 4 * transport.channels
            return monge_stretch(start: UInt(bitPattern: table + index * numbers), bytes: numbers * MemoryLayout<Float>.stride)
        }
    }

    private struct Step {
        let work: () throws -> Void
        let reads: Reads
        /// What the next operation that reads any reads, after the last the first.
        var next = Reads()
    }

    /// Of tensors that the operations allocate, which use each other's memory as they do outside a recording.
    let memory: CPUMemoryPool
    private let workers: WorkPool
    private var steps: [Step] = []
    /// Memory of others that the operations read or write.
    private var kept: [ObjectIdentifier: TensorStorage] = [:]

    init(within memory: CPUMemoryPool, _ workers: WorkPool) {
        self.memory = CPUMemoryPool(within: memory)
        self.workers = workers
    }

    /// The number of operations.
    package var count: Int { steps.count }

    /// Keeps what a tensor lies in for as long as the recording lives. Memory of its own it has anyway.
    func keep(_ tensor: Tensor) {
        if let storage = tensor.storage as? CPUStorage, storage.lies(in: memory) { return }
        kept[ObjectIdentifier(tensor.storage)] = tensor.storage
    }

    func append(_ work: @escaping () throws -> Void, reads: Reads) { steps.append(Step(work: work, reads: reads)) }

    /// Says of each operation that reads something what is read after it.
    func finish() {
        let reading = steps.indices.filter { !steps[$0].reads.isEmpty }
        for (place, index) in reading.enumerated() { steps[index].next = steps[reading[(place + 1) % reading.count]].reads }
    }

    package func replay() throws {
        // In place: a copy of a step counts references.
        try steps.withUnsafeBufferPointer { steps in
            for index in steps.indices {
                if !steps[index].reads.isEmpty { workers.expect(steps[index].next.gain, steps[index].next.map) }
                try steps[index].work()
            }
        }
    }
}

extension CPUBackend {
    /// Keeps brief operations as calls of kernels, where it can. Where one of them is not recorded, or has activations of f16, all are asked for
    /// anew each time, and so are long ones, beside which the host's part is nothing and whose memory is better free in between.
    /// - Throws: What an operation throws, and ``TensorError/executionFailed(operation:detail:)`` for what cannot be recorded: reading,
    ///   writing, a recording.
    public func record(isBrief: Bool, _ operations: @escaping () throws -> Void) throws -> any RecordedOperations {
        try requireNoRecording(of: "a recording")
        guard isBrief else { return RepeatedOperations(operations) }
        let new = CPURecording(within: pool, workers)
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

    private func requireNoRecording(of what: String) throws {
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
            let tensors = [transport.table, transport.indices, transport.strengths]
            for tensor in tensors { if let tensor { recording.keep(tensor) } }
        }
        return try monge_transport(transport, on: shape, operation)
    }

    // MARK: What the host does

    public func upload(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        guard let recording else {
            let tensor = try allocate(shape, dtype)
            try fill(tensor, with: bytes)
            return tensor
        }
        // A constant, whose memory nobody else uses.
        self.recording = nil
        defer { self.recording = recording }
        let tensor = try upload(bytes, shape, dtype)
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
