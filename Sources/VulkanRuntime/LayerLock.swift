import CVulkan
import Foundation

/// Keeps the opening and closing of devices under the validation layer apart from all other calls that the layer sees.
///
/// The layer finds what it knows of an instance or a device in tables of the process, which early releases read and write without a lock
/// (`GetLayerDataPtr` in layers/vk_layer_data.h of 1.3.239, Debian 12's; KhronosGroup/Vulkan-ValidationLayers#4391). Where threads have a
/// device each, it crashes now and then.
package final class LayerLock: @unchecked Sendable {
    package static let shared = LayerLock()

    private let condition = NSCondition()
    private var callers = 0
    private var waitingOrOpening = 0
    private var isOpening = false
    /// What calls lead to: the layer's functions, which are the same for every device under it.
    private var functions: DeviceFunctions?

    package init() {}

    /// How many open or close devices, or wait to.
    package var openers: Int { condition.withLock { waitingOrOpening } }

    /// Calls a function of an instance or a device that is there. Not to be asked for within a call or an opening. Whoever opens or closes a
    /// device waits for all calls to end, and calls that come later wait for that.
    package func call<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        condition.lock()
        while waitingOrOpening > 0 { condition.wait() }
        callers += 1
        condition.unlock()
        defer {
            condition.withLock {
                callers -= 1
                if callers == 0 { condition.broadcast() }
            }
        }
        return try body()
    }

    /// Creates or destroys instances or devices. Not to be asked for within a call or an opening.
    package func open<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        condition.lock()
        waitingOrOpening += 1
        while callers > 0 || isOpening { condition.wait() }
        isOpening = true
        condition.unlock()
        defer {
            condition.withLock {
                waitingOrOpening -= 1
                isOpening = false
                condition.broadcast()
            }
        }
        return try body()
    }

    private func call<Result>(_ body: (DeviceFunctions) -> Result) -> Result { call { () throws(Never) in body(functions!) } }

    /// The functions of a device under the layer, each of which takes the shared lock; the one that destroys the device excepted.
    package static func guarding(_ own: DeviceFunctions) -> DeviceFunctions {
        shared.open { () throws(Never) in shared.functions = own }
        var functions = own
        functions.deviceWaitIdle = { a in LayerLock.shared.call { $0.deviceWaitIdle(a) } }
        functions.getDeviceQueue = { a, b, c, d in LayerLock.shared.call { $0.getDeviceQueue(a, b, c, d) } }
        functions.queueSubmit2 = { a, b, c, d in LayerLock.shared.call { $0.queueSubmit2(a, b, c, d) } }
        functions.allocateMemory = { a, b, c, d in LayerLock.shared.call { $0.allocateMemory(a, b, c, d) } }
        functions.freeMemory = { a, b, c in LayerLock.shared.call { $0.freeMemory(a, b, c) } }
        functions.mapMemory = { a, b, c, d, e, f in LayerLock.shared.call { $0.mapMemory(a, b, c, d, e, f) } }
        functions.createBuffer = { a, b, c, d in LayerLock.shared.call { $0.createBuffer(a, b, c, d) } }
        functions.destroyBuffer = { a, b, c in LayerLock.shared.call { $0.destroyBuffer(a, b, c) } }
        functions.getBufferMemoryRequirements = { a, b, c in LayerLock.shared.call { $0.getBufferMemoryRequirements(a, b, c) } }
        functions.bindBufferMemory = { a, b, c, d in LayerLock.shared.call { $0.bindBufferMemory(a, b, c, d) } }
        functions.getBufferDeviceAddress = { a, b in LayerLock.shared.call { $0.getBufferDeviceAddress(a, b) } }
        functions.createShaderModule = { a, b, c, d in LayerLock.shared.call { $0.createShaderModule(a, b, c, d) } }
        functions.destroyShaderModule = { a, b, c in LayerLock.shared.call { $0.destroyShaderModule(a, b, c) } }
        functions.createPipelineLayout = { a, b, c, d in LayerLock.shared.call { $0.createPipelineLayout(a, b, c, d) } }
        functions.destroyPipelineLayout = { a, b, c in LayerLock.shared.call { $0.destroyPipelineLayout(a, b, c) } }
        functions.createComputePipelines = { a, b, c, d, e, f in LayerLock.shared.call { $0.createComputePipelines(a, b, c, d, e, f) } }
        functions.destroyPipeline = { a, b, c in LayerLock.shared.call { $0.destroyPipeline(a, b, c) } }
        functions.createPipelineCache = { a, b, c, d in LayerLock.shared.call { $0.createPipelineCache(a, b, c, d) } }
        functions.destroyPipelineCache = { a, b, c in LayerLock.shared.call { $0.destroyPipelineCache(a, b, c) } }
        functions.getPipelineCacheData = { a, b, c, d in LayerLock.shared.call { $0.getPipelineCacheData(a, b, c, d) } }
        functions.createCommandPool = { a, b, c, d in LayerLock.shared.call { $0.createCommandPool(a, b, c, d) } }
        functions.destroyCommandPool = { a, b, c in LayerLock.shared.call { $0.destroyCommandPool(a, b, c) } }
        functions.resetCommandPool = { a, b, c in LayerLock.shared.call { $0.resetCommandPool(a, b, c) } }
        functions.allocateCommandBuffers = { a, b, c in LayerLock.shared.call { $0.allocateCommandBuffers(a, b, c) } }
        functions.beginCommandBuffer = { a, b in LayerLock.shared.call { $0.beginCommandBuffer(a, b) } }
        functions.endCommandBuffer = { a in LayerLock.shared.call { $0.endCommandBuffer(a) } }
        functions.cmdBindPipeline = { a, b, c in LayerLock.shared.call { $0.cmdBindPipeline(a, b, c) } }
        functions.cmdPushConstants = { a, b, c, d, e, f in LayerLock.shared.call { $0.cmdPushConstants(a, b, c, d, e, f) } }
        functions.cmdDispatch = { a, b, c, d in LayerLock.shared.call { $0.cmdDispatch(a, b, c, d) } }
        functions.cmdPipelineBarrier2 = { a, b in LayerLock.shared.call { $0.cmdPipelineBarrier2(a, b) } }
        functions.cmdExecuteCommands = { a, b, c in LayerLock.shared.call { $0.cmdExecuteCommands(a, b, c) } }
        functions.cmdCopyBuffer = { a, b, c, d, e in LayerLock.shared.call { $0.cmdCopyBuffer(a, b, c, d, e) } }
        functions.cmdFillBuffer = { a, b, c, d, e in LayerLock.shared.call { $0.cmdFillBuffer(a, b, c, d, e) } }
        functions.createQueryPool = { a, b, c, d in LayerLock.shared.call { $0.createQueryPool(a, b, c, d) } }
        functions.destroyQueryPool = { a, b, c in LayerLock.shared.call { $0.destroyQueryPool(a, b, c) } }
        functions.cmdResetQueryPool = { a, b, c, d in LayerLock.shared.call { $0.cmdResetQueryPool(a, b, c, d) } }
        functions.cmdWriteTimestamp2 = { a, b, c, d in LayerLock.shared.call { $0.cmdWriteTimestamp2(a, b, c, d) } }
        functions.getQueryPoolResults = { a, b, c, d, e, f, g, h in LayerLock.shared.call { $0.getQueryPoolResults(a, b, c, d, e, f, g, h) }
        }
        functions.createSemaphore = { a, b, c, d in LayerLock.shared.call { $0.createSemaphore(a, b, c, d) } }
        functions.destroySemaphore = { a, b, c in LayerLock.shared.call { $0.destroySemaphore(a, b, c) } }
        functions.waitSemaphores = { a, b, c in LayerLock.shared.call { $0.waitSemaphores(a, b, c) } }
        functions.getSemaphoreCounterValue = { a, b, c in LayerLock.shared.call { $0.getSemaphoreCounterValue(a, b, c) } }
        return functions
    }
}

/// Without the layer there is no lock.
extension Optional where Wrapped == LayerLock {
    func call<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        if let self { try self.call(body) } else { try body() }
    }

    func open<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        if let self { try self.open(body) } else { try body() }
    }

    func guarding(_ functions: DeviceFunctions) -> DeviceFunctions { self == nil ? functions : LayerLock.guarding(functions) }
}
