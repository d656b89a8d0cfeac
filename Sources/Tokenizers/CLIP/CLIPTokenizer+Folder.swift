import Foundation
import ModelFiles

extension CLIPTokenizer {
    /// The tokenizer of a folder: from `vocab.json` and `merges.txt`, as diffusers reads it, or from `tokenizer.json` where these are not there;
    /// with what `tokenizer_config.json` and `special_tokens_map.json` say of its length and of tokens with a purpose.
    /// - Throws: ``ModelFileError`` when something is missing, contradicts itself, or asks for what is not known.
    public convenience init(folder: String) throws(ModelFileError) {
        func document(_ name: String) throws(ModelFileError) -> JSONDocument? {
            let path = folder + "/" + name
            return FileManager.default.fileExists(atPath: path) ? try JSONDocument(path: path) : nil
        }
        let config = try document("tokenizer_config.json")
        let map = try document("special_tokens_map.json")
        // What comes first counts: files that list their added tokens say all in one place.
        let settings = config?.value("added_tokens_decoder") == nil ? [map, config] : [config, map]
        if let vocabulary = try document("vocab.json") {
            let merges = try MappedFile(path: folder + "/merges.txt")
            try self.init(vocabulary: vocabulary, merges: merges, settings: settings.compactMap { $0 })
        } else if let document = try document("tokenizer.json") {
            try self.init(tokenizerJSON: document, settings: settings.compactMap { $0 })
        } else {
            throw .inaccessible(file: folder, detail: "has neither vocab.json with merges.txt nor tokenizer.json")
        }
    }

    /// - Parameter settings: JSON documents that name tokens and the length, the first that says something counts.
    convenience init(vocabulary: JSONDocument, merges: MappedFile, settings: [JSONDocument]) throws(ModelFileError) {
        let texts = try CLIPTokenizer.texts(vocabulary)
        let special = try SpecialTokens(settings)
        let lines = try CLIPTokenizer.mergeLines(merges)
        var kinds = [TokenKind](repeating: .normal, count: texts.count)
        var added: [AddedTokens.Entry] = []
        for name in special.names {
            guard let number = texts.firstIndex(where: { $0.utf8.elementsEqual(name.utf8) }) else {
                throw .malformed(file: vocabulary.name, detail: "has no token '\(name)', which the settings beside it name")
            }
            kinds[number] = .control
            added.append(AddedTokens.Entry(text: Array(name.utf8), number: Int32(number), isSpecial: true))
        }
        try self.init(
            Parts(
                file: vocabulary.name, texts: texts, kinds: kinds, merges: lines, normalization: .basic, addedTokens: added,
                begin: special.begin, end: special.end, padding: special.padding, contextLength: special.contextLength))
    }

    /// The tokens of a `vocab.json` by number, without gaps.
    private static func texts(_ document: JSONDocument) throws(ModelFileError) -> [String] {
        let members = document.root.members
        var texts = [String?](repeating: nil, count: members.count)
        for member in members {
            guard let number = member.value.integer, texts.indices.contains(number), texts[number] == nil else {
                throw .malformed(file: document.name, detail: "the tokens are not numbered from 0 to \(members.count - 1)")
            }
            texts[number] = member.key
        }
        return texts.map { $0! }
    }

    /// The merges of a `merges.txt`, whose first line is its version.
    private static func mergeLines(_ file: MappedFile) throws(ModelFileError) -> [(left: String, right: String)] {
        defer { withExtendedLifetime(file) {} }
        guard let text = String(validating: file.bytes, as: UTF8.self) else { throw .malformed(file: file.name, detail: "is not UTF-8") }
        var merges: [(left: String, right: String)] = []
        // The original file has more lines than its vocabulary has tokens.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().prefix(maximumMerges)
        for (rank, line) in lines.enumerated() where !line.isEmpty {
            guard let merge = ByteLevelTokenizer.splitMerge(line.hasSuffix("\r") ? String(line.dropLast()) : String(line)) else {
                throw .malformed(file: file.name, detail: "the merge \(rank) ('\(line)') is not two texts with a space between them")
            }
            merges.append(merge)
        }
        return merges
    }

    /// 49152 tokens but for 256 bytes and two special ones.
    private static let maximumMerges = 49152 - 256 - 2

    /// What settings say of tokens with a purpose.
    private struct SpecialTokens {
        var begin = "<|startoftext|>"
        var end = "<|endoftext|>"
        var padding = "<|endoftext|>"
        /// All of them, and those added to the vocabulary.
        var names: [String] = []
        var contextLength: Int?

        init(_ settings: [JSONDocument]) throws(ModelFileError) {
            func name(_ key: String, _ usual: String) -> String {
                settings.lazy.compactMap { HuggingFaceFolder.tokenName($0, key) }.first ?? usual
            }
            begin = name("bos_token", begin)
            end = name("eos_token", end)
            padding = name("pad_token", padding)
            names = [begin, end, padding, name("unk_token", end)]
            for document in settings {
                for member in document.value("added_tokens_decoder")?.object?.members ?? [] {
                    if let text = member.value["content"]?.string { names.append(text) }
                }
                for value in document.value("additional_special_tokens")?.array ?? [] {
                    if let text = value.string ?? value["content"]?.string { names.append(text) }
                }
                guard contextLength == nil else { continue }
                contextLength = try document.statedMaximumLength()
            }
            var seen: Set<[UInt8]> = []
            names = names.filter { seen.insert(Array($0.utf8)).inserted }
        }
    }

    /// The name of the token that fills up a text, as settings have it.
    static func paddingName(_ settings: [JSONDocument]) -> String? {
        settings.lazy.compactMap { HuggingFaceFolder.tokenName($0, "pad_token") }.first
    }
}
