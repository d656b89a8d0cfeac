import ArgumentParser
import FileSystem
import Foundation
import ModelFiles
import Monge
import Transport

/// `monge explain`: what a map does, by its own numbers or measured on sentences.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Shows which sites and neurons a map moves most, and how far.",
        discussion: """
            The map alone tells how far it moves each site over its support. With a model and sentences that is measured: the distance between source and target \
            before and after each map, the share of tokens outside the support, the histograms of the neurons that move most. --sentence follows the tokens of \
            one text through the model with the map in place.
            """)

    @Argument(help: "A map.")
    var map: String

    @OptionGroup var model: OptionalModelOptions

    @Option(name: .long, help: "Sentences as the model tends to write them: .txt, .jsonl, .csv or .tsv; - is standard input.")
    var source: String?

    @Option(name: .long, help: "Sentences as it should write.")
    var target: String?

    @OptionGroup var columns: ColumnOptions

    @Option(name: .long, parsing: .unconditional, help: "A text whose tokens are followed through the model.")
    var sentence: String?

    @Option(name: .long, parsing: .unconditional, help: "λ of the map.", transform: Number.real("a finite number") { _ in true })
    var strength: Float = 1

    @Flag(name: .long, help: "Use the inverse of the map: from target to source.")
    var inverse = false

    @Option(
        name: .long,
        help: ArgumentHelp("How a sentence's tokens become one sample (default: as the map was fitted).", valueName: "pooling"))
    var pooling: CapturePooling?

    @OptionGroup var length: LengthOption

    @Flag(name: .long, help: "Leave the beginning-of-sequence token out of the sample.")
    var skipBos = false

    @Option(
        name: .long, parsing: .unconditional, help: "Leave a sentence's first tokens out of the sample.",
        transform: Number.integer(from: 0))
    var skipFirst = 0

    @Option(
        name: .long, parsing: .unconditional, help: "At most this many sentences a side, drawn with the seed.",
        transform: Number.integer(from: 1))
    var limit: Int?

    @Option(name: .long, parsing: .unconditional, help: "Seed of the draw.", transform: Number.seed)
    var seed: UInt64 = 0

    @Option(name: .long, parsing: .unconditional, help: "How many neurons of each site are told.", transform: Number.integer(from: 0))
    var neurons = 4

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    @Option(name: .long, help: ArgumentHelp("Write the results to this file, as one page of HTML.", valueName: "file"))
    var html: String?

    func validate() throws {
        if (source == nil) != (target == nil) {
            throw ValidationError(
                "--source and --target go together: a map is from one to the other, and --\(source == nil ? "source" : "target") is missing"
            )
        }
        let needsModel = source != nil || sentence != nil
        if needsModel && model.model == nil { throw ValidationError("--model is missing: sentences are measured on the map's model") }
        if !needsModel && model.model != nil {
            throw ValidationError("--model measures sentences, and there are none; give --source and --target, or --sentence")
        }
        try StandardInput.checkOnce([source, target].compactMap { $0 })
    }

    mutating func run() throws {
        try NamedFile.check(
            outputs: [NamedFile("--html", html)],
            inputs: [NamedFile("MAP", map)] + NamedFile.model(model.model)
                + [NamedFile("--source", source), NamedFile("--target", target)])
        let steer = try SteerOptions.map(map, inverse: inverse).at(strength)
        let explanation = try model.model == nil ? Explanation(steer, neurons: neurons) : measured(steer)
        if let html {
            var page = ExplanationPage(explanation, name: URL(fileURLWithPath: map).lastPathComponent)
            page.facts =
                (model.model.map { ["model \(URL(fileURLWithPath: $0).lastPathComponent)"] } ?? [])
                + [ISO8601DateFormatter().string(from: Date()), "Monge \(MongeVersion.current)"]
            page.command = Shell.ownCommand
            try OutputFile(html).write(Data(page.html().utf8))
        }
        if json { try Output.json(explanation) } else { try show(explanation) }
        if let html { Terminal.message("wrote \(html)") }
    }

    private func measured(_ steer: Steer) throws -> Explanation {
        guard !PictureModel.isPictureModel(try ModelCatalogue.locate(model.model!)) else {
            throw MongeError.usage(
                "\(model.model!) draws pictures, and sentences are measured on language models; the map alone is explained without --model")
        }
        let texts = try source.map { source in
            (
                source: try SentenceFile(path: source, column: columns.column).sentences,
                target: try SentenceFile(path: target!, column: columns.targetColumn ?? columns.column).sentences
            )
        }
        let loaded = try model.required.load(unlessAsked: .exact)
        let options = ExplanationOptions(
            capture: CaptureOptions(
                pooling: pooling, maximumTokens: length.maxTokens, skipsBeginning: skipBos, skippedTokens: skipFirst), limit: limit,
            seed: seed, neurons: neurons)
        return try ProgressBar.during { bar in
            var explanation =
                try texts.map {
                    try loaded.explain(
                        steer, source: $0.source, target: $0.target, options: options, progress: bar.update, warn: Terminal.warning)
                } ?? Explanation(steer, neurons: neurons)
            explanation.sentence = try sentence.map {
                try loaded.explain(steer, sentence: $0, options: options, warn: Terminal.warning)
            }
            return explanation
        }
    }

    /// How many sites and neurons a terminal shows.
    private static let shown = 12

    private func show(_ explanation: Explanation) throws {
        try Output.line(explanation.map.headline)
        let neurons = explanation.map.sites.reduce(0) { $0 + $1.neurons }
        try Output.line("\(explanation.sites.count) sites, \(neurons) neurons; λ = \(String(format: "%g", strength))\n")
        if let samples = explanation.samples {
            try Output.line(
                "\(samples.source) source and \(samples.target) target samples, \(samples.sourceTokens) source tokens. Sites move tokens by ‖y − x‖/‖x‖; W₁ from source "
                    + "to target is the mean over neurons, in units of their spread:")
        } else {
            try Output.line("Sites by the map's own numbers; shift: \(explanation.measure.title).")
        }
        let sites = EvaluationTable(explanation)
        try Output.table(sites.header, Array(sites.rows.prefix(Self.shown)))
        if sites.rows.count > Self.shown { try Output.line("… \(sites.rows.count - Self.shown) more sites: --json and --html have all") }
        let ranked = explanation.rankedNeurons
        if !ranked.isEmpty {
            try Output.line("\nNeurons that move farthest:")
            let table = EvaluationTable(neurons: Array(ranked.prefix(Self.shown)), of: explanation)
            try Output.table(table.header, table.rows)
        }
        if let sentence = explanation.sentence {
            try Output.line("\nWhat the sentence feels, ‖y − x‖/‖x‖ of each token:")
            let table = EvaluationTable(sentence)
            try Output.table(table.header, table.rows)
        }
    }
}
