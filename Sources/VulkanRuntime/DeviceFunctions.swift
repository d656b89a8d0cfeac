import CVulkan

/// The functions of a device that the runtime calls, without the loader's dispatch in between. They can be replaced one by one
/// (``Device/init(index:options:substituting:)``), so that a driver's failures can be met without the hardware that has them.
/// ``LayerLock/guarding(_:)`` has a line for each but the first.
package struct DeviceFunctions {
    package var destroyDevice: PFN_vkDestroyDevice
    package var deviceWaitIdle: PFN_vkDeviceWaitIdle
    package var getDeviceQueue: PFN_vkGetDeviceQueue
    package var queueSubmit2: PFN_vkQueueSubmit2
    package var allocateMemory: PFN_vkAllocateMemory
    package var freeMemory: PFN_vkFreeMemory
    package var mapMemory: PFN_vkMapMemory
    package var createBuffer: PFN_vkCreateBuffer
    package var destroyBuffer: PFN_vkDestroyBuffer
    package var getBufferMemoryRequirements: PFN_vkGetBufferMemoryRequirements
    package var bindBufferMemory: PFN_vkBindBufferMemory
    package var getBufferDeviceAddress: PFN_vkGetBufferDeviceAddress
    package var createShaderModule: PFN_vkCreateShaderModule
    package var destroyShaderModule: PFN_vkDestroyShaderModule
    package var createPipelineLayout: PFN_vkCreatePipelineLayout
    package var destroyPipelineLayout: PFN_vkDestroyPipelineLayout
    package var createComputePipelines: PFN_vkCreateComputePipelines
    package var destroyPipeline: PFN_vkDestroyPipeline
    package var createPipelineCache: PFN_vkCreatePipelineCache
    package var destroyPipelineCache: PFN_vkDestroyPipelineCache
    package var getPipelineCacheData: PFN_vkGetPipelineCacheData
    package var createCommandPool: PFN_vkCreateCommandPool
    package var destroyCommandPool: PFN_vkDestroyCommandPool
    package var resetCommandPool: PFN_vkResetCommandPool
    package var allocateCommandBuffers: PFN_vkAllocateCommandBuffers
    package var beginCommandBuffer: PFN_vkBeginCommandBuffer
    package var endCommandBuffer: PFN_vkEndCommandBuffer
    package var cmdBindPipeline: PFN_vkCmdBindPipeline
    package var cmdPushConstants: PFN_vkCmdPushConstants
    package var cmdDispatch: PFN_vkCmdDispatch
    package var cmdPipelineBarrier2: PFN_vkCmdPipelineBarrier2
    package var cmdExecuteCommands: PFN_vkCmdExecuteCommands
    package var cmdCopyBuffer: PFN_vkCmdCopyBuffer
    package var cmdFillBuffer: PFN_vkCmdFillBuffer
    package var createQueryPool: PFN_vkCreateQueryPool
    package var destroyQueryPool: PFN_vkDestroyQueryPool
    package var cmdResetQueryPool: PFN_vkCmdResetQueryPool
    package var cmdWriteTimestamp2: PFN_vkCmdWriteTimestamp2
    package var getQueryPoolResults: PFN_vkGetQueryPoolResults
    package var createSemaphore: PFN_vkCreateSemaphore
    package var destroySemaphore: PFN_vkDestroySemaphore
    package var waitSemaphores: PFN_vkWaitSemaphores
    package var getSemaphoreCounterValue: PFN_vkGetSemaphoreCounterValue

    init(_ instance: InstanceFunctions, _ device: VkDevice) throws(VulkanError) {
        func load<Function>(_ name: String) throws(VulkanError) -> Function { try Self.load(name, instance, device) }
        destroyDevice = try load("vkDestroyDevice")
        deviceWaitIdle = try load("vkDeviceWaitIdle")
        getDeviceQueue = try load("vkGetDeviceQueue")
        queueSubmit2 = try load("vkQueueSubmit2")
        allocateMemory = try load("vkAllocateMemory")
        freeMemory = try load("vkFreeMemory")
        mapMemory = try load("vkMapMemory")
        createBuffer = try load("vkCreateBuffer")
        destroyBuffer = try load("vkDestroyBuffer")
        getBufferMemoryRequirements = try load("vkGetBufferMemoryRequirements")
        bindBufferMemory = try load("vkBindBufferMemory")
        getBufferDeviceAddress = try load("vkGetBufferDeviceAddress")
        createShaderModule = try load("vkCreateShaderModule")
        destroyShaderModule = try load("vkDestroyShaderModule")
        createPipelineLayout = try load("vkCreatePipelineLayout")
        destroyPipelineLayout = try load("vkDestroyPipelineLayout")
        createComputePipelines = try load("vkCreateComputePipelines")
        destroyPipeline = try load("vkDestroyPipeline")
        createPipelineCache = try load("vkCreatePipelineCache")
        destroyPipelineCache = try load("vkDestroyPipelineCache")
        getPipelineCacheData = try load("vkGetPipelineCacheData")
        createCommandPool = try load("vkCreateCommandPool")
        destroyCommandPool = try load("vkDestroyCommandPool")
        resetCommandPool = try load("vkResetCommandPool")
        allocateCommandBuffers = try load("vkAllocateCommandBuffers")
        beginCommandBuffer = try load("vkBeginCommandBuffer")
        endCommandBuffer = try load("vkEndCommandBuffer")
        cmdBindPipeline = try load("vkCmdBindPipeline")
        cmdPushConstants = try load("vkCmdPushConstants")
        cmdDispatch = try load("vkCmdDispatch")
        cmdPipelineBarrier2 = try load("vkCmdPipelineBarrier2")
        cmdExecuteCommands = try load("vkCmdExecuteCommands")
        cmdCopyBuffer = try load("vkCmdCopyBuffer")
        cmdFillBuffer = try load("vkCmdFillBuffer")
        createQueryPool = try load("vkCreateQueryPool")
        destroyQueryPool = try load("vkDestroyQueryPool")
        cmdResetQueryPool = try load("vkCmdResetQueryPool")
        cmdWriteTimestamp2 = try load("vkCmdWriteTimestamp2")
        getQueryPoolResults = try load("vkGetQueryPoolResults")
        createSemaphore = try load("vkCreateSemaphore")
        destroySemaphore = try load("vkDestroySemaphore")
        waitSemaphores = try load("vkWaitSemaphores")
        getSemaphoreCounterValue = try load("vkGetSemaphoreCounterValue")
    }

    static func load<Function>(_ name: String, _ instance: InstanceFunctions, _ device: VkDevice) throws(VulkanError) -> Function {
        guard let function = instance.getDeviceProcAddr(device, name) else {
            throw .callFailed(function: name, code: VK_ERROR_EXTENSION_NOT_PRESENT.rawValue)
        }
        return unsafeBitCast(function, to: Function.self)
    }
}
