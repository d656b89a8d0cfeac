import CVulkan

/// What a device can do that kernels may depend on. The raw value is the specification's name.
public enum DeviceFeature: String, CaseIterable, Codable, Sendable {
    case bufferDeviceAddress
    case scalarBlockLayout
    case storageBuffer8BitAccess
    case storageBuffer16BitAccess
    case shaderInt8
    case shaderInt16
    case shaderInt64
    case shaderFloat16
    case shaderFloat64
    case vulkanMemoryModel
    case vulkanMemoryModelDeviceScope
    case timelineSemaphore
    case synchronization2
    case maintenance4
    case subgroupSizeControl
    case computeFullSubgroups
    case shaderSubgroupExtendedTypes
    case shaderIntegerDotProduct
    /// Products of four bytes with signs in a word take one instruction or so.
    case integerDotProduct4x8BitPackedSignedAccelerated
    case subgroupVote
    case subgroupArithmetic
    case subgroupBallot
    case subgroupShuffle
    case subgroupShuffleRelative
    case subgroupClustered
    /// Tensor cores: `VK_KHR_cooperative_matrix`.
    case cooperativeMatrix
    /// Tensor cores by whole work-groups: parts of `VK_NV_cooperative_matrix2`.
    case cooperativeMatrixWorkgroupScope
    case cooperativeMatrixFlexibleDimensions
    case cooperativeMatrixPerElementOperations
    case cooperativeMatrixTensorAddressing
    case cooperativeMatrixBlockLoads
    /// How much of each heap this process may use: `VK_EXT_memory_budget`.
    case memoryBudget
    /// The device lacks parts of Vulkan, which Monge does not use: `VK_KHR_portability_subset`. It must be named when the device is opened.
    case portabilitySubset
    /// The driver tells what it made of a kernel: `VK_KHR_pipeline_executable_properties`.
    case pipelineExecutableInfo

    /// What every kernel may take for granted. A device without one of these is refused.
    public static let required: Set<DeviceFeature> = [
        .bufferDeviceAddress, .scalarBlockLayout, .storageBuffer8BitAccess, .storageBuffer16BitAccess, .shaderInt8, .shaderInt16,
        .shaderInt64, .shaderFloat16, .vulkanMemoryModel, .vulkanMemoryModelDeviceScope, .timelineSemaphore, .synchronization2,
        .maintenance4, .shaderSubgroupExtendedTypes, .subgroupVote, .subgroupArithmetic, .subgroupBallot,
        .subgroupShuffle, .subgroupShuffleRelative,
    ]

    /// What the kernels of `VK_NV_cooperative_matrix2` take for granted.
    public static let workgroupMatrix: Set<DeviceFeature> = [
        .cooperativeMatrix, .cooperativeMatrixWorkgroupScope, .cooperativeMatrixFlexibleDimensions,
        .cooperativeMatrixPerElementOperations, .cooperativeMatrixTensorAddressing, .cooperativeMatrixBlockLoads,
    ]

    /// The device extension that brings the feature, where it is not part of Vulkan 1.3.
    var deviceExtension: String? {
        switch self {
        case .cooperativeMatrix: VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME
        case .cooperativeMatrixWorkgroupScope, .cooperativeMatrixFlexibleDimensions, .cooperativeMatrixPerElementOperations,
            .cooperativeMatrixTensorAddressing, .cooperativeMatrixBlockLoads:
            VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME
        case .memoryBudget: VK_EXT_MEMORY_BUDGET_EXTENSION_NAME
        case .portabilitySubset: "VK_KHR_portability_subset"
        case .pipelineExecutableInfo: VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME
        default: nil
        }
    }
}

/// The feature structures of Vulkan, linked: filled in by a query, or from the features to switch on.
final class FeatureChain {
    private let chain = StructureChain()
    private let base: UnsafeMutablePointer<VkPhysicalDeviceFeatures2>
    private let vulkan11: UnsafeMutablePointer<VkPhysicalDeviceVulkan11Features>
    private let vulkan12: UnsafeMutablePointer<VkPhysicalDeviceVulkan12Features>
    private let vulkan13: UnsafeMutablePointer<VkPhysicalDeviceVulkan13Features>
    private let matrix: UnsafeMutablePointer<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>?
    private let matrix2: UnsafeMutablePointer<VkPhysicalDeviceCooperativeMatrix2FeaturesNV>?
    private let executables: UnsafeMutablePointer<VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR>?

    /// - Parameter extensions: those that the device has; without one, its structure must not be in the chain.
    init(extensions: Set<String>) {
        var base = VkPhysicalDeviceFeatures2()
        base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2
        var vulkan11 = VkPhysicalDeviceVulkan11Features()
        vulkan11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES
        var vulkan12 = VkPhysicalDeviceVulkan12Features()
        vulkan12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES
        var vulkan13 = VkPhysicalDeviceVulkan13Features()
        vulkan13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES
        var matrix = VkPhysicalDeviceCooperativeMatrixFeaturesKHR()
        matrix.sType = monge_cooperative_matrix_features
        var matrix2 = VkPhysicalDeviceCooperativeMatrix2FeaturesNV()
        matrix2.sType = monge_cooperative_matrix_2_features
        self.base = chain.append(base)
        self.vulkan11 = chain.append(vulkan11)
        self.vulkan12 = chain.append(vulkan12)
        self.vulkan13 = chain.append(vulkan13)
        self.matrix = extensions.contains(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME) ? chain.append(matrix) : nil
        self.matrix2 = extensions.contains(VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME) ? chain.append(matrix2) : nil
        var executables = VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR()
        executables.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR
        self.executables = extensions.contains(VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME) ? chain.append(executables) : nil
    }

    /// A chain that switches features on. Those that are properties or plain extensions have no switch.
    convenience init(enabling features: Set<DeviceFeature>) {
        self.init(extensions: Set(features.compactMap(\.deviceExtension)))
        for feature in features { withSwitch(of: feature) { $0 = VkBool32(VK_TRUE) } }
    }

    /// The head of the chain, a `VkPhysicalDeviceFeatures2`.
    var head: UnsafeMutablePointer<VkPhysicalDeviceFeatures2> { base }

    /// The features whose switches are on.
    var enabled: Set<DeviceFeature> {
        Set(
            DeviceFeature.allCases.filter { feature in
                var isOn = false
                withSwitch(of: feature) { isOn = $0 != VkBool32(VK_FALSE) }
                return isOn
            })
    }

    private func withSwitch(of feature: DeviceFeature, _ body: (inout VkBool32) -> Void) {
        switch feature {
        case .bufferDeviceAddress: body(&vulkan12.pointee.bufferDeviceAddress)
        case .scalarBlockLayout: body(&vulkan12.pointee.scalarBlockLayout)
        case .storageBuffer8BitAccess: body(&vulkan12.pointee.storageBuffer8BitAccess)
        case .storageBuffer16BitAccess: body(&vulkan11.pointee.storageBuffer16BitAccess)
        case .shaderInt8: body(&vulkan12.pointee.shaderInt8)
        case .shaderInt16: body(&base.pointee.features.shaderInt16)
        case .shaderInt64: body(&base.pointee.features.shaderInt64)
        case .shaderFloat16: body(&vulkan12.pointee.shaderFloat16)
        case .shaderFloat64: body(&base.pointee.features.shaderFloat64)
        case .vulkanMemoryModel: body(&vulkan12.pointee.vulkanMemoryModel)
        case .vulkanMemoryModelDeviceScope: body(&vulkan12.pointee.vulkanMemoryModelDeviceScope)
        case .timelineSemaphore: body(&vulkan12.pointee.timelineSemaphore)
        case .synchronization2: body(&vulkan13.pointee.synchronization2)
        case .maintenance4: body(&vulkan13.pointee.maintenance4)
        case .subgroupSizeControl: body(&vulkan13.pointee.subgroupSizeControl)
        case .computeFullSubgroups: body(&vulkan13.pointee.computeFullSubgroups)
        case .shaderSubgroupExtendedTypes: body(&vulkan12.pointee.shaderSubgroupExtendedTypes)
        case .shaderIntegerDotProduct: body(&vulkan13.pointee.shaderIntegerDotProduct)
        case .cooperativeMatrix: if let matrix { body(&matrix.pointee.cooperativeMatrix) }
        case .cooperativeMatrixWorkgroupScope: if let matrix2 { body(&matrix2.pointee.cooperativeMatrixWorkgroupScope) }
        case .cooperativeMatrixFlexibleDimensions: if let matrix2 { body(&matrix2.pointee.cooperativeMatrixFlexibleDimensions) }
        case .cooperativeMatrixPerElementOperations: if let matrix2 { body(&matrix2.pointee.cooperativeMatrixPerElementOperations) }
        case .cooperativeMatrixTensorAddressing: if let matrix2 { body(&matrix2.pointee.cooperativeMatrixTensorAddressing) }
        case .cooperativeMatrixBlockLoads: if let matrix2 { body(&matrix2.pointee.cooperativeMatrixBlockLoads) }
        case .pipelineExecutableInfo: if let executables { body(&executables.pointee.pipelineExecutableInfo) }
        case .integerDotProduct4x8BitPackedSignedAccelerated, .subgroupVote, .subgroupArithmetic, .subgroupBallot, .subgroupShuffle,
            .subgroupShuffleRelative, .subgroupClustered, .memoryBudget, .portabilitySubset:
            break
        }
    }
}
