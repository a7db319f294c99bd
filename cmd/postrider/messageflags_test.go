package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatTravelsWithAMessageIsPrintedWhereItIsReceived(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runs(t, "send", "mailbox:orders", "a lamp", "--id", "order-7", "--key", "carol", "--header", "lang=de", "--header", "note=a=b", "--name", "alice", "--broker", url).
		wants(t, exitOK, "")
	runWith(t, "a chair\na table\n", nil, "post", "mailbox:orders", "--id", "more", "--broker", url).wants(t, exitOK, "")
	var peeked, got [3]received
	decodeLines(t, runs(t, "mailbox", "peek", "orders", "--json", "--broker", url).stdout, &peeked[0], &peeked[1], &peeked[2])
	decodeLines(t, runs(t, "receive", "mailbox:orders", "--count", "3", "--json", "--broker", url).stdout, &got[0], &got[1], &got[2])
	for _, m := range []received{peeked[0], got[0]} {
		if m.ID != "order-7" || m.From != "alice" || m.Key != "carol" || len(m.Headers) != 2 || m.Headers["lang"] != "de" || m.Headers["note"] != "a=b" {
			t.Errorf("%+v", m)
		}
	}
	if got[1].ID != "more-1" || got[2].ID != "more-2" {
		t.Errorf("lines have the ids %s and %s", got[1].ID, got[2].ID)
	}
}

func TestAMessageThatExpiresBeforeItArrivesIsNotWaitedForAnyLonger(t *testing.T) {
	t.Parallel()
	at := "amqp://" + closedPort(t)
	for _, verb := range []string{"send", "post"} {
		runs(t, verb, "mailbox:jobs", "too late", "--expires", "50ms", "--timeout", "0", "--broker", at).wants(t, exitFailed, "", "time ran out")
	}
	_, url := serving(t, "--memory")
	runs(t, "send", "mailbox:jobs", "in time", "--expires", "1h", "--broker", url).wants(t, exitOK, "")
	runs(t, "receive", "mailbox:jobs", "--count", "1", "--broker", url).wants(t, exitOK, "in time\n")
}

func TestASendUntilHandledEndsWhenSomebodyHasHandledIt(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	remedy := "see that somebody works on it"
	runsUntil(t, remedy, "send", "mailbox:jobs", "nobody works", "--until", "handled", "--broker", url).wants(t, exitFailed, "", "timed out after ", remedy)
	receiver := start(t, "receive", "mailbox:jobs", "--broker", url)
	for _, verb := range []string{"send", "post"} {
		var r result
		o := runs(t, verb, "mailbox:jobs", "work by "+verb, "--until", "handled", "--json", "--broker", url)
		decodeLines(t, o.stdout, &r)
		if o.code != exitOK || r.Grade != "handled" {
			t.Errorf("%s: exit code %d, %+v, stderr %s", verb, o.code, r, o.stderr)
		}
		receiver.stdout.await(t, receiver.ended, "work by "+verb)
	}
	receiver.stop().wants(t, exitOK, receiver.stdout.all())
}

func TestKeysKeepTheirOrderInPartitions(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runWith(t, "1\n2\n3\n", nil, "post", "mailbox:orders", "--partitions", "4", "--key", "carol", "--broker", url).wants(t, exitOK, "")
	runs(t, "receive", "mailbox:orders", "--partitions", "4", "--count", "3", "--broker", url).wants(t, exitOK, "1\n2\n3\n")
	runs(t, "send", "mailbox:orders", "x", "--partitions", "8", "--broker", url).wants(t, exitFailed, "", "another number of partitions", "give --partitions")
	runs(t, "send", "mailbox:orders", "x", "--broker", url).wants(t, exitFailed, "", "has 4 partitions", "give --partitions")
	runs(t, "receive", "mailbox:orders", "--broker", url).wants(t, exitFailed, "", "has 4 partitions", "give --partitions")
}

func TestEverySubscriberOfATopicGetsACopy(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	all := start(t, "receive", "topic:prices", "--count", "2", "--json", "--broker", url)
	some := start(t, "receive", "topic:prices", "--match", "eu.*", "--count", "1", "--broker", url)
	kept := start(t, "receive", "topic:prices", "--subscription", "archive", "--broker", url)
	for _, b := range []*background{all, some, kept} {
		b.stderr.await(t, b.ended, "subscribed to topic prices")
	}
	kept.kill()
	runs(t, "send", "topic:prices", "17.3", "--key", "us.dow", "--broker", url).wants(t, exitOK, "")
	runs(t, "post", "topic:prices", "18.1", "--key", "eu.dax", "--broker", url).wants(t, exitOK, "")
	some.wait().wants(t, exitOK, "18.1\n")
	runs(t, "receive", "topic:prices", "--subscription", "archive", "--count", "2", "--broker", url).wants(t, exitOK, "17.3\n18.1\n")
	var got [2]received
	decodeLines(t, all.wait().stdout, &got[0], &got[1])
	if got[0].Key != "us.dow" || got[1].Key != "eu.dax" || got[0].To != "prices" {
		t.Errorf("%+v", got)
	}
}

func TestACallCarriesHeadersAndAKey(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	replier := start(t, "reply", "topic:quotes", "--broker", url, "--", "sh", "-c", "echo $POSTRIDER_ID about $POSTRIDER_KEY")
	replier.stderr.await(t, replier.ended, "subscribed")
	runs(t, "call", "topic:quotes", "how much?", "--key", "lamps", "--id", "q1", "--broker", url).wants(t, exitOK, "q1 about lamps\n")
	if o := replier.stop(); o.code != exitOK || strings.Contains(o.stderr, "error") {
		t.Errorf("%+v", o)
	}
}

func TestAFileOfAnyBytesIsOneMessage(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runWith(t, "two\nlines\n", nil, "send", "mailbox:jobs", "--file", "-", "--id", "text", "--broker", url).wants(t, exitOK, "")
	path := filepath.Join(t.TempDir(), "photo")
	if err := os.WriteFile(path, []byte("\xff\xd8\n\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	runs(t, "post", "mailbox:jobs", "--file", path, "--broker", url).wants(t, exitOK, "")
	runs(t, "send", "mailbox:jobs", "--file", path+".none", "--broker", url).wants(t, exitFailed, "", path+".none")
	var text, photo received
	decodeLines(t, runs(t, "receive", "mailbox:jobs", "--count", "2", "--json", "--broker", url).stdout, &text, &photo)
	if text.Body != "two\nlines\n" || text.ID != "text" || string(photo.BodyBase64) != "\xff\xd8\n\x00" || strings.HasPrefix(photo.ContentType, "text/") {
		t.Errorf("%+v, %+v", text, photo)
	}
}
