package postrider

import (
	"sync"
	"testing"
)

// Receipts are made several at a time, and each is handed out once.
func TestEachPostHasAReceiptOfItsOwn(t *testing.T) {
	const posters, each = 8, 1000
	var made receipts
	var got [posters][]*Receipt
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			for range each {
				got[i] = append(got[i], made.next())
			}
		})
	}
	wg.Wait()
	seen := make(map[*Receipt]bool)
	for _, some := range got {
		for _, r := range some {
			if seen[r] {
				t.Fatal("two posts have one receipt")
			}
			seen[r] = true
		}
	}
}
