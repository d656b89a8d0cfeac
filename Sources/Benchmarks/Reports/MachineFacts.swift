import CPUBackend
import Foundation
import Monge
import Tensors
import VulkanBackend

/// What the operating system says of this machine, as far as measurements need it.
enum MachineFacts {
    /// The processor's name, or its architecture where the system does not tell.
    static var processor: String {
        let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":", maxSplits: 1).last
        return name.map { $0.trimmingCharacters(in: .whitespaces) } ?? CPUDescription.current.instructions
    }

    /// The size of the processor's largest cache in bytes, 32 MiB where the system does not tell.
    static var largestCache: Int {
        let folder = "/sys/devices/system/cpu/cpu0/cache"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let sizes = names.compactMap { try? String(contentsOfFile: "\(folder)/\($0)/size", encoding: .utf8) }.compactMap(byteCount)
        return sizes.max() ?? 32 << 20
    }

    /// Reads `512K` or `32M`, as Linux writes the sizes of caches.
    static func byteCount(_ text: String) -> Int? {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let units = ["K": 10, "M": 20, "G": 30]
        guard let last = text.last, let shift = units[String(last)] else { return Int(text) }
        return Int(text.dropLast()).map { $0 << shift }
    }

    /// Memory that can be taken without others having to give it up, in bytes.
    static var availableMemory: Int {
        let lines = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let line = lines.first { $0.hasPrefix("MemAvailable:") }
        let kibibytes = line?.split(separator: " ").compactMap { Int($0) }.first
        return kibibytes.map { $0 << 10 } ?? Int(ProcessInfo.processInfo.physicalMemory / 2)
    }
}

extension KernelReport.DeviceIdentity {
    init(_ backend: any Backend) {
        let processor = MachineFacts.processor
        guard let report = (backend as? VulkanBackend)?.device.report else {
            let driver = (backend as? CPUBackend)?.instructions.rawValue ?? "reference"
            self.init(name: backend.name, kind: "cpu", driver: driver, driverVersion: "", processor: processor)
            return
        }
        self.init(
            name: report.name, kind: report.kind.rawValue, driver: report.driverName, driverVersion: report.driverVersion,
            processor: processor)
    }
}
