/// A backend that computes nothing, to learn beforehand what tensors would take on another.
///
/// Operations check their operands and allocate their results as they always do; what is allocated is counted for as long as it is kept, and
/// nothing else happens. Reads give zeros. What an operation takes for itself while it runs is not counted.
package final class RehearsalBackend: ForwardingBackend {
    private let use = RehearsedMemory()

    package override func perform(_ name: String, _ operation: () throws -> Void) throws {}

    package override func allocate(_ shape: Shape, _ dtype: DType) throws -> Tensor {
        guard let byteCount = dtype.byteCount(elements: shape.count), shape.channels % dtype.blockElements == 0 else {
            throw TensorError.shapeMismatch(operation: "allocate", detail: "\(dtype) cannot hold \(shape) in whole blocks")
        }
        return Tensor(shape: shape, dtype: dtype, storage: RehearsedStorage(byteCount: byteCount, use))
    }

    /// With the products in memory: there are devices that hold them.
    package override func gatedLinear(_ operation: GatedLinearOperation) throws { try separateGatedLinear(operation) }

    package override func upload(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try allocate(shape, dtype)
    }

    package override func adopt(
        _ bytes: UnsafeRawBufferPointer, owner: AnyObject, _ shape: Shape, _ dtype: DType
    ) throws -> Tensor { try allocate(shape, dtype) }

    package override func write(_ bytes: UnsafeRawBufferPointer, to tensor: Tensor) throws {}

    package override func read(_ tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer) throws {
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    package override func synchronize() throws {}

    package override var tensorMemory: TensorMemory {
        TensorMemory(inUse: use.inUse, peak: use.peak, unused: 0, outsideProcess: 0)
    }

    package override func limitMemory(to byteCount: Int?) throws { use.peak = use.inUse }

    package override func record(
        isBrief: Bool, _ operations: @escaping () throws -> Void
    ) throws -> any RecordedOperations {
        preconditionFailure("nothing is recorded in a rehearsal")
    }
}

extension Backend {
    /// Whether nothing is computed: what is made there is of no use to others.
    package var isRehearsal: Bool { self is RehearsalBackend }
}

private final class RehearsedMemory {
    var (inUse, peak) = (0, 0)
}

/// No memory at all.
private final class RehearsedStorage: TensorStorage {
    private let use: RehearsedMemory

    init(byteCount: Int, _ use: RehearsedMemory) {
        self.use = use
        super.init(byteCount: byteCount)
        use.inUse += byteCount
        use.peak = max(use.peak, use.inUse)
    }

    deinit { use.inUse -= byteCount }
}
