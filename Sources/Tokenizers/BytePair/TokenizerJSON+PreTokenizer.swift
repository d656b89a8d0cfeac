import ModelFiles

extension TokenizerJSON {
    private static let contractions = ["(?i:'s|'t|'re|'ve|'m|'ll|'d)", "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"]

    /// The patterns of Llama 3 and Qwen 2, which differ in how many digits a word has, in both spellings of the contractions; those of tekken and
    /// GPT-4o.
    static let patterns: [String: PreTokenizer] = {
        var patterns: [String: PreTokenizer] = [:]
        for contraction in contractions {
            for (digits, preTokenizer) in [("{1,3}", PreTokenizer.llama3), ("", .qwen2)] {
                let rest = #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}\#(digits)| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
                patterns[contraction + rest] = preTokenizer
            }
        }
        let (upper, lower) = (#"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#, #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#)
        for (contraction, digits, preTokenizer) in [("", "", PreTokenizer.tekken)] + contractions.map({ ($0 + "?", "{1,3}", .gpt4o) }) {
            let lead = #"[^\r\n\p{L}\p{N}]?"#
            let words = "\(lead)\(upper)*\(lower)+\(contraction)|\(lead)\(upper)+\(lower)*\(contraction)"
            patterns[words + #"|\p{N}\#(digits)| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#] = preTokenizer
        }
        return patterns
    }()

    /// The pre-tokenizer, recognised by its steps, and whether text that begins without a space gets one.
    func preTokenizer() throws(ModelFileError) -> (preTokenizer: PreTokenizer, addsPrefixSpace: Bool) {
        guard let value = document.value("pre_tokenizer") else { throw unsupported("has no pre-tokenizer, so is not byte-level BPE") }
        let steps = value["type"]?.string == "Sequence" ? value["pretokenizers"]?.array ?? [] : [value]
        guard let last = steps.last, last["type"]?.string == "ByteLevel", let addsPrefixSpace = last["add_prefix_space"]?.bool else {
            throw unsupported("the pre-tokenizer does not end in ByteLevel that says whether it adds a prefix space")
        }
        // Versions before 0.12 always used GPT-2's pattern, and wrote nothing about it.
        let usesPattern = last["use_regex"]?.bool ?? true
        if steps.count == 1, usesPattern { return (.gpt2, addsPrefixSpace) }
        if addsPrefixSpace { throw unsupported("the pre-tokenizer adds a prefix space to every part of a text that another step cuts") }
        if steps.count == 2 {
            let first = steps[0]
            if usesPattern, first["type"]?.string == "Digits", first["individual_digits"]?.bool == true { return (.smollm, false) }
            if !usesPattern, first["type"]?.string == "Split", first["behavior"]?.string == "Isolated", first["invert"]?.bool != true,
                let pattern = first["pattern"]?["Regex"]?.string, let known = TokenizerJSON.patterns[pattern]
            {
                return (known, false)
            }
        }
        let known = PreTokenizer.allCases.filter { $0 != .default }.map(\.rawValue).joined(separator: ", ")
        throw unsupported("the pre-tokenizer is none of those known (those of \(known))")
    }
}
