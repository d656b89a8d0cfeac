/// How a text is cut into words before byte-pair encoding; merges never reach across words.
///
/// The patterns are those of the models' own tokenizers and of llama.cpp (`llama-vocab.cpp`, `unicode.cpp`), matched by hand-written
/// code: what a regular expression's alternatives would match is decided from the kinds of the next characters.
public enum PreTokenizer: String, Sendable, CaseIterable {
    /// GPT-2: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2 = "gpt-2"
    /// SmolLM and StarCoder: every `\p{N}` on its own, the rest as GPT-2.
    case smollm
    /// Llama 3: `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    case llama3 = "llama-bpe"
    /// Qwen 2: as Llama 3, but every `\p{N}` on its own.
    case qwen2
    /// Mistral's tekken: `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`, or with capitals alone, then every `\p{N}` on its own,
    /// ` ?[^\s\p{L}\p{N}]+[\r\n/]*`, and whitespace as Llama 3.
    case tekken
    /// GPT-4o and Phi-4-mini: as tekken, with contractions in the word before them, and up to three digits.
    case gpt4o = "gpt-4o"
    /// What llama.cpp does to files without a pre-tokenizer's name: runs of `[\p{P}$+<=>^~|]` are cut out, the rest goes through
    /// GPT-2's pattern, and runs of ASCII digits are cut every three.
    case `default`

    /// The pre-tokenizer that a GGUF file names in `tokenizer.ggml.pre`.
    init?(ggufName: String) {
        switch ggufName {
        case "gpt-2", "phi-2", "olmo", "mpt": self = .gpt2
        case "smollm", "starcoder", "refact": self = .smollm
        case "llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "dbrx", "smaug-bpe": self = .llama3
        case "qwen2", "deepseek-r1-qwen": self = .qwen2
        case "tekken": self = .tekken
        case "gpt-4o", "llama4": self = .gpt4o
        case "default": self = .default
        default: return nil
        }
    }

    /// Whether a GGUF file with this name takes a word that is a token as it is, and puts a first token before a text where it does not say.
    static func takesWordsWhole(ggufName: String) -> Bool {
        ["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "tekken"].contains(ggufName)
    }

    /// The words of a text, in order; joined they are the text.
    public func split(_ text: String) -> [String] {
        let scalarText = ScalarText(text)
        var words: [String] = []
        forEachWord(in: scalarText) { range in
            var word = String.UnicodeScalarView()
            word.append(contentsOf: scalarText.scalars[range])
            words.append(String(word))
        }
        return words
    }

    /// Calls `body` with the range of scalars of every word, in order.
    func forEachWord(in text: ScalarText, _ body: (Range<Int>) -> Void) {
        let matcher = WordMatcher(text)
        let whole = 0..<text.count
        switch self {
        case .gpt2:
            matcher.gpt2Words(in: whole, body)
        case .smollm:
            matcher.runs(in: whole, limit: 1, of: { text.kinds[$0] == .number }) { range, isNumber in
                isNumber ? body(range) : matcher.gpt2Words(in: range, body)
            }
        case .llama3:
            matcher.llama3Words(in: whole, digits: 3, body)
        case .qwen2:
            matcher.llama3Words(in: whole, digits: 1, body)
        case .tekken:
            matcher.casedWords(in: whole, digits: 1, endsInContraction: false, body)
        case .gpt4o:
            matcher.casedWords(in: whole, digits: 3, endsInContraction: true, body)
        case .default:
            matcher.runs(in: whole, limit: .max, of: matcher.isDefaultPunctuation) { range, _ in
                matcher.gpt2Words(in: range) { word in
                    matcher.runs(in: word, limit: .max, of: { text.kinds[$0] == .number }) { part, _ in
                        matcher.digitTriples(in: part, body)
                    }
                }
            }
        }
    }
}
