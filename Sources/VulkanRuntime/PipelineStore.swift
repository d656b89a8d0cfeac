import CVulkan
import Foundation

/// Compiled kernels, by what they were compiled from. The driver's own cache is kept on disk between runs.
final class PipelineStore: @unchecked Sendable {
    /// The push constants that every kernel has: arguments in the first 120 bytes, the address of the check block in the last 8.
    static let pushConstantBytes = 128

    struct Key: Hashable {
        let name: String
        let specialization: [UInt32]
        let subgroupSize: Int?
        let usesFullSubgroups: Bool
    }

    let layout: VkPipelineLayout
    private let context: DeviceContext
    private let cache: VkPipelineCache
    private let file: PipelineCacheFile?
    private let lock = NSLock()
    private var pipelines: [Key: Pipeline] = [:]
    private var described: [PipelineDescription] = []
    /// What the driver made of the pipelines, in the order in which they were compiled; empty unless that is asked for.
    var descriptions: [PipelineDescription] { lock.withLock { described } }
    private var hasUnsaved = false
    private var lastSave = ContinuousClock.now
    /// A program that never closes its device (it is interrupted, say) still keeps most of what it compiled.
    private static let saveInterval = Duration.seconds(5)

    init(_ context: DeviceContext, folder: URL?) throws(VulkanError) {
        self.context = context
        // A driver tells nothing of what it takes from its cache.
        file =
            context.pipelineQueries == nil ? folder.map { PipelineCacheFile(folder: $0, driverUUID: context.report.driverUUID) } : nil
        let functions = context.functions
        var layout: VkPipelineLayout?
        let range = VkPushConstantRange(
            stageFlags: VK_SHADER_STAGE_COMPUTE_BIT.rawValue, offset: 0, size: UInt32(Self.pushConstantBytes))
        let result = withUnsafePointer(to: range) { range in
            var info = VkPipelineLayoutCreateInfo()
            info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO
            info.pushConstantRangeCount = 1
            info.pPushConstantRanges = range
            return functions.createPipelineLayout(context.handle, &info, nil, &layout)
        }
        try context.check(result, "vkCreatePipelineLayout")
        var cache: VkPipelineCache?
        let known = file?.read() ?? Data()
        let created = known.withUnsafeBytes { bytes in
            var info = VkPipelineCacheCreateInfo()
            info.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO
            info.initialDataSize = bytes.count
            info.pInitialData = bytes.baseAddress
            return functions.createPipelineCache(context.handle, &info, nil, &cache)
        }
        guard created == VK_SUCCESS, let layout, let cache else {
            functions.destroyPipelineLayout(context.handle, layout, nil)
            throw .callFailed(function: "vkCreatePipelineCache", code: created.rawValue)
        }
        self.layout = layout
        self.cache = cache
    }

    func pipeline(
        _ code: ShaderCode, specialization: [UInt32], subgroupSize: Int?, usesFullSubgroups: Bool
    ) throws(VulkanError) -> Pipeline {
        let key = Key(
            name: code.name, specialization: specialization, subgroupSize: subgroupSize, usesFullSubgroups: usesFullSubgroups)
        if let known = lock.withLock({ pipelines[key] }) { return known }
        let compiled = try compile(code, key)
        let (pipeline, isSaveDue) = lock.withLock {
            // Another thread may have compiled the same meanwhile; all then use the first.
            if let known = pipelines[key] { return (known, false) }
            pipelines[key] = compiled
            hasUnsaved = true
            return (compiled, ContinuousClock.now - lastSave > Self.saveInterval)
        }
        if isSaveDue { save() }
        return pipeline
    }

    private func compile(_ code: ShaderCode, _ key: Key) throws(VulkanError) -> Pipeline {
        let specialization = key.specialization
        let size = try workGroupSize(code.name, specialization)
        let choice = try subgroupSize(code.name, key.subgroupSize)
        let words = choice == .fixedByVersion ? code.withFixedSubgroupSize : code.words
        let functions = context.functions
        var module: VkShaderModule?
        let made = words.withUnsafeBufferPointer { words in
            var info = VkShaderModuleCreateInfo()
            info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO
            info.codeSize = words.count * 4
            info.pCode = words.baseAddress
            return functions.createShaderModule(context.handle, &info, nil, &module)
        }
        try context.check(made, "vkCreateShaderModule (\(code.name))")
        defer { functions.destroyShaderModule(context.handle, module, nil) }
        let entries = specialization.indices.map { VkSpecializationMapEntry(constantID: UInt32($0), offset: UInt32($0 * 4), size: 4) }
        var pipeline: VkPipeline?
        let start = ContinuousClock.now
        let chain = StructureChain()
        if case .required(let required) = choice {
            var info = VkPipelineShaderStageRequiredSubgroupSizeCreateInfo()
            info.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO
            info.requiredSubgroupSize = UInt32(required)
            chain.append(info)
        }
        let result = entries.withUnsafeBufferPointer { entries in
            specialization.withUnsafeBytes { values in
                let constants = VkSpecializationInfo(
                    mapEntryCount: UInt32(entries.count), pMapEntries: entries.baseAddress, dataSize: values.count,
                    pData: values.baseAddress)
                return withUnsafePointer(to: constants) { constants in
                    "main".withCString { main in
                        var info = VkComputePipelineCreateInfo()
                        info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO
                        info.layout = layout
                        if let queries = context.pipelineQueries { info.flags = queries.flags }
                        info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO
                        info.stage.pNext = UnsafeRawPointer(chain.first)
                        info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT
                        if key.usesFullSubgroups {
                            info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT.rawValue
                        }
                        info.stage.module = module
                        info.stage.pName = main
                        info.stage.pSpecializationInfo = constants
                        return functions.createComputePipelines(context.handle, cache, 1, &info, nil, &pipeline)
                    }
                }
            }
        }
        withExtendedLifetime(chain) {}
        try context.check(result, "vkCreateComputePipelines (\(code.name))")
        let compiled = Pipeline(context, name: code.name, workGroupSize: size, handle: pipeline!)
        if let queries = context.pipelineQueries {
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let told = try context.instance.lock.call { () throws(VulkanError) in
                try queries.told(of: pipeline!, on: context.handle)
            }
            let description = PipelineDescription(
                kernel: code.name, constants: specialization, subgroupSize: told.subgroupSize, compileSeconds: seconds,
                statistics: told.statistics, forms: told.forms)
            lock.withLock { described.append(description) }
        }
        return compiled
    }

    private func workGroupSize(_ kernel: String, _ specialization: [UInt32]) throws(VulkanError) -> (Int, Int, Int) {
        let size = (0..<3).map { $0 < specialization.count ? Int(specialization[$0]) : 1 }
        let limits = context.report.limits
        let invocations = size.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
        guard size.allSatisfy({ $0 > 0 }), zip(size, limits.workGroupSize).allSatisfy({ $0 <= $1 }),
            invocations <= limits.workGroupInvocations
        else {
            throw .invalidDispatch(
                kernel: kernel,
                reason: "a work group of \(size) is not possible on \(context.report.name), which allows \(limits.workGroupSize) "
                    + "and \(limits.workGroupInvocations) in all")
        }
        return (size[0], size[1], size[2])
    }

    /// How a pipeline comes to have subgroups of the size that its kernel is laid out for.
    private enum SubgroupSizeChoice: Equatable {
        /// The device has no other.
        case only
        case required(Int)
        /// Where sizes vary and none can be asked for, as on MoltenVK.
        case fixedByVersion
    }

    /// SPIR-V 1.6 lets the driver vary the size from pipeline to pipeline; kernels are laid out for one size, the default of the device
    /// unless another is requested.
    private func subgroupSize(_ kernel: String, _ requested: Int?) throws(VulkanError) -> SubgroupSizeChoice {
        let limits = context.report.limits
        let size = requested ?? limits.subgroupSize
        let range = limits.smallestSubgroupSize...limits.largestSubgroupSize
        if size == limits.subgroupSize && range.count == 1 { return .only }
        if limits.canRequestSubgroupSize && range.contains(size) && size & (size - 1) == 0 { return .required(size) }
        if size == limits.subgroupSize { return .fixedByVersion }
        throw .unsupported(feature: "subgroups of \(size) (\(kernel)); it has \(range)", device: context.report.name)
    }

    /// Writes the driver's cache to disk if there is something new in it.
    func save() {
        guard let file, lock.withLock({ hasUnsaved }) else { return }
        lock.withLock {
            hasUnsaved = false
            lastSave = .now
        }
        let functions = context.functions
        var size = 0
        guard functions.getPipelineCacheData(context.handle, cache, &size, nil) == VK_SUCCESS, size > 0 else { return }
        var data = Data(count: size)
        let result = data.withUnsafeMutableBytes { functions.getPipelineCacheData(context.handle, cache, &size, $0.baseAddress) }
        if result == VK_SUCCESS { file.write(data.prefix(size)) }
    }

    deinit {
        save()
        context.functions.destroyPipelineCache(context.handle, cache, nil)
        context.functions.destroyPipelineLayout(context.handle, layout, nil)
    }
}
