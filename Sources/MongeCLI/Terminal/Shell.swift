import Foundation

/// Commands as a person can give them to a shell again.
enum Shell {
    /// One word, in quotes where a shell would take it apart.
    static func quoted(_ word: String) -> String {
        let isPlain = !word.isEmpty && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-:.,/=".contains($0)) }
        return isPlain ? word : "'" + word.replacingOccurrences(of: "'", with: #"'\''"#) + "'"
    }

    /// The command that this program was started by.
    static var ownCommand: String { (["monge"] + CommandLine.arguments.dropFirst().map(quoted)).joined(separator: " ") }
}
