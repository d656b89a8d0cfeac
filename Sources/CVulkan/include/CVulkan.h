#ifndef MONGE_CVULKAN_H
#define MONGE_CVULKAN_H
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>
#endif
