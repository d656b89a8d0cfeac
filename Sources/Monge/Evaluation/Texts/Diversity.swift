import Foundation

/// How much texts differ, in themselves and from one another: a model that stammers, or that says one thing always, shows.
///
/// Texts are taken as words: stretches of letters and digits with what joins them, and single other signs.
package struct Diversity {
    /// The words of each text.
    private let texts: [[String]]

    package init(_ texts: [String]) { self.init(words: texts.map(Self.words)) }

    package init(words: [[String]]) { texts = words }

    /// Letters, digits, hyphens and apostrophes in a row, in lower case; any other sign by itself.
    package static func words(_ text: String) -> [String] {
        var words: [String] = [], word = ""
        for character in text.lowercased() {
            if character.isLetter || character.isNumber || character == "'" || character == "-" {
                word.append(character)
                continue
            }
            if !word.isEmpty { words.append(word) }
            word = ""
            if !character.isWhitespace { words.append(String(character)) }
        }
        return word.isEmpty ? words : words + [word]
    }

    private static func grams(_ words: [String], _ n: Int) -> [ArraySlice<String>] {
        words.count < n ? [] : (0...words.count - n).map { words[$0..<$0 + n] }
    }

    private static func counts(_ words: [String], _ n: Int) -> [ArraySlice<String>: Int] {
        grams(words, n).reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    /// distinct-n (Li et al., "A Diversity-Promoting Objective Function for Neural Conversation Models", 2016): different n-grams over all n-grams of all texts.
    package func distinct(_ n: Int) -> Double {
        var all = 0
        var different = Set<ArraySlice<String>>()
        for text in texts {
            let grams = Self.grams(text, n)
            all += grams.count
            different.formUnion(grams)
        }
        return all == 0 ? 0 : Double(different.count) / Double(all)
    }

    /// The share of n-grams that were in the same text before (seq-rep-n of Welleck et al., "Neural Text Generation with Unlikelihood Training", 2020), the mean over
    /// texts with n-grams.
    package func repeated(_ n: Int) -> Double {
        let shares = texts.map { Self.grams($0, n) }.filter { !$0.isEmpty }.map { 1 - Double(Set($0).count) / Double($0.count) }
        return shares.isEmpty ? 0 : shares.reduce(0, +) / Double(shares.count)
    }

    /// self-BLEU (Zhu et al., "Texygen", 2018): the mean of each text's BLEU-4 with all others as references; 1 where all say the same.
    ///
    /// Sentence BLEU as NLTK has it with its smoothing method 1: n-grams are clipped to the most that one reference has, the reference of the closest length
    /// (the shorter of two) decides on the brevity penalty, and an order without a match counts 0.1 of one.
    package var selfBLEU: Double {
        guard texts.count > 1 else { return 0 }
        let orders = 1...4
        // The most of each n-gram that one text has, and the most that another has: what is left where the first is judged.
        struct Most { var first: Int, owner: Int, second: Int }
        let counted = orders.map { n in texts.map { Self.counts($0, n) } }
        let most = counted.map { texts in
            var most: [ArraySlice<String>: Most] = [:]
            for (owner, counts) in texts.enumerated() {
                for (gram, count) in counts {
                    guard let known = most[gram] else {
                        most[gram] = Most(first: count, owner: owner, second: 0)
                        continue
                    }
                    if count > known.first {
                        most[gram] = Most(first: count, owner: owner, second: known.first)
                    } else if count > known.second {
                        most[gram]!.second = count
                    }
                }
            }
            return most
        }
        let scores = texts.indices.map { index -> Double in
            let length = texts[index].count
            var logarithms = 0.0
            for n in orders {
                let matches = counted[n - 1][index].reduce(0) { sum, entry in
                    let known = most[n - 1][entry.key]!
                    return sum + min(entry.value, known.owner == index ? known.second : known.first)
                }
                // NLTK's rule: without a single word in common there is nothing to smooth.
                if n == 1, matches == 0 { return 0 }
                let all = max(length - n + 1, 1)
                logarithms += log((matches == 0 ? 0.1 : Double(matches)) / Double(all)) / Double(orders.count)
            }
            let closest = texts.indices.lazy.filter { $0 != index }.map { self.texts[$0].count }
                .min { (abs($0 - length), $0) < (abs($1 - length), $1) }!
            return (length > closest ? 1 : exp(1 - Double(closest) / Double(length))) * exp(logarithms)
        }
        return scores.reduce(0, +) / Double(scores.count)
    }
}
