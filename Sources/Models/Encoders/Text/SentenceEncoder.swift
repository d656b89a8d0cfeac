import Foundation
import ModelFiles
import Tensors

/// An encoder that makes a vector of a text, near those of texts that mean the same (Reimers & Gurevych 2019).
///
/// Reads like `SentenceTransformer` of sentence-transformers: the states of a text's tokens are pooled, and the result may be brought to length 1.
public final class SentenceEncoder {
    public let encoder: TextEncoder
    /// The most tokens of a text that are read.
    public let maximumTokens: Int
    private let settings: SentenceEncoderSettings

    /// - Parameter folder: Of sentence-transformers, or of an encoder alone, whose vectors are the means of its last states.
    public init(_ folder: HuggingFaceFolder, on backend: any Backend) throws {
        settings = try SentenceEncoderSettings(folder)
        encoder = try TextEncoder(folder, labels: nil, on: backend)
        maximumTokens = min(encoder.maximumTokens, settings.maximumTokens ?? .max)
        if let width = settings.width, width != encoder.channels {
            throw ModelError.invalidConfiguration(
                "word_embedding_dimension of the pooling is \(width), and the encoder has \(encoder.channels) channels")
        }
    }

    /// The vector of each text.
    /// - Parameter texts: The tokens of each, none empty.
    public func embeddings(_ texts: [[Int32]]) throws -> [[Float]] {
        let backend = encoder.backend
        let rows = try backend.readRows(encoder.states(of: texts).pooled(by: settings.pooling, on: backend))
        guard settings.normalizes else { return rows }
        return rows.map { row in
            let length = row.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            return row.map { Float(Double($0) / max(length, 1e-12)) }
        }
    }
}

/// What the files of sentence-transformers say beside the encoder itself: `modules.json`, the pooling's `config.json` and
/// `sentence_bert_config.json`. Every setting is obeyed or refused by name.
struct SentenceEncoderSettings {
    private(set) var pooling = TextPooling.mean
    private(set) var normalizes = false
    private(set) var maximumTokens: Int?
    /// The channels that the pooling is told of.
    private(set) var width: Int?

    private static let poolings: [(key: String, pooling: TextPooling?)] = [
        ("pooling_mode_cls_token", .first), ("pooling_mode_mean_tokens", .mean), ("pooling_mode_max_tokens", .max),
        ("pooling_mode_lasttoken", .last), ("pooling_mode_mean_sqrt_len_tokens", nil), ("pooling_mode_weightedmean_tokens", nil),
    ]

    init(_ folder: HuggingFaceFolder) throws {
        func document(_ name: String) throws -> JSONDocument? {
            let path = "\(folder.name)/\(name)"
            return FileManager.default.fileExists(atPath: path) ? try JSONDocument(path: path) : nil
        }
        if let limits = try document("sentence_bert_config.json") {
            let settings = SettingsReader(limits)
            maximumTokens = try settings.integer(ifPresent: "max_seq_length", in: 3...TextEncoderConfiguration.extents.upperBound)
            try settings.refuse([.bool("do_lower_case", false, "texts in small letters whatever the tokenizer does")])
            try settings.finish()
        }
        if let prompts = try document("config_sentence_transformers.json") {
            let settings = SettingsReader(prompts)
            try settings.refuse([
                .absent("default_prompt_name", "words that are put before every text"),
                .string("similarity_fn_name", "cosine", meaning: "another measure than the cosine"),
            ])
        }
        let path = "\(folder.name)/modules.json"
        guard FileManager.default.fileExists(atPath: path) else { return }
        guard let modules = try JSONParser.parse(MappedFile(path: path)).array else {
            throw ModelFileError.malformed(file: path, detail: "is no list of modules")
        }
        try readModules(modules, file: path, document)
    }

    private mutating func readModules(_ modules: [JSONValue], file: String, _ document: (String) throws -> JSONDocument?) throws {
        for (index, module) in modules.enumerated() {
            guard let type = module["type"]?.string, let path = module["path"]?.string, !path.hasPrefix("/"), !path.contains("..") else {
                throw ModelFileError.malformed(file: file, detail: "the module \(index) lacks its type, or its path within the folder")
            }
            switch type.split(separator: ".").last {
            case "Transformer" where index == 0 && path.isEmpty: break
            case "Pooling" where index == 1:
                guard let settings = try document("\(path)/config.json") else {
                    throw ModelFileError.inaccessible(file: file, detail: "names a pooling in '\(path)', where no config.json is")
                }
                try readPooling(SettingsReader(settings))
            case "Normalize" where index > 1: normalizes = true
            // Random at training, nothing afterwards.
            case "Dropout" where index > 1: break
            default:
                throw ModelError.unsupportedSetting(
                    key: "modules.json", value: "'\(type)' at place \(index)",
                    meaning: "Monge knows a Transformer, then a Pooling, then perhaps Normalize")
            }
        }
    }

    private mutating func readPooling(_ settings: SettingsReader) throws {
        width = try settings.integer(ifPresent: "word_embedding_dimension", in: TextEncoderConfiguration.extents)
        let chosen = try Self.poolings.filter { try settings.bool(ifPresent: $0.key) ?? false }
        guard chosen.count == 1 else {
            throw ModelError.unsupported(
                "the pooling joins \(chosen.count) ways (\(chosen.map(\.key).joined(separator: ", "))); Monge knows one at a time")
        }
        guard let pooling = chosen[0].pooling else {
            throw ModelError.unsupportedSetting(
                key: chosen[0].key, value: "true", meaning: "Monge pools the mean, the maximum, the first or the last token")
        }
        self.pooling = pooling
        // It concerns texts with a prompt before them, of which there are none.
        settings.ignore(["include_prompt"])
        try settings.finish()
    }
}
