import ArgumentParser

/// `monge bench`: what a device does with kernels and with a model. Each subcommand has a file of its own.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures speed.",
        subcommands: [
            BenchKernelsCommand.self, BenchShowCommand.self, BenchCompareCommand.self, BenchModelCommand.self, BenchBatchCommand.self,
            BenchImageCommand.self,
            BenchBatchCommand.self, BenchTuneCommand.self, BenchPipelinesCommand.self,
        ])
}
