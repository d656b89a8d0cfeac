/// The entries of a ZIP archive that are stored as they are, which is how PyTorch writes its own.
///
/// Every offset and length is compared with the file before it is used. Compressed and encrypted entries are listed and refused when
/// they are asked for.
///
/// Source: PKWARE's APPNOTE.TXT 6.3.10.
struct ZipArchive {
    private struct Entry {
        var header: Int
        var size: Int
        var compressedSize: Int
        var method: UInt16
        var flags: UInt16
    }

    let file: MappedFile
    private let entries: [String: Entry]
    /// In the order of the directory.
    let names: [String]

    /// The most entries that are read.
    private static let maximumEntries = 1 << 16

    init(_ file: MappedFile) throws(ModelFileError) {
        self.file = file
        func malformed(_ detail: String) -> ModelFileError { .malformed(file: file.name, detail: "the ZIP archive \(detail)") }
        let bytes = file.bytes
        // The end of the directory is within the last 64 KiB, where a comment may follow it.
        let endLength = 22
        guard bytes.count >= endLength else { throw malformed("is shorter than its smallest part") }
        let first = max(0, bytes.count - endLength - 0xFFFF)
        guard
            let end = stride(from: bytes.count - endLength, through: first, by: -1).first(where: {
                file.zipInteger($0, UInt32.self) == 0x0605_4B50
            })
        else { throw malformed("has no directory: it was cut short") }
        var count = Int(file.zipInteger(end + 10, UInt16.self))
        var start = Int(file.zipInteger(end + 16, UInt32.self))
        // ZIP64: its own end record, which a locator before this one names.
        if count == 0xFFFF || start == 0xFFFF_FFFF {
            guard end >= 20, file.zipInteger(end - 20, UInt32.self) == 0x0706_4B50,
                let place = Int(exactly: file.zipInteger(end - 12, UInt64.self)), place >= 0, place <= bytes.count - 56,
                file.zipInteger(place, UInt32.self) == 0x0606_4B50,
                let longCount = Int(exactly: file.zipInteger(place + 32, UInt64.self)),
                let longStart = Int(exactly: file.zipInteger(place + 48, UInt64.self))
            else { throw malformed("says that it is of the 64-bit form and has no such directory") }
            (count, start) = (longCount, longStart)
        }
        guard count <= Self.maximumEntries else { throw malformed("says that it has \(count) entries") }
        var entries: [String: Entry] = [:]
        var names: [String] = []
        var offset = start
        for number in 0..<count {
            guard offset >= 0, offset <= bytes.count - 46, file.zipInteger(offset, UInt32.self) == 0x0201_4B50 else {
                throw malformed("has a directory that ends at entry \(number + 1) of \(count)")
            }
            let lengths = [28, 30, 32].map { Int(file.zipInteger(offset + $0, UInt16.self)) }
            let total = 46 + lengths.reduce(0, +)
            guard offset <= bytes.count - total else { throw malformed("has a directory that is cut short") }
            guard let name = String(validating: bytes[offset + 46..<offset + 46 + lengths[0]], as: UTF8.self) else {
                throw malformed("has an entry whose name is not UTF-8")
            }
            var entry = Entry(
                header: Int(file.zipInteger(offset + 42, UInt32.self)), size: Int(file.zipInteger(offset + 24, UInt32.self)),
                compressedSize: Int(file.zipInteger(offset + 20, UInt32.self)), method: file.zipInteger(offset + 10, UInt16.self),
                flags: file.zipInteger(offset + 8, UInt16.self))
            try Self.readLongSizes(&entry, of: file, offset + 46 + lengths[0]..<offset + 46 + lengths[0] + lengths[1], malformed)
            guard entries.updateValue(entry, forKey: name) == nil else { throw malformed("has two entries named '\(name)'") }
            names.append(name)
            offset += total
        }
        self.entries = entries
        self.names = names
    }

    /// Sizes and offsets of 64 bits, in an extra field, where those of 32 bits say so.
    private static func readLongSizes(
        _ entry: inout Entry, of file: MappedFile, _ extra: Range<Int>, _ malformed: (String) -> ModelFileError
    ) throws(ModelFileError) {
        let long = 0xFFFF_FFFF
        guard entry.size == long || entry.compressedSize == long || entry.header == long else { return }
        var offset = extra.lowerBound
        while offset + 4 <= extra.upperBound {
            let length = Int(file.zipInteger(offset + 2, UInt16.self))
            guard offset + 4 + length <= extra.upperBound else { break }
            if file.zipInteger(offset, UInt16.self) == 1 {
                var place = offset + 4
                func next() -> Int? {
                    guard place + 8 <= offset + 4 + length else { return nil }
                    defer { place += 8 }
                    return Int(exactly: file.zipInteger(place, UInt64.self))
                }
                if entry.size == long { entry.size = next() ?? -1 }
                if entry.compressedSize == long { entry.compressedSize = next() ?? -1 }
                if entry.header == long { entry.header = next() ?? -1 }
                break
            }
            offset += 4 + length
        }
        guard entry.size >= 0, entry.compressedSize >= 0, entry.header >= 0 else { throw malformed("has an entry without its size") }
    }

    func contains(_ name: String) -> Bool { entries[name] != nil }

    /// The bounds of an entry's bytes in the file.
    func range(of name: String) throws(ModelFileError) -> Range<Int> {
        func malformed(_ detail: String) -> ModelFileError { .malformed(file: file.name, detail: "the entry '\(name)' \(detail)") }
        guard let entry = entries[name] else { throw malformed("is missing from the archive") }
        guard entry.method == 0, entry.flags & 1 == 0 else {
            throw .unsupported(file: file.name, detail: "the entry '\(name)' is compressed or encrypted, which PyTorch's own files are not")
        }
        guard entry.compressedSize == entry.size else { throw malformed("is stored and has two sizes") }
        guard entry.header <= file.count - 30, file.zipInteger(entry.header, UInt32.self) == 0x0403_4B50 else {
            throw malformed("lies outside the file")
        }
        // The lengths of name and extra field may be others here than in the directory.
        let start =
            entry.header + 30 + Int(file.zipInteger(entry.header + 26, UInt16.self)) + Int(file.zipInteger(entry.header + 28, UInt16.self))
        guard start <= file.count, entry.size <= file.count - start else { throw malformed("reaches past the end of the file") }
        return start..<start + entry.size
    }
}

extension MappedFile {
    /// A little-endian integer at a place that is within the file.
    fileprivate func zipInteger<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: T.Type) -> T {
        T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
