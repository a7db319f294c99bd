package postrider

import "errors"

// lasting does what may call handlers in a goroutine of its own, and goes on in another when a handler has ended that. over is called at the end.
func lasting(do, over func()) {
	go func() {
		whole := false
		defer func() {
			if whole {
				over()
			} else {
				lasting(do, over)
			}
		}()
		do()
		whole = true
	}()
}

// errExited is the error of a handler that has ended its goroutine in place of returning one.
var errExited = errors.New("the handler ended its goroutine, as runtime.Goexit does, and FailNow of package testing")
