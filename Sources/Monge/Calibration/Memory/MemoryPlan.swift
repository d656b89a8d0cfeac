import ModelFiles
import Models
import Tensors

/// How a budget on the memory of the process is divided, found by a rehearsal: one batch runs through the model, and what it took is
/// measured; where weights can come and go, on a ``RehearsalBackend``.
struct MemoryPlan {
    /// The program, the model with those of its pages that stay, the sentences, and what the batches keep on the device.
    private(set) var fixed: Int
    /// What one batch takes while it runs, or the fit of some channels after it.
    let temporaries: Int
    /// The maps, as they are fitted.
    let results: Int
    /// The rest of the budget: samples, and what waits between sites.
    private(set) var available: Int
    /// How many channels are fitted at a time.
    let fittedChannels: Int
    private let budget: Int
    /// Weights that can come and go.
    private let weights: WeightStore?

    /// For what the system rounds up and the program's own arrays.
    private static let reserve = 4 << 20

    /// - Parameters:
    ///   - passes: Of all batches.
    ///   - samples: Sentences of both sides together.
    ///   - keepsMaps: Whether maps are fitted.
    ///   - weights: Those of the model that can come and go.
    init(
        budget: Int, passes: [CalibrationPass], sites: [Site], samples: Int, pooling: SamplePooling, keepsMaps: Bool,
        weights: WeightStore?, on backend: any Backend
    ) throws {
        ProcessMemory.returnFreedMemory()
        let largest = passes.max { $0.rowCount < $1.rowCount }!
        let batch: Int
        var reserve = Self.reserve
        if let weights {
            weights.release()
            let rehearsal = RehearsalBackend(backend)
            try largest.rehearse(sites, pooling: pooling, on: rehearsal)
            // What operations take for themselves is not counted there, nor how sizes are rounded up to blocks.
            batch = rehearsal.tensorMemory.peak * 9 / 8
            reserve = UnforeseenMemory.bytes(on: backend)
            MappedFile.letGoOfAll()
        } else {
            try backend.limitMemory(to: nil)
            let before = backend.tensorMemory.inUse
            try largest.rehearse(sites, pooling: pooling, on: backend)
            batch = backend.tensorMemory.peak - before
        }
        self.weights = weights
        let widest = sites.map(\.channels).max()!
        // A sort leaves scratch memory behind, too.
        let together = 32
        _ = try backend.sortColumns(
            backend.upload([Float](repeating: 0, count: samples * together), [samples, together]))
        try backend.synchronize()
        try backend.limitMemory(to: 0)

        self.budget = budget
        // Pages of a model whose weights come and go are counted with these.
        let pages = weights == nil ? ProcessMemory.untouchedFileBytes() : 0
        fixed =
            ProcessMemory.residentBytes + ProcessMemory.untouchedProgramBytes() + pages + backend.tensorMemory.outsideProcess
        // Of each fitted column a contiguous copy and its sorted form.
        let bytesPerChannel = 2 * samples * MemoryLayout<Float>.stride
        fittedChannels = min(widest, max(together, batch / bytesPerChannel / together * together))
        temporaries = max(batch, keepsMaps ? fittedChannels * bytesPerChannel : 0)
        // ω, β, low and high of each neuron, once for the result and for the device with an identity beside them.
        results = keepsMaps ? sites.reduce(0) { $0 + $1.channels } * 12 * MemoryLayout<Float>.stride : 0
        available = budget - fixed - temporaries - results - reserve
    }

    /// Refuses a budget whose rest does not hold what has to be there at once, and gives weights that can come and go their part of it.
    /// - Parameter bytes: Of the samples that are there together.
    mutating func allot(samples bytes: Int) throws {
        let summaries = weights?.summaries ?? []
        let alone = summaries.map { $0.largest + $0.loading }.max() ?? 0
        guard available < bytes + alone else {
            let room = min(available - bytes, max(available / 2, alone))
            // All of them, one component after the other, or as many as there is room for.
            let loading = summaries.map(\.loading).max() ?? 0
            let whole = [summaries.reduce(0) { $0 + $1.byteCount }, summaries.map(\.byteCount).max() ?? 0]
            let kept = whole.first { $0 + loading <= room } ?? room - loading
            weights?.limit(to: kept)
            fixed += kept + loading
            available -= kept + loading
            return
        }
        let least = budget - available + bytes + alone
        throw MongeError.memoryBudget(
            "a budget of \(ByteCount(budget)) is too little: the program and the model take \(ByteCount(fixed)), "
                + (alone > 0 ? "one weight at a time \(ByteCount(alone)), " : "")
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
