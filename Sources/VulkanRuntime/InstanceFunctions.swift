import CVulkan

/// The functions of an instance that the runtime calls.
struct InstanceFunctions {
    let destroyInstance: PFN_vkDestroyInstance
    let enumeratePhysicalDevices: PFN_vkEnumeratePhysicalDevices
    let enumerateDeviceExtensionProperties: PFN_vkEnumerateDeviceExtensionProperties
    let getPhysicalDeviceProperties: PFN_vkGetPhysicalDeviceProperties
    let getPhysicalDeviceProperties2: PFN_vkGetPhysicalDeviceProperties2
    let getPhysicalDeviceFeatures2: PFN_vkGetPhysicalDeviceFeatures2
    let getPhysicalDeviceMemoryProperties2: PFN_vkGetPhysicalDeviceMemoryProperties2
    let getPhysicalDeviceQueueFamilyProperties: PFN_vkGetPhysicalDeviceQueueFamilyProperties
    let createDevice: PFN_vkCreateDevice
    let getDeviceProcAddr: PFN_vkGetDeviceProcAddr
    /// Nil where no driver has the extension.
    let getCooperativeMatrixProperties: PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR?
    let getFlexibleMatrixProperties: PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV?

    init(_ loader: Loader, _ instance: VkInstance) throws(VulkanError) {
        func load<Function>(_ name: String) throws(VulkanError) -> Function {
            try loader.function(name, of: instance, as: Function.self)
        }
        destroyInstance = try load("vkDestroyInstance")
        enumeratePhysicalDevices = try load("vkEnumeratePhysicalDevices")
        enumerateDeviceExtensionProperties = try load("vkEnumerateDeviceExtensionProperties")
        getPhysicalDeviceProperties = try load("vkGetPhysicalDeviceProperties")
        getPhysicalDeviceProperties2 = try load("vkGetPhysicalDeviceProperties2")
        getPhysicalDeviceFeatures2 = try load("vkGetPhysicalDeviceFeatures2")
        getPhysicalDeviceMemoryProperties2 = try load("vkGetPhysicalDeviceMemoryProperties2")
        getPhysicalDeviceQueueFamilyProperties = try load("vkGetPhysicalDeviceQueueFamilyProperties")
        createDevice = try load("vkCreateDevice")
        getDeviceProcAddr = try load("vkGetDeviceProcAddr")
        getCooperativeMatrixProperties = loader.optionalFunction(
            "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR", of: instance,
            as: PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR.self)
        getFlexibleMatrixProperties = loader.optionalFunction(
            "vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV", of: instance,
            as: PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV.self)
    }
}
