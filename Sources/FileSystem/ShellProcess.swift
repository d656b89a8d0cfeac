import Foundation

/// A command of a shell that is run and whose output is read.
public enum ShellProcess {
    /// How a process ended.
    public enum End: Equatable, Sendable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        public var description: String {
            switch self {
            case .exited(let code): "ends with exit code \(code)"
            case .signalled(let number): "was ended by signal \(number) (\(String(cString: strsignal(number))))"
            }
        }
    }

    /// Runs a command with one more argument, and reads all that it prints. Standard input is empty and standard error that of this process.
    /// What it starts is in a process group of its own, which is ended when this process is (``InterruptionWork``).
    public static func output(of command: String, argument: String) throws(FileError) -> (output: [UInt8], end: End) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system("a pipe", "cannot be made") }
        defer { close(ends[0]) }
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGPIPE, SIGXFSZ] { sigaddset(&signals, number) }
        // What this process ignores, a new one would.
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))

        let arguments: [String] = ["/bin/sh", "-c", "\(command) \"$@\"", "sh", argument]
        let words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        let status = posix_spawn(&process, "/bin/sh", &actions, &attributes, words, environ)
        close(ends[1])
        guard status == 0 else {
            errno = status
            throw .system("/bin/sh", "cannot be started")
        }
        let group = process
        return InterruptionWork.during {
            var output: [UInt8] = []
            withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
                while true {
                    let count = read(ends[0], buffer.baseAddress, buffer.count)
                    if count > 0 { output += buffer[..<count] } else if count == 0 || errno != EINTR { break }
                }
            }
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            let (number, code) = (status & 0x7F, status >> 8 & 0xFF)
            // A shell ends with 128 + n when its command was ended by signal n.
            let end = number != 0 ? number : code > 128 && code < 128 + 65 ? code - 128 : 0
            return (output, end == 0 ? .exited(code) : .signalled(end))
        } first: {
            kill(-group, SIGTERM)
            // For those that do not listen.
            usleep(200_000)
            kill(-group, SIGKILL)
        }
    }
}
