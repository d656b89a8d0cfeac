import ArgumentParser

/// `monge check`: devices against the plain CPU reference. Each subcommand has a file of its own.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks devices against the plain CPU reference: each operation, or a whole model.",
        subcommands: [CheckOperationsCommand.self, CheckModelCommand.self], defaultSubcommand: CheckOperationsCommand.self)
}
