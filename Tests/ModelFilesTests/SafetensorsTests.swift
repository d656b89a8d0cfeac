import Foundation
import ModelFiles
import Tensors
import TestSupport
import Testing

struct SafetensorsTests {
    /// A file of a header and data, its length right.
    static func file(_ header: String, _ data: [UInt8]) -> MappedFile {
        MappedFile(contents: GGUFBuilder.bytes(UInt64(header.utf8.count)) + Array(header.utf8) + data, name: "test.safetensors")
    }

    /// What the Python package wrote is read: names, shapes, types, metadata, values.
    @Test func readsWhatPythonWrote() throws {
        let file = try SafetensorsFile(path: fixtures.appending(path: "tiny-llama/f32/model.safetensors").path)
        #expect(file.metadata == ["format": "pt"])
        #expect(file.tensors.count == 21)
        let embedding = try file.tensor("model.embed_tokens.weight")
        #expect(embedding.shape == [311, 64])
        #expect(embedding.dtype == .f32)
        // The bits of the first and the last value, and the sum of all, as Python's struct reads them.
        let bits = try embedding.floats().map(\.bitPattern)
        #expect(bits.first == 0xbe92750c)
        #expect(bits.last == 0xbe1aea6a)
        #expect(bits.reduce(0) { $0 + Int($1) } == 0x2640aba56edb)
        let half = try SafetensorsFile(path: fixtures.appending(path: "tiny-llama/bf16/model.safetensors").path)
        #expect(try half.tensor("model.embed_tokens.weight").dtype == .bf16)
    }

    @Test func whatIsWrittenIsRead() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/out.safetensors"
            let metadata = ["b": "quote \" backslash \\ newline \n ü 😀 \u{1}", "a": "", "": "empty key"]
            let tensors = [
                SafetensorsWriter.Entry(name: "z \"name\"", shape: [2, 2], floats: [1, -2, .infinity, 0.1]),
                SafetensorsWriter.Entry(name: "half", shape: [3], dtype: .f16, bytes: [1, 2, 3, 4, 5, 6]),
                SafetensorsWriter.Entry(name: "brain", shape: [1], dtype: .bf16, bytes: [7, 8]),
                SafetensorsWriter.Entry(name: "numbers", shape: [], integers: [-7]),
                SafetensorsWriter.Entry(name: "none", shape: [0, 5], floats: []),
            ]
            try SafetensorsWriter.write(tensors, metadata: metadata, to: path)
            let file = try SafetensorsFile(path: path)
            #expect(file.metadata == metadata)
            // By falling size of the element, then by name; an empty tensor lies before the one at the same place.
            #expect(file.tensorNames == ["none", "numbers", "z \"name\"", "brain", "half"])
            #expect(try file.tensor("z \"name\"").floats() == [1, -2, .infinity, 0.1])
            #expect(try file.tensor("half").bytes.elementsEqual([1, 2, 3, 4, 5, 6]))
            #expect(try file.tensor("brain").bytes.elementsEqual([7, 8]))
            #expect(try file.tensor("numbers").bytes.loadUnaligned(as: Int32.self) == -7)
            #expect(try file.tensor("numbers").shape == [])
            #expect(try file.tensor("none").shape == [0, 5])
            let bytes = try Data(contentsOf: URL(filePath: path))
            let headerLength = bytes.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
            #expect(headerLength % 8 == 0)

            // The order in which tensors are given does not matter, and the old file is replaced.
            try SafetensorsWriter.write(tensors.reversed(), metadata: metadata, to: path)
            #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["out.safetensors"])
        }
    }

    /// The fixture made with Python's package, written again, gives the same tensors.
    @Test func copiesOfFixturesAreEqual() throws {
        try withTemporaryFolder { folder in
            let original = try SafetensorsFile(path: fixtures.appending(path: "tiny-llama/f32/model.safetensors").path)
            let entries = try original.tensorNames.map { name in
                let tensor = try original.tensor(name)
                return SafetensorsWriter.Entry(name: name, shape: tensor.shape, dtype: tensor.dtype, bytes: Array(tensor.bytes))
            }
            try SafetensorsWriter.write(entries, metadata: original.metadata, to: folder + "/copy.safetensors")
            let copy = try SafetensorsFile(path: folder + "/copy.safetensors")
            #expect(copy.metadata == original.metadata)
            for name in original.tensorNames {
                #expect(try copy.tensor(name).bytes.elementsEqual(original.tensor(name).bytes))
            }
        }
    }

    /// Nothing half-written stays behind, and what was there before is kept.
    @Test func failedWritesLeaveNothing() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/out.safetensors"
            try Data("old".utf8).write(to: URL(filePath: path))
            func expect(_ message: String, _ tensors: [SafetensorsWriter.Entry]) {
                let error = #expect(throws: ModelFileError.self) { try SafetensorsWriter.write(tensors, to: path) }
                #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
            }
            let good = SafetensorsWriter.Entry(name: "a", shape: [1], floats: [1])
            expect("occurs twice", [good, good])
            expect("reserved", [SafetensorsWriter.Entry(name: "__metadata__", shape: [1], floats: [1])])
            expect("has 4 bytes", [SafetensorsWriter.Entry(name: "a", shape: [2], floats: [1])])
            expect("cannot hold", [SafetensorsWriter.Entry(name: "a", shape: [32], dtype: .q8_0, bytes: Array(repeating: 0, count: 34))])
            #expect(try Data(contentsOf: URL(filePath: path)) == Data("old".utf8))
            // A folder of this name cannot be replaced by a file: the last step fails, and the temporary file goes.
            let blocked = folder + "/blocked"
            try FileManager.default.createDirectory(atPath: blocked + "/x", withIntermediateDirectories: true)
            #expect(throws: ModelFileError.self) { try SafetensorsWriter.write([good], to: blocked) }
            #expect(throws: ModelFileError.self) { try SafetensorsWriter.write([good], to: folder + "/absent/out.safetensors") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["blocked", "out.safetensors"])
        }
    }

    @Test func brokenFilesAreRefused() {
        func expect(_ message: String, _ file: MappedFile) {
            let error = #expect(throws: ModelFileError.self, "\(message)") { try SafetensorsFile(file) }
            #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
        }
        func tensor(_ dtype: String, _ shape: String, _ offsets: String) -> String {
            #""x":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}"#
        }
        let four: [UInt8] = [0, 0, 0, 0]
        expect("empty is an empty file, where a safetensors file is expected", MappedFile(contents: Data(), name: "empty"))
        expect("length of the header", MappedFile(contents: GGUFBuilder.bytes(UInt64.max), name: "x"))
        expect(
            "100 000 000",
            MappedFile(contents: GGUFBuilder.bytes(UInt64(100_000_001)) + [UInt8](repeating: 32, count: 100_000_001), name: "x"))
        expect("not a JSON object", SafetensorsTests.file("[]", []))
        expect("not a JSON object", SafetensorsTests.file(" {}", []))
        expect("belong to no tensor", SafetensorsTests.file("{}", four))
        expect("lacks a valid dtype", SafetensorsTests.file(#"{"x":{"dtype":"F32","shape":[1]}}"#, four))
        expect("lacks a valid dtype", SafetensorsTests.file("{\(tensor("F32", "[1.5]", "[0,4]"))}", four))
        expect("impossible shape", SafetensorsTests.file("{\(tensor("F32", "[-1]", "[0,4]"))}", four))
        expect("impossible shape", SafetensorsTests.file("{\(tensor("F32", "[4611686018427387904,4,0]", "[0,0]"))}", []))
        expect("cut short", SafetensorsTests.file("{\(tensor("F32", "[1]", "[0,4]"))}", [0, 0]))
        expect("outside", SafetensorsTests.file("{\(tensor("F32", "[1]", "[4,0]"))}", four))
        expect("outside", SafetensorsTests.file("{\(tensor("F32", "[1]", "[-4,0]"))}", four))
        expect("not its size", SafetensorsTests.file("{\(tensor("F32", "[2]", "[0,4]"))}", four))
        expect("not its size", SafetensorsTests.file("{\(tensor("F64", "[2305843009213693952]", "[0,4]"))}", four))
        expect("follows a gap", SafetensorsTests.file("{\(tensor("F32", "[1]", "[4,8]"))}", four + four))
        let two = #""y":{"dtype":"F16","shape":[2],"data_offsets":[2,6]}"#
        expect("overlaps", SafetensorsTests.file("{\(tensor("F32", "[1]", "[0,4]")),\(two)}", [0, 0, 0, 0, 0, 0]))
        expect("twice", SafetensorsTests.file("{\(tensor("F32", "[1]", "[0,4]")),\(tensor("F32", "[1]", "[0,4]"))}", four))
        expect("'a' is not a string", SafetensorsTests.file(#"{"__metadata__":{"a":1}}"#, []))
        expect("not an object", SafetensorsTests.file(#"{"__metadata__":"a"}"#, []))
    }

    @Test func otherTypesAreListed() throws {
        let header = #"{"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"f":{"dtype":"F4","shape":[8],"data_offsets":[8,12]}}"#
        let file = try SafetensorsFile(SafetensorsTests.file(header + "   ", [UInt8](repeating: 0, count: 12)))
        #expect(file.tensors.map(\.type.description) == ["I64", "F4"])
        let error = #expect(throws: ModelFileError.self) { try file.tensor("n") }
        #expect(error.map { "\($0)" }?.contains("'n' has element type I64") == true)
        #expect(throws: ModelFileError.missingTensor(file: "test.safetensors", tensor: "x")) { try file.tensor("x") }
    }
}
