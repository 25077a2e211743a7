package guard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

var (
	frontend  = viewtest.Key(view.KindApplication, "argocd", "shop-frontend")
	payments  = viewtest.Key(view.KindApplication, "argocd", "payments-api")
	preview   = viewtest.Key(view.KindApplication, "team-web", "preview-42")
	fluxApps  = viewtest.Key(view.KindKustomization, "flux-system", "apps")
	ingress   = viewtest.Key(view.KindHelmRelease, "ingress", "ingress-nginx")
	nowhere   = viewtest.Key(view.KindApplication, "argocd", "nowhere")
	configMap = viewtest.Ref("ConfigMap", "shop", "frontend-settings").ObjectKey
	deploy    = viewtest.Ref("Deployment", "shop", "frontend").ObjectKey
)

// stage is a guard before the sample, with a clock and a trail.
type stage struct {
	*Guard
	sample *viewtest.Backend
	access *access.Enforcer

	mu    sync.Mutex
	now   time.Time
	trail []view.Audit
	// broken is why the trail can't be written.
	broken error
	// ended is why the session has ended.
	ended error
}

// newStage has a policy.csv, and the project shop with a role ci that may sync.
func newStage(t *testing.T, csv string) *stage {
	t.Helper()
	s := &stage{sample: viewtest.New(), access: &access.Enforcer{}, now: viewtest.Now}
	s.use(t, csv)
	s.Guard = New(Config{Backend: s.sample, May: s.access.May, Rights: s.access.Rights, Audit: s.audit, Now: s.clock})
	return s
}

func (s *stage) use(t *testing.T, csv string) {
	t.Helper()
	set, problems := access.Read(map[string]string{"policy.csv": csv}, []access.Project{{Name: "shop", Roles: []access.ProjectRole{{
		Name: "ci", Groups: []string{"shop-people"},
		Policies: []string{"p, proj:shop:ci, applications, get, shop/*, allow", "p, proj:shop:ci, applications, sync, shop/*, allow"},
	}}}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s.access.Use(set)
}

func (s *stage) audit(_ context.Context, a view.Audit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.trail = append(s.trail, a)
	return nil
}

func (s *stage) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stage) wait(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *stage) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = err
}

func (s *stage) valid(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// as is the desk of a local account.
func (s *stage) as(name string) view.Desk {
	return s.Desk(Reader{Identity: access.Identity{Subject: name, Local: true}, From: "192.0.2.1", Via: "ui", Valid: s.valid})
}

// records are the trail as lines, from the first on that begins with one of actions.
func (s *stage) records() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, a := range s.trail {
		line := fmt.Sprintf("%s %s %s %s", a.Who, a.Action, a.Object, a.Outcome)
		for _, extra := range []string{a.Target, a.Revision, a.Detail} {
			if extra != "" {
				line += " | " + extra
			}
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func (s *stage) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trail = nil
}

// reads and deeds are all methods of a desk that name an app.
var reads = map[string]func(context.Context, view.Desk, model.AppKey) (any, error){
	"Brief": func(ctx context.Context, d view.Desk, k model.AppKey) (any, error) { return d.Brief(ctx, k) },
	"App":   func(ctx context.Context, d view.Desk, k model.AppKey) (any, error) { return d.App(ctx, k) },
	"Tree":  func(ctx context.Context, d view.Desk, k model.AppKey) (any, error) { return d.Tree(ctx, k) },
	"Diff": func(ctx context.Context, d view.Desk, k model.AppKey) (any, error) {
		return d.Diff(ctx, k, view.DiffQuery{})
	},
	"Object": func(ctx context.Context, d view.Desk, k model.AppKey) (any, error) { return d.Object(ctx, k, deploy) },
	"Events": func(ctx context.Context, d view.Desk, k model.AppKey) (any, error) {
		return d.Events(ctx, k, model.ObjectKey{})
	},
	"Logs": func(ctx context.Context, d view.Desk, k model.AppKey) (any, error) {
		return nil, d.Logs(ctx, k, view.LogQuery{Object: deploy}, func(view.LogLine) error { return nil })
	},
	"Watch": func(ctx context.Context, d view.Desk, k model.AppKey) (any, error) {
		ch, err := d.Watch(ctx, view.TopicApp(k))
		return ch != nil, err
	},
	"WatchTree": func(ctx context.Context, d view.Desk, k model.AppKey) (any, error) {
		ch, err := d.Watch(ctx, view.TopicTree(k))
		return ch != nil, err
	},
}

var deeds = map[string]func(context.Context, view.Desk, model.AppKey) error{
	"Sync": func(ctx context.Context, d view.Desk, k model.AppKey) error {
		return d.Sync(ctx, k, view.SyncRequest{})
	},
	"Rollback": func(ctx context.Context, d view.Desk, k model.AppKey) error {
		return d.Rollback(ctx, k, view.RollbackRequest{ID: 1})
	},
	"Terminate": func(ctx context.Context, d view.Desk, k model.AppKey) error { return d.Terminate(ctx, k) },
	"Refresh":   func(ctx context.Context, d view.Desk, k model.AppKey) error { return d.Refresh(ctx, k, true) },
	"Suspend":   func(ctx context.Context, d view.Desk, k model.AppKey) error { return d.Suspend(ctx, k, true) },
	"Automate": func(ctx context.Context, d view.Desk, k model.AppKey) error {
		return d.Automate(ctx, k, view.Automation{On: true})
	},
	"DeleteApp": func(ctx context.Context, d view.Desk, k model.AppKey) error {
		return d.DeleteApp(ctx, k, view.CascadeBackground)
	},
	"Act": func(ctx context.Context, d view.Desk, k model.AppKey) error {
		_, err := d.Act(ctx, k, deploy, "restart", nil)
		return err
	},
	"Delete": func(ctx context.Context, d view.Desk, k model.AppKey) error { return d.Delete(ctx, k, configMap) },
}

// lists are those methods that name no app.
var lists = map[string]func(context.Context, view.Desk) (any, error){
	"Apps":         func(ctx context.Context, d view.Desk) (any, error) { return d.Apps(ctx, view.Query{Facets: true}) },
	"Clusters":     func(ctx context.Context, d view.Desk) (any, error) { return d.Clusters(ctx) },
	"Unreachable":  func(ctx context.Context, d view.Desk) (any, error) { return d.Unreachable(ctx) },
	"Repositories": func(ctx context.Context, d view.Desk) (any, error) { return d.Repositories(ctx) },
	"Projects":     func(ctx context.Context, d view.Desk) (any, error) { return d.Projects(ctx) },
	"Feeders":      func(ctx context.Context, d view.Desk) (any, error) { return d.Feeders(ctx) },
	"Activity": func(ctx context.Context, d view.Desk) (any, error) {
		return d.Activity(ctx, view.ActivityQuery{Limit: 500})
	},
	"Audits":        func(ctx context.Context, d view.Desk) (any, error) { return d.Audits(ctx, view.AuditQuery{}) },
	"LocalAccounts": func(ctx context.Context, d view.Desk) (any, error) { return d.LocalAccounts(ctx) },
	"Account":       func(ctx context.Context, d view.Desk) (any, error) { return d.Account(ctx) },
	"UpdatePassword": func(ctx context.Context, d view.Desk) (any, error) {
		return d.UpdatePassword(ctx, view.PasswordChange{Account: d.Who().Name})
	},
	"IssueToken":  func(ctx context.Context, d view.Desk) (any, error) { return d.IssueToken(ctx, d.Who().Name, "", 0) },
	"DeleteToken": func(ctx context.Context, d view.Desk) (any, error) { return nil, d.DeleteToken(ctx, d.Who().Name, "x") },
	"VerifyAudit": func(ctx context.Context, d view.Desk) (any, error) { return d.VerifyAudit(ctx) },
	"WatchApps": func(ctx context.Context, d view.Desk) (any, error) {
		ch, err := d.Watch(ctx, view.TopicApps)
		return ch != nil, err
	},
}

// TestSessionEnded: nothing is answered once the session has ended.
func TestSessionEnded(t *testing.T) {
	s := newStage(t, "")
	s.end(errors.New("the token was revoked"))
	d := s.as("admin")
	check := func(name string, err error) {
		if !errors.Is(err, view.ErrUnauthenticated) {
			t.Errorf("%s: %v, want one of the kind not signed in", name, err)
		}
	}
	for name, read := range reads {
		_, err := read(t.Context(), d, frontend)
		check(name, err)
	}
	for name, do := range deeds {
		check(name, do(t.Context(), d, frontend))
	}
	for name, list := range lists {
		_, err := list(t.Context(), d)
		check(name, err)
	}
	if got := s.sample.Deeds(); len(got) > 0 {
		t.Errorf("deeds were done: %v", got)
	}
}

// TestNothingAtAll: a guard of which all is missing panics nowhere and does nothing.
func TestNothingAtAll(t *testing.T) {
	for title, g := range map[string]*Guard{
		"zero Config":  New(Config{}),
		"only backend": New(Config{Backend: viewtest.New()}),
		"no trail":     New(Config{Backend: viewtest.New(), May: func(access.Identity, string, string, string) bool { return true }}),
	} {
		d := g.Desk(Reader{})
		for name, do := range deeds {
			if err := do(t.Context(), d, frontend); err == nil {
				t.Errorf("%s: %s is done", title, name)
			}
		}
		for _, key := range []model.AppKey{{}, {Dialect: "x/y"}, nowhere} {
			for name, read := range reads {
				if _, err := read(t.Context(), d, key); err == nil {
					t.Errorf("%s: %s finds %v", title, name, key)
				}
			}
		}
		for _, list := range lists {
			_, _ = list(t.Context(), d) // that it returns is all that is asked
		}
		_ = d.Logs(t.Context(), frontend, view.LogQuery{Object: deploy}, nil)
		d.May("", view.App{})
		d.MayOn("x", view.App{}, model.ObjectKey{}, "")
		if d.Who().Name != "" {
			t.Errorf("%s: somebody is there: %v", title, d.Who())
		}
		g.Flush(t.Context())
	}
}
