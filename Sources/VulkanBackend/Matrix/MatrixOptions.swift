import Foundation
import Tensors

/// How a ``VulkanBackend`` multiplies matrices.
public struct MatrixOptions: Sendable {
    public var choice = MatrixChoice.automatic
    /// In which precision tensor cores multiply; ``init(_:precision:)`` has what a ``ProductPrecision`` allows.
    public var inputs = MatrixInputs.activations
    /// Whether activations of few rows may be rounded to 16 bits where they meet quantised weights.
    public var products = ProductPrecision.exact
    /// Whether the bits of a sequence or an image are to be the same whatever else is computed with it, and in whichever parts a sequence comes: one
    /// kernel and one order of sums for all numbers of rows, which are those of few, without tensor cores ("batch invariance").
    public var isBatchInvariant = false
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

    /// Exact products are of f32 where activations are; fast ones of f16 on tensor cores, whatever activations are, and of integers where few
    /// rows meet quantised weights (``VulkanBackend/precision``).
    public init(_ choice: MatrixChoice, precision: ProductPrecision) {
        self.init(choice, inputs: precision == .fast ? .half : .activations)
        products = precision
    }

    /// What ``MatrixChoice/variable`` says.
    /// - Throws: ``TensorError/invalidOption(operation:detail:)`` for a word that is none.
    public static func fromEnvironment(
        precision: ProductPrecision = .exact, _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> MatrixOptions {
        MatrixOptions(try MatrixChoice.fromEnvironment(environment), precision: precision)
    }
}
