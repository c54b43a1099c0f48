"""The page's style sheet: light and dark, wide and narrow, on screen and on paper; no file besides, no network."""

from __future__ import annotations

from training.report.style import GRID, INK, MUTED, SERIES, SURFACE

DARK_SERIES = (
    "#6ea2ff", "#f0915f", "#4fc6a0", "#c58ae6", "#e2bd4e", "#ec7ba0", "#6cc8e8", "#b3b86a", "#c69a84", "#a3b3c6",
)  # fmt: skip

_LIGHT = {"ink": INK, "muted": MUTED, "grid": GRID, "surface": SURFACE, "page": "#f4f6f8", "accent": SERIES[0],
          "good": "#1c7c54", "bad": "#b3361e"}  # fmt: skip
_DARK = {"ink": "#e6ebf1", "muted": "#9dabba", "grid": "#35404c", "surface": "#1b222b", "page": "#12171d",
         "accent": DARK_SERIES[0], "good": "#5fcf9c", "bad": "#ff8f75"}  # fmt: skip


def _variables(colours: dict[str, str], series: tuple[str, ...]) -> str:
    named = colours | {f"series-{at}": colour for at, colour in enumerate(series)}
    return "".join(f"--{name}:{value};" for name, value in named.items())


CSS = (
    f":root{{color-scheme:light dark;{_variables(_LIGHT, SERIES)}"
    "--font:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    f"@media (prefers-color-scheme:dark){{:root{{{_variables(_DARK, DARK_SERIES)}}}}}"
    """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 var(--font);-webkit-text-size-adjust:100%}
main{max-width:70rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2.5rem 0 .75rem}
h3{font-size:.95rem;margin:0 0 .5rem}
p{margin:.4rem 0;max-width:46rem}
.muted,.note{color:var(--muted)}
.note{font-size:.875rem}
code{font:.875em ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:.75rem;margin:1.25rem 0}
.tile,.card{background:var(--surface);border:1px solid var(--grid);border-radius:.6rem}
.tile{padding:.7rem .9rem}
.tile b{display:block;font-size:1.45rem;font-weight:650;font-variant-numeric:tabular-nums;line-height:1.25}
.tile span{color:var(--muted);font-size:.85rem}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1rem}
.card{padding:1rem;min-width:0;margin:0}
.card svg{display:block;width:100%;height:auto}
.scroll{overflow-x:auto;background:var(--surface);border:1px solid var(--grid);border-radius:.6rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.45rem .8rem;text-align:left;vertical-align:top;border-top:1px solid var(--grid)}
thead th{border-top:0;color:var(--muted);font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tbody th small{display:block;font-weight:400;color:var(--muted)}
tbody th{font-weight:600;overflow-wrap:anywhere;min-width:8.5rem;max-width:22rem}
.good{color:var(--good)}.bad{color:var(--bad)}
.bars{display:flex;align-items:flex-end;gap:1px;height:1.6rem;width:6.5rem}
.bars i{flex:1;background:var(--accent);opacity:.75;min-height:1px}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.35rem 1.25rem;margin:0}
dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere;min-width:0}
@media (max-width:40rem){main{padding:1rem .75rem 3rem}h1{font-size:1.35rem}.tiles{grid-template-columns:1fr 1fr}
.card{padding:.75rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}th,td{padding:.4rem .55rem}}
@media print{:root{--page:#fff}.card,.tile,tr{break-inside:avoid}}
"""
)
