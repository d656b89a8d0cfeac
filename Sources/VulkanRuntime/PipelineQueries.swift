import CVulkan

/// Asks a driver about pipelines; nil in ``DeviceContext`` unless that was asked for when the device was opened.
struct PipelineQueries {
    private let getProperties: PFN_vkGetPipelineExecutablePropertiesKHR
    private let getStatistics: PFN_vkGetPipelineExecutableStatisticsKHR
    private let getForms: PFN_vkGetPipelineExecutableInternalRepresentationsKHR
    /// Whether drivers are to keep the forms, too.
    let keepsForms: Bool

    /// What pipelines are to be made with, so that the driver can tell of them.
    var flags: VkPipelineCreateFlags {
        VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR.rawValue
            | (keepsForms ? VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR.rawValue : 0)
    }

    init(_ instance: InstanceFunctions, _ device: VkDevice, keepsForms: Bool) throws(VulkanError) {
        self.keepsForms = keepsForms
        getProperties = try DeviceFunctions.load("vkGetPipelineExecutablePropertiesKHR", instance, device)
        getStatistics = try DeviceFunctions.load("vkGetPipelineExecutableStatisticsKHR", instance, device)
        getForms = try DeviceFunctions.load("vkGetPipelineExecutableInternalRepresentationsKHR", instance, device)
    }

    /// What the driver tells of a pipeline's programs, which is one for a kernel on most drivers.
    func told(of pipeline: VkPipeline, on device: VkDevice) throws(VulkanError) -> (
        subgroupSize: Int, statistics: [PipelineDescription.Statistic], forms: [PipelineDescription.Form]
    ) {
        var info = VkPipelineInfoKHR()
        info.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR
        info.pipeline = pipeline
        var template = VkPipelineExecutablePropertiesKHR()
        template.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR
        let programs = try enumerate("vkGetPipelineExecutablePropertiesKHR", of: template) { getProperties(device, &info, $0, $1) }
        var statistics: [PipelineDescription.Statistic] = []
        var forms: [PipelineDescription.Form] = []
        for index in programs.indices {
            var info = VkPipelineExecutableInfoKHR()
            info.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR
            info.pipeline = pipeline
            info.executableIndex = UInt32(index)
            var template = VkPipelineExecutableStatisticKHR()
            template.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR
            statistics += try enumerate("vkGetPipelineExecutableStatisticsKHR", of: template) { getStatistics(device, &info, $0, $1) }
                .map { PipelineDescription.Statistic(name: text($0.name), value: Self.number($0)) }
            if keepsForms { forms += try self.forms(of: &info, on: device) }
        }
        return (programs.first.map { Int($0.subgroupSize) } ?? 0, statistics, forms)
    }

    /// The texts among a program's forms.
    private func forms(of info: inout VkPipelineExecutableInfoKHR, on device: VkDevice) throws(VulkanError) -> [PipelineDescription.Form] {
        var template = VkPipelineExecutableInternalRepresentationKHR()
        template.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR
        // The first call tells the sizes, the second fills in memory of those sizes.
        var all = try enumerate("vkGetPipelineExecutableInternalRepresentationsKHR", of: template) { getForms(device, &info, $0, $1) }
        for index in all.indices { all[index].pData = .allocate(byteCount: all[index].dataSize + 1, alignment: 1) }
        defer { for form in all { form.pData.deallocate() } }
        var count = UInt32(all.count)
        try check(getForms(device, &info, &count, &all), "vkGetPipelineExecutableInternalRepresentationsKHR")
        return all.prefix(Int(count)).filter { $0.isText == VK_TRUE }.map { form in
            let bytes = UnsafeRawBufferPointer(start: form.pData, count: form.dataSize)
            return PipelineDescription.Form(name: text(form.name), text: String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
        }
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
