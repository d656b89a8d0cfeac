import Foundation

/// Ctrl-C as a wish that can be asked for, in place of the end of the program.
enum Interruption {
    /// Begins to catch Ctrl-C.
    static func begin() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in wasInterrupted = 1 }
        // System calls that wait are not begun again, so that a line being read is given up.
        action.sa_flags = 0
        sigaction(SIGINT, &action, nil)
    }

    /// Whether Ctrl-C came since this was asked last.
    static func take() -> Bool {
        defer { wasInterrupted = 0 }
        return wasInterrupted != 0
    }

    /// Whether Ctrl-C came, to be taken later.
    static var isPending: Bool { wasInterrupted != 0 }
}

/// Written by the signal's handler, which may do nothing else.
private nonisolated(unsafe) var wasInterrupted: sig_atomic_t = 0
