import ArgumentParser
import FileSystem
import Foundation
import ModelFiles
import Monge

/// `monge`: steers language and text-to-image models by Activation Transport.
@main
struct MongeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monge",
        abstract: "Steers language and text-to-image models by Activation Transport, on any GPU with Vulkan 1.3 or on the CPU.",
        discussion: """
            Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 could not be done, 2 a usage error.
            `--device` and the environment variable MONGE_DEVICE take auto, cpu, cpu-reference, vulkan, vulkan:N or vulkan:NAME.
            """,
        version: MongeVersion.current,
        subcommands: [
            DevicesCommand.self, GenerateCommand.self, ChatCommand.self, ImageCommand.self, FitCommand.self, TuneCommand.self,
            EvaluateCommand.self, ExplainCommand.self,
            ActivationsCommand.self, ConvertCommand.self, LogitsCommand.self, TokenizeCommand.self, PerplexityCommand.self,
            InspectCommand.self, ServeCommand.self, CheckCommand.self,
            BenchCommand.self,
        ])

    static func main() {
        StandardStreams.prepare()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            Foundation.exit(MongeCommand.report(error))
        }
    }

    /// Says what went wrong and returns the exit code.
    private static func report(_ error: any Error) -> Int32 {
        switch error {
        case let error as FileError where error.isClosedPipe:
            // Whoever read the results has seen enough.
            return 1
        case ModelFileError.unwritable(let error): return report(error)
        case let error as MongeError:
            Terminal.message("monge: \(error)")
            return error.isUsage ? 2 : 1
        case let error as ExitCode:
            return error.rawValue
        default:
            // The argument parser's own errors, among them the request for help.
            if exitCode(for: error) == .success {
                do { try Output.line(fullMessage(for: error)) } catch { return report(error) }
                return 0
            }
            if exitCode(for: error) == .validationFailure {
                let message = message(for: error)
                let isUnknown = message.hasPrefix("Unknown option")
                Terminal.message(
                    "monge: \(message)\(isUnknown ? "; a text that begins with a minus goes after --prompt" : "") "
                        + "(`monge help` and `monge COMMAND --help` show how to ask)")
                return 2
            }
            Terminal.message("monge: \(error)")
            return 1
        }
    }
}
