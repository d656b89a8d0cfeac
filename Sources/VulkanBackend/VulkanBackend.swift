import Tensors
import VulkanRuntime

/// Every operation as a dispatch of a shader on a Vulkan device.
///
/// Weights stay quantised as they are stored, rearranged for loads of whole vectors, and are decoded in registers; sums are f32. Operations are recorded on the
/// device's stream and run later: an error of one can surface at a later call.
public final class VulkanBackend: Backend {
    /// The device, with its memory and its stream.
    public let device: Device
    /// How kernels are laid out over the device.
    public let family: KernelFamily
    /// Fast where products of few rows with quantised weights have activations rounded to integers (``roundsActivations(rows:channels:weight:)``).
    public let precision: ProductPrecision

    /// Whether bits do not depend on what is computed together (``MatrixOptions/isBatchInvariant``).
    public let isBatchInvariant: Bool

    /// What multiplies matrices of f16, the fastest first; none for plain arithmetic.
    package let matrices: [MatrixEngine]
    let matrixOptions: MatrixOptions
    let matrixChecks: MatrixSelfCheck?
    var productMethod = ProductMethod.automatic
    /// Tiles of attention that were measured on the device.
    package internal(set) var attentionTiles: [AttentionTile]
    /// Whether an attention is the check of its own kernel.
    var isCheckingAttention = false
    package internal(set) var matvecShape: MatvecShape
    /// Whether linear/fewRows.glsl makes floats of integers without conversions.
    package var splicesIntegers: Bool
    package internal(set) var scalarTile: ScalarTile
    /// The registers that a lane has.
    package var registers: Int

    let kernels: KernelLibrary
    /// Frequencies of the sinusoidal embeddings that were met.
    var frequencyTables: [FrequencyTable: Buffer] = [:]

    /// - Parameters:
    ///   - family: How kernels are laid out; nil for what suits the device.
    ///   - matrix: What multiplies matrices, and how precisely.
    /// - Throws: ``TensorError/executionFailed(operation:detail:)`` when the device cannot run the family or multiply as asked.
    public init(device: Device, family: KernelFamily? = nil, matrix options: MatrixOptions = MatrixOptions()) throws {
        self.device = device
        let family = family ?? KernelFamily(for: device.report)
        self.family = family
        precision = options.products == .fast && family == .tiles && Self.multipliesBytes(device.report) ? .fast : .exact
        kernels = KernelLibrary(device, kernelSubstitutes: options.kernelSubstitutes)
        let table = TuningTable.load(device.report, in: device.cacheFolder, warn: options.report)
        isBatchInvariant = options.isBatchInvariant
        if options.isBatchInvariant, case .only(let kind) = options.choice, kind != .scalar {
            throw TensorError.invalidOption(
                operation: "VulkanBackend",
                detail: "bits that do not depend on the batch take products without tensor cores, and \(MatrixChoice.variable) asks for "
                    + "\(kind.rawValue): leave one of the two out")
        }
        matrices = try options.isBatchInvariant ? [] : MatrixEngine.all(options.choice, on: device.report, tiles: table?.matrixTiles ?? [])
        matvecShape = table?.matvec ?? .usual
        splicesIntegers = DeviceClass(device.report) == .nvidia
        registers = DeviceClass(device.report).registers(subgroupSize: DeviceClass.subgroupSize(device.report))
        let measured = table?.scalarTile ?? .usual
        scalarTile = measured.isPossible(on: device.report) ? measured : .usual
        attentionTiles = table?.attention ?? []
        matrixOptions = options
        let checksKernels = options.checksKernels ?? (options.choice == .automatic)
        matrixChecks =
            checksKernels ? MatrixSelfCheck(device.report, folder: device.cacheFolder, warn: options.report) : nil
        guard family.runs(on: device.report) else {
            throw TensorError.executionFailed(
                operation: "VulkanBackend",
                detail: "the kernels of the family lanes need subgroups of \(KernelFamily.laneCounts); "
                    + "\(device.report.name) has \(device.report.limits.subgroupSize)")
        }
    }

    public var name: String { device.report.name }

    public var matrixInputs: MatrixInputs { matrices.isEmpty ? .single : matrixOptions.inputs }

    /// f16 where there are tensor cores, which multiply it many times as fast. Without them arithmetic is f32 in any case, and what f16 saves
    /// of memory is little beside the weights; a software device's products of matrices are no faster than plain ones.
    public var preferredActivations: DType { matrixInputs != .single && !device.report.isSoftware ? .f16 : .f32 }

    /// The commands that operations are recorded on: for profiles, and for what a caller adds in order.
    package var stream: VulkanRuntime.Stream { device.stream }

    public func allocate(_ shape: Shape, _ dtype: DType) throws -> Tensor {
        guard let byteCount = dtype.byteCount(elements: shape.count) else {
            throw TensorError.shapeMismatch(operation: "allocate", detail: "\(dtype) cannot hold \(shape) in whole blocks")
        }
        let storage = try translatingErrors("allocate") {
            try VulkanStorage(device: device, byteCount: byteCount, layout: WeightLayout(dtype))
        }
        return Tensor(shape: shape, dtype: dtype, storage: storage)
    }

    public func upload(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        // A constant of a recording is no part of it.
        try stream.suspendingRecording {
            let tensor = try allocate(shape, dtype)
            try write(bytes, to: tensor)
            return tensor
        }
    }

    /// Copies: a device reads its own memory.
    public func adopt(_ bytes: UnsafeRawBufferPointer, owner: AnyObject, _ shape: Shape, _ dtype: DType) throws -> Tensor {
        try upload(bytes, shape, dtype)
    }

    public func write(_ bytes: UnsafeRawBufferPointer, to tensor: Tensor) throws {
        let storage = try storage(of: tensor, "write")
        guard bytes.count == tensor.byteCount else {
            throw TensorError.shapeMismatch(
                operation: "write", detail: "\(bytes.count) bytes do not fill \(tensor.dtype) \(tensor.shape)")
        }
        try translatingErrors("write") {
            if let layout = WeightLayout(tensor.dtype) { return try writeGroups(bytes, to: tensor, storage, layout) }
            try stream.upload(bytes, to: storage.buffer, byteOffset: tensor.byteOffset)
        }
    }

    public func read(_ tensor: Tensor, into bytes: UnsafeMutableRawBufferPointer) throws {
        let storage = try storage(of: tensor, "read")
        guard bytes.count == tensor.byteCount else {
            throw TensorError.shapeMismatch(
                operation: "read", detail: "\(bytes.count) bytes are not those of \(tensor.dtype) \(tensor.shape)")
        }
        try translatingErrors("read") {
            if let layout = WeightLayout(tensor.dtype) { return try readGroups(of: tensor, into: bytes, storage, layout) }
            try stream.read(storage.buffer, byteOffset: tensor.byteOffset, into: bytes)
        }
    }

    public var tensorMemory: TensorMemory {
        let use = device.memory
        return TensorMemory(
            inUse: use.inUse, peak: use.highWater, unused: use.allocated - use.inUse,
            outsideProcess: device.hasUnifiedMemory ? 0 : use.allocated)
    }

    /// Free ranges of a block serve tensors of any size: what is allocated does not outgrow what was needed at once, so that nothing is to
    /// be limited beyond giving back blocks without tensors.
    public func limitMemory(to byteCount: Int?) throws {
        try device.trimMemory()
        device.resetMemoryPeak()
    }

    public func synchronize() throws {
        try translatingErrors("synchronize") { try stream.synchronize() }
    }
}
