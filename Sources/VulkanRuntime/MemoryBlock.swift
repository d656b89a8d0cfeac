import CVulkan

/// Memory from the driver under one Vulkan buffer, with a device address and, where the host can reach it, a host address.
final class MemoryBlock: @unchecked Sendable {
    /// What memory is for, which decides where it lies.
    enum Purpose {
        /// Data of kernels: the device's own memory.
        case device
        /// Written by the host, copied from by the device.
        case upload
        /// Written by the device, read by the host.
        case readback
        /// Written by the host and read by kernels: the device's own memory where the host sees any.
        case arguments
    }

    let context: DeviceContext
    let byteCount: Int
    let handle: VkBuffer
    let address: UInt64
    /// Where the host sees the block; nil when it cannot or need not.
    let mapped: UnsafeMutableRawPointer?
    /// Whether the host may read it at the speed of its own memory.
    let isCached: Bool
    /// The serial number of the last batch that uses the block.
    var lastUse: UInt64 = 0

    private let memory: VkDeviceMemory

    /// - Throws: ``VulkanError/memoryRefused(device:function:code:)`` among others.
    init(_ context: DeviceContext, byteCount: Int, purpose: Purpose) throws(VulkanError) {
        let functions = context.functions
        var info = VkBufferCreateInfo()
        info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO
        info.size = VkDeviceSize(byteCount)
        info.usage =
            VK_BUFFER_USAGE_STORAGE_BUFFER_BIT.rawValue | VK_BUFFER_USAGE_TRANSFER_SRC_BIT.rawValue
            | VK_BUFFER_USAGE_TRANSFER_DST_BIT.rawValue | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT.rawValue
        var buffer: VkBuffer?
        try context.check(functions.createBuffer(context.handle, &info, nil, &buffer), "vkCreateBuffer")
        var memory: VkDeviceMemory?
        do {
            var requirements = VkMemoryRequirements()
            functions.getBufferMemoryRequirements(context.handle, buffer, &requirements)
            let type = try Self.memoryType(context, allowed: requirements.memoryTypeBits, purpose: purpose)
            memory = try Self.allocate(context, size: requirements.size, type: type)
            try context.check(functions.bindBufferMemory(context.handle, buffer, memory, 0), "vkBindBufferMemory")
            let flags = context.memoryTypes[type].flags
            var mapped: UnsafeMutableRawPointer?
            if flags & hostAccess == hostAccess, purpose != .device || context.hasUnifiedMemory {
                try context.check(functions.mapMemory(context.handle, memory, 0, VkDeviceSize.max, 0, &mapped), "vkMapMemory")
            }
            self.mapped = mapped
            isCached = flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT.rawValue != 0
        } catch {
            functions.destroyBuffer(context.handle, buffer, nil)
            functions.freeMemory(context.handle, memory, nil)
            throw error
        }
        var place = VkBufferDeviceAddressInfo()
        place.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO
        place.buffer = buffer
        address = functions.getBufferDeviceAddress(context.handle, &place)
        handle = buffer!
        self.memory = memory!
        self.context = context
        self.byteCount = byteCount
    }

    private static func allocate(_ context: DeviceContext, size: VkDeviceSize, type: Int) throws(VulkanError) -> VkDeviceMemory? {
        var memory: VkDeviceMemory?
        var flags = VkMemoryAllocateFlagsInfo()
        flags.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO
        flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT.rawValue
        let result = withUnsafePointer(to: &flags) { flags in
            var info = VkMemoryAllocateInfo()
            info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO
            info.pNext = UnsafeRawPointer(flags)
            info.allocationSize = size
            info.memoryTypeIndex = UInt32(type)
            return context.functions.allocateMemory(context.handle, &info, nil, &memory)
        }
        try context.check(result, "vkAllocateMemory")
        return memory
    }

    /// The first type with the most of the wanted properties; types are listed by the driver in order of preference
    /// (Vulkan specification, "Device Memory").
    private static func memoryType(_ context: DeviceContext, allowed: UInt32, purpose: Purpose) throws(VulkanError) -> Int {
        let local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT.rawValue
        let cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT.rawValue
        let preferences: [VkMemoryPropertyFlags]
        switch purpose {
        case .device: preferences = context.hasUnifiedMemory ? [local | hostAccess | cached, local | hostAccess, local] : [local]
        case .upload: preferences = [hostAccess]
        case .readback: preferences = [hostAccess | cached, hostAccess]
        case .arguments: preferences = [local | hostAccess, hostAccess]
        }
        for wanted in preferences {
            let type = context.memoryTypes.indices.first { index in
                allowed >> index & 1 != 0 && context.memoryTypes[index].flags & wanted == wanted
            }
            if let type { return type }
        }
        throw .unsupported(feature: "memory for \(purpose) buffers", device: context.report.name)
    }

    deinit {
        context.functions.destroyBuffer(context.handle, handle, nil)
        context.functions.freeMemory(context.handle, memory, nil)
    }
}
