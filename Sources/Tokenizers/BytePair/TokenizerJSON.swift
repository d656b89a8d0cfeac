import ModelFiles

/// Reads the parts of a Hugging Face `tokenizer.json`.
///
/// Source: Hugging Face `tokenizers`, the serialised form of `Tokenizer`.
struct TokenizerJSON {
    let document: JSONDocument

    init(_ document: JSONDocument) { self.document = document }

    func unsupported(_ detail: String) -> ModelFileError { .unsupported(file: document.name, detail: detail) }
    func malformed(_ detail: String) -> ModelFileError { .malformed(file: document.name, detail: detail) }

    /// Refuses what changes how pairs are merged.
    func requirePlainMerges() throws(ModelFileError) {
        for key in ["dropout", "continuing_subword_prefix", "end_of_word_suffix"] {
            if let value = document.value("model.\(key)"), value.string != "" {
                throw unsupported("the tokenizer's '\(key)' is set, which Monge does without")
            }
        }
    }

    func parts() throws(ModelFileError) -> ByteLevelTokenizer.Parts {
        try requirePlainMerges()
        guard try document.bool(ifPresent: "model.byte_fallback") != true else {
            throw unsupported("the tokenizer falls back to byte tokens, and so is not byte-level BPE")
        }
        if let decoder = try document.string(ifPresent: "decoder.type"), decoder != "ByteLevel" {
            throw unsupported("the tokenizer's decoder '\(decoder)' is not known (known: ByteLevel)")
        }
        let (texts, kinds, added) = try vocabulary()
        // With a token for every byte nothing is unknown.
        if document.value("model.unk_token") != nil, !Set(ByteLevelAlphabet.scalars.map { String($0) }).isSubset(of: texts) {
            throw unsupported("the tokenizer has an unknown token and no token for some bytes")
        }
        let normalizes = try normalizes()
        let (preTokenizer, addsPrefixSpace) = try preTokenizer()
        var parts = ByteLevelTokenizer.Parts(
            file: document.name, texts: texts, kinds: kinds, merges: try merges(), preTokenizer: preTokenizer,
            normalizes: normalizes, ignoresMerges: try document.bool(ifPresent: "model.ignore_merges") ?? false)
        parts.addsPrefixSpace = addsPrefixSpace
        (parts.addedTokens, parts.addedTokensAfterNormalization) = TokenizerJSON.passes(added)
        (parts.prefix, parts.suffix) = try postProcessing(document.value("post_processor"), tokenCount: texts.count)
        return parts
    }

    typealias Added = (entry: AddedTokens.Entry, isNormalized: Bool)

    /// The added tokens that are looked for in text as it is written, and those that are looked for in normalised text, in their normalised spelling.
    static func passes(_ added: [Added], normalize: (String) -> String = { $0 }) -> (
        written: [AddedTokens.Entry], normalized: [AddedTokens.Entry]
    ) {
        (
            added.filter { !$0.isNormalized }.map(\.entry),
            added.filter(\.isNormalized).map { entry, _ in
                AddedTokens.Entry(
                    text: Array(normalize(String(decoding: entry.text, as: UTF8.self)).utf8), number: entry.number,
                    isSpecial: entry.isSpecial, stripsLeft: entry.stripsLeft, stripsRight: entry.stripsRight)
            }
        )
    }

    /// The tokens by number: the model's, and those added to it.
    func vocabulary() throws(ModelFileError) -> (texts: [String], kinds: [TokenKind], added: [Added]) {
        guard let model = document.value("model.vocab")?.object else {
            throw .missingKey(file: document.name, key: "model.vocab", expected: "an object")
        }
        let addedTokens = document.value("added_tokens")?.array ?? []
        // Numbers may leave gaps, but not so many that the table would be far larger than the file.
        let limit = (model.members.count + addedTokens.count) * 4 + 65_536
        var texts: [String?] = []
        func place(_ text: String, _ number: Int?) throws(ModelFileError) -> Int {
            guard let number, number >= 0, number < limit else { throw malformed("the token '\(text)' has no sensible number") }
            while texts.count <= number { texts.append(nil) }
            if let other = texts[number], !other.utf8.elementsEqual(text.utf8) {
                throw malformed("the tokens '\(other)' and '\(text)' both have number \(number)")
            }
            texts[number] = text
            return number
        }
        for member in model.members { _ = try place(member.key, member.value.integer) }
        var added: [Added] = []
        var addedKinds: [Int: TokenKind] = [:]
        for token in addedTokens {
            guard let text = token["content"]?.string, !text.isEmpty, let isSpecial = token["special"]?.bool else {
                throw malformed("an added token lacks its content, or whether it is special")
            }
            guard token["single_word"]?.bool != true else { throw unsupported("the added token '\(text)' matches single words only") }
            let number = try place(text, token["id"]?.integer)
            var entry = AddedTokens.Entry(text: Array(text.utf8), number: Int32(number), isSpecial: isSpecial)
            entry.stripsLeft = token["lstrip"]?.bool ?? false
            entry.stripsRight = token["rstrip"]?.bool ?? false
            added.append((entry, isNormalized: token["normalized"]?.bool ?? !isSpecial))
            addedKinds[number] = isSpecial ? .control : .userDefined
        }
        let kinds = texts.indices.map { addedKinds[$0] ?? (texts[$0] == nil ? .unused : .normal) }
        return (texts.map { $0 ?? "" }, kinds, added)
    }

    /// Merges are written as `"a b"`, or as `["a", "b"]` since version 0.20.
    func merges() throws(ModelFileError) -> [(left: String, right: String)] {
        guard let lines = document.value("model.merges")?.array else {
            throw .missingKey(file: document.name, key: "model.merges", expected: "an array")
        }
        var merges: [(left: String, right: String)] = []
        merges.reserveCapacity(lines.count)
        for (rank, line) in lines.enumerated() {
            if let text = line.string, let merge = ByteLevelTokenizer.splitMerge(text) {
                merges.append(merge)
            } else if let pair = line.strings, pair.count == 2 {
                merges.append((pair[0], pair[1]))
            } else {
                throw malformed("the merge \(rank) is not of two texts")
            }
        }
        return merges
    }

    /// Whether text is brought into normalisation form C, the only normaliser known.
    private func normalizes() throws(ModelFileError) -> Bool {
        guard let normalizer = document.value("normalizer") else { return false }
        let steps = normalizer["type"]?.string == "Sequence" ? normalizer["normalizers"]?.array ?? [] : [normalizer]
        for step in steps where step["type"]?.string != "NFC" {
            throw unsupported("the normalizer '\(step["type"]?.string ?? "without a type")' is not known (known: NFC)")
        }
        return !steps.isEmpty
    }

    /// The tokens that the post-processor puts before and after a text.
    func postProcessing(_ processor: JSONValue?, tokenCount: Int) throws(ModelFileError) -> (prefix: [Int32], suffix: [Int32]) {
        guard let processor else { return ([], []) }
        switch processor["type"]?.string {
        case "ByteLevel": return ([], [])
        case "Sequence":
            var prefix: [Int32] = []
            var suffix: [Int32] = []
            for step in processor["processors"]?.array ?? [] {
                let (before, after) = try postProcessing(step, tokenCount: tokenCount)
                prefix = before + prefix
                suffix += after
            }
            return (prefix, suffix)
        case "TemplateProcessing": return try template(processor, tokenCount: tokenCount)
        case "BertProcessing", "RobertaProcessing":
            return (try ends(processor, "cls", tokenCount: tokenCount), try ends(processor, "sep", tokenCount: tokenCount))
        case let type:
            throw unsupported(
                "the post-processor '\(type ?? "without a type")' is not known (known: ByteLevel, BertProcessing, RobertaProcessing, "
                    + "TemplateProcessing, Sequence)")
        }
    }

    /// The token that `BertProcessing` or `RobertaProcessing` puts at one end of a text, which is given with its number.
    private func ends(_ processor: JSONValue, _ key: String, tokenCount: Int) throws(ModelFileError) -> [Int32] {
        guard let pair = processor[key]?.array, pair.count == 2, let number = pair[1].integer, (0..<tokenCount).contains(number) else {
            throw malformed("the post-processor \(processor["type"]?.string ?? "") names under '\(key)' no token that exists")
        }
        return [Int32(number)]
    }

    private func template(_ processor: JSONValue, tokenCount: Int) throws(ModelFileError) -> (prefix: [Int32], suffix: [Int32]) {
        var prefix: [Int32] = []
        var suffix: [Int32] = []
        var isAfterText = false
        for piece in processor["single"]?.array ?? [] {
            if piece["Sequence"] != nil {
                guard !isAfterText else { throw unsupported("the post-processor repeats the text") }
                isAfterText = true
            } else {
                guard let name = piece["SpecialToken"]?["id"]?.string, let numbers = processor["special_tokens"]?[name]?["ids"]?.integers,
                    numbers.allSatisfy({ (0..<tokenCount).contains($0) })
                else { throw malformed("the post-processor names a token that does not exist") }
                if isAfterText { suffix += numbers.map(Int32.init) } else { prefix += numbers.map(Int32.init) }
            }
        }
        guard isAfterText else { throw malformed("the post-processor leaves the text out") }
        return (prefix, suffix)
    }

    /// A token that settings refer to.
    func token(_ reference: TokenReference?, _ texts: [String]) throws(ModelFileError) -> Int32? {
        switch reference {
        case nil: return nil
        case .name(let name):
            // Settings may name a token that the vocabulary lacks; it then plays no part.
            return texts.firstIndex { $0.utf8.elementsEqual(name.utf8) }.map(Int32.init)
        case .number(let number):
            guard texts.indices.contains(number) else {
                throw malformed("has \(texts.count) tokens, but number \(number) is to be special")
            }
            return Int32(number)
        }
    }

    /// The tokens that end a text; a number that is no token ends nothing.
    func stops(_ numbers: [Int], _ texts: [String], end: Int32?) -> Set<Int32> {
        Set(numbers.filter(texts.indices.contains).map(Int32.init) + [end].compactMap { $0 })
    }
}
