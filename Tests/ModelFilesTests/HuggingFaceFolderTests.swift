import Foundation
import ModelFiles
import Tensors
import TestSupport
import Testing

struct HuggingFaceFolderTests {
    @Test func configurationAndTensorsAreRead() throws {
        let folder = try HuggingFaceFolder(path: fixtures.appending(path: "tiny-llama/llama3").path)
        #expect(try folder.config.string("model_type") == "llama")
        #expect(try folder.config.integer("hidden_size") == 64)
        #expect(try folder.config.float("rms_norm_eps") == 1e-6)
        #expect(try folder.config.strings("architectures") == ["LlamaForCausalLM"])
        #expect(try folder.config.bool("use_cache"))
        #expect(try folder.config.string("rope_scaling.rope_type") == "llama3")
        #expect(try folder.config.string(ifPresent: "rope_scaling.absent") == nil)
        #expect(folder.contains(tensor: "model.norm.weight"))
        #expect(try folder.tensor("model.norm.weight").shape == [64])
    }

    static func write(_ text: String, to path: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }

    /// A folder with two shards, and an index that the caller may change.
    static func withShards(_ index: String, _ body: (String) throws -> Void) throws {
        try withTemporaryFolder { folder in
            try write(#"{"model_type":"llama","pad_token_id":null}"#, to: folder + "/config.json")
            try write(index, to: folder + "/model.safetensors.index.json")
            try SafetensorsWriter.write([.init(name: "a", shape: [1], floats: [1])], to: folder + "/one.safetensors")
            try SafetensorsWriter.write([.init(name: "b", shape: [2], floats: [2, 3])], to: folder + "/two.safetensors")
            try body(folder)
        }
    }

    @Test func shardsAreRead() throws {
        let index = #"{"metadata":{"total_size":12},"weight_map":{"b":"two.safetensors","a":"one.safetensors"}}"#
        try HuggingFaceFolderTests.withShards(index) { path in
            let folder = try HuggingFaceFolder(path: path)
            #expect(folder.shards.count == 2)
            #expect(folder.tensorNames.sorted() == ["a", "b"])
            #expect(try folder.tensor("a").floats() == [1])
            #expect(try folder.tensor("b").floats() == [2, 3])
            #expect(try folder.config.integer(ifPresent: "pad_token_id") == nil)
            #expect(throws: ModelFileError.missingTensor(file: path, tensor: "c")) { try folder.tensor("c") }
        }
    }

    @Test(arguments: [
        (#"{"weight_map":{"b":"two.safetensors","a":"two.safetensors"}}"#, "is said to be in two.safetensors"),
        (#"{"weight_map":{"b":"../two.safetensors"}}"#, "not in a file of this folder"),
        (#"{"weight_map":{"b":2}}"#, "not in a file of this folder"),
        (#"{"weight_map":{"b":"three.safetensors"}}"#, "cannot be opened"),
        (#"{"weight_map":[]}"#, "weight_map"),
        ("{", "JSON"),
    ])
    func brokenIndicesAreRefused(_ index: String, _ message: String) throws {
        try HuggingFaceFolderTests.withShards(index) { path in
            let error = #expect(throws: ModelFileError.self) { try HuggingFaceFolder(path: path) }
            #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
        }
    }

    @Test func foldersWithoutWeightsAreRefused() throws {
        try withTemporaryFolder { folder in
            #expect(throws: ModelFileError.self) { try HuggingFaceFolder(path: folder) }
            try HuggingFaceFolderTests.write("{}", to: folder + "/config.json")
            let error = #expect(throws: ModelFileError.self) { try HuggingFaceFolder(path: folder) }
            #expect(error.map { "\($0)" }?.contains("neither model.safetensors nor model.safetensors.index.json") == true)
        }
    }
}
