import Foundation

/// A text-to-image model's folder as diffusers lays it out: `model_index.json`, which names the components, and a folder for each.
public struct DiffusersFolder: Sendable {
    /// The path, for messages.
    public let name: String
    /// `model_index.json`.
    public let index: JSONDocument

    /// Opens a folder; components are opened when they are asked for.
    public init(path: String) throws(ModelFileError) {
        name = path
        index = try JSONDocument(path: path + "/model_index.json")
    }

    /// The pipeline's class, such as `StableDiffusionPipeline`.
    public var className: String {
        get throws(ModelFileError) { try index.string("_class_name") }
    }

    /// The names of the components that the index gives a class, in its order.
    public var componentNames: [String] { index.root.members.map(\.key).filter { componentClass($0) != nil } }

    /// The class of a component; nil when the index does not name it, or leaves it out by giving it no class.
    public func componentClass(_ component: String) -> String? {
        guard let pair = index.value(component)?.array, pair.count == 2 else { return nil }
        return pair[1].string
    }

    /// The components that have weights, in the index's order.
    public var weightedComponents: [String] {
        componentNames.filter { !$0.hasPrefix("tokenizer") && $0 != "scheduler" && $0 != "feature_extractor" }
    }

    /// The path of a component's folder.
    public func path(_ component: String) -> String { "\(name)/\(component)" }

    /// The settings of a component.
    /// - Parameter file: `config.json`, or `scheduler_config.json`.
    /// - Throws: ``ModelFileError`` when the component is missing or its file is broken.
    public func settings(_ component: String, file: String = "config.json") throws(ModelFileError) -> JSONDocument {
        guard FileManager.default.fileExists(atPath: path(component)) else {
            throw .inaccessible(file: name, detail: "has no folder \(component), which its model_index.json names")
        }
        // Of the settings that are written by Python, those of schedulers have infinities.
        return try JSONDocument(path: "\(path(component))/\(file)", acceptsInfinity: file == "scheduler_config.json")
    }

    /// The weights of a component.
    ///
    /// - Parameter variant: Which weights, such as `fp16`; nil for the plain ones, or, where there are none, for the only variant there is.
    public func weights(_ component: String, variant: String?) throws(ModelFileError) -> SafetensorsShards {
        let folder = path(component)
        let isFromTransformers = index.value(component)?.array?.first?.string == "transformers"
        let stem = isFromTransformers ? "model" : "diffusion_pytorch_model"
        var variant = variant
        if variant == nil { variant = try onlyVariant(folder: folder, stem: stem) }
        return try SafetensorsShards(folder: folder, stem: stem, variant: variant)
    }

    /// The variant of the weights where there is exactly one and no plain ones; nil otherwise.
    private func onlyVariant(folder: String, stem: String) throws(ModelFileError) -> String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        if names.contains("\(stem).safetensors") || names.contains("\(stem).safetensors.index.json") { return nil }
        let variants = Set(names.compactMap { variant(of: $0, stem: stem) }).sorted()
        guard variants.count <= 1 else {
            throw .unsupported(
                file: folder,
                detail: "holds the weights in several variants and none without a name; choose one of "
                    + "\(variants.joined(separator: ", ")) (--variant)")
        }
        if let only = variants.first { return only }
        if let pickle = names.sorted().first(where: { $0.hasSuffix(".bin") || $0.hasSuffix(".ckpt") || $0.hasSuffix(".pt") }) {
            throw .unsupported(
                file: folder,
                detail: "holds no safetensors files, only \(pickle), which is read by running what it says; convert it to "
                    + "safetensors first")
        }
        return nil
    }

    /// `fp16` of `<stem>.fp16.safetensors` or `<stem>.safetensors.index.fp16.json`; nil for other names.
    private func variant(of file: String, stem: String) -> String? {
        for (beginning, end) in [("\(stem).safetensors.index.", ".json"), ("\(stem).", ".safetensors")]
        where file.hasPrefix(beginning) && file.hasSuffix(end) && file.count > beginning.count + end.count {
            let variant = String(file.dropFirst(beginning.count).dropLast(end.count))
            // Of a sharded variant the index tells.
            return variant.contains("-of-") ? nil : variant
        }
        return nil
    }
}
