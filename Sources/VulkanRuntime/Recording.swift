import CVulkan

/// A stretch of a stream that was recorded once (``Stream/record(isBrief:_:)``) and is replayed as often as wanted (``Stream/replay(_:)``): the
/// same kernels with the same arguments over the same memory, whose contents may have changed in between.
///
/// A recording keeps what it needs: the buffers that were there before it, and the memory of those that were made in it. A buffer that was
/// made in it and outlives it holds, after each replay, what that replay has written.
package final class Recording {
    let context: DeviceContext
    let segments: [RecordedSegment]
    /// Kept for profiles, where each dispatch is written anew between its timestamps.
    let commands: [RecordedCommand]
    /// Blocks whose memory a replay uses.
    let blocks: [MemoryBlock]
    private let buffers: [Buffer]
    private let memory: RecordingMemory
    private let arguments: ArgumentArena
    private let pool: VkCommandPool

    /// The dispatches and copies of a replay.
    package var commandCount: Int { commands.count }
    /// The device memory that is the recording's own, in bytes.
    package var ownBytes: Int { memory.byteCount }

    /// - Parameter longestSegment: The most commands that are submitted together.
    init(
        _ context: DeviceContext, _ recorder: Recorder, layout: VkPipelineLayout, barrier: PreparedBarrier, longestSegment: Int,
        isChecked: Bool
    ) throws(VulkanError) {
        self.context = context
        commands = recorder.commands
        blocks = recorder.blocks
        buffers = recorder.buffers
        memory = recorder.memory
        arguments = recorder.arguments
        let functions = context.functions
        var info = VkCommandPoolCreateInfo()
        info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO
        info.queueFamilyIndex = context.queueFamily
        var pool: VkCommandPool?
        try context.check(functions.createCommandPool(context.handle, &info, nil, &pool), "vkCreateCommandPool")
        self.pool = pool!
        var segments: [RecordedSegment] = []
        do {
            for first in stride(from: 0, to: commands.count, by: longestSegment) {
                segments.append(
                    try RecordedSegment(
                        context, pool: pool!, commands[first..<min(first + longestSegment, commands.count)], layout: layout,
                        barrier: barrier, isChecked: isChecked))
            }
        } catch {
            functions.destroyCommandPool(context.handle, pool, nil)
            throw error
        }
        self.segments = segments
    }

    deinit {
        // The batches that are under way keep the recordings they replay.
        context.functions.destroyCommandPool(context.handle, pool, nil)
    }
}

/// Commands that are replayed together: a secondary command buffer, and what it means for the hazards of the stream it is replayed in.
final class RecordedSegment {
    let commands: VkCommandBuffer
    let commandCount: Int
    let log: DispatchLog
    /// The uses before the first barrier: those that commands before the segment can be in conflict with.
    private(set) var head: [HazardTracker.Use] = []
    /// The uses after the last barrier; all of them where there is none.
    private(set) var tail: [HazardTracker.Use] = []
    private(set) var barrierCount = 0
    /// The serial number of the last batch that replays the segment.
    var lastUse: UInt64 = 0
    private let checks: CheckBlocks?

    init(
        _ context: DeviceContext, pool: VkCommandPool, _ work: ArraySlice<RecordedCommand>, layout: VkPipelineLayout,
        barrier: PreparedBarrier, isChecked: Bool
    ) throws(VulkanError) {
        let functions = context.functions
        var info = VkCommandBufferAllocateInfo()
        info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO
        info.commandPool = pool
        info.level = VK_COMMAND_BUFFER_LEVEL_SECONDARY
        info.commandBufferCount = 1
        var buffer: VkCommandBuffer?
        try context.check(functions.allocateCommandBuffers(context.handle, &info, &buffer), "vkAllocateCommandBuffers")
        commands = buffer!
        commandCount = work.count
        checks = isChecked ? try CheckBlocks(context, capacity: work.count) : nil
        var inheritance = VkCommandBufferInheritanceInfo()
        inheritance.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO
        let result = withUnsafePointer(to: &inheritance) { inheritance in
            var info = VkCommandBufferBeginInfo()
            info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO
            // It is replayed again while an earlier replay is under way.
            info.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT.rawValue
            info.pInheritanceInfo = inheritance
            return functions.beginCommandBuffer(buffer, &info)
        }
        try context.check(result, "vkBeginCommandBuffer")

        var (log, hazards) = (DispatchLog(capacity: work.count), HazardTracker())
        var writer = CommandWriter(context, layout: layout, commands: buffer!)
        for command in work {
            if command.uses.contains(where: { hazards.conflicts($0) }) {
                writer.barrier(barrier)
                hazards.barrier()
                barrierCount += 1
                tail.removeAll()
            }
            for use in command.uses { hazards.record(use) }
            tail += command.uses
            if barrierCount == 0 { head += command.uses }
            switch command.work {
            case .dispatch(let dispatch):
                let check = checks?.prepare(log.count, lengths: dispatch.operands.lazy.map(\.byteCount))
                log.append(dispatch.pipeline, label: dispatch.label, operands: dispatch.operands)
                dispatch.arguments.withUnsafeBytes {
                    writer.dispatch(dispatch.pipeline, arguments: $0, checks: check, groups: dispatch.groups)
                }
            case .copy(let source, let destination, let region): writer.copy(from: source, to: destination, region)
            case .fill(let buffer, let offset, let count, let word): writer.fill(buffer, byteOffset: offset, byteCount: count, word: word)
            }
        }
        self.log = log
        try context.check(functions.endCommandBuffer(buffer), "vkEndCommandBuffer")
    }

    /// What checked kernels found out of bounds, once a replay is done.
    func firstFault() -> VulkanError? { checks?.firstFault(log.kernels) }

    /// Forgets what was found.
    /// - Precondition: no replay is under way.
    func clearFaults() { checks?.clear() }
}
