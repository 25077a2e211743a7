package live

import (
	"context"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// reopenPause is how long a log that has ended is not asked for again, while the
// container seems to run.
const reopenPause = time.Second

// following reads logs on and on.
type following struct {
	*reading

	service *Service
	wg      sync.WaitGroup
	ended   chan struct{}

	mu    sync.Mutex
	known map[containerID]*followed
	said  map[containerID]string // the last note on it
	left  bool                   // a note has said that some are left out
}

// followed is a container whose log is, or was, read.
type followed struct {
	open     bool
	restarts int
	last     time.Time // of its last line
	again    time.Time // when it may be asked for again
}

// run follows until ctx ends, or the pod that is followed.
func (f *following) run(ctx context.Context) error {
	ref := model.ObjectRef{ObjectKey: f.q.Object}
	f.ended = make(chan struct{}, 1)
	defer f.wg.Wait()
	changed := f.service.Watch(ctx, f.c, []model.ResourceState{{Object: ref}})
	retry := time.NewTimer(reopenPause)
	retry.Stop()
	for first := true; ; first = false {
		select {
		case <-f.ended:
		case <-retry.C:
		case _, ok := <-changed: // at once, when the pods are known
			if !ok {
				return ctx.Err()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		pods, err := f.c.pods(ctx, ref)
		if err != nil {
			f.say(containerID{}, sentence(err))
		} else if over, err := f.join(ctx, pods, first); over {
			return err
		}
		retry.Stop()
		if err != nil || f.resting() {
			retry.Reset(reopenPause)
		}
	}
}

// join reads the logs that are not read yet; it reports whether none will come, at
// first with an error if that was so from the beginning.
func (f *following) join(ctx context.Context, pods []*podState, first bool) (over bool, err error) {
	chosen, err := choose(pods, f.q)
	onePod := f.q.Object.Group == "" && f.q.Object.Kind == podKind.Kind
	if err != nil {
		if first && (len(pods) > 0 || onePod) {
			return true, err
		}
		if len(pods) == 0 && !onePod {
			f.say(containerID{}, "There are no pods yet.")
		}
		return onePod && f.streams() == 0, nil
	}
	over = onePod
	for n, of := range chosen {
		over = over && of.over
		if !f.due(of) {
			continue
		}
		if f.streams() >= MaxStreams {
			f.leaveOutOnce(chosen[n:])
			break
		}
		f.follow(ctx, of)
	}
	return over && f.streams() == 0, nil
}

// due reports whether the log is to be asked for.
func (f *following) due(of container) bool {
	if !of.started {
		f.say(of.containerID, "The container has not started yet: "+of.state+".")
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.known[of.containerID]
	switch {
	case k == nil:
		return true
	case k.open || time.Now().Before(k.again):
		return false
	}
	return of.restarts > k.restarts || of.state == stateRunning
}

// follow reads one log until it ends.
func (f *following) follow(ctx context.Context, of container) {
	f.mu.Lock()
	k := f.known[of.containerID]
	if k == nil {
		k = &followed{}
		f.known[of.containerID] = k
	}
	k.open, k.restarts = true, of.restarts
	since := f.q.Since
	if k.last.After(since) {
		since = k.last.Add(1)
	}
	f.mu.Unlock()
	h := f.merger.open()
	f.wg.Go(func() {
		err := f.read(ctx, of, since, h, func(at time.Time) { f.mu.Lock(); k.last = at; f.mu.Unlock() })
		f.merger.close(h)
		if err != nil && ctx.Err() == nil {
			f.say(of.containerID, sentence(err))
		}
		f.mu.Lock()
		k.open, k.again = false, time.Now().Add(reopenPause)
		f.mu.Unlock()
		select {
		case f.ended <- struct{}{}:
		default:
		}
	})
}

// resting reports whether a log has ended just now, and may have to be asked for again.
func (f *following) resting() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.known {
		if !k.open && time.Now().Before(k.again) {
			return true
		}
	}
	return false
}

// streams counts the logs that are read now.
func (f *following) streams() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, k := range f.known {
		if k.open {
			n++
		}
	}
	return n
}

// say notes something of a container, unless that was its last note.
func (f *following) say(of containerID, text string) {
	f.mu.Lock()
	repeated := f.said[of] == text
	f.said[of] = text
	f.mu.Unlock()
	if !repeated {
		f.note(of, text)
	}
}

func (f *following) leaveOutOnce(left []container) {
	f.mu.Lock()
	said := f.left
	f.left = true
	f.mu.Unlock()
	if !said {
		f.leaveOut(left)
	}
}
