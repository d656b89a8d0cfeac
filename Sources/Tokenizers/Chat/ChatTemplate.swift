import Jinja
import ModelFiles

/// How a model wants a conversation written: the template that its files carry, a program in the Jinja language.
///
/// Templates mean what they mean in `transformers`. A model may have several under names; the one named `tool_use` is taken for
/// conversations with tools, `default` for the others.
///
/// The rendered text names control tokens, the first token of the text included where the template writes one: encode it with
/// `addSpecial` false and `parseSpecial` true.
public struct ChatTemplate: Sendable {
    /// What errors call the file.
    private let file: String
    private let templates: [String: Result<Template, ChatTemplateError>]
    /// The names of tokens, under those of the variables that hold them: `bos_token`, `eos_token`.
    private let specialTokens: [String: JSONValue]

    private static let defaultName = "default"
    private static let toolName = "tool_use"

    /// One template.
    /// - Throws: ``ChatTemplateError`` when it is no Jinja, or asks for what is not supported here.
    public init(_ source: String, specialTokens: [String: String] = [:], file: String) throws(ChatTemplateError) {
        self.init([ChatTemplate.defaultName: source], specialTokens: specialTokens.mapValues { .string($0) }, file: file)
        if case .failure(let error) = templates[ChatTemplate.defaultName] { throw error }
    }

    /// Templates by name; one that cannot be read is an error when it is used.
    init(_ sources: [String: String], specialTokens: [String: JSONValue], file: String) {
        self.file = file
        self.specialTokens = specialTokens
        templates = sources.mapValues { source in
            do throws(JinjaError) {
                return .success(try Template(source))
            } catch { return .failure(ChatTemplateError(error, file: file)) }
        }
    }

    /// The text of a conversation.
    /// - Parameters:
    ///   - addGenerationPrompt: whether to begin the assistant's next message.
    ///   - clock: seconds since 1970, for templates that write the date; the machine's clock when nil.
    /// - Throws: ``ChatTemplateError`` with the line of the template, or with what the template says against the conversation.
    public func render(_ input: ChatInput, addGenerationPrompt: Bool, clock: Int? = nil) throws(ChatTemplateError) -> String {
        var variables: [String: Value] = specialTokens.mapValues { Value($0) }
        variables["messages"] = .list(input.messages.map { Value($0.json) })
        variables["tools"] = input.tools.map { .list($0.map { Value($0) }) } ?? Value.none
        variables["documents"] = input.documents.map { .list($0.map { Value($0) }) } ?? Value.none
        variables["add_generation_prompt"] = .bool(addGenerationPrompt)
        for member in input.variables { variables[member.key] = Value(member.value) }
        let template = try template(hasTools: input.tools != nil)
        do throws(JinjaError) {
            return try template.render(variables, clock: clock)
        } catch { throw ChatTemplateError(error, file: file) }
    }

    /// The text of messages.
    public func render(messages: [ChatMessage], addGenerationPrompt: Bool) throws(ChatTemplateError) -> String {
        try render(ChatInput(messages: messages), addGenerationPrompt: addGenerationPrompt)
    }

    private func template(hasTools: Bool) throws(ChatTemplateError) -> Template {
        let names = hasTools ? [ChatTemplate.toolName, ChatTemplate.defaultName] : [ChatTemplate.defaultName]
        guard let template = names.lazy.compactMap({ templates[$0] }).first else {
            throw .withoutDefault(file: file, names: templates.keys.sorted())
        }
        return try template.get()
    }
}

/// Why a conversation cannot be written in a model's layout.
public enum ChatTemplateError: Error, Equatable, CustomStringConvertible {
    /// The template is not Jinja.
    case malformed(file: String, line: Int, detail: String)
    /// The template uses what is not supported here.
    case unsupported(file: String, line: Int, detail: String)
    /// The template fails on this conversation: it expects what is not there.
    case failed(file: String, line: Int, detail: String)
    /// The template itself refuses the conversation, with this message.
    case refused(file: String, message: String)
    /// Rendering would take too many steps or too much memory.
    case tooLarge(file: String, line: Int, detail: String)
    /// There are templates under these names only.
    case withoutDefault(file: String, names: [String])

    init(_ error: JinjaError, file: String) {
        switch error {
        case .syntax(let line, let detail): self = .malformed(file: file, line: line, detail: detail)
        case .unsupported(let line, let detail): self = .unsupported(file: file, line: line, detail: detail)
        case .failed(let line, let detail): self = .failed(file: file, line: line, detail: detail)
        case .raised(_, let message): self = .refused(file: file, message: message)
        case .limit(let line, let detail): self = .tooLarge(file: file, line: line, detail: detail)
        }
    }

    public var description: String {
        switch self {
        case .malformed(let file, let line, let detail):
            "\(file): the chat template is no Jinja, in line \(line): \(detail)"
        case .unsupported(let file, let line, let detail):
            "\(file): the chat template cannot be run here, line \(line): \(detail)"
        case .failed(let file, let line, let detail):
            "\(file): the chat template fails on this conversation, in line \(line): \(detail)"
        case .refused(let file, let message):
            "\(file): the chat template refuses this conversation: \(message)"
        case .tooLarge(let file, let line, let detail):
            "\(file): the chat template goes beyond what is allowed, in line \(line): \(detail)"
        case .withoutDefault(let file, let names):
            "\(file): has chat templates named \(names.joined(separator: ", ")), and none named default"
        }
    }
}

extension Value {
    /// A value of a JSON document.
    package init(_ json: JSONValue) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .float(value)
        case .string(let text): self = .string(text)
        case .array(let values): self = .list(values.map { Value($0) })
        case .object(let object):
            var mapping = Mapping()
            for member in object.members { mapping.set(member.key, to: Value(member.value)) }
            self = .dictionary(mapping)
        }
    }
}
