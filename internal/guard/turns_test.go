package guard

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestSecurityDiffsOfOneReader: a reader who asks for many diffs at a time waits for
// its own; others don't wait for them.
func TestSecurityDiffsOfOneReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all turns
		var held []func()
		for range mostDiffs {
			done, err := all.take(t.Context(), "greedy")
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, done)
		}
		ctx, cancel := context.WithCancel(t.Context())
		waited := make(chan error, 1)
		go func() {
			_, err := all.take(ctx, "greedy")
			waited <- err
		}()
		other, err := all.take(t.Context(), "other")
		if err != nil {
			t.Fatal(err)
		}
		other()
		synctest.Wait()
		select {
		case err := <-waited:
			t.Fatalf("one too many was let in: %v", err)
		default:
		}
		cancel()
		if err := <-waited; !errors.Is(err, context.Canceled) {
			t.Errorf("who gives up waiting gets %v", err)
		}
		held[0]()
		again, err := all.take(t.Context(), "greedy")
		if err != nil {
			t.Fatal(err)
		}
		again()
		held[1]()
		if len(all.readers) != 0 {
			t.Errorf("%d readers are remembered", len(all.readers))
		}
	})
}
