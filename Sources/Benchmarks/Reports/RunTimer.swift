import Dispatch
import Tensors
import VulkanBackend
import VulkanRuntime

/// Times runs of an operation on a device: by the timestamps around its dispatches on Vulkan, by the clock on the wall elsewhere.
struct RunTimer {
    /// What told the time.
    enum Clock: String, Codable, Sendable {
        /// The device's own, around each dispatch.
        case timestamps
        /// The host's, around the call.
        case wall
    }

    struct Measurement {
        /// Of each run, in seconds.
        var seconds: [Double]
        var clock: Clock
        /// The host's time for all runs over their number: with launches, barriers and waiting.
        var wallSecondsPerRun: Double
        /// The kernels of a run, in order; empty on the CPU.
        var kernels: [String]
    }

    let backend: any Backend
    private let stream: VulkanRuntime.Stream?

    init(_ backend: any Backend) {
        self.backend = backend
        let vulkan = backend as? VulkanBackend
        stream = vulkan.flatMap { $0.device.report.limits.timestampBits > 0 ? $0.stream : nil }
    }

    /// Times `count` runs, which take the functions in turn.
    /// - Parameter expected: About how long a run takes, in seconds: submissions are kept short by it, since long ones lose devices.
    func measure(_ runs: [() throws -> Void], count: Int, expected: Double) throws -> Measurement {
        try backend.synchronize()
        guard let stream else { return try measureOnTheWall(runs, count: count) }
        let runsPerSubmission = max(1, Int(0.1 / max(expected, 1e-9)))
        try stream.startProfiling(serialised: true)
        var timings: [DispatchTiming] = []
        let start = Self.now()
        do {
            for index in 0..<count {
                try runs[index % runs.count]()
                if (index + 1) % runsPerSubmission == 0 { try stream.flush() }
            }
            timings = try stream.endProfiling()
        } catch {
            // The stream times nothing that follows.
            _ = try? stream.endProfiling()
            throw error
        }
        let wall = Self.now() - start
        let dispatches = timings.count / count
        // Commands that are no dispatches, such as copies of buffers, have no timestamps.
        guard dispatches > 0, timings.count == dispatches * count else { return try measureOnTheWall(runs, count: count) }
        let seconds = (0..<count).map { run in
            timings[run * dispatches..<(run + 1) * dispatches].reduce(0) { $0 + $1.nanoseconds } / 1e9
        }
        return Measurement(
            seconds: seconds, clock: .timestamps, wallSecondsPerRun: wall / Double(count),
            kernels: timings.prefix(dispatches).map(\.kernel))
    }

    private func measureOnTheWall(_ runs: [() throws -> Void], count: Int) throws -> Measurement {
        var seconds: [Double] = []
        seconds.reserveCapacity(count)
        for index in 0..<count {
            let start = Self.now()
            try runs[index % runs.count]()
            try backend.synchronize()
            seconds.append(Self.now() - start)
        }
        return Measurement(
            seconds: seconds, clock: .wall, wallSecondsPerRun: seconds.reduce(0, +) / Double(count), kernels: [])
    }

    private static func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
}
