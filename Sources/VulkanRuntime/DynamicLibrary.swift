#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#elseif os(Windows)
    import WinSDK
#endif

/// A library that is opened at run time and stays open until the program ends.
struct DynamicLibrary {
    struct OpenError: Error {
        /// What the system says.
        let reason: String
    }

    #if os(Windows)
        private let handle: HMODULE

        static func open(_ name: String) -> Result<DynamicLibrary, OpenError> {
            guard let handle = LoadLibraryA(name) else {
                return .failure(OpenError(reason: "LoadLibrary failed with code \(GetLastError())"))
            }
            return .success(DynamicLibrary(handle: handle))
        }

        func symbol(_ name: String) -> UnsafeMutableRawPointer? {
            GetProcAddress(handle, name).map { unsafeBitCast($0, to: UnsafeMutableRawPointer.self) }
        }
    #else
        private let handle: UnsafeMutableRawPointer

        static func open(_ name: String) -> Result<DynamicLibrary, OpenError> {
            guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
                return .failure(OpenError(reason: dlerror().map { String(cString: $0) } ?? "no reason given"))
            }
            return .success(DynamicLibrary(handle: handle))
        }

        func symbol(_ name: String) -> UnsafeMutableRawPointer? { dlsym(handle, name) }
    #endif
}
