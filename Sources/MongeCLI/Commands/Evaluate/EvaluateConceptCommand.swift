import ArgumentParser
import Foundation
import Foundations
import ModelFiles
import Monge
import Tensors
import Transport

/// `monge evaluate concept`: how often continuations have a concept, by maps that are given, or fitted in several ways.
struct EvaluateConceptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "concept",
        abstract: "Tabulates how well maps induce a concept, and what they cost in perplexity, over maps or methods, and strengths.",
        discussion: """
            The maps are those of --steer, or such as are fitted from --source and --target by every method, estimation and support that is named. \
            A judge sees the continuation without its prompt. By default a temperature of 1, top-p 0.9 and a repetition penalty of 1.1.
            """, aliases: ["text"])

    @OptionGroup var model: ModelOptions
    @OptionGroup var series: SeriesOptions

    @Option(name: .long, help: "Sentences without the concept, to fit maps from: .txt, .jsonl, .csv or .tsv; - is standard input.")
    var source: String?

    @Option(name: .long, help: "Sentences with the concept.")
    var target: String?

    @Option(name: .long, help: "Words that make a continuation count as on topic, one a line: the same as --judge words:FILE.")
    var words: String?

    @OptionGroup var judge: JudgeOptions
    @OptionGroup var plain: PlainTextOptions
    @OptionGroup var fit: ConceptFitOptions

    @Option(
        name: .shortAndLong, parsing: .unconditional,
        help: "The prompt that is continued (default: \"\(ConceptDefaults.prompt)\"); - is standard input.")
    var prompt: String?

    @Option(name: .long, help: "A file of prompts to continue instead, in turn.")
    var prompts: String?

    @Option(name: .long, parsing: .unconditional, help: "Continuations a strength.", transform: Number.samples)
    var samples = 200

    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional, help: "Tokens a continuation.", transform: Number.integer(from: 1))
    var tokens = 24

    @OptionGroup var sampling: SamplingOptions
    @OptionGroup var result: ResultOptions

    func validate() throws {
        guard (source == nil) == (target == nil) else { throw ValidationError("--source and --target go together") }
        if source != nil && !series.steer.isEmpty {
            throw ValidationError("maps are given by --steer, or fitted from --source and --target, not both")
        }
        if source == nil && series.steer.isEmpty {
            throw ValidationError("there are no maps: give --steer, or --source and --target to fit from")
        }
        if source != nil { try fit.checkSites() }
        if prompt != nil && prompts != nil { throw ValidationError("--prompt and --prompts exclude one another") }
        if words == nil && judge.judge.isEmpty { throw ValidationError("--words or --judge is missing: what says that a text is on topic") }
        try StandardInput.checkOnce([source, target, plain.plain, prompt, prompts].compactMap { $0 })
    }

    mutating func run() throws {
        try result.check(
            inputs: model.inputs + series.inputs + plain.inputs + judge.inputs + [
                NamedFile("--source", source), NamedFile("--target", target), NamedFile("--words", words),
                NamedFile("--prompts", prompts),
            ])
        if let words { judge.judge.insert("words:\(words)", at: 0) }
        let judges = try judge.judges(question: nil, device: model.device, precision: model.precision)
        let texts =
            try prompts.map { try PromptSet(paths: [$0]).texts } ?? [
                prompt == StandardInput.name ? StandardInput.text() : prompt ?? ConceptDefaults.prompt
            ]
        guard !texts.isEmpty else { throw MongeError.usage("\(prompts ?? "--prompts") has no prompts") }
        var continuations = ContinuationEvaluation(
            PromptSet(texts: (0..<samples).map { texts[$0 % texts.count] }), goal: .init("on topic", lowerIsBetter: false),
            judges: judges.map(\.name), generation: sampling.options(tokens: tokens, defaults: .concepts))
        continuations.seeds = 1
        continuations.threshold = Double(judge.threshold)
        let costs: [any EvaluationMeasure] = try plain.measure().map { [$0] } ?? []
        var maps = try series.series()
        let model = try model.load(unlessAsked: .fast)
        if let source, let target {
            maps = try fit.maps(source: source, target: target, strengths: series.strengths.values, on: model)
        }
        try result.run(
            EvaluationRun(measures: costs + [continuations], series: maps, judges: judges), task: "concept", on: model, self.model)
    }
}

/// What continuations are of where nothing else is asked for.
enum ConceptDefaults {
    static let prompt = "Once upon a time"
}

/// How `monge evaluate concept` fits maps.
struct ConceptFitOptions: ParsableArguments {
    @OptionGroup var columns: ColumnOptions
    @OptionGroup var capture: CaptureSiteOptions

    @Option(name: .long, parsing: .upToNextOption, help: "The methods to compare.")
    var methods: [Estimator] = [.linear, .mean]

    @Option(name: .long, parsing: .upToNextOption, help: "The estimations to compare.")
    var estimations: [Estimation] = Estimation.allCases

    @Option(name: .long, parsing: .upToNextOption, help: "The supports to compare.")
    var supports: [String] = ["q_0_100", "all"]

    func validate() throws {
        for support in supports where Support(name: support) == nil {
            throw ValidationError("--supports '\(support)' is none of \(Support.names.joined(separator: ", "))")
        }
    }

    func checkSites() throws {
        if capture.sites.isEmpty { throw ValidationError("--sites is missing; for all layer norms: --sites '.*layernorm' 'model\\.norm'") }
    }

    /// A map for each method, estimation and support.
    func maps(source: String, target: String, strengths: [Float], on model: Model) throws -> [EvaluationSeries] {
        let sourceSentences = try SentenceFile(path: source, column: columns.column).sentences
        let targetSentences = try SentenceFile(path: target, column: columns.targetColumn ?? columns.column).sentences
        var warnings = Set<String>()
        return try ProgressBar.during { bar in
            try methods.flatMap { method in
                try estimations.flatMap { estimation in
                    try supports.map { support in
                        let options = FitOptions(
                            method: method, estimation: estimation, support: Support(name: support),
                            capture: capture.options)
                        let map = try model.fit(
                            source: sourceSentences, target: targetSentences, sites: capture.sites, options: options, progress: bar.update,
                            warn: { if warnings.insert($0).inserted { Terminal.warning($0) } })
                        return EvaluationSeries(
                            name: "\(method.rawValue) \(estimation.rawValue) \(support)", folds: [[map]], strengths: strengths,
                            identity: Self.identity(map))
                    }
                }
            }
        }
    }

    /// A hash of all that a map does.
    private static func identity(_ map: TransportMap) -> String {
        var hash = FNVHash()
        for site in map.sites {
            hash.add(site.name.utf8)
            let clusters = site.clusters.map { $0.centres + $0.shifts + $0.weights + [$0.bandwidth] } ?? []
            for value in site.map.interleaved + clusters { hash.add(unit: UInt64(value.bitPattern)) }
        }
        return hash.text
    }
}

/// `--sites`, `--pooling`, `--skip-bos`, `--skip-first`, where sentences are cut as elsewhere.
struct CaptureSiteOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("Regular expressions that match site names in full (`monge inspect` lists them).", valueName: "regex"))
    var sites: [String] = []

    @Option(
        name: .long,
        help: "How a sentence's tokens become one sample: mean, max, min, median or last (default: what the method is used with).")
    var pooling: CapturePooling?

    @Flag(name: .long, help: "Leave the beginning-of-sequence token out of the sample.")
    var skipBos = false

    @Option(
        name: .long, parsing: .unconditional, help: "Leave a sentence's first tokens out of the sample.", transform: Number.integer(from: 0)
    )
    var skipFirst = 0

    var options: CaptureOptions {
        CaptureOptions(pooling: pooling, maximumTokens: LengthOption.standard, skipsBeginning: skipBos, skippedTokens: skipFirst)
    }
}
