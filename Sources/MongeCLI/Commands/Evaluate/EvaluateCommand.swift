import ArgumentParser

/// `monge evaluate`: what maps do, counted. Each subcommand has a file of its own.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Tabulates what maps do to texts, and to pictures.",
        discussion: """
            Results go into the file of --json as they come: the same command again goes on with what is missing, with other maps and strengths beside, \
            and the page of --html shows them.
            """,
        subcommands: [
            EvaluateConceptCommand.self, EvaluateToxicityCommand.self, EvaluateTruthCommand.self, EvaluateExamCommand.self,
            EvaluatePerplexityCommand.self, EvaluateSideEffectsCommand.self, EvaluateImageCommand.self,
        ], defaultSubcommand: EvaluateConceptCommand.self)
}
