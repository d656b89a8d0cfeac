import CPUBackend
import Foundation
import ModelFiles
import Models
import Tensors

/// What a safetensors file holds.
public struct FileSummary: Sendable, Codable, Equatable {
    public struct Tensor: Sendable, Codable, Equatable {
        public var name: String
        public var type: String
        public var shape: [Int]
    }

    /// With its article: "a file of activations".
    public var kind: String
    /// Which option or command takes it, or what to do with it.
    public var use: String?
    public var metadata: [String: String]
    public var tensors: [Tensor]

    public init(_ file: SafetensorsFile) throws {
        let kind = FileKind(file)
        (self.kind, use) = (kind.name, kind.use)
        metadata = file.metadata
        tensors = file.tensors.map { Tensor(name: $0.name, type: "\($0.type)", shape: $0.shape.dimensions) }
    }
}

/// What a model file or folder holds.
public struct ModelSummary: Sendable, Codable, Equatable {
    /// The tensors stored in one element type.
    public struct TypeShare: Sendable, Codable, Equatable {
        public var type: String
        public var tensors: Int
        public var bytes: Int
    }

    public struct Site: Sendable, Codable, Equatable {
        public var name: String
        public var channels: Int
    }

    /// What a component of a text-to-image model takes, in bytes: its matrices and kernels, as they are stored and as `--weights` makes them.
    public struct ComponentShare: Sendable, Codable, Equatable {
        public var component: String
        public var stored: Int
        public var q8_0: Int
        public var q4_K: Int
    }

    /// With its article: "a GGUF model".
    public var kind: String
    /// The files of a split model; absent for others.
    public var parts: [String]?
    public var architecture: String
    /// Nil when this program does not run the model; `problem` then says why.
    public var fingerprint: String?
    public var problem: String?
    public var contextLength: Int?
    public var vocabulary: Int?
    /// Of the pictures that a text-to-image model was trained on, in pixels: `512×512`.
    public var size: String?
    public var parameters: Int
    public var bytes: Int
    public var types: [TypeShare]
    /// Of a text-to-image model that this program runs.
    public var components: [ComponentShare]?
    /// In execution order; empty when this program does not run the model.
    public var sites: [Site]

    /// Opens the file without copying its weights.
    ///
    /// - Throws: `ModelFileError` for a damaged file. A model that cannot be run is no error: its tensors are still listed.
    public init(_ url: URL) throws {
        let tensors: [(type: String, elements: Int, bytes: Int)]
        let drawsPictures = PictureModel.isPictureModel(url)
        if drawsPictures && url.isFolder {
            let folder = try DiffusersFolder(path: url.path)
            kind = "a diffusers folder"
            architecture = try folder.className
            tensors = try folder.weightedComponents.flatMap { try folder.weights($0, variant: nil).files.flatMap(\.tensors) }
                .map { ("\($0.type)", $0.shape.count, $0.range.count) }
        } else if url.isFolder {
            if let problem = FolderKind(path: url.path).problem { throw ModelFileError.unsupported(file: url.path, detail: problem) }
            let folder = try HuggingFaceFolder(path: url.path)
            kind = "a Hugging Face folder"
            architecture = try folder.config.string(ifPresent: "model_type") ?? "unknown"
            tensors = folder.shards.flatMap(\.tensors).map { ("\($0.type)", $0.shape.count, $0.range.count) }
        } else {
            let file = try GGUFFile(path: url.path)
            kind = file.kind.name
            parts = file.partNames.count > 1 ? file.partNames : nil
            architecture = try file.string(ifPresent: "general.architecture") ?? "unknown"
            tensors = file.tensors.map { ("\($0.type)", $0.shape.count, $0.range?.count ?? 0) }
        }
        parameters = tensors.reduce(0) { $0 + $1.elements }
        bytes = tensors.reduce(0) { $0 + $1.bytes }
        types = Dictionary(grouping: tensors, by: \.type).map { type, group in
            TypeShare(type: type, tensors: group.count, bytes: group.reduce(0) { $0 + $1.bytes })
        }.sorted { ($1.bytes, $0.type) < ($0.bytes, $1.type) }
        sites = []
        do {
            if drawsPictures {
                let diffusion = try PictureModel.load(url, on: ReferenceBackend()).diffusion
                architecture = diffusion.architecture
                fingerprint = diffusion.fingerprint
                size = "\(diffusion.usualSize)"
                sites = diffusion.sites.map { Site(name: $0.name, channels: $0.channels) }
                func quantised(_ dtype: DType) throws -> [Int] {
                    try PictureModel.load(url, on: ReferenceBackend(), options: DiffusionModelOptions(weights: dtype))
                        .diffusion.weights.summaries.map(\.byteCount)
                }
                let (q8_0, q4_K) = (try quantised(.q8_0), try quantised(.q4_K))
                components = diffusion.weights.summaries.enumerated().map {
                    ComponentShare(component: $1.component, stored: $1.byteCount, q8_0: q8_0[$0], q4_K: q4_K[$0])
                }
                return
            }
            let language = try Model.load(url, on: ReferenceBackend()).language
            fingerprint = language.fingerprint
            contextLength = language.contextLength
            vocabulary = language.vocabularySize
            sites = language.sites.map { Site(name: $0.name, channels: $0.channels) }
        } catch {
            problem = "\(error)"
        }
    }

    /// Name and value of each property, for a table.
    public var properties: [[String]] {
        var rows = [["kind", kind], ["architecture", architecture]]
        if let parts { rows.append(["parts", String(parts.count)]) }
        if let fingerprint { rows.append(["fingerprint", fingerprint]) }
        if let contextLength { rows.append(["context length", String(contextLength)]) }
        if let vocabulary { rows.append(["vocabulary", String(vocabulary)]) }
        if let size { rows.append(["picture", size]) }
        rows.append(["parameters", String(parameters)])
        rows.append(["size", String(format: "%.1f MiB", Double(bytes) / 1_048_576)])
        if let problem { rows.append(["not run by Monge", problem]) }
        return rows
    }
}
