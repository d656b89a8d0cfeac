import CSimd
import Tensors

/// The fast CPU path: vector kernels chosen for the processor at run time, shared among its cores.
///
/// All arithmetic is in f32, that of fits in f64. The same operation gives the same bits on the same instruction set, whatever the number
/// of threads, and a row of a product or an attention depends neither on the other rows nor on their number.
public final class CPUBackend: CPUMemoryBackend {
    public let name: String
    /// Of tensors; while operations are recorded, that of the recording.
    public var memory: CPUMemoryPool { recording?.memory ?? pool }
    let pool: CPUMemoryPool
    /// The one that is being made.
    var recording: CPURecording?
    public let instructions: InstructionSet
    public let precision: ProductPrecision

    let kernels: UnsafePointer<monge_kernels>
    let roundedKernels: UnsafePointer<monge_rounded_kernels>
    let workers: WorkPool
    let threadScratch: ThreadScratch
    let packedScratch: ScratchMemory
    let stateScratch: ScratchMemory
    let weightScratch: ScratchMemory
    let weightArena: WeightArena
    var angles = RopeAngles()

    /// The most rows of x that ``linear(_:)`` multiplies by dot products.
    public static let rowsOfDotProducts = MONGE_DOT_ROWS

    /// The threads that share the work.
    public var threads: Int { workers.threads }

    /// - Parameters:
    ///   - threads: nil for one a processor.
    ///   - instructions: nil for the widest that the processor has.
    ///   - precision: Of products with quantised weights.
    /// - Throws: ``TensorError/invalidOption(operation:detail:)`` when the processor lacks the instructions.
    public init(threads: Int? = nil, instructions: InstructionSet? = nil, precision: ProductPrecision = .exact) throws {
        self.instructions = instructions ?? .best
        self.precision = precision
        guard let kernels = self.instructions.kernels, let roundedKernels = self.instructions.roundedKernels else {
            throw TensorError.invalidOption(
                operation: "CPU", detail: "this processor has no \(self.instructions.rawValue) instructions; choose another set or none")
        }
        self.kernels = kernels
        self.roundedKernels = roundedKernels
        workers = WorkPool(threads: threads)
        name =
            "CPU (\(String(cString: kernels.pointee.name)), \(workers.threads) thread\(workers.threads == 1 ? "" : "s")"
            + (precision == .fast ? ", fast products)" : ")")
        pool = CPUMemoryPool(device: name)
        threadScratch = ThreadScratch(device: name, threads: workers.threads)
        packedScratch = ScratchMemory(device: name)
        stateScratch = ScratchMemory(device: name)
        weightScratch = ScratchMemory(device: name)
        weightArena = WeightArena(pool)
    }
}
