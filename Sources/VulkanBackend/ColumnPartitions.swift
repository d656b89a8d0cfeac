import Tensors
import VulkanRuntime

/// How the samples of columns are dealt out: an invocation for each column and each partition of its samples.
extension VulkanBackend {
    /// The partitions of each column: as many as keep the device busy, and at least as many as keep loops short enough for it.
    /// - Parameter iterations: The loop iterations for one sample.
    func partitions(of samples: Int, columns: Int, iterations: Int) -> Int {
        // An invocation should not have less to do than to write its part and have it read again.
        let (busy, least) = family == .lanes ? (64 * subgroupSize, 256) : (1 << 16, 64)
        let wanted = min((busy + columns - 1) / columns, samples / least)
        let most = max(1, Self.mostIterations / 4 / iterations)
        return max(wanted, (samples + most - 1) / most, 1)
    }

    /// - Parameter iterations: The loop iterations of one invocation.
    func launch(columns: Int, partitions: Int, iterations: Int, _ operation: String) throws -> Launch {
        let groupSize = family == .lanes ? subgroupSize : 256
        let groups = (Int(try count(columns * partitions, operation)) + groupSize - 1) / groupSize
        // The kernels deal elements out in turn, so that a wider grid than the device has would be one of several turns.
        let width = min(groups, device.report.limits.workGroupCount[0])
        let turns = (groups + width - 1) / width
        return try launch(groups: width, of: (groupSize, 1), iterations: turns * (iterations + 1), operation)
    }

    /// Memory for what one kernel leaves for the next.
    func scratch(_ byteCount: Int, _ operation: String) throws -> DevicePlace {
        let buffer = try translatingErrors(operation) { try device.makeBuffer(byteCount: byteCount) }
        return DevicePlace(buffer: buffer, byteOffset: 0, byteCount: byteCount)
    }
}
