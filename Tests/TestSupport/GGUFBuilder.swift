import Foundation
import ModelFiles

/// Writes small GGUF files, valid or not, from what the specification says of their layout.
package struct GGUFBuilder {
    package init() {}

    package var version: UInt32 = 3
    package var alignment = 32
    package var metadata: [(key: String, type: UInt32, value: [UInt8])] = []
    package var tensors: [(name: String, extents: [UInt64], type: UInt32, offset: UInt64)] = []
    package var data: [UInt8] = []
    package var tensorCount: UInt64?
    package var metadataCount: UInt64?

    package static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    package static func string(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }
    package static func array(_ type: UInt32, _ elements: [[UInt8]]) -> [UInt8] {
        bytes(type) + bytes(UInt64(elements.count)) + elements.flatMap { $0 }
    }
    package static func strings(_ texts: [String]) -> [UInt8] { array(8, texts.map(string)) }

    package mutating func add(_ key: String, _ type: UInt32, _ value: [UInt8]) { metadata.append((key, type, value)) }
    package mutating func add(_ key: String, _ text: String) { add(key, 8, GGUFBuilder.string(text)) }

    /// Adds a tensor whose bytes follow those before it.
    package mutating func add(tensor name: String, _ extents: [UInt64], type: UInt32, _ bytes: [UInt8]) {
        while data.count % alignment != 0 { data.append(0) }
        tensors.append((name, extents, type, UInt64(data.count)))
        data += bytes
    }

    package var bytes: [UInt8] {
        var file = Array("GGUF".utf8) + GGUFBuilder.bytes(version)
        file += GGUFBuilder.bytes(tensorCount ?? UInt64(tensors.count)) + GGUFBuilder.bytes(metadataCount ?? UInt64(metadata.count))
        for (key, type, value) in metadata { file += GGUFBuilder.string(key) + GGUFBuilder.bytes(type) + value }
        for (name, extents, type, offset) in tensors {
            file += GGUFBuilder.string(name) + GGUFBuilder.bytes(UInt32(extents.count)) + extents.flatMap(GGUFBuilder.bytes)
            file += GGUFBuilder.bytes(type) + GGUFBuilder.bytes(offset)
        }
        while file.count % alignment != 0 { file.append(0) }
        return file + data
    }

    package var mapped: MappedFile { MappedFile(contents: bytes, name: "test.gguf") }

    /// A file with a value of every type, a small tokenizer, and tensors of several types.
    package static var sample: GGUFBuilder {
        var builder = GGUFBuilder()
        builder.add("general.architecture", "llama")
        builder.add("test.uint8", 0, [200])
        builder.add("test.int8", 1, bytes(Int8(-100)))
        builder.add("test.uint16", 2, bytes(UInt16(60_000)))
        builder.add("test.int16", 3, bytes(Int16(-30_000)))
        builder.add("test.uint32", 4, bytes(UInt32(4_000_000_000)))
        builder.add("test.int32", 5, bytes(Int32(-2_000_000_000)))
        builder.add("test.float32", 6, bytes(Float(1.5).bitPattern))
        builder.add("test.bool", 7, [1])
        builder.add("test.uint64", 10, bytes(UInt64.max))
        builder.add("test.int64", 11, bytes(Int64.min))
        builder.add("test.float64", 12, bytes(Double(-0.25).bitPattern))
        builder.add("test.integers", 9, array(3, [1, -2, 3].map { bytes(Int16($0)) }))
        builder.add("test.floats", 9, array(6, [0.5, -1].map { bytes(Float($0).bitPattern) }))
        builder.add("test.bools", 9, array(7, [[1], [0]]))
        builder.add("test.nested", 9, array(9, [array(0, [[1], [2]]), strings(["a", "ü"])]))
        builder.add("tokenizer.ggml.model", "gpt2")
        builder.add("tokenizer.ggml.pre", "gpt-2")
        builder.add("tokenizer.ggml.tokens", 9, strings(["<s>", "a", "b", "Ġ", "ab", "Ġab", "<x>"]))
        builder.add("tokenizer.ggml.token_type", 9, array(5, [3, 1, 1, 1, 1, 1, 4].map { bytes(Int32($0)) }))
        builder.add("tokenizer.ggml.merges", 9, strings(["a b", "Ġ ab"]))
        builder.add("tokenizer.ggml.bos_token_id", 4, bytes(UInt32(0)))
        builder.add("tokenizer.ggml.add_bos_token", 7, [1])
        builder.add(tensor: "a", [3, 2], type: 0, (0..<6).flatMap { bytes(Float($0).bitPattern) })
        builder.add(tensor: "q", [32, 2], type: 3, [UInt8](repeating: 7, count: 40))
        builder.add(tensor: "odd", [256], type: 10, [UInt8](repeating: 1, count: 84))
        builder.add(tensor: "empty", [0, 4], type: 1, [])
        builder.add(tensor: "future", [5], type: 99, [UInt8](repeating: 1, count: 8))
        return builder
    }
}
