package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// A service is another maker's program that runs behind one of our processes, and ends with it.
type service struct {
	command *exec.Cmd
	before  float64 // CPU seconds
}

// startService returns when the address answers.
func startService(address string, command *exec.Cmd) (*service, error) {
	command.Stderr = os.Stderr
	dieTogether(command)
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &service{command: command}
	if err := answers(address); err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w", command.Path, err)
	}
	return s, nil
}

// answers waits until somebody listens.
func answers(address string) error {
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *service) pid() int { return s.command.Process.Pid }

func (s *service) begin() { s.before = cpuSecondsOf(s.pid()) }

func (s *service) cpu() float64 { return cpuSecondsOf(s.pid()) - s.before }

func (s *service) close() {
	s.command.Process.Kill()
	s.command.Wait()
}

// freePort is a port of the loopback that nobody listens on.
func freePort() (string, error) {
	ln, _, err := listenLocal()
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), nil
}
