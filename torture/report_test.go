package main

import "testing"

func TestAReportKeepsTheOtherPart(t *testing.T) {
	both := withSection(withSection("# an old one\n", "A", "1"), "B", "2\n")
	if want := preface + "\n## A\n\n1\n\n## B\n\n2\n"; both != want {
		t.Errorf("%q, want %q", both, want)
	}
	again := withSection(both, "A", "3")
	if want := preface + "\n## A\n\n3\n\n## B\n\n2\n"; again != want {
		t.Errorf("%q, want %q", again, want)
	}
}
