// swift-tools-version: 6.1
import PackageDescription

// Imports point one way: MongeCLI → Monge → Models, Transport, CrossCheck → Tensors; a backend → Tensors
// (and VulkanRuntime). Models never import a backend.
let package = Package(
    name: "Monge",
    products: [
        .library(name: "Monge", targets: ["Monge"]),
        .library(name: "VulkanBackend", targets: ["VulkanBackend", "Tensors", "VulkanRuntime"]),
        .executable(name: "monge", targets: ["MongeCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // C: headers, shims, and the vector kernels of the CPU.
        .target(name: "CVulkan"),
        .target(name: "CSimd"),
        .systemLibrary(name: "CGlslang"),

        // The layers, from the machine up to the command.
        .target(name: "VulkanRuntime", dependencies: ["CVulkan"]),
        .target(name: "Tensors"),
        .target(name: "CPUBackend", dependencies: ["Tensors", "CSimd"]),
        .target(
            name: "VulkanBackend", dependencies: ["Tensors", "VulkanRuntime"],
            plugins: ["CompileShaders"]),
        .target(name: "ModelFiles", dependencies: ["Tensors"]),
        .target(name: "Transport", dependencies: ["ModelFiles"]),
        .target(name: "Models", dependencies: ["Tensors", "ModelFiles"]),
        .target(name: "CrossCheck", dependencies: ["Tensors"]),
        .target(
            name: "Monge",
            dependencies: ["Models", "ModelFiles", "Transport", "CrossCheck", "Tensors", "CPUBackend", "VulkanBackend"]),
        .executableTarget(
            name: "MongeCLI",
            dependencies: [
                "Monge", "CPUBackend", "CrossCheck", "ModelFiles", "Tensors", "Transport", "VulkanBackend", "VulkanRuntime",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // The shader build: a compiler over glslang, and the build-tool plugin that runs it.
        .target(name: "ShaderCompilation", dependencies: ["CGlslang"], path: "tools/ShaderCompilation"),
        .executableTarget(name: "ShaderCompiler", dependencies: ["ShaderCompilation"], path: "tools/ShaderCompiler"),
        .plugin(
            name: "CompileShaders", capability: .buildTool(), dependencies: ["ShaderCompiler"],
            path: "tools/CompileShaders"),
        // Tests, a target a module.
        .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles", "Tensors"]),
        .testTarget(name: "CrossCheckTests", dependencies: ["CrossCheck", "CPUBackend", "Tensors"]),
        .testTarget(name: "CPUBackendTests", dependencies: ["CPUBackend", "CrossCheck", "CSimd", "Tensors"]),
        .testTarget(name: "TransportTests", dependencies: ["Transport", "ModelFiles"]),
        .testTarget(
            name: "MongeTests",
            dependencies: [
                "Monge", "Models", "ModelFiles", "Transport", "Tensors", "CPUBackend", "CrossCheck", "VulkanBackend", "VulkanRuntime",
            ]),
        .testTarget(name: "MongeCLITests", dependencies: ["MongeCLI", "CrossCheck", "VulkanBackend", "VulkanRuntime"]),
        .testTarget(name: "ShaderCompilationTests", dependencies: ["ShaderCompilation"]),
        .testTarget(
            name: "VulkanRuntimeTests", dependencies: ["VulkanRuntime"], exclude: ["Shaders"],
            plugins: ["CompileShaders"]),
        .testTarget(
            name: "VulkanBackendTests",
            dependencies: ["CVulkan", "VulkanBackend", "VulkanRuntime", "Tensors", "CPUBackend", "CrossCheck", "ModelFiles"]),
    ]
)
