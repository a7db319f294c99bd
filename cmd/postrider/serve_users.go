package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/access"
)

const (
	passwordVariable = "POSTRIDER_PASSWORD"
	adminName        = "admin"
	adminFile        = "admin.secret"
)

// users says who may log in: the one of the command line, or those who are kept. When the broker can be reached from
// other machines its first user is an administrator with a secret of his own, else guest.
func (o *serveOptions) users(cfg *broker.Config, log *slog.Logger) error {
	beyond := !onlyLoopback(o.listen) || o.tlsListen != "" && !onlyLoopback(o.tlsListen)
	switch {
	case beyond && o.plaintext:
		log.Warn("passwords are accepted over the network without TLS, as configured: whoever listens there can read them")
	case beyond && o.tlsCert == "":
		log.Warn("clients on other machines cannot log in: passwords are accepted over TLS only; see --tls-cert", "listen", o.listen)
	}
	switch {
	case o.user != "":
		password, err := o.password()
		cfg.Users = map[string]string{o.user: password}
		return err
	case o.passwordFile != "":
		return usagef("--password-file is given and --user is not")
	case !beyond:
		return nil
	case o.memory:
		return usagef("--listen %s can be reached from other machines: name a --user; guest may come from this machine only", o.listen)
	}
	cfg.FirstUser = func() (name, password string, err error) {
		password, err = adminSecret(o.dir, log)
		return adminName, password, err
	}
	return nil
}

// password of --user.
func (o *serveOptions) password() (string, error) {
	if o.passwordFile == "" {
		if p := os.Getenv(passwordVariable); p != "" {
			return p, nil
		}
		return "", usagef("--user %s has no password: set %s, or name a file with --password-file", o.user, passwordVariable)
	}
	return readPassword(o.passwordFile)
}

// readPassword reads the file of --password-file.
func readPassword(file string) (string, error) {
	p, err := readSecret(file)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	return p, nil
}

// adminSecret is the password of the user whom the first start of a broker makes.
func adminSecret(dir string, log *slog.Logger) (string, error) {
	path := filepath.Join(dir, adminFile)
	secret, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	secret = access.RandomSecret()
	if err := writeSecret(path, secret); err != nil {
		return "", fmt.Errorf("cannot keep the secret of user %s: %w", adminName, err)
	}
	log.Warn("there are no users: made one", "user", adminName, "secret", path)
	return secret, nil
}

// readSecret reads the first line of a file.
func readSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return "", fmt.Errorf("the first line of %s is empty: write the password there", path)
	}
	return line, nil
}

// writeSecret makes a file that only its owner can read; it never leaves half of one.
func writeSecret(path, secret string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), adminFile+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, secret)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// onlyLoopback reports whether an address can be reached from this machine alone.
func onlyLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true // it cannot be listened on, either
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
