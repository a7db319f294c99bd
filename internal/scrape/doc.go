// Package scrape is what a broker says to Prometheus: names and numbers, and the text that says them.
//
//	Gather ──► families ──► Handler      the text format, version 0.0.4, with nothing but the standard library: postrider serve
//	                   └──► brokerprom   a collector for a program's own registry
//
// Prometheus's library is three megabytes of program with what it needs, and two of memory, of every broker, scraped or not: so serve
// does without. The names are listed in brokerprom, which users read.
package scrape
