import ArgumentParser
import Foundation
import ModelFiles
import Monge
import Tensors
import Transport

/// `--condition-source`, `--condition-target` and how a condition is fitted to them.
struct ConditionOptionGroup: ParsableArguments {
    @Option(
        name: .long,
        help: "Prompts whose requests are to be steered; others are left alone, bit for bit. Files as for --source, ten prompts or more.")
    var conditionSource: String?

    @Option(name: .long, help: "Prompts whose requests are to be left alone.")
    var conditionTarget: String?

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "The site of the condition: a name, or regular expressions of which the site that tells held-out prompts apart best is taken (default: the "
                + "outputs of all blocks).", valueName: "regex"))
    var conditionSite: [String] = []

    @Option(name: .long, help: ArgumentHelp("How a prompt's tokens become one vector (default: mean).", valueName: "pooling"))
    var conditionPooling: Pooling?

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp("Tokens at a prompt's beginning that stay out of that vector (default: 1).", valueName: "number"),
        transform: Number.integer(from: 0))
    var conditionSkipFirst: Int?

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp(
            "The least share of held-out prompts of --condition-source that meet the condition, such as 0.95: more are steered of those that are to be, and "
                + "of the others (default: that of the best balanced accuracy).", valueName: "share"),
        transform: Number.real("a share from 0 to 1") { (0...1).contains($0) })
    var conditionRecall: Float?

    @Flag(name: .long, help: "Wrap each of these prompts as a user's message in the model's chat layout, as `chat` does.")
    var conditionChat = false

    func validate() throws {
        guard (conditionSource == nil) == (conditionTarget == nil) else {
            throw ValidationError("--condition-source and --condition-target go together")
        }
        if conditionSource == nil, let option = given {
            throw ValidationError("\(option) is of a condition; --condition-source and --condition-target are missing")
        }
        try StandardInput.checkOnce([conditionSource, conditionTarget].compactMap { $0 })
    }

    /// The first option that was given.
    var given: String? {
        [
            ("--condition-source", conditionSource != nil), ("--condition-target", conditionTarget != nil),
            ("--condition-site", !conditionSite.isEmpty), ("--condition-pooling", conditionPooling != nil),
            ("--condition-skip-first", conditionSkipFirst != nil), ("--condition-recall", conditionRecall != nil),
            ("--condition-chat", conditionChat),
        ].first(where: \.1)?.0
    }

    var inputs: [NamedFile?] { [NamedFile("--condition-source", conditionSource), NamedFile("--condition-target", conditionTarget)] }

    /// The prompts that are to be steered, and those that are not; nil where there is no condition.
    func prompts(_ columns: ColumnOptions) throws -> (source: [String], target: [String])? {
        guard let conditionSource, let conditionTarget else { return nil }
        return (
            try SentenceFile(path: conditionSource, column: columns.column).sentences,
            try SentenceFile(path: conditionTarget, column: columns.targetColumn ?? columns.column).sentences
        )
    }

    /// The fitted condition, its site and accuracy said.
    func fit(
        _ prompts: (source: [String], target: [String]), on model: Model, seed: UInt64, maximumTokens: Int, bar: ProgressBar
    ) throws -> Condition {
        var options = ConditionOptions(
            pooling: conditionPooling ?? .mean, maximumTokens: maximumTokens, isChat: conditionChat,
            recall: Double(conditionRecall ?? 0), seed: seed,
            sourceName: URL(fileURLWithPath: conditionSource!).lastPathComponent,
            targetName: URL(fileURLWithPath: conditionTarget!).lastPathComponent)
        if let conditionSkipFirst { options.skippedTokens = conditionSkipFirst }
        let condition = try model.fitCondition(
            source: prompts.source, target: prompts.target, sites: conditionSite, options: options, progress: bar.update,
            warn: Terminal.warning)
        bar.notice(
            "the condition is asked at \(condition.site) and tells held-out prompts apart with a balanced accuracy of \(Percent(condition.accuracy))"
        )
        return condition
    }
}

extension Pooling: ExpressibleByArgument {}
