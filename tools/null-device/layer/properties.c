// What the device says of itself.
#include "layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static PFN_vkGetPhysicalDeviceProperties driverProperties;
static PFN_vkGetPhysicalDeviceProperties2 driverProperties2;
static PFN_vkGetPhysicalDeviceMemoryProperties2 driverMemoryProperties2;

void findProperties(PFN_vkGetInstanceProcAddr next, VkInstance instance) {
    driverProperties = (PFN_vkGetPhysicalDeviceProperties)next(instance, "vkGetPhysicalDeviceProperties");
    driverProperties2 = (PFN_vkGetPhysicalDeviceProperties2)next(instance, "vkGetPhysicalDeviceProperties2");
    driverMemoryProperties2 = (PFN_vkGetPhysicalDeviceMemoryProperties2)next(instance, "vkGetPhysicalDeviceMemoryProperties2");
}

/// The sizes of `NULL_DEVICE_SUBGROUPS`.
static bool subgroupSizes(uint32_t *least, uint32_t *most) {
    const char *text = setting("NULL_DEVICE_SUBGROUPS");
    return text && sscanf(text, "%u:%u", least, most) == 2;
}

/// Made-up times are in nanoseconds.
static void changeLimits(VkPhysicalDeviceLimits *limits) {
    if (!setting("NULL_DEVICE_RUNS")) limits->timestampPeriod = 1;
}

static void VKAPI_CALL properties(VkPhysicalDevice physical, VkPhysicalDeviceProperties *out) {
    driverProperties(physical, out);
    changeLimits(&out->limits);
}

static void VKAPI_CALL properties2(VkPhysicalDevice physical, VkPhysicalDeviceProperties2 *out) {
    driverProperties2(physical, out);
    changeLimits(&out->properties.limits);
    uint32_t least, most;
    if (!subgroupSizes(&least, &most)) return;
    for (VkBaseOutStructure *each = (void *)out->pNext; each; each = each->pNext) {
        if (each->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES) {
            VkPhysicalDeviceVulkan13Properties *all = (void *)each;
            all->minSubgroupSize = least;
            all->maxSubgroupSize = most;
            all->requiredSubgroupSizeStages = 0;
        } else if (each->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES) {
            VkPhysicalDeviceSubgroupSizeControlProperties *all = (void *)each;
            all->minSubgroupSize = least;
            all->maxSubgroupSize = most;
            all->requiredSubgroupSizeStages = 0;
        }
    }
}

/// A heap of the device's own and one of the host's, as on a card.
static void VKAPI_CALL memoryProperties2(VkPhysicalDevice physical, VkPhysicalDeviceMemoryProperties2 *out) {
    if (setting("NULL_DEVICE_RUNS")) {
        driverMemoryProperties2(physical, out);
        return;
    }
    const char *asked = setting("NULL_DEVICE_MEMORY");
    VkDeviceSize own = (VkDeviceSize)(asked ? atoi(asked) : 64) << 30, host = 8ull << 30;
    const VkMemoryPropertyFlags written = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    out->memoryProperties = (VkPhysicalDeviceMemoryProperties){
        .memoryHeapCount = 2,
        .memoryHeaps = {{own, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}, {host, 0}},
        .memoryTypeCount = 3,
        .memoryTypes = {
            {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0},
            {written, 1},
            {written | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, 1},
        },
    };
    for (VkBaseOutStructure *each = (void *)out->pNext; each; each = each->pNext) {
        if (each->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT) continue;
        VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget = (void *)each;
        memset(budget->heapBudget, 0, sizeof budget->heapBudget);
        memset(budget->heapUsage, 0, sizeof budget->heapUsage);
        budget->heapBudget[0] = own;
        budget->heapBudget[1] = host;
    }
}

static void VKAPI_CALL memoryProperties(VkPhysicalDevice physical, VkPhysicalDeviceMemoryProperties *out) {
    VkPhysicalDeviceMemoryProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
    memoryProperties2(physical, &all);
    *out = all.memoryProperties;
}

const Substitute propertySubstitutes[] = {
    SUBSTITUTE(vkGetPhysicalDeviceProperties, properties),
    SUBSTITUTE(vkGetPhysicalDeviceProperties2, properties2),
    SUBSTITUTE(vkGetPhysicalDeviceProperties2KHR, properties2),
    SUBSTITUTE(vkGetPhysicalDeviceMemoryProperties, memoryProperties),
    SUBSTITUTE(vkGetPhysicalDeviceMemoryProperties2, memoryProperties2),
    SUBSTITUTE(vkGetPhysicalDeviceMemoryProperties2KHR, memoryProperties2),
    {NULL, NULL},
};
