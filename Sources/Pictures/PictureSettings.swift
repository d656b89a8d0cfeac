/// How a picture was drawn, in the text that A1111's web interface writes into its pictures and its kin read: the prompt, the negative
/// prompt, and a line of names and values.
public struct PictureSettings: Sendable, Equatable {
    public var prompt: String
    public var negativePrompt: String
    /// In the order in which they are shown.
    public var values: [(name: String, value: String)]

    /// The keyword of the text in a PNG.
    public static let keyword = "parameters"

    public init(prompt: String, negativePrompt: String = "", values: [(name: String, value: String)]) {
        self.prompt = prompt
        self.negativePrompt = negativePrompt
        self.values = values
    }

    /// The settings that all pictures have.
    /// - Parameters:
    ///   - sampler: As people call it: "Euler a", "DPM++ 2M Karras".
    ///   - model: Its name, without folder and suffix.
    ///   - more: What else is worth knowing, such as the maps and their strengths.
    public init(
        prompt: String, negativePrompt: String = "", steps: Int, sampler: String, guidance: Double, seed: UInt64, width: Int, height: Int,
        model: String, more: [(name: String, value: String)] = []
    ) {
        self.init(
            prompt: prompt, negativePrompt: negativePrompt,
            values: [
                ("Steps", "\(steps)"), ("Sampler", sampler), ("CFG scale", Self.number(guidance)), ("Seed", "\(seed)"),
                ("Size", "\(width)x\(height)"), ("Model", model),
            ] + more)
    }

    public var text: String {
        let negative = negativePrompt.isEmpty ? "" : "\nNegative prompt: \(negativePrompt)"
        return prompt + negative + "\n" + values.map { "\($0.name): \(Self.quoted($0.value))" }.joined(separator: ", ")
    }

    /// A whole number without a decimal point.
    public static func number(_ value: Double) -> String { value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)" }

    /// Values with a character that separates are written as JSON strings.
    private static func quoted(_ value: String) -> String {
        guard value.contains(where: { $0 == "," || $0 == ":" || $0.isNewline }) else { return value }
        let escaped = value.unicodeScalars.map { scalar -> String in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            case _ where scalar.value < 32:
                "\\u" + String(repeating: "0", count: scalar.value < 16 ? 3 : 2) + String(scalar.value, radix: 16)
            default: String(scalar)
            }
        }
        return "\"" + escaped.joined() + "\""
    }

    public static func == (left: PictureSettings, right: PictureSettings) -> Bool { left.text == right.text }
}
