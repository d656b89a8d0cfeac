import Foundation
import Foundations

/// How a device is opened.
public struct DeviceOptions: Sendable {
    /// Runs under the validation layer, whose messages are collected in ``Device/validationMessages``.
    public var validation = false
    /// Kernels are the `+checked` ones and report indices out of bounds.
    public var checked = false
    /// The most device memory to allocate, in bytes; nil for what the device has.
    public var memoryLimit: Int?
    /// The size of the blocks that buffers are cut from, in bytes. A larger buffer has a block of its own.
    public var blockSize = 64 << 20
    /// The most dispatches in one submission. Long submissions lose devices to the driver's watchdog.
    public var dispatchesPerBatch = 64
    /// Whether the host writes and reads device memory in place where it can. Otherwise all data goes through staging buffers, as it does
    /// on devices with their own memory.
    public var mapsDeviceMemory = true
    /// The folder that compiled pipelines are kept in between runs; nil to keep none.
    public var pipelineCacheFolder: URL? = CacheFolder.url
    /// Whether the driver is asked what it makes of each kernel (``Device/pipelineDescriptions``). Kernels are then compiled anew, not taken from
    /// ``pipelineCacheFolder``.
    public var describesPipelines = false
    /// Whether descriptions of pipelines hold the driver's listings, too (``PipelineDescription/forms``), a few hundred KB each.
    public var keepsPipelineForms = false

    public init() {}
}
