package main

import (
	"fmt"
	"math"
	"strings"
)

// What a broker cannot change: its clients and the machine take their time, too, and share the processors with it.

// clientCPU is what each process of a row but its broker takes, in CPU seconds a million messages.
func (f *finding) clientCPU() (each []processCost) {
	if len(f.Outcomes) == 0 {
		return nil
	}
	for i, p := range f.Outcomes[0].Processes[1:] {
		p.CPU = over(f, func(o *outcome) float64 { return o.Processes[1+i].CPU }).median()
		each = append(each, p)
	}
	return each
}

// mostOfClients is how many messages a second the clients of a row would move with a broker that costs nothing: all processors are
// theirs, and whoever runs in one thread, as a Python program does, has one of them.
func (r *results) mostOfClients(name string) float64 {
	f := r.find(name)
	if f == nil || len(f.Outcomes) == 0 || r.Machine.CPUs == 0 {
		return math.NaN()
	}
	var all, most float64
	for _, p := range f.clientCPU() {
		all += p.CPU
		if strings.HasPrefix(p.Role, "pika-") {
			most = max(most, p.CPU)
		}
	}
	return 1e6 / max(all/float64(r.Machine.CPUs), most)
}

// mostCarried is how many times as many messages as a disk takes alone could pass through a broker that does nothing but
// move them: by TCP from the sender, to the disk, by TCP to the receiver, all on the processors of this machine.
func (r *results) mostCarried(stream, disk string) float64 {
	return float64(r.Machine.CPUs) * 1e6 / (2*r.cpu(stream) + r.cpu(disk)) / r.rate(disk)
}

// mostOfMany is what part of one's messages a second there would be with many, if the broker took no more time for each than with one: their
// clients still do.
func (r *results) mostOfMany(many, one string) float64 {
	f := r.find(many)
	if f == nil || len(f.Outcomes) == 0 {
		return math.NaN()
	}
	all := r.brokerCPU(one)
	for _, p := range f.clientCPU() {
		all += p.CPU
	}
	return r.cpu(one) / all
}

// clientLimits says what RabbitMQ's own clients leave to a broker.
func (r *results) clientLimits() grid {
	g := grid{{"row", "the clients' CPU seconds a million messages", "a broker that costs nothing would reach", "reached"}}
	for _, f := range r.Rows {
		most := r.mostOfClients(f.Name)
		if f.Work != workClients || math.IsNaN(most) {
			continue
		}
		var all float64
		for _, p := range f.clientCPU() {
			all += p.CPU
		}
		g = append(g, []string{f.Name, fmt.Sprintf("%.2f", all), perSecond(int(most)), fmt.Sprintf("%.0f %%", 100*r.rate(f.Name)/most)})
	}
	return g
}
