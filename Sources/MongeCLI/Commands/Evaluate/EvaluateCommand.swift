import ArgumentParser

/// `monge evaluate`: what maps do, counted. Each subcommand has a file of its own.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Tabulates what maps do to texts, and to pictures.",
        subcommands: [EvaluateTextCommand.self, EvaluateImageCommand.self], defaultSubcommand: EvaluateTextCommand.self)
}
