package evaluation

import (
	_ "embed"
	"fmt"
	"html"
	"strings"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

//go:embed report.html
var reportHead string

// page is the HTML of a report as it is written.
type page struct{ strings.Builder }

// put writes markup with a text, escaped, in place of each %s. A text must be between tags or in double quotes.
func (p *page) put(markup string, texts ...string) {
	escaped := make([]any, len(texts))
	for i, text := range texts {
		escaped[i] = html.EscapeString(text)
	}
	fmt.Fprintf(p, markup, escaped...)
}

func (p *page) list(lines []string) {
	if len(lines) == 0 {
		return
	}
	p.put("<ul>")
	for _, line := range lines {
		p.put("<li>%s</li>", line)
	}
	p.put("</ul>\n")
}

func (p *page) verdict(v Verdict, needs []Need) {
	p.put("\n<div class=\"card verdict\">\n<p>%s</p>\n", v.Text)
	if len(needs) > 0 {
		names := make([]string, len(needs))
		for i, n := range needs {
			names[i] = string(n)
		}
		p.put("<p class=\"quiet\">Needed: %s</p>\n", strings.Join(names, ", "))
	}
	p.list(v.Figures)
	p.put("</div>\n")
}

func (p *page) table(all []Section) {
	p.put("\n<h2>Side by side</h2>\n<div class=\"card\">\n<table>\n<thead>\n" +
		"<tr><th></th><th colspan=\"2\">direct</th><th colspan=\"2\">indirect</th></tr>\n" +
		"<tr><th></th><th>synchronous</th><th>asynchronous</th><th>synchronous</th><th>asynchronous</th></tr>\n" +
		"<tr><th class=\"code\"></th>")
	for w := range ways.Count {
		p.put("<th class=\"code\">%s</th>", w.Code())
	}
	p.put("</tr>\n</thead>\n<tbody>\n")
	for _, s := range all {
		p.put("<tr><th colspan=\"5\">%s</th></tr>\n", s.Title)
		for _, row := range s.Rows {
			p.put("<tr><td>%s</td>", row.Label)
			for _, c := range row.Cells {
				p.put("<td class=\"%s\">%s</td>", string(c.Tone), c.Text)
			}
			p.put("</tr>\n")
		}
	}
	p.put("</tbody>\n</table>\n</div>\n")
}
