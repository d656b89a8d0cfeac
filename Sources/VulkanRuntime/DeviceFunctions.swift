import CVulkan

/// The functions of a device that the runtime calls, without the loader's dispatch in between.
struct DeviceFunctions {
    let destroyDevice: PFN_vkDestroyDevice
    let deviceWaitIdle: PFN_vkDeviceWaitIdle
    let getDeviceQueue: PFN_vkGetDeviceQueue
    let queueSubmit2: PFN_vkQueueSubmit2
    let allocateMemory: PFN_vkAllocateMemory
    let freeMemory: PFN_vkFreeMemory
    let mapMemory: PFN_vkMapMemory
    let createBuffer: PFN_vkCreateBuffer
    let destroyBuffer: PFN_vkDestroyBuffer
    let getBufferMemoryRequirements: PFN_vkGetBufferMemoryRequirements
    let bindBufferMemory: PFN_vkBindBufferMemory
    let getBufferDeviceAddress: PFN_vkGetBufferDeviceAddress
    let createShaderModule: PFN_vkCreateShaderModule
    let destroyShaderModule: PFN_vkDestroyShaderModule
    let createPipelineLayout: PFN_vkCreatePipelineLayout
    let destroyPipelineLayout: PFN_vkDestroyPipelineLayout
    let createComputePipelines: PFN_vkCreateComputePipelines
    let destroyPipeline: PFN_vkDestroyPipeline
    let createPipelineCache: PFN_vkCreatePipelineCache
    let destroyPipelineCache: PFN_vkDestroyPipelineCache
    let getPipelineCacheData: PFN_vkGetPipelineCacheData
    let createCommandPool: PFN_vkCreateCommandPool
    let destroyCommandPool: PFN_vkDestroyCommandPool
    let resetCommandPool: PFN_vkResetCommandPool
    let allocateCommandBuffers: PFN_vkAllocateCommandBuffers
    let beginCommandBuffer: PFN_vkBeginCommandBuffer
    let endCommandBuffer: PFN_vkEndCommandBuffer
    let cmdBindPipeline: PFN_vkCmdBindPipeline
    let cmdPushConstants: PFN_vkCmdPushConstants
    let cmdDispatch: PFN_vkCmdDispatch
    let cmdPipelineBarrier2: PFN_vkCmdPipelineBarrier2
    let cmdCopyBuffer: PFN_vkCmdCopyBuffer
    let cmdFillBuffer: PFN_vkCmdFillBuffer
    let createQueryPool: PFN_vkCreateQueryPool
    let destroyQueryPool: PFN_vkDestroyQueryPool
    let cmdResetQueryPool: PFN_vkCmdResetQueryPool
    let cmdWriteTimestamp2: PFN_vkCmdWriteTimestamp2
    let getQueryPoolResults: PFN_vkGetQueryPoolResults
    let createSemaphore: PFN_vkCreateSemaphore
    let destroySemaphore: PFN_vkDestroySemaphore
    let waitSemaphores: PFN_vkWaitSemaphores
    let getSemaphoreCounterValue: PFN_vkGetSemaphoreCounterValue

    init(_ instance: InstanceFunctions, _ device: VkDevice) throws(VulkanError) {
        func load<Function>(_ name: String) throws(VulkanError) -> Function {
            guard let function = instance.getDeviceProcAddr(device, name) else {
                throw .callFailed(function: name, code: VK_ERROR_EXTENSION_NOT_PRESENT.rawValue)
            }
            return unsafeBitCast(function, to: Function.self)
        }
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
}
