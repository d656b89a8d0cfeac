import Foundation

/// A compiled kernel: its name, for messages and profiles, and its SPIR-V.
package struct ShaderCode: Sendable {
    package let name: String
    package let words: [UInt32]

    package init(name: String, words: [UInt32]) {
        self.name = name
        self.words = words
    }

    /// The same kernel as SPIR-V 1.5, in which `SubgroupSize` is the device's default; from 1.6 on a driver may choose another one (Vulkan
    /// specification, "SubgroupSize"). Kernels use nothing that came with 1.6.
    package var withFixedSubgroupSize: [UInt32] {
        var words = words
        // After the magic number: a zero, major, minor, a zero (SPIR-V specification, "Physical Layout of a SPIR-V Module").
        if words.count > 1 { words[1] = min(words[1], 0x0001_0500) }
        return words
    }
}

/// The kernels that the shader build has embedded, decoded when first asked for.
package final class ShaderLibrary: @unchecked Sendable {
    private let table: [String: StaticString]
    private let lock = NSLock()
    private var decoded: [String: ShaderCode] = [:]

    /// - Parameter table: base64 of each kernel's words, little-endian, by name.
    package init(_ table: [String: StaticString]) {
        self.table = table
    }

    package var names: some Collection<String> { table.keys }

    /// - Throws: ``VulkanError/kernelMissing(name:)``.
    package func code(_ name: String) throws(VulkanError) -> ShaderCode {
        lock.lock()
        defer { lock.unlock() }
        if let known = decoded[name] { return known }
        guard let text = table[name] else { throw .kernelMissing(name: name) }
        let base64 = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: text.utf8Start), count: text.utf8CodeUnitCount, deallocator: .none)
        guard let bytes = Data(base64Encoded: base64), bytes.count.isMultiple(of: 4) else { throw .kernelMissing(name: name) }
        let words = [UInt32](unsafeUninitializedCapacity: bytes.count / 4) { buffer, count in
            count = bytes.copyBytes(to: buffer) / 4
        }.map(UInt32.init(littleEndian:))
        let code = ShaderCode(name: name, words: words)
        decoded[name] = code
        return code
    }
}
