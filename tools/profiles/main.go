// Command profiles makes of the CPU profiles that the bench has written those by which the compiler optimises: default.pgo beside the command, of
// brokers, and beside the bench, of all processes, whosever library they use.
//
//	profiles DIRECTORY ROOT
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/pprof/profile"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: profiles DIRECTORY ROOT")
		os.Exit(2)
	}
	for folder, which := range map[string]string{"cmd/postrider": "*.broker.*.prof", "bench": "*.prof"} {
		if err := write(filepath.Join(os.Args[2], folder, "default.pgo"), filepath.Join(os.Args[1], which)); err != nil {
			fmt.Fprintln(os.Stderr, "profiles:", err)
			os.Exit(1)
		}
	}
}

// write merges the profiles of a pattern into a file.
func write(file, pattern string) error {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	var all []*profile.Profile
	for _, name := range names {
		p, err := read(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(p.Sample) > 0 { // who only waited has none
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("no profile with samples matches %s", pattern)
	}
	merged, err := profile.Merge(all)
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := merged.Write(f); err != nil {
		return err
	}
	fmt.Printf("%s: %d samples of %d profiles\n", file, count(merged), len(all))
	return f.Close()
}

// read leaves out what the compiler does not look at, and what says where and when it was measured.
func read(name string) (*profile.Profile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		return nil, err
	}
	p.TimeNanos, p.DurationNanos, p.Comments = 0, 0, nil
	p.Mapping = nil
	for _, l := range p.Location {
		l.Mapping, l.Address = nil, 0
	}
	for _, s := range p.Sample {
		s.Label, s.NumLabel = nil, nil
	}
	return p, nil
}

func count(p *profile.Profile) (n int64) {
	for _, s := range p.Sample {
		n += s.Value[0]
	}
	return n
}
