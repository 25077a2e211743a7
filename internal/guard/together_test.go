package guard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

const teams = `
g, shop, role:shop
g, web, role:shop
g, all, role:readonly
p, role:shop, applications, get, shop/*, allow
p, role:shop, applications, sync, shop/*, allow
p, looker, applications, get, shop/*, allow`

// of is the desk of a person of a provider who is in groups.
func (s *stage) of(name string, groups ...string) view.Desk {
	return s.Desk(Reader{Identity: access.Identity{Subject: name, Title: name + "@example.com", Groups: groups}, From: "192.0.2.1", Via: "ui", Valid: s.valid})
}

// reads counts readings of what an app is.
type appReading struct{ begun atomic.Int64 }

func (a *appReading) app(key model.AppKey) func(context.Context, view.Desk) (any, error) {
	return func(ctx context.Context, d view.Desk) (any, error) {
		a.begun.Add(1)
		if name := d.Who(); name.Name != "" || name.Title != "" || name.Groups != nil {
			return nil, fmt.Errorf("it is read in the name of %v", name)
		}
		got, err := d.App(ctx, key)
		return got, err
	}
}

// meet has all ask at once, and returns what each got.
func meet(ctx context.Context, desks []view.Desk, read func(context.Context, view.Desk) (any, error)) (values []any, errs []error) {
	values, errs = make([]any, len(desks)), make([]error, len(desks))
	var wg sync.WaitGroup
	for i, d := range desks {
		wg.Go(func() { values[i], errs[i] = d.Together(ctx, "it", read) })
	}
	wg.Wait()
	return values, errs
}

// TestTogetherIsReadOnce: those of equal rights read once, and each has looked.
func TestTogetherIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := newStage(t, teams), &appReading{}
		_, errs := meet(t.Context(), []view.Desk{s.of("ann", "shop"), s.of("bob", "web", "idle"), s.of("cyd", "shop", "web")}, n.app(frontend))
		if err := errors.Join(errs...); err != nil || n.begun.Load() != 1 {
			t.Errorf("it was read %d times: %v", n.begun.Load(), err)
		}
		want := ""
		for _, name := range []string{"ann", "bob", "cyd"} {
			want += name + " get applications/shop/shop-frontend allowed\n"
		}
		if got := sorted(s.records()); got != want {
			t.Errorf("the trail has\n%swant\n%s", got, want)
		}
	})
}

func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// TestTogetherIsRefusedAlike: who may not see it is refused, and each refusal is noted.
func TestTogetherIsRefusedAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := newStage(t, teams), &appReading{}
		_, errs := meet(t.Context(), []view.Desk{s.of("ann", "shop"), s.of("bob", "shop")}, n.app(payments))
		for _, err := range errs {
			if !errors.Is(err, model.ErrNotFound) {
				t.Errorf("got %v", err)
			}
		}
		got := s.records()
		for _, name := range []string{"ann", "bob"} {
			if !strings.Contains(got, name+" get applications/payments/payments-api denied | without applications, get, payments/payments-api") {
				t.Errorf("the refusal of %s is not in the trail:\n%s", name, got)
			}
		}
		if n.begun.Load() != 1 {
			t.Errorf("it was read %d times", n.begun.Load())
		}
	})
}

// everything is what a desk says, of all that pages are made of.
func everything(ctx context.Context, d view.Desk) (any, error) {
	page, err := d.Apps(ctx, view.Query{Facets: true, Limit: view.MaxLimit})
	if err != nil {
		return nil, err
	}
	page.Version = 0
	text := fmt.Sprintf("%d %v %v", page.All, page.Health, page.Facets["project"])
	for _, app := range page.Apps {
		text += fmt.Sprint("\n", app.Key, app.Message)
		for _, verb := range []view.Verb{view.VerbSync, view.VerbOverride, view.VerbRefresh, view.VerbLogs, view.VerbDelete} {
			text += fmt.Sprint(" ", d.May(verb, app))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		if name != "WatchApps" && name != "Audits" && !slices.Contains(ofOne, name) {
			got, err := lists[name](ctx, d)
			text += fmt.Sprintf("\n%s %+v %v", name, got, err)
		}
	}
	return text, nil
}

// TestSecurityTogetherOnlyWhatEachMay has readers of many rights ask for the same at the
// same moments, while policies change: each gets what it would get alone, by a policy that
// held while it asked.
func TestSecurityTogetherOnlyWhatEachMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, teams)
		people := []view.Desk{
			s.of("ann", "shop"), s.of("bob", "web"), s.of("cyd", "all"), s.of("dan", "all", "shop"), s.of("eve"), s.of("looker"), s.of("fay", "shop-people"),
			s.as("admin"), s.as("looker"), s.as("nobody"), s.as("proj:shop:ci"), s.as("proj:payments:ci"), s.of("admin"),
			s.Desk(Reader{Identity: access.Identity{Anonymous: true}}), s.Desk(Reader{}),
		}
		policies := []string{teams, "", teams + "\ng, eve, role:admin\np, ann, applications, get, */*, deny", strings.ReplaceAll(teams, "get, shop/*", "get, payments/*")}
		for i, csv := range policies {
			s.use(t, csv)
			want := alone(t, people)
			got, errs := meet(t.Context(), people, everything)
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			for j := range people {
				if got[j] != want[j] {
					t.Errorf("policy %d: reader %d got together\n%s\nand alone\n%s", i, j, got[j], want[j])
				}
			}
			if distinct := len(slices.Compact(slices.Sorted(slices.Values(want)))); i == 0 && distinct < 5 {
				t.Errorf("only %d readers see different things", distinct)
			}
		}
	})
}

func alone(t *testing.T, people []view.Desk) []string {
	t.Helper()
	var out []string
	for _, d := range people {
		got, err := everything(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := got.(string)
		out = append(out, text)
	}
	return out
}

// TestSecurityPolicyChangesWhileRead: two readers whose rights were equal when it began
// and are not any more when it ends don't get the same.
func TestSecurityPolicyChangesWhileRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, teams)
		var once sync.Once
		read := func(ctx context.Context, d view.Desk) (any, error) {
			once.Do(func() {
				s.use(t, teams+"\ng, ann, role:admin\np, bob, applications, get, */*, deny\np, cyd, applications, get, payments/*, allow")
			})
			return everything(ctx, d)
		}
		people := []view.Desk{s.of("ann", "shop"), s.of("bob", "shop"), s.of("cyd", "shop")}
		got, errs := meet(t.Context(), people, read)
		want := alone(t, people)
		for i := range people {
			if errs[i] != nil || got[i] != want[i] {
				t.Errorf("reader %d got %v\n%s\nand may see\n%s", i, errs[i], got[i], want[i])
			}
		}
	})
}

// TestTogetherIsOfNow: who asks while it is read waits for a reading that begins later.
func TestTogetherIsOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, teams)
		var state atomic.Int64
		hold := make(chan struct{})
		read := func(context.Context, view.Desk) (any, error) {
			now := state.Load()
			if now == 0 {
				<-hold
			}
			return now, nil
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if got, err := s.of("ann", "shop").Together(t.Context(), "it", read); got != int64(0) || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
		s.pass()
		state.Store(1)
		got, err := s.of("bob", "shop").Together(t.Context(), "it", read)
		if got != int64(1) || err != nil {
			t.Errorf("after a change to 1: %v, %v", got, err)
		}
		close(hold)
		wg.Wait()
	})
}

// pass lets what has gathered begin.
func (s *stage) pass() {
	time.Sleep(2 * gathering)
	synctest.Wait()
}

// TestTogetherWithoutTheFirst: who was first may leave, or its reading break; the others
// get what they asked for.
func TestTogetherWithoutTheFirst(t *testing.T) {
	for name, leave := range map[string]func(context.CancelFunc){
		"has left": func(cancel context.CancelFunc) { cancel() },
		"broke":    func(context.CancelFunc) { panic("a reading") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, teams)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var begun atomic.Int64
				read := func(ctx context.Context, _ view.Desk) (any, error) {
					if begun.Add(1) == 1 {
						leave(cancel)
					}
					return "it", ctx.Err()
				}
				var wg sync.WaitGroup
				wg.Go(func() {
					defer func() { _ = recover() }()
					if _, err := s.of("ann", "shop").Together(ctx, "it", read); !errors.Is(err, context.Canceled) {
						t.Errorf("who left got %v", err)
					}
				})
				synctest.Wait()
				for _, name := range []string{"bob", "cyd"} {
					wg.Go(func() {
						if got, err := s.of(name, "shop").Together(t.Context(), "it", read); got != "it" || err != nil {
							t.Errorf("%s got %v, %v", name, got, err)
						}
					})
				}
				wg.Wait()
				if n := begun.Load(); n != 2 {
					t.Errorf("%d readings, want that which failed and one more", n)
				}
			})
		})
	}
}

// TestTogetherSessionsEnd: a reader whose session has ended gets nothing, whoever asks with it.
func TestTogetherSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := newStage(t, teams), &appReading{}
		s.end(errors.New("revoked"))
		valid := s.Desk(Reader{Identity: access.Identity{Subject: "bob", Groups: []string{"shop"}}})
		_, errs := meet(t.Context(), []view.Desk{s.of("ann", "shop"), valid}, n.app(frontend))
		if !errors.Is(errs[0], view.ErrUnauthenticated) || errs[1] != nil {
			t.Errorf("the reader without a session got %v, the other %v", errs[0], errs[1])
		}
		if got := s.records(); strings.Contains(got, "ann") || !strings.Contains(got, "bob") {
			t.Errorf("the trail has\n%s", got)
		}
	})
}

// ofOne are what is somebody's own: nobody reads it with others.
var ofOne = []string{"Account", "DeleteToken", "IssueToken", "LocalAccounts", "UpdatePassword"}

// TestTogetherDoesNothing: with the desk of several readers nothing can be done, and
// nobody's account is shown.
func TestTogetherDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "")
		_, err := s.as("admin").Together(t.Context(), "it", func(ctx context.Context, d view.Desk) (any, error) {
			for name, do := range deeds {
				if err := do(ctx, d, frontend); !errors.Is(err, model.ErrDenied) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := d.Declare(ctx, frontend, inProject("shop", false)); !errors.Is(err, model.ErrDenied) {
				t.Errorf("Declare: %v", err)
			}
			for _, name := range ofOne {
				if _, err := lists[name](ctx, d); !errors.Is(err, model.ErrDenied) {
					t.Errorf("%s: %v", name, err)
				}
			}
			return nil, nil
		})
		if err != nil || len(s.sample.Deeds()) > 0 {
			t.Errorf("%v; done was %v", err, s.sample.Deeds())
		}
	})
}

// TestTogetherNeedsRights: where nobody says what rights are equal, each reads alone.
func TestTogetherNeedsRights(t *testing.T) {
	s := newStage(t, teams)
	g := New(Config{Backend: s.sample, May: s.access.May})
	begun := 0
	for range 2 {
		_, err := g.Desk(Reader{Identity: access.Identity{Subject: "ann"}}).Together(t.Context(), "it", func(_ context.Context, d view.Desk) (any, error) {
			begun++
			return d.Who().Name, nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if begun != 2 {
		t.Errorf("read %d times", begun)
	}
}
