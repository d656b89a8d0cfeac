import CVulkan

extension DeviceReport {
    /// Asks the driver. A device older than Vulkan 1.3 is described as far as its refusal needs.
    init(_ device: VkPhysicalDevice, index: Int, functions: InstanceFunctions) throws(VulkanError) {
        var basic = VkPhysicalDeviceProperties()
        functions.getPhysicalDeviceProperties(device, &basic)
        let extensions = try enumerate("vkEnumerateDeviceExtensionProperties", of: VkExtensionProperties()) {
            functions.enumerateDeviceExtensionProperties(device, nil, $0, $1)
        }
        let extensionNames = Set(extensions.map { text($0.extensionName) })
        self.init(
            index: index, name: text(basic.deviceName), kind: Kind(basic.deviceType), vendor: vendorName(basic.vendorID),
            apiVersion: Version(packed: basic.apiVersion), limits: Limits(basic.limits), features: [], canCompute: false)
        if let family = ComputeQueueFamily(device, functions) {
            canCompute = true
            limits.timestampBits = family.timestampBits
        }
        guard apiVersion >= Version(major: 1, minor: 3, patch: 0) else { return }
        queryProperties(device, functions)
        queryProcessors(device, functions, extensionNames)
        let chain = FeatureChain(extensions: extensionNames)
        functions.getPhysicalDeviceFeatures2(device, chain.head)
        features.formUnion(chain.enabled)
        for feature in [DeviceFeature.memoryBudget, .portabilitySubset] where extensionNames.contains(feature.deviceExtension!) {
            features.insert(feature)
        }
        if !features.contains(.subgroupSizeControl) { limits.canRequestSubgroupSize = false }
        heaps = MemoryHeaps(device, functions, hasBudget: features.contains(.memoryBudget)).heaps
        if features.contains(.cooperativeMatrix), let query = functions.getCooperativeMatrixProperties {
            var template = VkCooperativeMatrixPropertiesKHR()
            template.sType = monge_cooperative_matrix_properties
            matrixShapes = try enumerate("vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR", of: template) {
                query(device, $0, $1)
            }.map(MatrixShape.init)
        }
        if features.contains(.cooperativeMatrixFlexibleDimensions), let query = functions.getFlexibleMatrixProperties {
            var template = VkCooperativeMatrixFlexibleDimensionsPropertiesNV()
            template.sType = monge_cooperative_matrix_flexible_properties
            workgroupMatrixShapes = try enumerate("vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV", of: template) {
                query(device, $0, $1)
            }.filter { $0.scope == VK_SCOPE_WORKGROUP_KHR }.map(WorkgroupMatrixShape.init)
        }
    }

    private mutating func queryProperties(_ device: VkPhysicalDevice, _ functions: InstanceFunctions) {
        var base = VkPhysicalDeviceProperties2()
        base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2
        var vulkan11 = VkPhysicalDeviceVulkan11Properties()
        vulkan11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES
        var vulkan12 = VkPhysicalDeviceVulkan12Properties()
        vulkan12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES
        var vulkan13 = VkPhysicalDeviceVulkan13Properties()
        vulkan13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES
        let chain = StructureChain()
        let head = chain.append(base)
        let properties11 = chain.append(vulkan11)
        let properties12 = chain.append(vulkan12)
        let properties13 = chain.append(vulkan13)
        functions.getPhysicalDeviceProperties2(device, head)
        withExtendedLifetime(chain) {
            driverName = text(properties12.pointee.driverName)
            driverVersion = text(properties12.pointee.driverInfo)
            driverUUID = hexadecimal(properties11.pointee.driverUUID)
            deviceUUID = hexadecimal(properties11.pointee.deviceUUID)
            limits.subgroupSize = Int(properties11.pointee.subgroupSize)
            limits.smallestSubgroupSize = Int(properties13.pointee.minSubgroupSize)
            limits.largestSubgroupSize = Int(properties13.pointee.maxSubgroupSize)
            let compute = VK_SHADER_STAGE_COMPUTE_BIT.rawValue
            limits.canRequestSubgroupSize = properties13.pointee.requiredSubgroupSizeStages & compute != 0
            limits.largestAllocation = Int(clamping: properties11.pointee.maxMemoryAllocationSize)
            limits.largestBuffer = Int(clamping: properties13.pointee.maxBufferSize)
            if properties13.pointee.integerDotProduct4x8BitPackedSignedAccelerated != VkBool32(VK_FALSE) {
                features.insert(.integerDotProduct4x8BitPackedSignedAccelerated)
            }
            guard properties11.pointee.subgroupSupportedStages & compute != 0 else { return }
            let operations = properties11.pointee.subgroupSupportedOperations
            let names: [(VkSubgroupFeatureFlagBits, DeviceFeature)] = [
                (VK_SUBGROUP_FEATURE_VOTE_BIT, .subgroupVote), (VK_SUBGROUP_FEATURE_ARITHMETIC_BIT, .subgroupArithmetic),
                (VK_SUBGROUP_FEATURE_BALLOT_BIT, .subgroupBallot), (VK_SUBGROUP_FEATURE_SHUFFLE_BIT, .subgroupShuffle),
                (VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT, .subgroupShuffleRelative),
                (VK_SUBGROUP_FEATURE_CLUSTERED_BIT, .subgroupClustered),
            ]
            for (bit, feature) in names where operations & bit.rawValue != 0 { features.insert(feature) }
        }
    }
}

extension DeviceReport {
    /// How many processors there are: a vendor's own question.
    private mutating func queryProcessors(_ device: VkPhysicalDevice, _ functions: InstanceFunctions, _ extensions: Set<String>) {
        var base = VkPhysicalDeviceProperties2()
        base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2
        let chain = StructureChain()
        let head = chain.append(base)
        if extensions.contains(VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME) {
            var properties = VkPhysicalDeviceShaderSMBuiltinsPropertiesNV()
            properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV
            let answer = chain.append(properties)
            functions.getPhysicalDeviceProperties2(device, head)
            processors = Int(answer.pointee.shaderSMCount)
        } else if extensions.contains(VK_AMD_SHADER_CORE_PROPERTIES_EXTENSION_NAME) {
            var properties = VkPhysicalDeviceShaderCorePropertiesAMD()
            properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD
            let answer = chain.append(properties)
            functions.getPhysicalDeviceProperties2(device, head)
            let cores = answer.pointee
            processors = Int(cores.shaderEngineCount * cores.shaderArraysPerEngineCount * cores.computeUnitsPerShaderArray)
        }
        withExtendedLifetime(chain) {}
        if processors == 0 { processors = nil }
    }
}

/// The queue family that work is submitted to: the first that computes, which on discrete devices is the one with all capabilities.
struct ComputeQueueFamily {
    let index: UInt32
    let timestampBits: Int

    init?(_ device: VkPhysicalDevice, _ functions: InstanceFunctions) {
        var count: UInt32 = 0
        functions.getPhysicalDeviceQueueFamilyProperties(device, &count, nil)
        var families = [VkQueueFamilyProperties](repeating: VkQueueFamilyProperties(), count: Int(count))
        functions.getPhysicalDeviceQueueFamilyProperties(device, &count, &families)
        guard let first = families.firstIndex(where: { $0.queueFlags & VK_QUEUE_COMPUTE_BIT.rawValue != 0 }) else { return nil }
        index = UInt32(first)
        timestampBits = Int(families[first].timestampValidBits)
    }
}

/// The memory heaps and types of a device.
struct MemoryHeaps {
    let heaps: [DeviceReport.Heap]
    /// For each memory type its property flags and its heap.
    let types: [(flags: VkMemoryPropertyFlags, heap: Int)]

    init(_ device: VkPhysicalDevice, _ functions: InstanceFunctions, hasBudget: Bool) {
        var properties = VkPhysicalDeviceMemoryProperties2()
        properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2
        var budget = VkPhysicalDeviceMemoryBudgetPropertiesEXT()
        budget.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
        let chain = StructureChain()
        let head = chain.append(properties)
        let budgets = hasBudget ? chain.append(budget) : nil
        functions.getPhysicalDeviceMemoryProperties2(device, head)
        let memory = head.pointee.memoryProperties
        let limits = budgets.map { elements($0.pointee.heapBudget, as: VkDeviceSize.self) }
        withExtendedLifetime(chain) {}
        heaps = elements(memory.memoryHeaps, as: VkMemoryHeap.self).prefix(Int(memory.memoryHeapCount)).enumerated().map { index, heap in
            DeviceReport.Heap(
                byteCount: Int(clamping: heap.size), isDeviceLocal: heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT.rawValue != 0,
                budget: limits.map { Int(clamping: $0[index]) })
        }
        types = elements(memory.memoryTypes, as: VkMemoryType.self).prefix(Int(memory.memoryTypeCount)).map {
            ($0.propertyFlags, Int($0.heapIndex))
        }
    }
}

/// The elements of a C array, which Swift sees as a tuple.
private func elements<Tuple, Element>(_ tuple: Tuple, as type: Element.Type) -> [Element] {
    withUnsafeBytes(of: tuple) { Array($0.bindMemory(to: type)) }
}

extension DeviceReport.Kind {
    init(_ type: VkPhysicalDeviceType) {
        switch type {
        case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: self = .discrete
        case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: self = .integrated
        case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: self = .virtual
        case VK_PHYSICAL_DEVICE_TYPE_CPU: self = .cpu
        default: self = .other
        }
    }
}

extension DeviceReport.Limits {
    init(_ limits: VkPhysicalDeviceLimits) {
        self.init()
        sharedMemory = Int(limits.maxComputeSharedMemorySize)
        workGroupInvocations = Int(limits.maxComputeWorkGroupInvocations)
        workGroupSize = elements(limits.maxComputeWorkGroupSize, as: UInt32.self).map(Int.init)
        workGroupCount = elements(limits.maxComputeWorkGroupCount, as: UInt32.self).map(Int.init)
        pushConstants = Int(limits.maxPushConstantsSize)
        timestampPeriod = Double(limits.timestampPeriod)
    }
}

extension DeviceReport.MatrixShape {
    init(_ properties: VkCooperativeMatrixPropertiesKHR) {
        self.init(
            rows: Int(properties.MSize), columns: Int(properties.NSize), depth: Int(properties.KSize), a: name(properties.AType),
            b: name(properties.BType), c: name(properties.CType), result: name(properties.ResultType),
            isSubgroupScope: properties.scope == VK_SCOPE_SUBGROUP_KHR)
    }
}

extension DeviceReport.WorkgroupMatrixShape {
    init(_ properties: VkCooperativeMatrixFlexibleDimensionsPropertiesNV) {
        self.init(
            rows: Int(properties.MGranularity), columns: Int(properties.NGranularity), depth: Int(properties.KGranularity),
            a: name(properties.AType), b: name(properties.BType), c: name(properties.CType), result: name(properties.ResultType),
            invocations: Int(properties.workgroupInvocations))
    }
}

/// A component type as the report names it.
private func name(_ type: VkComponentTypeKHR) -> String {
    let names = ["f16", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]
    let value = Int(type.rawValue)
    return names.indices.contains(value) ? names[value] : "type \(value)"
}

/// The makers of devices that the PCI-SIG and Khronos registries name, or the number.
private func vendorName(_ identifier: UInt32) -> String {
    let names: [UInt32: String] = [
        0x1002: "AMD", 0x10DE: "NVIDIA", 0x8086: "Intel", 0x13B5: "Arm", 0x5143: "Qualcomm", 0x1010: "Imagination", 0x106B: "Apple",
        0x10005: "Mesa",
    ]
    return names[identifier] ?? "vendor 0x" + String(identifier, radix: 16)
}
