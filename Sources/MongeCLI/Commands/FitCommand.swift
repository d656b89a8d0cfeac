import ArgumentParser
import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import Transport

/// `monge fit`: a map from two sets of sentences, or from two files of activations.
struct FitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit", abstract: "Fits a transport map from source sentences, or captions of pictures, to target ones.")

    @Option(
        name: .shortAndLong,
        help: "A GGUF file, a Hugging Face folder, a name from the cache (smollm2), or a folder of diffusers for maps of pictures.")
    var model: String?

    @OptionGroup var device: DeviceOption
    @OptionGroup var precision: PrecisionOptions

    @Option(name: .long, help: "Sentences as the model tends to write them: .txt, .jsonl, .csv or .tsv; - is standard input.")
    var source: String?

    @Option(name: .long, help: "Sentences as it should write.")
    var target: String?

    @OptionGroup var columns: ColumnOptions

    @Option(name: .long, help: "Fit from captured activations instead of sentences (`monge activations`).")
    var sourceActivations: String?

    @Option(name: .long, help: "The activations of the target.")
    var targetActivations: String?

    @OptionGroup var capture: CaptureOptionGroup

    @Option(
        name: .long,
        help: ArgumentHelp(
            "linear, mean, gaussian, chars (between clusters); aurA, det0; caa (diff-mean), actAdd, iti, itiMassMean, repe.",
            valueName: "method"))
    var method: Estimator = .linear

    @Option(
        name: .long,
        help: ArgumentHelp(
            "causal (each site with the earlier maps in place; the default for linear, mean, gaussian and chars) or simultaneous (for the others).",
            valueName: "estimation"))
    var estimation: Estimation?

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp(
            "How many neurons (det0) or heads (iti at sites '.*o_proj\\.input') act: the best of all sites. det0 needs it; without it all heads act.",
            valueName: "number"), transform: Number.integer(from: 1))
    var units: Int?

    @Flag(
        name: .long,
        help: "Sentence i of the source belongs to sentence i of the target: --limit draws pairs. actAdd and repe are of pairs always.")
    var paired = false

    @Option(name: .long, help: "Where the map acts: \(Support.names.joined(separator: ", ")) (default: q_0_100 for linear, all otherwise).")
    var support: String?

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp(
            "Shrink the difference of each neuron's means by this many of its standard errors (3 is a good try): few sentences leave noise in a map, which costs perplexity and brings nothing. Of linear, mean, gaussian and caa.",
            valueName: "number"), transform: Number.shrinkage)
    var shrinkage: Float = 0

    @Option(name: .long, help: "all positions, or only the last of each forward call.")
    var position: Position = .all

    @Option(
        name: .long,
        help: "What the map is applied to where there are pixels: channelMean (the default for pictures, but not of chars), or pointwise.")
    var spatial: SpatialMode?

    @OptionGroup var condition: ConditionOptionGroup

    @Flag(
        name: .long,
        help:
            "Give each site a gate: how much of the strength a token feels, by how much it looks like the source's tokens rather than the target's."
    )
    var gate = false

    @Option(
        name: .long, parsing: .unconditional, help: "With --gate, the most tokens a side that gates are fitted to (default: 1024).",
        transform: Number.integer(from: 5))
    var gateTokens: Int?

    @OptionGroup var clusters: ClusterOptionGroup
    @OptionGroup var picture: PictureFitOptions

    @Option(
        name: .long, parsing: .unconditional, help: "At most this many sentences a side, drawn with the seed.",
        transform: Number.integer(from: 1))
    var limit: Int?

    @Option(name: .long, parsing: .unconditional, help: "Seed of the draw, and of the noise of pictures.", transform: Number.seed)
    var seed: UInt64 = 0

    @Option(name: .shortAndLong, help: "The file to write.")
    var out: String

    func validate() throws {
        try StandardInput.checkOnce([source, target].compactMap { $0 })
        if let support, Support(name: support) == nil {
            throw ValidationError("--support '\(support)' is none of \(Support.names.joined(separator: ", "))")
        }
        let fromActivations = sourceActivations != nil || targetActivations != nil
        if fromActivations && (source != nil || target != nil) {
            throw ValidationError("give either --source and --target, or --source-activations and --target-activations")
        }
        if fromActivations && (sourceActivations == nil || targetActivations == nil) {
            throw ValidationError("--source-activations and --target-activations go together")
        }
        if fromActivations, let option = condition.given {
            throw ValidationError("\(option) needs a model that reads prompts; it does not go with activations from files")
        }
        if let option = clusters.given, method != .chars {
            throw ValidationError("\(option) is of maps between clusters: --method chars, and not \(method)")
        }
        if gateTokens != nil && !gate { throw ValidationError("--gate-tokens is of --gate") }
        if fromActivations && capture.memory != nil {
            throw ValidationError("--memory bounds a pass over sentences; activations from files are all in memory")
        }
        if !fromActivations {
            guard model != nil else { throw ValidationError("--model is missing") }
            guard source != nil, target != nil else { throw ValidationError("--source and --target are missing") }
        }
    }

    mutating func run() throws {
        try NamedFile.check(
            outputs: [NamedFile("--out", out)],
            inputs: NamedFile.model(model) + [
                NamedFile("--source", source), NamedFile("--target", target), NamedFile("--source-activations", sourceActivations),
                NamedFile("--target-activations", targetActivations),
            ] + condition.inputs + picture.parts.inputs)
        let map = sourceActivations == nil ? try fitSentences() : try fitActivations()
        try map.write(to: URL(fileURLWithPath: out))
        let dead = map.sites.reduce(0) { $0 + $1.deadNeurons }
        Terminal.message(
            "wrote \(out): \(map.description.method), \(map.description.estimation.rawValue), \(map.sites.count) sites, "
                + "support \(map.description.support), "
                + (map.description.shrinkage > 0
                    ? "shrinkage \(map.description.shrinkage) (\(map.movedNeurons) of \(map.sites.reduce(0) { $0 + $1.map.channels }) neurons move), "
                    : "")
                + "\(map.description.sourceCount) → \(map.description.targetCount) samples"
                + (dead > 0 ? ", \(dead) neurons without spread left alone" : "") + gates(of: map) + clusterCounts(of: map))
    }

    private func gates(of map: TransportMap) -> String {
        let accuracies = map.sites.compactMap { $0.gate?.accuracy }.sorted()
        guard let worst = accuracies.first, let best = accuracies.last else { return "" }
        return "; gates tell held-out tokens apart with balanced accuracies of \(Percent(worst)) to \(Percent(best)), median "
            + "\(Percent(accuracies[accuracies.count / 2]))"
    }

    private func clusterCounts(of map: TransportMap) -> String {
        guard map.description.method == Estimator.chars.rawValue else { return "" }
        let counts = map.sites.map { $0.clusters?.count ?? 1 }.sorted()
        return "; \(counts[0]) to \(counts[counts.count - 1]) source clusters a site, median \(counts[counts.count / 2])"
    }

    private func options(spatial standard: SpatialMode) -> FitOptions {
        var captured = capture.options
        captured.steps = picture.stepsCaptured ?? 1
        return FitOptions(
            method: method, estimation: estimation, support: support.flatMap { Support(name: $0) }, shrinkage: shrinkage, units: units,
            isPaired: paired, position: position, spatial: spatial ?? standard, capture: captured,
            gateTokens: gate ? gateTokens ?? 1024 : nil, clusters: clusters.options, limit: limit, seed: seed,
            sourceName: URL(fileURLWithPath: source ?? sourceActivations!).lastPathComponent,
            targetName: URL(fileURLWithPath: target ?? targetActivations!).lastPathComponent)
    }

    private func fitSentences() throws -> TransportMap {
        let sourceSentences = try SentenceFile(path: source!, column: columns.column).sentences
        let targetSentences = try SentenceFile(path: target!, column: columns.targetColumn ?? columns.column).sentences
        let prompts = try condition.prompts(columns)
        let isPictureModel = PictureModel.isPictureModel(try ModelCatalogue.locate(model!))
        let options = self.options(spatial: isPictureModel && method != .chars ? .channelMean : .pointwise)
        if isPictureModel {
            try capture.refuseOptionsOfTexts(
                model!, ("--position last", position == .last), ("--cache", precision.cache != .auto),
                (condition.given ?? "", condition.given != nil), ("--gate", gate))
            let model = try picture.parts.load(
                model!, activations: precision.activationType, on: device.open(precision.products, unlessAsked: .exact)
            )
            return try ProgressBar.during { bar in
                try model.fit(
                    source: sourceSentences, target: targetSentences, sites: capture.sites.isEmpty ? model.defaultSites : capture.sites,
                    options: options, drawing: picture.options,
                    progress: bar.update, warn: Terminal.warning, notice: bar.notice)
            }
        }
        try picture.refuse(model!)
        guard !capture.sites.isEmpty else {
            throw MongeError.usage("--sites is missing; for all layer norms: --sites '.*layernorm' 'model\\.norm'")
        }
        let model = try device.load(model!, precision: precision, unlessAsked: .exact)
        return try ProgressBar.during { bar in
            // First, since it costs little and may be refused.
            let fitted = try prompts.map {
                try condition.fit($0, on: model, seed: seed, maximumTokens: capture.length.maxTokens, bar: bar)
            }
            var map = try model.fit(
                source: sourceSentences, target: targetSentences, sites: capture.sites, options: options, progress: bar.update,
                warn: Terminal.warning, notice: bar.notice)
            map.condition = fitted
            return map
        }
    }

    private func fitActivations() throws -> TransportMap {
        try ActivationsFile.fit(
            source: ActivationsFile(contentsOf: URL(fileURLWithPath: sourceActivations!)),
            target: ActivationsFile(contentsOf: URL(fileURLWithPath: targetActivations!)), options: options(spatial: .pointwise),
            on: device.open())
    }
}
