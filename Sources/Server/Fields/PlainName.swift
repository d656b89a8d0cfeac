extension String {
    /// Whether this is 1 to 64 letters and digits of ASCII, `-`, `_` and `.`: what can be in a path, a header and a log as it is.
    var isPlainName: Bool {
        let marks = Array("-_.".utf8)
        return (1...64).contains(utf8.count)
            && utf8.allSatisfy { byte in
                marks.contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            }
    }
}
