package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/postrider-mq/postrider/internal/measure"
)

// A service is a server's program that runs behind one of our processes, and ends with it. A nil one is no program: what it is asked
// for is this process's.
type service struct {
	command *exec.Cmd
	before  float64 // CPU seconds
}

func startService(command *exec.Cmd) (*service, error) {
	command.Stderr = os.Stderr
	dieTogether(command)
	if err := command.Start(); err != nil {
		return nil, err
	}
	return &service{command: command}, nil
}

// startServiceAt returns when the address answers.
func startServiceAt(address string, command *exec.Cmd) (*service, error) {
	s, err := startService(command)
	if err != nil {
		return nil, err
	}
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

func (s *service) pid() int {
	if s == nil {
		return os.Getpid()
	}
	return s.command.Process.Pid
}

// begin begins to count what cpu returns.
func (s *service) begin() {
	if s != nil {
		s.before = measure.CPUSeconds(s.pid())
	}
}

// cpu is 0 without a program: the process counts itself.
func (s *service) cpu() float64 {
	if s == nil {
		return 0
	}
	return measure.CPUSeconds(s.pid()) - s.before
}

// end asks the program to end, as a user would.
func (s *service) end() {
	if s == nil {
		return
	}
	s.command.Process.Signal(os.Interrupt)
	late := time.AfterFunc(time.Minute, func() { s.command.Process.Kill() })
	defer late.Stop()
	s.command.Wait()
}

func (s *service) close() {
	if s != nil {
		s.command.Process.Kill()
		s.command.Wait()
	}
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
