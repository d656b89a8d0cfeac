import Models
import Tensors
import Transport

/// The forward pass of one calibration batch. It stops at a site, waits there as the state after the last stage that it completed, and
/// goes on from that state with the maps that were installed meanwhile.
///
/// What waits is what later stages need, such as a residual stream or the skip connections of a UNet, and the products of tapped sites
/// within the stage, which are not computed a second time; norms are.
package final class CalibrationPass {
    /// The rows of the samples that the batch's samples fill.
    let samples: Range<Int>
    /// How much the batch takes, to find the largest.
    let rowCount: Int
    private let model: any SteerableModel
    private let begin: (any Backend) throws -> any StagedPass
    /// How the rows of an activation of a shape make samples.
    private let plan: (Shape) throws -> SamplePooling.Plan
    /// Which rows a map acts on.
    private let indices: Tensor
    private let spatial: SpatialMode
    /// Nil until the pass begins.
    private var pass: (any StagedPass)?
    private var waiting: [WaitingTensors.Entry] = []
    private var waitingProducts: [Int: WaitingTensors.Entry] = [:]
    /// By site index.
    private var transports: [[TransportApplication]]

    /// - Parameters:
    ///   - indices: `[1]` or one for each row (or image): 1 where a map acts, 0 elsewhere.
    ///   - plan: How the rows of an activation of a shape make samples.
    ///   - begin: A pass over the batch, from its first stage, on the model's backend or one to rehearse on.
    package init(
        samples: Range<Int>, rowCount: Int, indices: [Int32], spatial: SpatialMode, model: any SteerableModel,
        plan: @escaping (Shape) throws -> SamplePooling.Plan, begin: @escaping (any Backend) throws -> any StagedPass
    ) throws {
        self.samples = samples
        self.rowCount = rowCount
        self.model = model
        self.plan = plan
        self.begin = begin
        self.spatial = spatial
        self.indices = try model.backend.upload(indices)
        transports = Array(repeating: [], count: model.sites.count)
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
        let pass = try self.pass ?? begin(model.backend)
        if self.pass != nil { pass.tensors = try waiting.map(store.recall) }
        self.pass = pass
        let kept = KeptProducts()
        kept.bySite = try waitingProducts.mapValues(store.recall)
        try withoutActuallyEscaping(observe) { observe in
            let context = ForwardContext(
                backend: model.backend, transports: transports, tapped: sites, siteCount: transports.count, kept: kept
            ) { site, activation in
                try observe(site, activation, self.plan(activation.shape))
                throw ForwardPassEnded()
            }
            do { try run(pass, context, kept) } catch is ForwardPassEnded { return }
            throw neverVisited(sites)
        }
        try wait(pass, in: store, kept)
    }

    /// Runs from the beginning through all of the given sites, with maps in place, and waits nowhere.
    ///
    /// - Parameter transports: By site index; empty for none.
    /// - Throws: ``MongeError/failed(_:)`` when a site is not visited, or more than once.
    func run(
        tapping sites: [Int], transports: [[TransportApplication]] = [], observe: (Site, Tensor, SamplePooling.Plan) throws -> Void
    ) throws {
        var remaining = Set(sites)
        try withoutActuallyEscaping(observe) { observe in
            let context = ForwardContext(
                backend: model.backend, transports: transports, tapped: sites, siteCount: self.transports.count
            ) { site, activation in
                guard remaining.remove(site.index) != nil else {
                    throw MongeError.failed("the forward pass comes to \(site.name) more than once: which activation is meant is not clear")
                }
                try observe(site, activation, self.plan(activation.shape))
                if remaining.isEmpty { throw ForwardPassEnded() }
            }
            do { try begin(model.backend).run(context: context) } catch is ForwardPassEnded {}
        }
        guard remaining.isEmpty else { throw neverVisited(remaining.sorted()) }
    }

    private func neverVisited(_ sites: [Int]) -> MongeError {
        let missing = sites.map { model.sites[$0].name }.joined(separator: ", ")
        return MongeError.failed("the forward pass of this \(model.architecture) model never came to \(missing)")
    }

    private func run(_ pass: any StagedPass, _ context: ForwardContext, _ kept: KeptProducts) throws {
        while try pass.advance(context: context) { kept.bySite = [:] }
    }

    /// Hands the tensors over; those that were waiting already and are needed still stay where they are.
    private func wait(_ pass: any StagedPass, in store: WaitingTensors, _ kept: KeptProducts) throws {
        let old = waiting + waitingProducts.values
        var reused = Set<ObjectIdentifier>()
        func entry(for tensor: Tensor) throws -> WaitingTensors.Entry {
            guard let entry = old.first(where: { $0.holds(tensor) }) else { return try store.keep(tensor) }
            reused.insert(ObjectIdentifier(entry))
            return entry
        }
        // What is not needed any more makes room first.
        let tensors = pass.tensors + kept.bySite.values
        for entry in old where !tensors.contains(where: entry.holds) { store.forget(entry) }
        waiting = try pass.tensors.map(entry)
        waitingProducts = try kept.bySite.mapValues(entry)
        pass.letGo()
        kept.bySite = [:]
        for entry in old where reused.contains(ObjectIdentifier(entry)) { store.settle(entry) }
    }

    /// A map on the rows on which this pass lets maps act.
    /// - Parameter strengths: `[1]`, λ.
    func application(of map: SiteMap, strengths: Tensor) -> TransportApplication {
        switch map {
        case .affine(let table, let gates):
            TransportApplication(table: table, indices: indices, strengths: strengths, spatial: spatial, gates: gates)
        case .clusters(let clusters): TransportApplication(clusters: clusters, indices: indices, strengths: strengths)
        }
    }

    /// Applies a map from here on.
    func install(_ map: SiteMap, strengths: Tensor, at site: Site) {
        transports[site.index] = [application(of: map, strengths: strengths)]
    }

    /// Takes the memory that a pass with maps at all the given sites takes, and throws the results away.
    /// - Parameter backend: The model's, or a ``RehearsalBackend``.
    func rehearse(_ sites: [Site], pooling: SamplePooling, on backend: any Backend) throws {
        let kept = KeptProducts()
        let strengths = try backend.upload([Float(1)])
        var transports = self.transports
        for site in sites {
            let identity = try SiteMap.affine(.identity(channels: site.channels), on: backend)
            transports[site.index] = [application(of: identity, strengths: strengths)]
        }
        let context = ForwardContext(
            backend: backend, transports: transports, tapped: sites.map(\.index), siteCount: transports.count, kept: kept
        ) { site, activation in
            let samples = try backend.allocate([self.samples.count + 1, site.channels], .f32)
            try pooling(
                activation, self.plan(activation.shape), on: backend, into: samples.rows(0..<self.samples.count),
                check: samples.rows(self.samples.count..<self.samples.count + 1))
        }
        try run(begin(backend), context, kept)
        try backend.synchronize()
    }
}
