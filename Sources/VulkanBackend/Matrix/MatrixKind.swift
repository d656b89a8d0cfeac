import Foundation
import Tensors

/// What multiplies matrices on a Vulkan device.
public enum MatrixKind: String, Sendable, CaseIterable, Codable {
    /// The shader's own arithmetic, in f32: every device.
    case scalar
    /// Tensor cores through `VK_KHR_cooperative_matrix`.
    case khr
    /// Tensor cores by whole work-groups, through `VK_NV_cooperative_matrix2`. There is one kernel, of linear layers with f16 activations;
    /// other products are those of ``khr``.
    case nv
    /// The kernels of ``khr`` with the products emulated by plain arithmetic: slow, and there to check those kernels without tensor cores.
    case emulated
}

/// Which of them a person asks for.
public enum MatrixChoice: Sendable, Equatable {
    /// The fastest that the device has and that passes its check; never ``MatrixKind/emulated``.
    case automatic
    /// This one; an error where the device does not have it.
    case only(MatrixKind)

    /// The environment variable that holds the choice: `auto`, or the name of a kind.
    public static let variable = "MONGE_MATRIX"

    /// What ``variable`` says, ``automatic`` when it is not set.
    /// - Throws: ``TensorError/invalidOption(operation:detail:)`` for a word that is none.
    public static func fromEnvironment(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> MatrixChoice {
        guard let text = environment[variable], !text.isEmpty, text != "auto" else { return .automatic }
        guard let kind = MatrixKind(rawValue: text) else {
            let words = ["auto"] + MatrixKind.allCases.map(\.rawValue)
            throw TensorError.invalidOption(operation: variable, detail: "'\(text)' is none of \(words.joined(separator: ", "))")
        }
        return .only(kind)
    }
}
