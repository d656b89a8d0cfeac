import CVulkan
import Foundation

/// A logical device and what lives as long: its queue, its functions, its memory types. Everything made from it keeps it alive.
final class DeviceContext {
    let instance: Instance
    let physical: VkPhysicalDevice
    let handle: VkDevice
    let functions: DeviceFunctions
    let queue: VkQueue
    let queueFamily: UInt32
    let report: DeviceReport
    let memoryTypes: [(flags: VkMemoryPropertyFlags, heap: Int)]
    /// Whether device memory is the host's memory and the host writes it in place.
    let hasUnifiedMemory: Bool
    /// Nil unless pipelines are described (``DeviceOptions/describesPipelines``).
    let pipelineQueries: PipelineQueries?

    /// The kernels under way, oldest first; the stream says.
    var kernelsUnderWay: () -> [String] = { [] }
    private let lock = NSLock()
    private var loss: VulkanError?

    init(index: Int, options: DeviceOptions, substituting substitute: (inout DeviceFunctions) -> Void) throws(VulkanError) {
        instance = try Instance(loader: Loader(), validation: options.validation)
        let lock = instance.lock
        let devices = try lock.call(instance.physicalDevices)
        guard devices.indices.contains(index) else {
            let reason = "there are \(devices.count) devices"
            throw .noDevice([DeviceRefusal(index: index, name: "not there", reasons: [reason])])
        }
        physical = devices[index]
        let (report, family) = try lock.call { [physical, instance] () throws(VulkanError) in
            try (DeviceReport(physical, index: index, functions: instance.functions), ComputeQueueFamily(physical, instance.functions))
        }
        self.report = report
        guard report.refusals.isEmpty, let family else {
            throw .noDevice([DeviceRefusal(index: index, name: report.name, reasons: report.refusals)])
        }
        queueFamily = family.index
        var features = report.features
        if options.describesPipelines {
            guard features.contains(.pipelineExecutableInfo) else {
                throw .unsupported(feature: "VK_KHR_pipeline_executable_properties", device: report.name)
            }
        } else {
            features.remove(.pipelineExecutableInfo)
        }
        let handle = try lock.open { [physical, instance] () throws(VulkanError) in
            try Self.create(physical, family: family.index, features: features, instance.functions)
        }
        self.handle = handle
        let (own, queries) = try lock.call { [instance] () throws(VulkanError) in
            try (
                DeviceFunctions(instance.functions, handle),
                options.describesPipelines ? PipelineQueries(instance.functions, handle, keepsForms: options.keepsPipelineForms) : nil
            )
        }
        pipelineQueries = queries
        var functions = lock.guarding(own)
        substitute(&functions)
        self.functions = functions
        var queue: VkQueue?
        functions.getDeviceQueue(handle, family.index, 0, &queue)
        self.queue = queue!
        memoryTypes = lock.call { [physical, instance] in MemoryHeaps(physical, instance.functions, hasBudget: false).types }
        let shared = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT.rawValue | hostAccess
        hasUnifiedMemory =
            options.mapsDeviceMemory && [.integrated, .cpu].contains(report.kind)
            && memoryTypes.contains { $0.flags & shared == shared }
    }

    private static func create(
        _ physical: VkPhysicalDevice, family: UInt32, features: Set<DeviceFeature>, _ functions: InstanceFunctions
    ) throws(VulkanError) -> VkDevice {
        var device: VkDevice?
        let chain = FeatureChain(enabling: features)
        let result = withStrings(Set(features.compactMap(\.deviceExtension)).sorted()) { extensions in
            withUnsafePointer(to: Float(1)) { priority in
                var queue = VkDeviceQueueCreateInfo()
                queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO
                queue.queueFamilyIndex = family
                queue.queueCount = 1
                queue.pQueuePriorities = priority
                return withUnsafePointer(to: &queue) { queue in
                    var info = VkDeviceCreateInfo()
                    info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO
                    info.pNext = UnsafeRawPointer(chain.head)
                    info.queueCreateInfoCount = 1
                    info.pQueueCreateInfos = queue
                    info.enabledExtensionCount = UInt32(extensions.count)
                    info.ppEnabledExtensionNames = extensions.baseAddress
                    return withExtendedLifetime(chain) { functions.createDevice(physical, &info, nil, &device) }
                }
            }
        }
        try VulkanRuntime.check(result, "vkCreateDevice")
        return device!
    }

    /// What this process may use of the device's own memory, in bytes: the driver's figure where it gives one, else the heap's size.
    var memoryBudget: Int {
        instance.lock.call { MemoryHeaps(physical, instance.functions, hasBudget: report.features.contains(.memoryBudget)) }.heaps
            .filter(\.isDeviceLocal).map { $0.budget ?? $0.byteCount }.max() ?? 0
    }

    /// Throws unless a call succeeded. Once one has told that the device is lost, that is what every later use of the device throws.
    func check(_ result: VkResult, _ function: String) throws(VulkanError) {
        switch result {
        case VK_SUCCESS: return
        case VK_ERROR_DEVICE_LOST:
            let error = VulkanError.deviceLost(device: report.name, kernels: kernelsUnderWay())
            throw lock.withLock {
                let first = loss ?? error
                loss = first
                return first
            }
        // A failed map lacks a range of addresses (Vulkan specification, "Return Codes").
        case VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_MEMORY_MAP_FAILED:
            throw .memoryRefused(device: report.name, function: function, code: result.rawValue)
        default: throw .callFailed(function: function, code: result.rawValue)
        }
    }

    /// Throws what ``check(_:_:)`` has thrown of a lost device.
    func throwIfLost() throws(VulkanError) {
        if let loss = lock.withLock({ loss }) { throw loss }
    }

    deinit {
        // A lost device returns at once, and what was made from it is destroyed as ever (Vulkan specification, "Lost Device").
        _ = functions.deviceWaitIdle(handle)
        instance.lock.open { functions.destroyDevice(handle, nil) }
    }
}

/// Memory that the host reads and writes without flushes.
let hostAccess = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT.rawValue | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT.rawValue
