import FileSystem

/// Writes GGUF files (version 3) of metadata and f32 tensors.
///
/// Source: the GGUF specification (ggml, `docs/gguf.md`).
public enum GGUFWriter {
    /// A value of the metadata.
    public enum Value {
        case string(String)
        case unsigned(UInt32)
    }

    private static let alignment = 32

    /// Writes a file, or leaves what was there when that fails.
    /// - Parameter tensors: Vectors.
    public static func write(
        metadata: [(key: String, value: Value)], tensors: [(name: String, values: [Float])], to path: String
    ) throws(ModelFileError) {
        var header = Array("GGUF".utf8) + bytes(UInt32(3)) + bytes(UInt64(tensors.count)) + bytes(UInt64(metadata.count))
        for (key, value) in metadata {
            header += string(key)
            switch value {
            case .string(let text): header += bytes(UInt32(8)) + string(text)
            case .unsigned(let number): header += bytes(UInt32(4)) + bytes(number)
            }
        }
        var data: [UInt8] = []
        for (name, values) in tensors {
            header += string(name) + bytes(UInt32(1)) + bytes(UInt64(values.count)) + bytes(UInt32(0)) + bytes(UInt64(data.count))
            data += values.flatMap { bytes($0.bitPattern) }
            pad(&data)
        }
        pad(&header)
        do { try OutputFile(path).write([header, data]) } catch { throw .unwritable(error) }
    }

    private static func pad(_ bytes: inout [UInt8]) { while bytes.count % alignment != 0 { bytes.append(0) } }

    private static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    private static func string(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }
}
