extension String {
    /// The first words on one line, to name a text in a message.
    var beginning: String {
        let line = split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count <= 40 ? line : line.prefix(40) + "…"
    }
}
