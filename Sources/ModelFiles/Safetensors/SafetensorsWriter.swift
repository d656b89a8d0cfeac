import FileSystem
import Tensors

/// Writes safetensors files.
///
/// The same tensors and metadata always give the same bytes: tensors come by falling element size, then by name, so that each
/// is aligned for its type; metadata by key. The header is padded with spaces so that the data begin at a multiple of 8 bytes.
public enum SafetensorsWriter {
    /// A tensor to write.
    public struct Entry: Sendable {
        public let name: String
        public let shape: Shape
        public let dtype: DType
        /// Little-endian elements, row-major.
        public let bytes: [UInt8]

        public init(name: String, shape: Shape, dtype: DType, bytes: [UInt8]) {
            self.name = name
            self.shape = shape
            self.dtype = dtype
            self.bytes = bytes
        }

        /// An f32 tensor.
        public init(name: String, shape: Shape, floats: [Float]) {
            self.init(
                name: name, shape: shape, dtype: .f32,
                bytes: floats.map(\.bitPattern.littleEndian).withUnsafeBytes { Array($0) })
        }

        /// An i32 tensor.
        public init(name: String, shape: Shape, integers: [Int32]) {
            self.init(
                name: name, shape: shape, dtype: .i32,
                bytes: integers.map(\.littleEndian).withUnsafeBytes { Array($0) })
        }
    }

    /// Writes a file, or leaves what was there when that fails.
    /// - Throws: ``ModelFileError/unsupported(file:detail:)`` when a tensor's bytes do not fit its shape, a name occurs twice, or the
    ///   format has no such element type; ``ModelFileError/unwritable(_:)`` when the file cannot be written.
    public static func write(_ tensors: [Entry], metadata: [String: String] = [:], to path: String) throws(ModelFileError) {
        let ordered = tensors.sorted {
            $0.dtype.blockBytes != $1.dtype.blockBytes
                ? $0.dtype.blockBytes > $1.dtype.blockBytes : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
        let header = try header(ordered, metadata, path)
        let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
        do {
            try OutputFile(path).write([length, header] + ordered.map(\.bytes))
        } catch {
            throw .unwritable(error)
        }
    }

    private static func header(
        _ tensors: [Entry], _ metadata: [String: String], _ path: String
    ) throws(ModelFileError) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            members.append("\"__metadata__\":{" + pairs.map { quote($0.key) + ":" + quote($0.value) }.joined(separator: ",") + "}")
        }
        var names = ByteStringTable()
        var end = 0
        for tensor in tensors {
            guard let type = SafetensorsType(tensor.dtype) else {
                throw .unsupported(
                    file: path, detail: "the tensor '\(tensor.name)' is \(tensor.dtype), which safetensors files cannot hold")
            }
            guard tensor.dtype.byteCount(elements: tensor.shape.count) == tensor.bytes.count else {
                throw .unsupported(
                    file: path, detail: "the tensor '\(tensor.name)' of shape \(tensor.shape) has \(tensor.bytes.count) bytes")
            }
            guard tensor.name != "__metadata__", names.insert(tensor.name, 0) == nil else {
                throw .unsupported(file: path, detail: "the tensor name '\(tensor.name)' occurs twice or is reserved")
            }
            let shape = tensor.shape.dimensions.map(String.init).joined(separator: ",")
            let start = end
            end += tensor.bytes.count
            members.append("\(quote(tensor.name)):{\"dtype\":\"\(type)\",\"shape\":[\(shape)],\"data_offsets\":[\(start),\(end)]}")
        }
        var header = Array("{\(members.joined(separator: ","))}".utf8)
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        return header
    }

    /// A string as JSON writes it.
    private static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
