import Foundation
import Foundations
import Tensors
import VulkanRuntime

/// Drivers have miscompiled cooperative matrices. So a kernel on tensor cores is compared with the plain one before its first use on a
/// device and driver; the verdict is kept (``MatrixVerdicts``), and a kernel that failed is never used there.
package final class MatrixSelfCheck {
    private let report: DeviceReport
    private let folder: URL?
    private let warn: @Sendable (String) -> Void
    private var verdicts: MatrixVerdicts
    /// What was decided in this process, so that the hash of a kernel is taken once.
    private var decided: [String: Bool] = [:]

    /// The largest Σ(difference)²/Σ(value)² of a kernel that is right. Three roundings to f16 (a weight, or one of the softmax; the other's;
    /// the result), each with a square of at most 2⁻²² and a third of that on average, leave about 2.4·10⁻⁷; one wrong element among the some ten thousand of a check leaves 10⁻⁴.
    static let largestError = 1e-5

    package init(_ report: DeviceReport, folder: URL?, warn: @escaping @Sendable (String) -> Void) {
        self.report = report
        self.folder = folder
        self.warn = warn
        verdicts = MatrixVerdicts(report, in: folder)
    }

    /// Whether a kernel may be used.
    /// - Parameters:
    ///   - kernel: Its name, tile and type of the activations.
    ///   - code: Its SPIR-V.
    ///   - results: Runs the same product with this kernel and with the plain one. A kernel that cannot be run is one that failed.
    /// - Throws: What `results` throws when the device is lost or has no memory left, which says nothing of the kernel.
    package func passes(
        _ kernel: String, code: ShaderCode, results: () throws -> (fast: [Float], plain: [Float])
    ) throws -> Bool {
        if let known = decided[kernel] { return known }
        let hash = Self.hash(code)
        let verdict: MatrixVerdicts.Verdict
        if let kept = verdicts.verdict(kernel, code: hash) {
            verdict = kept
        } else {
            let failure: String?
            do {
                let (fast, plain) = try results()
                failure = Self.failure(fast: fast, plain: plain)
            } catch TensorError.executionFailed(_, let detail) {
                failure = "it cannot be run: \(detail)"
            }
            verdict = MatrixVerdicts.Verdict(code: hash, failure: failure)
            verdicts.note(kernel, verdict)
            verdicts.write(report, in: folder)
        }
        if let failure = verdict.failure {
            warn("\(kernel) failed its check on \(report.name) (\(failure)) and is not used there; a slower kernel is")
        }
        decided[kernel] = verdict.failure == nil
        return verdict.failure == nil
    }

    /// What is wrong with results, or nil.
    static func failure(fast: [Float], plain: [Float]) -> String? {
        var (difference, size) = (0.0, 0.0)
        for (fast, plain) in zip(fast, plain) {
            difference += (Double(fast) - Double(plain)) * (Double(fast) - Double(plain))
            size += Double(plain) * Double(plain)
        }
        guard fast.count == plain.count, size > 0, difference <= largestError * size else {
            return "its squared error is \(difference / size) of the values', at most \(largestError) is expected"
        }
        return nil
    }

    private static func hash(_ code: ShaderCode) -> String {
        var hash = FNVHash()
        for word in code.words { hash.add(unit: UInt64(word)) }
        return hash.text
    }
}

/// Inputs of a check: the same numbers on every device.
package struct MatrixCheckInputs {
    private var generator = SeededGenerator(seed: 0x9e37_79b9_7f4a_7c15)

    package init() {}

    /// Multiples of 1/8 between −2 and 2, which f16 holds exactly.
    package mutating func activations(_ count: Int) -> [Float] { (0..<count).map { _ in Float(Int(next() % 33) - 16) / 8 } }

    /// Weights of any type: random integers, and scales and minima of about 2⁻⁷.
    package mutating func weights(rows: Int, columns: Int, _ dtype: DType) -> [UInt8] {
        switch dtype {
        case .f32: return bytes(activations(rows * columns).map { ($0 / 16).bitPattern })
        case .bf16: return bytes(activations(rows * columns).map { UInt16(($0 / 16).bitPattern >> 16) })
        case .f16: return bytes(activations(rows * columns).map { Float16($0 / 16).bitPattern })
        default: break
        }
        let blocks = rows * columns / dtype.blockElements
        return (0..<blocks).flatMap { _ -> [UInt8] in
            var block = (0..<dtype.blockBytes).map { _ in UInt8(truncatingIfNeeded: next()) }
            // d, and m where there is one, stand first; in q6_K d stands last. 2⁻⁷ is 0x2000 in f16.
            let places = dtype == .q6_K ? [208] : [.q4_1, .q5_1, .q4_K, .q5_K].contains(dtype) ? [0, 2] : [0]
            for place in places { block.replaceSubrange(place..<place + 2, with: [UInt8(truncatingIfNeeded: next()) & 0x7F, 0x20]) }
            return block
        }
    }

    private func bytes<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
        words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    private mutating func next() -> UInt64 { generator.next() }
}
