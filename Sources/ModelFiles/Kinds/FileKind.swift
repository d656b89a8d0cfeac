/// What a file is by its contents, whatever its name: for messages about files that were given for others.
public struct FileKind: Sendable, Equatable {
    /// With its article: "a GGUF model".
    public let name: String
    /// Which option or command takes such a file, or what to do with it; nil when there is nothing to say.
    public let use: String?
    /// Whether its contents are text.
    public let isText: Bool

    init(_ name: String, _ use: String? = nil, isText: Bool = false) {
        (self.name, self.use, self.isText) = (name, use, isText)
    }
}

extension FileKind {
    // Models and what belongs to them.
    public static let gguf = FileKind("a GGUF file", "--model takes it")
    public static let ggufModel = FileKind("a GGUF model", "--model takes it")
    static let bigEndianGGUF = FileKind("a big-endian GGUF file", "convert it to little-endian first")
    static let oldGGML = FileKind("a model in a format of ggml from before GGUF", "convert it to GGUF first")
    public static let controlVector = FileKind("a GGUF control vector", "`monge convert` makes a map of it")
    static let ggufAdapter = FileKind("a LoRA adapter in GGUF", "merge it into its model first")
    static let projector = FileKind("a GGUF file of an image or audio encoder (mmproj)", "Monge runs the language model beside it")
    static let importanceMatrix = FileKind("an importance matrix in GGUF", "it serves to quantise a model")
    public static let safetensors = FileKind("a safetensors file")
    public static let weights = FileKind("a safetensors file of weights", "--model takes the folder that it lies in")
    static let peftAdapter = FileKind("a LoRA adapter", "merge it into its model first")
    public static let map = FileKind("a transport map", "--steer takes it")
    public static let activations = FileKind(
        "a file of activations", "`monge fit` takes it with --source-activations and --target-activations")
    static let logits = FileKind("a file of logits", "`monge inspect` lists it")
    static let configuration = FileKind("a model's config.json", "--model takes the folder that it lies in", isText: true)
    static let tokenizer = FileKind("a tokenizer.json", "--model takes the folder that it lies in", isText: true)
    static let weightIndex = FileKind("an index of weights", "--model takes the folder that it lies in", isText: true)
    static let adapterConfiguration = FileKind(
        "the configuration of a LoRA adapter", "merge the adapter into its model first", isText: true)
    static let pipeline = FileKind(
        "the index of a diffusers folder", "`monge image --model` takes the folder that it lies in", isText: true)
    public static let torch = FileKind(
        "a PyTorch checkpoint", "convert it to safetensors or GGUF first; `monge convert` reads the maps of other programs from such files")
    static let pickle = FileKind("a Python pickle", "convert it to safetensors or GGUF first")
    static let numpy = FileKind("a NumPy array")
    static let hdf5 = FileKind("an HDF5 file", "convert it to safetensors or GGUF first")

    // Texts.
    public static let kernelReport = FileKind("a result of `monge bench kernels`", "`monge bench show` takes it", isText: true)
    static let messages = FileKind("a conversation", "--messages takes it", isText: true)
    static let json = FileKind("a JSON document", isText: true)
    static let jsonLines = FileKind("a file of JSON lines", "--prompts and --sentences take it with the suffix .jsonl", isText: true)
    static let text = FileKind("plain text", "--prompts and --sentences take it, with the suffix .txt for a text a line", isText: true)
    static let utf16 = FileKind("a text in UTF-16", "save it as UTF-8")
    static let webPage = FileKind("a web page", "perhaps a server's message was saved in the place of the file", isText: true)
    static let pointer = FileKind("a Git LFS pointer", "`git lfs pull` fetches the file that it stands for", isText: true)

    /// What is wanted where sentences are.
    public static let sentences = FileKind("a file of sentences (.txt, .jsonl, .csv or .tsv)", isText: true)
    /// What is wanted where words are.
    public static let words = FileKind("a list of words, one a line", isText: true)

    // The rest.
    static let empty = FileKind("an empty file")
    static let png = FileKind("a PNG picture")
    static let jpeg = FileKind("a JPEG picture")
    static let gif = FileKind("a GIF picture")
    static let webP = FileKind("a WebP picture")
    static let pdf = FileKind("a PDF document")
    static let gzip = FileKind("a gzip archive", "unpack it first")
    static let zstandard = FileKind("a Zstandard archive", "unpack it first")
    static let xz = FileKind("an xz archive", "unpack it first")
    static let bzip2 = FileKind("a bzip2 archive", "unpack it first")
    static let zip = FileKind("a ZIP archive", "unpack it first")
    static let tar = FileKind("a tar archive", "unpack it first")
    static let unknown = FileKind("a file of an unknown kind")
}
