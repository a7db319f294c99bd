package load

import "github.com/postrider-mq/postrider/internal/measure"

// A Cost is what the processes of one part have used.
type Cost struct {
	Part      string // "senders", "receivers" or "broker"
	Processes int
	CPU       float64 // seconds
	Memory    uint64  // bytes, resident at the end
}

// usage is what each process has used so far.
type usage map[int]Cost

func (l *Load) usage() usage {
	u := usage{}
	look := func(part string, pid int) {
		u[pid] = Cost{part, 1, measure.CPUSeconds(pid), measure.Resident(pid)}
	}
	for _, n := range l.senders {
		look("senders", n.Pid())
	}
	for _, n := range l.receivers {
		look("receivers", n.Pid())
	}
	if l.broker != nil {
		look("broker", l.broker.Pid())
	}
	return u
}

// costs is what was used from one look to the next, part by part.
func costs(before, after usage) (all []Cost) {
	for _, part := range []string{"senders", "broker", "receivers"} {
		c := Cost{Part: part}
		for pid, u := range after {
			if u.Part == part {
				c.Processes++
				c.CPU += u.CPU - before[pid].CPU
				c.Memory += u.Memory
			}
		}
		if c.Processes > 0 {
			all = append(all, c)
		}
	}
	return all
}
