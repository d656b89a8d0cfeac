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
    init(_ error: VulkanError, operation: String) {
        switch error {
        case .outOfMemory(let device, let requested, _, _, _):
            self = .outOfMemory(device: device, requestedBytes: requested, detail: "\(operation): \(error)")
        case .bufferTooLarge(let device, let requested, _):
            self = .outOfMemory(device: device, requestedBytes: requested, detail: "\(operation): \(error)")
        case .deviceLost(let device, let kernels):
            let work = kernels.isEmpty ? "with no kernel under way" : "while running \(kernels.joined(separator: ", "))"
            self = .deviceLost(device: device, detail: "\(work); restart the program and look at the driver's log")
        default:
            self = .executionFailed(operation: operation, detail: error.description)
        }
    }
}
