import Foundation

/// A Vulkan device, opened: its memory, its kernels and its stream of commands.
public final class Device {
    public let report: DeviceReport
    package let stream: Stream
    /// Whether kernels are to be the `+checked` ones (``DeviceOptions/checked``).
    package let isChecked: Bool
    /// The folder that compiled pipelines, and what else is known of the device, are kept in between runs; nil for none.
    public let cacheFolder: URL?

    /// Whether device memory is the host's memory and the host writes it in place.
    package var hasUnifiedMemory: Bool { context.hasUnifiedMemory }

    private let context: DeviceContext
    private let pool: MemoryPool
    private let pipelines: PipelineStore

    /// Opens a device.
    /// - Parameter index: its place in ``VulkanSystem/reports(library:)``.
    /// - Throws: ``VulkanError/noDevice(_:)`` with the reasons when the device cannot be used, ``VulkanError/layerMissing(name:)`` when
    ///   validation is asked for and not installed.
    public convenience init(index: Int, options: DeviceOptions = DeviceOptions()) throws {
        try self.init(index: index, options: options) { _ in }
    }

    /// Opens a device some of whose functions are others than the driver's.
    package init(index: Int, options: DeviceOptions, substituting substitute: (inout DeviceFunctions) -> Void) throws {
        context = try DeviceContext(index: index, options: options, substituting: substitute)
        report = context.report
        isChecked = options.checked
        cacheFolder = options.pipelineCacheFolder
        pool = MemoryPool(context, blockSize: options.blockSize, limit: options.memoryLimit)
        pipelines = try PipelineStore(context, folder: options.pipelineCacheFolder)
        stream = try Stream(context, layout: pipelines.layout, options: options)
    }

    /// Device memory, its contents undefined; while a stretch of the stream is recorded, memory of the recording. When nothing is free, waits for the stream and gives unused blocks back before failing.
    /// - Throws: ``VulkanError/outOfMemory(device:requested:inUse:allocated:budget:)``; the device stays usable.
    package func makeBuffer(byteCount: Int) throws -> Buffer {
        precondition(byteCount >= 0)
        try context.throwIfLost()
        if let recorder = stream.recorder { return try recorder.memory.allocate(byteCount: byteCount, takeMemory) }
        return try takeMemory(byteCount: byteCount)
    }

    private func takeMemory(byteCount: Int) throws -> Buffer {
        if let buffer = try pool.allocate(byteCount: byteCount) { return buffer }
        try stream.finish()
        pool.trim()
        if let buffer = try pool.allocate(byteCount: byteCount) { return buffer }
        let use = pool.use
        throw VulkanError.outOfMemory(
            device: report.name, requested: byteCount, inUse: use.inUse, allocated: use.allocated, budget: use.budget)
    }

    /// A kernel compiled with its specialization constants; compiled once for each combination.
    /// - Parameters:
    ///   - specialization: constant `i` has the value `specialization[i]`; 0, 1 and 2 are the work group's size.
    ///   - subgroupSize: the size the kernel is laid out for; nil for the device's default.
    ///   - usesFullSubgroups: whether every subgroup must have all its lanes, as cooperative matrices need; the work group is then a
    ///     multiple of the subgroup along x.
    /// - Throws: ``VulkanError/invalidDispatch(kernel:reason:)`` when the work group is too large for the device.
    package func pipeline(
        _ code: ShaderCode, specialization: [UInt32], subgroupSize: Int? = nil, usesFullSubgroups: Bool = false
    ) throws -> Pipeline {
        try context.throwIfLost()
        return try pipelines.pipeline(
            code, specialization: specialization, subgroupSize: subgroupSize,
            usesFullSubgroups: usesFullSubgroups && report.features.contains(.computeFullSubgroups))
    }

    /// Keeps what the driver has compiled for the next run. Also done when the device is closed.
    package func savePipelines() { pipelines.save() }

    /// What the driver made of the kernels that were used so far; empty unless ``DeviceOptions/describesPipelines``.
    public var pipelineDescriptions: [PipelineDescription] { pipelines.descriptions }

    /// How much device memory is allocated and used.
    public var memory: MemoryUse { pool.use }

    /// Counts the high-water mark of ``memory`` anew from what is in use.
    package func resetMemoryPeak() { pool.resetHighWater() }

    /// Gives unused memory back to the driver, after waiting for the stream.
    public func trimMemory() throws {
        try stream.finish()
        pool.trim()
    }

    /// What the validation layer has warned of; empty without it.
    public var validationMessages: [String] { validationLog?.messages ?? [] }

    /// The same, for after the device is closed.
    package var validationLog: ValidationLog? { context.instance.validation }
}
