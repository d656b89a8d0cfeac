import Models
import Tensors
import Transport

/// Activations of one site.
public struct SiteActivations: Sendable, Equatable {
    /// The site's module path.
    public var site: String
    public var samples: Int
    public var channels: Int
    /// `[samples, channels]`, row-major, in the order of the sentences.
    public var values: [Float]
    /// The attention heads that lie side by side along the channels.
    public var heads: Int

    public init(site: String, samples: Int, channels: Int, values: [Float], heads: Int = 1) {
        self.heads = heads
        self.site = site
        self.samples = samples
        self.channels = channels
        self.values = values
    }
}

/// How activations are captured.
public struct CaptureOptions: Sendable {
    /// How a sentence's tokens become samples; nil for what the fit's method is used with, or the mean.
    public var pooling: CapturePooling?
    /// Under ``CapturePooling/all``, the most tokens a side: a draw from all of them.
    public var samples: Int
    /// Sentences are cut to this many tokens.
    public var maximumTokens: Int
    /// Whether the beginning-of-sequence token stays out of the sample.
    public var skipsBeginning: Bool
    /// How many tokens at a sentence's beginning stay out of the sample, the beginning-of-sequence token among them: models without such a
    /// token attend to whatever comes first, and its activations are like no other's. A sentence's last token always counts.
    public var skippedTokens: Int
    /// A budget on the resident memory of the process in bytes, all in all; nil for none. It counts the program, the model with every page
    /// of its file (a page of a mapped file is resident once it has been read), what a batch takes while it runs, samples, and what
    /// waits; where a device has memory of its own, that too.
    public var memory: Int?
    /// Of captions of pictures: how many steps of the schedule are captured, evenly spread from the first on. Each is a sample of its own.
    public var steps: Int

    public init(
        pooling: CapturePooling? = nil, samples: Int = 4096, maximumTokens: Int = 128, skipsBeginning: Bool = false, skippedTokens: Int = 0,
        memory: Int? = nil, steps: Int = 1
    ) {
        self.pooling = pooling
        self.samples = samples
        self.maximumTokens = maximumTokens
        self.skipsBeginning = skipsBeginning
        self.skippedTokens = skippedTokens
        self.memory = memory
        self.steps = steps
    }
}

extension Model {
    /// The pooled activations of chosen sites for each sentence, in one forward pass over each.
    ///
    /// - Parameters:
    ///   - sentences: At least one.
    ///   - options: How tokens become samples; the mean where no pooling is named.
    ///   - sites: Regular expressions that match site names in full.
    ///   - steering: Maps in place during the pass; a steered site's activation is captured after its maps. Conditions are asked of each sentence.
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
        let side = try CalibrationSide("sentence", sentences, set, options: FitOptions(capture: options), seed: 0, model: self)
        let installed = try InstalledSteering([steering], on: language)
        let acting = try set.batches.map { try self.acting($0.tokens.map { ($0, steering) }) }
        return try Calibration(model: language, sites: sites, unit: "sentences").activations(
            side, options: options,
            transports: { try installed.transports(for: zip(set.batches[$0].tokens, acting[$0]).map { ($0.count, $1) }) },
            steering: steering,
            progress: progress)
    }
}

extension Calibration {
    /// The samples of a side at all sites, in one pass.
    /// - Parameters:
    ///   - transports: Of each batch, by site index.
    ///   - steering: What those are, for messages.
    func activations(
        _ side: CalibrationSide, options: CaptureOptions, transports: @escaping (_ batch: Int) throws -> [[TransportApplication]],
        steering: [Steer], progress: ProgressHandler?
    ) throws -> [SiteActivations] {
        let pooling = SamplePooling(FitOptions(method: .mean, capture: options))
        if let budget = options.memory {
            var plan = try MemoryPlan(
                budget: budget, passes: side.passes, sites: sites, samples: side.count, pooling: pooling, keepsMaps: false,
                weights: model.weightStore, on: backend)
            // On the device, and as the result.
            try plan.allot(samples: 2 * side.bytesPerChannel * sites.reduce(0) { $0 + $1.channels })
            try plan.apply(to: backend)
        }
        defer {
            if options.memory != nil {
                model.weightStore?.limit(to: nil)
                try? backend.limitMemory(to: nil)
            }
        }
        let captured = try capture(
            side, sites: sites, pooling: pooling, transports: transports, steering: steering,
            progress: { try progress?(Progress(activity: "capturing", done: $0, total: side.count, unit: unit)) })
        return try zip(sites, captured).map { site, samples in
            SiteActivations(
                site: site.name, samples: side.count, channels: site.channels, values: try backend.readFloats(samples.values),
                heads: site.heads)
        }
    }
}
