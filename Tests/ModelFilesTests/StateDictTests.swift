import Foundation
import ModelFiles
import TestSupport
import Testing

@Suite struct StateDictTests {
    private static func path(_ name: String) -> String { fixtures.appending(path: "state-dicts/\(name)").path }

    @Test func dictionariesOfTensorsAreRead() throws {
        let linear = try StateDict(path: Self.path("linear.statedict"))
        guard case .tensor(let slopes, [1, 16])? = linear.values["net.w1"],
            case .dictionary(let quantiles)? = linear.values["quantiles_dict_src"], case .list(let ends)? = quantiles["q_5_95"],
            case .tensor(let low, [16]) = ends[0], case .tensor(let high, [16]) = ends[1]
        else {
            Issue.record("\(linear.values)")
            return
        }
        #expect(slopes.count == 16 && zip(low, high).allSatisfy { $0 <= $1 })
        // Another protocol, a parameter, and a number of half precision.
        let other = try StateDict(path: Self.path("lineas.statedict"))
        #expect(other.values["dim"] == .tensor([16], shape: []) && other.values["net.w1"] == .tensor(slopes, shape: [1, 16]))
        let factors = try StateDict(path: Self.path("aura.pt"))
        guard case .tensor(let alpha, [16])? = factors.values["alpha"] else { throw MissingValue() }
        for (index, factor) in alpha.enumerated() { #expect(abs(factor - Float(index) / 15) <= 0x1p-10, "\(index)") }
    }

    private struct MissingValue: Error {}

    /// An archive as PyTorch writes it, around a pickle.
    private func archive(_ pickle: [UInt8], storages: [(String, [UInt8])] = [], method: UInt16 = 0) -> MappedFile {
        func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] { GGUFBuilder.bytes(value) }
        var file: [UInt8] = []
        var directory: [UInt8] = []
        let entries = [("data.pkl", pickle)] + storages.map { ("data/\($0.0)", $0.1) }
        for (entry, contents) in entries {
            let name = Array("a/\(entry)".utf8)
            let common =
                bytes(UInt16(20)) + bytes(UInt16(0)) + bytes(method) + [0, 0, 0, 0, 0, 0, 0, 0] + bytes(UInt32(contents.count))
                + bytes(UInt32(contents.count)) + bytes(UInt16(name.count)) + bytes(UInt16(0))
            directory += bytes(UInt32(0x0201_4B50)) + bytes(UInt16(20)) + common
            directory += [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] + bytes(UInt32(file.count)) + name
            file += bytes(UInt32(0x0403_4B50)) + common + name + contents
        }
        let count = bytes(UInt16(entries.count))
        let end = [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count + bytes(UInt32(directory.count)) + bytes(UInt32(file.count)) + [0, 0]
        return MappedFile(contents: file + directory + end, name: "test.pt")
    }

    private func failure(_ pickle: [UInt8], storages: [(String, [UInt8])] = [], method: UInt16 = 0) -> String {
        do {
            let read = try StateDict(archive(pickle, storages: storages, method: method))
            return "read: \(read.values)"
        } catch { return "\(error)" }
    }

    /// The pickle of `{'x': <tensor>}` over storage '0' of `count` floats.
    private func tensor(shape: [UInt8], strides: [UInt8], count: UInt8, offset: UInt8 = 0) -> [UInt8] {
        func tuple(_ values: [UInt8]) -> [UInt8] { Array("(".utf8) + values.flatMap { [UInt8(ascii: "K"), $0] } + Array("t".utf8) }
        func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
        var pickle: [UInt8] = [0x80, 4] + Array("}(".utf8) + text("x") + Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
        pickle += text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text("0") + text("cpu") + [UInt8(ascii: "K"), count]
        pickle += Array("tQK".utf8) + [offset] + tuple(shape) + tuple(strides)
        return pickle + [0x89] + Array("}tRu.".utf8)
    }

    @Test func stridesAreFollowed() throws {
        let floats = (0..<6).flatMap { GGUFBuilder.bytes(Float($0).bitPattern) }
        let read = try StateDict(archive(tensor(shape: [3, 2], strides: [1, 3], count: 6), storages: [("0", floats)]))
        #expect(read.values["x"] == .tensor([0, 3, 1, 4, 2, 5], shape: [3, 2]))
    }

    @Test func nothingOfAPickleIsRun() {
        func call(_ module: String, _ name: String, _ arguments: String) -> [UInt8] {
            [0x80, 2] + Array("c\(module)\n\(name)\n\(arguments)R.".utf8)
        }
        #expect(failure(call("os", "system", "(X\u{4}\0\0\0exitt")).contains("asks for os.system to be called"))
        #expect(failure(call("builtins", "eval", "(t")).contains("builtins.eval"))
        #expect(failure(call("torch._utils", "_rebuild_sparse_tensor", ")")).contains("_rebuild_sparse_tensor"))
        // INST, OBJ, NEWOBJ, EXT1, REDUCE by another name.
        for code: UInt8 in [UInt8(ascii: "i"), UInt8(ascii: "o"), 0x81, 0x82, 0x92] {
            #expect(failure([0x80, 2, code, 0x2E]).contains("instruction \(code)"))
        }
        let storage: [UInt8] = [0x80, 2] + Array("(\u{8C}\u{7}storagecos\nsystem\n".utf8)
        #expect(!failure(storage).hasPrefix("read"))
    }

    @Test func sizesAreChecked() {
        let floats = [UInt8](repeating: 0, count: 24)
        #expect(
            failure(tensor(shape: [200, 200], strides: [0, 0], count: 6), storages: [("0", floats)]).contains("more than its storage"))
        #expect(failure(tensor(shape: [3], strides: [3], count: 6), storages: [("0", floats)]).contains("past its storage"))
        #expect(failure(tensor(shape: [6], strides: [1], count: 6, offset: 1), storages: [("0", floats)]).contains("past its storage"))
        #expect(failure(tensor(shape: [7], strides: [1], count: 7), storages: [("0", floats)]).contains("has 24 bytes"))
        #expect(failure(tensor(shape: [6], strides: [1], count: 6)).contains("'a/data/0' is missing"))
        #expect(failure(tensor(shape: [6], strides: [1], count: 6), storages: [("0", floats)], method: 8).contains("compressed"))
        #expect(failure([0x80, 2, 0x5D, 0x2E]).contains("a list, where a dictionary"))
        #expect(failure([0x80, 2]).contains("ends inside"))
        #expect(failure([0x80, 2, 0x2E]).contains("more values than it has"))
        // A list within a list within a list …, and one that holds itself often.
        #expect(failure([0x80, 2] + [UInt8](repeating: 0x5D, count: 20_000) + [0x2E]).contains("lists and dictionaries"))
        var bomb: [UInt8] = [0x80, 2] + Array("}".utf8)
        for level: UInt8 in 0..<4 {
            let inner: [UInt8] = level == 0 ? [0x4B, 1] : [UInt8(ascii: "h"), level - 1]
            bomb +=
                Array("](".utf8) + [[UInt8]](repeating: inner, count: 3000).flatMap { $0 } + Array("e".utf8) + [UInt8(ascii: "q"), level]
            bomb.append(UInt8(ascii: "0"))
        }
        bomb += [0x8C, 1, UInt8(ascii: "x"), UInt8(ascii: "h"), 3, UInt8(ascii: "s"), UInt8(ascii: ".")]
        #expect(failure(bomb).contains("repeat one another"))
    }

    /// Whatever is broken, the answer is a value or a sentence.
    @Test func brokenFilesAreSentences() throws {
        let originals = try ["linear.statedict", "gaussian.statedict", "lineas.statedict"].map {
            [UInt8](try fixture("state-dicts/\($0)"))
        }
        var random = SplitMix64(seed: 4)
        var refused = 0
        for round in 0..<3000 {
            let broken = Corruption.corrupt(originals[round % 3], originals[(round + 1) % 3], &random)
            do {
                _ = try StateDict(MappedFile(contents: broken, name: "broken.pt"))
            } catch {
                refused += 1
                #expect(!error.description.isEmpty)
            }
        }
        #expect(refused > 100)
    }

    @Test func whatIsWrittenIsRead() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "monge-\(UUID().uuidString).statedict")
        defer { try? FileManager.default.removeItem(at: file) }
        try StateDictWriter.write(
            [
                ("a", .tensor([1, .infinity, -3, 4], shape: [2, 2])), ("empty", .tensor([], shape: [0])),
                ("d", .dictionary([("k", .list([.tensor([5], shape: [1]), .string("ü")]))])),
            ], to: file.path)
        let read = try StateDict(path: file.path)
        #expect(read.values["a"] == .tensor([1, .infinity, -3, 4], shape: [2, 2]) && read.values["empty"] == .tensor([], shape: [0]))
        #expect(read.values["d"] == .dictionary(["k": .list([.tensor([5], shape: [1]), .string("ü")])]))
    }
}
