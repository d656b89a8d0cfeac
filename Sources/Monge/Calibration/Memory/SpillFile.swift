import Foundation

/// A file that has no name any more: it is gone with the process, however that ends.
final class SpillFile {
    /// Where bytes lie in the file.
    struct Region: Equatable {
        var offset: Int
        var count: Int
    }

    let folder: String
    private let descriptor: Int32
    /// Regions that are free again, by their size: what waits has the same few sizes again and again.
    private var free: [Int: [Int]] = [:]
    private(set) var size = 0
    private(set) var bytesWritten = 0
    private(set) var bytesRead = 0

    /// - Parameter folder: `$TMPDIR`, else the system's.
    /// - Throws: ``MongeError/failed(_:)`` when no file can be made there.
    init(folder: String = FileManager.default.temporaryDirectory.path) throws {
        self.folder = folder
        var path = Array("\(folder)/monge-XXXXXX".utf8CString)
        descriptor = mkstemp(&path)
        guard descriptor >= 0 else {
            throw MongeError.failed(
                "no temporary file can be made in \(folder): \(SpillFile.systemMessage); set TMPDIR to another folder")
        }
        unlink(path)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit { close(descriptor) }

    func reserve(_ count: Int) -> Region {
        if let offset = free[count]?.popLast() { return Region(offset: offset, count: count) }
        defer { size += count }
        return Region(offset: size, count: count)
    }

    func release(_ region: Region) { free[region.count, default: []].append(region.offset) }

    /// Writes bytes at `offset` within a region.
    /// - Throws: ``MongeError/failed(_:)`` when there is no room.
    func write(_ bytes: UnsafeRawBufferPointer, to region: Region, at offset: Int) throws {
        let isWhole = transfer(bytes.count) { done in
            pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(region.offset + offset + done))
        }
        guard isWhole else {
            throw MongeError.failed(
                "the temporary file in \(folder) cannot be written after \(ByteCount(size)): \(SpillFile.systemMessage); "
                    + "set TMPDIR to a folder with more room, or allow more memory")
        }
        bytesWritten += bytes.count
    }

    /// Reads bytes from `offset` within a region.
    func read(_ region: Region, at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
        let isWhole = transfer(bytes.count) { done in
            pread(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(region.offset + offset + done))
        }
        guard isWhole else {
            throw MongeError.failed("the temporary file in \(folder) cannot be read: \(SpillFile.systemMessage)")
        }
        bytesRead += bytes.count
    }

    /// Repeats a system call until it has moved `count` bytes; false when it fails, with its reason in `errno`.
    private func transfer(_ count: Int, _ call: (_ done: Int) -> Int) -> Bool {
        var done = 0
        while done < count {
            let moved = call(done)
            if moved < 0 && errno == EINTR { continue }
            guard moved > 0 else { return false }
            done += moved
        }
        return true
    }

    private static var systemMessage: String { String(cString: strerror(errno)) }
}
