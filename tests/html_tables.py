"""The tables of the report, read as a browser would find them."""

import html.parser


class Tables(html.parser.HTMLParser):
    """The rows of each table, by the id of the heading above it."""

    def __init__(self, page):
        super().__init__()
        self.rows, self._section, self._cell = {}, "", None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "h2":
            self._section = dict(attrs)["id"]
        elif tag == "tr":
            self.rows.setdefault(self._section, []).append([])
        elif tag in ("td", "th"):
            self.rows[self._section][-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, data):
        if self._cell:
            self.rows[self._section][-1][-1] += data.strip()
