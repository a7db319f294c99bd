package link

import (
	"testing"
	"time"
)

func TestAPeerThatHasLeftIsSeenBehindWhatItSent(t *testing.T) {
	a, b := pair(t)
	l := New(a, &outbox{}, Config{})
	defer l.Close(nil)
	if _, err := b.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if l.Gone() {
		t.Error("it is there, and was taken for gone")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); !l.Gone(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it has left, and nobody saw it")
		}
	}
	l.Close(nil)
	if l.Gone() {
		t.Error("of a socket that is closed nothing is known")
	}
}
