import ArgumentParser
import FileSystem
import Foundation
import Models
import Monge

/// `--json` and `--html`: where the results of an evaluation go.
struct ResultOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Keep results in this file as they come; a later run with the same settings goes on with what is missing. - is standard output.",
            valueName: "file"))
    var json: String?

    @Option(name: .long, help: ArgumentHelp("Write the results to this file, as one page of HTML.", valueName: "file"))
    var html: String?

    /// The file's name as the system has it.
    private var jsonPath: String? { json == StandardInput.name ? "/dev/stdout" : json }

    func check(inputs: [NamedFile?]) throws {
        try NamedFile.check(outputs: [NamedFile("--json", jsonPath), NamedFile("--html", html)], inputs: inputs)
    }

    /// Runs an evaluation, keeps its results, and shows them.
    /// - Parameters:
    ///   - task: The command's name.
    ///   - products: What `--precision` asks for.
    func run(_ run: EvaluationRun, task: String, on model: Model, _ options: ModelOptions) throws {
        let settings =
            [
                EvaluationFile.Setting("--model", "\(model.url.lastPathComponent) (\(model.language.fingerprint))"),
                EvaluationFile.Setting("--precision", options.precision.products.precision(unlessAsked: .fast).rawValue),
            ] + (options.precision.products.batchInvariant ? [EvaluationFile.Setting("--batch-invariant", "yes")] : [])
            + run.measures.flatMap(\.settings)
        var file =
            try jsonPath.map { try EvaluationFile(continuing: $0, task: task, settings: settings) }
            ?? EvaluationFile(task: task, settings: settings)
        let isStream = jsonPath.map { OutputFile($0).isOpenFile } ?? false
        func save(_ file: EvaluationFile) throws {
            guard let jsonPath, !isStream else { return }
            try OutputFile(jsonPath).write(try file.encoded())
        }
        do {
            try ProgressBar.during { bar in try run.run(on: model, file: &file, save: save, progress: bar.update) }
        } catch {
            if let json, !isStream, !file.records.isEmpty {
                Terminal.message("monge: \(json) has what was measured so far; the same command goes on from there")
            }
            throw error
        }
        if let html {
            var page = EvaluationPage(file, series: run.series)
            page.facts = [
                "model \(model.url.lastPathComponent)", ISO8601DateFormatter().string(from: Date()), "Monge \(MongeVersion.current)",
            ]
            page.command = Shell.ownCommand
            try OutputFile(html).write(Data(page.html().utf8))
        }
        if isStream { try OutputFile(jsonPath!).write(try file.encoded()) } else { try print(file) }
        for path in [isStream ? nil : json, html].compactMap({ $0 }) { Terminal.message("wrote \(path)") }
        let errors = file.rows.compactMap { row in row.error.map { "\(row.series) at λ = \(String(format: "%g", row.strength)): \($0)" } }
        for error in errors { Terminal.message("monge: \(error)") }
        if !errors.isEmpty { throw ExitCode(1) }
    }

    private func print(_ file: EvaluationFile) throws {
        let table = EvaluationTable(rows: file.rows.filter { !$0.metrics.isEmpty })
        try Output.table(table.header, table.rows)
        guard let equal = EvaluationTable(equalCost: file.equalCost) else { return }
        try Output.line()
        try Output.line(equal.title)
        try Output.table(equal.header, equal.rows)
    }
}
