/// The Vulkan devices of this machine, and the choice among them.
public enum VulkanSystem {
    /// Describes every device, usable or not. Empty when the loader is there and no driver is.
    /// - Parameter library: the Vulkan loader; nil for what it is called on this system.
    /// - Throws: ``VulkanError/loaderMissing(library:reason:)``.
    public static func reports(library: String? = nil) throws -> [DeviceReport] {
        let libraries = if let library { [library] } else { Loader.libraries }
        let loader = try Loader(libraries: libraries)
        let instance: Instance
        do {
            instance = try Instance(loader: loader, validation: false)
        } catch VulkanError.noDevice {
            return []
        }
        return try instance.physicalDevices().enumerated().map { index, device in
            try DeviceReport(device, index: index, functions: instance.functions)
        }
    }

    /// Which device a person asks for.
    public enum Request: Sendable, Equatable {
        /// The best hardware device.
        case best
        case index(Int)
        /// A part of the name, in any case.
        case name(String)
    }

    /// Chooses a device: discrete before integrated before virtual, then the one with more memory, then the first. A device that computes
    /// on the CPU is taken only when its index or name is asked for.
    /// - Returns: the index of the device.
    /// - Throws: ``VulkanError/noDevice(_:)`` with the reasons for each.
    public static func choose(_ request: Request, from reports: [DeviceReport]) throws(VulkanError) -> Int {
        var refusals: [DeviceRefusal] = []
        var candidates: [DeviceReport] = []
        for report in reports {
            var reasons = report.refusals
            switch request {
            case .best:
                if rank(report.kind) == nil { reasons.append("it computes on the CPU and is used only when asked for by index or name") }
            case .index(let index):
                if report.index != index { reasons = ["device \(index) was asked for"] }
            case .name(let name):
                if !report.name.lowercased().contains(name.lowercased()) { reasons = ["a device named \(name) was asked for"] }
            }
            if reasons.isEmpty {
                candidates.append(report)
            } else {
                refusals.append(DeviceRefusal(index: report.index, name: report.name, reasons: reasons))
            }
        }
        func precedes(_ a: DeviceReport, _ b: DeviceReport) -> Bool {
            let (rankA, rankB) = (rank(a.kind) ?? 0, rank(b.kind) ?? 0)
            return (rankA, a.deviceMemory, -a.index) > (rankB, b.deviceMemory, -b.index)
        }
        guard let best = candidates.min(by: precedes) else { throw .noDevice(refusals) }
        return best.index
    }

    /// Higher is better; nil for what is not hardware.
    private static func rank(_ kind: DeviceReport.Kind) -> Int? {
        switch kind {
        case .discrete: 4
        case .integrated: 3
        case .virtual: 2
        case .other: 1
        case .cpu: nil
        }
    }
}
