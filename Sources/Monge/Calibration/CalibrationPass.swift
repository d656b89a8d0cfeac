import Models
import Tensors
import Transport

/// The forward pass of one calibration batch. It stops at a site, waits there as the state after the last stage that it completed, and
/// goes on from that state with the maps that were installed meanwhile.
final class CalibrationPass {
    /// The rows of the samples that the batch's sentences fill.
    let samples: Range<Int>
    private let language: any LanguageModel
    private let batch: TokenBatch
    private let plan: SamplePooling.Plan
    /// Which rows a map acts on.
    private let indices: Tensor
    /// Nil until the batch is embedded.
    private var state: PassState?
    private let kept = KeptProducts()
    /// By site index.
    private var transports: [[TransportApplication]]

    init(_ batch: CalibrationSet.Batch, pooling: SamplePooling, position: Position, model: Model) throws {
        let backend = model.backend
        samples = batch.samples
        language = model.language
        self.batch = try batch.tokenBatch(on: backend)
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
    ///   - observe: Receives the site, its activation, and how its rows make samples.
    /// - Throws: ``MongeError/failed(_:)`` when the pass ends without a visit.
    func advance(toFirstOf sites: [Int], observe: (Site, Tensor, SamplePooling.Plan) throws -> Void) throws {
        try withoutActuallyEscaping(observe) { observe in
            let context = ForwardContext(
                backend: language.backend, transports: transports, tapped: sites, siteCount: transports.count, kept: kept
            ) { site, activation in
                try observe(site, activation, self.plan)
                throw ForwardPassEnded()
            }
            do { try run(context) } catch is ForwardPassEnded { return }
            let missing = sites.map { language.sites[$0].name }.joined(separator: ", ")
            throw MongeError.failed("the forward pass of this \(language.architecture) model never came to \(missing)")
        }
    }

    private func run(_ context: ForwardContext) throws {
        if state == nil { state = try language.begin(batch, cache: nil, context: context) }
        while state!.stage < language.stageCount {
            try language.advance(&state!, context: context)
            kept.bySite = [:]
        }
        _ = try language.finish(state!, output: .last, context: context)
    }

    /// Applies a map of row 1 of the table at λ = 1 from here on.
    func install(_ table: Tensor, strengths: Tensor, at site: Site) {
        transports[site.index] = [TransportApplication(table: table, indices: indices, strengths: strengths)]
    }
}
