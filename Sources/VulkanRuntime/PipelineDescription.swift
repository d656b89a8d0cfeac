import CVulkan

/// What a driver made of a kernel (`VK_KHR_pipeline_executable_properties`).
///
/// Every driver counts what it likes, under names of its own; the properties below find the counts that most of them have.
public struct PipelineDescription: Sendable, Codable, Equatable {
    /// A number that the driver tells.
    public struct Statistic: Sendable, Codable, Equatable {
        public var name: String
        public var value: Double

        public init(name: String, value: Double) {
            self.name = name
            self.value = value
        }
    }

    /// Family, shader and variant: `linear/matvec-q4_0`.
    public var kernel: String
    /// The specialization constants, the first three of which are the work-group's size.
    public var constants: [UInt32]
    public var subgroupSize: Int
    /// What the driver took to compile it, in seconds.
    public var compileSeconds: Double
    /// In the driver's order.
    public var statistics: [Statistic]

    public init(kernel: String, constants: [UInt32], subgroupSize: Int, compileSeconds: Double, statistics: [Statistic]) {
        self.kernel = kernel
        self.constants = constants
        self.subgroupSize = subgroupSize
        self.compileSeconds = compileSeconds
        self.statistics = statistics
    }

    /// Instructions of the machine, nil where the driver does not count them.
    public var instructions: Int? { value(of: ["Instructions", "Instruction count", "Instruction Count"]) }

    /// Registers of an invocation, of the vector kind where there are two.
    public var registers: Int? { value(of: ["VGPRs", "Number of GPRs", "GPRs", "Registers used", "Max live registers", "Register Count"]) }

    /// Shared memory of a work-group, in bytes.
    public var sharedMemory: Int? { value(of: ["LDS size", "Workgroup Memory Size"]) }

    /// How often registers are stored to memory for lack of them, or the bytes of memory that stand in for registers.
    public var spills: Int? {
        let names = [
            "Spilled SGPRs", "Spilled VGPRs", "Scratch size", "Spills to memory", "SLM size", "Spills", "Scratch", "Scratch Memory Size",
            "STP Count", "Stack Size", "Local Memory Size",
        ]
        let found = names.compactMap { value(of: [$0]) }
        return found.isEmpty ? nil : found.reduce(0, +)
    }

    /// The most subgroups, or invocations, that a processor holds at once, in the driver's own measure.
    public var occupancy: Int? { value(of: ["Subgroups per SIMD", "Max warps/SM", "Threads", "Max Waves Per Core", "Max dispatch width"]) }

    private func value(of names: [String]) -> Int? {
        names.lazy.compactMap { name in statistics.first { $0.name == name } }.first.map { Int(exactly: $0.value.rounded()) ?? .max }
    }
}

/// Asks a driver about pipelines; nil in ``DeviceContext`` unless that was asked for when the device was opened.
struct PipelineQueries {
    private let getProperties: PFN_vkGetPipelineExecutablePropertiesKHR
    private let getStatistics: PFN_vkGetPipelineExecutableStatisticsKHR

    init(_ instance: InstanceFunctions, _ device: VkDevice) throws(VulkanError) {
        getProperties = try DeviceFunctions.load("vkGetPipelineExecutablePropertiesKHR", instance, device)
        getStatistics = try DeviceFunctions.load("vkGetPipelineExecutableStatisticsKHR", instance, device)
    }

    /// The subgroup size and the statistics of a pipeline's programs, which is one for a kernel on most drivers.
    func statistics(of pipeline: VkPipeline, on device: VkDevice) throws(VulkanError) -> (
        subgroupSize: Int, statistics: [PipelineDescription.Statistic]
    ) {
        var info = VkPipelineInfoKHR()
        info.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR
        info.pipeline = pipeline
        var template = VkPipelineExecutablePropertiesKHR()
        template.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR
        let programs = try enumerate("vkGetPipelineExecutablePropertiesKHR", of: template) { getProperties(device, &info, $0, $1) }
        var statistics: [PipelineDescription.Statistic] = []
        for index in programs.indices {
            var info = VkPipelineExecutableInfoKHR()
            info.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR
            info.pipeline = pipeline
            info.executableIndex = UInt32(index)
            var template = VkPipelineExecutableStatisticKHR()
            template.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR
            statistics += try enumerate("vkGetPipelineExecutableStatisticsKHR", of: template) { getStatistics(device, &info, $0, $1) }
                .map { PipelineDescription.Statistic(name: text($0.name), value: Self.number($0)) }
        }
        return (programs.first.map { Int($0.subgroupSize) } ?? 0, statistics)
    }

    private static func number(_ statistic: VkPipelineExecutableStatisticKHR) -> Double {
        switch statistic.format {
        case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR: statistic.value.b32 == 0 ? 0 : 1
        case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR: Double(statistic.value.i64)
        case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR: statistic.value.f64
        default: Double(statistic.value.u64)
        }
    }
}
