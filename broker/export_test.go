package broker

import "github.com/postrider-mq/postrider/internal/disk"

// On returns the configuration of a broker whose journal is on fs.
func (c Config) On(fs disk.FS) Config {
	c.fs = fs
	return c
}
