import Foundation
import ModelFiles

extension UnigramTokenizer {
    /// The tokenizer of a folder: from `tokenizer.json`, which says all, or from `spiece.model`.
    public convenience init(folder: String) throws(ModelFileError) {
        if FileManager.default.fileExists(atPath: folder + "/tokenizer.json") {
            try self.init(tokenizerJSON: JSONDocument(path: folder + "/tokenizer.json"))
            guard hasPadding else {
                throw .malformed(file: folder + "/tokenizer.json", detail: "has no token '<pad>' to fill up with")
            }
        } else if FileManager.default.fileExists(atPath: folder + "/spiece.model") {
            try self.init(SentencePieceModel(path: folder + "/spiece.model"))
        } else {
            throw .inaccessible(file: folder, detail: "has neither tokenizer.json nor spiece.model")
        }
    }

    /// The tokenizer of a Hugging Face `tokenizer.json` whose `model.type` is `Unigram`, with the steps that SentencePiece's models are
    /// converted to; others are refused.
    convenience init(
        tokenizerJSON document: JSONDocument, beginOfSequence: TokenReference? = nil, endOfSequence: TokenReference? = nil,
        stopNumbers: [Int] = []
    ) throws(ModelFileError) {
        let reader = TokenizerJSON(document)
        guard try document.string("model.type") == "Unigram" else { throw reader.unsupported("the tokenizer is no unigram model") }
        let (texts, scores) = try UnigramTokenizer.vocabulary(reader)
        let unknown = try document.integer("model.unk_id")
        var parts = Parts(
            file: document.name, texts: texts, scores: scores, kinds: [TokenKind](repeating: .normal, count: texts.count),
            map: CharacterMap(), normalization: .stated(stripsEnd: false, spaces: .kept, prefix: .always), unknown: unknown,
            isSingle: false)
        parts.fallsBackToBytes = try document.bool(ifPresent: "model.byte_fallback") ?? false
        try UnigramTokenizer.readSteps(reader, &parts)
        try UnigramTokenizer.readAddedTokens(reader, &parts)
        (parts.prefix, parts.suffix) = try reader.postProcessing(document.value("post_processor"), tokenCount: parts.texts.count)
        parts.begin = try reader.token(beginOfSequence, parts.texts)
        parts.end = (try reader.token(endOfSequence, parts.texts) ?? parts.suffix.last).map(Int.init)
        parts.stops = reader.stops(stopNumbers, parts.texts, end: nil)
        let padding = document.value("padding.pad_token")?.string ?? "<pad>"
        parts.padding = parts.texts.firstIndex { $0.utf8.elementsEqual(padding.utf8) }
        if parts.kinds.indices.contains(unknown) { parts.kinds[unknown] = .unknown }
        try self.init(parts)
    }

    private static func vocabulary(_ reader: TokenizerJSON) throws(ModelFileError) -> (texts: [String], scores: [Float]) {
        guard let pieces = reader.document.value("model.vocab")?.array else {
            throw .missingKey(file: reader.document.name, key: "model.vocab", expected: "an array")
        }
        var (texts, scores): ([String], [Float]) = ([], [])
        for (number, piece) in pieces.enumerated() {
            guard let pair = piece.array, pair.count == 2, let text = pair[0].string, let score = pair[1].float, score.isFinite else {
                throw reader.malformed("the piece \(number) is not a text with its score")
            }
            texts.append(text)
            scores.append(score)
        }
        return (texts, scores)
    }

    private static func readAddedTokens(_ reader: TokenizerJSON, _ parts: inout Parts) throws(ModelFileError) {
        for token in reader.document.value("added_tokens")?.array ?? [] {
            guard let text = token["content"]?.string, !text.isEmpty, let isSpecial = token["special"]?.bool,
                let number = token["id"]?.integer
            else { throw reader.malformed("an added token lacks its content, its number, or whether it is special") }
            guard token["single_word"]?.bool != true else {
                throw reader.unsupported("the added token '\(text)' matches single words only")
            }
            guard number >= 0, number <= parts.texts.count else {
                throw reader.malformed("the added token '\(text)' has the number \(number), after \(parts.texts.count) tokens")
            }
            if number == parts.texts.count {
                parts.texts.append(text)
                parts.scores.append(0)
                parts.kinds.append(.normal)
            }
            guard parts.texts[number].utf8.elementsEqual(text.utf8) else {
                throw reader.malformed("the tokens '\(parts.texts[number])' and '\(text)' both have number \(number)")
            }
            parts.kinds[number] = isSpecial ? .control : .userDefined
            let isNormalized = token["normalized"]?.bool ?? !isSpecial
            let entry = AddedTokens.Entry(
                text: isNormalized ? parts.normalization.apply(text, parts.map) : Array(text.utf8), number: Int32(number),
                isSpecial: isSpecial,
                stripsLeft: token["lstrip"]?.bool ?? false, stripsRight: token["rstrip"]?.bool ?? false)
            if isNormalized { parts.addedTokensAfterNormalization.append(entry) } else { parts.addedTokens.append(entry) }
        }
    }

    /// The normaliser's and the pre-tokenizer's steps.
    private static func readSteps(_ reader: TokenizerJSON, _ parts: inout Parts) throws(ModelFileError) {
        var stripsEnd = false
        var spaces = UnigramNormalization.SpaceRule.kept
        for step in steps(reader.document.value("normalizer"), "normalizers") {
            switch step["type"]?.string {
            case "Precompiled":
                let text = step["precompiled_charsmap"]?.string ?? ""
                guard parts.map.isEmpty, !stripsEnd, spaces == .kept, let bytes = Data(base64Encoded: text) else {
                    throw reader.malformed("the table of characters is not in base 64, or not the first step")
                }
                parts.map = try CharacterMap(Array(bytes), file: reader.document.name)
            case "Strip" where step["strip_left"]?.bool == false && step["strip_right"]?.bool == true && spaces == .kept: stripsEnd = true
            case "Replace" where step["pattern"]?["Regex"]?.string == " {2,}" && step["content"]?.string == " ": spaces = .one
            case "Replace" where step["pattern"]?["Regex"]?.string == " {2,}" && step["content"]?.string == "\u{2581}": spaces = .mark
            case let type: throw reader.unsupported("the normalizer's step '\(type ?? "without a type")' is not one of SentencePiece's")
            }
        }
        var prefix: UnigramNormalization.PrefixRule?
        for step in steps(reader.document.value("pre_tokenizer"), "pretokenizers") {
            switch step["type"]?.string {
            case "WhitespaceSplit" where prefix == nil: spaces = .cut
            case "Metaspace" where prefix == nil && step["replacement"]?.string == "\u{2581}" && step["split"]?.bool != false:
                switch step["prepend_scheme"]?.string {
                case "always": prefix = .always
                case "first": prefix = .first
                case "never": prefix = .never
                case nil: prefix = step["add_prefix_space"]?.bool ?? true ? .always : .never
                case let other?: throw reader.unsupported("the prefix rule '\(other)' is not known")
                }
            case let type: throw reader.unsupported("the pre-tokenizer's step '\(type ?? "without a type")' is not one of SentencePiece's")
            }
        }
        guard let prefix else { throw reader.unsupported("the pre-tokenizer does not write spaces as U+2581") }
        parts.normalization = .stated(stripsEnd: stripsEnd, spaces: spaces, prefix: prefix)
    }

    private static func steps(_ value: JSONValue?, _ key: String) -> [JSONValue] {
        guard let value else { return [] }
        return value["type"]?.string == "Sequence" ? value[key]?.array ?? [] : [value]
    }
}
