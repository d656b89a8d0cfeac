// swift-tools-version: 6.1
import PackageDescription

// Imports point one way: MongeCLI → Benchmarks → Monge, CrossCheck; MongeCLI → Server → Monge; Monge → Models, Tokenizers, Transport → Tensors; a backend → Tensors
// (and VulkanRuntime). Models never import a backend.
let package = Package(
    name: "Monge",
    products: [
        .library(name: "Monge", targets: ["Monge"]),
        .library(name: "VulkanBackend", targets: ["VulkanBackend", "Tensors", "VulkanRuntime"]),
        // The fast path of the CPU and the plain reference.
        .library(name: "CPUBackend", targets: ["CPUBackend", "Tensors"]),
        .executable(name: "monge", targets: ["MongeCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // The server's alone.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C: headers, shims, and the vector kernels of the CPU.
        .target(name: "CVulkan"),
        .target(name: "CSimd"),
        // HTTP through libcurl, which is opened at run time.
        .target(name: "CCurl"),
        .systemLibrary(name: "CGlslang"),
        // Debian's libpng and libjpeg, whose jumps stay within C.
        .target(
            name: "CPictures", linkerSettings: [.linkedLibrary("png"), .linkedLibrary("jpeg"), .linkedLibrary("z"), .linkedLibrary("m")]),

        // The layers, from the machine up to the command.
        .target(name: "Foundations"),
        .target(name: "FileSystem"),
        .target(name: "VulkanRuntime", dependencies: ["CVulkan", "FileSystem", "Foundations"]),
        .target(name: "Tensors"),
        .target(name: "CPUBackend", dependencies: ["Tensors", "CSimd"]),
        .target(
            name: "VulkanBackend", dependencies: ["FileSystem", "Foundations", "Tensors", "VulkanRuntime"],
            plugins: ["CompileShaders"]),
        .target(name: "ModelFiles", dependencies: ["FileSystem", "Foundations", "Tensors"]),
        .target(name: "Pictures", dependencies: ["CPictures", "FileSystem", "ModelFiles"]),
        .target(name: "Jinja"),
        .target(name: "Tokenizers", dependencies: ["Jinja", "ModelFiles"]),
        .target(name: "Transport", dependencies: ["Foundations", "ModelFiles", "Tensors"]),
        .target(name: "Models", dependencies: ["Foundations", "Tensors", "ModelFiles"]),
        .target(name: "CrossCheck", dependencies: ["Foundations", "Tensors"]),
        .target(
            name: "Monge",
            dependencies: [
                "CCurl", "FileSystem", "Foundations", "Models", "ModelFiles", "Pictures", "Tokenizers", "Transport", "Tensors",
                "CPUBackend",
                "VulkanBackend",
            ]),
        // Whole models against the reference: used by the command, not by the library.
        .target(
            name: "ModelCheck",
            dependencies: ["CPUBackend", "CrossCheck", "Foundations", "Models", "Monge", "Tensors", "VulkanBackend"]),
        // Speed: used by the command, not by the library.
        .target(
            name: "Benchmarks",
            dependencies: [
                "CPUBackend", "CrossCheck", "Foundations", "ModelFiles", "Models", "Monge", "Tensors", "Transport", "VulkanBackend",
                "VulkanRuntime",
            ]),
        // HTTP, and the page.
        .target(
            name: "Server",
            dependencies: [
                "FileSystem", "Foundations", "ModelFiles", "Models", "Monge", "Pictures", "Tensors", "Tokenizers", "Transport",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            exclude: ["Studio", "Resources"], plugins: ["EmbedFiles"]),
        .executableTarget(
            name: "MongeCLI",
            dependencies: [
                "Benchmarks", "CPUBackend", "CrossCheck", "FileSystem", "Foundations", "ModelCheck", "ModelFiles", "Models", "Monge",
                "Pictures", "Server", "Tensors", "Tokenizers", "Transport", "VulkanBackend", "VulkanRuntime",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // The shader build: a compiler over glslang, and the build-tool plugin that runs it.
        .target(name: "ShaderCompilation", dependencies: ["CGlslang", "Foundations"], path: "tools/ShaderCompilation"),
        .executableTarget(name: "ShaderCompiler", dependencies: ["ShaderCompilation"], path: "tools/ShaderCompiler"),
        .plugin(
            name: "CompileShaders", capability: .buildTool(), dependencies: ["ShaderCompiler"],
            path: "tools/CompileShaders"),
        // The server's page and other files, built into it.
        .executableTarget(name: "FileEmbedder", dependencies: ["Foundations"], path: "tools/FileEmbedder"),
        .plugin(name: "EmbedFiles", capability: .buildTool(), dependencies: ["FileEmbedder"], path: "tools/EmbedFiles"),
        // Tests, a target a module.
        .testTarget(name: "FoundationsTests", dependencies: ["Foundations"]),
        .target(name: "TestSupport", dependencies: ["ModelFiles", "Tensors"], path: "Tests/TestSupport"),
        .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles", "Tensors", "TestSupport"]),
        .testTarget(name: "PicturesTests", dependencies: ["Pictures", "FileSystem", "ModelFiles", "TestSupport"]),
        .testTarget(name: "JinjaTests", dependencies: ["Jinja"]),
        .testTarget(name: "TokenizersTests", dependencies: ["Jinja", "Tokenizers", "ModelFiles", "TestSupport"]),
        .testTarget(name: "FileSystemTests", dependencies: ["FileSystem"]),
        .testTarget(name: "CrossCheckTests", dependencies: ["CrossCheck", "CPUBackend", "Tensors"]),
        .testTarget(name: "CPUBackendTests", dependencies: ["CPUBackend", "CrossCheck", "CSimd", "Tensors", "TestSupport"]),
        .testTarget(name: "ModelsTests", dependencies: ["Models", "ModelFiles", "Tensors", "CPUBackend", "TestSupport"]),
        .testTarget(name: "TransportTests", dependencies: ["Transport", "ModelFiles", "TestSupport"]),
        .testTarget(
            name: "MongeTests",
            dependencies: [
                "Foundations", "Monge", "Models", "ModelFiles", "Pictures", "Tokenizers", "Transport", "Tensors", "CPUBackend",
                "CrossCheck",
                "VulkanBackend", "VulkanRuntime", "TestSupport",
            ]),
        .testTarget(
            name: "ModelCheckTests",
            dependencies: [
                "CPUBackend", "ModelCheck", "ModelFiles", "Models", "Monge", "Tensors", "TestSupport", "VulkanBackend", "VulkanRuntime",
            ]),
        .testTarget(
            name: "ServerTests", dependencies: ["Models", "Monge", "Pictures", "Server", "Tensors", "Tokenizers", "Transport"]),
        .testTarget(name: "BenchmarksTests", dependencies: ["Benchmarks", "CPUBackend", "CrossCheck", "ModelFiles", "Monge", "Tensors"]),
        .testTarget(
            name: "MongeCLITests", dependencies: ["MongeCLI", "CrossCheck", "ModelFiles", "Tensors", "VulkanBackend", "VulkanRuntime"]),
        .testTarget(name: "ShaderCompilationTests", dependencies: ["ShaderCompilation"]),
        .testTarget(
            name: "VulkanRuntimeTests", dependencies: ["Foundations", "VulkanRuntime"], exclude: ["Shaders"],
            plugins: ["CompileShaders"]),
        .testTarget(
            name: "VulkanBackendTests",
            dependencies: ["CVulkan", "VulkanBackend", "VulkanRuntime", "Tensors", "CPUBackend", "CrossCheck", "ModelFiles", "TestSupport"]),
    ]
)
