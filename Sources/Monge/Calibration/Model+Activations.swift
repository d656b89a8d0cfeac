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
    /// A budget on the resident memory of the process in bytes, all in all; nil for none. It counts the program, the model with every page
    /// of its file (a page of a mapped file is resident once it has been read), what a batch takes while it runs, samples, and what
    /// waits; where a device has memory of its own, that too.
    public var memory: Int?

    public init(pooling: Pooling = .mean, maximumTokens: Int = 128, skipsBeginning: Bool = false, memory: Int? = nil) {
        self.pooling = pooling
        self.maximumTokens = maximumTokens
        self.skipsBeginning = skipsBeginning
        self.memory = memory
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
    /// - Throws: ``MongeError`` for no sentences, a pattern without a match, a map of another model, activations that are not finite, or a
    ///   budget of memory that does not hold all samples.
    public func activations(
        of sentences: [String], sites patterns: [String], options: CaptureOptions = CaptureOptions(), steering: [Steer] = [],
        progress: ProgressHandler? = nil, warn: (String) -> Void = { _ in }
    ) throws -> [SiteActivations] {
        let sites = try SiteSelection.sites(of: language, matching: patterns)
        guard !sentences.isEmpty else { throw MongeError.usage("there are no sentences to capture activations from") }
        let set = try CalibrationSet(sentences, maximumTokens: options.maximumTokens, model: self)
        reportCuts(set.cutCount, of: set.count, "sentences", maximumTokens: options.maximumTokens, warn: warn)
        if let budget = options.memory {
            let pooling = SamplePooling(options)
            let passes = try set.batches.map { try CalibrationPass($0, pooling: pooling, position: .all, model: self) }
            let plan = try MemoryPlan(
                budget: budget, passes: passes, sites: sites, samples: set.count, pooling: pooling, keepsMaps: false, on: backend)
            // On the device, and as the result.
            try plan.require(2 * SiteSamples.bytesPerChannel(set) * sites.reduce(0) { $0 + $1.channels })
            try plan.apply(to: backend)
        }
        defer { if options.memory != nil { try? backend.limitMemory(to: nil) } }
        let captured = try capture(set, sentences: sentences, sites: sites, options: options, steering: steering) { done in
            progress?(Progress(activity: "capturing", done: done, total: sentences.count, unit: "sentences"))
        }
        return try zip(sites, captured).map { site, samples in
            SiteActivations(
                site: site.name, samples: sentences.count, channels: site.channels, values: try backend.readFloats(samples.values))
        }
    }

    /// The samples of each site.
    ///
    /// - Parameters:
    ///   - sentences: Those of the set.
    ///   - kind: What they are, for messages: "source sentence".
    ///   - progress: Called with the number of sentences that are done.
    func capture(
        _ set: CalibrationSet, sentences: [String], kind: String = "sentence", sites: [Site], options: CaptureOptions,
        steering: [Steer] = [],
        progress: (_ done: Int) -> Void = { _ in }
    ) throws -> [SiteSamples] {
        let samples = try sites.map { try SiteSamples(set, channels: $0.channels, on: backend) }
        // By index: a pass may come to its sites in another order.
        let places = Dictionary(uniqueKeysWithValues: sites.enumerated().map { ($1.index, $0) })
        let installed = try InstalledSteering([steering], on: language)
        let pooling = SamplePooling(options)
        for (index, batch) in set.batches.enumerated() {
            let rows = try batch.tokenBatch(on: backend)
            let plan = try pooling.plan(for: rows, tokens: batch.tokens, beginning: tokenizer.beginOfSequence, on: backend)
            var remaining = Set(places.keys)
            let context = ForwardContext(
                backend: backend, transports: try installed.transports(for: batch.tokens.map { ($0.count, steering) }),
                tapped: sites.map(\.index), siteCount: language.sites.count
            ) { site, activation in
                guard remaining.remove(site.index) != nil else {
                    throw MongeError.failed("the forward pass comes to \(site.name) more than once: which activation is meant is not clear")
                }
                try samples[places[site.index]!].add(
                    activation, batch: index, samples: batch.samples, pooling: pooling, plan, on: self.backend)
                if remaining.isEmpty { throw ForwardPassEnded() }
            }
            do { _ = try language.forward(rows, cache: nil, context: context, output: .last) } catch is ForwardPassEnded {}
            guard remaining.isEmpty else {
                let missing = sites.filter { remaining.contains($0.index) }.map(\.name).joined(separator: ", ")
                throw MongeError.failed("the forward pass of this \(language.architecture) model never came to \(missing)")
            }
            try backend.synchronize()
            progress(batch.samples.upperBound)
        }
        for (site, samples) in zip(sites, samples) {
            try requireFinite(samples, of: set, sentences: sentences, kind: kind, site: site, steering: steering)
        }
        return samples
    }
}
