/// Reads little-endian values one after the other, never past the end.
struct ByteReader {
    let file: MappedFile
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(_ file: MappedFile) {
        self.file = file
        bytes = file.bytes
    }

    /// The number of bytes that are left.
    var remaining: Int { bytes.count - offset }

    /// The bounds of the next `length` bytes, and steps over them. `what` names them in the error.
    mutating func skip(_ length: Int, _ what: @autoclosure () -> String) throws(ModelFileError) -> Range<Int> {
        guard length >= 0, length <= remaining else {
            throw .malformed(
                file: file.name, detail: "the file ends inside \(what()) (\(length) bytes at \(offset), the file has \(bytes.count))")
        }
        let range = offset..<offset + length
        offset += length
        return range
    }

    /// The next integer.
    mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
        _ type: T.Type, _ what: @autoclosure () -> String
    ) throws(ModelFileError) -> T {
        let range = try skip(MemoryLayout<T>.size, what())
        return T(littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self))
    }

    /// A 64-bit length whose elements take at least `minimumBytes` each, so that it cannot exceed what is left of the file.
    mutating func length(minimumBytes: Int, _ what: @autoclosure () -> String) throws(ModelFileError) -> Int {
        let start = offset
        let length = try integer(UInt64.self, what())
        guard length <= UInt64(remaining / minimumBytes) else {
            throw .malformed(
                file: file.name, detail: "\(what()) at byte \(start) is \(length), more than the \(remaining) bytes left can hold")
        }
        return Int(length)
    }

    /// A string: its length in 64 bits, then UTF-8.
    mutating func string(_ what: @autoclosure () -> String) throws(ModelFileError) -> String {
        let length = try length(minimumBytes: 1, "the length of \(what())")
        let range = try skip(length, what())
        guard let string = String(validating: bytes[range], as: UTF8.self) else {
            throw .malformed(file: file.name, detail: "\(what()) at byte \(range.lowerBound) is not UTF-8")
        }
        return string
    }
}
