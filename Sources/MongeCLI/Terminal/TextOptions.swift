import ArgumentParser
import Foundation
import ModelFiles
import Monge

/// One text: `-p`, an argument, or standard input.
struct TextOption: ParsableArguments {
    @Option(name: .shortAndLong, parsing: .unconditional, help: "The text, also when it begins with a minus; - is standard input.")
    var prompt: String?

    @Argument(help: "The text; - is standard input, which is also read when it is a pipe and no text is given.")
    var text: String?

    /// Whether a text is named, a pipe aside.
    var isNamed: Bool { prompt != nil || text != nil }

    func validate() throws {
        if prompt != nil && text != nil { throw ValidationError("give the text once: with --prompt or without") }
    }

    /// - Throws: ``MongeError/usage(_:)`` when there is none.
    func read() throws -> String {
        guard let given = prompt ?? text ?? (StandardInput.isPiped ? StandardInput.name : nil) else {
            throw MongeError.usage("there is no text; give it in quotes, with --prompt, or through a pipe")
        }
        return given == StandardInput.name ? try StandardInput.text() : given
    }
}

/// Prompts: `-p`, arguments, a file of them, or standard input.
struct PromptOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, parsing: .unconditionalSingleValue,
        help: "A prompt, also one that begins with a minus; - is standard input. May be repeated.")
    var prompt: [String] = []

    @Option(name: .long, help: "A file of prompts: .txt, .jsonl, .csv or .tsv; - is standard input, a prompt a line.")
    var prompts: String?

    @OptionGroup var column: ColumnOption

    @Argument(help: "Prompts; - is standard input, which is also read, as one prompt, when it is a pipe and no prompt is given.")
    var texts: [String] = []

    private var given: [String] { prompt + texts }

    func validate() throws {
        if prompts != nil && !given.isEmpty { throw ValidationError("give either prompts or --prompts FILE") }
        try StandardInput.checkOnce(given)
    }

    /// Whether prompts are named, a pipe aside.
    var areNamed: Bool { !given.isEmpty || prompts != nil }

    /// - Throws: ``MongeError/usage(_:)`` when there are none.
    func read() throws -> [String] {
        if let prompts { return try SentenceFile(path: prompts, column: column.column).sentences }
        guard !given.isEmpty || StandardInput.isPiped else {
            throw MongeError.usage(
                "there is no prompt; give one in quotes, after --prompt where it begins with a minus, from --prompts FILE, or through "
                    + "a pipe")
        }
        return try (given.isEmpty ? [StandardInput.name] : given).map { $0 == StandardInput.name ? try StandardInput.text() : $0 }
    }
}

/// `--column`, on every command that reads sentences.
struct ColumnOption: ParsableArguments {
    @Option(name: .long, help: "The column of the sentences in a table, or their key in a .jsonl file.")
    var column: String?
}

/// `--column` and what it is in other files of the same command.
struct ColumnOptions: ParsableArguments {
    @OptionGroup var common: ColumnOption

    @Option(name: .long, help: "The column of the target's sentences, when it is another.")
    var targetColumn: String?

    var column: String? { common.column }
}

/// `--sentences`, a file of them.
struct SentencesOption: ParsableArguments {
    @Option(
        name: [.customLong("sentences"), .customLong("prompts"), .customLong("text")],
        help: "Sentences: .txt, .jsonl, .csv or .tsv; - is standard input.")
    var sentences: String

    @OptionGroup var column: ColumnOption

    var inputs: [NamedFile?] { [NamedFile("--sentences", sentences)] }

    func read() throws -> [String] { try SentenceFile(path: sentences, column: column.column).sentences }
}
