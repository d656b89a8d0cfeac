import VulkanRuntime

/// How kernels are laid out over a device. Either family runs on every device that has its subgroups; they differ in speed.
public enum KernelFamily: String, Sendable, CaseIterable {
    /// For processors whose vector registers are the subgroups (llvmpipe): work-groups of one subgroup with much work in each, no shared
    /// memory and no barriers, which cost such a device a switch of context.
    case lanes
    /// For graphics processors: many invocations, tiles in shared memory.
    case tiles

    /// The subgroup sizes that kernels of ``lanes`` are written for.
    static let laneCounts = [4, 8, 16]

    init(for report: DeviceReport) {
        self = report.isSoftware && Self.laneCounts.contains(report.limits.subgroupSize) ? .lanes : .tiles
    }
}

/// A work-group's size and the number of work-groups.
struct Launch {
    var groupSize: Int
    var groups: (Int, Int, Int)
}

extension VulkanBackend {
    var subgroupSize: Int { device.report.limits.subgroupSize }

    /// A work-group for each of `count` pieces of work; they are counted along x and then y.
    func launch(groups count: Int, of groupSize: Int) -> Launch {
        let widest = device.report.limits.workGroupCount[0]
        let width = min(count, widest)
        return Launch(groupSize: groupSize, groups: (width, width == 0 ? 0 : (count + width - 1) / width, 1))
    }

    /// Invocations that share `count` elements among them, one each until there are very many.
    func launch(elements count: Int) -> Launch {
        // A vector processor has few cores; its groups take many elements each.
        let groupSize = family == .lanes ? subgroupSize : 256
        let most = family == .lanes ? 64 : device.report.limits.workGroupCount[0]
        return Launch(groupSize: groupSize, groups: (min((count + groupSize - 1) / groupSize, most), 1, 1))
    }

    /// A work-group for each row, which sums over it.
    func launch(rows: Int) -> Launch {
        launch(groups: rows, of: family == .lanes ? subgroupSize : 256)
    }

    /// Whether the work-groups of ``launch(rows:)`` are single subgroups (specialization constant 3).
    var rowGroupIsOneSubgroup: UInt32 { family == .lanes ? 1 : 0 }
}
