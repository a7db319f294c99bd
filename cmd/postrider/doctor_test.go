package main

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// examination is what doctor found.
type examination struct {
	t        *testing.T
	findings []finding
	outcome
}

func examine(t *testing.T, adapt func(*exec.Cmd), args ...string) *examination {
	t.Helper()
	e := &examination{t: t, outcome: runWith(t, "", adapt, append([]string{"doctor", "--json"}, args...)...)}
	problems := 0
	for line := range strings.Lines(e.stdout) {
		var f finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%q: %v; stderr %s", line, err, e.stderr)
		}
		e.findings = append(e.findings, f)
		if f.Verdict == problem {
			problems++
		}
	}
	if want := map[bool]int{false: exitOK, true: exitFailed}[problems > 0]; e.code != want || e.stderr != "" || len(e.findings) == 0 {
		t.Errorf("%d problems and the exit code %d, stderr %q", problems, e.code, e.stderr)
	}
	return e
}

// wants checks that something was found.
func (e *examination) wants(check string, v verdict, found, advice string) {
	e.t.Helper()
	for _, f := range e.findings {
		if f.Check == check && f.Verdict == v && strings.Contains(f.Found, found) && strings.Contains(f.Advice, advice) {
			return
		}
	}
	e.t.Errorf("%s %s %q %q was not found, but\n%s", v, check, found, advice, e.stdout)
}

func TestTheDoctorFindsAHealthyBrokerHealthy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, url := serving(t, "--dir", dir)
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitOK, "")
	at := strings.TrimPrefix(url, "amqp://")
	e := examine(t, nil, "--dir", dir, "--broker", url, "--listen", at)
	for _, f := range e.findings {
		if f.Verdict != fine && f.Check != "file system" && f.Check != "free space" && f.Check != "clock" && f.Check != "open files" && f.Check != "memory" && f.Check != "fdatasync" {
			t.Errorf("%+v", f)
		}
	}
	e.wants("directory", fine, "is used by a broker, process ", "")
	e.wants("broker", fine, url+" is postrider (Postrider ", "")
	e.wants("listen", fine, at+" is in use by a broker: Postrider", "")
	if left, err := filepath.Glob(filepath.Join(dir, trialPrefix+"*")); err != nil || len(left) > 0 {
		t.Error("the trial file is left behind")
	}
	o := runs(t, "doctor", "--dir", dir, "--broker", url, "--listen", at)
	if !strings.Contains(o.stdout, "ok       broker        "+url) || o.code != e.code {
		t.Errorf("exit code %d\n%s", o.code, o.stdout)
	}
}

func TestTheDoctorTellsWhyPublishersWait(t *testing.T) {
	t.Parallel()
	for free, want := range map[string]struct {
		verdict       verdict
		found, advice string
	}{
		"64KiB": {fine, "they need not wait", ""},
		"1TiB":  {problem, "they wait: the broker is low on disk", "consume"},
	} {
		dir := t.TempDir()
		_, url := serving(t, "--dir", dir, "--min-free", free)
		examine(t, nil, "--dir", dir, "--broker", url).wants("publishers", want.verdict, want.found, want.advice)
	}
}

// The doctor may be root, and the directory another's.
func TestTheDoctorWritesToNothingThatIsThere(t *testing.T) {
	t.Parallel()
	dir, precious := t.TempDir(), filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, filepath.Join(dir, strings.TrimSuffix(trialPrefix, "-"))); err != nil {
		t.Skip(err)
	}
	examine(t, nil, "--dir", dir, "--listen", "127.0.0.1:0")
	if b, err := os.ReadFile(precious); err != nil || string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
}

// That a broker runs says nothing of who has another port.
func TestTheDoctorTellsWhoHasAPort(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	cert, key := a.issue("server", "broker", 10)
	ca := filepath.Join(a.dir, "ca.pem")
	b, url := serving(t, "--memory", "--tls-listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	secure := strings.TrimPrefix(b.stdout.await(t, b.ended, "listening on amqps://"), "listening on amqps://")
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	strict := refusing(t, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert})
	rest := []string{"--dir", t.TempDir(), "--broker", url, "--timeout", "1m", "--listen"}
	examine(t, nil, append(rest, secure, "--tls-ca", ca)...).wants("listen", fine, secure+" is in use by a broker: Postrider", "")
	examine(t, nil, append(rest, secure)...).wants("listen", fine, secure+" is in use by a program that speaks TLS", "")
	examine(t, nil, append(rest, strict, "--tls-ca", ca)...).wants("listen", fine, strict+" is in use by a program that speaks TLS", "")
	at := other.Addr().String() // where nobody answers
	examine(t, nil, append(rest, at, "--timeout", "1s")...).wants("listen", problem, at+" is in use by a program that does not answer", "--listen")
}

// refusing is the address of a server that lets nobody in who does not suit its configuration.
func refusing(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.(*tls.Conn).Handshake()
			}()
		}
	}()
	return ln.Addr().String()
}

func TestTheDoctorSaysWhatIsWrongWithADataDirectory(t *testing.T) {
	t.Parallel()
	free := closedPort(t)
	broken := journalOf(t, "to be damaged", "another one")
	path, at := segmentWith(t, broken, "to be damaged")
	damage(t, path, at, "TO")
	if err := os.Chmod(broken, 0o755); err != nil {
		t.Fatal(err)
	}
	e := examine(t, nil, "--dir", broken, "--listen", free)
	e.wants("journal", problem, "damaged in 1 places", "postrider journal repair "+broken+" --dry-run")
	e.wants("directory", warning, "mode 0755", "chmod 700 "+broken)
	examine(t, nil, "--dir", path, "--listen", free).wants("directory", problem, "is not a directory", "--dir")
	examine(t, nil, "--dir", filepath.Join(broken, "none", "yet"), "--listen", free).wants("directory", fine, "does not exist: serve makes it", "")
}

func TestTheDoctorSaysWhatIsWrongWithTheMachine(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	few := func(cmd *exec.Cmd) {
		if runtime.GOOS == "windows" {
			t.Skip("needs a shell")
		}
		cmd.Args = append([]string{"sh", "-c", "ulimit -n 256; exec \"$0\" \"$@\"", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
	}
	e := examine(t, few, "--dir", t.TempDir(), "--listen", silent.Addr().String(), "--listen", "here", "--listen", "192.0.2.1:5672", "--message-memory", "1024GiB", "--timeout", "100ms")
	e.wants("open files", warning, "256 may be open", "ulimit")
	e.wants("memory", problem, "1.0 TiB of them for messages", "--message-memory")
	e.wants("listen", problem, "by a program that does not answer", "--listen")
	e.wants("listen", problem, "is no address", "HOST:PORT")
	e.wants("listen", problem, "192.0.2.1:5672", "an address of this machine")
	e.wants("encryption", warning, "others can reach 192.0.2.1:5672", "--tls-cert")
}

func TestTheDoctorSaysWhatIsWrongWithABroker(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	closed := "amqp://" + closedPort(t)
	public := "amqp://" + forwarded(t, strings.TrimPrefix(url, "amqp://"))
	e := examine(t, nil, "--dir", t.TempDir(), "--listen", closed[len("amqp://"):],
		"--broker", as(url, "guest", "hunter2", ""), "--broker", url+"/none", "--broker", closed, "--broker", public)
	e.wants("broker", problem, "as guest: ", "check user and password")
	e.wants("broker", problem, "vhost none not found", "postrider vhost add")
	e.wants("broker", problem, "cannot reach "+closed, "nobody listens there")
	e.wants("password", problem, public, "user delete guest")
	e.wants("encryption", warning, public, "amqps://")
	if strings.Contains(e.stdout, "hunter2") {
		t.Error("it tells the password")
	}
}

// forwarded is an address of this host at which others reach one of the loopback: so they come in as guest.
func forwarded(t *testing.T, to string) string {
	t.Helper()
	return forwardedAt(t, addressOfThisHost(t), to, func(int) bool { return false })
}

// forwardedAt is an address of that host, at which connections are sent away by their number, from 1.
func forwardedAt(t *testing.T, host, to string, sentAway func(int) bool) string {
	t.Helper()
	ln, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for n := 1; ; n++ {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			if sentAway(n) {
				from.Close()
				continue
			}
			go func() {
				defer from.Close()
				at, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer at.Close()
				go func() {
					_, _ = io.Copy(at, from)
					at.Close()
				}()
				_, _ = io.Copy(from, at)
			}()
		}
	}()
	return ln.Addr().String()
}

func TestTheDoctorSaysWhatIsWrongWithCertificates(t *testing.T) {
	t.Parallel()
	rest := []string{"--dir", t.TempDir(), "--listen", closedPort(t)}
	cert, key := certificateUntil(t, time.Now().Add(-time.Hour))
	other, _ := certificate(t)
	e := examine(t, nil, append(rest, "--tls-cert", cert, "--tls-key", key, "--tls-ca", other)...)
	e.wants("tls-cert", problem, "has expired on "+time.Now().Add(-time.Hour).UTC().Format(time.DateOnly), "have a new one made")
	e.wants("tls-ca", warning, "expires on ", "have a new one made")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	examine(t, nil, append(rest, "--tls-cert", cert, "--tls-key", key)...).wants("tls-key", warning, "mode 0644", "chmod 600")
	examine(t, nil, append(rest, "--tls-cert", other, "--tls-key", key)...).wants("tls-key", problem, "private key does not match", "belongs to the certificate")
	examine(t, nil, append(rest, "--tls-cert", key, "--tls-key", key)...).wants("tls-cert", problem, "no PEM certificate in it", "")
}

func TestAdviceOnRabbitMQGoesByItsVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]struct {
		verdict verdict
		found   string
	}{
		"3.9.29": {problem, "no quorum queues with a TTL"},
		"3.10.8": {warning, "last fixes"},
		"3.13.7": {warning, "last fixes"},
		"4.0.5":  {fine, "from 4.3 on"},
		"4.3.0":  {fine, "it refuses transient queues"},
		"5.0":    {fine, "it refuses transient queues"},
		"junk":   {warning, "none that is known"},
	} {
		if got := adviceOnRabbitMQ(version)[0]; got.Verdict != want.verdict || !strings.Contains(got.Found, want.found) {
			t.Errorf("%s: %+v", version, got)
		}
	}
}
