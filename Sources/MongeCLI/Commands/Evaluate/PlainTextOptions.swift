import ArgumentParser
import ModelFiles
import Monge

/// `--plain`, `--column`, `--max-tokens`, `--min-tokens`, `--sentences-at-most`: the text whose perplexity says what maps cost.
struct PlainTextOptions: ParsableArguments {
    @Option(name: .long, help: "Plain sentences, whose perplexity is what maps cost: .txt, .jsonl, .csv or .tsv.")
    var plain: String?

    @Option(name: .long, help: "The column of plain sentences in a table, or their key in a .jsonl file.")
    var plainColumn: String?

    @OptionGroup var length: LengthOption

    @Option(
        name: .long, parsing: .unconditional, help: "Plain sentences with fewer tokens are left out, such as headings.",
        transform: Number.integer(from: 2))
    var minTokens = 2

    @Option(
        name: .long, parsing: .unconditional, help: "Only the first so many plain sentences.", transform: Number.integer(from: 1))
    var plainLimit: Int?

    var inputs: [NamedFile?] { [NamedFile("--plain", plain)] }

    func validate() throws {
        if length.maxTokens < 2 {
            throw ValidationError("--max-tokens is \(length.maxTokens), expected 2 or more: the first is not predicted")
        }
        if length.maxTokens < minTokens {
            throw ValidationError("--min-tokens \(minTokens) is more than --max-tokens \(length.maxTokens)")
        }
    }

    /// Nil where there is no plain text.
    func measure() throws -> PerplexityEvaluation? {
        try plain.map { path in
            let sentences = try SentenceFile(path: path, column: plainColumn).sentences
            return PerplexityEvaluation(
                Array(sentences.prefix(plainLimit ?? sentences.count)), maximumTokens: length.maxTokens, minimumTokens: minTokens,
                warn: Terminal.warning)
        }
    }
}
