import CrossCheck
import Tensors
import VulkanBackend

/// The shell command that repeats a case of `monge check`.
package struct CheckRepetition {
    private let device: String
    private let family: KernelFamily?
    private let precision: ProductPrecision
    private let isBatchInvariant, isChecked: Bool
    private let environment: [String: String]

    /// The variables that choose kernels: without them, a case is another.
    private static let variables = [MatrixChoice.variable]

    package init(
        device: String, family: KernelFamily?, precision: ProductPrecision = .exact, isBatchInvariant: Bool = false, isChecked: Bool,
        environment: [String: String]
    ) {
        (self.device, self.family, self.precision) = (device, family, precision)
        (self.isBatchInvariant, self.isChecked, self.environment) = (isBatchInvariant, isChecked, environment)
    }

    package func command(repeating failure: CheckFailure) -> String {
        var words = Self.variables.compactMap { name in
            environment[name].flatMap { $0.isEmpty ? nil : "\(name)=\(Shell.quoted($0))" }
        }
        words += ["monge check --op \(failure.operation) --device \(Shell.quoted(device))"]
        words += ["--from \(failure.caseIndex) --cases 1 --seed \(failure.seed)"]
        if let family { words.append("--family \(family.rawValue)") }
        if precision != .exact { words.append("--precision \(precision.rawValue)") }
        if isBatchInvariant { words.append("--batch-invariant") }
        if isChecked { words.append("--checked") }
        return words.joined(separator: " ")
    }
}
