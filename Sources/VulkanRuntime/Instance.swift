import CVulkan

/// A Vulkan 1.3 instance, with the validation layer when asked for.
final class Instance {
    static let validationLayer = "VK_LAYER_KHRONOS_validation"

    let functions: InstanceFunctions
    let handle: VkInstance
    /// What the validation layer has said; nil without it.
    let validation: ValidationLog?
    /// What calls for the instance and its devices are made under; nil without the layer.
    let lock: LayerLock?

    private var messenger: VkDebugUtilsMessengerEXT?
    private var destroyMessenger: PFN_vkDestroyDebugUtilsMessengerEXT?

    /// - Throws: ``VulkanError/layerMissing(name:)`` when validation is asked for and not installed.
    init(loader: Loader, validation isValidating: Bool) throws(VulkanError) {
        let create = try loader.function("vkCreateInstance", of: nil, as: PFN_vkCreateInstance.self)
        if isValidating {
            let enumerateLayers = try loader.function(
                "vkEnumerateInstanceLayerProperties", of: nil, as: PFN_vkEnumerateInstanceLayerProperties.self)
            let layers = try enumerate("vkEnumerateInstanceLayerProperties", of: VkLayerProperties()) { enumerateLayers($0, $1) }
            guard layers.contains(where: { text($0.layerName) == Self.validationLayer }) else {
                throw .layerMissing(name: Self.validationLayer)
            }
        }
        let log = isValidating ? ValidationLog() : nil
        // A loader lists drivers that lack a part of Vulkan, such as MoltenVK, only to those who ask.
        let listsPortable = try Self.extensions(loader).contains(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)
        let names =
            (isValidating ? [VK_EXT_DEBUG_UTILS_EXTENSION_NAME, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME] : [])
            + (listsPortable ? [VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME] : [])
        var instance: VkInstance?
        let lock = isValidating ? LayerLock.shared : nil
        let result = withStrings(isValidating ? [Self.validationLayer] : []) { layers in
            withStrings(names) { extensions in
                var application = VkApplicationInfo()
                application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO
                application.apiVersion = DeviceReport.Version(major: 1, minor: 3, patch: 0).packed
                return withUnsafePointer(to: &application) { application in
                    // In the chain, the messenger also hears of faults in creating and destroying the instance.
                    let chain = StructureChain()
                    if let log { chain.append(log.createInfo) }
                    // Copies and fills without the barrier they need are then messages too.
                    let synchronization = [VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT]
                    var info = VkInstanceCreateInfo()
                    info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
                    info.pNext = UnsafeRawPointer(chain.first)
                    if listsPortable { info.flags = VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR.rawValue }
                    info.pApplicationInfo = application
                    info.enabledLayerCount = UInt32(layers.count)
                    info.ppEnabledLayerNames = layers.baseAddress
                    info.enabledExtensionCount = UInt32(extensions.count)
                    info.ppEnabledExtensionNames = extensions.baseAddress
                    return synchronization.withUnsafeBufferPointer { enabled in
                        if isValidating {
                            var features = VkValidationFeaturesEXT()
                            features.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT
                            features.enabledValidationFeatureCount = UInt32(enabled.count)
                            features.pEnabledValidationFeatures = enabled.baseAddress
                            chain.append(features)
                        }
                        return withExtendedLifetime(chain) { lock.open { create(&info, nil, &instance) } }
                    }
                }
            }
        }
        // A loader without a single working driver; there are no devices then.
        if result == VK_ERROR_INCOMPATIBLE_DRIVER { throw .noDevice([]) }
        try check(result, "vkCreateInstance")
        handle = instance!
        functions = try lock.call { () throws(VulkanError) in try InstanceFunctions(loader, instance!) }
        validation = log
        self.lock = lock
        guard let log else { return }
        try lock.call { () throws(VulkanError) in
            let createMessenger = try loader.function(
                "vkCreateDebugUtilsMessengerEXT", of: handle, as: PFN_vkCreateDebugUtilsMessengerEXT.self)
            destroyMessenger = try loader.function(
                "vkDestroyDebugUtilsMessengerEXT", of: handle, as: PFN_vkDestroyDebugUtilsMessengerEXT.self)
            var info = log.createInfo
            try check(createMessenger(handle, &info, nil, &messenger), "vkCreateDebugUtilsMessengerEXT")
        }
    }

    /// The instance extensions that loader and drivers have.
    private static func extensions(_ loader: Loader) throws(VulkanError) -> Set<String> {
        let query = try loader.function(
            "vkEnumerateInstanceExtensionProperties", of: nil, as: PFN_vkEnumerateInstanceExtensionProperties.self)
        let extensions = try enumerate("vkEnumerateInstanceExtensionProperties", of: VkExtensionProperties()) { query(nil, $0, $1) }
        return Set(extensions.map { text($0.extensionName) })
    }

    /// The devices in the order the loader gives them.
    func physicalDevices() throws(VulkanError) -> [VkPhysicalDevice] {
        try enumerate("vkEnumeratePhysicalDevices", of: VkPhysicalDevice?.none) {
            functions.enumeratePhysicalDevices(handle, $0, $1)
        }.compactMap { $0 }
    }

    deinit {
        lock.open {
            destroyMessenger?(handle, messenger, nil)
            functions.destroyInstance(handle, nil)
        }
    }
}

/// Calls `body` with C strings that live for the call.
func withStrings<Result>(_ strings: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Result) -> Result {
    let copies = strings.map { string in
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: string.utf8.count + 1)
        for (index, unit) in string.utf8.enumerated() { copy[index] = CChar(bitPattern: unit) }
        copy[string.utf8.count] = 0
        return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    return copies.map { UnsafePointer($0) as UnsafePointer<CChar>? }.withUnsafeBufferPointer(body)
}
