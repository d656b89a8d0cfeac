import Tensors
import VulkanRuntime

/// Quantised tensors, which the device keeps in groups of its own layout (``WeightLayout``) and the host in the file's.
extension VulkanBackend {
    /// The bytes that are packed at a time.
    private static let slabBytes = 1 << 20

    /// Packs bytes of the file's layout into the groups of a tensor.
    func writeGroups(_ bytes: UnsafeRawBufferPointer, to tensor: Tensor, _ storage: VulkanStorage, _ layout: WeightLayout) throws {
        let padded = try layout.byteCount(holding: tensor, in: storage)
        let offset = tensor.byteOffset % layout.groupBytes
        let end = tensor.byteOffset + bytes.count
        if offset != 0 || end % layout.groupBytes != 0 && end < storage.weightBytes {
            // Other tensors share the first group or the last.
            var all = try fileBytes(from: tensor.byteOffset - offset, count: offset + padded, storage, layout)
            all.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            return try all.withUnsafeBytes { try writeGroups($0, at: tensor.byteOffset - offset, storage, layout) }
        }
        try writeGroups(bytes, at: tensor.byteOffset, storage, layout)
    }

    private func writeGroups(
        _ bytes: UnsafeRawBufferPointer, at byteOffset: Int, _ storage: VulkanStorage, _ layout: WeightLayout
    ) throws {
        let slab = Self.slabBytes / layout.groupBytes * layout.groupBytes
        let groups = UnsafeMutableRawBufferPointer.allocate(
            byteCount: layout.byteCount(holding: min(slab, bytes.count)), alignment: 16)
        defer { groups.deallocate() }
        for start in stride(from: 0, to: bytes.count, by: slab) {
            let part = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + slab, bytes.count)])
            let packed = UnsafeMutableRawBufferPointer(rebasing: groups[0..<layout.byteCount(holding: part.count)])
            layout.pack(part, into: packed)
            try stream.upload(UnsafeRawBufferPointer(packed), to: storage.buffer, byteOffset: byteOffset + start)
        }
    }

    /// Fills `bytes` with those of a tensor in the file's layout.
    func readGroups(of tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer, _ storage: VulkanStorage, _ layout: WeightLayout) throws {
        let offset = tensor.byteOffset % layout.groupBytes
        let all = try fileBytes(
            from: tensor.byteOffset - offset, count: layout.byteCount(holding: offset + bytes.count), storage, layout)
        bytes.copyBytes(from: all[offset..<offset + bytes.count])
    }

    /// Whole groups in the file's layout.
    private func fileBytes(from byteOffset: Int, count: Int, _ storage: VulkanStorage, _ layout: WeightLayout) throws -> [UInt8] {
        let groups = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { groups.deallocate() }
        try stream.read(storage.buffer, byteOffset: byteOffset, into: groups)
        return [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
            layout.unpack(UnsafeRawBufferPointer(groups), into: UnsafeMutableRawBufferPointer(bytes))
            filled = count
        }
    }

    /// A copy of a tensor that begins within a group, which kernels cannot: through the host, and made for each use, so that weights are to be
    /// cut where groups begin, every 256 elements (2048 of q6_K).
    func regrouped(_ tensor: Tensor) throws -> Tensor {
        try stream.suspendingRecording {
            var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
            try bytes.withUnsafeMutableBytes { try read(tensor, into: $0) }
            return try bytes.withUnsafeBytes { try upload($0, tensor.shape, tensor.dtype) }
        }
    }
}

extension WeightLayout {
    /// The bytes of the groups that a tensor ends in, from its first element on.
    /// - Throws: ``TensorError/wrongBackend(operation:detail:)`` where the memory was not made for them.
    func byteCount(holding tensor: Tensor, in storage: VulkanStorage) throws -> Int {
        let offset = tensor.byteOffset % groupBytes
        let count = byteCount(holding: offset + tensor.byteCount) - offset
        guard tensor.byteOffset + count <= storage.buffer.byteCount else {
            throw TensorError.wrongBackend(
                operation: "weight",
                detail: "a \(dtype) tensor of shape \(tensor.shape) lies in memory of another type, without room for its last group of "
                    + "\(groupBytes) bytes; copy it with read and upload")
        }
        return count
    }
}
