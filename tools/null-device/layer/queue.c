// Queues and what waits for them: every submission is done when it has been made.
//
// NULL_DEVICE_COUNTS names a file that gets a line of JSON for each wait that follows a submission: what was submitted since the wait before. Programs
// can also ask for the sums (null_device_counts).
#include "layer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Of the whole program.
static Work done;
static uint64_t submissions;

/// What had been done at the last wait.
static Work doneBefore;
static uint64_t submissionsBefore;

/// Dispatches, barriers, copies and submissions so far.
__attribute__((visibility("default"))) void null_device_counts(uint64_t counts[4]) {
    counts[0] = done.dispatches;
    counts[1] = done.barriers;
    counts[2] = done.copies;
    counts[3] = submissions;
}

static FILE *countFile(void) {
    static FILE *file;
    static bool isOpened;
    if (!isOpened) {
        isOpened = true;
        if (setting("NULL_DEVICE_COUNTS")) file = fopen(setting("NULL_DEVICE_COUNTS"), "a");
    }
    return file;
}

static VkResult VKAPI_CALL waited(void) {
    FILE *file = countFile();
    if (!file || submissions == submissionsBefore) return VK_SUCCESS;
    fprintf(file,
        "{\"dispatches\": %" PRIu64 ", \"barriers\": %" PRIu64 ", \"copies\": %" PRIu64 ", \"submissions\": %" PRIu64 "}\n",
        done.dispatches - doneBefore.dispatches, done.barriers - doneBefore.barriers, done.copies - doneBefore.copies,
        submissions - submissionsBefore);
    doneBefore = done;
    submissionsBefore = submissions;
    return VK_SUCCESS;
}

static void add(VkCommandBuffer commands) {
    Work work = workOf(commands);
    done.dispatches += work.dispatches;
    done.barriers += work.barriers;
    done.copies += work.copies;
}

// ---- semaphores: the last value that was signalled

static void signal(VkSemaphore semaphore, uint64_t value) { *(uint64_t *)semaphore = value; }

static VkResult VKAPI_CALL createSemaphore(
    VkDevice device, const VkSemaphoreCreateInfo *info, const VkAllocationCallbacks *allocator, VkSemaphore *result) {
    uint64_t *value = calloc(1, sizeof *value);
    if (!value) return VK_ERROR_OUT_OF_HOST_MEMORY;
    for (const VkBaseInStructure *each = info->pNext; each; each = each->pNext) {
        if (each->sType == VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO) *value = ((const VkSemaphoreTypeCreateInfo *)each)->initialValue;
    }
    *result = (VkSemaphore)value;
    return VK_SUCCESS;
}

static void VKAPI_CALL destroySemaphore(VkDevice device, VkSemaphore semaphore, const VkAllocationCallbacks *allocator) {
    free((void *)semaphore);
}

static VkResult VKAPI_CALL semaphoreValue(VkDevice device, VkSemaphore semaphore, uint64_t *value) {
    *value = *(uint64_t *)semaphore;
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL signalSemaphore(VkDevice device, const VkSemaphoreSignalInfo *info) {
    signal(info->semaphore, info->value);
    return VK_SUCCESS;
}

// ---- submissions

static VkResult VKAPI_CALL submit2(VkQueue queue, uint32_t count, const VkSubmitInfo2 *infos, VkFence fence) {
    submissions++;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < infos[i].commandBufferInfoCount; k++) add(infos[i].pCommandBufferInfos[k].commandBuffer);
        for (uint32_t k = 0; k < infos[i].signalSemaphoreInfoCount; k++) {
            signal(infos[i].pSignalSemaphoreInfos[k].semaphore, infos[i].pSignalSemaphoreInfos[k].value);
        }
    }
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL submit(VkQueue queue, uint32_t count, const VkSubmitInfo *infos, VkFence fence) {
    submissions++;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < infos[i].commandBufferCount; k++) add(infos[i].pCommandBuffers[k]);
        for (const VkBaseInStructure *each = infos[i].pNext; each; each = each->pNext) {
            if (each->sType != VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO) continue;
            const VkTimelineSemaphoreSubmitInfo *values = (const void *)each;
            for (uint32_t k = 0; k < values->signalSemaphoreValueCount; k++) {
                signal(infos[i].pSignalSemaphores[k], values->pSignalSemaphoreValues[k]);
            }
        }
    }
    return VK_SUCCESS;
}

// ---- queries, fences, events, descriptor sets: handles without anything behind them

static VkResult VKAPI_CALL makeHandle(VkDevice device, const void *info, const VkAllocationCallbacks *allocator, uint64_t *handle) {
    static uint64_t last;
    *handle = ++last;
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL eventIsSet(VkDevice device, VkEvent event) { return VK_EVENT_SET; }

static VkResult VKAPI_CALL allocateSets(VkDevice device, const VkDescriptorSetAllocateInfo *info, VkDescriptorSet *sets) {
    for (uint32_t i = 0; i < info->descriptorSetCount; i++) makeHandle(device, NULL, NULL, (uint64_t *)&sets[i]);
    return VK_SUCCESS;
}

/// Times that go up by 20 µs from one to the next, since nothing may seem to take no time.
static VkResult VKAPI_CALL queryResults(
    VkDevice device, VkQueryPool pool, uint32_t first, uint32_t count, size_t size, void *data, VkDeviceSize stride, VkQueryResultFlags flags) {
    static uint64_t now = 1;
    for (uint32_t i = 0; i < count; i++) {
        now += 20000;
        if (flags & VK_QUERY_RESULT_64_BIT) {
            memcpy((char *)data + i * stride, &now, sizeof now);
        } else {
            uint32_t low = (uint32_t)now;
            memcpy((char *)data + i * stride, &low, sizeof low);
        }
    }
    return VK_SUCCESS;
}

const Substitute queueSubstitutes[] = {
    SUBSTITUTE(vkQueueSubmit, submit),
    SUBSTITUTE(vkQueueSubmit2, submit2),
    SUBSTITUTE(vkQueueSubmit2KHR, submit2),
    SUBSTITUTE(vkQueueWaitIdle, waited),
    SUBSTITUTE(vkDeviceWaitIdle, waited),
    SUBSTITUTE(vkCreateSemaphore, createSemaphore),
    SUBSTITUTE(vkDestroySemaphore, destroySemaphore),
    SUBSTITUTE(vkWaitSemaphores, waited),
    SUBSTITUTE(vkWaitSemaphoresKHR, waited),
    SUBSTITUTE(vkGetSemaphoreCounterValue, semaphoreValue),
    SUBSTITUTE(vkGetSemaphoreCounterValueKHR, semaphoreValue),
    SUBSTITUTE(vkSignalSemaphore, signalSemaphore),
    SUBSTITUTE(vkSignalSemaphoreKHR, signalSemaphore),
    SUBSTITUTE(vkCreateFence, makeHandle),
    SUBSTITUTE(vkDestroyFence, ignore),
    SUBSTITUTE(vkResetFences, succeed),
    SUBSTITUTE(vkGetFenceStatus, waited),
    SUBSTITUTE(vkWaitForFences, waited),
    SUBSTITUTE(vkCreateEvent, makeHandle),
    SUBSTITUTE(vkDestroyEvent, ignore),
    SUBSTITUTE(vkGetEventStatus, eventIsSet),
    SUBSTITUTE(vkSetEvent, succeed),
    SUBSTITUTE(vkResetEvent, succeed),
    SUBSTITUTE(vkCreateQueryPool, makeHandle),
    SUBSTITUTE(vkDestroyQueryPool, ignore),
    SUBSTITUTE(vkGetQueryPoolResults, queryResults),
    SUBSTITUTE(vkCreateDescriptorPool, makeHandle),
    SUBSTITUTE(vkDestroyDescriptorPool, ignore),
    SUBSTITUTE(vkResetDescriptorPool, succeed),
    SUBSTITUTE(vkAllocateDescriptorSets, allocateSets),
    SUBSTITUTE(vkFreeDescriptorSets, succeed),
    SUBSTITUTE(vkUpdateDescriptorSets, ignore),
    {NULL, NULL},
};
