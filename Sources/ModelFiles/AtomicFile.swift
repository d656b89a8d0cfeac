import Foundation

/// Writes files so that another process, or this one after a crash, sees the old contents or all of the new, never a part.
public enum AtomicFile {
    /// Replaces a file's contents: they are written to a temporary file in the same folder, brought to disk, and renamed. On failure
    /// the temporary file is removed and the old contents stay.
    /// - Throws: ``ModelFileError/inaccessible(file:detail:)``
    public static func write(_ parts: [[UInt8]], to path: String) throws(ModelFileError) {
        let folder = (path as NSString).deletingLastPathComponent
        let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0 ... .max)).partial"
        func failure(_ what: String) -> ModelFileError { .inaccessible(file: path, detail: "\(what): \(systemErrorMessage())") }
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure("cannot be created") }
        do throws(ModelFileError) {
            for part in parts {
                guard writeAll(part, to: descriptor) else { throw failure("cannot be written") }
            }
            guard fsync(descriptor) == 0 else { throw failure("cannot be brought to disk") }
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        guard close(descriptor) == 0, rename(temporary, path) == 0 else {
            let error = failure("cannot be put in place")
            unlink(temporary)
            throw error
        }
        // The rename itself is brought to disk with the folder; file systems that cannot do this keep the right order anyway.
        let folderDescriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
        if folderDescriptor >= 0 {
            fsync(folderDescriptor)
            close(folderDescriptor)
        }
    }
}

/// Writes all bytes, in as many calls as it takes; false when one fails, with the reason in `errno`.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { bytes in
        var written = 0
        while written < bytes.count {
            let count = write(descriptor, bytes.baseAddress! + written, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }
}
