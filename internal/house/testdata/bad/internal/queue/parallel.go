package queue

func parallel() {
	done := make(chan int) // want: has a channel
	go func() {            // want: starts a goroutine
		done <- 1 // want: sends on a channel
	}()
	select { // want: selects
	case n := <-done: // want: receives from a channel
		_ = n
	default:
	}
}
