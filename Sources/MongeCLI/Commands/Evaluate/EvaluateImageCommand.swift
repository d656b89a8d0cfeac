import ArgumentParser
import FileSystem
import Foundation
import ModelFiles
import Monge

/// `monge evaluate image`: draws prompts at a row of strengths and has the pictures judged.
struct EvaluateImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Draws prompts at a row of strengths, has the pictures judged, and tabulates what the judge says.",
        discussion: """
            A judge is a folder with a classifier (ResNetForImageClassification of transformers), whose name is the label of its verdicts; or a \
            command that gets a folder of PNG files as its last argument and prints a line of JSON a picture, with the file's name under \
            `file` and its labels under other keys.
            """)

    @OptionGroup var model: PictureModelOptions
    @OptionGroup var steering: PictureSteerOptions

    @Option(name: .long, parsing: .unconditional, help: "The strengths; each replaces the λ of every --steer.", transform: Number.strengths)
    var strengths = Strengths([0, 0.25, 0.5, 0.75, 1])

    @Option(name: .long, help: "A file of prompts: .txt, .jsonl, .csv or .tsv; - is standard input. Prompt i has the noise of seed + i.")
    var prompts: String

    @OptionGroup var columns: ColumnOption

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("What judges the pictures; what several say counts together.", valueName: "folder|command"))
    var judge: [String]

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "What to count, for example style=lineart, 'heart>0.5' or 'styles.lineart>=0.9' (=, !=, <, >, <=, >=); a label alone is true or false. "
                + "May be repeated.", valueName: "question"), transform: EvaluateImageCommand.question)
    var label: [PictureQuestion]

    @Option(name: .long, help: "The label under which the judge lists the names that it takes a picture's thing for.")
    var namesLabel = "names"

    @Option(name: .long, help: "A file with the name of each prompt's thing (default: the longest of the judge's names in the prompt).")
    var names: String?

    @Option(name: .long, help: "A file of prompts, one for each, that ask for the same in words: drawn without maps, for comparison.")
    var besidePrompts: String?

    @Option(
        name: .long, parsing: .unconditional, help: "A negative prompt: the prompts are drawn with it and without maps, for comparison.")
    var besideNegative: String?

    @OptionGroup var drawing: DrawingOptions

    @Option(name: .long, parsing: .unconditional, help: "Seed of the noise.", transform: Number.seed)
    var seed: UInt64 = 0

    @Option(name: .shortAndLong, help: "A new or empty folder that keeps the pictures: 0007-2.png is prompt 7 in the table's second row.")
    var out: String?

    @Option(name: .long, help: "Write the table and the pictures to this file, as one page of HTML.")
    var html: String?

    @Flag(name: .long, help: "Print JSON: {questions, rows, pictures}.")
    var json = false

    private static func question(_ text: String) throws -> PictureQuestion {
        do { return try PictureQuestion(text) } catch { throw ValidationError("\(error)") }
    }

    func validate() throws {
        if judge.isEmpty { throw ValidationError("--judge is missing") }
        if label.isEmpty { throw ValidationError("--label is missing: what to count, for example style=lineart") }
        try StandardInput.checkOnce([prompts, names, besidePrompts].compactMap { $0 })
    }

    mutating func run() throws {
        try NamedFile.check(
            outputs: [NamedFile("--html", html)],
            inputs: model.inputs + steering.inputs + [
                NamedFile("--prompts", prompts), NamedFile("--names", names), NamedFile("--beside-prompts", besidePrompts),
            ])
        if let out { try Self.checkIsEmpty(out) }
        func sentences(_ path: String) throws -> [String] { try SentenceFile(path: path, column: columns.column).sentences }
        var evaluation = PictureEvaluation(prompts: try sentences(prompts), variants: try variants(sentences), questions: label)
        evaluation.names = try names.map(sentences)
        evaluation.namesLabel = namesLabel
        evaluation.seed = seed
        evaluation.options = drawing.options
        if evaluation.variants.allSatisfy({ $0.strength != 0 }) {
            Terminal.warning("0 is not among --strengths: no share of names kept can be told")
        }
        let model = try model.load()
        let judges = try judge.map { judge -> any PictureJudge in
            var isFolder: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: judge, isDirectory: &isFolder)
            return isThere && isFolder.boolValue ? try ClassifierJudge(judge, on: model.backend) : CommandJudge(judge)
        }
        try Self.inFolder(out) { folder in
            let result = try ProgressBar.during { bar in
                try evaluation.run(
                    on: model, judges: judges, in: folder, progress: bar.update, warn: Terminal.warning, notice: bar.notice)
            }
            if let html {
                var page = PictureReportPage(result, of: evaluation, picturesIn: folder)
                page.facts = [
                    "model \(model.url.lastPathComponent)", "judge \(judges.map(\.name).joined(separator: ", "))",
                    ISO8601DateFormatter().string(from: Date()), "Monge \(MongeVersion.current)",
                ]
                page.command = Shell.ownCommand
                try OutputFile(html).write(Data(page.html().utf8))
            }
            try print(result, evaluation)
        }
        for file in [html, out].compactMap({ $0 }) { Terminal.message("wrote \(file)") }
    }

    /// The strengths, then what they are compared with.
    private func variants(_ sentences: (String) throws -> [String]) throws -> [PictureEvaluation.Variant] {
        let steers = try steering.steering()
        var variants =
            steers.isEmpty
            ? [PictureEvaluation.Variant("without maps", strength: 0)]
            : strengths.values.map { strength in
                PictureEvaluation.Variant(
                    "λ = \(String(format: "%g", strength))", strength: strength,
                    steering: steers.map { $0.at(strength) })
            }
        if let besidePrompts {
            let name = URL(fileURLWithPath: besidePrompts).lastPathComponent
            variants.append(PictureEvaluation.Variant("prompts of \(name)", prompts: try sentences(besidePrompts)))
        }
        if let besideNegative {
            variants.append(PictureEvaluation.Variant("negative prompt '\(besideNegative)'", negative: besideNegative))
        }
        return variants
    }

    private static func checkIsEmpty(_ folder: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else { return }
        guard isFolder.boolValue else { throw MongeError.usage("--out \(folder): this is a file, not a folder") }
        guard try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty else {
            throw MongeError.usage("--out \(folder): the folder is not empty; the pictures are judged in a folder of their own")
        }
    }

    /// Does `body` with the folder, or with one that is there until then.
    private static func inFolder(_ path: String?, _ body: (String) throws -> Void) throws {
        guard let path else { return try TemporaryFolder.during(body) }
        try OutputFolder.make(path)
        try body(path)
    }

    /// A picture as `--json` prints it.
    private struct JSONPicture: Encodable {
        var row: Int
        var prompt: String
        var seed: UInt64
        var file: String
        var name: String?
        var answers: [Bool]
        var recognised: Bool?
    }

    private struct JSONResult: Encodable {
        var questions: [String]
        var rows: [PictureEvaluation.Row]
        var pictures: [JSONPicture]
    }

    private func print(_ result: PictureEvaluation.Result, _ evaluation: PictureEvaluation) throws {
        guard json else { return try Output.table(PictureReportPage.header(result.rows), result.rows.map(PictureReportPage.cells)) }
        try Output.json(
            JSONResult(
                questions: label.map(\.description), rows: result.rows,
                pictures: result.entries.map {
                    JSONPicture(
                        row: $0.variant, prompt: $0.request.prompt, seed: $0.request.seed, file: $0.file, name: result.names[$0.prompt],
                        answers: $0.answers, recognised: $0.isRecognised)
                }))
    }
}
