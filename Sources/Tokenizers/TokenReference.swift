/// How a file refers to a token.
enum TokenReference {
    case name(String)
    case number(Int)
}
