import Foundation
import Tensors

/// The weights of a folder: one safetensors file, or several with an index that says which tensor lies where.
public final class SafetensorsShards: TensorFile {
    /// The folder's path, for messages.
    public let name: String
    /// One file for a model that is not sharded.
    public let files: [SafetensorsFile]
    private let fileIndices: [String: Int]

    /// Opens the weights `<stem>.safetensors`, or else those that the index names.
    ///
    /// - Parameters:
    ///   - stem: `model` (transformers) or `diffusion_pytorch_model` (diffusers).
    ///   - variant: Of the weights, such as `fp16`: `<stem>.fp16.safetensors`, `<stem>.safetensors.index.fp16.json`; nil for the plain ones.
    /// - Throws: ``ModelFileError`` when they are missing or broken, or the index and its shards disagree.
    public init(folder: String, stem: String, variant: String? = nil) throws(ModelFileError) {
        name = folder
        let suffix = variant.map { ".\($0)" } ?? ""
        let whole = "\(stem)\(suffix).safetensors"
        let index = "\(stem).safetensors.index\(suffix).json"
        if FileManager.default.fileExists(atPath: "\(folder)/\(whole)") {
            let file = try SafetensorsFile(path: "\(folder)/\(whole)")
            files = [file]
            fileIndices = Dictionary(file.tensorNames.map { ($0, 0) }, uniquingKeysWith: { first, _ in first })
        } else {
            guard FileManager.default.fileExists(atPath: "\(folder)/\(index)") else {
                throw .inaccessible(file: folder, detail: "has neither \(whole) nor \(index)")
            }
            (files, fileIndices) = try SafetensorsShards.open(JSONDocument(path: "\(folder)/\(index)"), folder: folder)
        }
    }

    public var tensorNames: [String] { files.flatMap(\.tensorNames) }
    public func contains(tensor name: String) -> Bool { fileIndices[name] != nil }

    public func tensor(_ name: String) throws(ModelFileError) -> FileTensor {
        guard let index = fileIndices[name] else { throw .missingTensor(file: self.name, tensor: name) }
        return try files[index].tensor(name)
    }

    public func layout(_ name: String) throws(ModelFileError) -> (dtype: DType, shape: Shape) {
        guard let index = fileIndices[name] else { throw .missingTensor(file: self.name, tensor: name) }
        return try files[index].layout(name)
    }

    private static func open(
        _ index: JSONDocument, folder: String
    ) throws(ModelFileError) -> ([SafetensorsFile], [String: Int]) {
        guard let map = index.root["weight_map"]?.object else {
            throw .missingKey(file: index.name, key: "weight_map", expected: "an object")
        }
        var files: [SafetensorsFile] = []
        var numbers: [String: Int] = [:]
        var fileIndices: [String: Int] = [:]
        for member in map.members {
            guard let file = member.value.string, !file.contains("/"), file != "..", !file.isEmpty else {
                throw .malformed(file: index.name, detail: "the tensor '\(member.key)' is not in a file of this folder")
            }
            let number: Int
            if let known = numbers[file] {
                number = known
            } else {
                number = files.count
                numbers[file] = number
                files.append(try SafetensorsFile(path: folder + "/" + file))
            }
            guard files[number].contains(tensor: member.key) else {
                throw .malformed(file: index.name, detail: "the tensor '\(member.key)' is said to be in \(file), but is not")
            }
            fileIndices[member.key] = number
        }
        // What a shard holds beyond the index is reachable too, unless two shards hold it.
        for (number, file) in files.enumerated() {
            for name in file.tensorNames {
                if let other = fileIndices.updateValue(number, forKey: name), other != number {
                    throw .malformed(file: index.name, detail: "the tensor '\(name)' is in two files")
                }
            }
        }
        return (files, fileIndices)
    }
}
