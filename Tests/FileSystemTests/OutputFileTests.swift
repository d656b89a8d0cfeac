import FileSystem
import Foundation
import Testing

/// A new empty folder that is removed with the object.
final class Folder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("monge-files-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    func file(_ name: String, _ text: String, mode: mode_t = 0o644) throws -> String {
        try text.write(toFile: path(name), atomically: false, encoding: .utf8)
        chmod(path(name), mode)
        return path(name)
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    /// Everything in the folder, hidden files too.
    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }

    func status(_ name: String) -> stat {
        var status = stat()
        lstat(path(name), &status)
        return status
    }
}

/// Writes as a command does: first the check, then the bytes.
private func write(_ text: String, to path: String) throws {
    let file = OutputFile(path)
    try file.check()
    try file.write(Data(text.utf8))
}

@Suite struct OutputFileTests {
    let folder: Folder

    init() throws { folder = try Folder() }

    @Test func aNewFileObeysTheMask() throws {
        try write("new", to: folder.path("a"))
        let mask = umask(0)
        umask(mask)
        #expect(try folder.text("a") == "new")
        #expect(folder.status("a").st_mode == S_IFREG | 0o666 & ~mask)
        #expect(folder.names == ["a"])
    }

    @Test func aFileIsReplacedAndKeepsItsModeAndOwner() throws {
        try folder.file("private", "old", mode: 0o600)
        try folder.file("odd", "old", mode: 0o2751)
        let inode = folder.status("private").st_ino
        // Only root can give files away.
        if geteuid() == 0 { chown(folder.path("odd"), 1234, 4321) }
        chmod(folder.path("odd"), 0o2751)
        for name in ["private", "odd"] {
            try write("new", to: folder.path(name))
            #expect(try folder.text(name) == "new")
        }
        #expect(folder.status("private").st_mode == S_IFREG | 0o600)
        #expect(folder.status("private").st_ino != inode, "replaced, not overwritten")
        #expect(folder.status("odd").st_mode == S_IFREG | 0o2751)
        if geteuid() == 0 { #expect(folder.status("odd").st_uid == 1234 && folder.status("odd").st_gid == 4321) }
        #expect(folder.names == ["odd", "private"])
    }

    /// A link stays a link, also one of several, by relative paths, and to a file that is not there yet.
    @Test func theTargetOfALinkIsWritten() throws {
        try FileManager.default.createDirectory(atPath: folder.path("inner"), withIntermediateDirectories: false)
        try folder.file("inner/file", "old", mode: 0o640)
        symlink("inner/file", folder.path("one"))
        symlink("one", folder.path("two"))
        symlink("inner/later", folder.path("dangling"))
        for (link, name) in [("two", "inner/file"), ("dangling", "inner/later")] {
            try write("new", to: folder.path(link))
            #expect(try folder.text(name) == "new")
            #expect(folder.status(link).st_mode & S_IFMT == S_IFLNK)
        }
        #expect(folder.status("inner/file").st_mode == S_IFREG | 0o640)
        symlink("loop", folder.path("loop"))
        #expect(throws: FileError.self) { try OutputFile(folder.path("loop")).check() }
    }

    /// A device keeps being one. The node is made here; making it takes root.
    @Test func aDeviceIsWrittenThrough() throws {
        guard mknod(folder.path("null"), S_IFCHR | 0o600, 1 << 8 | 3) == 0 else { return }
        // Where the file system forbids opening devices there is nothing to see.
        let probe = open(folder.path("null"), O_WRONLY)
        guard probe >= 0 else { return }
        close(probe)
        try write("gone", to: folder.path("null"))
        #expect(folder.status("null").st_mode == S_IFCHR | 0o600)
        mknod(folder.path("full"), S_IFCHR | 0o600, 1 << 8 | 7)
        let error = #expect(throws: FileError.self) { try write("too much", to: folder.path("full")) }
        #expect(error?.code == ENOSPC)
        #expect(folder.status("full").st_mode == S_IFCHR | 0o600)
        #expect(folder.names == ["full", "null"])
    }

    @Test func aPipeIsWrittenThrough() throws {
        #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
        let path = folder.path("pipe")
        let finished = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var read: String?
        Thread.detachNewThread {
            read = FileHandle(forReadingAtPath: path).map { String(decoding: $0.readDataToEndOfFile(), as: UTF8.self) }
            finished.signal()
        }
        try write("through", to: path)
        #expect(folder.status("pipe").st_mode == S_IFIFO | 0o600)
        finished.wait()
        #expect(read == "through")
    }

    /// An open file of the process goes on where it stands, whatever path leads to it.
    @Test func anOpenFileIsWrittenThrough() throws {
        let descriptor = open(folder.path("open"), O_WRONLY | O_CREAT, 0o644)
        defer { close(descriptor) }
        try Descriptor.write([Data("first ".utf8)], to: descriptor, named: "open")
        symlink("/dev/fd/\(descriptor)", folder.path("link"))
        try write("second ", to: "/dev/fd/\(descriptor)")
        try write("third ", to: "/proc/self/fd/\(descriptor)")
        try write("fourth", to: folder.path("link"))
        #expect(try folder.text("open") == "first second third fourth")
        let reading = open(folder.path("open"), O_RDONLY)
        defer { close(reading) }
        #expect(throws: FileError.self) { try OutputFile("/dev/fd/\(reading)").check() }
        #expect(throws: FileError.self) { try OutputFile("/dev/fd/987").check() }
    }

    @Test func whatCannotBeWrittenIsRefusedBefore() throws {
        try FileManager.default.createDirectory(atPath: folder.path("inner"), withIntermediateDirectories: false)
        try folder.file("file", "old")
        for (path, mention) in [
            (folder.path("inner"), "is a folder"), (folder.path("nowhere/a"), "there is no folder \(folder.path("nowhere"))"),
            (folder.path("new/"), "name of a folder"), (folder.path("file/a"), "is no folder"), ("", "no name"),
        ] {
            let error = #expect(throws: FileError.self) { try OutputFile(path).check() }
            #expect(error.map { "\($0)" }?.contains(mention) == true, "\(String(describing: error))")
            #expect(throws: FileError.self) { try OutputFile(path).write(Data("x".utf8)) }
        }
        #expect(folder.names == ["file", "inner"] && folder.status("file").st_size == 3)
    }

    @Test func theCheckChangesNothing() throws {
        try folder.file("file", "old", mode: 0o604)
        let before = folder.status("file")
        for name in ["file", "new"] { try OutputFile(folder.path(name)).check() }
        #expect(
            folder.names == ["file"] && folder.status("file").st_ino == before.st_ino && folder.status("file").st_mode == before.st_mode)
        #expect(try folder.text("file") == "old")
    }

    @Test func namesOfAnyLengthAreWritten() throws {
        let name = String(repeating: "n", count: Int(NAME_MAX))
        try write("long", to: folder.path(name))
        #expect(try folder.text(name) == "long")
    }
}

@Suite struct FileIdentityTests {
    @Test func oneFileUnderSeveralNames() throws {
        let folder = try Folder()
        try folder.file("file", "x")
        symlink("file", folder.path("link"))
        link(folder.path("file"), folder.path("hard"))
        let identity = try #require(FileIdentity(folder.path("file")))
        for name in ["file", "link", "hard", "./file", "../\((folder.path as NSString).lastPathComponent)/file"] {
            #expect(FileIdentity(folder.path(name)) == identity)
            #expect(FileIdentity(OutputFile(folder.path(name))) == identity)
        }
        symlink("later", folder.path("dangling"))
        let later = try #require(FileIdentity(OutputFile(folder.path("later"))))
        #expect(FileIdentity(OutputFile(folder.path("dangling"))) == later)
        #expect(FileIdentity(OutputFile(folder.path("other"))) != later && FileIdentity(folder.path("later")) == nil)
        let descriptor = open(folder.path("file"), O_WRONLY)
        defer { close(descriptor) }
        #expect(FileIdentity(OutputFile("/dev/fd/\(descriptor)")) == identity)
        #expect(FileIdentity.files(at: folder.path).contains(identity) && FileIdentity.files(at: folder.path("later")).isEmpty)
    }
}
