import ModelFiles
import TestSupport
import Testing
import Tokenizers

/// Files that are broken at random: the tokenizer is read or refused with a ``ModelFileError``, and what was read works.
struct CorruptionTests {
    @Test(.timeLimit(.minutes(60))) func ggufTokenizersAreReadOrRefused() throws {
        let original = GGUFBuilder.sample.bytes
        var random = SplitMix64(seed: 5)
        var read = 0
        for _ in 0..<15_000 {
            let bytes = Corruption.corrupt(original, original, &random)
            do throws(ModelFileError) {
                let tokenizer = try TokenizerRegistry.load(GGUFFile(MappedFile(contents: bytes, name: "x.gguf")))
                let tokens = tokenizer.encode("ab a<s> ü", addSpecial: true, parseSpecial: true)
                #expect(tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
                _ = tokenizer.decode(tokens)
                read += 1
            } catch {}
        }
        // Both outcomes are met often enough to mean something.
        #expect((500..<14_500).contains(read), "\(read) tokenizers were read")
    }

    @Test(.timeLimit(.minutes(60))) func tokenizerFilesAreReadOrRefused() throws {
        let original = try Array(fixture("tokenizer/tiny/llama-bpe.json"))
        var random = SplitMix64(seed: 3)
        for _ in 0..<300 {
            do throws(ModelFileError) {
                let bytes = Corruption.corrupt(original, original, &random)
                let tokenizer = try TokenizerRegistry.load(tokenizerJSON: JSONDocument(MappedFile(contents: bytes, name: "tokenizer.json")))
                let tokens = tokenizer.encode("ab 12 <mask> é", addSpecial: true, parseSpecial: true)
                #expect(tokens.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
            } catch {}
        }
    }
}
