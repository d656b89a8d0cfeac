import ModelFiles

extension GGUFFile {
    /// The tokens after which llama.cpp ends a text: those that the metadata name as the end of a sequence, a turn, a message or a file, and
    /// those with names that models are known to end with.
    ///
    /// A number that is no token is left out, as there.
    /// - Parameter number: The number of the token with a text.
    func endsOfText(tokens: Int, number: (String) -> Int32?) throws(ModelFileError) -> Set<Int32> {
        var ends: Set<Int32> = []
        for name in GGUFFile.endNames { if let token = number(name) { ends.insert(token) } }
        for key in ["eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep"] {
            let stated = try integer(ifPresent: "tokenizer.ggml.\(key)_token_id").flatMap {
                0 <= $0 && $0 < tokens ? Int32(exactly: $0) : nil
            }
            if let token = stated ?? GGUFFile.middleNames[key]?.lazy.compactMap(number).first { ends.insert(token) }
        }
        // Where a message ends in other tokens, these stand within it.
        func isEnd(_ name: String) -> Bool { number(name).map(ends.contains) ?? false }
        let calls = isEnd("<|call|>") || isEnd("<|calls|>")
        if calls && (isEnd("<|return|>") || isEnd("<|flush|>")), let end = number("<|end|>") { ends.remove(end) }
        if isEnd("<|tool_response>"), let end = number("</s>") { ends.remove(end) }
        return ends
    }

    /// Source: llama.cpp, `llama_vocab::impl::load`.
    private static let endNames = [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>", "<|endoftext|>", "</s>",
        "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
        "<｜end▁of▁sentence｜>", "[e~[",
    ]

    /// What ends a piece of code that is filled in, where the metadata do not say.
    private static let middleNames = [
        "fim_pad": ["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"],
        "fim_rep": ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"],
        "fim_sep": ["<|file_sep|>"],
    ]
}
