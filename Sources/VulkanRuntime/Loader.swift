import CVulkan

/// The Vulkan loader, opened at run time. It stays open until the program ends: drivers keep threads and exit handlers.
package struct Loader {
    /// What the loader is called on this system, or a driver that stands in for it, in the order in which they are tried.
    package static let libraries: [String] = {
        #if os(macOS) || os(iOS) || os(tvOS) || os(visionOS)
            // Vulkan SDK and Homebrew install the loader outside the folders that are searched; MoltenVK alone is a driver with the loader's functions.
            let names = ["libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib"]
            return names + ["/usr/local/lib", "/opt/homebrew/lib"].flatMap { folder in names.map { "\(folder)/\($0)" } }
        #elseif os(Windows)
            return ["vulkan-1.dll"]
        #elseif os(Android)
            return ["libvulkan.so"]
        #else
            return ["libvulkan.so.1", "libvulkan.so"]
        #endif
    }()

    private let getInstanceProcAddr: PFN_vkGetInstanceProcAddr

    /// Opens the first of the libraries that is there.
    /// - Throws: ``VulkanError/loaderMissing(library:reason:)``, naming the first.
    package init(libraries: [String] = Loader.libraries) throws(VulkanError) {
        var reason: String?
        for library in libraries {
            switch Self.entry(of: library) {
            case .success(let function):
                getInstanceProcAddr = function
                return
            case .failure(let error): reason = reason ?? error.reason
            }
        }
        throw .loaderMissing(library: libraries.first ?? "", reason: reason ?? "no library is named")
    }

    /// Where all other functions are found.
    private static func entry(of library: String) -> Result<PFN_vkGetInstanceProcAddr, DynamicLibrary.OpenError> {
        DynamicLibrary.open(library).flatMap { library in
            guard let symbol = library.symbol("vkGetInstanceProcAddr") else {
                return .failure(DynamicLibrary.OpenError(reason: "it has no vkGetInstanceProcAddr"))
            }
            return .success(unsafeBitCast(symbol, to: PFN_vkGetInstanceProcAddr.self))
        }
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
