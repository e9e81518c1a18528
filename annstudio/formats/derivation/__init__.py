"""The derivation to take away, as files: a web page, LaTeX, an Excel workbook, tables."""
