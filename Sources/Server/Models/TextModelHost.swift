import Logging
import Models
import Monge

/// A language model under a name: its engine, and another one when the device fails.
final class TextModelHost: Sendable {
    let face: TextModelFace
    /// The most tokens of a text, its prompt included.
    let longest: Int
    private let keeper: EngineKeeper<InferenceEngine>

    /// - Parameters:
    ///   - model: On its device.
    ///   - open: Opens the model again where that fails.
    init(
        _ model: sending Model, name: String, limits: EngineLimits, turns: DeviceTurns, logger: Logger,
        open: @escaping @Sendable () throws -> Model
    ) throws {
        face = TextModelFace(model, name: name)
        longest = min(limits.length ?? model.language.contextLength, model.language.contextLength)
        keeper = EngineKeeper(try InferenceEngine(model, limits: limits, turns: turns), name: name, logger: logger) {
            try InferenceEngine(open(), limits: limits, turns: turns)
        }
    }

    /// How many texts wait, and how many are served; whether the device is there.
    var load: (waiting: Int, served: Int, isThere: Bool) {
        get async {
            let engine = await keeper.current.engine
            return (engine.load.waiting, engine.load.served, engine.deviceFailure == nil)
        }
    }

    /// Has the device ready for as many texts as there ever are at once.
    func warmUp() async throws { try await keeper.perform { try await $0.warmUp() } }

    /// Works on the model beside the texts.
    func perform<Result: Sendable>(
        _ work: @escaping @Sendable (_ model: Model, _ pause: @escaping () -> Void) throws -> Result
    ) async throws -> Result {
        try await keeper.perform { try await $0.perform(work) }
    }

    /// The activations of sites for a text.
    func activations(
        of tokens: [Int32], sites: [String], pooling: CapturePooling, steering: [Steer], client: String
    ) async throws -> [SiteActivations] {
        try await keeper.perform {
            try await $0.activations(of: tokens, sites: sites, pooling: pooling, steering: steering, client: client)
        }
    }

    /// Continues a text.
    func generate(_ request: TextRequest) -> AsyncThrowingStream<TextEvent, any Error> { keeper.stream { $0.generate(request) } }
}
