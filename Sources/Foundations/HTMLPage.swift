/// Pages of HTML that are put together from templates.
package enum HTMLPage {
    /// Replaces each `{{name}}` of the template, once: what is put in is not looked through again.
    package static func fill(_ template: String, _ values: [String: String]) -> String {
        let parts = template.split(separator: "{{", omittingEmptySubsequences: false)
        return String(parts[0])
            + parts.dropFirst().map { part in
                let pieces = part.split(separator: "}}", omittingEmptySubsequences: false)
                return values[String(pieces[0])]! + pieces.dropFirst().joined(separator: "}}")
            }.joined()
    }

    /// A text as it may stand in an element or, in double quotes, an attribute.
    package static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }

    /// What a page begins with, up to its body; `title` and `style` are filled in.
    package static let head = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <link rel="icon" href="data:,">
        <title>{{title}}</title>
        <style>{{style}}</style>
        </head>

        """

    /// The colours of all pages, light or dark as the reader has it, and what text looks like in them.
    package static let style = """
        :root { --ink: #1b1f24; --quiet: #5b6570; --line: #d5dae0; --paper: #ffffff; --raised: #f4f6f8; --accent: #0b63ce;
          --lift: 0%; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e6e9ed; --quiet: #9aa4af; --line: #353c45; --paper: #14171b; --raised: #1e2329; --accent: #6cb0ff;
            --lift: 10%; }
        }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 1240px; padding: 24px; color: var(--ink); background: var(--paper);
          font: 15px/1.5 system-ui, sans-serif; }
        h1 { font-size: 24px; margin: 0; }
        h2 { font-size: 18px; margin: 32px 0 4px; }
        p { color: var(--quiet); max-width: 90ch; margin: 4px 0 10px; }
        code { font-size: 13px; overflow-wrap: anywhere; }
        .facts { list-style: none; padding: 0; margin: 4px 0; color: var(--quiet); }
        .facts li { display: inline; }
        .facts li + li::before { content: " · "; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
        table.small { width: auto; }
        th, td { padding: 4px 10px 4px 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }

        """
}
