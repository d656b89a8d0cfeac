import Tensors
import VulkanRuntime

/// How kernels are laid out over a device. The families compute the same and differ in speed.
public enum KernelFamily: String, Sendable, CaseIterable {
    /// For processors whose vector registers are the subgroups (llvmpipe): work-groups of one subgroup with much work in each, no shared
    /// memory and no barriers, which cost such a device a switch of context.
    case lanes
    /// For graphics processors: many invocations, tiles in shared memory.
    case tiles

    /// The subgroup sizes that kernels of ``lanes`` are written for.
    static let laneCounts = [4, 8, 16]

    init(for report: DeviceReport) {
        self = report.isSoftware && Self.lanes.runs(on: report) ? .lanes : .tiles
    }

    /// Whether a device has subgroups of a size that the kernels are written for.
    public func runs(on report: DeviceReport) -> Bool {
        self == .tiles || Self.laneCounts.contains(report.limits.subgroupSize)
    }
}

/// A work-group's size and the number of work-groups.
struct Launch {
    /// Invocations along x and y.
    var groupSize: (Int, Int)
    var groups: (Int, Int, Int)
}

extension VulkanBackend {
    var subgroupSize: Int { DeviceClass.subgroupSize(device.report) }

    /// How many work-groups keep the device busy.
    var processors: Int { DeviceClass.processors(device.report) }

    /// Those of a lane of products that share a dispatch.
    var groupRegisters: Int { DeviceClass(device.report).groupRegisters(subgroupSize: subgroupSize) }

    /// A work-group for each of `count` pieces of work; they are counted along x and then y.
    /// - Parameter iterations: The loop iterations of an invocation.
    func launch(groups count: Int, of groupSize: (Int, Int), iterations: Int, _ operation: String) throws -> Launch {
        try requireIterations(iterations, operation)
        let width = min(count, device.report.limits.workGroupCount[0])
        return Launch(groupSize: groupSize, groups: (width, width == 0 ? 0 : (count + width - 1) / width, 1))
    }

    /// Invocations that share `count` elements among them.
    /// - Parameter iterations: The loop iterations for one element.
    func launch(elements count: Int, iterations: Int = 0, _ operation: String) throws -> Launch {
        // A vector processor has few cores, and its groups take several elements each where there is little to do for one.
        let groupSize = family == .lanes ? subgroupSize : 256
        let each = family == .lanes ? max(1, 64 / (iterations + 1)) : 1
        let groups = min((count + groupSize * each - 1) / (groupSize * each), device.report.limits.workGroupCount[0])
        if groups > 0 {
            let elements = (count + groups * groupSize - 1) / (groups * groupSize)
            try requireIterations(elements * (iterations + 1), operation)
        }
        return Launch(groupSize: (groupSize, 1), groups: (groups, 1, 1))
    }

    /// A work-group for each row, which sums over it.
    /// - Parameter passes: How often it goes over the channels.
    func launch(rows: Int, of channels: Int, passes: Int, _ operation: String) throws -> Launch {
        let groupSize = family == .lanes ? subgroupSize : 256
        return try launch(groups: rows, of: (groupSize, 1), iterations: passes * (channels / groupSize + 1), operation)
    }

    /// Whether the work-groups of ``launch(rows:of:passes:_:)`` are single subgroups (specialization constant 4).
    var rowGroupIsOneSubgroup: UInt32 { family == .lanes ? 1 : 0 }

    /// The loop iterations of an invocation that every device makes, with something to spare.
    static let mostIterations = 65_000

    /// llvmpipe leaves every loop of an invocation once they have had 65,535 iterations together (LP_MAX_TGSI_LOOP_ITERATIONS in
    /// Mesa), without a word: results would be wrong.
    func exceedsIterations(_ count: Int) -> Bool { device.report.isSoftware && count > Self.mostIterations }

    private func requireIterations(_ count: Int, _ operation: String) throws {
        guard exceedsIterations(count) else { return }
        throw TensorError.invalidOption(
            operation: operation,
            detail: "this size needs \(count) loop iterations and \(name) stops after 65535; use the CPU or a smaller batch")
    }
}
