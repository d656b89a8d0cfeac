import CVulkan

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
