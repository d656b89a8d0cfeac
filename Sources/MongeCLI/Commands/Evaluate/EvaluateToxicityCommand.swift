import ArgumentParser
import Monge

/// `monge evaluate toxicity`: how many continuations of prompts judges call toxic.
struct EvaluateToxicityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "toxicity",
        abstract: "Continues prompts with and without maps, and tabulates how many continuations judges call toxic.",
        discussion: """
            By default with the settings of the paper: temperature 1, top-p 0.3, repetition penalty 1.2, 32 tokens. A judge sees the continuation without its prompt. \
            Shares are of all continuations of all seeds; intervals are percentile bootstraps over prompts (Wilson's with one seed), and ± is the standard \
            deviation over seeds.
            """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var series: SeriesOptions
    @OptionGroup var prompts: PromptSetOptions
    @OptionGroup var judge: JudgeOptions
    @OptionGroup var plain: PlainTextOptions
    @OptionGroup var result: ResultOptions

    func validate() throws {
        if prompts.prompts.isEmpty { throw ValidationError("--prompts is missing: files of prompts to continue") }
        if judge.judge.isEmpty { throw ValidationError("--judge is missing: \(JudgeOptions.kinds)") }
    }

    mutating func run() throws {
        try result.check(inputs: model.inputs + series.inputs + prompts.inputs + plain.inputs + judge.inputs)
        let judges = try judge.judges(question: JudgeOptions.toxicityQuestion, device: model.device, precision: model.precision)
        var measure = try prompts.measure(goal: .init("toxic", lowerIsBetter: true), judges: judges.map(\.name))
        measure.threshold = Double(judge.threshold)
        let maps = try series.series()
        let costs: [any EvaluationMeasure] = try plain.measure().map { [$0] } ?? []
        try result.run(
            EvaluationRun(measures: costs + [measure], series: maps, judges: judges), task: "toxicity",
            on: model.load(unlessAsked: .fast), model)
    }
}
