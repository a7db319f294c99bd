package trace

import (
	"fmt"
	"strings"
	"testing"
)

// A trace is written here without its hexadecimals: ACK(n) is a frame that confirms up to n, NAME(p,n) a message.
func TestConfirms(t *testing.T) {
	const file, socket = "7</data/1.seg>", "9<TCP:[127.0.0.1:5672->127.0.0.1:40000]>"
	for _, st := range []struct {
		name    string
		lines   []string
		early   int
		refused int
	}{
		{name: "in order", lines: []string{
			`1 1.0 pwrite64(` + file + `, "` + Name(0, 1) + `", 5, 0) = 5`,
			`2 1.1 fdatasync(` + file + `) = 0`,
			`1 1.2 write(` + socket + `, "` + frame(80, 1, true) + `", 21) = 21`}},
		{name: "early", early: 1, lines: []string{
			`1 1.0 pwrite64(` + file + `, "` + Name(0, 1) + `", 5, 0) = 5`,
			`1 1.2 write(` + socket + `, "` + frame(80, 1, true) + `", 21) = 21`,
			`2 1.3 fdatasync(` + file + `) = 0`}},
		{name: "while the sync runs", early: 1, lines: []string{
			`1 1.0 pwrite64(` + file + `, "` + Name(0, 1) + `", 5, 0) = 5`,
			`2 1.1 fdatasync(` + file + ` <unfinished ...>`,
			`1 1.2 write(` + socket + `, "` + frame(80, 1, true) + `", 21 <unfinished ...>`,
			`2 1.3 <... fdatasync resumed>) = 0`,
			`1 1.4 <... write resumed>) = 21`}},
		{name: "written while the sync runs", early: 1, lines: []string{
			`2 1.0 fdatasync(` + file + ` <unfinished ...>`,
			`1 1.1 pwrite64(` + file + `, "` + Name(0, 1) + `", 5, 0) = 5`,
			`2 1.3 <... fdatasync resumed>) = 0`,
			`1 1.4 write(` + socket + `, "` + frame(80, 1, true) + `", 21) = 21`}},
		{name: "another file's sync", early: 1, lines: []string{
			`1 1.0 pwrite64(` + file + `, "` + Name(0, 1) + `", 5, 0) = 5`,
			`2 1.1 fdatasync(8</data/2.seg>) = 0`,
			`1 1.2 write(` + socket + `, "` + frame(80, 1, true) + `", 21) = 21`}},
		{name: "a sync that failed", early: 1, lines: []string{
			`1 1.0 pwrite64(` + file + `, "` + Name(0, 1) + `", 5, 0) = 5`,
			`2 1.1 fdatasync(` + file + `) = -1 EIO (Input/output error) (INJECTED)`,
			`1 1.2 write(` + socket + `, "` + frame(80, 1, true) + `", 21) = 21`}},
		{name: "a write that failed", early: 1, lines: []string{
			`1 1.0 pwrite64(` + file + `, "` + Name(0, 1) + `", 5, 0) = -1 EIO (Input/output error)`,
			`2 1.1 fdatasync(` + file + `) = 0`,
			`1 1.2 write(` + socket + `, "` + frame(80, 1, true) + `", 21) = 21`}},
		{name: "many at once, one of them missing", early: 1, lines: []string{
			`1 1.0 pwrite64(` + file + `, "` + Name(0, 1) + Name(0, 3) + `", 10, 0) = 10`,
			`2 1.1 fdatasync(` + file + `) = 0`,
			`1 1.2 write(` + socket + `, "` + frame(80, 3, true) + `", 21) = 21`}},
		{name: "a frame in two writes", lines: []string{
			`1 1.0 pwrite64(` + file + `, "` + Name(0, 1) + `", 5, 0) = 5`,
			`2 1.1 fdatasync(` + file + `) = 0`,
			`1 1.2 write(` + socket + `, "` + frame(80, 1, false) + `", 21) = 9`,
			`1 1.3 write(` + socket + `, "` + frame(80, 1, false)[9*4:] + `", 12) = 12`}},
		{name: "refused", refused: 2, lines: []string{
			`1 1.2 write(` + socket + `, "` + frame(120, 2, true) + `", 21) = 21`}},
	} {
		t.Run(st.name, func(t *testing.T) {
			tr, err := Read(strings.NewReader(strings.Join(st.lines, "\n") + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			r, err := Confirms(tr, map[string]int{"127.0.0.1:40000": 0})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Early) != st.early || r.Refused != st.refused || r.Confirmed == 0 && st.refused == 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// frame is a confirm as strace prints it.
func frame(method byte, tag byte, multiple bool) string {
	var flag byte
	if multiple {
		flag = 1
	}
	var s strings.Builder
	for _, b := range []byte{1, 0, 1, 0, 0, 0, 13, 0, 60, 0, method, 0, 0, 0, 0, 0, 0, 0, tag, flag, 0xCE} {
		fmt.Fprintf(&s, `\x%02x`, b)
	}
	return s.String()
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, line := range []string{"", "1", "1 yesterday write(", "1 1.0 write", "1 1.0 write(1</a>, \"\", 0)", "1 1.0 write(1</a>, \"\", 0) = x"} {
		if _, err := Read(strings.NewReader(line + "\n")); err == nil {
			t.Errorf("%q was understood", line)
		}
	}
}
