package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// clerk administers the broker in a directory.
type clerk struct {
	t   *testing.T
	dir string
}

func (c clerk) does(command string, args ...string) outcome {
	c.t.Helper()
	return c.doesWith("", command, args...)
}

func (c clerk) doesWith(stdin, command string, args ...string) outcome {
	c.t.Helper()
	all := append(strings.Fields(command), "--dir", c.dir)
	return runWith(c.t, stdin, nil, append(all, args...)...)
}

// must does what has to succeed without a word.
func (c clerk) must(command string, args ...string) {
	c.t.Helper()
	c.does(command, args...).wants(c.t, exitOK, "")
}

// shows checks that the lines of a listing contain these words, one after the other.
func (c clerk) shows(command string, lines ...string) {
	c.t.Helper()
	o := c.does(command)
	got := strings.Split(strings.TrimSpace(o.stdout), "\n")[1:]
	if o.code != exitOK || len(got) != len(lines) {
		c.t.Fatalf("%s: %+v, want %q", command, o, lines)
	}
	for i, line := range lines {
		if strings.Join(strings.Fields(got[i]), " ") != line {
			c.t.Errorf("%s: line %q, want %q", command, got[i], line)
		}
	}
}

// Names of dots are names, and no steps in the path of a request.
func TestNamesOfDots(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	c := clerk{t, dir}
	c.must("vhost add ..")
	c.shows("vhost list", ".. 0", "/ 0")
	c.must("vhost delete ..")
	for _, name := range []string{".", ".."} {
		runs(t, "send", "mailbox:"+name, "x", "--broker", url).wants(t, exitOK, "")
		c.must("queue purge " + name)
		c.must("queue delete " + name)
	}
	c.shows("queue list")
}

func as(url, user, password, vhost string) string {
	return strings.Replace(url, "amqp://", "amqp://"+user+":"+password+"@", 1) + vhost
}

func TestUsersOfARunningBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, url := serving(t, "--dir", dir)
	c := clerk{t, dir}
	if info, err := os.Stat(filepath.Join(dir, "admin.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the socket: %v, %v", info, err)
	}
	c.doesWith("wonder\n", "user add alice").wants(t, exitOK, "")
	c.doesWith("x\n", "user add alice").wants(t, exitUsage, "", "already")
	c.does("user add bob").wants(t, exitUsage, "", "no password")
	c.shows("user list", "alice", "guest administrator")
	const note = "the tag adminstrator gives no rights; those that do are administrator, impersonator, management, monitoring, policymaker"
	c.does("user add bob --no-password --tags=adminstrator,monitoring").wants(t, exitOK, "", note)
	c.does("user tags bob", "adminstrator").wants(t, exitOK, "", note)
	c.must("user delete bob")
	c.must("user tags alice", "monitoring")
	c.must("vhost add shop", "--description", "sold")
	c.shows("vhost list", "/ 0", "shop 0 sold")

	alice := as(url, "alice", "wonder", "/shop")
	runs(t, "send", "mailbox:jobs", "x", "--broker", alice).wants(t, exitFailed, "", "access to vhost 'shop' refused for user 'alice'")
	c.must("permission set alice ^jobs jobs jobs --vhost shop")
	c.does("permission set carol x y z").wants(t, exitFailed, "", "there is no user carol: see postrider user list")
	c.does("permission set alice x y z --vhost none").wants(t, exitFailed, "", "there is no virtual host none: see postrider vhost list")
	c.does("permission set alice ( y z").wants(t, exitFailed, "", `bad pattern "(": missing ), at byte 1`)
	c.does("connection close --user carol").wants(t, exitFailed, "", "there is no user carol: see postrider user list")
	c.shows("permission list", "/ guest .* .* .*", "shop alice ^jobs jobs jobs")
	c.shows("permission ls --vhost shop", "shop alice ^jobs jobs jobs")
	c.does("permission list --vhost none").wants(t, exitFailed, "", "no virtual host none")
	runs(t, "send", "mailbox:other", "x", "--broker", alice).wants(t, exitFailed, "", "refused for user 'alice'")
	c.must("permission set alice .* .* .* --vhost shop")
	runs(t, "send", "mailbox:jobs", "x", "--broker", alice).wants(t, exitOK, "")
	o := c.does("queue list --all")
	if !strings.Contains(o.stdout, "jobs") {
		t.Errorf("%+v", o)
	}
	c.must("queue purge jobs --vhost shop")
	c.does("queue delete none").wants(t, exitFailed, "", "no queue none")
	b.kill()

	_, url = serving(t, "--dir", dir) // the socket of the dead one is still there
	c.shows("user list", "alice monitoring", "guest administrator")
	c.doesWith("mirror\n", "user passwd alice").wants(t, exitOK, "")
	runs(t, "send", "mailbox:jobs", "x", "--broker", as(url, "alice", "wonder", "/shop")).wants(t, exitFailed, "", "ACCESS_REFUSED")
	runs(t, "send", "mailbox:jobs", "x", "--broker", as(url, "alice", "mirror", "/shop")).wants(t, exitOK, "")
	c.must("vhost delete shop")
	c.shows("permission list", "/ guest .* .* .*")
	c.must("user rm alice")
	c.does("user delete alice").wants(t, exitFailed, "", "no user alice")
}

func TestWhoeverIsDeletedIsOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, url := serving(t, "--dir", dir)
	c := clerk{t, dir}
	receiver := start(t, "receive", "mailbox:jobs", "--broker", url)
	runs(t, "send", "mailbox:jobs", "hello", "--broker", url).wants(t, exitOK, "")
	receiver.stdout.await(t, receiver.ended, "hello")
	if o := c.does("connection list"); !strings.Contains(o.stdout, " guest ") {
		t.Errorf("%+v", o)
	}
	c.must("user delete guest")
	b.stderr.await(t, b.ended, "user 'guest' is deleted")
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitFailed, "", "ACCESS_REFUSED")
	b.stop()
	_, url = serving(t, "--dir", dir)
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitFailed, "", "ACCESS_REFUSED")
}

func TestWhoConsumesIsShown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	c := clerk{t, dir}
	receiver := start(t, "receive", "mailbox:jobs", "--broker", url)
	runs(t, "send", "mailbox:jobs", "hello", "--broker", url).wants(t, exitOK, "")
	runs(t, "mailbox", "create", "idle", "--broker", url).wants(t, exitOK, "")
	receiver.stdout.await(t, receiver.ended, "hello")
	for _, args := range [][]string{nil, {"jobs"}} {
		o := c.does("queue consumers", args...)
		lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
		if len(lines) != 2 {
			t.Fatalf("%+v", o)
		}
		found := strings.Fields(lines[1])
		if len(found) != 11 || found[0] != "jobs" || found[6] != "guest" || found[7] != "yes" || found[8] == "0" || found[10] != "0" {
			t.Errorf("%q", found)
		}
	}
	c.shows("queue consumers idle")
	c.does("queue consumers", "missing").wants(t, exitFailed, "", "there is no queue missing")
	c.does("queue consumers", "--vhost", "missing").wants(t, exitFailed, "", "there is no virtual host missing")
	if o := c.does("connection list"); !strings.Contains(o.stdout, " running ") {
		t.Error(o)
	}
}

func TestWithoutABrokerThereIsNobodyToAsk(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "none")
	for _, verb := range []string{"user list", "vhost list", "permission list", "connection list", "queue list"} {
		clerk{t, dir}.does(verb).wants(t, exitFailed, "", "no broker is running on "+dir, "start one with \"postrider serve --dir "+dir)
	}
}

func TestABrokerThatDoesNotAnswerIsToldOfInWords(t *testing.T) {
	o := owner{dir: "data"}
	for err, want := range map[error]string{
		io.EOF: "the broker on data ended before it answered", syscall.EPIPE: "the broker on data ended before it answered",
		context.DeadlineExceeded: "the broker on data does not answer", errors.New("malformed"): "asking the broker on data: malformed",
	} {
		if got := o.unreachable(&url.Error{Op: "Get", URL: "http://broker/api", Err: err}); got.Error() != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestTheManagementInterfaceAsksForAPassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, _ := serving(t, "--dir", dir, "--management", "127.0.0.1:0", "--log-format", "json")
	line := b.stderr.await(t, b.ended, "management interface is ready")
	_, rest, _ := strings.Cut(line, `"address":"`)
	address, _, _ := strings.Cut(rest, `"`)
	for password, want := range map[string]int{"guest": 200, "wrong": 401} {
		r, _ := http.NewRequest("GET", "http://"+address+"/api/whoami", nil)
		r.SetBasicAuth("guest", password)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %s %s", password, answer.Status, body)
		}
	}
}

func TestMetricsAreThereForWhoAsks(t *testing.T) {
	t.Parallel()
	b, url := serving(t, "--dir", t.TempDir(), "--metrics", "127.0.0.1:0", "--log-format", "json")
	line := b.stderr.await(t, b.ended, "metrics endpoint is ready")
	_, rest, _ := strings.Cut(line, `"address":"`)
	address, _, _ := strings.Cut(rest, `"`)
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitOK, "")
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	for _, line := range []string{
		"rabbitmq_queue_messages_ready 1\n", "rabbitmq_connections_opened_total 1\n",
		"rabbitmq_global_messages_received_total{protocol=\"amqp091\"} 1\n", "rabbitmq_global_messages_confirmed_total{protocol=\"amqp091\"} 1\n",
	} {
		if !strings.Contains(string(body), line) {
			t.Errorf("the metrics have no %q", line)
		}
	}
}

// authority signs certificates.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(name, kind string, der []byte) string {
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue makes a certificate for 127.0.0.1 and a name.
func (a *authority) issue(file, dnsName string, serial int64) (cert, key string) {
	a.t.Helper()
	private, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "x"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{dnsName},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, _ := x509.MarshalPKCS8PrivateKey(private)
	return a.write(file+".pem", "CERTIFICATE", der), a.write(file+".key", "PRIVATE KEY", keyDER)
}

// serial is that of the certificate that is shown at an address.
func (a *authority) serial(address string) int64 {
	a.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	nc, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots})
	if err != nil {
		a.t.Fatal(err)
	}
	defer nc.Close()
	return nc.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestTLSOnAPortOfItsOwn(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	cert, key := a.issue("server", "broker", 10)
	ca := filepath.Join(a.dir, "ca.pem")
	b, plain := serving(t, "--dir", t.TempDir(), "--tls-listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	secure := strings.TrimPrefix(b.stdout.await(t, b.ended, "listening on amqps://"), "listening on ")
	runs(t, "send", "mailbox:jobs", "one", "--broker", plain).wants(t, exitOK, "")
	runs(t, "receive", "mailbox:jobs", "--count", "1", "--tls-ca", ca, "--broker", secure).wants(t, exitOK, "one\n")
	address := strings.TrimPrefix(secure, "amqps://")

	// Another certificate takes the place of the first, and a file that is none does not.
	a.issue("server", "broker", 11)
	b.hangup()
	b.stderr.await(t, b.ended, "TLS files read again")
	if n := a.serial(address); n != 11 {
		t.Errorf("certificate %d", n)
	}
	if err := os.WriteFile(cert, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.hangup()
	b.stderr.await(t, b.ended, "the new TLS files are not used")
	if n := a.serial(address); n != 11 {
		t.Errorf("certificate %d", n)
	}
	if nc, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		nc.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

func (b *background) hangup() {
	b.t.Helper()
	if err := b.cmd.Process.Signal(hangup); err != nil {
		b.t.Fatal(err)
	}
}

// From another host a password goes over TLS only, unless the operator says otherwise.
func TestPlaintextFromAnotherHost(t *testing.T) {
	t.Parallel()
	host := addressOfThisHost(t)
	secret := func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "POSTRIDER_PASSWORD=secret") }
	for allowed, want := range map[bool]int{false: exitFailed, true: exitOK} {
		args := []string{"serve", "--listen", host + ":0", "--memory", "--user", "ops"}
		if allowed {
			args = append(args, "--allow-plaintext")
		}
		b := startWith(t, secret, args...)
		url := strings.TrimPrefix(b.stdout.await(t, b.ended, "listening on "), "listening on ")
		o := runs(t, "send", "mailbox:jobs", "x", "--broker", as(url, "ops", "secret", ""))
		if o.code != want || !allowed && !strings.Contains(o.stderr, "amqps") {
			t.Errorf("allowed %t: %+v", allowed, o)
		}
	}
}

// addressOfThisHost is one that is not of the loopback.
func addressOfThisHost(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address but the loopback's")
	return ""
}
