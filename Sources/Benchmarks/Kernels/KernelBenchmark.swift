import Tensors

/// One operation at a size that a model has, with what it must move and do: the floor that a measured time is held against.
///
/// Benchmarks are told apart by ``operation``, ``model`` and ``shapes`` together.
public struct KernelBenchmark: Sendable {
    /// The name of the backend's method.
    public let operation: String
    /// The model the size comes from.
    public let model: ModelClass
    /// The shapes, types and options, for people.
    public let shapes: String
    /// The extents and options by name, for programs that run the same on another library: `rows`, `inputs` and `outputs` of a linear.
    public let sizes: [String: Int]
    /// The element types by the name of the operand, as ``DType`` spells them: `x`, `weight`.
    public let types: [String: String]
    /// The fewest bytes: each input read once, each output written once.
    public let bytes: Int
    /// Floating-point operations: a multiplication and an addition count one each, and so does a comparison; 0 for a movement.
    public let operations: Int
    /// The bytes of its inputs and outputs: more than ``bytes`` where only some rows are read or written.
    public let memory: Int
    /// Whether a language model does this for each token that it writes, for one request or for a few.
    public private(set) var isDecode = false
    private let make: Preparation

    /// Makes the inputs and outputs, and returns a function that runs the operation once.
    typealias Preparation = @Sendable (BenchmarkInputs) throws -> () throws -> Void

    /// - Parameters:
    ///   - sizes: Empty for what no other library is asked to do.
    ///   - memory: The bytes of inputs and outputs; nil when they are `bytes`.
    ///   - make: Makes the inputs and outputs. What it returns runs the operation, into the same outputs every time where the
    ///     operation lets it.
    init(
        _ operation: String, _ model: ModelClass, _ shapes: String, sizes: [String: Int] = [:], types: [String: DType] = [:],
        bytes: Int, operations: Int, memory: Int? = nil, make: @escaping Preparation
    ) {
        self.operation = operation
        self.model = model
        self.shapes = shapes
        self.sizes = sizes
        self.types = types.mapValues(\.rawValue)
        self.bytes = bytes
        self.operations = operations
        self.memory = memory ?? bytes
        self.make = make
    }

    /// The same, as work of each token that is written, or not.
    func ofDecode(_ isDecode: Bool) -> KernelBenchmark {
        var benchmark = self
        benchmark.isDecode = isDecode
        return benchmark
    }

    /// Makes the inputs and outputs on a backend.
    /// - Returns: A function that runs the operation once.
    public func prepare(on backend: any Backend) throws -> () throws -> Void { try prepare(on: backend, copies: 1)[0] }

    /// Makes several sets of inputs and outputs with the same contents, each in memory of its own.
    /// - Returns: For each set a function that runs the operation once.
    public func prepare(on backend: any Backend, copies: Int) throws -> [() throws -> Void] {
        let contents = BenchmarkContents()
        return try (0..<copies).map { _ in
            try make(BenchmarkInputs(backend, contents: contents.fromTheStart(), seed: UInt64(operations ^ bytes)))
        }
    }
}
