/// Dispatches by name, with what they read and write: for errors and profiles.
struct DispatchLog {
    /// The kernels in order of dispatch.
    private(set) var kernels: ContiguousArray<Pipeline> = []
    /// What the dispatches are called.
    private(set) var labels: ContiguousArray<String> = []
    /// What they read and wrote, one after another, and where those of each end. The buffers themselves are not kept: their memory may be
    /// used again.
    private var operands: ContiguousArray<Operand> = []
    private var operandEnds: ContiguousArray<Int> = []

    /// A range of memory that a kernel was given.
    struct Operand {
        let address: UInt64
        let isWritten: Bool
        let byteCount: Int
        let extents: [Int]?

        var description: String { extents.map(String.init(describing:)) ?? "\(byteCount) bytes" }
    }

    init(capacity: Int) {
        kernels.reserveCapacity(capacity)
        labels.reserveCapacity(capacity)
    }

    var count: Int { labels.count }

    mutating func append(_ pipeline: Pipeline, label: String, operands: some Sequence<Operand>) {
        kernels.append(pipeline)
        labels.append(label)
        self.operands.append(contentsOf: operands)
        operandEnds.append(self.operands.count)
    }

    mutating func removeAll() {
        kernels.removeAll(keepingCapacity: true)
        labels.removeAll(keepingCapacity: true)
        operands.removeAll(keepingCapacity: true)
        operandEnds.removeAll(keepingCapacity: true)
    }

    /// A dispatch as `kernel (label: what it reads → what it writes)`.
    func description(_ index: Int) -> String {
        let all = operands[(index == 0 ? 0 : operandEnds[index - 1])..<operandEnds[index]]
        // Where a kernel has no use for an argument, another's address stands in.
        let read = all.indices.filter { place in
            !all[place].isWritten && !all[..<place].contains { $0.address == all[place].address }
        }
        let written = all.filter(\.isWritten).map(\.description)
        return "\(kernels[index].name) (\(labels[index]): \(read.map { all[$0].description }.joined(separator: ", "))"
            + " → \(written.joined(separator: ", ")))"
    }
}

extension BufferUse {
    var operand: DispatchLog.Operand {
        DispatchLog.Operand(
            address: buffer.address + UInt64(byteOffset), isWritten: access != .read, byteCount: byteCount, extents: extents)
    }
}
