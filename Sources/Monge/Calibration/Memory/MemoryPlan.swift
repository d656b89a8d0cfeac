import Models
import Tensors

/// How a budget on the memory of the process is divided, found by a rehearsal: one batch runs through the model, and what it took is
/// measured.
struct MemoryPlan {
    /// The program, the model with all its pages, the sentences, and what the batches keep on the device.
    let fixed: Int
    /// What one batch takes while it runs, or the fit of some channels after it.
    let temporaries: Int
    /// The maps, as they are fitted.
    let results: Int
    /// The rest of the budget: samples, and what waits between sites.
    let available: Int
    /// How many channels are fitted at a time.
    let fittedChannels: Int
    private let budget: Int

    /// For what the system rounds up and the program's own arrays.
    private static let reserve = 4 << 20

    /// - Parameters:
    ///   - passes: Of all batches.
    ///   - samples: Sentences of both sides together.
    ///   - keepsMaps: Whether maps are fitted.
    init(
        budget: Int, passes: [CalibrationPass], sites: [Site], samples: Int, pooling: SamplePooling, keepsMaps: Bool,
        on backend: any Backend
    ) throws {
        ProcessMemory.returnFreedMemory()
        try backend.limitMemory(to: nil)
        let before = backend.tensorMemory.inUse
        try passes.max { $0.rowCount < $1.rowCount }!.rehearse(sites, pooling: pooling)
        let batch = backend.tensorMemory.peak - before
        let widest = sites.map(\.channels).max()!
        // A sort leaves scratch memory behind, too.
        let together = 32
        _ = try backend.sortColumns(
            backend.upload([Float](repeating: 0, count: samples * together), [samples, together]))
        try backend.synchronize()
        try backend.limitMemory(to: 0)

        self.budget = budget
        fixed = ProcessMemory.residentBytes + ProcessMemory.untouchedFileBytes() + backend.tensorMemory.outsideProcess
        // Of each fitted column a contiguous copy and its sorted form.
        let bytesPerChannel = 2 * samples * MemoryLayout<Float>.stride
        fittedChannels = min(widest, max(together, batch / bytesPerChannel / together * together))
        temporaries = max(batch, keepsMaps ? fittedChannels * bytesPerChannel : 0)
        // ω, β, low and high of each neuron, once for the result and for the device with an identity beside them.
        results = keepsMaps ? sites.reduce(0) { $0 + $1.channels } * 12 * MemoryLayout<Float>.stride : 0
        available = budget - fixed - temporaries - results - Self.reserve
    }

    /// Refuses a budget whose rest does not hold what has to be there at once.
    /// - Parameter bytes: The samples of one site.
    func require(_ bytes: Int) throws {
        guard available < bytes else { return }
        let least = budget - available + bytes
        throw MongeError.memoryBudget(
            "a budget of \(ByteCount(budget)) is too little: the program and the model take \(ByteCount(fixed)), "
                + "a batch while it runs \(ByteCount(temporaries)), the samples \(ByteCount(bytes)), the maps \(ByteCount(results)); "
                + "\(ByteCount(roundedUp: least)) would do")
    }

    /// Keeps the backend from holding more unused memory than there is room for.
    func apply(to backend: any Backend) throws {
        try backend.limitMemory(to: backend.tensorMemory.inUse + temporaries + max(0, available))
    }
}

extension ByteCount {
    /// A number of bytes that is at least `bytes` when it is printed and read again.
    init(roundedUp bytes: Int) {
        self.init(bytes)
        var step = 1
        while step < bytes / 100 { step *= 10 }
        self.init((bytes + step - 1) / step * step)
    }
}
