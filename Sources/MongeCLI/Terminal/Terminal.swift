import FileSystem
import Foundation
import Monge

/// Standard error: messages and progress, out of the way of results.
enum Terminal {
    static let isInteractive = isatty(STDERR_FILENO) == 1

    /// Writes text as it is. Where standard error cannot be written there is no one to tell.
    static func write(_ text: String) { try? Descriptor.write([Data(text.utf8)], to: STDERR_FILENO, named: "standard error") }

    static func message(_ text: String) { write(text + "\n") }

    static func warning(_ text: String) { message("monge: warning: \(text)") }
}

/// A progress bar with rate and remaining time on a terminal, a line now and then elsewhere.
final class ProgressBar {
    private let start = Date()
    private var lastShown = Date.distantPast
    private var activity = ""
    private var activityStart = Date()
    private var lastDone = 0
    private var isDrawn = false

    func update(_ progress: Monge.Progress) {
        let now = Date()
        if progress.activity != activity || progress.done < lastDone {
            activity = progress.activity
            activityStart = now
            // On a terminal the bar appears at once; elsewhere a line is worth it only for work that takes a while.
            lastShown = Terminal.isInteractive ? .distantPast : now
        }
        lastDone = progress.done
        let isLast = progress.done >= progress.total
        let isDue = now.timeIntervalSince(lastShown) >= (Terminal.isInteractive ? 0.1 : 10)
        guard isDue || isLast && (Terminal.isInteractive || now.timeIntervalSince(activityStart) >= 10) else { return }
        lastShown = now
        let seconds = max(now.timeIntervalSince(activityStart), 1e-3)
        let rate = Double(progress.done) / seconds
        let remaining = rate > 0 ? Double(progress.total - progress.done) / rate : 0
        let figures =
            "\(progress.done)/\(progress.total) \(progress.unit)"
            // A rate over an instant says nothing.
            + (seconds < 0.2 ? "" : ", \(String(format: "%.1f", rate))/s")
            + (isLast ? ", \(String(format: "%.1f", seconds)) s" : seconds < 0.2 ? "" : ", \(Int(remaining.rounded(.up))) s left")
        if Terminal.isInteractive {
            let width = 24
            let filled = progress.total > 0 ? width * min(progress.done, progress.total) / progress.total : width
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
            Terminal.write("\r\u{1B}[K\(progress.activity) \(bar) \(figures)")
            isDrawn = true
        } else {
            Terminal.message("\(progress.activity): \(figures)")
        }
    }

    /// Ends the line, so that what follows starts on its own.
    func finish() {
        if isDrawn { Terminal.write("\r\u{1B}[K") }
        isDrawn = false
    }

    /// A line above the bar.
    func notice(_ text: String) {
        finish()
        Terminal.message("monge: \(text)")
    }

    /// Runs `body` with a progress bar that is gone when it ends.
    static func during<T>(_ body: (ProgressBar) throws -> T) rethrows -> T {
        let bar = ProgressBar()
        defer { bar.finish() }
        return try body(bar)
    }
}
