import CVulkan
import Foundation

/// Warnings and errors of the validation layer, which arrive on any thread.
package final class ValidationLog: @unchecked Sendable {
    private let lock = NSLock()
    private var collected: [String] = []

    package var messages: [String] { lock.withLock { collected } }

    private func add(_ message: String) { lock.withLock { collected.append(message) } }

    /// Describes a messenger that appends to this log, which must outlive it.
    var createInfo: VkDebugUtilsMessengerCreateInfoEXT {
        var info = VkDebugUtilsMessengerCreateInfoEXT()
        info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT
        info.messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT.rawValue | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT.rawValue
        // Not the general ones: in those, the loader tells of drivers for hardware that the machine does not have.
        info.messageType =
            VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT.rawValue | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT.rawValue
        info.pfnUserCallback = { _, _, data, log in
            if let log, let message = data?.pointee.pMessage {
                Unmanaged<ValidationLog>.fromOpaque(log).takeUnretainedValue().add(String(cString: message))
            }
            return VkBool32(VK_FALSE)
        }
        info.pUserData = Unmanaged.passUnretained(self).toOpaque()
        return info
    }
}
