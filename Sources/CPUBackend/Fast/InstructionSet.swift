import CSimd

/// The vector instructions that the kernels of the CPU are compiled for. Each has the same kernels, from the same source.
public enum InstructionSet: String, Sendable, CaseIterable, Hashable {
    /// What every processor of the target has: SSE2 on x86-64, NEON on aarch64. Four lanes of f32.
    case portable
    /// NEON, on aarch64: the same as ``portable`` there.
    case neon
    /// AVX2 with FMA and F16C. Eight lanes.
    case avx2
    /// AVX-512 (F, BW, DQ and VL). Sixteen lanes.
    case avx512

    /// Whether this processor, and this build, has it.
    public var isAvailable: Bool { kernels != nil }

    /// The widest that this processor has.
    public static var best: InstructionSet { allCases.last { $0.isAvailable } ?? .portable }

    /// The kernels; nil where the instruction set is lacking.
    var kernels: UnsafePointer<monge_kernels>? {
        switch self {
        case .portable: monge_kernels_for(MONGE_PORTABLE)
        case .neon: monge_kernels_for(MONGE_NEON)
        case .avx2: monge_kernels_for(MONGE_AVX2)
        case .avx512: monge_kernels_for(MONGE_AVX512)
        }
    }
}
