// VulkanBackend
