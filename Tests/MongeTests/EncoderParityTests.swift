import Foundation
import ModelFiles
import Models
import Monge
import Tensors
import TestSupport
import Testing
import Tokenizers

/// Encoders of texts against transformers in Float64 (tools/parity/make_encoders.py, make_minilm.py).
@Suite struct EncoderParityTests {
    struct Cases: Decodable {
        struct Folder: Decodable {
            let name: String
            let weights: String
            let config: String
            let isClassifier: Bool
        }
        let texts: [[Int32]]
        let folders: [Folder]
    }

    /// Two layers of 32 channels: sums of at most 48 products and four norms, 2⁻²⁴ each, over states of up to 4.4. The smallest effect of a setting on
    /// the logits is 4e-4 (two kinds of GELU).
    static let tolerance: Float = 2e-5

    static let devices = [DeviceChoice.cpuReference, .cpu, .vulkanIndex(0)]

    static func cases() throws -> Cases { try JSONDecoder().decode(Cases.self, from: fixture("encoders/cases.json")) }

    /// A folder with the settings of a case and its weights.
    static func withFolder<T>(_ name: String, changing: (String, String)? = nil, _ body: (HuggingFaceFolder) throws -> T) throws -> T {
        let item = try #require(try cases().folders.first { $0.name == name })
        if let changing { try #require(item.config.contains(changing.0), "\(changing.0)") }
        return try withTemporaryFolder { folder in
            let config = changing.map { item.config.replacing($0.0, with: $0.1) } ?? item.config
            try Data(config.utf8).write(to: URL(filePath: folder + "/config.json"))
            try fixture("encoders/\(item.weights).safetensors").write(to: URL(filePath: folder + "/model.safetensors"))
            return try body(HuggingFaceFolder(path: folder))
        }
    }

    private func expect(_ found: [Float], _ expected: [Float], _ what: String) {
        #expect(found.count == expected.count, "\(what)")
        let scale = max(1, expected.map(abs).max()!)
        let largest = zip(found, expected).map { abs($0 - $1) }.reduce(0) { $1.isNaN ? .infinity : max($0, $1) }
        #expect(largest <= Self.tolerance * scale, "\(what): \(largest) of \(scale)")
    }

    @Test(arguments: devices) func statesLogitsAndScoresAreThoseOfTransformers(device: DeviceChoice) throws {
        let cases = try Self.cases()
        #expect(cases.folders.count == 13)
        let backend = try device.open()
        let expected = try TestModel.file("encoders/expected.safetensors")
        for item in cases.folders {
            try Self.withFolder(item.name) { folder in
                let what = "\(item.name) on \(device)"
                let sentences = try SentenceEncoder(folder, on: backend)
                try expect(sentences.embeddings(cases.texts).flatMap { $0 }, expected.floats("\(item.name).mean"), "means of \(what)")
                let states = try sentences.encoder.states(of: cases.texts)
                #expect(states.ranges.map(\.count) == cases.texts.map(\.count))
                try expect(backend.readFloats(states.rows), expected.floats("\(item.name).states"), "states of \(what)")
                guard item.isClassifier else { return }
                let classifier = try TextClassifier(folder, on: backend)
                try expect(
                    backend.readFloats(classifier.logits(cases.texts)), expected.floats("\(item.name).logits"), "logits of \(what)")
                try expect(classifier.scores(cases.texts).flatMap { $0 }, expected.floats("\(item.name).scores"), "scores of \(what)")
            }
        }
    }

    /// What every site sees, averaged over the tokens.
    private func means(_ encoder: TextEncoder, _ texts: [[Int32]]) throws -> [String: [Float]] {
        let seen = Seen()
        let context = ForwardContext(
            backend: encoder.backend, tapped: encoder.sites.map(\.index), siteCount: encoder.sites.count
        ) { site, activation in
            seen.values[site.name] = try encoder.backend.readFloats(encoder.backend.reduce(activation, .mean, axis: 0))
        }
        _ = try encoder.states(of: texts, context: context)
        return seen.values
    }

    private final class Seen {
        var values: [String: [Float]] = [:]
    }

    /// Every module of transformers with a result of its own is a site, and gives what the module gives.
    @Test(arguments: ["bert", "roberta", "distilbert"], devices)
    func sitesHoldWhatTheirModulesGive(name: String, device: DeviceChoice) throws {
        let backend = try device.open()
        try Self.withFolder(name) { try expectSites(of: $0, name, on: backend) }
    }

    private func expectSites(of folder: HuggingFaceFolder, _ name: String, on backend: any Backend) throws {
        let reference = try TestModel.file("encoders/sites.safetensors")
        let classifier = try TextClassifier(folder, on: backend)
        let names = classifier.encoder.sites.map(\.name)
        let expected = reference.tensorNames.filter { $0.hasPrefix(name + "/") }.map { String($0.dropFirst(name.count + 1)) }
        #expect(Set(expected) == Set(names))
        let indices = classifier.encoder.sites.map(\.index)
        #expect(indices == Array(0..<names.count))
        let seen = try means(classifier.encoder, [Self.cases().texts[0]])
        // The head's sites are passed by what asks for logits.
        let inner = names.filter { !$0.contains("classifier") && !$0.contains("pooler") }
        #expect(Set(seen.keys) == Set(inner))
        for site in inner {
            let means = try reference.floats("\(name)/\(site)")
            expect(seen[site] ?? [], means, site)
        }
    }

    @Test(arguments: [
        ("bert", #""model_type": "bert""#, #""model_type": "mpnet""#, "mpnet"),
        ("bert", #""hidden_size": 32"#, #""hidden_size": 32, "position_embedding_type": "relative_key""#, "position_embedding_type"),
        ("bert", #""hidden_size": 32"#, #""hidden_size": 32, "is_decoder": true"#, "is_decoder"),
        ("bert", #""hidden_size": 32"#, #""hidden_size": 32, "hidden_act": "mish""#, "mish"),
        ("bert", #""hidden_size": 32"#, #""hidden_size": 30"#, "30"),
        ("bert", #""hidden_size": 32"#, #""hidden_size": 36"#, "[64, 36]"),
        ("bert", #""num_hidden_layers": 2"#, #""num_hidden_layers": 1"#, "layer.1"),
        ("bert", #""num_hidden_layers": 2"#, #""num_hidden_layers": 3"#, "layer.2"),
        ("bert", #""1": "toxic""#, #""1": "neutral""#, "id2label"),
        ("bert", #""1": "toxic""#, #""1": "toxic", "2": "other""#, "classifier.weight"),
        ("bert-many", "multi_label_classification", "token_classification", "problem_type"),
        ("bert-inside", "BertModel", "BertForMaskedLM", "BertForMaskedLM"),
        ("roberta", #""pad_token_id": 1"#, #""pad_token_id": 39"#, "40 positions"),
    ])
    func foldersThatMeanSomethingElseAreRefused(_ name: String, _ old: String, _ new: String, _ message: String) throws {
        try Self.withFolder(name, changing: (old, new)) { folder in
            let error = #expect(throws: (any Error).self) { _ = try TextClassifier(folder, on: DeviceChoice.cpu.open()) }
            #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
        }
    }

    @Test func textsThatDoNotFitAreRefused() throws {
        try Self.withFolder("roberta") { folder in
            let encoder = try SentenceEncoder(folder, on: DeviceChoice.cpu.open())
            #expect(encoder.maximumTokens == 38)
            #expect(throws: ModelError.self) { _ = try encoder.embeddings([[Int32](repeating: 5, count: 39)]) }
            #expect(throws: ModelError.tokenOutOfRange(64, vocabulary: 64)) { _ = try encoder.embeddings([[2, 64, 3]]) }
        }
    }

    /// What the files of sentence-transformers say beside the encoder.
    @Test func settingsOfSentenceTransformersAreObeyedOrRefused() throws {
        let modules = """
            [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
             {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
             {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
            """
        let mean = #"{"word_embedding_dimension": 32, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#
        let texts = try Self.cases().texts
        func with<T>(_ files: [String: String], _ body: (HuggingFaceFolder) throws -> T) throws -> T {
            try Self.withFolder("bert-alone") { folder in
                try FileManager.default.createDirectory(atPath: folder.name + "/1_Pooling", withIntermediateDirectories: true)
                for (name, text) in files { try Data(text.utf8).write(to: URL(filePath: "\(folder.name)/\(name)")) }
                return try body(folder)
            }
        }
        let backend = try DeviceChoice.cpu.open()
        let reference = try TestModel.file("encoders/expected.safetensors")
        let (means, states) = (try reference.floats("bert-alone.mean"), try reference.floats("bert-alone.states"))
        func unit(_ row: [Float]) -> [Float] {
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { $0 / length }
        }
        let rows = stride(from: 0, to: means.count, by: 32).map { Array(means[$0..<$0 + 32]) }
        try with(["modules.json": modules, "1_Pooling/config.json": mean, "sentence_bert_config.json": #"{"max_seq_length": 17}"#]) {
            folder in
            let encoder = try SentenceEncoder(folder, on: backend)
            #expect(encoder.maximumTokens == 17)
            try expect(encoder.embeddings(texts).flatMap { $0 }, rows.flatMap(unit), "normalised means")
        }
        let first = mean.replacing(#"cls_token": false"#, with: #"cls_token": true"#).replacing(
            #"mean_tokens": true"#, with: #"mean_tokens": false"#)
        let starts = texts.indices.map { texts[..<$0].reduce(0) { $0 + $1.count } }
        try with(["modules.json": modules, "1_Pooling/config.json": first]) { folder in
            let expected = starts.flatMap { unit(Array(states[32 * $0..<32 * ($0 + 1)])) }
            try expect(SentenceEncoder(folder, on: backend).embeddings(texts).flatMap { $0 }, expected, "first tokens")
        }
        let largest = mean.replacing(#""pooling_mode_mean_tokens": true"#, with: #""pooling_mode_max_tokens": true"#)
        try with(["modules.json": modules, "1_Pooling/config.json": largest]) { folder in
            let expected = zip(starts, texts).flatMap { start, text in
                unit((0..<32).map { channel in (start..<start + text.count).map { states[32 * $0 + channel] }.max()! })
            }
            try expect(SentenceEncoder(folder, on: backend).embeddings(texts).flatMap { $0 }, expected, "largest values")
        }
        let refused: [([String: String], String)] = [
            (["modules.json": modules.replacing("Normalize\"}", with: "Dense\"}"), "1_Pooling/config.json": mean], "Dense"),
            (["modules.json": modules], "1_Pooling"),
            (["modules.json": "{}", "1_Pooling/config.json": mean], "no list of modules"),
            (
                ["modules.json": modules.replacing("1_Pooling", with: "../1_Pooling"), "1_Pooling/config.json": mean],
                "path within the folder"
            ),
            (
                ["modules.json": modules, "1_Pooling/config.json": first.replacing("mean_tokens\": false", with: "mean_tokens\": true")],
                "joins 2 ways"
            ),
            (
                ["modules.json": modules, "1_Pooling/config.json": mean.replacing("mean_tokens", with: "mean_sqrt_len_tokens")],
                "mean_sqrt_len"
            ),
            (["modules.json": modules, "1_Pooling/config.json": mean.replacing("32", with: "33")], "word_embedding_dimension"),
            (["modules.json": modules, "1_Pooling/config.json": mean.replacing("{", with: #"{"pooling_mode": "mean", "#)], "pooling_mode"),
            (["sentence_bert_config.json": #"{"max_seq_length": 17, "do_lower_case": true}"#], "do_lower_case"),
            (["config_sentence_transformers.json": #"{"default_prompt_name": "query"}"#], "default_prompt_name"),
            (["config_sentence_transformers.json": #"{"similarity_fn_name": "dot"}"#], "similarity_fn_name"),
        ]
        for (files, message) in refused {
            try with(files) { folder in
                let error = #expect(throws: (any Error).self) { _ = try SentenceEncoder(folder, on: backend) }
                #expect(error.map { "\($0)" }?.contains(message) == true, "\(message): \(String(describing: error))")
            }
        }
    }

    /// all-MiniLM-L6-v2 (`tools/get-model minilm`): sums of up to 1536 products through six layers, of vectors of length 1.
    @Test(arguments: [DeviceChoice.cpu, .vulkanIndex(0)]) func miniLMAgrees(device: DeviceChoice) throws {
        struct Texts: Decodable {
            let texts: [String]
            let tokens: [[Int32]]
        }
        let reference = try JSONDecoder().decode(Texts.self, from: fixture("encoders/minilm.json"))
        let expected = try TestModel.file("encoders/minilm.safetensors").floats("embeddings")
        #expect(reference.texts.count == 50 && expected.count == 50 * 384)
        let folder = try HuggingFaceFolder(path: miniLMPath())
        let tokenizer = try folder.tokenizer()
        let encoder = try SentenceEncoder(folder, on: device.open())
        #expect(encoder.maximumTokens == 256)
        let tokens = reference.texts.map { tokenizer.encode($0, atMost: encoder.maximumTokens).tokens }
        #expect(tokens == reference.tokens)
        // A software device is slow: short texts alone.
        let chosen = device == .cpu ? Array(tokens.indices) : tokens.indices.filter { tokens[$0].count < 20 }.suffix(6)
        let found = try encoder.embeddings(chosen.map { tokens[$0] })
        var largest: Float = 0
        for (row, text) in zip(found, chosen) {
            for channel in 0..<384 {
                let difference = abs(row[channel] - expected[384 * text + channel])
                largest = difference.isNaN ? .infinity : max(largest, difference)
            }
        }
        #expect(largest <= 1e-6, "\(device): \(largest)")
    }
}
