import CVulkan

/// The barriers of a stream, prepared once: memory is not told apart by them, only by whether one is recorded.
struct FullBarrier {
    /// Later kernels and copies see what earlier ones wrote, and write only after earlier ones have read.
    let betweenCommands: PreparedBarrier
    /// The host sees what kernels and copies wrote, once it has waited for the batch.
    let toHost: PreparedBarrier

    init() {
        let stages = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT
        let writes = VK_ACCESS_2_SHADER_WRITE_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT
        let all = writes | VK_ACCESS_2_SHADER_READ_BIT | VK_ACCESS_2_TRANSFER_READ_BIT
        betweenCommands = PreparedBarrier(from: (stages, writes), to: (stages, all))
        toHost = PreparedBarrier(from: (stages, writes), to: (VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT))
    }
}

/// A memory barrier with the structure that vkCmdPipelineBarrier2 takes.
final class PreparedBarrier {
    private let barrier: UnsafeMutablePointer<VkMemoryBarrier2>
    private let info: UnsafeMutablePointer<VkDependencyInfo>

    init(
        from source: (VkPipelineStageFlags2, VkAccessFlags2), to destination: (VkPipelineStageFlags2, VkAccessFlags2)
    ) {
        var memory = VkMemoryBarrier2()
        memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2
        (memory.srcStageMask, memory.srcAccessMask) = source
        (memory.dstStageMask, memory.dstAccessMask) = destination
        barrier = .allocate(capacity: 1)
        barrier.initialize(to: memory)
        var dependency = VkDependencyInfo()
        dependency.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO
        dependency.memoryBarrierCount = 1
        dependency.pMemoryBarriers = UnsafePointer(barrier)
        info = .allocate(capacity: 1)
        info.initialize(to: dependency)
    }

    func withInfo(_ body: (UnsafePointer<VkDependencyInfo>) -> Void) { body(info) }

    deinit {
        info.deallocate()
        barrier.deallocate()
    }
}
