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
    /// When an activity began, how far it was then, and how far it has come. One that others interrupt goes on, and their time is part of its own.
    private struct Course {
        var start: Date
        var first: Int
        var last: Int
    }

    private var courses: [String: Course] = [:]
    private var lastShown = Date.distantPast
    private var activity = ""
    private var isDrawn = false

    func update(_ progress: Monge.Progress) {
        let now = Date()
        if progress.done < courses[progress.activity]?.last ?? .max {
            courses[progress.activity] = Course(start: now, first: progress.done, last: progress.done)
            // On a terminal the bar appears at once; elsewhere a line is worth it only for work that takes a while.
            lastShown = Terminal.isInteractive ? .distantPast : now
        } else if progress.activity != activity, Terminal.isInteractive {
            lastShown = .distantPast
        }
        activity = progress.activity
        courses[progress.activity]!.last = progress.done
        let course = courses[progress.activity]!
        let isLast = progress.done >= progress.total
        let isDue = now.timeIntervalSince(lastShown) >= (Terminal.isInteractive ? 0.1 : 10)
        guard isDue || isLast && (Terminal.isInteractive || now.timeIntervalSince(course.start) >= 10) else { return }
        lastShown = now
        let seconds = max(now.timeIntervalSince(course.start), 1e-3)
        let rate = Double(progress.done - course.first) / seconds
        // A rate over an instant says nothing.
        let isKnown = seconds >= 0.2 && rate > 0
        let figures =
            "\(progress.done)/\(progress.total) \(progress.unit)"
            + (isKnown ? ", \(String(format: "%.1f", rate))/s" : "")
            + (isLast
                ? ", \(String(format: "%.1f", seconds)) s"
                : isKnown ? ", \(Int((Double(progress.total - progress.done) / rate).rounded(.up))) s left" : "")
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
