import Tensors
import VulkanRuntime

extension VulkanBackend {
    /// Runs what throws ``VulkanError`` so that it throws ``TensorError``, which callers know of every backend.
    func translatingErrors<Result>(_ operation: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as VulkanError {
            throw TensorError(error, operation: operation)
        }
    }
}

extension TensorError {
    /// What a device reports, in the terms of operations.
    package init(_ error: VulkanError, operation: String) {
        switch error {
        case .outOfMemory(let device, let requested, _, _, _):
            self = .outOfMemory(device: device, requestedBytes: requested, detail: "\(operation): \(error)")
        case .bufferTooLarge(let device, let requested, _):
            self = .outOfMemory(device: device, requestedBytes: requested, detail: "\(operation): \(error)")
        case .deviceLost(let device, let kernels):
            self = .deviceLost(device: device, detail: VulkanError.circumstances(ofLossWith: kernels))
        case .memoryRefused(let device, _, _):
            self = .outOfMemory(device: device, requestedBytes: nil, detail: "\(operation): \(error)")
        default:
            self = .executionFailed(operation: operation, detail: error.description)
        }
    }
}
