import ArgumentParser
import Benchmarks
import Foundation
import Monge

/// `monge bench show`: a result of `monge bench kernels` again, as a table or a page.
struct BenchShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a result of `monge bench kernels`, with what tools/bench-peers added to it.")

    @Argument(help: "A file that `monge bench kernels --out` wrote.")
    var file: String

    @Option(name: .long, help: ArgumentHelp("Write a page with a roofline plot and tables.", valueName: "file"))
    var html: String?

    mutating func run() throws {
        try NamedFile.check(outputs: [NamedFile("--html", html)], inputs: [NamedFile("the result", file)])
        let report = try KernelReport(contentsOf: URL(fileURLWithPath: file))
        try KernelTable.show(report)
        try KernelTable.write(report, out: nil, html: html)
    }
}
