package queue

import (
	. "fmt" // want: imports fmt without a name, which hides what it uses
	clock "time"
)

var now = clock.Now // want: uses clock.Now

func show() { Println(now()) }
