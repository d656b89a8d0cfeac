import Foundations

extension KernelReportPage {
    static let page =
        HTMLPage.head + """
            <body>
            <header>
            <h1>{{device}}</h1>
            <ul class="facts">{{facts}}</ul>
            <p><code>{{command}}</code></p>
            </header>
            <main>
            <section>
            <h2>Roofline</h2>
            <p>Each mark is a kernel: how many operations it does for a byte it must move, and how many it does in a second. The line is what this
            device was seen to reach in the same run. Hollow marks had their data in the cache, where the slope does not bind them.</p>
            <div id="legend"></div>
            <div id="plot"></div>
            <div id="tip" hidden></div>
            <noscript><p>The plot and the table need JavaScript. All of it is in this file.</p></noscript>
            </section>
            <section>
            <h2>Kernels</h2>
            <p>Click on a header to sort. Times are medians of single runs, ± half the distance of the quartiles; “of ceiling” is the least time
            that the device's memory or arithmetic allows over the time taken.</p>
            <p><input id="search" type="search" placeholder="Filter by operation, model or shape" aria-label="Filter"> <span id="count"></span></p>
            <div class="wide"><table id="kernels"></table></div>
            </section>
            <section id="leftOut" hidden>
            <h2>Left out</h2>
            <div class="wide"><table></table></div>
            </section>
            <section>
            <h2>Ceilings</h2>
            <table class="small"><tbody>{{ceilings}}</tbody></table>
            </section>
            </main>
            <script id="data" type="application/json">{{data}}</script>
            <script>{{script}}</script>
            </body>
            </html>

            """

    static let style = """
        th { position: sticky; top: 0; background: var(--paper); white-space: nowrap; }
        th button { all: unset; cursor: pointer; font-weight: 600; }
        th button:hover, th button:focus-visible { color: var(--accent); text-decoration: underline; }
        .number { text-align: right; white-space: nowrap; }
        td { white-space: nowrap; }
        td.shapes, #leftOut td { min-width: 22ch; white-space: normal; }
        td .quiet, .quiet { color: var(--quiet); }
        tbody tr:hover, tbody tr.chosen { background: var(--raised); }
        .bar { display: inline-block; height: 9px; background: var(--accent); opacity: .45; margin-right: 6px; border-radius: 1px; }
        input { font: inherit; padding: 4px 8px; width: 36ch; max-width: 100%; color: inherit; background: var(--raised);
          border: 1px solid var(--line); border-radius: 4px; }
        #count { white-space: nowrap; }
        #plot svg { width: 100%; height: auto; display: block; }
        @media (max-width: 600px) {
          body { padding: 14px; }
          table { font-size: 12px; }
          th, td { padding-right: 8px; }
          td.shapes, #leftOut td { min-width: 13ch; }
        }
        #plot text { fill: var(--quiet); font-size: 12px; }
        #plot .grid { stroke: var(--line); stroke-width: 1; }
        #plot .roof { stroke: var(--ink); stroke-width: 2; fill: none; }
        #plot .mark { cursor: pointer; stroke-width: 2; }
        #plot .mark:hover, #plot .mark:focus-visible { stroke: var(--ink); outline: none; }
        #plot .faded { opacity: .1; pointer-events: none; }
        #legend button { font: inherit; font-size: 13px; color: inherit; background: none; border: 1px solid transparent; border-radius: 4px;
          padding: 1px 6px; margin-right: 6px; cursor: pointer; }
        #legend button[aria-pressed=true] { border-color: var(--line); background: var(--raised); }
        #legend i { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 5px; }
        #tip { position: absolute; pointer-events: none; max-width: min(420px, calc(100vw - 32px)); padding: 6px 10px; font-size: 13px; white-space: pre-line;
          background: var(--paper); border: 1px solid var(--line); border-radius: 4px; box-shadow: 0 2px 8px #0003; z-index: 2; }
        """
}
