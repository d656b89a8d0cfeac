import Foundation
import ModelFiles
import Monge
import Testing

/// What a budget of memory goes by.
struct ProcessMemoryTests {
    /// The kernel's account of a process with as many libraries as this one has many pages; all of them have to be read.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/smaps")))
    func pagesOfAFileCountOnceTheyWereRead() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("monge-\(UUID().uuidString)")
        try Data(repeating: 7, count: 3 << 20).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        let file = try MappedFile(path: url.path)
        let start = Int(bitPattern: file.bytes.baseAddress!)
        let range: Set = [start..<start + file.count]
        #expect(ProcessMemory.untouchedFileBytes(of: range) == file.count)
        // Reading a page may bring its neighbours.
        #expect(file.bytes[0] == 7)
        let afterOne = ProcessMemory.untouchedFileBytes(of: range)
        #expect(afterOne > 0 && afterOne < file.count)
        #expect(stride(from: 0, to: file.count, by: 4096).reduce(0) { $0 + Int(file.bytes[$1]) } == 7 * file.count / 4096)
        #expect(ProcessMemory.untouchedFileBytes(of: range) == 0)
    }

    /// A library has pages that no test reads: characters of all the world's scripts. They are the program's, those of a model are not.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/smaps")))
    func theProgramHasPagesOfItsOwn() throws {
        let before = ProcessMemory.untouchedProgramBytes()
        #expect(before > 1 << 20)
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("monge-\(UUID().uuidString)")
        try Data(repeating: 7, count: 256 << 20).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        let file = try MappedFile(path: url.path)
        #expect(ProcessMemory.untouchedProgramBytes() < before + file.count / 2)
    }
}
