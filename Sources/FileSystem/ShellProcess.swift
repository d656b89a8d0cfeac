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
        let process = try start(["/bin/sh", "-c", "\(command) \"$@\"", "sh", argument], hasInput: false)
        defer { close(process.output) }
        return InterruptionWork.during {
            var output: [UInt8] = []
            withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
                while true {
                    let count = read(process.output, buffer.baseAddress, buffer.count)
                    if count > 0 { output += buffer[..<count] } else if count == 0 || errno != EINTR { break }
                }
            }
            return (output, wait(for: process.identifier))
        } first: {
            stop(process.identifier)
        }
    }

    /// What came of a conversation with a command.
    public enum Conclusion: Equatable, Sendable {
        /// It read what it wanted and ended.
        case ended(End)
        /// It printed nothing for too long, and was ended.
        case silent
    }

    /// Runs a command, gives it bytes at standard input and then the end of them, and hands on what it prints as it comes. Standard error is that of this
    /// process.
    ///
    /// A command that ends, or closes standard input, before it has read all is asked no more; what it printed counts.
    /// - Parameters:
    ///   - patience: The seconds without a byte in either direction after which the command is ended.
    ///   - received: Called with bytes as they come; when it throws, the command is ended.
    public static func converse(
        with command: String, input: [UInt8], patience: Double, received: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Conclusion {
        let process = try start(["/bin/sh", "-c", command], hasInput: true)
        var isOver = false
        defer {
            close(process.output)
            if !isOver {
                stop(process.identifier)
                _ = wait(for: process.identifier)
            }
        }
        return try InterruptionWork.during {
            let isTimely = try exchange(process, input, patience, received)
            if !isTimely { return .silent }
            // A process may close standard output and go on.
            guard let end = wait(for: process.identifier, patience: patience) else { return .silent }
            isOver = true
            return .ended(end)
        } first: {
            stop(process.identifier)
        }
    }

    /// Writes and reads until nothing more is printed; false when nothing happened for too long.
    private static func exchange(
        _ process: Started, _ input: [UInt8], _ patience: Double, _ received: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Bool {
        var unwritten = input[...]
        var inputEnd: Int32 = process.input
        func closeInput() {
            if inputEnd >= 0 { close(inputEnd) }
            inputEnd = -1
        }
        defer { closeInput() }
        _ = fcntl(inputEnd, F_SETFL, O_NONBLOCK)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            if unwritten.isEmpty { closeInput() }
            var ends = [
                pollfd(fd: process.output, events: Int16(POLLIN), revents: 0), pollfd(fd: inputEnd, events: Int16(POLLOUT), revents: 0),
            ]
            let ready = poll(&ends, inputEnd >= 0 ? 2 : 1, Int32(min(patience * 1000, Double(Int32.max))))
            if ready < 0, errno == EINTR { continue }
            if ready == 0 { return false }
            if ends[0].revents != 0 {
                let count = read(process.output, buffer.baseAddress, buffer.count)
                if count == 0 { return true }
                if count > 0 { try received(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
                if count < 0, errno != EINTR, errno != EAGAIN { return true }
            }
            if inputEnd >= 0, ends[1].revents != 0 {
                let count = unwritten.withUnsafeBytes { write(inputEnd, $0.baseAddress, $0.count) }
                if count > 0 { unwritten = unwritten.dropFirst(count) }
                // It wants no more of it.
                if count < 0, errno != EINTR, errno != EAGAIN { closeInput() }
            }
        }
    }

    private struct Started {
        var identifier: pid_t
        /// Of pipes; the input is −1 where there is none.
        var input, output: Int32
    }

    /// Starts a process in a group of its own.
    private static func start(_ arguments: [String], hasInput: Bool) throws(FileError) -> Started {
        func makePipe() throws(FileError) -> (read: Int32, write: Int32) {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { throw .system("a pipe", "cannot be made") }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            return (ends[0], ends[1])
        }
        let output = try makePipe()
        var input: (read: Int32, write: Int32) = (-1, -1)
        if hasInput {
            do throws(FileError) { input = try makePipe() } catch {
                close(output.read)
                close(output.write)
                throw error
            }
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if hasInput {
            posix_spawn_file_actions_adddup2(&actions, input.read, STDIN_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO)

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

        let words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        let status = posix_spawn(&process, arguments[0], &actions, &attributes, words, environ)
        close(output.write)
        if hasInput { close(input.read) }
        guard status == 0 else {
            close(output.read)
            if hasInput { close(input.write) }
            errno = status
            throw .system(arguments[0], "cannot be started")
        }
        return Started(identifier: process, input: input.write, output: output.read)
    }

    /// How a process ended, when it has.
    private static func wait(for process: pid_t) -> End {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return end(status)
    }

    /// The same, and nil where it goes on for too long.
    private static func wait(for process: pid_t, patience: Double) -> End? {
        let limit = Date().addingTimeInterval(patience)
        var status: Int32 = 0
        while waitpid(process, &status, WNOHANG) == 0 {
            if Date() > limit { return nil }
            usleep(2000)
        }
        return end(status)
    }

    private static func end(_ status: Int32) -> End {
        let (number, code) = (status & 0x7F, status >> 8 & 0xFF)
        // A shell ends with 128 + n when its command was ended by signal n.
        let end = number != 0 ? number : code > 128 && code < 128 + 65 ? code - 128 : 0
        return end == 0 ? .exited(code) : .signalled(end)
    }

    /// Ends a process and what it started.
    private static func stop(_ process: pid_t) {
        kill(-process, SIGTERM)
        // For those that do not listen.
        usleep(200_000)
        kill(-process, SIGKILL)
    }
}
