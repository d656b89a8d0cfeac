import Foundations

extension EvaluationTable {
    /// The table in a box that scrolls where the page is narrow.
    /// - Parameter textColumns: How many of the first columns hold texts; the others hold numbers.
    func html(textColumns: Int = 1) -> String {
        let header = header.enumerated().map {
            "<th scope=col\($0 >= textColumns ? " class=number" : "")>\(HTMLPage.escaped($1))</th>"
        }.joined()
        let body = rows.map { row in
            "<tr>"
                + row.enumerated().map { index, cell in
                    index == 0
                        ? "<th scope=row>\(HTMLPage.escaped(cell))</th>"
                        : "<td\(index >= textColumns ? " class=number" : "")>\(HTMLPage.escaped(cell))</td>"
                }.joined() + "</tr>"
        }.joined(separator: "\n")
        return "<div class=wide><table class=small><thead><tr>\(header)</tr></thead><tbody>\n\(body)\n</tbody></table></div>"
    }
}
