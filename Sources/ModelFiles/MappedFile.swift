import Foundation
import Synchronization
import Tensors

/// The bytes of a file, read-only: mapped into memory, so that only the pages in use take memory, or held in memory.
///
/// The bytes live as long as the object. Cutting a mapped file short while it is in use ends the process when the lost pages are
/// read; this is how the operating system's mappings work.
public final class MappedFile: Sendable, ReadableAgain {
    /// The path, or the name given to bytes held in memory; what messages call the file.
    public let name: String
    /// The number of bytes.
    public let count: Int
    private let address: Int
    private let isMapped: Bool

    private static let live = Mutex<Set<Range<Int>>>([])

    /// The addresses of all files that are mapped now.
    package static var mappings: Set<Range<Int>> { live.withLock { $0 } }

    /// Maps a file.
    /// - Throws: ``ModelFileError/inaccessible(file:detail:)`` when it does not exist, is a folder, or may not be read.
    public init(path: String) throws(ModelFileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .inaccessible(file: path, detail: "cannot be opened: \(systemErrorMessage())") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .inaccessible(file: path, detail: "cannot be examined: \(systemErrorMessage())")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .inaccessible(file: path, detail: status.st_mode & S_IFMT == S_IFDIR ? "is a folder" : "is not a regular file")
        }
        let size = Int(status.st_size)
        name = path
        count = size
        guard size > 0 else {
            address = 0
            isMapped = false
            return
        }
        guard let mapping = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), mapping != MAP_FAILED else {
            throw .inaccessible(file: path, detail: "cannot be mapped into memory: \(systemErrorMessage())")
        }
        address = Int(bitPattern: mapping)
        isMapped = true
        let range = address..<address + size
        _ = Self.live.withLock { $0.insert(range) }
    }

    /// Reads a pipe, a terminal or another open file to its end.
    /// - Parameter name: What messages call it.
    public convenience init(readingAll descriptor: Int32, name: String) throws(ModelFileError) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .inaccessible(file: name, detail: "cannot be read: \(systemErrorMessage())") }
            if count == 0 { break }
            guard bytes.count + count <= MappedFile.longestStream else {
                throw .unsupported(file: name, detail: "is longer than \(MappedFile.longestStream >> 20) MiB; give it as a file")
            }
            bytes += chunk[..<count]
        }
        self.init(contents: bytes, name: name)
    }

    /// More than any set of sentences: a stream without end must not take all memory.
    private static let longestStream = 1 << 30

    /// A copy of bytes that are already in memory, seen as a file.
    public init(contents: some ContiguousBytes, name: String) {
        var copy = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        contents.withUnsafeBytes { source in
            guard !source.isEmpty else { return }
            copy = .allocate(byteCount: source.count, alignment: 64)
            copy.copyMemory(from: source)
        }
        self.name = name
        count = copy.count
        address = Int(bitPattern: copy.baseAddress)
        isMapped = false
    }

    deinit {
        guard let pointer = UnsafeMutableRawPointer(bitPattern: address) else { return }
        if isMapped {
            _ = Self.live.withLock { $0.remove(address..<address + count) }
            munmap(pointer, count)
        } else {
            pointer.deallocate()
        }
    }

    /// Lets the system have the pages that lie within some of the bytes: they are read again where they are needed again. Of bytes held in
    /// memory nothing is let go.
    public func letGo(of bytes: UnsafeRawBufferPointer) {
        guard isMapped, let start = bytes.baseAddress else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (Int(bitPattern: start) + page - 1) / page * page
        let end = (Int(bitPattern: start) + bytes.count) / page * page
        guard first < end, first >= address, end <= address + (count + page - 1) / page * page else { return }
        madvise(UnsafeMutableRawPointer(bitPattern: first)!, end - first, Int32(MADV_DONTNEED))
    }

    /// Lets the system have the pages of all files that are mapped now.
    package static func letGoOfAll() {
        live.withLock { ranges in
            for range in ranges {
                madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound)!, range.count, Int32(MADV_DONTNEED))
            }
        }
    }

    /// All bytes. They are valid while this object lives.
    public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: count)
    }

    /// The bytes of a range of the file. They are valid while this object lives.
    /// - Throws: ``ModelFileError/malformed(file:detail:)`` when the range reaches outside the file.
    public func bytes(in range: Range<Int>) throws(ModelFileError) -> UnsafeRawBufferPointer {
        guard range.lowerBound >= 0, range.upperBound <= count else {
            throw .malformed(file: name, detail: "bytes \(range.lowerBound) to \(range.upperBound) lie outside its \(count) bytes")
        }
        return UnsafeRawBufferPointer(rebasing: bytes[range])
    }
}

/// What the operating system said about the last failed call.
func systemErrorMessage() -> String { String(cString: strerror(errno)) }
