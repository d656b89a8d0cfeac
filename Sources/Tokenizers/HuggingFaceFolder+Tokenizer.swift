import Foundation
import ModelFiles

extension HuggingFaceFolder {
    /// The tokenizer, from `tokenizer.json` and what `tokenizer_config.json`, `generation_config.json` and `config.json` say about the first
    /// and last tokens; without one from Mistral's `tekken.json`, from SentencePiece's `tokenizer.model`, or from BERT's `vocab.txt`.
    public func tokenizer() throws(ModelFileError) -> any Tokenizer {
        func holds(_ file: String) -> Bool { FileManager.default.fileExists(atPath: "\(name)/\(file)") }
        if !holds("tokenizer.json"), holds("tekken.json") {
            return try TekkenTokenizer(JSONDocument(path: name + "/tekken.json"), stopNumbers: endNumbers())
        }
        if !holds("tokenizer.json"), holds("tokenizer.model") { return try sentencePieceTokenizer() }
        let settings = try tokenizerConfig()
        if !holds("tokenizer.json"), holds("vocab.txt") {
            return try WordPieceTokenizer(vocabulary: MappedFile(path: name + "/vocab.txt"), settings: settings)
        }
        let document = try JSONDocument(path: name + "/tokenizer.json").changed(by: settings)
        return try TokenizerRegistry.load(
            tokenizerJSON: document,
            beginOfSequence: specialToken(settings, "bos_token", "bos_token_id"),
            endOfSequence: specialToken(settings, "eos_token", "eos_token_id"), stopNumbers: endNumbers())
    }

    /// SentencePiece's own file; `tokenizer_config.json` says whether the first and last tokens are put around a text.
    private func sentencePieceTokenizer() throws(ModelFileError) -> any Tokenizer {
        let model = try SentencePieceModel(path: name + "/tokenizer.model")
        let settings = try tokenizerConfig()
        func number(_ reference: TokenReference?) -> Int32? {
            let number: Int? =
                switch reference {
                case nil: nil
                case .name(let text): model.pieces.firstIndex { $0.text == text }
                case .number(let number): model.pieces.indices.contains(number) ? number : nil
                }
            return number.map(Int32.init)
        }
        let begin = number(try specialToken(settings, "bos_token", "bos_token_id"))
        let end = number(try specialToken(settings, "eos_token", "eos_token_id"))
        let stops = try endNumbers().filter(model.pieces.indices.contains).map(Int32.init)
        return try SentencePieceTokenizer(
            model, beginOfSequence: begin, endOfSequence: end,
            prefix: settings?.value("add_bos_token")?.bool ?? true ? [begin].compactMap { $0 } : [],
            suffix: settings?.value("add_eos_token")?.bool ?? false ? [end].compactMap { $0 } : [],
            stops: Set(stops + [end].compactMap { $0 }))
    }

    /// The tokens that end a text: one or several in `generation_config.json`, in `config.json`, or in both. What the tokenizer's settings
    /// call the end of a sequence is one, too.
    private func endNumbers() throws(ModelFileError) -> [Int] {
        let key = "eos_token_id"
        let path = name + "/generation_config.json"
        var sources = [config]
        if FileManager.default.fileExists(atPath: path) { sources.append(try JSONDocument(path: path)) }
        var numbers: [Int] = []
        for source in sources {
            guard let value = source.value(key) else { continue }
            guard let stated = value.integer.map({ [$0] }) ?? value.integers else {
                throw .wrongType(file: source.name, key: key, expected: "an integer or an array of them", found: value.typeDescription)
            }
            numbers += stated
        }
        return numbers
    }

    func tokenizerConfig() throws(ModelFileError) -> JSONDocument? {
        let path = name + "/tokenizer_config.json"
        return FileManager.default.fileExists(atPath: path) ? try JSONDocument(path: path) : nil
    }

    /// A token by its name in the tokenizer's settings, or else by its number in the model's.
    private func specialToken(
        _ settings: JSONDocument?, _ nameKey: String, _ numberKey: String
    ) throws(ModelFileError) -> TokenReference? {
        if let text = HuggingFaceFolder.tokenName(settings, nameKey) { return .name(text) }
        switch config.value(numberKey) {
        case nil: return nil
        case .integer(let number): return .number(number)
        // Several tokens end a text for some models: the first is the end of the sequence.
        case .array(let numbers): return numbers.first?.integer.map { .number($0) }
        default: throw .wrongType(file: config.name, key: numberKey, expected: "an integer", found: "something else")
        }
    }

    /// The name of a token, which settings give as a string or as an object with the string under `content`.
    static func tokenName(_ settings: JSONDocument?, _ key: String) -> String? {
        settings?.value(key)?.string ?? settings?.value(key)?["content"]?.string
    }
}
