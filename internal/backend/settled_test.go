package backend

import (
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestChangesAreWaitedFor: who waits is told with those changes that were there before.
func TestChangesAreWaitedFor(t *testing.T) {
	c, key := newChanges(), model.AppKey{Name: "a"}
	c.add(key)
	done := c.wait()
	apps, waiting := c.take()
	if !apps[key] || len(waiting) != 1 {
		t.Fatalf("taken are %v for %d who wait", apps, len(waiting))
	}
	select {
	case <-done:
		t.Error("it is done before it was seen to")
	default:
	}
	close(waiting[0])
	<-done
	if apps, waiting = c.take(); len(apps) != 0 || len(waiting) != 0 {
		t.Errorf("left are %v and %d who wait", apps, len(waiting))
	}
}
