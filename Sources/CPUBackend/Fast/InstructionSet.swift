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
    var kernels: UnsafePointer<monge_kernels>? { monge_kernels_for(kernelSet) }

    /// The products of rounded activations: with dot products of bytes where the processor has those for vectors of this width.
    var roundedKernels: UnsafePointer<monge_rounded_kernels>? { monge_rounded_kernels_for(kernelSet, 0) }

    /// The set as the kernels call it.
    private var kernelSet: monge_instruction_set {
        switch self {
        case .portable: MONGE_PORTABLE
        case .neon: MONGE_NEON
        case .avx2: MONGE_AVX2
        case .avx512: MONGE_AVX512
        }
    }
}
