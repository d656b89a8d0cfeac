import Models
import Tensors
import Transport

/// Pooled activations of one site.
public struct SiteActivations: Sendable, Equatable {
    /// The site's module path.
    public var site: String
    public var samples: Int
    public var channels: Int
    /// `[samples, channels]`, row-major, in the order of the sentences.
    public var values: [Float]

    public init(site: String, samples: Int, channels: Int, values: [Float]) {
        self.site = site
        self.samples = samples
        self.channels = channels
        self.values = values
    }
}

/// How activations are captured.
public struct CaptureOptions: Sendable {
    /// How a sentence's tokens become one sample.
    public var pooling: Pooling
    /// Sentences are cut to this many tokens.
    public var maximumTokens: Int
    /// Whether the beginning-of-sequence token stays out of the sample.
    public var skipsBeginning: Bool

    public init(pooling: Pooling = .mean, maximumTokens: Int = 128, skipsBeginning: Bool = false) {
        self.pooling = pooling
        self.maximumTokens = maximumTokens
        self.skipsBeginning = skipsBeginning
    }
}

extension Model {
    /// The pooled activations of chosen sites for each sentence, in one forward pass over each.
    ///
    /// - Parameters:
    ///   - sentences: At least one.
    ///   - sites: Regular expressions that match site names in full.
    ///   - steering: Maps in place during the pass; a steered site's activation is captured after its maps.
    ///   - warn: Told, in a sentence, how many sentences were cut.
    /// - Returns: One entry a site, in execution order.
    /// - Throws: ``MongeError`` for no sentences, a pattern without a match, or a map of another model.
    public func activations(
        of sentences: [String], sites patterns: [String], options: CaptureOptions = CaptureOptions(), steering: [Steer] = [],
        progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in }
    ) throws -> [SiteActivations] {
        let sites = try SiteSelection.sites(of: language, matching: patterns)
        let captured = try capture(
            sentences, sites: sites, options: options, steering: steering,
            progress: { progress?(Progress(activity: "capturing", done: $0, total: $1, unit: "sentences")) }, warn: warn)
        return try zip(sites, captured).map { site, tensor in
            SiteActivations(
                site: site.name, samples: sentences.count, channels: site.channels, values: try backend.readFloats(tensor))
        }
    }

    /// One tensor `[sentences, channels]` a site.
    /// - Parameter name: What messages call the sentences.
    func capture(
        _ sentences: [String], named name: String = "sentences", sites: [Site], options: CaptureOptions, steering: [Steer] = [],
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }, warn: (String) -> Void = { _ in }
    ) throws -> [Tensor] {
        guard !sentences.isEmpty else { throw MongeError.usage("there are no sentences to capture activations from") }
        let set = try CalibrationSet(sentences, maximumTokens: options.maximumTokens, model: self)
        reportCuts(set.cutCount, of: set.count, name, maximumTokens: options.maximumTokens, warn: warn)
        let samples = try sites.map { try backend.allocate([set.count, $0.channels], .f32) }
        // By index: a pass may come to its sites in another order.
        let rowOfSamples = Dictionary(uniqueKeysWithValues: sites.enumerated().map { ($1.index, $0) })
        let installed = try InstalledSteering([steering], on: language)
        let pooling = SamplePooling(pooling: options.pooling, skipsBeginning: options.skipsBeginning)
        for batch in set.batches {
            let rows = try batch.tokenBatch(on: backend)
            let plan = try pooling.plan(for: rows, tokens: batch.tokens, beginning: tokenizer.beginOfSequence, on: backend)
            var remaining = Set(rowOfSamples.keys)
            let context = ForwardContext(
                backend: backend, transports: try installed.transports(for: batch.tokens.map { ($0.count, steering) }),
                tapped: sites.map(\.index), siteCount: language.sites.count
            ) { site, activation in
                guard remaining.remove(site.index) != nil else {
                    throw MongeError.failed("the forward pass comes to \(site.name) more than once: which activation is meant is not clear")
                }
                try pooling(activation, plan, on: self.backend, into: samples[rowOfSamples[site.index]!].rows(batch.samples))
                if remaining.isEmpty { throw ForwardPassEnded() }
            }
            do { _ = try language.forward(rows, cache: nil, context: context, output: .last) } catch is ForwardPassEnded {}
            try backend.synchronize()
            progress(batch.samples.upperBound, set.count)
        }
        return samples
    }
}
