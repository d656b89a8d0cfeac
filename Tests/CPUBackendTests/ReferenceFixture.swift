import CPUBackend
import Foundation
import Tensors

/// The tensors of one fixture file, and its metadata.
struct ReferenceFixture {
    private let tensors: [String: (shape: [Int], type: String, bytes: Data)]
    /// The text under each key of the metadata.
    let metadata: [String: String]

    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")

    /// Reads `Tests/Fixtures/<name>.safetensors`: the length of the header, the header in JSON, the tensors' bytes.
    init(_ name: String) throws {
        let file = try Data(contentsOf: Self.folder.appending(path: "\(name).safetensors"))
        let headerLength = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSONSerialization.jsonObject(with: file[8..<8 + headerLength]) as? [String: [String: Any]] ?? [:]
        metadata = header["__metadata__"] as? [String: String] ?? [:]
        var tensors: [String: (shape: [Int], type: String, bytes: Data)] = [:]
        for (key, entry) in header where key != "__metadata__" {
            guard let shape = entry["shape"] as? [Int], let type = entry["dtype"] as? String,
                let range = entry["data_offsets"] as? [Int]
            else { throw Missing(description: "\(name): the entry of \(key) is not a tensor's") }
            tensors[key] = (shape, type, file[8 + headerLength + range[0]..<8 + headerLength + range[1]])
        }
        self.tensors = tensors
    }

    func has(_ key: String) -> Bool { tensors[key] != nil }

    func floats(_ key: String) throws -> [Float] {
        guard let tensor = tensors[key], tensor.type == "F32" else { throw Missing(description: "no f32 tensor \(key)") }
        return tensor.bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    func shape(_ key: String) throws -> Shape {
        guard let tensor = tensors[key] else { throw Missing(description: "no tensor \(key)") }
        return Shape(tensor.shape)
    }

    /// A tensor on a backend, f32 or i32 as it is in the file.
    func tensor(_ key: String, on backend: any Backend) throws -> Tensor {
        guard let tensor = tensors[key] else { throw Missing(description: "no tensor \(key)") }
        let bytes = [UInt8](tensor.bytes)
        return try bytes.withUnsafeBytes { try backend.upload($0, Shape(tensor.shape), tensor.type == "I32" ? .i32 : .f32) }
    }

    /// The options of each case, a JSON object under `options`.
    func options() throws -> [String: [String: Any]] {
        guard let text = metadata["options"],
            let options = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: [String: Any]]
        else { throw Missing(description: "no options") }
        return options
    }
}

/// The first element further from the expected value than `relative` of it and `absolute`, as a sentence.
func firstMismatch(
    _ actual: [Float], _ expected: [Float], relative: Double, absolute: Double
) -> String? {
    guard actual.count == expected.count else { return "\(actual.count) elements, expected \(expected.count)" }
    for (index, (a, b)) in zip(actual, expected).enumerated() {
        if a == b || (a.isNaN && b.isNaN) { continue }
        let error = abs(Double(a) - Double(b))
        if !(error <= relative * abs(Double(b)) + absolute) { return "element \(index) is \(a), expected \(b)" }
    }
    return nil
}
