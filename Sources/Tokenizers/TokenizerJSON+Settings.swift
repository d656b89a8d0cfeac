import ModelFiles

extension JSONDocument {
    /// A `tokenizer.json` with what `tokenizer_config.json` says otherwise, which counts in transformers: how BERT's tokenizers treat case, accents
    /// and ideographs, and whether byte-level ones put a space before a text.
    func changed(by settings: JSONDocument?) -> JSONDocument {
        guard let settings else { return self }
        let steps = [
            ("normalizer", "BertNormalizer", BERTNormalization.settings),
            ("pre_tokenizer", "ByteLevel", ["add_prefix_space": "add_prefix_space"]),
        ]
        return steps.reduce(self) { document, step in
            let (key, type, names) = step
            guard let value = document.value(key), value["type"]?.string == type, case .object(let object) = value else { return document }
            let members = object.members.map { member in
                JSONObject.Member(key: member.key, value: names[member.key].flatMap(settings.value) ?? member.value)
            }
            return document.replacing([key: .object(JSONObject(members: members))])
        }
    }
}

extension BERTNormalization {
    /// What `tokenizer_config.json` calls the settings of the normaliser.
    fileprivate static let settings = [
        "lowercase": "do_lower_case", "strip_accents": "strip_accents", "handle_chinese_chars": "tokenize_chinese_chars",
    ]
}
