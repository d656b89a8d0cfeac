import Foundation
import Tensors

/// How a ``VulkanBackend`` multiplies matrices.
public struct MatrixOptions: Sendable {
    public var choice = MatrixChoice.automatic
    public var inputs = MatrixInputs.activations
    /// Whether each kernel on tensor cores is compared with the plain one before its first use; nil for: when it was not asked for by name.
    public var checksKernels: Bool?
    /// Told of each kernel that failed its check and of tables that cannot be used, in a sentence; nothing is printed.
    public var report: @Sendable (String) -> Void = { _ in }
    /// Kernels of the library that run in the place of others: how tests see a wrong kernel found out.
    package var kernelSubstitutes: [String: String] = [:]

    public init() {}

    public init(_ choice: MatrixChoice, inputs: MatrixInputs = .activations) {
        (self.choice, self.inputs) = (choice, inputs)
    }

    /// What ``MatrixChoice/variable`` and ``MatrixChoice/inputsVariable`` say.
    /// - Throws: ``TensorError/invalidOption(operation:detail:)`` for a word that is none.
    public static func fromEnvironment(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> MatrixOptions {
        MatrixOptions(try MatrixChoice.fromEnvironment(environment), inputs: try MatrixChoice.inputsFromEnvironment(environment))
    }
}
