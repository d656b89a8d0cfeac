import FileSystem

/// Writes state dicts as PyTorch reads them: an archive of a pickle (protocol 2) and the storages of its tensors.
public enum StateDictWriter {
    /// A value to write.
    public indirect enum Value {
        /// An f32 tensor.
        case tensor([Float], shape: [Int])
        case string(String)
        case list([Value])
        /// In this order.
        case dictionary([(key: String, value: Value)])
    }

    /// Writes a file, or leaves what was there when that fails.
    public static func write(_ values: [(key: String, value: Value)], to path: String) throws(ModelFileError) {
        var pickle = Pickle()
        pickle.ordered(values)
        var archive = ZipWriter(folder: "archive")
        archive.add("data.pkl", pickle.bytes + [UInt8(ascii: ".")])
        archive.add("byteorder", Array("little".utf8))
        for (index, storage) in pickle.storages.enumerated() { archive.add("data/\(index)", storage) }
        archive.add("version", Array("3\n".utf8))
        do { try OutputFile(path).write(archive.finished()) } catch { throw .unwritable(error) }
    }

    private struct Pickle {
        private(set) var bytes: [UInt8] = [0x80, 2]
        private(set) var storages: [[UInt8]] = []

        private mutating func text(_ text: String) {
            bytes.append(UInt8(ascii: "X"))
            bytes += littleEndian(UInt32(text.utf8.count))
            bytes += text.utf8
        }

        private mutating func integer(_ value: Int) {
            bytes.append(UInt8(ascii: "J"))
            bytes += littleEndian(Int32(value))
        }

        private mutating func tuple(_ values: [Int]) {
            bytes.append(UInt8(ascii: "("))
            for value in values { integer(value) }
            bytes.append(UInt8(ascii: "t"))
        }

        mutating func ordered(_ values: [(key: String, value: Value)]) {
            bytes += "ccollections\nOrderedDict\n)R".utf8
            pairs(values)
        }

        private mutating func pairs(_ values: [(key: String, value: Value)]) {
            bytes.append(UInt8(ascii: "("))
            for (key, value) in values {
                text(key)
                add(value)
            }
            bytes.append(UInt8(ascii: "u"))
        }

        private mutating func add(_ value: Value) {
            switch value {
            case .string(let string): text(string)
            case .list(let elements):
                bytes += "](".utf8
                for element in elements { add(element) }
                bytes.append(UInt8(ascii: "e"))
            case .dictionary(let values):
                bytes.append(UInt8(ascii: "}"))
                pairs(values)
            case .tensor(let floats, let shape):
                bytes += "ctorch._utils\n_rebuild_tensor_v2\n((".utf8
                text("storage")
                bytes += "ctorch\nFloatStorage\n".utf8
                text(String(storages.count))
                text("cpu")
                integer(floats.count)
                bytes += "tQ".utf8
                integer(0)
                tuple(shape)
                tuple(shape.indices.map { shape[($0 + 1)...].reduce(1, *) })
                bytes.append(0x89)
                bytes += "ccollections\nOrderedDict\n)RtR".utf8
                storages.append(floats.flatMap { littleEndian($0.bitPattern) })
            }
        }
    }
}

/// A ZIP archive of stored entries, each aligned to 64 bytes as PyTorch aligns its own.
private struct ZipWriter {
    let folder: String
    private var bytes: [UInt8] = []
    private var directory: [UInt8] = []
    private var count = 0

    init(folder: String) { self.folder = folder }

    mutating func add(_ entry: String, _ contents: [UInt8]) {
        let name = Array("\(folder)/\(entry)".utf8)
        let start = bytes.count
        // Version 2.0, no flags, stored, no date.
        let common =
            littleEndian(UInt16(0)) + littleEndian(UInt16(0)) + littleEndian(UInt16(0)) + littleEndian(UInt16(0x21))
            + littleEndian(CRC32.of(contents)) + littleEndian(UInt32(contents.count)) + littleEndian(UInt32(contents.count))
            + littleEndian(UInt16(name.count))
        let padding = (64 - (start + 30 + name.count + 4) % 64) % 64
        bytes += littleEndian(UInt32(0x0403_4B50)) + littleEndian(UInt16(20)) + common + littleEndian(UInt16(padding + 4)) + name
        bytes += Array("FB".utf8) + littleEndian(UInt16(padding)) + [UInt8](repeating: UInt8(ascii: "Z"), count: padding) + contents
        directory += littleEndian(UInt32(0x0201_4B50)) + littleEndian(UInt16(20)) + littleEndian(UInt16(20)) + common
        directory += [UInt8](repeating: 0, count: 12) + littleEndian(UInt32(start)) + name
        count += 1
    }

    func finished() -> [UInt8] {
        let counts = littleEndian(UInt16(count)) + littleEndian(UInt16(count))
        return bytes + directory + littleEndian(UInt32(0x0605_4B50)) + [0, 0, 0, 0] + counts + littleEndian(UInt32(directory.count))
            + littleEndian(UInt32(bytes.count)) + [0, 0]
    }
}

/// The checksum of ZIP archives (ISO 3309).
private enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }

    static func of(_ bytes: [UInt8]) -> UInt32 { ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] } }
}

private func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
