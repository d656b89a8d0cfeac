import ArgumentParser
import Monge

/// `monge evaluate side-effects`: what maps cost, in one table.
struct EvaluateSideEffectsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "side-effects",
        abstract: "Measures what maps cost: perplexity of plain text, MMLU, and how diverse continuations are.",
        discussion: "What is measured is what there is data for: --plain, --mmlu, --prompts.")

    @OptionGroup var model: ModelOptions
    @OptionGroup var series: SeriesOptions
    @OptionGroup var plain: PlainTextOptions
    @OptionGroup var exam: ExamOptions
    @OptionGroup var prompts: PromptSetOptions
    @OptionGroup var result: ResultOptions

    func validate() throws {
        if plain.plain == nil && exam.mmlu == nil && prompts.prompts.isEmpty {
            throw ValidationError("there is nothing to measure by: give --plain, --mmlu or --prompts, or several of them")
        }
    }

    mutating func run() throws {
        try result.check(inputs: model.inputs + series.inputs + plain.inputs + prompts.inputs)
        var measures: [any EvaluationMeasure] = []
        if let plain = try plain.measure() { measures.append(plain) }
        if let exam = try exam.measure(role: .detail) { measures.append(exam) }
        if !prompts.prompts.isEmpty {
            let continuations = try prompts.measure(goal: .init("", lowerIsBetter: true), judges: [])
            measures.append(continuations)
        }
        let maps = try series.series()
        try result.run(EvaluationRun(measures: measures, series: maps), task: "side-effects", on: model.load(unlessAsked: .fast), model)
    }
}
