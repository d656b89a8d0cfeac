import CVulkan
import Foundation

/// The Vulkan loader, opened at run time. It stays open until the program ends: drivers keep threads and exit handlers.
struct Loader {
    static let defaultLibrary = "libvulkan.so.1"

    private let getInstanceProcAddr: PFN_vkGetInstanceProcAddr

    init(library: String = Loader.defaultLibrary) throws(VulkanError) {
        guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else {
            throw .loaderMissing(library: library, reason: dlerror().map { String(cString: $0) } ?? "no reason given")
        }
        guard let symbol = dlsym(handle, "vkGetInstanceProcAddr") else {
            throw .loaderMissing(library: library, reason: "it has no vkGetInstanceProcAddr")
        }
        getInstanceProcAddr = unsafeBitCast(symbol, to: PFN_vkGetInstanceProcAddr.self)
    }

    /// A function of the loader (`instance` nil) or of an instance.
    func function<Function>(_ name: String, of instance: VkInstance?, as type: Function.Type) throws(VulkanError) -> Function {
        guard let function = optionalFunction(name, of: instance, as: type) else {
            throw .callFailed(function: name, code: VK_ERROR_EXTENSION_NOT_PRESENT.rawValue)
        }
        return function
    }

    /// A function that an older loader or a driver without the extension may lack.
    func optionalFunction<Function>(_ name: String, of instance: VkInstance?, as type: Function.Type) -> Function? {
        getInstanceProcAddr(instance, name).map { unsafeBitCast($0, to: type) }
    }
}
