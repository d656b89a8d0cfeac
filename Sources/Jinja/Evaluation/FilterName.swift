/// The filters that Jinja has: those that this interpreter runs, and the others, which are refused when they are reached.
enum FilterName {
    static let supported: Set<String> = [
        "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "format",
        "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace",
        "reverse", "round", "safe", "select", "selectattr", "sort", "string", "sum", "title", "tojson", "trim", "unique", "upper",
        "wordcount",
    ]
    private static let others: Set<String> = [
        "filesizeformat", "forceescape", "groupby", "pprint", "random", "slice", "striptags", "truncate", "urlencode", "urlize",
        "wordwrap", "xmlattr",
    ]
    static func isKnown(_ name: String) -> Bool { supported.contains(name) || others.contains(name) }
}
