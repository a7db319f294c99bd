package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// workQueue shares five tasks between two workers with a prefetch of one. The
// first takes a task and is killed; the second does that one too, and sees
// that it was delivered before.
func workQueue(s *stage) {
	ch := s.channel()
	queue := s.queue(ch, "tasks", true)
	expected := map[string]bool{}
	for n := 1; n <= 5; n++ {
		s.publish(ch, "", queue, persistent(fmt.Sprint("task ", n)))
		expected[fmt.Sprint("task ", n)] = n == 1
	}

	took, kill := s.startWorker(queue)
	s.want("the first worker's task", await(s, took, "the first worker"), "task 1")
	s.must(ch.Qos(1, 0, false))
	second := s.consume(ch, queue, false)
	task := second.next("the second worker's task")
	waiting, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	s.must(err)
	s.want("tasks held back by prefetch", waiting.Messages, 3)
	s.want("workers", waiting.Consumers, 2)

	kill()
	redelivered := map[string]bool{string(task.Body): task.Redelivered}
	s.must(task.Ack(false))
	for len(redelivered) < len(expected) {
		task = second.next("the rest of the tasks")
		redelivered[string(task.Body)] = task.Redelivered
		s.must(task.Ack(false))
	}
	s.want("redelivered, by task", redelivered, expected)
	s.drop(ch, queue, 0)
}

// startWorker starts this program once more as a worker. The channel tells
// which task it took.
func (s *stage) startWorker(queue string) (took <-chan string, kill func()) {
	self, err := os.Executable()
	s.must(err)
	process := exec.Command(self, "--worker", s.url, queue)
	process.Stderr = os.Stderr
	_, err = process.StdinPipe()
	s.must(err)
	out, err := process.StdoutPipe()
	s.must(err)
	s.must(process.Start())
	return firstLine(out), func() {
		s.must(process.Process.Kill())
		_ = process.Wait() // it says "killed"
	}
}

func firstLine(r io.Reader) <-chan string {
	lines := make(chan string, 1)
	go func() {
		defer close(lines)
		if in := bufio.NewScanner(r); in.Scan() {
			lines <- in.Text()
		}
	}()
	return lines
}
