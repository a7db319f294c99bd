package queue

import (
	"fmt"
	"time"
)

var started = time.Now() // want: uses time.Now

func age() time.Duration { return time.Since(started) } // want: uses time.Since

func left(t time.Time) time.Duration { return time.Until(t) } // want: uses time.Until

func wait() {
	time.Sleep(time.Second)                     // want: uses time.Sleep
	<-time.After(time.Second)                   // want: receives from a channel; uses time.After
	<-time.Tick(time.Second)                    // want: receives from a channel; uses time.Tick
	time.AfterFunc(time.Second, func() {})      // want: uses time.AfterFunc
	defer time.NewTimer(time.Second).Stop()     // want: uses time.NewTimer
	defer time.NewTicker(time.Second).Stop()    // want: uses time.NewTicker
	fmt.Println(time.Unix(0, 0).In(time.Local)) // want: uses fmt.Println; uses time.Local
	println("done")                             // want: prints
}
