import Tensors
import VulkanBackend

/// What a budget leaves where nothing has run yet, beyond what a ``RehearsalBackend`` counts: for what the system rounds up, the program's own
/// arrays, and what operations take for themselves while they run.
enum UnforeseenMemory {
    static func bytes(on backend: any Backend) -> Int {
        // A driver compiles kernels in the process, and keeps them there; uploads are staged.
        backend is VulkanBackend ? 256 << 20 : 48 << 20
    }
}
