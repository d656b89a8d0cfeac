import CVulkan

/// Vulkan structures linked through `pNext`, alive as long as the chain.
final class StructureChain {
    private var structures: [UnsafeMutableRawPointer] = []

    /// Appends a structure (its `sType` set) and links it behind the one before.
    @discardableResult
    func append<Structure>(_ structure: Structure) -> UnsafeMutablePointer<Structure> {
        let pointer = UnsafeMutablePointer<Structure>.allocate(capacity: 1)
        pointer.initialize(to: structure)
        let raw = UnsafeMutableRawPointer(pointer)
        if let last = structures.last {
            // Every extensible structure starts with sType and pNext (Vulkan specification, "Valid Usage for Structure Types").
            last.assumingMemoryBound(to: VkBaseOutStructure.self).pointee.pNext = raw.assumingMemoryBound(to: VkBaseOutStructure.self)
        }
        structures.append(raw)
        return pointer
    }

    /// The first structure, for the `pNext` of another.
    var first: UnsafeMutableRawPointer? { structures.first }

    deinit {
        for structure in structures { structure.deallocate() }
    }
}

/// The text in a C array of characters that a structure holds in line.
func text<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

/// The bytes of a UUID in a structure, in hexadecimal.
func hexadecimal<Bytes>(_ bytes: Bytes) -> String {
    let digits = Array("0123456789abcdef")
    return withUnsafeBytes(of: bytes) { String($0.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }) }
}

/// The result of a function that is called twice: once for a count, once for the elements.
func enumerate<Element>(
    _ function: String, of template: Element,
    _ call: (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<Element>?) -> VkResult
) throws(VulkanError) -> [Element] {
    var count: UInt32 = 0
    try check(call(&count, nil), function)
    var elements = [Element](repeating: template, count: Int(count))
    let result = elements.withUnsafeMutableBufferPointer { call(&count, $0.baseAddress) }
    // Elements that appeared between the calls are left out.
    guard result == VK_INCOMPLETE else {
        try check(result, function)
        return Array(elements.prefix(Int(count)))
    }
    return elements
}
