import Tensors
import VulkanRuntime

extension VulkanBackend {
    public var areRecordingsExpensive: Bool { true }

    /// Records the dispatches into command buffers that each replay runs again. The operations are asked for once, now.
    /// - Throws: What an operation throws, and ``TensorError/executionFailed(operation:detail:)`` for what cannot be recorded: reading,
    ///   writing, waiting.
    public func record(isBrief: Bool, _ operations: @escaping () throws -> Void) throws -> any RecordedOperations {
        VulkanOperations(try translatingErrors("record") { try stream.record(isBrief: isBrief, operations) }, on: self)
    }
}

extension VulkanBackend {
    /// Whether a kernel passes its check, which is no part of what may be being recorded.
    func passesSelfCheck(
        _ checks: MatrixSelfCheck, _ kernel: String, code: ShaderCode, results: () throws -> (fast: [Float], plain: [Float])
    ) throws -> Bool {
        try stream.suspendingRecording { try checks.passes(kernel, code: code, results: results) }
    }
}

/// A recording of a device, which stays open as long.
private final class VulkanOperations: RecordedOperations {
    private let recording: Recording
    private let backend: VulkanBackend

    init(_ recording: Recording, on backend: VulkanBackend) {
        (self.recording, self.backend) = (recording, backend)
    }

    func replay() throws {
        try backend.translatingErrors("replay") { try backend.stream.replay(recording) }
    }
}
