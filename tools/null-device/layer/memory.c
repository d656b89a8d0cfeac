// Memory of the device: address space of the host, whose pages the system makes where they are written and which read as zeros elsewhere. A buffer's
// address is where it lies.
#define _GNU_SOURCE
#include "layer.h"

#include <stdlib.h>
#include <sys/mman.h>

typedef struct {
    char *bytes;
    size_t size;
} Memory;

typedef struct {
    char *bytes;
    VkDeviceSize size;
} Buffer;

static VkResult VKAPI_CALL allocateMemory(
    VkDevice device, const VkMemoryAllocateInfo *info, const VkAllocationCallbacks *allocator, VkDeviceMemory *result) {
    Memory *memory = malloc(sizeof *memory);
    if (!memory) return VK_ERROR_OUT_OF_HOST_MEMORY;
    memory->size = info->allocationSize;
    memory->bytes = mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory->bytes == MAP_FAILED) {
        free(memory);
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    *result = (VkDeviceMemory)memory;
    return VK_SUCCESS;
}

static void VKAPI_CALL freeMemory(VkDevice device, VkDeviceMemory handle, const VkAllocationCallbacks *allocator) {
    Memory *memory = (Memory *)handle;
    if (!memory) return;
    munmap(memory->bytes, memory->size);
    free(memory);
}

static VkResult VKAPI_CALL mapMemory(
    VkDevice device, VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags, void **result) {
    *result = ((Memory *)memory)->bytes + offset;
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL createBuffer(
    VkDevice device, const VkBufferCreateInfo *info, const VkAllocationCallbacks *allocator, VkBuffer *result) {
    Buffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer) return VK_ERROR_OUT_OF_HOST_MEMORY;
    buffer->size = info->size;
    *result = (VkBuffer)buffer;
    return VK_SUCCESS;
}

static void VKAPI_CALL destroyBuffer(VkDevice device, VkBuffer buffer, const VkAllocationCallbacks *allocator) { free((void *)buffer); }

static void VKAPI_CALL bufferRequirements(VkDevice device, VkBuffer buffer, VkMemoryRequirements *out) {
    *out = (VkMemoryRequirements){.size = ((Buffer *)buffer)->size, .alignment = 256, .memoryTypeBits = 7};
}

static void VKAPI_CALL bufferRequirements2(VkDevice device, const VkBufferMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *out) {
    bufferRequirements(device, info->buffer, &out->memoryRequirements);
}

static VkResult VKAPI_CALL bindBuffer(VkDevice device, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset) {
    ((Buffer *)buffer)->bytes = ((Memory *)memory)->bytes + offset;
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL bindBuffers(VkDevice device, uint32_t count, const VkBindBufferMemoryInfo *infos) {
    for (uint32_t i = 0; i < count; i++) bindBuffer(device, infos[i].buffer, infos[i].memory, infos[i].memoryOffset);
    return VK_SUCCESS;
}

static VkDeviceAddress VKAPI_CALL bufferAddress(VkDevice device, const VkBufferDeviceAddressInfo *info) {
    return (VkDeviceAddress)((Buffer *)info->buffer)->bytes;
}

const Substitute memorySubstitutes[] = {
    SUBSTITUTE(vkAllocateMemory, allocateMemory),
    SUBSTITUTE(vkFreeMemory, freeMemory),
    SUBSTITUTE(vkMapMemory, mapMemory),
    SUBSTITUTE(vkUnmapMemory, ignore),
    SUBSTITUTE(vkFlushMappedMemoryRanges, succeed),
    SUBSTITUTE(vkInvalidateMappedMemoryRanges, succeed),
    SUBSTITUTE(vkCreateBuffer, createBuffer),
    SUBSTITUTE(vkDestroyBuffer, destroyBuffer),
    SUBSTITUTE(vkGetBufferMemoryRequirements, bufferRequirements),
    SUBSTITUTE(vkGetBufferMemoryRequirements2, bufferRequirements2),
    SUBSTITUTE(vkGetBufferMemoryRequirements2KHR, bufferRequirements2),
    SUBSTITUTE(vkBindBufferMemory, bindBuffer),
    SUBSTITUTE(vkBindBufferMemory2, bindBuffers),
    SUBSTITUTE(vkBindBufferMemory2KHR, bindBuffers),
    SUBSTITUTE(vkGetBufferDeviceAddress, bufferAddress),
    SUBSTITUTE(vkGetBufferDeviceAddressKHR, bufferAddress),
    SUBSTITUTE(vkGetBufferDeviceAddressEXT, bufferAddress),
    {NULL, NULL},
};
