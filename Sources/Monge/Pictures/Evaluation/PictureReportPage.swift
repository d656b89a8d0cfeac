import Foundation
import Foundations
import Pictures

/// An evaluation as one HTML file that asks for nothing else: the table, and every picture, a row a prompt and a column a variant. It needs no
/// JavaScript, follows the reader's choice of light or dark, and fits a phone.
public struct PictureReportPage {
    /// What else the page says, in its head: the model, the date.
    public var facts: [String] = []
    /// The command that made it.
    public var command = ""
    private let evaluation: PictureEvaluation
    private let result: PictureEvaluation.Result
    private let folder: String

    /// - Parameter folder: Where the pictures lie.
    public init(_ result: PictureEvaluation.Result, of evaluation: PictureEvaluation, picturesIn folder: String) {
        self.evaluation = evaluation
        self.result = result
        self.folder = folder
    }

    /// Pictures are shown at up to this size, and smaller where there are many: a page that a browser opens.
    private var side: Int { result.entries.count <= 120 ? 256 : 128 }

    public func html() throws -> String {
        HTMLPage.fill(
            Self.page,
            [
                "title": "Steered pictures",
                "style": HTMLPage.style + Self.style,
                "facts": facts.map { "<li>\(HTMLPage.escaped($0))</li>" }.joined(),
                "command": HTMLPage.escaped(command),
                "header": Self.header(result.rows).map { "<th scope=col>\(HTMLPage.escaped($0))</th>" }.joined(),
                "rows": result.rows.map { row in
                    let cells = Self.cells(row)
                    return "<tr><th scope=row>\(HTMLPage.escaped(cells[0]))</th>"
                        + cells.dropFirst().map { "<td class=number>\(HTMLPage.escaped($0))</td>" }.joined() + "</tr>"
                }.joined(separator: "\n"),
                "columns": "\(evaluation.variants.count)",
                "pictures": try evaluation.prompts.indices.map(row).joined(separator: "\n"),
                "marks": marks,
            ])
    }

    /// The columns of the table, for pages and terminals.
    public static func header(_ rows: [PictureEvaluation.Row]) -> [String] {
        ["", "pictures"] + rows[0].shares.map(\.question) + (rows[0].recognised == nil ? [] : ["named", "names kept"])
    }

    /// The cells of a row, in the columns of ``header(_:)``.
    public static func cells(_ row: PictureEvaluation.Row) -> [String] {
        func percent(_ share: Double?) -> String { share.map { String(format: "%.0f %%", 100 * $0) } ?? "–" }
        return [row.title, "\(row.pictures)"] + row.shares.map { percent($0.share) }
            + (row.recognised == nil ? [] : [percent(row.recognised), percent(row.namesKept)])
    }

    /// What the marks under the pictures mean.
    private var marks: String {
        let questions = evaluation.questions.enumerated().map { "\($0 + 1) for <code>\(HTMLPage.escaped($1.description))</code>" }
        let names = result.rows[0].recognised == nil ? "" : ", n for a recognised name"
        return questions.joined(separator: ", ") + names
    }

    private func row(of prompt: Int) throws -> String {
        let own = result.entries.filter { $0.prompt == prompt }
        let text = evaluation.prompts[prompt]
        return "<section><h3>\(HTMLPage.escaped(text))</h3><div class=strip>" + (try own.map(figure).joined()) + "</div></section>"
    }

    /// A picture as large as pages have it.
    private func shown(_ picture: Picture) -> Picture {
        let longest = max(picture.width, picture.height)
        guard longest > side else { return picture }
        func scaled(_ extent: Int) -> Int { max((extent * side + longest / 2) / longest, 1) }
        return picture.resampled(width: scaled(picture.width), height: scaled(picture.height), .bilinear)
    }

    private func figure(_ entry: PictureEvaluation.Entry) throws -> String {
        let picture = try shown(Picture(path: "\(folder)/\(entry.file)"))
        let title = evaluation.variants[entry.variant].title
        let answers =
            zip(evaluation.questions, entry.answers).map { "\($0) \($1 ? "yes" : "no")" }
            + (entry.isRecognised.map { [$0 ? "name recognised" : "name not recognised"] } ?? [])
        let marks = entry.answers.enumerated().filter(\.element).map { "\($0.offset + 1)" } + (entry.isRecognised == true ? ["n"] : [])
        let alt = HTMLPage.escaped("\(entry.request.prompt), \(title): \(answers.joined(separator: ", "))")
        let data = Data(try picture.png()).base64EncodedString()
        return
            "<figure><img src=\"data:image/png;base64,\(data)\" width=\(picture.width) height=\(picture.height) alt=\"\(alt)\" title=\"\(alt)\">"
            + "<figcaption>\(HTMLPage.escaped(title))<span class=marks>\(marks.joined(separator: " "))</span></figcaption></figure>"
    }

    private static let page =
        HTMLPage.head + """
            <body>
            <header>
            <h1>Steered pictures</h1>
            <ul class="facts">{{facts}}</ul>
            <p><code>{{command}}</code></p>
            </header>
            <main>
            <div class="wide"><table class="small"><thead><tr>{{header}}</tr></thead><tbody>
            {{rows}}
            </tbody></table></div>
            <p>Shares of pictures of which the judge says so. Under a picture: {{marks}}.</p>
            <div style="--columns: {{columns}}">
            {{pictures}}
            </div>
            </main>
            </body>
            </html>

            """

    private static let style = """
        .number { text-align: right; white-space: nowrap; }
        thead th { font-weight: 600; }
        tbody th { font-weight: 400; }
        section { border-top: 1px solid var(--line); padding: 8px 0 10px; content-visibility: auto; contain-intrinsic-height: 150px; }
        h3 { font-size: 14px; font-weight: 600; margin: 0 0 4px; }
        .strip { display: grid; grid-template-columns: repeat(var(--columns), minmax(56px, 160px)); gap: 8px; overflow-x: auto; }
        figure { margin: 0; }
        img { display: block; width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px; background: #fff; }
        figcaption { font-size: 11px; color: var(--quiet); display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 6px; }
        .marks { color: var(--accent); font-variant-numeric: tabular-nums; }
        @media (max-width: 480px) { body { padding: 12px; } .strip { gap: 4px; } }
        """
}
