package queue

import (
	_ "math/rand"
	_ "os"
	_ "sync"
	"time"
)

var began = time.Now()

func init() { go func() {}() }
