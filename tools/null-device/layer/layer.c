// A Vulkan layer that makes a device of a driver without its hardware.
//
// The driver compiles pipelines as it always does. What would need the hardware is made up: memory is the host's and full of zeros, a submission
// is done as soon as it is made, and nothing is computed. So what kernels are compiled to is real, and the time that a program itself
// takes is; results and the device's times are not.
//
//   NULL_DEVICE_MEMORY=GIB          the device's memory (default: 64; it is the host's address space alone until the host writes to it)
//   NULL_DEVICE_SUBGROUPS=MIN:MAX   the sizes of subgroups that the device says it has, none of which can be asked for, as on MoltenVK
//   NULL_DEVICE_COUNTS=FILE         what was submitted: a line for each time that the program waited for the device (queue.c)
//   NULL_DEVICE_RUNS=1              the device is the driver's own in all but what it says it has: for drivers that run on this machine
//
// A function that takes a command buffer or a queue and is not in a table below is said to be missing: the driver knows nothing of the handles.
#define _GNU_SOURCE
#include "layer.h"

#include <stdlib.h>
#include <string.h>

static PFN_vkGetInstanceProcAddr nextInstanceFunction;
static PFN_vkGetDeviceProcAddr nextDeviceFunction;
static VkInstance instance;

VkResult VKAPI_CALL succeed(void) { return VK_SUCCESS; }
void VKAPI_CALL ignore(void) {}

const char *setting(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static VkResult VKAPI_CALL createInstance(
    const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *result) {
    VkLayerInstanceCreateInfo *link = (void *)info->pNext;
    while (link && !(link->sType == VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO && link->function == VK_LAYER_LINK_INFO)) {
        link = (void *)link->pNext;
    }
    if (!link) return VK_ERROR_INITIALIZATION_FAILED;
    nextInstanceFunction = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    PFN_vkCreateInstance create = (PFN_vkCreateInstance)nextInstanceFunction(NULL, "vkCreateInstance");
    VkResult status = create(info, allocator, result);
    if (status != VK_SUCCESS) return status;
    instance = *result;
    findProperties(nextInstanceFunction, instance);
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL createDevice(
    VkPhysicalDevice physical, const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *result) {
    VkLayerDeviceCreateInfo *link = (void *)info->pNext;
    while (link && !(link->sType == VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO && link->function == VK_LAYER_LINK_INFO)) {
        link = (void *)link->pNext;
    }
    if (!link) return VK_ERROR_INITIALIZATION_FAILED;
    PFN_vkGetInstanceProcAddr next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    nextDeviceFunction = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    return ((PFN_vkCreateDevice)next(instance, "vkCreateDevice"))(physical, info, allocator, result);
}

static PFN_vkVoidFunction VKAPI_CALL deviceFunction(VkDevice device, const char *name);

static const Substitute links[] = {
    SUBSTITUTE(vkCreateInstance, createInstance),
    SUBSTITUTE(vkCreateDevice, createDevice),
    SUBSTITUTE(vkGetDeviceProcAddr, deviceFunction),
    {NULL, NULL},
};

static PFN_vkVoidFunction search(const Substitute *table, const char *name) {
    for (; table->name; table++) {
        if (!strcmp(table->name, name)) return table->function;
    }
    return NULL;
}

static PFN_vkVoidFunction substitute(const char *name) {
    const Substitute *const tables[] = {links, propertySubstitutes, memorySubstitutes, commandSubstitutes, queueSubstitutes};
    size_t count = setting("NULL_DEVICE_RUNS") ? 2 : sizeof tables / sizeof *tables;
    for (size_t i = 0; i < count; i++) {
        PFN_vkVoidFunction found = search(tables[i], name);
        if (found) return found;
    }
    return NULL;
}

static bool takesMadeUpHandles(const char *name) {
    return !setting("NULL_DEVICE_RUNS") && (!strncmp(name, "vkCmd", 5) || !strncmp(name, "vkQueue", 7));
}

static PFN_vkVoidFunction VKAPI_CALL deviceFunction(VkDevice device, const char *name) {
    PFN_vkVoidFunction own = substitute(name);
    return own || takesMadeUpHandles(name) ? own : nextDeviceFunction(device, name);
}

static PFN_vkVoidFunction VKAPI_CALL instanceFunction(VkInstance of, const char *name) {
    if (!strcmp(name, "vkGetInstanceProcAddr")) return (PFN_vkVoidFunction)instanceFunction;
    PFN_vkVoidFunction own = substitute(name);
    if (own || takesMadeUpHandles(name)) return own;
    return nextInstanceFunction ? nextInstanceFunction(of, name) : NULL;
}

/// The only name that the loader looks for.
__attribute__((visibility("default"))) VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *interface) {
    interface->loaderLayerInterfaceVersion = 2;
    interface->pfnGetInstanceProcAddr = instanceFunction;
    interface->pfnGetDeviceProcAddr = deviceFunction;
    interface->pfnGetPhysicalDeviceProcAddr = NULL;
    return VK_SUCCESS;
}
