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
    private let backend: CPUBackend
    private var steps: [Step] = []
    /// Memory of others that the operations read or write.
    private var kept: [ObjectIdentifier: TensorStorage] = [:]

    init(on backend: CPUBackend) {
        memory = CPUMemoryPool(within: backend.pool)
        self.backend = backend
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
        try backend.requireNoRecording(of: "a replay")
        // In place: a copy of a step counts references.
        try steps.withUnsafeBufferPointer { steps in
            for index in steps.indices {
                if !steps[index].reads.isEmpty { backend.workers.expect(steps[index].next.gain, steps[index].next.map) }
                try steps[index].work()
            }
        }
    }
}
