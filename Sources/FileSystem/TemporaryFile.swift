import Foundation

/// A file beside the one that it is going to replace.
struct TemporaryFile {
    let descriptor: Int32
    private let place: String
    /// What errors call the file that is replaced.
    private let name: String
    /// Its removal, should a signal end the process first.
    private let removal: Int

    /// Creates the file, with the mode and owner of the one it replaces.
    /// - Parameters:
    ///   - target: The path of a regular file, or of none.
    ///   - status: Of the file there; nil when there is none.
    init(replacing target: String, status: stat?, named name: String) throws(FileError) {
        let folder = (target as NSString).deletingLastPathComponent
        // Not made of the target's name, to which nothing may be added where it is as long as names can be.
        let place = "\(folder)/.monge-\(getpid())-\(UInt32.random(in: 0 ... .max)).partial"
        self.name = name
        self.place = place
        removal = InterruptionWork.enter { unlink(place) }
        // What replaces a private file is never readable for others, not even before its mode is set.
        descriptor = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status == nil ? 0o666 : 0o600)
        guard descriptor >= 0 else {
            let error = FileError.system(name, "cannot be written: a file in the folder \(folder) cannot be created")
            InterruptionWork.leave(removal)
            throw error
        }
        guard let status else { return }
        // The owner first: changing it takes some bits of the mode away.
        guard fchown(descriptor, status.st_uid, status.st_gid) == 0 else {
            let error = FileError.system(name, "cannot be replaced: its owner \(status.st_uid):\(status.st_gid) cannot be kept")
            discard()
            throw error
        }
        guard fchmod(descriptor, status.st_mode & 0o7777) == 0 else {
            let error = FileError.system(name, "cannot be replaced: its mode cannot be kept")
            discard()
            throw error
        }
    }

    /// Brings the file to disk and renames it.
    /// - Throws: ``FileError``; the file is then to be discarded.
    func takePlace(of target: String) throws(FileError) {
        guard fsync(descriptor) == 0 else { throw .system(name, "cannot be brought to disk") }
        guard rename(place, target) == 0 else { throw .system(name, "cannot be put in place") }
        InterruptionWork.leave(removal)
        close(descriptor)
        // The rename itself is brought to disk with the folder; file systems that cannot do this keep the right order anyway.
        let folder = open((target as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    /// Removes the file.
    func discard() {
        close(descriptor)
        unlink(place)
        InterruptionWork.leave(removal)
    }
}
