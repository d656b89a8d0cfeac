import FileSystem
import Foundation

/// What a command does with the streams and signals that it was started with.
enum StandardStreams {
    /// Makes failing writes errors of this program instead of its silent end, and lets an interrupted program take its temporary files along.
    static func prepare() {
        // The numbers of closed streams would go to the next files that are opened, and messages into those.
        for (descriptor, mode) in [(STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY)]
        where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is this one. Standard output is opened for reading, so that writing results to it fails.
            _ = open("/dev/null", mode)
        }
        // A closed pipe, and a file that grows beyond the shell's limit.
        for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
        // A program that is started from a thread that blocks signals, such as a worker of libdispatch, begins with them blocked, and could not
        // be interrupted.
        var interruptions = sigset_t()
        sigemptyset(&interruptions)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&interruptions, number) }
        pthread_sigmask(SIG_UNBLOCK, &interruptions, nil)
        InterruptionWork.begin()
    }
}
