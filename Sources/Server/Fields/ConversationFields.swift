import ModelFiles
import Tokenizers

/// `messages` of a body, as layouts of conversations take them.
enum ConversationFields {
    private static let mostMessages = 4096
    private static let roles = ["system", "developer", "user", "assistant", "tool"]

    static func conversation(_ body: RequestFields) throws -> ChatInput {
        let list = try body.required("messages", body.list("messages", atMost: mostMessages))
        guard !list.isEmpty else { throw ServerError.field(body.name("messages"), "'messages' is empty") }
        let messages = try list.map(message)
        let variables = body.value("chat_template_kwargs")
        if let variables, variables.object == nil {
            throw ServerError.field("chat_template_kwargs", "'chat_template_kwargs' is \(variables.typeDescription), expected an object")
        }
        return ChatInput(messages: messages, variables: variables?.object?.members ?? [])
    }

    private static func message(_ fields: RequestFields) throws -> ChatMessage {
        let role = try fields.required("role", fields.string("role", atMost: 64))
        guard roles.contains(role) else {
            throw ServerError.field(
                fields.name("role"), "'\(fields.name("role"))' is '\(role)', expected one of \(roles.joined(separator: ", "))")
        }
        let content = try content(fields)
        let name = try fields.string("name", atMost: 256)
        let call = try fields.string("tool_call_id", atMost: 256)
        try fields.refuse("tool_calls", unless: { $0.array?.isEmpty == true }, "this server calls no tools")
        try fields.refuse("function_call", "this server calls no functions")
        try fields.refuse("refusal", "messages say what was said")
        try fields.finish()
        var members: [JSONObject.Member] = [
            // What newer models of OpenAI's call the developer is the system of all layouts.
            .init(key: "role", value: .string(role == "developer" ? "system" : role)), .init(key: "content", value: .string(content)),
        ]
        if let name { members.append(.init(key: "name", value: .string(name))) }
        if let call { members.append(.init(key: "tool_call_id", value: .string(call))) }
        return try ChatMessage(.object(JSONObject(members: members)), name: "a message", file: "the body")
    }

    /// A text, or the texts of several parts one after the other.
    private static func content(_ fields: RequestFields) throws -> String {
        let value = try fields.required("content", fields.value("content"))
        if let text = value.string { return text }
        let parts = try fields.required("content", fields.list("content", atMost: 1024))
        return try parts.map { part in
            let type = try part.required("type", part.string("type", atMost: 64))
            guard type == "text" else {
                throw ServerError.field(part.name("type"), "'\(part.name("type"))' is '\(type)', and this server reads texts alone")
            }
            let text = try part.required("text", part.string("text"))
            try part.finish()
            return text
        }.joined()
    }
}
