// VulkanRuntime
