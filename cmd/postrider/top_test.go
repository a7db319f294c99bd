package main

import (
	"strings"
	"testing"
)

func TestTopShowsWhatABrokerDoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	runWith(t, "1\n2\n3\n", nil, "post", "mailbox:jobs", "--broker", url).wants(t, exitOK, "")
	runs(t, "send", "mailbox:mails", "x", "--broker", url).wants(t, exitOK, "")
	var s summary
	decodeLines(t, runs(t, "top", "--json", "--interval", "10ms", "--dir", dir).stdout, &s)
	if s.QueueCount != 2 || s.Ready != 4 || s.Memory == 0 || s.Journal == nil || s.Journal.Bytes == 0 || s.DiskFree == nil || len(s.Queues) != 2 {
		t.Errorf("%+v", s)
	}
	if q := s.Queues[0]; q.Name != "jobs" || q.VHost != "/" || q.Ready != 3 || q.In != 0 {
		t.Errorf("the fullest is %+v", q)
	}
	o := runs(t, "top", "--interval", "10ms", "--sort", "name", "--limit", "1", "--dir", dir)
	lines := strings.Split(strings.TrimSuffix(o.stdout, "\n"), "\n")
	if o.code != exitOK || o.stderr != "" || !strings.Contains(o.stdout, "ready 4, unacked 0, in 0/s") || !strings.HasSuffix(lines[len(lines)-2], " NAME*") || !strings.HasSuffix(lines[len(lines)-1], "  jobs") {
		t.Errorf("exit code %d, stderr %q\n%s", o.code, o.stderr, o.stdout)
	}
	runs(t, "top", "--dir", t.TempDir()).wants(t, exitFailed, "", "no broker is running on")
}

func TestRatesAreWhatHappenedBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	var was, is sample
	is.at = was.at.Add(2e9)
	was.queues = []queueSample{{Name: "a", Ready: 5}, {Name: "b"}}
	is.queues = []queueSample{{Name: "b", Ready: 1}, {Name: "a", Ready: 7}, {Name: "new"}}
	was.queues[0].Stats.In, is.queues[1].Stats.In = 100, 120
	was.queues[0].Stats.Out, is.queues[1].Stats.Out = 100, 40 // made anew
	is.queues[2].Stats.In = 6
	v := topView{sort: "in"}
	s := v.compare(&was, &is)
	if s.Queues[0].Name != "a" || s.Queues[0].In != 10 || s.Queues[0].Out != 0 || s.Queues[1].Name != "new" || s.In != 13 {
		t.Errorf("%+v", s)
	}
	v = topView{sort: "ready", limit: 2}
	if s = v.compare(&was, &is); len(s.Queues) != 2 || s.Queues[0].Name != "a" || s.Queues[1].Name != "b" || s.In != 13 {
		t.Errorf("%+v", s)
	}
}

// The names of queues can be read in a small terminal, too.
func TestColumnsForWhichThereIsNoRoomAreLeftOut(t *testing.T) {
	t.Parallel()
	s := summary{Queues: []queueSum{{VHost: "/", Name: "a-name-of-fifteen", Ready: 7}}}
	for _, width := range []int{80, 60, 40, 28} {
		lines := s.lines("ready", width)
		title, queue := lines[len(lines)-2], lines[len(lines)-1]
		if len(queue) > width || !strings.HasSuffix(queue, " a-name-of-fifteen") || !strings.Contains(title, "READY*") || len(title)-len("NAME") != len(queue)-len("a-name-of-fifteen") {
			t.Errorf("%d columns:\n%s\n%s", width, title, queue)
		}
		if strings.Contains(title, "ACKED/s") != (width == 80) {
			t.Errorf("%d columns: %s", width, title)
		}
	}
}
