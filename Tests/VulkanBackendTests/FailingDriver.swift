import CVulkan
import Foundation
import VulkanBackend
import VulkanRuntime

/// A driver some of whose functions fail when they are told to, and otherwise are the device's own. It is the driver of one device at a
/// time: the functions of Vulkan carry no data of their own, so what they ask is static.
enum FailingDriver {
    enum Function: CaseIterable {
        case allocateMemory, mapMemory, queueSubmit2, waitSemaphores, getSemaphoreCounterValue, getQueryPoolResults
    }

    private struct Failure {
        let result: VkResult
        /// How many more calls fail.
        var remaining: Int
    }

    private static let lock = NSLock()
    nonisolated(unsafe) private static var own: DeviceFunctions?
    nonisolated(unsafe) private static var failures: [Function: Failure] = [:]
    nonisolated(unsafe) private static var calls = 0

    /// The next calls of a function fail.
    static func fail(_ function: Function, with result: VkResult, times: Int = .max) {
        lock.withLock { failures[function] = Failure(result: result, remaining: times) }
    }

    /// How often a function has failed.
    static var failureCount: Int { lock.withLock { calls } }

    /// A device with this driver, under the validation layer.
    static func open(_ change: (inout DeviceOptions) -> Void = { _ in }) throws -> Device {
        lock.withLock {
            failures = [:]
            calls = 0
        }
        var options = DeviceOptions()
        options.validation = true
        options.pipelineCacheFolder = nil
        change(&options)
        return try Device(index: TestBackend.report().index, options: options, substituting: substitute)
    }

    /// What a call is to return without the driver; nil where the driver is to answer.
    private static func failure(_ function: Function) -> VkResult? {
        lock.withLock {
            guard let failure = failures[function], failure.remaining > 0 else { return nil }
            failures[function]!.remaining -= 1
            calls += 1
            return failure.result
        }
    }

    private static func substitute(_ functions: inout DeviceFunctions) {
        own = functions
        functions.allocateMemory = {
            FailingDriver.failure(.allocateMemory) ?? FailingDriver.own!.allocateMemory($0, $1, $2, $3)
        }
        functions.mapMemory = {
            FailingDriver.failure(.mapMemory) ?? FailingDriver.own!.mapMemory($0, $1, $2, $3, $4, $5)
        }
        functions.queueSubmit2 = {
            FailingDriver.failure(.queueSubmit2) ?? FailingDriver.own!.queueSubmit2($0, $1, $2, $3)
        }
        functions.waitSemaphores = {
            FailingDriver.failure(.waitSemaphores) ?? FailingDriver.own!.waitSemaphores($0, $1, $2)
        }
        functions.getSemaphoreCounterValue = {
            FailingDriver.failure(.getSemaphoreCounterValue) ?? FailingDriver.own!.getSemaphoreCounterValue($0, $1, $2)
        }
        functions.getQueryPoolResults = {
            FailingDriver.failure(.getQueryPoolResults) ?? FailingDriver.own!.getQueryPoolResults($0, $1, $2, $3, $4, $5, $6, $7)
        }
    }
}
