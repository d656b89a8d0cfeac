/// Whether an answer comes in parts.
struct StreamingFields: Sendable {
    var isOn: Bool
    var includesUsage = false

    init(_ body: RequestFields) throws {
        isOn = try body.bool("stream") ?? false
        guard let options = try body.fields("stream_options") else { return }
        guard isOn else { throw ServerError.field("stream_options", "'stream_options' is of answers with 'stream': true") }
        includesUsage = try options.bool("include_usage") ?? false
        _ = options.value("include_obfuscation")
        try options.finish()
    }
}
