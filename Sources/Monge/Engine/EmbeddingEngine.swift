import ModelFiles
import Models
import Tensors

/// Makes vectors of texts, by an encoder in a folder of sentence-transformers.
public actor EmbeddingEngine {
    private let executor = QueueExecutor(label: "monge.embeddings")
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let encoder: SentenceEncoder
    private let reader: TextReader
    private let turns: DeviceTurns
    /// The model type of the encoder's configuration.
    public nonisolated let architecture: String
    /// The numbers of a vector.
    public nonisolated let channels: Int
    /// The most tokens of a text.
    public nonisolated let maximumTokens: Int

    /// - Parameters:
    ///   - path: A folder with config.json, model.safetensors, the tokenizer's files and, where there are some, those of sentence-transformers.
    ///   - turns: Those of the encoder's device, where others use it too.
    public init(_ path: String, on backend: sending any Backend, turns: DeviceTurns = DeviceTurns()) throws {
        let folder = try HuggingFaceFolder(path: path)
        let encoder = try SentenceEncoder(folder, on: backend)
        reader = try TextReader(folder, limit: encoder.maximumTokens, name: "the encoder", warn: { _ in })
        architecture = encoder.encoder.architecture
        channels = encoder.encoder.channels
        maximumTokens = reader.limit
        (self.encoder, self.turns) = (encoder, turns)
    }

    /// Whether a folder holds an encoder of texts.
    public static func isEncoder(_ path: String) -> Bool {
        (try? HuggingFaceFolder(path: path)).map(TextEncoder.isEncoder) ?? false
    }

    /// The vector of each text, and the tokens that were read.
    /// - Throws: ``MongeError`` for a text that is longer than the encoder reads.
    public func embeddings(of texts: [String]) throws -> (vectors: [[Float]], tokens: Int) {
        var count = 0
        for (index, text) in texts.enumerated() {
            let (tokens, isCut) = reader.tokens(of: text)
            guard !isCut else {
                throw MongeError.contextExceeded(
                    "text \(index + 1) ('\(text.beginning)') is longer than the \(reader.limit) tokens that the encoder reads")
            }
            count += tokens.count
        }
        var vectors: [[Float]] = []
        try reader.read(texts, encode: { batch in try turns { try encoder.embeddings(batch) } }) { vectors += $0 }
        guard vectors.joined().allSatisfy(\.isFinite) else { throw MongeError.failed("the encoder gives numbers that are not finite") }
        return (vectors, count)
    }
}
