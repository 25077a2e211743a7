package guard

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

const follower = "p, op, applications, get, shop/*, allow\np, op, logs, get, shop/*, allow"

// endings are what ends a stream, with the kind of error that it ends with.
var endings = map[string]struct {
	end  func(*testing.T, *stage)
	want error
}{
	"session":     {func(_ *testing.T, s *stage) { s.end(errors.New("the session was revoked")) }, view.ErrUnauthenticated},
	"logs right":  {func(t *testing.T, s *stage) { s.use(t, "p, op, applications, get, shop/*, allow") }, model.ErrDenied},
	"get right":   {func(t *testing.T, s *stage) { s.use(t, "p, op, logs, get, shop/*, allow") }, model.ErrNotFound},
	"app deleted": {func(_ *testing.T, s *stage) { s.sample.Remove(frontend) }, model.ErrNotFound},
	"app moved": {func(_ *testing.T, s *stage) {
		s.sample.Edit(frontend, func(d *view.Detail) { d.Project = "payments" })
	}, model.ErrNotFound},
}

// TestLogRightsRechecked is CVE-2023-40025 and CVE-2024-41666, whose terminals are logs
// here: a stream ends with the next message once a second has passed since its rights
// were looked at, and within that second it is not asked again.
func TestLogRightsRechecked(t *testing.T) {
	for name, tt := range endings {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, follower)
			s.Backend = endless{s.sample}
			n := 0
			err := s.as("op").Logs(t.Context(), frontend, view.LogQuery{Object: deploy, Follow: true}, func(view.LogLine) error {
				switch n++; {
				case n == 3:
					tt.end(t, s)
				case n == 5:
					s.wait(recheck)
				case n > 5:
					t.Fatal("a line came after the end")
				}
				return nil
			})
			if !errors.Is(err, tt.want) || n != 5 {
				t.Errorf("after %d lines: %v, want one of the kind %v after 5", n, err, tt.want)
			}
		})
	}
}

// endless has logs without end.
type endless struct{ *viewtest.Backend }

func (endless) Logs(ctx context.Context, _ model.AppKey, _ view.LogQuery, emit func(view.LogLine) error) error {
	for ctx.Err() == nil {
		if err := emit(view.LogLine{Text: "on and on"}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// TestWatchRightsRechecked: a watched app's signals end likewise.
func TestWatchRightsRechecked(t *testing.T) {
	for name, tt := range endings {
		if name == "logs right" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, follower)
				signals, err := s.as("op").Watch(t.Context(), view.TopicApp(frontend))
				if err != nil {
					t.Fatal(err)
				}
				s.sample.Touch(view.TopicApp(frontend))
				if _, ok := <-signals; !ok {
					t.Fatal("the channel is closed at once")
				}
				tt.end(t, s)
				s.wait(recheck)
				s.sample.Touch(view.TopicApp(frontend))
				for range signals { // one may have been on its way
				}
				synctest.Wait()
				if s.sample.Watched(view.TopicApp(frontend)) {
					t.Error("the topic is still watched for nobody")
				}
			})
		})
	}
}

// TestWatchEndsWithContext: nothing is left of a watch whose request has ended, whether
// its signals were taken or not.
func TestWatchEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, follower)
		ctx, cancel := context.WithCancel(t.Context())
		signals, err := s.as("op").Watch(ctx, view.TopicApps)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.sample.Touch(view.TopicApps)
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		if n := len(signals); n != 1 {
			t.Errorf("%d signals wait, want all in one", n)
		}
		<-signals
		if _, ok := <-signals; ok || s.sample.Watched(view.TopicApps) {
			t.Error("the watch goes on")
		}
	})
}

// TestTopics: of unknown topics nobody gets signals.
func TestTopics(t *testing.T) {
	s := newStage(t, follower)
	for _, topic := range []view.Topic{"", "app:", "tree:argo", "app:argo/x", "nonsense"} {
		if _, err := s.as("admin").Watch(t.Context(), topic); err == nil {
			t.Errorf("the topic %q can be watched", topic)
		}
	}
}
