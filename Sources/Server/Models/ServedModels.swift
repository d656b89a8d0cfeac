import Foundation
import Logging
import Models
import Monge
import Tensors

/// A model that a server is to have.
public struct ServedModel: Sendable {
    public enum Kind: Sendable { case text, picture, encoder }

    public var name: String
    public var kind: Kind
    /// A path, or a name from the cache.
    public var place: String

    /// What a path or a name stands for.
    /// - Parameters:
    ///   - name: How requests name it; nil for the last part of the place.
    /// - Throws: ``MongeError`` when nothing is there.
    public init(_ place: String, name: String? = nil) throws {
        self.place = place
        if let url = try? ModelCatalogue.locate(place) {
            kind = PictureModel.isPictureModel(url) ? .picture : EmbeddingEngine.isEncoder(url.path) ? .encoder : .text
        } else {
            _ = try ModelCatalogue.knownEncoders[place] == nil ? ModelCatalogue.locate(place).path : ModelCatalogue.locateEncoder(place)
            kind = .encoder
        }
        let last = URL(fileURLWithPath: place).lastPathComponent
        self.name = name ?? (last.hasSuffix(".gguf") ? String(last.dropLast(".gguf".count)) : last)
        guard !self.name.isEmpty, self.name.utf8.count <= 256 else {
            throw MongeError.usage("'\(self.name)' is no name for a model: give 1 to 256 bytes")
        }
    }
}

/// How models are opened.
public struct ServedModelOptions: Sendable {
    /// The device, opened anew each time.
    public var open: @Sendable () throws -> any Backend
    public var cache: DType?
    public var activations: DType?
    /// The most texts that are continued at once, of each model.
    public var slots = 16
    /// The most tokens of a text, its prompt included; nil for the model's context.
    public var length: Int?
    /// The tokens of all texts that a cache holds; nil for what the slots need, as far as the memory goes.
    public var cacheTokens: Int?
    /// A budget on the memory of all models together, their caches included; nil for none.
    public var memory: Int?
    /// The most texts that wait for a model.
    public var waiting = 1024

    public init(open: @escaping @Sendable () throws -> any Backend) { self.open = open }
}

/// The models of a server, on one device.
struct ServedModels: Sendable {
    var texts: [TextModelHost] = []
    var pictures: [PictureModelHost] = []
    var encoders: [EncoderHost] = []
    /// What pictures keep to.
    var pictureMemory: Int?

    /// The tokens that a cache has for each slot, where nobody says and memory allows.
    private static let tokensOfSlot = 2048
    /// The least that a cache holds.
    private static let leastTokens = 256

    init(_ models: [ServedModel], options: ServedModelOptions, logger: Logger) throws {
        guard !models.isEmpty else { throw MongeError.usage("there is no model to serve; --model smollm2 names one") }
        if let twice = Dictionary(grouping: models, by: \.name).first(where: { $0.value.count > 1 })?.key {
            throw MongeError.usage("two models are called '\(twice)'; --model NAME=FILE gives one of them another name")
        }
        let device = SharedDevice(open: options.open)
        let turns = device.turns
        for model in models where model.kind == .encoder {
            let path = try ModelCatalogue.locateEncoder(model.place)
            encoders.append(
                try EncoderHost(name: model.name, logger: logger) {
                    try device.use { backend in
                        nonisolated(unsafe) let backend = backend
                        return try EmbeddingEngine(path, on: backend, turns: turns)
                    }
                })
        }
        for model in models where model.kind == .picture {
            pictures.append(
                try PictureModelHost(name: model.name, turns: turns, logger: logger) {
                    try device.use {
                        try PictureModel.load(
                            ModelCatalogue.locate(model.place), on: $0, options: DiffusionModelOptions(activations: options.activations))
                    }
                })
        }
        let languages = models.filter { $0.kind == .text }
        for (index, model) in languages.enumerated() {
            let open: @Sendable () throws -> Model = {
                try device.use {
                    try Model.load(ModelCatalogue.locate(model.place), on: $0, cache: options.cache, activations: options.activations)
                }
            }
            let opened = try open()
            let limits = try Self.limits(opened.language, name: model.name, share: languages.count - index, options: options)
            logger.info(
                "the model is ready",
                metadata: [
                    "model": "\(model.name)", "slots": "\(limits.rows)", "cacheTokens": "\(limits.cacheTokens)",
                    "textTokens": "\(limits.length!)",
                ])
            texts.append(try TextModelHost(opened, name: model.name, limits: limits, turns: turns, logger: logger, open: open))
        }
        pictureMemory = options.memory
    }

    /// - Parameter share: The caches that are still to come, this one among them.
    private static func limits(
        _ model: any LanguageModel, name: String, share: Int, options: ServedModelOptions
    ) throws -> EngineLimits {
        let length = min(options.length ?? model.contextLength, model.contextLength)
        var tokens = options.cacheTokens ?? options.slots * min(length, tokensOfSlot)
        if let memory = options.memory {
            let bytes = try model.makeCache(slots: 1, capacity: 1).byteCount
            let left = memory - ProcessMemory.residentBytes - ProcessMemory.untouchedFileBytes()
            let fitting = left / share / bytes
            guard fitting >= min(leastTokens, length) else {
                throw MongeError.memoryBudget(
                    "\(ByteCount(memory)) leave \(ByteCount(max(left, 0))) for keys and values of '\(name)', which take \(ByteCount(bytes)) a token: "
                        + "give more with --memory, or serve fewer models")
            }
            if let asked = options.cacheTokens, asked > fitting {
                throw MongeError.memoryBudget(
                    "a cache of \(asked) tokens takes \(ByteCount(asked * bytes)), and --memory leaves \(ByteCount(left / share)) for it")
            }
            tokens = min(tokens, fitting)
        }
        guard tokens > 0 else { throw MongeError.usage("a cache of \(tokens) tokens holds no text") }
        return EngineLimits(
            rows: options.slots, cacheTokens: tokens, length: min(length, tokens), waiting: options.waiting)
    }
}
