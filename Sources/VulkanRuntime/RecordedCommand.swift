import CVulkan

/// A command as a recording keeps it: enough to write it into a command buffer again. Buffers are named by their ranges; who owns the memory
/// is the recording's business.
struct RecordedCommand {
    enum Work {
        case dispatch(RecordedDispatch)
        case copy(from: VkBuffer, to: VkBuffer, VkBufferCopy)
        case fill(VkBuffer, byteOffset: Int, byteCount: Int, word: UInt32)
    }

    let work: Work
    let uses: [HazardTracker.Use]
}

struct RecordedDispatch {
    let pipeline: Pipeline
    let arguments: [UInt8]
    let operands: [DispatchLog.Operand]
    let groups: (Int, Int, Int)
    let label: String
}

/// Writes commands into a command buffer.
struct CommandWriter {
    let context: DeviceContext
    let layout: VkPipelineLayout
    let commands: VkCommandBuffer
    /// The pipeline bound last, so that it is not bound again; nil when nothing is known to be.
    private var bound: VkPipeline?

    init(_ context: DeviceContext, layout: VkPipelineLayout, commands: VkCommandBuffer) {
        (self.context, self.layout, self.commands) = (context, layout, commands)
    }

    /// What was bound is not known any more.
    mutating func forget() { bound = nil }

    /// - Parameters:
    ///   - checks: The address of the dispatch's check block, in checked mode.
    ///   - timed: Called before the dispatch and after it.
    mutating func dispatch(
        _ pipeline: Pipeline, arguments: UnsafeRawBufferPointer, checks: UInt64?, groups: (Int, Int, Int), timed: () -> Void = {}
    ) {
        let functions = context.functions
        if bound != pipeline.handle {
            functions.cmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle)
            bound = pipeline.handle
        }
        let stage = VK_SHADER_STAGE_COMPUTE_BIT.rawValue
        if arguments.count > 0 {
            functions.cmdPushConstants(commands, layout, stage, 0, UInt32(arguments.count), arguments.baseAddress)
        }
        if var checks { functions.cmdPushConstants(commands, layout, stage, UInt32(CheckBlocks.argumentOffset), 8, &checks) }
        timed()
        functions.cmdDispatch(commands, UInt32(groups.0), UInt32(groups.1), UInt32(groups.2))
        timed()
    }

    func copy(from source: VkBuffer, to destination: VkBuffer, _ region: VkBufferCopy) {
        var region = region
        context.functions.cmdCopyBuffer(commands, source, destination, 1, &region)
    }

    func fill(_ buffer: VkBuffer, byteOffset: Int, byteCount: Int, word: UInt32) {
        context.functions.cmdFillBuffer(commands, buffer, VkDeviceSize(byteOffset), VkDeviceSize(byteCount), word)
    }

    func barrier(_ barrier: PreparedBarrier) {
        barrier.withInfo { context.functions.cmdPipelineBarrier2(commands, $0) }
    }
}
