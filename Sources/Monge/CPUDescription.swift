import CPUBackend
import Foundation

/// The CPU as the fast path sees it.
public struct CPUDescription: Sendable, Codable, Equatable {
    public var threads: Int
    /// The widest vector instructions that it uses: avx512, avx2, neon or portable.
    public var instructions: String

    /// This machine's.
    public static var current: CPUDescription {
        CPUDescription(threads: ProcessInfo.processInfo.activeProcessorCount, instructions: InstructionSet.best.rawValue)
    }
}
