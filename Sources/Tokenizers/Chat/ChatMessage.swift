import ModelFiles

/// One message of a conversation, with whatever its JSON says: a role, mostly a content, sometimes calls of tools.
public struct ChatMessage: Sendable, Equatable {
    /// Who speaks. Any text is a role; templates say which they take.
    public struct Role: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral {
        public var rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public init(stringLiteral value: String) { rawValue = value }

        public static let system: Role = "system"
        public static let user: Role = "user"
        public static let assistant: Role = "assistant"
        public static let tool: Role = "tool"
    }

    public let role: Role
    /// All of the message, as templates see it.
    public let json: JSONValue

    public init(role: Role, content: String) {
        self.role = role
        json = .object(
            JSONObject(members: [.init(key: "role", value: .string(role.rawValue)), .init(key: "content", value: .string(content))]))
    }

    /// A message as JSON: an object with a text under `role`.
    /// - Parameter name: what an error calls it.
    public init(_ json: JSONValue, name: String, file: String) throws(ModelFileError) {
        guard json.object != nil else { throw .malformed(file: file, detail: "\(name) is \(json.typeDescription), not an object") }
        guard let role = json["role"]?.string else { throw .malformed(file: file, detail: "\(name) has no text under 'role'") }
        self.role = Role(rawValue: role)
        self.json = json
    }

    /// What it says, when that is a text.
    public var content: String? { json["content"]?.string }
}

/// What a chat template is given.
public struct ChatInput: Sendable, Equatable {
    public var messages: [ChatMessage]
    /// JSON schemas of functions that the model may call.
    public var tools: [JSONValue]?
    public var documents: [JSONValue]?
    /// Further variables, such as `enable_thinking`.
    public var variables: [JSONObject.Member]

    public init(
        messages: [ChatMessage], tools: [JSONValue]? = nil, documents: [JSONValue]? = nil, variables: [JSONObject.Member] = []
    ) {
        self.messages = messages
        self.tools = tools
        self.documents = documents
        self.variables = variables
    }

    /// Reads JSON: an array of messages, or an object with `messages` and, where wanted, `tools`, `documents` and `chat_template_kwargs`.
    /// - Throws: ``ModelFileError`` that names the message that is none.
    public init(_ file: MappedFile) throws(ModelFileError) {
        let json = try JSONParser.parse(file)
        let list = json.array ?? json["messages"]?.array
        guard let list else {
            throw .malformed(file: file.name, detail: "is neither an array of messages nor an object with 'messages'")
        }
        guard !list.isEmpty else { throw .malformed(file: file.name, detail: "has no messages") }
        messages = []
        for (index, message) in list.enumerated() {
            messages.append(try ChatMessage(message, name: "message \(index + 1)", file: file.name))
        }
        tools = try ChatInput.array(json, "tools", file.name)
        documents = try ChatInput.array(json, "documents", file.name)
        variables = json["chat_template_kwargs"]?.object?.members ?? []
        for member in json.object?.members ?? []
        where !["messages", "tools", "documents", "chat_template_kwargs"].contains(member.key) {
            throw .unsupported(
                file: file.name, detail: "has '\(member.key)', which is none of messages, tools, documents, chat_template_kwargs")
        }
    }

    private static func array(_ json: JSONValue, _ key: String, _ file: String) throws(ModelFileError) -> [JSONValue]? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let array = value.array else {
            throw .wrongType(file: file, key: key, expected: "an array", found: value.typeDescription)
        }
        return array
    }
}
