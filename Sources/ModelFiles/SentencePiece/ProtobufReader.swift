/// The fields of a message in Protocol Buffers' wire format, one after the other, never past the end.
///
/// Source: protobuf.dev, "Encoding".
struct ProtobufReader {
    enum Value {
        case integer(UInt64)
        case fixed32(UInt32)
        case fixed64(UInt64)
        case bytes(Range<Int>)
    }

    private let file: MappedFile
    private var place: Int
    private let end: Int

    /// The message in a range of a file.
    init(_ file: MappedFile, _ range: Range<Int>) {
        self.file = file
        place = range.lowerBound
        end = range.upperBound
    }

    /// The next field's number and value; nil at the end.
    mutating func next() throws(ModelFileError) -> (field: Int, value: Value)? {
        guard place < end else { return nil }
        let key = try integer()
        guard key >> 3 > 0, let field = Int(exactly: key >> 3) else { throw malformed("a field has the number 0") }
        switch key & 7 {
        case 0: return (field, .integer(try integer()))
        case 1:
            let bytes = try take(8)
            return (field, .fixed64(file.bytes.loadUnaligned(fromByteOffset: bytes.lowerBound, as: UInt64.self).littleEndian))
        case 2:
            let length = try integer()
            guard length <= UInt64(end - place) else { throw malformed("a field is longer than what is left") }
            return (field, .bytes(try take(Int(length))))
        case 5:
            let bytes = try take(4)
            return (field, .fixed32(file.bytes.loadUnaligned(fromByteOffset: bytes.lowerBound, as: UInt32.self).littleEndian))
        default: throw malformed("a field has a type that is not known")
        }
    }

    private mutating func take(_ count: Int) throws(ModelFileError) -> Range<Int> {
        guard count <= end - place else { throw malformed("a field reaches past the end") }
        defer { place += count }
        return place..<place + count
    }

    /// Seven bits a byte, the lowest first.
    private mutating func integer() throws(ModelFileError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard place < end else { throw malformed("a number reaches past the end") }
            let byte = file.bytes[place]
            place += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw malformed("a number has more than ten bytes")
    }

    func malformed(_ detail: String) -> ModelFileError {
        .malformed(file: file.name, detail: "as a message of Protocol Buffers: \(detail), at byte \(place)")
    }
}
