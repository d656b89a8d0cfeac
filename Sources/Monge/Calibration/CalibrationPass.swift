import Models
import Tensors
import Transport

/// The forward pass of one calibration batch. It stops at a site, waits there as the state after the last stage that it completed, and
/// goes on from that state with the maps that were installed meanwhile.
///
/// What waits is the residual stream, at most one tensor more, and the products of tapped sites within the stage, which are not computed
/// a second time; norms are.
final class CalibrationPass {
    /// The rows of the samples that the batch's sentences fill.
    let samples: Range<Int>
    let rowCount: Int
    private let language: any LanguageModel
    private let batch: TokenBatch
    private let plan: SamplePooling.Plan
    /// Which rows a map acts on.
    private let indices: Tensor
    private let spatial: SpatialMode
    /// The last completed stage, without its tensors; nil until the batch is embedded.
    private var state: PassState?
    private var waiting: [WaitingTensors.Entry] = []
    private var waitingProducts: [Int: WaitingTensors.Entry] = [:]
    /// By site index.
    private var transports: [[TransportApplication]]

    init(_ batch: CalibrationSet.Batch, pooling: SamplePooling, position: Position, spatial: SpatialMode = .pointwise, model: Model) throws
    {
        self.spatial = spatial
        let backend = model.backend
        samples = batch.samples
        language = model.language
        self.batch = try batch.tokenBatch(on: backend)
        rowCount = self.batch.rowCount
        plan = try pooling.plan(for: self.batch, tokens: batch.tokens, beginning: model.tokenizer.beginOfSequence, on: backend)
        transports = Array(repeating: [], count: language.sites.count)
        // Under `last`, the map applies to each sentence's last token alone; elsewhere index 0 leaves rows untouched.
        var indices: [Int32] = [1]
        if position == .last {
            indices = Array(repeating: 0, count: self.batch.rowCount)
            for range in self.batch.ranges { indices[range.upperBound - 1] = 1 }
        }
        self.indices = try backend.upload(indices)
    }

    /// Runs until the first of the given sites is visited.
    ///
    /// - Parameters:
    ///   - sites: Indices of sites that have no map yet.
    ///   - store: Where the pass waits afterwards.
    ///   - observe: Receives the site, its activation, and how its rows make samples.
    /// - Throws: ``MongeError/failed(_:)`` when the pass ends without a visit.
    func advance(
        toFirstOf sites: [Int], waitingIn store: WaitingTensors, observe: (Site, Tensor, SamplePooling.Plan) throws -> Void
    ) throws {
        state?.tensors = try waiting.map(store.recall)
        let kept = KeptProducts()
        kept.bySite = try waitingProducts.mapValues(store.recall)
        try withoutActuallyEscaping(observe) { observe in
            let context = ForwardContext(
                backend: language.backend, transports: transports, tapped: sites, siteCount: transports.count, kept: kept
            ) { site, activation in
                try observe(site, activation, self.plan)
                throw ForwardPassEnded()
            }
            do { try run(context, kept) } catch is ForwardPassEnded { return }
            let missing = sites.map { language.sites[$0].name }.joined(separator: ", ")
            throw MongeError.failed("the forward pass of this \(language.architecture) model never came to \(missing)")
        }
        try wait(in: store, kept)
    }

    private func run(_ context: ForwardContext, _ kept: KeptProducts) throws {
        if state == nil { state = try language.begin(batch, cache: nil, context: context) }
        while state!.stage < language.stageCount {
            try language.advance(&state!, context: context)
            kept.bySite = [:]
        }
        _ = try language.finish(state!, output: .last, context: context)
    }

    /// Hands the tensors over; those that were waiting already and are needed still stay where they are.
    private func wait(in store: WaitingTensors, _ kept: KeptProducts) throws {
        let old = waiting + waitingProducts.values
        var reused = Set<ObjectIdentifier>()
        func entry(for tensor: Tensor) throws -> WaitingTensors.Entry {
            guard let entry = old.first(where: { $0.holds(tensor) }) else { return try store.keep(tensor) }
            reused.insert(ObjectIdentifier(entry))
            return entry
        }
        // What is not needed any more makes room first.
        let tensors = (state?.tensors ?? []) + kept.bySite.values
        for entry in old where !tensors.contains(where: entry.holds) { store.forget(entry) }
        waiting = try (state?.tensors ?? []).map(entry)
        waitingProducts = try kept.bySite.mapValues(entry)
        state?.tensors = []
        kept.bySite = [:]
        for entry in old where reused.contains(ObjectIdentifier(entry)) { store.settle(entry) }
    }

    /// Applies a map of row 1 of the table at λ = 1 from here on.
    func install(_ table: Tensor, strengths: Tensor, at site: Site) {
        transports[site.index] = [TransportApplication(table: table, indices: indices, strengths: strengths, spatial: spatial)]
    }

    /// Takes the memory that a pass with maps at all the given sites takes, and throws the results away.
    func rehearse(_ sites: [Site], pooling: SamplePooling) throws {
        let backend = language.backend
        let kept = KeptProducts()
        let strengths = try backend.upload([Float(1)])
        var transports = self.transports
        for site in sites {
            let map = AffineMap.identity(channels: site.channels).interleaved
            transports[site.index] = [
                TransportApplication(
                    table: try backend.upload(map + map, [2, site.channels, 4]), indices: indices, strengths: strengths)
            ]
        }
        let context = ForwardContext(
            backend: backend, transports: transports, tapped: sites.map(\.index), siteCount: transports.count, kept: kept
        ) { site, activation in
            let samples = try backend.allocate([self.samples.count + 1, site.channels], .f32)
            try pooling(
                activation, self.plan, on: backend, into: samples.rows(0..<self.samples.count),
                check: samples.rows(self.samples.count..<self.samples.count + 1))
        }
        try run(context, kept)
        state = nil
        try backend.synchronize()
    }
}
