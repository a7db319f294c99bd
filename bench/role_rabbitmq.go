package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// rabbitServer is Debian's RabbitMQ with ports and a directory of its own. It takes seconds to start, so that one serves all rows of
// a run; while others run it has nothing to do.
type rabbitServer struct {
	dir     string
	env     []string
	command *exec.Cmd
	ended   chan struct{}
	erlang  int // the process id of the virtual machine
}

const rabbitStart = 2 * time.Minute

// rabbitScripts is the folder of RabbitMQ's own start scripts. Those that Debian puts into the path insist on a user and on the
// one instance of the machine. It is "" where there are none.
func rabbitScripts() string {
	found, _ := filepath.Glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin")
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

func (p *rabbitServer) prepare(o order) (address string, err error) {
	if rabbitScripts() == "" {
		return "", errors.New("no RabbitMQ is installed")
	}
	var ports [3]string
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return "", err
		}
	}
	p.dir, address = o.Dir, "127.0.0.1:"+ports[0]
	for name, text := range map[string]string{
		"rabbitmq.conf":    fmt.Sprintf("listeners.tcp.1 = %s\nload_definitions = %s\nlog.console.level = error\ndisk_free_limit.absolute = 50MB\n", address, p.path("definitions.json")),
		"definitions.json": rabbitDefinitions(),
		"enabled_plugins":  "[].\n",
	} {
		if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	p.env = append(os.Environ(), "HOME="+p.dir, // the cookie
		"RABBITMQ_NODENAME=bench-"+ports[0]+"@localhost", "RABBITMQ_DIST_PORT="+ports[1],
		"ERL_EPMD_PORT="+ports[2], "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_CONFIG_FILE="+p.path("rabbitmq.conf"), "RABBITMQ_CONF_ENV_FILE=/dev/null",
		"RABBITMQ_ENABLED_PLUGINS_FILE="+p.path("enabled_plugins"), "RABBITMQ_MNESIA_BASE="+p.path("mnesia"),
		"RABBITMQ_LOG_BASE="+p.dir, "RABBITMQ_LOGS=-", "RABBITMQ_PID_FILE="+p.path("pid"),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+rabbitErlang,
	)
	return address, p.start()
}

// rabbitErlang keeps the virtual machine's schedulers from spinning, as RabbitMQ's own guide advises where others need the cores: here
// its clients do.
const rabbitErlang = "+sbwt none +sbwtdcpu none +sbwtdio none"

func rabbitDefinitions() string {
	type object map[string]any
	b, _ := json.Marshal(object{
		"users":       []object{{"name": "guest", "password": "guest", "tags": "administrator"}},
		"vhosts":      []object{{"name": "/"}},
		"permissions": []object{{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}},
	})
	return string(b)
}

func (p *rabbitServer) path(name string) string { return filepath.Join(p.dir, name) }

func (p *rabbitServer) start() error {
	p.command = exec.Command(filepath.Join(rabbitScripts(), "rabbitmq-server"))
	p.command.Env, p.command.Dir, p.command.Stderr = p.env, p.dir, os.Stderr
	ownGroup(p.command) // an interrupt at the terminal is for the bench, which stops the node
	out, err := p.command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.command.Start(); err != nil {
		return err
	}
	ready := make(chan struct{})
	p.ended = make(chan struct{})
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "completed with") {
				close(ready)
				break
			}
		}
		io.Copy(io.Discard, out)
		p.command.Wait()
	}()
	select {
	case <-ready:
	case <-p.ended:
		return errors.New("RabbitMQ ended while it was to start")
	case <-time.After(rabbitStart):
		return errors.New("RabbitMQ did not start in time")
	}
	text, err := os.ReadFile(p.path("pid"))
	if err == nil {
		p.erlang, err = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	return err
}

func (p *rabbitServer) pid() int { return p.erlang }

func (p *rabbitServer) work(stop <-chan struct{}) (tally, error) {
	<-stop
	return tally{Broker: true}, nil
}

// close ends the node at once, for nothing of it is needed any more, and its name server, which would stay behind.
func (p *rabbitServer) close() error {
	if p.command == nil || p.command.Process == nil {
		return nil
	}
	if p.erlang != 0 {
		syscall.Kill(p.erlang, syscall.SIGKILL)
	}
	killGroup(p.command)
	<-p.ended
	for range 100 {
		epmd := exec.Command("epmd", "-kill")
		epmd.Env = p.env
		if epmd.Run() == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}
