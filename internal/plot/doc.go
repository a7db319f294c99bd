// Package plot draws lines over logarithmic or linear axes as SVG: as much as this project needs, and nothing else.
package plot
