import ModelFiles

/// What the metadata of a GGUF file say about single tokens.
extension GGUFFile {
    /// What each token is for.
    func tokenKinds(count: Int) throws(ModelFileError) -> [TokenKind] {
        let key = "tokenizer.ggml.token_type"
        guard let types = try integers(ifPresent: key) else { return [TokenKind](repeating: .normal, count: count) }
        guard types.count == count else {
            throw .malformed(file: name, detail: "'\(key)' has \(types.count) elements for \(count) tokens")
        }
        return types.map { TokenKind(rawValue: $0) ?? .normal }
    }

    /// A token by its number under a key.
    func specialToken(_ key: String, count: Int) throws(ModelFileError) -> Int32? {
        guard let number = try integer(ifPresent: key) else { return nil }
        guard number >= 0, number < count, let token = Int32(exactly: number) else {
            throw .malformed(file: name, detail: "'\(key)' is \(number), but there are \(count) tokens")
        }
        return token
    }

    /// A token that is put before or after every text.
    func required(_ token: Int32?, _ key: String) throws(ModelFileError) -> [Int32] {
        guard let token else { throw .missingKey(file: name, key: key, expected: "an integer") }
        return [token]
    }
}
