// Command buffers, which keep count of what is recorded in them and nothing else.
#include "layer.h"

#include <stdlib.h>

typedef struct Commands {
    /// Where the loader keeps its table of functions.
    void *dispatchTable;
    Work work;
    struct Commands *next;
} Commands;

/// Owns its command buffers.
typedef struct {
    Commands *first;
} Pool;

Work workOf(VkCommandBuffer commands) { return ((Commands *)commands)->work; }

static VkResult VKAPI_CALL createPool(
    VkDevice device, const VkCommandPoolCreateInfo *info, const VkAllocationCallbacks *allocator, VkCommandPool *result) {
    *result = (VkCommandPool)calloc(1, sizeof(Pool));
    return *result ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static void VKAPI_CALL destroyPool(VkDevice device, VkCommandPool handle, const VkAllocationCallbacks *allocator) {
    Pool *pool = (Pool *)handle;
    if (!pool) return;
    while (pool->first) {
        Commands *next = pool->first->next;
        free(pool->first);
        pool->first = next;
    }
    free(pool);
}

static VkResult VKAPI_CALL allocate(VkDevice device, const VkCommandBufferAllocateInfo *info, VkCommandBuffer *out) {
    Pool *pool = (Pool *)info->commandPool;
    for (uint32_t i = 0; i < info->commandBufferCount; i++) {
        Commands *commands = calloc(1, sizeof *commands);
        if (!commands) return VK_ERROR_OUT_OF_HOST_MEMORY;
        commands->next = pool->first;
        pool->first = commands;
        out[i] = (VkCommandBuffer)commands;
    }
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL begin(VkCommandBuffer handle, const VkCommandBufferBeginInfo *info) {
    ((Commands *)handle)->work = (Work){0};
    return VK_SUCCESS;
}

static void VKAPI_CALL dispatch(VkCommandBuffer handle, uint32_t x, uint32_t y, uint32_t z) { ((Commands *)handle)->work.dispatches++; }

/// Either form of a barrier, whatever its other arguments.
static void VKAPI_CALL barrier(VkCommandBuffer handle) { ((Commands *)handle)->work.barriers++; }

/// A copy or a fill.
static void VKAPI_CALL copy(VkCommandBuffer handle) { ((Commands *)handle)->work.copies++; }

static void VKAPI_CALL execute(VkCommandBuffer handle, uint32_t count, const VkCommandBuffer *others) {
    Work *work = &((Commands *)handle)->work;
    for (uint32_t i = 0; i < count; i++) {
        Work other = workOf(others[i]);
        work->dispatches += other.dispatches;
        work->barriers += other.barriers;
        work->copies += other.copies;
    }
}

const Substitute commandSubstitutes[] = {
    SUBSTITUTE(vkCreateCommandPool, createPool),
    SUBSTITUTE(vkDestroyCommandPool, destroyPool),
    SUBSTITUTE(vkResetCommandPool, succeed),
    SUBSTITUTE(vkAllocateCommandBuffers, allocate),
    // They go with their pool.
    SUBSTITUTE(vkFreeCommandBuffers, ignore),
    SUBSTITUTE(vkBeginCommandBuffer, begin),
    SUBSTITUTE(vkEndCommandBuffer, succeed),
    SUBSTITUTE(vkResetCommandBuffer, succeed),
    SUBSTITUTE(vkCmdBindPipeline, ignore),
    SUBSTITUTE(vkCmdPushConstants, ignore),
    SUBSTITUTE(vkCmdBindDescriptorSets, ignore),
    SUBSTITUTE(vkCmdDispatch, dispatch),
    SUBSTITUTE(vkCmdExecuteCommands, execute),
    SUBSTITUTE(vkCmdPipelineBarrier, barrier),
    SUBSTITUTE(vkCmdPipelineBarrier2, barrier),
    SUBSTITUTE(vkCmdPipelineBarrier2KHR, barrier),
    SUBSTITUTE(vkCmdSetEvent, ignore),
    SUBSTITUTE(vkCmdWaitEvents, barrier),
    SUBSTITUTE(vkCmdCopyBuffer, copy),
    SUBSTITUTE(vkCmdFillBuffer, copy),
    SUBSTITUTE(vkCmdUpdateBuffer, copy),
    SUBSTITUTE(vkCmdResetQueryPool, ignore),
    SUBSTITUTE(vkCmdWriteTimestamp, ignore),
    SUBSTITUTE(vkCmdWriteTimestamp2, ignore),
    SUBSTITUTE(vkCmdWriteTimestamp2KHR, ignore),
    {NULL, NULL},
};
