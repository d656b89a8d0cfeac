// A Vulkan layer that makes a device of a driver without its hardware; layer.c says how it is used.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

/// A function of Vulkan and what stands in its place. Where nothing is to be done, `succeed` and `ignore` stand for functions with arguments: the
/// calling conventions of the platforms with Vulkan let a function leave its arguments alone.
typedef struct {
    const char *name;
    PFN_vkVoidFunction function;
} Substitute;

#define SUBSTITUTE(name, function) {#name, (PFN_vkVoidFunction)function}

/// Tables of substitutes, each ended by an entry without a name.
extern const Substitute propertySubstitutes[];
extern const Substitute memorySubstitutes[];
extern const Substitute commandSubstitutes[];
extern const Substitute queueSubstitutes[];

VkResult VKAPI_CALL succeed(void);
void VKAPI_CALL ignore(void);

/// An environment variable, NULL where it is not set or empty.
const char *setting(const char *name);

/// Finds the driver's functions for what ``propertySubstitutes`` stands in for. Called when the instance is made: later, some loaders give the
/// layer's own.
void findProperties(PFN_vkGetInstanceProcAddr next, VkInstance instance);

/// What a command buffer or a program has for the device to do.
typedef struct {
    uint64_t dispatches, barriers, copies;
} Work;

/// The work of a command buffer, what it executes of others included.
Work workOf(VkCommandBuffer commands);
