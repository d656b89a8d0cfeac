import Foundation
import Monge

/// How texts are drawn, as bodies say it.
struct SamplingFields {
    var options: GenerationOptions
    var stop: [String]
    /// When a text ends however far it is.
    var deadline: ContinuousClock.Instant?
    var client: String

    /// - Parameters:
    ///   - tokens: What `max_tokens` is where nobody asks.
    ///   - names: The fields that say it.
    init(_ body: RequestFields, tokens: Int, names: [String] = ["max_tokens"], client: String) throws {
        var given: Int?
        for name in names {
            guard let own = try body.integer(name, in: 1...(1 << 20)) else { continue }
            guard given == nil || given == own else {
                throw ServerError.field(body.name(name), "'\(names.joined(separator: "' and '"))' say two things; give one of them")
            }
            given = own
        }
        options = GenerationOptions(
            tokens: given ?? tokens, temperature: try body.number("temperature", in: 0...100) ?? 1,
            topK: try body.integer("top_k", in: 0...(1 << 20)) ?? 0,
            topP: try body.number("top_p", in: .leastNonzeroMagnitude...1) ?? 1,
            repetitionPenalty: try body.number("repetition_penalty", in: 0.01...100) ?? 1,
            // Other seeds each time, as clients of the interface expect.
            seed: try body.integer("seed", in: Int.min...Int.max).map { UInt64(bitPattern: Int64($0)) }
                ?? .random(in: 0...UInt64(Int32.max)),
            stopsAtEnd: try body.bool("ignore_eos").map { !$0 } ?? true)
        stop = try body.strings("stop", atMost: 16, atLeast: 0) ?? []
        guard !stop.contains("") else { throw ServerError.field(body.name("stop"), "a stop text is empty; give at least one character") }
        if let seconds = try body.number("timeout", in: 0.001...86_400) {
            deadline = .now + .milliseconds(Int64(seconds * 1000))
        }
        // Who names nobody is its key, or its connection.
        self.client = try body.string("user", atMost: 256).map { "user \($0)" } ?? client
        try body.refuse("frequency_penalty", unless: { $0.double == 0 }, "'repetition_penalty' makes tokens less likely that were there")
        try body.refuse("presence_penalty", unless: { $0.double == 0 }, "'repetition_penalty' makes tokens less likely that were there")
        try body.refuse("logit_bias", unless: { $0.object?.members.isEmpty == true }, "logits are steered by maps alone")
    }

    /// Fields that some clients send and that change nothing here.
    static func passOver(_ body: RequestFields) {
        for name in ["store", "metadata", "service_tier", "parallel_tool_calls", "prompt_cache_key", "safety_identifier"] {
            _ = body.value(name)
        }
    }
}
