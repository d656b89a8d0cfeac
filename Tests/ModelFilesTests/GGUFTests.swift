import Foundation
import ModelFiles
import Tensors
import TestSupport
import Testing

struct GGUFTests {
    @Test func valuesOfEveryTypeAreRead() throws {
        let file = try GGUFFile(GGUFBuilder.sample.mapped)
        #expect(try file.integer("test.uint8") == 200)
        #expect(try file.integer("test.int8") == -100)
        #expect(try file.integer("test.uint16") == 60_000)
        #expect(try file.integer("test.int16") == -30_000)
        #expect(try file.integer("test.uint32") == 4_000_000_000)
        #expect(try file.integer("test.int32") == -2_000_000_000)
        #expect(try file.integer("test.int64") == Int.min)
        #expect(file.value("test.uint64") == .uint64(.max))
        #expect(try file.float("test.float32") == 1.5)
        #expect(try file.float("test.float64") == -0.25)
        #expect(try file.bool("test.bool"))
        #expect(try file.integers("test.integers") == [1, -2, 3])
        #expect(try file.floats("test.floats") == [0.5, -1])
        #expect(file.value("test.bools")?.array?.bools == [true, false])
        let nested = try #require(file.value("test.nested")?.array?.arrays)
        #expect(nested.map(\.integers) == [[1, 2], nil])
        #expect(nested.map(\.strings) == [nil, ["a", "ü"]])
        #expect(file.keys.first == "general.architecture")
        #expect(try file.string(ifPresent: "absent") == nil)
    }

    @Test func wrongTypesAreNamed() throws {
        let file = try GGUFFile(GGUFBuilder.sample.mapped)
        #expect(throws: ModelFileError.missingKey(file: "test.gguf", key: "absent", expected: "a string")) { try file.string("absent") }
        #expect(
            throws: ModelFileError.wrongType(file: "test.gguf", key: "test.bool", expected: "an integer", found: "a bool")
        ) { try file.integer("test.bool") }
        // An integer that does not fit is not cut to size.
        #expect(
            throws: ModelFileError.wrongType(file: "test.gguf", key: "test.uint64", expected: "an integer", found: "a uint64")
        ) { try file.integer("test.uint64") }
        let error = #expect(throws: ModelFileError.self) { try file.strings("test.integers") }
        #expect(
            error.map { "\($0)" }
                == "test.gguf: the value 'test.integers' is an array of 3 int16 values where an array of strings is expected")
    }

    @Test func tensorsAreRead() throws {
        let file = try GGUFFile(GGUFBuilder.sample.mapped)
        #expect(file.tensorNames == ["a", "q", "odd", "empty", "future"])
        let matrix = try file.tensor("a")
        #expect(matrix.shape == [2, 3])
        #expect(try matrix.floats() == [0, 1, 2, 3, 4, 5])
        let quantised = try file.tensor("q")
        #expect(quantised.dtype == .q4_1)
        #expect(quantised.shape == [2, 32])
        #expect(quantised.bytes.elementsEqual([UInt8](repeating: 7, count: 40)))
        #expect(try file.tensor("empty").bytes.isEmpty)
        // Types that cannot be computed with are listed, and named when used.
        #expect(file.tensors[2].type.description == "Q2_K")
        let odd = #expect(throws: ModelFileError.self) { try file.tensor("odd") }
        #expect(odd.map { "\($0)" }?.contains("'odd' has element type Q2_K") == true)
        let future = #expect(throws: ModelFileError.self) { try file.tensor("future") }
        #expect(future.map { "\($0)" }?.contains("'future' has element type type 99") == true)
        #expect(throws: ModelFileError.missingTensor(file: "test.gguf", tensor: "b")) { try file.tensor("b") }
    }

    /// Bytes that would not be aligned for their type are handed out as an aligned copy.
    @Test func tensorsAreAligned() throws {
        var builder = GGUFBuilder()
        builder.alignment = 1
        builder.add("general.alignment", 4, GGUFBuilder.bytes(UInt32(1)))
        builder.add(tensor: "byte", [1], type: 24, [9])
        builder.add(tensor: "x", [2], type: 0, GGUFBuilder.bytes(Float(2).bitPattern) + GGUFBuilder.bytes(Float(3).bitPattern))
        builder.add(tensor: "y", [2], type: 0, GGUFBuilder.bytes(Float(4).bitPattern) + GGUFBuilder.bytes(Float(5).bitPattern))
        for padding in 0..<4 {
            var shifted = builder
            shifted.add("padding", String(repeating: "x", count: padding))
            let file = try GGUFFile(shifted.mapped)
            for (name, values) in [("x", [2, 3] as [Float]), ("y", [4, 5])] {
                let tensor = try file.tensor(name)
                #expect(Int(bitPattern: tensor.bytes.baseAddress) % 4 == 0)
                #expect(try tensor.floats() == values)
            }
        }
    }

    @Test func version2IsRead() throws {
        var builder = GGUFBuilder.sample
        builder.version = 2
        #expect(try GGUFFile(builder.mapped).version == 2)
    }

    /// Every broken file is refused with a sentence that says what is wrong.
    @Test func brokenFilesAreRefused() throws {
        func expect(_ message: String, _ change: (inout GGUFBuilder) -> Void) {
            var builder = GGUFBuilder.sample
            change(&builder)
            let error = #expect(throws: ModelFileError.self, "\(message)") { try GGUFFile(builder.mapped) }
            #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
        }
        expect("version 1") { $0.version = 1 }
        expect("big-endian") { $0.version = UInt32(3).byteSwapped }
        expect("number of tensors") { $0.tensorCount = .max }
        expect("number of metadata values") { $0.metadataCount = 1 << 40 }
        expect("occurs twice") { $0.add("test.uint8", 0, [1]) }
        expect("occurs twice") { $0.add(tensor: "a", [1], type: 0, [0, 0, 0, 0]) }
        expect("no GGUF value type") { $0.add("x", 13, [1]) }
        expect("neither false (0) nor true (1)") { $0.add("x", 7, [2]) }
        expect("length of") { $0.add("x", 8, GGUFBuilder.bytes(UInt64.max)) }
        expect("length of") { $0.add("x", 9, GGUFBuilder.bytes(UInt32(8)) + GGUFBuilder.bytes(UInt64(1) << 60)) }
        expect("not UTF-8") { $0.add("x", 8, GGUFBuilder.bytes(UInt64(2)) + [0xC3, 0x28]) }
        expect("nests arrays") { builder in
            builder.add("x", 9, (0..<6).reduce([UInt8]()) { inner, _ in GGUFBuilder.array(9, inner.isEmpty ? [] : [inner]) })
        }
        expect("general.alignment") { $0.add("general.alignment", 4, GGUFBuilder.bytes(UInt32(48))) }
        expect("has 5 axes") { $0.add(tensor: "x", [1, 1, 1, 1, 1], type: 0, [0, 0, 0, 0]) }
        expect("too many elements") { $0.add(tensor: "x", [1 << 40, 1 << 40], type: 0, []) }
        expect("too many elements") { $0.add(tensor: "x", [1 << 40, 1 << 40, 0], type: 0, []) }
        expect("has an axis") { $0.add(tensor: "x", [1 << 63], type: 0, []) }
        expect("divide into blocks") { $0.add(tensor: "x", [33], type: 3, []) }
        expect("divide into blocks") { $0.add(tensor: "x", [1 << 62], type: 0, []) }
        expect("cut short") { $0.data.removeLast(9) }
        expect("cut short") { $0.tensors[0].offset = 1 << 30 }
        expect("cut short") { $0.tensors[0].offset = UInt64(Int.max) & ~31 }
        expect("not a multiple") { $0.tensors[0].offset = 8 }
        expect("not a multiple") { $0.tensors[0].offset = UInt64(1) << 63 }
        expect("overlap") { $0.tensors[1].offset = 0 }
    }

    /// However a file is cut short, it is refused.
    @Test func truncatedFilesAreRefused() {
        let whole = GGUFBuilder.sample.bytes
        // The tensor at the end, of 8 bytes, has a type whose size is not known, so that it only has to begin inside the file.
        for length in 0..<whole.count - 8 {
            #expect(throws: ModelFileError.self, "\(length) bytes") {
                try GGUFFile(MappedFile(contents: Array(whole[..<length]), name: "cut.gguf"))
            }
        }
    }

    @Test func filesThatCannotBeOpenedAreNamed() {
        let error = #expect(throws: ModelFileError.self) { try GGUFFile(path: "/nowhere/model.gguf") }
        #expect(error.map { "\($0)" } == "/nowhere/model.gguf: cannot be opened: No such file or directory")
        #expect(throws: ModelFileError.inaccessible(file: "/", detail: "is a folder")) { try MappedFile(path: "/") }
        let text = #expect(throws: ModelFileError.self) { try GGUFFile(MappedFile(contents: Data("hello world".utf8), name: "x")) }
        #expect(text.map { "\($0)" }?.contains("where a GGUF file is expected") == true)
    }
}
