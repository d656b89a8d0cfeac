extension String {
    /// The first six words on one line, at most 60 characters, to name a text in a message.
    var beginning: String {
        let words = split(whereSeparator: \.isWhitespace)
        let first = words.prefix(6).joined(separator: " ")
        let cut = first.prefix(60)
        return cut + (words.count > 6 || cut.count < first.count ? " …" : "")
    }
}
