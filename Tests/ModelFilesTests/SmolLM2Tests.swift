import Foundation
import ModelFiles
import Tensors
import TestSupport
import Testing

/// What a real file says, against what an independent reader of the format prints for it.
struct SmolLM2Tests {
    @Test func metadataIsRead() throws {
        let file = try SmolLM2.file.get()
        #expect(file.version == 3)
        #expect(file.keys.count == 33)
        #expect(try file.string("general.architecture") == "llama")
        #expect(try file.integer("llama.block_count") == 30)
        #expect(try file.float("llama.rope.freq_base") == 100_000)
        #expect(try file.float("llama.attention.layer_norm_rms_epsilon") == 1e-5)
        #expect(try file.bool("tokenizer.ggml.add_bos_token") == false)
        #expect(try file.strings("general.languages") == ["en"])
        #expect(try file.strings("tokenizer.ggml.merges").count == 48_900)
        #expect(try file.integers("tokenizer.ggml.token_type").count == 49_152)
    }

    @Test func tensorsAreFound() throws {
        let file = try SmolLM2.file.get()
        #expect(file.tensors.count == 272)
        let embedding = try file.tensor("token_embd.weight")
        #expect(embedding.dtype == .q8_0)
        #expect(embedding.shape == [49_152, 576])
        #expect(embedding.bytes.count == 49_152 * 576 / 32 * 34)
        let down = try file.tensor("blk.0.ffn_down.weight")
        #expect(down.dtype == .q4_1)
        #expect(down.shape == [576, 1_536])
        // The file stores the embedding first, and this tensor 30 083 328 bytes after it.
        #expect(down.bytes.baseAddress! - embedding.bytes.baseAddress! == 30_083_328)
        #expect(try file.tensor("output_norm.weight").floats().count == 576)
    }
}
