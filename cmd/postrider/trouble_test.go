package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider"
)

func TestAClosedPortIsNamedWithItsRemedy(t *testing.T) {
	t.Parallel()
	at := "amqp://" + closedPort(t)
	for _, args := range [][]string{
		{"send", "mailbox:jobs", "x", "--broker", at},
		{"post", "mailbox:jobs", "x", "--broker", at},
		{"call", "mailbox:jobs", "x", "--broker", at},
		{"send", at + "/bob", "x"},
		{"send", at, "x"},
		{"receive", "mailbox:jobs", "--broker", at},
		{"receive", "topic:prices", "--broker", at},
		{"reply", "mailbox:jobs", "--broker", at, "--", "cat"},
		{"ping", "mailbox:jobs", "--broker", at},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			t.Parallel()
			o := runsUntil(t, "connection refused", args...)
			o.wants(t, exitFailed, "", at, "connection refused", "nobody listens there", "postrider serve")
			wantFactAndRemedy(t, o.stderr)
		})
	}
}

func TestAURLWhoseNameIsNoInboxIsNamedWithItsRemedy(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	for _, where := range []string{url, url + "/bob"} {
		o := runs(t, "send", where, "x")
		o.wants(t, exitFailed, "", "is not there", "mailbox:NAME --broker URL")
		wantFactAndRemedy(t, o.stderr)
	}
}

func TestAWrongPasswordIsNamedWithItsRemedyAndNotRepeated(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	wrong := strings.Replace(url, "amqp://", "amqp://guest:hunter2@", 1)
	for _, args := range [][]string{
		{"send", "mailbox:jobs", "x", "--broker", wrong},
		{"post", "mailbox:jobs", "x", "--broker", wrong, "--timeout", "0"},
		{"call", "mailbox:jobs", "x", "--broker", wrong},
		{"receive", "mailbox:jobs", "--broker", wrong},
		{"ping", "mailbox:jobs", "--broker", wrong},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			o := runs(t, args...)
			o.wants(t, exitFailed, "", "ACCESS_REFUSED", "check user and password")
			wantFactAndRemedy(t, o.stderr)
			if strings.Contains(o.stderr, "deadline") {
				t.Errorf("it waited:\n%s", o.stderr)
			}
			if strings.Contains(o.stderr, "hunter2") {
				t.Errorf("stderr repeats the password:\n%s", o.stderr)
			}
		})
	}
}

// wantFactAndRemedy checks that an error is two lines, what happened and what to do about it in terms of this program.
func wantFactAndRemedy(t *testing.T, stderr string) {
	t.Helper()
	lines := strings.Split(stderr, "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "postrider: ") || !strings.HasPrefix(lines[1], "What to do: ") || strings.Contains(stderr, "Config.") {
		t.Errorf("want what happened and what to do, got:\n%s", stderr)
	}
}

// wantOneLine checks that an error which says itself what to do is a line, for whoever reads logs.
func wantOneLine(t *testing.T, stderr string) {
	t.Helper()
	if strings.Count(stderr, "\n") != 1 {
		t.Errorf("want one line, got:\n%s", stderr)
	}
}

// An inbox needs no broker. Whoever has the usual port of one may be mute, and is not waited for. Not parallel: the usual port is another meanwhile.
func TestAnInboxBeginsThoughSomethingMuteHasTheBrokersPort(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	t.Setenv(brokerVariable, "")
	defer func(was string) { usualPlace = was }(usualPlace)
	usualPlace = mute.Addr().String()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	said, saying := io.Pipe()
	stderr, ended := newLineLog(), make(chan struct{})
	go stderr.read(said)
	var stdout strings.Builder
	root, code := newRoot(), 0
	root.SetOut(&stdout)
	root.SetErr(saying)
	go func() {
		defer close(ended)
		defer saying.Close()
		code = run(ctx, root, []string{"receive", "inbox", "--name", "bob", "--listen", "127.0.0.1:0", "--count", "1"}, saying)
	}()
	url := strings.TrimPrefix(stderr.await(t, ended, "inbox at "), "inbox at ")
	runs(t, "send", url, "hello").wants(t, exitOK, "")
	<-ended
	if code != exitOK || stdout.String() != "hello\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.all())
	}
}

func TestTLSWhereThereIsNoneAndNoneWhereThereIs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	runs(t, "keys", "new", "bob", "mq", "--dir", dir).wants(t, exitOK, "")
	_, plain := serving(t, "--memory")
	_, secret := serving(t, "--memory", "--tls-cert", filepath.Join(dir, "mq.pem"), "--tls-key", filepath.Join(dir, "mq.key"))
	bob := start(t, "receive", "inbox", "--name", "bob", "--listen", "127.0.0.1:0", "--keys", dir)
	strict := strings.TrimSuffix(bob.inbox(), "/bob")
	for says, args := range map[string][]string{
		"nobody speaks TLS there": {strings.Replace(plain, "amqp:", "amqps:", 1)},
		"amqps:// before its":     {strings.Replace(secret, "amqps:", "amqp:", 1)},
		"name the authority":      {secret},
		"show a certificate":      {strict, "--tls-ca", filepath.Join(dir, "ca.pem")},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			for _, verb := range []string{"send", "ping"} {
				all := append([]string{verb, args[0], "--timeout", "1m"}, args[1:]...)
				if verb == "send" {
					all = append(all, "x")
				}
				o := runs(t, all...)
				o.wants(t, exitFailed, "", says)
				wantFactAndRemedy(t, o.stderr)
			}
		})
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	o := runs(t, "serve", "--memory", "--listen", ln.Addr().String())
	o.wants(t, exitFailed, "", "cannot listen on "+ln.Addr().String(), "choose another port with --listen")
	o = runs(t, "serve", "--memory", "--listen", "127.0.0.1:0", "--metrics", ln.Addr().String())
	o.wants(t, exitFailed, "", "cannot listen on "+ln.Addr().String(), "choose another port with --metrics")
	wantFactAndRemedy(t, o.stderr)
}

func TestADirectoryThatIsInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	o := runs(t, "serve", "--dir", dir, "--listen", "127.0.0.1:0")
	o.wants(t, exitFailed, "", dir, "in use by another process (pid ", "choose another directory")
	wantOneLine(t, o.stderr)
	runs(t, "send", "mailbox:jobs", "unharmed", "--broker", url).wants(t, exitOK, "")
}

func TestADirectoryThatIsAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := runs(t, "serve", "--dir", path, "--listen", "127.0.0.1:0")
	o.wants(t, exitFailed, "", path, "not a directory")
}

func TestATornTailCostsNothingConfirmed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, url := serving(t, "--dir", dir)
	runWith(t, "1\n2\n3\n", nil, "send", "mailbox:jobs", "--broker", url).wants(t, exitOK, "")
	b.kill()
	tear(t, dir)
	b, url = serving(t, "--dir", dir)
	runs(t, "receive", "mailbox:jobs", "--count", "3", "--broker", url).wants(t, exitOK, "1\n2\n3\n")
	b.stop().wants(t, exitOK, "listening on "+url+"\n")
}

// tear writes half a record behind the last one, as a crash in the middle of a write leaves it.
func tear(t *testing.T, dir string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	path := segments[len(segments)-1]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := len(strings.TrimRight(string(b), "\x00"))
	end = (end + 15) &^ 7
	copy(b[end:], "half a record that never became whole")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGarbageHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	address := strings.TrimPrefix(url, "amqp://")
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "AMQP\x00\x01\x00\x00", strings.Repeat("\xff", 100)} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte(garbage)); err != nil {
			t.Fatal(err)
		}
	}
	runs(t, "send", "mailbox:jobs", "unharmed", "--broker", url).wants(t, exitOK, "")
	runs(t, "receive", "mailbox:jobs", "--count", "1", "--broker", url).wants(t, exitOK, "unharmed\n")
}

func TestAPasswordWithoutTLSIsNamedWithItsRemedy(t *testing.T) {
	t.Parallel()
	host := outsideAddress(t)
	_, url := servingWith(t, func(cmd *exec.Cmd) {
		cmd.Args[3] = host + ":0"
		cmd.Env = append(os.Environ(), "POSTRIDER_PASSWORD=secret")
	}, "--memory", "--user", "ops")
	url = strings.Replace(url, "amqp://", "amqp://ops:secret@", 1)
	o := runs(t, "send", "mailbox:jobs", "x", "--broker", url)
	o.wants(t, exitFailed, "", "From another host a password is accepted over TLS only", "amqps:// before its address", "--allow-plaintext")
	wantFactAndRemedy(t, o.stderr)
	n, err := postrider.Start(t.Context(), postrider.Config{Name: "n", Brokers: []string{url}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := n.Mailbox("jobs").Send(ctx, "x"); err == nil || !strings.Contains(err.Error(), "connect with amqps://") || !strings.Contains(err.Error(), "broker.Config.AllowPlaintext") {
		t.Error(err)
	}
}

// outsideAddress is one of this machine's that is not its loopback's.
func outsideAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but its loopback's")
	return ""
}

// Who runs this program set flags, and no field of a Config.
func TestWhatIsWrongWithANodeIsToldInTermsOfItsFlags(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, says := range map[string]string{
		"receive inbox --listen " + taken.Addr().String():   "--listen: ",
		"receive inbox --listen 0.0.0.0:0":                  "give it --keys, or --tls-cert and --tls-key",
		"receive inbox --listen 127.0.0.1:0 --dir " + file:  "--dir: ",
		"serve --memory --user ops --password-file no-such": "--password-file: open no-such",
	} {
		o := runs(t, strings.Fields(args)...)
		o.wants(t, exitFailed, "", says)
		wantOneLine(t, o.stderr)
		if strings.Contains(o.stderr, "Config.") {
			t.Errorf("%s: %s", args, o.stderr)
		}
	}
}

// What has the address may be no broker, and wait for us to say something that it understands.
func TestAServerThatSaysNothingIsNamedWithItsRemedy(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	at := "amqp://" + mute.Addr().String()
	for _, verb := range []string{"send", "post", "call"} {
		remedy := "see that it runs at that address, or wait longer: --timeout"
		o := runsUntil(t, remedy, verb, "mailbox:jobs", "x", "--broker", at)
		o.wants(t, exitFailed, "", "timed out after ", remedy)
		wantFactAndRemedy(t, o.stderr)
	}
}

// A command line that cannot be right changes nothing.
func TestABrokerWithAWrongAddressMakesNoDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	runs(t, "serve", "--dir", dir, "--listen", "127.0.0.1:0", "--tls-listen", ":0").wants(t, exitUsage, "", "--tls-listen needs --tls-cert")
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory is there: %v", err)
	}
}
