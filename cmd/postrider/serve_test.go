package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestServeEndsWellOnASignal(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		b, url := serving(t, "--dir", t.TempDir())
		receiver := start(t, "receive", "mailbox:jobs", "--broker", url)
		runs(t, "send", "mailbox:jobs", "hello", "--broker", url).wants(t, exitOK, "")
		receiver.stdout.await(t, receiver.ended, "hello") // a client is connected
		if err := b.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		b.wait().wants(t, exitOK, "listening on "+url+"\n", "level=INFO msg=\"broker is ready\"")
	}
}

func TestWhatWasSentSurvivesTheBroker(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "data")
	b, url := serving(t, "--dir", dir, "--log-format", "json")
	runWith(t, "1\n2\n3\n", nil, "send", "mailbox:jobs", "--broker", url).wants(t, exitOK, "")
	b.kill()
	b, url = serving(t, "--dir", dir)
	runs(t, "receive", "mailbox:jobs", "--count", "3", "--broker", url).wants(t, exitOK, "1\n2\n3\n")
	b.stop().wants(t, exitOK, "listening on "+url+"\n")
}

// A socket that somebody has asked for is made, or there is no start; without the usual one the broker serves its clients.
func TestASocketThatCannotBeMade(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing", "admin.sock")
	o := runs(t, "serve", "--listen", "127.0.0.1:0", "--memory", "--admin-socket", missing)
	o.wants(t, exitFailed, "", "--admin-socket", missing, "no such file or directory")
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	runs(t, "serve", "--listen", "127.0.0.1:0", "--memory", "--admin-socket", long).wants(t, exitFailed, "", "--admin-socket", "choose a shorter one")
	b, url := serving(t, "--dir", long)
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitOK, "")
	b.stop().wants(t, exitOK, "listening on "+url+"\n", "cannot be administered from the command line", "choose a shorter one")
}

func TestOnlyTheUserOfTheCommandLineMayComeIn(t *testing.T) {
	t.Parallel()
	_, url := servingWith(t, func(cmd *exec.Cmd) {
		cmd.Env = append(os.Environ(), "POSTRIDER_PASSWORD=secret")
	}, "--memory", "--user", "ops")
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitFailed, "", "ACCESS_REFUSED")
	as := strings.Replace(url, "amqp://", "amqp://ops:secret@", 1)
	runWith(t, "", func(cmd *exec.Cmd) {
		cmd.Env = append(os.Environ(), brokerVariable+"="+as)
	}, "send", "mailbox:jobs", "x").wants(t, exitOK, "")
}

func TestBeyondThisMachineThereIsASecretAndTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificate(t)
	data := filepath.Join(dir, "data")
	serve := func() (*background, string) {
		b := start(t, "serve", "--listen", "0.0.0.0:0", "--dir", data, "--tls-cert", cert, "--tls-key", key)
		_, port, err := net.SplitHostPort(strings.TrimPrefix(b.stdout.await(t, b.ended, "listening on amqps://"), "listening on amqps://"))
		if err != nil {
			t.Fatal(err)
		}
		return b, "127.0.0.1:" + port
	}
	b, address := serve()
	path := filepath.Join(data, "admin.secret")
	b.stderr.await(t, b.ended, path)
	secret := readFile(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	url := "amqps://admin:" + secret + "@" + address
	runs(t, "send", "mailbox:jobs", "x", "--tls-ca", cert, "--broker", url).wants(t, exitOK, "")
	runs(t, "send", "mailbox:jobs", "x", "--tls-ca", cert, "--broker", "amqps://"+address).wants(t, exitFailed, "", "ACCESS_REFUSED")
	runs(t, "ping", "mailbox:jobs", "--tls-ca", cert, "--count", "1", "--json", "--broker", url)
	runs(t, "ping", "mailbox:jobs", "--count", "1", "--broker", url).wants(t, exitFailed, "", "certificate")
	b.stop()
	b, _ = serve()
	if again := readFile(t, path); again != secret {
		t.Error("the second start made another secret")
	}
	b.stop()
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// certificate makes one for 127.0.0.1, and its key, in files.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	return certificateUntil(t, time.Now().Add(time.Hour))
}

func certificateUntil(t *testing.T, end time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "test"},
		NotAfter:     end,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
