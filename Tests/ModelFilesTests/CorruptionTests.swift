import Foundation
import ModelFiles
import Tensors
import TestSupport
import Testing

/// Files that are broken at random: each is read as well as any other file, or refused with a ``ModelFileError``. That no other error
/// occurs is checked by the compiler (`do throws(ModelFileError)`), that nothing traps by the tests' end.
struct CorruptionTests {
    /// The properties that every file has which was not refused.
    static func check(_ file: some TensorFile) {
        for name in file.tensorNames {
            do throws(ModelFileError) {
                let tensor = try file.tensor(name)
                // Reads every byte, so that one outside the file would be found.
                let sum = tensor.bytes.reduce(0) { $0 &+ Int($1) }
                #expect(sum >= 0)
                #expect(tensor.dtype.byteCount(elements: tensor.shape.count) == tensor.bytes.count)
                #expect(tensor.bytes.isEmpty || Int(bitPattern: tensor.bytes.baseAddress) % 2 == 0)
            } catch {}
        }
    }

    /// Whether the file was read.
    static func check(gguf bytes: [UInt8]) -> Bool {
        let file: GGUFFile
        do throws(ModelFileError) {
            file = try GGUFFile(MappedFile(contents: bytes, name: "x.gguf"))
        } catch { return false }
        for key in file.keys { #expect(file.value(key) != nil) }
        check(file)
        return true
    }

    /// Whether the file was read.
    static func check(safetensors bytes: [UInt8]) -> Bool {
        do throws(ModelFileError) {
            let file = try SafetensorsFile(MappedFile(contents: bytes, name: "x.safetensors"))
            // The tensors fill what follows the header.
            #expect(file.tensors.reduce(0) { $0 + $1.range.count } <= bytes.count - 8)
            check(file)
            return true
        } catch { return false }
    }

    static let safetensors: [UInt8] = {
        let header = #"""
            {"__metadata__":{"format":"pt","é":"\u00e9"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\#
            "b":{"dtype":"BF16","shape":[1],"data_offsets":[24,26]},"c":{"dtype":"I64","shape":[],"data_offsets":[26,34]},\#
            "d":{"dtype":"F16","shape":[0],"data_offsets":[34,34]}}
            """#
        return GGUFBuilder.bytes(UInt64(header.utf8.count)) + Array(header.utf8) + [UInt8](0..<34)
    }()

    @Test(.timeLimit(.minutes(60))) func ggufFilesAreReadOrRefused() throws {
        let original = GGUFBuilder.sample.bytes
        #expect(throws: Never.self) { try GGUFFile(GGUFBuilder.sample.mapped) }
        var random = SplitMix64(seed: 1)
        var read = 0
        for _ in 0..<15_000 {
            let bytes = Corruption.corrupt(original, CorruptionTests.safetensors + original, &random)
            if CorruptionTests.check(gguf: bytes) { read += 1 }
        }
        // Both outcomes are met often enough to mean something.
        #expect((500..<14_500).contains(read), "\(read) files were read")
    }

    /// Every field of eight bytes set to every extreme number.
    @Test(.timeLimit(.minutes(60))) func ggufFieldsMayBeExtreme() throws {
        let original = GGUFBuilder.sample.bytes
        var read = 0
        var count = 0
        for number in [.max, 1 << 63, (1 << 63) - 1, 1 << 61, 1 << 32, 0] as [UInt64] {
            for place in 0..<original.count - 8 {
                var bytes = original
                Corruption.overwrite(&bytes, place, number, width: 8)
                if CorruptionTests.check(gguf: bytes) { read += 1 }
                count += 1
            }
        }
        #expect((500..<count - 500).contains(read), "\(read) of \(count) files were read")
    }

    @Test(.timeLimit(.minutes(60))) func safetensorsFilesAreReadOrRefused() throws {
        let original = CorruptionTests.safetensors
        #expect(throws: Never.self) { try SafetensorsFile(MappedFile(contents: original, name: "x")) }
        var random = SplitMix64(seed: 2)
        var read = 0
        for _ in 0..<15_000 {
            var bytes = Corruption.corrupt(original, original, &random)
            // Numbers are text here: a digit becomes many, or a sign.
            if Int.random(in: 0..<4, using: &random) == 0,
                let digit = bytes.indices.filter({ (0x30...0x39).contains(bytes[$0]) }).randomElement(using: &random)
            {
                let texts = ["9223372036854775807", "-1", "18446744073709551616", "4611686018427387904", "1e3", "0", "00"]
                bytes.replaceSubrange(digit...digit, with: Array(texts.randomElement(using: &random)!.utf8))
            }
            // Mostly with a header length that fits what is there, so that what follows is reached.
            if Int.random(in: 0..<4, using: &random) > 0, let end = bytes.lastIndex(of: UInt8(ascii: "}")), end > 8 {
                Corruption.overwrite(&bytes, 0, UInt64(end - 7), width: 8)
            }
            if CorruptionTests.check(safetensors: bytes) { read += 1 }
        }
        #expect((100..<14_900).contains(read), "\(read) files were read")
    }

    @Test(.timeLimit(.minutes(60))) func sentenceFilesAreReadOrRefused() throws {
        let originals = [
            "txt": "one\ntwo\r\nthrée\n", "tsv": "a\ttext\n1\tx\n2\ty\n", "csv": "a,text\n1,\"x \"\"y\"\"\nz\"\n2,ü\n",
            "jsonl": "{\"text\":\"a\\u00e9\"}\n{\"prompt\":{\"text\":\"b\"}}\n",
        ]
        var random = SplitMix64(seed: 4)
        for (suffix, text) in originals.sorted(by: { $0.key < $1.key }) {
            for _ in 0..<2_000 {
                do throws(ModelFileError) {
                    let bytes = Corruption.corrupt(Array(text.utf8), Array("\",\r\n\t{}[]:\u{FEFF}".utf8), &random)
                    let sentences = try SentenceFile(MappedFile(contents: bytes, name: "x.\(suffix)")).sentences
                    #expect(!sentences.isEmpty)
                } catch {}
            }
        }
    }
}
