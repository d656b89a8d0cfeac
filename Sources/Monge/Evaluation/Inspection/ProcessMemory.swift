import Foundation
import ModelFiles

/// What the operating system says of this process.
package enum ProcessMemory {
    /// The most resident memory so far, in bytes (`VmHWM` of `/proc/self/status`, else `getrusage`).
    ///
    /// On Linux `getrusage` counts from before the program was started: a small one that a large one starts has the large one's peak.
    package static var peakBytes: Int {
        if let text = report("status"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kibibytes = line.split(separator: " ").compactMap({ Int($0.trimmingCharacters(in: .whitespaces)) }).first
        {
            return kibibytes * 1024
        }
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        // Linux counts in kibibytes.
        return usage.ru_maxrss * 1024
    }

    /// The resident memory, in bytes; the peak so far where the system does not tell (`/proc/self/statm`).
    package static var residentBytes: Int {
        guard let text = report("statm"),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return peakBytes }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// The bytes of mapped model files that are not resident yet; all of them where the system does not tell (`/proc/self/smaps`).
    ///
    /// - Parameter files: The addresses of the mappings; nil for those of all model files.
    package static func untouchedFileBytes(of files: Set<Range<Int>>? = nil) -> Int {
        let files = files ?? MappedFile.mappings
        let all = files.reduce(0) { $0 + $1.count }
        guard let mappings else { return all }
        let resident = mappings.filter { mapping in files.contains { $0.lowerBound <= mapping.start && mapping.start < $0.upperBound } }
            .reduce(0) { $0 + $1.resident }
        return max(0, all - resident)
    }

    /// The bytes of the program and its libraries that are not resident; 0 where the system does not tell (`/proc/self/smaps`).
    ///
    /// They come as they are read, and go when the system wants room: ``residentBytes`` alone differs by megabytes from one moment to the next.
    package static func untouchedProgramBytes() -> Int {
        let models = MappedFile.mappings
        return (mappings ?? []).filter { mapping in
            mapping.isFile && !models.contains { $0.lowerBound <= mapping.start && mapping.start < $0.upperBound }
        }.reduce(0) { $0 + max(0, $1.size - $1.resident) }
    }

    /// A part of the process's addresses, as the system tells of it.
    private struct Mapping {
        let start: Int
        /// Whether there is a file behind it, not a device.
        let isFile: Bool
        var size = 0
        var resident = 0
    }

    private static var mappings: [Mapping]? {
        guard let text = report("smaps") else { return nil }
        var mappings: [Mapping] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            guard let first = words.first, words.count > 1 else { continue }
            if !first.hasSuffix(":") {
                // Addresses, rights, offset, device, inode and path.
                guard let start = first.split(separator: "-").first.flatMap({ Int($0, radix: 16) }) else { continue }
                mappings.append(Mapping(start: start, isFile: words.count > 5 && words[5].hasPrefix("/") && !words[5].hasPrefix("/dev/")))
            } else if !mappings.isEmpty, let kibibytes = Int(words[1]) {
                if first == "Size:" { mappings[mappings.count - 1].size = kibibytes * 1024 }
                if first == "Rss:" { mappings[mappings.count - 1].resident = kibibytes * 1024 }
            }
        }
        return mappings
    }

    /// What the system says under a name of `/proc/self`.
    ///
    /// The size of such a file is said to be 0, and a read gives a page of it: Foundation's `String` has no more than that.
    private static func report(_ name: String) -> String? {
        let path = "/proc/self/\(name)"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let file = try? MappedFile(readingAll: descriptor, name: path) else { return nil }
        return String(decoding: file.bytes, as: UTF8.self)
    }

    /// Lets the system have what is freed from now on, where that is more than a few pages.
    ///
    /// glibc keeps freed blocks of up to 32 MiB in its heap, once one of that size was freed, and what lies between them cannot be given back: a
    /// fit whose tensors come and go grew by 100 MB of them. A fixed threshold gives each larger block pages of its own.
    package static func returnFreedMemory() {
        // Found at run time: Swift's module of glibc leaves `malloc.h` out, and other C libraries have no such function.
        guard let symbol = dlsym(UnsafeMutableRawPointer(bitPattern: 0), "mallopt") else { return }
        let mallopt = unsafeBitCast(symbol, to: (@convention(c) (_ parameter: Int32, _ value: Int32) -> Int32).self)
        let (trimThreshold, mappingThreshold): (Int32, Int32) = (-1, -3)
        _ = mallopt(mappingThreshold, 64 << 10)
        _ = mallopt(trimThreshold, 64 << 10)
    }
}
