import Tensors
import VulkanRuntime

/// A tensor's memory on a Vulkan device.
final class VulkanStorage: TensorStorage {
    let buffer: Buffer
    let device: Device

    init(device: Device, byteCount: Int) throws {
        self.device = device
        // An empty tensor has an address, too.
        buffer = try device.makeBuffer(byteCount: max(byteCount, 4))
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
    func place(of tensor: Tensor, _ operation: String) throws -> DevicePlace {
        guard let storage = tensor.storage as? VulkanStorage, storage.device === device else {
            throw TensorError.wrongBackend(
                operation: operation,
                detail: "a tensor of shape \(tensor.shape) does not lie in the memory of \(name); copy it there with read and upload")
        }
        return DevicePlace(buffer: storage.buffer, byteOffset: tensor.byteOffset, byteCount: tensor.byteCount, shape: tensor.shape)
    }
}
