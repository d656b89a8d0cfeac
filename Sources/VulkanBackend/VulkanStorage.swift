import Tensors
import VulkanRuntime

/// A tensor's memory on a Vulkan device.
final class VulkanStorage: TensorStorage {
    let buffer: Buffer
    let device: Device
    /// The bytes of the tensor it was made for, in the file's layout.
    let weightBytes: Int

    /// - Parameters:
    ///   - byteCount: The bytes of the tensor.
    ///   - layout: How they lie, if not as in a file.
    init(device: Device, byteCount: Int, layout: WeightLayout? = nil) throws {
        self.device = device
        weightBytes = byteCount
        // An empty tensor has an address, too.
        buffer = try device.makeBuffer(byteCount: max(layout?.byteCount(holding: byteCount) ?? byteCount, 4))
        super.init(byteCount: byteCount)
    }
}

/// Where the elements of a tensor lie in device memory.
struct DevicePlace {
    let buffer: Buffer
    let byteOffset: Int
    let byteCount: Int
    /// The tensor's shape, for errors; nil for what kernels keep between them.
    var shape: Shape?

    var address: UInt64 { buffer.address + UInt64(byteOffset) }

    /// Whether the elements begin at a multiple of `byteCount`.
    func isAligned(to byteCount: Int) -> Bool { address % UInt64(byteCount) == 0 }
}

extension VulkanBackend {
    /// - Throws: ``TensorError/wrongBackend(operation:detail:)`` when the tensor is not in this device's memory.
    func storage(of tensor: Tensor, _ operation: String) throws -> VulkanStorage {
        guard let storage = tensor.storage as? VulkanStorage, storage.device === device else {
            throw TensorError.wrongBackend(
                operation: operation,
                detail: "a tensor of shape \(tensor.shape) does not lie in the memory of \(name); copy it there with read and upload")
        }
        return storage
    }

    /// Where a tensor lies, quantised ones with the whole of their last group.
    func place(of tensor: Tensor, _ operation: String) throws -> DevicePlace {
        let storage = try storage(of: tensor, operation)
        guard let layout = WeightLayout(tensor.dtype) else {
            return DevicePlace(buffer: storage.buffer, byteOffset: tensor.byteOffset, byteCount: tensor.byteCount, shape: tensor.shape)
        }
        if tensor.byteOffset % layout.groupBytes != 0 { return try place(of: regrouped(tensor), operation) }
        return DevicePlace(
            buffer: storage.buffer, byteOffset: tensor.byteOffset, byteCount: try layout.byteCount(holding: tensor, in: storage),
            shape: tensor.shape)
    }
}
