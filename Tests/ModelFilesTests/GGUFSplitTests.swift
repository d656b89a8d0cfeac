import Foundation
import ModelFiles
import Tensors
import TestSupport
import Testing

/// Split models, against the same model in one piece; both were written by llama.cpp's Python package.
struct GGUFSplitTests {
    private static let folder = fixtures.appending(path: "split").path

    @Test(arguments: 1...3)
    func allPartsComeWithAny(_ part: Int) throws {
        let whole = try GGUFFile(path: Self.folder + "/whole.gguf")
        let file = try GGUFFile(path: Self.folder + "/parts-0000\(part)-of-00003.gguf")
        #expect(file.partNames.map { ($0 as NSString).lastPathComponent } == (1...3).map { "parts-0000\($0)-of-00003.gguf" })
        #expect(try file.string("general.name") == "Split")
        #expect(file.tensorNames == whole.tensorNames && file.tensorNames.count == 5)
        for (index, name) in whole.tensorNames.enumerated() {
            #expect(try file.tensor(name).floats() == whole.tensor(name).floats())
            #expect(try file.tensor(name).floats().first == Float(100 * index))
            #expect(try file.tensor(name).shape == whole.tensor(name).shape)
        }
        #expect(file.kind == .ggufModel)
    }

    /// What is missing, misplaced or not of this model is named.
    @Test func brokenSetsAreRefused() throws {
        func refusal(_ change: (String) throws -> Void, opening name: String = "m-00001-of-00003.gguf") throws -> String {
            try withTemporaryFolder { folder in
                for part in 1...3 {
                    try FileManager.default.copyItem(
                        atPath: Self.folder + "/parts-0000\(part)-of-00003.gguf", toPath: folder + "/m-0000\(part)-of-00003.gguf")
                }
                try change(folder)
                let error = #expect(throws: ModelFileError.self) { try GGUFFile(path: folder + "/" + name) }
                return error.map { "\($0)" }?.replacing(folder + "/", with: "") ?? ""
            }
        }
        func move(_ from: String, _ to: String) -> (String) throws -> Void {
            { try FileManager.default.moveItem(atPath: "\($0)/\(from)", toPath: "\($0)/\(to)") }
        }
        #expect(
            try refusal(move("m-00002-of-00003.gguf", "other.gguf"))
                == "m-00002-of-00003.gguf: is missing: part 2 of the 3 of m-00001-of-00003.gguf")
        #expect(try refusal(move("m-00002-of-00003.gguf", "m.gguf"), opening: "m.gguf").contains("names end in -00001-of-00003.gguf"))
        #expect(
            try refusal(move("m-00002-of-00003.gguf", "m-00002-of-00004.gguf"), opening: "m-00002-of-00004.gguf").contains(
                "its name says 4"))
        let swapped = try refusal { folder in
            try move("m-00002-of-00003.gguf", "x")(folder)
            try move("m-00003-of-00003.gguf", "m-00002-of-00003.gguf")(folder)
            try move("x", "m-00003-of-00003.gguf")(folder)
        }
        #expect(swapped.contains("m-00002-of-00003.gguf: says that it is part 3 of 3, by its name it is part 2 of 3"))
        // A whole model in the place of a part.
        let foreign = try refusal { folder in
            try FileManager.default.removeItem(atPath: folder + "/m-00003-of-00003.gguf")
            try FileManager.default.copyItem(atPath: Self.folder + "/whole.gguf", toPath: folder + "/m-00003-of-00003.gguf")
        }
        #expect(foreign.contains("m-00003-of-00003.gguf: says that it is part ? of 1"))
    }

    /// A set whose first part counts other tensors, or of which two parts hold one, written byte by byte.
    @Test func countsAndNamesAreChecked() throws {
        func part(_ number: UInt16, tensor: String, total: Int32) -> [UInt8] {
            var builder = GGUFBuilder()
            builder.add("general.architecture", "llama")
            builder.add("split.no", 2, GGUFBuilder.bytes(number))
            builder.add("split.count", 2, GGUFBuilder.bytes(UInt16(2)))
            builder.add("split.tensors.count", 5, GGUFBuilder.bytes(total))
            builder.add(tensor: tensor, [1], type: 0, GGUFBuilder.bytes(Float(1).bitPattern))
            return builder.bytes
        }
        for (second, total, mention) in [("b", 3, "2 tensors, the first says 3"), ("a", 2, "'a' is in an earlier part"), ("b", 2, nil)]
            as [(String, Int32, String?)]
        {
            try withTemporaryFolder { folder in
                for (number, tensor) in ["a", second].enumerated() {
                    try Data(part(UInt16(number), tensor: tensor, total: total))
                        .write(to: URL(filePath: "\(folder)/s-0000\(number + 1)-of-00002.gguf"))
                }
                let path = folder + "/s-00001-of-00002.gguf"
                guard let mention else {
                    #expect(try GGUFFile(path: path).tensorNames == ["a", "b"])
                    return
                }
                let error = #expect(throws: ModelFileError.self) { try GGUFFile(path: path) }
                #expect(error.map { "\($0)" }?.contains(mention) == true, "\(String(describing: error))")
            }
        }
    }
}
