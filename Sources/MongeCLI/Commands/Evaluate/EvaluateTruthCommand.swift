import ArgumentParser
import FileSystem
import Foundation
import ModelFiles
import Monge

/// `monge evaluate truthfulqa`: whether maps make true answers likelier.
struct EvaluateTruthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "truthfulqa",
        abstract: "Compares how likely true and false answers are, with and without maps.",
        discussion: """
            Maps are fitted on answers, so that they are judged by other questions: --sentences FOLDER writes false.jsonl and true.jsonl of the questions \
            outside of --fold to fit one with, and {fold} in the name of a map of --steer stands for 1 and 2: each question is judged by the map of its fold.
            """)

    @OptionGroup var model: OptionalModelOptions
    @OptionGroup var series: SeriesOptions

    @Option(name: .long, help: "mc_task.json or TruthfulQA.csv.")
    var questions: String

    @Option(name: .long, parsing: .unconditional, help: "Only questions of fold 1 or 2.", transform: Number.integer(in: 1...2))
    var fold: Int?

    @Option(name: .long, parsing: .unconditional, help: "Only the first so many questions.", transform: Number.integer(from: 1))
    var limit: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Only write false and true answers of the questions outside of --fold, to fit a map with.", valueName: "folder"))
    var sentences: String?

    @OptionGroup var plain: PlainTextOptions
    @OptionGroup var result: ResultOptions

    func validate() throws {
        if sentences != nil && fold == nil { throw ValidationError("--sentences needs the --fold that the map is to be judged by: 1 or 2") }
        if sentences == nil && model.model == nil { throw ValidationError("--model is missing") }
    }

    mutating func run() throws {
        let questions = try TruthQuestions(path: self.questions, limit: limit)
        let fold = fold.map { $0 - 1 }
        if let sentences { return try write(questions.sentences(outside: fold!), to: sentences) }
        let options = model.required
        try result.check(inputs: options.inputs + series.inputs + plain.inputs + [NamedFile("--questions", self.questions)])
        let measure = TruthEvaluation(questions, fold: fold, limit: limit)
        let maps = try series.series(hasFolds: true)
        let costs = maps.contains { $0.folds.count > 1 } ? nil : try plain.measure()
        if costs == nil, plain.plain != nil {
            throw MongeError.usage(
                "--plain measures one map, and {fold} names two: measure the perplexity of each by `monge evaluate perplexity`")
        }
        try result.run(
            EvaluationRun(measures: [measure] + (costs.map { [$0] } ?? []), series: maps), task: "truthfulqa",
            on: options.load(unlessAsked: .fast), options)
    }

    private func write(_ sentences: (source: [String], target: [String]), to folder: String) throws {
        try OutputFolder.make(folder)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        for (name, texts) in [("false", sentences.source), ("true", sentences.target)] {
            let lines = try texts.map { String(decoding: try encoder.encode(["text": $0]), as: UTF8.self) + "\n" }
            let path = "\(folder)/\(name).jsonl"
            try OutputFile(path).write(Data(lines.joined().utf8))
            Terminal.message("wrote \(path): \(texts.count) answers")
        }
    }
}
